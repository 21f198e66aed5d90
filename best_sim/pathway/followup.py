"""The trial's visits: who is seen, and when."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.commands import hold, record
from best_sim.pathway.records import LARGEST_FAMILY, children, groups
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.draws import happens, lasts
from best_sim.pathway.rules.followup import is_seen, visit_date, visit_time
from best_sim.pathway.rules.placements import days_in_care
from best_sim.pathway.words import FOUND_INELIGIBLE, MISSED, SEEN, VISIT_MADE, VISIT_MISSED, VISITS


def follow_up(f, world):
    """A randomised family: perhaps found ineligible after all, else visited three times."""
    if happens(world, f, purposes.INELIGIBLE, 0, world.trial.found_ineligible):
        yield hold(lasts(world, f, purposes.INELIGIBLE_DELAY, 0, world.trial.found_ineligible_delay))
        f.ineligible = world.now
        yield record(FOUND_INELIGIBLE, f.index, 0.0)
    else:
        k = 0
        while k < VISITS:
            f.visit_due[k] = visit_date(world, f, k)
            k += 1
        k = 0
        while k < VISITS:
            yield hold(visit_time(world, f, k, world.now) - world.now)
            f.visit_at[k] = world.now
            seen = is_seen(world, f, groups(world, f.index * LARGEST_FAMILY), k)
            f.visit_state[k] = SEEN if seen else MISSED
            note_moves(world, f, k)
            if seen:
                yield record(VISIT_MADE, f.index, k)
            else:
                yield record(VISIT_MISSED, f.index, k)
            k += 1


@rule
def note_moves(world, f, k):
    """By visit k, how often each child has moved, and how long it was in care; outcomes are made from this."""
    for i in range(f.n_children):
        c = children(world, f.index * LARGEST_FAMILY + i)
        g = groups(world, c.group)
        c.moves_then[k] = g.moves
        c.care_moves_then[k] = g.care_moves
        c.care_days_then[k] = days_in_care(world, g)
