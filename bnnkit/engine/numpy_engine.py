"""The NumPy engine: every hot loop in a few lines of array code, the definition of the rest.

Products of signs go one of two ways. For a handful of rows: XOR and ``numpy.bitwise_count``. For
more, a float32 matrix product of the unpacked signs is faster, since BLAS is so well tuned; the
sums are whole numbers up to 2**22, so float32 carries them exactly and they are the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from bnnkit.philox import Stream, philox4x32

NAME = "numpy"
FEW_ROWS = 16  # up to here, counting bits is as fast as a float product, or up to 20 times faster
NEARLY_A_WORD = 48  # from so many columns, in one word, counting bits is faster for any rows
EXACT_COLUMNS = 1 << 22  # up to here a float product is read exactly: see _integers_in_place
IN_CACHE = 1 << 16  # numbers that are worked on at a time
HIDDEN_MAX = 32767  # hidden integers saturate symmetrically, so that odd stays odd and never 0
SKIPS = 256  # the longest skip that one random word can ask for


class Operand:
    """The right-hand side of many products: packed rows, and their signs once they are wanted."""

    def __init__(self, words: np.ndarray, columns: int | Sequence[int]):
        self.words = words
        self.columns = int(np.sum(columns))
        # Rows of several parts have padding within: it is multiplied as well, and taken off.
        self.padding = 0 if isinstance(columns, int) else 64 * words.shape[1] - self.columns
        self._signs: np.ndarray | None = None

    @property
    def signs(self) -> np.ndarray:
        """float32, shape (rows, columns + padding)."""
        if self._signs is None:
            self._signs = self.unpack(self.words)
        return self._signs

    def forget(self) -> None:
        """Unpack anew at the next product: the words have changed."""
        self._signs = None

    def unpack(self, words: np.ndarray) -> np.ndarray:
        """The signs of rows that are packed like these, float32, eight at a time by a table."""
        octets = np.ascontiguousarray(words).astype("<u8", copy=False).view(np.uint8)
        signs = _signs_of_octets().take(octets, axis=0).reshape(len(words), -1)
        return signs[:, : self.columns + self.padding]


@lru_cache(maxsize=1)
def _signs_of_octets() -> np.ndarray:
    """The eight signs of each byte, float32, shape (256, 8)."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    return 2 * bits.astype(np.float32) - 1


def operand(words: np.ndarray, columns: int | Sequence[int]) -> Operand:
    """Prepare packed rows (n, words) for products with them.

    ``columns`` is their number, or several where a row is made of several packed parts.
    """
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


def transposed_operand(words: np.ndarray, columns: int) -> Operand:
    """Prepare the columns of a packed matrix (n, words) for products with them."""
    return Operand(transpose_bits(words, columns), len(words))


def product(a: np.ndarray, b: Operand, threads: int | None = None) -> np.ndarray:
    """Multiply packed signs: (m, words) times (n, words) -> (m, n) int32, sums over the columns.

    Two signs multiply to +1 where their bits agree, so a sum over k of them is
    ``k - 2 * (number of bits that differ)``. Equal padding bits never differ.
    """
    one_word = a.shape[1] == 1
    many = len(a) > FEW_ROWS and b.columns + b.padding <= EXACT_COLUMNS
    if many and not (one_word and b.columns >= NEARLY_A_WORD):
        return _integers_in_place(b.unpack(a) @ b.signs.T, b.padding)
    z = np.empty((len(a), len(b.words)), np.int32)
    step = max(1, IN_CACHE // max(b.words.size, 1))
    for i in range(0, len(a), step):
        differ = np.bitwise_count(a[i : i + step, None, :] ^ b.words)
        differ = differ[:, :, 0] if one_word else differ.sum(axis=2, dtype=np.int32)
        part = np.multiply(differ, -2, out=z[i : i + step], dtype=np.int32)
        part += b.columns
    return z


def _integers_in_place(z: np.ndarray, padding: int) -> np.ndarray:
    """Whole numbers up to 2**22, float32, as int32 in the same memory, less ``padding``.

    From 2**23 to 2**24 a float32 counts in ones: added to a number in the middle between, a whole
    number stands in the last bits. A new array would take longer than many a product itself.
    """
    middle = np.float32(1.5 * 2**23)
    integers, offset = z.view(np.int32), middle.view(np.int32) + np.int32(padding)
    step = max(1, IN_CACHE // max(z.shape[1], 1))
    for i in range(0, len(z), step):
        z[i : i + step] += middle
        integers[i : i + step] -= offset
    return integers


def masked_product(
    a: np.ndarray, mask: np.ndarray, b: Operand, threads: int | None = None
) -> np.ndarray:
    """Multiply packed signs where ``mask`` (packed like ``a``) is 1; elsewhere count 0."""
    if len(a) <= FEW_ROWS:
        differ = (a[:, None, :] ^ b.words[None, :, :]) & mask[:, None, :]
        counts = np.bitwise_count(differ).sum(axis=2, dtype=np.int32)
        return np.bitwise_count(mask).sum(axis=1, dtype=np.int32)[:, None] - 2 * counts
    ternary = unpack_signs(a, b.columns) * (unpack_signs(mask, b.columns) > 0)
    return _integers_in_place(ternary.astype(np.float32) @ b.signs.T, 0)


def forward(
    a: np.ndarray, b: Operand, z: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A layer: the sums ``product(a, b)``, written to ``z`` if it is given, and their signs."""
    z = np.empty((len(a), len(b.words)), np.int32) if z is None else z
    z[...] = product(a, b)
    return z, pack_signs(z)


class Chain:
    """All the layers of a network, prepared for the way from inputs to logits.

    Called with packed inputs (n, words) or int8 signs (n, columns) it returns the logits, int32.
    """

    def __init__(self, layers: Sequence[tuple[np.ndarray, int]]):
        self.operands = [Operand(*layer) for layer in layers]
        self.inputs = inputs_of(layers)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if (x.dtype, *x.shape[1:]) not in self.inputs:
            raise not_inputs(x, self.inputs)
        if x.dtype == np.int8:
            if (np.abs(x) != 1).any():
                raise ValueError("x must hold only -1 and +1")
            x = pack_signs(x)
        for b in self.operands[:-1]:
            _, x = forward(x, b)
        return product(x, self.operands[-1])


def inputs_of(layers: Sequence[tuple[np.ndarray, int]]) -> list[tuple[np.dtype, int]]:
    """What a chain reads, the numbers and how many a sample: signs, or packed words."""
    words, columns = layers[0]
    return [(np.dtype(np.int8), columns), (np.dtype(np.uint64), words.shape[1])]


def not_inputs(x: np.ndarray, inputs: Iterable[tuple[np.dtype, int]]) -> ValueError:
    """The error for what a chain cannot read."""
    (_, signs), (_, words) = inputs
    return ValueError(
        f"x must be int8 signs (n, {signs}) or packed words, uint64 (n, {words}), "
        f"got {x.dtype} of shape {x.shape}"
    )


def chain(layers: Sequence[tuple[np.ndarray, int]]) -> Chain:
    """Prepare layers, each by its packed rows and their number of columns, for inference."""
    return Chain(layers)


def fires(logits: np.ndarray, y: np.ndarray, bound: int) -> tuple[np.ndarray, int]:
    """The samples whose own class leads by less than ``bound``, and how many are wrong.

    A sample is wrong if the first of its largest logits is not of its own class ``y``.
    """
    rows = np.arange(len(y))
    others = logits.astype(np.int64)
    others[rows, y] = np.iinfo(np.int64).min
    margins = logits[rows, y] - others.max(axis=1)
    return np.flatnonzero(margins < bound), int((logits.argmax(axis=1) != y).sum())


def back_project(
    a_star: np.ndarray, z: np.ndarray, bound: int, b: Operand, rows: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """What is desired below, packed, by the votes of ``|z| <= bound``; how many may vote.

    ``a_star`` packed (n, words) and ``z`` int32 (n, K) of the layer above; ``b`` its weights
    transposed. ``a_star`` may be of some samples only: those of the ``rows`` of ``z``.
    """
    gate = pack_within(z if rows is None else z[rows], bound)
    return pack_signs(masked_product(a_star, gate, b)), int(np.bitwise_count(gate).sum())


def differ(a: np.ndarray, b: np.ndarray) -> int:
    """How many bits of two packed batches (n, words) differ."""
    return int(np.bitwise_count(a ^ b).sum())


def agreement(z: np.ndarray, s_star: np.ndarray) -> np.ndarray:
    """Sum ``s_star * z`` over the steps: (T, n, K) int32, packed (T, n, words) -> (n, K) int32."""
    total = np.zeros(z.shape[1:], np.int32)
    for sums, wanted in zip(z, s_star):
        total += np.where(unpack_signs(wanted, z.shape[2]) > 0, sums, -sums)
    return total


def select(
    z: np.ndarray, a_star: np.ndarray, group: int, rows: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Pick in each group the wrong neuron nearest to flipping, or -1; how many are wrong.

    ``z`` int32 (n, K) and the desired activations ``a_star`` packed (n, words) give winners
    int32 (n, K / group): the neuron's index in the layer. Wrong is ``sign(z) != a_star``, nearest
    is the smallest ``|z|``, and the first of equals wins. ``a_star`` may be of some samples only:
    those of the ``rows`` of ``z``.
    """
    z = z if rows is None else z[rows]
    n, width = z.shape
    wrong = (z >= 0) != (unpack_signs(a_star, width) > 0)
    distance = np.where(wrong, np.abs(z), np.iinfo(np.int32).max).reshape(n, width // group, group)
    winner = distance.argmin(axis=2) + np.arange(0, width, group)
    winner = np.where(wrong.reshape(n, width // group, group).any(axis=2), winner, -1).astype(
        np.int32
    )
    return winner, int(wrong.sum())


def update(
    H: np.ndarray,
    words: np.ndarray,
    winners: np.ndarray,
    a_star: np.ndarray,
    a_prev: np.ndarray,
    rows: np.ndarray | None = None,
    coin: tuple[int, ...] | None = None,
    b: Operand | None = None,
) -> int:
    """Add ``2 * sum(a_star a_prev^T)`` over the winners to ``H``; re-sign; reinforce; in place.

    ``H`` int16 (K, K_prev), ``words`` its packed signs; ``winners`` (n, groups), ``a_star`` packed
    (n, K bits), ``a_prev`` packed (n, K_prev bits). The last two may have an axis in front, of
    steps that share the winners. The sum is exact, added once, then saturated. Returns how many
    signs changed.

    The winners may be of some samples only: those of the ``rows`` of ``a_prev``. ``coin`` has the
    arguments of :func:`reinforce` behind ``H``. ``b`` was prepared from ``words``, and follows.
    """
    width, fan_in = H.shape
    a_prev = a_prev if rows is None else a_prev[..., rows, :]
    steps = a_star.size // a_star.shape[-1] // len(winners)
    a_star, a_prev = (a.reshape(steps * len(winners), -1) for a in (a_star, a_prev))
    sample, group = np.nonzero(np.tile(winners, (steps, 1)) >= 0)
    neuron = np.tile(winners, (steps, 1))[sample, group]
    chosen = np.zeros((len(a_star), width), np.float32)
    chosen[sample, neuron] = unpack_signs(a_star, width)[sample, neuron]
    total = (chosen.T @ unpack_signs(a_prev, fan_in).astype(np.float32)).astype(np.int32)
    H[...] = np.clip(H + 2 * total, -HIDDEN_MAX, HIDDEN_MAX)
    before = words.copy()
    words[...] = pack_signs(H)
    if coin is not None:
        reinforce(H, *coin)
    if b is not None:
        b.forget()
    return differ(before, words)


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


def trains_whole(samples: int) -> bool:
    """Whether a batch of so many samples is one for ``train_batch``: there is none here."""
    return False


def reinforce(
    H: np.ndarray, probability: int, seed: int, layer: int, batch: int, epoch: int
) -> None:
    """Push the picked entries of ``H`` 2 further from zero, in place; no sign changes."""
    chosen = chosen_entries(H.shape, probability, seed, layer, batch, epoch)
    pushed = H + np.where(H < 0, np.int32(-2), np.int32(2))
    H[chosen] = np.clip(pushed, -HIDDEN_MAX, HIDDEN_MAX)[chosen]
