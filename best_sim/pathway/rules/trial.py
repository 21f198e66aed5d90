"""Rules of the trial: whether a borough recruits, and whether a family is invited."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import series_at
from best_sim.pathway.parameters import number_of
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import happens
from best_sim.pathway.words import (
    INVITED,
    LIFT_IS_FULL,
    NOT_IN_PROCEEDINGS,
    OTHER_REASON,
    TOO_OLD,
    WITH_A_PARENT,
    WITH_PARENTS,
)
from best_sim.scenario.schema import Trial

BASELINE_FIRST = number_of(Trial, "steps", "consent > baseline > randomisation")


@rule
def is_recruiting(world, borough, site, now):
    """Whether the borough is open and recruitment neither paused nor complete."""
    from_date = borough.opens <= now < borough.closes
    return from_date and series_at(site.recruiting, now) > 0.5 and world.complete == 0


@rule
def screening(world, f, g, site, team):
    """Why a family is not invited, or INVITED; counted in this order."""
    if f.older_sibling == 1 and site.invites_families_with_older_child == 0:
        return TOO_OLD
    if f.reaches_court == 0:
        return NOT_IN_PROCEEDINGS
    if g.place == WITH_PARENTS or g.in_care == 0:
        return WITH_A_PARENT
    if happens(world, f, purposes.OTHER_EXCLUSION, 0, site.other_exclusion):
        return OTHER_REASON
    if 0 < world.trial.lift_queue_limit <= team.trial_waiting:
        return LIFT_IS_FULL
    return INVITED
