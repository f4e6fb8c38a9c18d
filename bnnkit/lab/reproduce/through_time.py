"""How a recurrent network of signs is set up, trained and judged, whatever it reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnnkit.bep import start_group
from bnnkit.errors import check_widths
from bnnkit.lab.reproduce.experiment import Monitor, Run
from bnnkit.lab.reproduce.methods import percent
from bnnkit.recurrent import BEPRecurrentNetwork

LAST = 3  # the test accuracy is the mean after so many last epochs: no epoch is picked
SETTINGS = ("r", "nu", "p_r", "groups", "patience", "expansion", "horizon", "mask_steps", "start")


def recurrent_widths(asked, default: tuple[int, int]) -> tuple[int, ...]:
    """The widths of state and readout that were asked for, else ``default``."""
    widths = default if asked is None else check_widths(asked, "--widths")
    if len(widths) != 2:
        raise ValueError(f"--widths must be two, of state and readout, got {list(widths)}")
    return widths


def groups_of(widths: tuple[int, ...]) -> list[int]:
    """The paper's 15 neurons a group; of widths that 15 does not divide, our own choice."""
    return [15 if width % 15 == 0 else start_group(width) for width in widths]


def network(run: Run, inputs: int, n_classes: int) -> BEPRecurrentNetwork:
    """The network that the run names, untrained: widths are those of state and readout."""
    state, readout = run.widths
    chosen = {name: run.options[name] for name in SETTINGS if name in run.options}
    return BEPRecurrentNetwork(
        inputs, n_classes, state=state, readout=readout, seed=run.seed, **chosen
    )


def train_and_judge(
    net: BEPRecurrentNetwork,
    train,
    test,
    epochs: int,
    batch: int,
    monitor: Monitor,
    **options,
) -> dict[str, Any]:
    """Train for ``epochs``; test accuracy is the mean after each of the last three.

    ``train`` and ``test`` are pairs of sequences (cases, inputs, steps) and classes. ``options``
    go to ``fit``; a checkpoint among them holds all epochs but the last two.
    """

    def tell(net, epoch):
        monitor.epoch(epoch.epoch, epochs, percent(1 - epoch.train_error))

    first = max(1, epochs - LAST + 1)
    net.fit(*train, first, batch, callback=tell, **options)
    options.pop("checkpoint", None)
    accuracies = [net.score(*test)]
    for _ in range(epochs - first):
        net.fit(*train, 1, batch, callback=tell, **options)
        accuracies.append(net.score(*test))
    last = net.history[-1]
    return {
        "test_accuracy": percent(np.mean(accuracies)),
        "train_accuracy": percent(1 - last.train_error),
        "triggered": round(last.triggered, 4),
        "open_gates": [round(share, 4) for share in last.open_gates],
        "mean_hidden": round(max(last.mean_hidden), 1),
        "last_groups": last.groups,
        "weights_sha256": net.weights_sha256(),
        "curve": [percent(1 - epoch.train_error) for epoch in net.history],
    }
