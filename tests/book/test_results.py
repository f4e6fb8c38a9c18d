"""The book's result files: whole, up to date with the presets, and repeatable to the bit."""

import pytest
import results

from bnnkit.lab.reproduce import Monitor, get_experiment
from bnnkit.lab.reproduce.presets import SIGN_METHODS
from bnnkit.lab.reproduce.report import read_results

ROWS = read_results(results.FOLDER)
KEYS = {
    "experiment", "dataset", "method", "preset", "widths", "seed", "fold", "epochs", "paper",
    "weights_sha256", "data_sha256", "sources_sha256", "seconds", "command", "date", "machine",
    "versions",
}  # fmt: skip


def test_rows_are_whole():
    for row in ROWS:
        assert set(row) >= KEYS, KEYS - set(row)
        assert "test_accuracy" in row or "test_error" in row
        assert len(row["weights_sha256"]) == len(row["data_sha256"]) == 64
        assert row["command"].startswith(f"python -m bnnkit reproduce {row['experiment']}")


def test_a_run_stands_there_once():
    runs = [str(results.planned(row)) for row in ROWS]
    assert len(set(runs)) == len(runs)


@pytest.mark.parametrize("name", sorted({row["experiment"] for row in ROWS}))
def test_the_presets_are_still_those_of_the_results(name):
    for row in ROWS:
        if row["experiment"] == name:
            run = results.planned(row)
            assert run is not None, f"no preset plans this any more: {row}"
            assert row["paper"] == get_experiment(name).paper(run)


@pytest.mark.slow
def test_a_row_comes_again_to_the_bit():
    """The cheapest one that needs no download: same weights, same accuracies."""
    rows = [row for row in ROWS if row["dataset"] == "random-prototypes" and row["widths"]]
    rows = [row for row in rows if row["method"] in SIGN_METHODS]
    row = min(rows, key=lambda row: row["cpu_seconds"])
    run, experiment = results.planned(row), get_experiment(row["experiment"])
    assert experiment.data(run).sha256 == row["data_sha256"]
    again = experiment.train(run, Monitor())
    again.pop("curve")
    assert {name: row[name] for name in again} == again
