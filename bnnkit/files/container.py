"""The container: a header, a manifest, and arrays back to back. It knows nothing of networks.

The layout is set out in :mod:`bnnkit.files`. Nothing is allocated before the sizes in the manifest
have been found to add up to exactly the length of the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

MAGIC = b"\x89BNN\r\n\x1a\n"
VERSION = 1
HEADER = struct.Struct("<8sII32s")
DTYPES = {
    name: np.dtype(f"<{name}")
    for name in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
}
MAX_AXES = 8


class FileError(ValueError):
    """A file that is not a model of this package, is damaged, or does not fit what is asked."""

    def __init__(self, message: str):
        super().__init__(message[:300])  # what it quotes from a file may be long


@dataclass
class Stored:
    """One object as it stands in a file: plain JSON values, and arrays (signs as int8)."""

    kind: str
    settings: dict
    state: dict
    arrays: dict[str, Any] = field(default_factory=dict)  # to be written; :class:`Sealed` once read


@dataclass(frozen=True)
class Sealed:
    """An array that has not been unpacked yet: its bytes, its dtype and its shape."""

    data: memoryview
    dtype: str
    shape: tuple[int, ...]

    def open(self) -> np.ndarray:
        """Return the array, a fresh one."""
        if self.dtype != "bits":
            values = np.frombuffer(self.data, DTYPES[self.dtype]).reshape(self.shape)
            return values.astype(values.dtype.newbyteorder("="))
        n = math.prod(self.shape)
        bits = np.unpackbits(np.frombuffer(self.data, np.uint8), bitorder="little")
        if bits[n:].any():
            raise FileError("the spare bits behind an array of signs must be 0")
        signs = bits[:n].view(np.int8)
        signs *= 2
        signs -= 1
        return signs.reshape(self.shape)


def encode(objects: list[Stored], about: dict) -> bytes:
    """Return the bytes of a file that holds ``objects`` and the reader's notes ``about``."""
    listed, sections = [], []
    for stored in objects:
        entries = []
        for name, array in stored.arrays.items():
            dtype, section = _section(name, array)
            entries.append([name, dtype, list(array.shape)])
            sections.append(section)
        listed.append(
            {"kind": stored.kind, "settings": stored.settings, "state": stored.state}
            | {"arrays": entries}
        )
    manifest = json.dumps(
        {"objects": listed, "about": about}, allow_nan=False, separators=(",", ":")
    ).encode()
    body = b"".join([manifest, *sections])
    start = HEADER.pack(MAGIC, VERSION, len(manifest), bytes(32))[:16]
    return start + hashlib.sha256(start + body).digest() + body


def decode(data: bytes) -> tuple[list[Stored], dict]:
    """Return the objects and the notes in a file's bytes; :class:`FileError` if they do not fit."""
    manifest, rest = _checked_manifest(data)
    objects, position = [], 0
    for entry in manifest["objects"]:
        stored = Stored(entry["kind"], entry["settings"], entry["state"])
        for name, dtype, shape in entry["arrays"]:
            size = section_size(dtype, shape)
            stored.arrays[name] = Sealed(rest[position : position + size], dtype, tuple(shape))
            position += size
        objects.append(stored)
    return objects, manifest["about"]


def section_size(dtype: str, shape) -> int:
    """Return the bytes that an array takes in a file.

    >>> section_size("bits", [255, 255]), section_size("i2", [255, 255])
    (8129, 130050)
    """
    n = math.prod(shape)
    return -(-n // 8) if dtype == "bits" else n * DTYPES[dtype].itemsize


def _section(name: str, array: np.ndarray) -> tuple[str, bytes]:
    """The dtype and the bytes of an array; int8 means signs."""
    if array.dtype == np.int8:
        return "bits", np.packbits(array.reshape(-1) > 0, bitorder="little").tobytes()
    dtype = array.dtype.str[1:]
    if dtype not in DTYPES:
        raise TypeError(f"{name} must hold integers or floats up to 64 bits, got {array.dtype}")
    return dtype, array.astype(DTYPES[dtype]).tobytes()


def _checked_manifest(data: bytes) -> tuple[dict, memoryview]:
    """Check everything that can be checked without looking into the arrays."""
    view = memoryview(data)
    if len(view) < HEADER.size:
        raise FileError(f"too short for a model: {len(view)} bytes")
    magic, version, length, digest = HEADER.unpack_from(view)
    if magic != MAGIC:
        raise FileError("not a model saved by bnnkit, or mangled by a transfer as text")
    if version != VERSION:
        raise FileError(f"version {version} of the format; this bnnkit reads version {VERSION}")
    if length > len(view) - HEADER.size:
        raise FileError("truncated: the manifest is longer than the file")
    checksum = hashlib.sha256(view[:16])
    checksum.update(view[HEADER.size :])
    if checksum.digest() != digest:
        raise FileError("damaged: the checksum does not match")
    body = HEADER.size + length
    manifest = _parsed(bytes(view[HEADER.size : body]))
    _check_form(manifest)
    wanted = sum(
        section_size(dtype, shape)
        for entry in manifest["objects"]
        for _, dtype, shape in entry["arrays"]
    )
    if wanted != len(view) - body:
        raise FileError(f"the arrays must take {wanted} bytes, got {len(view) - body}")
    return manifest, view[body:]


def _parsed(text: bytes) -> dict:
    def refuse(constant):
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(text.decode("utf-8"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise FileError(f"the manifest cannot be read: {error}") from None


def _check_form(manifest) -> None:
    """The manifest has its keys, and every array a known dtype and a sane shape."""
    _check_keys(manifest, {"objects": list, "about": dict}, "manifest")
    for entry in manifest["objects"]:
        _check_keys(entry, {"kind": str, "settings": dict, "state": dict, "arrays": list}, "object")
        names = set()
        for array in entry["arrays"]:
            if not isinstance(array, list) or len(array) != 3:
                raise FileError("an array must be listed as [name, dtype, shape]")
            name, dtype, shape = array
            if not isinstance(name, str) or not re.fullmatch(r"\w{1,64}", name, re.A):
                raise FileError("an array's name must be of letters, digits and underscores")
            if name in names:
                raise FileError(f"two arrays are called {name}")
            names.add(name)
            if not isinstance(dtype, str) or dtype not in {"bits", *DTYPES}:
                raise FileError(f"{name}: unknown dtype")
            _check_axes(name, shape)


def _check_axes(name: str, shape) -> None:
    if not isinstance(shape, list) or len(shape) > MAX_AXES:
        raise FileError(f"{name}: the shape must be a list of at most {MAX_AXES} sizes")
    for size in shape:
        if type(size) is not int or not 0 < size < 2**40:
            raise FileError(f"{name}: sizes must be positive integers")


def _check_keys(value, keys: dict[str, type], what: str) -> None:
    if not isinstance(value, dict) or value.keys() != keys.keys():
        raise FileError(f"the {what} must have the keys {', '.join(keys)}")
    for key, kind in keys.items():
        if not isinstance(value[key], kind):
            raise FileError(f"{key} of the {what} must be a {kind.__name__}")
