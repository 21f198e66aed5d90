"""Rules of orders: which children they are about, and what the court decides."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.engine.maths import exp
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import FIFTH_BIRTHDAY, age_in_care
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.placements import lives_with_parent
from best_sim.pathway.rules.working_days import on_working_day
from best_sim.pathway.words import (
    BY_LIFT,
    CARE_ORDER,
    CHILD_ARRANGEMENTS,
    EARLY_PERMANENCE,
    GUARDIANSHIP_ORDER,
    KINSHIP_FOSTER,
    NO_ORDER,
    NO_ORDER_YET,
    PLACEMENT_ORDER,
    SUPERVISION_ORDER,
)
from best_sim.scenario.durations import WEEK, YEAR


@rule
def groups_of(f, case):
    """The first group that a case is about, and the one after its last: a family's groups, or one back in care."""
    if case.group >= 0:
        return case.group, case.group + 1
    first = f.index * LARGEST_FAMILY
    return first, first + f.n_groups


@rule
def order_made(world, f, g, case, court):
    """The order for a group of siblings: multinomial logit, with no order to kin where there are no kin."""
    orders = world.orders
    # no court takes a child into care to send it home, or to let it leave with relatives, at the same hearing
    comes_in = g.episode_since == world.now
    home = 0.0 if comes_in else exp(order_score(orders.home, f, g, case))
    guardianship = home
    arrangements = home
    if f.kin_available == 1 and not comes_in:
        guardianship += exp(order_score(orders.special_guardianship, f, g, case))
        arrangements = guardianship + exp(order_score(orders.child_arrangements, f, g, case))
    adoption = arrangements + exp(order_score(orders.placement_order, f, g, case))
    care = order_score(orders.care_order, f, g, case)
    if lives_with_parent(g):
        care += court.care_orders_at_home
    total = adoption + exp(care)
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
def goes_home_first(world, f, g, case, court):
    """Whether a group goes home while the interim order stands, once the evidence is in.

    The local authority's final plan is a return, which the court will follow: what speaks for a return at the final
    hearing is known by now, and a stay with parents that lasts takes nothing from it.
    """
    if g.in_care == 0 or g.order != NO_ORDER_YET or g.re_entries != case.again or lives_with_parent(g):
        return False
    if g.removed == 1:  # what has failed is not tried again before the hearing
        return False
    if not happens(world, g, purposes.HOME_FIRST, case.again, world.placements.planned.home_first_share):
        return False
    order = order_made(world, f, g, case, court)
    return order == SUPERVISION_ORDER or order == NO_ORDER


@rule
def agency_decision(world, f, g, case):
    """When the agency decided that children are to be placed for adoption: after the final evidence, before the order.

    Adoption and Children Act 2002, section 22: the authority applies for a placement order once it is satisfied of it.
    """
    days = lasts(world, g, purposes.DECISION_DELAY, case.again, world.proceedings.agency_decision)
    return min(world.now, on_working_day(world, f, case.evidence_in + days))


@rule
def order_score(direction, f, g, case):
    """Linear predictor of one direction: age as care began, need, kin, where the children live, how it went, advice."""
    x = direction.intercept + direction.need * f.need
    age = age_in_care(f, g)
    if age < YEAR:
        x += direction.under_one
    if age < WEEK:
        x += direction.newborn
    if age > FIFTH_BIRTHDAY:
        x += direction.year_over_five * (age - FIFTH_BIRTHDAY) / YEAR
    if f.kin_available == 1:
        x += direction.kin
    if g.place == KINSHIP_FOSTER:
        x += direction.with_kin
    elif lives_with_parent(g):
        x += direction.with_parents
    elif g.place == EARLY_PERMANENCE:
        x += direction.early_permanence
    if g.removed == 1:
        x += direction.removed
    if case.assessor == BY_LIFT:
        x += direction.lift
    if case.advice == 1:
        x += direction.return_advised
    return x
