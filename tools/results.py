"""Write the book's result files from the stores of ``python -m bnnkit reproduce``.

    results.py STORE ...      one file an experiment and preset, in book/results

The later of two results of one run counts. Results of settings that no preset has any more are
left out, and said so.
"""

import json
import sys

from project import ROOT

from bnnkit.lab.reproduce import Request, Store, get_experiment
from bnnkit.lab.reproduce.runner import flat_row

FOLDER = ROOT / "book" / "results"


def planned(row):
    """Return the run that a row is of, if its experiment would still plan it; None otherwise."""
    experiment = get_experiment(row["experiment"])
    asked = {"preset": row["preset"], "seeds": row["seed"] + 1, "epochs": row["epochs"]}
    asked |= {"method": (row["method"],), "datasets": (row["dataset"],)}
    if row["widths"] and row["experiment"] != "ablation-depth":
        asked["widths"] = tuple(row["widths"])
    request = Request(**{name: asked[name] for name in experiment.takes if name in asked})
    for run in experiment.runs(request):
        if all(name in row and row[name] == value for name, value in run.settings().items()):
            return run
    return None


def order(row):
    """Methods together, small nets first, then what an ablation varies as it was planned."""
    return (row["dataset"], row["method"], len(row["widths"]), row["widths"], row["seed"])


def main(*stores):
    records = {}
    for store in stores:
        for record in Store(store).read().values():
            records[json.dumps([record["experiment"], record["run"]], sort_keys=True)] = record
    files = {}
    for row in map(flat_row, records.values()):
        if planned(row):
            files.setdefault(f"{row['experiment']}-{row['preset']}", []).append(row)
        else:
            print(f"left out: {row['command']}, widths {row['widths']}, seed {row['seed']}")
    for name, rows in files.items():
        lines = ",\n".join(json.dumps(row) for row in sorted(rows, key=order))
        (FOLDER / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        print(f"{name}.json: {len(rows)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
