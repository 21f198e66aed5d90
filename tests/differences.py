"""Where two runs first differ: who it happens to, when, what was expected, what was got, and what came before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_BEFORE = 4
"""Events told before the one that differs, of everybody and of those it happens to."""


@dataclass(frozen=True)
class Outcome:
    """All that a run leaves: the event record, every array by name, the number of commands."""

    events: np.ndarray
    tables: Mapping[str, np.ndarray]
    n_steps: int

    @classmethod
    def of_run(cls, run: Any) -> Outcome:
        """What a driver returned: world, tables, diaries and capacities as they are at the end, and resources."""
        tables = {
            "world": run.state.world,
            **run.state.tables,
            "resources": run.resources,
            "diaries": np.asarray(run.state.diaries),
            "capacities": np.asarray(run.state.capacities),
        }
        return cls(run.events, tables, run.n_steps)


class Words:
    """How what differs is put into words; the words of a model say more."""

    def day(self, time: float) -> str:
        return f"day {float(time)!r}"

    def event(self, row: np.void) -> str:
        return f"event {row['event']} of {row['subject']} with {float(row['value'])!r}"

    def whom(self, row: np.void) -> str:
        """Whom an event happens to."""
        return f"subject {row['subject']}"

    def owner(self, table: str, index: int) -> str:
        """Whose a row of a table is."""
        return f"{table} {index}"

    def about(self, events: np.ndarray, row: np.void | None, table: str, index: int) -> np.ndarray:
        """Which events are about the same as a row of the event record, or else as a row of a table."""
        return events["subject"] == (index if row is None else row["subject"])


def first_difference(
    expected: Outcome, got: Outcome, words: Words | None = None, names: tuple[str, str] = ("expected", "got")
) -> str | None:
    """Where two runs differ first, in some lines of text; None where they are the same to the last bit.

    The first difference in the event record is told; where there is none, the first in the tables.
    """
    words = words or Words()
    n = min(len(expected.events), len(got.events))
    differ = _differing(expected.events[:n], got.events[:n])
    if len(differ) or len(expected.events) != len(got.events):
        return _of_events(expected.events, got.events, int(differ[0]) if len(differ) else n, words, names)
    if expected.tables.keys() != got.tables.keys():
        return _told("the tables differ", names, str(sorted(expected.tables)), str(sorted(got.tables)))
    for name, table in expected.tables.items():
        told = _of_table(name, table, got.tables[name], expected.events, words, names)
        if told:
            return told
    if expected.n_steps != got.n_steps:
        return _told(
            "the number of commands carried out differs", names, str(expected.n_steps), str(got.n_steps)
        )
    return None


def _differing(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Numbers of the rows whose bytes differ: a NaN is equal to itself, 0.0 is not -0.0."""
    if not len(one):
        return np.zeros(0, np.int64)
    bytes_of_one, bytes_of_two = (
        np.ascontiguousarray(each).view(np.uint8).reshape(len(each), -1) for each in (one, two)
    )
    return np.flatnonzero((bytes_of_one != bytes_of_two).any(axis=1))


def _of_events(expected: np.ndarray, got: np.ndarray, i: int, words: Words, names: tuple[str, str]) -> str:
    rows = [events[i] if i < len(events) else None for events in (expected, got)]
    row = next(each for each in rows if each is not None)
    told = [
        "the end of the record"
        if each is None
        else f"{words.event(each)}"
        + (f", at {words.day(each['time'])}" if each["time"] != row["time"] else "")
        + (f", to {words.whom(each)}" if words.whom(each) != words.whom(row) else "")
        for each in rows
    ]
    return _told(
        f"event {i} differs: {words.whom(row)}, {words.day(row['time'])}",
        names,
        *told,
        _before(expected[:i], words.about(expected[:i], row, "", -1), words),
    )


def _of_table(
    name: str, one: np.ndarray, two: np.ndarray, events: np.ndarray, words: Words, names: tuple[str, str]
) -> str | None:
    if one.dtype != two.dtype or one.shape != two.shape:
        return _told(
            f"the table {name} differs in form",
            names,
            f"{one.shape} of {one.dtype}",
            f"{two.shape} of {two.dtype}",
        )
    if one.tobytes() == two.tobytes():
        return None
    for field in one.dtype.names or (None,):
        a, b = (one, two) if field is None else (one[field], two[field])
        differ = _differing(a, b)
        if len(differ):
            i = int(differ[0])
            place, here, there = _first_cell(a[i], b[i])
            what = f"{name} {i}" + ("" if field is None else f", {field}") + place
            of_it = words.about(events, None, name, i)
            heard = f", last heard of on {words.day(events['time'][of_it][-1])}" if of_it.any() else ""
            return _told(
                f"{what} differs at the end: {words.owner(name, i)}{heard}",
                names,
                here,
                there,
                _before(events, of_it, words, everybody=False),
            )
    return _told(f"the table {name} differs in what lies between its fields", names, "", "")


def _first_cell(one: Any, two: Any) -> tuple[str, str, str]:
    """Where within a row two values differ, and what stands there."""
    for field in one.dtype.names or ():
        if one[field].tobytes() != two[field].tobytes():
            place, here, there = _first_cell(one[field], two[field])
            return f".{field}{place}", here, there
    if isinstance(one, np.ndarray):
        flat_one, flat_two = one.reshape(-1), two.reshape(-1)
        k = int(_differing(flat_one, flat_two)[0])
        place, here, there = _first_cell(flat_one[k], flat_two[k])
        return f"[{', '.join(map(str, np.unravel_index(k, one.shape)))}]{place}", here, there
    here, there = str(one.item()), str(two.item())
    if here == there:  # NaN of another kind
        here, there = f"{here} ({one.tobytes().hex()})", f"{there} ({two.tobytes().hex()})"
    return "", here, there


def _before(events: np.ndarray, same: np.ndarray, words: Words, everybody: bool = True) -> list[str]:
    """The last events, and those about the same."""

    def line(row: np.void) -> str:
        return f"    {words.day(row['time'])}: {words.event(row)}, {words.whom(row)}"

    lines = []
    if everybody:
        lines += ["  before it:", *(line(row) for row in events[-_BEFORE:])]
    of_same = np.flatnonzero(same)[-_BEFORE:]
    if len(of_same) and (not everybody or of_same[0] < len(events) - _BEFORE):
        lines += ["  of the same before it:", *(line(row) for row in events[of_same])]
    return lines


def _told(what: str, names: tuple[str, str], expected: str, got: str, lines: list[str] | None = None) -> str:
    return "\n".join([what, f"  {names[0]}: {expected}", f"  {names[1]}: {got}", *(lines or [])])
