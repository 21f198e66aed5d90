"""The search of a calibration, its judgement, and what was found.

Each candidate is simulated with the same seeds. Random numbers are drawn by address, so the same children have the same
ones whatever the parameters are, and figures change smoothly enough with them for least squares with finite
differences. What comes out is judged with replicates that took no part in the fit.

Candidates that the search asks for together are simulated in a leg of their own. The search is deterministic, so a run
that is gone on with asks for the same ones in the same order, and finds those that were simulated before.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.pathway import simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.asking import QuestionError
from best_sim.questions.calibration.ask import CalibrationQuestion, Target
from best_sim.questions.calibration.fitting import (
    COLLINEAR,
    SPREAD_OF_RANGE,
    LeastSquaresFit,
    PrincipalDirection,
    SimulatedFigures,
    collinearity,
    directions,
    fit,
)
from best_sim.questions.calibration.parameters import unit_of
from best_sim.questions.calibration.targets import figures_for
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.running import Running
from best_sim.replications import whole_table
from best_sim.scenario import Scenario
from best_sim.scenario.problems import Problem

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DIGITS = 4
_LOADED = 0.3


# --- what was found -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CalibrationFound(Found):
    """What was found.

    Attributes
    ----------
    question : CalibrationQuestion
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
        one as it was, the others as fitted), mcse_without (of after less without). Of common random numbers.
    directions : pandas.DataFrame
        What the targets tell apart: one row for each principal direction: singular_value, spread (what is left along
        it, as a share of the range), told (whether that is less than the range itself leaves), along (the parameters
        that it is made of).
    collinear : pandas.DataFrame
        Sets of parameters that can make up for each other: parameters, index (`fitting.collinearity`, from 10 up).
    slopes : pandas.DataFrame
        Change of each target (rows) over the whole range of each parameter (columns), at the fitted values.
    fit : LeastSquaresFit
    settled : bool
        Whether the search converged.
    misfit : float
        p of the test that the model can meet the targets; where it is small, intervals are too narrow.
    simulated : int
        Simulated runs, all told.
    scenario : Scenario
        With the fitted values.
    """

    question: CalibrationQuestion
    parameters: pd.DataFrame
    targets: pd.DataFrame
    carried: pd.DataFrame
    directions: pd.DataFrame
    collinear: pd.DataFrame
    slopes: pd.DataFrame
    fit: LeastSquaresFit
    misfit: float
    simulated: int
    scenario: Scenario
    settled: bool = True

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """What was fitted, how near it comes, what can't be told, and what is hardly plausible."""
        from best_sim.questions.calibration.show import outside_words, words_of

        return [*words_of(self), *outside_words(self)]

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Parameters, targets, what each parameter does, and what the targets can't tell apart, where there is any."""
        collinear = {"collinear": self.collinear} if len(self.collinear) else {}
        return {
            "parameters": self.parameters, "targets": self.targets, "carried": self.carried,
            "directions": self.directions, **collinear, "slopes": self.slopes.rename_axis(index="target"),
        }  # fmt: skip

    def figures(self) -> Mapping[str, Figure]:
        """Targets before and after, and parameters within their ranges."""
        from best_sim.questions.calibration.figures import calibration_figure

        return {"calibration": calibration_figure(self)}

    def shown(self) -> list[Shown]:
        """Targets and parameters."""
        from best_sim.questions.calibration.show import parameters_shown, targets_shown

        return [targets_shown(self), parameters_shown(self)]

    def files(self, folder: Path) -> None:
        """Write the scenario with the fitted values."""
        from best_sim.questions.calibration.fitted import fitted_toml

        (folder / f"{self.question.name}-fitted.toml").write_text(fitted_toml(self), encoding="utf-8")

    def answer(self) -> Mapping[str, Any]:
        """The fitted values, and how near they come to the figures."""
        return {
            "fitted": dict(zip(self.parameters["parameter"], self.parameters["fitted"], strict=True)),
            "sum_of_squares": self.fit.chi_square,
            "degrees_of_freedom": self.fit.freedom,
            "p": self.misfit if math.isfinite(self.misfit) else None,
            "converged": self.settled,
            "simulated_runs": self.simulated,
        }

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.calibration.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, the figures, the parameters, what can't be told apart, and how it was fitted."""
        from best_sim.questions.calibration.show import chapters_of

        return chapters_of(self)


def calibrated(question: CalibrationQuestion, running: Running) -> CalibrationFound:
    """Fit the question's parameters to its targets.

    Parameters
    ----------
    question : CalibrationQuestion
    running : Running

    Returns
    -------
    CalibrationFound

    Raises
    ------
    ProblemsError
        If a value within the range of a parameter is not allowed, or nobody is there to count for a target.
    StoppedError
        If it was interrupted.

    Notes
    -----
    Least squares (`best_sim.questions.calibration.fitting.fit`) with common random numbers. The fitted values are
    rounded to four digits before they are judged, so that the file that is written gives what the table says.
    """
    runs = _Runs(question, running)
    begin, parameters = question.start, question.parameters
    found = fit(
        runs.simulated, np.array([p.share(v) for p, v in zip(parameters, begin, strict=True)]), *_given(question),
        step=question.difference, most=question.steps, seed=question.seed, told=runs.least,
    )  # fmt: skip
    fitted = np.array([_rounded(float(p.at(x))) for p, x in zip(parameters, found.x, strict=True)])
    each = np.eye(len(fitted), dtype=bool)
    alone, without = np.where(each, fitted, begin), np.where(each, begin, fitted)
    before, after, *others = runs.rows(
        np.concatenate([[begin, fitted], alone, without]), first=question.replicates
    )
    return CalibrationFound(
        question=question,
        parameters=_parameter_table(question, begin, fitted, found),
        targets=_target_table(question, before, after),
        carried=_carried(question, before, after, others),
        directions=_direction_table(question, directions(found.whitened)),
        collinear=_collinear(question, found.whitened),
        slopes=pd.DataFrame(
            found.jacobian, index=[t.name for t in question.targets], columns=[p.name for p in parameters]
        ),
        fit=found,
        settled=found.converged,
        misfit=found.misfit,
        simulated=runs.done,
        scenario=question.scenario_at(fitted),
    )


# --- simulating ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class CandidateReplicate:
    """One run of one candidate: candidates follow each other, each with all its replicates."""

    lowered: tuple[Lowered, ...]
    scenarios: tuple[Scenario, ...]
    targets: tuple[Target, ...]
    seed: int
    replicates: int
    first: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of one run."""
        candidate, k = divmod(number, self.replicates)
        journeys = simulate(self.lowered[candidate], self.seed, self.first + k, self.engine)
        figures = figures_for(journeys, self.scenarios[candidate], self.targets)
        return [{"candidate": candidate, "replicate": k} | {str(i): v for i, v in enumerate(figures)}]


class _Runs:
    """Simulates candidates, with common random numbers."""

    def __init__(self, question: CalibrationQuestion, running: Running) -> None:
        self.question, self.running = question, running
        self.legs, self.done, self.words = 0, 0, ""

    def least(self, evaluations: int, sum_of_squares: float) -> None:
        self.words = f"sum of squares {sum_of_squares:.1f}"

    def rows(self, values: np.ndarray, first: int) -> list[np.ndarray]:
        """Figures of every replicate, shape (replicates, targets), of each row of values."""
        one = self.question
        scenarios = tuple(one.scenario_at(row) for row in values)
        work = CandidateReplicate(
            tuple(lower(s) for s in scenarios), scenarios, one.targets, one.seed, one.replicates, first,
            self.running.engine,
        )  # fmt: skip
        n = one.replicates * len(values)
        self.legs += 1
        keep = self.running.all_of(
            work, n, leg=_leg(self.legs, values, one.replicates, first), before=self.done, words=self.words
        )
        self.done += n
        table = whole_table(keep, n).to_pandas()
        figures = table[[str(i) for i in range(len(one.targets))]].to_numpy(float)
        return list(figures.reshape(len(values), one.replicates, len(one.targets)))

    def simulated(self, points: np.ndarray) -> list[SimulatedFigures]:
        """Means, and their covariance, at points of the unit cube."""
        parameters = self.question.parameters
        values = np.array([[float(p.at(x)) for p, x in zip(parameters, row, strict=True)] for row in points])
        got = []
        for figures in self.rows(values, first=0):
            empty = np.flatnonzero(np.isfinite(figures).sum(axis=0) < 2)
            if len(empty):
                raise QuestionError(
                    [
                        Problem(
                            file=self.question.file, key=f"target[{i}]", found=self.question.targets[i].name,
                            message="hardly any replicate has somebody to count for this figure",
                            allowed="a figure of the scenario's own years and courts, or more replicates",
                        )
                        for i in empty
                    ]
                )  # fmt: skip
            got.append(SimulatedFigures(np.nanmean(figures, axis=0), _covariance_of_means(figures)))
        return got


def _leg(number: int, values: np.ndarray, replicates: int, first: int) -> str:
    """What a batch is kept under: its place in the search, and what it simulates.

    A search that went another way, on another machine or with other numbers of replicates, asks for other values, and
    so never takes a batch for one that it is not.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(values, dtype="<f8").tobytes(), digest_size=6)
    digest.update(f"{replicates} from {first}".encode())
    return f"batch-{number:03d}-{digest.hexdigest()}"


def _covariance_of_means(figures: np.ndarray) -> np.ndarray:
    """Of the means over replicates; a replicate in which nobody is counted for a figure has no say in its mean."""
    there = np.isfinite(figures)
    n = there.sum(axis=0)
    off = np.where(there, figures - np.nanmean(figures, axis=0), 0.0) / np.sqrt(n * (n - 1.0))
    return off.T @ off


def _given(one: CalibrationQuestion) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t.value for t in one.targets]), one.errors_of_targets


# --- the tables ---------------------------------------------------------------------------------------------
def _parameter_table(
    one: CalibrationQuestion, begin: np.ndarray, fitted: np.ndarray, found: LeastSquaresFit
) -> pd.DataFrame:
    entries = one.world.provenance
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


def _target_table(one: CalibrationQuestion, before: np.ndarray, after: np.ndarray) -> pd.DataFrame:
    means = [np.nanmean(rows, axis=0) for rows in (before, after)]
    errors = [np.sqrt(np.diag(_covariance_of_means(rows))) for rows in (before, after)]
    out = []
    for i, (t, error) in enumerate(zip(one.targets, one.errors_of_targets, strict=True)):
        text, unit = t.said
        out.append(
            {
                "target": t.name,
                "figure": text,
                "unit": unit,
                "published": t.value,
                "error": float(error),
                "before": float(means[0][i]),
                "after": float(means[1][i]),
                "mcse_before": float(errors[0][i]),
                "mcse": float(errors[1][i]),
                "distance_before": float((means[0][i] - t.value) / math.hypot(error, errors[0][i])),
                "distance": float((means[1][i] - t.value) / math.hypot(error, errors[1][i])),
                "source": t.source,
            }
        )
    return pd.DataFrame(out)


def _carried(
    one: CalibrationQuestion, before: np.ndarray, after: np.ndarray, others: Sequence[np.ndarray]
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


def _direction_table(one: CalibrationQuestion, found: Sequence[PrincipalDirection]) -> pd.DataFrame:
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


def _collinear(one: CalibrationQuestion, whitened: np.ndarray) -> pd.DataFrame:
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
