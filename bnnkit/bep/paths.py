"""One training step, two ways to compute it: on packed words, or step by step on plain signs.

The packed path is what a network runs. The stepwise path calls the functions of
:mod:`bnnkit.bep.chain` one after the other, so that a reader's own function (see
:mod:`bnnkit.steps`) really trains the network. A test holds them to the same bits.

Both offer the same operations on *activations*: a batch of signs, packed in the one, plain in the
other. A layer's weights live in a :class:`HiddenLayer`, which both share.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bnnkit.bep import chain
from bnnkit.binarize import sign
from bnnkit.engine import get_engine
from bnnkit.engine.numpy_engine import chosen_entries
from bnnkit.errors import Number
from bnnkit.packed import BitMatrix
from bnnkit.philox import Stream, random_signs
from bnnkit.steps import overridden

# The same two numbers are asked for in every batch.
gate_bound = lru_cache(maxsize=256)(chain.gate_bound)
margin_bound = lru_cache(maxsize=256)(chain.margin_bound)

SEAMS = ("1.1", "3.", "4.2", "4.3", "4.4", "4.5", "4.6", "5.")  # the steps a network runs


class HiddenLayer:
    """Hidden integers H (int16, odd) and, kept in step with them, their packed signs W."""

    last_change: object = None  # of any layer: a new object each time

    def __init__(self, H: np.ndarray):
        self.H = np.ascontiguousarray(H, dtype=np.int16)
        self.words = get_engine().pack_signs(self.H)
        self._operands: dict[tuple[str, str], object] = {}
        self.version = 0  # counts the changes, so that others know when theirs are out of date

    def __getstate__(self) -> dict:
        """What is stored and compared: not what was prepared for one engine's products."""
        return self.__dict__ | {"_operands": {}}

    @classmethod
    def start(cls, width: int, fan_in: int, seed: int, layer: int) -> HiddenLayer:
        """A layer at the start: every hidden integer is +1 or -1, so that one step can flip it."""
        return cls(random_signs(seed, Stream.HIDDEN, (width, fan_in), layer=layer))

    @property
    def W(self) -> BitMatrix:  # noqa: N802 (the symbol of the papers)
        """The visible weights ``sign(H)``, packed."""
        return BitMatrix(self.words, self.H.shape[1])

    def forward_operand(self):
        """W prepared for ``a @ W.T``."""
        engine = get_engine()
        key = (engine.NAME, "forward")
        if key not in self._operands:
            self._operands[key] = engine.operand(self.words, self.H.shape[1])
        return self._operands[key]

    def back_operand(self):
        """W prepared for ``a_star @ W``."""
        engine = get_engine()
        key = (engine.NAME, "back")
        if key not in self._operands:
            self._operands[key] = engine.transposed_operand(self.words, self.H.shape[1])
        return self._operands[key]

    def changed(self, forward=None) -> None:
        """Forget what was prepared from the old words, but for ``forward``, which has followed."""
        self._operands.clear()
        if forward is not None:
            self._operands[get_engine().NAME, "forward"] = forward
        self.version += 1
        HiddenLayer.last_change = object()

    def set_hidden(self, H: np.ndarray) -> None:
        """Replace the hidden integers and re-sign."""
        self.H[...] = H
        self.words[...] = get_engine().pack_signs(self.H)
        self.changed()


class PackedPath:
    """Activations are packed words (n, words); the engine does the work."""

    @staticmethod
    def load(words: np.ndarray, columns: int) -> np.ndarray:
        return words

    @staticmethod
    def rows(layer: HiddenLayer, index: np.ndarray) -> np.ndarray:
        """Some rows of a layer's weights as activations: the prototypes of some classes."""
        return layer.words[index]

    @staticmethod
    def product(a, layer: HiddenLayer) -> np.ndarray:
        return get_engine().product(a, layer.forward_operand())

    @staticmethod
    def forward(a, layer: HiddenLayer) -> tuple[np.ndarray, np.ndarray]:
        """The sums of a layer and their signs."""
        return get_engine().forward(a, layer.forward_operand())

    @staticmethod
    def fires(logits: np.ndarray, y: np.ndarray, bound: int) -> tuple[np.ndarray, int]:
        """The samples whose margin is below ``bound``, and how many are wrong."""
        return get_engine().fires(logits, y, bound)

    @staticmethod
    def back_project(layer: HiddenLayer, a_star, z: np.ndarray, nu: Number, fan_in: int, rows=None):
        """The desired activations below, of some rows of ``z``, and how many gates were open."""
        bound = gate_bound(nu, fan_in)
        return get_engine().back_project(a_star, z, bound, layer.back_operand(), rows)

    @staticmethod
    def select(z: np.ndarray, a_star, group: int, rows=None):
        """Who is to be updated, for some rows of ``z``, and how many signs are wrong."""
        return get_engine().select(z, a_star, group, rows)

    @staticmethod
    def differ(a, b) -> int:
        """How many signs of two batches differ."""
        return get_engine().differ(a, b)

    @staticmethod
    def update(layer: HiddenLayer, chosen, a_star, a_prev, rows=None, coin=None) -> int:
        """Add the batch's sum to H, re-sign, reinforce; return how many visible weights flipped.

        ``rows`` are those of ``a_prev`` that fired; ``coin`` is (threshold, seed, layer, batch,
        epoch).
        """
        forward, hidden = layer.forward_operand(), (layer.H, layer.words)
        flips = get_engine().update(*hidden, chosen, a_star, a_prev, rows, coin, forward)
        layer.changed(forward)
        return flips

    @staticmethod
    def reinforce(layer: HiddenLayer, coin: tuple[int, ...]) -> None:
        get_engine().reinforce(layer.H, *coin)


class StepwisePath:
    """Activations are plain signs (n, K); the functions of the chapters do the work."""

    @staticmethod
    def load(words: np.ndarray, columns: int) -> np.ndarray:
        return BitMatrix(words, columns).to_signs()

    @staticmethod
    def rows(layer: HiddenLayer, index: np.ndarray) -> np.ndarray:
        return layer.W.to_signs()[index]

    @staticmethod
    def product(a, layer: HiddenLayer) -> np.ndarray:
        return BitMatrix.from_signs(a) @ layer.W.T

    @staticmethod
    def forward(a, layer: HiddenLayer) -> tuple[np.ndarray, np.ndarray]:
        z = StepwisePath.product(a, layer)
        return z, sign(z)

    @staticmethod
    def fires(logits: np.ndarray, y: np.ndarray, bound: int) -> tuple[np.ndarray, int]:
        rows = np.flatnonzero(chain.margins(logits, y) < bound)
        return rows, int(np.sum(logits.argmax(axis=1) != y))

    @staticmethod
    def back_project(layer: HiddenLayer, a_star, z: np.ndarray, nu: Number, fan_in: int, rows=None):
        open_gates = chain.gate(z if rows is None else z[rows], nu, fan_in)
        below = chain.back_project(layer.W.to_signs(), a_star, open_gates)
        return below, int(np.sum(open_gates))

    @staticmethod
    def select(z: np.ndarray, a_star, group: int, rows=None):
        z = z if rows is None else z[rows]
        return chain.select(z, a_star, group), StepwisePath.differ(sign(z), a_star)

    @staticmethod
    def differ(a, b) -> int:
        return int(np.sum(a != b))

    @staticmethod
    def update(layer: HiddenLayer, mask, a_star, a_prev, rows=None, coin=None) -> int:
        before = layer.words.copy()
        a_prev = a_prev if rows is None else a_prev[rows]
        layer.set_hidden(chain.update(layer.H, mask, a_star, a_prev))
        flips = int(np.bitwise_count(before ^ layer.words).sum())
        if coin is not None:
            StepwisePath.reinforce(layer, coin)
        return flips

    @staticmethod
    def reinforce(layer: HiddenLayer, coin: tuple[int, ...]) -> None:
        chosen = chosen_entries(layer.H.shape, *coin)
        layer.set_hidden(chain.reinforce(layer.H, chosen))


def current_path() -> type[PackedPath] | type[StepwisePath]:
    """The stepwise path as soon as one step of a network is a reader's own, else the packed one."""
    if overridden() and any(overridden(prefix) for prefix in SEAMS):
        return StepwisePath
    return PackedPath
