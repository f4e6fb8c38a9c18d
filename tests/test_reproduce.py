"""The harness of the papers' experiments: runs, store, resuming, and what the runs compute."""

import json
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnkit.bep import BEPNetwork
from bnnkit.cli import main
from bnnkit.datasets import random_prototypes
from bnnkit.lab.reproduce import (
    EXPERIMENTS,
    Experiment,
    Request,
    Run,
    Store,
    ablations,
    report,
    reproduce,
)
from bnnkit.lab.reproduce import runner as runner_module
from bnnkit.lab.reproduce.feedforward import FeedForward, feedforward_run
from bnnkit.lab.reproduce.pixels import encode, thresholds
from bnnkit.lab.reproduce.presets import METHODS, options
from bnnkit.lab.reproduce.sources import ROOT, _closure, sources_sha256
from bnnkit.lab.reproduce.store import run_key

KEYS = {
    "dataset", "method", "preset", "widths", "seed", "fold", "epochs", "test_accuracy", "paper",
    "weights_sha256", "data_sha256", "seconds",
}  # fmt: skip


def coin(run):
    return {"test_accuracy": 50.0 + run.seed, "weights_sha256": f"{run.seed:064x}", "curve": [1]}


class Coins(Experiment):
    """An experiment that costs nothing and counts what it does."""

    name, about, takes = "coins", "toss", ("seeds",)
    sha256 = "0" * 64

    def __init__(self, fail_at=None):
        self.trained, self.fail_at = [], fail_at

    def plan(self, request):
        return [Run(dataset="c", method="m", preset="p", seed=s) for s in range(request.seeds or 1)]

    def data(self, run):
        return self

    def train(self, run, monitor):
        if run.seed == self.fail_at:
            raise KeyboardInterrupt
        self.trained.append(run.seed)
        monitor.checkpoint.write_text("half way")
        return coin(run)

    def trainer(self, run):
        return BEPNetwork

    def paper(self, run):
        return 50.0

    def seconds(self, run):
        return 6.0


@pytest.fixture
def coins(monkeypatch):
    experiment = Coins()
    monkeypatch.setitem(EXPERIMENTS, "coins", experiment)
    return experiment


# The store


def test_a_result_is_found_again_by_settings_data_and_sources():
    run = Run(dataset="d", method="m", preset="p", seed=0, options={"nu": 0.1})
    others = [
        Run(dataset="d", method="m", preset="p", seed=1, options={"nu": 0.1}),
        Run(dataset="d", method="m", preset="p", seed=0, options={"nu": 0.2}),
        Run(dataset="d", method="m", preset="p", seed=0, options={"nu": 0.1}, fold=0),
    ]
    keys = [run_key(run, "a", "b"), run_key(run, "b", "b"), run_key(run, "a", "c")]
    keys += [run_key(other, "a", "b") for other in others]
    assert len(set(keys)) == len(keys)
    assert keys[0] == run_key(Run(**vars(run)), "a", "b")


def test_a_line_that_was_cut_off_costs_only_itself(tmp_path):
    store = Store(tmp_path / "deep" / "runs.jsonl")
    assert store.read() == {}
    store.append({"key": "a", "n": 1})
    with store.path.open("a") as file:
        file.write('{"key": "b", "n"')
    store.append({"key": "c", "n": 3})
    store.append({"key": "a", "n": 4})
    assert {key: record["n"] for key, record in store.read().items()} == {"a": 4, "c": 3}


def test_appending_is_one_write(tmp_path, monkeypatch):
    written = []
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: written.append(data) or real(fd, data))
    Store(tmp_path / "runs.jsonl").append({"key": "a", "text": "x" * 10_000})
    assert len(written) == 1
    assert written[0].endswith(b"\n")


# The runner


def test_what_is_in_the_store_is_not_done_again(tmp_path, coins):
    store = tmp_path / "runs.jsonl"
    first = reproduce("coins", Request(seeds=2), store=store, jobs=1, progress=False)
    rows = reproduce("coins", Request(seeds=3), store=store, jobs=1, progress=False)
    assert coins.trained == [0, 1, 2]
    assert rows[:2] == first
    assert [row["test_accuracy"] for row in rows] == [50, 51, 52]
    assert rows[2]["command"] == "python -m bnnkit reproduce coins --seeds 3"
    assert "curve" not in rows[0]
    assert "curve" in next(iter(Store(store).read().values()))["result"]
    assert list(tmp_path.iterdir()) == [store], "checkpoints are cleared away"


@pytest.mark.parametrize("what", ["data", "sources"])
def test_a_stale_result_does_not_count(tmp_path, coins, monkeypatch, what):
    store = tmp_path / "runs.jsonl"
    reproduce("coins", store=store, jobs=1, progress=False)
    if what == "data":
        coins.sha256 = "1" * 64
    else:
        monkeypatch.setattr(runner_module, "sources_sha256", lambda module: "2" * 64)
    reproduce("coins", store=store, jobs=1, progress=False)
    assert coins.trained == [0, 0]
    assert len(Store(store).read()) == 2


def test_an_interruption_keeps_what_is_done(tmp_path, coins):
    coins.fail_at = 2
    with pytest.raises(KeyboardInterrupt):
        reproduce("coins", Request(seeds=5), store=tmp_path / "r", jobs=1, progress=False)
    coins.fail_at = None
    reproduce("coins", Request(seeds=5), store=tmp_path / "r", jobs=1, progress=False)
    assert coins.trained == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_a_cluster_can_take_the_runs(tmp_path, coins):
    """Whatever ``joblib.parallel_config`` names does the work; here a Dask cluster of threads."""
    distributed = pytest.importorskip("distributed")
    joblib = pytest.importorskip("joblib")
    threads = {"processes": False, "n_workers": 1, "threads_per_worker": 2}
    client = distributed.Client(**threads, dashboard_address=None)
    with client, joblib.parallel_config(backend="dask"):
        rows = reproduce("coins", Request(seeds=4), store=tmp_path / "r", progress=False)
    assert [row["test_accuracy"] for row in rows] == [50, 51, 52, 53]
    assert sorted(coins.trained) == [0, 1, 2, 3]


def test_options_that_make_no_sense_are_refused(coins, tmp_path):
    with pytest.raises(ValueError, match="--widths does not go with coins"):
        reproduce("coins", Request(widths=(3,)), store=tmp_path / "r")
    with pytest.raises(ValueError, match="--seeds must be an integer >= 1"):
        Request(seeds=0)
    with pytest.raises(ValueError, match="NAME must be one of"):
        reproduce("moons", store=tmp_path / "r")
    with pytest.raises(ValueError, match="--method must be one of"):
        reproduce("mnist", Request(method=("magic",)), store=tmp_path / "r")
    with pytest.raises(ValueError, match="--preset must be one of"):
        reproduce("mnist", Request(preset="better"), store=tmp_path / "r")
    with pytest.raises(ValueError, match="jobs must be"):
        reproduce("coins", store=tmp_path / "r", jobs=0)


def test_sources_are_those_that_the_training_uses():
    signs, floats = (
        {path.relative_to(ROOT).as_posix() for path in _closure(f"bnnkit.lab.reproduce.{name}")}
        for name in ("methods", "baselines")
    )
    assert {"bnnkit/engine/kernels.py", "bnnkit/bep/training.py", "bnnkit/philox.py"} <= signs
    assert "bnnkit/ste/layers.py" in floats - signs
    assert not any(path.startswith(("bnnkit/viz", "bnnkit/learn")) for path in signs | floats)
    assert sources_sha256("bnnkit.lab.reproduce.methods") != sources_sha256("bnnkit.bep")


# The experiments


def test_random_prototypes_by_hand(tmp_path):
    """The row of a run is what the pieces, put together here, compute."""
    request = Request(widths=(15, 15), seeds=1, epochs=2)
    (row,) = reproduce("random-prototypes", request, store=tmp_path / "r", progress=False)
    data = random_prototypes(seed=0)
    chosen = {name: row[name] for name in ("r", "nu", "p_r", "groups", "patience", "reinforce_by")}
    net = BEPNetwork((1000, 15, 15), 10, seed=0, **chosen)
    validation = (data.X_validation, data.y_validation)
    net.fit(data.X_train, data.y_train, 2, row["batch"], validation=validation)
    assert row["weights_sha256"] == net.weights_sha256()
    assert row["test_accuracy"] == round(100 * net.score(data.X_test, data.y_test), 2)
    assert row["bayes_accuracy"] == round(data.bayes_accuracy, 2)
    assert row["data_sha256"] == data.sha256
    assert set(row) >= KEYS
    assert row["paper"] is None


@pytest.mark.slow
def test_the_command_line_writes_rows_and_goes_on(tmp_path, capsys):
    store, target = tmp_path / "runs.jsonl", tmp_path / "rows.json"
    command = ["reproduce", "random-prototypes", "--widths", "35", "35", "--epochs", "1"]
    command += ["--method", "bep", "local", "--store", str(store), "--json", str(target)]
    assert main([*command, "--seeds", "2", "--jobs", "2"]) == 0
    rows = json.loads(target.read_text())
    assert [(row["method"], row["seed"]) for row in rows] == [
        ("bep", 0), ("bep", 1), ("local", 0), ("local", 1),
    ]  # fmt: skip
    assert rows[0]["paper"] == 61.7
    target.unlink()
    assert main([*command, "--seeds", "1", "--jobs", "1"]) == 0
    again = json.loads(target.read_text())
    assert again == [rows[0], rows[2]], "two jobs, one job: the same bits, from the store or not"
    assert "61.7" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns(tmp_path, method):
    preset = "best" if method == "ste" else "paper"  # the paper's is all but deaf at the start
    request = Request(method=(method,), preset=preset, widths=(35, 35), epochs=3)
    (row,) = reproduce("random-prototypes", request, store=tmp_path / "r", progress=False)
    assert row["test_accuracy"] > (11 if method in ("frozen", "1nn", "ste") else 40)
    assert row["test_accuracy"] < row["bayes_accuracy"] + 1
    assert len(row["weights_sha256"]) == 64


def test_the_list_names_everything(capsys):
    assert main(["reproduce", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in EXPERIMENTS)
    assert main(["reproduce"]) == 1
    assert "--list" in capsys.readouterr().err


def test_a_preset_is_written_out_in_the_run():
    run = feedforward_run("fashion-mnist", "bep", "paper", (135, 135), seed=0)
    assert run.settings() == {
        "dataset": "fashion-mnist", "method": "bep", "preset": "paper", "seed": 0,
        "widths": [135, 135], "fold": None, "epochs": 50, "varied": None, "pixels": "global-1",
        "r": 0.5, "nu": 0.1, "p_r": 0.5, "groups": [27, 27], "patience": 5, "batch": 100,
        "reinforce_by": "width",
    }  # fmt: skip
    moved = feedforward_run("fashion-mnist", "bep", "paper", (135, 135), seed=0, nu=0.3, r=0.5)
    assert (moved.varied, moved.options["nu"]) == ("nu", 0.3)
    experiment = EXPERIMENTS["fashion-mnist"]
    assert (experiment.paper(run), experiment.paper(moved)) == (84.9, None)


def test_a_net_is_planned_once():
    experiment = FeedForward("mnist", "", [(35, 35), (35, 35, 35), (75, 75)], "best")
    count = {
        method: len(experiment.runs(Request(method=(method,), seeds=2)))
        for method in ("bep", "cp-r", "1nn")
    }
    assert count == {"bep": 6, "cp-r": 4, "1nn": 2}
    assert options("mnist", "logistic", "best", ())["pixels"] == "lit-2"


# Pixels


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_thresholds_are_order_statistics(seed, bits):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (int(rng.integers(1, 30)), 7)).astype(np.uint8)
    X[rng.random(X.shape) < 0.5] = 0
    X[0, 0] = 9

    def quantiles(values, count):
        return np.quantile(values, np.arange(1, bits + 1) / count, method="inverted_cdf")

    assert np.array_equal(thresholds(X, f"global-{bits}")[3], quantiles(X, bits + 1))
    lit = [0, *quantiles(X[X > 0], bits)[:-1]]
    assert np.array_equal(thresholds(X, f"lit-{bits}")[0], lit)


def test_encoding_in_chunks_is_encoding(monkeypatch):
    X = np.random.default_rng(0).integers(0, 256, (11, 5)).astype(np.uint8)
    marks = thresholds(X, "feature-3")
    whole = encode(X, marks).to_signs()
    monkeypatch.setattr("bnnkit.lab.reproduce.pixels.CHUNK", 4)
    assert np.array_equal(encode(X, marks).to_signs(), whole)
    assert np.array_equal(whole.reshape(11, 5, 3) > 0, X[:, :, None] > marks)
    assert encode(whole, None).shape == (11, 15)
    with pytest.raises(ValueError, match="pixels must be one of"):
        thresholds(X, "grey-2")


# Ablations


def test_an_ablation_moves_what_it_names_and_nothing_else():
    base = feedforward_run("fashion-mnist", "bep", "paper", (135, 135), seed=0)
    for experiment in ablations.EXPERIMENTS:
        runs = experiment.runs(Request(datasets=("fashion-mnist",)))
        assert len(runs) == len(experiment.changes)
        for run, change in zip(runs, experiment.changes, strict=True):
            differs = {
                name
                for name in base.options
                if name != "groups" and run.options[name] != base.options[name]
            }
            assert differs <= set(change)
            moved = set(run.varied.split(", ")) if run.varied else set()
            assert moved <= set(change)
            assert experiment.paper(run) is None or run.varied is None


def test_ablations_start_from_the_same_run():
    runs = [
        run
        for experiment in ablations.EXPERIMENTS
        for run in experiment.runs(Request(datasets=("fashion-mnist",)))
        if run.varied is None and run.widths == (135, 135)
    ]
    assert len(runs) >= 8
    assert all(run == runs[0] for run in runs), "one run serves all: its key is the same"


def test_ablations_on_other_data():
    experiment = EXPERIMENTS["ablation-thermometer"]
    assert {run.dataset for run in experiment.runs(Request())} == {"fashion-mnist"}
    assert {run.dataset for run in experiment.runs(Request(datasets=("mnist",)))} == {"mnist"}
    with pytest.raises(ValueError, match="--datasets must be one of"):
        experiment.runs(Request(datasets=("random-prototypes",)))
    (run, *_) = EXPERIMENTS["ablation-group"].runs(Request(widths=(9, 9, 9)))
    assert run.options["groups"] == [1, 1, 1]


# Reports


ROWS = [
    {"dataset": d, "method": m, "widths": w, "seed": s, "test_accuracy": a, "paper": p, "nu": nu}
    for d, m, w, s, a, p, nu in [
        ("rp", "bep", [75, 75], 0, 70.0, 70.5, 0.1),
        ("rp", "bep", [35, 35], 0, 61.0, 61.7, 0.1),
        ("rp", "bep", [35, 35], 1, 63.0, 61.7, 0.1),
        ("rp", "local", [35, 35], 0, 57.0, None, None),
        ("fm", "bep", [35, 35], 0, 80.0, None, 0.3),
    ]
]


def test_a_comparison_stands_beside_the_paper():
    table = report.comparison(report.select(ROWS, dataset="rp"), ["bep", "local"], "RP")
    assert table.columns[2:] == ["bep", "paper", "difference", "local", "paper", "difference"]
    assert table.lines == [
        ["2 × 35", "2", "62.0 ± 1.4", "61.7", "+0.3", "57.0", "", ""],
        ["2 × 75", "1", "70.0", "70.5", "-0.5", "", "", ""],
    ]
    assert repr(table).splitlines()[0] == "RP"
    assert "<td>62.0 ± 1.4</td>" in table._repr_html_()


def test_an_ablation_table_has_a_column_a_data_set():
    table = report.ablation(report.select(ROWS, method="bep", widths=[35, 35]), "nu")
    assert table.columns == ["nu", "rp", "fm"]
    assert table.lines == [["0.1", "62.0 ± 1.4", ""], ["0.3", "", "80.0"]]


def test_results_are_read_from_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no result files"):
        report.read_results(tmp_path)
    (tmp_path / "b.json").write_text('[{"n": 2}]')
    (tmp_path / "a.json").write_text('[{"n": 1}]')
    assert report.read_results(tmp_path) == [{"n": 1}, {"n": 2}]


def test_what_a_preset_names_can_be_taken_away():
    from bnnkit.lab.reproduce.feedforward import feedforward_run

    best = feedforward_run("mnist", "bep", "best", (35, 35), 0)
    plain = feedforward_run("mnist", "bep", "best", (35, 35), 0, average=None, batch=10)
    assert (best.options["average"], best.varied) == (20, None)
    assert (plain.options["average"], plain.varied) == (None, "average")
