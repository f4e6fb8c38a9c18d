"""Rung 4, step by step: each against its definition, spelled out in plain loops or brute force."""

from itertools import combinations, product
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnkit import bep
from bnnkit.bep.chain import HIDDEN_MAX

SEEDS = st.integers(0, 2**31)


def signs(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), size=shape)


@given(st.integers(0, 1000), st.integers(1, 3000))
def test_bounds_take_the_decimal_that_was_written(thousandths, width):
    r = thousandths / 1000
    if r > 0:
        assert bep.margin_bound(r, width) == -(-thousandths * width // 1000)
    assert bep.gate_bound(r, width) == thousandths * width // 1000


@given(SEEDS, st.integers(1, 6), st.integers(2, 5))
def test_margins_by_loops(seed, n, C):
    rng = np.random.default_rng(seed)
    logits = rng.integers(-5, 6, (n, C)).astype(np.int32)
    y = rng.integers(0, C, n)
    slow = [row[c] - max(v for k, v in enumerate(row) if k != c) for row, c in zip(logits, y)]
    np.testing.assert_array_equal(bep.margins(logits, y), slow)


def test_the_gate_is_closed_beyond_its_window_and_includes_the_edge():
    z = np.arange(-12, 13)[None]
    expected = [abs(v) <= floor(0.5 * 9) for v in z[0]]
    np.testing.assert_array_equal(bep.gate(z, nu=0.5, fan_in=9)[0], expected)


@given(SEEDS, st.integers(1, 5), st.integers(1, 9))
def test_lemma_1_no_vector_agrees_better_with_the_votes(seed, K_up, K):
    """Brute force over all 2^K answers: the vote maximises the gated agreement."""
    rng = np.random.default_rng(seed)
    W, a_star, gate = signs(rng, K_up, K), signs(rng, 1, K_up), rng.random((1, K_up)) < 0.7
    voted = bep.back_project(W, a_star, gate)[0]

    def agreement(a):
        return int((gate[0] * a_star[0]) @ (W.astype(int) @ np.asarray(a)))

    assert agreement(voted) == max(agreement(a) for a in product((-1, 1), repeat=K))


@given(SEEDS, st.integers(1, 4), st.integers(1, 6), st.integers(1, 9))
def test_back_project_by_loops(seed, n, K_up, K):
    rng = np.random.default_rng(seed)
    W, a_star, gate = signs(rng, K_up, K), signs(rng, n, K_up), rng.random((n, K_up)) < 0.5
    for mu, j in product(range(n), range(K)):
        votes = sum(int(W[i, j]) * int(a_star[mu, i]) for i in range(K_up) if gate[mu, i])
        assert bep.back_project(W, a_star, gate)[mu, j] == (1 if votes >= 0 else -1)


@given(
    SEEDS,
    st.integers(1, 5),
    st.sampled_from([(6, 1), (6, 2), (6, 3), (6, 6), (15, 5)]),
    st.sampled_from([np.int16, np.int32, np.int64]),
)
def test_select_by_loops(seed, n, sizes, dtype):
    (K, group), rng = sizes, np.random.default_rng(seed)
    z, a_star = rng.integers(-3, 4, (n, K), dtype=dtype), signs(rng, n, K)
    mask = bep.select(z, a_star, group)
    for mu in range(n):
        for first in range(0, K, group):
            members = range(first, first + group)
            wrong = [j for j in members if (1 if z[mu, j] >= 0 else -1) != a_star[mu, j]]
            winner = min(wrong, key=lambda j: (abs(z[mu, j]), j), default=None)
            assert [j for j in members if mask[mu, j]] == ([] if winner is None else [winner])


@given(SEEDS, st.integers(1, 6), st.integers(1, 5), st.integers(1, 7))
def test_update_by_loops_and_odd_stays_odd(seed, n, K, K_prev):
    rng = np.random.default_rng(seed)
    H = (2 * rng.integers(-3, 3, (K, K_prev)) + 1).astype(np.int16)
    mask, a_star, a_prev = rng.random((n, K)) < 0.5, signs(rng, n, K), signs(rng, n, K_prev)
    slow = H.astype(int)
    for mu, j, k in product(range(n), range(K), range(K_prev)):
        if mask[mu, j]:
            slow[j, k] += 2 * int(a_star[mu, j]) * int(a_prev[mu, k])
    after = bep.update(H, mask, a_star, a_prev)
    np.testing.assert_array_equal(after, slow)
    assert after.dtype == np.int16 and (after % 2 == 1).all()


@given(SEEDS, st.integers(1, 7))
def test_lemma_3_hidden_stability_grows_by_twice_the_fan_in(seed, K_prev):
    rng = np.random.default_rng(seed)
    H = (2 * rng.integers(-9, 9, (1, K_prev)) + 1).astype(np.int16)
    a_star, a_prev = signs(rng, 1, 1), signs(rng, 1, K_prev)
    after = bep.update(H, [[True]], a_star, a_prev)
    grown = int(a_star[0, 0]) * ((after.astype(int) - H) @ a_prev[0].astype(int))[0]
    assert grown == 2 * K_prev


def test_hidden_weights_saturate_at_both_rails():
    H = np.array([[HIDDEN_MAX, -HIDDEN_MAX, HIDDEN_MAX - 2]], np.int16)
    up = bep.update(H, [[True]] * 2, [[1]] * 2, [[1, -1, 1]] * 2)
    np.testing.assert_array_equal(up, [[HIDDEN_MAX, -HIDDEN_MAX, HIDDEN_MAX]])
    np.testing.assert_array_equal(bep.reinforce(H, np.ones((1, 3), bool)), up)


@given(SEEDS)
def test_reinforcement_changes_no_sign(seed):
    rng = np.random.default_rng(seed)
    H = (2 * rng.integers(-5, 5, (4, 6)) + 1).astype(np.int16)
    chosen = rng.random((4, 6)) < 0.5
    after = bep.reinforce(H, chosen)
    np.testing.assert_array_equal(np.sign(after), np.sign(H))
    np.testing.assert_array_equal(np.abs(after.astype(int)) - np.abs(H), 2 * chosen)


def objective(P, alpha):
    """Eq. 13 as it stands, in exact fractions of integers."""
    s = [int(np.dot(P[i].astype(int), P[j])) for i, j in combinations(range(len(P)), 2)]
    pairs = len(s)
    return pairs**2 * sum(s) + alpha * (pairs * sum(v * v for v in s) - sum(s) ** 2)


@given(SEEDS, st.integers(2, 5), st.integers(1, 12), st.integers(0, 3))
@settings(max_examples=40)
def test_no_single_flip_improves_the_prototypes(seed, C, K, alpha):
    start = signs(np.random.default_rng(seed), C, K)
    P = bep.equiangular(start, alpha)
    reached = objective(P, alpha)
    assert reached <= objective(start, alpha)
    for i, k in product(range(C), range(K)):
        flipped = P.copy()
        flipped[i, k] *= -1
        assert objective(flipped, alpha) >= reached


def test_two_prototypes_end_opposite():
    P = bep.class_prototypes(2, 31, seed=3)
    np.testing.assert_array_equal(P[0], -P[1])


def test_reinforcement_threshold_follows_its_formula():
    for p_r, K, error in ((0.5, 784, 1.0), (1.0, 35, 0.25), (0.0, 5, 1.0)):
        p = p_r * (2 / (np.pi * K)) ** 0.5 * error**0.5
        assert abs(bep.reinforcement_threshold(p_r, K, error) / 2**32 - p) < 1e-9


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: bep.margin_bound(1.5, 3), ValueError, r"r must be a number in \[0, 1\], got 1.5"),
        (lambda: bep.gate_bound(0.1, 0), ValueError, "fan_in must be an integer >= 1"),
        (lambda: bep.gate([[np.nan]], 0.1, 3), ValueError, "z must hold finite numbers"),
        (lambda: bep.back_project([[1]], [[0]], [[True]]), ValueError, "a_star must hold only"),
        (lambda: bep.select([[1, 2, 3]], [[1, 1, 1]], 2), ValueError, "group must divide"),
        (lambda: bep.select([[1, 2]], [[1]], 1), ValueError, "a_star must have the shape of z"),
        (lambda: bep.equiangular([[1, -1]]), ValueError, "the number of rows of P"),
        (lambda: bep.class_prototypes(1, 5, 0), ValueError, "n_classes must be an integer in 2"),
        (lambda: bep.equiangular([[1], [-1]], alpha=0.5), TypeError, "alpha must be an integer"),
        (lambda: bep.equiangular([[1], [-1]], alpha=2**58), ValueError, "alpha must be an integer"),
        (lambda: bep.margin_bound(0.5, 15.0), TypeError, "width must be an integer"),
        (lambda: bep.margin_bound(10**400, 15), ValueError, "r must be a number"),
        (lambda: bep.reinforcement_threshold(0.5, 0, 1.0), ValueError, "fan_in must be an integer"),
        (lambda: bep.margins([[5]], [0]), ValueError, "C at least 2"),
        (lambda: bep.margins([[5, 1]], [-1]), ValueError, "y must hold class numbers"),
        (lambda: bep.back_project([[1]], [[1]], [[-1]]), ValueError, "gate must hold only True"),
        (lambda: bep.back_project([[1]], [[1]], [["no"]]), TypeError, "gate must hold True"),
        (lambda: bep.update([[1, 1]], [[1]], [[1]], [[1]]), ValueError, "a_prev must have shape"),
        (lambda: bep.update([[1]], [[1, 1]], [[1]], [[1]]), ValueError, "mask must have shape"),
        (lambda: bep.update([[1.7]], [[1]], [[1]], [[1]]), TypeError, "H must hold integers"),
        (lambda: bep.reinforce([[40001]], [[1]]), ValueError, "H must hold integers from -32767"),
        (lambda: bep.reinforce([[1]], [[1], [0]]), ValueError, "chosen must have shape"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_the_most_negative_sum_is_far_from_zero():
    assert not bep.gate(np.array([[-128]], np.int8), 0.1, 10).any()
    mask = bep.select(np.array([[-128, -1]], np.int8), [[1, 1]], 2)
    np.testing.assert_array_equal(mask, [[False, True]])


def test_margin_bound_rounds_up():
    assert [bep.margin_bound(0.5, K) for K in (1, 2, 3)] == [ceil(0.5 * K) for K in (1, 2, 3)]
