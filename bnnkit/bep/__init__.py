"""Rung 4: the binary chain rule.

``prototypes`` is the fixed classifier, ``perceptron`` one neuron that remembers, ``chain`` the
steps of BEP on plain arrays, ``paths`` the same steps on packed words, ``training`` the loop and
``network`` the multilayer network.
"""

from bnnkit.bep.chain import (
    back_project,
    gate,
    gate_bound,
    margin_bound,
    margins,
    reinforce,
    reinforcement_threshold,
    select,
    update,
)
from bnnkit.bep.network import BEPNetwork, Trace
from bnnkit.bep.perceptron import ClippedPerceptron, cp_step
from bnnkit.bep.prototypes import class_prototypes, equiangular
from bnnkit.bep.training import Epoch, SignNetwork, divisors, start_group

__all__ = [
    "BEPNetwork",
    "ClippedPerceptron",
    "Epoch",
    "SignNetwork",
    "Trace",
    "back_project",
    "class_prototypes",
    "cp_step",
    "divisors",
    "equiangular",
    "gate",
    "gate_bound",
    "margin_bound",
    "margins",
    "reinforce",
    "reinforcement_threshold",
    "select",
    "start_group",
    "update",
]
