"""What serves the family and the court: a LIFT team with a caseload, or a parenting assessment as usual."""

from __future__ import annotations

import math

from best_sim.engine.commands import (
    GRANTED,
    SIGNALLED,
    hold,
    record,
    release,
    seize,
    set_capacity,
    signal,
    start,
    wait,
)
from best_sim.pathway.kinds import PARENTING_ASSESSMENT, PROCEEDINGS
from best_sim.pathway.records import cases, families, teams
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import lasts
from best_sim.pathway.rules.services import (
    assessment_days,
    assessor_of,
    declines_lift,
    goes_on_to_treatment,
    leaves_lift_assessment,
    leaves_treatment,
    lift_assessment_days,
    needs_usual_report,
    place_in_line,
    return_is_advised,
    treatment_kind,
)
from best_sim.pathway.words import (
    ASSESSMENT_LEFT,
    ASSESSMENT_STARTED,
    ASSESSOR_ASKED,
    BY_LIFT,
    EVIDENCE_IN,
    FAMILY_DECLINED,
    LIFT_ASKED,
    LIFT_ASSESSED,
    LIFT_PLACE_FREED,
    LIFT_STARTED,
    NOT_ASSESSED,
    ORDER_MADE_FIRST,
    OTHER_LIFT_ASKED,
    OTHER_LIFT_ENDED,
    OTHER_LIFT_STARTED,
    PENDING,
    RECEIVED,
    SAU,
    SERVICE_SETTLED,
    SOCIAL_WORK_STATEMENT,
    TEAM_PLACES,
    TREATMENT_ENDED,
    TREATMENT_REVIEWED,
    TREATMENT_STARTED,
    WAITED_TOO_LONG,
    WITHDREW,
)


def parenting_assessment(case, world):
    """Services as usual: one assessment of the parents, or the social worker's statement alone, for the court."""
    f = families(world, case.family)
    assessor = assessor_of(world, case)
    assessed = assessor != SOCIAL_WORK_STATEMENT
    days = assessment_days(world, case, assessor)
    case.report_due = world.now + days
    pool = world.assessor_resource[assessor] if assessed else -1
    yield record(ASSESSOR_ASKED, case.index, assessor)
    holds_place = 0
    decided_first = 0
    if pool >= 0:
        yield seize(pool, 0.0, math.inf)
        holds_place = 1 if world.outcome == GRANTED else 0
        # a place may be granted at the moment of the order, and then the order's signal comes too late
        decided_first = 1 if world.outcome == SIGNALLED or case.decided <= world.now else 0
    if decided_first == 0:
        yield record(ASSESSMENT_STARTED, case.index, assessor)
        yield wait(days)
        if world.outcome == SIGNALLED:
            decided_first = 1
    if holds_place == 1:
        yield release(pool)
    if decided_first == 1:
        case.report_due = math.nan
        yield record(ASSESSMENT_LEFT, case.index, assessor)
    else:
        case.assessor = assessor
        case.advice = 1 if return_is_advised(world, f, case, assessor) else 0
        case.evidence_in = world.now
        yield record(EVIDENCE_IN, case.index, assessor)
        yield signal(PROCEEDINGS, case.index)
    if f.arm == SAU and case.group < 0 and f.receipt == PENDING:
        f.settled = world.now
        f.receipt = ORDER_MADE_FIRST if decided_first == 1 else (RECEIVED if assessed else NOT_ASSESSED)
        yield record(SERVICE_SETTLED, f.index, f.receipt)


def lift_service(f, world):
    """LIFT: the family waits for a place, is assessed, discussed, for some treated; the place is held throughout."""
    case = cases(world, f.index)
    team = teams(world, f.team)
    f.lift_asked = world.now
    yield record(LIFT_ASKED, f.index, 0.0)
    outcome = PENDING
    if declines_lift(world, f):
        outcome = FAMILY_DECLINED
    elif case.decided <= world.now:
        outcome = ORDER_MADE_FIRST
    else:
        team.trial_waiting += 1
        yield seize(team.resource, place_in_line(world, f), world.lift.patience)
        team.trial_waiting -= 1
        if world.outcome == GRANTED and case.decided <= world.now:  # at the moment of the order
            yield release(team.resource)
            outcome = ORDER_MADE_FIRST
        elif world.outcome == SIGNALLED:
            outcome = ORDER_MADE_FIRST
        elif world.outcome != GRANTED:
            outcome = WAITED_TOO_LONG
    if outcome != PENDING:
        f.receipt = outcome
        f.settled = world.now
        yield record(SERVICE_SETTLED, f.index, outcome)
        if needs_usual_report(world, case):
            yield start(PARENTING_ASSESSMENT, case.index)  # the court still needs a report
    else:
        f.lift_started = world.now
        yield record(LIFT_STARTED, f.index, world.now - f.lift_asked)
        yield signal(PARENTING_ASSESSMENT, case.index)  # one that was directed before is left to LIFT
        leaves = leaves_lift_assessment(world, f)
        yield wait(lift_assessment_days(world, f, team, leaves))
        if world.outcome == SIGNALLED or leaves:
            f.receipt = ORDER_MADE_FIRST if world.outcome == SIGNALLED else WITHDREW
            f.settled = world.now
            yield record(SERVICE_SETTLED, f.index, f.receipt)
            if needs_usual_report(world, case):
                yield start(PARENTING_ASSESSMENT, case.index)
        else:
            # assessed, and discussed at the professionals' meeting: this is what counts as received
            f.lift_assessed = world.now
            f.receipt = RECEIVED
            f.settled = world.now
            f.return_advised = 1 if return_is_advised(world, f, case, BY_LIFT) else 0
            yield record(LIFT_ASSESSED, f.index, f.return_advised)
            yield record(SERVICE_SETTLED, f.index, RECEIVED)
            treats = goes_on_to_treatment(world, f)
            with_parents = treats and f.return_advised == 1
            if not with_parents:
                case.assessor = BY_LIFT
                case.advice = f.return_advised
                case.evidence_in = world.now
                yield record(EVIDENCE_IN, case.index, BY_LIFT)
                yield signal(PROCEEDINGS, case.index)
            if treats:
                # with birth parents where return is possible; else with the carers, adopters too, after the order
                if not with_parents and not case.decided <= world.now:
                    yield wait(math.inf)
                f.treatment = treatment_kind(world, f)
                f.treatment_started = world.now
                yield record(TREATMENT_STARTED, f.index, f.treatment)
                days = lasts(world, f, purposes.LIFT_TREATMENT, 0, team.treatment)
                stays = not leaves_treatment(world, f)
                yield hold(days * world.lift.review_at)
                yield record(TREATMENT_REVIEWED, f.index, 0.0)
                if stays:
                    yield hold(days * (1.0 - world.lift.review_at))
                f.treatment_ended = world.now
                f.treatment_full = 1 if stays else 0
                yield record(TREATMENT_ENDED, f.index, 1.0 if stays else 0.0)
                if with_parents and not case.decided <= world.now:
                    case.assessor = BY_LIFT
                    case.advice = 1 if stays else 0
                    case.evidence_in = world.now
                    yield record(EVIDENCE_IN, case.index, BY_LIFT)
                    yield signal(PROCEEDINGS, case.index)
        yield release(team.resource)
        f.lift_freed = world.now
        yield record(LIFT_PLACE_FREED, f.index, world.now - f.lift_started)


def team_calendar(team, world):
    """The team's places follow its dated series: a second team, a vacancy. Places in use are never taken away."""
    k = 0
    while k < team.places.n:
        if team.places.t[k] > world.now:
            yield hold(team.places.t[k] - world.now)
        if k + 1 >= team.places.n or team.places.t[k + 1] > world.now:
            yield set_capacity(team.resource, team.places.v[k])
            yield record(TEAM_PLACES, team.index, team.places.v[k])
        k += 1


def other_referral(other, world):
    """A family outside the trial takes its turn in the team too."""
    team = teams(world, other.team)
    other.asked = world.now
    yield record(OTHER_LIFT_ASKED, other.index, other.team)
    yield seize(team.resource, 0.0, math.inf)
    other.started = world.now
    yield record(OTHER_LIFT_STARTED, other.index, world.now - other.asked)
    yield hold(lasts(world, other, purposes.OTHER_STAY, 0, team.other_stay))
    other.ended = world.now
    yield release(team.resource)
    yield record(OTHER_LIFT_ENDED, other.index, world.now - other.started)
