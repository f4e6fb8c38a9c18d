"""The site as a whole: how much script a page carries, and what stands beside the pages."""

import gzip
import re
from urllib.parse import urlsplit
from xml.etree import ElementTree

import links
import pytest
from PIL import Image
from project import SITE as ADDRESS

SITE = links.pages()
TEXT = [name for name in SITE if name.startswith("book/")]
# The theme's own files, its search, and the mathematics.
THEME = re.compile(r"_static/(scripts|mathjax)/|searchindex|searchtools|language_data")
BUDGET = 60_000  # bytes, gzipped, a page


@pytest.mark.parametrize("name", [name for name in TEXT if name != "book/gallery.html"])
def test_a_page_carries_little_script(name):
    """The gallery holds every widget there is; any other page, only its own."""
    page = SITE[name]
    files = {load.partition("?")[0] for load in page.loads if ".js" in load}
    own = [(page.path.parent / file).resolve() for file in files if not THEME.search(file)]
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in own}
    assert sum(sizes.values()) < BUDGET, sizes


@pytest.mark.parametrize("name", TEXT)
def test_a_shared_link_has_words_and_a_picture(name):
    text = SITE[name].path.read_text("utf-8")
    said = dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)" />', text))
    assert said["url"] == f"{ADDRESS.rstrip('/')}/{name}"
    assert said["image"].startswith(ADDRESS) and said["title"] and len(said["description"]) > 30
    picture = links.SITE / said["image"].removeprefix(ADDRESS.rstrip("/") + "/")
    assert Image.open(picture).size == (1200, 630)


def test_the_map_names_every_page_of_the_book():
    tree = ElementTree.parse(links.SITE / "sitemap.xml")
    found = {place.text for place in tree.iter() if place.tag.endswith("}loc")}
    assert found == {f"{ADDRESS.rstrip('/')}/{name}" for name in TEXT}
    assert f"Sitemap: {ADDRESS.rstrip('/')}/sitemap.xml" in (links.SITE / "robots.txt").read_text()


def test_an_address_that_leads_nowhere(chrome, address):
    """The page for it works at any depth; hosts serve it wherever the site lies."""
    base = urlsplit(ADDRESS).path.rstrip("/")
    with chrome.new_context() as context:
        page = context.new_page()

        def serve(route):
            path = urlsplit(route.request.url).path.removeprefix(base + "/").lstrip("/")
            if not (links.SITE / path).is_file():
                return route.fulfill(status=404, path=links.SITE / "404.html")
            return route.fulfill(path=links.SITE / path)

        context.route("**/*", serve)
        failed = []
        page.on("response", lambda r: failed.append(r.url) if r.status >= 400 else None)
        lost = f"{address}{base.lstrip('/')}/no/such/page.html"
        page.goto(lost)
        assert page.locator("h1", has_text="Page not found").is_visible()
        assert failed == [lost]
        page.get_by_role("link", name="front page", exact=True).click()
        assert "What if a weight were one bit?" in page.locator("article").inner_text()


@pytest.mark.parametrize("name", TEXT)
def test_a_reader_can_go_on(name):
    """Previous or next, search, the theme, the download, on every page."""
    text = SITE[name].path.read_text("utf-8")
    assert re.search(r'class="(left-prev|right-next)"', text)
    for part in ("search-button", "theme-switch-button", "download-source-button"):
        assert part in text or (part == "download-source-button" and "api" in name), part
