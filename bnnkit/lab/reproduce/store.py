"""Results on disk: one JSON object a line, only ever appended to.

A result is found again by its key: a hash of the run's settings, of the data and of the sources
that the training depends on. Change any of them and the key is another, so a stale result never
counts; nothing has to be deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from bnnkit.lab.reproduce.experiment import Run


def run_key(run: Run, data_sha256: str, sources_sha256: str) -> str:
    """Return the key of a run's result: sha256 of settings, data and sources (hex)."""
    parts = [run.settings(), data_sha256, sources_sha256]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class Store:
    """A JSON Lines file of results; it need not exist yet.

    Several processes may append at once: each line is one write to the end of the file. A line that
    was cut off (the power failed, the disk was full) is passed over when reading.
    """

    def __init__(self, path):
        self.path = Path(path)

    def read(self) -> dict[str, dict[str, Any]]:
        """Return every whole record by its key; of two with one key, the later.

        Raises ``ValueError`` for another kind of file, lest results be appended to it.
        """
        if not self.path.exists():
            return {}
        records = {}
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        for line in lines:
            try:
                record = json.loads(line)
                records[record["key"]] = record
            except (json.JSONDecodeError, KeyError, TypeError):
                continue
        if len(lines) > 1 and not records:  # one line may have been cut off
            raise ValueError(f"{self.path} must be a store of results, and holds none")
        return records

    def append(self, record: dict[str, Any]) -> None:
        """Add one record, whole and on the disk when this returns."""
        line = json.dumps(record, separators=(",", ":")) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._cut_off():
            line = "\n" + line
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        descriptor = os.open(self.path, flags, 0o644)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def checkpoint(self, key: str) -> Path:
        """Return the path where the unfinished run ``key`` may keep its state."""
        return self.path.with_name(f"{self.path.name}.{key[:16]}.checkpoint")

    def _cut_off(self) -> bool:
        """Whether the file ends in the middle of a line."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return False
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"
