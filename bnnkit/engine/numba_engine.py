"""The numba engine: the hot loops compiled to machine code, the same bits as the NumPy engine.

Every kernel is a plain loop over plain arrays. Its twin to step through in a debugger is the same
function before compilation: ``kernel.py_func``. Kernels live at module level with
``cache=True``, so that a second process finds them compiled.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bnnkit.engine.numpy_engine import HIDDEN_MAX, SKIPS, skip_table
from bnnkit.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1, Stream

NAME = "numba"


class Operand:
    """The right-hand side of many products: packed rows."""

    def __init__(self, words: np.ndarray, columns: int):
        self.words = np.ascontiguousarray(words)
        self.columns = columns


def operand(words: np.ndarray, columns: int) -> Operand:
    """Prepare packed rows (n, words) for products with them."""
    return Operand(words, columns)


def pack_signs(x: np.ndarray) -> np.ndarray:
    """Pack ``x >= 0`` along the last axis, 64 bits a word: (m, k) -> (m, ceil(k / 64))."""
    words = np.empty((x.shape[0], -(-x.shape[1] // 64)), np.uint64)
    _pack_signs(np.ascontiguousarray(x), words)
    return words


def pack_within(z: np.ndarray, bound: int) -> np.ndarray:
    """Pack ``|z| <= bound`` along the last axis: (m, k) -> (m, ceil(k / 64))."""
    words = np.empty((z.shape[0], -(-z.shape[1] // 64)), np.uint64)
    _pack_within(np.ascontiguousarray(z), np.int64(bound), words)
    return words


def unpack_signs(words: np.ndarray, columns: int) -> np.ndarray:
    """Unpack words (m, ceil(columns / 64)) to signs (m, columns), int8."""
    signs = np.empty((words.shape[0], columns), np.int8)
    _unpack_signs(np.ascontiguousarray(words), signs)
    return signs


def transpose_bits(words: np.ndarray, columns: int) -> np.ndarray:
    """Transpose a packed matrix: (m, ceil(columns / 64)) -> (columns, ceil(m / 64))."""
    out = np.zeros((columns, -(-words.shape[0] // 64)), np.uint64)
    _transpose_bits(np.ascontiguousarray(words), out)
    return out


def product(a: np.ndarray, b: Operand, threads: int = 1) -> np.ndarray:
    """Multiply packed signs: (m, words) times (n, words) -> (m, n) int32, sums over the columns."""
    z = np.empty((len(a), len(b.words)), np.int32)
    _product(np.ascontiguousarray(a), b.words, b.columns, z)
    return z


def masked_product(a: np.ndarray, mask: np.ndarray, b: Operand, threads: int = 1) -> np.ndarray:
    """Multiply packed signs where ``mask`` (packed like ``a``) is 1; elsewhere count 0."""
    z = np.empty((len(a), len(b.words)), np.int32)
    _masked_product(np.ascontiguousarray(a), np.ascontiguousarray(mask), b.words, z)
    return z


def select(z: np.ndarray, a_star: np.ndarray, group: int) -> np.ndarray:
    """Pick in each group the wrong neuron nearest to flipping, or -1 where none is wrong."""
    winners = np.empty((z.shape[0], z.shape[1] // group), np.int32)
    _select(np.ascontiguousarray(z), np.ascontiguousarray(a_star), group, winners)
    return winners


def update(
    H: np.ndarray, words: np.ndarray, winners: np.ndarray, a_star: np.ndarray, a_prev: np.ndarray
) -> None:
    """Add ``2 * sum(a_star a_prev^T)`` over the winners to ``H`` and re-sign ``words``, in place."""
    _update(H, words, winners, np.ascontiguousarray(a_star), np.ascontiguousarray(a_prev))


def reinforce(
    H: np.ndarray, probability: int, seed: int, layer: int, batch: int, epoch: int
) -> None:
    """Push the picked entries of ``H`` 2 further from zero, in place; no sign changes."""
    _reinforce(H, skip_table(probability), seed, layer, batch, epoch)


# --- the kernels ---------------------------------------------------------------------------------

_ONE = np.uint64(1)


@njit(cache=True, inline="always")
def _popcount(x):
    """Count the ones of a 64-bit word, adding neighbours in ever wider fields (SWAR).

    The compiler knows this pattern and puts the processor's popcount in its place.
    """
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True)
def _pack_signs(x, words):
    rows, columns = x.shape
    for i in range(rows):
        for j in range(words.shape[1]):
            word = np.uint64(0)
            for bit in range(min(64, columns - 64 * j)):
                word |= np.uint64(x[i, 64 * j + bit] >= 0) << np.uint64(bit)
            words[i, j] = word


@njit(cache=True)
def _pack_within(z, bound, words):
    rows, columns = z.shape
    for i in range(rows):
        for j in range(words.shape[1]):
            word = np.uint64(0)
            for bit in range(min(64, columns - 64 * j)):
                word |= np.uint64(abs(z[i, 64 * j + bit]) <= bound) << np.uint64(bit)
            words[i, j] = word


@njit(cache=True)
def _unpack_signs(words, signs):
    rows, columns = signs.shape
    for i in range(rows):
        for j in range(columns):
            bit = (words[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            signs[i, j] = 2 * np.int8(bit) - 1


@njit(cache=True)
def _transpose_bits(words, out):
    columns, rows = out.shape[0], words.shape[0]
    for i in range(rows):
        for j in range(columns):
            bit = (words[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            out[j, i >> 6] |= bit << np.uint64(i & 63)


@njit(cache=True)
def _product(a, b, columns, z):
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            differ = np.uint64(0)
            for k in range(a.shape[1]):
                differ += _popcount(a[i, k] ^ b[j, k])
            z[i, j] = columns - 2 * np.int64(differ)


@njit(cache=True)
def _masked_product(a, mask, b, z):
    for i in range(a.shape[0]):
        counted = np.uint64(0)
        for k in range(a.shape[1]):
            counted += _popcount(mask[i, k])
        for j in range(b.shape[0]):
            differ = np.uint64(0)
            for k in range(a.shape[1]):
                differ += _popcount((a[i, k] ^ b[j, k]) & mask[i, k])
            z[i, j] = np.int64(counted) - 2 * np.int64(differ)


@njit(cache=True)
def _select(z, a_star, group, winners):
    for i in range(z.shape[0]):
        for g in range(winners.shape[1]):
            winner, nearest = -1, np.int64(1) << 62
            for j in range(g * group, (g + 1) * group):
                wanted = (a_star[i, j >> 6] >> np.uint64(j & 63)) & _ONE
                distance = abs(np.int64(z[i, j]))
                if (z[i, j] >= 0) != (wanted == _ONE) and distance < nearest:
                    winner, nearest = j, distance
            winners[i, g] = winner


@njit(cache=True)
def _update(H, words, winners, a_star, a_prev):
    fan_in = H.shape[1]
    groups = winners.shape[1]
    group = H.shape[0] // groups
    total = np.empty(fan_in, np.int32)
    for j in range(H.shape[0]):
        touched = False
        for i in range(winners.shape[0]):
            if winners[i, j // group] != j:
                continue
            if not touched:
                total[:] = 0
                touched = True
            wanted = (a_star[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            for k in range(fan_in):
                bit = (a_prev[i, k >> 6] >> np.uint64(k & 63)) & _ONE
                total[k] += 2 if bit == wanted else -2
        if touched:
            for k in range(fan_in):
                H[j, k] = min(max(np.int32(H[j, k]) + total[k], -HIDDEN_MAX), HIDDEN_MAX)
            _pack_signs(H[j : j + 1], words[j : j + 1])


@njit(cache=True)
def _philox(index, layer, batch, epoch, key_0, key_1, out):
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    c0, c1, c2, c3 = np.uint64(index), np.uint64(layer), np.uint64(batch), np.uint64(epoch)
    k0, k1 = np.uint64(key_0), np.uint64(key_1)
    for _ in range(ROUNDS):
        product_0 = c0 * np.uint64(MULTIPLIER_0)
        product_1 = c2 * np.uint64(MULTIPLIER_1)
        c0 = (product_1 >> half) ^ c1 ^ k0
        c2 = (product_0 >> half) ^ c3 ^ k1
        c1, c3 = product_1 & low, product_0 & low
        k0, k1 = (k0 + np.uint64(WEYL_0)) & low, (k1 + np.uint64(WEYL_1)) & low
    out[0], out[1], out[2], out[3] = c0, c1, c2, c3


_REINFORCE = int(Stream.REINFORCE)


@njit(cache=True)
def _reinforce(H, table, seed, layer, batch, epoch):
    rows, columns = H.shape
    blocks_a_row = -(-columns // 4)
    words = np.empty(4, np.uint64)
    for i in range(rows):
        position, used = 0, 4
        block = i * blocks_a_row
        while position < columns:
            if used == 4:
                _philox(block, layer, batch, epoch, seed, _REINFORCE, words)
                block, used = block + 1, 0
            skip = _skip(table, words[used])
            used += 1
            position += skip
            if skip < SKIPS:
                if position < columns:
                    h = np.int32(H[i, position])
                    h = h - 2 if h < 0 else h + 2
                    H[i, position] = min(max(h, -HIDDEN_MAX), HIDDEN_MAX)
                position += 1


@njit(cache=True)
def _skip(table, word):
    """How many entries of the descending ``table`` are above ``word`` (binary search)."""
    low, high = 0, SKIPS
    while low < high:
        middle = (low + high) // 2
        if word < table[middle]:
            low = middle + 1
        else:
            high = middle
    return low
