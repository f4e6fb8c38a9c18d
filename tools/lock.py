"""Write requirements.txt: the exact versions that the book is built and tested with."""

import subprocess
import sys

from project import ROOT

RESOLVE = "uv pip compile pyproject.toml --extra test --universal --python-version 3.11"
HEADER = f"""\
# The exact versions that the book is built and tested with. Generated, never edited:
#   make lock        ({RESOLVE})
"""


def main():
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"]
    subprocess.run(pip, check=True)
    command = [sys.executable, "-m", *RESOLVE.split()]
    command += ["--upgrade", "--no-header", "--annotation-style", "line"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    (ROOT / "requirements.txt").write_text(HEADER + lines, encoding="utf-8")
    print(f"requirements.txt: {len(lines.splitlines())} packages. Now: make test")


if __name__ == "__main__":
    main()
