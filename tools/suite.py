"""Run the tests stage by stage and say at the end what ran, what failed and what did not run.

    suite.py fast    what guards each commit, under two minutes      (make check)
    suite.py all     everything that CI runs                         (make test)

A stage that needs something this machine lacks is NOT RUN. That is a failure when ``CI=true``.
"""

import os
import re
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

import browser
from project import CHAPTERS, ROOT

HOME = TemporaryDirectory(prefix="bnnkit-")
PYTEST = [sys.executable, "-m", "pytest", "-q"]
TWO = ["-n", "2", "--dist", "loadfile"]  # two cores; a file (a notebook) stays on one of them
STYLE = [
    [sys.executable, "-m", "ruff", "check", "."],
    [sys.executable, "-m", "ruff", "format", "--check", "."],
    [sys.executable, "-m", "mypy"],
]
NBVAL = [
    *[*PYTEST, *TWO, "--nbval", "-o", "addopts=", "--nbval-cell-timeout=180"],
    *["--nbval-current-env", "--nbval-sanitize-with", "tests/book/nbval.cfg"],
    *[str(path.relative_to(ROOT)) for path in CHAPTERS],
]

FAST = [
    ("style", STYLE),
    ("unit tests and doctests", [[*PYTEST, *TWO, "-m", "not slow"]]),
]
REST = [
    ("slow tests", [[*PYTEST, *TWO, "-m", "slow"]]),
    ("site, warnings as errors", [["make", "--no-print-directory", "html"]]),
    ("chapters as committed (nbval)", [NBVAL]),
    ("site in a browser", [[*PYTEST, "-o", "addopts=", "tests/site"]]),
]


def run(command):
    """Run ``command``, show its output as it comes, and return (exit code, output)."""
    environment = {**os.environ, "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")  # two workers on two cores
    environment["BNNKIT_HOME"] = HOME.name  # not the progress of whoever runs the tests
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    return process.wait(), "".join(lines)


def run_stage(name, commands):
    """Run one stage; return its row of the summary and the reasons for what did not run."""
    print(f"\n===== {name}", flush=True)
    start, state, notes, missing = time.perf_counter(), "passed", [], []
    for command in commands:
        code, output = run(command)
        if code:
            state = "FAILED"
        notes += re.findall(
            r"^=*\s?(\d+ (?:passed|failed|skipped|error).* in [\d.]+s.*?)\s?=*$", output, re.M
        )
        missing += re.findall(r"NOT RUN: (.+?)(?= - |$)", output, re.M)
    return (name, state, time.perf_counter() - start, "; ".join(notes)), sorted(set(missing))


def main(part):
    in_ci = os.environ.get("CI") == "true"
    stages = FAST + (REST if part == "all" else [])
    rows, not_run = [], []
    if part == "all" and browser.find_or_install() is None:
        not_run.append("site in a browser: no Chromium here, and none could be installed")
        stages = [stage for stage in stages if stage[0] != "site in a browser"]
    for name, commands in stages:
        if commands == [NBVAL] and not CHAPTERS:
            not_run.append(f"{name}: there are no chapters")
            continue
        row, missing = run_stage(name, commands)
        rows.append(row)
        not_run += missing

    print("\n===== summary")
    for name, state, seconds, note in rows:
        print(f"{state:7} {seconds:6.0f} s  {name}" + (f": {note}" if note else ""))
    for reason in not_run:
        print(f"NOT RUN           {reason}")
    failed = any(state == "FAILED" for _, state, _, _ in rows) or (in_ci and not_run)
    print("FAILED" if failed else "All passed", f"in {sum(row[2] for row in rows):.0f} s")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
