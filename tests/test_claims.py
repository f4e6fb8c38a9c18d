import numpy as np
import pytest

from bnnkit.learn.claims import claim


@pytest.mark.parametrize(
    ("value", "options", "line"),
    [
        (7, {}, "claim x = 7"),
        (np.int16(-7), {}, "claim x = -7"),
        (0.12345, {"digits": 3}, "claim x = 0.123"),
        (np.float32(2.0), {"digits": 1}, "claim x = 2.0"),
        (3, {"digits": 1}, "claim x = 3.0"),
        (True, {}, "claim x = True"),
        ("3f2a", {}, "claim x = 3f2a"),
        (1.5, {"above": 1}, "claim x > 1"),
        (1.5, {"above": 1, "below": 1.6}, "claim x > 1\nclaim x < 1.6"),
    ],
)
def test_line(capsys, value, options, line):
    claim("x", value, **options)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize("options", [{"above": 2}, {"below": 2}, {"above": 1, "below": 2}])
def test_a_value_on_its_bound_is_false(options):
    with pytest.raises(ValueError, match="does not hold, got 2"):
        claim("x", 2.0, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "error"),
    [
        (("Big", 1), {}, ValueError),
        (("a b", 1), {}, ValueError),
        ((3, 1), {}, ValueError),
        (("x", 0.5), {}, TypeError),
        (("x", float("nan")), {"digits": 2}, ValueError),
        (("x", float("nan")), {"above": 2}, ValueError),
        (("x", None), {}, TypeError),
        (("x", [1, 2]), {"digits": 2}, TypeError),
        (("x", 0.5), {"digits": -1}, ValueError),
        (("x", 0.5), {"digits": 1.5}, TypeError),
        (("x", 0.5), {"above": "0"}, TypeError),
    ],
)
def test_bad_input(arguments, options, error):
    with pytest.raises(error):
        claim(*arguments, **options)
