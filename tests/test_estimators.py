"""The scikit-learn and aeon faces: their own checks in full, and what those leave out."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_moons
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from bnnkit import BEPNetwork, BEPRecurrentNetwork, binarize, estimators
from bnnkit.estimators import (
    BEPClassifier,
    BinaryConnectClassifier,
    LocalRuleClassifier,
    MedianBinarizer,
    ThermometerEncoder,
)

CLASSIFIERS = [BEPClassifier, LocalRuleClassifier, BinaryConnectClassifier]
ENCODERS = [MedianBinarizer, ThermometerEncoder]


@pytest.mark.slow
@parametrize_with_checks([make() for make in CLASSIFIERS + ENCODERS])
def test_scikit_learn_accepts_it_with_its_defaults(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def iris():
    return train_test_split(*load_iris(return_X_y=True), random_state=0, test_size=0.4)


def hashes(model):
    return model.network_.weights_sha256()


@pytest.mark.parametrize("make", CLASSIFIERS)
class TestClassifier:
    def test_learns_a_table_out_of_the_box(self, make, iris):
        X, X_new, y, y_new = iris
        assert make(random_state=0).fit(X, y).score(X_new, y_new) > 0.9

    def test_takes_labels_of_any_kind(self, make, iris):
        X, X_new, y, _ = iris
        names = np.array(["setosa", "versicolor", "virginica"])
        by_name = make(random_state=0, epochs=5).fit(X, names[y]).predict(X_new)
        by_number = make(random_state=0, epochs=5).fit(X, y - 7).predict(X_new)
        np.testing.assert_array_equal(by_name, names[by_number + 7])

    def test_the_same_seed_the_same_predictions(self, make, iris):
        X, X_new, y, _ = iris
        first, second = (make(random_state=3, epochs=3).fit(X, y) for _ in range(2))
        scores = first.decision_function(X_new)
        np.testing.assert_array_equal(scores, second.decision_function(X_new))
        copy = pickle.loads(pickle.dumps(first))
        np.testing.assert_array_equal(scores, copy.decision_function(X_new))
        np.testing.assert_array_equal(scores, clone(first).fit(X, y).decision_function(X_new))

    def test_works_in_a_pipeline_and_a_grid_search(self, make, iris):
        X, X_new, y, y_new = iris
        grid = GridSearchCV(
            make_pipeline(StandardScaler(), make(random_state=0, epochs=10)),
            {f"{make.__name__.lower()}__hidden_widths": [(15,), (45, 45)]},
            cv=2,
        )
        assert grid.fit(X, y).score(X_new, y_new) > 0.8

    def test_early_stopping_ends_before_the_last_epoch(self, make):
        X, y = make_moons(200, noise=0.4, random_state=0)
        model = make(random_state=0, epochs=60, early_stopping=True, n_iter_no_change=2).fit(X, y)
        assert len(model.network_.history) < 60

    def test_a_validation_set_is_measured_each_epoch(self, make, iris):
        X, X_new, y, y_new = iris
        model = make(random_state=0, epochs=3).fit(X, y, validation=(X_new, y_new))
        record = model.network_.history[-1]
        error = record["validation_error"] if isinstance(record, dict) else record.validation_error
        assert error is not None

    def test_a_callback_sees_each_epoch_and_may_end_the_training(self, make, iris):
        X, _, y, _ = iris
        seen = []

        def callback(network, record):
            seen.append(record)
            return len(seen) == 2

        make(random_state=0, epochs=10, callback=callback).fit(X, y)
        assert len(seen) == 2

    def test_one_row_at_a_time_is_a_stream(self, make, iris):
        X, X_new, y, y_new = iris
        model = make(random_state=0, hidden_widths=(45,), batch_size=5)
        for _ in range(6):
            for i in range(len(X)):
                model.partial_fit(X[i : i + 1], y[i : i + 1], classes=[0, 1, 2])
        assert model.score(X_new, y_new) > 0.85

    def test_a_stream_goes_on_after_fit_and_after_pickling(self, make, iris):
        X, _, y, _ = iris
        model = make(random_state=0, epochs=2).fit(X, y)
        twin = pickle.loads(pickle.dumps(model))
        for m in (model, twin):
            m.partial_fit(X, y)
        np.testing.assert_array_equal(model.decision_function(X), twin.decision_function(X))

    def test_says_what_is_wrong(self, make, iris):
        X, _, y, _ = iris
        with pytest.raises(ValueError, match="at least two classes"):
            make().fit(X, np.zeros(len(X)))
        with pytest.raises(ValueError, match="classes must be given"):
            make().partial_fit(X, y)
        with pytest.raises(ValueError, match="labels of classes_, got 2"):
            make().partial_fit(X, y, classes=[0, 1])
        model = make(epochs=1).fit(X, y)
        with pytest.raises(ValueError, match="classes must stay"):
            model.partial_fit(X, y, classes=[0, 1])
        with pytest.raises(ValueError, match="labels of classes_"):
            make().fit(X, y, validation=(X, y + 1))
        with pytest.raises(TypeError, match="validation must be a pair"):
            make().fit(X, y, validation=X)
        with pytest.raises(ValueError, match="random_state"):
            make(random_state=-1).fit(X, y)
        with pytest.raises(ValueError, match="epochs"):
            make(epochs=0).fit(X, y)
        with pytest.raises(ValueError, match="batch_size"):
            make(batch_size=0).fit(X, y)

    def test_read_only_fortran_and_constant_columns(self, make, iris):
        X, _, y, _ = iris
        awkward = np.asfortranarray(np.hstack([X, np.full((len(X), 1), 7.0)]))
        awkward.flags.writeable = False
        plain = np.ascontiguousarray(awkward)
        models = [make(random_state=0, epochs=2).fit(A, y) for A in (awkward, plain)]
        np.testing.assert_array_equal(*(m.decision_function(awkward) for m in models))


@pytest.mark.parametrize("average", [None, 2])
def test_the_network_is_the_one_a_reader_would_build(average):
    X, y = load_iris(return_X_y=True)
    settings = {"bits": 3, "epochs": 4, "batch_size": 10, "average": average}
    model = BEPClassifier((15, 9), **settings, random_state=5).fit(X, y)
    signs = binarize.ThermometerEncoder(3).fit_transform(X)
    signs = np.hstack([signs, np.ones((len(X), 1), np.int8)])
    net = BEPNetwork((13, 15, 9), 3, seed=5).fit(signs, y, 4, 10, average=average)
    assert hashes(model) == net.weights_sha256()
    np.testing.assert_array_equal(model.predict(X), net.predict(signs))


def test_a_stream_is_the_same_bits_on_both_engines_and_in_any_chunks():
    from bnnkit import use_engine

    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    results = set()
    for engine in ("numba", "numpy"):
        with use_engine(engine):
            net = BEPNetwork((64, 27), 10, seed=1)
            signs = np.where(X > 7, 1, -1)
            for start in range(0, 300, 60):  # three batches of 20 each
                net.partial_fit(signs[start : start + 60], y[start : start + 60], 20)
            results.add(net.weights_sha256())
            whole = BEPNetwork((64, 27), 10, seed=1).partial_fit(signs, y, 20)
            results.add(whole.weights_sha256())
    assert len(results) == 1


def test_reinforcement_comes_once_a_batch_however_small_the_calls(monkeypatch):
    from bnnkit.bep import chain

    errors = []
    real = chain.reinforcement_threshold
    monkeypatch.setattr(
        chain, "reinforcement_threshold", lambda p, k, e: errors.append(e) or real(p, k, e)
    )
    net = BEPNetwork((3, 9), 2)
    for _ in range(50):
        net.partial_fit([[1, -1, 1]], [1], batch_size=10)
    assert sum(e > 0 for e in errors) == 5


def test_a_stream_from_a_memory_map_gives_what_the_array_gives(tmp_path):
    X, y = load_digits(return_X_y=True)
    mapped = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, X.shape)
    mapped[:] = X
    models = [BEPClassifier((27,), random_state=0) for _ in range(2)]
    for model, table in zip(models, (mapped, X.astype(np.float32))):
        for start in range(0, len(y), 500):
            part = slice(start, start + 500)
            model.partial_fit(table[part], y[part], classes=range(10))
    assert hashes(models[0]) == hashes(models[1])


@pytest.mark.parametrize("make", ENCODERS)
def test_encoders_equal_the_rung_and_name_their_signs(make):
    X, _ = load_iris(return_X_y=True, as_frame=True)
    ours = make().set_output(transform="pandas").fit(X)
    rung = getattr(binarize, make.__name__)()
    table = ours.transform(X)
    np.testing.assert_array_equal(table.to_numpy(), rung.fit_transform(X.to_numpy()))
    assert len(set(table.columns)) == table.shape[1]
    with pytest.raises(ValueError, match="input_features"):
        ours.get_feature_names_out(["only one"])


@pytest.fixture(scope="module")
def italy():
    from aeon.datasets import load_italy_power_demand

    X, y = load_italy_power_demand()
    return train_test_split(X, y, random_state=0, train_size=300)


class TestSeries:
    @pytest.mark.slow
    def test_aeon_accepts_it(self):
        from aeon.testing.estimator_checking import check_estimator

        results = check_estimator(estimators.BEPRecurrentClassifier)
        assert set(results.values()) == {"PASSED"}, results

    @pytest.mark.slow
    def test_learns_a_real_set(self, italy):
        X, X_new, y, y_new = italy
        model = estimators.BEPRecurrentClassifier(window=12, random_state=0).fit(X, y)
        assert model.score(X_new, y_new) > 0.9

    def small(self, **settings):
        settings = dict(state=45, bits=3, epochs=2, random_state=0) | settings
        return estimators.BEPRecurrentClassifier(**settings)

    def test_the_network_is_the_one_a_reader_would_build(self, italy):
        X, _, y, _ = italy
        model = self.small(mask_steps=3, average=2, window=6, nu=0.2).fit(X[:60], y[:60])
        signs = model.reader_.transform(X[:60])
        net = BEPRecurrentNetwork(
            signs.shape[1], 2, state=45, mask_steps=3, nu=0.2, groups=(15, 15), patience=2
        )
        net.fit(signs, np.searchsorted(model.classes_, y[:60]), 2, 6, average=2)
        assert hashes(model) == net.weights_sha256()

    def test_gaps_lie_on_the_straight_line(self, italy):
        X, _, y, _ = italy
        filled, holed = X[:60].copy(), X[:60].copy()
        holed[3, 0, 5] = np.nan
        filled[3, 0, 5] = (X[3, 0, 4] + X[3, 0, 6]) / 2
        pair = [self.small().fit(A, y[:60]) for A in (filled, holed)]
        assert hashes(pair[0]) == hashes(pair[1])

    def test_short_series_begin_with_their_first_value_held(self, italy):
        X, _, y, _ = italy
        short = [series[:, 4:] if i % 2 else series for i, series in enumerate(X[:60])]
        held = X[:60].copy()
        held[1::2, :, :4] = held[1::2, :, 4:5]
        pair = [self.small().fit(A, y[:60]) for A in (short, held)]
        assert hashes(pair[0]) == hashes(pair[1])

    def test_a_prediction_does_not_depend_on_its_company(self, italy):
        X, X_new, y, _ = italy
        model = self.small().fit([*X[:59], X[59][:, 5:]], y[:60])
        long = np.concatenate([X_new[0], X_new[1]], axis=1)  # its end counts
        company = model.predict([X_new[0][:, 9:], long, X_new[2]])
        alone = [model.predict([s])[0] for s in (X_new[0][:, 9:], long, X_new[2])]
        assert company.tolist() == alone
        assert alone[1] == model.predict([X_new[1]])[0]


class TestFiles:
    @pytest.mark.parametrize("hidden", [True, False])
    @pytest.mark.parametrize("make", CLASSIFIERS)
    def test_what_is_loaded_predicts_the_same(self, make, hidden, iris, tmp_path):
        X, X_new, y, _ = iris
        names = np.array(["setosa", "versicolor", "virginica"])
        model = make((27,), epochs=3, random_state=1).fit(X, names[y])
        size = estimators.save(model, tmp_path / "m.bnn", hidden=hidden)
        assert size == (tmp_path / "m.bnn").stat().st_size
        loaded = estimators.load(tmp_path / "m.bnn")
        assert type(loaded) is make
        np.testing.assert_array_equal(loaded.predict(X_new), model.predict(X_new))
        if hidden:
            same = [m.partial_fit(X, names[y]).decision_function(X_new) for m in (model, loaded)]
            if make is not BinaryConnectClassifier:  # its optimiser's memory is not kept
                np.testing.assert_array_equal(*same)

    def test_labels_keep_their_kind(self, iris, tmp_path):
        X, _, y, _ = iris
        for labels in (y - 5, y == 1, y.astype(str), y.astype(float)):
            model = BEPClassifier((9,), epochs=1).fit(X, labels)
            estimators.save(model, tmp_path / "m.bnn")
            assert estimators.load(tmp_path / "m.bnn").predict(X).tolist() == (
                model.predict(X).tolist()
            )

    @pytest.mark.parametrize("reading", ["chunks", "last"])
    def test_series(self, italy, reading, tmp_path):
        X, X_new, y, _ = italy
        make = estimators.BEPRecurrentClassifier
        model = make(45, reading=reading, bits=3, epochs=2, random_state=0).fit(X[:90], y[:90])
        estimators.save(model, tmp_path / "m.bnn")
        loaded = estimators.load(tmp_path / "m.bnn")
        assert loaded.predict(X_new).tolist() == model.predict(X_new).tolist()

    def test_other_files_are_refused(self, iris, tmp_path):
        from bnnkit import files

        path = tmp_path / "m.bnn"
        with pytest.raises(TypeError, match="estimator must be one of"):
            estimators.save(BEPNetwork((3, 3), 2), path)
        files.save(BEPNetwork((3, 3), 2), path)
        with pytest.raises(files.FileError, match="holds no classifier"):
            estimators.load(path)
        pair = binarize.ThermometerEncoder(1).fit([[0.0], [1.0]]), BEPNetwork((2, 3), 2)
        for about in (
            {"estimator": "os.system"},
            {"estimator": "BEPClassifier", "params": {}, "classes": [1], "seed": 0},
            {"estimator": "BEPClassifier", "params": {}, "classes": [1, 2, 3], "seed": 0},
            {"estimator": "BEPClassifier", "params": 3, "classes": [1, 2], "seed": 0},
            {"estimator": "BEPClassifier", "params": {}, "classes": [[1], [2]], "seed": 0},
            {"estimator": "BEPRecurrentClassifier", "params": {}, "classes": [1, 2], "seed": 0},
        ):
            files.save(pair, path, about=about)
            with pytest.raises(files.FileError):
                estimators.load(path)

    def test_interrupted_training_goes_on(self, iris, tmp_path):
        X, _, y, _ = iris
        settings = dict(epochs=8, random_state=4, checkpoint=tmp_path / "c")
        whole = BEPClassifier(**settings | {"checkpoint": None}).fit(X, y)

        def stop(network, record):
            if record.epoch == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            BEPClassifier(**settings, callback=stop).fit(X, y)
        assert hashes(BEPClassifier(**settings).fit(X, y)) == hashes(whole)
