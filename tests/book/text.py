"""Read the book as its tests need it: prose, claims, citations."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from project import CHAPTERS, ROOT

BOOK = ROOT / "book"
PAGES = sorted([*BOOK.glob("*.md"), *BOOK.glob("howto/*.md")])
PUBLISHED = tomllib.loads(  # numbers stay as they are written: 1.30 claims two decimals
    (BOOK / "published.toml").read_text(encoding="utf-8"), parse_float=str
)
CLAIM = re.compile(r"^claim ([a-z][a-z0-9_]*) (=|>|<) (.+)$", re.M)
SPAN = re.compile(r'<span data-(claim|cited|given)(?:="([^"]*)")?>(.*?)</span>', re.S)
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")
NUMBER = re.compile(r"[-−]?(?:\d[\d,\u2009\u202f\u00a0]*)?\.?\d+(?:[eE][-+]?\d+)?")


@dataclass
class Passage:
    """A Markdown cell of a chapter, or a page."""

    file: str
    where: str
    text: str


def cells(path, kind):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in notebook["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def passages(paths=None):
    """Return the prose of the book's notebooks and pages."""
    found = []
    for path in paths or [*CHAPTERS, *PAGES]:
        path = Path(path)
        if path.suffix == ".ipynb":
            for number, cell in enumerate(cells(path, "markdown")):
                found.append(Passage(path.name, f"{path.name}, text cell {number}", source(cell)))
        else:
            found.append(Passage(path.name, path.name, path.read_text(encoding="utf-8")))
    return found


def printed(cell):
    """Return the text that a code cell shows."""
    texts = []
    for output in cell.get("outputs", []):
        text = output.get("text") or output.get("data", {}).get("text/plain") or ""
        texts.append("".join(text))
    return "\n".join(texts)


def claims(paths=None):
    """Return the claims of the committed outputs: file -> name -> list of (sign, value)."""
    found = {}
    for path in paths or CHAPTERS:
        here, home = found.setdefault(Path(path).name, {}), {}
        for cell in cells(Path(path), "code"):
            for name, sign, value in CLAIM.findall(printed(cell)):
                if home.setdefault(name, cell["id"]) != cell["id"]:
                    raise ValueError(f"{Path(path).name} prints claim {name} in two cells")
                here.setdefault(name, []).append((sign, value.strip()))
    return found


def quoted_claim(table, file, name):
    """Return (file, claim) that a passage of ``file`` quotes: its own goes first."""
    homes = [file] if name in table.get(file, {}) else [f for f in table if name in table[f]]
    if len(homes) != 1:
        where = f"in {len(homes)} chapters: {homes}" if homes else "in no chapter"
        raise LookupError(f"claim {name!r} is printed {where}")
    return homes[0], table[homes[0]][name]


def numbers(text):
    """Return the numbers in ``text`` with the decimals each shows."""
    found = []
    for match in NUMBER.findall(text):
        plain = re.sub("[,\u2009\u202f\u00a0]", "", match).replace("−", "-")
        decimals = len(plain.partition(".")[2]) if "e" not in plain.lower() else 0
        found.append((float(plain), decimals))
    return found


WORDS = {
    ">": r"\b(over|above|more than|at least|beyond|past|better than|exceeds?)\b|>",
    "<": r"\b(under|below|less than|fewer than|at most|within)\b|<|&lt;",
}


def disagreement(quoted, claim):
    """Say how the text ``quoted`` differs from one claim ``(sign, value)``; "" if it agrees."""
    sign, value = claim
    quoted = quoted.strip()
    if sign == "=" and not NUMBER.fullmatch(value):
        return "" if quoted == value else f"the text says {quoted!r}, computed is {value!r}"
    found = numbers(quoted)
    if len(found) != 1:
        return f"{quoted!r} must hold one number"
    (number, decimals), ((computed, places),) = found[0], numbers(value)
    if sign == "=":
        if decimals > places:
            return f"{quoted!r} shows more decimals than the claim prints ({value})"
        slack = 0.5 * 10.0**-decimals + (0.5 * 10.0**-places if decimals < places else 0)
        if decimals == places:
            slack = 1e-9 * max(1, abs(computed))
        if abs(number - computed) > slack:
            return f"the text says {quoted}, computed is {value}"
        return ""
    if number != computed:
        return f"the text says {quoted}, the bound is {sign} {value}"
    if not re.search(WORDS[sign], quoted, re.I):
        return f"{quoted!r} is a bound: say so inside the span (claimed is {sign} {value})"
    return ""


QUANTITY = re.compile(
    r"(?<![\w.{-])[-−]?\d[\d,]*(?:\.\d+)?(?:\s?(?:±|–|-|to|and|or)\s?[\d.]+)?\s?"
    r"(?:%|‰|per\s?cent\b|percent\b|percentage points\b|points?\b|(?:times|×|x)(?!\w|\s?\d))"
)


def bare_quantities(text):
    """Return the percentages, points and factors of ``text`` that no claim and no table backs.

    Code, math, links, comments, exercises' answers in code, and spans are left out first.
    """
    for pattern in (
        r"^(```+|~~~+|:::+)\{(?:code|code-block|math|bibliography|figure|image)[^\n]*\n.*?^\1",
        r"^(```+)[^{\n]*\n.*?^\1",
        r"<!--.*?-->",
        r"\$\$.*?\$\$",
        r"\\begin\{.*?\\end\{",
    ):
        text = re.sub(pattern, " ", text, flags=re.S | re.M)
    text = SPAN.sub(" ", text)
    for pattern in (r"\$[^$\n]+\$", r"`[^`\n]+`", r"\]\([^)]*\)", r"https?://\S+", r"<[^>]*>"):
        text = re.sub(pattern, " ", text)
    return [match.group().strip() for match in QUANTITY.finditer(text)]
