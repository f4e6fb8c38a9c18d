"""The exercises, one file a chapter; a file is read when its chapter is first asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from bnnkit.learn.model import Exercise

CHAPTERS = (1, 2, 3, 4, 5)


@cache
def of_chapter(chapter: int) -> dict[str, Exercise]:
    """Return the exercises of one chapter by number, in the order of the page."""
    module = import_module(f"{__name__}.chapter{chapter}")
    listed = sorted(module.EXERCISES, key=lambda exercise: order(exercise.id))
    return {exercise.id: exercise for exercise in listed}


def all_exercises() -> list[Exercise]:
    """Return every exercise, in the order of the book."""
    return [exercise for chapter in CHAPTERS for exercise in of_chapter(chapter).values()]


def find(number: str) -> Exercise:
    """Return the exercise with this number; ``ValueError`` names the ones there are."""
    chapter = str(number).split(".")[0]
    listed = of_chapter(int(chapter)) if chapter in map(str, CHAPTERS) else {}
    if isinstance(number, str) and number in listed:
        return listed[number]
    known = ", ".join(listed) or "1.1 to 5.4"
    raise ValueError(f"number must be that of an exercise ({known}), got {number!r}")


def order(number: str) -> tuple:
    """Sort warm-ups (1.a) first, then builds (1.1), then explorations (1.x)."""
    chapter, _, item = number.partition(".")
    return chapter, 1 if item.isdigit() else 2 if item >= "x" else 0, item.zfill(3)
