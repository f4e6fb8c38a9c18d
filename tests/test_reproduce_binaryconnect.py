"""BinaryConnect's experiments in the harness."""

import numpy as np
import pytest

from bnnkit.lab.reproduce import Monitor, Request, get_experiment, reproduce
from bnnkit.lab.reproduce import binaryconnect as module
from bnnkit.lab.reproduce.report import by_form


def request(**asked):
    return Request(**{"epochs": 3, "widths": (16, 16)} | asked)


def test_rows_have_every_rule_and_are_found_again(tmp_path):
    asked = request(form=("det", "stoch", "none"))
    rows = reproduce("pi-digits", asked, store=tmp_path / "s.jsonl", progress=False)
    assert [row["method"] for row in rows] == ["det", "stoch", "none"]
    for row, rule in zip(rows, ("binary", "latent", "latent")):
        assert row["test_weights"] == rule and row["test_error"] == row[f"error_{rule}"]
        assert 0 < row["test_error"] < 60 and row["paper"] is None
        assert 1 <= row["best_epoch"] <= 3
    assert rows[2]["error_binary"] == rows[2]["error_latent"]  # the float twin has one rule
    again = reproduce("pi-digits", asked, store=tmp_path / "s.jsonl", progress=False)
    assert again == rows


@pytest.mark.parametrize("form", ["stoch", "dropout", "ebp"])
def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path, monkeypatch, form):
    monkeypatch.setattr(module, "EVERY", 2)
    experiment = get_experiment("pi-digits")
    (run,) = experiment.runs(request(form=(form,), epochs=5))
    whole = experiment.train(run, Monitor())

    class Stop(Exception):
        pass

    class Interrupting(Monitor):
        def epoch(self, done, total, accuracy):
            if done == 3:
                raise Stop

    with pytest.raises(Stop):
        experiment.train(run, Interrupting(checkpoint=tmp_path / "c"))
    assert (tmp_path / "c").exists()
    assert experiment.train(run, Monitor(checkpoint=tmp_path / "c")) == whole


def test_expectation_backpropagation_stands_beside_them(tmp_path):
    asked = request(form=("ebp",), epochs=6)
    (row,) = reproduce("pi-digits", asked, store=tmp_path / "s.jsonl", progress=False)
    assert row["rates"] == [row["batch"]] * 2 and "scale" not in row
    assert row["test_error"] == row["error_binary"] < 40 and row["error_latent"] < 40
    with pytest.raises(ValueError, match="--form must be one of"):
        get_experiment("cifar10").runs(Request(form=("ebp",)))


def test_a_row_keeps_a_short_curve():
    curve = {name: [[k, 100 / k] for k in range(1, 201)] for name in ("train_error", "loss")}
    curve["validation_error"] = [[k, 2.0] for k in range(5, 201, 5)]
    short = get_experiment("pi-digits").short_curve(curve)["curve"]
    assert short[0] == [5, 20.0, 2.0] and short[1][0] == 15 and len(short) == 20
    few = {name: pairs[:7] for name, pairs in curve.items()} | {"validation_error": [[5, 2.0]]}
    short = get_experiment("cifar10").short_curve(few)["curve"]
    assert short[3:6] == [[4, 25.0, None], [5, 20.0, 2.0], [6, 100 / 6, None]] and len(short) == 7
    assert get_experiment("fashion-mnist").short_curve(curve) == {}


def test_the_plan_follows_the_papers_sizes():
    cifar = get_experiment("cifar10")
    (full,) = cifar.runs(Request())
    assert full.widths == (128, 256, 512, 1024, 1024) and cifar.paper(full) == 9.90
    (quarter,) = cifar.runs(Request(width=0.25, form=("stoch",), epochs=2))
    assert quarter.widths == (32, 64, 128, 256, 256) and cifar.paper(quarter) is None
    (svhn,) = get_experiment("svhn").runs(Request(form=("stoch",)))
    assert svhn.widths == (64, 128, 256, 1024, 1024)
    (mnist,) = get_experiment("pi-mnist").runs(Request(form=("stoch",)))
    assert mnist.epochs == 1000 and get_experiment("pi-mnist").paper(mnist) == 1.18
    with pytest.raises(ValueError, match="--width does not go with pi-mnist"):
        get_experiment("pi-mnist").runs(Request(width=0.5))
    with pytest.raises(ValueError, match="--form must be one of"):
        cifar.runs(Request(form=("signs",)))


def test_a_convolutional_run_on_small_photographs(tmp_path, monkeypatch):
    from test_datasets_photographs import write_svhn

    (tmp_path / "svhn").mkdir()
    write_svhn(tmp_path / "svhn")
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path))
    monkeypatch.setitem(module.RECIPES["svhn"], "aside", 2)
    module._load.cache_clear(), module._prepared.cache_clear()
    try:
        asked = Request(width=0.02, epochs=1)
        (row,) = reproduce("svhn", asked, store=tmp_path / "s.jsonl", progress=False)
    finally:
        module._load.cache_clear(), module._prepared.cache_clear()
    assert row["widths"] == [1, 3, 5, 20, 20] and row["paper"] is None
    assert np.isfinite(row["test_error"])


def test_the_table_has_a_line_a_form_with_every_rule():
    row = dict(dataset="mnist", widths=[8, 8], method="det", epochs=5, train_error=1.0)
    row |= dict(test_error=2.0, error_binary=2.0, error_latent=3.0, error_ensemble=4.0)
    other = row | dict(method="ebp", test_error=5.0)
    table = by_form([row, row | dict(test_error=3.0), other], {"mnist": {"det": 1.29}})
    assert table.lines[0][:7] == ["mnist", "2 × 8", "det", "5", "2", "2.50 ± 0.71", "1.29"]
    assert table.lines[0][7:] == ["2.00 ± 0.00", "3.00 ± 0.00", "4.00 ± 0.00", "1.00 ± 0.00"]
    assert table.lines[1][2:7] == ["ebp", "5", "1", "5.00", ""]
