"""Diaries: hours on each day, and the search for the first day that has room.

A diary is a row of free hours by day, beside the hours it opened with; a day that opened with none (a weekend, a
holiday) is not a sitting day. `day_hours` is the length of one courtroom's day, so the longest sitting on one day; a
diary of three courtrooms opens with three times as much. A sitting starts at ten in the morning of its day.

A diary may give way: with a `stretch`, a day takes, beyond its opening hours, that share of them for each day that what
is booked has waited by then. Its free hours may then be below zero, and waits grow with the load without a cliff.

Both drivers call these functions. They change `free` and `hint` in place; `hint[which]` is a day before which no hour
is free, kept so that a full diary is not searched from its beginning every time.
"""

from __future__ import annotations

import math
from typing import Any

from best_sim.engine.rule import rule

MORNING = 10.0 / 24.0
TOLERANCE = 1e-9
"""Hours that are as good as none; sums of hours are exact only to rounding."""

_NOWHERE = -1


@rule
def start_of(day: int, diary_start: float) -> float:
    """Time at which sittings start on a day of a diary whose day 0 began at `diary_start`."""
    return diary_start + day + MORNING


@rule
def first_day(earliest: float, diary_start: float, n_days: int) -> int:
    """First day whose sittings start at or after `earliest`; `n_days` if the diary ends before."""
    if not earliest <= start_of(n_days - 1, diary_start):
        return n_days
    if earliest <= start_of(0, diary_start):
        return 0
    day = int(math.ceil(earliest - MORNING - diary_start))
    # The subtraction rounds; what counts is the comparison with the start itself.
    while day > 0 and start_of(day - 1, diary_start) >= earliest:
        day -= 1
    while start_of(day, diary_start) < earliest:
        day += 1
    return day


@rule
def _beyond(opening: Any, day: int, diary_start: float, earliest: float, stretch: float) -> float:
    """Hours that a day takes beyond its opening for what has waited since `earliest`."""
    return opening[day] * stretch * max(0.0, start_of(day, diary_start) - earliest)


@rule
def _last_day_if_fits(
    free: Any,
    opening: Any,
    day_hours: float,
    day: int,
    hours: float,
    diary_start: float,
    earliest: float,
    stretch: float,
) -> int:
    """Last day of a sitting that begins on `day`, or `_NOWHERE` if it does not fit."""
    if opening[day] <= 0.0:
        return _NOWHERE
    left = hours
    while True:
        if opening[day] > 0.0:
            needed = min(left, day_hours)
            beyond = _beyond(opening, day, diary_start, earliest, stretch)
            if free[day] + beyond < needed - TOLERANCE:
                return _NOWHERE
            left -= needed
            if left <= TOLERANCE:
                return day
        day += 1
        if day == len(free):
            return _NOWHERE


@rule
def _move_hint(free: Any, hint: Any, which: int) -> None:
    day = hint[which]
    while day < len(free) and free[day] <= TOLERANCE:
        day += 1
    hint[which] = day


@rule
def book_hours(
    free: Any,
    opening: Any,
    day_hours: float,
    diary_start: float,
    hint: Any,
    which: int,
    earliest: float,
    hours: float,
    stretch: float = 0.0,
) -> float:
    """Book a sitting on the first day on which it fits, and on the sitting days after it if it is long.

    Parameters
    ----------
    free, opening : sequences of float
        Hours of this diary still free, and hours it opened with, by day; `free` is changed.
    day_hours : float
        Longest sitting on one day.
    diary_start : float
        Time at which day 0 begins.
    hint : sequence of int
        By diary, a day before which nothing is free; changed.
    which : int
        Number of this diary in `hint`.
    earliest, hours : float
        Time before which the sitting does not start, and its length. A sitting of no length takes the first sitting
        day.
    stretch : float
        What a day takes beyond its opening hours, as a share of them, for each day of waiting since `earliest`.

    Returns
    -------
    float
        Time at which the sitting starts; `inf`, with nothing changed, if it fits nowhere.
    """
    day = first_day(earliest, diary_start, len(free))
    if hours > TOLERANCE and stretch <= 0.0 and day < hint[which]:
        day = hint[which]
    while day < len(free):
        last = _last_day_if_fits(free, opening, day_hours, day, hours, diary_start, earliest, stretch)
        if last != _NOWHERE:
            break
        day += 1
    if day == len(free):
        return math.inf
    booked = start_of(day, diary_start)
    left = hours
    while left > TOLERANCE:
        if opening[day] > 0.0:
            taken = min(left, day_hours)
            free[day] = free[day] - taken if stretch > 0.0 else max(0.0, free[day] - taken)
            left -= taken
        day += 1
    _move_hint(free, hint, which)
    return booked


@rule
def last_of_sitting(opening: Any, day_hours: float, diary_start: float, booked: float, hours: float) -> float:
    """Time at which the last day's sitting starts, of what `book_hours` put on `booked` and the sitting days after."""
    if booked == math.inf:
        return booked
    day = int(math.floor(booked - diary_start))
    left = hours
    while True:
        if opening[day] > 0.0:
            left -= day_hours
            if left <= TOLERANCE or day + 1 == len(opening):
                return start_of(day, diary_start)
        day += 1
        if day == len(opening):
            return booked


@rule
def load_hours(
    free: Any,
    opening: Any,
    day_hours: float,
    diary_start: float,
    hint: Any,
    which: int,
    earliest: float,
    hours: float,
    stretch: float = 0.0,
) -> float:
    """Take whatever is free, from the first admissible day on, until all hours are placed.

    Parameters
    ----------
    free, opening, day_hours, diary_start, hint, which, earliest, hours, stretch
        As in `book_hours`.

    Returns
    -------
    float
        Time at which sittings start on the last day used; `inf` if the diary ends first (the hours placed stay).
    """
    day = first_day(earliest, diary_start, len(free))
    if hours > TOLERANCE and stretch <= 0.0 and day < hint[which]:
        day = hint[which]
    left = hours
    while day < len(free):
        if opening[day] > 0.0:
            beyond = _beyond(opening, day, diary_start, earliest, stretch)
            taken = max(0.0, min(left, free[day] + beyond))
            free[day] = free[day] - taken
            left -= taken
            if left <= TOLERANCE:
                break
        day += 1
    _move_hint(free, hint, which)
    return start_of(day, diary_start) if day < len(free) else math.inf


@rule
def vacate_hours(
    free: Any,
    opening: Any,
    day_hours: float,
    diary_start: float,
    hint: Any,
    which: int,
    booked: float,
    hours: float,
) -> bool:
    """Give back what `book_hours` took.

    Parameters
    ----------
    free, opening, day_hours, diary_start, hint, which, hours
        As in `book_hours`.
    booked : float
        What `book_hours` returned.

    Returns
    -------
    bool
        False, with nothing changed, if `booked` is on no day of this diary.
    """
    if not start_of(0, diary_start) - MORNING <= booked < start_of(len(free), diary_start) - MORNING:
        return False
    day = int(math.floor(booked - diary_start))
    if hours > TOLERANCE and day < hint[which]:
        hint[which] = day
    left = hours
    while left > TOLERANCE and day < len(free):
        if opening[day] > 0.0:
            given = min(left, day_hours)
            free[day] = min(opening[day], free[day] + given)
            left -= given
        day += 1
    return True
