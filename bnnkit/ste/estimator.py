"""The straight-through estimator: how to walk downhill on a staircase.

The sign is flat on both sides of its one step, so its derivative says nothing. The
straight-through estimator (Hinton 2012; Bengio, Léonard and Courville 2013) goes forward through
the sign and backward as if the sign had not been there. It is a definition, not a derivative: it
is exact where the loss is linear in the bit, and biased otherwise.

Two things that look alike are kept apart in this package:

- the *window*: in the backward pass, an activation outside ``[-clip, clip]`` gets no gradient
  (BinaryNet). It looks at the input of the sign, and it is :func:`ste_backward`;
- the *clip*: after a step, a latent weight is put back into ``[-scale, scale]`` (BinaryConnect).
  Its gradient passes unmasked. It is :func:`bnnkit.ste.latent_update`.

A window on the latents as well, if it is strict, would freeze each weight that reaches the edge.
"""

from __future__ import annotations

import math

import numpy as np

from bnnkit.binarize import sign, stochastic_sign
from bnnkit.errors import check_int, check_number, check_option, check_rng
from bnnkit.ste.arrays import as_floats, check_same_shape, namespace
from bnnkit.steps import step

WEIGHT_FORMS = ("deterministic", "stochastic", "ternary", "stochastic-ternary", "none")


def ste_forward(x):
    """Return the sign of each number as a floating-point number, with ``sign(0) = +1``.

    Parameters
    ----------
    x : array of real numbers, any shape, finite

    Returns
    -------
    array of -1.0 and +1.0, same shape, dtype of ``x`` (``float64`` for integers)

    >>> ste_forward([-0.3, 0.0, 2.0])
    array([-1.,  1.,  1.])
    """
    x = as_floats(x, "x")
    xp = namespace(x)
    if xp is np:  # rung 1 does it, or the reader's own sign
        return sign(x).astype(x.dtype)
    return xp.where(x < 0, -xp.ones_like(x), xp.ones_like(x))


@step("2.1")
def ste_backward(x, grad, clip: float | None = 1.0):
    """Return the gradient that the straight-through estimator sends back through a sign.

    Where ``|x| <= clip`` the gradient passes as it is, elsewhere it is 0. The window looks at the
    *input* of the sign; its output always lies in the window. With ``clip=None`` all of it passes.

    Parameters
    ----------
    x : array of real numbers: what went into the sign
    grad : array of the same shape: the gradient with respect to what came out
    clip : half the width of the window, > 0, or ``None`` for no window

    Returns
    -------
    array of the shape and dtype of ``grad``: the gradient with respect to ``x``

    Source: BinaryNet (Courbariaux et al. 2016), Eq. 4, with ``clip=1``.

    >>> ste_backward([-1.5, -1.0, 0.2, 3.0], [0.1, 0.2, 0.3, 0.4])
    array([0. , 0.2, 0.3, 0. ])
    >>> ste_backward([-1.5, 3.0], [0.1, 0.4], clip=None)
    array([0.1, 0.4])
    """
    x, grad = as_floats(x, "x"), as_floats(grad, "grad")
    check_same_shape(grad, x, "grad", "x")
    if clip is None:
        return grad
    clip = float(check_number(clip, "clip", low=0, open_low=True))
    xp = namespace(grad)
    return xp.where(xp.abs(x) <= clip, grad, xp.zeros_like(grad))


def binary_weights(latent, form: str = "deterministic", scale: float = 1.0, rng=None):
    """Return the weights that a pass uses in place of the real latents.

    Parameters
    ----------
    latent : array of real numbers, meant to lie in ``[-scale, scale]``
    form : "deterministic" for ``scale * sign(latent)``; "stochastic" for ``+scale`` with
        probability ``clip((latent / scale + 1) / 2, 0, 1)``, else ``-scale``; "ternary" for the
        nearest of ``-scale``, 0 and ``+scale`` (0 from ``-scale / 2`` to ``scale / 2``);
        "stochastic-ternary" for ``scale * sign(latent)`` with probability ``|latent| / scale``,
        else 0; "none" for the latents themselves
    scale : the size of a binary weight, > 0
    rng : int seed or numpy.random.Generator, needed by the stochastic forms alone

    Returns
    -------
    array of the shape and dtype of ``latent``

    Random numbers are always drawn in NumPy, so that every array library gets the same signs.
    Source: BinaryConnect (Courbariaux et al. 2015), Eqs. 1 to 3; the ternary forms, Lin et al.
    (2016), Section 3.2.

    >>> binary_weights([-0.2, 0.7], scale=0.5)
    array([-0.5,  0.5])
    >>> binary_weights([-0.2, 0.7], "ternary")
    array([0., 1.])
    >>> binary_weights([-0.5, 0.5], "stochastic", scale=0.5, rng=0)
    array([-0.5,  0.5])
    """
    latent = as_floats(latent, "latent")
    form = check_option(form, "form", WEIGHT_FORMS)
    scale = float(check_number(scale, "scale", low=0, open_low=True))
    if form == "none":
        return latent
    if form == "deterministic":
        return scale * ste_forward(latent)
    xp = namespace(latent)
    latent = xp.clip(latent, -scale, scale) / scale
    if form == "ternary":
        return scale * xp.where(xp.abs(latent) > 0.5, xp.sign(latent), xp.zeros_like(latent))
    rng = check_rng(rng)
    if form == "stochastic" and xp is np:  # rung 1 does it, or the reader's own coin
        return scale * stochastic_sign(latent, rng).astype(latent.dtype)
    toss = xp.asarray(rng.random(latent.shape))
    if form == "stochastic":
        heads = toss < (latent + 1.0) / 2.0
        return scale * xp.where(heads, xp.ones_like(latent), -xp.ones_like(latent))
    return scale * xp.where(toss < xp.abs(latent), xp.sign(latent), xp.zeros_like(latent))


def glorot_scale(fan_in: int, fan_out: int) -> float:
    """Return half of Glorot's bound, ``sqrt(1.5 / (fan_in + fan_out))``.

    Glorot and Bengio (2010) start weights uniformly in ``±sqrt(6 / (fan_in + fan_out))``; half of
    that is the mean size of such a weight, and so a natural size for a binary one.

    >>> round(glorot_scale(64, 32), 3)
    0.125
    """
    fan_in, fan_out = check_int(fan_in, "fan_in", low=1), check_int(fan_out, "fan_out", low=1)
    return math.sqrt(1.5 / (fan_in + fan_out))
