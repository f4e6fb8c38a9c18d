"""The package by itself, as a stranger installs it: a wheel, an empty environment, no numba."""

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow

EXAMPLE = """
import sys, importlib.util
import numpy as np
import bnnkit
from bnnkit import BitMatrix, engine
from bnnkit.binarize import sign

assert "site-packages" in bnnkit.__file__, bnnkit.__file__
for module in ("numba", "sklearn", "matplotlib", "ipywidgets", "anywidget", "aeon"):
    assert importlib.util.find_spec(module) is None, module
x = sign(np.random.default_rng(1).normal(size=(5, 70)))
w = sign(np.random.default_rng(2).normal(size=(3, 70)))
assert (BitMatrix.from_signs(x) @ BitMatrix.from_signs(w).T == x.astype(int) @ w.T).all()
print("works")
"""


def run(*command, **options):
    result = subprocess.run(command, capture_output=True, text=True, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: building leaves its traces in the tree
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "bnnkit", source / "bnnkit")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet"]
    run(*pip, "--no-deps", "--no-build-isolation", "-w", folder, source)
    return next(folder.glob("bnnkit-*.whl"))


def test_the_wheel_is_pure_and_whole(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")
    names = {n for n in zipfile.ZipFile(wheel).namelist() if n.startswith("bnnkit/")}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "bnnkit").rglob("*")
        if path.suffix in {".py", ".mjs", ".css", ".typed", ".json"}
        and "__pycache__" not in path.parts
    } | {"bnnkit/py.typed"}
    assert wanted <= names, wanted - names


def test_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", wheel)
    assert run(python, "-c", EXAMPLE, cwd=tmp_path).strip() == "works"


def test_what_is_published(tmp_path):
    """Wheel and sdist as for PyPI, from what is committed; the wheel made from the sdist."""
    listed = run("git", "ls-files", "-z", cwd=ROOT) if (ROOT / ".git").exists() else ""
    source = tmp_path / "source"
    for name in filter(None, listed.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    if not listed:
        pytest.skip("NOT RUN: this is no git tree")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", tmp_path / "dist", source)
    wheel, sdist = sorted((tmp_path / "dist").iterdir(), key=lambda path: path.suffix == ".gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    packed = {f"bnnkit/{name}" for name in ("py.typed", "lab/reference.c", "viz/js/style.css")}
    packed |= {name for name in listed.split("\0") if name.startswith("bnnkit/export/templates/")}
    assert packed <= set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert packed | {"LICENSE", "README.md", "pyproject.toml"} <= inside
