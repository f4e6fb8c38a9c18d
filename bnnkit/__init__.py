"""bnnkit: networks of signs, trained bit by bit. The package that *Bits That Learn* builds up.

The rungs of the ladder are the modules ``binarize``, ``ste``, ``packed``, ``bep`` and
``recurrent``; a rung imports only lower ones. The names that readers use most are here.
"""

from importlib.metadata import PackageNotFoundError, version

from bnnkit.bep import BEPNetwork
from bnnkit.binarize import MedianBinarizer, ThermometerEncoder, sign, stochastic_sign
from bnnkit.engine import use_engine
from bnnkit.files import load, save
from bnnkit.packed import BitMatrix
from bnnkit.recurrent import BEPRecurrentNetwork

try:
    __version__ = version("bnnkit")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "BEPNetwork",
    "BEPRecurrentNetwork",
    "BitMatrix",
    "MedianBinarizer",
    "ThermometerEncoder",
    "load",
    "save",
    "sign",
    "stochastic_sign",
    "use_engine",
]
