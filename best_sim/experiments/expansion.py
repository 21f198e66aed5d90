"""Expansion: plans of openings and LIFT teams, compared with the same luck.

A plan says when boroughs open and close and how a LIFT team is staffed. In a replicate every plan meets the same
families with the same luck, and only what a plan changes, and what follows from it (a fuller team, another order of
the court's list), makes a journey differ. So plans are compared pairwise, and the differences have a smaller Monte
Carlo error than those of independent runs (common random numbers; Law 2015, Simulation Modeling and Analysis, 5th ed.,
section 11.2). What is reported is how the service, courts and budgets are used, not what a service does to a child.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd

from best_sim.experiments.expansion_plans import (
    ExpansionExperiment,
    ExpansionPlan,
    TeamChange,
    recruiting_spans,
)
from best_sim.experiments.recruitment import Simulated
from best_sim.measures.costs import HOLDERS, PARTS, UnitCosts, cost_items
from best_sim.measures.observed import MONTH, overlap
from best_sim.measures.stability import child_moves
from best_sim.measures.timeliness import STATUTORY_WEEKS, decided_cases
from best_sim.measures.workload import TRIAL, lift_waits, received
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Keep, gather
from best_sim.scenario import Scenario

__all__ = [
    "MEASURES",
    "Expansion",
    "ExpansionExperiment",
    "ExpansionPlan",
    "Measure",
    "TeamChange",
    "digits_shown",
    "measure",
    "run_expansion",
    "words_of",
]

Engine = Literal["compiled", "simpy"]


# --- what is measured ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Measure:
    """One figure of a plan.

    Attributes
    ----------
    name, label, unit : str
        The column, plain words, and the unit of what is shown.
    digits : int
        After the point, where it is shown.
    times : float
        What is shown is so many times the column: 100 for a share shown in per cent.
    short : str
        A name for narrow tables; only the chief measures have one.
    """

    name: str
    label: str
    unit: str
    digits: int = 1
    times: float = 1.0
    short: str = ""


MEASURES: tuple[Measure, ...] = (
    Measure("families", "Families randomised", "families", 1),
    Measure("reached", "Target reached within the run", "% of trials", 0, 100.0),
    Measure("months_to_target", "First opening to target, at most to the end of recruitment", "months", 1),
    Measure("lift_wait", "Wait of trial families who began LIFT, mean", "days", 1, short="Wait for LIFT"),
    Measure("lift_wait_90", "Wait that one in ten of them exceeds", "days", 1),
    Measure("lift_gave_up", "Trial families that asked and waited too long", "%", 1, 100.0),
    Measure("lift_waiting", "Families waiting for LIFT, mean number", "families", 2),
    Measure("lift_occupancy", "LIFT places in use", "%", 1, 100.0, short="Places used"),
    Measure("received", "Received what they were allocated", "%", 1, 100.0),
    Measure("received_lift", "of those allocated to LIFT", "%", 1, 100.0, short="Received LIFT"),
    Measure("received_sau", "of those allocated to services as usual", "%", 1, 100.0),
    Measure("weeks", "Proceedings, all families, mean", "weeks", 1, short="Court"),
    Measure("within_26", "Decided within 26 weeks, all families", "%", 1, 100.0),
    Measure("weeks_trial", "Proceedings, trial families, mean", "weeks", 1),
    Measure("within_26_trial", "Decided within 26 weeks, trial families", "%", 1, 100.0),
    Measure("sitting_days", "Court sitting days of these families' hearings", "days", 0),
    Measure("moves", "Moves per child-year in care, all children", "moves", 3, short="Moves"),
    Measure("moves_trial", "Moves per child-year in care, trial children", "moves", 3),
    Measure("cost", "Spent on all these boroughs' families", "million GBP", 2, 1e-6, short="Spent"),
    *(
        Measure(f"cost_{holder.replace(' ', '_').lower()}", f"by the {who}", "million GBP", 2, 1e-6)
        for holder, who in zip(HOLDERS, ("local authorities", "NHS", "courts"), strict=True)
    ),
    Measure("cost_lift", "of all, for LIFT's clinicians", "million GBP", 2, 1e-6),
)
"""Every figure, in the order in which it is shown. Families, waits, receipt: those of the trial. Occupancy and families
waiting: all who use the LIFT teams, all teams together, while any plan recruits; it may pass 100 % after places were
taken away, since families keep theirs. Courts, moves and costs: every family of the scenario's boroughs, in the trial
or not, from the first opening of any plan to the end of the run."""


def measure(name: str) -> Measure:
    """The measure of a name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return {one.name: one for one in MEASURES}[name]


def digits_shown(digits: int, error: float) -> int:
    """Digits after the point at which a Monte Carlo standard error is seen, and no fewer than the measure's own.

    Examples
    --------
    >>> digits_shown(1, 0.023), digits_shown(1, 2.0), digits_shown(0, 0.0)
    (2, 1, 0)
    """
    if not math.isfinite(error) or error <= 0.0:
        return digits
    return max(digits, min(4, -math.floor(math.log10(error))))


# --- running ------------------------------------------------------------------------------------------------
def run_expansion(
    experiment: ExpansionExperiment,
    replicates: int | None = None,
    seed: int | None = None,
    *,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> Expansion:
    """Simulate every plan with the same luck.

    Parameters
    ----------
    experiment : ExpansionExperiment
    replicates, seed : int, optional
        By default the experiment's.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : Keep, optional
        Where finished replicates are kept, and which are there already; of this experiment, seed and engine alone.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    Expansion
        Of the replicates that are whole, where it was interrupted after two.

    Raises
    ------
    ScenarioError
        If a plan can't be used.
    KeyboardInterrupt
        If it was interrupted before that.
    """
    replicates = experiment.replicates if replicates is None else replicates
    seed = experiment.seed if seed is None else seed
    if replicates < 2:
        raise ValueError(f"replicates: found {replicates}, allowed 2 or more")
    scenarios = {one.name: experiment.scenario_of(one.name) for one in experiment.plans}
    frame = _Frame.of(experiment, scenarios)
    work = _Compared(
        {name: lower(one) for name, one in scenarios.items()},
        {name: UnitCosts.of(one) for name, one in scenarios.items()},
        {name: _HearingDays.of(one) for name, one in scenarios.items()},
        {name: experiment.target_of(name) for name in scenarios},
        frame, seed, engine,
    )  # fmt: skip
    rows, done = gather(work, replicates, engine, executor, keep, progress)
    return Expansion(experiment, scenarios, done, seed, frame.since, frame.opened, frame.closed,
                     frame.months, frame.years, rows)  # fmt: skip


@dataclass(frozen=True)
class _Frame:
    """The days over which all plans are compared.

    Attributes
    ----------
    since, opened, closed : datetime.date
        Day zero; first opening of any plan; end of recruitment in all of them.
    months : tuple of datetime.date
        Edges of the calendar months of the run, the first and the last of which may be in part.
    years : tuple of str
        Financial years with any cost.
    boroughs : tuple of str
    """

    since: dt.date
    opened: dt.date
    closed: dt.date
    months: tuple[dt.date, ...]
    years: tuple[str, ...]
    boroughs: tuple[str, ...]

    @classmethod
    def of(cls, experiment: ExpansionExperiment, scenarios: Mapping[str, Scenario]) -> _Frame:
        start, end = (
            experiment.scenario.simulation.start_date,
            experiment.scenario.simulation.end_date,
        )
        spans = [span for one in scenarios.values() for span in recruiting_spans(one)]
        opened, closed = min(first for first, _ in spans), max(last for _, last in spans)
        firsts = [dt.date(y, m, 1) for y in range(start.year, end.year + 1) for m in range(1, 13)]
        months = (start, *(day for day in firsts if start < day < end), end)
        began = opened.year - (opened.month < 4)
        over = end.year - (end.month < 4)
        years = tuple(f"{y}/{(y + 1) % 100:02d}" for y in range(began, over + 1))
        return cls(start, opened, closed, months, years, tuple(experiment.scenario.boroughs))

    def day(self, date: dt.date) -> float:
        """Days since day zero."""
        return float((date - self.since).days)


@dataclass(frozen=True, eq=False)
class _HearingDays:
    """Sitting days of one hearing, by court and kind."""

    days: np.ndarray

    @classmethod
    def of(cls, scenario: Scenario) -> _HearingDays:
        hours = np.array([getattr(scenario.proceedings.hours, name) for name in W.HEARINGS])
        day = np.array([court.hours_per_sitting_day for court in scenario.courts.values()])
        return cls(hours[None, :] / day[:, None])

    def sum(self, j: Journeys, since: float) -> float:
        """Of the hearings held since a day, those that were adjourned among them: their time was set aside too."""
        held = j.record[(W.which(W.HEARING_HELD, j.record["event"]) >= 0) & (j.record["time"] >= since)]
        court = j.tables["families"]["court"][j.tables["cases"]["family"][held["subject"].astype(np.int64)]]
        return float(self.days[court, held["value"].astype(np.int64)].sum())


@dataclass(frozen=True)
class _Compared:
    """One replicate of every plan: one row for each."""

    lowered: Mapping[str, Lowered]
    prices: Mapping[str, UnitCosts]
    hearings: Mapping[str, _HearingDays]
    targets: Mapping[str, int]
    frame: _Frame
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        out = []
        for name, lowered in self.lowered.items():
            j = simulate(lowered, self.seed, number, self.engine)
            row: dict[str, Any] = {"replicate": number, "plan": name}
            row |= _recruited(j, self.frame, self.targets[name])
            row |= _lift(j, self.frame)
            row |= _care(j, self.frame, self.hearings[name])
            row |= _costs(j, self.frame, self.prices[name])
            out.append(row)
        return out


def _recruited(j: Journeys, frame: _Frame, target: int) -> dict[str, Any]:
    f = j.tables["families"]
    mine = f["arm"] != W.NOT_ALLOCATED
    at, borough = f["randomised"][mine], f["borough"][mine]
    edges = np.array([frame.day(day) for day in frame.months])
    month = np.searchsorted(edges, at, side="right") - 1
    n = len(frame.boroughs), len(edges) - 1
    by_month = np.bincount(borough * n[1] + np.minimum(month, n[1] - 1), minlength=n[0] * n[1])
    day = float(np.partition(at, target - 1)[target - 1]) if len(at) >= target else math.inf
    whole = received(j, ())
    share = received(j).set_index("arm")["share"]
    return {
        "families": float(len(at)),
        "reached": float(math.isfinite(day)),
        "target_day": day,
        "months_to_target": (min(day, frame.day(frame.closed)) - frame.day(frame.opened)) / MONTH,
        "received": float(whole["share"].iloc[0]),
        "received_lift": float(share.get("LIFT", math.nan)),
        "received_sau": float(share.get("SAU", math.nan)),
        "by_month.families": by_month.astype(float).tolist(),
    }


def _lift(j: Journeys, frame: _Frame) -> dict[str, Any]:
    """Waits of trial families; places in use and families waiting, of all who use the teams together."""
    asks = lift_waits(j, -math.inf)
    asked, left = asks["asked_days"].to_numpy(), asks["left_days"].to_numpy()
    began = (asks["outcome"] == "started").to_numpy()
    held = asks["held_days"].to_numpy()
    freed = np.where(np.isnan(held), np.inf, left + held)[began]
    trial = (asks["who"] == TRIAL).to_numpy()
    waits = (left - asked)[trial & began]
    gave_up = (asks["outcome"] == "gave up").to_numpy()[trial]
    edges = np.array([frame.day(day) for day in frame.months])
    month = np.clip(np.searchsorted(edges, asked, side="right") - 1, 0, len(edges) - 2)
    use = _between(left[began], freed, edges)
    there = _places(j, edges)
    queue = _between(asked, left, edges)
    window = np.array([frame.day(frame.opened), frame.day(frame.closed)])
    in_use, places, waiting = (
        float(each[0])
        for each in (_between(left[began], freed, window), _places(j, window), _between(asked, left, window))
    )
    days = np.diff(edges)
    n = len(days)
    return {
        "lift_wait": float(waits.mean()) if len(waits) else math.nan,
        "lift_wait_90": float(np.quantile(waits, 0.9)) if len(waits) else math.nan,
        "lift_gave_up": float(gave_up.mean()) if len(gave_up) else math.nan,
        "lift_waiting": waiting / float(window[1] - window[0]),
        "lift_occupancy": in_use / places if places > 0 else math.nan,
        "by_month.began": np.bincount(month[trial & began], minlength=n).astype(float).tolist(),
        "by_month.wait_days": np.bincount(month[trial & began], waits, minlength=n).tolist(),
        "by_month.waiting": (queue / days).tolist(),
        "by_month.in_use": (use / days).tolist(),
        "by_month.places": (there / days).tolist(),
    }


def _between(start: np.ndarray, end: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Days of all the intervals together between each two edges."""
    return overlap(start[:, None], end[:, None], edges[None, :-1], edges[None, 1:]).sum(axis=0)


def _places(j: Journeys, edges: np.ndarray) -> np.ndarray:
    """Place-days of all LIFT teams between each two edges."""
    rows = j.record[j.record["event"] == W.TEAM_PLACES]
    out = np.zeros(len(edges) - 1)
    for team in range(len(j.names["teams"])):
        mine = rows[rows["subject"] == team]
        change = np.append(mine["time"], np.inf)
        days = overlap(change[:-1, None], change[1:, None], edges[None, :-1], edges[None, 1:])
        out += mine["value"].astype(float) @ days
    return out


def _care(j: Journeys, frame: _Frame, hearings: _HearingDays) -> dict[str, Any]:
    since = frame.day(frame.opened)
    cases = decided_cases(j, since)
    arm = np.asarray(j.tables["families"]["arm"])
    weeks = cases["weeks"].to_numpy()
    ours = (cases["arm"] != W.ARMS[W.NOT_ALLOCATED]).to_numpy()
    moved = child_moves(j, since=since)
    theirs = arm[moved["family"].to_numpy()] != W.NOT_ALLOCATED
    moves, years = moved["moves"].to_numpy(float), moved["years"].to_numpy()

    def mean(values: np.ndarray) -> float:
        return float(values.mean()) if len(values) else math.nan

    def rate(who: np.ndarray) -> float:
        return float(moves[who].sum() / years[who].sum()) if who.any() else math.nan

    return {
        "weeks": mean(weeks),
        "within_26": mean(weeks <= STATUTORY_WEEKS),
        "weeks_trial": mean(weeks[ours]),
        "within_26_trial": mean(weeks[ours] <= STATUTORY_WEEKS),
        "sitting_days": hearings.sum(j, since),
        "moves": rate(np.ones(len(moved), bool)),
        "moves_trial": rate(theirs),
    }


def _costs(j: Journeys, frame: _Frame, prices: UnitCosts) -> dict[str, Any]:
    """What falls since the first opening on families that entered care since then, in the trial or not."""
    f = j.tables["families"]
    since = frame.day(frame.opened)
    who = np.flatnonzero((f["n_children"] > 0) & (f["entered"] >= since) & (f["entered"] <= j.end))
    items = cost_items(j, prices, who)
    # a hearing before the child came into care may lie before the first opening
    after = items.days >= since
    day, holder, amount, part = (each[after] for each in (items.days, items.holder, items.amount, items.part))
    n = len(HOLDERS), len(frame.years)
    first = int(frame.years[0][:4])
    edges = np.array([frame.day(dt.date(first + k, 4, 1)) for k in range(1, n[1])])
    year = np.searchsorted(edges, np.floor(day), side="right")
    pounds = np.bincount(holder * n[1] + year, amount, minlength=n[0] * n[1])
    held = pounds.reshape(n).sum(axis=1)
    names = [f"cost_{holder.replace(' ', '_').lower()}" for holder in HOLDERS]
    return {
        "cost": float(held.sum()),
        **dict(zip(names, held.tolist(), strict=True)),
        "cost_lift": float(amount[part == PARTS.index("LIFT")].sum()),
        "by_year.pounds": pounds.tolist(),
    }


# --- what came out ------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Expansion:
    """Plans compared.

    Attributes
    ----------
    experiment : ExpansionExperiment
    scenarios : mapping of str to Scenario
        By plan.
    replicates, seed : int
    since : datetime.date
        Day zero.
    opened, closed : datetime.date
        First opening of any plan, and the last day on which any of them could recruit: the days over which occupancy is
        taken. Courts, moves and costs are counted from the former on.
    months : tuple of datetime.date
        Edges of the months.
    years : tuple of str
        Financial years, April to March.
    rows : pandas.DataFrame
        One row for each replicate and plan: every measure, in natural units (days, shares, GBP), and arrays by month
        and by year.
    """

    experiment: ExpansionExperiment
    scenarios: Mapping[str, Scenario]
    replicates: int
    seed: int
    since: dt.date
    opened: dt.date
    closed: dt.date
    months: tuple[dt.date, ...]
    years: tuple[str, ...]
    rows: pd.DataFrame

    @property
    def plans(self) -> tuple[ExpansionPlan, ...]:
        """The plans, in the experiment's order."""
        return self.experiment.plans

    @property
    def baseline(self) -> ExpansionPlan:
        """The plan with which the others are compared."""
        return self.experiment.plan(self.experiment.baseline)

    def of(self, plan: str, column: str) -> np.ndarray:
        """A column of a plan, by replicate; arrays by month or year as (replicates, ...).

        Raises
        ------
        KeyError
            If there is no such plan or column.
        """
        if plan not in self.scenarios:
            raise KeyError(plan)
        values = self.rows.loc[self.rows["plan"] == plan, column]
        return np.stack(values.to_list()) if "." in column else values.to_numpy(float)

    def table(self) -> pd.DataFrame:
        """Every measure of every plan.

        Returns
        -------
        pandas.DataFrame
            One row for each plan and measure: plan, measure, label, unit (of what is shown: shares in per cent, money
            in millions), mean, mcse, lower_90, upper_90 (5 and 95 % quantiles of the replicates), n (replicates in
            which there is such a figure).
        """
        rows = []
        for plan in self.plans:
            for one in MEASURES:
                values = one.times * self.of(plan.name, one.name)
                rows.append({"plan": plan.name, "measure": one.name, "label": one.label, "unit": one.unit,
                             **_summary(values)})  # fmt: skip
        return pd.DataFrame(rows)

    def differences(self) -> pd.DataFrame:
        """Every other plan less the baseline, paired by replicate.

        Returns
        -------
        pandas.DataFrame
            As `table`, of the differences (shares in percentage points), and variance_ratio: how many times the
            variance of the difference would be if the plans had been run with luck of their own (NaN where no replicate
            differs). ``mean ± 1.645 mcse`` is what is known of the mean; lower_90 and upper_90 are what one trial may
            meet.
        """
        rows = []
        for plan in self.plans:
            if plan.name == self.baseline.name:
                continue
            for one in MEASURES:
                mine = one.times * self.of(plan.name, one.name)
                base = one.times * self.of(self.baseline.name, one.name)
                both = np.isfinite(mine) & np.isfinite(base)
                mine, base = mine[both], base[both]
                unit = one.unit.replace("% of trials", "points").replace("%", "points")
                rows.append({"plan": plan.name, "measure": one.name, "label": one.label, "unit": unit,
                             **_summary(mine - base), "variance_ratio": _variance_ratio(mine, base)})  # fmt: skip
        return pd.DataFrame(rows)

    def target_of(self, plan: str) -> Simulated:
        """When a plan's target is reached, as the recruitment forecast tells it (`Simulated.date`, `probability`)."""
        days = self.of(plan, "target_day")
        return Simulated(self.since, self.experiment.target_of(plan), days, (), (), pd.DataFrame())

    def dates(self) -> pd.DataFrame:
        """When each plan reaches its target.

        Returns
        -------
        pandas.DataFrame
            One row for each plan: plan, target, lower_90, lower_50, median, upper_50, upper_90 (dates; None if not
            within the run), mcse_days (of the median), reached (share of replicates), mcse.
        """
        names = {"lower_90": 0.05, "lower_50": 0.25, "median": 0.5, "upper_50": 0.75, "upper_90": 0.95}
        rows = []
        for plan in self.plans:
            time = self.target_of(plan.name)
            share, error = time.probability(self.months[-1])
            dates = {name: time.date(p) for name, p in names.items()}
            rows.append({"plan": plan.name, "target": time.target, **dates, "mcse_days": time.median_error(),
                         "reached": share, "mcse": error})  # fmt: skip
        return pd.DataFrame(rows).astype(dict.fromkeys(names, object))

    def monthly(self, plan: str) -> pd.DataFrame:
        """A plan by month.

        Returns
        -------
        pandas.DataFrame
            One row for each month: month (its first day within the run), until, and for families (randomised by the end
            of the month), waiting (mean number of families waiting for LIFT), in_use (mean number of places in use),
            occupancy (in_use over places; NaN without places), wait (days, mean of the trial families who asked in the
            month and began; over the replicates that had any): each as the mean, and ``_lower_90``, ``_lower_50``,
            ``_median``, ``_upper_50``, ``_upper_90``; and places, and wait_n (families behind a mean wait, in all
            replicates).
        """
        families = self._families(plan).sum(axis=1).cumsum(axis=1)
        arrays = {name: self.of(plan, f"by_month.{name}") for name in ("waiting", "in_use", "places", "began",
                                                                       "wait_days")}  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            occupancy = np.where(arrays["places"] > 0, arrays["in_use"] / arrays["places"], np.nan)
            wait = np.where(arrays["began"] > 0, arrays["wait_days"] / arrays["began"], np.nan)
            pooled = arrays["wait_days"].sum(axis=0) / arrays["began"].sum(axis=0)
        out: dict[str, Any] = {"month": list(self.months[:-1]), "until": list(self.months[1:])}
        for name, values in (("families", families), ("waiting", arrays["waiting"]), ("in_use", arrays["in_use"]),
                             ("occupancy", occupancy), ("wait", wait)):  # fmt: skip
            out |= _fan(name, values)
        out |= {
            "wait": pooled,
            "places": arrays["places"].mean(axis=0),
            "wait_n": arrays["began"].sum(axis=0),
        }
        return pd.DataFrame(out)

    def by_borough(self, plan: str) -> pd.DataFrame:
        """Families randomised in each borough and month: month, borough, families (mean), most (of any replicate)."""
        families = self._families(plan)
        names = list(self.experiment.scenario.boroughs)
        return pd.DataFrame(
            {
                "month": np.tile(np.asarray(self.months[:-1], object), len(names)),
                "borough": np.repeat(np.asarray(names, object), len(self.months) - 1),
                "families": families.mean(axis=0).ravel(),
                "most": families.max(axis=0).ravel(),
            }
        )

    def _families(self, plan: str) -> np.ndarray:
        """Families randomised, (replicates, boroughs, months)."""
        counts = self.of(plan, "by_month.families")
        return counts.reshape(len(counts), -1, len(self.months) - 1)

    def costs(self, plan: str) -> pd.DataFrame:
        """What each budget holder spends in each financial year, undiscounted.

        Returns
        -------
        pandas.DataFrame
            One row for each year and holder, and "all": year, holder, mean, mcse, lower_90, upper_90 (GBP), n. The
            first and the last year may be in part.

        Notes
        -----
        LIFT is costed by the hours that its clinicians spend on families (`best_sim.measures.costs`), not by the
        salaries of a team whose places stand empty.
        """
        pounds = self.of(plan, "by_year.pounds").reshape(-1, len(HOLDERS), len(self.years))
        whole = np.concatenate([pounds, pounds.sum(axis=1, keepdims=True)], axis=1)
        return pd.DataFrame(
            [
                {"year": year, "holder": holder, **_summary(whole[:, i, k])}
                for k, year in enumerate(self.years)
                for i, holder in enumerate((*HOLDERS, "all"))
            ]
        )

    def openings(self, plan: str) -> list[tuple[dt.date | None, str]]:
        """When each borough opens (None for never), and what it is called; in order of time."""
        scenario = self.scenarios[plan]
        end = scenario.simulation.end_date
        found = [(one.opens if one.opens < end else None, one.title) for one in scenario.boroughs.values()]
        return sorted(found, key=lambda each: (each[0] is None, each[0] or end, each[1]))


def _summary(values: np.ndarray) -> dict[str, float]:
    values = values[np.isfinite(values)]
    n = len(values)
    if not n:
        return {"mean": math.nan, "mcse": math.nan, "lower_90": math.nan, "upper_90": math.nan, "n": 0}
    low, high = np.quantile(values, [0.05, 0.95])
    error = float(values.std(ddof=1) / math.sqrt(n)) if n > 1 else math.nan
    return {
        "mean": float(values.mean()),
        "mcse": error,
        "lower_90": float(low),
        "upper_90": float(high),
        "n": n,
    }


def _variance_ratio(mine: np.ndarray, base: np.ndarray) -> float:
    if len(mine) < 2:
        return math.nan
    paired = float(np.var(mine - base, ddof=1))
    return float(np.var(mine, ddof=1) + np.var(base, ddof=1)) / paired if paired > 0 else math.nan


def _fan(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean and quantiles over replicates, NaN where no replicate has a figure."""
    some = np.isfinite(values).any(axis=0)
    levels = {"lower_90": 0.05, "lower_50": 0.25, "median": 0.5, "upper_50": 0.75, "upper_90": 0.95}
    out = {name: np.full(values.shape[1], np.nan)}
    out[name][some] = np.nanmean(values[:, some], axis=0)
    for level, p in levels.items():
        column = np.full(values.shape[1], np.nan)
        column[some] = np.nanquantile(values[:, some], p, axis=0)
        out[f"{name}_{level}"] = column
    return out


_SAID: Mapping[str, tuple[str, str, int]] = MappingProxyType(
    {
        "months_to_target": ("time to the target", "months", 1),
        "lift_wait": ("wait for LIFT", "days", 0),
        "weeks": ("proceedings", "weeks", 1),
        "sitting_days": ("court time", "sitting days", 0),
        "cost": ("spending", "million GBP", 2),
    }
)
"""What a sentence tells of a difference: measure, words, unit, digits."""


# --- in words -----------------------------------------------------------------------------------------------
def words_of(found: Expansion) -> list[str]:
    """One plain sentence for each plan, the baseline's first."""
    dates = found.dates().set_index("plan")
    table = found.table().set_index(["plan", "measure"])
    differences = found.differences()
    if len(differences):
        differences = differences.set_index(["plan", "measure"])
    first = [found.baseline, *(one for one in found.plans if one.name != found.baseline.name)]
    lines = []
    for plan in first:
        row: Any = dates.loc[plan.name]
        said = f"{plan.shown}: {_date_words(row)}"
        mine: Any = table.loc[plan.name]
        said += (
            f"; trial families who begin LIFT wait {mine.loc['lift_wait', 'mean']:.0f} days on average, and "
            f"{mine.loc['received_lift', 'mean']:.0f} % of those allocated to it receive it"
        )
        if plan.name == found.baseline.name:
            said += (
                f"; £{mine.loc['cost', 'mean']:.1f} million is spent on all families, in the trial or not."
            )
        else:
            apart = {name: differences.loc[(plan.name, name)] for name in _SAID}
            said += (
                f"; compared with {found.baseline.shown}: {', '.join(map(_change, _SAID, apart.values()))}."
            )
        lines.append(said)
    return lines


def _date_words(row: Any) -> str:
    if row["median"] is None:
        return f"{row['target']} families are not reached in most trials ({100 * row['reached']:.0f} % reach them)"
    late = f"{row['upper_90']:%B %Y}" if row["upper_90"] is not None else "beyond the end of the run"
    return (
        f"{row['target']} families by {row['median']:%B %Y} (median; 90 % from {row['lower_90']:%B %Y} to {late}; "
        f"reached in {100 * row['reached']:.0f} % of simulated trials)"
    )


def _change(name: str, row: Any) -> str:
    """A mean difference with its sign and Monte Carlo standard error."""
    what, unit, digits = _SAID[name]
    mean, error = float(row["mean"]), float(row["mcse"])
    if math.isnan(mean):
        return f"{what} not known"
    digits = digits_shown(digits, error)
    number = f"{abs(mean):.{digits}f}"
    sign = "" if float(number) == 0.0 else "+" if mean > 0 else "−"
    return f"{what} {sign}{number} {unit} (MCSE {error:.{digits}f})"
