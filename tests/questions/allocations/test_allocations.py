"""Methods of allocation: a guesser by hand, and what theory says of their order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from looking import assert_texts_are_apart, texts

from best_sim.drawing import style
from best_sim.questions.allocations.ask import AllocationsQuestion
from best_sim.questions.allocations.run import AllocationsFound, share_guessed
from best_sim.questions.running import answer

OURS = """
kind = "allocations"
title = "Two to one"
scenario = "london-2017"
replicates = 3
seed = 4
set = ["trial.allocation.lift_share=0.6667"]
[[method]]
name = "blocks of three"
set = ["trial.allocation.method=blocks", "trial.allocation.strata=none", "trial.allocation.block_sizes=[3]"]
[[method]]
name = "simple"
set = ["trial.allocation.method=simple"]
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ours.toml").write_text(OURS, encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def found() -> AllocationsFound:
    return answer(AllocationsQuestion.load("london-2017", replicates=12, seed=2))  # type: ignore[return-value]


def test_a_guesser_by_hand() -> None:
    """LIFT, LIFT, SAU, LIFT: half at first, then bets on SAU, SAU, SAU of which one is right."""
    lift = np.array([1.0, 1.0, 0.0, 1.0])
    assert share_guessed(np.zeros(4, int), lift) == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert share_guessed(np.array([0, 1, 0, 1]), lift) == pytest.approx((0.5 + 0.5 + 1 + 0) / 4)


def test_methods_differ_as_they_should(found: AllocationsFound) -> None:
    mean = found.summary.set_index(["method", "quantity"])["mean"]
    assert mean["simple", "all families"] > 3 * mean["blocks by site", "all families"]
    assert mean["blocks by borough", "borough"] < mean["blocks by site", "borough"]
    assert mean["minimisation", "siblings"] < mean["blocks by site", "siblings"]
    assert mean["simple", "guessed within the borough"] == pytest.approx(0.5, abs=0.04)
    assert mean["blocks by borough", "guessed within the borough"] > 0.6
    ends = found.path.groupby(["method", "replicate"])["families"].max().unstack(0)
    # the same families, but for what allocation does to when the last are asked
    assert (ends.max(axis=1) - ends.min(axis=1)).max() <= 4


def test_the_path_ends_where_the_arms_end(found: AllocationsFound) -> None:
    last = found.path.groupby(["method", "replicate"], sort=False)["difference"].last().abs()
    ends = found.trials.set_index(["method", "replicate"])["all families"]
    assert last.to_numpy() == pytest.approx(ends.to_numpy()) and list(last.index) == list(ends.index)


def test_methods_of_ones_own(best_sim: Callable, here: Path) -> None:
    code, out, error = best_sim("allocations", "ours.toml", "--out", "m", "--workers", 1)
    assert code == 0 and "Two to one" in out and "blocks of three" in out, error
    summary = pd.read_csv(here / "m" / "summary.csv").set_index(["method", "quantity"])
    assert set(summary.index.get_level_values(0)) == {"blocks of three", "simple"}
    # blocks of three in two to one are never far off, and the last of each is known
    assert summary.loc[("blocks of three", "all families"), "mean"] < 3
    path = pd.read_parquet(here / "m" / "path.parquet")
    assert path["replicate"].nunique() == 3 and (here / "m" / "allocations.png").exists()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "simple"', 'name = "blocks of three"', "two methods have the same name"),
        ('"trial.allocation.method=simple"', '"trial.allocation.method=simpel"', "simple"),
        ('"trial.allocation.method=simple"', '"simple"', "no override"),
        ('name = "simple"', 'nam = "simple"', "name"),
    ],
)
def test_what_is_wrong_is_told(best_sim: Callable, here: Path, old: str, new: str, told: str) -> None:
    (here / "ours.toml").write_text(OURS.replace(old, new), encoding="utf-8")
    code, _, error = best_sim("allocations", "ours.toml")
    assert code == 2 and told in error, error
    assert not (here / "results").exists()


def test_the_picture_is_readable_and_the_same_twice(found: AllocationsFound, tmp_path: Path) -> None:
    figure = found.figures()["allocations"]
    assert_texts_are_apart(figure)
    assert any(style.SOURCE in text for text in texts(figure)) and len(style.alt_text(figure)) > 60
    first, again = (
        style.save(found.figures()["allocations"], tmp_path / when) for when in ("first", "again")
    )
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
