"""A signal, its quantile thresholds, and the bits that come out."""

from __future__ import annotations

import numpy as np

from bnnkit.binarize import ThermometerEncoder
from bnnkit.errors import check_array, check_int
from bnnkit.viz.picture import sign_map
from bnnkit.viz.widget import Widget, still


class Thermometer(Widget):
    """A signal as a thermometer code: one row of bits for each of its quantiles.

    Parameters
    ----------
    signal : array of 2 .. 512 numbers
    bits : int in 1 .. most
        Thresholds to begin with; the slider goes from 1 to ``most``.
    most : int in 1 .. 32

    In Jupyter ``bits`` and ``at`` (the time that is read out) are synced both ways.

    >>> Thermometer([0.0, 1.0, 4.0, 2.0], bits=3)
    Thermometer(4 values, 3 bits)
    """

    view = "thermometer"

    def __init__(
        self,
        signal,
        bits: int = 4,
        *,
        most: int = 10,
        title: str = "A number as a thermometer of bits",
    ):
        signal = check_array(signal, "signal", ndim=1)
        if not 2 <= len(signal) <= 512:
            raise ValueError(f"signal must hold 2 .. 512 numbers, got {len(signal)}")
        most = check_int(most, "most", 1, 32)
        super().__init__(
            signal=[float(x) for x in signal],
            bits=check_int(bits, "bits", 1, most),
            most=most,
            at=int(np.argmax(signal)),
            title=str(title),
        )

    def _summary(self) -> str:
        return f"{len(self.signal)} values, {self.bits} bits"

    def _still(self) -> str:
        column = np.array(self.signal)[:, None]
        encoder = ThermometerEncoder(self.bits).fit(column)
        listed = ", ".join(f"{t:.4g}" for t in encoder.thresholds_[0])
        words = (
            f"A signal of {len(column)} values with {self.bits} quantile thresholds ({listed}): a "
            "row for each threshold, blue where the signal is above it, orange where it is not."
        )
        return still(words, sign_map(encoder.transform(column).T[::-1], "The signal's bits"))
