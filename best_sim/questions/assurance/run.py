"""What comes out of assurance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.measures.costs import UnitCosts
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.assurance.ask import AssuranceQuestion
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.priors import Prior, as_written
from best_sim.questions.power.replicate import analysed, needs_events
from best_sim.replications import Keep, whole_table
from best_sim.scenario import Scenario
from best_sim.trial.outcomes import OUTCOMES
from best_sim.trial.performance import Estimate, Performance, error_over_trials, performance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BINS = 8
"""Parts of a prior, each with equally many trials, in which the power is told."""
_MEDIANS = "at_medians"


@dataclass(frozen=True)
class DrawnTrial:
    """One simulated trial with parameters of its own, and the same replicate with each parameter at its median.

    Parameters
    ----------
    scenario : Scenario
        Of the design.
    medians : Lowered
        Of the same scenario with each parameter that is not known at the median of what is believed.
    prices : UnitCosts
        There.
    trial : PowerQuestion
        With one design and one analysis.
    engine : {"compiled", "simpy"}
    """

    scenario: Scenario
    medians: Lowered
    prices: UnitCosts
    trial: PowerQuestion
    engine: Engine

    @classmethod
    def of(cls, question: AssuranceQuestion, engine: Engine) -> DrawnTrial:
        """For a question."""
        scenario = question.world
        values = {one.key: as_written(scenario, one.key, float(one.quantile(0.5))) for one in question.priors}
        medians = scenario.replace(values, quietly=True)
        return cls(scenario, lower(medians), UnitCosts.of(medians), question.trial, engine)

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The rows of replicate `number`: one for each scoring, drawn and at the medians."""
        values = {
            one.key: as_written(self.scenario, one.key, one.draw(self.trial.seed, number))
            for one in self.trial.priors
        }
        drawn = self.scenario.replace(values, quietly=True)
        rows = self._scored(number, lower(drawn), UnitCosts.of(drawn), values, False)
        return rows + self._scored(number, self.medians, self.prices, dict.fromkeys(values, np.nan), True)

    def _scored(
        self, number: int, lowered: Lowered, prices: UnitCosts, values: Mapping[str, Any], at_medians: bool
    ) -> list[dict[str, Any]]:
        journeys = self._simulated(lowered, number)
        drawn = {f"drawn.{key}": float(value) for key, value in values.items()}
        rows = []
        for scoring in range(self.trial.scorings):
            scored = journeys.scored(lowered.outcomes, scoring)
            row = analysed(scored, self.trial.primary, self.trial.alpha, prices)
            rows.append({"replicate": number, "scoring": scoring, _MEDIANS: at_medians} | drawn | row)
        return rows

    def _simulated(self, lowered: Lowered, number: int) -> Journeys:
        events = needs_events(self.trial.analyses)
        return simulate(lowered, self.trial.seed, number, self.engine, events=events)


@dataclass(frozen=True)
class AssuranceFound(Found):
    """What was found.

    Attributes
    ----------
    question : AssuranceQuestion
        With as many replicates as were finished.
    assurance : Estimate
        Share of trials with p below alpha, averaged over the priors, with its Monte Carlo standard error.
    interval : tuple of float
        Its 95 % interval.
    favourable : Estimate
        Share with p below alpha and an estimate in the direction that is better for children (NaN where neither is).
    at_medians : Estimate
        Share with p below alpha where every parameter is at its prior's median.
    trials : pandas.DataFrame
        One row for each trial and scoring: replicate, scoring, the values drawn (``drawn.KEY``), and the fit.
    failed : int
        Fits without a result, which no share counts.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: AssuranceQuestion
    assurance: Estimate
    interval: tuple[float, float]
    favourable: Estimate
    at_medians: Estimate
    trials: pd.DataFrame
    failed: int
    interrupted: bool = False

    @property
    def priors(self) -> tuple[Prior, ...]:
        """What is believed."""
        return self.question.priors

    def by_value(self, key: str, bins: int = _BINS) -> pd.DataFrame:
        """Power along one parameter, over all that is believed of the others.

        Parameters
        ----------
        key : str
        bins : int
            Of equally many trials; fewer where there are not so many.

        Returns
        -------
        pandas.DataFrame
            One row for each bin: value (mean), power, mcse, trials.
        """
        drawn = self.trials[f"drawn.{key}"]
        bins = min(bins, len(drawn))
        part = pd.qcut(drawn.rank(method="first"), bins, labels=False)
        found = (self.trials["p"] < self.question.trial.alpha).astype(float)
        rows = []
        for one in range(bins):
            mine = (part == one) & self.trials["converged"]
            rows.append(
                {
                    "value": float(drawn[mine].mean()),
                    "power": float(found[mine].mean()),
                    "mcse": error_over_trials(found[mine], self.trials.loc[mine, "replicate"]),
                    "trials": int(self.trials.loc[mine, "replicate"].nunique()),
                }
            )
        return pd.DataFrame(rows)

    @property
    def summary(self) -> pd.DataFrame:
        """Every share.

        Returns
        -------
        pandas.DataFrame
            quantity, value, mcse, low, high (95 % interval, NaN where none is told).
        """
        question, (low, high) = self.question, self.interval
        rows = [
            (question.averaged, *self.assurance, low, high),
            ("in the direction that is better for children", *self.favourable, np.nan, np.nan),
            (f"{question.share_found} at the medians", *self.at_medians, np.nan, np.nan),
            ("fits without a result", self.failed, np.nan, np.nan, np.nan),
        ]
        return pd.DataFrame(rows, columns=["quantity", "value", "mcse", "low", "high"])

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """The average, beside the power at the medians, and what it is of."""
        from best_sim.questions.assurance.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every share, the power along each parameter, and a row for each trial and scoring."""
        along = {table_along(prior.key): self.by_value(prior.key) for prior in self.priors}
        return {"summary": self.summary, **along, "trials.parquet": self.trials}

    def figures(self) -> Mapping[str, Figure]:
        """The power along each parameter, and what is believed of it."""
        from best_sim.questions.assurance.figures import assurance_figure

        return {table_along(prior.key): assurance_figure(self, prior.key) for prior in self.priors}

    def shown(self) -> list[Shown]:
        """Every share."""
        from best_sim.questions.assurance.show import shares_shown

        return [shares_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """The average, and the power at the medians."""
        return {
            "design": self.question.design, self.question.averaged: self.assurance.value,
            "interval": list(self.interval), "at_medians": self.at_medians.value, "fits_failed": self.failed,
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.assurance.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, what is believed, and the power along each parameter."""
        from best_sim.questions.assurance.show import chapters_of

        return chapters_of(self)


def assurance_found(question: AssuranceQuestion, keep: Keep, done: int) -> AssuranceFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : AssuranceQuestion
        With as many replicates as count.
    keep : Keep
    done : int
        Replicates that count.

    Returns
    -------
    AssuranceFound
    """
    both = whole_table(keep, done).to_pandas()
    rows, medians = (
        both[both[_MEDIANS] == which].drop(columns=_MEDIANS).reset_index(drop=True) for which in (False, True)
    )
    trial = question.trial
    of_drawn, of_medians = _of(rows, trial.alpha), _of(medians, trial.alpha)
    fits = rows[rows["converged"]]
    found = (fits["p"] < trial.alpha).to_numpy(float)
    better = OUTCOMES[trial.primary.outcome].better
    good = found * (np.sign(fits["estimate"]) == better) if better else np.full(len(found), np.nan)
    return AssuranceFound(
        question=question,
        assurance=of_drawn.rejected,
        interval=of_drawn.rejected_interval,
        favourable=Estimate(float(np.mean(good)), error_over_trials(good, fits["replicate"])),
        at_medians=of_medians.rejected,
        trials=rows,
        failed=of_drawn.failed + of_medians.failed,
    )


def _of(rows: pd.DataFrame, alpha: float) -> Performance:
    fits = (rows[name] for name in ("estimate", "standard_error", "p", "low", "high", "converged"))
    return performance(*fits, trial=rows["replicate"], alpha=alpha)


def table_along(key: str) -> str:
    """Name of the table and of the picture of one parameter."""
    return f"by-{key.replace('.', '-')}"
