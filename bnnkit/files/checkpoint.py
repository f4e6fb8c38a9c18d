"""Training that can be killed at any moment and ends with the same weights.

After every so many epochs the file holds the network with its hidden weights and the run: what
``fit`` keeps beside the network. The random stream of integer training is addressed by the epoch,
so an epoch done anew is the same epoch. The file also says which run it belongs to; anything else
is refused rather than continued.
"""

from __future__ import annotations

import glob
import hashlib
from pathlib import Path

import numpy as np

from bnnkit.bep import SignNetwork
from bnnkit.errors import check_int
from bnnkit.files import latents, signs
from bnnkit.files.container import FileError, decode, encode
from bnnkit.files.face import RUN, pack, read_file, write_atomically


class Checkpoint:
    """Where ``fit(..., checkpoint=)`` writes its progress and finds it again.

    Parameters
    ----------
    path : the file; if it exists, ``fit`` goes on from it
    every : write after each so many epochs, and after the last

    Run the same program again after a crash and it ends with the weights of an uninterrupted run,
    to the bit (float training: on the same machine). One file serves one call of ``fit``, on the
    same data from the same start; more epochs of a BEP network may be asked for later. A callback
    that decides by ``network.history`` decides the same; what it remembers itself is not kept.
    ``load(path)`` gives the network as the last write left it.

    Raises :class:`FileError` (a ``ValueError``) if the file belongs to another run or is damaged.

    >>> import tempfile
    >>> from bnnkit import BEPNetwork
    >>> X, y = [[1, 1, 1], [1, -1, 1], [-1, 1, 1]], [0, 1, 1]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.bnn"
    ...     first = BEPNetwork((3, 9), 2).fit(X, y, epochs=3, checkpoint=Checkpoint(path))
    ...     again = BEPNetwork((3, 9), 2).fit(X, y, epochs=5, checkpoint=Checkpoint(path))
    >>> at_once = BEPNetwork((3, 9), 2).fit(X, y, epochs=5)
    >>> again.weights_sha256() == at_once.weights_sha256()
    True
    """

    def __init__(self, path, every: int = 1):
        self.path = Path(path)
        self.every = check_int(every, "every", low=1)
        self._run_of: dict = {}

    def begin(self, network, run, inputs: dict, **options) -> None:
        """Called by ``fit`` before its first epoch: go on from the file if there is one."""
        codec = _codec(network)
        start = encode([pack(network, hidden=True), codec.pack_run(run)], {})
        self._run_of = {
            "network": type(network).__name__,
            **options,
            "start": hashlib.sha256(start).hexdigest(),
            **{name: _sha256(value) for name, value in inputs.items()},
        }
        self._clear_partials()
        if self.path.exists():
            self._restore(network, run, codec)

    def after_epoch(self, network, run, done: bool) -> None:
        """Called by ``fit`` after each epoch."""
        if done or (network.epoch - run.first_epoch) % self.every == 0:
            stored = _codec(network).pack_run(run)
            stored.settings = self._run_of
            data = encode([pack(network, hidden=True), stored], {})
            write_atomically(self.path, data)

    def _restore(self, network, run, codec) -> None:
        objects, _ = decode(read_file(self.path))
        kinds = [stored.kind for stored in objects]
        if kinds != [type(network).__name__, RUN]:
            raise FileError(f"{self.path} is not a checkpoint of a {type(network).__name__}")
        stored, stored_run = objects
        for name, here in self._run_of.items():
            there = stored_run.settings.get(name)
            if there != here:
                raise FileError(
                    f"{self.path} belongs to another run: its {name} is {_short(there)}, "
                    f"here {_short(here)}. Delete the file or choose another"
                )
        codec.restore(network, run, stored, stored_run)

    def _clear_partials(self) -> None:
        """Remove what a run left behind that was killed while writing."""
        pattern = f".{glob.escape(self.path.name)}.*.partial"
        for partial in self.path.parent.glob(pattern):
            partial.unlink(missing_ok=True)


def _codec(network):
    return signs if isinstance(network, SignNetwork) else latents


def _sha256(value) -> str | None:
    """A fingerprint of an array, or of a pair of them."""
    if value is None:
        return None
    digest = hashlib.sha256()
    for array in value if isinstance(value, tuple) else (value,):
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _short(value) -> str:
    """A value for a message; of a fingerprint, the first few letters."""
    return f"{value[:12]}..." if isinstance(value, str) and len(value) == 64 else repr(value)[:60]
