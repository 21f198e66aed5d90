"""QALYs by hand, and net benefit as the threshold has it."""

from __future__ import annotations

import numpy as np
import pytest

from best_sim.measures.costs import UnitCosts
from best_sim.measures.economics import _between_visits, amounts_of
from best_sim.pathway import simulate
from best_sim.scenario import Scenario


def test_a_utility_runs_straight_between_visits_and_level_outside_them() -> None:
    at = np.array([[30.0, 130.0, 230.0], [30.0, 130.0, 230.0]])
    value = np.array([[0.5, np.nan, 0.9], [np.nan, np.nan, np.nan]])
    got = _between_visits(at, value, np.array([0.0, 30.0, 80.0, 130.0, 300.0]))
    assert got[0].tolist() == pytest.approx([0.5, 0.5, 0.6, 0.7, 0.9])
    assert np.isnan(got[1]).all()


def test_full_health_for_the_horizon_is_its_length_discounted() -> None:
    changes = [
        "outcomes.utility.at_sdq_zero=1.0",
        "outcomes.utility.per_sdq_point=0.0",
        "outcomes.utility.sd=0.0",
    ]
    scenario = Scenario.load("trial-as-run", changes)
    journeys = simulate(scenario, 2, 0)
    got = amounts_of(journeys, UnitCosts.of(scenario)).known["qaly"]
    rate = np.log(1.0 + scenario.costs.discount_rate)
    years = (1.0 - np.exp(-rate * 2.5)) / rate
    assert got[~np.isnan(got)] == pytest.approx(years, rel=1e-4)


def test_net_benefit_is_what_the_years_are_worth_less_the_cost() -> None:
    scenario = Scenario.load("trial-as-run", ["costs.threshold=30000.0"])
    journeys = simulate(scenario, 2, 0)
    got = amounts_of(journeys, UnitCosts.of(scenario))
    for each in (got.known, got.complete):
        both = ~np.isnan(each["net_benefit"])
        expected = 30000.0 * each["qaly"] - each["cost"]
        assert both.sum() > 100
        assert each["net_benefit"][both] == pytest.approx(expected[both])
    # cost comes from records, the years only from those who were seen
    assert (~np.isnan(got.known["cost"])).sum() > (~np.isnan(got.known["net_benefit"])).sum()
    assert (~np.isnan(got.complete["qaly"])).sum() > (~np.isnan(got.known["qaly"])).sum()


def test_a_child_not_followed_to_the_horizon_has_no_cost() -> None:
    scenario = Scenario.load("trial-as-run")
    journeys = simulate(scenario, 2, 0)
    late = UnitCosts.of(Scenario.load("trial-as-run", ["costs.horizon=60"]))
    known = ~np.isnan(amounts_of(journeys, late).known["cost"])
    entered = journeys.tables["families"]["entered"][np.flatnonzero(known) // 3]
    assert known.any()
    assert (entered + 60 * 365.25 / 12 <= journeys.end).all()
