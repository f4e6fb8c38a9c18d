"""Street View House Numbers: colour photographs of digits, in MATLAB's format."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bnnkit.datasets.dataset import Dataset
from bnnkit.datasets.fetch import Remote, fetch, has_md5, local_folder

SHAPE = (3, 32, 32)
SOURCE = "http://ufldl.stanford.edu/housenumbers"
REMOTES = tuple(
    Remote(f"{part}_32x32.mat", (f"{SOURCE}/{part}_32x32.mat",), size, md5)
    for part, size, md5 in (
        ("train", 182_040_794, "e26dedcc434d2e4c54c9b2d4a06d8373"),
        ("test", 64_275_384, "eb5a983be6a315427106f1b164d9cef3"),
        ("extra", 1_329_278_602, "a93ce644f1a588dc4d68dda5feec44a7"),
    )
)


def load_svhn(folder=None, *, extra: bool = True, download: bool = True) -> Dataset:
    """Load SVHN: 73,257 and 26,032 photographs of digits on houses, and 531,131 easier ones.

    ``X`` is uint8 ``(n, 3072)``: the red, the green and the blue plane, each row by row. Training
    cases are the training part followed, with ``extra``, by the extra part. The files
    ``train_32x32.mat``, ``test_32x32.mat`` and ``extra_32x32.mat`` are taken from ``folder``, else
    ``$BNNKIT_DATA/svhn``, else from the cache, else downloaded (246 MB, and 1.3 GB for the extra
    part) unless ``download`` is false. In the files a 0 is labelled 10; here it is 0.

    Notes and errors as in :func:`load_mnist`; ``ImportError`` if scipy, which reads the format, is
    not installed.

    Source: Netzer et al. 2011, *Reading digits in natural images with unsupervised feature
    learning*.
    """
    remotes = REMOTES if extra else REMOTES[:2]
    own = local_folder("svhn", folder)
    place = own if own is not None else fetch("SVHN", "svhn", remotes, download)
    parts = {remote.name.split("_")[0]: _read(place / remote.name) for remote in remotes}
    X_test, y_test = parts.pop("test")
    changed = [r.name for r in remotes if own is not None and not has_md5(place / r.name, r.md5)]
    doubt = f"not the official bytes of {', '.join(changed)}"
    return Dataset(
        name="svhn",
        X_train=np.concatenate([X for X, _ in parts.values()]),
        y_train=np.concatenate([y for _, y in parts.values()]),
        X_test=X_test,
        y_test=y_test,
        classes=tuple(range(10)),
        sample_shape=SHAPE,
        source=str(place),
        notes=(doubt,) if changed else (),
    )


def _read(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One file: ``X`` (32, 32, 3, n) and ``y`` (n, 1) of labels 1 .. 10, as rows and 0 .. 9."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ImportError('load_svhn needs scipy: pip install "bnnkit[sklearn]"') from None
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent} lacks the file {path.name}")
    try:
        content = loadmat(path, variable_names=["X", "y"])
        X, y = content["X"], content["y"]
    except Exception as error:  # scipy raises nearly anything for a damaged file
        raise ValueError(f"{path} cannot be read: {error}") from error
    if X.dtype != np.uint8 or X.ndim != 4 or X.shape[:3] != (32, 32, 3) or X.shape[3] == 0:
        raise ValueError(f"{path} must hold X of 32 x 32 x 3 x n bytes, got {X.dtype} {X.shape}")
    y = y.reshape(-1)
    if y.dtype.kind not in "iu" or len(y) != X.shape[3] or y.min() < 1 or y.max() > 10:
        raise ValueError(f"{path} must hold one label 1 .. 10 for each of {X.shape[3]} images")
    return X.transpose(3, 2, 0, 1).reshape(len(y), -1), y.astype(np.int64) % 10
