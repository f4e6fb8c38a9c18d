"""A browser on the built site, over http and over file://, that notes all that goes wrong."""

import os
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).parent)]

import browser as chromium  # noqa: E402
import serve  # noqa: E402

SITE = ROOT / "_build" / "html"
ARGUMENTS = [
    *["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    *["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
]


@pytest.fixture(scope="session")
def address():
    """Return the address of the served site."""
    httpd = serve.server(SITE)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}/"
    httpd.shutdown()


@pytest.fixture(scope="session")
def chrome():
    """Return a running headless Chromium."""
    from playwright.sync_api import sync_playwright

    path = chromium.find()
    assert path, "no Chromium here: `make test` installs it on Debian as root"
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = ARGUMENTS + (["--no-sandbox"] if as_root else [])
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=arguments)
        yield running
        running.close()


@pytest.fixture
def visit(chrome, address):
    """Return ``visit(page, width, dark, over)``: an opened page, with ``problems`` on it.

    ``problems`` gathers console errors, exceptions, failed answers, and requests to other hosts,
    which are refused.
    """
    contexts = []

    def open_page(name, width=1280, dark=False, over="http"):
        base = address if over == "http" else SITE.as_uri() + "/"
        context = chrome.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.problems = problems = []

        def guard(route):
            if route.request.url.startswith((base, "data:", "blob:")):
                return route.continue_()
            problems.append(f"asks another host: {route.request.url}")
            return route.abort()

        context.route("**/*", guard)
        page.on("console", lambda m: m.type == "error" and problems.append(f"console: {m.text}"))
        page.on("pageerror", lambda error: problems.append(f"exception: {error}"))
        page.on("requestfailed", lambda r: problems.append(f"failed: {r.url}"))
        page.on(
            "response", lambda r: r.status >= 400 and problems.append(f"status {r.status}: {r.url}")
        )
        page.goto(base + name, wait_until="load")
        page.evaluate("window.MathJax?.startup?.promise")
        page.evaluate("document.fonts.ready")
        return page

    yield open_page
    for context in contexts:
        context.close()
