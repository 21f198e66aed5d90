"""Small things that were wrong once."""

from __future__ import annotations

import numpy as np
import pytest
from small_worlds import BOROUGH, MORNING, after, always, plain_world, run

from best_sim.pathway import simulate


@pytest.mark.parametrize("warm_up", [0.0, 100.0, 182.5, 730.75])
def test_hearings_are_at_ten_in_the_morning_whatever_the_warm_up(short_trial, warm_up):
    world = short_trial.replace({"simulation.warm_up": {"value": warm_up, "unit": "days"}})
    journeys = run(world)
    held = journeys.hearings["held_days"].dropna().to_numpy()
    assert len(held) > 1000
    assert np.allclose(held % 1.0, MORNING, atol=1e-9)
    assert journeys.start == -np.ceil(warm_up)


def test_three_siblings_are_all_under_five_and_nobody_is_born_days_after_another():
    """The youngest of three is young enough for two older ones: nobody's age is cut to make room."""
    world = plain_world(
        {
            "simulation.end_date": after(100),
            f"{BOROUGH}.entries": always(90_000),
            "population.children_per_family": {"one": 0.0, "two": 0.0, "three": 1.0},
            "population.under_one_share_of_youngest": always(0.0),
        }
    )
    ages = run(world).tables["children"]["age_at_entry"].reshape(-1, 3)
    gap = 10 * 365.25 / 12
    assert len(ages) > 5_000
    assert (np.diff(ages, axis=1) >= gap - 1e-9).all()
    assert 5 * 365.25 - 1.0 < ages.max() < 5 * 365.25
    assert 5 * 365.25 - 2 * gap - 1.0 < ages[:, 0].max() < 5 * 365.25 - 2 * gap


@pytest.mark.parametrize("name", ["seed", "replicate"])
@pytest.mark.parametrize("number", [-1, 2**63, 2**64, 1.5, "1"])
def test_a_number_that_no_address_holds_is_refused(trial_lowered, name, number):
    with pytest.raises(ValueError, match=rf"{name}: found .*, allowed a whole number from 0 to 2\*\*63 - 1"):
        simulate(trial_lowered, **({"seed": 1} | {name: number}))
