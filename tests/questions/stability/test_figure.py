"""The figure of placement stability: readable with few groups and many, and the same bytes from the same input."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing.style import SOURCE, alt_text, save
from best_sim.questions.running import answer
from best_sim.questions.stability.ask import StabilityQuestion
from best_sim.questions.stability.figures import MOST_ROWS, stability_figure
from best_sim.questions.stability.run import StabilityFound
from best_sim.scenario import Scenario

ASKED: dict[str, tuple[tuple[str, ...], dt.date | None]] = {
    "arm": (("arm",), None),
    "borough": (("borough",), None),
    "period and age": (("period", "age"), dt.date(2020, 1, 1)),
    "all": ((), None),
    "arm, borough and age": (("arm", "borough", "age"), None),
}


@pytest.fixture(scope="module")
def found() -> dict[str, StabilityFound]:
    world = Scenario.load("london-2017", ["simulation.warm_up=1"])
    return {
        name: answer(StabilityQuestion(replicates=4, by=by, split=split).in_world(world), executor=None)
        for name, (by, split) in ASKED.items()
    }


@pytest.mark.parametrize("name", ASKED)
def test_it_is_readable_and_says_that_it_is_simulated(found: dict[str, StabilityFound], name: str) -> None:
    figure = stability_figure(found[name])
    assert_texts_are_apart(figure)
    assert any(SOURCE in text for text in texts(figure))
    assert "Moves per child-year in care" in alt_text(figure)


def test_many_groups_are_said_to_be_more_and_no_name_is_cut(found: dict[str, StabilityFound]) -> None:
    said = " ".join(texts(stability_figure(found["arm, borough and age"])))
    assert f"The first {MOST_ROWS} of 30" in said
    assert said.count("SAU, Tower Hamlets, entered") == 6


def test_a_measure_that_nobody_has_is_drawn_as_none(found: dict[str, StabilityFound]) -> None:
    one = found["arm"]
    measures = one.measures.copy()
    measures.loc[measures["measure"] == "same_carer", ["mean", "low_90", "high_90"]] = float("nan")
    figure = stability_figure(replace(one, measures=measures))
    assert "none" in texts(figure)
    assert_texts_are_apart(figure)


def test_the_same_input_gives_the_same_bytes(found: dict[str, StabilityFound], tmp_path: Path) -> None:
    first = save(stability_figure(found["arm"]), tmp_path / "one")
    second = save(stability_figure(found["arm"]), tmp_path / "two")
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
