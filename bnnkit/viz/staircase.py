"""Walking downhill on a staircase: one bit, one loss, straight-through steps."""

from __future__ import annotations

import numpy as np

from bnnkit.errors import check_int, check_number
from bnnkit.ste.optim import latent_update
from bnnkit.viz.guess import answer, make_ask
from bnnkit.viz.picture import curve
from bnnkit.viz.widget import Widget, still


class Staircase(Widget):
    """One latent behind one bit b, the loss (b - target)^2, straight-through steps; guess first.

    Parameters
    ----------
    target : float in [-1, 1]
    rate : float in [0.01, 0.3]
        The step size.
    start : float in [-1, 1]
        The latent at the beginning.
    steps : int in 10 .. 1000
    question : str, optional
        The guess is the percentage of steps at which the bit is +1.

    In Jupyter ``target``, ``rate`` and ``guess`` are synced both ways.

    >>> Staircase(0.3)
    Staircase(target=0.3, rate=0.05, 200 steps)
    """

    view = "staircase"

    def __init__(
        self,
        target: float = 0.3,
        rate: float = 0.05,
        *,
        start: float = 0.1,
        steps: int = 200,
        question: str | None = None,
        title: str = "Downhill on a staircase",
    ):
        target = float(check_number(target, "target", -1, 1))
        rate = float(check_number(rate, "rate", 0.01, 0.3))
        start = float(check_number(start, "start", -1, 1))
        steps = check_int(steps, "steps", 10, 1000)
        share = 100 * float((walk(start, target, rate, steps) >= 0).mean())
        ask = make_ask(
            question or _question(target, steps), share, low=0, high=100, unit=" %", digits=1
        )
        super().__init__(
            target=target,
            rate=rate,
            start=start,
            steps=steps,
            ask=ask,
            guess=None,
            title=str(title),
        )

    def _summary(self) -> str:
        return f"target={self.target:g}, rate={self.rate:g}, {self.steps} steps"

    def _still(self) -> str:
        latents = walk(self.start, self.target, self.rate, self.steps)
        words = f"{self.ask['question']} {answer(self.ask)} The latent swings about zero."
        return still(words, curve(list(enumerate(latents)), "The latent over the steps"))


def walk(start: float, target: float, rate: float, steps: int) -> np.ndarray:
    """Return the latent at each step (float64, shape (steps,)); the bit is +1 where it is >= 0.

    >>> walk(0.5, 0.3, 0.25, 4)
    array([ 0.5 ,  0.15, -0.2 ,  0.45])
    """
    latents = np.empty(steps)
    w = np.array([start])
    for step in range(steps):
        latents[step] = w[0]
        bit = np.where(w < 0, -1.0, 1.0)
        w = latent_update(w, 2 * (bit - target), rate, 1.0)
    return latents


def _question(target: float, steps: int) -> str:
    return (
        f"One bit b, and the loss (b - {target:g})². Behind the bit is a latent that the "
        f"straight-through estimator pushes downhill. Of {steps} steps, at how many percent is "
        "the bit +1?"
    )
