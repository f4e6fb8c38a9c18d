"""A page with every widget by itself, as the site would show it: for the eye and the browser tests.

python tests/js/gallery.py OUT.html
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from bnnkit import learn, viz
from bnnkit.bep import BEPNetwork
from bnnkit.recurrent import BEPRecurrentNetwork

PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}">
<head><meta charset="utf-8"><title>Widgets</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<style>body {{ font-family: sans-serif; margin: 1rem; background: {paper}; }} {style}</style>
<script>{script}</script></head>
<body><main><h1 style="color:{ink}">Widgets</h1>{body}</main></body></html>
"""


def walk(rng, steps, rows, columns) -> np.ndarray:
    """Odd integers that wander by twos and slow down: what hidden integers look like."""
    start = rng.choice([-1, 1], (1, rows, columns))
    pushes = rng.normal(0, 1, (steps - 1, rows, columns)) + rng.normal(0, 0.7, (rows, columns))
    return np.concatenate([start, start + 2 * np.rint(pushes).cumsum(axis=0)]).astype(np.int16)


def widgets() -> list:
    """Return one of each widget, with real numbers where that is quick."""
    rng = np.random.default_rng(5)
    digits = load_digits()
    curve = [(t, nearest_neighbour(digits.data > t, digits.target)) for t in range(16)]
    grey = nearest_neighbour(digits.data, digits.target)
    return [
        viz.FlipMap(walk(rng, 13, 10, 64)),
        viz.FlipMap(walk(rng, 13, 10, 64), tile=(8, 8), title="Ten neurons as pictures"),
        viz.FlipMap(rng.normal(0, 0.3, (40, 3, 5)).cumsum(axis=0), title="Latents"),
        viz.ThresholdDigits(
            digits.images[:10], curve, grey=grey, ask_at=0, labels=digits.target[:10]
        ),
        viz.Guess(
            "32 times fewer bits: how many times faster?", 11, low=0, high=40, unit="×",
            says="Loads, not multiplications, are the limit.",
        ),
        viz.SignSurrogate(0.4),
        viz.XnorDot(),
        viz.XnorDot(rng.choice([-1, 1], 61), rng.choice([-1, 1], 61), title="Sixty-one bits"),
        viz.Thermometer(np.sin(np.arange(48) / 5) + 0.2 * rng.normal(size=48), bits=5),
        viz.Staircase(0.3),
        error_bits(digits),
        *(learn.warm_ups(chapter) for chapter in (1, 4)),
        learn.progress_map(),
        xor(),
        viz.ErrorBitsTime({f"{lag} steps": recall(lag) for lag in (3, 9, 23)}, nu=0.3),
        viz.Playground(),
    ]  # fmt: skip


def error_bits(digits) -> viz.ErrorBits:
    """A network of two layers of 35 that has learnt digits."""
    X, y = digits.data[:1000], digits.target[:1000]
    X = np.concatenate([np.where(X > t, 1, -1) for t in (2, 6, 10, 14)], axis=1)
    net = BEPNetwork((256, 35, 35), 10, nu=0.15).fit(X, y, epochs=15, batch_size=20)
    names = [f"digit {digit}" for digit in range(10)]
    return viz.ErrorBits.of(net, X, y, samples=[0, 10, 20, 1, 11, 2], other=1, class_names=names)


def xor() -> viz.ErrorBits:
    """A network so small that all the answers of its first layer can be asked."""
    points = np.random.default_rng(0).random((600, 2))
    X = np.where(points[:, :, None] > np.arange(1, 9) / 9, 1, -1).reshape(600, 16)
    X = np.hstack([X, np.ones((600, 1), int)])
    y = (points > 0.5).sum(axis=1) % 2
    net = BEPNetwork((17, 9, 15), 2, nu=0.2, groups=(3, 15)).fit(X, y, epochs=2, batch_size=10)
    return viz.ErrorBits.of(net, X, y, samples=range(8), title="All 512 answers")


def recall(lag: int) -> viz.Recording:
    """A network that is to say the first of its inputs, ``lag`` steps later."""
    rng = np.random.default_rng(lag)
    X = rng.choice([-1, 1], (100, 2, lag + 1))
    y = (X[:, 0, 0] > 0).astype(int)
    net = BEPRecurrentNetwork(2, 2, state=45, nu=0.3, groups=(5, 5), patience=None)
    return viz.Recording.of(net.fit(X, y, epochs=5, batch_size=20), X, y)


def nearest_neighbour(X, y) -> float:
    """Accuracy in percent of 1-NN, first 1000 digits against the rest."""
    X = X.astype(float)
    train, test = X[:1000], X[1000:]
    distance = (test**2).sum(1)[:, None] - 2 * test @ train.T + (train**2).sum(1)
    return float(100 * (y[:1000][distance.argmin(1)] == y[1000:]).mean())


def page(body: str, theme: str = "light") -> str:
    """Return a page that shows ``body`` with everything it needs inside."""
    paper, ink = {"light": ("#fff", "#111"), "dark": ("#14181e", "#eee")}[theme]
    script = f"document.addEventListener('DOMContentLoaded', () => {{{viz.site_script()}}});"
    return PAGE.format(
        theme=theme, paper=paper, ink=ink, style=viz.site_style(), script=script, body=body
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page("".join(w.html() for w in widgets())), "utf-8")
