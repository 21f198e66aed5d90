"""Power of ratios: against statsmodels' formulas, published numbers, and simulated trials."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.rates import power_negbin_ratio_2indep

from best_sim.trial.analysis.counts import negative_binomial, risk_difference, risk_ratio
from best_sim.trial.closed_forms import rate_ratio_power, risk_power


def agrees(found: int, n: int, expected: float) -> None:
    assert abs(found / n - expected) < 4 * math.sqrt(expected * (1 - expected) / n), (found / n, expected)


def test_rates_are_as_statsmodels_has_them():
    for ratio, n in ((0.7, 150), (1.4, 80)):
        other = power_negbin_ratio_2indep(
            ratio * 0.8, 0.8, n, nobs_ratio=1.5, exposure=0.75, dispersion=0.5, method_var="alt", return_results=False
        )  # fmt: skip
        ours = rate_ratio_power(ratio, 0.8, (0.75, 0.75), (n, 1.5 * n), 0.5)
        assert ours == pytest.approx(float(other), abs=0.01)


def test_risks_are_the_normal_approximation():
    p1, p0, n = 0.2, 0.3, 250
    sd = math.sqrt((p1 * (1 - p1) + p0 * (1 - p0)) / 2)
    other = NormalIndPower().power((p1 - p0) / sd, n, 0.05)
    assert risk_power(p1, p0, (n, n)) == pytest.approx(other, abs=1e-9)
    assert risk_power(p1, p0, (2 * n, 2 * n), inflation=2.0) == pytest.approx(risk_power(p1, p0, (n, n)))
    assert risk_power(p1, p0, (n, n), ratio=True) == pytest.approx(risk_power(p1, p0, (n, n)), abs=0.05)


def test_simulated_trials_agree():
    rng, n, many = np.random.default_rng(1), 150, 2500
    arm, family = np.repeat([1.0, 0.0], n), np.arange(2 * n)
    rates, differences, ratios = 0, 0, 0
    for _ in range(many):
        frailty = rng.gamma(2.0, 0.5, 2 * n)
        counts = rng.poisson(1.5 * frailty * np.where(arm == 1, 0.72, 1.0))
        rates += negative_binomial(counts, arm, family, exposure=np.ones(2 * n), robust=False).p_value < 0.05
        yes = (rng.random(2 * n) < np.where(arm == 1, 0.22, 0.35)).astype(float)
        differences += risk_difference(yes, arm, family).p_value < 0.05
        ratios += risk_ratio(yes, arm, family).p_value < 0.05
    agrees(rates, many, rate_ratio_power(0.72, 1.5, (1.0, 1.0), (n, n), 0.5))
    agrees(differences, many, risk_power(0.22, 0.35, (n, n)))
    agrees(ratios, many, risk_power(0.22, 0.35, (n, n), ratio=True))


def test_what_makes_no_sense_is_refused():
    for call in (
        lambda: rate_ratio_power(0.0, 1, (1, 1), (10, 10), 0.5),
        lambda: risk_power(0.0, 0.5, (10, 10)),
    ):
        with pytest.raises(ValueError, match="has to (be positive|lie between 0 and 1)"):
            call()
