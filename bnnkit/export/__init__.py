"""A trained network as one C99 header, for a microcontroller or anything else with a C compiler.

:func:`export_c` writes it: weights as ``const`` words of 32 bits, integer arithmetic only, no
malloc, no libc. ``plan`` brings every kind of network into one integer form, ``render`` writes that
down as C, ``templates`` are the C that all networks share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnnkit.bep import BEPNetwork
from bnnkit.errors import check_array
from bnnkit.export.plan import plan
from bnnkit.export.render import Header
from bnnkit.files.face import write_atomically

__all__ = ["Exported", "export_c"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
MAX_EXAMPLES = 100_000


@dataclass(frozen=True)
class Exported:
    """What :func:`export_c` wrote: the files, and the bytes that the constants and arrays take."""

    header: Path
    example: Path | None
    flash_bytes: int
    stack_bytes: int


def export_c(model, path, *, input_type: str | None = None, examples=None) -> Exported:
    """Write a trained network as a C99 header.

    Parameters
    ----------
    model : BEPNetwork, BEPRecurrentNetwork, a BinaryConnectNetwork with ``activation="sign"`` that
        reads signs, or a tuple of a MedianBinarizer or ThermometerEncoder and one of these; for
        series, of a :class:`bnnkit.readings.Reader` and a BEPRecurrentNetwork
    path : where to, as in ``digits.h``; the names in C begin with the name of the file, a valid
        name in C
    input_type : "uint8" (the default), "int8", "uint16" or "int16", what the C function reads with
        an encoder; without one it reads signs as "int8"
    examples : integers as the C function reads them, (n, inputs) or (n, channels, time): write
        also ``digits_example.c``, whose ``main`` returns how many of them come out with another
        class than here

    The header gives ``digits_predict``, the class number, and ``digits_scores``; macros say how
    many bytes of flash and stack they take. Each row of weights takes whole words. The scores of a
    BEP network are the integers of ``decision_function``. Batch norms become integer limits; at the
    end, where no sign follows, integers in the order of the real outputs, so that the classes are
    those of ``predict(X, "binary")``.

    Raises ``TypeError`` for a network that is not of signs throughout.

    >>> import tempfile
    >>> from bnnkit import BEPNetwork
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     exported = export_c(BEPNetwork((64, 63), 10), Path(folder, "tiny.h"))
    ...     "static inline uint32_t tiny_predict(" in exported.header.read_text()
    True
    >>> exported.flash_bytes == 4 * (63 * 2 + 10 * 2)
    True
    """
    from bnnkit import __version__

    path = Path(path)
    name = path.stem
    if path.suffix != ".h" or not NAME.fullmatch(name):
        raise ValueError(f"path must end in a name of C and .h, as in digits.h, got {path.name!r}")
    integers = plan(model, input_type)
    header = Header(integers, name, __version__)
    example, text = None, ""
    if examples is not None:
        X = _checked_examples(examples, integers)
        example = path.with_name(f"{name}_example.c")
        text = header.example(X, _classes(model, X))
    write_atomically(path, header.text.encode())
    if example is not None:
        write_atomically(example, text.encode())
    return Exported(path, example, header.flash, header.stack)


def _checked_examples(examples, integers) -> np.ndarray:
    X = check_array(examples, "examples", ndim=2 if integers.memory is None else 3)
    limits = np.iinfo(integers.input_type)
    if (X != np.floor(X)).any() or X.min() < limits.min or X.max() > limits.max:
        raise ValueError(f"examples must hold integers of the type {integers.input_type}")
    if X.shape[1] != integers.inputs:
        raise ValueError(f"examples must have {integers.inputs} columns, got shape {X.shape}")
    if integers.chunks is not None and X.shape[2] != integers.chunks.times:
        raise ValueError(f"examples must have {integers.chunks.times} times, got shape {X.shape}")
    if len(X) > MAX_EXAMPLES:
        raise ValueError(f"examples must be at most {MAX_EXAMPLES}, got {len(X)}")
    return X.astype(integers.input_type)


def _classes(model, X: np.ndarray) -> np.ndarray:
    """The classes that Python gives."""
    encoder, network = model if isinstance(model, (tuple, list)) else (None, model)
    X = X if encoder is None else encoder.transform(X)
    if isinstance(network, BEPNetwork) and network.widths[0] == X.shape[1] + 1:  # see `plan`
        X = np.hstack([X, np.ones((len(X), 1), np.int8)])
    if hasattr(network, "test_nets"):
        return network.predict(X.astype(network.dtype), "binary")
    return network.predict(X)
