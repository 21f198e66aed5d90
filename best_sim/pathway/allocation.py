"""Allocation of families to LIFT or to services as usual: simple, permuted blocks in strata, minimisation."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.pathway.parameters import number_of
from best_sim.pathway.records import FACTORS, LARGEST_FAMILY, boroughs, groups, sites
from best_sim.pathway.rules import purposes
from best_sim.pathway.words import KINSHIP_FOSTER, LIFT, SAU
from best_sim.scenario.durations import YEAR
from best_sim.scenario.schema import Allocation

BLOCKS = number_of(Allocation, "method", "blocks")
MINIMISATION = number_of(Allocation, "method", "minimisation")
BY_SITE = number_of(Allocation, "strata", "site")
BY_BOROUGH = number_of(Allocation, "strata", "borough")
SITE = number_of(Allocation, "factors", "site")
BOROUGH = number_of(Allocation, "factors", "borough")
UNDER_ONE = number_of(Allocation, "factors", "under_one")
SIBLINGS = number_of(Allocation, "factors", "siblings")


@rule
def stratum_of(world, f):
    """Within which stratum the family is allocated."""
    if world.trial.allocation.strata == BY_SITE:
        return f.site
    if world.trial.allocation.strata == BY_BOROUGH:
        return f.borough
    return 0


@rule
def allocate(world, f):
    """The arm of one family: as allocated, unless it is asked what the other service would have been to it."""
    if world.forced_arm > 0:  # the same child traced through one service or the other
        return world.forced_arm
    arm = as_allocated(world, f)
    if (
        world.other_arm_until > 0.0
        and world.other_arm_from <= uniform(world, f, purposes.IN_OTHER_ARM, 0) < world.other_arm_until
    ):
        return LIFT + SAU - arm
    return arm


@rule
def as_allocated(world, f):
    """The arm that the method of allocation gives."""
    u = uniform(world, f, purposes.ALLOCATION, 0)
    if world.trial.allocation.method == MINIMISATION:
        arm = minimise(world, f, u)
        count_in_margins(world, f, arm)
        return arm
    if world.trial.allocation.method == BLOCKS:
        if world.block_left[f.stratum] == 0:
            open_block(world, f)
        arm = from_block(world, f, u)
        take_from_block(world, f, arm)
        return arm
    return LIFT if u < world.trial.allocation.lift_share else SAU


@rule
def luck_of_block(world, f, n):
    """The random number of a stratum's n-th block: the same whichever family opens it."""
    if world.trial.allocation.strata == BY_BOROUGH:
        return uniform(world, boroughs(world, f.borough), purposes.BLOCK_SIZE, n)
    if world.trial.allocation.strata == BY_SITE:
        return uniform(world, sites(world, f.site), purposes.BLOCK_SIZE, n)
    return uniform(world, sites(world, 0), purposes.BLOCK_SIZE, n)


@rule
def open_block(world, f):
    """The stratum's next block, of random size."""
    s = f.stratum
    sizes = world.trial.allocation.block_sizes
    k = min(sizes.n - 1, int(sizes.n * luck_of_block(world, f, world.block_number[s])))
    world.block_left[s] = sizes.values[k]
    world.block_lift_left[s] = int(sizes.values[k] * world.trial.allocation.lift_share + 0.5)
    world.block_number[s] += 1


@rule
def from_block(world, f, u):
    """A place drawn from what is left of the stratum's block."""
    return LIFT if u * world.block_left[f.stratum] < world.block_lift_left[f.stratum] else SAU


@rule
def take_from_block(world, f, arm):
    """The place is taken."""
    world.block_left[f.stratum] -= 1
    if arm == LIFT:
        world.block_lift_left[f.stratum] -= 1


@rule
def level_of(world, f, factor):
    """The family's level of a minimisation factor; the last is whether the first group is with kin."""
    if factor == SITE:
        return f.site
    if factor == BOROUGH:
        return f.borough
    if factor == UNDER_ONE:
        return 1 if f.youngest_days < YEAR else 0
    if factor == SIBLINGS:
        return 1 if f.n_children > 1 else 0
    return 1 if groups(world, f.index * LARGEST_FAMILY).place == KINSHIP_FOSTER else 0


@rule
def minimise(world, f, u):
    """Pocock and Simon (1975): the arm that leaves the least marginal imbalance, with `probability_of_best_arm`.

    Imbalance of a factor's level is the difference between arms, each count divided by its arm's share (Han et al.
    2009 for unequal shares); the sum is taken over the factors in use, within the stratum.
    """
    best_arm = world.trial.allocation.probability_of_best_arm
    share = world.trial.allocation.lift_share
    if_lift = 0.0
    if_sau = 0.0
    for k in range(FACTORS):
        if world.trial.allocation.factors[k] == 1:
            level = level_of(world, f, k)
            lift = world.margins[f.stratum, k, level, LIFT]
            sau = world.margins[f.stratum, k, level, SAU]
            if_lift += abs((lift + 1) / share - sau / (1.0 - share))
            if_sau += abs(lift / share - (sau + 1) / (1.0 - share))
    towards_lift = share
    if if_lift < if_sau:
        towards_lift = 1.0 - (1.0 - best_arm) * 2.0 * (1.0 - share)
    elif if_lift > if_sau:
        towards_lift = (1.0 - best_arm) * 2.0 * share
    return LIFT if u < towards_lift else SAU


@rule
def count_in_margins(world, f, arm):
    """One more family of its levels in this arm."""
    for k in range(FACTORS):
        if world.trial.allocation.factors[k] == 1:
            world.margins[f.stratum, k, level_of(world, f, k), arm] += 1
