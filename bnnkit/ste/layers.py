"""The layers without weights, and the shape of all. One shape, repeated:

- ``forward(x, training, rng)`` gives the output, and in training keeps what ``backward`` needs;
- ``backward(grad)`` takes the gradient with respect to the output, fills ``grads``, and gives the
  gradient with respect to the input;
- ``params`` holds the real numbers that an optimiser moves, ``latents`` the real numbers behind
  binary weights; ``grads`` has one gradient for each, under the same name.

An array is replaced, never changed in place, so copies of a layer may share their arrays.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np

from bnnkit.errors import check_int, check_number, check_option, check_rng
from bnnkit.ste.arrays import as_floats, move, namespace
from bnnkit.ste.estimator import ste_backward, ste_forward


class Layer:
    """The shape that all layers have; by itself it passes everything on unchanged."""

    def __init__(self):
        self.params: dict = {}
        self.latents: dict = {}
        self.grads: dict = {}
        self.kept = None

    def forward(self, x, training: bool = False, rng=None):
        """Return the output for ``x``; ``rng`` is used by layers that draw random numbers."""
        self.kept = () if training else None
        return x

    def backward(self, grad):
        """Return the gradient with respect to the input of the last training pass."""
        self._take()
        return grad

    def measure(self, x):
        """Return the output for ``x`` in the pass over the training set that takes statistics."""
        return self.forward(x)

    def frozen(self, weights: str = "binary", rng=None) -> Layer:
        """Return the layer as it is at test time (see :class:`~bnnkit.ste.BinaryLinear`)."""
        twin = copy.copy(self)
        twin.params, twin.latents = dict(self.params), dict(self.latents)
        twin.grads, twin.kept = {}, None
        return twin

    def to(self, xp, dtype: str) -> None:
        """Move the layer's arrays to the library ``xp``, as numbers of the named dtype."""
        self.params = {name: move(value, xp, dtype) for name, value in self.params.items()}
        self.latents = {name: move(value, xp, dtype) for name, value in self.latents.items()}
        self.grads, self.kept = {}, None

    def _take(self):
        """What the last training pass kept."""
        if self.kept is None:
            raise ValueError(
                f"{type(self).__name__}.backward needs forward(x, training=True) before it"
            )
        return self.kept


class BatchNorm(Layer):
    """Each feature brought to mean 0 and variance 1 over the batch, then to a learned scale, shift.

    Parameters
    ----------
    n_features : length of axis 1 of the input, (n, features) or (n, features, height, width)
    epsilon : added to the variance, > 0
    dtype : "float32" or "float64"

    At test time a batch has no say. The mean and variance are those of the whole training set:
    reset with :meth:`forget`, then taken by :meth:`measure` over all of it, in as many batches as
    one likes; the sums are exact (Chan, Golub and LeVeque 1983). The variance divides by n.
    Source: Ioffe and Szegedy 2015.

    >>> norm = BatchNorm(1, dtype="float64")
    >>> norm.measure(np.array([[1.0], [3.0]])).round(3).tolist()
    [[-1.0], [1.0]]
    >>> float(norm.mean[0]), float(norm.var[0])
    (2.0, 1.0)
    >>> norm.forward(np.array([[2.0], [5.0]])).round(3).tolist()
    [[0.0], [3.0]]
    """

    def __init__(self, n_features: int, epsilon: float = 1e-4, *, dtype: str = "float32"):
        super().__init__()
        self.n_features = check_int(n_features, "n_features", low=1)
        self.epsilon = positive(epsilon, "epsilon")
        dtype = check_option(dtype, "dtype", ["float32", "float64"])
        self.params["gamma"] = np.ones(self.n_features, dtype)
        self.params["beta"] = np.zeros(self.n_features, dtype)
        self.forget()

    def forget(self) -> None:
        """Start the statistics afresh."""
        self.count = 0
        self.mean: Any = None
        self.var: Any = None

    def forward(self, x, training: bool = False, rng=None):
        """Return ``x`` normalised: by the batch in training, else by what was measured."""
        x = self._checked(x)
        if training:
            mean, var = self._statistics(x)
        elif self.count == 0:
            raise ValueError("BatchNorm has no statistics yet: measure the training set first")
        else:
            mean, var = self.mean, self.var
        centred, deviation = self._normalised(x, mean, var)
        self.kept = (centred, deviation) if training else None
        return self._wide(self.params["gamma"], x) * centred + self._wide(self.params["beta"], x)

    def backward(self, grad):
        """Fill ``grads``; the batch's mean and variance depend on the input too."""
        centred, deviation = self._take()
        check_gradient(grad, centred.shape)
        terms = math.prod(grad.shape) // self.n_features
        self.grads["beta"] = _sums(grad)
        self.grads["gamma"] = _sums(grad * centred)
        mean_grad = self._wide(self.grads["beta"] / terms, grad)
        mean_product = self._wide(self.grads["gamma"] / terms, grad)
        slope = self._wide(self.params["gamma"], grad) / deviation
        return slope * (grad - mean_grad - centred * mean_product)

    def measure(self, x):
        """Add ``x`` to the statistics and return it normalised by itself."""
        x = self._checked(x)
        mean, var = self._statistics(x)
        n = math.prod(x.shape) // self.n_features
        if self.count == 0:
            self.mean, self.var = mean, var
        else:
            old, new = self.count / (self.count + n), n / (self.count + n)
            self.var = old * self.var + new * var + old * new * (mean - self.mean) ** 2
            self.mean = old * self.mean + new * mean
        self.count += n
        centred, _ = self._normalised(x, mean, var)
        return self._wide(self.params["gamma"], x) * centred + self._wide(self.params["beta"], x)

    def to(self, xp, dtype: str) -> None:
        """Move the layer and its statistics."""
        super().to(xp, dtype)
        if self.count > 0:
            self.mean, self.var = move(self.mean, xp, dtype), move(self.var, xp, dtype)

    def _checked(self, x):
        x = as_floats(x, "x", ndim=(2, 4))
        if x.shape[1] != self.n_features:
            raise ValueError(f"x must have {self.n_features} features, got shape {x.shape}")
        return x

    def _statistics(self, x):
        terms = math.prod(x.shape) // self.n_features
        mean = _sums(x) / terms
        return mean, _sums((x - self._wide(mean, x)) ** 2) / terms

    def _normalised(self, x, mean, var):
        deviation = namespace(x).sqrt(self._wide(var, x) + self.epsilon)
        return (x - self._wide(mean, x)) / deviation, deviation

    def _wide(self, vector, x):
        """One number a feature, in the shape that lines up with axis 1 of ``x``."""
        return namespace(x).reshape(vector, (1, self.n_features) + (1,) * (x.ndim - 2))


class ReLU(Layer):
    """What is positive passes, the rest becomes 0.

    >>> ReLU().forward(np.array([[-1.0, 2.0]]))
    array([[0., 2.]])
    """

    def forward(self, x, training: bool = False, rng=None):
        """Return ``max(x, 0)``."""
        x = as_floats(x, "x")
        xp = namespace(x)
        self.kept = (x > 0) if training else None
        return xp.maximum(x, xp.zeros((), dtype=x.dtype))

    def backward(self, grad):
        """Return the gradient where the input was positive, else 0."""
        positive = self._take()
        check_gradient(grad, positive.shape)
        return grad * namespace(grad).astype(positive, grad.dtype)


class Sign(Layer):
    """The sign forward, the straight-through estimator backward: a binary activation.

    Parameters
    ----------
    clip : half the width of the window of :func:`bnnkit.ste.ste_backward`, or ``None``

    >>> Sign().forward(np.array([[-1.0, 0.0, 2.0]]))
    array([[-1.,  1.,  1.]])
    """

    def __init__(self, clip: float | None = 1.0):
        super().__init__()
        self.clip = None if clip is None else positive(clip, "clip")

    def forward(self, x, training: bool = False, rng=None):
        """Return the signs of ``x`` in the dtype of ``x``."""
        x = as_floats(x, "x")
        self.kept = x if training else None
        return ste_forward(x)

    def backward(self, grad):
        """Return the gradient where the input was in the window, else 0."""
        x = self._take()
        check_gradient(grad, x.shape)
        return ste_backward(x, grad, self.clip)


class Dropout(Layer):
    """In training, each number is dropped with probability ``rate`` and the rest made larger.

    Dividing what is kept by ``1 - rate`` leaves the mean as it is, so that at test time there is
    nothing to do. Source: Srivastava et al. 2014.

    >>> Dropout(0.5).forward(np.ones((1, 4)), training=True, rng=0)
    array([[2., 0., 0., 0.]])
    """

    def __init__(self, rate: float = 0.5):
        super().__init__()
        self.rate = float(check_number(rate, "rate", low=0, high=1))
        if self.rate == 1:
            raise ValueError("rate must be below 1, got 1: nothing would be left")

    def forward(self, x, training: bool = False, rng=None):
        """Return ``x`` with some of it dropped in training, as it is otherwise."""
        x = as_floats(x, "x")
        if not training:
            self.kept = None
            return x
        kept = check_rng(rng).random(x.shape) >= self.rate
        self.kept = namespace(x).asarray(kept / (1 - self.rate), dtype=x.dtype)
        return x * self.kept

    def backward(self, grad):
        """Return the gradient of what was kept."""
        factor = self._take()
        check_gradient(grad, factor.shape)
        return grad * factor


class MaxPool(Layer):
    """The largest number of each square of ``size`` by ``size``; what is left over is cut off.

    The gradient goes to the largest, to the first of equals.

    >>> MaxPool(2).forward(np.array([[[[1.0, 5.0, 9.0], [3.0, 2.0, 9.0]]]]))
    array([[[[5.]]]])
    """

    def __init__(self, size: int = 2):
        super().__init__()
        self.size = check_int(size, "size", low=1)

    def forward(self, x, training: bool = False, rng=None):
        """Return the maxima, shape (n, maps, height // size, width // size)."""
        x = as_floats(x, "x", ndim=4)
        if min(x.shape[2:]) < self.size:
            raise ValueError(f"x must be no smaller than the square {self.size}, got {x.shape}")
        xp, places = namespace(x), self._places(x)
        largest = places[0]
        for place in places[1:]:
            largest = xp.maximum(largest, place)
        self.kept = (x, largest) if training else None
        return largest

    def backward(self, grad):
        """Return the gradient at the places of the maxima, 0 elsewhere."""
        x, largest = self._take()
        check_gradient(grad, largest.shape)
        xp = namespace(grad)
        result, free = xp.zeros_like(x), xp.ones(largest.shape, dtype=xp.bool)
        for place, into in zip(self._places(x), self._places(result), strict=True):
            here = free & (place == largest)
            into[...] = grad * xp.astype(here, grad.dtype)
            free = free & ~here
        return result

    def _places(self, x) -> list:
        """Views of ``x``: the first place of every square, the second, ..."""
        k = self.size
        height, width = (side // k * k for side in x.shape[2:])
        return [x[:, :, i:height:k, j:width:k] for i in range(k) for j in range(k)]


class Flatten(Layer):
    """Each image becomes a row.

    >>> Flatten().forward(np.ones((5, 2, 3, 3))).shape
    (5, 18)
    """

    def forward(self, x, training: bool = False, rng=None):
        """Return ``x`` as (n, numbers of an image)."""
        x = as_floats(x, "x")
        self.kept = x.shape if training else None
        return namespace(x).reshape(x, (x.shape[0], -1))

    def backward(self, grad):
        """Return the gradient in the shape of the images."""
        shape = self._take()
        check_gradient(grad, (shape[0], math.prod(shape[1:])))
        return namespace(grad).reshape(grad, shape)


def positive(value, name: str) -> float:
    return float(check_number(value, name, low=0, open_low=True))


def _sums(x):
    """The sum of each feature; over the samples first, whose numbers lie together in memory."""
    xp = namespace(x)
    over_samples = xp.sum(x, axis=0)
    return xp.sum(over_samples, axis=(1, 2)) if x.ndim == 4 else over_samples


def check_gradient(grad, shape: tuple[int, ...]) -> None:
    if getattr(grad, "shape", None) != tuple(shape):
        got = getattr(grad, "shape", type(grad).__name__)
        raise ValueError(f"grad must have shape {tuple(shape)}, got {got}")
