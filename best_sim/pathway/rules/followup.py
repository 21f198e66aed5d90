"""Rules of follow-up: when a visit is due, and whether the family is seen."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.pathway.parameters import number_of
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import by_visit, happens, lasts, logistic, standard_normal
from best_sim.pathway.words import ADOPTED, HOME, LIFT, PLACED_FOR_ADOPTION
from best_sim.scenario.schema import CountedFrom

FROM_RANDOMISATION = number_of(CountedFrom, "first", "randomisation")


@rule
def visit_date(world, f, k):
    """When visit k is due: so long after entry to care, or after randomisation."""
    since = f.randomised if by_visit(world.visits.counted_from, k) == FROM_RANDOMISATION else f.entered
    return since + by_visit(world.visits, k)


@rule
def visit_time(world, f, k, after):
    """When the family could be seen: in the window about the due date, if by then the visit can be arranged.

    Nobody arranges a visit before the family is randomised, or the next one before the last: these days are `after`.
    """
    shift = world.visits.window * (uniform(world, f, purposes.VISIT_TIME, k) - 0.5)
    arranged = after + lasts(world, f, purposes.VISIT_ARRANGED, k, world.visits.arranging)
    return max(arranged, f.visit_due[k] + shift)


@rule
def is_seen(world, f, g, k):
    """Whether the family is seen: depends on visit, arm, where the children live and how often they moved."""
    retention = world.visits.retention
    x = by_visit(retention, k) + retention.reach_sd * standard_normal(world, f, purposes.REACH, 0)
    if f.arm == LIFT:
        x += retention.lift
    if g.place in (PLACED_FOR_ADOPTION, ADOPTED):
        x += retention.with_adopters
    if g.place == HOME:
        x += retention.at_home
    x += retention.per_move * g.moves
    return happens(world, f, purposes.VISIT_SEEN, k, logistic(x))
