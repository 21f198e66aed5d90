"""Paired counterfactuals: each child as it was in its own arm, and an effect that is known to the point."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing import style
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.questions.counterfactuals.ask import CounterfactualsQuestion
from best_sim.questions.counterfactuals.run import CounterfactualsFound
from best_sim.questions.running import answer


@pytest.fixture(scope="module")
def found() -> CounterfactualsFound:
    return answer(
        CounterfactualsQuestion.load(
            "london-2017", replicates=2, seed=3,
            set=["outcomes.sdq.lift_effect=-4", "outcomes.effect_applies_to=allocated"],
        )
    )  # type: ignore[return-value]  # fmt: skip


def test_a_child_is_as_it_was_in_its_own_arm(found: CounterfactualsFound) -> None:
    base = simulate(found.question.world, 3, 1)
    mine = found.children[found.children["replicate"] == 1]
    for arm, column in (("LIFT", "sdq.lift"), ("SAU", "sdq.sau")):
        rows = mine[mine["arm"] == arm]
        seen = base.scores["sdq"][rows["child"].to_numpy(), 2]
        assert np.array_equal(seen, rows[column].to_numpy(), equal_nan=True)
    arms = base.tables["families"]["arm"][mine["family"]]
    assert ((arms == W.LIFT) == (mine["arm"] == "LIFT")).all()


def test_an_effect_on_all_allocated_is_on_every_child_up_to_the_floor(found: CounterfactualsFound) -> None:
    difference = (found.children["sdq.lift"] - found.children["sdq.sau"]).dropna()
    clear = found.children.loc[difference.index, "sdq.sau"] >= 8
    assert difference[clear].median() == -4.0
    # moves and delays that LIFT changes add to it for a few
    assert (difference[clear] == -4.0).mean() > 0.85
    assert difference.mean() > -4.0
    effects = found.effects.set_index("outcome")
    assert effects.loc["sdq", "mean"] == pytest.approx(difference.mean())
    assert effects.loc["pirgas", "same"] == 1.0
    assert effects.loc["weeks_of_proceedings", "mean"] > 0
    assert found.left_out < 0.05 * found.children["family"].nunique()


def test_where_all_decline_the_services_are_alike() -> None:
    alike = answer(
        CounterfactualsQuestion.load(
            "london-2017",
            replicates=1,
            seed=3,
            set=["lift.declines=1"],
        )
    )
    assert (alike.effects["same"] == 1.0).all()  # type: ignore[attr-defined]


def test_words_and_answer_are_of_the_tables(found: CounterfactualsFound) -> None:
    words = " ".join(found.words())
    assert f"{len(found.children)} children" in words and "2 trials would have estimated" in words
    assert found.answer()["lift_less_sau"]["sdq"] == pytest.approx(found.effects["mean"].iloc[0])
    assert found.question.replicates_words() == "2 replicates, each 21 times"


def test_the_command_answers_to_its_former_name(best_sim: Callable, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, error = best_sim(
        "twins", "london-2017", "--replicates", 1, "--parts", 4, "--out", "t", "--workers", 1
    )
    assert code == 0 and error == "twins is now called counterfactuals\n"
    assert "LIFT less SAU of the same child" in out
    effects = pd.read_csv(tmp_path / "t" / "effects.csv").set_index("outcome")
    assert abs(effects.loc["sdq", "mean"]) < 0.3  # no direct effect by default
    assert {"children.parquet", "counterfactuals.png", "report.html"} <= {
        path.name for path in (tmp_path / "t").iterdir()
    }


def test_a_scenario_without_a_trial_is_refused(best_sim: Callable, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    shut = "sites.london.recruiting=[{from=2017-10-01,value=0}]"
    code, _, error = best_sim("counterfactuals", "london-2017", "--set", shut)
    assert code == 2 and "no site recruits" in error and not list(tmp_path.iterdir())


def test_the_picture_is_readable_and_the_same_twice(found: CounterfactualsFound, tmp_path: Path) -> None:
    figure = found.figures()["counterfactuals"]
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text for text in texts(figure)) and len(style.alt_text(figure)) > 60
    first, again = (
        style.save(found.figures()["counterfactuals"], tmp_path / when) for when in ("first", "again")
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
