"""The complier-average effect: against the ratio it is, an independent fit, and the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.sandbox.regression.gmm import IV2SLS

from best_sim.trial.analysis import ancova_cluster_robust
from best_sim.trial.analysis.instrumental import NOBODY_COMPLIES, complier_average


def trial(seed: int, n_families: int = 200, effect: float = -3.0, complies: float = 0.6, icc: float = 0.3):
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], n_families, p=[0.76, 0.2, 0.04])
    family = np.repeat(np.arange(n_families), sizes)
    arm = rng.integers(0, 2, n_families)
    shared = rng.standard_normal(n_families)
    # those who are worse off comply less, so that comparing as treated would mislead
    would = rng.random(n_families) < np.clip(complies - 0.15 * shared, 0.02, 0.98)
    received = (arm == 1) & would
    site = rng.integers(0, 2, n_families)
    y = 11 + 7 * (math.sqrt(icc) * shared[family] + math.sqrt(1 - icc) * rng.standard_normal(len(family)))
    y += effect * received[family] + 1.5 * site[family]
    return y, arm[family].astype(float), family, site[family].astype(float), received[family].astype(float)


def test_it_is_the_effect_of_allocation_over_the_share_that_complies():
    y, arm, family, site, received = trial(1)
    fit = complier_average(y, arm, family, site, received=received)
    on_outcome, on_receipt = (ancova_cluster_robust(v, arm, family, site).estimate for v in (y, received))
    assert fit.estimate == pytest.approx(on_outcome / on_receipt, rel=1e-12)


def test_against_statsmodels_and_the_sandwich_written_out():
    y, arm, family, site, received = trial(2)
    fit = complier_average(y, arm, family, site, received=received)
    ones = np.ones(len(y))
    x, z = np.column_stack([ones, site, received]), np.column_stack([ones, site, arm])
    other = IV2SLS(y, x, z).fit()
    assert fit.estimate == pytest.approx(other.params[2], rel=1e-11)
    bread = np.linalg.inv(z.T @ x)
    residual = y - x @ np.asarray(other.params)
    sums = np.array([z[family == f].T @ residual[family == f] for f in np.unique(family)])
    g, n = len(sums), len(y)
    covariance = g / (g - 1) * (n - 1) / (n - 3) * bread @ (sums.T @ sums) @ bread.T
    assert fit.standard_error == pytest.approx(math.sqrt(covariance[2, 2]), rel=1e-10)
    assert fit.df == g - 1


def test_where_all_comply_it_is_the_analysis_as_allocated():
    y, arm, family, site, _ = trial(3)
    fit, other = (
        complier_average(y, arm, family, site, received=arm),
        ancova_cluster_robust(y, arm, family, site),
    )
    assert (fit.estimate, fit.standard_error, fit.p_value) == pytest.approx(
        (other.estimate, other.standard_error, other.p_value), rel=1e-10
    )


def test_it_finds_the_effect_on_compliers_and_its_interval_holds_it():
    n, truth = 600, -3.0
    fits = [complier_average(*(d := trial(seed + 100))[:4], received=d[4]) for seed in range(n)]
    estimates = np.array([f.estimate for f in fits])
    assert abs(estimates.mean() - truth) < 4 * estimates.std(ddof=1) / math.sqrt(n) + 0.02
    covered = np.mean([f.interval[0] <= truth <= f.interval[1] for f in fits])
    assert abs(covered - 0.95) < 4 * math.sqrt(0.95 * 0.05 / n)
    as_treated = np.mean(
        [d[0][d[4] == 1].mean() - d[0][d[4] == 0].mean() for d in map(trial, range(100, 200))]
    )
    assert as_treated < truth - 0.5  # what comparing as treated would have said


def test_what_cannot_be_told_is_said():
    y, arm, family, site, received = trial(5)
    assert complier_average(y, arm, family, site, received=np.zeros(len(y))).note == NOBODY_COMPLIES
    assert "an arm is empty" in complier_average(y, np.ones(len(y)), family, site, received=received).note
    assert not complier_average(np.ones(len(y)), arm, family, site, received=received).converged
    gone = received.copy()
    gone[:5] = np.nan
    assert complier_average(y, arm, family, site, received=gone).n_dropped == 5


def test_a_column_too_many_is_left_out():
    y, arm, family, site, received = trial(6)
    one = complier_average(y, arm, family, site, received=received)
    two = complier_average(
        y, arm, family, np.column_stack([site, 2 * site, np.ones(len(y))]), received=received
    )
    assert two.estimate == pytest.approx(one.estimate, rel=1e-9)
    assert two.standard_error == pytest.approx(one.standard_error, rel=1e-9)
