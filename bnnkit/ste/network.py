"""A network of layers, BinaryConnect's training loop, and its three rules for the test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm.auto import tqdm

from bnnkit.errors import (
    MAX_WIDTH,
    check_array,
    check_columns,
    check_int,
    check_labels,
    check_number,
    check_option,
    check_rng,
    check_widths,
)
from bnnkit.ste.arrays import as_floats, move, namespace
from bnnkit.ste.layers import BatchNorm, Dropout, Flatten, Layer, MaxPool, ReLU, Sign
from bnnkit.ste.losses import LOSSES, sign_targets
from bnnkit.ste.optim import Adam, Optimizer, geometric_rates
from bnnkit.ste.weights import BinaryConv2d, BinaryLinear, Conv2d, Linear

TEST_ROWS = 1000  # samples at a time at test: bounds the memory for images
TEST_RULES = ("binary", "latent", "ensemble")
FORMS = ("deterministic", "stochastic", "ternary", "stochastic-ternary", "float", "dropout")


class Sequential:
    """Layers, one after another.

    >>> net = Sequential([Linear(2, 3, rng=0), ReLU(), Linear(3, 1, rng=1)])
    >>> net.forward(np.ones((5, 2))).shape
    (5, 1)
    """

    def __init__(self, layers: Sequence[Layer]):
        self.layers = list(layers) if isinstance(layers, Iterable) else []
        if not self.layers or not all(isinstance(layer, Layer) for layer in self.layers):
            raise TypeError("layers must be a list of at least one Layer")

    def forward(self, x, training: bool = False, rng=None):
        """Return the output of the last layer; one ``rng`` serves all layers in turn."""
        rng = None if rng is None else check_rng(rng)
        for layer in self.layers:
            x = layer.forward(x, training, rng)
        return x

    def backward(self, grad):
        """Fill the ``grads`` of every layer and return the gradient with respect to the input."""
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def measure(self, X, batch_size: int | None = None) -> None:
        """Give every batch norm the statistics of ``X``.

        In one batch (the default) they are exactly those of the net that is tested. In smaller
        ones, for data that do not fit, each layer sees what the batches before it were normalised
        to, as in training.
        """
        n = X.shape[0]
        batch_size = n if batch_size is None else check_int(batch_size, "batch_size", low=1)
        for layer in self.layers:
            if isinstance(layer, BatchNorm):
                layer.forget()
        for x in _parts(X, batch_size):
            for layer in self.layers:
                x = layer.measure(x)


@dataclass
class Run:
    """One call of ``fit``: what it keeps beside the network itself."""

    first_epoch: int
    optimizer: Optimizer
    rng: np.random.Generator
    stopped: bool = False


class BinaryConnectNetwork(Sequential):
    """A classifier with one output a class, trained by BinaryConnect.

    Parameters
    ----------
    layers : what :func:`binary_connect_mlp` makes, or a list of own layers
    test_weights : the rule that :meth:`predict` follows if it is not told otherwise
    dtype : "float32" or "float64", the numbers it computes with

    The paper has three rules for the test. "binary": the signs of the latents, a net of one bit a
    weight. "latent": the real latents, which are the mean of the random signs; the paper tests its
    stochastic form so, and its famous 1.18 % on MNIST is therefore *not* a binary net. "ensemble":
    several nets of random signs whose outputs are averaged. Each rule has its own batch-norm
    statistics, exact over the training set.

    After :meth:`fit`: ``history`` (a list of dicts, one an epoch, see there) and ``test_nets`` (for
    each rule a list of :class:`Sequential` nets with fixed weights; one, or the ensemble).
    """

    def __init__(self, layers: Sequence[Layer], test_weights="binary", dtype: str = "float32"):
        super().__init__(layers)
        self.test_weights = check_option(test_weights, "test_weights", TEST_RULES)
        self.dtype = check_option(dtype, "dtype", ["float32", "float64"])
        linear = [layer for layer in self.layers if isinstance(layer, Linear)]
        if not linear:
            raise ValueError("layers must hold at least one linear layer")
        self.n_classes = linear[-1].n_out
        self.history: list[dict] = []
        self.test_nets: dict[str, list[Sequential]] = {}
        self._xp = np

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    def fit(
        self,
        X,
        y,
        *,
        epochs: int = 30,
        batch_size: int = 50,
        learning_rate: Sequence[float] = (0.01, 0.0001),
        optimizer: Optimizer | None = None,
        loss: str = "sum",
        ensemble: int = 8,
        statistics_batch: int | None = None,
        rules: Sequence[str] = TEST_RULES,
        validation: tuple | None = None,
        callback: Callable | None = None,
        checkpoint=None,
        progress: bool = False,
        rng,
    ) -> BinaryConnectNetwork:
        """Train on ``X``, shape (n, features), and class numbers ``y``; return ``self``.

        Parameters
        ----------
        epochs, batch_size : a last short batch is kept
        learning_rate : of the first and of the last epoch, in equal ratios between; or an array
            of one rate an epoch, as :func:`geometric_rates` gives
        optimizer : :class:`Adam` (the default) or :class:`SGD`
        loss : the squared hinge, "sum" or "mean" over the outputs; or "probit", for
            :func:`expectation_mlp`
        ensemble : the number of nets of the rule "ensemble"
        statistics_batch : samples a batch when the batch norms' statistics are taken over ``X``;
            None takes all in one, which is exact but needs memory for it
        rules : the rules for which ``test_nets`` are made at the end
        validation : ``(X, y)``, tested after each epoch by the rule ``test_weights``
        callback : called after each epoch with the network and the epoch's row of ``history``; if
            it returns ``True``, training ends
        checkpoint : a :class:`bnnkit.files.Checkpoint`; if its file holds a part of this very run,
            training goes on from there
        progress : whether to show a bar
        rng : int seed or numpy.random.Generator: the order of the samples and all random signs

        A row of ``history`` has ``epoch`` (from 1), ``learning_rate``, ``loss``, ``train_error``
        (percent, counted while training), ``validation_error`` (percent, if asked for), and for
        each layer with latents ``flips`` (signs that differ from the epoch before) and ``cosine``
        (of the angle between the latents and their signs). Training may be interrupted; the net
        stays usable as it is then. A second ``fit`` goes on from there.
        """
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable, got {type(callback).__name__}")
        if checkpoint is not None and not hasattr(checkpoint, "after_epoch"):
            raise TypeError(f"checkpoint must be a Checkpoint, got {type(checkpoint).__name__}")
        X = self._features(X)
        y = check_labels(y, "y", X.shape[0], self.n_classes)
        epochs = check_int(epochs, "epochs", low=1)
        batch_size = check_int(batch_size, "batch_size", low=1)
        ensemble = check_int(ensemble, "ensemble", low=1)
        check_option(loss, "loss", LOSSES)
        rates = _rates(learning_rate, epochs)
        optimizer = Adam() if optimizer is None else optimizer
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be SGD or Adam, got {type(optimizer).__name__}")
        rng = check_rng(rng)
        if validation is not None:
            X_val = self._features(_pair(validation, "validation")[0], "validation X")
            y_val = check_labels(validation[1], "validation y", X_val.shape[0], self.n_classes)
        run = Run(self.epoch, optimizer, rng)
        if checkpoint is not None:
            inputs = {"X": X, "y": y, "validation": validation and (X_val, y_val)}
            options = {"epochs": epochs, "batch_size": batch_size, "loss": loss}
            options |= {"learning_rate": list(learning_rate), "ensemble": ensemble}
            checkpoint.begin(self, run, inputs, **options)
        done = self.epoch - run.first_epoch

        try:
            for rate in tqdm(
                [] if run.stopped else rates[done:],
                total=epochs, initial=done, disable=not progress, unit="epoch",
            ):  # fmt: skip
                before = self._latents()
                row = {"epoch": self.epoch + 1, "learning_rate": float(rate)}
                row |= self._epoch(X, y, batch_size, float(rate), optimizer, loss, rng)
                row |= _compared(before, self._latents())
                if validation is not None:
                    self.calibrate(X, [self.test_weights], ensemble, statistics_batch, rng=rng)
                    row["validation_error"] = 100 * (1 - self.score(X_val, y_val))
                self.history.append(row)
                run.stopped = callback is not None and callback(self, row) is True
                if checkpoint is not None:
                    last = self.epoch == run.first_epoch + epochs
                    checkpoint.after_epoch(self, run, done=run.stopped or last)
                if run.stopped:
                    break
        except KeyboardInterrupt:
            self.calibrate(X, rules, ensemble, statistics_batch, rng=rng)
            raise
        self.calibrate(X, rules, ensemble, statistics_batch, rng=rng)
        return self

    def partial_fit(
        self, X, y, *, learning_rate: float, optimizer: Optimizer, loss: str = "sum", rng
    ) -> BinaryConnectNetwork:
        """Take one step on one batch and return ``self``; parameters as for :meth:`fit`.

        For streams: pass the same ``optimizer`` and ``rng`` each time, and call :meth:`calibrate`
        before the next prediction. ``history`` records nothing.
        """
        X = self._features(X)
        y = check_labels(y, "y", X.shape[0], self.n_classes)
        check_option(loss, "loss", LOSSES)
        rate = float(check_number(learning_rate, "learning_rate", low=0, open_low=True))
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer must be SGD or Adam, got {type(optimizer).__name__}")
        self._epoch(X, y, X.shape[0], rate, optimizer, loss, check_rng(rng))
        return self

    def calibrate(
        self,
        X,
        rules: Sequence[str] = TEST_RULES,
        ensemble: int = 8,
        statistics_batch: int | None = None,
        *,
        rng,
    ) -> None:
        """Make ``test_nets`` anew from the present latents, with statistics over ``X``.

        :meth:`fit` ends with it; call it if you have changed a latent yourself. Parameters as
        there.
        """
        X = self._features(X)
        rng = check_rng(rng)
        check_int(ensemble, "ensemble", low=1)
        for rule in rules:
            check_option(rule, "rules", TEST_RULES)
            weights, n_nets = ("sampled", ensemble) if rule == "ensemble" else (rule, 1)
            nets = []
            for _ in range(n_nets):
                net = Sequential([layer.frozen(weights, rng) for layer in self.layers])
                net.measure(X, statistics_batch)
                nets.append(net)
            self.test_nets[rule] = nets

    def outputs(self, X, weights: str | None = None):
        """Return the outputs at test time, shape (n, classes), by the rule ``weights``."""
        weights = self.test_weights if weights is None else weights
        rule = check_option(weights, "weights", TEST_RULES)
        if rule not in self.test_nets:
            raise ValueError("the network must be fitted before it predicts: call fit(X, y)")
        X = self._features(X)
        parts = [
            sum(net.forward(part) for net in self.test_nets[rule]) for part in _parts(X, TEST_ROWS)
        ]
        return namespace(X).concat(parts, axis=0) / len(self.test_nets[rule])

    def predict(self, X, weights: str | None = None):
        """Return the class number of each row: the largest output (the first, if equal).

        ``weights`` is "binary", "latent" or "ensemble" (see the class); ``None`` means
        ``test_weights``.
        """
        outputs = self.outputs(X, weights)
        return namespace(outputs).argmax(outputs, axis=1)

    def score(self, X, y, weights: str | None = None) -> float:
        """Return the share of rows whose class is predicted, in [0, 1]."""
        predicted = self.predict(X, weights)
        y = check_labels(y, "y", predicted.shape[0], self.n_classes)
        return _count(predicted == namespace(predicted).asarray(y)) / predicted.shape[0]

    def _epoch(self, X, y, batch_size: int, rate: float, optimizer, loss: str, rng) -> dict:
        """One pass over the data: forward, backward, update, batch by batch."""
        xp, n = namespace(X), X.shape[0]
        order = rng.permutation(n)
        total, wrong = 0.0, 0
        for start in range(0, n, batch_size):
            batch = order[start : start + batch_size]
            targets = xp.asarray(sign_targets(y[batch], self.n_classes))
            outputs = self.forward(xp.take(X, xp.asarray(batch), axis=0), True, rng)
            batch_loss, grad = LOSSES[loss](outputs, targets)
            self.backward(grad)
            optimizer.update(self.layers, rate)
            total += batch_loss * len(batch)
            wrong += _count(xp.argmax(outputs, axis=1) != xp.asarray(y[batch]))
        return {"loss": total / n, "train_error": 100 * wrong / n}

    def _latents(self) -> list:
        return [latent for layer in self.layers for latent in layer.latents.values()]

    def _features(self, X, name: str = "X"):
        """Check ``X``; if it comes from another array library, the whole network moves there."""
        X = as_floats(X, name)
        first = self.layers[0]
        if isinstance(first, Conv2d):
            as_floats(X, name, ndim=4)
        elif isinstance(first, Linear):
            as_floats(X, name, ndim=2)
            check_columns(X, name, first.n_in)
        xp = namespace(X)
        if xp is not self._xp:
            for net in [self, *(net for nets in self.test_nets.values() for net in nets)]:
                for layer in net.layers:
                    layer.to(xp, self.dtype)
            self._xp = xp
        with np.errstate(over="ignore"):  # said below
            moved = move(X, xp, self.dtype)
        if X.dtype != moved.dtype and not xp.all(xp.isfinite(moved)):
            raise ValueError(f"{name} must hold numbers that {self.dtype} can hold")
        return moved

    def __getstate__(self) -> dict:
        """All but the array library, a module, which cannot be pickled or copied."""
        return {name: value for name, value in self.__dict__.items() if name != "_xp"}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        linear = next(layer for layer in self.layers if isinstance(layer, Linear))
        self._xp = namespace(next(iter((linear.params | linear.latents).values())))


def binary_connect_mlp(
    widths: Sequence[int],
    form: str = "deterministic",
    *,
    activation: str = "relu",
    scale: float | str = 1.0,
    spread: float = 1.0,
    clip: bool = True,
    dropout: float = 0.5,
    dtype: str = "float32",
    rng,
) -> BinaryConnectNetwork:
    """Return a multilayer perceptron: linear, batch norm, activation; at the end no activation.

    Parameters
    ----------
    widths : inputs, hidden layers, classes, as in ``[64, 256, 10]``
    form : "deterministic" or "stochastic" binary weights; "ternary" or "stochastic-ternary", with
        0 as well; "float", their twin with real weights; "dropout", the twin with dropout before
        each linear layer but the first
    activation : "relu", or "sign" for binary activations too (BinaryNet)
    scale, spread, clip : of the binary layers, see :class:`BinaryLinear`
    dropout : the rate of the form "dropout"
    dtype : "float32" or "float64"
    rng : int seed or numpy.random.Generator, for the start

    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> net = binary_connect_mlp([2, 16, 2], rng=0).fit(X, [0, 1, 1, 0], epochs=100, rng=0)
    >>> net.predict(X)
    array([0, 1, 1, 0])
    """
    widths = check_widths(widths, "widths")
    if len(widths) < 2:
        raise ValueError(f"widths must hold at least inputs and classes, got {widths}")
    make = _Maker(form, activation, scale, spread, clip, dropout, dtype, rng)
    layers: list[Layer] = []
    for n_in, n_out in zip(widths[:-1], widths[1:], strict=True):
        if layers:
            layers += make.activation()
        layers += [make.linear(n_in, n_out), BatchNorm(n_out, dtype=dtype)]
    return make.network(layers)


def binary_connect_cnn(
    image: Sequence[int],
    maps: Sequence[int],
    hidden: Sequence[int],
    n_classes: int,
    form: str = "deterministic",
    *,
    activation: str = "relu",
    scale: float | str = 1.0,
    spread: float = 1.0,
    clip: bool = True,
    dropout: float = 0.5,
    dtype: str = "float32",
    rng,
) -> BinaryConnectNetwork:
    """Return a convolutional network of BinaryConnect's pattern.

    For each entry of ``maps`` two 3 x 3 convolutions, the second followed by a 2 x 2 max pooling;
    then linear layers of the ``hidden`` widths and one of ``n_classes``. After each comes a batch
    norm and, but for the last, the activation. Pooling stands before the batch norm, as in the
    paper's code. The paper's net for CIFAR-10 is maps (128, 256, 512), hidden (1024, 1024).

    Parameters
    ----------
    image : (maps, height, width) of an image
    maps, hidden, n_classes : the sizes
    others : as for :func:`binary_connect_mlp`

    Source: Courbariaux et al. 2015, Section 3.2.

    >>> net = binary_connect_cnn((1, 8, 8), (4, 8), (16,), 10, rng=0)
    >>> net.forward(np.ones((2, 1, 8, 8)), training=True).shape
    (2, 10)
    """
    image = check_widths(image, "image")
    if len(image) != 3:
        raise ValueError(f"image must be (maps, height, width), got {image}")
    n_in, height, width = image
    maps, hidden = check_widths(maps, "maps"), check_widths(hidden, "hidden")
    n_classes = check_int(n_classes, "n_classes", 2, MAX_WIDTH)
    make = _Maker(form, activation, scale, spread, clip, dropout, dtype, rng)
    layers: list[Layer] = []
    for n_out in maps:
        for last in (False, True):
            if layers:
                layers += make.activation(images=True)
            layers.append(make.convolution(n_in, n_out))
            if last:
                layers.append(MaxPool(2))
                height, width = height // 2, width // 2
            layers.append(BatchNorm(n_out, dtype=dtype))
            n_in = n_out
    if not layers or min(height, width) < 1:
        raise ValueError(f"maps must be 1 to {_halvings(image)} sizes for images {tuple(image)}")
    layers += [*make.activation(images=True), Flatten()]
    n_in *= height * width
    for n_out in (*hidden, n_classes):
        if not isinstance(layers[-1], Flatten):
            layers += make.activation()
        layers += [make.linear(n_in, n_out), BatchNorm(n_out, dtype=dtype)]
        n_in = n_out
    return make.network(layers)


class _Maker:
    """Makes the layers of one form."""

    def __init__(self, form, activation, scale, spread, clip, dropout, dtype, rng):
        self.form = check_option(form, "form", FORMS)
        self.sign = check_option(activation, "activation", ["relu", "sign"]) == "sign"
        self.dropout, self.rng, self.dtype = dropout, check_rng(rng), dtype
        self.real = form in ("float", "dropout")
        self.binary = dict(binarize=form, scale=scale, spread=spread, clip=clip)

    def linear(self, n_in: int, n_out: int) -> Linear:
        if self.real:
            return Linear(n_in, n_out, bias=False, rng=self.rng, dtype=self.dtype)
        return BinaryLinear(n_in, n_out, rng=self.rng, dtype=self.dtype, **self.binary)

    def convolution(self, n_in: int, n_out: int) -> Conv2d:
        if self.real:
            return Conv2d(n_in, n_out, rng=self.rng, dtype=self.dtype)
        return BinaryConv2d(n_in, n_out, rng=self.rng, dtype=self.dtype, **self.binary)

    def activation(self, images: bool = False) -> list[Layer]:
        """The activation; before a linear layer of the form "dropout", that as well."""
        layers: list[Layer] = [Sign() if self.sign else ReLU()]
        return layers + ([Dropout(self.dropout)] if self.form == "dropout" and not images else [])

    def network(self, layers: list[Layer]) -> BinaryConnectNetwork:
        by_signs = self.form in ("deterministic", "ternary")
        return BinaryConnectNetwork(layers, "binary" if by_signs else "latent", self.dtype)


def _halvings(image: Sequence[int]) -> int:
    """How often an image can be halved."""
    return min(image[1:]).bit_length() - 1


def _parts(X, rows: int):
    """``X`` in parts of at most so many rows."""
    n = X.shape[0]
    return (X[start : min(start + rows, n), ...] for start in range(0, n, rows))


def _rates(learning_rate, epochs: int) -> np.ndarray:
    """One rate an epoch: as given, or in equal ratios between two."""
    if isinstance(learning_rate, np.ndarray):
        rates = check_array(learning_rate, "learning_rate", ndim=1)
        if len(rates) != epochs:
            raise ValueError(
                f"learning_rate must hold a rate an epoch ({epochs}), got {len(rates)}"
            )
        return rates
    first, last = _pair(learning_rate, "learning_rate")
    return geometric_rates(first, last, epochs)


def _compared(before: list, after: list) -> dict:
    """How the latents moved in an epoch, layer by layer."""
    return {
        "flips": [_count((new < 0) != (old < 0)) for old, new in zip(before, after, strict=True)],
        "cosine": [_cosine_to_sign(latent) for latent in after],
    }


def _cosine_to_sign(latent) -> float:
    """``sum |w| / (sqrt(d) * norm)``: 1 when all latents have one size, as at the bound."""
    xp = namespace(latent)
    norm = float(xp.sqrt(xp.sum(latent**2)))
    return float(xp.sum(xp.abs(latent))) / (norm * latent.size**0.5) if norm > 0 else 0.0


def _count(condition) -> int:
    return int(namespace(condition).count_nonzero(condition))


def _pair(value, name: str) -> tuple:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a pair, got {value!r}"[:120])
    return tuple(value)
