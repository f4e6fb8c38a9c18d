"""The warm-ups as questions in the page: the site needs no kernel for them, Jupyter remembers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from bnnkit.learn import exercises, memory
from bnnkit.learn.model import WarmUp
from bnnkit.viz import ProgressMap, Quiz, make_question


def warm_ups(which: int | str, *more: str) -> Quiz:
    """Return warm-ups to answer in the page: of a chapter (``4``), or by number (``"4.a"``).

    They are checked at once, with a reason for every option. In Jupyter a right answer also counts
    in :func:`bnnkit.learn.progress`.

    >>> warm_ups(1)
    Quiz(1.a, 1.b, 1.c)
    >>> warm_ups("4.d", "4.c")
    Quiz(4.d, 4.c)
    """
    if isinstance(which, int) and not more:
        if isinstance(which, bool) or which not in exercises.CHAPTERS:
            raise ValueError(f"which must be a chapter {exercises.CHAPTERS}, got {which}")
        listed = [e for e in exercises.of_chapter(which).values() if isinstance(e, WarmUp)]
        title = f"Warm-ups for chapter {which}"
    else:
        listed, title = [exercises.find(number) for number in (which, *more)], "Warm-up"
    for e in listed:
        if not isinstance(e, WarmUp):
            raise ValueError(f"{e.id} must be a warm-up, got a {e.kind}")
    quiz = Quiz(
        [question(e) for e in listed],
        title=title,
        footer=len(listed) > 1,
        passed=memory.done() & {e.id for e in listed},
    )
    if hasattr(quiz, "observe"):  # a live widget
        quiz.observe(_remember, "passed")
    return quiz


def _remember(change) -> None:
    with contextlib.suppress(OSError):  # a disk that cannot be written costs the memory only
        memory.add(change["new"])


def question(e: WarmUp) -> dict:
    """Return a warm-up as a question of :class:`bnnkit.viz.Quiz`."""
    return make_question(e.id, e.title, e.prompt, e.form, e.options, e.hints)


def progress_map(passed: Iterable[str] | None = None) -> ProgressMap:
    """Return the map of all exercises for a page; see :func:`bnnkit.learn.progress` for the text.

    ``passed`` holds the numbers of those that are done; by default, those that you have done.

    >>> progress_map()  # doctest: +ELLIPSIS
    ProgressMap(... exercises)
    """
    rungs = [
        (f"{chapter} {memory.RUNGS[chapter]}", [(e.id, e.title) for e in listed.values()])
        for chapter in reversed(exercises.CHAPTERS)
        if (listed := exercises.of_chapter(chapter))
    ]
    return ProgressMap(rungs, passed=memory.done() if passed is None else passed)
