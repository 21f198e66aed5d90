from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from best_sim.engine import luck
from best_sim.scenario import durations
from best_sim.scenario.durations import Duration
from best_sim.scenario.problems import NotAllowedError

SIGMA = math.sqrt(math.log1p(0.4**2))
WEIBULL_SCALE = 30 / math.gamma(1 + 1 / 1.5)
QUANTILES = [[0, 1], [0.5, 4], [0.9, 10], [1, 30]]
EMPIRICAL = stats.rv_histogram((np.array([0.5, 0.4, 0.1]), np.array([1.0, 4.0, 10.0, 30.0])), density=False)

KNOWN = [
    (Duration.of("exponential", mean=20), stats.expon(scale=20)),
    (Duration.of("lognormal", mean=18, cv=0.4), stats.lognorm(SIGMA, scale=18 * math.exp(-(SIGMA**2) / 2))),
    (
        Duration.of("lognormal", median=60, p90=240),
        stats.lognorm(math.log(4) / stats.norm.ppf(0.9), scale=60),
    ),
    (Duration.of("weibull", shape=0.7, scale=20), stats.weibull_min(0.7, scale=20)),
    (Duration.of("weibull", mean=30, shape=1.5), stats.weibull_min(1.5, scale=WEIBULL_SCALE)),
    (Duration.of("uniform", low=3, high=9), stats.uniform(3, 6)),
    (Duration.of("empirical", quantiles=QUANTILES), EMPIRICAL),
]


@pytest.mark.parametrize(
    ("ours", "scipys"), KNOWN, ids=lambda part: str(part) if isinstance(part, Duration) else ""
)
def test_moments_and_quantiles_are_scipys(ours, scipys):
    assert ours.mean == pytest.approx(scipys.mean(), rel=1e-9)
    assert ours.variance == pytest.approx(scipys.var(), rel=1e-9)
    assert ours.cv == pytest.approx(scipys.std() / scipys.mean(), rel=1e-9)
    assert ours.median == pytest.approx(scipys.median(), rel=1e-9)
    for u in (0.001, 0.1, 0.45, 0.9, 0.999):
        assert ours.quantile(u) == pytest.approx(scipys.ppf(u), rel=1e-9)


def test_a_constant_has_no_spread():
    constant = Duration.of("constant", value=3)
    assert (constant.mean, constant.variance, constant.cv, constant.median) == (3, 0, 0, 3)
    assert Duration.of("constant", value=0).cv == 0


def test_parameters_come_back_as_moments():
    assert Duration.of("lognormal", mean=18, cv=0.4).cv == pytest.approx(0.4)
    assert Duration.of("lognormal", median=60, p90=240).quantile(0.9) == pytest.approx(240)
    assert Duration.of("weibull", mean=30, shape=1.5).mean == pytest.approx(30)


def test_the_mean_is_the_integral_of_the_quantiles():
    empirical = Duration.of("empirical", quantiles=QUANTILES)
    area, _ = integrate.quad(empirical.quantile, 0, 1, points=[0.5, 0.9])
    assert empirical.mean == pytest.approx(area)


@pytest.mark.parametrize(
    ("unit", "days"), [("days", 1), ("weeks", 7), ("months", 365.25 / 12), ("years", 365.25)]
)
def test_times_are_converted_and_shapes_are_not(unit, days):
    duration = Duration.of("weibull", unit, shape=2, scale=3)
    assert dict(duration.parameters) == {"shape": 2, "scale": 3 * days}
    assert dict(Duration.of("lognormal", unit, mean=1, cv=0.5).parameters) == {"mean": days, "cv": 0.5}
    points = Duration.of("empirical", unit, quantiles=[[0, 1], [1, 2]]).lowered()
    assert (points.p, points.x) == ((0, 1), (days, 2 * days))


def test_kinds_and_limits_are_those_of_the_engine():
    names = ("CONSTANT", "EXPONENTIAL", "LOGNORMAL", "WEIBULL", "UNIFORM", "EMPIRICAL")
    assert [getattr(durations, name) for name in names] == [getattr(luck, name) for name in names]
    from best_sim.scenario.values import MOST_DATES

    assert (durations.MOST_POINTS, MOST_DATES) == (luck.DURATION_POINTS, luck.SERIES_POINTS)


@pytest.mark.parametrize(
    ("ours", "scipys"),
    [*KNOWN, (Duration.of("constant", value=3), None)],
    ids=lambda part: str(part) if isinstance(part, Duration) else "",
)
def test_the_engine_draws_the_same_quantiles(ours, scipys):
    record = np.atleast_1d(luck.duration_record(*ours.lowered())).view(np.recarray)[0]
    for u in (0.001, 0.3, 0.5, 0.95, 0.999):
        assert luck.duration_quantile(record, u) == pytest.approx(ours.quantile(u), rel=1e-9)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999), st.sampled_from([ours for ours, _ in KNOWN]))
def test_quantiles_rise(u, v, duration):
    assert duration.quantile(min(u, v)) <= duration.quantile(max(u, v))


def test_written_and_made_again_it_is_the_same():
    for duration, _ in KNOWN:
        table = duration.as_table()
        again = Duration.of(table.pop("distribution"), **table)
        assert again == duration
        assert hash(again) == hash(duration)


@pytest.mark.parametrize("u", [0, 1, -1, math.nan])
def test_quantiles_are_asked_within(u):
    with pytest.raises(ValueError, match="strictly between 0 and 1"):
        Duration.of("constant", value=3).quantile(u)


@pytest.mark.parametrize(
    ("distribution", "parameters", "below", "found", "nearest"),
    [
        ("lognromal", {}, "distribution", '"lognromal"', "lognormal"),
        ("gamma", {}, "distribution", '"gamma"', None),
        (3, {}, "distribution", "3", None),
        ("exponential", {"men": 3}, "men", "men", "mean"),
        ("lognormal", {"mean": 3}, "", "mean", None),
        ("lognormal", {"mean": 3, "p90": 4}, "", "mean, p90", None),
        ("lognormal", {"mean": 3, "cv": -0.4}, "cv", "-0.4", None),
        ("lognormal", {"mean": 0, "cv": 0.4}, "mean", "0", None),
        ("lognormal", {"median": 5, "p90": 4}, "p90", "p90 = 4", None),
        ("exponential", {"mean": "3"}, "mean", '"3"', None),
        ("exponential", {"mean": True}, "mean", "true", None),
        ("exponential", {"mean": math.inf}, "mean", "inf", None),
        ("weibull", {"shape": 0, "scale": 1}, "shape", "0", None),
        ("uniform", {"low": 5, "high": 3}, "high", "high = 3", None),
        ("empirical", {"quantiles": [[0, 1]]}, "quantiles", "[[0, 1]]", None),
        ("empirical", {"quantiles": [[0, 1], [0.5, 3]]}, "quantiles", "[[0, 1], [0.5, 3]]", None),
        ("empirical", {"quantiles": [[0, 5], [1, 3]]}, "quantiles", "[[0, 5], [1, 3]]", None),
        ("empirical", {"quantiles": 3}, "quantiles", "3", None),
    ],
)
def test_what_is_refused(distribution, parameters, below, found, nearest):
    with pytest.raises(NotAllowedError) as refused:
        Duration.of(distribution, **parameters)
    assert (refused.value.below, refused.value.found, refused.value.nearest) == (below, found, nearest)
    assert refused.value.allowed


@pytest.mark.parametrize(
    ("distribution", "parameters"),
    [
        ("weibull", {"mean": 3.0, "shape": 0.001}),
        ("weibull", {"scale": 3.0, "shape": 0.001}),
        ("lognormal", {"mean": 3.0, "cv": 1e200}),
        ("lognormal", {"median": 3.0, "p90": 1e200}),
        ("lognormal", {"median": 1e-200, "p90": 1e200}),
    ],
)
def test_what_no_computer_can_hold_is_refused(distribution, parameters):
    with pytest.raises(NotAllowedError, match="no computer can hold"):
        Duration.of(distribution, **parameters)
