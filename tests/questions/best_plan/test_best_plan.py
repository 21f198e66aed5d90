"""The best plan: what is read and refused, the choice by simulation, the command, and the picture."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing.style import alt_text
from best_sim.questions.asking import QuestionError
from best_sim.questions.best_plan.ask import BestPlanQuestion, Candidate, TeamChoice
from best_sim.questions.best_plan.closed_form import contenders
from best_sim.questions.best_plan.figures import best_plan_figure
from best_sim.questions.best_plan.run import BestPlanFound
from best_sim.questions.best_plan.search import cheapest_plan
from best_sim.questions.best_plan.space import PlanSpace
from best_sim.questions.running import Running, StoppedError, answer
from best_sim.trial.recruitment import forecast_before

Command = Callable[..., tuple[int, str, str]]

SMALL = Path(__file__).with_name("small.toml")
TEXT = SMALL.read_text(encoding="utf-8")
LARGE = '\n[[team]]\nteam = "london"\nname = "large"\ncost_per_year = 600_000\n'


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small question in a folder of its own, in which the user stands."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plan.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def cheapest() -> BestPlanFound:
    found = answer(BestPlanQuestion.load(SMALL), executor=None)
    assert isinstance(found, BestPlanFound)
    return found


# --- what is read -------------------------------------------------------------------------------------------
def test_a_file_is_read(file: Path) -> None:
    question = BestPlanQuestion.load(file)
    assert [len(one.dates) for one in question.candidates] == [2, 4, 1]
    assert question.candidates[1].dates == (
        dt.date(2018, 1, 31), dt.date(2018, 2, 28), dt.date(2018, 3, 31), dt.date(2018, 4, 30),
    )  # fmt: skip
    assert question.counted_until == question.by and question.goal == "cheapest"
    assert BestPlanQuestion.load(file, goal="earliest", seed=9).seed == 9


def test_what_is_written_reads_back_as_the_same(file: Path) -> None:
    question = BestPlanQuestion.load(file)
    file.write_text(question.as_toml())
    assert BestPlanQuestion.load(file).as_table() == question.as_table()


def test_a_plans_scenario_opens_some_boroughs_and_shuts_the_others(file: Path) -> None:
    question = BestPlanQuestion.load(file)
    small_team = TeamChoice(team="london", name="small", psychologists=0.5, cost_per_year=1.0)
    world = question.scenario_of({"croydon": dt.date(2018, 1, 1)}, {"london": small_team})
    assert world.boroughs["croydon"].opens == dt.date(2018, 1, 1)
    assert world.boroughs["sutton"].opens > world.simulation.end_date
    assert world.boroughs["tower_hamlets"].opens == question.world.boroughs["tower_hamlets"].opens
    assert set(world.lift.teams["london"].psychologists.values) == {0.5}
    assert world.trial.target_families == 25


def test_the_closed_form_is_the_forecast_of_the_plans_scenario(file: Path) -> None:
    """The way over the scenario, and the way over distributions that are kept, end at the same number."""
    from best_sim.trial.recruitment import borough_plans

    question = BestPlanQuestion.load(file)
    space = PlanSpace.of(question)
    for choices in ((2, 3, 1), (1, 0, 0), (0, 4, 1)):
        plan = space.plan(choices, question.by)
        world = question.scenario_of(dict(plan.openings), {})
        forecast = forecast_before(borough_plans(world), world.simulation.end_date)
        assert plan.probability == pytest.approx(
            forecast.time_to(question.target).probability(question.by), abs=1e-9
        )


def test_contenders_come_with_every_size_only_where_lift_is_asked_about(file: Path) -> None:
    file.write_text(TEXT + LARGE)
    asked = BestPlanQuestion.load(file)
    space = PlanSpace.of(asked)
    plans = contenders(asked, space, asked.by)
    assert {plan.teams for plan in plans} == {(("london", "as run"),), (("london", "large"),)}
    assert all(plan.cost <= 2_000_000 for plan in plans)
    not_asked = asked.replaced(least_beginning_lift=None)
    assert {plan.teams for plan in contenders(not_asked, space, asked.by)} == {(("london", "as run"),)}


def test_the_shipped_question_can_be_read_and_has_a_plan() -> None:
    question = BestPlanQuestion.load()
    space = PlanSpace.of(question)
    assert space.openings < 200_000
    assert cheapest_plan(question, space).probability >= question.probability
    notes = [one.note for one in question.candidates] + [choice.note for choice in question.teams]
    assert all("assumption" in note for note in notes)


# --- what is refused ----------------------------------------------------------------------------------------
def test_everything_wrong_in_a_file_is_said_at_once(file: Path) -> None:
    file.write_text(
        TEXT.replace("target = 25", "target = 0\nbudgett = 3")
        .replace("probability = 0.6", "probability = 1.2")
        .replace("opening_cost = 40_000", "opening_cost = -1")
        .replace("dates = [2017-10-01, 2018-01-01]", "dates = [2018-01-01, 2017-10-01]")
        .replace("cost_per_year = 500_000", "")
    )
    with pytest.raises(QuestionError) as refused:
        BestPlanQuestion.load(file)
    told = {problem.key: problem for problem in refused.value.problems}
    assert set(told) == {
        "target", "budgett", "probability", "candidate[0].dates", "candidate[1].opening_cost", "team[0].cost_per_year",
    }  # fmt: skip
    assert told["budgett"].nearest == "budget"
    assert told["probability"].found == "1.2" and told["team[0].cost_per_year"].found == "nothing"
    assert "2018-01-01" in told["candidate[0].dates"].found
    assert all(problem.file == str(file) for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('borough = "croydon"', 'borough = "croyden"', "candidate[0].borough", "did you mean croydon"),
        ('team = "london"', 'team = "lundon"', "team[0].team", "did you mean london"),
        ("by = 2019-04-01", "by = 2031-01-01", "by", "the run does not reach this day"),
        ('borough = "sutton"', 'borough = "croydon"', "candidate", "two candidates have the same name"),
        ("step_months = 1", "", "candidate[1].step_months", "whole months"),
        ("step_months = 1", "dates = [2018-04-01]", "candidate[1].earliest", "nothing, where there are"),
        ("latest = 2018-04-30", "latest = 2017-04-30", "candidate[1].latest", "not before `earliest`"),
        ("seed = 3", 'seed = 3\ngoal = "best"', "goal", "cheapest, earliest"),
        ("[[team]]", "[team]", "team", "[[team]] tables"),
        ("budget = 2_000_000", 'goal = "earliest"', "budget", "within a budget"),
        ("probability = 0.6", "probability = 1", "probability", "above 0 and below 1"),
        ("2018-03-01", "2016-03-01", "candidate[2].dates", "opens outside the run"),
        ("warm_up=1", "before_opening=0", "scenario", "simulation.before_opening"),
        ("target = 25", "target = 5000", "probability", "whatever it costs, at most"),
        ("seed = 3", "seed = ", "", "this is not TOML"),
    ],
)
def test_each_thing_that_cannot_be_is_refused(file: Path, old: str, new: str, key: str, words: str) -> None:
    assert old in TEXT
    file.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(QuestionError) as refused:
        BestPlanQuestion.load(file).refuse()
    assert key in [problem.key for problem in refused.value.problems]
    assert words in str(refused.value)


def test_too_many_plans_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("best_sim.questions.best_plan.search.MOST_NODES", 3)
    with pytest.raises(QuestionError, match="fewer candidates, or dates further apart"):
        BestPlanQuestion.load(file).refuse()


def test_an_unknown_question_names_the_nearest() -> None:
    with pytest.raises(QuestionError, match="did you mean best-plan"):
        BestPlanQuestion.load("best-plane")


# --- the answer ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("goal", ["cheapest", "earliest"])
def test_a_question_is_answered(goal: Any) -> None:
    question = BestPlanQuestion.load(SMALL, goal=goal, replicates=160)
    found, again = (answer(question, executor=None) for _ in range(2))
    assert isinstance(found, BestPlanFound) and isinstance(again, BestPlanFound)
    table = found.contender_table()
    assert found.selection.spent == table["replicates"].sum() <= 160
    assert table["cost"].is_monotonic_increasing and (table["cost"] <= 2_000_000).all()
    assert table["chosen"].sum() == (found.chosen is not None)
    assert all(len(one.days) == one.replicates for one in found.contenders)
    said = " ".join(found.words())
    assert found.space.words_of(found.closed) in said and "that takes" in said
    assert found.settled == (found.chosen is not None and found.selection.settled)
    assert again.contender_table().equals(table) and again.selection == found.selection


def test_a_plan_keeps_what_was_simulated_of_it_whoever_else_is_a_contender() -> None:
    """Two runs that meet the same plan beside other ones keep it under the same name, with the same rows."""
    few = BestPlanQuestion.load(SMALL, replicates=100)
    many = few.replaced(replicates=400, least_beginning_lift=None)
    legs = []
    for question in (few, many):
        running = Running()
        question.run(running)
        legs.append({name: memory.get(memory.done()[0]) for name, memory in running._memory.items()})
    common = set(legs[0]) & set(legs[1])
    assert common and all(legs[0][name] == legs[1][name] for name in common)


def test_an_interrupted_run_says_that_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("best_sim.questions.running.run_plan", lambda *_, **__: False)
    with pytest.raises(StoppedError):
        BestPlanQuestion.load(SMALL).run(Running())


# --- the command --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("goal", ["cheapest", "earliest"])
def test_it_leaves_contenders_fronts_and_a_picture(best_sim: Command, file: Path, goal: str) -> None:
    code, out, err = best_sim(
        "best-plan", "plan.toml", "--goal", goal, "--replicates", 120, "--out", "a", "--workers", 1
    )
    assert "By the closed form" in out and "By simulation" in out and "that takes" in out
    table = pd.read_csv("a/contenders.csv")
    about = json.loads(Path("a/manifest.json").read_text())
    assert (code, err) == (0 if about["settled"] else 1, "")
    assert about["answer"]["simulated_trials"] == table["replicates"].sum() <= 120
    assert about["given_toml"] == f'goal = "{goal}"\nreplicates = 120\n'
    assert set(pd.read_csv("a/fronts.csv")["front"]) == {"probability", "median"}
    assert Path("a/best-plan.png").stat().st_size > 10_000


def test_what_cannot_be_used_ends_with_2_and_says_why(best_sim: Command, file: Path) -> None:
    code, _, err = best_sim("best-plan", "plan.toml", "--goal", "best")
    assert code == 2 and "--goal" in err and "allowed: cheapest, earliest" in err
    file.write_text(TEXT.replace("croydon", "croyden").replace("by = 2019", "by = 2039"))
    code, _, err = best_sim("best-plan", "plan.toml")
    assert code == 2 and "did you mean croydon" in err and "2 problems" in err
    file.write_text(TEXT)
    code, _, err = best_sim("best-plan", "plan.toml", "--target", 5000)
    assert code == 2 and "whatever it costs" in err
    assert not Path("results").exists()


# --- the report and the picture -----------------------------------------------------------------------------
def test_the_parts_of_the_plan_cost_what_it_costs(cheapest: BestPlanFound) -> None:
    (table,) = next(one for one in cheapest.chapters() if one.id == "plan").content
    *parts, together = [float(row[-1].replace(",", "")) for row in table.rows]  # type: ignore[union-attr]
    assert sum(parts) == pytest.approx(together, abs=len(parts))
    assert cheapest.chosen is not None and together == pytest.approx(cheapest.chosen.cost, abs=0.5)


def test_the_printed_tables_name_the_chosen_plan(cheapest: BestPlanFound) -> None:
    contenders, openings = cheapest.shown()
    (strong,) = contenders.strong
    column = openings.heads.index(contenders.rows[strong][0])
    assert cheapest.chosen is not None
    opened = dict(cheapest.chosen.openings)
    for candidate, row in zip(cheapest.space.candidates, openings.rows, strict=True):
        day = opened.get(candidate.borough)
        assert row[column] == ("shut" if day is None else f"{day:%b %Y}")


@pytest.fixture(scope="module")
def found() -> BestPlanFound:
    candidates = tuple(
        Candidate(borough=name, listed=dates, opening_cost=cost, running_cost_per_month=monthly)
        for name, dates, cost, monthly in (
            ("croydon", (dt.date(2017, 10, 1), dt.date(2018, 1, 1)), 60_000.0, 6_000.0),
            ("sutton", (dt.date(2018, 2, 1), dt.date(2018, 5, 1)), 40_000.0, 3_000.0),
            ("bromley", (dt.date(2018, 2, 1), dt.date(2018, 8, 1)), 50_000.0, 3_000.0),
        )
    )
    teams = (
        TeamChoice(team="london", name="small", social_workers=1.0, cost_per_year=2e5),
        TeamChoice(team="london", name="large", cost_per_year=5e5),
    )
    question = BestPlanQuestion(
        title="A plan", scenario="london-2017",
        overrides=("simulation.after_recruitment=1", "simulation.end_date=2020-01-31", "simulation.warm_up=1"),
        target=30, by=dt.date(2019, 4, 1), probability=0.5, least_beginning_lift=0.4, indifference=0.1,
        replicates=200, seed=1, candidates=candidates, teams=teams,
    )  # fmt: skip
    found = answer(question, executor=None)
    assert isinstance(found, BestPlanFound)
    return found


def test_the_picture_names_its_plans_and_its_texts_are_apart(found: BestPlanFound) -> None:
    figure = best_plan_figure(found)
    said = texts(figure)
    assert "A" in said and "wanted 50%" in said
    assert any("Best by the closed form" in one for one in said)
    assert "that takes" in alt_text(figure)
    assert_texts_are_apart(figure)


def test_without_a_choice_there_is_one_letter_alone(found: BestPlanFound) -> None:
    assert "B" not in texts(best_plan_figure(replace(found, chosen=None)))
