"""Runs on a Dask cluster of two worker processes are the runs of one machine."""

import os
import signal
import threading
import time

import pytest

from bnnkit.cli import main
from bnnkit.lab.reproduce import Request, on_cluster, reproduce

REQUEST = Request(method=("bep", "local"), widths=(15,), seeds=2, epochs=2)
OF_THE_RUN = ("seconds", "cpu_seconds", "date")


@pytest.fixture(scope="module")
def cluster():
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


def plain(rows):
    return [{k: v for k, v in row.items() if k not in OF_THE_RUN} for row in rows]


@pytest.mark.slow
def test_the_same_rows_as_in_one_process_though_a_worker_dies(cluster, tmp_path):
    alone = reproduce("random-prototypes", REQUEST, store=tmp_path / "a.jsonl", progress=False)

    def kill_one():
        time.sleep(1)
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    threading.Thread(target=kill_one, daemon=True).start()
    with on_cluster(cluster.scheduler_address):
        there = reproduce("random-prototypes", REQUEST, store=tmp_path / "b.jsonl", progress=False)
    assert len(there) == 4 and plain(there) == plain(alone)


@pytest.mark.slow
def test_from_the_shell(cluster, tmp_path, capsys):
    words = ["reproduce", "random-prototypes", "--widths", "9", "--epochs", "1", "--seeds", "2"]
    words += ["--store", str(tmp_path / "s.jsonl"), "--dask", cluster.scheduler_address]
    assert main(words) == 0
    assert capsys.readouterr().out.count("random-prototypes") == 2


def test_nobody_there(tmp_path, capsys):
    pytest.importorskip("distributed")
    words = ["reproduce", "random-prototypes", "--dask", "tcp://127.0.0.1:9"]
    assert main([*words, "--store", str(tmp_path / "s.jsonl")]) == 1
    assert "no Dask scheduler answers" in capsys.readouterr().err
