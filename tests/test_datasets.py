"""The data set object, its divisions, the embedded digits and the generated prototypes."""

import builtins
import dataclasses
import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnkit.datasets import (
    Dataset,
    load_digits,
    random_prototypes,
    split,
    stratified_folds,
)
from bnnkit.philox import Stream, philox4x32

SMALL = {"n_train": 230, "n_validation": 0, "n_test": 110, "d": 64}


def made(**changes):
    """Return a small data set with some fields changed."""
    fields = {
        "name": "made",
        "X_train": np.arange(24, dtype=np.uint8).reshape(8, 3),
        "y_train": np.array([0, 1, 0, 1, 0, 1, 2, 2]),
        "X_test": np.ones((2, 3), np.uint8),
        "y_test": np.array([2, 0]),
        "classes": ("a", "b", "c"),
        "sample_shape": (3,),
        "source": "here",
    }
    return Dataset(**(fields | changes))


# The object


def test_dataset_says_what_it_holds():
    assert repr(made()) == "<made: 8 train, 2 test cases, 3 uint8, 3 classes>"
    assert made().n_classes == 3
    X, y = made().pooled()
    assert np.array_equal(X, np.r_[made().X_train, made().X_test])
    assert np.array_equal(y, [0, 1, 0, 1, 0, 1, 2, 2, 2, 0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        made().name = "other"


def test_sha256_is_that_of_the_documented_bytes():
    data = made()
    wanted = b"X_train |u1 (8, 3)\n" + data.X_train.tobytes()
    wanted += b"y_train <i8 (8,)\n" + data.y_train.astype("<i8").tobytes()
    wanted += b"X_test |u1 (2, 3)\n" + data.X_test.tobytes()
    wanted += b"y_test <i8 (2,)\n" + data.y_test.astype("<i8").tobytes()
    assert data.sha256 == hashlib.sha256(wanted).hexdigest()


def test_sha256_sees_content_and_not_layout():
    X = made().X_train
    assert made(X_train=np.asfortranarray(X)).sha256 == made().sha256
    big = made(y_train=made().y_train.astype(">i8"))
    assert big.sha256 == made().sha256
    assert made(X_train=X[::-1]).sha256 != made().sha256
    assert made(y_test=np.array([0, 2])).sha256 != made().sha256
    assert made(name="other", source="there").sha256 == made().sha256


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X_train": [[1, 2, 3]] * 8}, "X_train must be an array"),
        ({"X_train": np.zeros(8)}, "X_train must be an array"),
        ({"X_test": np.ones((2, 4), np.uint8)}, "X_test must have cases like"),
        ({"X_test": np.ones((2, 3), np.int8)}, "X_test must have cases like"),
        ({"y_train": np.arange(7) % 3}, "y_train must hold one label a sample"),
        ({"y_test": np.array([0, 3])}, "y_test must hold class numbers 0 to 2"),
        ({"X_validation": np.ones((1, 3), np.uint8)}, "must come together"),
    ],
)
def test_dataset_refuses_arrays_that_do_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        made(**changes)


# Validation and folds


def test_split_takes_the_last_cases_by_default():
    data = split(made(), 3)
    assert np.array_equal(data.X_train, made().X_train[:5])
    assert np.array_equal(data.X_validation, made().X_train[5:])
    assert np.array_equal(data.y_validation, [1, 2, 2])
    assert np.array_equal(np.r_[data.y_train, data.y_validation], made().y_train)
    assert np.array_equal(data.X_test, made().X_test)


@given(st.integers(1, 229), st.integers(0, 2**32 - 1))
def test_random_split_is_proportional_and_loses_nothing(n, seed):
    data = random_prototypes(**SMALL, seed=1)
    parts = split(data, n, seed=seed)
    assert len(parts.y_validation) == n
    share = np.bincount(data.y_train) * n / 230
    assert (np.abs(np.bincount(parts.y_validation, minlength=10) - share) <= 1).all()
    rows = np.r_[parts.X_train, parts.X_validation]
    assert sorted(map(bytes, rows)) == sorted(map(bytes, data.X_train))
    again = split(data, n, seed=seed)
    assert np.array_equal(parts.X_validation, again.X_validation)


def test_random_split_depends_on_the_seed_and_keeps_X_with_y():
    data = random_prototypes(**SMALL, flip=0.0)
    one, two = split(data, 50, seed=1), split(data, 50, seed=2)
    assert not np.array_equal(one.X_validation, two.X_validation) or one.sha256 != two.sha256
    assert np.array_equal(data.bayes_predict(one.X_validation), one.y_validation)
    assert np.array_equal(data.bayes_predict(one.X_train), one.y_train)


def test_split_refuses_nonsense():
    with pytest.raises(TypeError, match="dataset must be a Dataset"):
        split(np.zeros((3, 3)), 1)
    for n in (0, 8, -1):
        with pytest.raises(ValueError, match="n must be"):
            split(made(), n)
    with pytest.raises(TypeError, match="n must be"):
        split(made(), 2.0)
    with pytest.raises(ValueError, match="already"):
        split(split(made(), 2), 2)
    with pytest.raises(ValueError, match="seed"):
        split(made(), 2, seed=-1)


@given(
    st.lists(st.integers(2, 9), min_size=1, max_size=6),
    st.integers(2, 7),
    st.integers(0, 2**32 - 1),
)
def test_folds_are_a_stratified_partition(counts, n_folds, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    n_folds = min(n_folds, len(y))
    folds = stratified_folds(y, n_folds, seed=seed)
    assert np.array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(len(y)))
    per_class = np.array([np.bincount(y[test], minlength=len(counts)) for _, test in folds])
    assert (np.ptp(per_class, axis=0) <= 1).all()
    assert np.ptp(per_class.sum(axis=1)) <= 1
    for train, test in folds:
        assert np.array_equal(np.union1d(train, test), np.arange(len(y)))
        assert len(train) + len(test) == len(y)
        assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
        assert set(y[train]) == set(y)  # no class is ever missing from training


def test_folds_are_bit_exact_and_depend_on_the_seed():
    y = np.arange(12) % 3
    assert [test.tolist() for _, test in stratified_folds(y, seed=3)] == FOLDS_OF_SEED_3
    assert [t.tolist() for _, t in stratified_folds(y, seed=4)] != FOLDS_OF_SEED_3


FOLDS_OF_SEED_3 = [[3, 6, 8, 10], [1, 2, 7, 9], [0, 4, 5, 11]]


def test_folds_refuse_nonsense():
    with pytest.raises(ValueError, match="at least two cases of each class, got one of 1"):
        stratified_folds([0, 0, 1])
    with pytest.raises(ValueError, match="n_folds"):
        stratified_folds([0, 0, 1, 1], 5)
    with pytest.raises(ValueError, match="n_folds"):
        stratified_folds([0, 0, 1, 1], 1)
    with pytest.raises(ValueError, match="y must"):
        stratified_folds(np.array([], int))
    with pytest.raises(ValueError, match="y must"):
        stratified_folds([0, -1])
    with pytest.raises(TypeError, match="y must"):
        stratified_folds([0.0, 1.0])


# Digits


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits as sklearn_digits

    data = load_digits()
    X, y = sklearn_digits(return_X_y=True)
    rows, labels = data.pooled()
    assert sorted(map(bytes, X.astype(np.uint8))) == sorted(map(bytes, rows))
    known = {bytes(row): label for row, label in zip(X.astype(np.uint8), y, strict=True)}
    assert all(known[bytes(row)] == label for row, label in zip(rows, labels, strict=True))
    assert data.X_train.shape == (1437, 64) and data.X_train.dtype == np.uint8
    assert data.X_test.shape == (360, 64) and data.X_train.max() == 16
    share = np.bincount(y) * 360 / 1797
    assert (np.abs(np.bincount(data.y_test) - share) <= 1).all()
    assert data.sha256 == DIGITS_SHA256
    assert load_digits(seed=1).sha256 != data.sha256


DIGITS_SHA256 = "f7914e855a7959bf61afa94ce4cd849396342a03d0db55e0a8c6bf508ab8e959"


def test_digits_refuse_nonsense():
    for n_test in (0, 1797):
        with pytest.raises(ValueError, match="n_test"):
            load_digits(n_test)
    with pytest.raises(ValueError, match="seed"):
        load_digits(seed=-1)


def test_digits_without_scikit_learn_name_the_extra(monkeypatch):
    real_import = builtins.__import__

    def no_sklearn(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError("no sklearn here")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_sklearn)
    with pytest.raises(ImportError, match=r'pip install "bnnkit\[sklearn\]"'):
        load_digits()


# Random Prototypes


def test_prototypes_have_the_papers_shape():
    data = random_prototypes()
    assert (len(data.X_train), len(data.X_validation), len(data.X_test)) == (20_000, 3_000, 3_000)
    assert data.X_train.shape[1] == 1_000 and data.X_train.dtype == np.int8
    assert data.n_classes == 10 and data.prototypes.shape == (10, 1_000)
    assert set(np.unique(data.X_test)) == {-1, 1}
    assert np.array_equal(np.bincount(data.y_test), [300] * 10)
    flipped = data.X_train != data.prototypes[data.y_train]
    assert abs(flipped.mean() - 0.46) < 0.001  # nine standard deviations
    assert np.abs(flipped.mean(axis=0) - 0.46).max() < 0.02
    assert np.abs(flipped.mean(axis=1) - 0.46).max() < 0.1
    assert 78 < data.bayes_accuracy < 84
    assert data.sha256 == PROTOTYPES_SHA256


PROTOTYPES_SHA256 = "bbfd572fadc8927623ebea8d09490e97e06160bfa2b8bf1c3c8f04e88419ccf7"


def test_every_bit_is_the_one_that_its_counter_names():
    data = random_prototypes(n_train=203, n_validation=1, n_test=5, n_classes=3, d=37, seed=11)
    for layer, X, y in (
        (1, data.X_train, data.y_train),
        (2, data.X_validation, data.y_validation),
        (3, data.X_test, data.y_test),
    ):
        for i, j in ((0, 0), (len(X) - 1, 36), (len(X) // 2, 17)):
            index, batch = i % 100 * 37 + j, i // 100
            word = philox4x32([index // 4, layer, batch, 0], (11, Stream.DATA))[index % 4]
            flip = -1 if int(word) < int(0.46 * 2**32) else 1
            assert X[i, j] == flip * data.prototypes[y[i], j]
            assert y[i] == i % 3


def test_a_case_is_the_same_however_many_follow():
    short, long = (random_prototypes(**(SMALL | {"n_train": n})) for n in (130, 301))
    assert np.array_equal(short.X_train, long.X_train[:130])
    assert np.array_equal(short.X_test, long.X_test)
    other = random_prototypes(**SMALL, seed=1)
    assert not np.array_equal(other.X_test, long.X_test)


def test_bayes_predicts_the_nearest_prototype():
    data = random_prototypes(**SMALL, flip=0.4)
    distances = [[np.sum(x != p) for p in data.prototypes] for x in data.X_test]
    nearest = np.array([d.index(min(d)) for d in distances])
    assert np.array_equal(data.bayes_predict(data.X_test), nearest)
    assert data.bayes_accuracy == 100 * np.mean(nearest == data.y_test)
    assert data.bayes_accuracy < 100


def test_no_noise_and_full_noise():
    clean = random_prototypes(**SMALL, flip=0.0)
    assert np.array_equal(clean.X_train, clean.prototypes[clean.y_train])
    assert clean.bayes_accuracy == 100
    noise = random_prototypes(**(SMALL | {"n_test": 2000}), flip=0.5)
    assert noise.flip_threshold == 2**31 and noise.bayes_accuracy < 15


@pytest.mark.parametrize(
    "bad",
    [{"n_train": 0}, {"n_validation": -1}, {"n_test": 0}, {"d": 0}, {"n_classes": 1},
     {"flip": 0.51}, {"flip": -0.1}, {"flip": float("nan")}, {"seed": -1}, {"seed": 2**32}],
)  # fmt: skip
def test_prototypes_refuse_nonsense(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        random_prototypes(**(SMALL | bad))


def test_bayes_refuses_what_are_not_signs():
    data = random_prototypes(**SMALL)
    with pytest.raises(ValueError, match="X must hold only -1"):
        data.bayes_predict(np.zeros((2, 64)))
    with pytest.raises(ValueError, match="64 columns"):
        data.bayes_predict(np.ones((2, 63)))


def test_a_dataset_takes_arrays_of_numbers_alone():
    data = random_prototypes(seed=0, n_train=20, n_test=20)
    with pytest.raises(TypeError, match="y_train must be an array"):
        dataclasses.replace(data, y_train=data.y_train.tolist())
    with pytest.raises(TypeError, match="X_train hold numbers"):
        dataclasses.replace(
            data, X_train=data.X_train.astype(object), X_test=data.X_test.astype(object)
        )
