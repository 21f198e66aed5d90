"""Episodes of care: spells, periods, time at risk and months, worked by hand; and the table that a run leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import journeys_of

from best_sim import Scenario, simulate
from best_sim.measures.episodes import (
    COLUMNS,
    EpisodesError,
    by_month,
    check_episodes,
    episodes_of,
    periods,
    spells,
    time_at_risk,
)
from best_sim.measures.stability import child_moves
from best_sim.pathway import Journeys
from best_sim.pathway import words as W

DAY = pd.Timedelta(days=1)
ZERO = pd.Timestamp("2020-01-01")
END = ZERO + 1000 * DAY

Row = tuple[int, float, float | None, str, str, str, str, str]
"""Child, begun, ended (days), legal status, placement, reason new, reason ended, reason for the change of placement."""


def table(*rows: Row, born: float = -100.0) -> pd.DataFrame:
    """Episodes with dates counted from `ZERO`."""
    return pd.DataFrame(
        {
            "child": [r[0] for r in rows],
            "born": pd.to_datetime([ZERO + born * DAY for _ in rows]),
            "sex": "F",
            "begun": pd.to_datetime([ZERO + r[1] * DAY for r in rows]),
            "ended": pd.to_datetime([pd.NaT if r[2] is None else ZERO + r[2] * DAY for r in rows]),
            "legal_status": [r[3] for r in rows],
            "placement": [r[4] for r in rows],
            "provider": "PR1",
            "reason_new": [r[5] for r in rows],
            "reason_ended": [r[6] or None for r in rows],
            "reason_place_change": [r[7] or None for r in rows],
        }
    )


BANDS = (0.0, 7.0, 30.0, 91.0, 182.0, 365.0)

JOURNEY = table(
    (1, 10, 24, "V2", "U6", "S", "X1", ""),
    (1, 24, 40, "C1", "U6", "L", "X1", "CREQB"),
    (1, 40, 100, "C1", "U6", "P", "X1", "CARPL"),
    (1, 100, 200, "C1", "U3", "P", "X1", "PLACE"),
    (1, 200, 300, "C2", "U4", "U", "X1", "LAREQ"),
    (1, 300, 400, "C2", "U6", "P", "E4A", ""),
    (1, 700, None, "V2", "U6", "S", "", ""),
)
"""One child: an unplanned move, a planned one, a change of status, another unplanned move, home, and back."""


def test_a_journey_is_cut_into_spells_as_by_hand() -> None:
    s = spells(JOURNEY, ZERO, END)
    assert s["placement_start"].tolist() == [10, 10, 40, 100, 200, 300, 700]
    assert s["period"].tolist() == [0] * 6 + [1]
    assert s["ends_in"].tolist() == [
        "same_carer", "unplanned_move", "planned_move", "same_carer", "unplanned_move", "home", "open",
    ]  # fmt: skip
    assert s["type"].tolist() == ["foster"] * 3 + ["kinship_foster", "long_term_foster", "foster", "foster"]
    assert s["history"].all()
    p = periods(s)
    assert p[["start", "end", "ends_in", "next_start"]].to_numpy().tolist() == [
        [10.0, 400.0, "home", 700.0],
        [700.0, np.inf, "open", np.inf],
    ]


def test_time_at_risk_is_cut_into_bands_of_the_placement_and_not_of_the_episode() -> None:
    r = time_at_risk(spells(JOURNEY, ZERO, END), (0.0, 7.0, 30.0))
    days = (r.groupby(["type", "band"])["years"].sum() * 365.25).round(6)
    # the first placement lasted 30 days in two episodes, the second 60, the last before home 100, the one after 300
    assert days["foster"].tolist() == [4 * 7.0, 4 * 23.0, 30.0 + 70.0 + 270.0]
    assert days["kinship_foster"].tolist() == [7.0, 23.0, 70.0]
    moves = r.groupby(["type", "band"])["moves"].sum()
    assert moves["foster"].tolist() == [0, 1, 0]
    assert moves["long_term_foster"].tolist() == [0, 0, 1]


def test_who_is_in_care_when_the_window_begins_counts_from_then_on_in_the_band_that_was_reached() -> None:
    e = table((1, -50, 60, "C1", "U6", "P", "X1", "CREQB"), (1, 60, None, "C1", "U6", "P", "", ""))
    s = spells(e, ZERO, END)
    assert not s["history"].any()
    r = time_at_risk(s, (0.0, 30.0, 91.0))
    got = (r.groupby("band")["years"].sum() * 365.25).round(6).to_dict()
    # of the first placement days 50 to 110 are seen, so 41 in the second band and 19 in the third
    assert got == {0: 30.0, 1: 41.0 + 61.0, 2: 19.0 + (940.0 - 91.0)}
    assert r.loc[r["moves"] == 1, "band"].tolist() == [2]


def test_a_placement_whose_begin_is_not_known_has_no_time_at_risk() -> None:
    e = table((1, -50, 60, "C2", "U6", "L", "X1", "CREQB"), (1, 60, 70, "C2", "U6", "P", "E4A", ""))
    r = time_at_risk(spells(e, ZERO, END), BANDS)
    assert r["years"].sum() * 365.25 == pytest.approx(10.0)
    assert r["moves"].sum() == 0


def test_what_ends_after_the_window_is_open() -> None:
    e = table((1, 10, 40, "C1", "U6", "S", "X1", "CREQB"), (1, 40, 90, "C1", "U6", "P", "E4A", ""))
    s = spells(e, ZERO, ZERO + 30 * DAY)
    assert s["ends_in"].tolist() == ["open"]
    r = time_at_risk(s, BANDS)
    assert r["years"].sum() * 365.25 == pytest.approx(20.0)
    assert r["moves"].sum() == 0


def test_a_stay_in_hospital_does_not_end_the_placement() -> None:
    e = table(
        (1, 10, 40, "C1", "U6", "S", "X1", ""),
        (1, 40, 45, "C1", "T1", "P", "X1", ""),
        (1, 45, 90, "C1", "U6", "P", "X1", "CREQO"),
        (1, 90, None, "C1", "U6", "P", "", ""),
    )
    s = spells(e, ZERO, END)
    assert s["placement_start"].tolist() == [10, 10, 10, 90]
    assert s["ends_in"].tolist() == ["same_carer", "same_carer", "unplanned_move", "open"]


def test_months_are_counted_as_by_hand() -> None:
    e = table(
        (1, 5, 20, "V2", "U6", "S", "X1", "CREQB"),
        (1, 20, 40, "V2", "U6", "P", "E4A", ""),
        (2, 35, None, "C1", "U6", "S", "", ""),
    )
    e["born"] = [
        ZERO - 100 * DAY,
        ZERO - 100 * DAY,
        ZERO - 4.9 * 365.25 * DAY,
    ]  # the second turns five on day 36.5
    months = pd.date_range("2020-01-01", "2020-04-01", freq="MS")
    m = by_month(spells(e, ZERO, END), ZERO, months)
    assert m["in_care"].tolist() == [1, 0, 0]  # child 2, in care at the end of February, is then five
    assert m["entries"].tolist() == [1, 1, 0]
    assert m["moves"].tolist() == [1, 0, 0]
    assert (m["years"] * 365.25).round(3).tolist() == [26.0, 9.0 + 1.525, 0.0]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.sampled_from("LPTUB"), st.sampled_from(["CREQB", "CARPL", ""])),
        min_size=1,
    ),
    st.integers(-300, 50),
    st.integers(1, 900),
)
def test_all_time_in_care_and_in_the_window_is_in_one_band(
    steps: list[tuple[int, str, str]], begin: int, window: int
) -> None:
    rows: list[Row] = []
    at = begin
    for k, (days, new, why) in enumerate(steps):
        last = k == len(steps) - 1
        place = "U6" if k % 2 or new in "LPB" else "U4"
        rows.append(
            (
                1,
                at,
                at + days,
                "C1",
                place,
                "S" if k == 0 else new,
                "E4A" if last else "X1",
                "" if last else why,
            )
        )
        at += days
    s = spells(table(*rows, born=-1000.0), ZERO, ZERO + window * DAY)
    r = time_at_risk(s, BANDS)
    seen = max(0.0, min(at, window) - max(begin, 0.0))
    assert r["years"].sum() * 365.25 == pytest.approx(seen, abs=1e-6)
    assert r["moves"].sum() == (s["ends_in"] == "unplanned_move").sum()
    assert (r["years"] > 0).all()


def test_all_that_is_wrong_is_said_at_once_without_naming_a_child() -> None:
    e = table(
        (901, 10, 5, "C1", "U6", "S", "X1", ""),
        (901, 20, None, "C1", "U66", "P", "", ""),
        (902, 20, None, "XX", "U6", "S", "", ""),
        (902, 30, 40, "C1", "U6", "P", "", ""),
    ).drop(columns="provider")
    with pytest.raises(EpisodesError) as found:
        check_episodes(e, END, ZERO)
    text = str(found.value)
    for words in (
        "the window ends before it begins", "provider", "this column is missing", "ended, row 1", "U66",
        "did you mean U6?", "legal_status, row 3", "an end needs a reason", "ended, row 3",
    ):  # fmt: skip
        assert words in text, words
    assert "901" not in text and "902" not in text


def test_dates_must_be_dates() -> None:
    e = JOURNEY.assign(begun=JOURNEY["begun"].astype(str))
    with pytest.raises(EpisodesError, match="must hold dates"):
        check_episodes(e, ZERO, END)


# --- from a run ---------------------------------------------------------------------------------------------
def test_a_run_made_by_hand_leaves_the_episodes_that_it_should() -> None:
    life = [
        (10.0, W.FOSTER, W.AT_ENTRY),
        (40.0, W.FOSTER, W.UNPLANNED),
        (100.0, W.KINSHIP_FOSTER, W.PLANNED),
        (200.0, W.LONG_TERM_FOSTER, W.SAME_CARER),
        (300.0, W.HOME, W.PLANNED),
        (400.0, W.FOSTER, W.RE_ENTRY),
    ]
    events = [(24.0, W.PROCEEDINGS_ISSUED, 0, 0.0), (180.0, W.ORDER_MADE, 0, float(W.CARE_ORDER))]
    e = episodes_of(journeys_of(life, events=events, route=[W.VOLUNTARY]))
    assert set(COLUMNS) < set(e)
    assert e["reason_new"].tolist() == ["S", "L", "P", "P", "L", "T", "S"]
    assert e["legal_status"].tolist() == ["V2", "C1", "C1", "C1", "C2", "C2", "V2"]
    assert e["placement"].tolist() == ["U6", "U6", "U6", "U3", "U3", "U4", "U6"]
    assert e["reason_ended"].fillna("").tolist() == ["X1", "X1", "X1", "X1", "X1", "E4A", ""]
    assert e["reason_place_change"].fillna("").tolist() == ["", "CREQB", "CARPL", "", "PLACE", "", ""]
    zero = pd.Timestamp(journeys_of(life).start_date)
    assert ((e["begun"] - zero) / DAY).tolist() == [10, 24, 40, 100, 180, 200, 400]
    assert ((e["ended"] - zero) / DAY).tolist()[:-1] == [24, 40, 100, 180, 200, 300]
    assert e["ended"].isna().tolist() == [False] * 6 + [True]


@pytest.fixture(scope="module")
def run() -> Journeys:
    return simulate(Scenario.load("glasgow"), seed=5)


def test_the_episodes_of_a_run_hold_together_as_the_return_wants_them(run: Journeys) -> None:
    e = episodes_of(run)
    assert (e["ended"].isna() | (e["ended"] >= e["begun"] + DAY)).all()  # rule 355: at least one day
    same = e["child"] == e["child"].shift()
    follows = same & (e["begun"] == e["ended"].shift())
    assert ((e["reason_ended"] == "X1") == follows.shift(-1, fill_value=False)).all()  # rule 388
    assert (e.loc[~same, "reason_new"] == "S").all()  # rule 357
    law = e["legal_status"] != e["legal_status"].shift()
    place = e["placement"] != e["placement"].shift()
    within = follows & (e["reason_new"] != "S")
    assert not (within & ~law & ~place & (e["reason_new"] != "P")).any()
    assert (law[within] == e.loc[within, "reason_new"].isin(["L", "B", "U"])).all()  # rules 434 to 436
    assert e.loc[e["placement"].isin(["A5", "A6"]), "legal_status"].eq("E1").all()  # rule 408
    assert e.loc[e["reason_ended"] == "E12", "placement"].isin(["A3", "A4", "A5", "A6"]).all()  # rule 390
    born = e["born"] <= e["begun"]
    assert born.all()


def test_moves_and_time_in_care_are_those_that_stability_counts(run: Journeys) -> None:
    e = episodes_of(run, whole_days=False)
    window = (pd.Timestamp(run.start_date), pd.Timestamp(run.start_date) + run.end * DAY)
    s = spells(e, *window)
    months = pd.DatetimeIndex([window[0], window[1]])
    got = by_month(s, window[0], months, under=100.0).iloc[0]
    expected = child_moves(run)
    assert got["moves"] == expected["moves"].sum()
    assert got["years"] == pytest.approx(expected["years"].sum(), rel=1e-9)
    assert (s["ends_in"] == "unplanned_move").sum() == expected["unplanned"].sum()


def test_a_borough_that_is_not_there_is_refused(run: Journeys) -> None:
    with pytest.raises(ValueError, match="allowed glasgow"):
        episodes_of(run, borough="croydon")
