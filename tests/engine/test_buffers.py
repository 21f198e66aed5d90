"""Buffers of the compiled driver are large enough, or grow, whatever runs: the outcome is SimPy's all the same."""

from __future__ import annotations

import math

import pytest
import script
import toy
from comparing import assert_same, by_both, script_state, toy_state

from best_sim.engine import (
    compile_model,
    compiled_driver,
    hold,
    record,
    run_simpy,
    seize,
    set_capacity,
    signal,
    start,
    wait,
)

pytest.importorskip("numba")

MANY = 2500


@pytest.mark.parametrize("difference", [-1, 0, 1])
def test_a_record_that_just_fits_or_just_does_not(difference):
    state = toy_state(n=40)
    expected = run_simpy(toy.MODEL, state)
    assert_same(expected, compile_model(toy.MODEL).run(state, log_room=len(expected.events) + difference))


@pytest.mark.parametrize("room", [0, 1, 2, 3, 1000, 1 << 20])
def test_the_room_for_events_changes_nothing(room):
    state = toy_state(n=150, spacing=0.05)
    expected = run_simpy(toy.MODEL, state)
    assert len(expected.events) > 1000
    assert_same(expected, compile_model(toy.MODEL).run(state, log_room=room))


def test_every_process_there_is_pends_at_once():
    """Thousands of waits and holds, many of them to the same moment, of which half are cut short from behind."""
    players = [
        [start(script.UNDERSTUDY, i), wait(1.0 + i * 7 % 11), record(1, i, 0.0), hold(i % 3)]
        for i in range(MANY)
    ]
    understudies = [
        [hold(1.0 + i * 5 % 13), signal(script.PLAYER, MANY - 1 - i), wait(math.inf if i % 2 else 2.0)]
        for i in range(MANY)
    ]
    run = by_both(script.MODEL, script_state(players, understudies, end=30.0))
    # by day 0 all have begun and none has ended: 2 MANY processes, each with one pending resumption
    assert (run.events["time"] >= 1.0).sum() == len(run.events) - MANY
    signalled = (run.state.tables["players"]["outcome"][:, 1] == 1).sum()
    assert 500 < signalled < MANY - 500


def test_everybody_queues_and_all_are_granted_at_once():
    """In order of priority; half of them run out of patience before, and some are called away."""
    players = [[seize(0, i % 5, 3.0 if i % 2 else math.inf), hold(i % 4)] for i in range(MANY)]
    callers = [signal(script.PLAYER, 6 * i) for i in range(8)]
    understudies = [[hold(2.0), *callers, hold(8.0), set_capacity(0, MANY)]]
    starts = [(0.0, script.PLAYER, i) for i in range(MANY)] + [(0.0, script.UNDERSTUDY, 0)]
    run = by_both(script.MODEL, script_state(players, understudies, starts=starts, capacities=(0,), end=50.0))
    (use,) = run.resources[["asked", "granted", "gave_up", "signalled", "longest_queue"]].tolist()
    assert use == (MANY, MANY // 2 - 8, MANY // 2, 8, MANY)
    granted = run.events[(run.events["time"] == 10.0) & (run.events["event"] == 0)]["subject"]
    assert granted.tolist() == sorted(granted.tolist(), key=lambda i: (i % 5, i))


def test_a_run_that_records_more_than_a_million_events():
    n = 60_000
    players = [[record(1, i, float(i))] * (script.STEPS - 2) for i in range(n)]
    state = script_state(players[:1])
    one = state.tables["players"]
    state = script_state([[]] * n)
    for name in ("n", "code", "target", "a", "b"):
        state.tables["players"][name] = one[name][0]
    small, large = (compile_model(script.MODEL).run(state, log_room=room) for room in (1, 1 << 22))
    assert len(small.events) == 2 * n * (script.STEPS - 2)
    assert_same(small, large)


def test_what_is_due_later_waits_in_buckets_and_only_what_is_due_soon_in_the_heap(monkeypatch):
    """Results are the same wherever an entry waits, so that buckets nobody uses would come to light by speed alone."""
    made = []

    class Kept(compiled_driver._Memory):
        def __init__(self, *arguments) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(compiled_driver, "_Memory", Kept)
    n, at_first = 500, 10
    players = [[hold(100.0 + i // at_first), record(1, i, 0.0), hold(0.001)] for i in range(n)]
    run = compile_model(script.MODEL).run(script_state(players, end=1000.0))
    (loop,) = made[0].loop
    assert len(run.events) >= n
    # all but those due with the first: as the second player begins, that bucket has been looked into
    assert loop["fresh_node"] - 1 == n - at_first
    assert loop["bucketed"] == loop["heap_size"] == 0, "all of them came out again"
