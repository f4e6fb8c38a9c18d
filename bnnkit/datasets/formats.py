"""Readers of four file formats, which trust nothing that a file says about itself.

IDX (MNIST), CIFAR-10's binary records, ``.npz`` of plain arrays, and the ``.ts`` text of the
time-series archive. A size that a header declares is compared with the bytes that are there
before anything is allocated. Nothing is ever unpickled, nothing is unpacked onto the disk. A file
that is not what it should be raises ``ValueError`` naming it.
"""

from __future__ import annotations

import gzip
import math
import os
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np

MAX_BYTES = 2**31  # no single file or array of these data sets comes near
CIFAR10_SHAPE = (3, 32, 32)
CIFAR10_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
CIFAR10_FILES = (*CIFAR10_TRAIN, "test_batch.bin")
CIFAR10_RECORD = 1 + math.prod(CIFAR10_SHAPE)
DAMAGE = (EOFError, OSError, zlib.error, tarfile.TarError, zipfile.BadZipFile)


def read_content(path: Path, limit: int = MAX_BYTES) -> bytearray:
    """Return the bytes of a file, decompressed if it is gzip, ``limit`` of them at most."""
    content = bytearray()
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else open(path, "rb") as file:
            while piece := file.read(2**20):
                content += piece
                if len(content) > limit:
                    raise ValueError(f"{path} holds more than {limit:,} bytes")
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return content


# IDX: two zero bytes, a type, the number of axes, the length of each axis, the values


def parse_idx(content: bytearray, name: str, ndim: int) -> np.ndarray:
    """Return the array of an IDX file of unsigned bytes with ``ndim`` axes (a view, uint8).

    >>> parse_idx(bytearray(b"\\0\\0\\x08\\x01" + b"\\0\\0\\0\\x02" + b"\\x07\\x09"), "labels", 1)
    array([7, 9], dtype=uint8)
    """
    start = 4 + 4 * ndim
    magic = bytes((0, 0, 8, ndim))
    if bytes(content[:4]) != magic:
        raise ValueError(
            f"{name} must start with the IDX magic number {magic.hex()}, got "
            f"{bytes(content[:4]).hex() or 'an empty file'}"
        )
    if len(content) < start:
        raise ValueError(f"{name} is truncated: its header ends after {len(content)} bytes")
    shape = tuple(int(n) for n in np.frombuffer(content, ">u4", ndim, 4))
    if math.prod(shape) != len(content) - start:
        raise ValueError(
            f"{name} declares {math.prod(shape):,} bytes of shape {shape}, "
            f"but holds {len(content) - start:,}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


# CIFAR-10: records of one label byte and 3072 pixel bytes (red, green, blue planes)


def read_cifar10(place: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return images and labels of each of the six files in a folder or a ``.tar.gz``."""
    if place.is_dir():
        lost = [name for name in CIFAR10_FILES if not (place / name).is_file()]
        if lost:
            raise FileNotFoundError(f"{place} lacks {', '.join(lost)}")
        contents: dict = {name: read_content(place / name) for name in CIFAR10_FILES}
    else:
        contents = _read_tar(place, CIFAR10_FILES)
    return {name: _parse_cifar10(content, name) for name, content in contents.items()}


def _parse_cifar10(content, name: str) -> tuple[np.ndarray, np.ndarray]:
    if len(content) == 0 or len(content) % CIFAR10_RECORD:
        raise ValueError(
            f"{name} must hold whole records of {CIFAR10_RECORD} bytes, got {len(content):,} bytes"
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, CIFAR10_RECORD)
    return records[:, 1:], records[:, 0]


def _read_tar(path: Path, names: tuple[str, ...]) -> dict[str, bytes]:
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                if name not in names or not member.isfile():
                    continue
                if member.size > MAX_BYTES:
                    raise ValueError(f"{path}: {name} declares {member.size:,} bytes")
                content = archive.extractfile(member)
                contents[name] = b"" if content is None else content.read()
    except DAMAGE as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    lost = [name for name in names if name not in contents]
    if lost:
        raise ValueError(f"{path} lacks {', '.join(lost)}")
    return {name: contents[name] for name in names}


# .npz: a zip file of .npy files, each a header and the values


def read_npz(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """Return the named arrays of numbers or strings, in the order of ``names``."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [_read_npy(archive, name) for name in names]
    except (*DAMAGE, ValueError, TypeError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} cannot be read: {error}") from error


def _read_npy(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    if f"{name}.npy" not in archive.namelist():
        raise ValueError(f"it lacks the array {name}")
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > MAX_BYTES:
        raise ValueError(f"array {name} declares {info.file_size:,} bytes")
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"array {name} has the unknown format version {version}")
        first = version == (1, 0)
        read_header = getattr(np.lib.format, f"read_array_header_{1 if first else 2}_0")
        shape, fortran, dtype = read_header(file)
        content = bytearray(file.read())
    if dtype.kind not in "iufU" or dtype.itemsize == 0:
        raise ValueError(f"array {name} must hold numbers or strings, got dtype {dtype}")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(f"array {name} declares {dtype} {shape}, but holds {len(content):,} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


# .ts: a header of @lines, then a case a line, channels and label divided by colons


def read_ts(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the series (float32, cases x channels x time) and labels (strings) of a .ts file.

    ``?`` and ``NaN`` are missing values; shorter series are padded with NaN at the end.
    """
    header: dict[str, list[str]] = {}
    cases, labels = [], []
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            line = line.strip()
            if not line or line[0] in "#%":
                continue
            where = f"{path}, line {number}"
            if "data" in header:
                *channels, label = line.split(":")
                cases.append([_ts_values(channel, where) for channel in channels])
                labels.append(_ts_label(label.strip(), header["classes"], where))
                _check_ts_case(cases, header, where)
            elif line.startswith("@") and line[1:].strip():
                key, *values = line[1:].lower().split()
                header[key] = values
                if key == "classlabel":
                    header["classes"] = line.split()[2:]
                if key == "data":
                    _check_ts_header(header, path)
            else:
                raise ValueError(f"{where}: expected a header line that starts with @")
    if not cases:
        raise ValueError(f"{path} holds no cases")
    return _padded(cases, path), np.array(labels)


def _ts_values(channel: str, where: str) -> np.ndarray:
    try:
        values = [math.nan if text.strip() == "?" else float(text) for text in channel.split(",")]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return np.array(values)


def _ts_label(label: str, classes: list[str], where: str) -> str:
    if label not in classes:
        listed = ", ".join(classes)
        raise ValueError(f"{where}: the label must be one of {listed}, got {label[:60]!r}")
    return label


def _check_ts_header(header: dict, path: Path) -> None:
    if header.get("timestamps") == ["true"]:
        raise ValueError(f"{path} holds time stamps, which are not supported")
    if header.get("classlabel", ["false"])[:1] != ["true"] or not header["classes"]:
        raise ValueError(
            f"{path} must declare its classes (@classLabel true ...): a regression set does not"
        )


def _check_ts_case(cases: list, header: dict, where: str) -> None:
    case, first = cases[-1], cases[0]
    if not case or len(case) != len(first):
        raise ValueError(f"{where}: expected {len(first) or 'some'} channels, got {len(case)}")
    for key, actual in (("dimensions", len(case)), ("serieslength", len(case[0]))):
        declared = header.get(key)
        if declared and declared != [str(actual)]:
            raise ValueError(f"{where}: the header declares {key} {declared[0]}, got {actual}")
    if header.get("equallength") == ["true"] and any(len(c) != len(first[0]) for c in case):
        raise ValueError(f"{where}: expected series of equal length {len(first[0])}")


def _padded(cases: list[list[np.ndarray]], path: os.PathLike) -> np.ndarray:
    shape = len(cases), len(cases[0]), max(len(channel) for case in cases for channel in case)
    if 4 * math.prod(shape) > MAX_BYTES:
        raise ValueError(f"{path} holds series of shape {shape}: too large")
    X = np.full(shape, np.nan, np.float32)
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which load_ucr refuses
        for i, case in enumerate(cases):
            for j, channel in enumerate(case):
                X[i, j, : len(channel)] = channel
    return X
