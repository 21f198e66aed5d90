"""Calibration: against closed forms, against truth that is known, and against a run done by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from best_sim.experiments import calibration_asked as asked
from best_sim.experiments.calibration import Calibration, CalibrationExperiment, run_calibration, words_of
from best_sim.experiments.fitting import Simulated, Simulator, allowed, collinearity, directions, fit
from best_sim.pathway import simulate
from best_sim.questions.validation.published import FIGURES
from best_sim.questions.validation.replicate import figures_of
from best_sim.scenario import Scenario, ScenarioError

SHORT = """
title = "A short one"
scenario = "london-2017"
replicates = 10
seed = 4
set = ["simulation.end_date=2021-03-31"]
"""
NOTICE = """
[[parameter]]
name = "notice"
key = "proceedings.notice.further.mean"
low = 7
high = 56
scale = "log"
"""
SEEN = """
[[parameter]]
name = "seen"
key = "visits.retention.third"
low = 0.5
high = 3.5
"""
IDLE = """
[[parameter]]
name = "idle"
key = "outcomes.sdq.sd"
low = 6
high = 9
"""
FIGURES_ASKED = """
[[target]]
measure = "weeks_2018"
value = 33
standard_error = 1.0
[[target]]
measure = "within_26_2018"
value = 0.42
interval = [0.36, 0.48]
[[target]]
measure = "seen"
value = 0.72
standard_error = 0.03
"""


def read(folder: Path, text: str, name: str = "mine") -> CalibrationExperiment:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return CalibrationExperiment.load(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    folder = tmp_path_factory.mktemp("small")
    return run_calibration(read(folder, SHORT + NOTICE + SEEN + IDLE + FIGURES_ASKED), most=5)


# --- the arithmetic -----------------------------------------------------------------------------------------
def linear(slope: np.ndarray, at_zero: np.ndarray, noise: np.ndarray) -> Simulator:
    return lambda points: [Simulated(at_zero + slope @ x, noise) for x in points]


def test_a_linear_simulation_is_fitted_as_generalised_least_squares_says() -> None:
    slope = np.array([[10.0, -4.0], [3.0, 8.0], [1.0, 1.0]])
    error, noise = np.array([0.5, 0.4, 0.2]), np.diag([0.2, 0.1, 0.1]) ** 2 + 0.004
    value = slope @ np.array([0.45, 0.6]) + np.array([0.2, -0.1, 0.15])
    got = fit(linear(slope, np.zeros(3), noise), np.array([0.3, 0.3]), value, error)
    weight = np.linalg.inv(np.diag(error**2) + noise)
    covariance = np.linalg.inv(slope.T @ weight @ slope)
    exact = covariance @ slope.T @ weight @ value
    left = value - slope @ exact
    assert got.x == pytest.approx(exact, abs=1e-4)
    assert got.jacobian == pytest.approx(slope, abs=1e-9)
    assert got.chi_square == pytest.approx(left @ weight @ left, rel=1e-4)
    assert got.freedom == 1
    assert got.misfit == pytest.approx(stats.chi2.sf(left @ weight @ left, 1), rel=1e-3)
    # four standard errors of the mean and of the covariance of so many normal draws
    n, variance = len(got.draws), np.diag(covariance)
    assert np.all(np.abs(got.draws.mean(axis=0) - exact) <= 4 * np.sqrt(variance / n))
    allows = 4 * np.sqrt((np.outer(variance, variance) + covariance**2) / n)
    assert np.all(np.abs(np.cov(got.draws.T) - covariance) <= allows)


@pytest.mark.parametrize("centre", [0.5, 0.02, 1.3, -4.0])
def test_draws_near_an_end_of_the_range_are_of_the_truncated_normal(centre: float) -> None:
    sd, x = 0.2, np.array([0.5])
    draws = allowed(x, (x - centre) / sd, np.array([[1 / sd]]))[:, 0]
    exact = stats.truncnorm((0 - centre) / sd, (1 - centre) / sd, loc=centre, scale=sd)
    assert stats.kstest(draws, exact.cdf).pvalue > 0.001
    assert draws.min() >= 0 and draws.max() <= 1


def test_draws_along_a_ridge_agree_with_rejection() -> None:
    """Two parameters of which the figures tell little but the sum, which wants to be beyond a corner's reach."""
    whitened = np.array([[40.0, 40.0], [1.0, -0.5]])
    x, residuals = np.array([0.5, 0.5]), np.array([-32.0, 0.5])
    draws = allowed(x, residuals, whitened)
    tried = np.random.default_rng(1).uniform(size=(400_000, 2))
    left = residuals + (tried - x) @ whitened.T
    kept = tried[
        np.random.default_rng(2).uniform(size=len(tried)) < np.exp(-0.5 * ((left**2).sum(axis=1) - 0.02))
    ]
    assert len(kept) > 2_000
    for i in range(2):
        assert stats.ks_2samp(draws[:, i], kept[:, i]).pvalue > 0.001


def test_what_nothing_tells_of_keeps_its_whole_range() -> None:
    slope = np.array([[10.0, 0.0], [4.0, 0.0]])
    got = fit(
        linear(slope, np.zeros(2), np.eye(2) * 1e-4),
        np.array([0.3, 0.3]),
        np.array([5.0, 2.0]),
        np.full(2, 0.3),
    )
    low, high = got.interval()
    assert (low[1], high[1]) == pytest.approx((0.025, 0.975), abs=0.015)
    assert got.freedom == 1
    last = directions(got.whitened)[-1]
    assert not last.told and np.abs(last.loadings) == pytest.approx([0.0, 1.0])


@given(st.floats(-0.999, 0.999), st.floats(0.01, 100), st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_two_effects_at_an_angle_have_the_index_that_the_angle_gives(
    cosine: float, one: float, two: float
) -> None:
    """The least eigenvalue of [[1, c], [c, 1]] is 1 - |c|, whatever the lengths."""
    effects = np.array([[one, two * cosine], [0.0, two * np.sqrt(1 - cosine**2)]])
    assert collinearity(effects, (0, 1)) == pytest.approx((1 - abs(cosine)) ** -0.5, rel=1e-6)


def toy(replicates: int, seed: int) -> Simulator:
    """A queue-like figure, its share below a limit, and another share: not linear, and noisy."""
    z = np.random.default_rng(seed).normal(size=(replicates, 2))

    def simulated(points: np.ndarray) -> list[Simulated]:
        got = []
        for x in points:
            weeks = 10 * np.exp(1.5 * x[0] + (0.2 + 0.6 * x[1]) * z[:, 0])
            figures = np.column_stack([weeks, weeks < 20, z[:, 1] < 2 * x[1] - 1])
            got.append(Simulated(figures.mean(axis=0), np.cov(figures.T) / replicates))
        return got

    return simulated


@pytest.mark.slow
def test_intervals_hold_a_truth_that_made_the_figures_as_often_as_they_say() -> None:
    """120 worlds with parameters of their own, seen by 400 and fitted with 1,500 others."""
    random, held, n = np.random.default_rng(5), np.zeros(2), 120
    for k in range(n):
        truth = random.uniform(0.15, 0.85, 2)
        (seen,) = toy(400, 10_000 + k)(truth[None])
        got = fit(toy(1_500, k), np.full(2, 0.5), seen.mean, np.sqrt(np.diag(seen.covariance)))
        low, high = got.interval()
        held += (low <= truth) & (truth <= high)
    least, most = stats.binom(n, 0.95).ppf([0.002, 0.9999])
    assert np.all(held >= least), held
    assert np.all(held <= most), held


# --- the file -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["calibration", "calibration-court-load"])
def test_shipped_calibrations_can_be_used(name: str) -> None:
    one = CalibrationExperiment.load(name)
    assert len(one.targets) >= len(one.parameters)
    assert all(target.source for target in one.targets)
    before = one.scenario_before()
    assert one.scenario_at(one.start()) == before


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
replicates = 2
sead = 4
scenario = "london-2017"
seed = 1
[[parameter]]
key = "visits.retention.third"
low = 3
high = 1
[[parameter]]
key = "visits.retention.second"
low = 0
high = 3
scale = "log"
[[target]]
measure = "week_2018"
value = 30
standard_error = 1
[[target]]
measure = "moves"
court = "east_london"
value = 0.5
standard_error = 1
interval = [0.4, 0.6]
[[target]]
measure = "seen"
value = 0.5
interval = [0.6, 0.7]
"""
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, text)
    said = {problem.key: problem for problem in refused.value.problems}
    assert set(said) == {
        "replicates", "sead", "parameter[0].low", "parameter[1].low", "target[0].measure", "target[1].court",
        "target[1].standard_error", "target[2].interval",
    }  # fmt: skip
    assert said["sead"].nearest == "seed"
    assert said["target[0].measure"].nearest == "weeks_2018"


def parameter(key: str, low: float = 0.1, high: float = 0.9, more: str = "") -> str:
    return f'[[parameter]]\nname = "{key} {len(more)}"\nkey = "{key}"\nlow = {low}\nhigh = {high}\n{more}\n'


@pytest.mark.parametrize(
    ("asks", "key", "says"),
    [
        (parameter("visits.retention.thirdd"), "parameter[0].key", "visits.retention.thirdd"),
        (parameter("entry.route.voluntary"), "parameter[0].key", "share of a mix"),
        (parameter("trial.target_families", 100, 500), "parameter[0].key", "whole number"),
        (parameter("trial.steps"), "parameter[0].key", "not a number"),
        (parameter("courts.east_london.other_cases", 50, 99), "parameter[0].change", "88.5, 94.5"),
        (parameter("visits.retention.third", 2.5, 3.0), "parameter[0]", "1.95"),
        (
            parameter("courts.east_london.other_cases", 0.5, 2, 'change = "factor"\nfrom = 2030-01-01'),
            "parameter[0].key",
            "no value that holds",
        ),
        (parameter("visits.retention.third", 1, 3, "from = 2018-01-01"), "parameter[0].key", "without dates"),
        (
            parameter("population.male_share", 0.1, 1.2),
            "parameter[0] (population.male_share)",
            "1.2",
        ),
        (
            parameter("visits.retention.third", 1, 3)
            + '[[target]]\nmeasure = "weeks_2018"\ncourt = "east_londn"\nvalue = 1\nstandard_error = 1\n',
            "target[3].court",
            "east_londn",
        ),
        (
            parameter("visits.retention.third", 1, 3)
            + '[[target]]\nmeasure = "weeks_2012"\nvalue = 1\nstandard_error = 1\n',
            "target[3].measure",
            "weeks_2012",
        ),
    ],
)
def test_what_the_scenario_does_not_have_or_allow_is_refused(
    tmp_path: Path, asks: str, key: str, says: str
) -> None:
    targets = FIGURES_ASKED if "[[target]]" not in asks else ""
    parameters, _, more = asks.partition("[[target]]")
    text = SHORT + parameters + (targets or FIGURES_ASKED + "[[target]]" + more)
    with pytest.raises(ScenarioError) as refused:
        read(tmp_path, text)
    (problem,) = refused.value.problems
    assert problem.key == key
    assert says in problem.found


def test_an_interval_of_95_percent_gives_its_standard_error(tmp_path: Path) -> None:
    one = read(tmp_path, SHORT + NOTICE + FIGURES_ASKED)
    assert one.targets[1].error == pytest.approx(0.06 / 1.959964)


# --- parameters in the scenario -----------------------------------------------------------------------------
def test_factors_change_only_what_holds_in_their_time_and_compose(tmp_path: Path) -> None:
    load = parameter("courts.east_london.other_cases", 0.5, 2, 'change = "factor"')
    from_2018 = parameter(
        "courts.east_london.other_cases", 0.5, 2, 'change = "factor"\nfrom = 2018-01-01\nuntil = 2020-01-01'
    )
    one = read(tmp_path, SHORT + load + from_2018 + FIGURES_ASKED)
    before, after = (
        s.courts["east_london"].other_cases for s in (one.scenario_before(), one.scenario_at([1.1, 0.9]))
    )
    times = {dt.date(2018, 1, 1): 0.99, dt.date(2019, 1, 1): 0.99}
    expected = [v * times.get(d, 1.1) for d, v in zip(before.dates, before.values, strict=True)]
    assert after.dates == before.dates
    assert after.values == pytest.approx(expected, rel=1e-5)


def test_two_numbers_of_one_distribution_can_be_fitted_together(tmp_path: Path) -> None:
    mean, cv = (parameter(f"proceedings.notice.further.{x}", 0.1, 60) for x in ("mean", "cv"))
    one = read(tmp_path, SHORT + mean + cv + FIGURES_ASKED)
    assert one.start().tolist() == [29.0, 1.0]
    written = one.scenario_at([20.0, 0.7]).provenance["proceedings.notice.further"].value
    assert (written["mean"], written["cv"]) == (20.0, 0.7)


@given(st.sampled_from(["linear", "log", "logit"]), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_a_share_of_the_range_and_its_value_are_each_other_s_inverse(scale: asked.Scale, x: float) -> None:
    one = asked.Parameter("p", ("p",), 0.05, 0.8, scale)
    assert one.share(one.at(x)) == pytest.approx(x, abs=1e-9)


# --- figures ------------------------------------------------------------------------------------------------
def test_targets_are_the_figures_of_the_validation() -> None:
    """Every published figure, computed here alone or there with all others, is the same to the last digit."""
    world = Scenario.load("london-2017")
    journeys = simulate(world, 7, 0)
    there = figures_of(journeys, world)
    more = ("weeks_2019", "within_26_2020", "hearings_2021", "hearings_2018")
    names = [*(figure.key for figure in FIGURES), *more]
    here = asked.figures_for(journeys, world, [asked.Target(name, None, 0.0, 1.0) for name in names])
    assert here == pytest.approx([there[name] for name in names], rel=0, abs=0, nan_ok=True)


def test_a_courts_figures_are_of_its_own_cases() -> None:
    journeys = simulate(Scenario.load("london-2017"), 7, 0)
    both, east, south = (
        asked.court_figures(journeys, 2019, court) for court in (None, "east_london", "south_london")
    )
    for figure in both:
        low, high = sorted((east[figure], south[figure]))
        assert low <= both[figure] <= high
    assert np.isnan(asked.court_figures(journeys, 2011)["weeks"])


# --- a whole calibration ------------------------------------------------------------------------------------
def test_a_small_calibration_comes_nearer_to_its_targets(small: Calibration) -> None:
    t = small.targets
    assert (t["distance"] ** 2).sum() < 0.3 * (t["distance_before"] ** 2).sum()
    p = small.parameters.set_index("parameter")
    assert np.all((p["least"] <= p["low"]) & (p["low"] <= p["fitted"]))
    assert np.all((p["fitted"] <= p["high"]) & (p["high"] <= p["most"]))
    assert p.loc["notice", "fitted"] > 29 and p.loc["seen", "fitted"] < 1.95


def test_luck_is_common_so_that_what_does_nothing_has_no_slope(small: Calibration) -> None:
    """The spread of SDQ scores alters no placement and no hearing: with luck by address not even by chance."""
    assert np.all(small.slopes["idle"] == 0.0)
    p = small.parameters.set_index("parameter")
    assert p.loc["idle", "learned"] < 0.1
    assert "idle" in words_of(small)
    carried = small.carried[small.carried["parameter"] == "idle"]
    assert np.all(carried["alone"] == carried["before"]) and np.all(carried["mcse_without"] == 0.0)
    assert not small.directions.iloc[-1]["told"]


def test_what_it_says_after_is_what_other_replicates_give(small: Calibration, tmp_path: Path) -> None:
    """The file that is written, simulated by hand with replicates that took no part in the fit."""
    path = tmp_path / "fitted.toml"
    path.write_text(small.as_toml(), encoding="utf-8")
    world = Scenario.load(path)
    assert world == small.scenario
    one = small.experiment
    n = one.replicates
    rows = [
        asked.figures_for(simulate(world, one.seed, k, "compiled"), world, one.targets)
        for k in range(n, 2 * n)
    ]
    assert small.targets["after"].to_numpy() == pytest.approx(np.mean(rows, axis=0), rel=1e-12)
    assert small.targets["mcse"].to_numpy() == pytest.approx(
        np.std(rows, axis=0, ddof=1) / np.sqrt(n), rel=1e-9
    )


def test_the_file_that_is_written_says_that_it_is_calibrated_and_to_what(
    small: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "fitted.toml"
    path.write_text(small.as_toml(), encoding="utf-8")
    table = Scenario.load(path).table().set_index("name")
    fitted = table.loc["proceedings.notice.further"]
    assert fitted["status"] == "calibrated"
    assert "Proceedings decided in 2018, mean 33 weeks" in fitted["source"]
    assert "95 % interval" in fitted["source"]
    assert table.loc["simulation.end_date", "source"] == "set in mine, before the fit"
    changed = set(table.index[table["file"].str.endswith("fitted.toml")])
    assert changed == {
        "proceedings.notice.further", "visits.retention.third", "outcomes.sdq.sd", "simulation.end_date",
    }  # fmt: skip


def test_the_workers_change_nothing_and_progress_is_told(tmp_path: Path) -> None:
    one = replace(read(tmp_path, SHORT + SEEN + FIGURES_ASKED), replicates=6)
    told: list[int] = []

    def tell(runs: int, least: float) -> None:
        told.append(runs)

    alone = run_calibration(one, executor=None, most=2, progress=tell)
    with ThreadPoolExecutor(2) as two:
        together = run_calibration(one, executor=two, most=2)
    pd.testing.assert_frame_equal(alone.parameters, together.parameters)
    pd.testing.assert_frame_equal(alone.targets, together.targets)
    assert told == sorted(told) and told[-1] == alone.simulated


def test_a_figure_for_which_nobody_is_counted_is_named(tmp_path: Path) -> None:
    nobody = FIGURES_ASKED + '[[target]]\nmeasure = "months"\nvalue = 115\nstandard_error = 5\n'
    one = replace(read(tmp_path, SHORT + SEEN + nobody), replicates=4)
    with pytest.raises(ScenarioError, match="months"):
        run_calibration(one, executor=None, most=1)


def made(folder: Path, truth: dict[str, float], seed: int, replicates: int) -> str:
    """Targets that the model made itself, with parameters that are known and luck of its own."""
    world = read(folder, SHORT + NOTICE + SEEN + FIGURES_ASKED, "for-truth").scenario_before().replace(truth)
    targets = [asked.Target(name, None, 0.0, 1.0) for name in ("weeks_2018", "within_26_2018", "seen")]
    rows = np.array(
        [asked.figures_for(simulate(world, seed, k, "compiled"), world, targets) for k in range(replicates)]
    )
    error = rows.std(axis=0, ddof=1) / np.sqrt(replicates)
    return "".join(
        f'[[target]]\nmeasure = "{t.measure}"\nvalue = {v!r}\nstandard_error = {e!r}\n'
        for t, v, e in zip(targets, rows.mean(axis=0).tolist(), error.tolist(), strict=True)
    )


@pytest.mark.parametrize("seed", [101, pytest.param(102, marks=pytest.mark.slow)])
def test_a_truth_that_made_the_targets_is_found_again(tmp_path: Path, seed: int) -> None:
    truth = {"proceedings.notice.further.mean": 18.0, "visits.retention.third": 2.6}
    text = SHORT + NOTICE + SEEN + made(tmp_path, truth, seed, 20)
    found = run_calibration(replace(read(tmp_path, text), replicates=16))
    p = found.parameters
    value = np.array(list(truth.values()))
    assert np.all((p["low"] <= value) & (value <= p["high"])), p
    assert found.converged
    assert np.all(p["learned"] > 0.8)
    assert found.misfit > 0.001


def test_a_busier_court_is_what_lengthens_proceedings(tmp_path: Path) -> None:
    """The court's load, fitted to longer proceedings, rises; no duration is touched."""
    busier = parameter("courts.east_london.other_cases", 0.8, 1.3, 'change = "factor"\nfrom = 2018-01-01')
    target = '[[target]]\nmeasure = "weeks_2019"\ncourt = "east_london"\nvalue = 36\nstandard_error = 1\n'
    found = run_calibration(replace(read(tmp_path, SHORT + busier + target), replicates=6), most=4)
    assert found.parameters.loc[0, "fitted"] > 1.0
    after = found.targets.loc[0]
    assert after["before"] < after["after"]
    untouched: Callable[[Scenario], dict[str, object]] = lambda s: {  # noqa: E731
        key: entry.value for key, entry in s.provenance.items() if not key.endswith(".other_cases")
    }
    assert untouched(found.scenario) == untouched(found.experiment.scenario_before())
