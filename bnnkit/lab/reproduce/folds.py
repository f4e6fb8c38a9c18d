"""Three folds of a set of series: what is trained on, what is tested on."""

from __future__ import annotations

from bnnkit.datasets import Dataset, fill_missing, stratified_folds

FOLDS = 3


def cases_of_fold(data: Dataset, fold: int, seed: int) -> tuple:
    """Return the training and the test cases of a fold, pairs of series without gaps and classes.

    Training and test cases of the archive are pooled; a short series moves to the end.
    """
    X, y = data.pooled()
    X = fill_missing(X, padding="shift")
    train, test = stratified_folds(y, FOLDS, seed=seed)[fold]
    return (X[train], y[train]), (X[test], y[test])
