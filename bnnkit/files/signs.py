"""Networks of hidden integers as stored objects: BEP's two, and the one neuron.

With their hidden weights (``H0``, ``H1``, ... as 16-bit integers) they go on training as if never
interrupted. Without, only the signs are kept (``W0``, ``W1``, ..., one bit each) and no record of
the epochs; a network so loaded predicts the same, and would train from ``H = W``: it has forgotten
how sure it was. Prototypes, expansion and first state are kept as signs, so that nothing needs to
be drawn again to predict.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from bnnkit.bep import BEPNetwork, ClippedPerceptron, Epoch, SignNetwork
from bnnkit.bep.chain import HIDDEN_MAX
from bnnkit.bep.paths import HiddenLayer
from bnnkit.bep.training import Run
from bnnkit.errors import check_int, check_widths
from bnnkit.files import schema
from bnnkit.files.container import FileError, Sealed, Stored
from bnnkit.recurrent import BEPRecurrentNetwork

BEP_SETTINGS = (
    *("widths", "n_classes", "seed", "credit"),
    *("r", "nu", "p_r", "reinforce_by", "groups", "patience"),
)
RECURRENT_SETTINGS = (
    *("inputs", "n_classes", "state", "readout", "expansion"),
    *("window", "horizon", "mask_steps", "start"),
    *("seed", "r", "nu", "p_r", "groups", "patience"),
)
EPOCH = 2**32 - 1  # the counter of the random stream has 32 bits


def pack_network(network: SignNetwork, hidden: bool) -> Stored:
    """Return a BEP network of either kind as a stored object."""
    names = RECURRENT_SETTINGS if isinstance(network, BEPRecurrentNetwork) else BEP_SETTINGS
    settings = {name: schema.plain(getattr(network, name)) for name in names}
    state = {
        "epoch": network.epoch,
        "error": network._error,
        "best_error": network._best_error if network._best_error < math.inf else None,
        "waited": network._waited,
        "streamed": [network._streamed, network._stream_batch, network._stream_error],
        "history": [dataclasses.asdict(epoch) for epoch in network.history] if hidden else [],
    }
    stored = Stored(type(network).__name__, settings, state, weights(network.layers, hidden))
    if isinstance(network, BEPRecurrentNetwork):
        stored.arrays["P0"] = network.P.to_signs()
        stored.arrays["s_0"] = network.s_0
        if network._expander is not None:
            stored.arrays["expansion"] = network._expander.W.to_signs()
    elif isinstance(network, BEPNetwork):
        for i, classifier in enumerate(network._classifiers):
            stored.arrays[f"P{i}"] = classifier.W.to_signs()
    return stored


def unpack_bep(stored: Stored) -> BEPNetwork:
    """Return the network again; nothing is made before every size has been checked."""
    settings = _settings(stored, BEP_SETTINGS)
    widths = check_widths(settings["widths"], "widths")
    classes = check_int(settings["n_classes"], "n_classes", low=2)
    classified = widths[1:] if settings["credit"] == "local" else widths[-1:]
    schema.arrays(
        stored,
        wanted_weights(stored, list(zip(widths[1:], widths)))
        | {f"P{i}": ("bits", (classes, width)) for i, width in enumerate(classified)},
    )
    network = BEPNetwork(**settings)
    network._classifiers = [_layer(stored, f"P{i}") for i in range(len(classified))]
    restore_network(network, stored)
    return network


def unpack_recurrent(stored: Stored) -> BEPRecurrentNetwork:
    """Return the recurrent network again."""
    settings = _settings(stored, RECURRENT_SETTINGS)
    classes = check_int(settings["n_classes"], "n_classes", low=2)
    inputs, state, readout = (
        check_int(settings[name], name, low=1) for name in ("inputs", "state", "readout")
    )
    wanted = {"P0": ("bits", (classes, readout)), "s_0": ("bits", (state,))}
    width = inputs
    if settings["expansion"] is not None:
        width = check_int(settings["expansion"], "expansion", low=1)
        wanted["expansion"] = ("bits", (width, inputs))
    shapes = [(state, width), (state, state), (readout, state)]
    schema.arrays(stored, wanted_weights(stored, shapes) | wanted)
    network = BEPRecurrentNetwork(**settings)
    network._classifier = _layer(stored, "P0")
    network.s_0 = stored.arrays["s_0"].open()
    if network.expansion:
        network._expander = _layer(stored, "expansion")
    restore_network(network, stored)
    return network


def restore_network(network: SignNetwork, stored: Stored) -> None:
    """Bring an existing network to the weights and the progress that ``stored`` has."""
    names = ("epoch", "error", "best_error", "waited", "streamed", "history")
    state = schema.keys(stored.state, names, "the state")
    epoch = schema.integer(state["epoch"], "epoch", high=EPOCH)
    error = schema.number(state["error"], "error")
    best_error = schema.optional(schema.number)(state["best_error"], "best_error")
    waited = schema.integer(state["waited"], "waited")
    history = schema.listed(state["history"], _epoch, "history")
    streamed = schema.listed(state["streamed"], schema.number, "streamed", length=3)
    if not 0 <= error <= 1 or not 0 <= streamed[2] <= 1:
        raise FileError(f"errors must be fractions, got {error} and {streamed[2]}")
    samples, batches = (schema.integer(n, "streamed") for n in state["streamed"][:2])
    network.set_hidden(open_weights(stored, len(network.layers)))
    network.epoch, network.history = epoch, history
    network._error, network._waited = error, waited
    network._streamed, network._stream_batch, network._stream_error = samples, batches, streamed[2]
    network._best_error = math.inf if best_error is None else best_error
    network.groups = list(stored.settings["groups"])


def pack_run(run: Run) -> Stored:
    """Return what a call of ``fit`` keeps beside the network."""
    best_error = run.best_error if run.best is not None else None
    state = {"first_epoch": run.first_epoch, "best_error": best_error, "stopped": run.stopped}
    best = {f"best{i}": H for i, H in enumerate(run.best or [])}
    return Stored("Run", {}, state, best)


def restore(network: SignNetwork, run: Run, stored: Stored, stored_run: Stored) -> None:
    """Bring a network and its run to where a checkpoint has them."""
    state = schema.keys(stored_run.state, ("first_epoch", "best_error", "stopped"), "the run")
    best_error = schema.optional(schema.number)(state["best_error"], "best_error")
    shapes = [layer.H.shape for layer in network.layers]
    kept = [] if best_error is None else shapes
    schema.arrays(stored_run, {f"best{i}": ("i2", shape) for i, shape in enumerate(kept)})
    fixed = {name: a for name, a in stored.arrays.items() if not name.startswith("H")}
    schema.arrays(
        stored,
        {f"H{i}": ("i2", shape) for i, shape in enumerate(shapes)}
        | {name: (sealed.dtype, sealed.shape) for name, sealed in fixed.items()},
    )
    restore_network(network, stored)
    run.stopped = state["stopped"] is True
    if best_error is not None:
        run.best_error = best_error
        run.best = [stored_run.arrays[f"best{i}"].open() for i in range(len(shapes))]


def pack_perceptron(neuron: ClippedPerceptron, hidden: bool) -> Stored:
    """Return one neuron as a stored object."""
    settings = {name: schema.plain(getattr(neuron, name)) for name in ("inputs", "p_r", "seed")}
    state = {"errors": list(neuron.errors)}
    return Stored("ClippedPerceptron", settings, state, weights([neuron._neuron], hidden))


def unpack_perceptron(stored: Stored) -> ClippedPerceptron:
    """Return the neuron again."""
    settings = _settings(stored, ("inputs", "p_r", "seed"))
    inputs = check_int(settings["inputs"], "inputs", low=1)
    schema.arrays(stored, wanted_weights(stored, [(1, inputs)]))
    errors = schema.keys(stored.state, {"errors"}, "the state")["errors"]
    neuron = ClippedPerceptron(inputs, p_r=settings["p_r"], seed=settings["seed"])
    neuron.errors = schema.listed(errors, schema.number, "errors")
    if not all(0 <= error <= 1 for error in neuron.errors):
        raise FileError("errors must be fractions")
    neuron._neuron.set_hidden(open_weights(stored, 1)[0])
    return neuron


def weights(layers: list[HiddenLayer], hidden: bool) -> dict[str, np.ndarray]:
    """Return the weights of some layers as arrays to store."""
    if hidden:
        return {f"H{i}": layer.H for i, layer in enumerate(layers)}
    return {f"W{i}": layer.W.to_signs() for i, layer in enumerate(layers)}


def wanted_weights(stored: Stored, shapes: list[tuple[int, int]]) -> dict:
    """Return what :func:`weights` must have left in the file."""
    name, dtype = ("H", "i2") if "H0" in stored.arrays else ("W", "bits")
    return {f"{name}{i}": (dtype, shape) for i, shape in enumerate(shapes)}


def open_weights(stored: Stored, n: int) -> list[np.ndarray]:
    """Return the hidden weights of ``n`` layers; where there are only signs, those."""
    name = "H" if "H0" in stored.arrays else "W"
    opened = [stored.arrays[f"{name}{i}"].open() for i in range(n)]
    if any((H < -HIDDEN_MAX).any() for H in opened):
        raise FileError(f"hidden weights must be in -{HIDDEN_MAX} .. {HIDDEN_MAX}")
    return opened


def _settings(stored: Stored, names) -> dict:
    settings = schema.keys(stored.settings, names, "the settings")
    if "groups" in names and not isinstance(settings["groups"], list):
        raise FileError("groups must be a list")
    return {name: schema.unplain(value) for name, value in settings.items()}


def _layer(stored: Stored, name: str) -> HiddenLayer:
    sealed: Sealed = stored.arrays[name]
    return HiddenLayer(sealed.open())


def _epoch(record, what: str) -> Epoch:
    """One epoch of the history."""

    def each(check):
        return lambda value, what: schema.listed(value, check, what)

    checks = {
        "epoch": schema.integer,
        "train_error": schema.number,
        "validation_error": schema.optional(schema.number),
        "triggered": schema.number,
        "open_gates": each(schema.number),
        "error_bits": each(schema.number),
        "flips": each(schema.integer),
        "mean_hidden": each(schema.number),
        "groups": each(schema.integer),
    }
    schema.keys(record, checks, what)
    return Epoch(**{name: check(record[name], name) for name, check in checks.items()})
