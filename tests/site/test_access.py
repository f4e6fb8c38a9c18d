"""Pages for everyone: axe-core finds nothing in the light or the dark, and no script is needed."""

import re

import links
import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = [name for name in links.pages() if name != "index.html" and "_modules/" not in name]
MOVING = [name for name in PAGES if "<btl-" in (links.SITE / name).read_text("utf-8")]
AXE = Axe()

# A heading of one letter of mathematics is one: MathJax speaks it, but axe takes it for an icon.
MATHS = {"exclude": [["th:has(math)"]]}

# Most of a chapter's ten thousand elements colour its code. For the rules it is text.
CODE_AS_TEXT = """() => document.querySelectorAll("pre span:not(:has(a))").forEach((e) => {
  const kind = `${e.className} ${e.closest("[class*=highlight]")?.className}`;
  if ((window.kinds ??= new Set()).has(kind)) e.replaceWith(e.textContent);
  window.kinds.add(kind);
})"""

# Contrast depends on what stands in what. Of all elements with the same ancestors one is enough:
# axe measures overlaps, and takes a minute on the ten thousand pieces of a chapter.
KEEP_ONE_OF_EACH = """() => {
  document.querySelectorAll("mjx-container, script").forEach((e) => e.remove());
  const seen = new Set();
  for (const e of [...document.body.querySelectorAll("*")].reverse()) {
    if (e.firstElementChild) continue;
    const path = [];
    for (let up = e; up && path.length < 5; up = up.parentElement)
      path.push(`${up.localName}.${up.getAttribute("class") ?? ""}`);
    const kind = path.join(" ");
    if (seen.has(kind)) e.remove();
    seen.add(kind);
  }
}"""


def violations(page, context=None, **rules):
    """What axe finds: the rule, where, and why."""
    found = AXE.run(page, context, {"resultTypes": ["violations"], **rules}).response
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit, name):
    """All rules once; then contrast in both themes, with one of each kind of element left."""
    page = visit(name)
    for reveal in page.locator("[data-btl-reveal]").all():
        reveal.click()
    page.evaluate(CODE_AS_TEXT)
    assert violations(page, MATHS, rules={"color-contrast": {"enabled": False}}) == []
    page.evaluate(KEEP_ONE_OF_EACH)
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        assert violations(page, runOnly=["color-contrast"]) == [], theme


@pytest.mark.parametrize("name", MOVING)
def test_without_script_a_still_picture_and_its_words(chrome, address, name):
    with chrome.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + name)
        stills = page.locator("[data-btl-widget] .btl-still")
        assert stills.count() == page.locator("[data-btl-widget]").count() > 0
        for still in stills.all():
            assert still.is_visible() and len(still.locator("figcaption").inner_text()) > 10


@pytest.mark.parametrize("name", MOVING)
def test_on_paper_a_figure_is_its_still_picture(visit, name):
    page = visit(name)
    page.emulate_media(media="print")
    assert page.locator("[data-btl-widget] > .btl-widget").first.is_hidden()
    assert page.locator("[data-btl-widget] > .btl-still").first.is_visible()
    clipped = """() => [...document.querySelectorAll(".bd-article pre")]
        .filter((e) => e.offsetParent && e.scrollWidth > e.clientWidth + 1)
        .map((e) => e.textContent.slice(0, 60))"""
    page.set_viewport_size({"width": 672, "height": 900})  # A4 within its margins
    assert page.evaluate(clipped) == []


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("book/")])
def test_no_script_holds_up_the_first_paint(name):
    text = (links.SITE / name).read_text("utf-8")
    scripts = re.findall(r"<script[^>]*\bsrc=[^>]*>", text)
    assert [script for script in scripts if "defer" not in script and "async" not in script] == []
