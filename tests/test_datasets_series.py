"""UCR/UEA series: on the real sets where BNNKIT_DATA is set, on made and bundled ones always."""

import importlib.util
import os
import pickle
import zipfile
from pathlib import Path

import made_files as made
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bnnkit.datasets import fill_missing, load_ucr, series_lengths, stratified_folds, ucr_names
from bnnkit.datasets.formats import read_ts

REAL = os.environ.get("BNNKIT_DATA")  # read before a test changes it
REAL_NAMES = sorted(path.stem for path in Path(REAL, "ucr").glob("*.npz")) if REAL else []
NAN = np.nan


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch, tmp_path):
    """No test sees the user's cache or another data folder."""
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("BNNKIT_DATA", raising=False)


@pytest.fixture
def no_aeon(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *a: None if name == "aeon" else find(name, *a)
    )


@pytest.fixture(params=["Made", *REAL_NAMES])
def npz(request, monkeypatch, tmp_path):
    """The name and the arrays of a set in BNNKIT_DATA, made or real."""
    folder = tmp_path if request.param == "Made" else Path(REAL)
    if request.param == "Made":
        X, y = made.series(cases=12, lengths=[3, 9, 4, 9, 5, 9, 6, 9, 7, 9, 8, 9])
        made.write_npz(tmp_path / "ucr" / "Made.npz", X_train=X, y_train=y)
    monkeypatch.setenv("BNNKIT_DATA", str(folder))
    with np.load(folder / "ucr" / f"{request.param}.npz", allow_pickle=False) as file:
        return request.param, {key: file[key] for key in file.files}


# What is in the files


def test_npz_arrays_are_those_of_the_file(npz):
    name, stored = npz
    data = load_ucr(name)
    for part in ("train", "test"):
        X, y = getattr(data, f"X_{part}"), getattr(data, f"y_{part}")
        assert X.dtype == np.float32 and X.ndim == 3 and y.dtype == np.int64
        assert np.array_equal(X, stored[f"X_{part}"], equal_nan=True)
        assert [data.classes[c] for c in y] == stored[f"y_{part}"].tolist()
    assert list(data.classes) == sorted(data.classes)
    assert data.sample_shape == data.X_train.shape[1:]
    assert np.isnan(data.pooled()[0]).any() == bool(data.notes)
    assert name in ucr_names()


def test_every_set_can_be_filled_and_folded(npz):
    X, y = load_ucr(npz[0]).pooled()
    filled = fill_missing(X)
    assert np.isfinite(filled).all() and filled.dtype == np.float32
    assert np.array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    assert series_lengths(X).min() > 0
    for train, _ in stratified_folds(y):
        assert set(y[train]) == set(y)


@pytest.mark.skipif("JapaneseVowels" not in REAL_NAMES, reason="BNNKIT_DATA has no JapaneseVowels")
def test_the_real_notes(monkeypatch):
    monkeypatch.setenv("BNNKIT_DATA", REAL)
    assert load_ucr("JapaneseVowels").notes == ("series are 7 to 29 steps long, padded with NaN",)
    missing = load_ucr("MelbournePedestrian").notes
    assert missing[1] == "176 series have missing values (NaN) inside"


@pytest.mark.slow  # importing aeon takes its time
@pytest.mark.parametrize("name", ["ItalyPowerDemand", "JapaneseVowels"])
def test_the_bundled_text_is_the_same_data(name, monkeypatch):
    """Our reader against aeon's own, and against the .npz if it is there."""
    pytest.importorskip("aeon")
    from aeon.datasets import load_italy_power_demand, load_japanese_vowels

    oracle = load_italy_power_demand if name == "ItalyPowerDemand" else load_japanese_vowels
    data = load_ucr(name)
    assert "aeon" in data.source
    for part in ("train", "test"):
        X, y = getattr(data, f"X_{part}"), getattr(data, f"y_{part}")
        cases, labels = oracle(split=part)
        assert len(cases) == len(X)
        for ours, theirs in zip(X, cases, strict=True):
            length = theirs.shape[1]
            assert np.array_equal(ours[:, :length], theirs.astype(np.float32))
            assert np.isnan(ours[:, length:]).all()
        assert [str(data.classes[c]) for c in y] == labels.tolist()
    if name in REAL_NAMES:
        monkeypatch.setenv("BNNKIT_DATA", REAL)
        assert load_ucr(name).source.endswith(".npz")
        assert load_ucr(name).sha256 == data.sha256


def test_ts_and_npz_are_the_same_data(tmp_path):
    train = made.series(lengths=[3, 9, 4, 9, 5, 9, 6, 9, 7, 9, 8, 9])
    train[0][5, 1, 2] = NAN  # a missing value inside
    X, y = made.series(1, 6, time=11)  # the longest series are in the test part
    npz = made.write_npz(
        tmp_path / "a" / "Made.npz", X_train=np.pad(train[0], ((0, 0), (0, 0), (0, 2)),
        constant_values=NAN), y_train=train[1], X_test=X, y_test=y)  # fmt: skip
    made.write_ts(tmp_path / "b" / "Made", "Made", train, (X, y))
    made.write_ts(tmp_path / "c", "Made", train, (X, y), header="@dimensions 2")
    sets = [load_ucr("Made", tmp_path / place) for place in "abc"]
    assert len({data.sha256 for data in sets}) == 1
    assert sets[1].X_train.shape == (12, 2, 11)
    assert sets[0].source == str(npz) and sets[1].source == str(tmp_path / "b" / "Made")
    assert sets[0].notes == (
        "series are 3 to 11 steps long, padded with NaN",
        "1 series have missing values (NaN) inside",
    )


def test_labels_sort_as_numbers_if_they_are(tmp_path):
    y = np.array(["10", "9", "-1", "10", "9", "-1"])
    X, _ = made.series(0, 6)
    made.write_npz(tmp_path / "Made.npz", X_train=X, y_train=y, X_test=X, y_test=y)
    assert load_ucr("Made", tmp_path).classes == (-1, 9, 10)
    y = np.array(["walk", "run", "walk", "run", "1", "1"])
    made.write_npz(tmp_path / "Made.npz", X_train=X, y_train=y, X_test=X, y_test=y)
    data = load_ucr("Made", tmp_path)
    assert data.classes == ("1", "run", "walk") and data.y_train.tolist() == [2, 1, 2, 1, 0, 0]


def test_two_axes_are_one_channel_and_other_nans_are_one(tmp_path):
    X, _ = made.series(0, 12, 1)
    odd = X[:, 0].copy()
    odd.view(np.uint32)[3, 8] = 0x7FC00001  # a NaN with another payload
    X[3, 0, 8] = NAN
    made.write_npz(tmp_path / "A.npz", X_train=odd, X_test=odd[:6])
    made.write_npz(tmp_path / "B.npz", X_train=X, X_test=X[:6])
    assert load_ucr("A", tmp_path).sha256 == load_ucr("B", tmp_path).sha256


def test_a_class_that_is_never_trained_is_noted(tmp_path):
    X, y = made.series(1, 6)
    made.write_npz(tmp_path / "Made.npz", X_test=X, y_test=y + 1)
    data = load_ucr("Made", tmp_path)
    assert data.notes == ("the test set has a class that the training set lacks",)
    assert data.classes == (1, 2, 3, 4)


# Places


def test_places_in_order(tmp_path, monkeypatch):
    X, y = made.series(5, 6)
    name = "ItalyPowerDemand"
    bundled = load_ucr(name)
    assert "aeon" in bundled.source
    cache = made.write_ts(tmp_path / "cache/bnnkit/ucr" / name, name, (X, y), (X, y))
    assert load_ucr(name).source == str(cache)
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path / "data"))
    folder = made.write_ts(tmp_path / "data/ucr" / name, name, (X, y), (X, y))
    assert load_ucr(name).source == str(folder)
    npz = made.write_npz(tmp_path / "data/ucr" / f"{name}.npz")
    assert load_ucr(name).source == str(npz)
    own = made.write_npz(tmp_path / "own" / f"{name}.npz")
    assert load_ucr(name, tmp_path / "own").source == str(own)


def test_names(tmp_path, no_aeon):
    assert ucr_names() == []
    made.write_npz(tmp_path / "B.npz")
    made.write_ts(tmp_path / "C", "C", made.series(), made.series(1, 6))
    made.write_ts(tmp_path / "A2", "Other", made.series(), made.series(1, 6))
    made.write_ts(tmp_path, "D", made.series(), made.series(1, 6))
    assert ucr_names(tmp_path) == ["B", "C", "D"]
    assert all(load_ucr(name, tmp_path) for name in ucr_names(tmp_path))


def test_nothing_there_says_what_to_do(tmp_path, no_aeon):
    with pytest.raises(FileNotFoundError) as error:
        load_ucr("Wafer")
    for text in ("Wafer/Wafer_TRAIN.ts", "BNNKIT_DATA=DATA", "https://", "bnnkit[aeon]"):
        assert text in str(error.value)
    made.write_npz(tmp_path / "ItalyPowerDemand.npz")
    with pytest.raises(FileNotFoundError, match="Did you mean ItalyPowerDemand"):
        load_ucr("ItalyPowerdemands", tmp_path)


def test_half_a_set(tmp_path):
    made.write_ts(tmp_path / "Made", "Made", made.series(), made.series(1, 6))
    (tmp_path / "Made" / "Made_TEST.ts").unlink()
    with pytest.raises(FileNotFoundError, match="lacks the file Made_TEST.ts"):
        load_ucr("Made", tmp_path)


def test_names_that_are_none(tmp_path):
    for name in ("../secret", "", "a/b", "Wafer.npz"):
        with pytest.raises(ValueError, match="name must be"):
            load_ucr(name)
    with pytest.raises(TypeError, match="name must be a string"):
        load_ucr(3)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_ucr("Wafer", tmp_path / "nowhere")


# Files that are not what they should be


def pickled():
    return np.array([{"a": 1}] * 12, dtype=object)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"X_test": None}, "lacks the array X_test"),
        ({"y_train": pickled()}, "numbers or strings, got dtype object"),
        ({"X_train": np.zeros((12, 2, 9), complex)}, "numbers or strings, got dtype complex"),
        ({"X_train": np.full((12, 2, 9), "a")}, "numbers as series, got dtype <U1"),
        ({"X_train": np.zeros((12, 2, 9, 1))}, "shape \\(cases, channels, time\\)"),
        ({"X_train": np.zeros((0, 2, 9)), "y_train": np.zeros(0, int)}, "shape"),
        ({"X_train": np.full((12, 2, 9), np.inf)}, "finite numbers"),
        ({"X_train": np.full((12, 2, 9), 1e300)}, "finite numbers"),
        ({"X_train": np.full((12, 2, 9), NAN)}, "value in every channel, case 0 has none in 0"),
        ({"y_train": np.arange(11)}, "12 labels in a vector, got shape \\(11,"),
        ({"y_train": np.zeros((12, 1), int)}, "12 labels in a vector"),
        ({"y_train": np.zeros(12)}, "whole numbers or strings as labels, got float64"),
        ({"X_test": np.zeros((6, 3, 9))}, "same channels for training and test, got 2 and 3"),
    ],
)
def test_damaged_npz_arrays(changes, message, tmp_path):
    made.write_npz(tmp_path / "Made.npz", **changes)
    with pytest.raises(ValueError, match=message) as error:
        load_ucr("Made", tmp_path)
    assert "Made.npz" in str(error.value)


def test_nothing_is_ever_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    path = made.write_npz(tmp_path / "Made.npz", y_train=np.array([Trap()] * 12, dtype=object))
    with pytest.raises(ValueError, match="cannot be read"):
        load_ucr("Made", tmp_path)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ValueError, match="cannot be read"):
        load_ucr("Made", tmp_path)
    assert not (tmp_path / "sprung").exists()


def _npy(shape, dtype="<f4", payload=bytes(100), version=b"\x01\x00"):
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (53 - len(header) % 64 + 64) + b"\n"
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + payload


@pytest.mark.parametrize(
    ("npy", "message"),
    [
        (_npy((10**12, 1, 10**6)), "declares float32 .* holds 100 bytes"),
        (_npy((12, 1, 9)), "declares float32 .* holds 100 bytes"),
        (_npy((-5, -5)), "declares float32 .* holds 100 bytes"),
        (_npy((25,), dtype="|O"), "numbers or strings"),
        (_npy((25,), version=b"\x03\x00"), "unknown format version"),
        (_npy((25,), dtype="<q9"), "cannot be read"),
        (b"", "cannot be read"),
        (b"\x93NUMPY\x01", "cannot be read"),
        (b"hello, world", "cannot be read"),
    ],
)
def test_npz_with_a_lying_header(npy, message, tmp_path):
    path = made.write_npz(tmp_path / "Made.npz", X_train=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("X_train.npy", npy)
    with pytest.raises(ValueError, match=message):
        load_ucr("Made", tmp_path)


def test_npz_that_declares_too_much(tmp_path, monkeypatch):
    made.write_npz(tmp_path / "Made.npz")
    monkeypatch.setattr("bnnkit.datasets.formats.MAX_BYTES", 500)
    with pytest.raises(ValueError, match="array X_train declares"):
        load_ucr("Made", tmp_path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_or_cut_npz_is_refused_or_harmless(tmp_path, data):
    path = made.write_npz(tmp_path / "Made.npz")
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.one_of(st.none(), st.integers(0, len(content) - 1)))
    path.write_bytes(content[:cut])
    try:
        load_ucr("Made", tmp_path)  # a byte that nothing depends on, such as a date
    except ValueError as error:
        assert "Made.npz" in str(error)
        return
    assert cut is None


HEADER = "@problemName Made\n@timeStamps false\n@classLabel true 1 2\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no cases"),
        (HEADER + "@data\n", "holds no cases"),
        (HEADER + "1,2,3:1\n", "line 4: expected a header line"),
        ("@problemName Made\n@data\n1,2:1\n", "must declare its classes"),
        ("@classLabel false\n@data\n1,2:1\n", "must declare its classes"),
        ("@classLabel\n@data\n1,2:1\n", "must declare its classes"),
        ("@\n@data\n", "line 1: expected a header line"),
        ("@targetlabel true\n@data\n1,2:0.5\n", "must declare its classes"),
        ("@timeStamps true\n@classLabel true 1\n@data\n(0,1):1\n", "time stamps"),
        (HEADER + "@data\n1,2,3:1\n1,2,x:2\n", "line 6: could not convert"),
        (HEADER + "@data\n1,2,3:1\n1,,3:2\n", "line 6: could not convert"),
        (HEADER + "@data\n1,2,3:1\n1,2,3:3\n", "line 6: the label must be one of 1, 2, got '3'"),
        (HEADER + "@data\n1,2,3:1\n4,5,6\n", "line 6: the label must be one of"),
        (HEADER + "@data\n1\n", "line 5: expected some channels, got 0"),
        (HEADER + "@data\n1,2,3:1\n1,2,3:4,5,6:2\n", "line 6: expected 1 channels, got 2"),
        (HEADER + "@dimensions 2\n@data\n1,2,3:1\n", "declares dimensions 2, got 1"),
        (HEADER + "@seriesLength 4\n@data\n1,2,3:1\n", "declares serieslength 4, got 3"),
        (HEADER + "@equalLength true\n@data\n1,2,3:1\n1,2:2\n", "equal length 3"),
        (HEADER + "@equalLength true\n@data\n1,2:3,4:1\n1,2:3:2\n", "equal length 2"),
        ("\0\1\2\xff" * 20, "expected a header line"),
    ],
)
def test_damaged_ts_files(text, message, tmp_path):
    folder = made.write_ts(tmp_path, "Made", made.series(), made.series(1, 6))
    (folder / "Made_TEST.ts").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        load_ucr("Made", folder)
    assert "Made_TEST.ts" in str(error.value)


def test_a_ts_file_that_would_need_too_much_memory(tmp_path, monkeypatch):
    made.write_ts(tmp_path, "Made", made.series(), made.series(1, 6))
    monkeypatch.setattr("bnnkit.datasets.formats.MAX_BYTES", 500)
    with pytest.raises(ValueError, match="too large"):
        load_ucr("Made", tmp_path)


def test_ts_of_other_archives(tmp_path):
    """A byte order mark, % comments, any case, blank lines, spaces, channels of two lengths."""
    text = "\ufeff% comment\n@PROBLEMNAME x\n@ClassLabel True a B\n\n@DATA\n1, 2 :3,?,NaN,4: B\n"
    (tmp_path / "x.ts").write_text(text, encoding="utf-8")
    X, y = read_ts(tmp_path / "x.ts")
    assert y.tolist() == ["B"]
    assert np.array_equal(X, [[[1, 2, NAN, NAN], [3, NAN, NAN, 4]]], equal_nan=True)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2000), st.binary(max_size=6))
def test_a_scribbled_ts_is_refused_or_has_a_shape(tmp_path, at, noise):
    content = bytearray(made.ts(*made.series(cases=3)).encode())
    content[at : at + len(noise)] = noise
    path = tmp_path / "Made.ts"
    path.write_bytes(content)
    try:
        X, y = read_ts(path)
    except ValueError as error:
        assert "Made.ts" in str(error)
    else:
        assert X.ndim == 3 and X.dtype == np.float32 and len(X) == len(y)


# Lengths and missing values

holes = arrays(
    np.float64,
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9)),
    elements=st.one_of(st.just(NAN), st.integers(-100, 100).map(float)),
)


def with_values(X):
    """Give channels without any value one."""
    X[..., X.shape[2] // 2] = np.where(np.isnan(X).all(axis=2), 7.0, X[..., X.shape[2] // 2])
    return X


@given(holes)
def test_lengths_by_counting(X):
    X = with_values(X)
    for case, length in zip(X, series_lengths(X), strict=True):
        known = [t for t in range(X.shape[2]) if not all(np.isnan(case[:, t]))]
        assert length == known[-1] + 1


@given(holes)
def test_filling_is_interpolation(X):
    X = with_values(X)
    before = X.copy()
    filled, kept, shifted = (fill_missing(X, padding) for padding in ("hold", "keep", "shift"))
    assert np.array_equal(X, before, equal_nan=True)
    time = np.arange(X.shape[2])
    for i, length in enumerate(series_lengths(X)):
        for j in range(X.shape[1]):
            known = ~np.isnan(X[i, j])
            line = np.interp(time, time[known], X[i, j, known])  # holds the ends, too
            assert np.allclose(filled[i, j], line, rtol=1e-12, atol=1e-12)
            assert np.array_equal(filled[i, j, known], X[i, j, known])
            assert np.array_equal(kept[i, j, :length], filled[i, j, :length])
            assert np.isnan(kept[i, j, length:]).all()
            gap = len(time) - length
            assert np.array_equal(shifted[i, j, gap:], filled[i, j, :length])
            assert (shifted[i, j, :gap] == filled[i, j, 0]).all()


def test_filling_keeps_the_float_type_and_whole_series():
    X = np.ones((2, 1, 3), np.float32)
    assert fill_missing(X).dtype == np.float32 and np.array_equal(fill_missing(X), X)
    assert fill_missing(np.ones((2, 1, 3), int)).dtype == np.float64


@pytest.mark.parametrize("function", [fill_missing, series_lengths])
def test_series_helpers_refuse_nonsense(function):
    for bad in (np.ones((2, 3)), np.ones((0, 1, 3)), np.full((1, 1, 2), np.inf),
                np.array([[[1.0, 2.0], [NAN, NAN]]])):  # fmt: skip
        with pytest.raises(ValueError, match="X must"):
            function(bad)
    for bad in ("series", np.array([[["a"]]]), None):
        with pytest.raises(TypeError, match="X must"):
            function(bad)


def test_filling_refuses_an_unknown_padding():
    with pytest.raises(ValueError, match="padding must be one of 'hold', 'shift', 'keep'"):
        fill_missing(np.ones((1, 1, 2)), "zero")
