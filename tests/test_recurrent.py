"""Rung 5: the unrolled network against plain loops, and one truth on every path and engine."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnkit import BEPRecurrentNetwork, use_engine
from bnnkit.engine import available_engines
from bnnkit.philox import Stream, random_signs
from bnnkit.recurrent import accumulate, backward, forward, shared_mask
from bnnkit.steps import override, reference

SEEDS = st.integers(0, 2**31)


def signs(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), size=shape)


def sign(z):
    return np.where(np.asarray(z) < 0, -1, 1)


@given(SEEDS, st.integers(1, 3), st.integers(1, 5), st.integers(1, 6), st.integers(1, 5))
@settings(max_examples=40)
def test_forward_and_backward_by_loops(seed, n, T, K_s, K_x):
    rng = np.random.default_rng(seed)
    W_xs, W_ss, a, s_0 = (
        signs(rng, K_s, K_x),
        signs(rng, K_s, K_s),
        signs(rng, n, T, K_x),
        signs(rng, K_s),
    )
    z, s = forward(W_xs, W_ss, a, s_0)
    s_star_T = signs(rng, n, K_s)
    s_star = backward(W_ss, s_star_T, z, nu=0.6)
    for mu in range(n):
        state = s_0.astype(int)
        for t in range(T):
            sums = W_xs.astype(int) @ a[mu, t] + W_ss.astype(int) @ state
            state = sign(sums)
            np.testing.assert_array_equal(z[mu, t], sums)
            np.testing.assert_array_equal(s[mu, t + 1], state)
        wanted = s_star_T[mu].astype(int)
        for t in reversed(range(T)):
            np.testing.assert_array_equal(s_star[mu, t], wanted)
            gate = np.abs(z[mu, t]) <= int(0.6 * K_s + 1e-9)
            wanted = sign(W_ss.T.astype(int) @ (gate * wanted))


@given(SEEDS, st.integers(1, 3), st.integers(1, 4), st.sampled_from([(6, 2), (6, 3), (4, 1)]))
def test_shared_mask_and_accumulate_by_loops(seed, n, T, sizes):
    (K_s, group), rng = sizes, np.random.default_rng(seed)
    z, s_star, inputs = rng.integers(-3, 4, (n, T, K_s)), signs(rng, n, T, K_s), signs(rng, n, T, 3)
    mask = shared_mask(z, s_star, group)
    total = np.zeros((K_s, 3), int)
    for mu in range(n):
        q = [sum(int(s_star[mu, t, j]) * z[mu, t, j] for t in range(T)) for j in range(K_s)]
        for first in range(0, K_s, group):
            members = [j for j in range(first, first + group) if q[j] <= 0]
            winner = min(members, key=lambda j: (abs(q[j]), j), default=None)
            for j in range(first, first + group):
                assert mask[mu, j] == (j == winner)
        for j in range(K_s):
            for t in range(T):
                total[j] += mask[mu, j] * s_star[mu, t, j] * inputs[mu, t].astype(int)
    np.testing.assert_array_equal(accumulate(mask, s_star, inputs), total)
    np.testing.assert_array_equal(accumulate(mask.astype(np.int64), s_star, inputs), total)


@pytest.fixture(scope="module")
def recall():
    """Delayed recall: the label is the first sign, then noise."""
    X = random_signs(5, Stream.DATA, (70, 2, 4))
    return X, (X[:, 0, 0] > 0).astype(int)


def train(recall, epochs=3, **settings):
    settings = {"state": 15, "readout": 9, "expansion": 11, "nu": 0.5, "groups": (5, 3)} | settings
    return BEPRecurrentNetwork(2, 2, **settings).fit(*recall, epochs=epochs, batch_size=16)


@pytest.mark.parametrize(
    ("horizon", "mask_steps"), [(None, None), (1, None), (2, None), (None, 1), (3, 2), (None, 3)]
)
@pytest.mark.parametrize("expansion", [None, 11])
def test_engines_and_the_stepwise_path_give_the_same_bits(recall, horizon, mask_steps, expansion):
    settings = {"horizon": horizon, "mask_steps": mask_steps, "expansion": expansion}
    hashes, records = set(), []
    for name in available_engines():
        with use_engine(name):
            for number in (None, "5.4"):
                if number is None:
                    net = train(recall, **settings)
                else:
                    with override(number, reference(number)):
                        net = train(recall, **settings)
                hashes.add(net.weights_sha256())
                records.append(net.history)
    assert len(hashes) == 1
    assert all(record == records[0] for record in records)


def test_the_weights_are_the_same_on_every_machine(recall):
    pinned = "629739204017986313a4fdd3ed1dbd49e3e501f7b247fc96f8bf0e9c6e0aad68"
    assert train(recall, seed=3).weights_sha256() == pinned


def test_blame_beyond_the_horizon_changes_nothing(recall):
    """A horizon of 1 updates from the last step alone; a longer one reaches further back."""
    traces = {h: train(recall, horizon=h).trace(*recall) for h in (1, 3, None)}
    assert [traces[h].s_star.shape[1] for h in (1, 3, None)] == [1, 3, 4]


@pytest.mark.parametrize(("mask_steps", "ends"), [(1, [1, 2, 3, 4]), (2, [2, 4]), (3, [1, 4])])
def test_a_mask_serves_so_many_steps_counted_from_the_last(recall, mask_steps, ends):
    """One batch by hand: every part of the four steps has its own mask, and its own sum."""
    net = train(recall, epochs=1, mask_steps=mask_steps, p_r=0)
    X, y = recall[0][:20], recall[1][:20]
    before, trace = net.H, net.trace(X, y)
    net.fit(X, y, epochs=1, batch_size=20)
    some, begin = trace.fires, 0
    for part, end in enumerate(ends):
        steps = np.s_[some, begin:end]
        mask = shared_mask(trace.z[steps], trace.s_star[steps], 5)
        np.testing.assert_array_equal(mask, trace.mask[some, part])
        before[0] += 2 * accumulate(mask, trace.s_star[steps], trace.a[steps]).astype(np.int16)
        before[1] += 2 * accumulate(mask, trace.s_star[steps], trace.s[steps]).astype(np.int16)
        begin = end
    for hidden, by_hand in zip(net.H[:2], before):
        np.testing.assert_array_equal(hidden, by_hand)


def test_masks_that_serve_all_steps_are_those_of_the_paper(recall):
    paper = train(recall).weights_sha256()
    assert train(recall, mask_steps=4).weights_sha256() == paper
    assert train(recall, mask_steps=9).weights_sha256() == paper
    assert train(recall, mask_steps=2).weights_sha256() != paper


def test_the_window_reads_the_last_steps_only(recall):
    X, y = recall
    windowed = train((X, y), window=2)
    cut = train((X[:, :, -2:], y))
    assert windowed.weights_sha256() == cut.weights_sha256()
    np.testing.assert_array_equal(windowed.predict(X), cut.predict(X[:, :, -2:]))


def test_the_network_learns_to_recall():
    X = random_signs(0, Stream.DATA, (60, 1, 3))
    y = (X[:, 0, 0] > 0).astype(int)
    net = BEPRecurrentNetwork(1, 2, state=15, nu=0.5, groups=(5, 5), patience=None)
    assert net.fit(X, y, epochs=20, batch_size=10).score(X, y) == 1.0


def test_trace_shows_what_the_network_computes(recall):
    net = train(recall)
    trace = net.trace(*recall)
    np.testing.assert_array_equal(trace.logits, net.decision_function(recall[0]))
    np.testing.assert_array_equal(trace.s[:, 1:], sign(trace.z))
    assert trace.mask.sum(axis=1).max() <= 15 // 5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X, y: BEPRecurrentNetwork(2, 2, state=0), ValueError, "state must be an integer"),
        (lambda X, y: BEPRecurrentNetwork(2, 2, state=9, horizon=0), ValueError, "horizon must be"),
        (
            lambda X, y: BEPRecurrentNetwork(2, 2, state=9, start="zero"),
            ValueError,
            "start must be",
        ),
        (
            lambda X, y: BEPRecurrentNetwork(3, 2, state=9).fit(X, y),
            ValueError,
            "X must have 3 col",
        ),
        (
            lambda X, y: BEPRecurrentNetwork(2, 2, state=9).fit(X[0], y),
            ValueError,
            "X must have 3 a",
        ),
        (lambda X, y: BEPRecurrentNetwork(2, 2, state=9).fit(X * 0, y), ValueError, "only -1 and"),
        (
            lambda X, y: BEPRecurrentNetwork(2, 2, state=9).fit(X, y + 5),
            ValueError,
            "y must hold cl",
        ),
    ],
)
def test_bad_input(recall, call, error, message):
    with pytest.raises(error, match=message):
        call(*recall)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: forward([[1]], [[1, 1], [1, -1]], [[[1]]], [1, 1]), "W_xs and W_ss must have"),
        (lambda: forward([[1]], [[1]], [[[1]]], [1, 1]), "W_xs and W_ss must have"),
        (lambda: backward([[1]], [[1, 1]], [[[0]]], 0.5), "s_star_T must have shape"),
        (lambda: backward([[1]], [[1]], [[[0]]], 7), "nu must be a number"),
        (lambda: shared_mask(np.ones((1, 1, 2), int), np.ones((2, 1, 2)), 2), "s_star must have"),
        (lambda: accumulate([[1]], np.ones((1, 2, 1)), np.ones((1, 3, 1))), "inputs must have"),
        (lambda: accumulate([[1, 1]], np.ones((1, 2, 1)), np.ones((1, 2, 1))), "mask must have"),
    ],
)
def test_shapes_that_do_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()
