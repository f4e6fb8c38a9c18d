"""Estimators in files: the network with its encoder, and what they make of labels and columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from bnnkit import files
from bnnkit.estimators.bep import BEPClassifier, LocalRuleClassifier
from bnnkit.estimators.binary_connect import BinaryConnectClassifier
from bnnkit.files import FileError
from bnnkit.ste import Adam

TABLES = {
    kind.__name__: kind for kind in (BEPClassifier, LocalRuleClassifier, BinaryConnectClassifier)
}
SERIES = "BEPRecurrentClassifier"
NOT_KEPT = ("callback", "checkpoint", "random_state", "verbose")  # of the run, not of the model


def save(estimator, path, *, hidden: bool = True, about: dict | None = None) -> int:
    """Save a fitted classifier and return the size in bytes.

    Parameters
    ----------
    estimator : a classifier of :mod:`bnnkit.estimators`, fitted
    path : where to; written whole or not at all
    hidden : keep what training goes on from; without it, one bit a visible weight
    about : your own notes, JSON values, for :func:`bnnkit.files.describe`

    The format is that of :mod:`bnnkit.files`; labels may be strings, whole numbers or bools.

    >>> import tempfile
    >>> X, y = [[0.0], [1.0]] * 9, ["a", "b"] * 9
    >>> model = BEPClassifier((9,), epochs=2, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = save(model, f"{folder}/model.bnn", hidden=False)
    ...     load(f"{folder}/model.bnn").predict([[0.0], [1.0]])
    array(['a', 'b'], dtype='<U1')
    """
    name = type(estimator).__name__
    if name not in (*TABLES, SERIES):
        raise TypeError(f"estimator must be one of {', '.join((*TABLES, SERIES))}, got {name}")
    check_is_fitted(estimator, "network_")
    params = estimator.get_params(deep=False).items()
    about = (about or {}) | {
        "estimator": name,
        "params": {key: _plain(value) for key, value in params if key not in NOT_KEPT},
        "classes": _plain(estimator.classes_),
        "labels": estimator.classes_.dtype.kind,
        "seed": estimator.seed_,
    }
    if about["labels"] == "O":
        about["labels"] = "U"
    if about["labels"] not in "biufU":
        raise TypeError(f"labels must be strings or numbers, got {estimator.classes_.dtype}")
    if name == SERIES:
        about["n_timepoints"] = estimator.n_timepoints_
    if hasattr(estimator, "feature_names_in_"):
        about["feature_names"] = [str(name) for name in estimator.feature_names_in_]
    model = estimator.network_
    if hasattr(estimator, "scaler_"):
        about["rows"] = int(estimator.scaler_.n_samples_seen_)
        about["mean"], about["scale"] = map(
            _plain, (estimator.scaler_.mean_, estimator.scaler_.scale_)
        )
    else:
        model = (estimator.reader_.encoder if name == SERIES else estimator.encoder_, model)
    return files.save(model, path, hidden=hidden, about=about)


def load(path):
    """Return the classifier that :func:`save` has written; safe on files from strangers.

    ``random_state``, ``callback``, ``checkpoint`` and ``verbose`` are as when newly made. Raises
    :class:`~bnnkit.files.FileError`, a ``ValueError``, for what is not a whole, undamaged model.
    """
    about, model = files.describe(path)["about"], files.load(path)
    try:
        return _rebuilt(about, model)
    except FileError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise FileError(f"{Path(path).name} holds no classifier: {error!r}"[:300]) from None


def _rebuilt(about: dict, model):
    name = about["estimator"]
    if name == SERIES:
        from bnnkit.estimators.series import BEPRecurrentClassifier

        kind: type = BEPRecurrentClassifier
    elif name in TABLES:
        kind = TABLES[name]
    else:
        raise FileError(f"an estimator of an unknown kind: {name!r}"[:120])
    allowed = set(kind().get_params(deep=False)) - set(NOT_KEPT)
    estimator = kind(**{key: value for key, value in about["params"].items() if key in allowed})
    classes = np.array(about["classes"])
    if classes.ndim != 1 or classes.dtype.kind not in "biufU" or len(classes) < 2:
        raise FileError("the labels are not a list of two or more")
    estimator.classes_ = classes
    estimator.seed_ = int(about["seed"])
    if kind is BinaryConnectClassifier:
        estimator.network_ = model
        scaler = StandardScaler()
        scaler.mean_, scaler.scale_ = np.array(about["mean"]), np.array(about["scale"])
        scaler.var_ = scaler.scale_**2
        scaler.n_features_in_ = estimator.n_features_in_ = len(scaler.mean_)
        scaler.n_samples_seen_ = np.int64(about["rows"])
        estimator.scaler_ = scaler
        estimator._rng, estimator._optimizer = np.random.default_rng(estimator.seed_), Adam()
        estimator._begin(np.empty((0, len(scaler.mean_))), np.empty(0, np.int64))
    elif name == SERIES:
        encoder, estimator.network_ = model
        estimator.n_timepoints_, estimator.n_classes_ = int(about["n_timepoints"]), len(classes)
        estimator._class_dictionary = {label: i for i, label in enumerate(classes)}
        estimator.reader_ = estimator._reader()
        rows, times = len(encoder.thresholds_), estimator.n_timepoints_
        channels = rows // times if estimator.reader_.reading.kind == "chunks" else rows
        estimator.reader_.encoder, estimator.reader_.shape = encoder, (channels, times)
        estimator.is_fitted = True
    else:
        estimator.encoder_, estimator.network_ = model
        estimator.n_features_in_ = len(estimator.encoder_.thresholds_)
        estimator._stream = None
    if estimator.network_.n_classes != len(classes):
        raise FileError(f"{len(classes)} labels for {estimator.network_.n_classes} classes")
    if "feature_names" in about:
        estimator.feature_names_in_ = np.array(about["feature_names"], dtype=object)
    return estimator


def _plain(value):
    """Arrays and NumPy's numbers as JSON has them."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value
