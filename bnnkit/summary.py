"""What a network costs: bits, bytes, Boolean gates and energy, layer by layer.

``print(summary(model))`` shows a table for inference and for training; ``summary(model).rows`` has
the same as plain numbers. Bytes are counted, from the shapes and types of the arrays. Gates and
energy are *models*: they say what a circuit made for the network would need, not what this
computer uses, and gates are not time. Every assumption is a field of :class:`Costs`.

How the work of one sample is counted, for a layer of K neurons with F inputs:

- a product of signs: an XNOR and a full adder for each weight (the popcount of F bits takes about
  F full adders), 6 K F gates; with a mask an AND more, 7 K F;
- an update of hidden integers: a 16-bit addition for each weight of a chosen neuron, one neuron a
  group, for the samples that fire;
- floats: an addition for each weight, and a multiplication unless one side is a sign. Training
  does it three times: forward, gradient of the inputs, gradient of the weights;
- the optimiser: Adam's operations for each weight, once a batch;
- memory: inference reads the weights once a sample; training reads and writes its whole state once
  a batch.

Not counted: random numbers, comparisons, activations. Sources: gates after Colombo et al. 2026,
Table 2; energy at 45 nm after Horowitz 2014.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bnnkit.bep import BEPNetwork
from bnnkit.bep.training import SignNetwork
from bnnkit.errors import check_int, check_number, check_widths
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.ste import BatchNorm, BinaryConnectNetwork, ExpectedLinear, Linear, ReLU, Sign

FLOAT, LATENT_AND_ADAM = 4, 16  # bytes: a float32; a parameter, its gradient and two moments
HIDDEN = 2  # bytes of a hidden integer


@dataclass(frozen=True)
class Costs:
    """The assumptions behind gates and energy.

    Attributes
    ----------
    xnor, full_adder : gates of each; a full adder is 2 XOR, 2 AND and an OR
    float_gates : gates of one float32 addition or multiplication (the order of magnitude that
        BEP's Table 2 uses, after Luo and Sun 2024)
    adam : float operations a weight and step
    float_add, float_multiply : picojoules (Horowitz 2014)
    gate : picojoules a Boolean gate. Nobody publishes it for XNOR and popcount; this takes the
        16-bit addition of the same table, 0.05 pJ, over its 77 gates
    memory : picojoules a bit: 32 bits from DRAM take 640 (Horowitz 2014). In a cache of 32 kB it
        is 20 for 64 bits, 0.3 a bit
    """

    xnor: int = 1
    full_adder: int = 5
    float_gates: int = 10_000
    adam: int = 12
    float_add: float = 0.9
    float_multiply: float = 3.7
    gate: float = 0.05 / 77
    memory: float = 640 / 32

    @property
    def add_16(self) -> int:
        """Gates of a 16-bit ripple adder: a full adder a bit, less what the first saves."""
        return 16 * self.full_adder - 3


@dataclass(frozen=True)
class Work:
    """Operations of one sample: gates, float additions, float multiplications."""

    bits: float = 0
    adds: float = 0
    multiplies: float = 0

    def __add__(self, other: Work) -> Work:
        return Work(
            self.bits + other.bits,
            self.adds + other.adds,
            self.multiplies + other.multiplies,
        )

    def gates(self, costs: Costs) -> float:
        """All of it as Boolean gates."""
        return self.bits + costs.float_gates * (self.adds + self.multiplies)

    def picojoules(self, costs: Costs) -> float:
        """The energy of the operations alone."""
        floats = costs.float_add * self.adds + costs.float_multiply * self.multiplies
        return costs.gate * self.bits + floats


@dataclass(frozen=True)
class Part:
    """One layer: its weights, the bytes it keeps, and the work of a sample."""

    layer: str
    weights: int
    inference_bytes: int
    training_bytes: int
    inference: Work
    training: Work


class Summary:
    """The costs of a network: ``rows``, one dict a layer, then the total; text when printed.

    Keys of a row: ``layer``, ``weights``; ``bits`` (a weight, at inference), ``bytes``, ``gates``,
    ``nj`` (operations, nanojoules) and ``memory_nj``; the same with ``training_`` before them.
    Gates and energy are those of one sample.

    ``inference_ratio`` and ``training_ratio`` say how many times fewer bytes that is than float32
    takes for as many weights: 4 bytes each at inference; in training 16, for the weight, its
    gradient and Adam's two moments.
    """

    def __init__(self, title: str, parts: list[Part], batch: int, costs: Costs):
        self.title, self.batch, self.costs = title, batch, costs
        self.rows = [self._row(part) for part in [*parts, _total(parts)]]
        total = self.rows[-1]
        self.inference_ratio = FLOAT * total["weights"] / total["bytes"]
        self.training_ratio = LATENT_AND_ADAM * total["weights"] / total["training_bytes"]

    def _row(self, part: Part) -> dict:
        costs, bit_energy = self.costs, 8 * self.costs.memory / 1000
        return {
            "layer": part.layer,
            "weights": part.weights,
            "bits": round(8 * part.inference_bytes / part.weights, 2),
            "bytes": part.inference_bytes,
            "gates": part.inference.gates(costs),
            "nj": part.inference.picojoules(costs) / 1000,
            "memory_nj": bit_energy * part.inference_bytes,
            "training_bits": round(8 * part.training_bytes / part.weights, 2),
            "training_bytes": part.training_bytes,
            "training_gates": part.training.gates(costs),
            "training_nj": part.training.picojoules(costs) / 1000,
            "training_memory_nj": 2 * bit_energy * part.training_bytes / self.batch,
        }

    def __str__(self) -> str:
        lines = [self.title]
        for use, prefix, ratio in (
            ("inference", "", self.inference_ratio),
            ("training", "training_", self.training_ratio),
        ):
            lines += ["", f"{use}, a sample"]
            lines.append(
                _line("layer", "weights", "bits each", "bytes", "gates", "nJ", "nJ memory")
            )
            for row in self.rows:
                keys = ("bits", "bytes", "gates", "nj", "memory_nj")
                bits, size, *rest = (row[prefix + key] for key in keys)
                numbers = (f"{row['weights']:,}", f"{bits:.2f}", f"{size:,}")
                lines.append(_line(row["layer"], *numbers, *(f"{value:.3g}" for value in rest)))
            twin = "float32" + " and Adam" * bool(prefix)
            lines.append(f"{twin}: {ratio:.1f} times as many bytes")
        return "\n".join(lines)

    __repr__ = __str__


def summary(
    model,
    *,
    batch: int = 100,
    fires: float | None = None,
    steps: int | None = None,
    image: Sequence[int] | None = None,
    costs: Costs | None = None,
) -> Summary:
    """Return what a network costs, a layer at a time.

    Parameters
    ----------
    model : BEPNetwork, BEPRecurrentNetwork or BinaryConnectNetwork (its form "float" is the float
        twin); trained or not
    batch : samples a training step; what is done once a step is shared among them
    fires : share of the samples that BEP learns from, in [0, 1]; None for that of the last epoch,
        or 1 before the first
    steps : time steps of a recurrent network; None for its window, or 1 without one
    image : (maps, height, width) of a sample, for a network that convolves
    costs : the assumptions

    >>> print(summary(BEPNetwork((784, 525, 525), 10)).rows[0]["gates"])
    2469600
    """
    batch = check_int(batch, "batch", low=1)
    costs = Costs() if costs is None else costs
    if not isinstance(costs, Costs):
        raise TypeError(f"costs must be a Costs, got {type(costs).__name__}")
    if isinstance(model, SignNetwork):
        last = model.history[-1].triggered if model.history else 1
        learns = float(last if fires is None else check_number(fires, "fires", 0, 1))
    if isinstance(model, BEPNetwork):
        title = f"BEPNetwork {'-'.join(map(str, model.widths))}, {model.n_classes} classes"
        parts = _bep_parts(model, learns, costs)
    elif isinstance(model, BEPRecurrentNetwork):
        steps = check_int(model.window or 1 if steps is None else steps, "steps", low=1)
        title = (
            f"BEPRecurrentNetwork, state {model.state}, {steps} steps, {model.n_classes} classes"
        )
        parts = _recurrent_parts(model, learns, steps, costs)
    elif isinstance(model, BinaryConnectNetwork):
        title = f"BinaryConnectNetwork, {model.n_classes} classes"
        parts = list(_float_parts(model, image, batch, costs))
    else:
        raise TypeError(
            "model must be a BEPNetwork, BEPRecurrentNetwork or BinaryConnectNetwork, "
            f"got {type(model).__name__}"
        )
    return Summary(title, parts, batch, costs)


# --- networks of signs ---------------------------------------------------------------------------


def _bep_parts(net: BEPNetwork, fires: float, costs: Costs) -> list[Part]:
    parts = []
    for i, (shape, group) in enumerate(zip(zip(net.widths[1:], net.widths), net.groups)):
        parts.append(_sign_layer(f"W_{i + 1}", shape, fires, costs, group, blames=int(i > 0)))
    return [*parts, _sign_layer("P", net.P.shape, fires, costs)]


def _recurrent_parts(net: BEPRecurrentNetwork, fires, steps: int, costs: Costs) -> list[Part]:
    xs, ss, sy = (W.shape for W in net.W)
    state, readout = net.groups
    back = steps if net.horizon is None else min(steps, net.horizon)
    parts = []
    if net.expansion:
        shape = (net.expansion, net.inputs)
        parts.append(_sign_layer("expansion", shape, fires, costs, times=steps))
    return [
        *parts,
        _sign_layer("W_xs", xs, fires, costs, state, times=steps, back=back),
        _sign_layer("W_ss", ss, fires, costs, state, back - 1, times=steps, back=back),
        _sign_layer("W_sy", sy, fires, costs, readout, 1),
        _sign_layer("P", net.P.shape, fires, costs),
    ]


def _sign_layer(
    name: str,
    shape: tuple[int, int],
    fires: float,
    costs: Costs,
    group: int | None = None,
    blames: int = 0,
    times: int = 1,
    back: int = 1,
) -> Part:
    """A matrix of signs: fixed without ``group``; used ``times`` forward.

    An update adds up ``back`` steps, and blame passes down through it ``blames`` times. Training
    keeps the hidden integers, the packed signs, their copy in the order of the kernel, and, where
    blame passes down, a copy with rows and columns exchanged.
    """
    K, F = shape
    packed = _packed_bytes(K, F)
    forward = Work(bits=times * K * F * (costs.xnor + costs.full_adder))
    if group is None:
        return Part(name, K * F, packed, 2 * packed, forward, forward)
    update = fires * back * K * F / group * costs.add_16
    blame = fires * blames * K * F * (costs.xnor + 1 + costs.full_adder)
    kept = HIDDEN * K * F + 2 * packed + (_packed_bytes(F, K) if blames else 0)
    return Part(name, K * F, packed, kept, forward, forward + Work(bits=blame + update))


def _packed_bytes(rows: int, columns: int) -> int:
    """One bit a sign, each row rounded up to whole words."""
    return rows * 8 * -(-columns // 64)


# --- networks with latents or floats -------------------------------------------------------------


def _float_parts(net: BinaryConnectNetwork, image, batch: int, costs: Costs) -> Iterator[Part]:
    """Layers with weights, and batch norms. ``signs``: what comes in from below are signs."""
    signs, number = False, 0
    binary_test = net.test_weights == "binary"
    for layer, positions in zip(net.layers, positions_of(net, image)):
        if isinstance(layer, Linear) and not isinstance(layer, ExpectedLinear):
            number += 1
            yield _linear(f"W_{number}", layer, positions, signs, binary_test, batch, costs)
        elif isinstance(layer, BatchNorm):
            yield _batch_norm(f"norm_{number}", layer, positions, batch, costs)
        elif layer.params or layer.latents:
            raise TypeError(f"summary does not know the layer {type(layer).__name__}")
        keeps_signs = not (layer.params or layer.latents or isinstance(layer, ReLU))
        signs = isinstance(layer, Sign) or (signs and keeps_signs)


def positions_of(net: BinaryConnectNetwork, image) -> list[int]:
    """How often each layer's weights are used a sample: once for each place of its output."""
    if image is None:
        if any(_weights(layer).ndim > 2 for layer in net.layers if isinstance(layer, Linear)):
            raise ValueError("image must be (maps, height, width) for a network that convolves")
        return [1] * len(net.layers)
    x, positions = np.zeros((1, *check_widths(image, "image"))), []
    for layer in copy.deepcopy(net.layers):
        x = layer.forward(x, training=True, rng=0)
        positions.append(math.prod(x.shape[2:]))
    return positions


def _weights(layer: Linear):
    return (layer.params | layer.latents)["W"]


def _linear(name, layer: Linear, positions: int, signs, binary_test, batch, costs: Costs) -> Part:
    """A product of ``positions`` rows with the weights; ternary ones take a second bit, a mask."""
    size, form = _weights(layer).size, getattr(layer, "binarize", "none")
    binary, masked = form != "none", "ternary" in form
    at_test = binary and binary_test
    biases = layer.n_out if "b" in layer.params else 0

    def product(left: bool, right: bool) -> Work:
        return _product(positions * size, left, right, masked, costs)

    optimiser = costs.adam * (size + biases) / batch
    adam = Work(adds=optimiser / 2, multiplies=optimiser / 2)
    gradients = product(signs, False) + product(False, binary)
    packed = (1 + masked) * _packed_bytes(layer.n_out, size // layer.n_out)
    return Part(
        name,
        size + biases,
        (packed if at_test else FLOAT * size) + FLOAT * biases,
        LATENT_AND_ADAM * (size + biases),
        product(signs, at_test),
        product(signs, binary) + gradients + adam,
    )


def _product(n: int, left_signs: bool, right_signs: bool, masked: bool, costs: Costs) -> Work:
    """``n`` products, summed: in gates if both are signs; a sign spares the multiplication."""
    if left_signs and right_signs:
        return Work(bits=n * (costs.xnor + masked + costs.full_adder))
    return Work(adds=n, multiplies=0 if left_signs or right_signs else n)


def _batch_norm(name: str, layer: BatchNorm, positions: int, batch: int, costs: Costs) -> Part:
    """A scale and a shift a feature; at test time two numbers are left of the four."""
    n = layer.n_features
    once = Work(adds=n * positions, multiplies=n * positions)
    optimiser = costs.adam * 2 * n / batch
    each = 6 * n * positions + optimiser / 2  # forward, and the mean and variance on the way back
    training = Work(adds=each, multiplies=each)
    return Part(name, 2 * n, 2 * FLOAT * n, 2 * LATENT_AND_ADAM * n, once, training)


# --- text ----------------------------------------------------------------------------------------


def _total(parts: list[Part]) -> Part:
    return Part(
        "total",
        sum(part.weights for part in parts),
        sum(part.inference_bytes for part in parts),
        sum(part.training_bytes for part in parts),
        sum((part.inference for part in parts), Work()),
        sum((part.training for part in parts), Work()),
    )


def _line(name: str, *cells: str) -> str:
    return f"{name:<10}" + "".join(f"{cell:>12}" for cell in cells)
