"""Fitting: against closed forms, and against truth that is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from best_sim.questions.calibration.fitting import (
    SimulatedFigures,
    Simulator,
    allowed,
    collinearity,
    directions,
    fit,
)


def linear(slope: np.ndarray, at_zero: np.ndarray, noise: np.ndarray) -> Simulator:
    return lambda points: [SimulatedFigures(at_zero + slope @ x, noise) for x in points]


def test_a_linear_simulation_is_fitted_as_generalised_least_squares_says() -> None:
    slope = np.array([[10.0, -4.0], [3.0, 8.0], [1.0, 1.0]])
    error, noise = np.array([0.5, 0.4, 0.2]), np.diag([0.2, 0.1, 0.1]) ** 2 + 0.004
    value = slope @ np.array([0.45, 0.6]) + np.array([0.2, -0.1, 0.15])
    got = fit(linear(slope, np.zeros(3), noise), np.array([0.3, 0.3]), value, error)
    weight = np.linalg.inv(np.diag(error**2) + noise)
    covariance = np.linalg.inv(slope.T @ weight @ slope)
    exact = covariance @ slope.T @ weight @ value
    left = value - slope @ exact
    assert got.x == pytest.approx(exact, abs=1e-4)
    assert got.jacobian == pytest.approx(slope, abs=1e-9)
    assert got.chi_square == pytest.approx(left @ weight @ left, rel=1e-4)
    assert got.freedom == 1
    assert got.misfit == pytest.approx(stats.chi2.sf(left @ weight @ left, 1), rel=1e-3)
    # four standard errors of the mean and of the covariance of so many normal draws
    n, variance = len(got.draws), np.diag(covariance)
    assert np.all(np.abs(got.draws.mean(axis=0) - exact) <= 4 * np.sqrt(variance / n))
    allows = 4 * np.sqrt((np.outer(variance, variance) + covariance**2) / n)
    assert np.all(np.abs(np.cov(got.draws.T) - covariance) <= allows)


@pytest.mark.parametrize("centre", [0.5, 0.02, 1.3, -4.0])
def test_draws_near_an_end_of_the_range_are_of_the_truncated_normal(centre: float) -> None:
    sd, x = 0.2, np.array([0.5])
    draws = allowed(x, (x - centre) / sd, np.array([[1 / sd]]))[:, 0]
    exact = stats.truncnorm((0 - centre) / sd, (1 - centre) / sd, loc=centre, scale=sd)
    assert stats.kstest(draws, exact.cdf).pvalue > 0.001
    assert draws.min() >= 0 and draws.max() <= 1


def test_draws_along_a_ridge_agree_with_rejection() -> None:
    """Two parameters of which the figures tell little but the sum, which wants to be beyond a corner's reach."""
    whitened = np.array([[40.0, 40.0], [1.0, -0.5]])
    x, residuals = np.array([0.5, 0.5]), np.array([-32.0, 0.5])
    draws = allowed(x, residuals, whitened)
    tried = np.random.default_rng(1).uniform(size=(400_000, 2))
    left = residuals + (tried - x) @ whitened.T
    kept = tried[
        np.random.default_rng(2).uniform(size=len(tried)) < np.exp(-0.5 * ((left**2).sum(axis=1) - 0.02))
    ]
    assert len(kept) > 2_000
    for i in range(2):
        assert stats.ks_2samp(draws[:, i], kept[:, i]).pvalue > 0.001


def test_what_nothing_tells_of_keeps_its_whole_range() -> None:
    slope = np.array([[10.0, 0.0], [4.0, 0.0]])
    got = fit(
        linear(slope, np.zeros(2), np.eye(2) * 1e-4),
        np.array([0.3, 0.3]),
        np.array([5.0, 2.0]),
        np.full(2, 0.3),
    )
    low, high = got.interval()
    assert (low[1], high[1]) == pytest.approx((0.025, 0.975), abs=0.015)
    assert got.freedom == 1
    last = directions(got.whitened)[-1]
    assert not last.told and np.abs(last.loadings) == pytest.approx([0.0, 1.0])


@given(st.floats(-0.999, 0.999), st.floats(0.01, 100), st.floats(0.01, 100))
@settings(max_examples=60)
def test_two_effects_at_an_angle_have_the_index_that_the_angle_gives(
    cosine: float, one: float, two: float
) -> None:
    """The least eigenvalue of [[1, c], [c, 1]] is 1 - |c|, whatever the lengths."""
    effects = np.array([[one, two * cosine], [0.0, two * np.sqrt(1 - cosine**2)]])
    assert collinearity(effects, (0, 1)) == pytest.approx((1 - abs(cosine)) ** -0.5, rel=1e-6)


def toy(replicates: int, seed: int) -> Simulator:
    """A queue-like figure, its share below a limit, and another share: not linear, and noisy."""
    z = np.random.default_rng(seed).normal(size=(replicates, 2))

    def simulated(points: np.ndarray) -> list[SimulatedFigures]:
        got = []
        for x in points:
            weeks = 10 * np.exp(1.5 * x[0] + (0.2 + 0.6 * x[1]) * z[:, 0])
            figures = np.column_stack([weeks, weeks < 20, z[:, 1] < 2 * x[1] - 1])
            got.append(SimulatedFigures(figures.mean(axis=0), np.cov(figures.T) / replicates))
        return got

    return simulated


@pytest.mark.slow
def test_intervals_hold_a_truth_that_made_the_figures_as_often_as_they_say() -> None:
    """120 worlds with parameters of their own, seen by 400 and fitted with 1,500 others."""
    random, held, n = np.random.default_rng(5), np.zeros(2), 120
    for k in range(n):
        truth = random.uniform(0.15, 0.85, 2)
        (seen,) = toy(400, 10_000 + k)(truth[None])
        got = fit(toy(1_500, k), np.full(2, 0.5), seen.mean, np.sqrt(np.diag(seen.covariance)))
        low, high = got.interval()
        held += (low <= truth) & (truth <= high)
    least, most = stats.binom(n, 0.95).ppf([0.002, 0.9999])
    assert np.all(held >= least), held
    assert np.all(held <= most), held
