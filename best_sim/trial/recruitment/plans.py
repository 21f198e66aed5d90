"""What is expected of a borough: families screened and randomised, day by day."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from best_sim.scenario.durations import YEAR

Floats = NDArray[np.float64]
Stage = Literal["screened", "eligible", "randomised"]

AT_ONCE = (1.0,)
"""A delay of no time, by day."""
_QUANTILES = 4000  # by which a delay's distribution is known


@dataclass(frozen=True, kw_only=True)
class BoroughPlan:
    """What is expected of one borough.

    Attributes
    ----------
    name : str
    opens : datetime.date
        First day on which families are screened.
    closes : datetime.date or None
        First day on which they no longer are; None if that is not set.
    entries : tuple of (datetime.date, float)
        Families entering care per year from each date on, dates rising; the first also holds before its date.
    eligible : float
        Share of families that are eligible and invited.
    consent : float
        Share of those whose parents consent and who are randomised.
    shape : float
        Shape of the gamma variable by which the borough's rate departs from its plan: one over the square of the
        coefficient of variation; infinite if it does not depart.
    pauses : tuple of (datetime.date, datetime.date)
        First day of each pause, and first day after it.
    site : str
        Boroughs of one site share their consent.
    title : str
        As it is shown; empty if that is the name.
    known_since : datetime.date or None
        Day from which families are counted at all; None if families who became known long before the opening may be
        invited.
    to_invitation, to_randomisation : tuple of float
        Share of families by whole days from entry to screening and invitation, and from there to randomisation;
        made by :func:`delay_by_day`.

    Raises
    ------
    ValueError
        If anything is not as said, with everything that is wrong.
    """

    name: str
    opens: dt.date
    entries: tuple[tuple[dt.date, float], ...]
    eligible: float
    consent: float
    shape: float = math.inf
    closes: dt.date | None = None
    pauses: tuple[tuple[dt.date, dt.date], ...] = ()
    site: str = ""
    title: str = ""
    known_since: dt.date | None = None
    to_invitation: tuple[float, ...] = field(default=AT_ONCE, repr=False)
    to_randomisation: tuple[float, ...] = field(default=AT_ONCE, repr=False)

    def __post_init__(self) -> None:
        wrong = []
        dates = [day for day, _ in self.entries]
        if not dates or any(later <= earlier for earlier, later in zip(dates, dates[1:], strict=False)):
            wrong.append("entries need at least one date, each after the one before")
        if not all(0.0 <= rate < math.inf for _, rate in self.entries):
            wrong.append(f"entries are {[rate for _, rate in self.entries]}; none may be negative")
        for what in ("eligible", "consent"):
            if not 0.0 <= getattr(self, what) <= 1.0:
                wrong.append(f"{what} is {getattr(self, what)}; it may be between 0 and 1")
        if not self.shape > 0.0:
            wrong.append(f"shape is {self.shape}; it has to be positive")
        if self.closes is not None and self.closes <= self.opens:
            wrong.append(f"it closes on {self.closes}, and opens on {self.opens}")
        wrong += [f"a pause from {a} ends on {b}" for a, b in self.pauses if b <= a]
        for what in ("to_invitation", "to_randomisation"):
            shares = np.asarray(getattr(self, what), dtype=np.float64)
            if shares.size == 0 or np.any(shares < 0.0) or abs(shares.sum() - 1.0) > 1e-9:
                wrong.append(f"the shares by day of {what} have to be at least one, none negative, of sum 1")
        if wrong:
            raise ValueError(f"The plan of {self.name} can't be used: {'; '.join(wrong)}")

    @property
    def shown(self) -> str:
        """Title, or the name where there is none."""
        return self.title or self.name


def delay_by_day(*quantiles: Callable[[float], float]) -> tuple[float, ...]:
    """A delay, or a sum of independent delays, as shares by whole days.

    Parameters
    ----------
    *quantiles : callable
        Quantile function of each delay, in days; a `best_sim.scenario.Duration` has one, and so has scipy's ``ppf``.

    Returns
    -------
    tuple of float
        Share of families, entering at any time of a day, for whom the end of the delay falls 0, 1, 2, ... days later.

    Raises
    ------
    ValueError
        If a quantile is negative.

    Notes
    -----
    Each distribution is known at 4,000 quantiles, so the one family in 8,000 with the longest delay is taken as the
    one just before it. The mean is that of the quantiles; each of several delays is taken to begin at any time of a
    day, which spreads their sum by a fraction of a day.
    """
    total = np.ones(1)
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    for quantile in quantiles:
        days = np.array([quantile(level) for level in levels])
        if np.any(days < 0.0):
            raise ValueError(f"a delay has a quantile of {days.min()} days; it may not be negative")
        whole = np.floor(days).astype(int)
        later = days - whole  # of families entering at any time of the day, so many get to one day more
        shares = np.bincount(whole, 1.0 - later, minlength=whole[-1] + 2) + np.bincount(whole + 1, later)
        total = np.convolve(total, shares / _QUANTILES)
    return of_sum_one(total)


def of_sum_one(shares: Floats) -> tuple[float, ...]:
    """Shares by day that sum to one, without the empty days at their end."""
    last = int(np.flatnonzero(shares)[-1])
    return tuple((shares[: last + 1] / shares.sum()).tolist())


@dataclass(frozen=True)
class ExpectedByDay:
    """Families that a plan expects to screen on each day, and to have randomised before each day and after the last."""

    first: dt.date
    screened: Floats
    reached: Floats

    @classmethod
    def of(cls, plan: BoroughPlan, until: dt.date) -> ExpectedByDay:
        """That of a plan, to a date."""
        before = len(plan.to_invitation) - 1
        first = plan.opens - dt.timedelta(days=before)
        n = max((until - first).days, before) + 1
        entries = _step(plan.entries, first, n) / YEAR
        if plan.known_since is not None:
            entries[: max((plan.known_since - first).days, 0)] = 0.0
        screened = _delayed(entries, plan.to_invitation)
        closed = np.zeros(n, dtype=bool)
        closed[:before] = True
        ends = () if plan.closes is None else ((plan.closes, dt.date.max),)
        for since, to in (*plan.pauses, *ends):
            closed[max((since - first).days, 0) : max((to - first).days, 0)] = True
        screened[closed] = 0.0
        randomised = _delayed(screened * plan.eligible * plan.consent, plan.to_randomisation)
        return cls(first, screened, np.append(0.0, np.cumsum(randomised)))


def _delayed(by_day: Floats, shares: Sequence[float]) -> Floats:
    """What happens on each day, after a delay of which the shares by day are given."""
    from scipy import signal

    # By Fourier transforms where that is faster: decades of days by years of delays are a thousand million products.
    # They leave rounding errors of either sign where nothing happens.
    return np.maximum(signal.convolve(by_day, np.asarray(shares), method="auto"), 0.0)[: len(by_day)]


def _step(series: Sequence[tuple[dt.date, float]], first: dt.date, n: int) -> Floats:
    """A step function by date, on each of n days."""
    days = np.array([(day - first).days for day, _ in series])
    values = np.array([value for _, value in series], dtype=np.float64)
    return values[np.maximum(np.searchsorted(days, np.arange(n), side="right") - 1, 0)]


def expected_randomised(plan: BoroughPlan, dates: Sequence[dt.date]) -> Floats:
    """Families that a borough is expected to have randomised before each date, if it keeps to its plan.

    Parameters
    ----------
    plan : BoroughPlan
    dates : sequence of datetime.date

    Returns
    -------
    (n_dates,) array
        Never falling in the date. Exact if the plan has no delays; else to a fraction of a day's recruits.
    """
    if not dates:
        return np.zeros(0)
    calendar = ExpectedByDay.of(plan, max(dates))
    days = [(day - calendar.first).days for day in dates]
    return calendar.reached[np.clip(days, 0, len(calendar.reached) - 1)]


def expected_by_screening(
    plan: BoroughPlan, edges: Sequence[dt.date], stage: Stage = "randomised", cut_off: dt.date | None = None
) -> Floats:
    """Families expected of a borough in each period, by the date on which they were screened.

    Parameters
    ----------
    plan : BoroughPlan
    edges : sequence of datetime.date
        Rising; period i goes from ``edges[i]`` to before ``edges[i + 1]``.
    stage : {"screened", "eligible", "randomised"}
        Which families are counted.
    cut_off : datetime.date, optional
        For those randomised: only those who were randomised before this date. Of families screened shortly before
        it, some have yet to answer, which is not a falling rate.

    Returns
    -------
    (n_edges - 1,) array

    Raises
    ------
    ValueError
        If the edges do not rise.
    """
    if any(later <= earlier for earlier, later in zip(edges, edges[1:], strict=False)):
        raise ValueError("edges have to rise")
    calendar = ExpectedByDay.of(plan, max(edges))
    by_day = calendar.screened * {"screened": 1.0, "eligible": plan.eligible}.get(
        stage, plan.eligible * plan.consent
    )
    if stage == "randomised" and cut_off is not None:
        left = (cut_off - calendar.first).days - np.arange(len(by_day))
        done = np.append(0.0, np.cumsum(plan.to_randomisation))  # within 0, 1, 2, ... whole days of the day
        by_day = by_day * done[np.clip(left, 0, len(done) - 1)]
    reached = np.append(0.0, np.cumsum(by_day))
    return np.diff(reached[np.clip([(day - calendar.first).days for day in edges], 0, len(reached) - 1)])


def counts_by_plan(plans: Sequence[BoroughPlan], counts: Mapping[str, int]) -> tuple[int, ...]:
    """Counts by borough in the order of the plans."""
    names = [plan.name for plan in plans]
    unknown = sorted(set(counts) - set(names))
    if unknown:
        raise ValueError(f"there is no plan for {', '.join(unknown)}; there are plans for {', '.join(names)}")
    return tuple(int(counts.get(name, 0)) for name in names)
