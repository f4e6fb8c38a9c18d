"""The C export: compiled strictly, run under sanitizers, equal to Python in every score."""

import re
import subprocess

import numpy as np
import pytest
from made_exports import (
    MADE,
    SANITIZED,
    C,
    bep,
    check_equal,
    chunked,
    coded,
    compiled,
    compiler,
    folded,
    recurrent,
    run,
    signs,
    ties,
)

from bnnkit import BEPNetwork, ThermometerEncoder
from bnnkit.export import export_c
from bnnkit.export.plan import fold, integer_thresholds
from bnnkit.readings import Reader
from bnnkit.ste import BatchNorm, binary_connect_mlp

each = pytest.mark.parametrize("make", MADE)


@pytest.mark.slow
@each
def test_equal_to_python_under_sanitizers(make, tmp_path):
    made = make()
    n = check_equal(made, *run(compiler("gcc"), made, tmp_path, *SANITIZED))
    print(f"{make.__name__}: {n} scores, {len(made.raw)} classes equal")


@pytest.mark.slow
@pytest.mark.parametrize("input_type", ["int8", "int16", "uint16"])
def test_integers_of_every_type(input_type, tmp_path):
    made = coded(input_type)
    check_equal(made, *run(compiler("gcc"), made, tmp_path, *SANITIZED))


def test_equal_to_python(tmp_path):
    """The quick one, for each commit."""
    made = bep()
    check_equal(made, *run(compiler("gcc"), made, tmp_path, "-Wconversion", "-Wshadow"))


@pytest.mark.slow
@each
@pytest.mark.parametrize("optimise", ["-O2", "-Os"])
def test_nothing_is_asked_of_a_libc(make, optimise, tmp_path):
    """No symbol is left to be found elsewhere, not even memset, and nothing lies in RAM."""
    made = make()
    export_c(made.model, tmp_path / "net.h", input_type=made.input_type, examples=made.raw[:3])
    options = [optimise, "-ffreestanding", "-Wconversion", "-Wshadow", "-c"]
    source, target = tmp_path / "net_example.c", tmp_path / "net.o"
    compiled(compiler("gcc"), source, target, *options)
    symbols = subprocess.run(["nm", target], capture_output=True, text=True).stdout
    kinds = {line.split()[-2] for line in symbols.splitlines()}
    assert kinds <= {"T", "t", "r"}, symbols
    text = (tmp_path / "net.h").read_text()
    code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    assert not re.search(r"\b(float|double|malloc)\b|\bstatic (?!inline|const)", code)
    assert re.findall("#include (.*)", code) == ["<stdint.h>"]
    assert max(map(len, text.splitlines())) <= 120


@each
def test_the_macros_tell_the_sizes(make, tmp_path):
    made = make()
    exported = export_c(made.model, tmp_path / "net.h", input_type=made.input_type)
    text = exported.header.read_text()
    sizes = {"uint8": 1, "int8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8}
    constants = re.findall(r"static const (\w+)_t net_\w+\[(\d+)\] = \{([^}]*)\}", text)
    assert constants
    assert all(body.count(",") + 1 == int(n) for _, n, body in constants)
    assert exported.flash_bytes == sum(sizes[kind] * int(n) for kind, n, _ in constants)
    assert f"#define NET_FLASH_BYTES {exported.flash_bytes}u" in " ".join(text.split())
    arrays = re.findall(r"^ +uint32_t \w+\[(\d+)\];", text, re.M)
    assert exported.stack_bytes >= 4 * sum(map(int, arrays))


def test_the_example_tests_itself(tmp_path):
    for make in (bep, recurrent, coded):
        made = make()
        exported = export_c(
            made.model, tmp_path / "net.h", input_type=made.input_type, examples=made.raw[:50]
        )
        program = compiled(compiler("gcc"), exported.example, tmp_path / "example")
        assert subprocess.run([program]).returncode == 0
        text = exported.example.read_text()
        before, _, classes = text.partition("classes[50]")
        digit = re.search(r"\d", classes)  # one class is changed, and one sample counts as wrong
        changed = "9" if digit.group() != "9" else "8"
        classes = classes[: digit.start()] + changed + classes[digit.end() :]
        exported.example.write_text(f"{before}classes[50]{classes}")
        program = compiled(compiler("gcc"), exported.example, tmp_path / "example")
        assert subprocess.run([program]).returncode == 1


# The fold


def test_limits_by_hand():
    """Three batch norms on three inputs: z is 3, 1, -1 or -3 where d = 0, 1, 2 or 3 differ."""
    network = binary_connect_mlp([3, 3, 2], activation="sign", rng=0)
    network.fit(signs((20, 3)), np.arange(20) % 2, epochs=1, rng=0)
    linear, norm = network.test_nets["binary"][0].layers[:2]
    norm.mean, norm.var = np.array([0.5, 0.5, 9.0]), np.ones(3)
    norm.params = {"gamma": np.array([1.0, -1.0, 1.0]), "beta": np.zeros(3)}
    (layer,), _ = fold(network)
    W = np.sign(linear.params["W"])
    # z >= 0.5 where d <= 1; z <= 0.5 where d >= 2, so where at most 1 differs of the turned row.
    assert layer.limit.tolist() == [1, 1, -1]
    assert (layer.W == W * [[1], [-1], [1]]).all()


@pytest.mark.parametrize("kind", ["line", "table"])
def test_scores_have_the_order_of_the_outputs(kind):
    made = ties() if kind == "table" else folded(dtype="float64")
    _, scores = fold(made.network)
    assert scores.kind == kind


def test_whole_numbers_split_alike():
    thresholds = np.array([[-129.0, -128.5, -0.5, 0.0, 0.5, 126.9, 127.0, 500.0]])
    x = np.arange(-128, 128)[:, None]
    assert ((x > integer_thresholds(thresholds, "int8")) == (x > thresholds)).all()


# What is refused


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ThermometerEncoder(), TypeError, "model must be a BEPNetwork"),
        (lambda: (ThermometerEncoder(), BEPNetwork((3, 3), 2)), TypeError, "must be a fitted"),
        (lambda: binary_connect_mlp([3, 3, 2], rng=0), ValueError, "must be fitted"),
        (
            lambda: binary_connect_mlp([3, 3, 2], rng=0).fit(signs((6, 3)), [0, 1] * 3, rng=0),
            TypeError,
            "activation='sign'",
        ),
        (
            lambda: binary_connect_mlp([3, 3, 2], "float", activation="sign", rng=0).fit(
                signs((6, 3)), [0, 1] * 3, rng=0
            ),
            TypeError,
            "binary weights",
        ),
        (
            lambda: (ThermometerEncoder(2).fit([[1.0], [2.0]]), BEPNetwork((4, 3), 2)),
            ValueError,
            "gives 2 signs, the network reads 4",
        ),
    ],
)
def test_what_is_no_network_of_signs(make, error, message, tmp_path):
    with pytest.raises(error, match=message):
        export_c(make(), tmp_path / "net.h")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["net.c", "1net.h", "my-net.h", "net", "ne t.h", "größe.h"])
def test_names_that_c_cannot_have(name, tmp_path):
    with pytest.raises(ValueError, match="path must end in a name of C"):
        export_c(BEPNetwork((3, 3), 2), tmp_path / name)


def test_readers_that_do_not_fit(tmp_path):
    made = chunked()
    reader, network = made.model
    for model, error, message in (
        ((reader, bep().network), TypeError, "goes with a recurrent network"),
        ((reader, recurrent().network), ValueError, "gives 24 signs a step, the network reads 3"),
        ((Reader(reader.reading), network), TypeError, "must be a fitted"),
    ):
        with pytest.raises(error, match=message):
            export_c(model, tmp_path / "net.h")
    with pytest.raises(ValueError, match="examples must have 11 times"):
        export_c(made.model, tmp_path / "net.h", input_type="int8", examples=made.raw[:, :, 1:])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        ([[0.5] * 5], "integers of the type uint8"),
        ([[256] * 5], "integers of the type uint8"),
        ([[1] * 4], "must have 5 columns"),
        ([1, 2], "must have 2 axes"),
    ],
)
def test_examples_that_do_not_fit(examples, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_c(coded().model, tmp_path / "net.h", examples=examples)
    with pytest.raises(ValueError, match="input_type must be"):
        export_c(coded().model, tmp_path / "net.h", input_type="float")
    with pytest.raises(ValueError, match="input_type must be int8"):
        export_c(bep().model, tmp_path / "net.h", input_type="uint8")


def test_a_neuron_that_no_limit_can_stand_for(tmp_path):
    """Batch norms are monotone; should a layer not be, the export says so and writes nothing."""

    class Folded(BatchNorm):
        def forward(self, x, training=False, rng=None):
            return abs(x) - 1.5

    made = folded()
    tested = made.network.test_nets["binary"][0]
    tested.layers[1] = Folded(33)
    with pytest.raises((TypeError, ValueError), match="model"):
        export_c(made.network, tmp_path / "net.h")


def test_harness_is_where_it_is_expected():
    assert (C / "run.c").exists()
