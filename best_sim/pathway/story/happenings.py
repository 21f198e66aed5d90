"""Every event that concerns one child: its own, its group's, its family's and its cases'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from best_sim.pathway import words as W
from best_sim.pathway.story.who import choose_child

if TYPE_CHECKING:
    from best_sim.pathway.journeys import Journeys


@dataclass(frozen=True)
class Happening:
    """One event that concerns the child.

    Attributes
    ----------
    row : int
        Its row in the event record.
    days : float
        Days since the start.
    event : int
        Number of the event in `best_sim.pathway.words.EVENTS`.
    subject : int
        Number of the family, group or case.
    value : float
    """

    row: int
    days: float
    event: int
    subject: int
    value: float

    @property
    def name(self) -> str:
        """Name of the event."""
        return W.EVENTS[self.event].name

    @property
    def code(self) -> int:
        """The value as a whole number."""
        return int(self.value)


def happenings(journeys: Journeys, child: int) -> list[Happening]:
    """Every event that concerns a child: its own, its group's, its family's, its cases'; in order of time.

    Parameters
    ----------
    journeys : Journeys
    child : int

    Returns
    -------
    list of Happening

    Raises
    ------
    UnknownChildError
        If there is no such child.
    """
    child = choose_child(journeys, child)
    row = journeys.tables["children"][child]
    family, group = int(row["family"]), int(row["group"])
    cases = journeys.tables["cases"]
    mine = (
        (cases["index"] >= 0)
        & (cases["family"] == family)
        & ((cases["group"] < 0) | (cases["group"] == group))
    )
    numbers = {
        "child": {child},
        "family": {family},
        "group": {group},
        "case": set(np.flatnonzero(mine).tolist()),
    }
    record = journeys.record
    found = np.zeros(len(record), bool)
    for subject, who in numbers.items():
        kinds = [i for i, e in enumerate(W.EVENTS) if e.subject == subject]
        found |= np.isin(record["event"], kinds) & np.isin(record["subject"], sorted(who))
    return [
        Happening(
            int(i),
            float(record["time"][i]),
            int(record["event"][i]),
            int(record["subject"][i]),
            float(record["value"][i]),
        )
        for i in np.flatnonzero(found)
    ]
