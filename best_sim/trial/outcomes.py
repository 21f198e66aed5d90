"""What the trial has to analyse: outcomes of children whose families were seen, with their covariates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

Outcome = Literal["sdq", "pirgas", "utility"]
Estimand = Literal["intention-to-treat", "per protocol"]


@dataclass(frozen=True)
class AnalysisSet:
    """Arrays of one analysis, a row for each child.

    Attributes
    ----------
    y : numpy.ndarray of float
        Outcome at the visit.
    treated : numpy.ndarray of float
        1 for LIFT, 0 for SAU, as allocated (intention to treat).
    family : numpy.ndarray of int
        The cluster.
    baseline : numpy.ndarray of float
        The same measure at the first visit, NaN where it was not taken.
    covariates : numpy.ndarray of float, shape (children, columns)
        Baseline with its mean where missing, an indicator of missingness where any is missing, and sites but the first.
    received : numpy.ndarray of bool
        Whether the family received what it was allocated.
    """

    y: np.ndarray
    treated: np.ndarray
    family: np.ndarray
    baseline: np.ndarray
    covariates: np.ndarray
    received: np.ndarray


def analysis_set(
    journeys: Journeys,
    outcome: Outcome = "sdq",
    visit: int = 3,
    estimand: Estimand = "intention-to-treat",
) -> AnalysisSet:
    """The analysis of complete cases: children of eligible randomised families seen at a visit.

    Parameters
    ----------
    journeys : Journeys
    outcome : {"sdq", "pirgas", "utility"}
    visit : {1, 2, 3}
    estimand : {"intention-to-treat", "per protocol"}
        Everybody as allocated, or only families that received what they were allocated. Those who receive a service
        may differ from those who do not, so the second compares unlike groups.

    Returns
    -------
    AnalysisSet

    Raises
    ------
    ValueError
        If the visit or the estimand is not one of these.

    Notes
    -----
    The SDQ is for children from two years, so most have no baseline. In a randomised trial a missing baseline may be
    given the mean of those measured, with an indicator of missingness, without biasing the comparison of arms
    (White and Thompson, Statistics in Medicine 2005;24:993-1007).
    """
    if visit not in range(1, W.VISITS + 1):
        raise ValueError(f"visit: found {visit!r}, allowed 1 to {W.VISITS}")
    if estimand not in get_args(Estimand):
        raise ValueError(f"estimand: found {estimand!r}, allowed {', '.join(map(repr, get_args(Estimand)))}")
    k = visit - 1
    families, children = journeys.tables["families"], journeys.tables["children"]
    # few of those who enter care are in the trial; a column at a time, since numpy copies whole records slowly
    of = np.flatnonzero(families["arm"] != W.NOT_ALLOCATED)
    of = of[np.isnan(families["ineligible"][of]) & (families["visit_state"][of, k] == W.SEEN)]
    if estimand == "per protocol":
        of = of[families["receipt"][of] == W.RECEIVED]
    rows = (of[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    rows = rows[children["index"][rows] >= 0]
    score = journeys.scores[outcome][rows]
    scored = ~np.isnan(score[:, k])
    rows, score = rows[scored], score[scored]
    family = rows // LARGEST_FAMILY
    baseline = np.where(families["visit_state"][family, 0] == W.SEEN, score[:, 0], np.nan)
    missing = np.isnan(baseline)
    mean = float(baseline[~missing].mean()) if (~missing).any() else 0.0
    columns = [np.where(missing, mean, baseline)] if (~missing).any() else []
    if missing.any() and columns:
        columns.append(missing.astype(float))
    site = families["site"][family]
    columns += [(site == one).astype(float) for one in np.unique(site)[1:]]
    return AnalysisSet(
        y=np.ascontiguousarray(score[:, k]),
        treated=(families["arm"][family] == W.LIFT).astype(float),
        family=family,
        baseline=baseline,
        covariates=np.column_stack(columns) if columns else np.zeros((len(rows), 0)),
        received=families["receipt"][family] == W.RECEIVED,
    )
