"""The loop of the compiled driver: one heap of pending resumptions, queues, diaries and the event record.

It is plain Python that numba can compile, and knows processes only by three functions that the compiled driver
generates for a model: `measure` (how large the state of each kind of process is), `begin` and `resume`.

Each process has a slot, and at most one pending resumption: the end of its hold, its wait or its patience, or a grant
or signal that is on its way. The heap therefore never has more entries than there are slots, and a resumption that
is overtaken is moved, not left behind. The order of simultaneous events is that of the SimPy driver.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from best_sim.engine.commands import (
    BOOK,
    GAVE_UP,
    GRANTED,
    HOLD,
    LOAD,
    RECORD,
    RELEASE,
    SEIZE,
    SET_CAPACITY,
    SIGNAL,
    SIGNALLED,
    START,
    TIMED_OUT,
    VACATE,
    WAIT,
)
from best_sim.engine.diaries import book_hours, load_hours, vacate_hours
from best_sim.engine.faults import FINE, NO_SUCH_DAY, NOT_IN_USE, STILL_ALIVE, STUCK, fault_in, most_at_once
from best_sim.engine.rule import rule

NO_COMMAND = -(1 << 62)
"""What `resume` returns as code when a process has ended."""

SIGNATURE = (
    "(int64, float64[::1], int64[::1], int64[::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1],"
    " float64[::1], float64, float64[::1], float64[::1], int64[:, ::1], int64[::1], float64[::1], int64)"
)
"""Of a compiled kernel: the address of the world, and the parameters of `drive` from `start_time` to `log_room`."""

ASKED, WAS_GRANTED, HAS_GIVEN_UP, WAS_SIGNALLED, LONGEST = range(5)
"""Columns of `counts`."""

FAULT, KIND, INDEX, CODE, TARGET, STEPS = range(6)
"""Places in `report`: what went wrong, in which process, at which command; and the commands carried out."""

_ENDED, _RUNNING, _STARTED, _HOLDING, _WAITING, _QUEUEING, _CALLED = range(7)
_URGENT, _NORMAL = 0, 1 << 62  # added to the sequence number, so that one comparison settles a tie
_NONE = -1
_ALIGNMENT = 16


# --- the heap of pending resumptions ------------------------------------------------------------------------


@rule
def _lift(
    times: Any, orders: Any, slots: Any, position: Any, place: int, time: float, order: int, slot: int
) -> None:
    """Put an entry into the empty `place` of the heap, or above it."""
    while place > 0:
        above = (place - 1) >> 1
        if times[above] < time or (times[above] == time and orders[above] < order):
            break
        times[place], orders[place], slots[place] = times[above], orders[above], slots[above]
        position[slots[place]] = place
        place = above
    times[place], orders[place], slots[place] = time, order, slot
    position[slot] = place


@rule
def _drop(times: Any, orders: Any, slots: Any, position: Any, place: int, size: int) -> None:
    """Fill the empty `place` of a heap of `size` other entries with its last one, which stands at `size`."""
    time, order, slot = times[size], orders[size], slots[size]
    while True:
        below = 2 * place + 1
        if below >= size:
            break
        other = below + 1
        if other < size and (
            times[other] < times[below] or (times[other] == times[below] and orders[other] < orders[below])
        ):
            below = other
        if time < times[below] or (time == times[below] and order < orders[below]):
            break
        times[place], orders[place], slots[place] = times[below], orders[below], slots[below]
        position[slots[place]] = place
        place = below
    _lift(times, orders, slots, position, place, time, order, slot)


@rule
def schedule(
    times: Any, orders: Any, slots: Any, position: Any, size: int, time: float, order: int, slot: int
) -> int:
    """Make `time` the time at which a slot resumes, whether or not one was set; returns the size of the heap."""
    if position[slot] != _NONE:
        size = unschedule(times, orders, slots, position, size, slot)
    _lift(times, orders, slots, position, size, time, order, slot)
    return size + 1


@rule
def unschedule(times: Any, orders: Any, slots: Any, position: Any, size: int, slot: int) -> int:
    """Take a slot out of the heap; returns the size of the heap."""
    place = position[slot]
    position[slot] = _NONE
    size -= 1
    if place < size:
        _drop(times, orders, slots, position, place, size)
    return size


# --- queues -------------------------------------------------------------------------------------------------


@rule
def _join(
    first: Any, last: Any, ahead: Any, behind: Any, priorities: Any, resource: int, slot: int, priority: float
) -> None:
    """Enter a queue behind all whose priority is as good; the walk is from its end, where most belong."""
    priorities[slot] = priority
    front = last[resource]
    while front != _NONE and priorities[front] > priority:
        front = ahead[front]
    back = first[resource] if front == _NONE else behind[front]
    ahead[slot], behind[slot] = front, back
    if front == _NONE:
        first[resource] = slot
    else:
        behind[front] = slot
    if back == _NONE:
        last[resource] = slot
    else:
        ahead[back] = slot


@rule
def _leave(first: Any, last: Any, ahead: Any, behind: Any, resource: int, slot: int) -> None:
    front, back = ahead[slot], behind[slot]
    if front == _NONE:
        first[resource] = back
    else:
        behind[front] = back
    if back == _NONE:
        last[resource] = front
    else:
        ahead[back] = front


@rule
def _settle(
    queue_time: Any, place_time: Any, settled: Any, queueing: Any, in_use: Any, resource: int, now: float
) -> None:
    """Bring the account of a resource up to now; called before every change."""
    days = now - settled[resource]
    queue_time[resource] += days * queueing[resource]
    place_time[resource] += days * in_use[resource]
    settled[resource] = now


@rule
def _longer(array: Any) -> Any:
    # Loops, here and below, where slices would do: numba compiles a slice assignment in a second, a loop in no time.
    longer = np.empty(2 * len(array), array.dtype)
    for i in range(len(array)):
        longer[i] = array[i]
    return longer


# --- the loop -----------------------------------------------------------------------------------------------


@rule
def drive(
    world: Any,
    start_time: Any,
    start_kind: Any,
    start_index: Any,
    rows_of_kind: Any,
    capacity: Any,
    free: Any,
    opening: Any,
    day_hours: Any,
    diary_start: float,
    queue_time: Any,
    place_time: Any,
    counts: Any,
    report: Any,
    report_values: Any,
    log_room: int,
    measure: Any,
    begin: Any,
    resume: Any,
) -> Any:
    """Run a model to its end.

    Parameters
    ----------
    world : record
    start_time, start_kind, start_index : arrays
        Columns of `State.starts`.
    rows_of_kind : array of int64
        By number of a process's kind, the rows of its table.
    capacity, free, opening, day_hours, diary_start
        `capacities`, `diaries`, `opening`, `day_hours`, `diary_start` of the state; the first two are changed.
    queue_time, place_time, counts : arrays
        By resource, zeros; filled with its account (`counts` has a column for each of `ASKED` to `LONGEST`).
    report : array of int64
        Filled with what went wrong, if anything did.
    report_values : array of float64
        The last two parts of the command that went wrong.
    log_room : int
        Events to make room for at first; at least 1.
    measure, begin, resume : compiled functions
        Of the model's processes.

    Returns
    -------
    tuple
        Columns of the event record, and how many rows of them are filled.
    """
    n_kinds, n_resources, n_diaries = len(rows_of_kind), len(capacity), len(free)
    end = world.end

    # A slot for each row of each kind's table; its state is parked at a fixed place in the arena.
    first_slot = np.empty(n_kinds, np.int64)
    first_byte = np.empty(n_kinds, np.int64)
    stride = np.empty(n_kinds, np.int64)
    measure(world, stride)
    n_slots = n_bytes = 0
    for kind in range(n_kinds):
        stride[kind] = (stride[kind] + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT
        first_slot[kind], first_byte[kind] = n_slots, n_bytes
        n_slots += rows_of_kind[kind]
        n_bytes += rows_of_kind[kind] * stride[kind]
    arena = np.empty(n_bytes, np.uint8)
    kind_of = np.empty(n_slots, np.int64)
    for kind in range(n_kinds):
        for slot in range(first_slot[kind], first_slot[kind] + rows_of_kind[kind]):
            kind_of[slot] = kind
    phase = np.full(n_slots, _ENDED, np.int8)
    answer = np.zeros(n_slots, np.int8)

    times, orders = np.empty(n_slots, np.float64), np.empty(n_slots, np.int64)
    slots, position = np.empty(n_slots, np.int64), np.full(n_slots, _NONE, np.int64)
    size = issued = 0

    queue_of = np.full(n_slots, _NONE, np.int64)
    ahead, behind = np.empty(n_slots, np.int64), np.empty(n_slots, np.int64)
    priorities = np.empty(n_slots, np.float64)
    first, last = np.full(n_resources, _NONE, np.int64), np.full(n_resources, _NONE, np.int64)
    queueing, in_use = np.zeros(n_resources, np.int64), np.zeros(n_resources, np.int64)
    now = start_time[0] if len(start_time) > 0 else end
    settled = np.full(n_resources, now, np.float64)
    hint = np.zeros(n_diaries, np.int64)

    log_time, log_event = np.empty(log_room, np.float64), np.empty(log_room, np.int32)
    log_subject, log_value = np.empty(log_room, np.int32), np.empty(log_room, np.float64)
    logged = steps = next_start = 0
    moment, steps_before, most = -np.inf, 0, most_at_once(n_slots)

    while True:
        # What comes next: a process that begins by itself, or the top of the heap.
        if next_start < len(start_time) and (
            size == 0
            or start_time[next_start] < times[0]
            or (start_time[next_start] == times[0] and orders[0] >= _NORMAL)
        ):
            if start_time[next_start] > end:
                break
            now = start_time[next_start]
            kind, index = start_kind[next_start], start_index[next_start]
            next_start += 1
            slot = first_slot[kind] + index
            world.now = now
            report[KIND], report[INDEX] = kind, index
            if phase[slot] != _ENDED:
                report[FAULT], report[CODE], report[TARGET] = STILL_ALIVE, START, kind
                report_values[0], report_values[1] = float(index), 0.0
                return log_time, log_event, log_subject, log_value, logged
            begin(kind, index, world, arena, first_byte[kind] + index * stride[kind])
        else:
            if size == 0 or times[0] > end:
                break
            now, slot = times[0], slots[0]
            size = unschedule(times, orders, slots, position, size, slot)
            kind = kind_of[slot]
            index = slot - first_slot[kind]
            world.now = now
            report[KIND], report[INDEX] = kind, index
            if phase[slot] == _HOLDING or phase[slot] == _WAITING:
                world.outcome = TIMED_OUT
            elif phase[slot] == _CALLED:
                world.outcome = answer[slot]
            elif phase[slot] == _QUEUEING:
                resource = queue_of[slot]
                _settle(queue_time, place_time, settled, queueing, in_use, resource, now)
                _leave(first, last, ahead, behind, resource, slot)
                queueing[resource] -= 1
                counts[resource, HAS_GIVEN_UP] += 1
                world.outcome = GAVE_UP
        if now > moment:
            moment, steps_before = now, steps
        phase[slot] = _RUNNING
        place = first_byte[kind] + index * stride[kind]

        # Let it run until it pauses.
        while True:
            code, target, a, b = resume(kind, world, arena, place)
            if code == NO_COMMAND:
                phase[slot] = _ENDED
                break
            fault = fault_in(code, target, a, b, rows_of_kind, n_resources, n_diaries)
            steps += 1
            if fault == FINE and steps - steps_before > most:
                fault = STUCK
            if fault != FINE:
                pass
            elif code == HOLD or code == WAIT:
                phase[slot] = _HOLDING if code == HOLD else _WAITING
                issued += 1
                size = schedule(times, orders, slots, position, size, now + a, _NORMAL + issued, slot)
                break
            elif code == RECORD:
                if logged == len(log_time):
                    log_time, log_event = _longer(log_time), _longer(log_event)
                    log_subject, log_value = _longer(log_subject), _longer(log_value)
                log_time[logged], log_event[logged] = now, target
                log_subject[logged], log_value[logged] = int(a), b
                logged += 1
            elif code == SIGNAL:
                called = first_slot[target] + int(a)
                if phase[called] == _WAITING or phase[called] == _QUEUEING:
                    if phase[called] == _QUEUEING:
                        resource = queue_of[called]
                        _settle(queue_time, place_time, settled, queueing, in_use, resource, now)
                        _leave(first, last, ahead, behind, resource, called)
                        queueing[resource] -= 1
                        counts[resource, WAS_SIGNALLED] += 1
                    phase[called], answer[called] = _CALLED, SIGNALLED
                    issued += 1
                    size = schedule(times, orders, slots, position, size, now, _URGENT + issued, called)
            elif code == START:
                started = first_slot[target] + int(a)
                if phase[started] != _ENDED:
                    fault = STILL_ALIVE
                else:
                    begin(target, int(a), world, arena, first_byte[target] + int(a) * stride[target])
                    phase[started] = _STARTED
                    issued += 1
                    size = schedule(times, orders, slots, position, size, now, _URGENT + issued, started)
            elif code == SEIZE:
                counts[target, ASKED] += 1
                _settle(queue_time, place_time, settled, queueing, in_use, target, now)
                if in_use[target] < capacity[target]:
                    in_use[target] += 1
                    counts[target, WAS_GRANTED] += 1
                    world.outcome = GRANTED
                else:
                    _join(first, last, ahead, behind, priorities, target, slot, a)
                    queueing[target] += 1
                    counts[target, LONGEST] = max(counts[target, LONGEST], queueing[target])
                    phase[slot], queue_of[slot] = _QUEUEING, target
                    if b < np.inf:
                        issued += 1
                        size = schedule(times, orders, slots, position, size, now + b, _NORMAL + issued, slot)
                    break
            elif code == RELEASE or code == SET_CAPACITY:
                if code == RELEASE and in_use[target] == 0:
                    fault = NOT_IN_USE
                else:
                    _settle(queue_time, place_time, settled, queueing, in_use, target, now)
                    if code == RELEASE:
                        in_use[target] -= 1
                    else:
                        capacity[target] = int(a)
                    while queueing[target] > 0 and in_use[target] < capacity[target]:
                        granted = first[target]
                        _leave(first, last, ahead, behind, target, granted)
                        queueing[target] -= 1
                        in_use[target] += 1
                        counts[target, WAS_GRANTED] += 1
                        phase[granted], answer[granted] = _CALLED, GRANTED
                        issued += 1
                        size = schedule(times, orders, slots, position, size, now, _NORMAL + issued, granted)
            elif code == BOOK:
                world.booked = book_hours(
                    free[target], opening[target], day_hours[target], diary_start, hint, target, a, b
                )
            elif code == LOAD:
                world.booked = load_hours(
                    free[target], opening[target], day_hours[target], diary_start, hint, target, a, b
                )
            elif code == VACATE:
                given_back = vacate_hours(
                    free[target], opening[target], day_hours[target], diary_start, hint, target, a, b
                )
                if not given_back:
                    fault = NO_SUCH_DAY
            if fault != FINE:
                report[FAULT], report[CODE], report[TARGET] = fault, code, target
                report_values[0], report_values[1] = a, b
                return log_time, log_event, log_subject, log_value, logged

    now = max(now, end)
    for resource in range(n_resources):
        _settle(queue_time, place_time, settled, queueing, in_use, resource, now)
    report[STEPS] = steps
    return log_time, log_event, log_subject, log_value, logged
