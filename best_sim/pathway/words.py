"""The closed lists of the pathway: every state, reason and event that a run can produce, by name.

Numbers are for the records only; outside the pathway the names are used. A list is extended at its end, never
renumbered, so that stored runs stay readable. A number follows from the place in its list, and a test compares the two
where names and numbers are written apart.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# --- who serves a family ------------------------------------------------------------------------------------
NOT_ALLOCATED, SAU, LIFT = 0, 1, 2
ARMS = ("not allocated", "SAU", "LIFT")

# --- how a child came into care -----------------------------------------------------------------------------
VOLUNTARY, BY_ORDER, DURING_PROCEEDINGS = 0, 1, 2
SUPERVISED_AT_ENTRY = 3
ROUTES = ("voluntary", "emergency_or_interim", "during_proceedings", "at_home_under_supervision")
"""In Scotland: section 25, child protection order, order of a children's hearing, at home on a compulsory supervision
order; the last there alone."""

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
    BRIDGING_FOSTER,
    HOSPITAL,
    EARLY_PERMANENCE,
    OF_AGE,
) = range(14)
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
    "bridging_foster",
    "hospital",
    "early_permanence",
    "of_age",
)
OUT_OF_CARE = (ADOPTED, SPECIAL_GUARDIANSHIP, HOME, OF_AGE)
"""Types that are no longer care; a child at home under an interim or a care order (`with_parents`) is in care."""

SHORT_STAYS = (BRIDGING_FOSTER, HOSPITAL)
"""Types that are meant to last for days, and end with a move that was planned."""

# --- why a placement began ----------------------------------------------------------------------------------
AT_ENTRY, UNPLANNED, PLANNED, SAME_CARER, RE_ENTRY, CAME_OF_AGE = range(6)
PLACEMENT_REASONS = ("entry", "unplanned_move", "planned_move", "same_carer", "re_entry", "came_of_age")

# --- what is planned for a group ----------------------------------------------------------------------------
(
    NO_PLAN,
    TO_EARLY_PERMANENCE,
    TO_KIN,
    ASSESSMENT_ENDS,
    VOLUNTARY_RETURN,
    RETURN_HOME,
    TO_GUARDIANS,
    ADOPTION_MATCH,
    ADOPTION_PLACEMENT,
    ADOPTION_ORDER,
    TO_LONG_TERM,
    CARERS_APPLY,
    TO_PARENTS,
) = range(13)
PLANS = (
    "none",
    "to_early_permanence",
    "to_kin",
    "assessment_ends",
    "voluntary_return",
    "return_home",
    "to_guardians",
    "adoption_match",
    "adoption_placement",
    "adoption_order",
    "to_long_term",
    "carers_apply",
    "to_parents",
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
    # Scotland
    "compulsory_supervision_at_home",
    "no_compulsory_measures",
    "kinship_care_order",
    "permanence_order",
    "permanence_order_with_authority_to_adopt",
)

# --- Scotland: children's hearings, the sheriff, and the plan ---------------------------------------------------
(
    SUPERVISED_AT_HOME,
    NO_COMPULSORY_MEASURES,
    KINSHIP_CARE_ORDER,
    PERMANENCE_ORDER,
    PERMANENCE_ORDER_TO_ADOPT,
) = range(7, 12)
FIRST_SCOTTISH_ORDER = SUPERVISED_AT_HOME

SECOND_WORKING_DAY, GROUNDS, INTERIM, DISPOSAL, REVIEW, ADVICE = range(6)
CHILDRENS_HEARINGS = ("second_working_day", "grounds", "interim", "disposal", "review", "advice")
PROOF, INTERIM_ORDER, APPEAL, PERMANENCE, SECTION_11 = range(5)
SHERIFF_HEARINGS = ("proof", "interim_order", "appeal", "permanence", "section_11")

NO_DIRECTION, DIRECTION_HOME, DIRECTION_KIN, DIRECTION_ADOPTION, DIRECTION_LONG_TERM = range(5)
DIRECTIONS = ("none_yet", "home", "kin", "adoption", "long_term")

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
(
    PENDING,
    RECEIVED,
    FAMILY_DECLINED,
    WAITED_TOO_LONG,
    ORDER_MADE_FIRST,
    WITHDREW,
    NOT_ASSESSED,
    COURT_WOULD_NOT_WAIT,
    NOT_POSSIBLE,
) = range(9)
RECEIPTS = (
    "pending",
    "received",
    "family_declined",
    "waited_too_long",
    "order_made_first",
    "withdrew",
    "not_assessed",
    "court_would_not_wait",
    "not_possible",
)

IN_HOUSE, INDEPENDENT_SOCIAL_WORKER, EXTERNAL_EXPERT, BY_LIFT, SOCIAL_WORK_STATEMENT = 0, 1, 2, 3, 4
ASSESSORS = ("in_house", "independent_social_worker", "external_expert", "lift", "social_work_statement")

SOCIAL_WORKER, PSYCHOLOGIST, PSYCHIATRIST = range(3)
PROFESSIONS = ("social_workers", "psychologists", "psychiatrists")
"""Who works in a LIFT team; as the parameters that say how many there are."""

TREATMENTS = ("parent_infant_psychotherapy", "circle_of_security", "video_interaction_guidance")

# --- visits -------------------------------------------------------------------------------------------------
VISITS = 3
NOT_DUE, SEEN, MISSED = 0, 1, 2


# --- what can happen ----------------------------------------------------------------------------------------
class Event(NamedTuple):
    """One name of the event record: who it is about and what its value means."""

    name: str
    subject: str
    value: str


_listed: list[Event] = []


def _event(name: str, subject: str, value: str) -> int:
    """The number of a further event of the list: its place there."""
    _listed.append(Event(name, subject, value))
    return len(_listed) - 1


ENTERED_CARE = _event("entered_care", "family", "route, by number in ROUTES")
PLACED_ON_ENTRY = _event("placed_on_entry", "group", "placement type, by number in PLACEMENT_TYPES")
MOVED_UNPLANNED = _event("moved_unplanned", "group", "placement type, by number in PLACEMENT_TYPES")
MOVED_AS_PLANNED = _event("moved_as_planned", "group", "placement type, by number in PLACEMENT_TYPES")
STAYED_WITH_CARER = _event("stayed_with_carer", "group", "placement type, by number in PLACEMENT_TYPES")
PLACED_ON_RE_ENTRY = _event("placed_on_re_entry", "group", "placement type, by number in PLACEMENT_TYPES")
PLAN_MADE = _event("plan_made", "group", "plan, by number in PLANS")
PROCEEDINGS_ISSUED = _event(
    "proceedings_issued", "case", "number of the family's or group's proceedings, 0 first"
)
INTERIM_LISTED = _event("interim_listed", "case", "days from listing to sitting")
CASE_MANAGEMENT_LISTED = _event("case_management_listed", "case", "days from listing to sitting")
ISSUES_RESOLUTION_LISTED = _event("issues_resolution_listed", "case", "days from listing to sitting")
FINAL_LISTED = _event("final_listed", "case", "days from listing to sitting")
HEARING_EFFECTIVE = _event("hearing_effective", "case", "kind of hearing, by number in HEARINGS")
HEARING_ADJOURNED = _event("hearing_adjourned", "case", "kind of hearing, by number in HEARINGS")
HEARING_ADJOURNED_FOR_EVIDENCE = _event(
    "hearing_adjourned_for_evidence", "case", "kind of hearing, by number in HEARINGS"
)
EVIDENCE_IN = _event("evidence_in", "case", "assessor, by number in ASSESSORS")
CASE_DECIDED = _event("case_decided", "case", "hearings held")
ORDER_MADE = _event("order_made", "group", "order, by number in ORDERS")
SCREENED = _event("screened", "family", "result, by number in SCREENINGS")
CONSENT_ANSWERED = _event("consent_answered", "family", "answer, by number in CONSENTS")
BASELINE_TAKEN = _event("baseline_taken", "family", "0")
RANDOMISED = _event("randomised", "family", "arm, by number in ARMS")
RECRUITMENT_COMPLETE = _event("recruitment_complete", "world", "families randomised")
FOUND_INELIGIBLE = _event("found_ineligible", "family", "0")
ASSESSOR_ASKED = _event("assessor_asked", "case", "assessor, by number in ASSESSORS")
ASSESSMENT_STARTED = _event("assessment_started", "case", "assessor, by number in ASSESSORS")
ASSESSMENT_LEFT = _event(
    "assessment_left", "case", "assessor, by number in ASSESSORS; the order, or LIFT, came first"
)
LIFT_ASKED = _event("lift_asked", "family", "0")
LIFT_STARTED = _event("lift_started", "family", "days waited")
LIFT_ASSESSED = _event(
    "lift_assessed", "family", "1 where treatment with the birth parents is indicated, else 0"
)
TREATMENT_STARTED = _event("treatment_started", "family", "treatment, by number in TREATMENTS")
TREATMENT_REVIEWED = _event("treatment_reviewed", "family", "0")
TREATMENT_ENDED = _event("treatment_ended", "family", "1 complete, 0 broken off")
LIFT_PLACE_FREED = _event("lift_place_freed", "family", "days for which the places were held")
SERVICE_SETTLED = _event("service_settled", "family", "receipt, by number in RECEIPTS")
VISIT_MADE = _event("visit_made", "family", "visit, 0 first")
VISIT_MISSED = _event("visit_missed", "family", "visit, 0 first")
SOCIAL_WORK_PLACES = _event("social_work_places", "team", "families at a time, from now on")
OTHER_LIFT_ASKED = _event("other_lift_asked", "other", "team")
OTHER_LIFT_STARTED = _event("other_lift_started", "other", "days waited")
OTHER_LIFT_ENDED = _event("other_lift_ended", "other", "days held")
LIFT_RECOMMENDED = _event("lift_recommended", "family", "1 where return is recommended, else 0")
CARERS_TREATMENT_STARTED = _event("carers_treatment_started", "family", "treatment, by number in TREATMENTS")
CARERS_TREATMENT_ENDED = _event(
    "carers_treatment_ended", "family", "1 complete, 0 the child left these carers"
)
PSYCHOLOGY_PLACES = _event("psychology_places", "team", "families at a time, from now on")
PSYCHIATRY_PLACES = _event("psychiatry_places", "team", "families at a time, from now on")
OTHER_LIFT_GAVE_UP = _event("other_lift_gave_up", "other", "days waited")

# Scotland; of a case, as everything that concerns the family's or the group's present time in care
REFERRED_TO_REPORTER = _event("referred_to_reporter", "case", "route, by number in ROUTES")
CHILD_PROTECTION_ORDER_MADE = _event("child_protection_order_made", "case", "0")
CHILDRENS_HEARING_HELD = _event("childrens_hearing_held", "case", "kind, by number in CHILDRENS_HEARINGS")
CHILDRENS_HEARING_DEFERRED = _event(
    "childrens_hearing_deferred", "case", "kind, by number in CHILDRENS_HEARINGS"
)
SHERIFF_HEARING_LISTED = _event("sheriff_hearing_listed", "case", "days from listing to sitting")
SHERIFF_HEARING_HELD = _event("sheriff_hearing_held", "case", "kind, by number in SHERIFF_HEARINGS")
GROUNDS_ACCEPTED = _event("grounds_accepted", "case", "0")
GROUNDS_SENT_TO_PROOF = _event("grounds_sent_to_proof", "case", "0")
PROOF_LODGED = _event("proof_lodged", "case", "days after the grounds hearing")
GROUNDS_ESTABLISHED = _event("grounds_established", "case", "1 established, 0 not")
INTERIM_ORDER_MADE = _event("interim_order_made", "case", "days for which a hearing makes or renews it")
INTERIM_ORDER_EXTENDED = _event("interim_order_extended", "case", "days for which the sheriff extends it")
COMPULSORY_ORDER_MADE = _event("compulsory_order_made", "case", "days it lasts at most")
COMPULSORY_ORDER_CONTINUED = _event("compulsory_order_continued", "case", "days it lasts at most")
COMPULSORY_ORDER_ENDED = _event("compulsory_order_ended", "case", "0")
REFERRAL_DISCHARGED = _event(
    "referral_discharged", "case", "0 by a hearing, 1 where the reporter gives up the proof"
)
APPEAL_MADE = _event("appeal_made", "case", "0")
APPEAL_DECIDED = _event("appeal_decided", "case", "1 upheld, 0 refused")
LOOKED_AFTER_REVIEW = _event("looked_after_review", "case", "number of the review, 1 first")
DIRECTION_SET = _event("direction_set", "group", "direction, by number in DIRECTIONS")
PERMANENCE_PANEL = _event("permanence_panel", "group", "direction, by number in DIRECTIONS")
AGENCY_DECISION = _event("agency_decision", "group", "days after the panel")
PETITION_LODGED = _event("petition_lodged", "group", "order asked for, by number in ORDERS")

CARERS_APPOINTED = _event(
    "carers_appointed", "group", "where the child lived with them till then, by number in PLACEMENT_TYPES"
)
LEFT_CARE_OF_AGE = _event("left_care_of_age", "group", "placement type, by number in PLACEMENT_TYPES")

EVENTS = tuple(_listed)
"""The closed list of events; an event's number is its place here."""

PLACED = (
    PLACED_ON_ENTRY,
    MOVED_UNPLANNED,
    MOVED_AS_PLANNED,
    STAYED_WITH_CARER,
    PLACED_ON_RE_ENTRY,
    LEFT_CARE_OF_AGE,
)
"""A placement begins: one event for each of `PLACEMENT_REASONS`, in their order."""
HEARING_LISTED = (INTERIM_LISTED, CASE_MANAGEMENT_LISTED, ISSUES_RESOLUTION_LISTED, FINAL_LISTED)
"""A hearing is given its date: one event for each of `HEARINGS`."""
HEARING_HELD = (HEARING_EFFECTIVE, HEARING_ADJOURNED, HEARING_ADJOURNED_FOR_EVIDENCE)
"""A hearing sits: one event for each of `HEARING_RESULTS`."""
ANY_HEARING = (*HEARING_HELD, CHILDRENS_HEARING_HELD, SHERIFF_HEARING_HELD)
"""A hearing of any kind sits, of either jurisdiction."""
TEAM_PLACES = (SOCIAL_WORK_PLACES, PSYCHOLOGY_PLACES, PSYCHIATRY_PLACES)
"""The places of a team change: one event for each of `PROFESSIONS`."""
VISIT_DUE = (VISIT_MADE, VISIT_MISSED)
"""A visit falls due."""


def which(events: tuple[int, ...], numbers: np.ndarray) -> np.ndarray:
    """Which of some events each of these is.

    Parameters
    ----------
    events : tuple of int
        Numbers of events, such as `PLACED`.
    numbers : numpy.ndarray of int
        Numbers of events, such as the column `event` of the record.

    Returns
    -------
    numpy.ndarray of int
        The place in `events`, or -1 where it is none of them.
    """
    place = np.full(len(EVENTS), -1)
    place[list(events)] = np.arange(len(events))
    return place[numbers]
