"""A fingerprint of the code that a result depends on: one module and all of bnnkit below it."""

from __future__ import annotations

import hashlib
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
IMPORT = re.compile(r"^\s*(?:from|import) (bnnkit[\w.]*)", re.M)


@cache
def sources_sha256(module: str) -> str:
    """Return the sha256 over the sources of ``module`` and of whatever it imports from bnnkit.

    A package below the laboratory counts as a whole (the engines are imported by name, where no
    reading of the source would find them); so a change in :mod:`bnnkit.bep` makes results of BEP
    stale and leaves those of BinaryConnect as they are.
    """
    digest = hashlib.sha256()
    for path in _closure(module):
        digest.update(f"{path.relative_to(ROOT).as_posix()}\n".encode())
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _closure(module: str) -> list[Path]:
    """The source files of ``module`` and of all that it imports, and so on, sorted."""
    found, waiting = set(), _files(module)
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            for name in IMPORT.findall(path.read_text(encoding="utf-8")):
                waiting += _files(name)
    return sorted(found)


def _files(module: str) -> list[Path]:
    """The files of a module: its own, or, of a package outside the laboratory, all."""
    path = ROOT.joinpath(*module.split("."))
    if path.with_suffix(".py").is_file():
        return [path.with_suffix(".py")]
    if module == "bnnkit" or module.startswith("bnnkit.lab"):
        return [path / "__init__.py"]
    return sorted(path.glob("*.py"))
