"""Scotland: the reporter, children's hearings, the sheriff, compulsory supervision.

A chain of separate decisions by different people, with a clock on each link and none on the whole: a child protection
order and its hearings, grounds accepted or at proof before the sheriff, interim orders renewed meanwhile, a compulsory
supervision order that is reviewed within the year, appeals. It ends when no child of the family needs it; which way
the plan goes is decided elsewhere (`best_sim.pathway.permanence_planning`).
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.commands import SIGNALLED, book, hold, record, signal, vacate, wait
from best_sim.pathway.kinds import LIFT_SERVICE, LOOKED_AFTER_REVIEWS, PARENTING_ASSESSMENT, PLACEMENT
from best_sim.pathway.records import courts, families, groups
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import comes_of_age, is_of_age
from best_sim.pathway.rules.childrens_hearings import (
    AFTER_A_HEARING,
    end_of_interim_order,
    hearing_count,
    hearing_listed,
    interim_review,
    is_deferred,
    is_referred,
    last_hearing_day,
    next_hearing_day,
    next_review_of_order,
    working_days_after,
)
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.orders import groups_of
from best_sim.pathway.rules.working_days import days_until, on_working_day
from best_sim.pathway.words import (
    APPEAL,
    APPEAL_DECIDED,
    APPEAL_MADE,
    BY_ORDER,
    CHILD_PROTECTION_ORDER_MADE,
    CHILDRENS_HEARING_DEFERRED,
    CHILDRENS_HEARING_HELD,
    COMPULSORY_ORDER_CONTINUED,
    COMPULSORY_ORDER_ENDED,
    COMPULSORY_ORDER_MADE,
    DISPOSAL,
    GROUNDS,
    GROUNDS_ACCEPTED,
    GROUNDS_ESTABLISHED,
    GROUNDS_SENT_TO_PROOF,
    HOME,
    INTERIM,
    INTERIM_ORDER,
    INTERIM_ORDER_EXTENDED,
    INTERIM_ORDER_MADE,
    KINSHIP_FOSTER,
    NO_COMPULSORY_MEASURES,
    NO_DIRECTION,
    NO_ORDER_YET,
    ORDER_MADE,
    PROOF,
    PROOF_LODGED,
    REFERRAL_DISCHARGED,
    REFERRED_TO_REPORTER,
    REVIEW,
    SECOND_WORKING_DAY,
    SHERIFF_HEARING_HELD,
    SHERIFF_HEARING_LISTED,
    SUPERVISED_AT_HOME,
    TO_KIN,
    VOLUNTARY,
    WITH_PARENTS,
)

LEAST_RENEWAL = 7.0
"""Days: an interim order that a hearing could renew for less goes to the sheriff."""


def childrens_hearings(case, world):
    """From the referral to the reporter to the end of compulsory measures: of a family, or of a group back in care."""
    f = families(world, case.family)
    court = courts(world, f.court)
    case.hearings_open = 1
    case.supervised = 0
    case.order_until = math.nan
    case.interim_since = math.nan
    case.hearings = 0
    route = f.route if case.group < 0 else VOLUNTARY
    needs_order = (
        0 if route == VOLUNTARY else 1
    )  # the others are looked after by agreement until there is one
    going_on = 1 if is_referred(world, f, case) else 0
    if going_on == 1 and route == VOLUNTARY and case.referred_with_plan == 0:
        days = lasts(
            world,
            case,
            purposes.REFERRAL_DELAY,
            case.again,
            world.childrens_hearings.referral_after_section_25,
        )
        yield hold(days_until(world, on_working_day(world, f, world.now + days)))
        going_on = 1 if needs_measures(world, f, case) else 0
    if going_on == 1:
        if f.entered - f.youngest_days > world.now:  # nobody is referred before birth
            yield hold(days_until(world, f.entered - f.youngest_days))
        yield record(REFERRED_TO_REPORTER, case.index, route)
        if route == BY_ORDER:
            made = world.now
            yield record(CHILD_PROTECTION_ORDER_MADE, case.index, 0.0)
            yield hold(
                days_until(
                    world,
                    working_days_after(
                        world, made, world.childrens_hearings.child_protection_order.first_hearing
                    ),
                )
            )
            case.hearings += 1
            yield record(CHILDRENS_HEARING_HELD, case.index, SECOND_WORKING_DAY)
            yield hold(
                days_until(
                    world,
                    working_days_after(
                        world, made, world.childrens_hearings.child_protection_order.grounds_hearing
                    ),
                )
            )
        elif route == VOLUNTARY:
            days = lasts(
                world, case, purposes.TO_GROUNDS, case.again, world.childrens_hearings.referral_to_grounds
            )
            yield hold(days_until(world, next_hearing_day(world, world.now + days)))
            going_on = 1 if needs_measures(world, f, case) else 0
        else:  # the hearing itself removes the child, or makes its order with the child at home
            yield hold(days_until(world, f.entered - AFTER_A_HEARING))
    home = 0
    at_proof = 0
    if going_on == 1:
        case.hearings += 1
        yield record(CHILDRENS_HEARING_HELD, case.index, GROUNDS)
        if is_discharged(world, f, case):
            yield record(REFERRAL_DISCHARGED, case.index, 0.0)
            going_on = 0
            home = needs_order  # an agreement stands without it
        elif happens(world, case, purposes.ACCEPTED, case.again, world.childrens_hearings.accepted):
            yield record(GROUNDS_ACCEPTED, case.index, 0.0)
        else:
            yield record(GROUNDS_SENT_TO_PROOF, case.index, 0.0)
            at_proof = 1
    if at_proof == 1:
        # two clocks: the proof's next step, and the end of the interim order
        if needs_order == 1:
            case.interim_since = world.now
            case.order_until = end_of_interim_order(world, case, world.now)
            yield record(INTERIM_ORDER_MADE, case.index, case.order_until - world.now)
        days = lasts(world, case, purposes.LODGED, case.again, world.childrens_hearings.proof.lodged)
        next_step = last_hearing_day(world, world.now + days)
        days = days_until(world, next_step)
        lodged = 0
        times = 0
        made = world.now
        diary = court.urgent_diary
        while at_proof == 1:
            renewal = math.inf
            if needs_order == 1:
                renewal = interim_review(world, case, made)
            yield hold(days_until(world, min(next_step, renewal)))
            if not needs_measures(world, f, case):
                # the children went home, or an order was made: the reporter gives the proof up
                at_proof = 0
                going_on = 0
                if lodged == 1 and renewal < next_step < math.inf:
                    yield vacate(diary, next_step, world.childrens_hearings.hours.proof)
                yield record(REFERRAL_DISCHARGED, case.index, 1.0)
            elif next_step <= renewal:
                ahead = -1.0
                diary = court.diary
                if lodged == 0:
                    lodged = 1
                    diary = court.urgent_diary  # the law limits the time to the first hearing
                    yield record(PROOF_LODGED, case.index, days)
                    ahead = lasts(
                        world, case, purposes.FIRST_CALLING, case.again,
                        world.childrens_hearings.proof.first_calling,
                    )  # fmt: skip
                else:
                    yield record(SHERIFF_HEARING_HELD, case.index, PROOF)
                    k = hearing_count(case, times)
                    if happens(
                        world, case, purposes.PROOF_CONTINUED, k, world.childrens_hearings.proof.continued
                    ):
                        ahead = lasts(
                            world, case, purposes.BETWEEN_PROOFS, k, world.childrens_hearings.proof.between
                        )
                        ahead = max(ahead, 1.0)
                    times += 1
                if ahead >= 0.0:
                    yield book(diary, world.now + ahead, world.childrens_hearings.hours.proof)
                    next_step = world.booked
                    yield record(SHERIFF_HEARING_LISTED, case.index, next_step - world.now)
                    by_hearings = case.interim_since + world.childrens_hearings.interim.longest_by_hearings
                    if times > 0 and needs_order == 1 and by_hearings < next_step:
                        made = world.now
                        case.order_until = made + world.childrens_hearings.interim.longest
                        yield record(INTERIM_ORDER_EXTENDED, case.index, case.order_until - world.now)
                else:
                    at_proof = 0
            else:
                made = world.now
                until = end_of_interim_order(world, case, made)
                if until >= case.order_until + LEAST_RENEWAL:
                    case.hearings += 1
                    case.order_until = until
                    yield record(CHILDRENS_HEARING_HELD, case.index, INTERIM)
                    yield record(INTERIM_ORDER_MADE, case.index, until - world.now)
                else:
                    case.order_until = world.now + world.childrens_hearings.interim.longest
                    yield record(SHERIFF_HEARING_HELD, case.index, INTERIM_ORDER)
                    yield record(INTERIM_ORDER_EXTENDED, case.index, case.order_until - world.now)
        if going_on == 1 and happens(
            world, case, purposes.ESTABLISHED, case.again, world.childrens_hearings.proof.established
        ):
            yield record(GROUNDS_ESTABLISHED, case.index, 1.0)
            latest = case.order_until if needs_order == 1 else math.inf
            yield hold(days_until(world, hearing_listed(world, case, world.now, latest)))
            case.hearings += 1
            yield record(CHILDRENS_HEARING_HELD, case.index, DISPOSAL)
        elif going_on == 1:
            yield record(GROUNDS_ESTABLISHED, case.index, 0.0)
            home = 1
    if going_on == 1 and home == 0:
        times = 0
        while needs_measures(world, f, case) and is_deferred(world, case, times):
            yield record(CHILDRENS_HEARING_DEFERRED, case.index, DISPOSAL)
            latest = math.inf
            if needs_order == 1:
                case.order_until = world.now + world.childrens_hearings.interim.longest
                yield record(INTERIM_ORDER_MADE, case.index, case.order_until - world.now)
                latest = case.order_until
            yield hold(days_until(world, hearing_listed(world, case, world.now, latest)))
            case.hearings += 1
            times += 1
            yield record(CHILDRENS_HEARING_HELD, case.index, DISPOSAL)
        if needs_measures(world, f, case):
            case.supervised = 1
            case.order_until = end_of_order(world, f, case)
            yield record(COMPULSORY_ORDER_MADE, case.index, case.order_until - world.now)
        else:
            yield record(REFERRAL_DISCHARGED, case.index, 0.0)
    share = world.childrens_hearings.appeals.against_order
    review = -math.inf
    while case.supervised == 1:
        if review <= world.now:
            review = next_review_of_order(world, case, world.now)
        k = hearing_count(case, case.hearings)
        if happens(world, case, purposes.APPEALED, k, share):
            days = lasts(world, case, purposes.APPEAL_DELAY, k, world.childrens_hearings.appeals.heard)
            if world.now + days < review:
                yield record(APPEAL_MADE, case.index, 0.0)
                yield book(court.diary, world.now + days, world.childrens_hearings.hours.appeal)
                yield record(SHERIFF_HEARING_LISTED, case.index, world.booked - world.now)
                if world.booked < case.order_until - LEAST_RENEWAL:
                    yield hold(days_until(world, world.booked))
                    yield record(SHERIFF_HEARING_HELD, case.index, APPEAL)
                    if happens(world, case, purposes.UPHELD, k, world.childrens_hearings.appeals.upheld):
                        yield record(APPEAL_DECIDED, case.index, 1.0)
                        review = hearing_listed(world, case, world.now, case.order_until)
                    else:
                        yield record(APPEAL_DECIDED, case.index, 0.0)
        share = 0.0  # until there is a new decision
        yield wait(days_until(world, min(review, of_age_at(world, f, case))))
        if not needs_measures(world, f, case):
            case.supervised = 0
            yield record(COMPULSORY_ORDER_ENDED, case.index, 0.0)
        elif world.outcome != SIGNALLED:
            case.hearings += 1
            review = -math.inf  # held: times are exact only to rounding
            yield record(CHILDRENS_HEARING_HELD, case.index, REVIEW)
            k = hearing_count(case, case.hearings)
            if all_at_home(world, f, case) and happens(
                world, case, purposes.ENDED_AT_HOME, k, world.childrens_hearings.ended_at_home
            ):
                case.supervised = 0
                home = 1
                yield record(COMPULSORY_ORDER_ENDED, case.index, 0.0)
            else:
                case.order_until = end_of_order(world, f, case)
                yield record(COMPULSORY_ORDER_CONTINUED, case.index, case.order_until - world.now)
                share = world.childrens_hearings.appeals.against_review
    if home == 1:
        # no compulsory measures: children for whom nothing else is planned live with their parents
        still_open = 0
        k, last = groups_of(f, case)
        while k < last:
            g = groups(world, k)
            undecided = g.in_care == 1 and g.order == NO_ORDER_YET and g.direction == NO_DIRECTION
            if undecided and (g.place == KINSHIP_FOSTER or g.plan == TO_KIN):
                still_open = 1  # parents who agree to relatives: the reviews decide on
            elif undecided:
                g.order = NO_COMPULSORY_MEASURES
                g.ordered_at = world.now
                yield record(ORDER_MADE, k, g.order)
                yield signal(PLACEMENT, k)
                yield signal(LOOKED_AFTER_REVIEWS, world.n_families + k)
            k += 1
        if still_open == 0:
            if math.isnan(case.decided):
                case.decided = world.now
            yield signal(LOOKED_AFTER_REVIEWS, case.index)
            yield signal(PARENTING_ASSESSMENT, case.index)
            if case.group < 0:
                yield signal(LIFT_SERVICE, f.index)
    case.hearings_open = 0


@rule
def is_discharged(world, f, case):
    """Whether the grounds hearing discharges the referral; not where the children come into care by its own order."""
    if case.group < 0 and f.entered > world.now:
        return False
    return happens(world, case, purposes.DISCHARGED, case.again, world.childrens_hearings.discharged)


@rule
def end_of_order(world, f, case):
    """Until when a compulsory supervision order made now lasts at most: a year, or until all it is for are of age."""
    return min(world.now + world.childrens_hearings.order_longest, of_age_at(world, f, case))


@rule
def of_age_at(world, f, case):
    """When the last group of the case that needs measures comes of age."""
    at = -math.inf
    k, last = groups_of(f, case)
    while k < last:
        g = groups(world, k)
        if is_measured(world, f, g):
            at = max(at, comes_of_age(f, g))
        k += 1
    return at


@rule
def is_measured(world, f, g):
    """Whether a group needs compulsory measures, if anybody's does: looked after with nothing settled, or sent home.

    A group that has no placement yet comes into care by the order of this very hearing; none does that is of age.
    """
    if g.episode == 0:
        return True
    if is_of_age(world, f, g):
        return False
    return g.order == SUPERVISED_AT_HOME or (g.in_care == 1 and g.order == NO_ORDER_YET)


@rule
def needs_measures(world, f, case):
    """Whether any group of the case does."""
    k, last = groups_of(f, case)
    while k < last:
        if is_measured(world, f, groups(world, k)):
            return True
        k += 1
    return False


@rule
def all_at_home(world, f, case):
    """Whether every group that is under measures lives at home."""
    k, last = groups_of(f, case)
    while k < last:
        g = groups(world, k)
        if is_measured(world, f, g) and g.place != HOME and g.place != WITH_PARENTS:
            return False
        k += 1
    return True
