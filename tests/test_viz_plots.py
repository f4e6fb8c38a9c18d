"""Plots: SVG in the page's own colours, with words for who cannot see them."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="NOT RUN: matplotlib is not here")

from bnnkit.viz.plots import GREY, INK, MINUS, PLUS, figure, picture

ALT = "Two lines cross, and some dots lie about them."


def drawn(alt=ALT, **options):
    fig, ax = figure(**options)
    ax.plot([0, 1], [0, 1], color=PLUS, label="+1 & more")
    ax.plot([0, 1], [1, 0], color=MINUS)
    ax.scatter(np.arange(5), np.arange(5), color=GREY, rasterized=True)
    ax.set_title("title")
    ax.text(0.5, 0.2, "later")
    ax.legend()
    return picture(fig, alt)


def test_it_is_one_svg_element_in_the_colours_of_the_page():
    svg = drawn().svg
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    for page in ("currentColor", "--btl-plus", "--btl-minus"):
        assert page in svg
    for own in (INK, PLUS, MINUS, "#ffffff", "#000000"):
        assert own not in svg


def test_its_letters_are_letters():
    words = "".join(ElementTree.fromstring(drawn().svg).itertext())
    assert "title" in words and "+1 & more" in words


def test_it_loads_nothing():
    links = re.findall(r'(?:href|src)="([^"]*)"', drawn().svg)
    assert all(link.startswith(("#", "data:")) for link in links)


def test_its_style_is_for_itself_alone():
    """matplotlib writes a rule for every element; in a page that would be every element of it."""
    rules = re.findall(r"<style[^>]*>(.*?)</style>", drawn().svg, re.S)
    assert rules and all(rule.strip().startswith(".btl-drawing *{") for rule in rules)


def test_two_figures_share_no_id():
    ids = [re.findall(r'\bid="([^"]*)"', drawn(alt).svg) for alt in (ALT, ALT + " And more.")]
    assert ids[0] and not set(ids[0]) & set(ids[1])


def test_the_same_figure_gives_the_same_bytes():
    assert drawn().svg == drawn().svg


def test_html_carries_the_words():
    fig, _ = figure()
    page = picture(fig, 'A figure called "empty" & bare.')._repr_html_()
    assert 'role="img" aria-label="A figure called &quot;empty&quot; &amp; bare."' in page
    assert repr(drawn()) == f"Picture({ALT!r})"


def test_rows_and_columns():
    _, axes = figure(rows=2, columns=3, sharex=True)
    assert axes.shape == (2, 3)


@pytest.mark.parametrize("alt", ["", "short", None, 3])
def test_words_are_needed(alt):
    with pytest.raises(ValueError, match="alt must say"):
        picture(figure()[0], alt)


@pytest.mark.parametrize("size", [{"width": 0}, {"height": -1}])
def test_bad_sizes(size):
    with pytest.raises(ValueError, match=next(iter(size))):
        figure(**size)
