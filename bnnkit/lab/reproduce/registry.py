"""All experiments by name. A new one is one more entry in the list."""

from __future__ import annotations

from bnnkit.errors import check_option
from bnnkit.lab.reproduce import ablations, binaryconnect, digits, feedforward, series
from bnnkit.lab.reproduce.experiment import Experiment

EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in [
        *feedforward.EXPERIMENTS,
        *series.EXPERIMENTS,
        *digits.EXPERIMENTS,
        *ablations.EXPERIMENTS,
        *binaryconnect.EXPERIMENTS,
    ]
}


def get_experiment(name: str) -> Experiment:
    """Return the experiment called ``name``."""
    return EXPERIMENTS[check_option(name, "NAME", EXPERIMENTS)]
