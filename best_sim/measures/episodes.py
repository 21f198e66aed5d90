"""Episodes of care: the tidy table of a local authority's children looked after, and what is derived from it.

An episode is a stretch of care with one legal status, one placement and one carer, as the SSDA903 return records it
(Department for Education, Children looked after by local authorities in England: guide to the SSDA903 collection). The
table has one row for each episode, with the columns of `COLUMNS`; a column `family`, which the return does not have,
may name siblings. From it come

- periods of care: episodes that follow one another without a gap (`periods`);
- spells: episodes with what the hazard of a move depends on (`spells`): the model's placement type, the begin of the
  placement (the same type with the same carer), the child's age, earlier unplanned moves, and how the episode ended;
- time at risk in the window that is observed, cut into bands of time in the placement (`time_at_risk`).

A window has two ends. Who is in care when it begins is seen only from then on, though the begin of the episode is on
record: time before the window is never counted as time at risk (delayed entry), and earlier moves are not known. What
is open when the window ends is censored.

`episodes_of` writes the same table from a model run, so that both are counted by the same rules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.measures.observed import stays_of
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario.durations import YEAR
from best_sim.scenario.problems import Problem, ProblemsError, nearest_name

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

Day = dt.date | pd.Timestamp | str

COLUMNS = (
    "child",
    "born",
    "sex",
    "begun",
    "ended",
    "legal_status",
    "placement",
    "provider",
    "reason_new",
    "reason_ended",
    "reason_place_change",
)
"""Columns of the table of episodes."""

PLACE_TYPES = {
    **dict.fromkeys(("U1", "U3", "Q1"), "kinship_foster"),
    "U4": "long_term_foster",
    **dict.fromkeys(("U2", "U5"), "early_permanence"),
    **dict.fromkeys(("U6", "Q2"), "foster"),
    **dict.fromkeys(("A3", "A4", "A5", "A6"), "placed_for_adoption"),
    "P1": "with_parents",
    "R3": "parent_and_baby",
    "R2": "hospital",
    **dict.fromkeys(("K1", "K2", "K3", "R1", "S1", "H5"), "residential"),
}
"""The model's placement type for each PLACE code; other codes (prison, ...) have none.

An assumption: long-term care by relatives (U1) counts as kinship foster care. A return does not tell bridging foster
care from other foster care (U6).
"""
OTHER_PLACES = ("P2", "P3", "R5", "Z1", "Z11", "Z12", "Z13", "Z14")
TEMPORARY_PLACES = ("T0", "T1", "T2", "T3", "T4")
"""A stay in hospital, or with a stand-in, between two with the carer: the placement itself goes on."""

NEW_CARER = ("S", "P", "B")
"""Reasons for a new episode with which the carer is new: care begins, placement, or placement and legal status."""
SAME_CARER = ("L", "T", "U")
UNPLANNED_REASONS = ("CREQB", "CREQO", "ALLEG", "STAND", "APPRR", "CHILD", "LAREQ")
"""Reasons for a change of placement that was not planned: carer, child or authority asked for it, or standards."""
OTHER_REASONS = ("CARPL", "CLOSE", "PLACE", "CUSTOD", "OTHER")

ROUTE_OF = {
    "V2": "voluntary",
    **dict.fromkeys(("L1", "L2", "L3"), "emergency"),
    **dict.fromkeys(("C1", "C2", "D1", "E1"), "interim_or_care_order"),
}
"""Legal route into care, by the legal status of the first episode."""
OTHER_STATUSES = ("J1", "J2", "J3", "V3", "V4")
IN_PROCEEDINGS = ("C1", "C2", "E1", "D1")

EXITS = {
    **dict.fromkeys(("E4A", "E4B"), "home"),
    "E41": "child_arrangements",
    **dict.fromkeys(("E43", "E44", "E45", "E46", "E47", "E48"), "special_guardianship"),
    **dict.fromkeys(("E11", "E12"), "adoption"),
    **dict.fromkeys(("E13", "E5", "E6", "E7", "E8", "E9", "E14", "E15", "E16", "E17", "E4"), "other"),
}
"""Where a child goes who leaves care, by REC; E43 and E44 are older codes of guardianship.

Death (E2) and another authority (E3) end what is seen: censored.
"""
LOST = ("E2", "E3")
NEXT_EPISODE = "X1"

_KNOWN = {
    "legal_status": (*ROUTE_OF, *OTHER_STATUSES),
    "placement": (*PLACE_TYPES, *OTHER_PLACES, *TEMPORARY_PLACES),
    "reason_new": (*NEW_CARER, *SAME_CARER),
    "reason_ended": (NEXT_EPISODE, *EXITS, *LOST),
    "reason_place_change": (*UNPLANNED_REASONS, *OTHER_REASONS),
}
_MAY_BE_BLANK = ("reason_ended", "reason_place_change")
_ROWS_SHOWN = 5


class EpisodesError(ProblemsError):
    """A table of episodes that can't be used, with everything that is wrong with it."""

    what = "episodes"


def check_episodes(episodes: pd.DataFrame, window_start: Day, window_end: Day) -> None:
    """Refuse a table of episodes that can't be used.

    Parameters
    ----------
    episodes : pandas.DataFrame
        One row for each episode; see `COLUMNS`.
    window_start, window_end : date
        What is observed.

    Raises
    ------
    EpisodesError
        With all that is wrong: columns, dates, codes, overlaps. Rows are named by their position, never by the child.
    """
    problems = list(_problems(episodes, pd.Timestamp(window_start), pd.Timestamp(window_end)))
    if problems:
        raise EpisodesError(problems)


def spells(episodes: pd.DataFrame, window_start: Day, window_end: Day) -> pd.DataFrame:
    """Episodes with what the hazard of a move depends on.

    Parameters
    ----------
    episodes : pandas.DataFrame
        One row for each episode; see `COLUMNS`.
    window_start, window_end : date
        What is observed: from the morning of the one to the morning of the other.

    Returns
    -------
    pandas.DataFrame
        One row for each episode that reaches into the window, in order of child and time. Days count from
        `window_start`.

        child, family : int, running numbers (each child is its own family where no column `family` says otherwise);
        start, end : days, `end` infinite where the episode is open when the window ends;
        born : day of birth; boy : bool;
        type : the model's placement type, or "" where it has none;
        legal_status; place;
        period : number of the child's period of care, 0 first;
        begins_period, begins_placement : bool;
        placement_start : day on which the placement began, NaN where that is not known;
        history : whether everything since the child came into care is seen;
        ends_in : "unplanned_move", "planned_move" (or one for which no such reason was given), "same_carer", an exit of
        `EXITS`, "lost" (died, another authority, not followed up), or "open".

    Raises
    ------
    EpisodesError
        If the table can't be used.
    """
    check_episodes(episodes, window_start, window_end)
    zero = pd.Timestamp(window_start)
    span = _days(pd.Series([pd.Timestamp(window_end)]), zero)[0]
    child = pd.factorize(episodes["child"])[0]
    start = _days(episodes["begun"], zero)
    order = np.lexsort((start, child))
    e = episodes.iloc[order].reset_index(drop=True)
    child, start = child[order], start[order]
    end = _days(e["ended"], zero)
    end = np.where(np.isnan(end) | (end > span), np.inf, end)
    use = start < span
    first = np.append(True, child[1:] != child[:-1]) if len(child) else np.zeros(0, bool)
    place, new = e["placement"].astype(str).to_numpy(object), e["reason_new"].astype(str).to_numpy(object)
    follows = ~first & (np.append(np.inf, end[:-1])[: len(end)] == start) & (new != "S")
    begins_period = ~follows

    temporary = np.isin(place, TEMPORARY_PLACES)
    at = np.maximum.accumulate(np.where(~temporary | begins_period, np.arange(len(e)), 0))
    lives = place[at]  # where the child lives, or has gone from for a while
    before = np.append("", lives[:-1])[: len(lives)]
    back = follows & np.append(False, temporary[:-1])[: len(lives)] & (lives == before)
    new_carer = begins_period | (np.isin(new, NEW_CARER) & ~temporary & ~back)
    type_ = np.asarray([PLACE_TYPES.get(p, "") for p in lives], object)
    begins = new_carer | (type_ != np.append("", type_[:-1])[: len(type_)])
    known = np.where(begins_period & (new != "S"), np.isin(new, ("P", "B", "T", "U")), True)
    placement_start = _carried(np.where(known, start, np.nan), begins)

    reason = e["reason_place_change"].fillna("").astype(str).to_numpy(object)
    leaves = e["reason_ended"].fillna("").astype(str).to_numpy(object)
    goes_on = np.append(follows[1:], False) if len(e) else follows
    next_new = np.append(new_carer[1:], False) if len(e) else new_carer
    unplanned = goes_on & next_new & np.isin(reason, UNPLANNED_REASONS)
    exits = np.asarray([EXITS.get(code, "lost") for code in leaves], object)
    ends_in = np.where(
        goes_on,
        np.where(unplanned, "unplanned_move", np.where(next_new, "planned_move", "same_carer")),
        np.where(np.isinf(end), "open", exits),
    )
    # what ends after the window has not been seen to end
    ends_in = np.where(np.isinf(end), "open", ends_in)

    seen_from_start = _carried((new == "S") & (start >= 0.0), first).astype(bool)
    family = e["family"] if "family" in e else e["child"]
    out = pd.DataFrame(
        {
            "child": child,
            "family": pd.factorize(family)[0],
            "start": start,
            "end": end,
            "born": _days(e["born"], zero),
            "boy": e["sex"].astype(str).isin(["1", "M"]).to_numpy(),
            "type": type_,
            "legal_status": e["legal_status"].astype(str).to_numpy(object),
            "place": place,
            "period": _count(begins_period, first),
            "begins_period": begins_period,
            "begins_placement": begins,
            "placement_start": placement_start,
            "history": seen_from_start,
            "ends_in": ends_in,
            "period_known": _carried(np.where(begins_period, new == "S", False), begins_period).astype(bool),
        }
    )
    out = out[use & (end > 0.0)].reset_index(drop=True)
    out.attrs["span"] = float(span)
    return out


def periods(table: pd.DataFrame) -> pd.DataFrame:
    """Periods of care: from coming into care to leaving it.

    Parameters
    ----------
    table : pandas.DataFrame
        As `spells` returns it.

    Returns
    -------
    pandas.DataFrame
        One row for each child and period: child, family, period, start, end (days; infinite while open), born, boy,
        legal_status, type and place (of the first episode seen), seen (whether it began within the window), ends_in
        (an exit, "lost" or "open"), next_start (of the child's next period; infinite if none), history.
    """
    by = table.groupby(["child", "period"], sort=True)
    firsts = by.first()
    out = firsts[["family", "start", "born", "boy", "legal_status", "type", "place", "history"]].copy()
    out["seen"] = firsts["period_known"] & (firsts["start"] >= 0.0)
    last = by.last()
    out["end"], out["ends_in"] = last["end"], last["ends_in"]
    out = out.reset_index()
    child = out["child"].to_numpy()
    same = np.append(child[1:] == child[:-1], False) if len(out) else np.zeros(0, bool)
    out["next_start"] = np.where(same, np.append(out["start"].to_numpy()[1:], np.inf)[: len(out)], np.inf)
    return out


def time_at_risk(table: pd.DataFrame, edges: Sequence[float]) -> pd.DataFrame:
    """Time in which an unplanned move could have been seen, cut by time in the placement.

    Parameters
    ----------
    table : pandas.DataFrame
        As `spells` returns it.
    edges : sequence of float
        Days since the placement began at which the bands begin; the first is 0, the last band has no end.

    Returns
    -------
    pandas.DataFrame
        One row for each spell and band with time at risk in the window: child, family, type, band (0 first), age
        (years when the episode began; of the youngest of siblings who came there together), history, years (at risk),
        moves (unplanned). Placements whose begin is not known, and places that the model does not
        have, are left out.
    """
    span = table.attrs["span"]
    s = table[(table["type"] != "") & table["placement_start"].notna()]
    begin = s["placement_start"].to_numpy()
    low = np.maximum(s["start"].to_numpy(), 0.0) - begin
    high = np.minimum(s["end"].to_numpy(), span) - begin
    moved = (s["ends_in"] == "unplanned_move").to_numpy()
    # siblings who come to a placement together move together, and the model's hazard knows the youngest's age
    youngest = s.groupby(["family", "start", "place"])["born"].transform("max")
    age = (s["start"].to_numpy() - youngest.to_numpy()) / YEAR
    parts = []
    for k, edge in enumerate(edges):
        until = edges[k + 1] if k + 1 < len(edges) else np.inf
        days = np.minimum(high, until) - np.maximum(low, edge)
        use = days > 0.0
        parts.append(
            pd.DataFrame(
                {
                    "child": s["child"].to_numpy()[use],
                    "family": s["family"].to_numpy()[use],
                    "type": s["type"].to_numpy()[use],
                    "band": k,
                    "age": age[use],
                    "history": s["history"].to_numpy()[use],
                    "years": days[use] / YEAR,
                    # a move on the edge of two bands belongs to the one that it ends
                    "moves": (moved & (high <= until))[use].astype(int),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def by_month(
    table: pd.DataFrame, window_start: Day, months: pd.DatetimeIndex, under: float = 5.0
) -> pd.DataFrame:
    """Children in care, entries and moves by month.

    Parameters
    ----------
    table : pandas.DataFrame
        As `spells` returns it.
    window_start : date
        Day zero of the table.
    months : pandas.DatetimeIndex
        First days of the months, and of the month after the last.
    under : float
        Only children under this age (years), on the day that counts, are counted.

    Returns
    -------
    pandas.DataFrame
        One row for each month: month (its first day), in_care (on its last day, at midnight), entries (periods of care
        begun), moves (changes of carer while in care), years (child-years in care), rate (moves per child-year).
    """
    at = _days(pd.Series(months), pd.Timestamp(window_start))
    start, end, born = (table[name].to_numpy() for name in ("start", "end", "born"))
    turns = born + under * YEAR
    begins = table["begins_period"].to_numpy() & table["period_known"].to_numpy()
    moved = np.isin(table["ends_in"].to_numpy(str), ("unplanned_move", "planned_move"))
    young_in, young_out = start < turns, end < turns
    rows = []
    for low, high in zip(at[:-1], at[1:], strict=True):
        days = np.minimum(np.minimum(end, turns), high) - np.maximum(start, low)
        rows.append(
            (
                int(np.sum((start < high) & (end >= high) & (high < turns))),
                int(np.sum(begins & young_in & (start >= low) & (start < high))),
                int(np.sum(moved & young_out & (end >= low) & (end < high))),
                float(days[days > 0.0].sum() / YEAR),
            )
        )
    out = pd.DataFrame(rows, columns=["in_care", "entries", "moves", "years"])
    out.insert(0, "month", months[:-1])
    out["rate"] = out["moves"] / out["years"].where(out["years"] > 0.0)
    return out


def years_within(first: dt.date, last: dt.date) -> list[int]:
    """Collection years (from 1 April to 31 March) that lie between two days, by the year in which they end.

    Parameters
    ----------
    first, last : date
        Both included.
    """
    years = range(first.year, last.year + 2)
    return [y for y in years if dt.date(y - 1, 4, 1) >= first and dt.date(y, 4, 1) <= last + dt.timedelta(1)]


# --- from a model run ---------------------------------------------------------------------------------------
_PLACE_CODE = {
    W.FOSTER: "U6",
    W.KINSHIP_FOSTER: "U3",
    W.PARENT_AND_BABY: "R3",
    W.WITH_PARENTS: "P1",
    W.PLACED_FOR_ADOPTION: "A6",
    W.LONG_TERM_FOSTER: "U4",
    W.RESIDENTIAL: "K2",
    W.BRIDGING_FOSTER: "U6",
    W.HOSPITAL: "R2",
    W.EARLY_PERMANENCE: "U5",
}
_ADOPTED_BY_CARER = "A5"
"""Placed for adoption with the foster carer of until then; with others it is A6."""
_PROVIDER = {W.WITH_PARENTS: "PR0", W.HOSPITAL: "PR3"}
EMERGENCY_ORDER_DAYS = 15
"""Children Act 1989, section 45: eight days, and once seven more."""
_TO_ADOPT = (W.PLACEMENT_ORDER, W.PERMANENCE_ORDER_TO_ADOPT)
_BY_COURT = dict.fromkeys(_TO_ADOPT, "E1") | dict.fromkeys((W.CARE_ORDER, W.PERMANENCE_ORDER), "C2")


def episodes_of(
    journeys: Journeys,
    since: float | None = None,
    until: float | None = None,
    *,
    borough: str | None = None,
    whole_days: bool = True,
) -> pd.DataFrame:
    """The table of episodes that a model run would leave in a local authority's files.

    Parameters
    ----------
    journeys : Journeys
        With its event record.
    since, until : float, optional
        Days since `start_date`: the run from which the table is taken. Episodes that ended before `since` are left out
        and those open at `until` are left open; by default all of the run.
    borough : str, optional
        Only this borough's children.
    whole_days : bool
        Whether times are cut to the day, as in the return, where an episode of less than a day does not appear; else
        they are to the nanosecond.

    Returns
    -------
    pandas.DataFrame
        With the columns of `COLUMNS` and `family`.

    Raises
    ------
    ValueError
        If the run has no such borough, or no event record.

    Notes
    -----
    Legal status: voluntary care (V2) until proceedings are issued, an emergency protection order (L2) until then where
    the child came in by one (15 days at most; then by agreement), then an interim care order (C1); after the order a
    care order (C2) or a placement order (E1). An unplanned move is given the reason CREQB, a planned one CARPL.
    """
    since = journeys.start if since is None else since
    until = journeys.end if until is None else until
    s = stays_of(journeys)
    if borough is not None:
        boroughs = journeys.names["boroughs"]
        if borough not in boroughs:
            raise ValueError(f"borough: found {borough!r}, allowed {', '.join(boroughs)}")
        s = s[journeys.tables["families"]["borough"][s.family] == boroughs.index(borough)]
    group = journeys.tables["children"]["group"][s.child]
    status = _status_changes(journeys)
    # what happens to each child, in order: where it lives from then on, or its legal status
    members = pd.DataFrame({"child": s.child, "group": group}).drop_duplicates()
    changes = members.merge(status, on="group")[["child", "time", "status", "order"]].assign(rank=0)
    lives = pd.DataFrame(
        {
            "child": s.child,
            "time": s.start,
            "rank": 1,
            "place": s.place,
            "why": s.began_by,
            "new_carer": np.where(s.began_by != W.SAME_CARER, 1.0, 0.0),
            "unplanned": np.where(s.began_by == W.UNPLANNED, 1.0, 0.0),
            "by_carer": np.where((s.began_by == W.SAME_CARER) & (s.place == W.PLACED_FOR_ADOPTION), 1.0, 0.0),
        }
    )
    e = pd.concat([changes, lives]).sort_values(["child", "time", "rank"], kind="stable", ignore_index=True)
    e["time"] = np.floor(e["time"]) if whole_days else e["time"]
    by = e.groupby("child", sort=False)
    for name in ("status", "order", "place", "by_carer"):
        e[name] = by[name].ffill()
    for name in ("new_carer", "unplanned"):
        e[name] = e[name].fillna(0.0).groupby(e["child"], sort=False).cumsum()
    last = e["child"] != e["child"].shift(-1)
    e["end"] = e["time"].shift(-1).where(~last, np.inf)
    # of what happens at one time the last holds; a child's first placement may be known after its legal status
    e = e[(e["end"] > e["time"]) & e["place"].notna()].reset_index(drop=True)
    return _coded(journeys, e, since, until, whole_days)


def _coded(journeys: Journeys, e: pd.DataFrame, since: float, until: float, whole_days: bool) -> pd.DataFrame:
    """Episodes in the return's codes, from what held for each child between two times."""
    care = ~np.isin(e["place"].to_numpy(int), W.OUT_OF_CARE)
    goes_on = (e["child"] == e["child"].shift()).to_numpy() & (care == np.append(False, care[:-1])[: len(e)])
    differs = [(e[name] != e[name].shift()).to_numpy() for name in ("new_carer", "place", "status")]
    # what changes nothing that the return records is no new episode
    e = e[~goes_on | (care & np.any(differs, axis=0))].reset_index(drop=True)
    place, status, why = e["place"].to_numpy(int), e["status"].to_numpy(object), e["why"].to_numpy(float)
    care = ~np.isin(place, W.OUT_OF_CARE)
    nxt = np.minimum(np.arange(len(e)) + 1, max(len(e) - 1, 0))
    has_next = (e["child"] == e["child"].shift(-1)).to_numpy()
    carer, unplanned = e["new_carer"].to_numpy(int), e["unplanned"].to_numpy(int)
    to_care = has_next & care[nxt]
    new_carer, new_place, new_law = carer[nxt] != carer, place[nxt] != place, status[nxt] != status
    begins = np.where(
        new_carer,
        np.where(new_law, "B", "P"),
        np.where(new_place, np.where(new_law, "U", "T"), "L"),
    )
    new = np.full(len(e), "S", object)
    new[nxt[care & to_care]] = begins[care & to_care]
    to = place[nxt]
    arranged = e["order"].to_numpy(float)[nxt] == W.CHILD_ARRANGEMENTS
    # guardians: the former foster carer, who is a relative or is not; or a relative who was not the carer
    guardians = np.where(why[nxt] == W.SAME_CARER, np.where(place == W.KINSHIP_FOSTER, "E45", "E46"), "E47")
    by_order = np.select(
        [to == W.ADOPTED, to == W.HOME, to == W.OF_AGE, arranged],  # at 18: "for any other reason"
        ["E12", "E4A", "E8", "E41"],
        guardians,
    )
    ended_by = np.where(to_care, NEXT_EPISODE, np.where(has_next, by_order, "")).astype(object)
    moved = np.where(
        new_carer,
        np.where(unplanned[nxt] > unplanned, "CREQB", "CARPL"),
        np.where(new_place, "PLACE", ""),
    )
    reason = np.where(to_care, moved, "").astype(object)
    end = np.where(has_next, e["time"].to_numpy(float)[nxt], np.inf)
    is_open = ~(end <= until)
    end[is_open], ended_by[is_open], reason[is_open] = np.nan, "", ""
    who = e["child"].to_numpy(int)
    c = journeys.tables["children"]
    entered = journeys.tables["families"]["entered"][c["family"][who]]
    zero = pd.Timestamp(journeys.start_date)
    age = c["age_at_entry"][who]
    # so that the age at entry is that in completed days, and nobody under five appears to be five
    born = zero + pd.to_timedelta(
        np.floor(entered) - np.floor(age) if whole_days else entered - age, unit="D"
    )
    out = pd.DataFrame(
        {
            "child": who,
            "born": born,
            "sex": np.where(c["male"][who] == 1, "M", "F"),
            "begun": zero + pd.to_timedelta(e["time"].to_numpy(), unit="D"),
            "ended": zero + pd.to_timedelta(end, unit="D"),
            "legal_status": status,
            "placement": np.where(
                e["by_carer"].to_numpy(float) == 1.0,
                _ADOPTED_BY_CARER,
                np.asarray([_PLACE_CODE.get(p, "") for p in place.tolist()], object),
            ),
            "provider": [_PROVIDER.get(p, "PR1") for p in place.tolist()],
            "reason_new": new,
            "reason_ended": pd.Series(ended_by).replace("", None),
            "reason_place_change": pd.Series(reason).replace("", None),
            "family": c["family"][who],
        }
    )
    use = care & (e["time"].to_numpy() < until) & (is_open | (end > since))
    return out[use].reset_index(drop=True)


def _status_changes(journeys: Journeys) -> pd.DataFrame:
    """When the legal status of each group changes, while it is in care or not: group, time, status."""
    record = journeys.record
    f = journeys.tables["families"]
    begins = record[(record["event"] == W.PLACED_ON_ENTRY) | (record["event"] == W.PLACED_ON_RE_ENTRY)]
    groups = begins["subject"].astype(np.int64)
    route = f["route"][groups // LARGEST_FAMILY]
    again = begins["event"] == W.PLACED_ON_RE_ENTRY
    entry = pd.DataFrame(
        {
            "group": groups,
            "time": begins["time"],
            "status": np.where(~again & (route == W.BY_ORDER), "L2", "V2"),
        }
    )
    entry.loc[~again & (route == W.DURING_PROCEEDINGS), "status"] = "C1"
    issued = record[record["event"] == W.PROCEEDINGS_ISSUED]
    case = issued["subject"].astype(np.int64)
    # a family's own case is of all its groups; a group's second case is of that group alone
    n = len(f)
    own = case < n
    firsts = pd.DataFrame({"family": case[own], "time": issued["time"][own]})
    all_groups = pd.DataFrame({"group": np.unique(groups)})
    all_groups["family"] = all_groups["group"] // LARGEST_FAMILY
    court = pd.concat(
        [
            all_groups.merge(firsts, on="family")[["group", "time"]],
            pd.DataFrame({"group": case[~own] - n, "time": issued["time"][~own]}),
        ]
    )
    court["status"] = "C1"
    ordered = record[record["event"] == W.ORDER_MADE]
    after = pd.DataFrame(
        {
            "group": ordered["subject"].astype(np.int64),
            "time": ordered["time"],
            "status": [_BY_COURT.get(int(v), "C1") for v in ordered["value"]],
            "order": ordered["value"],
        }
    )
    court = court.merge(entry.groupby("group")["time"].min().rename("entered"), on="group")
    court = court[court["time"] > court["entered"]].drop(columns="entered")
    # an emergency order has ended by then; where proceedings were not issued the child stays by agreement
    held = entry[entry["status"] == "L2"].copy()
    held["time"] += EMERGENCY_ORDER_DAYS
    held["status"] = "V2"
    issued_at = held["group"].map(court.groupby("group")["time"].min()).to_numpy(np.float64)
    held = held[~(issued_at <= held["time"].to_numpy())]
    out = pd.concat([entry, held, court, after]).sort_values(
        ["group", "time"], kind="stable", ignore_index=True
    )
    return out.reset_index(drop=True)


# --- small words --------------------------------------------------------------------------------------------
def _days(dates: pd.Series, zero: pd.Timestamp) -> np.ndarray:
    """Days since `zero`; NaN where there is no date."""
    return ((pd.to_datetime(dates) - zero) / pd.Timedelta(days=1)).to_numpy(np.float64)


def _carried(values: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """The value at the last row at which something began, for every row after it."""
    at = np.maximum.accumulate(np.where(begins, np.arange(len(values)), 0)) if len(values) else slice(0)
    return values[at]


def _count(events: np.ndarray, first: np.ndarray) -> np.ndarray:
    """How many events there were up to each row since the child's first, which is number 0."""
    total = np.cumsum(events)
    return total - _carried(total, first)


def _problems(episodes: pd.DataFrame, low: pd.Timestamp, high: pd.Timestamp) -> Iterator[Problem]:
    """All that is wrong with a table of episodes."""
    file = "episodes"
    if not low < high:
        yield Problem(
            file=file,
            key="window_end",
            found=f"{high:%Y-%m-%d}",
            allowed=f"after {low:%Y-%m-%d}",
            message="the window ends before it begins",
        )
    for name in COLUMNS:
        if name not in episodes:
            near = nearest_name(name, [str(c) for c in episodes.columns])
            yield Problem(file=file, key=name, message="this column is missing", nearest=near)
    for name in ("born", "begun", "ended"):
        if name not in episodes:
            continue
        if not pd.api.types.is_datetime64_any_dtype(episodes[name]):
            yield Problem(
                file=file,
                key=name,
                found=str(episodes[name].dtype),
                allowed="datetime64",
                message="this column must hold dates",
            )
            return
        if name != "ended" and episodes[name].isna().any():
            yield _rows(name, episodes[name].isna(), "a date is missing")
    for name, known in _KNOWN.items():
        if name not in episodes:
            continue
        values = episodes[name].fillna("").astype(str)
        allowed = {*known, ""} if name in _MAY_BE_BLANK else set(known)
        for code in sorted(set(values) - allowed):
            found = _rows(name, values == code, "this code is not known")
            yield Problem(
                file=file,
                key=found.key,
                found=repr(code),
                allowed=", ".join(known),
                nearest=nearest_name(code, known) if code else None,
                message=found.message,
            )
    if not {"child", "born", "begun", "ended", "reason_ended"} <= set(episodes):
        return
    begun, ended = episodes["begun"], episodes["ended"]
    wrong = {
        "ended": ((ended <= begun), "the episode ends before, or when, it begins"),
        "begun": ((begun < episodes["born"]), "the episode begins before the child is born"),
        "reason_ended": (
            (ended.isna() != episodes["reason_ended"].fillna("").astype(str).eq("")),
            "an end needs a reason, and a reason an end",
        ),
    }
    for name, (bad, message) in wrong.items():
        if bad.any():
            yield _rows(name, bad, message)
    ordered = episodes.assign(_row=np.arange(len(episodes))).sort_values(["child", "begun"], kind="stable")
    runs_on = ordered["ended"].isna() | (ordered["ended"] > ordered["begun"].shift(-1))
    overlaps = runs_on & (ordered["child"] == ordered["child"].shift(-1))
    if overlaps.any():
        rows = pd.Series(np.isin(np.arange(len(episodes)), ordered["_row"][overlaps]))
        yield _rows("ended", rows, "the child's next episode begins before this one ends")


def _rows(key: str, bad: pd.Series, message: str) -> Problem:
    """A problem of some rows, by position from 1."""
    at = np.flatnonzero(bad.to_numpy()) + 1
    some = ", ".join(map(str, at[:_ROWS_SHOWN].tolist()))
    more = f" and {len(at) - _ROWS_SHOWN} more" if len(at) > _ROWS_SHOWN else ""
    return Problem(file="episodes", key=f"{key}, row {some}{more}", message=message)
