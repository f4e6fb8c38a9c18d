"""The mean of the hidden weights over an epoch: less noise than the weights of any one moment.

In training many signs flip to and fro from batch to batch. Their hidden weights wander about a
mean, and the sign of the mean is the better weight. Not part of the BEP papers; averaging the
iterates of a noisy descent is due to Polyak and Juditsky (1992). Integers only, as all of BEP.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.bep.paths import HiddenLayer


class HiddenAverage:
    """Adds up the hidden weights of ``layers`` after every so many batches of one epoch.

    >>> layer = HiddenLayer(np.array([[1, -3]]))
    >>> average = HiddenAverage([layer], every=1)
    >>> for hidden in ([[5, -3]], [[-1, 1]]):
    ...     layer.set_hidden(np.array(hidden))
    ...     average.after_batch()
    >>> average.mean()  # of 5, -1 and of -3, 1
    [array([[ 3, -1]], dtype=int16)]
    """

    def __init__(self, layers: Sequence[HiddenLayer], every: int):
        self.layers, self.every = layers, every
        self.sums = [np.zeros(layer.H.shape, np.int64) for layer in layers]
        self.batches = self.seen = 0

    def after_batch(self) -> None:
        """Count a batch, and add the weights if it is their turn."""
        self.batches += 1
        if self.batches % self.every == 0:
            self._add()

    def mean(self) -> list[np.ndarray]:
        """Return the mean, int16, rounded to odd numbers of the sum's sign (0 is +1)."""
        if not self.seen:  # fewer batches than ``every``
            self._add()
        return [(total // self.seen | 1).astype(np.int16) for total in self.sums]

    def _add(self) -> None:
        self.seen += 1
        for total, layer in zip(self.sums, self.layers):
            total += layer.H
