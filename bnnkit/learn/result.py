"""What the reader sees: results, hints and solutions, as stable text and as HTML."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass, field

from bnnkit.learn.draw import HEAD, Grid

CARD = "border-left:4px solid {};padding:.3em 1em;margin:.5em 0;overflow-x:auto;"
GREEN, RED, BLUE = "#2e8b57", "#e0403a", "#4a7fc1"


@dataclass(frozen=True)
class Result:
    """What a check found: true if it passed, else the smallest failing case and one next step."""

    id: str
    title: str
    passed: bool
    good: int
    total: int
    grids: list[Grid] = field(default_factory=list)
    law: str = ""
    says: str = ""
    printed: str = ""
    why: str = ""
    note: str = ""

    def __bool__(self) -> bool:
        return self.passed

    @property
    def headline(self) -> str:
        cases = f"{self.good} of {self.total} cases"
        if self.passed:
            return f"{self.id} {self.title}: passed" + (f", {cases}." if self.total > 1 else ".")
        if self.total == 1:
            return f"{self.id} {self.title}: not yet."
        smallest = " The smallest that fails:" if self.grids else ""
        return f"{self.id} {self.title}: not yet, {cases}.{smallest}"

    @property
    def more(self) -> str:
        return self.note if self.passed else f'More help: hint("{self.id}")'

    def __repr__(self) -> str:
        lines = [self.headline]
        if self.law:
            lines += ["", *wrapped(self.law)]
        if self.grids:
            indent = max(len(grid.label) for grid in self.grids) + 2
            lines += ["", *(line for grid in self.grids for line in grid.text(indent))]
        if self.printed:
            lines += ["", "It printed:", *("  " + x for x in self.printed.splitlines()[:10])]
        if self.says:
            lines += ["", *wrapped(f"Next: {self.says}")]
        if self.passed and self.why:
            lines += ["", *wrapped(self.why)]
        return "\n".join([*lines, *([self.more] if self.more else [])])

    def _repr_html_(self) -> str:
        parts = [f"<strong>{html.escape(self.headline)}</strong>"]
        if self.law:
            parts.append(f"<p>{html.escape(self.law)}</p>")
        if self.grids:
            rows = "".join(grid.html() for grid in self.grids)
            parts.append(f'<table style="border-collapse:collapse;margin:.5em 0">{rows}</table>')
        if self.printed:
            rows = html.escape("\n".join(self.printed.splitlines()[:10]))
            parts.append(f'<p style="{HEAD}">It printed:</p><pre>{rows}</pre>')
        for text in (f"Next: {self.says}" if self.says else "", self.why, self.more):
            if text:
                parts.append(f"<p>{html.escape(text)}</p>")
        style = CARD.format(GREEN if self.passed else RED)
        return f'<div role="status" style="{style}">{"".join(parts)}</div>'


@dataclass(frozen=True)
class Text:
    """A short text under a headline: a hint, or a worked solution with its why."""

    headline: str
    body: str = ""
    code: str = ""
    why: str = ""
    folded: bool = False

    def __repr__(self) -> str:
        body, why = ("\n".join(wrapped(text)) for text in (self.body, self.why))
        return "\n\n".join(part for part in (self.headline, body, self.code, why) if part)

    def _repr_html_(self) -> str:
        code = f"<pre><code>{html.escape(self.code)}</code></pre>" if self.code else ""
        body = "".join(f"<p>{html.escape(x)}</p>" for x in (self.body,) if x)
        why = f"<p>{html.escape(self.why)}</p>" if self.why else ""
        head, style = html.escape(self.headline), CARD.format(BLUE)
        if self.folded:
            inside = f"<summary>{head}</summary>{body}{code}{why}"
            return f'<details style="{style}">{inside}</details>'
        return f'<div style="{style}"><strong>{head}</strong>{body}{code}{why}</div>'


def wrapped(text: str) -> list[str]:
    """Return the lines of a paragraph, short enough to read."""
    return textwrap.wrap(text, 88)
