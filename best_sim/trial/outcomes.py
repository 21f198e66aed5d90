"""What the trial has to analyse: an outcome of each child, with the arm, the family and the covariates.

Scores (SDQ, PIR-GAS, utility) are known of families that were seen. Placements come from the local authority's own
records, so moves, a third placement and permanence are known of every child of an eligible randomised family, seen or
not; they are counted until the last visit, or the end of the run where that comes first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.pathway import Journeys

Outcome = Literal[
    "sdq", "pirgas", "utility", "moves", "three_or_more", "permanence", "cost", "net_benefit"
]  # fmt: skip
Kind = Literal["score", "count", "yes or no", "time", "amount"]
Estimand = Literal["intention-to-treat", "per protocol"]
YEAR = 365.25


@dataclass(frozen=True)
class OutcomeInfo:
    """What an outcome is.

    Attributes
    ----------
    kind : {"score", "count", "yes or no", "time", "amount"}
        Which analyses fit it.
    label : str
        In words.
    unit : str
        Of its contrast on the scale of the outcome.
    better : int
        1 where more is better, -1 where less is, 0 where neither can be said.
    """

    kind: Kind
    label: str
    unit: str
    better: int


OUTCOMES: Mapping[str, OutcomeInfo] = MappingProxyType(
    {
        "sdq": OutcomeInfo("score", "SDQ total difficulties, 0 to 40", "points", -1),
        "pirgas": OutcomeInfo("score", "PIR-GAS, 1 to 100", "points", 1),
        "utility": OutcomeInfo("score", "health utility, 0 to 1 (an assumed mapping)", "utility", 1),
        "moves": OutcomeInfo("count", "moves in care after randomisation", "per child-year in care", -1),
        "three_or_more": OutcomeInfo(
            "yes or no", "three or more placements within a year of entry to care", "share", -1
        ),
        "permanence": OutcomeInfo("time", "time from randomisation to permanence", "days", 0),
        "cost": OutcomeInfo("amount", "cost per child to the horizon", "GBP", -1),
        "net_benefit": OutcomeInfo(
            "amount", "net benefit per child at the scenario's threshold (an assumed utility)", "GBP", 1
        ),
    }
)
"""The outcomes that can be analysed, by name."""

_SCORED = tuple(name for name, info in OUTCOMES.items() if info.kind == "score")


@dataclass(frozen=True)
class AnalysisSet:
    """Arrays of one analysis, a row for each child.

    Attributes
    ----------
    y : numpy.ndarray of float
        The outcome: the score at the visit; moves; 1 for three or more placements, else 0; days until permanence or
        until the child was no longer followed.
    treated : numpy.ndarray of float
        1 for LIFT, 0 for SAU, as allocated.
    family : numpy.ndarray of int
        The cluster.
    baseline : numpy.ndarray of float
        A score at the first visit, NaN where it was not taken; NaN for the other outcomes.
    covariates : numpy.ndarray of float, shape (children, columns)
        Baseline with its mean where missing, an indicator of missingness where any is missing, and sites but the first.
    received : numpy.ndarray of bool
        Whether the family received what it was allocated.
    had_lift : numpy.ndarray of bool
        Whether the family received LIFT.
    exposure : numpy.ndarray of float
        Years in care during which moves were counted; NaN for other outcomes.
    cause : numpy.ndarray of int
        Of a time: what permanence was, by number in `words.PLACEMENT_TYPES` plus one; 0 where it was not reached.
    visits : numpy.ndarray of float, shape (children, 3)
        Scores at all visits at which the family was seen, NaN elsewhere; NaN for the other outcomes.
    outcome, visit
        What was asked for.
    luck : tuple of int
        Seed, replicate and scoring, for an analysis that draws numbers itself.
    """

    y: np.ndarray
    treated: np.ndarray
    family: np.ndarray
    baseline: np.ndarray
    covariates: np.ndarray
    received: np.ndarray
    had_lift: np.ndarray = field(repr=False)
    exposure: np.ndarray = field(repr=False)
    cause: np.ndarray = field(repr=False)
    visits: np.ndarray = field(repr=False)
    outcome: str = "sdq"
    visit: int = 3
    luck: tuple[int, int, int] = (0, 0, 0)

    @property
    def event(self) -> np.ndarray:
        """Of a time: whether permanence was reached."""
        return self.cause > 0


def analysis_set(
    journeys: Journeys,
    outcome: Outcome = "sdq",
    visit: int = 3,
    estimand: Estimand = "intention-to-treat",
    *,
    complete: bool = True,
    amounts: Mapping[str, np.ndarray] | None = None,
) -> AnalysisSet:
    """What is analysed of one trial: children of eligible randomised families.

    Parameters
    ----------
    journeys : Journeys
    outcome : {"sdq", "pirgas", "utility", "moves", "three_or_more", "permanence", "cost", "net_benefit"}
    visit : {1, 2, 3}
        Of a score, the visit; of moves and of permanence, the visit until which they are counted. Three or more
        placements are counted in the first year after entry to care, whatever the visit.
    estimand : {"intention-to-treat", "per protocol"}
        Everybody as allocated, or only families that received what they were allocated. Those who receive a service
        may differ from those who do not, so the second compares unlike groups.
    complete : bool
        Leave out children whose score is not known. If not, they are kept with a NaN, for analyses that impute.
    amounts : mapping of str to numpy.ndarray, optional
        By row of the table of children, where the outcome is a cost or a net benefit
        (`best_sim.measures.economics.amounts_of`).

    Returns
    -------
    AnalysisSet

    Raises
    ------
    ValueError
        If the outcome, the visit or the estimand is not one of these, or a cost or net benefit comes without amounts.

    Notes
    -----
    The SDQ is for children from two years, so most have no baseline. In a randomised trial a missing baseline may be
    given the mean of those measured, with an indicator of missingness, without biasing the comparison of arms
    (White and Thompson, Statistics in Medicine 2005;24:993-1007).

    A child below the age of the SDQ at the visit has no score to be missing, and is in no analysis of it.
    """
    if outcome not in OUTCOMES:
        raise ValueError(f"outcome: found {outcome!r}, allowed {', '.join(map(repr, OUTCOMES))}")
    if visit not in range(1, W.VISITS + 1):
        raise ValueError(f"visit: found {visit!r}, allowed 1 to {W.VISITS}")
    if estimand not in get_args(Estimand):
        raise ValueError(f"estimand: found {estimand!r}, allowed {', '.join(map(repr, get_args(Estimand)))}")
    families, children = journeys.tables["families"], journeys.tables["children"]
    # few of those who enter care are in the trial; a column at a time, since numpy copies whole records slowly
    of = np.flatnonzero(families["arm"] != W.NOT_ALLOCATED)
    of = of[np.isnan(families["ineligible"][of])]
    if estimand == "per protocol":
        of = of[families["receipt"][of] == W.RECEIVED]
    rows = (of[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    rows = rows[children["index"][rows] >= 0]
    if outcome in _SCORED:
        return _of_score(journeys, rows, outcome, visit, complete)
    if OUTCOMES[outcome].kind == "amount":
        return _of_amount(journeys, rows, _amounts(outcome, amounts), outcome, visit)
    return _of_placements(journeys, rows, outcome, visit)


def means_of_all(
    journeys: Journeys,
    outcome: Outcome = "sdq",
    visit: int = 3,
    amounts: Mapping[str, np.ndarray] | None = None,
) -> tuple[float, float]:
    """What complete data would show: the mean outcome by arm of all children of eligible families, seen or not.

    Parameters
    ----------
    journeys, outcome, visit
        As `analysis_set` takes them.
    amounts : mapping of str to numpy.ndarray, optional
        As complete data would have them.

    Returns
    -------
    lift, sau : float
        The mean score or share; moves per year in care; NaN for a time, and for an arm without children.
    """
    if outcome in _SCORED:
        families, score = journeys.tables["families"], journeys.scores[outcome][:, visit - 1]
        rows = np.flatnonzero(~np.isnan(score))
        of = rows // LARGEST_FAMILY
        rows, of = (part[np.isnan(families["ineligible"][of])] for part in (rows, of))
        y, lift = score[rows], families["arm"][of] == W.LIFT
        weight = np.ones(len(y))
    else:
        data = analysis_set(journeys, outcome, visit, amounts=amounts)
        y, lift = data.y, data.treated == 1
        if outcome == "permanence":
            return np.nan, np.nan
        weight = data.exposure if outcome == "moves" else np.ones(len(y))
    with_lift, without = weight[lift].sum(), weight[~lift].sum()
    return (
        float(y[lift].sum() / with_lift) if with_lift > 0 else np.nan,
        float(y[~lift].sum() / without) if without > 0 else np.nan,
    )


def _of_score(j: Journeys, rows: np.ndarray, outcome: str, visit: int, complete: bool) -> AnalysisSet:
    k = visit - 1
    families = j.tables["families"]
    score, state = j.scores[outcome], families["visit_state"]
    due = (state[rows // LARGEST_FAMILY, k] != W.NOT_DUE) & ~np.isnan(score[rows, k])
    if complete:
        due &= state[rows // LARGEST_FAMILY, k] == W.SEEN
    rows = rows[due]
    family = rows // LARGEST_FAMILY
    visits = np.where(state[family] == W.SEEN, score[rows], np.nan)
    baseline = visits[:, 0].copy()
    missing = np.isnan(baseline)
    columns = []
    if not missing.all():
        columns.append(np.where(missing, float(baseline[~missing].mean()), baseline))
        if missing.any():
            columns.append(missing.astype(float))
    nothing = np.full(len(rows), np.nan)
    return _set(
        j, rows, np.ascontiguousarray(visits[:, k]), columns, baseline, nothing, visits, outcome, visit
    )


def _of_placements(j: Journeys, rows: np.ndarray, outcome: str, visit: int) -> AnalysisSet:
    k = visit - 1
    families, children, groups = (j.tables[name] for name in ("families", "children", "groups"))
    family, group = rows // LARGEST_FAMILY, children["group"][rows]
    randomised, entered = families["randomised"][family], families["entered"][family]
    nothing = np.full(len(rows), np.nan)
    exposure, cause = nothing, None
    if outcome == "moves":
        due = families["visit_state"][family, k] != W.NOT_DUE
        rows, family, group = rows[due], family[due], group[due]
        y = (children["care_moves_then"][rows, k] - groups["care_moves_before"][group]).astype(float)
        exposure = (children["care_days_then"][rows, k] - groups["care_days_before"][group]) / YEAR
        nothing = nothing[due]
    elif outcome == "three_or_more":
        followed = entered + YEAR <= j.end
        rows, group, entered = rows[followed], group[followed], entered[followed]
        y = (groups["third_at"][group] <= entered + YEAR).astype(float)  # False where NaN
        nothing = exposure = nothing[followed]
    else:
        until = np.minimum(families["visit_due"][family, k], j.end)
        until = np.where(np.isnan(until), j.end, until)
        at = groups["permanent_at"][group]
        use = ~(at <= randomised) & (until > randomised)  # there already when the trial began to follow them
        reached = at <= until
        y = (np.where(reached, at, until) - randomised)[use]
        cause = np.where(reached, groups["permanent_to"][group] + 1, 0)[use]
        rows, nothing = rows[use], nothing[use]
        exposure = nothing
    visits = np.full((len(rows), W.VISITS), np.nan)
    return _set(j, rows, y, [], nothing, exposure, visits, outcome, visit, cause)


def _amounts(outcome: str, amounts: Mapping[str, np.ndarray] | None) -> np.ndarray:
    if amounts is None:
        raise ValueError(
            f"outcome {outcome!r} needs amounts, as best_sim.measures.economics.amounts_of makes them"
        )
    return amounts[outcome]


def _of_amount(j: Journeys, rows: np.ndarray, amount: np.ndarray, outcome: str, visit: int) -> AnalysisSet:
    rows = rows[~np.isnan(amount[rows])]
    nothing = np.full(len(rows), np.nan)
    visits = np.full((len(rows), W.VISITS), np.nan)
    return _set(j, rows, amount[rows], [], nothing, nothing, visits, outcome, visit)


def _set(
    j: Journeys,
    rows: np.ndarray,
    y: np.ndarray,
    columns: list[np.ndarray],
    baseline: np.ndarray,
    exposure: np.ndarray,
    visits: np.ndarray,
    outcome: str,
    visit: int,
    cause: np.ndarray | None = None,
) -> AnalysisSet:
    families = j.tables["families"]
    family = rows // LARGEST_FAMILY
    site, arm = families["site"][family], families["arm"][family]
    columns = [*columns, *((site == one).astype(float) for one in np.unique(site)[1:])]
    received = families["receipt"][family] == W.RECEIVED
    return AnalysisSet(
        y=y,
        treated=(arm == W.LIFT).astype(float),
        family=family,
        baseline=baseline,
        covariates=np.column_stack(columns) if columns else np.zeros((len(rows), 0)),
        received=received,
        had_lift=received & (arm == W.LIFT),
        exposure=exposure,
        cause=np.zeros(len(rows), np.int64) if cause is None else cause,
        visits=visits,
        outcome=outcome,
        visit=visit,
        luck=(j.seed, j.replicate, j.scoring),
    )
