"""Where the children live: a group of siblings from its first placement to the end of the run.

Three clocks run at once: the next unplanned move, the end of a placement that is meant to be short (a bridge, a
hospital), and what is planned; the last two wait for a working day. The one that comes first happens; what the court
orders, or a change of what the hazard depends on, signals the process, which then looks again.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.commands import SIGNALLED, record, signal, start, wait
from best_sim.pathway.kinds import WORK_WITH_CARERS
from best_sim.pathway.permanence_planning import plan_after_scottish_order
from best_sim.pathway.records import cases, families
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import comes_of_age
from best_sim.pathway.rules.childrens_hearings import is_scottish, is_to_stay_looked_after, legal_process
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.entry import bridge_or_foster, first_carers, first_placement
from best_sim.pathway.rules.orders import goes_home_first
from best_sim.pathway.rules.placements import (
    adoption_match_days,
    comes_to_court_again,
    day_of_plan,
    days_in_care,
    days_of_short_stay,
    days_to_unplanned_move,
    days_until_carers_apply,
    early_permanence,
    end_of_short_stay,
    foster_again,
    hazard_left,
    hazard_to_spend,
    hazard_weight,
    kin_take_over,
    least_adoption,
    lives_with_parent,
    place_after_unplanned_move,
    stay_together,
    stays_long_term,
)
from best_sim.pathway.rules.services import carers_have_changed
from best_sim.pathway.words import (
    ADOPTED,
    ADOPTION_MATCH,
    ADOPTION_ORDER,
    ADOPTION_PLACEMENT,
    ASSESSMENT_ENDS,
    AT_ENTRY,
    CARE_ORDER,
    CARERS_APPLY,
    CARERS_APPOINTED,
    CHILD_ARRANGEMENTS,
    EARLY_PERMANENCE,
    FIRST_SCOTTISH_ORDER,
    FOSTER,
    GUARDIANSHIP_ORDER,
    HOME,
    HOSPITAL,
    KINSHIP_FOSTER,
    LEFT_CARE_OF_AGE,
    LONG_TERM_FOSTER,
    MOVED_AS_PLANNED,
    MOVED_UNPLANNED,
    NO_ORDER,
    NO_ORDER_YET,
    NO_PLAN,
    OF_AGE,
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
    TO_EARLY_PERMANENCE,
    TO_GUARDIANS,
    TO_KIN,
    TO_LONG_TERM,
    TO_PARENTS,
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
    case = cases(world, f.index)
    of_age = comes_of_age(f, g)
    while world.now < of_age:
        if carers_have_changed(f, g):
            yield signal(WORK_WITH_CARERS, f.index)
        weigh_clock(world, f, g)
        unplanned_in = days_to_unplanned_move(world, g, world.now)
        planned_in = day_of_plan(world, f, g, case) - world.now
        stay_ends_in = end_of_short_stay(world, f, g) - world.now
        of_age_in = of_age - world.now
        yield wait(max(0.0, min(unplanned_in, planned_in, stay_ends_in, of_age_in)))
        run_clock(world, g)
        if world.outcome == SIGNALLED:
            if g.ordered_at == world.now and g.ordered_at != seen_order:
                seen_order = g.ordered_at
                if g.order >= FIRST_SCOTTISH_ORDER:
                    plan_after_scottish_order(world, f, g)
                else:
                    plan_after_order(world, f, g)
                yield record(PLAN_MADE, g.index, g.plan)
        elif of_age_in <= min(unplanned_in, planned_in, stay_ends_in):
            if g.in_care == 1:
                g.plan = NO_PLAN
                g.plan_at = math.inf
                move(world, g, OF_AGE, SAME_CARER)
                yield record(LEFT_CARE_OF_AGE, g.index, g.place)
        elif unplanned_in <= planned_in and unplanned_in <= stay_ends_in:
            if g.in_care == 1:
                place = place_after_unplanned_move(world, f, g)
                taken = lives_with_parent(g)
                move(world, g, place, UNPLANNED)
                yield record(MOVED_UNPLANNED, g.index, g.place)
                if plan_after_unplanned_move(world, f, g, taken):
                    yield record(PLAN_MADE, g.index, g.plan)
            else:
                # permanence, or home, broke down: a new episode of care, and often new proceedings
                g.re_entries += 1
                later = cases(world, world.n_families + g.index)
                still_open = later.issued <= world.now and not later.decided <= world.now
                again = not still_open and (is_scottish(world, f) or comes_to_court_again(world, f, g))
                begin_episode(world, f, g, RE_ENTRY)
                if not again and not still_open:
                    plan_voluntary_return(world, g)
                yield record(PLACED_ON_RE_ENTRY, g.index, g.place)
                if g.plan != NO_PLAN:
                    yield record(PLAN_MADE, g.index, g.plan)
                if again:
                    open_case(world, g, later)
                    yield start(legal_process(world, f), later.index)
        elif stay_ends_in <= planned_in:
            planned_before = g.plan
            end_short_stay(world, f, g)
            yield record(MOVED_AS_PLANNED, g.index, g.place)
            if g.plan != planned_before:
                yield record(PLAN_MADE, g.index, g.plan)
        else:
            done = g.plan
            lived = g.place
            how = carry_out_plan(world, f, g)
            if done == CARERS_APPLY:
                yield record(CARERS_APPOINTED, g.index, lived)
            if how >= 0:
                yield record(PLACED[how], g.index, g.place)
            if (g.plan != NO_PLAN and g.plan != CARERS_APPLY) or done == ADOPTION_MATCH:
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
    g.removed = 0
    g.place = first_placement(world, f, g) if why == AT_ENTRY else bridge_or_foster(world, g)
    g.placements += 1
    note_third(world, g)
    wind_clock(world, g)
    plan_on_entry(world, f, g, why)


@rule
def wind_clock(world, g):
    """A new placement has a new unit exponential to spend, and an end of its own where it is meant to be short."""
    g.clock_left = hazard_to_spend(world, g)
    g.clock_since = world.now
    g.since = world.now
    g.stay_until = world.now + days_of_short_stay(world, g)


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
    """From the first day: the end of a voluntary stay, or what is planned before the order."""
    g.plan = NO_PLAN
    g.plan_at = math.inf
    if why == AT_ENTRY and f.reaches_court == 0:
        plan_voluntary_return(world, g)
    else:
        plan_before_order(world, f, g)


@rule
def plan_before_order(world, f, g):
    """Before any order: a unit's assessment ends, kin take the children over, or carers do who may adopt."""
    planned = world.placements.planned
    if g.place == PARENT_AND_BABY:
        # parents may have the children at home only once there are proceedings
        g.plan = ASSESSMENT_ENDS
        g.plan_at = world.now + lasts(world, g, purposes.UNIT_STAY, g.episode, planned.unit_stay)
    elif g.place == WITH_PARENTS or g.place == KINSHIP_FOSTER:
        g.plan = NO_PLAN
        g.plan_at = math.inf
    elif kin_take_over(world, f, g):
        g.plan = TO_KIN
        g.plan_at = world.now + lasts(world, g, purposes.KIN_DELAY, g.episode, planned.to_kin_delay)
    elif early_permanence(world, f, g):
        g.plan = TO_EARLY_PERMANENCE
        g.plan_at = world.now + lasts(world, g, purposes.EARLY_DELAY, 0, planned.early_permanence_delay)


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
    if lives_with_parent(g) and place != HOME and place != WITH_PARENTS:
        g.removed = 1
    g.place = place
    g.placements += 1
    if place == HOME or place == SPECIAL_GUARDIANSHIP or place == ADOPTED or place == OF_AGE:
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
def reach_permanence(world, g, kind):
    """The first day with those who are to bring the children up, and of which kind this is."""
    if math.isnan(g.permanent_at):
        g.permanent_at = world.now
        g.permanent_to = kind


@rule
def end_short_stay(world, f, g):
    """A bridge ends with a move to ordinary carers, or one bridge more; a hospital with the first carers."""
    if g.place == HOSPITAL:
        move(world, g, first_carers(world, f, g), PLANNED)
        if g.order == NO_ORDER_YET and g.plan != VOLUNTARY_RETURN:
            g.plan = NO_PLAN
            g.plan_at = math.inf
            plan_before_order(world, f, g)
    else:
        move(world, g, foster_again(world, g), PLANNED)
        if g.plan == CARERS_APPLY:
            plan_carers_application(world, g)


@rule
def plan_after_unplanned_move(world, f, g, taken):
    """Plans survive an unplanned move, but for what it has overtaken. Returns whether the plan is another one.

    Children who were `taken` from a parent have had no plan but to stay there: it is now that others are made.
    """
    before = g.plan
    if g.plan == ASSESSMENT_ENDS or (g.plan == TO_KIN and g.place == KINSHIP_FOSTER):
        g.plan = NO_PLAN
        g.plan_at = math.inf
    if taken and g.plan == NO_PLAN and g.order == NO_ORDER_YET:
        plan_before_order(world, f, g)
    elif g.plan == CARERS_APPLY:
        plan_carers_application(world, g)
    elif g.plan == ADOPTION_ORDER:  # the adoptive placement disrupted: a new match is looked for
        g.plan = ADOPTION_MATCH
        g.plan_at = world.now + adoption_match_days(world, f, g)
    elif g.order == CARE_ORDER and (g.plan == RETURN_HOME or g.plan == TO_PARENTS):
        plan_long_term(world, g)  # taken from the parents, with whom the order had left the child
    elif g.plan == NO_PLAN and is_to_stay_looked_after(g):
        plan_long_term(world, g)
    return g.plan != before


@rule
def plan_way_home(world, f, g, case, court):
    """With the evidence in, a return that the court will follow may begin: whether it is planned now."""
    if is_scottish(world, f) or not goes_home_first(world, f, g, case, court):
        return False
    g.plan = TO_PARENTS
    days = lasts(world, g, purposes.HOME_FIRST_DELAY, case.again, world.placements.planned.home_delay)
    g.plan_at = world.now + days
    return True


@rule
def plan_long_term(world, g):
    """Long-term carers are looked for, the present ones perhaps."""
    g.plan = TO_LONG_TERM
    days = lasts(world, g, purposes.LONG_TERM_DELAY, g.episode, world.placements.planned.long_term_delay)
    g.plan_at = world.now + days


@rule
def plan_carers_application(world, g):
    """Carers for the long term may apply for special guardianship later; what comes of it is recorded then."""
    g.plan = CARERS_APPLY
    g.plan_at = world.now + days_until_carers_apply(world, g)


@rule
def plan_after_order(world, f, g):
    """What the order sets in train."""
    planned = world.placements.planned
    count = g.episode
    if g.order == CARE_ORDER and not lives_with_parent(g):
        plan_long_term(world, g)
        return
    if g.order == CARE_ORDER and g.place == PARENT_AND_BABY:  # from the unit they go home together
        g.plan = TO_PARENTS
        days = lasts(world, g, purposes.HOME_DELAY, count, planned.home_delay)
    elif g.order == CARE_ORDER:  # at home on a care order, until it is discharged
        g.plan = RETURN_HOME
        days = lasts(world, g, purposes.HOME_ON_ORDER, count, planned.home_on_care_order)
    elif g.order == SUPERVISION_ORDER or g.order == NO_ORDER:
        g.plan = RETURN_HOME
        at_home = lives_with_parent(g)
        days = 0.0 if at_home else lasts(world, g, purposes.HOME_DELAY, count, planned.home_delay)
    elif g.order == GUARDIANSHIP_ORDER or g.order == CHILD_ARRANGEMENTS:
        g.plan = TO_GUARDIANS
        with_kin = g.place == KINSHIP_FOSTER
        days = 0.0 if with_kin else lasts(world, g, purposes.GUARDIANS_DELAY, count, planned.guardians_delay)
    elif g.place != EARLY_PERMANENCE and happens(world, g, purposes.NO_MATCH, count, planned.no_match_share):
        g.plan = TO_LONG_TERM  # no adopters are found: the plan becomes long-term foster care
        days = lasts(world, g, purposes.MATCH_DELAY, count, planned.no_match_delay)
    else:
        g.plan = ADOPTION_MATCH
        days = adoption_match_days(world, f, g)
    g.plan_at = world.now + days


@rule
def carry_out_plan(world, f, g):
    """The planned step happens; the next is planned. Returns how the placement began, or -1 where none did."""
    planned = world.placements.planned
    plan = g.plan
    count = g.episode
    how = -1
    g.plan = NO_PLAN
    g.plan_at = math.inf
    if plan == TO_EARLY_PERMANENCE:
        how = PLANNED
        move(world, g, EARLY_PERMANENCE, how)
    elif plan == TO_KIN:
        how = PLANNED
        move(world, g, KINSHIP_FOSTER, how)
    elif plan == TO_PARENTS:
        how = PLANNED
        move(world, g, WITH_PARENTS, how)
        if g.order == CARE_ORDER:
            g.plan = RETURN_HOME
            g.plan_at = world.now + lasts(world, g, purposes.HOME_ON_ORDER, count, planned.home_on_care_order)
    elif plan == ASSESSMENT_ENDS:
        how = PLANNED
        together = stay_together(world, g, cases(world, f.index))
        move(world, g, WITH_PARENTS if together else FOSTER, how)
        plan_before_order(world, f, g)
    elif plan == VOLUNTARY_RETURN or plan == RETURN_HOME:
        how = SAME_CARER if g.place == WITH_PARENTS else PLANNED
        move(world, g, HOME, how)
        reach_permanence(world, g, g.place)
    elif plan == TO_GUARDIANS:
        how = SAME_CARER if g.place == KINSHIP_FOSTER else PLANNED
        move(world, g, SPECIAL_GUARDIANSHIP, how)
        reach_permanence(world, g, g.place)
    elif plan == CARERS_APPLY:
        how = SAME_CARER
        move(world, g, SPECIAL_GUARDIANSHIP, how)
    elif plan == ADOPTION_MATCH:
        g.plan = ADOPTION_PLACEMENT
        g.plan_at = world.now + lasts(world, g, purposes.PLACED_DELAY, count, planned.adoption_placed)
    elif plan == ADOPTION_PLACEMENT:
        how = SAME_CARER if g.place == EARLY_PERMANENCE else PLANNED
        least = least_adoption(world, f, g.since if how == SAME_CARER else world.now)
        move(world, g, PLACED_FOR_ADOPTION, how)
        reach_permanence(world, g, g.place)
        g.plan = ADOPTION_ORDER
        days = lasts(world, g, purposes.ADOPTION_DELAY, count, planned.adoption_order)
        g.plan_at = max(world.now + days, least)
    elif plan == ADOPTION_ORDER:
        how = SAME_CARER
        move(world, g, ADOPTED, how)
    elif plan == TO_LONG_TERM:
        how = SAME_CARER if stays_long_term(world, g) else PLANNED
        # relatives who foster for the long term are relatives still
        move(world, g, KINSHIP_FOSTER if g.place == KINSHIP_FOSTER else LONG_TERM_FOSTER, how)
        if g.order != NO_ORDER_YET:  # in Scotland a child may stay so, looked after, without an order for it
            reach_permanence(world, g, LONG_TERM_FOSTER)
        if g.order == CARE_ORDER or g.order == PLACEMENT_ORDER:
            plan_carers_application(world, g)
    return how
