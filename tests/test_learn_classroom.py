"""The assignments for nbgrader: its own validation, its own holes, its own marks."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from bnnkit import learn
from bnnkit.learn import exercises

CHAPTERS = [f"chapter_{chapter}" for chapter in exercises.CHAPTERS]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("BNNKIT_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    learn.export_nbgrader(folder)
    return folder


def notebook(course: Path, part: str, name: str) -> Path:
    return course / part / name / f"{name}.ipynb"


def cells(course: Path, part: str, name: str, **flags) -> list[dict]:
    listed = json.loads(notebook(course, part, name).read_text(encoding="utf-8"))["cells"]
    return [
        cell
        for cell in listed
        if all(cell["metadata"]["nbgrader"][flag] == value for flag, value in flags.items())
    ]


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_solutions_pass_every_cell_that_marks(course, name):
    scope = {}
    for cell in cells(course, "source", name):
        if cell["cell_type"] == "code":
            exec(cell["source"], scope)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_holes_fail_every_cell_that_marks(course, name):
    scope = {}
    for cell in cells(course, "release", name):
        if cell["cell_type"] != "code":
            continue
        if cell["metadata"]["nbgrader"]["grade"]:
            with pytest.raises((AssertionError, NameError)):
                exec(cell["source"], scope)
        else:
            try:
                exec(cell["source"], scope)
            except NotImplementedError:
                assert cell["metadata"]["nbgrader"]["solution"]


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_release_holds_no_solution_and_the_same_cells(course, name):
    source, release = (cells(course, part, name) for part in ("source", "release"))
    assert [c["metadata"] for c in source] == [c["metadata"] for c in release]
    assert [c["id"] for c in source] == [c["id"] for c in release]
    for with_answer, with_hole in zip(source, release, strict=True):
        open_cell = with_answer["metadata"]["nbgrader"]["solution"]
        assert (with_answer["source"] == with_hole["source"]) == (not open_cell)
        assert ("BEGIN SOLUTION" in with_answer["source"]) == open_cell
        assert "SOLUTION" not in with_hole["source"]


def test_marking_leaves_no_trace_of_the_marker(course, tmp_path):
    test_the_solutions_pass_every_cell_that_marks(course, CHAPTERS[0])
    assert not (tmp_path / "home").exists()


def test_the_rows_count_exercises_and_points(course):
    rows = learn.export_nbgrader(course)
    assert len(rows) == 2 * len(CHAPTERS)
    for row in rows:
        part, name = Path(row["file"]).parts[-3:-1]
        marked = cells(course, part, name, grade=True)
        points = [cell["metadata"]["nbgrader"]["points"] for cell in marked]
        assert sum(points) == row["points"] + row["points_by_hand"]
        by_hand = [p for p, c in zip(points, marked) if c["cell_type"] == "markdown"]
        assert sum(by_hand) == row["points_by_hand"]
        assert row["exercises"] == len(exercises.of_chapter(row["chapter"]))


# -- nbgrader itself ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nbgrader(course):
    """nbgrader's own interface on a course of its own."""
    pytest.importorskip("nbgrader", reason="NOT RUN: needs nbgrader")
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = Config()
    config.CourseDirectory.root = str(course)
    config.CourseDirectory.course_id = "bits"
    before, path = os.getcwd(), os.environ["PATH"]
    os.chdir(course)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"  # it calls alembic
    yield NbGraderAPI(config=config)
    os.chdir(before)
    os.environ["PATH"] = path


def done(result: dict) -> bool:
    assert result["success"], result["error"] or result["log"]
    return True


@pytest.mark.slow
@pytest.mark.parametrize("name", CHAPTERS)
def test_nbgrader_accepts_the_metadata(course, name):
    pytest.importorskip("nbgrader", reason="NOT RUN: needs nbgrader")
    from nbgrader.nbgraderformat import MetadataValidator, read

    for part in ("source", "release"):
        with open(notebook(course, part, name), encoding="utf-8") as file:
            MetadataValidator().validate_nb(read(file, as_version=4))


@pytest.mark.slow
def test_nbgrader_validates_the_source_and_not_the_release(course, nbgrader):
    from nbgrader.validator import Validator

    validator = Validator()
    assert validator.validate(str(notebook(course, "source", "chapter_1"))) == {}
    failed = validator.validate(str(notebook(course, "release", "chapter_1")))["failed"]
    marked = cells(course, "release", "chapter_1", grade=True)
    assert len(failed) == sum(cell["cell_type"] == "code" for cell in marked)


@pytest.mark.slow
def test_nbgrader_makes_our_release_and_gives_full_marks_or_none(course, nbgrader):
    ours = {name: cells(course, "release", name) for name in CHAPTERS}
    for name in CHAPTERS:
        assert done(nbgrader.generate_assignment(name))
        theirs = cells(course, "release", name)
        assert ["".join(c["source"]) for c in theirs] == [c["source"] for c in ours[name]]
    for name, student, part in (
        ("chapter_4", "solved", "source"),
        ("chapter_1", "empty", "release"),
    ):
        target = course / "submitted" / student / name / f"{name}.ipynb"
        target.parent.mkdir(parents=True)
        shutil.copy(notebook(course, part, name), target)
        assert done(nbgrader.autograde(name, student))
        with nbgrader.gradebook as book:
            (graded,) = book.find_submission(name, student).notebooks
            marks = {g.name: (g.auto_score, g.max_score) for g in graded.grades}
        machine = {n: m for n, m in marks.items() if not n.endswith("_reasoning")}
        assert len(machine) == len(exercises.of_chapter(int(name[-1])))
        assert all(got == (most if part == "source" else 0) for got, most in machine.values())
