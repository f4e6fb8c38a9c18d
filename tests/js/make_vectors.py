"""Golden vectors: what bnnkit computes, for the JavaScript cores to be compared with, exactly.

    python tests/js/make_vectors.py        writes tests/js/vectors/*.json anew

A test checks that the committed files are what this script writes.
"""

import hashlib
import json
from dataclasses import asdict
from fractions import Fraction
from itertools import combinations, product
from itertools import pairwise as pairs
from math import isqrt
from pathlib import Path

import numpy as np

from bnnkit import viz
from bnnkit.bep import BEPNetwork
from bnnkit.bep.chain import (
    back_project,
    gate,
    gate_bound,
    margin_bound,
    margins,
    reinforcement_threshold,
    select,
    update,
)
from bnnkit.bep.network import CREDIT, feedback_layers
from bnnkit.bep.prototypes import class_prototypes
from bnnkit.bep.training import divisors, start_group
from bnnkit.binarize import ThermometerEncoder, sign
from bnnkit.engine.numpy_engine import HIDDEN_MAX, chosen_entries
from bnnkit.learn import exercises
from bnnkit.learn.judge import judge_value
from bnnkit.learn.model import WarmUp
from bnnkit.learn.warmups import question
from bnnkit.packed import pack, xnor_dot
from bnnkit.philox import (
    Stream,
    integer_probability,
    philox4x32,
    random_permutation,
    random_signs,
    random_words,
)
from bnnkit.recurrent import BEPRecurrentNetwork
from bnnkit.ste.estimator import ste_backward
from bnnkit.ste.optim import latent_update
from bnnkit.viz.codec import encode_integers, encode_number, encode_signs
from bnnkit.viz.error_bits_time import Recording
from bnnkit.viz.quiz import runs
from bnnkit.viz.tasks import PATTERNS, as_signs, digits_as_text, plane_points, playground_task

FOLDER = Path(__file__).parent / "vectors"

# Published with the generator (Random123, kat_vectors): counter, key, result, all in hex.
KNOWN_ANSWERS = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000",
     "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
     "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
     "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip


def words(n: int, case: int) -> list[int]:
    """Test inputs come from the stream itself, so that no NumPy version can change them."""
    return [int(word) for word in random_words(12345, Stream.DATA, n, batch=case)]


def signs(shape, case: int) -> np.ndarray:
    return random_signs(12345, Stream.DATA, shape, batch=case)


def integers(shape, case: int, below: int) -> np.ndarray:
    """Integers in ``-below < x < below``."""
    n = int(np.prod(shape))
    return (np.array(words(n, case)) % (2 * below - 1) - (below - 1)).reshape(shape)


def floats(n: int, case: int) -> np.ndarray:
    """Numbers in [-2, 2) with many digits, some of them equal."""
    x = np.array(words(n, case)) / 2**30 - 2
    x[::5] = np.round(x[::5], 1)
    return x


def philox() -> dict:
    known = [[[int(word, 16) for word in part.split()] for part in row] for row in KNOWN_ANSWERS]
    blocks = []
    for case in range(300):
        *counter, k0, k1 = words(6, case)
        blocks.append([counter, [k0, k1], philox4x32(counter, (k0, k1)).tolist()])
    streams = []
    for case in range(40):
        seed, layer, batch, epoch = words(4, 1000 + case)
        where = {"layer": layer, "batch": batch, "epoch": epoch}
        args = (seed, Stream(case % len(Stream)), 1 + case)
        streams.append({
            "seed": seed, "stream": case % len(Stream), "n": 1 + case, "where": where,
            "words": random_words(*args, **where).tolist(),
            "signs": random_signs(*args, **where).tolist(),
            "permutation": random_permutation(*args, **where).tolist(),
        })  # fmt: skip
    p = [*(np.array(words(200, 2000)) / 2**32).tolist(), 0.0, 1.0, 0.1, 1 / 3, 2.0**-33]
    chances = [[x, integer_probability(x)] for x in p]
    return {"known": known, "blocks": blocks, "streams": streams, "chances": chances}


def codec() -> list:
    cases = []
    for n in range(1, 40):
        x, s = integers((n, 3), n, 120), signs((n,), n)
        cases.append({"packet": encode_integers(x), "values": x.ravel().tolist()})
        cases.append({"packet": encode_integers(x * 273), "values": (x * 273).ravel().tolist()})
        cases.append({"packet": encode_signs(s), "values": s.tolist()})
    return cases


def sign_cases() -> list:
    cases = []
    for k, clip in enumerate([0.1, 0.5, 1.0, 1.3, 2.0]):
        x = np.concatenate([floats(60, k), [0.0, -0.0, clip, -clip, 1e-300, -1e-300]])
        grad = np.concatenate([floats(60, 50 + k), np.ones(6)])
        cases.append({
            "clip": clip, "x": x.tolist(), "grad": grad.tolist(), "sign": sign(x).tolist(),
            "probability": np.clip((x / clip + 1) / 2, 0, 1).tolist(),
            "passed": ste_backward(x, grad, clip).tolist(),
        })  # fmt: skip
    return cases


def flips() -> list:
    cases = []
    for k, (steps, size) in enumerate([(1, 5), (2, 1), (7, 12), (20, 33)]):
        H = integers((steps, size), k, 4 + 30 * k)
        now = sign(H)
        changed = now[1:] != now[:-1]
        most = max(1, int(np.abs(H).max()))
        cases.append({
            "H": H.ravel().tolist(), "size": size,
            "flips": [[], *(np.flatnonzero(row).tolist() for row in changed)],
            "counts": [0, *changed.sum(axis=1).tolist()], "most": most,
            "inertia": [isqrt(abs(h) * 225 // most) for h in H.ravel().tolist()],
            "pushes": [pushes(h) for h in H.ravel().tolist()],
            "trace": H[:, size // 2].tolist(),
        })  # fmt: skip
    return cases


def pushes(h: int) -> int:
    """Push by 2 against the sign until it is another, and count."""
    count, start = 0, h
    while (h < 0) == (start < 0):
        h, count = h + (2 if start < 0 else -2), count + 1
    return count


def threshold() -> list:
    pixels = np.array(words(64, 0)) % 17
    return [
        {"pixels": pixels.tolist(), "threshold": t, "signs": sign(pixels - t - 1).tolist()}
        for t in range(-1, 18)
    ]


def xnor() -> list:
    cases = []
    for K in [*range(1, 70), 95, 96, 97, 127, 128, 129]:
        a, b = signs((K,), K), signs((K,), 1000 + K)
        packed = [pack(row).astype("<u8").view("<u4").tolist() for row in (a, b)]
        dot = int(xnor_dot(pack(a), pack(b), K))
        assert dot == int(a.astype(int) @ b)
        cases.append({"a": a.tolist(), "b": b.tolist(), "words": packed, "dot": dot})
    return cases


def thermometer() -> list:
    cases = []
    for n in range(1, 45, 2):
        x = floats(n, n)
        for bits in (1, 2, 3, 7, 10):
            encoder = ThermometerEncoder(bits).fit(x[:, None])
            cases.append({
                "x": x.tolist(), "thresholds": encoder.thresholds_[0].tolist(),
                "code": encode_signs(encoder.transform(x[:, None])),
            })  # fmt: skip
    return cases


def staircase() -> list:
    cases = []
    for k in range(12):
        start, target = np.clip(floats(2, 300 + k) / 2, -1, 1).tolist()
        rate, steps = 0.01 * (1 + 2 * k), 40 + k
        w, latents = np.array([start]), []
        for _ in range(steps):
            latents.append(float(w[0]))
            w = latent_update(w, 2 * (sign(w) - target), rate)
        cases.append({
            "start": start, "target": target, "rate": rate, "steps": steps, "latents": latents,
            "bits": sign(np.array(latents)).tolist(),
        })  # fmt: skip
    return cases


def bep() -> dict:
    """Whole passes up and down through one to three layers, small ones so that ties occur."""
    cases = []
    for k in range(120):
        widths = [2 + word % 12 for word in words(2 + k % 3, 400 + k)]
        a, y, nu = signs((1, widths[0]), k), k % 3, words(1, 800 + k)[0] % 1001 / 1000
        Ws = [signs((up, down), 10 * k + i) for i, (down, up) in enumerate(pairs(widths))]
        P = signs((3, widths[-1]), 5000 + k)
        z, gates, a_star, up = [], [], P[[y]], a
        for W in Ws:
            z.append(up.astype(np.int32) @ W.T)
            up = sign(z[-1])
        for W, sums in zip(Ws[::-1], z[::-1], strict=True):
            gates.append(gate(sums, nu, W.shape[1]))
            above, a_star = a_star, back_project(W, a_star, gates[-1])
        cases.append({
            "a": a[0].tolist(), "weights": [matrix(W) for W in Ws], "P": matrix(P), "y": y,
            "nu": nu, "z": [sums[0].tolist() for sums in z],
            "margin": lead(a, Ws, P, y), "tally": advice(a, a_star, Ws, P, y),
            "above": above[0].tolist(), "open": gates[-1][0].tolist(),
            "a_star": a_star[0].tolist(),
        })  # fmt: skip
    return {"cases": cases}


def exact() -> list:
    """The window and the margin for decimals of every length, and for fractions."""
    decimals = [h / 1000 for h in range(0, 1001, 7)] + [0.29, 0.07, 1e-7, 1.0, 0.1 + 0.2]
    decimals += [word / 2**32 for word in words(60, 3000)]
    thirds = [Fraction(p, q) for q in (3, 7, 9, 11) for p in range(1, q)]
    return [
        [encode_number(x), K, gate_bound(x, K), margin_bound(x, K)]
        for x in [*decimals, *thirds]
        for K in (1, 7, 29, 100, 135, 525)
    ]


def answers() -> dict:
    """All 2^K answers of a layer, and how many bits of the last one may be wrong."""
    cases, allowed = [], []
    for k in range(60):
        widths = [1 + word % 10 for word in words(2 + k % 3, 5000 + k)]
        Ws = [signs((up, down), 6000 + 10 * k + i) for i, (down, up) in enumerate(pairs(widths))]
        P, y = signs((2 + k % 3, widths[-1]), 7000 + k), k % 2
        every = np.array(list(product([-1, 1], repeat=widths[0])), np.int8)[:, ::-1]
        found = [lead(answer[None], Ws, P, y) for answer in every]
        cases.append({
            "weights": [matrix(W) for W in Ws], "P": matrix(P), "y": y, "margins": found,
            "spread": [[m, found.count(m)] for m in sorted(set(found))],
        })  # fmt: skip
    for k, (C, K) in enumerate(product((2, 3, 4), range(3, 10))):
        P = class_prototypes(C, K, seed=k)
        for bound in range(1, K + 1, 2):
            allowed.append([matrix(P), k % C, bound, wrong_bits(P, k % C, bound)])
    return {"cases": cases, "allowed": allowed}


def wrong_bits(P: np.ndarray, y: int, bound: int) -> int:
    """The most bits of which any may be wrong: flip all sets of them and look."""
    for many in range(P.shape[1] + 1):
        for places in combinations(range(P.shape[1]), many):
            a = P[[y]].copy()
            a[0, list(places)] *= -1
            if lead(a, [], P, y) < bound:
                return many - 1
    return P.shape[1]


def lesson() -> list:
    """What one sample teaches the first layer of a network, by each credit; H near the limits."""
    cases = []
    for k in range(60):
        fan_in, group, groups, top, nu = words(5, 8000 + k)
        fan_in, group, groups, top = 1 + fan_in % 9, 1 + group % 4, 1 + groups % 4, 2 + top % 9
        width, nu = group * groups, nu % 1001 / 1000
        credit = "feedback" if k % 2 else "bep"
        how = {"seed": k, "nu": nu, "groups": (group, 1), "credit": credit}
        net = BEPNetwork((fan_in, width, top), 3, **how)
        H = 2 * integers((width, fan_in), 9000 + k, 16384 if k % 3 == 0 else 3) + 1
        net.layers[0].set_hidden(np.clip(H, -32767, 32767))
        x, y = signs((1, fan_in), 9500 + k), np.array([k % 3])
        trace = net.trace(x, y)
        taught = update(net.H[0], trace.masks[0], trace.a_star[0], x)
        crossed = np.flatnonzero(sign(taught).ravel() != sign(net.H[0]).ravel())
        assert np.array_equal(select(trace.z[0], trace.a_star[0], group), trace.masks[0])
        back = (feedback_layers(net.widths, k) if k % 2 else net.layers)[1].W.to_signs()
        cases.append({
            "weights": [matrix(net.W[1].to_signs())], "back": [matrix(back)],
            "P": matrix(net.P.to_signs()), "y": k % 3, "nu": nu, "group": group,
            "H": net.H[0].ravel().tolist(), "inputs": x[0].tolist(), "z": trace.z[0][0].tolist(),
            "a": trace.a[0][0].tolist(), "a_star": trace.a_star[0][0].tolist(),
            "chosen": trace.masks[0][0].tolist(), "taught": taught.ravel().tolist(),
            "crossed": crossed.tolist(),
        })  # fmt: skip
    return cases


def time() -> list:
    """Networks of every shape, small ones so that ties occur; the trace is bnnkit's own."""
    cases = []
    for k in range(60):
        inputs, T, n_classes, state, readout, nu, r = words(7, 600 + k)
        inputs, T, n_classes = 1 + inputs % 4, 1 + T % 8, 2 + n_classes % 3
        state, nu = (2 + state % 12) * (1 + k % 3), nu % 1001 / 1000
        net = BEPRecurrentNetwork(
            inputs, n_classes, seed=k, state=state, readout=4 + readout % 12, nu=nu,
            expansion=[None, 5, 8][k % 3], window=[None, 4][k % 2], horizon=[None, 1, 2, 3][k % 4],
            start=["random", "ones"][k % 5 == 0], groups=(1 + k % 3, 1),
        )  # fmt: skip
        X, y = signs((1, inputs, T), 700 + k), np.array([r % n_classes])
        trace, steps = net.trace(X, y), min(T, net.window or T)
        recording = Recording.of(net, X, y)
        horizon = min(net.horizon or steps, steps)
        patched = int(r) % horizon  # how many steps before the last s* is put in place of s
        cases.append({
            **{name: matrix(getattr(recording, name)) for name in ("W_xs", "W_ss", "W_sy")},
            "P": matrix(recording.prototypes), "start": recording.s_0.tolist(),
            "group": recording.group, "a": recording.a[0].tolist(), "y": int(y[0]),
            "nu": nu, "horizon": horizon, "z": trace.z[0].tolist(),
            "s": trace.s[0, 1:].tolist(), "s_star": trace.s_star[0].tolist(),
            "gates": trace.gates[0].tolist(), "mask": trace.mask[0].tolist(),
            "z_y": trace.z_y[0].tolist(), "a_y": trace.a_y[0].tolist(),
            "a_star_y": trace.a_star_y[0].tolist(), "gate_y": trace.gate_y[0].tolist(),
            "logits": trace.logits[0].tolist(), "margin": int(trace.margins[0]),
            "patched": [steps - 1 - patched, run_on(recording, trace.s_star[0, ~patched], patched)],
        })  # fmt: skip
    return cases


def run_on(recording: Recording, s: np.ndarray, left: int) -> int:
    """The margin if the last ``left`` steps start from the state ``s``."""
    for a in recording.a[0, len(recording.a[0]) - left :]:
        s = sign(recording.W_xs.astype(int) @ a + recording.W_ss.astype(int) @ s)
    return lead(s[None], [recording.W_sy], recording.prototypes, int(recording.y[0]))


def lead(a: np.ndarray, weights: list, P: np.ndarray, y: int) -> int:
    for W in [*weights, P]:
        z = a.astype(np.int32) @ W.T
        a = sign(z)
    return int(margins(z, np.array([y]))[0])


def advice(a: np.ndarray, a_star: np.ndarray, *net) -> dict:
    """What each error bit does to the margin when it alone is flipped."""
    gains = []
    for j in np.flatnonzero(a != a_star):
        flipped = a.copy()
        flipped[0, j] *= -1
        gains.append(np.sign(lead(flipped, *net) - lead(a, *net)))
    return {"helps": gains.count(1), "nothing": gains.count(0), "hurts": gains.count(-1)}


def prototypes() -> list:
    cases = []
    for k in range(60):
        classes, width, seed = words(3, 3000 + k)
        args = (2 + classes % 9, 1 + width % 70, seed, k)
        cases.append([*args, sha256(class_prototypes(*args))])
    return cases


def reinforcement() -> dict:
    """Which entries the coin picks: every probability, rows shorter and longer than a skip."""
    chosen = []
    for k in range(80):
        rows, cols, p, seed, layer, batch, epoch = words(7, 3200 + k)
        p = [p, p >> 3, p >> 6, p >> 12, 0, 1, 2**32][k % 7]
        shape, where = (1 + rows % 9, 1 + cols % (7 + 16 * k)), (seed, layer, batch, epoch)
        if k % 8 == 7:  # a word that meets the table's first entry exactly
            first = random_words(seed, Stream.REINFORCE, 1, layer=layer, batch=batch, epoch=epoch)
            p = 2**32 - int(first[0])
        entries = chosen_entries(shape, p, *where).ravel()
        chosen.append([*shape, p, *where, np.flatnonzero(entries).tolist()])
    thresholds = []
    for k in range(300):
        p_r, fan_in, wrong, n = words(4, 3400 + k)
        p_r, fan_in, n = p_r % 101, 1 + fan_in % 800, 1 + n % 2000
        error = wrong % (n + 1) / n
        threshold = reinforcement_threshold(p_r / 100, fan_in, error)
        thresholds.append([p_r, fan_in, error, threshold])
    return {"chosen": chosen, "thresholds": thresholds}


def network() -> dict:
    """Whole trainings: odd shapes, every credit, short batches, growing groups, saturation."""
    cases = []
    for k in range(72):
        n, inputs, classes, depth, r, nu, p_r, batch, *shape = words(16, 3800 + k)
        n, inputs, classes = 3 + n % 40, 1 + inputs % 40, 2 + classes % 4
        widths = [inputs, *(1 + word % 24 for word in shape[: 1 + depth % 3])]
        groups = [int(divisors(w)[pick % len(divisors(w))]) for w, pick in zip(widths[1:], shape)]
        how = {"seed": 77 * k, "credit": CREDIT[k % 4], "patience": [None, 1, 2, 5][k // 4 % 4]}
        hundredths = {"r": 1 + r % 100, "nu": nu % 101, "p_r": [p_r % 101, 0, 100][k % 3]}
        case = {
            "n": n, "batch_size": 1 + batch % (n + 3), "epochs": 6, "classes": classes,
            "widths": widths, "groups": None if k % 3 == 0 else groups, "full": k % 9 == 0,
            "validation": k % 2 == 0, **how, **hundredths,
        }  # fmt: skip
        cases.append(case | trained(case, k))
    wide = {
        "n": 300, "batch_size": 32, "epochs": 3, "classes": 10, "widths": [64, 64, 64],
        "groups": None, "full": False, "validation": True, "seed": 2**32 - 1, "credit": "bep",
        "patience": 5, "r": 50, "nu": 10, "p_r": 50,
    }  # fmt: skip
    cases.append(wide | trained(wide, 99))
    bounds = [[h, K, margin_bound(h / 100, K)] for h in range(1, 101) for K in (1, 7, 29, 100, 525)]
    starts = [start_group(width) for width in range(1, 400)]
    return {"cases": cases, "bounds": bounds, "starts": starts}


def trained(case: dict, k: int) -> dict:
    """The data of case ``k`` is drawn from its number, on both sides."""
    keys = ("r", "nu", "p_r")
    settings = {key: case[key] / 100 for key in keys}
    settings |= {key: case[key] for key in ("seed", "credit", "patience", "groups")}
    net = BEPNetwork(case["widths"], case["classes"], **settings)
    if case["full"]:  # start at the edge of what an int16 is allowed to hold
        for layer in net.layers:
            layer.set_hidden(layer.H * (HIDDEN_MAX - 2))
    X = signs((case["n"], case["widths"][0]), 4000 + k)
    y = np.array(words(case["n"], 4200 + k)) % case["classes"]
    validation = (X[: len(X) // 2], y[::-1][: len(X) // 2]) if case["validation"] else None
    net.fit(X, y, case["epochs"], case["batch_size"], validation=validation, keep_best=False)
    return {
        "history": [asdict(record) for record in net.history],
        "sha256": net.weights_sha256(), "logits": net.decision_function(X[:4]).tolist(),
    }  # fmt: skip


def tasks() -> dict:
    plane, digits = [], []
    for name in PATTERNS:
        for part in range(3):
            points, y = plane_points(name, 500, part)
            plane.append([name, part, points[:5].tolist(), sha256(points), y.tolist()])
    coded = [
        sha256(playground_task(name, constant=bool(c)).test[0]) for name in PATTERNS for c in (0, 1)
    ]
    task = playground_task("digits")
    for part, text in zip((task.train, task.validation, task.test), digits_as_text()):
        few = {"pixels": text["pixels"][: 32 * 40], "y": text["y"][:40]}
        digits.append([few, sha256(part[0][:40]), part[1][:40].tolist()])
    return {"plane": plane, "coded": coded, "digits": digits}


def play() -> dict:
    """Playgrounds: what three networks end with; then a layer as the error bits widget shows it."""
    digits = [{"pixels": t["pixels"][: 32 * 60], "y": t["y"][:60]} for t in digits_as_text()]
    opened = [
        viz.Playground(epochs=4, digits=False),
        viz.Playground("corners", epochs=3, constant=False, seed=7, digits=False),
        viz.Playground("spiral", widths=[15, 5, 15], group=5, epochs=3, digits=False),
        viz.Playground("blobs", batch=64, nu=0.29, r=0.35, p_r=1, epochs=3, digits=False),
        viz.Playground("digits", widths=[21, 15], group=3, epochs=6, batch=7, seed=3),
    ]
    cases = []
    for playground in opened:
        runs = {credit: watched(playground.knobs, credit) for credit in ("bep", "local", "frozen")}
        cases.append({"knobs": playground.knobs, "runs": runs})
    net, task = (
        viz.Playground("blobs", widths=[15, 9, 9], epochs=1).network(),
        playground_task("blobs"),
    )
    shown = {"samples": range(10), "title": "T", "class_names": ["a", "b", "c"]}
    layers = [viz.ErrorBits.of(net, *task.train, layer=i, **shown).state() for i in range(2)]
    middles = (np.indices((17, 17)).reshape(2, -1).T[:, ::-1] + 0.5) / 17
    answer = net.predict(as_signs("blobs", middles))
    return {"cases": cases, "digits": digits, "layers": layers, "answer": answer.tolist()}


def watched(knobs: dict, credit: str) -> dict:
    """Train as :meth:`Playground.network` does, on few digits, and note errors after each epoch."""
    task, k = playground_task(knobs["data"], constant=knobs["constant"]), knobs
    few = slice(60 if knobs["data"] == "digits" else None)
    (X, y), validation, test = [
        (X[few], y[few]) for X, y in (task.train, task.validation, task.test)
    ]
    net = BEPNetwork(
        (X.shape[1], *k["widths"]), task.n_classes, seed=k["seed"], credit=credit, r=k["r"] / 100,
        nu=k["nu"] / 100, p_r=k["p_r"] / 100, patience=k["patience"],
        groups=[k["group"] or width for width in k["widths"]],
    )  # fmt: skip
    errors = [float(np.mean(net.predict(test[0]) != test[1]))]
    net.fit(
        X, y, k["epochs"], k["batch"], validation=validation, keep_best=False,
        callback=lambda net, _: errors.append(float(np.mean(net.predict(test[0]) != test[1]))),
    )  # fmt: skip
    best = int(np.argmin([record.validation_error for record in net.history])) + 1
    return {"test": errors, "best": best, "sha256": net.weights_sha256()}


def hashes() -> list:
    """The digest of the bytes 0 .. n - 1, at every length around a block's end."""
    lengths = [*range(140), 1000, 100_000]
    data = bytes(range(256)) * 400
    return [[n, hashlib.sha256(data[:n]).hexdigest()] for n in lengths]


def sha256(x: np.ndarray) -> str:
    little = x.dtype.newbyteorder("<")
    return hashlib.sha256(np.ascontiguousarray(x, little).tobytes()).hexdigest()


TEXTS = ["2/3", "-2", "\N{MINUS SIGN}2", " 0.84 ", ".65", "106,496", "1.06496e5", "32", "+6", "1/0"]


def quiz() -> list[dict]:
    """Each warm-up with its options and some nonsense, as bnnkit.learn judges them."""
    cases = []
    for e in exercises.all_exercises():
        if not isinstance(e, WarmUp):
            continue
        options = question(e)["options"]
        answers = [option["value"] for option in options]
        number = e.form == "number"
        answers += [1.004 * e.answer, 1.006 * e.answer, 1e9] if number else []
        texts = [(text, bool(judge_value(e, text))) for text in TEXTS] if number else []
        cases.append(
            {"options": options, "answers": [judged(e, x) for x in answers], "texts": texts}
        )
    return cases


def judged(e: WarmUp, answer) -> dict:
    result = judge_value(e, answer)
    foreseen = result.passed or result.says in [wrong.says for wrong in e.wrong]
    says = result.why if result.passed else result.says
    return {"answer": answer, "right": result.passed, "says": runs(says) if foreseen else None}


def matrix(W: np.ndarray) -> dict:
    return {"rows": W.shape[0], "cols": W.shape[1], "data": W.ravel().tolist()}


MAKERS = {
    "answers": answers,
    "bep": bep,
    "codec": codec,
    "exact": exact,
    "flips": flips,
    "lesson": lesson,
    "network": network,
    "philox": philox,
    "play": play,
    "prototypes": prototypes,
    "reinforce": reinforcement,
    "sha256": hashes,
    "quiz": quiz,
    "sign": sign_cases,
    "staircase": staircase,
    "tasks": tasks,
    "thermometer": thermometer,
    "threshold": threshold,
    "time": time,
    "xnor": xnor,
}


def vectors() -> dict[str, str]:
    """Return the text of each file."""
    return {name: json.dumps(make(), separators=(",", ":")) + "\n" for name, make in MAKERS.items()}


if __name__ == "__main__":
    for name, text in vectors().items():
        (FOLDER / f"{name}.json").write_text(text, "utf-8")
        print(f"{name}.json  {len(text):7d} bytes")
