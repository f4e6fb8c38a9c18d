"""The pages of the book that are made from the exercises: the list of all, and the slips."""

from __future__ import annotations

import re

from bnnkit.learn import exercises
from bnnkit.learn.model import Build, Exercise, WarmUp
from bnnkit.learn.warmups import progress_map, question
from bnnkit.viz import Quiz

INTRO = """# All exercises

This page is generated from the exercises themselves; a test checks that it is current.

Warm-ups need paper and a pencil, and are checked in the page. Builds need a notebook, explorations
an experiment. In Jupyter, `check("4.3", your_function)` shows the smallest case that fails,
`hint("4.3")` gives one hint more at each call, and `solution("4.3")` shows a worked solution. Each
exercise knows some typical wrong answers and has something to say to each of them; the last column
counts them.

A check runs your function on many cases from small to large. The stub you start from fails on
purpose.

The map keeps what you have done in this browser. Nothing is sent, and there is no account. *Save
progress* writes a small file, which another browser can load, and a notebook too:
`progress("progress.json")` of `bnnkit.learn`. The file that Jupyter keeps is of the same form.

<!-- progress map -->
"""
MARK = re.compile(r"<!-- (progress map|slips|warm-up (\d\.\w)) -->")
KINDS = {"warm-up": "warm-ups", "build": "builds", "explore": "explorations"}


def exercises_page() -> str:
    """Return the page as MyST Markdown; ``book/exercises.md`` holds it."""
    listed = exercises.all_exercises()
    parts = [INTRO, _counts(listed), _table(listed)]
    for chapter in exercises.CHAPTERS:
        parts.append(f"## Chapter {chapter}")
        parts += [_section(e) for e in listed if e.chapter == chapter]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def with_marks_filled(page: str) -> str:
    """Return a page with what its marks stand for: what the site's builder reads.

    A mark is a comment: ``progress map``, ``warm-up 4.d`` (widgets), or ``slips`` (a table). The
    page is its reader's: nothing on it is done, whatever the site's builder has done.
    """

    def filled(match: re.Match) -> str:
        if match[1] == "slips":
            return slips()
        widget = _answer_box(match[2]) if match[2] else progress_map(passed=())
        return f"`````{{raw}} html\n{widget.html()}\n`````"

    return MARK.sub(filled, page)


def slips() -> str:
    """Return a table of the slip that each build expects first, and what its check answers."""
    rows = [
        "| exercise | what the check says to the first slip it knows | slips known |",
        "|---|---|---|",
    ]
    for e in exercises.all_exercises():
        if isinstance(e, Build):
            link = f"{{ref}}`{e.id} {e.title} <{_anchor(e)}>`"
            rows.append(f"| {link} | {e.wrong[0].says} | {len(e.wrong)} |")
    return "\n".join(rows)


def _answer_box(number: str) -> Quiz:
    """Return a warm-up without what the page says around it."""
    asked = question(exercises.find(number)) | {"title": "", "prompt": [], "hints": []}
    return Quiz([asked], title="Answer here", footer=False)


def _counts(listed: list[Exercise]) -> str:
    rows = [f"| chapter | {' | '.join(KINDS.values())} | wrong answers caught |", "|---" * 5 + "|"]
    for chapter in exercises.CHAPTERS:
        own = [e for e in listed if e.chapter == chapter]
        counts = [sum(e.kind == kind for e in own) for kind in KINDS]
        rows.append(
            f"| {chapter} | {' | '.join(map(str, counts))} | {sum(len(e.wrong) for e in own)} |"
        )
    return "\n".join(rows)


def _table(listed: list[Exercise]) -> str:
    rows = ["| exercise | title | kind | wrong answers caught |", "|---|---|---|---|"]
    rows += [f"| [{e.id}](#{_anchor(e)}) | {e.title} | {e.kind} | {len(e.wrong)} |" for e in listed]
    rows.append(f"| **{len(listed)}** | | | **{sum(len(e.wrong) for e in listed)}** |")
    return "\n".join(rows)


def _section(e: Exercise) -> str:
    parts = [f"({_anchor(e)})=\n### {e.id} · {e.title}", f"*{e.kind}*. {e.prompt}"]
    if isinstance(e, Build):
        parts.append(f"```python\n{e.stub}\n```")
    if isinstance(e, WarmUp):
        parts.append(f"<!-- warm-up {e.id} -->")
    for level, text in enumerate(e.hints, 1):
        parts.append(_folded(f"Hint {level}", text))
    answer = f"{e.worked}\n\n{e.why}"
    if isinstance(e, WarmUp):
        answer += "\n\n" + "\n".join(f"- `{w.answer}`: {w.says}" for w in e.wrong)
    parts.append(_folded("Solution", answer))
    return "\n\n".join(parts)


def _folded(title: str, text: str) -> str:
    return f"````{{dropdown}} {title}\n{text}\n````"


def _anchor(e: Exercise) -> str:
    return "exercise-" + e.id.replace(".", "-")
