"""Tables and series from files of one's own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnnkit.datasets import read_table


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_with_names(tmp_path):
    table = read_table(write(tmp_path / "a.csv", "h,kind,w\n1,a,2.5\n3,b,-4\n"), "kind")
    np.testing.assert_array_equal(table.X, [[1, 2.5], [3, -4]])
    assert table.y.tolist() == ["a", "b"] and table.columns == ("h", "w")


@pytest.mark.parametrize("target, X, y", [(None, [1, 2], [7, 8]), ("0", [7, 8], [1, 2])])
def test_csv_without_names_takes_the_last_column_or_a_number(tmp_path, target, X, y):
    table = read_table(write(tmp_path / "a.csv", "1,7\n2,8\n"), target)
    assert table.X[:, 0].tolist() == X and table.y.tolist() == y and table.columns is None


def test_a_first_row_with_a_label_of_letters_is_a_case(tmp_path):
    table = read_table(write(tmp_path / "a.csv", "1,2,yes\n3,4,no\n"))
    assert table.y.tolist() == ["yes", "no"]


def test_tsv_and_a_byte_order_mark(tmp_path):
    table = read_table(write(tmp_path / "a.tsv", "\ufeffa\tb\n1\tx\n"))
    assert table.columns == ("a",) and table.y.tolist() == ["x"]


def test_whole_numbers_stay_whole_even_if_written_as_floats(tmp_path):
    assert read_table(write(tmp_path / "a.csv", "1,1.0\n2,2.0\n")).y.tolist() == [1, 2]
    assert read_table(write(tmp_path / "a.csv", "1,1.5\n2,2.0\n")).y.tolist() == ["1.5", "2"]


def test_without_labels_the_target_is_left_out_if_it_is_there(tmp_path):
    path = write(tmp_path / "a.csv", "a,b,kind\n1,2,x\n")
    assert read_table(path, "kind", labelled=False).columns == ("a", "b")
    path = write(tmp_path / "a.csv", "a,b\n1,2\n")
    assert read_table(path, "kind", labelled=False).columns == ("a", "b")


def test_the_columns_that_are_asked_for_and_no_others(tmp_path):
    path = write(tmp_path / "a.csv", "a,note,b,kind\n1,new,2,x\n")
    table = read_table(path, labelled=False, columns=("b", "a"))
    assert table.X.tolist() == [[2, 1]] and table.columns == ("b", "a") and table.y is None
    table = read_table(path, columns=("b",))
    assert table.y.tolist() == ["x"] and table.target == "kind"
    with pytest.raises(ValueError, match="lacks the columns c"):
        read_table(path, columns=("a", "c"))


def test_npz_of_a_table_and_of_series(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.ones((2, 3), np.int16), y=np.array([4, 5]))
    table = read_table(tmp_path / "a.npz")
    assert table.X.dtype == np.float64 and table.y.tolist() == [4, 5]
    np.savez(tmp_path / "b.npz", X=np.ones((2, 3, 9)))
    assert read_table(tmp_path / "b.npz", labelled=False).X.shape == (2, 3, 9)


def test_arff(tmp_path):
    text = "@relation r\n@attribute a numeric\n@attribute c {x,y}\n@data\n1,x\n2,y\n"
    table = read_table(write(tmp_path / "a.arff", text))
    assert table.X.tolist() == [[1], [2]] and table.y.tolist() == ["x", "y"]


def test_ts(tmp_path):
    text = "@problemName p\n@univariate true\n@classLabel true 1 2\n@data\n1,2,3:1\n4,5:2\n"
    table = read_table(write(tmp_path / "a.ts", text))
    assert table.X.shape == (2, 1, 3) and np.isnan(table.X[1, 0, 2])
    assert table.y.tolist() == [1, 2]


@pytest.mark.parametrize(
    "name, text, target, message",
    [
        ("a.csv", "a,b\n1,x\nred,y\n", None, r"case 2, column 'a': expected a number, got 'red'"),
        ("a.csv", "a,b\n1,x\n,y\n", None, r"got nothing \(the labels are in column 'b'\)"),
        ("a.csv", "a,b\n1,x\nnan,y\n", None, "finite"),
        ("a.csv", "a,b\n1,x\n1,y,z\n", None, "case 2: expected 2 columns, got 3"),
        ("a.csv", "a,b\n1,x\n", "c", "no column 'c'; it has a, b"),
        ("a.csv", "", None, "holds no cases"),
        ("a.csv", "a,b\n", None, "holds no cases"),
        ("a.csv", "x\ny\n", None, "features beside"),
        ("a.arff", "nonsense", None, "cannot be read as ARFF"),
        ("a.xlsx", "", None, "must be one of .csv"),
        ("a.npz", "", "c", "target goes with"),
        ("a.npz", "no zip", None, "cannot be read"),
    ],
)
def test_says_what_is_wrong_and_where(tmp_path, name, text, target, message):
    with pytest.raises(ValueError, match=message):
        read_table(write(tmp_path / name, text), target)


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*a\.csv"):
        read_table(tmp_path / "a.csv")


@given(data=st.binary(max_size=200), suffix=st.sampled_from(["csv", "tsv", "npz", "arff", "ts"]))
def test_any_bytes_give_a_table_or_a_clean_error(tmp_path_factory, data, suffix):
    path = tmp_path_factory.mktemp("any") / f"a.{suffix}"
    path.write_bytes(data)
    try:
        table = read_table(path)
    except ValueError:
        return
    assert len(table.X) == len(table.y)
