"""Scotland: the local authority's reviews decide the plan, and what follows brings it about.

Nobody waits for the report on the parents: it is before the review that comes next. From a direction to the order each
group of siblings goes its own way: home by a hearing, to kin by a kinship care order, or away from home by panel,
agency decision, advice hearing and a petition to the sheriff.

What counts as permanence is said once, here and in `best_sim.pathway.placements.reach_permanence`: the first day on
which a child lives with those who are to bring it up, the order having been made. In England and Wales that is home
under a supervision order or none, with special guardians or under a child arrangements order, placed with adopters
under a placement order, long-term foster care under a care order. In Scotland it is home, or staying there, under a
compulsory supervision order or none; with kin under a kinship care order (section 11); with the carers of a permanence
order; placed with adopters under a permanence order with authority to adopt. Being looked after away from home under a
compulsory supervision order, with kin too, is not permanence.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.commands import SIGNALLED, book, hold, record, signal, start, wait
from best_sim.pathway.kinds import (
    CHILDRENS_HEARINGS,
    LATER_REVIEWS,
    LIFT_SERVICE,
    PARENTING_ASSESSMENT,
    PERMANENCE_PLANNING,
    PLACEMENT,
    TRIAL_ENTRY,
)
from best_sim.pathway.records import cases, courts, families, groups
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import is_of_age
from best_sim.pathway.rules.childrens_hearings import (
    days_to_calling,
    days_to_petition,
    direction_of,
    entry_by_hearing,
    goes_home_early,
    hearing_count,
    hearing_listed,
    is_by_agreement,
    is_granted,
    is_referred,
    last_hearing_day,
    later_review_date,
    next_hearing_day,
    order_asked_for,
    review_date,
    scottish_route,
    sets_direction,
    sheriff_hours,
    stays_looked_after,
)
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.orders import groups_of
from best_sim.pathway.rules.placements import adoption_match_days
from best_sim.pathway.rules.working_days import days_until, on_working_day
from best_sim.pathway.words import (
    ADOPTION_MATCH,
    ADVICE,
    AGENCY_DECISION,
    CHILDRENS_HEARING_HELD,
    DIRECTION_HOME,
    DIRECTION_KIN,
    DIRECTION_SET,
    DURING_PROCEEDINGS,
    EARLY_PERMANENCE,
    KINSHIP_CARE_ORDER,
    KINSHIP_FOSTER,
    LOOKED_AFTER_REVIEW,
    NO_COMPULSORY_MEASURES,
    NO_DIRECTION,
    NO_ORDER_YET,
    ORDER_MADE,
    PERMANENCE,
    PERMANENCE_ORDER,
    PERMANENCE_ORDER_TO_ADOPT,
    PERMANENCE_PANEL,
    PETITION_LODGED,
    PLAN_MADE,
    RETURN_HOME,
    REVIEW,
    SECTION_11,
    SHERIFF_HEARING_HELD,
    SHERIFF_HEARING_LISTED,
    SUPERVISED_AT_ENTRY,
    SUPERVISED_AT_HOME,
    TO_GUARDIANS,
    TO_KIN,
    TO_LONG_TERM,
    WITH_PARENTS,
)


@rule
def draw_scottish_way_in(world, f):
    """How and when a family's children come to be looked after; each comes to reviews, none to care proceedings."""
    f.route = scottish_route(world, f)
    f.reaches_court = 1
    f.entered = f.known_at
    f.issue_at = f.known_at
    f.removal_due = f.known_at
    if f.route == DURING_PROCEEDINGS or f.route == SUPERVISED_AT_ENTRY:
        f.entered = entry_by_hearing(world, f)


def looked_after_reviews(case, world):
    """From being looked after to a direction for each group: of a family, or of a group that came back into care."""
    f = families(world, case.family)
    case.issued = max(world.now, f.entered) if case.group < 0 else world.now
    case.decided = math.nan
    case.evidence_in = math.nan
    case.directed = case.issued  # an assessment is asked for as the children are accommodated
    case.report_due = math.nan
    case.timetabled = 1
    case.outside_limit = 0
    case.assessor = -1
    case.advice = 0
    case.reviews = 0
    case.reviewed_at = math.nan
    case.referred_with_plan = 0
    first, last = groups_of(f, case)
    k = first
    while k < last:
        groups(world, k).direction = NO_DIRECTION
        groups(world, k).stays_looked_after = 0
        k += 1
    if case.hearings_open == 0 and cases(world, f.index).hearings_open == 0:
        yield start(CHILDRENS_HEARINGS, case.index)
    if case.group < 0:
        days = lasts(world, f, purposes.INVITATION, 0, world.childrens_hearings.invitation)
        yield wait(days_until(world, min(case.issued + days, review_date(world, case))))
        yield start(TRIAL_ENTRY, f.index)
    else:
        yield start(PARENTING_ASSESSMENT, case.index)
    while math.isnan(case.decided):
        yield wait(days_until(world, review_date(world, case)))
        still_open = 0
        sets = 0
        if world.outcome != SIGNALLED:
            case.reviews += 1
            case.reviewed_at = world.now
            yield record(LOOKED_AFTER_REVIEW, case.index, case.reviews)
            sets = 1 if sets_direction(world, case) or goes_home_early(world, f, case) else 0
        k = first
        while k < last:
            g = groups(world, k)
            mine = g.in_care == 1 and g.order == NO_ORDER_YET and g.re_entries == case.again
            if mine and g.direction == NO_DIRECTION:
                # at home on a compulsory supervision order there is no plan to live elsewhere
                if sets == 1 and not (g.place == WITH_PARENTS and f.route == SUPERVISED_AT_ENTRY):
                    g.direction = direction_of(world, f, g, case)
                    g.directed_at = world.now
                    yield record(DIRECTION_SET, k, g.direction)
                    yield start(PERMANENCE_PLANNING, k)
                else:
                    still_open = 1
            k += 1
        if sets == 1 and is_referred_with_plan(world, f, case):
            case.referred_with_plan = 1
            yield start(CHILDRENS_HEARINGS, case.index)
        if still_open == 0 and math.isnan(case.decided):
            case.decided = world.now
            yield signal(PARENTING_ASSESSMENT, case.index)
            if case.group < 0:
                yield signal(LIFT_SERVICE, f.index)
    if case.later_reviews == 0:
        case.later_reviews = 1
        yield start(LATER_REVIEWS, case.index)


def later_reviews(case, world):
    """Reviews of children whose direction is set, and who are still looked after away from home: they decide nothing.

    Of children at home under supervision the law sets no interval (reg. 44): their reviews are not simulated.
    """
    f = families(world, case.family)
    while is_reviewed(world, f, case):
        seen = hearing_count(case, case.reviews)
        yield hold(days_until(world, later_review_date(world, case)))
        # children may have left, and have come back to reviews of another time in care
        if is_reviewed(world, f, case) and hearing_count(case, case.reviews) == seen:
            case.reviews += 1
            case.reviewed_at = world.now
            yield record(LOOKED_AFTER_REVIEW, case.index, case.reviews)
    case.later_reviews = 0


def permanence_planning(g, world):
    """A group's way from the direction of its plan to the order that makes it so, if anybody asks for one."""
    g.stays_looked_after = 1 if stays_looked_after(world, g) else 0
    if settles(world, g):
        yield record(PLAN_MADE, g.index, g.plan)
        yield signal(PLACEMENT, g.index)
    if g.stays_looked_after == 1:
        return
    f = families(world, g.family)
    court = courts(world, f.court)
    case = cases(world, f.index if g.re_entries == 0 else world.n_families + g.index)
    count = g.episode
    order = NO_COMPULSORY_MEASURES
    if g.direction == DIRECTION_HOME:
        days = lasts(
            world, g, purposes.REHABILITATION, count, world.childrens_hearings.permanence.rehabilitation
        )
        yield hold(days_until(world, on_working_day(world, f, world.now + days)))
        if case.supervised == 1 or cases(world, f.index).supervised == 1:
            yield hold(days_until(world, hearing_listed(world, case, world.now, math.inf)))
            case.hearings += 1
            yield record(CHILDRENS_HEARING_HELD, case.index, REVIEW)
            order = SUPERVISED_AT_HOME
    else:
        order = order_asked_for(g)
        if order != KINSHIP_CARE_ORDER:
            days = lasts(world, g, purposes.PANEL_DELAY, count, world.childrens_hearings.permanence.panel)
            yield hold(days_until(world, next_hearing_day(world, world.now + days)))
            if g.in_care == 0:  # of age: nothing is left to plan
                return
            yield record(PERMANENCE_PANEL, g.index, g.direction)
            days = lasts(
                world, g, purposes.AGENCY_DELAY, count, world.childrens_hearings.permanence.agency_decision
            )
            days = days_until(world, last_hearing_day(world, world.now + days))
            yield hold(days)
            g.approved_at = world.now
            yield record(AGENCY_DECISION, g.index, days)
            days = lasts(
                world, g, purposes.ADVICE_DELAY, count, world.childrens_hearings.permanence.advice_hearing
            )
            yield hold(days_until(world, next_hearing_day(world, world.now + days)))
            case.hearings += 1
            yield record(CHILDRENS_HEARING_HELD, case.index, ADVICE)
        days = days_to_petition(world, g, order, count)
        yield hold(days_until(world, next_hearing_day(world, world.now + days)))
        if g.in_care == 0:
            return
        yield record(PETITION_LODGED, g.index, order)
        hearing = SECTION_11 if order == KINSHIP_CARE_ORDER else PERMANENCE
        callings = 0
        called = world.now
        days = days_to_calling(world, g, order, callings, called, count)
        while days < math.inf and g.in_care == 1:
            yield book(court.diary, world.now + days, sheriff_hours(world, hearing))
            yield record(SHERIFF_HEARING_LISTED, case.index, world.booked - world.now)
            yield hold(days_until(world, world.booked))
            yield record(SHERIFF_HEARING_HELD, case.index, hearing)
            callings += 1
            if callings == 1:
                called = world.now
            days = days_to_calling(world, g, order, callings, called, count)
        if order == PERMANENCE_ORDER_TO_ADOPT and not is_granted(world, g, count):
            order = PERMANENCE_ORDER  # without authority to adopt: the child stays with its carers
    if g.in_care == 1 and g.order == NO_ORDER_YET:
        g.order = order
        g.ordered_at = world.now
        yield record(ORDER_MADE, g.index, order)
        yield signal(PLACEMENT, g.index)
        yield signal(CHILDRENS_HEARINGS, case.index)
        yield signal(CHILDRENS_HEARINGS, f.index)


@rule
def is_reviewed(world, f, case):
    """Whether the direction is set and any child of the case, in its present time in care, lives away from home."""
    if not case.decided <= world.now:
        return False
    k, last = groups_of(f, case)
    while k < last:
        g = groups(world, k)
        if (
            g.in_care == 1
            and g.re_entries == case.again
            and g.place != WITH_PARENTS
            and not is_of_age(world, f, g)
        ):
            return True
        k += 1
    return False


@rule
def is_referred_with_plan(world, f, case):
    """Whether the review that plans against a return asks the reporter, of children looked after by agreement alone.

    It does not where they were referred before, or where a hearing deals with any of them.
    """
    if (
        not is_by_agreement(f, case)
        or is_referred(world, f, case)
        or cases(world, f.index).hearings_open == 1
    ):
        return False
    away = False
    k, last = groups_of(f, case)
    while k < last:
        g = groups(world, k)
        if cases(world, world.n_families + k).hearings_open == 1:
            return False
        away = away or (g.direction > DIRECTION_HOME and g.in_care == 1 and g.order == NO_ORDER_YET)
        k += 1
    share = world.childrens_hearings.referred_with_plan
    return away and happens(world, case, purposes.REFERRED_WITH_PLAN, case.again, share)


@rule
def settles(world, g):
    """Before any order children move to kin who are to bring them up, those who stay looked after to carers for long.

    Neither is permanence, for no order makes it so. Returns whether such a move is planned.
    """
    planned = world.placements.planned
    if g.place == KINSHIP_FOSTER or not (g.stays_looked_after == 1 or g.direction == DIRECTION_KIN):
        return False
    if g.direction == DIRECTION_KIN:
        g.plan = TO_KIN
        g.plan_at = world.now + lasts(world, g, purposes.KIN_DELAY, g.episode, planned.to_kin_delay)
    else:
        g.plan = TO_LONG_TERM
        days = lasts(world, g, purposes.LONG_TERM_DELAY, g.episode, planned.long_term_delay)
        g.plan_at = world.now + days
    return True


@rule
def plan_after_scottish_order(world, f, g):
    """What an order sets in train; family finding has gone on since the agency's decision."""
    planned = world.placements.planned
    days = 0.0
    if g.order == SUPERVISED_AT_HOME or g.order == NO_COMPULSORY_MEASURES:
        g.plan = RETURN_HOME
    elif g.order == KINSHIP_CARE_ORDER:
        g.plan = TO_GUARDIANS
        if g.place != KINSHIP_FOSTER:
            days = lasts(world, g, purposes.GUARDIANS_DELAY, g.episode, planned.guardians_delay)
    elif g.order == PERMANENCE_ORDER:
        g.plan = TO_LONG_TERM
    elif g.place != EARLY_PERMANENCE and happens(
        world, g, purposes.NO_MATCH, g.episode, planned.no_match_share
    ):
        g.plan = TO_LONG_TERM  # no adopters are found
        days = lasts(world, g, purposes.MATCH_DELAY, g.episode, planned.no_match_delay)
    else:
        g.plan = ADOPTION_MATCH
        if g.place == EARLY_PERMANENCE:
            days = adoption_match_days(world, f, g)
        else:
            finding = world.childrens_hearings.permanence.family_finding
            days = lasts(world, g, purposes.FAMILY_FINDING, g.episode, finding)
        days = max(0.0, g.approved_at + days - world.now)
    g.plan_at = world.now + days
