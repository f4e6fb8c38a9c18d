"""Widgets: the joiner, the two bodies, each widget's checks, and all of them in a browser."""

import asyncio
import gzip
import importlib.util
import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bnnkit import viz
from bnnkit.bep import BEPNetwork, chain
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.viz import joiner
from bnnkit.viz.codec import decode, encode_integers, encode_signs

JS = Path(__file__).parent / "js"
H = np.array([[[1, -3, 5], [1, 1, -1]], [[-1, -3, 5], [3, 1, 1]]])
A, W, P = np.array([[1, -1, 1], [1, 1, 1]]), [[1, 1, -1], [1, -1, 1]], [[1, 1], [-1, -1]]
LATER = np.array([[[1, -1, 1, 1], [1, 1, -1, 1]], [[-1, -1, 1, 1], [-1, 1, 1, 1]]])
CURVE = [(0, 89.4), (4, 93.0), (8, 94.0)]


def one_of_each() -> list:
    return [
        viz.FlipMap(H),
        viz.ThresholdDigits(np.arange(128).reshape(2, 64) % 17, CURVE, grey=98.8, ask_at=4),
        viz.Guess("How many?", 50, low=0, high=100),
        viz.SignSurrogate(),
        viz.XnorDot(),
        viz.Thermometer([0.0, 3.0, 1.0]),
        viz.Staircase(),
        viz.ErrorBits(A, [W], P, [0, 1]),
        through_time(),
        viz.Quiz([asked("number"), asked("choice"), asked("bits"), asked("order")]),
        viz.ProgressMap([("1 binarize", [("1.a", "By hand"), ("1.1", "The sign")])]),
        viz.Playground(digits=False),
    ]


def asked(form, **changes) -> dict:
    """A question of each form, its right answer last."""
    answers = {
        "number": (0.5, 2 / 3),
        "choice": ("no", "yes"),
        "bits": ((1, -1, -1), (-1, -1, -1)),
        "order": (("b", "c", "a"), ("a", "b", "c")),
    }[form]
    options = [(answer, f"{i} it is", i == 1) for i, answer in enumerate(answers)]
    good = {"prompt": "Which $w_1$?", "options": options, "hints": ["Look.", "Look again."]}
    return viz.make_question(f"1.{form[0]}", f"A {form}", form=form, **(good | changes))


def through_time(**options) -> viz.ErrorBitsTime:
    return viz.ErrorBitsTime.of(
        BEPRecurrentNetwork(2, 2, state=15, nu=0.3), LATER, [1, 0], **options
    )


def recording(**changes) -> viz.Recording:
    """One sequence of two steps, two neurons, two classes."""
    square = np.array([[1, -1], [1, 1]])
    names = ("W_xs", "W_ss", "W_sy", "prototypes")
    good = {"a": square[None], "s_0": [1, 1], "y": [0], **dict.fromkeys(names, square)}
    return viz.Recording(**(good | changes))


# the joiner


def write(folder: Path, **modules: str) -> Path:
    for name, text in modules.items():
        (folder / f"{name}.mjs").write_text(text)
    return folder


def test_join_puts_imports_first_and_keeps_private_names_private(tmp_path):
    write(
        tmp_path,
        a='import { f } from "./b.mjs";\nconst secret = 1;\nexport const g = f() + secret;\n',
        b="const secret = 40;\nexport function f() {\n  return secret + 1;\n}\n",
    )
    joined = joiner._join(["a.mjs"], tmp_path)
    assert joined.index("btl_b") < joined.index("btl_a")
    assert "import" not in joined and "export" not in joined
    assert joined.count("const secret") == 2


@pytest.mark.parametrize(
    "line",
    [
        'import * as b from "./b.mjs";',
        'import b from "./b.mjs";',
        'import { f as g } from "./b.mjs";',
        "import { f } from './b.mjs';",
        'import { f } from "https://example.org/b.mjs";',
        'import "./b.mjs";',
        'export { f } from "./b.mjs";',
        "export default function () {}",
        "export let x = 1;",
        '  const m = await import("./b.mjs");',
        'const fs = require("fs");',
    ],
)
def test_join_refuses_other_forms_and_says_where(tmp_path, line):
    write(tmp_path, a=f"// a\n{line}\n", b="export const f = 1;\n")
    with pytest.raises(joiner.JoinError, match=re.escape("a.mjs:2: not a form")):
        joiner._join(["a.mjs"], tmp_path)


def test_join_refuses_missing_modules_and_circles(tmp_path):
    write(tmp_path, a='import { f } from "./nowhere.mjs";\n')
    with pytest.raises(joiner.JoinError, match=re.escape("a.mjs:1: no module ./nowhere.mjs")):
        joiner._join(["a.mjs"], tmp_path)
    write(tmp_path, a='import { f } from "./b.mjs";\n', b='import { g } from "./a.mjs";\n')
    with pytest.raises(joiner.JoinError, match="circular import: a.mjs -> b.mjs -> a.mjs"):
        joiner._join(["a.mjs"], tmp_path)


def test_site_script_is_small_classic_and_asks_for_nothing():
    script = viz.site_script()
    assert len(gzip.compress(script.encode())) < 60_000
    assert not re.search(r"\b(import|fetch|XMLHttpRequest|require|eval)\s*\(", script)
    assert not re.search(r"^\s*(import|export)\b", script, re.M)
    assert set(re.findall(r"https?://[^\s\"']+", script)) == {"http://www.w3.org/2000/svg"}
    for view in joiner.views():
        assert f'define("btl-{view.replace("_", "-")}"' in script


def test_each_esm_holds_only_what_its_view_needs():
    for view in joiner.views():
        text = joiner.esm(view)
        assert text.count("export default { render: ") == 1
        assert "customElements" not in text
    assert "philox" not in joiner.esm("flip_map")


def test_every_view_has_a_widget():
    assert {widget.view for widget in one_of_each()} <= set(joiner.views())
    classes = [c for name in viz.__all__ if isinstance(c := getattr(viz, name), type)]
    own = {c.view for c in classes if issubclass(c, viz.Widget) and c is not viz.Widget}
    assert own == set(joiner.views())


# the two bodies


@pytest.mark.parametrize("widget", one_of_each(), ids=lambda w: w.view)
def test_bundle_has_both_bodies(widget):
    bundle, _ = widget._repr_mimebundle_()
    assert bundle["text/plain"] == repr(widget)
    assert "0x" not in repr(widget)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    body = bundle["text/html"]
    state = re.search(r'<script type="application/json">(.*?)</script>', body, re.S)[1]
    assert json.loads(state) == json.loads(json.dumps(widget.state()))
    name = joiner.element_name(widget.view)
    assert body.startswith(f'<{name} data-btl-widget="{name}">') and body.endswith(f"</{name}>")
    assert '<figure class="btl-still">' in body and "<figcaption>" in body


def test_state_cannot_end_its_script_element():
    body = viz.Guess("</script><b>", 1, low=0, high=2, title="<!--").html()
    assert body.count("</script>") == 1
    assert "<b>" not in body and "<!--" not in body


def test_state_is_synced():
    widget = viz.FlipMap(H)
    seen = []
    widget.observe(lambda change: seen.append(change["new"]), "selected")
    widget.set_state({"selected": [1, 2]})  # what a message from the page does
    assert seen == [[1, 2]] and widget.selected == [1, 2]
    assert {"H", "step", "selected", "_esm", "_css"} <= set(widget.get_state())


HTML_ONLY = """
import {before}
from bnnkit import viz
w = viz.FlipMap([[1, -1], [3, 5]])
w.step = 0
w.append([[1, 1], [3, 5]])
assert sorted(w._repr_mimebundle_()) == ["text/html", "text/plain"], w._repr_mimebundle_()
assert isinstance(w, viz.Widget) and w.state()["step"] == 1
print(w)
"""


@pytest.mark.parametrize(
    "before",
    [
        "os; os.environ['BNNKIT_WIDGETS'] = 'html'",
        "sys; sys.modules['anywidget'] = None",
        "sys; sys.modules.update(dict.fromkeys(['anywidget', 'ipywidgets', 'traitlets']))",
    ],
)
def test_without_anywidget_only_the_element_is_made(before):
    code = HTML_ONLY.format(before=before)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "FlipMap(2 steps, 2 x 2 weights)\n"


# arrays as JSON


@given(hnp.arrays(np.int16, hnp.array_shapes(max_dims=3, max_side=9)))
def test_integers_come_back(x):
    packet = json.loads(json.dumps(encode_integers(x)))
    assert np.array_equal(decode(packet), x)
    assert packet["dtype"] == ("int8" if -128 <= x.min() and x.max() <= 127 else "int16")


@given(hnp.arrays(np.int8, hnp.array_shapes(max_dims=3), elements=st.sampled_from([-1, 1])))
def test_signs_come_back(x):
    assert np.array_equal(decode(encode_signs(x)), x)


def test_integers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="must fit int16, got -3 .. 40000"):
        encode_integers(np.array([-3, 40000]))


# the flip map


@given(hnp.arrays(np.float64, (2, 3, 2), elements=st.floats(-1e3, 1e3, allow_subnormal=False)))
def test_latents_keep_their_signs(latents):
    widget = viz.FlipMap(latents)
    shown = decode(widget.H)
    assert np.array_equal(shown < 0, latents < 0)
    assert np.abs(shown * widget.unit - latents).max() <= widget.unit * 1.001


def test_flip_map_follows_what_is_appended():
    widget = viz.FlipMap(H)
    widget.append(H[0])  # no event loop around us: shown at once
    assert widget.step == 2 and widget.labels == ["0", "1", "2"]
    assert np.array_equal(decode(widget.H), [*H, H[0]])
    widget.step = 0  # who looks back is not pulled forward
    widget.append(H[1], label="last")
    assert widget.step == 0 and widget.labels[-1] == "last"


def test_appending_is_rate_limited_and_nothing_is_lost():
    widget = viz.FlipMap(H)
    shown = []
    widget.observe(lambda change: shown.append(change["new"]["shape"][0]), "H")

    async def cell():
        for k in range(50):
            widget.append(H[k % 2])
        running = list(shown)
        await asyncio.sleep(0.35)
        return running

    assert asyncio.run(cell()) == [3]
    assert shown == [3, 52]


def test_a_long_history_is_thinned():
    H = np.ones((1, 128, 128), np.int16)
    widget = viz.FlipMap(H, step_name="batch")
    for _ in range(99):
        widget.append(H[0])
    assert decode(widget.H).size <= 2**18
    numbers = [int(label) for label in widget.labels]
    assert len(set(np.diff(numbers))) == 1 and numbers[0] == 0 and len(numbers) > 6
    assert widget.H["shape"][0] == len(numbers) and widget.step == len(numbers) - 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: viz.FlipMap([1, 2]), ValueError, "H_history must have 2 or 3 axes"),
        (lambda: viz.FlipMap(np.full((1, 2, 2), np.nan)), ValueError, "finite"),
        (lambda: viz.FlipMap(np.full((1, 2, 2), 40000)), ValueError, "fit int16"),
        (lambda: viz.FlipMap(np.ones((2, 400, 400), int)), ValueError, "at most 262144"),
        (lambda: viz.FlipMap(H, labels=["a"]), ValueError, "labels must name 2 steps, got 1"),
        (lambda: viz.FlipMap(H, tile=(2, 2)), ValueError, "tile must have 3 pixels"),
        (lambda: viz.FlipMap(H).append([[1, 2]]), ValueError, r"shape \(2, 3\)"),
        (lambda: viz.FlipMap(H).append(H[0] * 0.5), TypeError, "hidden integers"),
        (lambda: viz.FlipMap(H * 0.5).append(H[0]), TypeError, "hidden integers"),
        (lambda: digits(images=np.full((2, 64), 17)), ValueError, r"0 \.\. 16"),
        (lambda: digits(images=np.zeros((2, 63))), ValueError, "square"),
        (lambda: digits(curve=[(1, 2), (0, 3)]), ValueError, "rising"),
        (lambda: digits(curve=[(1, 2), (2, 103)]), ValueError, "percent"),
        (lambda: digits(curve=[(1, 2)]), ValueError, "two or more"),
        (lambda: digits(ask_at=3), ValueError, "ask_at must be one of"),
        (lambda: digits(labels=[1]), ValueError, "labels must name 2"),
        (lambda: viz.Guess("?", 3, low=0, high=2), ValueError, "truth"),
        (lambda: viz.Guess("?", 1, low=2, high=0), ValueError, "low must be below high"),
        (lambda: viz.SignSurrogate(3), ValueError, "x must be"),
        (lambda: viz.XnorDot([1], [1, 1]), ValueError, "the same"),
        (lambda: viz.XnorDot([1, 0], [1, 1]), ValueError, "-1 and"),
        (lambda: viz.XnorDot([1] * 9, [1] * 9, word=8), ValueError, "word"),
        (lambda: viz.XnorDot(word=12), ValueError, "word must be one of"),
        (lambda: viz.Thermometer([1.0]), ValueError, "2 .. 512"),
        (lambda: viz.Thermometer([1.0, 2.0], bits=11), ValueError, "bits"),
        (lambda: viz.Staircase(1.5), ValueError, "target"),
        (lambda: viz.ErrorBits(A, [], P, [0, 1]), ValueError, "at least one layer"),
        (lambda: viz.ErrorBits(A, [W, W], P, [0, 1]), ValueError, r"weights\[1\] must have 2"),
        (lambda: viz.ErrorBits(A, [W], P[:1], [0, 0]), ValueError, "two or more classes"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 2]), ValueError, "class numbers 0 to 1"),
        (lambda: viz.ErrorBits(A, [W], P, [0]), ValueError, "one label a sample"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], nu=2), ValueError, "nu"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], class_names=["x"]), ValueError, "name 2"),
        (lambda: viz.ErrorBits(np.ones((1, 300)), [W], P, [0]), ValueError, "256 neurons"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], other=1), ValueError, "of the class of sample 0"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 0], other=2), ValueError, "other must be"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], r=0), ValueError, "r must be"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], credit="x"), ValueError, "credit must be one"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], feedback=[]), ValueError, "must hold 1 layers"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], feedback=[P]), ValueError, r"feedback\[0\] must"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], local=P), ValueError, "local must have shape"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], group=2), ValueError, "group must divide the 3"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1], H=A), ValueError, "H and inputs .* together"),
        (lambda: layer(H=2 * np.eye(3, dtype=int)), ValueError, "odd"),
        (lambda: layer(H=-np.ones((3, 3), int)), ValueError, "a must be the signs of inputs"),
        (lambda: layer(inputs=P), ValueError, "inputs must have shape"),
        (lambda: viz.ErrorBits(A, [W], P, [0, 1]).hidden(), ValueError, "without H and inputs"),
        (lambda: of((3, 9)), ValueError, r"two hidden layers .* got widths \(3, 9\)"),
        (lambda: of((3, 9, 5), credit="local"), ValueError, "credit 'bep', got .* 'local'"),
        (lambda: of((3, 9, 5), layer=1), ValueError, "layer must be"),
        (lambda: of((3, 9, 5), samples=[-1]), ValueError, "rows 0 "),
        (lambda: viz.ErrorBits.of(None, A, [0, 1]), TypeError, "BEPNetwork, got NoneType"),
        (lambda: viz.ErrorBitsTime([]), TypeError, "mapping of names to Recordings"),
        (lambda: viz.ErrorBitsTime({}), TypeError, "mapping of names to Recordings"),
        (lambda: viz.ErrorBitsTime({"a": 1}), TypeError, "mapping of names to Recordings"),
        (lambda: viz.ErrorBitsTime(recording(), horizon=3), ValueError, "horizon must be"),
        (lambda: viz.ErrorBitsTime(recording(), sample=1), ValueError, "sample must be"),
        (lambda: viz.ErrorBitsTime(recording(), nu=2), ValueError, "nu must be"),
        (lambda: viz.ErrorBitsTime(recording(), show="x"), ValueError, "show must be one of"),
        (lambda: viz.ErrorBitsTime(recording(), class_names="a"), ValueError, "name 2 classes"),
        (lambda: through_time(samples=[2]), ValueError, r"rows 0 \.\. 1, got 2 \.\. 2"),
        (lambda: through_time(samples=[0.5]), TypeError, "samples must hold integers"),
        (lambda: viz.ErrorBitsTime.of(3, LATER, [1, 0]), TypeError, "BEPRecurrentNetwork, got int"),
        (lambda: recording(a=[[1, 1]]), ValueError, "a must have 3 axes"),
        (lambda: recording(a=np.ones((1, 2, 3))), ValueError, "W_xs must have 3 columns"),
        (lambda: recording(a=np.ones((1, 201, 2))), ValueError, "at most 100 sequences of 200"),
        (lambda: recording(a=np.ones((101, 1, 2)), y=[0] * 101), ValueError, "at most 100"),
        (lambda: recording(W_xs=[[1, 1]]), ValueError, r"W_xs\.T must have 2 columns"),
        (lambda: recording(W_ss=[[1, 1]]), ValueError, "W_ss must have 1 columns"),
        (lambda: recording(W_sy=[[1]]), ValueError, "W_sy must have 2 columns"),
        (lambda: recording(s_0=[1]), ValueError, "s_0 must have 2 columns"),
        (lambda: recording(prototypes=[[1, 1]]), ValueError, "two or more classes, got 1"),
        (lambda: recording(prototypes=np.ones((2, 3))), ValueError, "prototypes must have 2"),
        (lambda: recording(y=[2]), ValueError, "class numbers 0 to 1"),
        (lambda: recording(group=3), ValueError, "group must divide the 2 neurons"),
        (lambda: viz.Quiz([]), ValueError, "questions must hold at least one"),
        (lambda: viz.ProgressMap([("1", [])]), ValueError, "rungs must hold at least one"),
        (lambda: asked("bits", options=[((2, 1), "", True)]), ValueError, "bits must be -1 and"),
        (lambda: asked("bits", options=[((1, 1), "", False)]), ValueError, "one right answer"),
        (
            lambda: asked("choice", prompt=r"$\sum x$"),
            ValueError,
            r"maths must be simple, got .sum",
        ),
        (lambda: viz.make_question("1", "", "", "essay", []), ValueError, "form must be one of"),
        (lambda: viz.Playground("moon"), ValueError, "data must be one of"),
        (lambda: viz.Playground("digits", digits=False), ValueError, "data must be one of"),
        (lambda: viz.Playground(widths=[15]), ValueError, "2 to 6 layers of at most 128 neurons"),
        (lambda: viz.Playground(widths=[15, 129]), ValueError, "2 to 6 layers of at most 128"),
        (lambda: viz.Playground(group=2), ValueError, r"group must divide the widths \[15, 15\]"),
        (lambda: viz.Playground(nu=0.123), ValueError, "nu must be in whole hundredths"),
        (lambda: viz.Playground(r=0), ValueError, "r must be"),
        (lambda: viz.Playground(seed=-1), ValueError, "seed must be"),
        (lambda: viz.Playground(digits=False).network("all"), ValueError, "credit must be one of"),
        (lambda: viz.playground_task("moon"), ValueError, "name must be one of"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


# error bits


def of(widths, credit="bep", **options) -> viz.ErrorBits:
    return viz.ErrorBits.of(BEPNetwork(widths, 2, credit=credit), A, [0, 1], **options)


def layer(**changes) -> viz.ErrorBits:
    """A layer whose weights are all but the diagonal +1, and what it reads."""
    good = {"H": 3 - 4 * np.eye(3, dtype=int), "inputs": A}
    a = np.where(A @ np.where(good["H"] < 0, -1, 1).T < 0, -1, 1)
    return viz.ErrorBits(a, [W], P, [0, 1], **(good | changes))


@given(seed=st.integers(0, 99), nu=st.integers(0, 1000), layer=st.integers(0, 1))
def test_error_bits_hold_what_the_network_computes(seed, nu, layer):
    net = BEPNetwork((6, 9, 8, 7), 3, seed=seed, nu=nu / 1000)
    rng = np.random.default_rng(seed)
    X, y = rng.choice([-1, 1], (5, 6)), rng.integers(0, 3, 5)
    widget = viz.ErrorBits.of(net, X, y, samples=[4, 1, 0], layer=layer)
    trace = net.trace(X, y)
    assert np.array_equal(decode(widget.a), trace.a[layer][[4, 1, 0]])
    for place, row in enumerate([4, 1, 0]):
        assert np.array_equal(widget.desired(place), trace.a_star[layer][row])


@pytest.mark.parametrize("credit", ["feedback", "local"])
def test_the_other_credits_are_the_networks_own(credit):
    """a*, and a batch of one sample, as networks with that credit compute them."""
    settings = {"nu": 0.3, "groups": (3, 4), "p_r": 0, "patience": None}
    learnt = 0
    for seed in range(50):
        x, y = np.random.default_rng(seed).choice([-1, 1], (1, 6)), [seed % 3]
        net = BEPNetwork((6, 9, 8), 3, seed=seed, **settings)
        widget = viz.ErrorBits.of(net, x, y, credit=credit)
        widget.lessons = [{"sample": 0, "credit": credit, "nu": 0.3}]
        other = BEPNetwork((6, 9, 8), 3, seed=seed, credit=credit, **settings).fit(x, y, epochs=1)
        if np.array_equal(net.H[0], other.H[0]):  # the sample did not fire
            continue
        assert np.array_equal(widget.hidden(), other.H[0])
        learnt += 1
    assert learnt > 30


@given(seed=st.integers(0, 99), lessons=st.lists(st.integers(0, 3), max_size=4))
def test_lessons_are_batches_of_one(seed, lessons):
    net = BEPNetwork((6, 9, 8), 3, seed=seed, nu=0.3, groups=(3, 4))
    rng = np.random.default_rng(seed)
    X, y = rng.choice([-1, 1], (4, 6)), rng.integers(0, 3, 4)
    widget = viz.ErrorBits.of(net, X, y, samples=range(4))
    widget.lessons = [{"sample": n, "credit": "bep", "nu": 0.3} for n in lessons]
    for n in lessons:
        trace = net.trace(X[[n]], y[[n]])
        net.layers[0].set_hidden(chain.update(net.H[0], trace.masks[0], trace.a_star[0], X[[n]]))
    assert np.array_equal(widget.hidden(), net.H[0])
    assert np.array_equal(widget.desired(2), net.trace(X, y).a_star[0][2])


@pytest.mark.parametrize("nu", [0.29, 0.125, 1e-3, Fraction(1, 3)])
def test_the_gate_is_as_wide_as_was_written(nu):
    rng = np.random.default_rng(1)
    net = BEPNetwork((3, 100, 99), 2, nu=nu)
    X, y = rng.choice([-1, 1], (2, 3)), [0, 1]
    widget = viz.ErrorBits.of(net, X, y)
    assert json.loads(json.dumps(widget.state()))["nu"] == (nu if nu != Fraction(1, 3) else "1/3")
    assert np.array_equal(widget.desired(1), net.trace(X, y).a_star[0][1])


def test_a_recording_is_a_copy():
    W_ss = np.array([[1, -1], [1, 1]], np.int8)
    kept = recording(W_ss=W_ss)
    W_ss[0, 0] = -1
    assert kept.W_ss[0, 0] == 1


@given(
    seed=st.integers(0, 99), horizon=st.none() | st.integers(1, 6), nu=st.integers(0, 100),
    expansion=st.none() | st.just(7), window=st.none() | st.just(3),
    start=st.sampled_from(["random", "ones"]),
)  # fmt: skip
def test_error_bits_time_hold_what_the_network_computes(seed, horizon, nu, **how):
    net = BEPRecurrentNetwork(2, 3, state=9, seed=seed, horizon=horizon, nu=nu / 100, **how)
    rng = np.random.default_rng(seed)
    X, y = rng.choice([-1, 1], (5, 2, 5)), rng.integers(0, 3, 5)
    widget = viz.ErrorBitsTime.of(net, X, y, samples=[4, 1, 0], sample=1)
    s, s_star = widget.desired()
    trace = net.trace(X, y)
    assert np.array_equal(s, trace.s[1, 1:])
    assert np.array_equal(s_star, trace.s_star[1])
    packet = widget.recordings[0]
    assert np.array_equal(decode(packet["W_ss"]), net.layers[1].W.to_signs())
    assert packet["group"] == net.groups[0] and packet["y"] == y[[4, 1, 0]].tolist()


def test_error_bits_time_pick_two_of_each_class():
    net = BEPRecurrentNetwork(1, 3, state=9)
    widget = viz.ErrorBitsTime.of(net, np.ones((6, 1, 4)), [0, 0, 0, 2, 1, 2])
    assert widget.recordings[0]["y"] == [0, 0, 2, 1, 2]


def test_error_bits_time_stay_small():
    net = BEPRecurrentNetwork(10, 2, state=135, expansion=135)
    X = np.random.default_rng(0).choice([-1, 1], (10, 10, 24))
    assert len(viz.ErrorBitsTime.of(net, X, [0, 1] * 5).html()) < 30_000


def digits(**changes):
    images = changes.pop("images", np.zeros((2, 64), int))
    arguments = {"curve": CURVE, "grey": 98.8, "ask_at": 8} | changes
    return viz.ThresholdDigits(images, **arguments)


# in a browser

ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def gallery():
    spec = importlib.util.spec_from_file_location("gallery", JS / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def show(browser, tmp_path):
    """Open a page; at the end of the test, nothing may have gone wrong in it."""
    problems, contexts = [], []

    def open_page(html: str, width=900, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: problems.append(r.url) if r.url.startswith("http") else None)
        path = tmp_path / "page.html"
        path.write_text(html, "utf-8")
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def body(gallery) -> str:
    return "".join(widget.html() for widget in gallery.widgets())


@pytest.mark.slow
@pytest.mark.parametrize(("theme", "width"), [("light", 320), ("dark", 900)])
def test_every_widget_moves_by_keyboard(show, gallery, theme, width):
    page = show(gallery.page(body(gallery), theme), width)
    page.wait_for_timeout(200)
    assert page.locator("[data-btl-widget]:not([data-btl-ready])").count() == 0
    for reveal in page.locator("[data-btl-reveal]").all():
        reveal.focus()
        page.keyboard.press("Enter")
    page.wait_for_function("!document.querySelector('[data-btl-busy]')")
    for element in page.locator("[data-btl-widget]").all():
        before = element.screenshot()
        for control in element.locator("input[type=range]:enabled, canvas[tabindex='0']").all():
            control.focus()
            page.keyboard.press("ArrowLeft")
            page.keyboard.press("ArrowDown")
        for bit in element.locator(".btl-bit[tabindex='0']").all():
            bit.focus()
            page.keyboard.press("Enter")
        moved = element.locator("input[type=range]:enabled").count() > 0
        assert (element.screenshot() != before) == moved, element.get_attribute("data-btl-widget")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_guess_then_reveal(show, gallery):
    page = show(gallery.page(viz.Guess("How many?", 40, low=0, high=100, says="So.").html()))
    range_input = page.locator("input[type=range]")
    range_input.focus()
    page.keyboard.press("ArrowRight")
    assert "40" not in page.locator("btl-guess .btl-status").inner_text()
    page.get_by_role("button", name="Reveal").click()
    said = page.locator("btl-guess .btl-status").inner_text()
    assert said == "You said 51. It is 40. Your guess was 11 too high. So."
    assert range_input.is_disabled()


@pytest.mark.slow
def test_flip_map_plays_steps_and_tells_history(show, gallery):
    page = show(gallery.page(viz.FlipMap(H).html()))
    said = page.locator(".btl-status")
    assert said.nth(0).inner_text() == "Epoch 1: 2 of 6 weights flipped (33.3 %)."
    page.get_by_role("button", name="One step back").click()
    assert said.nth(0).inner_text() == "Epoch 0: the start."
    page.locator("canvas").focus()
    page.keyboard.press("ArrowDown")  # the first weight
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    words = "Weight (1, 2): H = −1, so W = −1; 1 push from flipping. It flipped 1 time in all."
    assert said.nth(1).inner_text() == words
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("document.querySelector('input[type=range]').value === '1'")
    assert page.get_by_role("button", name="Play").count() == 1


@pytest.mark.slow
def test_xnor_padding_matters_only_when_it_differs(show, gallery):
    page = show(gallery.page(viz.XnorDot([1, -1, 1], [1, 1, 1]).html()))
    said = page.locator(".btl-status")
    assert said.inner_text().startswith("Dot product 1. 5 padding bits")
    page.get_by_label("a, bit 6: padding").click()
    assert said.inner_text().startswith("Dot product 1. 5 padding bits")
    page.get_by_label("keep the padding equal").uncheck()
    page.get_by_label("b, bit 7: padding").click()
    wrong = "The padding differs: the sum over whole words gives −1, the true product is 1."
    assert said.inner_text() == wrong
    page.get_by_label("keep the padding equal").check()
    assert said.inner_text().startswith("Dot product 1. 5 padding bits")


@pytest.mark.slow
def test_pictures_follow_the_theme(show, gallery):
    page = show(gallery.page(viz.FlipMap(H).html(), "light"))
    page.wait_for_timeout(200)
    drawn = "document.querySelector('canvas').toDataURL()"
    before = page.evaluate(drawn)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(200)
    assert page.evaluate(drawn) != before


@pytest.mark.slow
def test_without_script_the_still_picture_stays(show, gallery):
    page = show(gallery.page(body(gallery)), java_script_enabled=False)
    assert page.locator(".btl-still").count() == len(gallery.widgets())
    assert all(still.is_visible() for still in page.locator(".btl-still").all())


@pytest.mark.slow
def test_error_bits_show_what_python_computes(show, gallery):
    rng = np.random.default_rng(3)
    a, W1, W2, P = (rng.choice([-1, 1], shape) for shape in ((4, 9), (7, 9), (5, 7), (3, 5)))
    widget = viz.ErrorBits(a, [W1, W2], P, [0, 1, 2, 0], nu=0.35)
    page = show(gallery.page(widget.html()))
    for sample in range(4):
        wrong = page.locator(".btl-neuron .btl-wrong-bit").count()
        assert wrong == (a[sample] != widget.desired(sample)).sum()
        labels = [n.get_attribute("aria-label") for n in page.locator(".btl-neuron").all()]
        wanted = [1 if "wanted +1" in label else -1 for label in labels]
        assert wanted == widget.desired(sample).tolist()
        page.get_by_role("slider", name="Sample").focus()
        page.keyboard.press("ArrowRight")


@pytest.mark.slow
def test_lessons_and_credits_show_what_python_computes(show, gallery):
    rng = np.random.default_rng(2)
    net = BEPNetwork((12, 9, 8), 3, nu=0.125, r=1, groups=(3, 4))
    X, y = rng.choice([-1, 1], (4, 12)), [0, 1, 2, 1]
    widget = viz.ErrorBits.of(net, X, y, samples=range(4))
    page = show(gallery.page(widget.html()))

    def agree():
        labels = [n.get_attribute("aria-label") for n in page.locator(".btl-neuron").all()]
        a = widget._taught()[1][widget.sample]
        bit = {1: "+1", -1: "−1"}
        shown = zip(a.tolist(), widget.desired().tolist())
        wanted = [f"a {bit[s]}, wanted {bit[t]}{', error bit' * (s != t)}" for s, t in shown]
        assert labels == [f"neuron {j}: {words}" for j, words in enumerate(wanted)]
        j = page.locator(".btl-neuron").evaluate_all("(all) => all.findIndex((n) => !n.tabIndex)")
        numbers = page.locator(".btl-hidden span").all_inner_texts()
        assert [int(h.replace("−", "-")) for h in numbers] == widget.hidden()[j].tolist()

    agree()
    for sample, (credit, name) in enumerate(
        [("bep", "Wᵀ"), ("feedback", "feedback"), ("local", "prototype"), ("bep", "Wᵀ")]
    ):
        page.get_by_role("slider", name="Sample").fill(str(sample))
        page.get_by_role("button", name=name).click()
        widget.sample, widget.credit = sample, credit
        agree()
        page.get_by_role("button", name="Learn this sample").click()
        lesson = {"sample": sample, "credit": credit, "nu": 0.125}
        widget.lessons = [*widget.lessons, lesson]
        agree()
    page.get_by_role("button", name="Undo").click()
    widget.lessons = widget.lessons[:-1]
    agree()
    text = page.locator("btl-error-bits").inner_text()
    assert "Of all 512 answers that 9 neurons can give" in text
    assert "with r = 1 it is to lead by 8 or more" in text


@pytest.mark.slow
def test_two_samples_of_a_class_are_told_apart_by_the_gate(show, gallery):
    rng = np.random.default_rng(4)
    a, W, P = (rng.choice([-1, 1], shape) for shape in ((4, 31), (21, 31), (3, 21)))
    widget = viz.ErrorBits(a, [W], P, [0, 1, 0, 0], nu=0.1)
    page = show(gallery.page(widget.html()))
    said = page.locator(".btl-status")
    lit = page.locator(".btl-neuron .btl-other-bit")
    options = page.get_by_label("Compare with").locator("option").all_inner_texts()
    assert options == ["no other sample", "sample 2, class 0", "sample 3, class 0"]
    assert lit.count() == 0
    page.get_by_label("Compare with").select_option("2")
    differ = int((widget.desired(0) != widget.desired(2)).sum())
    assert lit.count() == differ > 0
    assert said.nth(0).inner_text().endswith(f"their a* differ in {differ} of 31 bits.")
    opened = 100 * (np.abs(a.astype(int) @ W.T) <= 3).mean()
    assert said.nth(2).inner_text() == f"Over all 4 samples, {opened:.1f} % of the gates are open."
    page.get_by_role("slider", name="Gate").press("End")
    assert lit.count() == 0  # all gates open: one a* for the whole class
    assert "a* differ in 0 of 31 bits. Here blame belongs to the class" in said.nth(0).inner_text()
    page.get_by_role("slider", name="Gate").press("Home")
    assert said.nth(2).inner_text().endswith("0.0 % of the gates are open. Nothing passes.")


@pytest.mark.slow
def test_error_bits_time_show_what_python_computes(show, gallery):
    rng = np.random.default_rng(7)
    X, y = rng.choice([-1, 1], (4, 2, 6)), [0, 1, 2, 1]
    net = BEPRecurrentNetwork(2, 3, state=15, nu=0.2)
    longer = viz.Recording.of(net, rng.choice([-1, 1], (3, 2, 9)), [2, 1, 0])
    widget = viz.ErrorBitsTime({"6": viz.Recording.of(net, X, y), "9": longer}, nu=0.2, sample=1)
    page = show(gallery.page(widget.html()))

    def press(label, key):
        page.get_by_role("slider", name=label).focus()
        page.keyboard.press(key)

    def said(place):
        return page.locator(".btl-status").nth(place).inner_text()

    def agree():
        s, s_star = widget.desired()
        wrong = int((s[-len(s_star) :] != s_star).sum())
        assert said(0).startswith(f"{wrong} of {s_star.size} bits of the state are error bits.")

    agree()
    press("Sample", "ArrowRight")
    widget.sample = 2
    agree()
    press("Horizon", "ArrowLeft")
    widget.horizon = 5
    agree()
    press("Gate ν√K", "ArrowRight")
    widget.nu = 0.21
    agree()
    press("Lag", "ArrowRight")
    widget.recording = 1
    agree()

    cells = page.get_by_role("application")
    cells.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    s, s_star = widget.desired()
    bit = {1: "+1", -1: "−1"}
    assert said(1).startswith("Step 6 of 9, neuron 1: ")
    assert f"s = {bit[s[5, 1]]}. The vote of step 7: " in said(1)
    assert f"so s* = {bit[s_star[1, 1]]}" in said(1)
    for _ in range(2):
        page.keyboard.press("ArrowLeft")
    assert said(1).endswith("Blame does not reach this step: the horizon is 5.")

    assert page.locator(".btl-panels canvas").count() == 4
    page.get_by_role("button", name="desired s*").click()
    assert page.locator(".btl-panels figcaption").all_inner_texts() == ["desired s*"]
    page.locator(".btl-panels canvas").click(position={"x": 150, "y": 8})
    assert said(1).startswith("Step 9 of 9, neuron 0: ")


@pytest.mark.slow
def test_a_quiz_is_answered_with_the_keyboard_and_remembered(show, gallery):
    forms = ("number", "choice", "bits", "order")
    quiz, ladder = viz.Quiz([asked(form) for form in forms]), viz.ProgressMap(RUNGS)
    page = show(gallery.page(quiz.html() + ladder.html()))
    card = {form: page.get_by_role("group", name=f"1.{form[0]} A {form}") for form in forms}

    def said(form):
        return card[form].get_by_role("status").inner_text()

    card["number"].get_by_role("textbox").press("Enter")
    assert said("number").startswith("Type a number first.")
    for text, words in (
        ("0.5", "Not yet. 0 it is"),
        ("7", "Not yet. Not this one."),
        ("2/3", "Right. 1 it is"),
    ):
        card["number"].get_by_role("textbox").fill(text)
        card["number"].get_by_role("textbox").press("Enter")
        assert said("number").startswith(words)
    assert card["number"].get_by_text("✓ done").is_visible()
    card["number"].get_by_text("Why not the others?").click()
    assert card["number"].get_by_role("listitem").inner_text() == "0.5: 0 it is"

    card["choice"].get_by_role("button", name="Check").press("Enter")
    assert said("choice") == "Choose an answer first."
    for key, words in (("Space", "Not yet. 0 it is"), ("ArrowDown", "Right. 1 it is")):
        card["choice"].get_by_role("radio").first.focus()
        page.keyboard.press(key)
        card["choice"].get_by_role("button", name="Check").press("Enter")
        assert said("choice") == words

    card["bits"].get_by_role("button", name="place 2 of 3: plus").press("Space")
    card["bits"].get_by_role("button", name="place 3 of 3: plus").press("Space")
    card["bits"].get_by_role("button", name="Check").press("Enter")
    assert said("bits") == "Not yet. 0 it is"
    hint = card["bits"].get_by_role("button", name="Hint")
    hint.press("Enter")
    hint.press("Enter")
    assert card["bits"].get_by_role("listitem").all_inner_texts() == ["Look.", "Look again."]
    assert hint.is_disabled()

    card["order"].get_by_role("button", name="move a up").press("Enter")
    assert page.evaluate("document.activeElement.ariaLabel") == "move a up"
    card["order"].get_by_role("button", name="Check").press("Enter")
    assert said("order").startswith("Not yet.")
    card["order"].get_by_role("button", name="move a up").press("Enter")
    assert page.evaluate("document.activeElement.ariaLabel") == "move a down"
    card["order"].get_by_role("button", name="move b up").press("Enter")
    card["order"].get_by_role("button", name="Check").press("Enter")
    assert said("order").startswith("Right.")

    done = page.locator(".btl-rung-done")
    assert page.get_by_text("3 of 4 done.").is_visible()
    assert done.all_inner_texts() == ["✓ 1.n", "✓ 1.o"]


RUNGS = [("1 binarize", [("1.n", "By hand"), ("1.o", "In order"), ("1.1", "The sign")])]


@pytest.mark.slow
def test_progress_is_kept_by_the_browser_saved_and_loaded(browser, gallery, tmp_path):
    site = tmp_path / "page.html"
    site.write_text(
        gallery.page(viz.Quiz([asked("number")]).html() + viz.ProgressMap(RUNGS).html())
    )
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(site.as_uri())
        page.get_by_role("textbox").fill("2/3")
        page.keyboard.press("Enter")
        page.reload()
        assert page.locator(".btl-rung-done").inner_text() == "✓ 1.n"
        with page.expect_download() as saved:
            page.get_by_role("button", name="Save progress").last.click()
        assert saved.value.suggested_filename == "progress.json"
        assert json.loads(saved.value.path().read_text()) == {"passed": ["1.n"]}
        page.get_by_role("button", name="Forget").click()
        assert page.locator(".btl-rung-done").count() == 0
        (tmp_path / "progress.json").write_text('{"passed": ["1.1", "1.n"]}')
        (tmp_path / "other.json").write_text("[1]")
        for name, words in (("other", "not a progress file"), ("progress", "Loaded: 2 done")):
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Load progress").last.click()
            chooser.value.set_files(tmp_path / f"{name}.json")
            page.get_by_text(words).wait_for()
        assert page.locator(".btl-rung-done").all_inner_texts() == ["✓ 1.n", "✓ 1.1"]
        assert page.get_by_text("✓ done").is_visible()


ESM_HOST = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
<style>STYLE</style><div id="here"></div><script>
const url = URL.createObjectURL(new Blob([ESM], { type: "text/javascript" }));
import(url).then(({ default: widget }) => {
  const state = STATE;
  const model = {
    get: (name) => state[name], set: (name, value) => { state[name] = value; },
    on() {}, off() {}, save_changes() {},
  };
  window.stopped = widget.render({ model, el: document.getElementById("here") });
});
</script></html>"""


@pytest.mark.slow
@pytest.mark.parametrize("widget", one_of_each(), ids=lambda w: w.view)
def test_the_jupyter_module_renders_by_itself(show, widget):
    page = show(
        ESM_HOST.replace("STYLE", viz.site_style())
        .replace("ESM", json.dumps(joiner.esm(widget.view)).replace("</", "<\\/"))
        .replace("STATE", json.dumps(widget.state()))
    )
    page.wait_for_function("window.stopped !== undefined")
    assert page.locator("#here.btl-widget :is(input[type=range], button)").count() > 0
    page.evaluate("window.stopped()")
