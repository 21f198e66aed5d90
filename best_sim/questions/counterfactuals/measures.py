"""What is compared of the same child in both services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from best_sim.measures.observed import under_scots_law
from best_sim.pathway import Journeys
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.outcomes import OUTCOMES

_HORIZON = 30.0 * MONTH


@dataclass(frozen=True)
class PairedMeasure:
    """What is compared of the same child.

    Attributes
    ----------
    label, unit : str
    of : callable
        How it is taken of every child, seen by the trial or not, by row of the table of children.
    """

    label: str
    unit: str
    of: Callable[[Journeys], np.ndarray]


def _score(name: str) -> PairedMeasure:
    of = OUTCOMES[name]
    return PairedMeasure(f"{of.short} at 30 months", of.each, lambda j: j.scores[name][:, W.VISITS - 1])


def _of_family(j: Journeys, name: str) -> np.ndarray:
    """A column of the table of families, by row of the table of children."""
    return j.tables["families"][name][np.arange(len(j.tables["children"])) // LARGEST_FAMILY]


def _of_group(j: Journeys, name: str) -> np.ndarray:
    children = j.tables["children"]
    return j.tables["groups"][name][np.where(children["index"] >= 0, children["group"], 0)]


def _moves(j: Journeys) -> np.ndarray:
    due = _of_family(j, "visit_state")[:, W.VISITS - 1] != W.NOT_DUE
    return np.where(due, j.tables["children"]["care_moves_then"][:, W.VISITS - 1].astype(float), np.nan)


def _three_or_more(j: Journeys) -> np.ndarray:
    year = _of_family(j, "entered") + YEAR
    return np.where(year <= j.end, _of_group(j, "third_at") <= year, np.nan)


def _days_to_permanence(j: Journeys) -> np.ndarray:
    entered = _of_family(j, "entered")
    return np.fmin(_of_group(j, "permanent_at"), np.minimum(entered + _HORIZON, j.end)) - entered


def _weeks_of_proceedings(j: Journeys) -> np.ndarray:
    cases = j.tables["cases"]
    families = np.arange(len(j.tables["children"])) // LARGEST_FAMILY
    weeks = (cases["decided"] - cases["issued"])[families] / 7.0
    return np.where(np.isfinite(weeks) & ~under_scots_law(j)[families], weeks, np.nan)


MEASURES: Mapping[str, PairedMeasure] = MappingProxyType(
    {
        "sdq": _score("sdq"),
        "pirgas": _score("pirgas"),
        "moves": PairedMeasure("moves in care by 30 months", OUTCOMES["moves"].each, _moves),
        "three_or_more": PairedMeasure(
            OUTCOMES["three_or_more"].label, OUTCOMES["three_or_more"].each, _three_or_more
        ),
        "days_to_permanence": PairedMeasure("days from entry to permanence", "days", _days_to_permanence),
        "weeks_of_proceedings": PairedMeasure("weeks of proceedings", "weeks", _weeks_of_proceedings),
    }
)
"""What is compared, by name: scores at the third visit, moves in care by it, a third placement within a year of entry
to care, days from entry to permanence (at most 30 months), weeks of proceedings."""


def outcomes_of(j: Journeys) -> dict[str, np.ndarray]:
    """Every measure of every child, by row of the table of children; seen by the trial or not."""
    lived = j.tables["children"]["index"] >= 0
    return {name: np.where(lived, one.of(j), np.nan) for name, one in MEASURES.items()}
