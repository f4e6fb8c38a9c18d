"""The built site, page by page: whole, self-contained, readable on a phone and in the dark."""

import re

import links
import pytest

SITE = links.pages()
assert SITE, "there is no site: run `make html` first"
CHAPTERS = [name for name in SITE if re.fullmatch(r"book/\d\d_\w+\.html", name)]
# The ladder's chapters have figures that move; an appendix (90 and up) need not.
MOVING = [*(name for name in CHAPTERS if not name.startswith("book/9")), "book/gallery.html"]
TEXT = [name for name in SITE if name.startswith("book/")]
# Source listings, indices, search. index.html only sends its reader on; 404.html has its own test.
LISTINGS = [name for name in SITE if name not in [*TEXT, "index.html", "404.html"]]

# What is wider than the screen, left out what scrolls in a box of its own.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width + 1) return [];
  const boxed = (e) => e && e !== document.body &&
    (/auto|scroll|hidden/.test(getComputedStyle(e).overflowX) || boxed(e.parentElement));
  return [...document.body.querySelectorAll("*")]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !boxed(e.parentElement))
    .map((e) => `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 60)}`).slice(0, 5)
    .concat(`page is ${document.documentElement.scrollWidth} px wide on ${width}`);
}"""


@pytest.mark.parametrize("name", SITE)
def test_links_lead_somewhere(name):
    assert links.broken(SITE[name], SITE) == []


@pytest.mark.parametrize("name", SITE)
def test_nothing_is_loaded_from_another_host(name):
    assert [load for load in SITE[name].loads if links.is_external(load)] == []


@pytest.mark.parametrize("name", TEXT)
def test_images_have_alt_text(name):
    assert [image.get("src", "")[:80] for image in SITE[name].images if not image.get("alt")] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("name", TEXT)
def test_page_over_http(visit, name, width, dark):
    page = visit(name, width=width, dark=dark)
    assert page.locator("html").get_attribute("data-theme") == ("dark" if dark else "light")
    assert page.locator("mjx-merror, [data-mjx-error]").count() == 0
    assert page.evaluate(TOO_WIDE) == []
    assert page.problems == []


@pytest.mark.parametrize("name", LISTINGS)
def test_listing_over_http(visit, name):
    page = visit(name, width=320)
    assert page.evaluate(TOO_WIDE) == []
    assert page.problems == []


@pytest.mark.parametrize("name", TEXT)
def test_page_from_a_file(visit, name):
    page = visit(name, over="file")
    assert page.problems == []


def test_math_is_typeset_with_fonts_of_the_site(visit):
    page = visit("book/notation.html")
    assert page.locator("mjx-container").count() > 50
    fonts = page.evaluate(
        "performance.getEntriesByType('resource').map((e) => e.name)"
        ".filter((name) => /MathJax_.*woff/.test(name))"
    )
    assert fonts
    assert page.problems == []


def test_the_root_leads_to_the_front_page(chrome, address):
    with chrome.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_url("**/book/00_bits_that_learn.html")


def test_search_finds_a_word(visit):
    page = visit("search.html?q=popcount")
    page.wait_for_selector("#search-results li a")
    assert page.problems == []


@pytest.mark.parametrize("over", ["http", "file"])
@pytest.mark.parametrize("name", MOVING)
def test_widgets_move(visit, name, over):
    """Each widget of a chapter answers the keyboard: what it shows changes, beside the control."""
    page = visit(name, over=over)
    widgets = page.locator("[data-btl-widget]")
    assert widgets.count() >= 1, "a chapter needs a figure that moves"
    for i in range(widgets.count()):
        widget = widgets.nth(i)
        assert widget.evaluate("(e) => e.localName.startsWith('btl-')")
        widget.scroll_into_view_if_needed()
        control = widget.locator("input[type=range], button:enabled, [role=slider]").first
        control.focus()
        before = widget.screenshot(mask=[control]), widget.inner_text()
        slides = control.evaluate("(e) => e.matches('input, [role=slider]')")
        control.press("ArrowRight" if slides else "Enter")
        page.wait_for_timeout(400)
        if slides and widget.inner_text() == before[1]:
            control.press("ArrowLeft")  # it stood at its end
            page.wait_for_timeout(400)
        after = widget.screenshot(mask=[control]), widget.inner_text()
        assert after != before, f"widget {i} does not move"
    assert page.problems == []


def test_exercises_are_folded_and_a_warm_up_is_checked_and_remembered(visit):
    page = visit("book/exercises.html")
    assert page.locator("details[open]").count() == 0  # hints and solutions
    assert page.get_by_text("Solution", exact=True).count() == page.locator(".btl-rung").count()
    answer = page.get_by_role("group", name="1.b").get_by_role("textbox")
    for text, words in (
        ("0.21", "Not yet. That is p(1 - p)"),
        ("0.84", "Right. The square of a sign"),
    ):
        answer.fill(text)
        answer.press("Enter")
        assert (
            page.get_by_role("group", name="1.b")
            .get_by_role("status")
            .inner_text()
            .startswith(words)
        )
    page.reload()
    assert page.locator(".btl-rung-done").all_inner_texts() == ["✓ 1.b"]
    assert page.problems == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_can_be_launched(name):
    from project import REPOSITORY

    path = name.replace(".html", ".ipynb")
    hosts = ["https://mybinder.org/v2/gh/", "https://colab.research.google.com/github/"]
    repository = REPOSITORY.removeprefix("https://github.com/")
    for host in hosts:
        assert any(
            link.startswith(host + repository) and link.endswith(path) for link in SITE[name].links
        ), host
