"""Values drawn as bits, in text and in HTML.

Signs (int8) are ``+``, ``-`` and ``0``; packed words are their 64 bits, bit 0 first; other numbers
are numbers. Two values drawn together share their columns, and the cells that differ are marked.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

ROWS, BITS, NUMBERS = 8, 64, 12  # how much of a large value is drawn


@dataclass(frozen=True)
class Grid:
    """A labelled value as rows of short strings; ``marks`` are the cells to point at."""

    label: str
    rows: list[list[str]]
    bits: bool = False
    marks: np.ndarray | None = None
    note: str = ""
    width: int = 1
    pointed: bool = False  # draw ^ under the marks, in text

    def text(self, indent: int) -> list[str]:
        """Return the lines of text, a line of ``^`` under each row that has marks."""
        lines = []
        for i, row in enumerate(self.rows):
            lines.append(self._line(row))
            if self.pointed and self.marks is not None and self.marks[i].any():
                marks = ["^" * (1 if self.bits else self.width) if m else "" for m in self.marks[i]]
                lines.append(self._line(marks))
        if self.note:
            lines.append(self.note)
        label = f"  {self.label:<{indent}}"
        return [
            (label if i == 0 else " " * len(label)) + line.rstrip() for i, line in enumerate(lines)
        ]

    def _line(self, row: list[str]) -> str:
        if not self.bits:
            return "  ".join(f"{cell:>{self.width}}" for cell in row)
        line = "".join(f"{cell:1}" for cell in row)
        return " ".join(line[i : i + 8] for i in range(0, len(line), 8))

    def html(self) -> str:
        """Return a row of a table: the label, and the cells as small squares or numbers."""
        rows = []
        for i, row in enumerate(self.rows):
            cells = []
            for j, cell in enumerate(row):
                marked = self.marks is not None and self.marks[i][j]
                style = CELL + (BIT if self.bits else NUMBER)
                if self.bits and cell in ("+", "1"):
                    style += FILLED
                if marked:
                    style += MARKED
                cells.append(f'<span style="{style}">{html.escape(cell)}</span>')
            rows.append(f'<div style="white-space:nowrap">{"".join(cells)}</div>')
        if self.note:
            rows.append(f"<small>{html.escape(self.note)}</small>")
        return (
            f'<tr><th scope="row" style="{HEAD}">{html.escape(self.label)}</th>'
            f'<td style="{DATA}">{"".join(rows)}</td></tr>'
        )


# Colours follow the page: currentColor and one red that reads on light and on dark.
CELL = "display:inline-block;box-sizing:border-box;text-align:center;margin:1px;"
BIT = "width:1.3em;height:1.5em;line-height:1.4em;border:1px solid currentColor;"
NUMBER = "min-width:2em;padding:0 .3em;border:1px solid transparent;"
FILLED = "background:color-mix(in srgb,currentColor 22%,transparent);"
MARKED = "border:2px solid #e0403a;font-weight:bold;"
HEAD = "text-align:left;vertical-align:top;font-weight:normal;padding-right:1em;white-space:nowrap;"
DATA = "text-align:left;font-family:monospace;"


def draw(
    label: str, value: Any, beside: Any = None, marks: np.ndarray | None = None, pointed=False
) -> Grid:
    """Return ``value`` as a grid, its columns as wide as those of ``beside`` (if any).

    ``marks`` is a boolean array of the value's shape (of its bits, for packed words). A value too
    large to draw whole is drawn around its first mark.
    """
    if not drawable(value):
        return Grid(label, [[describe(value)]])
    beside = beside if drawable(beside) else None
    shown = [np.asarray(x) for x in (value, beside) if x is not None]
    signs = any(x.dtype == np.int8 for x in shown)
    words = all(x.dtype == np.uint64 and x.ndim > 0 for x in shown)
    rows, bits = cells(value, signs, words)
    if not rows or not rows[0]:
        return Grid(label, [["(empty)"]], note=f"(of shape {np.shape(value)})")
    if beside is None and np.size(value) > BITS and len(np.unique(value)) == 1:
        return Grid(label, [[f"{np.size(value)} times {rows[0][0]}"]])
    both = rows if beside is None else rows + cells(beside, signs, words)[0]
    width = max(len(cell) for row in both for cell in row)
    marks = None if marks is None else _fitted(marks, len(rows), len(rows[0]))
    grid = Grid(label, rows, bits and width == 1, marks, "", width, pointed)
    return _cropped(grid, np.shape(value))


def _fitted(marks: np.ndarray, rows: int, columns: int) -> np.ndarray | None:
    """Marks as rows of cells; a mark on a word becomes one on each of its bits."""
    each = rows * columns // max(marks.size, 1)
    return np.repeat(marks, each).reshape(rows, columns) if each else None


def _cropped(grid: Grid, shape: tuple[int, ...]) -> Grid:
    columns = BITS if grid.bits else NUMBERS
    if len(grid.rows) <= ROWS and len(grid.rows[0]) <= columns:
        return grid
    marks = grid.marks
    first = np.argwhere(marks)[0] if marks is not None and marks.any() else (0, 0)
    top, left = first[0] // ROWS * ROWS, first[1] // columns * columns
    down, across = slice(top, top + ROWS), slice(left, left + columns)
    size = " x ".join(str(n) for n in shape)
    return replace(
        grid,
        rows=[row[across] for row in grid.rows[down]],
        marks=None if marks is None else marks[down, across],
        note=f"(part of {size}, from row {top}, column {left})",
    )


def drawable(value: Any) -> bool:
    """Say whether a value is a number or an array of numbers."""
    return isinstance(value, (bool, int, float, np.number, np.bool_, np.ndarray))


def cells(value: Any, signs: bool = False, words: bool = False) -> tuple[list[list[str]], bool]:
    """Return a value as rows of strings, and whether each cell is one bit.

    With ``signs``, an array of nothing but -1, 0 and +1 is drawn as signs; with ``words``, uint64
    words are drawn as their bits.
    """
    array = np.asarray(value)
    if words:
        return [["01"[bit] for bit in row] for row in word_bits(array)], True
    rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    if array.dtype == bool:
        return [["01"[int(x)] for x in row] for row in rows], True
    if signs and array.ndim and array.dtype.kind in "if" and np.isin(array, (-1, 0, 1)).all():
        return [["0+-"[int(x)] for x in row] for row in rows], True
    return [[_number(x) for x in row] for row in rows.tolist()], False


def word_bits(words: np.ndarray) -> np.ndarray:
    """Return the bits of packed words, bit 0 first: uint64 (..., n) to uint8 (rows, 64 n)."""
    words = np.ascontiguousarray(words, dtype="<u8")
    rows = words.reshape(-1, words.shape[-1]) if words.ndim else words.reshape(1, 1)
    return np.unpackbits(rows.view(np.uint8), axis=1, bitorder="little")


def describe(value: Any) -> str:
    """Return a short stable text for a value that is no grid of numbers."""
    if value is None:
        return "None"
    if isinstance(value, np.random.Generator):
        return "a seeded generator"
    if isinstance(value, (tuple, list)):
        inside = ", ".join(describe(x) if not drawable(x) else _short(x) for x in value[:6])
        return f"{type(value).__name__} of {len(value)}: {inside}"
    if hasattr(value, "text") and hasattr(value, "type"):
        return f"{value.type} {value.text}".strip()
    if isinstance(value, str):
        return repr(value)[:60]
    return type(value).__name__  # a repr may hold an address, which is never the same


def _short(value: Any) -> str:
    array = np.asarray(value)
    return _number(array.item()) if array.ndim == 0 else f"array {array.shape}"


def _number(x: float) -> str:
    return f"{x:.4g}" if isinstance(x, float) else str(x)
