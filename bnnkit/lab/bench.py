"""Benchmarks: bnnkit beside its peers, in one process, as ratios.

``python -m bnnkit bench kernels|training|inference|memory|start``. Each row has a ``case`` and a
``peer``; its ``ratio`` is the peer's time (for memory, its bytes) divided by bnnkit's: above 1,
bnnkit is better. With one thread the processor's time is measured, with two the wall clock's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from tqdm.auto import tqdm

from bnnkit.bep import BEPNetwork
from bnnkit.engine import available_engines, get_engine, use_engine
from bnnkit.errors import check_option
from bnnkit.lab import peers as products
from bnnkit.lab import ste_peers
from bnnkit.lab.timing import REST, blas_threads, clock_for, interleave
from bnnkit.packed import BitMatrix, pack
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.summary import summary

SIZES = [(1, 1024, 1024), (100, 1024, 784), (128, 4096, 4096)]
SIZES += [(n, n, n) for n in (1024, 2048, 4096)]
AVX2 = "numba-avx2"  # the numba engine in a process that may use AVX2 only
ENGINES = ("numba", AVX2, "numpy")
PEERS = (*products.PRODUCTS, "torch-ste")
TWO_THREADS = 512  # rows from which a second thread is tried
NET = (784, 525, 525)
STEPS, STATE = 7, 525  # an image as 7 steps of 112 pixels
BATCH, CASES, SEQUENCES = 100, 10_000, 2_000
EPOCHS = 10  # of training before BEP is timed


# --- products ------------------------------------------------------------------------------------


def bench_kernels(
    sizes: Sequence[tuple[int, int, int]] = SIZES,
    peers: Iterable[str] | None = None,
    engines: Iterable[str] | None = None,
    seconds: float = 2.0,
    larq_python: str | None = None,
) -> list[dict]:
    """Time the product of packed signs of (m, k) with (n, k); a row for each size and peer.

    ``engines`` are of ``ENGINES`` (those that can run here), ``peers`` of ``PEERS``. The NumPy
    engine and the AVX2 process meet NumPy's float product and, the latter, the AVX2 reference.
    ``larq_python`` is an interpreter that has larq-compute-engine; its times are taken apart, and
    its rows are marked ``"apart": True``.
    """
    names = _engines() if engines is None else engines
    names = [check_option(name, "engines", ENGINES) for name in names]
    wanted = _names(peers, products.PRODUCTS)
    rows = []
    for name in names:
        if name == AVX2:
            rows += _in_avx2_process(sizes, wanted & {"numpy", "c-avx2"}, seconds)
            continue
        with use_engine(name):
            for size in tqdm(sizes, desc=f"{name}, products"):
                rows += _products(size, wanted if name == "numba" else wanted & {"numpy"}, seconds)
    return rows if larq_python is None else rows + _larq(larq_python, sizes, rows)


def _engines() -> list[str]:
    """All that can run here, the narrowed one where the processor has more than AVX2."""
    if "numba" not in available_engines():
        return ["numpy"]
    return [name for name in ENGINES if name != AVX2 or _avx2_features()]


def _products(size: tuple[int, int, int], wanted: set[str], seconds: float) -> list[dict]:
    """One size on one thread, then on two where there are enough rows."""
    engine, (m, n, k) = get_engine(), size
    rng = np.random.default_rng(0)
    A, B = (rng.choice(np.array([-1, 1], np.int8), (rows, k)) for rows in (m, n))
    a, operand = engine.pack_signs(A), engine.operand(engine.pack_signs(B), k)
    calls = {name: products.PRODUCTS[name](A, B) for name in products.PRODUCTS if name in wanted}
    calls = {name: call for name, call in calls.items() if call is not None}
    row = {"case": "product", "m": m, "n": n, "k": k, "engine": engine.NAME}

    def race(threads: int, rivals: dict) -> list[dict]:
        ours = {"": lambda: engine.product(a, operand, threads)}
        with blas_threads(threads):
            rest = REST if threads > 1 else 0.0
            clock = clock_for(threads)
            times = interleave(ours | rivals, seconds, clock=clock, rest=rest, warm=True)
        return _rows(row | {"threads": threads}, times, work=m * n * k)

    rows = race(1, calls)
    if m >= TWO_THREADS and engine.NAME == "numba":
        rivals = {name: call for name, call in calls.items() if not name.startswith("c-")}
        rows += race(2, {"one-thread": lambda: engine.product(a, operand, 1)} | rivals)
    return rows


def _in_avx2_process(sizes, wanted: set[str], seconds: float) -> list[dict]:
    """The numba engine where numba and OpenBLAS are told to use nothing beyond AVX2."""
    if not wanted:
        return []
    narrow = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": _avx2_features()}
    narrow |= {"OPENBLAS_CORETYPE": "Haswell"}
    with tempfile.TemporaryDirectory(prefix="bnnkit-") as folder:
        target = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "bnnkit", "bench", "kernels", "--engines", "numba"]
        command += ["--seconds", str(seconds), "--json", str(target), "--peers", *sorted(wanted)]
        command += ["--sizes", *(",".join(map(str, size)) for size in sizes)]
        subprocess.run(command, env=os.environ | narrow, stdout=subprocess.DEVNULL, check=True)
        rows = json.loads(target.read_text(encoding="utf-8"))
    return [row | {"engine": AVX2} for row in rows]


def _larq(python: str, sizes, rows: list[dict]) -> list[dict]:
    """Rows beside Larq: its times over those of the numba engine on one thread."""
    theirs = dict(zip(map(tuple, sizes), products.larq_seconds(python, sizes)))
    ours = {
        (row["m"], row["n"], row["k"]): row
        for row in rows
        if row["engine"] == "numba" and row["threads"] == 1
    }
    return [
        row | {"peer": "larq", "ratio": round(theirs[size] / row["seconds"], 3), "apart": True}
        for size, row in ours.items()
    ]


def _avx2_features() -> str:
    """This processor's features for numba, all that AVX-512 brought turned off; "" without AVX2."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if not features.get("avx2", False):
        return ""
    return ",".join(
        f"{'+' if on and not any(new in name for new in ('512', 'avx10', 'amx')) else '-'}{name}"
        for name, on in sorted(features.items())
    )


# --- training and inference ----------------------------------------------------------------------


def bench_training(peers: Iterable[str] | None = None, seconds: float = 10.0) -> list[dict]:
    """Time whole epochs of BEP and of BEP-TT beside STE and Adam.

    784-525-525 with 10 classes, and a recurrent net of 525 that reads 7 steps of 112 signs; batch
    100. On Fashion-MNIST where it is at hand, else on generated clouds of signs, and ``dataset``
    says so. BEP's cost goes with the share of samples that fire (``triggered``), which falls within
    the first epochs and then hardly changes; so BEP is timed after some epochs of training.
    """
    wanted = _names(peers, ("numpy", "torch-ste"))
    dataset, X, y = _training_data()
    rows = []
    for race in (_mlp_race, _rnn_race):
        net, ours, rivals = race(X, y, wanted)
        with blas_threads(1):
            times = interleave(ours | rivals, seconds, repeats=5, clock=clock_for(1))
        row = {"case": "train", "dataset": dataset, "net": _name(net), "engine": get_engine().NAME}
        row |= {"threads": 1, "triggered": round(net.history[-1].triggered, 3)}
        rows += _rows(row, times)
    return rows


def _training_data() -> tuple[str, np.ndarray, np.ndarray]:
    from bnnkit.datasets import load_fashion_mnist, random_prototypes

    try:
        data = load_fashion_mnist(download=False)
    except FileNotFoundError:
        clouds = random_prototypes(n_train=CASES, n_validation=0, n_test=1, d=NET[0], flip=0.4)
        return clouds.name, clouds.X_train, clouds.y_train
    X = np.where(data.X_train > 0, 1, -1).astype(np.int8)
    return data.name, X, data.y_train.astype(np.int64)


def _mlp_race(X, y, wanted: set[str]):
    """The network, its epoch, and the epochs of its rivals over the same samples."""
    net = BEPNetwork(NET, 10).fit(X, y, epochs=EPOCHS)
    X, y = X[:CASES], y[:CASES]
    packed = BitMatrix.from_signs(X)
    ours = {"": lambda: net.fit(packed, y, epochs=1)}
    floats, targets = X.astype(np.float32), _targets(y)
    rivals = {}
    if "numpy" in wanted:
        rival = ste_peers.NumpySTE(NET, 10, np.random.default_rng(0))
        rivals["numpy"] = _epoch(rival.step, floats, targets)
    return net, ours, rivals | _torch_epoch(wanted, floats, targets, ste_peers.torch_mlp, NET, 10)


def _rnn_race(X, y, wanted: set[str]):
    """The same for the recurrent network."""
    X = X.reshape(len(X), STEPS, -1)
    inputs = X.shape[2]
    sequences = np.ascontiguousarray(X.transpose(0, 2, 1))
    net = BEPRecurrentNetwork(inputs, 10, state=STATE).fit(sequences, y, epochs=EPOCHS)
    X, y, sequences = X[:SEQUENCES], y[:SEQUENCES], sequences[:SEQUENCES]
    ours = {"": lambda: net.fit(sequences, y, epochs=1)}
    floats, targets = X.astype(np.float32), _targets(y)
    torch = _torch_epoch(wanted, floats, targets, ste_peers.torch_rnn, inputs, STATE, 10)
    return net, ours, torch


def _torch_epoch(wanted: set[str], X, targets, make, *sizes) -> dict:
    """PyTorch's epoch, where PyTorch is there."""
    if "torch-ste" not in wanted:
        return {}
    torch = products.torch_if_installed()
    if torch is None:
        return {}
    step = make(*sizes)
    return {"torch-ste": _epoch(step, torch.from_numpy(X), torch.from_numpy(targets))}


def _epoch(step, X, targets):
    batches = [slice(i, i + BATCH) for i in range(0, len(X), BATCH)]
    return lambda: [step(X[rows], targets[rows]) for rows in batches]


def _targets(y: np.ndarray) -> np.ndarray:
    return np.where(np.eye(10, dtype=bool)[y], 1, -1).astype(np.float32)


def bench_inference(peers: Iterable[str] | None = None, seconds: float = 2.0) -> list[dict]:
    """Time the forward pass of 784-525-525-10, from samples to logits, batch 1 and batch 100.

    ``call`` says how bnnkit is asked: by ``BEPNetwork.predictor()``, from packed words or from
    signs, which it checks and packs, or by ``BEPNetwork.decision_function``, from signs, which
    first looks whether what it has prepared still holds.
    """
    wanted = _names(peers, ("numpy", "torch-f32"))
    rng, rows, net = np.random.default_rng(0), [], BEPNetwork(NET, 10)
    weights = [W.to_signs().astype(np.float32) for W in [*net.W, net.P]]
    for batch in (1, BATCH):
        X = rng.choice(np.array([-1, 1], np.int8), (batch, NET[0]))
        words, floats = pack(X), X.astype(np.float32)
        calls: dict[str, Callable] = {}
        if "numpy" in wanted:
            calls["numpy"] = lambda x=floats: _forward(np.where, x, weights)
        if "torch-f32" in wanted and (torch := products.torch_if_installed()) is not None:
            tensors = [torch.from_numpy(W) for W in weights]
            x = torch.from_numpy(floats)
            calls["torch-f32"] = lambda x=x, w=tensors, where=torch.where: _forward(where, x, w)
        ways = {
            "predictor": partial(net.predictor(), words),
            "predictor, signs": partial(net.predictor(), X),
            "decision_function": partial(net.decision_function, X),
        }
        row = {"case": "infer", "net": _name(net), "m": batch, "engine": get_engine().NAME}
        for name, call in ways.items():
            with blas_threads(1):
                times = interleave({"": call} | calls, seconds, clock=clock_for(1))
            rows += _rows(row | {"call": name, "threads": 1}, times)
    return rows


def _forward(where, a, weights):
    """The network in floats: products and signs, then the scores."""
    one = a.dtype.type(1) if isinstance(a, np.ndarray) else 1.0
    for W in weights[:-1]:
        a = where(a @ W.T < 0, -one, one)
    return a @ weights[-1].T


# --- memory and starting ------------------------------------------------------------------------

FIRST_STEP = """
import sys, time
import numpy as np
from bnnkit import BEPNetwork
X = np.where(np.arange(78400).reshape(100, 784) % 7 > 3, 1, -1).astype(np.int8)
BEPNetwork((784, 525, 525), 10).fit(X, np.arange(100) % 10, epochs=1)
print(time.process_time())
"""


def bench_memory() -> list[dict]:
    """Count the bytes of the networks of :func:`bench_training` beside float32 with Adam.

    ``training``: all that is kept between two batches, beside parameters, gradients and Adam's
    moments; ``training, gradients left out``: beside parameters and moments only; ``inference``:
    beside the parameters. See :mod:`bnnkit.summary`.
    """
    inputs = NET[0] // STEPS
    rows = []
    for net in (BEPNetwork(NET, 10), BEPRecurrentNetwork(inputs, 10, state=STATE)):
        costs = summary(net, steps=STEPS)
        total = costs.rows[-1]
        kinds = {
            "training": (total["training_bytes"], costs.training_ratio),
            "training, gradients left out": (total["training_bytes"], 0.75 * costs.training_ratio),
            "inference": (total["bytes"], costs.inference_ratio),
        }
        row = {"case": "memory", "net": _name(net), "peer": "numpy"}
        rows += [
            row | {"kind": kind, "bytes": size, "ratio": round(ratio, 2)}
            for kind, (size, ratio) in kinds.items()
        ]
    return rows


def bench_start(repeats: int = 3) -> list[dict]:
    """Time a new process up to the end of its first training step, in seconds of the processor.

    ``cold``: nothing compiled before; ``warm``: with the kernels that another process left in
    numba's cache. The ratio is cold over this one.
    """
    with tempfile.TemporaryDirectory(prefix="bnnkit-") as folder:
        environment = os.environ | {"NUMBA_CACHE_DIR": folder, "BNNKIT_ENGINE": get_engine().NAME}

        def start() -> float:
            command = [sys.executable, "-c", FIRST_STEP]
            run = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            )
            return float(run.stdout.split()[-1])

        cold = start()
        warm = median(start() for _ in range(repeats))
    row = {"case": "start", "engine": get_engine().NAME, "threads": 1, "peer": "cold"}
    return [
        row | {"kind": kind, "seconds": round(seconds, 3), "ratio": round(cold / seconds, 2)}
        for kind, seconds in (("cold", cold), ("warm", warm))
    ]


# --- rows ----------------------------------------------------------------------------------------


def _rows(row: dict, times: dict[str, float], work: int = 0) -> list[dict]:
    """A row for each peer from the median seconds of all, ours under the empty name."""
    ours = times[""]
    row = row | {"seconds": float(f"{ours:.4g}")}
    if work:
        row["gmac"] = round(work / ours / 1e9, 1)  # products of two signs, 10^9 a second
    return [row | {"peer": p, "ratio": round(t / ours, 3)} for p, t in times.items() if p]


def _names(peers: Iterable[str] | None, here: Iterable[str]) -> set[str]:
    """The wanted peers among those that this benchmark has."""
    if peers is None:
        return set(here)
    return {check_option(name, "peers", PEERS) for name in peers} & set(here)


def _name(net) -> str:
    if isinstance(net, BEPRecurrentNetwork):
        return f"rnn-{net.inputs}-{net.state}-{net.readout}"
    return "-".join(map(str, net.widths))
