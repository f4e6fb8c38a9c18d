"""The capstone: a recurrent network trained by all that the reader has built, beside its rivals.

It reads twelve hours of electric power demand and names the half of the year. Every part of it for
which there is a passing answer is the reader's own; the report counts how often each has run, and
says whether the weights are those that bnnkit finds by itself, bit for bit.
"""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np

from bnnkit.bep import ClippedPerceptron
from bnnkit.binarize import ThermometerEncoder, sign
from bnnkit.datasets import load_ucr
from bnnkit.learn.face import Ladder, using, yours
from bnnkit.learn.judge import package_only
from bnnkit.learn.result import BLUE, CARD
from bnnkit.packed import BitMatrix
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.ste import binary_connect_mlp

HOURS, BITS, STATE = 12, 10, 45
HEAD = "Days in Italy: accuracy on 1,029 that it has not seen"


@dataclass(frozen=True)
class Capstone:
    """What came of it: accuracies in percent, the vital signs, and whose parts have run."""

    accuracies: dict[str, float]
    equal: bool
    gates: float
    flips: tuple[int, int]
    ladder: Ladder

    @property
    def lines(self) -> list[str]:
        """The findings, one a line."""
        same = "the same weights as" if self.equal else "other weights than"
        verdict = f"With your parts it finds {same} with bnnkit's alone."
        if not any(mine for _, _, mine, _ in self.ladder.rows):
            verdict = "None of it is yours yet. What passes its check will run here."
        table = [f"{name:<46} {score:5.1f} %" for name, score in self.accuracies.items()]
        return [
            *table,
            verdict,
            f"In the last epoch {100 * self.gates:.0f} % of the gates of the state were open.",
            f"{self.flips[0]:,} weights flipped in the first epoch, {self.flips[1]:,} in the last.",
        ]

    def __repr__(self) -> str:
        return "\n".join([HEAD, "", *self.lines, "", repr(self.ladder)])

    def _repr_html_(self) -> str:
        text = html.escape("\n".join(self.lines))
        body = f"<strong>{HEAD}</strong><pre>{text}</pre>{self.ladder._repr_html_()}"
        return f'<div style="{CARD.format(BLUE)}">{body}</div>'


def capstone(seed: int = 0, epochs: int = 30) -> Capstone:
    """Train a recurrent network on ItalyPowerDemand with every part that you have built.

    All your passing answers are put in for the length of this call; what you have not built is
    bnnkit's. The same bits then go to the rivals, which use your parts, too: nearest neighbour, one
    neuron (the clipped perceptron), and the straight-through estimator with batch norm. Needs
    ``bnnkit[aeon]``.
    """
    with package_only():
        reference, *_ = _trained(seed, epochs)
    with using():
        network, (A, y), (A_test, y_test) = _trained(seed, epochs)
        found = {"BEP through time": network.score(A_test, y_test)}
        found |= _rivals(A, y, A_test, y_test, seed)
        ladder = yours()
    first, last = network.history[0], network.history[-1]
    return Capstone(
        accuracies={name: 100 * float(score) for name, score in found.items()},
        equal=network.weights_sha256() == reference.weights_sha256(),
        gates=float(last.open_gates[0]),
        flips=(sum(first.flips), sum(last.flips)),
        ladder=ladder,
    )


def _trained(seed: int, epochs: int):
    """Return the network, and the training and test bits with their labels."""
    days = load_ucr("ItalyPowerDemand")
    encoder = ThermometerEncoder(bits=BITS).fit(days.X_train)
    A, A_test = (encoder.transform(X)[:, :, -HOURS:] for X in (days.X_train, days.X_test))
    network = BEPRecurrentNetwork(
        A.shape[1], 2, state=STATE, seed=seed, nu=0.5, groups=(9, 9), patience=2
    )
    network.fit(A, days.y_train, epochs, batch_size=10)
    return network, (A, days.y_train), (A_test, days.y_test)


def _rivals(A, y, A_test, y_test, seed: int) -> dict[str, float]:
    """Return the accuracy of three that see the same bits side by side."""
    X, X_test = A.reshape(len(A), -1), A_test.reshape(len(A_test), -1)
    alike = BitMatrix.from_signs(X_test) @ BitMatrix.from_signs(X).T
    neuron = ClippedPerceptron(X.shape[1], p_r=0.5, seed=seed).fit(X, 2 * y - 1, epochs=30)
    latent = binary_connect_mlp([X.shape[1], STATE, 2], "stochastic", activation="sign", rng=seed)
    latent.fit(X.astype(np.float32), y, epochs=30, batch_size=10, rng=seed)
    return {
        "nearest neighbour on the same signs": np.mean(y[alike.argmax(axis=1)] == y_test),
        "one neuron, clipped perceptron with a coin": np.mean(
            neuron.predict(X_test) == sign(2 * y_test - 1)
        ),
        "straight through, batch norm, stochastic signs": latent.score(
            X_test.astype(np.float32), y_test
        ),
    }
