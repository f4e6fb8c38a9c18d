"""The squared hinge: how wrong are these outputs, and which way is better?"""

from __future__ import annotations

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
    outputs = as_floats(outputs, "outputs", ndim=2)
    xp = namespace(outputs)
    targets = xp.asarray(targets, dtype=outputs.dtype)
    check_same_shape(targets, outputs, "targets", "outputs")
    if not xp.all(xp.abs(targets) == 1):
        raise ValueError("targets must hold only -1 and +1")
    over_outputs = check_option(over_outputs, "over_outputs", ["sum", "mean"])
    n, classes = outputs.shape
    terms = n if over_outputs == "sum" else n * classes
    missing = 1 - targets * outputs
    missing = xp.where(missing > 0, missing, xp.zeros_like(missing))
    return float(xp.sum(missing**2)) / terms, (-2 / terms) * targets * missing
