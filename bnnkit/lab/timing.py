"""Fair timing on a machine that others use too: candidates take turns, medians are compared."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np


def interleave(
    candidates: dict[str, Callable[[], object]], seconds: float, repeats: int = 7
) -> dict[str, float]:
    """Return the median seconds of one call of each candidate.

    Every round calls each of them once, so that whatever slows the machine slows them alike;
    fast calls are repeated within a round until they can be timed. There are at least ``repeats``
    rounds, more while ``seconds`` last.
    """
    loops = {}
    for name, call in candidates.items():
        call()  # compile, fill the caches
        started = time.perf_counter()
        call()
        loops[name] = max(1, int(2e-4 / max(time.perf_counter() - started, 1e-9)))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    finish = time.perf_counter() + seconds
    while time.perf_counter() < finish or min(map(len, samples.values())) < repeats:
        for name, call in candidates.items():
            started = time.perf_counter()
            for _ in range(loops[name]):
                call()
            samples[name].append((time.perf_counter() - started) / loops[name])
    return {name: median(values) for name, values in samples.items()}


@contextmanager
def blas_threads(n: int):
    """Hold NumPy's BLAS and PyTorch to ``n`` threads within a ``with`` block.

    Needs threadpoolctl (it comes with scikit-learn); without it, set OPENBLAS_NUM_THREADS.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(n):
        yield


def machine() -> dict[str, str]:
    """Return what a figure has to be read with: processor, its vector features, versions."""
    info = {"python": platform.python_version(), "numpy": np.__version__}
    for name in ("numba", "llvmlite", "torch"):
        try:
            info[name] = __import__(name).__version__
        except ImportError:
            continue
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        lines = dict(
            line.split(":", 1)
            for line in cpu.read_text().split("\n\n")[0].splitlines()
            if ":" in line
        )
        lines = {key.strip(): value.strip() for key, value in lines.items()}
        info["cpu"] = lines.get("model name", platform.machine())
        wanted = ("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx512_vpopcntdq")
        info["features"] = " ".join(f for f in wanted if f in lines.get("flags", "").split())
    else:
        info["cpu"] = platform.processor() or platform.machine()
    info["cores"] = str(os.cpu_count())
    return info
