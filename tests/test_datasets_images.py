"""MNIST, Fashion-MNIST and CIFAR-10: on the real files where BNNKIT_DATA is set, on made ones
always; on damaged ones; and downloads, without a network."""

import gzip
import hashlib
import os
import struct
from dataclasses import replace
from pathlib import Path

import made_files as made
import numpy as np
import pooch
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bnnkit.datasets import images, load_cifar10, load_fashion_mnist, load_mnist
from bnnkit.datasets.formats import parse_idx

REAL = os.environ.get("BNNKIT_DATA")  # read before a test changes it
IDX_LOADERS = {"mnist": load_mnist, "fashion_mnist": load_fashion_mnist}
LOADERS = IDX_LOADERS | {"cifar10": load_cifar10}


@pytest.fixture(autouse=True)
def no_network(monkeypatch, tmp_path):
    """No test downloads, none sees the user's cache or another data folder."""

    def refuse(url, progressbar=False):
        raise OSError(f"no network in tests: {url}")

    monkeypatch.setattr("pooch.core.choose_downloader", refuse)
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.delenv("BNNKIT_DATA", raising=False)


@pytest.fixture(params=["made", *(["real"] if REAL else [])])
def data_folder(request, monkeypatch, tmp_path):
    """BNNKIT_DATA: made files, and the real ones if there are any."""
    folder = Path(REAL) if request.param == "real" else tmp_path / "data"
    if request.param == "made":
        made.write_idx(folder / "mnist")
        made.write_idx(folder / "fashion_mnist", zipped=False)
        made.write_cifar10(folder / "cifar10")
    monkeypatch.setenv("BNNKIT_DATA", str(folder))
    return folder


# What is in the files


@pytest.mark.parametrize("name", IDX_LOADERS)
def test_idx_arrays_are_the_bytes_of_the_files(name, data_folder):
    data = IDX_LOADERS[name]()
    for X, y, part in ((data.X_train, data.y_train, "train"), (data.X_test, data.y_test, "t10k")):
        raw = []
        for kind in ("images-idx3", "labels-idx1"):
            path = data_folder / name / f"{part}-{kind}-ubyte"
            zipped = path.with_name(path.name + ".gz")
            content = path.read_bytes() if path.exists() else gzip.decompress(zipped.read_bytes())
            raw.append(np.frombuffer(content, np.uint8))
        assert X.shape == (len(y), 784) and X.dtype == np.uint8 and y.dtype == np.int64
        assert np.array_equal(X.ravel(), raw[0][16:])
        assert np.array_equal(y, raw[1][8:])
        assert len(y) == struct.unpack(">I", raw[1][4:8])[0]
    assert data.n_classes == 10 and data.sample_shape == (28, 28)
    assert set(data.y_train) == set(range(10))
    assert data.source == str(data_folder / name)


@pytest.mark.skipif(not REAL, reason="BNNKIT_DATA is not set")
def test_the_real_mnist_is_the_official_one(monkeypatch):
    monkeypatch.setenv("BNNKIT_DATA", REAL)
    data = load_mnist()
    assert data.notes == ()
    assert data.X_train.shape == (60_000, 784) and data.X_test.shape == (10_000, 784)
    assert data.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert data.X_train.mean() == pytest.approx(0.1307 * 255, rel=1e-3)


@pytest.mark.skipif(not REAL, reason="BNNKIT_DATA is not set")
def test_the_real_fashion_mnist_is_accepted_by_shape_and_counts(monkeypatch):
    monkeypatch.setenv("BNNKIT_DATA", REAL)
    data = load_fashion_mnist()
    assert np.array_equal(np.bincount(data.y_train), [6000] * 10)
    assert np.array_equal(np.bincount(data.y_test), [1000] * 10)
    assert not any("images, not" in note for note in data.notes)


@pytest.mark.parametrize("data_folder", ["made"], indirect=True)
def test_made_files_carry_notes(data_folder):
    data = load_mnist()
    assert data.notes[0].startswith("not the official content of train-images-idx3-ubyte.gz")
    assert data.notes[1] == "60 training and 20 test images, not 60,000 and 10,000"
    assert load_fashion_mnist().notes[0].startswith("not the official bytes of train-images")
    assert load_cifar10().notes[0].startswith("not checked against the official archive")


def test_cifar10_arrays_are_the_bytes_of_the_files(data_folder, monkeypatch, tmp_path):
    home = data_folder / "cifar10" / "cifar-10-batches-bin"
    if not home.is_dir():  # a compact copy stands in its place here
        home = made.write_cifar10(tmp_path / "made" / "cifar10") / "cifar-10-batches-bin"
        monkeypatch.setenv("BNNKIT_DATA", str(tmp_path / "made"))
    data = load_cifar10()
    train = b"".join((home / name).read_bytes() for name in made.CIFAR10[:5])
    for X, y, raw in (
        (data.X_train, data.y_train, train),
        (data.X_test, data.y_test, (home / "test_batch.bin").read_bytes()),
    ):
        assert X.shape == (len(raw) // 3073, 3072) and X.dtype == np.uint8
        assert X.flags.c_contiguous and X.flags.writeable
        for i in (0, 7, len(y) - 1):
            assert y[i] == raw[3073 * i]
            assert X[i].tobytes() == raw[3073 * i + 1 : 3073 * (i + 1)]
    assert data.sample_shape == (3, 32, 32) and data.classes[3] == "cat"
    red = data.X_train.reshape(-1, *data.sample_shape)[0, 0]
    assert red.tobytes() == train[1:1025]


def test_all_forms_of_the_same_files_are_the_same_data(tmp_path):
    contents = made.idx_contents()
    forms = [load_mnist(made.write_idx(tmp_path / str(z), contents, zipped=z)) for z in (0, 1)]
    assert forms[0].sha256 == forms[1].sha256
    records = made.cifar10_contents()
    home = made.write_cifar10(tmp_path / "folder", records)
    (tmp_path / "tar").mkdir()
    (tmp_path / "tar" / "cifar-10-binary.tar.gz").write_bytes(made.cifar10_archive(records))
    places = home, home / "cifar-10-batches-bin", tmp_path / "tar"
    assert len({load_cifar10(place).sha256 for place in places}) == 1


# Files that are not there


@pytest.mark.parametrize("name", LOADERS)
def test_nothing_there_and_no_download(name):
    with pytest.raises(FileNotFoundError, match="is not in .*BNNKIT_DATA=DATA") as error:
        LOADERS[name](download=False)
    assert "no network" not in str(error.value)  # nothing was tried
    assert f"DATA/{name}" in str(error.value) and "https://" in str(error.value)


@pytest.mark.parametrize("name", LOADERS)
def test_offline_says_how_to_place_the_files(name, capsys, tmp_path):
    with pytest.raises(FileNotFoundError, match="no network in tests") as error:
        LOADERS[name]()
    assert f"DATA/{name}" in str(error.value)
    said = capsys.readouterr().err
    size = {"mnist": "11.6 MB", "fashion_mnist": "30.9 MB", "cifar10": "170.1 MB"}[name]
    assert "downloading" in said and size in said and str(tmp_path / "cache") in said
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("lost", range(4))
def test_a_folder_with_a_file_missing(lost, tmp_path, monkeypatch):
    folder = made.write_idx(tmp_path / "mnist")
    (folder / f"{made.IDX[lost]}.gz").unlink()
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=f"lacks the file {made.IDX[lost]}"):
        load_mnist()


def test_a_cifar10_folder_with_files_missing(tmp_path):
    folder = made.write_cifar10(tmp_path)
    (folder / "cifar-10-batches-bin" / "data_batch_3.bin").unlink()
    with pytest.raises(FileNotFoundError, match="lacks data_batch_3.bin"):
        load_cifar10(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds neither"):
        load_cifar10(tmp_path / "empty")


@pytest.mark.parametrize("name", LOADERS)
def test_folders_that_are_none(name, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        LOADERS[name](tmp_path / "nowhere")
    with pytest.raises(TypeError, match="folder must be a path"):
        LOADERS[name](3)
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="BNNKIT_DATA is set to .* not a folder"):
        LOADERS[name]()


# Files that are not what they should be


def _declare(content, *shape):
    return content[:4] + struct.pack(f">{len(shape)}I", *shape) + content[4 + 4 * len(shape) :]


IMAGES, LABELS = made.IDX[:2]
DAMAGED_IDX = {
    "empty": (IMAGES, lambda c: b"", "empty file"),
    "short header": (IMAGES, lambda c: c[:9], "truncated"),
    "truncated": (IMAGES, lambda c: c[:-1], "declares 47,040 bytes .* holds 47,039"),
    "one byte more": (LABELS, lambda c: c + b"\0", "declares 60 bytes .* holds 61"),
    "wrong magic": (IMAGES, lambda c: b"\0\0\x0d" + c[3:], "must start with .* got 00000d03"),
    "labels for images": (IMAGES, lambda c: made.idx_contents()[LABELS], "must start with"),
    "huge": (IMAGES, lambda c: _declare(c, 2**32 - 1, 2**32 - 1, 2**32 - 1), "declares 79,228"),
    "other size": (IMAGES, lambda c: _declare(c, 120, 14, 28), "28 x 28 pixels"),
    "fewer labels": (LABELS, lambda c: made.idx(np.zeros(59, "u1")), "one label .* 60 images"),
    "label ten": (LABELS, lambda c: c[:-1] + b"\x0a", "labels 0 to 9, got 10"),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("case", DAMAGED_IDX)
def test_damaged_idx_files(case, zipped, tmp_path):
    name, damage, message = DAMAGED_IDX[case]
    contents = made.idx_contents()
    contents[name] = damage(contents[name])
    with pytest.raises(ValueError, match=message) as error:
        load_mnist(made.write_idx(tmp_path, contents, zipped))
    assert name in str(error.value)


@pytest.mark.parametrize("damage", [lambda z: z[:-9], lambda z: z[:200] + b"\xff" * 40 + z[240:],
                                    lambda z: z[:2]])  # fmt: skip
def test_damaged_gzip(damage, tmp_path):
    path = made.write_idx(tmp_path) / f"{IMAGES}.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="is damaged"):
        load_mnist(tmp_path)


def test_a_gzip_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "IDX_LIMIT", 2**20)
    contents = made.idx_contents()
    contents[IMAGES] += bytes(2**22)
    with pytest.raises(ValueError, match="more than 1,048,576 bytes"):
        load_mnist(made.write_idx(tmp_path, contents))


def test_no_images_at_all(tmp_path):
    with pytest.raises(ValueError, match="one label for each of 0 images"):
        load_mnist(made.write_idx(tmp_path, made.idx_contents(n_test=0)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40), st.integers(0, 60))
def test_any_bytes_are_an_array_or_a_value_error(noise, at):
    content = bytearray(made.idx(np.arange(30, dtype="u1").reshape(2, 3, 5)))
    content[at : at + len(noise)] = noise
    try:
        array = parse_idx(content, "noise", 3)
    except ValueError as error:
        assert "noise" in str(error)
    else:
        assert made.idx(array) == bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: b"", "whole records of 3073 bytes, got 0"),
        (lambda c: c[:-1], "whole records"),
        (lambda c: c + b"\0", "whole records"),
        (lambda c: b"\x0a" + c[1:], "labels 0 to 9, got 10"),
    ],
)
def test_damaged_cifar10_files(damage, message, tmp_path):
    contents = made.cifar10_contents()
    contents["data_batch_2.bin"] = damage(contents["data_batch_2.bin"])
    with pytest.raises(ValueError, match=message) as error:
        load_cifar10(made.write_cifar10(tmp_path, contents))
    assert "data_batch_2.bin" in str(error.value)


def test_damaged_cifar10_archives(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    whole = made.cifar10_archive()
    lost = made.cifar10_contents()
    del lost["test_batch.bin"]
    for content in (whole[: len(whole) // 2], whole[:-2000], whole[:100] + bytes(99) + whole[199:],
                    b"", b"not a tar file", made.cifar10_archive(lost)):  # fmt: skip
        path.write_bytes(content)
        with pytest.raises(ValueError, match="is damaged|lacks test_batch.bin"):
            load_cifar10(tmp_path)


def test_a_cifar10_archive_that_declares_too_much(tmp_path, monkeypatch):
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(made.cifar10_archive())
    monkeypatch.setattr("bnnkit.datasets.formats.MAX_BYTES", 1000)
    with pytest.raises(ValueError, match="declares 61,460 bytes"):
        load_cifar10(tmp_path)


# Downloads


@pytest.fixture
def server(monkeypatch):
    """Serve made MNIST files under the official addresses, with their checksums known."""
    contents = made.idx_contents(seed=3)
    files = {f"{n}.gz": gzip.compress(c, mtime=0) for n, c in contents.items()}
    remotes = tuple(
        replace(remote, md5=hashlib.md5(files[remote.name]).hexdigest())
        for remote in images.MNIST.remotes
    )
    sums = tuple(hashlib.sha256(content).hexdigest() for content in contents.values())
    monkeypatch.setattr(images, "MNIST", replace(images.MNIST, remotes=remotes, sha256=sums))
    asked = []

    def choose(url, progressbar=False):
        def download(url, output_file, pooch):
            asked.append(url)
            content = files[url.rpartition("/")[2]]
            if isinstance(content, Exception):
                raise content
            Path(output_file).write_bytes(content)

        return download

    monkeypatch.setattr("pooch.core.choose_downloader", choose)
    return files, asked


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_a_download_is_announced_checked_and_kept(server, tmp_path, capsys):
    files, asked = server
    data = load_mnist()
    assert "downloading MNIST, 11.6 MB, from storage.googleapis.com" in capsys.readouterr().err
    assert cached(tmp_path) == sorted(files) and len(asked) == 4
    assert data.source == str(tmp_path / "cache" / "bnnkit" / "mnist")
    assert not any("official" in note for note in data.notes)
    assert load_mnist(download=False).sha256 == data.sha256
    assert len(asked) == 4 and capsys.readouterr().err == ""


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path):
    files, asked = server
    data = load_mnist()
    path = tmp_path / "cache" / "bnnkit" / "mnist" / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-5])
    assert load_mnist().sha256 == data.sha256
    assert len(asked) == 5 and asked[-1].endswith(path.name)


def test_a_wrong_download_is_an_error_and_nothing_is_kept(server, tmp_path):
    files, asked = server
    files[f"{IMAGES}.gz"] = gzip.compress(made.idx_contents(seed=9)[IMAGES], mtime=0)
    with pytest.raises(ValueError, match="wrong checksum"):
        load_mnist()
    assert cached(tmp_path) == []
    assert len(asked) == 2  # both mirrors were tried


def test_the_second_mirror_serves_when_the_first_fails(server, tmp_path, monkeypatch):
    files, asked = server
    serve = pooch.core.choose_downloader

    def choose(url, progressbar=False):
        if "googleapis" in url:
            raise OSError("down today")
        return serve(url, progressbar)

    monkeypatch.setattr("pooch.core.choose_downloader", choose)
    assert len(load_mnist().y_train) == 60
    assert all("ossci" in url for url in asked)


def test_a_download_cut_short_leaves_nothing_half_done(server, tmp_path):
    files, asked = server
    files[f"{LABELS}.gz"] = OSError("connection lost")
    with pytest.raises(FileNotFoundError, match="connection lost"):
        load_mnist()
    assert cached(tmp_path) == [f"{IMAGES}.gz"]  # what had come complete stays
    files[f"{LABELS}.gz"] = gzip.compress(made.idx_contents(seed=3)[LABELS], mtime=0)
    load_mnist()
    assert len(asked) == 1 + 2 + 3


def test_a_download_whose_content_is_not_official(server, monkeypatch):
    sums = ("0" * 64, *images.MNIST.sha256[1:])
    monkeypatch.setattr(images, "MNIST", replace(images.MNIST, sha256=sums))
    with pytest.raises(ValueError, match="is not the official one: .*train-images"):
        load_mnist()


def test_bnnkit_data_comes_before_the_cache(server, tmp_path, monkeypatch):
    files, asked = server
    made.write_idx(tmp_path / "data" / "mnist")
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path / "data"))
    assert load_mnist().source == str(tmp_path / "data" / "mnist")
    assert load_mnist(made.write_idx(tmp_path / "own")).source == str(tmp_path / "own")
    assert asked == []
    (tmp_path / "other").mkdir()  # a data folder without MNIST is passed over
    monkeypatch.setenv("BNNKIT_DATA", str(tmp_path / "other"))
    load_mnist()
    assert len(asked) == 4


def test_a_downloaded_cifar10_archive_is_read_where_it_lies(tmp_path, monkeypatch):
    archive = made.cifar10_archive()
    known = replace(images.CIFAR10, md5=hashlib.md5(archive).hexdigest())
    monkeypatch.setattr(images, "CIFAR10", known)

    def choose(url, progressbar=False):
        return lambda url, output_file, pooch: Path(output_file).write_bytes(archive)

    monkeypatch.setattr("pooch.core.choose_downloader", choose)
    data = load_cifar10()
    assert cached(tmp_path) == ["cifar-10-binary.tar.gz"]
    assert data.notes == ("100 training and 20 test images, not 50,000 and 10,000",)
    assert data.sha256 == load_cifar10(made.write_cifar10(tmp_path / "own")).sha256


def test_checksums_look_like_checksums():
    remotes = (*images.MNIST.remotes, *images.FASHION_MNIST.remotes, images.CIFAR10)
    for remote in remotes:
        assert len(remote.md5) == 32 and int(remote.md5, 16)
        assert all(url.endswith(remote.name) for url in remote.urls)
    assert len({remote.md5 for remote in remotes}) == 9
