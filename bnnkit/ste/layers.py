"""The layers. One shape, repeated:

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

import numpy as np

from bnnkit.errors import check_columns, check_int, check_number, check_option, check_rng
from bnnkit.ste.arrays import as_floats, move, namespace
from bnnkit.ste.estimator import (
    WEIGHT_FORMS,
    binary_weights,
    glorot_scale,
    ste_backward,
    ste_forward,
)
from bnnkit.steps import step


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
        """Return the layer as it is at test time (see :class:`BinaryLinear` for ``weights``)."""
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


@step("2.3")
def dense_backward(x, W, grad):
    """Return the gradients behind ``y = x W'``: with respect to ``x``, and to ``W``.

    Parameters
    ----------
    x : array of shape (n, inputs), what went into the layer
    W : array of shape (outputs, inputs), the weights of the forward pass
    grad : array of shape (n, outputs), the gradient with respect to ``y``

    Returns
    -------
    (array of shape (n, inputs), array of shape (outputs, inputs)); the second sums over the batch

    >>> dense_backward(np.array([[3.0, 4.0]]), np.array([[1.0, -1.0]]), np.array([[2.0]]))
    (array([[ 2., -2.]]), array([[6., 8.]]))
    """
    return grad @ W, grad.T @ x


class Linear(Layer):
    """Real weights: ``y = x W' + b``, with ``W`` of shape (outputs, inputs).

    Parameters
    ----------
    n_in, n_out : number of inputs and outputs
    bias : whether there is a ``b``; before a batch norm it would do nothing
    rng : int seed or numpy.random.Generator, for the start: uniform in Glorot's bound
    dtype : "float32" or "float64"

    >>> layer = Linear(2, 1, rng=0)
    >>> layer.params["W"] = np.array([[2.0, -1.0]])
    >>> layer.forward(np.array([[3.0, 4.0]]), training=True)
    array([[2.]])
    >>> layer.backward(np.array([[1.0]]))
    array([[ 2., -1.]])
    >>> layer.grads["W"]
    array([[3., 4.]])
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True, *, rng, dtype: str = "float32"):
        super().__init__()
        self.n_in, self.n_out = check_int(n_in, "n_in", low=1), check_int(n_out, "n_out", low=1)
        self.glorot = glorot_scale(self.n_in, self.n_out)
        dtype = check_option(dtype, "dtype", ["float32", "float64"])
        W = _uniform(2 * self.glorot, (self.n_out, self.n_in), rng, dtype)
        self._place_weights(W)
        if bias:
            self.params["b"] = np.zeros(self.n_out, dtype)

    def forward(self, x, training: bool = False, rng=None):
        """Return ``x W' + b``, shape (n, outputs), for ``x`` of shape (n, inputs)."""
        x = as_floats(x, "x", ndim=2)
        check_columns(x, "x", self.n_in)
        W = self._weights(training, rng)
        self.kept = (x, W) if training else None
        y = x @ W.T
        return y + self.params["b"] if "b" in self.params else y

    def backward(self, grad):
        """Fill ``grads`` and return ``grad W``: back through the weights of the forward pass."""
        x, W = self._take()
        _check_gradient(grad, (x.shape[0], self.n_out))
        grad_x, self.grads["W"] = dense_backward(x, W, grad)
        if "b" in self.params:
            self.grads["b"] = namespace(grad).sum(grad, axis=0)
        return grad_x

    def _place_weights(self, W) -> None:
        self.params["W"] = W

    def _weights(self, training: bool, rng):
        return self.params["W"]


class BinaryLinear(Linear):
    """Weights ``±scale`` in both directions, with real latents behind them: BinaryConnect.

    Parameters
    ----------
    n_in, n_out, bias, rng, dtype : as in :class:`Linear`
    binarize : "deterministic" (the sign), "stochastic" (a fresh coin for each weight in each
        training pass) or "none" (the latents themselves)
    scale : the size of a binary weight and, after each step, the bound of the latents; a number,
        or "glorot" for ``sqrt(1.5 / (n_in + n_out))``
    spread : the latents start uniform in ``±spread * scale``, then clipped to ``±scale``
    clip : whether the latents are clipped after a step

    ``backward`` goes through the very weights of the forward pass, and the gradient with respect
    to them lands in ``grads["W"]``, unmasked, for the latents. Outside training the layer uses its
    signs. Source: Courbariaux et al. 2015, Algorithm 1.

    >>> layer = BinaryLinear(2, 1, rng=0)
    >>> layer.latents["W"] = np.array([[0.2, -0.9]])
    >>> layer.forward(np.array([[3.0, 4.0]]), training=True)
    array([[-1.]])
    >>> layer.backward(np.array([[1.0]]))
    array([[ 1., -1.]])
    >>> layer.grads["W"]
    array([[3., 4.]])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        bias: bool = False,
        *,
        binarize: str = "deterministic",
        scale: float | str = 1.0,
        spread: float = 1.0,
        clip: bool = True,
        rng,
        dtype: str = "float32",
    ):
        self.binarize = check_option(binarize, "binarize", WEIGHT_FORMS)
        self.scale = glorot_scale(n_in, n_out) if scale == "glorot" else _positive(scale, "scale")
        self.spread = _positive(spread, "spread")
        self.bound = self.scale if clip else None
        super().__init__(n_in, n_out, bias, rng=rng, dtype=dtype)
        self.glorot_ratio = self.scale / self.glorot

    def frozen(self, weights: str = "binary", rng=None) -> Layer:
        """Return a :class:`Linear` with the weights that ``weights`` means at test time.

        "binary": the signs; "latent": the real latents; "sampled": one draw of random signs.
        """
        form = {"binary": "deterministic", "latent": "none", "sampled": "stochastic"}
        form = form[check_option(weights, "weights", form)]
        twin = Linear(self.n_in, self.n_out, bias=False, rng=0)
        twin.params = dict(self.params)
        twin.params["W"] = binary_weights(self.latents["W"], self._form(form), self.scale, rng)
        return twin

    def _place_weights(self, W) -> None:
        start = W * (self.spread * self.scale / (2 * self.glorot))
        self.latents["W"] = np.clip(start, -self.scale, self.scale)

    def _weights(self, training: bool, rng):
        form = self.binarize if training else self._form("deterministic")
        return binary_weights(self.latents["W"], form, self.scale, rng)

    def _form(self, form: str) -> str:
        """A layer without a binariser has only one form."""
        return "none" if self.binarize == "none" else form


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
        self.epsilon = _positive(epsilon, "epsilon")
        dtype = check_option(dtype, "dtype", ["float32", "float64"])
        self.params["gamma"] = np.ones(self.n_features, dtype)
        self.params["beta"] = np.zeros(self.n_features, dtype)
        self.forget()

    def forget(self) -> None:
        """Start the statistics afresh."""
        self.count, self.mean, self.var = 0, None, None

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
        _check_gradient(grad, centred.shape)
        xp, axes = namespace(grad), _all_but_features(grad)
        terms = math.prod(grad.shape) // self.n_features
        self.grads["beta"] = xp.sum(grad, axis=axes)
        self.grads["gamma"] = xp.sum(grad * centred, axis=axes)
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
        xp, axes = namespace(x), _all_but_features(x)
        return xp.mean(x, axis=axes), xp.var(x, axis=axes)

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
        return xp.where(x > 0, x, xp.zeros_like(x))

    def backward(self, grad):
        """Return the gradient where the input was positive, else 0."""
        positive = self._take()
        _check_gradient(grad, positive.shape)
        xp = namespace(grad)
        return xp.where(positive, grad, xp.zeros_like(grad))


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
        self.clip = None if clip is None else _positive(clip, "clip")

    def forward(self, x, training: bool = False, rng=None):
        """Return the signs of ``x`` in the dtype of ``x``."""
        x = as_floats(x, "x")
        self.kept = x if training else None
        return ste_forward(x)

    def backward(self, grad):
        """Return the gradient where the input was in the window, else 0."""
        x = self._take()
        _check_gradient(grad, x.shape)
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
        _check_gradient(grad, factor.shape)
        return grad * factor


def _uniform(bound: float, shape: tuple[int, ...], rng, dtype: str) -> np.ndarray:
    return check_rng(rng).uniform(-bound, bound, shape).astype(dtype)


def _positive(value, name: str) -> float:
    return float(check_number(value, name, low=0, open_low=True))


def _all_but_features(x) -> tuple[int, ...]:
    return tuple(axis for axis in range(x.ndim) if axis != 1)


def _check_gradient(grad, shape: tuple[int, ...]) -> None:
    if getattr(grad, "shape", None) != tuple(shape):
        got = getattr(grad, "shape", type(grad).__name__)
        raise ValueError(f"grad must have shape {tuple(shape)}, got {got}")
