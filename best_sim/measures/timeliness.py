"""Timeliness: how long until the court decides, and until a child lives with those who will bring them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.measures.observed import (
    MONTH,
    WEEK,
    Floats,
    labels,
    named,
    nth_of,
    stays_of,
    year_in,
)
from best_sim.pathway import words as W

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

STATUTORY_WEEKS = 26.0
"""Children Act 1989, section 32, as amended in 2014."""
_NEVER = "not yet"


def decided_cases(journeys: Journeys, since: float = 0.0) -> pd.DataFrame:
    """Every set of proceedings that was decided in the window.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date` from which decisions are counted; the proceedings may have been issued before it.

    Returns
    -------
    pandas.DataFrame
        One row for each decision: case, family, court, arm (of the family's first proceedings; later ones are after
        re-entry, and not allocated), again (0 for first proceedings), year (of the decision), weeks (from issue to
        decision), hearings.

    Notes
    -----
    Counted by the year of the decision, as the Family Court Statistics Quarterly counts disposals. Durations by year of
    issue would leave out cases that are still open.
    """
    record = journeys.record
    issued = record[record["event"] == W.PROCEEDINGS_ISSUED]
    decided = record[record["event"] == W.CASE_DECIDED]
    issued = issued[np.argsort(issued["subject"], kind="stable")]
    decided = decided[np.argsort(decided["subject"], kind="stable")]
    # a case is issued again only after it was decided, so its n-th decision belongs to its n-th issue
    case = decided["subject"].astype(np.int64)
    first = np.searchsorted(issued["subject"], case)
    of = first + nth_of(case)
    use = decided["time"] >= since
    case, of, decided = case[use], of[use], decided[use]
    family = journeys.tables["cases"]["family"][case]
    again = issued["value"][of].astype(np.int64)
    named = labels(journeys, family, ("court", "arm"))
    arm = named["arm"]
    arm[again > 0] = W.ARMS[W.NOT_ALLOCATED]
    return pd.DataFrame(
        {
            "case": case,
            "family": family,
            "court": named["court"],
            "arm": arm,
            "again": again,
            "year": year_in(journeys, decided["time"]),
            "weeks": (decided["time"] - issued["time"][of]) / WEEK,
            "hearings": decided["value"].astype(np.int64),
        }
    )


def proceedings_by(journeys: Journeys, by: Sequence[str] = ("year",), since: float = 0.0) -> pd.DataFrame:
    """Duration of proceedings and hearings per case, by year of decision, court or arm.

    Parameters
    ----------
    journeys : Journeys
    by : sequence of {"year", "court", "arm", "again"}
    since : float
        As `decided_cases` takes it.

    Returns
    -------
    pandas.DataFrame
        One row for each group: cases, mean_weeks, median_weeks, within_26 (share decided within 26 weeks), hearings
        (mean per case).
    """
    cases = decided_cases(journeys, since)
    cases["within_26"] = cases["weeks"] <= STATUTORY_WEEKS
    groups = cases.groupby(list(by), observed=True, sort=True) if by else cases.groupby(lambda _: 0)
    out = groups.agg(
        cases=("weeks", "size"),
        mean_weeks=("weeks", "mean"),
        median_weeks=("weeks", "median"),
        within_26=("within_26", "mean"),
        hearings=("hearings", "mean"),
    )
    return out.reset_index(drop=not by)


def time_to_permanence(journeys: Journeys, since: float = 0.0) -> pd.DataFrame:
    """Time from entry to care until a child first lives with those who are to bring them up.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date`; children who entered before it are left out.

    Returns
    -------
    pandas.DataFrame
        One row for each child: child, family, arm, site, days (to permanence, or to the end of the run), reached
        (whether it is permanence), to (home, special guardianship, placed for adoption or long-term foster care; "not
        yet" where not reached).

    Notes
    -----
    Children who have not reached it are censored at the end of the run, whatever happens to them, so censoring does not
    depend on how they fare. An adoptive placement counts from the day the child moves in, not from the order.
    """
    c = journeys.tables["children"]
    child = journeys.lived
    family = c["family"][child]
    entered = journeys.tables["families"]["entered"][family]
    use = (entered >= since) & (entered <= journeys.end)
    child, family, entered = child[use], family[use], entered[use]
    at = journeys.tables["groups"]["permanent_at"][c["group"][child]]
    reached = at <= journeys.end  # False where NaN
    where = np.full(len(c), len(W.PLACEMENT_TYPES))
    stays = stays_of(journeys)
    here = stays.start == journeys.tables["groups"]["permanent_at"][c["group"][stays.child]]
    where[stays.child[here]] = stays.place[here]
    to = named((*W.PLACEMENT_TYPES, _NEVER), where[child])
    return pd.DataFrame(
        {
            "child": child,
            "family": family,
            **labels(journeys, family, ("arm", "site")),
            "days": np.where(reached, at, journeys.end) - entered,
            "reached": reached,
            "to": to.remove_unused_categories(),
        }
    )


def share_permanent(
    journeys: Journeys,
    months: Sequence[float] = (6, 12, 18, 24, 30),
    by: Sequence[str] = ("arm",),
    since: float = 0.0,
) -> pd.DataFrame:
    """Share of children who have reached permanence so many months after entry.

    Parameters
    ----------
    journeys : Journeys
    months : sequence of float
    by : sequence of {"arm", "site"}
        Groups; by default the arms.
    since : float
        As `time_to_permanence` takes it.

    Returns
    -------
    pandas.DataFrame
        One row for each group and month: month, children (in the group), share (Kaplan-Meier; NaN beyond the last time
        at which anybody is observed).

    Raises
    ------
    ValueError
        If grouped by anything else.
    """
    wrong = [name for name in by if name not in ("arm", "site")]
    if wrong:
        raise ValueError(f"by: found {wrong[0]!r}, allowed 'arm', 'site'")
    table = time_to_permanence(journeys, since)
    at = np.asarray(months, np.float64)
    parts = []
    groups = table.groupby(list(by), observed=True, sort=True) if by else [((), table)]
    for name, mine in groups:
        key = dict(zip(by, name if isinstance(name, tuple) else (name,), strict=True))
        share = 1.0 - kaplan_meier(mine["days"].to_numpy(), mine["reached"].to_numpy(), at * MONTH)
        parts.append(pd.DataFrame({**key, "month": at, "children": len(mine), "share": share}))
    return pd.concat(parts, ignore_index=True)


def kaplan_meier(days: Floats, reached: np.ndarray, at: Floats) -> Floats:
    """The product-limit estimate of the share not yet there (Kaplan and Meier 1958).

    Parameters
    ----------
    days : numpy.ndarray of float
        Time to the event or to censoring.
    reached : numpy.ndarray of bool
        Whether it is the event.
    at : numpy.ndarray of float
        Times at which the estimate is wanted.

    Returns
    -------
    numpy.ndarray of float
        As many as `at`; NaN beyond the last time observed, unless the estimate has reached zero.

    Notes
    -----
    Inside the replication loop a library's fit would cost more than it is worth; a test holds this against lifelines.
    """
    if not len(days):
        return np.full(len(at), np.nan)
    event, count = np.unique(days[reached], return_counts=True)
    at_risk = len(days) - np.searchsorted(np.sort(days), event, side="left")
    left = np.append(1.0, np.cumprod(1.0 - count / at_risk))
    out = left[np.searchsorted(event, at, side="right")]
    return np.where((at > days.max()) & (left[-1] > 0.0), np.nan, out)
