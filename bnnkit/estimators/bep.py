"""Networks of signs for tables: thermometer inside, BEP or the local rule to train them."""

from __future__ import annotations

import numpy as np
from sklearn.utils.validation import validate_data

from bnnkit.bep import BEPNetwork
from bnnkit.binarize import ThermometerEncoder
from bnnkit.errors import check_int
from bnnkit.estimators.classifier import TableClassifier, hidden_layers
from bnnkit.files import Checkpoint
from bnnkit.packed import BitMatrix, pack

ROWS = 4096  # turned into signs at a time: bounds the memory of large tables
SETTLED = 1024  # a stream's thresholds are quantiles of at most so many rows, then fixed


class BEPClassifier(TableClassifier):
    """A classifier whose weights, activations and error signals are all signs, for any table.

    Each feature becomes ``bits`` signs (a thermometer of its quantiles), a constant +1 is added,
    and a :class:`~bnnkit.bep.BEPNetwork` learns by binary error propagation: bitwise and integer
    from end to end. The same ``random_state`` gives the same weights on every machine.

    Parameters
    ----------
    hidden_widths : neurons of each hidden layer
    bits : thresholds a feature
    epochs, batch_size : how long, and how many samples an update
    r, nu, p_r, groups, patience : of the network, see :class:`~bnnkit.bep.BEPNetwork`
    early_stopping : keep a share of the training data aside, stop when its error has not fallen
        for ``n_iter_no_change`` epochs, and end with the best epoch's weights
    validation_fraction, n_iter_no_change : of early stopping
    average : end with the hidden weights averaged over an epoch, taken after every so many batches;
        None for those of the moment
    callback : called with (network, :class:`~bnnkit.bep.Epoch`) after each epoch; training stops
        if it returns True
    checkpoint : a path; an interrupted :meth:`fit` goes on from there, to the same network, when it
        is called again on the same data (see :class:`bnnkit.files.Checkpoint`)
    verbose : show a progress bar
    random_state : int, RandomState or None

    Attributes: ``classes_``, ``network_`` (the trained network), ``encoder_`` (its thermometer),
    ``n_features_in_``, ``feature_names_in_`` where ``X`` names its columns, ``seed_``.

    Source: *BEP* (Colombo et al., ICLR 2026).

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> BEPClassifier(random_state=0).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    True
    """

    _credit = "bep"

    def __init__(
        self,
        hidden_widths=(135, 135),
        *,
        bits=8,
        epochs=50,
        batch_size=20,
        r=0.5,
        nu=0.1,
        p_r=0.5,
        groups=None,
        patience=5,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=15,
        average=None,
        callback=None,
        checkpoint=None,
        verbose=False,
        random_state=None,
    ):
        self.hidden_widths = hidden_widths
        self.bits = bits
        self.epochs = epochs
        self.batch_size = batch_size
        self.r = r
        self.nu = nu
        self.p_r = p_r
        self.groups = groups
        self.patience = patience
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.average = average
        self.callback = callback
        self.checkpoint = checkpoint
        self.verbose = verbose
        self.random_state = random_state

    def partial_fit(self, X, y, classes=None):
        """Learn from some more rows, one or many, each seen once; return ``self``.

        Parameters
        ----------
        X, y : as for :meth:`fit`
        classes : all the labels there will be; needed at the first call

        The rows go through in batches of at most ``batch_size``. The thresholds follow the first
        1,024 rows and then stay, so begin with rows in random order: each time the number of rows
        has doubled, the thresholds are taken anew and the rows so far learned once more. The groups
        keep their size. A stream is learned more slowly than a table: a row counts once or twice.
        """
        first = self._begin_stream(classes)
        X, y = validate_data(self, X, y, reset=first)
        y = self._numbers(y)
        X, y = self._with_new_thresholds(X, y)
        if first:
            self._build()
        self.network_.partial_fit(self._signs(X), y, check_int(self.batch_size, "batch_size", 1))
        return self

    def _train(self, X, y, validation) -> None:
        self.encoder_ = ThermometerEncoder(self.bits).fit(X)
        self._stream = None
        self._build()
        self.network_.fit(
            self._signs(X),
            y,
            self.epochs,
            self.batch_size,
            validation=None if validation is None else (self._signs(validation[0]), validation[1]),
            average=self.average,
            callback=self._after_epoch(),
            checkpoint=None if self.checkpoint is None else Checkpoint(self.checkpoint),
            progress=bool(self.verbose),
        )

    def _build(self) -> None:
        """Start a network of the right size."""
        self.network_ = BEPNetwork(
            (self.encoder_.thresholds_.size + 1, *hidden_layers(self.hidden_widths)),
            len(self.classes_),
            seed=self.seed_,
            credit=self._credit,
            r=self.r,
            nu=self.nu,
            p_r=self.p_r,
            groups=self.groups,
            patience=self.patience,
        )

    def _scores(self, X) -> np.ndarray:
        return self.network_.decision_function(self._signs(X))

    def _signs(self, X) -> BitMatrix:
        """The packed thermometer of each row, and a constant +1."""
        columns = self.encoder_.thresholds_.size + 1
        words = np.empty((len(X), -(-columns // 64)), np.uint64)
        for start in range(0, len(X), ROWS):
            signs = self.encoder_.transform(X[start : start + ROWS])
            constant = np.ones((len(signs), 1), np.int8)
            words[start : start + ROWS] = pack(np.hstack([signs, constant]))
        return BitMatrix(words, columns)

    def _with_new_thresholds(self, X, y):
        """Take a stream's thresholds from its first rows; return what is to be learned now."""
        if not hasattr(self, "_stream"):
            self._stream = X[:0], y[:0]
        if self._stream is None:  # fit() has set the thresholds, or there were rows enough
            return X, y
        before = len(self._stream[0])
        seen = np.concatenate([self._stream[0], X]), np.concatenate([self._stream[1], y])
        self._stream = seen[0][:SETTLED], seen[1][:SETTLED]
        now = len(self._stream[0])
        doubled = before.bit_length() < now.bit_length()
        if doubled:
            self.encoder_ = ThermometerEncoder(self.bits).fit(self._stream[0])
        if now == SETTLED:
            self._stream = None
        return seen if doubled else (X, y)


class LocalRuleClassifier(BEPClassifier):
    """:class:`BEPClassifier` with the local rule: every layer has a target of its own.

    No error travels: each hidden layer learns towards a fixed random prototype of the class. It is
    the control beside BEP, often nearly as good with two hidden layers, and cheaper. Parameters and
    attributes are those of :class:`BEPClassifier`.

    Source: *Training Multi-Layer BNNs With Local Binary Error Signals* (Colombo et al. 2025).

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> LocalRuleClassifier(random_state=0).fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    True
    """

    _credit = "local"
