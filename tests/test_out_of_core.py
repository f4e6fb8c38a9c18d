"""Training on a file that is larger than what training takes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import not_run

STATUS = Path("/proc/self/status")
PROGRAM = """
import re, sys
import numpy as np
from bnnkit.estimators import BEPClassifier

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

path, rows, step = sys.argv[1], int(sys.argv[2]), 2000
model = BEPClassifier((15,), bits=1, batch_size=500, random_state=0)
for start in range(0, rows, step):
    X = np.load(path, mmap_mode="r")[start : start + step]
    y = X[:, :50].sum(axis=1) > 0
    model.partial_fit(X, y, classes=[False, True])
    if start == 5 * step:
        settled = peak()
print(peak() - settled, model.score(X, y))
"""


@pytest.mark.slow
def test_memory_stays_flat_on_a_file_of_200_megabytes(tmp_path):
    if not STATUS.exists():
        not_run("the peak of a process's memory is read from /proc")
    path, rows = tmp_path / "X.npy", 200_000
    X = np.lib.format.open_memmap(path, "w+", np.float32, (rows, 250))
    rng = np.random.default_rng(0)
    for start in range(0, rows, 10_000):
        X[start : start + 10_000] = rng.standard_normal((10_000, 250), np.float32)
    assert X.nbytes == 200e6
    del X
    command = [sys.executable, "-c", PROGRAM, path, str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    growth, accuracy = map(float, done.stdout.split())
    assert growth < 20e6
    assert accuracy > 0.7  # one pass over one bit a feature; chance is 0.5
