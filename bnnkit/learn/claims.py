"""Claims: the numbers that a chapter's text quotes, tied to the values that its code computes.

A cell prints a claim, and the text quotes it by name::

    claim("median_accuracy", 100 * accuracy, digits=1)       # prints: claim median_accuracy = 92.3

    The median gets <span data-claim="median_accuracy">92.3</span> %.

The printed line is part of the chapter's committed output, so the book's tests can compare text
with computation without running it, and running it (nbval) proves that the line is true.
"""

from __future__ import annotations

import re

import numpy as np

from bnnkit.errors import check_int, check_number


def claim(name: str, value, *, digits: int | None = None, above=None, below=None) -> None:
    """Print one claim: an exact value, or a bound that the value keeps.

    Parameters
    ----------
    name : str
        Lower-case letters, digits and ``_``; printed by one cell of a chapter.
    value : int, float, bool or str
        What the chapter computed. A float needs ``digits``, the decimals to print.
    above, below : number, optional
        Claim only that the value lies strictly above (below) this bound. For what differs from
        machine to machine: times, and every result of a float-trained network.

    Raises ``ValueError`` for a value that breaks its bound: a chapter stops at a false claim.

    >>> claim("median_accuracy", 92.3214, digits=1)
    claim median_accuracy = 92.3
    >>> claim("words", 13)
    claim words = 13
    >>> claim("ste_accuracy", 96.4, above=95)
    claim ste_accuracy > 95
    >>> claim("ste_accuracy", 94.2, above=95)
    Traceback (most recent call last):
    ValueError: claim ste_accuracy > 95 does not hold, got 94.2
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"name must be lower-case letters, digits and _, got {name!r}")
    if above is None and below is None:
        print(f"claim {name} = {_exact(value, digits)}")
        return
    value = check_number(value, "value")
    for sign, bound in ((">", above), ("<", below)):
        if bound is None:
            continue
        check_number(bound, "above" if sign == ">" else "below")
        if not (value > bound if sign == ">" else value < bound):
            raise ValueError(f"claim {name} {sign} {bound} does not hold, got {value}")
        print(f"claim {name} {sign} {bound}")


def _exact(value, digits: int | None) -> str:
    """Return the text of an exact claim."""
    if isinstance(value, (str, bool, np.bool_)):
        return str(value)
    number = check_number(value, "value")
    if digits is None and isinstance(value, (int, np.integer)):
        return str(int(value))
    if digits is None:
        raise TypeError("digits is needed for a float: say how many decimals are claimed")
    return f"{float(number):.{check_int(digits, 'digits', low=0, high=12)}f}"
