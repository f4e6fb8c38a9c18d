"""The package by itself, as a stranger installs it: a wheel, an empty environment, no numba."""

import shutil
import subprocess
import sys
import venv
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
    import zipfile

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
