"""What single parameters do, each at a value that nobody would choose."""

from __future__ import annotations

import math
from types import SimpleNamespace as Record

import numpy as np
import pytest
from small_worlds import (
    BOROUGH,
    SITE,
    TEAM,
    after,
    always,
    are_working_days,
    days,
    in_days,
    plain_world,
    rows,
    run,
)

from best_sim.pathway import words as W
from best_sim.pathway.rules.placements import (
    BY_ARRANGEMENT,
    days_until_hazard,
    hazard_spent,
    hazard_weight,
    kind_of_hazard,
)
from best_sim.scenario.durations import YEAR


def lift_world(**changes):
    """Every family is allocated to LIFT as it becomes known; the assessment takes 60 days, the treatment 100."""
    return plain_world(
        {
            "simulation.end_date": after(700),
            "sites.glasgow.consent": 1.0,
            "trial.allocation.lift_share": 0.99,
            "proceedings.timetable": in_days(400),
            f"{BOROUGH}.entries": always(200),
            f"{TEAM}.assessment": days(60),
            f"{TEAM}.treatment": days(100),
            **{name.replace("__", "."): value for name, value in changes.items()},
        }
    )


@pytest.mark.parametrize("part", [0.0, 0.25, 1.0])
def test_a_family_leaves_the_assessment_after_the_part_that_is_given(part):
    journeys = run(lift_world(lift__leaves_in_assessment=1.0, lift__leaves_assessment_at=part))
    f = journeys.tables["families"]
    left = f[f["receipt"] == W.WITHDREW]
    assert len(left) > 50
    assert left["settled"] - left["lift_started"] == pytest.approx(np.full(len(left), 60.0 * part))


@pytest.mark.parametrize(("leaves", "takes"), [(0.0, 100.0), (1.0, 20.0)])
def test_treatment_is_reviewed_and_may_end_after_the_part_that_is_given(leaves, takes):
    journeys = run(
        lift_world(
            lift__treats=1.0,
            lift__leaves_treatment=leaves,
            lift__review_at=0.2,
            advice__intercept=-2.0,
            lift__return_may_be_possible=10.0,
        )
    )
    begun, reviewed, ended = (
        {int(row["subject"]): float(row["time"]) for row in rows(journeys, event)}
        for event in (W.TREATMENT_STARTED, W.TREATMENT_REVIEWED, W.TREATMENT_ENDED)
    )
    assert len(ended) > 50
    # what leads home is not broken off
    home = {int(row["subject"]) for row in rows(journeys, W.LIFT_RECOMMENDED) if row["value"] == 1}
    assert 5 < len(home & set(ended)) < len(ended) / 2
    for family, time in ended.items():
        assert reviewed[family] - begun[family] == pytest.approx(20.0)
        assert time - begun[family] == pytest.approx(100.0 if family in home else takes)


def test_the_share_of_infants_is_that_of_the_day_on_which_a_family_becomes_known():
    world = plain_world(
        {
            "simulation.end_date": after(200),
            f"{BOROUGH}.entries": always(50_000),
            "population.under_one_share_of_youngest": [
                {"from": after(0), "value": 0.25}, {"from": after(100), "value": 0.75}
            ],
        }
    )  # fmt: skip
    families = run(world).tables["families"]
    infant = families["youngest_days"] < YEAR
    for share, those in ((0.25, families["known_at"] < 100.0), (0.75, families["known_at"] >= 100.0)):
        n = int(those.sum())
        error = math.sqrt(share * (1 - share) / n)
        assert error < 0.005
        assert infant[those].mean() == pytest.approx(share, abs=4 * error)


def test_siblings_are_born_at_least_the_gap_apart():
    world = plain_world(
        {
            "simulation.end_date": after(100),
            f"{BOROUGH}.entries": always(30_000),
            "population.children_per_family": {"one": 0.0, "two": 1.0, "three": 0.0},
            "population.sibling_gap": in_days(700.0),
        }
    )
    ages = run(world).tables["children"]["age_at_entry"].reshape(-1, 3)[:, :2]
    gap = ages[:, 1] - ages[:, 0]
    assert len(gap) > 2_000
    assert 700.0 - 1e-9 <= gap.min() < 710.0


def test_age_and_need_multiply_the_hazard_and_earlier_moves_do_not():
    unplanned = Record(need=0.2, age=0.1, lift_hazard_ratio=0.5)
    world = Record(placements=Record(unplanned=unplanned))
    family = Record(need=1.5, entered=0.0, arm=W.LIFT)
    group = Record(in_care=1, youngest_days=YEAR, unplanned=7, frailty=2.0)
    weight = hazard_weight(world, family, group, 2.0 * YEAR)
    assert weight == pytest.approx(2.0 * math.exp(0.3 + 0.3) * 0.5)


PIECED = Record(
    hazard=np.array([[0.1, 0.02, 0.005], [0.0, 0.3, 0.0], [0.2, 0.0, 0.0]]),
    hazard_until=np.array([[30.0, 365.0, np.inf], [10.0, 20.0, np.inf], [np.inf, np.inf, np.inf]]),
)
"""Kind 0 falls off in three pieces; kind 1 is at risk from day 10 to day 20 alone; kind 2 has one piece."""


@pytest.mark.parametrize(
    ("kind", "begin", "end", "spent"),
    [
        (0, 0.0, 400.0, 30 * 0.1 + 335 * 0.02 + 35 * 0.005),
        (0, 20.0, 40.0, 10 * 0.1 + 10 * 0.02),
        (0, 400.0, 500.0, 100 * 0.005),
        (1, 0.0, 1000.0, 10 * 0.3),
        (1, 15.0, 16.0, 0.3),
        (1, 20.0, 1000.0, 0.0),
        (2, 7.0, 12.0, 1.0),
    ],
)
def test_hazard_is_spent_piece_by_piece(kind, begin, end, spent):
    assert hazard_spent(PIECED, kind, begin, end) == pytest.approx(spent)


@pytest.mark.parametrize(
    ("kind", "begin", "amount", "days"),
    [
        (0, 0.0, 2.5, 25.0),
        (0, 0.0, 3.0 + 1.0, 30.0 + 50.0),
        (0, 29.0, 0.1 + 6.7 + 0.5, 1.0 + 335.0 + 100.0),
        (0, 1000.0, 1.0, 200.0),
        (1, 0.0, 1.5, 15.0),
        (1, 0.0, 3.1, math.inf),
        (1, 25.0, 1e-9, math.inf),
        (2, 0.0, 1.0, 5.0),
    ],
)
def test_the_day_on_which_hazard_is_spent_is_found_piece_by_piece(kind, begin, amount, days):
    assert days_until_hazard(PIECED, kind, begin, amount) == pytest.approx(days)


def test_relatives_have_another_hazard_by_an_arrangement_than_as_guardians():
    def group(place, order):
        return Record(place=place, order=order)

    assert kind_of_hazard(group(W.SPECIAL_GUARDIANSHIP, W.CHILD_ARRANGEMENTS)) == BY_ARRANGEMENT
    assert kind_of_hazard(group(W.SPECIAL_GUARDIANSHIP, W.GUARDIANSHIP_ORDER)) == W.SPECIAL_GUARDIANSHIP
    # relatives who foster still, on the day of the order
    assert kind_of_hazard(group(W.KINSHIP_FOSTER, W.CHILD_ARRANGEMENTS)) == W.KINSHIP_FOSTER


@pytest.mark.parametrize(
    ("order", "rate"), [("child_arrangements", 0.9), ("special_guardianship", 0.3), ("placement_order", 0.1)]
)
def test_permanence_of_each_kind_breaks_down_at_its_own_rate(order, rate):
    world = plain_world(
        {
            "simulation.end_date": after(2200),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 9_000}, {"from": after(365), "value": 0}],
            f"{SITE}.recruiting": always(0),
            "population.kin_available_share": 1.0,
            "placements.planned.guardians_delay": days(10),
            **{f"placements.planned.adoption_{name}": days(10) for name in ("match", "placed", "order")},
            f"orders.{order}.intercept": 10.0,
            "placements.breakdown.child_arrangements": 0.9,
            "placements.breakdown.special_guardianship": 0.3,
            "placements.breakdown.adoption": 0.1,
        }
    )
    placed = run(world).group_placements
    lasting = placed[placed["type"].isin(["special_guardianship", "adopted"])].groupby("group").first()
    stay = (lasting["end_days"] - lasting["start_days"]).fillna(np.inf)
    stays = math.exp(-3.0 * rate)
    n = len(stay)
    assert n > 5_000
    error = math.sqrt(stays * (1 - stays) / n)
    assert (stay > 3 * YEAR).mean() == pytest.approx(stays, abs=4 * error)


AGES = {"one": 1.5, "two": 2.0, "three": 2.5, "four": 3.0}


def test_a_match_takes_as_long_as_the_age_at_entry_makes_it():
    world = plain_world(
        {
            "simulation.end_date": after(900),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 2_000}, {"from": after(300), "value": 0}],
            f"{SITE}.recruiting": always(0),
            "orders.placement_order.intercept": 10.0,
            "placements.planned.adoption_match": days(40),
            **{f"placements.planned.adoption_match_older.{age}": times for age, times in AGES.items()},
        }
    )
    journeys = run(world)
    ordered, matched = (
        {int(row["subject"]): float(row["time"]) for row in rows(journeys, event) if row["value"] == value}
        for event, value in ((W.ORDER_MADE, W.PLACEMENT_ORDER), (W.PLAN_MADE, W.ADOPTION_PLACEMENT))
    )
    groups = journeys.tables["groups"]
    for age, times in enumerate((1.0, *AGES.values())):
        mine = [g for g in matched if int(groups["youngest_days"][g] / YEAR) == age]
        assert len(mine) > 50
        due = np.array([ordered[g] for g in mine]) + 40.0 * times
        off = np.array([matched[g] for g in mine]) - due
        on_working_day = are_working_days(journeys, due, "England and Wales")
        assert off[on_working_day] == pytest.approx(0.0, abs=1e-9), age
        assert not on_working_day.all() and np.abs(off).max() <= 2.0  # else on the nearest one


@pytest.mark.parametrize(("newborns", "share"), [(1.0, 0.3), (0.0, 0.7)])
def test_newborns_have_a_share_of_short_notice_placements_of_their_own(newborns, share):
    world = plain_world(
        {
            "simulation.end_date": after(60),
            f"{BOROUGH}.entries": always(50_000),
            "population.under_one_share_of_youngest": always(1.0),
            "population.newborn_share_of_under_one": newborns,
            "placements.bridging.first_share_of_newborns": 0.3,
            "placements.bridging.first_share": 0.7,
        }
    )
    first = rows(run(world), W.PLACED_ON_ENTRY)["value"]
    error = math.sqrt(share * (1 - share) / len(first))
    assert error < 0.01
    assert (first == W.BRIDGING_FOSTER).mean() == pytest.approx(share, abs=4 * error)


@pytest.mark.parametrize(("newborns", "voluntary"), [(1.0, 0.6 / (0.6 + 0.7)), (0.0, 0.3)])
def test_the_odds_of_a_voluntary_entry_are_raised_for_newborns(newborns, voluntary):
    """By hand: odds of 0.3 to 0.7, doubled, are 0.6 to 0.7; the orders share the rest as they do among others."""
    route = {"voluntary": 0.3, "emergency_or_interim": 0.5, "during_proceedings": 0.2}
    world = plain_world(
        {
            "simulation.end_date": after(100),
            f"{BOROUGH}.entries": always(50_000),
            "population.under_one_share_of_youngest": always(1.0),
            "population.newborn_share_of_under_one": newborns,
            "entry.route": route,
            "entry.voluntary_newborn": math.log(2.0),
        }
    )
    families = run(world).tables["families"]
    ways = families["route"][families["n_children"] > 0]
    rest = (1.0 - voluntary) / 0.7
    for way, share in (
        (W.VOLUNTARY, voluntary),
        (W.BY_ORDER, 0.5 * rest),
        (W.DURING_PROCEEDINGS, 0.2 * rest),
    ):
        error = math.sqrt(share * (1 - share) / len(ways))
        assert error < 0.005
        assert (ways == way).mean() == pytest.approx(share, abs=4 * error)


@pytest.mark.parametrize(
    ("kin", "kind", "rate"), [(0.0, W.LONG_TERM_FOSTER, 0.4), (1.0, W.KINSHIP_FOSTER, 1.5)]
)
def test_carers_of_a_child_on_a_care_order_become_its_guardians_at_their_rate(kin, kind, rate):
    kin_first = {"foster": 0.0, "kinship_foster": 1.0, "parent_and_baby": 0.0, "with_parents": 0.0}
    world = plain_world(
        {
            "simulation.end_date": after(365 + 5 * 365),
            f"{BOROUGH}.entries": [{"from": after(0), "value": 4_000}, {"from": after(300), "value": 0}],
            f"{SITE}.recruiting": always(0),
            "population.kin_available_share": kin,
            "entry.first_placement": kin_first,
            "orders.care_order.intercept": 10.0,
            "placements.planned.long_term_delay": days(20),
            "placements.planned.long_term_same_carer": 1.0,
            "placements.planned.guardianship_by_foster_carers": 0.4,
            "placements.planned.guardianship_by_kin": 1.5,
        }
    )
    journeys = run(world)
    appointed = rows(journeys, W.CARERS_APPOINTED)
    assert len(appointed) > 1_000
    assert set(appointed["value"]) == {kind}
    # with the carers for the long term twenty days after the order; an exponential time from there
    settled = {int(row["subject"]): row["time"] + 20.0 for row in rows(journeys, W.ORDER_MADE)}
    at = {int(row["subject"]): float(row["time"]) for row in appointed}
    stays = math.exp(-2.0 * rate)
    waited = np.array([at.get(g, np.inf) - day for g, day in settled.items()])
    error = math.sqrt(stays * (1 - stays) / len(waited))
    assert waited.min() > 0.0
    assert (waited > 2.0 * YEAR).mean() == pytest.approx(stays, abs=4 * error)
    # nobody moves, and the child leaves care
    groups = journeys.group_placements
    guardians = groups[groups["type"] == "special_guardianship"]
    assert set(guardians["group"]) == set(at)
    assert (guardians["began_by"] == "same_carer").all()
