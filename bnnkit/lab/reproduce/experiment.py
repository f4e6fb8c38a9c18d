"""What a run is, and what an experiment is: a way to plan runs and to do them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from bnnkit.errors import check_int, check_widths

PRESETS = ("paper", "best")


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training: all that its result depends on, but for the data and the sources.

    Everything in it is plain JSON. ``options`` holds every setting in full, also those that a
    preset chose, so that a later change of a preset never passes for the old one. ``varied`` names
    the option, if any, that an ablation has moved away from the preset.
    """

    dataset: str
    method: str
    preset: str
    seed: int
    widths: tuple[int, ...] = ()
    fold: int | None = None
    epochs: int | None = None
    varied: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """The run as a flat dictionary, the options beside the rest."""
        settings = asdict(self) | {"widths": list(self.widths)}
        return settings | settings.pop("options")

    @classmethod
    def of(cls, settings: dict[str, Any]) -> Run:
        """The run whose :meth:`settings` these are.

        >>> run = Run(dataset="d", method="bep", preset="paper", seed=3, options={"nu": 0.1})
        >>> Run.of(run.settings()) == run
        True
        """
        own = {f.name for f in fields(cls)} - {"options"}
        run = {name: value for name, value in settings.items() if name in own}
        rest = {name: value for name, value in settings.items() if name not in own}
        return cls(**run | {"widths": tuple(settings["widths"])}, options=rest)


@dataclass(frozen=True, kw_only=True, repr=False)
class Request:
    """What is asked of an experiment: the options of the command line, ``None`` where not given.

    method, preset : which methods (the experiment's own default otherwise), which settings
    widths : the hidden widths of one net; without them the paper's grid
    seeds : how many, from 0 on
    epochs : instead of the preset's
    datasets : these only, of an experiment that has several
    windows : in how many steps a sequence is read, each of these
    form : of BinaryConnect: which forms
    width : of BinaryConnect's convolutional nets: the share of the paper's maps
    """

    method: tuple[str, ...] | None = None
    preset: str | None = None
    widths: tuple[int, ...] | None = None
    seeds: int | None = None
    epochs: int | None = None
    datasets: tuple[str, ...] | None = None
    windows: tuple[int, ...] | None = None
    form: tuple[str, ...] | None = None
    width: float | None = None

    def __post_init__(self):
        for name in ("seeds", "epochs"):
            if getattr(self, name) is not None:
                check_int(getattr(self, name), f"--{name}", low=1)
        if self.widths is not None:
            check_widths(self.widths, "--widths")

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.given().items())
        return f"Request({given})"

    def given(self) -> dict[str, Any]:
        """The options that were given, by name."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def words(self) -> str:
        """The options as they stand on the command line.

        >>> Request(method=("bep", "local"), seeds=3).words()
        '--method bep local --seeds 3'
        """
        words = []
        for name, value in self.given().items():
            words += [f"--{name}", *map(str, value if isinstance(value, tuple) else [value])]
        return " ".join(words)


@dataclass
class Monitor:
    """What a training may tell the outside, and where it may keep its state.

    ``checkpoint`` is a path of this run alone, for an experiment so long that it must be able to
    go on in the middle; the runner removes the file when the run is done.
    """

    bar: tqdm | None = None
    checkpoint: Path | None = None

    def epoch(self, done: int, total: int | None, accuracy: float) -> None:
        """Say that ``done`` of ``total`` epochs are done, and the accuracy by now, percent."""
        if self.bar is not None:
            self.bar.set_postfix_str(f"epoch {done}/{total}: {accuracy:.1f} %")


class Experiment(ABC):
    """One name on the command line.

    Attributes: ``name``; ``about``, what it does, in a line; ``takes``, which fields of
    :class:`Request` it understands.
    """

    name: str
    about: str
    takes: tuple[str, ...] = ("method", "preset", "widths", "seeds", "epochs")

    def runs(self, request: Request) -> list[Run]:
        """Return the runs that ``request`` asks for; ``ValueError`` if it asks for nonsense."""
        for option in request.given():
            if option not in self.takes:
                raise ValueError(f"--{option} does not go with {self.name}")
        return self.plan(request)

    @abstractmethod
    def plan(self, request: Request) -> list[Run]:
        """Return the runs, in the order in which they should be done."""

    @abstractmethod
    def data(self, run: Run) -> Any:
        """Load what the run trains on; it has a ``sha256``. Called often: keep it."""

    @abstractmethod
    def train(self, run: Run, monitor: Monitor) -> dict[str, Any]:
        """Do the run and return its figures, plain JSON.

        At least ``test_accuracy`` or ``test_error`` (percent) and ``weights_sha256``. What comes
        under ``curve`` stays in the store and out of the rows, but for :meth:`short_curve`.
        """

    @abstractmethod
    def trainer(self, run: Run) -> Callable:
        """Return the function that does the work: a result depends on its module's sources."""

    def paper(self, run: Run) -> float | None:
        """Return the published figure for exactly this, None if there is none."""
        return None

    def short_curve(self, curve: Any) -> dict[str, Any]:
        """Return what of a result's ``curve`` goes into its row too, by default nothing."""
        return {}

    @abstractmethod
    def seconds(self, run: Run) -> float:
        """Return about how long the run takes on the machine that the estimates were made on."""
