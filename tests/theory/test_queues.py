"""Queues and crowds against queueing theory: Erlang C, Little's law, M/G/infinity."""

from __future__ import annotations

import numpy as np
import pytest
from oracles.queues import erlang_c, mean_wait
from scipy import stats
from small_worlds import (
    BOROUGH,
    COURT,
    MONDAY,
    TEAM,
    after,
    always,
    assert_agrees,
    controlled_mean,
    even,
    exponential,
    in_days,
    mean_and_error,
    plain_world,
    rows,
    run,
)

from best_sim.measures.workload import clinician_time
from best_sim.pathway import words as W
from best_sim.pathway.lowering import lower
from best_sim.scenario import Duration
from best_sim.scenario.bank_holidays import bank_holidays

pytestmark = pytest.mark.theory


# --- Erlang C -----------------------------------------------------------------------------------------------
def test_other_referrals_wait_as_erlang_c_says():
    places, load, per_day, span = 4, 2.0, 20.0, 3000
    mean = load / per_day
    world = lower(
        plain_world(
            {
                "simulation.end_date": after(span),
                f"{BOROUGH}.entries": always(0),
                f"{TEAM}.social_workers": always(places),
                f"{TEAM}.other_referrals": always(per_day * 365.25),
                f"{TEAM}.other_stay": exponential(mean),
            }
        )
    )
    periods = []
    for replicate in range(80):
        others = run(world, replicate=replicate).tables["others"]
        others = others[~np.isnan(others["ended"])]
        wait, stay = others["started"] - others["asked"], others["ended"] - others["started"]
        which = (others["started"] // 10.0).astype(int)  # ten days: a hundred mean stays
        figures = (np.ones(len(wait)), wait > 0.0, wait, stay - mean)
        periods.append(np.stack([np.bincount(which, weights=x)[1 : span // 10 - 1] for x in figures], axis=1))
    begun, waited, days_waited, longer = np.concatenate(periods).T
    expected = 10.0 * per_day
    controls = np.stack([begun - expected, longer], axis=1)
    assert_agrees(*mean_and_error(begun), expected, "other families in ten days")
    assert_agrees(*mean_and_error(mean + longer / expected), mean, "mean stay, days")
    share, error = controlled_mean(waited / expected, controls)
    assert_agrees(share, error, erlang_c(load, places), "share of other families that wait")
    wait, error = controlled_mean(days_waited / expected, controls)
    assert_agrees(wait, error, mean_wait(per_day, mean, places), "mean wait, days")


# --- Little's law -------------------------------------------------------------------------------------------
def time_spent(since, until, begin, end):
    """Days between two times that lie in the window; NaN: not yet."""
    until = np.where(np.isnan(until), np.inf, until)
    return np.maximum(0.0, np.minimum(until, end) - np.maximum(since, begin)).sum()


@pytest.fixture(scope="module")
def limited():
    """The default trial, with few parenting assessors of each kind."""
    from best_sim.scenario import Scenario

    scenario = Scenario.load("trial-as-run").replace(
        {
            "sau.places.in_house": 12,
            "sau.places.independent_social_worker": 8,
            "sau.places.external_expert": 5,
        }
    )
    return run(scenario)


def test_littles_law_on_every_lift_team(trial_run):
    """Length of the queue over time, kept by the driver, is the sum of the waits told by the event record.

    A family waits in the lines of several professions, one after another, and holds what it was given while it waits
    for the rest: so the waits are those of all lines together, and so much more is held than was worked.
    """
    f, o = trial_run.tables["families"], trial_run.tables["others"]
    begin, end = trial_run.start, trial_run.end
    use = trial_run.resources.set_index("resource")
    work = clinician_time(trial_run)
    for number, name in enumerate(trial_run.names["teams"]):
        mine = f[(f["team"] == number) & (f["lift_waited"] == 1)]
        theirs = o[(o["team"] == number) & (o["asked"] <= end)]
        waits = time_spent(mine["lift_asked"], np.fmin(mine["lift_started"], mine["settled"]), begin, end)
        waits += time_spent(theirs["asked"], np.fmin(theirs["started"], theirs["gave_up"]), begin, end)
        lines = [f"lift.{name}.{profession}" for profession in W.PROFESSIONS]
        # treatments wait too, in the same lines
        assert use.loc[lines, "mean_waiting"].sum() * (end - begin) >= waits * (1 - 1e-9) > 100.0
        for k, line in enumerate(lines):
            of = (work.team == number) & (work.profession == k)
            places = time_spent(
                work.start[of], np.where(np.isinf(work.end[of]), np.nan, work.end[of]), begin, end
            )
            held = use.loc[line, "mean_in_use"] * (end - begin)
            assert places * (1 - 1e-9) <= held <= 1.1 * places, "a place is held while no work is done"


def test_littles_law_on_every_pool_of_assessors(limited):
    use = limited.resources.set_index("resource")
    table = limited.assessments
    begin, end = limited.start, limited.end
    for number, name in enumerate(W.ASSESSORS[:3]):
        mine = table[(table["assessor"] == name)]
        # an order, or LIFT, may come first: then the case leaves the queue, or the place, before it is asked again
        steps = rows(limited, (W.ASSESSOR_ASKED, W.ASSESSMENT_LEFT))
        gone_at = []
        for case in mine.groupby("case", sort=False)["case"].first():
            of_case = steps[steps["subject"] == case]
            asked = np.flatnonzero(of_case["event"] == W.ASSESSOR_ASKED)
            for this, following in zip(asked, [*asked[1:], len(of_case)], strict=True):
                if of_case["value"][this] == number:
                    gone_at.append((case, of_case["time"][this + 1] if this + 1 < following else np.nan))
        mine = mine.sort_values("case", kind="stable")
        gone_at = np.array([at for _, at in sorted(gone_at, key=lambda one: one[0])])
        finish = mine["in_days"].to_numpy(float)
        start = mine["started_days"].to_numpy(float)
        waits = time_spent(mine["asked_days"], np.fmin(start, gone_at), begin, end)
        begun = ~np.isnan(start)
        places = time_spent(start[begun], np.fmin(finish, gone_at)[begun], begin, end)
        row = use.loc[f"sau.{name}"]
        assert waits > 100.0, f"{name}, {number}: nobody waits, so nothing is tested"
        assert row["mean_waiting"] * (end - begin) == pytest.approx(waits, rel=1e-9)
        assert row["mean_in_use"] * (end - begin) == pytest.approx(places, rel=1e-9)


def test_littles_law_on_every_courts_listings(trial_run):
    """Hearings listed and not yet held, counted over time, against the wait that each listing was given.

    Final hearings are left out: those of several days are held on their last. The number is counted from times of
    listing and of sitting; the waits are what the court told when it listed.
    """
    listed, held = rows(trial_run, W.HEARING_LISTED[:-1]), rows(trial_run, W.HEARING_HELD)
    held = held[held["value"] != W.FINAL_HEARING]
    families = trial_run.tables["cases"]["family"]
    court_of = trial_run.tables["families"]["court"][families]
    english = [k for k, law in enumerate(trial_run.names["jurisdictions"]) if law != "Scotland"]
    assert english
    for court in english:  # a sheriff's listings are no part of these
        mine = listed[court_of[listed["subject"]] == court]
        done = held[court_of[held["subject"]] == court]
        changes = np.concatenate([mine["time"], done["time"]])
        steps = np.concatenate([np.ones(len(mine)), -np.ones(len(done))])
        order = np.argsort(changes, kind="stable")
        waiting = np.cumsum(steps[order])
        spans = np.diff(np.append(changes[order], trial_run.end))
        waits = np.minimum(mine["value"], trial_run.end - mine["time"]).sum()
        assert (waiting >= 0).all()
        assert (waiting * spans).sum() == pytest.approx(waits, rel=1e-9)
        assert (waiting * spans).sum() / (trial_run.end - trial_run.start) > 1.0


# --- M/G/infinity -------------------------------------------------------------------------------------------
def test_children_in_care_are_poisson_where_nobody_waits_for_anything(many_boroughs):
    """Voluntary stays end by themselves: entries x mean stay children are in care, and their number is Poisson.

    No stay is longer than 20 days, so counts 20 days apart are independent; each borough is a sample of its own.
    """
    per_day, longest = 0.2, 20.0
    span = 3640
    world = lower(
        many_boroughs(
            per_day * 365.25,
            {
                "simulation.end_date": after(span),
                "entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0},
                "entry.voluntary_never_in_proceedings": 1.0,
                "entry.voluntary_stay": even(0.0, longest),
            },
        )
    )
    looks = np.arange(longest, span, longest)
    counts = []
    for replicate in range(16):
        journeys = run(world, replicate=replicate)
        entry, home = rows(journeys, W.PLACED_ON_ENTRY), rows(journeys, W.MOVED_AS_PLANNED)
        assert (entry["value"] == W.FOSTER).all() and (home["value"] == W.HOME).all()
        borough = journeys.tables["families"]["borough"]
        change = np.zeros((40, len(looks) + 1))
        for events, sign in ((entry, 1.0), (home, -1.0)):
            np.add.at(change, (borough[events["subject"] // 3], np.searchsorted(looks, events["time"])), sign)
        counts.append(np.cumsum(change, axis=1)[:, :-1].ravel())
    counts = np.concatenate(counts)
    exact = per_day * longest / 2.0
    assert_agrees(*mean_and_error(counts), exact, "mean number in care")
    assert_agrees(*mean_and_error((counts - exact) ** 2), exact, "its variance")
    top = 8
    seen = np.bincount(np.minimum(counts, top).astype(int), minlength=top + 1)
    share = np.append(stats.poisson(exact).pmf(np.arange(top)), stats.poisson(exact).sf(top - 1))
    assert stats.chisquare(seen, len(counts) * share).pvalue > 6e-5  # 4 standard errors of a normal


@pytest.mark.parametrize(
    "stay",
    [Duration.of("constant", value=30.0), Duration.of("lognormal", mean=30.0, cv=1.0)],
    ids=lambda stay: stay.distribution,
)
def test_stays_of_any_shape_give_the_same_crowd(many_boroughs, stay):
    """M/G/infinity is insensitive: only the mean of the stay matters."""
    per_day, begin, span = 0.5, 650.0, 3650
    world = lower(
        many_boroughs(
            per_day * 365.25,
            {
                "simulation.end_date": after(span),
                "entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0},
                "entry.voluntary_never_in_proceedings": 1.0,
                "entry.voluntary_stay": stay,
            },
        )
    )
    crowds = []
    for replicate in range(3):
        journeys = run(world, replicate=replicate)
        borough = journeys.tables["families"]["borough"]
        placed = journeys.group_placements
        placed = placed[placed["in_care"]]
        until = np.fmin(placed["end_days"].fillna(np.inf).to_numpy(), span)
        spent = np.maximum(0.0, until - np.maximum(placed["start_days"], begin))
        crowds.append(np.bincount(borough[placed["family"]], weights=spent, minlength=40))
    crowds = np.concatenate(crowds) / (span - begin)
    assert len(crowds) == 120
    assert_agrees(*mean_and_error(crowds), per_day * stay.mean, "mean number in care")


def test_a_court_short_of_time_falls_behind_by_what_is_lacking():
    """Of two cases a day the court hears one each working day; others wait, in order, and no sitting day is lost."""
    span, per_day = 700, 2.0
    journeys = run(
        plain_world(
            {
                "simulation.end_date": after(span),
                f"{BOROUGH}.entries": always(per_day * 365.25),
                # 31.25 hours a week: a fifth a day, of which two fifths, 2.5 hours, are for first hearings
                f"{COURT}.sitting_days_per_week": always(12.5),
                f"{COURT}.hours_per_sitting_day": 2.5,
                f"{COURT}.urgent_share": 0.4,
                "proceedings.hours.case_management": 2.5,
                "proceedings.timetable": in_days(10000),
            }
        )
    )
    held = rows(journeys, W.HEARING_HELD)
    day = np.floor(held["time"]).astype(int)
    first = day[0]
    holidays = [
        (day - MONDAY).days for year in (2018, 2019) for day in bank_holidays("England and Wales", year)
    ]
    sitting = np.array([d for d in range(first, span) if d % 7 < 5 and d not in holidays])
    assert day[5:].tolist() == sitting[5 - len(day) :].tolist()
    asked = rows(journeys, W.PROCEEDINGS_ISSUED)
    # with the same notice for all, first come is first heard
    issued = dict(zip(asked["subject"].tolist(), asked["time"].tolist(), strict=True))
    assert (np.diff([issued[case] for case in held["subject"].tolist()]) >= 0.0).all()
    # deterministic service, saturated: the n-th case is heard on the n-th sitting day
    assert len(held) < 0.4 * len(asked)
