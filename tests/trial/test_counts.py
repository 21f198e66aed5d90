"""Counts and shares: against statsmodels to many digits, tables by hand, and the size of the tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from best_sim.trial.analysis.counts import (
    NO_EVENTS,
    NO_OVERDISPERSION,
    negative_binomial,
    poisson_robust,
    risk_difference,
    risk_ratio,
)


def trial(seed: int, n_families: int = 200, ratio: float = 1.0, k: float = 0.6, shared: float = 0.5):
    """Moves of siblings, with a gamma frailty of which a part is the family's."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], n_families, p=[0.76, 0.2, 0.04])
    family = np.repeat(np.arange(n_families), sizes)
    arm = rng.permutation(np.arange(n_families) % 2)[family].astype(float)
    n = len(family)
    of_family = rng.gamma(1 / (k * shared), k * shared, n_families)[family]
    own = rng.gamma(1 / (k * (1 - shared)), k * (1 - shared), n) if shared < 1 else np.ones(n)
    site = rng.integers(0, 2, n_families)[family].astype(float)
    years = rng.uniform(0.3, 2.5, n)
    y = rng.poisson(0.9 * years * of_family * own * np.exp(math.log(ratio) * arm + 0.4 * site))
    return y.astype(float), arm, family, site, years


def design_of(arm, site):
    return np.column_stack([np.ones(len(arm)), site, arm])


def test_the_likelihood_is_that_of_statsmodels():
    y, arm, family, site, years = trial(1, ratio=0.8)
    fit = negative_binomial(y, arm, family, site, exposure=years, robust=False)
    model = sm.NegativeBinomial(y, design_of(arm, site), loglike_method="nb2", exposure=years)
    rough = model.fit(disp=0, method="nm", maxiter=5000, start_params=[0.0, 0.0, 0.0, 0.5])
    other = model.fit(disp=0, method="newton", maxiter=200, tol=1e-12, start_params=rough.params)
    assert fit.estimate == pytest.approx(other.params[2], rel=1e-7)
    assert fit.residual_variance == pytest.approx(other.params[3], rel=1e-6)
    glm = sm.GLM(
        y,
        design_of(arm, site),
        family=sm.families.NegativeBinomial(alpha=fit.residual_variance),
        exposure=years,
    ).fit(tol=1e-12)
    assert fit.standard_error == pytest.approx(glm.bse[2], rel=1e-8)


@pytest.mark.parametrize("analysis", [negative_binomial, poisson_robust])
def test_the_sandwich_is_that_of_statsmodels(analysis):
    y, arm, family, site, years = trial(2, ratio=1.3)
    fit = analysis(y, arm, family, site, exposure=years)
    k = fit.residual_variance
    kind = sm.families.Poisson() if math.isnan(k) else sm.families.NegativeBinomial(alpha=k)
    other = sm.GLM(y, design_of(arm, site), family=kind, exposure=years).fit(
        tol=1e-13, cov_type="cluster", cov_kwds={"groups": family, "use_correction": True}
    )
    # statsmodels takes G / (G - 1) (n - 1) / (n - p), as here; its "information" is the observed one for the NB
    expected = kind.link.inverse(design_of(arm, site) @ other.params) * years
    weight = expected / (1 + (0 if math.isnan(k) else k) * expected)
    bread = np.linalg.inv(design_of(arm, site).T @ (design_of(arm, site) * weight[:, None]))
    scores = design_of(arm, site) * ((y - expected) * weight / expected)[:, None]
    sums = np.array([scores[family == f].sum(axis=0) for f in np.unique(family)])
    g, n = len(sums), len(y)
    by_hand = g / (g - 1) * (n - 1) / (n - 3) * bread @ (sums.T @ sums) @ bread
    assert fit.estimate == pytest.approx(other.params[2], rel=1e-8)
    assert fit.standard_error == pytest.approx(math.sqrt(by_hand[2, 2]), rel=1e-8)
    assert fit.df == g - 1
    if math.isnan(k):
        assert fit.standard_error == pytest.approx(other.bse[2], rel=1e-8)


def test_without_covariates_the_ratio_is_that_of_the_totals():
    y, arm, family, _, years = trial(3)
    fit = poisson_robust(y, arm, family, exposure=years)
    rates = [y[arm == a].sum() / years[arm == a].sum() for a in (1, 0)]
    assert fit.estimate == pytest.approx(math.log(rates[0] / rates[1]), rel=1e-12)


def test_the_unit_of_exposure_does_not_matter():
    y, arm, family, site, years = trial(4)
    one, other = (negative_binomial(y, arm, family, site, exposure=scale * years) for scale in (1.0, 365.25))
    assert (one.estimate, one.standard_error, one.residual_variance) == pytest.approx(
        (other.estimate, other.standard_error, other.residual_variance), rel=1e-8
    )


def test_counts_that_vary_as_a_poissons_or_less_have_no_dispersion():
    y = np.tile([2.0, 3.0], 40)
    arm, family = np.tile([0.0, 0.0, 1.0, 1.0], 20), np.arange(80)
    fit = negative_binomial(y, arm, family, exposure=np.ones(80), robust=False)
    assert fit.residual_variance == 0.0 and fit.note == NO_OVERDISPERSION
    assert fit.standard_error == pytest.approx(math.sqrt(2 / 100), rel=1e-9)  # 100 events in each arm


def test_a_table_of_two_by_two():
    """30 of 100 against 20 of 80, no siblings."""
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [30, 70, 20, 60])
    arm = np.repeat([1.0, 0.0], [100, 80])
    family = np.arange(180)
    difference, ratio = risk_difference(y, arm, family), risk_ratio(y, arm, family)
    assert difference.estimate == pytest.approx(0.05) and math.exp(ratio.estimate) == pytest.approx(1.2)
    factor = math.sqrt(180 / 179 * 179 / 178)
    assert difference.standard_error == pytest.approx(factor * math.sqrt(0.3 * 0.7 / 100 + 0.25 * 0.75 / 80))
    assert ratio.standard_error == pytest.approx(factor * math.sqrt(0.7 / 30 + 0.75 / 20))


@given(st.integers(0, 10_000))
def test_the_order_of_rows_and_the_names_of_arms_do_not_matter(seed):
    y, arm, family, site, years = trial(seed, n_families=60)
    order = np.random.default_rng(seed).permutation(len(y))
    for analysis in (negative_binomial, poisson_robust):
        fit = analysis(y, arm, family, site, exposure=years)
        other = analysis(y[order], arm[order], family[order], site[order], exposure=years[order])
        mirrored = analysis(y, 1 - arm, family, site, exposure=years)
        if fit.converged:
            assert other.estimate == pytest.approx(fit.estimate, rel=1e-6, abs=1e-9)
            assert mirrored.estimate == pytest.approx(-fit.estimate, rel=1e-6, abs=1e-9)
            assert mirrored.p_value == pytest.approx(fit.p_value, rel=1e-5)


def test_siblings_alike_the_test_has_its_size_and_without_families_it_has_not():
    n, found, plain = 800, 0, 0
    for seed in range(n):
        y, arm, family, _, years = trial(50_000 + seed, n_families=120, shared=0.999)
        found += negative_binomial(y, arm, family, exposure=years).p_value < 0.05
        plain += negative_binomial(y, arm, family, exposure=years, robust=False).p_value < 0.05
    error = math.sqrt(0.05 * 0.95 / n)
    assert abs(found / n - 0.05) < 4 * error
    assert plain / n > 0.05 + 4 * error


def test_what_cannot_be_told_is_said():
    y, arm, family, site, years = trial(7)
    assert negative_binomial(y * (1 - arm), arm, family, exposure=years).note == NO_EVENTS
    assert risk_ratio((y > 0) * arm, arm, family).note == NO_EVENTS
    assert "an arm is empty" in negative_binomial(y, np.ones(len(y)), family, exposure=years).note
    gone = years.copy()
    gone[:7] = 0.0
    assert negative_binomial(y, arm, family, exposure=gone).n_dropped == 7
    with pytest.raises(ValueError, match="may only hold 0 and 1; it also holds"):
        risk_difference(y, arm, family)
