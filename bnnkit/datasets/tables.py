"""Data of one's own: tables and time series from CSV, NPZ, ARFF and TS files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

import numpy as np

from bnnkit.datasets.formats import read_npz, read_ts

FORMATS = (".csv", ".tsv", ".npz", ".arff", ".ts")


@dataclass(frozen=True)
class Table:
    """What a file held.

    ``X`` is float64, (n, d) for a table, (cases, channels, time) for series; ``y`` the labels
    (strings, or whole numbers if all of them are), None if the file has none; ``columns`` the names
    of the features of a table and ``target`` that of the labels, None where nothing names them.
    """

    X: np.ndarray
    y: np.ndarray | None
    columns: tuple[str, ...] | None = None
    target: str | None = None


def read_table(
    path,
    target: str | int | None = None,
    labelled: bool = True,
    columns: Sequence[str] | None = None,
) -> Table:
    """Read a file by the format that its name ends in.

    =========  ================================================================================
    name       content
    =========  ================================================================================
    ``.csv``   numbers, one case a row, separated by commas (``.tsv``: tabs); a first row that
               holds anything but numbers names the columns
    ``.npz``   an array ``X``, (n, d) or (cases, channels, time), and, if ``labelled``, ``y``
    ``.arff``  numeric attributes and one of any kind for the label
    ``.ts``    time series of the UCR/UEA archive
    =========  ================================================================================

    Parameters
    ----------
    target : the column that holds the labels, by name or, counted from 0, by number; the last one
        if it is not given. For CSV and ARFF.
    labelled : whether the file has labels. Without them, a column called ``target`` is left out if
        it is there.
    columns : the features to read, in this order, where the file names its columns; the others,
        numbers or not, are left out

    Raises ``ValueError`` that names the row and the column of what is no number.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if isinstance(target, bool) or not isinstance(target, (str, Integral, type(None))):
        raise TypeError(f"target must be the name or the number of a column, got {target!r}")
    target = None if target is None else str(target)
    if kind not in FORMATS:
        raise ValueError(f"{path} must be one of {', '.join(FORMATS)} files")
    if target is not None and kind in (".npz", ".ts"):
        raise ValueError(f"target goes with CSV and ARFF files, not with {path.name}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if kind == ".npz":
        X, *y = read_npz(path, ("X", "y") if labelled else ("X",))
        X = _numbers(X, path)
        return Table(X, _labels(y[0], len(X), path) if labelled else None)
    if kind == ".ts":
        X, labels = read_ts(path)
        return Table(X.astype(np.float64), _labels(labels, len(X), path) if labelled else None)
    rows, names = _read_arff(path) if kind == ".arff" else _read_csv(path)
    return _table(rows, names, target, labelled, columns, path)


def _table(rows, named, target, labelled: bool, columns, path: Path) -> Table:
    names = named or tuple(str(i) for i in range(len(rows[0])))
    place = None
    if labelled or (target is not None and target in names):
        place = _place(target, names, path)
    if named and columns is not None:
        if lost := [name for name in columns if name not in names]:
            raise ValueError(f"{path} lacks the columns {', '.join(lost)}")
        features = [names.index(name) for name in columns]
    else:
        features = [i for i in range(len(names)) if i != place]
    chosen = [names[i] for i in (*features, *([] if place is None else [place]))]
    if twice := [name for name in dict.fromkeys(chosen) if names.count(name) > 1]:
        raise ValueError(f"{path} has more than one column {twice[0]!r}")
    if not features:
        separator = "tabs" if path.suffix.lower() == ".tsv" else "commas"
        raise ValueError(f"{path} must hold features beside the labels, separated by {separator}")
    note = " (if the file holds labels, name their column as the target)"
    if place is not None:
        note = f" (the labels are in column {names[place]!r})"
    X = np.empty((len(rows), len(features)))
    for r, row in enumerate(rows):
        for c, i in enumerate(features):
            X[r, c] = _number(row[i], f"{path}, case {r + 1}, column {names[i]!r}", note)
    y = None
    if labelled:
        y = _labels(np.array([str(row[place]).strip() for row in rows]), len(rows), path)
    if not named:
        return Table(X, y)
    labels = names[place] if labelled and place is not None else None
    return Table(X, y, tuple(names[i] for i in features), labels)


def _place(target: str | None, names, path: Path) -> int:
    """The number of the column that ``target`` means."""
    if target is None:
        return len(names) - 1
    if target in names:
        return names.index(target)
    if target.lstrip("-").isdigit() and -len(names) <= int(target) < len(names):
        return int(target) % len(names)
    raise ValueError(f"{path} has no column {target!r}; it has {', '.join(names[:20])}")


def _number(value, where: str, note: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        shown = "nothing" if str(value).strip() == "" else repr(value)
        raise ValueError(f"{where}: expected a number, got {shown}{note}") from None
    if not np.isfinite(number):
        raise ValueError(f"{where}: expected a finite number, got {value!r}{note}")
    return number


def _read_csv(path: Path) -> tuple[list, tuple[str, ...] | None]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no text table: {error}") from None
    columns = None
    if rows and not all(map(_is_number, rows[0])):
        # Text in the first row: names, unless the very first case has a label of letters.
        if len(rows) == 1 or sum(map(_is_number, rows[0])) < sum(map(_is_number, rows[1])):
            columns, rows = tuple(name.strip() for name in rows[0]), rows[1:]
    if not rows:
        raise ValueError(f"{path} holds no cases")
    width = len(columns or rows[0])
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise ValueError(f"{path}, case {number}: expected {width} columns, got {len(row)}")
    return rows, columns


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read_arff(path: Path) -> tuple[list, tuple[str, ...]]:
    try:
        from scipy.io import arff
    except ImportError:
        raise ImportError('ARFF files need scipy: pip install "bnnkit[sklearn]"') from None
    try:
        data, meta = arff.loadarff(path)
    except Exception as error:  # scipy raises nearly anything for a file that is none
        trouble = str(error) or "it ends before its header does"
        raise ValueError(f"{path} cannot be read as ARFF: {trouble}") from None
    rows = [[v.decode() if isinstance(v, bytes) else v for v in row] for row in data.tolist()]
    if not rows:
        raise ValueError(f"{path} holds no cases")
    return rows, tuple(meta.names())


def _numbers(X: np.ndarray, path: Path) -> np.ndarray:
    if X.dtype.kind not in "biuf" or X.ndim not in (2, 3) or X.size == 0:
        raise ValueError(f"{path} must hold numbers X (n, d) or (cases, channels, time)")
    X = X.astype(np.float64)
    broken = ~np.isfinite(X) if X.ndim == 2 else np.isinf(X)  # series may have gaps
    if broken.any():
        place = tuple(np.argwhere(broken)[0].tolist())
        raise ValueError(f"{path}: X must hold finite numbers, got {X[place]} at {place}")
    return X


def _labels(y: np.ndarray, n: int, path: Path) -> np.ndarray:
    """Whole numbers where all labels are, else strings."""
    if y.shape != (n,):
        raise ValueError(f"{path}: y must hold one label a case ({n}), got shape {y.shape}")
    missing = y == "" if y.dtype.kind == "U" else y != y
    if missing.any():
        raise ValueError(f"{path}, case {np.argmax(missing) + 1} has no label")
    if y.dtype.kind in "biu":
        return y
    texts = [_whole(label) for label in y.tolist()]
    try:
        return np.array([int(text) for text in texts])
    except ValueError:
        return np.array(texts)


def _whole(label) -> str:
    """A label as text; 3.0 as 3, as files write whole numbers of a table of floats."""
    if isinstance(label, float) or (isinstance(label, str) and _is_number(label)):
        number = float(label)
        if number.is_integer() and abs(number) < 2**53:
            return str(int(number))
    return str(label)
