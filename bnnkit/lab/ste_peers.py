"""The networks that BEP's training is compared with: the straight-through estimator and Adam.

The same widths, the same batches, float32 latents behind binary weights, sign activations with
the window of BinaryNet, squared hinge, and no batch norm, which would only add to their time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

RATE, BETA_1, BETA_2, EPSILON = 1e-3, 0.9, 0.999, 1e-8


class NumpySTE:
    """A multilayer perceptron of signs in NumPy."""

    def __init__(self, widths, n_classes: int, rng):
        shapes = list(zip([*widths[1:], n_classes], widths))
        self.latents = [rng.uniform(-1, 1, shape).astype(np.float32) for shape in shapes]
        self.m = [np.zeros_like(w) for w in self.latents]
        self.v = [np.zeros_like(w) for w in self.latents]
        self.t = 0

    def step(self, X: np.ndarray, targets: np.ndarray) -> None:
        """Forward, squared hinge, backward through the signs, Adam, clip."""
        weights = [np.where(w < 0, np.float32(-1), np.float32(1)) for w in self.latents]
        a, scaled = [X], []
        for w in weights:
            z = (a[-1] @ w.T) / np.float32(np.sqrt(w.shape[1]))
            scaled.append(z)
            a.append(np.where(z < 0, np.float32(-1), np.float32(1)))
        grad = -2 * targets * np.maximum(0, 1 - targets * scaled[-1]) / np.float32(len(X))
        self.t += 1
        for i in reversed(range(len(weights))):
            grad_w = grad.T @ a[i]
            if i:
                grad = (grad @ weights[i]) * (np.abs(scaled[i - 1]) <= 1)
            self._adam(i, grad_w)

    def _adam(self, i: int, grad: np.ndarray) -> None:
        m, v = self.m[i], self.v[i]
        m += np.float32(1 - BETA_1) * (grad - m)
        v += np.float32(1 - BETA_2) * (grad * grad - v)
        rate = np.float32(RATE * np.sqrt(1 - BETA_2**self.t) / (1 - BETA_1**self.t))
        w = self.latents[i]
        w -= rate * m / (np.sqrt(v) + np.float32(EPSILON))
        np.clip(w, -1, 1, out=w)


def torch_mlp(widths, n_classes: int) -> Callable:
    """Return ``step(X, targets)`` of the same perceptron in PyTorch (raises ImportError)."""
    import torch

    sign = _sign_ste()
    shapes = list(zip([*widths[1:], n_classes], widths))
    latents = [torch.nn.Parameter(torch.empty(shape).uniform_(-1, 1)) for shape in shapes]

    def outputs(a):
        for i, w in enumerate(latents):
            z = torch.nn.functional.linear(a, sign(w, False)) / w.shape[1] ** 0.5
            a = sign(z, True) if i < len(latents) - 1 else z
        return a

    return _training_step(outputs, latents)


def torch_rnn(inputs: int, state: int, n_classes: int) -> Callable:
    """Return ``step(X, targets)`` of a recurrent net of signs in PyTorch, unrolled in time.

    ``X`` has shape (n, T, inputs). As BEP-TT's: the state, a readout as wide, the classes.
    """
    import torch

    sign, linear = _sign_ste(), torch.nn.functional.linear
    shapes = [(state, inputs), (state, state), (state, state), (n_classes, state)]
    latents = [torch.nn.Parameter(torch.empty(shape).uniform_(-1, 1)) for shape in shapes]

    def outputs(X):
        xs, ss, sy, classes = (sign(w, False) for w in latents)
        from_inputs = linear(X, xs)
        s = torch.ones(len(X), state)
        for t in range(X.shape[1]):
            s = sign((from_inputs[:, t] + linear(s, ss)) / (inputs + state) ** 0.5, True)
        a = sign(linear(s, sy) / state**0.5, True)
        return linear(a, classes) / state**0.5

    return _training_step(outputs, latents)


def _training_step(outputs, latents) -> Callable:
    """Squared hinge, backward, fused Adam, clip."""
    import torch

    optimizer = torch.optim.Adam(latents, lr=RATE, betas=(BETA_1, BETA_2), eps=EPSILON, fused=True)

    def step(X, targets):
        loss = torch.clamp(1 - targets * outputs(X), min=0).square().sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for w in latents:
                w.clamp_(-1, 1)

    return step


def _sign_ste() -> Callable:
    """``sign(x, window)``: the sign forward; back, the gradient, within the window if asked."""
    import torch

    class SignSTE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, window):
            if window:
                ctx.save_for_backward(x)
            return torch.where(x < 0, -1.0, 1.0)

        @staticmethod
        def backward(ctx, grad):
            return (grad * (ctx.saved_tensors[0].abs() <= 1) if ctx.saved_tensors else grad), None

    return SignSTE.apply
