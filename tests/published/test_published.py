"""The published figures: a default run comes near those that it should, and the table says where it does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from best_sim.questions.running import answer
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.published import FIGURES
from best_sim.questions.validation.run import ValidationFound

pytestmark = pytest.mark.published

NOT_NEAR = {"hearings_2019", "three_in_year_to_march", "sdq_difference"}
"""Figures that the model is known not to meet; each has its reason in the table and in the docs."""


def table_of(**changes: object) -> pd.DataFrame:
    found = answer(ValidationQuestion.load(**changes))
    assert isinstance(found, ValidationFound)
    return found.table.set_index("key")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return table_of(replicates=60, seed=2025)


@pytest.mark.parametrize("key", [figure.key for figure in FIGURES if figure.key not in NOT_NEAR])
def test_a_default_run_comes_near_the_published_figure(table: pd.DataFrame, key: str) -> None:
    row = table.loc[key]
    assert row["near"] == "yes", (
        f"{row['figure']}: published {row['published']}, simulated {row['simulated']:.4g}"
    )


@pytest.mark.parametrize("key", sorted(NOT_NEAR))
def test_a_figure_that_is_not_met_says_why(table: pd.DataFrame, key: str) -> None:
    row = table.loc[key]
    assert row["near"] == "no"
    assert len(row["note"]) > 30


def test_every_simulated_figure_is_known_well_enough_to_be_judged(table: pd.DataFrame) -> None:
    judged = table[~table.index.isin(NOT_NEAR)]
    tolerance = pd.Series({f.key: f.near * f.value for f in FIGURES})[judged.index]
    assert (4 * judged["mcse"] < 2 * tolerance).all(), judged[4 * judged["mcse"] >= 2 * tolerance]


def test_the_table_has_every_part_of_the_evidence() -> None:
    keys = {f.key for f in FIGURES}
    needed = {
        "weeks_2018", "within_26_2018", "hearings_2017", "hearings_2019",  # 1
        "moves", "three_in_year_to_march", "ended_month", "ended_half_year", "ended_year",  # 2
        "entry_to_decision", "decision_to_match", "match_to_placed", "placed_to_order",  # 3
        "home_and_back",  # 4
        "families", "children", "months", "lift_share", "ineligible", "seen", "received",  # 5
        "sdq_sau", "sdq_sau_sd", "sdq_lift", "sdq_lift_sd", "sdq_difference",  # 6
        "pirgas_first", "pirgas_first_sd", "pirgas_third", "pirgas_third_sd",
        "cost_lift", "cost_sau",  # 7
    }  # fmt: skip
    assert needed <= keys
    assert {f.role for f in FIGURES} == {"set", "check"}


def test_the_published_difference_lies_within_what_replicates_show(table: pd.DataFrame) -> None:
    # one trial is one replicate: the published estimate is an unremarkable draw from the default scenario
    row = table.loc["sdq_difference"]
    assert row["simulated"] == pytest.approx(0.0, abs=4 * row["mcse"])
    assert abs(row["published"]) < 3 * (row["high"] - row["low"]) / (2 * 1.645)


def test_a_wrong_parameter_is_noticed() -> None:
    table = table_of(replicates=3, set=["placements.unplanned.foster=0.3"])
    assert table.loc["moves", "near"] == "no"
    assert np.isfinite(table["simulated"]).all()
