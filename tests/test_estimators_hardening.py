"""Attacks on the estimators: a right answer, or an error that says what is wrong."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from bnnkit import estimators
from bnnkit.estimators import BEPClassifier, BinaryConnectClassifier, LocalRuleClassifier
from bnnkit.readings import Reader, Reading

pd = pytest.importorskip("pandas")

CLASSIFIERS = [BEPClassifier, LocalRuleClassifier, BinaryConnectClassifier]
ENCODERS = [estimators.MedianBinarizer, estimators.ThermometerEncoder]
rng = np.random.default_rng(0)
X, Y = rng.normal(size=(30, 4)), np.arange(30) % 3
S = rng.normal(size=(30, 2, 8))

ANYTHING = [
    *(None, "abc", b"a", object(), {}, {1}, int, True, -1, 0, 3, 0.5, np.nan, np.inf, 10**30),
    *(
        [],
        [[1, 2], [1]],
        np.float64(1),
        np.empty((0, 4)),
        np.empty((30, 0)),
        np.ones((30, 4, 2, 2)),
    ),
    *(np.full((30, 4), value) for value in (np.nan, np.inf, None, "a", 1j, np.datetime64(1, "D"))),
    *(np.zeros(30, [("a", int)]), scipy.sparse.csr_matrix(X), pd.Series(range(30)), X[:5]),
    *(pd.DataFrame({"a": list("xyz") * 10}), pd.DataFrame(X).mask(X > 1), [X[0], None]),
]
# What holds the same numbers, or others that can be learned.
FINE = {
    "read-only": np.lib.stride_tricks.as_strided(X, X.shape, X.strides, writeable=False),
    "Fortran": np.asfortranarray(X),
    "backwards": X[::-1].copy()[::-1],
    "lists": X.tolist(),
    "objects": X.astype(object),
    "frame": pd.DataFrame(X),
    "frame of objects": pd.DataFrame(X).astype(object),
}
LABELS_FINE = [
    *(Y == 1, Y.astype(float), np.array(list("abc"))[Y], np.array(list("abc"), object)[Y]),
    *(pd.Series(Y), pd.Series(Y, dtype="Int64"), pd.Series(pd.Categorical(list("xyz") * 10))),
    *(np.array([0, 2**62, -(2**62)])[Y], np.array([0, 2**63, 2**64 - 1], np.uint64)[Y]),
    ["", "a", "größe"] * 10,
]
LABELS_WRONG = [
    *(None, "abc", 3, [], Y[:5], np.zeros(30), np.full(30, np.nan), [None] * 30, [None, 1] * 15),
    *(np.linspace(0, 1, 30), np.ones((30, 2)), np.array([b"a", b"b"] * 15), [0, 10**30] * 15),
    *(
        np.array([0, np.inf] * 15),
        np.array([1j, 2j] * 15),
        [(1, 2)] * 30,
        pd.Series([1, None] * 15),
    ),
]


def small(make, **settings):
    sizes = {"state": 9, "bits": 2} if "Recurrent" in make.__name__ else {"hidden_widths": (9,)}
    return make(**sizes | {"epochs": 1, "random_state": 0} | settings)


def allowed(name, value):
    """A path, a function of some kind, a very long training: right, if not here."""
    path = name == "checkpoint" and isinstance(value, (str, bytes))
    endless = name == "epochs" and isinstance(value, int) and value == 10**30
    return path or endless or (name == "callback" and callable(value))


def attack(call, *names):
    """An answer that is finite, or an error that says what is wrong."""
    try:
        answer = call()
    except (ValueError, TypeError) as error:
        assert str(error) and (not names or any(name in str(error) for name in names)), error
    else:
        assert not isinstance(answer, np.ndarray) or np.isfinite(answer).all()


@pytest.mark.filterwarnings("ignore:X .*feature names", "ignore:The number of unique")
@pytest.mark.parametrize("make", CLASSIFIERS)
class TestClassifiers:
    def test_anything_as_a_table(self, make):
        fitted = small(make).fit(X, Y)
        scores = fitted.decision_function(X)
        for v in ANYTHING:
            attack(lambda v=v: small(make).fit(v, Y).decision_function(v))
            attack(
                lambda v=v: small(make).fit(X, Y, validation=v), "validation", "2D array", "y to be"
            )
            attack(lambda v=v: small(make).fit(X, Y, validation=(v, Y)))
            attack(lambda v=v: small(make).partial_fit(v, Y, [0, 1, 2]).decision_function(v))
            attack(lambda v=v: small(make).partial_fit(X, Y, v), "classes", "labels")
            attack(lambda v=v: fitted.partial_fit(X, Y, v) if v is not None else None, "classes")
            attack(lambda v=v: fitted.decision_function(v))
        np.testing.assert_array_equal(fitted.decision_function(X), scores)

    def test_anything_as_a_setting(self, make):
        for name in sorted({*small(make).get_params()} - {"verbose", "early_stopping"}):
            stop = name in ("validation_fraction", "n_iter_no_change")
            for value in ANYTHING:
                if allowed(name, value):
                    continue
                settings = {"early_stopping": stop, name: value}
                attack(
                    lambda s=settings: small(make, **s).fit(X, Y).decision_function(X),
                    *(name, "widths", "first", "last", "path", "os.PathLike"),
                )

    def test_labels_of_any_kind(self, make):
        expected = small(make).fit(X, Y).predict(X)
        for labels in LABELS_FINE:
            kinds = np.unique(np.asarray(labels))
            model = small(make).fit(X, labels)
            streamed = small(make).partial_fit(X, labels, classes=kinds)
            assert streamed.classes_.tolist() == model.classes_.tolist() == kinds.tolist()
            if len(kinds) == 3 and np.array_equal(np.searchsorted(kinds, labels), Y):
                np.testing.assert_array_equal(model.predict(X), kinds[expected])

    def test_labels_that_are_none(self, make):
        for labels in LABELS_WRONG:
            with pytest.raises((ValueError, TypeError)):
                small(make).fit(X, labels)
            if labels is not None and len(np.shape(labels)) == 1 and len(labels) == 5:
                continue  # too few, but labels
            streamed = small(make)
            with pytest.raises((ValueError, TypeError), match="classes|labels"):
                streamed.partial_fit(X, Y, classes=[] if labels is None else labels)
            assert not hasattr(streamed, "network_")
            if labels is not LABELS_WRONG[5]:  # one class, as a part of a stream may be
                with pytest.raises((ValueError, TypeError)):
                    small(make).fit(X, Y).partial_fit(X, labels)

    def test_tables_of_any_make(self, make):
        expected = small(make).fit(X, Y).decision_function(X)
        for table in FINE.values():
            model = small(make).fit(table, Y)
            np.testing.assert_array_equal(model.decision_function(table), expected)

    def test_numbers_at_the_edge_of_their_type(self, make):
        tables = (X * 1e300, X * 1e-310, X.astype(np.float16), np.full((30, 4), 2**64 - 1, "u8"))
        for table in (*tables, np.ones((30, 4), bool), np.ones((30, 4))):
            attack(lambda t=table: small(make).fit(t, Y).decision_function(t))

    def test_before_fit_and_other_columns(self, make):
        for call in (lambda m: m.predict(X), lambda m: m.score(X, Y)):
            with pytest.raises(NotFittedError):
                call(small(make))
        frame = pd.DataFrame(X, columns=list("abcd"))
        model = small(make).fit(frame, Y)
        for other in (X[:, :3], np.hstack([X, X]), frame[list("dcba")], frame.add_prefix("x")):
            with pytest.raises(ValueError, match="features|feature names"):
                model.predict(other)
        with pytest.raises(TypeError, match="[Ss]parse"):
            small(make).fit(scipy.sparse.csr_array(X), Y)

    def test_as_many_classes_as_rows_and_a_width_of_one(self, make):
        model = small(make, hidden_widths=1).fit(X, np.arange(30))
        assert len(model.classes_) == 30 and set(model.predict(X)) <= set(range(30))


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(2, 12),
    columns=st.integers(1, 4),
    seed=st.integers(0, 99),
    exponent=st.integers(-30, 30),
    bits=st.integers(1, 5),
    widths=st.lists(st.integers(1, 17), min_size=1, max_size=3),
    batch=st.integers(1, 20),
)
def test_any_small_table_can_be_learned(rows, columns, seed, exponent, bits, widths, batch):
    """Few rows, ties, odd widths, batches beyond the data: labels come back, twice the same."""
    numbers = np.random.default_rng(seed)
    table = np.round(numbers.normal(size=(rows, columns)) * 2) * 10.0**exponent
    labels = numbers.permutation(np.arange(rows) % 2)
    make = dict(hidden_widths=widths, bits=bits, batch_size=batch, epochs=1, random_state=seed)
    first, second = (BEPClassifier(**make).fit(table, labels) for _ in range(2))
    assert first.network_.weights_sha256() == second.network_.weights_sha256()
    assert set(first.predict(table)) <= {0, 1}
    alone = [first.predict(row[None])[0] for row in table]
    np.testing.assert_array_equal(first.predict(table), alone)


@pytest.mark.parametrize("make", ENCODERS)
def test_anything_to_encode(make):
    fitted = make().fit(X)
    for v in ANYTHING:
        attack(lambda v=v: make().fit(v).transform(v))
        attack(lambda v=v: fitted.transform(v))
        attack(lambda v=v: make(v).fit(X).transform(X), "bits", "scope")
        attack(lambda v=v: len(fitted.get_feature_names_out(v)))
    for table in FINE.values():
        np.testing.assert_array_equal(make().fit(table).transform(table), fitted.transform(X))
    with pytest.raises(NotFittedError):
        make().transform(X)


def recurrent(**settings):
    return small(estimators.BEPRecurrentClassifier, **settings)


SERIES_FINE = [
    *(np.asfortranarray(S), S.astype(np.float32), list(S), np.where(np.arange(8) == 3, np.nan, S)),
    *((10 * S).astype(int), S[:, :, :1], S[:, 0], np.ones((30, 1, 3)), S * 1e300),
    [series[:, : 3 + i % 5] for i, series in enumerate(S)],
]
SERIES_WRONG = [
    *(S * np.inf, S * 1j, S.astype(str), np.empty((30, 0, 8)), S[None], 3, "abc", {}),
    *([series[: 1 + i % 2] for i, series in enumerate(S)], [series[:, :0] for series in S]),
]


@pytest.mark.filterwarnings("ignore")  # aeon's and NumPy's on the way to an error
@pytest.mark.parametrize("reading", ["chunks", "last"])
class TestSeries:
    def test_series_of_odd_shapes(self, reading):
        for series in SERIES_FINE:
            model = recurrent(reading=reading).fit(series, Y)
            answers = model.predict(series)
            assert set(answers) <= {0, 1, 2} and len(answers) == 30
            assert model.predict(series[7:8]).tolist() == answers[7:8].tolist()

    def test_what_is_no_series(self, reading):
        model = recurrent(reading=reading).fit(S, Y)
        for series in SERIES_WRONG:
            for call in (lambda s=series: recurrent(reading=reading).fit(s, Y), model.predict):
                with pytest.raises((ValueError, TypeError)):
                    call(series) if call == model.predict else call()
        with pytest.raises(ValueError, match="channels"):
            model.predict(S[:, :1])
        with pytest.raises(ValueError, match="not been fitted|is not fitted|fit"):
            recurrent(reading=reading).predict(S)

    def test_labels(self, reading):
        for labels in (np.full(30, np.nan), Y[:5], np.ones((30, 2)), None, [None] * 30, object()):
            with pytest.raises((ValueError, TypeError)):
                recurrent(reading=reading).fit(S, labels)

    def test_readers(self, reading):
        reader = Reader(Reading(reading, 4, 2))
        with pytest.raises(ValueError, match="must be fitted"):
            reader.transform(S)
        fitted = Reader(Reading(reading, 4, 2)).fit(S)
        for v in [*ANYTHING, *SERIES_WRONG, S[:, :, :3]]:
            attack(lambda v=v: Reader(Reading(reading, 4, 2)).fit(v), "X")
            attack(lambda v=v: fitted.transform(v), "X")
            for name in ("kind", "steps", "bits"):
                asked = {"kind": reading, "steps": 4, "bits": 2} | {name: v}
                attack(lambda a=asked: Reader(Reading(**a)).fit(S).transform(S), name, "X")
            with pytest.raises(TypeError, match="reading must be"):
                Reader(v)
        if reading == "chunks":
            with pytest.raises(ValueError, match=r"X must have shape \(cases, \*\(2, 8\)\)"):
                fitted.transform(S[:, :, 1:])


def test_anything_as_a_setting_of_the_recurrent_classifier():
    for name in sorted({*recurrent().get_params()} - {"verbose"}):
        for value in ANYTHING:
            if allowed(name, value):
                continue
            attack(
                lambda s={name: value}: recurrent(**s).fit(S, Y).predict(S),
                *(name, "groups", "path", "os.PathLike"),
            )
