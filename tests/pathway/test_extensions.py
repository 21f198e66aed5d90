"""A user's own SimPy process beside the children, and hooks on every command."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from small_worlds import BOROUGH, after, always, first_difference, plain_world, rows

from best_sim.engine import describe
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.kinds import PLACEMENT
from best_sim.pathway.lowering import lower


@pytest.fixture(scope="module")
def world(short_trial):
    return lower(
        short_trial.replace({"simulation.starts_with": "empty", "simulation.end_date": dt.date(2019, 9, 1)})
    )


@pytest.fixture(scope="module")
def alone(world):
    return simulate(world, seed=2, engine="simpy")


def test_who_only_looks_on_changes_nothing(world, alone):
    seen = []

    def monthly(env, run):
        """How many children are in care on the first day of each month."""
        while True:
            seen.append((env.now, sum(g.in_care == 1 for g in run.tables["groups"])))
            yield env.timeout(365.25 / 12)

    watched = simulate(world, seed=2, extensions=[monthly])
    assert first_difference(alone, watched) is None
    assert len(seen) == 16
    p = alone.group_placements
    for time, count in seen:
        there = (p["start_days"] < time) & ~(p["end_days"] <= time) & p["in_care"]
        assert count == there.sum()


def test_hooks_hear_every_command_and_change_nothing(world, alone):
    heard = []
    hooked = simulate(world, seed=2, hooks=[lambda *call: heard.append(call)])
    assert first_difference(alone, hooked) is None
    assert len(heard) == alone.n_steps
    times = [time for time, *_ in heard]
    assert times == sorted(times)
    by = Counter((kind, describe(command).partition("(")[0]) for _, kind, _, command in heard)
    booked = by["proceedings", "book"] - by["proceedings", "vacate"]
    listed = len(rows(alone, W.HEARING_LISTED))
    books = [
        time for time, kind, _, command in heard if kind == "proceedings" and describe(command)[:4] == "book"
    ]
    # an interim hearing for which no day is left in the run is not listed
    assert 0 <= booked - listed <= sum(time > alone.end - 30.0 for time in books)
    recorded = sum(n for (_, command), n in by.items() if command == "record")
    assert recorded == len(alone.record)


def test_a_closure_of_the_team_is_felt(world, alone):
    """The documented example: a resource closed for a time by a process of one's own."""
    theirs = alone.resources["resource"].tolist().index("lift.london.social_workers")

    def christmas(env, run):
        yield env.timeout(100.0)
        places = run.resources[theirs].capacity
        run.resources[theirs].set_capacity(0)
        yield env.timeout(120.0)
        run.resources[theirs].set_capacity(places)

    closed = simulate(world, seed=2, extensions=[christmas])
    london = alone.names["teams"].index("london")
    f, o = closed.tables["families"], closed.tables["others"]
    started = [
        *f["lift_started"][f["team"] == london],
        *o["started"][o["team"] == london],
    ]
    begin = closed.record["time"][0]
    assert not [at for at in started if begin + 100 < at < begin + 220]
    assert closed.resources["mean_waiting"][theirs] > alone.resources["mean_waiting"][theirs]
    # and until then nothing differs
    a, b = (j.record[j.record["time"] < begin + 100] for j in (alone, closed))
    assert a.tobytes() == b.tobytes()


def test_an_extension_may_write_and_wait():
    """It can wait for a process of the model, signal one, and write to the event record."""
    ended = []

    def witness(env, run):
        while run.process(PLACEMENT, 0) is None:
            yield env.timeout(1.0)
        run.signal(PLACEMENT, 0)  # looks again, and finds nothing changed
        run.record(W.PLAN_MADE, 0, 0.0)
        ended.append(env.now)

    world = plain_world({BOROUGH + ".entries": always(50), "simulation.end_date": after(300)})
    plain = simulate(world, engine="simpy")
    witnessed = simulate(world, extensions=[witness])
    assert len(witnessed.record) == len(plain.record) + 1
    assert len(ended) == 1
    rest = witnessed.record[
        ~((witnessed.record["event"] == W.PLAN_MADE) & (witnessed.record["time"] == ended[0]))
    ]
    kept = plain.record[~((plain.record["event"] == W.PLAN_MADE) & (plain.record["time"] == ended[0]))]
    assert rest.tobytes() == kept.tobytes()


def test_auto_takes_simpy_where_it_must(world, alone):
    calls = []
    simulate(world, seed=2, engine="auto", hooks=[lambda *call: calls.append(1)])
    assert len(calls) == alone.n_steps
