"""The fitted curve of a sample size: against counts of a known one, and against a generalised linear model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from best_sim.questions.sample_size.crossing import crossing_of


def test_a_curve_is_found_again() -> None:
    """Counts drawn from a known probit curve: the crossing's interval holds the truth 95 % of the time."""
    rng = np.random.default_rng(1)
    h, n, slope, aim = np.sqrt([150.0, 220.0, 300.0]), np.array([400, 800, 400]), 0.18, 0.8
    intercept = special.ndtri(aim) - slope * math.sqrt(230.0)
    held, many = 0, 800
    for _ in range(many):
        found = rng.binomial(n, special.ndtr(intercept + slope * h))
        got = crossing_of(h, found, n, aim)
        held += got.low <= math.sqrt(230.0) <= got.high
    assert abs(held / many - 0.95) < 4 * math.sqrt(0.95 * 0.05 / many)


def test_a_fitted_curve_is_the_generalised_linear_model() -> None:
    import statsmodels.api as sm

    h, n, k = np.array([10.0, 14.0, 17.0, 21.0]), np.array([100, 300, 200, 50]), np.array([22, 141, 139, 45])
    got = crossing_of(h, k, n, 0.7)
    other = sm.GLM(
        np.column_stack([k, n - k]), sm.add_constant(h), sm.families.Binomial(sm.families.links.Probit())
    ).fit(tol=1e-12)
    assert (got.intercept, got.slope) == pytest.approx(tuple(other.params), rel=1e-8)
    assert got.covariance == pytest.approx(np.asarray(other.cov_params()), rel=1e-5)
    assert got.x == pytest.approx((special.ndtri(0.7) - other.params[0]) / other.params[1])
    assert got.misfit == pytest.approx(stats.chi2.sf(other.pearson_chi2, 2), rel=1e-6)
    wider = crossing_of(h, k, n, 0.7, inflation=4.0)
    assert wider.x == got.x and wider.high - wider.low > 1.8 * (got.high - got.low)
