"""The few places where plain loops are not enough: vector code, written once for every processor.

Each function here emits LLVM's portable vector instructions through numba. None names an
instruction of a processor: LLVM turns a population count of eight words into one instruction where
there is one (AVX-512 VPOPCNTDQ), and into table look-ups where there is none. So the same code
serves AVX2 machines, at their speed. ARM has not been tested.

Every kernel built from these has a twin in plain loops in :mod:`bnnkit.engine.kernels`, and a
test that holds the two to the same bits.
"""

from __future__ import annotations

from collections.abc import Callable

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
_BITS = ir.VectorType(_I1, 64)


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


def _masked(builder, name, result, args):
    """Call ``llvm.masked.load`` or ``llvm.masked.store``: lanes whose mask is 0 touch no memory."""
    function_type = ir.FunctionType(result, [arg.type for arg in args])
    name = f"llvm.masked.{name}.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, function_type, name), args)


def _first_lanes(builder, there, element, begin=0):
    """A mask of 8 lanes, numbered from ``begin``: 1 for those below ``there``."""
    numbers = ir.Constant(ir.VectorType(element, LANES), list(range(begin, begin + LANES)))
    there = builder.trunc(there, element) if element != _I64 else there
    return builder.icmp_signed("<", numbers, _splat(builder, there, LANES))


def _int(value):
    return ir.Constant(_I64, value)


@intrinsic
def stay_a_call(typingctx):
    """Let no caller take in the function that says this: it would be compiled again with each."""

    def codegen(context, builder, sig, args):
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def ones(typingctx, word):
    """How many bits of a word are 1."""

    def codegen(context, builder, sig, args):
        return builder.ctpop(args[0])

    return types.int64(word), codegen


@intrinsic
def read_now(typingctx, counter):
    """Read ``counter[0]`` anew: another thread may have changed it since the last look."""

    def codegen(context, builder, sig, args):
        return builder.load_atomic(_data(context, builder, sig, args, 0), "seq_cst", align=8)

    return types.int64(counter), codegen


@intrinsic
def write_now(typingctx, counter, value):
    """Write ``counter[0]`` at once: another thread looks at it."""

    def codegen(context, builder, sig, args):
        pointer = _data(context, builder, sig, args, 0)
        builder.store_atomic(args[1], pointer, "seq_cst", align=8)
        return context.get_dummy_value()

    return types.void(counter, value), codegen


def _store_sums(builder, z, at, counts, columns, there):
    """Store ``columns - 2 * counts``, the first ``there`` of a panel's, as int32."""
    base = _splat(builder, builder.trunc(columns, _I32), LANES)
    for v, count in enumerate(counts):
        twice = builder.shl(builder.trunc(count, _SUMS), ir.Constant(_SUMS, [1] * LANES))
        place = _vector_at(builder, z, builder.add(at, _int(v * LANES)), _SUMS)
        stored = _first_lanes(builder, there, _I32, v * LANES)
        what = builder.sub(base, twice), place, ir.Constant(_I32, 4), stored
        _masked(builder, f"store.v{LANES}i32", ir.VoidType(), what)


def _store_signs(builder, words, at, counts, columns, there):
    """Store the bits ``columns - 2 * counts >= 0``, 0 from ``there`` on; ``at`` counts panels.

    A panel's bits are a quarter of a word, the first the lowest, as little-endian machines have it.
    """
    half = _splat(builder, builder.ashr(columns, _int(1)), LANES)
    signs = [
        builder.and_(
            builder.icmp_signed("<=", count, half), _first_lanes(builder, there, _I32, v * LANES)
        )
        for v, count in enumerate(counts)
    ]
    order = ir.Constant(ir.VectorType(_I32, PANEL), list(range(PANEL)))
    bits = builder.bitcast(builder.shuffle_vector(*signs, order), ir.IntType(PANEL))
    place = builder.gep(builder.bitcast(words, bits.type.as_pointer()), [at])
    builder.store(bits, place, align=PANEL // 8)


def _make_tile(rows: int, masked: bool = False, store: Callable = _store_sums):
    """Emit the product of ``rows`` packed rows with one panel of 16 packed columns.

    The counters of a tile live in registers over the whole loop. Each step reads two vectors of
    columns, which the panel keeps side by side so that no lane has to be shuffled, and one word
    a row, which is copied to every lane. Nothing is summed across lanes at the end: a lane is a
    column, and its count is its answer. The last panel of a matrix may hold fewer than 16 columns:
    only the first ``there`` are stored, as sums, or as signs where nobody asks for the sums.
    """

    @intrinsic
    def tile(typingctx, a, mask, a_at, panels, panels_at, words, columns, z, z_at, z_stride, there):
        sig = types.void(a, mask, a_at, panels, panels_at, words, columns, z, z_at, z_stride, there)

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
                at = builder.add(z_at, builder.mul(z_stride, _int(r)))
                store(builder, z, at, counts[r], counted[r] if masked else columns, args[10])
            return context.get_dummy_value()

        return sig, codegen

    return tile


tile_4 = _make_tile(ROWS)
tile_1 = _make_tile(1)
masked_tile_4 = _make_tile(ROWS, masked=True)
masked_tile_1 = _make_tile(1, masked=True)
sign_tile_4 = _make_tile(ROWS, store=_store_signs)
sign_tile_1 = _make_tile(1, store=_store_signs)


@intrinsic
def copy_eight(typingctx, words, at, there, block, row):
    """Copy the words from ``at`` on to row ``row`` of a block of 8 a row: ``there``, then zeros."""
    sig = types.void(words, at, there, block, row)

    def codegen(context, builder, sig, args):
        words, block = (_data(context, builder, sig, args, n) for n in (0, 3))
        mask = _first_lanes(builder, args[2], _I64)
        where = _vector_at(builder, words, args[1], _WORDS)
        what = where, ir.Constant(_I32, 8), mask, ir.Constant(_WORDS, None)
        eight = _masked(builder, f"load.v{LANES}i64", _WORDS, what)
        place = _vector_at(builder, block, builder.mul(args[4], _int(LANES)), _WORDS)
        builder.store(eight, place, align=8)
        return context.get_dummy_value()

    return sig, codegen


@intrinsic
def swap_quarters(typingctx, block, upper, lower, shift, mask):
    """Swap bits between two rows of 8 words: the high ones of ``upper``, the low ones of ``lower``.

    ``mask`` has a 1 where a low bit is, ``shift`` is how much higher its partner stands.
    """
    sig = types.void(block, upper, lower, shift, mask)

    def codegen(context, builder, sig, args):
        block = _data(context, builder, sig, args, 0)
        places = [
            _vector_at(builder, block, builder.mul(r, _int(LANES)), _WORDS) for r in args[1:3]
        ]
        high, low = (builder.load(place, align=8) for place in places)
        shift, mask = (_splat(builder, x, LANES) for x in args[3:])
        swap = builder.and_(builder.xor(builder.lshr(high, shift), low), mask)
        builder.store(builder.xor(high, builder.shl(swap, shift)), places[0], align=8)
        builder.store(builder.xor(low, swap), places[1], align=8)
        return context.get_dummy_value()

    return sig, codegen


@intrinsic
def copy_column(typingctx, block, column, lane, panels, at):
    """Copy a lane of 16 columns of a block of 8 a row, one after the other, to a panel."""
    sig = types.void(block, column, lane, panels, at)

    def codegen(context, builder, sig, args):
        block, panels = (_data(context, builder, sig, args, n) for n in (0, 3))
        first = builder.add(builder.mul(args[1], _int(LANES)), args[2])
        for k in range(PANEL):
            word = builder.load(builder.gep(block, [builder.add(first, _int(k * LANES))]))
            builder.store(word, builder.gep(panels, [builder.add(args[4], _int(k))]))
        return context.get_dummy_value()

    return sig, codegen


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


@intrinsic
def store_signs(typingctx, x, at, word):
    """Unpack ``word`` into ``x[at : at + 64]``: +1 for 1, -1 for 0; ``x`` is an int8 array."""

    def codegen(context, builder, sig, args):
        vector = ir.VectorType(context.get_data_type(sig.args[0].dtype), 64)
        plus, minus = (ir.Constant(vector, [sign] * 64) for sign in (1, -1))
        signs = builder.select(builder.bitcast(args[2], _BITS), plus, minus)
        pointer = _data(context, builder, sig, args, 0)
        builder.store(signs, _vector_at(builder, pointer, args[1], signs.type), align=1)
        return context.get_dummy_value()

    return types.void(x, at, word), codegen


def _full_adder(builder, x, y, z):
    """Add three bits in every place: the sum, and the carry to the place of twice its worth."""
    half = builder.xor(x, y)
    return builder.xor(half, z), builder.or_(builder.and_(x, y), builder.and_(half, z))


def _flipped_rows(context, builder, sig, args):
    """A function that loads 8 words of hit ``i``, counted from the first, through its XOR."""
    rows, at, flip = (_data(context, builder, sig, args, n) for n in range(3))
    first, column = args[3], args[4]

    def row(i):
        i = builder.add(first, _int(i))
        start = builder.add(builder.load(builder.gep(at, [i])), column)
        word = builder.load(_vector_at(builder, rows, start, _WORDS), align=8)
        return builder.xor(word, _splat(builder, builder.load(builder.gep(flip, [i])), LANES))

    return row


@intrinsic
def count_three(typingctx, rows, at, flip, first, column, planes, planes_at):
    """Count the ones of three rows, 512 columns at once: one full adder, two planes.

    The arguments are those of :func:`count_eight`. Most neurons are hit less than four times.
    """
    sig = types.void(rows, at, flip, first, column, planes, planes_at)

    def codegen(context, builder, sig, args):
        row = _flipped_rows(context, builder, sig, args)
        planes = _data(context, builder, sig, args, 5)
        for p, bits in enumerate(_full_adder(builder, row(0), row(1), row(2))):
            place = builder.add(args[6], _int(p * LANES))
            builder.store(bits, _vector_at(builder, planes, place, _WORDS), align=8)
        return context.get_dummy_value()

    return sig, codegen


@intrinsic
def count_eight(typingctx, rows, at, flip, first, column, planes, planes_at, depth):
    """Count the ones of eight rows, 512 columns at once, on top of what ``planes`` has counted.

    Row ``i`` starts at element ``at[i]`` of ``rows`` and is read through XOR with ``flip[i]``, for
    eight ``i`` from ``first`` on; of each row, the 8 words from ``column`` on. The counts stand
    upright: plane ``p`` holds the bit of worth ``2**p`` of every count, so that a full adder adds
    512 columns at once and seven of them add eight rows. What is carried out of the third plane
    goes up the planes above, ``depth`` in all.
    """
    sig = types.void(rows, at, flip, first, column, planes, planes_at, depth)

    def codegen(context, builder, sig, args):
        row = _flipped_rows(context, builder, sig, args)
        planes, planes_at, depth = _data(context, builder, sig, args, 5), args[6], args[7]

        def plane(p):
            p = builder.add(planes_at, builder.mul(p, _int(LANES)))
            return _vector_at(builder, planes, p, _WORDS)

        ones, twos, fours = (builder.load(plane(_int(p)), align=8) for p in range(3))
        carried = []
        for i in (0, 4):
            ones, low = _full_adder(builder, ones, row(i), row(i + 1))
            ones, high = _full_adder(builder, ones, row(i + 2), row(i + 3))
            twos, carry = _full_adder(builder, twos, low, high)
            carried.append(carry)
        fours, eights = _full_adder(builder, fours, *carried)
        for p, bits in enumerate((ones, twos, fours)):
            builder.store(bits, plane(_int(p)), align=8)
        carry = cgutils.alloca_once_value(builder, eights)
        with cgutils.for_range(builder, depth, start=_int(3)) as loop:
            bits, add = builder.load(plane(loop.index), align=8), builder.load(carry)
            builder.store(builder.xor(bits, add), plane(loop.index), align=8)
            builder.store(builder.and_(bits, add), carry)
        return context.get_dummy_value()

    return sig, codegen


@intrinsic
def add_counts(typingctx, x, at, planes, planes_at, depth, votes, limit):
    """Add ``2 * (ones - zeros)`` to ``x[at : at + 64]``, hold it in -limit .. limit; int16.

    The ones of each column, out of ``votes``, are counted in every 8th word from ``planes_at``. The
    addition saturates at the ends of int16; the lower end is then lifted to ``-limit``. Returns
    the signs afterwards, packed.
    """
    sig = types.uint64(x, at, planes, planes_at, depth, votes, limit)

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        vector, element = values.type, values.type.element
        planes = _data(context, builder, sig, args, 2)
        none = builder.trunc(builder.mul(args[5], _int(-2)), element)

        def added(total, p):
            word = builder.add(builder.mul(p, _int(LANES)), args[3])
            bits = builder.bitcast(builder.load(builder.gep(planes, [word])), _BITS)
            worth = builder.shl(ir.Constant(element, 4), builder.trunc(p, element))
            return builder.select(bits, builder.add(total, _splat(builder, worth, 64)), total)

        few = added(added(_splat(builder, none, 64), _int(0)), _int(1))
        total = cgutils.alloca_once_value(builder, few)
        with cgutils.for_range(builder, args[4], start=_int(2)) as loop:
            builder.store(added(builder.load(total), loop.index), total)
        add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector, vector]), "llvm.sadd.sat.v64i16"
        )
        held = builder.call(add, [values, builder.load(total)])
        low = _splat(builder, builder.trunc(builder.neg(args[6]), element), 64)
        held = builder.select(builder.icmp_signed("<", held, low), low, held)
        pointer = _data(context, builder, sig, args, 0)
        builder.store(held, _vector_at(builder, pointer, args[1], vector), align=2)
        bits = builder.icmp_signed(">=", held, ir.Constant(vector, None))
        return builder.bitcast(bits, _I64)

    return sig, codegen


@intrinsic
def add_signed(typingctx, x, at, word, total):
    """Add ``x[at : at + 64]`` to ``total[at : at + 64]``, negated where a bit of ``word`` is 0."""

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        signed = builder.select(builder.bitcast(args[2], _BITS), values, builder.neg(values))
        where = _vector_at(builder, _data(context, builder, sig, args, 3), args[1], values.type)
        added = builder.add(builder.load(where, align=4), signed)
        builder.store(added, where, align=4)
        return context.get_dummy_value()

    return types.void(x, at, word, total), codegen


@intrinsic
def store_keys(typingctx, x, at, word, keys, keys_at, column):
    """Write 64 keys: ``|x[at + i]| * 2**32 + column + i`` where bit ``i`` of ``word`` is 1.

    Elsewhere the largest key. So the smallest key is the smallest number, the first of equals.
    """
    sig = types.void(x, at, word, keys, keys_at, column)

    def codegen(context, builder, sig, args):
        values = _load_64(context, builder, sig, args)
        vector = ir.VectorType(_I64, 64)
        negative = builder.icmp_signed("<", values, ir.Constant(values.type, None))
        size = builder.zext(builder.select(negative, builder.neg(values), values), vector)
        places = builder.add(_splat(builder, args[5], 64), ir.Constant(vector, list(range(64))))
        key = builder.or_(builder.shl(size, ir.Constant(vector, [32] * 64)), places)
        largest = ir.Constant(vector, [2**63 - 1] * 64)
        key = builder.select(builder.bitcast(args[2], _BITS), key, largest)
        pointer = _data(context, builder, sig, args, 3)
        builder.store(key, _vector_at(builder, pointer, args[4], vector), align=8)
        return context.get_dummy_value()

    return sig, codegen
