"""The chapters' committed form, and the tool that brings them there."""

import json

import nbformat
import notebooks
import pytest
import text
from project import NOTEBOOKS

each_chapter = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_chapter
def test_committed_form(path):
    assert notebooks.check(path) == []


@each_chapter
def test_cells_are_short(path):
    long = {
        cell["id"]: len(text.source(cell).splitlines())
        for cell in text.cells(path, "code")
        if len(text.source(cell).splitlines()) > 24
    }
    assert not long, f"one idea a cell, about 15 lines: {long}"


@each_chapter
def test_figures_have_alt_text(path):
    """Images are not committed; the repr of a figure betrays the cell that draws one."""
    for cell in text.cells(path, "code"):
        plain = [
            "".join(output.get("data", {}).get("text/plain", "")) for output in cell["outputs"]
        ]
        if any(p.startswith(("<Figure", "<IPython.core.display.Image")) for p in plain):
            alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) >= 20, f"{cell['id']}: metadata.mystnb.image.alt must say what is drawn"


@each_chapter
def test_no_errors_are_allowed(path):
    """A cell may raise only where the text means it to."""
    for cell in text.cells(path, "code"):
        tags = cell["metadata"].get("tags", [])
        assert not {"nbval-skip", "skip-execution"} & set(tags), cell["id"]


def dirty():
    """Return a notebook with everything that must not be committed."""
    picture = nbformat.v4.new_output(
        "display_data", {"image/png": "aGk=", "text/plain": "<Figure size 1x1>"}
    )
    widget = nbformat.v4.new_output(
        "display_data",
        {
            "application/vnd.jupyter.widget-view+json": {"model_id": "1"},
            "text/html": "<btl-x></btl-x>",
            "text/plain": "FlipMap()",
        },
    )
    streams = [nbformat.v4.new_output("stream", text=part, name="stdout") for part in "ab"]
    code = [
        nbformat.v4.new_code_cell("plot()  \n", outputs=[picture], execution_count=1),
        nbformat.v4.new_code_cell(
            "w", outputs=[widget], execution_count=2, metadata={"tags": ["nbval-ignore-output"]}
        ),
        nbformat.v4.new_code_cell("p()", outputs=streams, execution_count=3),
    ]
    code[0].metadata["execution"] = {"iopub.status.busy": "2026"}
    cells = [nbformat.v4.new_markdown_cell("# One"), *code]
    return nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"state": {}}})


def test_normalise():
    notebook = notebooks.normalise(dirty())
    flat = json.dumps(notebook)
    for word in ("image/png", "widget-view", "text/html", "iopub", '"widgets"'):
        assert word not in flat
    assert [cell.id for cell in notebook.cells] == [f"cell-{i:03d}" for i in range(5)]
    assert notebook.cells[1].source == notebooks.INSTALL_CELL
    assert notebook.cells[2].source == "plot()"
    assert notebook.cells[4].outputs[0].text == "ab"
    assert notebooks.faults(notebook) == []
    nbformat.validate(notebook)


def test_normalise_twice_changes_nothing():
    once = notebooks.text_of(notebooks.normalise(dirty()))
    again = notebooks.text_of(notebooks.normalise(nbformat.reads(once, as_version=4)))
    assert again == once


def test_check_sees_what_is_wrong(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_text(notebooks.text_of(dirty()))
    assert any("committed form" in fault for fault in notebooks.check(path))
    notebook = notebooks.normalise(dirty())
    notebook.cells[2].execution_count = None
    notebook.cells[3].outputs[0].data["text/plain"] = "<X at 0x7f00aa11bb22>"
    notebook.cells[4].outputs[0].name = "stderr"
    path.write_text(notebooks.text_of(notebook))
    wrong = " ".join(notebooks.check(path))
    for word in ("counts", "memory address", "stderr"):
        assert word in wrong
