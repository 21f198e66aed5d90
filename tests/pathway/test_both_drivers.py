"""SimPy and the compiled driver give the same journeys, event for event and byte for byte."""

from __future__ import annotations

import pytest
from small_worlds import first_difference
from variations import VARIATIONS

from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.scenario import Scenario, shipped_names


def both(scenario, **address):
    lowered = lower(scenario)
    return (simulate(lowered, engine=engine, **address) for engine in ("simpy", "compiled"))


@pytest.mark.parametrize("replicate", [0, pytest.param(7, marks=pytest.mark.slow)])
# England is run through both by test_england.py: ten years of it take SimPy a minute
@pytest.mark.parametrize("name", [name for name in shipped_names() if not name.startswith("england")])
def test_on_every_shipped_scenario(name, replicate):
    scenario = Scenario.load(name)
    by_simpy, compiled = both(scenario, seed=2025, replicate=replicate)
    assert first_difference(by_simpy, compiled) is None
    assert (len(by_simpy.record) > 5_000) == (len(scenario.boroughs) > 0)


@pytest.mark.parametrize("name", VARIATIONS)
def test_on_every_variation(name, short_trial):
    by_simpy, compiled = both(short_trial.replace(VARIATIONS[name]), seed=3, replicate=1)
    assert first_difference(by_simpy, compiled) is None
