"""When visits are made: counted from entry or from randomisation, and never before they can be arranged, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_worlds import after, always, days, in_days, plain_world, run, run_known_at

from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario
from best_sim.scenario.durations import MONTH

WEDNESDAY = 2.5
PROTOCOL: dict[str, Any] = {
    "boroughs.glasgow.entries": always(0.1),  # one family in the ten years of the run
    "visits.first": {"value": 9, "unit": "weeks"},
    "visits.counted_from.first": "entry",
    "visits.counted_from.second": "entry",
    "visits.arranging": days(10),
}


def visits(changes: dict[str, Any], engine: str = "compiled") -> tuple[np.ndarray, float]:
    """Days of the three visits of a family that enters on day 2.5, and the day on which it is randomised."""
    journeys = run_known_at(plain_world({**PROTOCOL, **changes}), WEDNESDAY, engine=engine)
    (f,) = journeys.tables["families"]
    return f["visit_at"].copy(), float(f["randomised"])


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_the_first_two_are_counted_from_entry_and_the_last_from_randomisation(engine: str) -> None:
    at, randomised = visits({"trial.consent_delay": days(20)}, engine)
    assert WEDNESDAY + 20 <= randomised < WEDNESDAY + 63 - 10
    assert at == pytest.approx([WEDNESDAY + 63, WEDNESDAY + 15 * MONTH, randomised + 30 * MONTH], abs=1e-9)


def test_a_visit_that_is_due_before_it_can_be_arranged_waits_for_that() -> None:
    at, randomised = visits(
        {"trial.consent_delay": days(60)}
    )  # randomised on day 62 or later, due on day 65.5
    assert randomised > WEDNESDAY + 63 - 10
    assert at[0] == pytest.approx(randomised + 10, abs=1e-9)
    assert at[1] == pytest.approx(WEDNESDAY + 15 * MONTH, abs=1e-9)


def test_nor_is_the_next_visit_made_before_it_can_be_arranged_after_the_last() -> None:
    late = {"trial.consent_delay": days(500), "proceedings.timetable": in_days(5_000)}
    at, randomised = visits(late)
    assert randomised > WEDNESDAY + 15 * MONTH
    assert at == pytest.approx([randomised + 10, randomised + 20, randomised + 30 * MONTH], abs=1e-9)


def test_visits_fall_evenly_in_the_window() -> None:
    many = {"boroughs.glasgow.entries": always(3_000), "simulation.end_date": after(400)}
    world = plain_world({**PROTOCOL, **many, "visits.window": in_days(40)})
    f = run(world).tables["families"]
    made = f["visit_state"][:, 0] != W.NOT_DUE
    shift = (f["visit_at"][:, 0] - f["entered"])[made] - 63
    assert len(shift) > 1_000
    assert -20 <= shift.min() < -19 and 19 < shift.max() <= 20
    assert abs(shift.mean()) < 4 * 40 / np.sqrt(12 * len(shift))


def first_visits(journeys: Journeys) -> np.ndarray:
    """Weeks from entry to the first visit, one for each family that is due one."""
    f = journeys.tables["families"]
    weeks = (f["visit_at"][:, 0] - f["entered"]) / 7
    return weeks[f["visit_state"][:, 0] != W.NOT_DUE]


def test_in_the_trial_fewer_first_visits_are_late_than_if_they_were_counted_from_randomisation() -> None:
    world = Scenario.load("trial-as-run")
    from_randomisation = world.replace(
        {"visits.counted_from.first": "randomisation", "visits.first": {"value": 1, "unit": "months"}}
    )
    now, before = (first_visits(run(w)) for w in (world, from_randomisation))
    assert len(now) > 250
    assert (now >= 6.0 - 1e-9).all()  # nine weeks less half the window
    assert np.mean(now > 14) < np.mean(before > 14) - 0.05
    # first hearings keep their days: most families are randomised in time for the ninth week, half are seen near it
    assert abs(np.median(now) - 9.0) < 2.0
