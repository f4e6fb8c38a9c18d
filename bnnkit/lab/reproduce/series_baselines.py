"""Two honest yardsticks for the series: logistic regression and 1-NN on bits of the whole series.

They see the thermometer code of all times at once, and the folds are those of the networks.
"""

from __future__ import annotations

import hashlib
from typing import Any

from bnnkit.datasets import Dataset
from bnnkit.lab.reproduce.experiment import Monitor, Run
from bnnkit.lab.reproduce.folds import cases_of_fold
from bnnkit.lab.reproduce.methods import percent
from bnnkit.packed import BitMatrix
from bnnkit.readings import Reader, Reading

SETTINGS: dict[str, dict[str, Any]] = {
    "logistic": {"read_bits": 10, "C": [0.001, 0.01, 0.1]},
    "1nn": {"read_bits": 10},
}


def judge_yardstick(data: Dataset, run: Run, monitor: Monitor) -> dict[str, Any]:
    """Fit the yardstick that the run names to the training cases of its fold, and test it."""
    (X, y), (X_test, y_test) = cases_of_fold(data, run.fold, run.seed)
    reader = Reader(Reading("chunks", 1, run.options["read_bits"])).fit(X)
    bits, bits_test = (reader.transform(part)[:, :, 0] for part in (X, X_test))
    if run.method == "1nn":
        packed = BitMatrix.from_signs(bits)
        nearest = (BitMatrix.from_signs(bits_test) @ packed.T).argmax(axis=1)
        return {
            "test_accuracy": percent((y[nearest] == y_test).mean()),
            "weights_sha256": hashlib.sha256(packed.words.tobytes()).hexdigest(),
        }
    return _logistic(bits, y, bits_test, y_test, run.options["C"])


def _logistic(bits, y, bits_test, y_test, penalties: list[float]) -> dict[str, Any]:
    """The penalty that does best in 3-fold cross-validation of the training cases."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(LogisticRegression(max_iter=200, tol=1e-3), {"C": penalties}, cv=3)
    search.fit(bits.astype("f4"), y)
    weights = search.best_estimator_.coef_
    return {
        "test_accuracy": percent(search.score(bits_test.astype("f4"), y_test)),
        "tuning_accuracy": percent(search.best_score_),
        "best_C": search.best_params_["C"],
        "weights_sha256": hashlib.sha256(weights.tobytes()).hexdigest(),
    }
