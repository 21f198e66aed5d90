"""Unplanned moves against renewal and survival theory: constant, shared and changing hazards."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from small_worlds import (
    BOROUGH,
    after,
    always,
    are_working_days,
    assert_agrees,
    days,
    exponential,
    in_days,
    mean_and_error,
    plain_world,
    rows,
    run,
)

from best_sim.pathway import words as W
from best_sim.scenario.durations import YEAR

pytestmark = pytest.mark.theory

FLOOR = 6e-5
"""The p value of a deviation of 4 standard errors."""

IN_CARE = {
    "entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0},
    "entry.voluntary_never_in_proceedings": 1.0,
    f"{BOROUGH}.entries": always(90_000),
}
"""Children come into care and stay there, without proceedings; nobody but the hazard moves them."""


def moves(journeys, within):
    """Of groups seen for so many days after entry: how often each moved, and all gaps between its placements."""
    placed = rows(journeys, W.PLACED)
    group = placed["subject"].astype(np.int64)
    order = np.lexsort((np.arange(len(placed)), group))
    group, time, event = group[order], placed["time"][order], placed["event"][order]
    first = np.append(True, group[1:] != group[:-1])
    entered = np.maximum.accumulate(np.where(first, np.arange(len(group)), 0))
    since_entry = time - time[entered]
    watched = time[entered] + within <= journeys.end
    moved = (event == W.MOVED_UNPLANNED) & watched & (since_entry <= within)
    counts = np.bincount(np.cumsum(first) - 1, weights=moved)[watched[first]]
    return counts, group[first][watched[first]]


def first_stays(journeys, event=W.MOVED_UNPLANNED):
    """Days from entry to the first move."""
    began = rows(journeys, W.PLACED_ON_ENTRY)
    start = dict(zip(began["subject"].tolist(), began["time"].tolist(), strict=True))
    later = rows(journeys, event)
    _, index = np.unique(later["subject"], return_index=True)
    later = later[index]
    stays = later["time"] - np.array([start[g] for g in later["subject"].tolist()])
    return stays, np.array(list(start.values())), later["subject"]


def all_unplanned(rate):
    return {f"placements.unplanned.{name}": rate for name in ("foster", "kinship_foster", "residential")}


def test_moves_at_a_constant_hazard_are_poisson():
    rate, within = 4.0, 0.75 * YEAR
    world = plain_world({**IN_CARE, **all_unplanned(rate), "simulation.end_date": after(700)})
    counts, _ = moves(run(world), within)
    exact = rate * within / YEAR
    assert_agrees(*mean_and_error(counts), exact, "mean number of moves")
    assert_agrees(*mean_and_error((counts - exact) ** 2), exact, "its variance")
    top = 12
    seen = np.bincount(np.minimum(counts, top).astype(int), minlength=top + 1)
    share = np.append(stats.poisson(exact).pmf(np.arange(top)), stats.poisson(exact).sf(top - 1))
    assert stats.chisquare(seen, len(counts) * share).pvalue > FLOOR


def test_gaps_at_a_constant_hazard_are_exponential():
    rate, within = 20.0, YEAR  # nearly nobody stays a year in the first placement
    world = plain_world(
        {
            **IN_CARE,
            **all_unplanned(rate),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 90_000}, {"from": after(200), "value": 0}],
            "simulation.end_date": after(200 + within),
        }
    )
    journeys = run(world)
    placed = journeys.group_placements
    for number in (0, 1, 4):
        stay = placed[placed["number"] == number]
        gaps = (stay["end_days"] - stay["start_days"]).to_numpy()
        assert np.isnan(gaps).mean() < 1e-4
        gaps = gaps[~np.isnan(gaps)]
        assert len(gaps) > 40_000
        assert_agrees(*mean_and_error(gaps), YEAR / rate, f"mean of gap {number}")
        assert stats.kstest(gaps * rate / YEAR, "expon").pvalue > FLOOR


@pytest.mark.parametrize("sd", [0.3, 0.5])
def test_frailty_makes_moves_overdispersed_as_computed(sd):
    """Poisson given a lognormal frailty of mean one: variance m + m^2 (exp(sd^2) - 1)."""
    rate, within = 8.0, YEAR
    world = plain_world(
        {**IN_CARE, **all_unplanned(rate), "population.frailty_sd": sd, "simulation.end_date": after(720)}
    )
    counts, _ = moves(run(world), within)
    assert_agrees(*mean_and_error(counts), rate, "mean number of moves")
    spread = math.sqrt(rate + rate**2 * (math.exp(sd**2) - 1))
    simulated = math.sqrt(((counts - rate) ** 2).mean())
    _, error = mean_and_error((counts - rate) ** 2)
    assert_agrees(simulated, error / (2 * simulated), spread, "its standard deviation")


def test_siblings_share_need_and_not_frailty():
    """Groups of one family move alike by as much as need, which they share, makes them."""
    rate, within, effect = 6.0, YEAR, 0.4
    world = plain_world(
        {
            **IN_CARE,
            **all_unplanned(rate),
            "population.frailty_sd": 0.5,
            "placements.unplanned.need": effect,
            "population.children_per_family": {"one": 0.0, "two": 1.0, "three": 0.0},
            "population.split_with_one_sibling": 1.0,
            "simulation.end_date": after(900),
        }
    )
    counts, group = moves(run(world), within)
    assert (group[::2] // 3 == group[1::2] // 3).all()
    one, other = counts[::2], counts[1::2]
    mean = rate * math.exp(effect**2 / 2)
    assert_agrees(*mean_and_error((one + other) / 2), mean, "mean number of moves")
    # E[N1 N2] = rate^2 E[exp(2 effect Z)]
    assert_agrees(
        *mean_and_error(one * other),
        rate**2 * math.exp(2 * effect**2),
        "product of siblings' moves",
        catches=0.03,
    )


def test_a_hazard_that_changes_on_the_way_is_spent_at_each_rate():
    """Allocation to LIFT changes the hazard of those already placed: what is spent is spent, the rest goes faster."""
    rate, ratio = 5.0, 2.5
    world = plain_world(
        {
            **all_unplanned(rate),
            "placements.unplanned.lift_hazard_ratio": ratio,
            "placements.planned.long_term_delay": days(1e6),
            "proceedings.timetable": in_days(1e5),
            "trial.consent_delay": days(20),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 90_000}, {"from": after(100), "value": 0}],
            "simulation.end_date": after(100 + 6 * YEAR),
        }
    )
    for arm, after_allocation in (("LIFT", ratio), ("SAU", 1.0)):
        journeys = run(world, arm=arm)
        stays, _, group = first_stays(journeys)
        f = journeys.tables["families"][group // 3]
        until = np.clip(f["randomised"] - f["entered"], 0.0, stays)
        unit = (until + after_allocation * (stays - until)) * rate / YEAR
        assert len(unit) > 20_000
        assert (until < stays).mean() > 0.2
        assert (until == stays).mean() > 0.2
        assert stats.kstest(unit, "expon").pvalue > FLOOR, arm


def test_home_breaks_down_for_the_share_set_and_less_often_in_each_year_after():
    share, second, later = 0.3, 0.2, 0.05
    world = plain_world(
        {
            **IN_CARE,
            "entry.voluntary_stay": days(10),
            "placements.breakdown.home_first_year": share,
            "placements.breakdown.home_second_year": second,
            "placements.breakdown.home_later": later,
            f"{BOROUGH}.entries": [{"from": after(0), "value": 90_000}, {"from": after(330), "value": 0}],
            "simulation.end_date": after(1440),
        }
    )
    placed = run(world).group_placements
    home = placed[(placed["type"] == "home") & (placed["start_days"] <= 1440 - 3 * YEAR)]
    home = home.groupby("group").first()
    stay = (home["end_days"] - home["start_days"]).fillna(np.inf).to_numpy()
    n = len(home)
    assert n > 70_000
    for years, survive in (
        (1, 1 - share), (2, (1 - share) * math.exp(-second)), (3, (1 - share) * math.exp(-second - later)),
    ):  # fmt: skip
        error = math.sqrt(survive * (1 - survive) / n)
        assert_agrees((stay > years * YEAR).mean(), error, survive, f"still at home after {years} years")


def test_a_planned_move_and_an_unplanned_one_compete():
    """An exponential planned delay against a constant hazard: the planned one comes first with its share of the rates.

    The first move is looked at; the plan survives an unplanned one.
    """
    rate, mean = 4.0, 60.0
    world = plain_world(
        {
            **all_unplanned(rate),
            "proceedings.timetable": in_days(1e5),
            "population.kin_available_share": 1.0,
            "placements.planned.to_kin_share": 1.0,
            "placements.planned.to_kin_delay": exponential(mean),
            "simulation.end_date": after(1300),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 90_000}, {"from": after(320), "value": 0}],
        }
    )
    placed = run(world).group_placements
    first = placed[placed["number"] == 0]
    ended = first["ended_by"].astype(str).to_numpy()
    exact = (1 / mean) / (1 / mean + rate / YEAR)
    planned = (ended == "planned_move").mean()
    assert (ended == "open").mean() < 1e-4
    assert_agrees(
        planned, math.sqrt(exact * (1 - exact) / len(ended)), exact, "first moves that were planned"
    )
    stay = (first["end_days"] - first["start_days"]).dropna().to_numpy()
    assert stats.kstest(stay * (1 / mean + rate / YEAR), "expon").pvalue > FLOOR


def test_bridging_placements_follow_one_another_as_often_as_a_geometric_number():
    """With p at first and q after each, p / (1 - q) bridges a child, each of its mean length, and then a carer."""
    first, again, stay = 0.3, 0.4, 9.0
    world = plain_world(
        {
            **IN_CARE,
            "population.newborn_share_of_under_one": 0.0,
            "placements.bridging.first_share": first,
            "placements.bridging.again_share": again,
            "placements.bridging.stay": exponential(stay),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 90_000}, {"from": after(100), "value": 0}],
            "simulation.end_date": after(500),
        }
    )
    placed = run(world).group_placements
    bridge = (placed["type"] == "bridging_foster").to_numpy()
    number = np.bincount(placed["group"].to_numpy()[bridge], minlength=placed["group"].max() + 1)
    number = number[np.unique(placed["group"])]
    assert_agrees(
        *mean_and_error(number), first / (1 - again), "bridging placements of a child", catches=0.05
    )
    days_there = (placed["end_days"] - placed["start_days"]).to_numpy()[bridge]
    assert np.isfinite(days_there).all()
    assert_agrees(*mean_and_error(days_there), stay, "length of a bridge", catches=0.05)
    assert (placed.groupby("group")["type"].last() == "foster").all()
    assert set(placed["began_by"].astype(str)) == {"entry", "planned_move"}


def test_plans_survive_an_unplanned_move():
    """Every child whose kin take over gets there, on the working day nearest to the day planned, however it moved."""
    world = plain_world(
        {
            **all_unplanned(6.0),
            "proceedings.timetable": in_days(1e5),
            "population.kin_available_share": 1.0,
            "placements.planned.to_kin_share": 1.0,
            "placements.planned.to_kin_delay": days(90),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 3_000}, {"from": after(100), "value": 0}],
            "simulation.end_date": after(400),
        }
    )
    journeys = run(world)
    placed = journeys.group_placements
    kin = placed[placed["type"] == "kinship_foster"].groupby("group").first()
    entered = placed[placed["number"] == 0].set_index("group")["start_days"]
    assert len(kin) == len(entered) > 700
    due = entered.to_numpy() + 90.0
    later = kin["start_days"].to_numpy() - due
    assert (
        later == pytest.approx(np.round(later))
        and are_working_days(journeys, due + later, "England and Wales").all()
    )
    for nearer in (0, 1, -1, 2, -2, 3, -3):  # no working day is nearer than the one on which they move
        passed_by = np.abs(later) > abs(nearer) + 1e-6
        assert not are_working_days(journeys, due[passed_by] + nearer, "England and Wales").any()
    assert (kin["number"] > 1).mean() > 0.5
