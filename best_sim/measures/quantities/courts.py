"""Care proceedings: how long, how many hearings, when the first of them, and what is ordered."""

from __future__ import annotations

import numpy as np
import pandas as pd

from best_sim.measures.observed import Bools, Floats, Ints
from best_sim.measures.quantities.definition import Seen, Values, last_before, quantity
from best_sim.pathway import words as W
from best_sim.scenario.durations import WEEK, YEAR

_AGAIN = ("first", "again")
_CASE = {"proceedings": _AGAIN}
_ROUTE = {"route": W.ROUTES}


def _of_cases(seen: Seen, table: pd.DataFrame, use: Bools, value: Floats, at: Floats) -> Values:
    again = (table["again"].to_numpy() > 0).astype(np.int64)[use]
    family = table["family"].to_numpy(np.int64)[use]
    return seen.of_families(family, value=value[use], at=at[use], having={"proceedings": again})


def _decided(seen: Seen, column: str, scale: float = 1.0) -> Values:
    table = seen.journeys.proceedings
    at = table["decided_days"].to_numpy(float)
    return _of_cases(seen, table, ~np.isnan(at), table[column].to_numpy(float) * scale, at)


@quantity("care proceedings decided: from issue to the final order", "weeks", having=_CASE)
def weeks_of_proceedings(seen: Seen, first: float, last: float) -> Values:
    """By the day of the decision, as disposals are counted."""
    return _decided(seen, "weeks")


@quantity("care proceedings decided: hearings held", "hearings", having=_CASE)
def hearings_of_case(seen: Seen, first: float, last: float) -> Values:
    """By the day of the decision."""
    return _decided(seen, "hearings")


def _first_hearing(seen: Seen, table: pd.DataFrame, kind: int | None) -> Floats:
    """For each set of proceedings, the first hearing (of a kind) after its issue; NaN where there was none."""
    r = seen.journeys.record
    held = r[W.which(W.HEARING_HELD, r["event"]) >= 0]
    if kind is not None:
        held = held[held["value"] == kind]
    held = held[np.lexsort((held["time"], held["subject"]))]
    case, issued = table["case"].to_numpy(np.int64), table["issued_days"].to_numpy(float)
    if not len(held):
        return np.full(len(case), np.nan)
    before = last_before(held["subject"], held["time"], case, issued - 1e-9)
    start = np.searchsorted(held["subject"], case)
    at = np.where(before >= 0, before + 1, start)
    inside = np.minimum(at, len(held) - 1)
    mine = (at < len(held)) & (held["subject"][inside] == case)
    until = table["decided_days"].fillna(np.inf).to_numpy(float)
    time = held["time"][inside]
    return np.where(mine & (time <= until), time, np.nan)


@quantity("care proceedings issued: days to the first case management hearing", "days", having=_CASE)
def days_to_case_management(seen: Seen, first: float, last: float) -> Values:
    """By the day of issue; cases without one are left out."""
    table = seen.journeys.proceedings
    issued = table["issued_days"].to_numpy(float)
    days = _first_hearing(seen, table, W.CASE_MANAGEMENT) - issued
    return _of_cases(seen, table, ~np.isnan(days), days, issued)


@quantity("care proceedings issued: days to the first hearing of any kind", "days", having=_CASE)
def days_to_first_hearing(seen: Seen, first: float, last: float) -> Values:
    """By the day of issue; cases without one are left out. The age is that of the youngest child at issue."""
    table = seen.journeys.proceedings
    issued = table["issued_days"].to_numpy(float)
    days = _first_hearing(seen, table, None) - issued
    return _of_cases(seen, table, ~np.isnan(days), days, issued)


@quantity("children in proceedings on the last day of the period: how long since issue", "weeks", "run")
def weeks_in_open_proceedings(seen: Seen, first: float, last: float) -> Values:
    """One row for each child of a family whose case is open."""
    table = seen.journeys.proceedings
    issued, decided = (table[f"{name}_days"].to_numpy(float) for name in ("issued", "decided"))
    use = (issued <= last) & ~(decided <= last)
    family = table["family"].to_numpy(np.int64)[use]
    n = seen.journeys.tables["families"]["n_children"][family].astype(np.int64)
    weeks = np.repeat((last - issued[use]) / WEEK, n)
    return seen.of_families(np.repeat(family, n), value=weeks, at=np.full(len(weeks), last))


@quantity("children with a final order, by order", names=W.ORDERS, having={"lived": W.PLACEMENT_TYPES})
def final_order(seen: Seen, first: float, last: float) -> Values:
    """The order that ended proceedings, by the child's age then; `lived` is where the child was the day before."""
    orders, j = seen.orders, seen.journeys
    c = j.tables["children"][j.lived]
    by_group = pd.DataFrame({"child": c["index"].astype(np.int64), "group": c["group"].astype(np.int64)})
    made = pd.DataFrame(
        {
            "group": orders["subject"].astype(np.int64),
            "at": orders["time"],
            "order": orders["value"].astype(np.int64),
        }
    )
    both = made.merge(by_group, on="group")
    child, at = both["child"].to_numpy(), both["at"].to_numpy(float)
    stays = seen.stays
    stay = last_before(stays.child, stays.start, child, at - 1.0)
    lived = np.where(stay >= 0, stays.place[np.maximum(stay, 0)], W.HOME) if len(stays) else child
    return seen.of_children(child, value=both["order"].to_numpy(float), at=at, having={"lived": lived})


def _issued(seen: Seen) -> tuple[Ints, Floats, Floats]:
    """Children, when they first came into care, and when their family's first proceedings were issued (or never)."""
    j = seen.journeys
    family = j.tables["children"]["family"][j.lived].astype(np.int64)
    entered = j.tables["families"]["entered"].astype(np.float64)
    issued = np.full(len(entered), np.inf)
    table = j.proceedings
    np.minimum.at(issued, table["family"].to_numpy(np.int64), table["issued_days"].to_numpy(float))
    return family, entered[family], issued[family]


@quantity("children who came into care more than a year ago: whether it came to proceedings", names=("no", "yes"),
          having=_ROUTE)  # fmt: skip
def came_to_proceedings(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry."""
    family, entered, issued = _issued(seen)
    use = entered + YEAR <= seen.journeys.end
    return _of_entries(seen, use, family, np.isfinite(issued).astype(float), entered)


@quantity(
    "children whose family came to proceedings: weeks from entry to care to issue", "weeks", having=_ROUTE
)
def weeks_from_entry_to_issue(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry; below zero where proceedings came first."""
    family, entered, issued = _issued(seen)
    return _of_entries(seen, np.isfinite(issued), family, (issued - entered) / WEEK, entered)


@quantity("children whose family came to proceedings, by when they came into care",
          names=("before_issue", "first_week", "later"))  # fmt: skip
def entry_and_issue(seen: Seen, first: float, last: float) -> Values:
    """By the day of entry; before issue, in the week from it, or later."""
    family, entered, issued = _issued(seen)
    after = entered - issued
    when = np.where(after < 0.0, 0, np.where(after < 7.0, 1, 2))
    return _of_entries(seen, np.isfinite(issued), family, when.astype(float), entered)


def _of_entries(seen: Seen, use: Bools, family: Ints, value: Floats, entered: Floats) -> Values:
    route = seen.journeys.tables["families"]["route"][family[use]].astype(np.int64)
    return seen.of_children(
        seen.journeys.lived[use], value=value[use], at=entered[use], having={"route": route}
    )


@quantity("children in first proceedings: their age at issue", "days")
def age_at_issue(seen: Seen, first: float, last: float) -> Values:
    """By the day of issue."""
    child = seen.journeys.lived
    _, _, issued = _issued(seen)
    use = np.isfinite(issued) & (issued >= seen.born[child])
    return seen.of_children(child[use], value=(issued - seen.born[child])[use], at=issued[use])


@quantity("families with a hearing in the period: hearings a year", "hearings a year", "run")
def hearings_a_year(seen: Seen, first: float, last: float) -> Values:
    """One row for each family with at least one hearing in the period; in Scotland, children's hearings."""
    r = seen.journeys.record
    held = r[W.which((*W.HEARING_HELD, W.CHILDRENS_HEARING_HELD), r["event"]) >= 0]
    held = held[(held["time"] > first) & (held["time"] <= last)]
    of: Ints = seen.journeys.tables["cases"]["family"][held["subject"]].astype(np.int64)
    year = np.floor((held["time"] - first) / YEAR).astype(np.int64)
    pairs, n = np.unique(np.column_stack([of, year]), axis=0, return_counts=True)
    family = pairs[:, 0] if len(pairs) else np.zeros(0, np.int64)
    return seen.of_families(family, value=n.astype(float), at=np.full(len(family), last))


ALL = (
    weeks_of_proceedings,
    hearings_of_case,
    days_to_case_management,
    days_to_first_hearing,
    weeks_in_open_proceedings,
    final_order,
    came_to_proceedings,
    weeks_from_entry_to_issue,
    entry_and_issue,
    age_at_issue,
    hearings_a_year,
)
"""All quantities of this module."""
