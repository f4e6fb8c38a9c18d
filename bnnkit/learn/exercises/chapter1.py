"""Chapter 1, the sign function: signs, coins and thermometers."""

import numpy as np

import bnnkit.binarize  # noqa: F401  (its functions are the references)
from bnnkit.learn.model import Build, Case, Explore, WarmUp, Wrong

# -- 1.1 sign ------------------------------------------------------------------------------------


def sign(x):
    """The sign of each number, as int8: -1 below zero, else +1."""
    # begin solution
    return np.where(x < 0, np.int8(-1), np.int8(1))
    # end solution


def sign_cases():
    yield from (Case({"x": np.array([value])}) for value in (1.0, -1.0, 0.0, -0.0, 0.25, -0.25))
    yield Case({"x": np.array([0, 1, -2])})
    yield Case({"x": np.array([[-3, 0, 4], [0, -1, 7]])})
    rng = np.random.default_rng(11)
    for n in (5, 9, 64):
        yield Case({"x": rng.integers(-2, 3, n).astype(float)})
    yield Case({"x": rng.normal(size=(3, 7))})


SIGN = Build(
    id="1.1",
    title="The sign",
    prompt="Write `sign(x)`: an array of real numbers comes in, an array of the same shape comes "
    "back, `int8`, each entry $-1$ or $+1$. There is no third value, so zero needs a side: it goes "
    "to $+1$.",
    hints=(
        "There are two cases, not three. Which question, asked of x, has the right answer at zero?",
        "Ask which entries are below zero: that gives an array of true and false. Then choose a "
        "sign for each.",
        "np.where(question, a, b) takes a where the question is true and b elsewhere. Give it "
        "a and b as int8.",
    ),
    why="One bit has two values. Whoever writes np.sign smuggles in a third, and with an even "
    "number of inputs a sum of signs is zero often enough for it to matter.",
    solution=sign,
    cases=sign_cases,
    wrong=(
        Wrong(
            lambda x: np.sign(x).astype(np.int8),
            "At zero a 0 came back. One bit has no third value: zero belongs to +1.",
        ),
        Wrong(
            lambda x: np.where(x > 0, np.int8(1), np.int8(-1)),
            "At zero -1 came back. Look at your comparison: is zero on the side of +1?",
        ),
        Wrong(
            lambda x: (x >= 0).astype(np.int8),
            "You return the bits 0 and 1. The network multiplies by these numbers, so it needs the "
            "signs -1 and +1.",
        ),
        Wrong(
            lambda x: np.where(x < 0, np.int8(1), np.int8(-1)),
            "Every sign is turned round: numbers below zero must give -1.",
        ),
        Wrong(
            lambda x: np.where(np.signbit(x), np.int8(-1), np.int8(1)),
            "Minus zero is a zero, too. Do not read the sign bit of the float; compare with 0.",
        ),
    ),
)

# -- 1.2 stochastic sign -------------------------------------------------------------------------


def stochastic_sign(w, rng):
    """A random sign for each number, as int8: right on average where -1 <= w <= 1."""
    # begin solution
    probability = np.clip((w + 1) / 2, 0, 1)
    heads = rng.random(w.shape) < probability
    return np.where(heads, np.int8(1), np.int8(-1))
    # end solution


DRAWS = 4096


def mean_sign(function, w, rng):
    return float(np.mean(np.asarray(function(w, rng), dtype=float)))


def alphabet(function, w, rng):
    return np.unique(function(w, rng))


def agreement(function, w, rng):
    """How often two neighbouring coins of one call agree."""
    s = np.asarray(function(w, rng), dtype=float)
    return float(np.mean(s[1:] == s[:-1]))


def repetition(function, w, rng):
    """How often two calls with the same generator agree."""
    first, second = np.asarray(function(w, rng)), np.asarray(function(w, rng))
    return float(np.mean(first == second))


def coin_cases():
    seed = np.random.default_rng
    for value in (1.0, -1.0):
        yield Case(
            {"w": np.full(5, value), "rng": seed(1)}, wanted=np.full(5, value).astype("int8")
        )
    yield Case(
        {"w": np.zeros(DRAWS), "rng": seed(2)},
        alphabet,
        np.array([-1, 1], dtype=np.int8),
        "The different values among 4096 coins at w = 0.",
    )
    for value, wanted in ((0.0, 0.0), (0.4, 0.4), (-0.8, -0.8), (3.0, 1.0), (-2.0, -1.0)):
        given = {"w": np.full(DRAWS, value), "rng": seed(3)}
        law = f"The mean of 4096 coins at w = {value:g}."
        yield Case(given, mean_sign, wanted, law, tolerance=0.08)
    given = {"w": np.zeros(DRAWS), "rng": seed(4)}
    yield Case(given, agreement, 0.5, "How often two neighbouring coins agree.", tolerance=0.08)
    law = "How often two calls with one generator agree: each call tosses new coins."
    yield Case(given, repetition, 0.5, law, tolerance=0.08)
    yield Case(
        {"w": np.zeros((3, 5)), "rng": seed(5)},
        lambda function, w, rng: np.array(np.shape(function(w, rng))),
        np.array([3, 5]),
        "The shape of what comes back.",
    )


def one_draw(w, rng):
    heads = rng.random() < np.clip((w + 1) / 2, 0, 1)
    return np.where(heads, np.int8(1), np.int8(-1))


COIN = Build(
    id="1.2",
    title="The stochastic sign",
    prompt="Write `stochastic_sign(w, rng)`: each entry becomes $+1$ with probability "
    "$\\sigma(w) = \\mathrm{clip}((w + 1)/2,\\, 0,\\, 1)$ and $-1$ otherwise, as `int8`. Every "
    "entry tosses a coin of its own; `rng` is a NumPy `Generator`.",
    hints=(
        "What is the mean of a sign that is +1 with probability p? Set it equal to w.",
        "A uniform number in [0, 1) is below p with probability p. How many do you need?",
        "Draw rng.random(w.shape), compare it with the clipped (w + 1) / 2, and turn true and false "
        "into signs.",
    ),
    why="The mean of this coin is 2p - 1 = w: inside [-1, 1] it is right on average, and its "
    "variance is 1 - w². Beyond, the clip makes it the plain sign.",
    solution=stochastic_sign,
    cases=coin_cases,
    wrong=(
        Wrong(
            lambda w, rng: np.where(
                rng.random(w.shape) < np.clip(w, 0, 1), np.int8(1), np.int8(-1)
            ),
            "It looks as if w itself were the probability. A sign that is +1 with probability p has "
            "mean 2p - 1; which p makes that w?",
        ),
        Wrong(
            lambda w, rng: np.where(
                rng.random(w.shape) < np.abs(w + 1) / 2 % 1.0001, np.int8(1), np.int8(-1)
            ),
            "Outside [-1, 1] the probability goes wrong. What must it be at w = 3 and at w = -2?",
        ),
        Wrong(
            one_draw,
            "All entries share one coin. Each entry needs a draw of its own.",
        ),
        Wrong(
            lambda w, rng: stochastic_sign(w, np.random.default_rng(0)),
            "Two calls toss the same coins: the generator seems to be made anew inside. Use the "
            "one that is given.",
        ),
        Wrong(
            lambda w, rng: (rng.random(w.shape) < np.clip((w + 1) / 2, 0, 1)).astype(np.int8),
            "The probability is right, but bits 0 and 1 came back instead of the signs -1 and +1.",
        ),
    ),
)

# -- 1.3 thermometer -----------------------------------------------------------------------------


def thermometer(X, thresholds):
    """The thermometer code of X (n, d) for thresholds (d, bits): int8 signs (n, d * bits)."""
    # begin solution
    above = X[:, :, None] > thresholds[None, :, :]
    return np.where(above, np.int8(1), np.int8(-1)).reshape(len(X), -1)
    # end solution


def thermometer_cases():
    def case(X, thresholds):
        return Case({"X": np.array(X, float), "thresholds": np.array(thresholds, float)})

    yield case([[1]], [[0]])
    yield case([[1]], [[1]])
    yield case([[1]], [[2]])
    yield case([[6]], [[2, 5, 8]])
    yield case([[5], [2]], [[2, 5, 8]])
    yield case([[6, 1]], [[2, 8], [0, 2]])
    yield case([[6, 1], [1, 3], [9, 0]], [[2, 5, 8], [0, 1, 2]])
    rng = np.random.default_rng(13)
    for n, d, bits in ((4, 5, 1), (5, 3, 4)):
        thresholds = np.sort(rng.integers(0, 9, (d, bits)), axis=1)
        yield case(rng.integers(0, 10, (n, d)), thresholds)


def interleaved(X, thresholds):
    signs = np.where(X[:, :, None] > thresholds, np.int8(1), np.int8(-1))
    return signs.transpose(0, 2, 1).reshape(len(X), -1)


def one_hot(X, thresholds):
    level = (X[:, :, None] > thresholds).sum(axis=2, keepdims=True)
    here = np.arange(1, thresholds.shape[1] + 1) == level
    return np.where(here, np.int8(1), np.int8(-1)).reshape(len(X), -1)


def equal_spacing(X, thresholds):
    low, high, bits = thresholds.min(axis=1), thresholds.max(axis=1), thresholds.shape[1]
    return thermometer(X, np.linspace(low, high, bits, axis=1))


THERMOMETER = Build(
    id="1.3",
    title="The thermometer",
    prompt="Write `thermometer(X, thresholds)`: `X` has shape $(n, d)$, `thresholds` has shape "
    "$(d, b)$. Each number becomes $b$ signs, $+1$ for each of its feature's thresholds that it "
    "exceeds (strictly). The bits of one feature stay together: the result is `int8`, "
    "$(n, d\\,b)$.",
    hints=(
        "Every number of a row is compared with every threshold of its own feature. How many "
        "comparisons are that?",
        "Give X a third axis of length one. Broadcasting then compares it with all the thresholds.",
        "X[:, :, None] > thresholds has shape (n, d, bits). Turn it into signs, then let the last "
        "two axes become one with reshape(len(X), -1).",
    ),
    why="Neighbouring levels differ in one bit, so the number of differing bits measures how far "
    "two numbers are apart. A binary number (1000 against 0111) would not do that.",
    solution=thermometer,
    cases=thermometer_cases,
    wrong=(
        Wrong(
            lambda X, thresholds: -thermometer(X, thresholds),
            "The comparison is the wrong way round: +1 means that the number exceeds the mark.",
        ),
        Wrong(
            lambda X, thresholds: thermometer(X + 1e-9, thresholds),
            "A number equal to its threshold does not exceed it. The comparison is strict.",
        ),
        Wrong(
            interleaved,
            "The right bits in the wrong order: the bits of one feature belong side by side.",
        ),
        Wrong(
            one_hot,
            "Only the highest mark is lit. The mercury covers the marks below it, too.",
        ),
        Wrong(
            equal_spacing,
            "It looks as if the thresholds were spaced evenly. Use the ones that are given: "
            "quantiles lie closer where the data are dense.",
        ),
    ),
)

# -- 1.4 the cosine ------------------------------------------------------------------------------


def cosine_to_sign(W):
    """The cosine between each row of W (n, d) and its signs, float (n,)."""
    # begin solution
    lengths = np.sqrt((W**2).sum(axis=1)) * np.sqrt(W.shape[1])
    return np.abs(W).sum(axis=1) / lengths
    # end solution


def cosine_cases():
    def case(W):
        W = np.array(W, float)
        signs = np.where(W < 0, -1.0, 1.0)
        angles = [w @ s / np.linalg.norm(w) / np.linalg.norm(s) for w, s in zip(W, signs)]
        return Case({"W": W}, wanted=np.array(angles))

    yield case([[1, 1]])
    yield case([[3, 4]])
    yield case([[3, -4]])
    yield case([[1, 0, 0, 0]])
    yield case([[1, 2], [-3, 1], [0, 5]])
    yield case([[0.25, -1, 2], [4, -4, 2]])
    rng = np.random.default_rng(14)
    for n, d in ((1, 9), (4, 16), (3, 784)):
        yield case(rng.normal(size=(n, d)))


COSINE = Build(
    id="1.4",
    title="How far is the corner?",
    prompt="Write `cosine_to_sign(W)`: for each row $w$ of `W`, shape $(n, d)$, the cosine of the angle "
    "between $w$ and $\\mathrm{sign}(w)$, as floats of shape $(n,)$. No row is zero.",
    hints=(
        "A cosine is a dot product divided by two lengths. What is the dot product of w with its signs?",
        "Every product w_j sign(w_j) is |w_j|. And how long is a vector of d signs?",
        "The sum of |w_j| over the square root of d times the length of w, row by row: axis=1.",
    ),
    why="The signs are the corner of the cube nearest to w, at a cosine of |w|_1 / (sqrt(d) |w|_2). It is 1 "
    "for a row that is a corner itself, about 0.8 for a bell curve, and 1 / sqrt(d) for a row with a "
    "single weight.",
    solution=cosine_to_sign,
    cases=cosine_cases,
    serves=False,
    wrong=(
        Wrong(
            lambda W: np.abs(W).sum(axis=1) / np.linalg.norm(W, axis=1),
            "A cosine is at most 1. The vector of signs has a length, too: the square root of d.",
        ),
        Wrong(
            lambda W: np.abs(W.sum(axis=1)) / np.sqrt((W**2).sum(axis=1) * W.shape[1]),
            "The sum is taken before the absolute value, so weights of different sign cancel.",
        ),
        Wrong(
            lambda W: np.abs(W).sum(axis=0) / np.sqrt((W**2).sum(axis=0) * len(W)),
            "One number a column came back. Each row is a vector: sum along axis 1.",
        ),
        Wrong(
            lambda W: np.abs(W).sum(axis=1) / (np.linalg.norm(W, axis=1) * W.shape[1]),
            "The length of d signs is the square root of d, not d.",
        ),
        Wrong(
            lambda W: np.abs(W).sum(axis=1) ** 2 / ((W**2).sum(axis=1) * W.shape[1]),
            "That is the cosine squared.",
        ),
        Wrong(
            lambda W: W.sum(axis=1) / np.sqrt((W**2).sum(axis=1) * W.shape[1]),
            "That is the cosine to a vector of ones. Each weight is multiplied by its own sign.",
        ),
    ),
)

# -- by hand, and to explore ---------------------------------------------------------------------

BY_HAND = (
    WarmUp(
        id="1.a",
        title="Eight weights, eight signs",
        prompt="The weights are $w = (0.9, -0.2, 0.4, -1.1, 0.0, 0.3, -0.6, 0.2)$ and the input is "
        "$x = (1, 1, -1, 1, -1, 1, -1, -1)$. What is the dot product of $\\mathrm{sign}(w)$ with "
        "$x$?",
        hints=(
            "Write the eight signs of w under x. Mind the fifth.",
            "Count the places where the two signs agree, and those where they differ.",
            "Agreements minus disagreements: that is eight minus twice the disagreements.",
        ),
        why="The signs of w are + - + - + + - +. They agree with x in three places (1, 6, 7) and "
        "differ in five: 3 - 5 = -2.",
        answer=-2,
        form="number",
        wrong=(
            Wrong(-1, "That is the sum with 0 for the fifth weight. Zero has the sign +1."),
            Wrong(0, "That is the sum with -1 for the fifth weight. Zero has the sign +1."),
            Wrong(2, "The sign of the sum is wrong: did you take disagreements minus agreements?"),
            Wrong(-0.1, "That is the product with the weights themselves. Take their signs first."),
            Wrong(3, "You counted the agreements. Now subtract the disagreements."),
        ),
    ),
    WarmUp(
        id="1.b",
        title="The coin's variance",
        prompt="The stochastic sign of $w = 0.4$ is $+1$ or $-1$, with mean $0.4$. What is its "
        "variance?",
        hints=(
            "The variance is the mean of the square minus the square of the mean.",
            "What is the square of a sign?",
            "One minus the square of 0.4.",
        ),
        why="The square of a sign is always 1, so the variance is 1 - w² = 1 - 0.16 = 0.84. It is "
        "largest, 1, at w = 0: an undecided weight is a fair coin.",
        answer=0.84,
        form="number",
        wrong=(
            Wrong(
                0.21,
                "That is p(1 - p), the variance of a bit 0 or 1. Signs lie twice as far apart.",
            ),
            Wrong(0.16, "That is the square of the mean. Subtract it from the mean of the square."),
            Wrong(0.6, "That is 1 - w. Square the w."),
            Wrong(0.7, "That is p, the probability of +1."),
        ),
    ),
    WarmUp(
        id="1.c",
        title="Reading a thermometer",
        prompt="A pixel is 5. Its thresholds are 2, 5, 6 and 9. Which signs are its thermometer code?",
        hints=(
            "Each threshold asks one question: is the number above me?",
            "The comparison is strict.",
            "Is 5 above 5?",
        ),
        why="5 is above 2 only: equal to a threshold is not above it. A code with b thresholds has b + 1 "
        "different words, each a run of + and then a run of -.",
        answer=(1, -1, -1, -1),
        form="bits",
        wrong=(
            Wrong((1, 1, -1, -1), "5 is equal to the second threshold, not above it."),
            Wrong((-1, 1, 1, 1), "Turned round: + means that the number is above the threshold."),
            Wrong((-1, -1, 1, 1), "Turned round, and 5 is not above 5."),
            Wrong((-1, 1, -1, -1), "Only one is lit. A thermometer is lit from the bottom up."),
            Wrong((-1, -1, -1, -1), "The pixel is above the first threshold."),
        ),
    ),
)

TO_EXPLORE = (
    Explore(
        id="1.x",
        title="The best threshold for the digits",
        prompt="Take scikit-learn's digits (1797 images, pixels 0 to 16) and keep one bit a pixel, "
        "$+1$ where the pixel is above a threshold $t$. Classify each image by its nearest other "
        "image, counting the bits that differ. Which whole $t$ from 0 to 15 gets most right?",
        hints=(
            "One matrix product of the signs gives all the distances at once.",
            "Put a very small number on the diagonal of S @ S.T, so that no image is its own "
            "neighbour; the largest entry of each row is the nearest image.",
            "Do it in a loop over t and print the share of right labels. Look at the whole curve.",
        ),
        why="Every t from 5 to 8 is right on 94.3 to 94.8 percent; 6 and 8 tie for the best. The median of all "
        "the pixels is 1 (90.9 percent): it makes the bits equally frequent, not equally useful. "
        "Half of the pixels are empty, and the interesting question is where the stroke is.",
        low=5,
        high=8,
        wrong=(
            Wrong(
                (0, 0.5),
                "At 0 a bit says 'any ink at all': 90.4 percent. The edge of a stroke is grey.",
            ),
            Wrong((1, 1), "That is the median of all the pixels: 90.9 percent. Is it the best?"),
            Wrong((2, 4.5), "Better than the median, but the curve still rises. Go on."),
            Wrong((9, 16), "Past the top: thin strokes break up. Look at smaller thresholds."),
        ),
    ),
    Explore(
        id="1.y",
        title="The cosine that keeps the winner",
        prompt="Ten scores are independent standard normal numbers $s_c$. Disturb each to "
        "$\\rho\\, s_c + \\sqrt{1-\\rho^2}\\, n_c$ with normal $n_c$. How large must the cosine "
        "$\\rho$ be for the largest score to stay the largest 95 times in 100?",
        hints=(
            "Draw 40,000 rows of ten scores and as many of noise; change only rho.",
            "Start at 0.8 (what one sign for a random weight gives) and go up. How slowly does it grow?",
            "Search between 0.99 and 1.",
        ),
        why="At 0.8 the winner survives half the time, at 0.95 three times in four; 95 in 100 takes "
        "0.998. Binarising a trained float net cannot give that. Training with the bits in the "
        "loop does not need it: it moves the winner away from the rest.",
        low=0.9975,
        high=0.9988,
        wrong=(
            Wrong(
                (0.78, 0.82),
                "That is the cosine of random weights: there the winner survives half the time.",
            ),
            Wrong((0.94, 0.96), "A cosine of 0.95 does not mean 95 in 100. Measure it: about 74."),
            Wrong(
                (0.9895, 0.997),
                "Closer, but the winner still changes more than six times in a hundred.",
            ),
            Wrong((0.9989, 1.0), "That is more than enough. How little will do?"),
        ),
    ),
)

EXERCISES = (SIGN, COIN, THERMOMETER, COSINE, *BY_HAND, *TO_EXPLORE)
