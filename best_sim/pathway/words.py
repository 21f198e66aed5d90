"""The closed lists of the pathway: every state, reason and event that a run can produce, by name.

Numbers are for the records only; outside the pathway the names are used. A list is extended at its end, never
renumbered, so that stored runs stay readable.
"""

from __future__ import annotations

from typing import NamedTuple

# --- who serves a family ------------------------------------------------------------------------------------
NOT_ALLOCATED, SAU, LIFT = 0, 1, 2
ARMS = ("not allocated", "SAU", "LIFT")

# --- how a child came into care -----------------------------------------------------------------------------
VOLUNTARY, BY_ORDER, DURING_PROCEEDINGS = 0, 1, 2
ROUTES = ("voluntary", "emergency_or_interim", "during_proceedings")

# --- where a child lives ------------------------------------------------------------------------------------
(
    FOSTER,
    KINSHIP_FOSTER,
    PARENT_AND_BABY,
    WITH_PARENTS,
    PLACED_FOR_ADOPTION,
    ADOPTED,
    SPECIAL_GUARDIANSHIP,
    LONG_TERM_FOSTER,
    RESIDENTIAL,
    HOME,
) = range(10)
PLACEMENT_TYPES = (
    "foster",
    "kinship_foster",
    "parent_and_baby",
    "with_parents",
    "placed_for_adoption",
    "adopted",
    "special_guardianship",
    "long_term_foster",
    "residential",
    "home",
)
OUT_OF_CARE = (ADOPTED, SPECIAL_GUARDIANSHIP, HOME)
"""Types that are no longer care; a child under an interim order at home (`with_parents`) is in care."""

# --- why a placement began ----------------------------------------------------------------------------------
AT_ENTRY, UNPLANNED, PLANNED, SAME_CARER, RE_ENTRY = 0, 1, 2, 3, 4
PLACEMENT_REASONS = ("entry", "unplanned_move", "planned_move", "same_carer", "re_entry")

# --- what is planned for a group ----------------------------------------------------------------------------
(
    NO_PLAN,
    TO_SETTLED_FOSTER,
    TO_KIN,
    ASSESSMENT_ENDS,
    VOLUNTARY_RETURN,
    RETURN_HOME,
    TO_GUARDIANS,
    ADOPTION_MATCH,
    ADOPTION_PLACEMENT,
    ADOPTION_ORDER,
    TO_LONG_TERM,
) = range(11)
PLANS = (
    "none",
    "to_settled_foster",
    "to_kin",
    "assessment_ends",
    "voluntary_return",
    "return_home",
    "to_guardians",
    "adoption_match",
    "adoption_placement",
    "adoption_order",
    "to_long_term",
)

# --- the court ----------------------------------------------------------------------------------------------
INTERIM_HEARING, CASE_MANAGEMENT, ISSUES_RESOLUTION, FINAL_HEARING = 0, 1, 2, 3
HEARINGS = ("interim", "case_management", "issues_resolution", "final")

EFFECTIVE, ADJOURNED, ADJOURNED_FOR_EVIDENCE = 0, 1, 2
HEARING_RESULTS = ("effective", "adjourned", "adjourned_for_evidence")

NO_ORDER_YET = 0
SUPERVISION_ORDER, NO_ORDER, GUARDIANSHIP_ORDER, CHILD_ARRANGEMENTS, PLACEMENT_ORDER, CARE_ORDER = (
    1,
    2,
    3,
    4,
    5,
    6,
)
ORDERS = (
    "none_yet",
    "supervision_order",
    "no_order",
    "special_guardianship_order",
    "child_arrangements_order",
    "placement_order",
    "care_order",
)
ORDER_GROUPS = ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order")
"""The court's five directions, as the multinomial logit has them; `home` is with or without supervision."""

# --- the trial ----------------------------------------------------------------------------------------------
NOT_SCREENED, INVITED = 0, 1
TOO_OLD, NOT_IN_PROCEEDINGS, WITH_A_PARENT, OTHER_REASON, LIFT_IS_FULL = 2, 3, 4, 5, 6
SCREENINGS = (
    "not_screened",
    "invited",
    "child_of_60_months_or_more",
    "not_in_proceedings",
    "placed_with_a_parent",
    "other_reason",
    "lift_is_full",
)
UNDECIDED, DECLINED, CONSENTED, CLOSED_FIRST, ORDER_FIRST = 0, 1, 2, 3, 4
CONSENTS = ("undecided", "declined", "consented", "recruitment_closed_first", "order_made_first")

# --- the service allocated: received or not -----------------------------------------------------------------
PENDING, RECEIVED, FAMILY_DECLINED, WAITED_TOO_LONG, ORDER_MADE_FIRST, WITHDREW, NOT_ASSESSED = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
)
RECEIPTS = (
    "pending",
    "received",
    "family_declined",
    "waited_too_long",
    "order_made_first",
    "withdrew",
    "not_assessed",
)

IN_HOUSE, INDEPENDENT_SOCIAL_WORKER, EXTERNAL_EXPERT, BY_LIFT, SOCIAL_WORK_STATEMENT = 0, 1, 2, 3, 4
ASSESSORS = ("in_house", "independent_social_worker", "external_expert", "lift", "social_work_statement")

PSYCHOTHERAPY, CIRCLE_OF_SECURITY, VIDEO_INTERACTION = 0, 1, 2
TREATMENTS = ("parent_infant_psychotherapy", "circle_of_security", "video_interaction_guidance")

# --- visits -------------------------------------------------------------------------------------------------
VISITS = 3
NOT_DUE, SEEN, MISSED = 0, 1, 2
VISIT_STATES = ("not_due", "seen", "missed")


class Event(NamedTuple):
    """One name of the event record: who it is about and what its value means."""

    name: str
    subject: str
    value: str


EVENTS = (
    Event("entered_care", "family", "route, by number in ROUTES"),
    Event("placed", "group", "placement type + 16 x reason it began"),
    Event("plan_made", "group", "plan, by number in PLANS"),
    Event("proceedings_issued", "case", "number of the family's or group's proceedings, 0 first"),
    Event("hearing_listed", "case", "kind of hearing + 16 x days from listing to sitting"),
    Event("hearing_held", "case", "kind of hearing + 16 x result"),
    Event("evidence_in", "case", "assessor, by number in ASSESSORS"),
    Event("case_decided", "case", "hearings held"),
    Event("order_made", "group", "order, by number in ORDERS"),
    Event("screened", "family", "result, by number in SCREENINGS"),
    Event("consent_answered", "family", "answer, by number in CONSENTS"),
    Event("baseline_taken", "family", "0"),
    Event("randomised", "family", "arm, by number in ARMS"),
    Event("recruitment_complete", "world", "families randomised"),
    Event("found_ineligible", "family", "0"),
    Event("assessor_asked", "case", "assessor, by number in ASSESSORS"),
    Event("assessment_started", "case", "assessor, by number in ASSESSORS"),
    Event("lift_asked", "family", "0"),
    Event("lift_started", "family", "days waited"),
    Event("lift_assessed", "family", "1 where return is recommended, else 0"),
    Event("treatment_started", "family", "treatment, by number in TREATMENTS"),
    Event("treatment_reviewed", "family", "0"),
    Event("treatment_ended", "family", "1 complete, 0 broken off"),
    Event("lift_place_freed", "family", "days the place was held"),
    Event("service_settled", "family", "receipt, by number in RECEIPTS"),
    Event("visit", "family", "visit number + 16 x (1 seen, 2 missed)"),
    Event("team_places", "team", "places from now on"),
    Event("other_lift_asked", "other", "team"),
    Event("other_lift_started", "other", "days waited"),
    Event("other_lift_ended", "other", "days held"),
    Event("assessment_left", "case", "assessor, by number in ASSESSORS; the order came first"),
)
(
    ENTERED_CARE,
    PLACED,
    PLAN_MADE,
    PROCEEDINGS_ISSUED,
    HEARING_LISTED,
    HEARING_HELD,
    EVIDENCE_IN,
    CASE_DECIDED,
    ORDER_MADE,
    SCREENED,
    CONSENT_ANSWERED,
    BASELINE_TAKEN,
    RANDOMISED,
    RECRUITMENT_COMPLETE,
    FOUND_INELIGIBLE,
    ASSESSOR_ASKED,
    ASSESSMENT_STARTED,
    LIFT_ASKED,
    LIFT_STARTED,
    LIFT_ASSESSED,
    TREATMENT_STARTED,
    TREATMENT_REVIEWED,
    TREATMENT_ENDED,
    LIFT_PLACE_FREED,
    SERVICE_SETTLED,
    VISIT,
    TEAM_PLACES,
    OTHER_LIFT_ASKED,
    OTHER_LIFT_STARTED,
    OTHER_LIFT_ENDED,
    ASSESSMENT_LEFT,
) = range(len(EVENTS))
