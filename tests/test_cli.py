"""The command line, as a user calls it."""

import json
from pathlib import Path

import pytest

from bnnkit.cli import main


def test_info_names_the_engine(capsys):
    assert main(["info"]) == 0
    assert "engine" in capsys.readouterr().out


def test_exercises_list_writes_rows(capsys, tmp_path):
    target = tmp_path / "rows.json"
    assert main(["exercises", "list", "--json", str(target)]) == 0
    rows = json.loads(target.read_text())
    assert {"id", "chapter", "kind", "wrong_answers"} <= set(rows[0])
    assert len(capsys.readouterr().out.splitlines()) == len(rows) + 1


def test_exercises_export_writes_the_pairs_for_nbgrader(capsys, tmp_path):
    target = tmp_path / "rows.json"
    command = ["exercises", "export", str(tmp_path / "course"), "--format", "nbgrader"]
    assert main([*command, "--json", str(target)]) == 0
    rows = json.loads(target.read_text())
    assert len(rows) == 10 and {"file", "chapter", "points"} <= set(rows[0])
    assert all(Path(row["file"]).is_file() for row in rows)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["bench", "training", "--sizes", "1,2,3"], 1, "bench training takes no --sizes"),
        (["exercises", "export"], 1, "export needs a folder"),
        (["exercises", "list", "somewhere"], 1, "list takes none"),
        (["exercises", "list", "--json", "/no/such/folder/rows.json"], 1, "no folder /no/such"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(capsys, arguments, code, message):
    assert main(arguments) == code
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["bench", "kernels", "--sizes", "1,2"]])
def test_wrong_usage(arguments):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
