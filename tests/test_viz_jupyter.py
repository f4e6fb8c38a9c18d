"""A widget in a real JupyterLab: it appears, the keyboard moves it, and Python knows."""

import importlib.util
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import not_run

pytestmark = pytest.mark.slow
NEEDED = ("jupyterlab", "ipykernel", "anywidget")
TOKEN = "signs"
WAIT = 60_000  # milliseconds
IDLE = '.jp-Notebook-ExecutionIndicator[data-status="idle"]'
CELLS = [
    "from bnnkit import viz\n"
    "widget = viz.FlipMap([[[1, -3], [5, 1]], [[-1, -3], [5, 3]], [[1, -3], [5, 3]]])\n"
    "widget",
    "print('step', widget.step, 'selected', widget.selected)",
    "widget.step = 0",
    "from bnnkit import learn\nlearn.warm_ups('1.b')",
    "print(learn.progress())",
    "import time\n"
    "import numpy as np\n"
    "from bnnkit import BEPNetwork\n"
    "net = BEPNetwork((9, 15), 2)\n"
    "live = viz.FlipMap(net.H[0])\n"
    "live",
    "X = np.random.default_rng(0).choice([-1, 1], (60, 9))\n"
    "y = (X[:, 0] != X[:, 1]).astype(int)\n"
    "def tell(net, epoch):\n"
    "    live.append(net.H[0])\n"
    "    time.sleep(0.02)\n"
    "if net.epoch == 0:  # a key that was pressed twice does not matter\n"
    "    net.fit(X, y, epochs=150, callback=tell)\n"
    "print('done', net.epoch)",
    "playground = viz.Playground(epochs=2, digits=False)\nplayground",
    "trained = playground.network().weights_sha256()\n"
    "print('guess', playground.guess, playground.result['bep']['sha256'] == trained)",
]
BROWSER = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
SERVER = [
    "--no-browser", "--allow-root", "--expose-app-in-browser", f"--IdentityProvider.token={TOKEN}",
    "--ServerApp.port_retries=0", "--LabApp.news_url=", "--LabApp.extension_manager=readonly",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
]  # fmt: skip


@pytest.fixture
def lab(tmp_path):
    """A JupyterLab of its own, with no settings of the user's; its address."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        not_run(f"JupyterLab's widgets need {', '.join(missing)}")
    import nbformat

    folder = tmp_path / "notebooks"
    folder.mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "flips.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {
        f"JUPYTER_{name}_DIR": str(tmp_path / name.lower())
        for name in ("CONFIG", "DATA", "RUNTIME")
    }
    environment = (
        os.environ | own | {"HOME": str(tmp_path), "BNNKIT_HOME": str(tmp_path / "reader")}
    )
    environment.pop("BNNKIT_WIDGETS", None)
    command = [sys.executable, "-m", "jupyterlab", *SERVER, f"--port={port}"]
    with open(tmp_path / "server.log", "w") as log:
        server = subprocess.Popen(
            [*command, f"--ServerApp.root_dir={folder}"],
            env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/api", server, tmp_path / "server.log")
        yield address
    finally:
        server.terminate()  # shuts its kernels down as well
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_for(address: str, server: subprocess.Popen, log, seconds: int = 60) -> None:
    for _ in range(4 * seconds):
        assert server.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5)
            return
        except OSError:
            time.sleep(0.25)
    pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")


@pytest.fixture
def page(chromium, lab):
    """The notebook, open in JupyterLab, its kernel ready."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER)
        page = browser.new_page(viewport={"width": 1200, "height": 1000})
        page.set_default_timeout(WAIT)
        problems = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{lab}/lab/tree/flips.ipynb?token={TOKEN}")
        page.locator(".jp-Notebook .jp-CodeCell").nth(len(CELLS) - 1).wait_for()
        page.locator(IDLE).wait_for()
        yield page
        browser.close()
    assert problems == []


def run(page, number: int) -> None:
    """Run one cell, as a reader does, and wait until the kernel has done it.

    A notebook that is still being set up loses a key now and then: press it again.
    """
    from playwright.sync_api import expect

    cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputArea-prompt")
    for _ in range(10):
        cell.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        for _ in range(30):
            if re.search(r"\[\d+\]", prompt.inner_text()):
                return
            page.wait_for_timeout(100)
        if "*" in prompt.inner_text():  # it runs
            expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=WAIT)
            return
    pytest.fail(f"cell {number} does not run: {prompt.inner_text()}")


def test_widgets_and_python_share_their_state(page):
    from playwright.sync_api import expect

    run(page, 0)
    widget = page.locator(".jp-OutputArea .btl-widget")
    said = widget.locator(".btl-status").nth(0)
    second = "Epoch 2: 1 of 4 weights flipped (25.0 %)."
    expect(said).to_have_text(second, timeout=WAIT)
    canvas = widget.locator("canvas")
    assert canvas.evaluate("c => c.width > 0 && c.toDataURL().length > 300")

    # JupyterLab moves the focus a little after it has run a cell: come after that.
    expect(page.locator(".jp-CodeCell").nth(1)).to_have_class(re.compile("jp-mod-active"))
    widget.get_by_role("slider").press("ArrowLeft")
    expect(said).to_have_text("Epoch 1: 1 of 4 weights flipped (25.0 %).", timeout=WAIT)
    canvas.press("ArrowRight")  # chooses the first weight
    canvas.press("ArrowDown")
    run(page, 1)
    output = page.locator(".jp-CodeCell").nth(1).locator(".jp-OutputArea-output")
    expect(output).to_have_text(re.compile(r"step 1 selected \[1, 0\]"), timeout=WAIT)

    run(page, 2)
    expect(said).to_have_text("Epoch 0: the start.", timeout=WAIT)

    run(page, 3)
    answer = page.locator(".jp-OutputArea").get_by_role("textbox", name="1.b The coin's variance")
    answer.wait_for()
    page.wait_for_timeout(1000)  # for the focus, as above
    answer.click()
    answer.press_sequentially("0.84")  # no shortcut of JupyterLab takes the keys
    answer.press("Enter")
    expect(page.get_by_text("✓ done")).to_be_visible(timeout=WAIT)
    run(page, 4)
    output = page.locator(".jp-CodeCell").nth(4).locator(".jp-OutputArea-output")
    expect(output).to_have_text(re.compile(r"\[x\] 1.b The coin"), timeout=WAIT)

    follow_a_running_fit(page)


def follow_a_running_fit(page):
    """A map is fed by a network while it trains, at a bounded rate."""
    from playwright.sync_api import expect

    run(page, 5)
    widget = page.locator(".jp-OutputArea .btl-widget", has=page.locator("canvas")).nth(1)
    said = widget.locator(".btl-status").nth(0)
    expect(said).to_have_text("Epoch 0: the start.", timeout=WAIT)
    widget.evaluate(
        """(widget) => {
          window.updates = [];
          const running = () => document.body.innerText.includes("[*]");
          new MutationObserver(() => window.updates.push([performance.now(), running()]))
            .observe(widget.querySelector(".btl-status"), { childList: true });
        }"""
    )
    run(page, 6)
    output = page.locator(".jp-CodeCell").nth(6).locator(".jp-OutputArea-output")
    expect(output).to_have_text(re.compile("done 150"), timeout=WAIT)
    expect(said).to_have_text(re.compile(r"^Epoch 150: \d+ of 135 weights flipped"), timeout=WAIT)
    times = [time for time, running in page.evaluate("window.updates") if running]
    assert len(times) >= 4, "the picture must move while the network trains"
    seconds = (times[-1] - times[0]) / 1000
    assert len(times) <= 5 * seconds + 2, f"{len(times)} updates in {seconds:.1f} s"


def test_the_playground_trains_in_jupyter_and_python_gets_the_same_weights(page):
    from playwright.sync_api import expect

    run(page, 0)
    run(page, 7)
    widget = page.locator(".jp-CodeCell").nth(7).locator(".btl-widget")
    widget.get_by_role("button", name="Guess and run").click()
    said = widget.locator(".btl-guess .btl-status")
    expect(said).to_have_text(re.compile("^You said 15.0 points."), timeout=WAIT)
    run(page, 8)
    output = page.locator(".jp-CodeCell").nth(8).locator(".jp-OutputArea-output")
    expect(output).to_have_text(re.compile("guess 15 True"), timeout=WAIT)
