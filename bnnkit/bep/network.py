"""A multilayer network of signs, trained by BEP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnnkit.bep import chain
from bnnkit.bep.paths import (
    HiddenLayer,
    PackedPath,
    StepwisePath,
    current_path,
    gate_bound,
    margin_bound,
)
from bnnkit.bep.prototypes import class_prototypes
from bnnkit.bep.training import SignNetwork, Tally
from bnnkit.engine import get_engine
from bnnkit.errors import check_columns, check_option, check_signs, check_widths
from bnnkit.packed import BitMatrix, pack
from bnnkit.steps import overridden

CREDIT = ("bep", "local", "feedback", "frozen")
REINFORCE_BY = ("fan_in", "width")
INT8 = np.dtype(np.int8)


@dataclass(frozen=True)
class Trace:
    """Everything that one batch computes before it changes a weight, as plain arrays.

    For hidden layer i = 0 .. L - 1: sums ``z[i]``, activations ``a[i]`` and desired activations
    ``a_star[i]`` (n, K), ``gates[i]`` (who passes blame to the layer below; None for the first
    layer) and ``masks[i]`` (who would be updated). Then ``logits`` (n, C), ``margins``, ``fires``
    (n,).
    """

    z: list[np.ndarray]
    a: list[np.ndarray]
    a_star: list[np.ndarray]
    gates: list[np.ndarray | None]
    masks: list[np.ndarray]
    logits: np.ndarray
    margins: np.ndarray
    fires: np.ndarray


class BEPNetwork(SignNetwork):
    """A network whose weights, activations and error signals are all signs.

    Parameters
    ----------
    widths : inputs and hidden widths, ``(K_0, K_1, ..., K_L)``; at least one hidden layer
    n_classes : C, at least 2
    seed : integer in 0 .. 2**32 - 1; the same seed gives the same weights on every machine
    credit : where a hidden layer's desired activations come from. "bep": the layers above, by
        their own weights. The controls: "feedback", by fixed random weights instead; "local", a
        fixed classifier of the layer's own, nothing travels (Colombo et al. 2025); "frozen",
        only the last hidden layer learns.
    r : margin in (0, 1]; a sample fires when its class leads by less than ``r K_L``
    nu : gate width in [0, 1]; a neuron passes blame when ``|z| <= nu * fan_in``
    p_r : strength of the reinforcement in [0, 1]
    groups : neurons a group, for each hidden layer, divisors of the widths; None chooses
    patience : epochs without a better error until the groups grow; None keeps them
    reinforce_by : the K in the reinforcement's probability, a layer's "fan_in" or, as the paper
        prints it, its "width"

    Attributes: ``layers`` (each with ``H`` and ``W``), ``P`` (packed prototypes), ``history`` (an
    :class:`Epoch` each), ``groups``, ``epoch`` (how many are done).

    Source: *BEP* (Colombo et al., ICLR 2026), Section 3. There are no biases; with odd fan-ins and
    opposite prototypes the network is an odd function of its inputs, so give it a constant +1
    input where that matters.

    >>> X = np.array([[1, 1, 1], [1, -1, 1], [-1, 1, 1], [-1, -1, 1]], np.int8)
    >>> net = BEPNetwork((3, 9), 2, seed=1).fit(X, [1, 0, 0, 0], epochs=10)
    >>> net.predict(X)
    array([1, 0, 0, 0])
    """

    def __init__(
        self,
        widths: Sequence[int],
        n_classes: int,
        *,
        seed: int = 0,
        credit: str = "bep",
        r: float = 0.5,
        nu: float = 0.1,
        p_r: float = 0.5,
        groups: Sequence[int] | None = None,
        patience: int | None = 5,
        reinforce_by: str = "fan_in",
    ):
        self.widths = check_widths(widths, "widths")
        if len(self.widths) < 2:
            raise ValueError(f"widths must name the inputs and a hidden layer, got {self.widths}")
        self.group_widths = self.widths[1:]
        super().__init__(n_classes, seed, r, nu, p_r, groups, patience)
        self.credit = check_option(credit, "credit", CREDIT)
        self.reinforce_by = check_option(reinforce_by, "reinforce_by", REINFORCE_BY)
        self._prepared: tuple = (None, None, None, None)  # see _chain
        shapes = zip(self.widths[1:], self.widths)
        self.layers = [HiddenLayer.start(*shape, seed, layer=i) for i, shape in enumerate(shapes)]
        # What blame travels through: the layers themselves, or fixed random ones in their place.
        own = self.credit != "feedback"
        self._way_back = self.layers if own else feedback_layers(self.widths, seed)

    @cached_property
    def _classifiers(self) -> list[HiddenLayer]:
        """The fixed classifier on the last layer; with local credit, one on every layer."""
        asked = range(0 if self.credit == "local" else self.depth - 1, self.depth)
        return [
            HiddenLayer(class_prototypes(self.n_classes, self.widths[i + 1], self.seed, layer=i))
            for i in asked
        ]

    @property
    def depth(self) -> int:
        """The number of hidden layers, L."""
        return len(self.widths) - 1

    @property
    def P(self) -> BitMatrix:  # noqa: N802 (the symbol of the paper)
        """The prototypes of the classifier, C x K_L."""
        return self._classifiers[-1].W

    def trace(self, X, y) -> Trace:
        """Return all that one batch computes, for every sample whether it fires or not.

        Changes nothing. For "bep" and "feedback", where blame comes down the whole network.
        """
        if self.credit not in ("bep", "feedback"):
            raise ValueError(f"trace needs credit 'bep' or 'feedback', got {self.credit!r}")
        words, y = self._checked_pair(X, y, "X", "y")
        a, z = self._forward(StepwisePath, words)
        a_star: list = [None] * self.depth
        gates: list = [None] * self.depth
        a_star[-1] = StepwisePath.rows(self._classifiers[-1], y)
        for i in reversed(range(self.depth - 1)):
            gates[i + 1] = chain.gate(z[i + 1], self.nu, self.widths[i + 1])
            above = self._way_back[i + 1].W.to_signs()
            a_star[i] = chain.back_project(above, a_star[i + 1], gates[i + 1])
        masks = [chain.select(*arguments) for arguments in zip(z, a_star, self.groups)]
        logits = StepwisePath.product(a[-1], self._classifiers[-1])
        margins = chain.margins(logits, y)
        return Trace(z, a[1:], a_star, gates, masks, logits, margins, margins < self._bound(-1))

    def _train_batch(self, words, y, batch: int, tally: Tally) -> None:
        """Forward, desired activations, selection; every layer is updated from the old weights."""
        path = current_path()
        fan_ins, widths = self.widths[:-1], self.widths[1:]
        thresholds = self._thresholds(fan_ins if self.reinforce_by == "fan_in" else widths)
        coins = [(chance, self.seed, i, batch, self.epoch) for i, chance in enumerate(thresholds)]
        if path is PackedPath and self.credit != "local" and get_engine().trains_whole(len(y)):
            self._train_whole_batch(words, y, coins, tally)
            return
        a, z = self._forward(path, words)
        fired, a_star = self._desired(path, a, z, y, tally)
        for i in self._learning():
            rows, layer, coin = fired[i], self.layers[i], coins[i]
            if len(rows):
                chosen, wrong_bits = path.select(z[i], a_star[i], self.groups[i], rows)
                tally.error_bits[i].add(wrong_bits, len(rows) * widths[i])
                tally.flips[i] += path.update(layer, chosen, a_star[i], a[i], rows, coin)
            else:
                path.reinforce(layer, coin)

    def _train_whole_batch(self, words, y, coins, tally: Tally) -> None:
        """The same in one call of the engine."""
        widths, learning = self.widths[1:], self._learning()
        gates = tuple(gate_bound(self.nu, width) for width in self.widths[:-1])
        rules = self._bound(-1), gates, tuple(self.groups), learning.start
        operands = [layer.forward_operand() for layer in self.layers]
        layers = [
            (layer.H, layer.words, operand, above.words)
            for layer, operand, above in zip(self.layers, operands, self._way_back)
        ]
        top = self._classifiers[-1]
        classifier = top.words, top.forward_operand()
        fired, wrong, seen = get_engine().train_batch(words, y, layers, classifier, rules, coins)
        tally.wrong.add(wrong, len(y))
        tally.triggered.add(fired, len(y))
        for i in learning:
            open_gates, wrong_bits, flips = seen[i]
            tally.open_gates[i].add(open_gates, fired * widths[i] if i > learning.start else 0)
            tally.error_bits[i].add(wrong_bits, fired * widths[i])
            tally.flips[i] += flips
            if fired:
                self.layers[i].changed(operands[i])

    def _forward(self, path, words):
        """The activations a_0 .. a_L and the sums z_1 .. z_L."""
        a, z = [path.load(words, self.widths[0])], []
        for layer in self.layers:
            sums, signs = path.forward(a[-1], layer)
            z.append(sums)
            a.append(signs)
        return a, z

    def _desired(self, path, a, z, y, tally: Tally):
        """For each hidden layer that learns: the rows that fire, and what is desired of them."""
        fired: list = [None] * self.depth
        a_star: list = [None] * self.depth
        logits = path.product(a[-1], self._classifiers[-1])
        fired[-1], wrong = path.fires(logits, y, self._bound(-1))
        tally.wrong.add(wrong, len(y))
        tally.triggered.add(len(fired[-1]), len(y))
        a_star[-1] = path.rows(self._classifiers[-1], y[fired[-1]])
        for i in reversed(self._learning()[:-1]):
            if self.credit == "local":
                own_logits = path.product(a[i + 1], self._classifiers[i])
                fired[i], _ = path.fires(own_logits, y, self._bound(i))
                a_star[i] = path.rows(self._classifiers[i], y[fired[i]])
                continue
            fired[i] = fired[i + 1]
            if len(fired[i]):
                above, fan_in = self._way_back[i + 1], self.widths[i + 1]
                a_star[i], open_gates = path.back_project(
                    above, a_star[i + 1], z[i + 1], self.nu, fan_in, fired[i]
                )
                tally.open_gates[i + 1].add(open_gates, len(fired[i]) * self.widths[i + 2])
        return fired, a_star

    def _learning(self) -> range:
        """The hidden layers that learn."""
        return range(self.depth - 1 if self.credit == "frozen" else 0, self.depth)

    def _bound(self, i: int) -> int:
        return margin_bound(self.r, self.widths[1:][i])

    def predictor(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function from samples to logits that holds the weights as they are now.

        It takes signs in an int8 array (n, K_0), or packed words (n, ceil(K_0 / 64)), and returns
        int32 (n, C); anything else raises ``ValueError``. All layers are one call of a kernel: the
        fast way for a sample at a time.

        >>> from bnnkit import BEPNetwork
        >>> logits = BEPNetwork((3, 15), 2, seed=1).predictor()
        >>> logits(np.array([[1, -1, 1]], np.int8)).shape
        (1, 2)
        """
        return self._chain()

    def decision_function(self, X) -> np.ndarray:
        """Return the logits, the products with the prototypes (int32, shape (n, C)).

        Signs in an int8 array go through all layers in one call: that is the fast way for one
        sample or a few.
        """
        if type(X) is np.ndarray and X.dtype is INT8 and X.size and not overridden():
            try:
                return self._chain()(X)
            except ValueError:  # not signs, or not so many: said below, and where
                pass
        return super().decision_function(X)

    def _logits(self, words: np.ndarray) -> np.ndarray:
        path = current_path()
        if path is not StepwisePath:
            return self._chain()(words)
        a, _ = self._forward(path, words)
        return path.product(a[-1], self._classifiers[-1])

    def _chain(self):
        """All layers prepared for inference; anew after a change, or for another engine."""
        engine, moment = get_engine(), HiddenLayer.last_change
        name, when, which, prepared = self._prepared
        if name == engine.NAME and when is moment:  # nothing changed in any network
            return prepared
        versions = [layer.version for layer in self.layers]
        if (name, which) != (engine.NAME, versions):
            layers = [*self.layers, self._classifiers[-1]]
            prepared = engine.chain([(layer.words, layer.H.shape[1]) for layer in layers])
        self._prepared = engine.NAME, moment, versions, prepared
        return prepared

    def _encode(self, X, name: str) -> np.ndarray:
        if isinstance(X, BitMatrix):
            if X.shape[1] != self.widths[0]:
                raise ValueError(f"{name} must have {self.widths[0]} columns, got shape {X.shape}")
            return X.words if X._flipped else X._words  # kernels take writable arrays only
        signs = check_signs(X, name, ndim=2)
        check_columns(signs, name, self.widths[0])
        return pack(signs)


FEEDBACK = 1000  # random feedback weights are drawn as if they were layers from here on


def feedback_layers(widths: Sequence[int], seed: int) -> list[HiddenLayer]:
    """Return the fixed random layers that blame travels through with ``credit="feedback"``."""
    shapes = zip(widths[1:], widths)
    return [HiddenLayer.start(*shape, seed, layer=FEEDBACK + i) for i, shape in enumerate(shapes)]
