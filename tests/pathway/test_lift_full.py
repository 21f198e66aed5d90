"""A borough stops inviting while too many families wait for its LIFT team, if the scenario says so."""

from __future__ import annotations

import numpy as np
import pytest

from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario

SMALL_TEAM = {
    "trial.stops_at_target": False,
    "lift.teams.london.families_per_clinician": 1.0,
    "trial.allocation.lift_share": 0.7,
}


@pytest.mark.parametrize("limit", [1, 3])
def test_nobody_is_invited_while_so_many_wait(limit: int) -> None:
    """From the event record: how many wait at every invitation, and at every family turned away for it."""
    scenario = Scenario.load("london-2017").replace({**SMALL_TEAM, "trial.lift_queue_limit": limit})
    journeys = simulate(scenario, 3, 0, "compiled")
    f = journeys.tables["families"]
    began = f["lift_asked"][~np.isnan(f["lift_asked"])]
    ended = np.fmin(f["lift_started"], f["settled"])[~np.isnan(f["lift_asked"])]
    screened = journeys.record[journeys.record["event"] == W.SCREENED]
    waiting = np.array([np.sum((began < t) & ~(ended <= t)) for t in screened["time"]])
    why = screened["value"].astype(int)
    assert (waiting[why == W.INVITED] < limit).all()
    turned_away = why == W.LIFT_IS_FULL
    assert turned_away.sum() > 3 and (waiting[turned_away] >= limit).all()


def test_both_drivers_turn_the_same_families_away() -> None:
    scenario = Scenario.load("london-2017").replace({**SMALL_TEAM, "trial.lift_queue_limit": 1})
    compiled, simpy = (simulate(scenario, 3, 0, engine) for engine in ("compiled", "simpy"))
    assert compiled.record.tobytes() == simpy.record.tobytes()


def test_no_limit_and_one_that_is_never_reached_are_the_same() -> None:
    scenario = Scenario.load("london-2017").replace(SMALL_TEAM)
    whole = simulate(scenario, 3, 0, "compiled")
    assert not (whole.tables["families"]["screening"] == W.LIFT_IS_FULL).any()
    lower = simulate(scenario.replace({"trial.lift_queue_limit": 999}), 3, 0, "compiled")
    assert whole.record.tobytes() == lower.record.tobytes()
