"""The playground in a browser: it trains there, and ends with the weights that Python ends with."""

import re
import subprocess
import sys

import numpy as np
import pytest
from test_viz import browser, gallery, show  # noqa: F401 (fixtures)

from bnnkit import viz
from bnnkit.bep import BEPNetwork
from bnnkit.philox import Stream, random_permutation

pytestmark = pytest.mark.slow
WAIT = 60_000  # milliseconds: the network trains in a worker, on a machine that may be busy


@pytest.fixture
def play(show, gallery):  # noqa: F811
    """Open a playground and return its page."""

    def open_playground(**options):
        page = show(gallery.page(viz.Playground(**{"digits": False} | options).html()))
        page.locator(".btl-map-button").first.wait_for()
        page.get_by_label("full speed").check()
        return page

    return open_playground


def press(page, name):
    """Press a button by keyboard."""
    page.get_by_role("button", name=name, exact=True).press("Enter")


def expect(locator):
    from playwright.sync_api import expect  # which not every environment has

    return expect(locator)


def status(page, place):
    """Where the guess (0), the run (1) and the vital signs (2) speak."""
    return page.locator("btl-playground .btl-status").nth(place)


def said(page, place) -> str:
    return status(page, place).inner_text()


def wait(page):
    """Until the run has ended and the vital signs are judged, which is the last that happens."""
    expect(status(page, 2)).not_to_be_empty(timeout=WAIT)


def test_a_guess_a_run_and_the_same_in_python(play):
    page = play(epochs=6)
    page.get_by_role("slider", name="Your guess").press("ArrowRight")
    press(page, "Guess and run")
    wait(page)
    page.get_by_text("The same in Python").click()
    code = page.locator(".btl-python").inner_text()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    score, sha256 = done.stdout.split()
    assert f"BEP: {sha256[:16]}…" in page.locator("details").inner_text()
    shown = viz.Playground(epochs=6, digits=False)
    task = viz.playground_task("xor")
    bep, frozen, local = (
        100 * shown.network(credit).score(*task.test) for credit in ("bep", "frozen", "local")
    )
    assert float(score) * 100 == pytest.approx(bep)
    scores = f"BEP {bep:.1f} %, local rule {local:.1f} %, frozen {frozen:.1f} %."
    assert said(page, 1) == f"Epoch 6 of 6. Right on new points: {scores}"
    assert said(page, 0).startswith(f"You said 16.0 points. It is {bep - frozen:.1f} points.")
    assert page.get_by_role("slider", name="Your guess").is_disabled()


@pytest.mark.parametrize(
    ("failure", "changed", "first"),
    [
        ("νK < 1", "Gate, ν 0.20 → 0.06", "open gates 0.00"),
        ("γ = 1", "Group, γ all → 1", "flips a weight"),
        ("a coin a sample", "Batch 10 → 1", "mean |H|"),
        ("no constant", "Constant input on → off", ""),
        ("batch too large", "Batch 10 → 400", "mean |H|"),
    ],
)
def test_each_failure_says_what_moved_first(play, failure, changed, first):
    page = play(epochs=5)
    press(page, failure)
    wait(page)
    assert page.get_by_text(f"Changed: {changed}. All else is the same").count() == 1
    words = said(page, 2)
    assert words.startswith("Moved first, after ") and first in words.split(" Then ")[0]
    rows = page.locator(".btl-table tbody tr")
    ruined, healthy = (float(rows.nth(i).locator("td").nth(1).inner_text()) for i in (0, 3))
    assert healthy > 85 and ruined < healthy - 5
    press(page, "Healthy again")
    page.get_by_text("Changed:").wait_for(state="detached")


def test_one_sample_at_a_time_and_back(play):
    page = play(seed=3)
    task = viz.playground_task("xor")
    X, y = task.train
    order = random_permutation(3, Stream.SHUFFLE, len(y), epoch=0)
    net = BEPNetwork((33, 15, 15), 2, seed=3, nu=0.2, groups=(15, 15))
    trace = net.trace(X[order[:12]], y[order[:12]])
    titles = []
    for n, sample in enumerate(order[:9]):
        press(page, "One sample")
        page.get_by_text(f"Sample {sample}, of class {y[sample]}", exact=True).wait_for()
        titles.append(page.locator(".btl-steps li").nth(1).inner_text())
        assert f"The margin is {trace.margins[n]}".replace("-", "−") in titles[-1]
        if trace.fires[n]:
            bits = page.locator(".btl-steps li").nth(2).get_by_role("img").all()
            for layer, row in enumerate(bits):
                signs = [1 if s == "+" else -1 for s in row.get_attribute("aria-label")[4:]]
                assert signs == trace.a_star[layer][n].tolist()
    press(page, "One sample")
    page.get_by_text("The batch is full: update, clip, coin, re-sign.").wait_for()
    for _ in range(10):
        press(page, "Back")
    expect(page.get_by_role("button", name="Back")).to_be_disabled(timeout=WAIT)
    expect(page.locator(".btl-steps")).to_have_count(0)
    expect(status(page, 1)).to_have_text("Ready: three networks with the same weights.")


def test_a_neuron_opens_in_error_bits(play):
    page = play(epochs=2, widths=[9, 5, 15], group=1)
    press(page, "Run")
    wait(page)
    first = page.get_by_role("button", name=re.compile("layer 2, neuron 0"))
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    panel = page.locator(".btl-inside")
    panel.wait_for()
    playground = viz.Playground(epochs=2, widths=[9, 5, 15], group=1, digits=False)
    X, y = viz.playground_task("xor").train
    trace = playground.network().trace(X[:1], y[:1])
    labels = [n.get_attribute("aria-label") for n in panel.locator(".btl-neuron").all()]
    wanted = [1 if "wanted +1" in label else -1 for label in labels]
    assert wanted == trace.a_star[1][0].tolist()
    assert (
        panel.locator(".btl-neuron[aria-pressed=true]").get_attribute("aria-label")[:8]
        == "neuron 1"
    )
    page.get_by_role("button", name=re.compile("layer 3, neuron 0")).press("Enter")
    page.get_by_text("Neuron 0 of the last layer: nobody votes on it.").wait_for()
    expect(panel).to_have_count(0)


def settled(page) -> str:
    """Return what is said of the run once it has said the same for half a second."""
    words, before = said(page, 1), None
    while words != before:
        page.wait_for_timeout(500)
        words, before = said(page, 1), words
    return words


def test_it_sleeps_while_hidden_and_listens_while_it_trains(play):
    page = play(epochs=1000, widths=[63, 63])
    press(page, "Run")
    page.get_by_role("button", name="Pause").wait_for()
    press(page, "Pause")
    page.get_by_role("button", name="Run", exact=True).wait_for(timeout=10_000)
    assert not settled(page).startswith("Epoch 1000 ")
    press(page, "Run")
    page.get_by_role("button", name="Pause").wait_for()
    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true });"
    tell = "document.dispatchEvent(new Event('visibilitychange'));"
    page.evaluate(hide % "true" + tell)
    asleep = settled(page)
    assert not asleep.startswith("Epoch 1000 ")
    page.evaluate(hide % "false" + tell)
    expect(status(page, 1)).not_to_have_text(asleep, timeout=WAIT)


def test_digits_train_at_sixty_steps_a_second_and_more(play):
    page = play(data="digits", digits=True, widths=[64, 64], group=0, epochs=1)
    assert page.locator(".btl-map-button").count() == 128
    press(page, "One epoch")
    page.get_by_text(re.compile("^Epoch 1 of 1")).wait_for(timeout=60_000)
    page.get_by_text("The same in Python").click()
    rate = page.get_by_text(re.compile(r"batch steps a second")).inner_text()
    assert int(rate.split()[0]) >= 60
    network = viz.Playground("digits", widths=[64, 64], group=0, epochs=1).network()
    assert network.weights_sha256()[:16] in page.locator("details").inner_text()


def test_python_and_page_share_the_knobs():
    playground = viz.Playground(digits=False, epochs=1)
    playground.knobs = playground.knobs | {"seed": 5, "epochs": 2}  # what the page's message does
    net = playground.network()
    assert (net.seed, net.epoch) == (5, 2)
    assert not np.array_equal(net.H[0], viz.Playground(digits=False, epochs=2).network().H[0])
