"""The straight-through estimator, the loss, and the optimisers against their definitions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bnnkit.ste import (
    SGD,
    Adam,
    BinaryLinear,
    Linear,
    binary_weights,
    geometric_rates,
    glorot_scale,
    latent_update,
    sign_targets,
    squared_hinge,
    ste_backward,
    ste_forward,
)
from bnnkit.steps import override

floats = st.floats(-4, 4, width=32)
arrays = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=5), elements=floats)


@given(arrays)
def test_forward_is_the_sign_with_zero_up(x):
    expected = [1.0 if value >= 0 else -1.0 for value in x.ravel()]
    y = ste_forward(x)
    assert y.dtype == x.dtype and y.shape == x.shape
    assert y.ravel().tolist() == expected


@given(arrays, st.sampled_from([0.25, 1.0, 2.5, None]))
def test_backward_is_its_definition(x, clip):
    grad = np.arange(1, x.size + 1, dtype=np.float32).reshape(x.shape)
    got = ste_backward(x, grad, clip)
    assert got.dtype == grad.dtype
    for entry, g, back in zip(x.ravel(), grad.ravel(), got.ravel(), strict=True):
        assert back == (g if clip is None or -clip <= entry <= clip else 0)


def test_the_window_looks_at_the_input_and_keeps_its_edges():
    x = np.array([-1.0001, -1.0, 0.0, 1.0, 1.0001, 5.0])
    assert ste_backward(x, np.ones(6)).tolist() == [0, 1, 1, 1, 0, 0]


def test_the_estimator_is_exact_where_the_loss_is_linear_in_the_bit():
    # E[c * b] = c * w for a stochastic bit with mean w: the slope is c, and the STE says c.
    for w in (-0.9, 0.0, 0.4):
        assert ste_backward([w], [3.5]).tolist() == [3.5]
    # For (b - .3)**2 the expected loss is 1 + .09 - .6 w: slope -.6. The STE, at w = .4 taken as
    # the bit, says 2 (.4 - .3) = +.2: biased, here even in its sign.
    slope = np.diff([p * 0.7**2 + (1 - p) * 1.3**2 for p in (0.5, 1.0)])[0]
    assert slope == pytest.approx(-0.6)
    assert ste_backward([0.4], [2 * (0.4 - 0.3)])[0] == pytest.approx(0.2)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_binary_weights_deterministic_and_none(scale):
    latent = np.array([[-0.2, 0.0], [0.1, -0.25]], np.float32)
    signs = binary_weights(latent, "deterministic", scale)
    assert signs.dtype == np.float32
    np.testing.assert_array_equal(signs, scale * np.array([[-1, 1], [1, -1]]))
    assert binary_weights(latent, "none", scale) is latent


@pytest.mark.parametrize("scale", [1.0, 0.125])
def test_stochastic_weights_are_right_on_average(scale):
    w = scale * np.array([-1.0, -0.6, 0.0, 0.3, 1.0])
    draws = binary_weights(np.tile(w, (20_000, 1)), "stochastic", scale, rng=3)
    assert set(np.unique(draws)) == {-scale, scale}
    # standard error sqrt(1 - w**2) / sqrt(20000) <= .0071; five of them
    np.testing.assert_allclose(draws.mean(axis=0) / scale, w / scale, atol=0.036)
    assert (draws[:, 0] == -scale).all() and (draws[:, 4] == scale).all()


def test_glorot_scale_is_the_mean_size_of_a_glorot_weight():
    bound = math.sqrt(6 / (100 + 50))
    sample = np.random.default_rng(0).uniform(-bound, bound, 200_000)
    assert np.abs(sample).mean() == pytest.approx(glorot_scale(100, 50), rel=0.01)


def test_sign_targets():
    expected = [[-1, -1, 1], [1, -1, -1]]
    assert sign_targets([2, 0], 3).tolist() == expected


@pytest.mark.parametrize("over_outputs", ["sum", "mean"])
def test_squared_hinge_against_loops_and_finite_differences(over_outputs):
    rng = np.random.default_rng(0)
    outputs, targets = 2 * rng.normal(size=(5, 3)), sign_targets(rng.integers(0, 3, 5), 3)

    def plain(values):
        terms = [max(0, 1 - t * o) ** 2 for t, o in zip(targets.ravel(), values.ravel())]
        return sum(terms) / (5 if over_outputs == "sum" else 15)

    loss, grad = squared_hinge(outputs, targets, over_outputs)
    assert loss == pytest.approx(plain(outputs))
    for index in np.ndindex(outputs.shape):
        nudge = np.zeros_like(outputs)
        nudge[index] = 1e-6
        slope = (plain(outputs + nudge) - plain(outputs - nudge)) / 2e-6
        assert grad[index] == pytest.approx(slope, abs=1e-6)


@given(arrays, st.sampled_from([0.5, 1.0, None]))
def test_latent_update_is_its_definition(latent, bound):
    direction = np.linspace(-3, 3, latent.size, dtype=np.float32).reshape(latent.shape)
    got = latent_update(latent, direction, 0.5, bound)
    assert got.dtype == np.float32
    for w, d, new in zip(latent.ravel(), direction.ravel(), got.ravel(), strict=True):
        moved = np.float32(w - np.float32(0.5) * d)
        assert new == (moved if bound is None else min(max(moved, -bound), bound))


def test_a_latent_at_the_bound_can_come_back():
    assert latent_update([1.0, -1.0], [1.0, -1.0], 0.25).tolist() == [0.75, -0.75]


def test_the_latent_dithers_so_that_the_bit_has_the_right_mean():
    latent, bits = np.array([0.5]), []
    for _ in range(4000):
        bit = ste_forward(latent)
        bits.append(bit[0])
        latent = latent_update(latent, 2 * (bit - 0.3), 0.01)
    assert np.mean(bits[1000:]) == pytest.approx(0.3, abs=0.01)  # +1 for 65 % of the time
    assert abs(latent[0]) < 0.03


def test_sgd_and_momentum():
    layer = Linear(2, 1, bias=False, rng=0, dtype="float64")
    layer.params["W"], layer.grads["W"] = np.array([[1.0, 2.0]]), np.array([[0.5, -1.0]])
    SGD().update([layer], 0.1)
    np.testing.assert_allclose(layer.params["W"], [[0.95, 2.1]])
    heavy = SGD(momentum=0.9)
    heavy.update([layer], 0.1)
    heavy.update([layer], 0.1)  # directions 1 and 1.9 times the gradient
    np.testing.assert_allclose(layer.params["W"], [[0.95 - 0.145, 2.1 + 0.29]])


def test_adam_against_its_formulas():
    rng = np.random.default_rng(0)
    layer = Linear(3, 2, bias=False, rng=0, dtype="float64")
    w, m, v = layer.params["W"].copy(), 0.0, 0.0
    optimizer = Adam(beta1=0.8, beta2=0.95, epsilon=1e-3)
    for t in range(1, 6):
        grad = rng.normal(size=(2, 3))
        layer.grads["W"] = grad
        optimizer.update([layer], 0.1)
        m, v = 0.8 * m + 0.2 * grad, 0.95 * v + 0.05 * grad**2
        w = w - 0.1 * (m / (1 - 0.8**t)) / (np.sqrt(v / (1 - 0.95**t)) + 1e-3)
        np.testing.assert_allclose(layer.params["W"], w, rtol=1e-12)


@pytest.mark.parametrize("optimizer, power", [(SGD(), 2), (Adam(epsilon=1e-30), 1)])
def test_glorot_steps_scale_the_step_of_a_latent(optimizer, power):
    layer = BinaryLinear(4, 2, scale=1.0, rng=0, dtype="float64")
    layer.latents["W"], layer.grads["W"] = np.zeros((2, 4)), np.ones((2, 4))
    optimizer.update([layer], 0.001)
    expected = 0.001 / math.sqrt(1.5 / 6) ** power
    np.testing.assert_allclose(layer.latents["W"], -expected)


def test_without_glorot_steps_and_without_clip():
    layer = BinaryLinear(4, 2, clip=False, rng=0, dtype="float64")
    layer.latents["W"], layer.grads["W"] = np.zeros((2, 4)), np.ones((2, 4))
    SGD(glorot_steps=False).update([layer], 3.0)
    np.testing.assert_array_equal(layer.latents["W"], -3.0)


def test_the_optimiser_calls_the_readers_update():
    layer = BinaryLinear(4, 2, rng=0)
    layer.grads["W"] = np.ones((2, 4), np.float32)
    with override("2.2", lambda latent, direction, rate, bound: latent * 0 + bound):
        SGD().update([layer], 0.1)
    assert (layer.latents["W"] == 1).all()


def test_geometric_rates():
    rates = geometric_rates(0.3, 0.01, 1000)
    assert rates[0] == pytest.approx(0.3) and rates[-1] == pytest.approx(0.01)
    np.testing.assert_allclose(rates[1:] / rates[:-1], (0.01 / 0.3) ** (1 / 999))
    assert geometric_rates(0.3, 0.01, 1).tolist() == [0.3]


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: ste_forward([np.nan]), ValueError, "x must hold finite"),
        (lambda: ste_forward(["a"]), TypeError, "x must hold real"),
        (lambda: ste_backward([1.0], [1.0, 2.0]), ValueError, "grad must have the shape of x"),
        (lambda: ste_backward([1.0], [1.0], 0), ValueError, "clip must be"),
        (lambda: ste_backward([1.0], [1.0], "1"), TypeError, "clip must be"),
        (lambda: binary_weights([1.0], "quaternary"), ValueError, "form must be one of"),
        (lambda: binary_weights([1.0], "stochastic"), TypeError, "rng must be"),
        (lambda: binary_weights([1.0], scale=-1), ValueError, "scale must be"),
        (lambda: glorot_scale(0, 3), ValueError, "fan_in must be"),
        (lambda: sign_targets([0, 3], 3), ValueError, "y must hold class numbers 0 to 2"),
        (lambda: sign_targets([0.5], 3), TypeError, "y must hold integer"),
        (lambda: squared_hinge([[1.0]], [[0.0]]), ValueError, "targets must hold only"),
        (lambda: squared_hinge([[1.0]], [[1.0, 1.0]]), ValueError, "targets must have the shape"),
        (lambda: squared_hinge([1.0], [1.0]), ValueError, "outputs must have 2 axes"),
        (lambda: squared_hinge([[1.0]], [[1.0]], "max"), ValueError, "over_outputs must be"),
        (lambda: latent_update([0.0], [1.0], 0), ValueError, "rate must be"),
        (lambda: latent_update([0.0], [1.0], 1, bound=0), ValueError, "bound must be"),
        (lambda: latent_update([0.0], [[1.0]], 1), ValueError, "direction must have the shape"),
        (lambda: latent_update([0.0], [np.inf], 1), ValueError, "direction must hold finite"),
        (lambda: SGD(momentum=1), ValueError, "momentum must be"),
        (lambda: Adam(beta1=1), ValueError, "beta1"),
        (lambda: Adam(epsilon=0), ValueError, "epsilon must be"),
        (lambda: geometric_rates(0.1, 0, 3), ValueError, "last must be"),
        (lambda: geometric_rates(0.1, 0.1, 0), ValueError, "epochs must be"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_tiny_scale_does_not_overflow():
    weights = binary_weights(np.array([1.0, -1.0]), "stochastic", scale=1e-310, rng=0)
    np.testing.assert_array_equal(weights, [1e-310, -1e-310])


def test_latents_keep_their_dtype_whatever_the_direction():
    moved = latent_update(np.zeros(2, np.float32), np.ones(2, np.float64), rate=0.5)
    assert moved.dtype == np.float32


@pytest.mark.parametrize("make", [Adam, lambda: SGD(momentum=0.5)])
def test_an_optimizer_serves_one_network(make):
    optimizer = make()
    optimizer.direction("W", np.ones((2, 3)))
    with pytest.raises(ValueError, match="optimizer of its own"):
        optimizer.direction("W", np.ones((2, 4)))
