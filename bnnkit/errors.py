"""Argument checks: every public function asks here, so every message reads alike.

A message names the argument, what came, and what was expected; nothing has been changed when it
is raised. ``TypeError`` means the wrong kind of thing, ``ValueError`` the right kind with a wrong
value.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from numbers import Integral, Real

import numpy as np

Number = float | Fraction
MAX_WIDTH = 2**31 - 1  # of a layer: its sums are 32-bit integers


def check_int(value, name: str, low: int | None = None, high: int | None = None) -> int:
    """Return ``value`` as an ``int`` in ``[low, high]``.

    Raises ``TypeError`` for anything that is not an integer (a bool is not one here) and
    ``ValueError`` outside the bounds.

    >>> check_int(np.int64(3), "epochs", low=1)
    3
    >>> check_int(0, "epochs", low=1)
    Traceback (most recent call last):
    ValueError: epochs must be an integer >= 1, got 0
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer{_bounds(low, high)}, got {_describe(value)}")
    number = int(value)
    if (low is not None and number < low) or (high is not None and number > high):
        raise ValueError(f"{name} must be an integer{_bounds(low, high)}, got {number}")
    return number


def check_number(
    value, name: str, low: float | None = None, high: float | None = None, *, open_low=False
) -> Number:
    """Return ``value`` as a finite number in ``[low, high]`` (``(low, high]`` with ``open_low``).

    A ``Fraction`` stays a fraction, anything else becomes a ``float``.

    >>> check_number(0.5, "margin", low=0, high=1)
    0.5
    >>> check_number(float("nan"), "margin", low=0, high=1)
    Traceback (most recent call last):
    ValueError: margin must be a number in [0, 1], got nan
    """
    wanted = f"{name} must be a number{_interval(low, high, open_low)}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{wanted}, got {_describe(value)}")
    try:
        number = value if isinstance(value, Fraction) else float(value)
        float(number)
    except OverflowError:
        raise ValueError(f"{wanted}, got one too large for a float") from None
    below = low is not None and (number <= low if open_low else number < low)
    if not np.isfinite(float(number)) or below or (high is not None and number > high):
        raise ValueError(f"{wanted}, got {value}")
    return number


def check_option(value, name: str, options: Iterable[str]) -> str:
    """Return ``value`` if it is one of ``options``.

    >>> check_option("bep", "credit", ["bep", "local"])
    'bep'
    """
    options = list(options)
    if not isinstance(value, str) or value not in options:
        listed = ", ".join(repr(option) for option in options)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}")
    return value


def check_array(x, name: str, ndim: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Return ``x`` as a real, finite, non-empty array with ``ndim`` axes.

    Integers and booleans keep their dtype; other numbers become ``float64`` unless they are
    floating point already.

    >>> check_array([[1, 2], [3, 4]], "X", ndim=2).shape
    (2, 2)
    >>> check_array([1.0, float("nan")], "X")
    Traceback (most recent call last):
    ValueError: X must hold finite numbers, got nan at index 1
    """
    array = as_array(x, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    _check_ndim(array, name, ndim)
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        where = index[0] if len(index) == 1 else index
        raise ValueError(f"{name} must hold finite numbers, got {array[index]} at index {where}")
    return array


def check_signs(x, name: str, ndim: int | tuple[int, ...] | None = None) -> np.ndarray:
    """Return ``x`` as an ``int8`` array whose every entry is -1 or +1.

    >>> check_signs([1, -1, 1], "a")
    array([ 1, -1,  1], dtype=int8)
    >>> check_signs([1, 0, 1], "a")
    Traceback (most recent call last):
    ValueError: a must hold only -1 and +1, got 0 at index 1
    """
    array = as_array(x, name)
    if array.dtype.kind not in "if":
        raise TypeError(f"{name} must hold signs (-1 and +1), got dtype {array.dtype}")
    _check_ndim(array, name, ndim)
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    wrong = (array != 1) & (array != -1)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = index[0] if len(index) == 1 else index
        raise ValueError(f"{name} must hold only -1 and +1, got {array[index]} at index {where}")
    return np.array(array, dtype=np.int8, order="C", copy=None)


def check_integers(x, name: str, ndim: int | None = None, limit: int = 2**62) -> np.ndarray:
    """Return ``x`` as an ``int64`` array of integers from ``-limit`` to ``limit``.

    >>> check_integers([[1, -3]], "H", ndim=2)
    array([[ 1, -3]])
    >>> check_integers([[40001]], "H", limit=32767)
    Traceback (most recent call last):
    ValueError: H must hold integers from -32767 to 32767, got 40001
    """
    array = check_array(x, name, ndim=ndim)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got dtype {array.dtype}")
    for extreme in (int(array.min()), int(array.max())):
        if abs(extreme) > limit:
            raise ValueError(f"{name} must hold integers from -{limit} to {limit}, got {extreme}")
    return array.astype(np.int64)


def check_mask(x, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return ``x`` as a bool array of ``shape``; 0 and 1 serve as well.

    >>> check_mask([[1, 0]], "gate", (1, 2))
    array([[ True, False]])
    >>> check_mask([[1, -1]], "gate", (1, 2))
    Traceback (most recent call last):
    ValueError: gate must hold only True and False (or 1 and 0), got -1
    """
    array = as_array(x, name)
    if array.dtype.kind not in "biu":
        raise TypeError(f"{name} must hold True and False, got dtype {array.dtype}")
    check_shape(array, name, shape)
    wrong = (array != 0) & (array != 1)
    if wrong.any():
        got = array[wrong][0]
        raise ValueError(f"{name} must hold only True and False (or 1 and 0), got {got}")
    return array.astype(bool)


def check_shape(x: np.ndarray, name: str, shape: tuple[int, ...]) -> None:
    """Raise ``ValueError`` unless ``x`` has exactly this shape."""
    if x.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {x.shape}")


def check_widths(values, name: str) -> tuple[int, ...]:
    """Return a sequence of integers from 1 to 2**31 - 1 as a tuple.

    >>> check_widths([64, 63], "widths")
    (64, 63)
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence of integers, got {_describe(values)}")
    return tuple(check_int(value, name, 1, MAX_WIDTH) for value in values)


def check_labels(y, name: str, n: int, n_classes: int | None = None) -> np.ndarray:
    """Return ``y`` as an ``int64`` vector of ``n`` class numbers ``0 .. n_classes - 1``.

    >>> check_labels([0, 2, 1], "y", n=3, n_classes=3)
    array([0, 2, 1])
    >>> check_labels([0, 3], "y", n=2, n_classes=3)
    Traceback (most recent call last):
    ValueError: y must hold class numbers 0 to 2, got 3 at index 1
    """
    array = as_array(y, name)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integer class numbers, got dtype {array.dtype}")
    _check_ndim(array, name, 1)
    if len(array) != n:
        raise ValueError(f"{name} must hold one label a sample ({n}), got {len(array)}")
    top = np.iinfo(np.int64).max if n_classes is None else n_classes - 1
    wrong = (array < 0) | (array > top)
    if wrong.any():
        index = int(np.argmax(wrong))
        upper = "" if n_classes is None else f" to {top}"
        raise ValueError(
            f"{name} must hold class numbers 0{upper}, got {array[index]} at index {index}"
        )
    return array.astype(np.int64)


def check_columns(x: np.ndarray, name: str, columns: int) -> None:
    """Raise ``ValueError`` unless the last axis of ``x`` has length ``columns``."""
    if x.shape[-1] != columns:
        raise ValueError(f"{name} must have {columns} columns, got shape {x.shape}")


def check_rng(rng) -> np.random.Generator:
    """Return a NumPy ``Generator`` from an ``int`` seed or a ``Generator``.

    Float training takes one; integer training takes an ``int`` seed and :mod:`bnnkit.philox`.
    There is no default on purpose: a result nobody can repeat is not a result.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, Integral) and not isinstance(rng, (bool, np.bool_)):
        return np.random.default_rng(check_int(rng, "rng", low=0))
    raise TypeError(f"rng must be an int seed or a numpy.random.Generator, got {_describe(rng)}")


def as_array(x, name: str) -> np.ndarray:
    """Return ``x`` as an array of any kind; ``ValueError`` if its rows differ in length."""
    try:
        return np.asarray(x)
    except (ValueError, OverflowError) as error:  # ragged nested lists, too long an integer
        raise ValueError(f"{name} must be a rectangular array: {error}") from None


def _check_ndim(array: np.ndarray, name: str, ndim: int | tuple[int, ...] | None) -> None:
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if allowed is not None and array.ndim not in allowed:
        wanted = " or ".join(str(n) for n in allowed)
        raise ValueError(f"{name} must have {wanted} axes, got shape {array.shape}")


def _bounds(low, high) -> str:
    if low is not None and high is not None:
        return f" in {low} .. {high}"
    if low is not None:
        return f" >= {low}"
    return "" if high is None else f" <= {high}"


def _interval(low, high, open_low) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f" {'>' if open_low else '>='} {low}"
    if low is None:
        return f" <= {high}"
    return f" in {'(' if open_low else '['}{low}, {high}]"


def _describe(value) -> str:
    text = repr(value)
    return f"{text if len(text) < 60 else text[:57] + '...'} ({type(value).__name__})"
