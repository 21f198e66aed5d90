"""Size against a second parameter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from looking import assert_texts_are_apart
from power_against_theory import SMALL, families, scores, siblings
from small_worlds import plain_world

from best_sim.questions.running import answer
from best_sim.questions.sample_size.ask import SampleSizeQuestion
from best_sim.questions.sample_size.figures import size_pairs_figure
from best_sim.questions.sample_size.run import SampleSizeFound
from best_sim.replications import Store

EFFECT = -2.0


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    world = plain_world({**SMALL, **scores(0.0, 0.3), **siblings({1: 1.0}), "trial.target_families": 200})
    (folder / "small.toml").write_text(world.as_toml(), encoding="utf-8")
    (folder / "ask.toml").write_text(
        f'kind = "power"\nscenario = "{folder / "small.toml"}"\nreplicates = 10\nseed = 9\n'
        f'[[design]]\nname = "some"\neffect = {EFFECT}\n',
        encoding="utf-8",
    )
    return folder / "ask.toml"


def found(ask: Path, store: Store | None = None, **more: Any) -> SampleSizeFound:
    question = SampleSizeQuestion.load(ask, against="outcomes.sdq.sd", scorings=4, least=50.0, **more)
    got = answer(question, store=store)
    assert isinstance(got, SampleSizeFound)
    return got


@pytest.mark.theory
def test_sizes_against_the_spread_are_those_of_theory(ask: Path, tmp_path: Path) -> None:
    """The size goes with the square of the standard deviation."""
    store = Store.create(tmp_path / "run", {"chunk": 20})
    got = found(ask, store, values=[5.0, 6.5], within=25.0, most=800.0, replicates=6_000)
    table = got.by_value.set_index("value")
    for sd in (5.0, 6.5):
        low, high = table.loc[sd, ["low", "high"]]
        exact = next(n for n in range(50, 800) if families(EFFECT * 5.0 / sd, n, 0.0, {1: 1.0}) >= 0.8)
        reach = (high - low) / 2.0
        assert low - reach <= exact <= high + reach  # four standard errors
    assert got.settled and "95% interval" in " ".join(got.words())
    assert {leg.rpartition("-families-")[0] for leg in store.legs()} == {
        "outcomes.sdq.sd-5",
        "outcomes.sdq.sd-6.5",
    }
    tables, (shown,) = got.tables(), got.shown()
    assert list(tables) == ["pairs", "points"] and set(tables["points"]["value"]) == {5.0, 6.5}
    assert [row[0] for row in shown.rows] == ["5", "6.5"] and list(got.answer()) == ["5", "6.5"]
    figures = got.figures()
    assert list(figures) == ["pairs", "sample-size-5", "sample-size-6.5"]
    for figure in (*figures.values(), size_pairs_figure(got, "SD")):
        assert_texts_are_apart(figure)


def test_a_value_without_an_answer_says_why_and_keeps_the_others(ask: Path) -> None:
    got = found(ask, values=[5.0, 15.0], within=40.0, most=400.0, replicates=3000)
    first, second = got.sizes
    assert not got.settled and first.reached and not second.reached
    assert "at the largest size tried" in second.reason
    assert "outcomes.sdq.sd = 15: No size between 50 and 400 gives a power of 80%" in " ".join(got.words())
    assert got.by_value["trials"].tolist() == [first.replicates, second.replicates]
    assert "At 15 no size" in str(got.figures()["pairs"].texts[1].get_text()) + str(
        got.figures()["pairs"].texts[2].get_text()
    )
