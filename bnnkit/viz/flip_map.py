"""The weight-flip map: which bits flip as training goes, and the hidden numbers behind them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from bnnkit.errors import check_array, check_int
from bnnkit.viz.codec import decode, encode_integers
from bnnkit.viz.picture import sign_map
from bnnkit.viz.widget import Widget, still

LIMIT = 2**18  # numbers in a history: what a page can carry (about 700 kB of text in int16)
INTERVAL = 0.25  # seconds between two updates of a live map


class FlipMap(Widget):
    """A layer's ±1 map over training, coloured by inertia, with the flips of each step below.

    Parameters
    ----------
    H_history : array, shape (steps, out, in)
        The hidden integers of a layer (fitting int16), or float latents, one matrix a step. Floats
        are rounded for the picture to 32767 levels of the largest, away from zero, so that every
        sign stays what it is. A single matrix (out, in) is a history of one step.
    labels : sequence of str or int, optional
        What each step is called; 0, 1, 2, ... if left out.
    step_name : str
        What a step is: "epoch", "batch".
    tile : (rows, columns), optional
        Draw each neuron as a picture of that shape, for inputs that are pixels.
    title : str

    In Jupyter ``step`` and ``selected`` (``[row, column]`` or None) are synced both ways, and
    :meth:`append` feeds the map while a network trains. Raises ``ValueError`` for a history that a
    page cannot carry; pass a slice of it then.

    >>> FlipMap(np.array([[[1, -3], [5, 1]], [[-1, -3], [5, 3]]]))
    FlipMap(2 steps, 2 x 2 weights)
    """

    view = "flip_map"

    def __init__(
        self,
        H_history,
        labels: Sequence[str | int] | None = None,
        *,
        step_name: str = "epoch",
        tile: tuple[int, int] | None = None,
        title: str = "Which weights flip, and how close the others are",
    ):
        H = check_array(H_history, "H_history", ndim=(2, 3))
        H = H[np.newaxis] if H.ndim == 2 else H
        labels = [str(k) for k in (range(len(H)) if labels is None else labels)]
        if len(labels) != len(H):
            raise ValueError(f"labels must name {len(H)} steps, got {len(labels)}")
        H, unit = _integers(H)
        if H[0].size * 2 > LIMIT or H.size > LIMIT:
            raise ValueError(
                f"H_history must hold at most {LIMIT} numbers and two steps, got {H.shape}; "
                "pass some of the rows, columns or steps"
            )
        self._labels, self._stride, self._due = labels, 1, 0.0
        self._frames, self._seen, self._promised = list(H), len(H), False
        super().__init__(
            H=encode_integers(H),
            labels=labels,
            step=len(H) - 1,
            selected=None,
            step_name=str(step_name),
            unit=unit,
            tile=_check_tile(tile, H.shape[2]),
            title=str(title),
        )

    def append(self, H, label: str | int | None = None) -> None:
        """Add the next step's hidden integers, shape (out, in).

        The page is told at most four times a second, and once more when the running cell ends
        (or at :meth:`flush`). A history that grows too long keeps every second step, then every
        fourth. A map that shows its last step follows.
        """
        H = check_array(H, "H", ndim=2)
        if H.shape != self._frames[0].shape:
            raise ValueError(f"H must have shape {self._frames[0].shape}, got {H.shape}")
        if self.unit is not None or H.dtype.kind not in "iu":
            raise TypeError("append takes hidden integers; a map of latents cannot grow")
        encode_integers(H)  # says so now if they do not fit
        number, self._seen = self._seen, self._seen + 1
        if number % self._stride == 0:
            self._frames.append(np.array(H, np.int16))
            self._labels = [*self._labels, str(number if label is None else label)]
            if len(self._frames) * H.size > LIMIT:
                self._frames, self._labels = self._frames[::2], self._labels[::2]
                self._stride *= 2
        if time.monotonic() >= self._due:
            self.flush()
        elif not self._promised:
            self._flush_when_idle()

    def flush(self) -> None:
        """Show all steps that have been appended."""
        follows = self.step >= self.H["shape"][0] - 1
        with self._together():
            self.labels = self._labels
            self.H = encode_integers(np.stack(self._frames))
            self.step = len(self._frames) - 1 if follows else min(self.step, len(self._frames) - 1)
        self._due, self._promised = time.monotonic() + INTERVAL, False

    def _flush_when_idle(self) -> None:
        try:
            asyncio.get_running_loop().call_later(INTERVAL, self.flush)
            self._promised = True
        except RuntimeError:  # no notebook around us: nobody to wait for
            self.flush()

    def _summary(self) -> str:
        steps, rows, columns = self.H["shape"]
        return f"{steps} step{'s' * (steps != 1)}, {rows} x {columns} weights"

    def _still(self) -> str:
        H = decode(self.H)
        W = np.where(H < 0, -1, 1)
        flips = [int(n) for n in (W[1:] != W[:-1]).sum(axis=(1, 2))]
        words = f"{self.title}. The signs of {W[0].size} weights at {self.step_name} "
        words += f"{self.labels[self.step]}: +1 blue, -1 orange."
        if flips:
            words += f" Flips a step: {', '.join(map(str, flips))}."
        return still(words, sign_map(W[self.step], f"Map of {W[0].size} weights of +1 and -1"))


def _integers(H: np.ndarray) -> tuple[np.ndarray, float | None]:
    """Integers as they are; latents in units of largest / 32767, rounded away from zero."""
    if H.dtype.kind in "biu":
        return H.copy(), None
    unit = float(np.abs(H).max()) / 32767 or 1.0
    rounded = np.copysign(np.ceil(np.abs(H / unit)), H)
    return np.clip(rounded, -32767, 32767).astype(np.int16), unit


def _check_tile(tile, columns: int) -> list[int] | None:
    if tile is None:
        return None
    rows, across = (check_int(n, "tile", low=1) for n in tile)
    if rows * across != columns:
        raise ValueError(f"tile must have {columns} pixels, got {rows} x {across}")
    return [rows, across]
