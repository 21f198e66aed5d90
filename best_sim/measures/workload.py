"""Workload: waits for LIFT and how full its teams are, what courts hear, how many children are in care."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from best_sim.measures.observed import (
    Floats,
    Ints,
    day_of,
    grouped,
    labels,
    named,
    overlap,
    ratio,
    stays_of,
    year_edges,
    year_in,
)
from best_sim.pathway import words as W
from best_sim.pathway.rules.services import BY_PSYCHOLOGIST

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

TRIAL, OTHERS = "trial", "others"


def lift_waits(journeys: Journeys, since: float = 0.0) -> pd.DataFrame:
    """What became of every request for a place in a LIFT team.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date` from which requests are counted.

    Returns
    -------
    pandas.DataFrame
        One row for each family that asked: team, who ("trial", or "others": families outside it who use the same
        team), year (of the request), asked_days, left_days (when the waiting ended, or the run), outcome ("started",
        "gave up", "court would not wait", "order made first", "still waiting"), held_days (days for which places were
        held from the start: those of the assessment, or of the whole stay of a family outside the trial; NaN where none
        were, or still are). A family that declined, or for which LIFT was not possible, or whose court would not have
        waited for it in any case, never waited, and is left out.
    """
    team, who, asked, started, freed, left, outcome = _requests(journeys)
    use = (asked >= since) & (asked <= journeys.end)
    return pd.DataFrame(
        {
            "team": named(journeys.names["teams"], team[use]),
            "who": np.asarray((TRIAL, OTHERS), object)[who[use]],
            "year": year_in(journeys, asked[use]),
            "asked_days": asked[use],
            "left_days": np.minimum(left[use], journeys.end),
            "outcome": np.asarray(_OUTCOMES, object)[outcome[use]],
            "held_days": (freed - started)[use],
        }
    )


def lift_use(journeys: Journeys, since: float = 0.0) -> pd.DataFrame:
    """Waiting and occupancy of every LIFT team in each year.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date`; what was before it is left out.

    Returns
    -------
    pandas.DataFrame
        One row for each team and calendar year: team, year, places (mean, of all professions together; NaN in years
        before the scenario says how many), in_use (mean), occupancy (their ratio; it may pass one after places were
        taken away, since families keep theirs), busiest (the profession with the highest occupancy) and its
        busiest_occupancy, waiting (mean number), asked, started, gave_up (families who asked in the year: their own
        patience or the court's ran out), mean_wait and median_wait (days, of those who asked in the year and started).
    """
    team, _, asked, started, _, left, outcome = _requests(journeys)
    work = clinician_time(journeys)
    years, edges = year_edges(journeys, since)
    asked_year = np.searchsorted(edges, asked, side="right") - 1
    rows = []
    for number, name in enumerate(journeys.names["teams"]):
        mine = team == number
        series = [_places(journeys, number, event) for event in W.TEAM_PLACES]
        for k, year in enumerate(years):
            low, high = edges[k], edges[k + 1]
            days = high - low
            uses, places = np.zeros(len(series)), np.full(len(series), np.nan)
            for profession, (change, values) in enumerate(series):
                ours = (work.team == number) & (work.profession == profession)
                uses[profession] = overlap(work.start[ours], work.end[ours], low, high).sum() / days
                if len(values) and change[0] <= low:
                    places[profession] = (overlap(change[:-1], change[1:], low, high) * values).sum() / days
            of_each = np.divide(uses, places, out=np.full(len(uses), np.nan), where=places > 0)
            busiest = int(np.nanargmax(of_each)) if not np.isnan(of_each).all() else -1
            use, there = float(uses.sum()), float(places.sum())
            queue = float(overlap(asked[mine], left[mine], low, high).sum()) / days
            now = mine & (asked_year == k)
            began = now & (outcome == _STARTED)
            waits = (started - asked)[began]
            rows.append(
                {
                    "team": name,
                    "year": int(year),
                    "places": there,
                    "in_use": use,
                    "occupancy": use / there if there > 0 else np.nan,
                    "busiest": W.PROFESSIONS[busiest] if busiest >= 0 else "",
                    "busiest_occupancy": float(of_each[busiest]) if busiest >= 0 else np.nan,
                    "waiting": queue,
                    "asked": int(now.sum()),
                    "started": int(began.sum()),
                    "gave_up": int((now & ((outcome == _GAVE_UP) | (outcome == _NO_TIME))).sum()),
                    "mean_wait": float(waits.mean()) if len(waits) else np.nan,
                    "median_wait": float(np.median(waits)) if len(waits) else np.nan,
                }
            )
    return pd.DataFrame(rows)


def received(journeys: Journeys, by: Sequence[str] = ("arm",)) -> pd.DataFrame:
    """Share of randomised families that received the service to which they were allocated.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"arm", "site", "borough", "court"}

    Returns
    -------
    pandas.DataFrame
        One row for each group: families (eligible and randomised), settled (of which it is known), received, share (of
        those settled).

    Notes
    -----
    Published: under 70 % of families (66.4 % of those eligible). What counts is in the decision record on what
    "received" means.
    """
    f = journeys.tables["families"]
    family = np.flatnonzero((f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"]))
    receipt = f["receipt"][family]
    columns = {
        **labels(journeys, family, by),
        "families": np.ones(len(family), int),
        "settled": (receipt != W.PENDING).astype(int),
        "received": (receipt == W.RECEIVED).astype(int),
    }
    out = grouped(columns, by)
    out["share"] = ratio(out["received"], out["settled"])
    return out


def children_in_care(
    journeys: Journeys, dates: Sequence[dt.date] | None = None, by: Sequence[str] = ()
) -> pd.DataFrame:
    """Children in care on some days, by where they live.

    Parameters
    ----------
    journeys : Journeys
    dates : sequence of datetime.date, optional
        Counted in the morning; by default every 31 March of the run.
    by : sequence of {"arm", "site", "borough", "court"}
        Groups beside the type of placement.

    Returns
    -------
    pandas.DataFrame
        One row for each day, group and placement type that is not empty: date, type, children.
    """
    if dates is None:
        first, last = journeys.date(journeys.start), journeys.date(journeys.end)
        dates = [dt.date(y, 3, 31) for y in range(first.year, last.year + 1)]
        dates = [date for date in dates if first <= date <= last]
    stays = stays_of(journeys)
    care = stays[stays.in_care]
    days = np.asarray([day_of(journeys, date) for date in dates])
    date, stay = np.nonzero((care.start < days[:, None]) & (care.end >= days[:, None]))
    columns = {
        "date": np.asarray(dates, "datetime64[s]")[date],
        **labels(journeys, care.family[stay], by),
        "type": named(W.PLACEMENT_TYPES, care.place[stay]),
        "children": np.ones(len(stay), int),
    }
    return grouped(columns, ("date", *by, "type"))


_OUTCOMES = ("started", "gave up", "order made first", "still waiting", "court would not wait")
_STARTED, _GAVE_UP, _ORDER_FIRST, _WAITING, _NO_TIME = range(5)


class ClinicianTime(NamedTuple):
    """Stretches of time for which a clinician of a team had a place for a family: one for each.

    Attributes
    ----------
    team, profession : numpy.ndarray of int
        Rows of the table of teams; numbers in `words.PROFESSIONS`.
    start, end : numpy.ndarray of float
        Days; infinite where it has not ended.
    """

    team: Ints
    profession: Ints
    start: Floats
    end: Floats


def clinician_time(journeys: Journeys) -> ClinicianTime:
    """When clinicians of LIFT teams worked with families: assessment, treatment with parents and with carers, others.

    What a family took from one profession while it still waited for another is not in it.
    """
    f, o = journeys.tables["families"], journeys.tables["others"]
    parts: list[tuple[Ints, Ints, Floats, Floats]] = []

    def add(rows: np.ndarray, profession: Ints, start: Floats, end: Floats) -> None:
        use = ~np.isnan(start)
        ends = np.where(np.isnan(end), np.inf, end)
        parts.append((rows["team"][use], profession[use], start[use], ends[use]))

    for k in range(len(W.PROFESSIONS)):
        assessed, other = f[f["clinicians"][:, k] == 1], o[o["clinicians"][:, k] == 1]
        add(assessed, np.full(len(assessed), k), assessed["lift_started"], assessed["lift_freed"])
        until = other["ended"] if k == W.SOCIAL_WORKER else other["assessed"]
        add(other, np.full(len(other), k), other["started"], until)
    add(f, _therapists(f["treatment"]), f["treatment_started"], f["treatment_ended"])
    for family, treatment, begun, over in carers_treatments(journeys):
        row = f[family : family + 1]
        add(row, _therapists(np.array([treatment])), np.array([begun]), np.array([over]))
    team, profession, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
    return ClinicianTime(team, profession, start, end)


def carers_treatments(journeys: Journeys) -> list[tuple[int, int, float, float]]:
    """Every stretch of LIFT's work with carers: family, number of the treatment, begun, ended (NaN: goes on)."""
    r = journeys.record
    r = r[np.isin(r["event"], (W.CARERS_TREATMENT_STARTED, W.CARERS_TREATMENT_ENDED))]
    last: dict[int, int] = {}
    out: list[tuple[int, int, float, float]] = []
    for row in r:
        family, time = int(row["subject"]), float(row["time"])
        if row["event"] == W.CARERS_TREATMENT_STARTED:
            last[family] = len(out)
            out.append((family, int(row["value"]), time, np.nan))
        else:
            begun = out[last[family]]
            out[last[family]] = (*begun[:3], time)
    return out


def _therapists(treatment: Ints) -> Ints:
    return np.where(treatment == BY_PSYCHOLOGIST, W.PSYCHOLOGIST, W.SOCIAL_WORKER)


def _requests(journeys: Journeys) -> tuple[Ints, Ints, Floats, Floats, Floats, Floats, Ints]:
    """Requests for a LIFT place: team, trial or others, when asked, started, freed, when waiting ended, and how.

    A time that has not come is infinite; a start that never will is NaN, as is the freeing of a place never held.
    """
    f, o = journeys.tables["families"], journeys.tables["others"]
    f = f[f["lift_waited"] == 1]
    o = o[o["asked"] <= journeys.end]
    team = np.concatenate([f["team"], o["team"]])
    who = np.repeat([0, 1], [len(f), len(o)])
    asked = np.concatenate([f["lift_asked"], o["asked"]])
    started = np.concatenate([f["lift_started"], o["started"]])
    freed = np.concatenate([f["lift_freed"], o["ended"]])
    theirs = np.where(np.isnan(o["gave_up"]), W.PENDING, W.WAITED_TOO_LONG)
    receipt = np.concatenate([f["receipt"], theirs])
    settled = np.concatenate([f["settled"], o["gave_up"]])
    began = ~np.isnan(started)
    outcome = np.full(len(asked), _WAITING)
    outcome[receipt == W.WAITED_TOO_LONG] = _GAVE_UP
    outcome[receipt == W.COURT_WOULD_NOT_WAIT] = _NO_TIME
    outcome[receipt == W.ORDER_MADE_FIRST] = _ORDER_FIRST
    outcome[began] = _STARTED  # the order may come first also in the assessment: that family did start
    left = np.where(began, started, np.where(np.isnan(settled), np.inf, settled))
    freed = np.where(began & np.isnan(freed), np.inf, freed)
    return team, who, asked, started, freed, left, outcome


def _places(journeys: Journeys, team: int, event: int) -> tuple[Floats, Floats]:
    """When a profession's places changed, with the end of the run after them, and how many they were from then on."""
    record = journeys.record
    rows = record[(record["event"] == event) & (record["subject"] == team)]
    return np.append(rows["time"], np.inf), rows["value"].astype(np.float64)
