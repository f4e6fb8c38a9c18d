"""What the playground learns: patterns in the unit square, and digits.

Only sums, products and comparisons of correctly rounded numbers are used, so that the page
(``js/core/tasks.mjs``) draws the very same points, and trains the very same weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnkit.binarize import thermometer
from bnnkit.datasets import load_digits, split
from bnnkit.errors import check_int, check_option
from bnnkit.philox import Stream, random_words

MARKS = 16  # thermometer thresholds an axis
PIXEL_MARKS = (0, 4, 8, 12)  # thresholds of a digit's pixel
CENTRES = np.array([[0.28, 0.3], [0.72, 0.38], [0.42, 0.74]])  # of the blobs
PATTERNS = ("corners", "xor", "circle", "stripes", "blobs", "spiral")
SIZES = (400, 200, 1000)  # points for training, validation and test
WORDS = 8  # random words a point
ARM = 48  # places on an arm of the spiral


@dataclass(frozen=True)
class Task:
    """Signs (int8) and class numbers of three parts: ``train``, ``validation``, ``test``."""

    train: tuple[np.ndarray, np.ndarray]
    validation: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    n_classes: int


def playground_task(name: str = "xor", *, constant: bool = True) -> Task:
    """Return the data that the playground shows under ``name``, as signs.

    Parameters
    ----------
    name : "xor", "circle", "stripes", "blobs", "spiral" (400 points to train, 200 to validate,
        1,000 to test; 16 thresholds an axis), "corners" (XOR with one threshold an axis) or
        "digits" (8 x 8, four thresholds a pixel)
    constant : the last input is always +1; else it repeats the first, so that the number of
        inputs stays odd

    >>> task = playground_task("xor")
    >>> task.train[0].shape, task.n_classes
    ((400, 33), 2)
    """
    check_option(name, "name", (*PATTERNS, "digits"))
    if name == "digits":
        parts = digit_parts()
    else:
        parts = [plane_points(name, n, part) for part, n in enumerate(SIZES)]
    signs = [(as_signs(name, x, constant=constant), y) for x, y in parts]
    return Task(*signs, n_classes=int(parts[0][1].max()) + 1)


def as_signs(name: str, x: np.ndarray, *, constant: bool = True) -> np.ndarray:
    """Return points (n, 2) or pixels (n, 64) as the signs that a network reads (int8).

    >>> as_signs("corners", np.array([[0.2, 0.7], [0.9, 0.6]]))
    array([[-1,  1,  1],
           [ 1,  1,  1]], dtype=int8)
    """
    signs = thermometer(x, np.tile(_marks(name), (x.shape[1], 1)))
    return np.hstack([signs, np.ones_like(signs[:, :1]) if constant else signs[:, :1]])


def plane_points(name: str, n: int, part: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` points (n, 2) of a pattern and their classes (n,).

    ``part`` is 0 for training, 1 for validation, 2 for test: three different draws.

    >>> points, y = plane_points("xor", 3)
    >>> bool((y == ((points > 0.5).sum(axis=1) == 1)).all())
    True
    """
    check_option(name, "name", PATTERNS)
    n, part = check_int(n, "n", low=1), check_int(part, "part", 0, 2)
    words = random_words(0, Stream.DATA, WORDS * n, batch=part)
    u = words.reshape(n, WORDS) / 2.0**32
    x, y, i = u[:, 0], u[:, 1], np.arange(n)
    match name:
        case "xor" | "corners":
            return u[:, :2], ((x > 0.5) != (y > 0.5)).astype(int)
        case "circle":
            return u[:, :2], ((x - 0.5) * (x - 0.5) + (y - 0.5) * (y - 0.5) < 0.16).astype(int)
        case "stripes":
            return u[:, :2], np.floor((x + y) * 2).astype(int) % 2
        case "blobs":
            spread = np.stack([u[:, k] + u[:, k + 1] + u[:, k + 2] + u[:, k + 3] for k in (0, 4)])
            return CENTRES[i % 3] + 0.2 * (spread.T - 2), i % 3
        case _:
            place = _arm()[np.floor(x * ARM).astype(int)]
            side = np.where(i % 2, -1, 1)[:, None]
            return 0.5 + side * place + 0.04 * (u[:, 1:3] - 0.5), i % 2


def digit_parts() -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pixels and classes to train, validate and test with: the split of chapter 4."""
    digits = split(load_digits(), 180, seed=0)
    return [
        (digits.X_train, digits.y_train),
        (digits.X_validation, digits.y_validation),
        (digits.X_test, digits.y_test),
    ]


def digits_as_text() -> list[dict]:
    """Return the parts as the page reads them: two pixels a letter, a digit a class."""
    return [_as_text(pixels, y) for pixels, y in digit_parts()]


def _as_text(pixels: np.ndarray, y: np.ndarray) -> dict:
    levels = (pixels[:, :, None] > np.array(PIXEL_MARKS)).sum(axis=2)
    letters = 65 + (len(PIXEL_MARKS) + 1) * levels[:, ::2] + levels[:, 1::2]
    return {
        "pixels": letters.astype(np.uint8).tobytes().decode("ascii"),
        "y": "".join(map(str, y)),
    }


def _marks(name: str) -> np.ndarray:
    """The thresholds of one coordinate or pixel."""
    if name == "digits":
        return np.array(PIXEL_MARKS)
    marks = 1 if name == "corners" else MARKS
    return np.arange(1, marks + 1) / (marks + 1)


def _arm() -> np.ndarray:
    """Places from the middle outwards: each step turns by the angle whose half has tangent 1/16."""
    c, s = 255 / 257, 32 / 257
    places, x, y = [], 1.0, 0.0
    for k in range(ARM):
        r = 0.08 + (0.37 * k) / (ARM - 1)
        places.append([r * x, r * y])
        x, y = c * x - s * y, s * x + c * y
    return np.array(places)
