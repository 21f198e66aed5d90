"""Rules of the services: who assesses, for how long, what is advised, whom LIFT treats."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import duration_quantile, uniform
from best_sim.pathway.parameters import number_of
from best_sim.pathway.records import teams
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.court import needs
from best_sim.pathway.rules.draws import happens, lasts, logistic, which
from best_sim.pathway.words import (
    BY_LIFT,
    EXTERNAL_EXPERT,
    IN_HOUSE,
    INDEPENDENT_SOCIAL_WORKER,
    LIFT,
    PENDING,
    RECEIVED,
    SOCIAL_WORK_STATEMENT,
)
from best_sim.scenario.durations import YEAR
from best_sim.scenario.schema import Lift

YOUNGEST_FIRST = number_of(Lift, "priority", "youngest first")


@rule
def parenting_assessor(world, case):
    """Who makes the parenting assessment: in house, an independent social worker, an external expert."""
    return which(uniform(world, case, purposes.SAU_KIND, case.again), world.sau.assessor)


@rule
def assessment_days(world, case, assessor):
    """Days that a parenting assessment takes, or the social worker's statement where there is none; by need."""
    u = uniform(world, case, purposes.SAU_DURATION, case.again)
    if assessor == INDEPENDENT_SOCIAL_WORKER:
        days = duration_quantile(world.sau.independent_social_worker, u)
    elif assessor == EXTERNAL_EXPERT:
        days = duration_quantile(world.sau.external_expert, u)
    elif assessor == IN_HOUSE:
        days = duration_quantile(world.sau.in_house, u)
    else:
        days = duration_quantile(world.sau.statement, u)
    return days * needs(world, case)


@rule
def report_due(world, f, case):
    """When the report is due that the court directs, or would, on what is known today.

    The court orders evidence by a week. LIFT's report is expected after its assessment and meeting, whatever follows.
    """
    if not math.isnan(case.evidence_in):
        return case.evidence_in
    now = world.now
    if case.group < 0 and lift_will_report(f):
        since = now if math.isnan(f.lift_started) else f.lift_started
        return max(now, since + lift_assessment_days(world, f, teams(world, f.team), False))
    if not math.isnan(case.report_due):
        return max(now, case.report_due)
    return now + assessment_days(world, case, assessor_of(world, case))


@rule
def assessor_of(world, case):
    """Who reports to the court: an assessor of the parents, or the social worker alone."""
    if happens(world, case, purposes.SAU_ASSESSED, case.again, world.sau.not_assessed):
        return SOCIAL_WORK_STATEMENT
    return parenting_assessor(world, case)


@rule
def lift_will_report(f):
    """Whether the court may still expect LIFT's report: the family is LIFT's, and did not decline, leave or give up."""
    return f.arm == LIFT and (f.receipt == PENDING or f.receipt == RECEIVED)


@rule
def needs_usual_report(world, case):
    """Whether the court directs an assessment as usual now that LIFT will not report; else it does so later, or did."""
    missing = math.isnan(case.evidence_in) and math.isnan(case.report_due)
    return missing and case.directed <= world.now and not case.decided <= world.now


@rule
def return_is_advised(world, f, case, assessor):
    """Whether the report recommends a return home."""
    x = world.advice.intercept + world.advice.need * f.need
    if f.youngest_days < YEAR:
        x += world.advice.under_one
    if assessor == BY_LIFT:
        x += world.advice.lift
    return happens(world, case, purposes.ADVICE, case.again, logistic(x))


@rule
def declines_lift(world, f):
    """Whether the family declines LIFT after it was allocated to it."""
    return happens(world, f, purposes.LIFT_DECLINED, 0, world.lift.declines)


@rule
def leaves_lift_assessment(world, f):
    """Whether the family leaves LIFT's assessment before its end."""
    return happens(world, f, purposes.LIFT_LEFT, 0, world.lift.leaves_in_assessment)


@rule
def lift_assessment_days(world, f, team, leaves):
    """Days until LIFT's assessment is complete and discussed at the professionals' meeting, or the family leaves it."""
    days = lasts(world, f, purposes.LIFT_ASSESSMENT, 0, team.assessment)
    if leaves:
        return days * world.lift.leaves_assessment_at
    return days + lasts(world, f, purposes.LIFT_MEETING, 0, world.lift.meeting)


@rule
def goes_on_to_treatment(world, f):
    """Whether an assessed family is treated too."""
    return happens(world, f, purposes.LIFT_TREATS, 0, world.lift.treats)


@rule
def leaves_treatment(world, f):
    """Whether treatment is broken off at its review."""
    return happens(world, f, purposes.LIFT_WITHDRAWS, 0, world.lift.leaves_treatment)


@rule
def treatment_kind(world, f):
    """Parent-infant psychotherapy, Circle of Security, or Video Interaction Guidance; by the youngest child's age."""
    u = uniform(world, f, purposes.TREATMENT_KIND, 0)
    if f.youngest_days < YEAR:
        return which(u, world.lift.treatment_under_one)
    return which(u, world.lift.treatment_older)


@rule
def place_in_line(world, f):
    """Priority in a LIFT team's queue, lower first: nobody before another, or the youngest first."""
    return f.youngest_days if world.lift.priority == YOUNGEST_FIRST else 0.0
