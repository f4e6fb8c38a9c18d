"""Sequential MNIST: a digit read in ``window`` steps; and how far back blame must go.

A step is 784 / window pixels, a pixel one bit: is it lit? Of the 60,000 training digits 5,000 are
held out, to tell when the groups are to grow and for nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from bnnkit.datasets import Dataset, load_mnist, split
from bnnkit.errors import check_int, check_option
from bnnkit.files import Checkpoint
from bnnkit.lab.reproduce.experiment import PRESETS, Experiment, Monitor, Request, Run
from bnnkit.lab.reproduce.published import S_MNIST, S_MNIST_HORIZON
from bnnkit.lab.reproduce.through_time import groups_of, network, recurrent_widths, train_and_judge
from bnnkit.philox import Stream, random_signs

PIXELS, EPOCHS, ABLATION_EPOCHS = 784, 50, 5
WIDTHS = (1875, 1875)
WINDOWS = (8, 28)
HORIZONS = {8: (1, 2, 4, 8), 28: (2, 4, 8, 28)}  # 28: those of the paper
SETTINGS: dict[str, Any] = {
    "r": 0.5,
    "p_r": 0.5,
    "patience": 2,
    "held_out": 5_000,
    "batch": 100,
    "expansion": 1875,
    "horizon": None,
    "start": "random",
}
NU = {"paper": 0.01, "best": 0.05}
BEST: dict[str, Any] = {"r": 0.75, "average": 20}  # more is learned with these
MANY_STEPS: dict[str, Any] = {"clock": 28, "mask_steps": 14}  # and, over many steps, with these


class SequentialDigits(Experiment):
    """MNIST in 8 and in 28 steps."""

    name = "s-mnist"
    about = "handwritten digits, 784 / window pixels a step, window 8 and 28; hours at 28"
    takes = ("method", "preset", "widths", "windows", "seeds", "epochs")

    def plan(self, request: Request) -> list[Run]:
        """Every window with every seed."""
        return [
            digits_run(request, window, seed)
            for window in request.windows or WINDOWS
            for seed in range(request.seeds or 1)
        ]

    def data(self, run: Run) -> Dataset:
        """MNIST."""
        return load()

    def train(self, run: Run, monitor: Monitor) -> dict[str, Any]:
        """Read the digits step by step and train."""
        return train_digits(self.data(run), run, monitor)

    def trainer(self, run: Run) -> Callable:
        """The function that trains, for every window."""
        return train_digits

    def paper(self, run: Run) -> float | None:
        """Figure 3b of the BEP paper."""
        return S_MNIST.get(run.options["window"]) if run.widths == WIDTHS else None

    def seconds(self, run: Run) -> float:
        """Fitted to a few measured epochs: the cost is that of the steps."""
        return 30 + 2.2e-5 * 60_000 * run.epochs * run.options["window"]


class Horizon(SequentialDigits):
    """The same with blame that goes back a few steps only."""

    name = "ablation-horizon"
    about = "s-mnist, blame through the last 1, 2, 4 or all 8 steps; with --windows 28 the paper's"

    def plan(self, request: Request) -> list[Run]:
        """Every horizon with every seed, for a few epochs."""
        return [
            digits_run(request, window, seed, ABLATION_EPOCHS, horizon=horizon)
            for window in request.windows or (8,)
            for horizon in HORIZONS.get(window, (1, 2, 4, window))
            for seed in range(request.seeds or 1)
        ]

    def paper(self, run: Run) -> float | None:
        """Figure 8 of the BEP paper."""
        if run.options["window"] != 28 or run.widths != WIDTHS:
            return None
        return S_MNIST_HORIZON.get(run.options["horizon"])


class ManySteps(SequentialDigits):
    """28 steps, with each of what helps there taken away."""

    name = "ablation-steps"
    about = "s-mnist in 28 steps, without averaging, with one mask, no clock, the smaller margin"
    takes = ("preset", "widths", "seeds", "epochs")
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"average": None},
        {"mask_steps": None},
        {"clock": 0},
        {"r": 0.5},
    )

    def plan(self, request: Request) -> list[Run]:
        """Every change with every seed, for a few epochs."""
        return [
            digits_run(request, 28, seed, ABLATION_EPOCHS, **change)
            for change in self.changes
            for seed in range(request.seeds or 1)
        ]

    def paper(self, run: Run) -> float | None:
        """The paper has no figure for so few epochs."""
        return None


def digits_run(request: Request, window: int, seed: int, epochs: int = EPOCHS, **changes) -> Run:
    """Return the run of a preset, or, with ``changes``, one that an ablation asks for."""
    preset = check_option(request.preset or "best", "--preset", PRESETS)
    for method in request.method or ():
        check_option(method, "--method", ("bep",))
    if PIXELS % check_int(window, "--windows", low=1):
        raise ValueError(f"--windows must divide the {PIXELS} pixels, got {window}")
    widths = recurrent_widths(request.widths, WIDTHS)
    options = {"window": window, "nu": NU[preset], "clock": 0, **SETTINGS}
    options |= {"groups": groups_of(widths)}
    if preset == "best":
        options |= BEST | (MANY_STEPS if window > 8 else {})
    return Run(
        dataset="s-mnist",
        method="bep",
        preset=preset,
        widths=widths,
        seed=seed,
        epochs=request.epochs or epochs,
        varied=", ".join(changes) or None,
        options=options | changes,
    )


def train_digits(data: Dataset, run: Run, monitor: Monitor) -> dict[str, Any]:
    """Train, going on from the checkpoint if there is one."""
    options = run.options
    data = split(data, options["held_out"], seed=run.seed)
    X, X_held_out, X_test = (
        read(X, options["window"], options["clock"], run.seed)
        for X in (data.X_train, data.X_validation, data.X_test)
    )
    return train_and_judge(
        network(run, X.shape[1], data.n_classes),
        (X, data.y_train),
        (X_test, data.y_test),
        run.epochs,
        options["batch"],
        monitor,
        validation=(X_held_out, data.y_validation),
        keep_best=False,
        average=options.get("average"),
        checkpoint=None if monitor.checkpoint is None else Checkpoint(monitor.checkpoint),
    )


def read(X: np.ndarray, window: int, clock: int, seed: int) -> np.ndarray:
    """Return images (n, 784) as signs (n, 784 / window + clock, window).

    ``clock`` fixed random signs beside the pixels tell a step from the others.

    >>> read(np.arange(784).reshape(1, 784) % 2, 28, 0, seed=0)[0, :4, 0]
    array([-1,  1, -1,  1], dtype=int8)
    """
    signs = np.where(X.reshape(len(X), window, -1) > 0, np.int8(1), np.int8(-1))
    if clock:
        ticks = random_signs(seed, Stream.EXPANSION, (window, clock), layer=1)
        signs = np.concatenate([signs, np.broadcast_to(ticks, (len(X), window, clock))], axis=2)
    return np.ascontiguousarray(signs.transpose(0, 2, 1))


@lru_cache(maxsize=1)
def load() -> Dataset:
    """MNIST; planning and training ask for it again and again."""
    return load_mnist()


EXPERIMENTS = [SequentialDigits(), Horizon(), ManySteps()]
