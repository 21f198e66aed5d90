"""What can be counted in a run as a published figure counts it: a quantity, of a population, in a period.

A quantity gives one row for each child, placement, exit, case or visit, with its value and the day it belongs to. Who
of them counts (age, jurisdiction, borough, arm, time in care, ...) and what is made of the values (a mean, a share, a
rate, ...) is the same for every quantity, so that a figure needs no code of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from best_sim.measures.observed import Bools, Floats, Ints, Stays, day_of, stays_of, under_scots_law
from best_sim.pathway import words as W
from best_sim.pathway.records import counted_from
from best_sim.scenario.durations import MONTH, YEAR

if TYPE_CHECKING:
    from best_sim.pathway import Journeys
    from best_sim.scenario import Scenario

Statistic = Literal["mean", "median", "sd", "share", "rate", "count"]
"""What is made of the values: their mean, median or standard deviation; the share of them that meets a condition; their
sum over the sum of exposures; how many there are, a year (of a flow) or on a day (of a snapshot)."""
Made = TypeVar("Made")
Moment = Literal["flow", "snapshot", "run"]
"""Counted as it happens in the period; on each 31 March of it; or over the whole run, whatever the period."""
JURISDICTIONS = ("england", "scotland")
_NOBODY = (np.nan, 0.0)


@dataclass(frozen=True)
class Values:
    """The values of one quantity.

    Attributes
    ----------
    value : numpy.ndarray of float
        In the quantity's unit; of a quantity with names, the number of the name.
    at : numpy.ndarray of float
        Days since `start_date`: when it happened, or the end of the day on which it was looked at.
    family : numpy.ndarray of int
        Row numbers in the table `families`.
    born : numpy.ndarray of float
        Day of birth: of the child; of a family's or a case's, the youngest child's.
    exposure : numpy.ndarray of float, optional
        By which the sum of values is divided in a rate.
    in_care : numpy.ndarray of float, optional
        Days in the present period of care by then.
    having : mapping of str to numpy.ndarray of int
        What else a row may be chosen by: numbers of the names that the quantity declares.
    """

    value: Floats
    at: Floats
    family: Ints
    born: Floats
    exposure: Floats | None = None
    in_care: Floats | None = None
    having: Mapping[str, Ints] = field(default_factory=dict)

    def __getitem__(self, use: Bools) -> Values:
        """Some of the rows."""
        some = {
            name: got[use]
            for name in ("value", "at", "family", "born", "exposure", "in_care")
            if (got := getattr(self, name)) is not None
        }
        return replace(self, **some, having={name: got[use] for name, got in self.having.items()})


@dataclass(frozen=True)
class Quantity:
    """Something that can be counted.

    Attributes
    ----------
    name : str
    text : str
        What one row is, and its value.
    unit : str
        Of the value.
    moment : {"flow", "snapshot", "run"}
    rows : callable
        From what is seen and the period's first and last day to `Values`. Values outside the period may be among them.
    names : tuple of str
        Where the value is one of several things: their names.
    having : mapping of str to tuple of str
        What else a figure may choose rows by, and the names that it may say.
    in_care : bool
        Whether rows may be chosen by time in care.
    before : float
        Days before the period, or before its first 31 March, that have to be simulated as well.
    windowed : bool
        Whether its rows depend on the period; a flow's rows are otherwise all of the run's.
    """

    name: str
    text: str
    unit: str
    moment: Moment
    rows: Callable[[Seen, float, float], Values]
    names: tuple[str, ...] = ()
    having: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    in_care: bool = False
    before: float = 0.0
    windowed: bool = False


def quantity(
    text: str, unit: str = "", moment: Moment = "flow", **more: Any
) -> Callable[[Callable[[Seen, float, float], Values]], Quantity]:
    """Make a quantity of a function, under its name.

    Parameters
    ----------
    text, unit, moment
        As `Quantity` has them.
    **more
        Its other attributes.
    """

    def make(rows: Callable[[Seen, float, float], Values]) -> Quantity:
        return Quantity(rows.__name__, text, unit, moment, rows, **more)

    return make


@dataclass(frozen=True)
class Subpopulation:
    """Who counts.

    Attributes
    ----------
    where : tuple of str
        ``england``, ``scotland``, or names of sites, boroughs or courts of the scenario; empty for everywhere.
    arms : tuple of str
        By name in `words.ARMS`; empty for all.
    age : tuple of float, optional
        From and below which age in years when it happened, or on the day.
    age_at_entry : tuple of float, optional
        Likewise when the family first came into care.
    in_care_months : tuple of float, optional
        From and below how many months in the present period of care.
    having : mapping of str to tuple of str
        By what the quantity declares: the names that count.
    """

    where: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    age: tuple[float, float] | None = None
    age_at_entry: tuple[float, float] | None = None
    in_care_months: tuple[float, float] | None = None
    having: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """What is made of the values.

    Attributes
    ----------
    statistic : Statistic
    at_least, below : float, optional
        Of a share or a count: which values count, in the quantity's unit.
    named : tuple of str
        Likewise, of a quantity with names.
    """

    statistic: Statistic
    at_least: float | None = None
    below: float | None = None
    named: tuple[str, ...] = ()


class Seen:
    """One replicate, with what several quantities need of it worked out once.

    Parameters
    ----------
    journeys : Journeys
        With its event record.
    scenario : Scenario
        The same, for unit costs.
    """

    def __init__(self, journeys: Journeys, scenario: Scenario) -> None:
        self.journeys, self.scenario = journeys, scenario
        self._rows: dict[tuple[str, float, float], Values] = {}
        self._families: dict[tuple[str, ...], Bools] = {}
        self._once: dict[Callable[[Seen], Any], Any] = {}

    def once(self, make: Callable[[Seen], Made]) -> Made:
        """What a function makes of this replicate, made at the first call."""
        if make not in self._once:
            self._once[make] = make(self)
        made: Made = self._once[make]
        return made

    @cached_property
    def stays(self) -> Stays:
        """Where every child lived."""
        return stays_of(self.journeys)

    @cached_property
    def born(self) -> Floats:
        """Day of birth, by row of the table of children."""
        c, f = self.journeys.tables["children"], self.journeys.tables["families"]
        return np.asarray(counted_from(f)[c["family"]] - c["age_at_entry"], np.float64)

    @cached_property
    def born_youngest(self) -> Floats:
        """Day of birth of the youngest child, by row of the table of families."""
        f = self.journeys.tables["families"]
        return np.asarray(counted_from(f) - f["youngest_days"], np.float64)

    @cached_property
    def first_stay(self) -> Ints:
        """For each stay, the one with which its period of care began."""
        stays = self.stays
        began = np.isin(stays.began_by, (W.AT_ENTRY, W.RE_ENTRY))
        place = np.arange(len(stays))
        return np.maximum.accumulate(np.where(began, place, 0)) if len(stays) else place

    @cached_property
    def orders(self) -> np.ndarray:
        """Every order made, by group and time."""
        r = self.journeys.record
        r = r[r["event"] == W.ORDER_MADE]
        return r[np.lexsort((r["time"], r["subject"]))]

    def order_by(self, group: Ints, day: Floats) -> tuple[Ints, Floats]:
        """The last order that each group had by a day, and when it was made; NaN where there was none."""
        orders = self.orders
        last = last_before(orders["subject"], orders["time"], group, day + 1e-6)
        made = last >= 0
        if not len(orders):
            return np.zeros(len(group), np.int64), np.full(len(group), np.nan)
        kind = np.where(made, orders["value"][last].astype(np.int64), W.NO_ORDER_YET)
        return kind, np.where(made, orders["time"][last], np.nan)

    def marches(self, first: float, last: float) -> list[tuple[int, float]]:
        """The 31 Marches of a period: year, and the end of the day in days since `start_date`."""
        j = self.journeys
        years = range(j.date(first).year, j.date(last).year + 1)
        ends = [(year, day_of(j, dt.date(year, 4, 1))) for year in years]
        return [(year, day) for year, day in ends if first < day <= last]

    def of_children(self, child: Ints, **more: Any) -> Values:
        """Values of these children, by row number in their table."""
        family = self.journeys.tables["children"]["family"][child].astype(np.int64)
        return Values(family=family, born=self.born[child], **more)

    def of_families(self, family: Ints, **more: Any) -> Values:
        """Values of these families."""
        return Values(family=family, born=self.born_youngest[family], **more)

    def rows(self, what: Quantity, first: float, last: float) -> Values:
        """The rows of a quantity, made once."""
        whole = what.moment == "flow" and not what.windowed
        key = (what.name, *((-np.inf, np.inf) if whole else (first, last)))
        if key not in self._rows:
            self._rows[key] = what.rows(self, first, last)
        return self._rows[key]

    def families_of(self, where: tuple[str, ...]) -> Bools:
        """Whether each family belongs to one of these jurisdictions (by its court), sites, boroughs or courts."""
        if where not in self._families:
            self._families[where] = self._belongs(where)
        return self._families[where]

    def _belongs(self, where: tuple[str, ...]) -> Bools:
        f, names = self.journeys.tables["families"], self.journeys.names
        of = np.zeros(len(f), bool)
        for one in where:
            if one in JURISDICTIONS:
                scottish = under_scots_law(self.journeys)
                of |= scottish if one == "scotland" else ~scottish
            for column in ("site", "borough", "court"):
                if one in names[f"{column}s"]:
                    of |= f[column] == names[f"{column}s"].index(one)
        return of


def counted(
    seen: Seen,
    what: Quantity,
    population: Subpopulation,
    taken: Taken,
    since: dt.date | None,
    until: dt.date | None,
) -> tuple[float, float]:
    """A figure of one replicate, as what it is divided by and what is divided: pooled over replicates by adding both.

    Parameters
    ----------
    seen : Seen
    what : Quantity
    population : Subpopulation
    taken : Taken
    since, until : datetime.date, optional
        First and last day of the period, both included; by default the whole run without its warm-up.

    Returns
    -------
    top, bottom : float
        The figure is `top` / `bottom`. NaN and 0 where nobody is to be counted, or the period was not all simulated.
    """
    j = seen.journeys
    first = 0.0 if since is None else day_of(j, since)
    last = j.end if until is None else day_of(j, until) + 1.0
    marches = seen.marches(first, last) if what.moment == "snapshot" else []
    earliest = marches[0][1] if marches else first
    if first < 0.0 or last > j.end + 1.0 or earliest - what.before < j.start:
        return _NOBODY
    rows = seen.rows(what, first, last)
    use = np.ones(len(rows.value), bool)
    if what.moment != "run":
        use &= (rows.at > first) & (rows.at <= last)
    rows = rows[use & _who(seen, rows, what, population)]
    if taken.statistic == "count":
        times = len(marches) if what.moment == "snapshot" else (last - first) / YEAR
        if what.moment == "run":
            times = 1.0
        return float(_meets(rows.value, what, taken).sum()), float(times)
    return _made(rows, what, taken)


def _who(seen: Seen, rows: Values, what: Quantity, population: Subpopulation) -> Bools:
    use = np.ones(len(rows.value), bool)
    f = seen.journeys.tables["families"]
    if population.where:
        use &= seen.families_of(population.where)[rows.family]
    if population.arms:
        use &= np.isin(f["arm"][rows.family], [W.ARMS.index(one) for one in population.arms])
    if population.age is not None:
        use &= _between((rows.at - rows.born) / YEAR, population.age)
    if population.age_at_entry is not None:
        use &= _between((f["entered"][rows.family] - rows.born) / YEAR, population.age_at_entry)
    if population.in_care_months is not None:
        assert rows.in_care is not None
        use &= _between(rows.in_care / MONTH, population.in_care_months)
    for key, names in population.having.items():
        use &= np.isin(rows.having[key], [what.having[key].index(one) for one in names])
    return use


def _made(rows: Values, what: Quantity, taken: Taken) -> tuple[float, float]:
    value = rows.value
    known = ~np.isnan(value)
    if taken.statistic == "rate":
        exposure = np.ones(len(value)) if rows.exposure is None else rows.exposure
        total = float(exposure.sum())
        return (float(value[known].sum()), total) if total > 0.0 else _NOBODY
    value = value[known]
    n = float(len(value))
    if not n:
        return _NOBODY
    if taken.statistic == "share":
        return float(_meets(value, what, taken).sum()), n
    if taken.statistic == "median":
        return n * float(np.median(value)), n
    if taken.statistic == "sd":
        return (n * float(value.std(ddof=1)), n) if n > 1 else _NOBODY
    return float(value.sum()), n


def _meets(value: Floats, what: Quantity, taken: Taken) -> Bools:
    """Which values are among those that a share or a count is of."""
    if taken.named:
        return np.isin(value, [what.names.index(one) for one in taken.named])
    low = -np.inf if taken.at_least is None else taken.at_least
    high = np.inf if taken.below is None else taken.below
    return np.asarray((value >= low) & (value < high), bool)


def _between(value: Floats, limits: tuple[float, float]) -> Bools:
    return np.asarray((value >= limits[0]) & (value < limits[1]), bool)


def last_before(subject: Any, time: Any, of: Ints, day: Floats) -> Ints:
    """For each of some subjects and days, its last row before the day in a table ordered by subject and time.

    Parameters
    ----------
    subject, time : array
        Of the table.
    of, day : array
        Subjects, and until when.

    Returns
    -------
    numpy.ndarray of int
        Row numbers; -1 where there is none.
    """
    subject, time = np.asarray(subject), np.asarray(time)
    if not len(subject):
        return np.full(len(of), -1, np.int64)
    first = np.searchsorted(subject, of, side="left")
    low, high = first.copy(), np.searchsorted(subject, of, side="right")
    # bisection within each subject's own rows
    while (going := low < high).any():
        middle = (low + high) // 2
        later = time[np.minimum(middle, len(time) - 1)] > day
        high, low = np.where(going & later, middle, high), np.where(going & ~later, middle + 1, low)
    return np.where(low > first, low - 1, -1)
