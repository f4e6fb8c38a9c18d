"""The widgets' JavaScript under node: every core against golden vectors from bnnkit."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest

JS = Path(__file__).parent / "js"
VIEWS = Path(__file__).parent.parent / "bnnkit" / "viz" / "js"


@pytest.fixture
def run(node):
    """Return ``run(*args)``: node's finished process."""
    return lambda *args: subprocess.run(
        [node, *args], capture_output=True, text=True, encoding="utf-8"
    )


def make_vectors():
    spec = importlib.util.spec_from_file_location("make_vectors", JS / "make_vectors.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_vectors_are_current():
    fresh = make_vectors().vectors()
    committed = {path.stem: path.read_text("utf-8") for path in (JS / "vectors").glob("*.json")}
    assert fresh.keys() == committed.keys()
    stale = [name for name in fresh if fresh[name] != committed[name]]
    assert not stale, "run python tests/js/make_vectors.py"


@pytest.mark.parametrize("path", sorted(JS.glob("*.test.mjs")), ids=lambda path: path.name)
def test_cores_equal_bnnkit(run, path):
    done = run("--test", "--test-reporter=tap", str(path))
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = int(re.search(r"^# pass (\d+)$", done.stdout, re.M)[1])
    assert passed == len(re.findall(r"^test\(", path.read_text("utf-8"), re.M)) > 0


def test_every_core_is_tested():
    tested = "".join(path.read_text("utf-8") for path in JS.glob("*.test.mjs"))
    for core in (VIEWS / "core").glob("*.mjs"):
        assert f'load("{core.stem}")' in tested, core.name


@pytest.mark.parametrize("path", sorted(VIEWS.rglob("*.mjs")), ids=lambda path: path.name)
def test_module_parses(run, path):
    done = run("--check", str(path))
    assert done.returncode == 0, done.stderr
