"""Exercises that teach: checks that show the wrong bit, hints, solutions, your code in the net.

>>> from bnnkit import learn
>>> print(learn.stub("1.1"))
def sign(x):
    \"\"\"The sign of each number, as int8: -1 below zero, else +1.\"\"\"
    # your lines here
    raise NotImplementedError
"""

from bnnkit.learn.capstone import capstone
from bnnkit.learn.classroom import export_nbgrader
from bnnkit.learn.face import (
    check,
    exercise,
    hint,
    list_exercises,
    solution,
    stub,
    unuse,
    use,
    using,
    yours,
)
from bnnkit.learn.memory import progress
from bnnkit.learn.page import exercises_page
from bnnkit.learn.source import show
from bnnkit.learn.warmups import progress_map, warm_ups

__all__ = [
    "capstone",
    "check",
    "exercise",
    "exercises_page",
    "export_nbgrader",
    "hint",
    "list_exercises",
    "progress",
    "progress_map",
    "show",
    "solution",
    "stub",
    "unuse",
    "use",
    "using",
    "warm_ups",
    "yours",
]
