"""The sign, its stochastic form, and the window of the straight-through estimator."""

from __future__ import annotations

from bnnkit.errors import check_number
from bnnkit.viz.picture import curve
from bnnkit.viz.widget import Widget, still


class SignSurrogate(Widget):
    """Drag an input and a clip: the sign, the probability of the stochastic sign, the gradient.

    Parameters
    ----------
    x : float in [-2.5, 2.5]
    clip : float in [0.1, 2]
        Half the width of the window; also where the stochastic sign becomes certain.
    ask : dict, optional
        A guess to make first: the result of :func:`bnnkit.viz.make_ask`.

    >>> SignSurrogate(0.4)
    SignSurrogate(x=0.4, clip=1.0)
    """

    view = "sign_surrogate"

    def __init__(
        self,
        x: float = 0.4,
        clip: float = 1.0,
        *,
        ask: dict | None = None,
        title: str = "The sign, and what stands in for its slope",
    ):
        super().__init__(
            x=float(check_number(x, "x", -2.5, 2.5)),
            clip=float(check_number(clip, "clip", 0.1, 2)),
            ask=ask,
            guess=None,
            title=str(title),
        )

    def _summary(self) -> str:
        return f"x={self.x:g}, clip={self.clip}"

    def _still(self) -> str:
        words = (
            "The sign is -1 below zero and +1 from zero on. The stochastic sign is +1 with a "
            "probability that rises in a line from 0 at -clip to 1 at +clip. The straight-through "
            "estimator passes the gradient where |x| <= clip and stops it elsewhere."
        )
        step = [(-2.5, -1), (0, -1), (0, 1), (2.5, 1)]
        return still(words, curve(step, "The sign function: a step at zero"))
