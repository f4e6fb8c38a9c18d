"""Predict, then reveal: a number that the reader guesses before the book shows it."""

from __future__ import annotations

from bnnkit.errors import check_int, check_number
from bnnkit.viz.widget import Widget, still


class Guess(Widget):
    """A question whose answer is a number: a slider for the guess, then guess against truth.

    Parameters
    ----------
    question : str
    truth : float
        In ``[low, high]``.
    low, high, step : float
        The slider.
    unit : str
        Written after each number, with its space: ``" %"``, ``"×"``.
    digits : int
        Digits after the point.
    says : str
        A sentence to add once the truth is out.

    ``guess`` is the reader's answer, None before it.

    >>> Guess("How many of 100 coin tosses are heads?", 50, low=0, high=100)
    Guess('How many of 100 coin tosses are heads?')
    """

    view = "guess"

    def __init__(
        self,
        question: str,
        truth: float,
        *,
        low: float,
        high: float,
        step: float = 1,
        unit: str = "",
        digits: int = 0,
        says: str = "",
        title: str = "Guess first",
    ):
        ask = make_ask(
            question, truth, low=low, high=high, step=step, unit=unit, digits=digits, says=says
        )
        super().__init__(ask=ask, guess=None, title=str(title))

    def _summary(self) -> str:
        return repr(self.ask["question"])

    def _still(self) -> str:
        return still(f"{self.ask['question']} {answer(self.ask)}")


def make_ask(question, truth, *, low, high, step=1, unit="", digits=0, says="") -> dict:
    """Return the state of a guess, checked: what ``js/view/guess.mjs`` reads as ``ask``."""
    low, high = float(check_number(low, "low")), float(check_number(high, "high"))
    if not low < high:
        raise ValueError(f"low must be below high, got {low} and {high}")
    return {
        "question": str(question),
        "truth": float(check_number(truth, "truth", low, high)),
        "low": low,
        "high": high,
        "step": float(check_number(step, "step", 0, open_low=True)),
        "unit": str(unit),
        "digits": check_int(digits, "digits", 0, 6),
        "says": str(says),
    }


def answer(ask: dict) -> str:
    """Return the truth in words, for a page without script."""
    return f"(Answer: {ask['truth']:.{ask['digits']}f}{ask['unit']}.) {ask['says']}".strip()
