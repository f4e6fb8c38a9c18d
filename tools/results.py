"""Write the book's result files from the stores of ``python -m bnnkit reproduce``.

    results.py [STORE ...]    one file an experiment and preset, in book/results

What the files hold already stays, unless a store has a later result of the same run. Results of
settings that no preset has any more are left out, and said so.
"""

import json
import sys

from project import ROOT

from bnnkit.cli import parse_reproduce
from bnnkit.lab.reproduce import Store, get_experiment
from bnnkit.lab.reproduce.runner import flat_row

FOLDER = ROOT / "book" / "results"


def planned(row):
    """Return the run that a row is of, if its command would still plan it; None otherwise."""
    name, request = parse_reproduce(row["command"])
    for run in get_experiment(name).runs(request):
        if all(item in row.items() for item in run.settings().items()):
            return run
    return None


def order(row):
    """Methods together, small nets first, then what an ablation varies as it was planned."""
    numbers = (row["seed"] or 0, row["fold"] or 0)
    return (row["dataset"], row["method"], len(row["widths"]), row["widths"], *numbers)


def main(*stores):
    rows = [row for path in sorted(FOLDER.glob("*.json")) for row in json.loads(path.read_text())]
    rows += [flat_row(record) for store in stores for record in Store(store).read().values()]
    current = {}
    for row in rows:
        run = planned(row)
        if run is None:
            print(f"left out: {row['command']}: {row['widths']}, seed {row['seed']}")
        else:
            current[str(run)] = row
    files = {}
    for row in current.values():
        files.setdefault(f"{row['experiment']}-{row['preset']}.json", []).append(row)
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, of_file in sorted(files.items()):
        lines = ",\n".join(json.dumps(row) for row in sorted(of_file, key=order))
        (FOLDER / name).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
        print(f"{name}: {len(of_file)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
