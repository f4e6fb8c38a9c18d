"""The recurrent experiments: readings, tuning inside the fold, and runs put together by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnkit import BEPRecurrentNetwork
from bnnkit.datasets import stratified_folds
from bnnkit.datasets.dataset import Dataset
from bnnkit.lab.reproduce import (
    EXPERIMENTS,
    Monitor,
    Request,
    digits,
    report,
    reproduce,
    series,
    tuning,
)
from bnnkit.lab.reproduce.folds import cases_of_fold
from bnnkit.lab.reproduce.through_time import groups_of, train_and_judge
from bnnkit.readings import Reader, Reading, readings


def waves(n_train=40, n_test=20, time=13, seed=0):
    """Two classes that a single time tells apart, the rest is noise; some gaps."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_train + n_test, 1, time)).astype(np.float32)
    y = np.arange(len(X)) % 2
    X[:, 0, 3] = np.where(y, 2, -2)
    X[0, 0, 7] = X[1, 0, -1] = np.nan
    return Dataset(
        name="Waves", X_train=X[:n_train], y_train=y[:n_train], X_test=X[n_train:],
        y_test=y[n_train:], classes=(0, 1), sample_shape=X.shape[1:], source="made", notes=(),
    )  # fmt: skip


# Readings


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.integers(2, 9))
def test_readings_by_loops(seed, steps, bits, time):
    rng = np.random.default_rng(seed)
    X, new = (rng.integers(0, 6, (n, 2, time)).astype(float) for n in (7, 3))

    def marks(values):
        return np.quantile(values, np.arange(1, bits + 1) / (bits + 1), method="inverted_cdf")

    last = Reader(Reading("last", min(steps, time), bits)).fit(X).transform(new)
    chunks = Reader(Reading("chunks", min(steps, time), bits)).fit(X).transform(new)
    steps = min(steps, time)
    length = -(-time // steps)
    assert last.shape == (3, 2 * bits, steps)
    assert chunks.shape == (3, 2 * length * bits, steps)
    for case in range(3):
        for channel in range(2):
            for step in range(steps):
                value = new[case, channel, time - steps + step]
                row = slice(channel * bits, (channel + 1) * bits)
                wanted = np.where(value > marks(X[:, channel]), 1, -1)
                np.testing.assert_array_equal(last[case, row, step], wanted)
                for place in range(length):
                    at = max(0, step * length + place - (steps * length - time))
                    wanted = np.where(new[case, channel, at] > marks(X[:, channel, at]), 1, -1)
                    first = (channel * length + place) * bits
                    got = chunks[case, first : first + bits, step]
                    np.testing.assert_array_equal(got, wanted)


def test_readings_are_listed_once():
    found = readings({"chunks": [2, 4], "last": [12, 24]}, [4, 10], time=10)
    assert found == [
        Reading(kind, steps, bits)
        for kind, steps in [("chunks", 2), ("chunks", 4), ("last", 10)]
        for bits in (4, 10)
    ]


# Tuning


def small(inputs):
    return BEPRecurrentNetwork(inputs, 2, state=15, groups=(5, 5), nu=0.3, patience=2)


def test_tuning_finds_the_only_reading_that_can_know(monkeypatch):
    monkeypatch.setattr(tuning, "FEW", 1)
    data = waves(60, 30)
    X, y = np.nan_to_num(data.X_train), data.y_train
    blind, seeing = Reading("last", 5, 1), Reading("chunks", 2, 1)
    for candidates in ([blind, seeing], [seeing, blind]):
        chosen = tuning.tune(candidates, small, X, y, batches=10, early=False, seed=0)
        assert chosen.reading == seeing
        assert chosen.stop is None
        assert chosen.accuracy > 0.6


def test_tuning_halves_and_keeps_the_first_of_equals(monkeypatch):
    """Four candidates whose curves are given: who trains how long, and who wins."""
    curves = {1: [0.5] * 30, 2: [0.9] * 6 + [0.2] * 24, 3: [0.5] * 30, 4: [0.4] * 30}
    trained = dict.fromkeys(curves, 0)

    class Told(tuning.Trial):
        def __init__(self, reading, start, train, held_out):
            self.steps, self.curve = reading.steps, []
            assert len(train[1]) == 2 * len(held_out[1]) == 60

        def go_on(self, epochs, batches):
            trained[self.steps] += epochs
            self.curve = curves[self.steps][: len(self.curve) + epochs]

    monkeypatch.setattr(tuning, "Trial", Told)
    monkeypatch.setattr(tuning, "FEW", 10)
    X, y = np.zeros((90, 1, 4)), np.arange(90) % 2
    candidates = [Reading("last", steps, 1) for steps in curves]
    late = tuning.tune(candidates, None, X, y, batches=10, early=False, seed=0)
    assert (late.reading.steps, late.stop, late.accuracy) == (1, None, 0.5)
    assert trained == {1: 30, 2: 16, 3: 30, 4: 8}
    early = tuning.tune(candidates, None, X, y, batches=10, early=True, seed=0)
    assert (early.reading.steps, early.stop, early.accuracy) == (2, 6, 0.9)


def test_a_settled_network_is_left_alone():
    """Once no case fires, going on changes no sign: the curve goes on without training."""
    X, y = np.nan_to_num(waves().X_train[:12]), np.arange(12) % 2

    def start(inputs):
        return BEPRecurrentNetwork(inputs, 2, state=105, groups=(5, 5), nu=0.3, r=0.02)

    trial = tuning.Trial(Reading("chunks", 2, 1), start, (X, y), (X, y))
    trial.go_on(60, 4)
    assert len(trial.curve) == 60 > trial.net.epoch
    trial.go_on(5, 4)
    assert trial.curve[-6:] == [1.0] * 6
    before = [W.words.copy() for W in trial.net.W]
    trial.net.fit(*trial.train, 5, 3)
    assert all((W.words == old).all() for W, old in zip(trial.net.W, before, strict=True))


# A run of the UCR series


def test_a_fold_by_hand(tmp_path, monkeypatch):
    """The row is what the pieces, put together here, compute; the gaps are filled."""
    data = waves()
    monkeypatch.setattr(series, "load", lambda name: data)
    monkeypatch.setitem(series.SETTINGS, "expansion", 33)
    monkeypatch.setitem(series.TRIED["best"], "try_chunks", [2])
    monkeypatch.setattr(tuning, "FEW", 1)
    request = Request(datasets=("Waves",), widths=(15, 9), epochs=4)
    rows = reproduce("ucr", request, store=tmp_path / "r", progress=False)
    assert [row["fold"] for row in rows] == [0, 1, 2]
    row = rows[1]
    X, y = data.pooled()
    X[0, 0, 7], X[1, 0, -1] = (X[0, 0, 6] + X[0, 0, 8]) / 2, np.nan
    X[1, 0, 1:], X[1, 0, 0] = X[1, 0, :-1].copy(), X[1, 0, 0]  # a short series moves to the end
    train, test = stratified_folds(y, 3, seed=0)[1]
    reader = Reader(Reading(row["reading"], row["window"], row["bits"])).fit(X[train])
    net = BEPRecurrentNetwork(
        reader.transform(X).shape[1], 2, state=15, readout=9, expansion=33, nu=0.05,
        groups=row["groups"], patience=2,
    )  # fmt: skip
    scores = []
    for _ in range(row["stopped_after"]):
        net.fit(reader.transform(X[train]), y[train], 1, 4)
        scores.append(net.score(reader.transform(X[test]), y[test]))
    assert row["weights_sha256"] == net.weights_sha256()
    assert row["test_accuracy"] == round(100 * np.mean(scores[-3:]), 2)
    assert row["stopped_after"] == 4
    assert row["paper"] is None


def test_tuning_sees_no_test_case(monkeypatch):
    """Whatever the test cases of a fold hold, the choice is the same."""
    seen = []

    def note(candidates, start, X, y, **options):
        seen.append((X.copy(), y.copy()))
        return tuning.Choice(candidates[0], None, 0.0)

    monkeypatch.setattr(series, "tune", note)
    data = waves()
    run = series.series_run("Waves", "bep", "best", 2, 0, (15, 15), epochs=1)
    series.train_series(data, run, Monitor())
    (X, y), (train, test) = seen[0], stratified_folds(data.pooled()[1], 3, seed=0)[2]
    np.testing.assert_array_equal(y, data.pooled()[1][train])
    assert len(X) == len(train)
    assert not set(X[:, 0, 0]) & set(data.pooled()[0][test, 0, 0])


def test_yardsticks_by_hand(tmp_path, monkeypatch):
    """1-NN is by hand; logistic regression finds the one time that tells the classes apart."""
    data = waves()
    monkeypatch.setattr(series, "load", lambda name: data)
    request = Request(datasets=("Waves",), method=("1nn", "logistic"))
    rows = reproduce("ucr", request, store=tmp_path / "r", progress=False)
    for fold in range(3):
        (X, y), (X_test, y_test) = cases_of_fold(data, fold, seed=0)
        marks = np.sort(X, axis=0)[-(-np.arange(1, 11) * len(X) // 11) - 1]
        code, code_test = (Z[:, None] > marks[None] for Z in (X, X_test))
        distance = [[(a != b).sum() for b in code] for a in code_test]
        right = np.mean(y[np.argmin(distance, axis=1)] == y_test)
        assert rows[fold]["test_accuracy"] == round(100 * right, 2)
        assert rows[fold + 3]["test_accuracy"] > 90
        assert rows[fold]["epochs"] is None


def test_what_is_asked_of_the_series():
    experiment = EXPERIMENTS["ucr"]
    runs = experiment.runs(Request(datasets=("Wafer", "Coffee"), seeds=2))
    assert [(r.dataset, r.seed, r.fold) for r in runs] == [
        (name, seed, fold) for name in ("Wafer", "Coffee") for seed in (0, 1) for fold in (0, 1, 2)
    ]
    assert (experiment.paper(runs[0]), experiment.paper(runs[-1])) == (95.92, None)
    assert runs[0].options["groups"] == [15, 15]
    (paper, *_) = experiment.runs(Request(datasets=("Wafer",), preset="paper"))
    assert (paper.options["try_chunks"], paper.options["try_early"]) == ([], False)
    for request, message in [
        (Request(widths=(5,)), "--widths must be two"),
        (Request(preset="bold"), "--preset must be"),
        (Request(method=("ste",)), "--method must be"),
        (Request(windows=(4,)), "--windows does not go with ucr"),
    ]:
        with pytest.raises(ValueError, match=message):
            experiment.runs(request)


def test_groups_divide():
    assert groups_of((1035, 1875)) == [15, 15]
    assert groups_of((64, 7)) == [8, 1]


# Sequential digits


def images(n_train=60, n_test=20):
    rng = np.random.default_rng(1)
    X = rng.integers(0, 3, (n_train + n_test, 784)).astype(np.uint8)
    y = np.arange(len(X)) % 10
    return Dataset(
        name="digits", X_train=X[:n_train], y_train=y[:n_train], X_test=X[n_train:],
        y_test=y[n_train:], classes=tuple(range(10)), sample_shape=(784,), source="made", notes=(),
    )  # fmt: skip


@pytest.mark.parametrize(("window", "clock"), [(1, 0), (4, 0), (28, 3)])
def test_pixels_come_in_order(window, clock):
    X = images().X_train
    signs = digits.read(X, window, clock, seed=5)
    assert signs.shape == (60, 784 // window + clock, window)
    pixels = signs[:, : 784 // window].transpose(0, 2, 1).reshape(60, 784)
    np.testing.assert_array_equal(pixels > 0, X > 0)
    ticks = signs[:, 784 // window :]
    assert (ticks == ticks[:1]).all(), "the clock says nothing about the digit"


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    data = images()
    monkeypatch.setattr(digits, "load", lambda: data)
    monkeypatch.setitem(digits.SETTINGS, "held_out", 20)
    request = Request(widths=(15, 15), windows=(4,), epochs=5)
    (run,) = EXPERIMENTS["s-mnist"].runs(request)
    whole = digits.train_digits(data, run, Monitor())
    epochs, path = [], tmp_path / "half.checkpoint"

    class Cut(Monitor):
        def epoch(self, done, total, accuracy):
            epochs.append(done)
            if len(epochs) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        digits.train_digits(data, run, Cut(checkpoint=path))
    assert digits.train_digits(data, run, Cut(checkpoint=path)) == whole
    assert epochs == [1, 2, 3, 3, 4, 5]
    assert len(whole["curve"]) == 5


def test_what_is_asked_of_the_digits():
    experiment, horizon = EXPERIMENTS["s-mnist"], EXPERIMENTS["ablation-horizon"]
    runs = experiment.runs(Request())
    assert [(run.options["window"], experiment.paper(run)) for run in runs] == [
        (8, 96.0), (28, 92.7),
    ]  # fmt: skip
    short = horizon.runs(Request())
    assert [run.options["horizon"] for run in short] == [1, 2, 4, 8]
    assert {run.varied for run in short} == {"horizon"}
    long = horizon.runs(Request(windows=(28,)))
    assert [horizon.paper(run) for run in long] == [54.0, 67.0, 73.0, 93.0]
    helped, steps = ("average", "mask_steps", "clock"), EXPERIMENTS["ablation-steps"]
    few, many = ([run.options.get(name) for name in helped] for run in runs)
    assert (few, many) == ([20, None, 0], [20, 14, 28])
    (paper,) = experiment.runs(Request(preset="paper", windows=(28,)))
    assert [paper.options.get(name) for name in helped] == [None, None, 0]
    without = steps.runs(Request())
    assert [run.varied for run in without] == [None, *helped, "r"]
    assert [without[i].options[name] for i, name in enumerate(helped, 1)] == [None, None, 0]
    assert not any(steps.paper(run) for run in without)
    with pytest.raises(ValueError, match="--windows must divide the 784 pixels, got 9"):
        experiment.runs(Request(windows=(9,)))
    with pytest.raises(ValueError, match="--windows must be an integer >= 1, got 0"):
        experiment.runs(Request(windows=(0,)))


def test_the_last_three_epochs_are_averaged():
    """Whoever stops one epoch earlier has two of the three accuracies in common."""
    data = images()
    train, test = (
        (digits.read(X, 4, 0, 0), y)
        for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test))
    )

    def net():
        return BEPRecurrentNetwork(196, 10, state=15, groups=(5, 5), nu=0.3)

    one = net()
    scores = [one.fit(*train, 1, 20).score(*test) for _ in range(5)]
    for epochs in (1, 2, 5):
        figures = train_and_judge(net(), train, test, epochs, 20, Monitor())
        assert figures["test_accuracy"] == round(100 * np.mean(scores[:epochs][-3:]), 2)


# The table


def test_a_line_a_data_set_and_their_means():
    chosen = {"reading": "chunks", "window": 4, "bits": 10}
    rows = [
        {"dataset": d, "method": m, "test_accuracy": a, "paper": p, **chosen}
        for d, m, a, p in [
            ("A", "bep", 80.0, 79.0), ("A", "bep", 82.0, 79.0), ("A", "1nn", 70.0, None),
            ("B", "bep", 60.0, 62.0), ("B", "1nn", 65.0, None),
        ]
    ]  # fmt: skip
    rows[1] = rows[1] | {"reading": "last", "window": 12}
    table = report.by_dataset(rows, ("bep", "1nn"))
    assert table.columns == ["data set", "runs", "bep", "paper", "difference", "read as", "1nn"]
    assert table.lines == [
        ["A", "2", "81.0 ± 1.4", "79", "+2.0", "chunks 4 × 10, last 12 × 10", "70.0"],
        ["B", "1", "60.0", "62", "-2.0", "chunks 4 × 10", "65.0"],
        ["mean", "", "70.5", "70.5", "+0.0", "", "67.5"],
    ]
    unlisted = [row | {"paper": None} for row in rows[:2]]
    assert len(report.by_dataset(unlisted, ("bep",)).lines) == 1
