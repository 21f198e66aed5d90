"""A model whose processes read their commands from a table, so that a test can make them do anything at all."""

from __future__ import annotations

import numpy as np

from best_sim.engine import Model, ProcessKind, record, world_dtype

STEPS = 12
PLAYER, UNDERSTUDY = range(2)

ROLES = np.dtype(
    [
        ("number", "i8"),
        ("n", "i8"),
        ("code", "i8", (STEPS,)),
        ("target", "i8", (STEPS,)),
        ("a", "f8", (STEPS,)),
        ("b", "f8", (STEPS,)),
        ("outcome", "i8", (STEPS,)),
        ("time", "f8", (STEPS,)),
    ]
)
TABLES = {"players": ROLES, "understudies": ROLES}
WORLD = world_dtype([], TABLES)


def play(me, world):
    for step in range(me.n):
        yield me.code[step], me.target[step], me.a[step], me.b[step]
        me.outcome[step] = world.outcome
        me.time[step] = world.now
        yield record(step, me.number, world.booked)


def stand_in(me, world):
    for step in range(me.n):
        yield me.code[step], me.target[step], me.a[step], me.b[step]
        me.outcome[step] += 1 + world.outcome
        me.time[step] = world.now
        yield record(100 + step, me.number, world.booked)


MODEL = Model(
    world=WORLD,
    tables=TABLES,
    processes=(ProcessKind("player", play, "players"), ProcessKind("understudy", stand_in, "understudies")),
)
