"""What a step of training computes, counted exactly: how much of it is multiplication?

BinaryConnect's promise is arithmetic: with binary weights the forward and the backward pass only
add, and about two thirds of the multiplications are gone (Courbariaux et al. 2015, conclusion).
This module counts one step on one batch, in four phases, of which the paper takes the last two as
one:

- *forward*: from the inputs to the outputs;
- *backward*: the gradients with respect to what goes into each layer, down to the second; nobody
  needs the one with respect to the data;
- *gradients*: those with respect to the weights;
- *step*: what the optimiser makes of them.

An addition is one number put into an accumulator that starts at zero; a difference is one too.
Divisions and roots count as multiplications. A product of a sign with a real number is neither: the
sign says whether to add or to subtract. The common size of binary weights is left to the batch
norm. A product of two signs is an XNOR, and such products are added up as integers. Frames of
zeros around images are multiplied like the rest. Not counted: comparisons, logic, the loss, random
numbers.

:func:`bnnkit.summary.summary` has the same work as gates and energy, a sample instead of a step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from fractions import Fraction

from bnnkit.bep import BEPNetwork
from bnnkit.errors import check_int, check_number, check_option
from bnnkit.ste import BatchNorm, BinaryConnectNetwork, ExpectedLinear, Linear, ReLU, Sign
from bnnkit.summary import positions_of

PHASES = ("forward", "backward", "gradients", "step")
FLOAT, HIDDEN = 4, 2  # bytes
# Multiplications and additions a weight and step, and the numbers remembered from step to step.
OPTIMIZERS = {"sgd": (1, 1, 0), "adam": (10, 4, 2)}


@dataclass(frozen=True)
class Operations:
    """Numbers of operations: on reals, and on signs and integers."""

    multiplies: Fraction | int = 0
    adds: Fraction | int = 0
    xnors: Fraction | int = 0
    integer_adds: Fraction | int = 0

    def __add__(self, other: Operations) -> Operations:
        return Operations(*(a + b for a, b in zip(astuple(self), astuple(other))))


@dataclass(frozen=True)
class Counted:
    """One layer: its operations in each phase, and the bytes that training keeps for it."""

    layer: str
    phases: dict[str, Operations]
    memory: dict[str, int]


def count(
    model,
    *,
    batch: int = 100,
    optimizer: str = "sgd",
    image=None,
    fires: float = 1,
) -> list[Counted]:
    """Return the operations of one training step, a layer at a time.

    Parameters
    ----------
    model : BinaryConnectNetwork (its form "float" is the float twin) or BEPNetwork
    batch : samples in the step
    optimizer : "sgd" (without momentum) or "adam"; BEP has none
    image : (maps, height, width) of a sample, for a network that convolves
    fires : share of the samples that BEP learns from, in [0, 1]

    ``memory`` has bytes by what they are for: "weights" (float32; the latents of binary weights;
    16-bit hidden integers), "signs" (one bit each, of binary weights), "gradients" and "optimizer".

    >>> from bnnkit.ste import binary_connect_mlp
    >>> layers = count(binary_connect_mlp([3, 4, 2], rng=0), batch=10)
    >>> layers[0].phases["forward"]
    Operations(multiplies=0, adds=120, xnors=0, integer_adds=0)
    """
    batch = check_int(batch, "batch", low=1)
    check_option(optimizer, "optimizer", OPTIMIZERS)
    if isinstance(model, BinaryConnectNetwork):
        return list(_float_layers(model, batch, optimizer, positions_of(model, image)))
    if isinstance(model, BEPNetwork):
        share = Fraction(check_number(fires, "fires", 0, 1))
        return list(_sign_layers(model, batch, share))
    raise TypeError(
        f"model must be a BinaryConnectNetwork or BEPNetwork, got {type(model).__name__}"
    )


def total(layers: list[Counted], *phases: str) -> Operations:
    """Return the sum over layers, of all phases or of those named."""
    chosen = [check_option(phase, "phases", PHASES) for phase in phases or PHASES]
    parts = [layer.phases[phase] for layer in layers for phase in chosen if phase in layer.phases]
    return sum(parts, Operations())


def memory(layers: list[Counted]) -> dict[str, int]:
    """Return the bytes of all layers together, by what they are for."""
    kinds = dict.fromkeys(kind for layer in layers for kind in layer.memory)
    return {kind: sum(layer.memory.get(kind, 0) for layer in layers) for kind in kinds}


def products(layers: list[Counted]) -> int:
    """Return the multiplications in products with weights, and in the gradients of weights.

    Batch norms and the optimiser's step are left out: this is what the paper's two thirds are of.

    >>> from bnnkit.ste import binary_connect_mlp
    >>> forms = ("deterministic", "float")
    >>> [products(count(binary_connect_mlp([9, 9, 9], form, rng=0), batch=1)) for form in forms]
    [162, 405]
    """
    weights = [layer for layer in layers if not layer.layer.startswith("norm")]
    return total(weights, *PHASES[:3]).multiplies


def seconds_at(layers: list[Counted], steps: float, rate: float) -> float:
    """Return how long ``steps`` steps take where ``rate`` operations on reals are done a second.

    A GPU multiplies by a sign as by any number, so ``layers`` should be those of the float twin.
    """
    check_number(rate, "rate", low=0, open_low=True)
    whole = total(layers)
    return float(steps * (whole.multiplies + whole.adds) / rate)


# --- real numbers --------------------------------------------------------------------------------


def _float_layers(
    net: BinaryConnectNetwork, batch: int, optimizer: str, positions: list[int]
) -> Iterator[Counted]:
    """Layers with weights, and batch norms. ``signs``: what comes in from below are signs."""
    signs, number = False, 0
    for layer, places in zip(net.layers, positions):
        if isinstance(layer, Linear) and not isinstance(layer, ExpectedLinear):
            number += 1
            yield _linear(number, layer, batch * places, signs, optimizer)
        elif isinstance(layer, BatchNorm):
            yield _batch_norm(number, layer.n_features, batch * places, optimizer)
        elif layer.params or layer.latents:
            raise TypeError(f"count does not know the layer {type(layer).__name__}")
        signs = isinstance(layer, Sign) or (signs and not isinstance(layer, (Linear, ReLU)))


def _linear(number: int, layer: Linear, rows: int, signs: bool, optimizer: str) -> Counted:
    """The products of ``rows`` inputs, or windows of them, with all the weights."""
    size = (layer.params | layer.latents)["W"].size
    binary = getattr(layer, "binarize", "none") != "none"
    biases = layer.n_out if "b" in layer.params else 0
    bias = Operations(adds=biases * rows)
    phases = {
        "forward": _products(size * rows, signs, binary) + bias,
        "backward": _products(size * rows, False, binary) if number > 1 else Operations(),
        "gradients": _products(size * rows, False, signs) + bias,
        "step": _step(size + biases, optimizer),
    }
    bits = -(-size // 8) if binary else 0
    return Counted(f"W_{number}", phases, _memory(size + biases, optimizer) | {"signs": bits})


def _products(n: int, left_signs: bool, right_signs: bool) -> Operations:
    """``n`` products, each added to a sum."""
    if left_signs and right_signs:
        return Operations(xnors=n, integer_adds=n)
    return Operations(multiplies=0 if left_signs or right_signs else n, adds=n)


def _batch_norm(number: int, features: int, rows: int, optimizer: str) -> Counted:
    """Forward: mean, variance, deviation, the normalised, the output. Backward: see the layer."""
    phases = {
        "forward": Operations(features * (3 * rows + 3), features * (4 * rows + 1)),
        "backward": Operations(features * (2 * rows + 3), features * 2 * rows),
        "gradients": Operations(features * rows, features * 2 * rows),
        "step": _step(2 * features, optimizer),
    }
    return Counted(f"norm_{number}", phases, _memory(2 * features, optimizer))


def _step(parameters: int, optimizer: str) -> Operations:
    multiplies, adds, _ = OPTIMIZERS[optimizer]
    return Operations(multiplies * parameters, adds * parameters)


def _memory(parameters: int, optimizer: str) -> dict[str, int]:
    each = FLOAT * parameters
    return {"weights": each, "gradients": each, "optimizer": OPTIMIZERS[optimizer][2] * each}


# --- signs ---------------------------------------------------------------------------------------


def _sign_layers(net: BEPNetwork, batch: int, fires: Fraction) -> Iterator[Counted]:
    """Blame passes down through every layer but the first; one neuron a group is updated."""
    for number, (K, F, group) in enumerate(zip(net.widths[1:], net.widths, net.groups), 1):
        work = batch * K * F
        blamed = fires * work if number > 1 else 0
        update = fires * batch * (K // group) * F
        phases = {
            "forward": Operations(xnors=work, integer_adds=work),
            "backward": Operations(xnors=blamed, integer_adds=blamed),
            "gradients": Operations(xnors=update, integer_adds=update),
            "step": Operations(integer_adds=K * F),
        }
        yield Counted(f"W_{number}", phases, {"weights": HIDDEN * K * F, "signs": -(-K * F // 8)})
    size = math.prod(net.P.shape)
    forward = {"forward": Operations(xnors=batch * size, integer_adds=batch * size)}
    yield Counted("P", forward, {"signs": -(-size // 8)})
