"""What bnnkit is compared with: the same work done by others, where they are installed."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np


def product_peers(A: np.ndarray, B: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return, by name, the calls that multiply signs ``A`` (m, k) with ``B`` (n, k) transposed."""
    float_a, float_b = A.astype(np.float32), B.astype(np.float32)
    calls: dict[str, Callable[[], object]] = {"numpy": lambda: float_a @ float_b.T}
    calls |= _bitcount(A, B)
    calls |= _torch_products(A, B, float_a, float_b)
    calls |= _c_products(A, B)
    return calls


def _bitcount(A, B):
    """XOR and ``numpy.bitwise_count`` in blocks of rows that stay in the cache."""
    from bnnkit.engine import numpy_engine

    a, b = numpy_engine.pack_signs(A), numpy_engine.pack_signs(B)
    if a.shape[0] * b.size > 1 << 26:
        return {}  # minutes long, and no contest
    block = max(1, (1 << 18) // b.size)

    def call():
        parts = [a[i : i + block, None] ^ b for i in range(0, len(a), block)]
        return [np.bitwise_count(part).sum(axis=2, dtype=np.int32) for part in parts]

    return {"bitcount": call}


def _torch_products(A, B, float_a, float_b):
    try:
        import torch
    except ImportError:
        return {}
    a, b = torch.from_numpy(float_a), torch.from_numpy(float_b)
    calls: dict[str, Callable[[], object]] = {"torch-f32": lambda: a @ b.T}
    if len(A) > 16:  # _int_mm takes no fewer rows
        a8, b8 = torch.from_numpy(A), torch.from_numpy(B).T
        calls["torch-int8"] = lambda: torch._int_mm(a8, b8)
    return calls


def _c_products(A, B):
    library = _c_library()
    if library is None:
        return {}
    from bnnkit.engine import numpy_engine
    from bnnkit.engine.numba_engine import operand

    a = numpy_engine.pack_signs(A)
    panels = operand(numpy_engine.pack_signs(B), A.shape[1]).panels
    z = np.empty((len(A), len(B)), np.int32)
    sizes = (len(A), len(B), a.shape[1], A.shape[1])
    calls = {}
    for name in ("avx512", "avx2"):
        function = getattr(library, f"product_{name}", None)
        if function is not None:
            pointers = [ctypes.c_void_p(x.ctypes.data) for x in (a, panels, z)]
            arguments = (*pointers[:2], *map(ctypes.c_int, sizes), pointers[2])
            calls[f"c-{name}"] = lambda f=function, args=arguments, keep=(a, panels, z): f(*args)
    return calls


@cache
def _c_library():
    """The C reference, compiled for this machine; None without gcc."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    target = Path(tempfile.mkdtemp(prefix="bnnkit-")) / "reference.so"
    source = Path(__file__).with_name("reference.c")
    flags = ["-O3", "-march=native", "-shared", "-fPIC"]
    built = subprocess.run([compiler, *flags, source, "-o", target], capture_output=True)
    return ctypes.CDLL(str(target)) if built.returncode == 0 else None


class NumpySTE:
    """One training step of a binary net by STE and Adam in NumPy, float32; sign activations."""

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
        m += np.float32(0.1) * (grad - m)
        v += np.float32(0.001) * (grad * grad - v)
        rate = np.float32(1e-3 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t))
        w = self.latents[i]
        w -= rate * m / (np.sqrt(v) + np.float32(1e-8))
        np.clip(w, -1, 1, out=w)


def torch_ste(widths, n_classes: int):
    """Return ``step(X, targets)`` of the same net in PyTorch, or None without it."""
    try:
        import torch
    except ImportError:
        return None

    class SignSTE(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, window):
            if window:
                ctx.save_for_backward(x)
            return torch.where(x < 0, -1.0, 1.0)

        @staticmethod
        def backward(ctx, grad):
            return (grad * (ctx.saved_tensors[0].abs() <= 1) if ctx.saved_tensors else grad), None

    shapes = list(zip([*widths[1:], n_classes], widths))
    latents = [torch.nn.Parameter(torch.empty(s).uniform_(-1, 1)) for s in shapes]
    optimizer = torch.optim.Adam(latents, lr=1e-3, fused=True)

    def step(X, targets):
        a = X
        for i, w in enumerate(latents):
            z = torch.nn.functional.linear(a, SignSTE.apply(w, False)) / w.shape[1] ** 0.5
            a = SignSTE.apply(z, True) if i < len(latents) - 1 else z
        loss = torch.clamp(1 - targets * a, min=0).square().sum(1).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for w in latents:
                w.clamp_(-1, 1)

    return step
