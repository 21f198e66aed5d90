"""Stability: counted by hand on made-up lives, and the same as from the tidy tables on simulated ones."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from lives import journeys_of

from best_sim.measures.observed import stays_of, year_edges, year_in
from best_sim.measures.stability import (
    child_moves,
    ended_placements,
    move_rates,
    placements_in_year,
    returns_to_care,
)
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.scenario.durations import MONTH, YEAR


def test_stays_are_the_placements_of_the_tidy_table(trial_run: Journeys) -> None:
    stays, table = stays_of(trial_run), trial_run.placements
    assert len(stays) == len(table)
    assert (stays.child == table["child"]).all() and (stays.family == table["family"]).all()
    assert (stays.start == table["start_days"]).all()
    assert (np.where(np.isinf(stays.end), np.nan, stays.end) == table["end_days"].to_numpy())[
        ~np.isinf(stays.end)
    ].all()
    assert (np.isinf(stays.end) == table["end_days"].isna()).all()
    assert (np.asarray(W.PLACEMENT_TYPES)[stays.place] == table["type"].astype(str)).all()
    assert (np.asarray(W.PLACEMENT_REASONS)[stays.began_by] == table["began_by"].astype(str)).all()
    assert (stays.in_care == table["in_care"]).all()


def test_stays_of_nobody() -> None:
    assert len(stays_of(journeys_of())) == 0
    assert len(move_rates(journeys_of(), ("arm",))) == 0


LIFE = [
    (-100.0, W.FOSTER, W.AT_ENTRY),
    (-50.0, W.FOSTER, W.UNPLANNED),  # before the window
    (100.0, W.FOSTER, W.UNPLANNED),
    (200.0, W.KINSHIP_FOSTER, W.PLANNED),
    (300.0, W.SPECIAL_GUARDIANSHIP, W.SAME_CARER),  # leaves care: no move
    (700.0, W.FOSTER, W.RE_ENTRY),  # comes back: no move
    (750.0, W.RESIDENTIAL, W.UNPLANNED),
]


def test_moves_and_exposure_by_hand() -> None:
    row = child_moves(journeys_of(LIFE)).iloc[0]
    assert row["moves"] == 3 and row["unplanned"] == 2
    assert row["years"] == pytest.approx((300 + 300) / YEAR)


def test_moves_in_the_first_months_only() -> None:
    row = child_moves(journeys_of(LIFE), months=250 / MONTH).iloc[0]  # to day 150
    assert row["moves"] == 1
    assert row["years"] == pytest.approx(150 / YEAR)


def test_a_child_without_time_in_care_is_no_exposure() -> None:
    life = [(-100.0, W.FOSTER, W.AT_ENTRY), (-10.0, W.HOME, W.PLANNED)]
    assert len(child_moves(journeys_of(life))) == 0


def test_rates_add_up_over_groups(trial_run: Journeys) -> None:
    whole = move_rates(trial_run).iloc[0]
    for by in ("arm", "site", "borough", "court"):
        parts = move_rates(trial_run, (by,))
        for column in ("children", "child_years", "moves", "unplanned"):
            assert parts[column].sum() == pytest.approx(whole[column]), (by, column)
    assert 0.3 < whole["rate"] < 0.9


def test_moves_and_time_are_those_of_the_tidy_table(trial_run: Journeys) -> None:
    table = trial_run.placements
    care = table[table["in_care"]]
    until = care["end_days"].fillna(trial_run.end).clip(upper=trial_run.end)
    years = (until - care["start_days"].clip(lower=0)).clip(lower=0).sum() / YEAR
    moved = care["began_by"].isin(("unplanned_move", "planned_move")) & (care["start_days"] >= 0)
    whole = move_rates(trial_run).iloc[0]
    assert whole["child_years"] == pytest.approx(years)
    assert whole["moves"] == moved.sum()


def test_windows_add_up(trial_run: Journeys) -> None:
    later = child_moves(trial_run, since=1500.0)
    earlier = child_moves(trial_run)
    assert later["moves"].sum() < earlier["moves"].sum()
    both = earlier.set_index("child")["years"] - later.set_index("child")["years"]
    assert (both.dropna() >= -1e-9).all() and (both.dropna() <= 1500.0 / YEAR + 1e-9).all()


def test_an_unknown_group_is_refused(trial_run: Journeys) -> None:
    with pytest.raises(ValueError, match="'colour', allowed 'arm'"):
        move_rates(trial_run, ("colour",))


def march(year: int) -> float:
    return float((dt.date(year, 4, 1) - dt.date(2018, 1, 1)).days)


def test_three_or_more_by_hand() -> None:
    two_moves = [
        (0.0, W.FOSTER, W.AT_ENTRY),
        (march(2018) + 50, W.FOSTER, W.UNPLANNED),
        (march(2018) + 90, W.FOSTER, W.UNPLANNED),
    ]
    only_status = [
        (0.0, W.FOSTER, W.AT_ENTRY),
        (march(2018) + 50, W.FOSTER, W.UNPLANNED),
        (march(2018) + 90, W.LONG_TERM_FOSTER, W.SAME_CARER),
    ]
    gone_home = [*two_moves, (march(2018) + 120, W.HOME, W.PLANNED)]
    status_before = [
        (0.0, W.FOSTER, W.AT_ENTRY),
        (march(2018) - 10, W.LONG_TERM_FOSTER, W.SAME_CARER),  # still the first placement on 1 April
        *two_moves[1:],
    ]
    j = journeys_of(two_moves, only_status, gone_home, status_before, end=march(2020) + 1)
    table = placements_in_year(j)
    got = (
        table.assign(with_three=table["placements"] >= 3)
        .groupby("year")["with_three"]
        .agg(["size", "sum", "mean"])
    )
    assert list(got.index) == [2018, 2019, 2020]
    assert got.loc[2019, "size"] == 3  # the third is at home on the day
    assert got.loc[2019, "sum"] == 2
    assert got.loc[2019, "mean"] == pytest.approx(2 / 3)
    assert got.loc[2020, "sum"] == 0  # one placement each in that year


def test_years_of_three_or_more_are_whole(trial_run: Journeys) -> None:
    years = placements_in_year(trial_run)["year"]
    end = trial_run.date(trial_run.end)
    assert years.max() == (end.year if end > dt.date(end.year, 3, 31) else end.year - 1)
    until = float((dt.date(2019, 4, 1) - trial_run.start_date).days)
    assert placements_in_year(trial_run, until=until)["year"].max() == 2019


def test_placements_of_two_years_are_counted_together() -> None:
    life = [
        (0.0, W.FOSTER, W.AT_ENTRY),
        (march(2018) + 50, W.FOSTER, W.UNPLANNED),
        (march(2019) + 50, W.FOSTER, W.PLANNED),
    ]
    j = journeys_of(life, end=march(2020) + 1)
    assert placements_in_year(j).set_index("year")["placements"].to_dict() == {2018: 1, 2019: 2, 2020: 2}
    assert placements_in_year(j, years=2).set_index("year")["placements"].to_dict() == {2019: 2, 2020: 3}


def test_a_placement_goes_on_under_a_new_status() -> None:
    lives = [
        [(-100.0, W.FOSTER, W.AT_ENTRY), (50.0, W.LONG_TERM_FOSTER, W.SAME_CARER), (80.0, W.FOSTER, W.UNPLANNED)],
        [(10.0, W.KINSHIP_FOSTER, W.AT_ENTRY), (30.0, W.SPECIAL_GUARDIANSHIP, W.SAME_CARER)],
        [(10.0, W.FOSTER, W.AT_ENTRY)],  # not ended
        [(-90.0, W.FOSTER, W.AT_ENTRY), (-10.0, W.HOME, W.PLANNED)],  # ended before the window
        [(0.0, W.RESIDENTIAL, W.AT_ENTRY), (50.0, W.LONG_TERM_FOSTER, W.SAME_CARER), (80.0, W.HOME, W.PLANNED)],
    ]  # fmt: skip
    ended = ended_placements(journeys_of(*lives))
    assert ended["child"].tolist() == [0, 3, 12]
    assert ended["days"].tolist() == [180.0, 20.0, 30.0]
    assert ended["ended_by"].astype(str).tolist() == ["unplanned_move", "same_carer", "planned_move"]


def test_home_and_back_by_hand() -> None:
    lives = [
        [(0.0, W.FOSTER, W.AT_ENTRY), (100.0, W.HOME, W.PLANNED), (300.0, W.FOSTER, W.RE_ENTRY)],
        [(0.0, W.FOSTER, W.AT_ENTRY), (100.0, W.HOME, W.PLANNED), (600.0, W.FOSTER, W.RE_ENTRY)],  # later
        [(0.0, W.FOSTER, W.AT_ENTRY), (100.0, W.HOME, W.PLANNED)],
        [(0.0, W.FOSTER, W.AT_ENTRY), (900.0, W.HOME, W.PLANNED)],  # not watched for a year
    ]
    got = returns_to_care(journeys_of(*lives))
    assert got["back"].tolist() == [True, False, False]
    assert got["home_days"].tolist() == [100.0, 100.0, 100.0]


def test_years_and_their_edges() -> None:
    j = journeys_of(end=400.0)
    years, edges = year_edges(j)
    assert years.tolist() == [2018, 2019] and edges.tolist() == [0.0, 365.0, 400.0]
    assert year_edges(journeys_of(end=365.0))[0].tolist() == [2018]
    assert year_edges(j, since=-1.0)[0].tolist() == [2017, 2018, 2019]
    assert year_in(j, np.array([-0.5, 0.0, 364.9, 365.0])).tolist() == [2017, 2018, 2018, 2019]
