"""Threads that share a call: awake when the next call comes, and not on the caller's processor.

A product of a thousand rows takes a millisecond, and two things can cost as much. A thread that
sleeps takes up to half a millisecond to wake, so a helper that has done its share looks out for
the next one for a moment before it sleeps, and the caller does so for the last answer. And Linux
may wake a thread on the processor of the one that wakes it, where it has to wait until that one is
done (on a virtual machine it did so for the first 50 ms of work after every pause). So a helper
may run anywhere but there.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from queue import SimpleQueue

import numpy as np

from bnnkit.engine.intrinsics import read_now, write_now
from bnnkit.engine.kernels import kernel

LOOKS = 200_000  # at a counter before a thread sleeps: about 0.1 ms
PAUSE = 20_000  # looks, about 0.01 ms: by then a caller has let go of Python's lock
Share = Callable[[int, int], object]  # does the rows from begin to end

try:  # Linux
    _processor: Callable[[], int] = ctypes.CDLL(None).sched_getcpu
    os.sched_setaffinity  # noqa: B018 (is it there?)
except (AttributeError, OSError, TypeError):  # macOS, Windows: left to the system
    _processor = int


def _counter() -> np.ndarray:
    """A zero amid 512 bytes of its own: what is written beside it would slow the looking."""
    return np.zeros(64, np.int64)[32:33]


@kernel
def wait_for_change(counter, seen, looks):
    """Look at a counter until it is not as ``seen``, but not more often than ``looks`` times."""
    for _ in range(looks):
        if read_now(counter) != seen:
            break


@kernel
def report_and_wait(done, shares, given, looks, pause):
    """Write how many shares are done, and wait for the next; then for a ``pause`` to pass.

    Who finds Python's lock taken sleeps, and may take 0.05 ms to wake. So what the caller waits for
    is written where the helper does not hold it, and the helper does not ask for it at once.
    """
    write_now(done, shares)
    for _ in range(looks):
        if read_now(given) != shares:
            for _ in range(pause):
                read_now(given)
            break


class Helper:
    """A thread that does one share after another and gives the answers back in their order.

    Queues hand over; the counters beside them are looked at without Python's lock.
    """

    def __init__(self) -> None:
        self.shares: SimpleQueue = SimpleQueue()
        self.answers: SimpleQueue = SimpleQueue()
        self.given, self.done = _counter(), _counter()
        self.avoided = -1
        self.thread = threading.Thread(target=self._serve, name="bnnkit", daemon=True)
        self.thread.start()
        self.native_id: int = self.thread.native_id  # type: ignore[assignment]  # it has started

    def avoid(self, processor: int) -> None:
        """Run on any of the caller's processors but this one, if there is another."""
        if processor != self.avoided:
            self.avoided = processor
            allowed = os.sched_getaffinity(0)
            with suppress(OSError):  # a system may forbid it: slower, no more
                os.sched_setaffinity(self.native_id, allowed - {processor} or allowed)

    def give(self, call: Share | None, begin: int, end: int) -> None:
        """Hand over a share, or, with None, leave to go."""
        self.shares.put((call, begin, end))
        self.given[0] += 1

    def answer(self):
        """What the share given before came to; raises what it raised."""
        wait_for_change(self.done, self.given[0] - 1, LOOKS)
        value, error = self.answers.get()
        if error is not None:
            raise error
        return value

    def _serve(self) -> None:
        for done in count():
            report_and_wait(self.done, done, self.given, LOOKS, PAUSE)
            call, begin, end = self.shares.get()
            if call is None:
                return
            try:
                self.answers.put((call(begin, end), None))
            except BaseException as error:
                self.answers.put((None, error))
            call = None  # it would keep the caller's arrays


class Team:
    """The helpers of a process. They serve one caller at a time."""

    def __init__(self):
        self.start_anew()

    def start_anew(self) -> None:
        """Begin without helpers: a forked child has them, but none of their threads."""
        self.helpers: list[Helper] = []
        self.taken = threading.Lock()

    def share(self, edges: list[tuple[int, int]], call: Share) -> list | None:
        """The answers of ``call(begin, end)`` for every part; None if another caller is served."""
        if not self.taken.acquire(blocking=False):
            return None
        try:
            while len(self.helpers) < len(edges) - 1:
                self.helpers.append(Helper())
            serving = self.helpers[: len(edges) - 1]
            for helper, edge in zip(serving, edges[1:]):
                if _processor is not int:
                    helper.avoid(_processor())
                helper.give(call, *edge)
            return [call(*edges[0]), *(helper.answer() for helper in serving)]
        except BaseException:  # an answer may still be due that nobody will ask for
            self.dismiss()
            raise
        finally:
            self.taken.release()

    def dismiss(self) -> None:
        """Let the helpers go when they have done what they were given."""
        for helper in self.helpers:
            helper.give(None, 0, 0)
        self.helpers = []


team = Team()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.start_anew)
