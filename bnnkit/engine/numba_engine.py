"""The numba engine: the interface of the NumPy engine over compiled kernels, the same bits.

The functions here take what callers have, make it contiguous, allocate the result, and call one
kernel of :mod:`bnnkit.engine.kernels`.
"""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np

from bnnkit.engine import kernels
from bnnkit.engine.intrinsics import PANEL
from bnnkit.engine.numpy_engine import skip_table

NAME = "numba"
PARALLEL_WORK = 1 << 28  # bit products below which a second thread costs more than it brings


class Operand:
    """The right-hand side of many products: packed rows, sixteen side by side in each panel."""

    def __init__(self, words: np.ndarray, columns: int):
        self.rows, self.columns = len(words), columns
        self.panels = np.zeros((-(-len(words) // PANEL), words.shape[1], PANEL), np.uint64)
        kernels.fill_panels(np.ascontiguousarray(words), self.panels)


def operand(words: np.ndarray, columns: int) -> Operand:
    """Prepare packed rows (n, words) for products with them."""
    return Operand(words, columns)


def pack_signs(x: np.ndarray) -> np.ndarray:
    """Pack ``x >= 0`` along the last axis, 64 bits a word: (m, k) -> (m, ceil(k / 64))."""
    words = np.empty((x.shape[0], -(-x.shape[1] // 64)), np.uint64)
    kernel = kernels.pack_integer_signs if x.dtype.kind == "i" else kernels.pack_signs
    kernel(np.ascontiguousarray(x), words)
    return words


def pack_within(z: np.ndarray, bound: int) -> np.ndarray:
    """Pack ``|z| <= bound`` along the last axis: (m, k) -> (m, ceil(k / 64))."""
    words = np.empty((z.shape[0], -(-z.shape[1] // 64)), np.uint64)
    kernels.pack_within(np.ascontiguousarray(z, dtype=np.int32), bound, words)
    return words


def unpack_signs(words: np.ndarray, columns: int) -> np.ndarray:
    """Unpack words (m, ceil(columns / 64)) to signs (m, columns), int8."""
    signs = np.empty((words.shape[0], columns), np.int8)
    kernels.unpack_signs(np.ascontiguousarray(words), signs)
    return signs


def transpose_bits(words: np.ndarray, columns: int) -> np.ndarray:
    """Transpose a packed matrix: (m, ceil(columns / 64)) -> (columns, ceil(m / 64))."""
    out = np.empty((columns, -(-words.shape[0] // 64)), np.uint64)
    kernels.transpose_bits(np.ascontiguousarray(words), words.shape[0], columns, out)
    return out


def product(a: np.ndarray, b: Operand, threads: int = 1) -> np.ndarray:
    """Multiply packed signs: (m, words) times (n, words) -> (m, n) int32, sums over the columns."""
    z = np.empty((len(a), b.rows), np.int32)
    a = np.ascontiguousarray(a)
    if threads == 1 or z.size * b.columns < PARALLEL_WORK:
        kernels.product(a, b.panels, b.columns, z)
        return z
    before = numba.get_num_threads()
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    try:
        kernels.product_parallel(a, b.panels, b.columns, z)
    finally:
        numba.set_num_threads(before)
    return z


def masked_product(a: np.ndarray, mask: np.ndarray, b: Operand, threads: int = 1) -> np.ndarray:
    """Multiply packed signs where ``mask`` (packed like ``a``) is 1; elsewhere count 0."""
    z = np.empty((len(a), b.rows), np.int32)
    kernels.masked_product(np.ascontiguousarray(a), np.ascontiguousarray(mask), b.panels, z)
    return z


def select(z: np.ndarray, a_star: np.ndarray, group: int) -> np.ndarray:
    """Pick in each group the wrong neuron nearest to flipping, or -1 where none is wrong."""
    winners = np.empty((z.shape[0], z.shape[1] // group), np.int32)
    z = np.ascontiguousarray(z, dtype=np.int32)
    kernels.select(z, np.ascontiguousarray(a_star), group, winners)
    return winners


def update(
    H: np.ndarray, words: np.ndarray, winners: np.ndarray, a_star: np.ndarray, a_prev: np.ndarray
) -> None:
    """Add ``2 * sum(a_star a_prev^T)`` over the winners to ``H``; re-sign ``words``; in place."""
    a_star, a_prev = np.ascontiguousarray(a_star), np.ascontiguousarray(a_prev)
    kernels.update(H, words, np.ascontiguousarray(winners), a_star, a_prev)


def reinforce(
    H: np.ndarray, probability: int, seed: int, layer: int, batch: int, epoch: int
) -> None:
    """Push the picked entries of ``H`` 2 further from zero, in place; no sign changes."""
    expected = H.shape[1] * probability / 2**32 + H.shape[1] / 256
    chunk = max(1, int(expected / 4) + 1)  # random words for a typical row, made in one go
    table, guide = skip_table(probability), _guide(probability)
    kernels.reinforce(H, table, guide, chunk, seed, layer, batch, epoch)


@lru_cache(maxsize=64)
def _guide(probability: int) -> np.ndarray:
    guide = np.empty(256, np.int32)
    kernels.fill_guide(skip_table(probability), guide)
    return guide
