"""Parameters as records: each has its path in the schema, so `world.lift.declines` is the parameter `lift.declines`.

The fields of a record follow from a section of the schema, and their values from a scenario's, by what a leaf holds:

=============== =======================================================================================
leaf            field
=============== =======================================================================================
number          float, in the unit of the schema (times in days)
whole number    integer
yes or no       1 or 0
choice          integer: the place of its name among those that the schema allows (`number_of`)
list of choices for each name that the schema allows, 1 if it is in the list, else 0
mix             for each of its names, the share
whole numbers   a record of `WHOLES`: how many there are, and their values
date            float: days since `start_date`; infinite where it may be left out and is, for it never comes
`Duration`      a record of `best_sim.engine.DURATION`
`Series`        a record of `best_sim.engine.SERIES`
section         a record
=============== =======================================================================================

Texts have no field, and sections by name (boroughs, courts) are no part of the section that they are in: each has rows
in a table of its own.
"""

from __future__ import annotations

import datetime as dt
import math
from functools import cache
from typing import Any

import numpy as np

from best_sim.engine.luck import DURATION, SERIES, duration_record, series_record
from best_sim.scenario.leaves import Leaf, nodes_of
from best_sim.scenario.values import MOST_WHOLES, Named, Section

WHOLES = np.dtype([("n", "i8"), ("values", "i8", (MOST_WHOLES,))], align=True)
"""A list of whole numbers."""

_PLAIN = {
    "number": np.dtype("f8"),
    "date": np.dtype("f8"),
    "whole": np.dtype("i8"),
    "flag": np.dtype("i8"),
    "choice": np.dtype("i8"),
    "wholes": WHOLES,
    "series": SERIES,
    "duration": DURATION,
}


def fields_of(section: type[Section]) -> list[tuple[Any, ...]]:
    """The fields of a section's record.

    Parameters
    ----------
    section : subclass of Section

    Returns
    -------
    list of tuple
        As numpy takes them: `(name, format)` or `(name, format, shape)`, in the schema's order.

    Raises
    ------
    TypeError
        If a leaf may be left out for which a record has no sign of that.
    """
    fields: list[tuple[Any, ...]] = []
    for name, node in _nodes(section).items():
        if not isinstance(node, Leaf):
            fields.append((name, np.dtype(fields_of(node), align=True)))
        elif node.optional and node.kind != "date":
            raise TypeError(f"{section.__name__}.{name}: of what has a field, only a date may be left out")
        elif node.kind in ("names", "mix"):
            fields.append((name, "f8" if node.kind == "mix" else "i8", (len(node.names),)))
        else:
            fields.append((name, _PLAIN[node.kind]))
    return fields


def write_parameters(table: np.ndarray, row: int, section: Section, start_date: dt.date) -> None:
    """Write the values of a section to a row of a table.

    Parameters
    ----------
    table : numpy.ndarray
        Structured, with the fields of the section among its own; changed in place.
    row : int
    section : Section
    start_date : datetime.date
        Day zero.
    """
    for name, node in _nodes(type(section)).items():
        value, column = getattr(section, name), table[name]
        if not isinstance(node, Leaf):
            write_parameters(column, row, value, start_date)
        elif node.kind == "duration":
            column[row] = duration_record(*value.lowered())
        elif node.kind == "series":
            column[row] = series_record(*value.lowered(start_date))
        elif node.kind == "date":
            column[row] = math.inf if value is None else float((value - start_date).days)
        elif node.kind == "choice":
            column[row] = node.names.index(value)
        elif node.kind == "names":
            column[row] = [name in value for name in node.names]
        elif node.kind == "mix":
            column[row] = value.shares
        elif node.kind == "wholes":
            column["n"][row] = len(value)
            column["values"][row, : len(value)] = value
        else:
            column[row] = value


def names_of(section: type[Section], field: str) -> tuple[str, ...]:
    """The names that the schema has for a choice, a list of choices or a mix, in the order of their numbers."""
    node = _nodes(section)[field]
    if not isinstance(node, Leaf) or not node.names:
        raise TypeError(f"{section.__name__}.{field} has no names")
    return node.names


def number_of(section: type[Section], field: str, name: str) -> int:
    """The number of one of these names, e.g. of the method ``"blocks"``.

    Raises
    ------
    ValueError
        If the schema does not have it.
    """
    names = names_of(section, field)
    if name not in names:
        raise ValueError(f"{section.__name__}.{field} has no {name!r}; it has {', '.join(names)}")
    return names.index(name)


@cache
def _nodes(section: type[Section]) -> dict[str, Leaf | type[Section]]:
    """What has a field in a section's record: its leaves, but for texts, and the sections in it."""
    return {
        name: node
        for name, node in nodes_of(section).items()
        if not isinstance(node, Named)
        and not (
            isinstance(node, Leaf) and (node.kind == "text" or (node.kind == "names" and not node.names))
        )
    }
