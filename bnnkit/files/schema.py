"""Small questions to the JSON and the arrays of a file; the answer no is a :class:`FileError`."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from bnnkit.files.container import FileError, Sealed, Stored


def plain(value):
    """Return a setting as JSON: a tuple as a list, a fraction as ``{"fraction": [1, 3]}``."""
    if isinstance(value, Fraction):
        return {"fraction": [value.numerator, value.denominator]}
    return list(value) if isinstance(value, (tuple, list)) else value


def unplain(value):
    """Return what :func:`plain` was given."""
    if isinstance(value, dict):
        keys(value, {"fraction"}, "a fraction")
        numerator, denominator = listed(value["fraction"], integer, "a fraction", length=2)
        return Fraction(numerator, max(denominator, 1))
    return value


def keys(value, names, what: str) -> dict:
    """Return a dict that has exactly these keys."""
    if not isinstance(value, dict) or value.keys() != set(names):
        raise FileError(f"{what} must have the keys {', '.join(sorted(names))}")
    return value


def integer(value, what: str, low: int = 0, high: int = 2**63 - 1) -> int:
    """Return an integer in ``low .. high``."""
    if type(value) is not int or not low <= value <= high:
        raise FileError(f"{what} must be an integer in {low} .. {high}")
    return value


def number(value, what: str) -> float:
    """Return a finite number."""
    if type(value) not in (int, float) or not abs(value) < math.inf:
        raise FileError(f"{what} must be a finite number")
    if abs(value) > 2**53 and type(value) is int:
        raise FileError(f"{what} must be a number that a float can hold")
    return float(value)


def optional(check):
    """Return a check that lets None pass as well."""
    return lambda value, what: None if value is None else check(value, what)


def listed(value, check, what: str, length: int | None = None) -> list:
    """Return a list all of whose entries pass ``check``."""
    if not isinstance(value, list) or length not in (None, len(value)):
        raise FileError(f"{what} must be a list" + (f" of {length}" if length else ""))
    return [check(entry, what) for entry in value]


def arrays(stored: Stored, wanted: dict[str, tuple[str, tuple[int, ...]]]) -> None:
    """Check, before one is unpacked, that the arrays are these: name -> (dtypes, shape)."""
    if stored.arrays.keys() != wanted.keys():
        raise FileError(f"{stored.kind} must have the arrays {', '.join(wanted)}")
    for name, (dtypes, shape) in wanted.items():
        sealed = stored.arrays[name]
        if sealed.dtype not in dtypes.split() or sealed.shape != tuple(shape):
            raise FileError(
                f"{name} must be {dtypes} of shape {tuple(shape)}, "
                f"got {sealed.dtype} of shape {sealed.shape}"
            )


def finite(sealed: Sealed, what: str) -> np.ndarray:
    """Unpack an array of finite numbers."""
    array = sealed.open()
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise FileError(f"{what} must hold finite numbers")
    return array
