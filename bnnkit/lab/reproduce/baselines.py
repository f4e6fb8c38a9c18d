"""What BEP is measured against, on the same bits: STE with Adam, and two honest yardsticks."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from bnnkit.lab.reproduce.experiment import Monitor, Run
from bnnkit.lab.reproduce.methods import Bits, percent
from bnnkit.packed import BitMatrix
from bnnkit.ste import Adam, BatchNorm, BinaryConnectNetwork, BinaryLinear, Sign

ROWS = 500  # test cases a product: bounds the memory for the sums


def train_ste(bits: Bits, run: Run, monitor: Monitor) -> dict[str, Any]:
    """Train binary weights and activations by STE and Adam, with batch norm or without.

    Float training: another machine may differ in the last digits of the weights. Judged by the
    net of signs of the best validation epoch.
    """
    options = run.options
    (X, y), (X_val, y_val), (X_test, y_test) = (
        (part.to_signs().astype(np.float32), labels)
        for part, labels in (bits.train, bits.validation, bits.test)
    )
    rng = np.random.default_rng(run.seed)
    net = BinaryConnectNetwork(_ste_layers(X.shape[1], run, bits.n_classes, rng))
    curve: list[float] = []
    best: dict[str, Any] = {"validation_accuracy": -1.0}

    def judge(net, row):
        accuracy = percent(1 - row["validation_error"] / 100)
        curve.append(accuracy)
        monitor.epoch(row["epoch"], run.epochs, accuracy)
        if accuracy > best["validation_accuracy"]:
            best.update(validation_accuracy=accuracy, best_epoch=row["epoch"])
            best.update(test_accuracy=percent(net.score(X_test, y_test)))
            best.update(train_accuracy=percent(net.score(X, y)), weights_sha256=_signs_sha256(net))

    optimizer = Adam()
    net.fit(
        X,
        y,
        epochs=run.epochs,
        batch_size=options["batch"],
        learning_rate=(options["rate"], options["last_rate"]),
        optimizer=optimizer,
        loss="mean",
        ensemble=1,
        validation=(X_val, y_val),
        callback=judge,
        rng=rng,
    )
    return best | {"state_bytes": _state_bytes(net), "curve": curve}


def _ste_layers(inputs: int, run: Run, n_classes: int, rng) -> list:
    """Linear and sign in turn, a batch norm after each linear layer or none."""
    layers: list = []
    for n_in, n_out in zip((inputs, *run.widths), (*run.widths, n_classes)):
        scale = n_in**-0.5 if run.options["scaled"] else 1.0
        layers += [Sign()] if layers else []
        layers.append(BinaryLinear(n_in, n_out, scale=scale, rng=rng))
        layers += [BatchNorm(n_out)] if run.method == "ste-bn" else []
    return layers


def _state_bytes(net) -> int:
    """What training keeps from step to step: parameters and latents, and Adam's two moments."""
    kept = [a for layer in net.layers for a in (*layer.params.values(), *layer.latents.values())]
    return 3 * sum(array.nbytes for array in kept)


def _signs_sha256(net) -> str:
    digest = hashlib.sha256()
    for layer in net.layers:
        for latent in layer.latents.values():
            digest.update(np.packbits(latent >= 0).tobytes())
    return digest.hexdigest()


def logistic(bits: Bits, run: Run, monitor: Monitor) -> dict[str, Any]:
    """Multinomial logistic regression on the bits; its penalty chosen on the validation part."""
    from sklearn.linear_model import LogisticRegression

    (X, y), (X_val, y_val), (X_test, y_test) = (
        (part.to_signs().astype(np.float32), labels)
        for part, labels in (bits.train, bits.validation, bits.test)
    )
    best: dict[str, Any] = {"validation_accuracy": -1.0}
    for C in run.options["C"]:
        model = LogisticRegression(C=C, max_iter=200, tol=1e-3).fit(X, y)
        accuracy = percent(model.score(X_val, y_val))
        if accuracy > best["validation_accuracy"]:
            best = {
                "test_accuracy": percent(model.score(X_test, y_test)),
                "validation_accuracy": accuracy,
                "train_accuracy": percent(model.score(X, y)),
                "best_C": C,
                "weights_sha256": hashlib.sha256(model.coef_.tobytes()).hexdigest(),
            }
    return best


def nearest_neighbour(bits: Bits, run: Run, monitor: Monitor) -> dict[str, Any]:
    """The class of the training case at the smallest Hamming distance, the first of equals."""
    X, y = bits.train
    accuracies = {}
    for name, (cases, labels) in {"validation": bits.validation, "test": bits.test}.items():
        found = [_nearest(X, cases.words[i : i + ROWS]) for i in range(0, len(labels), ROWS)]
        accuracies[f"{name}_accuracy"] = percent(np.mean(y[np.concatenate(found)] == labels))
    return accuracies | {"weights_sha256": hashlib.sha256(X.words.tobytes()).hexdigest()}


def _nearest(X: BitMatrix, words: np.ndarray) -> np.ndarray:
    return (BitMatrix(words, X.shape[1]) @ X.T).argmax(axis=1)
