"""How a network of signs is trained and judged, whatever the rule that trains it.

"bep", the controls "local", "frozen" and "feedback", and "cp-r", one layer alone. All integer: the
same seed gives the same weights on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bnnkit.bep import BEPNetwork
from bnnkit.lab.reproduce.experiment import Monitor, Run
from bnnkit.packed import BitMatrix

Part = tuple[BitMatrix, np.ndarray]


@dataclass(frozen=True)
class Bits:
    """A data set as packed signs and class numbers, in three parts."""

    train: Part
    validation: Part
    test: Part
    n_classes: int


def train_signs(bits: Bits, run: Run, monitor: Monitor) -> dict[str, Any]:
    """Train by the rule that the run names; judge the weights of the best validation epoch."""
    options = run.options
    net = BEPNetwork(
        (bits.train[0].shape[1], *run.widths),
        bits.n_classes,
        seed=run.seed,
        credit="bep" if run.method == "cp-r" else run.method,
        **{name: options[name] for name in ("r", "nu", "p_r", "groups", "patience")},
        reinforce_by=options["reinforce_by"],
    )
    for layer in net.layers:
        layer.set_hidden(options.get("start", 1) * layer.H)
    net.fit(
        *bits.train,
        run.epochs,
        options["batch"],
        validation=bits.validation,
        average=options.get("average"),
        callback=lambda net, e: monitor.epoch(e.epoch, run.epochs, 100 * (1 - e.validation_error)),
    )
    errors = [epoch.validation_error for epoch in net.history]
    last = net.history[-1]
    return {
        "test_accuracy": percent(net.score(*bits.test)),
        "validation_accuracy": percent(1 - min(errors)),
        "train_accuracy": percent(net.score(*bits.train)),
        "best_epoch": 1 + int(np.argmin(errors)),
        "triggered": round(last.triggered, 4),
        "open_gates": round(last.open_gates[-1], 4),
        "mean_hidden": round(max(last.mean_hidden), 1),
        "last_groups": last.groups,
        "state_bytes": sum(layer.H.nbytes + layer.words.nbytes for layer in net.layers),
        "weights_sha256": net.weights_sha256(),
        "curve": [percent(1 - error) for error in errors],
    }


def percent(fraction: float) -> float:
    """A fraction in percent, with as many digits as 10,000 test cases bear."""
    return round(100 * fraction, 2)
