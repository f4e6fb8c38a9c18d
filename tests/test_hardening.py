"""Attacks on the public entry points: a right answer, or an error that names the argument."""

import copy
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnkit import (
    BEPNetwork,
    BEPRecurrentNetwork,
    BitMatrix,
    MedianBinarizer,
    ThermometerEncoder,
    bep,
    files,
    recurrent,
    sign,
    stochastic_sign,
    use_engine,
)
from bnnkit.binarize import thermometer
from bnnkit.datasets import fill_missing, series_lengths, stratified_folds
from bnnkit.engine import available_engines, get_engine, get_threads, use_threads
from bnnkit.export import export_c
from bnnkit.packed import bit_transpose, pack, ternary_dot, unpack, xnor_dot
from bnnkit.philox import Stream, random_signs
from bnnkit.ste import Sequential, binary_connect_mlp
from bnnkit.steps import override, reference
from bnnkit.summary import summary

X = random_signs(0, Stream.DATA, (20, 5))
S = random_signs(1, Stream.DATA, (12, 3, 7))
Y, YS = np.arange(20) % 3, np.arange(12) % 2
F = X.astype(float)


def net():
    return BEPNetwork((5, 9, 15), 3, seed=1)


def rnn():
    return BEPRecurrentNetwork(3, 2, state=9, seed=1)


def floats():
    return binary_connect_mlp([5, 4, 3], rng=0)


# -- anything at all, as any argument --------------------------------------------------------------

ANYTHING = [
    *(None, "abc", b"abc", object(), {}, {1}, int, lambda: 0, (i for i in "a"), memoryview(b"ab")),
    *(True, -1, 0, 3, 0.5, float("nan"), float("inf"), 10**30, [10**400], [[10**400, 1.5]]),
    *([], [None], [[1, 2], [1]], np.float64(1), np.empty((0, 5)), np.empty((5, 0))),
    *(np.full((3, 5), value) for value in (np.nan, np.inf, -np.inf, None, "a", 1j, 1.7e308)),
    *(np.ones((3, 6)), np.ones((2, 2, 2, 2)), np.ones((3, 5), bool), np.zeros(3, [("a", int)])),
    *(np.full((3, 5), 2**64 - 1, np.uint64), np.full(20, 2**62), np.full(3, np.datetime64(1, "D"))),
    np.full((3, 5), 60_000, np.float16),
]
SUMS = np.ones((3, 5), int)
WORDS = pack(X)
# What is attacked, with the names that may stand in the message: its own, or a neighbour's that the
# attacker does not fit.
ATTACKED = {
    "x": [sign],
    "w": [lambda v: stochastic_sign(v, 0)],
    "rng": [lambda v: stochastic_sign([0.1], v), lambda v: binary_connect_mlp([2, 2], rng=v)],
    "X thresholds": [lambda v: thermometer(v, [[0.0, 1.0]] * 5)],
    "thresholds": [lambda v: thermometer(F, v)],
    "bits": [lambda v: ThermometerEncoder(v).fit(F)],
    "scope": [lambda v: MedianBinarizer(v).fit(F)],
    "X y": [
        lambda v: MedianBinarizer().fit_transform(v),
        lambda v: ThermometerEncoder().fit_transform(v),
        lambda v: ThermometerEncoder(2).fit(F).transform(v),
        lambda v: ThermometerEncoder(2).fit(S).transform(v),
        lambda v: net().fit(v, Y, epochs=1),
        lambda v: net().partial_fit(v, Y),
        lambda v: net().predict(v),
        lambda v: net().trace(v, Y),
        lambda v: rnn().fit(v, YS, epochs=1),
        lambda v: rnn().predict(v),
        lambda v: floats().fit(v, Y, epochs=1, rng=0),
        lambda v: bep.ClippedPerceptron(5).fit(v, [1, 1, 1]),
        fill_missing,
        series_lengths,
    ],
    "y ": [
        lambda v: net().fit(X, v, epochs=1),
        lambda v: net().score(X, v),
        lambda v: rnn().fit(S, v, epochs=1),
        lambda v: floats().fit(F, v, epochs=1, rng=0),
        stratified_folds,
    ],
    "signs": [pack, BitMatrix.from_signs],
    "words": [
        lambda v: unpack(v, 5),
        lambda v: bit_transpose(v, 5),
        lambda v: BitMatrix(v, 5),
    ],
    "columns": [lambda v: unpack(WORDS, v)],
    "a b": [lambda v: xnor_dot(v, WORDS, 5), lambda v: xnor_dot(WORDS, v, 5)],
    "mask": [
        lambda v: ternary_dot(WORDS, v, WORDS),
        lambda v: BitMatrix.from_signs(X).dot(BitMatrix.from_signs(X).T, v),
    ],
    "other inner": [lambda v: BitMatrix.from_signs(X) @ v],
    "z W_ss": [
        lambda v: bep.gate(v, 0.5, 5),
        lambda v: recurrent.backward(X[:5], X[:2], v, 0.5),
    ],
    "z a_star": [lambda v: bep.select(v, np.ones((3, 5)), 1)],
    "group": [lambda v: bep.select(SUMS, np.ones((3, 5)), v)],
    "W inner": [lambda v: bep.back_project(v, X, X > 0)],
    "W_xs": [lambda v: recurrent.forward(v, X[:5], np.ones((2, 3, 5)), np.ones(5))],
    "gate": [lambda v: bep.back_project(X.T, X[:3], v)],
    "H chosen": [lambda v: bep.reinforce(v, np.ones((3, 5), bool))],
    "H": [lambda v: net().set_hidden(v), lambda v: net().set_hidden([v, v])],
    "logits y": [lambda v: bep.margins(v, [0, 1, 0])],
    "widths": [lambda v: BEPNetwork(v, 3), lambda v: binary_connect_mlp(v, rng=0)],
    "n_classes": [lambda v: bep.class_prototypes(v, 1, 0)],
    "learning_rate first last": [lambda v: floats().fit(F, Y, learning_rate=v, epochs=1, rng=0)],
    "layers": [Sequential],
    "model": [lambda v: files.dumps(v), summary],
    "about": [lambda v: files.dumps(net(), about=v)],
    "costs": [lambda v: summary(net(), costs=v)],
    "input_type": [lambda v: export_c(net(), "net.h", input_type=v)],
}
OPTIONS = [
    (lambda o: BEPNetwork((5, 9), 3, **o), "seed credit r nu p_r groups patience reinforce_by"),
    (lambda o: rnn_with(o), "readout expansion window horizon start seed r nu p_r groups patience"),
    (lambda o: net().fit(X, Y, **{"epochs": 1} | o), "batch_size validation"),
    (lambda o: net().fit(X, Y, **{"epochs": 1} | o), "threads checkpoint"),
    (lambda o: floats().fit(F, Y, **{"epochs": 1, "rng": 0} | o), "batch_size optimizer"),
    (lambda o: floats().fit(F, Y, **{"epochs": 1, "rng": 0} | o), "loss validation rng"),
]


def rnn_with(options):
    return BEPRecurrentNetwork(3, 2, state=9, **options)


def attack(call, value, names):
    """The call answers with something finite, or with an error that names an argument."""
    try:
        answer = call(value)
    except (ValueError, TypeError, MemoryError) as error:
        assert isinstance(error, MemoryError) or any(name in str(error) for name in names), error
    else:
        if isinstance(answer, np.ndarray) and answer.dtype.kind == "f":
            assert np.isfinite(answer).all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("names", ATTACKED)
def test_anything_as_an_argument(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for call in ATTACKED[names]:
        for value in ANYTHING:
            attack(call, value, names.split() if names != "y " else [names])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("call", "names"), OPTIONS, ids=[names for _, names in OPTIONS])
def test_anything_as_an_option(call, names):
    for name in names.split():
        for value in ANYTHING:
            attack(lambda value, name=name: call({name: value}), value, [name])


def test_a_network_too_large_to_be_meant_is_refused_at_once():
    start = time.perf_counter()
    with pytest.raises(ValueError, match="widths must be an integer in 1 .. 2147483647"):
        BEPNetwork((3, 2**40), 2)
    with pytest.raises(ValueError, match="state must be an integer in 1 .. 2147483647"):
        BEPRecurrentNetwork(3, 2, state=2**40)
    assert bep.divisors(2**31 - 1) == [1, 2**31 - 1]
    assert time.perf_counter() - start < 1


def test_hidden_weights_are_checked_before_any_is_replaced():
    network = net()
    before = network.weights_sha256()
    for wrong in ([H + 40_000 for H in map(np.int32, network.H)], network.H[:1], [*network.H] * 2):
        with pytest.raises(ValueError, match="H"):
            network.set_hidden(wrong)
    with pytest.raises(ValueError, match=r"H\[1\] must have shape \(15, 9\)"):
        network.set_hidden([network.H[0], network.H[0]])
    assert network.weights_sha256() == before


# -- arrays as they come ---------------------------------------------------------------------------


def as_it_comes(x, how):
    if how == "read-only":
        x = x.copy()
        x.flags.writeable = False
        return x
    if how == "strided":
        return np.repeat(x, 2, axis=0)[::2]
    if how == "negative strides":
        return x[..., ::-1].copy()[..., ::-1]
    if how == "list":
        return x.tolist()
    return {
        "Fortran": np.asfortranarray,
        "foreign bytes": lambda x: x.astype(x.dtype.newbyteorder()),
    }[how](x)


@pytest.mark.parametrize(
    "how", ["read-only", "Fortran", "strided", "negative strides", "foreign bytes", "list"]
)
def test_the_layout_of_an_array_does_not_matter(engine, how):
    def trained(x, s, f, y, ys):
        yield net().fit(x, y, epochs=2, validation=(x, y)).weights_sha256()
        yield net().partial_fit(x, y, batch_size=7).predict(x).tolist()
        yield rnn().fit(s, ys, epochs=2).decision_function(s).tolist()
        yield floats().fit(f, y, epochs=2, rng=0).outputs(f).tolist()
        yield ThermometerEncoder(3).fit(f).transform(f).tolist()
        yield ThermometerEncoder(3).fit(s).transform(s).tolist()
        yield MedianBinarizer().fit(x).transform(f).tolist()
        yield fill_missing(np.asarray(s, float)).tolist()
        yield [(a.tolist(), b.tolist()) for a, b in stratified_folds(y)]

    plain = X.astype(np.int32), S.astype(np.int32), F, Y, YS
    other = [as_it_comes(x, how) for x in plain]
    assert list(trained(*other)) == list(trained(*plain))


def test_constant_columns_and_one_class():
    constant = np.ones((20, 5), np.int8)
    assert set(net().fit(constant, Y, epochs=2).predict(constant)) <= {0, 1, 2}
    lit, zeros = np.hstack([X, constant]), np.zeros(20, int)  # it has no biases: a constant +1
    assert BEPNetwork((10, 9), 3).fit(lit, zeros, epochs=9).score(lit, zeros) == 1.0
    assert (ThermometerEncoder(3).fit_transform(np.full((4, 2), 7.0)) == -1).all()
    np.testing.assert_array_equal(MedianBinarizer().fit_transform(np.full((4, 2), 7.0)), -1)


# -- numbers at the edge of their type -------------------------------------------------------------


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-3, 3), st.booleans())
def test_a_threshold_is_compared_exactly(x, step, swapped):
    """A float64 cannot hold every long integer; the comparison still is that of the numbers."""
    threshold = float(x + step)
    expected = 1 if x > int(threshold) else -1
    if swapped:  # the integers are the thresholds
        expected = 1 if int(threshold) > x else -1
        assert thermometer([[threshold]], np.array([[x]])).item() == expected
        return
    assert thermometer(np.array([[x]]), [[threshold]]).item() == expected
    binarizer = MedianBinarizer().fit([[threshold]])
    assert binarizer.transform(np.array([[x]])).item() == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.filterwarnings("error")
def test_missing_values_between_the_largest_numbers(dtype):
    top = np.finfo(dtype).max
    filled = fill_missing(np.array([[[-top, np.nan, top, np.nan, np.nan, top]]], dtype))
    np.testing.assert_array_equal(filled, np.array([[[-top, 0, top, top, top, top]]], dtype))


def test_numbers_that_float32_cannot_hold_are_refused():
    with pytest.raises(ValueError, match="X must hold numbers that float32 can hold"):
        floats().fit(F * 1e300, Y, epochs=1, rng=0)


# -- the rails of the hidden integers --------------------------------------------------------------

RAIL = 32767


def at_the_rails(shape, seed):
    """Odd integers within 40 of either rail."""
    rng = np.random.default_rng(seed)
    return (rng.choice([-1, 1], shape) * (RAIL - 2 * rng.integers(0, 20, shape))).astype(np.int16)


def oracle(before, after):
    """No wrap: a sign turns only by way of small numbers, and these steps are too few for that."""
    assert (np.sign(after) == np.sign(before)).all()
    assert np.abs(after.astype(int)).max() <= RAIL


@pytest.mark.parametrize("make", [net, rnn])
@given(seed=st.integers(0, 10**6), batch=st.sampled_from([7, 300]), p_r=st.sampled_from([0, 1]))
@settings(max_examples=5)
def test_hidden_weights_saturate_and_never_wrap(make, seed, batch, p_r):
    """Both engines and the plain steps, which sum in 64 bits, end with the same weights."""
    rng = np.random.default_rng(seed)
    shape = (300, 5) if make is net else (300, 3, 7)
    x, y = rng.choice(np.array([-1, 1], np.int8), shape), rng.integers(0, 2, 300)
    ends = set()
    for name in (*available_engines(), "step by step"):
        with override("4.5", reference("4.5")) if name == "step by step" else use_engine(name):
            network = make()
            network.p_r = p_r
            start = [at_the_rails(H.shape, seed + i) for i, H in enumerate(network.H)]
            network.set_hidden(start)
            network.fit(x, y, epochs=2, batch_size=batch)
            for before, after in zip(start, network.H):
                oracle(before, after)
            ends.add(network.weights_sha256())
    assert len(ends) == 1


# -- threads, processes, copies --------------------------------------------------------------------


def together(*calls):
    """Run the calls at once, each in a thread of its own, and return their answers in order."""
    answers, start = [None] * len(calls), threading.Barrier(len(calls))

    def run(i):
        start.wait()
        try:
            answers[i] = calls[i]()
        except BaseException as error:
            answers[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_networks_trained_in_threads_of_their_own(engine):
    """Each asks for other threads below it, and gets the weights that it gets alone."""
    x = random_signs(3, Stream.DATA, (200, 5))
    y = np.arange(200) % 3

    def train(seed, threads):
        network = BEPNetwork((5, 63, 63), 3, seed=seed)
        return network.fit(x, y, epochs=3, threads=threads).weights_sha256()

    jobs = [(seed, 1 + seed % 3) for seed in range(6)]
    alone = [train(*job) for job in jobs]
    assert together(*(lambda job=job: train(*job) for job in jobs)) == alone
    assert get_threads() == 1


def test_one_network_asked_by_several_threads(engine):
    network, recurrent_one = net().fit(X, Y, epochs=2), rnn().fit(S, YS, epochs=2)
    for asked, x in ((network, X), (recurrent_one, S)):
        fresh = copy.deepcopy(asked)  # nothing prepared yet
        calls = [lambda fresh=fresh, x=x: fresh.decision_function(x)] * 8
        for answer in together(*calls):
            np.testing.assert_array_equal(answer, asked.decision_function(x))


def test_engines_are_changed_while_others_ask():
    def change():
        for _ in range(300):
            with use_engine("numpy"):
                pass
        return "done"

    def ask():
        return {get_engine().NAME for _ in range(3000)} <= {"numba", "numpy"}

    assert together(change, ask, ask, ask) == ["done", True, True, True]


def test_threads_asked_for_stay_with_the_thread_that_asked():
    with use_threads(3):
        assert together(get_threads) == [1]
        assert get_threads() == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_trains_on():
    """After the parent has used its pool of threads; the child has none of them."""
    code = """
import os, sys
import numpy as np
from bnnkit import BEPNetwork, BitMatrix
a = BitMatrix.from_signs(np.ones((1200, 1024), np.int8))
a.dot(a.T, threads=2)
child = os.fork()
if child == 0:
    ok = (a.dot(a.T, threads=2) == 1024).all()
    X, y = np.ones((20, 5), np.int8), np.arange(20) % 2
    BEPNetwork((5, 9), 2).fit(X, y, epochs=2, threads=2).predict(X)
    os._exit(0 if ok else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.parametrize(
    "made",
    [
        lambda: net().fit(X, Y, epochs=2),
        lambda: rnn().fit(S, YS, epochs=2),
        lambda: floats().fit(F, Y, epochs=2, rng=0),
        lambda: ThermometerEncoder(3).fit(F),
        lambda: BitMatrix.from_signs(X),
        lambda: BitMatrix.from_signs(X).T,
    ],
    ids=["feedforward", "recurrent", "floats", "encoder", "bits", "bits turned"],
)
def test_copies_of_copies(made):
    """A pickle does not grow, an own copy goes its own way, and all give the same answers."""

    def answers(model):
        if isinstance(model, BitMatrix):
            return model.to_signs()
        if isinstance(model, ThermometerEncoder):
            return model.transform(F)
        return model.predict(S if isinstance(model, BEPRecurrentNetwork) else model_input(model))

    def model_input(model):
        return X if isinstance(model, BEPNetwork) else F

    model = made()
    expected, sizes, twin = answers(model), [], model
    for _ in range(5):
        twin = pickle.loads(pickle.dumps(copy.deepcopy(twin)))
        np.testing.assert_array_equal(answers(twin), expected)
        sizes.append(len(pickle.dumps(twin)))
    assert len(set(sizes)) == 1
    if hasattr(twin, "H"):
        twin.set_hidden([-H for H in twin.H])
        np.testing.assert_array_equal(answers(model), expected)
        assert twin.weights_sha256() != model.weights_sha256()


# -- the long run ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_memory_stays_flat():
    """Training, streams, predictions and copies for 20 seconds: nothing is left behind."""
    resource = pytest.importorskip("resource")
    if not os.path.exists("/proc/self/statm"):
        pytest.skip("NOT RUN: there is no /proc here")
    x, y = random_signs(5, Stream.DATA, (500, 65)), np.arange(500) % 10
    s = random_signs(6, Stream.DATA, (50, 5, 12))

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize()

    def work():
        network = BEPNetwork((65, 63, 63), 10).fit(x, y, epochs=2)
        for i in range(0, 500, 50):
            network.partial_fit(x[i : i + 50], y[i : i + 50])
        pickle.loads(pickle.dumps(network)).predict(x)
        files.loads(files.dumps((network, network))[:])
        BEPRecurrentNetwork(5, 2, state=33).fit(s, y[:50] % 2, epochs=2).predict(s)
        binary_connect_mlp([65, 32, 10], rng=0).fit(x.astype(float), y, epochs=1, rng=0)

    start = time.monotonic()
    while time.monotonic() - start < 5:
        work()
    warm = resident()
    while time.monotonic() - start < 20:
        work()
    assert resident() - warm < 4 * 2**20
