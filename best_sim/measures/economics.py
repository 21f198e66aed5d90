"""Cost and net benefit of each child: what a trial's economic analysis compares.

Costs come from records, so they are known of every child. Quality-adjusted life years need the utility, which follows
the SDQ by an assumed line and is known only of children who were old enough for it and were seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from best_sim.measures.costs import UnitCosts, cost_items, total_by_child, trial_families
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario.durations import YEAR

if TYPE_CHECKING:
    from best_sim.pathway import Journeys

_STEPS = 60
"""Into which the horizon is cut to measure the area under a utility: half a month, where it is 30 months."""


@dataclass(frozen=True, eq=False)
class Amounts:
    """Amounts of each child, by row of the table of children; NaN where there is none.

    Attributes
    ----------
    known : mapping of str to numpy.ndarray
        ``cost``: pounds within the perspective, at entry to care, of children followed to the horizon.
        ``qaly``: quality-adjusted years to the horizon, of children who were seen at the last visit.
        ``net_benefit``: pounds, the threshold times ``qaly`` less ``cost``.
    complete : mapping of str to numpy.ndarray
        The same had every family been seen.
    """

    known: Mapping[str, np.ndarray]
    complete: Mapping[str, np.ndarray]


def amounts_of(journeys: Journeys, prices: UnitCosts) -> Amounts:
    """Cost, QALYs and net benefit of the children of eligible randomised families.

    Parameters
    ----------
    journeys : Journeys
        With its event record.
    prices : UnitCosts

    Returns
    -------
    Amounts

    Raises
    ------
    ValueError
        If the run kept no event record.
    """
    f = journeys.tables["families"]
    who = trial_families(journeys)
    who = who[f["entered"][who] + prices.horizon <= journeys.end]
    rows = (who[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    rows = rows[journeys.tables["children"]["index"][rows] >= 0]
    total = total_by_child(cost_items(journeys, prices, who), journeys, prices)
    made = []
    for seen in (True, False):
        qaly = qalys(journeys, rows, prices, seen=seen)
        values = {"cost": total[rows], "qaly": qaly, "net_benefit": prices.threshold * qaly - total[rows]}
        made.append({name: _by_row(value, rows, len(total)) for name, value in values.items()})
    return Amounts(*made)


def qalys(journeys: Journeys, rows: np.ndarray, prices: UnitCosts, *, seen: bool = True) -> np.ndarray:
    """Quality-adjusted life years from entry to care to the horizon.

    Parameters
    ----------
    journeys : Journeys
    rows : numpy.ndarray of int
        Of the table of children.
    prices : UnitCosts
        Horizon and discount rate.
    seen : bool
        From visits at which the family was seen; if not, from every visit that fell due.

    Returns
    -------
    numpy.ndarray of float
        Years; NaN for a child without a utility at the last visit.

    Notes
    -----
    The area under the utility, which changes linearly from visit to visit. Before the first visit at which it is known
    it is taken to have been what it was then, and after the last to stay (assumptions: children under two have no SDQ,
    and so no utility). Manca, Hawkins and Sculpher, Health Economics 2005;14:487-496, for the area.
    """
    f = journeys.tables["families"]
    of = rows // LARGEST_FAMILY
    utility = journeys.scores["utility"][rows]
    if seen:
        utility = np.where(f["visit_state"][of] == W.SEEN, utility, np.nan)
    at = f["visit_at"][of] - f["entered"][of][:, None]
    step = prices.horizon / _STEPS
    middle = (np.arange(_STEPS) + 0.5) * step
    path = _between_visits(at, utility, middle)
    years = prices.present(np.full(_STEPS, step / YEAR), middle)
    out = path @ years
    return np.where(np.isnan(utility[:, -1]), np.nan, out)


def _between_visits(at: np.ndarray, value: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Values at some times, on the line between the nearest known ones on either side; shape (children, times)."""
    out = np.full((len(at), len(when)), np.nan)
    known = ~np.isnan(value)
    patterns = known @ (1 << np.arange(known.shape[1]))
    for pattern in np.unique(patterns[patterns > 0]):
        mine = np.flatnonzero(patterns == pattern)
        visits = np.flatnonzero(known[mine[0]])
        for i in mine:
            out[i] = np.interp(when, at[i, visits], value[i, visits])
    return out


def _by_row(values: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    out = np.full(n, np.nan)
    out[rows] = values
    return out
