"""The package's own source in a chapter: shown from what is installed, never pasted.

>>> from bnnkit.binarize import sign
>>> from bnnkit.learn import show
>>> show(sign)
Source('bnnkit.binarize.sign')
>>> print(show(sign, docstring=False))
@step("1.1")
def sign(x) -> np.ndarray:
    x = check_array(x, "x")
    return _signs_where(x >= 0)
"""

from __future__ import annotations

import ast
import functools
import html
import inspect
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import bnnkit

ROOT = Path(bnnkit.__file__).resolve().parent.parent  # the repository, where it is checked out

# Where the page brings no colours for code of its own (a notebook does not), these serve: each
# leans on the colour of the text, so that it reads on light and on dark.
COLOURS = {
    ".k,.kn,.ow,.bp,.kc": "#1f6fd0",
    ".s,.s1,.s2,.sd,.sa,.si": "#2e9c4f",
    ".c1": "#8a8f98",
    ".mi,.mf": "#d06a1f",
    ".nd,.nf,.nc": "#a04fd0",
}


@dataclass(frozen=True)
class Test:
    """A test function: its name, its file and its line."""

    __test__ = False  # it is about tests; pytest need not collect it

    name: str
    path: str
    line: int


@dataclass(frozen=True, repr=False)
class Source:
    """The source of a function or class: ``print`` it, or let a notebook show it."""

    name: str
    path: str
    first: int
    last: int
    code: str
    tests: tuple[Test, ...]

    def __repr__(self) -> str:
        return f"Source({self.name!r})"  # no line numbers: committed chapters hold this

    def __str__(self) -> str:
        return self.code

    def _repr_html_(self) -> str:
        where = _link(self.path, self.first, self.last)
        short = html.escape(self.name.removeprefix(bnnkit.__name__ + "."))
        head = f"<code>{short}</code> as installed: {where}"
        return f'<div class="btl-source">{head}{_coloured(self.code)}{self._tests_html()}</div>'

    def _tests_html(self) -> str:
        if not self.tests:
            return ""
        items = "".join(
            f"<li>{_link(test.path, test.line, text=test.name)}</li>" for test in self.tests
        )
        count = f"{len(self.tests)} test{'s' * (len(self.tests) > 1)}"
        return f"<details><summary>{count} of it</summary><ul>{items}</ul></details>"


def show(thing, *, docstring: bool = True) -> Source:
    """Return the installed source of a function or class of ``bnnkit``, with the tests of it.

    Parameters
    ----------
    thing : function, method or class of ``bnnkit``
    docstring : False leaves its docstrings out

    In a notebook the result shows itself: coloured, with a link to file and line, and with links
    to the tests that use it (where the repository is at hand). ``print`` gives the bare source.
    """
    thing = getattr(thing, "py_func", thing)  # py_func: below a numba kernel
    if not (inspect.isfunction(thing) or inspect.isclass(thing)):
        raise TypeError(f"thing must be a function or a class, got {type(thing).__name__}")
    if thing.__module__.partition(".")[0] != bnnkit.__name__:
        raise ValueError(
            f"thing must belong to bnnkit, got {thing.__module__}.{thing.__qualname__}"
        )
    lines, first = inspect.getsourcelines(thing)
    code = textwrap.dedent("".join(lines)).rstrip()
    file = Path(sys.modules[thing.__module__].__file__).resolve()
    return Source(
        name=f"{thing.__module__}.{thing.__qualname__}",
        path=file.relative_to(ROOT).as_posix(),
        first=first,
        last=first + len(lines) - 1,
        code=code if docstring else _without_docstrings(code),
        tests=tuple(_tests_of(thing.__module__, thing.__qualname__.partition(".")[0])),
    )


def _without_docstrings(code: str) -> str:
    """Leave out the docstrings of ``code``, and the blank line after each."""
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        if (
            isinstance(node, (ast.FunctionDef, ast.ClassDef))
            and ast.get_docstring(node) is not None
        ):
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno
            last += last < len(lines) and not lines[last].strip()
            alone = len(node.body) == 1  # then something must stay for a body
            lines[first:last] = [None] * (last - first)
            if alone:
                lines[first] = " " * node.body[0].col_offset + "..."
    return "\n".join(line for line in lines if line is not None)


# -- the tests that use it -----------------------------------------------------------------------


def _tests_of(module: str, name: str) -> Iterator[Test]:
    """Yield the repository's tests that use ``name`` of ``module``, the module's own file first."""
    own = f"test_{module.partition('.')[2].replace('.', '_')}"
    files = sorted(
        (ROOT / "tests").glob("test_*.py"), key=lambda f: (not own.startswith(f.stem), f)
    )
    for file in files:
        tree = _parsed(file)
        names, modules = _imported(tree, module, name)
        if not names and not modules:
            continue
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                if any(_uses(part, name, names, modules) for part in ast.walk(node)):
                    yield Test(node.name, file.relative_to(ROOT).as_posix(), node.lineno)


@functools.cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _imported(tree: ast.Module, module: str, name: str) -> tuple[set[str], set[str]]:
    """Return what a test file calls ``name``, and what it calls the modules that hold it."""
    names, modules = set(), set()
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and module.startswith(node.module or "?"):
            for alias in node.names:
                if alias.name == name:
                    names.add(alias.asname or alias.name)
                elif module.startswith(f"{node.module}.{alias.name}"):
                    modules.add(alias.asname or alias.name)
    return names, modules


def _uses(node: ast.AST, name: str, names: set[str], modules: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.Attribute) and node.attr == name:
        return isinstance(node.value, ast.Name) and node.value.id in modules
    return False


# -- HTML ----------------------------------------------------------------------------------------


def _coloured(code: str) -> str:
    """Return ``code`` as HTML in the page's own colours, or plain where there is no pygments."""
    try:
        from pygments import highlight
        from pygments.formatters import HtmlFormatter
        from pygments.lexers import PythonLexer
    except ImportError:
        return f"<pre>{html.escape(code)}</pre>"
    rules = "".join(
        f":where(.btl-source .highlight) :is({tokens})"
        f"{{color:color-mix(in srgb,currentColor 35%,{colour})}}"
        for tokens, colour in COLOURS.items()
    )
    return f"<style>{rules}</style>{highlight(code, PythonLexer(), HtmlFormatter())}"


def _link(path: str, first: int, last: int | None = None, text: str | None = None) -> str:
    """Return a link to lines of a file in the repository, or its bare name if that is unknown."""
    lines = f"#L{first}" if last is None else f"#L{first}-L{last}"
    text = html.escape(text or path)
    base = _repository()
    return f'<a href="{html.escape(base)}/blob/main/{path}{lines}">{text}</a>' if base else text


@functools.cache
def _repository() -> str:
    """Return the repository's address from the package's metadata, "" if there is none."""
    try:
        addresses = metadata.metadata("bnnkit").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    pairs = dict(address.split(", ", 1) for address in addresses)
    return pairs.get("Repository", "")
