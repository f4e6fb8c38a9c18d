"""MathJax from the site itself.

The files come from the pip package ``sphinx-mathjax-offline``. Its own extension copies all 24 MB
of them; we copy what a page can ask for: one component, its fonts, the TeX extensions that load on
demand, and what the menu's accessibility entries load. The checksum below pins the content.
"""

import hashlib
from importlib.util import find_spec
from pathlib import Path

from sphinx.errors import ExtensionError
from sphinx.util.fileutil import copy_asset

SCRIPT = "tex-chtml.js"  # MathJax 3.2.2: TeX in, CommonHTML out
SHA256 = "0a6ded5abbce13331658dd239f34382abd06492c74b71b61e8caa8112ec55fa5"
FOLDERS = ["output/chtml/fonts", "input/tex/extensions", "a11y", "sre"]


def mathjax_folder():
    """Return the folder of MathJax's files in the installed package."""
    spec = find_spec("sphinx-mathjax-offline")
    if spec is None:
        raise ExtensionError("sphinx-mathjax-offline is not installed: run `make venv`")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app):
    """Copy MathJax into the site before the pages are written, after checking what it is."""
    if app.builder.format != "html":
        return
    source, target = mathjax_folder(), Path(app.outdir) / "_static" / "mathjax"
    digest = hashlib.sha256((source / SCRIPT).read_bytes()).hexdigest()
    if digest != SHA256:
        raise ExtensionError(f"{SCRIPT} has sha256 {digest}, expected {SHA256}")
    target.mkdir(parents=True, exist_ok=True)
    copy_asset(source / SCRIPT, target)
    for folder in FOLDERS:
        copy_asset(source / folder, target / folder)


def configure(app, config):
    config.mathjax_path = f"mathjax/{SCRIPT}"
    config.mathjax_options = {"defer": "defer"}


def setup(app):
    app.connect("config-inited", configure)
    app.connect("builder-inited", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
