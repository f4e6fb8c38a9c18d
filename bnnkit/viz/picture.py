"""Small SVG pictures for pages where no script runs: a map of signs, a line.

They carry classes of ``style.css`` instead of colours, so they follow the page's theme.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np


def sign_map(signs: np.ndarray, words: str) -> str:
    """Return a matrix of ±1 as an SVG: one square a sign; 0 stays empty, 2 is an error bit."""
    rows, columns = signs.shape
    paths = "".join(
        f'<path class="{name}" d="{_squares(signs == value)}"/>'
        for name, value in (("btl-plus", 1), ("btl-minus", -1), ("btl-wrong-bit", 2))
        if value in signs
    )
    return _svg(columns, rows, words, paths)


def curve(points: Sequence[tuple[float, float]], words: str) -> str:
    """Return points joined by a line, scaled to fill a picture three times as wide as high."""
    xy = np.asarray(points, float)
    span = np.ptp(xy, axis=0)
    unit = (xy - xy.min(axis=0)) / np.where(span > 0, span, 1)
    placed = " ".join(f"{5 + 290 * x:.1f},{95 - 90 * y:.1f}" for x, y in unit)
    return _svg(300, 100, words, f'<polyline class="btl-line" points="{placed}"/>')


def _squares(where: np.ndarray) -> str:
    """Runs of squares along each row, as SVG path commands."""
    commands = []
    for row, line in enumerate(where):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
        commands += [
            f"M{start} {row}h{stop - start}v1H{start}z"
            for start, stop in edges.reshape(-1, 2).tolist()
        ]
    return "".join(commands)


def _svg(width: int, height: int, words: str, body: str) -> str:
    return (
        f'<svg class="btl-picture" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{html.escape(words, quote=True)}" preserveAspectRatio="xMidYMid meet">'
        f"{body}</svg>"
    )
