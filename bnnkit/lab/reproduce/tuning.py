"""Choose how to read a series from training cases alone, by successive halving.

A third of the cases is held out, of few cases three times another third. Every candidate trains
for a few epochs on the rest, the better ones train on, and the one that is best on what was held
out is taken.

Source: Jamieson and Talwalkar 2016, *Non-stochastic best arm identification*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnkit.datasets.dataset import sample
from bnnkit.readings import Reader, Reading
from bnnkit.recurrent import BEPRecurrentNetwork

ROUNDS = ((8, 3), (8, 2), (14, 1))  # train each for so many epochs more, then keep so many
CASES = 1500  # enough to tell readings apart
FEW = 900  # below, one third alone would decide by chance
SMOOTH = 5  # a held-out accuracy is the mean of so many epochs: one alone is noise


@dataclass(frozen=True)
class Choice:
    """What won: its reading, when to stop (None: not before the end), its held-out accuracy."""

    reading: Reading
    stop: int | None
    accuracy: float


class Trial:
    """One candidate in one division: a network that reads the training cases in its own way."""

    def __init__(self, reading: Reading, start: Callable, train, held_out):
        reader = Reader(reading).fit(train[0])
        self.train, self.held_out = ((reader.transform(X), y) for X, y in (train, held_out))
        self.net: BEPRecurrentNetwork = start(self.train[0].shape[1])
        self.curve: list[float] = []

    def go_on(self, epochs: int, batches: int) -> None:
        """Train for more epochs and note the held-out accuracy after each."""
        until, batch = len(self.curve) + epochs, batch_size(len(self.train[1]), batches)
        if not self._settled():
            self.net.fit(*self.train, epochs, batch, callback=self._judge)
        self.curve += [self.curve[-1]] * (until - len(self.curve))

    def _judge(self, net, epoch) -> bool:
        self.curve.append(net.score(*self.held_out))
        return self._settled()

    def _settled(self) -> bool:
        """No case fired in the last epoch: none ever will, and no sign will change."""
        return bool(self.net.history) and self.net.history[-1].triggered == 0


def tune(
    candidates: list[Reading], start: Callable, X, y, *, batches: int, early: bool, seed: int
) -> Choice:
    """Return the reading that serves best, found with the cases ``X``, ``y`` and no others.

    Parameters
    ----------
    start : makes a network for so many inputs
    X, y : series without gaps (cases, channels, time), classes; of many, a sample is used
    batches : into how many batches an epoch is divided
    early : judge a candidate by its best epochs and stop there, if these came early; without it,
        by its last ones
    """
    cases = sample(y, min(len(y), CASES), seed)
    X, y = X[cases], y[cases]
    parts = [_divided(X, y, 3 * seed + i) for i in range(3 if len(y) < FEW else 1)]
    trials = {reading: [Trial(reading, start, *part) for part in parts] for reading in candidates}

    def accuracy(reading):
        curve = smoothed(trials[reading])
        return curve.max() if early else curve[-1]

    for epochs, keep in ROUNDS:
        for reading in candidates:
            for trial in trials[reading]:
                trial.go_on(epochs, batches)
        # the sort is stable: of equals, the earlier candidate stays
        candidates = sorted(candidates, key=accuracy, reverse=True)[:keep]
    best = candidates[0]
    stop = early_stop(smoothed(trials[best])) if early else None
    return Choice(best, stop, float(accuracy(best)))


def smoothed(trials: list[Trial]) -> np.ndarray:
    """The mean of the trials' curves, and of epochs 1 .. SMOOTH, of 2 .. SMOOTH + 1, and so on."""
    mean = np.mean([trial.curve for trial in trials], axis=0)
    return np.convolve(mean, np.full(SMOOTH, 1 / SMOOTH), "valid").round(6)


def _divided(X, y, seed: int) -> tuple:
    """Two thirds to train on, one third to judge by, every class in proportion."""
    aside = np.zeros(len(y), bool)
    aside[sample(y, max(1, len(y) // 3), seed)] = True
    return (X[~aside], y[~aside]), (X[aside], y[aside])


def early_stop(accuracies: np.ndarray) -> int | None:
    """Return the epoch to stop after; None if the best came in the last third, or is tied there.

    >>> early_stop(np.array([0.5, 0.8, 0.7, 0.7, 0.6, 0.6]))
    6
    >>> early_stop(np.array([0.5, 0.6, 0.6, 0.8, 0.8, 0.8]))
    """
    last = len(accuracies) - 1 - int(np.argmax(accuracies[::-1]))
    return None if 3 * (last + 1) > 2 * len(accuracies) else last + SMOOTH


def batch_size(cases: int, batches: int) -> int:
    """Cases a batch so that an epoch has ``batches`` of them.

    >>> batch_size(95, 10)
    10
    """
    return -(-cases // batches)
