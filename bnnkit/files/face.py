"""Save and load: what users call."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from bnnkit.bep import BEPNetwork, ClippedPerceptron
from bnnkit.binarize import MedianBinarizer, ThermometerEncoder
from bnnkit.files import encoders, latents, signs
from bnnkit.files.container import FileError, Stored, decode, encode
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.ste import BinaryConnectNetwork

# How each kind of object is put into a file, and how it is got out again.
CODECS: dict[type, tuple[Callable, Callable]] = {
    BEPNetwork: (signs.pack_network, signs.unpack_bep),
    BEPRecurrentNetwork: (signs.pack_network, signs.unpack_recurrent),
    ClippedPerceptron: (signs.pack_perceptron, signs.unpack_perceptron),
    BinaryConnectNetwork: (latents.pack_network, latents.unpack_network),
    MedianBinarizer: (encoders.pack_median, encoders.unpack_median),
    ThermometerEncoder: (encoders.pack_thermometer, encoders.unpack_thermometer),
}
UNPACK = {kind.__name__: unpack for kind, (_, unpack) in CODECS.items()}
RUN = "Run"  # what a checkpoint keeps beside the network


def save(model, path, *, hidden: bool = True, about: dict | None = None) -> int:
    """Save a model, or a tuple of an encoder and a model, and return the size in bytes.

    Parameters
    ----------
    model : BEPNetwork, BEPRecurrentNetwork, ClippedPerceptron, BinaryConnectNetwork,
        MedianBinarizer, ThermometerEncoder, or a tuple of these
    path : where to; written whole or not at all, even if the power fails
    hidden : keep what training goes on from: hidden integers, real latents, the record of the
        epochs. Without it, one bit a visible weight.
    about : your own notes, JSON values, for :func:`describe`

    >>> import tempfile
    >>> network = BEPNetwork((63, 255), 10)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = save(network, f"{folder}/network.bnn", hidden=False)
    ...     loaded = load(f"{folder}/network.bnn")
    >>> size < 63 * 255 / 8 + 10 * 255 / 8 + 600
    True
    >>> loaded.W == network.W
    True
    """
    data = dumps(model, hidden=hidden, about=about)
    write_atomically(Path(path), data)
    return len(data)


def load(path):
    """Return what was saved: a model, or a tuple.

    Safe to call on a file from a stranger: nothing in it is executed, no size is believed before
    it has been checked against the length of the file. What is not a whole, undamaged model raises
    :class:`FileError`, a ``ValueError``. A checkpoint loads as its network.
    """
    return loads(read_file(path))


def describe(path) -> dict:
    """Return what a file holds, without making it: kinds, settings, arrays, bytes, notes."""
    data = read_file(path)
    objects, about = decode(data)
    listed = [
        {"kind": stored.kind, "settings": stored.settings}
        | {"arrays": {name: (a.dtype, a.shape) for name, a in stored.arrays.items()}}
        for stored in objects
    ]
    return {"objects": listed, "about": about, "bytes": len(data)}


def dumps(model, *, hidden: bool = True, about: dict | None = None) -> bytes:
    """Return the bytes that :func:`save` writes."""
    models = list(model) if isinstance(model, (tuple, list)) else [model]
    if about is not None and not isinstance(about, dict):
        raise TypeError(f"about must be a dict, got {type(about).__name__}")
    if not models:
        raise ValueError("model must not be empty")
    return encode([pack(each, hidden) for each in models], dict(about or {}))


def loads(data: bytes):
    """Return what the bytes of a file hold; see :func:`load`."""
    objects, _ = decode(data)
    models = [unpack(stored) for stored in objects if stored.kind != RUN]
    if not models:
        raise FileError("there is no model in the file")
    return models[0] if len(models) == 1 else tuple(models)


def pack(model, hidden: bool) -> Stored:
    """Return one model as a stored object."""
    if type(model) not in CODECS:
        listed = ", ".join(kind.__name__ for kind in CODECS)
        raise TypeError(f"model must be one of {listed}, got {type(model).__name__}")
    pack_one, _ = CODECS[type(model)]
    return pack_one(model, bool(hidden))


def unpack(stored: Stored):
    """Return the model that a stored object describes, or :class:`FileError`."""
    if stored.kind not in UNPACK:
        raise FileError(f"a model of an unknown kind: {stored.kind!r}")
    try:
        return UNPACK[stored.kind](stored)
    except FileError:
        raise
    except (TypeError, ValueError) as error:  # a setting that the model itself refuses
        raise FileError(f"{stored.kind}: {error}") from None


def read_file(path) -> bytes:
    """Return the bytes of an ordinary file."""
    with open(path, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileError(f"{path} is not an ordinary file")
        return file.read()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that at every moment ``path`` is the old file or the new one, whole.

    Into a file beside it, on to the disk, then renamed over it.
    """
    path = Path(os.path.realpath(path))  # through a link, to what it names
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(path.parent))
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name must reach the disk as well
        folder = os.open(path.parent, os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
