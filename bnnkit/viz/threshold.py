"""Digits with one bit a pixel: which threshold, and how much is lost?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.errors import check_array, check_number
from bnnkit.viz.codec import encode_integers
from bnnkit.viz.guess import answer, make_ask
from bnnkit.viz.picture import curve as curve_picture
from bnnkit.viz.widget import Widget, still


class ThresholdDigits(Widget):
    """Drag a threshold over digits; guess what nearest neighbour gets from the bits; see the curve.

    Parameters
    ----------
    images : array of int in 0 .. 16, shape (n, side, side) or (n, side * side)
        A few digits to show.
    curve : sequence of (threshold, accuracy)
        The accuracy in percent of nearest neighbour on the bits ``pixel > threshold``, thresholds
        rising. Measured beforehand; the widget only draws it.
    grey : float
        The accuracy in percent on the grey pixels themselves.
    ask_at : int
        The threshold that the guess is about.
    labels : sequence, optional
        What stands under each digit.
    question : str, optional

    In Jupyter ``at`` (the place in the curve) and ``guess`` are synced both ways.

    >>> ThresholdDigits(np.zeros((3, 8, 8), int), [(0, 89.4), (8, 94.0)], grey=98.8, ask_at=0)
    ThresholdDigits(3 digits, 2 thresholds)
    """

    view = "threshold"

    def __init__(
        self,
        images,
        curve: Sequence[tuple[float, float]],
        *,
        grey: float,
        ask_at: float,
        labels: Sequence | None = None,
        question: str | None = None,
        title: str = "One bit a pixel",
    ):
        images = _check_images(images)
        points = _check_curve(curve)
        grey = float(check_number(grey, "grey", 0, 100))
        at = [threshold for threshold, _ in points]
        if ask_at not in at:
            raise ValueError(f"ask_at must be one of the curve's thresholds {at}, got {ask_at!r}")
        labels = [""] * len(images) if labels is None else [str(label) for label in labels]
        if len(labels) != len(images):
            raise ValueError(f"labels must name {len(images)} images, got {len(labels)}")
        place = at.index(ask_at)
        ask = make_ask(
            question or default_question(grey, at[place]),
            points[place][1], low=0, high=100, step=0.5, unit=" %", digits=1,
        )  # fmt: skip
        super().__init__(
            images=encode_integers(images),
            labels=labels,
            curve=points,
            grey=grey,
            at=place,
            ask=ask,
            guess=None,
            title=str(title),
        )

    def _summary(self) -> str:
        return f"{len(self.labels)} digits, {len(self.curve)} thresholds"

    def _still(self) -> str:
        points = ", ".join(f"{accuracy:.1f} at > {t:g}" for t, accuracy in self.curve)
        words = f"{self.ask['question']} {answer(self.ask)} Accuracy in % by threshold: {points}."
        return still(words, curve_picture(self.curve, "Accuracy against threshold"))


def default_question(grey: float, threshold: float) -> str:
    """Return the question that the widget asks if it is given none."""
    return (
        f"On grey pixels, nearest neighbour gets {grey:.1f} % of the digits right. Keep one bit a "
        f"pixel, +1 where the pixel is above {threshold:g}: what does it get?"
    )


def _check_images(images) -> np.ndarray:
    images = check_array(images, "images", ndim=(2, 3))
    side = int(round(float(np.prod(images.shape[1:])) ** 0.5))
    if images.shape[1:] not in ((side, side), (side * side,)):
        raise ValueError(f"images must be square, got shape {images.shape}")
    if images.min() < 0 or images.max() > 16 or (images != np.floor(images)).any():
        raise ValueError(f"images must hold integers 0 .. 16, got {images.min()} .. {images.max()}")
    return images.reshape(len(images), side, side).astype(np.int8)


def _check_curve(curve) -> list[list[float]]:
    points = check_array(curve, "curve", ndim=2)
    if points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"curve must hold two or more (threshold, accuracy), got {points.shape}")
    if (np.diff(points[:, 0]) <= 0).any():
        raise ValueError("curve must have rising thresholds")
    if points[:, 1].min() < 0 or points[:, 1].max() > 100:
        raise ValueError("curve must hold accuracies in percent, 0 .. 100")
    numbers = points.astype(float).tolist()
    return [[int(t) if t == int(t) else t, accuracy] for t, accuracy in numbers]
