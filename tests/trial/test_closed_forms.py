"""Closed forms against libraries, published figures, numerical solutions, and brute force."""

import math

import numpy as np
import pytest
from scipy import integrate, special, stats
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from best_sim.trial import closed_forms as cf
from best_sim.trial.analysis import mixed_model

# --- power --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", [-0.4, 0.0, 0.1, 0.5])
@pytest.mark.parametrize(("n1", "n2"), [(3, 4), (20, 20), (64, 64), (300, 90)])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_power_equals_statsmodels(d, n1, n2, alpha):
    sd = 3.7
    assert cf.t_power(d * sd, sd, n1, n2, alpha) == pytest.approx(
        TTestIndPower().power(d, n1, alpha, ratio=n2 / n1), abs=1e-10
    )
    assert cf.t_power(d * sd, sd, n1, n2, alpha, df=9.5) == pytest.approx(
        TTestIndPower().power(d, n1, alpha, ratio=n2 / n1, df=9.5), abs=1e-10
    )
    plain = cf.power_clustered(d * sd, sd, (n1, n2), {1: 1.0}, 0.0, alpha=alpha)
    assert plain.power_normal == pytest.approx(NormalIndPower().power(d, n1, alpha, ratio=n2 / n1), abs=1e-10)


@pytest.mark.published
def test_power_for_half_a_standard_deviation():
    """The textbook figures (G*Power): 64 an arm for 80 %, 86 for 90 %; one fewer does not suffice."""
    assert cf.t_power(0.5, 1.0, 64, 64) == pytest.approx(0.8015, abs=5e-5)
    assert cf.t_power(0.5, 1.0, 86, 86) == pytest.approx(0.9032, abs=5e-5)
    assert cf.t_power(0.5, 1.0, 63, 63) < 0.8
    assert cf.t_power(0.5, 1.0, 85, 85) < 0.9


@pytest.mark.parametrize("df", [2.0, 5.0, 9.5, 38.0, 290.5, 20_000.0])
@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2])
def test_power_equals_its_integral_over_the_standard_deviation(df, alpha):
    """Also far out, where the library's noncentral t gives up: no NaN, and nothing worth noticing lost."""
    critical = stats.t.ppf(1 - alpha / 2, df)
    scatter = stats.chi(df, scale=1 / math.sqrt(df))
    ends = scatter.ppf(1e-14), scatter.isf(1e-14)
    for shift in (0.0, 0.3, 1.0, 2.8, 5.0, 8.5, 12.0, 20.0, 37.5, 40.0, 60.0):

        def density(s, d=shift):
            return scatter.pdf(s) * (special.ndtr(d - critical * s) + special.ndtr(-d - critical * s))

        expected, _ = integrate.quad(density, *ends, points=[1.0], epsabs=1e-12, limit=400)
        n = df / 2 + 1
        power = cf.t_power(shift * math.sqrt(2 / n), 1.0, n, n, alpha)
        assert power == pytest.approx(expected, abs=1e-10)


def test_power_at_no_effect_is_alpha_and_far_away_is_one():
    assert cf.t_power(0.0, 1.0, 5, 7, alpha=0.03) == pytest.approx(0.03, abs=1e-12)
    assert cf.t_power(20.0, 1.0, 400, 400) == 1.0
    many = cf.power_clustered(0.003, 1.0, 1e6, {1: 1.0}, 0.0)
    assert 0.5 < many.power < 0.6 and many.power == pytest.approx(many.power_normal, abs=1e-5)


def test_design_effect_of_the_best_estimator():
    """Against the variance of generalised least squares from the whole covariance matrix."""
    sizes, icc = [1, 1, 2, 3, 1, 2], 0.4
    family = np.repeat(np.arange(6), sizes)
    V = icc * (family[:, None] == family[None, :]) + (1 - icc) * np.eye(10)
    variance = 1.0 / np.linalg.inv(V).sum()
    assert cf.design_effect(sizes, icc) == pytest.approx(variance * 10, rel=1e-12)
    assert cf.design_effect([1, 2, 3], icc, [3, 2, 1]) == pytest.approx(variance * 10, rel=1e-12)
    # Eldridge's is that of the mean over children.
    cv = np.std(sizes) / np.mean(sizes)
    assert cf.design_effect_from_cv(np.mean(sizes), cv, icc) == pytest.approx(V.sum() / 10, rel=1e-12)
    assert cf.design_effect_from_cv(np.mean(sizes), cv, icc) > cf.design_effect(sizes, icc)
    for formula in (cf.design_effect([4, 4], icc), cf.design_effect_from_cv(4, 0.0, icc)):
        assert formula == pytest.approx(1 + 3 * icc, rel=1e-12)


def test_ancova_factor():
    assert cf.ancova_factor(0.5) == 0.75
    assert cf.ancova_factor(-0.5, 0.4) == pytest.approx(0.9)


def test_power_clustered_composes():
    result = cf.power_clustered(2.0, 7.4, 195, {1: 0.76, 2: 0.20, 3: 0.04}, 0.3, 0.5, 0.6, 0.75, 0.7)
    assert result.effect_intention_to_treat == pytest.approx(1.4)
    assert result.mean_size == pytest.approx(1.28)
    assert result.families_analysed == pytest.approx((146.25, 146.25))
    assert result.df == pytest.approx(290.5)
    assert result.baseline_factor == pytest.approx(0.85)
    assert result.residual_sd == pytest.approx(7.4 * math.sqrt(0.85))
    assert result.power == pytest.approx(cf.t_power(1.4, 7.4, *result.effective_children, df=result.df))
    shift = 1.4 / (7.4 * math.sqrt(sum(1 / n for n in result.effective_children)))
    z = stats.norm.ppf(0.975)
    assert result.power_normal == pytest.approx(stats.norm.cdf(shift - z) + stats.norm.cdf(-shift - z))
    # Without children to cluster, or anything else, it is the t test.
    plain = cf.power_clustered(0.5, 1.0, 64, {1: 1.0}, 0.3)
    assert plain.power == pytest.approx(cf.t_power(0.5, 1.0, 64, 64), rel=1e-12)
    assert cf.power_clustered(0.5, 1.0, (90, 64), {1: 1.0}, 0.0).power == pytest.approx(
        cf.t_power(0.5, 1.0, 90, 64)
    )


@pytest.mark.theory
@pytest.mark.parametrize("measured", [1.0, 0.5])
def test_power_clustered_agrees_with_brute_force(measured):
    """Draw trials in numpy, analyse them by the mixed model: within four Monte Carlo standard errors."""
    sd, icc, r, n_families, n = 7.4, 0.4, 0.5, 280, 4000
    shares = {1: 0.76, 2: 0.20, 3: 0.04}
    closed = cf.power_clustered(3.0, sd, n_families / 2, shares, icc, r, measured, share_received=0.7)
    rng = np.random.default_rng(20250)
    rejected = 0
    estimates, standard_errors = np.empty(n), np.empty(n)
    for i in range(n):
        size = rng.choice([1, 2, 3], n_families, p=[0.76, 0.20, 0.04])
        family = np.repeat(np.arange(n_families), size)
        arm = rng.permutation(np.arange(n_families) % 2 == 0)
        received = arm & (rng.random(n_families) < 0.7)
        # Baseline and outcome have correlation r in the family's part and in the child's own.
        u, e = rng.normal(size=(2, n_families)), rng.normal(size=(2, family.size))
        before = math.sqrt(icc) * u[0][family] + math.sqrt(1 - icc) * e[0]
        fresh = math.sqrt(icc) * u[1][family] + math.sqrt(1 - icc) * e[1]
        y = sd * (r * before + math.sqrt(1 - r**2) * fresh) + 3.0 * received[family]
        known = (rng.random(n_families) < measured)[family]
        fit = mixed_model(y, arm[family], family, np.column_stack([before * known, known]))
        rejected += fit.p_value < 0.05
        estimates[i], standard_errors[i] = fit.estimate, fit.standard_error
    assert abs(rejected / n - closed.power) < 4 * cf.monte_carlo_error(closed.power, n)
    spread = estimates.std(ddof=1)
    assert abs(estimates.mean() - 2.1) < 4 * cf.monte_carlo_error_mean(spread, n)
    # The variance that a mixture of received and not adds, and varying numbers of children, stay below 2 %.
    assert abs(spread - closed.standard_error) < 4 * cf.monte_carlo_error_sd(spread, n) + 0.02 * spread
    assert standard_errors.mean() == pytest.approx(closed.standard_error, rel=0.02)


# --- Monte Carlo error --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 50), (50, 50), (1, 20), (801, 1000), (7, 9)])
@pytest.mark.parametrize("error", [0.025, 0.1, 1e-6])
def test_exact_bounds_are_those_of_scipy(k, n, error):
    theirs = stats.binomtest(k, n).proportion_ci(1 - 2 * error, method="exact")
    assert cf.exact_bounds(k, n, error) == pytest.approx(theirs, abs=1e-10)


def test_exact_bounds_at_their_ends():
    assert cf.exact_bounds(0, 10)[0] == 0.0
    assert cf.exact_bounds(10, 10)[1] == 1.0
    assert cf.exact_bounds(0, 10)[1] == pytest.approx(1 - 0.025**0.1)
    assert cf.exact_bounds(10, 10)[0] == pytest.approx(0.025**0.1)
    assert cf.exact_bounds(0, 0) == (0.0, 1.0)


@pytest.mark.published
def test_replicates_for_half_a_per_cent():
    """Morris, White & Crowther (2019), section 5.3: 95 % coverage to an error of 0.5 % takes 1,900."""
    assert cf.monte_carlo_error(0.95, 1900) == pytest.approx(0.005, abs=1e-12)
    assert cf.monte_carlo_error(0.5, 10_000) == pytest.approx(0.005, abs=1e-12)


def test_monte_carlo_errors_are_the_spread_over_simulations():
    n, runs = 400, 4000
    values = np.random.default_rng(5).normal(3.0, 2.0, (runs, n))
    # Four thousand runs know a standard deviation to 1.1 %; four of these.
    assert values.mean(axis=1).std() == pytest.approx(cf.monte_carlo_error_mean(2.0, n), rel=0.045)
    assert values.std(axis=1, ddof=1).std() == pytest.approx(cf.monte_carlo_error_sd(2.0, n), rel=0.05)
    for q in (0.1, 0.5, 0.9):
        expected = np.mean([cf.monte_carlo_error_quantile(row, q) for row in values[:400]])
        assert np.quantile(values, q, axis=1).std() == pytest.approx(expected, rel=0.06)


# --- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: cf.t_power(1.0, 0.0, 5, 5),
        lambda: cf.t_power(1.0, 1.0, 1, 1),
        lambda: cf.design_effect([], 0.1),
        lambda: cf.design_effect([0, 1], 0.1),
        lambda: cf.design_effect([1, 2], 1.1),
        lambda: cf.design_effect([1, 2], 0.1, [1.0]),
        lambda: cf.design_effect_from_cv(2.0, -1.0, 0.1),
        lambda: cf.ancova_factor(1.2),
        lambda: cf.power_clustered(1.0, 1.0, 1.0, {1: 1.0}, 0.1),
        lambda: cf.power_clustered(1.0, 1.0, 50, {1: 1.0}, 0.1, baseline_correlation=1.0),
        lambda: cf.power_clustered(1.0, 1.0, 50, {}, 0.1),
        lambda: cf.power_clustered(1.0, 1.0, 50, {1: 1.0}, 0.1, retention=1.2),
        lambda: cf.monte_carlo_error(1.1, 5),
        lambda: cf.monte_carlo_error_mean(-1.0, 5),
        lambda: cf.monte_carlo_error_sd(1.0, 1),
        lambda: cf.monte_carlo_error_quantile([], 0.5),
        lambda: cf.monte_carlo_error_quantile([1.0], 1.0),
        lambda: cf.exact_bounds(3, 2),
        lambda: cf.exact_bounds(1, 2, 0.0),
        lambda: cf.t_power(1.0, 1.0, 5, 5, alpha=2.0),
    ],
)
def test_arguments_out_of_range_are_errors(call):
    with pytest.raises(ValueError, match=r"."):
        call()
