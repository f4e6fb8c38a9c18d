"""The page of the book that lists every exercise, with its hints and solution folded away."""

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
MARK = re.compile(r"<!-- (progress map|warm-up (\d\.\w)) -->")


def exercises_page() -> str:
    """Return the page as MyST Markdown; ``book/exercises.md`` holds it."""
    listed = exercises.all_exercises()
    parts = [INTRO, _table(listed)]
    for chapter in exercises.CHAPTERS:
        parts.append(f"## Chapter {chapter}")
        parts += [_section(e) for e in listed if e.chapter == chapter]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def with_widgets(page: str) -> str:
    """Return the page with a widget for each mark: what the site's builder reads."""

    def element(match: re.Match) -> str:
        widget = _answer_box(match[2]) if match[2] else progress_map()
        return f"`````{{raw}} html\n{widget.html()}\n`````"

    return MARK.sub(element, page)


def _answer_box(number: str) -> Quiz:
    """Return a warm-up without what the page says around it."""
    asked = question(exercises.find(number)) | {"prompt": [], "hints": []}
    return Quiz([asked], title=f"Answer to {number}", footer=False)


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
