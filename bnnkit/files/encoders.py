"""The encoders as stored objects: their thresholds, as they are."""

from __future__ import annotations

import numpy as np

from bnnkit.binarize import MedianBinarizer, ThermometerEncoder
from bnnkit.files import schema
from bnnkit.files.container import FileError, Stored

NUMBERS = "i2 i4 i8 u1 u2 u4 u8 f2 f4 f8"


def pack_median(encoder: MedianBinarizer, hidden: bool) -> Stored:
    """Return a fitted :class:`MedianBinarizer` as a stored object."""
    medians = _fitted(encoder, "medians_")
    return Stored("MedianBinarizer", {"scope": encoder.scope}, {}, {"medians": medians})


def unpack_median(stored: Stored) -> MedianBinarizer:
    """Return the binariser again."""
    scope = schema.keys(stored.settings, {"scope"}, "the settings")["scope"]
    schema.keys(stored.state, (), "the state")
    if scope not in ("feature", "global"):
        raise FileError("scope must be feature or global")
    encoder = MedianBinarizer(scope)
    encoder.medians_ = _numbers(stored, "medians", axes=1)
    return encoder


def pack_thermometer(encoder: ThermometerEncoder, hidden: bool) -> Stored:
    """Return a fitted :class:`ThermometerEncoder` as a stored object."""
    thresholds = _fitted(encoder, "thresholds_")
    bits = thresholds.shape[1]
    return Stored("ThermometerEncoder", {"bits": bits}, {}, {"thresholds": thresholds})


def unpack_thermometer(stored: Stored) -> ThermometerEncoder:
    """Return the encoder again."""
    bits = schema.keys(stored.settings, {"bits"}, "the settings")["bits"]
    schema.keys(stored.state, (), "the state")
    encoder = ThermometerEncoder(schema.integer(bits, "bits", low=1))
    encoder.thresholds_ = thresholds = _numbers(stored, "thresholds", axes=2)
    if thresholds.shape[1] != bits or (thresholds[:, 1:] < thresholds[:, :-1]).any():
        raise FileError(f"thresholds must be {bits} a feature, ascending")
    return encoder


def _numbers(stored: Stored, name: str, axes: int) -> np.ndarray:
    sealed = stored.arrays.get(name)
    shape = sealed.shape if sealed is not None and len(sealed.shape) == axes else (1,) * axes
    schema.arrays(stored, {name: (NUMBERS, shape)})
    return schema.finite(stored.arrays[name], name)


def _fitted(encoder, attribute: str) -> np.ndarray:
    if not hasattr(encoder, attribute):
        raise ValueError(f"{type(encoder).__name__} must be fitted before it is saved")
    array = np.asarray(getattr(encoder, attribute))
    small = array.dtype.kind == "b" or array.dtype == np.int8  # int8 stands for signs in a file
    return array.astype(np.int16) if small else array
