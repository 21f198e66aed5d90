"""Permanence counted afterwards from where children lived, not on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from best_sim.measures.observed import labels, named, stays_of
from best_sim.pathway import Journeys
from best_sim.pathway import words as W


def time_to_permanence(journeys: Journeys) -> pd.DataFrame:
    """Days from entry to care until each child first lives with those who are to bring them up, and of which kind.

    Children who have not reached it are censored at the end of the run, whatever happens to them. An adoptive placement
    counts from the day the child moves in, not from the order; relatives who foster for the long term are long-term
    foster carers.
    """
    c, g = journeys.tables["children"], journeys.tables["groups"]
    child = journeys.lived
    family = c["family"][child]
    entered = journeys.tables["families"]["entered"][family]
    use = entered <= journeys.end
    child, family, entered = child[use], family[use], entered[use]
    at = g["permanent_at"][c["group"][child]]
    reached = at <= journeys.end  # False where NaN
    where = np.full(len(c), len(W.PLACEMENT_TYPES))
    stays = stays_of(journeys)
    here = stays.start == g["permanent_at"][c["group"][stays.child]]
    kind = np.where(stays.place == W.KINSHIP_FOSTER, W.LONG_TERM_FOSTER, stays.place)
    where[stays.child[here]] = kind[here]
    return pd.DataFrame(
        {
            "child": child,
            **labels(journeys, family, ("arm",)),
            "days": np.where(reached, at, journeys.end) - entered,
            "reached": reached,
            "to": named((*W.PLACEMENT_TYPES, "not yet"), where[child]).remove_unused_categories(),
        }
    )
