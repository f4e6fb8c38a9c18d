"""The NumPy engine: every hot loop in a few lines of array code, the definition of the rest.

Products of signs go one of two ways. For a handful of rows: XOR and ``numpy.bitwise_count``. For
more, a float32 matrix product of the unpacked signs is faster, since BLAS is so well tuned; the
sums are whole numbers below 2**24, so float32 carries them exactly and they are the same bits.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bnnkit.philox import Stream, philox4x32

NAME = "numpy"
FEW_ROWS = 4  # up to here, counting bits beats a float product
HIDDEN_MAX = 32767  # hidden integers saturate symmetrically, so that odd stays odd and never 0
SKIPS = 256  # the longest skip that one random word can ask for


class Operand:
    """The right-hand side of many products: packed rows, and their signs once they are wanted."""

    def __init__(self, words: np.ndarray, columns: int):
        self.words = words
        self.columns = columns
        self._signs: np.ndarray | None = None

    @property
    def signs(self) -> np.ndarray:
        """float32, shape (rows, columns)."""
        if self._signs is None:
            self._signs = unpack_signs(self.words, self.columns).astype(np.float32)
        return self._signs


def operand(words: np.ndarray, columns: int) -> Operand:
    """Prepare packed rows (n, words) for products with them."""
    return Operand(words, columns)


def pack_signs(x: np.ndarray) -> np.ndarray:
    """Pack ``x >= 0`` along the last axis, 64 bits a word: (m, k) -> (m, ceil(k / 64))."""
    return _pack_bits(x >= 0)


def pack_within(z: np.ndarray, bound: int) -> np.ndarray:
    """Pack ``|z| <= bound`` along the last axis: (m, k) -> (m, ceil(k / 64))."""
    return _pack_bits(np.abs(z) <= bound)


def _pack_bits(bits: np.ndarray) -> np.ndarray:
    rows, columns = bits.shape
    words = np.zeros((rows, -(-columns // 64) * 8), np.uint8)
    words[:, : -(-columns // 8)] = np.packbits(bits, axis=1, bitorder="little")
    return words.view("<u8").astype(np.uint64, copy=False)


def unpack_signs(words: np.ndarray, columns: int) -> np.ndarray:
    """Unpack words (m, ceil(columns / 64)) to signs (m, columns), int8."""
    octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little", count=columns)
    return 2 * bits.view(np.int8) - 1


def transpose_bits(words: np.ndarray, columns: int) -> np.ndarray:
    """Transpose a packed matrix: (m, ceil(columns / 64)) -> (columns, ceil(m / 64))."""
    return pack_signs(unpack_signs(words, columns).T)


def product(a: np.ndarray, b: Operand, threads: int = 1) -> np.ndarray:
    """Multiply packed signs: (m, words) times (n, words) -> (m, n) int32, sums over the columns.

    Two signs multiply to +1 where their bits agree, so a sum over k of them is
    ``k - 2 * (number of bits that differ)``. Equal padding bits never differ.
    """
    if len(a) <= FEW_ROWS:
        differ = np.bitwise_count(a[:, None, :] ^ b.words[None, :, :]).sum(axis=2, dtype=np.int32)
        return b.columns - 2 * differ
    signs = unpack_signs(a, b.columns).astype(np.float32)
    return (signs @ b.signs.T).astype(np.int32)


def masked_product(a: np.ndarray, mask: np.ndarray, b: Operand, threads: int = 1) -> np.ndarray:
    """Multiply packed signs where ``mask`` (packed like ``a``) is 1; elsewhere count 0."""
    if len(a) <= FEW_ROWS:
        differ = (a[:, None, :] ^ b.words[None, :, :]) & mask[:, None, :]
        counts = np.bitwise_count(differ).sum(axis=2, dtype=np.int32)
        return np.bitwise_count(mask).sum(axis=1, dtype=np.int32)[:, None] - 2 * counts
    ternary = unpack_signs(a, b.columns) * (unpack_signs(mask, b.columns) > 0)
    return (ternary.astype(np.float32) @ b.signs.T).astype(np.int32)


def select(z: np.ndarray, a_star: np.ndarray, group: int) -> np.ndarray:
    """Pick in each group the wrong neuron nearest to flipping, or -1 where none is wrong.

    ``z`` int32 (n, K) and the desired activations ``a_star`` packed (n, words) give winners
    int32 (n, K / group): the neuron's index in the layer. Wrong is ``sign(z) != a_star``, nearest
    is the smallest ``|z|``, and the first of equals wins.
    """
    n, width = z.shape
    wrong = (z >= 0) != (unpack_signs(a_star, width) > 0)
    distance = np.where(wrong, np.abs(z), np.iinfo(np.int32).max).reshape(n, -1, group)
    winner = distance.argmin(axis=2) + np.arange(0, width, group)
    return np.where(wrong.reshape(n, -1, group).any(axis=2), winner, -1).astype(np.int32)


def update(
    H: np.ndarray, words: np.ndarray, winners: np.ndarray, a_star: np.ndarray, a_prev: np.ndarray
) -> None:
    """Add ``2 * sum(a_star a_prev^T)`` over the winners to ``H`` and re-sign ``words``, in place.

    ``H`` int16 (K, K_prev), ``words`` its packed signs; ``winners`` (n, groups), ``a_star`` packed
    (n, K bits), ``a_prev`` packed (n, K_prev bits). The sum is exact, added once, then saturated.
    """
    width, fan_in = H.shape
    sample, group = np.nonzero(winners >= 0)
    neuron = winners[sample, group]
    chosen = np.zeros((len(winners), width), np.float32)
    chosen[sample, neuron] = unpack_signs(a_star, width)[sample, neuron]
    total = (chosen.T @ unpack_signs(a_prev, fan_in).astype(np.float32)).astype(np.int32)
    H[...] = np.clip(H + 2 * total, -HIDDEN_MAX, HIDDEN_MAX)
    words[...] = pack_signs(H)


@lru_cache(maxsize=64)
def skip_table(probability: int) -> np.ndarray:
    """Return ``(1 - p)**k * 2**32`` for k = 1 .. SKIPS, uint64, rounded down at every step.

    ``probability`` is ``p`` as a 32-bit integer threshold; all products are integers. A logarithm
    would be shorter, but its last digit differs between machines.
    """
    table = np.empty(SKIPS, np.uint64)
    survival = 1 << 32
    for k in range(SKIPS):
        survival = survival * ((1 << 32) - probability) >> 32
        table[k] = survival
    table.flags.writeable = False  # it is kept for the next call
    return table


def chosen_entries(
    shape: tuple[int, int], probability: int, seed: int, layer: int, batch: int, epoch: int
) -> np.ndarray:
    """Return which entries of a matrix a coin of ``probability`` picks (bool, ``shape``).

    Instead of a coin for every entry, each random word says how many entries to skip before the
    next one picked (a geometric number). Each row reads its own part of the stream, so rows can
    be done in any order.
    """
    rows, columns = shape
    chosen = np.zeros(shape, bool)
    blocks_a_row = -(-columns // 4)
    table = skip_table(probability)[::-1].copy()  # ascending, for searchsorted
    position = np.zeros(rows, np.int64)  # the next entry of each row that is undecided
    block, todo = 0, np.arange(rows)
    while len(todo):
        counter = np.empty((len(todo), 4), np.uint32)
        counter[:, 0] = todo * blocks_a_row + block
        counter[:, 1:] = layer, batch, epoch
        words = philox4x32(counter, (seed, int(Stream.REINFORCE)))
        for word in words.T:
            skip = SKIPS - np.searchsorted(table, word.astype(np.uint64), side="right")
            position[todo] += skip
            hit = (skip < SKIPS) & (position[todo] < columns)
            chosen[todo[hit], position[todo[hit]]] = True
            position[todo] += skip < SKIPS
        block += 1
        todo = todo[position[todo] < columns]
    return chosen


def reinforce(
    H: np.ndarray, probability: int, seed: int, layer: int, batch: int, epoch: int
) -> None:
    """Push the picked entries of ``H`` 2 further from zero, in place; no sign changes."""
    chosen = chosen_entries(H.shape, probability, seed, layer, batch, epoch)
    pushed = H + np.where(H < 0, np.int32(-2), np.int32(2))
    H[chosen] = np.clip(pushed, -HIDDEN_MAX, HIDDEN_MAX)[chosen]
