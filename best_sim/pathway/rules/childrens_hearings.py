"""Rules of Scots law and practice: when hearings fall, whether grounds are accepted, which way the plan goes.

A children's hearing sits on a working day at ten in the morning. Panels are lay members and are not limited; the
sheriff's diary is.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.diaries import MORNING
from best_sim.engine.luck import uniform
from best_sim.engine.maths import exp
from best_sim.pathway.kinds import LOOKED_AFTER_REVIEWS, PROCEEDINGS
from best_sim.pathway.parameters import number_of
from best_sim.pathway.records import courts
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import age_in_care
from best_sim.pathway.rules.draws import happens, lasts, which
from best_sim.pathway.rules.working_days import BEYOND, first_working_day, is_working_day
from best_sim.pathway.words import (
    DIRECTION_ADOPTION,
    DIRECTION_HOME,
    DIRECTION_KIN,
    DIRECTION_LONG_TERM,
    EARLY_PERMANENCE,
    KINSHIP_CARE_ORDER,
    KINSHIP_FOSTER,
    NO_ORDER_YET,
    PERMANENCE_ORDER,
    PERMANENCE_ORDER_TO_ADOPT,
    SECTION_11,
    VOLUNTARY,
    WITH_PARENTS,
)
from best_sim.scenario.durations import YEAR
from best_sim.scenario.schema import Court

SCOTLAND = number_of(Court, "jurisdiction", "Scotland")
AFTER_A_HEARING = 4.0 / 24.0
"""A child that a hearing removes is moved in the afternoon of its day."""
MOST_CALLINGS = 256
"""Callings of one petition that have a random number of their own."""
ROUNDING = 1e-9
"""Days that are as good as none: ten in the morning 22 days on is ten in the morning."""


# --- which law ----------------------------------------------------------------------------------------------
@rule
def is_scottish(world, f):
    """Whether Scots law protects the family's children: that of its court."""
    return courts(world, f.court).jurisdiction == SCOTLAND


@rule
def legal_process(world, f):
    """The kind of process that a family's case is: care proceedings, or in Scotland what begins with a review."""
    return LOOKED_AFTER_REVIEWS if is_scottish(world, f) else PROCEEDINGS


# --- days on which hearings sit -----------------------------------------------------------------------------
@rule
def working_days_after(world, time, n):
    """Ten in the morning of the n-th working day after the day of a time."""
    day = math.floor(time)
    left = n
    while left > 0:
        day += 1.0
        if is_working_day(world, SCOTLAND, day):
            left -= 1
    return day + MORNING


@rule
def next_hearing_day(world, time):
    """Ten in the morning of the first working day on which a hearing can still begin at or after a time."""
    if time > world.end + BEYOND:
        return time
    day = math.floor(time)
    if time > day + MORNING + ROUNDING:
        day += 1.0
    return first_working_day(world, SCOTLAND, day, 1.0) + MORNING


@rule
def last_hearing_day(world, time):
    """Ten in the morning of the last working day on which a hearing begins at or before a time."""
    if time > world.end + BEYOND:
        return time
    day = math.floor(time)
    if time < day + MORNING - ROUNDING:
        day -= 1.0
    return first_working_day(world, SCOTLAND, day, -1.0) + MORNING


# --- coming into care ---------------------------------------------------------------------------------------
@rule
def scottish_route(world, f):
    """Section 25, a child protection order, the order of a hearing, or at home on a compulsory supervision order."""
    return which(uniform(world, f, purposes.ROUTE, 0), world.childrens_hearings.route)


@rule
def days_from_referral_to_grounds(world, who, count):
    """Days from the referral to the reporter to the grounds hearing, before it is listed on a working day."""
    return lasts(world, who, purposes.TO_GROUNDS, count, world.childrens_hearings.referral_to_grounds)


@rule
def entry_by_hearing(world, f):
    """When a child that is removed by a hearing comes into care: on the day of the grounds hearing."""
    days = min(days_from_referral_to_grounds(world, f, 0), f.youngest_days)
    return next_hearing_day(world, f.known_at + days) + AFTER_A_HEARING


# --- hearings -----------------------------------------------------------------------------------------------
@rule
def hearing_count(case, k):
    """The number of a case's k-th draw of a kind, apart from those of its earlier times in care."""
    return 256 * case.again + k


@rule
def is_by_agreement(f, case):
    """Whether a case's children came into care under section 25, as those do who come back."""
    return case.group >= 0 or f.route == VOLUNTARY


@rule
def is_referred(world, f, case):
    """Whether compulsory measures are asked for; for those looked after by agreement, not always, or with the plan."""
    if is_by_agreement(f, case) and case.referred_with_plan == 0:
        share = world.childrens_hearings.section_25_referred
        return happens(world, case, purposes.REFERRED, case.again, share)
    return True


@rule
def hearing_listed(world, case, since, latest):
    """When a children's hearing sits that is asked for now: after notice, and on or before the latest day there is."""
    k = hearing_count(case, case.hearings)
    at = next_hearing_day(
        world, since + lasts(world, case, purposes.LISTING, k, world.childrens_hearings.listing)
    )
    if at > latest:
        at = max(last_hearing_day(world, latest), next_hearing_day(world, since))
    return at


@rule
def is_deferred(world, case, times):
    """Whether a hearing with grounds accepted or established puts off its decision."""
    section = world.childrens_hearings
    k = hearing_count(case, case.hearings)
    return times < section.most_deferrals and happens(world, case, purposes.DEFERRED, k, section.deferred)


@rule
def end_of_interim_order(world, case, now):
    """Until when a hearing may make or renew an interim order: 22 days on, and within 66 days of the first."""
    interim = world.childrens_hearings.interim
    return min(now + interim.longest, case.interim_since + interim.longest_by_hearings)


@rule
def interim_review(world, case, made):
    """When an interim order is looked at again: before it ends, and not on the day on which it was made."""
    return max(last_hearing_day(world, case.order_until), working_days_after(world, made, 1))


@rule
def next_review_of_order(world, case, now):
    """When a compulsory supervision order is reviewed: before it ends, on a working day."""
    section = world.childrens_hearings
    k = hearing_count(case, case.hearings)
    at = now + lasts(world, case, purposes.NEXT_REVIEW, k, section.next_review)
    at = min(next_hearing_day(world, at), last_hearing_day(world, now + section.order_longest))
    return max(at, working_days_after(world, now, 1))


# --- reviews and the plan -----------------------------------------------------------------------------------
@rule
def review_date(world, case):
    """When the next review of a looked-after child is due, by how many there were."""
    reviews = world.childrens_hearings.reviews
    at = case.issued + reviews.first
    if case.reviews > 0:
        at += reviews.second + (case.reviews - 1) * reviews.later
        return max(next_hearing_day(world, at), working_days_after(world, world.now, 1))
    return next_hearing_day(world, at)


@rule
def later_review_date(world, case):
    """When the next review is due of children whose direction is set: on a working day, within what the law allows.

    Looked After Children (Scotland) Regulations 2009, reg. 45.
    """
    reviews = world.childrens_hearings.reviews
    at = case.reviewed_at + (reviews.second if case.reviews == 1 else reviews.after_direction)
    if case.reviews == 0:
        at = case.issued + reviews.first
    return max(last_hearing_day(world, at), working_days_after(world, world.now, 1))


@rule
def sets_direction(world, case):
    """Whether a review sets the direction: not the first; with the report, or once patience is over; unless put off."""
    reviews = world.childrens_hearings.reviews
    if case.reviews < 2:
        return False
    if math.isnan(case.evidence_in) and world.now < case.issued + reviews.patience:
        return False
    k = hearing_count(case, case.reviews)
    return not happens(world, case, purposes.PUT_OFF, k, reviews.put_off)


@rule
def goes_home_early(world, f, case):
    """Whether children looked after by agreement are to go home from their first review: the need for it has passed."""
    share = world.childrens_hearings.reviews.home_early
    by_agreement = case.group < 0 and f.route == VOLUNTARY and case.reviews == 1
    return by_agreement and happens(world, case, purposes.HOME_EARLY, case.again, share)


@rule
def stays_looked_after(world, g):
    """Whether nobody asks for an order: the child stays, looked after, mostly under a compulsory supervision order.

    Carers who may adopt ask for theirs.
    """
    share = 0.0
    if g.direction == DIRECTION_ADOPTION and g.place == EARLY_PERMANENCE:
        return False
    if g.direction == DIRECTION_KIN:
        share = world.childrens_hearings.permanence.kin_stay_looked_after
    elif g.direction == DIRECTION_ADOPTION:
        share = world.childrens_hearings.permanence.adoption_stay_looked_after
    elif g.direction == DIRECTION_LONG_TERM:
        share = world.childrens_hearings.permanence.long_term_stay_looked_after
    return happens(world, g, purposes.STAYS_LOOKED_AFTER, g.episode, share)


@rule
def is_to_stay_looked_after(g):
    """Whether this is settled, and no order has come since; of children of England and Wales it never is."""
    return g.stays_looked_after == 1 and g.order == NO_ORDER_YET


@rule
def direction_score(direction, under_one, need, advised):
    """Linear predictor of one direction of the plan."""
    return (
        direction.intercept + direction.under_one * under_one + direction.need * need
        + direction.return_advised * advised
    )  # fmt: skip


@rule
def direction_of(world, f, g, case):
    """The direction of a group's plan: multinomial logit on age, need and advice; kin only where there are any."""
    if case.reviews == 1 or g.place == WITH_PARENTS:  # nothing else is decided so soon, or is wanted
        return DIRECTION_HOME
    under_one = 1.0 if age_in_care(f, g) < YEAR else 0.0
    advised = 1.0 if case.advice == 1 else 0.0
    directions = world.childrens_hearings.directions
    kin = 1.0
    if f.kin_available == 1 or g.place == KINSHIP_FOSTER:
        kin += exp(direction_score(directions.kin, under_one, f.need, advised))
    adoption = kin + exp(direction_score(directions.adoption, under_one, f.need, advised))
    total = adoption + exp(direction_score(directions.long_term, under_one, f.need, advised))
    u = uniform(world, g, purposes.DIRECTION, case.again) * total
    if u < 1.0:
        return DIRECTION_HOME
    if u < kin:
        return DIRECTION_KIN
    if u < adoption:
        return DIRECTION_ADOPTION
    return DIRECTION_LONG_TERM


# --- the petition -------------------------------------------------------------------------------------------
@rule
def order_asked_for(g):
    """What the sheriff is asked for: kin ask for a kinship care order, the authority for a permanence order."""
    if g.direction == DIRECTION_KIN:
        return KINSHIP_CARE_ORDER
    return PERMANENCE_ORDER_TO_ADOPT if g.direction == DIRECTION_ADOPTION else PERMANENCE_ORDER


@rule
def days_to_petition(world, g, order, count):
    """Days until it is lodged: from the plan's direction where kin ask, else from the advice hearing."""
    permanence = world.childrens_hearings.permanence
    if order == KINSHIP_CARE_ORDER:
        return lasts(world, g, purposes.SECTION_11_DELAY, count, permanence.section_11)
    return lasts(world, g, purposes.PETITION_DELAY, count, permanence.petition)


@rule
def sheriff_hours(world, hearing):
    """Sitting time of the sheriff for a hearing of a petition."""
    hours = world.childrens_hearings.hours
    return hours.section_11 if hearing == SECTION_11 else hours.permanence


@rule
def days_to_calling(world, g, order, callings, called, count):
    """Days until a petition is called, for the first time or, if it is defended, once more; infinite if it is not.

    A defended petition, first `called` then, is called again and again until it is decided: nobody lists years ahead.
    """
    permanence = world.childrens_hearings.permanence
    if callings == 0:
        return lasts(world, g, purposes.CALLING_DELAY, count, permanence.first_calling)
    if order == KINSHIP_CARE_ORDER or not happens(world, g, purposes.DEFENDED, count, permanence.defended):
        return math.inf
    left = called + lasts(world, g, purposes.PETITION_CONTINUED, count, permanence.defended_for) - world.now
    if left <= 0.0:
        return math.inf
    k = MOST_CALLINGS * count + callings
    return min(left, max(1.0, lasts(world, g, purposes.BETWEEN_CALLINGS, k, permanence.between_callings)))


@rule
def is_granted(world, g, count):
    """Whether the sheriff gives authority to adopt."""
    return happens(world, g, purposes.GRANTED, count, world.childrens_hearings.permanence.granted)
