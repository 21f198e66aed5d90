"""Calibration: parameters that nobody measured, fitted so that a simulated run gives the figures that somebody did.

Each candidate is simulated with the same seeds. Luck is by address, so the same children meet the same luck whatever the
parameters are, and figures change smoothly enough with them for least squares with finite differences. What comes out
is judged with replicates that took no part in the fit.
"""

from __future__ import annotations

import datetime as dt
import difflib
import itertools
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from scipy import special

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
from best_sim.experiments.power import shipped_experiments
from best_sim.experiments.validation import (
    FIGURES,
    _adoption_figures,
    _cost_figures,
    _placement_figures,
    _score_figures,
    _trial_figures,
)
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Memory, Plan, run, whole_table, workers
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.scenario.layers import BY_SET
from best_sim.scenario.writing import toml_document

Engine = Literal["compiled", "simpy"]
Scale = Literal["linear", "log", "logit"]
Change = Literal["value", "factor"]

_KEYS = ("title", "question", "scenario", "replicates", "seed", "set", "parameter", "target")
_PARAMETER_KEYS = ("name", "key", "keys", "low", "high", "scale", "change", "from", "until", "note")
_TARGET_KEYS = ("measure", "court", "value", "standard_error", "interval", "source", "note")
_DIGITS = 4
_LOADED = 0.3
_Z95 = 1.959963984540054


# --- what can be a target -----------------------------------------------------------------------------------
_COURT = re.compile(r"(weeks|within_26|hearings)_(\d{4})")
_COURT_UNITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "weeks": ("Proceedings decided in {}, mean", "weeks"),
        "within_26": ("Decided in {} within 26 weeks", "share"),
        "hearings": ("Hearings of cases decided in {}", "hearings"),
    }
)
_GROUPS: tuple[tuple[tuple[str, ...], Callable[[Journeys, Scenario], dict[str, float]]], ...] = (
    (
        ("moves", "three_or_more", "ended_month", "ended_half_year", "ended_year", "home_and_back"),
        lambda j, s: _placement_figures(j),
    ),
    (
        ("entry_to_decision", "decision_to_match", "match_to_placed", "placed_to_order"),
        lambda j, s: _adoption_figures(j),
    ),
    (
        ("families", "children", "months", "lift_share", "ineligible", "seen", "received"),
        lambda j, s: _trial_figures(j),
    ),
    (
        (
            "sdq_sau", "sdq_sau_sd", "sdq_lift", "sdq_lift_sd", "sdq_difference", "pirgas_first", "pirgas_first_sd",
            "pirgas_third", "pirgas_third_sd",
        ),
        lambda j, s: _score_figures(j),
    ),
    (("cost_lift", "cost_sau"), _cost_figures),
)  # fmt: skip


def measures() -> dict[str, tuple[str, str]]:
    """What can be a target, by name: what it is, and its unit.

    Every figure that `best_sim.experiments.validation` computes; for the courts ``weeks_YEAR``, ``within_26_YEAR`` and
    ``hearings_YEAR`` of any year of the run, shown here for those that were published.
    """
    return {one.key: (one.text, one.unit) for one in FIGURES}


def court_figures(journeys: Journeys, year: int, court: str | None = None) -> dict[str, float]:
    """Mean weeks, share within 26 weeks and mean hearings of the proceedings that were decided in one year.

    Parameters
    ----------
    journeys : Journeys
    year : int
    court : str, optional
        One court; by default all English courts. Cases served by LIFT are left out, as the national figures hold few
        of them, or none.

    Returns
    -------
    dict of str to float
        ``weeks``, ``within_26``, ``hearings``; NaN where no case was decided.
    """
    p = journeys.proceedings
    first, last = ((dt.date(y, 1, 1) - journeys.start_date).days for y in (year, year + 1))
    decided = p["decided_days"].to_numpy(float)
    where = p["court"] != "glasgow" if court is None else p["court"] == court
    use = (decided >= max(first, 0)) & (decided < last) & (where & (p["arm"] != "LIFT")).to_numpy(bool)
    if not use.any():
        return dict.fromkeys(_COURT_UNITS, math.nan)
    weeks = p["weeks"].to_numpy(float)[use]
    return {
        "weeks": float(weeks.mean()),
        "within_26": float(np.mean(weeks <= 26)),
        "hearings": float(p["hearings"].to_numpy(float)[use].mean()),
    }


# --- what is asked ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Parameter:
    """A parameter to be fitted.

    Attributes
    ----------
    name : str
        What tables call it; by default its first key.
    keys : tuple of str
        Dotted names in the scenario. All of them get the same value, or are multiplied by the same factor.
    low, high : float
        The range in which it may lie: values in the unit in which the scenario writes it, or factors.
    scale : {"linear", "log", "logit"}
        On which every value of the range is held equally likely, and steps are taken.
    change : {"value", "factor"}
        Whether the number is the parameter's value, or what multiplies the scenario's.
    since, until : datetime.date or None
        Of a dated parameter: only what holds from dates since the one (included) and until the other (left out).
    note : str
    """

    name: str
    keys: tuple[str, ...]
    low: float
    high: float
    scale: Scale = "linear"
    change: Change = "value"
    since: dt.date | None = None
    until: dt.date | None = None
    note: str = ""

    def at(self, x: Any) -> Any:
        """The value at a share of the range, from 0 to 1."""
        to, back = _SCALES[self.scale]
        low, high = to(self.low), to(self.high)
        return np.clip(back(low + np.asarray(x, float) * (high - low)), self.low, self.high)

    def share(self, value: Any) -> Any:
        """Where in the range a value lies, from 0 to 1."""
        to, _ = _SCALES[self.scale]
        low, high = to(self.low), to(self.high)
        return (to(np.asarray(value, float)) - low) / (high - low)


_SCALES: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = MappingProxyType(
    {
        "linear": (lambda v: v, lambda v: v),
        "log": (np.log, np.exp),
        "logit": (special.logit, special.expit),
    }
)


@dataclass(frozen=True)
class Target:
    """A figure that a simulated run should give.

    Attributes
    ----------
    measure : str
        One of `measures`.
    court : str or None
        For the courts' measures: one court; None for all English ones.
    value : float
        As published, or as counted locally.
    error : float
        Its standard error: how far the figure may be from what the model should give, by chance or because it was
        counted otherwise.
    source, note : str
    """

    measure: str
    court: str | None
    value: float
    error: float
    source: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The measure, and the court where it is of one."""
        return self.measure if self.court is None else f"{self.measure} ({self.court})"

    @property
    def said(self) -> tuple[str, str]:
        """What it is, in words, and its unit."""
        text, unit = _described(self.measure)
        return (text if self.court is None else f"{text} ({self.court})"), unit


@dataclass(frozen=True)
class CalibrationExperiment:
    """What is asked.

    Attributes
    ----------
    name, title, question : str
    scenario : str
        Name or path.
    replicates : int
        Simulated runs for each candidate; as many others judge the result.
    seed : int
    parameters : tuple of Parameter
    targets : tuple of Target
    overrides : tuple of str
        Applied to the scenario before anything is fitted.
    """

    name: str
    title: str
    question: str
    scenario: str
    replicates: int
    seed: int
    parameters: tuple[Parameter, ...]
    targets: tuple[Target, ...]
    overrides: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def load(cls, name_or_path: str | Path = "calibration", **changes: Any) -> CalibrationExperiment:
        """Read a calibration.

        Parameters
        ----------
        name_or_path : str or path
            A shipped calibration's name, or the path of a TOML file.
        **changes
            Fields to set otherwise (replicates, seed, scenario, overrides); None leaves the file's.

        Returns
        -------
        CalibrationExperiment

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file, and with what it asks of the scenario.
        """
        path, text = _find(name_or_path)
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ScenarioError([Problem(file=path, message=f"this is not TOML: {error}")]) from error
        experiment = _read(Path(path).stem, path, raw, text)
        wanted = {key: value for key, value in changes.items() if value is not None}
        wanted["overrides"] = (*experiment.overrides, *wanted.get("overrides", ()))
        experiment = replace(experiment, **wanted)
        _check(path, experiment)
        return experiment

    def scenario_before(self) -> Scenario:
        """The scenario before anything is fitted."""
        return Scenario.load(self.scenario, self.overrides)

    def start(self) -> np.ndarray:
        """The parameters as the scenario has them: values, or factors of 1."""
        scenario = self.scenario_before()
        return np.array([_present(scenario, one) for one in self.parameters])

    def scenario_at(self, values: Sequence[float] | np.ndarray) -> Scenario:
        """The scenario with other values of the parameters, in their order.

        Raises
        ------
        ScenarioError
            If the scenario does not allow them.
        """
        return _changed(self.scenario_before(), self.parameters, values)


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
        What each parameter does: one row for each parameter and target: parameter, target, after, without (with this
        one parameter as it was, the others as fitted), difference, mcse (of the difference, over common luck).
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
                leaf, part = _leaf_of(entries, key)
                about = f"{part} " if part else ""
                about += "times " if parameter.change == "factor" else ""
                about += f"{row['fitted']:g} (95 % interval {row['low']:.3g} to {row['high']:.3g}"
                about += ", at the end of its range)" if row["at_bound"] else ")"
                if parameter.since or parameter.until:
                    about += f" {_when(parameter)}"
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
        words = f"# {words_of(self)}\n" if self.converged else "# The search did not converge: do not rely on this.\n"
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
    own = workers(engine) if executor == "default" else executor
    runs = _Runs(experiment, engine, own, progress)
    n = experiment.replicates
    try:
        begin = experiment.start()
        at_start = np.array([p.share(v) for p, v in zip(experiment.parameters, begin, strict=True)])
        found = fit(
            runs.simulated, at_start, *_given(experiment), step=step, most=most, seed=experiment.seed,
            told=runs.least,
        )  # fmt: skip
        fitted = np.array(
            [_rounded(float(p.at(x))) for p, x in zip(experiment.parameters, found.x, strict=True)]
        )
        without = [np.where(np.arange(len(fitted)) == i, begin, fitted) for i in range(len(fitted))]
        before, after, *back = runs.rows(np.array([begin, fitted, *without]), first=n)
    finally:
        if executor == "default" and isinstance(own, Executor):
            own.shutdown(cancel_futures=True)
    return Calibration(
        experiment=experiment,
        parameters=_parameter_table(experiment, begin, fitted, found),
        targets=_target_table(experiment, before, after),
        carried=_carried(experiment, after, back),
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
        f"{len(p)} parameters fitted to {len(t)} figures in {found.simulated:,} simulated runs; sum of squares "
        f"{found.fit.chi_square:.1f} with {found.fit.freedom} degrees of freedom"
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


def figures_for(journeys: Journeys, scenario: Scenario, targets: Sequence[Target]) -> list[float]:
    """The targets' figures of one replicate, in their order; NaN where there is nobody to count.

    Parameters
    ----------
    journeys : Journeys
        One replicate of `scenario`.
    scenario : Scenario
        For unit costs.
    targets : sequence of Target

    Returns
    -------
    list of float
    """
    wanted = {one.measure for one in targets}
    known: dict[str, float] = {}
    for names, figures in _GROUPS:
        if wanted.intersection(names):
            known |= figures(journeys, scenario)
    courts: dict[tuple[int, str | None], dict[str, float]] = {}
    out = []
    for one in targets:
        if match := _COURT.fullmatch(one.measure):
            which = (int(match[2]), one.court)
            if which not in courts:
                courts[which] = court_figures(journeys, *which)
            out.append(courts[which][match[1]])
        else:
            out.append(known[one.measure])
    return out


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
                "unit": "ratio" if p.change == "factor" else _unit(entries, p.keys[0]),
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


def _carried(one: CalibrationExperiment, after: np.ndarray, back: list[np.ndarray]) -> pd.DataFrame:
    out = []
    for p, rows in zip(one.parameters, back, strict=True):
        with np.errstate(invalid="ignore"):
            change = after - rows
        errors = np.sqrt(np.diag(_covariance_of_means(change)))
        for i, t in enumerate(one.targets):
            out.append(
                {
                    "parameter": p.name,
                    "target": t.name,
                    "after": float(np.nanmean(after[:, i])),
                    "without": float(np.nanmean(rows[:, i])),
                    "difference": float(np.nanmean(change[:, i])),
                    "mcse": float(errors[i]),
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


# --- parameters of the scenario -----------------------------------------------------------------------------
def _leaf_of(entries: Mapping[str, Any], key: str) -> tuple[str, str]:
    """The parameter that a dotted key leads to or into, and the part of it that is meant; empty where all is."""
    if key in entries:
        return key, ""
    leaf, _, part = key.rpartition(".")
    if leaf in entries and isinstance(entries[leaf].value, Mapping) and part in entries[leaf].value:
        return leaf, part
    raise KeyError(key)


def _unit(entries: Mapping[str, Any], key: str) -> str:
    leaf, part = _leaf_of(entries, key)
    return "ratio" if part in ("cv", "shape") else str(entries[leaf].unit)


def _in_time(one: Parameter, entry: Mapping[str, Any]) -> bool:
    since, until = one.since, one.until
    return (since is None or entry["from"] >= since) and (until is None or entry["from"] < until)


def _when(one: Parameter) -> str:
    since = f"from {one.since}" if one.since else ""
    until = f"until {one.until}" if one.until else ""
    return " ".join(filter(None, (since, until)))


def _numbers(scenario: Scenario, one: Parameter, key: str) -> list[float]:
    """The numbers that a key leads to, as the scenario writes them.

    Raises
    ------
    ValueError
        If it leads to something that can't be fitted; the message says what it is.
    """
    entries = scenario.provenance
    leaf, part = _leaf_of(entries, key)
    value = entries[leaf].value
    if isinstance(value, tuple) and value and isinstance(value[0], Mapping) and "from" in value[0]:
        there = [float(each["value"]) for each in value if _in_time(one, each)]
        if not there:
            raise ValueError(f"no value that holds from a date {_when(one)}")
        return there
    if one.since or one.until:
        raise ValueError("a value without dates")
    if part:
        if "distribution" not in value:
            raise ValueError("a share of a mix, which can't change without the others")
        value = value[part]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    if isinstance(_attribute(scenario, leaf), int):
        raise ValueError("a whole number, between whose values there is nothing")
    return [float(value)]


def _attribute(scenario: Scenario, key: str) -> Any:
    at: Any = scenario
    for part in key.split("."):
        at = at.get(part) if isinstance(at, Mapping) else getattr(at, part, None)
    return at


def _present(scenario: Scenario, one: Parameter) -> float:
    """The parameter's number in the scenario: its value, or a factor of 1."""
    return 1.0 if one.change == "factor" else _numbers(scenario, one, one.keys[0])[0]


def _changed(
    scenario: Scenario, parameters: Sequence[Parameter], values: Sequence[float] | np.ndarray
) -> Scenario:
    """The scenario with other values; what two parameters change, each changes in its turn."""
    entries = scenario.provenance
    changes: dict[str, Any] = {}
    for one, value in zip(parameters, values, strict=True):
        for key in one.keys:
            leaf, part = _leaf_of(entries, key)
            now = changes.get(leaf, entries[leaf].value)

            def new(old: float, value: float = float(value), one: Parameter = one) -> float:
                return float(f"{old * value:.6g}") if one.change == "factor" else value

            if part:
                changes[leaf] = {**now, part: new(now[part])}
            elif isinstance(now, list | tuple):
                changes[leaf] = [
                    {"from": each["from"], "value": new(each["value"]) if _in_time(one, each) else each["value"]}
                    for each in now
                ]  # fmt: skip
            else:
                changes[leaf] = new(now)
    return scenario.replace(changes)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _extended(scenario: str) -> str:
    """How a file elsewhere names the scenario: shipped ones by name, others by their whole path."""
    path = Path(scenario)
    return str(path.resolve().with_suffix("")) if path.is_file() else scenario


def _described(measure: str) -> tuple[str, str]:
    said = measures()
    if measure in said:
        return said[measure]
    match = _COURT.fullmatch(measure)
    assert match is not None
    text, unit = _COURT_UNITS[match[1]]
    return text.format(match[2]), unit


# --- reading the file ---------------------------------------------------------------------------------------
def _find(name_or_path: str | Path) -> tuple[str, str]:
    shipped = shipped_experiments()
    if str(name_or_path) in shipped:
        return f"{name_or_path}.toml", shipped[str(name_or_path)].read_text(encoding="utf-8")
    path = Path(name_or_path)
    if path.is_file():
        return str(path), path.read_text(encoding="utf-8")
    near = difflib.get_close_matches(str(name_or_path), shipped, n=1)
    raise ScenarioError(
        [
            Problem(
                file=str(name_or_path), message="no calibration has this name, and there is no such file",
                found=str(name_or_path), allowed=", ".join(sorted(n for n in shipped if "calibration" in n)),
                nearest=near[0] if near else None,
            )
        ]
    )  # fmt: skip


class _Reader:
    """A table of the file, with what is wrong in it."""

    def __init__(self, file: str, at: str, raw: dict[str, Any], allowed: Sequence[str]) -> None:
        self.file, self.at, self.raw = file, at, raw
        self.problems: list[Problem] = []
        for name in raw:
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, n=1)
                self._wrong(name, "no such key", name, ", ".join(allowed), near[0] if near else None)

    def _wrong(self, key: str, message: str, found: str, allowed: str, nearest: str | None = None) -> None:
        where = f"{self.at}.{key}" if self.at else key
        self.problems.append(
            Problem(
                file=self.file, key=where, message=message, found=found, allowed=allowed, nearest=nearest
            )
        )

    def take(
        self,
        key: str,
        allowed: str,
        right: Callable[[Any], bool],
        default: Any = None,
        among: Sequence[str] = (),
    ) -> Any:
        """The value of a key, if it is right; else the default, and a problem."""
        if key not in self.raw and default is not None:
            return default
        value = self.raw.get(key)
        if right(value):
            return value
        near = difflib.get_close_matches(value, among, n=1) if isinstance(value, str) else []
        found = "nothing" if value is None else repr(value)
        self._wrong(key, "this can't be used", found, allowed, near[0] if near else None)
        return default

    def tables(self, key: str, of: str) -> Iterator[tuple[str, dict[str, Any]]]:
        listed = self.raw.get(key)
        if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
            self._wrong(key, f"there is no {of}", "nothing" if listed is None else repr(listed), f"[[{key}]]")
            return
        for i, one in enumerate(listed):
            yield f"{key}[{i}]", one


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_date(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _read(name: str, path: str, raw: dict[str, Any], text: str) -> CalibrationExperiment:
    top = _Reader(path, "", raw, _KEYS)
    title = top.take("title", "a text", _is_text, name)
    question = top.take("question", "a text", _is_text, "")
    scenario = top.take("scenario", "the name or path of a scenario", lambda v: _is_text(v) and bool(v))
    replicates = top.take("replicates", "a whole number, 4 or more", lambda v: _is_whole(v, 4))
    seed = top.take("seed", "a whole number, 0 or more", lambda v: _is_whole(v, 0))
    overrides = top.take("set", 'a list of "key=value"', _is_texts, [])
    parameters, targets = [], []
    problems: list[Problem] = []
    for at, one in top.tables("parameter", "parameter to be fitted"):
        if (parameter := _read_parameter(path, at, one, problems)) is not None:
            parameters.append(parameter)
    for at, one in top.tables("target", "target"):
        if (target := _read_target(path, at, one, problems)) is not None:
            targets.append(target)
    problems = [*top.problems, *problems]
    for what, names in (("parameter", [p.name for p in parameters]), ("target", [t.name for t in targets])):
        problems += [
            Problem(file=path, key=what, message="this is there twice", found=one, allowed="each once")
            for one in dict.fromkeys(names)
            if names.count(one) > 1
        ]
    if problems:
        raise ScenarioError(problems)
    return CalibrationExperiment(
        name=name, title=title, question=question, scenario=scenario, replicates=replicates, seed=seed,
        parameters=tuple(parameters), targets=tuple(targets), overrides=tuple(overrides), text=text,
    )  # fmt: skip


def _read_parameter(path: str, at: str, raw: dict[str, Any], problems: list[Problem]) -> Parameter | None:
    r = _Reader(path, at, raw, _PARAMETER_KEYS)
    if "keys" in raw:
        keys = r.take("keys", "a list of parameters", lambda v: _is_texts(v) and bool(v), [])
    else:
        key = r.take("key", "a parameter, as proceedings.notice.further.mean", _is_text)
        keys = [key] if key else []
    low, high = (r.take(end, "a number", _is_number) for end in ("low", "high"))
    scale = r.take("scale", ", ".join(get_args(Scale)), lambda v: v in get_args(Scale), "linear", get_args(Scale))
    change = r.take(
        "change", ", ".join(get_args(Change)), lambda v: v in get_args(Change), "value", get_args(Change)
    )
    since, until = (
        r.take(end, "a date without quotes, as 2018-01-01", _is_date) if end in raw else None
        for end in ("from", "until")
    )
    note = r.take("note", "a text", _is_text, "")
    name = r.take("name", "a text", lambda v: _is_text(v) and bool(v), keys[0] if keys else "parameter")
    if low is not None and high is not None:
        if not low < high:
            r._wrong("low", "the range has no inside", f"low {low:g}, high {high:g}", "low below high")
        elif scale == "log" and low <= 0:
            r._wrong("low", "there is no logarithm of it", f"{low:g}", "above 0 where scale is log")
        elif scale == "logit" and not 0 < low < high < 1:
            r._wrong("low", "there is no logit of it", f"{low:g} to {high:g}", "between 0 and 1, ends left out")
    if since is not None and until is not None and not since < until:
        r._wrong("until", "the time ends before it begins", str(until), f"after {since}")
    problems += r.problems
    if r.problems:
        return None
    return Parameter(name, tuple(keys), float(low), float(high), scale, change, since, until, note)


def _read_target(path: str, at: str, raw: dict[str, Any], problems: list[Problem]) -> Target | None:
    r = _Reader(path, at, raw, _TARGET_KEYS)
    known = tuple(measures())
    allowed = f"{', '.join(known)}; weeks_YEAR, within_26_YEAR, hearings_YEAR"
    measure = r.take(
        "measure", allowed, lambda v: _is_text(v) and (v in known or bool(_COURT.fullmatch(v))), among=known
    )
    court = r.take("court", "the name of a court", _is_text) if "court" in raw else None
    if court is not None and measure is not None and not _COURT.fullmatch(measure):
        r._wrong("court", "this measure is not of courts", court, "weeks_YEAR, within_26_YEAR, hearings_YEAR")
    value = r.take("value", "a number", _is_number)
    error = _read_error(r, value)
    source, note = (r.take(key, "a text", _is_text, "") for key in ("source", "note"))
    problems += r.problems
    if r.problems:
        return None
    return Target(measure, court, float(value), float(error), source, note)


def _read_error(r: _Reader, value: Any) -> float | None:
    """The standard error: given, or half the width of a 95 % interval over 1.96."""
    given = [key for key in ("standard_error", "interval") if key in r.raw]
    if len(given) != 1:
        r._wrong(
            "standard_error", "how sure the figure is must be said once", " and ".join(given) or "nothing",
            "standard_error, or interval = [low, high] (95 %)",
        )  # fmt: skip
        return None
    if given == ["standard_error"]:
        got = r.take("standard_error", "a number above 0", lambda v: _is_number(v) and v > 0)
        return None if got is None else float(got)

    def holds(ends: Any) -> bool:
        there = isinstance(ends, list) and len(ends) == 2 and all(map(_is_number, ends)) and ends[0] < ends[1]
        return there and (value is None or ends[0] <= value <= ends[1])

    ends = r.take("interval", "[low, high] about the value", holds)
    return None if ends is None else float(ends[1] - ends[0]) / (2 * _Z95)


# --- against the scenario -----------------------------------------------------------------------------------
def _check(file: str, one: CalibrationExperiment) -> None:
    """Refuse what the scenario does not have or allow, before anything is simulated.

    Raises
    ------
    ScenarioError
        With all that is wrong.
    """
    scenario = one.scenario_before()
    problems = [p for i, each in enumerate(one.parameters) for p in _unusable(file, i, each, scenario)]
    last = scenario.simulation.end_date.year
    for i, target in enumerate(one.targets):
        at = f"target[{i}]"
        if target.court is not None and target.court not in scenario.courts:
            near = difflib.get_close_matches(target.court, scenario.courts, n=1)
            problems.append(
                Problem(
                    file=file, key=f"{at}.court", message="no court has this name", found=target.court,
                    allowed=", ".join(scenario.courts), nearest=near[0] if near else None,
                )
            )  # fmt: skip
        match = _COURT.fullmatch(target.measure)
        if match and not scenario.simulation.start_date.year <= int(match[2]) <= last:
            problems.append(
                Problem(
                    file=file, key=f"{at}.measure", message="this year is not simulated", found=target.measure,
                    allowed=f"{scenario.simulation.start_date.year} to {last}",
                )
            )  # fmt: skip
    if problems:
        raise ScenarioError(problems)


def _unusable(file: str, i: int, one: Parameter, scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with one parameter in this scenario."""
    at = f"parameter[{i}]"
    values: list[float] = []
    for key in one.keys:
        try:
            values += _numbers(scenario, one, key)
        except KeyError:
            yield from _unknown(file, f"{at}.key", key, scenario)
            return
        except ValueError as refused:
            yield Problem(
                file=file, key=f"{at}.key", message="this can't be fitted", found=f"{key}: {refused}",
                allowed="a parameter with one number, one number of a distribution, or dated numbers",
            )  # fmt: skip
            return
    if one.change == "value" and len(set(values)) > 1:
        yield Problem(
            file=file, key=f"{at}.change", message="what is to have one value has several now",
            found=", ".join(f"{v:g}" for v in dict.fromkeys(values)), allowed='change = "factor"',
        )  # fmt: skip
        return
    begin = 1.0 if one.change == "factor" else values[0]
    if not one.low <= begin <= one.high:
        yield Problem(
            file=file, key=at, message="the scenario's own value is not in the range", found=f"{begin:g}",
            allowed=f"{one.low:g} to {one.high:g}",
        )  # fmt: skip
    for end in (one.low, one.high):
        try:
            _changed(scenario, [one], [end])
        except ScenarioError as error:
            yield from (
                replace(p, file=file, key=f"{at} ({p.key})", line=None, found=p.found or f"{end:g}")
                for p in error.problems
            )
            return


def _unknown(file: str, at: str, key: str, scenario: Scenario) -> Iterator[Problem]:
    """What `Scenario.replace` says of a key that leads nowhere, with the nearest that does."""
    try:
        scenario.replace({key: 0.0})
    except ScenarioError as error:
        for p in error.problems:
            yield replace(p, file=file, key=at, found=key, line=None)
    else:
        yield Problem(file=file, key=at, message="no parameter has this name", found=key)
