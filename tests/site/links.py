"""What the tests of the built site read from its files, without a browser."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
# Hosts that a reader may be sent to by a click; nothing is ever loaded from one.
LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}


class Page(HTMLParser):
    """The links, anchors, images and loaded files of one page."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.path, self.links, self.anchors, self.images, self.loads = path, [], set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    @property
    def name(self):
        return self.path.relative_to(SITE).as_posix()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag == "img":
            self.images.append(given)
        if tag in LOADING and given.get(LOADING[tag]):
            self.loads.append(given[LOADING[tag]])
        # <link rel=canonical> and the like name an address; they load nothing.
        if tag == "link" and given.get("rel") in {"stylesheet", "preload", "icon", "modulepreload"}:
            self.loads.append(given["href"])


def pages():
    """Return all pages of the built site by name."""
    found = [Page(path) for path in sorted(SITE.rglob("*.html"))]
    return {page.name: page for page in found if not page.name.startswith("_static/")}


def is_external(link):
    return "://" in link or link.startswith(("mailto:", "data:", "javascript:", "//"))


def broken(page, site):
    """Return the links within the site that lead nowhere, from ``page``."""
    found = []
    for link in [*page.links, *page.loads]:
        if is_external(link) or link == "#":
            continue
        address, anchor = urldefrag(link)
        target = (page.path.parent / unquote(address.partition("?")[0])).resolve()
        target = page.path if not address else target
        if target.is_dir():
            target /= "index.html"
        if not target.exists():
            found.append(link)
            continue
        other = site.get(target.relative_to(SITE).as_posix()) if target.suffix == ".html" else None
        if anchor and other and unquote(anchor) not in other.anchors:
            found.append(link)
    return found
