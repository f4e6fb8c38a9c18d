"""Do what is still to do: plan, look into the store, train the rest, keep each result at once."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from bnnkit.errors import check_int
from bnnkit.lab.reproduce.experiment import Monitor, Request, Run
from bnnkit.lab.reproduce.registry import EXPERIMENTS, get_experiment
from bnnkit.lab.reproduce.sources import sources_sha256
from bnnkit.lab.reproduce.store import Store, run_key
from bnnkit.lab.timing import machine

VERSIONS = ("bnnkit", "numpy", "numba", "scikit-learn")
REFERENCE = 0.131  # seconds of `_yardstick` on the machine that the estimates were made on


def reproduce(
    name: str,
    request: Request | None = None,
    *,
    store,
    jobs: int | None = None,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Run the experiment ``name`` and return its rows, in the order of the plan.

    Parameters
    ----------
    request : what is asked of it; None is its default
    store : path of the JSON Lines file that keeps every result as soon as it is there; runs that
        it holds already are not done again
    jobs : how many at a time; None leaves it to ``joblib.parallel_config``, so that a cluster
        (its "dask" backend) can take them
    progress : show a bar, with the mean accuracy so far

    Interrupted, it loses the runs under way and no other. Raises ``ValueError`` for an unknown
    name and for options that do not go with it.
    """
    experiment = get_experiment(name)
    if jobs is not None:
        check_int(jobs, "jobs", low=1)
    store = Store(store)
    keys, hashes = {}, {}
    request = Request() if request is None else request
    command = f"python -m bnnkit reproduce {name} {request.words()}".rstrip()
    for run in experiment.runs(request):
        data = experiment.data(run).sha256
        sources = sources_sha256(experiment.trainer(run).__module__)
        key = run_key(run, data, sources)
        keys[key], hashes[key] = run, {"data_sha256": data, "sources_sha256": sources}
    known = store.read()
    todo = [key for key in keys if key not in known]
    done = [known[key] for key in keys if key in known]
    with tqdm(total=len(keys), initial=len(done), disable=not progress, desc=name) as bar:
        calls = [(name, keys[key], key, store.checkpoint(key)) for key in todo]
        for key, result in _perform(calls, jobs, bar):
            record = {"key": key, "experiment": name, "run": keys[key].settings(), **hashes[key]}
            record |= {"result": result, "made": {**_made(), "command": command}}
            store.append(record)
            store.checkpoint(key).unlink(missing_ok=True)
            known[key] = record
            done.append(record)
            bar.update()
            bar.set_postfix_str(_so_far(done))
    return [flat_row(known[key]) for key in keys]


def _perform(calls: list[tuple], jobs: int | None, bar: tqdm) -> Iterator[tuple[str, dict]]:
    """Yield (key, result) of each call as it is done; side by side if there is more than one job.

    In this process a run shows its epochs in the bar.
    """
    if jobs == 1 or len(calls) <= 1:
        for call in calls:
            yield execute(*call, bar=bar)
        return
    try:
        from joblib import Parallel, delayed
    except ImportError:
        raise ImportError("more than one job needs joblib: pip install 'bnnkit[lab]'") from None
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
    yield from parallel(delayed(execute)(*call) for call in calls)


def execute(name: str, run: Run, key: str, checkpoint: Path, bar=None) -> tuple[str, dict]:
    """Do one run, here or in a worker; return its key and its figures with the time it took."""
    experiment = get_experiment(name)
    experiment.data(run)
    wall, cpu = time.perf_counter(), time.process_time()
    result = experiment.train(run, Monitor(bar, checkpoint))
    result["seconds"] = round(time.perf_counter() - wall, 2)
    result["cpu_seconds"] = round(time.process_time() - cpu, 2)
    return key, result


def list_experiments(names: list[str] | None = None) -> list[dict[str, Any]]:
    """Return a row an experiment: what it does, how long it takes here, the paper's figures.

    The minutes are for the default request in one job; they scale with the time that one small
    epoch takes on this machine.
    """
    slower = _yardstick() / REFERENCE
    rows = []
    for experiment in EXPERIMENTS.values() if names is None else map(get_experiment, names):
        runs = experiment.runs(Request())
        minutes = slower * sum(experiment.seconds(run) for run in runs) / 60
        papers = [paper for paper in map(experiment.paper, runs) if paper is not None]
        span = sorted({min(papers), max(papers)}) if papers else []
        rows.append(
            {
                "name": experiment.name,
                "runs": len(runs),
                "minutes": round(minutes, 1),
                "paper": " .. ".join(f"{x:g}" for x in span) or "none",
                "about": experiment.about,
            }
        )
    return rows


def _yardstick() -> float:
    """The seconds of ten epochs of a small net on random signs: how fast this machine is."""
    from bnnkit.bep import BEPNetwork

    X = np.random.default_rng(0).choice(np.array([-1, 1], np.int8), (2000, 784))
    y = np.arange(2000) % 10
    net = BEPNetwork((784, 135, 135), 10).fit(X, y, epochs=1)  # compile first
    started = time.perf_counter()
    net.fit(X, y, epochs=10)
    return time.perf_counter() - started


def flat_row(record: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a record; the paper's figure is looked up anew, not remembered."""
    experiment, run = get_experiment(record["experiment"]), Run.of(record["run"])
    row = {"experiment": experiment.name, **record["run"]}
    row |= {name: value for name, value in record["result"].items() if name != "curve"}
    row |= experiment.short_curve(record["result"].get("curve"))
    row |= {"paper": experiment.paper(run), "data_sha256": record["data_sha256"]}
    return row | {"sources_sha256": record["sources_sha256"], **record["made"]}


def _so_far(records: list[dict]) -> str:
    """The mean over all runs done so far of what they report."""
    for name in ("test_accuracy", "test_error"):
        values = [r["result"][name] for r in records if name in r["result"]]
        if values:
            return f"{name.replace('_', ' ')} {mean(values):.2f} %"
    return ""


def _made() -> dict[str, str]:
    """Where and with what a result was made."""
    versions = [f"python {platform.python_version()}"]
    for package in VERSIONS:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return {
        "date": date.today().isoformat(),
        "machine": machine()["cpu"],
        "versions": ", ".join(versions),
    }
