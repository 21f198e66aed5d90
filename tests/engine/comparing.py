"""States for the small models, and the comparison of two runs that says where they first differ."""

from __future__ import annotations

import numpy as np
import script
import toy
from differences import Outcome, first_difference

from best_sim.engine import (
    EXPONENTIAL,
    SimulationError,
    State,
    compile_model,
    duration_record,
    run_simpy,
    starts_table,
    stream,
)

EXPONENTIAL_3 = duration_record(EXPONENTIAL, 3.0)


def toy_state(
    n=30,
    seed=1,
    stay=EXPONENTIAL_3,
    services=None,
    capacities=(3, 1),
    end=60.0,
    spacing=0.5,
    rounds=4,
    patience=2.0,
):
    """The state of `toy.MODEL` with `n` clients, of whom one enters every `spacing` days from day -5 on."""
    world = np.zeros(1, toy.WORLD)
    world["stay"], world["services"] = stay, stay if services is None else services
    world["n_clients"], world["patience"], world["rounds"] = n, patience, rounds
    world["seed"], world["end"] = seed, end
    clients = np.zeros(n, toy.CLIENTS)
    clients["stream"], clients["number"] = stream("north"), np.arange(n)
    clients["urgent"] = np.arange(n) % 3 == 0
    offices = np.zeros(1, toy.OFFICES)
    offices["stream"] = stream("office")
    return State(
        world=world,
        tables={"clients": clients, "offices": offices},
        starts=starts_table(
            [*(spacing * np.arange(n) - 5.0), 0.0], [toy.CLIENT] * n + [toy.OFFICE], [*range(n), 0]
        ),
        capacities=np.array(capacities),
        diaries=np.tile(np.where(np.arange(80) % 7 < 5, 5.0, 0.0), (2, 1)),
        day_hours=np.array([5.0, 2.0]),
        diary_start=-7.0,
        stretch=np.array([0.0, 0.02]),
    )


def script_state(players, understudies=(), starts=None, capacities=(1,), diary=(5.0,) * 10, end=20.0):
    """The state of `script.MODEL` with these lists of commands; each player starts at 0 unless `starts` is given."""
    tables = {}
    for name, roles in (("players", players), ("understudies", understudies)):
        table = tables[name] = np.zeros(len(roles), script.ROLES)
        table["number"] = np.arange(len(roles))
        for row, commands in zip(table, roles, strict=True):
            row["n"] = len(commands)
            for i, command in enumerate(commands):
                row["code"][i], row["target"][i], row["a"][i], row["b"][i] = command
    world = np.zeros(1, script.WORLD)
    world["end"] = end
    if starts is None:
        starts = [(0.0, script.PLAYER, i) for i in range(len(players))]
    time, kind, index = zip(*starts, strict=True) if starts else ((), (), ())
    return State(
        world=world,
        tables=tables,
        starts=starts_table(time, kind, index),
        capacities=np.array(capacities, dtype=np.int64),
        diaries=np.array([diary]),
        day_hours=np.array([5.0]),
    )


def by_both(model, state):
    """Run a model by both drivers, check that they agree in everything, and return the run."""
    runs = []
    for run in (lambda: run_simpy(model, state), lambda: compile_model(model).run(state)):
        try:
            runs.append(run())
        except SimulationError as error:
            runs.append(error)
    interpreted, compiled = runs
    if isinstance(interpreted, SimulationError) or isinstance(compiled, SimulationError):
        assert str(compiled) == str(interpreted)
        raise interpreted
    assert_same(interpreted, compiled)
    return interpreted


def assert_same(expected, got):
    """Fail with the first thing in which two runs differ: whose, when, expected, got, and what came before."""
    told = first_difference(Outcome.of_run(expected), Outcome.of_run(got))
    assert told is None, told
