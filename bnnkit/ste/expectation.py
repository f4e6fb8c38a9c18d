"""Expectation backpropagation: learn how likely each weight is to be +1, not the weight.

Every weight is a coin of its own: +1 with probability ``1 / (1 + exp(-2 h))``, so that its mean is
``tanh(h)``. A sum of many coins is nearly normal, so one pass carries means and variances through
the network instead of drawing signs, and ends with the probability of the right answer. Its
logarithm is differentiated with respect to the mean of each weight, and that is what the sample
tells about the weight: Bayes' rule, to first order, adds it to ``h``. There is no learning rate to
choose, because evidence adds up with weight one.

Not to be confused with BEP, binary error propagation (:mod:`bnnkit.bep`), which the letters
resemble: this method needs real numbers everywhere while it learns.

Sources: Soudry, Hubara and Meir 2014; for several classes and MNIST, Cheng et al. 2015.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.errors import check_columns, check_option, check_rng, check_widths
from bnnkit.ste.arrays import as_floats, namespace
from bnnkit.ste.estimator import binary_weights
from bnnkit.ste.layers import Layer, Sign, check_gradient, positive
from bnnkit.ste.losses import normal_cdf, normal_density
from bnnkit.ste.network import BinaryConnectNetwork
from bnnkit.ste.weights import AT_TEST, Linear, dense_backward

SMALLEST = 1e-12  # a variance, of a sample that is all zeros


class ExpectedLinear(Linear):
    """A sum over random signs: how far its mean lies from zero, in standard deviations.

    Parameters
    ----------
    n_in, n_out : number of inputs and outputs
    signs : whether the inputs are means of random signs (hidden layers), or known numbers
    start : the ``h`` start uniform in ``±start``; the same for all widths, as what passes through
        a layer is the size of the means, not of the sums
    bound : no ``|h|`` grows beyond, so that no weight is ever certain; 4 leaves 1 in 3000 to doubt
    rng, dtype : as for :class:`Linear`

    With ``m = tanh(h)`` and inputs ``v`` the mean of the sum is ``m v``; its variance is the sum of
    ``1 - m**2 v**2`` for signs, of ``(1 - m**2) v**2`` for numbers. ``backward`` takes the
    deviation as it is, as the paper does. ``latents["W"]`` is ``h``, and ``grads["W"]`` the
    gradient with respect to ``m``. Source: Soudry et al. 2014.

    >>> layer = ExpectedLinear(2, 1, signs=False, rng=0, dtype="float64")
    >>> layer.latents["W"] = np.arctanh([[0.6, -0.8]])
    >>> layer.forward(np.array([[1.0, 1.0]]))
    array([[-0.2]])
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        signs: bool = True,
        *,
        start: float = 1.0,
        bound: float = 4.0,
        rng,
        dtype: str = "float32",
    ):
        self.signs = bool(signs)
        self.start, self.bound = positive(start, "start"), positive(bound, "bound")
        self.glorot_ratio = 1.0  # evidence has its size already
        super().__init__(n_in, n_out, bias=False, rng=rng, dtype=dtype)

    def forward(self, x, training: bool = False, rng=None):
        """Return mean over deviation, shape (n, outputs), for ``x`` of shape (n, inputs)."""
        x = as_floats(x, "x", ndim=2)
        check_columns(x, "x", self.n_in)
        xp, means = namespace(x), self._means()
        if self.signs:
            variance = self.n_in - (x * x) @ (means * means).T
        else:
            variance = (x * x) @ (1 - means * means).T
        deviation = xp.sqrt(xp.clip(variance, SMALLEST, None))
        self.kept = (x, means, deviation) if training else None
        return x @ means.T / deviation

    def backward(self, grad):
        """Fill ``grads`` and return the gradient with respect to the means of the inputs."""
        x, means, deviation = self._take()
        check_gradient(grad, deviation.shape)
        grad_x, self.grads["W"] = dense_backward(x, means, grad / deviation)
        return grad_x

    def frozen(self, weights: str = "binary", rng=None) -> Layer:
        """Return the layer at test time.

        "binary": its likelier signs; "latent": its means, as in training; "sampled": one draw.
        """
        form = check_option(weights, "weights", AT_TEST["stochastic"])
        if form == "latent":
            return super().frozen()
        twin = Linear(self.n_in, self.n_out, bias=False, rng=0)
        twin.params["W"] = binary_weights(self._means(), AT_TEST["stochastic"][form], rng=rng)
        return twin

    def _place_weights(self, W) -> None:
        self.latents["W"] = np.clip(W * (self.start / (2 * self.glorot)), -self.bound, self.bound)

    def _means(self):
        h = self.latents["W"]
        return namespace(h).tanh(h)


class ExpectedSign(Layer):
    """The mean of a sign, of a normal variable ``x`` deviations above zero: ``2 cdf(x) - 1``.

    >>> ExpectedSign().forward(np.array([[-1.0, 0.5, 9.0]])).round(3)
    array([[-0.683,  0.383,  1.   ]])
    """

    def forward(self, x, training: bool = False, rng=None):
        """Return the mean of each sign, from -1 to 1."""
        x = as_floats(x, "x")
        self.kept = x if training else None
        return 2 * normal_cdf(x) - 1

    def backward(self, grad):
        """Return the gradient times twice the normal density."""
        x = self._take()
        check_gradient(grad, x.shape)
        return 2 * normal_density(x) * grad

    def frozen(self, weights: str = "binary", rng=None) -> Layer:
        """Return the layer at test time: a sign, but for the rule "latent", which has means."""
        check_option(weights, "weights", AT_TEST["stochastic"])
        return super().frozen() if weights == "latent" else Sign()


def expectation_mlp(
    widths: Sequence[int],
    *,
    start: float = 1.0,
    bound: float = 4.0,
    dtype: str = "float32",
    rng,
) -> BinaryConnectNetwork:
    """Return a multilayer perceptron for expectation backpropagation: signs all the way.

    Parameters
    ----------
    widths : inputs, hidden layers, classes, as in ``[64, 256, 10]``
    start, bound : of ``h``, see :class:`ExpectedLinear`
    dtype : "float32" or "float64"
    rng : int seed or numpy.random.Generator, for the start

    Train it with ``fit(X, y, loss="probit", optimizer=SGD(), batch_size=n, learning_rate=(n, n))``:
    the loss is a mean over the batch, and times ``n`` it is the evidence in full. With ``n = 1``
    this is the paper's online rule; the larger the batch, the more its samples, which do not know
    of each other, say the same thing twice, and some nets need a smaller rate then.

    The three rules of the test are those of BinaryConnect: "binary", each weight its likelier
    sign, and the activations signs too (the paper's deterministic output); "latent", means and
    variances (its probabilistic output); "ensemble", nets of drawn signs. From inputs that are
    signs :func:`bnnkit.export.export_c` makes C of the first. Files and
    :func:`bnnkit.summary.summary` do not know the layers.

    Source: Soudry et al. 2014; one output against all others, Cheng et al. 2015.

    >>> from bnnkit.ste import SGD
    >>> X = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    >>> net = expectation_mlp([3, 32, 2], rng=0)
    >>> net = net.fit(X, [0, 1, 1, 0], epochs=100, batch_size=1, learning_rate=(1, 1),
    ...               loss="probit", optimizer=SGD(), rng=0)
    >>> net.predict(X, "latent")
    array([0, 1, 1, 0])
    """
    widths = check_widths(widths, "widths")
    if len(widths) < 2:
        raise ValueError(f"widths must hold at least inputs and classes, got {widths}")
    rng = check_rng(rng)
    layers: list[Layer] = []
    for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
        signs = bool(layers)
        if signs:
            layers.append(ExpectedSign())
        layers.append(
            ExpectedLinear(n_in, n_out, signs, start=start, bound=bound, rng=rng, dtype=dtype)
        )
    return BinaryConnectNetwork(layers, "binary", dtype)
