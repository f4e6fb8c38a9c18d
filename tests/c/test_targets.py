"""The C export with other compilers and on the small processors it is for: ``make test-c``.

Cortex-M programs run on the boards that qemu knows, without any libc: a network that asked for one
would not link.
"""

import re
import subprocess

import pytest
from conftest import not_run
from made_exports import MADE, SANITIZED, C, bep, check_equal, compiled, compiler, run

from bnnkit.export import export_c

BOARDS = {  # processor -> board of qemu
    "cortex-m0": "microbit",
    "cortex-m3": "lm3s6965evb",
    "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500",
}
each = pytest.mark.parametrize("make", MADE)


@each
@pytest.mark.parametrize("optimise", ["-O0", "-O3", "-Os"])
@pytest.mark.parametrize("name", ["gcc", "clang"])
def test_equal_at_every_level(make, optimise, name, tmp_path):
    made = make()
    check_equal(made, *run(compiler(name), made, tmp_path, optimise, "-Wconversion", "-Wshadow"))


@each
def test_equal_under_the_sanitizers_of_clang(make, tmp_path):
    empty = tmp_path / "empty.c"
    empty.write_text("int main(void) { return 0; }\n")
    command = [compiler("clang"), *SANITIZED, empty, "-o", tmp_path / "empty"]
    if subprocess.run(command, capture_output=True).returncode:
        not_run("the sanitizers of clang are not here: apt-get install libclang-rt-dev")
    made = make()
    check_equal(made, *run(compiler("clang"), made, tmp_path, *SANITIZED))


@each
def test_as_cplusplus(make, tmp_path):
    made = make()
    export_c(made.model, tmp_path / "net.h", input_type=made.input_type, examples=made.raw[:3])
    source = tmp_path / "net_example.c"
    command = [compiler("g++"), "-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror", "-c"]
    subprocess.run([*command, source, "-o", tmp_path / "net.o"], check=True)


@each
@pytest.mark.parametrize("processor", BOARDS)
def test_on_a_cortex_m(make, processor, tmp_path):
    """Compiled for the board, started by qemu; main returns how many samples come out wrong."""
    made = make()
    exported = export_c(
        made.model, tmp_path / "net.h", input_type=made.input_type, examples=made.raw[:360]
    )
    assert run_on_board(processor, exported.example) == 0
    print(
        f"\n{make.__name__:16} {processor:10} constants {exported.flash_bytes:6} bytes, code "
        f"{code_bytes(processor, exported.example):5}, arrays on the stack {exported.stack_bytes:4}"
    )


def test_a_wrong_class_is_counted_on_the_board(tmp_path):
    made = bep()
    example = export_c(made.model, tmp_path / "net.h", examples=made.raw[:7]).example
    example.write_text(example.read_text().replace("!= classes[i]", "== classes[i]"))
    assert run_on_board("cortex-m0", example) == 7


def run_on_board(processor, source):
    """Link without a libc, start, and return what main returned."""
    linked = ["-nostdlib", C / "startup.c", "-T", C / "device.ld", "-lgcc"]
    program = compiled(
        compiler("arm-none-eabi-gcc"),
        source,
        source.with_suffix(".elf"),
        *options(processor),
        *linked,
    )
    qemu = [compiler("qemu-system-arm"), "-M", BOARDS[processor], "-nographic", "-monitor", "none"]
    qemu += ["-serial", "none", "-semihosting", "-kernel", program]
    return subprocess.run(qemu, timeout=300, stderr=subprocess.DEVNULL).returncode


def code_bytes(processor, source):
    """How many bytes of instructions the network takes, its constants apart."""
    target = compiled(
        compiler("arm-none-eabi-gcc"),
        source,
        source.with_suffix(".o"),
        *options(processor),
        "-c",
    )
    listed = subprocess.run(["arm-none-eabi-nm", "-S", target], capture_output=True, text=True)
    return sum(int(size, 16) for size in re.findall(r"^\w+ (\w+) [tT] ", listed.stdout, re.M))


def options(processor):
    return [f"-mcpu={processor}", "-mthumb", "-Os", "-ffreestanding"]
