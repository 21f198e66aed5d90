"""The records that processes read and write: one row for each family, child, group of siblings, case, court, ...

A field is either fixed before or at entry (it depends on random numbers and parameters alone) or written by one process
as the story goes on. Times are days since `start_date`; NAN where a thing has not happened. Numbers for names are those
of `best_sim.pathway.words`.

Every parameter is a field under its path in the schema (`best_sim.pathway.parameters`): `world.lift.declines` is
`lift.declines`, and `court.diary` is the diary of that court.
"""

from __future__ import annotations

import numpy as np

from best_sim.engine.luck import SERIES
from best_sim.engine.records import rows, world_dtype
from best_sim.pathway.parameters import fields_of, names_of
from best_sim.pathway.words import ARMS, PLACEMENT_TYPES, PROFESSIONS, VISITS
from best_sim.scenario.schema import (
    MOST_STRATA,
    Allocation,
    Borough,
    Court,
    Parameters,
    Sau,
    Site,
    Team,
)

LARGEST_FAMILY = 3
"""Children under 60 months in one family (the trial's mean is 1.28); rows are kept for so many."""
MOST_HOLIDAYS = 600
"""Bank holidays of one jurisdiction that a run can have: those of sixty years."""
PIECES = 3
"""A hazard is constant, or changes at most so often less one, with the time since the placement began."""
FACTORS = len(names_of(Allocation, "factors"))
STRATA = LEVELS = MOST_STRATA
"""Strata within which a trial allocates, and levels of a factor that is balanced: both may be boroughs."""

_WHO = [("index", "i8"), ("stream", "i8"), ("number", "i8")]

FAMILY = np.dtype(
    [
        *_WHO,
        # fixed at entry
        ("borough", "i8"),
        ("site", "i8"),
        ("court", "i8"),
        ("team", "i8"),
        ("known_at", "f8"),
        ("entered", "f8"),
        ("issue_at", "f8"),
        ("removal_due", "f8"),
        ("route", "i8"),
        ("reaches_court", "i8"),
        ("n_children", "i8"),
        ("n_groups", "i8"),
        ("youngest_days", "f8"),
        ("older_sibling", "i8"),
        ("kin_available", "i8"),
        ("need", "f8"),
        # the trial
        ("screening", "i8"),
        ("invited", "f8"),
        ("consent", "i8"),
        ("answered", "f8"),
        ("baseline", "f8"),
        ("randomised", "f8"),
        ("stratum", "i8"),
        ("arm", "i8"),
        ("ineligible", "f8"),
        ("trial_over", "i8"),  # 1 once it is settled whether the family is in the trial, and in which arm
        # the service
        ("receipt", "i8"),
        ("settled", "f8"),
        ("clinicians", "i8", len(PROFESSIONS)),
        ("treatment_indicated", "i8"),
        ("return_advised", "i8"),
        ("treatment", "i8"),
        ("lift_asked", "f8"),
        ("lift_waited", "i8"),
        ("lift_started", "f8"),
        ("lift_assessed", "f8"),
        ("treatment_started", "f8"),
        ("treatment_ended", "f8"),
        ("treatment_full", "i8"),
        ("lift_freed", "f8"),
        # whose work with LIFT goes on: who brings the child up now, as LIFT last saw them; 0 where there is none
        ("carers", "i8"),
        ("carers_started", "f8"),
        ("carers_ended", "f8"),
        # visits
        ("visit_due", "f8", VISITS),
        ("visit_at", "f8", VISITS),
        ("visit_state", "i8", VISITS),
    ]
)

CHILD = np.dtype(
    [
        *_WHO,
        ("family", "i8"),
        ("group", "i8"),
        ("age_at_entry", "f8"),
        ("male", "i8"),
        ("frailty", "f8"),
        # by each visit: changes of carer, leaving care among them; further placements in care, and days in care
        ("moves_then", "i8", VISITS),
        ("care_moves_then", "i8", VISITS),
        ("care_days_then", "f8", VISITS),
    ]
)

GROUP = np.dtype(
    [
        *_WHO,
        ("family", "i8"),
        ("n_children", "i8"),
        ("youngest_days", "f8"),
        ("frailty", "f8"),
        # where the group lives now
        ("place", "i8"),
        ("since", "f8"),
        ("placements", "i8"),
        ("episode", "i8"),
        ("episode_since", "f8"),
        # until when a placement lasts that is meant to be short (a bridge, a hospital); infinite for any other
        ("stay_until", "f8"),
        # in this episode: whether the group was taken from parents, at home or in a unit
        ("removed", "i8"),
        ("in_care", "i8"),
        ("moves", "i8"),
        ("unplanned", "i8"),
        ("carer_moves_in_episode", "i8"),
        # time in care in episodes that are over; placements in care after an episode's first; when there was a third
        ("care_days", "f8"),
        ("care_moves", "i8"),
        ("third_at", "f8"),
        # when the family was randomised, how much of both there had been
        ("care_days_before", "f8"),
        ("care_moves_before", "i8"),
        # the clock of the next unplanned move: what is left of its unit exponential, and since when it runs
        ("clock_left", "f8"),
        ("clock_since", "f8"),
        ("clock_weight", "f8"),
        # what is planned, and when
        ("plan", "i8"),
        ("plan_at", "f8"),
        # what the court ordered
        ("order", "i8"),
        ("ordered_at", "f8"),
        ("permanent_at", "f8"),
        ("permanent_to", "i8"),
        ("re_entries", "i8"),
        # when the agency decided on adoption or, in Scotland, on permanence
        ("approved_at", "f8"),
        # Scotland: the direction of the plan, when it was set, and whether nobody asks for an order to make it so
        ("direction", "i8"),
        ("directed_at", "f8"),
        ("stays_looked_after", "i8"),
    ]
)

CASE = np.dtype(
    [
        *_WHO,
        ("family", "i8"),
        ("group", "i8"),
        ("again", "i8"),
        ("issued", "f8"),
        ("first_sat", "f8"),
        ("evidence_in", "f8"),
        ("decided", "f8"),
        ("assessor", "i8"),
        ("advice", "i8"),
        ("hearings", "i8"),
        ("adjourned", "i8"),
        ("adjourned_at", "f8"),  # for a reason other than missing evidence, last
        # 1 where the court has allowed the case past 26 weeks, because treatment is indicated
        ("outside_limit", "i8"),
        # what the case needs beyond others of its time; when evidence was directed, 1 once the court has set its
        # timetable for it; when the report of an assessment is due
        ("complexity", "f8"),
        ("directed", "f8"),
        ("timetabled", "i8"),
        ("report_due", "f8"),
        # Scotland: whether the hearings go on, whether a compulsory supervision order is in force, how long the interim
        # or the compulsory order lasts, and since when interim orders have been renewed by hearings alone
        ("hearings_open", "i8"),
        ("supervised", "i8"),
        ("order_until", "f8"),
        ("interim_since", "f8"),
        # whether the reporter is asked because of the plan
        ("referred_with_plan", "i8"),
        # looked-after reviews, when the last one was, and whether they go on after the direction is set
        ("reviews", "i8"),
        ("reviewed_at", "f8"),
        ("later_reviews", "i8"),
    ]
)

COMPUTED_OF = {
    "boroughs": (("site", "i8"), ("court", "i8"), ("team", "i8")),
    "sites": (),
    "courts": (("diary", "i8"), ("urgent_diary", "i8"), ("lead", "f8")),
    "teams": (
        ("resource", "i8", len(PROFESSIONS)),
        # professions in the order in which a family takes their places, the scarcest first
        ("order", "i8", len(PROFESSIONS)),
        ("social_work", SERIES),
        ("psychology", SERIES),
        ("psychiatry", SERIES),
        ("trial_waiting", "i8"),
    ),
}
"""Fields of a borough, site, court or team beside its parameters: rows it refers to, what is made from parameters,
and what a run keeps (`lead`: the court's average wait for a date, in days)."""

BOROUGH = np.dtype([*_WHO, *fields_of(Borough), *COMPUTED_OF["boroughs"]])
SITE = np.dtype([*_WHO, *fields_of(Site), *COMPUTED_OF["sites"]])
COURT = np.dtype([*_WHO, *fields_of(Court), *COMPUTED_OF["courts"]])
TEAM = np.dtype([*_WHO, *fields_of(Team), *COMPUTED_OF["teams"]])

OTHER = np.dtype(
    [
        *_WHO,
        ("team", "i8"),
        ("clinicians", "i8", len(PROFESSIONS)),
        ("asked", "f8"),
        ("started", "f8"),
        ("gave_up", "f8"),
        ("assessed", "f8"),
        ("ended", "f8"),
    ]
)
"""A family outside the trial that is referred to a LIFT team."""

TABLES = {
    "families": FAMILY,
    "children": CHILD,
    "groups": GROUP,
    "cases": CASE,
    "boroughs": BOROUGH,
    "sites": SITE,
    "courts": COURT,
    "teams": TEAM,
    "others": OTHER,
}

COMPUTED = (
    ("first_weekday", "i8"),  # of day zero; Monday is 0
    ("n_families", "i8"),
    # of each jurisdiction, its bank holidays in their order; infinite where there are no more
    ("bank_holidays", "f8", (len(names_of(Court, "jurisdiction")), MOST_HOLIDAYS)),
    # of a parenting assessment's kind, the resource that is asked for it; -1 where places are not limited
    ("assessor_resource", "i8", (len(names_of(Sau, "assessor")),)),
    # hazard of an unplanned move a day, by placement type and, last, for child arrangements orders: in each piece of
    # the time since the placement began; and the day on which the piece ends, infinite for the last
    ("hazard", "f8", (len(PLACEMENT_TYPES) + 1, PIECES)),
    ("hazard_until", "f8", (len(PLACEMENT_TYPES) + 1, PIECES)),
    # what is asked of a run: every family in one arm; those between two shares of the families in the other arm
    ("forced_arm", "i8"),
    ("other_arm_from", "f8"),
    ("other_arm_until", "f8"),
)
"""Fields of the world that are made from parameters, or from what is asked of a run."""

COUNTED = (
    ("randomised", "i8"),
    ("complete", "i8"),
    ("completed_at", "f8"),
    ("block_number", "i8", (STRATA,)),
    ("block_left", "i8", (STRATA,)),
    ("block_lift_left", "i8", (STRATA,)),
    ("margins", "i8", (STRATA, FACTORS, LEVELS, len(ARMS))),
)
"""Fields of the world that the trial keeps count in, as families are randomised."""

WORLD = world_dtype([*fields_of(Parameters), *COMPUTED, *COUNTED], TABLES)
"""All that is not of one family, child, group, ...: every parameter under its path, and these."""

families = rows("families", FAMILY)
children = rows("children", CHILD)
groups = rows("groups", GROUP)
cases = rows("cases", CASE)
boroughs = rows("boroughs", BOROUGH)
sites = rows("sites", SITE)
courts = rows("courts", COURT)
teams = rows("teams", TEAM)


def counted_from(families: np.ndarray) -> np.ndarray:
    """From when ages at entry count back: entry; where children wait at home for it, when their removal is due."""
    return np.where(np.isfinite(families["entered"]), families["entered"], families["removal_due"])
