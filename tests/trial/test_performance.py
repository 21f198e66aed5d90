"""The ADEMP measures: by hand, by their formulae, and their errors against the spread over many simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest

from best_sim.trial.performance import error_over_trials, performance


def fits(seed: int, trials: int, scorings: int, between: float, truth: float = 1.0):
    """Estimates of which those of one trial share a part."""
    rng = np.random.default_rng(seed)
    trial = np.repeat(np.arange(trials), scorings)
    shared = rng.standard_normal(trials)[trial]
    estimate = truth + 0.5 * (
        math.sqrt(between) * shared + math.sqrt(1 - between) * rng.standard_normal(len(trial))
    )
    se = 0.5 * np.exp(0.1 * rng.standard_normal(len(trial)))
    p = 2 * (1 - np.vectorize(lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))))(np.abs(estimate / se)))
    return trial, estimate, se, p, estimate - 1.96 * se, estimate + 1.96 * se


def measured(seed: int, trials: int, scorings: int, between: float):
    trial, estimate, se, p, low, high = fits(seed, trials, scorings, between)
    return performance(estimate, se, p, low, high, np.ones(len(p), bool), truth=1.0, trial=trial)


def test_four_fits_by_hand():
    got = performance(
        [1.0, 2.0, 3.0, 9.0], [0.5, 0.5, 1.0, 1.0], [0.04, 0.2, 0.01, 0.9], [0.0, 1.0, 1.0, 0.0],
        [2.0, 3.0, 5.0, 1.0], [True, True, True, False], truth=1.5,
    )  # fmt: skip
    assert (got.n, got.failed) == (3, 1)
    assert got.rejected == pytest.approx((2 / 3, math.sqrt(2 / 9 / 3)))
    assert got.bias == pytest.approx((0.5, 1 / math.sqrt(3)))
    assert got.empirical_se == pytest.approx((1.0, 1 / math.sqrt(4)))
    assert got.model_se.value == pytest.approx(math.sqrt((0.25 + 0.25 + 1.0) / 3))
    assert got.coverage.value == pytest.approx(1.0)
    assert got.mse == pytest.approx((2.75 / 3, np.std([0.25, 0.25, 2.25], ddof=1) / math.sqrt(3)))
    assert got.width.value == pytest.approx((2 + 2 + 4) / 3)
    assert got.relative_error.value == pytest.approx(got.model_se.value - 1.0)


def test_without_a_truth_nothing_is_said_of_it():
    got = performance([1.0, 2.0], [1, 1], [0.1, 0.2], [0, 0], [3, 3], [True, True])
    assert math.isnan(got.bias.value) and math.isnan(got.coverage.value) and math.isnan(got.mse.value)
    nothing = performance([np.nan], [np.nan], [np.nan], [np.nan], [np.nan], [False])
    assert nothing.failed == 1 and math.isnan(nothing.rejected.value)


def test_a_reference_that_shares_the_luck_makes_the_bias_surer():
    _, estimate, se, p, low, high = fits(1, 500, 1, 0.0)
    reference = 1.0 + 0.9 * (estimate - 1.0)
    plain, paired = (
        performance(estimate, se, p, low, high, np.ones(500, bool), truth=1.0, reference=r)
        for r in (None, reference)
    )
    assert paired.bias.value == plain.bias.value
    assert paired.bias.mcse == pytest.approx(0.1 * plain.bias.mcse)


@pytest.mark.parametrize(("scorings", "between"), [(1, 0.0), (8, 0.3)])
def test_errors_are_the_spread_over_simulations(scorings, between):
    """Each Monte Carlo error is about the standard deviation of its measure over 400 repetitions."""
    many = [measured(seed, 60, scorings, between) for seed in range(400)]
    for name in ("rejected", "mean", "empirical_se", "model_se", "relative_error", "coverage", "mse"):
        values = np.array([getattr(one, name).value for one in many])
        claimed = math.sqrt(np.mean([getattr(one, name).mcse ** 2 for one in many]))
        assert claimed == pytest.approx(values.std(ddof=1), rel=0.2), name


def test_scorings_that_share_nothing_are_replicates_and_those_that_share_all_are_one():
    apart, alike = measured(1, 400, 10, 0.0), measured(1, 400, 10, 1.0 - 1e-12)
    assert apart.mean.mcse == pytest.approx(0.5 / math.sqrt(4000), rel=0.1)
    assert alike.mean.mcse == pytest.approx(0.5 / math.sqrt(400), rel=0.1)
    low, high = alike.rejected_interval
    assert high - low > 2.5 * (apart.rejected_interval[1] - apart.rejected_interval[0])


def test_trials_with_unequal_numbers_of_fits():
    """The error of a ratio of sums over trials: by hand."""
    values, trial = np.array([1.0, 2.0, 3.0, 10.0]), np.array([7, 7, 8, 9])
    sums = np.array([(1 - 4) + (2 - 4), 3 - 4, 10 - 4])
    assert error_over_trials(values, trial) == pytest.approx(math.sqrt((sums**2).sum() * 3 / 2) / 4)
