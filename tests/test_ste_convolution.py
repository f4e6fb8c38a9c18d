"""Convolution and pooling against plain loops, finite differences and PyTorch where it is."""

import importlib.util

import array_api_strict
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_ste_layers import check_gradients

from bnnkit.ste import (
    SGD,
    BatchNorm,
    BinaryConv2d,
    Conv2d,
    Flatten,
    MaxPool,
    binary_connect_cnn,
    binary_weights,
)
from bnnkit.ste.weights import add_windows, windows

RNG = np.random.default_rng


def slow_convolution(x, W, pad):
    """Each output by four loops and one sum."""
    n, _, height, width = x.shape
    out, _, size, _ = W.shape
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    y = np.zeros((n, out, height + 2 * pad - size + 1, width + 2 * pad - size + 1))
    for image, m, i, j in np.ndindex(y.shape):
        y[image, m, i, j] = np.sum(x[image, :, i : i + size, j : j + size] * W[m])
    return y


@given(
    n=st.integers(1, 3),
    maps=st.integers(1, 3),
    out=st.integers(1, 3),
    height=st.integers(3, 6),
    width=st.integers(3, 6),
    size=st.integers(1, 3),
    pad=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_convolution_equals_loops(n, maps, out, height, width, size, pad, seed):
    layer = Conv2d(maps, out, size, pad, rng=seed, dtype="float64")
    x = RNG(seed).normal(size=(n, maps, height, width))
    expected = slow_convolution(x, layer.params["W"], pad)
    np.testing.assert_allclose(layer.forward(x), expected, atol=1e-12)


@given(seed=st.integers(0, 99), size=st.integers(1, 3), pad=st.integers(0, 2))
def test_add_windows_is_the_transpose_of_windows(seed, size, pad):
    x = RNG(seed).normal(size=(2, 2, 4, 5))
    rows = windows(x, size, pad)
    other = RNG(seed + 1).normal(size=rows.shape)
    back = add_windows(other, x.shape, size, pad)
    np.testing.assert_allclose(np.sum(rows * other), np.sum(x * back))


@pytest.mark.parametrize(
    "layer, shape",
    [
        (Conv2d(2, 3, 3, rng=0, dtype="float64"), (2, 2, 4, 5)),
        (Conv2d(2, 3, 2, 0, True, rng=0, dtype="float64"), (2, 2, 4, 3)),
        (BinaryConv2d(2, 2, 3, rng=0, dtype="float64"), (1, 2, 3, 3)),
        (BinaryConv2d(1, 2, 3, binarize="stochastic", rng=0, dtype="float64"), (2, 1, 3, 4)),
        (BinaryConv2d(1, 2, 3, binarize="ternary", rng=0, dtype="float64"), (2, 1, 3, 4)),
        (MaxPool(2), (2, 2, 4, 5)),
        (MaxPool(3), (1, 1, 3, 7)),
        (Flatten(), (3, 2, 2, 2)),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, tuple) else str(value),
)
def test_gradients(layer, shape):
    check_gradients(layer, RNG(3).normal(size=shape), seed=5)


def test_the_gradient_of_a_tie_goes_to_the_first():
    layer = MaxPool(2)
    layer.forward(np.ones((1, 1, 2, 2)), training=True)
    back = layer.backward(np.array([[[[3.0]]]]))
    np.testing.assert_array_equal(back, [[[[3, 0], [0, 0]]]])


@pytest.mark.parametrize("binarize", ["deterministic", "stochastic", "ternary", "none"])
def test_a_binary_convolution_is_a_convolution_with_the_drawn_weights(binarize):
    layer = BinaryConv2d(2, 3, binarize=binarize, scale=0.3, rng=0, dtype="float64")
    x = RNG(1).normal(size=(2, 2, 4, 4))
    y = layer.forward(x, training=True, rng=RNG(7))
    W = binary_weights(layer.latents["W"], binarize, 0.3, RNG(7))
    np.testing.assert_allclose(y, slow_convolution(x, W, 1))
    assert set(np.unique(np.abs(W))) <= {0, 0.3} or binarize == "none"


@given(st.lists(st.floats(-1.5, 1.5, allow_subnormal=False), min_size=1, max_size=9))
def test_ternary_weights_are_the_nearest(latents):
    latents = np.array(latents)
    nearest = [min((0.0, -1.0, 1.0), key=lambda w: abs(w - x)) for x in latents]
    np.testing.assert_array_equal(binary_weights(latents, "ternary"), nearest)


def test_stochastic_ternary_weights_are_right_on_average():
    latents = np.linspace(-1, 1, 9)
    draws = [binary_weights(latents, "stochastic-ternary", 1, seed) for seed in range(4000)]
    assert set(np.unique(draws)) == {-1, 0, 1}
    np.testing.assert_allclose(np.mean(draws, axis=0), latents, atol=0.04)


def test_a_net_of_images_learns_and_runs_on_another_array_library():
    X = RNG(0).normal(size=(40, 1, 6, 6))
    y = (X[:, 0, :3].sum(axis=(1, 2)) > X[:, 0, 3:].sum(axis=(1, 2))).astype(int)
    results = []
    for library in (np, array_api_strict):
        net = binary_connect_cnn((1, 6, 6), (6,), (16,), 2, dtype="float64", rng=0)
        net.fit(
            library.asarray(X),
            y,
            epochs=20,
            batch_size=10,
            optimizer=SGD(),
            learning_rate=(0.1, 0.01),
            statistics_batch=16,
            rng=0,
        )
        results.append(np.asarray(net.outputs(library.asarray(X))))
    assert np.mean(results[0].argmax(axis=1) == y) > 0.9
    np.testing.assert_allclose(*results, atol=1e-9)


@pytest.mark.parametrize(
    "form", ["float", "dropout", "stochastic", "ternary", "stochastic-ternary"]
)
def test_every_form_has_the_same_shape(form):
    net = binary_connect_cnn((3, 8, 8), (2, 4), (5, 6), 3, form, rng=0)
    assert net.forward(np.ones((2, 3, 8, 8)), training=True, rng=1).shape == (2, 3)
    kinds = [type(layer).__name__ for layer in net.layers]
    assert kinds.index("MaxPool") + 1 == kinds.index("BatchNorm", kinds.index("MaxPool"))
    assert kinds.count("BatchNorm") == 4 + 3
    assert ("Dropout" in kinds) == (form == "dropout")


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="compares with PyTorch")
def test_layers_equal_those_of_pytorch():
    import torch

    x = RNG(0).normal(size=(3, 2, 6, 6))
    conv, pool, norm = Conv2d(2, 4, 3, rng=1, dtype="float64"), MaxPool(2), BatchNorm(4)
    norm.to(np, "float64")
    t = torch.tensor(x, requires_grad=True)
    W = torch.tensor(conv.params["W"], requires_grad=True)
    out = torch.nn.functional.conv2d(t, W, padding=1)
    out = torch.nn.functional.max_pool2d(out, 2)
    out = torch.nn.functional.batch_norm(out, None, None, training=True, eps=norm.epsilon)
    ours = norm.forward(pool.forward(conv.forward(x, True), True), True)
    np.testing.assert_allclose(ours, out.detach().numpy(), atol=1e-10)
    c = RNG(2).normal(size=ours.shape)
    (out * torch.tensor(c)).sum().backward()
    back = conv.backward(pool.backward(norm.backward(c)))
    np.testing.assert_allclose(back, t.grad.numpy(), atol=1e-8)
    np.testing.assert_allclose(conv.grads["W"], W.grad.numpy(), atol=1e-8)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: Conv2d(1, 1, 0, rng=0), ValueError, "size must"),
        (lambda: Conv2d(2, 1, rng=0).forward(np.ones((1, 1, 3, 3))), ValueError, "2 maps"),
        (lambda: Conv2d(1, 1, 5, 0, rng=0).forward(np.ones((1, 1, 3, 3))), ValueError, "window 5"),
        (lambda: Conv2d(1, 1, rng=0).forward(np.ones((1, 9))), ValueError, "4 axes"),
        (lambda: MaxPool(3).forward(np.ones((1, 1, 2, 9))), ValueError, "square 3"),
        (lambda: binary_connect_cnn((1, 4, 4), (2, 2, 2), (), 2, rng=0), ValueError, "maps must"),
        (lambda: binary_connect_cnn((1, 4, 4), (), (), 2, rng=0), ValueError, "maps must"),
        (lambda: binary_connect_cnn((1, 4, 4), (2,), (), 2, "bits", rng=0), ValueError, "form"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
