"""The committed form of a chapter, and how to reach it.

    notebooks.py [FILE ...]              bring the chapters into their form
    notebooks.py --execute [FILE ...]    execute them first, in a fresh kernel    (make notebooks)
    notebooks.py --check [FILE ...]      say what is not in its form, change nothing

Committed chapters keep text outputs and execution counts, which nbval compares, and no images and
no widget state, which would drown every diff. Cell ids are fixed. The first code cell installs the
package on hosted machines; its address comes from pyproject.toml.
"""

import argparse
import os
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from project import INSTALL, NOTEBOOKS

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
INSTALL_CELL = f"""\
import sys

if "google.colab" in sys.modules:  # a hosted notebook: get the package first
    %pip install --quiet {INSTALL}"""
INSTALL_TAGS = ["install", "remove-cell"]
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}")
CELL_KEYS = ("tags", "mystnb", "editable", "deletable")


def normalise(notebook):
    """Bring ``notebook`` into its committed form, in place."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    )
    put_install_cell(notebook)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in CELL_KEYS if cell.metadata.get(key)}
        )
        cell.source = cell.source.rstrip()
        if cell.cell_type == "code":
            ignored = "nbval-ignore-output" in cell.metadata.get("tags", [])
            kept = [text for output in cell.outputs if (text := text_only(output, ignored))]
            cell.outputs = merge_streams(kept)
        else:
            cell.pop("attachments", None)
    return notebook


def put_install_cell(notebook):
    """Put the install cell before the first other code cell, or bring it up to date."""
    for cell in notebook.cells:
        if "install" in cell.metadata.get("tags", []):
            cell.source, cell.metadata["tags"] = INSTALL_CELL, list(INSTALL_TAGS)
            return
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    if code:
        cell = nbformat.v4.new_code_cell(INSTALL_CELL, metadata={"tags": list(INSTALL_TAGS)})
        cell.execution_count = 1
        for i in code:
            if notebook.cells[i].execution_count:
                notebook.cells[i].execution_count += 1
        notebook.cells.insert(code[0], cell)


def text_only(output, ignored):
    """Return ``output`` without images and widgets; None if nothing is left of it.

    HTML stays only where nbval compares it: an ignored cell's HTML is a widget's body.
    """
    if "data" not in output:
        return output
    output.metadata = nbformat.from_dict({})
    output.data = nbformat.from_dict(
        {
            mime: value
            for mime, value in output.data.items()
            if mime.startswith("text/") and not (ignored and mime != "text/plain")
        }
    )
    return output if output.data else None


def merge_streams(outputs):
    """Join neighbouring pieces of one stream: where a kernel cuts them is chance."""
    merged = []
    for output in outputs:
        before = merged[-1] if merged else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            before.text += output.text
        else:
            merged.append(output)
    return merged


def faults(notebook):
    """Return what a chapter in its form still must not have."""
    found = []
    code = [(i, cell) for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    counts = [cell.execution_count for _, cell in code]
    if counts != list(range(1, len(code) + 1)):
        found.append(f"was not executed in one go from top to bottom: counts {counts}")
    for i, cell in code:
        tags = cell.metadata.get("tags", [])
        if any(output.output_type == "error" for output in cell.outputs):
            if "raises-exception" not in tags:
                found.append(f"cell {i} ends in an error")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            found.append(f"cell {i} writes to stderr (a warning, a progress bar)")
        if ADDRESS.search("".join(map(str, cell.outputs))):
            found.append(f"cell {i} shows a memory address")
        if not cell.source.strip():
            found.append(f"cell {i} is empty")
    return found


def execute(notebook, path):
    """Execute ``notebook`` in a fresh kernel, in its own folder."""
    from nbclient import NotebookClient

    place = {"metadata": {"path": path.parent}}
    client = NotebookClient(notebook, timeout=180, kernel_name="python3", resources=place)
    with TemporaryDirectory() as home:  # the reader's own progress stays untouched
        os.environ["BNNKIT_HOME"] = home
        client.execute()


def text_of(notebook):
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def check(path):
    """Return what is wrong with the committed file at ``path``."""
    committed = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(committed, as_version=4)
    found = faults(notebook)
    if text_of(normalise(notebook)) != committed:
        found.append("is not in its committed form: run `make notebooks`")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=NOTEBOOKS)
    parser.add_argument("--execute", action="store_true", help="execute first")
    parser.add_argument("--check", action="store_true", help="change nothing, say what is wrong")
    options = parser.parse_args()
    if options.check:
        wrong = [f"{path.name}: {fault}" for path in options.files for fault in check(path)]
        sys.exit("\n".join(wrong) or None)

    import time

    from tqdm import tqdm

    bar = tqdm(options.files, unit="chapter", disable=not options.execute)
    for path in bar:
        notebook = nbformat.read(path, as_version=4)
        if options.execute:
            bar.set_description(path.stem)
            start = time.perf_counter()
            execute(notebook, path)
            bar.write(f"{path.name}: {time.perf_counter() - start:.1f} s")
        path.write_text(text_of(normalise(notebook)), encoding="utf-8")
        for fault in faults(notebook):
            bar.write(f"{path.name}: {fault}")


if __name__ == "__main__":
    main()
