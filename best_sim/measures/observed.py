"""What every measure shares: the window that is observed, the calendar, and where each child lived when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from best_sim.pathway import words as W

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STILL_THERE = -1
"""In place of the reason why a stay ended, where it had not ended when the run did."""

_GROUPINGS = ("arm", "site", "borough", "court")


@dataclass(frozen=True)
class Stays:
    """Where children lived: arrays of one length, an element for each child and placement, in order of child and time.

    Attributes
    ----------
    child, family : numpy.ndarray of int
        Row numbers in the tables `children` and `families`.
    place : numpy.ndarray of int
        By number in `words.PLACEMENT_TYPES`.
    began_by : numpy.ndarray of int
        Why it began, by number in `words.PLACEMENT_REASONS`.
    ended_by : numpy.ndarray of int
        Why the next one began, or `STILL_THERE`.
    start, end : numpy.ndarray of float
        Days since `start_date`; an end that has not come is infinite.
    """

    child: Ints
    family: Ints
    place: Ints
    began_by: Ints
    ended_by: Ints
    start: Floats
    end: Floats

    @property
    def in_care(self) -> Bools:
        """Whether the child was looked after: neither adopted, nor with special guardians, nor home."""
        return ~np.isin(self.place, W.OUT_OF_CARE)

    def __len__(self) -> int:
        return len(self.child)

    def __getitem__(self, use: Bools | Ints) -> Stays:
        """Some of the stays."""
        return Stays(*(getattr(self, name)[use] for name in self.__dataclass_fields__))


_STAYS: WeakKeyDictionary[Journeys, Stays] = WeakKeyDictionary()


def stays_of(journeys: Journeys) -> Stays:
    """Where every child lived, from the event record; worked out once.

    Parameters
    ----------
    journeys : Journeys

    Returns
    -------
    Stays
        The same stays as `Journeys.placements`, as arrays: siblings who are placed together have one each.
    """
    if journeys not in _STAYS:
        _STAYS[journeys] = _stays_of(journeys)
    return _STAYS[journeys]


def _stays_of(journeys: Journeys) -> Stays:
    placed = journeys.record[W.which(W.PLACED, journeys.record["event"]) >= 0]
    placed = placed[np.argsort(placed["subject"], kind="stable")]
    group, start = placed["subject"].astype(np.int64), placed["time"].astype(np.float64)
    place, why = placed["value"].astype(np.int64), W.which(W.PLACED, placed["event"])
    goes_on = np.append(group[1:] == group[:-1], False) if len(group) else np.zeros(0, bool)
    end = np.where(goes_on, np.append(start[1:], np.inf), np.inf) if len(group) else start
    ended_by = np.where(goes_on, np.append(why[1:], STILL_THERE), STILL_THERE) if len(group) else why

    # one element for each child of the group: the group's stays, repeated
    lived = journeys.lived
    of = journeys.tables["children"]["group"][lived]
    n = np.bincount(group, minlength=int(of.max(initial=-1)) + 1)
    first = np.append(0, np.cumsum(n))[of]
    times = n[of]
    row = np.repeat(first - np.append(0, np.cumsum(times))[:-1], times) + np.arange(times.sum())
    child = np.repeat(lived, times)
    return Stays(
        child=child,
        family=journeys.tables["children"]["family"][child],
        place=place[row],
        began_by=why[row],
        ended_by=ended_by[row],
        start=start[row],
        end=end[row],
    )


def overlap(start: Floats, end: Floats, since: float | Floats, until: float | Floats) -> Floats:
    """Days of the intervals from `start` to `end` that lie between `since` and `until`; NaN counts as never begun."""
    days = np.minimum(end, until) - np.maximum(start, since)
    return np.where(days > 0.0, days, 0.0)


def nth_of(subject: Ints) -> Ints:
    """For each element of a sorted array, how many equal elements stand before it."""
    if not len(subject):
        return np.zeros(0, np.int64)
    begins = np.append(True, subject[1:] != subject[:-1])
    position = np.arange(len(subject))
    return position - np.maximum.accumulate(np.where(begins, position, 0))


def under_scots_law(journeys: Journeys) -> Bools:
    """Whether Scots law protects each family's children: for them there are no care proceedings."""
    law = np.array(journeys.names["jurisdictions"], dtype=object)
    return np.asarray(law[journeys.tables["families"]["court"]] == "Scotland", bool)


def day_of(journeys: Journeys, date: dt.date) -> float:
    """Days from `start_date` to the morning of a date."""
    return float((date - journeys.start_date).days)


def year_edges(journeys: Journeys, since: float = 0.0) -> tuple[Ints, Floats]:
    """Calendar years of a run, and the days on which they begin.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date`; years before it are left out.

    Returns
    -------
    years : numpy.ndarray of int
    edges : numpy.ndarray of float, one longer than years
        The first and the last are `since` and the end of the run, so that a year may be in part only.
    """
    first, last = journeys.date(since).year, journeys.date(journeys.end).year
    years = np.arange(first, last + 1)
    edges = [since, *(day_of(journeys, dt.date(int(y), 1, 1)) for y in years[1:]), journeys.end]
    if edges[-2] >= edges[-1] and len(years) > 1:  # the run ends on a New Year's morning
        years, edges = years[:-1], edges[:-1]
    return years, np.asarray(edges, np.float64)


def year_in(journeys: Journeys, days: Floats) -> Ints:
    """The calendar year in which each day lies.

    Parameters
    ----------
    journeys : Journeys
    days : numpy.ndarray of float
        Days since `start_date`; none may be NaN.
    """
    zero = np.datetime64(journeys.start_date, "D")
    dates = zero + np.floor(days).astype(np.int64).astype("timedelta64[D]")
    return dates.astype("datetime64[Y]").astype(np.int64) + 1970


def labels(journeys: Journeys, family: Ints, by: Sequence[str]) -> dict[str, Any]:
    """Names by which a table may be grouped, for each of these families.

    Parameters
    ----------
    journeys : Journeys
    family : numpy.ndarray of int
        Row numbers in the table `families`.
    by : sequence of {"arm", "site", "borough", "court"}

    Raises
    ------
    ValueError
        If a name is not one of these.
    """
    names = {"arm": W.ARMS, "site": journeys.names["sites"], "borough": journeys.names["boroughs"],
             "court": journeys.names["courts"]}  # fmt: skip
    out = {}
    for one in by:
        if one not in _GROUPINGS:
            raise ValueError(f"by: found {one!r}, allowed {', '.join(map(repr, _GROUPINGS))}")
        out[one] = named(names[one], journeys.tables["families"][one][family])
    return out


def named(names: Sequence[str], numbers: Ints) -> pd.Categorical:
    """Names for numbers, as a categorical column whose order is that of the names."""
    # Any: pandas' types want the categories' own type, which is str here
    categories: Any = list(names)
    return pd.Categorical.from_codes(numbers, categories=categories)


def grouped(columns: dict[str, Any], by: Sequence[str]) -> pd.DataFrame:
    """Sums of columns by group, in order of the groups; one row for all where there is nothing to group by.

    Parameters
    ----------
    columns : dict
        Arrays of one length.
    by : sequence of str
        Columns to group by; groups without rows are left out.
    """
    table = pd.DataFrame(columns)
    if not by:
        return table.sum().to_frame().T
    return table.groupby(list(by), observed=True, sort=True).sum().reset_index()


def ratio(top: Any, bottom: Any) -> Any:
    """A ratio of columns, NaN where there is nothing to divide by."""
    below = np.asarray(bottom, np.float64)
    return np.divide(np.asarray(top, np.float64), below, out=np.full(below.shape, np.nan), where=below > 0)
