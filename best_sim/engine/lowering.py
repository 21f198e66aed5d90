"""What the compiled driver needs and numba does not promise, all of it, in one place.

Three things: that an extension type may be a bare pointer with attributes of its own (`RecordPointer`,
`ArrayPointer`); that the value of a generator is a pointer to a flat struct, which can be copied to memory and
resumed there (`generator_size`, `park`, `parked`); and how an exception is returned from lowered code. The tests of
this file run it by itself, so that a numba that changed says so there and not in a simulation. Importing it makes
known to numba all that is marked (`best_sim.engine.rule`).

numba's own records are copied into the state of a generator, so a process could not write to its row through one; a
pointer can be kept, and written through. Tables do not move while a run lasts.
"""

from __future__ import annotations

import hashlib
import inspect
import operator
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.imputils import lower_builtin, lower_constant, lower_getattr_generic, lower_setattr_generic
from numba.core.typing.templates import (
    AbstractTemplate,
    AttributeTemplate,
    infer_getattr,
    infer_global,
    signature,
)
from numba.extending import intrinsic, models, register_model, typeof_impl
from numba.np.numpy_support import from_dtype

from best_sim.engine import luck, maths, philox
from best_sim.engine.linking import Piece
from best_sim.engine.rule import compiling_begins

_CHECKS = bool(os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0"))
_BYTES = ir.IntType(8).as_pointer()
_INT64 = ir.IntType(64)


def _short(of: object) -> str:
    # The name of a record spells out its fields; the names of compiled functions would repeat that over and over.
    return hashlib.blake2b(str(of).encode(), digest_size=8).hexdigest()


class RecordPointer(types.Type):
    """Type of a pointer to a record; its attributes are the record's fields, read and written in place."""

    def __init__(self, record: types.Record) -> None:
        self.record = record
        super().__init__(name=f"RecordPointer({_short(record)})")


class ArrayPointer(types.Type):
    """Type of a pointer to an array within a record; indexed with as many integers as it has dimensions."""

    def __init__(self, element: types.Type, shape: tuple[int, ...], aligned: bool) -> None:
        self.element, self.shape, self.aligned = element, shape, aligned
        super().__init__(name=f"ArrayPointer({_short(element)}, {shape}, {aligned})")


@register_model(RecordPointer)
@register_model(ArrayPointer)
class _PointerModel(models.PrimitiveModel):
    """In memory a whole number of 64 bits, so that records and states are laid out alike on every machine."""

    def __init__(self, manager: Any, of: types.Type) -> None:
        super().__init__(manager, of, _BYTES)

    def get_data_type(self) -> Any:
        return _INT64

    def as_data(self, builder: Any, value: Any) -> Any:
        return builder.ptrtoint(value, _INT64)

    def from_data(self, builder: Any, value: Any) -> Any:
        return builder.inttoptr(value, _BYTES)


def _seen_as(stored: types.Type, aligned: bool) -> types.Type:
    """Type as which model code meets a stored value: whole numbers as int64, as Python has one kind of them."""
    if isinstance(stored, types.NestedArray):
        return ArrayPointer(stored.dtype, stored.shape, aligned)
    if isinstance(stored, types.Record):
        return RecordPointer(stored)
    return types.int64 if isinstance(stored, types.Integer) else stored


def _read(context: Any, builder: Any, stored: types.Type, address: Any, aligned: bool) -> Any:
    if isinstance(stored, types.NestedArray | types.Record):
        return address
    pointer = builder.bitcast(address, context.get_data_type(stored).as_pointer())
    value = context.unpack_value(builder, stored, pointer, None if aligned else 1)
    return context.cast(builder, value, stored, _seen_as(stored, aligned))


def _write(context: Any, builder: Any, stored: types.Type, address: Any, value: Any, aligned: bool) -> None:
    pointer = builder.bitcast(address, context.get_data_type(stored).as_pointer())
    stored_value = context.cast(builder, value, _seen_as(stored, aligned), stored)
    context.pack_value(builder, stored, stored_value, pointer, None if aligned else 1)


def _is_scalar(stored: types.Type) -> bool:
    return not isinstance(stored, types.NestedArray | types.Record)


# --- attributes of a record ---------------------------------------------------------------------------------


@infer_getattr
class _RecordPointerAttributes(AttributeTemplate):
    key = RecordPointer

    def generic_resolve(self, pointer: Any, name: str) -> Any:  # type: ignore[override]
        record = pointer.record
        return _seen_as(record.typeof(name), record.aligned) if name in record.fields else None


def _field(builder: Any, record: types.Record, pointer: Any, name: str) -> Any:
    return builder.gep(pointer, [ir.Constant(_INT64, record.offset(name))])


@lower_getattr_generic(RecordPointer)
def _get_field(context: Any, builder: Any, pointer: RecordPointer, value: Any, name: str) -> Any:
    record = pointer.record
    return _read(context, builder, record.typeof(name), _field(builder, record, value, name), record.aligned)


@lower_setattr_generic(RecordPointer)
def _set_field(context: Any, builder: Any, sig: Any, values: Any, name: str) -> None:
    record = sig.args[0].record
    stored = record.typeof(name)
    value = context.cast(builder, values[1], sig.args[1], _seen_as(stored, record.aligned))
    _write(context, builder, stored, _field(builder, record, values[0], name), value, record.aligned)


# --- elements of an array in a record -----------------------------------------------------------------------


def _index_types(index: Any) -> tuple[types.Type, ...]:
    return tuple(index.types) if isinstance(index, types.BaseTuple) else (index,)  # type: ignore[attr-defined]


def _fits(array: types.Type, index: types.Type) -> bool:
    if not isinstance(array, ArrayPointer):
        return False
    indices = _index_types(index)
    return len(indices) <= len(array.shape) and all(isinstance(one, types.Integer) for one in indices)


def _raise_unless(context: Any, builder: Any, good: Any, message: str) -> None:
    with cgutils.if_unlikely(builder, builder.not_(good)):
        context.call_conv.return_user_exc(builder, IndexError, (message,))


def _element(
    context: Any, builder: Any, array: ArrayPointer, pointer: Any, index: types.Type, value: Any
) -> tuple[types.Type, Any]:
    """Type and address of the element, or of the row of elements, at an index that is checked."""
    indices = _index_types(index)
    values = cgutils.unpack_tuple(builder, value) if isinstance(index, types.BaseTuple) else [value]
    position: Any = ir.Constant(_INT64, 0)
    for one, given, extent in zip(indices, values, array.shape, strict=False):
        given = context.cast(builder, given, one, types.int64)
        # One unsigned comparison refuses negative numbers too.
        good = builder.icmp_unsigned("<", given, ir.Constant(_INT64, extent))
        _raise_unless(context, builder, good, "index outside an array of a record")
        position = builder.add(builder.mul(position, ir.Constant(_INT64, extent)), given)
    rest = array.shape[len(indices) :]
    element = types.NestedArray(array.element, rest) if rest else array.element
    size = _stored_size(context, array.element) * int(np.prod(rest, dtype=np.int64))
    return element, builder.gep(pointer, [builder.mul(position, ir.Constant(_INT64, size))])


def _stored_size(context: Any, element: types.Type) -> int:
    if isinstance(element, types.Record):
        return int(element.size)
    return int(context.get_abi_sizeof(context.get_data_type(element)))


@infer_global(operator.getitem)
class _GetElement(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        array, index = args
        if not _fits(array, index):
            return None
        rest = array.shape[len(_index_types(index)) :]
        stored = types.NestedArray(array.element, rest) if rest else array.element
        return signature(_seen_as(stored, array.aligned), array, index)


@infer_global(operator.setitem)
class _SetElement(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        array, index, _ = args
        if (
            not _fits(array, index)
            or len(_index_types(index)) != len(array.shape)
            or not _is_scalar(array.element)
        ):
            return None
        return signature(types.void, array, index, _seen_as(array.element, array.aligned))


@infer_global(len)
class _CountElements(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        (array,) = args
        return signature(types.int64, array) if isinstance(array, ArrayPointer) else None


@lower_builtin(operator.getitem, ArrayPointer, types.Any)
def _get_element(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    array, index = sig.args
    element, address = _element(context, builder, array, values[0], index, values[1])
    return _read(context, builder, element, address, array.aligned)


@lower_builtin(operator.setitem, ArrayPointer, types.Any, types.Any)
def _set_element(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    array, index, _ = sig.args
    element, address = _element(context, builder, array, values[0], index, values[1])
    _write(context, builder, element, address, values[2], array.aligned)
    return context.get_dummy_value()


@lower_builtin(len, ArrayPointer)
def _count_elements(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    return context.get_constant(types.int64, sig.args[0].shape[0])


# --- from addresses to pointers -----------------------------------------------------------------------------


def pointer_type(dtype: np.dtype[Any]) -> RecordPointer:
    """The type, in compiled code, of a pointer to a record of this dtype."""
    return RecordPointer(from_dtype(dtype))


def record_at(dtype: np.dtype[Any]) -> Any:
    """A function for compiled code, `f(address)`: the record of this dtype at an address (an int64)."""
    pointer = pointer_type(dtype)

    @intrinsic
    def at(typing: Any, address: Any) -> Any:
        def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], _BYTES)

        return pointer(types.int64), lower

    return at


def lower_row(
    function: Callable[..., Any], dtype: np.dtype[Any], address_field: str, length_field: str, message: str
) -> None:
    """Make a Python function `function(world, index)` give, in compiled code, one row of a table.

    Parameters
    ----------
    function : callable
        The Python function.
    dtype : numpy.dtype
        Of the table.
    address_field, length_field : str
        Fields of the world that hold the table's address and its number of rows.
    message : str
        Of the `IndexError` raised for a row that is not in the table.
    """
    pointer = pointer_type(dtype)

    class _Row(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            world, index = args
            if not isinstance(world, RecordPointer) or not isinstance(index, types.Integer):
                return None
            return signature(pointer, world, types.int64)

    infer_global(function, types.Function(_Row))

    @lower_builtin(function, RecordPointer, types.int64)
    def _row(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        world, position = values
        address = _get_field(context, builder, sig.args[0], world, address_field)
        length = _get_field(context, builder, sig.args[0], world, length_field)
        _raise_unless(context, builder, builder.icmp_unsigned("<", position, length), message)
        offset = builder.mul(position, ir.Constant(_INT64, dtype.itemsize))
        return builder.inttoptr(builder.add(address, offset), _BYTES)


# --- runs of numbers ----------------------------------------------------------------------------------------


class CellsType(types.Type):
    """Type of a run of numbers in memory: an address and a length. Unlike an array, it owns and counts nothing."""

    def __init__(self, element: types.Type) -> None:
        self.element = element
        super().__init__(name=f"Cells({element})")


@register_model(CellsType)
class _CellsModel(models.StructModel):
    def __init__(self, manager: Any, of: CellsType) -> None:
        super().__init__(manager, of, [("address", types.int64), ("length", types.int64)])


def cells_at(dtype: np.dtype[Any]) -> Any:
    """A function for compiled code, `f(address, length)`: the numbers there, indexed without a check."""
    cells = CellsType(from_dtype(dtype))

    @intrinsic
    def at(typing: Any, address: Any, length: Any) -> Any:
        def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
            made = cgutils.create_struct_proxy(cells)(context, builder)
            made.address, made.length = values
            return made._getvalue()

        return cells(types.int64, types.int64), lower

    return at


@infer_global(operator.getitem)
class _GetCell(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        cells, index = args
        if isinstance(cells, CellsType) and isinstance(index, types.Integer):
            return signature(cells.element, cells, types.int64)
        return None


@infer_global(operator.setitem)
class _SetCell(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        cells, index, _ = args
        if isinstance(cells, CellsType) and isinstance(index, types.Integer):
            return signature(types.void, cells, types.int64, cells.element)
        return None


@infer_global(len)
class _CountCells(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        (cells,) = args
        return signature(types.int64, cells) if isinstance(cells, CellsType) else None


def _cell(context: Any, builder: Any, cells: CellsType, value: Any, index: Any) -> Any:
    parts = cgutils.create_struct_proxy(cells)(context, builder, value=value)
    if _CHECKS:  # as numba has it for arrays, to look for mistakes
        good = builder.icmp_unsigned("<", index, parts.length)
        _raise_unless(context, builder, good, "index outside a run of numbers")
    pointer = builder.inttoptr(parts.address, context.get_data_type(cells.element).as_pointer())
    return builder.gep(pointer, [index])


@lower_builtin(operator.getitem, CellsType, types.int64)
def _get_cell(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    return builder.load(_cell(context, builder, sig.args[0], values[0], values[1]))


@lower_builtin(operator.setitem, CellsType, types.int64, types.Any)
def _set_cell(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    builder.store(values[2], _cell(context, builder, sig.args[0], values[0], values[1]))
    return context.get_dummy_value()


@lower_builtin(len, CellsType)
def _count_cells(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    return cgutils.create_struct_proxy(sig.args[0])(context, builder, value=values[0]).length


def _type_prefetch(typing: Any, address: Any) -> Any:
    """Ask for the memory at an address, which will soon be read; it need not be there."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        one = ir.IntType(32)
        fetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [_BYTES, one, one, one]), "llvm.prefetch.p0"
        )
        read, keep, data = (ir.Constant(one, number) for number in (0, 3, 1))
        builder.call(fetch, [builder.inttoptr(values[0], _BYTES), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.int64), lower


prefetch: Any = intrinsic(_type_prefetch)


# --- for the routines of `best_sim.engine.maths`, and random numbers ----------------------------------------


def lower_routine(function: Callable[..., float]) -> None:
    """Make compiled code call a function from floats to a float in C's convention, its result in a register.

    numba's own would hand it over through memory, with a status to look at: some 5 % of a replicate of the pathway.
    """
    floats = (types.float64,) * len(inspect.signature(function).parameters)
    of_floats = signature(types.float64, *floats)
    options: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    within = njit(of_floats, error_model="numpy", forceinline=True, pipeline_class=Piece, **options)(function)
    name = f"{function.__module__}.{function.__name__}"

    class _Routine(AbstractTemplate):
        key = function

        def generic(self, args: Any, kws: Any) -> Any:
            return of_floats if len(args) == len(floats) and not kws else None

    infer_global(function, types.Function(_Routine))

    @lower_builtin(function, *floats)
    def _call(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        if name not in builder.module.globals:
            double = ir.DoubleType()
            called = ir.Function(builder.module, ir.FunctionType(double, [double] * len(floats)), name)
            called.linkage = "linkonce_odr"  # of those in all callers, one stays
            for attribute in ("noinline", "nounwind", "readnone"):
                called.attributes.add(attribute)
            inside = ir.IRBuilder(called.append_basic_block())
            compiled = within.overloads[floats]
            _, value = context.call_internal_no_propagate(inside, compiled.fndesc, of_floats, called.args)
            context.active_code_library.add_linking_library(compiled.library)
            inside.ret(value)
        return builder.call(builder.module.globals[name], values)


class ConstantsType(types.Type):
    """Type of a table of numbers that is compiled in."""

    def __init__(self, values: maths.Constants) -> None:
        self.values = values
        super().__init__(name=f"Constants({_short(values)})")


register_model(ConstantsType)(models.OpaqueModel)


@typeof_impl.register(maths.Constants)
def _type_of_constants(values: maths.Constants, _: Any) -> ConstantsType:
    return ConstantsType(values)


@lower_constant(ConstantsType)
def _lower_constants(context: Any, builder: Any, constants: ConstantsType, values: Any) -> Any:
    return context.get_dummy_value()


@infer_global(operator.getitem)
class _GetConstant(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        constants, index = args
        if isinstance(constants, ConstantsType) and isinstance(index, types.Integer):
            return signature(types.float64, constants, types.int64)
        return None


@lower_builtin(operator.getitem, ConstantsType, types.int64)
def _get_constant(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    numbers = sig.args[0].values
    of = ir.ArrayType(ir.DoubleType(), len(numbers))
    table = cgutils.global_constant(builder, "constants", ir.Constant(of, list(numbers)))
    return builder.load(builder.gep(table, [ir.Constant(_INT64, 0), values[1]], inbounds=True))


@infer_global(maths.two_to)
class _TwoTo(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(types.float64, types.int64)


@lower_builtin(maths.two_to, types.int64)
def _two_to(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    biased = builder.add(values[0], ir.Constant(_INT64, 1023))
    return builder.bitcast(builder.shl(biased, ir.Constant(_INT64, maths.EXPONENT_AT)), ir.DoubleType())


@infer_global(maths.near_one)
class _NearOne(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(types.Tuple((types.float64, types.int64, types.int64)), types.float64)


@lower_builtin(maths.near_one, types.float64)
def _near_one(context: Any, builder: Any, sig: Any, values: Any) -> Any:
    def number(value: int) -> Any:
        return ir.Constant(_INT64, value)

    bits = builder.bitcast(values[0], _INT64)
    above = builder.sub(bits, number(maths.FROM_BITS))
    n = builder.ashr(above, number(maths.EXPONENT_AT))
    z = builder.bitcast(builder.sub(bits, builder.shl(n, number(maths.EXPONENT_AT))), ir.DoubleType())
    j = builder.and_(builder.ashr(above, number(maths.STEP_AT)), number(maths.STEPS - 1))
    return context.make_tuple(builder, sig.return_type, (z, n, j))


infer_global(luck.uniform_at, types.Dispatcher(philox.uniform_at))


# --- generators at rest -------------------------------------------------------------------------------------


def _generator_type(typing: Any, process: Any, me: Any, world: Any) -> types.Type:
    """Type of what a compiled generator function gives; found without calling it."""
    return typing.resolve_function_type(process, (me, world), {}).return_type


@intrinsic
def generator_size(typing: Any, process: Any, me: Any, world: Any) -> Any:
    """Bytes that the state of a generator made by `process(me, world)` takes."""
    generator = _generator_type(typing, process, me, world)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        return context.get_constant(types.int64, context.get_abi_sizeof(context.get_data_type(generator)))

    return types.int64(process, me, world), lower


@intrinsic
def park(typing: Any, generator: Any, address: Any) -> Any:
    """Copy a generator's state to an address."""

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        place = builder.inttoptr(values[1], values[0].type)
        builder.store(builder.load(values[0]), place)
        return context.get_dummy_value()

    return types.void(generator, types.int64), lower


@intrinsic
def parked(typing: Any, process: Any, me: Any, world: Any, address: Any) -> Any:
    """The generator, made by `process(me, world)`, whose state is at an address; `me` and `world` give types only."""
    generator = _generator_type(typing, process, me, world)

    def lower(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        return builder.inttoptr(values[3], context.get_value_type(generator))

    return generator(process, me, world, types.int64), lower


compiling_begins()
