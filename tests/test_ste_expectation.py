"""Expectation backpropagation, against sampled weights, finite differences and all weights."""

import itertools
import math

import numpy as np
import pytest

from bnnkit.export.plan import fold
from bnnkit.ste import (
    SGD,
    ExpectedLinear,
    ExpectedSign,
    Linear,
    Sequential,
    Sign,
    expectation_mlp,
    probit,
)
from bnnkit.ste.losses import normal_cdf, normal_density

RNG = np.random.default_rng
RULES = ("binary", "latent", "ensemble")


def moments(layer, x, draws=40_000):
    """Mean and variance of the sums over drawn signs; inputs are drawn too, where they are."""
    rng = RNG(3)
    m = np.tanh(layer.latents["W"])
    W = np.where(rng.random((draws, *m.shape)) < (1 + m) / 2, 1.0, -1.0)
    v = np.broadcast_to(x, (draws, len(x)))
    if layer.signs:
        v = np.where(rng.random(v.shape) < (1 + x) / 2, 1.0, -1.0)
    sums = np.einsum("dki,di->dk", W, v)
    return sums.mean(0), sums.var(0)


# --- the normal distribution ---------------------------------------------------------------------


def test_the_normal_distribution_against_the_error_function():
    x = np.linspace(-9, 9, 721)
    exact = np.array([math.erfc(-t / math.sqrt(2)) / 2 for t in x])
    np.testing.assert_allclose(normal_cdf(x), exact, atol=1e-7)
    np.testing.assert_allclose(np.gradient(exact, x), normal_density(x), atol=1e-4)
    inner = np.abs(x) <= 7  # the slope of the loss: density over probability
    loss_grad = [-probit([[t]], [[1]])[1][0, 0] for t in x[inner]]
    np.testing.assert_allclose(loss_grad, (normal_density(x) / exact)[inner], rtol=0.01)


def test_probit_is_minus_the_log_of_the_probability():
    rng = RNG(0)
    outputs, targets = rng.normal(size=(7, 3)), rng.choice([-1, 1], (7, 3))
    loss, grad = probit(outputs, targets)
    product = [math.erfc(-t / math.sqrt(2)) / 2 for t in (outputs * targets).flat]
    assert loss == pytest.approx(-sum(map(math.log, product)) / 7, rel=1e-6)
    for i, k in ((0, 0), (3, 2), (6, 1)):
        step = np.zeros_like(outputs)
        step[i, k] = 1e-3
        slope = (probit(outputs + step, targets)[0] - probit(outputs - step, targets)[0]) / 2e-3
        assert grad[i, k] == pytest.approx(slope, rel=1e-3, abs=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probit_stays_finite_far_from_the_target(dtype):
    loss, grad = probit(np.array([[-60.0, 60.0, 0.0]], dtype), [[1, 1, 1]])
    assert grad.dtype == dtype and np.isfinite(grad).all() and math.isfinite(loss)
    assert grad[0, 0] < -40 and grad[0, 1] == 0 and loss > 1500


# --- forward -------------------------------------------------------------------------------------


@pytest.mark.parametrize("signs", [False, True])
def test_moments_against_drawn_weights(signs):
    layer = ExpectedLinear(11, 4, signs, rng=0, dtype="float64")
    x = RNG(1).uniform(-1, 1, (1, 11))
    out = layer.forward(x, training=True)
    deviation = layer.kept[2]
    mean, variance = moments(layer, x[0])
    np.testing.assert_allclose(out * deviation, mean[None], atol=0.06)
    np.testing.assert_allclose(deviation**2, variance[None], rtol=0.04)


def test_a_net_against_drawn_nets():
    """The probability of +1 at each output: within what the normal approximation costs."""
    net = Sequential(expectation_mlp([15, 31, 2], dtype="float64", rng=0).layers)
    X, rng = RNG(2).normal(size=(6, 15)), RNG(5)
    drawn = 0.0
    for _ in range(2000):
        draw = Sequential([layer.frozen("sampled", rng) for layer in net.layers])
        drawn = drawn + (draw.forward(X) > 0) / 2000
    np.testing.assert_allclose(normal_cdf(net.forward(X)), drawn, atol=0.05)


def test_a_sample_of_zeros_says_nothing():
    net = expectation_mlp([4, 6, 2], rng=0)
    out = net.forward(np.zeros((2, 4), np.float32), training=True)
    net.backward(probit(out, [[1, -1], [1, -1]])[1])
    assert all(np.isfinite(layer.grads["W"]).all() for layer in net.layers[::2])
    assert not net.layers[0].grads["W"].any()


# --- backward ------------------------------------------------------------------------------------


def test_gradients_against_finite_differences_with_deviations_held():
    """Perturb each mean of a weight, in every layer, with the deviations as they were."""
    net = expectation_mlp([5, 7, 4, 3], dtype="float64", rng=1)
    X, targets = RNG(0).normal(size=(6, 5)), RNG(1).choice([-1, 1], (6, 3))
    net.backward(probit(net.forward(X, training=True), targets)[1])
    linear = net.layers[::2]
    means, deviations = zip(*(layer.kept[1:] for layer in linear))

    def loss(means):
        v = X
        for k, (m, deviation) in enumerate(zip(means, deviations)):
            t = v @ m.T / deviation
            v = 2 * normal_cdf(t) - 1 if k < len(means) - 1 else t
        return probit(v, targets)[0]

    for k, layer in enumerate(linear):
        slopes = np.zeros_like(means[k])
        for place in np.ndindex(*slopes.shape):
            moved = [[m.copy() for m in means] for _ in range(2)]
            moved[0][k][place] += 1e-4
            moved[1][k][place] -= 1e-4
            slopes[place] = (loss(moved[0]) - loss(moved[1])) / 2e-4
        np.testing.assert_allclose(layer.grads["W"], slopes, atol=2e-5)


def test_the_step_of_a_sample_has_the_sign_of_the_true_posterior():
    """One layer, all 2^9 weights: by Bayes' rule, which way does each coin move, and how far?"""
    K, rng = 9, RNG(4)
    W = np.array(list(itertools.product([-1, 1], repeat=K)))
    cosines = []
    for seed in range(20):
        layer = ExpectedLinear(K, 1, signs=False, rng=seed, dtype="float64")
        h, x, y = layer.latents["W"].copy(), rng.normal(size=(1, K)), rng.choice([-1, 1])
        _, grad = probit(layer.forward(x, training=True), [[y]])
        layer.backward(grad)
        SGD().update([layer], 1.0)
        step = (layer.latents["W"] - h)[0]
        prior = np.prod(np.where(W > 0, 1 + np.tanh(h[0]), 1 - np.tanh(h[0])) / 2, axis=1)
        likely = prior * (y * (W @ x[0]) > 0)
        p = (likely @ (W > 0)) / likely.sum()
        exact = np.log(p / (1 - p)) / 2 - h[0]
        strong = np.abs(exact) > 0.01
        assert (np.sign(step) == np.sign(exact))[strong].all()
        cosines.append(step @ exact / np.linalg.norm(step) / np.linalg.norm(exact))
    assert min(cosines) > 0.8 and np.mean(cosines) > 0.9


def test_latents_stop_at_the_bound():
    layer = ExpectedLinear(3, 2, bound=0.5, rng=0)
    assert np.abs(layer.latents["W"]).max() == 0.5
    layer.forward(np.ones((1, 3)), training=True)
    layer.backward(np.array([[-99.0, 99.0]]))
    SGD().update([layer], 1.0)
    np.testing.assert_array_equal(layer.latents["W"], [[0.5] * 3, [-0.5] * 3])


# --- training and the three rules ----------------------------------------------------------------


def learnt(seed, **options):
    """A majority of five, which weights of ones solve; it is learnt from half of all inputs."""
    X = np.array(list(itertools.product([-1.0, 1.0], repeat=5)))
    y = (X.sum(axis=1) > 0).astype(int)
    keep = RNG(seed).permutation(32)[:24]
    net = expectation_mlp([5, 9, 2], rng=seed, **options)
    fit = dict(epochs=40, batch_size=1, learning_rate=(1, 1), loss="probit", optimizer=SGD())
    return net.fit(X[keep], y[keep], **fit, rng=seed), X, y


def test_the_rules_of_the_test():
    net, X, y = learnt(0)
    assert all(net.score(X, y, rule) > 0.8 for rule in RULES)
    assert net.test_weights == "binary"
    (binary,), (latent,) = net.test_nets["binary"], net.test_nets["latent"]
    assert [type(layer) for layer in binary.layers] == [Linear, Sign, Linear]
    assert [type(layer) for layer in latent.layers] == [
        ExpectedLinear,
        ExpectedSign,
        ExpectedLinear,
    ]
    h = net.layers[0].latents["W"]
    np.testing.assert_array_equal(binary.layers[0].params["W"], np.where(h >= 0, 1, -1))
    assert len(net.test_nets["ensemble"]) == 8
    assert net.history[-1]["loss"] < net.history[0]["loss"] / 2
    again, *_ = learnt(0)
    np.testing.assert_array_equal(h, again.layers[0].latents["W"])


def test_its_signs_can_be_exported():
    """As layers of integers that fire above a limit, which the export writes as C."""
    net, X, _ = learnt(0)
    hidden, scores = fold(net)
    a = X.astype(int)
    for layer in hidden:
        a = np.where(((a[:, None] != layer.W).sum(axis=2)) <= layer.limit, 1, -1)
    np.testing.assert_array_equal((a @ scores.W.T).argmax(axis=1), net.predict(X, "binary"))


def test_another_array_library_gives_the_same():
    strict = pytest.importorskip("array_api_strict")
    nets = [expectation_mlp([6, 8, 3], rng=0, dtype="float64") for _ in range(2)]
    X, y = RNG(0).normal(size=(20, 6)), RNG(1).integers(0, 3, 20)
    fit = dict(epochs=2, batch_size=5, learning_rate=(5, 5), loss="probit", rng=0)
    for net, xp in zip(nets, (np, strict), strict=True):
        net.fit(xp.asarray(X), y, optimizer=SGD(), **fit)
    for rule in RULES:
        there = nets[1].outputs(strict.asarray(X), rule)
        np.testing.assert_allclose(nets[0].outputs(X, rule), np.asarray(there), rtol=1e-9)


@pytest.mark.slow
def test_digits_are_learnt():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_digits(return_X_y=True)
    X = X / 16 - 0.3
    net = expectation_mlp([64, 128, 10], rng=0)
    fit = dict(epochs=8, batch_size=10, learning_rate=(10, 10), loss="probit", optimizer=SGD())
    net.fit(X[:1400], y[:1400], **fit, rng=0)
    for rule in RULES:
        assert net.score(X[1400:], y[1400:], rule) > 0.87


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: expectation_mlp([5], rng=0), ValueError, "widths must hold at least"),
        (lambda: ExpectedLinear(2, 2, start=0, rng=0), ValueError, "start must be"),
        (lambda: ExpectedLinear(2, 2, bound=-1, rng=0), ValueError, "bound must be"),
        (lambda: ExpectedLinear(2, 2, rng=0).frozen("real"), ValueError, "weights must be"),
        (lambda: ExpectedSign().frozen("real"), ValueError, "weights must be"),
        (lambda: ExpectedLinear(2, 2, rng=0).forward([[1.0]]), ValueError, "x must have 2"),
        (lambda: ExpectedSign().backward(np.ones(2)), ValueError, "needs forward"),
        (lambda: probit([[1.0]], [[0]]), ValueError, "targets must hold only"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
