"""The UCR time series: BEP through time in 3-fold cross-validation, the reading tuned inside.

The archive's training and test cases are pooled, as the paper's figures suggest. A run is one
fold. Tuning sees the training cases of this fold and no others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from bnnkit.datasets import Dataset, load_ucr
from bnnkit.errors import check_option
from bnnkit.lab.reproduce import series_baselines
from bnnkit.lab.reproduce.experiment import PRESETS, Experiment, Monitor, Request, Run
from bnnkit.lab.reproduce.folds import FOLDS, cases_of_fold
from bnnkit.lab.reproduce.published import TABLE_1
from bnnkit.lab.reproduce.through_time import groups_of, network, recurrent_widths, train_and_judge
from bnnkit.lab.reproduce.tuning import batch_size, tune
from bnnkit.readings import Reader, readings

EPOCHS = 50
METHODS = ("bep", "logistic", "1nn")
WIDTHS = (1035, 1035)
# What is tuned: readings, bits, and at "best" whether to stop early. The rest is the paper's.
TRIED: dict[str, dict[str, Any]] = {
    "paper": {"try_last": [4, 8, 12, 24, 48], "try_chunks": [], "try_early": False},
    "best": {"try_last": [12], "try_chunks": [2, 4, 8], "try_early": True},
}
SETTINGS = {
    "try_bits": [4, 10],
    "r": 0.5,
    "nu": 0.05,
    "p_r": 0.5,
    "patience": 2,
    "batches": 10,
    "expansion": 1035,
    "horizon": None,
    "start": "random",
}


class TimeSeries(Experiment):
    """Sets of the UCR archive, one after the other."""

    name = "ucr"
    about = "series of the UCR archive, 3 folds; reading tuned inside: last steps, or chunks (best)"
    takes = ("method", "preset", "widths", "seeds", "epochs", "datasets")

    def plan(self, request: Request) -> list[Run]:
        """Three folds of every set, with every method and every seed."""
        preset = check_option(request.preset or "best", "--preset", PRESETS)
        methods = [check_option(m, "--method", METHODS) for m in request.method or ("bep",)]
        return [
            series_run(name, method, preset, fold, seed, request.widths, request.epochs)
            for name in request.datasets or TABLE_1
            for method in methods
            for seed in range(request.seeds or 1)
            for fold in range(FOLDS)
        ]

    def data(self, run: Run) -> Dataset:
        """The set in the archive's two parts, which the run then pools."""
        return load(run.dataset)

    def train(self, run: Run, monitor: Monitor) -> dict[str, Any]:
        """Tune and train in one fold."""
        return self.trainer(run)(self.data(run), run, monitor)

    def trainer(self, run: Run) -> Callable:
        """The function that trains by this method."""
        return train_series if run.method == "bep" else series_baselines.judge_yardstick

    def paper(self, run: Run) -> float | None:
        """Table 1 of the BEP paper."""
        return TABLE_1.get(run.dataset) if run.method == "bep" else None

    def seconds(self, run: Run) -> float:
        """Fitted to a few measured runs: a part a network, and a part a case, epoch and step."""
        try:
            cases = len(load(run.dataset).pooled()[1])
        except FileNotFoundError:
            cases = 1000
        if run.method != "bep":
            return 1e-2 * cases if run.method == "logistic" else 1e-4 * cases
        return 10 + (1e-4 if run.preset == "best" else 6e-4) * cases * run.epochs


def series_run(dataset, method, preset, fold, seed, widths=None, epochs=None) -> Run:
    """Return the run of one fold."""
    if method != "bep":
        yardstick = series_baselines.SETTINGS[method]
        return Run(
            dataset=dataset, method=method, preset=preset, seed=seed, fold=fold, options=yardstick
        )
    widths = recurrent_widths(widths, WIDTHS)
    return Run(
        dataset=dataset,
        method=method,
        preset=preset,
        widths=widths,
        seed=seed,
        fold=fold,
        epochs=epochs or EPOCHS,
        options=TRIED[preset] | SETTINGS | {"groups": groups_of(widths)},
    )


def train_series(data: Dataset, run: Run, monitor: Monitor) -> dict[str, Any]:
    """Choose the reading inside the training cases of the fold, train on all of them, and test."""
    options = run.options
    (X, y), (X_test, y_test) = cases_of_fold(data, run.fold, run.seed)

    def start(inputs: int):
        return network(run, inputs, data.n_classes)

    kinds = {"chunks": options["try_chunks"], "last": options["try_last"]}
    choice = tune(
        readings(kinds, options["try_bits"], time=X.shape[2]),
        start,
        X,
        y,
        batches=options["batches"],
        early=options["try_early"],
        seed=run.seed,
    )
    reader = Reader(choice.reading).fit(X)
    signs = reader.transform(X)
    epochs = min(choice.stop or run.epochs, run.epochs)
    figures = train_and_judge(
        start(signs.shape[1]),
        (signs, y),
        (reader.transform(X_test), y_test),
        epochs,
        batch_size(len(y), options["batches"]),
        monitor,
    )
    return figures | {
        "reading": choice.reading.kind,
        "window": choice.reading.steps,
        "bits": choice.reading.bits,
        "stopped_after": epochs,
        "tuning_accuracy": round(100 * choice.accuracy, 2),
    }


@lru_cache(maxsize=2)
def load(name: str) -> Dataset:
    """The set; planning and training ask for it again and again."""
    return load_ucr(name)


EXPERIMENTS = [TimeSeries()]
