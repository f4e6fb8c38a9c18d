"""The networks of this package as scikit-learn and aeon estimators.

Tables: :class:`BEPClassifier`, :class:`LocalRuleClassifier`, :class:`BinaryConnectClassifier` (what
they share, ``fit`` and ``predict``, is in :class:`TableClassifier`) and the transformers
:class:`MedianBinarizer` and :class:`ThermometerEncoder` (they need scikit-learn).
Time series: :class:`BEPRecurrentClassifier` (it needs aeon, imported when first asked for).
:func:`save` and :func:`load` keep a fitted classifier in a file.
"""

from bnnkit.estimators.bep import BEPClassifier, LocalRuleClassifier
from bnnkit.estimators.binary_connect import BinaryConnectClassifier
from bnnkit.estimators.classifier import TableClassifier
from bnnkit.estimators.encoders import MedianBinarizer, ThermometerEncoder
from bnnkit.estimators.storage import load, save

__all__ = [
    "BEPClassifier",
    "BinaryConnectClassifier",
    "LocalRuleClassifier",
    "MedianBinarizer",
    "TableClassifier",
    "ThermometerEncoder",
    "load",
    "save",
]


def __dir__() -> list[str]:
    return [*__all__, "BEPRecurrentClassifier"]


def __getattr__(name: str):
    if name == "BEPRecurrentClassifier":  # aeon takes seconds to import
        from bnnkit.estimators.series import BEPRecurrentClassifier

        return BEPRecurrentClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
