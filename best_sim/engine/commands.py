"""What a process may ask of the driver that runs it.

A process is a generator function `process(me, world)`; it yields the value of one of these functions, and the driver
resumes it when the command is done, having written its outcome to `world.outcome` or `world.booked`. A command is a
tuple `(code, target, a, b)` of two integers and two floats, always, so that compiled processes have one type.

Only `hold`, `wait` and a `seize` that finds no free place let time pass. After every other command the process
continues at once, before anything else happens.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from best_sim.engine.rule import rule

Command: TypeAlias = tuple[int, int, float, float]

TIMED_OUT, SIGNALLED, GRANTED, GAVE_UP = range(4)
"""Outcomes: a time passed in full; a signal ended it; a place was given; patience ran out."""

(
    HOLD,
    WAIT,
    SIGNAL,
    SEIZE,
    RELEASE,
    SET_CAPACITY,
    BOOK,
    LOAD,
    VACATE,
    START,
    RECORD,
) = range(11)
COMMAND_NAMES = (
    "hold",
    "wait",
    "signal",
    "seize",
    "release",
    "set_capacity",
    "book",
    "load",
    "vacate",
    "start",
    "record",
)


@rule
def hold(days: float) -> Command:
    """Let time pass; nothing disturbs it.

    Parameters
    ----------
    days : float
        Zero or more; `inf` for ever.
    """
    return HOLD, 0, float(days), 0.0


@rule
def wait(days: float) -> Command:
    """Let time pass, unless a signal comes first: `world.outcome` is `TIMED_OUT` or `SIGNALLED`.

    Parameters
    ----------
    days : float
        Zero or more; `inf` until signalled.
    """
    return WAIT, 0, float(days), 0.0


@rule
def signal(kind: int, index: int) -> Command:
    """End the wait, or the queueing, of a process; it resumes now, once this process pauses.

    A process that neither waits nor queues is not disturbed, and the signal is not remembered.

    Parameters
    ----------
    kind, index : int
        Which process: its kind's number in the model, and its row.
    """
    return SIGNAL, int(kind), float(index), 0.0


@rule
def seize(resource: int, priority: float = 0.0, patience: float = math.inf) -> Command:
    """Take one place of a resource, or queue for it: `world.outcome` is `GRANTED`, `GAVE_UP` or `SIGNALLED`.

    Parameters
    ----------
    resource : int
    priority : float
        A lower number goes first; equal ones in order of asking.
    patience : float
        Days after which the process leaves the queue; `inf` if it never does.
    """
    return SEIZE, int(resource), float(priority), float(patience)


@rule
def release(resource: int) -> Command:
    """Give one place of a resource back; the next in the queue has it from now."""
    return RELEASE, int(resource), 0.0, 0.0


@rule
def set_capacity(resource: int, places: int) -> Command:
    """Set the number of places from now on; places in use are never taken away.

    Parameters
    ----------
    resource : int
    places : int
        Zero or more.
    """
    return SET_CAPACITY, int(resource), float(places), 0.0


@rule
def book(diary: int, earliest: float, hours: float) -> Command:
    """Book one sitting on the first day on which it fits: `world.booked` is its time, `inf` if there is none.

    `world.booked_until` is the time of its last day, where it is longer than one.

    Parameters
    ----------
    diary : int
    earliest : float
        Time before which the sitting does not start.
    hours : float
        Length; if longer than the diary's day it takes successive sitting days.
    """
    return BOOK, int(diary), float(earliest), float(hours)


@rule
def load(diary: int, earliest: float, hours: float) -> Command:
    """Take whatever hours are free from a day on: `world.booked` is the time of the last day used.

    Parameters
    ----------
    diary : int
    earliest : float
        Time before which nothing is taken.
    hours : float
        Total to place. Where the diary ends first, `world.booked` is `inf` and the hours placed stay.
    """
    return LOAD, int(diary), float(earliest), float(hours)


@rule
def vacate(diary: int, day: float, hours: float) -> Command:
    """Give a booking back.

    Parameters
    ----------
    diary : int
    day : float
        What `world.booked` was after `book`.
    hours : float
        The hours that were booked.
    """
    return VACATE, int(diary), float(day), float(hours)


@rule
def start(kind: int, index: int) -> Command:
    """A further process begins, now, once this process pauses.

    Parameters
    ----------
    kind, index : int
        Which: its kind's number in the model, and its row. It must not be running already; it may have ended.
    """
    return START, int(kind), float(index), 0.0


@rule
def record(event: int, subject: int, value: float) -> Command:
    """Write one row of the event record.

    Parameters
    ----------
    event, subject : int
        What happened, and to whom; 32-bit.
    value : float
    """
    return RECORD, int(event), float(subject), float(value)


def describe(command: Command) -> str:
    """A command as text, e.g. ``hold(2.5)``, for traces and messages."""
    code, target, a, b = command
    if not 0 <= code < len(COMMAND_NAMES):
        return f"unknown command {command}"
    if code in (HOLD, WAIT):
        arguments: tuple[float, ...] = (a,)
    elif code == RELEASE:
        arguments = (target,)
    elif code in (SIGNAL, SET_CAPACITY, START):
        arguments = (target, a)
    else:
        arguments = (target, a, b)
    return f"{COMMAND_NAMES[code]}({', '.join(f'{value:.15g}' for value in arguments)})"
