"""Plots in the look of the book: a matplotlib figure as SVG that takes the colours of its page.

Light or dark, in Jupyter or on the site: lines and letters have the page's own ink, +1 its blue
and -1 its orange. Needs matplotlib (``pip install "bnnkit[widgets]"``).

>>> fig, ax = figure()
>>> line = ax.plot([0, 1], [1, 0], color=PLUS)
>>> picture(fig, "A line that falls from one to zero.")
Picture('A line that falls from one to zero.')
"""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass

from bnnkit.errors import check_number

INK, PLUS, MINUS, GREY = "#1d2734", "#1f5fa9", "#b4540b", "#6b7281"

# What each becomes on the page; the second colour serves where the page brings none of its own,
# and reads on white and on black.
PAGE = {
    INK: "currentColor",
    PLUS: "var(--btl-plus, #3f83c8)",
    MINUS: "var(--btl-minus, #cc7629)",
    GREY: "var(--btl-zero, #7d8793)",
}

STYLE = {
    "font.family": "sans-serif",
    "font.size": 11,
    "svg.fonttype": "none",  # letters stay letters: they can be read aloud and searched
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
}


def figure(width: float = 4.6, height: float = 2.9, rows: int = 1, columns: int = 1, **options):
    """Return a matplotlib figure and its axes, in the book's look.

    Sizes are in inches: 4.6 fills a phone with letters that can still be read. ``options`` go to
    ``Figure.subplots``. The figure belongs to no window; :func:`picture` shows it.
    """
    import matplotlib
    from matplotlib.figure import Figure

    check_number(width, "width", 0, open_low=True)
    check_number(height, "height", 0, open_low=True)
    with matplotlib.rc_context(STYLE):
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(rows, columns, **options)


@dataclass(frozen=True, repr=False)
class Picture:
    """A drawn figure and the words that stand for it."""

    alt: str
    svg: str

    def __repr__(self) -> str:
        return f"Picture({self.alt!r})"

    def _repr_html_(self) -> str:
        alt = html.escape(self.alt)
        words = f'class="btl-drawing" role="img" aria-label="{alt}"'
        return f'<div {words} style="text-align:center">{self.svg}</div>'


def picture(fig, alt: str) -> Picture:
    """Return ``fig`` as a picture that a notebook shows, with ``alt`` for who cannot see it."""
    import matplotlib
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    if not isinstance(alt, str) or len(alt) < 20:
        raise ValueError(f"alt must say in words what is drawn, got {alt!r}")
    for legend in fig.findobj(Legend):
        legend.set_frame_on(False)
    for text in fig.findobj(Text):  # what was written later, outside of our style
        if text.get_color() == "black":
            text.set_color(INK)
    file = io.StringIO()
    own_ids = {"svg.hashsalt": alt}  # the same in every run, and no other picture's
    with matplotlib.rc_context(STYLE | own_ids):
        fig.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # names that a second figure would repeat
    svg = svg.replace("*{", ".btl-drawing *{")  # a rule for this picture, not for the whole page
    for ours, pages in PAGE.items():
        svg = svg.replace(ours, pages)
    return Picture(alt, svg)
