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

from best_sim.measures.groups import child_labels, require_groups
from best_sim.measures.observed import (
    Floats,
    Ints,
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
from best_sim.scenario.durations import MONTH, YEAR

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

FOSTER_CARE = (W.FOSTER, W.KINSHIP_FOSTER, W.LONG_TERM_FOSTER, W.BRIDGING_FOSTER, W.EARLY_PERMANENCE)
"""Placement types that official statistics call foster placements."""
IN_CARE = tuple(i for i in range(len(W.PLACEMENT_TYPES)) if i not in W.OUT_OF_CARE)
LONG_IN_CARE_YEARS = 2.5
"""How long in care children are of whom the Department for Education counts whether they have the same carer."""
_SIXTEEN = 16.0


def child_moves(
    journeys: Journeys,
    months: float | None = None,
    since: float | Floats = 0.0,
    until: float | Floats | None = None,
) -> pd.DataFrame:
    """Moves of every child, and the time in care during which they could happen.

    Parameters
    ----------
    journeys : Journeys
    months : float, optional
        Count only so many months from a child's entry to care; by default to the end of the run.
    since : float or numpy.ndarray of float
        Days since `start_date` from which moves and time are counted; an array has one for each row of the table of
        children (their randomisation, say), NaN where a child is not counted.
    until : float or numpy.ndarray of float, optional
        Days since `start_date` up to which they are counted, likewise; by default the end of the run.

    Returns
    -------
    pandas.DataFrame
        One row for each child with any time in care in the window: child, family, arm, site, moves, unplanned (of
        them), years (in care). `years` is the exposure of a count model.
    """
    stays = stays_of(journeys)
    entered = journeys.tables["families"]["entered"][stays.family]
    first = _of_child(since, stays.child)
    last = np.full(len(stays), journeys.end)
    if until is not None:
        last = np.minimum(last, _of_child(until, stays.child))
    if months is not None:
        last = np.minimum(last, entered + months * MONTH)
    in_care = stays.in_care
    years = np.where(in_care, overlap(stays.start, stays.end, first, last), 0.0) / YEAR
    counted = in_care & (stays.start >= first) & (stays.start <= last)
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
    journeys: Journeys,
    by: Sequence[str] = (),
    months: float | None = None,
    since: float | Floats = 0.0,
    until: float | Floats | None = None,
    split: float | None = None,
) -> pd.DataFrame:
    """Moves per child-year in care.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
        Groups, as `best_sim.measures.groups.child_labels` names them; by default all children together. Time in care
        that goes on over `split` is parted there, so that a child may be in both periods.
    months, since, until
        As `child_moves` takes them.
    split : float, optional
        Days since `start_date` between the periods before and after.

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
    require_groups(by, split)
    table = moves_by_period(journeys, months, since, until, split if "period" in by else None)
    columns = {
        "children": np.ones(len(table)),
        "child_years": table["years"].to_numpy(),
        "moves": table["moves"].to_numpy(float),
        "unplanned": table["unplanned"].to_numpy(float),
    }
    names = child_labels(journeys, table["child"].to_numpy(), by, at=table["at"].to_numpy(), split=split)
    out = grouped({**names, **columns}, by)
    out["rate"] = ratio(out["moves"], out["child_years"])
    out["unplanned_rate"] = ratio(out["unplanned"], out["child_years"])
    return out.astype({"children": int, "moves": int, "unplanned": int})


def moves_by_period(
    journeys: Journeys,
    months: float | None = None,
    since: float | Floats = 0.0,
    until: float | Floats | None = None,
    split: float | None = None,
) -> pd.DataFrame:
    """Moves of every child, before and after a day.

    Parameters
    ----------
    journeys, months, since, until
        As `child_moves` takes them.
    split : float, optional
        Days since `start_date`; without one there is one period.

    Returns
    -------
    pandas.DataFrame
        As `child_moves` gives it, with ``at``: a day of the period that a row is of. A child in care on both sides of
        the day has a row in each.
    """
    if split is None:
        return child_moves(journeys, months, since, until).assign(at=0.0)
    end = journeys.end if until is None else until
    # a move on the day itself is after
    before = child_moves(journeys, months, since, np.minimum(end, np.nextafter(split, -np.inf)))
    after = child_moves(journeys, months, np.maximum(since, split), end)
    return pd.concat([before.assign(at=-np.inf), after.assign(at=np.inf)], ignore_index=True)


def placements_in_year(
    journeys: Journeys, since: float | None = None, until: float | None = None, years: int = 1
) -> pd.DataFrame:
    """Children looked after on a 31 March, and in how many placements they were in the year to it, or in more years.

    Parameters
    ----------
    journeys : Journeys
    since : float, optional
        Days since `start_date`; only years that began by then or later. By default all years that were observed.
    until : float, optional
        Days since `start_date`; only 31 Marches that are over by then. By default all that were observed.
    years : int
        How many years to each 31 March are counted.

    Returns
    -------
    pandas.DataFrame
        One row for each 31 March whose whole year (or years) was observed and each child in care on it: year (that of
        the 31 March), begins and ends (of the time counted, days since `start_date`), child, placements.

    Notes
    -----
    As the Department for Education counts: the placement in which the child was on 1 April counts, and so does the one
    on 31 March; a change of legal status with the same carer is no new placement. Three or more of them is its measure
    of instability: 10 to 11 % of children of all ages. The trial's own outcome, `three_or_more`, is another:
    `three_in_first_year` counts as it does.
    """
    stays = stays_of(journeys)
    care = stays[stays.in_care]
    new_placement = care.began_by != W.SAME_CARER
    n = int(care.child.max(initial=-1)) + 1
    begins = journeys.start if since is None else max(since, journeys.start)
    over = journeys.end if until is None else min(until, journeys.end)
    parts = []
    for year in range(journeys.date(journeys.start).year, journeys.date(journeys.end).year + 1):
        last, first = day_of(journeys, dt.date(year, 4, 1)), day_of(journeys, dt.date(year - years, 4, 1))
        if first < begins or last > over:
            continue
        there = np.unique(care.child[(care.start < last) & (care.end >= last)])
        in_year = new_placement & (care.start < last) & (care.end > first)
        # a child who stays with the same carer under a new status is still in the placement that began before
        carried = ~new_placement & (care.start <= first) & (care.end > first)
        count = np.bincount(care.child[in_year | carried], minlength=n)[there]
        size = len(there)
        parts.append((np.full(size, year), np.full(size, first), np.full(size, last), there, count))
    whole = np.zeros(0, np.int64)
    none = (whole, np.zeros(0), np.zeros(0), whole, whole)
    columns = [np.concatenate(one) for one in zip(none, *parts, strict=True)]
    return pd.DataFrame(dict(zip(("year", "begins", "ends", "child", "placements"), columns, strict=True)))


def three_in_first_year(
    journeys: Journeys, by: Sequence[str] = (), since: float = 0.0, split: float | None = None
) -> pd.DataFrame:
    """Children with three or more placements within a year of their entry to care.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
    since : float
        Days since `start_date`; children who entered before it are left out.
    split : float, optional
        Days since `start_date` between entries before and after.

    Returns
    -------
    pandas.DataFrame
        One row for each group: children (whose first year is over), with_three (of them, with three or more), share.

    Notes
    -----
    As the trial's own outcome `three_or_more` counts (`best_sim.trial.outcomes`), but of all children. It has each
    child once and all in the same year of care, where the official measure has those who are in care on a 31 March,
    for however long.
    """
    child, entered = _entries(journeys, since)
    over = entered + YEAR <= journeys.end
    child, entered = child[over], entered[over]
    third = journeys.tables["groups"]["third_at"][journeys.tables["children"]["group"][child]]
    columns = {
        **child_labels(journeys, child, by, at=entered, split=split),
        "children": np.ones(len(child), int),
        "with_three": (third <= entered + YEAR).astype(int),  # False where NaN
    }
    out = grouped(columns, by)
    out["share"] = ratio(out["with_three"], out["children"])
    return out


def long_in_care(journeys: Journeys, since: float | None = None) -> pd.DataFrame:
    """Children who on a 31 March had been in care for two and a half years, and whether with the same carer for two.

    Parameters
    ----------
    journeys : Journeys
    since : float, optional
        Days since `start_date`; only 31 Marches on that day or later. By default all that were observed.

    Returns
    -------
    pandas.DataFrame
        One row for each 31 March and child: year, day (the end of that 31 March, days since `start_date`), child,
        family, arm, site, same_carer.

    Notes
    -----
    As the Department for Education has it: of children under 16 on 31 March whose period of care began on or before 30
    September two and a half years back, those whose placement began on or before 31 March two years back, or who are
    placed for adoption and whose adoptive placement and the one before it together go back so far. A change of legal
    status with the same carer is no new placement. Published for England: 68 % in 2024, 69 % in 2025; 64 % of those
    aged 1 to 4 in 2024 (Children looked after in England including adoptions, "CLA on 31 March for 2.5 years by
    placement stability").

    The children here are all who entered care under five, whatever their age on the day, so their share is of neither
    published age group. No day within 2.5 years of the start of the run is counted: nobody could have been in care for
    so long. On the first days after that, nobody can have been in care for much longer either.

    References
    ----------
    National indicator 063, Stability of placements of looked after children: length of placement.
    """
    stays = stays_of(journeys)
    began = np.isin(stays.began_by, (W.AT_ENTRY, W.RE_ENTRY))
    episode = np.where(began, np.arange(len(stays)), 0)
    episode_start = stays.start[np.maximum.accumulate(episode)] if len(stays) else stays.start
    care = stays[stays.in_care]
    # with the same carer, whatever the status; and the carer before, where that was in the same episode
    spell, of = _carers(care)
    earlier = np.append(0, np.arange(len(spell) - 1)) if len(spell) else np.zeros(0, np.int64)
    same_episode = (spell.child[earlier] == spell.child) & ~np.isin(spell.began_by, (W.AT_ENTRY, W.RE_ENTRY))
    before = np.where(same_episode, spell.start[earlier], spell.start)
    together = np.where(care.place == W.PLACED_FOR_ADOPTION, before[of], spell.start[of])
    in_care_since = episode_start[stays.in_care]
    c, f = journeys.tables["children"], journeys.tables["families"]
    born = f["entered"][care.family] - c["age_at_entry"][care.child]
    first = journeys.start + LONG_IN_CARE_YEARS * YEAR
    parts = []
    for year in range(journeys.date(journeys.start).year, journeys.date(journeys.end).year + 1):
        day = day_of(journeys, dt.date(year, 4, 1))
        if day < first or day > journeys.end or (since is not None and day < since):
            continue
        october, april = (day_of(journeys, dt.date(*on)) for on in ((year - 3, 10, 1), (year - 2, 4, 1)))
        use = (care.start < day) & (care.end >= day) & (in_care_since < october)
        use &= day - born < _SIXTEEN * YEAR
        same = together[use] < april
        parts.append((np.full(use.sum(), year), np.full(use.sum(), day), care.child[use], same))
    none = (np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64), np.zeros(0, bool))
    years, days, child, same = (np.concatenate(one) for one in zip(none, *parts, strict=True))
    family = c["family"][child]
    return pd.DataFrame(
        {
            "year": years,
            "day": days,
            "child": child,
            "family": family,
            **labels(journeys, family, ("arm", "site")),
            "same_carer": same,
        }
    )


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
        One row for each ended placement: child, family, days, ended_by, at (when it ended). A placement goes on where
        only its status changes, with the same carer (foster care that becomes long-term); it ends when the child moves
        or leaves care.

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
        {
            "child": ended.child,
            "family": ended.family,
            "days": ended.end - ended.start,
            "ended_by": reasons,
            "at": ended.end,
        }
    )


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


def re_entries(
    journeys: Journeys,
    by: Sequence[str] = (),
    within: float = YEAR,
    since: float = 0.0,
    split: float | None = None,
) -> pd.DataFrame:
    """The share of children who went home that came back into care in time, by group.

    Parameters
    ----------
    journeys, within, since
        As `returns_to_care` takes them.
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
    split : float, optional
        Days since `start_date` between returns home before and after.

    Returns
    -------
    pandas.DataFrame
        One row for each group: home (returns home), back (of them), share.
    """
    table = returns_to_care(journeys, within, since)
    columns = {
        **child_labels(
            journeys, table["child"].to_numpy(), by, at=table["home_days"].to_numpy(), split=split
        ),
        "home": np.ones(len(table), int),
        "back": table["back"].to_numpy(int),
    }
    out = grouped(columns, by)
    out["share"] = ratio(out["back"], out["home"])
    return out


def _entries(journeys: Journeys, since: float) -> tuple[Ints, Floats]:
    """Children who entered care in the window, and when."""
    child = journeys.lived
    entered = journeys.tables["families"]["entered"][journeys.tables["children"]["family"][child]]
    use = (entered >= since) & (entered <= journeys.end)
    return child[use], entered[use]


def _of_child(value: float | Floats, child: Ints) -> Floats:
    """A time of each child's, or one of all children."""
    return np.asarray(value)[child] if np.ndim(value) else np.full(len(child), float(value))


def _carers(care: Stays) -> tuple[Stays, Ints]:
    """Stays in care with what is only a new status taken together; and for each stay, in which of these it is."""
    spells = _with_same_carer(care, IN_CARE)
    joins = np.zeros(len(care), bool)
    joins[1:] = (care.began_by[1:] == W.SAME_CARER) & (care.child[1:] == care.child[:-1])
    return spells, np.cumsum(~joins) - 1


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
