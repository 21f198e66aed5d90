"""The two drivers agree, event for event, and do what the commands say."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import numpy as np
import pytest
import script
import toy
from comparing import EXPONENTIAL_3, assert_same, by_both, script_state, toy_state
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from best_sim.engine import (
    CONSTANT,
    GAVE_UP,
    GRANTED,
    LOGNORMAL,
    MORNING,
    SIGNALLED,
    TIMED_OUT,
    UNIFORM,
    SimulationError,
    book,
    compile_model,
    describe,
    duration_record,
    hold,
    load,
    record,
    release,
    run_simpy,
    seize,
    set_capacity,
    signal,
    start,
    starts_table,
    vacate,
    wait,
)
from best_sim.engine.commands import HOLD

pytest.importorskip("numba")
often = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])


# --- agreement ----------------------------------------------------------------------------------------------

lengths = st.sampled_from(
    [
        EXPONENTIAL_3,
        duration_record(LOGNORMAL, 0.5, 1.0),
        duration_record(UNIFORM, 0.0, 4.0),
        duration_record(CONSTANT, 1.0),
        duration_record(CONSTANT, 0.0),
    ]
)


@settings(often, max_examples=60)
@given(
    st.builds(
        toy_state,
        n=st.integers(1, 40),
        seed=st.integers(0, 2**63 - 1),
        stay=lengths,
        services=lengths,
        capacities=st.tuples(st.integers(0, 4), st.integers(0, 2)),
        spacing=st.sampled_from([0.0, 0.25, 1.0]),
        rounds=st.integers(0, 5),
        patience=st.sampled_from([0.0, 1.0, 2.5]),
        end=st.sampled_from([-10.0, -5.0, 0.0, 17.0, 60.0]),
    )
)
def test_a_model_that_uses_everything(state):
    by_both(toy.MODEL, state)


days = st.sampled_from([0.0, 0.0, 1.0, 1.0, 2.0, 0.5, math.inf])
few = st.integers(0, 4)
resources = st.integers(0, 1)
commands = st.one_of(
    st.builds(hold, st.sampled_from([0.0, 1.0, 2.0])),
    st.builds(wait, days),
    st.builds(signal, resources, few),
    st.builds(seize, resources, st.integers(0, 2), days),
    st.builds(release, resources),
    st.builds(set_capacity, resources, st.integers(0, 3)),
    st.builds(book, st.just(0), st.integers(0, 9), st.sampled_from([0.0, 1.5, 5.0, 7.0])),
    st.builds(load, st.just(0), st.integers(0, 9), st.sampled_from([0.0, 1.5, 5.0, 7.0])),
    st.builds(vacate, st.just(0), st.integers(0, 9), st.sampled_from([1.0, 6.0])),
    st.builds(start, st.just(script.UNDERSTUDY), few),
    st.builds(record, few, few, st.floats(allow_nan=False)),
)
roles = st.lists(st.lists(commands, max_size=script.STEPS), min_size=5, max_size=5)
beginnings = st.lists(
    st.tuples(st.sampled_from([-1.0, 0.0, 1.0, 2.0]), resources, few), min_size=1, max_size=8, unique=True
)


@often
@given(roles, roles, beginnings, st.tuples(st.integers(0, 2), st.integers(0, 2)))
def test_any_commands_at_all(players, understudies, starts, capacities):
    state = script_state(players, understudies, starts=starts, capacities=capacities)
    with suppress(SimulationError):  # that both refused, in the same words, is checked before
        by_both(script.MODEL, state)


@pytest.mark.parametrize("driver", ["simpy", "compiled"])
def test_a_loop_in_which_time_stands_still_ends_with_an_error(driver):
    # two understudies start each other for ever; either driver says so, in the same words, at the same command
    state = script_state(
        [[start(script.UNDERSTUDY, 0)]], [[start(script.UNDERSTUDY, 1)], [start(script.UNDERSTUDY, 0)]]
    )
    run = compile_model(script.MODEL).run if driver == "compiled" else partial(run_simpy, script.MODEL)
    with pytest.raises(SimulationError, match="time does not move on") as error:
        run(state)
    assert error.value.time == 0.0 and error.value.kind == "understudy"


def test_times_and_outcomes_of_a_queue_worked_by_hand():
    players = [
        [seize(0), hold(3.0), release(0), seize(0), release(0)],
        [hold(1.0), seize(0, 1.0), hold(1.0), release(0)],
        [hold(1.0), seize(0, 0.0), hold(1.0), release(0)],  # goes before the one who asked first
        [seize(0, 0.0, 2.0)],  # gives up
        [wait(10.0)],  # signalled
        [hold(0.5), seize(0)],  # signalled in the queue
        [hold(2.5), signal(script.PLAYER, 4), signal(script.PLAYER, 5), signal(script.PLAYER, 0)],
        [wait(1.5)],
    ]
    run = by_both(script.MODEL, script_state(players))
    table = run.state.tables["players"]
    assert table["outcome"][3, 0] == GAVE_UP
    assert table["time"][3, 0] == 2.0
    assert (table["outcome"][4, 0], table["time"][4, 0]) == (SIGNALLED, 2.5)
    assert (table["outcome"][5, 1], table["time"][5, 1]) == (SIGNALLED, 2.5)
    assert (table["outcome"][7, 0], table["time"][7, 0]) == (TIMED_OUT, 1.5)
    assert (table["outcome"][2, 1], table["time"][2, 1]) == (GRANTED, 3.0)
    assert (table["outcome"][0, 3], table["time"][0, 3]) == (GRANTED, 4.0)
    assert (table["outcome"][1, 1], table["time"][1, 1]) == (GRANTED, 4.0)
    (use,) = run.resources.tolist()
    # In the queue: player 3 from 0 to 2, 5 from 0.5 to 2.5, 1 from 1 to 4, 2 from 1 to 3, 0 from 3 to 4.
    assert use == (2.0 + 2.0 + 3.0 + 2.0 + 1.0, 5.0, 6, 4, 1, 1, 4)


def test_the_order_of_what_happens_at_one_time():
    players = [
        [hold(1.0), start(script.UNDERSTUDY, 0), signal(script.PLAYER, 1), record(50, 0, 0.0)],
        [wait(5.0), record(51, 1, 0.0)],
        [hold(1.0), record(52, 2, 0.0)],
        [record(53, 3, 0.0)],
    ]
    understudies = [[record(54, 0, 0.0)], [record(55, 1, 0.0)]]
    starts = [(0.0, 0, 0), (0.0, 0, 1), (0.0, 0, 2), (1.0, 0, 3), (1.0, 1, 1)]
    run = by_both(script.MODEL, script_state(players, understudies, starts=starts))
    marks = [event for event in run.events["event"].tolist() if 50 <= event < 60]
    # those that begin by themselves; the process whose hold ends; what it set going, in order; the other hold
    assert marks == [53, 55, 50, 54, 51, 52]


def test_capacity_falls_below_use_and_rises_again():
    players = [
        [seize(0), hold(4.0), release(0)],
        [seize(0), hold(2.0), release(0)],
        [hold(1.0), set_capacity(0, 1), hold(5.0), set_capacity(0, 3)],
        [hold(1.5), seize(0), hold(10.0)],
        [hold(1.5), seize(0), hold(10.0)],
        [hold(1.5), seize(0), hold(10.0)],
    ]
    run = by_both(script.MODEL, script_state(players, capacities=(2,)))
    assert run.state.tables["players"]["time"][3:, 1].tolist() == [4.0, 6.0, 6.0]
    assert run.state.capacities.tolist() == [3]


def test_bookings_are_answered_and_given_back():
    players = [
        [book(0, 0.0, 5.0), book(0, 0.0, 7.0), vacate(0, MORNING, 5.0), book(0, 0.0, 4.0), load(0, 0.0, 4.0)],
        [hold(1.0), book(0, 0.0, 100.0)],
    ]
    run = by_both(script.MODEL, script_state(players, diary=(5.0, 0.0, 5.0, 5.0)))
    booked = run.events["value"][run.events["event"] < 100].tolist()
    assert booked[:2] == [MORNING, 2.0 + MORNING]
    assert booked[3:5] == [MORNING, 3.0 + MORNING]
    assert booked[-1] == math.inf
    assert run.state.diaries.tolist() == [[0.0, 0.0, 0.0, 0.0]]


def test_a_process_that_has_ended_may_be_started_again():
    players = [[start(1, 0), hold(1.0), start(1, 0), hold(1.0), start(1, 0)]]
    run = by_both(script.MODEL, script_state(players, [[hold(0.5)]]))
    assert (run.events["event"] == 100).sum() == 3


def test_what_is_unfinished_stays_unfinished():
    players = [[hold(5.0), hold(5.0), hold(5.0)], [seize(0), hold(100.0)], [seize(0)]]
    run = by_both(script.MODEL, script_state(players, end=10.0))
    assert run.state.tables["players"]["time"][0].tolist()[:3] == [5.0, 10.0, 0.0]  # 10 is not after the end
    assert run.state.world["now"] == 10.0
    assert run.resources[["queue_time", "place_time"]].tolist() == [(10.0, 10.0)]


def test_the_state_that_was_given_is_left_alone():
    state = toy_state()
    before = state.copy()
    for run in (run_simpy(toy.MODEL, state), compile_model(toy.MODEL).run(state)):
        assert run.state.tables["clients"]["entered"].any()
    assert state.world.tobytes() == before.world.tobytes()
    assert all((state.tables[name] == before.tables[name]).all() for name in state.tables)
    assert (state.diaries == before.diaries).all()


def test_buffers_grow():
    state = toy_state(n=200, spacing=0.05)
    model = compile_model(toy.MODEL)
    roomy = model.run(state)
    assert len(roomy.events) > 1000
    assert_same(roomy, model.run(state, log_room=1))


def test_threads_do_not_disturb_each_other():
    model = compile_model(toy.MODEL)
    states = [toy_state(n=60, seed=seed) for seed in range(8)]
    expected = [model.run(state) for state in states]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(5):
            for one, other in zip(expected, threads.map(model.run, states), strict=True):
                assert_same(one, other)


def test_littles_law():
    """The integrals kept by the driver equal what the asking and granting times say (L = lambda W)."""
    n = 300
    players = [[hold(0.37 * i % 11.0), seize(0), hold(0.2), release(0)] for i in range(n)]
    run = by_both(script.MODEL, script_state(players, capacities=(3,), end=100.0))
    table = run.state.tables["players"]
    assert run.resources["queue_time"][0] == pytest.approx((table["time"][:, 1] - table["time"][:, 0]).sum())
    assert run.resources["place_time"][0] == pytest.approx(n * 0.2)
    assert run.resources[["asked", "granted"]].tolist() == [(n, n)]


def test_an_empty_world_runs():
    run = by_both(script.MODEL, script_state([], starts=[], capacities=()))
    assert (len(run.events), len(run.resources), run.n_steps) == (0, 0, 0)


def test_a_world_without_diaries_or_resources_runs():
    state = script_state([[hold(1.0)]], capacities=())
    state.diaries, state.day_hours = np.empty((0, 30)), np.empty(0)
    assert by_both(script.MODEL, state).n_steps == 2


# --- refusals -----------------------------------------------------------------------------------------------

REFUSED = [
    (hold(-1.0), "player 1 at day 2: hold(-1): a number of days must be zero or more"),
    (wait(math.nan), "player 1 at day 2: wait(nan): a number of days must be zero or more"),
    (seize(0, 0.0, -1.0), "player 1 at day 2: seize(0, 0, -1): a number of days must be zero or more"),
    (seize(0, math.nan), "player 1 at day 2: seize(0, nan, inf): a priority must be a number"),
    (seize(7), "player 1 at day 2: seize(7, 0, inf): there is no such resource"),
    (release(-1), "player 1 at day 2: release(-1): there is no such resource"),
    (release(0), "player 1 at day 2: release(0): no place of this resource is in use"),
    (set_capacity(0, -1), "must be a whole number, zero or more"),
    (book(3, 0.0, 1.0), "player 1 at day 2: book(3, 0, 1): there is no such diary"),
    (book(0, math.nan, 1.0), "the earliest time must be a number"),
    (load(0, 0.0, math.inf), "a number of hours must be zero or more, and finite"),
    (vacate(0, 99.0, 1.0), "player 1 at day 2: vacate(0, 99, 1): this day is not in the diary"),
    (start(1, 0), "player 1 at day 2: start(1, 0): this process has begun already and has not ended"),
    (start(1, 9), "player 1 at day 2: start(1, 9): there is no process of this kind and index"),
    (signal(2, 0), "player 1 at day 2: signal(2, 0): there is no process of this kind and index"),
    (record(-1, 0, 0.0), "the event must be a number from 0"),
    (record(0, 2**40, 0.0), "must fit 32 bits"),
    ((99, 0, 0.0, 0.0), "there is no such command"),
    ((-1, 0, 0.0, 0.0), "there is no such command"),
]


@pytest.mark.parametrize(("command", "words"), REFUSED, ids=lambda part: str(part)[-40:])
def test_what_cannot_be_is_refused_in_the_same_words(command, words):
    state = script_state([[hold(5.0)], [hold(2.0), start(1, 0), command]], [[hold(9.0)]])
    if command[:2] != start(1, 0)[:2]:
        state.tables["players"]["code"][1, 1] = HOLD
    with pytest.raises(SimulationError) as caught:
        by_both(script.MODEL, state)
    assert words in str(caught.value)
    assert (caught.value.kind, caught.value.index, caught.value.time) == ("player", 1, 2.0)


def test_a_process_that_begins_by_itself_twice_is_refused():
    state = script_state([[hold(5.0)]], starts=[(0.0, 0, 0), (1.0, 0, 0)])
    with pytest.raises(SimulationError, match=r"player 0 at day 1: start\(0, 0\): this process has begun"):
        by_both(script.MODEL, state)


def test_an_exception_in_a_process_says_whose_it_is():
    state = script_state([[hold(5.0)], [hold(3.0)] + [record(0, 0, 0.0)] * (script.STEPS - 1)])
    state.tables["players"]["n"][1] = script.STEPS + 1
    with pytest.raises(
        SimulationError, match="player 1 at day 3: IndexError: index outside an array of a record"
    ) as caught:
        by_both(script.MODEL, state)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.world.__setitem__("end", math.inf), "world.end must be finite"),
        (lambda s: s.tables.pop("offices"), "the tables are"),
        (lambda s: s.tables.update(offices=np.zeros(1)), "'offices' is not of the model's dtype"),
        (lambda s: setattr(s, "starts", s.starts[::-1]), "in order of time"),
        (lambda s: setattr(s, "starts", starts_table([0.0], [1], [99])), "of no process there is"),
        (lambda s: setattr(s, "capacities", np.array([-1, 2])), "capacities are whole numbers"),
        (lambda s: setattr(s, "day_hours", np.array([5.0])), "one for each diary"),
        (lambda s: setattr(s, "diaries", -s.diaries), "diaries are finite hours"),
        (lambda s: setattr(s, "opening", s.diaries - 1.0), "no fewer than the hours free"),
        (lambda s: setattr(s, "diary_start", math.nan), "diary_start must be finite"),
        (lambda s: setattr(s, "stretch", np.array([-1.0, 0.0])), "stretch is zero or more"),
    ],
)
def test_a_state_that_cannot_be_run_is_refused(change, words):
    state = toy_state()
    change(state)
    for run in (lambda: run_simpy(toy.MODEL, state), lambda: compile_model(toy.MODEL).run(state)):
        with pytest.raises(ValueError, match=words):
            run()


# --- SimPy's own ----------------------------------------------------------------------------------------------


def test_hooks_see_every_command():
    seen = []
    state = script_state([[hold(1.0), seize(0)]])
    run = run_simpy(script.MODEL, state, hooks=[lambda *what: seen.append(what)])
    assert len(seen) == run.n_steps == 4
    texts = [(time, kind, index, describe(command)) for time, kind, index, command in seen]
    assert texts[0] == (0.0, "player", 0, "hold(1)")
    assert texts[2] == (1.0, "player", 0, "seize(0, 0, inf)")


def test_an_extension_closes_a_desk():
    def closing_week(env, run):
        yield env.timeout(2.0)
        run.resources[0].set_capacity(0)
        run.record(77, 0, env.now)
        yield env.timeout(7.0)
        run.resources[0].set_capacity(1)

    players = [[hold(1.0 + i), seize(0), hold(0.5), release(0)] for i in range(3)]
    run = run_simpy(script.MODEL, script_state(players), extensions=[closing_week])
    assert run.state.tables["players"]["time"][:, 1].tolist() == [1.0, 9.0, 9.5]
    assert run.events[run.events["event"] == 77]["time"].tolist() == [2.0]


def test_an_extension_waits_signals_starts_and_uses_places():
    trail = []

    def visitor(env, run):
        with run.resources[0].request() as place:
            yield place
            yield env.timeout(3.0)
        run.signal(script.PLAYER, 0)
        yield run.process(script.PLAYER, 0)
        trail.append((env.now, run.process(script.PLAYER, 0), run.tables["players"][0].time[0]))
        run.start(script.UNDERSTUDY, 0)
        while True:
            yield env.timeout(1.0)

    run = run_simpy(
        script.MODEL,
        script_state([[wait(50.0)], [hold(1.0), seize(0), release(0)]], [[hold(1.0)]], end=10.0),
        extensions=[visitor],
    )
    assert trail == [(3.0, None, 3.0)]
    assert run.state.tables["players"]["time"][1, 1] == 3.0
    assert run.state.tables["understudies"]["time"][0, 0] == 4.0
    assert run.resources[["queue_time", "place_time"]].tolist() == [(2.0, 3.0)]
    assert run.state.world["now"] == 10.0
