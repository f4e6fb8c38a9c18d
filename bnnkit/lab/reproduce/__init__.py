"""The papers' experiments, each by one command: ``python -m bnnkit reproduce NAME``.

From the bottom up: ``experiment`` says what a run and an experiment are, ``sources`` fingerprints
the code that a result depends on, ``store`` keeps results, ``runner`` does what is still to do.
``feedforward`` (with ``presets``, ``pixels``, ``methods``, ``baselines`` and ``published``) and
``ablations`` are experiments; ``registry`` lists them all; ``report`` makes tables of rows.

**How an experiment is added.** Write a module with a class of the shape of
:class:`~bnnkit.lab.reproduce.experiment.Experiment`: ``plan`` turns a request (the options of the
command line) into runs, ``data`` loads what a run needs, ``train`` does one run and returns its
figures, ``paper`` looks up the published figure, ``seconds`` estimates the cost. Then add it to
the list in ``registry``. The runner, the store, resuming, ``--list`` and ``--json`` are the same
for all. An option that no other experiment has is one more field of ``Request`` and one more line
in ``cli``; ``takes`` says which experiments it goes with.
"""

from bnnkit.lab.reproduce.cluster import on_cluster
from bnnkit.lab.reproduce.experiment import Experiment, Monitor, Request, Run
from bnnkit.lab.reproduce.registry import EXPERIMENTS, get_experiment
from bnnkit.lab.reproduce.runner import list_experiments, reproduce
from bnnkit.lab.reproduce.store import Store

__all__ = [
    "EXPERIMENTS",
    "Experiment",
    "Monitor",
    "Request",
    "Run",
    "Store",
    "get_experiment",
    "list_experiments",
    "on_cluster",
    "reproduce",
]
