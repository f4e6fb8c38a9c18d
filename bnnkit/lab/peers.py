"""What bnnkit's products are compared with: the same work done by others, where installed.

A peer is a function of two matrices of signs, A (m, k) and B (n, k), that prepares its own form
of them and returns the call to time, which makes a new array ``A B^T``; or None where it cannot
run here. The peers in training are in :mod:`bnnkit.lab.ste_peers`.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from bnnkit.engine import numpy_engine

Call = Callable[[], object]
PANEL = 16  # rows side by side, as reference.c wants them
BITCOUNT_LIMIT = 1 << 26  # word pairs beyond which counting in NumPy takes seconds


def numpy_product(A: np.ndarray, B: np.ndarray) -> Call:
    """Float32 matrix product: NumPy's BLAS."""
    a, b = A.astype(np.float32), B.astype(np.float32)
    return lambda: a @ b.T


def bitcount_product(A: np.ndarray, B: np.ndarray) -> Call | None:
    """XOR and ``numpy.bitwise_count``, in blocks of rows that stay in the cache."""
    a, b = numpy_engine.pack_signs(A), numpy_engine.pack_signs(B)
    if len(a) * b.size > BITCOUNT_LIMIT:
        return None
    block, columns = max(1, (1 << 18) // b.size), A.shape[1]

    def call():
        z = np.empty((len(a), len(b)), np.int32)
        for i in range(0, len(a), block):
            differ = np.bitwise_count(a[i : i + block, None] ^ b).sum(axis=2, dtype=np.int32)
            z[i : i + block] = columns - 2 * differ
        return z

    return call


def torch_float_product(A: np.ndarray, B: np.ndarray) -> Call | None:
    """PyTorch's float32 matrix product."""
    torch = torch_if_installed()
    if torch is None:
        return None
    a, b = torch.from_numpy(A.astype(np.float32)), torch.from_numpy(B.astype(np.float32))
    return lambda: a @ b.T


def torch_int8_product(A: np.ndarray, B: np.ndarray) -> Call | None:
    """PyTorch's int8 matrix product with int32 sums."""
    torch = torch_if_installed()
    if torch is None:
        return None
    a, b = torch.from_numpy(A), torch.from_numpy(B).T
    return lambda: torch._int_mm(a, b)


def c_avx512_product(A: np.ndarray, B: np.ndarray) -> Call | None:
    """The C reference with AVX-512 VPOPCNTDQ, where gcc and the processor have it."""
    return _c_product("product_avx512", A, B)


def c_avx2_product(A: np.ndarray, B: np.ndarray) -> Call | None:
    """The C reference with AVX2 table look-ups."""
    return _c_product("product_avx2", A, B)


PRODUCTS: dict[str, Callable[[np.ndarray, np.ndarray], Call | None]] = {
    "numpy": numpy_product,
    "bitcount": bitcount_product,
    "torch-f32": torch_float_product,
    "torch-int8": torch_int8_product,
    "c-avx512": c_avx512_product,
    "c-avx2": c_avx2_product,
}


def torch_if_installed():
    """PyTorch, or None."""
    try:
        import torch
    except ImportError:
        return None
    return torch


def _c_product(name: str, A: np.ndarray, B: np.ndarray) -> Call | None:
    library = _c_library()
    function = None if library is None else getattr(library, name, None)
    if function is None:
        return None
    a, b = numpy_engine.pack_signs(A), numpy_engine.pack_signs(B)
    (m, words), n = a.shape, len(b)
    padded = np.zeros((-(-n // PANEL) * PANEL, words), np.uint64)
    padded[:n] = b
    panels = np.ascontiguousarray(padded.reshape(-1, PANEL, words).transpose(0, 2, 1))
    sizes = [ctypes.c_int(size) for size in (m, n, words, A.shape[1])]
    a_at, panels_at = ctypes.c_void_p(a.ctypes.data), ctypes.c_void_p(panels.ctypes.data)

    def call(keep=(a, panels)):
        z = np.empty((m, n), np.int32)
        function(a_at, panels_at, *sizes, ctypes.c_void_p(z.ctypes.data))
        return z

    return call


@cache
def _c_library():
    """The C reference, compiled for this machine; None without gcc."""
    compiler = shutil.which("gcc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="bnnkit-", ignore_cleanup_errors=True) as folder:
        target = Path(folder) / "reference.so"
        source = Path(__file__).with_name("reference.c")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        built = subprocess.run([compiler, *flags, source, "-o", target], capture_output=True)
        return ctypes.CDLL(str(target)) if built.returncode == 0 else None


def larq_seconds(python: str, sizes: Sequence[tuple[int, int, int]]) -> list[float]:
    """The times of Larq Compute Engine, taken by an interpreter of its own (see larq_peer.py).

    Raises ``OSError`` if that interpreter cannot be run, or cannot do it.
    """
    script = str(Path(__file__).with_name("larq_peer.py"))
    command = [python, script, *(",".join(map(str, size)) for size in sizes)]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        reason = run.stderr.strip().splitlines()[-1:] or ["no message"]
        raise OSError(f"{python} could not time larq-compute-engine: {reason[0]}")
    return json.loads(run.stdout.splitlines()[-1])
