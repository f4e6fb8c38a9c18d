"""Seeds, folds and grids on many machines: the same runs, handed out by Dask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def on_cluster(address: str) -> Iterator[None]:
    """Within the block, :func:`reproduce` without ``jobs`` runs on the workers of a Dask scheduler.

    ``address`` is the scheduler's, as in ``tcp://10.0.0.1:8786``. Each worker needs bnnkit of the
    same version and reads its data from its own ``BNNKIT_DATA``; rows come back and are stored
    here. The results are those of a run on one machine, to the bit where training is integer. The
    runs of a worker that dies, Dask gives to another.

    Raises ``ImportError`` without ``distributed``, ``ValueError`` if nobody answers.
    """
    try:
        from distributed import Client
        from joblib import parallel_config
    except ImportError:
        raise ImportError("a cluster needs Dask: pip install 'bnnkit[lab,dask]'") from None
    try:
        client = Client(address, timeout=10)
    except OSError as error:
        raise ValueError(f"no Dask scheduler answers at {address}: {error}") from None
    with client, parallel_config(backend="dask", wait_for_workers_timeout=30):
        yield
