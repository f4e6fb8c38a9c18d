"""The house of layers: the contracts in pyproject.toml, checked by import-linter."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def lint_imports(folder):
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
    )


def test_everything_imports_only_downwards():
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_check_can_fail(tmp_path):
    package = tmp_path / "bnnkit"
    (package / "engine").mkdir(parents=True)
    (package / "__init__.py").touch()
    for name in ("errors", "philox", "steps", "binarize"):
        (package / f"{name}.py").touch()
    for name in ("__init__", "numba_engine", "numpy_engine"):
        (package / "engine" / f"{name}.py").touch()
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    assert lint_imports(tmp_path).returncode == 0
    (package / "errors.py").write_text("import bnnkit.binarize\n")
    result = lint_imports(tmp_path)
    assert result.returncode == 1
    assert "bnnkit.errors -> bnnkit.binarize" in result.stdout
