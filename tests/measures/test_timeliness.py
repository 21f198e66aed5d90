"""Timeliness: against the tidy tables, by hand, and against lifelines."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import journeys_of

from best_sim.measures.observed import MONTH
from best_sim.measures.timeliness import (
    decided_cases,
    kaplan_meier,
    proceedings_by,
    share_permanent,
    time_to_permanence,
)
from best_sim.pathway import Journeys
from best_sim.pathway import words as W


def test_decided_cases_are_those_of_the_tidy_table(trial_run: Journeys) -> None:
    table = trial_run.proceedings
    table = table[table["decided_days"] >= 0].sort_values(["case", "issued_days"]).reset_index(drop=True)
    got = decided_cases(trial_run)
    for column in ("case", "family", "again", "hearings"):
        assert (got[column] == table[column]).all(), column
    assert got["weeks"].to_numpy() == pytest.approx(table["weeks"].to_numpy())
    for column in ("court", "arm"):
        assert (got[column].astype(str) == table[column].astype(str)).all(), column


def test_a_case_that_comes_back_is_matched_with_its_own_issue() -> None:
    events = [
        (10.0, W.PROCEEDINGS_ISSUED, 1, 1.0),
        (80.0, W.CASE_DECIDED, 1, 4.0),
        (200.0, W.PROCEEDINGS_ISSUED, 1, 2.0),
        (410.0, W.CASE_DECIDED, 1, 6.0),
        (500.0, W.PROCEEDINGS_ISSUED, 1, 3.0),  # not decided
    ]
    got = decided_cases(journeys_of([], events=events, arm=[W.LIFT]))
    assert got["weeks"].tolist() == [10.0, 30.0]
    assert got["again"].tolist() == [1, 2]
    assert got["year"].tolist() == [2018, 2019]
    assert got["hearings"].tolist() == [4, 6]
    assert (got["arm"] == "not allocated").all()  # allocation is of the family's first proceedings
    by_year = proceedings_by(journeys_of([], events=events)).set_index("year")
    assert by_year["within_26"].tolist() == [1.0, 0.0]
    assert proceedings_by(journeys_of([], events=events), ())["mean_weeks"].tolist() == [20.0]


def test_years_are_weighted_by_their_cases(trial_run: Journeys) -> None:
    by_year, whole = proceedings_by(trial_run), proceedings_by(trial_run, ())
    assert by_year["cases"].sum() == whole["cases"][0]
    assert np.average(by_year["mean_weeks"], weights=by_year["cases"]) == pytest.approx(
        whole["mean_weeks"][0]
    )


def test_time_to_permanence_by_hand() -> None:
    lives = [
        [(0.0, W.FOSTER, W.AT_ENTRY), (100.0, W.HOME, W.PLANNED), (300.0, W.FOSTER, W.RE_ENTRY)],
        [(100.0, W.FOSTER, W.AT_ENTRY)],
        [(-5.0, W.FOSTER, W.AT_ENTRY)],  # entered before the window
        [(0.0, W.FOSTER, W.AT_ENTRY), (60.0, W.PLACED_FOR_ADOPTION, W.PLANNED), (400.0, W.ADOPTED, W.SAME_CARER)],
    ]  # fmt: skip
    got = time_to_permanence(journeys_of(*lives, permanent_at=[100.0, np.nan, 50.0, 60.0]))
    assert got["days"].tolist() == [100.0, 900.0, 60.0]
    assert got["reached"].tolist() == [True, False, True]
    assert got["to"].astype(str).tolist() == ["home", "not yet", "placed_for_adoption"]


def test_shares_permanent_rise_with_the_months(trial_run: Journeys) -> None:
    table = share_permanent(trial_run)
    for _, mine in table.groupby("arm", observed=True):
        assert mine["share"].between(0, 1).all() and (np.diff(mine["share"]) >= 0).all()
    assert (share_permanent(trial_run, by=())["share"] > 0).all()
    with pytest.raises(ValueError, match="'to'"):
        share_permanent(trial_run, by=("to",))


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=40))
def test_kaplan_meier_is_that_of_lifelines(lifelines: ModuleType, people: list[tuple[int, bool]]) -> None:
    days = np.array([float(d) for d, _ in people])
    reached = np.array([r for _, r in people])
    at = np.arange(0.5, days.max(), 0.5)
    theirs = lifelines.KaplanMeierFitter().fit(days, reached).survival_function_at_times(at).to_numpy()
    assert kaplan_meier(days, reached, at) == pytest.approx(theirs, abs=1e-12)


def test_nothing_is_said_of_times_that_nobody_was_watched() -> None:
    left = kaplan_meier(np.array([3.0, 9.0]), np.array([True, False]), np.array([9.0, 10.0]))
    assert left[0] == 0.5 and np.isnan(left[1])
    all_there = kaplan_meier(np.array([3.0]), np.array([True]), np.array([100.0]))
    assert all_there[0] == 0.0
    assert np.isnan(kaplan_meier(np.zeros(0), np.zeros(0, bool), np.array([MONTH]))).all()
