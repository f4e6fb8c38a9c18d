"""Choose how to read a series from training cases alone, by successive halving.

A third of the cases is held out. Every candidate trains for a few epochs on the rest, the better
ones train on, and the one that is best on the held-out third is taken.

Source: Jamieson and Talwalkar 2016, *Non-stochastic best arm identification*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnnkit.datasets.dataset import sample
from bnnkit.lab.reproduce.readings import Reader, Reading
from bnnkit.recurrent import BEPRecurrentNetwork

ROUNDS = ((10, 3), (20, 1))  # train each for so many epochs more, then keep so many
CASES = 1500  # enough to tell readings apart
SMOOTH = 5  # a held-out accuracy is the mean of so many epochs: one alone is noise


@dataclass(frozen=True)
class Choice:
    """What won: its reading, when to stop (None: not before the end), its held-out accuracy."""

    reading: Reading
    stop: int | None
    accuracy: float


class Trial:
    """One candidate: a network that reads the training cases in its own way."""

    def __init__(self, reading: Reading, start: Callable, train, held_out):
        reader = Reader(reading).fit(train[0])
        self.reading = reading
        self.train, self.held_out = ((reader.transform(X), y) for X, y in (train, held_out))
        self.net: BEPRecurrentNetwork = start(self.train[0].shape[1])
        self.curve: list[float] = []

    def go_on(self, epochs: int, batch: int) -> None:
        """Train for more epochs and note the held-out accuracy after each."""
        self.net.fit(*self.train, epochs, batch, callback=self._judge)

    def accuracies(self) -> np.ndarray:
        """The smoothed curve: the mean of epochs 1 .. SMOOTH, of 2 .. SMOOTH + 1, and so on."""
        return np.convolve(self.curve, np.full(SMOOTH, 1 / SMOOTH), "valid").round(6)

    def _judge(self, net, epoch) -> None:
        self.curve.append(net.score(*self.held_out))


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
    aside = np.zeros(len(y), bool)
    aside[sample(y, max(1, len(y) // 3), seed)] = True
    train, held_out = (X[~aside], y[~aside]), (X[aside], y[aside])
    trials = [Trial(reading, start, train, held_out) for reading in candidates]

    def accuracy(trial):
        return trial.accuracies().max() if early else trial.accuracies()[-1]

    for epochs, keep in ROUNDS:
        for trial in trials:
            trial.go_on(epochs, batch_size(len(train[0]), batches))
        trials = sorted(trials, key=accuracy, reverse=True)[:keep]  # the first of equals stays
    best = trials[0]
    return Choice(best.reading, early_stop(best.accuracies()) if early else None, accuracy(best))


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
