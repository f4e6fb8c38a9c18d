"""Rung 2: networks with binary weights, trained by the straight-through estimator.

Four files, to be read in this order: ``estimator`` (the sign forward, its stand-in backward),
``layers`` (one shape, repeated), ``weights`` (linear and convolution, real and binary), ``optim``
(latents, clipped). ``network`` puts them together as
BinaryConnect (Courbariaux, Bengio and David 2015), and ``losses`` and ``arrays`` serve them.
``expectation`` is another way to train the same networks, for comparison.
"""

from bnnkit.ste.estimator import binary_weights, glorot_scale, ste_backward, ste_forward
from bnnkit.ste.expectation import ExpectedLinear, ExpectedSign, expectation_mlp
from bnnkit.ste.layers import BatchNorm, Dropout, Flatten, Layer, MaxPool, ReLU, Sign
from bnnkit.ste.losses import probit, sign_targets, squared_hinge
from bnnkit.ste.network import (
    BinaryConnectNetwork,
    Sequential,
    binary_connect_cnn,
    binary_connect_mlp,
)
from bnnkit.ste.optim import SGD, Adam, Optimizer, geometric_rates, latent_update
from bnnkit.ste.weights import BinaryConv2d, BinaryLinear, Conv2d, Linear

__all__ = [
    "SGD",
    "Adam",
    "BatchNorm",
    "BinaryConnectNetwork",
    "BinaryConv2d",
    "BinaryLinear",
    "Conv2d",
    "Dropout",
    "ExpectedLinear",
    "ExpectedSign",
    "Flatten",
    "Layer",
    "Linear",
    "MaxPool",
    "Optimizer",
    "ReLU",
    "Sequential",
    "Sign",
    "binary_connect_cnn",
    "binary_connect_mlp",
    "binary_weights",
    "expectation_mlp",
    "geometric_rates",
    "glorot_scale",
    "latent_update",
    "probit",
    "sign_targets",
    "squared_hinge",
    "ste_backward",
    "ste_forward",
]
