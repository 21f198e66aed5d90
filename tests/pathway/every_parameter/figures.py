"""Figures of a run that the table of every parameter compares: times between events, shares, counts, means."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from every_parameter.effects import Figure
from small_worlds import rows

from best_sim.measures.costs import child_costs
from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR

What = int | tuple[int, int]
"""An event, or one with this value."""


# --- who there is -------------------------------------------------------------------------------------------
def families(j: Journeys) -> np.ndarray:
    """Families that became known."""
    f = j.tables["families"]
    return f[f["n_children"] > 0]


def groups(j: Journeys) -> np.ndarray:
    """Groups of siblings that came into care."""
    g = j.tables["groups"]
    return g[g["episode"] > 0]


def events(j: Journeys, what: What) -> np.ndarray:
    """Rows of the event record."""
    if isinstance(what, tuple):
        r = rows(j, what[0])
        return r[r["value"] == what[1]]
    return rows(j, what)


def family_of(j: Journeys, r: np.ndarray) -> np.ndarray:
    """The family that each row is about."""
    who = r["subject"].astype(np.int64)
    about = np.asarray([event.subject for event in W.EVENTS], object)[r["event"]]
    case = np.where(about == "case", who, 0)
    return np.where(
        about == "group",
        who // LARGEST_FAMILY,
        np.where(about == "case", j.tables["cases"]["family"][case], who),
    )


def first_time(j: Journeys, what: What) -> np.ndarray:
    """By family, when this happened first; NaN where it did not."""
    out = np.full(len(j.tables["families"]), np.nan)
    r = events(j, what)[::-1]
    out[family_of(j, r)] = r["time"]
    return out


# --- figures ------------------------------------------------------------------------------------------------
def gap(since: What, until: What, who: Callable[[np.ndarray], np.ndarray] | None = None) -> Figure:
    """Mean days from the first of one event to the first of another, of families that had both."""

    def figure(j: Journeys, _: Scenario) -> float:
        days = first_time(j, until) - first_time(j, since)
        if who is not None:
            days = days[who(j.tables["families"])]
        days = days[~np.isnan(days)]
        return float(days.mean()) if len(days) else np.nan

    return figure


def spread_of_gap(since: What, until: What) -> Figure:
    """Standard deviation of the days from one event to another."""
    return lambda j, _: float(np.nanstd(first_time(j, until) - first_time(j, since)))


def share(event: int, value: int) -> Figure:
    """Of the events of one name, those with this value."""

    def figure(j: Journeys, _: Scenario) -> float:
        r = rows(j, event)
        return float((r["value"] == value).mean()) if len(r) else np.nan

    return figure


def number(what: What, of: Callable[[Journeys], int] = lambda j: 1) -> Figure:
    """How many events there are."""
    return lambda j, _: len(events(j, what)) / of(j)


def each(what: What) -> Figure:
    """How many events there are for each family that came into care."""
    return number(what, lambda j: len(np.unique(rows(j, W.ENTERED_CARE)["subject"])))


def mean_value(event: int) -> Figure:
    """Mean of the values of an event."""

    def figure(j: Journeys, _: Scenario) -> float:
        r = rows(j, event)
        return float(r["value"].mean()) if len(r) else np.nan

    return figure


def mean_of(value: Callable[[np.ndarray], np.ndarray]) -> Figure:
    """Mean over families, of whom it is known."""
    return lambda j, _: float(np.nanmean(value(families(j))))


def contrast(event: int, value: int, of: str) -> Figure:
    """Mean of a field of the families with this value of an event, less that of the families with another."""

    def figure(j: Journeys, _: Scenario) -> float:
        r = rows(j, event)
        field = j.tables["families"][of][family_of(j, r)]
        with_it = r["value"] == value
        return float(field[with_it].mean() - field[~with_it].mean())

    return figure


def between_arms(value: Callable[[Journeys], np.ndarray]) -> Figure:
    """Mean of LIFT's families less that of the others' in the trial; `value` is by family."""

    def figure(j: Journeys, _: Scenario) -> float:
        arm, got = j.tables["families"]["arm"], value(j)
        return float(np.nanmean(got[arm == W.LIFT]) - np.nanmean(got[arm == W.SAU]))

    return figure


def by_family(j: Journeys, what: What) -> np.ndarray:
    """How often each family had this."""
    return np.bincount(family_of(j, events(j, what)), minlength=len(j.tables["families"])).astype(float)


def advised(j: Journeys) -> np.ndarray:
    """By family, whether the report before the court advised a return; NaN where there is none."""
    n = len(j.tables["families"])
    cases = j.tables["cases"][:n]  # the first of each family
    return np.where(cases["assessor"] >= 0, cases["advice"].astype(float), np.nan)


def imbalance(by: Callable[[Journeys, np.ndarray], np.ndarray] | None = None) -> Figure:
    """Greatest difference between the arms' families while families are allocated, within each level of a factor."""

    def figure(j: Journeys, _: Scenario) -> float:
        r = rows(j, W.RANDOMISED)
        who = r["subject"].astype(np.int64)
        level = np.zeros(len(who), int) if by is None else by(j, j.tables["families"][who]).astype(int)
        step = np.where(r["value"] == W.LIFT, 1, -1)
        return float(np.mean([np.abs(np.cumsum(step[level == one])).max() for one in np.unique(level)]))

    return figure


def seen(visit: int) -> Figure:
    """Of families whose visit fell due, those that were seen."""

    def figure(j: Journeys, _: Scenario) -> float:
        state = families(j)["visit_state"][:, visit]
        return float((state[state > 0] == W.SEEN).mean())

    return figure


def cost(column: str) -> Figure:
    """Mean cost of a child of the trial in one column of the table of costs, GBP."""
    return lambda j, scenario: float(child_costs(j, scenario)[column].mean())


def score(name: str, visit: int, of: Callable[[np.ndarray], float] = np.nanmean) -> Figure:
    """A figure of the scores of one visit."""
    return lambda j, _: float(of(j.scores[name][j.lived, visit]))


def under_one(f: np.ndarray) -> np.ndarray:
    """Families whose youngest child was under one at entry."""
    return f["youngest_days"] < YEAR
