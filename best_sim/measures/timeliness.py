"""Timeliness: how long until the court decides, and until a child lives with those who will bring them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from best_sim.measures.groups import child_labels, require_groups
from best_sim.measures.observed import (
    MONTH,
    WEEK,
    Floats,
    Ints,
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
PERMANENCE = (W.HOME, W.SPECIAL_GUARDIANSHIP, W.PLACED_FOR_ADOPTION, W.LONG_TERM_FOSTER)
"""What permanence may be: placement types."""
EXITS = (W.HOME, W.SPECIAL_GUARDIANSHIP, W.ADOPTED)
"""How a child may leave care: placement types."""
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


def time_to_exit(journeys: Journeys, since: float = 0.0) -> pd.DataFrame:
    """Time from entry to care until a child first leaves it.

    Parameters
    ----------
    journeys : Journeys
    since : float
        Days since `start_date`; children who entered before it are left out.

    Returns
    -------
    pandas.DataFrame
        One row for each child: child, family, arm, site, days (to the exit, or to the end of the run), reached (whether
        it is an exit), to (home, special guardianship or adopted; "not yet" where not reached).

    Notes
    -----
    Only the first exit; a child may come back. Long-term foster care and an adoptive placement before the order are
    permanence, but no exit: the child is still looked after.
    """
    c = journeys.tables["children"]
    child = journeys.lived
    family = c["family"][child]
    entered = journeys.tables["families"]["entered"][family]
    use = (entered >= since) & (entered <= journeys.end)
    child, family, entered = child[use], family[use], entered[use]
    stays = stays_of(journeys)
    left = stays[~stays.in_care & (stays.start <= journeys.end)]
    # stays are in order of child and time, so that the first of each is the first exit
    who, first = np.unique(left.child, return_index=True)
    at, where = np.full(len(c), np.nan), np.full(len(c), len(W.PLACEMENT_TYPES))
    at[who], where[who] = left.start[first], left.place[first]
    reached = ~np.isnan(at[child])
    to = named((*W.PLACEMENT_TYPES, _NEVER), where[child])
    return pd.DataFrame(
        {
            "child": child,
            "family": family,
            **labels(journeys, family, ("arm", "site")),
            "days": np.where(reached, at[child], journeys.end) - entered,
            "reached": reached,
            "to": to.remove_unused_categories(),
        }
    )


def incidence(
    journeys: Journeys,
    months: Sequence[float] = (6, 12, 18, 24, 30),
    by: Sequence[str] = (),
    since: float = 0.0,
    split: float | None = None,
    of: Literal["permanence", "exit"] = "permanence",
) -> pd.DataFrame:
    """Shares of children who have reached each kind of permanence, or left care each way, others competing with it.

    Parameters
    ----------
    journeys : Journeys
    months : sequence of float
        Months since entry to care.
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
        Groups; by default all children together. A period is that of the entry to care.
    since : float
        Days since `start_date`; children who entered before it are left out.
    split : float, optional
        Days since `start_date` between entries before and after.
    of : {"permanence", "exit"}

    Returns
    -------
    pandas.DataFrame
        One row for each group, kind and month: to, month, children (in the group), share (Aalen-Johansen; NaN beyond
        the last time at which anybody is observed).

    Raises
    ------
    ValueError
        If the groups can't be used, or `of` is neither.

    Notes
    -----
    Censoring is by the end of the run alone. The kinds' shares add up to one less the Kaplan-Meier estimate of
    `share_permanent`.
    """
    if of not in ("permanence", "exit"):
        raise ValueError(f"of: found {of!r}, allowed 'permanence', 'exit'")
    require_groups(by, split)
    table = time_to_permanence(journeys, since) if of == "permanence" else time_to_exit(journeys, since)
    kinds = PERMANENCE if of == "permanence" else EXITS
    names = [W.PLACEMENT_TYPES[kind] for kind in kinds]
    cause = np.zeros(len(table), np.int64)
    for number, name in enumerate(names, start=1):
        cause[(table["to"] == name).to_numpy()] = number
    child = table["child"].to_numpy()
    entered = journeys.tables["families"]["entered"][table["family"].to_numpy()]
    group = child_labels(journeys, child, by, at=entered, split=split)
    table = pd.DataFrame({**group, "days": table["days"].to_numpy(), "cause": cause})
    at = np.asarray(months, np.float64)
    parts = []
    for key, mine in table.groupby(list(by), observed=True, sort=True) if by else [((), table)]:
        own = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        shares = aalen_johansen(
            mine["days"].to_numpy(), mine["cause"].to_numpy(), at * MONTH, kinds=len(names)
        )
        for name, share in zip(names, shares, strict=True):
            parts.append(
                pd.DataFrame({**own, "to": name, "month": at, "children": len(mine), "share": share})
            )
    columns = [*by, "to", "month", "children", "share"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def share_permanent(
    journeys: Journeys,
    months: Sequence[float] = (6, 12, 18, 24, 30),
    by: Sequence[str] = ("arm",),
    since: float = 0.0,
    split: float | None = None,
) -> pd.DataFrame:
    """Share of children who have reached permanence so many months after entry.

    Parameters
    ----------
    journeys : Journeys
    months : sequence of float
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
        Groups; by default the arms. A period is that of the entry to care.
    since : float
        As `time_to_permanence` takes it.
    split : float, optional
        Days since `start_date` between entries before and after.

    Returns
    -------
    pandas.DataFrame
        One row for each group and month: month, children (in the group), share (Kaplan-Meier; NaN beyond the last time
        at which anybody is observed).

    Raises
    ------
    ValueError
        If grouped by anything else, or by period without a day that parts them.
    """
    require_groups(by, split)
    table = time_to_permanence(journeys, since)
    entered = journeys.tables["families"]["entered"][table["family"].to_numpy()]
    table = table.assign(**child_labels(journeys, table["child"].to_numpy(), by, at=entered, split=split))
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


def aalen_johansen(days: Floats, cause: Ints, at: Floats, kinds: int) -> Floats:
    """Shares who have had each kind of event, the others competing with it (Aalen and Johansen 1978).

    Parameters
    ----------
    days : numpy.ndarray of float
        Time to the event or to censoring.
    cause : numpy.ndarray of int
        The kind of event, from 1 to `kinds`; 0 where censored.
    at : numpy.ndarray of float
        Times at which the estimates are wanted.
    kinds : int

    Returns
    -------
    numpy.ndarray of float, shape (kinds, len(at))
        NaN beyond the last time observed, unless everybody has had an event by then.

    Notes
    -----
    Without standard errors, for the replication loop; `best_sim.trial.analysis.cumulative_incidence` has them, and a
    test holds this against it.
    """
    if not len(days):
        return np.full((kinds, len(at)), np.nan)
    event = np.unique(days[cause > 0])
    at_risk = len(days) - np.searchsorted(np.sort(days), event, side="left")
    where = np.searchsorted(event, days[cause > 0])
    counts = np.zeros((kinds, len(event)))
    np.add.at(counts, (cause[cause > 0] - 1, where), 1.0)
    left = np.append(1.0, np.cumprod(1.0 - counts.sum(axis=0) / at_risk))
    steps = np.zeros((kinds, len(event) + 1))
    steps[:, 1:] = np.cumsum(left[:-1] * counts / at_risk, axis=1)
    out = steps[:, np.searchsorted(event, at, side="right")]
    return np.where((at > days.max()) & (left[-1] > 0.0), np.nan, out)
