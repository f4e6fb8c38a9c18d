"""The command line, as a user calls it."""

import json

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


def test_bench_compares_with_numpy(capsys, tmp_path):
    pytest.importorskip("threadpoolctl")
    pytest.importorskip("numba")
    target = tmp_path / "rows.json"
    arguments = ["bench", "kernels", "--sizes", "3,17,65", "--peers", "numpy", "--seconds", "0.01"]
    assert main([*arguments, "--json", str(target)]) == 0
    (row,) = json.loads(target.read_text())
    assert (row["m"], row["n"], row["k"], row["peer"]) == (3, 17, 65, "numpy")
    assert row["ratio"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["bench", "training", "--sizes", "1,2,3"], 1, "--sizes goes with kernels"),
        (["exercises", "list", "--json", "/no/such/folder/rows.json"], 1, "No such file"),
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
