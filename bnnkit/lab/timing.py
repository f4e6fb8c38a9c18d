"""Fair timing on a machine that others use too: candidates take turns, medians are compared."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np

from bnnkit.errors import check_number

ROUND = 1e-3  # seconds that a candidate runs at least in each round, to be timed well
REST = 0.05  # seconds; threads that have no more work may hold a core for longer (OpenBLAS: 0.1)


def interleave(
    candidates: dict[str, Callable[[], object]],
    seconds: float,
    repeats: int = 7,
    clock: Callable[[], float] = time.perf_counter,
    rest: float = 0.0,
    warm: bool = False,
) -> dict[str, float]:
    """Return the median seconds of one call of each candidate.

    Every round calls each of them once, so that whatever slows the machine slows them alike;
    fast calls are repeated within a round until they can be timed. There are at least ``repeats``
    rounds, more while ``seconds`` last. Before each turn there is a ``rest`` of so many seconds,
    or of several until no thread of this process works on, and the turn lasts at least as long.
    If the turns shall start ``warm``, calls that are not repeated are made once for nothing, so
    that they do not pay for what another has left behind: the first large array after PyTorch's
    int8 product takes three times as long as the next.
    """
    check_number(seconds, "seconds", low=0)
    check_number(rest, "rest", low=0)
    loops = {}
    for name, call in candidates.items():
        call()  # compile, fill the caches
        started = time.perf_counter()
        call()
        loops[name] = max(1, int(max(ROUND, rest) / max(time.perf_counter() - started, 1e-9)))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    finish = time.perf_counter() + seconds
    while time.perf_counter() < finish or min(map(len, samples.values())) < repeats:
        for name, call in candidates.items():
            _rest(rest)
            if warm and loops[name] == 1:
                call()
            started = clock()
            for _ in range(loops[name]):
                call()
            samples[name].append((clock() - started) / loops[name])
    return {name: median(values) for name, values in samples.items()}


def _rest(seconds: float, at_most: int = 20) -> None:
    """Sleep until the threads that the last call left behind sleep too."""
    for _ in range(at_most if seconds else 0):
        before = time.process_time()
        time.sleep(seconds)
        if time.process_time() - before <= seconds / 10:
            break


def clock_for(threads: int) -> Callable[[], float]:
    """Return the clock to time with: of the processor for one thread, of the wall for more.

    Processor time leaves out the moments in which the system ran something else. Where it is
    coarse (Windows counts in steps of 16 ms), the wall clock serves.
    """
    fine = time.get_clock_info("process_time").resolution < 1e-6
    return time.process_time if threads == 1 and fine else time.perf_counter


@contextmanager
def blas_threads(n: int) -> Iterator[None]:
    """Hold NumPy's BLAS and PyTorch to ``n`` threads within a ``with`` block.

    Raises ``ImportError`` without threadpoolctl (it comes with scikit-learn).
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise ImportError(
            "benchmarks need threadpoolctl, to give all peers the same number of threads: "
            "pip install threadpoolctl"
        ) from None
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    try:
        if torch is not None:
            torch.set_num_threads(n)
        with threadpool_limits(n):
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(before)


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
