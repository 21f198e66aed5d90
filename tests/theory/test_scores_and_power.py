"""Outcomes against the normal theory they are made from: power, correlations, means."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats
from small_worlds import (
    BOROUGH,
    TEAM,
    after,
    always,
    assert_agrees,
    in_days,
    mean_and_error,
    plain_world,
    run,
)

from best_sim.pathway import words as W
from best_sim.pathway.lowering import lower
from best_sim.trial.closed_forms import t_power

pytestmark = pytest.mark.theory

SCORES = {
    "visits.first": in_days(1),
    "visits.second": in_days(2),
    "visits.third": in_days(3),
    "outcomes.effect_applies_to": "allocated",
    "outcomes.sdq.youngest_age": in_days(0),
    "outcomes.sdq.per_move": 0.0,
    "outcomes.sdq.per_month_to_permanence": 0.0,
    **{f"outcomes.sdq.mean_{when}": 20.0 for when in ("first", "second", "third")},
    "outcomes.sdq.sd": 5.0,
}
"""Visits on the days after randomisation; a score far from floor and ceiling, for children of any age."""
ROUNDING = 1.0 / 12.0
"""Variance that rounding to whole points adds."""


def scores(journeys, visit, column="sdq"):
    """Scores of one visit of the families seen, and whether each was allocated to LIFT; one child a family."""
    f = journeys.tables["families"]
    seen = f["visit_state"][:, visit] == W.SEEN
    return journeys.scores[column][::3][seen, visit], f["arm"][seen] == W.LIFT


def test_power_of_two_independent_samples_is_the_t_tests():
    """Each replicate is a trial of some hundred families; its power is that of the numbers it happened to have.

    A sharper look at the same trials: the t statistic of each has the noncentral t distribution.
    """
    effect, sd = 3.6, 5.0
    per_day = 110.0
    world = lower(
        plain_world(
            {
                **SCORES,
                "outcomes.sdq.sibling_correlation": 0.0,
                "outcomes.sdq.lift_effect": effect,
                "simulation.end_date": after(6),
                f"{BOROUGH}.entries": [
                    {"from": after(0), "value": per_day * 365.25},
                    {"from": after(1), "value": 0},
                ],
            }
        )
    )
    sd_rounded = math.sqrt(sd**2 + ROUNDING)
    t, one_arm, other_arm = [], [], []
    for replicate in range(2200):
        sdq, lift = scores(run(world, replicate=replicate), 2)
        one, other = sdq[lift], sdq[~lift]
        pooled = (len(one) * one.var() + len(other) * other.var()) / (len(sdq) - 2)
        t.append((one.mean() - other.mean()) / math.sqrt(pooled * (1 / len(one) + 1 / len(other))))
        one_arm.append(len(one))
        other_arm.append(len(other))
    # of all at once: for each, scipy takes longer than the trial
    t, n, m = np.array(t), np.array(one_arm), np.array(other_arm)
    rejected = 2.0 * special.stdtr(n + m - 2, -np.abs(t)) < 0.05
    exact = float(
        np.mean([t_power(effect, sd_rounded, *arms) for arms in zip(one_arm, other_arm, strict=True)])
    )
    places = stats.nct.cdf(t, n + m - 2, effect / sd_rounded / np.sqrt(1 / n + 1 / m))
    assert 0.93 < exact < 0.97
    assert_agrees(np.mean(rejected), math.sqrt(exact * (1 - exact) / len(rejected)), exact, "power")
    assert stats.kstest(places, "uniform").pvalue > 6e-5


@pytest.fixture(scope="module")
def correlated():
    """Pairs of siblings, both arms alike, scored three times."""
    world = plain_world(
        {
            **SCORES,
            "population.children_per_family": {"one": 0.0, "two": 1.0, "three": 0.0},
            "outcomes.sdq.sibling_correlation": 0.3,
            "outcomes.sdq.correlation_over_time": 0.6,
            "outcomes.sdq.need": 0.5,
            **{f"outcomes.pirgas.mean_{when}": 50.0 for when in ("first", "second", "third")},
            **{f"outcomes.pirgas.sd_{when}": 10.0 for when in ("first", "second", "third")},
            "outcomes.pirgas.sibling_correlation": 0.2,
            "outcomes.pirgas.correlation_over_time": 0.4,
            "simulation.end_date": after(500),
            f"{BOROUGH}.entries": always(100_000),
        }
    )
    journeys = run(world)
    due = journeys.tables["families"]["visit_state"][:, 2] > 0
    scores = {name: score.reshape(-1, 3, 3)[due, :2] for name, score in journeys.scores.items()}
    return scores, journeys.tables["families"][due]


@pytest.mark.parametrize(
    ("column", "sd", "mean", "siblings", "over_time"),
    [("sdq", 5.0, 20.0, 0.3, 0.6), ("pirgas", 10.0, 50.0, 0.2, 0.4)],
)
def test_scores_have_the_means_spreads_and_correlations_set(
    correlated, column, sd, mean, siblings, over_time
):
    children, families = correlated
    x = (children[column] - mean) / sd
    n = len(x)
    assert n > 60_000
    spread = 1.0 + ROUNDING / sd**2
    for visit in range(3):
        assert abs(x[:, :, visit].mean()) < 4.0 * math.sqrt((1 + siblings) / (2 * n))
        assert_agrees(
            *mean_and_error((x[:, :, visit] ** 2).mean(axis=1)), spread, f"variance at visit {visit + 1}"
        )
    # products of normal variables: the error of their mean is that of the sample
    product, error = mean_and_error(x[:, 0, 2] * x[:, 1, 2])
    assert abs(product - siblings) < 4.0 * error < 0.1 * siblings
    product, error = mean_and_error(x[:, 0, 0] * x[:, 0, 2])
    assert abs(product - over_time) < 4.0 * error < 0.05 * over_time
    # a sibling's score at another visit says as much as at the same: the family is what they share
    product, error = mean_and_error(x[:, 0, 0] * x[:, 1, 2])
    assert abs(product - siblings) < 4.0 * error
    if column == "sdq":
        # score and need: sqrt(r) x sqrt(icc / r) x need share
        product, error = mean_and_error(x[:, 0, 2] * families["need"])
        assert abs(product - math.sqrt(siblings) * 0.5) < 4.0 * error


def test_effects_add_up_in_points():
    """Arm, moves and months to permanence each shift the mean by what is set."""
    per_move, per_month, effect, rate = 0.5, 0.3, -4.0, 6.0
    world = plain_world(
        {
            **SCORES,
            "visits.third": in_days(300),
            "outcomes.sdq.per_move": per_move,
            "outcomes.sdq.per_month_to_permanence": per_month,
            "outcomes.sdq.lift_effect": effect,
            "placements.unplanned.foster": rate,
            "proceedings.timetable": in_days(1e5),
            "simulation.end_date": after(620),
            f"{BOROUGH}.entries": always(80_000),
        }
    )
    journeys = run(world)
    sdq, lift = scores(journeys, 2)
    f, c = journeys.tables["families"], journeys.tables["children"][::3]
    seen = f["visit_state"][:, 2] == W.SEEN
    months = (f["visit_at"][seen, 2] - f["entered"][seen]) / (365.25 / 12)
    moves = c["moves_then"][seen, 2]
    expected = 20.0 + effect * lift + per_move * moves + per_month * months
    left, error = mean_and_error(sdq - expected)
    assert abs(left) < 4.0 * error < 0.02 * abs(effect)
    for what, x in (("arm", lift), ("moves", moves)):
        slope = stats.linregress(x, sdq - expected)
        assert abs(slope.slope) < 4.0 * slope.stderr, what
    assert moves.mean() > 3.0


def test_an_effect_on_those_who_receive_it_is_theirs_alone():
    declines, effect = 0.5, 4.0
    world = plain_world(
        {
            **SCORES,
            "outcomes.effect_applies_to": "received",
            "outcomes.sdq.lift_effect": effect,
            "lift.declines": declines,
            "visits.third": in_days(100),
            f"{TEAM}.families_per_clinician": 100,
            "simulation.end_date": after(440),
            f"{BOROUGH}.entries": always(100_000),
        }
    )
    journeys = run(world)
    f = journeys.tables["families"]
    seen = f["visit_state"][:, 2] == W.SEEN
    sdq = journeys.scores["sdq"][::3][seen, 2]
    arm, receipt = f["arm"][seen], f["receipt"][seen]
    received = (arm == W.LIFT) & (receipt == W.RECEIVED)
    declined = (arm == W.LIFT) & (receipt == W.FAMILY_DECLINED)
    usual = sdq[arm == W.SAU].mean()
    usual_n, received_n, declined_n = (arm == W.SAU).sum(), received.sum(), declined.sum()
    sd = math.sqrt(25.0 + ROUNDING)
    error = sd * math.sqrt(1 / usual_n + 1 / min(received_n, declined_n))
    assert_agrees(
        sdq[received].mean() - usual, error, effect, "effect on those who received it", catches=0.05
    )
    assert abs(sdq[declined].mean() - usual) < 4.0 * error
    assert_agrees(
        declined.sum() / (arm == W.LIFT).sum(),
        math.sqrt(declines * (1 - declines) / (arm == W.LIFT).sum()), declines, "declined",
    )  # fmt: skip
