"""Error bits: what is wanted of a layer, and the vote of the layer above that decides it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.bep import BEPNetwork
from bnnkit.bep.chain import back_project, gate
from bnnkit.binarize import sign
from bnnkit.errors import check_columns, check_int, check_labels, check_number, check_signs
from bnnkit.viz.codec import decode, encode_signs
from bnnkit.viz.picture import sign_map
from bnnkit.viz.samples import chosen_rows
from bnnkit.viz.widget import Widget, still

MOST_SAMPLES, MOST_NEURONS = 100, 256


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
        The gate's window to begin with, in hundredths.
    other : int, optional
        A second sample, of the same class as the first, to compare with.
    class_names : sequence of str, optional

    The page computes forward pass, gates, votes and margins itself, in integers; it equals
    :mod:`bnnkit.bep` bit for bit. In Jupyter ``sample``, ``other``, ``neuron`` and ``nu`` (in
    hundredths) are synced both ways. Source: BEP, Eq. 5 and 7, Lemma 1.

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
        other: int | None = None,
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
        super().__init__(
            a=encode_signs(a),
            weights=[encode_signs(W) for W in Ws],
            prototypes=encode_signs(P),
            y=y.tolist(),
            class_names=[str(name) for name in names],
            nu=round(100 * check_number(nu, "nu", 0, 1)),
            sample=0,
            other=_check_other(other, y),
            neuron=0,
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
        """Return the widget of a hidden layer of a network as it is now, with the net's own gate.

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
        a = net.trace(X[rows], y[rows]).a[layer]
        weights = [above.W.to_signs() for above in net.layers[layer + 1 :]]
        return cls(a, weights, net.P.to_signs(), y[rows], **({"nu": net.nu} | options))

    def desired(self, sample: int | None = None) -> np.ndarray:
        """Return a* of the layer for one sample (int8, shape (K,)), as the page shows it."""
        sample = self.sample if sample is None else sample
        a, P = decode(self.a), decode(self.prototypes)
        sample = check_int(sample, "sample", 0, len(a) - 1)
        activation, sums = a[[sample]], []
        Ws = [decode(W) for W in self.weights]
        for W in Ws:
            sums.append(activation.astype(np.int32) @ W.T)
            activation = sign(sums[-1])
        a_star = P[[self.y[sample]]]
        for W, z in zip(reversed(Ws), reversed(sums), strict=True):
            a_star = back_project(W, a_star, gate(z, self.nu / 100, W.shape[1]))
        return a_star[0]

    def _summary(self) -> str:
        n, K = self.a["shape"]
        above = len(self.weights)
        return f"{n} sample{'s' * (n != 1)}, {K} neurons, {above} layer{'s' * (above != 1)} above"

    def _still(self) -> str:
        a, a_star = decode(self.a)[self.sample], self.desired()
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
