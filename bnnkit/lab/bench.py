"""Benchmarks: bnnkit beside its peers, in one process, as ratios.

``python -m bnnkit bench kernels|training|inference``. A ratio is the peer's time divided by
bnnkit's: above 1, bnnkit is faster.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from tqdm.auto import tqdm

from bnnkit.bep import BEPNetwork
from bnnkit.engine import get_engine
from bnnkit.lab.peers import NumpySTE, product_peers, torch_ste
from bnnkit.lab.timing import blas_threads, interleave
from bnnkit.packed import BitMatrix

SIZES = [(1, 1024, 1024), (100, 1024, 784), (128, 4096, 4096)]
SIZES += [(n, n, n) for n in (1024, 2048, 4096)]
NET = (784, 525, 525)


def bench_kernels(sizes=SIZES, peers: Iterable[str] | None = None, seconds: float = 2.0) -> list:
    """Time the product of packed signs; return one row a size and peer."""
    engine, rows = get_engine(), []
    rng = np.random.default_rng(0)
    with blas_threads(1):
        for m, n, k in tqdm(sizes, desc="sizes", leave=False):
            A, B = (rng.choice(np.array([-1, 1], np.int8), (r, k)) for r in (m, n))
            a, operand = engine.pack_signs(A), engine.operand(engine.pack_signs(B), k)
            calls = {"": lambda a=a, operand=operand: engine.product(a, operand)}
            calls |= _wanted(product_peers(A, B), peers)
            times = interleave(calls, seconds)
            ours = times.pop("")
            size = {"case": "product", "m": m, "n": n, "k": k, "engine": engine.NAME, "threads": 1}
            rows += [
                {
                    **size,
                    "peer": peer,
                    "ratio": round(time / ours, 3),
                    "gmac": m * n * k / ours / 1e9,
                }
                for peer, time in times.items()
            ]
            rows += _two_threads(engine, a, operand, size, seconds) if m >= 512 else []
    return rows


def _two_threads(engine, a, operand, size: dict, seconds: float) -> list:
    """How much faster a second thread makes it."""
    calls = {str(t): lambda t=t: engine.product(a, operand, t) for t in (1, 2)}
    times = interleave(calls, seconds)
    return [
        {**size, "threads": 2, "peer": "one-thread", "ratio": round(times["1"] / times["2"], 3)}
    ]


def bench_training(peers: Iterable[str] | None = None, seconds: float = 10.0) -> list:
    """Time whole training steps of 784-525-525, 10 classes, batch 100, after an epoch of warming.

    On Fashion-MNIST, so that the share of samples that fire is a real one.
    """
    from bnnkit.datasets import load_fashion_mnist

    data = load_fashion_mnist()
    X = np.where(data.X_train[:10000] > 0, 1, -1).astype(np.int8)
    y = data.y_train[:10000].astype(np.int64)
    packed = BitMatrix.from_signs(X)
    net = BEPNetwork(NET, 10).fit(packed, y, epochs=1)
    with blas_threads(1):
        calls = {"": lambda: net.fit(packed, y, epochs=1)}
        calls |= _wanted(_ste_epochs(X.astype(np.float32), y), peers)
        times = interleave(calls, seconds, repeats=3)
    ours = times.pop("")
    row = {"case": "train", "net": "-".join(map(str, NET)), "engine": get_engine().NAME}
    row |= {"threads": 1, "triggered": round(net.history[-1].triggered, 3)}
    return [
        {**row, "peer": peer, "ratio": round(time / ours, 2), "seconds": round(ours, 4)}
        for peer, time in times.items()
    ]


def _ste_epochs(X: np.ndarray, y: np.ndarray) -> dict:
    """The peers' epochs over the same samples in the same batches."""
    targets = np.where(np.eye(10, dtype=bool)[y], 1, -1).astype(np.float32)
    batches = [slice(i, i + 100) for i in range(0, len(X), 100)]
    numpy_net = NumpySTE(NET, 10, np.random.default_rng(0))
    calls = {"numpy": lambda: [numpy_net.step(X[b], targets[b]) for b in batches]}
    step = torch_ste(NET, 10)
    if step is not None:
        import torch

        tx, tt = torch.from_numpy(X), torch.from_numpy(targets)
        calls["torch-ste"] = lambda: [step(tx[b], tt[b]) for b in batches]
    return calls


def bench_inference(peers: Iterable[str] | None = None, seconds: float = 2.0) -> list:
    """Time the forward pass of 784-525-525-10 from packed inputs, batch 1 and batch 100."""
    rng, rows = np.random.default_rng(0), []
    net = BEPNetwork(NET, 10)
    weights = [W.to_signs().astype(np.float32) for W in [*net.W, net.P]]

    def floats(a):
        for W in weights[:-1]:
            a = np.where(a @ W.T < 0, np.float32(-1), np.float32(1))
        return a @ weights[-1].T

    with blas_threads(1):
        for batch in (1, 100):
            X = rng.choice(np.array([-1, 1], np.int8), (batch, NET[0]))
            packed, dense = BitMatrix.from_signs(X), X.astype(np.float32)
            calls = {"": lambda p=packed: net.decision_function(p)}
            calls |= _wanted({"numpy": lambda d=dense: floats(d)}, peers)
            times = interleave(calls, seconds)
            ours = times.pop("")
            row = {"case": "infer", "net": "-".join(map(str, NET)), "m": batch, "threads": 1}
            row |= {"engine": get_engine().NAME, "microseconds": round(1e6 * ours, 1)}
            rows += [{**row, "peer": p, "ratio": round(t / ours, 2)} for p, t in times.items()]
    return rows


def _wanted(calls: dict, peers: Iterable[str] | None) -> dict:
    return calls if peers is None else {name: calls[name] for name in peers if name in calls}
