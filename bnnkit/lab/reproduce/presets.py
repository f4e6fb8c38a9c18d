"""The settings behind the words "paper" and "best", in full.

"paper" is the paper: one median bit a pixel, the reinforcement's K as it is printed, and what it
leaves open chosen once, on validation data. "best" is the same rules with what measured better
here. Nothing of the one slips into the other.
"""

from __future__ import annotations

from typing import Any

from bnnkit.bep import divisors, start_group

EPOCHS = 50
SIGN_METHODS = ("bep", "local", "frozen", "feedback", "cp-r")
STE_METHODS = ("ste", "ste-bn")
YARDSTICKS = ("logistic", "1nn")
METHODS = (*SIGN_METHODS, *STE_METHODS, *YARDSTICKS)

# What an ablation moves, and how it stands where a preset does not name it: hidden integers start
# at +1 and -1, and the weights are those of a moment, not averaged.
FIXED = {"start": 1, "average": None}

PIXELS = {
    "paper": {"random-prototypes": "signs"},
    "best": {
        "random-prototypes": "signs",
        "fashion-mnist": "feature-3",
        "mnist": "lit-2",
        "cifar10-pixels": "feature-4",
    },
}


def options(dataset: str, method: str, preset: str, widths: tuple[int, ...]) -> dict[str, Any]:
    """Return every setting of a run but its seed and its epochs.

    >>> options("fashion-mnist", "1nn", "paper", ())
    {'pixels': 'global-1'}
    >>> options("fashion-mnist", "bep", "paper", (135, 135))["groups"]
    [27, 27]
    """
    chosen: dict[str, Any] = {"pixels": PIXELS[preset].get(dataset, "global-1")}
    if method in SIGN_METHODS:
        chosen |= _signs(dataset, preset, widths)
    elif method in STE_METHODS:
        chosen |= {"batch": 100, "rate": 1e-3, "last_rate": 1e-4, "scaled": preset == "best"}
    elif method == "logistic":
        chosen |= {"C": [0.001, 0.01, 0.1]}
    return chosen


def _signs(dataset: str, preset: str, widths: tuple[int, ...]) -> dict[str, Any]:
    """What the paper prints for any network, and ours, by validation, for what it leaves open.

    Narrow layers want a wider gate; and where the reinforcement's K is the width, as the paper
    prints it, a narrow net freezes under a p_r of .5. On endless noise a small batch is better, and
    on MNIST, where most pixels are dark in every image and pull all neurons the same way. Three
    layers on endless noise want nearly every vote and the full p_r, and only if they are narrow the
    small batch, and for the first of them smaller groups: more of its neurons learn at a time.
    "best" on MNIST takes still smaller steps, through a narrow gate, and averages the weights.
    """
    narrow, noisy = max(widths) < 100, dataset == "random-prototypes"
    deep_noise = noisy and len(widths) > 2
    small_batch = dataset == "mnist" or (noisy and (narrow or not deep_noise))
    p_r = 0.1 if narrow and preset == "paper" and not deep_noise else 0.5
    groups = [start_group(width) for width in widths]
    if narrow and deep_noise:
        groups[0] = max(g for g in divisors(widths[0]) if g <= 5)
    chosen = {
        "r": 0.75 if noisy or preset == "best" else 0.5,
        "nu": 0.75 if deep_noise else 0.3 if narrow or noisy else 0.1,
        "p_r": p_r,
        "groups": groups,
        "patience": 5,
        "batch": 20 if small_batch else 100,
        "reinforce_by": "width" if preset == "paper" else "fan_in",
    }
    if dataset == "mnist" and preset == "best":
        groups = [max(g for g in divisors(width) if g <= 17) for width in widths]
        chosen |= {"nu": 0.03, "p_r": 0.1, "groups": groups, "patience": 2}
        chosen |= {"batch": 10, "average": 20}
    return chosen
