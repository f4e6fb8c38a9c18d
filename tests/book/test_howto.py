"""Every example of the how-to pages, run as a reader would: top to bottom, in an empty folder."""

import doctest
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import text
from conftest import not_run

PAGES = sorted((text.BOOK / "howto").glob("*.md"))
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.M | re.S)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@each_page
def test_every_block_is_run(path):
    """Commands and Python with their output; ``text`` is for what takes several machines."""
    kinds = [kind for kind, _ in BLOCK.findall(path.read_text(encoding="utf-8"))]
    assert set(kinds) <= {"pycon", "console", "text"} and "pycon" in kinds


@pytest.mark.slow
@each_page
def test_examples(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for number, (kind, block) in enumerate(BLOCK.findall(path.read_text(encoding="utf-8"))):
        if kind == "pycon":
            run_python(block, names, f"{path.name}, block {number}")
        elif kind == "console":
            for command, expected in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.M):
                run_command(command, expected)


def run_python(block, names, where):
    test = doctest.DocTestParser().get_doctest(block, names, where, None, 0)
    wrong = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=wrong.append, clear_globs=False)
    names.update(test.globs)
    assert not wrong, "".join(wrong)


def run_command(command, expected):
    words = shlex.split(command)
    if words[0] == "python":
        words[0] = sys.executable
    elif shutil.which(words[0]) is None:
        not_run(f"{words[0]} is not here")
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    check = doctest.OutputChecker()
    if not check.check_output(expected, done.stdout, FLAGS):
        example = doctest.Example(command, expected)
        pytest.fail(f"{command}\n{check.output_difference(example, done.stdout, FLAGS)}")
