"""A plan as C: the templates, filled in."""

from __future__ import annotations

from importlib.resources import files
from string import Template

import numpy as np

from bnnkit.export.plan import Memory, Plan, SignLayer

WIDTH = 92  # of a line of constants
C_TYPES = {"uint8": "uint8_t", "int8": "int8_t", "uint16": "uint16_t", "int16": "int16_t"}
C_TYPES |= {"uint32": "uint32_t", "int32": "int32_t", "int64": "int64_t"}


class Header:
    """The C header of a plan: its text, and how many bytes it takes."""

    def __init__(self, plan: Plan, name: str, version: str):
        self.plan, self.name = plan, name
        self.constants: list[str] = []
        self.functions: list[str] = []
        self.flash = 0
        self.packed = _words(plan.signs)
        self.state = 0 if plan.memory is None else _words(len(plan.memory.ss))
        self._per_neuron = any(isinstance(layer.limit, np.ndarray) for layer in plan.layers)
        widest = max((layer.W.shape[1] for layer in plan.layers), default=0)
        self._limit_type = "int16" if widest < 2**15 else "int32"
        self.stack = 4 * self._buffers() + plan.scores.W.shape[0] * self._score_bytes()
        self._encoder()
        if plan.memory is not None or plan.layers:
            self._layer_function()
        if plan.memory is not None:
            self._step(plan.memory)
        self._scores()
        kind, first = self._kind()
        self.text = self._fill(
            "network.h",
            version=version,
            summary=self._summary(),
            usage=self._usage(),
            macros=self._macros(),
            input=C_TYPES[plan.input_type],
            reads=": +1 or -1" if plan.thresholds is None else "",
            score=self._score_type(),
            constants="\n".join(self.constants),
            functions="".join(self.functions).rstrip("\n") + "\n",
            predict=self._fill(f"predict_{kind}.h", first=first).rstrip("\n") + "\n",
        )

    def example(self, X: np.ndarray, y: np.ndarray) -> str:
        """Return a C program that predicts ``X`` and counts what differs from ``y``.

        A sequence (channels, time) becomes a row of numbers, one step after another.
        """
        sequence = X.ndim == 3
        told = sequence and self.plan.chunks is None  # how many steps; chunks are always as many
        rows = X.transpose(0, 2, 1).reshape(len(X), -1) if sequence else X
        return self._fill(
            "example.c",
            header=f"{self.name}.h",
            count=len(rows),
            size=rows.shape[1],
            samples=",\n".join("    {" + _lines(row, indent=5).strip() + "}" for row in rows),
            classes=_lines(y.astype(np.int32)),
            steps=f", {X.shape[2]}u" if told else "",
        )

    def _kind(self) -> tuple[str, str]:
        """What is predicted, and the step that a sequence begins with."""
        memory, chunks = self.plan.memory, self.plan.chunks
        if memory is None:
            return "table", ""
        if chunks is not None:
            return "chunks", f"{max(chunks.steps - (memory.window or chunks.steps), 0)}u"
        window = memory.window
        return "sequence", f"steps > {window}u ? steps - {window}u : 0u" if window else "0"

    def _encoder(self) -> None:
        chunks, threshold = self.plan.chunks, "0"
        if self.plan.thresholds is not None:
            self._constant("thresholds", self.plan.thresholds.reshape(-1))
            threshold = f"{self.name}_thresholds[at]"
        if chunks is None:
            self.functions.append(self._fill("encode.h", threshold=threshold))
        else:
            time = "time"
            if chunks.lead:
                time = f"time < {chunks.lead}u ? 0u : time - {chunks.lead}u"
            self.functions.append(self._fill("encode_chunk.h", size=chunks.size, time=time))

    def _layer_function(self) -> None:
        each = self._per_neuron
        limit, declared = "limit", "int32_t limit"
        if each:
            limit, declared = "limits[j]", f"const {C_TYPES[self._limit_type]} *limits"
        self.functions.append(self._fill("layer.h", limit=limit, declared=declared))

    def _step(self, memory: Memory) -> None:
        (before,) = self.plan.before or (None,)
        name, lines = self.name, [f"    uint32_t bits[{self.packed}];"]
        chunked = self.plan.chunks is not None
        x = "x, step" if chunked else "x"
        if before is None:
            lines = [f"    uint32_t a[{self.packed}];", f"    {name}_encode({x}, a);"]
        else:
            expanded = _words(len(before.W))
            self._weights("expansion", before.W)
            lines += [
                f"    uint32_t a[{expanded}];",
                f"    {name}_encode({x}, bits);",
                f"    {self._call('expansion', before, 'bits', 'a')}",
            ]
        self._weights("xs", memory.xs)
        self._weights("ss", memory.ss)
        self._weights("start", memory.start[None])
        reads = memory.xs.shape[1] + memory.ss.shape[1]
        self.functions.append(
            self._fill(
                "step.h",
                source="a chunk of the series" if chunked else "the next input",
                number=" uint32_t step," if chunked else "",
                read="\n".join(lines),
                limit=f"{reads // 2}u",
                x_words=f"{_words(memory.xs.shape[1])}u",
            )
        )

    def _scores(self) -> None:
        plan, name = self.plan, self.name
        lines, last = [], "state"
        if plan.memory is None:
            lines += [f"    uint32_t bits[{self.packed}];", f"    {name}_encode(x, bits);"]
            last = "bits"
        for i, layer in enumerate(plan.layers):
            self._weights(f"w{i}", layer.W)
            if isinstance(layer.limit, np.ndarray):
                self._constant(f"limits{i}", layer.limit.astype(self._limit_type))
            lines.insert(i, f"    uint32_t a{i}[{_words(len(layer.W))}];")
            lines.append(f"    {self._call(f'w{i}', layer, last, f'a{i}', limits=f'limits{i}')}")
            last = f"a{i}"
        self._weights("classes", plan.scores.W)
        what = "The scores of the classes" + (" after a sequence." if plan.memory else ".")
        argument = "const uint32_t *state" if plan.memory else f"const {name}_input *x"
        self.functions.append(
            self._fill(
                "scores.h",
                what=what,
                argument=argument,
                layers="\n".join(lines),
                last=last,
                words=f"{_words(plan.scores.W.shape[1])}u",
                score=self._score(),
            )
        )

    def _score(self) -> str:
        scores, name = self.plan.scores, self.name
        K = scores.W.shape[1]
        if scores.kind == "logits":
            return f"{K} - 2 * (int32_t)differ"
        if scores.kind == "line":
            self._constant("base", scores.base)
            self._constant("slope", scores.slope)
            return f"{name}_base[c] - {name}_slope[c] * (int64_t)differ"
        self._constant("ranks", scores.table.reshape(-1))
        return f"{name}_ranks[c * {K + 1}u + differ]"

    def _score_type(self) -> str:
        kinds = {"logits": "int32_t", "line": "int64_t"}
        return kinds.get(self.plan.scores.kind) or C_TYPES[self.plan.scores.table.dtype.name]

    def _score_bytes(self) -> int:
        kinds = {"logits": 4, "line": 8}
        return kinds.get(self.plan.scores.kind) or self.plan.scores.table.itemsize

    def _call(self, weights: str, layer: SignLayer, source: str, target: str, limits="") -> str:
        limit = f"{self.name}_{limits}" if isinstance(layer.limit, np.ndarray) else layer.limit
        rows, columns = layer.W.shape
        return (
            f"{self.name}_layer({source}, {_words(columns)}u, {self.name}_{weights}, {limit}, "
            f"{rows}u, {target});"
        )

    def _weights(self, label: str, W: np.ndarray) -> None:
        self._constant(label, packed(W).reshape(-1))

    def _constant(self, label: str, values: np.ndarray) -> None:
        self.flash += values.nbytes
        declared = f"static const {C_TYPES[values.dtype.name]} {self.name}_{label}[{values.size}]"
        self.constants.append(f"{declared} = {{\n{_lines(values)}\n}};\n")

    def _macros(self) -> str:
        plan = self.plan
        of = "sample" if plan.memory is None else "step" if plan.chunks is None else "time"
        numbers = {"INPUTS": (plan.inputs, f"numbers a {of}")}
        if plan.chunks is not None:
            numbers["TIMES"] = plan.chunks.times, "times a series"
            numbers["STEPS"] = plan.chunks.steps, "chunks that it is read in"
        bits = 1 if plan.thresholds is None else plan.thresholds.shape[1]
        numbers["THRESHOLDS"] = bits, "bits a number"
        if plan.memory is not None:
            numbers["STATE"] = len(plan.memory.ss), "neurons that remember"
            numbers["STATE_WORDS"] = self.state, "words of 32 bits that they take"
        numbers["CLASSES"] = len(plan.scores.W), "classes"
        numbers["FLASH_BYTES"] = self.flash, "of constants"
        numbers["STACK_BYTES"] = self.stack, "of arrays, at most, while predicting"
        rows = [
            (f"#define {self.name.upper()}_{key} {n}u", text) for key, (n, text) in numbers.items()
        ]
        width = max(len(define) for define, _ in rows)
        return "\n".join(f"{define:{width}} /* {text} */" for define, text in rows) + "\n"

    def _buffers(self) -> int:
        """The words of all the arrays that live at once."""
        plan = self.plan
        layers = sum(_words(len(layer.W)) for layer in plan.layers)
        if plan.memory is None:
            return self.packed + layers
        step = self.packed + sum(_words(len(layer.W)) for layer in plan.before)
        return 2 * self.state + max(step, layers)

    def _summary(self) -> str:
        plan = self.plan
        widths = [layer.W.shape[0] for layer in [*plan.before, *plan.layers]]
        if plan.memory is not None:
            widths.insert(len(plan.before), f"{len(plan.memory.ss)} (recurrent)")
        chain = " -> ".join(str(width) for width in [plan.signs, *widths])
        return f"Signs: {chain}; then {len(plan.scores.W)} classes."

    def _usage(self) -> str:
        name, NAME = self.name, self.name.upper()
        kind, _ = self._kind()
        times = {"table": "", "sequence": "STEPS * ", "chunks": f"{NAME}_TIMES * "}[kind]
        steps, more = f"{times}{NAME}_INPUTS", ", STEPS" if kind == "sequence" else ""
        return (
            f' *     #include "{name}.h"\n'
            f" *     {name}_input x[{steps}] = ...;\n"
            f" *     uint32_t class_number = {name}_predict(x{more});"
        )

    def _fill(self, template: str, **values) -> str:
        text = files("bnnkit.export").joinpath("templates", template).read_text(encoding="utf-8")
        return Template(text).substitute(name=self.name, NAME=self.name.upper(), **values)


def packed(W: np.ndarray) -> np.ndarray:
    """Return signs as words of 32 bits, each row in words of its own: bit 1 is +1, padding 0.

    >>> packed(np.array([[1, -1, 1], [1, 1, 1]], np.int8))
    array([[5],
           [7]], dtype=uint32)
    """
    bits = np.zeros((len(W), 32 * _words(W.shape[1])), np.uint8)
    bits[:, : W.shape[1]] = W > 0
    octets = np.packbits(bits, axis=1, bitorder="little")
    return octets.view("<u4").astype(np.uint32)


def _words(bits: int) -> int:
    """How many words of 32 bits hold ``bits``."""
    return -(-bits // 32)


def _lines(values: np.ndarray, indent: int = 4) -> str:
    """Values as the inside of a C initialiser, in lines of bounded width."""
    written = [_literal(value) for value in np.asarray(values).reshape(-1)]
    lines, line = [], ""
    for text in written:
        if line and len(line) + len(text) > WIDTH - indent:
            lines.append(line.rstrip())
            line = ""
        line += f"{text}, "
    lines.append(line.rstrip(", "))
    return "\n".join(" " * indent + line for line in lines)


def _literal(value) -> str:
    if value.dtype == np.uint32:
        return f"0x{int(value):08X}"
    if value.dtype == np.int64:
        return f"INT64_C({int(value)})"
    return str(int(value))
