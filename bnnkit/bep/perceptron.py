"""One neuron that remembers: the clipped perceptron, with and without reinforcement.

This is BEP with one layer, one neuron and batches of one: no blame has to travel, so only the
update and the reinforcement are left.
"""

from __future__ import annotations

import numpy as np

from bnnkit.bep.chain import reinforcement_threshold, update
from bnnkit.bep.paths import HiddenLayer, current_path
from bnnkit.binarize import sign
from bnnkit.errors import check_columns, check_int, check_number, check_signs
from bnnkit.philox import Stream, random_permutation
from bnnkit.steps import step


@step("4.7")
def cp_step(h, x, y: int) -> np.ndarray:
    """Return the hidden integers of one neuron after one sample: moved only if it was wrong.

    Parameters
    ----------
    h : array of int16, shape (K,), odd
    x : array of -1 and +1, shape (K,)
    y : -1 or +1, the answer that is wanted

    Returns
    -------
    array of int16, shape (K,): ``h + 2 y x`` held within -32767 .. 32767, or ``h`` as it was

    Source: the clipped perceptron of Baldassi 2009.

    >>> cp_step(np.array([1, -1, 3], np.int16), [1, 1, -1], 1)
    array([3, 1, 1], dtype=int16)
    """
    x = check_signs(x, "x", ndim=1).astype(np.int32)
    answer = check_signs([y], "y", ndim=1)
    if sign(x @ sign(h)) == answer[0]:
        return h
    return update(h[None], [[True]], answer[None], x[None])[0]


class ClippedPerceptron:
    """A neuron with hidden integers ``h`` and visible weights ``w = sign(h)``.

    On an error the hidden integers take a step towards the answer, ``h += 2 y x`` (CP). With
    ``p_r > 0`` every presented sample is followed by a reinforcement: each ``h_i`` is pushed 2
    further from zero with probability ``p_r sqrt(2 / (pi K)) sqrt(E)``, E the error of the epoch
    before (CP+R). Source: Baldassi 2009, as BEP uses it.

    Parameters
    ----------
    inputs : K
    p_r : strength of the reinforcement in [0, 1]; 0 is the plain clipped perceptron
    seed : integer; the same seed gives the same weights on every machine

    Attributes: ``h`` (int16, shape (K,)), ``w`` (int8), ``errors`` (the fraction wrong while each
    epoch went by).

    >>> X = np.array([[1, 1, 1], [1, -1, 1], [-1, 1, 1], [-1, -1, 1]])
    >>> neuron = ClippedPerceptron(3, seed=1).fit(X, [1, 1, 1, -1], epochs=5)
    >>> neuron.predict(X)
    array([ 1,  1,  1, -1], dtype=int8)
    """

    def __init__(self, inputs: int, *, p_r: float = 0.0, seed: int = 0):
        self.inputs = check_int(inputs, "inputs", low=1)
        self.p_r = check_number(p_r, "p_r", 0, 1)
        self.seed = check_int(seed, "seed", 0, 2**32 - 1)
        self._neuron = HiddenLayer.start(1, self.inputs, self.seed, layer=0)
        self.errors: list[float] = []

    @property
    def h(self) -> np.ndarray:
        """The hidden integers, int16 of shape (K,)."""
        return self._neuron.H[0]

    @property
    def w(self) -> np.ndarray:
        """The visible weights, int8 of shape (K,)."""
        return sign(self.h)

    def fit(self, X, y, epochs: int = 10) -> ClippedPerceptron:
        """Train for more epochs on signs ``X`` (n, K) and answers ``y`` (n,), both of -1 and +1."""
        X = check_signs(X, "X", ndim=2)
        check_columns(X, "X", self.inputs)
        y = check_signs(y, "y", ndim=1)
        if len(y) != len(X):
            raise ValueError(f"y must hold one answer a sample ({len(X)}), got {len(y)}")
        for _ in range(check_int(epochs, "epochs", low=1)):
            self._train_epoch(X, y)
        return self

    def _train_epoch(self, X: np.ndarray, y: np.ndarray) -> None:
        epoch = len(self.errors)
        order = random_permutation(self.seed, Stream.SHUFFLE, len(y), epoch=epoch)
        error = self.errors[-1] if self.errors else 1.0
        threshold = reinforcement_threshold(self.p_r, self.inputs, error)
        path, wrong = current_path(), 0
        for batch, mu in enumerate(order):
            x, answer = X[mu, None], y[mu, None, None]
            if self.predict(x) != answer[0]:
                wrong += 1
                self._neuron.set_hidden(cp_step(self.h, x[0], int(y[mu]))[None])
            path.reinforce(self._neuron, (threshold, self.seed, 0, batch, epoch))
        self.errors.append(wrong / len(y))

    def predict(self, X) -> np.ndarray:
        """Return the neuron's answers for signs ``X`` (n, K), int8 of shape (n,)."""
        X = check_signs(X, "X", ndim=2)
        check_columns(X, "X", self.inputs)
        return sign(X.astype(np.int32) @ self.w)
