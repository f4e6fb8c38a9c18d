"""A soak: networks are trained, saved, loaded and asked for an hour, and memory must stay flat.

``python -m bnnkit bench soak --minutes 60``. Resident memory is read after every round; the slope
is fitted to what comes after the first tenth of the time, when compiled code, caches and the
allocator's arenas are there.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from bnnkit import files
from bnnkit.bep import BEPNetwork
from bnnkit.datasets import random_prototypes
from bnnkit.engine import get_engine
from bnnkit.errors import check_int, check_number
from bnnkit.files import Checkpoint
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.ste import Adam, binary_connect_mlp

STATM = Path("/proc/self/statm")
WIDTH, STEPS, CLASSES, BATCH = 784, 7, 10, 100
WARM_UP = 0.1  # of the time


def bench_soak(minutes: float = 60.0, cases: int = 2000, hidden: int = 525) -> list[dict]:
    """Train in rounds for so many minutes and return one row: memory, and how it grew.

    ``cases`` samples, 500 or more, go through networks of ``hidden`` neurons a layer.

    A round makes a BEP, a BEP-TT and a BinaryConnect network and leads each through ``fit`` with a
    checkpoint, ``partial_fit``, ``save``, ``load`` and ``predict``; one more network of each kind
    lives on and learns a little in every round. ``same_weights`` says whether all rounds ended with
    the bits of the first. Ctrl-C ends the soak with the row so far. Raises ``OSError`` where there
    is no ``/proc``.
    """
    seconds = 60 * check_number(minutes, "minutes", 0, open_low=True)
    check_int(cases, "cases", low=5 * BATCH)
    if not STATM.exists():
        raise OSError(f"the soak reads memory from {STATM}, which this system does not have")
    data = random_prototypes(n_train=cases, n_validation=0, n_test=1, d=WIDTH, flip=0.3)
    X, y, lasting = data.X_train, data.y_train, _networks(hidden)
    start, samples, weights = time.monotonic(), [], set()
    with tempfile.TemporaryDirectory(prefix="bnnkit-") as folder, tqdm(
        total=round(seconds), unit="s", desc="soak"
    ) as bar:  # fmt: skip
        try:
            while not samples or samples[-1][0] < seconds:
                weights.add(_round(X, y, _networks(hidden), Path(folder)))
                for net in lasting:
                    _stream(net, X, y)
                samples.append((time.monotonic() - start, _resident()))
                bar.update(min(round(samples[-1][0]), bar.total) - bar.n)
                bar.set_postfix(mib=round(samples[-1][1] / 2**20))
        except KeyboardInterrupt:
            if not samples:
                raise
    row: dict = {"case": "soak", "engine": get_engine().NAME, "rounds": len(samples)}
    row |= {"same_weights": len(weights) == 1, "peak_mib": _peak(samples)}
    return [row | _measures(samples)]


def _networks(hidden: int) -> list:
    return [
        BEPNetwork((WIDTH, hidden, hidden), CLASSES),
        BEPRecurrentNetwork(WIDTH // STEPS, CLASSES, state=hidden),
        binary_connect_mlp([WIDTH, hidden, CLASSES], rng=0),
    ]


def _round(X, y, networks: list, folder: Path) -> str:
    """The life of each network once; returns the hashes of those that are the same everywhere."""
    hashes = []
    for i, net in enumerate(networks):
        x, target = _input(net, X), folder / f"{i}.bnn"
        kept, half = Checkpoint(folder / f"{i}.checkpoint"), len(y) // 2
        validation = x[half:], y[half:]
        integer = hasattr(net, "weights_sha256")
        rng = {} if integer else {"rng": 0}
        net.fit(x[:half], y[:half], epochs=2, validation=validation, checkpoint=kept, **rng)
        kept.path.unlink()
        _stream(net, X, y)
        files.save(net, target)
        twin = files.load(target)
        if not np.array_equal(twin.predict(x), net.predict(x)):
            raise RuntimeError(f"{type(net).__name__} answers differently when loaded")
        if integer:
            hashes.append(twin.weights_sha256())
    return " ".join(hashes)


def _stream(net, X, y) -> None:
    """Let a network learn some batches more, and ask it."""
    x = _input(net, X)
    if hasattr(net, "weights_sha256"):
        net.partial_fit(x[: 5 * BATCH], y[: 5 * BATCH], BATCH)
    else:
        for rows in _batches(5):
            net.partial_fit(x[rows], y[rows], learning_rate=0.01, optimizer=Adam(), rng=0)
        net.calibrate(x[: 5 * BATCH], [net.test_weights], rng=0)
    net.predict(x[:BATCH])


def _batches(n: int) -> Iterator[slice]:
    return (slice(start, start + BATCH) for start in range(0, n * BATCH, BATCH))


def _input(net, X: np.ndarray) -> np.ndarray:
    """The same signs as rows, as sequences, or as real numbers."""
    if isinstance(net, BEPNetwork):
        return X
    if isinstance(net, BEPRecurrentNetwork):
        return np.ascontiguousarray(X.reshape(len(X), STEPS, -1).transpose(0, 2, 1))
    return X.astype(np.float32)


def _resident() -> int:
    """The bytes of this process that are in memory."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak(samples: list[tuple[float, int]]) -> float:
    """The most that this process ever had in memory, in MiB; the system's own figure may lag."""
    import resource  # Unix only

    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(max(peak, *(size for _, size in samples)) / 2**20, 1)


def _measures(samples: list[tuple[float, int]]) -> dict:
    """Of (seconds, bytes): where memory stood after the warm-up and at the end, and its slope.

    >>> found = _measures([(60.0 * i, 2**20 * (100 + max(i, 2))) for i in range(21)])
    >>> found["start_mib"], found["end_mib"], found["slope_kib_per_minute"]
    (102.0, 120.0, 1024.0)
    """
    times, sizes = np.array(samples).T
    warm = times >= WARM_UP * times[-1]
    minutes, mib = times[warm] / 60, sizes[warm] / 2**20
    slope = np.polyfit(minutes, mib, 1)[0] if len(mib) > 1 else 0.0
    return {
        "minutes": round(float(times[-1]) / 60, 2),
        "start_mib": round(float(mib[0]), 1),
        "end_mib": round(float(mib[-1]), 1),
        "slope_kib_per_minute": round(1024 * float(slope), 2),
    }
