"""Random Prototypes and images: BEP, its controls and its rivals on networks without memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bnnkit.datasets import (
    Dataset,
    load_cifar10,
    load_fashion_mnist,
    load_mnist,
    random_prototypes,
    split,
)
from bnnkit.errors import check_option
from bnnkit.lab.reproduce.baselines import logistic, nearest_neighbour, train_ste
from bnnkit.lab.reproduce.experiment import PRESETS, Experiment, Monitor, Request, Run
from bnnkit.lab.reproduce.methods import Bits, train_signs
from bnnkit.lab.reproduce.pixels import encode, parsed, thresholds
from bnnkit.lab.reproduce.presets import EPOCHS, FIXED, METHODS, STE_METHODS, YARDSTICKS, options
from bnnkit.lab.reproduce.published import WIDTHS, figure_2

VALIDATION = {"fashion-mnist": 10_000, "mnist": 10_000, "cifar10-pixels": 5_000}
LOADERS: dict[str, Callable[[], Dataset]] = {
    "fashion-mnist": load_fashion_mnist,
    "mnist": load_mnist,
    "cifar10-pixels": load_cifar10,
}
# Training cases, inputs at the preset "paper": enough to estimate the cost without loading.
SIZES = {
    "random-prototypes": (20_000, 1_000),
    "fashion-mnist": (50_000, 784),
    "mnist": (50_000, 784),
    "cifar10-pixels": (45_000, 3_072),
}
PAPER_GRID = [(width,) * depth for depth in (2, 3) for width in WIDTHS]


class FeedForward(Experiment):
    """Networks without memory on one data set."""

    def __init__(self, dataset: str, about: str, grid: list[tuple[int, ...]], preset: str):
        self.name = self.dataset = dataset
        self.about, self.grid, self.preset = about, grid, preset

    def plan(self, request: Request) -> list[Run]:
        """Every method on every net of the grid, with every seed."""
        preset = check_option(request.preset or self.preset, "--preset", PRESETS)
        methods = [check_option(m, "--method", METHODS) for m in request.method or ("bep",)]
        grid = self.grid if request.widths is None else [request.widths]
        nets = [(method, net) for method in methods for net in _nets(method, grid)]
        return [
            feedforward_run(self.dataset, method, preset, net, seed, request.epochs)
            for method, net in nets
            for seed in range(request.seeds or 1)
        ]

    def data(self, run: Run) -> Dataset:
        """The data set before it is split; every seed has Random Prototypes of its own."""
        return load(run.dataset, run.seed)

    def train(self, run: Run, monitor: Monitor) -> dict[str, Any]:
        """Pack the images, train, and add what the best possible classifier would reach."""
        bits = packed(run.dataset, run.seed, run.options["pixels"])
        figures = self.trainer(run)(bits, run, monitor)
        if run.dataset == "random-prototypes":
            figures["bayes_accuracy"] = round(self.data(run).bayes_accuracy, 2)
        return figures

    def trainer(self, run: Run) -> Callable:
        """The function that trains by this method."""
        if run.method in STE_METHODS:
            return train_ste
        return {"logistic": logistic, "1nn": nearest_neighbour}.get(run.method, train_signs)

    def paper(self, run: Run) -> float | None:
        """Figure 2 of the BEP paper."""
        return figure_2(run.dataset, run.method, run.widths) if run.varied is None else None

    def seconds(self, run: Run) -> float:
        """Fitted to a few measured runs: what a batch costs, and what a case costs."""
        n, columns = SIZES[run.dataset]
        inputs = columns * parsed(run.options["pixels"])[1]
        fan_ins = (inputs, *run.widths)
        weights = sum(a * b for a, b in zip(fan_ins, run.widths))
        if run.method in YARDSTICKS:
            return n * inputs * (4e-8 if run.method == "1nn" else 1.5e-6)
        if run.method in STE_METHODS:
            return 3 + run.epochs * n * (1e-5 + 1.3e-10 * weights)
        batches = n / run.options["batch"]
        return 1 + run.epochs * (batches * (2e-4 + 3.4e-10 * weights) + n * 4e-12 * weights)


def feedforward_run(dataset, method, preset, widths, seed, epochs=None, **changes) -> Run:
    """Return the run of a preset, or, with ``changes``, one that an ablation asks for."""
    chosen = options(dataset, method, preset, widths)
    usual = FIXED | chosen
    changes = {name: value for name, value in changes.items() if usual.get(name, ...) != value}
    return Run(
        dataset=dataset,
        method=method,
        preset=preset,
        widths=widths,
        seed=seed,
        epochs=None if method in YARDSTICKS else epochs or EPOCHS,
        varied=", ".join(changes) or None,
        options=chosen | changes,
    )


@lru_cache(maxsize=4)
def load(dataset: str, seed: int) -> Dataset:
    """The data set; the seed makes a difference to Random Prototypes only."""
    if dataset == "random-prototypes":
        return random_prototypes(seed=seed)
    return _images(dataset)


@lru_cache(maxsize=1)
def _images(dataset: str) -> Dataset:
    return LOADERS[dataset]()


@lru_cache(maxsize=1)
def packed(dataset: str, seed: int, pixels: str) -> Bits:
    """The three parts as packed signs; thresholds from the training part alone."""
    data = load(dataset, seed)
    if dataset in VALIDATION:
        data = split(data, VALIDATION[dataset])
    marks = None if pixels == "signs" else thresholds(data.X_train, pixels)
    return Bits(
        train=(encode(data.X_train, marks), data.y_train),
        validation=(encode(data.X_validation, marks), data.y_validation),
        test=(encode(data.X_test, marks), data.y_test),
        n_classes=data.n_classes,
    )


def _nets(method: str, grid: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """What of the grid a method tells apart: one layer for CP+R, none for the yardsticks."""
    if method in YARDSTICKS:
        return [()]
    if method == "cp-r":
        return list(dict.fromkeys(net[:1] for net in grid))
    return grid


EXPERIMENTS = [
    FeedForward(
        "random-prototypes",
        "noisy copies of ten prototypes; the Bayes accuracy of each draw is known",
        PAPER_GRID,
        preset="paper",
    ),
    FeedForward(
        "fashion-mnist",
        "clothes in one bit a pixel (paper) or two (best); 50,000 / 10,000 / 10,000 images",
        PAPER_GRID,
        preset="paper",
    ),
    FeedForward("mnist", "handwritten digits; not in the paper", [(525, 525)], preset="best"),
    FeedForward(
        "cifar10-pixels",
        "small photographs, pixel by pixel, no convolution; not in the paper",
        [(525, 525)],
        preset="best",
    ),
]
