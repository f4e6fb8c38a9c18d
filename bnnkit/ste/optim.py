"""SGD and Adam, for real parameters and for the latents behind binary weights.

Why accumulate at all? One step is far too small to turn a sign around; rounded to the bit, nothing
would ever move. The latent remembers the small pushes until they outweigh it. Helwegen et al.
(2019) put it so: the latent is not a weight, it is inertia.
"""

from __future__ import annotations

import numpy as np

from bnnkit.errors import check_int, check_number
from bnnkit.ste.arrays import as_floats, check_same_shape, namespace
from bnnkit.steps import step


@step("2.2")
def latent_update(latent, direction, rate: float, bound: float | None = 1.0):
    """Return the latents one step against ``direction``, put back into ``[-bound, bound]``.

    Parameters
    ----------
    latent : array of real numbers: what the optimiser remembers behind the binary weights
    direction : array of the same shape: the gradient with respect to the *binary* weights, as it
        is (SGD) or as the optimiser has made it (Adam). It passes unmasked.
    rate : the size of the step, > 0
    bound : where a latent is stopped, > 0, or ``None`` for nowhere

    Returns
    -------
    array of the shape and dtype of ``latent``

    Past the bound a latent could not change its weight any more, only take longer to come back.
    Source: BinaryConnect (Courbariaux et al. 2015), Algorithm 1 and Section 2.4.

    >>> latent_update([0.1, -0.9, 1.0], [2.0, 2.0, 0.5], rate=0.25)
    array([-0.4  , -1.   ,  0.875])
    """
    latent, direction = as_floats(latent, "latent"), as_floats(direction, "direction")
    check_same_shape(direction, latent, "direction", "latent")
    rate = float(check_number(rate, "rate", low=0, open_low=True))
    xp = namespace(latent)
    moved = latent - xp.astype(rate * direction, latent.dtype)
    if bound is None:
        return moved
    bound = float(check_number(bound, "bound", low=0, open_low=True))
    return xp.clip(moved, -bound, bound)


class Optimizer:
    """What SGD and Adam share: one walk over the layers, parameters first, then latents.

    Parameters
    ----------
    glorot_steps : multiply the step of a latent by ``(scale / glorot) ** power``, where ``scale``
        is the size of the layer's binary weights and ``glorot`` is
        ``sqrt(1.5 / (fan_in + fan_out))``. ``power`` is 2 for SGD and 1 for Adam.

    Weights of ±1 are much larger than Glorot's, and batch norm undoes the size. With these steps a
    net with weights ±1 and a net with weights ±glorot learn the same signs: a gradient shrinks by
    the ratio and the way to go grows by it, so SGD needs the square; Adam ignores the size of
    gradients and needs the ratio once.
    """

    power: int

    def __init__(self, glorot_steps: bool = True):
        self.glorot_steps = bool(glorot_steps)

    def direction(self, key, grad):
        """Return where to step against, for the array called ``key`` with gradient ``grad``."""
        raise NotImplementedError

    def update(self, layers, rate: float) -> None:
        """Take one step of size ``rate`` in each layer, from the gradients in ``layer.grads``."""
        rate = float(check_number(rate, "rate", low=0, open_low=True))
        for index, layer in enumerate(layers):
            for name, value in layer.params.items():
                direction = self.direction((index, name), layer.grads[name])
                layer.params[name] = value - rate * direction
            for name, latent in layer.latents.items():
                direction = self.direction((index, name), layer.grads[name])
                factor = layer.glorot_ratio**self.power if self.glorot_steps else 1.0
                layer.latents[name] = latent_update(latent, direction, rate * factor, layer.bound)


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

    Parameters
    ----------
    momentum : the share of the last direction that is kept, in [0, 1)
    glorot_steps : see :class:`Optimizer`
    """

    power = 2

    def __init__(self, momentum: float = 0.0, glorot_steps: bool = True):
        super().__init__(glorot_steps)
        self.momentum = float(check_number(momentum, "momentum", low=0, high=1))
        if self.momentum == 1:
            raise ValueError("momentum must be below 1, got 1")
        self.velocity: dict = {}

    def direction(self, key, grad):
        """Return the gradient, with the kept share of the last direction."""
        if self.momentum == 0:
            return grad
        if key in self.velocity:
            _check_remembered(self.velocity[key], grad)
            grad = self.momentum * self.velocity[key] + grad
        self.velocity[key] = grad
        return grad


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015): each entry steps by its mean gradient over its typical size.

    Parameters
    ----------
    beta1, beta2 : how much of the running mean and mean square is kept, in [0, 1)
    epsilon : keeps the division finite, > 0
    glorot_steps : see :class:`Optimizer`
    """

    power = 1

    def __init__(
        self,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        glorot_steps: bool = True,
    ):
        super().__init__(glorot_steps)
        self.beta1 = float(check_number(beta1, "beta1", low=0, high=1))
        self.beta2 = float(check_number(beta2, "beta2", low=0, high=1))
        if self.beta1 == 1 or self.beta2 == 1:
            raise ValueError(f"beta1 and beta2 must be below 1, got {beta1} and {beta2}")
        self.epsilon = float(check_number(epsilon, "epsilon", low=0, open_low=True))
        self.moments: dict = {}  # key -> (number of steps, mean, mean square)

    def direction(self, key, grad):
        """Return mean / sqrt(mean square), both corrected for having started at zero."""
        time, mean, square = self.moments.get(key, (0, 0.0, 0.0))
        if time:
            _check_remembered(mean, grad)
        time += 1
        mean = self.beta1 * mean + (1 - self.beta1) * grad
        square = self.beta2 * square + (1 - self.beta2) * grad**2
        self.moments[key] = time, mean, square
        root = namespace(grad).sqrt(square / (1 - self.beta2**time))
        return mean / (1 - self.beta1**time) / (root + self.epsilon)


def _check_remembered(memory, grad) -> None:
    if memory.shape != grad.shape:
        raise ValueError(
            f"optimizer remembers steps of shape {memory.shape}, got a gradient of shape "
            f"{grad.shape}: each network needs an optimizer of its own"
        )


def geometric_rates(first: float, last: float, epochs: int) -> np.ndarray:
    """Return one learning rate an epoch, from ``first`` to ``last`` in equal ratios (float64).

    >>> geometric_rates(0.1, 0.001, 3)
    array([0.1  , 0.01 , 0.001])
    """
    first = float(check_number(first, "first", low=0, open_low=True))
    last = float(check_number(last, "last", low=0, open_low=True))
    return np.geomspace(first, last, check_int(epochs, "epochs", low=1))
