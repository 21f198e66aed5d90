"""Costs: by hand on a fixed life, and as parameters move them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from best_sim.measures.costs import (
    HOLDERS,
    PARTS,
    UnitCosts,
    _stretches,
    child_costs,
    cost_items,
    service_costs,
    trial_families,
)
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario


def flat(value: float) -> str:
    return f"[{{from=2009-01-01, value={value}}}]"


ALL_TYPES = (
    "foster", "kinship_foster", "parent_and_baby", "with_parents", "placed_for_adoption", "long_term_foster",
    "residential", "special_guardianship", "adopted", "home", "bridging_foster", "hospital", "early_permanence",
)  # fmt: skip


def test_every_week_at_one_price_is_the_horizon_in_weeks() -> None:
    changes = [f"costs.{kind}_week={flat(100)}" for kind in ALL_TYPES]
    scenario = Scenario.load("london-2017", [*changes, "costs.discount_rate=0.0", "costs.horizon=12"])
    journeys = simulate(scenario, 2, 0)
    costs = child_costs(journeys, scenario)
    followed = journeys.end - journeys.tables["families"]["entered"][costs["family"]] >= 366
    weeks = 12 * 365.25 / 12 / 7
    assert costs.loc[followed, "placements"].to_numpy() == pytest.approx(100 * weeks)


def test_discounting_is_the_annuity_formula() -> None:
    changes = [f"costs.{kind}_week={flat(100)}" for kind in ALL_TYPES]
    scenario = Scenario.load("london-2017", [*changes, "costs.discount_rate=0.035", "costs.horizon=24"])
    journeys = simulate(scenario, 2, 0)
    costs = child_costs(journeys, scenario)
    followed = journeys.end - journeys.tables["families"]["entered"][costs["family"]] >= 731
    rate = np.log(1.035)
    annuity = 100 * 365.25 / 7 * (1 - np.exp(-2 * rate)) / rate
    # each stay is discounted at its middle, which is exact to the second order
    assert costs.loc[followed, "placements"].to_numpy() == pytest.approx(annuity, rel=5e-4)


def test_a_price_counts_only_from_its_date() -> None:
    dated = "[{from=2009-01-01, value=100}, {from=2050-01-01, value=9999}]"
    one = Scenario.load("london-2017", [f"costs.foster_week={flat(100)}"])
    two = Scenario.load("london-2017", [f"costs.foster_week={dated}"])
    journeys = simulate(one, 2, 0)
    assert child_costs(journeys, one).equals(child_costs(journeys, two))


def test_hearings_are_shared_between_the_familys_children() -> None:
    scenario = Scenario.load("london-2017", [f"costs.hearing={flat(1000)}", "costs.discount_rate=0.0"])
    journeys = simulate(scenario, 2, 0)
    court = child_costs(journeys, scenario).groupby("family")["court"].sum()
    families = journeys.tables["families"]
    held = journeys.hearings[journeys.hearings["held_days"].notna()]
    until = families["entered"][held["family"]] + scenario.costs.horizon
    count = held[held["held_days"] <= until].groupby("family").size()
    assert court.to_numpy() == pytest.approx(1000 * count.reindex(court.index).fillna(0).to_numpy())


def test_a_childrens_hearing_has_a_price_of_its_own_and_the_sheriff_a_courts() -> None:
    prices = {"hearing": 1000.0, "childrens_hearing": 10.0}
    changes = [f"costs.{name}={flat(price)}" for name, price in prices.items()]
    scenario = Scenario.load(
        "glasgow", [*changes, "costs.discount_rate=0.0", "simulation.end_date=2016-12-31"]
    )
    journeys = simulate(scenario, 2, 0)
    court = child_costs(journeys, scenario).groupby("family")["court"].sum()
    until = journeys.tables["families"]["entered"] + scenario.costs.horizon
    expected = np.zeros(len(until))
    for event, price in (
        (W.CHILDRENS_HEARING_HELD, prices["childrens_hearing"]),
        (W.SHERIFF_HEARING_HELD, prices["hearing"]),
    ):
        held = journeys.record[journeys.record["event"] == event]
        family = journeys.tables["cases"]["family"][held["subject"]]
        np.add.at(expected, family[held["time"] <= until[family]], price)
    assert len(court) > 50 and (expected[court.index] > 0.0).any()
    assert court.to_numpy() == pytest.approx(expected[court.index])


def test_lift_costs_are_clinicians_time() -> None:
    base = Scenario.load("london-2017")
    journeys = simulate(base, 2, 0)
    hours = [f"{who}_hour" for who in ("social_worker", "psychologist", "psychiatrist")]
    double = Scenario.load("london-2017", [f"costs.{hour}={2 * getattr(base.costs, hour)}" for hour in hours])
    once, twice = service_costs(journeys, base), service_costs(journeys, double)
    free = Scenario.load("london-2017", [f"costs.{hour}=0.0" for hour in hours])
    assert twice["LIFT"] - once["LIFT"] == pytest.approx(once["LIFT"] - service_costs(journeys, free)["LIFT"])
    assert twice["SAU"] == once["SAU"]


@pytest.mark.parametrize("perspective", ["public sector", "local authority", "service only"])
def test_a_narrower_perspective_never_costs_more(perspective: str) -> None:
    scenario = Scenario.load("london-2017", [f'costs.perspective="{perspective}"'])
    journeys = simulate(scenario, 2, 0)
    costs = child_costs(journeys, scenario)
    whole = costs["service"] + costs["court"] + costs["placements"]
    assert (costs["total"] <= whole + 1e-9).all()
    assert (costs["total"] < whole - 1e-6).any() == (perspective != "public sector")


def test_hearings_are_paid_by_the_courts_at_the_price_of_their_financial_year() -> None:
    scenario = Scenario.load("london-2017")
    journeys = simulate(scenario, 2, 0)
    items = cost_items(journeys, UnitCosts.of(scenario))
    court = items.part == PARTS.index("court")
    assert {HOLDERS[holder] for holder in items.holder[court]} == {"courts"}
    held = journeys.hearings.dropna(subset="held_days")
    f = journeys.tables["families"]
    of = held["family"].to_numpy()
    mine = np.isin(of, trial_families(journeys)) & (
        held["held_days"].to_numpy() <= np.minimum(f["entered"][of] + scenario.costs.horizon, journeys.end)
    )
    begins, ends = ((dt.date(year, 4, 1) - journeys.start_date).days for year in (2018, 2019))
    when = held["held_days"].to_numpy()[mine]
    in_2018 = ((when >= begins) & (when < ends)).sum()
    spent = items.amount[court & (items.days >= begins) & (items.days < ends)].sum()
    assert in_2018 > 0 and spent == pytest.approx(in_2018 * scenario.costs.hearing.at(dt.date(2018, 6, 1)))


def test_a_stay_over_a_year_end_is_paid_at_both_prices() -> None:
    """Ten days at 70 a week before 1 April and ten at 140 after it: 100 and 200 pounds."""
    prices = "[{from=2009-01-01, value=70}, {from=2018-04-01, value=140}]"
    scenario = Scenario.load("london-2017", [f"costs.foster_week={prices}"])
    start = scenario.simulation.start_date
    change = float((dt.date(2018, 4, 1) - start).days)
    costs = UnitCosts.of(scenario)
    of, middle, length, column = _stretches(costs, np.array([change - 10.0]), np.array([change + 10.0]))
    foster = costs.week[W.PLACEMENT_TYPES.index("foster")]
    assert of.tolist() == [0, 0]
    assert middle.tolist() == [change - 5.0, change + 5.0]
    assert (length / 7.0 * foster[column]).tolist() == pytest.approx([100.0, 200.0])


def test_where_there_are_no_families_nothing_costs_anything() -> None:
    scenario = Scenario.load("london-2017")
    scenario = scenario.replace(
        {
            f"boroughs.{name}.entries": [{"from": dt.date(2010, 1, 1), "value": 0}]
            for name in scenario.boroughs
        }
    )
    journeys = simulate(scenario, 2, 0)
    assert len(journeys.record) and not len(journeys.tables["families"])
    assert child_costs(journeys, scenario).empty


def test_costs_need_the_event_record() -> None:
    scenario = Scenario.load("london-2017")
    with pytest.raises(ValueError, match="event record"):
        child_costs(simulate(scenario, 2, 0, events=False), scenario)
