"""Judging outcomes: which case is the smallest that fails, and which mistake it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from bnnkit import steps
from bnnkit.learn import sandbox
from bnnkit.learn.draw import describe, draw, drawable, word_bits
from bnnkit.learn.model import Build, Case, Explore, WarmUp
from bnnkit.learn.result import Result

TROUBLE = {
    "time": "It did not come back in {seconds:g} seconds on this case. Look for a loop that never "
    "ends, or that goes over far more than the case holds.",
    "memory": "It asked for more memory than a case can need. Look at the shape of what you build: "
    "one axis too many is usual.",
    "recursion": "It called itself until Python gave up. Look for the case in which it must stop.",
    "stub": "This is still the stub: write your lines in place of NotImplementedError.",
    "raised": "It stopped with an error: {detail}. Try it on this case in a cell of its own.",
    "ended": "It ended the process that ran it ({detail}). Your notebook is safe; look for "
    "what leaves Python or reaches outside an array.",
    "changed": "It changed its argument {detail}, which the caller still needs. Work on a copy, or "
    "build the result anew.",
}


@dataclass(frozen=True)
class Difference:
    """How a value differs from the one wanted; ``marks`` are the cells that do."""

    says: str
    marks: np.ndarray | None = None
    kind: str = "values"  # or "form": the numbers are right, their container is not


def judge(exercise: Build, function) -> Result:
    """Return the result of running ``function`` on every case of the exercise."""
    cases, wanted, _ = answers(exercise.id)
    outcomes = sandbox.run(function, cases, exercise.seconds)
    found = [
        Difference(o.trouble) if o.trouble else difference(o.value, w, c.tolerance)
        for o, w, c in zip(outcomes, wanted, cases, strict=False)
    ]
    passed = sum(d is None for d in found)
    if passed == len(cases):
        return Result(exercise.id, exercise.title, True, passed, len(cases), why=exercise.why)
    # A wrong number says more than a wrong dtype, so it is shown first.
    at = min((d.kind == "form", i) for i, d in enumerate(found) if d is not None)[1]
    case, outcome, diff = cases[at], outcomes[at], found[at]
    says = diagnosis(exercise, outcomes, found)
    if says is None:
        detail = TROUBLE.get(outcome.trouble, "{says}")
        says = detail.format(seconds=exercise.seconds, detail=outcome.detail, says=diff.says)
    grids = [draw(name, value) for name, value in case.given.items()]
    if not outcome.trouble:
        grids += compared(outcome.value, wanted[at], diff)
    head = (exercise.id, exercise.title, False, passed, len(cases))
    return Result(*head, grids, case.law, says, outcome.printed)


@cache
def answers(number: str) -> tuple[list[Case], list, list[list[sandbox.Outcome]]]:
    """Return the cases of an exercise, what is wanted, and what each wrong answer gives."""
    from bnnkit.learn.exercises import find

    exercise = find(number)
    cases = list(exercise.cases())
    with package_only():
        wanted = [c.look(exercise.reference) if c.wanted is None else c.wanted for c in cases]
    mistakes = [[sandbox.attempt(w.answer, case) for case in cases] for w in exercise.wrong]
    return cases, wanted, mistakes


@contextmanager
def package_only() -> Iterator[None]:
    """Let the package's own functions serve for every step, whatever the reader has in use."""
    with ExitStack() as stack:
        for number in steps.overridden():
            stack.enter_context(steps.override(number, steps.reference(number)))
        yield


def diagnosis(exercise: Build, outcomes: list, found: list) -> str | None:
    """Return what to say if the function answers as a known wrong answer does.

    First choice is a wrong answer with the same outcome on every case. Failing that, one with the
    same outcome on the smallest failing case and on most failing cases: the reader may have made
    two mistakes, or tidied one up in places. One that agrees on the smallest case, and on few
    others, is no more than a guess and says so.
    """
    cases, _, mistakes = answers(exercise.id)
    failing = [i for i, d in enumerate(found) if d is not None and d.kind != "form"]
    if not failing or outcomes[failing[0]].trouble == "stub":
        return None
    best, says = 0.0, None
    for wrong, theirs in zip(exercise.wrong, mistakes, strict=True):
        both = zip(outcomes, theirs, cases, strict=False)
        alike = [_alike(ours, their, case.tolerance) for ours, their, case in both]
        share = 2.0 if all(alike) else np.mean([alike[i] for i in failing])
        if alike[failing[0]] and share > best:
            best, says = share, wrong.says
    return says if says is None or best > 0.5 else f"Perhaps this: {says}"


def _alike(ours: sandbox.Outcome, theirs: sandbox.Outcome, tolerance: float) -> bool:
    if ours.trouble or theirs.trouble:
        return ours.trouble == theirs.trouble and (
            ours.detail.split(":")[0] == theirs.detail.split(":")[0]
        )
    diff = difference(ours.value, theirs.value, tolerance)
    return diff is None or diff.kind == "form"


def difference(got: Any, wanted: Any, tolerance: float = 0.0) -> Difference | None:
    """Return how ``got`` differs from ``wanted``, or ``None``.

    Values are judged before dtypes. Numbers may differ by ``tolerance``, floats in their last
    digits.
    """
    if isinstance(wanted, (tuple, list)):
        return _tuple_difference(got, wanted, tolerance)
    if got is None:
        return Difference("Nothing came back: is the return missing?")
    if not drawable(wanted):
        return None if got == wanted else Difference("The marked answer differs.")
    if not isinstance(got, (tuple, list)) and not drawable(got):
        return Difference(f"{_kind(wanted)} was expected; what came back is: {describe(got)}.")
    try:
        a, b = np.asarray(got), np.asarray(wanted)
    except ValueError:  # ragged lists
        return Difference("The rows that came back differ in length.")
    if a.dtype.kind not in "biuf" or a.shape != b.shape:
        return Difference(f"The shape is {a.shape}; {b.shape} was expected. {_axes(a, b)}".strip())
    marks = _unequal(a, b, tolerance)
    if marks.any():
        return Difference("The marked places differ. Go through this case by hand.", marks)
    return _form_difference(got, wanted)


def _axes(a: np.ndarray, b: np.ndarray) -> str:
    """Return what may have happened to the axes of ``a``, which should have those of ``b``."""
    if a.ndim > b.ndim:
        return "An axis is left that should be gone: add up along it, or choose from it."
    if a.ndim < b.ndim:
        return "An axis has gone that should have stayed: along which one did you add up?"
    return "It lies on its side." if a.shape == b.shape[::-1] else ""


def _tuple_difference(got: Any, wanted: tuple | list, tolerance: float) -> Difference | None:
    if not isinstance(got, (tuple, list)) or len(got) != len(wanted):
        return Difference(f"{len(wanted)} results were expected, in a tuple.")
    parts = [difference(g, w, tolerance) for g, w in zip(got, wanted, strict=True)]
    for at, part in enumerate(parts):
        if part is not None:
            return Difference(f"Result {at + 1} of {len(wanted)}: {part.says}", None, part.kind)
    return None


def _form_difference(got: Any, wanted: Any) -> Difference | None:
    """The values are equal: is the container, too?"""
    if isinstance(wanted, np.ndarray):
        if not isinstance(got, np.ndarray):
            says = f"The values are right, but a {type(got).__name__} came back, not an array."
            return Difference(says, kind="form")
        if got.dtype != wanted.dtype and not got.dtype.kind == wanted.dtype.kind == "f":
            says = f"The values are right, but their dtype is {got.dtype}, not {wanted.dtype}."
            return Difference(says, kind="form")
    return None


def _unequal(a: np.ndarray, b: np.ndarray, tolerance: float) -> np.ndarray:
    if a.dtype == b.dtype == np.uint64 and b.ndim:
        return word_bits(a) != word_bits(b)  # point at bits, not at words
    if "f" in a.dtype.kind + b.dtype.kind or tolerance:
        with np.errstate(all="ignore"):
            return ~np.isclose(a.astype(float), b.astype(float), rtol=1e-9, atol=tolerance or 1e-12)
    return np.asarray(a != b)


def compared(got: Any, wanted: Any, diff: Difference) -> list:
    """Return the grids of what came back and what was expected, part by part for tuples."""
    if isinstance(wanted, (tuple, list)) and isinstance(got, (tuple, list)):
        if len(got) == len(wanted):
            pairs = [(g, w, difference(g, w)) for g, w in zip(got, wanted, strict=True)]
            return [grid for g, w, d in pairs if d is not None for grid in compared(g, w, d)]
    return [
        draw("came back", got, wanted, diff.marks),
        draw("expected", wanted, got, diff.marks, pointed=True),
    ]


def _kind(wanted: Any) -> str:
    return f"An array of shape {wanted.shape}" if isinstance(wanted, np.ndarray) else "A number"


# -- answers that are values ----------------------------------------------------------------


def judge_value(exercise: WarmUp | Explore, answer: Any) -> Result:
    """Return the result of comparing a reader's value with the right and the wrong ones."""
    if isinstance(exercise, Explore):
        right = _within(answer, (exercise.low, exercise.high))
        says = [w.says for w in exercise.wrong if _within(answer, w.answer)]
    else:
        right = equal(answer, exercise.answer)
        says = [w.says for w in exercise.wrong if equal(answer, w.answer)]
    if right:
        return Result(exercise.id, exercise.title, True, 1, 1, why=exercise.why)
    step = says[0] if says else f'Not this one. hint("{exercise.id}") helps you on.'
    return Result(exercise.id, exercise.title, False, 0, 1, [draw("your answer", answer)], "", step)


def equal(answer: Any, right: Any) -> bool:
    """Say whether a plain value is the right one: numbers to three digits, texts in any case."""
    if isinstance(right, str):
        return isinstance(answer, str) and answer.strip().lower() == right.lower()
    if isinstance(right, (tuple, list)):
        try:
            return len(answer) == len(right) and all(map(equal, answer, right))
        except TypeError:
            return False
    try:
        return bool(np.isclose(_number(answer), float(right), rtol=5e-3, atol=1e-9))
    except (TypeError, ValueError, ZeroDivisionError):
        return False


def _within(answer: Any, interval: tuple[float, float]) -> bool:
    try:
        return interval[0] <= _number(answer) <= interval[1]
    except (TypeError, ValueError, ZeroDivisionError):
        return False


def _number(answer: Any) -> float:
    """Read a number, also as a text: "2/3", "106,496", and the minus sign of the page."""
    if isinstance(answer, str):
        return float(Fraction(answer.strip().replace(",", "").replace("\N{MINUS SIGN}", "-")))
    return float(answer)
