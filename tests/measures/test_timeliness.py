"""Timeliness: against the tidy tables, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from lives import journeys_of

from best_sim.measures.timeliness import courts_falling_behind, decided_cases, proceedings_by
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario


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


@pytest.mark.parametrize(("days", "behind"), [(48, False), (12, True), (6, True), (1, True)])
def test_a_court_that_decides_fewer_than_are_issued_falls_behind(days: int, behind: bool) -> None:
    """From 2018 it sits so many days a week, so that by the end undecided cases have piled up for six years."""
    scenario = Scenario.load(
        "london-2017",
        overrides=[
            "courts.east_london.sitting_days_per_week="
            f"[{{from=2011-01-01,value=48}},{{from=2018-01-01,value={days}}}]"
        ],
    )
    assert courts_falling_behind(simulate(scenario, seed=2)) == (["east_london"] if behind else [])


def test_what_a_warm_up_leaves_undecided_is_no_court_that_falls_behind() -> None:
    scenario = Scenario.load("trial-as-run", overrides=["simulation.start_date=2024-02-28"])
    assert courts_falling_behind(simulate(scenario, seed=2)) == []
