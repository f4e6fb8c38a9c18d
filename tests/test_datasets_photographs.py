"""SVHN's format, and what is done to photographs before training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from bnnkit.datasets import load_svhn
from bnnkit.datasets.whitening import ZCAWhitening, global_contrast, local_contrast

RNG = np.random.default_rng


def write_svhn(folder, n=6, **changed):
    """The three files in their official layout: X (32, 32, 3, n), y (n, 1), 10 for a zero."""
    images = {}
    for i, part in enumerate(("train", "test", "extra")):
        X = RNG(i).integers(0, 256, (n, 3, 32, 32), np.uint8)
        y = np.array([[10], [1], [9], [2], [10], [5]], np.uint8)
        content = {"X": X.transpose(2, 3, 1, 0), "y": y} | changed
        savemat(folder / f"{part}_32x32.mat", content)
        images[part] = X
    return images


def test_svhn_comes_as_rows_with_zero_as_zero(tmp_path):
    images = write_svhn(tmp_path)
    data = load_svhn(tmp_path)
    np.testing.assert_array_equal(data.X_test.reshape(-1, 3, 32, 32), images["test"])
    both = np.concatenate([images["train"], images["extra"]])
    np.testing.assert_array_equal(data.X_train.reshape(-1, 3, 32, 32), both)
    assert data.y_test.tolist() == [0, 1, 9, 2, 0, 5]
    assert "not the official bytes" in data.notes[0]
    assert len(load_svhn(tmp_path, extra=False).X_train) == 6


def test_svhn_is_found_under_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "svhn").mkdir()
    write_svhn(tmp_path / "svhn")
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path))
    assert len(load_svhn().y_train) == 12


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"y": np.full((6, 1), 11, np.uint8)}, "label 1 .. 10"),
        ({"y": np.ones((5, 1), np.uint8)}, "label 1 .. 10"),
        ({"X": np.zeros((32, 32, 3, 6))}, "32 x 32 x 3"),
        ({"X": np.zeros((32, 31, 3, 6), np.uint8)}, "32 x 32 x 3"),
    ],
)
def test_other_content_is_refused(tmp_path, changed, message):
    write_svhn(tmp_path, **changed)
    with pytest.raises(ValueError, match=message):
        load_svhn(tmp_path)


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="lacks the file train_32x32.mat"):
        load_svhn(tmp_path)
    write_svhn(tmp_path)
    path = tmp_path / "test_32x32.mat"
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ValueError, match="cannot be read"):
        load_svhn(tmp_path)


@given(st.integers(0, 99))
def test_contrast_is_the_same_whatever_the_light(seed):
    X = RNG(seed).uniform(0, 255, (3, 20))
    Y = global_contrast(X)
    np.testing.assert_allclose(Y.mean(axis=1), 0, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(Y, axis=1), 55, rtol=1e-5)
    np.testing.assert_allclose(global_contrast(3 * X + 7), Y, atol=1e-3)


def test_an_image_of_one_colour_stays_plain():
    np.testing.assert_array_equal(global_contrast(np.full((1, 9), 5.0)), np.zeros((1, 9)))
    flat = local_contrast(np.full((1, 48), 5.0), (3, 4, 4))
    np.testing.assert_allclose(flat, 0, atol=1e-2)


def test_whitening_makes_the_covariance_one_and_learns_from_training_rows_alone():
    X = RNG(0).normal(size=(500, 6)) @ RNG(1).normal(size=(6, 6))
    zca = ZCAWhitening(bias=0).fit(X)
    np.testing.assert_allclose(np.cov(zca.transform(X).T, bias=True), np.eye(6), atol=1e-8)
    np.testing.assert_allclose(zca.matrix_, zca.matrix_.T)
    other = RNG(2).normal(size=(3, 6))
    np.testing.assert_allclose(zca.transform(other), (other - X.mean(axis=0)) @ zca.matrix_)
    with pytest.raises(ValueError, match="vary in every direction"):
        ZCAWhitening(bias=0).fit(np.ones((4, 2)))
    with pytest.raises(ValueError, match="fitted"):
        ZCAWhitening().transform(X)


def test_local_contrast_takes_away_light_and_shade():
    X = RNG(0).uniform(0, 1, (2, 3 * 16 * 16))
    shade = np.tile(np.linspace(0, 5, 16), 3 * 16)  # brighter to the right
    inside = (slice(None), slice(None), slice(4, -4), slice(4, -4))
    plain = local_contrast(X, (3, 16, 16)).reshape(2, 3, 16, 16)[inside]
    shaded = local_contrast(X + shade, (3, 16, 16)).reshape(2, 3, 16, 16)[inside]
    assert np.corrcoef(plain.ravel(), shaded.ravel())[0, 1] > 0.98
