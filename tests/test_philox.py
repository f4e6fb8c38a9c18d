"""The random stream against its published vectors, and its small helpers."""

import numpy as np
import pytest

from bnnkit.philox import (
    Stream,
    integer_probability,
    philox4x32,
    random_permutation,
    random_signs,
    random_words,
)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # Random123's known answers for philox4x32-10
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_known_answers(counter, key, expected):
    assert " ".join(f"{word:08x}" for word in philox4x32(counter, key)) == expected


def test_words_are_addressed_by_block_and_position():
    words = random_words(7, Stream.SHUFFLE, 10, layer=1, batch=2, epoch=3)
    for i, word in enumerate(words):
        assert word == philox4x32((i // 4, 1, 2, 3), (7, int(Stream.SHUFFLE)))[i % 4]


def test_every_part_of_the_address_matters():
    first = random_words(7, Stream.SHUFFLE, 4)
    for changed in (
        random_words(8, Stream.SHUFFLE, 4),
        random_words(7, Stream.HIDDEN, 4),
        random_words(7, Stream.SHUFFLE, 4, layer=1),
        random_words(7, Stream.SHUFFLE, 4, batch=1),
        random_words(7, Stream.SHUFFLE, 4, epoch=1),
    ):
        assert (changed != first).any()


def test_signs_are_the_bits_of_the_words():
    signs = random_signs(3, Stream.HIDDEN, (5, 13))
    words = random_words(3, Stream.HIDDEN, 3)
    bits = [(int(words[i // 32]) >> (i % 32)) & 1 for i in range(65)]
    np.testing.assert_array_equal(signs.ravel(), 2 * np.array(bits) - 1)
    assert abs(random_signs(3, Stream.HIDDEN, (1000, 100)).mean()) < 0.01


def test_a_permutation_holds_every_index_once():
    order = random_permutation(5, Stream.SHUFFLE, 1000, epoch=2)
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    words = random_words(5, Stream.SHUFFLE, 1000, epoch=2)
    assert (np.diff(words[order].astype(np.int64)) >= 0).all()


def test_integer_probability_is_exact():
    assert [integer_probability(p) for p in (0.0, 0.25, 1.0)] == [0, 2**30, 2**32]
    assert integer_probability(0.1) == int(0.1 * 2**32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: random_words(-1, Stream.HIDDEN, 3), ValueError, "seed must be an integer in 0"),
        (lambda: random_words(2**32, Stream.HIDDEN, 3), ValueError, "seed must be an integer in 0"),
        (lambda: random_words(0.5, Stream.HIDDEN, 3), TypeError, "seed must be an integer"),
        (lambda: random_words(0, Stream.HIDDEN, -1), ValueError, "n must be an integer >= 0"),
        (lambda: integer_probability(1.5), ValueError, "p must be a probability"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
