"""Assurance: against a normal curve of power, and what is refused before anything is simulated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts
from scipy import special, stats

from best_sim.drawing import style
from best_sim.questions.assurance.ask import AssuranceQuestion
from best_sim.questions.assurance.run import AssuranceFound
from best_sim.questions.power.priors import Prior
from best_sim.questions.running import answer
from best_sim.scenario.problems import ProblemsError, ScenarioWarning

FILE = """
kind = "power"
title = "A small trial"
scenario = "london-2017"
replicates = 30
seed = 5
set = ["simulation.after_recruitment=1", "sites.london.recruiting=[{from=2017-10-01,value=1}]",
       "lift.teams.london.families_per_clinician=9", "outcomes.effect_applies_to=allocated"]
[[design]]
name = "None"
effect = 0.0
[[design]]
name = "A large effect"
effect = -4.2
[[prior]]
key = "outcomes.sdq.lift_effect"
distribution = "normal"
mean = -4
sd = 2
"""
SECOND = """
[[prior]]
key = "sites.london.consent"
distribution = "beta"
mean = 0.6
sd = 0.1
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(FILE + SECOND, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> AssuranceFound:
    path = tmp_path_factory.mktemp("assurance") / "small.toml"
    path.write_text(FILE, encoding="utf-8")
    return answer(AssuranceQuestion.load(path, replicates=500, scorings=4))  # type: ignore[return-value]


def test_assurance_is_the_power_averaged_over_the_prior(found: AssuranceFound) -> None:
    """The effect alone uncertain, against a normal curve of power through the power at a few effects."""
    fit = found.trials[found.trials["converged"]]
    se = float(np.sqrt((fit["standard_error"] ** 2).mean()))
    drawn = fit["drawn.outcomes.sdq.lift_effect"]
    assert abs(drawn.mean() + 4) < 4 * 2 / math.sqrt(500) and abs(drawn.std() / 2 - 1) < 0.15
    # the floor of the score shrinks the effect a little: take the slope from the estimates themselves
    slope = np.polyfit(drawn, fit["estimate"], 1)[0]
    shift = slope * stats.norm(-4, 2).ppf((np.arange(4000) + 0.5) / 4000) / se
    expected = float(np.mean(special.ndtr(-shift - 1.98) + special.ndtr(shift - 1.98)))
    assert abs(found.assurance.value - expected) < 4 * found.assurance.mcse + 0.02
    assert found.favourable.value <= found.assurance.value
    assert found.interval[0] < found.assurance.value < found.interval[1]
    table = found.by_value("outcomes.sdq.lift_effect")
    assert table["power"].iloc[0] > 0.8 > 0.3 > table["power"].iloc[-1]
    assert table["trials"].sum() >= 500


def test_at_the_medians_it_is_a_trial_with_those_parameters(found: AssuranceFound) -> None:
    """The median of the prior is the design's own effect, so the power there is that of a run of the design."""
    from best_sim.questions.power.ask import PowerQuestion

    question = found.question
    few = answer(question.replaced(replicates=100))
    design = PowerQuestion.load(
        question.experiment, scorings=4, replicates=100, set=["outcomes.sdq.youngest_age=24"]
    ).with_design("A large effect")
    table = design.design_tables[0].model_copy(update={"effect": -4.0})
    same = answer(design.replaced(design_tables=(table,), overrides=question.trial.overrides))
    assert few.at_medians.value == pytest.approx(same.power["power"].iloc[0])  # type: ignore[attr-defined]


def test_the_effect_is_drawn_whichever_the_design(found: AssuranceFound) -> None:
    question = found.question
    assert question.design == "A large effect" and question.draws_effect
    none = question.replaced(design="None", replicates=4, scorings=1)
    some = question.replaced(replicates=4, scorings=1)
    pd.testing.assert_frame_equal(*(answer(one).trials for one in (none, some)))  # type: ignore[attr-defined]
    assert none.share_found == "power" and "with its effect drawn" in none.design_words


def test_without_an_effect_it_is_no_power(here: Path) -> None:
    (here / "small.toml").write_text(FILE[: FILE.index("[[prior]]")] + SECOND, encoding="utf-8")
    question = AssuranceQuestion.load("small.toml", design="None", replicates=4)
    found = answer(question)
    told = " ".join([*found.words(), *(shown.title for shown in found.shown())])
    assert "Type I error, averaged" in told and "power" not in told and "ssurance" not in told
    assert all("ower" not in text for figure in found.figures().values() for text in texts(figure))
    # where no design has an effect, the first is asked about, since a prior may draw one
    (here / "small.toml").write_text(FILE.replace("effect = -4.2", "effect = 0.0"), encoding="utf-8")
    assert AssuranceQuestion.load("small.toml").design == "None"


def test_what_is_drawn_does_not_depend_on_what_else_is() -> None:
    one = Prior(key="sites.london.consent", distribution="beta", mean=0.6, sd=0.1)
    draws = np.array([one.draw(5, k) for k in range(2000)])
    assert abs(draws.mean() - 0.6) < 4 * 0.1 / math.sqrt(2000)
    assert abs(draws.std() - 0.1) < 0.01
    cut = Prior(key="x", distribution="normal", mean=0.0, sd=1.0, least=1.0)
    assert min(cut.draw(5, k) for k in range(200)) >= 1.0
    assert float(cut.quantile(0.5)) == pytest.approx(stats.truncnorm(1.0, np.inf).median())


def test_every_shape_of_belief_is_read(here: Path) -> None:
    with (here / "small.toml").open("a", encoding="utf-8") as file:
        file.write('[[prior]]\nkey = "a"\ndistribution = "uniform"\nlow = 1\nhigh = 3\n')
        file.write('[[prior]]\nkey = "b"\ndistribution = "lognormal"\nmedian = 2\nsigma = 0.5\n')
    one, two = AssuranceQuestion.load("small.toml").priors[-2:]
    assert float(one.quantile(0.25)) == pytest.approx(1.5) and float(two.quantile(0.5)) == pytest.approx(2.0)
    assert one.ends(0.25) == pytest.approx((1.5, 2.5))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('key = "outcomes.sdq.lift_effect"', 'key = "outcomes.sdq.lift_efect"', "lift_effect"),
        ('distribution = "normal"', 'distribution = "norml"', "normal"),
        ("sd = 2", "sd = -2", "what a normal distribution can have"),
        ("mean = 0.6", "men = 0.6", "mean"),
        ('"beta"\nmean = 0.6\nsd = 0.1', '"uniform"\nlow = 0.5\nhigh = 1.5', "consent"),
    ],
)
def test_what_is_wrong_in_what_is_believed_is_told(here: Path, old: str, new: str, told: str) -> None:
    text = FILE + SECOND
    assert text.count(old) == 1
    (here / "small.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        AssuranceQuestion.load("small.toml").refuse()
    assert told in str(error.value)


def test_where_nothing_is_believed_it_is_refused(best_sim: Callable, here: Path) -> None:
    (here / "small.toml").write_text(FILE[: FILE.index("[[prior]]")], encoding="utf-8")
    code, _, error = best_sim("assurance", "small.toml")
    assert code == 2 and "small.toml: prior" in error and "[[prior]] tables" in error
    assert not (here / "results").exists()


def test_a_belief_that_reaches_outside_what_is_plausible_is_told_once(here: Path) -> None:
    """The bulk of a belief counts, not its last ten-thousandth; and no draw is told of."""
    text = (
        (FILE + SECOND)
        .replace("mean = -4\nsd = 2", "mean = -1\nsd = 1.5")
        .replace("-4.2", "-3.0")
        .replace("sd = 0.1", "sd = 0.07")
    )
    (here / "small.toml").write_text(text, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ScenarioWarning)
        answer(AssuranceQuestion.load("small.toml", replicates=60, scorings=1), executor=None)
    (here / "small.toml").write_text(text.replace("sd = 1.5", "sd = 3"), encoding="utf-8")
    with pytest.warns(ScenarioWarning, match="small.toml: outcomes.sdq.lift_effect") as told:
        AssuranceQuestion.load("small.toml").refuse()
    assert {str(one.message) for one in told} == {str(told[0].message)}
    assert "95% between -6.88 and 4.88" in str(told[0].message) and "-4 to 4" in str(told[0].message)


def test_the_command_leaves_trials_and_pictures(best_sim: Callable, here: Path) -> None:
    code, out, error = best_sim("assurance", "small.toml", "--replicates", 10, "--out", "a")
    assert code == 0, error
    assert (
        "Assurance (design: A large effect, with its effect drawn)" in out
        and "beliefs are assumptions" in out
    )
    assert len(pd.read_parquet(here / "a" / "trials.parquet")) == 10 * 5
    summary = pd.read_csv(here / "a" / "summary.csv").set_index("quantity")
    assert summary.loc["assurance", "low"] < summary.loc["assurance", "value"]
    assert (here / "a" / "by-outcomes-sdq-lift_effect.png").stat().st_size > 10_000
    html = (here / "a" / "report.html").read_text(encoding="utf-8")
    assert "What is believed" in html and "sites.london.consent" in html


def test_the_picture_is_readable_and_the_same_twice(found: AssuranceFound, tmp_path: Path) -> None:
    (figure,) = found.figures().values()
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text for text in texts(figure)) and len(style.alt_text(figure)) > 60
    first, again = (
        style.save(next(iter(found.figures().values())), tmp_path / when) for when in ("first", "again")
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
