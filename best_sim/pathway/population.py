"""Families and children as they enter care: everything about them that is fixed at entry.

Who enters depends on random numbers and on entry parameters alone, never on what else happens in the run.
"""

from __future__ import annotations

import math

from best_sim.engine import rule
from best_sim.pathway.permanence_planning import draw_scottish_way_in
from best_sim.pathway.records import LARGEST_FAMILY, children, groups
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.childrens_hearings import is_scottish
from best_sim.pathway.rules.draws import happens, standard_normal
from best_sim.pathway.rules.entry import (
    age_of_next,
    age_of_youngest,
    days_from_entry_to_issue,
    days_from_issue_to_entry,
    family_size,
    frailty,
    group_of_sibling,
    reaches_court,
    route_into_care,
)
from best_sim.pathway.rules.working_days import on_working_day
from best_sim.pathway.words import DURING_PROCEEDINGS, NO_PLAN


@rule
def draw_family(world, f):
    """The family's own: how many children it has, and what they share."""
    f.n_children = family_size(world, f)
    f.need = standard_normal(world, f, purposes.NEED, 0)
    f.older_sibling = (
        1 if happens(world, f, purposes.OLDER_SIBLING, 0, world.population.older_sibling_share) else 0
    )
    f.kin_available = 1 if happens(world, f, purposes.KIN, 0, world.population.kin_available_share) else 0


@rule
def draw_way_in(world, f):
    """How and when the family comes into care and to court; proceedings are issued once all its children are born."""
    if is_scottish(world, f):
        draw_scottish_way_in(world, f)
        return
    f.route = route_into_care(world, f)
    f.reaches_court = 1 if reaches_court(world, f) else 0
    f.entered = f.known_at
    f.removal_due = f.known_at
    if f.route == DURING_PROCEEDINGS:
        f.issue_at = on_working_day(world, f, f.known_at)
        f.removal_due = f.issue_at + min(days_from_issue_to_entry(world, f), f.youngest_days)
        f.entered = math.inf  # at a hearing, or by an emergency order
    elif f.reaches_court == 0:
        f.issue_at = math.inf
    else:
        f.issue_at = on_working_day(world, f, f.entered + days_from_entry_to_issue(world, f))


@rule
def come_into_care(world, f):
    """Children are removed during proceedings. None was born after issue: who would have been is older by that.

    So are older siblings then, by as much as keeps the least gap between births.
    """
    f.entered = world.now
    first = f.index * LARGEST_FAMILY
    least = f.entered - f.issue_at
    for k in range(f.n_children):
        c = children(world, first + k)
        c.age_at_entry = max(c.age_at_entry, least)
        least = c.age_at_entry + world.population.sibling_gap
    for k in range(f.n_children - 1, -1, -1):  # of each group the youngest comes last
        c = children(world, first + k)
        groups(world, c.group).youngest_days = c.age_at_entry
    f.youngest_days = children(world, first).age_at_entry


@rule
def draw_children(world, f):
    """The family's children, youngest first, and the groups of siblings that live together."""
    f.n_groups = 0
    age = 0.0
    for k in range(f.n_children):
        c = children(world, f.index * LARGEST_FAMILY + k)
        c.index = f.index * LARGEST_FAMILY + k
        c.stream = f.stream
        c.number = f.number + 1 + k
        c.family = f.index
        age = age_of_youngest(world, f, c) if k == 0 else age_of_next(world, f, c, k, age)
        c.age_at_entry = age
        c.male = 1 if happens(world, c, purposes.SEX, 0, world.population.male_share) else 0
        c.frailty = frailty(world, c)
        c.group = f.index * LARGEST_FAMILY + group_of_sibling(world, f, k)
        if c.group == f.index * LARGEST_FAMILY + f.n_groups:
            begin_group(world, f, c)
            f.n_groups += 1
        else:
            join_group(world, c)
    f.youngest_days = children(world, f.index * LARGEST_FAMILY).age_at_entry


@rule
def begin_group(world, f, c):
    """A group of siblings begins with its youngest child, whose random numbers the group has."""
    g = groups(world, c.group)
    g.index = c.group
    g.stream = c.stream
    g.number = c.number
    g.family = f.index
    g.n_children = 1
    g.youngest_days = c.age_at_entry
    g.frailty = c.frailty
    g.plan = NO_PLAN
    g.plan_at = math.inf
    g.stay_until = math.inf
    g.ordered_at = math.nan
    g.permanent_at = math.nan
    g.third_at = math.nan


@rule
def join_group(world, c):
    """A further sibling joins; the group breaks down as its children do on average."""
    g = groups(world, c.group)
    g.frailty = (g.frailty * g.n_children + c.frailty) / (g.n_children + 1)
    g.n_children += 1
