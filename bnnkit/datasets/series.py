"""Time series of the UCR/UEA archive: cases x channels x time, NaN where a value is missing."""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from pathlib import Path

import numpy as np

from bnnkit.datasets.dataset import Dataset
from bnnkit.datasets.fetch import VARIABLE, cache_folder, data_folder, local_folder
from bnnkit.datasets.formats import read_npz, read_ts
from bnnkit.errors import as_array, check_option

ARRAYS = ("X_train", "y_train", "X_test", "y_test")
ARCHIVE = "https://timeseriesclassification.com"


def load_ucr(name: str, folder=None) -> Dataset:
    """Load a data set of the UCR/UEA archive with its own division into training and test.

    ``X`` is float32 ``(cases, channels, time)`` just as it is stored: a missing value is NaN, and
    a series shorter than the longest is padded with NaN at the end. ``notes`` tell of either;
    :func:`series_lengths` counts, :func:`fill_missing` fills. Labels are numbered 0, 1, ... in
    the order of the archive's own, which ``classes`` keeps.

    The places are, in this order, ``folder`` alone if it is given, else ``$BNNKIT_DATA/ucr``,
    the folder ``ucr`` of the cache, and the sets that the package aeon brings along. A place may
    hold ``NAME.npz`` (arrays X_train, y_train, X_test, y_test), or ``NAME_TRAIN.ts`` and
    ``NAME_TEST.ts`` in a folder ``NAME`` or beside it. Nothing is downloaded.

    Raises ``FileNotFoundError`` that says how to place the files, ``ValueError`` for damaged ones.

    Source: Dau et al. 2019, *The UCR time series archive*; Bagnall et al. 2018 (UEA).

    >>> load_ucr("ItalyPowerDemand")
    <ItalyPowerDemand: 67 train, 1,029 test cases, 1 x 24 float32, 2 classes>
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {type(name).__name__}")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise ValueError(f"name must be letters, digits, - and _, got {name!r}")
    for place in _places(folder):
        if (place / f"{name}.npz").is_file():
            return _from_npz(name, place / f"{name}.npz")
        for home in (place / name, place):
            if any((home / f"{name}_{part}.ts").is_file() for part in ("TRAIN", "TEST")):
                return _from_ts(name, home)
    raise FileNotFoundError(_not_found(name, folder))


def ucr_names(folder=None) -> list[str]:
    """Return the names that :func:`load_ucr` would look into, sorted; nothing is opened.

    So a damaged file is listed, and so are the few regression sets that aeon brings along.

    >>> "JapaneseVowels" in ucr_names()
    True
    """
    names: set[str] = set()
    for place in _places(folder):
        if place.is_dir():
            names.update(path.stem for path in place.glob("*.npz"))
            for path in (*place.glob("*_TRAIN.ts"), *place.glob("*/*_TRAIN.ts")):
                name = path.stem.removesuffix("_TRAIN")
                if path.parent in (place, place / name):
                    names.add(name)
    return sorted(names)


def series_lengths(X) -> np.ndarray:
    """Return each series' length: one past its last step with a value in any channel.

    ``X`` is float ``(cases, channels, time)``, the result int64 ``(cases,)``. Missing values at
    the very end cannot be told from padding, and count as padding.

    >>> nan = np.nan
    >>> series_lengths(np.array([[[1, 2, nan]], [[1, nan, 3]]]))
    array([2, 3])
    """
    X = _checked_series(X)
    known = ~np.isnan(X).all(axis=1)
    return X.shape[2] - np.argmax(known[:, ::-1], axis=1)


def fill_missing(X, padding: str = "hold") -> np.ndarray:
    """Return ``X`` with its missing values filled in, each channel of each case by itself.

    Between two known values lies the straight line. Before the first known value stands the
    first, and after the last, up to the end of the series, the last. The ``padding`` of short
    series (:func:`series_lengths`) is then one of

    - ``"hold"``: the last value goes on to the end;
    - ``"shift"``: the series moves to the end, its first value stands before it (so that a window
      over the last steps sees the series and not the padding);
    - ``"keep"``: it stays NaN.

    ``X`` is float ``(cases, channels, time)``, and so is the result, a new array. Each case is
    filled from its own values only, so nothing leaks from test to training cases.

    >>> X = np.array([[[np.nan, 1.0, np.nan, 3.0, np.nan]]])
    >>> fill_missing(X)
    array([[[1., 1., 2., 3., 3.]]])
    >>> fill_missing(X, padding="shift")
    array([[[1., 1., 1., 2., 3.]]])
    >>> fill_missing(X, padding="keep")
    array([[[ 1.,  1.,  2.,  3., nan]]])
    """
    X = _checked_series(X)
    check_option(padding, "padding", ("hold", "shift", "keep"))
    time = np.arange(X.shape[2])
    known = ~np.isnan(X)
    before = np.maximum.accumulate(np.where(known, time, -1), axis=2)
    after = np.minimum.accumulate(np.where(known, time, len(time))[..., ::-1], axis=2)[..., ::-1]
    before, after = np.where(before < 0, after, before), np.where(after == len(time), before, after)
    left, right = (np.take_along_axis(X, at, axis=2).astype(np.float64) for at in (before, after))
    share = (time - before) / np.maximum(after - before, 1)  # 0 where both are one value
    left, right = left / 2, right / 2  # their difference would not fit, of numbers near the largest
    line = 2 * (left + (right - left) * np.where(after > before, share, 0))
    filled = np.where(known, X, line)
    filled = filled.astype(X.dtype)
    if padding != "hold":
        lengths = series_lengths(X)[:, None, None]
        if padding == "keep":
            filled[np.broadcast_to(time >= lengths, filled.shape)] = np.nan
        else:
            source = np.maximum(time - (len(time) - lengths), 0)
            filled = np.take_along_axis(filled, np.broadcast_to(source, filled.shape), axis=2)
    return filled


def _checked_series(X) -> np.ndarray:
    """Return ``X`` as floats (cases, channels, time) with a value in every channel."""
    X = as_array(X, "X")
    if X.dtype.kind not in "iuf":
        raise TypeError(f"X must hold real numbers, got dtype {X.dtype}")
    X = X if X.dtype.kind == "f" else X.astype(np.float64)
    if X.ndim != 3 or X.size == 0:
        raise ValueError(f"X must have shape (cases, channels, time), got {X.shape}")
    if np.isinf(X).any():
        raise ValueError("X must hold finite numbers (or NaN where missing), got inf")
    empty = np.argwhere(np.isnan(X).all(axis=2))
    if len(empty):
        case, channel = (int(i) for i in empty[0])
        raise ValueError(f"X must hold a value in every channel, case {case} has none in {channel}")
    return X


def _places(folder) -> list[Path]:
    if folder is not None and (given := local_folder("ucr", folder)) is not None:
        return [given]
    base = data_folder()
    places: list[Path] = [] if base is None else [base / "ucr"]
    places.append(cache_folder() / "ucr")
    aeon = importlib.util.find_spec("aeon")  # its files are enough: importing it takes seconds
    if aeon is not None and aeon.origin is not None:
        places.append(Path(aeon.origin).parent / "datasets" / "data")
    return places


def _from_npz(name: str, path: Path) -> Dataset:
    arrays = read_npz(path, ARRAYS)
    return _series_dataset(name, path, *arrays)


def _from_ts(name: str, home: Path) -> Dataset:
    parts: list = []
    for part in ("TRAIN", "TEST"):
        path = home / f"{name}_{part}.ts"
        if not path.is_file():
            raise FileNotFoundError(f"{home} lacks the file {path.name}")
        parts += read_ts(path)
    return _series_dataset(name, home, *parts)


def _series_dataset(name: str, path: os.PathLike, X_train, y_train, X_test, y_test) -> Dataset:
    X_train, X_test = _stored_series(X_train, path), _stored_series(X_test, path)
    if X_train.shape[1] != X_test.shape[1]:
        raise ValueError(
            f"{path} must hold the same channels for training and test, "
            f"got {X_train.shape[1]} and {X_test.shape[1]}"
        )
    for X, y in ((X_train, y_train), (X_test, y_test)):
        if y.ndim != 1 or len(y) != len(X):
            raise ValueError(f"{path} must hold {len(X)} labels in a vector, got shape {y.shape}")
    steps = max(X_train.shape[2], X_test.shape[2])  # the longest series may be in either part
    classes, (y_train, y_test) = _numbered(y_train, y_test, path)
    X_train, X_test = (
        np.pad(X, ((0, 0), (0, 0), (0, steps - X.shape[2])), constant_values=np.nan)
        for X in (X_train, X_test)
    )
    return Dataset(
        name=name,
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        classes=classes,
        sample_shape=X_train.shape[1:],
        source=str(path),
        notes=_series_notes(X_train, y_train, X_test, y_test),
    )


def _stored_series(X: np.ndarray, path: os.PathLike) -> np.ndarray:
    if X.dtype.kind not in "iuf":
        raise ValueError(f"{path} must hold numbers as series, got dtype {X.dtype}")
    X = X[:, None, :] if X.ndim == 2 else X  # one channel
    with np.errstate(over="ignore"):
        X = X.astype(np.float32)
    try:
        X = _checked_series(X)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    X[np.isnan(X)] = np.nan  # one NaN of the many: it enters the fingerprint
    return X


def _numbered(y_train, y_test, path: os.PathLike):
    """Return the classes, sorted, and both label arrays as their numbers."""
    for y in (y_train, y_test):
        if y.dtype.kind not in "iuU":
            raise ValueError(f"{path} must hold whole numbers or strings as labels, got {y.dtype}")
    labels = np.concatenate([y_train, y_test])
    if labels.dtype.kind == "U" and all(re.fullmatch(r"-?\d{1,9}", text) for text in labels):
        labels = labels.astype(np.int64)  # "10" comes after "9"
    classes, numbers = np.unique(labels, return_inverse=True)
    numbers = numbers.astype(np.int64)
    return tuple(classes.tolist()), (numbers[: len(y_train)], numbers[len(y_train) :])


def _series_notes(X_train, y_train, X_test, y_test) -> tuple[str, ...]:
    X = np.concatenate([X_train, X_test])
    lengths = series_lengths(X)
    inside = np.isnan(X) & (np.arange(X.shape[2]) < lengths[:, None, None])
    notes = []
    if lengths.min() < X.shape[2]:
        notes.append(f"series are {lengths.min()} to {lengths.max()} steps long, padded with NaN")
    if inside.any():
        notes.append(f"{inside.any(axis=(1, 2)).sum()} series have missing values (NaN) inside")
    if not np.isin(y_test, y_train).all():
        notes.append("the test set has a class that the training set lacks")
    return tuple(notes)


def _not_found(name: str, folder) -> str:
    places = [str(place) for place in _places(folder)]
    close = difflib.get_close_matches(name, ucr_names(folder), n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    aeon = "" if importlib.util.find_spec("aeon") else (
        ' Some sets, ItalyPowerDemand among them, come with pip install "bnnkit[aeon]".'
    )  # fmt: skip
    return (
        f"there is no data set {name!r} in {', '.join(places)}.{hint}{aeon} For others, get "
        f"{ARCHIVE}/description.php?Dataset={name}, unpack it into a folder DATA/ucr/{name}, so "
        f"that DATA/ucr/{name}/{name}_TRAIN.ts is there, and set {VARIABLE}=DATA."
    )
