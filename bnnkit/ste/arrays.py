"""Which array library is this? The layers run on the one that their input comes from.

NumPy, CuPy and others share one interface, the Python array API standard: an array hands out its
own library with ``x.__array_namespace__()``. The layers ask for it and use nothing beyond it, so
the same lines run on a GPU. By custom the library is called ``xp``.
"""

from __future__ import annotations

import numpy as np

from bnnkit.errors import check_array


def namespace(x):
    """Return the array library that ``x`` belongs to.

    >>> namespace(np.zeros(3)) is np
    True
    """
    return x.__array_namespace__()


def as_floats(x, name: str, ndim: int | tuple[int, ...] | None = None):
    """Return ``x`` as a finite, non-empty array of floating-point numbers.

    An array of another library stays there. Lists become NumPy arrays; integers become
    ``float64``, and a floating-point dtype is kept.

    >>> as_floats([1, 2], "x").dtype
    dtype('float64')
    """
    if isinstance(x, np.ndarray) or not hasattr(x, "__array_namespace__"):
        x = check_array(x, name, ndim)
        return x if x.dtype.kind == "f" else x.astype(np.float64)
    xp = namespace(x)
    if not xp.isdtype(x.dtype, "real floating"):
        raise TypeError(f"{name} must hold floating-point numbers, got dtype {x.dtype}")
    allowed = (ndim,) if isinstance(ndim, int) else ndim
    if allowed is not None and x.ndim not in allowed:
        wanted = " or ".join(str(n) for n in allowed)
        raise ValueError(f"{name} must have {wanted} axes, got shape {x.shape}")
    if 0 in x.shape:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")
    if not xp.all(xp.isfinite(x)):
        raise ValueError(f"{name} must hold finite numbers, got infinities or nan")
    return x


def move(x, xp, dtype: str):
    """Return ``x`` as an array of the library ``xp`` with the named ``dtype``."""
    return xp.asarray(x, dtype=getattr(xp, dtype))


def check_same_shape(x, y, name: str, other: str) -> None:
    """Raise ``ValueError`` unless ``x`` (called ``name``) and ``y`` have one shape."""
    if x.shape != y.shape:
        raise ValueError(f"{name} must have the shape of {other} {y.shape}, got {x.shape}")
