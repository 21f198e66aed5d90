"""The analyses against published fits, balanced data solved exactly, and likelihoods in full."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from kernels import as_written
from scipy import optimize, stats

from best_sim.trial.analysis import (
    PRIMARY_METHODS,
    ancova_cluster_robust,
    mixed,
    mixed_model,
    t_test_children,
    t_test_family_means,
)
from best_sim.trial.analysis.fit import (
    ALIASED,
    FAMILY_VARIANCE_ZERO,
    NO_FREEDOM,
    SAME_SIBLINGS,
    SATURATED,
    SINGLETONS,
    Rows,
)

# Davies & Goldsmith (1972), Statistical Methods in Research and Production; `Dyestuff` in lme4.
DYESTUFF = np.array(
    [
        [1545, 1440, 1440, 1520, 1580],
        [1540, 1555, 1490, 1560, 1495],
        [1595, 1550, 1605, 1510, 1560],
        [1445, 1440, 1595, 1465, 1545],
        [1595, 1630, 1515, 1635, 1625],
        [1520, 1455, 1450, 1480, 1445],
    ],
    dtype=float,
)

# Potthoff & Roy (1964) Biometrika 51:313; `Orthodont` in nlme. Ages 8, 10, 12, 14; 16 boys, then 11 girls.
ORTHODONT = np.fromstring(
    """26 25 29 31  21.5 22.5 23 26.5  23 22.5 24 27.5  25.5 27.5 26.5 27  20 23.5 22.5 26
    24.5 25.5 27 28.5
    22 22 24.5 26.5  24 21.5 24.5 25.5  23 20.5 31 26  27.5 28 31 31.5  23 23 23.5 25  21.5 23.5 24 28
    17 24.5 26 29.5  22.5 25.5 25.5 26  23 24.5 26 30  22 21.5 23.5 25
    21 20 21.5 23  21 21.5 24 25.5  20.5 24 24.5 26  23.5 24.5 25 26.5  21.5 23 22.5 23.5  20 21 21 22.5
    21.5 22.5 23 25  23 23 23.5 24  20 21 22 21.5  16.5 19 19 19.5  24.5 25 28 28""",
    sep=" ",
)

# Belenky et al. (2003) Journal of Sleep Research 12:1; `sleepstudy` in lme4. A row per subject, days 0 to 9.
SLEEPSTUDY = np.fromstring(
    """249.56 258.7047 250.8006 321.4398 356.8519 414.6901 382.2038 290.1486 430.5853 466.3535
    222.7339 205.2658 202.9778 204.707 207.7161 215.9618 213.6303 217.7272 224.2957 237.3142
    199.0539 194.3322 234.32 232.8416 229.3074 220.4579 235.4208 255.7511 261.0125 247.5153
    321.5426 300.4002 283.8565 285.133 285.7973 297.5855 280.2396 318.2613 305.3495 354.0487
    287.6079 285 301.8206 320.1153 316.2773 293.3187 290.075 334.8177 293.7469 371.5811
    234.8606 242.8118 272.9613 309.7688 317.4629 309.9976 454.1619 346.8311 330.3003 253.8644
    283.8424 289.555 276.7693 299.8097 297.171 338.1665 332.0265 348.8399 333.36 362.0428
    265.4731 276.2012 243.3647 254.6723 279.0244 284.1912 305.5248 331.5229 335.7469 377.299
    241.6083 273.9472 254.4907 270.8021 251.4519 254.6362 245.4523 235.311 235.7541 237.2466
    312.3666 313.8058 291.6112 346.1222 365.7324 391.8385 404.2601 416.6923 455.8643 458.9167
    236.1032 230.3167 238.9256 254.922 250.7103 269.7744 281.5648 308.102 336.2806 351.6451
    256.2968 243.4543 256.2046 255.5271 268.9165 329.7247 379.4445 362.9184 394.4872 389.0527
    250.5265 300.0576 269.8939 280.5891 271.8274 304.6336 287.7466 266.5955 321.5418 347.5655
    221.6771 298.1939 326.8785 346.8555 348.7402 352.8287 354.4266 360.4326 375.6406 388.5417
    271.9235 268.4369 257.2424 277.6566 314.8222 317.2135 298.1353 348.1229 340.28 366.5131
    225.264 234.5235 238.9008 240.473 267.5373 344.1937 281.1481 347.5855 365.163 372.2288
    269.8804 272.4428 277.8989 281.7895 279.1705 284.512 259.2658 304.6306 350.7807 369.4692
    269.4117 273.474 297.5968 310.6316 287.1726 329.6076 334.4818 343.2199 369.1417 364.1236""",
    sep=" ",
)


def fit_design(design, y, family, method="reml", df="satterthwaite"):
    """Fit any design, not only one with arms; the contrast is the coefficient of the last column."""
    codes = np.unique(family, return_inverse=True)[1]
    rows = Rows(y, design[:, -1], design, codes, int(codes.max()) + 1, 0, "")
    return mixed._random_intercept(rows, "test", method, df, 0.05)


def trial(seed, n_families=40, icc=0.3, effect=1.0, sizes=(1, 2, 3), k=2):
    """Children of a family-randomised trial: y, treated, family, covariates."""
    rng = np.random.default_rng(seed)
    family = np.repeat(np.arange(n_families), rng.choice(sizes, n_families))
    treated = (np.arange(n_families) % 2 == 0)[family]
    covariates = rng.normal(10.0, 4.0, (family.size, k))
    covariates[:, -1] = (rng.random(n_families) < 0.5)[family]
    between, within = math.sqrt(icc), math.sqrt(1.0 - icc)
    noise = between * rng.normal(size=n_families)[family] + within * rng.normal(size=family.size)
    return 5.0 + effect * treated + covariates @ np.full(k, 0.3) + 5.0 * noise, treated, family, covariates


class Dense:
    """The likelihood from whole covariance matrices: slow, plain, sharing nothing with the package."""

    def __init__(self, y, treated, family, covariates, reml=True):
        self.X = np.column_stack([np.ones(len(y)), covariates, treated])
        self.y, self.reml = y, reml
        self.same = (family[:, None] == family[None, :]).astype(float)

    def solve(self, variances):
        family_variance, residual_variance = variances
        V = family_variance * self.same + residual_variance * np.eye(len(self.y))
        information = self.X.T @ np.linalg.solve(V, self.X)
        beta = np.linalg.solve(information, self.X.T @ np.linalg.solve(V, self.y))
        return V, information, beta

    def deviance(self, variances):
        V, information, beta = self.solve(variances)
        residual = self.y - self.X @ beta
        value = np.linalg.slogdet(V)[1] + residual @ np.linalg.solve(V, residual)
        return value + (np.linalg.slogdet(information)[1] if self.reml else 0.0)

    def contrast_variance(self, variances):
        return np.linalg.inv(self.solve(variances)[1])[-1, -1]

    def maximise(self):
        start = np.log([self.y.var() / 3, self.y.var() / 2])
        found = optimize.minimize(
            lambda log: self.deviance(np.exp(log)),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000},
        )
        return np.exp(found.x)

    def satterthwaite(self, variances):
        """By central differences of the textbook formula, in the two variances themselves."""
        step = 1e-3 * variances
        gradient = np.empty(2)
        hessian = np.empty((2, 2))
        for i in range(2):
            up, down = variances.copy(), variances.copy()
            up[i] += step[i]
            down[i] -= step[i]
            gradient[i] = (self.contrast_variance(up) - self.contrast_variance(down)) / (2 * step[i])
            for j in range(2):
                value = 0.0
                for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                    at = variances.copy()
                    at[i] += a * step[i]
                    at[j] += b * step[j]
                    value += a * b * self.deviance(at)
                hessian[i, j] = value / (4 * step[i] * step[j])
        covariance = 2.0 * np.linalg.inv(hessian)
        return 2.0 * self.contrast_variance(variances) ** 2 / (gradient @ covariance @ gradient)


# --- published fits -----------------------------------------------------------------------------------------


@pytest.mark.published
def test_dyestuff_is_the_fit_of_lme4():
    """Bates et al. (2015) Journal of Statistical Software 67(1), and the closed form for balanced data."""
    fit = fit_design(np.ones((30, 1)), DYESTUFF.ravel(), np.repeat(np.arange(6), 5))
    within = DYESTUFF.var(axis=1, ddof=1).mean()
    between = 5 * DYESTUFF.mean(axis=1).var(ddof=1)
    assert fit.residual_variance == pytest.approx(within, rel=1e-12)
    assert fit.family_variance == pytest.approx((between - within) / 5, rel=1e-10)
    assert fit.standard_error == pytest.approx(math.sqrt(between / 30), rel=1e-10)
    assert fit.df == pytest.approx(5.0, rel=1e-9)
    assert (fit.estimate, fit.residual_variance) == pytest.approx((1527.5, 2451.25), abs=1e-9)
    assert fit.family_variance == pytest.approx(1764.05, abs=0.005)
    assert fit.standard_error == pytest.approx(19.3834, abs=5e-5)


@pytest.mark.published
def test_dyestuff_by_full_likelihood():
    fit = fit_design(np.ones((30, 1)), DYESTUFF.ravel(), np.repeat(np.arange(6), 5), method="ml")
    assert fit.family_variance == pytest.approx(1388.3333, abs=5e-5)
    assert fit.residual_variance == pytest.approx(2451.25, abs=1e-7)
    assert fit.standard_error == pytest.approx(17.6946, abs=5e-5)


@pytest.mark.published
def test_orthodont_is_the_fit_of_nlme():
    """Pinheiro & Bates (2000), `lme(distance ~ age + Sex, random = ~ 1)`: a contrast between subjects."""
    girl = np.repeat(np.arange(27) >= 16, 4)
    subject = np.repeat(np.arange(27), 4)
    age = np.tile([8.0, 10.0, 12.0, 14.0], 27)
    fit = mixed_model(ORTHODONT, girl, subject, age, df="between-within")
    assert fit.estimate == pytest.approx(-2.321023, abs=5e-7)
    assert fit.standard_error == pytest.approx(0.7614168, abs=5e-7)
    assert fit.df == 25
    assert fit.statistic == pytest.approx(-3.048294, abs=5e-6)
    assert fit.p_value == pytest.approx(0.0054, abs=5e-5)
    assert math.sqrt(fit.family_variance) == pytest.approx(1.807425, abs=5e-6)
    assert math.sqrt(fit.residual_variance) == pytest.approx(1.431592, abs=5e-6)
    assert mixed_model(ORTHODONT, girl, subject, age).df == pytest.approx(25.0, rel=1e-9)


@pytest.mark.published
def test_sleepstudy_is_the_fit_of_lmertest():
    """`lmer(Reaction ~ Days + (1 | Subject))`: the intercept mixes both strata, so its df is not whole."""
    days = np.tile(np.arange(10.0), 18)
    subject = np.repeat(np.arange(18), 10)
    ones = np.ones(180)
    slope = fit_design(np.column_stack([ones, days]), SLEEPSTUDY, subject)
    assert (slope.estimate, slope.standard_error) == pytest.approx((10.4673, 0.8042), abs=5e-5)
    assert slope.df == pytest.approx(161.0, rel=1e-9)
    assert (slope.family_variance, slope.residual_variance) == pytest.approx((1378.18, 960.46), abs=5e-3)
    intercept = fit_design(np.column_stack([days, ones]), SLEEPSTUDY, subject)
    assert (intercept.estimate, intercept.standard_error) == pytest.approx((251.4051, 9.7467), abs=6e-5)
    assert intercept.df == pytest.approx(22.81, abs=0.01)
    inner = fit_design(np.column_stack([ones, days]), SLEEPSTUDY, subject, df="between-within")
    assert inner.df == 161


# --- independent oracles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["reml", "ml"])
@pytest.mark.parametrize("seed", range(6))
def test_mixed_model_maximises_the_likelihood_written_out(seed, method):
    y, treated, family, covariates = trial(seed, icc=0.5)
    fit = mixed_model(y, treated, family, covariates, method=method)
    dense = Dense(y, treated, family, covariates, reml=method == "reml")
    variances = dense.maximise()
    assert fit.converged
    assert fit.note == ""
    assert (fit.family_variance, fit.residual_variance) == pytest.approx(tuple(variances), rel=1e-5)
    assert fit.estimate == pytest.approx(dense.solve(variances)[2][-1], rel=1e-5)
    assert fit.standard_error == pytest.approx(math.sqrt(dense.contrast_variance(variances)), rel=1e-6)
    assert fit.df == pytest.approx(dense.satterthwaite(variances), rel=1e-4)
    # The oracle's search ends sooner than ours: what it found may not be better than where we stopped.
    ours = np.array([fit.family_variance, fit.residual_variance])
    assert dense.deviance(ours) <= dense.deviance(variances) + 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_mixed_model_is_near_statsmodels(seed):
    """Near only: its optimiser stops early, and its standard errors are known to be off by a little."""
    y, treated, family, covariates = trial(seed, n_families=150, icc=0.5)
    fit = mixed_model(y, treated, family, covariates)
    design = np.column_stack([np.ones(y.size), covariates, treated])
    other = sm.MixedLM(y, design, groups=family).fit(reml=True)
    assert fit.estimate == pytest.approx(other.params[3], rel=1e-3)
    assert fit.standard_error == pytest.approx(other.bse[3], rel=0.02)
    assert fit.residual_variance == pytest.approx(other.scale, rel=1e-3)


def test_balanced_families_give_the_t_test_on_family_means():
    y, treated, family, _ = trial(3, sizes=(2,), icc=0.6)
    fit, means = mixed_model(y, treated, family), t_test_family_means(y, treated, family)
    assert fit.family_variance > 0
    assert fit.df == pytest.approx(38.0, rel=1e-9)
    assert means.df == 38
    for name in ("estimate", "standard_error", "p_value"):
        assert getattr(fit, name) == pytest.approx(getattr(means, name), rel=1e-9)
    assert fit.interval == pytest.approx(means.interval, rel=1e-9)


def test_between_within_counts_what_is_constant_within_families():
    y, treated, family, covariates = trial(1)
    # Forty families; intercept, site and arm are between them, the baseline is not.
    assert mixed_model(y, treated, family, covariates, df="between-within").df == 37
    normal = mixed_model(y, treated, family, covariates, df="normal")
    assert math.isinf(normal.df)
    assert normal.p_value == pytest.approx(2 * stats.norm.sf(abs(normal.statistic)), rel=1e-12)


def test_without_family_variance_it_is_least_squares():
    y, treated, family, covariates = trial(0, n_families=60, sizes=(2,))
    # Siblings made less alike than strangers.
    y = covariates @ [0.3, 0.3] + treated + np.tile([3.0, -3.0], 60) + 0.1 * y
    fit = mixed_model(y, treated, family, covariates)
    ols = sm.OLS(y, np.column_stack([np.ones(y.size), covariates, treated])).fit()
    assert fit.family_variance == 0.0
    assert fit.note == FAMILY_VARIANCE_ZERO
    assert fit.converged
    assert (fit.estimate, fit.standard_error) == pytest.approx((ols.params[3], ols.bse[3]), rel=1e-10)
    assert (fit.df, fit.p_value) == pytest.approx((ols.df_resid, ols.pvalues[3]), rel=1e-9)


def test_singletons_are_least_squares_and_say_so():
    y, treated, family, covariates = trial(0, sizes=(1,))
    fit = mixed_model(y, treated, family, covariates)
    ols = sm.OLS(y, np.column_stack([np.ones(y.size), covariates, treated])).fit()
    assert (fit.standard_error, fit.p_value) == pytest.approx((ols.bse[3], ols.pvalues[3]), rel=1e-9)
    assert fit.note == SINGLETONS


@pytest.mark.parametrize("seed", range(4))
def test_cluster_robust_equals_statsmodels(seed):
    y, treated, family, covariates = trial(seed)
    fit = ancova_cluster_robust(y, treated, family, covariates, alpha=0.1)
    other = sm.OLS(y, np.column_stack([np.ones(y.size), covariates, treated])).fit(
        cov_type="cluster", cov_kwds={"groups": family, "use_correction": True}, use_t=True
    )
    ours = (fit.estimate, fit.standard_error, fit.statistic, fit.p_value, *fit.interval)
    theirs = (other.params[3], other.bse[3], other.tvalues[3], other.pvalues[3], *other.conf_int(0.1)[3])
    assert ours == pytest.approx(theirs, rel=1e-10)
    assert fit.df == 39


def test_t_tests_equal_scipy():
    y, treated, family, _ = trial(2)
    means = np.array([y[family == f].mean() for f in range(40)])
    arm = np.arange(40) % 2 == 0
    for fit, other in (
        (t_test_children(y, treated, family), stats.ttest_ind(y[treated], y[~treated])),
        (t_test_family_means(y, treated, family), stats.ttest_ind(means[arm], means[~arm])),
    ):
        ours = (fit.statistic, fit.p_value, fit.df, *fit.interval)
        theirs = (other.statistic, other.pvalue, other.df, *other.confidence_interval(0.95))
        assert ours == pytest.approx(theirs, rel=1e-10)


# --- properties ---------------------------------------------------------------------------------------------


@given(st.integers(0, 10_000), st.floats(-1e4, 1e4), st.floats(0.01, 100.0))
def test_level_and_unit_of_the_outcome_do_not_matter(seed, level, unit):
    y, treated, family, covariates = trial(seed)
    for analyse in PRIMARY_METHODS.values():
        fit, other = (
            analyse(y, treated, family, covariates),
            analyse(level + unit * y, treated, family, covariates),
        )
        assert other.estimate == pytest.approx(unit * fit.estimate, rel=1e-6, abs=1e-7 * unit)
        assert other.standard_error == pytest.approx(unit * fit.standard_error, rel=1e-6)
        assert other.df == pytest.approx(fit.df, rel=1e-5)


@given(st.integers(0, 10_000))
def test_order_and_names_do_not_matter(seed):
    y, treated, family, covariates = trial(seed)
    order = np.random.default_rng(seed).permutation(y.size)
    names = np.array([f"family {99 - f}" for f in range(40)])
    for analyse in PRIMARY_METHODS.values():
        fit = analyse(y, treated, family, covariates)
        other = analyse(y[order], treated[order], names[family[order]], covariates[order])
        mirrored = analyse(y, ~treated, family, covariates)
        assert other.p_value == pytest.approx(fit.p_value, rel=1e-6)
        assert mirrored.estimate == pytest.approx(-fit.estimate, rel=1e-6)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.9]))
def test_compiled_and_interpreted_agree(seed, icc):
    y, treated, family, covariates = trial(seed, n_families=12, icc=icc)
    compiled = mixed_model(y, treated, family, covariates)
    with pytest.MonkeyPatch.context() as patch:
        plain = as_written(mixed._compiled())
        patch.setattr(mixed, "_compiled", lambda: plain)
        interpreted = mixed_model(y, treated, family, covariates)
    ours = (compiled.estimate, compiled.standard_error, compiled.df, compiled.p_value)
    theirs = (interpreted.estimate, interpreted.standard_error, interpreted.df, interpreted.p_value)
    assert ours == pytest.approx(
        theirs, rel=1e-8, abs=1e-9, nan_ok=True
    )  # twelve families may not tell the arms apart
    assert compiled.note == interpreted.note


def test_threads_give_the_same_fits():
    trials = [trial(seed) for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda t: mixed_model(*t), trials)) == [mixed_model(*t) for t in trials]


def test_missing_rows_are_dropped_and_counted():
    y, treated, family, covariates = trial(4)
    keep = np.ones(y.size, dtype=bool)
    keep[[0, 5, 9]] = False
    holed_y, holed_x = y.copy(), covariates.copy()
    holed_y[[0, 5]] = np.nan
    holed_x[9, 0] = np.nan
    for analyse in PRIMARY_METHODS.values():
        holed = analyse(holed_y, treated, family, holed_x)
        whole = analyse(y[keep], treated[keep], family[keep], covariates[keep])
        assert holed.n_dropped == 3
        assert holed.n_children == y.size - 3
        assert holed.p_value == whole.p_value


def test_redundant_covariates_are_left_out():
    y, treated, family, covariates = trial(4)
    redundant = np.column_stack([covariates, np.zeros(y.size), covariates.sum(axis=1), np.full(y.size, 7.0)])
    for analyse in (mixed_model, ancova_cluster_robust):
        fit, other = analyse(y, treated, family, covariates), analyse(y, treated, family, redundant)
        assert (other.p_value, other.df) == pytest.approx((fit.p_value, fit.df), rel=1e-8)


# --- trials that cannot be analysed -------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRIMARY_METHODS)
@pytest.mark.parametrize(
    ("y", "treated", "family", "note"),
    [
        ([], [], [], "no child"),
        ([1, 2, 3, 4], [1, 1, 1, 1], [0, 1, 2, 3], "an arm is empty"),
        ([1, 2, 3, np.nan], [1, 1, 1, 0], [0, 1, 2, 3], "an arm is empty"),
        ([1, 2, 3, 5], [1, 1, 0, 0], [0, 0, 1, 1], "only 2 families"),
        ([4.1] * 6, [1, 1, 1, 0, 0, 0], [0, 1, 2, 3, 4, 5], "does not vary"),
        ([1, 1, 1, 2, 2, 2], [1, 1, 1, 0, 0, 0], [0, 1, 2, 3, 4, 5], "does not vary"),
    ],
)
def test_degenerate_trials_give_a_fit_that_says_so(name, y, treated, family, note):
    fit = PRIMARY_METHODS[name](y, treated, family)
    assert not fit.converged
    assert note in fit.note
    assert math.isnan(fit.p_value)
    assert all(math.isnan(end) for end in fit.interval)


def test_other_degenerate_trials():
    arm = [1, 1, 1, 0, 0, 0]
    y = [1.0, 4.0, 2.0, 3.0, 7.0, 5.0]
    for analyse in (mixed_model, ancova_cluster_robust):
        assert analyse(y, arm, range(6), arm).note == ALIASED
        assert analyse(y, arm, range(6), np.eye(6)[:, 1:5]).note == SATURATED
    twins = np.repeat(y, 2)
    assert mixed_model(twins, np.repeat(arm, 2), np.repeat(np.arange(6), 2)).note == SAME_SIBLINGS
    # As many coefficients between families as families, though there are children to spare.
    site = [0, 0, 1, 1, 0, 0]
    assert mixed_model(y, [1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 2, 2], site).note == NO_FREEDOM
    assert "varies within" in t_test_family_means(y, [1, 0, 1, 0, 1, 0], [0, 0, 1, 1, 2, 2]).note


@pytest.mark.parametrize("seed", range(40))
def test_a_likelihood_that_is_flat_in_the_family_variance_ends_in_no_error(seed):
    """One pair of siblings, and a covariate that only its second child has: nothing tells the variances apart."""
    luck = np.random.default_rng(160 + seed)
    n = 12
    family, second = np.array([*range(n), n - 1]), np.zeros((n + 1, 1))
    second[-1] = 1.0
    treated = np.append(np.arange(n) % 2, (n - 1) % 2).astype(float)
    y = np.round(luck.normal(10.0, 5.0, n + 1))
    got, only = mixed_model(y, treated, family, second), mixed_model(y[:-1], treated[:-1], family[:-1])
    if got.note != SAME_SIBLINGS:
        assert (got.estimate, got.standard_error) == pytest.approx((only.estimate, only.standard_error))


def test_mistakes_of_the_caller_are_errors():
    with pytest.raises(ValueError, match="one row per child"):
        mixed_model([1, 2, 3], [1, 0], [0, 1, 2])
    with pytest.raises(ValueError, match="only hold 0 and 1"):
        mixed_model([1, 2, 3], [1, 0, 2], [0, 1, 2])
    with pytest.raises(ValueError, match="'between-within'"):
        mixed_model([1, 2, 3], [1, 0, 1], [0, 1, 2], df="kenward")
    with pytest.raises(ValueError, match="'reml'"):
        mixed_model([1, 2, 3], [1, 0, 1], [0, 1, 2], method="REML")


# --- does it keep its promises ------------------------------------------------------------------------------


@pytest.mark.theory
def test_size_and_coverage_in_families_like_the_trials():
    """Two thousand trials without effect: 5 % reject, give or take four Monte Carlo standard errors."""
    n = 2000
    rejected = {name: 0 for name in PRIMARY_METHODS}
    for seed in range(n):
        y, treated, family, covariates = trial(seed, n_families=60, icc=0.5, effect=0.0, k=1)
        for name, analyse in PRIMARY_METHODS.items():
            rejected[name] += analyse(y, treated, family, covariates).p_value < 0.05
    reach = 4 * math.sqrt(0.05 * 0.95 / n)
    for name in ("mixed-model", "ancova-cluster-robust", "t-test-family-means"):
        assert abs(rejected[name] / n - 0.05) < reach, name
    # Siblings counted as strangers: the error that the others are there to avoid.
    assert rejected["t-test-children"] / n > 0.05 + reach
