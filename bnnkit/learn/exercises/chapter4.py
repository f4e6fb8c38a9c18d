"""Chapter 4, the binary chain rule: prototypes, gate, vote, selection, update, reinforcement."""

import numpy as np

import bnnkit.bep.chain
import bnnkit.bep.perceptron
import bnnkit.bep.prototypes  # noqa: F401  (their functions are the references)
from bnnkit.learn.exercises.chapter3 import signs_of
from bnnkit.learn.model import Build, Case, Explore, WarmUp, Wrong

# -- 4.1 prototypes ------------------------------------------------------------------------------


def equiangular(P, alpha=1):
    """Flip one sign of P (C, K) at a time, always the best, while the objective gets lower."""

    # begin solution
    def objective(P):
        first, second = np.triu_indices(len(P), k=1)  # each pair once
        s = (P.astype(int)[first] * P[second]).sum(axis=1)
        pairs = len(s)  # times pairs squared, so that all is in integers
        return pairs**2 * s.sum() + alpha * (pairs * (s * s).sum() - s.sum() ** 2)

    P = P.copy()
    while True:
        lowest, best = objective(P), None
        for entry in np.ndindex(P.shape):
            P[entry] *= -1
            if objective(P) < lowest:
                lowest, best = objective(P), entry
            P[entry] *= -1
        if best is None:
            return P
        P[best] *= -1
    # end solution


def prototype_cases():
    def case(P, alpha=1):
        return Case({"P": np.array(P, np.int8), "alpha": alpha})

    yield case([[1], [1]])
    yield case([[1, 1], [1, 1]])
    yield case([[1, -1, 1], [1, -1, 1]])
    rng = np.random.default_rng(41)
    for shape, alpha in (((3, 3), 1), ((3, 5), 1), ((3, 5), 0), ((4, 5), 1), ((4, 5), 0)):
        yield case(signs_of(rng, *shape), alpha)
    yield case(signs_of(np.random.default_rng(0), 4, 3))
    yield case(signs_of(np.random.default_rng(1), 3, 5), 2)
    nearly = np.ones((2, 130), np.int8)
    nearly[1, 1:] = -1
    yield case(nearly)


def descend(P, objective, first=False, downhill=True):
    """Single flips while ``objective`` gets lower: the best of them, or the first that helps."""
    P = P.copy()
    for _ in range(200):
        values = np.full(P.shape, np.inf)
        for entry in np.ndindex(P.shape):
            P[entry] *= -1
            values[entry] = objective(P)
            P[entry] *= -1
        now = objective(P)
        if downhill and not (values < now).any():
            return P
        at = (values < now).argmax() if first else values.argmin()
        P[np.unravel_index(at, P.shape)] *= -1
        if not downhill and objective(P) >= now:
            return P
    return P


def spread(products, alpha):
    """The objective on a list of products, as the paper prints it, in exact integers."""
    n, s = len(products), products.astype(int)
    return n**2 * s.sum() + alpha * (n * (s * s).sum() - s.sum() ** 2)


def pair_products(P):
    return (P.astype(int) @ P.T.astype(int))[np.triu_indices(len(P), k=1)]


def twice_counted(P, alpha=1):
    def objective(P):
        s = pair_products(P)
        n = len(s)
        return 2 * n**2 * s.sum() + alpha * (n * (s * s).sum() - s.sum() ** 2)

    return descend(P, objective)


def with_diagonal(P, alpha=1):
    def objective(P):
        s, n = pair_products(P), len(P) ** 2
        everything = P.astype(int) @ P.T.astype(int)
        variance = n * (everything**2).sum() - everything.sum() ** 2
        return n**2 * s.sum() + alpha * variance

    return descend(P, objective)


PROTOTYPES = Build(
    id="4.1",
    title="Prototypes far apart",
    prompt="Write `equiangular(P, alpha=1)`: `P` holds one prototype a row, signs of shape $(C, K)$. With "
    "$s_{ij} = \\langle \\rho_i, \\rho_j \\rangle$, lower "
    "$\\sum_{i<j} s_{ij} + \\alpha\\, \\mathrm{Var}_{i<j}(s_{ij})$ by flipping one sign at a time: "
    "always the flip that lowers it most (the first, row by row, of equals), until none does. "
    "The variance is the mean of the squares minus the square of the mean. Return `int8`; `P` "
    "itself stays as it is.",
    hints=(
        "Write the objective first, as a function of P. Which pairs does it contain, and how often?",
        "Try every single flip and take it back; remember the best. If it lowers the objective, make "
        "it for good and start again.",
        "Multiply the objective by the square of the number of pairs: then sums and squares are whole "
        "numbers and no rounding decides a tie. Keep them wider than int8.",
    ),
    why="The sum pushes the prototypes apart, the variance makes every pair equally far. The frame is "
    "only locally best, but a few hundred flips bring random rows close to -K/(C - 1) for every pair.",
    solution=equiangular,
    cases=prototype_cases,
    wrong=(
        Wrong(
            twice_counted,
            "The sum seems to count each pair twice, the variance once. Take the pairs with i < j in both.",
        ),
        Wrong(
            with_diagonal,
            "The products of prototypes with themselves are in the variance. They are always K and do "
            "not belong there.",
        ),
        Wrong(
            lambda P, alpha=1: descend(
                P, lambda P: spread(pair_products(P), alpha), downhill=False
            ),
            "The last flip does not lower the objective and should not be kept. Stop before it.",
        ),
        Wrong(
            lambda P, alpha=1: descend(P, lambda P: spread(pair_products(P), alpha), first=True),
            "You take the first flip that helps. Look at all of them and take the one that helps most.",
        ),
        Wrong(
            lambda P, alpha=1: descend(P, lambda P: spread(pair_products(P), 0)),
            "The variance seems to be missing: the sum alone does not make the pairs even.",
        ),
        Wrong(
            lambda P, alpha=1: descend(
                P, lambda P: spread((P @ P.T)[np.triu_indices(len(P), k=1)], alpha)
            ),
            "A product of 130 signs does not fit into int8 and wraps round. Multiply in a wider dtype.",
        ),
    ),
)

# -- 4.2 gate ------------------------------------------------------------------------------------


def gate(z, nu, fan_in):
    """Which neurons of the upper layer pass blame down: bool, |z| <= floor(nu * fan_in)."""
    # begin solution
    return np.abs(z) <= int(nu * fan_in)
    # end solution


def gate_cases():
    def case(z, nu, fan_in):
        return Case({"z": np.array(z, np.int32), "nu": nu, "fan_in": fan_in})

    for z in (1, -1, 3, -3, 2, -2):
        yield case([[z]], 0.25, 8)
    yield case([[1, -3, 5, 0]], 0.3, 10)
    yield case([[1, -1, 3]], 0.1, 9)
    yield case([[5, -9, 1], [-3, 7, -5]], 0.5, 15)
    rng = np.random.default_rng(42)
    yield case(2 * rng.integers(-8, 8, (4, 6)) + 1, 0.375, 17)
    yield case(rng.integers(-20, 21, (3, 40)), 0.125, 24)
    yield case([[1, -7, 7]], 1.0, 7)


GATE = Build(
    id="4.2",
    title="The gate",
    prompt="Write `gate(z, nu, fan_in)`: `z` holds the sums of the *upper* layer, integers of shape "
    "$(n, K')$; `fan_in` is the number of inputs of that layer. Return a `bool` array of the same "
    "shape: true where $|z| \\le \\lfloor \\nu \\cdot \\text{fan-in} \\rfloor$.",
    hints=(
        "A neuron that is far from flipping has nothing to say to its inputs. On which sides of zero "
        "can it be far?",
        "How large can |z| be at most? The window is the fraction nu of that.",
        "Compare np.abs(z) with the whole part of nu times fan_in; equal still passes.",
    ),
    why="The gate does what the slope of the activation does in backpropagation. Its window is a "
    "fraction of the fan-in since |z| can be that large; under random weights it grows like the "
    "square root only, so the same nu opens a wide layer more. (bnnkit takes nu as the decimal you "
    "wrote: 0.29 of 100 is 29, though floats say 28.999...)",
    solution=gate,
    cases=gate_cases,
    wrong=(
        Wrong(
            lambda z, nu, fan_in: np.abs(z) <= int(nu * z.shape[1]),
            "The window is measured by the layer's own width. It is a fraction of the number of its "
            "inputs: |z| can be as large as that.",
        ),
        Wrong(
            lambda z, nu, fan_in: np.abs(z) < int(nu * fan_in),
            "On the edge of the window, |z| equal to the bound, the gate is still open.",
        ),
        Wrong(
            lambda z, nu, fan_in: z <= int(nu * fan_in),
            "A sum far below zero is as far from flipping as one far above.",
        ),
        Wrong(
            lambda z, nu, fan_in: np.abs(z) > int(nu * fan_in),
            "The gate is inside out: it opens for neurons near to flipping.",
        ),
        Wrong(
            lambda z, nu, fan_in: np.abs(z) <= round(nu * np.sqrt(fan_in)),
            "The window is a fraction of the fan-in, not of its square root.",
        ),
    ),
)

# -- 4.3 back_project ----------------------------------------------------------------------------


def back_project(W, a_star, gate):
    """The desired activations below: sign of the open neurons' votes, int8 (n, K)."""
    # begin solution
    votes = np.where(gate, a_star, 0).astype(np.int32) @ W
    return np.where(votes < 0, np.int8(-1), np.int8(1))
    # end solution


def vote_cases():
    def case(W, a_star, gate):
        W, a_star, gate = np.array(W, np.int8), np.array(a_star, np.int8), np.array(gate, bool)
        return Case({"W": W, "a_star": a_star, "gate": gate})

    yield case([[1]], [[-1]], [[1]])
    yield case([[1]], [[-1]], [[0]])
    yield case([[1, -1]], [[1]], [[1]])
    yield case([[1, -1], [1, 1]], [[1, -1]], [[1, 1]])
    yield case([[1, 1], [-1, 1]], [[1, 1]], [[1, 0]])
    yield case([[1, -1, 1], [1, 1, -1]], [[1, -1]], [[1, 1]])
    rng = np.random.default_rng(43)
    for n, above, below in ((1, 3, 3), (2, 3, 4), (3, 5, 7), (4, 9, 6), (3, 15, 15)):
        yield case(
            signs_of(rng, above, below), signs_of(rng, n, above), rng.random((n, above)) < 0.7
        )
    W, a_star = np.ones((200, 2), np.int8), np.ones((1, 200), np.int8)
    W[:, 1] = -1
    yield case(W, a_star, np.ones((1, 200)))


def votes(W, a_star, gate):
    return np.where(gate, a_star, 0).astype(np.int32) @ W


def voted(sums):
    return np.where(sums < 0, np.int8(-1), np.int8(1))


BACK_PROJECT = Build(
    id="4.3",
    title="A vote on the layer below",
    prompt="Write `back_project(W, a_star, gate)`: `W` has shape $(K', K)$, one row a neuron of the upper "
    "layer; `a_star` (signs) and `gate` (bool) have shape $(n, K')$. Return what is desired of the "
    "layer below, `int8` of shape $(n, K)$: $\\mathrm{sign}(W^\\top (g \\odot a^*))$ for each sample, "
    "with $\\mathrm{sign}(0) = +1$.",
    hints=(
        "Neuron i above wants a*_i. Which value of input j would help it, and who else has a say in j?",
        "Each open neuron votes for W_ij a*_i, a shut one not at all. Add up the votes for each input.",
        "For samples in rows the sum is (gate * a_star) @ W: a row times W is W transposed times a "
        "column. Use a dtype wide enough for the sum, then take the sign.",
    ),
    why="Lemma 1: of all 2^K answers, this one agrees best with the votes, since each coordinate can be "
    "chosen on its own. It is the transposed product of backpropagation, with signs for numbers.",
    solution=back_project,
    cases=vote_cases,
    wrong=(
        Wrong(
            lambda W, a_star, gate: voted(np.where(gate, a_star, 0).astype(np.int32) @ W.T),
            "The product runs along the wrong axis of W, as in the forward pass. Input j listens to "
            "column j.",
        ),
        Wrong(
            lambda W, a_star, gate: np.sign(votes(W, a_star, gate)).astype(np.int8),
            "A tie came back as 0. A desired activation is a sign, and a tie goes to +1.",
        ),
        Wrong(
            lambda W, a_star, gate: np.where(votes(W, a_star, gate) > 0, np.int8(1), np.int8(-1)),
            "A tie came back as -1. The sign of zero is +1.",
        ),
        Wrong(
            lambda W, a_star, gate: voted(votes(W, a_star, np.ones_like(gate))),
            "The gate seems to be left out: neurons that are shut vote as well.",
        ),
        Wrong(
            lambda W, a_star, gate: voted(votes(W, a_star, ~gate)),
            "Those who are shut vote and the open ones do not.",
        ),
        Wrong(
            lambda W, a_star, gate: voted(np.where(gate, a_star, -a_star).astype(np.int32) @ W),
            "A shut neuron votes for the opposite. It should not vote at all: 0, not -1.",
        ),
        Wrong(
            lambda W, a_star, gate: voted((gate * a_star).astype(np.int8) @ W),
            "200 votes do not fit into int8 and wrap round. Add up in a wider dtype.",
        ),
    ),
)

# -- 4.4 select ----------------------------------------------------------------------------------


def select(z, a_star, group):
    """Which neurons to update, bool (n, K): in each group the wrong one with the smallest |z|."""
    # begin solution
    chosen = np.zeros(z.shape, bool)
    wrong = np.where(z < 0, -1, 1) != a_star
    for sample in range(len(z)):
        for start in range(0, z.shape[1], group):
            members = [k for k in range(start, start + group) if wrong[sample, k]]
            if members:
                nearest = min(members, key=lambda k: abs(int(z[sample, k])))
                chosen[sample, nearest] = True
    return chosen
    # end solution


def select_cases():
    def case(z, a_star, group):
        return Case(
            {"z": np.array(z, np.int32), "a_star": np.array(a_star, np.int8), "group": group}
        )

    yield case([[1]], [[-1]], 1)
    yield case([[1]], [[1]], 1)
    yield case([[0]], [[1]], 1)
    yield case([[3, -1]], [[-1, 1]], 2)
    yield case([[3, 1]], [[-1, -1]], 2)
    yield case([[3, 1]], [[-1, 1]], 2)
    yield case([[3, 5]], [[1, 1]], 2)
    yield case([[3, -3]], [[-1, 1]], 2)
    yield case([[-5, 1]], [[1, -1]], 2)
    yield case([[3, -1, 5, 7]], [[-1, 1, 1, 1]], 2)
    rng = np.random.default_rng(44)
    for n, width, group in ((1, 6, 3), (2, 6, 2), (4, 15, 5), (3, 12, 12), (3, 7, 1)):
        yield case(2 * rng.integers(-5, 5, (n, width)) + 1, signs_of(rng, n, width), group)


def winners(z, candidates, key, group, last=False):
    """In each group the candidate with the smallest key."""
    n, width = z.shape
    key = np.where(candidates, key, 10**6).reshape(n, -1, group)
    best = group - 1 - key[:, :, ::-1].argmin(axis=2) if last else key.argmin(axis=2)
    return (best[:, :, None] == np.arange(group)).reshape(n, width)


def is_wrong(z, a_star):
    return np.where(z < 0, -1, 1) != a_star


def strided(z, a_star, group):
    """Groups made of every (K / group)-th neuron, instead of neighbours."""
    n, width = z.shape
    order = np.arange(width).reshape(group, -1).T.reshape(-1)
    mask = np.zeros(z.shape, bool)
    mask[:, order] = select(z[:, order], a_star[:, order], group)
    return mask


SELECT = Build(
    id="4.4",
    title="One neuron a group",
    prompt="Write `select(z, a_star, group)`: `z` and `a_star` have shape $(n, K)$; `group` divides $K$ "
    "and groups are contiguous. Return a `bool` mask of the same shape: in each group, of the "
    "neurons whose sign differs from `a_star`, the one with the smallest $|z|$ (the first of "
    "equals). In a group with none wrong, none.",
    hints=(
        "Two questions, in this order: who is wrong, and who of those is nearest to flipping?",
        "Go through the samples and their groups one by one; a loop is fine.",
        "Give neurons that are right a distance that never wins, take argmin within each group, and "
        "strike out winners that are not wrong after all.",
    ),
    why="The nearest to flipping is the cheapest to mend: Widrow called it minimal disturbance. One a "
    "group is the learning rate of BEP: the larger the group, the fewer neurons move.",
    solution=select,
    cases=select_cases,
    wrong=(
        Wrong(
            lambda z, a_star, group: (
                winners(z, np.sign(z) != a_star, np.abs(z), group) & (np.sign(z) != a_star)
            ),
            "A sum of 0 counts as wrong whatever is desired. Its sign is +1.",
        ),
        Wrong(
            lambda z, a_star, group: (
                winners(z, is_wrong(z, a_star), z, group) & is_wrong(z, a_star)
            ),
            "The smallest z is not the nearest to zero: a very negative sum is far away. Take |z|.",
        ),
        Wrong(
            lambda z, a_star, group: winners(z, np.ones(z.shape, bool), np.abs(z), group),
            "A neuron that is right was chosen. Only wrong ones are candidates.",
        ),
        Wrong(
            lambda z, a_star, group: winners(z, is_wrong(z, a_star), np.abs(z), group),
            "In a group where nobody is wrong, somebody is updated all the same.",
        ),
        Wrong(
            lambda z, a_star, group: (
                winners(z, is_wrong(z, a_star), np.abs(z), group, last=True) & is_wrong(z, a_star)
            ),
            "Of two that are equally near, the first wins. Yours takes the last.",
        ),
        Wrong(
            lambda z, a_star, group: is_wrong(z, a_star),
            "All wrong neurons are chosen. Of each group only one is.",
        ),
        Wrong(
            strided,
            "Your groups are spread over the layer. A group is `group` neighbours.",
        ),
        Wrong(
            lambda z, a_star, group: (
                winners(z, is_wrong(z, a_star), -np.abs(z), group) & is_wrong(z, a_star)
            ),
            "The neuron furthest from zero was chosen. The nearest is the cheapest to turn round.",
        ),
    ),
)

# -- 4.5 update ----------------------------------------------------------------------------------


def update(H, mask, a_star, a_prev):
    """The hidden weights after a batch, int16: H + 2 sum(mask * a_star a_prev^T), held in ±32767."""
    # begin solution
    total = np.where(mask, a_star, 0).astype(np.int32).T @ a_prev
    return np.clip(H + 2 * total, -32767, 32767).astype(np.int16)
    # end solution


def hidden_cases():
    def case(H, mask, a_star, a_prev):
        return Case(
            {
                "H": np.array(H, np.int16),
                "mask": np.array(mask, bool),
                "a_star": np.array(a_star, np.int8),
                "a_prev": np.array(a_prev, np.int8),
            }
        )

    yield case([[1]], [[1]], [[1]], [[1]])
    yield case([[1]], [[1]], [[-1]], [[1]])
    yield case([[1]], [[0]], [[-1]], [[1]])
    yield case([[1, -1]], [[1]], [[1]], [[-1, 1]])
    yield case([[1], [3]], [[1, 0]], [[-1, 1]], [[1]])
    yield case([[1, 3]], [[1], [1]], [[1], [1]], [[1, -1], [1, 1]])
    yield case([[32767, -32767]], [[1]], [[1]], [[1, -1]])
    yield case([[1, -1], [3, 5]], [[1, 0], [1, 1]], [[-1, 1], [1, -1]], [[1, -1], [1, 1]])
    rng = np.random.default_rng(45)
    for n, width, below in ((3, 3, 4), (5, 4, 4), (7, 6, 3)):
        H = 2 * rng.integers(-9, 9, (width, below)) + 1
        mask = rng.random((n, width)) < 0.5
        yield case(H, mask, signs_of(rng, n, width), signs_of(rng, n, below))
    yield case([[1, -1]], np.ones((200, 1)), np.ones((200, 1)), np.ones((200, 2)))


def total(mask, a_star, a_prev, scale=lambda total, n: total):
    summed = np.where(mask, a_star, 0).astype(np.int32).T @ a_prev
    return scale(summed, len(a_prev))


def held(H):
    return np.clip(H, -32767, 32767).astype(np.int16)


UPDATE = Build(
    id="4.5",
    title="The update",
    prompt="Write `update(H, mask, a_star, a_prev)`: `H` are the hidden weights, odd `int16` of shape "
    "$(K, K_{prev})$; `mask` (bool) and `a_star` (signs) have shape $(n, K)$, `a_prev` (the layer's "
    "inputs) $(n, K_{prev})$. Return "
    "$H + 2 \\sum_\\mu m^\\mu \\odot (a^{*\\mu}\\, a_{prev}^{\\mu\\top})$, summed over the batch, added "
    "once, held in $\\pm 32767$, as `int16`. `H` itself stays as it is.",
    hints=(
        "For one sample and one chosen neuron: which change of its weights moves its sum towards a*?",
        "Sum over the samples is a matrix product. Which axis is the sum over, and which shape comes out?",
        "(mask * a_star).T @ a_prev has the shape of H. Make it int32 before you multiply, add it "
        "twice, and clip before you go back to int16.",
    ),
    why="Every chosen weight moves by 2 towards agreement, so odd stays odd and never stops on 0. The "
    "batch is summed exactly and saturated once: the result does not depend on the order of samples.",
    solution=update,
    cases=hidden_cases,
    wrong=(
        Wrong(
            lambda H, mask, a_star, a_prev: held(H + total(mask, a_star, a_prev)),
            "Steps of 1 make hidden weights even, and one can stop on 0, where it has no sign. A step is 2.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: held(
                H + total(mask, a_star, a_prev, lambda t, n: 2 * np.rint(t / n).astype(int))
            ),
            "The batch is averaged. Here it is summed: two samples that agree push twice.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: held(H + 2 * np.sign(total(mask, a_star, a_prev))),
            "Only the sign of the batch's sum is added. Keep its size.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: (H + 2 * total(mask, a_star, a_prev)).astype(np.int16),
            "A hidden weight went past 32767 and wrapped round. Hold it in the range before it is int16 again.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: held(H + 2 * total(np.ones_like(mask), a_star, a_prev)),
            "Neurons outside the mask are updated as well.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: held(H - 2 * total(mask, a_star, a_prev)),
            "The step goes the wrong way: weights move towards a* times the input.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: held(
                H + 2 * ((mask * a_star).astype(np.int8).T @ a_prev).astype(np.int32)
            ),
            "The sum over 200 samples does not fit into int8 and wraps round. Add up in a wider dtype.",
        ),
        Wrong(
            lambda H, mask, a_star, a_prev: np.clip(
                H + 2 * total(mask, a_star, a_prev), -100, 100
            ).astype(np.int16),
            "Hidden weights are held much too close. Their range is -32767 to 32767.",
        ),
    ),
)

# -- 4.6 reinforce -------------------------------------------------------------------------------


def reinforce(H, chosen):
    """The hidden weights with the chosen ones 2 further from zero, int16, held in ±32767."""
    # begin solution
    away = np.where(H < 0, -2, 2)
    return np.clip(H + np.where(chosen, away, 0), -32767, 32767).astype(np.int16)
    # end solution


def reinforce_cases():
    def case(H, chosen):
        return Case({"H": np.array(H, np.int16), "chosen": np.array(chosen, bool)})

    yield case([[1]], [[1]])
    yield case([[-1]], [[1]])
    yield case([[3]], [[0]])
    yield case([[1, -3, 5]], [[1, 1, 0]])
    yield case([[32767, -32767]], [[1, 1]])
    rng = np.random.default_rng(46)
    yield case(2 * rng.integers(-9, 9, (3, 4)) + 1, rng.random((3, 4)) < 0.4)
    yield case(2 * rng.integers(-99, 99, (4, 9)) + 1, rng.random((4, 9)) < 0.2)


def pushed(H, chosen, step):
    return held(H.astype(np.int32) + np.where(chosen, step, 0))


REINFORCE = Build(
    id="4.6",
    title="Reinforcement",
    prompt="Write `reinforce(H, chosen)`: `H` are hidden weights (odd `int16`), `chosen` is a `bool` array "
    "of the same shape, picked by a coin. Push the chosen ones by 2 away from zero, held in "
    "$\\pm 32767$; return `int16`, and leave `H` itself alone.",
    hints=(
        "Away from zero is up for some and down for others.",
        "Add twice the sign of the weight itself, where it is chosen.",
        "np.where(H < 0, -2, 2) is the push; add it only where chosen, in a wide dtype, then clip.",
    ),
    why="No sign changes, so no sample notices; but a weight that has stood on one side for long is "
    "pushed deeper and becomes harder to flip. A coin toss turns a memory of pushes into a memory "
    "of confidence.",
    solution=reinforce,
    cases=reinforce_cases,
    wrong=(
        Wrong(
            lambda H, chosen: pushed(H, chosen, 2),
            "Negative weights are pushed up, towards zero. Away from zero depends on the side.",
        ),
        Wrong(
            lambda H, chosen: pushed(H, np.ones_like(chosen), np.where(H < 0, -2, 2)),
            "All weights are pushed. Only the chosen ones should be.",
        ),
        Wrong(
            lambda H, chosen: (H + np.where(chosen, np.where(H < 0, -2, 2), 0)).astype(np.int16),
            "A weight at the end of the range wrapped round and changed its sign. Hold it at ±32767.",
        ),
        Wrong(
            lambda H, chosen: pushed(H, chosen, np.where(H < 0, 2, -2)),
            "The push goes towards zero. That is forgetting, not reinforcement.",
        ),
        Wrong(
            lambda H, chosen: pushed(H, chosen, np.where(H < 0, -1, 1)),
            "A push of 1 makes the hidden weight even. Steps are of 2, so that odd stays odd.",
        ),
    ),
)

# -- 4.7 one step of one neuron ------------------------------------------------------------------


def cp_step(h, x, y):
    """The hidden integers of one neuron after one sample, int16 (K,): moved only if it was wrong."""
    # begin solution
    w = np.where(h < 0, -1, 1)
    answer = 1 if x.astype(int) @ w >= 0 else -1
    if answer == y:
        return h
    return np.clip(h + 2 * y * x.astype(int), -32767, 32767).astype(np.int16)
    # end solution


def cp_cases():
    def case(h, x, y):
        return Case({"h": np.array(h, np.int16), "x": np.array(x, np.int8), "y": y})

    yield case([1], [1], -1)
    yield case([1], [1], 1)
    yield case([-3], [1], 1)
    yield case([1, 1], [1, -1], -1)
    yield case([1, 1], [1, -1], 1)
    yield case([5, -1, -1], [1, 1, 1], 1)
    yield case([-5, 1, 1], [1, 1, 1], 1)
    yield case([1, -1, 3], [1, 1, -1], 1)
    yield case([32767, 1, 1], [-1, -1, 1], 1)
    yield case([32767, -1, -1], [1, 1, 1], 1)
    rng = np.random.default_rng(47)
    for K in (5, 9, 301):
        for y in (-1, 1):
            yield case(2 * rng.integers(-6, 6, K) + 1, signs_of(rng, K), y)
    yield case(np.ones(200), -np.ones(200), 1)


def one_step(h, x, y, *, sums=None, wrong=None, step=2):
    """A step of a neuron with another sum, another idea of being wrong, or another length."""
    z = x.astype(int) @ np.where(h < 0, -1, 1) if sums is None else sums(h.astype(int), x)
    if not ((1 if z >= 0 else -1) != y if wrong is None else wrong(z, y)):
        return h
    return held(h + step * y * x.astype(int))


CP_STEP = Build(
    id="4.7",
    title="One neuron, one sample",
    prompt="Write `cp_step(h, x, y)`: a neuron has hidden integers `h` (odd `int16`, shape $(K,)$), sees the "
    "signs `x` and should answer `y`, $-1$ or $+1$. It answers with the sign of $\\sum_j "
    "\\mathrm{sign}(h_j)\\, x_j$. If that is right, return `h`; else return $h + 2 y x$, held in "
    "$\\pm 32767$, as `int16`. `h` itself stays as it is.",
    hints=(
        "The neuron works with bits. When does it look at its hidden integers?",
        "First the answer, by the signs of h and with sign(0) = +1. Only an error moves anything.",
        "On an error: np.clip(h + 2 * y * x, -32767, 32767).astype(np.int16), in a dtype with room.",
    ),
    why="It is the perceptron of 1958 with a memory: the weights that work are one bit each, and h counts how "
    "often each was told otherwise. BEP is this step, once blame has told hidden neurons what their "
    "answer should have been.",
    solution=cp_step,
    cases=cp_cases,
    wrong=(
        Wrong(
            lambda h, x, y: one_step(h, x, y, wrong=lambda z, y: True),
            "A neuron that was right has moved. Only an error is a reason to.",
        ),
        Wrong(
            lambda h, x, y: one_step(h, x, y, step=1),
            "A step of 1 makes h even, and it can stop on 0, where it has no sign. Steps are of 2.",
        ),
        Wrong(
            lambda h, x, y: one_step(h, x, y, sums=lambda h, x: x.astype(int) @ h),
            "The answer was taken from h. The neuron answers with its bits, the signs of h.",
        ),
        Wrong(
            lambda h, x, y: one_step(h, x, y, step=-2),
            "The step goes away from the wanted answer: add y times x.",
        ),
        Wrong(
            lambda h, x, y: one_step(h, x, y, wrong=lambda z, y: z * y <= 0),
            "A sum of 0 counts as wrong here. Its sign is +1, so it is right if y is +1.",
        ),
        Wrong(
            lambda h, x, y: (
                h if one_step(h, x, y) is h else (h + np.int16(2 * y) * x).astype(np.int16)
            ),
            "A hidden integer went past 32767 and wrapped round. Hold it in the range.",
        ),
        Wrong(
            lambda h, x, y: one_step(h, x, y, sums=lambda h, x: x @ np.sign(h).astype(np.int8)),
            "A sum of 200 signs does not fit into int8 and wraps round. Add up in a wider dtype.",
        ),
    ),
)

# -- by hand, and to explore ---------------------------------------------------------------------

BY_HAND = (
    WarmUp(
        id="4.a",
        title="One step of a clipped perceptron",
        prompt="A neuron has hidden weights $h = (1, -1, 3)$ and sees $x = (+1, +1, -1)$; its output should "
        "be $+1$. What is $h$ after one step of the clipped perceptron?",
        hints=(
            "First its output: the sum uses the signs of h.",
            "The sum is 1 - 1 - 1 = -1, an error. On an error, h moves by 2 times the wanted output times x.",
            "Add 2 where x is +1, take 2 away where it is -1.",
        ),
        why="sign(h) = (+, -, +) gives the sum 1 - 1 - 1 = -1: wrong. The step adds (2, 2, -2). The second "
        "weight crosses zero, from -1 to 1, without stopping on it: that is why h is odd.",
        answer=(3, 1, 1),
        form="choice",
        wrong=(
            Wrong(
                (2, 0, 2),
                "Those are steps of 1, and the second weight has stopped on 0. Steps are of 2.",
            ),
            Wrong((1, -1, 3), "Nothing moved, but the output is -1 and should be +1: an error."),
            Wrong((-1, -3, 5), "The step went away from the wanted output."),
            Wrong((3, -1, 1), "Every weight of the neuron moves, also one that crosses zero."),
        ),
    ),
    WarmUp(
        id="4.b",
        title="When does a sample fire?",
        prompt="Two classes have opposite prototypes of $K = 15$ bits, and $r = 0.5$. A sample fires if its "
        "own class leads by less than $\\lceil r K \\rceil$. How many of the last layer's bits must at "
        "least be wrong?",
        hints=(
            "With e wrong bits, what is the logit of the own class? And of the other?",
            "The margin is 2(15 - 2e), the bound is 8.",
            "Find the smallest e with 2(15 - 2e) < 8.",
        ),
        why="Each wrong bit lowers one logit by 2 and raises the other by 2, so the margin is 30 - 4e. It "
        "is 10 at five wrong bits and 6 at six. The sample is still classified rightly then, but not by enough.",
        answer=6,
        wrong=(
            Wrong(
                8,
                "At eight the class itself is wrong. A sample fires earlier: right, but not by enough.",
            ),
            Wrong(
                4,
                "You let only the own class's logit fall. The other prototype's rises as well: start from 30.",
            ),
            Wrong(5, "At five the margin is 10, still not below 8."),
            Wrong(7, "At seven the margin is 2, below 8. But so it is a step earlier."),
        ),
    ),
    WarmUp(
        id="4.c",
        title="A vote, and a door that shuts",
        prompt="Three neurons above have the weights $(+,+,-,+)$, $(+,-,-,-)$, $(-,+,-,+)$ and the desired "
        "activations $a^* = (+,-,+)$. All gates are open; then the third one shuts. What is $a^*$ of the "
        "four neurons below with the gate shut?",
        hints=(
            "Turn the second row round: its a* is -1.",
            "With two voters: (+,+,-,+) and (-,+,+,+). Which inputs tie?",
            "A tie goes to +1.",
        ),
        why="The votes are (+,+,-,+) and (-,+,+,+): the first and third inputs tie and go to +1. With the "
        "third neuron voting, both were -1: shutting one gate turned two bits.",
        answer=(1, 1, 1, 1),
        form="bits",
        wrong=(
            Wrong(
                (-1, 1, -1, 1), "That is the answer with all three voting. The third gate is shut."
            ),
            Wrong((-1, 1, 1, 1), "A tie goes to +1, in the first place as well."),
            Wrong((0, 1, 0, 1), "A desired activation is never 0: a tie is +1."),
            Wrong((1, 1, -1, 1), "The third place ties as well: one vote for, one against."),
        ),
    ),
    WarmUp(
        id="4.d",
        title="The order within a step",
        prompt="A batch's sum of updates has been counted. Put the parts of the layer's step in order.",
        hints=(
            "The visible weights are made last, from what the hidden ones have become.",
            "The batch's sum is added before anything is held in range.",
            "Reinforcement comes after the update has been held, and just before the signs.",
        ),
        why="Sum and add, clip once, reinforce, re-sign. The order is part of the definition: clip after "
        "reinforcement, or sign before it, and another machine gets other weights.",
        answer=("add", "clip", "reinforce", "re-sign"),
        form="order",
        wrong=(
            Wrong(
                ("add", "reinforce", "clip", "re-sign"),
                "The update is held in range before it is reinforced.",
            ),
            Wrong(
                ("reinforce", "add", "clip", "re-sign"),
                "Reinforcement looks at the weights after the update.",
            ),
            Wrong(
                ("add", "clip", "re-sign", "reinforce"),
                "The signs come last. (Reinforcement changes none, but the order is kept.)",
            ),
            Wrong(
                ("clip", "add", "reinforce", "re-sign"),
                "There is nothing to hold in range before the sum is added.",
            ),
        ),
    ),
    WarmUp(
        id="4.e",
        title="The chain rule in order",
        prompt="One batch, one hidden layer: put the steps of binary error propagation in order.",
        hints=(
            "Which neurons are wrong? To say so, one must know what is desired of them.",
            "Only samples whose margin is too small take part, and the margin needs a forward pass.",
            "Weights move last, for the neurons that were selected.",
        ),
        why="Forward, then the margin says which samples fire. Their vote makes a* for the layer below; of "
        "the neurons that differ from it, one a group is selected; then its weights are updated.",
        answer=("forward", "margin", "vote", "select", "update"),
        form="order",
        wrong=(
            Wrong(
                ("forward", "margin", "select", "vote", "update"),
                "Nobody is right or wrong before the vote has said what is desired.",
            ),
            Wrong(
                ("forward", "vote", "margin", "select", "update"),
                "The margin first: a sample that is safe asks nothing of the layers below.",
            ),
            Wrong(
                ("margin", "forward", "vote", "select", "update"),
                "The margin is a difference of logits, and they come from the forward pass.",
            ),
            Wrong(
                ("forward", "margin", "vote", "update", "select"),
                "Selected is who will be updated, so selection comes before.",
            ),
        ),
    ),
)

TO_EXPLORE = (
    Explore(
        id="4.x",
        title="How open is the gate?",
        prompt="Take random signs for a layer of fan-in $K = 135$ and for its inputs, and $\\nu = 0.1$. Which "
        "fraction of the gates is open? Then try $K = 35$ and $K = 525$.",
        hints=(
            "Draw many rows of random signs, multiply, and count |z| <= floor(nu K).",
            "z has the standard deviation square root of K, not K.",
            "The bound is 13 and the standard deviation 11.6. z is odd here.",
        ),
        why="The sum of K random signs spreads like the square root of K, and the window grows like K: the "
        "open fraction is about erf(nu sqrt(K/2)), here 0.77. At K = 35 about half are open, at 525 nearly "
        "all. So nu means little without the width.",
        low=0.74,
        high=0.80,
        wrong=(
            Wrong(
                (0.05, 0.15), "nu is the window as a fraction of the fan-in, not the open fraction."
            ),
            Wrong((0.45, 0.6), "That is about what a fan-in of 35 gives. Take 135."),
            Wrong((0.95, 1.0), "That is what a fan-in of 525 gives. Take 135."),
            Wrong((0.2, 0.26), "That is the fraction that is shut."),
        ),
    ),
)

EXERCISES = (
    PROTOTYPES,
    GATE,
    BACK_PROJECT,
    SELECT,
    UPDATE,
    REINFORCE,
    CP_STEP,
    *BY_HAND,
    *TO_EXPLORE,
)
