"""Images to packed signs, by name, so that a setting is one word in a row.

"global-B"   the B quantiles i / (B + 1) of all pixels of the training images; "global-1" is the
             paper's median, which on a dark background is 0: is the pixel lit?
"lit-B"      0, and the quantiles i / B of the pixels that are not 0: lit, and how brightly
"feature-B"  the B quantiles of each pixel by itself
"signs"      the data are signs already
"""

from __future__ import annotations

import numpy as np

from bnnkit.binarize import ThermometerEncoder, thermometer
from bnnkit.errors import check_option
from bnnkit.packed import BitMatrix

CHUNK = 4096  # images a step: bounds the memory for the unpacked signs
KINDS = ("global", "lit", "feature", "signs")


def thresholds(X: np.ndarray, pixels: str) -> np.ndarray:
    """Return the thresholds (d, B) that ``pixels`` means for training images ``X`` (n, d).

    >>> thresholds(np.array([[0, 4], [0, 8], [2, 0]], np.uint8), "lit-2").tolist()
    [[0, 4], [0, 4]]
    """
    kind, bits = parsed(pixels)
    if kind == "feature":
        return ThermometerEncoder(bits).fit(X).thresholds_
    if kind == "global":
        shared = _quantiles(X.reshape(-1), bits, bits + 1)
    else:
        shared = np.concatenate([[0], _quantiles(X[X > 0], bits - 1, bits)])
    return np.tile(shared, (X.shape[1], 1))


def encode(X: np.ndarray, marks: np.ndarray | None) -> BitMatrix:
    """Return the packed thermometer code of images ``X`` (n, d); ``marks`` None: signs already."""
    if marks is None:
        return BitMatrix.from_signs(X)
    parts = [BitMatrix.from_signs(thermometer(part, marks)) for part in _chunks(X)]
    return BitMatrix(np.concatenate([part.words for part in parts]), parts[0].shape[1])


def _quantiles(values: np.ndarray, count: int, of: int) -> np.ndarray:
    """The order statistics i / of, i = 1 .. count, of integers 0 .. 255."""
    below = np.cumsum(np.bincount(values, minlength=256))
    wanted = -(-np.arange(1, count + 1) * len(values) // of)
    return np.searchsorted(below, wanted)


def _chunks(X: np.ndarray):
    return (X[i : i + CHUNK] for i in range(0, len(X), CHUNK))


def parsed(pixels: str) -> tuple[str, int]:
    """Return the kind of thresholds and the bits a pixel.

    >>> parsed("lit-2"), parsed("signs")
    (('lit', 2), ('signs', 1))
    """
    kind, _, bits = pixels.partition("-")
    check_option(kind, "pixels", KINDS)
    return kind, int(bits or 1)
