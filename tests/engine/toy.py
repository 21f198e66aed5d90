"""A small model that uses every command, for the tests of the drivers: clients, their visits, and an office."""

from __future__ import annotations

import math

import numpy as np

from best_sim.engine import (
    DURATION,
    GAVE_UP,
    GRANTED,
    SIGNALLED,
    Model,
    ProcessKind,
    book,
    duration_quantile,
    hold,
    load,
    purpose,
    record,
    release,
    rows,
    rule,
    seize,
    set_capacity,
    signal,
    start,
    uniform,
    vacate,
    wait,
    world_dtype,
)

CLIENT, VISIT, OFFICE = range(3)
TEAM, DESK = range(2)
COURT, LEDGER = range(2)

ENTERED, OUTCOME, LEFT, VISITED, BOOKED, OPENED = range(6)

STAY = purpose("stay")
SERVICE = purpose("service")
CHOICE = purpose("choice")
HOURS = purpose("hours")

CLIENTS = np.dtype(
    [
        ("stream", "i8"),
        ("number", "i8"),
        ("entered", "f8"),
        ("visits", "i4"),
        ("draws", "i8"),
        ("urgent", "?"),
        ("last", [("outcome", "i8"), ("time", "f8")]),
        ("times", "f8", (4,)),
    ],
    align=True,
)
OFFICES = np.dtype([("stream", "i8"), ("number", "i8"), ("turns", "i8")])
TABLES = {"clients": CLIENTS, "offices": OFFICES}
WORLD = world_dtype(
    [
        ("stay", DURATION),
        ("services", DURATION, (2,)),
        ("n_clients", "i8"),
        ("patience", "f8"),
        ("rounds", "i8"),
        ("counts", "i8", (2, 4)),
        ("busy", "f8"),
    ],
    TABLES,
)

clients = rows("clients", CLIENTS)
offices = rows("offices", OFFICES)


@rule
def draw(me, world, why):
    me.draws += 1
    return uniform(world, me, why, me.draws)


@rule
def length_of_stay(me, world):
    return duration_quantile(world.stay, draw(me, world, STAY))


@rule
def note(me, world, outcome):
    me.last.outcome = outcome
    me.last.time = world.now
    world.counts[1 if me.urgent else 0, outcome] += 1


def client(me, world):
    me.entered = world.now
    yield record(ENTERED, me.number, world.now)
    yield start(VISIT, me.number)
    for turn in range(world.rounds):
        desk = TEAM if draw(me, world, CHOICE) < 0.6 else DESK
        priority = 0.0 if me.urgent else math.floor(2.0 * draw(me, world, CHOICE))
        patience = world.patience if draw(me, world, CHOICE) < 0.5 else math.inf
        yield seize(desk, priority, patience)
        note(me, world, world.outcome)
        yield record(OUTCOME, me.number, float(world.outcome))
        if world.outcome == GRANTED:
            yield hold(duration_quantile(world.services[desk], draw(me, world, SERVICE)))
            world.busy += world.now - me.last.time
            yield release(desk)
        elif world.outcome == GAVE_UP:
            yield hold(0.0)
        yield signal(VISIT, (me.number + 1) % world.n_clients)
        if turn < 4:
            me.times[turn] = world.now
        yield wait(length_of_stay(me, world))
        if world.outcome == SIGNALLED:
            # Another row, reached from this one.
            other = clients(world, (me.number + 3) % world.n_clients)
            other.draws += 1
            yield record(OUTCOME, other.number, 10.0)
    yield record(LEFT, me.number, world.now - me.entered)


def visit(me, world):
    me.visits += 1
    hours = 0.5 * math.floor(14.0 * draw(me, world, HOURS))
    yield book(COURT, world.now + length_of_stay(me, world), hours)
    booked = world.booked
    yield record(BOOKED, me.number, booked)
    if draw(me, world, CHOICE) < 0.3 and booked < math.inf:
        yield vacate(COURT, booked, hours)
    yield load(LEDGER, world.now, hours)
    yield record(BOOKED, me.number, world.booked)
    yield wait(length_of_stay(me, world))
    yield record(VISITED, me.number, float(world.outcome))
    if draw(me, world, CHOICE) < 0.5:
        yield signal(CLIENT, me.number)
        yield signal(CLIENT, (me.number + 2) % world.n_clients)
    if me.visits < 3:
        # The office begins this visit again once it has ended.
        yield signal(OFFICE, 0)


def office(me, world):
    while True:
        yield wait(2.0)
        me.turns += 1
        places = math.floor(4.0 * draw_office(me, world))
        yield set_capacity(TEAM if me.turns % 2 == 0 else DESK, places)
        yield record(OPENED, me.number, places)
        if me.turns % 7 == 0:
            yield signal(CLIENT, me.turns % world.n_clients)


@rule
def draw_office(me, world):
    return uniform(world, me, CHOICE, me.turns)


MODEL = Model(
    world=WORLD,
    tables=TABLES,
    processes=(
        ProcessKind("client", client, "clients"),
        ProcessKind("visit", visit, "clients"),
        ProcessKind("office", office, "offices"),
    ),
)
