"""Entry to care, and what the trial asks: screening, invitation, consent, randomisation."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.commands import hold, record, signal, start, wait
from best_sim.pathway.allocation import allocate, stratum_of
from best_sim.pathway.kinds import (
    FOLLOW_UP,
    LIFT_SERVICE,
    LOOKED_AFTER_REVIEWS,
    PARENTING_ASSESSMENT,
    PLACEMENT,
    PROCEEDINGS,
    TRIAL_ENTRY,
)
from best_sim.pathway.population import come_into_care, draw_children, draw_family, draw_way_in
from best_sim.pathway.records import LARGEST_FAMILY, boroughs, cases, groups, sites, teams
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.childrens_hearings import is_scottish
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.placements import days_in_care
from best_sim.pathway.rules.services import AS_LIFT, is_served_as_usual
from best_sim.pathway.rules.trial import BASELINE_FIRST, is_recruiting, screening
from best_sim.pathway.words import (
    BASELINE_TAKEN,
    CLOSED_FIRST,
    CONSENT_ANSWERED,
    CONSENTED,
    DECLINED,
    DURING_PROCEEDINGS,
    ENTERED_CARE,
    INVITED,
    LIFT,
    NOT_ASSESSED,
    NOT_IN_PROCEEDINGS,
    ORDER_FIRST,
    RANDOMISED,
    RECEIVED,
    RECRUITMENT_COMPLETE,
    SCREENED,
    SERVICE_SETTLED,
    SOCIAL_WORK_STATEMENT,
    TOO_OLD,
)


def family_enters(f, world):
    """A family becomes known, its children enter care, and proceedings are issued, in whichever order.

    Where proceedings come first, this waits for the court, or for an emergency order. In Scotland reviews begin, when
    the children are looked after or at the referral that comes before.
    """
    if world.complete == 1 and world.now > world.completed_at + world.simulation.after_recruitment:
        return
    draw_family(world, f)
    draw_children(world, f)
    draw_way_in(world, f)
    scottish = is_scottish(world, f)
    referred_first = scottish and f.entered > world.now
    during = f.route == DURING_PROCEEDINGS and not scottish
    if during:
        yield hold(f.issue_at - world.now)
        yield start(PROCEEDINGS, f.index)
        yield wait(math.inf)
        come_into_care(world, f)
    elif referred_first:
        yield start(LOOKED_AFTER_REVIEWS, f.index)
        yield hold(f.entered - world.now)
        f.entered = world.now
    yield record(ENTERED_CARE, f.index, f.route)
    k = 0
    while k < f.n_groups:
        yield start(PLACEMENT, f.index * LARGEST_FAMILY + k)
        k += 1
    if f.reaches_court == 0:
        # never invited, since parents are invited at the first hearing; counted while the borough recruits
        b = boroughs(world, f.borough)
        if is_recruiting(world, b, sites(world, f.site), world.now):
            f.screening = TOO_OLD if f.older_sibling == 1 else NOT_IN_PROCEEDINGS
            yield record(SCREENED, f.index, f.screening)
    elif during:
        case = cases(world, f.index)
        if case.first_sat <= world.now and not case.decided <= world.now:
            yield start(TRIAL_ENTRY, f.index)
    elif scottish:
        if not referred_first:
            yield start(LOOKED_AFTER_REVIEWS, f.index)
    else:
        yield hold(f.issue_at - world.now)
        yield start(PROCEEDINGS, f.index)


def trial_entry(f, world):
    """From the first hearing with the child in care: whether the family is invited, parents consent, and the arm."""
    case = cases(world, f.index)
    site = sites(world, f.site)
    if is_recruiting(world, boroughs(world, f.borough), site, world.now):
        team = teams(world, f.team)
        f.screening = screening(world, f, groups(world, f.index * LARGEST_FAMILY), site, team)
        yield record(SCREENED, f.index, f.screening)
    if f.screening == INVITED:
        f.invited = world.now
        yield hold(lasts(world, f, purposes.CONSENT_DELAY, 0, world.trial.consent_delay))
        f.answered = world.now
        if world.complete == 1:
            f.consent = CLOSED_FIRST
        elif case.decided <= world.now:
            f.consent = ORDER_FIRST
        elif happens(world, f, purposes.CONSENT, 0, site.consent):
            f.consent = CONSENTED
        else:
            f.consent = DECLINED
        yield record(CONSENT_ANSWERED, f.index, f.consent)
    if f.consent == CONSENTED:
        if world.trial.steps == BASELINE_FIRST:
            yield hold(lasts(world, f, purposes.BASELINE_DELAY, 0, world.trial.baseline_delay))
            f.baseline = world.now
            yield record(BASELINE_TAKEN, f.index, 0.0)
        yield hold(lasts(world, f, purposes.RANDOMISATION_DELAY, 0, world.trial.randomisation_delay))
        if world.complete == 1:
            f.consent = CLOSED_FIRST
            yield record(CONSENT_ANSWERED, f.index, f.consent)
        elif case.decided <= world.now:
            f.consent = ORDER_FIRST
            yield record(CONSENT_ANSWERED, f.index, f.consent)
        else:
            f.stratum = stratum_of(world, f)
            f.arm = allocate(world, f)
            f.randomised = world.now
            world.randomised += 1
            yield record(RANDOMISED, f.index, f.arm)
            if world.randomised >= world.trial.target_families and world.trial.stops_at_target == 1:
                world.complete = 1
                world.completed_at = world.now
                yield record(RECRUITMENT_COMPLETE, 0, world.randomised)
            yield start(FOLLOW_UP, f.index)
            k = 0
            while k < f.n_groups:  # the hazard of a move may depend on the arm
                note_care_before(world, groups(world, f.index * LARGEST_FAMILY + k))
                yield signal(PLACEMENT, f.index * LARGEST_FAMILY + k)
                k += 1
    f.trial_over = 1
    directed = case.directed <= world.now and not case.decided <= world.now
    if f.arm == LIFT and world.lift.works_as == AS_LIFT:
        yield start(LIFT_SERVICE, f.index)
    elif directed and math.isnan(case.report_due):
        yield start(PARENTING_ASSESSMENT, f.index)
    elif is_served_as_usual(world, f) and not math.isnan(case.evidence_in):
        # directed while the children were at home, and in before the family was allocated
        f.settled = world.now
        f.receipt = NOT_ASSESSED if case.assessor == SOCIAL_WORK_STATEMENT else RECEIVED
        yield record(SERVICE_SETTLED, f.index, f.receipt)
    if directed and case.timetabled == 0:
        yield signal(PROCEEDINGS, f.index)


@rule
def note_care_before(world, g):
    """What of moves and days in care had been before the family was randomised; the trial compares what came after."""
    g.care_moves_before = g.care_moves
    g.care_days_before = days_in_care(world, g)
