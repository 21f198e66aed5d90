"""Rules of the court's decision."""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import happens
from best_sim.pathway.words import (
    BY_LIFT,
    CARE_ORDER,
    CHILD_ARRANGEMENTS,
    GUARDIANSHIP_ORDER,
    NO_ORDER,
    PLACEMENT_ORDER,
    SUPERVISION_ORDER,
)
from best_sim.scenario.durations import YEAR


@rule
def order_made(world, f, g, case):
    """The order for a group of siblings: multinomial logit on age, need, kin, arm and advice."""
    under_one = 1.0 if g.youngest_days < YEAR else 0.0
    kin = 1.0 * f.kin_available
    lift = 1.0 if case.assessor == BY_LIFT else 0.0
    home_advised = 1.0 if case.advice == 1 else 0.0
    orders = world.orders
    home = math.exp(order_score(orders.home, under_one, f.need, kin, lift, home_advised))
    guardianship = home + math.exp(
        order_score(orders.special_guardianship, under_one, f.need, kin, lift, home_advised)
    )
    arrangements = guardianship + math.exp(
        order_score(orders.child_arrangements, under_one, f.need, kin, lift, home_advised)
    )
    adoption = arrangements + math.exp(
        order_score(orders.placement_order, under_one, f.need, kin, lift, home_advised)
    )
    total = adoption + math.exp(order_score(orders.care_order, under_one, f.need, kin, lift, home_advised))
    u = uniform(world, g, purposes.ORDER, case.again) * total
    if u < home:
        without = happens(world, g, purposes.SUPERVISION, case.again, world.orders.no_order_share)
        return NO_ORDER if without else SUPERVISION_ORDER
    if u < guardianship:
        return GUARDIANSHIP_ORDER
    if u < arrangements:
        return CHILD_ARRANGEMENTS
    if u < adoption:
        return PLACEMENT_ORDER
    return CARE_ORDER


@rule
def order_score(direction, under_one, need, kin, lift, home_advised):
    """Linear predictor of one direction of the court's decision."""
    return (
        direction.intercept
        + direction.under_one * under_one
        + direction.need * need
        + direction.kin * kin
        + direction.lift * lift
        + direction.return_advised * home_advised
    )
