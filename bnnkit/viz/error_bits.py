"""Error bits: what is wanted of a layer, and the vote of the layer above that decides it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.bep import BEPNetwork, class_prototypes
from bnnkit.bep.chain import back_project, gate, select, update
from bnnkit.bep.network import feedback_layers
from bnnkit.binarize import sign
from bnnkit.engine.numpy_engine import HIDDEN_MAX
from bnnkit.errors import (
    check_columns,
    check_int,
    check_integers,
    check_labels,
    check_number,
    check_option,
    check_shape,
    check_signs,
)
from bnnkit.viz.codec import decode, decode_number, encode_integers, encode_number, encode_signs
from bnnkit.viz.picture import sign_map
from bnnkit.viz.samples import chosen_rows
from bnnkit.viz.widget import Widget, still

MOST_SAMPLES, MOST_NEURONS = 100, 256
CREDIT = ("bep", "feedback", "local")


class ErrorBits(Widget):
    """Rows a, a*, a XOR a* of a hidden layer; click a neuron and see the vote behind its a*.

    Parameters
    ----------
    a : array of signs, shape (n, K), at most 100 x 256
        The layer's activations for some samples.
    weights : sequence of arrays of signs
        The visible weights of all layers above, lowest first: (K_1, K), (K_2, K_1), ...
    prototypes : array of signs, shape (C, K_L)
        The fixed classifier on the last of them.
    y : array of int, shape (n,)
        The classes.
    nu : number in [0, 1]
        The gate's window to begin with.
    r : number in (0, 1]
        A sample fires when its class leads by less than ``r K_L``.
    other : int, optional
        A second sample, of the same class as the first, to compare with.
    credit : "bep", "feedback" or "local"
        Where a* comes from to begin with: the votes of the layer above, the same through fixed
        random weights, or a fixed prototype of the layer's own.
    feedback : sequence of arrays of signs, shaped like ``weights``, optional
        The fixed random weights; drawn if left out.
    local : array of signs, shape (C, K), optional
        The layer's own prototypes; drawn if left out.
    H, inputs : arrays, shapes (K, K_0), odd int16, and (n, K_0), signs, optional
        The layer's hidden integers and what it reads, with ``a = sign(inputs sign(H)^T)``. With
        both, the reader can teach the layer a sample and see who changes.
    group : a divisor of K
        Neurons a group, of which one learns.
    class_names : sequence of str, optional

    The page computes forward pass, gates, votes, margins and lessons itself, in integers; it
    equals :mod:`bnnkit.bep` bit for bit. In Jupyter ``sample``, ``other``, ``neuron``, ``nu``,
    ``credit`` and ``lessons`` are synced both ways. Source: BEP, Eq. 5, 7 and 8, Lemma 1.

    >>> ErrorBits([[1, -1, 1]], [[[1, 1, -1], [1, -1, 1]]], [[1, 1], [-1, -1]], [0])
    ErrorBits(1 sample, 3 neurons, 1 layer above)
    """

    view = "error_bits"

    def __init__(
        self,
        a,
        weights: Sequence,
        prototypes,
        y,
        *,
        nu: float = 0.3,
        r: float = 0.5,
        other: int | None = None,
        credit: str = "bep",
        feedback: Sequence | None = None,
        local=None,
        H=None,
        inputs=None,
        group: int = 1,
        class_names: Sequence[str] | None = None,
        title: str = "Who should have said something else?",
    ):
        a, P = check_signs(a, "a", ndim=2), check_signs(prototypes, "prototypes", ndim=2)
        Ws = [check_signs(W, f"weights[{i}]", ndim=2) for i, W in enumerate(weights)]
        _check_chain(a, Ws, P)
        y = check_labels(y, "y", len(a), len(P))
        names = [f"class {c}" for c in range(len(P))] if class_names is None else class_names
        if len(names) != len(P):
            raise ValueError(f"class_names must name {len(P)} classes, got {len(names)}")
        H, inputs = _check_layer(H, inputs, a)
        if a.shape[1] % check_int(group, "group", low=1):
            raise ValueError(f"group must divide the {a.shape[1]} neurons, got {group}")
        super().__init__(
            a=encode_signs(a),
            weights=[encode_signs(W) for W in Ws],
            feedback=[encode_signs(B) for B in _check_feedback(feedback, Ws)],
            prototypes=encode_signs(P),
            local=encode_signs(_check_local(local, (len(P), a.shape[1]))),
            H=H,
            inputs=inputs,
            group=int(group),
            y=y.tolist(),
            class_names=[str(name) for name in names],
            nu=encode_number(check_number(nu, "nu", 0, 1)),
            r=encode_number(check_number(r, "r", 0, 1, open_low=True)),
            credit=check_option(credit, "credit", CREDIT),
            sample=0,
            other=_check_other(other, y),
            neuron=0,
            lessons=[],
            title=str(title),
        )

    @classmethod
    def of(
        cls,
        net: BEPNetwork,
        X,
        y,
        *,
        samples: Sequence[int] | None = None,
        layer: int = 0,
        **options,
    ) -> ErrorBits:
        """Return the widget of a hidden layer of a network as it is now, with all that is its own.

        Parameters
        ----------
        net : trained by "bep", two hidden layers or more
        X, y : signs, shape (n, d), and class numbers
        samples : rows of X; the first two of each class, at most 10, if left out
        layer : 0 is the first hidden layer; the last has no layer above
        options : for the widget

        >>> X = np.array([[1, 1, 1], [1, -1, 1], [-1, 1, 1], [-1, -1, 1]])
        >>> ErrorBits.of(BEPNetwork((3, 9, 5), 2), X, [0, 1, 1, 0])
        ErrorBits(4 samples, 9 neurons, 1 layer above)
        """
        if not isinstance(net, BEPNetwork):
            raise TypeError(f"net must be a BEPNetwork, got {type(net).__name__}")
        if net.credit != "bep" or net.depth < 2:
            raise ValueError(
                "net must have two hidden layers or more and credit 'bep', "
                f"got widths {net.widths} and credit {net.credit!r}"
            )
        layer = check_int(layer, "layer", 0, net.depth - 2)
        X = check_signs(X, "X", ndim=2)
        y = check_labels(y, "y", len(X), net.n_classes)
        rows = chosen_rows(samples, y)
        a = [X[rows], *net.trace(X[rows], y[rows]).a]
        above = slice(layer + 1, None)
        own = {
            "nu": net.nu,
            "r": net.r,
            "H": net.H[layer],
            "inputs": a[layer],
            "group": net.groups[layer],
            "feedback": [B.W.to_signs() for B in feedback_layers(net.widths, net.seed)[above]],
            "local": class_prototypes(net.n_classes, net.widths[layer + 1], net.seed, layer),
        }
        weights = [upper.W.to_signs() for upper in net.layers[above]]
        return cls(a[layer + 1], weights, net.P.to_signs(), y[rows], **(own | options))

    def hidden(self) -> np.ndarray:
        """Return H of the layer (int16, shape (K, K_0)) after the lessons that it was given."""
        if self.H is None:
            raise ValueError("this widget was made without H and inputs")
        return self._taught()[0]

    def desired(self, sample: int | None = None) -> np.ndarray:
        """Return a* of the layer for one sample (int8, shape (K,)), as the page shows it."""
        sample = self.sample if sample is None else sample
        a = self._taught()[1]
        sample = check_int(sample, "sample", 0, len(a) - 1)
        return self._wanted(a[[sample]], self.y[sample], self.credit, self.nu)[0]

    def _wanted(self, a: np.ndarray, y: int, credit: str, nu: float | str) -> np.ndarray:
        """a* for activations ``a``, shape (1, K)."""
        if credit == "local":
            return decode(self.local)[[y]]
        Ws, sums = [decode(W) for W in self.weights], []
        for W in Ws:
            sums.append(a.astype(np.int32) @ W.T)
            a = sign(sums[-1])
        back = Ws if credit == "bep" else [decode(B) for B in self.feedback]
        a_star = decode(self.prototypes)[[y]]
        for W, z in zip(reversed(back), reversed(sums), strict=True):
            a_star = back_project(W, a_star, gate(z, decode_number(nu), W.shape[1]))
        return a_star

    def _taught(self) -> tuple[np.ndarray | None, np.ndarray]:
        """H and the activations of all samples, after the lessons."""
        if self.H is None:
            return None, decode(self.a)
        H, inputs = decode(self.H), decode(self.inputs)
        for lesson in self.lessons:
            x, y = inputs[[lesson["sample"]]], self.y[lesson["sample"]]
            z = x.astype(np.int32) @ sign(H).T
            a_star = self._wanted(sign(z), y, lesson["credit"], lesson["nu"])
            H = update(H, select(z, a_star, self.group), a_star, x)
        return H.astype(np.int16), sign(inputs.astype(np.int32) @ sign(H).T)

    def _summary(self) -> str:
        n, K = self.a["shape"]
        above = len(self.weights)
        return f"{n} sample{'s' * (n != 1)}, {K} neurons, {above} layer{'s' * (above != 1)} above"

    def _still(self) -> str:
        a, a_star = self._taught()[1][self.sample], self.desired()
        error = np.where(a != a_star, np.int8(2), np.int8(0))
        words = (
            f"{self.title} Above, the activations a of {len(a)} neurons; below, the desired ones "
            f"a*; at the bottom the error bits, the {int((a != a_star).sum())} places where they "
            "differ."
        )
        return still(words, sign_map(np.stack([a, a_star, error]), "a above a*"))


def _check_other(other: int | None, y: np.ndarray) -> int | None:
    if other is None:
        return None
    other = check_int(other, "other", 1, len(y) - 1)
    if y[other] != y[0]:
        raise ValueError(f"other must be of the class of sample 0, {y[0]}, got class {y[other]}")
    return other


def _check_chain(a: np.ndarray, weights: list[np.ndarray], P: np.ndarray) -> None:
    if not weights:
        raise ValueError("weights must hold at least one layer, got none")
    if len(P) < 2:
        raise ValueError(f"prototypes must hold two or more classes, got {len(P)}")
    width = a.shape[1]
    if len(a) > MOST_SAMPLES or max(width, *(len(W) for W in weights)) > MOST_NEURONS:
        raise ValueError(
            f"a must hold at most {MOST_SAMPLES} samples and no layer more than {MOST_NEURONS} "
            f"neurons, got a of shape {a.shape} and layers of {[len(W) for W in weights]}"
        )
    for i, W in enumerate(weights):
        check_columns(W, f"weights[{i}]", width)
        width = len(W)
    check_columns(P, "prototypes", width)


def _check_feedback(feedback: Sequence | None, weights: list[np.ndarray]) -> list[np.ndarray]:
    if feedback is None:
        widths = [weights[0].shape[1], *(len(W) for W in weights)]
        return [layer.W.to_signs() for layer in feedback_layers(widths, seed=0)]
    if len(feedback) != len(weights):
        raise ValueError(f"feedback must hold {len(weights)} layers, got {len(feedback)}")
    given = [check_signs(B, f"feedback[{i}]", ndim=2) for i, B in enumerate(feedback)]
    for i, (B, W) in enumerate(zip(given, weights)):
        check_shape(B, f"feedback[{i}]", W.shape)
    return given


def _check_local(local, shape: tuple[int, int]) -> np.ndarray:
    if local is None:
        return class_prototypes(*shape, seed=0)
    local = check_signs(local, "local", ndim=2)
    check_shape(local, "local", shape)
    return local


def _check_layer(H, inputs, a: np.ndarray) -> tuple[dict | None, dict | None]:
    """H and inputs as packets, or None and None."""
    if (H is None) != (inputs is None):
        raise ValueError("H and inputs must be given together, got one of them")
    if H is None:
        return None, None
    H = check_integers(H, "H", ndim=2, limit=HIDDEN_MAX)
    inputs = check_signs(inputs, "inputs", ndim=2)
    check_shape(inputs, "inputs", (len(a), H.shape[1]))
    check_shape(H, "H", (a.shape[1], H.shape[1]))
    if H.size > MOST_NEURONS**2 or not (H % 2).all():
        raise ValueError(f"H must hold odd integers, at most {MOST_NEURONS**2}, got {H.shape}")
    if not np.array_equal(sign(inputs.astype(np.int32) @ sign(H).T), a):
        raise ValueError("a must be the signs of inputs times the weights sign(H)")
    return encode_integers(H), encode_signs(inputs)
