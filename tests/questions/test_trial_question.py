"""Questions about one design of a trial: what is the experiment's, what is their own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from best_sim.questions.asking import QuestionError, Scorings
from best_sim.questions.trial_question import TrialQuestion
from best_sim.scenario import ScenarioError

POWER = """
kind = "power"
scenario = "london-2017"
replicates = 30
seed = 5
set = ["trial.target_families=60"]
[[design]]
name = "none"
effect = 0.0
[[design]]
name = "some"
effect = -5.0
set = ["outcomes.sdq.sd=6"]
"""


class Asked(TrialQuestion):
    """A question about a trial."""

    kind: ClassVar[str] = "asked-of-a-trial"

    scorings: Scorings = 3


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(POWER)
    return tmp_path


def test_a_power_experiment_will_do_for_the_question_and_the_first_design_with_an_effect_is_meant() -> None:
    asked = Asked.load("small.toml")
    assert (asked.experiment, asked.design) == ("small.toml", "some")
    assert (asked.scenario, asked.replicates, asked.seed) == ("london-2017", 30, 5)
    assert asked.trial.scorings == 3 and asked.trial.replicates == 30
    assert [design.name for design in asked.trial.designs] == ["some"] and asked.trial.published is None
    assert asked.world.outcomes.sdq.lift_effect == -5.0 and asked.world.outcomes.sdq.sd == 6.0
    assert asked.world.trial.target_families == 60
    assert asked.heading == "Asked of a trial, design: some" and asked.share_found == "power"
    assert list(asked.inputs()) == ["experiment"] and asked.inputs()["experiment"].path == Path("small.toml")


def test_what_is_given_is_not_the_experiment_s(here: Path) -> None:
    (here / "ours.toml").write_text('kind = "asked-of-a-trial"\nexperiment = "small.toml"\nseed = 8\n')
    asked = Asked.load("ours.toml", design="none", replicates=7, set=["trial.target_families=80"])
    assert (asked.seed, asked.replicates, asked.design) == (8, 7, "none")
    assert asked.world.trial.target_families == 80 and asked.world.outcomes.sdq.lift_effect == 0.0
    assert asked.share_found == "type I error" and asked.name == "ours"
    (here / "again.toml").write_text(asked.as_toml())
    again = Asked.load("again.toml")
    assert again.as_table() == asked.as_table() and again.world.hash == asked.world.hash


def test_a_scenario_is_that_of_the_usual_experiment() -> None:
    asked = Asked.load("london-2017")
    assert (asked.experiment, asked.scenario, asked.design) == ("power", "london-2017", "Assumed benefit")
    assert not asked.inputs()


def test_another_copy_of_the_experiment_is_the_same_trial(here: Path) -> None:
    asked = Asked.load("small.toml")
    was = asked.world.hash
    (here / "small.toml").rename(here / "copy.toml")
    assert asked.reading({"experiment": here / "copy.toml"}).world.hash == was


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('design = "sme"', "none; some"),
        ('experiment = "small.tml"', "small.tml"),
        ('set = ["outcomes.sdq.sdd=3"]', "outcomes.sdq.sd"),
        ('experiment = "expansion"', "asks another question"),
        ("experiment = 3", "experiment"),
    ],
)
def test_what_is_wrong_is_told(here: Path, text: str, told: str) -> None:
    usual = "" if text.startswith("experiment") else 'experiment = "small.toml"\n'
    (here / "ours.toml").write_text(f'kind = "asked-of-a-trial"\n{usual}{text}\n')
    with pytest.raises((QuestionError, ScenarioError)) as refused:
        Asked.load("ours.toml").refuse()
    assert told in str(refused.value)


def test_where_no_design_has_an_effect_one_has_to_be_named(here: Path) -> None:
    (here / "small.toml").write_text(POWER.replace("effect = -5.0", ""))
    with pytest.raises(QuestionError, match="no design has an effect"):
        Asked.load("small.toml")
    assert Asked.load("small.toml", design="some").share_found == "type I error"
