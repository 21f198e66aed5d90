"""Calibration: what is read and refused, against truth that is known, and against a run done by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looking import assert_texts_are_apart, texts

from best_sim.drawing import style
from best_sim.measures.stability import ended_placements
from best_sim.pathway import simulate
from best_sim.questions.asking import QuestionError
from best_sim.questions.calibration.ask import CalibrationQuestion, Parameter, Scale, Target
from best_sim.questions.calibration.figures import calibration_figure
from best_sim.questions.calibration.fitted import fitted_toml
from best_sim.questions.calibration.run import CalibrationFound
from best_sim.questions.calibration.show import words_of
from best_sim.questions.calibration.targets import COURT_FIGURE, court_figures, figures_for
from best_sim.questions.running import Running, answer
from best_sim.questions.validation.published import read_published
from best_sim.questions.validation.replicate import figures_of
from best_sim.scenario import Scenario

SMALL = Path(__file__).with_name("small.toml")
SHORT = """
kind = "calibration"
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


def read(folder: Path, text: str, name: str = "mine") -> CalibrationQuestion:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return CalibrationQuestion.load(path)


def run(question: CalibrationQuestion, executor: Any = "default") -> CalibrationFound:
    found = answer(question, executor=executor)
    assert isinstance(found, CalibrationFound)
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CalibrationFound:
    folder = tmp_path_factory.mktemp("small")
    return run(read(folder, SHORT + NOTICE + SEEN + IDLE + FIGURES_ASKED).replaced(steps=5))


# --- the file -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["calibration", "calibration-court-load"])
def test_shipped_calibrations_can_be_used(name: str) -> None:
    one = CalibrationQuestion.load(name)
    assert len(one.targets) >= len(one.parameters)
    assert all(target.source for target in one.targets)
    before = one.world
    assert one.scenario_at(one.start) == before


def test_the_joint_fit_is_to_figures_that_set_a_parameter_and_to_no_check() -> None:
    one = CalibrationQuestion.load("calibration")
    figures = {figure.id: figure for figure in read_published()}
    fitted = {key for parameter in one.parameters for key in parameter.keys}
    for target in one.targets:
        figure = figures[target.measure]
        assert figure.role == "set", target.measure
        # a count is of the areas that are simulated; all else is as published
        assert target.given is None or figure.unit == "children", target.measure
    told = {name for target in one.targets for name in figures[target.measure].sets}
    unheard = {key for key in fitted if not any(key == name or key.startswith(f"{name}.") for name in told)}
    assert not unheard, "no target says that it set these"


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    text = """
kind = "calibration"
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
    with pytest.raises(QuestionError) as refused:
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
        (parameter("courts.east_london.other_cases", 50, 99), "parameter[0].change", "154, 206"),
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
    with pytest.raises(QuestionError) as refused:
        read(tmp_path, text).refuse()
    (problem,) = refused.value.problems
    assert problem.key == key
    assert says in problem.found


def test_an_interval_of_95_percent_gives_its_standard_error(tmp_path: Path) -> None:
    one = read(tmp_path, SHORT + NOTICE + FIGURES_ASKED)
    assert one.targets[1].error == pytest.approx(0.06 / 1.959964)


# --- parameters in the scenario -----------------------------------------------------------------------------
def test_a_published_figure_brings_its_value_its_error_and_its_source() -> None:
    known = {one.id: one for one in read_published()}
    share = known["three_in_year_1_4"]
    mine = Target(measure="three_in_year_1_4")
    assert mine.value == pytest.approx(0.104)
    low, high = share.held_between
    assert mine.error == pytest.approx((high - low) / 400)
    assert mine.source == share.source
    other = Target(measure="three_in_year_1_4", value=0.2, standard_error=0.01, source="ours")
    assert (other.value, other.error, other.source) == (0.2, 0.01, "ours")


def test_a_discrepancy_is_added_to_every_error(tmp_path: Path) -> None:
    plain = read(tmp_path, SHORT + NOTICE + FIGURES_ASKED)
    wide = plain.replaced(discrepancy=0.1)
    value, error = plain.targets[0].value, plain.targets[0].error
    assert plain.errors_of_targets[0] == pytest.approx(error)
    assert wide.errors_of_targets[0] == pytest.approx(np.hypot(error, 0.1 * value))


def test_factors_change_only_what_holds_in_their_time_and_compose(tmp_path: Path) -> None:
    load = parameter("courts.east_london.other_cases", 0.5, 2, 'change = "factor"')
    from_2018 = parameter(
        "courts.east_london.other_cases", 0.5, 2, 'change = "factor"\nfrom = 2018-01-01\nuntil = 2020-01-01'
    )
    one = read(tmp_path, SHORT + load + from_2018 + FIGURES_ASKED)
    before, after = (s.courts["east_london"].other_cases for s in (one.world, one.scenario_at([1.1, 0.9])))
    times = {dt.date(2018, 1, 1): 0.99, dt.date(2019, 1, 1): 0.99}
    expected = [v * times.get(d, 1.1) for d, v in zip(before.dates, before.values, strict=True)]
    assert after.dates == before.dates
    assert after.values == pytest.approx(expected, rel=1e-5)


def test_two_numbers_of_one_distribution_can_be_fitted_together(tmp_path: Path) -> None:
    mean, cv = (parameter(f"proceedings.notice.further.{x}", 0.1, 60) for x in ("mean", "cv"))
    one = read(tmp_path, SHORT + mean + cv + FIGURES_ASKED)
    now = one.world.provenance["proceedings.notice.further"].value
    assert one.start.tolist() == [now["mean"], now["cv"]]
    written = one.scenario_at([20.0, 0.7]).provenance["proceedings.notice.further"].value
    assert (written["mean"], written["cv"]) == (20.0, 0.7)


@given(st.sampled_from(["linear", "log", "logit"]), st.floats(0, 1))
@settings(max_examples=50)
def test_a_share_of_the_range_and_its_value_are_each_other_s_inverse(scale: Scale, x: float) -> None:
    one = Parameter(key="p", low=0.05, high=0.8, scale=scale)
    assert one.share(one.at(x)) == pytest.approx(x, abs=1e-9)


# --- figures ------------------------------------------------------------------------------------------------
def test_targets_are_the_figures_of_the_validation() -> None:
    """Every published figure of a period that is simulated is the same here and there."""
    world = Scenario.load("trial-as-run")
    journeys = simulate(world, 7, 0)
    figures = [
        one for one in read_published() if one.role != "context" and not COURT_FIGURE.fullmatch(one.id)
    ]
    there = [top / n if n else np.nan for top, n in figures_of(journeys, world, figures)]
    here = figures_for(
        journeys, world, [Target(measure=one.id, value=0.0, standard_error=1.0) for one in figures]
    )
    inside = [np.isfinite(one) for one in there]
    assert sum(inside) > 100
    for one, mine, published in zip(figures, here, there, strict=True):
        if np.isfinite(published):
            assert mine == pytest.approx(published / one.scale), one.id


def test_a_target_is_of_the_part_of_its_period_that_the_run_covers() -> None:
    world = Scenario.load("london-2017", ["simulation.end_date=2019-12-31"])
    journeys = simulate(world, 7, 0)
    names = ("ended_month", "placed_to_order", "starts_croydon", "in_care_first_week")
    here = figures_for(journeys, world, [Target(measure=n, value=0.0, standard_error=1.0) for n in names])
    ended = ended_placements(journeys)["days"]  # 2016/17 is not simulated: all of the run
    assert here[0] == pytest.approx((ended < 30.4375).mean(), abs=0.01)
    assert np.isfinite(here).all()
    of_court = [Target(measure=n, value=0.0, standard_error=1.0) for n in ("weeks_2019", "within_26_2019")]
    known = court_figures(journeys, 2019)
    assert figures_for(journeys, world, of_court) == [known["weeks"], known["within_26"]]


def test_a_published_figure_is_counted_as_published_and_a_year_of_ones_own_as_a_calendar_year() -> None:
    """Hearings of 2022 are published of its first quarter."""
    world = Scenario.load("london-2017", ["simulation.end_date=2022-12-31"])
    journeys = simulate(world, 7, 0)
    targets = [
        Target(measure="hearings_2022"),
        Target(measure="hearings_2022", value=6.2, standard_error=1.0),
    ]
    quarter, year = figures_for(journeys, world, targets)
    p = journeys.proceedings
    days = [(dt.date(2022, month, 1) - journeys.start_date).days for month in (1, 4)]
    decided = p[p["decided_days"].between(*days, inclusive="left")]
    assert quarter == pytest.approx(decided["hearings"].mean())
    assert year == court_figures(journeys, 2022)["hearings"] != quarter


def test_a_courts_figures_are_of_its_own_cases() -> None:
    journeys = simulate(Scenario.load("london", ["simulation.end_date=2019-12-31"]), 7, 0)
    together = court_figures(journeys, 2019)
    of_each = [court_figures(journeys, 2019, f"{name}_london") for name in ("east", "central", "west")]
    for figure, value in together.items():
        values = [each[figure] for each in of_each]
        assert min(values) < value < max(values)
    assert np.isnan(court_figures(journeys, 2011)["weeks"])


# --- a whole calibration ------------------------------------------------------------------------------------
def test_a_small_calibration_comes_nearer_to_its_targets(small: CalibrationFound) -> None:
    t = small.targets
    assert (t["distance"] ** 2).sum() < 0.3 * (t["distance_before"] ** 2).sum()
    p = small.parameters.set_index("parameter")
    assert np.all((p["least"] <= p["low"]) & (p["low"] <= p["fitted"]))
    assert np.all((p["fitted"] <= p["high"]) & (p["high"] <= p["most"]))
    assert p.loc["notice", "fitted"] > 29 and p.loc["seen", "fitted"] < 1.95


def test_luck_is_common_so_that_what_does_nothing_has_no_slope(small: CalibrationFound) -> None:
    """The spread of SDQ scores alters no placement and no hearing: with luck by address not even by chance."""
    assert np.all(small.slopes["idle"] == 0.0)
    p = small.parameters.set_index("parameter")
    assert p.loc["idle", "learned"] < 0.1
    assert "idle" in " ".join(words_of(small))
    carried = small.carried[small.carried["parameter"] == "idle"]
    assert np.all(carried["alone"] == carried["before"]) and np.all(carried["mcse_without"] == 0.0)
    assert not small.directions.iloc[-1]["told"]


def test_what_it_says_after_is_what_other_replicates_give(small: CalibrationFound, tmp_path: Path) -> None:
    """The file that is written, simulated by hand with replicates that took no part in the fit."""
    path = tmp_path / "fitted.toml"
    path.write_text(fitted_toml(small), encoding="utf-8")
    world = Scenario.load(path)
    assert world == small.scenario
    one = small.question
    n = one.replicates
    rows = [
        figures_for(simulate(world, one.seed, k, "compiled"), world, one.targets) for k in range(n, 2 * n)
    ]
    assert small.targets["after"].to_numpy() == pytest.approx(np.mean(rows, axis=0), rel=1e-12)
    assert small.targets["mcse"].to_numpy() == pytest.approx(
        np.std(rows, axis=0, ddof=1) / np.sqrt(n), rel=1e-9
    )


def test_the_file_that_is_written_says_that_it_is_calibrated_and_to_what(
    small: CalibrationFound, tmp_path: Path
) -> None:
    path = tmp_path / "fitted.toml"
    path.write_text(fitted_toml(small), encoding="utf-8")
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
    one = read(tmp_path, SHORT + SEEN + FIGURES_ASKED).replaced(replicates=6, steps=2)
    told: list[int] = []
    alone = one.run(Running(progress=lambda done, total, words: told.append(done)))
    with ThreadPoolExecutor(2) as two:
        together = run(one, two)
    pd.testing.assert_frame_equal(alone.parameters, together.parameters)
    pd.testing.assert_frame_equal(alone.targets, together.targets)
    assert told == sorted(told) and told[-1] == alone.simulated


def test_a_figure_for_which_nobody_is_counted_is_named(tmp_path: Path) -> None:
    nobody = FIGURES_ASKED + '[[target]]\nmeasure = "months"\nvalue = 115\nstandard_error = 5\n'
    one = read(tmp_path, SHORT + SEEN + nobody).replaced(replicates=4)
    with pytest.raises(QuestionError, match="months"):
        run(one, None)


def made(folder: Path, truth: dict[str, float], seed: int, replicates: int) -> str:
    """Targets that the model made itself, with parameters that are known and luck of its own."""
    world = read(folder, SHORT + NOTICE + SEEN + FIGURES_ASKED, "for-truth").world.replace(truth)
    targets = [
        Target(measure=name, value=0.0, standard_error=1.0)
        for name in ("weeks_2018", "within_26_2018", "seen")
    ]
    rows = np.array(
        [figures_for(simulate(world, seed, k, "compiled"), world, targets) for k in range(replicates)]
    )
    error = rows.std(axis=0, ddof=1) / np.sqrt(replicates)
    return "".join(
        f'[[target]]\nmeasure = "{t.measure}"\nvalue = {v!r}\nstandard_error = {e!r}\n'
        for t, v, e in zip(targets, rows.mean(axis=0).tolist(), error.tolist(), strict=True)
    )


@pytest.mark.parametrize("seed", [102, pytest.param(103, marks=pytest.mark.slow)])
def test_a_truth_that_made_the_targets_is_found_again(tmp_path: Path, seed: int) -> None:
    truth = {"proceedings.notice.further.mean": 18.0, "visits.retention.third": 2.6}
    text = SHORT + NOTICE + SEEN + made(tmp_path, truth, seed, 40)
    found = run(read(tmp_path, text).replaced(replicates=24))
    p = found.parameters
    value = np.array(list(truth.values()))
    assert np.all((p["low"] <= value) & (value <= p["high"])), p
    assert found.settled
    assert np.all(p["learned"] > 0.8)
    assert found.misfit > 0.001


def test_a_busier_court_is_what_lengthens_proceedings(tmp_path: Path) -> None:
    """The court's load, fitted to longer proceedings, rises; no duration is touched."""
    busier = parameter("courts.east_london.other_cases", 0.8, 1.3, 'change = "factor"')
    target = '[[target]]\nmeasure = "weeks_2019"\ncourt = "east_london"\nvalue = 36\nstandard_error = 1\n'
    found = run(read(tmp_path, SHORT + busier + target).replaced(replicates=6, steps=4))
    assert found.parameters.loc[0, "fitted"] > 1.0
    after = found.targets.loc[0]
    assert after["before"] < after["after"]
    untouched: Callable[[Scenario], dict[str, object]] = lambda s: {  # noqa: E731
        key: entry.value for key, entry in s.provenance.items() if not key.endswith(".other_cases")
    }
    assert untouched(found.scenario) == untouched(found.question.world)


def test_a_search_that_ends_too_early_is_not_settled_and_its_file_says_so(tmp_path: Path) -> None:
    found = run(read(tmp_path, SHORT + NOTICE + SEEN + FIGURES_ASKED).replaced(replicates=4, steps=1))
    assert not found.settled and "ended before it converged" in " ".join(found.words())
    assert "do not rely on this" in fitted_toml(found).splitlines()[0]
    assert any("did not converge" in note for note in found.notes())


# --- the command --------------------------------------------------------------------------------------------
Command = Callable[..., tuple[int, str, str]]


def test_calibrate_leaves_a_scenario_that_can_be_used(
    best_sim: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = best_sim("calibrate", SMALL, "--out", "c")
    assert code == 0
    assert "1 parameter, 1 figure, 4 replicates of each candidate" in out
    assert "1 parameter fitted to 1 figure in" in out
    names = {f.name for f in Path("c").iterdir()}
    assert {"calibration.png", "parameters.csv", "targets.csv", "carried.csv", "small-fitted.toml"} <= names
    code, out, _ = best_sim("check", "c/small-fitted.toml")
    assert code == 0
    # a search that does not converge ends with 1, and leaves all of it
    code, out, _ = best_sim("calibrate", SMALL, "--steps", 1, "--out", "d")
    assert code == 1 and names == {f.name for f in Path("d").iterdir()}


def test_a_calibration_of_what_the_scenario_has_not_is_refused(
    best_sim: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong.toml").write_text(SMALL.read_text().replace("notice.further", "notice.futher"))
    code, _, err = best_sim("calibrate", "wrong.toml", "--out", "c")
    assert code == 2 and "further" in err and not Path("c").exists()


# --- the report and the picture -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def court() -> CalibrationFound:
    asked = CalibrationQuestion.load("calibration-court-load", replicates=4, steps=1)
    return run(asked.replaced(parameters=asked.parameters[:3]))


def test_what_a_parameter_does_is_told_only_where_it_is_told_from_chance(small: CalibrationFound) -> None:
    (table,) = next(one for one in small.chapters() if one.id == "carried").content
    told = {row[0] for row in table.rows}  # type: ignore[union-attr]
    assert "notice" in told and "idle" not in told


def test_the_picture_is_readable_and_says_that_it_is_simulated(court: CalibrationFound) -> None:
    figure = calibration_figure(court)
    assert_texts_are_apart(figure)
    said = texts(figure)
    assert any(style.SOURCE in text for text in said)
    assert any("assumptions" in text for text in said)
    for words in (*court.targets["figure"], *court.parameters["parameter"]):
        assert any(words in text for text in said), words
    assert len(style.alt_text(figure)) > 200


def test_no_interval_is_hidden_by_what_is_written_beside_it(court: CalibrationFound) -> None:
    table = court.parameters.assign(start=0.0157, fitted=0.0146, low=0.00613, high=0.0228, unit="probability")
    figure = calibration_figure(replace(court, parameters=table))
    figure.canvas.draw()
    written = [text for text in figure.texts if "0.00613 to 0.0228" in text.get_text()]
    assert len(written) == len(table)
    right = figure.axes[-1].get_window_extent().x1
    assert all(text.get_window_extent().x0 > right for text in written)


def test_the_pictures_heading_counts_the_figures_that_are_near(court: CalibrationFound) -> None:
    near = {c: int((court.targets[c].abs() <= 2).sum()) for c in ("distance", "distance_before")}
    heading = texts(calibration_figure(court))[0:400]
    expected = (
        f"{near['distance']} of {len(court.targets)} figures within two standard errors after calibration, "
        f"{near['distance_before']} before"
    )
    assert expected in " ".join(heading)


def test_a_figure_far_off_is_put_at_the_edge_with_its_distance(court: CalibrationFound) -> None:
    table = court.targets.copy()
    table.loc[0, "before"] = table.loc[0, "published"] - 22 * table.loc[0, "error"]
    table.loc[0, "distance_before"] = -22.0
    figure = calibration_figure(replace(court, targets=table))
    assert "−22" in texts(figure)
    assert_texts_are_apart(figure)


def test_a_value_outside_its_plausible_range_is_told_once_and_at_the_end(court: CalibrationFound) -> None:
    said = " ".join(court.words())
    assert not court.scenario.warnings and "plausible" not in said
    many = {"placements.unplanned.foster": 4.0}
    outside = replace(court, scenario=court.question.world.replace(many))
    (told,) = [one for one in outside.words() if "plausible" in one]
    assert "placements.unplanned.foster: 4" in told
