"""The compiled kernels of the numba engine, and their twins in plain loops.

Kernels are at module level with ``cache=True``, so that a second process finds them compiled, and
take contiguous arrays only, so that each is compiled once. A kernel that is built from the vector
code of :mod:`bnnkit.engine.intrinsics` has a twin, ``..._loops``: the same function in plain loops,
to read, to step through (``..._loops.py_func``), and to test against. The others are plain loops
themselves.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from bnnkit.engine.intrinsics import (
    PANEL,
    ROWS,
    add_saturated,
    add_signs,
    keep_where,
    masked_tile_1,
    masked_tile_4,
    store_signs,
    tile_1,
    tile_4,
    word_of_signs,
    word_within,
)
from bnnkit.engine.numpy_engine import HIDDEN_MAX, SKIPS
from bnnkit.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1, Stream

ROW_BLOCK = 512  # rows whose words stay in the cache while the panels go by
FAR = 2**31 - 1  # the distance of a neuron that is not wrong
MOST_HITS = 16000  # of one neuron in a batch: so many steps of 2 fit in 16 bits
BESIDE = 32  # rows whose random words are made side by side
ROUNDS_OF_PHILOX = ROUNDS
REINFORCE = int(Stream.REINFORCE)
_ONE = np.uint64(1)


# --- packing -------------------------------------------------------------------------------------


@njit(cache=True)
def pack_signs(x, words):
    """Pack ``x >= 0``, any number type; the tail of a row, and all of a float, bit by bit."""
    rows, columns = x.shape
    for i in range(rows):
        for j in range(words.shape[1]):
            word = np.uint64(0)
            for bit in range(min(64, columns - 64 * j)):
                word |= np.uint64(x[i, 64 * j + bit] >= 0) << np.uint64(bit)
            words[i, j] = word


@njit(cache=True)
def pack_integer_signs(x, words):
    """Pack ``x >= 0`` of integers, 64 at a time; the tail of a row bit by bit."""
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


@njit(cache=True)
def pack_within(z, bound, words):
    """Pack ``|z| <= bound`` of int32 sums, 64 at a time."""
    rows, columns = z.shape
    whole = columns // 64
    for i in range(rows):
        for j in range(whole):
            words[i, j] = word_within(z, i * columns + 64 * j, bound)
        if whole < words.shape[1]:
            word = np.uint64(0)
            for bit in range(columns - 64 * whole):
                word |= np.uint64(abs(z[i, 64 * whole + bit]) <= bound) << np.uint64(bit)
            words[i, whole] = word


@njit(cache=True)
def unpack_signs(words, signs):
    """Unpack words to int8 signs, 64 at a time."""
    rows, columns = signs.shape
    whole = columns // 64
    for i in range(rows):
        for j in range(whole):
            store_signs(signs, i * columns + 64 * j, words[i, j])
        for j in range(64 * whole, columns):
            signs[i, j] = 2 * np.int8((words[i, whole] >> np.uint64(j & 63)) & _ONE) - 1


@njit(cache=True)
def transpose_bits(words, rows, columns, out):
    """Transpose in blocks of 64 x 64 bits, each by swapping ever smaller quarters."""
    block = np.empty(64, np.uint64)
    for i in range(0, rows, 64):
        for j in range(words.shape[1]):
            for r in range(64):
                block[r] = words[i + r, j] if i + r < rows else np.uint64(0)
            half, mask = 32, np.uint64(0x00000000FFFFFFFF)
            while half:
                shift = np.uint64(half)
                for first in range(0, 64, 2 * half):
                    for r in range(first, first + half):
                        swap = ((block[r] >> shift) ^ block[r + half]) & mask
                        block[r] ^= swap << shift
                        block[r + half] ^= swap
                half >>= 1
                mask ^= mask << np.uint64(half)
            for c in range(min(64, columns - 64 * j)):
                out[64 * j + c, i // 64] = block[c]


@njit(cache=True)
def fill_panels(words, panels):
    """Store packed rows in panels: word k of 16 of them side by side; missing ones stay 0."""
    for i in range(words.shape[0]):
        for k in range(words.shape[1]):
            panels[i // PANEL, k, i % PANEL] = words[i, k]


# --- products ------------------------------------------------------------------------------------


@njit(cache=True, inline="always")
def popcount(x):
    """Count the ones of a 64-bit word, adding neighbours in ever wider fields (SWAR)."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True)
def product_loops(a, b, columns, z):
    """The product as it is defined: ``K - 2 * popcount(a XOR b)`` for each pair of rows."""
    for i in range(a.shape[0]):
        for j in range(b.shape[0]):
            differ = np.uint64(0)
            for k in range(a.shape[1]):
                differ += popcount(a[i, k] ^ b[j, k])
            z[i, j] = columns - 2 * np.int64(differ)


@njit(cache=True)
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


@njit(cache=True)
def copy_tile(scratch, rows, i, first, z):
    """Copy the columns of a tile that exist into ``z``."""
    for r in range(rows):
        for j in range(min(PANEL, z.shape[1] - first)):
            z[i + r, first + j] = scratch[r, j]


@njit(cache=True)
def product_panel(a, panels, p, columns, z, begin, end, scratch):
    """One panel of columns against the rows ``begin`` to ``end``."""
    n, words = z.shape[1], a.shape[1]
    at, first = p * words * PANEL, p * PANEL
    whole = first + PANEL <= n
    i = begin
    while i < end:
        step = ROWS if i + ROWS <= end else 1
        out, out_at, stride = (z, i * n + first, n) if whole else (scratch, 0, PANEL)
        if step == ROWS:
            tile_4(a, a, i * words, panels, at, words, columns, out, out_at, stride)
        else:
            tile_1(a, a, i * words, panels, at, words, columns, out, out_at, stride)
        if not whole:
            copy_tile(scratch, step, i, first, z)
        i += step


@njit(cache=True)
def product(a, panels, columns, z):
    """Packed rows times panels, tile by tile."""
    scratch = np.empty((ROWS, PANEL), np.int32)
    for begin in range(0, a.shape[0], ROW_BLOCK):
        end = min(begin + ROW_BLOCK, a.shape[0])
        for p in range(panels.shape[0]):
            product_panel(a, panels, p, columns, z, begin, end, scratch)


@njit(cache=True, parallel=True)
def product_parallel(a, panels, columns, z):
    """The same with the panels shared out among numba's threads."""
    for p in prange(panels.shape[0]):
        scratch = np.empty((ROWS, PANEL), np.int32)
        product_panel(a, panels, p, columns, z, 0, a.shape[0], scratch)


@njit(cache=True)
def masked_product(a, mask, panels, z):
    """The same, counting only where the mask is 1."""
    n, words = z.shape[1], a.shape[1]
    scratch = np.empty((ROWS, PANEL), np.int32)
    for p in range(panels.shape[0]):
        at, first = p * words * PANEL, p * PANEL
        whole = first + PANEL <= n
        i = 0
        while i < a.shape[0]:
            step = ROWS if i + ROWS <= a.shape[0] else 1
            out, out_at, stride = (z, i * n + first, n) if whole else (scratch, 0, PANEL)
            if step == ROWS:
                masked_tile_4(a, mask, i * words, panels, at, words, 0, out, out_at, stride)
            else:
                masked_tile_1(a, mask, i * words, panels, at, words, 0, out, out_at, stride)
            if not whole:
                copy_tile(scratch, step, i, first, z)
            i += step


# --- the update ----------------------------------------------------------------------------------


@njit(cache=True)
def select_loops(z, a_star, group, winners):
    """Selection as it is defined: the wrong neuron with the smallest sum, or -1."""
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
def select(z, a_star, group, winners):
    """The same: first each neuron's distance, far away where it is right, then the smallest."""
    rows, width = z.shape
    whole = width // 64
    distance = np.empty(width, np.int32)
    for i in range(rows):
        for j in range(whole):
            at = i * width + 64 * j
            wrong = word_of_signs(z, at) ^ a_star[i, j]
            keep_where(z, at, wrong, distance, 64 * j, FAR)
        for j in range(64 * whole, width):
            wanted = (a_star[i, whole] >> np.uint64(j & 63)) & _ONE
            distance[j] = abs(z[i, j]) if (z[i, j] >= 0) != (wanted == _ONE) else FAR
        for g in range(winners.shape[1]):
            nearest = np.int32(FAR)
            for j in range(g * group, (g + 1) * group):
                nearest = min(nearest, distance[j])
            winner = -1
            if nearest < FAR:
                winner = g * group
                while distance[winner] != nearest:
                    winner += 1
            winners[i, g] = winner


@njit(cache=True)
def add_row_loops(H, j, samples, a_star, a_prev):
    """Row ``j`` of the update as it is defined: sum over its samples, add once, saturate."""
    fan_in = H.shape[1]
    total = np.zeros(fan_in, np.int64)
    for i in samples:
        wanted = (a_star[i, j >> 6] >> np.uint64(j & 63)) & _ONE
        for k in range(fan_in):
            bit = (a_prev[i, k >> 6] >> np.uint64(k & 63)) & _ONE
            total[k] += 2 if bit == wanted else -2
    for k in range(fan_in):
        H[j, k] = min(max(H[j, k] + total[k], -HIDDEN_MAX), HIDDEN_MAX)


@njit(cache=True)
def update_loops(H, words, winners, a_star, a_prev):
    """The update as it is defined, neuron by neuron; then re-sign."""
    group = H.shape[0] // winners.shape[1]
    for j in range(H.shape[0]):
        add_row_loops(H, j, np.nonzero(winners[:, j // group] == j)[0], a_star, a_prev)
    pack_signs(H, words)


@njit(cache=True)
def update(H, words, winners, a_star, a_prev):
    """The same, row by row: the samples of each neuron are collected first."""
    width, fan_in = H.shape
    samples, groups = winners.shape
    start = np.zeros(width + 1, np.int64)
    for i in range(samples):
        for g in range(groups):
            if winners[i, g] >= 0:
                start[winners[i, g] + 1] += 1
    for j in range(width):
        start[j + 1] += start[j]
    place, sample = start[:-1].copy(), np.empty(start[-1], np.int64)
    for i in range(samples):
        for g in range(groups):
            j = winners[i, g]
            if j >= 0:
                sample[place[j]] = i
                place[j] += 1

    total = np.empty(64 * words.shape[1], np.int16)
    for j in range(width):
        if start[j] == start[j + 1]:
            continue
        if start[j + 1] - start[j] > MOST_HITS:
            add_row_loops(H, j, sample[start[j] : start[j + 1]], a_star, a_prev)
            pack_integer_signs(H[j : j + 1], words[j : j + 1])
            continue
        total[:] = 0
        for hit in range(start[j], start[j + 1]):
            i = sample[hit]
            wanted = (a_star[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            flip = wanted - _ONE  # all ones where -1 is wanted, else 0
            for k in range(words.shape[1]):
                add_signs(total, 64 * k, a_prev[i, k] ^ flip)
        for k in range(fan_in // 64):
            words[j, k] = add_saturated(H, j * fan_in + 64 * k, total, 64 * k, HIDDEN_MAX)
        word = np.uint64(0)
        for k in range(fan_in // 64 * 64, fan_in):
            h = min(max(np.int32(H[j, k]) + total[k], -HIDDEN_MAX), HIDDEN_MAX)
            H[j, k] = h
            word |= np.uint64(h >= 0) << np.uint64(k & 63)
        if fan_in % 64:
            words[j, -1] = word


@njit(cache=True)
def philox_blocks(first, stride, count, layer, batch, epoch, seed, out):
    """The four words of ``count`` blocks ``first``, ``first + stride``, ... into ``out[:, i]``.

    The blocks do not depend on each other, so the compiler computes several at once.
    """
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for i in range(count):
        c0, c1 = np.uint64(first + i * stride) & low, np.uint64(layer)
        c2, c3 = np.uint64(batch), np.uint64(epoch)
        k0, k1 = np.uint64(seed), np.uint64(REINFORCE)
        for _ in range(ROUNDS_OF_PHILOX):
            product_0 = (c0 & low) * np.uint64(MULTIPLIER_0)
            product_1 = (c2 & low) * np.uint64(MULTIPLIER_1)
            c0 = (product_1 >> half) ^ c1 ^ k0
            c2 = (product_0 >> half) ^ c3 ^ k1
            c1, c3 = product_1 & low, product_0 & low
            k0, k1 = (k0 + np.uint64(WEYL_0)) & low, (k1 + np.uint64(WEYL_1)) & low
        out[0, i], out[1, i], out[2, i], out[3, i] = c0, c1, c2, c3


@njit(cache=True)
def fill_guide(table, guide):
    """For each first byte of a word: how many entries of the descending table are surely above."""
    for byte in range(256):
        largest = np.uint64(byte) << np.uint64(24) | np.uint64(0xFFFFFF)
        skip = 0
        while skip < SKIPS and largest < table[skip]:
            skip += 1
        guide[byte] = skip


@njit(cache=True)
def reinforce(H, table, guide, chunk, seed, layer, batch, epoch):
    """Walk each row from one picked entry to the next.

    The first ``chunk`` blocks of words of a few rows are made side by side; a row that needs more
    makes its own, a block at a time.
    """
    rows, columns = H.shape
    blocks_a_row = -(-columns // 4)
    words = np.empty((chunk, 4, BESIDE), np.uint64)
    more = np.empty((4, 1), np.uint64)
    for i in range(rows):
        beside = i % BESIDE
        if beside == 0:
            count = min(BESIDE, rows - i)
            for b in range(chunk):
                first = i * blocks_a_row + b
                philox_blocks(first, blocks_a_row, count, layer, batch, epoch, seed, words[b])
        position, used = 0, 0
        while position < columns:
            block, part = used >> 2, used & 3
            if block < chunk:
                word = words[block, part, beside]
            else:
                if part == 0:
                    first = i * blocks_a_row + block
                    philox_blocks(first, 1, 1, layer, batch, epoch, seed, more)
                word = more[part, 0]
            used += 1
            skip = np.int64(guide[word >> np.uint64(24)])
            while skip < SKIPS and word < table[skip]:
                skip += 1
            position += skip
            if skip < SKIPS:
                if position < columns:
                    h = np.int32(H[i, position])
                    h = h - 2 if h < 0 else h + 2
                    H[i, position] = min(max(h, -HIDDEN_MAX), HIDDEN_MAX)
                position += 1
