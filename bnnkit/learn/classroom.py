"""The exercises as assignments for nbgrader: what the teacher keeps, and what students get.

One notebook a chapter, twice: ``source`` holds the solutions between nbgrader's marks, ``release``
the same cells with holes, as nbgrader itself would make them. Both come from the exercises, and the
cells that mark call :func:`bnnkit.learn.check`, so a student who fails reads what a reader reads.
"""

from __future__ import annotations

import json
from pathlib import Path

from bnnkit.learn import exercises
from bnnkit.learn.model import Build, Exercise, Explore, WarmUp

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CODE_HOLE, TEXT_HOLE = "# YOUR CODE HERE\nraise NotImplementedError()", "YOUR ANSWER HERE"
POINTS = {"warm-up": 1, "build": 3, "explore": 1}
REASONING = 2  # points for the words beside an exploration; a teacher gives them
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
SETUP = "import numpy as np\n\nfrom bnnkit.learn import check, hint"
INTRO = """# Chapter {chapter}: exercises

Write your lines where a cell says so. The cell below each answer checks it: if it fails, it shows
the smallest case and one next step. `hint("{first}")` in a cell of its own helps a little more at
each call."""


def export_nbgrader(folder: str | Path) -> list[dict]:
    """Write a source and a release notebook for each chapter; return one row a notebook.

    Parameters
    ----------
    folder : the root of an nbgrader course; ``source/chapter_N/chapter_N.ipynb`` and
        ``release/chapter_N/chapter_N.ipynb`` are written below it, over what was there

    Returns
    -------
    list of dict: ``file``, ``chapter``, ``exercises``, ``points`` (marked by the machine) and
    ``points_by_hand``
    """
    rows = []
    for chapter in exercises.CHAPTERS:
        listed = list(exercises.of_chapter(chapter).values())
        for part, solved in (("source", True), ("release", False)):
            path = Path(folder, part, f"chapter_{chapter}", f"chapter_{chapter}.ipynb")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_notebook(chapter, listed, solved), encoding="utf-8")
            rows.append(
                {
                    "file": path.as_posix(),
                    "chapter": chapter,
                    "exercises": len(listed),
                    "points": sum(POINTS[e.kind] for e in listed),
                    "points_by_hand": REASONING * sum(isinstance(e, Explore) for e in listed),
                }
            )
    return rows


def _notebook(chapter: int, listed: list[Exercise], solved: bool) -> str:
    """Return the text of a chapter's notebook, with the solutions or with holes."""
    cells = [
        _cell("markdown", "intro", INTRO.format(chapter=chapter, first=listed[0].id)),
        _cell("code", "setup", SETUP),
    ]
    for e in listed:
        cells += _cells(e, solved)
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": KERNEL, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def _cells(e: Exercise, solved: bool) -> list[dict]:
    """Return an exercise's cells: the task, the answer, and what marks it."""
    name = "ex_" + e.id.replace(".", "_")
    answer = e.solution.__name__ if isinstance(e, Build) else name
    how = f" {e.how}" if isinstance(e, WarmUp) else ""
    task = f"## {e.id} {e.title}\n\n{e.prompt}{how}"
    marking = f'result = check("{e.id}", {answer}, remember=False)\nassert result, result'
    made = [
        _cell("markdown", f"{name}_task", task),
        _cell("code", f"{name}_answer", _code(e, name, solved), solution=True),
        _cell("code", f"{name}_check", marking, points=POINTS[e.kind]),
    ]
    if isinstance(e, Explore):
        words = _region(e.why, solved, TEXT_HOLE)
        text = f"Show your experiment in cells of your own. Why is it so?\n\n{words}"
        made.append(_cell("markdown", f"{name}_reasoning", text, solution=True, points=REASONING))
    return made


def _code(e: Exercise, name: str, solved: bool) -> str:
    if isinstance(e, Build):
        return e.marked(BEGIN, END) if solved else e.with_hole(CODE_HOLE)
    value = e.answer if isinstance(e, WarmUp) else (e.low + e.high) / 2
    return _region(f"{name} = {value!r}", solved, CODE_HOLE)


def _region(text: str, solved: bool, hole: str) -> str:
    return f"{BEGIN}\n{text}\n{END}" if solved else hole


def _cell(kind: str, name: str, source: str, solution: bool = False, points: int = 0) -> dict:
    """Return a cell with nbgrader's metadata: to be answered, to be marked, or only to be read."""
    nbgrader = {
        "grade": points > 0,
        "grade_id": name,
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    if points:
        nbgrader["points"] = points
    cell = {
        "cell_type": kind,
        "id": name.replace("_", "-"),
        "metadata": {"nbgrader": nbgrader},
        "source": source,
    }
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell
