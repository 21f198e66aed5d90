"""Stability: how often children move, how long placements last, and who comes back into care.

A move is a change of carer while the child stays in care; leaving care, or becoming the special guardians' or the
adopters' child without moving house, is none. Everything is counted within the observed window: from `since` (by
default the start date, so that a warm-up is left out) to the end of the run. Tables are tidy; figures are of one
replicate, so their Monte Carlo error comes from the replicates.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.measures.observed import (
    MONTH,
    YEAR,
    Stays,
    day_of,
    grouped,
    labels,
    named,
    overlap,
    ratio,
    stays_of,
)
from best_sim.pathway import words as W

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

FOSTER_CARE = (W.FOSTER, W.KINSHIP_FOSTER, W.LONG_TERM_FOSTER)
"""Placement types that official statistics call foster placements."""


def child_moves(journeys: Journeys, months: float | None = None, since: float = 0.0) -> pd.DataFrame:
    """Moves of every child, and the time in care during which they could happen.

    Parameters
    ----------
    journeys : Journeys
    months : float, optional
        Count only so many months from a child's entry to care; by default to the end of the run.
    since : float
        Days since `start_date` from which moves and time are counted.

    Returns
    -------
    pandas.DataFrame
        One row for each child with any time in care in the window: child, family, arm, site, moves, unplanned (of
        them), years (in care). `years` is the exposure of a count model.
    """
    stays = stays_of(journeys)
    entered = journeys.tables["families"]["entered"][stays.family]
    until = np.full(len(stays), journeys.end)
    if months is not None:
        until = np.minimum(until, entered + months * MONTH)
    in_care = stays.in_care
    years = np.where(in_care, overlap(stays.start, stays.end, since, until), 0.0) / YEAR
    counted = in_care & (stays.start >= since) & (stays.start <= until)
    unplanned = counted & (stays.began_by == W.UNPLANNED)
    moved = unplanned | (counted & (stays.began_by == W.PLANNED))
    n = int(stays.child.max(initial=-1)) + 1
    exposure = np.bincount(stays.child, years, minlength=n)
    child = np.flatnonzero(exposure > 0.0)
    family = journeys.tables["children"]["family"][child]
    return pd.DataFrame(
        {
            "child": child,
            "family": family,
            **labels(journeys, family, ("arm", "site")),
            "moves": np.bincount(stays.child, moved, minlength=n)[child].astype(int),
            "unplanned": np.bincount(stays.child, unplanned, minlength=n)[child].astype(int),
            "years": exposure[child],
        }
    )


def move_rates(
    journeys: Journeys, by: Sequence[str] = (), months: float | None = None, since: float = 0.0
) -> pd.DataFrame:
    """Moves per child-year in care.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"arm", "site", "borough", "court"}
        Groups; by default all children together.
    months, since : float
        As `child_moves` takes them.

    Returns
    -------
    pandas.DataFrame
        One row for each group: children, child_years, moves, unplanned, rate and unplanned_rate (per child-year in
        care).

    Notes
    -----
    The derived national figure is 0.54 per child-year (DfE 2021: reasons for placement change, over children looked
    after); it is for all ages.
    """
    table = child_moves(journeys, months, since)
    columns = {
        "children": np.ones(len(table)),
        "child_years": table["years"].to_numpy(),
        "moves": table["moves"].to_numpy(float),
        "unplanned": table["unplanned"].to_numpy(float),
    }
    out = grouped({**labels(journeys, table["family"].to_numpy(), by), **columns}, by)
    out["rate"] = ratio(out["moves"], out["child_years"])
    out["unplanned_rate"] = ratio(out["unplanned"], out["child_years"])
    return out.astype({"children": int, "moves": int, "unplanned": int})


def three_or_more(journeys: Journeys, by: Sequence[str] = ()) -> pd.DataFrame:
    """Children looked after on a 31 March with three or more placements in the year to it.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"arm", "site", "borough", "court"}
        Groups within each year.

    Returns
    -------
    pandas.DataFrame
        One row for each 31 March whose whole year was observed (and group): year (that of the 31 March), children (in
        care on it), three_or_more (of them), share.

    Notes
    -----
    As the Department for Education counts: the placement in which the child was on 1 April counts, and so does the one
    on 31 March; a change of legal status with the same carer is no new placement. The published share, 10 to 11 %,
    is of children of all ages, most of whom have been in care for longer than a year.
    """
    stays = stays_of(journeys)
    care = stays[stays.in_care]
    new_placement = care.began_by != W.SAME_CARER
    n = int(care.child.max(initial=-1)) + 1
    years, children, many = [], [], []
    for year in range(journeys.date(journeys.start).year, journeys.date(journeys.end).year + 1):
        last, first = day_of(journeys, dt.date(year, 4, 1)), day_of(journeys, dt.date(year - 1, 4, 1))
        if first < journeys.start or last > journeys.end:
            continue
        there = np.unique(care.child[(care.start < last) & (care.end >= last)])
        in_year = new_placement & (care.start < last) & (care.end > first)
        # a child who stays with the same carer under a new status is still in the placement that began before
        carried = ~new_placement & (care.start <= first) & (care.end > first)
        count = np.bincount(care.child[in_year | carried], minlength=n)[there]
        years.append(np.full(len(there), year))
        children.append(there)
        many.append((count >= 3).astype(int))
    child = np.concatenate([np.zeros(0, np.int64), *children])
    family = journeys.tables["children"]["family"][child]
    columns = {
        "year": np.concatenate([np.zeros(0, np.int64), *years]),
        **labels(journeys, family, by),
        "children": np.ones(len(child), int),
        "three_or_more": np.concatenate([np.zeros(0, np.int64), *many]),
    }
    out = grouped(columns, ("year", *by))
    out["share"] = ratio(out["three_or_more"], out["children"])
    return out


def ended_placements(
    journeys: Journeys, types: Sequence[int] = FOSTER_CARE, since: float = 0.0
) -> pd.DataFrame:
    """How long placements lasted that ended in the window.

    Parameters
    ----------
    journeys : Journeys
    types : sequence of int
        Placement types, by number in `words.PLACEMENT_TYPES`; by default all foster care.
    since : float
        Days since `start_date` from which ends are counted; the placements may have begun before it.

    Returns
    -------
    pandas.DataFrame
        One row for each ended placement: child, family, days, ended_by. A placement goes on where only its status
        changes, with the same carer (foster care that becomes long-term); it ends when the child moves or leaves care.

    Notes
    -----
    Published for England, 2016/17: 26 % of ended foster placements lasted under a month, 56 % under six months, 75 %
    under a year.
    """
    stays = _with_same_carer(stays_of(journeys), types)
    use = np.isin(stays.place, types) & (stays.end >= since) & (stays.end <= journeys.end)
    ended = stays[use]
    reasons = named(W.PLACEMENT_REASONS, ended.ended_by)
    return pd.DataFrame(
        {"child": ended.child, "family": ended.family, "days": ended.end - ended.start, "ended_by": reasons}
    )


def shares_under(
    days: pd.Series | np.ndarray, under: Sequence[float] = (MONTH, 6 * MONTH, YEAR)
) -> list[float]:
    """Shares of durations shorter than each of some limits; NaN where there is no duration.

    Parameters
    ----------
    days : array of float
        As `ended_placements` gives them.
    under : sequence of float
        Limits in days; by default one month, six months, a year.
    """
    got = np.asarray(days, np.float64)
    return [float(np.mean(got < limit)) if len(got) else np.nan for limit in under]


def returns_to_care(journeys: Journeys, within: float = YEAR, since: float = 0.0) -> pd.DataFrame:
    """Children who went home from care, and whether they came back within a time.

    Parameters
    ----------
    journeys : Journeys
    within : float
        Days at home; only children who went home so long before the end of the run are counted, so that none is
        counted as staying because the run ended.
    since : float
        Days since `start_date` from which returns home are counted.

    Returns
    -------
    pandas.DataFrame
        One row for each return home: child, family, arm, site, home_days (when), back (whether in care again in time).

    Notes
    -----
    Published: 20 % within a year (Goldacre et al., British Journal of Social Work 2022).
    """
    stays = stays_of(journeys)
    home = stays[(stays.place == W.HOME) & (stays.start >= since) & (stays.start <= journeys.end - within)]
    return pd.DataFrame(
        {
            "child": home.child,
            "family": home.family,
            **labels(journeys, home.family, ("arm", "site")),
            "home_days": home.start,
            "back": (home.ended_by == W.RE_ENTRY) & (home.end - home.start <= within),
        }
    )


def _with_same_carer(stays: Stays, types: Sequence[int]) -> Stays:
    """Stays of some types in which a new status with the same carer continues the stay before."""
    kept = np.isin(stays.place, types)
    joins = np.zeros(len(stays), bool)
    joins[1:] = (stays.began_by[1:] == W.SAME_CARER) & kept[1:] & kept[:-1]
    joins[1:] &= stays.child[1:] == stays.child[:-1]
    first = np.flatnonzero(~joins)
    last = np.append(first[1:], len(stays)) - 1 if len(first) else first
    return Stays(
        child=stays.child[first],
        family=stays.family[first],
        place=stays.place[first],
        began_by=stays.began_by[first],
        ended_by=stays.ended_by[last],
        start=stays.start[first],
        end=stays.end[last],
    )
