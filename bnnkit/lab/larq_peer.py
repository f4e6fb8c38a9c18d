"""Time Larq Compute Engine's binary product; run by an interpreter that has it.

    /path/to/python larq_peer.py 100,1024,784 1024,1024,1024

It needs larq-compute-engine, larq and the TensorFlow that they were built for, which want versions
of their own; so this file imports nothing of bnnkit, and ``bench kernels --larq-python`` runs it
from outside. Larq has no dense layer in bits: a 1 x 1 convolution over m positions is the same
product. Its tuned kernels are for ARM; this is what it does on the processor at hand.

Prints a JSON list: the median seconds of processor time of each size, on one thread.
"""

import json
import os
import sys
import time
from statistics import median

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}

REPEATS = 5


def main():
    """Time the sizes of the command line."""
    sizes = [tuple(map(int, size.split(","))) for size in sys.argv[1:]]
    print(json.dumps([seconds(*size) for size in sizes]))


def seconds(m, n, k):
    """Return the time of one product of (m, k) and (n, k) signs."""
    import larq
    import larq_compute_engine as lce
    import numpy as np
    import tensorflow as tf

    layer = larq.layers.QuantConv2D(
        n, 1, input_quantizer="ste_sign", kernel_quantizer="ste_sign", use_bias=False
    )
    model = tf.keras.Sequential([tf.keras.Input((m, 1, k)), layer])
    interpreter = lce.testing.Interpreter(lce.convert_keras_model(model), num_threads=1)
    x = np.random.default_rng(0).choice(np.float32([-1, 1]), (1, m, 1, k))
    weights = np.where(layer.get_weights()[0].reshape(k, n) < 0, -1, 1).astype(np.float32)
    if not np.array_equal(interpreter.predict(x).reshape(m, n), x.reshape(m, k) @ weights):
        raise SystemExit("larq's product is not the product of the signs")
    samples = []
    for _ in range(REPEATS):
        started = time.process_time()
        interpreter.predict(x)
        samples.append(time.process_time() - started)
    return median(samples)


if __name__ == "__main__":
    main()
