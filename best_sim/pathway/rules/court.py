"""Rules of care proceedings: notice, adjournment, the timetable, the court's patience and its other cases."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import duration_quantile, lognormal_quantile, series_at, uniform
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import by_hearing, happens
from best_sim.pathway.rules.services import report_due
from best_sim.pathway.words import ISSUES_RESOLUTION


@rule
def notice(world, case, court, kind, again):
    """Days of notice before a hearing may be listed; `again` where it is a further one after an adjournment."""
    u = uniform(world, case, purposes.NOTICE, 64 * case.again + case.hearings)
    if again:
        return duration_quantile(world.proceedings.notice.further, u) * court.pace
    return duration_quantile(by_hearing(world.proceedings.notice, kind), u) * court.pace


@rule
def is_adjourned(world, case, kind, times):
    """Whether a hearing is not effective, for a reason other than missing evidence."""
    if times >= world.proceedings.most_adjournments:
        return False
    probability = by_hearing(world.proceedings.adjournment, kind)
    return happens(world, case, purposes.ADJOURNMENT, 64 * case.again + case.hearings, probability)


@rule
def days_to_timetable(world, f, case, court):
    """Days after case management for which the issues resolution hearing is timetabled."""
    return max(world.proceedings.timetable_sau * court.pace, report_due(world, f, case) - world.now)


@rule
def end_of_patience(world, case, court):
    """When the court will decide without a report that has not come."""
    return case.issued + world.proceedings.evidence_patience * court.pace


@rule
def is_agreed(world, case, kind):
    """Whether an effective hearing ends the case, before a final one: only issues resolution may."""
    share = world.proceedings.agreed_at_issues_resolution
    return kind == ISSUES_RESOLUTION and happens(world, case, purposes.AGREED, case.again, share)


@rule
def hours_of_other_cases(world, court, day):
    """Sitting hours that the court's other cases ask for on one working day: lognormal about the dated mean."""
    mean = series_at(court.other_cases, world.now) / 5.0
    if mean <= 0.0:
        return 0.0
    sigma = math.sqrt(math.log(1.0 + court.other_cases_variation * court.other_cases_variation))
    return mean * lognormal_quantile(
        uniform(world, court, purposes.COURT_LOAD, day), -0.5 * sigma * sigma, sigma
    )


@rule
def days_to_next_working_day(weekday):
    """From a weekday (Monday is 0) to the next that is neither a Saturday nor a Sunday."""
    return 1.0 if weekday < 4 or weekday == 6 else 7.0 - weekday
