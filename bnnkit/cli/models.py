"""``train``, ``predict``, ``evaluate`` and ``export``: from a file of data to a file of C."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path

import numpy as np

from bnnkit.datasets import read_table, series_lengths
from bnnkit.errors import check_int

INPUT_TYPES = ("uint8", "int8", "uint16", "int16")
NAMED = (".csv", ".tsv", ".arff")  # files that name their columns, the labels' among them
METHODS = ("bep", "local", "binaryconnect", "recurrent")
# Options of `train` that are settings of the estimators, and which methods have them.
SETTINGS = {
    "widths": ("bep", "local", "binaryconnect"),
    "state": ("recurrent",),
    "reading": ("recurrent",),
    "window": ("recurrent",),
    "bits": ("bep", "local", "recurrent"),
    "nu": ("bep", "recurrent"),
    "r": ("bep", "local", "recurrent"),
    "epochs": METHODS,
    "batch_size": METHODS,
}
# Of the row of `train`, what people see.
TRAIN_COLUMNS = (
    *("dataset", "method", "seed", "epochs", "train_accuracy", "test_accuracy"),
    *("seconds", "bytes", "file"),
)


def add_commands(command) -> None:
    """Add the four commands; ``command(name, function, help)`` gives a parser."""
    train = command("train", _train, "train a classifier on a table or on time series")
    train.set_defaults(columns=TRAIN_COLUMNS)
    train.add_argument("data", type=Path, help=".csv, .tsv, .npz, .arff or .ts")
    train.add_argument("--out", type=Path, required=True, metavar="MODEL", help="where to save it")
    train.add_argument("--target", metavar="COLUMN", help="the column of the labels (the last)")
    train.add_argument("--method", choices=METHODS, help="bep; for time series, recurrent")
    train.add_argument("--test", type=Path, metavar="DATA", help="measure on this file")
    train.add_argument(
        "--hold-out", type=float, default=0.2, metavar="SHARE",
        help="without --test: measure on this share, and train on the rest (%(default)s)",
    )  # fmt: skip
    train.add_argument(
        "--widths",
        nargs="+",
        type=int,
        metavar="W",
        help="hidden widths (135 135; of binaryconnect 128 128)",
    )
    train.add_argument("--state", type=int, help="recurrent: neurons of the state (525)")
    train.add_argument(
        "--reading",
        choices=("chunks", "last"),
        help="recurrent: a step is a chunk of the series, or one of its last values (chunks)",
    )
    train.add_argument("--window", type=int, help="recurrent: how many steps (4)")
    train.add_argument("--bits", type=int, help="thresholds a feature (8; recurrent: 10)")
    train.add_argument("--nu", type=float, help="gate width, 0 to 1 (0.1)")
    train.add_argument("--r", type=float, help="margin, 0 to 1 (0.5)")
    train.add_argument("--epochs", type=int, help="(50)")
    train.add_argument("--batch-size", type=int, help="(20; recurrent: a tenth of the cases)")
    train.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    train.add_argument(
        "--compact", action="store_true", help="save one bit a weight, not to be trained on"
    )

    predict = command("predict", _predict, "the label of every case")
    evaluate = command("evaluate", _evaluate, "accuracy, in all and for each label")
    for added in (predict, evaluate):
        added.add_argument("model", type=Path, help="a file that train has written")
        added.add_argument("data", type=Path, help=".csv, .tsv, .npz, .arff or .ts")
        added.add_argument(
            "--target", metavar="COLUMN", help="the column of the labels (as trained)"
        )
    predict.add_argument("--out", type=Path, metavar="CSV", help="write the labels there")

    export = command("export", _export, "one C99 header: no float, no malloc, no library")
    export.add_argument("model", type=Path, help="a file that train or save has written")
    export.add_argument("header", type=Path, help="the .h file to write")
    export.add_argument(
        "--input-type",
        choices=INPUT_TYPES,
        help="of the features in C (the first of these that holds the model's thresholds)",
    )


def describe(path: Path) -> list[dict]:
    """Return what a model's file holds, a row an object."""
    from bnnkit import files

    found = files.describe(path)
    rows = [{"what": "bytes", "value": found["bytes"]}]
    for stored in found["objects"]:
        rows.append({"what": stored["kind"], "value": _settings(stored["settings"])})
        for name, (dtype, shape) in stored["arrays"].items():
            rows.append({"what": f"  {name}", "value": f"{' x '.join(map(str, shape))} {dtype}"})
    return rows + [{"what": name, "value": _short(v)} for name, v in found["about"].items()]


def _settings(settings: dict) -> str:
    return _short(", ".join(f"{name} {value}" for name, value in settings.items()))


def _short(value) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def check_target(path: Path | None, option: str) -> None:
    """Refuse a file that could not be written, before the work instead of after it."""
    if path is None:
        return
    if path.name == "" or path.is_dir():
        raise ValueError(f"{option} must name a file, got the folder {path}")
    if not path.parent.is_dir():
        raise ValueError(f"{option}: there is no folder {path.parent}")


def _train(arguments) -> list[dict]:
    from bnnkit.estimators import save

    check_int(arguments.seed, "--seed", 0, 2**32 - 1)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    check_target(arguments.out, "--out")
    table = read_table(arguments.data, arguments.target)
    series = table.X.ndim == 3
    method = arguments.method or ("recurrent" if series else "bep")
    if series != (method == "recurrent"):
        kind = "time series" if series else "a table"
        raise ValueError(f"--method {method} does not go with {kind}")
    X, y = _cases(table.X), table.y
    if arguments.test is not None:
        test = read_table(arguments.test, arguments.target, columns=table.columns)
        X_test, y_test = _cases(test.X), test.y
    else:
        X, y, X_test, y_test = _held_out(X, y, arguments.hold_out, arguments.seed)
    checkpoint = arguments.out.with_name(arguments.out.name + ".checkpoint")
    model = _estimator(method, arguments, checkpoint)
    started = time.perf_counter()
    if checkpoint.exists():
        print(f"going on from {checkpoint}", file=sys.stderr)
    try:
        model.fit(X, y)
    except KeyboardInterrupt:
        if checkpoint.exists():
            print(f"\nThe same command goes on from {checkpoint}.", file=sys.stderr)
        raise
    seconds = time.perf_counter() - started
    about = {"columns": list(table.columns) if table.columns else None, "target": table.target}
    size = save(model, arguments.out, hidden=not arguments.compact, about=about)
    checkpoint.unlink(missing_ok=True)
    row = {"dataset": arguments.data.stem, "method": method, "seed": arguments.seed}
    row |= {"epochs": len(model.network_.history), "train_accuracy": _percent(model, X, y)}
    if X_test is not None:
        row["test_accuracy"] = _percent(model, X_test, y_test)
    if hasattr(model.network_, "weights_sha256"):
        row["weights_sha256"] = model.network_.weights_sha256()
    return [row | {"seconds": round(seconds, 2), "bytes": size, "file": str(arguments.out)}]


def _estimator(method: str, arguments, checkpoint: Path):
    from bnnkit import estimators

    settings = {}
    for name, methods in SETTINGS.items():
        value = getattr(arguments, name)
        if value is None:
            continue
        if method not in methods:
            raise ValueError(f"--{name.replace('_', '-')} does not go with --method {method}")
        settings["hidden_widths" if name == "widths" else name] = value
    kind = {
        "bep": "BEPClassifier",
        "local": "LocalRuleClassifier",
        "binaryconnect": "BinaryConnectClassifier",
        "recurrent": "BEPRecurrentClassifier",
    }[method]
    return getattr(estimators, kind)(
        **settings, random_state=arguments.seed, verbose=True, checkpoint=checkpoint
    )


def _predict(arguments) -> list[dict]:
    check_target(arguments.out, "--out")
    model, X, _ = _opened(arguments, labelled=False)
    labels = model.predict(X).tolist()
    if arguments.out is not None:
        with open(arguments.out, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["label"])
            writer.writerows([label] for label in labels)
        return [{"file": str(arguments.out), "cases": len(labels)}]
    return [{"case": i, "label": label} for i, label in enumerate(labels)]


def _evaluate(arguments) -> list[dict]:
    model, X, y = _opened(arguments, labelled=True)
    predicted = model.predict(X)
    right = predicted.astype(str) == y.astype(str)  # 1 and "1" are the same label
    rows = [{"label": "all", "cases": len(y), "test_accuracy": _share(right)}]
    for label in np.unique(y).tolist():
        mine = y == label
        row = {"label": label, "cases": int(mine.sum())}
        rows.append(row | {"test_accuracy": _share(right[mine])})
    return rows


def _export(arguments) -> list[dict]:
    from bnnkit import files
    from bnnkit.estimators import load
    from bnnkit.export import export_c
    from bnnkit.export.plan import thresholds_of

    about = files.describe(arguments.model)["about"]
    if about.get("estimator") == "BEPRecurrentClassifier":
        fitted = load(arguments.model)
        model = fitted.reader_, fitted.network_
    else:
        model = files.load(arguments.model)
    input_type = arguments.input_type
    if isinstance(model, tuple):
        input_type = input_type or _input_type(thresholds_of(model[0]), about.get("columns"))
    exported = export_c(model, arguments.header, input_type=input_type)
    row = {"file": str(exported.header), "bytes": exported.header.stat().st_size}
    row |= {"flash_bytes": exported.flash_bytes, "stack_bytes": exported.stack_bytes}
    return [row | {"input_type": input_type or "int8", "classes": about.get("classes")}]


def _input_type(thresholds: np.ndarray, columns) -> str:
    """The first type that holds the thresholds, which are values that the model has been shown."""
    broken = (thresholds != np.floor(thresholds)).any(axis=1)
    if broken.any():
        first = int(np.flatnonzero(broken)[0])
        name = repr(columns[first]) if columns else str(first)
        raise ValueError(
            f"the model reads fractions, as in column {name}, and C reads whole numbers: train on "
            "what the device will measure, such as tenths; or name an --input-type to round down"
        )
    low, high = thresholds.min(), thresholds.max()
    for name in INPUT_TYPES:
        if np.iinfo(name).min <= low and high <= np.iinfo(name).max:
            return name
    raise ValueError(f"no --input-type holds the thresholds, from {low:g} to {high:g}")


def _opened(arguments, labelled: bool):
    """The model, the cases in its own columns' order, and their labels."""
    from bnnkit import files
    from bnnkit.estimators import load

    model, about = load(arguments.model), files.describe(arguments.model)["about"]
    target = arguments.target
    if target is None and labelled and arguments.data.suffix.lower() in NAMED:
        target = about.get("target")
    table = read_table(arguments.data, target, labelled, about.get("columns"))
    series = not hasattr(model, "n_features_in_")
    if series != (table.X.ndim == 3):
        kinds = ("time series", "a table") if series else ("a table", "time series")
        raise ValueError(f"{arguments.model} reads {kinds[0]}, {arguments.data} holds {kinds[1]}")
    got, wanted = table.X.shape[1], model.n_channels_ if series else model.n_features_in_
    if got != wanted:
        what = "channels" if series else "features"
        raise ValueError(f"{arguments.data} must hold {wanted} {what}, got {got}")
    return model, _cases(table.X), table.y


def _cases(X: np.ndarray):
    """Tables as they are; series as a list, each without the padding at its end."""
    if X.ndim == 2:
        return X
    return [series[:, :length] for series, length in zip(X, series_lengths(X))]


def _held_out(X, y, share: float, seed: int):
    from sklearn.model_selection import train_test_split

    if not 0 <= share < 1:
        raise ValueError(f"--hold-out must be a share in [0, 1), got {share}")
    if share == 0:
        return X, y, None, None
    try:
        rest, aside = train_test_split(
            np.arange(len(y)), test_size=share, stratify=y, random_state=seed
        )
    except ValueError as error:
        labels, counts = np.unique(y, return_counts=True)
        rarest = f"{labels[counts.argmin()].item()!r} has {counts.min()} of {len(y)}"
        raise ValueError(
            f"--hold-out {share:g} cannot set cases of every label aside ({rarest}): "
            f"choose another share, or 0 to hold out none, or measure on a file with --test"
        ) from error
    part = (lambda i: [X[k] for k in i]) if isinstance(X, list) else (lambda i: X[i])
    return part(rest), y[rest], part(aside), y[aside]


def _percent(model, X, y) -> float:
    return _share(model.predict(X) == y)


def _share(right) -> float:
    return round(100 * float(np.mean(right)), 2)
