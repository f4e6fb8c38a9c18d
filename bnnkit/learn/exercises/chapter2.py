"""Chapter 2, the straight-through estimator: a window behind, a clip in front."""

import numpy as np

import bnnkit.ste  # noqa: F401  (its functions are the references)
from bnnkit.learn.exercises.chapter3 import signs_of
from bnnkit.learn.model import Build, Case, Explore, WarmUp, Wrong

# -- 2.1 the backward pass -----------------------------------------------------------------------


def ste_backward(x, grad, clip=1.0):
    """The gradient behind a sign: grad where |x| <= clip, else 0; all of it if clip is None."""
    # begin solution
    if clip is None:
        return grad
    return np.where(np.abs(x) <= clip, grad, 0.0)
    # end solution


def backward_cases():
    def case(x, grad, clip=1.0):
        return Case({"x": np.array(x, float), "grad": np.array(grad, float), "clip": clip})

    for x in (0.5, -0.5, 2.0, -2.0, 1.0, -1.0):
        yield case([x], [0.25])
    yield case([-0.5, 0.0], [0.25, -0.5])
    yield case([0.75, -0.75, 0.25], [1, 2, 3], 0.5)
    yield case([3.0, -4.0], [0.5, -0.5], None)
    rng = np.random.default_rng(21)
    for clip in (1.0, 0.5, 2.0):
        yield case(rng.integers(-12, 13, (3, 5)) / 4, rng.integers(1, 9, (3, 5)) / 8, clip)


def window(inside):
    """A backward pass with another window, which still knows clip=None."""
    return lambda x, grad, clip=1.0: grad if clip is None else np.where(inside(x, clip), grad, 0.0)


STE_BACKWARD = Build(
    id="2.1",
    title="Straight through",
    prompt="Forward, a sign turned `x` into $\\pm 1$. Write `ste_backward(x, grad, clip=1.0)`: `grad` is "
    "the gradient with respect to the sign's *output*; return the gradient with respect to its "
    "*input*. It passes unchanged where $|x| \\le$ `clip` and is 0 elsewhere. With `clip=None` "
    "there is no window: all of it passes.",
    hints=(
        "The window looks at one of two things: what went into the sign, or what came out. Only one "
        "of them can ever lie outside.",
        "Which entries of x lie in the window, edges included? Those keep their gradient.",
        "np.where(np.abs(x) <= clip, grad, 0.0); and take care of None first.",
    ),
    why="It is a definition, not a derivative: the true slope of a sign is 0. The window stops "
    "pushing inputs that are already far out on their side, where the estimate is worst.",
    solution=ste_backward,
    cases=backward_cases,
    wrong=(
        Wrong(
            window(lambda x, clip: np.abs(np.where(x < 0, -1, 1)) <= max(clip, 1.0)),
            "Everything passes. A window on the sign's output sees only -1 and +1; put it on what "
            "went in.",
        ),
        Wrong(
            window(lambda x, clip: np.abs(x) > clip),
            "The window is inside out: the gradient passes where |x| is small.",
        ),
        Wrong(
            lambda x, grad, clip=1.0: np.zeros_like(grad),
            "Zero everywhere is the sign's true slope, and nothing would ever learn from it. Pretend "
            "that the sign was not there, within the window.",
        ),
        Wrong(
            window(lambda x, clip: np.abs(x) < clip),
            "At |x| = clip exactly, the gradient still passes.",
        ),
        Wrong(
            window(lambda x, clip: x <= clip),
            "The window has two sides: numbers far below zero are outside, too.",
        ),
        Wrong(
            lambda x, grad, clip=1.0: grad if clip is None else np.clip(grad, -clip, clip),
            "You clip the gradient's size. The window asks where x lies, not how large grad is.",
        ),
        Wrong(
            window(lambda x, clip: np.abs(x) <= 1.0),
            "The window seems to be 1 whatever clip says.",
        ),
    ),
)

# -- 2.2 the update of the latents ---------------------------------------------------------------


def latent_update(latent, direction, rate, bound=1.0):
    """The latents one step against direction, then put back into [-bound, bound] (None: nowhere)."""
    # begin solution
    moved = latent - rate * direction
    if bound is None:
        return moved
    return np.clip(moved, -bound, bound)
    # end solution


def update_cases():
    def case(latent, direction, rate, bound=1.0):
        given = {"latent": np.array(latent, float), "direction": np.array(direction, float)}
        return Case({**given, "rate": rate, "bound": bound})

    yield case([0.5], [1.0], 0.25)
    yield case([0.25], [1.0], 0.5)
    yield case([-0.5], [-1.0], 0.25)
    yield case([0.75], [-1.0], 0.5)
    yield case([-0.75], [1.0], 0.5)
    yield case([1.0, -1.0], [0.5, -0.5], 0.5)
    yield case([0.125, -0.125], [-1.0, 1.0], 0.5, 0.25)
    yield case([0.75], [-1.0], 0.5, None)
    rng = np.random.default_rng(22)
    for bound in (1.0, 0.5, None):
        limit = 1.0 if bound is None else bound
        latent = limit * rng.integers(-8, 9, (3, 5)) / 8
        yield case(latent, rng.integers(-8, 9, (3, 5)) / 4, 0.5, bound)


def stopped(moved, bound):
    return moved if bound is None else np.clip(moved, -bound, bound)


def bits_moved(latent, direction, rate, bound=1.0):
    return stopped(np.where(latent < 0, -1.0, 1.0) - rate * direction, bound)


def strict_window(latent, direction, rate, bound=1.0):
    free = np.ones(latent.shape) if bound is None else np.abs(latent) < bound
    return stopped(latent - rate * direction * free, bound)


def reset(latent, direction, rate, bound=1.0):
    moved = latent - rate * direction
    return moved if bound is None else np.where(np.abs(moved) > bound, latent, moved)


LATENT_UPDATE = Build(
    id="2.2",
    title="The step of a latent",
    prompt="Write `latent_update(latent, direction, rate, bound=1.0)`: move the latents a step of size `rate` "
    "*against* `direction` (the gradient with respect to the binary weights), then put those that "
    "went past it back to $\\pm$ `bound`. With `bound=None` nothing is put back.",
    hints=(
        "Two things happen, one after the other: a step, and a stop.",
        "What moves is the latent, never the bit. Past the bound it is set to the bound.",
        "np.clip(latent - rate * direction, -bound, bound), unless bound is None.",
    ),
    why="The bit cannot take a small step, so a latent adds them up until they are enough. Past the "
    "bound a latent could not change its bit any more; it would only take longer to come back.",
    solution=latent_update,
    cases=update_cases,
    wrong=(
        Wrong(
            lambda latent, direction, rate, bound=1.0: latent - rate * direction,
            "A latent went past its bound. After the step, put it back.",
        ),
        Wrong(
            bits_moved,
            "The step starts from the bit. Then all the small pushes of earlier steps are lost: move "
            "the latent.",
        ),
        Wrong(
            strict_window,
            "A latent that stands on the bound does not move any more, not even inwards. The clip "
            "comes after the step; there is no window on the latents.",
        ),
        Wrong(
            lambda latent, direction, rate, bound=1.0: stopped(latent + rate * direction, bound),
            "The step goes uphill. The direction is a gradient: go against it.",
        ),
        Wrong(
            reset,
            "A step that leads past the bound should end on the bound, not be cancelled.",
        ),
        Wrong(
            lambda latent, direction, rate, bound=1.0: latent_update(latent, direction, rate, 1.0),
            "The bound seems to be 1 whatever the argument says (None means no bound).",
        ),
    ),
)

# -- 2.3 the backward pass of a layer ------------------------------------------------------------


def dense_backward(x, W, grad):
    """Behind y = x W': the gradients with respect to x (n, inputs) and to W (outputs, inputs)."""
    # begin solution
    return grad @ W, grad.T @ x
    # end solution


def dense_cases():
    def case(x, W, grad):
        arrays = {"x": x, "W": W, "grad": grad}
        return Case({name: np.array(values, float) for name, values in arrays.items()})

    yield case([[2]], [[1]], [[0.5]])
    yield case([[2]], [[-1]], [[0.5]])
    yield case([[2, 3]], [[1, -1]], [[0.5]])
    yield case([[2], [3]], [[1]], [[0.5], [1]])
    yield case([[1, 2]], [[1, -1], [1, 1]], [[1, 4]])
    rng = np.random.default_rng(23)
    for n, inputs, outputs in ((3, 2, 2), (2, 3, 4), (4, 5, 3)):
        x = rng.integers(-8, 9, (n, inputs)) / 4
        yield case(x, signs_of(rng, outputs, inputs), rng.integers(-8, 9, (n, outputs)) / 8)


DENSE_BACKWARD = Build(
    id="2.3",
    title="Back through a layer",
    prompt="A layer of binary weights computed $y = x W^\\top$: `x` has shape $(n, \\text{inputs})$ and `W`, "
    "the very weights of the forward pass, $(\\text{outputs}, \\text{inputs})$. Write "
    "`dense_backward(x, W, grad)`, where `grad`, $(n, \\text{outputs})$, is the gradient with respect to "
    "$y$, summed nowhere yet. Return a tuple: the gradient with respect to `x`, and that with "
    "respect to `W`, summed over the batch.",
    hints=(
        "Let the shapes lead you: what can be multiplied with what, so that the shape of x comes out?",
        "Input j reaches every output i through W_ij, so its gradient sums grad_i W_ij over i.",
        "grad @ W has the shape of x; grad.T @ x has the shape of W and sums over the batch.",
    ),
    why="The first product holds the binary weights and needs no multiplication, the second holds none and "
    "does. Where a coin made the weights, it must be the same coin: a fresh draw here would be blame "
    "for weights that were not used.",
    solution=dense_backward,
    cases=dense_cases,
    wrong=(
        Wrong(
            lambda x, W, grad: (grad @ W, x.T @ grad),
            "The gradient of W lies on its side: W has one row for each output.",
        ),
        Wrong(
            lambda x, W, grad: (grad @ W, grad.T @ x / len(x)),
            "The batch is averaged. Here it is summed: the loss has divided by n already, if anyone.",
        ),
        Wrong(
            lambda x, W, grad: (grad.T @ x, grad @ W),
            "The two are swapped: first the gradient of x, then that of W.",
        ),
        Wrong(
            lambda x, W, grad: (grad @ W.T, grad.T @ x),
            "On the way back W is not transposed: the forward pass had the transpose.",
        ),
        Wrong(
            lambda x, W, grad: (np.sign(grad) @ W, grad.T @ x),
            "The weights are signs, the gradient is not: keep its size.",
        ),
        Wrong(
            lambda x, W, grad: (grad @ W, np.outer(grad[0], x[0])),
            "Only the first sample of the batch is counted in the gradient of W.",
        ),
        Wrong(
            lambda x, W, grad: (grad @ W, grad.T @ np.where(x < 0, -1.0, 1.0)),
            "The inputs are real here. Only the weights are binary.",
        ),
    ),
)

# -- by hand, and to explore ---------------------------------------------------------------------

BY_HAND = (
    WarmUp(
        id="2.a",
        title="A bit that should be 0.3",
        prompt="One bit $b$, the loss $(b - 0.3)^2$, and a latent that follows the straight-through "
        "gradient with small steps. The latent dithers about zero. What share of the time is the "
        "bit $+1$?",
        hints=(
            "The pushes up and the pushes down must balance in the long run.",
            "At b = +1 the push is 2(1 - 0.3), at b = -1 it is 2(-1 - 0.3).",
            "If the share is p: p times 1.4 equals (1 - p) times 2.6.",
        ),
        why="The pushes balance when the mean of b is 0.3, so 2p - 1 = 0.3 and p = 0.65. The net "
        "stores 0.3 in time, since it cannot store it in a bit.",
        answer=0.65,
        wrong=(
            Wrong(0.3, "That is the bit's mean. Which share of +1 and -1 has the mean 0.3?"),
            Wrong(
                0.5,
                "Then the bit would be 0 on average, and the pushes down would be 1.3 against 0.7.",
            ),
            Wrong(0.35, "That is the share of -1."),
            Wrong(
                1.0,
                "+1 is the best single bit, but at +1 the gradient still pushes down: it never rests.",
            ),
        ),
    ),
    WarmUp(
        id="2.b",
        title="Multiplications saved",
        prompt="A training step of a dense layer makes three matrix products of equal size: outputs, "
        "gradients of the inputs, gradients of the weights. With weights of $\\pm 1$ (everything else "
        "real), which fraction of the multiplications turns into additions?",
        hints=(
            "A product with a sign is an addition or a subtraction.",
            "Which of the three products has the weights as a factor?",
            "The gradient of the weights multiplies inputs by gradients of outputs.",
        ),
        why="The weights appear in the first two products, not in the third: two thirds are saved. The "
        "third still multiplies real inputs by real gradients.",
        answer=2 / 3,
        wrong=(
            Wrong(1 / 3, "That is what is left over: the product that holds no weights."),
            Wrong(1.0, "One product has no weights in it at all. Which?"),
            Wrong(0.5, "There are three products, not two: the backward pass makes two of them."),
        ),
    ),
    WarmUp(
        id="2.c",
        title="A window and a clip together",
        prompt="A latent is clipped to $[-1, 1]$ after each step, and somebody also lets its gradient "
        "pass only where $|w| < 1$. A latent has reached $+1$ and its gradient now pushes it down. "
        "What does it do?",
        hints=(
            "Go through one step: window first, then the step, then the clip.",
            "Is |w| < 1 true at w = 1?",
            "No gradient passes, so there is no step. And the next time?",
        ),
        why="At w = 1 the strict window is shut, so the step is 0, now and for ever. In the end every "
        "latent sits frozen on one of the edges. BinaryConnect has the clip without the window.",
        answer="stays",
        form="choice",
        wrong=(
            Wrong(
                "moves",
                "It would, without the window. At exactly 1 the strict window lets nothing pass.",
            ),
            Wrong("flips", "A small push turns no latent round from 1 to below 0, window or not."),
            Wrong("leaves", "The clip keeps it in [-1, 1] in any case."),
        ),
    ),
    WarmUp(
        id="2.d",
        title="Choose the window",
        prompt="Six numbers went into a sign: -3, -1, -0.5, 0, 0.5 and 2. Behind it, each gets the gradient 1. "
        "Through the window $|x| \\le 1$, which gradients reach the inputs?",
        hints=(
            "The window looks at what went into the sign, not at what came out.",
            "It has two sides, and the edges belong to it.",
            "Which of the six lie between -1 and 1?",
        ),
        why="Four lie in the window, the one on its edge included. Far out, a small step could not turn the "
        "sign, so the estimate says nothing there.",
        answer=(0, 1, 1, 1, 1, 0),
        form="bits",
        wrong=(
            Wrong((0, 0, 1, 1, 1, 0), "The edge belongs to the window: |x| = 1 still passes."),
            Wrong(
                (1, 1, 1, 1, 1, 1),
                "All of them: that is a window on the sign's output, which is never outside of [-1, 1].",
            ),
            Wrong((1, 0, 0, 0, 0, 1), "Inside out: the numbers near zero pass."),
            Wrong((1, 1, 1, 1, 1, 0), "The window has two sides: -3 is outside as well."),
            Wrong(
                (0, 0, 0, 0, 0, 0), "That is the true slope of a sign. Nothing would ever learn."
            ),
        ),
    ),
)

TO_EXPLORE = (
    Explore(
        id="2.x",
        title="When the estimator points the wrong way",
        prompt="The loss is $(b - 0.3)^2$ with a stochastic bit $b$ of mean $w$. For which fraction of "
        "$w$ in $[-1, 1]$ do the mean straight-through gradient $E[2(b - 0.3)]$ and the true slope "
        "of the expected loss, $\\tfrac{1}{2}(L(+1) - L(-1))$, have the same sign?",
        hints=(
            "Work out both on a grid of w and count.",
            "The expected loss is a straight line in w, so its slope does not depend on w.",
            "The slope is -0.6 everywhere; the mean estimate is 2(w - 0.3).",
        ),
        why="The true slope is (0.49 - 1.69) / 2 = -0.6 for every w, the mean estimate 2(w - 0.3): they "
        "agree below 0.3, which is 65 percent of the interval. The estimator aims at the mean 0.3, "
        "the expected loss at always +1: they want different things.",
        low=0.63,
        high=0.67,
        wrong=(
            Wrong(
                (0.95, 1.0),
                "They would always agree if the loss were linear in the bit. This one is not.",
            ),
            Wrong((0.33, 0.37), "That is the fraction on which they disagree."),
            Wrong(
                (0.28, 0.32),
                "0.3 is where the estimate changes sign. Which part of [-1, 1] lies below?",
            ),
        ),
    ),
    Explore(
        id="2.y",
        title="Ten times the latents",
        prompt="Draw 1000 latents and 1000 targets, uniform in $[-1, 1]$. Take 300 steps of `latent_update` "
        "against the direction $\\mathrm{sign}(w) - \\text{target}$, with rate 0.1 and `bound=None`. Then do "
        "it again, from the same start and for the same targets, with the latents and the rate ten times as "
        "large. Which fraction of the 1000 signs is the same in the end?",
        hints=(
            "Predict first: what does a bit see of the size of its latent?",
            "Write the 300 steps as a function of a scale, with the random numbers drawn from one seed.",
            "Compare np.where(latent < 0, -1, 1) of both runs; then try bound=1.0 in both.",
        ),
        why="All of them. Without a bound only the ratio of latent to step counts: a latent is inertia, "
        "measured in steps. So a learning rate means nothing here before the size of the start is known. "
        "A bound sets that size, and with bound=1.0 in both runs about half of the signs differ.",
        low=0.99,
        high=1.0,
        wrong=(
            Wrong(
                (0.4, 0.58),
                "Half is chance. Is a bound still on, or did the second run draw other random numbers?",
            ),
            Wrong(
                (0.6, 0.75),
                "Was only one of them made larger? Latents and rate both, by the same factor.",
            ),
            Wrong(
                (5, 15), "A fraction is asked for: how many signs are equal, out of all of them?"
            ),
        ),
    ),
)

EXERCISES = (STE_BACKWARD, LATENT_UPDATE, DENSE_BACKWARD, *BY_HAND, *TO_EXPLORE)
