"""Rules of follow-up: when a visit is due, and whether the family is seen."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.pathway.parameters import number_of
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import by_visit, happens, logistic, standard_normal
from best_sim.pathway.words import ADOPTED, HOME, LIFT, PLACED_FOR_ADOPTION
from best_sim.scenario.schema import Visits

FROM_RANDOMISATION = number_of(Visits, "counted_from", "randomisation")


@rule
def visit_date(world, f, k):
    """When visit k is due, and when in its window the family could be seen."""
    since = f.randomised if world.visits.counted_from == FROM_RANDOMISATION else f.entered
    return since + by_visit(world.visits, k)


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
