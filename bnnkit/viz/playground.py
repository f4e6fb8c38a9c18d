"""The playground: a whole network of signs that trains in the page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnnkit.bep import BEPNetwork
from bnnkit.bep.network import CREDIT
from bnnkit.errors import check_int, check_number, check_option, check_widths
from bnnkit.viz.picture import sign_map
from bnnkit.viz.tasks import PATTERNS, digits_as_text, plane_points, playground_task
from bnnkit.viz.widget import Widget, still

# Settings that learn, in the page's units: r, nu and p_r in hundredths; group 0 is the whole layer.
PLANE = {
    "widths": [15, 15], "group": 0, "batch": 10, "nu": 20, "r": 50, "p_r": 50, "constant": True,
    "seed": 0, "epochs": 20, "patience": None,
}  # fmt: skip
DIGITS = PLANE | {"widths": [63, 63], "group": 7, "batch": 20, "nu": 10, "patience": 5}
CLASS_NAMES = {
    "corners": ["same side", "opposite sides"],
    "xor": ["same side", "opposite sides"],
    "circle": ["outside", "inside"],
    "stripes": ["even stripe", "odd stripe"],
    "blobs": ["left", "right", "top"],
    "spiral": ["one arm", "other arm"],
    "digits": [f"digit {digit}" for digit in range(10)],
}
MOST_NEURONS, MOST_LAYERS = 128, 6


class Playground(Widget):
    """BEP, the local rule and a frozen layer learn from one seed, in the page, in a worker.

    Parameters
    ----------
    data : str
        "xor", "corners", "circle", "stripes", "blobs", "spiral" or "digits", to open on.
    widths : sequence of int, optional
        Hidden widths, two to six of at most 128.
    group : int, optional
        Neurons a group in every layer, a divisor of each width; 0 is the whole layer.
    nu, r, p_r : numbers in [0, 1], optional
        Gate, margin and reinforcement of :class:`~bnnkit.bep.BEPNetwork`, in whole hundredths.
    batch, epochs, seed : int, optional
    constant : bool
        Whether the last input is always +1.
    digits : bool
        Carry the digits along (60 kB, needs scikit-learn); without them only patterns are offered.

    What is left out gets a value that learns. The page computes everything itself and ends with
    the weights of :meth:`network`, bit for bit. In Jupyter ``knobs`` is synced both ways, and
    ``guess`` and ``result`` (test error, best epoch and sha256 by credit) come from the page.

    >>> Playground("spiral", nu=0.15, digits=False)
    Playground('spiral', 15 + 15 neurons)
    """

    view = "playground"

    def __init__(
        self,
        data: str = "xor",
        *,
        widths: Sequence[int] | None = None,
        group: int | None = None,
        nu: float | None = None,
        r: float | None = None,
        p_r: float | None = None,
        batch: int | None = None,
        epochs: int | None = None,
        seed: int = 0,
        constant: bool = True,
        digits: bool = True,
        title: str = "The playground: a network of signs learns in this page",
    ):
        check_option(data, "data", (*PATTERNS, "digits") if digits else PATTERNS)
        given = {
            "widths": None if widths is None else _check_hidden(widths),
            "group": None if group is None else check_int(group, "group", low=0),
            "nu": _hundredths(nu, "nu"),
            "r": _hundredths(r, "r", open_low=True),
            "p_r": _hundredths(p_r, "p_r"),
            "batch": None if batch is None else check_int(batch, "batch", low=1),
            "epochs": None if epochs is None else check_int(epochs, "epochs", 1, 1000),
            "seed": check_int(seed, "seed", 0, 2**32 - 1),
            "constant": bool(constant),
        }
        knobs = {"data": data} | (DIGITS if data == "digits" else PLANE)
        knobs |= {name: value for name, value in given.items() if value is not None}
        if knobs["group"] and any(width % knobs["group"] for width in knobs["widths"]):
            raise ValueError(f"group must divide the widths {knobs['widths']}, got {group}")
        super().__init__(
            knobs=knobs,
            presets={"plane": PLANE, "digits": DIGITS},
            digits=digits_as_text() if digits else None,
            class_names=CLASS_NAMES,
            guess=None,
            result=None,
            title=str(title),
        )

    def network(self, credit: str = "bep") -> BEPNetwork:
        """Return what the page trains with these knobs, trained here: the same weights.

        Parameters
        ----------
        credit : "bep", "local" or "frozen", the page's three networks; "feedback" works too

        >>> net = Playground(epochs=2, digits=False).network("frozen")
        >>> net.widths, net.epoch
        ((33, 15, 15), 2)
        """
        check_option(credit, "credit", CREDIT)
        k = self.knobs
        task = playground_task(k["data"], constant=k["constant"])
        X, y = task.train
        net = BEPNetwork(
            (X.shape[1], *k["widths"]),
            task.n_classes,
            seed=k["seed"],
            credit=credit,
            r=k["r"] / 100,
            nu=k["nu"] / 100,
            p_r=k["p_r"] / 100,
            groups=[k["group"] or width for width in k["widths"]],
            patience=k["patience"],
        )
        return net.fit(X, y, k["epochs"], k["batch"], validation=task.validation, keep_best=False)

    def _summary(self) -> str:
        return f"{self.knobs['data']!r}, {' + '.join(map(str, self.knobs['widths']))} neurons"

    def _still(self) -> str:
        words = (
            f"{self.title}. Three networks of the same weights learn {self.knobs['data']}: BEP, "
            "the local rule, and one whose lower layers stay as they were drawn. With a script "
            "running, you could set every knob and watch each neuron."
        )
        if self.knobs["data"] == "digits":
            signs = playground_task("digits").train[0][0, :256].reshape(8, 32)
            return still(words, sign_map(signs, "the signs of one digit"))
        return still(words, sign_map(_pattern(self.knobs["data"]), "where the two classes lie"))


def _pattern(name: str, side: int = 40) -> np.ndarray:
    """The training points on a grid, class 0 as -1, the others as +1, nothing as 0; y upwards."""
    points, y = plane_points(name, 400)
    cell = np.clip((points * side).astype(int), 0, side - 1)
    grid = np.zeros((side, side), np.int8)
    grid[side - 1 - cell[:, 1], cell[:, 0]] = np.where(y == 0, -1, 1)
    return grid


def _check_hidden(widths: Sequence[int]) -> list[int]:
    widths = list(check_widths(widths, "widths"))
    if not 2 <= len(widths) <= MOST_LAYERS or max(widths) > MOST_NEURONS:
        raise ValueError(
            f"widths must name 2 to {MOST_LAYERS} layers of at most {MOST_NEURONS} neurons, "
            f"got {widths}"
        )
    return widths


def _hundredths(x: float | None, name: str, open_low: bool = False) -> int | None:
    if x is None:
        return None
    whole = round(100 * check_number(x, name, 0, 1, open_low=open_low))
    if abs(whole - 100 * x) > 1e-9:
        raise ValueError(f"{name} must be in whole hundredths, got {x}")
    return whole
