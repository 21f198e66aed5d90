"""Same carer, moves by period, lengths and returns: by hand on made-up lives, and against other code."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from lives import journeys_of

from best_sim.measures.groups import AGES, PERIODS, child_labels
from best_sim.measures.stability import (
    child_moves,
    ended_placements,
    long_in_care,
    move_rates,
    re_entries,
    returns_to_care,
    three_in_first_year,
)
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.scenario.durations import YEAR
from best_sim.trial.outcomes import analysis_set


def first_of_april(year: int) -> float:
    return float((dt.date(year, 4, 1) - dt.date(2018, 1, 1)).days)


DAY = first_of_april(2020)
IN = (-400.0, W.FOSTER, W.AT_ENTRY)  # 3.3 years before


def test_same_carer_for_two_years_by_hand() -> None:
    two_years_ago = DAY - 2 * YEAR
    lives = [
        [IN],
        [IN, (two_years_ago + 1, W.FOSTER, W.UNPLANNED)],  # a day short
        [IN, (two_years_ago - 1, W.FOSTER, W.UNPLANNED), (300.0, W.LONG_TERM_FOSTER, W.SAME_CARER)],
        # adopters and the carers before them count together, but not the carers before those
        [IN, (-300.0, W.FOSTER, W.UNPLANNED), (600.0, W.PLACED_FOR_ADOPTION, W.PLANNED)],
        [IN, (150.0, W.FOSTER, W.UNPLANNED), (600.0, W.PLACED_FOR_ADOPTION, W.PLANNED)],
        [IN, (0.0, W.HOME, W.PLANNED), (50.0, W.FOSTER, W.RE_ENTRY)],  # not in care for 2.5 years on end
        [IN, (700.0, W.SPECIAL_GUARDIANSHIP, W.PLANNED)],  # left
        [(0.0, W.FOSTER, W.AT_ENTRY)],  # 2.2 years
    ]
    got = long_in_care(journeys_of(*lives, end=DAY + 1))
    assert got["year"].unique().tolist() == [2020]
    assert (got["child"] // 3).tolist() == [0, 1, 2, 3, 4]
    assert got["same_carer"].tolist() == [True, False, True, True, False]


def test_the_carer_before_an_adoptive_placement_is_of_the_same_episode() -> None:
    life = [IN, (-390.0, W.HOME, W.PLANNED), (-300.0, W.PLACED_FOR_ADOPTION, W.RE_ENTRY)]
    got = long_in_care(journeys_of(life, end=DAY + 1))
    assert got["same_carer"].tolist() == [True]  # for 1121 days with the adopters alone


def test_a_child_of_sixteen_is_left_out() -> None:
    journeys = journeys_of([IN], [IN], end=DAY + 1)
    journeys.tables["children"]["age_at_entry"][[0, 3]] = 12.0 * YEAR, 13.0 * YEAR  # 15 and 16 on the day
    assert long_in_care(journeys)["child"].tolist() == [0]


def test_no_day_is_counted_on_which_nobody_could_have_been_in_care_for_so_long() -> None:
    journeys = journeys_of([(-500.0, W.FOSTER, W.AT_ENTRY)], end=first_of_april(2021) + 1)
    assert long_in_care(journeys)["year"].tolist() == [2019, 2020, 2021]  # from 2.5 years after the start on
    assert long_in_care(journeys, since=DAY)["year"].tolist() == [2020, 2021]
    assert len(long_in_care(journeys_of(end=DAY))) == 0


LIFE = [
    (0.0, W.FOSTER, W.AT_ENTRY),
    (100.0, W.FOSTER, W.UNPLANNED),
    (200.0, W.KINSHIP_FOSTER, W.PLANNED),
    (300.0, W.HOME, W.PLANNED),
    (500.0, W.FOSTER, W.RE_ENTRY),
]


def test_moves_and_time_are_parted_at_the_day_between_periods() -> None:
    got = move_rates(journeys_of(LIFE, end=600.0), ("period",), split=200.0).set_index("period")
    assert got["moves"].to_dict() == {"before": 1, "after": 1}  # that of the day itself is after
    assert got["child_years"].to_numpy() == pytest.approx(np.array([200.0, 200.0]) / YEAR)


def test_moves_are_counted_from_each_childs_own_day() -> None:
    journeys = journeys_of(LIFE, LIFE, LIFE, end=600.0)
    since = np.full(len(journeys.tables["children"]), np.nan)
    since[0], since[3] = 50.0, 150.0
    got = child_moves(journeys, since=since, until=250.0)
    assert got["child"].tolist() == [0, 3]
    assert got["moves"].tolist() == [2, 1]
    assert got["years"].to_numpy() == pytest.approx(np.array([200.0, 100.0]) / YEAR)


def test_moves_since_randomisation_are_those_of_the_trial(trial_run: Journeys) -> None:
    """Counted from the record here, on the way there."""
    trial = analysis_set(trial_run, "moves")
    f, c = trial_run.tables["families"], trial_run.tables["children"]
    family = c["family"]
    seen = (f["visit_state"][:, 2] != W.NOT_DUE) & (f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"])
    since = np.where(seen[family], f["randomised"][family], np.nan)
    got = child_moves(trial_run, since=since, until=f["visit_at"][family, 2])
    assert got["moves"].sum() == trial.y.sum()
    assert got["years"].sum() == pytest.approx(trial.exposure.sum())


def test_three_placements_in_the_first_year_by_hand() -> None:
    lives = [
        [*LIFE[:3]],
        [*LIFE[:2]],
        [*LIFE[:2], (366.0, W.FOSTER, W.UNPLANNED)],  # too late
        [(800.0, W.FOSTER, W.AT_ENTRY)],  # not watched for a year
    ]
    journeys = journeys_of(*lives)
    journeys.tables["groups"]["third_at"] = np.nan
    journeys.tables["groups"]["third_at"][[0, 6]] = 200.0, 366.0
    got = three_in_first_year(journeys)
    assert got[["children", "with_three"]].to_numpy().tolist() == [[3, 1]]
    assert got["share"].item() == pytest.approx(1 / 3)


def test_lengths_and_returns_by_hand() -> None:
    journeys = journeys_of(LIFE, [*LIFE[:3]], end=2000.0)
    ended = ended_placements(journeys)
    assert ended["at"].tolist() == [100.0, 200.0, 300.0, 100.0, 200.0]
    assert ended["days"].tolist() == [100.0] * 5
    assert len(ended_placements(journeys_of())) == 0
    back = returns_to_care(journeys)
    assert back[["home_days", "back"]].to_numpy().tolist() == [[300.0, True]]
    assert not returns_to_care(journeys, within=100.0)["back"].any()


def test_ages_are_in_completed_years() -> None:
    journeys = journeys_of(*[[IN]] * 4)
    journeys.tables["children"]["age_at_entry"][::3] = np.array([0.99, 1.0, 2.99, 3.0]) * YEAR
    named = child_labels(journeys, np.arange(0, 12, 3), ("age",))["age"]
    assert list(named) == ["under 1", "1 or 2", "1 or 2", "3 or 4"]


def test_groups_that_there_are_not_are_all_named() -> None:
    with pytest.raises(ValueError) as error:
        move_rates(journeys_of(), ("ages", "period"))
    assert "did you mean 'age'?" in str(error.value)
    assert "split: found none" in str(error.value)
    with pytest.raises(ValueError, match="each name once"):
        move_rates(journeys_of(), ("arm", "arm"))


def test_groups_add_up(trial_run: Journeys) -> None:
    split = 900.0
    for by in (("age",), ("period",), ("borough", "age")):
        for measure, counts in (
            (move_rates, ["child_years", "moves"]),
            (three_in_first_year, ["children", "with_three"]),
            (re_entries, ["home", "back"]),
        ):
            parts = measure(trial_run, by, split=split)[counts].sum().to_numpy(float)
            assert parts == pytest.approx(measure(trial_run)[counts].sum().to_numpy(float)), (measure, by)
    ages = move_rates(trial_run, ("age",))["age"].astype(str).tolist()
    assert ages == list(AGES)
    assert set(move_rates(trial_run, ("period",), split=split)["period"]) == set(PERIODS)
