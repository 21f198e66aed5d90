"""A million families through one busy LIFT team: Erlang C, and the shares of orders, advice and retention.

In one file, so that one process makes the run that they share.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from oracles.queues import erlang_c, mean_wait
from scipy import stats
from small_worlds import after, always, assert_agrees, controlled_mean, mean_and_error, plain_world, run

from best_sim.pathway import words as W

pytestmark = pytest.mark.theory

DIRECTION = {
    W.SUPERVISION_ORDER: 0,
    W.GUARDIANSHIP_ORDER: 1,
    W.CHILD_ARRANGEMENTS: 2,
    W.PLACEMENT_ORDER: 3,
    W.CARE_ORDER: 4,
}


def logistic(x):
    return 1.0 / (1.0 + math.exp(-x))


def test_families_of_the_trial_wait_for_lift_as_erlang_c_says(busy_team):
    """The team's own queue, at the end of the whole way through court, consent and allocation.

    Families enter in a Poisson process; the first hearing gathers them at ten on working days; a delay that is even
    over a whole week spreads them again, so that they ask for LIFT in a Poisson process of constant rate.
    """
    team = busy_team
    begun, waited, days_waited, longer = np.concatenate(team.weeks).T
    expected = 7.0 * team.per_day
    # weeks with more families, or longer assessments, have longer waits: how far they were off is known and taken out
    controls = np.stack([begun - expected, longer], axis=1)
    # what is taken out is known to be zero on average: else a wrong rate or service would be taken out too
    assert_agrees(*mean_and_error(begun), expected, "families a week")
    service = team.load / team.per_day
    assert_agrees(*mean_and_error(service + longer / expected), service, "mean service, days")
    share, error = controlled_mean(waited / expected, controls)
    assert_agrees(share, error, erlang_c(team.load, team.places), "share of families that wait")
    wait, error = controlled_mean(days_waited / expected, controls)
    exact = mean_wait(team.per_day, team.load / team.per_day, team.places)
    assert_agrees(wait, error, exact, "mean wait, days")


def test_orders_have_the_probabilities_of_the_multinomial_logit(busy_team):
    team = busy_team
    for under_one in (0, 1):
        for advised in (0, 1):
            seen = np.array([team.orders[under_one, advised, order] for order in DIRECTION])
            score = (
                np.array(team.intercept)
                + under_one * np.array(team.under_one)
                + np.array(team.lift)  # every report is LIFT's
                + advised * np.array(team.advised)
            )
            share = np.exp(score) / np.exp(score).sum()
            n = seen.sum()
            assert n > 100_000
            assert stats.chisquare(seen, n * share).pvalue > 6e-5, (under_one, advised)
            for order, p, count in zip(DIRECTION, share, seen, strict=True):
                if 40_000 * (1 - p) / p < n:  # as many as a 2 % error takes to be seen
                    assert_agrees(count / n, math.sqrt(p * (1 - p) / n), p, W.ORDERS[order])
    assert team.orders[:, :, W.NO_ORDER].sum() == 0  # its share is 0 here


def test_advice_has_the_probability_of_its_logit(busy_team):
    p, n = logistic(busy_team.advice), sum(busy_team.assessed)
    assert_agrees(sum(busy_team.return_advised) / n, math.sqrt(p * (1 - p) / n), p, "return advised")


def test_families_are_seen_with_the_probability_of_the_logit(busy_team):
    due, seen = np.sum(busy_team.due, axis=0), np.sum(busy_team.seen, axis=0)
    for visit, log_odds in enumerate(busy_team.retention):
        p = logistic(log_odds)
        assert_agrees(
            seen[visit] / due[visit], math.sqrt(p * (1 - p) / due[visit]), p, f"seen at visit {visit + 1}"
        )


def test_no_order_is_a_share_of_those_who_go_home():
    share = 0.3
    changes = {"orders.home.intercept": 10.0, "orders.no_order_share": share}
    changes["boroughs.glasgow.entries"] = always(20_000)
    changes["simulation.end_date"] = after(1800)
    for name in ("special_guardianship", "child_arrangements", "placement_order", "care_order"):
        changes[f"orders.{name}.intercept"] = -10.0
    orders = run(plain_world(changes), arm="SAU").tables["groups"]["order"]
    home, none = (orders == W.SUPERVISION_ORDER).sum(), (orders == W.NO_ORDER).sum()
    n = home + none
    assert_agrees(none / n, math.sqrt(share * (1 - share) / n), share, "no order, of those who go home")
