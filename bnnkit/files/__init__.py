"""Models in files, and training that survives a power cut.

:func:`save` and :func:`load` keep a trained model: one bit a visible weight and, if wanted, the
hidden integers to go on training from. A :class:`Checkpoint` goes on with a run that was
interrupted. Inside, ``container`` is the format; ``signs``, ``latents`` and ``encoders`` say how
each kind of model fills it; ``face`` and ``checkpoint`` are what users call.

**The format**, version 1. All numbers are little-endian; nothing is padded.

====================  ==========================================================================
bytes                 what
====================  ==========================================================================
0 to 7                magic ``89 42 4E 4E 0D 0A 1A 0A``: a high bit, "BNN", and line ends that
                      a transfer as text would damage
8 to 11               version of the format, unsigned: 1
12 to 15              M, the length of the manifest, unsigned
16 to 47              SHA-256 of bytes 0 to 15 and of everything from byte 48 on
48 to 47 + M          the manifest, JSON in UTF-8
from 48 + M           the arrays, in the manifest's order, nothing between them or behind
====================  ==========================================================================

The manifest is ``{"objects": [...], "about": {...}}``. An object has ``kind`` (the name of its
class), ``settings`` (what its class is made with), ``state`` (how far training is) and ``arrays``,
each ``[name, dtype, shape]``. The dtype ``bits`` holds signs, one bit each, row after row: bit
``i`` of byte ``j`` is sign ``8 j + i``, 1 is +1, and the spare bits of the last byte are 0. The
others are ``i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8``, row-major.

- A BEP network has ``W0``, ``W1``, ... (``bits``) or, to go on training, ``H0``, ``H1``, ...
  (``i2``), whose signs are the weights; a recurrent one has them in the order input to state, state
  to state, state to readout. ``P0`` are the prototypes, C x width (local credit: one a layer),
  ``s_0`` the first state, ``expansion`` the fixed first layer.
- A BinaryConnect network lists its layers in ``state``; the arrays of layer ``i`` are called
  ``layer_i_W``, ``layer_i_gamma``, and so on, those of the nets it is tested with ``binary0_i_W``.
  Weights of one magnitude are ``bits``, and the magnitude stands in the layer's row; batch norm
  stays real.
- An encoder has its ``thresholds`` or ``medians``.

A reader believes no size before all of them add up to exactly the length of the file. A file is
written beside its place, brought to the disk and renamed, so there is always a whole one.
"""

from bnnkit.files.checkpoint import Checkpoint
from bnnkit.files.container import FileError
from bnnkit.files.face import describe, dumps, load, loads, save

__all__ = ["Checkpoint", "FileError", "describe", "dumps", "load", "loads", "save"]
