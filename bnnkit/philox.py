"""The one random stream of integer training: Philox4x32-10.

Philox (Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, 2011) is a
counter-based generator: it keeps no state. A key and a counter go in, four 32-bit words come out.
So the word that decides about weight 17 of layer 2 in batch 40 of epoch 3 can be computed by
itself, in any order, on any number of threads, in NumPy, numba or JavaScript, and is always the
same.

Everything random in integer training is addressed this way: the key is ``(seed, stream)``, the
counter ``(index, layer, batch, epoch)``. The published known-answer vectors are in the tests.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from bnnkit.errors import check_int

MULTIPLIER_0 = 0xD2511F53
MULTIPLIER_1 = 0xCD9E8D57
WEYL_0 = 0x9E3779B9  # the golden ratio
WEYL_1 = 0xBB67AE85  # the square root of three, less one
ROUNDS = 10


class Stream(IntEnum):
    """What a random word is for: no two uses ever share one."""

    HIDDEN = 0  # the hidden integers H at the start
    PROTOTYPES = 1  # the class prototypes before they are spread out
    SHUFFLE = 2  # the order of the samples in an epoch
    REINFORCE = 3  # which hidden integers are reinforced
    FEEDBACK = 4  # the fixed matrices of the random-feedback control
    EXPANSION = 5  # the fixed input expansion of a recurrent network
    STATE = 6  # the initial state of a recurrent network
    DATA = 7  # generated data sets
    SPLIT = 8  # validation splits and folds


def philox4x32(counter, key) -> np.ndarray:
    """Return the four 32-bit words of Philox4x32-10 for each counter.

    Parameters
    ----------
    counter : array of uint32, shape (..., 4)
    key : two integers in 0 .. 2**32 - 1

    Returns
    -------
    array of uint32, shape (..., 4)

    Source: Salmon et al. 2011, Section 4.3, with ten rounds.

    >>> [f"{word:08x}" for word in philox4x32([0, 0, 0, 0], (0, 0))]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, dtype=np.uint32).astype(np.uint64), -1, 0)
    k0, k1 = (check_int(k, "key", 0, 0xFFFFFFFF) for k in key)
    low, half = np.uint64(0xFFFFFFFF), np.uint64(32)
    for _ in range(ROUNDS):
        product_0 = c0 * np.uint64(MULTIPLIER_0)
        product_1 = c2 * np.uint64(MULTIPLIER_1)
        c0, c1, c2, c3 = (
            (product_1 >> half) ^ c1 ^ np.uint64(k0),
            product_1 & low,
            (product_0 >> half) ^ c3 ^ np.uint64(k1),
            product_0 & low,
        )
        k0, k1 = (k0 + WEYL_0) & 0xFFFFFFFF, (k1 + WEYL_1) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def random_words(
    seed: int, stream: Stream, n: int, *, layer: int = 0, batch: int = 0, epoch: int = 0
) -> np.ndarray:
    """Return ``n`` uniform 32-bit words, the same on every machine (uint32, shape ``(n,)``).

    Word ``i`` is word ``i % 4`` of the block whose counter is ``(i // 4, layer, batch, epoch)``.

    >>> random_words(0, Stream.HIDDEN, 2)
    array([1713891541, 3781805453], dtype=uint32)
    """
    seed = check_int(seed, "seed", 0, 0xFFFFFFFF)
    n = check_int(n, "n", 0)
    counter = np.zeros((-(-n // 4), 4), np.uint32)
    counter[:, 0] = np.arange(len(counter))
    counter[:, 1:] = layer, batch, epoch
    return philox4x32(counter, (seed, int(stream))).reshape(-1)[:n]


def random_signs(seed: int, stream: Stream, shape: tuple[int, ...], **where: int) -> np.ndarray:
    """Return fair coin tosses as signs (int8, ``shape``): bit 1 is +1, 32 signs a word.

    ``where`` is the ``layer``, ``batch`` and ``epoch`` of :func:`random_words`.

    >>> random_signs(0, Stream.HIDDEN, (2, 3))
    array([[ 1, -1,  1],
           [-1,  1, -1]], dtype=int8)
    """
    n = int(np.prod(shape, dtype=np.int64))
    words = random_words(seed, stream, -(-n // 32), **where).astype("<u4")
    bits = np.unpackbits(words.view(np.uint8), bitorder="little", count=n)
    return (2 * bits.astype(np.int8) - 1).reshape(shape)


def random_permutation(seed: int, stream: Stream, n: int, **where: int) -> np.ndarray:
    """Return a random order of ``0 .. n - 1`` (int64): the order that sorts ``n`` random words.

    Equal words keep their order, so that every sorting routine gives the same answer.

    >>> random_permutation(1, Stream.SHUFFLE, 5)
    array([0, 2, 4, 1, 3])
    """
    return np.argsort(random_words(seed, stream, n, **where), kind="stable")


def integer_probability(p: float) -> int:
    """Return ``floor(p * 2**32)`` for a probability ``p``: the form that integer training uses.

    An event happens when a random 32-bit word is below it. The product is exact (a power of two),
    so the integer depends on nothing but ``p``.

    >>> integer_probability(0.5) == 2**31
    True
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p must be a probability in [0, 1], got {p}")
    return int(p * 4294967296.0)
