"""Rung 3 against the plain integer product, for every K."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnnkit.packed import BitMatrix, bit_transpose, pack, ternary_dot, unpack, xnor_dot

SIZES = st.integers(1, 12)
COLUMNS = st.one_of(st.integers(1, 10), st.sampled_from([63, 64, 65, 127, 128, 129, 200]))


def signs(rng, *shape):
    return rng.choice(np.array([-1, 1], np.int8), size=shape)


def as_int(x):
    return x.astype(np.int64)


@pytest.mark.parametrize("K", [*range(1, 12), 63, 64, 65, 128, 130])
def test_pack_writes_bit_i_of_word_j_for_column_64j_plus_i(K):
    for column in range(K):
        row = np.full(K, -1, np.int8)
        row[column] = 1
        words = pack(row)
        assert [int(w) for w in words] == [
            1 << (column % 64) if j == column // 64 else 0 for j in range(-(-K // 64))
        ]


@given(SIZES, COLUMNS, st.integers(0, 2**31))
def test_unpack_inverts_pack_and_padding_is_zero(rows, K, seed):
    x = signs(np.random.default_rng(seed), rows, K)
    words = pack(x)
    np.testing.assert_array_equal(unpack(words, K), x)
    assert np.bitwise_count(words).sum() == (x == 1).sum()


@given(SIZES, SIZES, COLUMNS, st.integers(0, 2**31))
@settings(max_examples=60)
def test_products_equal_the_plain_integer_product(engine, m, n, K, seed):
    rng = np.random.default_rng(seed)
    A, B, mask = signs(rng, m, K), signs(rng, n, K), signs(rng, m, K)
    packed_a, packed_b = BitMatrix.from_signs(A), BitMatrix.from_signs(B)
    plain = as_int(A) @ as_int(B).T
    z = packed_a @ packed_b.T
    assert z.dtype == np.int32
    np.testing.assert_array_equal(z, plain)
    np.testing.assert_array_equal(xnor_dot(pack(A)[:, None], pack(B)[None], K), plain)

    ternary = as_int(A) * (mask > 0)
    masked = packed_a.dot(packed_b.T, mask=BitMatrix.from_signs(mask))
    np.testing.assert_array_equal(masked, ternary @ as_int(B).T)
    np.testing.assert_array_equal(
        ternary_dot(pack(A)[:, None], pack(mask)[:, None], pack(B)[None]), ternary @ as_int(B).T
    )


@given(SIZES, COLUMNS, st.integers(0, 2**31))
@settings(max_examples=60)
def test_every_way_to_transpose_agrees(engine, m, K, seed):
    A = signs(np.random.default_rng(seed), m, K)
    packed = BitMatrix.from_signs(A)
    np.testing.assert_array_equal(bit_transpose(pack(A), K), pack(np.ascontiguousarray(A.T)))
    np.testing.assert_array_equal(packed.T.to_signs(), A.T)
    np.testing.assert_array_equal(packed.transpose().to_signs(), A.T)
    np.testing.assert_array_equal(packed.T.transpose().to_signs(), A)
    assert packed.T == packed.transpose()
    assert packed.T.T == packed
    assert packed.T.shape == (K, m)


@given(SIZES, SIZES, COLUMNS, st.integers(0, 2**31))
@settings(max_examples=30)
def test_products_along_any_axis(engine, m, n, K, seed):
    rng = np.random.default_rng(seed)
    A, B = signs(rng, m, K), signs(rng, K, n)
    plain = as_int(A) @ as_int(B)
    packed_a, packed_b = BitMatrix.from_signs(A), BitMatrix.from_signs(B)
    np.testing.assert_array_equal(packed_a @ packed_b, plain)
    np.testing.assert_array_equal(packed_b.T @ packed_a.T, plain.T)
    np.testing.assert_array_equal(packed_a @ B, plain)
    np.testing.assert_array_equal(packed_a @ B[:, 0], plain[:, 0])


def test_transposing_moves_no_bit():
    W = BitMatrix.from_signs(signs(np.random.default_rng(0), 70, 90))
    assert np.shares_memory(W.words, W.T.T.words)
    assert W.T.nbytes == W.nbytes == 70 * 2 * 8


def test_a_bit_matrix_is_immutable():
    source = pack(np.ones((2, 3), np.int8))
    W = BitMatrix(source, 3)
    with pytest.raises(ValueError):
        W.words[0, 0] = 0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pack([1, 0]), ValueError, r"signs must hold only -1 and \+1, got 0 at index 1"),
        (lambda: pack(1), ValueError, "at least 1 axis"),
        (lambda: pack([]), (ValueError, TypeError), "signs must"),
        (lambda: pack(["a"]), TypeError, "signs must hold signs"),
        (lambda: unpack(pack([1]), 65), ValueError, "words must have 2 words a row"),
        (lambda: unpack(np.zeros(1), 5), TypeError, "dtype uint64"),
        (lambda: unpack(pack([1]), 1.0), TypeError, "columns must be an integer"),
        (lambda: xnor_dot(pack([1]), pack(np.ones(65)), 65), ValueError, "a must have 2 words"),
        (lambda: bit_transpose(pack([1]), 1), ValueError, "words must have 2 axes"),
        (lambda: BitMatrix(np.full((1, 1), 8, np.uint64), 3), ValueError, "61 padding bits"),
        (lambda: BitMatrix.from_signs([1, -1]), ValueError, "signs must have 2 axes"),
        (lambda: BitMatrix(np.empty((0, 1), np.uint64), 3), ValueError, "at least one row"),
        (
            lambda: ternary_dot(pack(np.ones(128)), pack([1]), pack(np.ones(128))),
            ValueError,
            "same number of words",
        ),
        (
            lambda: BitMatrix.from_signs([[1]]).dot(BitMatrix.from_signs([[1]]), mask=[[1]]),
            TypeError,
            "mask must be a BitMatrix",
        ),
        (lambda: BitMatrix.from_signs([[1]]) @ [1, 1], ValueError, "inner sizes must agree"),
        (lambda: BitMatrix.from_signs([[1]]).dot([[1]]), TypeError, "other must be a BitMatrix"),
        (
            lambda: BitMatrix.from_signs([[1, 1]]).dot(
                BitMatrix.from_signs([[1, 1]]).T, mask=BitMatrix.from_signs([[1]])
            ),
            ValueError,
            "mask must have shape",
        ),
        (lambda: BitMatrix.from_signs([[1]]).T.words, ValueError, "transpose"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
