"""Every layer's gradients by finite differences, and BinaryConnect against a plain computation."""

import numpy as np
import pytest

from bnnkit.binarize import stochastic_sign
from bnnkit.ste import (
    SGD,
    BatchNorm,
    BinaryLinear,
    Dropout,
    Layer,
    Linear,
    ReLU,
    Sequential,
    Sign,
    glorot_scale,
    sign_targets,
    squared_hinge,
)
from bnnkit.steps import override

RNG = np.random.default_rng


def slopes(function, x, h=1e-6):
    """Central finite differences of a number with respect to each entry of ``x``."""
    grad = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        nudge = np.zeros_like(x)
        nudge[index] = h
        grad[index] = (function(x + nudge) - function(x - nudge)) / (2 * h)
    return grad


def check_gradients(layer, x, seed=None):
    """Compare ``backward`` with finite differences of ``sum(c * forward(x))``, c at random."""
    c = RNG(9).normal(size=layer.forward(x, True, seed).shape)

    def value(x=x):
        return np.sum(c * layer.forward(x, True, seed))

    layer.forward(x, True, seed)
    grad_in, grads = layer.backward(c), dict(layer.grads)
    np.testing.assert_allclose(grad_in, slopes(value, x), atol=1e-6)
    for name, param in layer.params.items():

        def of_param(p, name=name):
            layer.params[name] = p
            return value()

        np.testing.assert_allclose(grads[name], slopes(of_param, param), atol=1e-6)
        layer.params[name] = param
    assert set(layer.params) <= set(grads)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (Layer(), (4, 3)),
        (Linear(3, 5, rng=0, dtype="float64"), (4, 3)),
        (Linear(3, 1, bias=False, rng=0, dtype="float64"), (1, 3)),
        (BatchNorm(3, dtype="float64"), (6, 3)),
        (BatchNorm(3, dtype="float64"), (2, 3, 2, 4)),
        (ReLU(), (4, 3)),
        (Dropout(0.3), (4, 3)),
        (BinaryLinear(3, 5, binarize="deterministic", rng=0, dtype="float64"), (4, 3)),
        (BinaryLinear(3, 5, True, binarize="stochastic", rng=0, dtype="float64"), (4, 3)),
        (BinaryLinear(3, 5, binarize="none", rng=0, dtype="float64"), (4, 3)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else str(value),
)
def test_gradients(layer, shape):
    if isinstance(layer, BatchNorm):
        layer.params["gamma"] = RNG(1).uniform(-2, 2, 3)
        layer.params["beta"] = RNG(2).normal(size=3)
    check_gradients(layer, RNG(3).normal(size=shape) + 0.2, seed=5)


@pytest.mark.parametrize("binarize", ["deterministic", "stochastic"])
@pytest.mark.parametrize("scale", [1.0, "glorot"])
def test_a_binary_layer_is_a_linear_layer_with_the_drawn_weights(binarize, scale):
    layer = BinaryLinear(5, 3, binarize=binarize, scale=scale, rng=0, dtype="float64")
    W = layer.forward(np.eye(5), True, rng=7).T  # the weights that this seed draws
    assert set(np.unique(np.abs(W))) == {layer.scale}
    plain = Linear(5, 3, bias=False, rng=0, dtype="float64")
    plain.params["W"] = W
    x, grad = RNG(1).normal(size=(4, 5)), RNG(2).normal(size=(4, 3))
    np.testing.assert_array_equal(layer.forward(x, True, rng=7), plain.forward(x, True))
    np.testing.assert_array_equal(layer.backward(grad), plain.backward(grad))
    np.testing.assert_array_equal(layer.grads["W"], plain.grads["W"])


def test_stochastic_weights_are_drawn_afresh_each_pass_and_right_on_average():
    layer = BinaryLinear(4, 3, binarize="stochastic", rng=0, dtype="float64")
    rng = RNG(0)
    draws = np.array([layer.forward(np.eye(4), True, rng).T for _ in range(4000)])
    np.testing.assert_allclose(draws.mean(axis=0), layer.latents["W"], atol=0.08)
    assert (draws.var(axis=0) > 0).any()


def test_latents_start_in_their_range():
    uniform = BinaryLinear(200, 100, rng=0).latents["W"]
    assert uniform.dtype == np.float32
    assert 0.99 < uniform.max() <= 1 and -1 <= uniform.min() < -0.99
    wide = BinaryLinear(200, 100, scale="glorot", spread=2, rng=0)
    assert wide.scale == glorot_scale(200, 100) and wide.glorot_ratio == 1
    at_bound = np.abs(wide.latents["W"]) == np.float32(wide.scale)
    assert at_bound.mean() == pytest.approx(0.5, abs=0.02)  # half of U(-2, 2) is outside (-1, 1)
    glorot = Linear(200, 100, rng=0).params["W"]
    assert np.abs(glorot).max() == pytest.approx(np.sqrt(6 / 300), rel=0.01)


@pytest.mark.parametrize("binarize", ["deterministic", "stochastic"])
def test_a_step_of_binaryconnect_against_loops(binarize):
    """One step of Algorithm 1 for a net 4-3-2, entry by entry, from nothing but the paper."""
    net = Sequential(
        [
            BinaryLinear(4, 3, binarize=binarize, rng=1, dtype="float64"),
            ReLU(),
            BinaryLinear(3, 2, binarize=binarize, rng=2, dtype="float64"),
        ]
    )
    first, second = net.layers[0].latents["W"], net.layers[2].latents["W"]
    x, t = RNG(3).normal(size=(5, 4)), sign_targets([0, 1, 1, 0, 1], 2)

    draw = RNG(11)
    B1, B2 = (
        stochastic_sign(w, draw) if binarize == "stochastic" else np.where(w < 0, -1, 1)
        for w in (first, second)
    )
    d1, d2 = np.zeros((3, 4)), np.zeros((2, 3))
    for n in range(5):
        z = [sum(B1[j, i] * x[n, i] for i in range(4)) for j in range(3)]
        a = [max(value, 0) for value in z]
        o = [sum(B2[k, j] * a[j] for j in range(3)) for k in range(2)]
        delta = [-2 * t[n, k] * max(0, 1 - t[n, k] * o[k]) / 5 for k in range(2)]
        for j in range(3):
            for k in range(2):
                d2[k, j] += delta[k] * a[j]
            back = sum(delta[k] * B2[k, j] for k in range(2)) if z[j] > 0 else 0
            for i in range(4):
                d1[j, i] += back * x[n, i]

    _, grad = squared_hinge(net.forward(x, True, rng=RNG(11)), t)
    net.backward(grad)
    np.testing.assert_allclose(net.layers[0].grads["W"], d1, atol=1e-12)
    np.testing.assert_allclose(net.layers[2].grads["W"], d2, atol=1e-12)
    SGD(glorot_steps=False).update(net.layers, 0.5)
    assert (np.abs(first - 0.5 * d1) > 1).any(), "the clip should have something to do"
    np.testing.assert_allclose(net.layers[0].latents["W"], np.clip(first - 0.5 * d1, -1, 1))
    np.testing.assert_allclose(net.layers[2].latents["W"], np.clip(second - 0.5 * d2, -1, 1))


def test_sign_layer_uses_the_window_of_its_input_and_the_readers_function():
    layer = Sign()
    x = np.array([[-2.0, -0.5, 0.0, 1.0, 1.5]])
    assert layer.forward(x, training=True).tolist() == [[-1, -1, 1, 1, 1]]
    assert layer.backward(np.full((1, 5), 3.0)).tolist() == [[0, 3, 3, 3, 0]]
    layer.forward(x, training=True)
    with override("2.1", lambda x, grad, clip: 0 * grad):
        assert not layer.backward(np.full((1, 5), 3.0)).any()
    wide = Sign(clip=None)
    wide.forward(x, training=True)
    assert wide.backward(np.full((1, 5), 3.0)).tolist() == [[3] * 5]


@pytest.mark.parametrize("shape", [(101, 3), (37, 3, 2, 5)])
@pytest.mark.parametrize("batch", [1000, 10, 7])
def test_batch_norm_statistics_are_exact_however_the_set_is_cut(shape, batch):
    norm = BatchNorm(3, dtype="float64")
    norm.params["gamma"], norm.params["beta"] = np.array([2.0, -1.0, 0.5]), np.array([0.0, 1.0, 2])
    x = 1000 + RNG(0).normal(size=shape) * 3
    for start in range(0, len(x), batch):
        norm.measure(x[start : start + batch])
    columns = np.moveaxis(x, 1, -1).reshape(-1, 3)
    np.testing.assert_allclose(norm.mean, columns.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(norm.var, columns.var(axis=0), rtol=1e-10)
    expected = [2, -1, 0.5] * (columns - norm.mean) / np.sqrt(norm.var + 1e-4) + [0, 1, 2]
    got = np.moveaxis(norm.forward(x), 1, -1).reshape(-1, 3)
    np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-8)
    # at test time a row does not depend on the rows beside it
    np.testing.assert_array_equal(norm.forward(x[:1]), norm.forward(x)[:1])


def test_dropout_keeps_the_mean_and_rests_at_test_time():
    x = np.ones((200, 100))
    layer = Dropout(0.25)
    y = layer.forward(x, True, rng=0)
    assert set(np.unique(y)) == {0.0, 1 / 0.75}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.02)
    np.testing.assert_array_equal(layer.backward(x), y)
    assert layer.forward(x) is x


@pytest.mark.parametrize("seed", [0, 1])
def test_gradients_of_a_whole_net(seed):
    rng = RNG(seed)
    net = Sequential(
        [
            Linear(4, 6, rng=rng, dtype="float64"),
            BatchNorm(6, dtype="float64"),
            ReLU(),
            Dropout(0.2),
            BinaryLinear(6, 5, rng=rng, dtype="float64"),
            BatchNorm(5, dtype="float64"),
            ReLU(),
            BinaryLinear(5, 3, binarize="stochastic", rng=rng, dtype="float64"),
            BatchNorm(3, dtype="float64"),
        ]
    )
    x, targets = rng.normal(size=(9, 4)), sign_targets(rng.integers(0, 3, 9), 3)

    def loss(x=x):
        return squared_hinge(net.forward(x, True, rng=13), targets)[0]

    grad_in = net.backward(squared_hinge(net.forward(x, True, rng=13), targets)[1])
    kept = [dict(layer.grads) for layer in net.layers]
    np.testing.assert_allclose(grad_in, slopes(loss, x), atol=1e-6)
    for layer, grads in zip(net.layers, kept, strict=True):
        for name, param in layer.params.items():

            def of_param(p, layer=layer, name=name):
                layer.params[name] = p
                return loss()

            np.testing.assert_allclose(grads[name], slopes(of_param, param), atol=1e-6)
            layer.params[name] = param


def test_frozen_layers_hold_the_weights_of_each_rule():
    layer = BinaryLinear(4, 3, True, binarize="stochastic", scale=0.5, rng=0, dtype="float64")
    latent, x = layer.latents["W"], RNG(0).normal(size=(2, 4))
    signs = np.where(latent < 0, -0.5, 0.5)
    np.testing.assert_array_equal(layer.frozen("binary").params["W"], signs)
    np.testing.assert_array_equal(layer.frozen("latent").params["W"], latent)
    sampled = layer.frozen("sampled", rng=4).params["W"]
    np.testing.assert_array_equal(sampled, 0.5 * stochastic_sign(latent / 0.5, 4))
    np.testing.assert_array_equal(layer.forward(x), x @ signs.T)  # outside training: the signs
    frozen = layer.frozen("binary")
    frozen.params["b"] = np.ones(3)
    assert not layer.params["b"].any(), "a frozen layer has its own table of arrays"


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: Linear(0, 3, rng=0), ValueError, "n_in must be"),
        (lambda: Linear(3, 2.0, rng=0), TypeError, "n_out must be"),
        (lambda: Linear(3, 2, rng=None), TypeError, "rng must be"),
        (lambda: Linear(3, 2, rng=0, dtype="int8"), ValueError, "dtype must be"),
        (lambda: Linear(3, 2, rng=0).forward(np.ones((4, 2))), ValueError, "x must have 3 columns"),
        (lambda: Linear(3, 2, rng=0).forward(np.ones(3)), ValueError, "x must have 2 axes"),
        (lambda: Linear(3, 2, rng=0).backward(np.ones((4, 2))), ValueError, "training=True"),
        (lambda: BinaryLinear(3, 2, binarize="bits", rng=0), ValueError, "binarize must be"),
        (lambda: BinaryLinear(3, 2, scale=0, rng=0), ValueError, "scale must be"),
        (lambda: BinaryLinear(3, 2, scale="he", rng=0), TypeError, "scale must be"),
        (lambda: BinaryLinear(3, 2, spread=-1, rng=0), ValueError, "spread must be"),
        (lambda: BinaryLinear(3, 2, rng=0).frozen("bits"), ValueError, "weights must be"),
        (lambda: BatchNorm(0), ValueError, "n_features must be"),
        (lambda: BatchNorm(3, epsilon=0), ValueError, "epsilon must be"),
        (lambda: BatchNorm(3).forward(np.ones((2, 4)), True), ValueError, "x must have 3 features"),
        (lambda: BatchNorm(3).forward(np.ones((2, 3))), ValueError, "no statistics yet"),
        (lambda: ReLU().forward([[np.inf]]), ValueError, "x must hold finite"),
        (lambda: ReLU().backward(np.ones(1)), ValueError, "training=True"),
        (lambda: Sign(clip=0), ValueError, "clip must be"),
        (lambda: Dropout(1), ValueError, "rate must be below 1"),
        (lambda: Dropout(-0.1), ValueError, "rate must be"),
        (lambda: Dropout().forward(np.ones((1, 1)), True), TypeError, "rng must be"),
        (lambda: Sequential([]), TypeError, "layers must be"),
        (lambda: Sequential([ReLU]), TypeError, "layers must be"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("layer", [Linear(3, 2, rng=0), BatchNorm(3), ReLU(), Sign(), Dropout()])
def test_a_gradient_of_the_wrong_shape_is_refused(layer):
    layer.forward(RNG(0).normal(size=(4, 3)), True, rng=0)
    with pytest.raises(ValueError, match="grad must have shape"):
        layer.backward(np.ones((4, 7)))
    with pytest.raises(ValueError, match="grad must have shape"):
        layer.backward(None)
