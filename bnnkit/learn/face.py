"""What a notebook calls: check, hint, solution, stub, and a reader's own code in the network."""

from __future__ import annotations

import inspect
import linecache
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from bnnkit import steps
from bnnkit.learn import exercises, judge, memory
from bnnkit.learn.model import Build, Exercise
from bnnkit.learn.result import Result, Text

_passed: dict[str, Callable] = {}  # the reader's functions that have passed in this session
_used: dict[str, Callable] = {}  # those that serve in the network now
_hinted: dict[str, int] = {}  # how many hints were given in this session
_calls: Counter[str] = Counter()  # how often the network has called each


def check(number: str, answer, *, remember: bool = True) -> Result:
    """Check an answer to exercise ``number`` and return a result that shows itself.

    Parameters
    ----------
    number : such as "4.3"
    answer : a function (build exercises) or a plain value (warm-ups, explorations)
    remember : False leaves progress and kept answers alone: for whoever marks the work of others

    The result is true if the answer passed. If not, it shows the smallest case that fails, what
    came back, what was expected, where they differ, and one next step. The answer cannot hurt the
    notebook: endless loops, crashes and huge allocations end with a message.

    >>> check("1.1", lambda x: np.sign(x).astype(np.int8)).passed
    False
    """
    exercise = exercises.find(number)
    if not isinstance(exercise, Build):
        if callable(answer):
            raise TypeError(f"answer must be a value for the {exercise.kind} {number}")
        result = judge.judge_value(exercise, answer)
        return _kept(result, None) if result and remember else result
    if not callable(answer):
        got = type(answer).__name__
        raise TypeError(f"answer must be the function itself, not its result, got {got}")
    signature = _signature_trouble(exercise, answer)
    if signature:
        total = len(judge.answers(number)[0])
        return Result(number, exercise.title, False, 0, total, says=signature, grids=[])
    result = judge.judge(exercise, answer)
    if not result or not remember:
        return result
    _passed[number] = answer
    return _kept(result, _source(answer))


def hint(number: str) -> Text:
    """Return the next hint for an exercise: three levels, one more at each call."""
    exercise = exercises.find(number)
    level = min(_hinted.get(number, 0) + 1, len(exercise.hints))
    _hinted[number] = level
    return Text(f"{number} hint {level} of {len(exercise.hints)}", exercise.hints[level - 1])


def solution(number: str) -> Text:
    """Return the worked solution of an exercise and why it is so."""
    exercise = exercises.find(number)
    head = f"{number} {exercise.title}: solution"
    if isinstance(exercise, Build):
        return Text(head, code=exercise.source, why=exercise.why, folded=True)
    return Text(head, exercise.worked, why=exercise.why, folded=True)


def stub(number: str) -> str:
    """Return the source to start from: the solution with the lines to write left out."""
    exercise = exercises.find(number)
    if not isinstance(exercise, Build):
        raise ValueError(f"number must be that of a build exercise, got {number!r}")
    return exercise.stub


def exercise(number: str) -> Exercise:
    """Return an exercise; in a notebook it shows its task, and the stub of a build."""
    return exercises.find(number)


def use(*numbers: str) -> Ladder:
    """Put your own passing functions into the network, instead of the package's.

    Each number must have passed :func:`check`, in this notebook or an earlier one: an answer kept
    from an earlier one is checked again first. ``ValueError`` otherwise, and then nothing changes.
    Without numbers, all that have passed are put in.
    """
    functions = {number: _own(number) for number in numbers or _kept_parts()}
    for number, function in functions.items():
        _calls.pop(number, None)
        steps.set_override(number, _positional(number, function))
        _used[number] = function
    return yours()


def unuse(*numbers: str) -> Ladder:
    """Give the package's own functions back: those named, or all of them."""
    for number in numbers:
        exercises.find(number)
    for number in numbers or tuple(_used):
        if _used.pop(number, None) is not None:
            steps.set_override(number, None)
    return yours()


@contextmanager
def using(*numbers: str) -> Iterator[Ladder]:
    """Use your own functions within a ``with`` block."""
    before = set(_used)
    ladder = use(*numbers)
    try:
        yield ladder
    finally:
        mine = [number for number in _used if number not in before]
        if mine:
            unuse(*mine)


@dataclass(frozen=True)
class Ladder:
    """Which parts of the network are the reader's own, and how often each of those has run."""

    rows: list[tuple[str, str, bool, int]]  # (number, name, yours or not, calls since use)

    @property
    def headline(self) -> str:
        return f"{sum(mine for *_, mine, _ in self.rows)} of {len(self.rows)} parts are yours"

    def __repr__(self) -> str:
        lines = [self.headline]
        for number, name, mine, calls in self.rows:
            who = f"yours, {_times(calls)}" if mine else "bnnkit"
            lines.append(f"  {number} {name:<22} {who}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{number}</td><td style='text-align:left'><code>{name}</code></td>"
            f"<td>{'<strong>yours</strong>' if mine else 'bnnkit'}</td>"
            f"<td>{_times(calls) if mine else ''}</td></tr>"
            for number, name, mine, calls in self.rows
        )
        head = "<tr><th>step</th><th>function</th><th>whose</th><th>runs</th></tr>"
        return f"<p>{self.headline}</p><table>{head}{rows}</table>"


def _times(calls: int) -> str:
    return f"ran {calls:,} time{'s' * (calls != 1)}" if calls else "not run yet"


def yours() -> Ladder:
    """Return which parts of the network running now are your own, and how often each has run."""
    return Ladder(
        [(number, name, number in _used, _calls[number]) for number, name in parts().items()]
    )


def parts() -> dict[str, str]:
    """Return the parts of the networks that a reader can build, by number: their names."""
    builds = [e for e in exercises.all_exercises() if isinstance(e, Build) and e.serves]
    return {e.id: e.solution.__name__ for e in builds}


def list_exercises() -> list[dict]:
    """Return one flat row an exercise: id, chapter, kind, wrong_answers (and its title)."""
    return [
        {
            "id": e.id,
            "chapter": e.chapter,
            "kind": e.kind,
            "wrong_answers": len(e.wrong),
            "title": e.title,
        }
        for e in exercises.all_exercises()
    ]


# -- a reader's function -----------------------------------------------------------------------


def _kept(result: Result, source: str | None) -> Result:
    trouble = memory.keep(result.id, source)
    note = (
        f'use("{result.id}") puts your function into the network.' if result.id in parts() else ""
    )
    return replace(result, note=" ".join(x for x in (note, trouble) if x))


def _kept_parts() -> list[str]:
    """Return the parts of which there is a passing answer."""
    return [n for n in parts() if n in _passed or memory.answer_path(n).exists()]


def _own(number: str) -> Callable:
    """Return the reader's passing function: of this session, or kept from an earlier one."""
    if not isinstance(exercises.find(number), Build):
        raise ValueError(f"number must be that of a build exercise, got {number!r}")
    if number not in parts():
        raise ValueError(f"{number} is a tool beside the network: there is no place to put it")
    if number in _passed:
        return _passed[number]
    path = memory.answer_path(number)
    if not path.exists():
        raise ValueError(f'{number} has not passed yet: check("{number}", your_function) first')
    function = _restored(number, path.read_text(encoding="utf-8"))
    if function is None or not judge.judge(exercises.find(number), function):
        raise ValueError(
            f"your kept answer to {number} does not pass by itself (does it need something from "
            f"another cell?): check it again in this notebook"
        )
    _passed[number] = function
    return function


def _restored(number: str, source: str) -> Callable | None:
    """Return the function that a kept source defines, with NumPy at hand as ``np``."""
    name = f"<your answer to {number}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)  # for tracebacks
    scope: dict = {"np": np, "numpy": np, "__name__": "__main__"}
    try:
        exec(compile(source, name, "exec"), scope)
    except Exception:  # a file edited by hand, a decorator that is not there
        return None
    made = [thing for thing in scope.values() if inspect.isfunction(thing)]
    own = [function for function in made if function.__code__.co_filename == name]
    return own[-1] if own else None


def _source(function: Callable) -> str | None:
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return None
    return source if source.lstrip().startswith(("def ", "@")) else None


def _positional(number: str, function: Callable) -> Callable:
    """Call the reader's function by position, so that its parameters may have any names."""
    signature = inspect.signature(steps.reference(number))

    def call(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        _calls[number] += 1
        return function(*bound.arguments.values())

    return call


def _signature_trouble(exercise: Build, function: Callable) -> str:
    wanted = inspect.signature(exercise.solution)
    try:
        inspect.signature(function).bind(*wanted.parameters)
    except TypeError:
        names = ", ".join(wanted.parameters)
        return f"It must take the arguments of the stub, in this order: {names}."
    except ValueError:  # ufuncs and built-ins do not tell
        pass
    return ""
