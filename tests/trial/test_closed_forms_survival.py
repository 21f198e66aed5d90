"""Closed forms for time to an event against published figures, lifelines, numerical integrals and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines.statistics import power_under_cph, sample_size_necessary_under_cph
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
def test_events_and_children_are_those_of_rpact():
    """`getSampleSizeSurvival(alpha = 0.01)`: one-sided 1 %, power 80 %, control 20 % by month 12; rpact's own tests.

    Events by Schoenfeld; children from accrual over 12 months and 6 more of follow-up.
    """
    hazard = -math.log(0.8) / 12
    for share, events, children in (
        (0.4, 58.52451, 197.78666),
        (0.5, 31.248898, 90.804254),
        (0.6, 20.120262, 51.314209),
    ):
        ratio = math.log(1 - share) / math.log(0.8)
        found = cs.schoenfeld_events(ratio, 0.8, alpha=0.02)
        assert found == pytest.approx(events, rel=1e-7)
        per_child = sum(cs.expected_events(0.5, 0.5, hazard, ratio, follow_up=6.0, accrual=12.0))
        assert found / per_child == pytest.approx(children, rel=1e-7)
        assert cs.schoenfeld_power(ratio, found, alpha=0.02) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.published
def test_events_are_those_of_gsdesign():
    """The vignette on Schoenfeld's formula: a hazard ratio of 0.7 takes 331 events for 90 % at one-sided 2.5 %."""
    assert math.ceil(cs.schoenfeld_events(0.7, 0.9)) == 331
    # Written out, and for two treated to one control.
    needed = (stats.norm.ppf(0.975) + stats.norm.ppf(0.9)) ** 2 / math.log(0.7) ** 2
    assert cs.schoenfeld_events(0.7, 0.9, 2 / 3) == pytest.approx(needed * (1 + 2) ** 2 / 2, rel=1e-12)


@pytest.mark.parametrize("ratio", [0.4, 0.8, 1.3, 3.0])
@pytest.mark.parametrize("allocation", [0.5, 1.0, 2.0])
def test_freedman_equals_lifelines(ratio, allocation):
    share = allocation / (1 + allocation)
    assert cs.freedman_events(ratio, 0.85, share) / 0.3 == pytest.approx(
        sum(sample_size_necessary_under_cph(0.85, allocation, 0.3, 0.3, ratio)), abs=2.0
    )
    one_sided = power_under_cph(200 * share, 200 * (1 - share), 0.25, 0.25, ratio)
    power = cs.freedman_power(ratio, 50.0, share)
    # lifelines leaves out rejection in the wrong direction.
    assert one_sided <= power <= one_sided + 0.025
    assert power == pytest.approx(one_sided, abs=1e-3 if power > 0.5 else 0.025)


@given(st.floats(0.2, 5.0), st.floats(0.1, 0.9), st.floats(10.0, 500.0), st.sampled_from([0.01, 0.05, 0.2]))
def test_power_is_that_of_its_events_and_of_the_mirrored_trial(ratio, share, events, alpha):
    for power, needed in (
        (cs.schoenfeld_power, cs.schoenfeld_events),
        (cs.freedman_power, cs.freedman_events),
    ):
        found = power(ratio, events, share, alpha)
        assert alpha - 1e-12 <= found <= 1.0
        assert power(1 / ratio, events, 1 - share, alpha) == pytest.approx(found, rel=1e-9)
        if 0.8 < found < 0.999 and abs(ratio - 1) > 1e-3:
            # What is needed neglects rejection on the wrong side, which is next to nothing here.
            assert needed(ratio, found, share, alpha) == pytest.approx(events, rel=0.01)


def test_freedman_is_the_share_of_events_among_the_treated():
    """Of all events, so many are expected among the treated: a binomial test of that share."""
    ratio, share, events = 1.7, 0.35, 80.0
    among = share * ratio / (share * ratio + 1 - share)
    shift = (among - share) * math.sqrt(events / (share * (1 - share)))
    expected = stats.norm.cdf(shift - stats.norm.ppf(0.975)) + stats.norm.cdf(-shift - stats.norm.ppf(0.975))
    assert cs.freedman_power(ratio, events, share) == pytest.approx(expected, rel=1e-12)


# --- events expected ----------------------------------------------------------------------------------------


def test_event_probability_with_constant_hazards():
    hazard, loss, follow_up, accrual = 0.002, 0.0007, 300.0, 500.0
    both = hazard + loss
    tail = math.exp(-both * follow_up) - math.exp(-both * (follow_up + accrual))
    expected = hazard / both * (1 - tail / (both * accrual))
    assert cs.event_probability(hazard, follow_up, accrual, loss) == pytest.approx(expected, rel=1e-12)
    # One fixed follow-up; and a break that changes nothing.
    fixed = hazard / both * -math.expm1(-both * follow_up)
    assert cs.event_probability(hazard, follow_up, 0.0, loss) == pytest.approx(fixed, rel=1e-12)
    assert cs.event_probability(hazard, follow_up, 1e-6, loss) == pytest.approx(fixed, rel=1e-8)
    assert cs.event_probability([hazard] * 3, follow_up, accrual, loss, [100.0, 600.0]) == pytest.approx(
        expected, rel=1e-12
    )
    assert cs.event_probability(0.0, 5.0) == 0.0
    assert cs.event_probability(1e4, 5.0, 3.0) == pytest.approx(1.0)
    assert cs.event_probability(1e-9, 2.0, 4.0) == pytest.approx(4e-9, rel=1e-7)


@given(
    st.lists(st.floats(0.0, 0.05), min_size=4, max_size=4),
    st.lists(st.floats(0.0, 0.05), min_size=4, max_size=4),
    st.floats(0.0, 200.0),
    st.floats(1.0, 200.0),
)
def test_event_probability_equals_its_integral(hazard, loss, follow_up, accrual):
    breaks = [20.0, 75.0, 180.0]
    end = follow_up + accrual

    def density(u):
        piece = np.searchsorted(breaks, u, side="right")
        spent = np.diff(np.clip([0.0, *breaks, math.inf], 0.0, u))
        followed = min(1.0, (end - u) / accrual)
        return hazard[piece] * math.exp(-spent @ np.add(hazard, loss)) * followed

    cuts = sorted({0.0, end, *(cut for cut in (*breaks, follow_up) if cut < end)})
    expected = sum(
        integrate.quad(density, a, b, epsabs=1e-13)[0] for a, b in zip(cuts[:-1], cuts[1:], strict=True)
    )
    found = cs.event_probability(hazard, follow_up, accrual, loss, breaks)
    assert found == pytest.approx(expected, abs=1e-11)
    # Two competing kinds: together they are the events that either of them drops out by.
    other = cs.event_probability(loss, follow_up, accrual, hazard, breaks)
    either = cs.event_probability(np.add(hazard, loss).tolist(), follow_up, accrual, 0.0, breaks)
    assert found + other == pytest.approx(either, abs=1e-12)


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
    assert abs(product.mean() / variance - cs.residual_correlation(ends, tau, together)) < reach


def test_residual_correlation_at_its_ends():
    assert cs.residual_correlation(0.7) == 0.0
    assert cs.residual_correlation(0.7, 0.0, 0.4) == 0.4
    assert cs.residual_correlation(0.7, 0.5, 1.0) == pytest.approx(1.0)
    assert cs.residual_correlation(0.7, 0.999) == pytest.approx(1.0, abs=5e-3)
    # Few events: it vanishes; and it rises with follow-up.
    values = [cs.residual_correlation(end, 0.3) for end in (1e-4, 0.1, 0.5, 1.0, 3.0, 40.0)]
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
    correlation = cs.residual_correlation(ends, theta / (theta + 2), together)
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
@pytest.mark.parametrize(("ratio", "families"), [(1.45, 200), (0.7, (120.0, 120.0))])
def test_power_agrees_with_brute_force(ratio, families):
    theta, together, follow_up, accrual, n = 1.0, 0.3, 0.6, 0.6, 1500
    ends = follow_up + accrual * (np.arange(50) + 0.5) / 50
    # Residuals are correlated as at a hazard between those of the two arms.
    correlation = cs.residual_correlation(ends * math.sqrt(ratio), theta / (theta + 2), together)
    closed = cs.power_survival(ratio, 1.0, families, SIZES, correlation, follow_up, accrual)
    n_families = int(2 * families if not isinstance(families, tuple) else sum(families))
    rejected = np.zeros(2)
    events = np.empty((n, 2))
    for i in range(n):
        *_, time, event, treated, family = cohort(
            i, n_families, 1.0, ratio, theta, together, follow_up, accrual
        )
        events[i] = event[treated].sum(), event[~treated].sum()
        rejected += (
            sv.log_rank(time, event, treated, family).p_value < 0.05,
            sv.cox(time, event, treated, family).p_value < 0.05,
        )
    for arm in (0, 1):
        reach = 4 * cf.monte_carlo_error_mean(events[:, arm].std(), n)
        assert abs(events[:, arm].mean() - closed.events[arm]) < reach
    assert 0.5 < closed.power < 0.95
    # Schoenfeld's formula is itself good to two points of power here.
    assert rejected / n == pytest.approx(closed.power, abs=4 * cf.monte_carlo_error(closed.power, n) + 0.02)


def test_power_composes():
    result = cs.power_survival(1.4, [0.001, 0.002], (150.0, 200.0), SIZES, 0.4, 365.0, 500.0, 0.0003, [180.0])
    assert result.children == pytest.approx((255.0, 340.0))
    assert result.events == pytest.approx(
        cs.expected_events(255.0, 340.0, [0.001, 0.002], 1.4, 365.0, 500.0, 0.0003, [180.0])
    )
    assert result.event_probability[1] == pytest.approx(
        cs.event_probability([0.001, 0.002], 365.0, 500.0, 0.0003, [180.0])
    )
    assert result.design_effect == pytest.approx(cs.design_effect_survival(SIZES, 0.4))
    assert result.effective_events == pytest.approx(sum(result.events) / result.design_effect)
    assert result.df == 349
    normal = cs.schoenfeld_power(1.4, result.effective_events, 3 / 7)
    assert result.power_normal == pytest.approx(normal, rel=1e-12)
    assert result.power == pytest.approx(normal, abs=0.005)
    assert result.power < normal
    # Singletons followed for a fixed time: Schoenfeld's formula and nothing else.
    plain = cs.power_survival(0.6, 0.5, 100, {1: 1.0}, 0.7, 2.0)
    assert plain.power_normal == pytest.approx(
        cs.schoenfeld_power(0.6, 100 * (2 - math.exp(-1.0) - math.exp(-0.6))), rel=1e-12
    )


# --- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: cs.schoenfeld_events(1.0, 0.8),
        lambda: cs.schoenfeld_events(-1.0, 0.8),
        lambda: cs.schoenfeld_events(0.5, 1.0),
        lambda: cs.schoenfeld_power(0.5, 0.0),
        lambda: cs.freedman_events(0.5, 0.8, 0.0),
        lambda: cs.freedman_power(0.5, 30.0, alpha=1.0),
        lambda: cs.event_probability(0.1, 0.0),
        lambda: cs.event_probability(0.1, -1.0, 2.0),
        lambda: cs.event_probability(-0.1, 1.0),
        lambda: cs.event_probability([0.1, 0.2], 1.0),
        lambda: cs.event_probability([0.1, 0.2], 1.0, breaks=[0.0]),
        lambda: cs.event_probability([0.1, 0.2, 0.3], 1.0, breaks=[2.0, 1.0]),
        lambda: cs.event_probability(0.1, 1.0, dropout=[0.1, 0.2]),
        lambda: cs.expected_events(0.0, 5.0, 0.1, 1.2, 3.0),
        lambda: cs.expected_events(5.0, 5.0, 0.1, 0.0, 3.0),
        lambda: cs.residual_correlation(0.0, 0.3),
        lambda: cs.residual_correlation([], 0.3),
        lambda: cs.residual_correlation(1.0, 1.0),
        lambda: cs.residual_correlation(1.0, 0.3, 1.2),
        lambda: cs.design_effect_survival({}, 0.1),
        lambda: cs.design_effect_survival({0: 1.0}, 0.1),
        lambda: cs.design_effect_survival({1: 1.0}, 1.1),
        lambda: cs.power_survival(1.5, 0.1, (0.0, 20.0), {1: 1.0}, 0.1, 1.0),
        lambda: cs.power_survival(1.5, 0.0, 20.0, {1: 1.0}, 0.1, 1.0),
    ],
)
def test_arguments_out_of_range_are_errors(call):
    with pytest.raises(ValueError, match=r"."):
        call()
