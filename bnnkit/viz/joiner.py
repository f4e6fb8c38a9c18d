"""Join the widgets' ES modules into one file, without a bundler.

Each widget is a pure core (``js/core/*.mjs``, the maths) and a view (``js/view/*.mjs``). Jupyter
wants one ES module a widget; the site wants one classic script that also runs from ``file://``,
where ``import`` does not work. Both are made here by the same rule: a module becomes a function
that is called once and returns what it exports; modules come after those they import.

Comments and indents are left out, so no text in backquotes may run over a line. So that a few
lines can do this safely, the modules may use only these forms, each on one line::

    import { a, b } from "../core/x.mjs";
    export function f(   export const c =   export class C
    export default { render };              (views only: it makes the module a widget)
    import { source } from "../worker/x.mjs?source";    (a worker, joined, as a text)

Anything else that begins with ``import`` or ``export`` is an error that names file and line.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent / "js"
HOST = "view/host.mjs"
DEFAULT = "export default { render };"

_IMPORT = re.compile(r'import \{ (\w+(?:, \w+)*) \} from "(\.\.?/[\w./-]+\.mjs)";')
_SOURCE = re.compile(r'import \{ source \} from "(\.\.?/[\w./-]+\.mjs)\?source";')
_EXPORT = re.compile(r"export (?:function|const|class) (\w+)\b")
_DYNAMIC = re.compile(r"\bimport\s*[(.]|\brequire\s*\(")


class JoinError(ValueError):
    """A module uses an import or export that the joiner does not know."""


def element_name(view: str) -> str:
    """Return the custom element of a view.

    >>> element_name("flip_map")
    'btl-flip-map'
    """
    return "btl-" + view.replace("_", "-")


def views() -> list[str]:
    """Return the names of all widgets: the views with a default export.

    >>> "flip_map" in views()
    True
    """
    modules = sorted((FOLDER / "view").glob("*.mjs"))
    return [path.stem for path in modules if DEFAULT in path.read_text("utf-8").splitlines()]


@functools.cache
def esm(view: str) -> str:
    """Return one ES module with everything that ``view`` needs, for anywidget's ``_esm``."""
    module = f"view/{view}.mjs"
    return f"{_join([module])}\nexport default {{ render: {_variable(module)}.render }};\n"


@functools.cache
def site_script(names: tuple[str, ...] | None = None) -> str:
    """Return the one classic script that brings the widgets of a page to life.

    Load it with ``defer``. It defines a custom element for each view (of all, if ``names`` names
    none), reads its state from the JSON inside the element, and asks for nothing else: no kernel,
    no further file.
    """
    modules = {view: f"view/{view}.mjs" for view in (views() if names is None else names)}
    defines = "\n".join(
        f'{_variable(HOST)}.define("{element_name(view)}", {_variable(module)}.render);'
        for view, module in modules.items()
    )
    return f'"use strict";\n(() => {{\n{_join([HOST, *modules.values()])}\n{defines}\n}})();\n'


@functools.cache
def site_style() -> str:
    """Return the widgets' style sheet."""
    return (FOLDER / "style.css").read_text("utf-8")


def _join(entries: list[str], folder: Path = FOLDER) -> str:
    """Return the entries and all they import, each module once, imports first."""
    done: dict[str, str] = {}

    def visit(module: str, path: tuple[str, ...]) -> None:
        if module in path:
            raise JoinError(f"circular import: {' -> '.join([*path, module])}")
        if module in done:
            return
        imports, code = _wrap(module, folder)
        for imported in imports:
            visit(imported, (*path, module))
        done[module] = code

    for entry in entries:
        visit(entry, ())
    return "\n".join(done.values())


def _wrap(module: str, folder: Path) -> tuple[list[str], str]:
    """Return what a module imports, and the module as a function that is called once."""
    imports, exports, body = [], [], []
    for number, line in enumerate((folder / module).read_text("utf-8").splitlines(), start=1):
        if match := _IMPORT.fullmatch(line):
            imported = _resolve(module, match[2], folder, number)
            imports.append(imported)
            body.append(f"const {{ {match[1]} }} = {_variable(imported)};")
        elif match := _SOURCE.fullmatch(line):
            worker = _join([_resolve(module, match[1], folder, number)], folder)
            body.append("const source = " + json.dumps(f'"use strict";\n{worker}') + ";")
        elif match := _EXPORT.match(line):
            exports.append(match[1])
            body.append(line.removeprefix("export "))
        elif line == DEFAULT:
            continue
        elif re.match(r"\s*(import|export)\b", line) or _DYNAMIC.search(line):
            raise JoinError(f"{module}:{number}: not a form the joiner knows: {line.strip()}")
        elif not line.lstrip().startswith("//"):
            body.append(line.lstrip())  # what is sent to readers needs no comments and no indent
    inner = "\n".join(body)
    returned = f"return {{ {', '.join(exports)} }};"
    return imports, f"const {_variable(module)} = (() => {{\n{inner}\n{returned}\n}})();"


def _resolve(module: str, target: str, folder: Path, number: int) -> str:
    path = ((folder / module).parent / target).resolve()
    if not path.is_file() or not path.is_relative_to(folder.resolve()):
        raise JoinError(f"{module}:{number}: no module {target}")
    return path.relative_to(folder.resolve()).as_posix()


def _variable(module: str) -> str:
    return "btl_" + re.sub(r"\W", "_", module.removesuffix(".mjs"))
