"""The numba engine: the interface of the NumPy engine over compiled kernels, the same bits.

The functions here take what callers have, make it contiguous, allocate the result, and call one
kernel of :mod:`bnnkit.engine.kernels` or :mod:`bnnkit.engine.training_kernels`. The kernels run
without Python's lock, so plain threads can share a call: each takes some of the rows.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count

import numpy as np
from numba.core import event

from bnnkit.engine import get_threads, kernels, numpy_engine, training_kernels
from bnnkit.engine.intrinsics import LANES, PANEL, ROWS
from bnnkit.engine.numpy_engine import skip_table
from bnnkit.engine.team import team
from bnnkit.engine.training_kernels import GUIDE_BITS, MOST_HITS

NAME = "numba"


class Compilation(event.Listener):
    """What goes with compiling, which takes seconds: one line at the first kernel, and no search
    for garbage meanwhile. It would go through all that the compiler holds, again and again: a
    seventh of the time, for nothing.
    """

    def __init__(self) -> None:
        self.said = False
        self.depth, self.collects = 0, False  # a kernel may need another one first

    def on_start(self, event):
        kernel = event.data["dispatcher"].py_func
        if not self.said and kernel.__module__.startswith("bnnkit.") and sys.__stderr__:
            self.said = True
            what = f"{kernel.__name__} and the kernels that follow"
            line = f"bnnkit: compiling {what} for this processor; kept for the next time"
            print(line, file=sys.__stderr__, flush=True)  # in Jupyter: the server's terminal
        if self.depth == 0:
            self.collects = gc.isenabled()
            gc.disable()
        self.depth += 1

    def on_end(self, event):
        self.depth -= 1
        if self.depth == 0 and self.collects:
            gc.enable()


event.register("numba:compile", Compilation())

_INT8, _INT32 = np.dtype(np.int8), np.dtype(np.int32)
SHARED_WORK = 3 << 26  # bit products, about 0.2 ms: below, a second thread brings nothing
SHARED_ENTRIES = 1 << 20  # hidden integers, likewise
BATCHES_APART = 500  # of a process, before a kernel for whole batches is worth its compilation
_batches = count(1)


def _whole_lines(n: int) -> np.ndarray:
    """``n`` words that begin with a cache line: a vector that straddles two is slow."""
    words = np.empty(n + LANES, np.uint64)
    skip = -(words.ctypes.data >> 3) % LANES
    return words[skip : skip + n]


class Operand:
    """The right-hand side of many products: packed rows, sixteen side by side in each panel."""

    def __init__(self, rows: int, columns: int, words: int):
        self.rows, self.columns = rows, columns
        self.panels = _whole_lines(-(-rows // PANEL) * PANEL * words)


def operand(words: np.ndarray, columns: int | Sequence[int]) -> Operand:
    """Prepare packed rows (n, words) for products with them.

    ``columns`` is their number, or several where a row is made of several packed parts.
    """
    columns = columns if isinstance(columns, int) else sum(columns)
    b = Operand(len(words), columns, words.shape[1])
    kernels.fill_panels(np.ascontiguousarray(words), b.panels)
    return b


def transposed_operand(words: np.ndarray, columns: int) -> Operand:
    """Prepare the columns of a packed matrix (n, words) for products with them."""
    n = len(words)
    b = Operand(columns, n, -(-n // 64))
    kernels.fill_panels_transposed(np.ascontiguousarray(words), n, columns, b.panels)
    return b


def pack_signs(x: np.ndarray) -> np.ndarray:
    """Pack ``x >= 0`` along the last axis, 64 bits a word: (m, k) -> (m, ceil(k / 64))."""
    words = np.empty((x.shape[0], -(-x.shape[1] // 64)), np.uint64)
    if x.dtype != _INT8:  # every kernel is compiled for one type of number
        x = (x >= 0).view(np.int8) - np.int8(1)
    kernels.pack_integer_signs(np.ascontiguousarray(x), words)
    return words


def pack_within(z: np.ndarray, bound: int) -> np.ndarray:
    """Pack ``|z| <= bound`` along the last axis: (m, k) -> (m, ceil(k / 64))."""
    words = np.empty((z.shape[0], -(-z.shape[1] // 64)), np.uint64)
    kernels.pack_within(np.ascontiguousarray(z, dtype=np.int32), _all(len(z)), bound, words)
    return words


def unpack_signs(words: np.ndarray, columns: int) -> np.ndarray:
    """Unpack words (m, ceil(columns / 64)) to signs (m, columns), int8."""
    signs = np.empty((words.shape[0], columns), np.int8)
    kernels.unpack_signs(np.ascontiguousarray(words), signs)
    return signs


def transpose_bits(words: np.ndarray, columns: int) -> np.ndarray:
    """Transpose a packed matrix: (m, ceil(columns / 64)) -> (columns, ceil(m / 64))."""
    out = np.empty((columns, -(-words.shape[0] // 64)), np.uint64)
    kernels.transpose_bits(np.ascontiguousarray(words), words.shape[0], columns, out)
    return out


# --- products ------------------------------------------------------------------------------------


def product(a: np.ndarray, b: Operand, threads: int | None = None) -> np.ndarray:
    """Multiply packed signs: (m, words) times (n, words) -> (m, n) int32, sums over the columns."""
    a, z = np.ascontiguousarray(a), np.empty((len(a), b.rows), _INT32)
    work = z.size * b.columns
    if work < SHARED_WORK:  # at once: a product of one row takes a millionth of a second
        kernels.product(a, b.panels, b.columns, z)
    else:
        parts = _parts(threads, work)
        _share(parts, len(a), lambda i, j: kernels.product(a[i:j], b.panels, b.columns, z[i:j]))
    return z


def masked_product(
    a: np.ndarray, mask: np.ndarray, b: Operand, threads: int | None = None
) -> np.ndarray:
    """Multiply packed signs where ``mask`` (packed like ``a``) is 1; elsewhere count 0."""
    a, mask = np.ascontiguousarray(a), np.ascontiguousarray(mask)
    z = np.empty((len(a), b.rows), np.int32)
    _share(
        _parts(threads, z.size * b.columns),
        len(a),
        lambda i, j: kernels.masked_product(a[i:j], mask[i:j], b.panels, z[i:j]),
    )
    return z


def forward(
    a: np.ndarray, b: Operand, z: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """A layer: the sums ``product(a, b)``, written to ``z`` if it is given, and their signs."""
    a = np.ascontiguousarray(a)
    z = np.empty((len(a), b.rows), np.int32) if z is None else z
    signs = np.empty((len(a), -(-b.rows // 64)), np.uint64)

    def some(i, j):
        kernels.product(a[i:j], b.panels, b.columns, z[i:j])
        kernels.pack_integer_signs(z[i:j], signs[i:j])

    _share(_parts(None, z.size * b.columns), len(a), some)
    return z, signs


class Chain:
    """All the layers of a network, prepared for the way from inputs to logits in one kernel.

    Called with packed inputs (n, words) or int8 signs (n, columns) it returns the logits, int32.
    """

    def __init__(self, layers: Sequence[tuple[np.ndarray, int]]):
        panels = [operand(*layer).panels for layer in layers]
        self.panels = np.concatenate(panels, out=_whole_lines(sum(map(len, panels))))
        widths = [columns for _, columns in layers]
        self.classes = len(layers[-1][0])
        self.widths = np.array([*widths, self.classes], np.int64)
        self.work = 64 * self.panels.size  # bit products a sample
        self.few = -(-SHARED_WORK // self.work)  # samples; a second thread is not worth it below
        inputs = numpy_engine.inputs_of(layers)
        self.kernels: dict[tuple, Callable] = dict(
            zip(inputs, (kernels.chain_of_signs, kernels.chain))
        )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        try:
            n, columns = x.shape
            kernel = self.kernels[x.dtype, columns]
        except (KeyError, ValueError):  # it would read past the end
            raise numpy_engine.not_inputs(x, self.kernels) from None
        x = np.ascontiguousarray(x)
        logits = np.empty((n, self.classes), _INT32)
        if n < self.few:
            right = kernel(x, self.panels, self.widths, logits)
        else:
            right = self._shared(kernel, x, logits)
        if not right:
            raise ValueError("x must hold only -1 and +1")
        return logits

    def _shared(self, kernel: Callable, x: np.ndarray, logits: np.ndarray) -> bool:
        """The same on several threads; apart, because what a closure uses is slower to reach."""

        def some(i, j):
            return kernel(x[i:j], self.panels, self.widths, logits[i:j])

        return all(_share(_parts(None, len(x) * self.work), len(x), some))


def chain(layers: Sequence[tuple[np.ndarray, int]]) -> Chain:
    """Prepare layers, each by its packed rows and their number of columns, for inference."""
    return Chain(layers)


# --- training ------------------------------------------------------------------------------------


def fires(logits: np.ndarray, y: np.ndarray, bound: int) -> tuple[np.ndarray, int]:
    """The samples whose own class leads by less than ``bound``, and how many are wrong."""
    rows = np.empty(len(y), np.int64)
    fired, wrong = training_kernels.fires(logits, y, bound, rows)
    return rows[:fired], wrong


def back_project(
    a_star: np.ndarray, z: np.ndarray, bound: int, b: Operand, rows: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """What is desired below, packed, by the votes of ``|z| <= bound``; how many may vote."""
    a_star, z = np.ascontiguousarray(a_star), np.ascontiguousarray(z, dtype=np.int32)
    rows = _all(len(z)) if rows is None else rows
    votes, gate = np.empty((len(a_star), b.rows), np.int32), np.empty_like(a_star)
    below = np.empty((len(a_star), -(-b.rows // 64)), np.uint64)

    def some(i, j):
        open_gates = kernels.pack_within(z, rows[i:j], bound, gate[i:j])
        kernels.masked_product(a_star[i:j], gate[i:j], b.panels, votes[i:j])
        kernels.pack_integer_signs(votes[i:j], below[i:j])
        return open_gates

    return below, sum(_share(_parts(None, votes.size * b.columns), len(a_star), some))


def differ(a: np.ndarray, b: np.ndarray) -> int:
    """How many bits of two packed batches (n, words) differ."""
    return training_kernels.count_differences(np.ascontiguousarray(a), np.ascontiguousarray(b))


def agreement(z: np.ndarray, s_star: np.ndarray) -> np.ndarray:
    """Sum ``s_star * z`` over the steps: (T, n, K) int32, packed (T, n, words) -> (n, K) int32."""
    total = np.zeros(z.shape[1:], np.int32)
    for sums, wanted in zip(z, s_star):
        training_kernels.add_agreement(np.ascontiguousarray(sums), wanted, total)
    return total


def select(
    z: np.ndarray, a_star: np.ndarray, group: int, rows: np.ndarray | None = None
) -> tuple[np.ndarray, int]:
    """Pick in each group the wrong neuron nearest to flipping, or -1; how many are wrong."""
    winners = np.empty((len(a_star), z.shape[1] // group), np.int32)
    z = np.ascontiguousarray(z, dtype=np.int32)
    rows = _all(len(z)) if rows is None else rows
    wrong = training_kernels.select(z, rows, np.ascontiguousarray(a_star), group, winners)
    return winners, wrong


def update(
    H: np.ndarray,
    words: np.ndarray,
    winners: np.ndarray,
    a_star: np.ndarray,
    a_prev: np.ndarray,
    rows: np.ndarray | None = None,
    coin: tuple[int, ...] | None = None,
    b: Operand | None = None,
) -> int:
    """Add ``2 * sum(a_star a_prev^T)`` over the winners to ``H``; re-sign; reinforce; in place."""
    a_star = np.ascontiguousarray(a_star).reshape(-1, *a_star.shape[-2:])
    a_prev = np.ascontiguousarray(a_prev).reshape(len(a_star), -1, a_prev.shape[-1])
    rows = _all(len(winners)) if rows is None else rows
    panels = _NO_PANELS if b is None else b.panels
    if len(a_star) * len(winners) > MOST_HITS:  # of one neuron, they might not fit 16 bits
        flips = numpy_engine.update(H, words, winners, a_star, a_prev, rows, coin)
        if b is not None:
            kernels.fill_panels(words, panels)
        return flips
    winners = np.ascontiguousarray(winners)
    coin = _coin(*coin) if coin is not None and coin[0] else None

    def some(i, j):
        who = rows, winners, a_star, a_prev
        flips = training_kernels.update(H, words, panels, *who, i, j)
        if coin is not None:
            training_kernels.reinforce(H.reshape(-1), H.shape[1], coin, i, j)
        return flips

    return sum(_share(_parts(None, H.size, SHARED_ENTRIES), len(H), some))


def trains_whole(samples: int) -> bool:
    """Whether a batch of so many samples is one for :func:`train_batch`.

    One call in place of ten saves time, a large part of it where the network is small. But its
    kernel takes some seconds to compile, once on a machine: not worth it for the first batches of
    a process. And threads share single calls only. Asked once a batch: the asking is the counting.
    """
    return next(_batches) > BATCHES_APART and get_threads() == 1 and samples <= MOST_HITS


def train_batch(
    a: np.ndarray,
    y: np.ndarray,
    layers: Sequence[tuple[np.ndarray, np.ndarray, Operand, np.ndarray]],
    classifier: tuple[np.ndarray, Operand],
    rules: tuple[int, tuple[int, ...], tuple[int, ...], int],
    coins: Sequence[tuple[int, ...]],
) -> tuple[int, int, list[list[int]]]:
    """Train on one batch, in place; how many samples fired, how many were wrong, what layers did.

    ``a`` is packed, shape (n, words), and ``y`` int64, shape (n,). A layer is (H, words, its
    operand, the words that blame travels through); the classifier is (words, operand); ``rules``
    are (margin bound, gate bounds, groups, first layer that learns).
    Of each layer the open gates, the wrong bits and the flips are counted.
    """
    H, words, operands, way_back = zip(*layers)
    panels = tuple(b.panels for b in operands)
    seen = np.zeros((len(H), 3), np.int64)
    coins = tuple(_coin(*coin) for coin in coins)
    fired, wrong = training_kernels.train_batch(
        np.ascontiguousarray(a)[None],
        y,
        (H, tuple(h.reshape(-1) for h in H), words, panels, way_back),
        (classifier[0], classifier[1].panels),
        rules,
        coins,
        seen,
    )
    return fired, wrong, seen.tolist()


def reinforce(
    H: np.ndarray, probability: int, seed: int, layer: int, batch: int, epoch: int
) -> None:
    """Push the picked entries of ``H`` 2 further from zero, in place; no sign changes."""
    if probability:
        coin = _coin(probability, seed, layer, batch, epoch)
        _share(
            _parts(None, H.size, SHARED_ENTRIES),
            len(H),
            lambda i, j: training_kernels.reinforce(H.reshape(-1), H.shape[1], coin, i, j),
        )


def _coin(probability: int, *where: int) -> tuple:
    """What a kernel needs to reinforce: a table, a guide, and the address of its random words."""
    return *_skips(probability), *where


@lru_cache(maxsize=64)
def _skips(probability: int) -> tuple[np.ndarray, np.ndarray]:
    """The table of skips and a guide into it.

    The guide says, for each beginning of a word, how many entries are surely above it.
    """
    table = np.append(skip_table(probability).astype(np.int64), 0)  # no word is below the last
    beginnings = np.arange(1, (1 << GUIDE_BITS) + 1) << (32 - GUIDE_BITS)
    above = np.searchsorted(table[::-1], beginnings)
    return table, (len(table) - above).astype(np.int16)


@lru_cache(maxsize=16)
def _all(n: int) -> np.ndarray:
    """Every row of ``n``."""
    return np.arange(n)


_NO_PANELS = np.empty(0, np.uint64)


# --- threads -------------------------------------------------------------------------------------


def _parts(threads: int | None, work: int, enough: int | None = None) -> int:
    """Into how many parts a call is cut."""
    threads = get_threads() if threads is None else threads
    return threads if work >= (SHARED_WORK if enough is None else enough) else 1


def _share(parts: int, rows: int, call: Callable[[int, int], object]) -> list:
    """The answers of ``call(begin, end)`` for parts of the rows, each on a thread of its own."""
    if parts == 1:
        return [call(0, rows)]
    step = -(-rows // (parts * ROWS)) * ROWS
    edges = [(begin, min(begin + step, rows)) for begin in range(0, rows, step)]
    answers = team.share(edges, call)
    return [call(0, rows)] if answers is None else answers
