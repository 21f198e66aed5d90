"""Rules of age: how old a group's youngest child is, and from when what is no longer done.

A group of siblings goes by its youngest child, who is drawn first and has the group's random numbers.
"""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.scenario.durations import YEAR

FIFTH_BIRTHDAY = 5.0 * YEAR
"""Days of age; the model is about children under 60 months as they come into care first."""
SIXTEENTH_BIRTHDAY = 16.0 * YEAR
EIGHTEENTH_BIRTHDAY = 18.0 * YEAR


@rule
def age_now(world, f, g):
    """Days of age of a group's youngest child."""
    return g.youngest_days + world.now - f.entered


@rule
def age_in_care(f, g):
    """Days of age of a group's youngest child as its present time in care began."""
    return g.youngest_days + (g.episode_since - f.entered)


@rule
def comes_of_age(f, g):
    """When a group's youngest child turns 18, with which care and every order about it end.

    Children Act 1989, section 105; Children's Hearings (Scotland) Act 2011, sections 83 and 199.
    """
    return f.entered + EIGHTEENTH_BIRTHDAY - g.youngest_days


@rule
def is_of_age(world, f, g):
    """Whether it has."""
    return world.now >= comes_of_age(f, g)
