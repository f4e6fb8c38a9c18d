"""Which samples a widget carries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.errors import check_array

EACH, MOST = 2, 10


def chosen_rows(samples: Sequence[int] | None, y: np.ndarray) -> np.ndarray:
    """Return the rows that were asked for, or the first two of each class, at most ten in all.

    >>> y = np.array([0, 0, 0, 1, 2, 1])
    >>> chosen_rows([3, 1], y), chosen_rows(None, y)
    (array([3, 1]), array([0, 1, 3, 4, 5]))
    """
    if samples is None:
        rows = np.concatenate([np.flatnonzero(y == c)[:EACH] for c in np.unique(y)])
        return np.sort(rows[:MOST])
    rows = check_array(samples, "samples", ndim=1)
    if rows.dtype.kind not in "iu":
        raise TypeError(f"samples must hold integers, got dtype {rows.dtype}")
    if rows.min() < 0 or rows.max() >= len(y):
        raise ValueError(
            f"samples must be rows 0 .. {len(y) - 1}, got {rows.min()} .. {rows.max()}"
        )
    return rows
