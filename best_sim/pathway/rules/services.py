"""Rules of the services: who assesses, for how long, what is advised, whom LIFT treats."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import duration_quantile, uniform
from best_sim.pathway.parameters import number_of
from best_sim.pathway.records import LARGEST_FAMILY, families, sites, teams
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.childrens_hearings import is_scottish
from best_sim.pathway.rules.court import needs
from best_sim.pathway.rules.draws import happens, lasts, logistic, which
from best_sim.pathway.rules.working_days import on_working_day
from best_sim.pathway.words import (
    ADOPTED,
    BY_LIFT,
    EXTERNAL_EXPERT,
    FOSTER,
    IN_HOUSE,
    INDEPENDENT_SOCIAL_WORKER,
    KINSHIP_FOSTER,
    LIFT,
    LONG_TERM_FOSTER,
    NOT_ALLOCATED,
    PENDING,
    PLACED_FOR_ADOPTION,
    PSYCHIATRIST,
    PSYCHOLOGIST,
    RECEIVED,
    SOCIAL_WORK_STATEMENT,
    SOCIAL_WORKER,
    SPECIAL_GUARDIANSHIP,
)
from best_sim.scenario.durations import YEAR
from best_sim.scenario.schema import Lift

YOUNGEST_FIRST = number_of(Lift, "priority", "youngest first")
AS_LIFT = number_of(Lift, "works_as", "LIFT")
BY_PSYCHOLOGIST = 0
"""The treatment that a psychologist gives, parent-infant psychotherapy; the others are a social worker's."""
IN_TREATMENT = -1.0
"""Priority in a profession's line of a family whose trial of treatment the court awaits: before all others."""
WITH_CARERS = 1e6
"""Priority of work with carers, which no court awaits: after all families that wait to be assessed."""
WORKS_WITH = (
    FOSTER,
    KINSHIP_FOSTER,
    PLACED_FOR_ADOPTION,
    ADOPTED,
    SPECIAL_GUARDIANSHIP,
    LONG_TERM_FOSTER,
)
"""Where a child lives with carers other than its parents, who bring it up."""


# --- reports to the court -----------------------------------------------------------------------------------
@rule
def parenting_assessor(world, case):
    """Who makes the parenting assessment: in house, an independent social worker, an external expert.

    In Scotland it is the local authority's own team (in Glasgow the Family Assessment and Contact Service).
    """
    if is_scottish(world, families(world, case.family)):
        return IN_HOUSE
    return which(uniform(world, case, purposes.SAU_KIND, case.again), world.sau.assessor)


@rule
def assessment_days(world, f, case, assessor):
    """Days that a parenting assessment takes, or the social worker's statement where there is none; by need."""
    u = uniform(world, case, purposes.SAU_DURATION, case.again)
    more = 1.0 if is_scottish(world, f) else needs(world, case)
    if assessor == SOCIAL_WORK_STATEMENT:
        return duration_quantile(world.sau.statement, u) * more
    if assessor == INDEPENDENT_SOCIAL_WORKER:
        days = duration_quantile(world.sau.independent_social_worker, u)
    elif assessor == EXTERNAL_EXPERT:
        days = duration_quantile(world.sau.external_expert, u)
    else:
        days = duration_quantile(world.sau.in_house, u)
    return days * more * sites(world, f.site).assessment_ratio


@rule
def report_due(world, f, case):
    """When the report is due that the court directs, or would, on what is known today.

    The court orders evidence by a week. LIFT's is expected after its assessment and meeting; once treatment with the
    birth parents is indicated, after that.
    """
    if not math.isnan(case.evidence_in):
        return case.evidence_in
    now = world.now
    if case.group < 0 and lift_will_report(world, f):
        team = teams(world, f.team)
        if f.treatment_indicated == 1:
            since = f.lift_assessed if math.isnan(f.treatment_started) else f.treatment_started
            ends = since + lasts(world, f, purposes.LIFT_TREATMENT, 0, team.treatment)
        else:
            since = now if math.isnan(f.lift_started) else f.lift_started
            ends = since + lift_assessment_days(world, f, team, False)
        return max(now, on_working_day(world, f, ends))
    if not math.isnan(case.report_due):
        return max(now, case.report_due)
    return on_working_day(world, f, now + assessment_days(world, f, case, assessor_of(world, case)))


@rule
def assessor_of(world, case):
    """Who reports to the court: an assessor of the parents, or the social worker alone."""
    if happens(world, case, purposes.SAU_ASSESSED, case.again, world.sau.not_assessed):
        return SOCIAL_WORK_STATEMENT
    return parenting_assessor(world, case)


@rule
def lift_will_report(world, f):
    """Whether the court may still expect LIFT's report: the family is LIFT's, and did not decline, leave or give up."""
    works = f.arm == LIFT and world.lift.works_as == AS_LIFT
    return works and (f.receipt == PENDING or f.receipt == RECEIVED)


@rule
def is_served_as_usual(world, f):
    """Whether a parenting assessment is the service to which the family was allocated."""
    return f.arm != NOT_ALLOCATED and not (f.arm == LIFT and world.lift.works_as == AS_LIFT)


@rule
def needs_usual_report(world, case):
    """Whether the court directs an assessment as usual now that LIFT will not report; else it does so later, or did."""
    missing = math.isnan(case.evidence_in) and math.isnan(case.report_due)
    return missing and case.directed <= world.now and not case.decided <= world.now


@rule
def lift_report_days(world, team):
    """Days from the start of LIFT's assessment after which its report is due: the medians of its parts."""
    return duration_quantile(team.assessment, 0.5) + duration_quantile(world.lift.meeting, 0.5)


@rule
def return_score(world, f, assessor):
    """Log odds that the report recommends a return home."""
    x = world.advice.intercept + world.advice.need * f.need
    if f.youngest_days < YEAR:
        x += world.advice.under_one
    if assessor == BY_LIFT:
        x += world.advice.lift
    return x


@rule
def return_is_advised(world, f, case, assessor):
    """Whether the report recommends a return home."""
    return happens(world, case, purposes.ADVICE, case.again, logistic(return_score(world, f, assessor)))


# --- whether LIFT comes about -------------------------------------------------------------------------------
@rule
def declines_lift(world, f):
    """Whether the family declines LIFT after it was allocated to it."""
    return happens(world, f, purposes.LIFT_DECLINED, 0, world.lift.declines)


@rule
def lift_is_not_possible(world, f):
    """Whether LIFT can't be provided for this family, whatever its team's places."""
    return happens(world, f, purposes.LIFT_NOT_POSSIBLE, 0, world.lift.not_possible)


@rule
def latest_start(world, f, case, team):
    """Last day on which LIFT may begin so that its report is due while the court still waits; in Scotland none does."""
    if is_scottish(world, f):
        return math.inf
    waits = lasts(world, f, purposes.LIFT_COURT_WAITS, 0, world.lift.court_waits)
    return case.issued + waits - lift_report_days(world, team)


@rule
def clinician_needed(world, who, why, profession):
    """1 where a family's assessment needs this profession, else 0."""
    if profession == PSYCHOLOGIST and world.lift.weekly_hours.psychologists <= 0.0:
        return 0
    if profession == PSYCHIATRIST:
        if world.lift.weekly_hours.psychiatrists <= 0.0:
            return 0
        return 1 if happens(world, who, why, 0, world.lift.needs_psychiatrist) else 0
    return 1


@rule
def place_in_line(world, f):
    """Priority in a LIFT team's queue, lower first: nobody before another, or the youngest first."""
    return f.youngest_days if world.lift.priority == YOUNGEST_FIRST else 0.0


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


# --- treatment ----------------------------------------------------------------------------------------------
@rule
def treatment_is_indicated(world, f, case):
    """Whether the professionals' meeting wants a trial of treatment with the birth parents before it recommends.

    Those to whom a return may be possible are all those to whom it will be recommended, and others who come near it.
    """
    may_be = logistic(return_score(world, f, BY_LIFT) + world.lift.return_may_be_possible)
    possible = happens(world, case, purposes.ADVICE, case.again, may_be)
    return possible and happens(world, f, purposes.LIFT_TREATS, 0, world.lift.treats)


@rule
def leaves_treatment(world, f):
    """Whether a treatment that does not lead home is broken off at its review."""
    return f.return_advised == 0 and happens(
        world, f, purposes.LIFT_WITHDRAWS, 0, world.lift.leaves_treatment
    )


@rule
def treatment_kind(world, f, why, count):
    """Parent-infant psychotherapy, Circle of Security, or Video Interaction Guidance; by the youngest child's age."""
    u = uniform(world, f, why, count)
    if f.youngest_days < YEAR:
        return which(u, world.lift.treatment_under_one)
    return which(u, world.lift.treatment_older)


@rule
def therapist(treatment):
    """The profession that gives a treatment."""
    return PSYCHOLOGIST if treatment == BY_PSYCHOLOGIST else SOCIAL_WORKER


@rule
def carers_of(g):
    """A number of those who bring the child up now, another for each change of carer; never 0."""
    return g.moves + g.episode


@rule
def carers_have_changed(f, g):
    """Whether LIFT, where it works with carers or may yet, has to hear that the child lives with others."""
    return f.carers > 0 and g.index == f.index * LARGEST_FAMILY and f.carers != carers_of(g)


@rule
def lives_with_carers(g):
    """Whether the child lives with carers who bring it up, and not with its parents or in a home."""
    return g.place in WORKS_WITH


@rule
def carers_are_treated(world, f):
    """Whether LIFT works with these carers."""
    return happens(world, f, purposes.CARERS_TREATED, f.carers, world.lift.treats_carers)
