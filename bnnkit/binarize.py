"""Rung 1: from real numbers to signs.

Two ways to take the sign of a number, and two ways to turn data into signs. Everything above this
rung sees only -1 and +1.
"""

from __future__ import annotations

import numpy as np

from bnnkit.errors import check_array, check_columns, check_int, check_option, check_rng
from bnnkit.steps import step

EXACT = 2**53  # up to here every integer is a float64
MAX_BITS = 2**16  # thresholds a feature: more than that is a mistake, and a great deal of memory


@step("1.1")
def sign(x) -> np.ndarray:
    """Return the sign of each number, with ``sign(0) = +1``.

    A network of signs has no room for a third value, so zero needs a side. The papers give it to
    +1 (BEP, Section 3.1), and so does everything in this package.

    Parameters
    ----------
    x : array of real numbers, any shape, finite

    Returns
    -------
    array of int8, same shape, each entry -1 or +1

    >>> sign([-1.5, -0.0, 0.0, 2.0])
    array([-1,  1,  1,  1], dtype=int8)
    """
    x = check_array(x, "x")
    return _signs_where(x >= 0)


@step("1.2")
def stochastic_sign(w, rng) -> np.ndarray:
    """Return a random sign for each number: +1 with probability ``clip((w + 1) / 2, 0, 1)``.

    Inside [-1, 1] the coin is right on average: the expected sign is ``w`` itself, and its
    variance is ``1 - w**2``. Source: BinaryConnect (Courbariaux et al. 2015), Eqs. 2 and 3.

    Parameters
    ----------
    w : array of real numbers, any shape, finite
    rng : int seed or numpy.random.Generator

    Returns
    -------
    array of int8, same shape, each entry -1 or +1

    >>> stochastic_sign([-1.0, 1.0, 7.0], rng=0)
    array([-1,  1,  1], dtype=int8)
    """
    w = check_array(w, "w")
    probability = np.clip((w + 1.0) / 2.0, 0.0, 1.0)
    heads = check_rng(rng).random(w.shape) < probability
    return _signs_where(heads)


@step("1.3")
def thermometer(X, thresholds) -> np.ndarray:
    """Return the thermometer code of each number: one sign for each threshold it may exceed.

    Like mercury passing the marks on a tube: with thresholds 2, 5, 8 the number 6 becomes
    ``+1 +1 -1``. The bits of one feature stay together. The comparison is strict.

    Parameters
    ----------
    X : array of real numbers, shape (n, d)
    thresholds : array of real numbers, shape (d, bits), each row ascending

    Returns
    -------
    array of int8, shape (n, d * bits)

    >>> thermometer([[6.0, 1.0]], [[2.0, 5.0, 8.0], [0.0, 1.0, 2.0]])
    array([[ 1,  1, -1,  1, -1, -1]], dtype=int8)
    """
    X = check_array(X, "X", ndim=2)
    thresholds = check_array(thresholds, "thresholds", ndim=2)
    if len(thresholds) != X.shape[1]:
        raise ValueError(
            f"thresholds must have one row a feature ({X.shape[1]}), got shape {thresholds.shape}"
        )
    if (thresholds[:, 1:] < thresholds[:, :-1]).any():
        raise ValueError("thresholds must ascend in each row")
    above = _above(X[:, :, None], thresholds[None, :, :])
    return _signs_where(above).reshape(len(X), -1)


class MedianBinarizer:
    """One sign a feature: +1 where it is above its median in the training data.

    Parameters
    ----------
    scope : "feature" for one median a column, "global" for one median of all the numbers

    The median is an order statistic, one of the numbers themselves, so that it is exact. On images
    with a dark background the global median is 0, and the rule becomes "is the pixel lit?".

    >>> binarizer = MedianBinarizer().fit([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0]])
    >>> binarizer.medians_
    array([ 1., 20.])
    >>> binarizer.transform([[1.0, 21.0]])
    array([[-1,  1]], dtype=int8)
    """

    def __init__(self, scope: str = "feature"):
        self.scope = scope

    def fit(self, X, y=None) -> MedianBinarizer:
        """Find the medians of ``X``, shape (n, d), and return ``self``."""
        check_option(self.scope, "scope", ["feature", "global"])
        X = check_array(X, "X", ndim=2)
        columns = X if self.scope == "feature" else X.reshape(-1, 1)
        self.medians_ = np.broadcast_to(_quantiles(columns, 1)[:, 0], X.shape[1]).copy()
        return self

    def transform(self, X) -> np.ndarray:
        """Return the signs of ``X``, shape (n, d), as int8 of the same shape."""
        medians = _fitted(self, "medians_")
        X = check_array(X, "X", ndim=2)
        check_columns(X, "X", len(medians))
        return _signs_where(_above(X, medians))

    def fit_transform(self, X, y=None) -> np.ndarray:
        """Fit to ``X`` and return its signs."""
        return self.fit(X).transform(X)


class ThermometerEncoder:
    """Several signs a feature: which of its quantiles it exceeds (a distributive thermometer).

    Parameters
    ----------
    bits : the number of thresholds a feature; threshold ``i`` of ``bits`` is the quantile
        ``i / (bits + 1)`` of the training data, an order statistic. One bit is the median.

    Tables ``(n, d)`` become ``(n, d * bits)``, the bits of one feature side by side. Sequences
    ``(cases, channels, time)`` become ``(cases, channels * bits, time)``: the quantiles of a
    channel are taken over all cases and times.

    >>> encoder = ThermometerEncoder(bits=3).fit([[1.0], [2.0], [3.0], [4.0]])
    >>> encoder.thresholds_
    array([[1., 2., 3.]])
    >>> encoder.transform([[2.5], [0.0]])
    array([[ 1,  1, -1],
           [-1, -1, -1]], dtype=int8)
    """

    def __init__(self, bits: int = 4):
        self.bits = bits

    def fit(self, X, y=None) -> ThermometerEncoder:
        """Find the thresholds of ``X``, (n, d) or (cases, channels, time); return ``self``."""
        bits = check_int(self.bits, "bits", low=1, high=MAX_BITS)
        columns = _columns(check_array(X, "X", ndim=(2, 3)))
        self.thresholds_ = _quantiles(columns, bits)
        return self

    def transform(self, X) -> np.ndarray:
        """Return the signs of ``X`` as int8: (n, d * bits) or (cases, channels * bits, time)."""
        thresholds = _fitted(self, "thresholds_")
        X = check_array(X, "X", ndim=(2, 3))
        if X.ndim == 2:
            check_columns(X, "X", len(thresholds))
            return thermometer(X, thresholds)
        cases, channels, time = X.shape
        if channels != len(thresholds):
            raise ValueError(f"X must have {len(thresholds)} channels, got shape {X.shape}")
        signs = thermometer(_columns(X), thresholds)
        return np.ascontiguousarray(signs.reshape(cases, time, -1).transpose(0, 2, 1))

    def fit_transform(self, X, y=None) -> np.ndarray:
        """Fit to ``X`` and return its signs."""
        return self.fit(X).transform(X)


def _quantiles(columns: np.ndarray, bits: int) -> np.ndarray:
    """Quantiles i / (bits + 1) of each column, shape (d, bits): entry ceil(i n / (bits + 1)) of n.

    This is NumPy's ``method="inverted_cdf"``, with the index in exact integer arithmetic.
    """
    i = np.arange(1, bits + 1)
    index = -(-i * len(columns) // (bits + 1)) - 1
    return np.sort(columns, axis=0)[index].T.copy()


def _above(X: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """``X > thresholds``, exact also where an integer is too long for the float beside it."""
    kinds = {X.dtype.kind in "iu", thresholds.dtype.kind in "iu"}
    whole = X if X.dtype.kind in "iu" else thresholds
    if len(kinds) == 1 or -EXACT <= whole.min() <= whole.max() <= EXACT:
        return X > thresholds
    return np.greater(X.astype(object), thresholds.astype(object), dtype=object).astype(bool)


def _columns(X: np.ndarray) -> np.ndarray:
    """Tables as they are; sequences as one row a case and time: (cases * time, channels)."""
    return X if X.ndim == 2 else X.transpose(0, 2, 1).reshape(-1, X.shape[1])


def _signs_where(plus) -> np.ndarray:
    """+1 where a condition holds, else -1: by bytes, many times faster than np.where."""
    return np.asarray(np.int8(2) * plus - np.int8(1))


def _fitted(binarizer, attribute: str) -> np.ndarray:
    if not hasattr(binarizer, attribute):
        raise ValueError(f"{type(binarizer).__name__} must be fitted before transform: call fit(X)")
    return getattr(binarizer, attribute)
