"""The training loop that every network of signs shares: epochs, schedule, record, best weights."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isqrt

import numpy as np
from tqdm.auto import tqdm

from bnnkit.bep import chain
from bnnkit.bep.averaging import HiddenAverage
from bnnkit.bep.chain import HIDDEN_MAX
from bnnkit.bep.paths import HiddenLayer
from bnnkit.engine import use_threads
from bnnkit.errors import (
    MAX_WIDTH,
    check_int,
    check_integers,
    check_labels,
    check_number,
    check_shape,
    check_widths,
)
from bnnkit.packed import BitMatrix
from bnnkit.philox import Stream, random_permutation

PREDICT_ROWS = 4096  # samples a product at prediction: bounds the memory for the sums
STREAM_MEMORY = 1000  # samples over which a stream's running error forgets
STREAM_BATCH = 2**31  # batches of a stream are numbered from here on, those of epochs below


def divisors(width: int) -> list[int]:
    """Return the divisors of ``width``, ascending.

    >>> divisors(15)
    [1, 3, 5, 15]
    """
    width = check_int(width, "width", 1, MAX_WIDTH)
    low = [g for g in range(1, isqrt(width) + 1) if width % g == 0]
    return low + [width // g for g in reversed(low) if g * g < width]


def start_group(width: int) -> int:
    """Return the group size to start with: the largest divisor of ``width`` up to a fifth of it.

    At a batch of 100 that is a good step size. It stops at 35: on validation data of two data sets,
    with two and three layers of 255, groups of 17 were better than groups of 51.

    >>> [start_group(width) for width in (35, 75, 135, 255, 525)]
    [7, 15, 27, 17, 35]
    """
    return max(g for g in divisors(width) if g <= max(1, min(width // 5, 35)))


@dataclass(frozen=True)
class Epoch:
    """What happened in one epoch. Lists have one entry a hidden layer, the lowest first.

    ``train_error`` counts each sample as it came, before its batch changed anything;
    ``validation_error`` is taken after the epoch. Both are fractions, as are ``triggered`` (of the
    samples), ``open_gates`` (of the neurons asked to pass blame down; 0 where nothing is below
    but data) and ``error_bits`` (a differs from a*), the last two among the samples that fired.
    ``flips`` counts the visible weights that changed, ``mean_hidden`` is the mean of |H|; these two
    have one entry a weight matrix.
    """

    epoch: int
    train_error: float
    validation_error: float | None
    triggered: float
    open_gates: list[float]
    error_bits: list[float]
    flips: list[int]
    mean_hidden: list[float]
    groups: list[int]

    @property
    def error(self) -> float:
        """What drives the schedule: the validation error where there is one."""
        return self.train_error if self.validation_error is None else self.validation_error


class Share:
    """A part of a whole, both counted in integers."""

    def __init__(self):
        self.part = self.whole = 0

    def add(self, part: int, whole: int) -> None:
        """Count ``part`` of ``whole`` more."""
        self.part += part
        self.whole += whole

    @property
    def fraction(self) -> float:
        """``part / whole``, 0 of nothing."""
        return self.part / max(self.whole, 1)


class Tally:
    """What one epoch counts, for ``layers`` hidden layers and ``matrices`` weight matrices."""

    def __init__(self, layers: int, matrices: int):
        self.wrong, self.triggered = Share(), Share()
        self.open_gates = [Share() for _ in range(layers)]
        self.error_bits = [Share() for _ in range(layers)]
        self.flips = [0] * matrices


@dataclass
class Run:
    """One call of ``fit``: what it keeps beside the network itself."""

    first_epoch: int
    best_error: float = np.inf  # of the epoch whose weights are kept
    best: list[np.ndarray] | None = None  # the hidden weights to end with; None: those at the end
    stopped: bool = False


class SignNetwork(ABC):
    """The common part of networks trained by BEP: a subclass says what one batch does.

    A subclass sets ``layers`` (its weight matrices), ``group_widths`` (the widths that are cut
    into groups) and implements :meth:`_encode`, :meth:`_logits` and :meth:`_train_batch`.
    """

    layers: list[HiddenLayer]
    group_widths: Sequence[int]

    def __init__(self, n_classes: int, seed: int, r, nu, p_r, groups, patience):
        self.n_classes = check_int(n_classes, "n_classes", low=2)
        self.seed = check_int(seed, "seed", 0, 2**32 - 1)
        self.r = check_number(r, "r", 0, 1, open_low=True)
        self.nu = check_number(nu, "nu", 0, 1)
        self.p_r = check_number(p_r, "p_r", 0, 1)
        self.groups = _checked_groups(groups, self.group_widths)
        self.patience = None if patience is None else check_int(patience, "patience", low=1)
        self.history: list[Epoch] = []
        self.epoch = 0
        self._error = 1.0  # of the epoch before: scales the reinforcement
        self._best_error, self._waited = np.inf, 0  # of the group schedule
        self._asked_thresholds: tuple = None, []
        self._streamed, self._stream_batch, self._stream_error = 0, 0, 1.0  # of partial_fit

    def fit(
        self,
        X,
        y,
        epochs: int = 50,
        batch_size: int = 100,
        *,
        validation: tuple | None = None,
        keep_best: bool = True,
        average: int | None = None,
        threads: int = 1,
        callback: Callable[[SignNetwork, Epoch], object] | None = None,
        checkpoint=None,
        progress: bool = False,
    ) -> SignNetwork:
        """Train for more epochs and return ``self``; called again, it goes on where it stopped.

        Parameters
        ----------
        X : signs, one sample a row
        y : class numbers 0 .. C - 1, shape (n,)
        epochs, batch_size : a last short batch is kept
        validation : (X, y) to drive the schedule; without it the training error does
        keep_best : with ``validation``, end with the weights of the epoch that did best on it
        average : end with the mean of the hidden weights over an epoch (the last, or the best),
            taken after every so many batches; it is what ``validation`` judges. Training itself
            goes on from the weights as they are. None for no averaging
        threads : how many threads may share the work; the weights are the same on any number
        callback : called with (network, Epoch) after each epoch; training stops if it returns True
        checkpoint : a :class:`bnnkit.files.Checkpoint`; if its file holds a part of this very run,
            training goes on from there, and ends with the same weights as in one go
        progress : show a bar
        """
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {type(callback).__name__}")
        if checkpoint is not None and not hasattr(checkpoint, "after_epoch"):
            raise TypeError(f"checkpoint must be a Checkpoint, got {type(checkpoint).__name__}")
        X, y = self._checked_pair(X, y, "X", "y")
        epochs = check_int(epochs, "epochs", low=1)
        batch_size = check_int(batch_size, "batch_size", low=1)
        average = None if average is None else check_int(average, "average", low=1)
        if validation is not None:
            if not isinstance(validation, (tuple, list)) or len(validation) != 2:
                raise TypeError(
                    f"validation must be a pair (X, y), got {type(validation).__name__}"
                )
            validation = self._checked_pair(*validation, "validation[0]", "validation[1]")
        run = Run(self.epoch)
        if checkpoint is not None:
            inputs = {"X": X, "y": y, "validation": validation}
            options = {"batch_size": batch_size, "keep_best": bool(keep_best), "average": average}
            checkpoint.begin(self, run, inputs, **options)
        last = run.first_epoch + epochs
        with tqdm(total=last, initial=self.epoch, disable=not progress, desc="epochs") as bar:
            while self.epoch < last and not run.stopped:
                with use_threads(threads):
                    record, judged = self._train_epoch(X, y, batch_size, validation, average)
                error = record.error
                if validation is not None and keep_best:
                    kept = error < run.best_error
                else:
                    kept = average is not None
                if kept:
                    run.best_error, run.best = error, self.H if judged is None else judged
                bar.set_postfix(error=f"{100 * error:.2f}%")
                bar.update()
                run.stopped = callback is not None and callback(self, record) is True
                if checkpoint is not None:
                    checkpoint.after_epoch(self, run, done=run.stopped or self.epoch == last)
        if run.best is not None:
            self.set_hidden(run.best)
        return self

    def partial_fit(self, X, y, batch_size: int = 100) -> SignNetwork:
        """Learn from some more samples, each seen once and in the order given; return ``self``.

        For streams. Reinforcement comes once in ``batch_size`` samples, however few a call brings,
        and is scaled by the error of about the last 1,000 samples. The groups keep their size, and
        ``history`` records nothing.

        >>> from bnnkit import BEPNetwork
        >>> net = BEPNetwork((3, 15), 2, seed=1)
        >>> for x, label in [([1, 1, 1], 1), ([-1, 1, 1], 0)] * 20:
        ...     net = net.partial_fit([x], [label])
        >>> net.predict([[1, 1, 1], [-1, 1, 1]])
        array([1, 0])
        """
        X, y = self._checked_pair(X, y, "X", "y")
        batch_size = check_int(batch_size, "batch_size", low=1)
        for first in range(0, len(y), batch_size):
            part = slice(first, first + batch_size)
            n = len(y[part])
            due = (self._streamed + n) // batch_size > self._streamed // batch_size
            self._error = self._stream_error if due else 0.0  # 0: no reinforcement
            tally = Tally(len(self.group_widths), len(self.layers))
            batch = STREAM_BATCH + self._stream_batch % STREAM_BATCH
            self._train_batch(X[part], y[part], batch, tally)
            self._streamed += n
            self._stream_batch += 1
            news = tally.wrong.fraction - self._stream_error
            self._stream_error += min(1.0, n / STREAM_MEMORY) * news
        self._error = self._stream_error
        return self

    def decision_function(self, X) -> np.ndarray:
        """Return the logits, the products with the prototypes (int32, shape (n, C))."""
        X = self._encode(X, "X")
        if len(X) <= PREDICT_ROWS:
            return self._logits(X)
        chunks = range(0, len(X), PREDICT_ROWS)
        return np.concatenate([self._logits(X[i : i + PREDICT_ROWS]) for i in chunks])

    def predict(self, X) -> np.ndarray:
        """Return the class with the largest logit, the first of equals (int64, shape (n,))."""
        return self.decision_function(X).argmax(axis=1)

    def score(self, X, y) -> float:
        """Return the fraction of samples predicted right."""
        predicted = self.predict(X)
        return float(np.mean(predicted == check_labels(y, "y", len(predicted), self.n_classes)))

    def weights_sha256(self) -> str:
        """Return the sha256 of all hidden weights: int16 little-endian, row-major, in order."""
        digest = hashlib.sha256()
        for layer in self.layers:
            digest.update(layer.H.astype("<i2").tobytes())
        return digest.hexdigest()

    @property
    def W(self) -> list[BitMatrix]:  # noqa: N802 (the symbol of the papers)
        """The visible weights of each matrix, packed."""
        return [layer.W for layer in self.layers]

    @property
    def H(self) -> list[np.ndarray]:  # noqa: N802
        """The hidden integers of each matrix, int16; copies."""
        return [layer.H.copy() for layer in self.layers]

    def set_hidden(self, H: Sequence[np.ndarray]) -> None:
        """Replace the hidden integers of every matrix, -32767 .. 32767, and re-sign."""
        if not isinstance(H, (list, tuple)) or len(H) != len(self.layers):
            raise ValueError(f"H must be a list of {len(self.layers)} matrices, one a layer")
        checked = [check_integers(h, f"H[{i}]", 2, HIDDEN_MAX) for i, h in enumerate(H)]
        for i, (layer, hidden) in enumerate(zip(self.layers, checked)):
            check_shape(hidden, f"H[{i}]", layer.H.shape)
        for layer, hidden in zip(self.layers, checked):
            layer.set_hidden(hidden)

    @abstractmethod
    def _encode(self, X, name: str) -> np.ndarray:
        """Check the samples and pack them; sample first."""

    @abstractmethod
    def _logits(self, X: np.ndarray) -> np.ndarray:
        """The logits of packed samples."""

    @abstractmethod
    def _train_batch(self, X: np.ndarray, y: np.ndarray, batch: int, tally: Tally) -> None:
        """Change the weights by one batch and count what happened."""

    def _train_epoch(self, X, y, batch_size: int, validation, average: int | None):
        """Visit every sample once, in an order of this epoch's own; the record, the average."""
        order = random_permutation(self.seed, Stream.SHUFFLE, len(y), epoch=self.epoch)
        tally = Tally(len(self.group_widths), len(self.layers))
        seen = None if average is None else HiddenAverage(self.layers, average)
        for batch, first in enumerate(range(0, len(y), batch_size)):
            rows = order[first : first + batch_size]
            self._train_batch(X.take(rows, axis=0), y[rows], batch, tally)
            if seen is not None:
                seen.after_batch()
        self.epoch += 1
        judged = None if seen is None else seen.mean()
        validation_error = None
        if validation is not None:
            with self._holding(judged):
                predicted = self._logits(validation[0]).argmax(axis=1)
            validation_error = float(np.mean(predicted != validation[1]))
        record = Epoch(
            epoch=self.epoch,
            train_error=tally.wrong.fraction,
            validation_error=validation_error,
            triggered=tally.triggered.fraction,
            open_gates=[share.fraction for share in tally.open_gates],
            error_bits=[share.fraction for share in tally.error_bits],
            flips=tally.flips,
            mean_hidden=[float(np.abs(layer.H).mean(dtype=np.float64)) for layer in self.layers],
            groups=list(self.groups),
        )
        self.history.append(record)
        self._error = record.train_error
        self._grow_groups(record.error)
        return record, judged

    @contextmanager
    def _holding(self, H: list[np.ndarray] | None) -> Iterator[None]:
        """Have other hidden weights for a moment, if there are any."""
        if H is None:
            yield
            return
        mine = self.H
        self.set_hidden(H)
        try:
            yield
        finally:
            self.set_hidden(mine)

    def _thresholds(self, sizes: Sequence[int]) -> list[int]:
        """The reinforcement's probabilities for matrices of these fan-ins, one epoch the same."""
        question = self.p_r, self._error, *sizes
        if self._asked_thresholds[0] != question:
            answers = [chain.reinforcement_threshold(self.p_r, size, self._error) for size in sizes]
            self._asked_thresholds = question, answers
        return self._asked_thresholds[1]

    def _grow_groups(self, error: float) -> None:
        """Let every group grow to the next divisor once the error has stagnated."""
        self._waited = 0 if error < self._best_error else self._waited + 1
        self._best_error = min(error, self._best_error)
        if self.patience is not None and self._waited >= self.patience:
            self._waited = 0
            self.groups = [
                min((g for g in divisors(width) if g > group), default=group)
                for group, width in zip(self.groups, self.group_widths)
            ]

    def _checked_pair(self, X, y, x_name: str, y_name: str):
        X = self._encode(X, x_name)
        return X, check_labels(y, y_name, len(X), self.n_classes)


def _checked_groups(groups, widths: Sequence[int]) -> list[int]:
    if groups is None:
        return [start_group(width) for width in widths]
    groups = list(check_widths(groups, "groups"))
    if len(groups) != len(widths):
        raise ValueError(f"groups must name one size a hidden layer ({len(widths)}), got {groups}")
    for group, width in zip(groups, widths):
        if width % group:
            raise ValueError(f"groups must divide the widths: {group} does not divide {width}")
    return groups
