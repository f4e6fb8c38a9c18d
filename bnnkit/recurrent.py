"""Rung 5: BEP through time, for a recurrent network of signs that reads a sequence.

The same four steps as in rung 4, on a network unrolled in time. The state at step t is
``s_t = sign(W_xs a_t + W_ss s_{t-1})``; after the last step a readout layer and the prototypes
give the class. Blame comes down through the readout and then back from step to step.

Source: *BEP* (Colombo et al., ICLR 2026), Section 3.5. Where the text leaves a choice, the reading
here is the one that reproduces the paper's figures; see the docstrings of the four steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnnkit.bep import chain
from bnnkit.bep.paths import (
    HiddenLayer,
    PackedPath,
    StepwisePath,
    current_path,
    margin_bound,
)
from bnnkit.bep.prototypes import class_prototypes
from bnnkit.bep.training import PREDICT_ROWS, SignNetwork, Tally
from bnnkit.binarize import sign
from bnnkit.engine import get_engine
from bnnkit.errors import (
    MAX_WIDTH,
    Number,
    check_columns,
    check_int,
    check_integers,
    check_mask,
    check_number,
    check_option,
    check_shape,
    check_signs,
)
from bnnkit.packed import BitMatrix, pack
from bnnkit.philox import Stream, random_signs
from bnnkit.steps import step

XS, SS, SY = range(3)  # the weight matrices: input to state, state to state, state to readout
CHUNK = 1024  # rows that are expanded at a time
STATE, READOUT = range(2)  # the layers that are cut into groups


@step("5.1")
def forward(W_xs, W_ss, a, s_0) -> tuple[np.ndarray, np.ndarray]:
    """Run the state through a sequence: ``s_t = sign(W_xs a_t + W_ss s_{t-1})``.

    Parameters
    ----------
    W_xs : signs, shape (K_s, K_x)
    W_ss : signs, shape (K_s, K_s)
    a : signs, shape (n, T, K_x): the inputs
    s_0 : signs, shape (K_s,): the state before the first input

    Returns
    -------
    z : int32, shape (n, T, K_s): the sums at steps 1 .. T
    s : int8, shape (n, T + 1, K_s): the states, ``s[:, 0] = s_0`` and ``s[:, t] = sign(z[:, t-1])``

    >>> z, s = forward([[1]], [[1]], [[[1], [-1], [-1]]], [1])
    >>> z[0, :, 0], s[0, :, 0]
    (array([2, 0, 0], dtype=int32), array([1, 1, 1, 1], dtype=int8))
    """
    W_xs = BitMatrix.from_signs(check_signs(W_xs, "W_xs", ndim=2))
    W_ss = BitMatrix.from_signs(check_signs(W_ss, "W_ss", ndim=2))
    a, s_0 = check_signs(a, "a", ndim=3), check_signs(s_0, "s_0", ndim=1)
    n, T, K_x = a.shape
    if W_ss.shape != (len(s_0), len(s_0)) or W_xs.shape != (len(s_0), K_x):
        shapes = f"{W_xs.shape} and {W_ss.shape} for {len(s_0)} neurons and {K_x} inputs"
        raise ValueError(f"W_xs and W_ss must have shapes (K_s, K_x) and (K_s, K_s), got {shapes}")
    z = np.empty((n, T, W_ss.shape[0]), np.int32)
    s = np.empty((n, T + 1, W_ss.shape[0]), np.int8)
    s[:, 0] = s_0
    for t in range(T):
        from_input = BitMatrix.from_signs(a[:, t]) @ W_xs.T
        from_state = BitMatrix.from_signs(s[:, t]) @ W_ss.T
        z[:, t] = from_input + from_state
        s[:, t + 1] = sign(z[:, t])
    return z, s


@step("5.2")
def backward(W_ss, s_star_T, z, nu: Number) -> np.ndarray:
    """Carry the desired state back in time: ``s*_t = sign(W_ss^T (g_{t+1} * s*_{t+1}))``.

    The gate at step t + 1 looks at the sums of step t + 1 and is as wide as ``nu K_s``.

    Parameters
    ----------
    W_ss : signs, shape (K_s, K_s)
    s_star_T : signs, shape (n, K_s): what is desired of the last state
    z : int, shape (n, T, K_s): the sums of the steps to go back through, the last is step T
    nu : gate width in [0, 1]

    Returns
    -------
    array of int8, shape (n, T, K_s): desired states, one for each step of ``z``

    >>> backward([[1, 1], [1, -1]], [[1, -1]], [[[0, 0], [2, 0]]], nu=1.0)
    array([[[ 1,  1],
            [ 1, -1]]], dtype=int8)
    """
    W_ss, s_star_T = check_signs(W_ss, "W_ss", ndim=2), check_signs(s_star_T, "s_star_T", ndim=2)
    z, nu = check_integers(z, "z", ndim=3), check_number(nu, "nu", 0, 1)
    n, _, K_s = z.shape
    check_shape(W_ss, "W_ss", (K_s, K_s))
    check_shape(s_star_T, "s_star_T", (n, K_s))
    s_star = np.empty(z.shape, np.int8)
    s_star[:, -1] = s_star_T
    for t in range(z.shape[1] - 1, 0, -1):
        gate = chain.gate(z[:, t], nu, len(W_ss))
        s_star[:, t - 1] = chain.back_project(W_ss, s_star[:, t], gate)
    return s_star


@step("5.3")
def shared_mask(z, s_star, group: int) -> np.ndarray:
    """Return the one mask a sample that serves all its steps.

    A neuron's agreement over time is ``q_j = sum_t s*_{t,j} z_{t,j}``. In each group the neuron
    with ``q_j <= 0`` nearest to 0 is chosen, the first of equals; none where all are above 0. (The
    paper shares its masks over time without saying how; a mask for each step, or one taken at the
    last step alone, learns worse.)

    Parameters
    ----------
    z : int, shape (n, T, K_s)
    s_star : signs, shape (n, T, K_s)
    group : a divisor of K_s

    Returns
    -------
    array of bool, shape (n, K_s)

    >>> z = [[[3, -1, -2, 5], [1, -1, 1, 5]]]
    >>> shared_mask(z, np.ones((1, 2, 4), np.int8), group=2)
    array([[False,  True,  True, False]])
    """
    z, s_star = check_integers(z, "z", ndim=3), check_signs(s_star, "s_star", ndim=3)
    check_shape(s_star, "s_star", z.shape)
    agreement = (z * s_star).sum(axis=1)
    # sign(-q) = +1 exactly where q <= 0: "wrong" when -1 is wanted of it.
    return chain.select(-agreement, np.full(agreement.shape, -1), group)


@step("5.4")
def accumulate(mask, s_star, inputs) -> np.ndarray:
    """Return the sum over samples and steps of ``mask * s*_t input_t^T``.

    All the steps count, those at which the neuron was right as well. The hidden weights of the
    matrix that read these inputs then grow by twice this sum.

    Parameters
    ----------
    mask : bool, shape (n, K_s)
    s_star : signs, shape (n, T, K_s)
    inputs : signs, shape (n, T, K_in): ``a_t`` for W_xs, ``s_{t-1}`` for W_ss

    Returns
    -------
    array of int32, shape (K_s, K_in)

    >>> accumulate([[True, False]], [[[1, 1], [1, -1]]], [[[1, -1], [1, 1]]])
    array([[2, 0],
           [0, 0]], dtype=int32)
    """
    s_star = check_signs(s_star, "s_star", ndim=3).astype(np.int32)
    n, T, K_s = s_star.shape
    inputs = check_signs(inputs, "inputs", ndim=3).astype(np.int32)
    check_shape(inputs, "inputs", (n, T, inputs.shape[2]))
    chosen = s_star * check_mask(mask, "mask", (n, K_s))[:, None, :]
    return np.einsum("ntj,ntk->jk", chosen, inputs, dtype=np.int32)


class PackedTime(PackedPath):
    """The steps through time on packed words; arrays have the time first: (T, n, ...)."""

    @staticmethod
    def forward_in_time(xs: HiddenLayer, ss: HiddenLayer, a, s_0):
        """Sums (T, n, K_s) and states (T + 1, n, words): one product a step.

        Input and state stand side by side in one row of words, as do their weights.
        """
        engine = get_engine()
        T, n, split = a.shape
        weights = np.concatenate([xs.words, ss.words], axis=1)
        both = engine.operand(weights, (xs.H.shape[1], ss.H.shape[1]))
        z, s = np.empty((T, n, len(ss.H)), np.int32), np.empty((T + 1, n, len(s_0)), np.uint64)
        s[0] = s_0
        row = np.empty((n, weights.shape[1]), np.uint64)
        for t in range(T):
            row[:, :split], row[:, split:] = a[t], s[t]
            _, s[t + 1] = engine.forward(row, both, z[t])
        return z, s

    @staticmethod
    def backward(ss: HiddenLayer, s_star_T, z, nu: Number):
        """Desired states for the steps of ``z``, and how many gates were open."""
        T, n, width = z.shape
        s_star = np.empty((T, n, s_star_T.shape[1]), np.uint64)
        s_star[-1] = s_star_T
        open_gates = 0
        for t in range(T - 1, 0, -1):
            s_star[t - 1], count = PackedPath.back_project(ss, s_star[t], z[t], nu, width)
            open_gates += count
        return s_star, open_gates

    @staticmethod
    def shared_mask(z, s_star, group: int):
        engine = get_engine()
        disagreement = -engine.agreement(z, s_star)
        wanted = engine.pack_signs(np.full(disagreement.shape, -1, np.int8))
        chosen, _ = engine.select(disagreement, wanted, group)
        return chosen


class StepwiseTime(StepwisePath):
    """The steps through time on plain signs, by the functions above; the time first as well."""

    @staticmethod
    def forward_in_time(xs: HiddenLayer, ss: HiddenLayer, a, s_0):
        z, s = forward(xs.W.to_signs(), ss.W.to_signs(), a.swapaxes(0, 1), s_0)
        return z.swapaxes(0, 1), s.swapaxes(0, 1)

    @staticmethod
    def backward(ss: HiddenLayer, s_star_T, z, nu: Number):
        s_star = backward(ss.W.to_signs(), s_star_T, z.swapaxes(0, 1), nu)
        return s_star.swapaxes(0, 1), int(np.sum(chain.gate(z, nu, z.shape[2])[1:]))

    @staticmethod
    def shared_mask(z, s_star, group: int):
        return shared_mask(z.swapaxes(0, 1), s_star.swapaxes(0, 1), group)

    @staticmethod
    def update(layer: HiddenLayer, mask, a_star, a_prev) -> int:  # type: ignore[override]
        """As in one step, or, with the time first, summed over the steps."""
        if a_star.ndim == 2:
            return StepwisePath.update(layer, mask, a_star, a_prev)
        before = layer.words.copy()
        total = accumulate(mask, a_star.swapaxes(0, 1), a_prev.swapaxes(0, 1))
        layer.set_hidden(np.clip(layer.H + 2 * total, -chain.HIDDEN_MAX, chain.HIDDEN_MAX))
        return int(np.bitwise_count(before ^ layer.words).sum())


def current_time_path() -> type[PackedTime] | type[StepwiseTime]:
    """The stepwise path as soon as one step of a network is a reader's own, else the packed one."""
    return StepwiseTime if current_path() is StepwisePath else PackedTime


@dataclass(frozen=True)
class TimeTrace:
    """Everything that one batch computes before it changes a weight, as plain arrays.

    ``a`` (n, T, K_x) the inputs as the state reads them, ``z`` (n, T, K_s), ``s`` (n, T + 1, K_s),
    ``s_star`` and ``gates`` (n, T', K_s) for the last T' steps, as far back as the horizon;
    ``mask`` (n, K_s), or, with ``mask_steps``, (n, masks, K_s), that of the first steps first. The
    readout: ``z_y``, ``a_y``, ``a_star_y`` and ``gate_y`` (n, K_y). ``logits`` (n, C), ``margins``
    and ``fires`` (n,).
    """

    a: np.ndarray
    z: np.ndarray
    s: np.ndarray
    s_star: np.ndarray
    gates: np.ndarray
    mask: np.ndarray
    z_y: np.ndarray
    a_y: np.ndarray
    a_star_y: np.ndarray
    gate_y: np.ndarray
    logits: np.ndarray
    margins: np.ndarray
    fires: np.ndarray


class BEPRecurrentNetwork(SignNetwork):
    """A recurrent network of signs that reads a sequence and names its class, trained by BEP-TT.

    Parameters
    ----------
    inputs : signs a time step (features times thermometer bits)
    n_classes : C, at least 2
    state : K_s, neurons of the recurrent state
    readout : K_y, neurons of the readout layer; None for as many as the state
    expansion : K_x, a fixed random layer of signs before the recurrent one; None for none
    window : how many of the last steps are read; None for all
    horizon : through how many of the last steps blame travels; None for all that are read
    mask_steps : how many steps share a mask, counted back from the last one; None for all, as in
        the paper. Over 28 steps two masks of 14 learn better than one
    start : the state before the first step, "random" signs (fixed by the seed) or "ones"
    seed, r, nu, p_r, patience : as for :class:`~bnnkit.bep.network.BEPNetwork`
    groups : neurons a group for (state, readout); None chooses

    Attributes: ``layers`` (W_xs, W_ss, W_sy), ``history``, ``groups``, ``epoch``. In an
    :class:`~bnnkit.bep.training.Epoch`, layers are (state, readout), matrices (xs, ss, sy).

    Source: BEP, Section 3.5.

    >>> X = random_signs(0, Stream.DATA, (60, 1, 3))
    >>> y = (X[:, 0, 0] > 0).astype(int)  # the answer is the first sign, two steps ago
    >>> net = BEPRecurrentNetwork(1, 2, state=15, nu=0.5, groups=(5, 5), patience=None)
    >>> net.fit(X, y, epochs=20, batch_size=10).score(X, y)
    1.0
    """

    def __init__(
        self,
        inputs: int,
        n_classes: int,
        *,
        state: int,
        readout: int | None = None,
        expansion: int | None = None,
        window: int | None = None,
        horizon: int | None = None,
        mask_steps: int | None = None,
        start: str = "random",
        seed: int = 0,
        r: float = 0.5,
        nu: Number = 0.05,
        p_r: float = 0.5,
        groups=None,
        patience: int | None = 5,
    ):
        self.inputs = check_int(inputs, "inputs", 1, MAX_WIDTH)
        self.state = check_int(state, "state", 1, MAX_WIDTH)
        self.readout = (
            self.state if readout is None else check_int(readout, "readout", 1, MAX_WIDTH)
        )
        self.expansion = (
            None if expansion is None else check_int(expansion, "expansion", 1, MAX_WIDTH)
        )
        self.window = None if window is None else check_int(window, "window", low=1)
        self.horizon = None if horizon is None else check_int(horizon, "horizon", low=1)
        self.mask_steps = None if mask_steps is None else check_int(mask_steps, "mask_steps", low=1)
        self.start = check_option(start, "start", ["random", "ones"])
        self.group_widths = (self.state, self.readout)
        super().__init__(n_classes, seed, r, nu, p_r, groups, patience)
        K_x = self.expansion or self.inputs
        shapes = [(self.state, K_x), (self.state, self.state), (self.readout, self.state)]
        self.layers = [HiddenLayer.start(*shape, seed, layer=i) for i, shape in enumerate(shapes)]
        self.s_0 = np.ones(self.state, np.int8)
        if self.start == "random":
            self.s_0 = random_signs(seed, Stream.STATE, (self.state,))

    @cached_property
    def _classifier(self) -> HiddenLayer:
        return HiddenLayer(class_prototypes(self.n_classes, self.readout, self.seed))

    @cached_property
    def _expander(self) -> HiddenLayer | None:
        if not self.expansion:
            return None
        return HiddenLayer(random_signs(self.seed, Stream.EXPANSION, (self.expansion, self.inputs)))

    @property
    def P(self) -> BitMatrix:  # noqa: N802 (the symbol of the paper)
        """The prototypes of the classifier, C x K_y."""
        return self._classifier.W

    def trace(self, X, y) -> TimeTrace:
        """Return all that one batch computes, for every sample, firing or not; change nothing."""
        words, y = self._checked_pair(X, y, "X", "y")
        path = StepwiseTime
        a, z, s, z_y, a_y, logits = self._forward(path, words)
        a, z, s = (x.swapaxes(0, 1) for x in (a, z, s))
        a_star_y = path.rows(self._classifier, y)
        s_star_T, _ = path.back_project(self.layers[SY], a_star_y, z_y, self.nu, self.state)
        z_back = z if self.horizon is None else z[:, -self.horizon :]
        s_star = backward(self.layers[SS].W.to_signs(), s_star_T, z_back, self.nu)
        parts, group = self._parts(z_back.shape[1]), self.groups[STATE]
        masks = [shared_mask(z_back[:, p], s_star[:, p], group) for p in parts]
        margins = chain.margins(logits, y)
        return TimeTrace(
            a=a,
            z=z,
            s=s,
            s_star=s_star,
            gates=chain.gate(z_back, self.nu, self.state),
            mask=masks[0] if self.mask_steps is None else np.stack(masks, axis=1),
            z_y=z_y,
            a_y=a_y,
            a_star_y=a_star_y,
            gate_y=chain.gate(z_y, self.nu, self.state),
            logits=logits,
            margins=margins,
            fires=margins < self._bound(),
        )

    def _train_batch(self, words, y, batch: int, tally: Tally) -> None:
        """Forward in time, blame back in time; every matrix is updated from the old weights."""
        path = current_time_path()
        a, z, s, z_y, a_y, logits = self._forward(path, words)
        rows, wrong = path.fires(logits, y, self._bound())
        tally.wrong.add(wrong, len(y))
        tally.triggered.add(len(rows), len(y))
        if len(rows):
            some = slice(None) if len(rows) == len(y) else rows  # a slice copies nothing
            fired = a[:, some], z[:, some], s[:, some], z_y[some], a_y[some], y[some]
            self._learn(path, *fired, tally)
        thresholds = self._thresholds([layer.H.shape[1] for layer in self.layers])
        for i, layer in enumerate(self.layers):
            path.reinforce(layer, (thresholds[i], self.seed, i, batch, self.epoch))

    def _learn(self, path, a, z, s, z_y, a_y, y, tally: Tally) -> None:
        """Desired activations, selection and updates for the samples that fired."""
        n = len(y)
        xs, ss, sy = self.layers
        a_star_y = path.rows(self._classifier, y)
        s_star_T, open_y = path.back_project(sy, a_star_y, z_y, self.nu, self.state)
        z_back = z if self.horizon is None else z[-self.horizon :]
        steps = len(z_back)
        s_star, open_s = path.backward(ss, s_star_T, z_back, self.nu)
        parts = self._parts(steps)
        masks = [path.shared_mask(z_back[p], s_star[p], self.groups[STATE]) for p in parts]
        chosen_y, wrong_y = path.select(z_y, a_star_y, self.groups[READOUT])

        tally.open_gates[STATE].add(open_s, n * (steps - 1) * self.state)
        tally.open_gates[READOUT].add(open_y, n * self.readout)
        wrong_bits = path.differ(*(x.reshape(steps * n, -1) for x in (s[-steps:], s_star)))
        tally.error_bits[STATE].add(wrong_bits, n * steps * self.state)
        tally.error_bits[READOUT].add(wrong_y, n * self.readout)

        a_back, s_before = a[-steps:], s[-steps - 1 : -1]
        for p, chosen in zip(parts, masks):
            tally.flips[XS] += path.update(xs, chosen, s_star[p], a_back[p])
            tally.flips[SS] += path.update(ss, chosen, s_star[p], s_before[p])
        tally.flips[SY] += path.update(sy, chosen_y, a_star_y, s[-1])

    def _parts(self, steps: int) -> list[slice]:
        """The steps that share a mask, the first of them first; the first part may be short."""
        ends = range(steps, 0, -(self.mask_steps or steps))
        return [slice(max(0, end - (self.mask_steps or steps)), end) for end in reversed(ends)]

    def _forward(self, path, words):
        """Inputs, sums and states of every step, then the readout's sums, signs and logits."""
        K_x = self.expansion or self.inputs
        n, T, _ = words.shape
        a = words.swapaxes(0, 1)  # the time first: what happens together lies together
        a = path.load(a.reshape(T * n, -1), K_x).reshape(T, n, -1)
        s_0 = pack(self.s_0) if path is PackedTime else self.s_0
        z, s = path.forward_in_time(self.layers[XS], self.layers[SS], a, s_0)
        z_y, a_y = path.forward(s[-1], self.layers[SY])
        return a, z, s, z_y, a_y, path.product(a_y, self._classifier)

    def _bound(self) -> int:
        return margin_bound(self.r, self.readout)

    def _logits(self, words: np.ndarray) -> np.ndarray:
        path, rows = current_time_path(), max(1, PREDICT_ROWS // words.shape[1])
        chunks = range(0, len(words), rows)  # the sums of every step are kept: fewer at a time
        return np.concatenate([self._forward(path, words[i : i + rows])[-1] for i in chunks])

    def _encode(self, X, name: str) -> np.ndarray:
        """Sequences of signs (cases, inputs, time) to packed inputs (cases, steps, words)."""
        signs = check_signs(X, name, ndim=3)
        check_columns(signs.transpose(0, 2, 1), name, self.inputs)
        if self.window is not None:
            signs = signs[:, :, -self.window :]
        words = pack(signs.transpose(0, 2, 1))
        if self._expander is None:
            return words
        flat, weights = words.reshape(-1, words.shape[2]), self._expander.forward_operand()
        chunks = range(0, len(flat), CHUNK)  # so that the sums never fill the memory
        expanded = [get_engine().forward(flat[i : i + CHUNK], weights)[1] for i in chunks]
        return np.concatenate(expanded).reshape(*words.shape[:2], -1)
