"""Records that model code reads and writes the same way under both drivers.

`me` and `world` are records. Compiled, a record is a pointer into a numpy structured array; in Python it is a light
object with slots, made from the array before a run and written back after it, since reading a field of a numpy record
costs ten times as much. A field may be a whole number, a float (64-bit), a truth value, a record, or an array of
numbers or records; `world.counts[i, j] += 1` changes an array in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from best_sim.engine.rule import when_compiling

WORLD_FIELDS = (
    ("now", "f8"),
    ("outcome", "i8"),
    ("booked", "f8"),
    ("booked_until", "f8"),
    ("seed", "i8"),
    ("replicate", "i8"),
    ("end", "f8"),
    ("_loop", "i8"),
)
"""Fields that every world has: written by the driver (`now`, `outcome`, `booked`, `booked_until`), set before a run, or
the driver's own (`_loop`, zero after a run)."""


def _address_field(table: str) -> str:
    return f"_address_of_{table}"


def _length_field(table: str) -> str:
    return f"_length_of_{table}"


def row_fields(table: str) -> tuple[str, str, str]:
    """Names of the hidden fields that hold a table's address and length, and the message for a row not there."""
    return _address_field(table), _length_field(table), f"no such row of the table {table}"


def hidden_fields(tables: Iterable[str]) -> list[tuple[str, str]]:
    """Fields that the engine keeps in the world to find the rows of these tables."""
    return [(field(table), "i8") for table in tables for field in (_address_field, _length_field)]


def world_dtype(fields: Sequence[tuple[Any, ...]], tables: Iterable[str]) -> np.dtype[Any]:
    """The dtype of a world: the engine's fields, the model's own, and what finds the tables.

    Parameters
    ----------
    fields : sequence of tuple
        The model's fields, as numpy takes them: `(name, format)` or `(name, format, shape)`.
    tables : iterable of str
        Names of the tables (a mapping by name will do).

    Returns
    -------
    numpy.dtype

    Raises
    ------
    ValueError
        If a name occurs twice.
    """
    return np.dtype([*WORLD_FIELDS, *hidden_fields(tables), *fields], align=True)


def rows(name: str, dtype: np.dtype[Any]) -> Callable[[Any, int], Any]:
    """A way for model code to reach any row of a table.

    Parameters
    ----------
    name : str
        Of the table.
    dtype : numpy.dtype
        Of the table.

    Returns
    -------
    callable
        `f(world, index)` gives the row, to read and to write; it raises `IndexError` for a row that is not there
        (a negative number is not there).

    Examples
    --------
    >>> FAMILY = np.dtype([("arm", "i8")])
    >>> families = rows("families", FAMILY)
    """
    field, _, message = row_fields(name)

    def row(world: Any, index: int) -> Any:
        table = getattr(world, field)
        if not 0 <= index < len(table):
            raise IndexError(message)
        return table[index]

    row.__name__ = row.__qualname__ = name

    def make_known() -> None:
        from best_sim.engine.lowering import lower_row

        lower_row(row, dtype, *row_fields(name))

    when_compiling(make_known)
    return row


def field_problems(dtype: np.dtype[Any], path: str) -> list[str]:
    """What keeps a dtype from serving as the dtype of a record: one line for each field that cannot be used."""
    if dtype.subdtype is not None:
        element = dtype.subdtype[0]
        if element.kind == "b":  # numba has no arrays of truth values within records
            return [f"{path} is an array of bool; use 'i1'"]
        return field_problems(element, path)
    if dtype.names is not None:
        return [line for name in dtype.names for line in field_problems(dtype[name], f"{path}.{name}")]
    if dtype.kind in "ib" or dtype == np.float64 or (dtype.kind == "u" and dtype.itemsize < 8):
        return []
    return [f"{path} is {dtype}; a field is a signed integer, float64, bool, a record, or an array of these"]


def point_to_tables(world: np.ndarray[Any, Any], tables: dict[str, np.ndarray[Any, Any]]) -> None:
    """Write the addresses and lengths of the tables to the world's hidden fields."""
    for name, table in tables.items():
        world[_address_field(name)] = table.ctypes.data
        world[_length_field(name)] = len(table)


def forget_tables(world: np.ndarray[Any, Any], tables: Iterable[str]) -> None:
    """Set the hidden fields to zero: an address means nothing after a run, and equal runs have equal worlds."""
    for name, _ in hidden_fields(tables):
        world[name] = 0


# --- in Python ----------------------------------------------------------------------------------------------


class Cells:
    """An array within a record, as nested lists, indexed as numpy's: `cells[i]`, `cells[i, j]` or `cells[i][j]`.

    Parameters
    ----------
    values : list
        The values; nested for two or more dimensions.
    """

    __slots__ = ("values",)

    def __init__(self, values: list[Any]) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int | tuple[int, ...]) -> Any:
        part: Any = self.values
        for one in index if isinstance(index, tuple) else (index,):
            part = part[_checked(one, part)]
        return Cells(part) if isinstance(part, list) else part

    def __setitem__(self, index: int | tuple[int, ...], value: Any) -> None:
        *outer, last = index if isinstance(index, tuple) else (index,)
        part: Any = self.values
        for one in outer:
            part = part[_checked(one, part)]
        if isinstance(part[_checked(last, part)], list):
            raise TypeError("a part of an array cannot be set as a whole; set its elements")
        part[last] = value


def _checked(index: int, part: list[Any]) -> int:
    # Python would count a negative index from the end; compiled code refuses it, so both do.
    if not 0 <= index < len(part):
        raise IndexError("index outside an array of a record")
    return index


@cache
def _row_class(dtype: np.dtype[Any]) -> type:
    return type(
        "Row", (), {"__slots__": tuple(dtype.names or ()), "__doc__": "One record, as a Python object."}
    )


def rows_of(table: np.ndarray[Any, Any]) -> list[Any]:
    """The records of a structured array as Python objects: numbers as fields, records nested, arrays as lists.

    Parameters
    ----------
    table : numpy.ndarray
        Structured, of one dimension.

    Returns
    -------
    list
        One object a record, with the record's fields as attributes.
    """
    make = _row_class(table.dtype)
    objects = [make() for _ in range(len(table))]
    for name in table.dtype.names or ():
        for row, value in zip(objects, _column(table[name]), strict=True):
            setattr(row, name, value)
    return objects


def _column(values: np.ndarray[Any, Any]) -> list[Any]:
    flat: list[Any] = rows_of(values.reshape(-1)) if values.dtype.names else values.reshape(-1).tolist()
    inner = values.shape[1:]
    for extent in reversed(inner):
        flat = [flat[i : i + extent] for i in range(0, len(flat), extent)]
    return [Cells(part) for part in flat] if inner else flat


def write_rows(objects: Sequence[Any], table: np.ndarray[Any, Any], path: str) -> None:
    """Write Python objects made by `rows_of` back to the array they were made from.

    Parameters
    ----------
    objects : sequence
    table : numpy.ndarray
        Changed in place.
    path : str
        What the table is called, for messages.

    Raises
    ------
    TypeError
        If an integer field holds a number that is not whole.
    """
    for name in table.dtype.names or ():
        _write_column([getattr(row, name) for row in objects], table[name], 1, f"{path}.{name}")


def _write_column(values: list[Any], column: np.ndarray[Any, Any], flattened: int, path: str) -> None:
    """Write values, a flat list over the first `flattened` dimensions of the column and nested over the others."""
    for _ in range(column.ndim - flattened):
        values = [cell for part in values for cell in (part.values if isinstance(part, Cells) else part)]
    for name in column.dtype.names or ():
        _write_column([getattr(value, name) for value in values], column[name], column.ndim, f"{path}.{name}")
    if column.dtype.names is None:
        new = np.asarray(values) if values else column
        if column.dtype.kind in "iu" and new.dtype.kind == "f":
            raise TypeError(f"{path} is a whole number, and was set to one that is not")
        column[...] = new.reshape(column.shape)
