"""Rows into tables: means beside the published figures, nothing typed by hand."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

Row = dict[str, Any]


def read_results(folder) -> list[Row]:
    """Return the rows of every ``*.json`` in ``folder``, in the order of the files' names."""
    paths = sorted(Path(folder).glob("*.json"))
    if not paths:
        raise FileNotFoundError(f"folder {folder} holds no result files (*.json)")
    return [row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))]


def select(rows: Iterable[Row], **wanted) -> list[Row]:
    """Return the rows that have all these values; a tuple of values means any of them.

    >>> select([{"seed": 0}, {"seed": 1}, {"seed": 2}], seed=(0, 2))
    [{'seed': 0}, {'seed': 2}]
    """

    def fits(row):
        return all(
            row.get(name) in value if isinstance(value, tuple) else row.get(name) == value
            for name, value in wanted.items()
        )

    return [row for row in rows if fits(row)]


def grouped(rows: Iterable[Row], *names: str) -> dict[tuple, list[Row]]:
    """Return the rows by their values of ``names``, in the order in which they first come.

    >>> list(grouped([{"nu": 0.1, "seed": 0}, {"nu": 0.1, "seed": 1}], "nu"))
    [(0.1,)]
    """
    groups: dict[tuple, list[Row]] = {}
    for row in rows:
        key = tuple(_hashable(row.get(name)) for name in names)
        groups.setdefault(key, []).append(row)
    return groups


def average(rows: list[Row], name: str = "test_accuracy") -> float:
    """Return the mean of one figure over rows."""
    return mean(row[name] for row in rows)


def spread(rows: list[Row], name: str = "test_accuracy", digits: int = 1) -> str:
    """Return "mean ± standard deviation" over rows, of one row its figure alone, of none "".

    >>> spread([{"test_accuracy": 84.0}, {"test_accuracy": 86.0}])
    '85.0 ± 1.4'
    """
    if not rows:
        return ""
    values = [row[name] for row in rows]
    shown = f"{mean(values):.{digits}f}"
    return f"{shown} ± {stdev(values):.{digits}f}" if len(values) > 1 else shown


def beside_paper(rows: list[Row]) -> str:
    """Return how far the mean lies above (+) or below the published figure, "" without one.

    >>> beside_paper([{"test_accuracy": 85.0, "paper": 84.9}])
    '+0.1'
    """
    paper = next((row["paper"] for row in rows if row.get("paper") is not None), None)
    return "" if paper is None else f"{average(rows) - paper:+.1f}"


def name_of(widths: Iterable[int]) -> str:
    """Return hidden widths as the papers write them.

    >>> name_of([135, 135]), name_of([64, 32]), name_of([])
    ('2 × 135', '64-32', '')
    """
    widths = list(widths)
    if len(widths) > 1 and len(set(widths)) == 1:
        return f"{len(widths)} × {widths[0]}"
    return "-".join(map(str, widths))


@dataclass(frozen=True, repr=False)
class Table:
    """A table that a notebook shows: as HTML on a page, in columns of text elsewhere."""

    columns: list[str]
    lines: list[list[str]]
    caption: str = ""

    def __repr__(self) -> str:
        cells = [self.columns, *self.lines]
        widths = [max(len(line[i]) for line in cells) for i in range(len(self.columns))]
        shown = [
            "  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]
        return "\n".join([self.caption, *shown] if self.caption else shown)

    def _repr_html_(self) -> str:
        def row(cells, tag):
            return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)

        head = f"<tr>{row(self.columns, 'th')}</tr>"
        body = "\n".join(f"<tr>{row(line, 'td')}</tr>" for line in self.lines)
        caption = f"<caption>{html.escape(self.caption)}</caption>" if self.caption else ""
        table = (
            f'<table class="table">{caption}<thead>{head}</thead>\n<tbody>{body}</tbody></table>'
        )
        return f'<div style="overflow-x:auto" tabindex="0">{table}</div>'


def comparison(rows: list[Row], methods: Iterable[str], caption: str = "") -> Table:
    """Return a line a net: for each method our mean, the paper's figure, the difference."""
    nets = grouped(sorted(rows, key=lambda row: (len(row["widths"]), row["widths"])), "widths")
    methods = list(methods)
    columns = ["hidden layers", "seeds"]
    for method in methods:
        columns += [method, "paper", "difference"]
    lines = []
    for (widths,), of_net in nets.items():
        line = [name_of(widths), str(len({row["seed"] for row in of_net}))]
        for method in methods:
            chosen = select(of_net, method=method)
            paper = next((row["paper"] for row in chosen if row["paper"] is not None), None)
            line += [spread(chosen), "" if paper is None else f"{paper:g}", beside_paper(chosen)]
        lines.append(line)
    return Table(columns, lines, caption)


def by_dataset(rows: list[Row], methods: Iterable[str], caption: str = "") -> Table:
    """Return a line a data set: BEP beside the paper, how it came to read the data, the others.

    A last line has the means over the data sets, each counted once.
    """
    others = [method for method in methods if method != "bep"]
    columns = ["data set", "runs", "bep", "paper", "difference", "read as", *others]
    lines, sets = [], grouped(rows, "dataset")
    for (dataset,), of_set in sets.items():
        bep = select(of_set, method="bep")
        paper = bep[0]["paper"]
        line = [dataset, str(len(bep)), spread(bep), "" if paper is None else f"{paper:g}"]
        line += [beside_paper(bep), _read_as(bep)]
        lines.append(line + [spread(select(of_set, method=method)) for method in others])
    means = {
        method: mean(average(select(of_set, method=method)) for of_set in sets.values())
        for method in ("bep", *others)
        if all(select(of_set, method=method) for of_set in sets.values())
    }
    papers = [of_set[0]["paper"] for of_set in (select(s, method="bep") for s in sets.values())]
    if None not in papers:
        ours = [f"{means['bep']:.1f}", f"{mean(papers):.1f}", f"{means['bep'] - mean(papers):+.1f}"]
        shown = [f"{means[method]:.1f}" if method in means else "" for method in others]
        lines.append(["mean", "", *ours, "", *shown])
    return Table(columns, lines, caption)


def _read_as(rows: list[Row]) -> str:
    """The readings that the folds chose, steps x bits, the most frequent first."""
    found = Counter(f"{row['reading']} {row['window']} × {row['bits']}" for row in rows)
    return ", ".join(name for name, _ in found.most_common())


def by_form(rows: list[Row], published: dict[str, dict[str, float]], caption: str = "") -> Table:
    """Return a line a net and form of BinaryConnect: test errors by each rule of the test.

    ``published`` has the paper's figures, by data set and form; its nets are the full ones, so a
    narrower net stands beside the figure of a wider one.
    """
    columns = ["data set", "layers", "form", "epochs", "seeds", "test error, %", "paper"]
    columns += ["with signs", "with means", "ensemble of 8", "training error, %"]
    figures = ("error_binary", "error_latent", "error_ensemble", "train_error")
    lines = []
    for (dataset, widths, form, epochs), of_form in grouped(
        rows, "dataset", "widths", "method", "epochs"
    ).items():
        paper = published.get(dataset, {}).get(form)
        line = [dataset, name_of(widths), form, str(epochs), str(len(of_form))]
        line += [spread(of_form, "test_error", 2), "" if paper is None else f"{paper:.2f}"]
        lines.append(line + [spread(of_form, figure, 2) for figure in figures])
    return Table(columns, lines, caption)


def ablation(rows: list[Row], *names: str, caption: str = "", figures=("test_accuracy",)) -> Table:
    """Return a line a setting: options ``names``, and ``figures`` on each data set."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    lines = []
    for key, of_setting in grouped(rows, *names).items():
        line = [_shown(value) for value in key]
        for dataset in datasets:
            chosen = select(of_setting, dataset=dataset)
            line += [spread(chosen, figure) for figure in figures]
        lines.append(line)
    titles = [
        d if figure == "test_accuracy" else f"{figure.replace('_', ' ')}, {d}"
        for d in datasets
        for figure in figures
    ]
    return Table([*names, *titles], lines, caption)


def _hashable(value):
    return tuple(value) if isinstance(value, list) else value


def _shown(value) -> str:
    if isinstance(value, tuple):
        return name_of(value) if len(set(value)) != 1 else f"{len(value)} × {value[0]}"
    return "none" if value is None else str(value)
