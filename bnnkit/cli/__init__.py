"""The command line: ``python -m bnnkit info | train | predict | evaluate | export | bench | ...``.

Each command prints a table for people; ``--json PATH`` writes the same as a list of flat rows. The
commands on models are in ``models``; the others are short and here.
"""

from __future__ import annotations

import argparse
import inspect
import json
import shlex
import sys
from dataclasses import fields
from pathlib import Path

import bnnkit
from bnnkit.cli import models
from bnnkit.errors import check_int


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 1 it could not be done, 2 wrong usage."""
    arguments = _parser().parse_args(argv)
    try:
        models.check_target(arguments.json, "--json")
        rows = arguments.command(arguments)
        print(table(_shown(rows, arguments.columns)))
        if arguments.json is not None:
            lines = ",\n".join(json.dumps(row) for row in rows)  # a row a line
            arguments.json.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(f"bnnkit: {_said(error)}", file=sys.stderr)
        return 1
    return 0


def _said(error: Exception) -> str:
    """An error in one line; the system's without their number."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def table(rows: list[dict]) -> str:
    """Return rows as aligned columns, numbers to the right.

    >>> print(table([{"peer": "numpy", "ratio": 20.5}, {"peer": "torch", "ratio": 7}]))
    peer   ratio
    numpy   20.5
    torch      7
    """
    if not rows:
        return "nothing to show"
    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_text(row.get(key, "")) for key in keys] for row in rows]
    numeric = [all(isinstance(row.get(key, 0), (int, float)) for row in rows) for key in keys]
    widths = [max(len(line[i]) for line in [keys, *cells]) for i in range(len(keys))]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric)
        ).rstrip()
        for line in [keys, *cells]
    ]
    return "\n".join(lines)


def _shown(rows: list[dict], columns: tuple[str, ...] | None) -> list[dict]:
    """Leave out what is too long for a table, and what is nowhere known."""
    if columns is None:
        return by_peer(rows)
    known = [c for c in columns if any(row.get(c) is not None for row in rows)]
    return [{c: "" if row.get(c) is None else row[c] for c in known} for row in rows]


def by_peer(rows: list[dict]) -> list[dict]:
    """Return benchmark rows with one column a peer: what differs in peer and ratio only is one row.

    >>> by_peer([{"m": 1, "peer": "numpy", "ratio": 20.5}, {"m": 1, "peer": "c", "ratio": 1}])
    [{'m': 1, 'numpy': 20.5, 'c': 1}]
    """
    merged: dict[str, dict] = {}
    for row in rows:
        facts = {key: value for key, value in row.items() if key not in ("peer", "ratio", "cpu")}
        line = merged.setdefault(json.dumps(facts), facts)
        if "peer" in row:
            line[row["peer"]] = row["ratio"]
    return list(merged.values())


def _text(value) -> str:
    if isinstance(value, list):
        return "-".join(map(str, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bnnkit", description="Networks of signs, trained bit by bit."
    )
    parser.add_argument("--version", action="version", version=bnnkit.__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, function, help):
        added = commands.add_parser(name, help=help, description=help)
        added.add_argument("--json", type=Path, metavar="PATH", help="write the rows there as well")
        added.set_defaults(command=function, columns=None)
        return added

    info = command("info", _info, "what is installed, which engine serves; or what a model holds")
    info.add_argument("model", nargs="?", type=Path, help="a file that train or save has written")
    models.add_commands(command)
    bench = command("bench", _bench, "bnnkit beside its peers, as ratios")
    bench.add_argument(
        "what", choices=("kernels", "training", "inference", "memory", "start", "soak")
    )
    bench.add_argument("--peers", nargs="+", metavar="PEER", help="these only (see the table)")
    bench.add_argument(
        "--sizes", nargs="+", type=_size, metavar="M,N,K", help="kernels: these products only"
    )
    bench.add_argument(
        "--engines", nargs="+", metavar="ENGINE", help="kernels: numba, numba-avx2, numpy"
    )
    bench.add_argument(
        "--larq-python", metavar="PATH", help="kernels: an interpreter with larq-compute-engine"
    )
    bench.add_argument("--seconds", type=float, help="how long to measure each")
    bench.add_argument("--minutes", type=float, help="soak: how long to train (60)")
    _add_reproduce(command)
    exercises = command("exercises", _exercises, "the book's exercises: list them, or export them")
    exercises.add_argument("action", choices=("list", "export"))
    exercises.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="where to export to")
    exercises.add_argument("--format", choices=("nbgrader",), default="nbgrader")
    return parser


REPRODUCE_COLUMNS = (
    *("name", "runs", "minutes"),  # of the list
    *("dataset", "method", "preset", "varied", "widths", "window", "bits"),
    *("fold", "seed", "epochs"),
    *("test_accuracy", "test_error", "paper", "bayes_accuracy", "seconds", "about"),
)


def _add_reproduce(command) -> None:
    added = command("reproduce", _reproduce, "the papers' experiments, each by one command")
    added.set_defaults(columns=REPRODUCE_COLUMNS)
    added.add_argument("name", nargs="?", metavar="NAME", help="an experiment, see --list")
    added.add_argument("--list", action="store_true", help="what there is, what each costs here")
    added.add_argument("--method", nargs="+", metavar="METHOD", help="bep (the default) or others")
    added.add_argument("--preset", metavar="paper|best", help="which settings")
    added.add_argument(
        "--widths", nargs="+", type=int, metavar="W", help="hidden widths of one net"
    )
    added.add_argument(
        "--form",
        nargs="+",
        metavar="FORM",
        help="of BinaryConnect: det (the default), stoch, none, dropout, ternary, "
        "ternary-stoch, ebp",
    )
    added.add_argument("--width", type=float, metavar="S", help="share of the paper's maps")
    added.add_argument("--datasets", nargs="+", metavar="NAME", help="these only")
    added.add_argument("--windows", nargs="+", type=int, metavar="W", help="steps of a sequence")
    added.add_argument("--seeds", type=int, metavar="N", help="seeds 0 .. N - 1 (default 1)")
    added.add_argument("--epochs", type=int, metavar="E", help="instead of the preset's")
    added.add_argument("--jobs", type=int, default=1, metavar="J", help="runs at a time")
    added.add_argument(
        "--dask", metavar="ADDRESS", help="instead: on the workers of this Dask scheduler"
    )
    added.add_argument(
        "--store",
        type=Path,
        default=Path("reproduce.jsonl"),
        metavar="PATH",
        help="keeps every finished run; the same command goes on from there (%(default)s)",
    )


def _size(text: str) -> tuple[int, int, int]:
    try:
        m, n, k = (check_int(int(part), "a size", low=1) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not M,N,K, as in 100,1024,784") from None
    return m, n, k


def _info(arguments) -> list[dict]:
    from bnnkit.engine import available_engines, get_engine
    from bnnkit.lab.timing import machine

    if arguments.model is not None:
        return models.describe(arguments.model)
    facts = {"bnnkit": bnnkit.__version__, "engine": get_engine().NAME}
    facts |= {"engines": " ".join(available_engines())} | machine()
    return [{"what": what, "value": value} for what, value in facts.items()]


def _bench(arguments) -> list[dict]:
    from bnnkit.lab import bench, soak
    from bnnkit.lab.timing import machine

    what = {
        "kernels": bench.bench_kernels,
        "training": bench.bench_training,
        "inference": bench.bench_inference,
        "memory": bench.bench_memory,
        "start": bench.bench_start,
        "soak": soak.bench_soak,
    }[arguments.what]
    takes = inspect.signature(what).parameters
    names = ("peers", "sizes", "engines", "larq_python", "seconds", "minutes")
    options = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    for name in options:
        if name not in takes:
            raise ValueError(f"bench {arguments.what} takes no --{name.replace('_', '-')}")
    facts = machine()
    print(table([{"machine": name, "": value} for name, value in facts.items()]), end="\n\n")
    return [row | {"cpu": facts["cpu"]} for row in what(**options)]


def _reproduce(arguments) -> list[dict]:
    from bnnkit.lab.reproduce import list_experiments, on_cluster, reproduce

    if arguments.list:
        return list_experiments([arguments.name] if arguments.name else None)
    if arguments.name is None:
        raise ValueError("reproduce needs a NAME; --list shows them")
    request, store = _request(arguments), arguments.store
    if arguments.dask is not None:
        with on_cluster(arguments.dask):
            return reproduce(arguments.name, request, store=store)
    return reproduce(arguments.name, request, store=store, jobs=arguments.jobs)


def _request(arguments):
    from bnnkit.lab.reproduce import Request

    asked = {f.name: getattr(arguments, f.name) for f in fields(Request)}
    return Request(**{n: tuple(v) if isinstance(v, list) else v for n, v in asked.items()})


def parse_reproduce(command: str):
    """Return the experiment's name and the request of a command, as a row records it.

    >>> parse_reproduce("python -m bnnkit reproduce mnist --seeds 3")
    ('mnist', Request(seeds=3))
    """
    arguments = _parser().parse_args(shlex.split(command)[3:])
    return arguments.name, _request(arguments)


def _exercises(arguments) -> list[dict]:
    from bnnkit.learn import export_nbgrader, list_exercises

    if (arguments.action == "export") != (arguments.folder is not None):
        raise ValueError("export needs a folder: exercises export DIR; list takes none")
    return list_exercises() if arguments.folder is None else export_nbgrader(arguments.folder)
