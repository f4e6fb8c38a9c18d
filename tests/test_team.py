"""The threads that share a call: answers in order, errors passed on, nobody left waiting."""

import os
import subprocess
import sys
import threading
import time
import weakref

import pytest
from conftest import not_run

from bnnkit.engine import available_engines

if "numba" not in available_engines():
    not_run("no numba, and only compiled kernels are shared", allow_module_level=True)

from bnnkit.engine import team as module
from bnnkit.engine.team import Team

EDGES = [(0, 3), (3, 6), (6, 7)]


@pytest.fixture
def team():
    team = Team()
    yield team
    team.dismiss()


def where(begin, end):
    """The rows, and which thread did them."""
    return begin, end, threading.get_ident()


def soon(true):
    """Whether it becomes true within ten seconds."""
    for _ in range(1000):
        if true():
            return True
        time.sleep(0.01)
    return False


def test_every_part_is_answered_in_order_by_a_thread_of_its_own(team):
    for _ in range(200):
        answers = team.share(EDGES, where)
        assert [answer[:2] for answer in answers] == EDGES
        threads = [answer[2] for answer in answers]
        assert threads[0] == threading.get_ident()
        assert len(set(threads)) == 3
    assert [answer[:2] for answer in team.share(EDGES[:2], where)] == EDGES[:2]
    assert len(team.helpers) == 2  # those of the first call, no others


def test_helpers_that_sleep_are_woken(team):
    for _ in range(3):
        assert [answer[:2] for answer in team.share(EDGES, where)] == EDGES
        time.sleep(0.05)  # they look out for 0.1 ms


def test_helpers_report_what_they_have_done(team):
    for n in range(1, 4):
        team.share(EDGES, where)
        assert [helper.given[0] for helper in team.helpers] == [n, n]
        assert soon(lambda n=n: [helper.done[0] for helper in team.helpers] == [n, n])


@pytest.mark.parametrize(("shares", "looks"), [(1, 2**62), (3, 1000)], ids=["a change", "no more"])
def test_waiting_ends_with_a_change_or_after_so_many_looks(shares, looks):
    """The counter that is looked at stands at 3."""
    done, given = module._counter(), module._counter()
    given[0] = 3
    for wait in (
        lambda: module.report_and_wait(done, shares, given, looks, 10),
        lambda: module.wait_for_change(given, shares, looks),
    ):
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        waiting.join(timeout=60)
        assert not waiting.is_alive()
    assert (done[0], given[0]) == (shares, 3)


def test_a_slow_helper_is_waited_for(team):
    def slow(begin, end):
        time.sleep(0.05 * (begin > 0))
        return begin

    assert team.share(EDGES, slow) == [0, 3, 6]


@pytest.mark.parametrize("broken", [0, 3, 6])
def test_an_error_comes_to_the_caller_and_the_next_call_is_right(team, broken):
    def call(begin, end):
        if begin == broken:
            raise ZeroDivisionError(f"in row {begin}")
        time.sleep(0.01)
        return begin

    before = team.share(EDGES, where) and list(team.helpers)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match=f"in row {broken}"):
            team.share(EDGES, call)
        assert [answer[:2] for answer in team.share(EDGES, where)] == EDGES
    for helper in before:
        helper.thread.join(timeout=10)
        assert not helper.thread.is_alive()


def test_one_caller_at_a_time_the_others_are_told(team):
    def call(begin, end):
        return team.share(EDGES, where) if begin == 0 else begin

    assert team.share(EDGES, call) == [None, 3, 6]
    assert [answer[:2] for answer in team.share(EDGES, where)] == EDGES


@pytest.mark.parametrize(
    ("allowed", "moves"),
    [({0, 1, 2}, [(1, {0, 2}), (1, None), (2, {0, 1})]), ({3}, [(3, {3})])],
    ids=["three processors", "the only one there is"],
)
def test_helpers_keep_off_the_processor_of_the_caller(team, monkeypatch, allowed, moves):
    """Told anew only when the caller has moved; and the caller's own choice is left alone."""
    told = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: set(allowed), raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *to: told.append(to), raising=False)
    for processor, expected in moves:
        monkeypatch.setattr(module, "_processor", lambda processor=processor: processor)
        told.clear()
        team.share(EDGES, where)
        threads = [helper.thread.native_id for helper in team.helpers]
        assert told == [(thread, expected) for thread in threads if expected is not None]
        assert threading.get_native_id() not in threads


def test_a_system_that_forbids_it_is_no_hindrance(team, monkeypatch):
    def forbidden(thread, processors):
        raise PermissionError("not here")

    monkeypatch.setattr(os, "sched_getaffinity", lambda thread: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", forbidden, raising=False)
    monkeypatch.setattr(module, "_processor", lambda: 1)
    assert [answer[:2] for answer in team.share(EDGES, where)] == EDGES


def test_helpers_keep_nothing_of_the_caller(team):
    def call(begin, end):
        return begin

    alive = weakref.ref(call)
    assert team.share(EDGES, call) == [0, 3, 6]
    del call
    assert soon(lambda: alive() is None)


def test_a_process_ends_while_helpers_look_out():
    code = """
import numpy as np
from bnnkit import BitMatrix
a = BitMatrix.from_signs(np.ones((1200, 1024), np.int8))
assert (a.dot(a.T, threads=3) == 1024).all()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
