"""The mean of the hidden weights over an epoch, against weights kept batch by batch."""

import numpy as np
import pytest

from bnnkit import BEPNetwork, BEPRecurrentNetwork
from bnnkit.files import Checkpoint, FileError
from bnnkit.philox import Stream, random_signs


def moments(network, x, y, epochs, batch_size):
    """The hidden weights after each batch, an epoch a list, and those after each epoch."""
    snapshots, train = [], network._train_batch

    def train_and_look(*arguments):
        train(*arguments)
        snapshots[-1].append(network.H)

    network._train_batch = train_and_look
    for _ in range(epochs):
        snapshots.append([])
        network.fit(x, y, 1, batch_size)
    return snapshots


@pytest.mark.parametrize(("average", "taken"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3]), (9, [4])])
def test_the_average_is_the_mean_after_every_so_many_batches(average, taken):
    """Batches of 20, 20, 20, 20 and 5; training itself does not notice."""
    x, y = random_signs(8, Stream.DATA, (85, 9)), np.arange(85) % 3
    net = BEPNetwork((9, 15, 15), 3, patience=1)
    plain = BEPNetwork((9, 15, 15), 3, patience=1)
    last = moments(plain, x, y, 3, 20)[-1]
    net.fit(x, y, 3, 20, average=average)
    assert net.history == plain.history
    for i, hidden in enumerate(net.H):
        total = sum(last[k][i].astype(object) for k in taken)  # integers of any size
        mean = np.array([[t // len(taken) for t in row] for row in total])
        np.testing.assert_array_equal(hidden, mean + (mean % 2 == 0))
        np.testing.assert_array_equal(hidden >= 0, (total >= 0).astype(bool))


def test_validation_judges_the_average_and_the_best_is_kept():
    x, y = random_signs(8, Stream.DATA, (80, 9)), np.arange(80) % 3
    net = BEPNetwork((9, 15), 3, patience=None)
    net.fit(x, y, 6, 10, validation=(x, y), average=1)
    errors = [epoch.validation_error for epoch in net.history]
    assert 1 - net.score(x, y) == pytest.approx(min(errors))
    again = [
        1 - BEPNetwork((9, 15), 3, patience=None).fit(x, y, n, 10, average=1).score(x, y)
        for n in range(1, 7)
    ]
    assert again == pytest.approx(errors)


@pytest.mark.parametrize("given", [{}, {"validation": True}, {"validation": True, "keep_best": 0}])
def test_a_resumed_run_ends_with_the_same_average(tmp_path, given):
    x, y = random_signs(8, Stream.DATA, (80, 9)), np.arange(80) % 3
    given = given | ({"validation": (x[::2], y[::2])} if "validation" in given else {})
    options = {"batch_size": 10, "average": 3, **given}
    whole = BEPNetwork((9, 15), 3).fit(x, y, epochs=5, **options)
    checkpoint = Checkpoint(tmp_path / "run.bnn")
    BEPNetwork((9, 15), 3).fit(x, y, epochs=3, checkpoint=checkpoint, **options)
    for epochs in (5, 5):  # the second finds it finished
        net = BEPNetwork((9, 15), 3).fit(x, y, epochs=epochs, checkpoint=checkpoint, **options)
        assert net.weights_sha256() == whole.weights_sha256()
    with pytest.raises(FileError, match="its average is 3, here 4"):
        BEPNetwork((9, 15), 3).fit(x, y, 5, checkpoint=checkpoint, **(options | {"average": 4}))


def test_the_average_of_a_recurrent_network():
    x, y = random_signs(8, Stream.DATA, (40, 3, 4)), np.arange(40) % 2
    nets = [BEPRecurrentNetwork(3, 2, state=15, seed=1) for _ in range(2)]
    last = moments(nets[0], x, y, 2, 10)[-1]
    nets[1].fit(x, y, 2, 10, average=1)
    for i, hidden in enumerate(nets[1].H):
        mean = sum(snapshot[i].astype(int) for snapshot in last) // 4
        np.testing.assert_array_equal(hidden, mean | 1)


@pytest.mark.parametrize("average", [0, -1, 1.5, "2", True])
def test_an_average_that_is_none(average):
    x, y = np.ones((4, 3), np.int8), [0, 1, 0, 1]
    with pytest.raises((TypeError, ValueError), match="average must be an integer"):
        BEPNetwork((3, 5), 2).fit(x, y, epochs=1, average=average)
