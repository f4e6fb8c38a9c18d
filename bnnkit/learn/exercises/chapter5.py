"""Chapter 5, error bits through time: unroll, go back, choose once, add up."""

import numpy as np

import bnnkit.recurrent  # noqa: F401  (its functions are the references)
from bnnkit.learn.exercises.chapter3 import signs_of
from bnnkit.learn.model import Build, Case, Explore, WarmUp, Wrong

# -- 5.1 forward ---------------------------------------------------------------------------------


def forward(W_xs, W_ss, a, s_0):
    """The sums z (n, T, K_s), int32, and the states s (n, T + 1, K_s), int8, with s[:, 0] = s_0."""
    # begin solution
    n, T, _ = a.shape
    z = np.zeros((n, T, len(W_ss)), np.int32)
    s = np.zeros((n, T + 1, len(W_ss)), np.int8)
    s[:, 0] = s_0
    for t in range(T):
        z[:, t] = a[:, t] @ W_xs.T.astype(np.int32) + s[:, t] @ W_ss.T.astype(np.int32)
        s[:, t + 1] = np.where(z[:, t] < 0, -1, 1)
    return z, s
    # end solution


def forward_cases():
    def case(W_xs, W_ss, a, s_0):
        given = {"W_xs": W_xs, "W_ss": W_ss, "a": a, "s_0": s_0}
        return Case({name: np.array(value, np.int8) for name, value in given.items()})

    yield case([[1]], [[1]], [[[1]]], [1])
    yield case([[1]], [[1]], [[[-1]]], [1])
    yield case([[1]], [[1]], [[[-1]]], [-1])
    yield case([[1]], [[-1]], [[[1], [-1]]], [1])
    yield case([[1], [-1]], [[1, -1], [1, 1]], [[[1], [-1], [1]]], [1, 1])
    rng = np.random.default_rng(51)
    for n, T, K_x, K_s in ((1, 3, 2, 3), (2, 4, 3, 3), (2, 3, 5, 4), (3, 6, 4, 7)):
        sizes = ((K_s, K_x), (K_s, K_s), (n, T, K_x), (K_s,))
        yield case(*(signs_of(rng, *size) for size in sizes))


def unrolled(W_xs, W_ss, a, s_0, sign=lambda z: np.where(z < 0, -1, 1), reset=False, back=False):
    """A forward pass with something wrong in it."""
    W_xs, W_ss = W_xs.astype(np.int32), W_ss.astype(np.int32)
    n, T, _ = a.shape
    z, s = np.zeros((n, T, len(W_ss)), np.int32), np.zeros((n, T + 1, len(W_ss)), np.int8)
    s[:, 0] = s_0
    for t in range(T):
        state = np.broadcast_to(s_0, s[:, t].shape) if reset else s[:, t]
        z[:, t] = a[:, T - 1 - t if back else t] @ W_xs.T + state @ W_ss.T
        s[:, t + 1] = sign(z[:, t])
    return z, s


FORWARD = Build(
    id="5.1",
    title="A state through time",
    prompt="Write `forward(W_xs, W_ss, a, s_0)`: `W_xs` has shape $(K_s, K_x)$, `W_ss` $(K_s, K_s)$, the "
    "inputs `a` $(n, T, K_x)$ and the first state `s_0` $(K_s,)$; all are signs. Return two arrays: "
    "the sums `z`, `int32` $(n, T, K_s)$, and the states `s`, `int8` $(n, T + 1, K_s)$, where `s[:, 0]` "
    "is `s_0` and $s_t = \\mathrm{sign}(W_{xs} a_t + W_{ss} s_{t-1})$, $\\mathrm{sign}(0) = +1$.",
    hints=(
        "What does step t need? One input, and one state that was made a step before.",
        "Make both arrays first and put s_0 in its place. Then one loop over the steps.",
        "z[:, t] = a[:, t] @ W_xs.T + s[:, t] @ W_ss.T in a wide dtype, and its sign is s[:, t + 1].",
    ),
    why="Nothing but the state is carried along: K_s bits are all that the network knows of its past. "
    "Both sums are even together as often as odd, so ties happen, and sign(0) = +1 decides them.",
    solution=forward,
    cases=forward_cases,
    wrong=(
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, W_ss, a, s_0, reset=True),
            "Every step starts from s_0 again. The state of one step is what the next one starts from.",
        ),
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, W_ss, a, np.zeros_like(s_0)),
            "The first state is taken to be 0. There is no third value: it is the s_0 that is given.",
        ),
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, W_ss, a, np.ones_like(s_0)),
            "The first state is taken to be +1 everywhere. Use the s_0 that is given.",
        ),
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, W_ss.T, a, s_0),
            "W_ss is used the wrong way round: row i holds the weights of neuron i.",
        ),
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, W_ss, a, s_0, sign=np.sign),
            "A state has become 0. A tie is +1.",
        ),
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, W_ss, a, s_0, back=True),
            "The inputs are read from the last to the first.",
        ),
        Wrong(
            lambda W_xs, W_ss, a, s_0: unrolled(W_xs, np.zeros_like(W_ss), a, s_0),
            "The state of the step before has no say: where is W_ss?",
        ),
    ),
)

# -- 5.2 backward --------------------------------------------------------------------------------


def backward(W_ss, s_star_T, z, nu):
    """The desired states, int8 (n, T, K_s): s*_T is given, s*_t = sign(W_ss^T (g_t+1 * s*_t+1))."""
    # begin solution
    s_star = np.zeros(z.shape, np.int8)
    s_star[:, -1] = s_star_T
    for t in range(z.shape[1] - 1, 0, -1):
        gate = np.abs(z[:, t]) <= int(nu * len(W_ss))
        votes = np.where(gate, s_star[:, t], 0) @ W_ss.astype(np.int32)
        s_star[:, t - 1] = np.where(votes < 0, -1, 1)
    return s_star
    # end solution


def backward_cases():
    def case(W_ss, s_star_T, z, nu):
        given = {"W_ss": np.array(W_ss, np.int8), "s_star_T": np.array(s_star_T, np.int8)}
        return Case({**given, "z": np.array(z, np.int32), "nu": nu})

    yield case([[1]], [[-1]], [[[1]]], 0.5)
    yield case([[1]], [[-1]], [[[0], [0]]], 0.5)
    yield case([[1]], [[-1]], [[[0], [2]]], 0.5)
    yield case([[1, -1], [1, 1]], [[-1, 1]], [[[0, 0], [1, -1]]], 0.5)
    yield case([[1, 1], [1, -1]], [[1, -1]], [[[0, 0], [2, 0]]], 1.0)
    rng = np.random.default_rng(52)
    for n, T, K in ((1, 3, 3), (2, 3, 4), (2, 5, 5), (3, 4, 8)):
        z = rng.integers(-K, K + 1, (n, T, K))
        yield case(signs_of(rng, K, K), signs_of(rng, n, K), z, 0.5)


def back_in_time(W, s_star_T, z, nu, gate_of=lambda z, t: z[:, t], sign=None, all_open=False):
    """A backward pass with something wrong in it."""
    s_star = np.zeros(z.shape, np.int8)
    s_star[:, -1] = s_star_T
    for t in range(z.shape[1] - 1, 0, -1):
        gate = np.abs(gate_of(z, t)) <= int(nu * len(W))
        votes = np.where(gate | all_open, s_star[:, t], 0) @ W.astype(np.int32)
        s_star[:, t - 1] = np.where(votes < 0, -1, 1) if sign is None else sign(votes)
    return s_star


BACKWARD = Build(
    id="5.2",
    title="Blame goes back in time",
    prompt="Write `backward(W_ss, s_star_T, z, nu)`: `s_star_T`, $(n, K_s)$, is what is desired of the last "
    "state; `z`, $(n, T, K_s)$, are the sums of all the steps. Return `int8` $(n, T, K_s)$, what is "
    "desired at each step: the last is `s_star_T`, and "
    "$s^*_t = \\mathrm{sign}(W_{ss}^\\top (g_{t+1} \\odot s^*_{t+1}))$. The gate $g_t$ is open where "
    "$|z_t| \\le \\lfloor \\nu K_s \\rfloor$.",
    hints=(
        "It is the vote of chapter 4, once a step. Who votes on the state at t?",
        "Go from the last step down. The voters are the neurons of step t + 1, with their own gates.",
        "For t from T - 1 down to 1 (counted from 0): mask s_star[:, t] by the gate of z[:, t], multiply "
        "by W_ss, and the sign is s_star[:, t - 1].",
    ),
    why="Each step back is one layer back, through the same matrix every time. Gates multiply: what "
    "reaches step 1 has passed T - 1 of them. That is why long windows go quiet at a small nu.",
    solution=backward,
    cases=backward_cases,
    wrong=(
        Wrong(
            lambda W_ss, s_star_T, z, nu: back_in_time(
                W_ss, s_star_T, z, nu, lambda z, t: z[:, t - 1]
            ),
            "The gate of the step that receives the blame is used. The gate belongs to those who vote: "
            "the step after.",
        ),
        Wrong(
            lambda W_ss, s_star_T, z, nu: back_in_time(W_ss.T, s_star_T, z, nu),
            "The product runs forward, along the rows of W_ss. Going back, it runs along the columns.",
        ),
        Wrong(
            lambda W_ss, s_star_T, z, nu: back_in_time(W_ss, s_star_T, z, nu, all_open=True),
            "The gates are missing: neurons far from flipping vote as well.",
        ),
        Wrong(
            lambda W_ss, s_star_T, z, nu: back_in_time(W_ss, s_star_T, z, nu, sign=np.sign),
            "A desired state is 0. A tie, or a step at which nobody votes, gives +1.",
        ),
        Wrong(
            lambda W_ss, s_star_T, z, nu: np.repeat(s_star_T[:, None], z.shape[1], axis=1),
            "Every step gets what is desired of the last one. It has to travel back through W_ss.",
        ),
        Wrong(
            lambda W_ss, s_star_T, z, nu: back_in_time(
                W_ss, s_star_T, z, nu, lambda z, t: z[:, -1]
            ),
            "The gates of the last step are used at every step. Each step has its own.",
        ),
        Wrong(
            lambda W_ss, s_star_T, z, nu: back_in_time(W_ss, s_star_T, z, nu)[:, ::-1],
            "The steps are in the reverse order: the last place belongs to the last step.",
        ),
    ),
)

# -- 5.3 shared_mask -----------------------------------------------------------------------------


def shared_mask(z, s_star, group):
    """One mask a sample for all its steps, bool (n, K_s)."""
    # begin solution
    agreement = (z * s_star.astype(np.int32)).sum(axis=1)
    mask = np.zeros(agreement.shape, bool)
    for sample, q in enumerate(agreement):
        for start in range(0, len(q), group):
            wrong = [j for j in range(start, start + group) if q[j] <= 0]
            if wrong:
                mask[sample, max(wrong, key=lambda j: q[j])] = True
    return mask
    # end solution


def mask_cases():
    def case(z, s_star, group):
        return Case(
            {"z": np.array(z, np.int32), "s_star": np.array(s_star, np.int8), "group": group}
        )

    yield case([[[1]]], [[[1]]], 1)
    yield case([[[1]]], [[[-1]]], 1)
    yield case([[[0]]], [[[1]]], 1)
    yield case([[[3, -1]]], [[[-1, 1]]], 2)
    yield case([[[-1], [3]]], [[[1], [1]]], 1)
    yield case([[[3], [-1]]], [[[-1], [-1]]], 1)
    yield case([[[3, -1], [1, -1]]], [[[-1, 1], [1, 1]]], 2)
    yield case([[[-3, -3]]], [[[1, 1]]], 2)
    rng = np.random.default_rng(53)
    for n, T, width, group in ((1, 3, 4, 2), (2, 3, 6, 3), (3, 5, 8, 4), (4, 4, 15, 5)):
        yield case(rng.integers(-6, 7, (n, T, width)), signs_of(rng, n, T, width), group)


def nearest(q, candidates, group, distance=np.abs, last=False):
    """In each group the candidate with the smallest distance of q from 0."""
    key = np.where(candidates, distance(q), 10**6).reshape(len(q), -1, group)
    best = group - 1 - key[:, :, ::-1].argmin(axis=2) if last else key.argmin(axis=2)
    return (best[:, :, None] == np.arange(group)).reshape(q.shape) & candidates


def agreement(z, s_star):
    return (z * s_star.astype(np.int32)).sum(axis=1)


def by_nearest_step(z, s_star, group):
    each = z * s_star.astype(np.int32)
    at = np.abs(each).argmin(axis=1)
    q = np.take_along_axis(each, at[:, None], axis=1)[:, 0]
    return nearest(q, q <= 0, group)


SHARED_MASK = Build(
    id="5.3",
    title="One mask for all the steps",
    prompt="Write `shared_mask(z, s_star, group)`: both arrays have shape $(n, T, K_s)$. A neuron's agreement "
    "over time is $q_j = \\sum_t s^*_{t,j}\\, z_{t,j}$. In each group of `group` neighbours choose, of "
    "the neurons with $q_j \\le 0$, the one nearest to 0 (the first of equals); if there is none, none. "
    "Return `bool` $(n, K_s)$.",
    hints=(
        "One number a neuron has to stand for all its steps. What makes it negative?",
        "First q: multiply and add up over the steps. Then it is the selection of exercise 4.4 again.",
        "In each group, of those with q <= 0, the largest q is the nearest to 0.",
    ),
    why="The weights are shared by all the steps, so a neuron is updated at all of them or at none. A mask "
    "of its own for each step lets the steps undo one another, and learns far worse.",
    solution=shared_mask,
    cases=mask_cases,
    wrong=(
        Wrong(
            lambda z, s_star, group: nearest(
                agreement(z[:, -1:], s_star[:, -1:]),
                agreement(z[:, -1:], s_star[:, -1:]) <= 0,
                group,
            ),
            "The mask is chosen at the last step alone. All the steps count: add up over time.",
        ),
        Wrong(
            by_nearest_step,
            "You look at the one step where |z| is smallest. Add up over all of them.",
        ),
        Wrong(
            lambda z, s_star, group: nearest(agreement(z, s_star), agreement(z, s_star) < 0, group),
            "An agreement of exactly 0 counts as wrong, too.",
        ),
        Wrong(
            lambda z, s_star, group: nearest(
                agreement(z, s_star), np.ones(z[:, 0].shape, bool), group
            ),
            "A neuron that agrees over time was chosen. Only q at most 0 makes a candidate.",
        ),
        Wrong(
            lambda z, s_star, group: nearest(
                agreement(z, s_star), agreement(z, s_star) <= 0, group, lambda q: q
            ),
            "The most negative q was chosen. The nearest to 0 is the cheapest to mend.",
        ),
        Wrong(
            lambda z, s_star, group: agreement(z, s_star) <= 0,
            "All the candidates are chosen. Of each group only one is.",
        ),
        Wrong(
            lambda z, s_star, group: nearest(z.sum(axis=1), z.sum(axis=1) <= 0, group),
            "What is desired has no part in your sum: multiply z by s* before you add up.",
        ),
    ),
)

# -- 5.4 accumulate ------------------------------------------------------------------------------


def accumulate(mask, s_star, inputs):
    """The sum over samples and steps of mask * s*_t input_t^T, int32 (K_s, K_in)."""
    # begin solution
    chosen = np.where(mask[:, None, :], s_star, 0).astype(np.int32)
    total = np.zeros((chosen.shape[2], inputs.shape[2]), np.int32)
    for t in range(chosen.shape[1]):
        total += chosen[:, t].T @ inputs[:, t]
    return total
    # end solution


def accumulate_cases():
    def case(mask, s_star, inputs):
        given = {"mask": np.array(mask, bool), "s_star": np.array(s_star, np.int8)}
        return Case({**given, "inputs": np.array(inputs, np.int8)})

    yield case([[1]], [[[1]]], [[[-1]]])
    yield case([[0]], [[[1]]], [[[-1]]])
    yield case([[1]], [[[1], [1]]], [[[1], [1]]])
    yield case([[1]], [[[1], [-1]]], [[[1], [1]]])
    yield case([[1, 0]], [[[1, 1], [1, -1]]], [[[1, -1], [1, 1]]])
    rng = np.random.default_rng(54)
    for n, T, K, K_in in ((1, 3, 2, 2), (2, 3, 3, 4), (3, 4, 5, 2), (2, 6, 4, 4)):
        sizes = ((n, T, K), (n, T, K_in))
        yield case(rng.random((n, K)) < 0.6, *(signs_of(rng, *size) for size in sizes))
    yield case(np.ones((20, 1)), np.ones((20, 10, 1)), np.ones((20, 10, 2)))


def summed(mask, s_star, inputs):
    chosen = np.where(mask[:, None, :], s_star, 0).astype(np.int32)
    return np.einsum("ntj,ntk->jk", chosen, inputs.astype(np.int32), dtype=np.int32)


ACCUMULATE = Build(
    id="5.4",
    title="All the steps add up",
    prompt="Write `accumulate(mask, s_star, inputs)`: `mask` is `bool` $(n, K_s)$, `s_star` signs "
    "$(n, T, K_s)$, `inputs` signs $(n, T, K_{in})$, what the matrix in question has read at each step. "
    "Return $\\sum_\\mu \\sum_t m^\\mu \\odot (s^{*\\mu}_t\\, x^{\\mu\\top}_t)$ as `int32` $(K_s, K_{in})$. "
    "(The hidden weights then grow by twice this sum.)",
    hints=(
        "For one sample it is a sum over the steps of what exercise 4.5 had once.",
        "The mask has no time in it: it holds for every step of its sample.",
        "Mask s_star, with mask[:, None, :], then add up chosen[:, t].T @ inputs[:, t] over t, in int32.",
    ),
    why="Every step of a chosen neuron counts, those at which it was right as well: it holds on to what is "
    "good while it mends what is not. Adding only the wrong steps is far worse.",
    solution=accumulate,
    cases=accumulate_cases,
    wrong=(
        Wrong(
            lambda mask, s_star, inputs: summed(mask, s_star[:, -1:], inputs[:, -1:]),
            "Only the last step is counted. Add up over all of them.",
        ),
        Wrong(
            lambda mask, s_star, inputs: summed(np.ones_like(mask), s_star, inputs),
            "Neurons outside the mask are counted as well.",
        ),
        Wrong(
            lambda mask, s_star, inputs: summed(mask, s_star[:, 1:], inputs[:, :-1]),
            "The steps are shifted by one: what is desired at t belongs to the inputs of step t.",
        ),
        Wrong(
            lambda mask, s_star, inputs: 2 * summed(mask, s_star, inputs),
            "The factor 2 comes later, when the sum is added to H.",
        ),
        Wrong(
            lambda mask, s_star, inputs: np.sign(summed(mask, s_star, inputs)),
            "Only the sign of the sum came back. Keep its size.",
        ),
        Wrong(
            lambda mask, s_star, inputs: np.einsum(
                "ntj,ntk->jk", np.where(mask[:, None, :], s_star, 0).astype(np.int8), inputs
            ).astype(np.int32),
            "The sum over 200 steps does not fit into int8 and wraps round. Add up in a wider dtype.",
        ),
        Wrong(
            lambda mask, s_star, inputs: summed(mask, s_star, inputs).T,
            "The result lies on its side: one row for each neuron, one column for each input.",
        ),
    ),
)

# -- by hand, and to explore ---------------------------------------------------------------------

BY_HAND = (
    WarmUp(
        id="5.a",
        title="Three steps by hand",
        prompt="Two state neurons, one input: $W_{xs} = (+, -)^\\top$, the rows of $W_{ss}$ are $(+,-)$ and "
        "$(+,+)$, $s_0 = (+,+)$. The inputs are $+, -, +$. What is $s_3$?",
        hints=(
            "Step 1: the first neuron sums +1 (input), +1 and -1 (state).",
            "s_1 is (+,+). Now the input is -1.",
            "s_2 is (-,+). Once more, with the input +1.",
        ),
        why="The sums are (1, 1), then (-1, 3), then (-1, -1): the states are (+,+), (-,+), (-,-). The "
        "first and the third input are equal and lead to different states: that is memory.",
        answer=(-1, -1),
        form="bits",
        wrong=(
            Wrong((1, 1), "That is s_1, or what you get if each step starts from s_0 again."),
            Wrong((-1, 1), "That is s_2. One more step."),
            Wrong((1, -1), "That is the last input through W_xs alone. The state has a say, too."),
        ),
    ),
    WarmUp(
        id="5.b",
        title="How many gates?",
        prompt="A network reads $T = 4$ steps and has a readout layer. Blame starts at the readout's desired "
        "activations. How many gates has it passed when it reaches the state at step 1?",
        hints=(
            "The gate belongs to the neurons that vote.",
            "From the readout to s_4: one gate. From s_4 to s_3: another.",
            "The readout, and the steps 4, 3 and 2.",
        ),
        why="The readout's gate, then those of steps 4, 3 and 2. The gate of step 1 itself does not enter: "
        "nothing votes through it.",
        answer=4,
        wrong=(
            Wrong(3, "The readout has a gate, too."),
            Wrong(5, "The gate of step 1 is not passed: blame arrives there."),
            Wrong(1, "Each step back is a vote, and every voter has a gate."),
        ),
    ),
    WarmUp(
        id="5.c",
        title="Who is updated?",
        prompt="A group has four neurons; over three steps their sums are `A (3, -1, 1)`, `B (1, 1, -3)`, "
        "`C (-1, -1, 1)`, `D (-5, 3, 1)`, and what is desired of them is `A (+,+,-)`, `B (-,+,+)`, "
        "`C (+,-,+)`, `D (+,+,+)`. Which one does the shared mask choose?",
        hints=(
            "Work out q, the sum of the products, for each.",
            "Only a q of 0 or less makes a candidate.",
            "Two are left. Which q is nearer to 0?",
        ),
        why="q is 1, -3, 1 and -1. B and D are wrong over time, and D is nearer to 0.",
        answer="D",
        form="choice",
        wrong=(
            Wrong("A", "A is wrong at two of its steps, but over time its q is 1: above 0."),
            Wrong("B", "B is a candidate with q = -3, but another is nearer to 0."),
            Wrong("C", "C is wrong at one step, but over time its q is 1: above 0."),
        ),
    ),
)

TO_EXPLORE = (
    Explore(
        id="5.x",
        title="How far back can blame travel?",
        prompt="The label is the first sign of a random sequence of length $T$ (600 sequences to learn from, "
        "600 new ones to test). Train `BEPRecurrentNetwork(1, 2, state=45, nu=0.5, groups=(9, 9), "
        "patience=None, seed=0)` for 10 epochs in batches of 20, with `horizon=1` and with the whole "
        "horizon, for $T$ from 2 to 10. What is the largest $T$ at which `horizon=1` still gets more "
        "than 95 percent of the test right?",
        hints=(
            "random_signs of bnnkit.philox makes the data; take another seed for the test.",
            "Print the two accuracies side by side for each T. Predict them first.",
            "With horizon 1 only the last state is ever told what to be. For how long does an untrained "
            "state remember by itself?",
        ),
        why="Up to three or four steps an untrained state still carries a trace of the first sign, and the "
        "last step learns to read it. The whole horizon reaches about twice as far, since it teaches the "
        "state to keep the sign. Beyond that too little blame passes all the gates.",
        low=3,
        high=4.5,
        wrong=(
            Wrong((0, 2.5), "It does better than that: try a longer sequence."),
            Wrong(
                (4.6, 6.5),
                "There horizon 1 is better than chance, but does it pass 95 percent on new data?",
            ),
            Wrong(
                (6.6, 9.5), "That is about how far the whole horizon reaches. What about horizon 1?"
            ),
        ),
    ),
)

EXERCISES = (FORWARD, BACKWARD, SHARED_MASK, ACCUMULATE, *BY_HAND, *TO_EXPLORE)
