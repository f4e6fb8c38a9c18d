"""Both engines against plain loops over Python integers, and against each other."""

import gc
import importlib
import inspect
import json
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnkit import BEPNetwork, BEPRecurrentNetwork
from bnnkit.engine import available_engines, get_engine, get_threads, use_engine, use_threads
from bnnkit.philox import Stream, integer_probability, philox4x32
from bnnkit.steps import override, reference

ENGINES = [importlib.import_module(f"bnnkit.engine.{name}_engine") for name in available_engines()]
numpy_engine = ENGINES[-1]
INTERFACE = {
    "agreement": "z s_star",
    "back_project": "a_star z bound b rows",
    "chain": "layers",
    "differ": "a b",
    "fires": "logits y bound",
    "forward": "a b z",
    "operand": "words columns",
    "pack_signs": "x",
    "pack_within": "z bound",
    "unpack_signs": "words columns",
    "transpose_bits": "words columns",
    "transposed_operand": "words columns",
    "product": "a b threads",
    "masked_product": "a mask b threads",
    "select": "z a_star group rows",
    "update": "H words winners a_star a_prev rows coin b",
    "reinforce": "H probability seed layer batch epoch",
    "trains_whole": "samples",
}

each_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.NAME)
ROWS = st.integers(1, 9)
COLUMNS = st.one_of(st.integers(1, 10), st.sampled_from([63, 64, 65, 127, 128, 129, 193, 300]))
SEEDS = st.integers(0, 2**31)
LIMIT = 32767


# -- the oracles: one bit at a time, whole numbers of any size -------------------------------------


def plain_pack(bits):
    """Pack rows of truth values: bit i of word j is column 64 j + i."""
    words = np.zeros((len(bits), -(-len(bits[0]) // 64)), np.uint64)
    for i, row in enumerate(bits):
        for j in range(words.shape[1]):
            part = row[64 * j : 64 * j + 64]
            words[i, j] = sum(1 << k for k, bit in enumerate(part) if bit)
    return words


def plain_product(A, B):
    return [[sum(int(x) * int(y) for x, y in zip(a, b, strict=True)) for b in B] for a in A]


def plain_select(z, a_star, group):
    winners = []
    for row, wanted in zip(z.tolist(), a_star.tolist(), strict=True):
        line = []
        for start in range(0, len(row), group):
            wrong = [
                (abs(row[j]), j)
                for j in range(start, start + group)
                if (1 if row[j] >= 0 else -1) != wanted[j]
            ]
            line.append(min(wrong)[1] if wrong else -1)
        winners.append(line)
    return winners


def plain_update(H, winners, a_star, a_prev):
    total = [[int(h) for h in row] for row in H]
    for sample, line in enumerate(winners):
        for j in line:
            if j >= 0:
                for k in range(len(total[0])):
                    total[j][k] += 2 * int(a_star[sample, j]) * int(a_prev[sample, k])
    return [[min(max(h, -LIMIT), LIMIT) for h in row] for row in total]


def plain_chosen(shape, probability, seed, layer, batch, epoch):
    """Which entries are reinforced: skip, pick, skip, pick, one row after the other."""
    rows, columns = shape
    survival, table = 1 << 32, []
    for _ in range(256):
        survival = survival * ((1 << 32) - probability) >> 32
        table.append(survival)
    chosen = np.zeros(shape, bool)
    for i in range(rows):
        position, block = 0, i * -(-columns // 4)
        while position < columns:
            for word in philox4x32((block, layer, batch, epoch), (seed, int(Stream.REINFORCE))):
                skip = sum(int(word) < limit for limit in table)
                position += skip
                if skip < 256:
                    if position < columns:
                        chosen[i, position] = True
                    position += 1
            block += 1
    return chosen


def signs(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


def packed(x):
    return plain_pack(np.asarray(x) >= 0)


# -- packing ---------------------------------------------------------------------------------------


def test_the_engines_have_one_interface():
    for engine in ENGINES:
        for name, parameters in INTERFACE.items():
            signature = inspect.signature(getattr(engine, name))
            assert " ".join(signature.parameters) == parameters, f"{engine.NAME}: {name}"
            assert getattr(engine, name).__doc__


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "float32", "float64"])
@each_engine
def test_pack_signs_takes_zero_for_plus_one(engine, dtype):
    rng = np.random.default_rng(1)
    for columns in (1, 7, 63, 64, 65, 130):
        x = rng.integers(-2, 3, (3, columns)).astype(dtype)
        words = engine.pack_signs(x)
        assert words.dtype == np.uint64
        np.testing.assert_array_equal(words, plain_pack(x.tolist() >= np.zeros_like(x)))
    assert engine.pack_signs(np.array([[-0.0, 0.0, -1e-30, 1e-30]]))[0, 0] == 0b1011


@each_engine
def test_packing_reads_any_layout(engine):
    x = signs(np.random.default_rng(2), 70, 9)
    for view in (x.T, x[::2], x[:, ::-1], np.asfortranarray(x)):
        np.testing.assert_array_equal(engine.pack_signs(view), packed(view))


@each_engine
@given(ROWS, COLUMNS, SEEDS)
@settings(max_examples=25)
def test_unpack_and_transpose(engine, rows, columns, seed):
    x = signs(np.random.default_rng(seed), rows, columns)
    words = engine.pack_signs(x)
    np.testing.assert_array_equal(words, packed(x))
    back = engine.unpack_signs(words, columns)
    assert back.dtype == np.int8
    np.testing.assert_array_equal(back, x)
    across = engine.transpose_bits(words, columns)
    np.testing.assert_array_equal(across, packed(x.T))
    a = engine.pack_signs(signs(np.random.default_rng(seed + 1), 3, rows))
    by_columns = engine.transposed_operand(words, columns)
    z = engine.product(a, engine.operand(across, rows))
    np.testing.assert_array_equal(engine.product(a, by_columns), z)


@pytest.mark.parametrize("bound", [0, 1, 5, 2**31 - 1])
@each_engine
def test_pack_within_includes_its_bound(engine, bound):
    z = np.random.default_rng(3).integers(-7, 8, (4, 67)).astype(np.int32)
    z[0, :4] = [bound, -bound, min(bound + 1, 2**31 - 1), -min(bound + 1, 2**31 - 1)]
    inside = [[abs(value) <= bound for value in row] for row in z.tolist()]
    np.testing.assert_array_equal(engine.pack_within(z, bound), plain_pack(inside))


# -- products --------------------------------------------------------------------------------------


@each_engine
@given(ROWS, ROWS, COLUMNS, SEEDS)
@settings(max_examples=40)
def test_products_equal_the_plain_sums(engine, m, n, columns, seed):
    rng = np.random.default_rng(seed)
    A, B, mask = signs(rng, m, columns), signs(rng, n, columns), signs(rng, m, columns)
    b = engine.operand(packed(B), columns)
    z = engine.product(packed(A), b)
    assert z.dtype == np.int32
    np.testing.assert_array_equal(z, plain_product(A, B))
    masked = engine.masked_product(packed(A), packed(mask), b)
    assert masked.dtype == np.int32
    np.testing.assert_array_equal(masked, plain_product(A * (mask > 0), B))


@pytest.mark.parametrize(
    "shape",
    [(1, 70, 700), (3, 130, 257), (65, 33, 784), (130, 70, 128), (40, 70, 47), (90, 1200, 48)],
)
@each_engine
def test_products_do_not_depend_on_the_number_of_threads(engine, shape):
    m, n, columns = shape
    rng = np.random.default_rng(5)
    A, B, mask = signs(rng, m, columns), signs(rng, n, columns), signs(rng, m, columns)
    plain = A.astype(np.int64) @ B.T.astype(np.int64)
    ternary = (A * (mask > 0)).astype(np.int64) @ B.T.astype(np.int64)
    b = engine.operand(packed(B), columns)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(engine.product(packed(A), b, threads), plain)
        masked = engine.masked_product(packed(A), packed(mask), b, threads)
        np.testing.assert_array_equal(masked, ternary)


def test_float_products_are_read_exactly_up_to_their_limit(monkeypatch):
    """The largest sums, of either sign, at the limit; past it bits are counted instead."""
    limit = numpy_engine.EXACT_COLUMNS
    largest = np.tile(np.array([-limit, 1 - limit, -1, 0, 1, limit - 1, limit], np.float32), (3, 9))
    np.testing.assert_array_equal(numpy_engine._integers_in_place(largest.copy(), 5), largest - 5)
    A, B = (signs(np.random.default_rng(2), 40, 200) for _ in range(2))
    b = numpy_engine.operand(packed(B), 200)
    for columns in (199, 200):
        monkeypatch.setattr(numpy_engine, "EXACT_COLUMNS", columns)
        np.testing.assert_array_equal(numpy_engine.product(packed(A), b), plain_product(A, B))
        assert (b._signs is None) == (columns < 200)


@pytest.mark.parametrize("shape", [(513, 257, 2100), (70, 2000, 2000)])
@each_engine
def test_large_products_are_shared_among_threads_without_a_seam(engine, shape):
    """Large enough for the compiled engine to use its threads; float32 sums of signs are exact."""
    m, n, columns = shape
    assert m * n * columns > 2**28
    rng = np.random.default_rng(10)
    A, B = (signs(rng, size, columns).astype(np.float32) for size in (m, n))
    b = engine.operand(numpy_engine.pack_signs(B), columns)
    for threads in (1, 2):
        z = engine.product(numpy_engine.pack_signs(A), b, threads)
        np.testing.assert_array_equal(z, A @ B.T)


def test_threads_serve_within_their_block_only():
    assert get_threads() == 1
    with pytest.raises(KeyError), use_threads(3):
        assert get_threads() == 3
        raise KeyError
    assert get_threads() == 1
    with pytest.raises(ValueError, match="threads must be an integer >= 1, got 0"), use_threads(0):
        pass


@each_engine
@given(ROWS, ROWS, COLUMNS, COLUMNS, SEEDS)
@settings(max_examples=25)
def test_rows_of_two_parts(engine, m, n, first, second, seed):
    """Each part is filled up to whole words, so there is padding in the middle of a row."""
    rng = np.random.default_rng(seed)
    A, B = signs(rng, m, first + second), signs(rng, n, first + second)
    a, b = (np.hstack([packed(x[:, :first]), packed(x[:, first:])]) for x in (A, B))
    operand = engine.operand(b, (first, second))
    np.testing.assert_array_equal(engine.product(a, operand), plain_product(A, B))


@each_engine
@given(st.integers(0, 9), ROWS, COLUMNS, SEEDS)
@settings(max_examples=25)
def test_forward_is_the_product_and_its_signs(engine, m, n, columns, seed):
    rng = np.random.default_rng(seed)
    A, B = signs(rng, m, columns), signs(rng, n, columns)
    words, b = engine.pack_signs(A), engine.operand(packed(B), columns)
    z, out = engine.forward(words, b)
    plain = A.astype(int) @ B.T.astype(int)
    np.testing.assert_array_equal(z, plain)
    np.testing.assert_array_equal(out, engine.pack_signs(plain))
    room = np.empty((2, m, n), np.int32)
    assert np.shares_memory(engine.forward(words, b, room[1])[0], room) == (m > 0)
    np.testing.assert_array_equal(room[1], plain)


@each_engine
@given(st.sampled_from([1, 3, 64, 65, 130]), COLUMNS, st.lists(COLUMNS, max_size=3), ROWS, SEEDS)
@settings(max_examples=25)
def test_a_chain_is_its_layers_one_after_the_other(engine, n, inputs, widths, classes, seed):
    rng = np.random.default_rng(seed)
    sizes = [inputs, *widths, classes]
    W = [signs(rng, *shape) for shape in zip(sizes[1:], sizes)]
    x = a = signs(rng, n, inputs)
    for weights in W[:-1]:
        a = np.where(a.astype(int) @ weights.T < 0, -1, 1)
    chain = engine.chain([(packed(weights), weights.shape[1]) for weights in W])
    for given_as in (x, packed(x), np.asfortranarray(x)):
        logits = chain(given_as)
        assert logits.dtype == np.int32
        np.testing.assert_array_equal(logits, a.astype(int) @ W[-1].T.astype(int))
    x[-1, -1] = rng.choice([0, 2, -3, -128])
    with pytest.raises(ValueError, match="x must hold only"):
        chain(x)
    others = x[:, 1:], packed(x)[:, 1:], x.astype(float), packed(x).astype(np.int64), x[0]
    for other in others:
        with pytest.raises(ValueError, match=rf"x must be int8 signs \(n, {inputs}\)"):
            chain(other)


@each_engine
@given(ROWS, ROWS, COLUMNS, st.integers(0, 12), SEEDS)
@settings(max_examples=25)
def test_back_project_is_the_vote_of_the_open_gates(engine, n, above, below, bound, seed):
    rng = np.random.default_rng(seed)
    W, a_star = signs(rng, above, below), signs(rng, n, above)
    z = rng.integers(-15, 16, (n, above)).astype(np.int32)
    gate = np.abs(z) <= bound
    b = engine.operand(packed(W.T), above)
    wanted, count = engine.back_project(packed(a_star), z, bound, b)
    np.testing.assert_array_equal(wanted, packed((a_star * gate).astype(int) @ W.astype(int)))
    assert count == gate.sum()
    some = np.flatnonzero(rng.random(n) < 0.5)
    of_some, count = engine.back_project(packed(a_star)[some], z, bound, b, some)
    np.testing.assert_array_equal(of_some, wanted[some])
    assert count == gate[some].sum()


@each_engine
@given(ROWS, st.integers(2, 5), st.integers(-3, 4), SEEDS)
def test_fires_finds_small_margins_and_wrong_answers(engine, n, C, bound, seed):
    rng = np.random.default_rng(seed)
    logits, y = rng.integers(-3, 4, (n, C)).astype(np.int32), rng.integers(0, C, n)
    expected = []
    for i, (row, c) in enumerate(zip(logits.tolist(), y.tolist(), strict=True)):
        if row[c] - max(row[:c] + row[c + 1 :]) < bound:
            expected.append(i)
    rows, wrong = engine.fires(logits, y, bound)
    assert rows.tolist() == expected
    assert wrong == sum(row.index(max(row)) != c for row, c in zip(logits.tolist(), y.tolist()))


@each_engine
@given(st.integers(1, 4), ROWS, COLUMNS, SEEDS)
@settings(max_examples=25)
def test_agreement_and_differences(engine, T, n, K, seed):
    rng = np.random.default_rng(seed)
    z, s_star, other = rng.integers(-9, 10, (T, n, K)), signs(rng, T, n, K), signs(rng, T, n, K)
    words = np.stack([packed(x) for x in s_star])
    total = engine.agreement(z.astype(np.int32), words)
    assert total.dtype == np.int32
    np.testing.assert_array_equal(total, (z * s_star).sum(axis=0))
    assert engine.differ(words[0], packed(other[0])) == (s_star[0] != other[0]).sum()


@pytest.mark.parametrize("sign", [1, -1])
@each_engine
def test_products_reach_both_ends(engine, sign):
    """All agree, or all differ: K and -K, also where a count of differences passes 255."""
    for columns in (1, 64, 300, 1000):
        A, B = np.ones((6, columns), np.int8), np.full((2, columns), sign, np.int8)
        b = engine.operand(packed(B), columns)
        assert (engine.product(packed(A), b) == sign * columns).all()
        nothing = np.zeros_like(packed(A))
        assert (engine.masked_product(packed(A), nothing, b) == 0).all()


@each_engine
def test_products_of_no_rows_and_of_slices(engine):
    rng = np.random.default_rng(6)
    A, B = signs(rng, 12, 100), signs(rng, 9, 100)
    b = engine.operand(packed(B)[::2], 100)
    assert engine.product(packed(A)[:0], b).shape == (0, 5)
    np.testing.assert_array_equal(
        engine.product(packed(A)[::-2], b), plain_product(A[::-2], B[::2])
    )


@each_engine
def test_operands_of_read_only_words(engine):
    words = packed(signs(np.random.default_rng(7), 5, 65))
    words.flags.writeable = False
    b = engine.operand(words, 65)
    assert (np.diag(engine.product(words, b)) == 65).all()
    assert not words.flags.writeable


# -- selection -------------------------------------------------------------------------------------


@each_engine
@given(st.integers(1, 6), st.integers(1, 7), st.integers(1, 23), SEEDS)
@settings(max_examples=60)
def test_select_finds_the_wrong_neuron_nearest_to_flipping(engine, n, groups, group, seed):
    """Sums of small size, so that ties are common, even and odd."""
    rng = np.random.default_rng(seed)
    z = rng.integers(-3, 4, (n, groups * group)).astype(np.int32)
    a_star = signs(rng, *z.shape)
    wrong = (z >= 0) != (a_star > 0)
    winners, count = engine.select(z, packed(a_star), group)
    assert winners.dtype == np.int32
    assert count == wrong.sum()
    np.testing.assert_array_equal(winners, plain_select(z, a_star, group))
    some = np.flatnonzero(rng.random(n) < 0.5)
    of_some, count = engine.select(z, packed(a_star)[some], group, some)
    np.testing.assert_array_equal(of_some, winners[some])
    assert count == wrong[some].sum()


@pytest.mark.parametrize(
    ("z", "a_star", "winner"),
    [
        ([3, -1, 2], [-1, 1, -1], 1),  # the nearest, not the first
        ([2, -2, 2], [-1, 1, -1], 0),  # of equals the first
        ([5, -2, 2], [-1, 1, -1], 1),
        ([1, -5, 9], [1, -1, 1], -1),  # none is wrong
        ([0, 4, 4], [1, 1, 1], -1),  # sign(0) = +1, so it is right
        ([0, 4, -4], [-1, -1, 1], 0),  # wrong at distance 0
        ([4, 0, 0], [-1, 1, -1], 2),  # of two zeros one is right
        ([-(2**30), 2**30, 1], [1, -1, 1], 0),
    ],
)
@each_engine
def test_select_by_hand(engine, z, a_star, winner):
    z = np.array([z], np.int32)
    winners, _ = engine.select(z, packed([a_star]), 3)
    assert winners.tolist() == [[winner]]


@each_engine
def test_select_numbers_neurons_within_the_layer(engine):
    z, a_star = np.full((1, 130), 4, np.int32), np.full((1, 130), -1, np.int8)
    z[0, [3, 64, 129]] = 2
    assert engine.select(z, packed(a_star), 65)[0].tolist() == [[3, 129]]
    assert engine.select(z, packed(a_star), 130)[0].tolist() == [[3]]
    assert engine.select(z, packed(a_star), 1)[0].tolist() == [list(range(130))]


# -- the update ------------------------------------------------------------------------------------


def hidden(rng, rows, columns, size=9):
    """Odd integers, as training keeps them."""
    return (2 * rng.integers(-size // 2, size // 2 + 1, (rows, columns)) + 1).astype(np.int16)


def winners_of(rng, n, groups, group):
    """One neuron of each group or none."""
    inside = rng.integers(-1, group, (n, groups))
    return np.where(inside < 0, -1, inside + group * np.arange(groups)).astype(np.int32)


@each_engine
@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 5), COLUMNS, SEEDS)
@settings(max_examples=40)
def test_update_adds_the_exact_sum_and_signs_anew(engine, n, groups, group, fan_in, seed):
    rng = np.random.default_rng(seed)
    H = hidden(rng, groups * group, fan_in)
    winners = winners_of(rng, n, groups, group)
    a_star, a_prev = signs(rng, n, groups * group), signs(rng, n, fan_in)
    expected = plain_update(H, winners, a_star, a_prev)
    words = packed(H)
    engine.update(H, words, winners, packed(a_star), packed(a_prev))
    np.testing.assert_array_equal(H, expected)
    np.testing.assert_array_equal(words, packed(expected))
    assert (H % 2 != 0).all()


@each_engine
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 3), COLUMNS, SEEDS)
@settings(max_examples=25)
def test_update_sums_over_steps_that_share_their_winners(engine, n, T, groups, fan_in, seed):
    """The answer counts the signs that changed; so many hits that a count needs several bits."""
    rng = np.random.default_rng(seed)
    H, winners = hidden(rng, groups * 3, fan_in), winners_of(rng, n, groups, 3)
    a_star, a_prev = signs(rng, T, n, groups * 3), signs(rng, T, n, fan_in)
    flat = a_star.reshape(T * n, -1), a_prev.reshape(T * n, -1)
    expected = np.array(plain_update(H, np.tile(winners, (T, 1)), *flat))
    words, before = packed(H), H.copy()
    star, prev = (np.stack([packed(x) for x in y]) for y in (a_star, a_prev))
    assert engine.update(H, words, winners, star, prev) == ((before > 0) != (expected > 0)).sum()
    np.testing.assert_array_equal(H, expected)
    np.testing.assert_array_equal(words, packed(expected))


@each_engine
@given(st.integers(1, 9), st.integers(1, 40), COLUMNS, st.sampled_from([0, 0.02, 0.5, 1]), SEEDS)
@settings(max_examples=40)
def test_update_of_some_samples_then_reinforces_and_keeps_the_operand(
    engine, n, groups, fan_in, p, seed
):
    """In one call what select, update, reinforce and a new operand give one after the other."""
    rng = np.random.default_rng(seed)
    H, winners = hidden(rng, groups, fan_in), winners_of(rng, n, groups, 1)
    samples = 3 * n  # the winners are of a third of them
    rows = np.sort(rng.permutation(samples)[:n])
    a_star, a_prev = signs(rng, n, groups), signs(rng, samples, fan_in)
    coin = (integer_probability(p), 9, 1, 2, 3)
    expected = np.array(plain_update(H, winners, a_star, a_prev[rows]))
    flips = ((expected > 0) != (H > 0)).sum()
    expected += 2 * np.sign(expected) * plain_chosen(H.shape, *coin)
    words = packed(H)
    b = engine.operand(words, fan_in)
    engine.product(words, b)  # whatever is prepared at the first use is prepared
    both = packed(a_star), packed(a_prev)
    assert engine.update(H, words, winners, *both, rows, coin, b) == flips
    np.testing.assert_array_equal(H, expected)
    np.testing.assert_array_equal(words, packed(expected))
    W = np.where(expected > 0, 1, -1)
    np.testing.assert_array_equal(engine.product(packed(a_prev), b), plain_product(a_prev, W))


@each_engine
@given(
    st.lists(st.integers(1, 30), min_size=2, max_size=5),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 12),
    st.sampled_from([0.01, 0.5, 1]),
    st.sampled_from(["bep", "feedback", "frozen", "local"]),
    SEEDS,
)
@settings(max_examples=40)
def test_a_whole_batch_is_all_its_steps(engine, tens, group, batch, r, credit, seed):
    """Odd widths, any depth, from nobody fires to all do; against the steps on plain signs."""
    widths = [7 * tens[0], *(group * width for width in tens[1:])]
    rng = np.random.default_rng(seed)
    X, y = signs(rng, 25, widths[0]), rng.integers(0, 3, 25)

    def train():
        net = BEPNetwork(widths, 3, credit=credit, r=r, nu=0.4, groups=[group] * len(tens[1:]))
        net.fit(X, y, epochs=2, batch_size=batch)
        return net.weights_sha256(), net.history, net.decision_function(X).tolist()

    with use_engine(engine.NAME), pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "BATCHES_APART", 0, raising=False)  # the NumPy engine has no such
        whole = train()
        with override("4.5", reference("4.5")):
            assert whole == train()


@pytest.mark.parametrize("side", [1, -1])
@each_engine
def test_update_saturates_at_both_ends(engine, side):
    """40 samples push one way; a fan-in over a word, so that head and tail are both seen."""
    n, fan_in = 40, 70
    H = np.full((3, fan_in), side * (LIMIT - 10), np.int16)
    H[:, -1] = -side * LIMIT
    words = packed(H)
    winners = np.tile(np.array([[1]], np.int32), (n, 1))
    a_star = np.full((n, 3), side, np.int8)
    a_prev = np.ones((n, fan_in), np.int8)
    a_prev[:, 1] = -1
    engine.update(H, words, winners, packed(a_star), packed(a_prev))
    assert (H[1, [0, *range(2, fan_in - 1)]] == side * LIMIT).all()
    assert H[1, 1] == side * (LIMIT - 10 - 2 * n)
    assert H[1, -1] == side * (2 * n - LIMIT)
    assert (H[[0, 2], :-1] == side * (LIMIT - 10)).all()
    assert H.min() >= -LIMIT
    np.testing.assert_array_equal(words, packed(H))


@pytest.mark.parametrize("side", [1, -1])
@each_engine
def test_update_saturates_once_at_the_end(engine, side):
    """Twice up and twice down is nothing, although the way leads over the edge."""
    H = np.full((1, 65), side * (LIMIT - 2), np.int16)
    words = packed(H)
    a_star = np.array([[side], [side], [-side], [-side]], np.int8)
    winners = np.zeros((4, 1), np.int32)
    engine.update(H, words, winners, packed(a_star), packed(np.ones((4, 65), np.int8)))
    assert (H == side * (LIMIT - 2)).all()


@pytest.mark.parametrize("n", [16_000, 16_001, 16_384, 40_000])
@each_engine
def test_update_sums_wider_than_its_integers(engine, n):
    """So many pushes of 2 at one neuron pass 16 bits before they are clipped."""
    H = np.where(np.arange(66) % 3, -1, 1).astype(np.int16)[None]
    words, direction = packed(H), np.where(np.arange(66) % 2, 1, -1)
    expected = np.clip(H.astype(np.int64) + 2 * n * direction, -LIMIT, LIMIT)
    a_prev = np.repeat(packed(direction[None]), n, axis=0)
    engine.update(H, words, np.zeros((n, 1), np.int32), packed([[1]]).repeat(n, axis=0), a_prev)
    np.testing.assert_array_equal(H, expected)
    np.testing.assert_array_equal(words, packed(expected))


@each_engine
def test_update_without_winners_changes_nothing(engine):
    rng = np.random.default_rng(8)
    H = hidden(rng, 4, 70)
    before, words = H.copy(), packed(H)
    engine.update(
        H, words, np.full((5, 2), -1, np.int32), packed(signs(rng, 5, 4)), packed(signs(rng, 5, 70))
    )
    np.testing.assert_array_equal(H, before)
    np.testing.assert_array_equal(words, packed(before))


# -- reinforcement ---------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.001, 0.02, 0.3, 0.9, 1.0])
@each_engine
def test_reinforce_pushes_the_chosen_entries_away_from_zero(engine, p):
    probability = integer_probability(p)
    for shape in ((1, 1), (1, 5), (5, 67), (3, 400), (35, 30)):
        address = (9, 2, 31, 4)
        chosen = plain_chosen(shape, probability, *address)
        H = hidden(np.random.default_rng(9), *shape)
        expected = np.where(chosen, H + 2 * np.sign(H), H)
        engine.reinforce(H, probability, *address)
        np.testing.assert_array_equal(H, expected)
        np.testing.assert_array_equal(
            numpy_engine.chosen_entries(shape, probability, *address), chosen
        )
    if p in (0, 1):
        assert (chosen == bool(p)).all()


@each_engine
def test_a_word_that_equals_a_table_entry_skips_no_further(engine):
    """An entry is passed by where the random word is *below* the table, not where it is equal."""
    word = int(philox4x32((0, 2, 31, 4), (9, int(Stream.REINFORCE)))[0])
    for probability, picked in ((2**32 - word, 3), (2**32 - word - 1, 1)):
        H = np.ones((1, 1), np.int16)
        engine.reinforce(H, probability, 9, 2, 31, 4)
        assert H.item() == picked


@each_engine
def test_reinforce_stays_within_the_limits_and_keeps_signs(engine):
    H = np.array([[LIMIT, -LIMIT, LIMIT - 2, 2 - LIMIT, 1, -1]], np.int16)
    engine.reinforce(H, integer_probability(1.0), 0, 0, 0, 0)
    assert H.tolist() == [[LIMIT, -LIMIT, LIMIT, -LIMIT, 3, -3]]


@each_engine
def test_each_row_reads_its_own_part_of_the_stream(engine):
    probability = integer_probability(0.1)
    whole, top = np.ones((40, 90), np.int16), np.ones((7, 90), np.int16)
    engine.reinforce(whole, probability, 3, 1, 2, 5)
    engine.reinforce(top, probability, 3, 1, 2, 5)
    np.testing.assert_array_equal(top, whole[:7])
    assert len({row.tobytes() for row in whole}) == 40


@pytest.mark.parametrize("part", range(4))
@each_engine
def test_every_part_of_the_address_matters(engine, part):
    first, other = np.ones((20, 100), np.int16), np.ones((20, 100), np.int16)
    address = [3, 1, 2, 5]
    engine.reinforce(first, integer_probability(0.1), *address)
    address[part] += 1
    engine.reinforce(other, integer_probability(0.1), *address)
    assert (first != other).any()


@pytest.mark.parametrize("p", [0.0005, 0.017, 0.2, 0.7])
def test_the_coin_is_fair_to_every_entry(p):
    """Counts of the whole, of rows, of columns and of neighbours, all within five deviations."""
    shape = (400, 501)
    chosen = numpy_engine.chosen_entries(shape, integer_probability(p), 1, 0, 0, 0)

    def close(count, n, p=p):
        deviations = np.abs(np.asarray(count) - n * p) / max((n * p * (1 - p)) ** 0.5, 1)
        return deviations.max() < 5 if n * p > 20 else deviations.max() < 12

    assert close(chosen.sum(), chosen.size)
    assert close(chosen.sum(axis=1), shape[1])
    assert close(chosen.sum(axis=0), shape[0])
    assert close((chosen[:, 1:] & chosen[:, :-1]).sum(), shape[0] * (shape[1] - 1), p * p)
    assert close((chosen[1:] & chosen[:-1]).sum(), (shape[0] - 1) * shape[1], p * p)


@pytest.mark.parametrize("p", [0.0, 0.001, 0.017, 0.5, 1.0])
def test_the_skip_table_is_the_geometric_law(p):
    """Rounded down at each of its steps: at most k below the exact (1 - p)^k."""
    table = numpy_engine.skip_table(integer_probability(p))
    stay = 1 - Fraction(integer_probability(p), 2**32)
    assert len(table) == 256
    for k, entry in enumerate(table.tolist(), start=1):
        assert 0 <= stay**k * 2**32 - entry < k + 1
    assert not table.flags.writeable


# -- the plain twins -------------------------------------------------------------------------------


@pytest.mark.usefixtures("compiled")
@given(ROWS, st.integers(1, 5), st.integers(1, 5), COLUMNS, SEEDS)
@settings(max_examples=15)
def test_the_plain_twin_of_each_vector_kernel_gives_the_same(n, groups, group, columns, seed):
    """Run as Python, as a reader steps through them; columns are those of a layer's input."""
    from bnnkit.engine import kernels, training_kernels

    rng = np.random.default_rng(seed)
    width = groups * group
    W, X, mask = (signs(rng, rows, columns) for rows in (width, n, n))
    a, masks, w = packed(X), packed(mask), packed(W)
    z, masked = np.empty((n, width), np.int32), np.empty((n, width), np.int32)
    kernels.product_loops.py_func(a, w, columns, z)
    np.testing.assert_array_equal(z, plain_product(X, W))
    kernels.masked_product_loops.py_func(a, masks, w, masked)
    np.testing.assert_array_equal(masked, plain_product(X * (mask > 0), W))

    a_star = signs(rng, n, width)
    winners = np.empty((n, groups), np.int32)
    training_kernels.select_loops.py_func(z, packed(a_star), group, winners)
    np.testing.assert_array_equal(winners, plain_select(z, a_star, group))

    total = np.zeros((n, width), np.int32)
    training_kernels.add_agreement_loops.py_func(z, packed(a_star), total)
    np.testing.assert_array_equal(total, z * a_star)
    across = np.empty((columns, 1), np.uint64)
    kernels.transpose_bits_loops.py_func(w, width, columns, across)
    np.testing.assert_array_equal(across, packed(W.T))

    H = hidden(rng, width, columns)
    expected, words = plain_update(H, winners, a_star, X), packed(H)
    both = packed(a_star)[None], a[None]
    training_kernels.update_loops.py_func(H, words, np.arange(n), winners, *both)
    np.testing.assert_array_equal(H, expected)
    np.testing.assert_array_equal(words, packed(expected))


@pytest.mark.usefixtures("compiled")
@given(ROWS, COLUMNS, COLUMNS, st.integers(0, 12), SEEDS)
@settings(max_examples=15)
def test_the_plain_twins_of_packing_give_the_same(n, columns, width, bound, seed):
    from bnnkit.engine import kernels, training_kernels

    rng = np.random.default_rng(seed)
    x, other, W = (signs(rng, rows, columns) for rows in (n, n, width))
    words, back = packed(x), np.empty_like(x)
    out = np.full_like(words, 7)
    kernels.pack_integer_signs_loops.py_func(x, out)
    np.testing.assert_array_equal(out, words)
    kernels.unpack_signs_loops.py_func(words, back)
    np.testing.assert_array_equal(back, x)
    differ = training_kernels.count_differences_loops.py_func(words, packed(other))
    assert differ == (x != other).sum()

    z, rows = rng.integers(-15, 16, x.shape), rng.permutation(n)[: n // 2]
    within = np.full((len(rows), words.shape[1]), 7, np.uint64)
    count = kernels.pack_within_loops.py_func(z, rows, bound, within)
    np.testing.assert_array_equal(within, plain_pack(np.abs(z) <= bound)[rows])
    assert count == (np.abs(z[rows]) <= bound).sum()

    panels, expected = (
        np.full(-(-columns // 16) * 16 * -(-width // 64), 7, np.uint64) for _ in "ab"
    )
    kernels.fill_panels_transposed_loops.py_func(packed(W), width, columns, panels)
    kernels.fill_panels(packed(W.T), expected)
    np.testing.assert_array_equal(panels, expected)


@pytest.mark.usefixtures("compiled")
@given(ROWS, st.lists(COLUMNS, min_size=2, max_size=4), SEEDS)
@settings(max_examples=15)
def test_the_plain_twin_of_a_chain_gives_the_same(n, sizes, seed):
    from bnnkit.engine import kernels

    rng = np.random.default_rng(seed)
    W = [signs(rng, *shape) for shape in zip(sizes[1:], sizes)]
    x, logits = packed(signs(rng, n, sizes[0])), np.empty((n, sizes[-1]), np.int32)
    chain = ENGINES[0].chain([(packed(weights), weights.shape[1]) for weights in W])
    assert kernels.chain_loops.py_func(x, chain.panels, chain.widths, logits)
    np.testing.assert_array_equal(logits, chain(x))


@pytest.mark.usefixtures("compiled")
def test_every_kernel_of_vector_code_has_a_plain_twin():
    from bnnkit.engine import intrinsics, kernels, training_kernels

    def is_part(thing):
        return getattr(thing, "targetoptions", {}).get("inline") == "always"

    def vectors(module, thing):
        used = {name: getattr(module, name, None) for name in thing.py_func.__code__.co_names}
        if any(name.islower() and hasattr(intrinsics, name) for name in used):
            return True
        return any(vectors(module, other) for other in used.values() if is_part(other))

    for module in (kernels, training_kernels):
        own = [f for f in vars(module).values() if getattr(f, "__module__", "") == module.__name__]
        own = [f for f in own if hasattr(f, "py_func") and not is_part(f)]
        found = {f.__name__ for f in own if vectors(module, f)}
        twins = {f.__name__.removesuffix("_loops") for f in own if f.__name__.endswith("_loops")}
        assert found and found <= twins


# -- which engine serves ---------------------------------------------------------------------------


@pytest.fixture
def fresh(monkeypatch):
    """Nothing looked up yet, as in a new process."""
    monkeypatch.setattr("bnnkit.engine._serving", None)


@pytest.mark.usefixtures("fresh")
def test_the_faster_engine_serves_by_itself(monkeypatch):
    monkeypatch.delenv("BNNKIT_ENGINE", raising=False)
    assert get_engine().NAME == available_engines()[0]
    assert available_engines()[-1] == "numpy"


@pytest.mark.usefixtures("fresh")
def test_the_environment_chooses_and_a_with_block_overrules_it(monkeypatch):
    monkeypatch.setenv("BNNKIT_ENGINE", "numpy")
    assert get_engine().NAME == "numpy"
    for name in available_engines():
        with use_engine(name) as engine:
            assert engine is get_engine()
            assert engine.NAME == name
            with use_engine("numpy"):
                assert get_engine().NAME == "numpy"
            assert get_engine().NAME == name
    assert get_engine().NAME == "numpy"


def test_an_error_within_the_block_gives_the_engine_back():
    before = get_engine().NAME
    with pytest.raises(KeyError), use_engine("numpy"):
        raise KeyError
    assert get_engine().NAME == before


@pytest.mark.usefixtures("fresh")
def test_an_unknown_engine(monkeypatch):
    with (
        pytest.raises(ValueError, match="must be one of numba, numpy, got 'cuda'"),
        use_engine("cuda"),
    ):
        pass
    monkeypatch.setenv("BNNKIT_ENGINE", "fast")
    monkeypatch.setattr("bnnkit.engine._serving", None)
    with pytest.raises(ValueError, match="BNNKIT_ENGINE must be one of numba, numpy, got 'fast'"):
        get_engine()


@pytest.mark.usefixtures("fresh")
def test_without_numba_the_numpy_engine_serves(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "numba" else find_spec(name, *rest),
    )
    monkeypatch.delenv("BNNKIT_ENGINE", raising=False)
    assert available_engines() == ["numpy"]
    assert get_engine().NAME == "numpy"
    with pytest.raises(ValueError, match=r"pip install 'bnnkit\[fast\]'"), use_engine("numba"):
        pass


@pytest.fixture
def every_call_is_shared(monkeypatch):
    """However small it is."""
    if "numba" in available_engines():
        monkeypatch.setattr("bnnkit.engine.numba_engine.SHARED_WORK", 0)
        monkeypatch.setattr("bnnkit.engine.numba_engine.SHARED_ENTRIES", 0)


@pytest.mark.usefixtures("every_call_is_shared")
@pytest.mark.parametrize("credit", ["bep", "local"])
def test_training_is_the_same_on_any_number_of_threads(credit):
    rng = np.random.default_rng(11)
    X, y = signs(rng, 90, 33), rng.integers(0, 3, 90)
    hashes, answers = set(), []
    for threads in (1, 2, 3):
        net = BEPNetwork((33, 15, 27), 3, seed=2, nu=0.5, credit=credit)
        net.fit(X, y, epochs=2, batch_size=40, threads=threads)
        with use_threads(threads):
            answers.append(net.decision_function(X))
        hashes.add(net.weights_sha256())
    assert len(hashes) == 1
    assert (answers[0] == answers[1]).all() and (answers[0] == answers[2]).all()


@pytest.mark.usefixtures("every_call_is_shared")
def test_training_in_time_is_the_same_on_any_number_of_threads():
    rng = np.random.default_rng(12)
    X, y = signs(rng, 60, 3, 5), rng.integers(0, 3, 60)
    hashes = set()
    for threads in (1, 2, 3):
        net = BEPRecurrentNetwork(3, 3, state=35, expansion=21, nu=0.5, seed=2)
        hashes.add(net.fit(X, y, 2, 25, threads=threads).weights_sha256())
    assert len(hashes) == 1


TRAIN = """
import sys
import numpy as np
from bnnkit import BEPNetwork
from bnnkit.philox import Stream, random_signs
X = random_signs(1, Stream.DATA, (60, 33))
net = BEPNetwork((33, 15, 9), 3, seed=2).fit(X, np.arange(60) % 3, epochs=2, batch_size=25)
"""


def in_a_new_process(code, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("BNNKIT_ENGINE", "NUMBA_DISABLE_JIT")}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        env={**kept, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done


def weights_here():
    scope = {}
    exec(TRAIN, scope)
    return scope["net"].weights_sha256()


@pytest.mark.slow
def test_with_the_compiler_off_the_numpy_engine_gives_the_same_weights():
    code = TRAIN + "from bnnkit.engine import *; print(get_engine().NAME, net.weights_sha256())"
    done = in_a_new_process(code, NUMBA_DISABLE_JIT="1")
    assert done.stdout.strip() == f"numpy {weights_here()}"


@pytest.mark.slow
def test_the_numpy_engine_never_imports_numba():
    code = TRAIN + "print('numba' in sys.modules, net.weights_sha256())"
    done = in_a_new_process(code, BNNKIT_ENGINE="numpy")
    assert done.stdout.strip() == f"False {weights_here()}"


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_no_kernel_reads_or_writes_past_an_array(tmp_path):
    """Compiled code does so in silence. Here the quick tests run again, every index checked."""
    words = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", "-k", "numba", __file__]
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(words, env=os.environ | checked, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]


# -- no floating point in training -----------------------------------------------------------------

SOME_WHOLE = "from bnnkit.engine import numba_engine; numba_engine.BATCHES_APART = 3"  # of six
AUDIT = """
import gc, json, re
import numba
from numba.core.dispatcher import Dispatcher

def floats(kernel):
    ir = re.sub(r'"[^"]*"', "", "".join(kernel.inspect_llvm().values()))
    return len(ir), re.findall(r"\\b(?:half|bfloat|float|double|fp128)\\b", ir)

@numba.njit
def halved(x):
    return x / 2

halved(3)
found = {"halved": floats(halved)}
for kernel in [thing for thing in gc.get_objects() if isinstance(thing, Dispatcher)]:
    if kernel.py_func.__module__.startswith("bnnkit.") and kernel.signatures:
        found[kernel.py_func.__name__] = floats(kernel)
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("compiled")
def test_no_compiled_kernel_of_training_knows_a_floating_point_number(tmp_path):
    """Read in LLVM's own language. An empty cache, since kernels from a cache come without it.

    That the kernels are compiled is said in one line; from the cache they come without a word.
    """
    cold = in_a_new_process(SOME_WHOLE + TRAIN + AUDIT, NUMBA_CACHE_DIR=str(tmp_path))
    assert cold.stderr.count("\n") == 1 and cold.stderr.startswith("bnnkit: compiling ")
    assert in_a_new_process(TRAIN, NUMBA_CACHE_DIR=str(tmp_path)).stderr == ""
    found = json.loads(cold.stdout)
    assert found.pop("halved")[1], "the audit must see the double of a division"
    trained = {"product", "pack_within", "masked_product", "select", "update", "reinforce"}
    assert trained | {"train_batch"} <= set(found)
    for name, (length, hits) in found.items():
        assert length > 1000, f"{name}: its LLVM code is missing"
        assert not hits, f"{name} computes with {sorted(set(hits))}"


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize("before", [True, False])
def test_garbage_waits_while_a_kernel_is_compiled(before):
    """Also where one kernel needs another, and where compiling fails; then all is as before."""
    from numba import njit
    from numba.core import errors as numba_errors
    from numba.core import event as numba_event

    seen = []

    class Look(numba_event.Listener):
        def on_start(self, event):
            seen.append(gc.isenabled())

        def on_end(self, event):
            pass

    @njit
    def inner(x):
        return x + 1

    @njit
    def outer(x):
        return inner(x) + inner(1.5)

    @njit
    def wrong(x):
        return x.there_is_no_such_thing

    try:
        (gc.enable if before else gc.disable)()
        with numba_event.install_listener("numba:compile", Look()):
            assert outer(1) == 4.5
            assert gc.isenabled() == before
            with pytest.raises(numba_errors.TypingError):
                wrong(1)
        assert seen == [False] * 4
        assert gc.isenabled() == before
    finally:
        gc.enable()
