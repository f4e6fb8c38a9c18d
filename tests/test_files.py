"""Models in files: nothing lost, nothing believed; training that can be killed at any moment."""

import contextlib
import hashlib
import json
import os
import random
import subprocess
import sys
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnkit import BEPNetwork, BEPRecurrentNetwork, MedianBinarizer, ThermometerEncoder, use_engine
from bnnkit.bep import ClippedPerceptron
from bnnkit.files import Checkpoint, FileError, describe, dumps, load, loads, save
from bnnkit.files.container import HEADER, MAGIC
from bnnkit.ste import (
    SGD,
    Adam,
    BatchNorm,
    BinaryConnectNetwork,
    BinaryConv2d,
    BinaryLinear,
    Conv2d,
    Flatten,
    MaxPool,
    Sign,
    binary_connect_mlp,
)

ROOT = Path(__file__).resolve().parent.parent


def signs(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), shape)


def bep(credit="bep", epochs=3, **options):
    """A small network of odd widths that has learnt something."""
    X, y = signs((40, 13)), np.arange(40) % 3
    network = BEPNetwork((13, 9, 15), 3, seed=5, credit=credit, patience=2, **options)
    return network.fit(X, y, epochs, 7, validation=(X[:10], y[:10]), keep_best=False), X, y


def recurrent(epochs=3, **options):
    X, y = signs((30, 3, 6)), np.arange(30) % 3
    network = BEPRecurrentNetwork(3, 3, state=9, readout=15, seed=4, patience=2, **options)
    return network.fit(X, y, epochs, 7), X, y


def binary_connect(form="deterministic", activation="sign", epochs=3, **options):
    X, y = np.random.default_rng(1).normal(size=(50, 5)), np.arange(50) % 3
    network = binary_connect_mlp([5, 11, 3], form, activation=activation, rng=0, **options)
    return network.fit(X, y, epochs=epochs, batch_size=20, rng=3), X, y


BEP_MODELS = {
    "bep": lambda: bep(),
    "local": lambda: bep("local"),
    "feedback": lambda: bep("feedback", r=Fraction(1, 3)),
    "recurrent": lambda: recurrent(),
    "expanded": lambda: recurrent(expansion=21, window=4, horizon=2, start="ones"),
}


# What is kept


@pytest.mark.parametrize("name", BEP_MODELS)
def test_a_network_with_its_hidden_weights_goes_on_as_if_never_saved(name):
    network, X, y = BEP_MODELS[name]()
    loaded = loads(dumps(network))
    assert loaded.weights_sha256() == network.weights_sha256()
    assert loaded.history == network.history
    assert (loaded.decision_function(X) == network.decision_function(X)).all()
    network.fit(X, y, 4, 7)
    loaded.fit(X, y, 4, 7)
    assert loaded.weights_sha256() == network.weights_sha256()
    assert loaded.history == network.history
    assert loaded.groups == network.groups


@pytest.mark.parametrize("name", BEP_MODELS)
def test_a_network_of_signs_alone_predicts_the_same(name):
    network, X, _ = BEP_MODELS[name]()
    loaded = loads(dumps(network, hidden=False))
    assert (loaded.decision_function(X) == network.decision_function(X)).all()
    assert loaded.W == network.W
    assert all((abs(H) == 1).all() for H in loaded.H)
    assert type(loaded.r) is type(network.r)


def test_a_visible_weight_takes_one_bit(tmp_path):
    network = BEPNetwork((257, 511, 255), 10, seed=1)
    size = save(network, tmp_path / "signs.bnn", hidden=False)
    bits = 257 * 511 + 511 * 255 + 10 * 255
    assert size == (tmp_path / "signs.bnn").stat().st_size
    assert size < bits / 8 + 600
    assert save(network, tmp_path / "hidden.bnn") > 16 * (257 * 511 + 511 * 255) / 8


def test_one_neuron():
    neuron = ClippedPerceptron(9, p_r=0.5, seed=2).fit(signs((20, 9)), signs(20), 4)
    loaded = loads(dumps(neuron))
    assert (loaded.h == neuron.h).all()
    for each in (neuron, loaded):
        each.fit(signs((20, 9)), signs(20), 3)
    assert (loaded.h == neuron.h).all()
    assert loaded.errors == neuron.errors


@pytest.mark.parametrize("form", ["deterministic", "stochastic", "float", "dropout"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_binary_connect_network_gives_the_same_outputs_by_every_rule(form, dtype):
    network, X, _ = binary_connect(form, "relu", dtype=dtype, scale="glorot")
    loaded = loads(dumps(network))
    for rule in ("binary", "latent", "ensemble"):
        assert (loaded.outputs(X, rule) == network.outputs(X, rule)).all()
    assert loaded.history == network.history
    lean = loads(dumps(network, hidden=False))
    assert (lean.outputs(X) == network.outputs(X)).all()
    assert lean.outputs(X).dtype == network.outputs(X).dtype


def test_a_binary_connect_network_goes_on_learning():
    network, X, y = binary_connect()
    loaded = loads(dumps(network))
    for each in (network, loaded):
        each.fit(X, y, epochs=2, rng=8)
    assert (loaded.outputs(X) == network.outputs(X)).all()
    lean = loads(dumps(network, hidden=False))
    assert lean.fit(X, y, epochs=1, rng=8).outputs(X).shape == (50, 3)


def convolution(form="deterministic"):
    X, y = np.random.default_rng(2).normal(size=(20, 2, 6, 6)), np.arange(20) % 3
    layers = [BinaryConv2d(2, 5, rng=0, binarize=form, bias=True), BatchNorm(5), MaxPool(2)]
    layers += [Sign(), Conv2d(5, 4, rng=1), BatchNorm(4), Sign(), Flatten()]
    layers += [BinaryLinear(36, 3, rng=2, binarize=form), BatchNorm(3)]
    network = BinaryConnectNetwork(layers)
    return network.fit(X, y, epochs=1, batch_size=10, rng=3), X


@pytest.mark.parametrize("form", ["deterministic", "ternary"])
def test_a_convolution(form):
    network, X = convolution(form)
    for hidden in (True, False):
        loaded = loads(dumps(network, hidden=hidden))
        assert (loaded.outputs(X) == network.outputs(X)).all()
    assert loads(dumps(network)).layers[0].glorot_ratio == network.layers[0].glorot_ratio


def test_signs_of_a_binary_connect_network_take_one_bit():
    X, y = np.random.default_rng(1).normal(size=(50, 301)), np.arange(50) % 3
    network = binary_connect_mlp([301, 255, 3], activation="sign", rng=0)
    size = len(dumps(network.fit(X, y, epochs=1, rng=3), hidden=False))
    norms = 4 * 4 * (255 + 3)
    assert size < (301 * 255 + 255 * 3) / 8 + norms + 1500


@pytest.mark.parametrize("dtype", ["int8", "int16", "uint8", "float16", "float32", ">f8", "bool"])
def test_encoders_go_alongside(tmp_path, dtype):
    X = (np.random.default_rng(0).normal(size=(31, 4)) * 3).astype(dtype)
    median, thermometer = MedianBinarizer().fit(X), ThermometerEncoder(3).fit(X)
    network = BEPNetwork((12, 9), 2, seed=3)
    save((thermometer, network), tmp_path / "both.bnn", about={"classes": ["no", "yes"]})
    encoder, loaded = load(tmp_path / "both.bnn")
    assert (encoder.transform(X) == thermometer.transform(X)).all()
    assert loaded.weights_sha256() == network.weights_sha256()
    assert (loads(dumps(median)).transform(X) == median.transform(X)).all()
    told = describe(tmp_path / "both.bnn")
    assert told["about"] == {"classes": ["no", "yes"]}
    assert [each["kind"] for each in told["objects"]] == ["ThermometerEncoder", "BEPNetwork"]


@given(widths=st.lists(st.integers(1, 70), min_size=2, max_size=4), classes=st.integers(2, 5))
def test_any_widths(widths, classes):
    network = BEPNetwork(widths, classes, seed=1)
    for hidden in (True, False):
        loaded = loads(dumps(network, hidden=hidden))
        assert loaded.W == network.W
        assert loaded.P == network.P


def test_the_layout_is_the_documented_one():
    """Read a file with struct, json and NumPy alone, by the text of the module."""
    network, _, _ = bep()
    data = dumps(network, hidden=False)
    assert data[:8] == bytes([0x89, 0x42, 0x4E, 0x4E, 0x0D, 0x0A, 0x1A, 0x0A])
    assert int.from_bytes(data[8:12], "little") == 1
    length = int.from_bytes(data[12:16], "little")
    assert data[16:48] == hashlib.sha256(data[:16] + data[48:]).digest()
    manifest = json.loads(data[48 : 48 + length])
    (model,) = manifest["objects"]
    assert model["arrays"] == [
        ["W0", "bits", [9, 13]],
        ["W1", "bits", [15, 9]],
        ["P0", "bits", [3, 15]],
    ]
    section = np.frombuffer(data[48 + length :], np.uint8)[: (9 * 13 + 7) // 8]
    bits = np.unpackbits(section, bitorder="little")[: 9 * 13].reshape(9, 13)
    assert (2 * bits.astype(int) - 1 == network.W[0].to_signs()).all()


# What is refused


def test_what_no_file_can_hold():
    with pytest.raises(TypeError, match="model must be one of BEPNetwork"):
        dumps({"a": 1})
    with pytest.raises(ValueError, match="must be fitted"):
        dumps(MedianBinarizer())
    with pytest.raises(ValueError, match="must be fitted"):
        dumps(binary_connect_mlp([2, 3, 2], rng=0), hidden=False)
    with pytest.raises(ValueError, match="empty"):
        dumps(())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "too short"),
        (lambda data: data[:20], "too short"),
        (lambda data: b"PK\x03\x04" + data[4:], "not a model"),
        (lambda data: data.replace(b"\r\n", b"\n", 1), "not a model"),
        (lambda data: data[:8] + b"\x02" + data[9:], "version 2"),
        (lambda data: data[:-1], "checksum"),
        (lambda data: data + b"\0", "checksum"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "checksum"),
        (lambda data: data[:60], "truncated"),
    ],
)
def test_damage_is_named(damage, message):
    data = dumps(bep()[0])
    with pytest.raises(FileError, match=message):
        loads(damage(data))


def test_only_ordinary_files_are_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.bnn")
    if Path("/dev/zero").exists():
        with pytest.raises(FileError, match="ordinary"):
            load("/dev/zero")


def sealed(manifest: bytes, body: bytes) -> bytes:
    """A file with a right checksum, whatever is in it."""
    start = HEADER.pack(MAGIC, 1, len(manifest), bytes(32))[:16]
    return start + hashlib.sha256(start + manifest + body).digest() + manifest + body


def opened(data: bytes):
    length = int.from_bytes(data[12:16], "little")
    return json.loads(data[48 : 48 + length]), data[48 + length :]


def test_a_size_is_not_believed():
    """A few bytes that claim a petabyte are refused without allocating it."""
    manifest, body = opened(dumps(bep()[0], hidden=False))
    model = manifest["objects"][0]
    model["settings"]["widths"] = [2**26, 2**26, 15]
    model["arrays"][0][2] = [2**26, 2**26]
    with pytest.raises(FileError, match="must take"):
        loads(sealed(json.dumps(manifest).encode(), body))
    model["arrays"][0][2] = [9, 13]  # now the arrays fit the file, but not the widths
    tracemalloc.start()
    with pytest.raises(FileError, match="W0 must be bits of shape"):
        loads(sealed(json.dumps(manifest).encode(), body))
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()


# Ten thousand mutations

ODD = (None, True, -1, 0, 1, 2, 7, 2**31, 2**63, 10**400, 0.5, -0.0, 1e308, "", "bep", "W0", [], {})
ODD = (*ODD, [0], [2**40] * 9, [[]], {"fraction": [1, 0]}, {"fraction": [0, 5]}, "i2", "f8", "bits")


def corpus():
    deep = binary_connect(epochs=1)[0]
    table = np.random.default_rng(0).normal(size=(9, 3))
    files = [dumps(make()[0], hidden=hidden) for make in BEP_MODELS.values() for hidden in (0, 1)]
    files += [dumps(deep), dumps(deep, hidden=False), dumps(convolution()[0], hidden=False)]
    files += [dumps((ThermometerEncoder(2).fit(table), MedianBinarizer().fit(table)))]
    return [*files, dumps(ClippedPerceptron(9))]


def mutated_bytes(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Flip bits, cut off, cut out, overwrite, or put a piece of another file in."""
    changed = bytearray(data)
    kind = chance.randrange(5)
    i, j = sorted(chance.randrange(len(data)) for _ in range(2))
    if kind == 0:
        for _ in range(chance.choice((1, 1, 2, 8))):
            changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del changed[j:]
    elif kind == 2:
        del changed[i:j]
    elif kind == 3:
        changed[i:j] = chance.randbytes(j - i)
    else:
        k = chance.randrange(len(other))
        changed[i:j] = other[k : k + chance.randrange(200)]
    return bytes(changed)


def mutated_fields(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Change fields of the manifest, and seal the file again, so that nothing but them is wrong."""
    manifest, body = opened(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(walk(manifest))
        home, key = chance.choice(places)
        kind = chance.randrange(4)
        if kind == 0 and isinstance(home, dict):
            home[chance.choice(("x", "size", "fraction", "W0"))] = home.pop(key)
        elif kind == 1:
            _, donor = chance.choice(places)
            home[key] = json.loads(json.dumps(donor if isinstance(donor, (int, str)) else 3))
        elif kind == 2 and type(home[key]) is int:
            home[key] += chance.choice((-1, 1, 8))
        else:
            home[key] = json.loads(json.dumps(chance.choice(ODD)))
    return sealed(json.dumps(manifest).encode(), body)


def mutated_and_sealed(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Change bytes behind the header, and seal the file again."""
    length = int.from_bytes(data[12:16], "little")
    manifest, body = data[48 : 48 + length], data[48 + length :]
    if chance.random() < 0.5:
        manifest = mutated_bytes(manifest, other[48:], chance)
    else:
        body = mutated_bytes(body, other[48:], chance)
    return sealed(manifest, body)


def walk(value):
    """Every (home, key) in a JSON value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from walk(inner)


def use(model):
    """What loads must work."""
    if isinstance(model, tuple):
        for each in model:
            use(each)
    elif isinstance(model, (BEPNetwork, BEPRecurrentNetwork)):
        columns = model.widths[0] if isinstance(model, BEPNetwork) else model.inputs
        shape = (2, columns) if isinstance(model, BEPNetwork) else (2, columns, 4)
        assert model.decision_function(signs(shape)).shape == (2, model.n_classes)
    elif isinstance(model, (MedianBinarizer, ThermometerEncoder)):
        median = isinstance(model, MedianBinarizer)
        columns = len(model.medians_ if median else model.thresholds_)
        assert set(model.transform(np.zeros((1, columns))).flat) <= {-1, 1}
    elif isinstance(model, ClippedPerceptron):
        assert model.predict(signs((3, model.inputs))).shape == (3,)
    elif model.test_weights in model.test_nets:
        # Real numbers that training would never reach may overflow on the way, and that is said.
        with np.errstate(all="ignore"), contextlib.suppress(ValueError):
            image = isinstance(model.layers[0], Conv2d)
            model.predict(np.zeros((2, model.layers[0].n_in, *(6, 6) * image)))


@pytest.fixture
def numpy_engine():
    """No compiling, which would be counted as memory."""
    with use_engine("numpy"):
        yield


@pytest.mark.slow
@pytest.mark.parametrize("mutate", [mutated_bytes, mutated_fields, mutated_and_sealed])
def test_ten_thousand_mutations(mutate, numpy_engine):
    """A clear error or a whole model, in memory that the length of the file bounds."""
    files, chance = corpus(), random.Random(mutate.__name__)
    refused = accepted = 0
    for _ in range(4000):
        data = mutate(chance.choice(files), chance.choice(files), chance)
        tracemalloc.start()
        try:
            model = loads(data)
            accepted += 1
        except FileError as error:
            model = None
            refused += 1
            assert 5 < len(str(error)) < 400, str(error)
            str(error).encode()
        finally:
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 300 * len(data) + 10**6
        if model is not None and mutate is not mutated_bytes:
            use(model)
    assert refused + accepted == 4000
    print(f"{mutate.__name__}: {refused} refused, {accepted} accepted")
    assert refused > 1000
    assert (accepted > 50) == (mutate is not mutated_bytes)


# Written whole or not at all


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.bnn"
    save(BEPNetwork((3, 5), 2), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(BEPNetwork((3, 5), 2, seed=1), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# Killed and resumed


def test_a_checkpoint_goes_on_to_the_same_weights(tmp_path):
    """With a validation set, growing groups and the best weights kept: all of it resumes."""
    X, y = signs((60, 13)), np.arange(60) % 3
    options = {"batch_size": 7, "validation": (X[:20], y[:20])}

    def new():
        return BEPNetwork((13, 9, 15), 3, seed=5, patience=2)

    whole = new().fit(X, y, 12, **options)
    for stop in (1, 4, 5, 6, 11):
        path = tmp_path / f"{stop}.bnn"
        with pytest.raises(InterruptedError):
            new().fit(X, y, 12, callback=stop_at(stop), checkpoint=Checkpoint(path), **options)
        again = new().fit(X, y, 12, checkpoint=Checkpoint(path), **options)
        assert again.weights_sha256() == whole.weights_sha256()
        assert again.history == whole.history
        done = new().fit(X, y, 12, checkpoint=Checkpoint(path), **options)  # nothing is left to do
        assert done.weights_sha256() == whole.weights_sha256()
    assert load(path).epoch == 12


def stop_at(epoch):
    def callback(network, record):
        if network.epoch == epoch + 1:
            raise InterruptedError

    return callback


@pytest.mark.parametrize("optimizer", [lambda: None, Adam, lambda: SGD(0.9), SGD])
def test_binary_connect_goes_on_to_the_same_outputs(tmp_path, optimizer):
    X, y = np.random.default_rng(1).normal(size=(50, 5)), np.arange(50) % 3

    def fit(**more):
        network = binary_connect_mlp([5, 11, 3], "stochastic", rng=0)
        options = {"epochs": 6, "batch_size": 20, "validation": (X[:9], y[:9]), "rng": 3}
        return network.fit(X, y, optimizer=optimizer(), **options, **more)

    whole = fit()
    with pytest.raises(InterruptedError):
        fit(callback=stop_at(3), checkpoint=Checkpoint(tmp_path / "run.bnn", every=2))
    assert load(tmp_path / "run.bnn").epoch == 2
    again = fit(checkpoint=Checkpoint(tmp_path / "run.bnn"))
    for rule in ("binary", "latent", "ensemble"):
        assert (again.outputs(X, rule) == whole.outputs(X, rule)).all()
    assert again.history == whole.history


def test_a_callback_that_ended_training_has_ended_it(tmp_path):
    X, y = signs((30, 5)), np.arange(30) % 2
    path = tmp_path / "run.bnn"

    def enough(network, record):
        return network.epoch == 3

    for _ in range(2):
        network = BEPNetwork((5, 9), 2).fit(
            X, y, 9, callback=enough, checkpoint=Checkpoint(path, 5)
        )
        assert network.epoch == 3


def test_another_run_is_refused_and_named(tmp_path):
    X, y = signs((30, 5)), np.arange(30) % 2
    checkpoint = Checkpoint(tmp_path / "run.bnn")
    BEPNetwork((5, 9), 2).fit(X, y, 2, checkpoint=checkpoint)
    with pytest.raises(FileError, match="its batch_size is 100, here 10"):
        BEPNetwork((5, 9), 2).fit(X, y, 2, 10, checkpoint=checkpoint)
    with pytest.raises(FileError, match="its X is"):
        BEPNetwork((5, 9), 2).fit(-X, y, 2, checkpoint=checkpoint)
    with pytest.raises(FileError, match="its start is"):
        BEPNetwork((5, 9), 2, seed=1).fit(X, y, 2, checkpoint=checkpoint)
    save(BEPNetwork((5, 9), 2), tmp_path / "model.bnn")
    with pytest.raises(FileError, match="not a checkpoint"):
        BEPNetwork((5, 9), 2).fit(X, y, checkpoint=Checkpoint(tmp_path / "model.bnn"))
    with pytest.raises(TypeError, match="checkpoint must be a Checkpoint"):
        BEPNetwork((5, 9), 2).fit(X, y, checkpoint="run.bnn")


PROGRAM = """
import sys
import numpy as np
from bnnkit import BEPNetwork, use_engine
from bnnkit.files import Checkpoint

use_engine("numpy")
rng = np.random.default_rng(0)
X, y = rng.choice(np.array([-1, 1], np.int8), (400, 63)), rng.integers(0, 5, 400)
network = BEPNetwork((63, 45, 45), 5, seed=7, patience=2)
checkpoint = Checkpoint(sys.argv[1]) if len(sys.argv) > 1 else None
print("begin", flush=True)
network.fit(X, y, 60, 40, validation=(X[:100], y[:100]), checkpoint=checkpoint)
print(network.epoch, network.groups, network.weights_sha256())
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_ends_with_the_same_weights(tmp_path):
    """SIGKILL at random moments, again and again, also while the file is being written."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}

    def start(*arguments):
        command = [sys.executable, "-c", PROGRAM, *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    process = start()
    begin = time.monotonic() if process.stdout.readline() else None
    whole = process.stdout.read()
    span = time.monotonic() - begin
    assert process.wait() == 0
    chance, kills, path = random.Random(1), 0, tmp_path / "run.bnn"
    while kills < 6:
        process = start(str(path))
        assert process.stdout.readline() == "begin\n"
        try:
            process.wait(chance.uniform(0, span / 4))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        code = process.wait()
        process.stdout.close()
        if code == 0:
            break
        assert not path.exists() or load(path).epoch <= 60  # whole at every moment
    assert kills >= 2
    process = start(str(path))
    assert process.communicate()[0] == "begin\n" + whole
    assert [each.name for each in tmp_path.iterdir()] == ["run.bnn"]
    print(f"{kills} times killed, then the same weights: {whole.split()[-1][:16]}")


def test_a_stream_goes_on_where_it_stopped():
    X = np.where(np.random.default_rng(0).random((90, 13)) < 0.5, -1, 1)
    y = np.arange(90) % 3
    whole = BEPNetwork((13, 9), 3, reinforce_by="width").partial_fit(X[:50], y[:50], 7)
    parted = loads(dumps(whole))
    assert parted.reinforce_by == "width"
    hashes = {net.partial_fit(X[50:], y[50:], 7).weights_sha256() for net in (whole, parted)}
    assert len(hashes) == 1
