"""The fixed classifier at the end of the network: one prototype a class, as far apart as can be.

The logit of a class is the dot product of the last layer's signs with its prototype. Prototypes
that point in different directions make classes easy to tell apart; the best that C vectors can do
is an equiangular frame, in which every pair has the same negative product.
"""

from __future__ import annotations

import numpy as np

from bnnkit.errors import MAX_WIDTH, check_int, check_signs
from bnnkit.philox import Stream, random_signs
from bnnkit.steps import step


@step("4.1")
def equiangular(P, alpha: int = 1) -> np.ndarray:
    """Spread prototypes apart by flipping one sign at a time, always the one that helps most.

    Lowers ``sum_{i<j} s_ij + alpha * Var_{i<j}(s_ij)``, where ``s_ij`` is the product of
    prototypes i and j, until no single flip lowers it. Source: BEP, Appendix C, Eq. 13. All in
    integers: the objective is kept times the square of the number of pairs. Of equally good flips
    the first, row by row, is taken, so the result depends on nothing but the start.

    Parameters
    ----------
    P : array of -1 and +1, shape (C, K), C >= 2: where to start
    alpha : integer in 0 .. 10**6, how much evenness counts

    Returns
    -------
    array of int8, shape (C, K)

    >>> equiangular([[1, 1, 1, 1], [1, 1, 1, -1]])
    array([[-1, -1, -1,  1],
           [ 1,  1,  1, -1]], dtype=int8)
    """
    P = check_signs(P, "P", ndim=2).astype(np.int64)
    alpha = check_int(alpha, "alpha", 0, 10**6)
    C = check_int(len(P), "the number of rows of P", low=2)
    pairs = C * (C - 1) // 2
    while True:
        products = P @ P.T
        np.fill_diagonal(products, 0)
        total = products.sum() // 2
        # What flipping entry (i, k) does to the sum of the products and to the sum of squares.
        d_total = -2 * P * (P.sum(axis=0) - P)
        d_squares = 4 * (C - 1) - 4 * P * (products @ P)
        d_variance = pairs * d_squares - 2 * total * d_total - d_total**2
        change = pairs**2 * d_total + alpha * d_variance
        best = np.unravel_index(change.argmin(), change.shape)
        if change[best] >= 0:
            return P.astype(np.int8)
        P[best] *= -1


def class_prototypes(n_classes: int, width: int, seed: int, layer: int = 0) -> np.ndarray:
    """Return ``n_classes`` prototypes of ``width`` signs, spread out from a random start (int8).

    >>> P = class_prototypes(3, 9, seed=0).astype(int)
    >>> P @ P.T
    array([[ 9, -3, -3],
           [-3,  9, -3],
           [-3, -3,  9]])
    """
    n_classes = check_int(n_classes, "n_classes", 2, MAX_WIDTH)
    width = check_int(width, "width", 1, MAX_WIDTH)
    layer = check_int(layer, "layer", 0, 2**32 - 1)
    return equiangular(random_signs(seed, Stream.PROTOTYPES, (n_classes, width), layer=layer))
