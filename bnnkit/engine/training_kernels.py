"""The compiled kernels of training: who is updated, the update itself, reinforcement, all at once.

In the form of :mod:`bnnkit.engine.kernels`: what is built from vector code has a twin in plain
loops. A kernel that changes rows of a layer takes the range of rows it is to change, so that
threads can share a layer: no row depends on another.
"""

from __future__ import annotations

import numpy as np

from bnnkit.engine.intrinsics import (
    LANES,
    PANEL,
    add_counts,
    add_signed,
    count_eight,
    count_three,
    ones,
    store_keys,
    word_of_signs,
)
from bnnkit.engine.kernels import (
    fill_panels_transposed,
    kernel,
    masked_product,
    pack_integer_signs,
    pack_within,
    part,
    popcount,
    product,
)
from bnnkit.engine.numpy_engine import HIDDEN_MAX, SKIPS
from bnnkit.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS, WEYL_0, WEYL_1, Stream

LOWEST = -(2**62)  # below any logit
NO_KEY = 2**63 - 1  # larger than the key of any neuron
MOST_HITS = 16000  # of one neuron in a batch: so many steps of 2 fit in 16 bits, no more
DEPTH = 14  # planes that count up to MOST_HITS
BESIDE = 32  # rows that are reinforced side by side
GUIDE_BITS = 12  # leading bits of a random word that the guide looks at
ROUNDS_OF_PHILOX = ROUNDS
REINFORCE = int(Stream.REINFORCE)
_ONE = np.uint64(1)


# --- blame ---------------------------------------------------------------------------------------


@kernel
def fires(logits, y, bound, rows):
    """The samples whose own class leads by less than ``bound``; how many they are, and are wrong.

    A sample is wrong if the first of its largest logits is not of its own class.
    """
    fired, wrong = 0, 0
    for i in range(logits.shape[0]):
        own, best, first = logits[i, y[i]], np.int64(LOWEST), 0
        for c in range(logits.shape[1]):
            if logits[i, c] > logits[i, first]:
                first = c
            if c != y[i]:
                best = max(best, np.int64(logits[i, c]))
        wrong += first != y[i]
        if own - best < bound:
            rows[fired] = i
            fired += 1
    return fired, wrong


@kernel
def count_differences_loops(a, b):
    """How many bits of two batches of packed rows differ."""
    differ = 0
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            differ += np.int64(popcount(a[i, k] ^ b[i, k]))
    return differ


@kernel
def count_differences(a, b):
    """The same, by the processor's own count."""
    differ = 0
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            differ += ones(a[i, k] ^ b[i, k])
    return differ


@kernel
def add_agreement_loops(z, s_star, total):
    """Add each sum to ``total``, negated where -1 is desired."""
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            wanted = (s_star[i, j >> 6] >> np.uint64(j & 63)) & _ONE
            total[i, j] += z[i, j] if wanted else -z[i, j]


@kernel
def add_agreement(z, s_star, total):
    """The same, 64 at a time."""
    rows, width = z.shape
    whole = width // 64
    for i in range(rows):
        for j in range(whole):
            add_signed(z, i * width + 64 * j, s_star[i, j], total)
        for j in range(64 * whole, width):
            wanted = (s_star[i, whole] >> np.uint64(j & 63)) & _ONE
            total[i, j] += z[i, j] if wanted else -z[i, j]


# --- selection -----------------------------------------------------------------------------------


@kernel
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


@kernel
def select(z, rows, a_star, group, winners):
    """The same without a branch: distance and number of a neuron in one key, the smallest wins.

    Row ``i`` of ``a_star`` is of sample ``rows[i]`` of ``z``. Returns how many neurons are wrong.
    """
    width = z.shape[1]
    whole = width // 64
    keys, differ = np.empty(width, np.int64), 0
    for i in range(rows.size):
        row = rows[i]
        for j in range(whole):
            at = row * width + 64 * j
            wrong = word_of_signs(z, at) ^ a_star[i, j]
            store_keys(z, at, wrong, keys, 64 * j, 64 * j)
            differ += ones(wrong)
        for j in range(64 * whole, width):
            wanted = (a_star[i, whole] >> np.uint64(j & 63)) & _ONE
            right = (z[row, j] >= 0) == (wanted == _ONE)
            keys[j] = NO_KEY if right else abs(np.int64(z[row, j])) << 32 | j
            differ += not right
        for g in range(winners.shape[1]):
            key = np.int64(NO_KEY)
            for j in range(g * group, (g + 1) * group):
                key = min(key, keys[j])
            winners[i, g] = key & 0xFFFFFFFF if key != NO_KEY else -1
    return differ


# --- the update ----------------------------------------------------------------------------------


@kernel
def update_loops(H, words, rows, winners, a_star, a_prev):
    """The update as it is defined: for each weight sum, add once, saturate; then re-sign.

    Sample ``i`` of ``a_star`` is sample ``rows[i]`` of ``a_prev``.
    """
    group = H.shape[0] // winners.shape[1]
    for j in range(H.shape[0]):
        for k in range(H.shape[1]):
            total = 0
            for t in range(a_star.shape[0]):
                for i, row in enumerate(rows):
                    if winners[i, j // group] == j:
                        wanted = (a_star[t, i, j >> 6] >> np.uint64(j & 63)) & _ONE
                        bit = (a_prev[t, row, k >> 6] >> np.uint64(k & 63)) & _ONE
                        total += 2 if bit == wanted else -2
            H[j, k] = min(max(H[j, k] + total, -HIDDEN_MAX), HIDDEN_MAX)
    for j in range(H.shape[0]):
        for k in range(H.shape[1]):
            bit = np.uint64(1) << np.uint64(k & 63)
            words[j, k >> 6] = words[j, k >> 6] | bit if H[j, k] >= 0 else words[j, k >> 6] & ~bit


@part
def whole_lines(n):
    """``n`` words that begin with a cache line: a vector that straddles two is slow."""
    words = np.empty(n + LANES, np.int64)
    skip = -(words.ctypes.data >> 3) & (LANES - 1)
    return words[skip : skip + n]


@part
def padded(a_prev, rows):
    """Some rows of all steps, flat: each padded to whole vectors, then one more, all of zeros."""
    long = -(-a_prev.shape[2] // LANES) * LANES
    inputs = whole_lines((len(a_prev) * len(rows) + 1) * long)
    inputs[:] = 0
    at = 0
    for t in range(len(a_prev)):
        for i in range(len(rows)):
            for k in range(a_prev.shape[2]):
                inputs[at + k] = a_prev[t, rows[i], k]
            at += long
    return inputs


@part
def samples_by_neuron(winners, begin, count, start, sample):
    """The samples that neuron ``begin + j`` won are ``sample[start[j] : start[j + 1]]``."""
    for j in range(count + 2):
        start[j] = 0
    for i in range(winners.shape[0]):
        for g in range(winners.shape[1]):
            j = winners[i, g] - begin
            if 0 <= j < count:
                start[j + 2] += 1
    for j in range(count):
        start[j + 2] += start[j + 1]
    for i in range(winners.shape[0]):  # start[j + 1] runs from the first place of j to the last
        for g in range(winners.shape[1]):
            j = winners[i, g] - begin
            if 0 <= j < count:
                sample[start[j + 1]] = i
                start[j + 1] += 1


@part
def add_row(H, j, inputs, at, flip, hits, planes, spare, words):
    """Row ``j`` of the update: count the hits of every column, add once, saturate, re-sign.

    Returns how many signs changed. The last word of a row is done in a place of its own.
    """
    columns, flipped = H.shape[1], 0
    tail = columns % 64
    depth = 2
    while hits >> depth:
        depth += 1
    chunk = depth * LANES  # planes of 8 words of a row
    long = -(-words.shape[1] // LANES) * LANES
    if hits <= 3:
        for k in range(0, long, LANES):
            count_three(inputs, at, flip, 0, k, planes, k * depth)
    else:
        for p in range(long * depth):
            planes[p] = 0
        for hit in range(0, hits, 8):
            for k in range(0, long, LANES):
                count_eight(inputs, at, flip, hit, k, planes, k * depth, depth)
    for k in range(words.shape[1]):
        lane = k // LANES * chunk + k % LANES
        if k < columns // 64:
            word = add_counts(H, j * columns + 64 * k, planes, lane, depth, hits, HIDDEN_MAX)
        else:
            for i in range(tail):
                spare[i] = H[j, 64 * k + i]
            word = add_counts(spare, 0, planes, lane, depth, hits, HIDDEN_MAX)
            word &= (_ONE << np.uint64(tail)) - _ONE
            for i in range(tail):
                H[j, 64 * k + i] = spare[i]
        flipped += ones(word ^ words[j, k])
        words[j, k] = word
    return flipped


@kernel
def update(H, words, panels, rows, winners, a_star, a_prev, begin, end):
    """The update, for the rows ``begin`` to ``end`` of ``H``; returns how many signs changed.

    The new signs are stored in the panels as well, if there are any. The zeros at the end of the
    inputs fill up the last hits of a neuron.
    """
    steps, samples, _ = a_star.shape
    inputs = padded(a_prev, rows)
    long, most = -(-words.shape[1] // LANES) * LANES, steps * samples + 8
    start, sample = np.empty(end - begin + 2, np.int64), np.empty(winners.size, np.int64)
    at, flip = np.empty(most, np.int64), np.empty(most, np.int64)
    planes, spare = whole_lines(DEPTH * long), np.empty(64, np.int16)
    samples_by_neuron(winners, begin, end - begin, start, sample)
    flipped = 0
    for j in range(begin, end):
        first, last = start[j - begin], start[j - begin + 1]
        hits = 0
        for n in range(first, last):
            for t in range(steps):
                at[hits] = (t * samples + sample[n]) * long
                wanted = (a_star[t, sample[n], j >> 6] >> np.uint64(j & 63)) & _ONE
                flip[hits] = np.int64(wanted) - 1
                hits += 1
        if hits:
            for hit in range(hits, hits + 8):
                at[hit], flip[hit] = steps * samples * long, 0
            flipped += add_row(H, j, inputs, at, flip, hits, planes, spare, words)
            for k in range(words.shape[1] if len(panels) else 0):
                panels[(j // PANEL * words.shape[1] + k) * PANEL + j % PANEL] = words[j, k]
    return flipped


# --- reinforcement -------------------------------------------------------------------------------


@part
def philox_blocks(blocks, layer, batch, epoch, seed, words):
    """The four words of each block in the four rows of ``words``; then go on to the next blocks.

    The blocks do not depend on each other, so the compiler computes several at once.
    """
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for i in range(BESIDE):
        c0, c1 = np.uint64(blocks[i]) & low, np.uint64(layer)
        c2, c3 = np.uint64(batch), np.uint64(epoch)
        k0, k1 = np.uint64(seed), np.uint64(REINFORCE)
        for _ in range(ROUNDS_OF_PHILOX):
            product_0 = (c0 & low) * np.uint64(MULTIPLIER_0)
            product_1 = (c2 & low) * np.uint64(MULTIPLIER_1)
            c0 = (product_1 >> half) ^ c1 ^ k0
            c2 = (product_0 >> half) ^ c3 ^ k1
            c1, c3 = product_1 & low, product_0 & low
            k0, k1 = (k0 + np.uint64(WEYL_0)) & low, (k1 + np.uint64(WEYL_1)) & low
        words[0, i], words[1, i], words[2, i], words[3, i] = c0, c1, c2, c3
        blocks[i] += 1


@part
def find_skips(words, table, guide, skips):
    """For each random word: how many entries of the descending table, a 0 at its end, are above.

    The guide tells from the leading bits of a word how many surely are. Mostly it is these or one
    more, which takes no branch to find out.
    """
    missed = False
    for i in range(BESIDE):
        skip = np.int64(guide[words[i] >> (32 - GUIDE_BITS)])
        skip += words[i] < table[skip]
        missed |= words[i] < table[skip]
        skips[i] = skip
    if missed:
        for i in range(BESIDE):
            while words[i] < table[skips[i]]:
                skips[i] += 1


@part
def push(H, places):
    """Move the entries at those places that are not -1 by 2 away from zero."""
    picked = 0
    for n in range(len(places)):
        places[picked] = places[n]
        picked += places[n] >= 0
    for n in range(picked):
        h = np.int32(H[places[n]])
        h += 2 if h > 0 else -2
        H[places[n]] = min(max(h, -HIDDEN_MAX), HIDDEN_MAX)


@kernel
def reinforce(H, columns, coin, begin, end):
    """Push the entries that the coin picks 2 further from zero; the rows ``begin`` to ``end``.

    ``H`` is flat, ``coin`` is (table, guide, seed, layer, batch, epoch). A few walkers go side by
    side, each along a row, from one picked entry to the next; at its end they take another row.
    """
    table, guide, seed, layer, batch, epoch = coin
    words, skips = np.empty((4, BESIDE), np.int64), np.empty(BESIDE, np.int64)
    rows, blocks = np.empty(BESIDE, np.int64), np.empty(BESIDE, np.int64)
    positions, places = np.empty(BESIDE, np.int64), np.empty(4 * BESIDE, np.int64)
    for i in range(BESIDE):
        rows[i], blocks[i], positions[i] = 0, 0, columns
    following = begin
    while True:
        walking = False
        for i in range(BESIDE):
            if positions[i] >= columns and following < end:
                rows[i], positions[i] = following, 0
                blocks[i] = following * ((columns + 3) // 4)
                following += 1
            walking |= positions[i] < columns
        if not walking:
            break
        philox_blocks(blocks, layer, batch, epoch, seed, words)
        for w in range(4):
            find_skips(words[w], table, guide, skips)
            for i in range(BESIDE):  # eight at a time in a register
                position = positions[i] + skips[i]
                picked = (skips[i] < SKIPS) & (position < columns)
                places[BESIDE * w + i] = rows[i] * columns + position if picked else -1
                positions[i] = position + (skips[i] < SKIPS)
        push(H, places)


# --- a whole batch -------------------------------------------------------------------------------


@kernel
def train_batch(a, y, layers, classifier, rules, coins, seen):
    """One batch from end to end: forward, who fires, and for each layer blame, selection, update.

    ``a``, shape (1, n, words), are the inputs of the one step that :func:`update` is given.
    ``layers`` is (H, the same flat, words, panels, words that blame travels through), ``rules`` is
    (margin bound, gate bounds, groups, first layer that learns). All of ``layers``, the gates, the
    groups and ``coins`` have an entry a layer. Row ``i`` of ``seen`` receives the open gates, the
    wrong bits and the flips of layer ``i``. Returns how many samples fired, and are wrong.
    """
    hidden, flat, words, panels, way_back = layers
    prototypes, prototype_panels = classifier
    bound, gates, groups, first = rules
    n, depth = len(y), len(hidden)
    signs, sums = [a], [np.empty((0, 0), np.int32)]  # sums[i + 1] have the signs[i + 1]
    for i in range(depth):
        width, fan_in = hidden[i].shape
        z, above = np.empty((n, width), np.int32), np.empty((1, n, (width + 63) >> 6), np.uint64)
        product(signs[i][0], panels[i], fan_in, z)
        pack_integer_signs(z, above[0])
        sums.append(z)
        signs.append(above)
    logits, rows = np.empty((n, len(prototypes)), np.int32), np.empty(n, np.int64)
    product(signs[depth][0], prototype_panels, hidden[depth - 1].shape[0], logits)
    fired, wrong = fires(logits, y, bound, rows)
    rows = rows[:fired]
    a_star = np.empty((1, fired, prototypes.shape[1]), np.uint64)
    for i in range(fired):
        for k in range(prototypes.shape[1]):
            a_star[0, i, k] = prototypes[y[rows[i]], k]
    for i in range(depth - 1, first - 1, -1):  # blame for the layer below, then this one learns
        width, fan_in = hidden[i].shape
        if fired:
            z, below = sums[i + 1], np.empty((1, fired, signs[i].shape[2]), np.uint64)
            if i > first:
                back = whole_lines((fan_in + PANEL - 1) // PANEL * PANEL * ((width + 63) >> 6))
                fill_panels_transposed(way_back[i], width, fan_in, back)
                gate, votes = np.empty_like(a_star[0]), np.empty((fired, fan_in), np.int32)
                seen[i, 0] = pack_within(z, rows, gates[i], gate)
                masked_product(a_star[0], gate, back, votes)
                pack_integer_signs(votes, below[0])
            winners = np.empty((fired, width // groups[i]), np.int32)
            seen[i, 1] = select(z, rows, a_star[0], groups[i], winners)
            who = rows, winners, a_star, signs[i]
            seen[i, 2] = update(hidden[i], words[i], panels[i], *who, 0, width)
            a_star = below
        reinforce(flat[i], fan_in, coins[i], 0, width)
    return fired, wrong
