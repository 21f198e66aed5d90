"""Where the children live: a group of siblings from its first placement to the end of the run.

Two clocks run at once: the next unplanned move, and what is planned. The one that comes first happens; what the court
orders, or a change of what the hazard depends on, signals the process, which then looks again.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.commands import SIGNALLED, record, signal, start, wait
from best_sim.pathway.kinds import PROCEEDINGS, WORK_WITH_CARERS
from best_sim.pathway.records import cases, families
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.entry import first_placement
from best_sim.pathway.rules.placements import (
    adoption_match_days,
    comes_to_court_again,
    days_in_care,
    days_to_unplanned_move,
    hazard_left,
    hazard_to_spend,
    hazard_weight,
    place_after_unplanned_move,
)
from best_sim.pathway.rules.services import carers_have_changed
from best_sim.pathway.words import (
    ADOPTED,
    ADOPTION_MATCH,
    ADOPTION_ORDER,
    ADOPTION_PLACEMENT,
    ASSESSMENT_ENDS,
    AT_ENTRY,
    CHILD_ARRANGEMENTS,
    FOSTER,
    GUARDIANSHIP_ORDER,
    HOME,
    KINSHIP_FOSTER,
    LONG_TERM_FOSTER,
    MOVED_UNPLANNED,
    NO_ORDER,
    NO_ORDER_YET,
    NO_PLAN,
    PARENT_AND_BABY,
    PLACED,
    PLACED_FOR_ADOPTION,
    PLACED_ON_ENTRY,
    PLACED_ON_RE_ENTRY,
    PLACEMENT_ORDER,
    PLAN_MADE,
    PLANNED,
    RE_ENTRY,
    RETURN_HOME,
    SAME_CARER,
    SPECIAL_GUARDIANSHIP,
    SUPERVISION_ORDER,
    TO_GUARDIANS,
    TO_KIN,
    TO_LONG_TERM,
    TO_SETTLED_FOSTER,
    UNPLANNED,
    VOLUNTARY_RETURN,
    WITH_PARENTS,
)


def placement(g, world):
    """A group of siblings: placed, moved unplanned or as planned, home or to permanence, and perhaps back."""
    f = families(world, g.family)
    begin_episode(world, f, g, AT_ENTRY)
    yield record(PLACED_ON_ENTRY, g.index, g.place)
    if g.plan != NO_PLAN:
        yield record(PLAN_MADE, g.index, g.plan)
    seen_order = g.ordered_at
    while True:
        if carers_have_changed(f, g):
            yield signal(WORK_WITH_CARERS, f.index)
        weigh_clock(world, f, g)
        unplanned_in = days_to_unplanned_move(world, g, world.now)
        planned_in = g.plan_at - world.now
        yield wait(max(0.0, min(unplanned_in, planned_in)))
        run_clock(world, g)
        if world.outcome == SIGNALLED:
            if g.ordered_at == world.now and g.ordered_at != seen_order:
                seen_order = g.ordered_at
                plan_after_order(world, f, g)
                yield record(PLAN_MADE, g.index, g.plan)
        elif unplanned_in <= planned_in:
            if g.in_care == 1:
                place = place_after_unplanned_move(world, f, g)
                move(world, g, place, UNPLANNED)
                yield record(MOVED_UNPLANNED, g.index, g.place)
                if drop_overtaken_plan(world, f, g):
                    yield record(PLAN_MADE, g.index, g.plan)
            else:
                # permanence, or home, broke down: a new episode of care, and often new proceedings
                g.re_entries += 1
                case = cases(world, world.n_families + g.index)
                still_open = case.issued <= world.now and not case.decided <= world.now
                again = not still_open and comes_to_court_again(world, g)
                begin_episode(world, f, g, RE_ENTRY)
                if not again and not still_open:
                    plan_voluntary_return(world, g)
                yield record(PLACED_ON_RE_ENTRY, g.index, g.place)
                if g.plan != NO_PLAN:
                    yield record(PLAN_MADE, g.index, g.plan)
                if again:
                    open_case(world, g, case)
                    yield start(PROCEEDINGS, case.index)
        else:
            done = g.plan
            how = carry_out_plan(world, f, g)
            if how >= 0:
                yield record(PLACED[how], g.index, g.place)
            if g.plan != NO_PLAN or done == ADOPTION_MATCH:
                yield record(PLAN_MADE, g.index, g.plan)


@rule
def begin_episode(world, f, g, why):
    """The first placement of an episode of care, and what is planned from the first day."""
    now = world.now
    g.episode += 1
    g.episode_since = now
    g.carer_moves_in_episode = 0
    g.in_care = 1
    g.order = NO_ORDER_YET
    g.permanent_at = math.nan if why == AT_ENTRY else g.permanent_at
    g.place = first_placement(world, f, g) if why == AT_ENTRY else FOSTER
    g.placements += 1
    note_third(world, g)
    wind_clock(world, g)
    plan_on_entry(world, f, g, why)


@rule
def wind_clock(world, g):
    """A new placement has a new unit exponential to spend."""
    g.clock_left = hazard_to_spend(world, g)
    g.clock_since = world.now
    g.since = world.now


@rule
def weigh_clock(world, f, g):
    """From now on the clock runs as fast as age, need, moves and service make it."""
    g.clock_weight = hazard_weight(world, f, g, world.now)
    g.clock_since = world.now


@rule
def run_clock(world, g):
    """The clock of the next unplanned move has run until now."""
    g.clock_left = hazard_left(world, g, world.now)
    g.clock_since = world.now


@rule
def plan_on_entry(world, f, g, why):
    """Before any order: a voluntary stay ends, a unit's assessment ends, kin or a settled carer are found."""
    planned = world.placements.planned
    now = world.now
    g.plan = NO_PLAN
    g.plan_at = math.inf
    if why == AT_ENTRY and f.reaches_court == 0:
        plan_voluntary_return(world, g)
    elif g.place == PARENT_AND_BABY:
        g.plan = ASSESSMENT_ENDS
        g.plan_at = now + lasts(world, g, purposes.UNIT_STAY, g.episode, planned.unit_stay)
    elif g.place == FOSTER:
        to_kin = f.kin_available == 1 and happens(
            world, g, purposes.KIN_MOVE, g.episode, planned.to_kin_share
        )
        if to_kin:
            g.plan = TO_KIN
            g.plan_at = now + lasts(world, g, purposes.KIN_DELAY, g.episode, planned.to_kin_delay)
        elif happens(world, g, purposes.SETTLE, g.episode, planned.settled_foster_share):
            g.plan = TO_SETTLED_FOSTER
            g.plan_at = now + lasts(world, g, purposes.SETTLE_DELAY, g.episode, planned.settled_foster_delay)


@rule
def plan_voluntary_return(world, g):
    """Without proceedings the stay is voluntary, and ends with a return home."""
    g.plan = VOLUNTARY_RETURN
    g.plan_at = world.now + lasts(world, g, purposes.VOLUNTARY_STAY, g.episode, world.entry.voluntary_stay)


@rule
def open_case(world, g, case):
    """New proceedings for a group that came back into care: its own case, whose random numbers are the group's."""
    case.index = world.n_families + g.index
    case.stream = g.stream
    case.number = g.number
    case.family = g.family
    case.group = g.index
    case.again = g.re_entries
    case.issued = world.now
    case.decided = math.inf


@rule
def move(world, g, place, how):
    """The group lives somewhere else from now on; a move counts when the carer changes while in care."""
    if how != SAME_CARER and g.in_care == 1:
        g.moves += 1
        g.carer_moves_in_episode += 1
    if how == UNPLANNED:
        g.unplanned += 1
    g.place = place
    g.placements += 1
    if place == HOME or place == SPECIAL_GUARDIANSHIP or place == ADOPTED:
        g.care_days = days_in_care(world, g)
        g.in_care = 0
    elif how != SAME_CARER and g.in_care == 1:
        g.care_moves += 1
        note_third(world, g)
    wind_clock(world, g)


@rule
def note_third(world, g):
    """When the group has its third placement in care; a change of legal status with the same carer is none."""
    if g.care_moves + g.episode == 3 and math.isnan(g.third_at):
        g.third_at = world.now


@rule
def reach_permanence(world, g):
    """The first day with those who are to bring the children up."""
    if math.isnan(g.permanent_at):
        g.permanent_at = world.now
        g.permanent_to = g.place


@rule
def drop_overtaken_plan(world, f, g):
    """After an unplanned move: a plan made before the order falls away; what the court ordered still stands."""
    if g.order == NO_ORDER_YET and g.plan != NO_PLAN and g.plan != VOLUNTARY_RETURN:
        g.plan = NO_PLAN
        g.plan_at = math.inf
        return True
    if g.plan == ADOPTION_ORDER:  # the adoptive placement disrupted: a new match is looked for
        g.plan = ADOPTION_MATCH
        g.plan_at = world.now + adoption_match_days(world, f, g, world.now)
        return True
    return False


@rule
def plan_after_order(world, f, g):
    """What the order sets in train."""
    planned = world.placements.planned
    now = world.now
    count = g.episode
    if g.order == SUPERVISION_ORDER or g.order == NO_ORDER:
        g.plan = RETURN_HOME
        at_home = g.place == WITH_PARENTS or g.place == PARENT_AND_BABY
        days = 0.0 if at_home else lasts(world, g, purposes.HOME_DELAY, count, planned.home_delay)
    elif g.order == GUARDIANSHIP_ORDER or g.order == CHILD_ARRANGEMENTS:
        g.plan = TO_GUARDIANS
        with_kin = g.place == KINSHIP_FOSTER
        days = 0.0 if with_kin else lasts(world, g, purposes.GUARDIANS_DELAY, count, planned.guardians_delay)
    elif g.order == PLACEMENT_ORDER:
        if happens(world, g, purposes.NO_MATCH, count, planned.no_match_share):
            g.plan = TO_LONG_TERM  # no adopters are found: the plan becomes long-term foster care
            days = lasts(world, g, purposes.MATCH_DELAY, count, planned.no_match_delay)
        else:
            g.plan = ADOPTION_MATCH
            days = adoption_match_days(world, f, g, now)
    else:
        g.plan = TO_LONG_TERM
        days = lasts(world, g, purposes.LONG_TERM_DELAY, count, planned.long_term_delay)
    g.plan_at = now + days


@rule
def carry_out_plan(world, f, g):
    """The planned step happens; the next is planned. Returns how the placement began, or -1 where none did."""
    planned = world.placements.planned
    plan = g.plan
    count = g.episode
    how = -1
    g.plan = NO_PLAN
    g.plan_at = math.inf
    if plan == TO_SETTLED_FOSTER:
        how = PLANNED
        move(world, g, FOSTER, how)
    elif plan == TO_KIN:
        how = PLANNED
        move(world, g, KINSHIP_FOSTER, how)
    elif plan == ASSESSMENT_ENDS:
        how = PLANNED
        together = happens(world, g, purposes.UNIT_TOGETHER, count, planned.unit_together)
        move(world, g, WITH_PARENTS if together else FOSTER, how)
    elif plan == VOLUNTARY_RETURN or plan == RETURN_HOME:
        how = PLANNED
        if g.place == WITH_PARENTS:
            how = SAME_CARER
        move(world, g, HOME, how)
        reach_permanence(world, g)
    elif plan == TO_GUARDIANS:
        how = SAME_CARER if g.place == KINSHIP_FOSTER else PLANNED
        move(world, g, SPECIAL_GUARDIANSHIP, how)
        reach_permanence(world, g)
    elif plan == ADOPTION_MATCH:
        g.plan = ADOPTION_PLACEMENT
        g.plan_at = world.now + lasts(world, g, purposes.PLACED_DELAY, count, planned.adoption_placed)
    elif plan == ADOPTION_PLACEMENT:
        how = PLANNED
        move(world, g, PLACED_FOR_ADOPTION, how)
        reach_permanence(world, g)
        g.plan = ADOPTION_ORDER
        g.plan_at = world.now + lasts(world, g, purposes.ADOPTION_DELAY, count, planned.adoption_order)
    elif plan == ADOPTION_ORDER:
        how = SAME_CARER
        move(world, g, ADOPTED, how)
    elif plan == TO_LONG_TERM:
        same = happens(world, g, purposes.LONG_TERM_SAME, count, planned.long_term_same_carer)
        how = SAME_CARER if same else PLANNED
        move(world, g, LONG_TERM_FOSTER, how)
        reach_permanence(world, g)
    return how
