"""Small worlds of the table of every parameter: some two hundred families of one borough, and what is switched on."""

from __future__ import annotations

from typing import Any

from small_worlds import (
    BOROUGH,
    COURT,
    FOR_EVER,
    SITE,
    TEAM,
    Changes,
    after,
    always,
    days,
    in_days,
    plain_world,
)

from best_sim.scenario import Scenario


def intake(a_year: float, until: float = 200.0) -> list[dict[str, Any]]:
    """Children a year, until a day, and none after it."""
    return [{"from": after(0), "value": a_year}, {"from": after(until), "value": 0}]


SMALL: Changes = {"simulation.end_date": after(1100), f"{BOROUGH}.entries": intake(400)}
"""Two hundred families in two hundred days, followed for two and a half years."""


def small(changes: Changes) -> Scenario:
    """The plain world, for so long."""
    return plain_world({**SMALL, **changes})


def one_of(names: tuple[str, ...], name: str) -> dict[str, float]:
    """A mix of which all have one."""
    return {each: float(each == name) for each in names}


SIZES = ("one", "two", "three")
ROUTES = ("voluntary", "emergency_or_interim", "during_proceedings")
FIRST = ("foster", "kinship_foster", "parent_and_baby", "with_parents")
NEXT = ("foster", "kinship_foster", "residential")
ASSESSORS = ("in_house", "independent_social_worker", "external_expert")
TREATMENTS = ("parent_infant_psychotherapy", "circle_of_security", "video_interaction_guidance")


def route(name: str) -> Changes:
    """All children come into care so."""
    return {"entry.route": one_of(ROUTES, name)}


def size(name: str) -> Changes:
    """All families have so many children."""
    return {"population.children_per_family": one_of(SIZES, name)}


def first(name: str) -> Changes:
    """Children go there first, where they may."""
    return {"entry.first_placement": one_of(FIRST, name)}


def ordered(name: str) -> Changes:
    """The court's decision is this one, but for one case in thousands."""
    return {f"orders.{name}.intercept": 10.0}


VOLUNTARY, DURING = route("voluntary"), route("during_proceedings")
INFANTS: Changes = {
    "population.under_one_share_of_youngest": always(1.0),
    "population.newborn_share_of_under_one": 0.0,
}
NEWBORNS: Changes = {**INFANTS, "population.newborn_share_of_under_one": 1.0}
OLDER: Changes = {"population.under_one_share_of_youngest": always(0.0)}
KIN: Changes = {"population.kin_available_share": 1.0}
WITH_KIN: Changes = {**KIN, **first("kinship_foster")}
ALL_LIFT: Changes = {"trial.allocation.lift_share": 0.99}
ALL_SAU: Changes = {"trial.allocation.lift_share": 0.01}
NO_TRIAL: Changes = {f"{SITE}.recruiting": always(0)}
IN_A_UNIT: Changes = {**INFANTS, **first("parent_and_baby"), "placements.planned.unit_stay": days(FOR_EVER)}
"""Infants live with a parent in a unit, until the order and beyond."""
TAKEN_FROM_A_UNIT: Changes = {
    **IN_A_UNIT, "placements.planned.unit_stay": days(10), "placements.planned.unit_together": 0.0,
}  # fmt: skip
AT_HOME_FROM_A_UNIT: Changes = {**TAKEN_FROM_A_UNIT, "placements.planned.unit_together": 1.0}
EARLY: Changes = {
    **INFANTS, "placements.planned.early_permanence_share": 1.0, "placements.planned.early_permanence_delay": days(10),
}  # fmt: skip
TREATED: Changes = {
    **ALL_LIFT, "lift.treats": 1.0, "lift.return_may_be_possible": 10.0, "advice.intercept": -1.0,
    f"{TEAM}.psychologists": always(100), "lift.weekly_hours.psychologists": 1.0,
}  # fmt: skip
"""LIFT's families are treated with the birth parents; to some of them a return is advised."""
FEW_CLINICIANS: Changes = {f"{TEAM}.social_workers": always(4)}
FEW_SITTING_DAYS: Changes = {
    f"{COURT}.sitting_days_per_week": always(4), f"{COURT}.hours_per_sitting_day": 5, f"{COURT}.urgent_share": 0.2,
    "proceedings.hours.interim": 0.5, "proceedings.hours.case_management": 0.5,
    "proceedings.hours.issues_resolution": 0.5, "proceedings.hours.final": 2.0,
}  # fmt: skip
"""A court with a queue: of sixteen hours a week for later hearings, new cases ask for as many."""
ADOPTED: Changes = {
    **ordered("placement_order"),
    **{f"placements.planned.adoption_{step}": days(10) for step in ("match", "placed", "order")},
}  # fmt: skip
BREAKS_DOWN: Changes = {
    **VOLUNTARY, "entry.voluntary_never_in_proceedings": 1.0, "entry.voluntary_stay": days(10),
}  # fmt: skip
"""Children go home after ten days; what breaks down at home is what a test sets."""
FOLLOWED: Changes = {
    "visits.first": in_days(30), "visits.second": in_days(200), "visits.third": in_days(400),
    **{f"visits.retention.{visit}": 0.0 for visit in ("first", "second", "third")},
}  # fmt: skip
"""Half of the families are seen at each of three visits."""
