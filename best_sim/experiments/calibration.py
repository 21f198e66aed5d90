"""Calibration: parameters that nobody measured, fitted so that a simulated run gives the figures that somebody did.

Each candidate is simulated with the same seeds. Luck is by address, so the same children meet the same luck whatever
the parameters are, and figures change smoothly enough with them for least squares with finite differences. What comes
out is judged with replicates that took no part in the fit.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.experiments.calibration_asked import (
    CalibrationExperiment,
    Parameter,
    Target,
    figures_for,
    leaf_of,
    measures,
    unit_of,
    words_of_time,
)
from best_sim.experiments.fitting import (
    COLLINEAR,
    SPREAD_OF_RANGE,
    Direction,
    Fit,
    Simulated,
    collinearity,
    directions,
    fit,
)
from best_sim.pathway import simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Memory, Plan, run, whole_table, working
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.scenario.layers import BY_SET
from best_sim.scenario.writing import toml_document

__all__ = [
    "Calibration",
    "CalibrationExperiment",
    "Parameter",
    "Target",
    "measures",
    "run_calibration",
    "words_of",
]


_DIGITS = 4
_LOADED = 0.3


# --- what was found -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Calibration:
    """What was found.

    Attributes
    ----------
    experiment : CalibrationExperiment
    parameters : pandas.DataFrame
        One row for each: parameter, keys, unit, start, fitted, low, high (95 % interval), least, most (its range),
        at_bound, learned (share of the range's variance that the targets took away: 0 where they tell nothing of it),
        note.
    targets : pandas.DataFrame
        One row for each: target, figure (in words), unit, published, error (its standard error), before, after
        (simulated, with replicates that took no part in the fit), mcse_before, mcse (of `after`), distance_before,
        distance (from the published, in standard errors of both), source.
    carried : pandas.DataFrame
        What each parameter does: one row for each parameter and target: parameter, target, before, alone (with this
        one parameter as fitted, the others as they were), mcse_alone (of alone less before), after, without (with this
        one as it was, the others as fitted), mcse_without (of after less without). Errors are over common luck.
    directions : pandas.DataFrame
        What the targets tell apart: one row for each principal direction: singular_value, spread (what is left along
        it, as a share of the range), told (whether that is less than the range itself leaves), along (the parameters
        that it is made of).
    collinear : pandas.DataFrame
        Sets of parameters that can make up for each other: parameters, index (`fitting.collinearity`, from 10 up).
    slopes : pandas.DataFrame
        Change of each target (rows) over the whole range of each parameter (columns), at the fitted values.
    fit : Fit
    converged : bool
    misfit : float
        p of the test that the model can meet the targets; where it is small, intervals are too narrow.
    simulated : int
        Simulated runs, all told.
    scenario : Scenario
        With the fitted values.
    """

    experiment: CalibrationExperiment
    parameters: pd.DataFrame
    targets: pd.DataFrame
    carried: pd.DataFrame
    directions: pd.DataFrame
    collinear: pd.DataFrame
    slopes: pd.DataFrame
    fit: Fit
    converged: bool
    misfit: float
    simulated: int
    scenario: Scenario

    def as_toml(self) -> str:
        """A scenario file that extends the one that was calibrated with the fitted values."""
        one = self.experiment
        entries = self.scenario.provenance
        meant = ", ".join(dict.fromkeys(f"{t.said[0]} {t.value:g} {t.said[1]}" for t in one.targets))
        said: dict[str, list[str]] = {}
        for row, parameter in zip(self.parameters.to_dict("records"), one.parameters, strict=True):
            for key in parameter.keys:
                leaf, part = leaf_of(entries, key)
                about = f"{part} " if part else ""
                about += "times " if parameter.change == "factor" else ""
                about += f"{row['fitted']:g} (95 % interval {row['low']:.3g} to {row['high']:.3g}"
                about += ", at the end of its range)" if row["at_bound"] else ")"
                if parameter.since or parameter.until:
                    about += f" {words_of_time(parameter)}"
                said.setdefault(leaf, []).append(about)
        leaves: list[tuple[tuple[str, ...], dict[str, Any]]] = []
        for leaf, entry in entries.items():
            if leaf in said:
                source = f"fitted in {one.name} ({one.title}) to {meant}: {'; '.join(said[leaf])}"
                status = "calibrated"
            elif entry.file == BY_SET:
                source, status = f"set in {one.name}, before the fit", "assumption"
            else:
                continue
            table = {"value": entry.value, "unit": entry.unit, "status": status, "source": source}
            leaves.append((tuple(leaf.split(".")), table))
        head = {"extends": _extended(one.scenario), "title": f"{self.scenario.title}; {one.title}"}
        words = (
            f"# {words_of(self)}\n"
            if self.converged
            else "# The search did not converge: do not rely on this.\n"
        )
        return words + toml_document(head, leaves)


def run_calibration(
    experiment: CalibrationExperiment,
    *,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    step: float = 0.08,
    most: int = 12,
    progress: Callable[[int, float], object] | None = None,
) -> Calibration:
    """Fit the experiment's parameters to its targets.

    Parameters
    ----------
    experiment : CalibrationExperiment
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    step : float
        Of the finite differences, as a share of each parameter's range.
    most : int
        Steps after which the search ends.
    progress : callable, optional
        Called now and then with the number of simulated runs so far and the least sum of squares (squared standard
        errors, over the targets); NaN before there is one.

    Returns
    -------
    Calibration

    Raises
    ------
    ScenarioError
        If a value within the range of a parameter is not allowed, or nobody is there to count for a target.

    Notes
    -----
    Least squares (`best_sim.experiments.fitting.fit`) over common luck. The fitted values are rounded to four digits
    before they are judged, so that the file that `Calibration.as_toml` writes gives what the table says.
    """
    with working(engine, executor) as own:
        runs = _Runs(experiment, engine, own, progress)
        n = experiment.replicates
        begin = experiment.start()
        at_start = np.array([p.share(v) for p, v in zip(experiment.parameters, begin, strict=True)])
        found = fit(
            runs.simulated, at_start, *_given(experiment), step=step, most=most, seed=experiment.seed,
            told=runs.least,
        )  # fmt: skip
        fitted = np.array(
            [_rounded(float(p.at(x))) for p, x in zip(experiment.parameters, found.x, strict=True)]
        )
        each = np.eye(len(fitted), dtype=bool)
        alone, without = np.where(each, fitted, begin), np.where(each, begin, fitted)
        before, after, *others = runs.rows(np.concatenate([[begin, fitted], alone, without]), first=n)
    return Calibration(
        experiment=experiment,
        parameters=_parameter_table(experiment, begin, fitted, found),
        targets=_target_table(experiment, before, after),
        carried=_carried(experiment, before, after, others),
        directions=_direction_table(experiment, directions(found.whitened)),
        collinear=_collinear(experiment, found.whitened),
        slopes=pd.DataFrame(
            found.jacobian,
            index=[t.name for t in experiment.targets],
            columns=[p.name for p in experiment.parameters],
        ),
        fit=found,
        converged=found.converged,
        misfit=found.misfit,
        simulated=runs.done,
        scenario=experiment.scenario_at(fitted),
    )


def words_of(found: Calibration) -> str:
    """What was found, in words."""
    t, p = found.targets, found.parameters
    far = t[t["distance"].abs() > 2]
    said = (
        f"{len(p)} parameter{'s' * (len(p) != 1)} fitted to {len(t)} figure{'s' * (len(t) != 1)} in "
        f"{found.simulated:,} simulated runs; sum of squares {found.fit.chi_square:.1f} with {found.fit.freedom} "
        "degrees of freedom"
    )
    said += f" (p = {found.misfit:.2g})." if np.isfinite(found.misfit) else "."
    if len(far):
        said += f" More than two standard errors off: {', '.join(far['target'])}."
    if p["at_bound"].any():
        said += f" At the end of the range: {', '.join(p.loc[p['at_bound'], 'parameter'])}."
    if len(found.collinear):
        said += f" Hardly told apart: {'; '.join(found.collinear['parameters'])}."
    vague = p[p["learned"] < 0.5]
    if len(vague):
        said += f" The figures say little of {', '.join(vague['parameter'])}."
    if not found.converged:
        said += " The search ended before it converged."
    return said


# --- simulating ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Replicate:
    """One run of one candidate: candidates follow each other, each with all its replicates."""

    lowered: tuple[Lowered, ...]
    scenarios: tuple[Scenario, ...]
    targets: tuple[Target, ...]
    seed: int
    replicates: int
    first: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        candidate, k = divmod(number, self.replicates)
        journeys = simulate(self.lowered[candidate], self.seed, self.first + k, self.engine)
        figures = figures_for(journeys, self.scenarios[candidate], self.targets)
        return [{"candidate": candidate, "replicate": k} | {str(i): v for i, v in enumerate(figures)}]


class _Runs:
    """Simulates candidates, all with the same luck."""

    def __init__(
        self,
        experiment: CalibrationExperiment,
        engine: Engine,
        executor: Executor | None,
        progress: Callable[[int, float], object] | None,
    ) -> None:
        self.experiment, self.engine, self.executor, self.progress = experiment, engine, executor, progress
        self.done, self.best = 0, math.nan

    def least(self, evaluations: int, sum_of_squares: float) -> None:
        self.best = sum_of_squares
        if self.progress is not None:
            self.progress(self.done, self.best)

    def rows(self, values: np.ndarray, first: int) -> list[np.ndarray]:
        """Figures of every replicate, shape (replicates, targets), of each row of values."""
        one = self.experiment
        scenarios = tuple(one.scenario_at(row) for row in values)
        work = _Replicate(
            tuple(lower(s) for s in scenarios), scenarios, one.targets, one.seed, one.replicates, first,
            self.engine,
        )  # fmt: skip
        keep, before = Memory(), self.done

        def tell(done: int) -> None:
            if self.progress is not None:
                self.progress(before + done, self.best)

        n = one.replicates * len(values)
        if not run(Plan(work, n, chunk=10), self.executor, keep=keep, progress=tell):
            raise KeyboardInterrupt
        self.done += n
        table = whole_table(keep, n).to_pandas()
        figures = table[[str(i) for i in range(len(one.targets))]].to_numpy(float)
        return list(figures.reshape(len(values), one.replicates, len(one.targets)))

    def simulated(self, points: np.ndarray) -> list[Simulated]:
        """Means, and their covariance, at points of the unit cube."""
        parameters = self.experiment.parameters
        values = np.array([[float(p.at(x)) for p, x in zip(parameters, row, strict=True)] for row in points])
        got = []
        for figures in self.rows(values, first=0):
            empty = np.flatnonzero(np.isfinite(figures).sum(axis=0) < 2)
            if len(empty):
                raise ScenarioError(
                    [
                        Problem(
                            file=self.experiment.name, key="target", found=self.experiment.targets[i].name,
                            message="hardly any replicate has somebody to count for this figure",
                            allowed="a figure of the scenario's own years and courts, or more replicates",
                        )
                        for i in empty
                    ]
                )  # fmt: skip
            got.append(Simulated(np.nanmean(figures, axis=0), _covariance_of_means(figures)))
        return got


def _covariance_of_means(figures: np.ndarray) -> np.ndarray:
    """Of the means over replicates; a replicate in which nobody is counted for a figure has no say in its mean."""
    there = np.isfinite(figures)
    n = there.sum(axis=0)
    off = np.where(there, figures - np.nanmean(figures, axis=0), 0.0) / np.sqrt(n * (n - 1.0))
    return off.T @ off


def _given(one: CalibrationExperiment) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t.value for t in one.targets]), np.array([t.error for t in one.targets])


# --- the tables ---------------------------------------------------------------------------------------------
def _parameter_table(
    one: CalibrationExperiment, begin: np.ndarray, fitted: np.ndarray, found: Fit
) -> pd.DataFrame:
    entries = one.scenario_before().provenance
    low, high = found.interval()
    learned = np.clip(1.0 - found.draws.var(axis=0) / SPREAD_OF_RANGE**2, 0.0, 1.0)
    return pd.DataFrame(
        [
            {
                "parameter": p.name,
                "keys": ", ".join(p.keys),
                "unit": "ratio" if p.change == "factor" else unit_of(entries, p.keys[0]),
                "start": float(begin[i]),
                "fitted": float(fitted[i]),
                "low": min(float(p.at(low[i])), float(fitted[i])),
                "high": max(float(p.at(high[i])), float(fitted[i])),
                "least": p.low,
                "most": p.high,
                "at_bound": bool(found.at_bound[i]),
                "learned": float(learned[i]),
                "note": p.note,
            }
            for i, p in enumerate(one.parameters)
        ]
    )


def _target_table(one: CalibrationExperiment, before: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    means = [np.nanmean(rows, axis=0) for rows in (before, after)]
    errors = [np.sqrt(np.diag(_covariance_of_means(rows))) for rows in (before, after)]
    out = []
    for i, t in enumerate(one.targets):
        text, unit = t.said
        out.append(
            {
                "target": t.name,
                "figure": text,
                "unit": unit,
                "published": t.value,
                "error": t.error,
                "before": float(means[0][i]),
                "after": float(means[1][i]),
                "mcse_before": float(errors[0][i]),
                "mcse": float(errors[1][i]),
                "distance_before": float((means[0][i] - t.value) / math.hypot(t.error, errors[0][i])),
                "distance": float((means[1][i] - t.value) / math.hypot(t.error, errors[1][i])),
                "source": t.source,
            }
        )
    return pd.DataFrame(out)


def _carried(
    one: CalibrationExperiment, before: np.ndarray, after: np.ndarray, others: Sequence[np.ndarray]
) -> pd.DataFrame:
    n = len(one.parameters)
    out = []
    for p, alone, without in zip(one.parameters, others[:n], others[n:], strict=True):
        errors = [
            np.sqrt(np.diag(_covariance_of_means(change))) for change in (alone - before, after - without)
        ]
        means = [np.nanmean(rows, axis=0) for rows in (before, alone, after, without)]
        for i, t in enumerate(one.targets):
            out.append(
                {
                    "parameter": p.name,
                    "target": t.name,
                    "before": float(means[0][i]),
                    "alone": float(means[1][i]),
                    "mcse_alone": float(errors[0][i]),
                    "after": float(means[2][i]),
                    "without": float(means[3][i]),
                    "mcse_without": float(errors[1][i]),
                }
            )
    return pd.DataFrame(out)


def _direction_table(one: CalibrationExperiment, found: Sequence[Direction]) -> pd.DataFrame:
    names = [p.name for p in one.parameters]
    out = []
    for each in found:
        loaded = sorted(
            (i for i in range(len(names)) if abs(each.loadings[i]) >= _LOADED),
            key=lambda i: -abs(each.loadings[i]),
        )
        out.append(
            {
                "singular_value": each.singular_value,
                "spread": each.spread,
                "told": each.told,
                "along": ", ".join(f"{names[i]} ({each.loadings[i]:+.2f})" for i in loaded),
            }
        )
    return pd.DataFrame(out)


def _collinear(one: CalibrationExperiment, whitened: np.ndarray) -> pd.DataFrame:
    """The smallest sets, of two or three, whose index says that they can make up for each other."""
    n = len(one.parameters)
    sets: list[tuple[tuple[int, ...], float]] = []
    for size in (2, 3):
        for chosen in itertools.combinations(range(n), size):
            if any(set(smaller) <= set(chosen) for smaller, _ in sets):
                continue
            index = collinearity(whitened, chosen)
            if index >= COLLINEAR:
                sets.append((chosen, index))
    rows = [{"parameters": " and ".join(one.parameters[i].name for i in s), "index": v} for s, v in sets]
    return pd.DataFrame(rows, columns=["parameters", "index"])


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _extended(scenario: str) -> str:
    """How a file elsewhere names the scenario: shipped ones by name, others by their whole path."""
    path = Path(scenario)
    return str(path.resolve().with_suffix("")) if path.is_file() else scenario
