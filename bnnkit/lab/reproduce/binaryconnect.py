"""BinaryConnect's experiments: permutation-invariant MNIST, digits, CIFAR-10, SVHN.

Two recipes, which do not mix. MNIST follows the earliest public code (plain SGD, weights of half
Glorot's bound, summed hinge); the photographs follow the later one (Adam, weights of ±1, mean
hinge). A schedule is stretched to the epochs asked for. As in the paper, the test error is that of
the best validation epoch; here every fifth epoch is validated, because exact statistics for a test
cost a fifth of an epoch.

Beside BinaryConnect's forms stands the form "ebp", expectation backpropagation (Soudry, Hubara and
Meir 2014), on perceptrons alone: the same widths, data and judgement, and a recipe of its own.
"""

from __future__ import annotations

import copy
import hashlib
import math
import os
import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from bnnkit.datasets import Dataset, load_cifar10, load_digits, load_mnist, load_svhn, split
from bnnkit.datasets.whitening import ZCAWhitening, global_contrast, local_contrast
from bnnkit.errors import check_number, check_option
from bnnkit.lab.reproduce.experiment import Experiment, Monitor, Request, Run
from bnnkit.lab.reproduce.published import TABLE_2
from bnnkit.ste import (
    SGD,
    Adam,
    BinaryConnectNetwork,
    binary_connect_cnn,
    binary_connect_mlp,
    expectation_mlp,
    geometric_rates,
)

FORMS = {
    "det": "deterministic",
    "stoch": "stochastic",
    "none": "float",
    "dropout": "dropout",
    "ternary": "ternary",
    "ternary-stoch": "stochastic-ternary",
}
LOADERS: dict[str, Callable[[], Dataset]] = {
    "mnist": load_mnist,
    "digits": load_digits,
    "cifar10": load_cifar10,
    "svhn": load_svhn,
}
POINTS = 20  # of a curve, in a row
# In order of fields: epochs, batch, first and last rate, optimiser, hinge, validation cases.
RECIPES: dict[str, dict[str, Any]] = {
    "mnist": dict(
        epochs=1000, batch=200, rates=[0.3, 0.01], optimizer="sgd", hinge="sum", aside=10_000,
        scale="glorot", spread=2.0, pixels="centred",
    ),
    "digits": dict(
        epochs=100, batch=50, rates=[0.3, 0.01], optimizer="sgd", hinge="sum", aside=237,
        scale="glorot", spread=2.0, pixels="centred",
    ),
    "cifar10": dict(
        epochs=500, batch=50, rates=[3e-3, 2e-6], optimizer="adam", hinge="mean", aside=5_000,
        scale=1.0, spread=1.0, pixels="gcn-zca",
    ),
    "svhn": dict(
        epochs=200, batch=50, rates=[1e-2, 3e-6], optimizer="adam", hinge="mean", aside=6_000,
        scale=1.0, spread=1.0, pixels="gcn-lcn",
    ),
}  # fmt: skip
# What the form "ebp" has instead: its rate is the batch, so that all the evidence counts.
EXPECTATION: dict[str, dict[str, Any]] = {
    "mnist": dict(batch=100, rates=[100.0, 100.0], hinge="probit", start=1.0, bound=4.0),
    "digits": dict(batch=10, rates=[10.0, 10.0], hinge="probit", start=1.0, bound=4.0),
}
MLP = {"mnist": (1024, 1024, 1024), "digits": (256, 256, 256)}
MAPS = {"cifar10": (128, 256, 512), "svhn": (64, 128, 256)}
HIDDEN = {"cifar10": (1024, 1024), "svhn": (1024, 1024)}
STATISTICS = 10_000  # images, at most, that the batch norms of a test net are measured on
RULES = ("binary", "latent", "ensemble")
EVERY = 5  # epochs from one validation, and checkpoint, to the next


class BinaryConnect(Experiment):
    """One data set, in any of the forms."""

    def __init__(self, name: str, dataset: str, about: str):
        self.name, self.dataset, self.about = name, dataset, about
        self.takes = ("form", "width", "seeds", "epochs")
        if dataset in MLP:
            self.takes = ("form", "widths", "seeds", "epochs")

    def plan(self, request: Request) -> list[Run]:
        """Every form with every seed."""
        known = [*FORMS, "ebp"] if self.dataset in MLP else FORMS
        forms = [check_option(form, "--form", known) for form in request.form or ("det",)]
        epochs = RECIPES[self.dataset]["epochs"]
        return [
            Run(
                dataset=self.dataset,
                method=form,
                preset="paper",
                widths=request.widths or self._widths(request.width),
                seed=seed,
                epochs=request.epochs or epochs,
                options=_options(self.dataset, form),
            )
            for form in forms
            for seed in range(request.seeds or 1)
        ]

    def data(self, run: Run) -> Dataset:
        """The data set before it is split and whitened."""
        return _load(run.dataset)

    def train(self, run: Run, monitor: Monitor) -> dict[str, Any]:
        """Whiten, train, and judge the network of the best validation epoch."""
        return train_binary_connect(run, monitor)

    def trainer(self, run: Run) -> Callable:
        """The one function that trains."""
        return train_binary_connect

    def paper(self, run: Run) -> float | None:
        """Table 2, for nets of the paper's size; None for others."""
        full = run.widths == self._widths(1.0)
        return TABLE_2.get(self.dataset, {}).get(run.method) if full else None

    def seconds(self, run: Run) -> float:
        """By the multiplications of a case, at the speed of one measured epoch."""
        n, products = work_of(run)
        passes, overhead = (4, 2e-4) if run.method == "ebp" else (3, 1e-4)
        return run.epochs * n * (passes * products / 2.5e10 + overhead)

    def short_curve(self, curve: dict[str, list]) -> dict[str, Any]:
        """Epoch, training and validation error: every epoch, or 20 of the validations at most.

        Where an epoch was not validated there is ``None``.
        """
        trained, tested = dict(curve["train_error"]), dict(curve["validation_error"])
        epochs = list(trained if len(trained) <= POINTS else tested)
        step = -(-len(epochs) // POINTS)
        return {"curve": [[epoch, trained[epoch], tested.get(epoch)] for epoch in epochs[::step]]}

    def _widths(self, width: float | None) -> tuple[int, ...]:
        if self.dataset in MLP:
            return MLP[self.dataset]
        share = check_number(1.0 if width is None else width, "--width", 0, 8, open_low=True)
        sizes = (*MAPS[self.dataset], *HIDDEN[self.dataset])
        return tuple(max(1, round(size * share)) for size in sizes)


def train_binary_connect(run: Run, monitor: Monitor) -> dict[str, Any]:
    """Train one net; go on from the checkpoint if there is one, to the same result."""
    options, total = run.options, run.epochs
    data = _prepared(run.dataset, options["pixels"], options["aside"])
    (X, y), validation, test = data
    state = _load_state(monitor.checkpoint) or _start(run, X.shape[1:])
    net, optimizer, rng = state["net"], state["optimizer"], state["rng"]
    rates = geometric_rates(*options["rates"], total)

    while len(net.history) < total:
        part = rates[len(net.history) : len(net.history) + EVERY]
        net.fit(
            X,
            y,
            epochs=len(part),
            batch_size=options["batch"],
            learning_rate=part,
            optimizer=optimizer,
            loss=options["hinge"],
            rules=(),
            callback=lambda net, row: monitor.epoch(row["epoch"], total, 100 - row["train_error"]),
            rng=rng,
        )
        _calibrate(net, net.test_weights, X, rng)
        error = 100 * (1 - net.score(*validation))
        net.history[-1]["validation_error"] = error
        if error < state["best_error"]:
            state.update(best_error=error, best_epoch=net.epoch, best=_weights_of(net))
        _keep_state(monitor.checkpoint, state)
    return _judged(state, X, test) | {
        "train_error": round(net.history[-1]["train_error"], 3),
        "validation_error": round(state["best_error"], 3),
        "best_epoch": state["best_epoch"],
        "curve": {
            name: [[row["epoch"], round(row[name], 3)] for row in net.history if name in row]
            for name in ("train_error", "validation_error", "loss")
        },
    }


def _options(dataset: str, form: str) -> dict[str, Any]:
    """The recipe of a form: all its settings but the epochs."""
    recipe = {name: value for name, value in RECIPES[dataset].items() if name != "epochs"}
    if form == "ebp":
        del recipe["scale"], recipe["spread"]
        recipe |= EXPECTATION[dataset]
    return recipe


def _start(run: Run, shape: tuple[int, ...]) -> dict[str, Any]:
    """A new net, its optimiser and its random numbers: all that training changes."""
    options, rng = run.options, np.random.default_rng(run.seed)
    names = {"scale", "spread", "start", "bound"} & options.keys()
    start = {name: options[name] for name in names} | {"rng": rng}
    if run.method == "ebp":
        net = expectation_mlp([*shape, *run.widths, 10], **start)
    elif len(shape) == 1:
        net = binary_connect_mlp([*shape, *run.widths, 10], FORMS[run.method], **start)
    else:
        maps, hidden = run.widths[:3], run.widths[3:]
        net = binary_connect_cnn(shape, maps, hidden, 10, FORMS[run.method], **start)
    optimizer = SGD() if options["optimizer"] == "sgd" else Adam()
    return {"net": net, "optimizer": optimizer, "rng": rng, "best_error": np.inf}


def _judged(state: dict[str, Any], X, test) -> dict[str, Any]:
    """The test error of the best epoch by the form's own rule, and by the other two."""
    net = state["net"]
    for layer, (params, latents) in zip(net.layers, state["best"]):
        layer.params, layer.latents = params, latents
    errors: dict[str, float] = {}
    binary = any(layer.latents for layer in net.layers)
    for rule in RULES if binary else RULES[:1]:  # a float net is the same by all
        _calibrate(net, rule, X, 0)
        errors[rule] = round(100 * (1 - net.score(*test, weights=rule)), 3)
    figures: dict[str, Any] = {
        f"error_{rule}": errors.get(rule, errors["binary"]) for rule in RULES
    }
    figures["test_error"] = figures[f"error_{net.test_weights}"]
    return figures | {"test_weights": net.test_weights, "weights_sha256": _sha256(net)}


def _calibrate(net: BinaryConnectNetwork, rule: str, X, rng) -> None:
    """Give the test net its statistics: of all rows, or of images spread over the whole set."""
    if X.ndim == 2:
        net.calibrate(X, [rule], 8, rng=rng)
    else:
        net.calibrate(X[:: math.ceil(len(X) / STATISTICS)], [rule], 8, 250, rng=rng)


def _weights_of(net: BinaryConnectNetwork) -> list:
    """Every layer's arrays; layers replace theirs and never change them, so no copy is needed."""
    return [(dict(layer.params), dict(layer.latents)) for layer in net.layers]


def _sha256(net: BinaryConnectNetwork) -> str:
    """Of the signs of the latents, or of the weights themselves where there are none."""
    digest = hashlib.sha256()
    for layer in net.layers:
        for weights in layer.latents.values() or layer.params.values():
            digest.update(np.packbits(weights >= 0).tobytes())
    return digest.hexdigest()


def _keep_state(path, state: dict[str, Any]) -> None:
    """Write the state so that a reader finds the old one or the new one, never a part."""
    if path is None:
        return
    slim = copy.copy(state["net"])
    slim.test_nets, slim.layers = {}, [copy.copy(layer) for layer in slim.layers]
    for layer in slim.layers:
        layer.grads, layer.kept = {}, None
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(pickle.dumps(state | {"net": slim}))
    os.replace(part, path)


def _load_state(path) -> dict[str, Any] | None:
    """The state that this very run kept beside its store."""
    if path is None or not path.exists():
        return None
    return pickle.loads(path.read_bytes())


@lru_cache(maxsize=1)
def _load(dataset: str) -> Dataset:
    return LOADERS[dataset]()


@lru_cache(maxsize=1)
def _prepared(dataset: str, pixels: str, aside: int):
    """The three parts, ready to train on; what is learned is learned on the training part."""
    seed = 0 if dataset == "digits" else None  # their last come from other hands than the first
    data = split(_load(dataset), aside, seed)
    parts = [data.X_train, data.X_validation, data.X_test]
    if pixels == "centred":
        top = 16 if dataset == "digits" else 255
        parts = [part.astype(np.float32) / top for part in parts]
        mean = np.float32(parts[0].mean(dtype=np.float64))
        parts = [part - mean for part in parts]
    else:
        parts = [global_contrast(part) for part in parts]
        if pixels == "gcn-zca":
            whitening = ZCAWhitening(bias=0.1).fit(parts[0])
            parts = [whitening.transform(part) for part in parts]
        else:
            parts = [local_contrast(part, data.sample_shape) for part in parts]
        parts = [part.reshape(-1, *data.sample_shape) for part in parts]
    return tuple(zip(parts, (data.y_train, data.y_validation, data.y_test)))


def work_of(run: Run) -> tuple[int, float]:
    """Training cases, and products of one case in one pass forward."""
    n = {"mnist": 50_000, "digits": 1_200, "cifar10": 45_000, "svhn": 598_388}[run.dataset]
    if run.dataset in MLP:
        widths = (784 if run.dataset == "mnist" else 64, *run.widths, 10)
        return n, sum(a * b for a, b in zip(widths, widths[1:]))
    products, n_in, side = 0.0, 3, 32
    for maps in run.widths[:3]:
        products += 9 * side * side * (n_in * maps + maps * maps)
        n_in, side = maps, side // 2
    widths = (n_in * side * side, *run.widths[3:], 10)
    return n, products + sum(a * b for a, b in zip(widths, widths[1:]))


EXPERIMENTS = [
    BinaryConnect("pi-mnist", "mnist", "BinaryConnect on MNIST's pixels in any order, 3 x 1024"),
    BinaryConnect("pi-digits", "digits", "the same on the small digits: minutes, not hours"),
    BinaryConnect(
        "cifar10", "cifar10", "BinaryConnect's convolutional net; --width 0.25 is smaller"
    ),
    BinaryConnect("svhn", "svhn", "the same with half the maps, on house numbers"),
]
