"""The binarisers of rung 1 as scikit-learn transformers."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from bnnkit import binarize


class _Encoder(TransformerMixin, BaseEstimator):
    """scikit-learn's conventions around a binariser: checked tables in, signs out."""

    def fit(self, X, y=None):
        """Find the thresholds of ``X``, shape (n, d), and return ``self``."""
        super().fit(validate_data(self, X))
        return self

    def transform(self, X) -> np.ndarray:
        """Return the signs of ``X`` as int8, shape (n, signs)."""
        check_is_fitted(self)
        return super().transform(validate_data(self, X, reset=False))

    def get_feature_names_out(self, input_features=None) -> np.ndarray:
        """Return a name for each sign: of its feature and, if there are several, its number."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        if input_features is not None:
            names = np.asarray(input_features, dtype=object)
        if names is None:
            names = np.array([f"x{i}" for i in range(self.n_features_in_)], dtype=object)
        if len(names) != self.n_features_in_:
            wanted, got = self.n_features_in_, len(names)
            raise ValueError(f"input_features must name {wanted} features, got {got}")
        if self._signs_a_feature() == 1:
            return names
        numbers = range(1, self._signs_a_feature() + 1)
        return np.array([f"{name}_{i}" for name in names for i in numbers], dtype=object)

    def _signs_a_feature(self) -> int:
        return 1

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # signs are int8, whatever came
        return tags


class MedianBinarizer(_Encoder, binarize.MedianBinarizer):
    """:class:`bnnkit.binarize.MedianBinarizer` for pipelines: one sign a feature.

    Parameters
    ----------
    scope : "feature" for one median a column, "global" for one median of all the numbers

    Attributes: ``medians_`` (d,), ``n_features_in_``, ``feature_names_in_`` where ``X`` names its
    columns.

    >>> MedianBinarizer().fit_transform([[0.0, 10.0], [1.0, 20.0], [2.0, 30.0]])
    array([[-1, -1],
           [-1, -1],
           [ 1,  1]], dtype=int8)
    """


class ThermometerEncoder(_Encoder, binarize.ThermometerEncoder):
    """:class:`bnnkit.binarize.ThermometerEncoder` for pipelines: several signs a feature.

    Parameters
    ----------
    bits : the number of thresholds a feature, quantiles of the training data

    Attributes: ``thresholds_`` (d, bits), ``n_features_in_``, ``feature_names_in_`` where ``X``
    names its columns.

    >>> encoder = ThermometerEncoder(bits=2).fit([[1.0], [2.0], [3.0], [4.0]])
    >>> encoder.transform([[2.5]])
    array([[ 1, -1]], dtype=int8)
    >>> encoder.get_feature_names_out(["height"])
    array(['height_1', 'height_2'], dtype=object)
    """

    def _signs_a_feature(self) -> int:
        return self.thresholds_.shape[1]
