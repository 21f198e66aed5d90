"""What a process may not ask: found by both drivers with the same checks, and told in the same words."""

from __future__ import annotations

from typing import Any

from best_sim.engine.commands import (
    BOOK,
    HOLD,
    LOAD,
    RECORD,
    RELEASE,
    SEIZE,
    SET_CAPACITY,
    SIGNAL,
    START,
    VACATE,
    WAIT,
    Command,
    describe,
)
from best_sim.engine.rule import rule

(
    FINE,
    UNKNOWN_COMMAND,
    BAD_DAYS,
    BAD_PRIORITY,
    NO_SUCH_RESOURCE,
    NOT_IN_USE,
    BAD_PLACES,
    NO_SUCH_DIARY,
    BAD_HOURS,
    BAD_EARLIEST,
    NO_SUCH_DAY,
    NO_SUCH_PROCESS,
    STILL_ALIVE,
    BAD_RECORD,
    STUCK,
) = range(15)

_WORDS = {
    UNKNOWN_COMMAND: "there is no such command",
    BAD_DAYS: "a number of days must be zero or more",
    BAD_PRIORITY: "a priority must be a number",
    NO_SUCH_RESOURCE: "there is no such resource",
    NOT_IN_USE: "no place of this resource is in use",
    BAD_PLACES: "a number of places must be a whole number, zero or more",
    NO_SUCH_DIARY: "there is no such diary",
    BAD_HOURS: "a number of hours must be zero or more, and finite",
    BAD_EARLIEST: "the earliest time must be a number",
    NO_SUCH_DAY: "this day is not in the diary",
    NO_SUCH_PROCESS: "there is no process of this kind and index",
    STILL_ALIVE: "this process has begun already and has not ended",
    BAD_RECORD: "the event must be a number from 0, and event and subject must fit 32 bits",
    STUCK: "time does not move on: so many commands at one moment are an endless loop",
}

_INT32 = 2.0**31


class SimulationError(Exception):
    """A process asked for what cannot be done, or failed.

    Attributes
    ----------
    message : str
    kind : str
        Name of the process's kind.
    index : int
        Its row.
    time : float
        When, in days.
    """

    def __init__(self, message: str, kind: str, index: int, time: float) -> None:
        super().__init__(message, kind, index, time)  # all of them, for SimPy makes copies from `args`
        self.message, self.kind, self.index, self.time = message, kind, index, time

    def __str__(self) -> str:
        return f"{self.kind} {self.index} at day {self.time:g}: {self.message}"


@rule
def most_at_once(n_slots: int) -> int:
    """Commands at one moment above which a run is taken to be stuck, by the number of processes there can be."""
    return 1000 * (n_slots + 100)


@rule
def fault_in(
    code: int, target: int, a: float, b: float, rows_of_kind: Any, n_resources: int, n_diaries: int
) -> int:
    """Number of the fault that a command has whatever the state of the run; `FINE` if it has none.

    Parameters
    ----------
    code, target, a, b
        The command.
    rows_of_kind : sequence of int
        By number of a process's kind, the rows of its table.
    n_resources, n_diaries : int
    """
    # Comparisons are written so that a nan fails them.
    if code == HOLD or code == WAIT:
        return FINE if a >= 0.0 else BAD_DAYS
    if code == RECORD:
        return FINE if 0 <= target < _INT32 and -_INT32 <= a < _INT32 else BAD_RECORD
    if code == SIGNAL or code == START:
        known = 0 <= target < len(rows_of_kind) and a >= 0.0 and a < rows_of_kind[target]
        return FINE if known else NO_SUCH_PROCESS
    if code == SEIZE or code == RELEASE or code == SET_CAPACITY:
        if not 0 <= target < n_resources:
            return NO_SUCH_RESOURCE
        if code == SEIZE:
            if a != a:
                return BAD_PRIORITY
            return FINE if b >= 0.0 else BAD_DAYS
        if code == SET_CAPACITY:
            return FINE if 0.0 <= a < _INT32 and a == int(a) else BAD_PLACES
        return FINE
    if code == BOOK or code == LOAD or code == VACATE:
        if not 0 <= target < n_diaries:
            return NO_SUCH_DIARY
        if a != a:
            return BAD_EARLIEST
        return FINE if 0.0 <= b < float("inf") else BAD_HOURS
    return UNKNOWN_COMMAND


def refusal(fault: int, command: Command, kind: str, index: int, time: float) -> SimulationError:
    """The error that tells of a fault in a command of a process."""
    return SimulationError(f"{describe(command)}: {_WORDS[fault]}", kind, index, time)


def failure(error: BaseException, kind: str, index: int, time: float) -> SimulationError:
    """The error that tells of an exception raised by the code of a process."""
    return SimulationError(f"{type(error).__name__}: {error}", kind, index, time)
