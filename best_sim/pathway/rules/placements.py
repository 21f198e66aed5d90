"""Rules of placements: the hazard of an unplanned move, where a group goes, how long what is planned takes."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.engine.maths import exp, log
from best_sim.pathway.parameters import names_of
from best_sim.pathway.records import PIECES
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import SIXTEENTH_BIRTHDAY, age_in_care, age_now
from best_sim.pathway.rules.childrens_hearings import is_scottish
from best_sim.pathway.rules.draws import happens, lasts, which
from best_sim.pathway.rules.working_days import nearest_working_day, on_working_day
from best_sim.pathway.words import (
    ADOPTION_ORDER,
    ASSESSMENT_ENDS,
    BRIDGING_FOSTER,
    CHILD_ARRANGEMENTS,
    EARLY_PERMANENCE,
    FOSTER,
    HOSPITAL,
    KINSHIP_FOSTER,
    LIFT,
    LONG_TERM_FOSTER,
    PARENT_AND_BABY,
    PLACED_FOR_ADOPTION,
    PLACEMENT_TYPES,
    RESIDENTIAL,
    SPECIAL_GUARDIANSHIP,
    VOLUNTARY_RETURN,
    WITH_PARENTS,
)
from best_sim.scenario.durations import WEEK, YEAR
from best_sim.scenario.schema import Unplanned

NEXT_PLACEMENTS = tuple(map(PLACEMENT_TYPES.index, names_of(Unplanned, "next_placement")))
BY_ARRANGEMENT = len(PLACEMENT_TYPES)
"""Where the hazard of children stands who live with relatives under a child arrangements order: after the types."""


@rule
def hazard_weight(world, f, g, now):
    """What multiplies the baseline hazard of an unplanned move of this group, now (proportional hazards)."""
    unplanned = world.placements.unplanned
    x = unplanned.need * f.need
    if g.in_care == 1:
        x += unplanned.age * (g.youngest_days + now - f.entered) / YEAR
        if f.arm == LIFT:
            x += log(unplanned.lift_hazard_ratio)
    return g.frailty * exp(x)


@rule
def kind_of_hazard(g):
    """Whose hazard a group has: its placement type's, or that of a child arrangements order."""
    if g.place == SPECIAL_GUARDIANSHIP and g.order == CHILD_ARRANGEMENTS:
        return BY_ARRANGEMENT
    return g.place


@rule
def hazard_spent(world, kind, begin, end):
    """Cumulative baseline hazard of one kind between two times since the placement began."""
    spent = 0.0
    since = begin
    for k in range(PIECES):
        until = min(end, world.hazard_until[kind, k])
        if until > since:
            spent += world.hazard[kind, k] * (until - since)
            since = until
    return spent


@rule
def days_until_hazard(world, kind, begin, amount):
    """Days after `begin` (days since the placement began) in which `amount` of baseline hazard is spent."""
    left = amount
    since = begin
    for k in range(PIECES):
        until = world.hazard_until[kind, k]
        if until > since:
            rate = world.hazard[kind, k]
            if rate > 0.0:
                if left <= rate * (until - since):
                    return since - begin + left / rate
                left -= rate * (until - since)
            since = until
    return math.inf


@rule
def days_to_unplanned_move(world, g, now):
    """Days from now to the next unplanned move if nothing else changes."""
    return days_until_hazard(world, kind_of_hazard(g), now - g.since, g.clock_left / g.clock_weight)


@rule
def hazard_to_spend(world, g):
    """A unit exponential for each placement: it breaks down once so much hazard is spent."""
    return -log(uniform(world, g, purposes.CLOCK, g.placements))


@rule
def hazard_left(world, g, now):
    """What is left of it now."""
    spent = hazard_spent(world, kind_of_hazard(g), g.clock_since - g.since, now - g.since) * g.clock_weight
    return max(0.0, g.clock_left - spent)


@rule
def place_after_unplanned_move(world, f, g):
    """Where a group goes when a placement breaks down: foster, kinship foster where kin are there, residential."""
    if g.place == PLACED_FOR_ADOPTION or g.in_care == 0:
        return foster_again(world, g)
    shares = world.placements.unplanned.next_placement
    place = NEXT_PLACEMENTS[which(uniform(world, g, purposes.AFTER_UNPLANNED, g.placements), shares)]
    if place == FOSTER or (place == KINSHIP_FOSTER and f.kin_available == 0):
        return foster_again(world, g)
    if place == RESIDENTIAL and age_now(world, f, g) < YEAR:  # homes take no infants
        return foster_again(world, g)
    return place


@rule
def foster_again(world, g):
    """Foster carers after a bridging placement or an unplanned move: often at short notice once more."""
    bridge = happens(world, g, purposes.BRIDGE_AGAIN, g.placements, world.placements.bridging.again_share)
    return BRIDGING_FOSTER if bridge else FOSTER


@rule
def days_of_short_stay(world, g):
    """How long a placement lasts that is meant to be short; infinite for any other."""
    if g.place == BRIDGING_FOSTER:
        return lasts(world, g, purposes.BRIDGE_STAY, g.placements, world.placements.bridging.stay)
    if g.place == HOSPITAL:
        return lasts(world, g, purposes.HOSPITAL_STAY, g.episode, world.entry.hospital_stay)
    return math.inf


@rule
def end_of_short_stay(world, f, g):
    """When it ends: on the nearest working day, after a night at least."""
    day = nearest_working_day(world, f, g.stay_until)
    return day if day >= g.since + 1.0 else on_working_day(world, f, g.since + 1.0)


@rule
def day_of_plan(world, f, g, case):
    """When what is planned happens: on the nearest working day; but parents may end a voluntary stay on any day.

    Children Act 1989, section 20(8). In England and Wales parents may have a child in care at home only under an
    interim order (section 38), so the assessment in a unit doesn't end before the first hearing.
    """
    if g.plan == VOLUNTARY_RETURN:
        return g.plan_at
    if g.plan == ADOPTION_ORDER:  # not before the weeks are full
        return on_working_day(world, f, g.plan_at)
    day = nearest_working_day(world, f, g.plan_at)
    if g.plan != ASSESSMENT_ENDS or is_scottish(world, f):
        return day
    return max(day, case.first_sat) if case.first_sat <= world.now else math.inf


@rule
def least_adoption(world, f, since):
    """From when adopters may have their order: the child has lived with them for ten weeks, in Scotland thirteen.

    Adoption and Children Act 2002, section 42(3); Adoption and Children (Scotland) Act 2007, section 15(3).
    """
    return since + (13.0 if is_scottish(world, f) else 10.0) * WEEK


@rule
def lives_with_parent(g):
    """Whether the group lives with a parent while in care: at home, or in a parent and baby unit."""
    return g.place == WITH_PARENTS or g.place == PARENT_AND_BABY


@rule
def stay_together(world, g, case):
    """Whether a parent keeps the baby as they leave a unit: as the report before the court or the review advises.

    Where there is none yet, by what the unit saw of them.
    """
    if case.evidence_in <= world.now:
        return case.advice == 1
    return happens(world, g, purposes.UNIT_TOGETHER, g.episode, world.placements.planned.unit_together)


@rule
def kin_take_over(world, f, g):
    """Whether relatives will take the children before the order, if these are not with them from the first day."""
    return f.kin_available == 1 and happens(
        world, g, purposes.KIN_MOVE, g.episode, world.placements.planned.to_kin_share
    )


@rule
def early_permanence(world, f, g):
    """Whether an infant without kin will live with carers who may adopt it, before any order."""
    return (
        f.kin_available == 0
        and f.reaches_court == 1
        and g.episode == 1
        and g.youngest_days < YEAR
        and happens(world, g, purposes.EARLY_PERMANENCE, 0, world.placements.planned.early_permanence_share)
    )


@rule
def adoption_match_days(world, f, g):
    """Days from the placement order to a match: short where the carers adopt, longer for older children, by age."""
    planned = world.placements.planned
    if g.place == EARLY_PERMANENCE:
        return lasts(world, g, purposes.MATCH_DELAY, g.episode, planned.early_permanence_match)
    days = lasts(world, g, purposes.MATCH_DELAY, g.episode, planned.adoption_match)
    older = planned.adoption_match_older
    age = age_in_care(f, g)
    if age < YEAR:
        return days
    if age < 2.0 * YEAR:
        return days * older.one
    if age < 3.0 * YEAR:
        return days * older.two
    return days * (older.three if age < 4.0 * YEAR else older.four)


@rule
def stays_long_term(world, g):
    """Whether the present carers become the long-term ones: relatives do, parents and homes are none."""
    if g.place == KINSHIP_FOSTER or g.place == LONG_TERM_FOSTER:
        return True
    return (g.place == FOSTER or g.place == EARLY_PERMANENCE) and happens(
        world, g, purposes.LONG_TERM_SAME, g.episode, world.placements.planned.long_term_same_carer
    )


@rule
def days_until_carers_apply(world, g):
    """Days until the carers of a child on a care order become its special guardians: a constant hazard, by kind."""
    rate = 0.0
    if g.place == KINSHIP_FOSTER:
        rate = world.placements.planned.guardianship_by_kin
    elif g.place == LONG_TERM_FOSTER or g.place == FOSTER:
        rate = world.placements.planned.guardianship_by_foster_carers
    if rate <= 0.0:
        return math.inf
    return -log(uniform(world, g, purposes.CARERS_APPLY, g.placements)) * YEAR / rate


@rule
def comes_to_court_again(world, f, g):
    """Whether a group's return into care comes to new proceedings; at 16 children come in by their own agreement.

    Children Act 1989, section 20(11); and at 17 no court may make a care order (section 31(3)).
    """
    young = age_now(world, f, g) < SIXTEENTH_BIRTHDAY
    return young and happens(world, g, purposes.AGAIN, g.re_entries, world.placements.breakdown.issued_again)


@rule
def days_from_re_entry_to_issue(world, case):
    """Days from a return into care until proceedings are issued again."""
    return lasts(world, case, purposes.AGAIN_DELAY, case.again, world.placements.breakdown.issued_again_delay)


@rule
def days_in_care(world, g):
    """Days that a group has been in care until now, all episodes together."""
    return g.care_days + (world.now - g.episode_since if g.in_care == 1 else 0.0)
