"""What an exercise is: one declarative object, whatever its kind.

Three kinds share one shape. A *warm-up* asks for a value worked out by hand, a *build* for a
function of the package's ladder, an *exploration* for a number found by experiment. Each knows
its right answer, its typical wrong answers and what to say to each of them.
"""

from __future__ import annotations

import copy
import inspect
import textwrap
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bnnkit import steps

BEGIN, END = "# begin solution", "# end solution"
BLANK = "# your lines here\nraise NotImplementedError"


@dataclass(frozen=True)
class Wrong:
    """A typical wrong answer, and what to say to a reader who gives it.

    ``answer`` is a function (build), a value (warm-up) or an interval ``(low, high)``
    (exploration).
    """

    answer: Any
    says: str


@dataclass(frozen=True)
class Case:
    """One thing to try on a function: the arguments by name, and how to look at the answer.

    ``observe(function, **arguments)`` makes the calls and returns what is compared; without it the
    function is called once and its result compared. ``wanted`` is what the package's own function
    gives under the same look, unless it is stated. ``law`` says in words what is tried, when it is
    more than one call.
    """

    given: dict[str, Any]
    observe: Callable | None = None
    wanted: Any = None
    law: str = ""
    tolerance: float = 0.0

    def look(self, function: Callable, arguments: dict[str, Any] | None = None) -> Any:
        """Return what this case sees of ``function`` (on copies of its arguments)."""
        arguments = self.arguments() if arguments is None else arguments
        if self.observe is not None:
            return self.observe(function, **arguments)
        return function(*arguments.values())

    def arguments(self) -> dict[str, Any]:
        """Return fresh copies of the arguments, so that no case can spoil the next."""
        return copy.deepcopy(self.given)


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What every exercise has: a question, three hints, the insight, and wrong answers."""

    id: str
    title: str
    prompt: str
    hints: tuple[str, str, str]
    why: str
    wrong: tuple[Wrong, ...]
    kind: ClassVar[str]

    @property
    def chapter(self) -> int:
        return int(self.id.split(".")[0])

    @property
    def worked(self) -> str:
        """The right answer as Markdown, without the why."""
        raise NotImplementedError

    def _repr_markdown_(self) -> str:
        return f"**Exercise {self.id} · {self.title}** ({self.kind})\n\n{self.prompt}"


@dataclass(frozen=True, kw_only=True)
class WarmUp(Exercise):
    """A question for paper and pencil, answered by a value; every option has its reason.

    ``form`` says how it is asked: for a "number", a "choice", "bits" to toggle, or an "order".
    """

    kind: ClassVar[str] = "warm-up"
    answer: Any
    form: str = "number"

    @property
    def options(self) -> list[tuple[Any, str, bool]]:
        """All options as (value, reason, right or not), the right one in a fixed odd place."""
        listed = [(wrong.answer, wrong.says, False) for wrong in self.wrong]
        place = zlib.crc32(self.id.encode()) % (len(listed) + 1)
        return [*listed[:place], (self.answer, self.why, True), *listed[place:]]

    @property
    def how(self) -> str:
        """What an answer looks like in a notebook."""
        if self.form == "number":
            return "Answer with a number."
        if self.form == "choice":
            values = [f"`{value!r}`" for value, _, _ in self.options]
            return f"Answer with {', '.join(values[:-1])} or {values[-1]}."
        if self.form == "order":
            return (
                f"Answer with a list of {', '.join(f'`{step!r}`' for step in sorted(self.answer))}."
            )
        values = "$-1$ and $+1$" if -1 in self.answer or 0 not in self.answer else "0 and 1"
        return f"Answer with a list of {len(self.answer)} numbers, {values}."

    @property
    def worked(self) -> str:
        return f"`{self.answer}`"

    def _repr_markdown_(self) -> str:
        return f"{super()._repr_markdown_()} {self.how}"


@dataclass(frozen=True, kw_only=True)
class Explore(Exercise):
    """A question for an experiment, answered by a number that must lie in an interval."""

    kind: ClassVar[str] = "explore"
    low: float
    high: float

    @property
    def worked(self) -> str:
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True, kw_only=True)
class Build(Exercise):
    """A function to write: the one that ``bnnkit.steps`` knows by the same number.

    With ``serves`` false it has no place in the network, and its cases say what is wanted.

    ``solution`` is an ordinary function whose lines between ``# begin solution`` and
    ``# end solution`` are the reader's to write, so the stub and the solution are one source.
    ``cases`` makes the cases, the smallest first: the first that fails is shown.
    """

    kind: ClassVar[str] = "build"
    solution: Callable
    cases: Callable[[], Iterable[Case]]
    seconds: float = field(default=5.0)
    serves: bool = True

    @property
    def reference(self) -> Callable:
        """The package's own function, whatever the reader has put in its place."""
        return steps.reference(self.id) if self.serves else self.solution

    @property
    def stub(self) -> str:
        """The source with the reader's lines left out."""
        return self.with_hole(BLANK)

    def with_hole(self, blank: str) -> str:
        """Return the source with ``blank`` in place of the reader's lines."""
        lines, inside = [], False
        for line in _source(self.solution):
            mark, indent = line.strip(), line[: len(line) - len(line.lstrip())]
            if mark == BEGIN:
                inside = True
                lines += [indent + text for text in blank.splitlines()]
            elif mark == END:
                inside = False
            elif not inside:
                lines.append(line)
        return "\n".join(lines)

    @property
    def source(self) -> str:
        """The source of the solution, without the two marks."""
        return self.marked("", "")

    def marked(self, begin: str, end: str) -> str:
        """Return the source of the solution with other marks; without, if they are empty."""
        lines = []
        for line in _source(self.solution):
            mark = {BEGIN: begin, END: end}.get(line.strip())
            if mark is None:
                lines.append(line)
            elif mark:
                lines.append(line.replace(line.strip(), mark))
        return "\n".join(lines)

    @property
    def worked(self) -> str:
        return f"```python\n{self.source}\n```"

    def _repr_markdown_(self) -> str:
        call = f'check("{self.id}", {self.solution.__name__})'
        then = f'Then `{call}`; `hint("{self.id}")` helps a little more each time.'
        return f"{super()._repr_markdown_()}\n\n```python\n{self.stub}\n```\n\n{then}"


def _source(function: Callable) -> list[str]:
    return textwrap.dedent(inspect.getsource(function)).rstrip().splitlines()
