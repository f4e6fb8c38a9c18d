"""The hot loops, behind one interface: ``numba_engine`` and ``numpy_engine``.

Both engines offer the same functions and give the same bits. The numba engine is fast; the NumPy
engine needs nothing but NumPy and is the one to read. Which one serves:

* the name given to :func:`use_engine`, else
* the environment variable ``BNNKIT_ENGINE`` (``numba`` or ``numpy``), else
* numba where it is installed and its compiler is on, otherwise NumPy.

Large products and large layers may be shared among threads: see :func:`use_threads`. The results
are the same bits on any number of them.

Arrays in and out are plain NumPy arrays. *Words* are ``uint64``: bit ``i`` of word ``j`` in a row
is column ``64 j + i``, 1 means +1, and the padding bits behind the last column are 0.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType

from bnnkit.errors import check_int

NAMES = ("numba", "numpy")
_chosen: str | None = None
_threads: ContextVar[int] = ContextVar("threads", default=1)  # each Python thread has its own
_serving: ModuleType | None = None  # looked up once: a network asks many times a batch


def available_engines() -> list[str]:
    """Return the names of the engines that can run here, the faster first.

    >>> "numpy" in available_engines()
    True
    """
    jit_off = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
    has_numba = importlib.util.find_spec("numba") is not None and not jit_off
    return ["numba", "numpy"] if has_numba else ["numpy"]


def get_engine() -> ModuleType:
    """Return the module of the engine that serves now."""
    global _serving
    serving = _serving  # looked at once: another thread may change it meanwhile
    if serving is None:
        named = os.environ.get("BNNKIT_ENGINE")
        name = _chosen or _checked(named or available_engines()[0], "BNNKIT_ENGINE")
        serving = _serving = importlib.import_module(f"bnnkit.engine.{name}_engine")
    return serving


@contextmanager
def use_engine(name: str) -> Iterator[ModuleType]:
    """Let the engine ``name`` serve within a ``with`` block.

    >>> with use_engine("numpy") as engine:
    ...     engine.NAME
    'numpy'
    """
    global _chosen, _serving
    before, _chosen, _serving = _chosen, _checked(name), None
    try:
        yield get_engine()
    finally:
        _chosen, _serving = before, None


@contextmanager
def use_threads(threads: int) -> Iterator[None]:
    """Let up to ``threads`` threads share the work of a call within a ``with`` block.

    One is the default. Small work stays on one thread; the NumPy engine leaves it to NumPy.

    >>> with use_threads(2):
    ...     get_threads()
    2
    """
    token = _threads.set(check_int(threads, "threads", low=1))
    try:
        yield
    finally:
        _threads.reset(token)


def get_threads() -> int:
    """Return how many threads may share the work of a call now."""
    return _threads.get()


def _checked(name: str, what: str = "name") -> str:
    if name not in NAMES:
        raise ValueError(f"{what} must be one of {', '.join(NAMES)}, got {name!r}")
    if name not in available_engines():
        raise ValueError(
            "the numba engine needs numba with its compiler on: pip install 'bnnkit[fast]'"
        )
    return name
