"""The command line under attack: exit code 1 or 2 and one clear line, never a traceback."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnkit.cli import main
from bnnkit.datasets import read_table

GOOD = "a,b,c\n" + "".join(f"{i % 7},{i * 3 % 5},{'xy'[i % 2]}\n" for i in range(40))
FILES = {
    "good.csv": GOOD,
    "empty.csv": "",
    "blank.csv": "\n\n",
    "header.csv": "a,b,c\n",
    "one.csv": "a,b,c\n1,2,x\n",
    "ragged.csv": "a,b,c\n1,2,x\n1,2\n",
    "garbage.csv": bytes(range(256)) * 9,
    "zero.csv": "a,b,c\n1,\0,x\n1,2,y\n",
    "nan.csv": "a,b,c\n1,nan,x\n2,3,y\n",
    "huge.csv": "a,b,c\n1,1e400,x\n2,3,y\n",
    "words.csv": "a,b,c\nred,big,x\nblue,big,y\n",
    "twice.csv": "a,a,c\n" + "1,2,x\n2,1,y\n" * 9,
    "unlabelled.csv": "a,b,c\n" + "1,2,x\n2,1,\n" * 9,
    "lonely.csv": "a,b,c\n" + "1,2,x\n" * 30 + "1,3,y\n",
    "one-class.csv": "a,b,c\n" + "1,2,x\n" * 30,
    "one-column.csv": "a\n1\n2\n",
    "semicolons.csv": "a;b;c\n1;2;x\n2;3;y\n",
    "long.csv": "a,b,c\n1,2," + "x" * 200_000 + "\n",
    "quote.csv": 'a,b,c\n1,2,"x\n',
    "utf16.csv": GOOD.encode("utf-16"),
    "data.xls": GOOD,
    "bad.npz": b"PK\x03\x04",
    "bad.arff": "",
    "cut.arff": "@relation r\n@attribute",
    "bad.ts": "@data\n1,2",
    "bad.bnn": b"garbage",
}
rng = np.random.default_rng(0)
TABLE, SERIES, TWO = rng.normal(size=(40, 2)), rng.normal(size=(40, 2, 12)), np.arange(40) % 2
ARRAYS = {
    "table.npz": dict(X=TABLE, y=TWO),
    "series.npz": dict(X=SERIES, y=TWO),
    "no-X.npz": dict(Z=TABLE),
    "objects.npz": dict(X=np.array([[1, "a"]], object), y=[1]),
    "short-y.npz": dict(X=TABLE, y=TWO[:5]),
    "wide-y.npz": dict(X=TABLE, y=np.ones((40, 2))),
    "nan-y.npz": dict(X=TABLE, y=np.full(40, np.nan)),
    "nan.npz": dict(X=TABLE * np.nan, y=TWO),
    "wide.npz": dict(X=np.ones((40, 3)), y=TWO),
    "flat.npz": dict(X=np.ones(40), y=TWO),
    "gaps.npz": dict(X=SERIES * np.nan, y=TWO),
    "infinite.npz": dict(X=SERIES * np.inf, y=TWO),
    "channels.npz": dict(X=SERIES[:, :1], y=TWO),
}
SERIES_MODEL = "series.npz", "series.bnn", "--state"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files above, a model of the table, one of the series, and a folder called like a file."""
    folder = tmp_path_factory.mktemp("attacked")
    for name, content in FILES.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
    for name, arrays in ARRAYS.items():
        np.savez(folder / name, **arrays)
    (folder / "folder.csv").mkdir()
    before = os.getcwd()
    os.chdir(folder)
    try:
        for data, model, width in (("good.csv", "table.bnn", "--widths"), SERIES_MODEL):
            assert main(["train", data, "--out", model, "--epochs", "1", width, "9"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def outcome(words, capsys):
    """The exit code, and the last line of what went to standard error."""
    capsys.readouterr()
    try:
        code = main(words)
    except SystemExit as stopped:  # argparse
        code = stopped.code
    out, error = capsys.readouterr()
    assert "Traceback" not in out + error
    return code, (error.strip().splitlines() or [""])[-1]


DATA = sorted({*FILES, *ARRAYS, "folder.csv", "none.csv", ""})


@pytest.mark.filterwarnings("error")
def test_any_file_as_data(capsys):
    done = set()
    for data in DATA:
        width = "--state" if data in ("series.npz", "gaps.npz", "channels.npz") else "--widths"
        calls = [["train", data, "--out", "new.bnn", "--epochs", "1", width, "9"]]
        calls += [
            [c, m, data] for c in ("predict", "evaluate") for m in ("table.bnn", "series.bnn")
        ]
        for words in calls:
            code, line = outcome(words, capsys)
            if code == 0:
                done.add((words[0], data))
            else:
                assert code == 1 and re.match(r"bnnkit: .*\w{3}", line), (words, code, line)
            if words[0] == "train":
                assert os.path.exists("new.bnn") == (code == 0), words  # nothing is half done
        Path("new.bnn").unlink(missing_ok=True)
    for command in ("predict", "evaluate"):
        assert {(command, "good.csv"), (command, "series.npz")} <= done
    assert {data for command, data in done if command == "train"} == (
        {"good.csv", "table.npz", "series.npz", "channels.npz", "wide.npz"}
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("predict table.bnn series.npz", 1, "table.bnn reads a table, series.npz holds time ser"),
        ("predict series.bnn table.npz", 1, "reads time series, table.npz holds a table"),
        ("predict series.bnn channels.npz", 1, "must hold 2 channels, got 1"),
        ("evaluate table.bnn wide.npz", 1, "must hold 2 features, got 3"),
        ("predict none.bnn good.csv", 1, "none.bnn: No such file"),
        ("info folder.csv", 1, "folder.csv: Is a directory"),
        ("info good.csv", 1, "not a model"),
        ("export bad.bnn net.h", 1, "too short for a model"),
        ("train lonely.csv --out m", 1, "'y' has 1 of 31"),
        ("train one.csv --out m", 1, "'x' has 1 of 1"),
        ("train twice.csv --out m", 1, "more than one column 'a'"),
        ("train unlabelled.csv --out m", 1, "case 2 has no label"),
        ("train short-y.npz --out m", 1, "one label a case (40), got shape (5,)"),
        ("train nan.npz --out m", 1, "X must hold finite numbers, got nan at (0, 0)"),
        ("train good.csv --out folder.csv", 1, "--out must name a file, got the folder"),
        ("train good.csv --out good.csv/m", 1, "good.csv: File exists"),
        ("train good.csv --out m --json no/rows.json", 1, "--json: there is no folder no"),
        ("train good.csv --out m --json folder.csv", 1, "--json must name a file"),
        ("predict table.bnn good.csv --out no/labels.csv", 1, "--out: there is no folder no"),
        ("export table.bnn no/net.h", 1, "no: there is no such folder"),
        ("export table.bnn net.c", 1, "path must end in a name of C and .h"),
        ("export table.bnn net.h --input-type float", 2, "invalid choice: 'float'"),
        ("train good.csv --out m --target z", 1, "no column 'z'; it has a, b, c"),
        ("train good.csv --out m --seed -1", 1, "--seed must be an integer in 0 .. 4294967295"),
        ("train good.csv --out m --hold-out nan", 1, "--hold-out must be a share"),
        ("train good.csv --out m --hold-out 1e-9", 1, "cannot set cases of every label aside"),
        ("train good.csv --out m --widths 0", 1, "widths must be an integer in 1"),
        ("train good.csv --out m --epochs 0", 1, "epochs must be an integer >= 1"),
        ("train good.csv --out m --nu nan", 1, "nu must be a number in [0, 1]"),
        ("train good.csv --out m --test unlabelled.csv", 1, "case 2 has no label"),
        ("train good.csv --out m --method magic", 2, "invalid choice: 'magic'"),
        ("train good.csv --fly", 2, "required: --out"),
        ("train series.npz --out m --window 0", 1, "window must be an integer >= 1"),
        ("train series.npz --out m --target y", 1, "target goes with CSV and ARFF"),
        ("bench kernels --sizes 0,1,1", 2, "'0,1,1' is not M,N,K"),
        ("bench kernels --sizes 1,1,1 --engines numpy --seconds nan", 1, "seconds must be"),
        ("bench soak --minutes 0", 1, "minutes must be a number > 0"),
        ("bench memory --minutes 1", 1, "bench memory takes no --minutes"),
        ("reproduce", 1, "needs a NAME"),
        ("reproduce magic", 1, "NAME must be one of"),
        ("reproduce random-prototypes --seeds 0", 1, "--seeds must be an integer >= 1"),
        ("reproduce random-prototypes --jobs 0", 1, "jobs must be an integer >= 1"),
        ("reproduce random-prototypes --windows 3", 1, "--windows does not go with"),
        ("reproduce random-prototypes --store good.csv", 1, "must be a store of results"),
        ("reproduce random-prototypes --store folder.csv", 1, "folder.csv: Is a directory"),
        ("reproduce cifar10 --width nan", 1, "--width must be a number in (0, 8]"),
        ("exercises export good.csv", 1, "Not a directory"),
    ],
)
def test_what_is_wrong_is_said(words, code, message, capsys):
    before = sorted(os.listdir("."))
    got, line = outcome(words.split(), capsys)
    assert (got, message in line) == (code, True), line
    assert sorted(os.listdir(".")) == before


def test_labels_are_compared_as_they_are_written(capsys):
    """A model that knows 0 and 1 as numbers, and a file in which one label is a word."""
    with open("mixed.csv", "w") as file:
        file.write("a,b,label\n1,2,0\n2,1,1\n3,3,new\n")
    assert main(["train", "table.npz", "--out", "numbers.bnn", "--epochs", "1"]) == 0
    assert main(["evaluate", "numbers.bnn", "mixed.csv", "--json", "rows.json"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[-3:]} == (
        {"0", "1", "new"}
    )
    assert main(["evaluate", "table.bnn", "table.npz"]) == 0  # no column of labels to be named


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=60) | st.text("0123456789.,;\t\n\"'-aeinf \0", max_size=60))
@pytest.mark.parametrize("kind", ["csv", "tsv", "npz", "arff", "ts"])
def test_any_bytes_are_a_table_or_refused(kind, content):
    path = f"any.{kind}"
    with open(path, "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    for labelled in (True, False):
        try:
            table = read_table(path, labelled=labelled)
        except ValueError as error:
            assert path in str(error)
        else:
            assert table.X.dtype == np.float64 and table.X.ndim in (2, 3) and len(table.X)
            assert table.X.ndim == 3 or np.isfinite(table.X).all()
            assert not labelled or len(table.y) == len(table.X)


@pytest.mark.parametrize("value", [True, 3, 0.5, [], b"a.csv", object()])
def test_a_path_or_a_target_of_the_wrong_type(value):
    with pytest.raises(TypeError):
        read_table(value)
    with pytest.raises((TypeError, ValueError), match="target must be|no column '3'"):
        read_table("good.csv", value)
    assert read_table("good.csv", 2).y.tolist() == read_table("good.csv", "c").y.tolist()
