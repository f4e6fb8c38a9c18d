"""The benchmark: peers that compute the same thing, rows with stable keys. No time is asserted."""

import json
import shutil
import sys

import numpy as np
import pytest
from conftest import not_run

from bnnkit.cli import by_peer, main
from bnnkit.engine import available_engines, use_engine
from bnnkit.lab import bench, peers, soak, ste_peers, timing
from bnnkit.lab.timing import clock_for, interleave, machine

pytest.importorskip("threadpoolctl")

SIZES = [(1, 1, 1), (3, 17, 65), (13, 31, 130), (521, 25, 63), (2, 9, 784)]


def signs(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), shape)


@pytest.mark.parametrize("name", peers.PRODUCTS)
@pytest.mark.parametrize("size", SIZES)
def test_every_peer_computes_the_product(name, size):
    m, n, k = size
    rng = np.random.default_rng(0)
    A, B = signs(rng, m, k), signs(rng, n, k)
    call = peers.PRODUCTS[name](A, B)
    if call is None:
        pytest.skip(f"{name} is not here")
    assert np.array_equal(np.asarray(call()), A.astype(int) @ B.T.astype(int))
    assert call() is not call()  # a new array each time, as bnnkit's product


def test_the_c_reference_is_compiled_where_gcc_is():
    if shutil.which("gcc") is None:
        not_run("no gcc")
    A = np.ones((1, 1), np.int8)
    has_avx2 = "avx2" in machine().get("features", "")
    assert (peers.c_avx2_product(A, A) is not None) == has_avx2


def test_counting_in_numpy_declines_what_would_take_minutes():
    A = np.ones((1, 64), np.int8)
    limit = peers.BITCOUNT_LIMIT
    try:
        peers.BITCOUNT_LIMIT = 0
        assert peers.bitcount_product(A, A) is None
    finally:
        peers.BITCOUNT_LIMIT = limit


def test_the_numpy_rival_really_learns():
    rng = np.random.default_rng(0)
    X = signs(rng, 200, 20).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    targets = np.where(np.eye(2, dtype=bool)[y], 1, -1).astype(np.float32)
    net = ste_peers.NumpySTE((20, 30), 2, rng)
    for _ in range(2000):
        net.step(X, targets)
    hidden = np.where(X @ np.where(net.latents[0] < 0, -1, 1).T < 0, -1, 1)
    outputs = hidden @ np.where(net.latents[1] < 0, -1, 1).T
    assert np.mean(outputs.argmax(axis=1) == y) > 0.9


def test_the_torch_rivals_make_a_step():
    torch = pytest.importorskip("torch")
    X, targets = torch.ones(4, 3, 5), torch.ones(4, 10)
    ste_peers.torch_rnn(5, 7, 10)(X, targets)
    ste_peers.torch_mlp((5, 7), 10)(X[:, 0], targets)


def test_interleave_calls_all_candidates_equally_often():
    calls = {"a": 0, "b": 0}

    def call(name):
        calls[name] += 1
        end = clock_for(2)() + 1.5 * timing.ROUND
        while clock_for(2)() < end:
            pass

    times = interleave({name: lambda n=name: call(n) for name in calls}, 0, repeats=5)
    assert calls == {"a": 7, "b": 7}  # two to warm up
    assert all(time >= 1.5 * timing.ROUND for time in times.values())


def test_a_warm_turn_does_not_pay_for_the_one_before():
    last = []

    def call(name):
        end = clock_for(2)() + (1.5 if last == [name] else 30) * timing.ROUND
        last[:] = [name]
        while clock_for(2)() < end:
            pass

    times = interleave({name: lambda n=name: call(n) for name in "ab"}, 0, 5, warm=True)
    assert all(time < 15 * timing.ROUND for time in times.values())


def test_kernels_rows(monkeypatch):
    engine = available_engines()[0]
    monkeypatch.setattr(bench, "TWO_THREADS", 3)
    rows = bench.bench_kernels([(3, 17, 65)], ["numpy"], [engine], seconds=0)
    stable = {"case", "m", "n", "k", "engine", "peer", "ratio", "threads"}
    assert all(stable <= set(row) for row in rows)
    assert all(isinstance(row["peer"], str) and row["ratio"] > 0 for row in rows)
    if engine == "numba":
        assert [(row["threads"], row["peer"]) for row in rows] == [
            (1, "numpy"),
            (2, "one-thread"),
            (2, "numpy"),
        ]


@pytest.mark.slow
def test_the_avx2_process(tmp_path):
    if not bench._engines()[1:]:
        not_run("no numba, or no AVX2")
    rows = bench.bench_kernels([(3, 17, 65)], ["numpy", "c-avx2"], [bench.AVX2], seconds=0)
    assert {row["engine"] for row in rows} == {"numba-avx2"}
    assert "numpy" in {row["peer"] for row in rows}


def test_no_feature_beyond_avx2_is_left_on():
    pytest.importorskip("llvmlite")
    on = [name for name in bench._avx2_features().split(",") if name.startswith("+")]
    assert not [name for name in on if "512" in name or "amx" in name]


def test_training_and_inference_rows(monkeypatch):
    monkeypatch.delenv("BNNKIT_DATA", raising=False)
    monkeypatch.setattr("bnnkit.datasets.fetch.cache_folder", lambda: bench.Path("/nowhere"))
    monkeypatch.setattr(bench, "CASES", 200)
    monkeypatch.setattr(bench, "SEQUENCES", 100)
    rows = bench.bench_training(["numpy"], seconds=0)
    assert [(row["case"], row["net"], row["peer"]) for row in rows] == [
        ("train", "784-525-525", "numpy")
    ]
    assert rows[0]["dataset"] == "random-prototypes"
    assert 0 < rows[0]["triggered"] <= 1
    rows = bench.bench_inference(["numpy"], seconds=0)
    ways = "predictor", "predictor, signs", "decision_function"
    assert [(row["case"], row["m"], row["call"], row["peer"]) for row in rows] == [
        ("infer", m, way, "numpy") for m in (1, 100) for way in ways
    ]


def test_memory_rows():
    rows = bench.bench_memory()
    assert {row["peer"] for row in rows} == {"numpy"}
    training = [row["ratio"] for row in rows if row["kind"] == "training"]
    assert len(training) == 2
    assert min(training) > 6


def test_start_rows():
    with use_engine("numpy"):  # nothing to compile
        rows = bench.bench_start(repeats=1)
    assert [row["kind"] for row in rows] == ["cold", "warm"]
    assert all(row["seconds"] > 0 for row in rows)


def test_a_soak_of_a_moment():
    if not soak.STATM.exists():
        not_run("no /proc")
    (row,) = soak.bench_soak(minutes=1e-3, cases=500, hidden=15)
    assert row["case"] == "soak" and row["same_weights"] and row["rounds"] >= 1
    assert row["peak_mib"] >= row["end_mib"] > 10 and row["minutes"] >= 0


def test_a_leak_of_a_mebibyte_a_minute_shows_in_the_slope():
    noise = np.random.default_rng(0).normal(0, 2**20, 601)
    for leak, low, high in ((0, -40, 40), (2**20, 980, 1070)):
        samples = [(6.0 * i, 10**8 + leak * i / 10 + e) for i, e in enumerate(noise)]
        assert low < soak._measures(samples)["slope_kib_per_minute"] < high


def test_larq_is_timed_by_an_interpreter_of_its_own(monkeypatch):
    if available_engines()[0] != "numba":
        not_run("no numba")
    asked = []
    monkeypatch.setattr(peers, "larq_seconds", lambda *args: asked.append(args) or [2.5])
    rows = bench.bench_kernels([(3, 17, 65)], ["numpy"], ["numba"], 0, larq_python="/its/python")
    assert asked == [("/its/python", [(3, 17, 65)])]
    assert [(row["peer"], row.get("apart", False)) for row in rows] == [
        ("numpy", False),
        ("larq", True),
    ]
    assert rows[1]["ratio"] == pytest.approx(2.5 / rows[1]["seconds"], abs=1e-3)


def test_an_interpreter_without_larq_is_said():
    with pytest.raises(OSError, match="could not time larq-compute-engine: ModuleNotFound"):
        peers.larq_seconds(sys.executable, [(1, 1, 1)])


def test_names_are_checked():
    with pytest.raises(ValueError, match="peers must be one of"):
        bench.bench_kernels([(1, 1, 1)], ["nump"])
    with pytest.raises(ValueError, match="engines must be one of"):
        bench.bench_kernels([(1, 1, 1)], engines=["cuda"])


def test_the_command_line_writes_flat_rows(capsys, tmp_path):
    target = tmp_path / "rows.json"
    arguments = ["bench", "kernels", "--sizes", "3,17,65", "--peers", "numpy", "bitcount"]
    arguments += ["--engines", available_engines()[0], "--seconds", "0", "--json", str(target)]
    assert main(arguments) == 0
    rows = json.loads(target.read_text())
    numba = available_engines()[0] == "numba"
    assert [row["peer"] for row in rows] == (["numpy", "bitcount"] if numba else ["numpy"])
    assert all((row["m"], row["n"], row["k"]) == (3, 17, 65) and row["cpu"] for row in rows)
    out = capsys.readouterr().out
    assert f"python    {sys.version.split()[0]}" in out
    assert len(out.split("\n\n")[1].splitlines()) == 2  # a heading, and one line for both peers


def test_one_column_a_peer():
    rows = [{"m": 1, "peer": "a", "ratio": 2}, {"m": 2, "peer": "a", "ratio": 3}]
    assert by_peer([*rows, {"m": 1, "peer": "b", "ratio": 4}]) == [
        {"m": 1, "a": 2, "b": 4},
        {"m": 2, "a": 3},
    ]
