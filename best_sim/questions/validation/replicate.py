"""The figures of one replicate, each as the published one was made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from best_sim.engine.model import Engine
from best_sim.measures.quantities.definition import Seen, Subpopulation, counted
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.validation.published import PublishedFigure
from best_sim.replications import Row
from best_sim.scenario import Scenario

if TYPE_CHECKING:
    from best_sim.questions.validation.ask import ValidationQuestion

AT_FIRST = 2
"""Replicates in which everything is simulated: an error needs two."""


@dataclass(frozen=True)
class ReplicateOfFigures:
    """The row of one replicate: for each figure, what is divided (``ID:top``) and by what (``ID:bottom``).

    Parameters
    ----------
    lowered, nation_lowered : Lowered or None
        None where no figure is of it.
    scenario, nation : Scenario or None
        The same, for unit costs.
    figures : tuple of PublishedFigure
    every : int
        The national scenario is simulated in the first replicates, and in each of so many.
    seed : int
    engine : {"compiled", "simpy"}
    """

    lowered: Lowered | None
    scenario: Scenario
    nation_lowered: Lowered | None
    nation: Scenario | None
    figures: tuple[PublishedFigure, ...]
    every: int
    seed: int
    engine: Engine

    @classmethod
    def of(cls, question: ValidationQuestion, engine: Engine) -> ReplicateOfFigures:
        """That of a question's scenarios."""
        figures = question.computed
        own = any(one.simulated == "scenario" for one in figures)
        nation = question.nation if question.is_national else None
        return cls(
            lower(question.world) if own else None, question.world, lower(nation) if nation is not None else None,
            nation, figures, question.national_every, question.seed, engine,
        )  # fmt: skip

    def __call__(self, number: int) -> list[Row]:
        """The row of the replicate of this number."""
        row: Row = {"replicate": number}
        if self.lowered is not None:
            row |= self._computed(self.lowered, self.scenario, number, "scenario")
        if self.nation_lowered is not None and self.nation is not None and self.is_national(number):
            row |= self._computed(self.nation_lowered, self.nation, number, "national")
        return [row]

    def is_national(self, number: int) -> bool:
        """Whether the national scenario is simulated in a replicate."""
        return number < AT_FIRST or number % self.every == 0

    def _computed(self, lowered: Lowered, scenario: Scenario, number: int, where: str) -> Row:
        journeys = simulate(lowered, self.seed, number, self.engine)
        mine = [one for one in self.figures if one.simulated == where]
        row: Row = {}
        for one, (top, bottom) in zip(mine, figures_of(journeys, scenario, mine), strict=True):
            row |= {f"{one.id}:top": top, f"{one.id}:bottom": bottom}
        return row


def figures_of(
    journeys: Journeys, scenario: Scenario, figures: Iterable[PublishedFigure]
) -> list[tuple[float, float]]:
    """Figures of one replicate, each as what is divided and by what; in the figure's unit.

    Parameters
    ----------
    journeys : Journeys
        One replicate of `scenario`, with its event record.
    scenario : Scenario
        For unit costs.
    figures : iterable of PublishedFigure

    Returns
    -------
    list of tuple of float
        NaN and 0 where there is nobody to count, or the figure's period was not all simulated.
    """
    seen = Seen(journeys, scenario)
    return [_of(seen, one) for one in figures]


def _of(seen: Seen, figure: PublishedFigure) -> tuple[float, float]:
    def part(population: Subpopulation) -> tuple[float, float]:
        return counted(seen, figure.quantity, population, figure.taken, figure.since, figure.until)

    top, bottom = part(figure.counts)
    if figure.other is None:
        return figure.scale * top, bottom
    # a comparison has no parts that could be pooled: each replicate gives one
    first, second = (one / n if n else np.nan for one, n in ((top, bottom), part(figure.other)))
    value = first - second if figure.compared == "difference" else first / second if second else np.nan
    return (figure.scale * float(value), 1.0) if np.isfinite(value) else (np.nan, 0.0)
