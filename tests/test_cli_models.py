"""train, predict, evaluate, export and info, as from the shell."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from bnnkit.cli import main
from bnnkit.estimators import (
    BEPClassifier,
    BEPRecurrentClassifier,
    BinaryConnectClassifier,
    load,
)
from bnnkit.export import export_c


@pytest.fixture
def iris(tmp_path, monkeypatch):
    """A CSV file of irises, the species first, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])
    lines = ["species,a,b,c,d", *(f"{names[k]},{','.join(map(str, x))}" for x, k in zip(X, y))]
    (tmp_path / "iris.csv").write_text("\n".join(lines))
    return tmp_path


def run(*words):
    """Run a command that succeeds, and return its rows."""
    assert main([*map(str, words), "--json", "rows.json"]) == 0
    with open("rows.json") as file:
        return json.load(file)


def test_the_help_states_the_defaults_of_the_estimators(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    stated = {
        "widths": (BEPClassifier, "135 135"),
        "widths ": (BinaryConnectClassifier, "128 128"),
        "state": (BEPRecurrentClassifier, "525"),
        "reading": (BEPRecurrentClassifier, "chunks"),
        "window": (BEPRecurrentClassifier, "4"),
        "bits": (BEPClassifier, "8"),
        "bits ": (BEPRecurrentClassifier, "10"),
        "nu": (BEPClassifier, "0.1"),
        "r": (BEPClassifier, "0.5"),
        "epochs": (BEPClassifier, "50"),
        "batch_size": (BEPClassifier, "20"),
    }
    for name, (estimator, text) in stated.items():
        name = name.strip()
        default = estimator().get_params()["hidden_widths" if name == "widths" else name]
        default = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        assert default == text
        option = said[said.rindex(f"--{name.replace('_', '-')} ") :]
        assert re.search(rf"\([^)]*\b{re.escape(text)}\b", option.split(" --")[0]), name


TRAIN = ("train", "iris.csv", "--target", "species", "--out", "iris.bnn", "--epochs", 20)


@pytest.mark.parametrize("method", ["bep", "local", "binaryconnect"])
def test_from_a_table_to_labels(iris, method):
    (row,) = run(*TRAIN, "--method", method, "--widths", 45)
    assert row["method"] == method and row["test_accuracy"] > 80
    assert row["bytes"] == os.path.getsize("iris.bnn")
    rows = run("evaluate", "iris.bnn", "iris.csv")  # the model knows its target
    assert rows[0]["label"] == "all" and rows[0]["test_accuracy"] > 85
    assert [r["label"] for r in rows[1:]] == ["setosa", "versicolor", "virginica"]
    assert not os.path.exists("iris.bnn.checkpoint")


def test_columns_are_found_by_name(iris):
    run(*TRAIN, "--widths", 27)
    labels = [row["label"] for row in run("predict", "iris.bnn", "iris.csv")]
    lines = [line.split(",") for line in Path("iris.csv").read_text().splitlines()]
    with open("mixed.csv", "w") as file:
        file.writelines(",".join([d, "0" if d != "d" else "new", a, c, b]) + "\n"
                        for _, a, b, c, d in lines)  # fmt: skip
    assert [row["label"] for row in run("predict", "iris.bnn", "mixed.csv")] == labels
    run("predict", "iris.bnn", "mixed.csv", "--out", "labels.csv")
    assert Path("labels.csv").read_text().split() == ["label", *labels]


def test_compact_files_are_small_and_predict_the_same(iris):
    (full,) = run(*TRAIN)
    (compact,) = run(*TRAIN[:-3], "iris.bnn", "--epochs", 20, "--compact")
    assert compact["bytes"] < full["bytes"] / 5
    assert compact["weights_sha256"] == full["weights_sha256"]
    assert load("iris.bnn").predict([[5.1, 3.5, 1.4, 0.2]]).tolist() == ["setosa"]


def test_series(iris):
    from aeon.datasets import load_italy_power_demand

    X, y = load_italy_power_demand()
    np.savez("italy.npz", X=X[:200], y=y[:200].astype(int))
    (row,) = run(
        "train", "italy.npz", "--out", "m.bnn", "--state", 45, "--window", 6, "--epochs", 3
    )
    assert row["method"] == "recurrent"
    np.savez("new.npz", X=X[200:230])
    labels = [row["label"] for row in run("predict", "m.bnn", "new.npz")]
    assert len(labels) == 30 and set(labels) <= {1, 2}


@pytest.mark.parametrize("reading", ["chunks", "last"])
def test_series_go_into_c(iris, reading):
    X = np.random.default_rng(0).integers(0, 200, (60, 2, 9))
    np.savez("whole.npz", X=X, y=np.arange(60) % 2)
    words = ("--state", 15, "--window", 4, "--reading", reading, "--bits", 2, "--epochs", 1)
    run("train", "whole.npz", "--out", "m.bnn", *words)
    (row,) = run("export", "m.bnn", "net.h")
    assert row["input_type"] == "uint8"
    assert ("#define NET_TIMES" in Path("net.h").read_text()) == (reading == "chunks")
    model = load("m.bnn")
    examples = {"input_type": "uint8", "examples": X}
    exported = export_c((model.reader_, model.network_), "net.h", **examples)
    source = exported.example.read_text().partition("classes[60] = {")[2].partition("}")[0]
    told = [int(number) for number in source.replace(",", " ").split()]
    assert model.classes_[told].tolist() == model.predict(X).tolist()


def test_info_says_what_a_file_holds(iris):
    run(*TRAIN)
    what = {row["what"].strip() for row in run("info", "iris.bnn")}
    assert {"bytes", "BEPNetwork", "ThermometerEncoder", "H0", "classes", "columns"} <= what


@pytest.mark.parametrize(
    "low, high, input_type",
    [(0, 16, "uint8"), (-3, 9, "int8"), (0, 300, "uint16"), (-1, 300, "int16")],
)
def test_export_chooses_a_type_that_holds_the_thresholds(iris, low, high, input_type):
    rows = [f"{v},{int(v > (low + high) / 2)}" for v in (low, low + 1, high - 1, high) * 9]
    Path("whole.csv").write_text("\n".join(rows))
    run("train", "whole.csv", "--out", "m.bnn", "--widths", 9, "--epochs", 1)
    (row,) = run("export", "m.bnn", "net.h")
    assert row["input_type"] == input_type and row["flash_bytes"] > 0
    header = Path("net.h").read_text()
    assert f"typedef {input_type}_t net_input" in header


def test_export_does_not_round_unasked(iris, capsys):
    run(*TRAIN)
    assert main(["export", "iris.bnn", "net.h"]) == 1
    assert "fractions, as in column 'a'" in capsys.readouterr().err
    assert run("export", "iris.bnn", "net.h", "--input-type", "uint8")[0]["input_type"] == "uint8"


@pytest.mark.parametrize(
    "words, message",
    [
        (("train", "iris.csv", "--out", "m"), "the labels are in column 'd'"),
        (("train", "none.csv", "--out", "m"), "no file none.csv"),
        ((*TRAIN, "--method", "recurrent"), "recurrent does not go with a table"),
        ((*TRAIN, "--state", "9"), "--state does not go with --method bep"),
        ((*TRAIN, "--hold-out", "1"), "--hold-out must be"),
        ((*TRAIN, "--bits", "0"), "bits must be"),
        (("predict", "iris.csv", "iris.csv"), "not a model saved by bnnkit"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(iris, capsys, words, message):
    assert main([*map(str, words)]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("bnnkit: ") and message in error


def test_another_table_is_refused(iris, capsys):
    run(*TRAIN)
    (iris / "b.csv").write_text("a,b\n1,2\n")
    assert main(["predict", "iris.bnn", "b.csv"]) == 1
    assert "lacks the columns c, d" in capsys.readouterr().err
    (iris / "c.csv").write_text("1,2\n")
    assert main(["predict", "iris.bnn", "c.csv"]) == 1
    assert "must hold 4 features, got 2" in capsys.readouterr().err


@pytest.mark.slow
def test_interrupted_training_goes_on_to_the_same_weights(iris):
    words = [*map(str, TRAIN[:-1]), "400", "--widths", "135", "135", "--seed", "3"]
    (whole,) = run(*words[:-5], *words[-5:])
    os.remove("iris.bnn")
    command = [sys.executable, "-m", "bnnkit", *words]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and it would be inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not os.path.exists("iris.bnn.checkpoint"):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate()[1]
    assert process.returncode == 130 and "goes on from iris.bnn.checkpoint" in error
    assert not os.path.exists("iris.bnn") and os.path.exists("iris.bnn.checkpoint")
    (resumed,) = run(*words)
    assert resumed["weights_sha256"] == whole["weights_sha256"] and resumed["epochs"] == 400
