"""Chapter 3, packed XNOR kernels: 64 signs in a word."""

import numpy as np

import bnnkit.packed  # noqa: F401  (its functions are the references)
from bnnkit.learn.model import Build, Case, Explore, WarmUp, Wrong

# -- 3.1 pack ------------------------------------------------------------------------------------


def pack(signs):
    """Pack signs (..., K) along the last axis into uint64 (..., ceil(K / 64)), padding bits 0."""
    # begin solution
    columns = signs.shape[-1]
    words = np.zeros((*signs.shape[:-1], -(-columns // 64)), np.uint64)
    for column in range(columns):
        bit = (signs[..., column] > 0).astype(np.uint64)
        words[..., column // 64] |= bit << np.uint64(column % 64)
    return words
    # end solution


def signs_of(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


def pack_cases():
    for signs in ([1], [-1], [1, -1], [-1, 1, 1], [1, 1, 1, 1, 1, -1, 1, 1]):
        yield Case({"signs": np.array(signs, np.int8)})
    rng = np.random.default_rng(31)
    for shape in ((5,), (2, 3), (33,), (64,), (65,), (3, 70), (2, 2, 130)):
        yield Case({"signs": signs_of(rng, *shape)})


def packed_in_order(signs, place):
    """Pack with bit ``place(column % 64)`` for a column."""
    columns = signs.shape[-1]
    words = np.zeros((*signs.shape[:-1], -(-columns // 64)), np.uint64)
    for column in range(columns):
        bit = (signs[..., column] > 0).astype(np.uint64)
        words[..., column // 64] |= bit << np.uint64(place(column % 64))
    return words


def ones_for_padding(signs):
    spare = -signs.shape[-1] % 64
    ones = np.ones((*signs.shape[:-1], spare), np.int8)
    return pack(np.concatenate([signs, ones], axis=-1))


def whole_words_only(signs):
    words = pack(signs)
    words[..., signs.shape[-1] // 64 :] = 0
    return words


PACK = Build(
    id="3.1",
    title="Sixty-four signs in a word",
    prompt="Write `pack(signs)`: signs of shape $(\\dots, K)$ become `uint64` words of shape "
    "$(\\dots, \\lceil K/64 \\rceil)$. Column $64j + i$ is bit $i$ of word $j$ (the bit worth $2^i$); "
    "bit 1 stands for $+1$. Bits behind the last column are 0.",
    hints=(
        "Which word, and which bit of it, does column 70 belong to?",
        "Start with words of zeros. For each column, shift a 0 or 1 to its place and add it in.",
        "words[..., column // 64] |= bit << np.uint64(column % 64), with bit of dtype uint64: a shift "
        "of int64 would lose the last bit.",
    ),
    why="Any fixed order would do, but all packed arrays must share it, and equal padding makes it "
    "invisible to XOR: no kernel above has to know where a row ends.",
    solution=pack,
    cases=pack_cases,
    wrong=(
        Wrong(
            lambda signs: packed_in_order(signs, lambda i: 63 - i),
            "The bits stand in the reverse order: the first column is the bit worth 1.",
        ),
        Wrong(
            lambda signs: packed_in_order(signs, lambda i: i // 8 * 8 + 7 - i % 8),
            "The bits are reversed within each byte. np.packbits does that unless it is told "
            'bitorder="little".',
        ),
        Wrong(
            ones_for_padding,
            "The padding bits are 1. Fill up with 0 behind the last column.",
        ),
        Wrong(
            lambda signs: pack(-signs),
            "Bit 1 stands for +1 and bit 0 for -1. Yours are the other way round.",
        ),
        Wrong(
            whole_words_only,
            "The last word, the one that is not full, is missing its bits.",
        ),
        Wrong(
            lambda signs: packed_in_order(signs, lambda i: i % 32),
            "From column 32 on the bits land in the lower half again. Is your shift done in 32 bits?",
        ),
    ),
)

# -- 3.2 xnor_dot --------------------------------------------------------------------------------


def xnor_dot(a, b, columns):
    """The dot product of packed signs, int32: columns - 2 * (number of bits that differ)."""
    # begin solution
    differ = np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.int32)
    return columns - 2 * differ
    # end solution


def dot_cases():
    def case(a, b):
        a, b = np.array(a, np.int8), np.array(b, np.int8)
        return Case({"a": pack(a), "b": pack(b), "columns": a.shape[-1]})

    yield case([1], [1])
    yield case([1], [-1])
    yield case([1, -1], [1, 1])
    yield case([1, -1, 1, 1, -1], [1, 1, 1, -1, -1])
    rng = np.random.default_rng(32)
    yield case(np.ones(64), -np.ones(64))
    for n in (33, 64, 65, 300):
        yield case(signs_of(rng, 3, n), signs_of(rng, 3, n))
    yield case(signs_of(rng, 2, 1, 70), signs_of(rng, 1, 3, 70))
    ones = np.array([~np.uint64(0)])
    law = "Padding bits that are 1 on both sides change nothing."
    yield Case({"a": ones, "b": ones ^ np.uint64(6), "columns": 5}, law=law)
    yield case(np.ones(300), -np.ones(300))


def count(bits):
    return np.bitwise_count(bits).sum(axis=-1, dtype=np.int32)


XNOR_DOT = Build(
    id="3.2",
    title="A dot product without a product",
    prompt="Write `xnor_dot(a, b, columns)`: `a` and `b` are packed signs, `uint64` of shapes "
    "$(\\dots, \\text{words})$ that broadcast; `columns` is $K$. Return their dot products as `int32`, "
    "of shape $(\\dots)$. The padding bits are equal on both sides.",
    hints=(
        "Two signs multiply to +1 where they agree and to -1 where they differ.",
        "Count the bits that differ: padding never does. Each of them costs two.",
        "a ^ b has a 1 where they differ, np.bitwise_count counts the ones of each word; add them up "
        "along the last axis in a signed dtype.",
    ),
    why="K - 2 popcount(a XOR b): counting differences makes equal padding invisible. Counting "
    "agreements (XNOR itself) would count the padding too.",
    solution=xnor_dot,
    cases=dot_cases,
    wrong=(
        Wrong(
            lambda a, b, columns: 2 * count(~(a ^ b)) - columns,
            "The padding is counted as agreement. Count what differs instead: padding never does.",
        ),
        Wrong(
            lambda a, b, columns: 64 * np.broadcast_shapes(a.shape, b.shape)[-1] - 2 * count(a ^ b),
            "You start from all the bits of the words. Only `columns` of them are signs.",
        ),
        Wrong(
            lambda a, b, columns: columns - 2 * np.bitwise_count(a ^ b).sum(axis=-1),
            "A negative result has wrapped round to a huge one: the count is unsigned. Add up in "
            "a signed dtype.",
        ),
        Wrong(
            lambda a, b, columns: columns - 2 * np.bitwise_count(a ^ b)[..., 0].astype(np.int32),
            "Only the first word of each row is counted.",
        ),
        Wrong(
            lambda a, b, columns: columns - count(a ^ b),
            "Each bit that differs costs two: the +1 that it would have given, and the -1 it gives.",
        ),
        Wrong(
            lambda a, b, columns: 2 * count(a ^ b) - columns,
            "The sign is turned round: agreement is +1.",
        ),
        Wrong(
            lambda a, b, columns: (
                columns - 2 * np.bitwise_count(a ^ b).sum(axis=-1, dtype=np.uint8).astype(np.int32)
            ),
            "More than 255 bits differ and the count starts again from 0. Add up in a wider dtype.",
        ),
    ),
)

# -- 3.3 bit_transpose ---------------------------------------------------------------------------


def bit_transpose(words, columns):
    """The transpose of a packed matrix: (rows, ceil(columns / 64)) to (columns, ceil(rows / 64))."""
    # begin solution
    rows = len(words)
    result = np.zeros((columns, -(-rows // 64)), np.uint64)
    for i in range(rows):
        for j in range(columns):
            bit = words[i, j // 64] >> np.uint64(j % 64) & np.uint64(1)
            result[j, i // 64] |= bit << np.uint64(i % 64)
    return result
    # end solution


def transpose_cases():
    rng = np.random.default_rng(33)
    for rows, columns in (
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
        (3, 5),
        (64, 64),
        (5, 70),
        (70, 5),
        (65, 130),
    ):
        yield Case({"words": pack(signs_of(rng, rows, columns)), "columns": columns})


def unpacked(words, columns):
    bits = np.unpackbits(
        np.ascontiguousarray(words, "<u8").view(np.uint8), axis=1, bitorder="little"
    )
    return 2 * bits[:, :columns].astype(np.int8) - 1


def blocks_in_place(words, columns):
    """Each 64 x 64 block transposed where it stands: the blocks do not change places."""
    rows, width = len(words), words.shape[1]
    signs = np.full((-(-rows // 64) * 64, width * 64), -1, np.int8)
    signs[:rows, : width * 64] = unpacked(words, width * 64)
    for i in range(0, len(signs), 64):
        for j in range(0, width * 64, 64):
            signs[i : i + 64, j : j + 64] = signs[i : i + 64, j : j + 64].T.copy()
    return pack(signs)[:columns]


def tail_dropped(words, columns):
    signs = unpacked(words, columns).T.copy()
    signs[:, signs.shape[1] // 64 * 64 :] = -1
    return pack(signs)


BIT_TRANSPOSE = Build(
    id="3.3",
    title="Turning a matrix of bits",
    prompt="Write `bit_transpose(words, columns)`: `words` is a packed matrix, `uint64` of shape "
    "$(\\text{rows}, \\lceil \\text{columns}/64 \\rceil)$. Return the packed transpose, of shape "
    "$(\\text{columns}, \\lceil \\text{rows}/64 \\rceil)$, padding bits 0.",
    hints=(
        "Bit (i, j) goes to (j, i). In which word and place is it, before and after?",
        "Read a bit: shift its word right and keep the last bit. Write it: shift left and or it in.",
        "Before: word j // 64 of row i, place j % 64. After: word i // 64 of row j, place i % 64.",
    ),
    why="Packed products run along rows, and the backward pass needs the other axis. Moving the bits "
    "once is cheaper than unpacking; fast versions swap halves of a 64 x 64 block six times.",
    solution=bit_transpose,
    cases=transpose_cases,
    wrong=(
        Wrong(
            lambda words, columns: words.copy(),
            "The matrix came back as it was: rows and columns have not changed places.",
        ),
        Wrong(
            tail_dropped,
            "The rows behind the last whole block of 64 are lost.",
        ),
        Wrong(
            lambda words, columns: pack(unpacked(words, columns).T[::-1]),
            "The columns come out from last to first: the first column is the first row.",
        ),
        Wrong(
            lambda words, columns: packed_in_order(unpacked(words, columns).T, lambda i: 63 - i),
            "The bits of each word are in the reverse order: row 0 is the bit worth 1.",
        ),
        Wrong(
            blocks_in_place,
            "Each block of 64 x 64 is turned, but the blocks themselves must change places, too.",
        ),
    ),
)

# -- 3.4 ternary_dot -----------------------------------------------------------------------------


def ternary_dot(a, mask, b):
    """The dot product of packed signs a and b over the columns where mask is 1, int32."""
    # begin solution
    counted = np.bitwise_count(mask).sum(axis=-1, dtype=np.int32)
    differ = np.bitwise_count((a ^ b) & mask).sum(axis=-1, dtype=np.int32)
    return counted - 2 * differ
    # end solution


def ternary_cases():
    def case(ternary, b):
        ternary, b = np.array(ternary, np.int8), np.array(b, np.int8)
        a = np.where(ternary < 0, -1, 1)  # where the mask is 0, the sign is anything: here +1
        mask = pack(np.where(ternary != 0, 1, -1))
        return Case({"a": pack(a), "mask": mask, "b": pack(b)})

    yield case([1], [1])
    yield case([1], [-1])
    yield case([0], [-1])
    yield case([1, 0], [1, 1])
    yield case([-1, 0, 1, 1], [1, -1, -1, 1])
    rng = np.random.default_rng(34)
    for shape in ((33,), (2, 64), (3, 70), (2, 300)):
        yield case(rng.integers(-1, 2, shape), signs_of(rng, *shape))
    yield case(np.ones(300), -np.ones(300))


TERNARY_DOT = Build(
    id="3.4",
    title="Zeros by a mask",
    prompt="A sign and a mask bit together make $-1$, $0$ or $+1$. Write `ternary_dot(a, mask, b)`: the "
    "dot products of the packed signs `a` and `b` over those columns only in which `mask` has a 1, "
    "as `int32` of shape $(\\dots)$. The mask's padding bits are 0.",
    hints=(
        "How many columns take part? It is no longer K.",
        "A column counts against the product if the signs differ and the mask is 1.",
        "popcount(mask) - 2 popcount((a ^ b) & mask), each added up along the last axis.",
    ),
    why="The gate shuts neurons out of the vote: a vote of 0, though one bit has no 0. Two bits do it, "
    "and the product stays two counts and a subtraction. The mask also takes care of the padding.",
    solution=ternary_dot,
    cases=ternary_cases,
    wrong=(
        Wrong(
            lambda a, mask, b: 64 * mask.shape[-1] - 2 * count((a ^ b) & mask),
            "You start from all the columns. Only those with a 1 in the mask take part.",
        ),
        Wrong(
            lambda a, mask, b: count(mask) - 2 * count((a & mask) ^ b),
            "The mask is on one operand only, so the other still differs where nobody should look. "
            "Mask the difference.",
        ),
        Wrong(
            lambda a, mask, b: count(mask) - 2 * count((a ^ b) | ~mask),
            "Columns with a 0 in the mask are counted as differing: a 0 is read as -1.",
        ),
        Wrong(
            lambda a, mask, b: (
                np.bitwise_count(mask).sum(axis=-1)
                - 2 * np.bitwise_count((a ^ b) & mask).sum(axis=-1)
            ),
            "A negative result has wrapped round to a huge one: the counts are unsigned.",
        ),
        Wrong(
            lambda a, mask, b: count(mask) - 2 * count(a ^ b),
            "The differences are counted in every column. Only those under the mask count.",
        ),
        Wrong(
            lambda a, mask, b: count(mask) - count((a ^ b) & mask),
            "A column that differs costs two: the +1 it does not give and the -1 it gives.",
        ),
    ),
)

# -- 3.5 batch norm as a threshold ---------------------------------------------------------------


def fold_bn(gamma, beta, mean, deviation):
    """Integers (side, threshold) for gamma (z - mean) / deviation + beta: it is >= 0 where
    side * z >= threshold, for every whole z."""
    # begin solution
    side = np.where(gamma < 0, -1, 1)
    edge = mean - beta * deviation / gamma  # where the normalised sum is 0
    return side, np.ceil(side * edge).astype(int)
    # end solution


SUMS = np.arange(-9, 10)


def fires(fold, gamma, beta, mean, deviation):
    """Which of the sums -9 .. 9 fire, one row a neuron, by the integers that ``fold`` returns."""
    side, threshold = fold(gamma, beta, mean, deviation)
    side, threshold = np.asarray(side), np.asarray(threshold)
    if not side.dtype.kind == threshold.dtype.kind == "i":
        raise TypeError(f"side and threshold must be integers, got {side.dtype}, {threshold.dtype}")
    return side[:, None] * SUMS >= threshold[:, None]


def fold_cases():
    law = "A row is a neuron. The bits say for which of the sums z = -9 .. 9 it fires."

    def case(*rows):
        gamma, beta, mean, deviation = np.array(rows, float).T
        normalised = gamma[:, None] * (SUMS - mean[:, None]) + (beta * deviation)[:, None]
        given = {"gamma": gamma, "beta": beta, "mean": mean, "deviation": deviation}
        return Case(given, fires, normalised >= 0, law)

    yield case([1, 0, 0, 1])
    yield case([1, 0, 2.5, 1])
    yield case([1, 0, -2.5, 1])
    yield case([-1, 0, 2.5, 1])
    yield case([1, 0, 3, 1])
    yield case([-1, 0, 3, 1])
    yield case([1, 2, 0, 1])
    yield case([1, 2, 0, 2])
    yield case([4, 2, 0, 2])
    yield case([0.5, -1, 1.5, 2], [-0.5, -1, 1.5, 2], [-2, 3, -0.25, 4])
    rng = np.random.default_rng(35)
    gamma = rng.choice([-2, -1, -0.5, 0.5, 1, 2], 12)
    rest = rng.integers(-12, 13, (2, 12)) / 4
    yield case(*zip(gamma, *rest, rng.choice([0.5, 1, 2], 12)))


def folded(edge, side=None, whole=np.ceil):
    """A fold with another edge, side or way to round."""

    def fold(gamma, beta, mean, deviation):
        sides = np.where(gamma < 0, -1, 1) if side is None else np.full(len(gamma), side)
        return sides, whole(sides * edge(gamma, beta, mean, deviation)).astype(int)

    return fold


def the_edge(gamma, beta, mean, deviation):
    return mean - beta * deviation / gamma


FOLD_BN = Build(
    id="3.5",
    title="Batch norm is a threshold",
    prompt="A batch norm and a sign follow a sum $z$ of signs: the neuron fires where "
    "$\\gamma (z - \\mu) / \\sigma + \\beta \\ge 0$. The sum is a whole number, so all of this is one "
    "comparison of integers. Write `fold_bn(gamma, beta, mean, deviation)`: arrays of one number a "
    "neuron come in, with $\\gamma \\ne 0$ and $\\sigma > 0$. Return integer arrays `(side, threshold)`, "
    "`side` of $\\pm 1$, such that the neuron fires exactly where `side * z >= threshold`.",
    hints=(
        "For which z is the normalised sum exactly 0? On which side of it does the neuron fire?",
        "A negative gamma turns the comparison round: multiply both sides by -1, that is by side.",
        "side * z >= side * edge, and the left side is whole: the right side may be rounded up.",
    ),
    why="Four numbers a neuron become one integer and one bit, and nothing is approximate: between two "
    "neighbouring whole numbers a threshold may lie anywhere. The bit can even go into the weights, by "
    "turning the row round.",
    solution=fold_bn,
    cases=fold_cases,
    serves=False,
    wrong=(
        Wrong(
            folded(the_edge, side=1),
            "With a negative gamma the neuron fires below its edge, not above.",
        ),
        Wrong(
            folded(the_edge, whole=np.floor),
            "The threshold is one too low: a sum just below the edge fires as well. Round up.",
        ),
        Wrong(
            folded(the_edge, whole=lambda x: np.floor(x) + 1),
            "On the edge itself the neuron fires: sign(0) = +1.",
        ),
        Wrong(
            folded(lambda gamma, beta, mean, deviation: mean + beta * deviation / gamma),
            "The edge has moved to the wrong side: a positive beta makes it easier to fire.",
        ),
        Wrong(
            folded(lambda gamma, beta, mean, deviation: mean - beta / gamma),
            "The deviation seems to be left out. Beta is added after the division by it.",
        ),
        Wrong(
            folded(lambda gamma, beta, mean, deviation: mean - beta * deviation),
            "Gamma has a size, not only a sign: beta counts for less where gamma is large.",
        ),
    ),
)

# -- by hand, and to explore ---------------------------------------------------------------------

BY_HAND = (
    WarmUp(
        id="3.a",
        title="Two bytes",
        prompt="Two bytes hold eight signs each, 1 for $+1$ and 0 for $-1$: `a = 10110010` and "
        "`b = 11010110`. What is their dot product?",
        hints=(
            "Write one under the other and mark the places where they differ.",
            "They differ in three places.",
            "Eight minus twice three.",
        ),
        why="a XOR b = 01100100 has three ones, so the product is 8 - 2 * 3 = 2.",
        answer=2,
        wrong=(
            Wrong(5, "That is the number of agreements. Now take off the differences."),
            Wrong(3, "That is the number of differences. Each costs two, from eight."),
            Wrong(-2, "The sign is turned round: agreement counts +1."),
            Wrong(58, "You started from 64, as if the whole word were signs. There are eight."),
        ),
    ),
    WarmUp(
        id="3.b",
        title="Five signs in a byte",
        prompt="Now only the first five bits count ($K = 5$); the other three are padding, 0 on both "
        "sides: `a = 10110000` and `b = 11010000`. What is the dot product?",
        hints=(
            "Do padding bits differ?",
            "Count the places that differ, and start from K.",
            "Five minus twice two.",
        ),
        why="Two bits differ, so 5 - 2 * 2 = 1. Whoever counts agreements finds six, three of them in "
        "the padding.",
        answer=1,
        wrong=(
            Wrong(4, "You started from eight. Only five of the bits are signs."),
            Wrong(
                7, "Six agreements, doubled, less five: the padding has been counted as agreement."
            ),
            Wrong(3, "That is the number of agreements. Take off the two differences."),
            Wrong(-1, "The sign is turned round: agreement counts +1."),
        ),
    ),
    WarmUp(
        id="3.c",
        title="How many bytes?",
        prompt="A weight matrix of $1024 \\times 784$ signs is packed along its rows into 64-bit words. "
        "How many bytes does it take?",
        hints=(
            "How many words does a row of 784 signs need?",
            "784 / 64 is 12.25, and a row starts in a word of its own.",
            "1024 rows of 13 words of 8 bytes.",
        ),
        why="13 words a row: 1024 * 13 * 8 = 106,496 bytes, against 3,211,264 in float32: 30 times "
        "less, not 32. The padding takes the rest.",
        answer=106_496,
        wrong=(
            Wrong(
                100_352,
                "That is one bit a sign without padding. Each row is rounded up to whole words.",
            ),
            Wrong(802_816, "That is one byte a sign."),
            Wrong(3_211_264, "That is float32, four bytes a sign."),
            Wrong(851_968, "That is the number of bits, padding included. Divide by eight."),
        ),
    ),
    WarmUp(
        id="3.d",
        title="Five signs and their padding",
        prompt="Pack the signs $+, -, -, +, +$ into a byte: bit 0 first (here on the left), 1 for $+$, padding "
        "0. Which eight bits are they?",
        hints=(
            "One bit a sign, in their order.",
            "The first sign is bit 0, and bit 0 is drawn on the left.",
            "Three bits are left over.",
        ),
        why="Bit j is sign j, and what is left over is 0 on both sides of every product, so that XOR finds no "
        "difference there.",
        answer=(1, 0, 0, 1, 1, 0, 0, 0),
        form="bits",
        wrong=(
            Wrong((1, 0, 0, 1, 1, 1, 1, 1), "The padding is 0: it stands for no sign."),
            Wrong((0, 1, 1, 0, 0, 0, 0, 0), "Turned round: 1 stands for +."),
            Wrong((0, 0, 0, 1, 1, 0, 0, 1), "Drawn from the other end: bit 0 is on the left here."),
            Wrong((0, 0, 0, 1, 0, 0, 1, 1), "The padding comes behind the signs, not before them."),
        ),
    ),
    WarmUp(
        id="3.e",
        title="Predict the popcount",
        prompt="Two packed rows of $K = 100$ signs have the dot product 36. How many ones has `a ^ b`?",
        hints=(
            "Each bit that differs costs two.",
            "Solve 100 - 2 p = 36.",
            "Half of 100 - 36.",
        ),
        why="100 - 2 p = 36 gives p = 32. The 28 padding bits of the second word are equal on both sides and "
        "add nothing.",
        answer=32,
        wrong=(
            Wrong(68, "That is how many agree. A one in a XOR b is a difference."),
            Wrong(64, "Each difference costs two: halve it."),
            Wrong(36, "That is the product itself."),
            Wrong(60, "The padding does not differ: it is 0 on both sides."),
            Wrong(46, "You started from 128 bits. Only 100 are signs."),
        ),
    ),
)

TO_EXPLORE = (
    Explore(
        id="3.x",
        title="Is it 32 times faster?",
        prompt="Predict first. Then time `A @ W.T` for two `BitMatrix` of $1024 \\times 1024$ signs and "
        "the same product of `float32` arrays with NumPy, both on one thread. How many times faster "
        "are the bits on your machine?",
        hints=(
            "Pack outside of the timed part, and run once before timing: the first call compiles.",
            "Take the smallest of several repetitions of each.",
            "Set OPENBLAS_NUM_THREADS=1 before Python starts, so that the float product has one "
            "thread, too.",
        ),
        why="Memory is 32 times smaller, but time has no reason to follow it: a word operation handles "
        "64 products, a float unit 8 or 16 in one go, and popcounts are slower than additions. What "
        "you measure depends on the machine and the engine; the ceiling is well below 64.",
        low=1.0,
        high=64.0,
        wrong=(
            Wrong(
                (0.0, 0.999),
                "Slower than floats: is numba missing, or the packing inside the timing?",
            ),
            Wrong(
                (64.001, 1000.0),
                "One word holds 64 signs; more than that is too good. Equal results? One thread?",
            ),
            Wrong(
                (1000.001, 1e12),
                "That is not a ratio of two products. Was the result computed at all?",
            ),
        ),
    ),
)

EXERCISES = (PACK, XNOR_DOT, BIT_TRANSPOSE, TERNARY_DOT, FOLD_BN, *BY_HAND, *TO_EXPLORE)
