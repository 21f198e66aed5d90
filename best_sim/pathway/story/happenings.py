"""Every event that concerns one child: its own, its group's, its family's and its cases'."""

from __future__ import annotations

import math
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
    name : str
        A name of `best_sim.pathway.words.EVENTS`.
    subject : int
        Number of the family, group or case.
    value : float
    """

    row: int
    days: float
    name: str
    subject: int
    value: float

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
            W.EVENTS[int(record["event"][i])].name,
            int(record["subject"][i]),
            float(record["value"][i]),
        )
        for i in np.flatnonzero(found)
    ]


def hearing_listed(journeys: Journeys, happening: Happening) -> tuple[str, float]:
    """Kind of a listed hearing and the time for which it is listed.

    The event's value is the kind + 16 x days from listing to sitting, and the days have a fraction. So both
    are taken from the hearing itself; of one that the run did not reach, from the hour at which the court's
    other hearings began.
    """
    r = journeys.record
    held = (r["event"] == W.HEARING_HELD) & (r["subject"] == happening.subject)
    later = np.flatnonzero(held[happening.row + 1 :])
    if len(later):
        row = happening.row + 1 + int(later[0])
        return W.HEARINGS[int(r["value"][row]) % 16], float(r["time"][row])
    if not math.isfinite(happening.value):
        return "", math.inf
    before = r["time"][held]
    hour = float(before[-1]) % 1.0 if len(before) else 0.0

    def off(kind: int) -> float:
        x = happening.days + (happening.value - kind) / 16.0 - hour
        return abs(x - round(x))

    kind = min(range(len(W.HEARINGS)), key=off)
    return W.HEARINGS[kind], happening.days + (happening.value - kind) / 16.0
