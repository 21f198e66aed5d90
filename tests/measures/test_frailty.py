"""Hazards with a shared frailty: the likelihood against quadrature by another hand, the estimates against the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import integrate, optimize, special, stats

from best_sim.measures.frailty import HazardFitError, _Likelihood, fit_hazards


def children(n: int, sd: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Four stretches of time for each child, with a covariate of its own and one of the stretch."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=n), 4)
    z = np.repeat(np.exp(sd * rng.normal(size=n) - 0.5 * sd * sd), 4)
    k = np.tile(np.arange(4.0), n)
    time = rng.uniform(0.2, 1.5, 4 * n)
    events = rng.poisson(z * time * np.exp(-1.0 + 0.3 * x + 0.2 * k)).astype(float)
    return np.column_stack([np.ones(4 * n), x, k]), events, time, np.repeat(np.arange(n), 4)


def likelihood(n: int = 30, sd: float = 0.8, seed: int = 3) -> _Likelihood:
    X, events, time, child = children(n, sd, seed)
    return _Likelihood.of(X, events, time, child, child)


@pytest.mark.parametrize("sd", [0.05, 0.6, 1.5])
def test_the_integral_over_the_frailty_is_that_of_adaptive_quadrature(sd: float) -> None:
    a = likelihood()
    theta = np.asarray([-0.8, 0.2, 0.1, sd])
    means = a.time * np.exp(a.X @ theta[:-1])
    total = np.bincount(a.child, means)
    exact = a.by_child.sum(axis=0) @ theta[:-1]
    for events, mean in zip(a.counts, total, strict=True):

        def at(u: float, d: float = events, m: float = mean) -> float:
            log_z = sd * u - 0.5 * sd * sd
            return math.exp(d * log_z - m * math.exp(log_z)) * stats.norm.pdf(u)

        exact += math.log(integrate.quad(at, -9.0, 12.0, epsabs=1e-14, epsrel=1e-11, limit=400)[0])
    assert a(theta)[0] == pytest.approx(exact, abs=1e-5 * a.n)


def test_the_integral_is_right_for_children_who_moved_very_often() -> None:
    """Counts far from what is expected, where nodes that do not follow the child would miss."""
    events, time, sd = np.asarray([0.0, 80.0, 5.0]), np.asarray([40.0, 1.0, 0.01]), 0.7
    a = _Likelihood.of(np.ones((3, 1)), events, time, np.arange(3), np.arange(3))
    exact = 0.0
    for d, m in zip(events, time, strict=True):
        u = np.linspace(-12.0, 14.0, 400_001)
        log_z = sd * u - 0.5 * sd * sd
        exact += special.logsumexp(d * log_z - m * np.exp(log_z) + stats.norm.logpdf(u)) + math.log(
            u[1] - u[0]
        )
    assert a(np.asarray([0.0, sd]))[0] == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize("sd", [0.0, 0.3, 1.2])
def test_the_gradient_is_the_likelihoods_own(sd: float) -> None:
    a = likelihood()
    theta = np.asarray([-0.8, 0.2, 0.1, sd])
    numeric = optimize.approx_fprime(theta, lambda t: a(t)[0], 1e-6)
    assert a(theta)[1] == pytest.approx(numeric, abs=2e-3)


def test_without_frailty_it_is_the_poisson_regression() -> None:
    X, events, time, child = children(200, 0.5, 4)
    fit = fit_hazards(X, events, time, child, frailty_sd=0.0)
    plain = sm.GLM(events, X, family=sm.families.Poisson(), offset=np.log(time)).fit()
    assert fit.coefficients == pytest.approx(plain.params, abs=1e-8)
    near = fit_hazards(X, events, time, child, frailty_sd=1e-6)
    assert near.coefficients == pytest.approx(plain.params, abs=1e-6)


def test_with_one_rate_the_first_two_moments_of_the_counts_are_met() -> None:
    """Poisson given a lognormal frailty of mean one: variance m + m^2 (exp(sd^2) - 1)."""
    rng = np.random.default_rng(6)
    sd, n = 0.7, 40_000
    events = rng.poisson(1.5 * np.exp(sd * rng.normal(size=n) - 0.5 * sd * sd)).astype(float)
    fit = fit_hazards(np.ones((n, 1)), events, np.ones(n), np.arange(n))
    by_moments = math.sqrt(math.log1p((events.var() - events.mean()) / events.mean() ** 2))
    assert math.exp(fit.coefficients[0]) == pytest.approx(events.mean(), rel=0.01)
    assert fit.frailty_sd == pytest.approx(by_moments, abs=0.03)
    assert fit.frailty_interval[0] < sd < fit.frailty_interval[1]


def test_a_large_sample_gives_the_truth_back() -> None:
    X, events, time, child = children(8_000, 0.6, 1)
    fit = fit_hazards(X, events, time, child)
    z = (np.append(fit.coefficients, fit.frailty_sd) - [-1.0, 0.3, 0.2, 0.6]) / np.sqrt(
        np.diag(fit.covariance)
    )
    assert np.abs(z).max() < 3.5
    assert np.sqrt(np.diag(fit.covariance)).max() < 0.03  # so that an error of a tenth would be seen


def test_children_who_do_not_differ_are_found_not_to() -> None:
    X, events, time, child = children(500, 0.0, 2)
    fit = fit_hazards(X, events, time, child)
    assert fit.frailty_interval[0] == 0.0
    assert fit.frailty_interval[1] < 0.6


def test_siblings_who_are_one_count_as_one() -> None:
    """Each child twice: the same estimates, and the standard errors of the single children."""
    X, events, time, child = children(600, 0.6, 8)
    once = fit_hazards(X, events, time, child)
    twice = fit_hazards(
        np.tile(X, (2, 1)), np.tile(events, 2), np.tile(time, 2), np.append(child, child + 600),
        cluster=np.tile(child, 2),
    )  # fmt: skip
    assert twice.coefficients == pytest.approx(once.coefficients, abs=1e-4)
    assert np.diag(twice.covariance) == pytest.approx(np.diag(once.covariance), rel=1e-3)
    assert twice.frailty_interval == pytest.approx(once.frailty_interval, abs=0.06)


def test_columns_that_are_the_same_are_refused() -> None:
    X, events, time, child = children(100, 0.5, 2)
    X = np.column_stack([X, np.where(child < 50, 1.0, 0.0)])
    events = np.where(child < 50, 0.0, events)
    with pytest.raises(HazardFitError):
        fit_hazards(X, events, time, child)


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    seeds, inside = 400, np.zeros(4)
    truth = np.asarray([-1.0, 0.3, 0.2, 0.6])
    for seed in range(seeds):
        fit = fit_hazards(*children(300, 0.6, 100 + seed))
        se = np.sqrt(np.diag(fit.covariance))[:3]
        inside[:3] += np.abs(fit.coefficients - truth[:3]) <= 1.96 * se
        inside[3] += fit.frailty_interval[0] <= 0.6 <= fit.frailty_interval[1]
    error = math.sqrt(0.95 * 0.05 / seeds)
    assert np.abs(inside / seeds - 0.95).max() < 3.0 * error, inside / seeds
