"""The loop of the compiled driver: what is pending, queues, diaries and the event record.

It is compiled by numba, and knows processes only by three functions that the compiled driver generates for a model:
`measure` (how large the state of each kind of process is), `begin` and `resume`.

All that the loop knows is in memory that the driver allocates, reached by pointer: `LOOP` and what it points to. So
nothing is counted or copied on the way, and the loop may stop at any command and be entered again: to make room in the
event record, or because enough has been done for now.

What is pending
---------------
Each process has a slot, and at most one pending resumption: the end of its hold, its wait or its patience, or a grant
or signal that is on its way. What is due now and goes first (`start`, `signal`) is in a ring. All else is in a queue
of two levels: time is cut into buckets of equal width, each an unordered list; the entries of the bucket that time has
reached are in a small heap. Most resumptions are scheduled weeks ahead, and cost no comparison until their bucket is
reached. What is due after the end is not kept at all. A resumption that is overtaken stays where it is, and is passed
over when its turn comes, for its number is no longer that of its slot; if these take up the room, they are cleared
away. The order of simultaneous events is that of the SimPy driver.

Commands done at once
---------------------
A command that lets no time pass need not go through the loop: `best_sim.engine.at_once` makes compiled processes call
the functions at the end of this file, and yield the command only where these decline.
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
from best_sim.engine.diaries import book_hours, last_of_sitting, load_hours, vacate_hours
from best_sim.engine.faults import FINE, NO_SUCH_DAY, NOT_IN_USE, STILL_ALIVE, STUCK, fault_in
from best_sim.engine.layouts import DONE, FAULTY, KIND, LOG_FULL, LOOP, NODE, PAUSED, RESOURCE, SLOT
from best_sim.engine.lowering import cells_at, prefetch, record_at
from best_sim.engine.model import EVENT, STARTING
from best_sim.engine.rule import rule

_NUMBER = np.dtype([("it", "i8")])
_INDEX = np.dtype([("it", "i4")])

_ENDED, _RUNNING, _STARTED, _HOLDING, _WAITING, _QUEUEING, _CALLED = range(7)

_loop_at, _kind_at, _resource_at, _slot_at, _node_at = map(record_at, (LOOP, KIND, RESOURCE, SLOT, NODE))
_start_at, _event_at, _number_at, _index_at = map(record_at, (STARTING, EVENT, _NUMBER, _INDEX))
_float_cells, _int_cells = cells_at(np.dtype("f8")), cells_at(np.dtype("i8"))
_KIND_SIZE, _RESOURCE_SIZE, _SLOT_SIZE = KIND.itemsize, RESOURCE.itemsize, SLOT.itemsize
_NODE_SIZE = NODE.itemsize
_START_SIZE, _EVENT_SIZE = STARTING.itemsize, EVENT.itemsize
_ALIGNMENT = 16


@rule
def loop_of(world: Any) -> Any:
    """The loop that runs a world."""
    return _loop_at(world._loop)


@rule
def _kind(loop: Any, number: int) -> Any:
    return _kind_at(loop.kinds + _KIND_SIZE * number)


@rule
def _resource(loop: Any, number: int) -> Any:
    return _resource_at(loop.resources + _RESOURCE_SIZE * number)


@rule
def _slot(loop: Any, number: int) -> Any:
    return _slot_at(loop.slots + _SLOT_SIZE * number)


@rule
def _node(loop: Any, number: int) -> Any:
    return _node_at(loop.nodes + _NODE_SIZE * number)


@rule
def _priorities(loop: Any) -> Any:
    return _float_cells(loop.priorities, loop.n_slots)


@rule
def _head(loop: Any, bucket: int) -> Any:
    return _index_at(loop.buckets + 4 * bucket)


# --- what is pending ----------------------------------------------------------------------------------------


@rule
def _heap(loop: Any) -> Any:
    # three columns: entries as rows would be copied by instructions that stall on what was just written
    room = loop.heap_room
    return (
        _float_cells(loop.heap_time, room),
        _int_cells(loop.heap_order, room),
        _int_cells(loop.heap_slot, room),
    )


@rule
def _lift(loop: Any, place: int, time: float, order: int, slot: int) -> None:
    """Put an entry into the empty `place` of the heap, or above it."""
    times, orders, slots = _heap(loop)
    while place > 0:
        above = (place - 1) >> 1
        if times[above] < time or (times[above] == time and orders[above] < order):
            break
        times[place], orders[place], slots[place] = times[above], orders[above], slots[above]
        place = above
    times[place], orders[place], slots[place] = time, order, slot


@rule
def _sink(loop: Any, place: int, time: float, order: int, slot: int) -> None:
    """Put an entry into the empty `place` of the heap, or below it."""
    times, orders, slots = _heap(loop)
    size = loop.heap_size
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
        place = below
    times[place], orders[place], slots[place] = time, order, slot


@rule
def _tidy(loop: Any) -> None:
    """Take out of the heap what was overtaken, so that there is room: there are fewer slots than places."""
    times, orders, slots = _heap(loop)
    kept = 0
    for place in range(loop.heap_size):
        if _slot(loop, slots[place]).order == orders[place]:
            times[kept], orders[kept], slots[kept] = times[place], orders[place], slots[place]
            kept += 1
    loop.heap_size = kept
    for place in range(kept // 2 - 1, -1, -1):
        _sink(loop, place, times[place], orders[place], slots[place])


@rule
def _push(loop: Any, time: float, order: int, slot: int) -> None:
    if loop.heap_size == loop.heap_room:
        _tidy(loop)
    size = loop.heap_size
    loop.heap_size = size + 1
    _lift(loop, size, time, order, slot)


@rule
def _drop_top(loop: Any) -> None:
    times, orders, slots = _heap(loop)
    size = loop.heap_size - 1
    loop.heap_size = size
    if size > 0:
        _sink(loop, 0, times[size], orders[size], slots[size])


@rule
def _clear_away(loop: Any) -> None:
    """Give back the nodes of what was overtaken, so that there is room: there are fewer slots than nodes."""
    for bucket in range(loop.n_buckets):
        head = _head(loop, bucket)
        number = head.it
        head.it = 0
        while number != 0:
            node = _node(loop, number)
            after = node.next
            if _slot(loop, node.slot).order == node.order:
                node.next = head.it
                head.it = number
            else:
                node.next = loop.free_node
                loop.free_node = number
                loop.bucketed -= 1
            number = after


@rule
def _schedule(loop: Any, end: float, number: int, time: float) -> None:
    """Let a slot resume at a time, after all that is scheduled for it already; what it had pending is overtaken."""
    order = loop.issued + 1
    loop.issued = order
    if not time <= end:
        _slot(loop, number).order = 0
        return
    _slot(loop, number).order = order
    bucket = min(loop.n_buckets - 1, int((time - loop.begin) * loop.per_day))
    if bucket <= loop.bucket_at:
        _push(loop, time, order, number)
        return
    place = loop.free_node
    if place == 0:
        if loop.fresh_node == loop.n_nodes:
            _clear_away(loop)
            place = loop.free_node
        else:
            place = loop.fresh_node
            loop.fresh_node = place + 1
            _node(loop, place).next = 0
    node = _node(loop, place)
    loop.free_node = node.next
    node.time = time
    node.order = order
    node.slot = number
    head = _head(loop, bucket)
    node.next = head.it
    head.it = place
    loop.bucketed += 1


@rule
def _call(loop: Any, number: int) -> None:
    """Let a slot resume now, before all else that is not called already."""
    at = loop.ring_at + loop.ring_size
    if at >= loop.n_slots:
        at -= loop.n_slots
    _index_at(loop.ring + 4 * at).it = number
    loop.ring_size += 1


@rule
def _next_of_heap(loop: Any) -> bool:
    """Bring the next entry to the top of the heap; False if nothing is pending."""
    while True:
        while loop.heap_size > 0:
            _, orders, slots = _heap(loop)
            if _slot(loop, slots[0]).order == orders[0]:
                return True
            _drop_top(loop)
        # Where nothing is pending the place in the buckets stays: what is due later still goes to them.
        if loop.bucketed == 0:
            return False
        bucket = loop.bucket_at + 1
        while _head(loop, bucket).it == 0:
            bucket += 1
        loop.bucket_at = bucket
        head = _head(loop, bucket)
        number = head.it
        head.it = 0
        while number != 0:
            node = _node(loop, number)
            prefetch(loop.slots + _SLOT_SIZE * node.slot)
            _push(loop, node.time, node.order, node.slot)
            after = node.next
            node.next = loop.free_node
            loop.free_node = number
            loop.bucketed -= 1
            number = after


# --- queues -------------------------------------------------------------------------------------------------


@rule
def _join(loop: Any, resource: Any, number: int, priority: float) -> None:
    """Enter a queue behind all whose priority is as good; the walk is from its end, where most belong."""
    priorities = _priorities(loop)
    priorities[number] = priority
    front = resource.last
    while front != 0 and priorities[front - 1] > priority:
        front = _slot(loop, front - 1).ahead
    back = resource.first if front == 0 else _slot(loop, front - 1).behind
    slot = _slot(loop, number)
    slot.ahead = front
    slot.behind = back
    if front == 0:
        resource.first = number + 1
    else:
        _slot(loop, front - 1).behind = number + 1
    if back == 0:
        resource.last = number + 1
    else:
        _slot(loop, back - 1).ahead = number + 1
    resource.queueing += 1


@rule
def _leave(loop: Any, resource: Any, number: int) -> None:
    slot = _slot(loop, number)
    if slot.ahead == 0:
        resource.first = slot.behind
    else:
        _slot(loop, slot.ahead - 1).behind = slot.behind
    if slot.behind == 0:
        resource.last = slot.ahead
    else:
        _slot(loop, slot.behind - 1).ahead = slot.ahead
    resource.queueing -= 1


@rule
def _settle(resource: Any, now: float) -> None:
    """Bring the account of a resource up to now; called before every change."""
    days = now - resource.settled
    resource.queue_time += days * resource.queueing
    resource.place_time += days * resource.in_use
    resource.settled = now


@rule
def _grant(loop: Any, end: float, resource: Any, now: float) -> None:
    """Give free places to those at the front of the queue."""
    while resource.queueing > 0 and resource.in_use < resource.capacity:
        number = resource.first - 1
        _leave(loop, resource, number)
        resource.in_use += 1
        resource.granted += 1
        granted = _slot(loop, number)
        granted.phase = _CALLED
        granted.answer = GRANTED
        _schedule(loop, end, number, now)


@rule
def _fetch_ahead(loop: Any, number: int) -> None:
    """Have the memory of the process that comes next, its state and its row, brought near while this one runs."""
    slot = _slot(loop, number)
    kind = _kind(loop, slot.kind)
    row = kind.row + kind.row_size * (number - kind.first_slot)
    for line in range(0, min(kind.row_size, 256), 64):
        prefetch(row + line)
    for line in range(0, min(kind.stride, 256), 64):
        prefetch(slot.block + line)


# --- blocks -------------------------------------------------------------------------------------------------


@rule
def _take_block(kind: Any) -> int:
    block = kind.free_block
    if block != 0:
        kind.free_block = _number_at(block).it
    else:
        block = kind.fresh_block
        kind.fresh_block = block + kind.stride
    return block


@rule
def _give_block_back(kind: Any, block: int) -> None:
    _number_at(block).it = kind.free_block
    kind.free_block = block


# --- the loop -----------------------------------------------------------------------------------------------


@rule
def measure_kinds(world: Any, measure: Any) -> None:
    """Write the size of a process's state, rounded up, to each kind."""
    loop = loop_of(world)
    for number in range(loop.n_kinds):
        size = measure(number, world)
        _kind(loop, number).stride = (size + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


@rule
def drive(world: Any, begin: Any, resume: Any) -> int:
    """Run a model to its end, or until the event record is full, enough commands are done, or one can't be.

    Parameters
    ----------
    world : record
        Its `_loop` is the address of a `LOOP`; a loop that stopped because its event record was full, or because it had
        done enough, goes on when it is driven again.
    begin, resume : compiled functions
        Of the model's processes.

    Returns
    -------
    int
        `DONE`, `LOG_FULL`, `PAUSED` or `FAULTY`.
    """
    loop = loop_of(world)
    end = world.end
    rows_of_kind = _int_cells(loop.rows_of_kind, loop.n_kinds)

    while True:
        if loop.unfinished == 1:
            # A command waited for room in the event record: the process goes on where it was.
            loop.unfinished = 0
            number = loop.slot
            slot = _slot(loop, number)
            now = world.now
            paused = True
            loop.steps -= 1
        else:
            # What comes next: what was called, a process that begins by itself, or the top of the heap.
            if loop.ring_size > 0:
                number = _index_at(loop.ring + 4 * loop.ring_at).it
                loop.ring_at += 1
                if loop.ring_at == loop.n_slots:
                    loop.ring_at = 0
                loop.ring_size -= 1
                slot = _slot(loop, number)
                now = world.now
                if slot.phase == _CALLED:
                    world.outcome = slot.answer
            else:
                if loop.steps >= loop.pause_at:
                    return PAUSED
                pending = _next_of_heap(loop)
                starts = loop.next_start < loop.n_starts
                if starts:
                    first = _start_at(loop.starts + _START_SIZE * loop.next_start)
                    starts = not pending or first.time <= _heap(loop)[0][0]
                if starts:
                    if first.time > end:
                        return DONE
                    now = first.time
                    world.now = now
                    loop.next_start += 1
                    number = _kind(loop, first.kind).first_slot + first.index
                    slot = _slot(loop, number)
                    if slot.phase != _ENDED:
                        loop.kind = first.kind
                        loop.index = first.index
                        loop.fault = STILL_ALIVE
                        loop.code = START
                        loop.target = first.kind
                        loop.a = float(first.index)
                        loop.b = 0.0
                        return FAULTY
                    slot.phase = _STARTED
                    slot.kind = first.kind
                elif not pending:
                    return DONE
                else:
                    times, _, slots = _heap(loop)
                    now, number = times[0], slots[0]
                    _drop_top(loop)
                    if loop.heap_size > 0:
                        _fetch_ahead(loop, slots[0])
                    world.now = now
                    slot = _slot(loop, number)
                    slot.order = 0
                    if slot.phase == _QUEUEING:
                        resource = _resource(loop, slot.resource)
                        _settle(resource, now)
                        _leave(loop, resource, number)
                        resource.gave_up += 1
                        world.outcome = GAVE_UP
                    elif slot.phase == _CALLED:
                        world.outcome = slot.answer
                    else:
                        world.outcome = TIMED_OUT
                if now > loop.moment:
                    loop.moment = now
                    loop.stuck_at = loop.steps + loop.most_at_once
            kind = _kind(loop, slot.kind)
            loop.kind = slot.kind
            loop.index = number - kind.first_slot
            loop.slot = number
            if slot.phase == _STARTED:
                slot.block = _take_block(kind)
                begin(slot.kind, loop.index, world, slot.block)
            slot.phase = _RUNNING
            paused = resume(slot.kind, world, slot.block)

        # Let it run until it pauses.
        while True:
            if not paused:
                slot.phase = _ENDED
                _give_block_back(_kind(loop, slot.kind), slot.block)
                break
            loop.steps += 1
            code, target, a, b = loop.code, loop.target, loop.a, loop.b
            fault = fault_in(code, target, a, b, rows_of_kind, loop.n_resources, loop.n_diaries)
            if fault == FINE and loop.steps > loop.stuck_at:
                fault = STUCK
            if fault != FINE:
                pass
            elif code == HOLD or code == WAIT:
                slot.phase = _HOLDING if code == HOLD else _WAITING
                _schedule(loop, end, number, now + a)
                break
            elif code == SEIZE:
                if not _seize(loop, world, target):
                    _join(loop, _resource(loop, target), number, a)
                    resource = _resource(loop, target)
                    resource.longest_queue = max(resource.longest_queue, resource.queueing)
                    slot.phase = _QUEUEING
                    slot.resource = target
                    if b < np.inf:
                        _schedule(loop, end, number, now + b)
                    break
            elif code == RECORD:
                if loop.recording == 1 and loop.logged == loop.log_room:
                    loop.unfinished = 1
                    return LOG_FULL
                _record(loop, now, target, a, b)
            elif code == SIGNAL:
                _signal(loop, now, target, int(a))
            elif code == START:
                if not _start(loop, target, int(a)):
                    fault = STILL_ALIVE
            elif code == RELEASE:
                if not _release(loop, end, now, target):
                    fault = NOT_IN_USE
            elif code == SET_CAPACITY:
                resource = _resource(loop, target)
                _settle(resource, now)
                resource.capacity = int(a)
                _grant(loop, end, resource, now)
            elif code == BOOK:
                _book(loop, world, target, a, b)
            elif code == LOAD:
                world.booked = _load(loop, target, a, b)
            elif code == VACATE:
                free, opening, day_hours, hint = _diary(loop, target)
                if not vacate_hours(free, opening, day_hours, loop.diary_start, hint, target, a, b):
                    fault = NO_SUCH_DAY
            if fault != FINE:
                loop.fault = fault
                return FAULTY
            paused = resume(slot.kind, world, slot.block)


# --- commands that let no time pass -------------------------------------------------------------------------


@rule
def _record(loop: Any, now: float, event: int, subject: float, value: float) -> None:
    if loop.recording == 1:
        row = _event_at(loop.log + _EVENT_SIZE * loop.logged)
        row.time = now
        row.event = event
        row.subject = int(subject)
        row.value = value
        loop.logged += 1


@rule
def _signal(loop: Any, now: float, kind: int, index: int) -> None:
    number = _kind(loop, kind).first_slot + index
    called = _slot(loop, number)
    if called.phase == _WAITING or called.phase == _QUEUEING:
        if called.phase == _QUEUEING:
            resource = _resource(loop, called.resource)
            _settle(resource, now)
            _leave(loop, resource, number)
            resource.signalled += 1
        called.order = 0
        called.phase = _CALLED
        called.answer = SIGNALLED
        _call(loop, number)


@rule
def _start(loop: Any, kind: int, index: int) -> bool:
    number = _kind(loop, kind).first_slot + index
    started = _slot(loop, number)
    if started.phase != _ENDED:
        return False
    started.phase = _STARTED
    started.kind = kind
    _call(loop, number)
    return True


@rule
def _seize(loop: Any, world: Any, target: int) -> bool:
    """Take a place if one is free."""
    resource = _resource(loop, target)
    resource.asked += 1
    _settle(resource, world.now)
    if resource.in_use >= resource.capacity:
        return False
    resource.in_use += 1
    resource.granted += 1
    world.outcome = GRANTED
    return True


@rule
def _release(loop: Any, end: float, now: float, target: int) -> bool:
    resource = _resource(loop, target)
    if resource.in_use == 0:
        return False
    _settle(resource, now)
    resource.in_use -= 1
    _grant(loop, end, resource, now)
    return True


@rule
def _diary(loop: Any, which: int) -> Any:
    offset = 8 * loop.n_days * which
    return (
        _float_cells(loop.free + offset, loop.n_days),
        _float_cells(loop.opening + offset, loop.n_days),
        _float_cells(loop.day_hours, loop.n_diaries)[which],
        _int_cells(loop.hint, loop.n_diaries),
    )


@rule
def _book(loop: Any, world: Any, which: int, earliest: float, hours: float) -> None:
    free, opening, day_hours, hint = _diary(loop, which)
    start, stretch = loop.diary_start, _float_cells(loop.stretch, loop.n_diaries)[which]
    world.booked = book_hours(free, opening, day_hours, start, hint, which, earliest, hours, stretch)
    world.booked_until = last_of_sitting(opening, day_hours, start, world.booked, hours)


@rule
def _load(loop: Any, which: int, earliest: float, hours: float) -> float:
    free, opening, day_hours, hint = _diary(loop, which)
    start, stretch = loop.diary_start, _float_cells(loop.stretch, loop.n_diaries)[which]
    return load_hours(free, opening, day_hours, start, hint, which, earliest, hours, stretch)


# --- the same, without the loop -----------------------------------------------------------------------------
# Each takes the world and a command, and returns whether it was carried out; if not, nothing was changed, and the
# process yields the command to the loop, which finds what is wrong with it, or makes room.


@rule
def _may(loop: Any, command: Any) -> bool:
    code, target, a, b = command
    rows_of_kind = _int_cells(loop.rows_of_kind, loop.n_kinds)
    fine = fault_in(code, target, a, b, rows_of_kind, loop.n_resources, loop.n_diaries) == FINE
    return fine and loop.steps < loop.stuck_at


@rule
def ask(world: Any, command: Any) -> int:
    """Leave a command for the loop, which reads it when the process has paused."""
    loop = loop_of(world)
    loop.code, loop.target, loop.a, loop.b = command
    return 0


@rule
def record_at_once(world: Any, command: Any) -> bool:
    """`record`."""
    loop = loop_of(world)
    if not _may(loop, command) or (loop.recording == 1 and loop.logged == loop.log_room):
        return False
    loop.steps += 1
    _record(loop, world.now, command[1], command[2], command[3])
    return True


@rule
def signal_at_once(world: Any, command: Any) -> bool:
    """`signal`."""
    loop = loop_of(world)
    if not _may(loop, command):
        return False
    loop.steps += 1
    _signal(loop, world.now, command[1], int(command[2]))
    return True


@rule
def start_at_once(world: Any, command: Any) -> bool:
    """`start`."""
    loop = loop_of(world)
    if not _may(loop, command) or not _start(loop, command[1], int(command[2])):
        return False
    loop.steps += 1
    return True


@rule
def release_at_once(world: Any, command: Any) -> bool:
    """`release`."""
    loop = loop_of(world)
    if not _may(loop, command) or not _release(loop, world.end, world.now, command[1]):
        return False
    loop.steps += 1
    return True


@rule
def book_at_once(world: Any, command: Any) -> bool:
    """`book`."""
    loop = loop_of(world)
    if not _may(loop, command):
        return False
    loop.steps += 1
    _book(loop, world, command[1], command[2], command[3])
    return True


@rule
def load_at_once(world: Any, command: Any) -> bool:
    """`load`."""
    loop = loop_of(world)
    if not _may(loop, command):
        return False
    loop.steps += 1
    world.booked = _load(loop, command[1], command[2], command[3])
    return True
