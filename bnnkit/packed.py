"""Rung 3: 64 signs in a word, and products by XNOR and popcount.

A sign needs one bit: 1 for +1, 0 for -1. Two signs multiply to +1 where their bits agree, so a
dot product of K signs is the number of agreements minus the number of differences::

    a . b = K - 2 * popcount(a XOR b)

Padding rule: bits behind the last column are 0 in every packed array. They are equal on both
sides, so XOR never sees them, and any K works.
"""

from __future__ import annotations

import numpy as np

from bnnkit.engine import get_engine
from bnnkit.errors import as_array, check_int, check_signs
from bnnkit.steps import overridden, step

WORD = 64  # bits a word


@step("3.1")
def pack(signs) -> np.ndarray:
    """Pack signs along the last axis: bit ``i`` of word ``j`` is column ``64 j + i``.

    Parameters
    ----------
    signs : array of -1 and +1, shape (..., K)

    Returns
    -------
    array of uint64, shape (..., ceil(K / 64)), padding bits 0

    >>> pack([1, -1, 1, 1])
    array([13], dtype=uint64)
    """
    signs = check_signs(signs, "signs")
    if signs.ndim == 0:
        raise ValueError("signs must have at least 1 axis, got shape ()")
    rows = signs.reshape(-1, signs.shape[-1])
    return get_engine().pack_signs(rows).reshape(*signs.shape[:-1], -1)


def unpack(words, columns: int) -> np.ndarray:
    """Unpack words to signs: the inverse of :func:`pack`.

    Parameters
    ----------
    words : array of uint64, shape (..., ceil(columns / 64))
    columns : the number of signs a row

    Returns
    -------
    array of int8, shape (..., columns)

    >>> unpack(pack([1, -1, 1, 1]), 4)
    array([ 1, -1,  1,  1], dtype=int8)
    """
    columns = check_int(columns, "columns", low=1)
    words = _check_words(words, "words", columns)
    rows = words.reshape(-1, words.shape[-1])
    return get_engine().unpack_signs(rows, columns).reshape(*words.shape[:-1], columns)


@step("3.2")
def xnor_dot(a, b, columns: int) -> np.ndarray:
    """Return the dot product of packed signs: ``columns - 2 * popcount(a XOR b)``.

    Parameters
    ----------
    a, b : arrays of uint64, shape (..., words), which broadcast; equal padding bits
    columns : the number of signs a row, K

    Returns
    -------
    array of int32, shape (...): each entry in -K .. K, with the parity of K

    >>> int(xnor_dot(pack([1, -1, 1]), pack([1, 1, 1]), 3))
    1
    """
    a, b = _check_words(a, "a", columns), _check_words(b, "b", columns)
    differ = np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int32)
    return np.int32(columns) - 2 * differ


@step("3.3")
def bit_transpose(words, columns: int) -> np.ndarray:
    """Transpose a packed matrix.

    Parameters
    ----------
    words : array of uint64, shape (rows, ceil(columns / 64))
    columns : the number of signs a row

    Returns
    -------
    array of uint64, shape (columns, ceil(rows / 64)), padding bits 0

    >>> bit_transpose(pack([[1, -1], [1, 1], [-1, -1]]), 2)
    array([[3],
           [2]], dtype=uint64)
    """
    words = _check_words(words, "words", columns)
    if words.ndim != 2:
        raise ValueError(f"words must have 2 axes, got shape {words.shape}")
    return get_engine().transpose_bits(words, columns)


@step("3.4")
def ternary_dot(a, mask, b) -> np.ndarray:
    """Return the dot product of packed signs over the columns where ``mask`` is 1.

    A sign and a mask bit together are a ternary number: -1, 0 or +1. Of the columns that count,
    those that differ are taken off twice: ``popcount(mask) - 2 * popcount((a XOR b) AND mask)``.

    Parameters
    ----------
    a, mask, b : arrays of uint64, shape (..., words), which broadcast; padding of ``mask`` 0

    Returns
    -------
    array of int32, shape (...)

    >>> int(ternary_dot(pack([1, -1, 1]), np.array([0b011], np.uint64), pack([1, 1, 1])))
    0
    """
    a, mask, b = (_check_words(x, name) for x, name in ((a, "a"), (mask, "mask"), (b, "b")))
    if not a.shape[-1] == mask.shape[-1] == b.shape[-1]:
        sizes = f"{a.shape[-1]}, {mask.shape[-1]} and {b.shape[-1]}"
        raise ValueError(f"a, mask and b must have the same number of words a row, got {sizes}")
    counted = np.bitwise_count(mask).sum(axis=-1, dtype=np.int32)
    differ = np.bitwise_count((a ^ b) & mask).sum(axis=-1, dtype=np.int32)
    return counted - 2 * differ


class BitMatrix:
    """An immutable matrix of signs, 64 to a word.

    Make one with :meth:`from_signs`; multiply with ``@``; look at it with :meth:`to_signs`.
    ``W.T`` is a view: no bit moves, and ``A @ W.T`` runs along the rows of both, which is how a
    layer computes. :meth:`transpose` moves the bits, for products along the other axis.

    >>> W = BitMatrix.from_signs([[1, -1, 1], [-1, -1, 1]])
    >>> W
    BitMatrix(2 x 3, 16 bytes)
    >>> X = BitMatrix.from_signs([[1, 1, 1]])
    >>> X @ W.T
    array([[ 1, -1]], dtype=int32)
    """

    def __init__(self, words, columns: int):
        words = _check_words(words, "words", check_int(columns, "columns", low=1))
        if words.ndim != 2:
            raise ValueError(f"words must have 2 axes, got shape {words.shape}")
        if len(words) == 0:
            raise ValueError(f"words must have at least one row, got shape {words.shape}")
        spare = words.shape[1] * WORD - columns
        if spare and (words[:, -1] >> np.uint64(WORD - spare)).any():
            raise ValueError(f"words must have 0 in the {spare} padding bits of each row")
        self._words = np.array(words, order="C")
        self._columns = int(columns)
        self._flipped = False
        self._operands: dict[str, object] = {}  # engine name -> the rows prepared for products

    def __getstate__(self) -> dict:
        """What is stored and compared: not what was prepared for one engine's products."""
        return self.__dict__ | {"_operands": {}}

    @classmethod
    def from_signs(cls, signs) -> BitMatrix:
        """Pack a matrix of -1 and +1, shape (rows, columns)."""
        signs = check_signs(signs, "signs", ndim=2)
        return cls(pack(signs), signs.shape[1])

    def to_signs(self) -> np.ndarray:
        """Return the signs as int8, of :attr:`shape`."""
        signs = unpack(self._words, self._columns)
        return signs.T if self._flipped else signs

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        rows = len(self._words)
        return (self._columns, rows) if self._flipped else (rows, self._columns)

    @property
    def nbytes(self) -> int:
        """Bytes of the packed signs: one bit a sign, each row rounded up to whole words."""
        return self._words.nbytes

    @property
    def words(self) -> np.ndarray:
        """The packed rows, uint64 (rows, ceil(columns / 64)); read only. Not for a ``.T`` view."""
        if self._flipped:
            raise ValueError("words are packed along the other axis: call transpose() to repack")
        view = self._words.view()
        view.flags.writeable = False
        return view

    @property
    def T(self) -> BitMatrix:  # noqa: N802 (the name NumPy gave it)
        """The transposed matrix as a view that moves no bit."""
        view = object.__new__(BitMatrix)
        view.__dict__.update(self.__dict__)
        view._flipped = not self._flipped
        return view

    def transpose(self) -> BitMatrix:
        """Return the transposed matrix packed anew along its own rows."""
        return self.T._along_rows()

    def __matmul__(self, other) -> np.ndarray:
        """Return the product with a BitMatrix or an array of signs (vector or matrix), int32."""
        if isinstance(other, BitMatrix):
            return self.dot(other)
        signs = check_signs(other, "other", ndim=(1, 2))
        if signs.ndim == 1:
            return self.dot(BitMatrix.from_signs(signs[None]).T)[:, 0]
        return self.dot(BitMatrix.from_signs(signs.T).T)

    def dot(
        self, other: BitMatrix, mask: BitMatrix | None = None, threads: int | None = None
    ) -> np.ndarray:
        """Return the matrix product, counting only the entries of ``self`` where ``mask`` is +1.

        Parameters
        ----------
        other : BitMatrix of shape (columns, n); fastest as ``W.T`` of a packed ``W``
        mask : BitMatrix of the shape of ``self``, or None to count every entry
        threads : how many threads may share the work; None asks :func:`bnnkit.engine.get_threads`

        Returns
        -------
        array of int32, shape (rows, n)
        """
        if not isinstance(other, BitMatrix):
            raise TypeError(f"other must be a BitMatrix, got {type(other).__name__}")
        if self.shape[1] != other.shape[0]:
            raise ValueError(f"inner sizes must agree, got {self.shape} @ {other.shape}")
        if mask is not None and not isinstance(mask, BitMatrix):
            raise TypeError(f"mask must be a BitMatrix, got {type(mask).__name__}")
        if mask is not None and mask.shape != self.shape:
            raise ValueError(f"mask must have shape {self.shape}, got {mask.shape}")
        if threads is not None:
            check_int(threads, "threads", low=1)
        left, right = self._along_rows(), other if other._flipped else other.T._along_rows()
        masked = None if mask is None else mask._along_rows()._words
        if overridden("3."):
            return _product_by_steps(left._words, masked, right._words, self.shape[1])
        engine = get_engine()
        operand = right._operand(engine)
        if masked is None:
            return engine.product(left._words, operand, threads)
        return engine.masked_product(left._words, masked, operand, threads)

    def _along_rows(self) -> BitMatrix:
        """This matrix with its bits packed along its own rows."""
        if not self._flipped:
            return self
        return BitMatrix(bit_transpose(self._words, self._columns), len(self._words))

    def _operand(self, engine):
        if engine.NAME not in self._operands:
            self._operands[engine.NAME] = engine.operand(self._words, self._columns)
        return self._operands[engine.NAME]

    def __eq__(self, other) -> bool:
        if not isinstance(other, BitMatrix):
            return NotImplemented
        if self.shape != other.shape:
            return False
        return np.array_equal(self._along_rows()._words, other._along_rows()._words)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        rows, columns = self.shape
        return f"BitMatrix({rows} x {columns}, {self.nbytes} bytes)"


def _product_by_steps(a, mask, b, columns: int) -> np.ndarray:
    """The product by the step functions, so that a reader's own dot product really runs."""
    if mask is None:
        return np.asarray(xnor_dot(a[:, None, :], b[None, :, :], columns))
    return np.asarray(ternary_dot(a[:, None, :], mask[:, None, :], b[None, :, :]))


def _check_words(words, name: str, columns: int | None = None) -> np.ndarray:
    words = as_array(words, name)
    if words.dtype != np.uint64:
        raise TypeError(f"{name} must hold packed words of dtype uint64, got {words.dtype}")
    if words.ndim == 0:
        raise ValueError(f"{name} must have at least 1 axis, got shape ()")
    if columns is not None:
        expected = -(-check_int(columns, "columns", low=1) // WORD)
        if words.shape[-1] != expected:
            raise ValueError(
                f"{name} must have {expected} words a row for {columns} columns, "
                f"got shape {words.shape}"
            )
    return words
