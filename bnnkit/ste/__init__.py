"""Rung 2: networks with binary weights, trained by the straight-through estimator.

Three files, to be read in this order: ``estimator`` (the sign forward, its stand-in backward),
``layers`` (one shape, repeated), ``optim`` (latents, clipped). ``network`` puts them together as
BinaryConnect (Courbariaux, Bengio and David 2015), and ``losses`` and ``arrays`` serve them.
"""

from bnnkit.ste.estimator import binary_weights, glorot_scale, ste_backward, ste_forward
from bnnkit.ste.layers import BatchNorm, BinaryLinear, Dropout, Layer, Linear, ReLU, Sign
from bnnkit.ste.losses import sign_targets, squared_hinge
from bnnkit.ste.network import BinaryConnectNetwork, Sequential, binary_connect_mlp
from bnnkit.ste.optim import SGD, Adam, Optimizer, geometric_rates, latent_update

__all__ = [
    "SGD",
    "Adam",
    "BatchNorm",
    "BinaryConnectNetwork",
    "BinaryLinear",
    "Dropout",
    "Layer",
    "Linear",
    "Optimizer",
    "ReLU",
    "Sequential",
    "Sign",
    "binary_connect_mlp",
    "binary_weights",
    "geometric_rates",
    "glorot_scale",
    "latent_update",
    "sign_targets",
    "squared_hinge",
    "ste_backward",
    "ste_forward",
]
