"""The few places where plain loops are not enough: vector code, written once for every processor.

Each function here emits LLVM's portable vector instructions through numba. None names an
instruction of a processor: LLVM turns a population count of eight words into one instruction where
there is one (AVX-512 VPOPCNTDQ), and into table look-ups where there is none. So the same code
serves AVX2 machines, at their speed. ARM has not been tested.

Every kernel built from these has a twin in plain loops in :mod:`bnnkit.engine.kernels`, and a
test that holds the two to the same bits.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8  # words in a vector: one AVX-512 register, two of AVX2
VECTORS = 2  # vectors of columns in a tile
PANEL = LANES * VECTORS  # columns that are stored side by side
ROWS = 4  # rows in a tile: 4 x 2 counters stay in registers beside 2 vectors of columns

_I1, _I32, _I64 = ir.IntType(1), ir.IntType(32), ir.IntType(64)
_WORDS = ir.VectorType(_I64, LANES)
_SUMS = ir.VectorType(_I32, LANES)


def _data(context, builder, sig, args, n):
    """The pointer to the first element of array argument ``n``."""
    return context.make_array(sig.args[n])(context, builder, args[n]).data


def _splat(builder, value, lanes):
    """A vector with ``value`` in every lane."""
    empty = ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined)
    first = builder.insert_element(empty, value, ir.Constant(_I32, 0))
    everywhere = ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes)
    return builder.shuffle_vector(first, empty, everywhere)


def _vector_at(builder, pointer, index, vector):
    """A pointer to the vector that starts at element ``index``."""
    return builder.bitcast(builder.gep(pointer, [index]), vector.as_pointer())


def _int(value):
    return ir.Constant(_I64, value)


def _make_tile(rows: int, masked: bool):
    """Emit the product of ``rows`` packed rows with one panel of 16 packed columns.

    The counters of a tile live in registers over the whole loop. Each step reads two vectors of
    columns, which the panel keeps side by side so that no lane has to be shuffled, and one word
    a row, which is copied to every lane. Nothing is summed across lanes at the end: a lane is a
    column, and its count is its answer.
    """

    @intrinsic
    def tile(typingctx, a, mask, a_at, panels, panels_at, words, columns, z, z_at, z_stride):
        sig = types.void(a, mask, a_at, panels, panels_at, words, columns, z, z_at, z_stride)

        def codegen(context, builder, sig, args):
            a, mask, panels, z = (_data(context, builder, sig, args, n) for n in (0, 1, 3, 7))
            a_at, panels_at, words, columns, z_at, z_stride = (args[n] for n in (2, 4, 5, 6, 8, 9))
            popcount = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(_WORDS, [_WORDS]), f"llvm.ctpop.v{LANES}i64"
            )
            entry = builder.block
            loop = builder.append_basic_block("words")
            done = builder.append_basic_block("done")
            builder.branch(loop)
            builder.position_at_end(loop)
            k = builder.phi(_I64)
            k.add_incoming(_int(0), entry)
            counts = [[builder.phi(_WORDS) for _ in range(VECTORS)] for _ in range(rows)]
            counted = [builder.phi(_I64) for _ in range(rows)]  # bits of the mask
            for phi in [phi for row in counts for phi in row] + counted:
                phi.add_incoming(ir.Constant(phi.type, None), entry)

            column_at = builder.add(panels_at, builder.mul(k, _int(PANEL)))
            column = [
                builder.load(
                    _vector_at(builder, panels, builder.add(column_at, _int(v * LANES)), _WORDS),
                    align=8,
                )
                for v in range(VECTORS)
            ]
            for r in range(rows):
                at = builder.add(builder.add(a_at, builder.mul(words, _int(r))), k)
                row_word = _splat(builder, builder.load(builder.gep(a, [at]), align=8), LANES)
                total = counted[r]
                if masked:
                    mask_word = builder.load(builder.gep(mask, [at]), align=8)
                    total = builder.add(total, builder.ctpop(mask_word))
                    mask_word = _splat(builder, mask_word, LANES)
                counted[r].add_incoming(total, loop)
                counted[r] = total
                for v in range(VECTORS):
                    differ = builder.xor(row_word, column[v])
                    if masked:
                        differ = builder.and_(differ, mask_word)
                    total = builder.add(counts[r][v], builder.call(popcount, [differ]))
                    counts[r][v].add_incoming(total, loop)
                    counts[r][v] = total
            following = builder.add(k, _int(1))
            k.add_incoming(following, loop)
            builder.cbranch(builder.icmp_signed("<", following, words), loop, done)

            builder.position_at_end(done)
            for r in range(rows):
                base = builder.trunc(counted[r] if masked else columns, _I32)
                base = _splat(builder, base, LANES)
                row_at = builder.add(z_at, builder.mul(z_stride, _int(r)))
                for v in range(VECTORS):
                    twice = builder.shl(
                        builder.trunc(counts[r][v], _SUMS), ir.Constant(_SUMS, [1] * LANES)
                    )
                    at = builder.add(row_at, _int(v * LANES))
                    sums = builder.sub(base, twice)
                    builder.store(sums, _vector_at(builder, z, at, _SUMS), align=4)
            return context.get_dummy_value()

        return sig, codegen

    return tile


tile_4 = _make_tile(ROWS, masked=False)
tile_1 = _make_tile(1, masked=False)
masked_tile_4 = _make_tile(ROWS, masked=True)
masked_tile_1 = _make_tile(1, masked=True)


def _load_64(context, builder, sig, args):
    """The 64 elements of the array argument 0 that start at argument 1."""
    element = context.get_data_type(sig.args[0].dtype)
    pointer = _data(context, builder, sig, args, 0)
    where = _vector_at(builder, pointer, args[1], ir.VectorType(element, 64))
    return builder.load(where, align=element.width // 8)


@intrinsic
def word_of_signs(typingctx, x, at):
    """Pack ``x[at : at + 64] >= 0`` into a word; ``x`` is an integer array."""

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        bits = builder.icmp_signed(">=", values, ir.Constant(values.type, None))
        return builder.bitcast(bits, _I64)

    return types.uint64(x, at), codegen


@intrinsic
def word_within(typingctx, x, at, bound):
    """Pack ``|x[at : at + 64]| <= bound`` into a word; ``x`` is an int32 array."""

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        bound = _splat(builder, builder.trunc(args[2], values.type.element), 64)
        low = builder.icmp_signed(">=", values, builder.neg(bound))
        return builder.bitcast(builder.and_(low, builder.icmp_signed("<=", values, bound)), _I64)

    return types.uint64(x, at, bound), codegen


def _choose(builder, word, element, one, zero):
    """64 elements: ``one`` where the bit of ``word`` is 1, ``zero`` where it is 0."""
    vector = ir.VectorType(element, 64)
    bits = builder.bitcast(word, ir.VectorType(_I1, 64))
    return builder.select(bits, ir.Constant(vector, [one] * 64), ir.Constant(vector, [zero] * 64))


@intrinsic
def store_signs(typingctx, x, at, word):
    """Unpack ``word`` into ``x[at : at + 64]``: +1 for 1, -1 for 0; ``x`` is an int8 array."""

    def codegen(context, builder, sig, args):
        element = context.get_data_type(sig.args[0].dtype)
        signs = _choose(builder, args[2], element, 1, -1)
        pointer = _data(context, builder, sig, args, 0)
        builder.store(signs, _vector_at(builder, pointer, args[1], signs.type), align=1)
        return context.get_dummy_value()

    return types.void(x, at, word), codegen


@intrinsic
def add_signs(typingctx, x, at, word):
    """Add 2 to each of ``x[at : at + 64]`` whose bit is 1, -2 to the others; int16."""

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        changed = builder.add(values, _choose(builder, args[2], values.type.element, 2, -2))
        pointer = _data(context, builder, sig, args, 0)
        builder.store(changed, _vector_at(builder, pointer, args[1], values.type), align=2)
        return context.get_dummy_value()

    return types.void(x, at, word), codegen


@intrinsic
def add_saturated(typingctx, x, at, total, total_at, limit):
    """Add 64 int16 of ``total`` to 64 of ``x``, hold them in -limit .. limit, return their signs.

    The addition saturates at the ends of int16; the lower end is then lifted to ``-limit``.
    """

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        vector = values.type
        pointer = _data(context, builder, sig, args, 2)
        added = builder.load(_vector_at(builder, pointer, args[3], vector), align=2)
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector, vector]), "llvm.sadd.sat.v64i16"
        )
        held = builder.call(add, [values, added])
        low = _splat(builder, builder.trunc(builder.neg(args[4]), vector.element), 64)
        held = builder.select(builder.icmp_signed("<", held, low), low, held)
        pointer = _data(context, builder, sig, args, 0)
        builder.store(held, _vector_at(builder, pointer, args[1], vector), align=2)
        bits = builder.icmp_signed(">=", held, ir.Constant(vector, None))
        return builder.bitcast(bits, _I64)

    return types.uint64(x, at, total, total_at, limit), codegen


@intrinsic
def keep_where(typingctx, x, at, word, out, out_at, other):
    """Write ``|x[at : at + 64]|`` to ``out``, ``other`` where the bit of ``word`` is 0; int32."""

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        negative = builder.icmp_signed("<", values, ir.Constant(values.type, None))
        size = builder.select(negative, builder.neg(values), values)
        other = _splat(builder, builder.trunc(args[5], values.type.element), 64)
        bits = builder.bitcast(args[2], ir.VectorType(_I1, 64))
        pointer = _data(context, builder, sig, args, 3)
        where = _vector_at(builder, pointer, args[4], values.type)
        builder.store(builder.select(bits, size, other), where, align=4)
        return context.get_dummy_value()

    return types.void(x, at, word, out, out_at, other), codegen
