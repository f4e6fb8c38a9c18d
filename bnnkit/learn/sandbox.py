"""Running a reader's function where it can do no harm.

A first answer may loop for ever, ask for a terabyte, recurse, crash or leave the interpreter. The
kernel that holds an hour of the reader's work must survive all of it. Two guards:

* On Linux the function runs in a *forked child*. A fork is the one kind of process that can run a
  function typed into a notebook, since nothing needs to be pickled on the way in. The child has a
  memory limit, sends each outcome down a pipe, and is killed when its time is up: this stops
  everything, C code included. A fork in a process with threads is safe as long as the child stays
  away from their locks: so the child computes and leaves by ``os._exit``, touches none of the
  kernel's sockets, and right answers are computed in the parent (numba's threads do not survive a
  fork). Should the child still not come up, the second guard serves.
* Elsewhere (Windows and Pyodide have no fork; on macOS the system's BLAS may crash in a forked
  child) the function runs in this process under ``sys.settrace``, which looks at the clock at
  every line of Python. It cannot stop a single endless call into C, nor a loop with a bare
  ``except``; those need the kernel's interrupt button.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnnkit.learn.model import Case

MEMORY = 2**30  # bytes a child may ask for beyond what the notebook already has
LARGEST = 2**26  # bytes of a result that are worth sending back
PRINTED = 2000  # characters of a reader's own print-outs that are worth showing


@dataclass(frozen=True)
class Strange:
    """A result that no exercise asks for, by its type and perhaps a short text."""

    type: str
    text: str


@dataclass(frozen=True)
class Outcome:
    """What a function did on one case: a value, or a trouble and what is known about it."""

    value: Any = None
    trouble: str = ""  # "", time, memory, recursion, stub, raised, ended, changed
    detail: str = ""
    printed: str = ""


def run(function: Callable, cases: list[Case], seconds: float, guard: str = "") -> list[Outcome]:
    """Return what ``function`` did on each case, in order; the list ends early if it had to stop.

    ``seconds`` is the time for one case. ``guard`` is "fork" or "trace"; by default the better one
    that the system has.
    """
    guard = guard or ("fork" if sys.platform == "linux" else "trace")
    outcomes = _forked(function, cases, seconds) if guard == "fork" else None
    return _traced(function, cases, seconds) if outcomes is None else outcomes


def attempt(function: Callable, case: Case) -> Outcome:
    """Return what ``function`` does on one case; exceptions become outcomes."""
    arguments = case.arguments()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an overflow shows in the result
            value = _plain(case.look(function, arguments))
        changed = [name for name, given in case.given.items() if not _same(given, arguments[name])]
        trouble, detail = ("changed", ", ".join(changed)) if changed else ("", "")
    except TimeUp:
        value, trouble, detail = None, "time", ""
    except MemoryError as error:
        value, trouble, detail = None, "memory", str(error)
    except RecursionError:
        value, trouble, detail = None, "recursion", ""
    except NotImplementedError:
        value, trouble, detail = None, "stub", ""
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: quit() must not end the kernel
        value, trouble, detail = None, "raised", _describe(error, function)
    return Outcome(value, trouble, detail, printed.getvalue()[:PRINTED])


class TimeUp(BaseException):
    """Raised in a reader's function by the clock; no ``except Exception`` catches it."""


# -- the first guard: a forked child ---------------------------------------------------------


def _forked(function: Callable, cases: list[Case], seconds: float) -> list[Outcome] | None:
    """Run in a forked child; ``None`` if the child did not come up."""
    from multiprocessing.connection import Connection

    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # "fork in a process with threads"
        child = os.fork()
    if child == 0:
        _child(function, cases, Connection(write_end, readable=False), seconds)
    os.close(write_end)
    receive = Connection(read_end, writable=False)
    try:
        if not receive.poll(seconds) or receive.recv() != "ready":
            return None
        return list(_outcomes(receive, child, len(cases), seconds))
    except EOFError:
        return None
    finally:
        receive.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _outcomes(receive, child: int, n: int, seconds: float) -> Iterator[Outcome]:
    for _ in range(n):
        if not receive.poll(seconds):
            yield Outcome(trouble="time")
            return
        try:
            outcome = receive.recv()
        except (EOFError, OSError):
            yield Outcome(trouble="ended", detail=_end(child))
            return
        yield outcome


def _child(function: Callable, cases: list[Case], send, seconds: float) -> None:
    """Run every case, report each, and leave without touching what belongs to the parent."""
    try:
        _limit_child(seconds * len(cases))
        send.send("ready")
        for case in cases:
            outcome = attempt(function, case)
            try:
                send.send(outcome)
            except (MemoryError, ValueError):
                send.send(Outcome(trouble="memory"))
    finally:
        os._exit(0)


def _limit_child(seconds: float) -> None:
    import builtins
    import faulthandler
    import gc
    import resource

    gc.disable()  # no finaliser of the parent's sockets may run here
    faulthandler.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it and kills this child
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    builtins.input = _no_input
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    _lower(resource.RLIMIT_AS, size + MEMORY)
    _lower(resource.RLIMIT_CPU, int(seconds) + 5)  # an orphan ends by itself
    _lower(resource.RLIMIT_CORE, 0)


def _lower(limit: int, value: int) -> None:
    import resource

    soft, hard = resource.getrlimit(limit)
    if soft == resource.RLIM_INFINITY or value < soft:
        resource.setrlimit(limit, (value, hard))


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("a checked function cannot ask for input()")


def _end(child: int) -> str:
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.WEXITSTATUS(status)}"


# -- the second guard: the clock at every line -----------------------------------------------


def _traced(function: Callable, cases: list[Case], seconds: float) -> list[Outcome]:
    outcomes = []
    for case in cases:
        with _clock(seconds):
            outcomes.append(attempt(function, case))
        if outcomes[-1].trouble == "time":
            break
    return outcomes


@contextlib.contextmanager
def _clock(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds

    def look(frame, event, argument):
        if time.monotonic() > deadline:
            raise TimeUp
        return look

    before = sys.gettrace()
    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(before)


# -- what comes back -------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Return numbers, arrays, texts and tuples of them as they are, anything else described."""
    if value is None or isinstance(value, (bool, int, float, str, np.bool_, np.number)):
        return value
    if type(value) is np.ndarray:
        if value.nbytes > LARGEST:
            return Strange("array", f"{value.nbytes / 2**20:.0f} MB of {value.dtype}")
        return value if value.dtype.kind in "biufc" else Strange("array", f"of {value.dtype}")
    if type(value) in (tuple, list) and len(value) < 10_000:
        return type(value)(_plain(item) for item in value)
    return Strange(type(value).__name__, "")


def _same(before: Any, after: Any) -> bool:
    if not isinstance(before, np.ndarray):
        return True  # a generator is meant to move on
    return (
        isinstance(after, np.ndarray)
        and before.dtype == after.dtype
        and np.array_equal(before, after)
    )


def _describe(error: BaseException, function: Callable) -> str:
    """Return the error's name, its text and the line of the reader's own code it came from."""
    where, trace = "", error.__traceback__
    while trace is not None:
        frame = trace.tb_frame
        if frame.f_globals.get("__name__") == getattr(function, "__module__", None):
            line = trace.tb_lineno - frame.f_code.co_firstlineno + 1
            where = f" (line {line} of {frame.f_code.co_name})"
        trace = trace.tb_next
    with contextlib.suppress(Exception):  # a reader's exception may have a broken __str__
        text = str(error)[:200]
        return type(error).__name__ + (f": {text}" if text else "") + where
    return type(error).__name__ + where
