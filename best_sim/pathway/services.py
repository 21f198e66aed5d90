"""What serves the family and the court: a LIFT team with its professions, or a parenting assessment as usual."""

from __future__ import annotations

import math

from best_sim.engine.commands import (
    GRANTED,
    SIGNALLED,
    TIMED_OUT,
    hold,
    record,
    release,
    seize,
    set_capacity,
    signal,
    start,
    wait,
)
from best_sim.pathway.kinds import PARENTING_ASSESSMENT, PLACEMENT, PROCEEDINGS, WORK_WITH_CARERS
from best_sim.pathway.placements import plan_way_home
from best_sim.pathway.records import LARGEST_FAMILY, cases, courts, families, groups, teams
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import lasts
from best_sim.pathway.rules.services import (
    IN_TREATMENT,
    WITH_CARERS,
    assessment_days,
    assessor_of,
    carers_are_treated,
    carers_of,
    clinician_needed,
    declines_lift,
    is_served_as_usual,
    latest_start,
    leaves_lift_assessment,
    leaves_treatment,
    lift_assessment_days,
    lift_is_not_possible,
    lives_with_carers,
    needs_usual_report,
    place_in_line,
    return_is_advised,
    therapist,
    treatment_is_indicated,
    treatment_kind,
)
from best_sim.pathway.rules.working_days import days_until, on_working_day
from best_sim.pathway.words import (
    ASSESSMENT_LEFT,
    ASSESSMENT_STARTED,
    ASSESSOR_ASKED,
    BY_LIFT,
    CARERS_TREATMENT_ENDED,
    CARERS_TREATMENT_STARTED,
    COURT_WOULD_NOT_WAIT,
    EVIDENCE_IN,
    FAMILY_DECLINED,
    LIFT_ASKED,
    LIFT_ASSESSED,
    LIFT_PLACE_FREED,
    LIFT_RECOMMENDED,
    LIFT_STARTED,
    NOT_ASSESSED,
    NOT_POSSIBLE,
    ORDER_MADE_FIRST,
    OTHER_LIFT_ASKED,
    OTHER_LIFT_ENDED,
    OTHER_LIFT_GAVE_UP,
    OTHER_LIFT_STARTED,
    PENDING,
    PLAN_MADE,
    PROFESSIONS,
    PSYCHIATRIST,
    PSYCHIATRY_PLACES,
    PSYCHOLOGIST,
    PSYCHOLOGY_PLACES,
    RECEIVED,
    SERVICE_SETTLED,
    SOCIAL_WORK_PLACES,
    SOCIAL_WORK_STATEMENT,
    SOCIAL_WORKER,
    TREATMENT_ENDED,
    TREATMENT_REVIEWED,
    TREATMENT_STARTED,
    WAITED_TOO_LONG,
    WITHDREW,
)

N_PROFESSIONS = len(PROFESSIONS)


def parenting_assessment(case, world):
    """Services as usual: one assessment of the parents, or the social worker's statement alone, for the court."""
    f = families(world, case.family)
    assessor = assessor_of(world, case)
    assessed = assessor != SOCIAL_WORK_STATEMENT
    days = assessment_days(world, f, case, assessor)
    case.report_due = on_working_day(world, f, world.now + days)
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
        yield wait(days_until(world, on_working_day(world, f, world.now + days)))
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
        k = case.group if case.group >= 0 else f.index * LARGEST_FAMILY
        last = case.group + 1 if case.group >= 0 else k + f.n_groups
        while k < last:
            g = groups(world, k)
            if plan_way_home(world, f, g, case, courts(world, f.court)):
                yield record(PLAN_MADE, k, g.plan)
                yield signal(PLACEMENT, k)
            k += 1
    if is_served_as_usual(world, f) and case.group < 0 and f.receipt == PENDING:
        f.settled = world.now
        f.receipt = ORDER_MADE_FIRST if decided_first == 1 else (RECEIVED if assessed else NOT_ASSESSED)
        yield record(SERVICE_SETTLED, f.index, f.receipt)


def lift_service(f, world):
    """LIFT: the family waits for clinicians, is assessed, discussed, for some treated; then LIFT recommends.

    The family takes a place with each profession that its assessment needs, the scarcest first, and all families of
    a team in this order, so that no two of them wait for each other. Places are held while there is work: to the
    professionals' meeting, and again, with the one who treats, during the trial of treatment.
    """
    case = cases(world, f.index)
    team = teams(world, f.team)
    f.lift_asked = world.now
    yield record(LIFT_ASKED, f.index, 0.0)
    last = latest_start(world, f, case, team)
    outcome = PENDING
    if declines_lift(world, f):
        outcome = FAMILY_DECLINED
    elif case.decided <= world.now:
        outcome = ORDER_MADE_FIRST
    elif lift_is_not_possible(world, f):
        outcome = NOT_POSSIBLE
    elif last < world.now:
        outcome = COURT_WOULD_NOT_WAIT
    taken = 0
    if outcome == PENDING:
        f.lift_waited = 1
        team.trial_waiting += 1
        until = min(world.now + world.lift.patience, last)
        while taken < N_PROFESSIONS and outcome == PENDING:
            profession = team.order[taken]
            f.clinicians[profession] = clinician_needed(world, f, purposes.LIFT_PSYCHIATRIST, profession)
            if f.clinicians[profession] == 1:
                yield seize(team.resource[profession], place_in_line(world, f), max(0.0, until - world.now))
                if world.outcome == GRANTED and case.decided <= world.now:  # at the moment of the order
                    yield release(team.resource[profession])
                    outcome = ORDER_MADE_FIRST
                elif world.outcome == SIGNALLED:
                    outcome = ORDER_MADE_FIRST
                elif world.outcome != GRANTED:
                    outcome = COURT_WOULD_NOT_WAIT if until == last else WAITED_TOO_LONG
            if outcome == PENDING:
                taken += 1
        team.trial_waiting -= 1
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
        f.receipt = RECEIVED
        if world.outcome == SIGNALLED or case.decided <= world.now:
            f.receipt = ORDER_MADE_FIRST
        elif leaves:
            f.receipt = WITHDREW
        f.settled = world.now
        if f.receipt == RECEIVED:
            # assessed, and discussed at the professionals' meeting: this is what counts as received
            f.lift_assessed = world.now
            f.return_advised = 1 if return_is_advised(world, f, case, BY_LIFT) else 0
            f.treatment_indicated = 1 if treatment_is_indicated(world, f, case) else 0
            yield record(LIFT_ASSESSED, f.index, f.treatment_indicated)
        yield record(SERVICE_SETTLED, f.index, f.receipt)
        if f.receipt == WITHDREW and needs_usual_report(world, case):
            yield start(PARENTING_ASSESSMENT, case.index)
    # the places taken, all or some
    while taken > 0:
        taken -= 1
        if f.clinicians[team.order[taken]] == 1:
            yield release(team.resource[team.order[taken]])
    if f.lift_started <= world.now:
        f.lift_freed = world.now
        yield record(LIFT_PLACE_FREED, f.index, world.now - f.lift_started)
    if f.receipt == RECEIVED:
        yield start(WORK_WITH_CARERS, f.index)
        if f.treatment_indicated == 1:
            # the first report is in: treatment with the birth parents, a case that may pass the limit
            case.outside_limit = 1
            f.treatment = treatment_kind(world, f, purposes.TREATMENT_KIND, 0)
            days = lasts(world, f, purposes.LIFT_TREATMENT, 0, team.treatment)
            clinician = team.resource[therapist(f.treatment)]
            yield seize(clinician, IN_TREATMENT, world.lift.patience)
            if world.outcome == GRANTED:
                if not case.decided <= world.now:
                    f.treatment_started = world.now
                    yield record(TREATMENT_STARTED, f.index, f.treatment)
                    yield wait(days * world.lift.review_at)
                    if world.outcome == TIMED_OUT:
                        yield record(TREATMENT_REVIEWED, f.index, 0.0)
                        if not leaves_treatment(world, f):
                            yield wait(days * (1.0 - world.lift.review_at))
                            f.treatment_full = 1 if world.outcome == TIMED_OUT else 0
                    f.treatment_ended = world.now
                    yield record(TREATMENT_ENDED, f.index, f.treatment_full)
                yield release(clinician)
        files = on_working_day(world, f, world.now)
        if files > world.now:  # the work may have ended at a weekend
            yield hold(files - world.now)
        if not case.decided <= world.now:
            yield record(LIFT_RECOMMENDED, f.index, f.return_advised)
            case.assessor = BY_LIFT
            case.advice = f.return_advised
            case.evidence_in = world.now
            yield record(EVIDENCE_IN, case.index, BY_LIFT)
            yield signal(PROCEEDINGS, case.index)
            k = 0
            while k < f.n_groups:
                g = groups(world, f.index * LARGEST_FAMILY + k)
                if plan_way_home(world, f, g, case, courts(world, f.court)):
                    yield record(PLAN_MADE, g.index, g.plan)
                    yield signal(PLACEMENT, g.index)
                k += 1


def work_with_carers(f, world):
    """From the assessment on, beside all else: work with those who bring the child up, until the child leaves them.

    The first group of siblings is meant. It may be foster carers, then kin or adopters; with further carers work may
    begin for a time, before the order or after it.
    """
    g = groups(world, f.index * LARGEST_FAMILY)
    team = teams(world, f.team)
    until = f.lift_started + world.lift.carers_within
    f.carers = carers_of(g)
    while world.now < until:
        mine = f.carers
        treated = lives_with_carers(g) and carers_are_treated(world, f)
        if treated:
            treatment = treatment_kind(world, f, purposes.CARERS_KIND, mine)
            clinician = team.resource[therapist(treatment)]
            yield seize(clinician, WITH_CARERS, until - world.now)
            treated = world.outcome == GRANTED
            if treated and mine != carers_of(g):  # the place was granted at the moment of the move
                yield release(clinician)
                treated = False
        if treated:
            if math.isnan(f.carers_started):
                f.carers_started = world.now
            yield record(CARERS_TREATMENT_STARTED, f.index, treatment)
            yield wait(lasts(world, f, purposes.CARERS_COURSE, mine, world.lift.carers_course))
            f.carers_ended = world.now
            yield record(CARERS_TREATMENT_ENDED, f.index, 1.0 if world.outcome == TIMED_OUT else 0.0)
            yield release(clinician)
        if mine == carers_of(g):
            yield wait(max(0.0, until - world.now))  # for others to bring the child up
        f.carers = carers_of(g)
    f.carers = 0


def team_calendar(team, world):
    """The team's places follow its dated staff: a second team, a vacancy. Places in use are never taken away."""
    k = 0
    while k < team.social_work.n:  # the three have the same dates
        if team.social_work.t[k] > world.now:
            yield hold(team.social_work.t[k] - world.now)
        if k + 1 >= team.social_work.n or team.social_work.t[k + 1] > world.now:
            yield set_capacity(team.resource[SOCIAL_WORKER], team.social_work.v[k])
            yield record(SOCIAL_WORK_PLACES, team.index, team.social_work.v[k])
            yield set_capacity(team.resource[PSYCHOLOGIST], team.psychology.v[k])
            yield record(PSYCHOLOGY_PLACES, team.index, team.psychology.v[k])
            yield set_capacity(team.resource[PSYCHIATRIST], team.psychiatry.v[k])
            yield record(PSYCHIATRY_PLACES, team.index, team.psychiatry.v[k])
        k += 1


def other_referral(other, world):
    """A family outside the trial takes its turn in the team too: all professions while it is assessed, then one."""
    team = teams(world, other.team)
    other.asked = world.now
    yield record(OTHER_LIFT_ASKED, other.index, other.team)
    taken = 0
    waits = True
    while taken < N_PROFESSIONS and waits:
        profession = team.order[taken]
        other.clinicians[profession] = clinician_needed(world, other, purposes.OTHER_PSYCHIATRIST, profession)
        if other.clinicians[profession] == 1:
            yield seize(
                team.resource[profession], 0.0, max(0.0, other.asked + world.lift.patience - world.now)
            )
            waits = world.outcome == GRANTED
        if waits:
            taken += 1
    if waits:
        other.started = world.now
        yield record(OTHER_LIFT_STARTED, other.index, world.now - other.asked)
        stay = lasts(world, other, purposes.OTHER_STAY, 0, team.other_stay)
        assessed = min(stay, lasts(world, other, purposes.OTHER_ASSESSMENT, 0, team.assessment))
        yield hold(assessed)
        other.assessed = world.now
        if other.clinicians[PSYCHIATRIST] == 1:
            yield release(team.resource[PSYCHIATRIST])
        if other.clinicians[PSYCHOLOGIST] == 1:
            yield release(team.resource[PSYCHOLOGIST])
        yield hold(stay - assessed)
        other.ended = world.now
        yield release(team.resource[SOCIAL_WORKER])
        yield record(OTHER_LIFT_ENDED, other.index, world.now - other.started)
    else:
        other.gave_up = world.now
        while taken > 0:
            taken -= 1
            if other.clinicians[team.order[taken]] == 1:
                yield release(team.resource[team.order[taken]])
        yield record(OTHER_LIFT_GAVE_UP, other.index, world.now - other.asked)
