"""The picture of a best plan: what it says, in words and letters, and whether its texts are apart."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from looking import assert_texts_are_apart, texts

from best_sim.display.best_plan import best_plan_figure
from best_sim.drawing.style import alt_text
from best_sim.experiments.best_plan import BestPlan, best_plan, pareto
from best_sim.experiments.best_plan_problem import Candidate, PlanProblem, TeamChoice


@pytest.fixture(scope="module")
def found() -> BestPlan:
    candidates = (
        Candidate("croydon", (dt.date(2017, 10, 1), dt.date(2018, 1, 1)), 60_000.0, 6_000.0),
        Candidate("sutton", (dt.date(2018, 2, 1), dt.date(2018, 5, 1)), 40_000.0, 3_000.0),
        Candidate("bromley", (dt.date(2018, 2, 1), dt.date(2018, 8, 1)), 50_000.0, 3_000.0),
    )
    teams = (
        TeamChoice("london", "small", (("social_workers", 1.0),), 2e5),
        TeamChoice("london", "large", (), 5e5),
    )
    problem = PlanProblem(
        name="p", title="A plan", question="", scenario="london-2017",
        overrides=("simulation.after_recruitment=1", "simulation.end_date=2020-01-31", "simulation.warm_up=1"),
        goal="cheapest", target=30, by=dt.date(2019, 4, 1), probability=0.5, budget=None,
        costs_until=dt.date(2019, 4, 1), least_beginning_lift=0.4, indifference=0.1, replicates=400, seed=1,
        candidates=candidates, teams=teams,
    )  # fmt: skip
    return best_plan(problem, executor=None)


def test_the_picture_names_its_plans_and_its_texts_are_apart(found: BestPlan) -> None:
    figure = best_plan_figure(found, pareto(found.problem, found.space))
    said = texts(figure)
    assert "A" in said and "wanted 50%" in said
    assert any("Best by the closed form" in one for one in said)
    assert "that takes" in alt_text(figure)
    assert_texts_are_apart(figure)


def test_without_a_choice_there_is_one_letter_alone(found: BestPlan) -> None:
    figure = best_plan_figure(replace(found, chosen=None), pareto(found.problem, found.space))
    assert "B" not in texts(figure)
