"""Small data files in the official formats, written by hand: what the loaders are tested on."""

import gzip
import io
import struct
import tarfile

import numpy as np

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
       "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # fmt: skip
CIFAR10 = (*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin")


def idx(array):
    """Return the bytes of an IDX file of unsigned bytes."""
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
    return header + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx_contents(seed=0, n_train=60, n_test=20):
    """Return {name: bytes} of four IDX files with random images."""
    rng = np.random.default_rng(seed)
    arrays = []
    for n in (n_train, n_test):
        arrays += [rng.integers(0, 256, (n, 28, 28), np.uint8), (np.arange(n) % 10).astype("u1")]
    return {name: idx(array) for name, array in zip(IDX, arrays, strict=True)}


def write_idx(folder, contents=None, zipped=True):
    """Write the four IDX files into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (contents or idx_contents()).items():
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        else:
            (folder / name).write_bytes(content)
    return folder


def cifar10_contents(seed=0, n=20):
    """Return {name: bytes} of the six CIFAR-10 files, ``n`` records each."""
    rng = np.random.default_rng(seed)
    contents = {}
    for name in CIFAR10:
        records = rng.integers(0, 256, (n, 3073), np.uint8)
        records[:, 0] = np.arange(n) % 10
        contents[name] = records.tobytes()
    return contents


def write_cifar10(folder, contents=None):
    """Write ``folder``/cifar-10-batches-bin and return ``folder``."""
    home = folder / "cifar-10-batches-bin"
    home.mkdir(parents=True, exist_ok=True)
    for name, content in (contents or cifar10_contents()).items():
        (home / name).write_bytes(content)
    return folder


def cifar10_archive(contents=None, folder="cifar-10-batches-bin/"):
    """Return the bytes of cifar-10-binary.tar.gz."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (contents or cifar10_contents()).items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def series(seed=0, cases=12, channels=2, time=9, lengths=None):
    """Return series (float32, NaN after each length) and labels 1, 2, 3 in turn (int16)."""
    X = np.random.default_rng(seed).normal(size=(cases, channels, time)).astype(np.float32)
    if lengths is not None:
        X[np.broadcast_to(np.arange(time) >= np.reshape(lengths, (-1, 1, 1)), X.shape)] = np.nan
    return X, (np.arange(cases) % 3 + 1).astype(np.int16)


def write_npz(path, **changes):
    """Write a UCR set as .npz, with some arrays changed (None leaves one out); return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = dict(zip(("X_train", "y_train", "X_test", "y_test"), (*series(0), *series(1, 6))))
    arrays = {name: a for name, a in (arrays | changes).items() if a is not None}
    np.savez_compressed(path, **arrays)
    return path


def ts(X, y, header=""):
    """Return the text of a .ts file; NaN at the end is left out, inside it is written ``?``."""
    lines = ["# a comment", "@problemName Made", "@timeStamps false", header]
    lines += ["@classLabel true " + " ".join(str(c) for c in np.unique(y)), "@data"]
    for case, label in zip(X, y, strict=True):
        length = int(np.flatnonzero(~np.isnan(case).all(axis=0))[-1]) + 1
        channels = [",".join("?" if np.isnan(v) else repr(float(v)) for v in channel[:length])
                    for channel in case]  # fmt: skip
        lines.append(":".join([*channels, str(label)]))
    return "\n".join(lines) + "\n"


def write_ts(folder, name, train, test, header=""):
    """Write NAME_TRAIN.ts and NAME_TEST.ts into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, (X, y) in (("TRAIN", train), ("TEST", test)):
        (folder / f"{name}_{part}.ts").write_text(ts(X, y, header))
    return folder
