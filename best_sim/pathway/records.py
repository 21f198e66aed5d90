"""The records that processes read and write: one row for each family, child, group of siblings, case, court, ...

A field is either fixed before or at entry (it depends on luck and parameters alone) or written by one process as the
story goes on. Times are days since `start_date`; NAN where a thing has not happened. Numbers for names are those of
`best_sim.pathway.words`.
"""

from __future__ import annotations

import numpy as np

from best_sim.engine.luck import DURATION, SERIES
from best_sim.engine.records import rows, world_dtype
from best_sim.pathway.words import PLACEMENT_TYPES, VISITS

LARGEST_FAMILY = 3
"""Children under 60 months in one family (the trial's mean is 1.28); rows are kept for so many."""
BANDS = 6
STRATA, FACTORS, LEVELS = 40, 5, 40

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
        ("route", "i8"),
        ("reaches_court", "i8"),
        ("n_children", "i8"),
        ("n_groups", "i8"),
        ("youngest_days", "f8"),
        ("oldest_days", "f8"),
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
        # the service
        ("receipt", "i8"),
        ("settled", "f8"),
        ("return_advised", "i8"),
        ("treatment", "i8"),
        ("lift_asked", "f8"),
        ("lift_started", "f8"),
        ("lift_assessed", "f8"),
        ("treatment_started", "f8"),
        ("treatment_ended", "f8"),
        ("treatment_full", "i8"),
        ("lift_freed", "f8"),
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
    ]
)

BOROUGH = np.dtype(
    [*_WHO, ("site", "i8"), ("court", "i8"), ("team", "i8"), ("opens", "f8"), ("closes", "f8")]
)

SITE = np.dtype(
    [*_WHO, ("recruiting", SERIES), ("consent", "f8"), ("other_reason", "f8"), ("older_child_too", "i8")]
)

COURT = np.dtype(
    [
        *_WHO,
        ("diary", "i8"),
        ("urgent", "i8"),
        ("pace", "f8"),
        ("load", SERIES),
        ("load_sigma", "f8"),
        ("load_notice", DURATION),
    ]
)

TEAM = np.dtype(
    [
        *_WHO,
        ("resource", "i8"),
        ("trial_waiting", "i8"),
        ("places", SERIES),
        ("assessment", DURATION),
        ("treatment", DURATION),
        ("other_stay", DURATION),
    ]
)

OTHER = np.dtype([*_WHO, ("team", "i8"), ("asked", "f8"), ("started", "f8"), ("ended", "f8")])
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

_N = len(PLACEMENT_TYPES)
WORLD = world_dtype(
    [
        ("start", "f8"),
        ("first_weekday", "i8"),
        ("n_families", "i8"),
        ("after_recruitment", "f8"),
        # who enters
        ("family_size", "f8", LARGEST_FAMILY),
        ("under_one", "f8"),
        ("newborn", "f8"),
        ("male", "f8"),
        ("older_sibling", "f8"),
        ("kin_available", "f8"),
        ("split_two", "f8"),
        ("split_three", "f8"),
        ("pair_kept", "f8"),
        ("frailty_sd", "f8"),
        ("reach_sd", "f8"),
        ("route", "f8", 3),
        ("first_place", "f8", 4),
        ("never_issued", "f8"),
        ("issue_after_voluntary", DURATION),
        ("issue_after_order", DURATION),
        ("entry_after_issue", DURATION),
        ("voluntary_stay", DURATION),
        # the trial
        ("target", "i8"),
        ("stops_at_target", "i8"),
        ("lift_queue_limit", "i8"),
        ("baseline_first", "i8"),
        ("consent_delay", DURATION),
        ("randomisation_delay", DURATION),
        ("baseline_delay", DURATION),
        ("found_ineligible", "f8"),
        ("ineligible_delay", DURATION),
        ("method", "i8"),
        ("lift_share", "f8"),
        ("strata", "i8"),
        ("n_block_sizes", "i8"),
        ("block_sizes", "i8", 8),
        ("best_arm", "f8"),
        ("factor_used", "i8", FACTORS),
        ("randomised", "i8"),
        ("complete", "i8"),
        ("completed_at", "f8"),
        ("block_number", "i8", STRATA),
        ("block_left", "i8", STRATA),
        ("block_lift_left", "i8", STRATA),
        ("margins", "i8", (STRATA, FACTORS, LEVELS, 2)),
        ("forced_arm", "i8"),
        ("twin_from", "f8"),
        ("twin_until", "f8"),
        # proceedings
        ("notice_interim", DURATION),
        ("notice_case_management", DURATION),
        ("notice_issues_resolution", DURATION),
        ("notice_final", DURATION),
        ("notice_further", DURATION),
        ("hearing_hours", "f8", 4),
        ("adjournment", "f8", 4),
        ("contested_interim", "f8"),
        ("timetable_sau", "f8"),
        ("timetable_lift", "f8"),
        ("evidence_patience", "f8"),
        ("agreed_at_issues_resolution", "f8"),
        ("most_adjournments", "i8"),
        # services
        ("sau_mix", "f8", 3),
        ("sau_in_house", DURATION),
        ("sau_independent", DURATION),
        ("sau_expert", DURATION),
        ("sau_statement", DURATION),
        ("sau_not_assessed", "f8"),
        ("sau_resource", "i8", 3),
        ("lift_decline", "f8"),
        ("lift_patience", "f8"),
        ("lift_priority", "i8"),
        ("lift_meeting", DURATION),
        ("lift_treats", "f8"),
        ("lift_leaves", "f8"),
        ("lift_withdraw", "f8"),
        ("treatment_under_one", "f8", 3),
        ("treatment_older", "f8", 3),
        ("advice_intercept", "f8"),
        ("advice_need", "f8"),
        ("advice_under_one", "f8"),
        ("advice_lift", "f8"),
        # orders: five directions x (intercept, under one, need, kin, LIFT, return advised)
        ("order_logit", "f8", (5, 6)),
        ("no_order_share", "f8"),
        # placements
        ("hazard", "f8", (_N, BANDS)),
        ("band_from", "f8", BANDS),
        ("hazard_age", "f8"),
        ("hazard_moves", "f8"),
        ("hazard_need", "f8"),
        ("hazard_lift", "f8"),
        ("after_unplanned", "f8", 3),
        ("settle_share", "f8"),
        ("settle_delay", DURATION),
        ("kin_share", "f8"),
        ("kin_delay", DURATION),
        ("unit_stay", DURATION),
        ("unit_together", "f8"),
        ("home_delay", DURATION),
        ("guardians_delay", DURATION),
        ("adoption_match", DURATION),
        ("adoption_age", "f8"),
        ("adoption_placed", DURATION),
        ("adoption_order", DURATION),
        ("no_match", "f8"),
        ("no_match_delay", DURATION),
        ("long_term_delay", DURATION),
        ("long_term_same", "f8"),
        ("again_issued", "f8"),
        ("issue_after_re_entry", DURATION),
        # visits
        ("visit_at", "f8", VISITS),
        ("visit_window", "f8"),
        ("visits_from_randomisation", "i8"),
        ("retention", "f8", VISITS),
        ("retention_lift", "f8"),
        ("retention_adopted", "f8"),
        ("retention_home", "f8"),
        ("retention_moves", "f8"),
    ],
    TABLES,
)

families = rows("families", FAMILY)
children = rows("children", CHILD)
groups = rows("groups", GROUP)
cases = rows("cases", CASE)
boroughs = rows("boroughs", BOROUGH)
sites = rows("sites", SITE)
courts = rows("courts", COURT)
teams = rows("teams", TEAM)
others = rows("others", OTHER)
