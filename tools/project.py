"""The project's facts, read from their one table: ``[project]`` in pyproject.toml."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

VERSION = PROJECT["version"]
HOLDER = PROJECT["authors"][0]["name"]
SITE = PROJECT["urls"]["Homepage"]
REPOSITORY = PROJECT["urls"]["Repository"]
# What a hosted notebook runs to get the package.
INSTALL = f'"bnnkit[book] @ git+{REPOSITORY}"'

CHAPTERS = sorted((ROOT / "book").glob("[0-9][0-9]_*.ipynb"))
# With the gallery, which is executed and kept in form like a chapter.
NOTEBOOKS = [*CHAPTERS, ROOT / "book" / "gallery.ipynb"]
