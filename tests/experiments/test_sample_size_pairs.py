"""Size against a second parameter."""

from __future__ import annotations

from pathlib import Path

import pytest
from power_against_theory import SMALL, families, scores, siblings
from small_worlds import plain_world

from best_sim.display.designs import size_pairs_figure
from best_sim.experiments.sample_size_pairs import find_size_pairs, words_of_pairs
from best_sim.questions.power.ask import PowerQuestion
from best_sim.scenario import ScenarioError

EFFECT = -2.0


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    world = plain_world({**SMALL, **scores(0.0, 0.3), **siblings({1: 1.0}), "trial.target_families": 200})
    (folder / "small.toml").write_text(world.as_toml(), encoding="utf-8")
    (folder / "ask.toml").write_text(
        f'scenario = "{folder / "small.toml"}"\nreplicates = 10\nseed = 9\n'
        f'[[design]]\nname = "some"\neffect = {EFFECT}\n',
        encoding="utf-8",
    )
    return folder / "ask.toml"


@pytest.mark.theory
def test_sizes_against_the_spread_are_those_of_theory(ask: Path) -> None:
    """The size goes with the square of the standard deviation."""
    found = find_size_pairs(
        PowerQuestion.load(ask), "outcomes.sdq.sd", (5.0, 6.5), within=25.0, limits=(50, 800), most=6_000
    )
    table = found.table.set_index("value")
    for sd in (5.0, 6.5):
        low, high = table.loc[sd, ["low", "high"]]
        exact = next(n for n in range(50, 800) if families(EFFECT * 5.0 / sd, n, 0.0, {1: 1.0}) >= 0.8)
        reach = (high - low) / 2.0
        assert low - reach <= exact <= high + reach  # four standard errors
    assert "95 % interval" in words_of_pairs(found)
    assert size_pairs_figure(found, "SD").axes


def test_a_value_without_an_answer_says_why_and_keeps_the_others(ask: Path) -> None:
    found = find_size_pairs(
        PowerQuestion.load(ask), "outcomes.sdq.sd", (5.0, 15.0), within=40.0, limits=(50, 400), most=3000
    )
    (_, first), (_, second) = found.found
    assert first is not None and second is None
    assert "at the largest size tried" in found.reasons[15.0] and "none within the limits" in words_of_pairs(
        found
    )
    assert size_pairs_figure(found).axes


def test_a_second_parameter_that_is_not_there_is_refused_before_anything_runs(ask: Path) -> None:
    with pytest.raises(ScenarioError, match="sdd"):
        find_size_pairs(PowerQuestion.load(ask), "outcomes.sdq.sdd", (5.0, 6.0))
    with pytest.raises(ValueError, match="found none"):
        find_size_pairs(PowerQuestion.load(ask), "outcomes.sdq.sd", ())
