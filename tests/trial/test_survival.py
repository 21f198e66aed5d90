"""Times to an event: against lifelines and statsmodels to many digits, by hand, and the size of the tests."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines import AalenJohansenFitter, CoxPHFitter
from lifelines.statistics import logrank_test
from statsmodels.duration.hazard_regression import PHReg

from best_sim.trial.analysis.survival import (
    NO_EVENTS,
    NOT_FOLLOWED,
    cox,
    cumulative_incidence,
    incidence_difference,
    log_rank,
)


def trial(seed: int, n_families: int = 150, ratio: float = 1.0, frailty: float = 0.8, together: float = 0.6):
    """Times of siblings who share a frailty, and often the very day; censored at three years or before."""
    rng = np.random.default_rng(seed)
    sizes = rng.choice([1, 2, 3], n_families, p=[0.7, 0.25, 0.05])
    family = np.repeat(np.arange(n_families), sizes)
    arm = rng.permutation(np.arange(n_families) % 2)[family].astype(float)
    shared = rng.gamma(1 / frailty, frailty, n_families) if frailty else np.ones(n_families)
    hazard = shared[family] * ratio**arm / 400.0
    t = rng.exponential(1 / hazard)
    first = np.searchsorted(family, family)
    t = np.where(rng.random(len(t)) < together, t[first], t)
    end = rng.uniform(400, 1100, n_families)[family]
    site = rng.integers(0, 2, n_families)[family].astype(float)
    time = np.ceil(np.minimum(t, end))
    event = t <= end
    cause = np.where(event, rng.integers(1, 4, n_families)[family], 0)
    return time, event, arm, family, site, cause


def frame(time, event, arm, family, site):
    return pd.DataFrame({"t": time, "e": event.astype(int), "site": site, "arm": arm, "family": family})


def test_cox_is_that_of_statsmodels_and_lifelines():
    time, event, arm, family, site, _ = trial(1, ratio=0.7)
    assert len(np.unique(time[event])) < event.sum()  # there are ties
    fit = cox(time, event, arm, family, site, robust=False)
    other = PHReg(time, np.column_stack([site, arm]), event.astype(int), ties="efron").fit()
    assert fit.estimate == pytest.approx(other.params[1], rel=1e-7)
    assert fit.standard_error == pytest.approx(other.bse[1], rel=1e-6)
    life = CoxPHFitter().fit(frame(time, event, arm, family, site).drop(columns="family"), "t", "e")
    assert fit.estimate == pytest.approx(life.params_["arm"], rel=1e-5)


def test_the_robust_variance_without_ties_is_that_of_lifelines():
    time, event, arm, family, site, _ = trial(2, ratio=1.4, together=0.0)
    time = time + np.random.default_rng(0).random(len(time)) * 0.9
    fit = cox(time, event, arm, family, site)
    life = CoxPHFitter().fit(
        frame(time, event, arm, family, site), "t", "e", cluster_col="family", robust=True,
        fit_options={"precision": 1e-12},
    )  # fmt: skip
    g = len(np.unique(family))
    assert fit.estimate == pytest.approx(life.params_["arm"], rel=1e-6)
    assert fit.standard_error == pytest.approx(
        life.standard_errors_["arm"] * math.sqrt(g / (g - 1)), rel=1e-5
    )


def test_score_residuals_with_ties_are_what_each_child_adds():
    """By definition they sum to the gradient, whichever the coefficients; so with weights, by their derivative."""
    from best_sim.trial.analysis.survival import _Partial

    time, event, arm, _, site, _ = trial(3, n_families=40)
    model = _Partial(time, event.astype(float), np.column_stack([site, arm]))
    for beta in (np.zeros(2), np.array([0.3, -0.8])):
        _, score, _ = model.at(beta)
        assert model.residuals(beta).sum(axis=0) == pytest.approx(score, abs=1e-9)


def test_the_information_is_the_curvature_of_the_likelihood():
    from best_sim.trial.analysis.survival import _Partial

    time, event, arm, _, site, _ = trial(4, n_families=60)
    model = _Partial(time, event.astype(float), np.column_stack([site, arm]))
    beta, h = np.array([0.2, -0.4]), 1e-5
    _, score, information = model.at(beta)
    for j in range(2):
        step = np.eye(2)[j] * h
        up, down = model.at(beta + step), model.at(beta - step)
        assert (up[0] - down[0]) / (2 * h) == pytest.approx(score[j], rel=1e-6, abs=1e-6)
        assert -(up[1] - down[1]) / (2 * h) == pytest.approx(information[j], rel=1e-5, abs=1e-5)


def test_six_children_by_hand():
    """Times 1, 2, 3 with LIFT and 2, 4, 5+ with SAU: the partial likelihood written out."""
    time, event = [1.0, 2, 3, 2, 4, 5], [1, 1, 1, 1, 1, 0]
    arm = [1, 1, 1, 0, 0, 0]
    fit = cox(time, np.array(event, bool), arm, range(6), robust=False)

    def likelihood(b):
        r = math.exp(b)
        at_two = 2 * r + 3
        return (
            b - math.log(3 * r + 3)
            + b - math.log(at_two) - math.log(at_two - (r + 1) / 2)  # Efron: two of five on the same day
            + b - math.log(r + 2) - math.log(2)
        )  # fmt: skip

    grid = np.linspace(fit.estimate - 1, fit.estimate + 1, 20001)
    assert grid[np.argmax([likelihood(b) for b in grid])] == pytest.approx(fit.estimate, abs=2e-4)


def test_log_rank_is_that_of_lifelines():
    time, event, arm, family, _, _ = trial(5, ratio=0.8)
    fit = log_rank(time, event, arm, family, robust=False)
    other = logrank_test(time[arm == 1], time[arm == 0], event[arm == 1], event[arm == 0])
    assert fit.statistic**2 == pytest.approx(other.test_statistic, rel=1e-9)
    assert fit.p_value == pytest.approx(other.p_value, rel=1e-7)


def test_the_robust_log_rank_is_the_score_test_of_cox_without_ties():
    from best_sim.trial.analysis.survival import _Partial

    time, event, arm, family, _, _ = trial(6, together=0.0)
    time = time + np.random.default_rng(1).random(len(time)) * 0.9
    fit = log_rank(time, event, arm, family)
    parts = _Partial(time, event.astype(float), arm[:, None]).residuals(np.zeros(1))[:, 0]
    sums = np.bincount(family, parts)
    g = len(sums)
    assert fit.statistic == pytest.approx(parts.sum() / math.sqrt((sums**2).sum() * g / (g - 1)), rel=1e-9)


def test_incidence_is_that_of_lifelines():
    time, _, _, _, _, cause = trial(7)
    jitter = time + np.random.default_rng(2).random(len(time)) * 0.5
    got = cumulative_incidence(jitter, cause, of=2)
    other = AalenJohansenFitter(calculate_variance=False).fit(jitter, cause, event_of_interest=2)
    at = np.array([100.0, 300.0, 600.0, 900.0])
    assert got.at(at) == pytest.approx(other.predict(at).to_numpy(), abs=1e-9)
    assert got.at(0.0) == 0.0
    every = sum(float(cumulative_incidence(time, cause, of=k).at(800.0)) for k in (1, 2, 3))
    assert every == pytest.approx(float(cumulative_incidence(time, (cause > 0).astype(int), of=1).at(800.0)))


def test_without_censoring_incidence_is_a_share_and_the_jackknife_its_error():
    time, _, arm, _, _, cause = trial(8, n_families=200)
    cause = np.maximum(cause, 1)
    family = np.arange(len(time))
    fit = incidence_difference(time, cause, arm, family, of=2, horizon=500.0)
    got = [((cause == 2) & (time <= 500))[arm == a] for a in (1, 0)]
    p, n = [g.mean() for g in got], [len(g) for g in got]
    assert fit.estimate == pytest.approx(p[0] - p[1])
    error = math.sqrt(sum(q * (1 - q) / (m - 1) for q, m in zip(p, n, strict=True)))
    assert fit.standard_error == pytest.approx(error, rel=1e-9)


@given(st.integers(0, 10_000))
def test_the_order_of_rows_and_the_names_of_arms_do_not_matter(seed):
    time, event, arm, family, site, _ = trial(seed, n_families=50)
    order = np.random.default_rng(seed).permutation(len(time))
    for analysis in (cox, log_rank):
        fit = analysis(time, event, arm, family, site)
        other = analysis(time[order], event[order], arm[order], family[order], site[order])
        mirrored = analysis(time, event, 1 - arm, family, site)
        assert other.estimate == pytest.approx(fit.estimate, rel=1e-7, abs=1e-9)
        assert mirrored.estimate == pytest.approx(-fit.estimate, rel=1e-7, abs=1e-9)
        assert (mirrored.p_value, other.p_value) == pytest.approx((fit.p_value, fit.p_value), rel=1e-6)


def test_siblings_alike_the_tests_have_their_size_and_without_families_they_have_not():
    n = 1500
    found = {"cox": 0, "log-rank": 0, "difference": 0, "strangers": 0}
    for seed in range(n):
        time, event, arm, family, _, cause = trial(90_000 + seed, n_families=100, together=1.0)
        found["cox"] += cox(time, event, arm, family).p_value < 0.05
        found["log-rank"] += log_rank(time, event, arm, family).p_value < 0.05
        found["strangers"] += log_rank(time, event, arm, family, robust=False).p_value < 0.05
        if seed < 300:
            fit = incidence_difference(time, cause, arm, family, of=1, horizon=365.0)
            found["difference"] += fit.p_value < 0.05
    error = math.sqrt(0.05 * 0.95 / n)
    assert abs(found["cox"] / n - 0.05) < 4 * error
    assert abs(found["log-rank"] / n - 0.05) < 4 * error
    assert abs(found["difference"] / 300 - 0.05) < 4 * error * math.sqrt(5)
    assert found["strangers"] / n > 0.05 + 4 * error


def test_what_cannot_be_told_is_said():
    time, event, arm, family, _, cause = trial(9)
    assert cox(time, event & (arm == 0), arm, family).note == NO_EVENTS
    assert log_rank(time, np.zeros(len(time), bool), arm, family).note == NO_EVENTS
    assert "an arm is empty" in cox(time, event, np.zeros(len(time)), family).note
    assert incidence_difference(time, cause, arm, family, of=1, horizon=5000.0).note == NOT_FOLLOWED
    assert "apart from the covariates" in cox(time, event, arm, family, arm).note
    gone = time.copy()
    gone[:4] = np.nan
    assert cox(gone, event, arm, family).n_dropped == 4
