"""What every loader returns, and the two ways to divide it: a validation set, and folds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from bnnkit.errors import check_int, check_labels
from bnnkit.philox import Stream, random_permutation

FOLDS, SAMPLE = 0, 1  # the "layer" of the random words: folds and samples never share one


@dataclass(frozen=True, eq=False, kw_only=True)
class Dataset:
    """A classification data set in NumPy arrays, divided into training and test cases.

    Attributes
    ----------
    name : str
    X_train, X_test : arrays with one case a row
        Images are ``(n, pixels)`` uint8, generated bits ``(n, d)`` int8 of -1 and +1, series
        ``(cases, channels, time)`` float32, where NaN is a missing value.
    y_train, y_test : int64 arrays of class numbers ``0 .. n_classes - 1``
    classes : tuple
        The classes as the source names them, ``classes[c]`` for class number ``c``.
    sample_shape : tuple of int
        The shape of one case before it was made a row: ``(28, 28)``, ``(3, 32, 32)``.
    source : str
        Where the arrays came from: a folder, a package, "generated".
    notes : tuple of str
        What a reader of a result should know; empty when the official files were read.
    X_validation, y_validation : arrays, or ``None`` until :func:`split` makes them

    Raises ``ValueError`` or ``TypeError`` when the arrays do not fit together.
    """

    name: str
    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: tuple
    sample_shape: tuple[int, ...]
    source: str
    notes: tuple[str, ...] = ()
    X_validation: np.ndarray | None = None
    y_validation: np.ndarray | None = None

    def __post_init__(self):
        if (self.X_validation is None) != (self.y_validation is None):
            raise ValueError("X_validation and y_validation must come together")
        for part, X, y in self._parts():
            if not isinstance(X, np.ndarray) or X.ndim not in (2, 3) or X.size == 0:
                got = getattr(X, "shape", type(X).__name__)
                raise ValueError(f"X_{part} must be an array of cases in rows, got {got}")
            if X.shape[1:] != self.X_train.shape[1:] or X.dtype != self.X_train.dtype:
                raise ValueError(
                    f"X_{part} must have cases like X_train's {self.X_train.shape[1:]} "
                    f"{self.X_train.dtype}, got {X.shape[1:]} {X.dtype}"
                )
            if not isinstance(y, np.ndarray) or X.dtype.kind not in "biuf":
                kinds = f"{type(y).__name__} and {X.dtype}"
                raise TypeError(f"y_{part} must be an array, X_{part} hold numbers, got {kinds}")
            check_labels(y, f"y_{part}", n=len(X), n_classes=self.n_classes)

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @cached_property
    def sha256(self) -> str:
        """The fingerprint of the data: sha256 of every array's name, dtype, shape and bytes.

        Bytes are little-endian and row-major, so it is the same on every machine, and the same
        however the files were packed. A data set that was :func:`split` has another one.
        """
        digest = hashlib.sha256()
        for part, X, y in self._parts():
            for name, array in (("X", X), ("y", y)):
                array = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
                digest.update(f"{name}_{part} {array.dtype.str} {array.shape}\n".encode())
                digest.update(array.data)
        return digest.hexdigest()

    def pooled(self) -> tuple[np.ndarray, np.ndarray]:
        """Return all cases and labels, training first: what cross-validation starts from."""
        _, X, y = zip(*self._parts(), strict=True)
        return np.concatenate(X), np.concatenate(y)

    def _parts(self):
        yield "train", self.X_train, self.y_train
        if self.X_validation is not None:
            yield "validation", self.X_validation, self.y_validation
        yield "test", self.X_test, self.y_test

    def __repr__(self) -> str:
        cases = ", ".join(f"{len(y):,} {part}" for part, _, y in self._parts())
        shape = " x ".join(str(n) for n in self.sample_shape)
        kind = self.X_train.dtype
        return f"<{self.name}: {cases} cases, {shape} {kind}, {self.n_classes} classes>"


def split(dataset: Dataset, n: int, seed: int | None = None) -> Dataset:
    """Return ``dataset`` with ``n`` of its training cases set aside for validation.

    Without a ``seed`` these are the last ``n``, as the papers take them. With one they are drawn
    at random, every class in proportion, the same on every machine; both parts keep their order.
    Raises ``ValueError`` unless ``1 <= n < len(dataset.X_train)``, or if there is a validation
    set already.

    >>> from bnnkit.datasets import random_prototypes
    >>> data = random_prototypes(n_train=100, n_validation=0, n_test=10, d=8)
    >>> split(data, 20)
    <random-prototypes: 80 train, 20 validation, 10 test cases, 8 int8, 10 classes>
    >>> np.bincount(split(data, 20, seed=1).y_validation)
    array([2, 2, 2, 2, 2, 2, 2, 2, 2, 2])
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(f"dataset must be a Dataset, got {type(dataset).__name__}")
    if dataset.X_validation is not None:
        raise ValueError(f"dataset {dataset.name} has a validation set already")
    total = len(dataset.y_train)
    n = check_int(n, "n", 1, total - 1)
    aside = np.zeros(total, bool)
    aside[np.arange(total - n, total) if seed is None else sample(dataset.y_train, n, seed)] = True
    return replace(
        dataset,
        X_train=dataset.X_train[~aside],
        y_train=dataset.y_train[~aside],
        X_validation=dataset.X_train[aside],
        y_validation=dataset.y_train[aside],
    )


def stratified_folds(y, n_folds: int = 3, *, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return ``n_folds`` pairs of training and test indices, every class dealt out evenly.

    Each case is in one test part. The parts differ by at most one case, and so do the cases of
    any class in them. The indices (int64) come in order. Everything is drawn from Philox, so a
    fold is the same on every machine. Raises ``ValueError`` for a class with a single case: no
    fold could both train and test it.

    >>> for train, test in stratified_folds([0, 0, 0, 1, 1, 1], 3, seed=7):
    ...     print(train, test)
    [0 2 4 5] [1 3]
    [0 1 3 4] [2 5]
    [1 2 3 5] [0 4]
    """
    y = check_labels(y, "y", n=np.size(y))
    classes, counts = np.unique(y, return_counts=True)
    if len(y) == 0 or counts.min() == 1:
        got = f"one of {classes[counts.argmin()]}" if len(y) else "none at all"
        raise ValueError(f"y must hold at least two cases of each class, got {got}")
    n_folds = check_int(n_folds, "n_folds", 2, len(y))
    fold = np.empty(len(y), np.int64)
    fold[_class_by_class(y, seed, FOLDS)] = np.arange(len(y)) % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def sample(y: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Return ``n`` indices in order, every class in proportion to within one case."""
    evenly = np.arange(n) * len(y) // n
    return np.sort(_class_by_class(y, seed, SAMPLE)[evenly])


def _class_by_class(y: np.ndarray, seed: int, layer: int) -> np.ndarray:
    """Return all indices: those of class 0 in random order, then those of class 1, and so on."""
    order = random_permutation(seed, Stream.SPLIT, len(y), layer=layer)
    return order[np.argsort(y[order], kind="stable")]
