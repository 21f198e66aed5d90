"""One-way sensitivity analysis: against power runs at the ends, and where the conclusion tips."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing import style
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.running import answer
from best_sim.questions.sensitivity.ask import SensitivityQuestion
from best_sim.questions.sensitivity.run import SensitivityFound
from best_sim.scenario.problems import ProblemsError

FILE = """
kind = "power"
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
[[vary]]
key = "trial.target_families"
low = 40
high = 120
[[vary]]
key = "outcomes.sdq.sd"
low = 5.5
high = 9
note = "points"
[[vary]]
key = "outcomes.sdq.youngest_age"
low = 24
high = 30
"""
IMPUTED = FILE.replace("seed = 5", 'seed = 5\nmethod = "multiple-imputation"')


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(FILE, encoding="utf-8")
    (tmp_path / "imputed.toml").write_text(IMPUTED, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sensitivity") / "small.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def found(experiment: Path) -> SensitivityFound:
    return answer(SensitivityQuestion.load(experiment, scorings=8))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def imputed(tmp_path_factory: pytest.TempPathFactory) -> SensitivityFound:
    path = tmp_path_factory.mktemp("imputed") / "imputed.toml"
    path.write_text(IMPUTED, encoding="utf-8")
    return answer(SensitivityQuestion.load(path, replicates=16, scorings=2, shifts=[-2, 1, 2]))  # type: ignore[return-value]


def test_it_is_the_power_at_each_end_with_the_same_luck(found: SensitivityFound, experiment: Path) -> None:
    table = found.table.set_index("key")
    assert table.loc["outcomes.sdq.sd", "change_low"] > 0 > table.loc["outcomes.sdq.sd", "change_high"]
    assert table.loc["trial.target_families", "change_low"] < 0
    changes = table[["change_low", "change_high"]].abs().max(axis=1)
    assert (np.diff(changes) <= 1e-12).all()

    def power(*changed: str) -> float:
        asked = PowerQuestion.load(experiment, scorings=8, set=list(changed)).with_design("A large effect")
        return float(answer(asked).power["power"].iloc[0])  # type: ignore[attr-defined]

    assert found.base.value == pytest.approx(power())
    assert table.loc["trial.target_families", "power_low"] == pytest.approx(power("trial.target_families=40"))
    assert table.loc["outcomes.sdq.sd", "power_high"] == pytest.approx(power("outcomes.sdq.sd=9"))


def test_settings_that_differ_in_scores_alone_share_a_pathway(found: SensitivityFound) -> None:
    """Who is old enough for a score is no score: that has a pathway of its own."""
    groups = found.question.groups()
    assert [len(group) for group in groups] == [3, 1, 1, 1, 1]
    assert [one.key for one in found.question.varied] == [
        "outcomes.sdq.sd", "trial.target_families", "outcomes.sdq.youngest_age",
    ]  # fmt: skip


def test_a_design_without_an_effect_has_a_type_i_error(here: Path) -> None:
    found = answer(SensitivityQuestion.load("small.toml", design="None", replicates=2, scorings=1))
    figure = found.figures()["sensitivity"]
    told = " ".join([*found.words(), *(shown.title for shown in found.shown()), *texts(figure)])
    assert "type I error" in told and "power" not in told.lower()
    assert "What each assumption does to the type I error (design: None)" in told


def test_the_first_design_with_an_effect_is_meant_and_named_in_every_title(found: SensitivityFound) -> None:
    assert found.question.design == "A large effect"
    assert "design: A large effect" in found.question.heading
    assert "(design: A large effect)" in found.shown()[0].title
    assert any("(design: A large effect)" in text for text in texts(found.figures()["sensitivity"]))


def test_where_the_conclusion_tips(imputed: SensitivityFound) -> None:
    """Shifts the wrong way take effects away; the base is the analysis itself; what tips is counted by hand."""
    table = imputed.shifted
    assert table is not None and list(table["shift"]) == [-2.0, 0.0, 1.0, 2.0]
    at = table.set_index("shift")
    assert at.loc[0.0, "power"] == imputed.base.value and at.loc[0.0, "delta"] == 0.0
    assert at.loc[1.0, "estimate"] > at.loc[0.0, "estimate"] > at.loc[-2.0, "estimate"]
    assert at.loc[2.0, "power"] < at.loc[0.0, "power"]
    assert at.loc[2.0, "delta"] == pytest.approx(2 * at.loc[1.0, "delta"])
    assert 5 < at.loc[1.0, "delta"] < 9  # a standard deviation of the SDQ
    assert np.isnan(at.loc[0.0, "tips"])
    # conclusions that were lost or won at +1 tip there: no shift is nearer to zero
    assert at.loc[1.0, "tips"] >= abs(at.loc[1.0, "power"] - at.loc[0.0, "power"])
    assert at["tips"].sum() <= 1.0
    assert at.loc[0.0, "kept"] == 1.0 > at.loc[2.0, "kept"] and at["kept"].between(0, 1).all()
    words = " ".join(imputed.words())
    assert "change their conclusion" in words and "still find one at" in words and "SDQ points" in words
    assert {"sensitivity", "tipping-point"} == set(imputed.tables()) == set(imputed.figures())


@pytest.mark.parametrize(
    ("file", "arguments", "told"),
    [
        ("small.toml", ["--shifts", "1,2"], ["small.toml: method", "mixed-model, with shifts 1, 2", "imputation"]),
        ("imputed.toml", ["--shifts", "far"], ["--shifts", "far"]),
        ("none.toml", [], ["none.toml: vary", "[[vary]] tables"]),
        ("small.toml", ["--design", "Nun"], ["None; A large effect"]),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(
    best_sim: Callable, here: Path, file: str, arguments: list[str], told: list[str]
) -> None:
    (here / "none.toml").write_text(FILE[: FILE.index("[[vary]]")], encoding="utf-8")
    code, _, error = best_sim("sensitivity", file, *arguments)
    assert code == 2 and all(part in error for part in told), error
    assert not (here / "results").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("low = 5.5\nhigh = 9", "low = 9\nhigh = 5.5", "above 9"),
        ("low = 40\nhigh = 120", "low = -5\nhigh = 120", "target_families"),
        ('key = "outcomes.sdq.sd"', 'key = "outcomes.sdq.sdd"', "outcomes.sdq.sd"),
    ],
)
def test_what_is_wrong_in_what_is_varied_is_told(here: Path, old: str, new: str, told: str) -> None:
    assert FILE.count(old) == 1
    (here / "small.toml").write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(ProblemsError) as error:
        SensitivityQuestion.load("small.toml").refuse()
    assert told in str(error.value)


def test_the_command_answers_to_its_former_name(best_sim: Callable, here: Path) -> None:
    code, out, error = best_sim(
        "fragility", "small.toml", "--replicates", 2, "--scorings", 1, "--out", "f", "--workers", 1
    )
    assert code == 0 and error == "fragility is now called sensitivity\n"
    assert "outcomes.sdq.youngest_age" in out
    table = pd.read_csv(here / "f" / "sensitivity.csv")
    assert len(table) == 3 and (here / "f" / "sensitivity.svg").exists()
    assert not (here / "f" / "tipping-point.csv").exists()
    code, out, _ = best_sim("--help")
    assert "fragility" not in out and "sensitivity" in out


@pytest.mark.parametrize("name", ["sensitivity", "tipping-point"])
def test_each_picture_is_readable_and_the_same_twice(
    imputed: SensitivityFound, tmp_path: Path, name: str
) -> None:
    figure = imputed.figures()[name]
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text for text in texts(figure)) and len(style.alt_text(figure)) > 60
    first, again = (style.save(imputed.figures()[name], tmp_path / when) for when in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
