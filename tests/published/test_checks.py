"""The checks that hold, hold: figures that set nothing, by the list beside this file, from one simulation for all.

`standing.toml` says of every check whether it holds; `docs/make_published.py` writes it. Those that are not met are not
tested here: they stand in docs/explanation/published-figures.md with the reason.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from best_sim.questions.running import answer
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.judging import CANT_TELL, HOLDS, NOT_MET
from best_sim.questions.validation.published import read_published
from best_sim.questions.validation.run import ValidationFound

pytestmark = pytest.mark.published

STANDING: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("standing.toml").read_text(encoding="utf-8")
)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "explanation" / "published-figures.md"
FIGURES = {one.id: one for one in read_published()}
CHECKS = [name for name, one in FIGURES.items() if one.role == "check"]
SETTINGS = (
    "families",
    "seen",
    "received",
    "sdq_sau",
    "cost_lift",
    "placed_to_order",
    "match_to_placed",
    "weeks_2018",
)
SURE = 0.995
"""How far outside of what would hold a figure may lie: this quantile of Student's t, since replicates are few."""


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """What is found in a few replicates, four of them of England."""
    holding = [name for name, said in STANDING.items() if said == HOLDS]
    question = ValidationQuestion.load(replicates=21, seed=77, national_every=10, only=[*holding, *SETTINGS])
    found = answer(question, executor=None)
    assert isinstance(found, ValidationFound)
    return found.table.set_index("id")


def outside(row: pd.Series, name: str) -> float:
    """By how much a simulated figure lies outside of what would hold, less the room that its own error needs."""
    low, high = FIGURES[name].held_between
    away = max(low - row["simulated"], row["simulated"] - high, 0.0)
    return float(away - stats.t.ppf(SURE, row["replicates"] - 1) * row["mcse"])


@pytest.mark.parametrize("name", [name for name, said in STANDING.items() if said == HOLDS])
def test_a_check_that_holds_still_does(table: pd.DataFrame, name: str) -> None:
    row = table.loc[name]
    assert row["replicates"] >= 4
    assert outside(row, name) <= 0.0, (
        f"{row['figure']}: published {row['published']} ({row['low']} to {row['high']}), simulated "
        f"{row['simulated']:.4g} (MCSE {row['mcse']:.2g}); if the model is right, run docs/make_published.py"
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_a_parameter_is_still_set_to_its_figure(table: pd.DataFrame, name: str) -> None:
    assert outside(table.loc[name], name) <= 0.0, f"{name}: {table.loc[name, 'simulated']:.4g}"


def test_the_list_has_every_check_once_and_a_reason_for_each_that_is_not_met() -> None:
    assert list(STANDING) == CHECKS
    for name, said in STANDING.items():
        assert said in (HOLDS, CANT_TELL) or len(said) > 10, f"{name}: why is it not met?"
    assert sum(said == HOLDS for said in STANDING.values()) >= 40


def test_the_page_has_every_check_that_is_not_met() -> None:
    text = PAGE.read_text(encoding="utf-8")
    not_met = [name for name, said in STANDING.items() if said not in (HOLDS, CANT_TELL)]
    assert re.findall(r"\(`(\w+)`\)", text) == not_met
    for name in not_met:
        assert STANDING[name] in text
    assert NOT_MET not in STANDING.values()
