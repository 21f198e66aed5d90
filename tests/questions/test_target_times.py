"""When a target is reached: one definition, for every question."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest

from best_sim.questions.target_times import TargetTimes, time_of_share

SINCE = dt.date(2018, 1, 1)


def times(*days: float) -> TargetTimes:
    return TargetTimes(SINCE, 10, np.array(days, float))


@pytest.mark.parametrize(
    ("p", "first"), [(0.25, 3.0), (0.26, 5.0), (0.5, 5.0), (0.75, 8.0), (0.76, math.inf)]
)
def test_the_time_of_a_share_is_the_first_by_which_so_many_are_there(p: float, first: float) -> None:
    days = np.array([8.0, 3.0, np.nan, 5.0])
    assert time_of_share(days, p) == first
    assert (days <= first).mean() >= p or first == math.inf
    assert (days < first).mean() < p


@pytest.mark.parametrize("p", [0.05, 0.5, 0.75, 0.95])
def test_the_date_of_a_share_is_the_first_by_which_the_probability_is_as_high(p: float) -> None:
    days = np.random.default_rng(3).uniform(0, 300, 40)
    days[:3] = (100.0, math.inf, 250.25)
    found = times(*days)
    date = found.date(p)
    assert date is not None
    assert found.probability(date)[0] >= p > found.probability(date - dt.timedelta(days=1))[0]


def test_a_target_reached_during_a_day_is_reached_by_the_next() -> None:
    assert times(99.0, 99.0).date(0.5) == SINCE + dt.timedelta(days=99)
    assert times(99.25, 99.25).date(0.5) == SINCE + dt.timedelta(days=100)
    assert times(99.25, math.inf).date(0.5) is not None and times(99.25, math.inf).date(0.6) is None
    assert math.isnan(times(99.25, math.inf, math.inf).median_error())
