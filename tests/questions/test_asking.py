"""A question's file is read as scenarios are: all that is wrong at once, with key, found, allowed, nearest name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from best_sim.questions.asking import QuestionError, SimulatedQuestion, read_question, shipped_questions
from best_sim.questions.kinds import KINDS
from best_sim.questions.power.ask import PowerQuestion
from best_sim.scenario import ScenarioError, ScenarioWarning

POWER = """
kind = "power"
title = "Ours"
scenario = "london-2017"

[[design]]
name = "none"

[[design]]
name = "some"
effect = -3.0
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wrong(path: Path, text: str) -> dict[str, tuple[str, str, str | None]]:
    """What is said to be wrong with a file: by key, what was found, what is allowed, the nearest name."""
    path.write_text(text)
    with pytest.raises(QuestionError) as refused:
        read_question(str(path))
    return {one.key: (one.found, one.allowed, one.nearest) for one in refused.value.problems}


def test_a_question_reads_back_as_it_is_written(here: Path) -> None:
    for name in shipped_questions():
        if tomllib.loads(shipped_questions()[name].read_text())["kind"] not in KINDS:
            continue
        question = read_question(name)
        (here / "again.toml").write_text(question.as_toml())
        again = read_question("again.toml")
        assert again.as_table() == question.as_table()
        assert question.as_table()["kind"] == question.kind and question.file == f"{name}.toml"


def test_all_that_is_wrong_is_told_at_once(here: Path) -> None:
    text = POWER.replace('title = "Ours"', "title = 3\nreplicats = 4\nseed = -1\nalpha = 0.9")
    told = wrong(here / "q.toml", text + "\n[[design]]\nefect = 1.0\n\n[published]\nfamilies = 382\n")
    assert told["title"][0] == "3"
    assert told["replicats"] == ("replicats", told["replicats"][1], "replicates")
    assert told["seed"][1] == "from 0 to 9.22337e+18 (number)" and told["alpha"][0] == "0.9"
    assert told["design[2].efect"][2] == "effect"
    assert told["published.interval"][0] == "nothing"


@pytest.mark.parametrize(
    ("text", "key", "found", "allowed"),
    [
        ("kind = 'powr'\n", "kind", '"powr"', "power"),
        ("title = 'x'\n", "kind", "nothing", "power"),
        (POWER + "[[design]]\nname = 'some'\n", "design", '"some"', "different names"),
        (POWER.replace("-3.0", '"large"'), "design[1].effect", '"large"', "any number"),
        (POWER + "[grid]\nefect = [1.0]\n", "grid.efect", "[1.0]", "effect, boroughs"),
        ("outcome = 'sdqq'\n" + POWER, "outcome", '"sdqq"', "sdq"),
        (
            "set = ['outcomes.sdq.lift_effect=1']\n" + POWER,
            "set",
            '"outcomes.sdq.lift_effect"',
            "another effect",
        ),
    ],
)
def test_what_is_wrong_is_named(here: Path, text: str, key: str, found: str, allowed: str) -> None:
    told = wrong(here / "q.toml", text)
    assert list(told) == [key] and told[key][0] == found and allowed in told[key][1]


def test_what_was_given_beside_the_file_is_named_as_it_was_given(here: Path) -> None:
    (here / "q.toml").write_text(POWER)
    with pytest.raises(QuestionError) as refused:
        read_question("q.toml", PowerQuestion, {"visit": 9, "replicates": 0}, beside="--")
    assert {one.file for one in refused.value.problems} == {"--visit", "--replicates"}
    with pytest.raises(QuestionError) as refused:
        PowerQuestion.load("q.toml", visit=9)
    assert refused.value.problems[0].file == "visit, given beside the file"


def test_overrides_that_are_given_follow_those_of_the_file(here: Path) -> None:
    (here / "q.toml").write_text("set = ['trial.target_families=100']\n" + POWER)
    question = PowerQuestion.load("q.toml", set=["trial.target_families=200"])
    assert question.overrides == ("trial.target_families=100", "trial.target_families=200")
    assert question.world.trial.target_families == 200


def test_a_scenario_or_nothing_will_do_where_the_rest_is_usual() -> None:
    assert PowerQuestion.load("england").scenario == "england"
    assert PowerQuestion.load().name == "power" and len(PowerQuestion.load().designs) == 3


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(QuestionError) as refused:
        PowerQuestion.load("powr")
    assert refused.value.problems[0].nearest == "power"


def test_the_world_follows_what_is_replaced() -> None:
    question = PowerQuestion.load("power")
    assert question.world.name == "trial-as-run"
    other = question.replaced(scenario="london-2017")
    assert other.world.name == "london-2017" and question.world.name == "trial-as-run"


def test_what_the_scenario_can_t_do_is_refused_before_anything_is_run(here: Path) -> None:
    (here / "q.toml").write_text(POWER.replace('name = "none"', 'name = "none"\nboroughs = ["croydn"]'))
    with pytest.raises(ScenarioError, match="croydon"):
        read_question("q.toml").refuse()


def test_every_kind_says_what_its_command_offers() -> None:
    for kind in KINDS.values():
        cls = kind.cls
        assert cls.kind == kind.name and set(cls.options) <= set(cls.model_fields)
        for name in cls.options:
            assert cls.model_fields[name].description, f"{kind.name}: {name} is not described"
        if issubclass(cls, SimulatedQuestion):
            assert cls.defaults().replicates >= cls.least


def test_what_was_typed_is_blamed_and_not_what_it_does_not_fit() -> None:
    """The shipped experiment names an analysis of another outcome than the one that is typed."""
    with pytest.raises(QuestionError) as refused:
        read_question("power", PowerQuestion, {"outcome": "cost"}, beside="--")
    (one,) = refused.value.problems
    assert (one.file, one.key, one.line, one.found) == ("--outcome", "", None, '"mixed-model"')
    assert "the method of power.toml" in one.message and one.allowed.startswith(
        "--method, one of clustered-bootstrap"
    )
    with pytest.raises(QuestionError) as refused:
        read_question("power", PowerQuestion, {"outcome": "cost", "method": "mixed-model"}, beside="--")
    assert [one.file for one in refused.value.problems] == ["--method"]


def test_a_kind_that_is_no_text_is_told(here: Path) -> None:
    for kind in ('["power"]', "3", "{ a = 1 }"):
        assert "kind" in wrong(here / "q.toml", f"kind = {kind}\n")
        with pytest.raises(QuestionError):
            read_question("q.toml", PowerQuestion)


def test_a_target_outside_its_range_is_told_by_its_name() -> None:
    question = read_question("london-2017", KINDS["recruitment"].cls, {"target": 5000})
    with pytest.warns(ScenarioWarning, match="^target: trial.target_families"):
        question.refuse()
