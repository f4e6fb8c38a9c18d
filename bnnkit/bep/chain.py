"""The binary chain rule, one function a step, on plain arrays of signs.

These are the definitions. :mod:`bnnkit.bep.paths` runs the same steps on packed words, with the
same bits. Samples are rows; ``a`` and ``a_star`` are signs (int8), ``z`` and logits are sums
(int32), hidden weights ``H`` are odd integers (int16).

Source: *BEP* (Colombo et al., ICLR 2026), Section 3 and Appendix C.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import ceil, floor, pi, sqrt

import numpy as np

from bnnkit.binarize import sign
from bnnkit.engine.numpy_engine import HIDDEN_MAX
from bnnkit.errors import (
    Number,
    as_array,
    check_int,
    check_integers,
    check_labels,
    check_mask,
    check_number,
    check_shape,
    check_signs,
)
from bnnkit.packed import BitMatrix
from bnnkit.philox import integer_probability
from bnnkit.steps import step


def margin_bound(r: Number, width: int) -> int:
    """Return ``ceil(r * width)``: a sample whose margin is below it fires (Eq. 1).

    The decimal that was written counts, not its nearest binary fraction.

    >>> margin_bound(0.5, 15), margin_bound(0.07, 100)
    (8, 7)
    """
    r, width = check_number(r, "r", 0, 1), check_int(width, "width", low=1)
    return ceil(_exact(r) * width)


def gate_bound(nu: Number, fan_in: int) -> int:
    """Return ``floor(nu * fan_in)``: a neuron whose ``|z|`` is not above it passes blame (Eq. 5).

    >>> gate_bound(0.1, 135), gate_bound(0.29, 100)
    (13, 29)
    """
    nu, fan_in = check_number(nu, "nu", 0, 1), check_int(fan_in, "fan_in", low=1)
    return floor(_exact(nu) * fan_in)


@lru_cache(maxsize=256)
def _exact(x) -> Fraction:
    return x if isinstance(x, Fraction) else Fraction(repr(float(x)))


def reinforcement_threshold(p_r: Number, fan_in: int, error: Number) -> int:
    """Return ``p_r * sqrt(2 / (pi K)) * sqrt(error)`` as a 32-bit integer threshold.

    ``error`` is the training error of the epoch before, 1 in the first. Only correctly rounded
    operations (no logarithm, no power), so every machine gets the same integer.

    >>> reinforcement_threshold(0.5, 784, 1.0) / 2**32  # doctest: +ELLIPSIS
    0.01424...
    """
    fan_in, error = check_int(fan_in, "fan_in", low=1), check_number(error, "error", 0, 1)
    p = check_number(p_r, "p_r", 0, 1) * sqrt(2 / (pi * fan_in)) * sqrt(error)
    return integer_probability(min(float(p), 1.0))


def margins(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how far each sample's own class leads the best other one (int32, shape (n,)).

    >>> margins(np.array([[5, 1, 3], [2, 4, 0]]), np.array([0, 0]))
    array([ 2, -2])
    """
    logits = as_array(logits, "logits")
    if logits.ndim != 2 or logits.shape[1] < 2 or logits.dtype.kind != "i":
        got = f"shape {logits.shape}, dtype {logits.dtype}"
        raise ValueError(f"logits must be integers of shape (n, C), C at least 2, got {got}")
    y = check_labels(y, "y", *logits.shape)
    rows = np.arange(len(y))
    own = logits[rows, y]
    others = logits.copy()
    others[rows, y] = np.iinfo(others.dtype).min
    return own - others.max(axis=1)


@step("4.2")
def gate(z, nu: Number, fan_in: int) -> np.ndarray:
    """Return which neurons pass blame down: those that are near enough to flipping (Eq. 5).

    A neuron far from zero would not change its sign whatever its inputs did, so its wish says
    nothing about them. The gate plays the part of the derivative of the activation.

    Parameters
    ----------
    z : array of int, shape (n, K_up): the sums of the upper layer
    nu : number in [0, 1], the window as a fraction of the fan-in
    fan_in : the number of inputs of the upper layer

    Returns
    -------
    array of bool, shape (n, K_up): ``|z| <= floor(nu * fan_in)``

    >>> gate([[1, -3, 5]], nu=0.3, fan_in=10)
    array([[ True,  True, False]])
    """
    return np.abs(check_integers(z, "z")) <= gate_bound(nu, fan_in)


@step("4.3")
def back_project(W, a_star, gate) -> np.ndarray:
    """Return the desired activations of the layer below: a vote of the neurons above (Eq. 7).

    Each open neuron above votes, through the sign of its weight, for the input that would push
    its own sum towards what is desired of it; the majority decides, and a tie is +1. Lemma 1: no
    other vector of signs agrees better with all the votes.

    Parameters
    ----------
    W : array of -1 and +1, shape (K_up, K): the weights from this layer to the upper one
    a_star : array of -1 and +1, shape (n, K_up): desired activations above
    gate : array of bool, shape (n, K_up): who may vote

    Returns
    -------
    array of int8, shape (n, K): ``sign(W^T (gate * a_star))``

    >>> W = [[1, -1, 1], [1, 1, -1]]
    >>> back_project(W, [[1, -1]], [[True, True]])
    array([[ 1, -1,  1]], dtype=int8)
    """
    a_star = BitMatrix.from_signs(check_signs(a_star, "a_star", ndim=2))
    may_vote = BitMatrix.from_signs(np.where(check_mask(gate, "gate", a_star.shape), 1, -1))
    W = BitMatrix.from_signs(check_signs(W, "W", ndim=2))
    return sign(a_star.dot(W, mask=may_vote))


@step("4.4")
def select(z, a_star, group: int) -> np.ndarray:
    """Return the mask of neurons to update: in each group the wrong one nearest to flipping.

    Wrong means ``sign(z) != a_star``; nearest, the smallest ``|z|``; the first of equals wins. A
    group in which none is wrong updates none. Source: Section 3.3, "the mask".

    Parameters
    ----------
    z : array of int, shape (n, K): the sums of the layer
    a_star : array of -1 and +1, shape (n, K): what is desired of it
    group : a divisor of K; groups are contiguous

    Returns
    -------
    array of bool, shape (n, K)

    >>> select([[3, -1, 5, 7]], [[-1, 1, 1, 1]], group=2)
    array([[False,  True, False, False]])
    """
    z, a_star = check_integers(z, "z", ndim=2), check_signs(a_star, "a_star", ndim=2)
    n, width = z.shape
    if a_star.shape != z.shape:
        raise ValueError(f"a_star must have the shape of z {z.shape}, got {a_star.shape}")
    if width % check_int(group, "group", low=1):
        raise ValueError(f"group must divide the width {width}, got {group}")
    wrong = sign(z) != a_star
    far = np.int64(np.iinfo(np.int64).max)
    distance = np.where(wrong, np.abs(z), far).reshape(n, -1, group)
    nearest = distance.argmin(axis=2)[:, :, None] == np.arange(group)
    return nearest.reshape(n, width) & wrong


@step("4.5")
def update(H, mask, a_star, a_prev) -> np.ndarray:
    """Return the hidden weights after a batch: ``H + 2 * sum(mask * a_star a_prev^T)`` (Eq. 8).

    The whole batch is summed exactly, added once, then held within -32767 .. 32767. Steps of 2
    from an odd start keep every hidden weight odd: it never stops on 0.

    Parameters
    ----------
    H : array of int16, shape (K, K_prev), odd
    mask : array of bool, shape (n, K): who is updated, for the samples that fired
    a_star : array of -1 and +1, shape (n, K)
    a_prev : array of -1 and +1, shape (n, K_prev): the layer's inputs

    Returns
    -------
    array of int16, shape (K, K_prev)

    >>> update(np.array([[1, -1], [3, 5]], np.int16), [[True, False]], [[-1, 1]], [[1, 1]])
    array([[-1, -3],
           [ 3,  5]], dtype=int16)
    """
    H = check_integers(H, "H", ndim=2, limit=HIDDEN_MAX)
    a_star, a_prev = check_signs(a_star, "a_star", ndim=2), check_signs(a_prev, "a_prev", ndim=2)
    check_shape(a_star, "a_star", (len(a_prev), H.shape[0]))
    check_shape(a_prev, "a_prev", (len(a_prev), H.shape[1]))
    chosen = check_mask(mask, "mask", a_star.shape) * a_star.astype(np.int32)
    total = chosen.T @ a_prev.astype(np.int32)
    return np.clip(H + 2 * total, -HIDDEN_MAX, HIDDEN_MAX).astype(np.int16)


@step("4.6")
def reinforce(H, chosen) -> np.ndarray:
    """Return the hidden weights with the chosen ones pushed 2 further from zero (CP+R).

    No sign changes; a weight that has been right for long becomes harder to flip. Held within
    -32767 .. 32767. Source: Baldassi 2009; BEP, Section 3.3.

    Parameters
    ----------
    H : array of int16, shape (K, K_prev), odd
    chosen : array of bool, same shape

    Returns
    -------
    array of int16, same shape

    >>> reinforce(np.array([[1, -3, 5]], np.int16), [[True, True, False]])
    array([[ 3, -5,  5]], dtype=int16)
    """
    H = check_integers(H, "H", ndim=2, limit=HIDDEN_MAX)
    pushed = np.clip(H + 2 * sign(H), -HIDDEN_MAX, HIDDEN_MAX)
    return np.where(check_mask(chosen, "chosen", H.shape), pushed, H).astype(np.int16)
