"""A recurrent network of signs for time series, as an aeon classifier."""

from __future__ import annotations

import numpy as np
from aeon.classification.base import BaseClassifier

from bnnkit.datasets import fill_missing
from bnnkit.errors import check_int, check_option
from bnnkit.estimators.classifier import seed_of
from bnnkit.files import Checkpoint
from bnnkit.readings import KINDS, Reader, Reading
from bnnkit.recurrent import BEPRecurrentNetwork


class BEPRecurrentClassifier(BaseClassifier):
    """A classifier of time series whose weights, states and error signals are all signs.

    The series becomes ``window`` steps of signs, by a thermometer of its quantiles, and a
    :class:`~bnnkit.recurrent.BEPRecurrentNetwork` learns by binary error propagation through time.
    The same ``random_state`` gives the same weights on every machine.

    Series may have several channels, unequal lengths and missing values (NaN), by these rules:
    between two known values lies the straight line, before the first and after the last known
    value of a channel that value holds; a series shorter than the longest of the training data
    begins with its first value held, so that all end together; of a longer one the end counts.

    Parameters
    ----------
    state : neurons of the recurrent state
    readout, expansion, horizon, mask_steps, start, r, nu, p_r, groups : of the network, see
        :class:`~bnnkit.recurrent.BEPRecurrentNetwork`
    reading : "chunks" cuts the whole series into ``window`` chunks of neighbouring times, one a
        step; "last" takes the last ``window`` times, one a step, as the paper does
    window : how many steps; None for as many as there are times
    bits : thresholds a number
    epochs : how long
    batch_size : samples an update; None for a tenth of the training data
    patience : epochs without a better training error until the groups grow; None keeps them
    average : end with the hidden weights averaged over an epoch, taken after every so many batches;
        None for those of the moment. With ``mask_steps`` it is what long series gain most by
    callback : called with (network, :class:`~bnnkit.bep.Epoch`) after each epoch; training stops
        if it returns True
    checkpoint : a path; an interrupted :meth:`fit` goes on from there, to the same network, when it
        is called again on the same data (see :class:`bnnkit.files.Checkpoint`)
    verbose : show a progress bar
    random_state : int, RandomState or None

    Attributes: ``classes_``, ``network_``, ``reader_`` (how series become signs),
    ``n_channels_``, ``n_timepoints_`` (of the longest series), ``seed_``.

    Source: *BEP* (Colombo et al., ICLR 2026), Section 3.5.

    >>> from aeon.datasets import load_italy_power_demand
    >>> X, y = load_italy_power_demand(split="train")
    >>> model = BEPRecurrentClassifier(epochs=20, random_state=0).fit(X[:50], y[:50])
    >>> bool(model.score(X[50:], y[50:]) > 0.8)
    True
    """

    _tags = {
        "capability:multivariate": True,
        "capability:unequal_length": True,
        "capability:missing_values": True,
        "X_inner_type": ["np-list", "numpy3D"],
        "algorithm_type": "deeplearning",
    }

    def __init__(
        self,
        state=525,
        *,
        readout=None,
        expansion=None,
        reading="chunks",
        window=4,
        horizon=None,
        mask_steps=None,
        start="random",
        bits=10,
        epochs=50,
        batch_size=None,
        r=0.5,
        nu=0.1,
        p_r=0.5,
        groups=None,
        patience=2,
        average=None,
        callback=None,
        checkpoint=None,
        verbose=False,
        random_state=None,
    ):
        self.state = state
        self.readout = readout
        self.expansion = expansion
        self.reading = reading
        self.window = window
        self.horizon = horizon
        self.mask_steps = mask_steps
        self.start = start
        self.bits = bits
        self.epochs = epochs
        self.batch_size = batch_size
        self.r = r
        self.nu = nu
        self.p_r = p_r
        self.groups = groups
        self.patience = patience
        self.average = average
        self.callback = callback
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state
        super().__init__()

    def _fit(self, X, y):
        self.n_timepoints_ = max(series.shape[1] for series in X)
        X = self._filled(X)
        self.reader_ = self._reader().fit(X)
        self.seed_ = seed_of(self.random_state)
        signs = self.reader_.transform(X)
        self.network_ = BEPRecurrentNetwork(
            signs.shape[1],
            len(self.classes_),
            state=self.state,
            readout=self.readout,
            expansion=self.expansion,
            horizon=self.horizon,
            mask_steps=self.mask_steps,
            start=self.start,
            seed=self.seed_,
            r=self.r,
            nu=self.nu,
            p_r=self.p_r,
            groups=self._groups(),
            patience=self.patience,
        ).fit(
            signs,
            np.searchsorted(self.classes_, y),
            self.epochs,
            max(1, len(X) // 10) if self.batch_size is None else self.batch_size,
            average=self.average,
            callback=self.callback,
            checkpoint=None if self.checkpoint is None else Checkpoint(self.checkpoint),
            progress=bool(self.verbose),
        )
        return self

    @property
    def n_channels_(self) -> int:
        """The channels of the series that it has learned from."""
        return self.reader_.shape[0]

    def _predict(self, X) -> np.ndarray:
        if len(X[0]) != self.n_channels_:
            raise ValueError(f"X must have {self.n_channels_} channels, got {len(X[0])}")
        return self.classes_[self.network_.predict(self.reader_.transform(self._filled(X)))]

    def _groups(self):
        """As the paper, 15 neurons a group, if they divide the widths; else the network chooses."""
        state = check_int(self.state, "state", low=1)
        readout = state if self.readout is None else check_int(self.readout, "readout", low=1)
        if self.groups is not None or state % 15 or readout % 15:
            return self.groups
        return (15, 15)

    def _reader(self) -> Reader:
        """How series are read, not yet fitted: no more steps than there are times."""
        reading = check_option(self.reading, "reading", KINDS)
        steps = self.n_timepoints_
        if self.window is not None:
            steps = min(check_int(self.window, "window", low=1), steps)
        return Reader(Reading(reading, steps, self.bits))

    def _filled(self, X) -> np.ndarray:
        """All series as one array of the training length, without gaps."""
        filled = np.empty((len(X), X[0].shape[0], self.n_timepoints_))
        for case, series in zip(filled, X):
            known = fill_missing(np.asarray(series)[None])[0][:, -self.n_timepoints_ :]
            lead = self.n_timepoints_ - known.shape[1]
            case[:] = np.pad(known, ((0, 0), (lead, 0)), mode="edge")
        return filled

    @classmethod
    def _get_test_params(cls, parameter_set="default"):
        """The small networks of aeon's own checks."""
        return {"state": 15, "bits": 3, "epochs": 2}
