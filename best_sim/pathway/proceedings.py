"""Care proceedings: issue, hearings listed in the court's diary, evidence, adjournments, the order.

No duration is drawn for the whole. It comes out of notice, evidence, adjournment and of what is free in the diary.
"""

from __future__ import annotations

import math

from best_sim.engine.commands import book, hold, load, record, signal, start, wait
from best_sim.pathway.kinds import LIFT_SERVICE, PARENTING_ASSESSMENT, PLACEMENT, TRIAL_ENTRY
from best_sim.pathway.records import LARGEST_FAMILY, courts, families, groups
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.court import (
    days_to_next_working_day,
    days_to_timetable,
    end_of_patience,
    hours_of_other_cases,
    is_adjourned,
    is_agreed,
    notice,
)
from best_sim.pathway.rules.draws import by_hearing, happens, lasts
from best_sim.pathway.rules.orders import order_made
from best_sim.pathway.rules.placements import days_from_re_entry_to_issue
from best_sim.pathway.words import (
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
    PROCEEDINGS_ISSUED,
)

A_MOMENT = 1e-6
"""Days by which the court decides after the child has come in: sums of times differ in the last bit."""


def proceedings(case, world):
    """From issue to the order: one case of a family, or of a group of siblings that came back into care."""
    f = families(world, case.family)
    court = courts(world, f.court)
    if case.group >= 0:
        yield hold(days_from_re_entry_to_issue(world, case))
    case.issued = world.now
    case.decided = math.nan
    case.first_sat = math.nan
    case.evidence_in = math.nan
    case.hearings = 0
    case.adjourned = 0
    case.assessor = -1
    case.outside_limit = 0
    case.report_due = math.nan
    case.advice = 0
    yield record(PROCEEDINGS_ISSUED, case.index, case.again)
    kind = CASE_MANAGEMENT
    if happens(world, case, purposes.CONTESTED, case.again, world.proceedings.contested_interim):
        kind = INTERIM_HEARING
    times = 0
    while kind <= FINAL_HEARING:
        # the hearing is listed: the first day after its notice on which the court has the time
        asked = world.now
        earliest = asked + notice(world, case, court, kind, times > 0)
        if kind == ISSUES_RESOLUTION and times == 0:
            earliest = max(earliest, asked + days_to_timetable(world, f, case, court))
        diary = court.urgent_diary if kind == INTERIM_HEARING else court.diary
        yield book(diary, earliest, by_hearing(world.proceedings.hours, kind))
        sits = world.booked
        yield record(HEARING_LISTED[kind], case.index, sits - asked)
        yield hold(sits - world.now)
        case.hearings += 1
        if math.isnan(case.first_sat):
            # at the first hearing parents are invited to the trial, or a parenting assessment is directed
            case.first_sat = world.now
            if case.group < 0:
                yield start(TRIAL_ENTRY, f.index)
            else:
                yield start(PARENTING_ASSESSMENT, case.index)
        if kind >= ISSUES_RESOLUTION and math.isnan(case.evidence_in):
            # not effective without the evidence; the court waits for it, as long as it has patience
            case.adjourned += 1
            yield record(HEARING_ADJOURNED_FOR_EVIDENCE, case.index, kind)
            if math.isnan(case.evidence_in):
                yield wait(max(0.0, end_of_patience(world, case, court) - world.now))
            if math.isnan(case.evidence_in):
                case.evidence_in = world.now  # decided on what there is
            times += 1
        elif is_adjourned(world, case, kind, times):
            case.adjourned += 1
            yield record(HEARING_ADJOURNED, case.index, kind)
            times += 1
        else:
            yield record(HEARING_EFFECTIVE, case.index, kind)
            times = 0
            kind = FINAL_HEARING + 1 if is_agreed(world, case, kind) else kind + 1
    if f.entered > world.now:  # issued first: the court decides once the child has come into care
        yield hold(f.entered - world.now + A_MOMENT)
    case.decided = world.now
    yield record(CASE_DECIDED, case.index, case.hearings)
    k = case.group if case.group >= 0 else f.index * LARGEST_FAMILY
    last = case.group + 1 if case.group >= 0 else k + f.n_groups
    while k < last:
        g = groups(world, k)
        if g.in_care == 1:
            g.order = order_made(world, f, g, case)
            g.ordered_at = world.now
            yield record(ORDER_MADE, k, g.order)
            yield signal(PLACEMENT, k)
        k += 1
    yield signal(PARENTING_ASSESSMENT, case.index)
    if case.group < 0:
        yield signal(LIFT_SERVICE, f.index)


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
        yield hold(days_to_next_working_day(weekday))
