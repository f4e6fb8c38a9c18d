"""Runaway answers end with a message, under both guards, and the process lives on."""

import os
import sys
import threading
import time

import numpy as np
import pytest

from bnnkit.learn import sandbox
from bnnkit.learn.model import Case

CASES = [Case({"x": np.zeros(2)}), Case({"x": np.ones(3)})]
fork_only = pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: only Linux forks")


def run(function, guard, seconds=0.5):
    before = time.monotonic()
    outcomes = sandbox.run(function, CASES, seconds, guard)
    assert time.monotonic() - before < 20
    return outcomes


@pytest.fixture(params=["trace", pytest.param("fork", marks=fork_only)])
def guard(request):
    return request.param


def test_a_good_function_gives_its_values(guard):
    outcomes = run(lambda x: x + 1, guard)
    assert [o.value.tolist() for o in outcomes] == [[1, 1], [2, 2, 2]]
    assert all(o.trouble == "" for o in outcomes)


def test_an_endless_loop_is_stopped_and_what_came_before_is_kept(guard):
    def loop(x):
        while x[0] > 0:
            pass
        return 1

    first, second = run(loop, guard)
    assert first.value == 1 and second.trouble == "time"


def test_an_endless_loop_that_catches_exceptions_is_stopped(guard):
    def loop(x):
        while True:
            try:
                x = x + 1
            except Exception:
                x = x - 1

    assert run(loop, guard)[0].trouble == "time"


def test_endless_recursion_is_told_apart(guard):
    def again(x):
        return again(x)

    assert run(again, guard)[0].trouble == "recursion"


def test_the_stub_is_told_apart(guard):
    def stub(x):
        raise NotImplementedError

    assert run(stub, guard)[0].trouble == "stub"


def test_an_exception_names_the_readers_own_line(guard):
    def divide(x):
        y = 0
        return np.linalg.inv(1 // y)

    assert run(divide, guard)[0].detail == (
        "ZeroDivisionError: integer division or modulo by zero (line 3 of divide)"
    )


def test_an_exception_that_cannot_print_itself(guard):
    class Broken(Exception):
        def __str__(self):
            raise ValueError

    def fail(x):
        raise Broken

    assert run(fail, guard)[0].detail.startswith("Broken")


def test_leaving_python_politely_is_an_error_like_others(guard):
    assert run(lambda x: sys.exit(3), guard)[0].detail.startswith("SystemExit")


def test_a_changed_argument_is_noticed(guard):
    def change(x):
        x += 1
        return x

    assert run(change, guard)[0].detail == "x"


def test_strange_results_are_described(guard):
    assert run(lambda x: object(), guard)[0].value == sandbox.Strange("object", "")
    assert run(lambda x: lambda: 1, guard)[0].value.type == "function"
    assert run(lambda x: np.array([object()]), guard)[0].value.type == "array"
    assert run(lambda x: (1, {2}), guard)[0].value == (1, sandbox.Strange("set", ""))
    assert "MB" in run(lambda x: np.zeros(10**7 * 2), guard)[0].value.text


def test_prints_are_caught_and_cut(guard, capfd):
    assert run(lambda x: print("hello"), guard)[0].printed == "hello\n"
    assert len(run(lambda x: print("a" * 9999), guard)[0].printed) == sandbox.PRINTED
    assert capfd.readouterr().out == ""


def test_the_tracer_of_a_debugger_or_coverage_is_put_back():
    before = sys.gettrace()
    run(lambda x: 1, "trace")
    assert sys.gettrace() is before


@fork_only
def test_a_huge_allocation_is_refused():
    assert run(lambda x: np.ones((10**6, 10**6)), "fork")[0].trouble == "memory"
    assert run(lambda x: np.ones(3 * 10**8), "fork", 5)[0].trouble == "memory"  # 2.4 GB

    def grow(x):
        kept = []
        while True:
            kept.append(bytes(10**7))

    assert run(grow, "fork", 10)[0].trouble == "memory"


@fork_only
def test_a_crash_ends_the_child_only():
    def crash(x):
        import signal

        signal.raise_signal(signal.SIGSEGV)

    assert run(crash, "fork")[0].detail == "SIGSEGV"
    assert run(lambda x: os._exit(3), "fork")[0].detail == "exit code 3"
    assert run(lambda x: os.abort(), "fork")[0].detail == "SIGABRT"


@fork_only
def test_sleep_and_bare_except_and_c_code_are_stopped():
    def stubborn(x):
        while True:
            try:  # noqa: SIM105
                time.sleep(100)
            except:  # noqa: E722
                pass

    assert run(stubborn, "fork")[0].trouble == "time"
    assert run(lambda x: sum(range(10**12)), "fork")[0].trouble == "time"


@fork_only
def test_input_is_refused_and_stdin_left_alone():
    assert "cannot ask for input()" in run(lambda x: input("?"), "fork")[0].detail


@fork_only
def test_the_child_changes_nothing_in_the_parent():
    seen = []
    run(lambda x: seen.append(1), "fork")
    assert seen == []


@fork_only
def test_no_child_and_no_pipe_is_left_behind():
    def handles():
        return len(os.listdir("/proc/self/fd"))

    before = handles()
    for function in (lambda x: 1, lambda x: os._exit(1), lambda x: time.sleep(9)):
        run(function, "fork", 0.2)
    assert handles() == before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


@fork_only
def test_a_fork_beside_busy_threads_works():
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            np.ones((50, 50)) @ np.ones((50, 50))

    workers = [threading.Thread(target=busy) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(5):
            outcomes = run(lambda x: np.ones((30, 30)) @ np.ones((30, 30)), "fork", 5)
            assert [o.trouble for o in outcomes] == ["", ""]
    finally:
        stop.set()
        for worker in workers:
            worker.join()


@fork_only
def test_if_the_child_does_not_come_up_the_other_guard_serves(monkeypatch):
    monkeypatch.setattr(sandbox, "_limit_child", lambda seconds: os._exit(1))
    assert [o.value for o in run(lambda x: 7, "fork")] == [7, 7]


@fork_only
@pytest.mark.slow
def test_a_kernel_survives_everything():
    """In a real Jupyter kernel, after numba has started its threads."""
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import numpy as np\n"
        "from bnnkit.learn import check\n"
        "from bnnkit.packed import BitMatrix\n"
        "A = BitMatrix.from_signs(np.ones((300, 300), int))\n"
        "_ = A.dot(A.T, threads=2)",
        "def loop(x):\n    while True: pass\ncheck('1.1', loop)",
        "def big(x):\n    return np.ones((10**6, 10**6))\ncheck('1.1', big)",
        "def crash(x):\n    import ctypes; ctypes.string_at(0)\ncheck('1.1', crash)",
        "def leave(x):\n    quit()\ncheck('1.1', leave)",
        "def ask(x):\n    return input('?')\ncheck('1.1', ask)",
        "def talk(x):\n    print('hello'); return np.where(x < 0, np.int8(-1), np.int8(1))\n"
        "check('1.1', talk)",
        "def fail(x):\n    return x[len(x)]\ncheck('1.1', fail)",
        "def words(x):\n    return 'plus'\ncheck('1.1', words)",
        "def spoil(x):\n    x[...] = 0\n    return x.astype(np.int8)\ncheck('1.1', spoil)",
        "def again(x):\n    return again(x)\ncheck('1.1', again)",
        "_ = A.dot(A.T, threads=2)\nprint('alive')",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = [[o.get("text") or o["data"]["text/plain"] for o in c.outputs] for c in book.cells]
    texts = ["".join(parts) for parts in shown]
    assert "5 seconds" in texts[1] and "more memory" in texts[2] and "SIGSEGV" in texts[3]
    assert "not yet" in texts[4]
    assert "cannot ask" in texts[5] and "passed" in texts[6]
    assert "stopped with an error: " in texts[7] and "(line 2 of fail)" in texts[7]
    assert "what came back is: 'plus'" in texts[8]
    assert "changed its argument x" in texts[9] and "called itself" in texts[10]
    assert texts[-1] == "alive\n"
