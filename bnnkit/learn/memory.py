"""The reader's progress: one small JSON file and the passing answers, on the reader's own disk.

It lives in ``$BNNKIT_HOME`` if that is set, else in the system's folder for a user's data. It is
never sent anywhere. A file that cannot be read is put aside, not overwritten; a disk that cannot
be written costs the memory, not the exercise.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from bnnkit.learn import exercises
from bnnkit.learn.result import BLUE, CARD

RUNGS = {1: "binarize", 2: "ste", 3: "packed", 4: "bep", 5: "recurrent"}


def home() -> Path:
    """Return the folder of the reader's progress."""
    return Path(os.environ.get("BNNKIT_HOME") or platformdirs.user_data_path("bnnkit", False))


def done() -> set[str]:
    """Return the numbers of the exercises that have passed."""
    path = home() / "progress.json"
    try:
        passed = json.loads(path.read_text(encoding="utf-8"))["passed"]
        return {number for number in passed if isinstance(number, str)}
    except FileNotFoundError:
        return set()
    except OSError:
        return set()
    except (ValueError, KeyError, TypeError):  # not JSON, or not ours
        with contextlib.suppress(OSError):
            os.replace(path, path.with_suffix(".broken"))
        return set()


def keep(number: str, source: str | None) -> str:
    """Remember that an exercise has passed, and the answer; return what went wrong, or ""."""
    try:
        add([number])
        if source is not None:
            (home() / "answers").mkdir(exist_ok=True)
            _write(answer_path(number), source)
    except OSError as error:
        return f"(It could not be written down: {error.strerror or type(error).__name__}.)"
    return ""


def add(numbers: Iterable[str]) -> None:
    """Remember that these exercises are done; ``OSError`` if the disk cannot be written."""
    passed = sorted(done() | set(numbers), key=exercises.order)
    home().mkdir(parents=True, exist_ok=True)
    _write(home() / "progress.json", json.dumps({"passed": passed}, indent=1) + "\n")


def answer_path(number: str) -> Path:
    """Return where the source of a passing answer is kept."""
    return home() / "answers" / f"{number}.py"


def _write(path: Path, text: str) -> None:
    """Write a whole file or none of it."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


@dataclass(frozen=True)
class Progress:
    """The ladder with what is done; the top rung comes first."""

    rows: list[tuple[int, list[tuple[str, str, bool]]]]  # (chapter, [(number, title, done)])

    def __repr__(self) -> str:
        lines = [self.headline]
        for chapter, items in self.rows:
            lines += ["", f"{chapter} {RUNGS[chapter]}"]
            lines += [f"  [{'x' if ok else ' '}] {number} {title}" for number, title, ok in items]
        return "\n".join(lines)

    @property
    def headline(self) -> str:
        flags = [ok for _, items in self.rows for *_, ok in items]
        return f"Your ladder: {sum(flags)} of {len(flags)} exercises done"

    def _repr_html_(self) -> str:
        rows = []
        for chapter, items in self.rows:
            cells = "".join(_item(number, title, ok) for number, title, ok in items)
            rows.append(
                f'<tr><th scope="row" style="text-align:left">{chapter} {RUNGS[chapter]}</th>'
                f'<td style="text-align:left">{cells}</td></tr>'
            )
        head = f"<strong>{self.headline}</strong>"
        return f'<div style="{CARD.format(BLUE)}">{head}<table>{"".join(rows)}</table></div>'


def _item(number: str, title: str, ok: bool) -> str:
    back = "background:color-mix(in srgb,currentColor 22%,transparent);" if ok else ""
    label = html.escape(f"{number} {title}: {'done' if ok else 'to do'}")
    return (
        f'<span title="{label}" aria-label="{label}" role="img" style="display:inline-block;'
        f'border:1px solid currentColor;padding:0 .4em;margin:1px;{back}">'
        f"{'✓' if ok else '·'} {number}</span>"
    )


def progress(add_from: str | Path | None = None) -> Progress:
    """Return the map of the ladder with what you have done; it is kept on your own disk.

    ``add_from`` is a progress file that the site (or another computer) has saved: what is done
    there counts here, too. Set ``BNNKIT_HOME`` to keep yours elsewhere.
    """
    if add_from is not None:
        add(_saved(Path(add_from)))
    passed = done()
    rows: dict[int, list] = {}
    for exercise in exercises.all_exercises():
        item = (exercise.id, exercise.title, exercise.id in passed)
        rows.setdefault(exercise.chapter, []).append(item)
    return Progress(sorted(rows.items(), reverse=True))


def _saved(path: Path) -> set[str]:
    """Return the exercises of this book that a saved file names."""
    known = {exercise.id for exercise in exercises.all_exercises()}
    try:
        return known.intersection(json.loads(path.read_text(encoding="utf-8"))["passed"])
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"add_from must be a progress file, got {path}") from None
