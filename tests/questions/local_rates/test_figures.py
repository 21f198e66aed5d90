"""The pictures of an authority's rates and of a forecast of a year that was seen."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from looking import assert_texts_are_apart, texts
from matplotlib.figure import Figure

from best_sim.drawing import style
from best_sim.measures.episodes import episodes_of
from best_sim.pathway import simulate
from best_sim.questions.local_rates.ask import LocalRatesQuestion
from best_sim.questions.running import answer
from best_sim.scenario import Scenario


@pytest.fixture(scope="module")
def figures() -> dict[str, Figure]:
    england = Scenario.load("england")
    episodes = episodes_of(simulate(england, 4, 0, "compiled"), borough="east_london")
    asked = LocalRatesQuestion(borough="east_london", backcast=True, replicates=3)
    found = answer(asked.about(episodes, dt.date(2018, 4, 1), dt.date(2022, 4, 1)), executor=None)
    return found.figures()


@pytest.mark.parametrize("name", ["rates", "backcast"])
def test_it_is_readable_and_says_that_it_is_simulated(
    figures: dict[str, Figure], name: str, tmp_path: Path
) -> None:
    assert set(figures) == {"rates", "backcast"}
    figure = figures[name]
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text or style.ESTIMATED in text for text in texts(figure))
    assert len(style.alt_text(figure)) > 60
    assert all(path.stat().st_size > 0 for path in style.save(figure, tmp_path / "one"))
