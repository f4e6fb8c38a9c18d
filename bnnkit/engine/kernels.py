"""The compiled kernels of the numba engine, and their twins in plain loops.

Kernels are at module level with ``cache=True``, so that a second process finds them compiled, and
take contiguous arrays only, so that each is compiled once. A kernel that is built from the vector
code of :mod:`bnnkit.engine.intrinsics` has a twin, ``..._loops``: the same function in plain loops,
to read, to step through (``..._loops.py_func``), and to test against. The others are plain loops
themselves.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bnnkit.engine.intrinsics import (
    LANES,
    PANEL,
    ROWS,
    copy_column,
    copy_eight,
    masked_tile_1,
    masked_tile_4,
    ones,
    sign_tile_1,
    sign_tile_4,
    stay_a_call,
    store_signs,
    swap_quarters,
    tile_1,
    tile_4,
    word_of_signs,
    word_within,
)

ROW_BLOCK = 512  # rows whose words stay in the cache while the panels go by
CHAIN_ROWS = 64  # rows that go through all layers of a network together
SHARES = 64 // PANEL  # a word holds the signs of so many panels
_ONE = np.uint64(1)

# Of what numba would add, a kernel needs neither a C callback nor a check of every division; a part
# is compiled inside each kernel that uses it, not a second time on its own.
kernel = njit(cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True)
part = njit(inline="always")


# --- packing -------------------------------------------------------------------------------------


@kernel
def pack_integer_signs_loops(x, words):
    """Pack ``x >= 0`` of integers as it is defined: bit ``j % 64`` of word ``j // 64``."""
    words[:] = 0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            words[i, j >> 6] |= np.uint64(x[i, j] >= 0) << np.uint64(j & 63)


@kernel
def pack_integer_signs(x, words):
    """The same, 64 at a time; the tail of a row bit by bit."""
    rows, columns = x.shape
    whole = columns // 64
    for i in range(rows):
        for j in range(whole):
            words[i, j] = word_of_signs(x, i * columns + 64 * j)
        if whole < words.shape[1]:
            word = np.uint64(0)
            for bit in range(columns - 64 * whole):
                word |= np.uint64(x[i, 64 * whole + bit] >= 0) << np.uint64(bit)
            words[i, whole] = word


@kernel
def pack_within_loops(z, rows, bound, words):
    """Pack ``|z| <= bound`` of some rows of int32 sums; how many are within."""
    within = 0
    words[:] = 0
    for i in range(rows.size):
        for j in range(z.shape[1]):
            near = abs(z[rows[i], j]) <= bound
            words[i, j >> 6] |= np.uint64(near) << np.uint64(j & 63)
            within += near
    return within


@kernel
def pack_within(z, rows, bound, words):
    """The same, 64 at a time."""
    columns, within = z.shape[1], 0
    whole = columns // 64
    for i in range(rows.size):
        at = rows[i] * columns
        for j in range(whole):
            words[i, j] = word_within(z, at + 64 * j, bound)
            within += ones(words[i, j])
        if whole < words.shape[1]:
            word = np.uint64(0)
            for bit in range(columns - 64 * whole):
                word |= np.uint64(abs(z[rows[i], 64 * whole + bit]) <= bound) << np.uint64(bit)
            words[i, whole] = word
            within += ones(word)
    return within


@kernel
def unpack_signs_loops(words, signs):
    """Unpack words to int8 signs."""
    for i in range(signs.shape[0]):
        for j in range(signs.shape[1]):
            signs[i, j] = 1 if (words[i, j >> 6] >> np.uint64(j & 63)) & _ONE else -1


@kernel
def unpack_signs(words, signs):
    """The same, 64 at a time."""
    rows, columns = signs.shape
    whole = columns // 64
    for i in range(rows):
        for j in range(whole):
            store_signs(signs, i * columns + 64 * j, words[i, j])
        for j in range(64 * whole, columns):
            signs[i, j] = 2 * np.int8((words[i, whole] >> np.uint64(j & 63)) & _ONE) - 1


@kernel
def transpose_bits_loops(words, rows, columns, out):
    """The transposed matrix as it is defined, bit by bit."""
    out[:] = 0
    for i in range(rows):
        for j in range(columns):
            bit = (words[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            out[j, i >> 6] |= bit << np.uint64(i & 63)


@part
def transpose_blocks(words, rows, i, j, block):
    """Transpose 64 x 64 bits from row ``i`` and word ``j`` on, eight side by side.

    Bits are swapped between ever smaller quarters. Column ``c`` of word ``j + lane`` is then
    ``block[8 * c + lane]``.
    """
    across = words.shape[1]
    for r in range(64):
        there = across - j if i + r < rows else 0
        copy_eight(words, (i + r) * across + j, there, block, r)
    half, mask = 32, np.uint64(0x00000000FFFFFFFF)
    while half:
        for first in range(0, 64, 2 * half):
            for r in range(first, first + half):
                swap_quarters(block, r, r + half, np.uint64(half), mask)
        half >>= 1
        mask ^= mask << np.uint64(half)


@kernel
def transpose_bits(words, rows, columns, out):
    """The transposed matrix, block by block."""
    block = np.empty(64 * LANES, np.int64)
    for i in range(0, rows, 64):
        for j in range(0, words.shape[1], LANES):
            transpose_blocks(words, rows, i, j, block)
            for c in range(min(64 * LANES, columns - 64 * j)):
                out[64 * j + c, i // 64] = block[(c & 63) * LANES + c // 64]


@kernel
def fill_panels(words, panels):
    """Store packed rows in panels: word k of 16 of them side by side; missing ones are 0."""
    rows, at = words.shape[0], 0
    for first in range(0, rows, PANEL):
        for k in range(words.shape[1]):
            for i in range(first, first + PANEL):
                panels[at] = words[i, k] if i < rows else np.uint64(0)
                at += 1


@kernel
def fill_panels_transposed_loops(words, rows, columns, panels):
    """Store the columns of a packed matrix in panels, as :func:`fill_panels` would its rows."""
    deep = (rows + 63) // 64 * PANEL  # words in a panel
    panels[:] = 0
    for i in range(rows):
        for j in range(columns):
            bit = (words[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            panels[j // PANEL * deep + i // 64 * PANEL + j % PANEL] |= bit << np.uint64(i & 63)


@kernel
def fill_panels_transposed(words, rows, columns, panels):
    """The same, block by block."""
    block = np.empty(64 * LANES, np.int64)
    deep = (rows + 63) // 64 * PANEL  # words in a panel
    for i in range(0, rows, 64):
        for j in range(0, words.shape[1], LANES):
            transpose_blocks(words, rows, i, j, block)
            for lane in range(LANES):
                for c in range(0, min(64, columns - 64 * (j + lane)), PANEL):
                    at = (64 * (j + lane) + c) // PANEL * deep + i // 64 * PANEL
                    copy_column(block, c, lane, panels, at)


# --- products ------------------------------------------------------------------------------------


@njit(cache=True, inline="always")
def popcount(x):
    """Count the ones of a 64-bit word, adding neighbours in ever wider fields (SWAR)."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@kernel
def product_loops(a, b, columns, z):
    """The product as it is defined: ``K - 2 * popcount(a XOR b)`` for each pair of rows."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            differ = np.uint64(0)
            for k in range(a.shape[1]):
                differ += popcount(a[i, k] ^ b[j, k])
            z[i, j] = columns - 2 * np.int64(differ)


@kernel
def masked_product_loops(a, mask, b, z):
    """The masked product as it is defined."""
    for i in range(a.shape[0]):
        counted = np.uint64(0)
        for k in range(a.shape[1]):
            counted += popcount(mask[i, k])
        for j in range(b.shape[0]):
            differ = np.uint64(0)
            for k in range(a.shape[1]):
                differ += popcount((a[i, k] ^ b[j, k]) & mask[i, k])
            z[i, j] = np.int64(counted) - 2 * np.int64(differ)


@part
def sum_panels(a, a_at, words, count, panels, begin, columns, z, z_at):
    """Rows of ``words`` words, from ``a_at`` on, times the panels from ``begin`` on; sums."""
    n, tiled = z.shape[1], count // ROWS * ROWS
    for first in range(0, n, PANEL):
        at, there = begin + first * words, n - first
        for r in range(0, tiled, ROWS):
            i, j = a_at + r * words, z_at + r * n + first
            tile_4(a, a, i, panels, at, words, columns, z, j, n, there)
        for r in range(tiled, count):
            i, j = a_at + r * words, z_at + r * n + first
            tile_1(a, a, i, panels, at, words, columns, z, j, n, there)


@kernel
def product(a, panels, columns, z):
    """Packed rows, as many at once as stay in the cache, times panels."""
    rows, words, n = a.shape[0], a.shape[1], z.shape[1]
    for top in range(0, rows, ROW_BLOCK):
        count = min(ROW_BLOCK, rows - top)
        sum_panels(a, top * words, words, count, panels, 0, columns, z, top * n)


@part
def sign_panels(packed, below, words, count, panels, begin, columns, above, n):
    """A layer of ``n`` neurons, from the rows at ``below`` to those at ``above``: signs alone.

    No sum is ever written: a tile ends in 16 bits.
    """
    out = (n + 63) >> 6
    for r in range(count):
        packed[above + (r + 1) * out - 1] = 0  # the last panel may end before the last word
    tiled = count // ROWS * ROWS
    for first in range(0, n, PANEL):
        at, there = begin + first * words, n - first
        to, stride = above * SHARES + first // PANEL, out * SHARES
        for r in range(0, tiled, ROWS):
            i, j = below + r * words, to + r * stride
            sign_tile_4(packed, packed, i, panels, at, words, columns, packed, j, stride, there)
        for r in range(tiled, count):
            i, j = below + r * words, to + r * stride
            sign_tile_1(packed, packed, i, panels, at, words, columns, packed, j, stride, there)


@kernel
def chain_loops(a, panels, widths, logits):
    """All layers of a network, one after the other; ``panels`` holds those of each in turn.

    Returns that the input is as it should be: words always are.
    """
    offset = 0
    for i in range(len(widths) - 1):
        words, n = a.shape[1], widths[i + 1]
        z = np.empty((a.shape[0], n), np.int32)
        signs = np.zeros((a.shape[0], (n + 63) >> 6), np.uint64)
        for r in range(a.shape[0]):
            for j in range(n):
                differ, at = np.uint64(0), offset + j // PANEL * words * PANEL + j % PANEL
                for k in range(words):
                    differ += popcount(a[r, k] ^ panels[at + k * PANEL])
                z[r, j] = widths[i] - 2 * np.int64(differ)
                signs[r, j >> 6] |= np.uint64(z[r, j] >= 0) << np.uint64(j & 63)
        offset += (n + PANEL - 1) // PANEL * PANEL * words
        a = signs
    logits[:] = z
    return True


@kernel
def chain(a, panels, widths, logits):
    """The same, a few rows at a time through all layers."""
    stay_a_call()
    widest = 0
    for width in widths:
        widest = max(widest, width)
    rows, n, last = min(a.shape[0], CHAIN_ROWS), logits.shape[1], len(widths) - 2
    room = rows * ((widest + 63) >> 6)
    packed = np.empty(2 * room, np.uint64)  # a layer's input and output
    for begin in range(0, a.shape[0], CHAIN_ROWS):
        count, words = min(CHAIN_ROWS, a.shape[0] - begin), a.shape[1]
        for r in range(count):
            for k in range(words):
                packed[r * words + k] = a[begin + r, k]
        below, offset = 0, 0
        for i in range(last):
            K = widths[i + 1]
            above = room - below
            sign_panels(packed, below, words, count, panels, offset, widths[i], above, K)
            offset += (K + PANEL - 1) // PANEL * PANEL * words
            below, words = above, (K + 63) >> 6
        sum_panels(packed, below, words, count, panels, offset, widths[last], logits, begin * n)
    return True


@kernel
def chain_of_signs(x, panels, widths, logits):
    """The same from int8 signs; returns whether each of them is -1 or +1."""
    words = np.empty((x.shape[0], (x.shape[1] + 63) >> 6), np.uint64)
    pack_integer_signs(x, words)
    chain(words, panels, widths, logits)
    strange = 0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            strange |= (x[i, j] * x[i, j]) ^ 1
    return strange == 0


@kernel
def masked_product(a, mask, panels, z):
    """The product, counting only where the mask is 1."""
    n, words = z.shape[1], a.shape[1]
    tiled = a.shape[0] // ROWS * ROWS
    for first in range(0, n, PANEL):
        at = first * words
        for i in range(0, tiled, ROWS):
            masked_tile_4(a, mask, i * words, panels, at, words, 0, z, i * n + first, n, n - first)
        for i in range(tiled, a.shape[0]):
            masked_tile_1(a, mask, i * words, panels, at, words, 0, z, i * n + first, n, n - first)
