"""What comes out of a power experiment."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import lower
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.summary import curve_of, pathway_rows, power_table, rows_of, summary_of
from best_sim.questions.target_times import TargetTimes
from best_sim.replications import Keep
from best_sim.scenario import Scenario
from best_sim.trial.consort import Pair, mean_flow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PICTURED = 24
"""Replicates whose journeys are kept for pictures of what happens to the children."""


@dataclass(frozen=True)
class PowerFound(Found):
    """What came out.

    Attributes
    ----------
    question : PowerQuestion
        With as many replicates as were finished, where the run was interrupted.
    replicates : pandas.DataFrame
        One row for each replicate, design and analysis. Columns that do not depend on scores are empty in the rows of
        other analyses, and of designs with the pathway of an earlier one.
    power : pandas.DataFrame
        One row for each design and analysis: design, analysis, outcome, method, effect (of the design, on the outcome
        of the first analysis), applies_to, power, mcse, low, high, closed_form, replicates, failed, note, and what the
        closed form took and gives beside: closed_form_effect (by intention to treat), closed_form_se,
        closed_form_at_estimate; then the true effect of allocation, truth, and the bias of the analysis with its Monte
        Carlo standard error, bias and bias_mcse (NaN where the truth is not known).
    summary : pandas.DataFrame
        Tidy: design, analysis (empty where it is of none), quantity, value, mcse, low, high, unit, note.
    curve : pandas.DataFrame
        Families randomised by the end of each month: date, low90, low50, median, high50, high90.
    when : tuple
        Date on which the target is reached: early end of the 90 % interval, median, late end; None where not reached.
        Curve, dates, flow and sample are of the first design.
    flow : dict
        Mean CONSORT flow.
    sample : list of Journeys
        The first replicates, for pictures of what happens to the children.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: PowerQuestion
    replicates: pd.DataFrame
    power: pd.DataFrame
    summary: pd.DataFrame
    curve: pd.DataFrame
    when: tuple[dt.date | None, dt.date | None, dt.date | None]
    flow: dict[str, Pair]
    sample: list[Journeys]
    interrupted: bool = False

    @property
    def scenario(self) -> Scenario:
        """Without a design's effect."""
        return self.question.world

    @property
    def primary(self) -> pd.DataFrame:
        """The rows of `power` of the primary analysis: one for each design."""
        return self.power[self.power["analysis"] == self.question.primary.name].reset_index(drop=True)

    @cached_property
    def living(self) -> pd.DataFrame:
        """Where the children live by month since they entered care, by arm, in the sample."""
        from best_sim.questions.pictures.care import living_by_month

        return living_by_month(self.sample)

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """A sentence for each design, and one on recruitment."""
        from best_sim.questions.power.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Summary, recruitment curve, flow, and a row for each replicate, design and analysis."""
        flow = pd.DataFrame.from_dict(self.flow, orient="index", columns=["families", "children"])
        return {
            "summary": self.summary, "power": self.power, "recruitment": self.curve,
            "consort": flow.rename_axis("box"), "replicates.parquet": self.replicates,
        }  # fmt: skip

    def figures(self) -> Mapping[str, Figure]:
        """Power, estimates, recruitment, the flow, and what happens to the children."""
        from best_sim.questions.power.show import figures_of

        return figures_of(self)

    def shown(self) -> list[Shown]:
        """Power by design."""
        from best_sim.questions.power.show import power_shown

        return [power_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """Power of each design by the primary analysis, and the month of the target."""
        early, median, late = (None if day is None else day.isoformat() for day in self.when)
        return {
            "power": dict(zip(self.primary["design"], self.primary["power"], strict=True)),
            "target_reached": {"low": early, "median": median, "high": late},
            "fits_failed": int(self.power["failed"].sum()),
        }

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.power.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, power, recruitment, the flow, the children, and how the study was made."""
        from best_sim.questions.power.show import chapters_of

        return chapters_of(self)


def power_found(question: PowerQuestion, keep: Keep, done: int, engine: Engine = "compiled") -> PowerFound:
    """What the finished replicates of a power experiment say.

    Parameters
    ----------
    question : PowerQuestion
        With as many replicates as count.
    keep : Keep
        With its finished replicates.
    done : int
        Replicates that count; later ones are left out.
    engine : {"compiled", "simpy"}
        For the few replicates whose journeys are drawn.

    Returns
    -------
    PowerFound
    """
    scenarios = [question.scenario_of(design) for design in question.designs]
    got = rows_of(keep, done)
    power = power_table(question, got, scenarios)
    first = pathway_rows(question, got)
    first = first[first["design"] == question.designs[0].name]
    lowered = lower(scenarios[0])
    times = TargetTimes(
        lowered.start_date, scenarios[0].trial.target_families,
        first["target_days"].fillna(math.inf).to_numpy(float),
    )  # fmt: skip
    return PowerFound(
        question=question,
        replicates=got,
        power=power,
        summary=summary_of(question, got, power),
        curve=curve_of(keep, done, question.designs[0].name, lowered.start_date),
        when=(times.date(0.05), times.date(0.5), times.date(0.95)),
        flow=mean_flow(first),
        sample=[simulate(lowered, question.seed, k, engine) for k in range(min(_PICTURED, done))],
    )


def power_summary(question: PowerQuestion, keep: Keep, done: int) -> pd.DataFrame:
    """The summary of the first `done` replicates, without anything else; as `PowerFound.summary`."""
    got = rows_of(keep, done)
    scenarios = [question.scenario_of(design) for design in question.designs]
    return summary_of(question, got, power_table(question, got, scenarios))
