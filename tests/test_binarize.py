"""Rung 1: signs, coins and thermometers, against exact arithmetic."""

import inspect
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bnnkit.binarize import (
    MedianBinarizer,
    ThermometerEncoder,
    sign,
    stochastic_sign,
    thermometer,
)

reals = st.floats(-1e6, 1e6, allow_subnormal=True)
few_values = st.integers(-2, 2)  # so that ties are common
tables = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=reals
)
tied_tables = hnp.arrays(
    np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=few_values
)
any_table = tables | tied_tables


# -- sign ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int8, np.int64, np.uint8])
def test_sign_of_zero_is_plus_one(dtype):
    zeros = np.zeros(3, dtype)
    assert sign(zeros).tolist() == [1, 1, 1]
    assert sign(-zeros).tolist() == [1, 1, 1]  # minus zero is a zero, too


def test_sign_next_to_zero():
    tiny = np.nextafter(0, 1)
    assert sign([-tiny, -0.0, 0.0, tiny]).tolist() == [-1, 1, 1, 1]


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_side=5), elements=reals))
def test_sign_is_the_comparison_of_exact_numbers(x):
    signs = sign(x)
    assert signs.dtype == np.int8 and signs.shape == x.shape
    for value, s in zip(x.ravel().tolist(), signs.ravel().tolist()):
        assert s == (-1 if Fraction(value) < 0 else 1)


def test_sign_leaves_its_argument_alone():
    x = np.array([1.5, -2.5])
    sign(x)
    assert x.tolist() == [1.5, -2.5]


def test_sign_of_an_odd_number_of_signs_never_meets_the_rule_for_zero():
    """A sum of K signs has the parity of K: all 2**K sums, for small K."""
    for k in range(1, 10):
        bits = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        sums = (2 * bits - 1).sum(axis=1)
        assert ((sums - k) % 2 == 0).all()
        assert (sums == 0).any() == (k % 2 == 0)
        assert (sign(-sums) == -sign(sums)).all() == (k % 2 == 1)


# -- stochastic sign -----------------------------------------------------------------------------


@pytest.mark.parametrize("w", [-3.0, -1.0, -0.75, -0.3, 0.0, 0.4, 0.9, 1.0, 2.5])
def test_stochastic_sign_has_its_mean_and_its_variance(w):
    """Within five standard errors: the mean is clip(w), the variance 1 - clip(w)**2."""
    n, mean = 40_000, np.clip(w, -1, 1)
    draws = stochastic_sign(np.full(n, w), rng=3).astype(float)
    variance = 1 - mean**2
    assert set(np.unique(draws)) <= {-1.0, 1.0}
    assert abs(draws.mean() - mean) <= 5 * np.sqrt(variance / n)
    # s**2 = 1, so the variance of the draws is 1 - mean(draws)**2; its error follows the mean's.
    assert abs(draws.var() - variance) <= 11 * np.sqrt(variance / n)


@given(hnp.arrays(np.float64, 20, elements=st.floats(-2, 2)), st.integers(0, 2**31))
def test_stochastic_sign_compares_a_uniform_number_with_the_probability(w, seed):
    """The rule of the paper, in fractions, on the same stream."""
    uniform = np.random.default_rng(seed).random(20)
    for w_i, u, s in zip(w.tolist(), uniform.tolist(), stochastic_sign(w, seed).tolist()):
        probability = min(max((Fraction(w_i) + 1) / 2, Fraction(0)), Fraction(1))
        if abs(probability - Fraction(u)) > Fraction(1, 10**12):  # beyond a rounding of w + 1
            assert s == (1 if Fraction(u) < probability else -1)


def test_stochastic_sign_tosses_a_coin_of_its_own_for_each_number():
    draws = stochastic_sign(np.zeros((200, 200)), rng=1).astype(int)
    correlation = np.corrcoef(draws)
    np.fill_diagonal(correlation, 0)
    assert np.abs(correlation).max() < 0.4


def test_stochastic_sign_takes_a_seed_or_a_generator():
    w = np.linspace(-1, 1, 50)
    assert (stochastic_sign(w, 7) == stochastic_sign(w, np.random.default_rng(7))).all()
    rng = np.random.default_rng(7)
    first, second = stochastic_sign(w, rng), stochastic_sign(w, rng)
    assert (first != second).any()  # a generator goes on
    assert first.dtype == np.int8 and first.shape == w.shape


@pytest.mark.parametrize("rng", [None, 1.0, "7", True, np.random.RandomState(0)])
def test_stochastic_sign_has_no_hidden_randomness(rng):
    with pytest.raises(TypeError, match="rng must be an int seed"):
        stochastic_sign([0.5], rng)


def test_stochastic_sign_refuses_a_negative_seed():
    with pytest.raises(ValueError, match="rng"):
        stochastic_sign([0.5], -1)


# -- thermometer ---------------------------------------------------------------------------------


@given(any_table, st.integers(1, 5), st.data())
def test_thermometer_asks_one_question_a_threshold(X, bits, data):
    marks = data.draw(hnp.arrays(np.float64, (X.shape[1], bits), elements=few_values))
    code = thermometer(X, np.sort(marks, axis=1))
    assert code.dtype == np.int8 and code.shape == (len(X), X.shape[1] * bits)
    for i, row in enumerate(X.tolist()):
        wanted = [1 if x > t else -1 for x, ts in zip(row, np.sort(marks, axis=1)) for t in ts]
        assert code[i].tolist() == wanted


def test_thermometer_compares_strictly():
    assert thermometer([[5]], [[4, 5, 6]]).tolist() == [[1, -1, -1]]


@given(tables, st.integers(1, 6))
def test_thermometer_distance_counts_the_marks_between_two_numbers(X, bits):
    encoder = ThermometerEncoder(bits).fit(X)
    code = encoder.transform(X).reshape(len(X), X.shape[1], bits)
    differ = (code[0] != code[-1]).sum(axis=1)
    for j, marks in enumerate(encoder.thresholds_):
        low, high = sorted((X[0, j], X[-1, j]))
        assert differ[j] == sum(low <= t < high for t in marks)


# -- the two binarisers --------------------------------------------------------------------------


@given(any_table, st.integers(1, 12))
def test_thresholds_are_numpy_s_order_statistics(X, bits):
    """``i / (bits + 1)`` is no float, so NumPy gets it from below, where the step cannot be missed.

    The quantile q of n numbers is entry ceil(q n): the same for q and for a hair less than q.
    """
    thresholds = ThermometerEncoder(bits).fit(X).thresholds_
    for i in range(1, bits + 1):
        q = Fraction(i, bits + 1)
        below = float(q - Fraction(1, 10**9))
        wanted = np.quantile(X, below, axis=0, method="inverted_cdf")
        assert (thresholds[:, i - 1] == wanted).all()


@given(any_table, st.integers(1, 12))
def test_a_threshold_is_the_smallest_number_with_enough_at_or_below(X, bits):
    """The definition of a quantile, counted in fractions."""
    thresholds = ThermometerEncoder(bits).fit(X).thresholds_
    for column, marks in zip(X.T.tolist(), thresholds.tolist()):
        for i, mark in enumerate(marks, start=1):
            share = [Fraction(sum(x <= v for x in column), len(column)) for v in column]
            enough = [v for v, s in zip(column, share) if s >= Fraction(i, bits + 1)]
            assert mark == min(enough)


@given(any_table)
def test_one_bit_is_the_median(X):
    median = MedianBinarizer().fit(X)
    assert (median.medians_ == ThermometerEncoder(1).fit(X).thresholds_[:, 0]).all()
    assert (median.medians_ == np.quantile(X, 0.5, axis=0, method="inverted_cdf")).all()
    wanted = np.where(X > median.medians_, 1, -1)
    assert (median.transform(X) == wanted).all()
    assert (ThermometerEncoder(1).fit_transform(X) == wanted).all()


@given(any_table)
def test_global_median_is_one_number(X):
    binarizer = MedianBinarizer("global").fit(X)
    wanted = np.quantile(X, 0.5, method="inverted_cdf")
    assert (binarizer.medians_ == wanted).all() and binarizer.medians_.shape == (X.shape[1],)
    assert (binarizer.transform(X) == np.where(X > wanted, 1, -1)).all()


@given(any_table)
def test_at_most_half_of_a_column_is_above_its_median(X):
    signs = MedianBinarizer().fit_transform(X)
    assert signs.dtype == np.int8
    assert (2 * (signs == 1).sum(axis=0) <= len(X)).all()


def test_a_dark_background_stays_dark():
    """The case that makes the comparison strict: a median of 0, as on images."""
    X = np.array([[0, 0, 0, 0, 7], [0, 0, 3, 0, 9]])
    signs = MedianBinarizer("global").fit_transform(X)
    assert ((signs == 1) == (X > 0)).all()


@pytest.mark.parametrize("scope", ["feature", "global"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (7, 3), (8, 3)])
def test_odd_and_small_tables(scope, shape):
    X = np.random.default_rng(0).normal(size=shape)
    assert MedianBinarizer(scope).fit_transform(X).shape == shape
    assert ThermometerEncoder(3).fit_transform(X).shape == (shape[0], 3 * shape[1])


def test_training_data_set_the_thresholds_and_new_data_do_not():
    train, test = np.array([[1.0], [2.0], [3.0]]), np.array([[100.0], [2.0], [200.0]])
    binarizer = MedianBinarizer().fit(train)
    before = binarizer.medians_.copy()
    assert binarizer.transform(test).ravel().tolist() == [1, -1, 1]
    assert (binarizer.medians_ == before).all()


def test_the_fitted_thresholds_are_no_view_of_the_data():
    X = np.arange(6.0).reshape(3, 2)
    binarizer, encoder = MedianBinarizer().fit(X), ThermometerEncoder(2).fit(X)
    X[:] = 99
    assert binarizer.medians_.max() < 99 and encoder.thresholds_.max() < 99


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 7), (4, 2, 5), (2, 3, 1)])
@pytest.mark.parametrize("bits", [1, 2, 5])
def test_sequences_are_tables_of_all_their_steps(shape, bits):
    """The same bits as a table with a row for each case and step, put back into place."""
    X = np.random.default_rng(5).integers(0, 6, shape).astype(float)
    encoder = ThermometerEncoder(bits).fit(X)
    signs = encoder.transform(X)
    cases, channels, time = shape
    assert signs.shape == (cases, channels * bits, time) and signs.dtype == np.int8
    assert signs.flags.c_contiguous
    for channel in range(channels):
        marks = [
            np.quantile(X[:, channel], i / (bits + 1) - 1e-9, method="inverted_cdf")
            for i in range(1, bits + 1)
        ]
        assert encoder.thresholds_[channel].tolist() == marks
        for b, mark in enumerate(marks):
            wanted = np.where(X[:, channel] > mark, 1, -1)
            assert (signs[:, channel * bits + b] == wanted).all()


def test_the_mercury_has_no_gaps():
    X = np.random.default_rng(2).normal(size=(50, 3))
    code = ThermometerEncoder(6).fit_transform(X).reshape(50, 3, 6)
    assert (np.diff(code.astype(int), axis=2) <= 0).all()


# -- bad input -----------------------------------------------------------------------------------

BAD_TABLES = [
    (np.zeros(3), ValueError, "X must have 2"),
    (np.zeros((0, 3)), ValueError, "X must not be empty"),
    (
        np.array([[1.0, np.nan]]),
        ValueError,
        r"X must hold finite numbers, got nan at index \(0, 1\)",
    ),
    (np.array([[1.0], [np.inf]]), ValueError, "X must hold finite numbers, got inf"),
    (np.array([["a"]]), TypeError, "X must hold real numbers"),
    (np.array([[1j]]), TypeError, "X must hold real numbers"),
    ([[1, 2], [3]], ValueError, "X must be a rectangular array"),
]


@pytest.mark.parametrize("binarizer", [MedianBinarizer(), ThermometerEncoder(2)], ids=["med", "th"])
@pytest.mark.parametrize(("X", "error", "says"), BAD_TABLES)
def test_bad_tables(binarizer, X, error, says):
    with pytest.raises(error, match=says):
        binarizer.fit(X)
    assert not [name for name in vars(binarizer) if name.endswith("_")]  # nothing half-done
    fitted = type(binarizer)().fit(np.arange(4.0).reshape(2, 2))
    with pytest.raises(error, match=says):
        fitted.transform(X)


@pytest.mark.parametrize("binarizer", [MedianBinarizer(), ThermometerEncoder()], ids=["med", "th"])
def test_transform_needs_fit_and_the_same_columns(binarizer):
    with pytest.raises(ValueError, match="must be fitted before transform"):
        binarizer.transform([[1.0]])
    fitted = type(binarizer)().fit(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="X must have 3 columns"):
        fitted.transform(np.zeros((2, 4)))


def test_sequences_need_the_channels_of_the_fit():
    fitted = ThermometerEncoder(2).fit(np.zeros((2, 3, 5)))
    assert fitted.transform(np.zeros((1, 3, 9))).shape == (1, 6, 9)  # another length is fine
    with pytest.raises(ValueError, match=r"X must have 3 channels, got shape \(2, 4, 5\)"):
        fitted.transform(np.zeros((2, 4, 5)))
    with pytest.raises(ValueError, match="X must have 2 axes"):
        MedianBinarizer().fit(np.zeros((2, 3, 5)))


@pytest.mark.parametrize(
    ("bits", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("2", TypeError)]
)
def test_bad_bits(bits, error):
    with pytest.raises(error, match="bits"):
        ThermometerEncoder(bits).fit([[1.0]])


@pytest.mark.parametrize("scope", ["column", None, 2])
def test_bad_scope(scope):
    with pytest.raises((ValueError, TypeError), match="scope"):
        MedianBinarizer(scope).fit([[1.0]])


@pytest.mark.parametrize(
    ("X", "thresholds", "says"),
    [
        ([1.0], [[0.0]], "X must have 2"),
        ([[1.0]], [0.0], "thresholds must have 2"),
        ([[1.0]], [[0.0], [1.0]], "thresholds must have one row a feature"),
        ([[1.0]], [[np.nan]], "thresholds must hold finite numbers"),
        ([[1.0]], np.zeros((1, 0)), "thresholds must not be empty"),
        ([[1.0]], [[2.0, 1.0]], "thresholds must ascend"),
    ],
)
def test_bad_thresholds(X, thresholds, says):
    with pytest.raises(ValueError, match=says):
        thermometer(X, thresholds)


@pytest.mark.parametrize(
    ("x", "error"),
    [
        ([], ValueError),
        ([np.nan], ValueError),
        ("abc", TypeError),
        (None, TypeError),
        ([1j], TypeError),
    ],
)
def test_signs_of_bad_input(x, error):
    with pytest.raises(error, match="x must"):
        sign(x)
    with pytest.raises(error, match="w must"):
        stochastic_sign(x, 0)


def test_every_public_name_says_what_it_does():
    for thing in (sign, stochastic_sign, thermometer, MedianBinarizer, ThermometerEncoder):
        assert inspect.getdoc(thing)
