"""The threads that share a call: answers in order, errors passed on, nobody left waiting."""

import os
import subprocess
import sys
import threading
import time

import pytest

from bnnkit.engine import available_engines

if "numba" not in available_engines():
    pytest.skip("NOT RUN: only compiled kernels are shared", allow_module_level=True)

from bnnkit.engine.team import Team, _processor

EDGES = [(0, 3), (3, 6), (6, 7)]


@pytest.fixture
def team():
    team = Team()
    yield team
    team.dismiss()


def where(begin, end):
    """The rows, and which thread did them."""
    return begin, end, threading.get_ident()


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


@pytest.mark.skipif(
    _processor is int or len(os.sched_getaffinity(0)) < 2, reason="NOT RUN: one processor"
)
def test_helpers_keep_off_the_processor_of_the_caller(team):
    """Wherever the caller moves; and the caller's own choice is left alone."""
    mine = os.sched_getaffinity(0)
    try:
        for processor in sorted(mine)[:2] * 2:
            os.sched_setaffinity(0, {processor})
            os.sched_setaffinity(0, mine)
            here = _processor()
            team.share(EDGES, where)
            if _processor() == here:  # or the system moved us meanwhile
                for helper in team.helpers:
                    assert os.sched_getaffinity(helper.thread.native_id) == mine - {here}
            assert os.sched_getaffinity(0) == mine
        os.sched_setaffinity(0, {min(mine)})  # one processor is all there is: it serves as well
        assert [answer[:2] for answer in team.share(EDGES, where)] == EDGES
    finally:
        os.sched_setaffinity(0, mine)


def test_a_process_ends_while_helpers_look_out():
    code = """
import numpy as np
from bnnkit import BitMatrix
a = BitMatrix.from_signs(np.ones((1200, 1024), np.int8))
assert (a.dot(a.T, threads=3) == 1024).all()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
