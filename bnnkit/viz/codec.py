"""Arrays as JSON: the form in which a widget's numbers travel to the browser.

Base64 of little-endian integers, or of single bits for signs, is about a tenth of the same
numbers written out. ``js/core/codec.mjs`` reads it.
"""

from __future__ import annotations

import base64
from fractions import Fraction

import numpy as np


def encode_integers(x: np.ndarray) -> dict:
    """Return an integer array as ``{"dtype", "shape", "data"}``, in int8 if it fits, else int16.

    Raises ``ValueError`` if a value does not fit int16.

    >>> encode_integers(np.array([1, 2, -1]))
    {'dtype': 'int8', 'shape': [3], 'data': 'AQL/'}
    """
    low, high = int(x.min()), int(x.max())
    for dtype in ("int8", "int16"):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            data = np.ascontiguousarray(x, np.dtype(dtype).newbyteorder("<")).tobytes()
            return _packet(dtype, x.shape, data)
    raise ValueError(f"a widget's integers must fit int16, got {low} .. {high}")


def encode_signs(x: np.ndarray) -> dict:
    """Return an array of ±1 as ``{"dtype", "shape", "data"}``, one bit a sign, bit 1 = +1.

    >>> encode_signs(np.array([1, -1, 1]))
    {'dtype': 'bits', 'shape': [3], 'data': 'BQ=='}
    """
    return _packet("bits", x.shape, np.packbits(x.ravel() > 0, bitorder="little").tobytes())


def decode(packet: dict) -> np.ndarray:
    """Return the array of :func:`encode_integers` or :func:`encode_signs`.

    >>> decode(encode_signs(np.array([[1, -1], [-1, -1]])))
    array([[ 1, -1],
           [-1, -1]], dtype=int8)
    """
    data, shape = base64.b64decode(packet["data"]), tuple(packet["shape"])
    if packet["dtype"] == "bits":
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little", count=_size(shape))
        return (2 * bits.astype(np.int8) - 1).reshape(shape)
    stored = np.dtype(packet["dtype"]).newbyteorder("<")
    return np.frombuffer(data, stored).astype(packet["dtype"]).reshape(shape)


def encode_number(x: float | Fraction) -> float | str:
    """Return a number as JSON carries it: a fraction, which no decimal may equal, as its text.

    >>> encode_number(0.29), encode_number(Fraction(1, 3))
    (0.29, '1/3')
    """
    return str(x) if isinstance(x, Fraction) else float(x)


def decode_number(x: float | str) -> float | Fraction:
    """Return the number of :func:`encode_number`.

    >>> decode_number("1/3")
    Fraction(1, 3)
    """
    return Fraction(x) if isinstance(x, str) else x


def _packet(dtype: str, shape: tuple[int, ...], data: bytes) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data": base64.b64encode(data).decode("ascii")}


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
