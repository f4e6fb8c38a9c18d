"""Networks for the tests of the C export, and what it takes to compile and run them."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from conftest import not_run

from bnnkit import BEPNetwork, BEPRecurrentNetwork, MedianBinarizer, ThermometerEncoder
from bnnkit.datasets import load_digits
from bnnkit.export import export_c
from bnnkit.readings import Reader, Reading
from bnnkit.ste import BatchNorm, BinaryConnectNetwork, BinaryLinear, Sign, binary_connect_mlp

C = Path(__file__).resolve().parent / "c"
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
SANITIZED = ["-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-O1"]


@dataclass
class Made:
    """A model to export, its network, samples as C reads them, and as the network reads them."""

    model: object
    network: object
    raw: np.ndarray
    X: np.ndarray
    input_type: str | None = None


def signs(shape, seed=0):
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), shape)


def _plain(network, X):
    return Made(network, network, X, X)


def _coded(encoder, network, raw, input_type):
    return Made((encoder, network), network, raw, encoder.transform(raw), input_type)


def bep(widths=(13, 9, 15), classes=3, n=1000, **options):
    """Odd widths, none a multiple of 32."""
    X, y = signs((n, widths[0])), np.arange(n) % classes
    return _plain(BEPNetwork(widths, classes, seed=1, **options).fit(X, y, 2, 100), X)


def whole_words():
    return bep((64, 32, 96), 2)


def even_widths():
    """Sums of zero, which are +1."""
    return bep((2, 6, 4, 70, 34), 7)


def wide():
    return bep((300, 255), 10)


def coded(input_type="uint8", n=1000):
    """Thermometer codes of integers, with thresholds at the ends of the range and between."""
    limits = np.iinfo(input_type)
    raw = np.random.default_rng(3).integers(limits.min, limits.max + 1, (n, 5))
    raw[: n // 2] = np.clip(raw[: n // 2], -3, 5)
    raw[0], raw[1] = limits.min, limits.max
    encoder = ThermometerEncoder(3).fit(raw[: n // 2] / 2 if "u" in input_type else raw / 2)
    network = BEPNetwork((15, 33, 21), 4, seed=2)
    network.fit(encoder.transform(raw), np.arange(n) % 4, 2)
    return _coded(encoder, network, raw.astype(input_type), input_type)


def median():
    raw = np.random.default_rng(4).integers(0, 256, (1000, 33)).astype(np.uint8)
    encoder = MedianBinarizer("global").fit(raw)
    network = BEPNetwork((33, 35), 2).fit(encoder.transform(raw), np.arange(1000) % 2, 1)
    return _coded(encoder, network, raw, None)


def recurrent(**options):
    X, y = signs((500, 3, 7)), np.arange(500) % 3
    options = {"state": 35, "readout": 33, "seed": 4} | options
    return _plain(BEPRecurrentNetwork(3, 3, **options).fit(X, y, 2, 50), X)


def windowed():
    return recurrent(window=4, start="ones", state=32)


def expanded():
    return recurrent(expansion=45, window=20)


def coded_recurrent():
    raw = np.random.default_rng(5).integers(-900, 900, (500, 2, 9)).astype(np.int16)
    encoder = ThermometerEncoder(2).fit(raw)
    network = BEPRecurrentNetwork(4, 2, state=15, expansion=21, window=5, seed=1)
    network.fit(encoder.transform(raw), np.arange(500) % 2, 2)
    return _coded(encoder, network, raw, "int16")


def chunked(kind="chunks", steps=3, channels=2, times=11, **options):
    """Series in chunks that do not come out even: the first begins with its first value held."""
    raw = np.random.default_rng(6).integers(-90, 91, (500, channels, times)).astype(np.int8)
    reader = Reader(Reading(kind, steps, 3)).fit(raw)
    X = reader.transform(raw)
    network = BEPRecurrentNetwork(X.shape[1], 3, state=33, seed=2, **options)
    network.fit(X, np.arange(500) % 3, 2)
    return Made((reader, network), network, raw, X, "int8")


def chunked_evenly():
    return chunked(steps=4, channels=1, times=8, window=3)


def chunked_expanded():
    return chunked(steps=2, channels=3, times=7, expansion=35)


def read_last():
    return chunked("last", steps=5)


def folded(widths=(21, 33, 18, 5), dtype="float32", seed=0, **options):
    """Batch norms with scales above, at and below zero, folded into limits for each neuron."""
    rng = np.random.default_rng(seed)
    X, y = signs((1000, widths[0]), seed), np.arange(1000) % widths[-1]
    network = binary_connect_mlp(widths, activation="sign", rng=seed, dtype=dtype, **options)
    network.fit(X, y, epochs=2, rng=seed)
    for layer in network.layers:
        if isinstance(layer, BatchNorm):
            signed = rng.integers(-1, 2, layer.n_features) if layer is not network.layers[-1] else 1
            layer.params["gamma"] = (layer.params["gamma"] * signed).astype(dtype)
            layer.params["beta"] = rng.normal(0, 0.7, layer.n_features).astype(dtype)
    network.calibrate(X, rng=seed)
    return _plain(network, X)


def folded_float64():
    return folded((40, 31, 10), "float64", 1)


def ties():
    """A last layer whose float outputs tie: places in a table, no line."""
    layers = [BinaryLinear(9, 7, rng=0), BatchNorm(7), Sign(), BinaryLinear(7, 4, rng=1)]
    layers += [BatchNorm(4)]
    network, X = BinaryConnectNetwork(layers), signs((1000, 9))
    network.fit(X, np.arange(1000) % 4, epochs=1, rng=0)
    last = network.test_nets["binary"][0].layers[-1]
    last.mean, last.var = np.zeros(4, np.float32), np.full(4, 1e9, np.float32)
    last.params["beta"] = np.full(4, 3.0, np.float32)  # the sums vanish beside it, nearly
    return _plain(network, X)


def biased():
    """A bias in place of the last batch norm, dropout between."""
    layers = [BinaryLinear(11, 10, bias=True, rng=0), Sign(), BinaryLinear(10, 3, bias=True, rng=1)]
    network, X = BinaryConnectNetwork(layers), signs((1000, 11))
    return _plain(network.fit(X, np.arange(1000) % 3, epochs=2, rng=0), X)


def one_layer():
    X = signs((1000, 33))
    network = binary_connect_mlp([33, 6], activation="sign", rng=0)
    return _plain(network.fit(X, np.arange(1000) % 6, epochs=2, rng=0), X)


def digits():
    """The network of the README, on all its test images, after a few epochs."""
    data = load_digits()
    encoder = ThermometerEncoder(bits=4).fit(data.X_train)
    network = BEPNetwork((4 * 64, 255, 255), n_classes=10, seed=1)
    network.fit(encoder.transform(data.X_train), data.y_train, epochs=3, batch_size=20)
    return _coded(encoder, network, data.X_test.astype(np.uint8), "uint8")


def constant():
    """An encoder and a network that reads a constant +1 beside it, as the estimators make them."""
    made = coded()
    X = np.hstack([made.X, np.ones((len(made.X), 1), np.int8)])
    network = BEPNetwork((16, 33, 21), 4, seed=2).fit(X, np.arange(len(X)) % 4, 2)
    return Made((made.model[0], network), network, made.raw, X)


MADE = [
    constant,
    *(bep, whole_words, even_widths, wide, coded, median, recurrent, windowed, expanded),
    *(chunked, chunked_evenly, chunked_expanded, read_last),
    *(coded_recurrent, folded, folded_float64, ties, biased, one_layer, digits),
]


def compiler(name):
    """The path of a compiler, or the test does not run."""
    if sys.platform == "win32":
        pytest.skip("the harness speaks to the program in bytes, as POSIX does")
    return shutil.which(name) or not_run(f"{name} is not here")


def compiled(command, source, target, *options):
    """Compile strictly, and return the program; any warning fails."""
    result = subprocess.run(
        [command, *STRICT, source, "-I", target.parent, "-o", target, *options],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return target


def run(command, made, folder, *options):
    """Export ``made``, compile it with ``command``, run all samples: (scores, classes)."""
    export_c(made.model, folder / "net.h", input_type=made.input_type)
    rows = made.raw
    if rows.ndim == 3:
        options = (*options, f"-DSTEPS={rows.shape[2]}u")
        rows = rows.transpose(0, 2, 1)
    program = compiled(command, C / "run.c", folder / "run", *options)
    result = subprocess.run([program], input=rows.tobytes(), capture_output=True, timeout=300)
    assert result.returncode == 0, result.stderr.decode()
    n_classes = made.network.n_classes
    row = np.dtype([("scores", "<i8", n_classes), ("class", "<u4")])
    told = np.frombuffer(result.stdout, row)
    assert len(told) == len(rows)
    return told["scores"], told["class"]


def check_equal(made, scores, classes):
    """Every score and every class as in Python; returns how many scores were compared."""
    if isinstance(made.network, BinaryConnectNetwork):
        outputs = made.network.outputs(made.X.astype(made.network.dtype), "binary")
        # Integers in the order of the real outputs, within each sample and over all of them.
        _, order = np.unique(outputs, return_inverse=True)
        _, integer_order = np.unique(scores, return_inverse=True)
        assert (integer_order == order).all()
    else:
        assert (scores == made.network.decision_function(made.X)).all()
    predict = {"weights": "binary"} if isinstance(made.network, BinaryConnectNetwork) else {}
    X = made.X.astype(made.network.dtype) if predict else made.X
    assert (classes == made.network.predict(X, **predict)).all()
    return scores.size
