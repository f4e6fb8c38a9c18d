"""A BinaryConnect network as a stored object: its layers, and the nets that it is tested with.

A layer is a row of its settings; its arrays stand beside it. Weights of one magnitude are kept as
signs, one bit each; ternary ones are not, and stay real. Batch norm keeps its real numbers,
exactly, so that the loaded network gives the same outputs; to integers it is folded only on export.

With ``hidden`` the real latents are kept and all the nets of the three rules, else only the net of
the rule that the network predicts by; its weights then serve as latents.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bnnkit.binarize import sign
from bnnkit.files import schema
from bnnkit.files.container import FileError, Stored
from bnnkit.ste import (
    SGD,
    Adam,
    BatchNorm,
    BinaryConnectNetwork,
    BinaryConv2d,
    BinaryLinear,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    Sequential,
    Sign,
    glorot_scale,
)
from bnnkit.ste.network import TEST_RULES, Run
from bnnkit.ste.weights import BinaryWeights

LATENT = ("binarize", "scale", "spread", "clip")
# What a layer is made from, and what its arrays are called and shaped like.
SETTINGS = {
    Linear: ("n_in", "n_out", "bias"),
    BinaryLinear: ("n_in", "n_out", "bias", *LATENT),
    Conv2d: ("n_in", "n_out", "size", "pad", "bias"),
    BinaryConv2d: ("n_in", "n_out", "size", "pad", "bias", *LATENT),
    BatchNorm: ("n_features", "epsilon"),
    ReLU: (),
    Sign: ("clip",),
    Dropout: ("rate",),
    MaxPool: ("size",),
    Flatten: (),
}
KINDS: dict[str, Any] = {kind.__name__: kind for kind in SETTINGS}
MAX_SCALE = 1e15  # float32 can square it
TWINS = {BinaryLinear: Linear, BinaryConv2d: Conv2d}  # what they are when they are tested
# How an optimiser is set, and where it remembers.
OPTIMIZERS = {
    SGD: (("momentum", "glorot_steps"), "velocity"),
    Adam: (("beta1", "beta2", "epsilon", "glorot_steps"), "moments"),
}
HISTORY = {"epoch", "learning_rate", "loss", "train_error", "flips", "cosine"}


def pack_network(network: BinaryConnectNetwork, hidden: bool) -> Stored:
    """Return the network as a stored object."""
    rules = list(network.test_nets) if hidden else [network.test_weights]
    if not hidden and network.test_weights not in network.test_nets:
        raise ValueError("model must be fitted before it is saved without its hidden weights")
    settings = {"test_weights": network.test_weights, "dtype": network.dtype}
    state: dict = {"history": [_numbers(row) for row in network.history if hidden], "nets": {}}
    stored = Stored("BinaryConnectNetwork", settings, state)
    state["layers"] = pack_layers(stored, "layer", network.layers, arrays=hidden)
    for rule in rules:
        nets = enumerate(network.test_nets[rule])
        rows = [pack_layers(stored, f"{rule}{k}", net.layers) for k, net in nets]
        state["nets"][rule] = rows
    return stored


def unpack_network(stored: Stored) -> BinaryConnectNetwork:
    """Return the network again."""
    settings = schema.keys(stored.settings, {"test_weights", "dtype"}, "the settings")
    state = schema.keys(stored.state, {"history", "layers", "nets"}, "the state")
    dtype = settings["dtype"]
    if dtype not in ("float32", "float64"):
        raise FileError("dtype must be float32 or float64")
    reader = _Reader(stored, dtype)
    hidden = any(name.startswith("layer_") for name in stored.arrays)
    layers = reader.layers("layer", state["layers"], arrays=hidden)
    network = BinaryConnectNetwork(layers, settings["test_weights"], dtype)
    network.history = schema.listed(state["history"], _epoch, "history")
    if not isinstance(state["nets"], dict):
        raise FileError("nets must name their rules")
    for rule, nets in state["nets"].items():
        if rule not in TEST_RULES or not isinstance(nets, list) or not nets:
            raise FileError(f"nets must belong to the rules {', '.join(TEST_RULES)}")
        network.test_nets[rule] = [
            Sequential(reader.layers(f"{rule}{k}", rows)) for k, rows in enumerate(nets)
        ]
    reader.check_all_read()
    _check_widths([network, *(net for nets in network.test_nets.values() for net in nets)])
    if not hidden:
        _adopt(network)
    return network


def pack_run(run: Run) -> Stored:
    """Return what a call of ``fit`` keeps beside the network: random numbers and optimiser."""
    bits = run.rng.bit_generator.state
    if bits["bit_generator"] != "PCG64":
        raise TypeError(
            f"rng must be an int or numpy.random.default_rng(...) for a checkpoint, "
            f"got {bits['bit_generator']}"
        )
    kind = type(run.optimizer)
    if kind not in OPTIMIZERS:
        raise TypeError(f"optimizer must be SGD or Adam for a checkpoint, got {kind.__name__}")
    settings, memory = OPTIMIZERS[kind]
    state: dict = {
        "first_epoch": run.first_epoch,
        "stopped": run.stopped,
        "rng": bits,
        "optimizer": [kind.__name__, *(getattr(run.optimizer, name) for name in settings)],
        "memory": [],
    }
    stored = Stored("Run", {}, state)
    for n, ((layer, name), kept) in enumerate(getattr(run.optimizer, memory).items()):
        time, *moved = kept if isinstance(kept, tuple) else (0, kept)
        state["memory"].append([layer, name, time])
        names = ("mean", "square") if memory == "moments" else ("velocity",)
        stored.arrays |= {f"memory{n}_{name}": np.asarray(a) for name, a in zip(names, moved)}
    return stored


def restore(network: BinaryConnectNetwork, run: Run, stored: Stored, stored_run: Stored) -> None:
    """Bring a network, its optimiser and its random numbers to where a checkpoint has them.

    Which optimiser and which kind of random numbers has been compared with the start of the run.
    """
    saved = unpack_network(stored)
    names = {"first_epoch", "stopped", "rng", "optimizer", "memory"}
    state = schema.keys(stored_run.state, names, "the run")
    _, memory = OPTIMIZERS[type(run.optimizer)]
    moved = ("mean", "square") if memory == "moments" else ("velocity",)
    kept = {}
    for n, row in enumerate(schema.listed(state["memory"], _memory, "memory")):
        found = [stored_run.arrays.get(f"memory{n}_{name}") for name in moved]
        if any(sealed is None for sealed in found):
            raise FileError(f"the run must have the arrays memory{n}")
        layer, name, time = row
        arrays = [schema.finite(sealed, "memory") for sealed in found if sealed is not None]
        kept[layer, name] = (time, *arrays) if memory == "moments" else arrays[0]
    try:
        run.rng.bit_generator.state = state["rng"]
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        raise FileError(f"rng: {error}") from None
    setattr(run.optimizer, memory, kept)
    run.stopped = state["stopped"] is True
    network.history, network.test_nets = saved.history, saved.test_nets
    for layer, twin in zip(network.layers, saved.layers, strict=True):
        layer.params, layer.latents = twin.params, twin.latents


def pack_layers(stored: Stored, prefix: str, layers: list[Layer], arrays: bool = True) -> list:
    """Put the arrays of ``layers`` into ``stored`` and return their rows."""
    rows = []
    for i, layer in enumerate(layers):
        kind = type(layer)
        if kind not in SETTINGS:
            raise TypeError(f"model has a layer of type {kind.__name__}, which no file can hold")
        row: dict = {"type": kind.__name__}
        derived = {"bias": "b" in layer.params, "clip": getattr(layer, "clip", None)}
        if isinstance(layer, BinaryWeights):
            derived["clip"] = layer.bound is not None
        for name in SETTINGS[kind]:
            row[name] = derived[name] if name in derived else getattr(layer, name)
        if arrays:
            for name, array in _arrays_of(layer).items():
                size = _one_size(array) if name == "W" else None
                if size is not None:
                    row["magnitude"] = size
                    array = sign(array)
                stored.arrays[f"{prefix}_{i}_{name}"] = array
            if isinstance(layer, BatchNorm):
                row["count"] = layer.count
        rows.append(row)
    return rows


def _arrays_of(layer: Layer) -> dict:
    measured = {}
    if isinstance(layer, BatchNorm) and layer.count:
        measured = {"mean": layer.mean, "var": layer.var}
    owned = layer.params | layer.latents | measured
    return {name: np.asarray(array) for name, array in owned.items()}


def _one_size(W) -> float | None:
    """The size that all the weights have, or None."""
    size = float(abs(W.flat[0]))
    return size if size > 0 and bool((abs(W) == size).all()) else None


class _Reader:
    """Makes layers from their rows, one array after another."""

    def __init__(self, stored: Stored, dtype: str):
        self.stored, self.dtype = stored, dtype
        self.float = "f4" if dtype == "float32" else "f8"
        self.read: set[str] = set()

    def layers(self, prefix: str, rows, arrays: bool = True) -> list[Layer]:
        """Make the layers of one net."""
        if not isinstance(rows, list):
            raise FileError("a net must be a list of layers")
        return [self.layer(f"{prefix}_{i}", row, arrays) for i, row in enumerate(rows)]

    def layer(self, prefix: str, row, arrays: bool) -> Layer:
        """Make one layer; its weights are allocated only if the file holds them."""
        row = dict(row) if isinstance(row, dict) else {}
        kind = KINDS.get(row.pop("type", None))
        if kind is None:
            raise FileError(f"a layer must be one of {', '.join(KINDS)}")
        magnitude, count = row.pop("magnitude", None), row.pop("count", 0)
        schema.keys(row, SETTINGS[kind], kind.__name__)
        if issubclass(kind, Linear):
            return self.linear(kind, prefix, row, magnitude, arrays)
        if kind is not BatchNorm:
            return kind(**row)
        return self.norm(prefix, row, count, arrays)

    def norm(self, prefix: str, row: dict, count, arrays: bool) -> BatchNorm:
        """Make a batch norm: a placeholder of one feature takes the arrays of the file."""
        width = schema.integer(row["n_features"], "n_features", low=1)
        layer = BatchNorm(1, row["epsilon"], dtype=self.dtype)
        layer.n_features = width
        if not arrays:
            return layer
        layer.params = {name: self.array(f"{prefix}_{name}", (width,)) for name in layer.params}
        layer.count = schema.integer(count, "count")
        if layer.count:
            layer.mean = self.array(f"{prefix}_mean", (width,))
            layer.var = self.array(f"{prefix}_var", (width,))
            if (layer.var < 0).any():
                raise FileError("var must not be negative")
        return layer

    def linear(self, kind, prefix: str, row: dict, magnitude, arrays: bool) -> Layer:
        """Make a layer with weights: a placeholder of one weight takes the arrays of the file."""
        sizes = [name for name in ("n_out", "n_in", "size") if name in row]
        n_out, n_in, *window = (schema.integer(row[name], name, low=1) for name in sizes)
        if any(type(row[name]) is not bool for name in {"bias", "clip"} & row.keys()):
            raise FileError("bias and clip must be true or false")
        for name in {"scale", "spread"} & row.keys():
            if not 0 < schema.number(row[name], name) < MAX_SCALE:
                raise FileError(f"{name} must be above 0 and below {MAX_SCALE:g}")
        layer = kind(**row | dict.fromkeys(sizes, 1), rng=0, dtype=self.dtype)
        for name in sizes:
            setattr(layer, name, row[name])
        places = window[0] ** 2 if window else 1
        layer.glorot = glorot_scale(n_in * places, n_out * places)
        if layer.latents:
            layer.glorot_ratio = layer.scale / layer.glorot
        if arrays:
            home = layer.latents or layer.params
            home["W"] = self.weights(f"{prefix}_W", (n_out, n_in, *2 * window), magnitude)
            if row["bias"]:
                layer.params["b"] = self.array(f"{prefix}_b", (n_out,))
        return layer

    def weights(self, name: str, shape: tuple[int, ...], magnitude) -> np.ndarray:
        """Real weights, or signs of one magnitude."""
        if magnitude is None:
            return self.array(name, shape)
        magnitude = schema.number(magnitude, "magnitude")
        if magnitude <= 0:
            raise FileError("magnitude must be positive")
        return self.array(name, shape, "bits").astype(self.dtype) * magnitude

    def array(self, name: str, shape: tuple[int, ...], dtype: str | None = None) -> np.ndarray:
        """The array called ``name``, if the file has it with this shape."""
        dtype = dtype or self.float
        sealed = self.stored.arrays.get(name)
        if sealed is None or sealed.shape != shape or sealed.dtype != dtype:
            raise FileError(f"{name} must be there, {dtype} of shape {shape}")
        self.read.add(name)
        return schema.finite(sealed, name)

    def check_all_read(self) -> None:
        """Nothing is in the file that no layer asked for."""
        if self.read != self.stored.arrays.keys():
            raise FileError("there are arrays that belong to no layer")


def _adopt(network: BinaryConnectNetwork) -> None:
    """Without latents of its own, the network takes the weights it is tested with."""
    nets = network.test_nets.get(network.test_weights)
    if not nets:
        raise FileError("there are neither latents nor the net of the rule test_weights")
    for layer, tested in zip(network.layers, nets[0].layers):
        layer.params |= {name: tested.params[name].copy() for name in layer.params}
        if layer.latents:
            layer.latents["W"] = tested.params["W"].copy()


def _check_widths(nets: list[Sequential]) -> None:
    """In every net each layer reads what the one before it gives, and all nets look alike."""
    chains = set()
    for net in nets:
        width, chain = None, []
        for layer in net.layers:
            reads = getattr(layer, "n_in", getattr(layer, "n_features", width))
            if width is not None and reads != width:
                raise FileError(f"a layer reads {reads} numbers where {width} are given")
            width = None if isinstance(layer, Flatten) else getattr(layer, "n_out", reads)
            kind = TWINS.get(type(layer), type(layer))
            settings = (getattr(layer, "size", None), getattr(layer, "pad", None))
            chain.append((kind, width, settings, "b" in layer.params))
        chains.add(tuple(chain))
    if len(chains) != 1:
        raise FileError("the nets must have the layers of the network")


def _memory(row, what: str) -> tuple[int, str, int]:
    """Whose memory: (layer, name of the array), and the number of steps."""
    if not isinstance(row, list) or len(row) != 3 or not isinstance(row[1], str):
        raise FileError(f"{what} must list layer, name and steps")
    return schema.integer(row[0], what), row[1], schema.integer(row[2], what)


def _numbers(row: dict) -> dict:
    """One epoch of the history; a loss that has diverged is no JSON, and None takes its place."""
    return {name: None if value != value or value == math.inf else value
            for name, value in row.items()}  # fmt: skip


def _epoch(row, what: str) -> dict:
    """One epoch of the history, checked."""
    names = HISTORY | ({"validation_error"} & set(row) if isinstance(row, dict) else set())
    schema.keys(row, names, what)
    checked = {
        "epoch": schema.integer(row["epoch"], "epoch"),
        "flips": schema.listed(row["flips"], schema.integer, "flips"),
        "cosine": schema.listed(row["cosine"], schema.number, "cosine"),
    }
    for name in names - checked.keys():
        value = schema.optional(schema.number)(row[name], name)
        checked[name] = math.nan if value is None else value
    return {name: checked[name] for name in row}
