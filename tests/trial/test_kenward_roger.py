"""Kenward and Roger's adjustment against pbkrtest's printed fits, and against their formulas written out."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from kernels import as_written
from scipy import stats

from best_sim.trial.analysis import mixed, mixed_model, t_test_family_means
from best_sim.trial.analysis.fit import FAMILY_VARIANCE_ZERO, SINGLETONS, Rows

# Henderson & Velleman (1981) Biometrics 37:391; `mtcars` in R. Columns mpg, cyl, hp, wt, am, gear.
MTCARS = np.fromstring(
    """21 6 110 2.62 1 4  21 6 110 2.875 1 4  22.8 4 93 2.32 1 4  21.4 6 110 3.215 0 3  18.7 8 175 3.44 0 3
    18.1 6 105 3.46 0 3  14.3 8 245 3.57 0 3  24.4 4 62 3.19 0 4  22.8 4 95 3.15 0 4  19.2 6 123 3.44 0 4
    17.8 6 123 3.44 0 4  16.4 8 180 4.07 0 3  17.3 8 180 3.73 0 3  15.2 8 180 3.78 0 3  10.4 8 205 5.25 0 3
    10.4 8 215 5.424 0 3  14.7 8 230 5.345 0 3  32.4 4 66 2.2 1 4  30.4 4 52 1.615 1 4  33.9 4 65 1.835 1 4
    21.5 4 97 2.465 0 3  15.5 8 150 3.52 0 3  15.2 8 150 3.435 0 3  13.3 8 245 3.84 0 3  19.2 8 175 3.845 0 3
    27.3 4 66 1.935 1 4  26 4 91 2.14 1 5  30.4 4 113 1.513 1 5  15.8 8 264 3.17 1 5  19.7 6 175 2.77 1 5
    15 8 335 3.57 1 5  21.4 4 109 2.78 1 4""",
    sep=" ",
).reshape(32, 6)


def fit_design(design, y, family):
    """Fit any design, not only one with arms; the contrast is the coefficient of the last column."""
    codes = np.unique(family, return_inverse=True)[1]
    rows = Rows(y, design[:, -1], design, codes, int(codes.max()) + 1, 0, "")
    return mixed._random_intercept(rows, "test", "reml", "kenward-roger", 0.05)


def trial(seed, n_families=15, icc=0.4, sizes=(1, 2, 3), effect=0.0):
    """A small family-randomised trial, in which the adjustment is not small."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(n_families), rng.choice(sizes, n_families))
    treated = (np.arange(n_families) % 2 == 0)[family]
    covariates = rng.normal(3.0, 2.0, (family.size, 2))
    noise = math.sqrt(icc) * rng.normal(size=n_families)[family] + math.sqrt(1 - icc) * rng.normal(
        size=family.size
    )
    return covariates.sum(axis=1) + effect * treated + noise, treated, family, covariates


def literal(design, family, variances, step=1e-4):
    """Kenward & Roger (1997), sections 2 and 3, for the last coefficient: whole matrices, numerical derivatives.

    The derivatives of the covariance of the data, of the expected log-likelihood and of the covariance of the
    coefficients are central differences; the scale and the degrees of freedom come from the general formulas for
    a contrast of l rows, with l = 1 only put in at the end.
    """
    same = (family[:, None] == family[None, :]).astype(float)
    n, p = design.shape

    def covariance(theta):
        return theta[0] * same + theta[1] * np.eye(n)

    def moved(i, by):
        theta = np.array(variances, dtype=float)
        theta[i] += by
        return theta

    # Steps of one size in both variances: the family's may be zero, and V is linear, so nothing is lost.
    step *= variances[1]
    V = covariance(variances)
    inverse = np.linalg.inv(V)
    phi = np.linalg.inv(design.T @ inverse @ design)
    projection = inverse - inverse @ design @ phi @ design.T @ inverse
    change_V = [(covariance(moved(i, step)) - covariance(moved(i, -step))) / (2 * step) for i in range(2)]
    change_inverse = [
        (np.linalg.inv(covariance(moved(i, step))) - np.linalg.inv(covariance(moved(i, -step)))) / (2 * step)
        for i in range(2)
    ]
    P = [design.T @ change_inverse[i] @ design for i in range(2)]
    Q = [[design.T @ change_inverse[i] @ V @ change_inverse[j] @ design for j in range(2)] for i in range(2)]
    information = np.array(
        [
            [0.5 * np.trace(projection @ change_V[i] @ projection @ change_V[j]) for j in range(2)]
            for i in range(2)
        ]
    )
    W = np.linalg.inv(information)
    middle = sum(W[i, j] * (Q[i][j] - P[i] @ phi @ P[j]) for i in range(2) for j in range(2))
    adjusted = phi + 2 * phi @ middle @ phi

    contrast = np.zeros((p, 1))
    contrast[-1] = 1.0
    rows = 1
    theta = contrast @ np.linalg.inv(contrast.T @ phi @ contrast) @ contrast.T
    pieces = [theta @ phi @ P[i] @ phi for i in range(2)]
    A1 = sum(W[i, j] * np.trace(pieces[i]) * np.trace(pieces[j]) for i in range(2) for j in range(2))
    A2 = sum(W[i, j] * np.trace(pieces[i] @ pieces[j]) for i in range(2) for j in range(2))
    B = (A1 + 6 * A2) / (2 * rows)
    g = ((rows + 1) * A1 - (rows + 4) * A2) / ((rows + 2) * A2)
    c1 = g / (3 * rows + 2 * (1 - g))
    c2 = (rows - g) / (3 * rows + 2 * (1 - g))
    c3 = (rows + 2 - g) / (3 * rows + 2 * (1 - g))
    mean = 1 / (1 - A2 / rows)
    variance = (2 / rows) * (1 + c1 * B) / ((1 - c2 * B) ** 2 * (1 - c3 * B))
    rho = variance / (2 * mean**2)
    df = 4 + (rows + 2) / (rows * rho - 1)
    scale = df / (mean * (df - 2))
    return math.sqrt(adjusted[-1, -1]), df, scale


# --- published fits -----------------------------------------------------------------------------------------


@pytest.mark.published
def test_a_fit_printed_by_pbkrtest_to_all_digits():
    """`KRmodcomp(lmer(y ~ x + (1 | g)), update(., . ~ . - x))` on data made of sines.

    Printed in the tests of a public R function for Kenward and Roger's test ("krftst equals
    pbkrtest::KRmodcomp for variance components"). lmer's own variances, printed with it, stop 5e-9 short of the
    maximum.
    """
    i = np.arange(30)
    x = np.sin(1.3 * i) + 0.1 * i
    group = i // 5
    y = 2 + 0.5 * x + np.array([-0.6, 0.3, 0.9, -0.2, 0.4, -0.8])[group] + 0.5 * np.sin(2.9 * i + 0.4)
    fit = fit_design(np.column_stack([np.ones(30), x]), y, group)
    assert fit.family_variance == pytest.approx(0.41778383883297898, rel=1e-8)
    assert fit.residual_variance == pytest.approx(0.13995228058289766, rel=1e-8)
    assert fit.statistic**2 == pytest.approx(18.458409881288013, rel=3e-9)
    assert fit.df == pytest.approx(27.367979299962421, rel=3e-9)
    assert fit.p_value == pytest.approx(0.00019657909126163887, rel=2e-8)


@pytest.mark.published
def test_mtcars_is_the_fit_of_lmertest_with_the_family_variance_at_zero():
    """`lmer(mpg ~ factor(gear) * hp + factor(am) + wt + (1 | cyl), mtcars)`, every coefficient.

    `summary(ddf = "Kenward-Roger")` of lmerTest by way of pbkrtest, as printed in the tests of the R package
    parameters (easystats/parameters, tests/testthat/test-model_parameters_df_method.R).
    """
    mpg, cyl, hp, wt, am, gear = MTCARS.T
    assert (mpg.mean(), hp.mean(), wt.mean()) == pytest.approx((20.090625, 146.6875, 3.21725), abs=1e-12)
    four, five = gear == 4.0, gear == 5.0
    design = np.column_stack([np.ones(32), four, five, hp, am, wt, four * hp, five * hp])
    errors = (2.97608, 6.10454, 3.98754, 0.02032, 1.60327, 0.91599, 0.05509, 0.01962)
    dfs = (19.39553, 5.27602, 23.57086, 8.97297, 22.7421, 23.76299, 2.72622, 22.82714)
    p_values = (0, 0.09176, 0.19257, 0.30147, 0.84942, 0.00828, 0.15478, 0.40248)
    lower = (24.08091, -2.887, -2.88887, -0.06828, -3.01082, -4.5299, -0.29339, -0.05735)
    for column in range(8):
        order = [k for k in range(8) if k != column] + [column]
        fit = fit_design(design[:, order], mpg, cyl)
        assert fit.note == FAMILY_VARIANCE_ZERO
        ours = (fit.standard_error, fit.df, fit.p_value, fit.interval[0])
        theirs = (errors[column], dfs[column], p_values[column], lower[column])
        assert ours == pytest.approx(theirs, abs=6e-6), column


@pytest.mark.published
def test_another_fit_of_mtcars():
    """`lmer(wt ~ cyl + (1 | gear), mtcars)`: easystats/parameters, tests/testthat/test-p_value.R."""
    _, cyl, _, wt, _, gear = MTCARS.T
    fit = fit_design(np.column_stack([cyl, np.ones(32)]), wt, gear)
    assert fit.family_variance > 0
    assert fit.p_value == pytest.approx(0.319398, abs=6e-7)


# --- the formulas written out -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_it_is_the_literal_formula(seed):
    y, treated, family, covariates = trial(seed)
    fit = mixed_model(y, treated, family, covariates, df="kenward-roger")
    plain = mixed_model(y, treated, family, covariates)
    design = np.column_stack([np.ones(y.size), covariates, treated])
    error, df, scale = literal(design, family, (fit.family_variance, fit.residual_variance))
    assert (fit.standard_error, fit.df) == pytest.approx((error, df), rel=1e-6)
    assert scale == pytest.approx(1.0, abs=1e-10)
    assert fit.estimate == plain.estimate
    assert fit.standard_error > plain.standard_error
    assert fit.p_value == pytest.approx(2 * stats.t.sf(abs(fit.estimate / error), df), rel=1e-5)
    reach = stats.t.ppf(0.975, df) * error
    assert fit.interval == pytest.approx((fit.estimate - reach, fit.estimate + reach), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_literal_formula_where_the_family_variance_is_zero(seed):
    y, treated, family, covariates = trial(seed, sizes=(1, 2))
    # Siblings made less alike than strangers.
    y = y + 3.0 * (np.arange(y.size) % 2)
    alternating = covariates.sum(axis=1) + np.where(np.diff(family, prepend=-1) == 0, -3.0, 3.0) + 0.2 * y
    fit = mixed_model(alternating, treated, family, covariates, df="kenward-roger")
    assert fit.note == FAMILY_VARIANCE_ZERO
    design = np.column_stack([np.ones(y.size), covariates, treated])
    error, df, _ = literal(design, family, (0.0, fit.residual_variance))
    assert (fit.standard_error, fit.df) == pytest.approx((error, df), rel=1e-6)


# --- cases known without it ---------------------------------------------------------------------------------


def test_balanced_families_give_the_t_test_on_family_means():
    """Where the exact test exists, the adjustment finds it."""
    y, treated, family, _ = trial(3, n_families=40, sizes=(2,), icc=0.6)
    fit, means = mixed_model(y, treated, family, df="kenward-roger"), t_test_family_means(y, treated, family)
    assert fit.family_variance > 0
    for name in ("estimate", "standard_error", "df", "p_value"):
        assert getattr(fit, name) == pytest.approx(getattr(means, name), rel=1e-9)


def test_singletons_are_least_squares():
    y, treated, family, covariates = trial(0, n_families=30, sizes=(1,))
    fit = mixed_model(y, treated, family, covariates, df="kenward-roger")
    ols = sm.OLS(y, np.column_stack([np.ones(y.size), covariates, treated])).fit()
    assert fit.note == SINGLETONS
    ours, theirs = (fit.standard_error, fit.df, fit.p_value), (ols.bse[3], ols.df_resid, ols.pvalues[3])
    assert ours == pytest.approx(theirs, rel=1e-9)


def test_in_a_large_trial_it_is_satterthwaite():
    y, treated, family, covariates = trial(1, n_families=800)
    fit = mixed_model(y, treated, family, covariates, df="kenward-roger")
    plain = mixed_model(y, treated, family, covariates)
    assert fit.standard_error == pytest.approx(plain.standard_error, rel=1e-3)
    assert fit.df == pytest.approx(plain.df, rel=0.02)
    assert fit.method == "mixed-model reml kenward-roger"


@given(st.integers(0, 10_000), st.floats(-1e3, 1e3), st.floats(0.01, 100.0))
def test_level_unit_order_and_arms(seed, level, unit):
    y, treated, family, covariates = trial(seed)
    order = np.random.default_rng(seed).permutation(y.size)
    fit = mixed_model(y, treated, family, covariates, df="kenward-roger")
    moved = mixed_model(
        level + unit * y[order], ~treated[order], family[order], covariates[order], df="kenward-roger"
    )
    assert moved.estimate == pytest.approx(-unit * fit.estimate, rel=1e-6, abs=1e-7 * unit)
    assert (moved.standard_error, moved.df) == pytest.approx((unit * fit.standard_error, fit.df), rel=1e-5)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.9]))
def test_compiled_and_interpreted_agree(seed, icc):
    y, treated, family, covariates = trial(seed, icc=icc)
    compiled = mixed_model(y, treated, family, covariates, df="kenward-roger")
    with pytest.MonkeyPatch.context() as patch:
        plain = as_written(mixed._compiled())
        patch.setattr(mixed, "_compiled", lambda: plain)
        interpreted = mixed_model(y, treated, family, covariates, df="kenward-roger")
    ours = (compiled.standard_error, compiled.df, compiled.p_value)
    assert ours == pytest.approx((interpreted.standard_error, interpreted.df, interpreted.p_value), rel=1e-8)


def test_full_likelihood_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="needs method 'reml'"):
        mixed_model([1, 2, 3], [1, 0, 1], [0, 1, 2], method="ml", df="kenward-roger")


@pytest.mark.theory
def test_size_in_small_trials():
    """Twelve families, where the normal distribution rejects too often and this does not."""
    n = 2000
    rejected = {"kenward-roger": 0, "normal": 0}
    for seed in range(n):
        y, treated, family, covariates = trial(seed, n_families=12, icc=0.5)
        for df in rejected:
            rejected[df] += mixed_model(y, treated, family, covariates, df=df).p_value < 0.05
    reach = 4 * math.sqrt(0.05 * 0.95 / n)
    assert abs(rejected["kenward-roger"] / n - 0.05) < reach
    assert rejected["normal"] / n > 0.05 + reach
