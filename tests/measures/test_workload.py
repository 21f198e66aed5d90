"""Workload: what the tables say is what the driver itself counted, and by hand on small ones."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from lives import journeys_of

from best_sim.measures.workload import children_in_care, clinician_time, lift_use, lift_waits, received
from best_sim.pathway import Journeys
from best_sim.pathway import words as W


def test_what_is_in_use_by_year_is_what_clinicians_worked(trial_run: Journeys) -> None:
    use = lift_use(trial_run, since=trial_run.start)
    starts = [dt.date(y, 1, 1) for y in range(use["year"].min() + 1, use["year"].max() + 1)]
    edges = [trial_run.start, *[(d - trial_run.start_date).days for d in starts], trial_run.end]
    use["days"] = np.tile(np.diff(edges), len(trial_run.names["teams"]))
    work = clinician_time(trial_run)
    waits = lift_waits(trial_run, since=trial_run.start)
    for number, (team, mine) in enumerate(use.groupby("team", sort=False)):
        ours = work.team == number
        spent = np.minimum(work.end[ours], trial_run.end) - work.start[ours]
        assert (mine["in_use"] * mine["days"]).sum() == pytest.approx(spent.sum())
        asked = waits[waits["team"] == team]
        waited = (asked["left_days"] - asked["asked_days"]).sum()
        assert (mine["waiting"] * mine["days"]).sum() == pytest.approx(waited)
        assert mine["asked"].sum() == len(asked)
        assert mine["started"].sum() == (asked["outcome"] == "started").sum()
        assert mine["gave_up"].sum() == asked["outcome"].isin(["gave up", "court would not wait"]).sum()
        known = mine[mine["places"].notna()]
        assert len(known) > 3 and set(known["busiest"]) <= set(W.PROFESSIONS)
        assert (known["busiest_occupancy"] >= known["occupancy"] - 1e-9).all()


def test_what_became_of_requests_by_hand() -> None:
    nan = np.nan
    j = journeys_of(
        [], [], [], [], [],
        receipt=[W.RECEIVED, W.WAITED_TOO_LONG, W.FAMILY_DECLINED, W.PENDING, W.ORDER_MADE_FIRST],
        lift_asked=[10.0, 20.0, 30.0, 900.0, 40.0],
        lift_started=[15.0, nan, nan, nan, nan],
        lift_freed=[115.0, nan, nan, nan, nan],
        settled=[100.0, 140.0, 30.0, nan, 50.0],
        lift_waited=[1, 1, 0, 1, 1],
        clinicians=[(1, 1, 0)] + 4 * [(0, 0, 0)],
        events=[
            (0.0, W.SOCIAL_WORK_PLACES, 0, 2.0), (0.0, W.PSYCHOLOGY_PLACES, 0, 1.0), (0.0, W.PSYCHIATRY_PLACES, 0, 0.0),
            (73.0, W.SOCIAL_WORK_PLACES, 0, 1.0),
        ],
    )  # fmt: skip
    waits = lift_waits(j)
    assert waits["outcome"].tolist() == ["started", "gave up", "still waiting", "order made first"]
    assert (waits["left_days"] - waits["asked_days"]).tolist() == [5.0, 120.0, 100.0, 10.0]
    assert waits["held_days"].tolist()[:1] == [100.0]
    first = lift_use(j).set_index("year").loc[2018]
    assert first["places"] == pytest.approx((73 * 2 + 292) / 365 + 1)
    assert first["in_use"] == pytest.approx(2 * 100 / 365)
    assert (first["busiest"], first["busiest_occupancy"]) == ("psychologists", pytest.approx(100 / 365))
    assert first["waiting"] == pytest.approx((5 + 120 + 10) / 365)
    assert first["mean_wait"] == 5.0
    assert np.isnan(lift_use(j, since=-10.0)["places"].iloc[0])  # before the scenario says how many


def test_received_is_the_share_of_those_of_whom_it_is_known(trial_run: Journeys) -> None:
    j = journeys_of(
        [], [], [], [], arm=[W.LIFT, W.LIFT, W.LIFT, W.SAU], ineligible=[np.nan, np.nan, 5.0, np.nan],
        receipt=[W.RECEIVED, W.PENDING, W.RECEIVED, W.NOT_ASSESSED],
    )  # fmt: skip
    got = received(j).set_index("arm")
    assert got.loc["LIFT", ["families", "settled", "received"]].tolist() == [2, 1, 1]
    assert got.loc["SAU", "share"] == 0.0
    services = trial_run.services.merge(trial_run.families[["family", "ineligible_days"]], on="family")
    known = services[services["ineligible_days"].isna() & (services["receipt"] != "pending")]
    whole = received(trial_run, ()).iloc[0]
    assert whole["share"] == pytest.approx((known["receipt"] == "received").mean())


def test_children_in_care_on_a_day(trial_run: Journeys) -> None:
    lives = [
        [(0.0, W.FOSTER, W.AT_ENTRY), (100.0, W.HOME, W.PLANNED), (300.0, W.RESIDENTIAL, W.RE_ENTRY)],
        [(50.0, W.FOSTER, W.AT_ENTRY)],
    ]
    day = dt.date(2018, 1, 1)
    dates = [day + dt.timedelta(days=k) for k in (60, 200, 400)]
    got = children_in_care(journeys_of(*lives), dates)
    assert got["children"].tolist() == [2, 1, 1, 1]
    assert got["type"].astype(str).tolist() == ["foster", "foster", "foster", "residential"]
    date = dt.date(2020, 6, 1)
    at = (date - trial_run.start_date).days
    p = trial_run.placements
    now = p[p["in_care"] & (p["start_days"] < at) & ~(p["end_days"] < at)]
    assert children_in_care(trial_run, [date])["children"].sum() == len(now)
    assert children_in_care(trial_run, [date], by=("borough",))["children"].sum() == len(now)
