"""Care proceedings: issue, hearings listed in the court's diary, evidence, adjournments, removal, the order.

No duration is drawn for the whole. It comes out of notice, evidence, adjournment and of what is free in the diary.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.commands import book, hold, load, record, signal, start, vacate, wait
from best_sim.pathway.kinds import FAMILY_ENTERS, LIFT_SERVICE, PARENTING_ASSESSMENT, PLACEMENT, TRIAL_ENTRY
from best_sim.pathway.records import courts, families, groups
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.court import (
    complexity,
    days_to_next_working_day,
    earliest_day,
    end_of_patience,
    first_hearing,
    hearing_hours,
    hours_of_other_cases,
    is_adjourned,
    is_agreed,
    notice,
    removed_at_hearing,
    removed_in_emergency,
)
from best_sim.pathway.rules.draws import lasts
from best_sim.pathway.rules.orders import agency_decision, groups_of, order_made
from best_sim.pathway.rules.placements import days_from_re_entry_to_issue
from best_sim.pathway.rules.services import lift_will_report, report_due
from best_sim.pathway.rules.working_days import days_until, on_working_day
from best_sim.pathway.words import (
    ASSESSMENT_ENDS,
    CASE_DECIDED,
    CASE_MANAGEMENT,
    FINAL_HEARING,
    HEARING_ADJOURNED,
    HEARING_ADJOURNED_FOR_EVIDENCE,
    HEARING_EFFECTIVE,
    HEARING_LISTED,
    INTERIM_HEARING,
    ISSUES_RESOLUTION,
    ORDER_MADE,
    PLACEMENT_ORDER,
    PROCEEDINGS_ISSUED,
)

MEMORY_OF_LEAD = 20.0
"""Working days over which a court's lead time is averaged."""


def proceedings(case, world):
    """From issue to the order: one case of a family, or of a group of siblings that came back into care."""
    f = families(world, case.family)
    court = courts(world, f.court)
    if case.group >= 0:
        asked = world.now + days_from_re_entry_to_issue(world, case)
        yield hold(days_until(world, on_working_day(world, f, asked)))
    issue(world, case)
    yield record(PROCEEDINGS_ISSUED, case.index, case.again)
    kind = first_hearing(world, f, case)
    times = 0
    while kind <= FINAL_HEARING:
        # the hearing is listed: the first day after its notice on which the court has the time
        asked = world.now
        due = min(report_due(world, f, case), end_of_patience(world, case))
        diary = court.urgent_diary if kind <= CASE_MANAGEMENT else court.diary
        earliest = earliest_day(world, f, case, court, kind, times, due)
        yield book(diary, earliest, hearing_hours(world, case, kind))
        sits = world.booked
        ends = world.booked_until
        yield record(HEARING_LISTED[kind], case.index, sits - asked)
        if kind > INTERIM_HEARING and f.entered > asked and f.removal_due < sits:
            # a child who is still at home can't stay until then: an emergency order, or an interim hearing before
            yield hold(max(0.0, f.removal_due - world.now))
            if f.removal_due >= asked and removed_in_emergency(world, case):
                yield signal(FAMILY_ENTERS, f.index)
            else:
                hours = world.proceedings.hours.interim
                wanted = world.now + notice(world, case, INTERIM_HEARING, False)
                yield book(court.urgent_diary, wanted, hours)
                if world.booked < sits:
                    yield record(HEARING_LISTED[INTERIM_HEARING], case.index, world.booked - world.now)
                    yield hold(world.booked - world.now)
                    case.hearings += 1
                    yield record(HEARING_EFFECTIVE, case.index, INTERIM_HEARING)
                    if math.isnan(case.first_sat):
                        case.first_sat = world.now
                    yield signal(FAMILY_ENTERS, f.index)
                elif world.booked < math.inf:
                    yield vacate(court.urgent_diary, world.booked, hours)
        yield hold(sits - world.now)
        case.hearings += 1
        if math.isnan(case.first_sat):
            # at the first hearing parents of children in care are invited to the trial
            case.first_sat = world.now
            if case.group < 0 and f.entered <= world.now:
                yield start(TRIAL_ENTRY, f.index)
                k, last = groups_of(f, case)
                while k < last:  # with an interim order parents may have the children at home
                    if groups(world, k).plan == ASSESSMENT_ENDS:
                        yield signal(PLACEMENT, k)
                    k += 1
        waits = end_of_patience(world, case) - world.now
        if kind >= ISSUES_RESOLUTION and math.isnan(case.evidence_in) and waits <= 0.0:
            case.evidence_in = world.now  # decided on what there is
        if kind >= ISSUES_RESOLUTION and math.isnan(case.evidence_in):
            # not effective without the evidence; the court waits for it, as long as it has patience
            case.adjourned += 1
            yield record(HEARING_ADJOURNED_FOR_EVIDENCE, case.index, kind)
            if removed_at_hearing(world, f, kind, False):  # an interim order needs no final evidence
                yield signal(FAMILY_ENTERS, f.index)
            if math.isnan(case.evidence_in):
                yield wait(waits)
            if math.isnan(case.evidence_in):
                case.evidence_in = world.now
            times += 1
        elif is_adjourned(world, case, kind, times):
            case.adjourned += 1
            case.adjourned_at = world.now
            yield record(HEARING_ADJOURNED, case.index, kind)
            times += 1
        else:
            if ends > sits:  # a long hearing sits on the sitting days after, too
                yield hold(ends - world.now)
            yield record(HEARING_EFFECTIVE, case.index, kind)
            times = 0
            decided = kind == FINAL_HEARING or is_agreed(world, case, kind)
            if decided:
                case.decided = world.now
            if removed_at_hearing(world, f, kind, decided):
                yield signal(FAMILY_ENTERS, f.index)
                yield hold(0.0)  # what follows is of a child in care
            if kind == CASE_MANAGEMENT:
                # the court directs the evidence, wherever the child lives; where the trial is asking the parents, once
                # it is known who will report, and sets its timetable then
                case.directed = world.now
                if case.group < 0 and f.trial_over == 0 and f.entered <= world.now:
                    yield wait(math.inf)
                elif case.group >= 0 or not lift_will_report(world, f):
                    yield start(PARENTING_ASSESSMENT, case.index)
                case.timetabled = 1
            kind = FINAL_HEARING + 1 if decided else kind + 1
    yield record(CASE_DECIDED, case.index, case.hearings)
    k, last = groups_of(f, case)
    while k < last:
        g = groups(world, k)
        if g.in_care == 1:
            g.order = order_made(world, f, g, case, court)
            g.ordered_at = world.now
            if g.order == PLACEMENT_ORDER:
                g.approved_at = agency_decision(world, f, g, case)
            yield record(ORDER_MADE, k, g.order)
            yield signal(PLACEMENT, k)
        k += 1
    yield signal(PARENTING_ASSESSMENT, case.index)
    if case.group < 0:
        yield signal(LIFT_SERVICE, f.index)


@rule
def issue(world, case):
    """Proceedings are issued: nothing has happened in them yet."""
    case.issued = world.now
    case.complexity = complexity(world, case)
    case.decided = math.nan
    case.first_sat = math.nan
    case.directed = math.nan
    case.report_due = math.nan
    case.evidence_in = math.nan
    case.hearings = 0
    case.adjourned = 0
    case.adjourned_at = -math.inf
    case.outside_limit = 0
    case.timetabled = 0
    case.assessor = -1
    case.advice = 0


def other_cases(court, world):
    """The court's other cases: on each working day some sitting time is asked for, with its own notice."""
    yield hold(math.ceil(world.now) - world.now)
    while world.now <= world.end:
        weekday = (int(world.now) + world.first_weekday) % 7
        if weekday < 5:
            n = int(world.now) + 100000
            hours = hours_of_other_cases(world, court, n)
            ahead = lasts(world, court, purposes.COURT_LOAD_NOTICE, n, court.other_cases_notice)
            if hours > 0.0:
                yield load(court.diary, world.now + ahead, hours)
                note_lead(court, world.booked - world.now - ahead)
        yield hold(days_to_next_working_day(weekday))


@rule
def note_lead(court, days):
    """The court's lead time: days between the day asked for and the day given, of its other cases, averaged."""
    if days < math.inf:
        court.lead += (days - court.lead) / MEMORY_OF_LEAD
