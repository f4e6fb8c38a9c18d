"""Images: scikit-learn's digits, MNIST, Fashion-MNIST, CIFAR-10. A row holds a whole image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnnkit.datasets.dataset import Dataset, sample
from bnnkit.datasets.fetch import Remote, fetch, has_md5, local_folder
from bnnkit.datasets.formats import (
    CIFAR10_SHAPE,
    CIFAR10_TRAIN,
    parse_idx,
    read_cifar10,
    read_content,
)
from bnnkit.errors import check_int

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IDX_LIMIT = 2**28  # five times the size of the largest file


def load_digits(n_test: int = 360, seed: int = 0) -> Dataset:
    """Load the 1,797 handwritten digits of 8 x 8 pixels that come inside scikit-learn.

    ``X`` is uint8 ``(n, 64)`` with values 0 to 16. The set has no official division: ``n_test``
    cases are drawn for the test, every class in proportion, the same for the same ``seed`` on
    every machine. Raises ``ImportError`` if scikit-learn is not installed.

    Source: Alpaydin and Kaynak 1998, *Optical Recognition of Handwritten Digits*, UCI (its test
    part).

    >>> load_digits()
    <digits: 1,437 train, 360 test cases, 8 x 8 uint8, 10 classes>
    """
    try:
        from sklearn.datasets import load_digits as sklearn_digits
    except ImportError as error:
        raise ImportError(
            'load_digits needs scikit-learn, which brings the images: pip install "bnnkit[sklearn]"'
        ) from error
    X, y = sklearn_digits(return_X_y=True)
    X, y = X.astype(np.uint8), y.astype(np.int64)
    test = np.zeros(len(y), bool)
    test[sample(y, check_int(n_test, "n_test", 1, len(y) - 1), seed)] = True
    return Dataset(
        name="digits",
        X_train=X[~test],
        y_train=y[~test],
        X_test=X[test],
        y_test=y[test],
        classes=tuple(range(10)),
        sample_shape=(8, 8),
        source="scikit-learn",
    )


@dataclass(frozen=True)
class _Idx:
    """A data set of four IDX files: where they come from and how to know them."""

    title: str
    name: str  # of the Dataset, and with _ for - of the folder
    classes: tuple
    remotes: tuple[Remote, ...]  # the gzip files, in the order of IDX_FILES
    sha256: tuple[str, ...] = ()  # of the files once decompressed, where that is known

    @property
    def folder(self) -> str:
        return self.name.replace("-", "_")


def _remotes(sources: tuple[str, ...], sizes: tuple[int, ...], md5s: tuple[str, ...]):
    return tuple(
        Remote(f"{name}.gz", tuple(f"{source}/{name}.gz" for source in sources), size, md5)
        for name, size, md5 in zip(IDX_FILES, sizes, md5s, strict=True)
    )


MNIST = _Idx(
    title="MNIST",
    name="mnist",
    classes=tuple(range(10)),
    remotes=_remotes(
        (
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://ossci-datasets.s3.amazonaws.com/mnist",
        ),
        sizes=(9_912_422, 28_881, 1_648_877, 4_542),
        md5s=(
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    sha256=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)

FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
FASHION_MNIST = _Idx(
    title="Fashion-MNIST",
    name="fashion-mnist",
    classes=FASHION_CLASSES,
    remotes=_remotes(
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        ),
        sizes=(26_421_880, 29_515, 4_422_102, 5_148),
        md5s=(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
)


def load_mnist(folder=None, *, download: bool = True) -> Dataset:
    """Load MNIST: 60,000 and 10,000 handwritten digits of 28 x 28 pixels.

    ``X`` is uint8 ``(n, 784)``, 0 is paper and 255 ink. The four IDX files, with or without
    ``.gz``, are taken from ``folder``, else from ``$BNNKIT_DATA/mnist``, else from the cache,
    else downloaded (12 MB) unless ``download`` is false.

    Files in a folder of your own may differ from the official ones; the data set's ``notes`` then
    say so. A download that differs raises ``ValueError``, as does any damaged file. A missing
    file raises ``FileNotFoundError``.

    Source: LeCun, Cortes and Burges, the MNIST database of handwritten digits.
    """
    return _load_idx(MNIST, folder, download)


def load_fashion_mnist(folder=None, *, download: bool = True) -> Dataset:
    """Load Fashion-MNIST: 60,000 and 10,000 pieces of clothing, in the format of MNIST.

    Folder, cache, download (31 MB), notes and errors as in :func:`load_mnist`; the folder's name
    is ``fashion_mnist``.

    Source: Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747 (MIT licence).
    """
    return _load_idx(FASHION_MNIST, folder, download)


def _load_idx(spec: _Idx, folder, download: bool) -> Dataset:
    own = local_folder(spec.folder, folder)
    place = own if own is not None else fetch(spec.title, spec.folder, spec.remotes, download)
    paths = [_idx_path(place, name) for name in IDX_FILES]
    contents = [read_content(path, IDX_LIMIT) for path in paths]
    doubts = _doubts(spec, paths, contents)
    if doubts and own is None:
        raise ValueError(f"the download of {spec.title} is not the official one: {doubts[0]}")
    X_train, y_train = _idx_pair(*paths[:2], *contents[:2])
    X_test, y_test = _idx_pair(*paths[2:], *contents[2:])
    return Dataset(
        name=spec.name,
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        classes=spec.classes,
        sample_shape=(28, 28),
        source=str(place),
        notes=(*doubts, *_size_notes(y_train, y_test, 60_000)),
    )


def _idx_path(place: Path, name: str) -> Path:
    for path in (place / f"{name}.gz", place / name):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{place} lacks the file {name} (or {name}.gz)")


def _idx_pair(image_path, label_path, images, labels) -> tuple[np.ndarray, np.ndarray]:
    X = parse_idx(images, str(image_path), ndim=3)
    y = parse_idx(labels, str(label_path), ndim=1)
    if X.shape[1:] != (28, 28):
        raise ValueError(f"{image_path} must hold images of 28 x 28 pixels, got {X.shape[1:]}")
    return X.reshape(-1, 784), _checked_labels(y, len(X), str(label_path))


def _checked_labels(y: np.ndarray, n: int, name: str) -> np.ndarray:
    if len(y) != n or n == 0:
        raise ValueError(f"{name} must hold one label for each of {n} images, got {len(y)}")
    if y.max() > 9:
        raise ValueError(f"{name} must hold labels 0 to 9, got {y.max()}")
    return y.astype(np.int64)


def _doubts(spec: _Idx, paths: list[Path], contents: list[bytearray]) -> list[str]:
    """Return a note if the files are not the official ones, an empty list if they are.

    Where the checksum of the decompressed content is known it decides; else that of the gzip
    file, which another compression changes as well.
    """
    if spec.sha256:
        found = [hashlib.sha256(content).hexdigest() for content in contents]
        others = [p.name for p, a, b in zip(paths, found, spec.sha256, strict=True) if a != b]
    else:
        pairs = zip(paths, spec.remotes, strict=True)
        others = [path.name for path, remote in pairs if not has_md5(path, remote.md5)]
    if not others:
        return []
    what = "content" if spec.sha256 else "bytes"
    return [
        f"not the official {what} of {', '.join(others)}: split and order may be others, "
        "and figures may not be on the official test set"
    ]


def _size_notes(y_train: np.ndarray, y_test: np.ndarray, n_train: int) -> list[str]:
    got, wanted = (len(y_train), len(y_test)), (n_train, 10_000)
    if got == wanted:
        return []
    return [f"{got[0]:,} training and {got[1]:,} test images, not {wanted[0]:,} and {wanted[1]:,}"]


CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
CIFAR10 = Remote(
    "cifar-10-binary.tar.gz",
    ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
    size=170_052_171,
    md5="c32a1d4ab5d03f1284b67883e8d87530",
)


def load_cifar10(folder=None, *, download: bool = True) -> Dataset:
    """Load CIFAR-10: 50,000 and 10,000 colour photographs of 32 x 32 pixels.

    ``X`` is uint8 ``(n, 3072)``: the red, the green and the blue plane, each row by row; reshape
    to ``(n, *data.sample_shape)`` for planes. The binary version is read: from ``folder``, else
    ``$BNNKIT_DATA/cifar10``, either of which holds ``cifar-10-batches-bin/`` (or its six files)
    or ``cifar-10-binary.tar.gz``; else from the cache; else it is downloaded (170 MB) unless
    ``download`` is false.

    Notes and errors as in :func:`load_mnist`. The six files have no known checksums of their own,
    so a folder always carries a note.

    Source: Krizhevsky 2009, *Learning multiple layers of features from tiny images*.
    """
    own = local_folder("cifar10", folder)
    if own is None:
        place = fetch("CIFAR-10", "cifar10", (CIFAR10,), download) / CIFAR10.name
    else:
        place = _cifar10_place(own)
    parts = read_cifar10(place)
    for name, (X, y) in parts.items():
        _checked_labels(y, len(X), name)
    X_test, y_test = parts.pop("test_batch.bin")
    y_train = np.concatenate([parts[name][1] for name in CIFAR10_TRAIN]).astype(np.int64)
    official = place.is_file() and has_md5(place, CIFAR10.md5)
    doubt = "not checked against the official archive: order and split may be others"
    return Dataset(
        name="cifar10",
        X_train=np.concatenate([parts[name][0] for name in CIFAR10_TRAIN]),
        y_train=y_train,
        X_test=X_test.copy(),
        y_test=y_test.astype(np.int64),
        classes=CIFAR10_CLASSES,
        sample_shape=CIFAR10_SHAPE,
        source=str(place),
        notes=(*([] if official else [doubt]), *_size_notes(y_train, y_test, 50_000)),
    )


def _cifar10_place(folder: Path) -> Path:
    places = folder / "cifar-10-batches-bin", folder / CIFAR10.name, folder
    if places[0].is_dir():
        return places[0]
    if places[1].is_file():
        return places[1]
    if (folder / "test_batch.bin").is_file():
        return folder
    raise FileNotFoundError(
        f"{folder} holds neither cifar-10-batches-bin/ nor {CIFAR10.name}, the binary version "
        f"of {CIFAR10.urls[0]}"
    )
