"""The two drivers can't drift apart: whatever the scenario, they leave the same, to the last bit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import subprocess
import sys

import numpy as np
import pytest
from differences import Outcome, first_difference
from hypothesis import HealthCheck, Phase, given, settings
from scenarios_by_hypothesis import World, worlds
from small_worlds import BOROUGH, JourneyWords, after, always, plain_world
from small_worlds import first_difference as first_difference_of_journeys

from best_sim.engine import SimulationError, run_simpy
from best_sim.engine.model import Run
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower, state_of
from best_sim.pathway.model import PATHWAY, compiled_pathway
from best_sim.scenario import Duration, ScenarioError

pytest.importorskip("numba")

DRIVERS = ("expected (SimPy)", "got (compiled)")
the_same_each_time = settings(
    derandomize=True, database=None, phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip


def attempt(run, *what, **how):
    """A run, or the words of the error with which it ended."""
    try:
        return run(*what, **how)
    except SimulationError as error:
        return str(error)


def difference(lowered: Lowered, expected: Run, got: Run) -> str | None:
    words = JourneyWords(expected.state.tables, lowered.names, lowered.start_date)
    return first_difference(Outcome.of_run(expected), Outcome.of_run(got), words, DRIVERS)


def assert_agreement_on(world: World) -> Run:
    """Run a world by both drivers, and fail with the first difference; returns SimPy's run."""
    state = world.state()
    expected = attempt(run_simpy, PATHWAY, state)
    got = attempt(compiled_pathway().run, state, log_room=world.log_room)
    if isinstance(expected, str) or isinstance(got, str):
        told = [each if isinstance(each, str) else f"{len(each.events)} events" for each in (expected, got)]
        pytest.fail(
            f"a run ends with an error\n  {DRIVERS[0]}: {told[0]}\n  {DRIVERS[1]}: {told[1]}", pytrace=False
        )
    told = difference(world.lowered, expected, got)
    if told:
        pytest.fail(told, pytrace=False)
    return expected


@settings(the_same_each_time, max_examples=60)
@given(worlds())
def test_on_any_scenario(world):
    assert_agreement_on(world)


@pytest.mark.slow
@settings(the_same_each_time, max_examples=600)
@given(worlds(most_families=200, most_changes=40))
def test_on_any_scenario_larger_and_more_often(world):
    assert_agreement_on(world)


# --- buffers ------------------------------------------------------------------------------------------------


BY_ORDER = {"voluntary": 0.0, "emergency_or_interim": 1.0, "during_proceedings": 0.0}


def crowd(entries: float, **changes) -> World:
    """A year of one court, one team and families of three, all of whom enter in the first month."""
    return World(
        shape=(1, 1, 1, 1),
        changes={
            "simulation.start_date": dt.date(2018, 1, 1),
            "simulation.end_date": dt.date(2018, 9, 1),
            "simulation.starts_with": "empty",
            "boroughs.borough_0.entries": [
                {"from": dt.date(2000, 1, 1), "value": entries},
                {"from": dt.date(2018, 2, 1), "value": 0},
            ],
            "population.children_per_family": {"one": 0.0, "two": 0.0, "three": 1.0},
            "population.split_with_two_siblings": 1.0,
            "population.pair_kept_together": 0.0,
            "courts.court_0.sitting_days_per_week": always(2000),
            "lift.teams.team_0.social_workers": always(50),
            "trial.target_families": 1_000_000,
            **changes,
        },
    )


def test_on_thousands_of_siblings_in_few_groups_and_in_many():
    run = assert_agreement_on(crowd(40_000))
    assert (run.state.tables["children"]["index"] >= 0).sum() > 3000
    assert run.state.tables["families"]["n_groups"].max() == 3


def test_on_tens_of_thousands_of_families_whatever_the_room():
    """Too many for SimPy in a test: the compiled driver, with room for one event and for all of them."""
    world = crowd(100_000, **{"simulation.end_date": dt.date(2018, 8, 1), "entry.route": BY_ORDER})
    world.changes["boroughs.borough_0.entries"] = always(100_000)
    state = world.state()
    assert len(state.tables["families"]) > 15_000
    small, large = (compiled_pathway().run(state, log_room=room) for room in (1, 1 << 22))
    assert len(small.events) > 300_000
    assert difference(world.lowered, small, large) is None


@pytest.mark.parametrize("room", [2, 1000])
def test_every_family_pends_at_once(room):
    """All hold, wait or queue from the first day to the last; nothing ends but the run."""
    for_ever = Duration.of("constant", value=1e6)
    world = crowd(
        20_000,
        **{
            "entry.issue_after_voluntary": Duration.of("constant", value=0.0),
            "entry.issue_after_voluntary_under_one": Duration.of("constant", value=0.0),
            "entry.voluntary_never_in_proceedings": 0.0,
            "proceedings.notice.case_management": for_ever,
            "proceedings.notice.interim": for_ever,
            "lift.teams.team_0.social_workers": always(0),
            "lift.teams.team_0.other_referrals": always(3000),
            "lift.patience": {"value": 1e6, "unit": "days"},
            "placements.bridging.stay": for_ever,
            "entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0},
        },
    )
    run = assert_agreement_on(dataclasses.replace(world, log_room=room))
    use = run.resources[0]  # of the social workers; the others are not needed
    assert use["longest_queue"] == use["asked"] > 1500
    assert np.isnan(run.state.tables["cases"]["decided"]).all()


@pytest.mark.slow
def test_on_twenty_thousand_families_by_both_drivers():
    world = crowd(90_000)
    world.changes["boroughs.borough_0.entries"] = always(90_000)
    run = assert_agreement_on(world)
    assert len(run.state.tables["families"]) > 15_000


@pytest.mark.slow
def test_no_index_leaves_its_array(tmp_path):
    """Compiled anew with every index checked, in a process of its own: what lies beside an array is never touched."""
    script = (
        "import sys; sys.path[:0] = sys.argv[1].split('|')\n"
        "import numba; assert numba.config.BOUNDSCHECK\n"
        "import test_any_scenario as tests\n"
        "tests.test_on_any_scenario()\n"
        "tests.test_every_family_pends_at_once(2)\n"
        "tests.test_on_thousands_of_siblings_in_few_groups_and_in_many()\n"
    )
    environment = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "BEST_SIM_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script, "|".join(path for path in sys.path if path)],
        capture_output=True, check=False, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


# --- what once could not be run -----------------------------------------------------------------------------


STAFF = ("social_workers", "psychologists", "psychiatrists")


def test_a_court_keeps_all_of_a_tuesday_for_urgent_hearings():
    """What is left for others may round to less than zero."""
    court = {
        "courts.court_0.urgent_share": 0.4,
        "courts.court_0.hours_per_sitting_day": 1.2194303594778262,
        "courts.court_0.sitting_days_per_week": always(5000),
    }
    assert_agreement_on(crowd(100, **court))


@pytest.mark.parametrize(
    ("changes", "key", "allowed"),
    [
        (
            {"trial.allocation.method": "simple", "trial.allocation.block_sizes": [2] * 9},
            "trial.allocation.block_sizes",
            "0 to 8 sizes",
        ),
        (
            {
                f"lift.teams.team_0.{name}": [
                    {"from": dt.date(2015, 1, 1) + dt.timedelta(days=3 * i + k), "value": 1.0}
                    for i in range(17)
                ]
                for k, name in enumerate(STAFF)
            },
            "lift.teams.team_0.social_workers",
            "at most 48 dates in all",
        ),
    ],
)
def test_what_there_is_no_room_for_is_refused(changes, key, allowed):
    """More block sizes than the world has places for, though allocation is simple; staff that change too often."""
    with pytest.raises(ScenarioError) as refused:
        assert crowd(100, **changes).scenario
    (problem,) = refused.value.problems
    assert problem.key == key and problem.allowed == allowed


def test_a_place_that_is_granted_at_the_moment_of_the_order():
    """Two cases end in one morning: the place that one gives back is granted to the other, whose signal is lost.

    Its assessment begins though the order is made, and is still there when the next proceedings want to start it.
    """
    assert_agreement_on(
        World(
            shape=(1, 1, 1, 2),
            changes={
                "proceedings.most_adjournments": 0,
                "orders.child_arrangements.intercept": 10,
                "sau.assessor": {
                    "in_house": 0.5,
                    "independent_social_worker": 0.3125,
                    "external_expert": 0.1875,
                },
                "sau.places.independent_social_worker": 1,
                "placements.unplanned.foster": 1.0,
                "placements.breakdown.child_arrangements": 10.0,
                "population.children_per_family": {"one": 0.0, "two": 0.0, "three": 1.0},
                "boroughs.borough_1.entries": [
                    {"from": dt.date(2000, 1, 1), "value": 821.8125},
                    {"from": dt.date(2017, 10, 28), "value": 0.0},
                ],
            },
            replicate=2,
        )
    )


# --- how a difference is told -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def family_of_two():
    """A plain world with a run whose tables can be tampered with."""
    world = plain_world(
        {
            "simulation.end_date": after(400),
            f"{BOROUGH}.entries": always(40),
            "population.children_per_family": {"one": 0.0, "two": 1.0, "three": 0.0},
        }
    )
    lowered = lower(world)
    return lowered, compiled_pathway().run(state_of(lowered, 3, 0))


def doctored(run: Run, **parts) -> Run:
    return dataclasses.replace(run, **parts)


def test_an_event_that_differs_is_told_as_who_when_expected_got_and_before(family_of_two):
    lowered, run = family_of_two
    events = run.events.copy()
    at = int(np.flatnonzero(events["event"] == W.ORDER_MADE)[5])
    events["value"][at] += 1
    row, group = run.events[at], run.state.tables["groups"][run.events["subject"][at]]
    value = float(row["value"])
    told = difference(lowered, run, doctored(run, events=events)).splitlines()
    who = f"group {row['subject']}, 2 children of family {group['family']} of glasgow, 2 children"
    day = dt.date(2018, 1, 1) + dt.timedelta(days=int(row["time"]))
    assert told[0] == f"event {at} differs: {who}, day {float(row['time'])!r} ({day})"
    means = "[order, by number in ORDERS]"
    assert told[1] == f"  expected (SimPy): order_made with {value!r} {means}"
    assert told[2] == f"  got (compiled): order_made with {value + 1!r} {means}"
    assert told[3] == "  before it:"
    assert [line.split(":")[1].split(" with")[0].strip() for line in told[4:8]] == [
        W.EVENTS[each].name for each in run.events["event"][at - 4 : at]
    ]
    if len(told) > 8:
        assert told[8] == "  of the same before it:"
        assert all(f"family {group['family']} of glasgow" in line for line in told[9:])


def test_a_time_that_is_off_by_the_last_bit_is_told_in_full(family_of_two):
    lowered, run = family_of_two
    events = run.events.copy()
    events["time"][100] = np.nextafter(events["time"][100], np.inf)
    told = difference(lowered, run, doctored(run, events=events)).splitlines()
    assert told[0].startswith("event 100 differs: ")
    assert f"at day {float(events['time'][100])!r} (" in told[2]
    assert "at day" not in told[1]


def test_an_event_of_somebody_else_or_none_is_told_with_whom(family_of_two):
    lowered, run = family_of_two
    events = run.events.copy()
    of_group = np.array([event.subject == "group" for event in W.EVENTS])[events["event"]]
    k = 40 + int(np.flatnonzero(of_group[41:] & ~of_group[40:-1])[0])
    events[[k, k + 1]] = events[[k + 1, k]]
    told = difference(lowered, run, doctored(run, events=events))
    assert told.startswith(f"event {k} differs: ")
    assert ", to group " in told.splitlines()[2]
    told = difference(lowered, run, doctored(run, events=run.events[:-1])).splitlines()
    assert told[0].startswith(f"event {len(run.events) - 1} differs: ")
    assert told[2] == "  got (compiled): the end of the record"
    told = difference(lowered, doctored(run, events=run.events[:-1]), run).splitlines()
    assert told[1] == "  expected (SimPy): the end of the record"


def test_an_event_that_makes_no_sense_is_told_too(family_of_two):
    lowered, run = family_of_two
    events = run.events.copy()
    events[60] = (1e300, -5, 10**6, np.nan)
    told = difference(lowered, run, doctored(run, events=events)).splitlines()
    assert told[2] == (
        "  got (compiled): event -5, which there is not, with nan, at day 1e+300 (no date), to subject 1000000"
    )


def tampered(run: Run, table: str, index: int, field: str, value) -> Run:
    state = run.state.copy()
    state.tables[table][field][index] = value
    return doctored(run, state=state)


def test_a_row_that_differs_is_told_as_whose_field_and_cell(family_of_two):
    lowered, run = family_of_two
    child = int(np.flatnonzero(run.state.tables["children"]["index"] >= 0)[7])
    row = run.state.tables["children"][child]
    frailty = np.nextafter(row["frailty"], 2.0)
    told = difference(lowered, run, tampered(run, "children", child, "frailty", frailty)).splitlines()
    assert told[0].startswith(
        f"children {child}, frailty differs at the end: child {child}, {row['age_at_entry']:.0f} days old at entry, "
        f"in group {row['group']} of family {row['family']} of glasgow, 2 children, last heard of on day "
    )
    assert told[1:3] == [f"  expected (SimPy): {row['frailty']}", f"  got (compiled): {frailty}"]
    assert told[3] == "  of the same before it:"
    assert f"family {row['family']} of glasgow" in told[4]
    moves = row["moves_then"].copy()
    moves[2] = 77
    told = difference(lowered, run, tampered(run, "children", child, "moves_then", moves))
    assert told.startswith(f"children {child}, moves_then[2] differs at the end")


def test_a_zero_of_the_other_sign_and_another_nan_are_differences(family_of_two):
    lowered, run = family_of_two
    zero = int(np.flatnonzero(run.state.tables["groups"]["clock_since"] == 0.0)[0])
    told = difference(lowered, run, tampered(run, "groups", zero, "clock_since", -0.0))
    assert "expected (SimPy): 0.0" in told and "got (compiled): -0.0" in told
    nan = int(np.flatnonzero(np.isnan(run.state.tables["families"]["ineligible"]))[0])
    other = np.array([0x7FF8000000000001], np.uint64).view(np.float64)[0]
    told = difference(lowered, run, tampered(run, "families", nan, "ineligible", other))
    assert "nan (000000000000f87f)" in told and "nan (010000000000f87f)" in told


def test_accounts_diaries_and_commands_are_compared_too(family_of_two):
    lowered, run = family_of_two
    resources = run.resources.copy()
    resources["gave_up"][0] += 1
    told = difference(lowered, run, doctored(run, resources=resources))
    assert told.startswith("resources 0, gave_up differs at the end")
    state = run.state.copy()
    state.diaries[1, 4] += 0.5
    assert difference(lowered, run, doctored(run, state=state)).startswith("diaries 1[4] differs at the end")
    assert difference(lowered, run, doctored(run, n_steps=1)).startswith("the number of commands carried out")
    assert difference(lowered, run, run) is None


def test_journeys_are_compared_in_the_same_words(short_run):
    record = short_run.record.copy()
    at = int(np.flatnonzero(record["event"] == W.PLACED_ON_ENTRY)[40])
    record["value"][at] += 1
    told = first_difference_of_journeys(
        short_run, dataclasses.replace(short_run, event_record=record)
    ).splitlines()
    assert told[0].startswith(f"event {at} differs: group {record['subject'][at]}, ")
    assert told[2].startswith(f"  got: placed_on_entry with {float(record['value'][at])!r} ")
    tables = {**short_run.tables, "groups": short_run.tables["groups"].copy()}
    tables["groups"]["frailty"][3] += 1e-15
    told = first_difference_of_journeys(short_run, dataclasses.replace(short_run, tables=tables))
    assert told.startswith("groups 3, frailty differs at the end: group 3")
    assert first_difference_of_journeys(short_run, dataclasses.replace(short_run)) is None
