"""Allocation of families to LIFT or to services as usual: simple, permuted blocks in strata, minimisation."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import uniform
from best_sim.pathway.records import LARGEST_FAMILY, boroughs, groups, sites
from best_sim.pathway.rules import ALLOCATION, BLOCK_SIZE, TWIN, YEAR
from best_sim.pathway.words import KINSHIP_FOSTER, LIFT, SAU

SIMPLE, BLOCKS, MINIMISATION = 0, 1, 2
METHODS = ("simple", "blocks", "minimisation")
NO_STRATA, BY_SITE, BY_BOROUGH = 0, 1, 2
STRATA_NAMES = ("none", "site", "borough")
FACTOR_NAMES = ("site", "borough", "under_one", "siblings", "kinship")


@rule
def stratum_of(world, f):
    """Within which stratum the family is allocated."""
    if world.strata == BY_SITE:
        return f.site
    if world.strata == BY_BOROUGH:
        return f.borough
    return 0


@rule
def allocate(world, f):
    """The arm of one family: as allocated, unless it is asked what the other service would have been to it."""
    if world.forced_arm > 0:  # the same child traced through one service or the other
        return world.forced_arm
    arm = as_allocated(world, f)
    if world.twin_until > 0.0 and world.twin_from <= uniform(world, f, TWIN, 0) < world.twin_until:
        return LIFT + SAU - arm
    return arm


@rule
def as_allocated(world, f):
    """The arm that the method of allocation gives."""
    u = uniform(world, f, ALLOCATION, 0)
    if world.method == MINIMISATION:
        return minimise(world, f, u)
    if world.method == BLOCKS:
        return from_block(world, f, u)
    return LIFT if u < world.lift_share else SAU


@rule
def luck_of_block(world, f, n):
    """Luck of a stratum's n-th block: the same whichever family opens it."""
    if world.strata == BY_BOROUGH:
        return uniform(world, boroughs(world, f.borough), BLOCK_SIZE, n)
    if world.strata == BY_SITE:
        return uniform(world, sites(world, f.site), BLOCK_SIZE, n)
    return uniform(world, sites(world, 0), BLOCK_SIZE, n)


@rule
def from_block(world, f, u):
    """A place drawn from what is left of the stratum's block; a new block of random size where it is used up."""
    s = f.stratum
    if world.block_left[s] == 0:
        sizes = world.n_block_sizes
        k = min(sizes - 1, int(sizes * luck_of_block(world, f, world.block_number[s])))
        world.block_left[s] = world.block_sizes[k]
        world.block_lift_left[s] = int(world.block_sizes[k] * world.lift_share + 0.5)
        world.block_number[s] += 1
    arm = LIFT if u * world.block_left[s] < world.block_lift_left[s] else SAU
    world.block_left[s] -= 1
    if arm == LIFT:
        world.block_lift_left[s] -= 1
    return arm


@rule
def level_of(world, f, factor):
    """The family's level of a minimisation factor, in the order of FACTOR_NAMES."""
    if factor == 0:
        return f.site
    if factor == 1:
        return f.borough
    if factor == 2:
        return 1 if f.youngest_days < YEAR else 0
    if factor == 3:
        return 1 if f.n_children > 1 else 0
    return 1 if groups(world, f.index * LARGEST_FAMILY).place == KINSHIP_FOSTER else 0


@rule
def minimise(world, f, u):
    """Pocock and Simon (1975): the arm that leaves the least marginal imbalance, with probability `best_arm`.

    Imbalance of a factor's level is the difference between arms, each count divided by its arm's share (Han et al.
    2009 for unequal shares); the sum is taken over the factors in use, within the stratum.
    """
    share = world.lift_share
    if_lift = 0.0
    if_sau = 0.0
    for k in range(5):
        if world.factor_used[k] == 1:
            level = level_of(world, f, k)
            lift = world.margins[f.stratum, k, level, 1]
            sau = world.margins[f.stratum, k, level, 0]
            if_lift += abs((lift + 1) / share - sau / (1.0 - share))
            if_sau += abs(lift / share - (sau + 1) / (1.0 - share))
    towards_lift = share
    if if_lift < if_sau:
        towards_lift = 1.0 - (1.0 - world.best_arm) * 2.0 * (1.0 - share)
    elif if_lift > if_sau:
        towards_lift = (1.0 - world.best_arm) * 2.0 * share
    arm = LIFT if u < towards_lift else SAU
    for k in range(5):
        if world.factor_used[k] == 1:
            world.margins[f.stratum, k, level_of(world, f, k), 1 if arm == LIFT else 0] += 1
    return arm
