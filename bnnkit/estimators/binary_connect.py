"""Binary weights with real activations for tables, trained by BinaryConnect."""

from __future__ import annotations

import numpy as np
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import validate_data

from bnnkit.errors import check_array, check_int, check_option
from bnnkit.estimators.classifier import TableClassifier, hidden_layers
from bnnkit.files import Checkpoint
from bnnkit.ste import Adam, binary_connect_mlp
from bnnkit.ste.network import TEST_RULES

RECENT = 1000  # rows of a stream that the batch norms' statistics are taken from


class BinaryConnectClassifier(TableClassifier):
    """A classifier with weights of ±1 and real activations, for any table.

    The features are standardised, and a multilayer perceptron with batch norm learns by
    BinaryConnect: binary weights forward and backward, real latents for the updates. Float
    training: the same ``random_state`` gives the same network on the same machine, up to the last
    digits on another.

    Parameters
    ----------
    hidden_widths : neurons of each hidden layer
    form : "deterministic", "stochastic", or a twin with real weights: "float", "dropout"
    activation : "relu", or "sign" for binary activations too
    test_weights : "binary", "latent" or "ensemble"; None for the paper's rule, which is "binary"
        for the deterministic form and "latent" for the others
    epochs, batch_size : how long, and how many samples an update
    learning_rate : of the first and of the last epoch
    early_stopping : keep a share of the training data aside, and stop when its error has not
        fallen for ``n_iter_no_change`` epochs
    validation_fraction, n_iter_no_change : of early stopping
    callback : called with (network, row of its history) after each epoch; training stops if it
        returns True
    checkpoint : a path; an interrupted :meth:`fit` goes on from there, to the same network, when it
        is called again on the same data (see :class:`bnnkit.files.Checkpoint`)
    verbose : show a progress bar
    random_state : int, RandomState or None

    Attributes: ``classes_``, ``network_`` (the trained network), ``scaler_``, ``n_features_in_``,
    ``feature_names_in_`` where ``X`` names its columns, ``seed_``.

    Source: *BinaryConnect* (Courbariaux, Bengio and David 2015).

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = BinaryConnectClassifier(hidden_widths=(32,), random_state=0)
    >>> net.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.9
    True
    """

    def __init__(
        self,
        hidden_widths=(128, 128),
        *,
        form="deterministic",
        activation="relu",
        test_weights=None,
        epochs=50,
        batch_size=20,
        learning_rate=(0.01, 0.0001),
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=15,
        callback=None,
        checkpoint=None,
        verbose=False,
        random_state=None,
    ):
        self.hidden_widths = hidden_widths
        self.form = form
        self.activation = activation
        self.test_weights = test_weights
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
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

        Batch norm needs more than one row, so rows wait until ``batch_size`` are together; then
        one step is taken, at the first ``learning_rate``. The statistics for prediction are those
        of the last 1,000 rows.
        """
        first = self._begin_stream(classes)
        X, y = validate_data(self, X, y, reset=first)
        y = self._numbers(y)
        if first:
            self.scaler_ = StandardScaler()
            self._build(X.shape[1])
            self._begin(X[:0], y[:0])
        self.scaler_.partial_fit(X)
        self._recent = np.concatenate([self._recent, X])[-RECENT:]
        X, y = np.concatenate([self._waiting[0], X]), np.concatenate([self._waiting[1], y])
        size = check_int(self.batch_size, "batch_size", low=1)
        rates = check_array(self.learning_rate, "learning_rate", ndim=1)
        full = len(y) // size * size
        for start in range(0, full, size):
            part = slice(start, start + size)
            self.network_.partial_fit(
                self.scaler_.transform(X[part]),
                y[part],
                learning_rate=float(rates[0]),
                optimizer=self._optimizer,
                rng=self._rng,
            )
        self._waiting = X[full:], y[full:]
        if first or full:
            rules = [self.network_.test_weights]
            self.network_.calibrate(self.scaler_.transform(self._recent), rules, rng=self._rng)
        return self

    def _train(self, X, y, validation) -> None:
        self.scaler_ = StandardScaler().fit(X)
        self._build(X.shape[1])
        self._begin(X[-RECENT:], y[:0])
        if validation is not None:
            validation = self.scaler_.transform(validation[0]), validation[1]
        self.network_.fit(
            self.scaler_.transform(X),
            y,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer=self._optimizer,
            validation=validation,
            callback=self._after_epoch(),
            checkpoint=None if self.checkpoint is None else Checkpoint(self.checkpoint),
            progress=bool(self.verbose),
            rng=self._rng,
        )

    def _build(self, n_features: int) -> None:
        """Start a network of the right size, with its optimiser and its random numbers."""
        self._rng, self._optimizer = np.random.default_rng(self.seed_), Adam()
        self.network_ = binary_connect_mlp(
            [n_features, *hidden_layers(self.hidden_widths), len(self.classes_)],
            self.form,
            activation=self.activation,
            rng=self._rng,
        )
        if self.test_weights is not None:
            rule = check_option(self.test_weights, "test_weights", TEST_RULES)
            self.network_.test_weights = rule

    def _begin(self, recent, labels) -> None:
        """Start a stream: the rows for the statistics, and those that wait for a full batch."""
        self._recent, self._waiting = recent, (recent[:0], labels)

    def _scores(self, X) -> np.ndarray:
        return self.network_.outputs(self.scaler_.transform(X))
