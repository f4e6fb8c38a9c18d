"""What the site shows to the world beside its pages: a card for shared links, a description of each
page, a map for search engines, and a page for an address that leads nowhere.
"""

import re
import sys
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
import card
import project

CARD, LOST = "_static/card.png", "404"
SITE = project.SITE.rstrip("/")
PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.S)
TAG = re.compile(r"<[^>]+>")
NOWHERE = """<h1>Page not found</h1>
<p>There is no page at this address; it may have moved. The <a href="{home}">front page</a> lists
the chapters, and the search box at the side looks through all of them.</p>"""


def write_card(app):
    """Draw the card into the site."""
    if app.builder.format == "html":
        path = Path(app.outdir) / CARD
        path.parent.mkdir(parents=True, exist_ok=True)
        card.draw_card(path)


def describe(body, longest=200):
    """Return the beginning of a page's text: whole sentences, as far as ``longest`` letters go."""
    words = ""
    for paragraph in PARAGRAPH.findall(body):
        words += " " + " ".join(unescape(TAG.sub("", paragraph)).split())
        if len(words) > 60:
            break
    words = words.strip()
    if len(words) <= longest:
        return words
    end = max(words.rfind(mark, 0, longest) for mark in (". ", "? ", "! "))
    return words[: end + 1] if end > 0 else words[: words.rfind(" ", 0, longest)] + " …"


def add_words(app, pagename, templatename, context, doctree):
    """Give a page of the book its description, its address and the card."""
    if doctree is None or app.builder.format != "html":
        return
    context["description"] = describe(context["body"])
    context["pageurl"] = f"{SITE}/{pagename}.html"
    context["card"] = {
        "address": f"{SITE}/{CARD}",
        "width": card.WIDTH,
        "height": card.HEIGHT,
        "words": card.WORDS,
    }


def add_lost(app):
    """The page for addresses that lead nowhere; its links hold from any depth of the site."""
    base = urlsplit(SITE).path + "/"
    home = f"{app.config.root_doc}.html"
    context = {"title": "Page not found", "body": NOWHERE.format(home=home), "base": base}
    yield LOST, context, "page.html"


def write_map(app, exception):
    """Write sitemap.xml with the pages of the book, and robots.txt that names it."""
    if exception or app.builder.format != "html":
        return
    pages = [f"{SITE}/{name}.html" for name in sorted(app.env.found_docs)]
    urls = "\n".join(f"  <url><loc>{page}</loc></url>" for page in pages)
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    xmlns = "http://www.sitemaps.org/schemas/sitemap/0.9"
    out = Path(app.outdir)
    sitemap = f'{head}\n<urlset xmlns="{xmlns}">\n{urls}\n</urlset>\n'
    (out / "sitemap.xml").write_text(sitemap, encoding="utf-8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {SITE}/sitemap.xml\n"
    (out / "robots.txt").write_text(robots, encoding="utf-8")


def setup(app):
    app.connect("builder-inited", write_card)
    app.connect("html-page-context", add_words)
    app.connect("html-collect-pages", add_lost)
    app.connect("build-finished", write_map)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
