"""Interim analyses of simulated trials: against the theory of group-sequential designs, and by the calendar."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts
from power_against_theory import SD, SMALL, scores
from small_worlds import BOROUGH, after, in_days, plain_world

from best_sim import run_experiment
from best_sim.drawing import style
from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.questions.asking import QuestionError
from best_sim.questions.interims.ask import InterimsQuestion
from best_sim.questions.interims.replicate import until
from best_sim.questions.interims.run import InterimsFound
from best_sim.questions.interims.show import spending_words
from best_sim.questions.running import answer
from best_sim.scenario import Scenario
from best_sim.trial.outcomes import analysis_set
from best_sim.trial.sequential import (
    HwangShihDeCani,
    OBrienFlemingType,
    PocockType,
    PowerFamily,
    Spending,
    boundaries,
    final_inference,
    fixed_drift,
    inflation_factor,
    operating_characteristics,
    recalculate,
)

N = 200


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment in a small world: 200 single children, an effect of 2 points or none."""
    folder = tmp_path_factory.mktemp("small")
    apart = {"visits.third": in_days(30), "visits.window": in_days(20)}  # no two visits at the same moment
    world = plain_world(
        {**SMALL, **scores(0.0), **apart, "trial.target_families": N, "simulation.end_date": after(60)}
    )
    (folder / "small.toml").write_text(world.as_toml(), encoding="utf-8")
    text = (
        f'kind = "power"\nscenario = "{folder / "small.toml"}"\nreplicates = 1000\nseed = 6\n'
        'method = "t-test-children"\n'
        '[[design]]\nname = "none"\neffect = 0.0\n[[design]]\nname = "some"\neffect = -2.0\n'
    )
    (folder / "ask.toml").write_text(text, encoding="utf-8")
    return folder / "ask.toml"


def found(small: Path, **asked: Any) -> InterimsFound:
    got = answer(InterimsQuestion.load(small, **asked))
    assert isinstance(got, InterimsFound)
    return got


@pytest.fixture(scope="module")
def both(small: Path) -> dict[str, InterimsFound]:
    """Either design, by its name."""
    return {name: found(small, design=name, looks=[0.4, 0.7], futility=0.1) for name in ("none", "some")}


# --- where trials end -----------------------------------------------------------------------------------------
@pytest.mark.theory
@pytest.mark.parametrize("design", ["none", "some"])
def test_trials_end_where_theory_says(both: dict[str, InterimsFound], design: str) -> None:
    """Sequential theory gives the chance of ending at each look, for benefit, for harm and in vain."""
    got = both[design]
    drift = (2.0 if design == "some" else 0.0) / (SD * math.sqrt(4.0 / N))
    exact = operating_characteristics(got.bounds, drift)
    n = len(got.trials)
    by_look = got.by_look
    for k in range(3):
        for name, chance in (("benefit", exact.benefit[k]), ("harm", exact.harm[k])):
            error = math.sqrt(max(chance * (1.0 - chance), 1.0 / n) / n)
            assert abs(by_look.loc[k, name] - chance) < 4.0 * error, (k, name)
        futile = by_look.loc[k, "futility"] if k < 2 else by_look.loc[k, "end"]
        error = math.sqrt(max(exact.futility[k] * (1.0 - exact.futility[k]), 1.0 / n) / n)
        assert abs(futile - exact.futility[k]) < 4.0 * error, k
    assert by_look["ended"].iloc[-1] == pytest.approx(1.0)


@pytest.mark.theory
def test_operating_characteristics_are_those_of_theory_and_the_last_row_those_of_the_simulation(
    both: dict[str, InterimsFound],
) -> None:
    got = both["some"]
    table, bounds = got.operating, got.bounds
    assert bounds == boundaries([0.4, 0.7, 1.0], 0.05, futility=bounds.rule)
    assert list(table["effect"].unique()) == [
        "none",
        "0.5 of planned",
        "planned",
        "1.5 of planned",
        "as simulated",
    ]
    planned = fixed_drift(0.8, 0.05)
    for multiple in (0.0, 0.5, 1.0, 1.5):
        mine = table[(table["multiple"] == multiple) & (table["effect"] != "as simulated")]
        exact = operating_characteristics(bounds, multiple * planned)
        for name in ("benefit", "harm", "futility", "stop"):
            assert mine[name].tolist() == list(getattr(exact, name))
        assert mine["ended"].iloc[-1] == pytest.approx(1.0) and set(mine["power"]) == {exact.power}
        assert mine["expected_visited"].iloc[0] == pytest.approx(N * exact.expected_information)
        # lower scores are better: a benefit is a difference below none, at the standard error of the last analysis
        assert mine["difference"].iloc[0] == pytest.approx(-multiple * planned * got.end_error)
    simulated = table[table["effect"] == "as simulated"]
    assert simulated["difference"].iloc[0] == pytest.approx(-2.0, abs=4 * got.end_error / math.sqrt(1000))
    error = np.sqrt(simulated["stop"] * (1 - simulated["stop"]) / len(got.trials)).to_numpy()
    ended = got.by_look[["benefit", "harm", "futility", "end"]].sum(axis=1).to_numpy()
    assert (np.abs(simulated["stop"].to_numpy() - ended) < 4 * error).all()
    assert got.inflation == inflation_factor(bounds, 0.8)
    # everybody is in the trial at the first analysis or not; families randomised by the stop lie between
    assert (simulated["expected_randomised"] <= N * (1 + 1e-12)).all() and (
        simulated["expected_randomised"] >= 0.4 * N
    ).all()


def test_looks_come_when_their_share_of_last_visits_is_over(small: Path) -> None:
    got = found(small, replicates=3, looks=[0.25, 0.5])
    families = got.looks.pivot(index="replicate", columns="look", values="families")
    assert (families == [50, 100, 200]).all(axis=None)
    assert (got.looks["randomised"] - got.looks["families"] == got.looks["to_come"]).all()
    days = got.looks.pivot(index="replicate", columns="look", values="day")
    assert (days.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_a_look_sees_only_what_was_known_on_the_day() -> None:
    scenario = Scenario.load("trial-as-run")
    journeys = simulate(lower(scenario), 4, 0, events=False)
    data = analysis_set(journeys)
    at = journeys.tables["families"]["visit_at"][data.family, 2]
    day = float(np.median(at))
    seen = until(data, journeys, day)
    assert len(seen.y) == (at <= day).sum()
    assert set(seen.family) == set(data.family[at <= day])


# --- what is reported -----------------------------------------------------------------------------------------
def test_what_is_reported_of_a_trial_is_the_final_inference_of_its_stop(
    both: dict[str, InterimsFound],
) -> None:
    got = both["some"]
    looks = got.looks.set_index(["replicate", "look"])
    for row in got.estimates[:: len(got.estimates) // 12].to_dict("records"):
        at = looks.loc[(row["replicate"], row["look"])]
        error = -row["estimate"] / at["z"]
        exact = final_inference(got.bounds, int(row["look"]), float(at["z"]), error)
        assert row["estimate"] == at["estimate"] and exact.naive == pytest.approx(-row["estimate"])
        assert row["adjusted_estimate"] == pytest.approx(-exact.estimate)
        assert (row["adjusted_low"], row["adjusted_high"]) == pytest.approx(
            (-exact.interval[1], -exact.interval[0])
        )
        assert row["adjusted_p"] == pytest.approx(exact.p_value)
        last = looks.loc[(row["replicate"], 3)]
        assert (row["end_estimate"], row["end_se"]) == (last["estimate"], last["standard_error"])
    at_first = got.estimates[got.estimates["look"] == 1]
    # nothing was looked at before the first analysis, so there is nothing to allow for in the estimate
    assert np.allclose(at_first["adjusted_estimate"], at_first["estimate"], rtol=1e-6)


@pytest.mark.theory
@pytest.mark.parametrize("design", ["none", "some"])
def test_the_adjusted_estimate_is_median_unbiased_and_its_interval_covers(
    both: dict[str, InterimsFound], design: str
) -> None:
    got = both[design]
    table = got.inference.set_index(["inference", "of"])
    whole = table.loc[("adjusted", "all")]
    assert whole["trials"] == len(got.trials) and whole["failed"] == 0
    assert whole["truth"] == pytest.approx(-2.0 if design == "some" else 0.0, abs=0.1)
    assert abs(whole["above"] - 0.5) < 4 * whole["above_mcse"]
    assert abs(whole["coverage"] - 0.95) < 4 * math.sqrt(0.95 * 0.05 / whole["trials"])
    # a bound was crossed if, and only if, the adjusted p value is below alpha, but for trials that stop for futility
    why, small = got.trials["why"], got.estimates["adjusted_p"] < 0.05
    assert small[why.isin(["benefit", "harm"])].all() and not small[why == "end"].any()
    assert got.inference["truth"].nunique() == 1


@pytest.mark.theory
def test_trials_that_stop_early_for_benefit_exaggerate(both: dict[str, InterimsFound]) -> None:
    got = both["some"]
    early = (got.trials["why"] == "benefit") & (got.trials["look"] < 3)
    usual, adjusted = (got.estimates.loc[early, name] for name in ("estimate", "adjusted_estimate"))
    assert early.sum() > 100 and usual.mean() < -2.4 and usual.mean() < adjusted.mean()
    table = got.inference.set_index(["inference", "of"])
    one = table.loc[("one analysis", "all")]
    assert abs(one["bias"]) < 4 * one["bias_mcse"] and one["failed"] == 0
    assert table.loc[("naive", "crossed early"), "estimate"] == pytest.approx(usual.mean())
    assert table.loc[("naive", "crossed early"), "trials"] == early.sum()  # none stops early for harm
    assert table.loc[("naive", "crossed early"), "bias"] < -0.4 < table.loc[("adjusted", "all"), "bias"]


@pytest.mark.theory
@pytest.mark.parametrize("design", ["none", "some"])
def test_repeated_intervals_hold_the_truth_at_all_analyses_at_once(
    both: dict[str, InterimsFound], design: str
) -> None:
    """Jennison and Turnbull (1989): in 95% of trials, whether or not they stop; and they agree with the bounds."""
    got = both[design]
    holds = got.by_look["repeated_holds"]
    assert holds.is_monotonic_decreasing and holds.iloc[0] > 0.99
    assert abs(holds.iloc[-1] - 0.95) < 4 * math.sqrt(0.95 * 0.05 / len(got.trials))
    crossed = got.looks["z"].abs() >= np.array(got.bounds.z)[got.looks["look"] - 1]
    assert ((got.looks["repeated_low"] > 0) | (got.looks["repeated_high"] < 0)).equals(crossed)
    assert 0 < crossed.sum() < len(crossed)


# --- analyses as they are held, and how alpha is spent --------------------------------------------------------
def test_analyses_that_are_held_at_other_shares_have_bounds_of_their_own(small: Path) -> None:
    got = found(small, replicates=3, looks=[0.4, 0.7], held=[0.3])
    planned = InterimsQuestion.load(small, looks=[0.4, 0.7]).bounds
    assert got.bounds == recalculate(planned, [0.3]) and got.bounds.information == (0.3, 0.7, 1.0)
    families = got.looks.pivot(index="replicate", columns="look", values="families")
    assert (families == [60, 140, 200]).all(axis=None)
    assert "planned when 40% and 70% of the last visits are over, and are held when 30% are" in " ".join(
        got.notes()
    )
    more = InterimsQuestion.load(small, looks=[0.5], held=[0.2, 0.4, 0.8])
    assert more.bounds.information == (0.2, 0.4, 0.8, 1.0) and "3 interim analyses" in more.replicates_words()
    assert more.bounds.alpha_spent[-1] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("asked", "function", "words"),
    [
        ({"spending": "kim-demets"}, PowerFamily(3.0), "rho 3.0"),
        ({"spending": "kim-demets", "rho": 1.5}, PowerFamily(1.5), "rho 1.5"),
        ({"spending": "hwang-shih-decani"}, HwangShihDeCani(-4.0), "gamma −4.0"),
        ({"spending": "hwang-shih-decani", "gamma": 1.0}, HwangShihDeCani(1.0), "gamma 1.0"),
        ({"spending": "pocock"}, PocockType(), "Pocock type"),
        ({}, OBrienFlemingType(), "O'Brien-Fleming type"),
    ],
)
def test_alpha_is_spent_as_asked(small: Path, asked: dict[str, Any], function: Spending, words: str) -> None:
    question = InterimsQuestion.load(small, looks=[0.5], futility=0.0, **asked)
    assert question.bounds == boundaries([0.5, 1.0], 0.05, function)
    assert words in spending_words(question)


# --- re-estimation --------------------------------------------------------------------------------------------
def test_a_larger_spread_asks_for_more_families_and_finds_more(small: Path) -> None:
    """Scores vary half as much again as the size was planned for: the second trial is larger, and stronger."""
    steady = f"{BOROUGH}.entries=[{{from=2018-01-01, value=4000}}]"
    changes = ["outcomes.sdq.sd=6.5", steady, "simulation.end_date=2018-07-01"]
    got = found(
        small, design="some", replicates=150, set=changes, looks=[0.5], reestimate=0.4, power=0.9, most=600
    )
    assert got.trials["families"].median() > 1.5 * N
    assert got.trials["sd"].mean() == pytest.approx(6.5, rel=0.1)
    assert got.share("found_reestimated").value > got.share("found_without").value + 0.1
    reached = got.trials.dropna(subset=["day_reached"])
    assert len(reached) > 140 and (reached["day_reached"] >= reached["day_reestimated"]).all()
    assert "families re-estimated" in set(got.summary["quantity"])
    assert "Re-estimated blind at 40%" in " ".join(got.words())


# --- words and pictures ---------------------------------------------------------------------------------------
def test_the_design_is_named_and_a_type_i_error_is_no_power(both: dict[str, InterimsFound]) -> None:
    none, some = (" ".join(both[name].words()) for name in ("none", "some"))
    assert "An effect is found by" in some and "type I error" not in some
    assert "The design has no direct effect" in none and "type I error" in none and "is found by" not in none
    for name, got in both.items():
        assert got.question.heading == f"Interim analyses, design: {name}"
        assert all(f"esign: {name}" in shown.title for shown in got.shown()[:1])
        assert f"Design: {name}" in " ".join(got.words())
        for figure in got.figures().values():
            assert_texts_are_apart(figure)
            assert f"design: {name}" in " ".join(texts(figure)) and any(
                style.SOURCE in text for text in texts(figure)
            )
            assert len(style.alt_text(figure)) > 60
        json.dumps(got.answer(), allow_nan=False)
        assert [chapter.id for chapter in got.chapters()] == ["summary", "analyses", "theory", "inference"]
    assert both["none"].answer()["power"] < 0.1 < both["some"].answer()["power"]


def test_the_first_design_with_an_effect_is_meant_where_none_is_named(small: Path) -> None:
    assert InterimsQuestion.load(small).design == "some"
    assert InterimsQuestion.load().design == "Assumed benefit"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"looks": [0.7, 0.5]}, "increasing"),
        ({"looks": [0.5, 0.505]}, "increasing"),
        ({"looks": [1.0]}, "above 0 and below 1"),
        ({"held": [0.7, 0.5]}, "increasing"),
        ({"held": [0.0]}, "above 0 and below 1"),
        ({"gamma": -2.0}, "with spending = hwang-shih-decani"),
        ({"rho": 2.0, "spending": "pocock"}, "with spending = kim-demets"),
        ({"rho": 0.0, "spending": "kim-demets"}, "from 0.1 to 20"),
        ({"looks": [1.2]}, "from 0 to 1"),
        ({"spending": "obrien"}, "obrien-fleming"),
        ({"futility": 2.0}, "from 0 to 1"),
        ({"futility": 1.0}, "below 1"),
        ({"power": 0.02}, "above alpha"),
        ({"reestimate": 0.5, "most": 10}, f"{N} or more"),
        ({"reestimate": 1.0}, "above 0 and below 1"),
        ({"most": 300}, "with reestimate"),
        ({"reestimate": 0.5, "design": "none"}, "a design with an effect"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(small: Path, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(QuestionError) as refused:
        InterimsQuestion.load(small, **asked).refuse()
    assert told in str(refused.value)


# --- the command ----------------------------------------------------------------------------------------------
@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_interims_tells_when_analyses_come(best_sim: Callable, here: Path) -> None:
    asked = ("--looks", "0.4,0.7", "--reestimate", 0.4, "--replicates", 8)
    code, told, _ = best_sim("interims", "power", *asked, "--out", "looks")
    assert code == 0 and "Interim analyses, design: Assumed benefit" in told
    assert "Interim analysis 1, when 40% of the last visits are over" in told and "Re-estimated blind" in told
    about = json.loads((here / "looks" / "manifest.json").read_text())
    assert {
        "by-look.csv", "trials.parquet", "looks.parquet", "estimates.parquet", "summary.csv", "interims.png",
        "operating-characteristics.csv", "final-inference.csv", "final-inference.png",
    } <= set(about["outputs"])  # fmt: skip
    assert about["replicates"] == 8 and about["answer"]["families re-estimated"] > 390
    assert len(pd.read_csv(here / "looks" / "operating-characteristics.csv")) == 5 * 3


def test_a_file_of_its_own_is_asked_like_any_other(here: Path) -> None:
    (here / "ours.toml").write_text(
        'kind = "interims"\ntitle = "Ours"\nscenario = "london-2017"\nreplicates = 4\nlooks = [0.5]\nfutility = 0\n'
    )
    got = run_experiment("ours.toml")
    assert isinstance(got, InterimsFound)
    assert (got.question.heading, got.question.design, got.question.seed) == ("Ours", "Assumed benefit", 2017)
    assert got.bounds.looks == 2 and len(got.trials) == 4 and "futility" not in set(got.trials["why"])


def test_it_stops_when_it_is_sure(best_sim: Callable, small: Path, here: Path) -> None:
    code, told, error = best_sim(
        "interims", small, "--until-mcse", 0.03, "--replicates", 1500, "--out", "sure"
    )
    assert code == 0 and "power: Monte Carlo standard error" in told, error
    assert len(pd.read_parquet(here / "sure" / "trials.parquet")) % 200 == 0
    code, _, error = best_sim("interims", small, "--until-mcse", 0.03, "--figure", "powr")
    assert code == 2 and "power with one analysis" in error


def test_looks_that_are_no_numbers_are_refused(best_sim: Callable, here: Path) -> None:
    code, _, error = best_sim("interims", "power", "--looks", "half")
    assert code == 2 and "--looks" in error and "half" in error
    assert not list(here.iterdir())
