"""Error bits through time: what is wanted of a recurrent state, step by step back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from bnnkit.bep.chain import back_project, gate
from bnnkit.errors import (
    check_columns,
    check_int,
    check_labels,
    check_number,
    check_option,
    check_signs,
)
from bnnkit.recurrent import SS, STATE, SY, XS, BEPRecurrentNetwork, backward, forward
from bnnkit.viz.codec import decode, decode_number, encode_number, encode_signs
from bnnkit.viz.picture import sign_map
from bnnkit.viz.samples import chosen_rows
from bnnkit.viz.widget import Widget, still

MOST_SAMPLES, MOST_NEURONS, MOST_STEPS = 100, 256, 200
DRAWN = 32  # neurons in the still picture
SHOWS = ("all", "s", "s_star", "error", "gate")


@dataclass(frozen=True)
class Recording:
    """A recurrent network's weights and some sequences to run it on.

    Signs throughout: ``a`` (n, T, K_x) the inputs of each step, ``W_xs`` (K_s, K_x), ``W_ss``
    (K_s, K_s), ``W_sy`` (K_y, K_s), ``prototypes`` (C, K_y), ``s_0`` (K_s,) the state before the
    first step; all are copied. ``y`` (n,) holds the classes; ``group`` is neurons a group of the
    state. At most 100 sequences of 200 steps and 256 neurons a layer. Raises ``ValueError`` for
    what does not fit.
    """

    a: np.ndarray
    W_xs: np.ndarray
    W_ss: np.ndarray
    W_sy: np.ndarray
    prototypes: np.ndarray
    s_0: np.ndarray
    y: np.ndarray
    group: int = 1

    def __post_init__(self):
        ndim = {"a": 3, "W_xs": 2, "W_ss": 2, "W_sy": 2, "prototypes": 2, "s_0": 1}
        for name, axes in ndim.items():
            own = check_signs(getattr(self, name), name, ndim=axes).copy()
            object.__setattr__(self, name, own)
        K_s, C = len(self.W_ss), len(self.prototypes)
        if C < 2:
            raise ValueError(f"prototypes must hold two or more classes, got {C}")
        for name in ("W_ss", "W_sy", "s_0"):
            check_columns(getattr(self, name), name, K_s)
        check_columns(self.W_xs, "W_xs", self.a.shape[2])
        check_columns(self.W_xs.T, "W_xs.T", K_s)
        check_columns(self.prototypes, "prototypes", len(self.W_sy))
        y = check_labels(self.y, "y", len(self.a), C)
        object.__setattr__(self, "y", y)
        if K_s % check_int(self.group, "group", low=1):
            raise ValueError(f"group must divide the {K_s} neurons of the state, got {self.group}")
        n, T, _ = self.a.shape
        widest = max(K_s, len(self.W_sy), self.W_xs.shape[1])
        if n > MOST_SAMPLES or T > MOST_STEPS or widest > MOST_NEURONS:
            raise ValueError(
                f"a must hold at most {MOST_SAMPLES} sequences of {MOST_STEPS} steps, and no layer "
                f"more than {MOST_NEURONS} neurons, got a of shape {self.a.shape} and {widest}"
            )

    @classmethod
    def of(cls, net: BEPRecurrentNetwork, X, y, samples: Sequence[int] | None = None) -> Recording:
        """Return the network as it is now, and the chosen sequences as its state reads them.

        Parameters
        ----------
        net : trained or not
        X : signs, shape (cases, inputs, time)
        y : array of int, shape (cases,)
        samples : rows of X; the first two of each class, at most 10, if left out
        """
        if not isinstance(net, BEPRecurrentNetwork):
            raise TypeError(f"net must be a BEPRecurrentNetwork, got {type(net).__name__}")
        X = check_signs(X, "X", ndim=3)
        y = check_labels(y, "y", len(X), net.n_classes)
        rows = chosen_rows(samples, y)
        W_xs, W_ss, W_sy = (net.layers[i].W.to_signs() for i in (XS, SS, SY))
        a = net.trace(X[rows], y[rows]).a
        return cls(a, W_xs, W_ss, W_sy, net.P.to_signs(), net.s_0, y[rows], group=net.groups[STATE])

    def encode(self) -> dict:
        """Return the recording as JSON values, signs as single bits."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        signs = {k: encode_signs(v) for k, v in values.items() if k not in ("y", "group")}
        return signs | {"y": self.y.tolist(), "group": int(self.group)}


class ErrorBitsTime(Widget):
    """A recurrent state through time as pictures of steps x neurons: s, s*, s XOR s*, open gates.

    Choose a cell and see the vote behind its s*, and what the margin becomes if the desired state
    takes the place of the real one at that step. Sliders say how far back blame travels and how
    wide the gate is.

    Parameters
    ----------
    recordings : Recording, or mapping of str to Recording
        The keys are what the reader chooses among: lags, say, or epochs.
    nu : number in [0, 1]
        The gate's window to begin with.
    horizon : int, optional
        Through how many of the last steps blame travels to begin with; all if left out.
    sample : int
        The sequence to begin with.
    show : "all", "s", "s_star", "error" or "gate"
        The pictures to begin with.
    choice : str
        What the recordings differ in.
    class_names : sequence of str, optional

    The page computes all of it itself, in integers; it equals :mod:`bnnkit.recurrent` bit for bit.
    In Jupyter ``recording``, ``sample``, ``horizon``, ``nu``, ``time`` (1 .. T),
    ``neuron`` and ``show`` are synced both ways. Source: BEP, Section 3.5.

    >>> net = BEPRecurrentNetwork(1, 2, state=15)
    >>> X = np.array([[[1, -1, 1, 1]], [[-1, -1, 1, 1]]])
    >>> ErrorBitsTime.of(net, X, [1, 0])
    ErrorBitsTime(2 sequences, 4 steps, 15 neurons)
    """

    view = "error_bits_time"

    def __init__(
        self,
        recordings: Recording | Mapping[str, Recording],
        *,
        nu: float = 0.05,
        horizon: int | None = None,
        sample: int = 0,
        show: str = "all",
        choice: str = "Lag",
        class_names: Sequence[str] | None = None,
        title: str = "How far back does the blame travel?",
    ):
        if isinstance(recordings, Recording):
            recordings = {"": recordings}
        if not recordings or not all(isinstance(r, Recording) for r in recordings.values()):
            raise TypeError("recordings must be a Recording, or a mapping of names to Recordings")
        given = list(recordings.values())
        most = max(r.a.shape[1] for r in given)
        classes = max(len(r.prototypes) for r in given)
        names = [f"class {c}" for c in range(classes)] if class_names is None else class_names
        if len(names) != classes:
            raise ValueError(f"class_names must name {classes} classes, got {len(names)}")
        super().__init__(
            recordings=[r.encode() for r in given],
            names=[str(name) for name in recordings],
            choice=str(choice),
            class_names=[str(name) for name in names],
            recording=0,
            sample=check_int(sample, "sample", 0, len(given[0].a) - 1),
            horizon=most if horizon is None else check_int(horizon, "horizon", 1, most),
            nu=encode_number(check_number(nu, "nu", 0, 1)),
            time=max(1, given[0].a.shape[1] - 1),
            neuron=0,
            show=check_option(show, "show", SHOWS),
            title=str(title),
        )

    @classmethod
    def of(
        cls, net: BEPRecurrentNetwork, X, y, *, samples: Sequence[int] | None = None, **options
    ) -> ErrorBitsTime:
        """Return the widget of a network, with its own gate and horizon to begin with.

        ``samples`` are rows of X, the first two of each class if left out; ``options`` go to the
        widget.
        """
        recording = Recording.of(net, X, y, samples)
        steps = recording.a.shape[1]
        own = {"nu": net.nu, "horizon": min(net.horizon or steps, steps)}
        return cls(recording, **(own | options))

    def desired(self) -> tuple[np.ndarray, np.ndarray]:
        """Return s (T, K_s) and s* (the last steps, as far as the horizon) as the page shows them.

        Both int8, for the recording, sample, horizon and nu of now.
        """
        now = self.recordings[self.recording]
        a, W_xs, W_ss, W_sy, P, s_0 = (
            decode(now[name]) for name in ("a", "W_xs", "W_ss", "W_sy", "prototypes", "s_0")
        )
        nu, width = decode_number(self.nu), len(W_ss)
        z, s = forward(W_xs, W_ss, a[[self.sample]], s_0)
        z_y = s[:, -1].astype(np.int32) @ W_sy.T
        a_star = P[[now["y"][self.sample]]]
        last = back_project(W_sy, a_star, gate(z_y, nu, width))
        s_star = backward(W_ss, last, z[:, -self.horizon :], nu)
        return s[0, 1:], s_star[0]

    def _summary(self) -> str:
        now = self.recordings[self.recording]
        n, T, _ = now["a"]["shape"]
        many = f", {len(self.names)} recordings" if len(self.names) > 1 else ""
        return f"{n} sequence{'s' * (n != 1)}, {T} steps, {now['s_0']['shape'][0]} neurons{many}"

    def _still(self) -> str:
        s, s_star = self.desired()
        T, K = s.shape
        wanted = np.zeros_like(s)
        wanted[-len(s_star) :] = s_star
        error = np.where((wanted != 0) & (wanted != s), np.int8(2), np.int8(0))
        gap = np.zeros((2, K), np.int8)
        picture = np.concatenate([s, gap, wanted, gap, error]).T[:DRAWN]
        which = f"the first {DRAWN} of {K}" if K > DRAWN else str(K)
        words = (
            f"{self.title} Three pictures of {which} neurons (rows) over {T} steps (columns): the "
            f"state s, the desired state s* and the error bits, where they differ. In all, "
            f"{int((error == 2).sum())} of {len(s_star) * K} are error bits."
        )
        return still(words, sign_map(picture, "s, s* and their error bits"))
