"""The seam for readers' own code.

Some functions of the ladder are also exercises. They carry ``@step("4.3")``: the number of the
exercise that asks for them. Each call looks in one table. If it is empty, the function of the
package runs. If the reader has put an own function there, that one runs, and so the reader's code
trains the network.

No rung knows about exercises, and none pays for them: a model asks :func:`overridden` once a
batch, and takes its fast path while the table is empty.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_steps: dict[str, Callable] = {}  # exercise number -> the package's own function
_overrides: dict[str, Callable] = {}  # exercise number -> the reader's function


def step(number: str) -> Callable[[Callable], Callable]:
    """Mark a function as the one that exercise ``number`` builds.

    >>> @step("0.1")
    ... def double(x):
    ...     return 2 * x
    >>> with override("0.1", lambda x: x + x + 1):
    ...     double(3)
    7
    >>> double(3)
    6
    """

    def mark(function: Callable) -> Callable:
        @functools.wraps(function)
        def call(*args, **kwargs):
            return _overrides.get(number, function)(*args, **kwargs)

        call.step = number  # type: ignore[attr-defined]
        _steps[number] = function
        return call

    return mark


def reference(number: str) -> Callable:
    """Return the package's own function for exercise ``number``, whatever is overridden."""
    return _steps[_known(number)]


def set_override(number: str, function: Callable | None) -> None:
    """Let ``function`` serve for exercise ``number``; ``None`` gives the package's own back."""
    _known(number)
    if function is None:
        _overrides.pop(number, None)
    elif callable(function):
        _overrides[number] = function
    else:
        raise TypeError(f"function must be callable, got {type(function).__name__}")


def overridden(prefix: str = "") -> list[str]:
    """Return the numbers of the overridden steps that start with ``prefix``, sorted."""
    if not _overrides:  # nearly always, and asked for every batch
        return []
    return sorted(number for number in _overrides if number.startswith(prefix))


@contextmanager
def override(number: str, function: Callable) -> Iterator[None]:
    """Override a step within a ``with`` block."""
    before = _overrides.get(_known(number))
    set_override(number, function)
    try:
        yield
    finally:
        set_override(number, before)


def _known(number: str) -> str:
    if number not in _steps:
        listed = ", ".join(sorted(_steps))
        raise ValueError(f"number must be one of the steps {listed}, got {number!r}")
    return number
