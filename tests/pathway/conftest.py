"""A trial short enough for SimPy: both sites, two and a half years."""

from __future__ import annotations

import datetime as dt

import pytest
from small_worlds import run

from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario


@pytest.fixture(scope="session")
def short_trial(trial: Scenario) -> Scenario:
    """The trial from summer 2018 to the end of 2020, half a year of warm-up; visits come sooner, to be there at all."""
    return trial.replace(
        {
            "simulation.start_date": dt.date(2018, 6, 1),
            "simulation.end_date": dt.date(2020, 12, 31),
            "simulation.warm_up": {"value": 182.5, "unit": "days"},
            "visits.second": 6,
            "visits.third": 12,
        }
    )


@pytest.fixture(scope="session")
def short_run(short_trial: Scenario) -> Journeys:
    return run(short_trial)
