"""The picture of a recruitment forecast, before a trial and in its midst."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing import style
from best_sim.measures.recruited import recruitment_by_week
from best_sim.pathway import simulate
from best_sim.questions.recruitment.ask import RecruitmentQuestion
from best_sim.questions.recruitment.figures import forecast_figure
from best_sim.questions.recruitment.run import RecruitmentFound
from best_sim.questions.running import answer
from best_sim.scenario import Scenario

CUT_OFF = dt.date(2019, 4, 1)


@pytest.fixture(scope="module", params=["before", "during", "not reached"])
def found(request: pytest.FixtureRequest) -> RecruitmentFound:
    scenario = Scenario.load("london-2017").replace({"trial.stops_at_target": False})
    target = 500 if request.param == "not reached" else 45
    if request.param == "before":
        return answer(
            RecruitmentQuestion(replicates=20, target=target, by=dt.date(2019, 12, 1)).in_world(scenario)
        )
    openings = {name: one.opens for name, one in scenario.boroughs.items()}
    table = recruitment_by_week(simulate(scenario, 31, 0, "compiled"), CUT_OFF, openings)
    question = RecruitmentQuestion(replicates=20, target=target, by=dt.date(2020, 12, 1))
    return answer(question.in_world(scenario).observing(table, CUT_OFF))


def test_it_is_readable_and_says_that_it_is_simulated(found: RecruitmentFound) -> None:
    figure = forecast_figure(found)
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text for text in texts(figure))
    assert len(style.alt_text(figure)) > 60


def test_the_same_input_gives_the_same_bytes(found: RecruitmentFound, tmp_path: Path) -> None:
    first, again = (style.save(forecast_figure(found), tmp_path / when) for when in ("first", "again"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
