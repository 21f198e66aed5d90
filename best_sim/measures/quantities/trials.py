"""The trial: who is recruited, allocated, served and seen, with which scores and at what cost."""

from __future__ import annotations

import numpy as np

from best_sim.measures.costs import service_costs
from best_sim.measures.observed import Bools, Floats, day_of
from best_sim.measures.quantities.definition import Seen, Values, quantity
from best_sim.pathway import words as W
from best_sim.scenario.durations import MONTH, WEEK, YEAR

_NO_YES = ("no", "yes")
_VISIT = {"visit": tuple(str(k + 1) for k in range(W.VISITS))}


def _families(seen: Seen, use: Bools, value: Floats) -> Values:
    """Families of the trial, by the day on which they were randomised."""
    f = seen.journeys.tables["families"]
    family = np.flatnonzero(use)
    return seen.of_families(
        family, value=np.asarray(value, float)[use], at=f["randomised"][use].astype(float)
    )


def _by_children(seen: Seen, rows: Values) -> Values:
    """A row of a family for each of its children."""
    n = seen.journeys.tables["families"]["n_children"][rows.family].astype(np.int64)
    return seen.of_families(
        np.repeat(rows.family, n), value=np.repeat(rows.value, n), at=np.repeat(rows.at, n)
    )


def _randomised(seen: Seen) -> Bools:
    f = seen.journeys.tables["families"]
    return np.asarray((f["arm"] != W.NOT_ALLOCATED) & (f["n_children"] > 0), bool)


@quantity("families randomised, of so many in all", "families", "run")
def families_randomised(seen: Seen, first: float, last: float) -> Values:
    """One row for each family randomised in the period."""
    f = seen.journeys.tables["families"]
    use = _randomised(seen) & (f["randomised"] > first) & (f["randomised"] <= last)
    return _families(seen, use, np.ones(len(f)))


@quantity("children of families randomised", "children", "run")
def children_randomised(seen: Seen, first: float, last: float) -> Values:
    """One row for each child of a family randomised in the period."""
    rows = families_randomised.rows(seen, first, last)
    return _by_children(seen, rows)


@quantity(
    "months from the first day of the period until the published number of families was randomised",
    "months",
    "run",
)
def months_to_full_size(seen: Seen, first: float, last: float) -> Values:
    """One row where so many were randomised, none where not; the number is that of families published, 382."""
    at = np.sort(seen.journeys.tables["families"]["randomised"][_randomised(seen)])
    when = at[_PUBLISHED_SIZE - 1 : _PUBLISHED_SIZE]
    last_family = np.flatnonzero(np.isin(seen.journeys.tables["families"]["randomised"], when))[: len(when)]
    return seen.of_families(last_family, value=(when - first) / MONTH, at=when)


_PUBLISHED_SIZE = 382
"""Crawford et al., Nature Medicine 2025;31:1617-25."""


@quantity("families randomised: whether to LIFT", names=_NO_YES)
def allocated_to_lift(seen: Seen, first: float, last: float) -> Values:
    """Allocation, by the day of randomisation."""
    return _families(seen, _randomised(seen), seen.journeys.tables["families"]["arm"] == W.LIFT)


@quantity("families randomised: whether found ineligible later", names=_NO_YES)
def found_ineligible(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation."""
    return _families(seen, _randomised(seen), ~np.isnan(seen.journeys.tables["families"]["ineligible"]))


@quantity("children of eligible families, by sex", names=("girl", "boy"))
def sex(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation."""
    j = seen.journeys
    f, c = j.tables["families"], j.tables["children"]
    family = c["family"][j.lived]
    use = (_randomised(seen) & np.isnan(f["ineligible"]))[family]
    return seen.of_children(
        j.lived[use],
        value=c["male"][j.lived[use]].astype(float),
        at=f["randomised"][family[use]].astype(float),
    )


@quantity("eligible families whose third visit was due: whether seen", names=_NO_YES)
def family_seen_at_third_visit(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation."""
    f = seen.journeys.tables["families"]
    use = _randomised(seen) & np.isnan(f["ineligible"]) & (f["visit_state"][:, 2] != W.NOT_DUE)
    return _families(seen, use, f["visit_state"][:, 2] == W.SEEN)


@quantity("children of eligible families whose third visit was due: whether seen", names=_NO_YES)
def child_seen_at_third_visit(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation; all children of a family that is seen are."""
    rows = family_seen_at_third_visit.rows(seen, first, last)
    return _by_children(seen, rows)


@quantity(
    "eligible families whose service is settled: whether they received the one allocated", names=_NO_YES
)
def received_service(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation."""
    f = seen.journeys.tables["families"]
    use = _randomised(seen) & np.isnan(f["ineligible"]) & (f["receipt"] != W.PENDING)
    return _families(seen, use, f["receipt"] == W.RECEIVED)


@quantity("eligible families whose service is settled, by what became of it", names=W.RECEIPTS)
def receipt(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation."""
    f = seen.journeys.tables["families"]
    use = _randomised(seen) & np.isnan(f["ineligible"]) & (f["receipt"] != W.PENDING)
    return _families(seen, use, f["receipt"])


# --- visits ---------------------------------------------------------------------------------------------------
def _visits(seen: Seen, column: str) -> Values:
    v = seen.journeys.visits
    v = v[v["seen"] & v[column].notna()]
    child = v["child"].to_numpy(np.int64)
    return seen.of_children(
        child, value=v[column].to_numpy(float), at=v["visit_days"].to_numpy(float),
        having={"visit": v["visit"].to_numpy(np.int64) - 1},
    )  # fmt: skip


@quantity("children seen: SDQ total difficulties", "points", having=_VISIT)
def sdq(seen: Seen, first: float, last: float) -> Values:
    """By the day of the visit."""
    return _visits(seen, "sdq")


@quantity("children seen: PIR-GAS", "points", having=_VISIT)
def pirgas(seen: Seen, first: float, last: float) -> Values:
    """By the day of the visit."""
    return _visits(seen, "pirgas")


@quantity("children seen: weeks from entry to care to the visit", "weeks", having=_VISIT)
def weeks_from_entry_to_visit(seen: Seen, first: float, last: float) -> Values:
    """By the day of the visit."""
    v = seen.journeys.visits
    v = v[v["seen"]]
    family = v["family"].to_numpy(np.int64)
    at = v["visit_days"].to_numpy(float)
    weeks = (at - seen.journeys.tables["families"]["entered"][family]) / WEEK
    return seen.of_children(
        v["child"].to_numpy(np.int64), value=weeks, at=at, having={"visit": v["visit"].to_numpy(np.int64) - 1}
    )


@quantity("children of the trial: moves until the third visit, per year in care", "moves a care-year")
def moves_until_third_visit(seen: Seen, first: float, last: float) -> Values:
    """Further placements in care and time in care, as the trial's outcome on moves has them; by randomisation."""
    j = seen.journeys
    f, c = j.tables["families"], j.tables["children"]
    child = j.lived
    family = c["family"][child]
    use = _randomised(seen)[family] & (f["visit_state"][family, 2] != W.NOT_DUE)
    child, family = child[use], family[use]
    return seen.of_children(
        child, value=c["care_moves_then"][child, 2].astype(float), at=f["randomised"][family].astype(float),
        exposure=c["care_days_then"][child, 2].astype(float) / YEAR,
    )  # fmt: skip


@quantity("children of the trial: whether permanently placed within a year of randomisation", names=_NO_YES)
def permanent_a_year_after_randomisation(seen: Seen, first: float, last: float) -> Values:
    """By the day of randomisation; children who were placed permanently before it are left out."""
    j = seen.journeys
    f, c = j.tables["families"], j.tables["children"]
    child = j.lived
    family = c["family"][child]
    wait = j.tables["groups"]["permanent_at"][c["group"][child]] - f["randomised"][family]
    use = _randomised(seen)[family] & (f["randomised"][family] + YEAR <= j.end) & ~(wait < 0.0)
    return seen.of_children(
        child[use], value=(wait <= YEAR)[use].astype(float), at=f["randomised"][family[use]].astype(float)
    )


# --- cost -----------------------------------------------------------------------------------------------------
@quantity(
    "children of the trial: cost of the service, one mean for each service",
    "GBP",
    "run",
    having={"service": W.ARMS},
)
def service_cost(seen: Seen, first: float, last: float) -> Values:
    """One row for each service: its mean cost per child."""
    costs = service_costs(seen.journeys, seen.scenario)
    value = np.array([float(costs[name]) for name in ("SAU", "LIFT")])
    at = np.full(2, day_of(seen.journeys, seen.journeys.date(last)))
    return Values(
        value, at, np.zeros(2, np.int64), np.zeros(2), having={"service": np.array([W.SAU, W.LIFT])}
    )


ALL = (
    families_randomised,
    children_randomised,
    months_to_full_size,
    allocated_to_lift,
    found_ineligible,
    sex,
    family_seen_at_third_visit,
    child_seen_at_third_visit,
    received_service,
    receipt,
    sdq,
    pirgas,
    weeks_from_entry_to_visit,
    moves_until_third_visit,
    permanent_a_year_after_randomisation,
    service_cost,
)
"""All quantities of this module."""
