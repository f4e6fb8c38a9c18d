"""The source that a chapter shows is the source that runs."""

import ast
import html
import importlib.util
import inspect
import json
import re
import sys
import textwrap

import numpy as np
import pytest

from bnnkit import binarize, errors, packed
from bnnkit.binarize import MedianBinarizer, sign
from bnnkit.learn import show
from bnnkit.learn.source import ROOT, _without_docstrings

THINGS = [sign, MedianBinarizer, MedianBinarizer.fit, errors.check_array, packed.BitMatrix, show]
NAMES = [thing.__qualname__ for thing in THINGS]


@pytest.mark.parametrize("thing", THINGS, ids=NAMES)
def test_it_shows_the_lines_of_the_installed_file(thing):
    source = show(thing)
    lines = (ROOT / source.path).read_text(encoding="utf-8").splitlines()
    assert str(source) == textwrap.dedent("\n".join(lines[source.first - 1 : source.last]))
    assert f" {thing.__name__}" in str(source)


def test_repr_is_short_and_holds_nothing_that_changes():
    assert repr(show(MedianBinarizer.fit)) == "Source('bnnkit.binarize.MedianBinarizer.fit')"


@pytest.mark.parametrize("thing", THINGS, ids=NAMES)
def test_without_docstrings_the_code_is_the_same(thing):
    """Compared as trees: what is left does what the whole does."""
    bare = ast.parse(str(show(thing, docstring=False)))
    whole = ast.parse(str(show(thing)))
    documented = (ast.FunctionDef, ast.ClassDef)
    for node in ast.walk(whole):
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            del node.body[0]
    assert ast.dump(bare) == ast.dump(whole)
    assert all(ast.get_docstring(n) is None for n in ast.walk(bare) if isinstance(n, documented))


def test_a_body_that_is_only_a_docstring_leaves_dots():
    assert _without_docstrings('class A:\n    """Only words."""') == "class A:\n    ..."
    spaced = 'class A:\n    """Words."""\n\n    b = 1'
    assert _without_docstrings(spaced) == "class A:\n    b = 1"


def test_html_links_to_file_and_line_and_keeps_the_code():
    source = show(sign)
    page = source._repr_html_()
    assert f'/blob/main/bnnkit/binarize.py#L{source.first}-L{source.last}"' in page
    assert "https://github.com/example-org/bits-that-learn" in page
    code = re.search(r"<pre>(.*?)</pre>", page, re.S)[1]
    assert html.unescape(re.sub(r"<[^>]*>", "", code)).strip() == str(source)


def test_it_names_the_tests_that_use_it():
    """Its own name is imported here, and NumPy's function of that name must not count."""
    here = {t.name for t in show(MedianBinarizer).tests if t.path == "tests/test_learn_source.py"}
    assert "test_it_names_the_tests_that_use_it" in here
    assert "test_that_does_not_use_it" not in here
    assert show(sign).tests[0].path == "tests/test_binarize.py"
    assert show(packed.BitMatrix).tests[0].path == "tests/test_packed.py"
    assert "test_that_does_not_use_it" not in {test.name for test in show(sign).tests}
    through_module = {t.name for t in show(binarize.thermometer).tests}
    assert "test_that_does_not_use_it" in through_module


def test_that_does_not_use_it():
    assert np.sign(0) == 0  # not ours
    assert binarize.thermometer([[1]], [[0]])[0, 0] == 1


def test_a_test_link_points_at_its_function():
    for test in show(sign).tests:
        line = (ROOT / test.path).read_text(encoding="utf-8").splitlines()[test.line - 1]
        assert line.startswith(f"def {test.name}(")


def test_without_pygments_it_is_plain(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygments", None)
    page = show(sign)._repr_html_()
    assert "<span" not in page and "&gt; np.ndarray" in page


def test_a_kernel_shows_its_python():
    """A compiled function has its Python below, under the name that numba gives it."""

    class Kernel:
        py_func = staticmethod(inspect.unwrap(sign))

    assert show(Kernel()).name == "bnnkit.binarize.sign"


@pytest.mark.parametrize("thing", [3, "sign", errors, None])
def test_what_is_no_function_is_refused(thing):
    with pytest.raises(TypeError, match="thing must be a function or a class"):
        show(thing)


@pytest.mark.parametrize("thing", [inspect.signature, json.JSONEncoder, importlib.util.find_spec])
def test_what_is_not_ours_is_refused(thing):
    with pytest.raises(ValueError, match="thing must belong to bnnkit"):
        show(thing)
