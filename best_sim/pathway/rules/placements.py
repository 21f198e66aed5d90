"""Rules of placements: the hazard of an unplanned move, where a group goes, how long what is planned takes."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.pathway.parameters import names_of
from best_sim.pathway.records import BANDS
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import happens, lasts, which
from best_sim.pathway.words import FOSTER, KINSHIP_FOSTER, LIFT, PLACED_FOR_ADOPTION, PLACEMENT_TYPES
from best_sim.scenario.durations import YEAR
from best_sim.scenario.schema import Unplanned

NEXT_PLACEMENTS = tuple(map(PLACEMENT_TYPES.index, names_of(Unplanned, "next_placement")))


@rule
def hazard_weight(world, f, g, now):
    """What multiplies the baseline hazard of an unplanned move of this group, now (proportional hazards)."""
    unplanned = world.placements.unplanned
    x = unplanned.need * f.need
    if g.in_care == 1:
        age_years = (g.youngest_days + now - f.entered) / YEAR
        x += unplanned.age * age_years + unplanned.earlier_moves * min(
            g.unplanned, unplanned.most_earlier_moves
        )
        if f.arm == LIFT:
            x += math.log(unplanned.lift_hazard_ratio)
    return g.frailty * math.exp(x)


@rule
def hazard_spent(world, place, begin, end):
    """Cumulative baseline hazard of a placement type between two times since it began."""
    spent = 0.0
    for k in range(BANDS):
        if world.band_from[k] >= end:
            break
        low = max(begin, world.band_from[k])
        high = end
        if k < BANDS - 1:
            high = min(end, world.band_from[k + 1])
        if high > low:
            spent += world.hazard[place, k] * (high - low)
    return spent


@rule
def days_until_hazard(world, place, begin, amount):
    """Days after `begin` (days since the placement began) in which `amount` of baseline hazard is spent."""
    left = amount
    at = begin
    for k in range(BANDS):
        if k < BANDS - 1 and at >= world.band_from[k + 1]:
            continue
        rate = world.hazard[place, k]
        if k == BANDS - 1:
            if rate <= 0.0:
                return math.inf
            return at + left / rate - begin
        room = rate * (world.band_from[k + 1] - at)
        if room >= left and rate > 0.0:
            return at + left / rate - begin
        left -= room
        at = world.band_from[k + 1]
    return math.inf


@rule
def days_to_unplanned_move(world, g, now):
    """Days from now to the next unplanned move if nothing else changes."""
    return days_until_hazard(world, g.place, now - g.since, g.clock_left / g.clock_weight)


@rule
def hazard_to_spend(world, g):
    """A unit exponential for each placement: it breaks down once so much hazard is spent."""
    return -math.log(uniform(world, g, purposes.CLOCK, g.placements))


@rule
def hazard_left(world, g, now):
    """What is left of it now."""
    spent = hazard_spent(world, g.place, g.clock_since - g.since, now - g.since) * g.clock_weight
    return max(0.0, g.clock_left - spent)


@rule
def place_after_unplanned_move(world, f, g):
    """Where a group goes when a placement breaks down: foster, kinship foster where kin are there, residential."""
    if g.place == PLACED_FOR_ADOPTION or g.in_care == 0:
        return FOSTER
    shares = world.placements.unplanned.next_placement
    place = NEXT_PLACEMENTS[which(uniform(world, g, purposes.AFTER_UNPLANNED, g.placements), shares)]
    if place == KINSHIP_FOSTER and f.kin_available == 0:
        return FOSTER
    return place


@rule
def adoption_match_days(world, f, g, now):
    """Days from the placement order to a match; longer for older children."""
    age_years = (g.youngest_days + now - f.entered) / YEAR
    pace = math.exp(world.placements.planned.adoption_match_age * max(0.0, age_years - 1.0))
    return lasts(world, g, purposes.MATCH_DELAY, g.episode, world.placements.planned.adoption_match) * pace


@rule
def comes_to_court_again(world, g):
    """Whether a group's return into care comes to new proceedings."""
    return happens(world, g, purposes.AGAIN, g.re_entries, world.placements.breakdown.issued_again)


@rule
def days_from_re_entry_to_issue(world, case):
    """Days from a return into care until proceedings are issued again."""
    return lasts(world, case, purposes.AGAIN_DELAY, case.again, world.placements.breakdown.issued_again_delay)


@rule
def days_in_care(world, g):
    """Days that a group has been in care until now, all episodes together."""
    return g.care_days + (world.now - g.episode_since if g.in_care == 1 else 0.0)
