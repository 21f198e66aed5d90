"""How an outcome is taken from journeys: scores of visits, what placements record, and amounts.

Scores (SDQ, PIR-GAS, utility) are known of families that were seen. Placements come from the local authority's own
records, so moves, a third placement and permanence are known of every child of an eligible randomised family, seen or
not; they are counted until the last visit, or the end of the run where that comes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario.durations import YEAR
from best_sim.trial.outcomes.definition import AnalysisSet, Asked

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

Whole = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of every child: the outcome, whether allocated to LIFT, and the child's weight in the mean of the arm."""


def children_of(journeys: Journeys, estimand: str) -> np.ndarray:
    """Rows of the table of children: those of eligible randomised families, by the estimand."""
    families, children = journeys.tables["families"], journeys.tables["children"]
    # few of those who enter care are in the trial; a column at a time, since numpy copies whole records slowly
    of = np.flatnonzero(families["arm"] != W.NOT_ALLOCATED)
    of = of[np.isnan(families["ineligible"][of])]
    if estimand == "per protocol":
        of = of[families["receipt"][of] == W.RECEIVED]
    rows = (of[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    return rows[children["index"][rows] >= 0]


# --- one function for each way of taking it -----------------------------------------------------------------
def score(j: Journeys, rows: np.ndarray, asked: Asked) -> AnalysisSet:
    """A score at the visit, with that of the first as baseline."""
    k = asked.visit - 1
    families = j.tables["families"]
    values, state = j.scores[asked.outcome.name], families["visit_state"]
    due = (state[rows // LARGEST_FAMILY, k] != W.NOT_DUE) & ~np.isnan(values[rows, k])
    if asked.complete:
        due &= state[rows // LARGEST_FAMILY, k] == W.SEEN
    rows = rows[due]
    family = rows // LARGEST_FAMILY
    visits = np.where(state[family] == W.SEEN, values[rows], np.nan)
    baseline = visits[:, 0].copy()
    missing = np.isnan(baseline)
    columns = []
    if not missing.all():
        columns.append(np.where(missing, float(baseline[~missing].mean()), baseline))
        if missing.any():
            columns.append(missing.astype(float))
    return _set(
        j, rows, np.ascontiguousarray(visits[:, k]), asked, columns=columns, baseline=baseline, visits=visits
    )


def moves(j: Journeys, rows: np.ndarray, asked: Asked) -> AnalysisSet:
    """Moves in care from randomisation to the visit, with the years in care as exposure."""
    k = asked.visit - 1
    families, children, groups = (j.tables[name] for name in ("families", "children", "groups"))
    rows = rows[families["visit_state"][rows // LARGEST_FAMILY, k] != W.NOT_DUE]
    group = children["group"][rows]
    y = (children["care_moves_then"][rows, k] - groups["care_moves_before"][group]).astype(float)
    exposure = (children["care_days_then"][rows, k] - groups["care_days_before"][group]) / YEAR
    return _set(j, rows, y, asked, exposure=exposure)


def three_or_more(j: Journeys, rows: np.ndarray, asked: Asked) -> AnalysisSet:
    """Whether a third placement began within a year of entry to care, of children whose first year is over."""
    families, children, groups = (j.tables[name] for name in ("families", "children", "groups"))
    entered = families["entered"][rows // LARGEST_FAMILY]
    followed = entered + YEAR <= j.end
    rows, entered = rows[followed], entered[followed]
    third = groups["third_at"][children["group"][rows]]
    return _set(j, rows, (third <= entered + YEAR).astype(float), asked)  # False where NaN


def permanence(j: Journeys, rows: np.ndarray, asked: Asked) -> AnalysisSet:
    """Days from randomisation to permanence, or to when the visit was due or the run ended; and what it was."""
    families, children, groups = (j.tables[name] for name in ("families", "children", "groups"))
    family, group = rows // LARGEST_FAMILY, children["group"][rows]
    randomised = families["randomised"][family]
    until = np.minimum(families["visit_due"][family, asked.visit - 1], j.end)
    until = np.where(np.isnan(until), j.end, until)
    at = groups["permanent_at"][group]
    use = ~(at <= randomised) & (until > randomised)  # there already when the trial began to follow them
    reached = at <= until
    y = (np.where(reached, at, until) - randomised)[use]
    cause = np.where(reached, groups["permanent_to"][group] + 1, 0)[use]
    return _set(j, rows[use], y, asked, cause=cause)


def amount(j: Journeys, rows: np.ndarray, asked: Asked) -> AnalysisSet:
    """An amount of each child that has one."""
    if asked.amounts is None:
        raise ValueError(
            f"outcome {asked.outcome.name!r} needs amounts, as best_sim.measures.economics.amounts_of makes them"
        )
    values = asked.amounts[asked.outcome.amount]
    rows = rows[~np.isnan(values[rows])]
    return _set(j, rows, values[rows], asked)


def _set(
    j: Journeys,
    rows: np.ndarray,
    y: np.ndarray,
    asked: Asked,
    *,
    columns: list[np.ndarray] | None = None,
    baseline: np.ndarray | None = None,
    exposure: np.ndarray | None = None,
    visits: np.ndarray | None = None,
    cause: np.ndarray | None = None,
) -> AnalysisSet:
    families = j.tables["families"]
    family = rows // LARGEST_FAMILY
    site, arm = families["site"][family], families["arm"][family]
    columns = [*(columns or []), *((site == one).astype(float) for one in np.unique(site)[1:])]
    received = families["receipt"][family] == W.RECEIVED
    nothing = np.full(len(rows), np.nan)
    return AnalysisSet(
        y=y,
        treated=(arm == W.LIFT).astype(float),
        family=family,
        baseline=nothing if baseline is None else baseline,
        covariates=np.column_stack(columns) if columns else np.zeros((len(rows), 0)),
        received=received,
        had_lift=received & (arm == W.LIFT),
        exposure=nothing if exposure is None else exposure,
        cause=np.zeros(len(rows), np.int64) if cause is None else cause,
        visits=np.full((len(rows), W.VISITS), np.nan) if visits is None else visits,
        outcome=asked.outcome.name,
        visit=asked.visit,
        estimand=asked.estimand,
        luck=(j.seed, j.replicate, j.scoring),
    )


# --- what complete data would show --------------------------------------------------------------------------
def scores_of_all(j: Journeys, asked: Asked) -> Whole:
    """The score of every child of an eligible family at the visit, seen or not."""
    families, values = j.tables["families"], j.scores[asked.outcome.name][:, asked.visit - 1]
    rows = np.flatnonzero(~np.isnan(values))
    of = rows // LARGEST_FAMILY
    rows, of = (part[np.isnan(families["ineligible"][of])] for part in (rows, of))
    return values[rows], families["arm"][of] == W.LIFT, np.ones(len(rows))


def as_analysed(j: Journeys, asked: Asked) -> Whole:
    """What is analysed, of an outcome that is known of every child."""
    data = asked.outcome.take(j, children_of(j, asked.estimand), asked)
    return data.y, data.treated == 1, np.ones(len(data.y))


def by_exposure(j: Journeys, asked: Asked) -> Whole:
    """The same of a count, for means by unit of exposure."""
    data = asked.outcome.take(j, children_of(j, asked.estimand), asked)
    return data.y, data.treated == 1, data.exposure


def no_mean(j: Journeys, asked: Asked) -> None:
    """Times of which some are cut short have no mean that complete data would show."""
    return
