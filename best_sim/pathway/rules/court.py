"""Rules of care proceedings: what a case needs, notice, timetable, adjournment, removal, the court's other cases."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import duration_quantile, lognormal_quantile, series_at, uniform
from best_sim.engine.maths import exp, log
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import by_hearing, happens
from best_sim.pathway.words import (
    BY_ORDER,
    CASE_MANAGEMENT,
    DURING_PROCEEDINGS,
    FINAL_HEARING,
    INTERIM_HEARING,
    ISSUES_RESOLUTION,
)
from best_sim.scenario.durations import WEEK

NEWBORN = 14.0
"""Days of age at issue up to which Born into Care counts a child in proceedings as a newborn."""
LATEST_AFTER_EMERGENCY = 8.0
"""Days after entry from which a hearing is listed where children came into care by an emergency order.

That lasts eight days, and fifteen if it is extended (Children Act 1989, section 45), until the court next sits.
"""


# --- what a case needs --------------------------------------------------------------------------------------
@rule
def complexity(world, case):
    """What this case needs, as a multiple of what cases of its time need on average: lognormal with mean one."""
    sd = world.proceedings.complexity_sd
    u = uniform(world, case, purposes.COMPLEXITY, case.again)
    return lognormal_quantile(u, -0.5 * sd * sd, sd)


@rule
def needs(world, case):
    """What multiplies evidence, further hearings and the final one: the case's complexity, its time's content."""
    return case.complexity * series_at(world.proceedings.content, world.now)


@rule
def hearing_hours(world, case, kind):
    """Sitting time of a hearing; a final one is long where it is contested, and longer where the case needs more."""
    hours = by_hearing(world.proceedings.hours, kind)
    if kind != FINAL_HEARING:
        return hours
    if not happens(world, case, purposes.FINAL_CONTESTED, case.again, world.proceedings.contested_final):
        return world.proceedings.hours.final_agreed
    return hours * needs(world, case)


# --- which hearing comes first, and when --------------------------------------------------------------------
@rule
def first_hearing(world, f, case):
    """An interim hearing before case management, or none: by how the child came into care, and its age."""
    interim = world.proceedings.interim
    if case.group < 0 and f.route == DURING_PROCEEDINGS and f.entered > world.now:
        # removal is asked for at issue, or later in the case and then at a hearing of its own
        if removal_is_near(world, f):
            return INTERIM_HEARING
        probability = 0.0
        age = f.youngest_days + world.now - f.removal_due
    else:
        probability = interim.after_voluntary
        if case.group >= 0 or f.route == BY_ORDER:
            probability = interim.after_order
        age = f.youngest_days + world.now - f.entered
    if case.group < 0 and age < NEWBORN:
        probability = max(probability, interim.newborn)
    if happens(world, case, purposes.CONTESTED, case.again, probability):
        return INTERIM_HEARING
    return CASE_MANAGEMENT


@rule
def notice(world, case, kind, again):
    """Days of notice before a hearing may be listed; `again` where it is a further one after an adjournment."""
    u = uniform(world, case, purposes.NOTICE, 64 * case.again + case.hearings)
    days = duration_quantile(by_hearing(world.proceedings.notice, kind), u)
    if kind >= CASE_MANAGEMENT and again:
        days = duration_quantile(world.proceedings.notice.further, u)
    if kind >= ISSUES_RESOLUTION:
        days *= needs(world, case)
    return days


@rule
def earliest_day(world, f, case, court, kind, times, evidence_due):
    """From when a hearing may be listed; `times` that it was adjourned before, `evidence_due` the day of the report."""
    days = notice(world, case, kind, times > 0)
    earliest = world.now + days
    if kind == INTERIM_HEARING and case.group < 0 and f.route == BY_ORDER:
        return min(earliest, max(world.now, f.entered + LATEST_AFTER_EMERGENCY))
    if times == 0 and kind == CASE_MANAGEMENT:
        return max(world.now, case.issued + days)  # counted from issue, whatever came before
    if times == 0 and kind == ISSUES_RESOLUTION:
        timetable = world.proceedings.timetable * needs(world, case)
        return max(earliest, case.directed + timetable, evidence_due + days)
    if kind == FINAL_HEARING:
        return pulled_to_limit(world, case, court, earliest)
    return earliest


@rule
def pulled_to_limit(world, case, court, earliest):
    """The day to which a final hearing is moved so that the case ends just within 26 weeks.

    Timetables are made towards the limit: earlier where the case would end somewhat later, later where there is time.
    The pull falls with the distance and with the court's lead time, and is none where the court allowed the case more
    time.
    """
    pull = world.proceedings.pull
    if case.outside_limit == 1 or pull.reach == 0.0 or court.lead >= pull.lets_go:
        return earliest
    before = pull.spread * uniform(world, case, purposes.PULL, 64 * case.again + case.hearings)
    aim = case.issued + world.proceedings.limit - before
    off = earliest - aim
    near = max(0.0, 1.0 - math.fabs(off) / pull.reach)
    strength = pull.strength * (1.0 - court.lead / pull.lets_go)
    return max(min(earliest, world.now + pull.least_notice), earliest - strength * near * off)


# --- what happens at a hearing ------------------------------------------------------------------------------
@rule
def is_adjourned(world, case, kind, times):
    """Whether a hearing is not effective, for a reason other than missing evidence.

    Later hearings fail more often where the case needs more, and where what is known has grown old by then. It is
    brought up to date by the next hearing, which therefore rarely fails for that again.
    """
    if times >= world.proceedings.most_adjournments:
        return False
    effective = 1.0 - by_hearing(world.proceedings.adjournment, kind)
    if kind >= ISSUES_RESOLUTION and effective > 0.0:
        weeks = max(0.0, world.now - up_to_date(world, case)) / WEEK
        hazard = -log(effective) * needs(world, case) + world.proceedings.adjournment.growth * weeks
        effective = exp(-hazard)
    return happens(world, case, purposes.ADJOURNMENT, 64 * case.again + case.hearings, 1.0 - effective)


@rule
def up_to_date(world, case):
    """Until when nothing had to be looked at again: a case's age, the day its evidence came, its last adjournment."""
    return max(case.issued + world.proceedings.adjournment.grows_from, case.evidence_in, case.adjourned_at)


@rule
def end_of_patience(world, case):
    """When the court will decide without a report that has not come; later where it allowed the case more time."""
    patience = world.proceedings.evidence_patience
    if case.outside_limit == 1:
        patience = world.proceedings.evidence_patience_outside_limit
    return case.issued + patience


@rule
def is_agreed(world, case, kind):
    """Whether an effective hearing ends the case, before a final one: only issues resolution may."""
    share = world.proceedings.agreed_at_issues_resolution
    return kind == ISSUES_RESOLUTION and happens(world, case, purposes.AGREED, case.again, share)


# --- removal during proceedings -----------------------------------------------------------------------------
@rule
def removal_is_near(world, f):
    """Whether removal is needed so soon that it is asked for at the first, interim hearing."""
    return f.removal_due - world.now <= world.proceedings.removal.asked_at_issue_within


@rule
def removed_in_emergency(world, case):
    """Whether a child is removed by an emergency protection order, the day it is needed, and not at a hearing."""
    return happens(world, case, purposes.EMERGENCY, case.again, world.proceedings.removal.by_emergency_order)


@rule
def removed_at_hearing(world, f, kind, ends_case):
    """Whether a child who is still at home comes into care at an effective hearing."""
    if not f.entered > world.now:
        return False
    return ends_case or f.removal_due <= world.now or (kind == INTERIM_HEARING and removal_is_near(world, f))


# --- the court ----------------------------------------------------------------------------------------------
@rule
def hours_of_other_cases(world, court, day):
    """Sitting hours that the court's other cases ask for on one working day: lognormal about the dated mean.

    Their content grew as that of the simulated cases.
    """
    mean = series_at(court.other_cases, world.now) * series_at(world.proceedings.content, world.now) / 5.0
    if mean <= 0.0:
        return 0.0
    sigma = math.sqrt(log(1.0 + court.other_cases_variation * court.other_cases_variation))
    return mean * lognormal_quantile(
        uniform(world, court, purposes.COURT_LOAD, day), -0.5 * sigma * sigma, sigma
    )


@rule
def days_to_next_working_day(weekday):
    """From a weekday (Monday is 0) to the next that is neither a Saturday nor a Sunday."""
    return 1.0 if weekday < 4 or weekday == 6 else 7.0 - weekday
