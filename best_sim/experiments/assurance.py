"""Assurance: power averaged over what is believed of the parameters; and fragility: what each assumption does to it.

Power holds at one value of each parameter, none of which is known. Assurance (O'Hagan, Stevens and Campbell 2005) draws
them anew for each simulated trial, from what is believed of them. Fragility moves one at a time between its ends, with
the same luck, and shows by how much the power moves.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.measures.costs import UnitCosts
from best_sim.pathway import simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.pathway.scores import OutcomeModel
from best_sim.questions.power.ask import PowerQuestion, changes_scores_alone
from best_sim.questions.power.priors import Prior, Varied, as_written, check_against
from best_sim.questions.power.replicate import analysed, needs_events
from best_sim.replications import Keep, Memory, Plan, run, whole_from_start, whole_table, working
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.trial.closed_forms import exact_bounds
from best_sim.trial.outcomes import OUTCOMES
from best_sim.trial.performance import Estimate, error_over_trials


# --- assurance ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Draw:
    """One trial with parameters of its own."""

    scenario: Scenario
    experiment: PowerQuestion
    priors: tuple[Prior, ...]
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        seed = self.experiment.seed
        values = {one.key: as_written(self.scenario, one.key, one.draw(seed, number)) for one in self.priors}
        scenario = self.scenario.replace(values)
        lowered, prices = lower(scenario), UnitCosts.of(scenario)
        events = needs_events(self.experiment.analyses)
        journeys = simulate(lowered, seed, number, self.engine, events=events)
        drawn = {f"drawn.{key}": float(value) for key, value in values.items()}
        rows = []
        for scoring in range(self.experiment.scorings):
            scored = journeys.scored(lowered.outcomes, scoring)
            row = analysed(scored, self.experiment.primary, self.experiment.alpha, prices)
            rows.append({"replicate": number, "scoring": scoring} | drawn | row)
        return rows


@dataclass(frozen=True)
class Assurance:
    """What was found.

    Attributes
    ----------
    experiment : PowerQuestion
        With one design.
    priors : tuple of Prior
    assurance : Estimate
        Share of trials with p below alpha, averaged over the priors, with its Monte Carlo standard error.
    interval : tuple of float
        Its 95 % interval.
    favourable : Estimate
        Share with p below alpha and an estimate in the direction that is better for children (NaN where neither is).
    at_means : Estimate
        Power with every parameter at its prior's median, for comparison.
    rows : pandas.DataFrame
        One for each trial and scoring: replicate, scoring, the values drawn (``drawn.KEY``), and the fit.
    """

    experiment: PowerQuestion
    priors: tuple[Prior, ...]
    assurance: Estimate
    interval: tuple[float, float]
    favourable: Estimate
    at_means: Estimate
    rows: pd.DataFrame

    def by_value(self, key: str, bins: int = 8) -> pd.DataFrame:
        """Power along one parameter, over all that is believed of the others.

        Parameters
        ----------
        key : str
        bins : int
            Of equally many trials.

        Returns
        -------
        pandas.DataFrame
            One row for each bin: value (mean), power, mcse, trials.
        """
        drawn = self.rows[f"drawn.{key}"]
        part = pd.qcut(drawn.rank(method="first"), bins, labels=False)
        found = (self.rows["p"] < self.experiment.alpha).astype(float)
        rows = []
        for one in range(bins):
            mine = (part == one) & self.rows["converged"]
            rows.append(
                {
                    "value": float(drawn[mine].mean()),
                    "power": float(found[mine].mean()),
                    "mcse": error_over_trials(found[mine], self.rows.loc[mine, "replicate"]),
                    "trials": int(self.rows.loc[mine, "replicate"].nunique()),
                }
            )
        return pd.DataFrame(rows)


def run_assurance(
    experiment: PowerQuestion,
    design: str | None = None,
    *,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> Assurance:
    """Average the power of one design over the experiment's priors.

    Parameters
    ----------
    experiment : PowerQuestion
        With `priors`.
    design : str, optional
        Name; by default the first. Its effect holds unless a prior draws it.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : Keep, optional
        Where finished replicates are kept.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    Assurance

    Raises
    ------
    ScenarioError
        If there are no priors, or one of them is of a parameter that is not there or can't have its values.
    """
    one = experiment.with_design(design)
    if not one.priors:
        raise ScenarioError(
            [Problem(file=one.name, key="prior", message="nothing is uncertain", allowed="[[prior]] tables")]
        )
    scenario = one.scenario_of(one.designs[0])
    check_against(scenario, one.name, one.priors)
    keep = Memory() if keep is None else keep
    with working(engine, executor) as own:
        run(Plan(_Draw(scenario, one, one.priors, engine), one.replicates), own, keep=keep, progress=progress)
        known = scenario.replace(
            {p.key: as_written(scenario, p.key, float(p.quantile(0.5))) for p in one.priors}
        )
        medians = _power(known, one, engine, own)
    done = whole_from_start(keep)
    if done < 2:
        raise KeyboardInterrupt
    rows = whole_table(keep, min(done, one.replicates)).to_pandas()
    fits = rows[rows["converged"]]
    found = (fits["p"] < one.alpha).to_numpy(float)
    assurance = _share(found, fits["replicate"])
    worth = assurance.value * (1 - assurance.value) / assurance.mcse**2 if assurance.mcse > 0 else len(found)
    worth = max(1, int(min(worth, len(found))))
    better = OUTCOMES[one.primary.outcome].better
    good = found * (np.sign(fits["estimate"]) == better) if better else np.full(len(found), np.nan)
    return Assurance(
        experiment=one.replaced(replicates=done),
        priors=one.priors,
        assurance=assurance,
        interval=exact_bounds(round(assurance.value * worth), worth),
        favourable=_share(np.asarray(good, float), fits["replicate"]),
        at_means=medians,
        rows=rows,
    )


# --- fragility ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Fragility:
    """What was found.

    Attributes
    ----------
    experiment : PowerQuestion
        With one design.
    base : Estimate
        Power with nothing changed.
    table : pandas.DataFrame
        One row for each parameter, the one that matters most first: key, low, high (values), power_low, power_high,
        change_low, change_high (from the base), and their Monte Carlo standard errors mcse_low, mcse_high (of the
        changes, which are paired: each trial meets the same luck), note.
    """

    experiment: PowerQuestion
    base: Estimate
    table: pd.DataFrame


def run_fragility(
    experiment: PowerQuestion,
    design: str | None = None,
    *,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    progress: Callable[[int], object] | None = None,
) -> Fragility:
    """Move one assumption at a time between its ends.

    Parameters
    ----------
    experiment : PowerQuestion
        With `varied`.
    design, engine, executor
        As `run_assurance` takes them.
    progress : callable, optional
        Called with the number of settings done, the base among them.

    Returns
    -------
    Fragility

    Raises
    ------
    ScenarioError
        If nothing varies, or a parameter is not there or can't have its values.
    """
    one = experiment.with_design(design)
    if not one.varied:
        raise ScenarioError(
            [Problem(file=one.name, key="vary", message="nothing is varied", allowed="[[vary]] tables")]
        )
    scenario = one.scenario_of(one.designs[0])
    check_against(scenario, one.name, one.varied)
    # what changes scores alone shares the trials of the base
    with_base = [v for v in one.varied if changes_scores_alone(v.key)]
    alone = [v for v in one.varied if not changes_scores_alone(v.key)]

    def ends(v: Varied) -> list[Scenario]:
        return [scenario.replace({v.key: as_written(scenario, v.key, end)}) for end in (v.low, v.high)]

    groups = [
        [scenario, *(end for v in with_base for end in ends(v))],
        *([end] for v in alone for end in ends(v)),
    ]
    with working(engine, executor) as own:
        found: list[pd.DataFrame] = []
        for group in groups:
            found += _found(group, one, engine, own)
            if progress is not None:
                progress(len(found))
    base = found[0]
    rows = []
    for i, v in enumerate([*with_base, *alone]):
        row: dict[str, Any] = {"key": v.key, "low": v.low, "high": v.high, "note": v.note}
        for end, got in (("low", found[1 + 2 * i]), ("high", found[2 + 2 * i])):
            both = base.join(got, lsuffix="_base", rsuffix="_here", how="inner")
            change = (both["found_here"] - both["found_base"]).to_numpy(float)
            row[f"power_{end}"] = float(got["found"].mean())
            row[f"change_{end}"] = float(change.mean())
            row[f"mcse_{end}"] = error_over_trials(change, both.index.get_level_values("replicate"))
        rows.append(row)
    table = pd.DataFrame(rows)
    table = table.loc[
        table[["change_low", "change_high"]].abs().max(axis=1).sort_values(ascending=False).index
    ]
    share = _share(base["found"].to_numpy(float), base.index.get_level_values("replicate"))
    return Fragility(one, share, table.reset_index(drop=True))


# --- both ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Scored:
    """One trial, scored, priced and analysed under several assumptions about outcomes and costs."""

    lowered: Lowered
    outcomes: tuple[OutcomeModel, ...]
    prices: tuple[UnitCosts, ...]
    experiment: PowerQuestion
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        events = needs_events(self.experiment.analyses)
        journeys = simulate(self.lowered, self.experiment.seed, number, self.engine, events=events)
        rows = []
        for setting, (model, prices) in enumerate(zip(self.outcomes, self.prices, strict=True)):
            for scoring in range(self.experiment.scorings):
                scored = journeys.scored(model, scoring)
                row = analysed(scored, self.experiment.primary, self.experiment.alpha, prices)
                about = {"setting": setting, "replicate": number, "scoring": scoring}
                rows.append(about | {"p": row["p"], "converged": row["converged"]})
        return rows


def _found(
    scenarios: list[Scenario], one: PowerQuestion, engine: Engine, executor: Executor | None
) -> list[pd.DataFrame]:
    """For scenarios that differ in scores and prices alone, which trials and scorings find an effect."""
    lowered = [lower(scenario) for scenario in scenarios]
    work = _Scored(
        lowered[0], tuple(each.outcomes for each in lowered), tuple(map(UnitCosts.of, scenarios)), one, engine
    )
    keep = Memory()
    if not run(Plan(work, one.replicates), executor, keep=keep):
        raise KeyboardInterrupt
    rows = whole_table(keep, one.replicates).to_pandas()
    rows = rows[rows["converged"]]
    rows["found"] = (rows["p"] < one.alpha).astype(float)
    return [
        rows[rows["setting"] == k].set_index(["replicate", "scoring"])[["found"]]
        for k in range(len(scenarios))
    ]


def _power(scenario: Scenario, one: PowerQuestion, engine: Engine, executor: Executor | None) -> Estimate:
    (got,) = _found([scenario], one, engine, executor)
    return _share(got["found"].to_numpy(float), got.index.get_level_values("replicate"))


def _share(found: np.ndarray, trial: Any) -> Estimate:
    return Estimate(float(found.mean()), error_over_trials(found, trial))
