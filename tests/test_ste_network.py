"""Training, the three rules of the test, and the same layers on another array library."""

import copy
import pickle

import numpy as np
import pytest

from bnnkit.ste import (
    SGD,
    Adam,
    BatchNorm,
    BinaryConnectNetwork,
    BinaryLinear,
    Linear,
    ReLU,
    binary_connect_mlp,
)
from bnnkit.steps import override

FORMS = ("deterministic", "stochastic", "float", "dropout")
RULES = ("binary", "latent", "ensemble")


@pytest.fixture(scope="module")
def data():
    """Three classes that no single line parts: 203 samples, 7 features, two of them useful."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(203, 7))
    return X, np.where(X[:, 0] * X[:, 1] > 0, 0, np.where(X[:, 0] > 0, 1, 2))


@pytest.fixture(scope="module")
def digits():
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.model_selection import train_test_split

    X, y = datasets.load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.2, stratify=y, random_state=0)


def small(form="deterministic", seed=0, **options):
    return binary_connect_mlp([7, 16, 9, 3], form, rng=seed, **options)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_digits_are_learnt(digits, form):
    X_train, X_test, y_train, y_test = digits
    net = binary_connect_mlp([64, 128, 128, 10], form, rng=0)
    net.fit(X_train, y_train, epochs=12, rng=0)
    assert net.score(X_test, y_test) > 0.95
    assert net.history[-1]["train_error"] < net.history[0]["train_error"] / 2
    assert net.history[-1]["loss"] < net.history[0]["loss"]


def test_binary_activations_learn_too(digits):
    X_train, X_test, y_train, y_test = digits
    net = binary_connect_mlp([64, 128, 128, 10], activation="sign", rng=0)
    net.fit(X_train, y_train, epochs=12, rng=0)
    assert net.score(X_test, y_test) > 0.92


@pytest.mark.parametrize("form, rule", [(f, r) for f in FORMS for r in RULES])
def test_rules_against_a_plain_computation(data, form, rule):
    """Weights by the rule, then layer by layer: product, exact statistics over X, ReLU."""
    X, y = data
    net = small(form, dtype="float64").fit(X, y, epochs=2, ensemble=5, rng=0)
    members = net.test_nets[rule]
    assert len(members) == (5 if rule == "ensemble" else 1)
    total = 0
    for member in members:
        a = X
        for number in range(3):
            linear, norm = [layer for layer in net.layers if layer.params or layer.latents][
                2 * number : 2 * number + 2
            ]
            latent = (linear.latents | linear.params)["W"]
            W = latent
            if form in ("deterministic", "stochastic") and rule == "binary":
                W = np.where(latent < 0, -1.0, 1.0)
            if form in ("deterministic", "stochastic") and rule == "ensemble":
                W = [layer for layer in member.layers if "W" in layer.params][number].params["W"]
                assert set(np.unique(W)) <= {-1.0, 1.0}
            z = a @ W.T
            a = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-4)
            a = norm.params["gamma"] * a + norm.params["beta"]
            if number < 2:
                a = np.maximum(a, 0)
        total = total + a
    np.testing.assert_allclose(net.outputs(X, rule), total / len(members), atol=1e-8)
    np.testing.assert_array_equal(net.predict(X, rule), np.argmax(total, axis=1))
    assert net.score(X, y, rule) == np.mean(np.argmax(total, axis=1) == y)


def test_the_ensemble_samples_the_latents(data):
    X, y = data
    net = small("stochastic", dtype="float64").fit(X, y, epochs=1, rng=0)
    net.calibrate(X, ["ensemble"], ensemble=2000, rng=1)
    mean = np.mean([member.layers[0].params["W"] for member in net.test_nets["ensemble"]], axis=0)
    np.testing.assert_allclose(mean, net.layers[0].latents["W"], atol=0.12)  # five std. errors


def test_the_default_rule_is_the_papers(data):
    X, y = data
    for form, rule in [("deterministic", "binary"), ("stochastic", "latent"), ("float", "latent")]:
        net = small(form).fit(X, y, epochs=1, rng=0)
        np.testing.assert_array_equal(net.outputs(X), net.outputs(X, rule))


def test_a_test_net_stays_as_it_is_until_the_next_calibration(data):
    X, y = data
    net = small().fit(X, y, epochs=1, rng=0)
    before = net.outputs(X)
    for layer in net.layers:
        for arrays in (layer.params, layer.latents):
            for name in arrays:
                arrays[name] = -arrays[name]
    np.testing.assert_array_equal(net.outputs(X), before)
    net.calibrate(X, rng=0)
    assert not np.array_equal(net.outputs(X), before)


def test_batches_at_test_time_do_not_matter(data):
    X, y = data
    net = small(dtype="float64").fit(X, y, epochs=1, rng=0)
    rows = np.concatenate([net.outputs(row[None]) for row in X])
    np.testing.assert_allclose(rows, net.outputs(X), atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_seed_gives_the_same_net(data, form):
    X, y = data
    runs = [small(form).fit(X, y, epochs=2, rng=seed) for seed in (0, 0, 1)]
    assert runs[0].history == runs[1].history != runs[2].history
    for rule in RULES:
        np.testing.assert_array_equal(runs[0].outputs(X, rule), runs[1].outputs(X, rule))


def test_history(data):
    X, y = data
    net = small().fit(X, y, epochs=3, learning_rate=(0.1, 0.001), validation=(X, y), rng=0)
    assert [row["epoch"] for row in net.history] == [1, 2, 3]
    np.testing.assert_allclose([row["learning_rate"] for row in net.history], [0.1, 0.01, 0.001])
    last = net.history[-1]
    assert last["validation_error"] == pytest.approx(100 * (1 - net.score(X, y)))
    assert 0 <= last["train_error"] <= 100
    assert len(last["flips"]) == len(last["cosine"]) == 3


def test_flips_and_cosine_are_counted_from_the_latents(data):
    X, y = data
    net, seen = small(), []
    seen.append([layer.latents["W"] for layer in net.layers if layer.latents])

    def watch(network, row):
        latents = [layer.latents["W"] for layer in network.layers if layer.latents]
        for old, new, flips, cosine in zip(seen[-1], latents, row["flips"], row["cosine"]):
            assert flips == sum((a < 0) != (b < 0) for a, b in zip(old.ravel(), new.ravel()))
            w, s = new.ravel().astype(float), np.where(new.ravel() < 0, -1.0, 1.0)
            assert cosine == pytest.approx(w @ s / np.linalg.norm(w) / np.linalg.norm(s), rel=1e-5)
        seen.append(latents)

    net.fit(X, y, epochs=4, callback=watch, rng=0)
    assert len(seen) == 5 and sum(net.history[0]["flips"]) > 0


def test_latents_stay_in_their_bound_unless_told_otherwise(data):
    X, y = data
    largest = {}
    for clip in (True, False):
        net = small(clip=clip).fit(X, y, epochs=5, learning_rate=(0.1, 0.1), rng=0)
        largest[clip] = max(np.abs(layer.latents["W"]).max() for layer in net.layers[::3])
    assert largest[True] == 1 and largest[False] > 1


@pytest.mark.parametrize("optimizer", [lambda: SGD(), lambda: Adam(epsilon=1e-30)])
def test_glorot_steps_make_the_size_of_the_weights_irrelevant(data, optimizer):
    """±1 with scaled steps and ±glorot with plain steps are one net in two units."""
    X, y = data
    nets = [small(dtype="float64", scale=scale) for scale in (1.0, "glorot")]
    for net in nets:
        for layer in net.layers:
            layer.epsilon = 1e-20
        net.fit(X, y, epochs=2, learning_rate=(0.01, 0.01), optimizer=optimizer(), rng=0)
    for unit, glorot in zip(nets[0].layers, nets[1].layers, strict=True):
        if unit.latents:
            ratio = unit.latents["W"] * glorot.scale
            np.testing.assert_allclose(ratio, glorot.latents["W"], atol=1e-7)


def test_training_can_be_stopped_and_interrupted_and_goes_on(data):
    X, y = data
    net = small().fit(X, y, epochs=9, callback=lambda net, row: row["epoch"] == 2, rng=0)
    assert len(net.history) == 2

    def interrupt(net, row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y, epochs=9, callback=interrupt, rng=0)
    signs = np.where(net.layers[0].latents["W"] < 0, -1, 1)
    np.testing.assert_array_equal(net.test_nets["binary"][0].layers[0].params["W"], signs)
    net.fit(X, y, epochs=1, rng=0)
    assert [row["epoch"] for row in net.history] == [1, 2, 3, 4]


def test_a_short_last_batch_is_kept(data):
    X, y = data
    sizes = []
    net = small()
    net.layers[0].forward = lambda x, training, rng: (
        sizes.append(len(x)) or type(net.layers[0]).forward(net.layers[0], x, training, rng)
    )
    net.fit(X, y, epochs=1, batch_size=100, rng=0)
    assert sizes[:3] == [100, 100, 3]


def test_the_readers_code_trains_the_net(data):
    X, y = data
    with override("2.1", lambda x, grad, clip: 0 * grad):  # no blame passes a sign
        net = small(activation="sign")
        start = [layer.latents["W"] for layer in net.layers if layer.latents]
        net.fit(X, y, epochs=1, rng=0)
    end = [layer.latents["W"] for layer in net.layers if layer.latents]
    moved = [not np.array_equal(a, b) for a, b in zip(start, end, strict=True)]
    assert moved == [False, False, True]


def test_measuring_in_batches_comes_close_to_measuring_at_once(data):
    X, y = data
    net = small(dtype="float64").fit(X, y, epochs=1, rng=0).test_nets["binary"][0]
    whole = net.forward(X)
    net.measure(X, batch_size=100)
    assert 0 < np.abs(net.forward(X) - whole).max() < 1
    assert net.layers[1].count == len(X)


def test_other_array_libraries_give_the_same_net(data):
    strict = pytest.importorskip("array_api_strict")
    X, y = data
    for form in FORMS:
        for activation in ("relu", "sign"):
            for optimizer in (Adam, lambda: SGD(momentum=0.9)):
                nets = [small(form, activation=activation) for _ in range(2)]
                for net, xp in zip(nets, (np, strict), strict=True):
                    here = xp.asarray(X)
                    net.fit(here, y, epochs=2, optimizer=optimizer(), validation=(here, y), rng=0)
                for rule in RULES:
                    got = nets[1].outputs(strict.asarray(X), rule)
                    assert isinstance(got, type(strict.asarray(X)))
                    np.testing.assert_allclose(np.asarray(got), nets[0].outputs(X, rule), atol=1e-4)
                # and back: the net follows its input
                there = nets[1].outputs(X)
                assert isinstance(there, np.ndarray)
                np.testing.assert_allclose(there, nets[0].outputs(X), atol=1e-4)


def fit(net=None, X=np.zeros((4, 7)), y=(0, 1, 2, 0), **options):  # noqa: B008
    return (net or small()).fit(X, y, **({"epochs": 1, "rng": 0} | options))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: binary_connect_mlp([4], rng=0), ValueError, "widths must hold"),
        (lambda: binary_connect_mlp([4, 0, 2], rng=0), ValueError, "widths must be"),
        (lambda: binary_connect_mlp([4, 2], "quaternary", rng=0), ValueError, "form must be"),
        (lambda: binary_connect_mlp([4, 2], activation="tanh", rng=0), ValueError, "activation"),
        (lambda: binary_connect_mlp([4, 2], rng="seed"), TypeError, "rng must be"),
        (lambda: binary_connect_mlp([4, 3, 2], "dropout", dropout=1, rng=0), ValueError, "rate"),
        (lambda: BinaryConnectNetwork([ReLU()]), ValueError, "at least one linear"),
        (lambda: BinaryConnectNetwork([Linear(2, 2, rng=0)], "bits"), ValueError, "test_weights"),
        (lambda: small().predict(np.zeros((1, 7))), ValueError, "must be fitted"),
        (lambda: fit().predict(np.zeros((1, 6))), ValueError, "X must have 7 columns"),
        (lambda: fit().predict(np.zeros((1, 7)), "real"), ValueError, "weights must be one of"),
        (lambda: fit().score(np.zeros((2, 7)), [0]), ValueError, "y must hold one label"),
        (lambda: fit(X=np.zeros((4, 5))), ValueError, "X must have 7 columns"),
        (lambda: fit(X=np.full((4, 7), np.nan)), ValueError, "X must hold finite"),
        (lambda: fit(X=np.zeros((0, 7)), y=[]), ValueError, "X must not be empty"),
        (lambda: fit(X=np.zeros(7)), ValueError, "X must have 2 axes"),
        (lambda: fit(y=[0, 1, 2, 3]), ValueError, "y must hold class numbers 0 to 2"),
        (lambda: fit(y=[0, 1]), ValueError, "y must hold one label a sample"),
        (lambda: fit(epochs=0), ValueError, "epochs must be"),
        (lambda: fit(batch_size=0), ValueError, "batch_size must be"),
        (lambda: fit(learning_rate=0.1), TypeError, "learning_rate must be a pair"),
        (lambda: fit(learning_rate=(0.1, 0)), ValueError, "last must be"),
        (lambda: fit(optimizer="adam"), TypeError, "optimizer must be"),
        (lambda: fit(loss="max"), ValueError, "loss must be"),
        (lambda: fit(ensemble=0), ValueError, "ensemble must be"),
        (lambda: fit(rng=None), TypeError, "rng must be"),
        (lambda: fit(validation=np.zeros((4, 7))), TypeError, "validation must be a pair"),
        (lambda: fit(validation=(np.zeros((4, 5)), [0] * 4)), ValueError, "validation X must"),
        (lambda: fit(validation=(np.zeros((4, 7)), [5] * 4)), ValueError, "validation y must"),
        (lambda: fit().calibrate(np.zeros((4, 7)), ["bits"], rng=0), ValueError, "rules must be"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_layers_of_ones_own(data):
    X, y = data
    layers = [Linear(7, 64, rng=0), BatchNorm(64), ReLU(), BinaryLinear(64, 3, True, rng=1)]
    net = BinaryConnectNetwork(layers).fit(X, y, epochs=60, loss="mean", rng=0)
    assert net.score(X, y) > 0.8
    assert net.layers[3].params["b"].any()


def test_a_network_can_be_copied_and_pickled():
    X, y = np.random.default_rng(0).normal(size=(40, 6)), np.arange(40) % 3
    net = binary_connect_mlp([6, 5, 3], rng=0).fit(X, y, epochs=1, rng=0)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(twin.outputs(X), net.outputs(X))
