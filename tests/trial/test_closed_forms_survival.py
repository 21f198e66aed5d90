"""Power of the log-rank test against published figures and brute force; the design effect of siblings."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.siblings import residual_correlation
from scipy import integrate, stats

from best_sim.trial import closed_forms as cf
from best_sim.trial.analysis import survival as sv
from best_sim.trial.closed_forms import survival as cs

SIZES = {1: 0.5, 2: 0.3, 3: 0.2}


def cohort(seed, n_families, hazard, ratio=1.0, theta=0.0, together=0.0, follow_up=1.0, accrual=0.0):
    """Families whose siblings' times are Clayton's, or one time for all; in each arm the hazard is constant.

    The times on the scale of the cumulative hazard, for how long children are followed on that scale, time, event,
    treated, family.
    """
    rng = np.random.default_rng(seed)
    size = rng.choice(list(SIZES), n_families, p=list(SIZES.values()))
    family = np.repeat(np.arange(n_families), size)
    treated = (rng.permutation(n_families) % 2 == 0)[family]
    unit = rng.exponential(size=family.size)
    if theta:
        unit = np.log1p(unit / rng.gamma(1 / theta, 1.0, n_families)[family]) / theta
    first = np.concatenate([[0], np.cumsum(size)[:-1]])
    unit = np.where((rng.random(n_families) < together)[family], unit[first][family], unit)
    rate = hazard * ratio**treated
    end = (follow_up + accrual * rng.random(n_families))[family]
    return unit, end * rate, np.minimum(unit / rate, end), unit / rate <= end, treated, family


# --- events and power ---------------------------------------------------------------------------------------


@pytest.mark.published
def test_power_of_the_events_of_rpact():
    """`getSampleSizeSurvival(alpha = 0.01)`: one-sided 1 %, power 80 %, control 20 % by month 12; rpact's own tests."""
    for share, events in ((0.4, 58.52451), (0.5, 31.248898), (0.6, 20.120262)):
        ratio = math.log(1 - share) / math.log(0.8)
        assert cs.schoenfeld_power(ratio, events, alpha=0.02) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.published
def test_events_are_those_of_gsdesign():
    """The vignette on Schoenfeld's formula: a hazard ratio of 0.7 takes 331 events for 90 % at one-sided 2.5 %."""
    assert cs.schoenfeld_power(0.7, 331) > 0.9 > cs.schoenfeld_power(0.7, 330)


@given(st.floats(0.2, 5.0), st.floats(0.1, 0.9), st.floats(10.0, 500.0), st.sampled_from([0.01, 0.05, 0.2]))
def test_power_is_that_of_the_mirrored_trial(ratio, share, events, alpha):
    found = cs.schoenfeld_power(ratio, events, share, alpha)
    assert alpha - 1e-12 <= found <= 1.0
    assert cs.schoenfeld_power(1 / ratio, events, 1 - share, alpha) == pytest.approx(found, rel=1e-9)


# --- families -----------------------------------------------------------------------------------------------


@pytest.mark.theory
@pytest.mark.parametrize(
    ("tau", "together", "ends"),
    [(0.3, 0.0, [0.4]), (0.6, 0.3, [0.5, 1.5]), (0.85, 0.0, [4.0]), (0.0, 0.45, [1.0])],
)
def test_residual_correlation_agrees_with_brute_force(tau, together, ends):
    """Pairs drawn from their gamma frailty: the mean product of their residuals."""
    rng = np.random.default_rng(6)
    n = 400_000
    theta = 2 * tau / (1 - tau)
    unit = rng.exponential(size=(n, 2))
    if theta:
        unit = np.log1p(unit / rng.gamma(1 / theta, 1.0, (n, 1))) / theta
    same = rng.random(n) < together
    unit[same, 1] = unit[same, 0]
    end = rng.choice(ends, (n, 1))
    residual = (unit <= end) - np.minimum(unit, end)
    assert stats.kendalltau(*unit[:20_000][~same[:20_000]].T).statistic == pytest.approx(tau, abs=0.02)
    product = residual.prod(axis=1)
    variance = -np.expm1(-np.array(ends)).mean()
    assert residual.var() == pytest.approx(variance, rel=0.01)
    reach = 4 * cf.monte_carlo_error_mean(product.std(), n) / variance
    assert abs(product.mean() / variance - residual_correlation(ends, tau, together)) < reach


def test_residual_correlation_at_its_ends():
    assert residual_correlation(0.7) == 0.0
    assert residual_correlation(0.7, 0.0, 0.4) == 0.4
    assert residual_correlation(0.7, 0.5, 1.0) == pytest.approx(1.0)
    assert residual_correlation(0.7, 0.999) == pytest.approx(1.0, abs=5e-3)
    # Few events: it vanishes; and it rises with follow-up.
    values = [residual_correlation(end, 0.3) for end in (1e-4, 0.1, 0.5, 1.0, 3.0, 40.0)]
    assert values[0] < 1e-3
    assert np.all(np.diff(values) > 0)
    # Without end, it is the correlation of the two exponential times themselves: the integral of the excess.
    theta = 2 * 0.3 / 0.7

    def excess(s, t):
        return (math.exp(theta * s) + math.exp(theta * t) - 1) ** (-1 / theta) - math.exp(-s - t)

    everything, _ = integrate.dblquad(excess, 0, 60, 0, 60, epsabs=1e-7)
    assert values[-1] == pytest.approx(everything, abs=1e-6)


def test_design_effect_of_families():
    assert cs.design_effect_survival({2: 1.0}, 0.3) == pytest.approx(1.3)
    assert cs.design_effect_survival({1: 5.0}, 0.9) == 1.0
    # Children who have siblings, counted one by one: a child of three brings two correlations.
    assert cs.design_effect_survival({1: 4, 2: 2, 3: 1}, 0.5) == pytest.approx(1 + 0.5 * (2 * 2 + 3 * 2) / 11)


@pytest.mark.theory
def test_design_effect_is_what_the_log_rank_test_finds():
    """Robust over naive variance without an effect, and the spread of the estimates, in simulated trials."""
    theta, together, follow_up, accrual, n = 1.5, 0.3, 0.7, 0.8, 800
    ends = follow_up + accrual * (np.arange(50) + 0.5) / 50
    correlation = residual_correlation(ends, theta / (theta + 2), together)
    expected = cs.design_effect_survival(SIZES, correlation)
    ratios, statistics = np.empty(n), np.empty(n)
    for i in range(n):
        *_, time, event, treated, family = cohort(
            i, 600, 1.0, theta=theta, together=together, follow_up=follow_up, accrual=accrual
        )
        robust = sv.log_rank(time, event, treated, family)
        naive = sv.log_rank(time, event, treated, family, by_family=False)
        ratios[i] = (robust.standard_error / naive.standard_error) ** 2 * 599 / 600
        statistics[i] = naive.statistic
    assert expected > 1.3
    assert statistics.std() == pytest.approx(
        math.sqrt(expected), abs=4 * cf.monte_carlo_error_sd(statistics.std(), n)
    )
    # Residuals from the trial's own hazard are a little smaller than those from the true one.
    assert ratios.mean() == pytest.approx(expected, rel=0.01)


@pytest.mark.theory
@pytest.mark.parametrize(("ratio", "n_families"), [(1.45, 400), (0.7, 240)])
def test_power_agrees_with_brute_force(ratio, n_families):
    theta, together, follow_up, accrual, n = 1.0, 0.3, 0.6, 0.6, 1500
    ends = follow_up + accrual * (np.arange(50) + 0.5) / 50
    # Residuals are correlated as at a hazard between those of the two arms.
    correlation = residual_correlation(ends * math.sqrt(ratio), theta / (theta + 2), together)
    rejected = np.zeros(2)
    events = np.empty(n)
    for i in range(n):
        *_, time, event, treated, family = cohort(
            i, n_families, 1.0, ratio, theta, together, follow_up, accrual
        )
        events[i] = event.sum()
        rejected += (
            sv.log_rank(time, event, treated, family).p_value < 0.05,
            sv.cox(time, event, treated, family).p_value < 0.05,
        )
    closed = cs.schoenfeld_power(ratio, events.mean() / cs.design_effect_survival(SIZES, correlation))
    assert 0.5 < closed < 0.95
    # Schoenfeld's formula is itself good to two points of power here.
    assert rejected / n == pytest.approx(closed, abs=4 * cf.monte_carlo_error(closed, n) + 0.02)


# --- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: cs.schoenfeld_power(-1.0, 30.0),
        lambda: cs.schoenfeld_power(0.5, 0.0),
        lambda: cs.schoenfeld_power(0.5, 30.0, 0.0),
        lambda: cs.schoenfeld_power(0.5, 30.0, alpha=1.0),
        lambda: cs.design_effect_survival({}, 0.1),
        lambda: cs.design_effect_survival({0: 1.0}, 0.1),
        lambda: cs.design_effect_survival({1: 1.0}, 1.1),
    ],
)
def test_arguments_out_of_range_are_errors(call):
    with pytest.raises(ValueError, match=r"."):
        call()
