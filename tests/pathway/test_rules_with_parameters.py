"""What single parameters do, each at a value that nobody would choose."""

from __future__ import annotations

import math
from types import SimpleNamespace as Record

import numpy as np
import pytest
from small_worlds import BOROUGH, SITE, TEAM, after, always, days, in_days, plain_world, rows, run

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
            "population.sibling_gap": in_days(1000.0),
        }
    )
    ages = run(world).tables["children"]["age_at_entry"].reshape(-1, 3)[:, :2]
    room = ages[:, 0] < 800.0
    gap = (ages[:, 1] - ages[:, 0])[room]
    assert room.sum() > 1_000
    assert 1000.0 - 1e-9 <= gap.min() < 1010.0


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
