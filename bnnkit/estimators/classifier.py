"""What the classifiers of tables share: labels, seeds, the validation split, when to stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from bnnkit.errors import as_array, check_int, check_number, check_widths


class TableClassifier(ClassifierMixin, BaseEstimator, ABC):
    """scikit-learn's conventions around a network: tables and any labels in, labels out.

    A subclass implements :meth:`_train` and :meth:`_scores`.
    """

    def fit(self, X, y, validation: tuple | None = None):
        """Train on ``X``, real numbers of shape (n, d), and ``y``, labels of any kind.

        Parameters
        ----------
        X : array-like, shape (n, d), finite
        y : array-like, shape (n,), at least two classes
        validation : ``(X, y)`` to choose the epoch by; with ``early_stopping`` and no
            ``validation``, a share of the training data is kept aside for it

        Returns ``self``. The same ``random_state`` and data give the same network.
        """
        X, y = validate_data(self, X, y)
        self._learn_classes(y, "y")
        y = self._numbers(y)
        self.seed_ = seed_of(self.random_state)
        if validation is None and self.early_stopping:
            X, y, validation = self._split(X, y)
        elif validation is not None:
            if not isinstance(validation, (tuple, list)) or len(validation) != 2:
                raise TypeError(
                    f"validation must be a pair (X, y), got {type(validation).__name__}"
                )
            X_val, y_val = validate_data(self, *validation, reset=False)
            validation = X_val, self._numbers(y_val)
        self._train(X, y, validation)
        return self

    def decision_function(self, X) -> np.ndarray:
        """Return a score a class, shape (n, C), the largest wins.

        For two classes, shape (n,): above 0 where ``classes_[1]`` wins.
        """
        check_is_fitted(self)
        scores = self._scores(validate_data(self, X, reset=False))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X) -> np.ndarray:
        """Return the label of each row, shape (n,)."""
        scores = self.decision_function(X)
        winners = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[winners]

    def _learn_classes(self, labels, name: str) -> None:
        if labels.dtype.kind == "S":  # scikit-learn before 1.7 lets them pass
            raise TypeError(f"{name} must hold strings or numbers as labels, got bytes")
        if labels.dtype.kind in "fc" and not np.isfinite(labels).all():
            raise ValueError(f"{name} must hold labels, got NaN or infinity")
        try:
            labels = column_or_1d(labels)
            check_classification_targets(labels)
            found = np.unique(labels)
        except (TypeError, ValueError) as error:  # a table, None among the labels, real numbers
            raise type(error)(f"{name} must hold labels: {error}") from None
        if len(found) < 2:
            got = f"one class: {found[0]}" if len(found) else "none"
            raise ValueError(f"{name} must hold at least two classes, got {got}")
        self.classes_ = found

    def _begin_stream(self, classes) -> bool:
        """At the first call of ``partial_fit`` learn the classes and return True."""
        if not hasattr(self, "network_"):
            if classes is None:
                raise ValueError("classes must be given at the first call of partial_fit")
            self._learn_classes(as_array(classes, "classes"), "classes")
            self.seed_ = seed_of(self.random_state)
            return True
        if classes is not None and not _same(classes, self.classes_):
            raise ValueError(f"classes must stay as at the first call, {self.classes_.tolist()}")
        return False

    def _numbers(self, y) -> np.ndarray:
        """The place of each label in ``classes_``."""
        y = np.asarray(y)
        unknown = ~np.isin(y, self.classes_)
        if unknown.any():
            raise ValueError(f"y must hold labels of classes_, got {y[unknown][:1].tolist()[0]!r}")
        return np.searchsorted(self.classes_, y)

    def _split(self, X, y):
        """Set a share of the training data aside, with each class's share of it."""
        share = check_number(self.validation_fraction, "validation_fraction", 0, 1, open_low=True)
        try:
            X, X_val, y, y_val = train_test_split(
                X, y, test_size=share, stratify=y, random_state=self.seed_
            )
        except ValueError as error:
            wanted = (
                f"validation_fraction must leave cases of every class on both sides, got {share}"
            )
            raise ValueError(f"{wanted}: {error}") from None
        return X, y, (X_val, y_val)

    def _after_epoch(self):
        """The callback of one training: the reader's own, and an end when nothing improves."""
        if self.callback is not None and not callable(self.callback):
            raise TypeError(f"callback must be callable, got {type(self.callback).__name__}")
        patience = None
        if self.early_stopping:
            patience = check_int(self.n_iter_no_change, "n_iter_no_change", low=1)
        best, waited = np.inf, 0

        def after(network, record) -> bool:
            nonlocal best, waited
            stop = self.callback is not None and self.callback(network, record) is True
            error = _validation_error(record)
            if patience is None or error is None:
                return stop
            waited = 0 if error < best else waited + 1
            best = min(best, error)
            return stop or waited >= patience

        return after

    @abstractmethod
    def _train(self, X, y, validation) -> None:
        """Make ``network_`` and train it on a checked table and class numbers."""

    @abstractmethod
    def _scores(self, X) -> np.ndarray:
        """Return a score a class for each row of a checked table, shape (n, C)."""


def seed_of(random_state) -> int:
    """Return the seed in 0 .. 2**32 - 1 that ``random_state`` stands for; an int is itself."""
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return int(check_random_state(random_state).randint(2**32 - 1, dtype=np.uint32))
    return check_int(random_state, "random_state", 0, 2**32 - 1)


def hidden_layers(widths) -> tuple[int, ...]:
    """Return the hidden widths of a network; a single number is one layer."""
    return check_widths([widths] if isinstance(widths, Integral) else widths, "hidden_widths")


def _same(classes, known: np.ndarray) -> bool:
    try:
        return np.array_equal(np.unique(as_array(classes, "classes")), known)
    except TypeError:  # they cannot even be sorted
        return False


def _validation_error(record) -> float | None:
    if isinstance(record, dict):
        return record.get("validation_error")
    return record.validation_error
