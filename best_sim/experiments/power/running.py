"""Running a power experiment, and what comes out of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from best_sim.experiments.power.experiment import PowerExperiment
from best_sim.experiments.power.replicate import Replicate
from best_sim.experiments.power.summary import curve_of, flow_of, power_table, rows_of, summary_of, when_of
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import lower
from best_sim.replications import Keep, Memory, Plan, run, whole_from_start, working
from best_sim.scenario import Scenario
from best_sim.trial.consort import Pair

_PICTURED = 24
"""Replicates whose journeys are kept for pictures of what happens to the children."""


@dataclass(frozen=True)
class PowerResult:
    """What came out.

    Attributes
    ----------
    experiment : PowerExperiment
        With as many replicates as were finished, where the run was interrupted.
    scenario : Scenario
        Without a design's effect.
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

    experiment: PowerExperiment
    scenario: Scenario
    replicates: pd.DataFrame
    power: pd.DataFrame
    summary: pd.DataFrame
    curve: pd.DataFrame
    when: tuple[dt.date | None, dt.date | None, dt.date | None]
    flow: dict[str, Pair]
    sample: list[Journeys]
    interrupted: bool = False

    @property
    def primary(self) -> pd.DataFrame:
        """The rows of `power` of the primary analysis: one for each design."""
        return self.power[self.power["analysis"] == self.experiment.primary.name].reset_index(drop=True)


def run_power(
    experiment: PowerExperiment,
    *,
    engine: Literal["compiled", "simpy"] = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    chunk: int | None = None,
    progress: Callable[[int], object] | None = None,
    stopping: Callable[[], object] | None = None,
) -> PowerResult:
    """Run a power experiment.

    Parameters
    ----------
    experiment : PowerExperiment
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : best_sim.replications.Store or Memory, optional
        Where finished replicates are kept. Those that are there already are not run again.
    chunk : int, optional
        Replicates given to a worker, and kept, at a time; it changes no result.
    progress : callable, optional
        Called with the number of replicates done.
    stopping : callable, optional
        Called when an interrupt has come, and what is under way is being finished.

    Returns
    -------
    PowerResult
        Of the replicates that were finished, where the run is interrupted (Ctrl-C).

    Raises
    ------
    ScenarioError
        If the scenario or a design can't be used; before anything is simulated.
    KeyboardInterrupt
        If the run is interrupted before two replicates are finished.
    """
    plan = power_plan(experiment, engine, chunk)
    keep = Memory() if keep is None else keep
    with working(engine, executor) as own:
        whole = run(plan, own, keep=keep, progress=progress, stopping=stopping)
    if not whole and whole_from_start(keep) < 2:
        raise KeyboardInterrupt
    return power_result(experiment, keep, engine)


def power_plan(
    experiment: PowerExperiment, engine: Literal["compiled", "simpy"] = "compiled", chunk: int | None = None
) -> Plan:
    """The replicates of an experiment, ready to be run anywhere.

    Parameters
    ----------
    experiment : PowerExperiment
    engine : {"compiled", "simpy"}
    chunk : int, optional
        Replicates given to a worker at a time: by default what takes about a second, or more where there are so many
        replicates that chunks would be too many.

    Returns
    -------
    best_sim.replications.Plan

    Raises
    ------
    ScenarioError
        If the scenario or a design can't be used.
    """
    work = Replicate.of(experiment, engine)
    usual = min(500, max(20, experiment.replicates // 1000)) if engine == "compiled" else 2
    return Plan(work, experiment.replicates, chunk or usual)


def power_result(
    experiment: PowerExperiment, keep: Keep, engine: Literal["compiled", "simpy"] = "compiled"
) -> PowerResult:
    """What the finished replicates of an experiment say.

    Parameters
    ----------
    experiment : PowerExperiment
    keep : best_sim.replications.Store or Memory
        With its finished replicates; those that come after a missing one are left out.
    engine : {"compiled", "simpy"}
        For the few replicates whose journeys are drawn.

    Returns
    -------
    PowerResult
    """
    done = min(whole_from_start(keep), experiment.replicates)
    interrupted = done < experiment.replicates
    experiment = replace(experiment, replicates=done)
    scenarios = [experiment.scenario_of(design) for design in experiment.designs]
    got = rows_of(keep, done)
    power = power_table(experiment, got, scenarios)
    first = got[(got["design"] == experiment.designs[0].name) & (got["analysis"] == experiment.primary.name)]
    lowered = lower(scenarios[0])
    sample = [simulate(lowered, experiment.seed, k, engine) for k in range(min(_PICTURED, done))]
    return PowerResult(
        experiment=experiment,
        scenario=Scenario.load(experiment.scenario, experiment.overrides),
        replicates=got,
        power=power,
        summary=summary_of(experiment, got, power),
        curve=curve_of(keep, done, experiment.designs[0].name, lowered.start_date),
        when=when_of(first, lowered.start_date),
        flow=flow_of(first),
        sample=sample,
        interrupted=interrupted,
    )


def power_summary(experiment: PowerExperiment, keep: Keep) -> pd.DataFrame:
    """The summary of what is finished, without anything else of the result; as `PowerResult.summary`."""
    got = rows_of(keep, min(whole_from_start(keep), experiment.replicates))
    scenarios = [experiment.scenario_of(design) for design in experiment.designs]
    return summary_of(experiment, got, power_table(experiment, got, scenarios))


def least_certain(summary: pd.DataFrame, quantity: str) -> float:
    """The largest Monte Carlo standard error of a quantity, over designs.

    Parameters
    ----------
    summary : pandas.DataFrame
        As `PowerResult.summary`.
    quantity : str

    Returns
    -------
    float
        `inf` where an error can't be told yet: where it is missing, or zero because all replicates agreed so far.

    Raises
    ------
    KeyError
        If the summary has no such quantity, or none with a Monte Carlo error.
    """
    mine = summary.loc[summary["quantity"] == quantity, "mcse"]
    if mine.empty or quantity not in quantities_with_errors(summary):
        raise KeyError(quantity)
    errors = mine.to_numpy(float)
    return float(np.where(np.isfinite(errors) & (errors > 0), errors, np.inf).max())


def quantities_with_errors(summary: pd.DataFrame) -> list[str]:
    """Names of the quantities of a summary that have a Monte Carlo standard error."""
    return list(dict.fromkeys(summary.loc[summary["mcse"].notna(), "quantity"]))
