"""What a network costs, against counts by hand."""

import numpy as np
import pytest

from bnnkit import BEPNetwork, BEPRecurrentNetwork, BitMatrix
from bnnkit.ste import BatchNorm, Linear, Sign, binary_connect_mlp
from bnnkit.ste.layers import Layer
from bnnkit.ste.network import BinaryConnectNetwork
from bnnkit.summary import Costs, summary


def by_name(result):
    return {row["layer"]: row for row in result.rows}


def test_a_bep_network_by_hand():
    """Layers 70 -> 6 -> 4 and 2 classes; groups of 3 and 2; half of the samples fire."""
    net = BEPNetwork((70, 6, 4), 2, groups=(3, 2))
    rows = by_name(summary(net, batch=10, fires=0.5))

    assert rows["W_1"]["weights"] == 6 * 70
    assert rows["W_1"]["bytes"] == net.W[0].nbytes == 6 * 2 * 8
    assert rows["W_1"]["gates"] == 6 * 420
    # H of 2 bytes, the packed rows twice; nothing is below but data
    assert rows["W_1"]["training_bytes"] == 840 + 96 + 96
    # half the samples push 2 of 6 neurons; a 16-bit adder has 77 gates
    assert rows["W_1"]["training_gates"] == 6 * 420 + 0.5 * 2 * 70 * 77

    # W_2 passes blame down: 7 gates a weight, and its 6 columns of 4 bits are packed too
    assert rows["W_2"]["training_bytes"] == 2 * 24 + 2 * 4 * 8 + 6 * 8
    assert rows["W_2"]["training_gates"] == 6 * 24 + 0.5 * (7 * 24 + 2 * 6 * 77)

    assert rows["P"]["training_gates"] == rows["P"]["gates"] == 6 * 8
    for key in ("weights", "bytes", "gates", "training_bytes", "training_gates"):
        assert rows["total"][key] == sum(rows[name][key] for name in ("W_1", "W_2", "P"))


def test_energy_by_hand():
    costs = Costs(gate=0.5, memory=2.0)
    rows = by_name(summary(BEPNetwork((64, 8), 2), batch=4, fires=0, costs=costs))
    assert rows["W_1"]["nj"] == pytest.approx(6 * 512 * 0.5 / 1000)
    assert rows["W_1"]["memory_nj"] == pytest.approx(512 * 2.0 / 1000)
    state = 16 * 512 + 2 * 512  # bits: hidden integers, packed rows and their copy
    assert rows["W_1"]["training_memory_nj"] == pytest.approx(2 * state * 2.0 / 4 / 1000)


def test_a_recurrent_network_by_hand():
    """Five steps forward, two back; an expansion from 3 to 8 that never learns."""
    net = BEPRecurrentNetwork(
        3, 2, state=10, readout=6, expansion=8, window=5, horizon=2, groups=(5, 3)
    )
    rows = by_name(summary(net, fires=1))
    assert rows["expansion"]["gates"] == rows["expansion"]["training_gates"] == 5 * 6 * 24
    assert rows["W_xs"]["gates"] == 5 * 6 * 80
    assert rows["W_xs"]["training_gates"] == 5 * 6 * 80 + 2 * 2 * 8 * 77
    assert rows["W_ss"]["training_gates"] == 5 * 6 * 100 + 1 * 7 * 100 + 2 * 2 * 10 * 77
    assert rows["W_sy"]["training_gates"] == 6 * 60 + 7 * 60 + 2 * 10 * 77
    assert by_name(summary(net, steps=1))["W_xs"]["gates"] == 6 * 80


@pytest.mark.parametrize(
    ("form", "activation", "operations"),
    [
        # (additions, multiplications) of the second layer, at test and in training
        ("float", "relu", ((40, 40), (120, 120))),
        ("deterministic", "relu", ((40, 0), (120, 40))),  # only the gradient of the weights
    ],
)
def test_layers_of_floats_by_hand(form, activation, operations):
    net = binary_connect_mlp([5, 8, 5], form, activation=activation, rng=0)
    rows = by_name(summary(net, batch=10, costs=Costs(adam=0, float_add=1, float_multiply=1000)))
    for prefix, (adds, multiplies) in zip(("", "training_"), operations):
        assert rows["W_2"][prefix + "nj"] == pytest.approx((adds + 1000 * multiplies) / 1000)
        assert rows["W_2"][prefix + "gates"] == 10_000 * (adds + multiplies)


def test_signs_on_both_sides_are_gates():
    net = binary_connect_mlp([5, 8, 5], activation="sign", rng=0)
    rows = by_name(summary(net, costs=Costs(adam=0)))
    assert rows["W_1"]["gates"] == 10_000 * 40  # floats come in: additions
    assert rows["W_2"]["gates"] == 6 * 40
    assert rows["W_2"]["training_gates"] == 6 * 40 + 10_000 * 2 * 40


@pytest.mark.parametrize(("form", "each"), [("deterministic", 1), ("stochastic", 32)])
def test_weights_at_test_time_have_the_bits_of_the_test_rule(form, each):
    rows = by_name(summary(binary_connect_mlp([64, 10], form, rng=0)))
    assert rows["W_1"]["bits"] == each
    assert rows["W_1"]["training_bytes"] == 16 * 640


class Window(Linear):
    """Two maps from one through a window of 3 x 3: only what summary asks of a convolution."""

    binarize = "deterministic"

    def __init__(self):
        Layer.__init__(self)
        self.n_in, self.n_out = 1, 2
        self.latents["W"] = np.ones((2, 1, 3, 3), np.float32)

    def forward(self, x, training=False, rng=None):
        return np.ones((len(x), 2, x.shape[2] - 2, x.shape[3] - 2), np.float32)


def test_a_window_works_at_every_place_of_the_image():
    """6 x 7 pixels leave 4 x 5 places for a window of 3 x 3."""
    net = BinaryConnectNetwork([Sign(), Window(), BatchNorm(2), Sign()], test_weights="binary")
    rows = by_name(summary(net, image=(1, 6, 7), costs=Costs(adam=0)))
    assert rows["W_1"]["weights"] == 18
    assert rows["W_1"]["bytes"] == 2 * 8
    assert rows["W_1"]["gates"] == 6 * 18 * 20
    assert rows["norm_1"]["gates"] == 10_000 * 2 * 2 * 20
    with pytest.raises(ValueError, match="image must be"):
        summary(net)


def test_a_zero_takes_a_second_bit_and_an_and():
    net = binary_connect_mlp([64, 10], activation="sign", rng=0)
    net.layers.insert(0, Sign())
    plain = by_name(summary(net))["W_1"]
    net.layers[1].binarize = "ternary"
    ternary = by_name(summary(net))["W_1"]
    assert (plain["bits"], ternary["bits"]) == (1, 2)
    assert (plain["gates"], ternary["gates"]) == (6 * 640, 7 * 640)


def test_adam_is_shared_by_the_batch():
    net = BinaryConnectNetwork([Linear(3, 4, rng=0)])
    none, twelve = (summary(net, batch=6, costs=Costs(adam=n)).rows[0] for n in (0, 12))
    extra = twelve["training_gates"] - none["training_gates"]
    assert extra == pytest.approx(10_000 * 12 * 16 / 6)  # 12 weights and 4 biases


def test_memory_against_float32_and_adam():
    """The goals of the package: one bit a weight at inference, a sixth of the bytes in training."""
    net = BEPNetwork((784, 525, 525), 10)
    result = summary(net)
    assert result.training_ratio > 6
    assert result.rows[-1]["bytes"] == sum(W.nbytes for W in [*net.W, net.P])
    assert BitMatrix.from_signs(np.ones((640, 640), np.int8)).nbytes * 8 == 640 * 640
    twin = summary(binary_connect_mlp([784, 525, 525, 10], "float", rng=0))
    assert (twin.inference_ratio, twin.training_ratio) == (1, 1)


def test_the_share_that_fires_is_the_one_of_the_last_epoch():
    X = np.array([[1, 1, 1], [1, -1, 1], [-1, 1, 1], [-1, -1, 1]], np.int8)
    net = BEPNetwork((3, 9), 2, seed=1)
    fresh = summary(net).rows[0]["training_gates"]
    assert fresh == summary(net, fires=1).rows[0]["training_gates"]
    net.fit(X, [1, 0, 0, 0], epochs=10)
    share = net.history[-1].triggered
    assert share < 1
    assert summary(net).rows == summary(net, fires=share).rows


def test_it_prints_a_line_for_each_layer_and_use():
    text = str(summary(BEPNetwork((784, 525, 525), 10)))
    for name in ("W_1", "W_2", "P", "total"):
        assert sum(line.startswith(name + " ") for line in text.splitlines()) == 2
    assert "93,120" in text
    assert "float32 and Adam: 6.9 times as many bytes" in text


def test_bad_input():
    net = BEPNetwork((3, 9), 2)
    with pytest.raises(TypeError, match="model must be a BEPNetwork"):
        summary([1, 2])
    with pytest.raises(ValueError, match="fires must be"):
        summary(net, fires=1.5)
    with pytest.raises(ValueError, match="batch must be"):
        summary(net, batch=0)
    odd = Layer()
    odd.params["W"] = np.ones(3)
    with pytest.raises(TypeError, match="does not know the layer Layer"):
        summary(BinaryConnectNetwork([Linear(3, 4, rng=0), odd]))
