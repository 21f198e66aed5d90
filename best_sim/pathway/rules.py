"""Every decision and every duration of the pathway, one pure function each, named for what it decides.

A rule reads records and random numbers and returns a number; it never lets time pass. The processes call them. Each
draw has a purpose of its own, named here, so that one more draw anywhere changes no other.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import (
    duration_quantile,
    lognormal_quantile,
    normal_quantile,
    purpose,
    series_at,
    uniform,
)
from best_sim.pathway.parameters import names_of, number_of
from best_sim.pathway.records import BANDS
from best_sim.pathway.words import (
    ADOPTED,
    BY_LIFT,
    CARE_ORDER,
    CASE_MANAGEMENT,
    CHILD_ARRANGEMENTS,
    DURING_PROCEEDINGS,
    EXTERNAL_EXPERT,
    FOSTER,
    GUARDIANSHIP_ORDER,
    HOME,
    IN_HOUSE,
    INDEPENDENT_SOCIAL_WORKER,
    INTERIM_HEARING,
    INVITED,
    ISSUES_RESOLUTION,
    KINSHIP_FOSTER,
    LIFT,
    LIFT_IS_FULL,
    NO_ORDER,
    NOT_IN_PROCEEDINGS,
    OTHER_REASON,
    PARENT_AND_BABY,
    PLACED_FOR_ADOPTION,
    PLACEMENT_ORDER,
    PLACEMENT_TYPES,
    SUPERVISION_ORDER,
    TOO_OLD,
    VOLUNTARY,
    WITH_A_PARENT,
    WITH_PARENTS,
)
from best_sim.scenario.durations import WEEK, YEAR
from best_sim.scenario.schema import Entry, Lift, Trial, Unplanned, Visits

FIFTH_BIRTHDAY = 5.0 * YEAR
"""Days of age; the model is about children under 60 months."""

# --- what the schema's choices and mixes are called here ----------------------------------------------------
BASELINE_FIRST = number_of(Trial, "steps", "consent > baseline > randomisation")
YOUNGEST_FIRST = number_of(Lift, "priority", "youngest first")
FROM_RANDOMISATION = number_of(Visits, "counted_from", "randomisation")
FIRST_PLACEMENTS = tuple(map(PLACEMENT_TYPES.index, names_of(Entry, "first_placement")))
NEXT_PLACEMENTS = tuple(map(PLACEMENT_TYPES.index, names_of(Unplanned, "next_placement")))

# --- purposes: what a number is drawn for -------------------------------------------------------------------
FAMILY_SIZE = purpose("family size")
NEED = purpose("need")
REACH = purpose("reach")
OLDER_SIBLING = purpose("older sibling")
KIN = purpose("kin available")
SPLIT = purpose("siblings split")
PAIR = purpose("pair kept together")
AGE_BAND = purpose("age band")
AGE = purpose("age")
SEX = purpose("sex")
FRAILTY = purpose("frailty")
ROUTE = purpose("route")
ISSUED = purpose("proceedings issued")
ISSUE_DELAY = purpose("delay to issue")
FIRST_PLACE = purpose("first placement")
VOLUNTARY_STAY = purpose("voluntary stay")
OTHER_EXCLUSION = purpose("other exclusion")
CONSENT = purpose("consent")
CONSENT_DELAY = purpose("consent delay")
RANDOMISATION_DELAY = purpose("randomisation delay")
BASELINE_DELAY = purpose("baseline delay")
ALLOCATION = purpose("allocation")
TWIN = purpose("in which part of the twins")
BLOCK_SIZE = purpose("block size")
INELIGIBLE = purpose("found ineligible")
INELIGIBLE_DELAY = purpose("delay to found ineligible")
CONTESTED = purpose("contested interim hearing")
NOTICE = purpose("notice")
ADJOURNMENT = purpose("adjournment")
AGREED = purpose("agreed at issues resolution")
SAU_KIND = purpose("parenting assessor")
SAU_ASSESSED = purpose("parenting assessment made")
SAU_DURATION = purpose("parenting assessment duration")
LIFT_DECLINED = purpose("LIFT declined")
LIFT_ASSESSMENT = purpose("LIFT assessment")
LIFT_MEETING = purpose("professionals' meeting")
LIFT_LEFT = purpose("LIFT left during assessment")
LIFT_TREATS = purpose("LIFT treats")
LIFT_TREATMENT = purpose("LIFT treatment")
LIFT_WITHDRAWS = purpose("LIFT withdrawn from")
TREATMENT_KIND = purpose("treatment kind")
ADVICE = purpose("advice on return")
ORDER = purpose("order")
SUPERVISION = purpose("with supervision")
CLOCK = purpose("unplanned move clock")
AFTER_UNPLANNED = purpose("placement after an unplanned move")
SETTLE = purpose("settled foster placement")
SETTLE_DELAY = purpose("delay to settled foster placement")
KIN_MOVE = purpose("move to kin")
KIN_DELAY = purpose("delay to kin")
UNIT_STAY = purpose("parent and baby stay")
UNIT_TOGETHER = purpose("parent and baby together after")
HOME_DELAY = purpose("transition home")
GUARDIANS_DELAY = purpose("delay to guardians")
NO_MATCH = purpose("no adoptive match")
MATCH_DELAY = purpose("delay to match")
PLACED_DELAY = purpose("delay to placed for adoption")
ADOPTION_DELAY = purpose("delay to adoption order")
LONG_TERM_SAME = purpose("long term with the same carer")
LONG_TERM_DELAY = purpose("delay to long term")
AGAIN = purpose("proceedings again")
AGAIN_DELAY = purpose("delay to proceedings again")
VISIT_TIME = purpose("visit time")
VISIT_SEEN = purpose("visit seen")
SDQ_TRAIT_FAMILY = purpose("SDQ trait of the family")
SDQ_TRAIT_CHILD = purpose("SDQ trait of the child")
SDQ_OCCASION = purpose("SDQ occasion")
PIRGAS_FAMILY = purpose("PIR-GAS trait of the family")
PIRGAS_CHILD = purpose("PIR-GAS trait of the child")
PIRGAS_OCCASION = purpose("PIR-GAS occasion")
UTILITY = purpose("utility")
COURT_LOAD = purpose("other cases")
COURT_LOAD_NOTICE = purpose("notice of other cases")
OTHER_STAY = purpose("stay of another family")


# --- small words --------------------------------------------------------------------------------------------
@rule
def happens(world, who, why, count, probability):
    """Whether a thing of this probability happens."""
    return uniform(world, who, why, count) < probability


@rule
def lasts(world, who, why, count, duration):
    """Days, by inverse transform: a longer mean is a longer time for the same child."""
    return duration_quantile(duration, uniform(world, who, why, count))


@rule
def standard_normal(world, who, why, count):
    """A standard normal number."""
    return normal_quantile(uniform(world, who, why, count))


@rule
def which(u, shares):
    """Index of the share that `u` falls in; `shares` sum to one, the last takes what rounding leaves."""
    k = 0
    reached = shares[0]
    while u >= reached and k < len(shares) - 1:
        k += 1
        reached += shares[k]
    return k


@rule
def logistic(x):
    """The probability of a logit."""
    return 1.0 / (1.0 + math.exp(-x))


@rule
def by_hearing(section, kind):
    """Of parameters for each kind of hearing, that of one kind."""
    if kind == INTERIM_HEARING:
        return section.interim
    if kind == CASE_MANAGEMENT:
        return section.case_management
    if kind == ISSUES_RESOLUTION:
        return section.issues_resolution
    return section.final


@rule
def by_visit(section, k):
    """Of parameters for each visit, that of visit k."""
    if k == 0:
        return section.first
    if k == 1:
        return section.second
    return section.third


# --- 1. entry to care ---------------------------------------------------------------------------------------
@rule
def family_size(world, f):
    """Children under 60 months in the family: 1, 2 or 3."""
    return which(uniform(world, f, FAMILY_SIZE, 0), world.population.children_per_family) + 1


@rule
def age_of_youngest(world, child):
    """Days old at entry: within a week of birth, else even over the first year, or up to the fifth birthday."""
    under_one = world.population.under_one_share_of_youngest
    band = uniform(world, child, AGE_BAND, 0)
    u = uniform(world, child, AGE, 0)
    if band < under_one * world.population.newborn_share_of_under_one:
        return WEEK * u
    if band < under_one:
        return WEEK + (YEAR - WEEK) * u
    return YEAR + (FIFTH_BIRTHDAY - YEAR) * u


@rule
def age_of_next(world, child, younger):
    """Days old of the next older sibling: older by the least gap, where that leaves room below the fifth birthday."""
    least = max(younger, min(younger + world.population.sibling_gap, FIFTH_BIRTHDAY - 1.0))
    return least + (FIFTH_BIRTHDAY - least) * uniform(world, child, AGE, 0)


@rule
def frailty(world, child):
    """The child's own multiplier of the hazard of an unplanned move: lognormal with mean one."""
    sd = world.population.frailty_sd
    return lognormal_quantile(uniform(world, child, FRAILTY, 0), -0.5 * sd * sd, sd)


@rule
def group_of_sibling(world, f, k):
    """Which of the family's groups its k-th child lives with (0 is the eldest-last order of birth)."""
    if f.n_children == 2:
        if k == 1 and happens(world, f, SPLIT, 0, world.population.split_with_one_sibling):
            return 1
        return 0
    if f.n_children == 3 and happens(world, f, SPLIT, 0, world.population.split_with_two_siblings):
        if happens(world, f, PAIR, 0, world.population.pair_kept_together):
            return 1 if k == 2 else 0
        return k
    return 0


@rule
def route_into_care(world, f):
    """Voluntary, by an order, or after proceedings were issued."""
    return which(uniform(world, f, ROUTE, 0), world.entry.route)


@rule
def reaches_court(world, f):
    """Only a family whose child came in voluntarily may never come to proceedings."""
    return not (
        f.route == VOLUNTARY and happens(world, f, ISSUED, 0, world.entry.voluntary_never_in_proceedings)
    )


@rule
def days_from_known_to_entry(world, f):
    """Days between issue and entry where proceedings come first; else the family is known when it enters."""
    if f.route == DURING_PROCEEDINGS:
        return lasts(world, f, ISSUE_DELAY, 0, world.entry.entry_after_issue)
    return 0.0


@rule
def days_from_entry_to_issue(world, f):
    """Days from entry to care until proceedings are issued."""
    if f.route == VOLUNTARY:
        return lasts(world, f, ISSUE_DELAY, 0, world.entry.issue_after_voluntary)
    return lasts(world, f, ISSUE_DELAY, 0, world.entry.issue_after_order)


@rule
def first_placement(world, f, g):
    """Foster, kinship foster, parent and baby (under ones), or with parents under an interim order."""
    place = FIRST_PLACEMENTS[which(uniform(world, g, FIRST_PLACE, 0), world.entry.first_placement)]
    if place == KINSHIP_FOSTER and f.kin_available == 0:
        return FOSTER
    if place == PARENT_AND_BABY and g.youngest_days > YEAR:
        return FOSTER
    if place == WITH_PARENTS and f.reaches_court == 0:
        return FOSTER
    return place


# --- 2. the trial -------------------------------------------------------------------------------------------
@rule
def is_recruiting(world, borough, site, now):
    """Whether the borough is open and recruitment neither paused nor complete."""
    from_date = borough.opens <= now < borough.closes
    return from_date and series_at(site.recruiting, now) > 0.5 and world.complete == 0


@rule
def screening(world, f, g, site, team):
    """Why a family is not invited, or INVITED; counted in this order."""
    if f.older_sibling == 1 and site.invites_families_with_older_child == 0:
        return TOO_OLD
    if f.reaches_court == 0:
        return NOT_IN_PROCEEDINGS
    if g.place == WITH_PARENTS or g.in_care == 0:
        return WITH_A_PARENT
    if happens(world, f, OTHER_EXCLUSION, 0, site.other_exclusion):
        return OTHER_REASON
    if 0 < world.trial.lift_queue_limit <= team.trial_waiting:
        return LIFT_IS_FULL
    return INVITED


# --- 3. care proceedings ------------------------------------------------------------------------------------
@rule
def notice(world, case, court, kind, again):
    """Days of notice before a hearing may be listed; `again` where it is a further one after an adjournment."""
    u = uniform(world, case, NOTICE, 64 * case.again + case.hearings)
    if again:
        return duration_quantile(world.proceedings.notice.further, u) * court.pace
    return duration_quantile(by_hearing(world.proceedings.notice, kind), u) * court.pace


@rule
def is_adjourned(world, case, kind, times):
    """Whether a hearing is not effective, for a reason other than missing evidence."""
    if times >= world.proceedings.most_adjournments:
        return False
    probability = by_hearing(world.proceedings.adjournment, kind)
    return happens(world, case, ADJOURNMENT, 64 * case.again + case.hearings, probability)


@rule
def days_to_timetable(world, f, case, court):
    """Days after case management for which the issues resolution hearing is timetabled."""
    if f.arm == LIFT and case.group < 0:
        return world.proceedings.timetable_lift * court.pace
    return world.proceedings.timetable_sau * court.pace


@rule
def end_of_patience(world, case, court):
    """When the court will decide without a report that has not come."""
    return case.issued + world.proceedings.evidence_patience * court.pace


@rule
def is_agreed(world, case, kind):
    """Whether an effective hearing ends the case, before a final one: only issues resolution may."""
    share = world.proceedings.agreed_at_issues_resolution
    return kind == ISSUES_RESOLUTION and happens(world, case, AGREED, case.again, share)


@rule
def hours_of_other_cases(world, court, day):
    """Sitting hours that the court's other cases ask for on one working day: lognormal about the dated mean."""
    mean = series_at(court.other_cases, world.now) / 5.0
    if mean <= 0.0:
        return 0.0
    sigma = math.sqrt(math.log(1.0 + court.other_cases_variation * court.other_cases_variation))
    return mean * lognormal_quantile(uniform(world, court, COURT_LOAD, day), -0.5 * sigma * sigma, sigma)


@rule
def days_to_next_working_day(weekday):
    """From a weekday (Monday is 0) to the next that is neither a Saturday nor a Sunday."""
    return 1.0 if weekday < 4 or weekday == 6 else 7.0 - weekday


# --- 4. services --------------------------------------------------------------------------------------------
@rule
def parenting_assessor(world, case):
    """Who makes the parenting assessment: in house, an independent social worker, an external expert."""
    return which(uniform(world, case, SAU_KIND, case.again), world.sau.assessor)


@rule
def assessment_days(world, case, assessor):
    """Days that a parenting assessment takes, or the social worker's statement where there is none."""
    u = uniform(world, case, SAU_DURATION, case.again)
    if assessor == INDEPENDENT_SOCIAL_WORKER:
        return duration_quantile(world.sau.independent_social_worker, u)
    if assessor == EXTERNAL_EXPERT:
        return duration_quantile(world.sau.external_expert, u)
    if assessor == IN_HOUSE:
        return duration_quantile(world.sau.in_house, u)
    return duration_quantile(world.sau.statement, u)


@rule
def return_is_advised(world, f, case, assessor):
    """Whether the report recommends a return home."""
    x = world.advice.intercept + world.advice.need * f.need
    if f.youngest_days < YEAR:
        x += world.advice.under_one
    if assessor == BY_LIFT:
        x += world.advice.lift
    return happens(world, case, ADVICE, case.again, logistic(x))


@rule
def declines_lift(world, f):
    """Whether the family declines LIFT after it was allocated to it."""
    return happens(world, f, LIFT_DECLINED, 0, world.lift.declines)


@rule
def leaves_lift_assessment(world, f):
    """Whether the family leaves LIFT's assessment before its end."""
    return happens(world, f, LIFT_LEFT, 0, world.lift.leaves_in_assessment)


@rule
def lift_assessment_days(world, f, team, leaves):
    """Days until LIFT's assessment is complete and discussed at the professionals' meeting, or the family leaves it."""
    days = lasts(world, f, LIFT_ASSESSMENT, 0, team.assessment)
    if leaves:
        return days * world.lift.leaves_assessment_at
    return days + lasts(world, f, LIFT_MEETING, 0, world.lift.meeting)


@rule
def goes_on_to_treatment(world, f):
    """Whether an assessed family is treated too."""
    return happens(world, f, LIFT_TREATS, 0, world.lift.treats)


@rule
def leaves_treatment(world, f):
    """Whether treatment is broken off at its review."""
    return happens(world, f, LIFT_WITHDRAWS, 0, world.lift.leaves_treatment)


@rule
def treatment_kind(world, f):
    """Parent-infant psychotherapy, Circle of Security, or Video Interaction Guidance; by the youngest child's age."""
    u = uniform(world, f, TREATMENT_KIND, 0)
    if f.youngest_days < YEAR:
        return which(u, world.lift.treatment_under_one)
    return which(u, world.lift.treatment_older)


@rule
def place_in_line(world, f):
    """Priority in a LIFT team's queue, lower first: nobody before another, or the youngest first."""
    return f.youngest_days if world.lift.priority == YOUNGEST_FIRST else 0.0


# --- 5. the court's decision --------------------------------------------------------------------------------
@rule
def order_made(world, f, g, case):
    """The order for a group of siblings: multinomial logit on age, need, kin, arm and advice."""
    under_one = 1.0 if g.youngest_days < YEAR else 0.0
    kin = 1.0 * f.kin_available
    lift = 1.0 if case.assessor == BY_LIFT else 0.0
    home_advised = 1.0 if case.advice == 1 else 0.0
    orders = world.orders
    home = math.exp(order_score(orders.home, under_one, f.need, kin, lift, home_advised))
    guardianship = home + math.exp(
        order_score(orders.special_guardianship, under_one, f.need, kin, lift, home_advised)
    )
    arrangements = guardianship + math.exp(
        order_score(orders.child_arrangements, under_one, f.need, kin, lift, home_advised)
    )
    adoption = arrangements + math.exp(
        order_score(orders.placement_order, under_one, f.need, kin, lift, home_advised)
    )
    total = adoption + math.exp(order_score(orders.care_order, under_one, f.need, kin, lift, home_advised))
    u = uniform(world, g, ORDER, case.again) * total
    if u < home:
        without = happens(world, g, SUPERVISION, case.again, world.orders.no_order_share)
        return NO_ORDER if without else SUPERVISION_ORDER
    if u < guardianship:
        return GUARDIANSHIP_ORDER
    if u < arrangements:
        return CHILD_ARRANGEMENTS
    if u < adoption:
        return PLACEMENT_ORDER
    return CARE_ORDER


@rule
def order_score(direction, under_one, need, kin, lift, home_advised):
    """Linear predictor of one direction of the court's decision."""
    return (
        direction.intercept
        + direction.under_one * under_one
        + direction.need * need
        + direction.kin * kin
        + direction.lift * lift
        + direction.return_advised * home_advised
    )


# --- 6. placements ------------------------------------------------------------------------------------------
@rule
def hazard_weight(world, f, g, now):
    """What multiplies the baseline hazard of an unplanned move of this group, now (proportional hazards)."""
    unplanned = world.placements.unplanned
    x = unplanned.need * f.need
    if g.in_care == 1:
        age_years = (g.youngest_days + now - f.entered) / YEAR
        x += unplanned.age * age_years + unplanned.earlier_moves * min(
            g.unplanned, unplanned.most_earlier_moves
        )
        if f.arm == LIFT:
            x += math.log(unplanned.lift_hazard_ratio)
    return g.frailty * math.exp(x)


@rule
def hazard_spent(world, place, begin, end):
    """Cumulative baseline hazard of a placement type between two times since it began."""
    spent = 0.0
    for k in range(BANDS):
        if world.band_from[k] >= end:
            break
        low = max(begin, world.band_from[k])
        high = end
        if k < BANDS - 1:
            high = min(end, world.band_from[k + 1])
        if high > low:
            spent += world.hazard[place, k] * (high - low)
    return spent


@rule
def days_until_hazard(world, place, begin, amount):
    """Days after `begin` (days since the placement began) in which `amount` of baseline hazard is spent."""
    left = amount
    at = begin
    for k in range(BANDS):
        if k < BANDS - 1 and at >= world.band_from[k + 1]:
            continue
        rate = world.hazard[place, k]
        if k == BANDS - 1:
            if rate <= 0.0:
                return math.inf
            return at + left / rate - begin
        room = rate * (world.band_from[k + 1] - at)
        if room >= left and rate > 0.0:
            return at + left / rate - begin
        left -= room
        at = world.band_from[k + 1]
    return math.inf


@rule
def days_to_unplanned_move(world, g, now):
    """Days from now to the next unplanned move if nothing else changes."""
    return days_until_hazard(world, g.place, now - g.since, g.clock_left / g.clock_weight)


@rule
def hazard_to_spend(world, g):
    """A unit exponential for each placement: it breaks down once so much hazard is spent."""
    return -math.log(uniform(world, g, CLOCK, g.placements))


@rule
def hazard_left(world, g, now):
    """What is left of it now."""
    spent = hazard_spent(world, g.place, g.clock_since - g.since, now - g.since) * g.clock_weight
    return max(0.0, g.clock_left - spent)


@rule
def place_after_unplanned_move(world, f, g):
    """Where a group goes when a placement breaks down: foster, kinship foster where kin are there, residential."""
    if g.place == PLACED_FOR_ADOPTION or g.in_care == 0:
        return FOSTER
    shares = world.placements.unplanned.next_placement
    place = NEXT_PLACEMENTS[which(uniform(world, g, AFTER_UNPLANNED, g.placements), shares)]
    if place == KINSHIP_FOSTER and f.kin_available == 0:
        return FOSTER
    return place


@rule
def adoption_match_days(world, f, g, now):
    """Days from the placement order to a match; longer for older children."""
    age_years = (g.youngest_days + now - f.entered) / YEAR
    pace = math.exp(world.placements.planned.adoption_match_age * max(0.0, age_years - 1.0))
    return lasts(world, g, MATCH_DELAY, g.episode, world.placements.planned.adoption_match) * pace


@rule
def comes_to_court_again(world, g):
    """Whether a group's return into care comes to new proceedings."""
    return happens(world, g, AGAIN, g.re_entries, world.placements.breakdown.issued_again)


@rule
def days_from_re_entry_to_issue(world, case):
    """Days from a return into care until proceedings are issued again."""
    return lasts(world, case, AGAIN_DELAY, case.again, world.placements.breakdown.issued_again_delay)


@rule
def days_in_care(world, g):
    """Days that a group has been in care until now, all episodes together."""
    return g.care_days + (world.now - g.episode_since if g.in_care == 1 else 0.0)


# --- 7. follow-up and outcomes ------------------------------------------------------------------------------
@rule
def visit_date(world, f, k):
    """When visit k is due, and when in its window the family could be seen."""
    since = f.randomised if world.visits.counted_from == FROM_RANDOMISATION else f.entered
    return since + by_visit(world.visits, k)


@rule
def is_seen(world, f, g, k):
    """Whether the family is seen: depends on visit, arm, where the children live and how often they moved."""
    retention = world.visits.retention
    x = by_visit(retention, k) + retention.reach_sd * standard_normal(world, f, REACH, 0)
    if f.arm == LIFT:
        x += retention.lift
    if g.place in (PLACED_FOR_ADOPTION, ADOPTED):
        x += retention.with_adopters
    if g.place == HOME:
        x += retention.at_home
    x += retention.per_move * g.moves
    return happens(world, f, VISIT_SEEN, k, logistic(x))
