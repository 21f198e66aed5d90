"""The measures that are asked for first, of one run, all families and children together."""

from __future__ import annotations

import math

import pandas as pd

from best_sim.measures.stability import move_rates, re_entries, three_in_first_year
from best_sim.measures.timeliness import proceedings_by
from best_sim.measures.workload import TRIAL, lift_waits, received
from best_sim.pathway import Journeys


def usual(journeys: Journeys) -> dict[str, float]:
    """Recruitment, service, proceedings and placements of one run, a number each.

    Parameters
    ----------
    journeys : Journeys

    Returns
    -------
    dict of str to float
        By what it is, with its unit; NaN where there is nobody to measure. Each is defined by the function of this room
        that it is taken from.
    """
    waits = lift_waits(journeys)
    began = waits[(waits["who"] == TRIAL) & (waits["outcome"] == "started")]
    cases = proceedings_by(journeys, ())
    return {
        "families randomised": float((journeys.families["arm"] != "not allocated").sum()),
        "received the service they were allocated (%)": 100.0 * _only(received(journeys, ()), "share"),
        "wait of trial families who began LIFT, mean (days)": float(
            (began["left_days"] - began["asked_days"]).mean()
        ),
        "proceedings, mean (weeks)": _only(cases, "mean_weeks"),
        "proceedings decided within 26 weeks (%)": 100.0 * _only(cases, "within_26"),
        "moves per child-year in care": _only(move_rates(journeys), "rate"),
        "three or more placements in the first year (%)": 100.0
        * _only(three_in_first_year(journeys), "share"),
        "came back into care within a year of going home (%)": 100.0 * _only(re_entries(journeys), "share"),
    }


def _only(table: pd.DataFrame, column: str) -> float:
    """The value of a table of one row; NaN of an empty one."""
    values = table[column]
    return float(values.iloc[0]) if len(values) else math.nan
