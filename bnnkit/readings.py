"""How a network reads a series: the two ways in which a series becomes steps of signs.

"last"    the last ``steps`` times, one a step; each channel has ``bits`` thresholds, quantiles of
          its training values at all times. This is the paper's reading, and ``steps`` its window.
"chunks"  the whole series in ``steps`` chunks of neighbouring times, one chunk a step; each channel
          has ``bits`` thresholds at each time. The paper reads its digits like this, not its UCR
          series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnnkit.binarize import ThermometerEncoder
from bnnkit.errors import MAX_WIDTH, check_array, check_int, check_option

KINDS = ("last", "chunks")


@dataclass(frozen=True)
class Reading:
    """One way to read series: its kind, the steps that the network makes, bits a number."""

    kind: str
    steps: int
    bits: int

    def __post_init__(self):
        check_option(self.kind, "kind", KINDS)
        check_int(self.steps, "steps", 1, MAX_WIDTH)
        check_int(self.bits, "bits", low=1)


class Reader:
    """Reads series as ``reading`` says; thresholds are those of the series it is fitted to.

    Series are numbers without gaps, (cases, channels, time), with at least ``steps`` times; read,
    they are int8 signs (cases, inputs, steps). ``shape`` is what :meth:`fit` saw, (channels, time):
    for chunks, all series must have it.

    >>> X = np.arange(12.0).reshape(2, 1, 6)
    >>> Reader(Reading("last", 4, 1)).fit(X).transform(X)[0]
    array([[-1, -1, -1, -1]], dtype=int8)
    >>> Reader(Reading("chunks", 2, 1)).fit(X).transform(X)[1]
    array([[1, 1],
           [1, 1],
           [1, 1]], dtype=int8)
    """

    def __init__(self, reading: Reading):
        if not isinstance(reading, Reading):
            raise TypeError(f"reading must be a Reading, got {type(reading).__name__}")
        self.reading = reading
        self.encoder = ThermometerEncoder(reading.bits)
        self.shape: tuple[int, int] | None = None

    def fit(self, X: np.ndarray) -> Reader:
        """Take the thresholds from the series ``X`` and return ``self``."""
        X = self._checked(X)
        self.encoder.fit(X.reshape(len(X), -1) if self.reading.kind == "chunks" else X)
        self.shape = X.shape[1:]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the signs of the series ``X``, step by step.

        Where the chunks do not come out even, the first is filled up with its first value.
        """
        X, steps = self._checked(X), self.reading.steps
        if self.shape is None:
            raise ValueError("the reader must be fitted before it reads")
        if self.reading.kind == "last":
            return self.encoder.transform(X[:, :, -steps:])
        cases, channels, time = X.shape
        if (channels, time) != self.shape:
            raise ValueError(f"X must have shape (cases, *{self.shape}), got {X.shape}")
        signs = self.encoder.transform(X.reshape(cases, -1))
        signs = signs.reshape(cases, channels, time, self.reading.bits)
        lead = -time % steps
        signs = np.concatenate([np.repeat(signs[:, :, :1], lead, axis=2), signs], axis=2)
        signs = signs.reshape(cases, channels, steps, -1)
        return np.ascontiguousarray(signs.transpose(0, 1, 3, 2).reshape(cases, -1, steps))

    def _checked(self, X) -> np.ndarray:
        X = check_array(X, "X", ndim=3)
        if X.shape[2] < self.reading.steps:
            raise ValueError(f"X must have {self.reading.steps} times or more, got shape {X.shape}")
        return X


def readings(kinds: dict[str, list[int]], bits: list[int], time: int) -> list[Reading]:
    """Return what series of ``time`` steps can be read by: every number of steps, and of bits.

    ``kinds`` maps a kind to numbers of steps. More steps than the series has times mean all.

    >>> [tuple(vars(r).values()) for r in readings({"last": [4, 8, 16]}, [1], time=6)]
    [('last', 4, 1), ('last', 6, 1)]
    """
    pairs = [(kind, min(steps, time)) for kind, many in kinds.items() for steps in many]
    return [Reading(kind, steps, b) for kind, steps in dict.fromkeys(pairs) for b in bits]
