"""A dot product of ±1 by XNOR and a count, bit by bit."""

from __future__ import annotations

import numpy as np

from bnnkit.errors import check_int, check_option, check_signs
from bnnkit.viz.widget import Widget, still

WORDS = (8, 16, 32, 64)


class XnorDot(Widget):
    """Two words of bits to click, and their dot product by XOR, XNOR and a count.

    Parameters
    ----------
    a, b : arrays of K signs, 1 <= K <= 64
    word : 8, 16, 32 or 64, optional
        Bits in a word, at least K; the rest is padding. The next larger size if left out.

    In Jupyter ``a``, ``b`` (lists of bits, padding included), ``K`` and ``equal`` (whether padding
    is kept equal) are synced both ways.

    >>> XnorDot([1, -1, 1, 1, -1, -1, 1, -1], [1, 1, -1, 1, -1, 1, 1, 1])
    XnorDot(K=8 of 16 bits)
    """

    view = "xnor_dot"

    def __init__(
        self,
        a=(1, -1, 1, 1, -1, -1, 1, -1),
        b=(1, 1, -1, 1, -1, 1, 1, 1),
        *,
        word: int | None = None,
        title: str = "A dot product by XNOR and a count",
    ):
        a, b = check_signs(a, "a", ndim=1), check_signs(b, "b", ndim=1)
        if len(a) != len(b) or len(a) > WORDS[-1]:
            raise ValueError(f"a and b must hold the same 1 .. 64 signs, got {len(a)}, {len(b)}")
        if word is None:
            word = next((size for size in WORDS if size > len(a)), WORDS[-1])
        word = check_int(word, "word", low=len(a))
        check_option(str(word), "word", map(str, WORDS))
        super().__init__(a=_bits(a, word), b=_bits(b, word), K=len(a), equal=True, title=str(title))

    def _summary(self) -> str:
        return f"K={self.K} of {len(self.a)} bits"

    def _still(self) -> str:
        differ = sum(x != y for x, y in zip(self.a[: self.K], self.b[: self.K], strict=True))
        a, b = ("".join(map(str, bits[: self.K])) for bits in (self.a, self.b))
        return still(
            f"a = {a} and b = {b}, bit 1 for +1. They differ in {differ} of {self.K} bits, so "
            f"their dot product is K - 2 popcount(a XOR b) = {self.K} - 2 * {differ} = "
            f"{self.K - 2 * differ}."
        )


def _bits(signs: np.ndarray, word: int) -> list[int]:
    return [int(s > 0) for s in signs] + [0] * (word - len(signs))
