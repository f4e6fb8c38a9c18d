"""Networks trained by BEP: one truth on every path, engine and machine."""

import contextlib
import functools
import sys

import numpy as np
import pytest

from bnnkit import BEPNetwork, BitMatrix, use_engine
from bnnkit.bep import ClippedPerceptron, divisors, network
from bnnkit.bep.paths import StepwisePath, current_path
from bnnkit.engine import available_engines, get_engine
from bnnkit.steps import override, reference

CREDITS = ("bep", "local", "feedback", "frozen")


@pytest.fixture(scope="module")
def data():
    """Three classes: which third of 30 noisy signs is mostly +1."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 130)
    X = np.full((130, 30), -1, np.int8)
    for mu, c in enumerate(y):
        X[mu, 10 * c : 10 * c + 10] = 1
    X[rng.random(X.shape) < 0.2] *= -1
    return X, y


def train(data, *, epochs=3, **settings):
    return BEPNetwork((30, 21, 15), 3, nu=0.3, **settings).fit(*data, epochs=epochs, batch_size=32)


@pytest.fixture(params=["batches apart", "whole batches"])
def calls(request, monkeypatch):
    """Let the numba engine train by one call a step, or, as after a while, by one a batch."""
    if "numba" in available_engines():
        apart = 0 if request.param == "whole batches" else sys.maxsize
        monkeypatch.setattr("bnnkit.engine.numba_engine.BATCHES_APART", apart)
    return request.param


@pytest.mark.parametrize("credit", CREDITS)
@pytest.mark.parametrize("seed", [0, 7])
def test_engines_and_the_stepwise_path_give_the_same_bits(data, credit, seed, calls):
    hashes, records = set(), []
    for name in available_engines():
        with use_engine(name):
            net = train(data, credit=credit, seed=seed)
            hashes.add(net.weights_sha256())
            records.append(net.history)
            with override("4.5", reference("4.5")):
                assert current_path() is StepwisePath
                net = train(data, credit=credit, seed=seed)
            hashes.add(net.weights_sha256())
            records.append(net.history)
    assert len(hashes) == 1
    assert all(record == records[0] for record in records)


PINNED = {
    "bep": "452e4b8f8d1b844d5cfaca141283d0b14ff6a1388289d6cb2aace691f6e88540",
    "local": "4c99f3b76fc972e1c43630e30d18463a40b3f01790d0aba762175b25767f4e99",
    "feedback": "43124f3a4a9d7c08718c320ccf17ac3c20245d6ffb10514aa37bda1aaea06b70",
    "frozen": "4c8779057a0dc2c4f55bbe88b8892d08d4b700ee5c1542d87ae3bee2a175cd05",
}


@pytest.mark.parametrize("credit", CREDITS)
def test_the_weights_are_the_same_on_every_machine(data, credit):
    """Pinned: a change of any bit of training is a change of results, never an accident."""
    assert train(data, credit=credit, seed=1).weights_sha256() == PINNED[credit]


def arrays_in(*values):
    for value in values:
        if isinstance(value, np.ndarray):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from arrays_in(*value)


def audited(function, seen):
    """``function``, with the dtype of every array that goes in or out noted in ``seen``."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        seen.update((function.__name__, x.dtype.kind) for x in arrays_in(args, result))
        return result

    return call


def test_no_step_of_training_sees_a_float(data):
    """Forward, backward and update take and give integers and bits, by steps and by kernels.

    (That no kernel uses a float inside is read off its machine code, in test_engine.)
    """
    seen: set = set()
    with contextlib.ExitStack() as stack:
        for number in ("1.1", "4.2", "4.3", "4.4", "4.5", "4.6"):
            stack.enter_context(override(number, audited(reference(number), seen)))
        train(data)
    assert {name for name, _ in seen} >= {"gate", "back_project", "select", "update", "reinforce"}
    assert {kind for _, kind in seen} <= set("iub")


def test_no_kernel_of_training_sees_a_float(engine, data, calls, monkeypatch):
    seen: set = set()
    module = get_engine()
    whole = engine == "numba" and calls == "whole batches"
    names = ["operand", "product", "forward", "fires", "back_project", "pack_signs", "differ"]
    names += ["transposed_operand", "select", "update", "reinforce"] + whole * ["train_batch"]
    for name in names:
        monkeypatch.setattr(module, name, audited(getattr(module, name), seen))
    train(data)
    used = {"train_batch"} if whole else {"forward", "back_project", "select", "update"}
    assert used <= {name for name, _ in seen}
    assert {kind for _, kind in seen} <= set("iub")


def test_training_in_two_parts_is_training_in_one(data):
    once = train(data, epochs=4)
    twice = train(data, epochs=2).fit(*data, epochs=2, batch_size=32)
    assert once.weights_sha256() == twice.weights_sha256()
    assert once.history == twice.history


def test_the_network_learns(data):
    net = train(data, epochs=15)
    assert net.score(*data) > 0.95
    assert net.history[-1].train_error < net.history[0].train_error


def test_one_batch_by_hand(data):
    """A whole step, spelled out once more with plain integer products."""
    X, y = data[0][:20], data[1][:20]
    net = BEPNetwork((30, 21, 15), 3, nu=0.3, p_r=0.0, groups=(7, 5), seed=4)
    H, P = [h.astype(int) for h in net.H], net.P.to_signs().astype(int)
    W = [np.where(h < 0, -1, 1) for h in H]
    z1 = X.astype(int) @ W[0].T
    a1 = np.where(z1 < 0, -1, 1)
    z2 = a1 @ W[1].T
    a2 = np.where(z2 < 0, -1, 1)
    logits = a2 @ P.T
    for mu in range(20):
        others = np.delete(logits[mu], y[mu])
        if logits[mu, y[mu]] - others.max() >= 8:  # ceil(0.5 * 15)
            continue
        star2 = P[y[mu]]
        gate = np.abs(z2[mu]) <= 6  # floor(0.3 * 21)
        star1 = np.where(W[1].T @ (gate * star2) < 0, -1, 1)
        for h, z, a, star, below, group in (
            (H[0], z1[mu], a1[mu], star1, X[mu], 7),
            (H[1], z2[mu], a2[mu], star2, a1[mu], 5),
        ):
            for first in range(0, len(z), group):
                wrong = [j for j in range(first, first + group) if a[j] != star[j]]
                if wrong:
                    j = min(wrong, key=lambda j: (abs(z[j]), j))
                    h[j] += 2 * star[j] * below.astype(int)
    net.fit(X, y, epochs=1, batch_size=20)
    np.testing.assert_array_equal(net.H[0], H[0])
    np.testing.assert_array_equal(net.H[1], H[1])


def test_frozen_layers_stay_and_the_local_rule_sends_nothing(data):
    before = BEPNetwork((30, 21, 15), 3, credit="frozen").H[0]
    frozen = train(data, credit="frozen", p_r=0.0)
    np.testing.assert_array_equal(frozen.H[0], before)
    assert train(data, credit="local").history[-1].open_gates == [0.0, 0.0]


def test_with_every_gate_open_a_class_has_one_desired_activation(data):
    net = BEPNetwork((30, 21, 15), 3, nu=1.0)
    trace = net.trace(*data)
    for c in range(3):
        assert len(np.unique(trace.a_star[0][data[1] == c], axis=0)) == 1


def test_a_dead_gate_gives_every_sample_the_same_wish(data):
    net = BEPNetwork((30, 21, 15), 3, nu=0.01)
    assert (net.trace(*data).a_star[0] == 1).all()


def test_reinforcement_by_width_is_the_formula_with_the_width(data, monkeypatch):
    asked = []
    real = network.chain.reinforcement_threshold
    monkeypatch.setattr(
        network.chain, "reinforcement_threshold", lambda *a: asked.append(a[1]) or real(*a)
    )
    for rule, sizes in {"fan_in": {30, 21}, "width": {21, 15}}.items():
        asked.clear()
        train(data, epochs=1, reinforce_by=rule)
        assert set(asked) == sizes


def test_groups_grow_to_the_next_divisor_when_the_error_stagnates(data):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 3, 130)  # nothing to learn
    net = BEPNetwork((30, 21, 15), 3, patience=1).fit(data[0], noise, epochs=12, batch_size=130)
    sizes = [record.groups[0] for record in net.history]
    assert sizes[0] == 3 and sizes == sorted(sizes) and sizes[-1] == 21
    assert set(sizes) <= set(divisors(21))


def test_the_best_validation_epoch_is_kept(data):
    X, y = data
    validation = (X[:40], y[:40])
    net = BEPNetwork((30, 9), 3, seed=2).fit(X[40:], y[40:], 8, 16, validation=validation)
    best = min(record.validation_error for record in net.history)
    assert 1 - net.score(*validation) == pytest.approx(best)


def test_a_callback_sees_each_epoch_and_can_stop(data):
    seen = []
    net = BEPNetwork((30, 9), 3)
    net.fit(*data, epochs=9, callback=lambda _, record: seen.append(record.epoch) or len(seen) == 3)
    assert seen == [1, 2, 3] and net.epoch == 3


def test_packed_input_and_logits(data):
    net = train(data)
    packed = BitMatrix.from_signs(data[0])
    logits = net.decision_function(packed)
    np.testing.assert_array_equal(logits, net.decision_function(data[0]))
    a = data[0].astype(int)
    for W in (*net.W, net.P):
        logits = a @ W.to_signs().T
        a = np.where(logits < 0, -1, 1)
    np.testing.assert_array_equal(net.decision_function(data[0]), logits)


def test_a_prediction_sees_every_change_of_the_weights(engine, data):
    """What is prepared for inference is prepared anew; a predictor keeps what it has."""
    net, X = BEPNetwork((30, 21, 15), 3), data[0]
    for change in (lambda: net.fit(*data, epochs=1), lambda: net.layers[0].set_hidden(-net.H[0])):
        before, held = net.decision_function(X), net.predictor()
        change()
        after = net.decision_function(X)
        assert (after != before).any()
        np.testing.assert_array_equal(held(X), before)
        np.testing.assert_array_equal(net.predictor()(BitMatrix.from_signs(X).words), after)
        np.testing.assert_array_equal(net.decision_function(X.astype(float)), after)


def test_a_prediction_is_made_by_the_engine_that_serves_and_by_the_reader_s_own_step(data):
    """Whatever was prepared for another engine, or before the step was overridden."""
    net, X = BEPNetwork((30, 21, 15), 3), data[0]
    logits = net.decision_function(X)
    for name in available_engines():
        with use_engine(name) as engine:
            assert type(net.predictor()).__module__ == engine.__name__
            np.testing.assert_array_equal(net.decision_function(X), logits)
    with override("1.1", lambda x: np.ones_like(reference("1.1")(x))):
        assert (net.decision_function(X) != logits).any()
    np.testing.assert_array_equal(net.decision_function(X), logits)


def test_history_counts_the_flips(data):
    net = BEPNetwork((30, 21, 15), 3)
    before = net.W[0].to_signs()
    record = net.fit(*data, epochs=1, batch_size=130).history[-1]
    assert record.flips[0] == (before != net.W[0].to_signs()).sum()


def test_reinforcement_lets_a_perceptron_find_its_teacher():
    rng = np.random.default_rng(0)
    teacher, X = rng.choice([-1, 1], 101), rng.choice([-1, 1], (300, 101))
    y = np.where(X @ teacher < 0, -1, 1)
    assert ClippedPerceptron(101, p_r=0.5).fit(X, y, epochs=12).errors[-1] == 0
    assert ClippedPerceptron(101).fit(X, y, epochs=12).errors[-1] > 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X, y: BEPNetwork((30,), 3), ValueError, "widths must name the inputs and a hidden"),
        (lambda X, y: BEPNetwork((30, 0), 3), ValueError, "widths must be an integer in 1"),
        (lambda X, y: BEPNetwork((30, 9), 1), ValueError, "n_classes must be an integer >= 2"),
        (lambda X, y: BEPNetwork((30, 9), 3, seed=-1), ValueError, "seed must be an integer"),
        (lambda X, y: BEPNetwork((30, 9), 3, r=0), ValueError, r"r must be a number in \(0, 1\]"),
        (lambda X, y: BEPNetwork((30, 9), 3, nu="x"), TypeError, "nu must be a number"),
        (lambda X, y: BEPNetwork((30, 9), 3, credit="magic"), ValueError, "credit must be one of"),
        (
            lambda X, y: BEPNetwork((30, 9), 3, reinforce_by="height"),
            ValueError,
            "reinforce_by must be one of 'fan_in', 'width'",
        ),
        (lambda X, y: BEPNetwork((30, 9), 3, groups=(2,)), ValueError, "2 does not divide 9"),
        (lambda X, y: BEPNetwork((30, 9), 3, groups=(3, 3)), ValueError, "one size a hidden layer"),
        (
            lambda X, y: BEPNetwork((30, 9), 3).fit(X[:, :9], y),
            ValueError,
            "X must have 30 columns",
        ),
        (lambda X, y: BEPNetwork((30, 9), 3).fit(X * 2, y), ValueError, "X must hold only -1 and"),
        (lambda X, y: BEPNetwork((30, 9), 3).fit(X, y[:5]), ValueError, "y must hold one label a"),
        (
            lambda X, y: BEPNetwork((30, 9), 3).fit(X, y + 1),
            ValueError,
            "y must hold class numbers",
        ),
        (lambda X, y: BEPNetwork((30, 9), 3).fit(X, y, epochs=0), ValueError, "epochs must be an"),
        (
            lambda X, y: BEPNetwork((30, 9), 3).fit(X, y * 0.5),
            TypeError,
            "y must hold integer class",
        ),
        (lambda X, y: BEPNetwork(5, 3), TypeError, "widths must be a sequence"),
        (lambda X, y: BEPNetwork((30, 9), 3, groups=3), TypeError, "groups must be a sequence"),
        (lambda X, y: BEPNetwork((30, 9), 3).fit(X, y, callback=5), TypeError, "callback must be"),
        (lambda X, y: BEPNetwork((30, 9), 3).fit(X, y, validation=5), TypeError, "validation must"),
        (lambda X, y: BEPNetwork((30, 9), 3).predict(X[0]), ValueError, "X must have 2 axes"),
        (
            lambda X, y: BEPNetwork((30, 9), 3, credit="local").trace(X, y),
            ValueError,
            "trace needs credit",
        ),
    ],
)
def test_bad_input(data, call, error, message):
    with pytest.raises(error, match=message):
        call(*data)
