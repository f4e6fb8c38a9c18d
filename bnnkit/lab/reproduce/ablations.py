"""What the paper left open: one setting at a time moved away from the preset, all else kept.

Each is an experiment of its own name, on nets of two layers of 135 unless ``--widths`` says
otherwise, on Random Prototypes and Fashion-MNIST unless ``--datasets`` does.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from bnnkit.errors import check_option
from bnnkit.lab.reproduce.experiment import PRESETS, Request, Run
from bnnkit.lab.reproduce.feedforward import LOADERS, FeedForward, feedforward_run

NET = (135, 135)
BOTH = ("random-prototypes", "fashion-mnist")


class Ablation(FeedForward):
    """BEP under the preset, but for the settings in each of ``changes``.

    A change is a dictionary of options; ``widths`` is the net itself, and ``groups`` one number for
    every layer.
    """

    takes = ("preset", "widths", "seeds", "epochs", "datasets")

    def __init__(self, name: str, about: str, changes: list[dict[str, Any]], datasets=BOTH):
        super().__init__(name, about, grid=[NET], preset="paper")
        self.changes, self.datasets = changes, datasets

    def plan(self, request: Request) -> list[Run]:
        """Every change on every data set, with every seed."""
        preset = check_option(request.preset or self.preset, "--preset", PRESETS)
        known = [name for name in ("random-prototypes", *LOADERS) if name in self.possible()]
        datasets = [check_option(d, "--datasets", known) for d in request.datasets or self.datasets]
        return [
            self._run(dataset, preset, dict(change), seed, request)
            for dataset in datasets
            for change in self.changes
            for seed in range(request.seeds or 1)
        ]

    def possible(self) -> tuple[str, ...]:
        """The data sets that it makes sense on: without pixels there is no thermometer."""
        pixels = any("pixels" in change for change in self.changes)
        return tuple(LOADERS) if pixels else ("random-prototypes", *LOADERS)

    def _run(self, dataset: str, preset: str, change: dict, seed: int, request: Request) -> Run:
        widths = tuple(change.pop("widths", request.widths or NET))
        if "groups" in change:
            change["groups"] = [change["groups"]] * len(widths)
        return feedforward_run(dataset, "bep", preset, widths, seed, request.epochs, **change)


def _each(option: str, *values) -> list[dict[str, Any]]:
    return [{option: value} for value in values]


EXPERIMENTS = [
    Ablation(
        "ablation-gate", "gate width nu", _each("nu", 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1)
    ),
    Ablation("ablation-margin", "margin r", _each("r", 0.01, 0.25, 0.5, 0.75, 1)),
    Ablation("ablation-reinforcement", "strength p_r", _each("p_r", 0, 0.25, 0.5, 1)),
    Ablation(
        "ablation-group",
        "neurons a group at the start",
        _each("groups", 1, 3, 5, 9, 15, 27, 45, 135),
    ),
    Ablation(
        "ablation-depth",
        "2 to 12 hidden layers of 135, with a narrow and a wide gate",
        [
            {"widths": (135,) * depth, "nu": nu}
            for depth, nu in product((2, 3, 5, 8, 12), (0.1, 0.3))
        ],
    ),
    Ablation(
        "ablation-thermometer",
        "bits a pixel and where their thresholds lie",
        _each(
            "pixels", "global-1", "global-3", "lit-2", "lit-3", "lit-4", "feature-1", "feature-3"
        ),
        datasets=("fashion-mnist",),
    ),
    Ablation("ablation-start", "size of |H| at the start", _each("start", 1, 7, 31, 127)),
    Ablation("ablation-batch", "batch size", _each("batch", 10, 20, 50, 100, 200, 500, 2000)),
    Ablation(
        "ablation-schedule",
        "epochs without a better error until the groups grow; none keeps them",
        _each("patience", 2, 5, 10, None),
    ),
    Ablation(
        "ablation-average",
        "hidden weights averaged over an epoch, after every so many batches; none does not",
        _each("average", None, 1, 10),
    ),
    Ablation(
        "ablation-mask",
        "batch against group, no schedule: is the mask a learning rate?",
        [
            {"batch": batch, "groups": group, "patience": None}
            for batch, group in product((25, 100, 400), (5, 15, 45, 135))
        ],
    ),
]
