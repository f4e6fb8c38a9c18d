"""How wrong are these outputs, and which way is better? The squared hinge, and the probit."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from bnnkit.errors import check_array, check_int, check_labels, check_option
from bnnkit.ste.arrays import as_floats, check_same_shape, namespace


def sign_targets(y, n_classes: int) -> np.ndarray:
    """Return one-against-all targets: +1 in the column of the class, -1 elsewhere.

    Parameters
    ----------
    y : array of class numbers, shape (n,)
    n_classes : the number of columns, >= 2

    Returns
    -------
    array of int8, shape (n, n_classes)

    >>> sign_targets([1, 0], 3)
    array([[-1,  1, -1],
           [ 1, -1, -1]], dtype=int8)
    """
    n_classes = check_int(n_classes, "n_classes", low=2)
    y = check_array(y, "y", ndim=1)
    y = check_labels(y, "y", len(y), n_classes)
    return np.where(y[:, None] == np.arange(n_classes), np.int8(1), np.int8(-1))


def squared_hinge(outputs, targets, over_outputs: str = "sum"):
    """Return the squared hinge loss and its gradient.

    An output that agrees with its target by a margin of 1 costs nothing; any other costs the
    square of what is missing: ``max(0, 1 - target * output) ** 2``.

    Parameters
    ----------
    outputs, targets : arrays of shape (n, classes); the targets are -1 and +1
    over_outputs : "sum" adds the outputs of a sample (BinaryConnect's first code), "mean"
        averages them (its later code). Samples are averaged in both.

    Returns
    -------
    loss : float
    grad : array of the shape and dtype of ``outputs``, the gradient with respect to them

    >>> squared_hinge([[0.5, 0.5, -3.0]], [[1, -1, -1]])
    (2.5, array([[-1.,  3.,  0.]]))
    """
    outputs, targets = _checked(outputs, targets)
    xp = namespace(outputs)
    over_outputs = check_option(over_outputs, "over_outputs", ["sum", "mean"])
    n, classes = outputs.shape
    terms = n if over_outputs == "sum" else n * classes
    missing = 1 - targets * outputs
    missing = xp.where(missing > 0, missing, xp.zeros_like(missing))
    return float(xp.sum(missing**2)) / terms, (-2 / terms) * targets * missing


def probit(outputs, targets):
    """Return minus the logarithm of the probability of the targets, and its gradient.

    An output says how many standard deviations the mean of a normal variable lies above zero. Its
    sign is the target with probability ``cdf(target * output)``, independently of the others.

    Parameters
    ----------
    outputs, targets : arrays of shape (n, classes); the targets are -1 and +1

    Returns
    -------
    loss : float, summed over the outputs and averaged over the samples
    grad : array of the shape and dtype of ``outputs``, the gradient with respect to them

    Source: Soudry et al. 2014, where it starts the backward pass.

    >>> loss, grad = probit([[0.0, 9.0]], [[1, 1]])
    >>> round(loss, 4), grad.round(4).tolist()
    (0.6931, [[-0.7979, -0.0]])
    """
    outputs, targets = _checked(outputs, targets)
    xp, agree = namespace(outputs), targets * outputs
    tail, ratio = _tail(agree), _mills(xp.abs(agree))
    right = agree > 0
    in_tail = xp.log(ratio) - agree**2 / 2 - math.log(2 * math.pi) / 2
    # each formula where it holds: the other would take log(0), or lose the tail's digits
    log_cdf = xp.where(right, xp.log1p(-tail), in_tail)
    slope = xp.where(right, normal_density(agree) / (1 - tail), 1 / ratio)
    return float(-xp.sum(log_cdf)) / outputs.shape[0], -targets * slope / outputs.shape[0]


def normal_density(x):
    """Return the standard normal density of each number.

    >>> float(normal_density(np.array(0.0)).round(4))
    0.3989
    """
    return namespace(x).exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def normal_cdf(x):
    """Return the probability that a standard normal variable is below each number.

    Within 1e-7: Abramowitz and Stegun 1964, 26.2.17. An error function is not in the array API.

    >>> float(normal_cdf(np.array(1.96)).round(4))
    0.975
    """
    return namespace(x).where(x > 0, 1 - _tail(x), _tail(x))


def _tail(x):
    """The probability of lying further out than ``|x|`` on one side."""
    return normal_density(x) * _mills(namespace(x).abs(x))


def _mills(x):
    """``(1 - cdf(x)) / density(x)`` for ``x >= 0``; within 1 % up to 7, 38 % too large far out."""
    t = 1 / (1 + 0.2316419 * x)
    a, b, c, d, e = 0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429
    return t * (a + t * (b + t * (c + t * (d + t * e))))


def _checked(outputs, targets) -> tuple:
    outputs = as_floats(outputs, "outputs", ndim=2)
    xp = namespace(outputs)
    targets = xp.asarray(targets, dtype=outputs.dtype)
    check_same_shape(targets, outputs, "targets", "outputs")
    if not xp.all(xp.abs(targets) == 1):
        raise ValueError("targets must hold only -1 and +1")
    return outputs, targets


LOSSES: dict[str, Callable] = {
    "sum": squared_hinge,
    "mean": partial(squared_hinge, over_outputs="mean"),
    "probit": probit,
}
