"""Random Prototypes: a data set whose best possible accuracy is known.

Ten random points of the hypercube, and around each a cloud of noisy copies. Every bit of a copy
is flipped with probability .46, so a single bit says next to nothing (it is right 54 times in
100), yet a thousand of them together name the class four times out of five. No classifier can do
better than take the nearest prototype; the classifier to be trained does not get to see them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnnkit.datasets.dataset import Dataset
from bnnkit.errors import check_columns, check_int, check_number, check_signs
from bnnkit.philox import Stream, integer_probability, random_signs, random_words

PROTOTYPES, TRAIN, VALIDATION, TEST = range(4)  # the "layer" of the random words
BLOCK = 100  # cases whose random words share one "batch" number


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class RandomPrototypes(Dataset):
    """The data set together with the draw it came from.

    Attributes
    ----------
    prototypes : int8 array of signs, shape (C, d)
    flip_threshold : int
        A bit is flipped when its random 32-bit word is below this number.
    """

    prototypes: np.ndarray
    flip_threshold: int

    def bayes_predict(self, X) -> np.ndarray:
        """Return the most probable class of each row of signs ``X (n, d)`` (int64, ``(n,)``).

        All classes are equally frequent and every bit is flipped with the same probability below
        one half, so it is the prototype at the smallest Hamming distance; ties go to the first.
        """
        X = check_signs(X, "X", ndim=2)
        check_columns(X, "X", self.prototypes.shape[1])
        agreement = X.astype(np.float32) @ self.prototypes.T.astype(np.float32)  # exact integers
        return agreement.argmax(axis=1)

    @cached_property
    def bayes_accuracy(self) -> float:
        """The accuracy of the best possible classifier on these test cases, in percent."""
        return float(100 * np.mean(self.bayes_predict(self.X_test) == self.y_test))


def random_prototypes(
    *,
    n_train: int = 20_000,
    n_validation: int = 3_000,
    n_test: int = 3_000,
    n_classes: int = 10,
    d: int = 1_000,
    flip: float = 0.46,
    seed: int = 0,
) -> RandomPrototypes:
    """Generate the Random Prototypes data set, bit-exact from ``seed``.

    ``n_classes`` prototypes of ``d`` fair coin tosses; a case is the prototype of its class with
    each bit flipped with probability ``flip`` (rounded down to a multiple of 2**-32). Classes
    come in turn, 0, 1, 2, ..., so that every part is balanced. Case ``i`` of a part is the same
    however many follow it; ``n_validation=0`` leaves the validation set out.

    Returns int8 signs ``(n, d)`` and labels as a :class:`RandomPrototypes`, which also knows the
    prototypes and the Bayes-optimal accuracy. Raises ``ValueError`` for sizes below one and for
    a ``flip`` outside ``[0, 0.5]``.

    Source: *BEP* (Colombo et al., ICLR 2026), whose recipe this is. It does not state the number
    of classes: ten is our reading, and gives a Bayes accuracy near 81, as its figures suggest.
    The validation part is ours.

    >>> data = random_prototypes(n_train=1000, n_validation=0, n_test=500)
    >>> data
    <random-prototypes: 1,000 train, 500 test cases, 1000 int8, 10 classes>
    >>> round(data.bayes_accuracy, 1)
    79.8
    """
    least = {"n_train": (n_train, 1), "n_validation": (n_validation, 0), "n_test": (n_test, 1)}
    sizes = [check_int(size, name, low) for name, (size, low) in least.items()]
    n_classes, d = check_int(n_classes, "n_classes", 2), check_int(d, "d", 1)
    threshold = integer_probability(float(check_number(flip, "flip", 0, 0.5)))
    prototypes = random_signs(seed, Stream.DATA, (n_classes, d), layer=PROTOTYPES)
    parts = zip(sizes, (TRAIN, VALIDATION, TEST), strict=True)
    train, validation, test = (
        _noisy_copies(prototypes, n, threshold, seed, part) for n, part in parts
    )
    return RandomPrototypes(
        name="random-prototypes",
        X_train=train[0],
        y_train=train[1],
        X_validation=validation[0] if n_validation else None,
        y_validation=validation[1] if n_validation else None,
        X_test=test[0],
        y_test=test[1],
        classes=tuple(range(n_classes)),
        sample_shape=(d,),
        source="generated",
        prototypes=prototypes,
        flip_threshold=threshold,
    )


def _noisy_copies(prototypes, n, threshold, seed, part) -> tuple[np.ndarray, np.ndarray]:
    """Return ``n`` flipped prototypes and their classes.

    Component j of case i looks at word ``(i % BLOCK) * d + j`` of batch ``i // BLOCK``.
    """
    n_classes, d = prototypes.shape
    y = np.arange(n) % n_classes
    X = prototypes[y]
    for start in range(0, n, BLOCK):
        cases = X[start : start + BLOCK]
        words = random_words(seed, Stream.DATA, cases.size, layer=part, batch=start // BLOCK)
        np.negative(cases, where=words.reshape(cases.shape) < threshold, out=cases)
    return X, y
