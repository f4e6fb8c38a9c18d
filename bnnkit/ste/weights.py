"""The layers with weights: linear and convolution, each with real weights or with binary ones.

A binary layer is its real twin with other weights: what passes forward and backward are signs (or
-1, 0, +1), and behind them stand the real latents that the optimiser moves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from bnnkit.errors import check_columns, check_int, check_option, check_rng
from bnnkit.ste.arrays import as_floats, namespace
from bnnkit.ste.estimator import WEIGHT_FORMS, binary_weights, glorot_scale
from bnnkit.ste.layers import Layer, check_gradient, positive
from bnnkit.steps import step

WINDOWS = 2048  # of a convolution at a time: few enough to stay in a processor's cache

# What a rule for the test makes of the latents, by how the layer trains.
AT_TEST = {
    "deterministic": {"binary": "deterministic", "latent": "none", "sampled": "stochastic"},
    "stochastic": {"binary": "deterministic", "latent": "none", "sampled": "stochastic"},
    "ternary": {"binary": "ternary", "latent": "none", "sampled": "stochastic-ternary"},
    "stochastic-ternary": {"binary": "ternary", "latent": "none", "sampled": "stochastic-ternary"},
    "none": {"binary": "none", "latent": "none", "sampled": "none"},
}


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
        self._start((self.n_out, self.n_in), bias, rng, dtype)

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
        check_gradient(grad, (x.shape[0], self.n_out))
        grad_x, self.grads["W"] = dense_backward(x, W, grad)
        if "b" in self.params:
            self.grads["b"] = namespace(grad).sum(grad, axis=0)
        return grad_x

    def _start(self, shape: tuple[int, ...], bias: bool, rng, dtype: str) -> None:
        """Draw the first weights; a convolution's window counts in both fans."""
        window = int(np.prod(shape[2:], dtype=int))
        self.glorot = glorot_scale(self.n_in * window, self.n_out * window)
        dtype = check_option(dtype, "dtype", ["float32", "float64"])
        bound = 2 * self.glorot
        self._place_weights(check_rng(rng).uniform(-bound, bound, shape).astype(dtype))
        if bias:
            self.params["b"] = np.zeros(self.n_out, dtype)

    def _place_weights(self, W) -> None:
        self.params["W"] = W

    def _weights(self, training: bool, rng):
        return self.params["W"]


class Conv2d(Linear):
    """Real weights in a window that slides over images: a convolution without its flip.

    Parameters
    ----------
    n_in, n_out : number of maps in and out
    size : side of the square window; images keep their size, with zeros around them, if ``pad``
    pad : zeros on each side: ``size // 2`` by default
    bias, rng, dtype : as for :class:`Linear`

    ``W`` has shape (maps out, maps in, size, size), images (n, maps, height, width). Every window
    is laid out as a row (im2col), and the rest is the product of :class:`Linear`. The rows are
    many times as large as the images, so this is done for a few images at a time, while the rows
    are in the processor's cache, and once more in ``backward``. In memory the maps of a pixel lie
    side by side, so that what is copied lies together.

    >>> layer = Conv2d(1, 1, size=3, rng=0)
    >>> layer.params["W"] = np.array([[[[0, 0, 0], [0, 1.0, 0], [0, 0, -1.0]]]])
    >>> layer.forward(np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    array([[[[-3.,  2.],
             [ 3.,  4.]]]])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        size: int = 3,
        pad: int | None = None,
        bias: bool = False,
        *,
        rng,
        dtype: str = "float32",
    ):
        Layer.__init__(self)
        self.n_in, self.n_out = check_int(n_in, "n_in", low=1), check_int(n_out, "n_out", low=1)
        self.size = check_int(size, "size", low=1)
        self.pad = self.size // 2 if pad is None else check_int(pad, "pad", low=0)
        self._start((self.n_out, self.n_in, self.size, self.size), bias, rng, dtype)

    def forward(self, x, training: bool = False, rng=None):
        """Return the maps, shape (n, maps out, height', width')."""
        x = as_floats(x, "x", ndim=4)
        if x.shape[1] != self.n_in:
            raise ValueError(f"x must have {self.n_in} maps, got shape {x.shape}")
        height, width = (side + 2 * self.pad - self.size + 1 for side in x.shape[2:])
        if min(height, width) < 1:
            raise ValueError(f"x must be no smaller than the window {self.size}, got {x.shape}")
        xp, W = namespace(x), self._weights(training, rng)
        self.kept = (x, W) if training else None
        W = _as_rows(W)
        parts = [windows(x[few, ...], self.size, self.pad) @ W.T for few in self._few(x)]
        y = xp.concat(parts, axis=0)
        if "b" in self.params:
            y = y + self.params["b"]
        return xp.permute_dims(xp.reshape(y, (x.shape[0], height, width, self.n_out)), (0, 3, 1, 2))

    def backward(self, grad):
        """Fill ``grads`` and send the gradient back to every place a window has read."""
        x, W = self._take()
        height, width = (side + 2 * self.pad - self.size + 1 for side in x.shape[2:])
        check_gradient(grad, (x.shape[0], self.n_out, height, width))
        xp, n_out, W = namespace(grad), self.n_out, _as_rows(W)
        grad = xp.permute_dims(grad, (0, 2, 3, 1))
        grad_W, parts = xp.zeros_like(W), []
        for few in self._few(x):
            rows = windows(x[few, ...], self.size, self.pad)
            rows_grad = xp.reshape(grad[few, ...], (-1, n_out))
            grad_rows, part = dense_backward(rows, W, rows_grad)
            grad_W = grad_W + part
            parts.append(add_windows(grad_rows, x[few, ...].shape, self.size, self.pad))
        grad_W = xp.reshape(grad_W, (n_out, self.size, self.size, self.n_in))
        self.grads["W"] = xp.permute_dims(grad_W, (0, 3, 1, 2))
        if "b" in self.params:
            self.grads["b"] = xp.sum(grad, axis=(0, 1, 2))
        return xp.concat(parts, axis=0)

    def _few(self, x) -> list[slice]:
        """The images of ``x``, so many at a time as have about ``WINDOWS`` windows."""
        n, few = x.shape[0], max(1, WINDOWS // math.prod(x.shape[2:]))
        return [slice(start, min(start + few, n)) for start in range(0, n, few)]


class BinaryWeights:
    """What turns a layer with weights into a binary one: latents, and how they become weights."""

    params: dict
    latents: dict
    glorot: float
    scale: Any  # a number, once the weights are there
    _twin: Callable[[], Linear]

    def _make_binary(self, binarize: str, scale: float | str, spread: float, clip: bool) -> None:
        self.binarize = check_option(binarize, "binarize", WEIGHT_FORMS)
        self.scale = scale if scale == "glorot" else positive(scale, "scale")
        self.spread, self.clip = positive(spread, "spread"), bool(clip)

    def frozen(self, weights: str = "binary", rng=None) -> Layer:
        """Return the twin with real weights that ``weights`` means at test time.

        "binary": the signs (or -1, 0, +1); "latent": the real latents; "sampled": one draw.
        """
        check_option(weights, "weights", AT_TEST["none"])
        twin = self._twin()
        twin.params = dict(self.params)
        form = AT_TEST[self.binarize][weights]
        twin.params["W"] = binary_weights(self.latents["W"], form, self.scale, rng)
        return twin

    def _place_weights(self, W) -> None:
        if self.scale == "glorot":
            self.scale = self.glorot
        self.bound = self.scale if self.clip else None
        self.glorot_ratio = self.scale / self.glorot
        start = W * (self.spread * self.scale / (2 * self.glorot))
        self.latents["W"] = np.clip(start, -self.scale, self.scale)

    def _weights(self, training: bool, rng):
        form = self.binarize if training else AT_TEST[self.binarize]["binary"]
        return binary_weights(self.latents["W"], form, self.scale, rng)


class BinaryLinear(BinaryWeights, Linear):
    """Weights ``±scale`` in both directions, with real latents behind them: BinaryConnect.

    Parameters
    ----------
    n_in, n_out, bias, rng, dtype : as in :class:`Linear`
    binarize : "deterministic" (the sign), "stochastic" (a fresh coin for each weight in each
        training pass), "ternary" or "stochastic-ternary" (0 as well), or "none" (the latents
        themselves)
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
        self._make_binary(binarize, scale, spread, clip)
        super().__init__(n_in, n_out, bias, rng=rng, dtype=dtype)

    def _twin(self) -> Linear:
        return Linear(self.n_in, self.n_out, bias=False, rng=0)


class BinaryConv2d(BinaryWeights, Conv2d):
    """A convolution with weights ``±scale`` and latents behind them.

    Parameters
    ----------
    n_in, n_out, size, pad, bias, rng, dtype : as in :class:`Conv2d`
    binarize, scale, spread, clip : as in :class:`BinaryLinear`

    >>> layer = BinaryConv2d(1, 1, size=1, rng=0)
    >>> layer.latents["W"] = np.array([[[[-0.3]]]])
    >>> layer.forward(np.array([[[[1.0, 2.0]]]]))
    array([[[[-1., -2.]]]])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        size: int = 3,
        pad: int | None = None,
        bias: bool = False,
        *,
        binarize: str = "deterministic",
        scale: float | str = 1.0,
        spread: float = 1.0,
        clip: bool = True,
        rng,
        dtype: str = "float32",
    ):
        self._make_binary(binarize, scale, spread, clip)
        super().__init__(n_in, n_out, size, pad, bias, rng=rng, dtype=dtype)

    def _twin(self) -> Conv2d:
        return Conv2d(self.n_in, self.n_out, self.size, self.pad, rng=0)


def windows(x, size: int, pad: int):
    """Return every window of ``x``, (n, maps, height, width), as a row: im2col.

    Rows are ordered (image, top, left), columns (row, column, map).

    >>> windows(np.arange(4.0).reshape(1, 1, 2, 2), size=2, pad=0)
    array([[0., 1., 2., 3.]])
    """
    xp = namespace(x)
    n, maps, height, width = x.shape
    x = _padded(xp.permute_dims(x, (0, 2, 3, 1)), pad)
    height, width = height + 2 * pad - size + 1, width + 2 * pad - size + 1
    views = [x[:, i : i + height, j : j + width, :] for i in range(size) for j in range(size)]
    stacked = xp.stack(views, axis=3)  # (n, height, width, size * size, maps)
    return xp.reshape(stacked, (n * height * width, size * size * maps))


def add_windows(rows, shape: tuple[int, ...], size: int, pad: int):
    """Return images of ``shape`` in which every window's row has been added to its place.

    The transpose of :func:`windows`, and so its gradient.
    """
    xp = namespace(rows)
    n, maps, height, width = shape
    out_height, out_width = height + 2 * pad - size + 1, width + 2 * pad - size + 1
    rows = xp.reshape(rows, (n, out_height, out_width, size * size, maps))
    total = xp.zeros((n, height + 2 * pad, width + 2 * pad, maps), dtype=rows.dtype)
    for k in range(size * size):
        i, j = divmod(k, size)
        total[:, i : i + out_height, j : j + out_width, :] += rows[:, :, :, k, :]
    total = total[:, pad : pad + height, pad : pad + width, :]
    return xp.permute_dims(total, (0, 3, 1, 2))


def _as_rows(W):
    """The weights of a convolution as a matrix: a row a map, columns in the order of windows."""
    xp = namespace(W)
    return xp.reshape(xp.permute_dims(W, (0, 2, 3, 1)), (W.shape[0], -1))


def _padded(x, pad: int):
    if pad == 0:
        return x
    n, height, width, maps = x.shape
    framed = namespace(x).zeros((n, height + 2 * pad, width + 2 * pad, maps), dtype=x.dtype)
    framed[:, pad : pad + height, pad : pad + width, :] = x
    return framed
