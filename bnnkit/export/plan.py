"""What a trained network computes, in integers alone.

A neuron with K inputs has the sum ``z = K - 2 d``, where d counts the weights that differ from
their inputs. So whatever stands between the sum and the sign, as long as it only rises or only
falls, comes to one question: is d at most some limit? With nothing between, the limit is
``floor(K / 2)``. A batch norm moves it, and if its scale is negative the row of weights is turned
round. The limits are read off the layers themselves, at each of the K + 1 sums that can occur, so
nothing is rounded anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnnkit.bep import BEPNetwork
from bnnkit.binarize import MedianBinarizer, ThermometerEncoder
from bnnkit.errors import check_option
from bnnkit.readings import Reader
from bnnkit.recurrent import SS, SY, XS, BEPRecurrentNetwork
from bnnkit.ste import BatchNorm, BinaryConnectNetwork, Dropout, Linear, Sign

INPUTS = {  # type of the input -> type of a threshold, which may lie one below the least input
    "int8": "int16",
    "uint8": "int16",
    "int16": "int32",
    "uint16": "int32",
}


@dataclass(frozen=True)
class SignLayer:
    """Weights as signs (rows, columns), and how many may differ: for all rows, or for each."""

    W: np.ndarray
    limit: int | np.ndarray


@dataclass(frozen=True)
class Scores:
    """The prototypes as signs (C, K), and each class's score as a function of what differs.

    ``kind`` is "logits" for ``K - 2 d``, "line" for ``base - slope d``, "table" for an entry of
    ``table``, C x (K + 1).
    """

    W: np.ndarray
    kind: str = "logits"
    base: Any = None
    slope: Any = None
    table: Any = None

    def of(self, differ: np.ndarray) -> np.ndarray:
        """Return the scores where ``differ`` weights differ, shape (n, C)."""
        if self.kind == "logits":
            return self.W.shape[1] - 2 * differ
        if self.kind == "line":
            return self.base - self.slope * differ
        return self.table[np.arange(len(self.W)), differ]


@dataclass(frozen=True)
class Memory:
    """The recurrent part: two matrices that read input and state, the start, the window."""

    xs: np.ndarray
    ss: np.ndarray
    start: np.ndarray
    window: int | None


@dataclass(frozen=True)
class Chunks:
    """A series of ``times`` read in ``steps`` chunks of ``size`` times, each with its thresholds.

    Where they do not come out even, the first chunk begins with time 0, ``lead`` times more.
    """

    times: int
    steps: int

    @property
    def size(self) -> int:
        return -(-self.times // self.steps)

    @property
    def lead(self) -> int:
        return -self.times % self.steps


@dataclass(frozen=True)
class Plan:
    """A network as integers: encoder, layers before the memory, memory, layers behind it, scores.

    Without a memory all the layers are in ``layers``; with one, ``before`` is the expansion. With
    ``chunks``, ``inputs`` are the channels, and ``thresholds`` has a row for each number of a
    series, time by time.
    """

    inputs: int
    input_type: str
    thresholds: np.ndarray | None
    before: list[SignLayer]
    memory: Memory | None
    layers: list[SignLayer]
    scores: Scores
    chunks: Chunks | None = None

    @property
    def signs(self) -> int:
        """How many signs an input becomes: of a sample, or of a step."""
        bits = 1 if self.thresholds is None else self.thresholds.shape[1]
        return self.inputs * bits * (1 if self.chunks is None else self.chunks.size)


def plan(model, input_type: str | None = None) -> Plan:
    """Return the plan of a network, or of a tuple of an encoder and a network.

    Where the network reads one sign more than the encoder gives, that is a constant +1, as in
    :class:`bnnkit.estimators.BEPClassifier`.
    """
    encoder, network = (
        model if isinstance(model, (tuple, list)) and len(model) == 2 else (None, model)
    )
    before, memory, layers, scores, bits = _parts(network)
    if encoder is None:
        if input_type is not None and check_option(input_type, "input_type", INPUTS) != "int8":
            raise ValueError(f"input_type must be int8 without an encoder, got {input_type!r}")
        return Plan(bits, "int8", None, before, memory, layers, scores)
    input_type = check_option("uint8" if input_type is None else input_type, "input_type", INPUTS)
    thresholds = integer_thresholds(thresholds_of(encoder), input_type)
    if isinstance(encoder, Reader):
        if memory is None:
            raise TypeError(f"a Reader goes with a recurrent network, got {type(network).__name__}")
        steps = encoder.reading.steps
        if encoder.reading.kind == "chunks":
            assert encoder.shape is not None  # it is fitted: its thresholds are here
            channels, times = encoder.shape
            made = Plan(channels, input_type, thresholds, before, memory, layers, scores)
            return _by_time(made, Chunks(times, steps), bits)
        memory = replace(memory, window=min(steps, memory.window or steps))
    if thresholds.size == bits - 1 and layers and memory is None:
        layers = [_without_constant(layers[0]), *map(_limit_each, layers[1:])]
    elif thresholds.size != bits:
        raise ValueError(f"the encoder gives {thresholds.size} signs, the network reads {bits}")
    return Plan(len(thresholds), input_type, thresholds, before, memory, layers, scores)


def _by_time(plan: Plan, chunks: Chunks, bits: int) -> Plan:
    """The plan for chunks, channel by channel within a step, turned round: time by time."""
    channels, thresholds, memory = plan.inputs, plan.thresholds, plan.memory
    assert thresholds is not None and memory is not None  # chunks are read by a recurrent net
    made = replace(plan, chunks=chunks)
    if made.signs != bits:
        raise ValueError(f"the encoder gives {made.signs} signs a step, the network reads {bits}")

    def turned(W):
        parts = W.reshape(len(W), channels, chunks.size, -1)
        return parts.swapaxes(1, 2).reshape(W.shape)

    rows = thresholds.reshape(channels, chunks.times, -1).swapaxes(0, 1).reshape(thresholds.shape)
    if plan.before:
        (first,) = plan.before
        return replace(made, thresholds=rows, before=[replace(first, W=turned(first.W))])
    return replace(made, thresholds=rows, memory=replace(memory, xs=turned(memory.xs)))


def integer_thresholds(thresholds: np.ndarray, input_type: str) -> np.ndarray:
    """Return integers that split the integers of ``input_type`` as the real thresholds do.

    A whole number is above t exactly where it is above ``floor(t)``.

    >>> integer_thresholds(np.array([[-7.5, 3.9, 4.0, 1000.0]]), "uint8")
    array([[ -1,   3,   4, 255]], dtype=int16)
    """
    limits = np.iinfo(input_type)
    return np.clip(np.floor(thresholds), limits.min - 1, limits.max).astype(INPUTS[input_type])


def _parts(network):
    """Layers before the memory, memory, layers, scores, and the number of signs that are read."""
    if isinstance(network, BEPNetwork):
        layers = [_half(W.to_signs()) for W in network.W]
        return [], None, layers, Scores(network.P.to_signs()), network.widths[0]
    if isinstance(network, BEPRecurrentNetwork):
        W = [W.to_signs() for W in network.W]
        memory = Memory(W[XS], W[SS], network.s_0, network.window)
        expander = network._expander
        before = [] if expander is None else [_half(expander.W.to_signs())]
        return before, memory, [_half(W[SY])], Scores(network.P.to_signs()), network.inputs
    if isinstance(network, BinaryConnectNetwork):
        layers, scores = fold(network)
        return [], None, layers, scores, (layers[0] if layers else scores).W.shape[1]
    raise TypeError(
        "model must be a BEPNetwork, BEPRecurrentNetwork or BinaryConnectNetwork, or a tuple of an "
        f"encoder and one of them, got {type(network).__name__}"
    )


def _half(W: np.ndarray) -> SignLayer:
    return SignLayer(W, W.shape[1] // 2)


def _without_constant(layer: SignLayer) -> SignLayer:
    """The layer without its last input, which is always +1: where its weight is -1, it differs."""
    return SignLayer(layer.W[:, :-1], layer.limit - (layer.W[:, -1] < 0))


def _limit_each(layer: SignLayer) -> SignLayer:
    """The layer with a limit for each row, as all layers of a header have them or none."""
    return SignLayer(layer.W, np.full(len(layer.W), layer.limit))


def fold(network: BinaryConnectNetwork) -> tuple[list[SignLayer], Scores]:
    """Return a BinaryConnect network of binary activations as integer layers and scores.

    Uses the net of the rule "binary". Its inputs must be signs. Equal to the float network in
    every class, if its weights are ±1 (``scale=1``) or ± a power of two; with other sizes the float
    network itself depends on the order of summation, and may differ where two outputs nearly tie.
    """
    if "binary" not in network.test_nets:
        raise ValueError("model must be fitted before it is exported")
    stages = _stages(network.test_nets["binary"][0].layers)
    hidden = []
    for linear, norms in stages[:-1]:
        W, values = _values(linear, norms)
        fires = values >= 0
        turned = fires[-1] & ~fires[0]  # +1 where many weights differ: a negative scale
        count = fires.sum(axis=0)
        if (np.where(turned, fires[::-1], fires) != (np.arange(len(fires))[:, None] < count)).any():
            raise ValueError("model has a neuron that neither rises nor falls with its sum")
        hidden.append(SignLayer(np.where(turned[:, None], -W, W), count - 1))
    return hidden, _scores(*stages[-1])


def _stages(layers) -> list[tuple[Linear, list[BatchNorm]]]:
    """The layers, cut at the signs: each a linear layer and the batch norms behind it."""
    stages: list = [[]]
    for layer in layers:
        if isinstance(layer, Sign):
            stages.append([])
        elif not isinstance(layer, Dropout):
            stages[-1].append(layer)
    for stage in stages:
        kinds = [type(layer) for layer in stage]
        if not stage or kinds[0] is not Linear or set(kinds[1:]) - {BatchNorm}:
            raise TypeError(
                "model must be of linear layers, batch norms and signs (activation='sign'), got "
                + ", ".join(type(layer).__name__ for layer in layers)
            )
    return [(linear, norms) for linear, *norms in stages]


def _values(linear: Linear, norms, dtype=None) -> tuple[np.ndarray, np.ndarray]:
    """The signs of the weights, and what comes out of the stage where d = 0 .. K of them differ."""
    weights = np.asarray(linear.params["W"])
    size = abs(weights[0, 0])
    if size == 0 or (abs(weights) != size).any():
        raise TypeError("model must have binary weights, got real ones")
    dtype = dtype or weights.dtype
    K = weights.shape[1]
    z = size.astype(dtype) * np.arange(K, -K - 1, -2, dtype=dtype)
    values = np.repeat(z[:, None], len(weights), axis=1)
    if "b" in linear.params:
        values = values + linear.params["b"]
    for norm in norms:
        values = norm.forward(values)
    return np.where(weights < 0, np.int8(-1), np.int8(1)), np.asarray(values)


def _scores(linear: Linear, norms) -> Scores:
    """The outputs as integers in exactly the order of the real ones.

    A line for each class, fine enough, nearly always has that order; where floats have been rounded
    to a tie or past each other it has not, and the places in the order stand in a table.
    """
    W, values = _values(linear, norms)
    _, order = np.unique(values, return_inverse=True)
    order = order.reshape(values.shape)
    _, exact = _values(linear, norms, np.float64)
    factor = 2.0 ** (60 - np.ceil(np.log2(np.abs(exact).max() + 1)))
    base = np.rint(exact[0] * factor).astype(np.int64)
    slope = np.rint((exact[0] - exact[-1]) * factor / (len(exact) - 1)).astype(np.int64)
    line = Scores(W, "line", base=base, slope=slope)
    scores = line.of(np.repeat(np.arange(len(exact))[:, None], len(W), axis=1))
    _, integer_order = np.unique(scores, return_inverse=True)
    if np.array_equal(integer_order.reshape(scores.shape), order):
        return line
    return Scores(W, "table", table=order.T.astype(np.min_scalar_type(order.max())))


def thresholds_of(encoder) -> np.ndarray:
    """The thresholds of a fitted encoder or reader, a row a number that is read."""
    encoder = encoder.encoder if isinstance(encoder, Reader) else encoder
    if isinstance(encoder, MedianBinarizer) and hasattr(encoder, "medians_"):
        return encoder.medians_[:, None]
    if isinstance(encoder, ThermometerEncoder) and hasattr(encoder, "thresholds_"):
        return encoder.thresholds_
    raise TypeError(
        f"the encoder must be a fitted MedianBinarizer or ThermometerEncoder, "
        f"got {type(encoder).__name__}"
    )
