"""Questions answered in the page, with no kernel: every option with its reason.

What a reader has done is kept in the browser, and in Jupyter told to Python as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from bnnkit.errors import check_option
from bnnkit.viz.widget import Widget, still

FORMS = ("number", "choice", "bits", "order")
SIGNS = {
    r"\times": "×", r"\pm": "±", r"\le": "≤", r"\ge": "≥", r"\lceil": "⌈", r"\rceil": "⌉",
    r"\lfloor": "⌊", r"\rfloor": "⌋", r"\nu": "ν", r"\top": "T", r"\,": " ",
}  # fmt: skip
INLINE = re.compile(r"\$(?P<maths>[^$]+)\$|`(?P<code>[^`]+)`")
PIECE = re.compile(
    r"\\mathrm\{(?P<word>\w+)\}|(?P<shift>[_^])(?:\{(?P<many>[^{}]+)\}|(?P<one>\\[a-zA-Z]+|.))|"
    r"(?P<sign>\\(?:[a-zA-Z]+|.))|(?P<letter>[A-Za-z])|(?P<rest>.)"
)

Runs = list[list[str]]


class Quiz(Widget):
    """A few questions, checked at once in the page.

    Parameters
    ----------
    questions : what :func:`make_question` makes
    title : str
    footer : False leaves out how much is done and the buttons to save and load it
    passed : the numbers of the questions already answered rightly

    In Jupyter ``passed`` is synced.

    >>> ask = make_question("1", "A sum", "What is $1 + 1$?", "number", [(2, "Two.", True)])
    >>> Quiz([ask])
    Quiz(1)
    """

    view = "quiz"

    def __init__(
        self,
        questions: Sequence[dict],
        *,
        title: str = "By hand",
        footer: bool = True,
        passed: Iterable[str] = (),
    ):
        if not questions:
            raise ValueError("questions must hold at least one, got none")
        super().__init__(
            questions=list(questions), title=str(title), footer=bool(footer), passed=sorted(passed)
        )

    def _summary(self) -> str:
        return ", ".join(question["id"] for question in self.questions)

    def _still(self) -> str:
        asked = [
            f"{q['id']} {q['title']}. {plain(q['prompt'])}" for q in self.questions if q["title"]
        ]
        words = " ".join(text.strip() for text in asked)
        return still(words or "With scripts on, the question above is answered here.")


class ProgressMap(Widget):
    """All exercises of a ladder as links, with what is done; to save and to load.

    Parameters
    ----------
    rungs : (name, [(number, title), ...]) each, the top rung first
    passed : numbers of the exercises that are done

    >>> ProgressMap([("binarize", [("1.1", "The sign")])])
    ProgressMap(1 exercise)
    """

    view = "progress_map"

    def __init__(
        self,
        rungs: Sequence[tuple[str, Sequence[tuple[str, str]]]],
        *,
        title: str = "Your ladder",
        passed: Iterable[str] = (),
    ):
        rows = [[str(name), [[str(n), str(t)] for n, t in items]] for name, items in rungs]
        if not any(items for _, items in rows):
            raise ValueError("rungs must hold at least one exercise, got none")
        super().__init__(rungs=rows, title=str(title), passed=sorted(passed))

    def _summary(self) -> str:
        count = sum(len(items) for _, items in self.rungs)
        return f"{count} exercise{'s' * (count > 1)}"

    def _still(self) -> str:
        return still(f"{self._summary()}. With scripts on, this map shows what you have done.")


def make_question(
    number: str,
    title: str,
    prompt: str,
    form: str,
    options: Sequence[tuple[Any, str, bool]],
    hints: Sequence[str] = (),
) -> dict:
    """Return the state of a question, checked: what ``js/view/quiz.mjs`` reads.

    Parameters
    ----------
    number, title : str
    prompt : the question, with simple maths between dollars and code between backticks
    form : "number", "choice", "bits" (toggles of -1 and +1, or of 0 and 1) or "order"
    options : (value, reason, right or not) each, one of them right
    hints : one more is shown at each request
    """
    check_option(form, "form", FORMS)
    right = [value for value, _, ok in options if ok]
    if len(right) != 1:
        raise ValueError(f"options must hold one right answer, got {len(right)}")
    question = {
        "id": str(number),
        "title": str(title),
        "form": form,
        "prompt": runs(prompt),
        "options": [
            {"value": _json(value), "shown": shown(value), "says": runs(says), "right": bool(ok)}
            for value, says, ok in options
        ],
        "hints": [runs(hint) for hint in hints],
    }
    if form == "bits":
        low, high = question["pair"] = _pair(right[0])
        question["start"] = [low if high in right[0] else high] * len(right[0])
    if form == "order":
        steps = sorted(right[0])
        question["start"] = steps if steps != list(right[0]) else steps[::-1]
    return question


def shown(value: Any) -> str:
    """Return an answer as a reader sees it.

    >>> shown((1, -1, 1)), shown(("add", "clip")), shown((3, -1)), shown(2 / 3)
    ('+ - +', 'add, clip', '(3, -1)', '0.667')
    """
    if isinstance(value, float):
        return f"{value:.3g}"
    if not isinstance(value, (tuple, list)):
        return str(value)
    if all(isinstance(part, str) for part in value):
        return ", ".join(value)
    if set(value) <= {-1, 0, 1} and -1 in value or set(value) == {1}:
        return " ".join("0+-"[part] for part in value)
    if set(value) <= {0, 1}:
        return " ".join(map(str, value))
    return f"({', '.join(map(str, value))})"


def runs(text: str) -> Runs:
    """Return a text as runs [kind, words] that a page can show without TeX.

    ``kind`` is "" (plain), "i", "sub", "sup" or "code". Maths knows letters, digits, sub- and
    superscripts and a few signs; ``ValueError`` names what it does not know.

    >>> runs("Is $a^*_1$ in `x`?")
    [['', 'Is '], ['i', 'a'], ['sup', '*'], ['sub', '1'], ['', ' in '], ['code', 'x'], ['', '?']]
    """
    found, end = [], 0
    for match in INLINE.finditer(text):
        found.append(["", text[end : match.start()]])
        found += _maths(match["maths"]) if match["maths"] else [["code", match["code"]]]
        end = match.end()
    found.append(["", text[end:]])
    return _joined(found)


def plain(found: Runs) -> str:
    """Return the words of runs.

    >>> plain(runs("$(b - 0.3)^2$"))
    '(b − 0.3)^2'
    """
    return "".join({"sub": "_", "sup": "^"}.get(kind, "") + words for kind, words in found)


def _maths(tex: str) -> Runs:
    found = []
    for piece in PIECE.finditer(tex):
        if piece["word"]:
            found.append(["", piece["word"]])
        elif piece["shift"]:
            inside = _joined(_maths(piece["many"] or piece["one"]))
            found.append(["sub" if piece["shift"] == "_" else "sup", plain(inside)])
        elif piece["sign"]:
            if piece["sign"] not in SIGNS:
                raise ValueError(f"maths must be simple, got {piece['sign']} in ${tex}$")
            found.append(["", SIGNS[piece["sign"]]])
        elif piece["letter"]:
            found.append(["i", piece["letter"]])
        else:
            found.append(["", piece["rest"].replace("-", "−")])
    return found


def _joined(found: Runs) -> Runs:
    """Join neighbours of one kind and leave out what is empty."""
    joined: Runs = []
    for kind, words in found:
        if joined and joined[-1][0] == kind:
            joined[-1][1] += words
        elif words:
            joined.append([kind, words])
    return joined


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _pair(answer: Sequence[int]) -> list[int]:
    """Return what a toggle goes between."""
    for pair in ([0, 1], [-1, 1]):
        if set(answer) <= set(pair) and (0 in answer or pair[0] == -1):
            return pair
    raise ValueError(f"bits must be -1 and +1, or 0 and 1, got {answer}")
