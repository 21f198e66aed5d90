"""Recruitment in closed form: against scipy, brute force, direct simulation, and the simulated trial."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.recruits import recruitment_count, recruitment_moments, recruitment_time
from scipy import integrate, stats
from small_worlds import (
    COURT,
    MONDAY,
    PLAIN,
    SITE,
    after,
    always,
    assert_agrees,
    days,
    exponential,
    mean_and_error,
)
from statsmodels.stats.multitest import multipletests

from best_sim import simulate
from best_sim.pathway.lowering import lower
from best_sim.scenario import Duration, Scenario
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.recruitment import (
    BetaShare,
    BoroughPlan,
    CountDistribution,
    GammaRate,
    RecruitmentForecast,
    borough_plans,
    check_boroughs,
    delay_by_day,
    drift_test,
    estimated_rates,
    expected_by_screening,
    expected_randomised,
    forecast_before,
    forecast_during,
    forecast_with_consent,
    planned_rates,
    recruitment_rates,
    retained,
    updated_rates,
)

OPENS = dt.date(2018, 1, 1)
LATER = OPENS + dt.timedelta(days=4000)
CUT_OFF = OPENS + dt.timedelta(days=500)


def day(n: int) -> dt.date:
    return OPENS + dt.timedelta(days=n)


def steady(name: str = "one", per_day: float = 0.1, shape: float = 4.0, opens: int = 0) -> BoroughPlan:
    """A borough that randomises so many families a day, of all who enter, from the n-th day on."""
    return BoroughPlan(
        name=name,
        opens=day(opens),
        entries=((OPENS, per_day * YEAR),),
        eligible=1.0,
        consent=1.0,
        shape=shape,
    )


FIVE = tuple(
    steady(f"b{i}", per_day, shape, opens)
    for i, (per_day, shape, opens) in enumerate(
        [(0.05, 4.0, 0), (0.08, 2.5, 60), (0.03, 6.0, 150), (0.06, 4.0, 400), (0.05, 3.0, 700)]
    )
)


def chance(p: float, n: int) -> float:
    """Four Monte Carlo standard errors of a share p among n."""
    return 4.0 * math.sqrt(p * (1.0 - p) / n)


# --- what a plan expects ------------------------------------------------------------------------------------
def test_what_a_plan_expects_is_worked_by_hand() -> None:
    """A family a day to day 100, two a day after, 6 in 10 eligible, half consent; a pause, then the borough closes."""
    plan = BoroughPlan(
        name="one",
        opens=day(10),
        closes=day(200),
        entries=((day(-50), YEAR), (day(100), 2.0 * YEAR)),
        eligible=0.6,
        consent=0.5,
        pauses=((day(90), day(120)), (day(150), day(160))),
    )
    reached = expected_randomised(plan, [day(n) for n in (0, 10, 11, 90, 119, 121, 160, 200, 300)])
    assert reached == pytest.approx(0.3 * np.array([0, 0, 1, 80, 80, 82, 140, 220, 220]))
    screened = expected_by_screening(plan, [day(0), day(90), day(130), day(400)], "screened")
    assert screened == pytest.approx([80, 20, 120])
    assert expected_by_screening(plan, [day(0), day(90)], "eligible") == pytest.approx([48])


def test_a_constant_delay_moves_recruits_and_does_not_lose_them() -> None:
    """Seven days after screening; those who entered before the opening are screened when they come to court."""
    plan = BoroughPlan(
        name="one", opens=day(0), closes=day(100), entries=((OPENS, YEAR),), eligible=1.0, consent=1.0,
        to_invitation=delay_by_day(lambda p: 30.0), to_randomisation=delay_by_day(lambda p: 7.0),
    )  # fmt: skip
    reached = expected_randomised(plan, [day(n) for n in (0, 7, 8, 100, 107, 200)])
    assert reached == pytest.approx([0, 0, 1, 93, 100, 100])
    fresh = BoroughPlan(**{**vars(plan), "known_since": day(20)})
    assert expected_randomised(fresh, [day(57), day(58), day(200)]) == pytest.approx([0, 1, 50])


def test_a_delay_by_day_has_the_delays_mean_and_spread() -> None:
    one, other = Duration.of("lognormal", mean=21, cv=0.7), Duration.of("exponential", mean=3)
    shares = np.array(delay_by_day(one.quantile, other.quantile))
    lags = np.arange(len(shares))
    assert shares @ lags == pytest.approx(24.0, rel=2e-3)
    # each of the two begins at any time of a day, and ends are counted by day: a sixth of a day squared each
    assert shares @ lags**2 - (shares @ lags) ** 2 == pytest.approx((21 * 0.7) ** 2 + 9 + 2 / 6, rel=0.02)
    assert delay_by_day(lambda p: 0.0) == (1.0,)
    assert delay_by_day(lambda p: 2.25) == pytest.approx((0.0, 0.0, 0.75, 0.25))


def test_recruits_after_two_delays_agree_with_families_followed_one_by_one() -> None:
    """Four thousand copies of a borough: entry, wait, screened while open, wait, randomised."""
    to_invitation, to_randomisation = stats.expon(scale=20.0), stats.gamma(3.0, scale=8.0)
    plan = BoroughPlan(
        name="one", opens=day(0), closes=day(300), entries=((day(0), 2.0 * YEAR), (day(180), YEAR)), eligible=0.8,
        consent=0.5, pauses=((day(100), day(150)),), known_since=day(-30),
        to_invitation=delay_by_day(to_invitation.ppf), to_randomisation=delay_by_day(to_randomisation.ppf),
    )  # fmt: skip
    rng = np.random.default_rng(20)
    many = 4000
    n = rng.poisson(many * 2.0 * 330)
    known = rng.uniform(-30.0, 300.0, n)
    known = known[(known < 180.0) | (rng.random(n) < 0.5)]
    screened = known + to_invitation.rvs(len(known), random_state=rng)
    is_open = (screened >= 0.0) & (screened < 300.0) & ~((screened >= 100.0) & (screened < 150.0))
    screened = screened[is_open & (rng.random(len(known)) < 0.4)]
    randomised = screened + to_randomisation.rvs(len(screened), random_state=rng)
    for by, expected in zip(
        (40, 120, 200, 320), expected_randomised(plan, [day(n) for n in (40, 120, 200, 320)]), strict=True
    ):
        count = (randomised < by).sum()
        assert_agrees(count / many, math.sqrt(count) / many, expected, f"randomised by day {by}")
    edges = (0, 50, 160, 200, 215, 230)
    cohorts = expected_by_screening(plan, [day(n) for n in edges], "randomised", cut_off=day(230))
    for (low, high), expected in zip(itertools.pairwise(edges), cohorts, strict=True):
        count = ((screened >= low) & (screened < high) & (randomised < 230.0)).sum()
        assert_agrees(count / many, math.sqrt(count) / many, expected, f"screened {low}-{high}", catches=0.1)
    whole = expected_by_screening(plan, [day(0), day(230)], "randomised", cut_off=day(230))
    assert whole[0] == pytest.approx(expected_randomised(plan, [day(230)])[0], rel=1e-3)


# --- how many -----------------------------------------------------------------------------------------------
def test_one_boroughs_count_is_negative_binomial() -> None:
    forecast = forecast_before([steady(per_day=0.2, shape=2.5)], LATER)
    for n in (1, 100, 1000.5, 4000):
        count = forecast.count_by(float(n))
        exact = recruitment_count(n, 1, 2.5, 2.5 / 0.2)
        assert count.pmf == pytest.approx(exact.pmf(count.support), abs=1e-13)
        assert exact.sf(count.support[-1]) < 1e-12
        assert [count.quantile(p) for p in (0.05, 0.5, 0.95)] == exact.ppf([0.05, 0.5, 0.95]).tolist()
        assert count.at_least(15) == pytest.approx(exact.sf(14), abs=1e-12)


def test_a_count_without_variation_is_poisson() -> None:
    count = forecast_before([steady("a", 0.2, math.inf), steady("b", 0.1, math.inf)], LATER).count_by(100.0)
    assert count.pmf == pytest.approx(stats.poisson(30).pmf(count.support), abs=1e-13)


def test_boroughs_alike_have_the_anisimov_fedorov_sum() -> None:
    """Ten boroughs of one shape: negative binomial with ten times the shape."""
    forecast = forecast_before([steady(f"b{i}", 0.05, 1.7) for i in range(10)], LATER)
    count = forecast.count_by(365.0)
    exact = recruitment_count(365, 10, 1.7, 1.7 / 0.05)
    assert count.pmf == pytest.approx(exact.pmf(count.support), abs=1e-13)


@settings(max_examples=40)
@given(
    boroughs=st.lists(
        st.tuples(
            st.floats(0.001, 0.3), st.one_of(st.floats(0.3, 60.0), st.just(math.inf)), st.integers(0, 700)
        ),
        min_size=1,
        max_size=6,
    ),
    when=st.integers(1, 900),
)
def test_a_sum_of_boroughs_is_the_convolution_of_their_counts(
    boroughs: list[tuple[float, float, int]], when: int
) -> None:
    plans = [steady(f"b{i}", *borough) for i, borough in enumerate(boroughs)]
    forecast = forecast_before(plans, LATER)
    count = forecast.count_by(day(when))
    exact = np.ones(1)
    means, variances = 0.0, 0.0
    for per_day, shape, opens in boroughs:
        mean = per_day * max(when - opens, 0)
        one = stats.poisson(mean) if math.isinf(shape) else stats.nbinom(shape, shape / (shape + mean))
        exact = np.convolve(exact, one.pmf(np.arange(len(count.pmf))))[: len(count.pmf)]
        means += mean
        variances += mean + mean**2 / shape
    if when > min(opens for *_, opens in boroughs):
        assert count.pmf == pytest.approx(exact, abs=1e-12)
    assert count.mean == pytest.approx(means, rel=1e-9)
    assert count.sd**2 == pytest.approx(variances, rel=1e-7, abs=1e-12)


def test_moments_are_those_of_boroughs_open_for_different_times() -> None:
    plans = [steady(f"b{i}", 0.04, 3.0, opens) for i, opens in enumerate((0, 30, 200, 500))]
    count = forecast_before(plans, LATER).count_by(day(365))
    mean, variance = recruitment_moments([365, 335, 165, 0], 3.0, 3.0 / 0.04)
    assert (count.mean, count.sd**2) == pytest.approx((mean, variance))


def test_the_count_agrees_with_direct_simulation() -> None:
    """Entries that change by date, a pause, a closing, eligibility and consent, boroughs that differ."""
    plans = (
        BoroughPlan(
            name="a", opens=day(0), entries=((day(0), 80.0), (day(300), 40.0)), eligible=0.6, consent=0.7, shape=5.0,
            pauses=((day(200), day(260)),),
        ),
        BoroughPlan(
            name="b", opens=day(90), closes=day(500), entries=((day(0), 120.0),), eligible=0.5, consent=0.5, shape=1.5
        ),
        BoroughPlan(
            name="c", opens=day(250), entries=((day(0), 50.0), (day(400), 100.0)), eligible=0.9, consent=0.4, shape=9.0
        ),
    )  # fmt: skip
    rng = np.random.default_rng(7)
    n, by = 40_000, 600
    counts = np.zeros(n, dtype=int)
    for plan in plans:
        rate = rng.gamma(plan.shape, 1.0 / plan.shape, n)
        highest = max(value for _, value in plan.entries) / YEAR
        entered = rng.poisson(rate * highest * by)
        of = np.repeat(np.arange(n), entered)
        at = rng.uniform(0.0, by, len(of))
        change, then = (plan.entries[1][0] - OPENS).days if len(plan.entries) > 1 else by, plan.entries[-1][1]
        now = np.where(at < change, plan.entries[0][1], then) / YEAR
        keep = rng.random(len(of)) * highest < now
        keep &= (at >= (plan.opens - OPENS).days) & (at < ((plan.closes or LATER) - OPENS).days)
        for since, until in plan.pauses:
            keep &= ~((at >= (since - OPENS).days) & (at < (until - OPENS).days))
        keep &= (rng.random(len(of)) < plan.eligible) & (rng.random(len(of)) < plan.consent)
        counts += np.bincount(of[keep], minlength=n)
    count = forecast_before(plans, LATER).count_by(day(by))
    assert_agrees(*mean_and_error(counts), count.mean, "mean")
    variance, error = mean_and_error((counts - count.mean) ** 2)
    assert_agrees(
        math.sqrt(variance), error / (2.0 * math.sqrt(variance)), count.sd, "standard deviation", 0.05
    )
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        share = 1.0 - count.at_least(count.quantile(p) + 1)
        assert abs((counts <= count.quantile(p)).mean() - share) < chance(share, n)


# --- when ---------------------------------------------------------------------------------------------------
def test_the_time_of_one_borough_is_beta_prime() -> None:
    target = forecast_before([steady(per_day=0.2, shape=5.0)], LATER).time_to(50)
    exact = recruitment_time(50, 1, 5.0, 5.0 / 0.2)
    for n in (10.0, 200.0, 333.3, 2000.0):
        assert target.probability(n) == pytest.approx(exact.cdf(n), abs=1e-12)
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert target.days(p) == pytest.approx(exact.ppf(p), abs=1e-4)
    assert target.never == pytest.approx(exact.sf(4000.0), abs=1e-12)
    assert target.median == day(math.ceil(exact.median()))


def test_the_time_before_boroughs_have_opened_is_the_opening_at_the_earliest() -> None:
    target = forecast_before([steady(opens=100), steady("two", opens=130)], day(5000)).time_to(1)
    assert target.forecast.since == day(100)
    assert target.date(0.001) == day(101)
    assert target.days(0.001) < 0.02


def test_a_target_is_not_reached_in_a_pause_nor_after_the_closing() -> None:
    plan = BoroughPlan(
        name="one", opens=day(0), closes=day(400), entries=((OPENS, 0.1 * YEAR),), eligible=1.0, consent=1.0,
        shape=8.0, pauses=((day(200), day(300)),),
    )  # fmt: skip
    forecast = forecast_before([plan], day(1000))
    target = forecast.time_to(20)
    assert target.probability(day(200)) == target.probability(day(250)) == target.probability(day(300))
    in_pause = target.probability(day(200))
    assert day(200) < (target.date(in_pause + 0.01) or OPENS) <= day(303)
    assert target.days(in_pause + 0.01) > 300.0
    assert target.days(in_pause - 0.01) < 200.0
    assert target.never == pytest.approx(1.0 - target.probability(day(400)))
    assert target.date(1.0 - target.never / 2.0) is None
    assert forecast.time_to(0).days(0.5) == 0.0


def test_the_fan_widens_and_names_the_months() -> None:
    forecast = forecast_before(FIVE, day(800))
    months = forecast.months()
    assert months[0] == OPENS
    assert months[1] == dt.date(2018, 2, 1)
    assert months[-1] == day(800)
    assert list(months) == sorted(set(months))
    fan = forecast.fan(months, target=60)
    width = fan["upper_90"] - fan["lower_90"]
    assert (np.diff(fan["mean"]) > 0).all()
    assert (np.diff(width) >= 0).all()
    assert (fan["lower_90"] <= fan["lower_50"]).all()
    assert (fan["lower_50"] <= fan["median"]).all()
    assert (fan["upper_50"] <= fan["upper_90"]).all()
    assert fan["probability"].is_monotonic_increasing
    assert fan["probability"].iloc[-1] == forecast.probability(60, day(800))


def test_contributions_add_up() -> None:
    forecast = forecast_during(FIVE, {"b0": 30, "b1": 11}, CUT_OFF, LATER)
    table = forecast.contributions(day(900)).set_index("borough")
    assert table["expected"].sum() == pytest.approx(forecast.count_by(day(900)).mean)
    assert (table["sd"] ** 2).sum() == pytest.approx(forecast.count_by(day(900)).sd ** 2)
    assert table["share"].sum() == pytest.approx(1.0)
    assert table["recruited"].tolist() == [30, 11, 0, 0, 0]
    assert table.loc["b0", "rate"] == pytest.approx((4 + 30) / (4 + 25))
    # of a borough that is not open yet the plan is all that is known
    exact = stats.nbinom(3.0, 3.0 / (3.0 + 0.05 * 200))
    assert (
        table.loc["b4", ["lower_90", "median", "upper_90"]].tolist() == exact.ppf([0.05, 0.5, 0.95]).tolist()
    )


# --- what is learned ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shape", "recruited", "expected"), [(4.0, 7, 12.0), (0.5, 0, 3.0), (44.4, 90, 60.0)]
)
def test_a_gamma_rate_is_updated_as_by_numerical_integration(
    shape: float, recruited: int, expected: float
) -> None:
    def weight(g: float, power: int = 0) -> float:
        return (
            g**power * stats.gamma.pdf(g, shape, scale=1 / shape) * stats.poisson.pmf(recruited, g * expected)
        )

    posterior = GammaRate(shape).updated(recruited, expected)
    low, high = posterior.interval(1 - 1e-13)
    moments = [integrate.quad(weight, low, high, args=(k,), epsabs=0, epsrel=1e-11)[0] for k in range(3)]
    mean = moments[1] / moments[0]
    assert posterior.mean == pytest.approx(mean, rel=1e-7)
    assert posterior.sd**2 == pytest.approx(moments[2] / moments[0] - mean**2, rel=1e-6)
    assert moments[0] == pytest.approx(GammaRate(shape).count(expected).pmf(recruited), rel=1e-7)
    low, high = posterior.interval(0.9)
    inside = integrate.quad(weight, low, high, epsabs=0, epsrel=1e-11)[0] / moments[0]
    assert inside == pytest.approx(0.9, rel=1e-7)


def test_learning_in_two_steps_is_learning_in_one() -> None:
    once = GammaRate(4.0).updated(12, 20.0)
    twice = GammaRate(4.0).updated(5, 13.0).updated(7, 7.0)
    assert (once.shape, once.mean) == pytest.approx((twice.shape, twice.mean))
    assert GammaRate(4.0).updated(0, 0.0) == GammaRate(4.0)


def test_forecasts_after_what_may_be_seen_average_to_the_forecast_before() -> None:
    """The law of total probability, which only the right predictive distribution meets."""
    plan = steady(per_day=0.05, shape=3.0)
    before = forecast_before([plan], LATER).count_by(day(400)).pmf
    seen = GammaRate(3.0).count(0.05 * 150)
    total = np.zeros(len(before))
    for n in range(int(seen.isf(1e-13))):
        after_n = forecast_during([plan], {"one": n}, day(150), LATER).count_by(day(400))
        use = after_n.support < len(total)
        total[after_n.support[use]] += seen.pmf(n) * after_n.pmf[use]
    assert total == pytest.approx(before, abs=1e-11)


def test_the_example_of_three_hundred_in_three_years() -> None:
    """Planned 300 in 36 months, half sure; 100 are in at month 10: when are 300 (Gajewski et al. 2008).

    Posterior of the monthly rate: gamma with shape 150 + 100 and rate 18 + 10. The time for 200 more is 28 times a
    beta-prime variable with parameters 200 and 250.
    """
    prior = GammaRate(0.5 * 300)
    rate = prior.updated(100, 300 * 10 / 36)
    assert rate.mean * 300 / 36 == pytest.approx(250 / 28)
    # a plan in which a month is a day, so that months can be whole
    plan = steady(per_day=300 / 36, shape=prior.shape)
    time = forecast_during([plan], {"one": 100}, day(10), day(500)).time_to(300)
    exact = stats.betaprime(200, 250, scale=28)
    assert [time.days(p) for p in (0.05, 0.5, 0.95)] == pytest.approx(exact.ppf([0.05, 0.5, 0.95]), abs=1e-4)


@pytest.mark.parametrize(
    "share", [BetaShare(0.5, 0.5), BetaShare(1, 1), BetaShare(13.4, 6.6), BetaShare(900, 2000)]
)
def test_the_quadrature_in_a_share_is_exact_for_beta_binomial_counts(share: BetaShare) -> None:
    points, weights = share.nodes()
    assert weights.sum() == pytest.approx(1.0)
    assert points @ weights == pytest.approx(share.mean)
    assert (points - share.mean) ** 2 @ weights == pytest.approx(share.sd**2)
    n = np.arange(41)
    exact = stats.betabinom(40, share.successes, share.failures).pmf(n)
    assert stats.binom.pmf(n[:, None], 40, points) @ weights == pytest.approx(exact, abs=1e-12)


def test_a_share_is_updated_by_what_was_seen() -> None:
    share = BetaShare.worth(0.67, 10).updated(30, 40)
    assert share.mean == pytest.approx((6.7 + 30) / 50)
    low, high = share.interval(0.9)
    assert stats.beta(36.7, 13.3).cdf([low, high]) == pytest.approx([0.05, 0.95])


def test_uncertain_consent_agrees_with_numerical_integration_and_with_simulation() -> None:
    """Two boroughs share a site's consent, a third is of another site whose consent is known."""
    plans = tuple(
        BoroughPlan(
            name=name, opens=OPENS, entries=((OPENS, per_year),), eligible=0.5, consent=consent, shape=shape, site=site
        )
        for name, per_year, consent, shape, site in (
            ("a", 60.0, 0.7, 4.0, "north"), ("b", 40.0, 0.6, 8.0, "north"), ("c", 30.0, 0.5, 5.0, "south"),
        )
    )  # fmt: skip
    prior = BetaShare(7.0, 3.0)
    eligible, consented = {"a": 20, "b": 6, "c": 9}, {"a": 12, "b": 3, "c": 5}
    forecast = forecast_with_consent(plans, eligible, consented, consented, day(200), LATER, {"north": prior})
    share = forecast.consents["north"]
    assert share == BetaShare(22.0, 14.0)
    assert forecast.recruited == (12, 3, 5)
    expected = 60 / YEAR * 0.5 * 200
    assert forecast.rates[0].mean == pytest.approx((4 + 20) / (4 + expected))

    one = RecruitmentForecast(plans[:1], forecast.rates[:1], day(200), LATER, (12,), forecast.consents)
    alone = one.count_by(day(500))
    assert forecast.contributions(day(500))["expected"][0] == pytest.approx(alone.mean)
    rate = forecast.rates[0]
    for n in (20, 35, 60):
        exact, _ = integrate.quad(
            lambda c, n=n: (
                stats.beta.pdf(c, share.successes, share.failures)
                * rate.count(60 / YEAR * 0.5 * 300 * c).pmf(n - 12)
            ),
            0,
            1,
            epsabs=1e-13,
        )
        assert alone.pmf[n - 12] == pytest.approx(exact, abs=1e-10)

    rng = np.random.default_rng(3)
    draws = 40_000
    north = rng.beta(share.successes, share.failures, draws)
    counts = np.full(draws, 20)
    for plan, rate, (_, per_year) in zip(plans, forecast.rates, (p.entries[0] for p in plans), strict=True):
        consent = north if plan.site == "north" else 0.5
        g = rng.gamma(rate.shape, rate.mean / rate.shape, draws)
        counts += rng.poisson(g * per_year / YEAR * 0.5 * 300 * consent)
    count = forecast.count_by(day(500))
    assert_agrees(*mean_and_error(counts), count.mean, "mean")
    variance, error = mean_and_error((counts - count.mean) ** 2)
    assert_agrees(variance, error, count.sd**2, "variance", 0.1)
    earlier = forecast_with_consent(
        plans, eligible, consented, consented, day(200), LATER, {"north": prior}, answered_before=day(100)
    )
    assert earlier.rates[0].mean == pytest.approx((4 + 20) / (4 + expected / 2))
    known = RecruitmentForecast(
        plans, forecast.rates, day(200), LATER, forecast.recruited, {"north": BetaShare(22e6, 14e6)}
    ).count_by(day(500))
    assert count.sd > 1.05 * known.sd


def test_families_retained_are_beta_binomial() -> None:
    share = BetaShare.worth(0.8, 50)
    fixed = retained(CountDistribution(30, np.ones(1)), share)
    assert fixed.pmf == pytest.approx(stats.betabinom(30, 40, 10).pmf(np.arange(31)), abs=1e-13)
    count = forecast_before(FIVE, LATER).count_by(day(900))
    seen = retained(count, share)
    assert seen.mean == pytest.approx(0.8 * count.mean)
    # variance = E[var | n, r] + var[n r]
    r2 = share.sd**2 + 0.8**2
    variance = count.mean * (0.8 - r2) + (count.sd**2 + count.mean**2) * r2 - (0.8 * count.mean) ** 2
    assert seen.sd**2 == pytest.approx(variance, rel=1e-6)


# --- whether intervals cover what they say ------------------------------------------------------------------
def _fates(
    rng: np.random.Generator, n: int, since: int, target: int
) -> list[tuple[dict[str, int], float, int]]:
    """Truths drawn from the plans: counts by borough so far, days until the target is reached, recruits by day 900."""
    grid = np.arange(20_001)
    planned = np.stack([np.array([0.05, 0.08, 0.03, 0.06, 0.05])[i] * np.maximum(grid - opens, 0) for i, opens in
                        enumerate((0, 60, 150, 400, 700))])  # fmt: skip
    shapes = np.array([4.0, 2.5, 6.0, 4.0, 3.0])
    out = []
    for _ in range(n):
        rates = rng.gamma(shapes, 1.0 / shapes)
        so_far = rng.poisson(rates * planned[:, since])
        wanted = target - so_far.sum()
        assert wanted > 0
        hazard = rates @ (planned - planned[:, [since]])
        work = rng.gamma(wanted)  # unit exponentials up to the last family wanted
        reached = float(np.interp(work, hazard, grid)) - since
        # by day 900: the process is at a gamma's work; before the target binomially fewer, after it Poisson more
        then = hazard[900]
        more = wanted + rng.poisson(then - work) if then >= work else rng.binomial(wanted - 1, then / work)
        out.append(({f"b{i}": int(k) for i, k in enumerate(so_far)}, reached, int(so_far.sum() + more)))
    return out


@pytest.mark.parametrize(("since", "most_plug_in"), [(0, (0.20, 0.40)), (500, (0.35, 0.65))])
def test_intervals_cover_what_they_say_and_plug_in_intervals_do_not(
    since: int, most_plug_in: tuple[float, float]
) -> None:
    """Truth drawn from the prior; before the start, and with 500 days seen. The plug-in takes each rate as known."""
    n, target, ends = 800, 300, day(6_000)
    hits = {"exact": np.zeros((n, 2)), "plug-in": np.zeros((n, 2))}
    counted, exact_share = np.zeros((n, 2)), np.zeros((n, 2))
    for i, (so_far, reached, by_900) in enumerate(_fates(np.random.default_rng(since + 1), n, since, target)):
        forecast = forecast_during(FIVE, so_far, day(since), ends)
        plug_in = forecast_during(FIVE, so_far, day(since), ends, "plug-in")
        for name, each in (("exact", forecast), ("plug-in", plug_in)):
            u = each.probability(target, reached)
            hits[name][i] = [0.25 < u < 0.75, 0.05 < u < 0.95]
        count = forecast.count_by(day(900))
        for k, level in enumerate((0.5, 0.9)):
            low, high = count.interval(level)
            counted[i, k] = low <= by_900 <= high
            exact_share[i, k] = count.at_least(low) - count.at_least(high + 1)
    covered = hits["exact"].mean(axis=0)
    for k, level in enumerate((0.5, 0.9)):
        assert abs(covered[k] - level) < chance(level, n), f"time, {level:.0%}: {covered[k]:.3f}"
        assert hits["plug-in"].mean(axis=0)[k] < most_plug_in[k]
        # whole families: intervals hold a little more than they say, and how much is known
        off, error = mean_and_error(counted[:, k] - exact_share[:, k])
        assert abs(off) < 4.0 * error
        assert (exact_share[:, k] >= level - 1e-9).all()


def test_the_interval_in_days_is_the_one_whose_probabilities_are_meant() -> None:
    forecast = forecast_during(FIVE, {"b0": 30, "b1": 41, "b2": 8}, CUT_OFF, day(20_000))
    time = forecast.time_to(300)
    for p in (0.05, 0.25, 0.75, 0.95):
        assert time.probability(time.days(p)) == pytest.approx(p, abs=1e-6)
    low, high = time.interval(0.9)
    assert low is not None and high is not None
    assert time.probability(low) >= 0.05 > time.probability(low - dt.timedelta(days=1))
    assert time.probability(high) >= 0.95 > time.probability(high - dt.timedelta(days=1))


def test_a_plug_in_before_the_start_and_with_nothing_seen_keeps_to_the_plan() -> None:
    rates = estimated_rates([0, 3, 0], [0.0, 4.0, 2.0])
    assert [(rate.mean, rate.shape) for rate in rates] == [(1.0, math.inf), (0.75, math.inf), (0.0, math.inf)]
    assert planned_rates(FIVE)[1] == GammaRate(2.5)
    assert updated_rates(FIVE[:1], [3], [0.0])[0].shape == 7.0


# --- whether the plan still holds ---------------------------------------------------------------------------
def test_the_trend_test_is_the_sum_over_all_ways_of_coming() -> None:
    """Six families over four periods and three over the same: every one of 4^9 ways is followed."""
    counts = np.array([[0, 1], [1, 0], [2, 1], [3, 1]])
    expected = np.array([[2.0, 1.0], [1.0, 1.0], [1.0, 1.0], [2.0, 3.0]])
    shares = expected / expected.sum(axis=0)
    pmf: dict[int, float] = {0: 1.0}
    for borough, total in ((0, 6), (1, 3)):
        for _ in range(total):
            nxt: dict[int, float] = {}
            for (score, p), i in itertools.product(pmf.items(), range(4)):
                nxt[score + i] = nxt.get(score + i, 0.0) + p * shares[i, borough]
            pmf = nxt
    seen = int(np.arange(4) @ counts.sum(axis=1))
    upper = sum(p for score, p in pmf.items() if score >= seen)
    lower = sum(p for score, p in pmf.items() if score <= seen)
    assert drift_test(counts, expected).pvalue == pytest.approx(min(1.0, 2.0 * min(upper, lower)))


def test_the_trend_of_two_periods_is_the_binomial_test() -> None:
    result = drift_test([3, 14], [5.0, 6.0])
    exact = 2.0 * stats.binom(17, 6 / 11).sf(13)
    assert result.pvalue == pytest.approx(exact)
    assert (result.early, result.late) == pytest.approx((3 / (17 * 5 / 11), 14 / (17 * 6 / 11)))


def test_the_trend_test_keeps_its_level_and_sees_a_trend() -> None:
    rng = np.random.default_rng(11)
    expected = np.outer(np.linspace(0.5, 1.5, 60), [0.8, 0.4, 0.2])
    n = 600
    rates = rng.gamma(3.0, 1 / 3.0, (n, 1, 3))
    level = [drift_test(each, expected).pvalue < 0.05 for each in rng.poisson(rates * expected)]
    assert np.mean(level) < 0.05 + chance(0.05, n)
    falling = expected * np.linspace(1.4, 0.6, 60)[:, None]
    found = [drift_test(each, expected) for each in rng.poisson(2.0 * falling, (200, 60, 3))]
    assert np.mean([each.pvalue < 0.05 for each in found]) > 0.8
    assert np.mean([each.late < each.early for each in found]) > 0.95
    worded = min(found, key=lambda each: max(each.pvalue, each.pvalue_overdispersed)).in_words()
    assert "seem to fall" in worded
    assert "too early" in worded


def test_families_that_come_in_clusters_are_no_trend() -> None:
    """Weeks vary by a gamma variable of shape one half: the exact test rejects too often, the adjusted does not."""
    rng = np.random.default_rng(12)
    n = 400
    expected = np.full((80, 2), 2.0)
    counts = rng.poisson(rng.gamma(0.5, 4.0, (n, 80, 2)))
    results = [drift_test(each, expected) for each in counts]
    assert np.mean([each.pvalue < 0.05 for each in results]) > 0.2
    adjusted = np.mean([each.pvalue_overdispersed < 0.05 for each in results])
    assert abs(adjusted - 0.05) < chance(0.05, n)
    # variance 2 + 8 of mean 2
    assert np.mean([each.dispersion for each in results]) == pytest.approx(5.0, rel=0.1)


def test_weeks_after_a_delay_are_no_trend_where_the_delay_is_in_the_plan() -> None:
    """Families of the last weeks have yet to answer: against a plan without the cut-off that looks like a fall."""
    plan = BoroughPlan(
        name="one", opens=OPENS, entries=((OPENS, 4.0 * YEAR),), eligible=0.5, consent=0.5,
        to_randomisation=delay_by_day(stats.gamma(3.0, scale=14.0).ppf),
    )  # fmt: skip
    weeks = [day(7 * i) for i in range(27)]
    so_far = np.round(expected_by_screening(plan, weeks, "randomised", cut_off=weeks[-1]))
    assert drift_test(so_far, expected_by_screening(plan, weeks, "randomised")).pvalue < 0.05
    assert (
        drift_test(so_far, expected_by_screening(plan, weeks, "randomised", cut_off=weeks[-1])).pvalue > 0.5
    )


def test_too_little_is_said_to_be_too_little() -> None:
    assert "Too little" in drift_test([0, 0, 0], [1.0, 1.0, 1.0]).in_words()
    assert drift_test([0, 0, 0], [1.0, 1.0, 1.0]).pvalue == 1.0
    assert drift_test([4], [1.0]).pvalue == 1.0
    assert "chance" in drift_test([4, 3, 5, 4], [1.0, 1.0, 1.0, 1.0]).in_words()
    with pytest.raises(ValueError, match="expects none"):
        drift_test([1, 2], [0.0, 1.0])
    with pytest.raises(ValueError, match="one shape"):
        drift_test([1, 2], [1.0])
    with pytest.raises(ValueError, match="whole"):
        drift_test([1.5, 2], [1.0, 1.0])


def test_boroughs_are_compared_with_their_plans() -> None:
    checks = check_boroughs(FIVE, {"b0": 25, "b1": 2, "b2": 10}, CUT_OFF)
    assert [each.borough for each in checks.boroughs] == ["b0", "b1", "b2", "b3"]  # b4 is not open yet
    second = checks.boroughs[1]
    exact = stats.nbinom(2.5, 2.5 / (2.5 + 0.08 * 440))
    assert second.expected == pytest.approx(35.2)
    assert second.pvalue == pytest.approx(2 * exact.cdf(2))
    assert second.predicted == tuple(exact.ppf([0.05, 0.95]))
    assert second.rate == pytest.approx((2.5 + 2) / (2.5 + 35.2))
    assert second.adjusted == pytest.approx(min(1.0, 4 * second.pvalue))
    holm = multipletests([each.pvalue for each in checks.boroughs], method="holm")[1]
    assert [each.adjusted for each in checks.boroughs] == pytest.approx(holm)
    assert checks.by_chance == pytest.approx(1 - 0.95**4)
    assert len(checks.table()) == 4
    assert checks.table().columns[0] == "borough"


def test_boroughs_that_differ_are_named_with_what_chance_does() -> None:
    one_far = check_boroughs(FIVE, {"b0": 95, "b1": 30, "b2": 10, "b3": 5}, CUT_OFF).in_words()
    assert "b0 recruited 95" in one_far
    assert "does not keep to its plan" in one_far
    stands_out = check_boroughs(FIVE, {"b0": 25, "b1": 4, "b2": 10, "b3": 5}, CUT_OFF)
    assert stands_out.boroughs[1].pvalue < 0.05 <= stands_out.boroughs[1].adjusted
    assert "b1 would stand out alone" in stands_out.in_words()
    assert "19%" in stands_out.in_words()
    assert (
        "No borough is further"
        in check_boroughs(FIVE, {"b0": 25, "b1": 30, "b2": 10, "b3": 5}, CUT_OFF).in_words()
    )
    assert "long enough" in check_boroughs(FIVE, {}, OPENS).in_words()


def test_predictive_p_values_keep_their_level() -> None:
    """Over all that a plan may lead to, p is below alpha with a probability of at most alpha, and not of much less."""
    plan = steady(per_day=0.1, shape=4.0)
    count = GammaRate(4.0).count(0.1 * 400)
    pvalues = {
        n: check_boroughs([plan], {"one": n}, day(400)).boroughs[0].pvalue
        for n in (*range(16), *range(70, 110))
    }
    low = max(n for n in range(16) if pvalues[n] < 0.1)
    high = min(n for n in range(70, 110) if pvalues[n] < 0.1)
    assert 0.08 < count.cdf(low) + count.sf(high - 1) <= 0.1


def test_required_overall_and_recent_rates_are_worked_by_hand() -> None:
    """Twelve months open, 6 and 6 and 12 families; 36 more are wanted in six months."""
    cut_off = OPENS + dt.timedelta(days=round(12 * MONTH))
    rates = recruitment_rates(
        [day(10), day(200), cut_off - dt.timedelta(days=30), cut_off],
        [6, 6, 12, 99],
        target=60,
        opened=OPENS,
        cut_off=cut_off,
        by=cut_off + dt.timedelta(days=round(6 * MONTH)),
        recent_months=2,
    )
    assert rates.recruited == 24
    assert rates.overall == pytest.approx(2.0, rel=2e-3)
    assert rates.recent == pytest.approx(6.0)
    assert rates.required == pytest.approx(6.0, rel=4e-3)
    assert "24 of 60" in rates.in_words()


def test_rates_when_the_target_is_reached_or_its_date_past() -> None:
    def told(target: int, by: int) -> tuple[float, str]:
        rates = recruitment_rates(
            [day(10)], [20], target=target, opened=OPENS, cut_off=day(40), by=day(by), recent_months=6
        )
        assert rates.recent_months == pytest.approx(40 / MONTH)
        return rates.required, rates.in_words()

    assert told(20, 100)[0] == 0.0
    assert "reached" in told(20, 100)[1]
    assert told(30, 40)[0] == math.inf
    assert "past" in told(30, 40)[1]
    with pytest.raises(ValueError, match="not after"):
        recruitment_rates([], [], target=1, opened=OPENS, cut_off=OPENS, by=LATER)


# --- what is refused ----------------------------------------------------------------------------------------
def test_a_plan_is_refused_with_everything_that_is_wrong() -> None:
    with pytest.raises(ValueError, match="eligible is 1.2") as caught:
        BoroughPlan(
            name="one", opens=day(10), closes=day(5), entries=((day(5), 1.0), (day(5), -1.0)), eligible=1.2,
            consent=-0.1, shape=0.0, pauses=((day(9), day(8)),), to_randomisation=(0.5, 0.4),
        )  # fmt: skip
    text = str(caught.value)
    for part in (
        "The plan of one",
        "each after",
        "negative",
        "consent is -0.1",
        "shape is 0",
        "closes",
        "a pause",
        "sum 1",
    ):
        assert part in text


def test_what_a_forecast_can_not_be_of_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no plan for b9"):
        forecast_during(FIVE, {"b9": 3}, CUT_OFF, LATER)
    with pytest.raises(ValueError, match="before it begins"):
        forecast_before(FIVE, day(-1))
    with pytest.raises(ValueError, match="needs boroughs"):
        forecast_before([], LATER)
    with pytest.raises(ValueError, match="of the site 'north'"):
        RecruitmentForecast(FIVE, planned_rates(FIVE), OPENS, LATER, (0,) * 5, {"north": BetaShare(1, 1)})
    with pytest.raises(ValueError, match="neither may be negative"):
        GammaRate(3.0).updated(-1, 2.0)
    with pytest.raises(ValueError, match="not a share"):
        BetaShare(1, 1).updated(4, 3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        forecast_before(FIVE, LATER).time_to(3).days(1.0)


# --- the simulated trial ------------------------------------------------------------------------------------
def three_boroughs(folder: Path, changes: dict[str, object] | None = None) -> Scenario:
    """A plain world of three boroughs that differ, with all that decides who is recruited switched on."""
    text = ['extends = "glasgow"', 'title = "Three boroughs"']
    source = 'status = "assumption", source = "for a test"'
    for name in ("b", "c"):
        text += [
            f"[boroughs.{name}]",
            f'title = {{ value = "{name}", unit = "text", {source} }}',
            *(f'{key} = {{ value = "glasgow", unit = "text", {source} }}' for key in ("site", "court", "lift_team")),
            f'opens = {{ value = {MONDAY}, unit = "date", {source} }}',
            f'closes = {{ value = {after(5000)}, unit = "date", {source} }}',
            f'entries = {{ value = [ {{ from = 2000-01-01, value = 1 }} ], unit = "children per year", {source} }}',
            f'rate_variation = {{ value = 0.0, unit = "ratio", {source} }}',
        ]  # fmt: skip
    path = folder / "three.toml"
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    return (
        Scenario.load(path)
        .replace(PLAIN)
        .replace(
            {
                "simulation.end_date": after(1000),
                "population.children_per_family": {"one": 0.7, "two": 0.2, "three": 0.1},
                "population.older_sibling_share": 0.2,
                "entry.route": {"voluntary": 0.5, "emergency_or_interim": 0.3, "during_proceedings": 0.2},
                "entry.voluntary_never_in_proceedings": 0.4,
                "entry.issue_after_voluntary": exponential(50),
                "entry.first_placement": {
                    "foster": 0.4, "kinship_foster": 0.1, "parent_and_baby": 0.0, "with_parents": 0.5,
                },
                "trial.consent_delay": Duration.of("lognormal", mean=21, cv=0.7),
                "trial.randomisation_delay": exponential(3),
                "proceedings.notice.case_management": days(12),
                "proceedings.timetable": {"value": 365, "unit": "days"},
                f"{COURT}.other_cases": always(0),
                f"{SITE}.consent": 0.6,
                f"{SITE}.other_exclusion": 0.15,
                f"{SITE}.invites_families_with_older_child": False,
                f"{SITE}.recruiting": [
                    {"from": MONDAY, "value": 1},
                    {"from": after(400), "value": 0},
                    {"from": after(500), "value": 1},
                ],
                "boroughs.glasgow.entries": [
                    {"from": MONDAY, "value": 250},
                    {"from": after(600), "value": 400},
                ],
                "boroughs.glasgow.rate_variation": 0.3,
                "boroughs.b.entries": always(300),
                "boroughs.b.rate_variation": 0.6,
                "boroughs.b.opens": after(120),
                "boroughs.c.entries": always(200),
                "boroughs.c.rate_variation": 0.15,
                "boroughs.c.opens": after(200),
                "boroughs.c.closes": after(800),
                **(changes or {}),
            }
        )
    )  # fmt: skip


@pytest.mark.theory
def test_the_simulated_trial_recruits_as_the_closed_form_says(tmp_path: Path) -> None:
    """With places and sitting time for all: mean and spread by three dates, by borough, and the target's time."""
    scenario = three_boroughs(tmp_path)
    plans = borough_plans(scenario)
    assert [plan.name for plan in plans] == ["glasgow", "b", "c"]
    assert plans[1].eligible == pytest.approx((1 - 0.5 * 0.4 - 0.2 * 0.5) * 0.8 * 0.85)
    assert plans[0].entries[0][1] == pytest.approx(250 / 1.4)
    forecast = forecast_before(plans, scenario.simulation.end_date)
    world = lower(scenario)
    n, target = 500, 200
    dates = (300, 550, 1000)
    counts, boroughs, reached = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros(n)
    for i in range(n):
        families = simulate(world, seed=1, replicate=i, engine="compiled").tables["families"]
        randomised = families["randomised"]
        done = ~np.isnan(randomised)
        counts[i] = [(randomised[done] < by).sum() for by in dates]
        boroughs[i] = np.bincount(families["borough"][done], minlength=3)
        times = np.sort(randomised[done])
        reached[i] = times[target - 1] if len(times) >= target else math.inf
    for k, by in enumerate(dates):
        count = forecast.count_by(after(by))
        assert_agrees(*mean_and_error(counts[:, k]), count.mean, f"recruited by day {by}", catches=0.06)
        variance, error = mean_and_error((counts[:, k] - count.mean) ** 2)
        assert_agrees(variance, error, count.sd**2, f"variance by day {by}", catches=0.5)
        share = stats.kstest(
            counts[:, k] + np.random.default_rng(k).random(n),
            lambda x, c=count: np.interp(
                x, np.append(c.support, c.support[-1] + 1), np.append(0, np.cumsum(c.pmf))
            ),
        )
        assert share.pvalue > 6e-5
    planned = forecast.planned(scenario.simulation.end_date)
    for k, plan in enumerate(plans):
        assert_agrees(*mean_and_error(boroughs[:, k]), planned[k], plan.name, catches=0.15)
    time = forecast.time_to(target)
    for p in (0.25, 0.5, 0.75):
        assert abs((reached <= time.days(p)).mean() - p) < chance(p, n)
    assert abs(np.isinf(reached).mean() - time.never) < chance(time.never, n)


@pytest.mark.theory
def test_the_plans_of_the_shipped_scenarios_have_their_openings_and_pauses() -> None:
    plans = {plan.name: plan for plan in borough_plans(Scenario.load("london-2017"))}
    assert plans["croydon"].opens == dt.date(2017, 10, 1)
    assert plans["sutton"].title == "Sutton"
    pauses = ((dt.date(2020, 3, 23), dt.date(2020, 7, 1)), (dt.date(2021, 8, 1), dt.date.max))
    assert plans["croydon"].pauses == pauses
    assert plans["croydon"].shape == pytest.approx(1 / 0.15**2)
    assert {plan.site for plan in plans.values()} == {"london"}
    assert {plan.site for plan in borough_plans(Scenario.load("trial-as-run"))} == {"london", "glasgow"}


@pytest.mark.slow
@pytest.mark.theory
@pytest.mark.parametrize("courts", ["as shipped", "ample"])
def test_the_closed_form_holds_for_the_shipped_scenario_too(courts: str) -> None:
    """London, where families queue for hearings, move before them, and orders may come first: all small."""
    scenario = Scenario.load("london-2017").replace({"trial.stops_at_target": False})
    if courts == "ample":
        scenario = scenario.replace(
            {f"courts.{name}.sitting_days_per_week": always(1000) for name in scenario.courts}
        )
    forecast = forecast_before(borough_plans(scenario), scenario.simulation.end_date)
    world = lower(scenario)
    dates = (dt.date(2019, 1, 1), dt.date(2020, 3, 23), scenario.simulation.end_date)
    moments = [(date - scenario.simulation.start_date).days for date in dates]
    counts = np.array(
        [
            [(families["randomised"] < by).sum() for by in moments]
            for families in (
                simulate(world, seed=4, replicate=i, engine="compiled").tables["families"] for i in range(500)
            )
        ]
    )
    for k, date in enumerate(dates):
        count = forecast.count_by(date)
        assert_agrees(*mean_and_error(counts[:, k]), count.mean, f"recruited by {date}", catches=0.06)
        variance, error = mean_and_error((counts[:, k] - count.mean) ** 2)
        assert_agrees(variance, error, count.sd**2, f"variance by {date}", catches=0.5)
