"""Counted operations, against a slow step of training whose numbers count for themselves."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from bnnkit import BEPNetwork
from bnnkit.lab.counts import count, memory, products, seconds_at, total
from bnnkit.ste import (
    SGD,
    BatchNorm,
    BinaryConnectNetwork,
    BinaryConv2d,
    BinaryLinear,
    Conv2d,
    Flatten,
    Linear,
    ReLU,
    Sign,
    binary_connect_cnn,
    binary_connect_mlp,
    expectation_mlp,
)
from bnnkit.summary import Costs, summary

TALLY = Counter()


class Number:
    """A real number, a sign or an integer that tallies what is done with it."""

    def __init__(self, value, kind="real"):
        self.value, self.kind = value, kind

    def __mul__(self, other):
        kinds = {self.kind, other.kind}
        TALLY["xnors"] += kinds == {"sign"}
        TALLY["multiplies"] += kinds == {"real"}
        return Number(self.value * other.value, "sign" if kinds == {"sign"} else "real")

    def __truediv__(self, other):
        TALLY["multiplies"] += 1
        return Number(self.value / getattr(other, "value", other))

    def sqrt(self):
        TALLY["multiplies"] += 1
        return Number(self.value**0.5)

    def __add__(self, other, direction=1):
        kind = "real" if "real" in (self.kind, other.kind) else "integer"
        TALLY["adds" if kind == "real" else "integer_adds"] += 1
        return Number(self.value + direction * other.value, kind)

    def __sub__(self, other):
        return self.__add__(other, -1)


def numbers(array, kind="real"):
    return np.vectorize(lambda value: Number(float(value), kind), otypes=[object])(array)


def values(array):
    return np.vectorize(lambda number: number.value, otypes=[float])(array)


def zeros(shape, kind="real"):
    return numbers(np.zeros(shape), kind)


def sweep(x, W, y, into):
    """Every product of a window with weights: added to y, to the window or to the weights."""
    for n, k, i, j in np.ndindex(*y.shape):
        for c, di, dj in np.ndindex(*W.shape[1:]):
            window, weight = (n, c, i + di, j + dj), (k, c, di, dj)
            if into == "y":
                y[n, k, i, j] = y[n, k, i, j] + x[window] * W[weight]
            elif into == "x":
                x[window] = x[window] + y[n, k, i, j] * W[weight]
            else:
                W[weight] = W[weight] + y[n, k, i, j] * x[window]


class Phases:
    """Which part of the tally belongs to which phase."""

    def __init__(self):
        self.phases = {}

    def keep(self, phase):
        self.phases.setdefault(phase, Counter()).update(TALLY)
        TALLY.clear()


def slow_norm_forward(layer, x):
    """Rows of features, one feature at a time; what backward needs as well."""
    out, centred, deviations = np.empty_like(x), np.empty_like(x), []
    for f in range(x.shape[1]):
        gamma, beta = (Number(float(layer.params[name][f])) for name in ("gamma", "beta"))
        mean, var = Number(0.0), Number(0.0)
        for row in x[:, f]:
            mean = mean + row
        mean = mean / len(x)
        c = [row - mean for row in x[:, f]]
        for d in c:
            var = var + d * d
        deviation = (var / len(x) + Number(layer.epsilon)).sqrt()
        centred[:, f] = [d / deviation for d in c]
        out[:, f] = [gamma * d + beta for d in centred[:, f]]
        deviations.append(deviation)
    return out, (centred, deviations)


def slow_norm_backward(layer, kept, grad, phases):
    out, (centred, deviations) = np.empty_like(grad), kept
    for f in range(grad.shape[1]):
        beta, gamma = Number(0.0), Number(0.0)
        for g, c in zip(grad[:, f], centred[:, f]):
            beta, gamma = beta + g, gamma + g * c
        phases.keep("gradients")
        mean, product = beta / len(grad), gamma / len(grad)
        slope = Number(float(layer.params["gamma"][f])) / deviations[f]
        for n, (g, c) in enumerate(zip(grad[:, f], centred[:, f])):
            out[n, f] = slope * (g - mean - c * product)
        phases.keep("backward")
    return out


def by_rows(x):
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def by_maps(rows, shape):
    n, maps, *sides = shape
    return np.moveaxis(rows.reshape(n, *sides, maps), -1, 1)


def slow_step(net, X, grad):
    """Forward, backward and SGD in loops: the tally by phase, and the gradients of weights."""
    TALLY.clear()
    phases, trail, grads = Phases(), [], []
    x = numbers(X)
    for layer in net.layers:
        shape = x.shape
        if isinstance(layer, Linear):
            pad = getattr(layer, "pad", 0)
            W = (layer.params | layer.latents)["W"]
            binary = bool(layer.latents)
            W = numbers(np.where(W >= 0, 1, -1) if binary else W, "sign" if binary else "real")
            kind = x.flat[0].kind
            x, W = (a.reshape(*a.shape, *(1,) * (4 - a.ndim)) for a in (x, W))
            framed = np.pad(
                x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), constant_values=Number(0.0, kind)
            )
            sides = [side - W.shape[2] + 1 for side in framed.shape[2:]]
            both = {kind, W.flat[0].kind} == {"sign"}
            y = zeros((len(x), len(W), *sides), "integer" if both else "real")
            sweep(framed, W, y, "y")
            trail.append((layer, shape, framed, W, pad))
            x = y if isinstance(layer, Conv2d) else y[:, :, 0, 0]
        elif isinstance(layer, BatchNorm):
            rows, kept = slow_norm_forward(layer, by_rows(numbers(values(x))))
            trail.append((layer, shape, kept))
            x = by_maps(rows, shape)
        else:
            trail.append((layer, shape, values(x)))
            out = layer.forward(values(x))
            kept = x.flat[0].kind if isinstance(layer, Flatten) else "real"
            x = numbers(out, "sign" if isinstance(layer, Sign) else kept)
        phases.keep("forward")

    grad = numbers(grad)
    for layer, shape, *kept in reversed(trail):
        if isinstance(layer, Linear):
            framed, W, pad = kept
            grad = grad.reshape(*grad.shape, *(1,) * (4 - grad.ndim))
            grad_W = zeros(W.shape)
            sweep(framed, grad_W, grad, "W")
            phases.keep("gradients")
            grads.insert(0, values(grad_W))
            if layer is not net.layers[0]:
                grad_x = zeros(framed.shape)
                sweep(grad_x, W, grad, "x")
                phases.keep("backward")
                end = [side - pad for side in grad_x.shape[2:]]
                grad = grad_x[:, :, pad : end[0], pad : end[1]].reshape(shape)
            latents = [latent - Number(0.1) * g for latent, g in zip(W.flat, grad_W.flat)]
            assert len(latents) == W.size
            phases.keep("step")
        elif isinstance(layer, BatchNorm):
            grad = by_maps(slow_norm_backward(layer, kept[0], by_rows(grad), phases), shape)
            for _ in range(2 * layer.n_features):  # gamma and beta
                Number(1.0) - Number(0.1) * Number(1.0)
            phases.keep("step")
        else:
            layer.forward(kept[0], training=True)
            grad = numbers(layer.backward(values(grad)))
    return phases.phases, grads


def small_net(form, activation, images):
    binary = form == "binary"
    linear, conv = (BinaryLinear, BinaryConv2d) if binary else (Linear, Conv2d)
    active = {"relu": ReLU, "sign": Sign}[activation]
    options = dict(rng=0, dtype="float64", bias=False)
    if images:
        layers = [conv(1, 2, **options), BatchNorm(2, dtype="float64"), active()]
        layers += [conv(2, 2, **options), BatchNorm(2, dtype="float64"), active(), Flatten()]
        return BinaryConnectNetwork([*layers, linear(24, 2, **options)], dtype="float64")
    layers = [linear(5, 4, **options), BatchNorm(4, dtype="float64"), active()]
    layers += [linear(4, 3, **options), BatchNorm(3, dtype="float64")]
    return BinaryConnectNetwork(layers, dtype="float64")


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("activation", ["relu", "sign"])
@pytest.mark.parametrize("form", ["float", "binary"])
def test_a_step_of_training_against_loops(form, activation, images):
    net = small_net(form, activation, images)
    X = np.random.default_rng(0).normal(size=(3, 1, 3, 4) if images else (3, 5))
    out = net.forward(X, training=True)
    grad = np.random.default_rng(1).normal(size=out.shape)
    phases, grads = slow_step(net, X, grad)

    net.backward(grad)  # the loops do the same as the package
    linear = [layer for layer in net.layers if isinstance(layer, Linear)]
    for layer, slow in zip(linear, grads, strict=True):
        np.testing.assert_allclose(layer.grads["W"].reshape(slow.shape), slow, atol=1e-9)

    layers = count(net, batch=3, image=(1, 3, 4) if images else None)
    for phase, tally in phases.items():
        counted = {name: n for name, n in vars(total(layers, phase)).items() if n}
        assert counted == {name: n for name, n in tally.items() if n}, phase


def test_a_step_of_bep_against_loops():
    """Layers 7 -> 6 -> 4, groups of 3 and 2, two classes; every group has a neuron to update."""
    net = BEPNetwork((7, 6, 4), 2, groups=(3, 2), seed=1)
    W = [numbers(layer.to_signs(), "sign") for layer in net.W]
    P = numbers(net.P.to_signs(), "sign")
    X = np.random.default_rng(0).choice([-1, 1], (5, 7))
    TALLY.clear()
    phases = Phases()

    def times(W, a):
        out = zeros(len(W), "integer")
        for k, j in np.ndindex(*W.shape):
            out[k] = out[k] + W[k, j] * a[j]
        return out

    changes = [zeros(w.shape, "integer") for w in W]
    for x in X:
        trail = [numbers(x, "sign")]
        for w in [*W, P]:
            trail.append(numbers(np.where(values(times(w, trail[-1])) >= 0, 1, -1), "sign"))
        phases.keep("forward")
        wanted = P[0]
        for layer in (1, 0):
            for first in range(0, len(W[layer]), net.groups[layer]):
                for j, a in enumerate(trail[layer]):
                    changes[layer][first, j] = changes[layer][first, j] + wanted[first] * a
            phases.keep("gradients")
            if layer:
                below = values(times(W[layer].T, wanted))
                wanted = numbers(np.where(below >= 0, 1, -1), "sign")
                phases.keep("backward")
    for w, change in zip(W, changes):
        [Number(1, "integer") + c for c in change.flat]
        assert change.shape == w.shape
    phases.keep("step")
    for phase, tally in phases.phases.items():
        counted = {name: n for name, n in vars(total(count(net, batch=5), phase)).items() if n}
        assert counted == {name: n for name, n in tally.items() if n}, phase
    half = total(count(net, batch=5, fires=0.5), "gradients", "backward")
    assert half.xnors * 2 == total(count(net, batch=5), "gradients", "backward").xnors
    assert total(count(net)).multiplies == total(count(net)).adds == 0


def share_removed(make, image=None):
    ours, theirs = (
        products(count(make(form), batch=1, image=image)) for form in ("deterministic", "float")
    )
    return 1 - Fraction(ours, theirs)


def test_two_thirds_of_the_papers_multiplications_are_gone():
    """For 3 x 1024 by hand: all three products of a layer, but the first needs no blame."""
    sizes = [784 * 1024, 1024 * 1024, 1024 * 1024, 1024 * 10]
    gone = 2 * sum(sizes) - sizes[0]
    expected = Fraction(gone, gone + sum(sizes))
    mnist = share_removed(lambda form: binary_connect_mlp([784, 1024, 1024, 1024, 10], form, rng=0))
    assert mnist == expected and 0.63 < mnist < 0.64


def test_a_convolution_by_hand():
    """A quarter-size net: windows of nine at 64 places, then at 16; the first needs no blame."""
    net = lambda form: binary_connect_cnn((3, 8, 8), (4, 6), (5,), 2, form, rng=0)  # noqa: E731
    work = [64 * 9 * 3 * 4, 64 * 9 * 4 * 4, 16 * 9 * 4 * 6, 16 * 9 * 6 * 6, 24 * 5, 5 * 2]
    gone = 2 * sum(work) - work[0]
    assert share_removed(net, (3, 8, 8)) == Fraction(gone, gone + sum(work))


def test_the_same_work_as_in_the_summary():
    """But for the blame that reaches the data, which the program computes and nobody needs."""
    for form in ("float", "deterministic"):
        net, batch = binary_connect_mlp([6, 9, 4], form, rng=0), 10
        costs = Costs(adam=0, float_gates=1)
        rows = {row["layer"]: row for row in summary(net, batch=batch, costs=costs).rows}
        for layer in count(net, batch=batch):
            if layer.layer in ("W_1", "W_2"):
                done = total([layer], "forward", "backward", "gradients")
                unneeded = 0
                if layer.layer == "W_1":
                    unneeded = 54 * batch * (2 if form == "float" else 1)
                work = rows[layer.layer]["training_gates"] * batch
                assert done.adds + done.multiplies + unneeded == work


def test_memory_is_that_of_the_arrays():
    net = binary_connect_mlp([64, 32, 10], rng=0)
    latents = sum(layer.latents["W"].nbytes for layer in net.layers[::3])
    norms = 2 * 4 * (32 + 10)
    kept = memory(count(net, optimizer="adam"))
    assert kept["weights"] == kept["gradients"] == latents + norms
    assert kept["optimizer"] == 2 * (latents + norms) and kept["signs"] == latents / 32
    assert memory(count(net))["optimizer"] == 0
    bep = BEPNetwork((64, 32), 4)
    assert memory(count(bep)) == {"weights": bep.H[0].nbytes, "signs": bep.W[0].nbytes + 4 * 4}


def test_adams_step_is_that_of_its_formulae():
    """Two decays and two shares, the square, the root, three divisions, the rate; four sums."""
    layer = Linear(2, 3, bias=True, rng=0)
    net = BinaryConnectNetwork([layer])
    assert vars(total(count(net, optimizer="adam"), "step")) == {
        "multiplies": 10 * 9,
        "adds": 4 * 9,
        "xnors": 0,
        "integer_adds": 0,
    }


def test_seconds_at_a_rate():
    layers = count(BinaryConnectNetwork([Linear(4, 2, bias=False, rng=0)]), batch=3)
    # forward 24 + 24, gradients 24 + 24, step 8 + 8
    assert seconds_at(layers, 10, 112) == 10.0


def test_bad_input():
    with pytest.raises(TypeError, match="model must be a BinaryConnectNetwork or BEPNetwork"):
        count(SGD())
    with pytest.raises(TypeError, match="does not know the layer ExpectedLinear"):
        count(expectation_mlp([3, 2], rng=0))
    with pytest.raises(TypeError, match="does not know the layer ExpectedLinear"):
        summary(expectation_mlp([3, 2], rng=0))
    with pytest.raises(ValueError, match="optimizer must be one of"):
        count(BEPNetwork((3, 3), 2), optimizer="rms")
    with pytest.raises(ValueError, match="phases must be one of"):
        total([], "sideways")
