"""One simulated trial at every setting: its pathway again where a parameter reaches it, else scored again alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from best_sim.engine.model import Engine
from best_sim.measures.costs import UnitCosts
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.pathway.scores import OutcomeModel
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.replicate import analysed, needs_events
from best_sim.questions.sensitivity.ask import SensitivityQuestion
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import analysis_set

SHIFTED = -1
"""The setting of rows whose imputed outcomes are shifted."""


@dataclass(frozen=True)
class Pathway:
    """One simulated pathway, with the settings that differ in scores and prices alone."""

    lowered: Lowered
    outcomes: tuple[OutcomeModel, ...]
    prices: tuple[UnitCosts, ...]


@dataclass(frozen=True)
class VariedTrial:
    """Rows of one replicate: one for each setting and scoring, then one for each shift and scoring of the base.

    Parameters
    ----------
    pathways : tuple of Pathway
        The first holds the base as its first setting.
    trial : PowerQuestion
        With one design and one analysis.
    shifts : tuple of float
        Of what is imputed in the LIFT arm, in standard deviations of the outcome; empty where nothing is imputed.
    engine : {"compiled", "simpy"}
    """

    pathways: tuple[Pathway, ...]
    trial: PowerQuestion
    shifts: tuple[float, ...]
    engine: Engine

    @classmethod
    def of(cls, question: SensitivityQuestion, engine: Engine) -> VariedTrial:
        """For a question."""
        pathways = []
        for scenarios in question.groups():
            lowered = [lower(each) for each in scenarios]
            outcomes = tuple(each.outcomes for each in lowered)
            pathways.append(Pathway(lowered[0], outcomes, tuple(map(UnitCosts.of, scenarios))))
        return cls(tuple(pathways), question.trial, question.tried, engine)

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The rows of replicate `number`."""
        trial, setting = self.trial, 0
        rows: list[dict[str, Any]] = []
        shifted: list[dict[str, Any]] = []
        events = needs_events(trial.analyses)
        for pathway in self.pathways:
            journeys = simulate(pathway.lowered, trial.seed, number, self.engine, events=events)
            for model, prices in zip(pathway.outcomes, pathway.prices, strict=True):
                for scoring in range(trial.scorings):
                    scored = journeys.scored(model, scoring)
                    row = analysed(scored, trial.primary, trial.alpha, prices)
                    rows.append(
                        {"setting": setting, "replicate": number, "scoring": scoring}
                        | {name: row[name] for name in ("p", "converged")}
                    )
                    if setting == 0:
                        shifted += self._shifted(scored, number, scoring)
                setting += 1
        return rows + shifted

    def _shifted(self, scored: Journeys, number: int, scoring: int) -> Iterator[dict[str, Any]]:
        """The base with what is imputed shifted, each time with the same imputations."""
        if not self.shifts:
            return
        plan = self.trial.primary
        data = analysis_set(scored, plan.outcome, plan.visit, plan.estimand, complete=False)
        spread = float(np.nanstd(data.y, ddof=1)) if np.isfinite(data.y).sum() > 1 else 0.0
        for shift in self.shifts:
            delta = shift * spread
            fit = METHODS[plan.method].run(data, self.trial.alpha, plan.delta + delta)
            yield {
                "setting": SHIFTED, "replicate": number, "scoring": scoring, "p": fit.p_value,
                "converged": fit.converged, "shift": shift, "delta": delta, "estimate": fit.estimate,
            }  # fmt: skip
