"""One replicate of every plan: the same families with the same random numbers, and what is measured of each plan.

Only what a plan changes, and what follows from it (a fuller team, another order of the court's list), makes a journey
differ between plans. So they are compared pairwise, and the differences have a smaller Monte Carlo error than those of
independent runs (common random numbers; Law 2015, Simulation Modeling and Analysis, 5th ed., section 11.2). What is
measured is how the service, courts and budgets are used, not what a service does to a child.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from best_sim.engine.model import Engine
from best_sim.measures.costs import HOLDERS, PARTS, UnitCosts, cost_items
from best_sim.measures.observed import overlap
from best_sim.measures.stability import child_moves
from best_sim.measures.timeliness import STATUTORY_WEEKS, courts_falling_behind, decided_cases
from best_sim.measures.workload import TRIAL, clinician_time, lift_waits, received
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.expansion.ask import ExpansionQuestion, recruiting_spans
from best_sim.replications import Row
from best_sim.scenario import Scenario
from best_sim.scenario.durations import MONTH


# --- what is measured ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class PlanMeasure:
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
        The head of its column in a narrow table, with its unit; only the chief measures have one.
    """

    name: str
    label: str
    unit: str
    digits: int = 1
    times: float = 1.0
    short: str = ""


MEASURES: tuple[PlanMeasure, ...] = (
    PlanMeasure("families", "Families randomised", "families", 1),
    PlanMeasure("reached", "Target reached within the run", "% of trials", 0, 100.0),
    PlanMeasure(
        "months_to_target", "First opening to target, at most to the end of recruitment", "months", 1
    ),
    PlanMeasure(
        "lift_wait", "Wait of trial families who began LIFT, mean", "days", 1, short="Wait for\nLIFT, days"
    ),
    PlanMeasure("lift_wait_90", "Wait that one in ten of them exceeds", "days", 1),
    PlanMeasure("lift_gave_up", "Trial families that asked and waited too long", "%", 1, 100.0),
    PlanMeasure("lift_waiting", "Families waiting for LIFT, mean number", "families", 2),
    PlanMeasure("lift_occupancy", "LIFT places in use", "%", 1, 100.0, short="Places\nused, %"),
    PlanMeasure("received", "Received what they were allocated", "%", 1, 100.0),
    PlanMeasure("received_lift", "of those allocated to LIFT", "%", 1, 100.0, short="Received\nLIFT, %"),
    PlanMeasure("received_sau", "of those allocated to services as usual", "%", 1, 100.0),
    PlanMeasure("weeks", "Proceedings, all families, mean", "weeks", 1, short="Proceedings,\nweeks"),
    PlanMeasure("within_26", "Decided within 26 weeks, all families", "%", 1, 100.0),
    PlanMeasure("weeks_trial", "Proceedings, trial families, mean", "weeks", 1),
    PlanMeasure("within_26_trial", "Decided within 26 weeks, trial families", "%", 1, 100.0),
    PlanMeasure("sitting_days", "Court sitting days of these families' hearings", "days", 0),
    PlanMeasure("courts_behind", "Courts that fall behind in the last year", "courts", 1),
    PlanMeasure(
        "moves", "Moves per child-year in care, all children", "moves", 3, short="Moves per\nchild-year"
    ),
    PlanMeasure("moves_trial", "Moves per child-year in care, trial children", "moves", 3),
    PlanMeasure(
        "cost", "Spent on all these boroughs' families", "million GBP", 2, 1e-6, short="Spent,\nmillion GBP"
    ),
    *(
        PlanMeasure(f"cost_{holder.replace(' ', '_').lower()}", f"by the {who}", "million GBP", 2, 1e-6)
        for holder, who in zip(HOLDERS, ("local authorities", "NHS", "courts"), strict=True)
    ),
    PlanMeasure("cost_lift", "of all, for LIFT's clinicians", "million GBP", 2, 1e-6),
)
"""Every figure, in the order in which it is shown. Families, waits, receipt: those of the trial. Occupancy and families
waiting: all who use the LIFT teams, all teams together, while any plan recruits; it may pass 100 % after places were
taken away, since families keep theirs. Courts, moves and costs: every family of the scenario's boroughs, in the trial
or not, from the first opening of any plan to the end of the run."""


def measure(name: str) -> PlanMeasure:
    """The measure of a name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return {one.name: one for one in MEASURES}[name]


# --- the days over which it is measured -----------------------------------------------------------------------
@dataclass(frozen=True)
class Frame:
    """The days over which all plans are compared.

    Attributes
    ----------
    since, opened, closed : datetime.date
        Day zero; first opening of any plan; the last day on which any of them could recruit. Occupancy is taken between
        the latter two; courts, moves and costs are counted from the first opening on.
    months : tuple of datetime.date
        Edges of the calendar months of the run, the first and the last of which may be in part.
    years : tuple of str
        Financial years, April to March, with any cost.
    boroughs : tuple of str
    """

    since: dt.date
    opened: dt.date
    closed: dt.date
    months: tuple[dt.date, ...]
    years: tuple[str, ...]
    boroughs: tuple[str, ...]

    @classmethod
    def of(cls, question: ExpansionQuestion) -> Frame:
        """That of a question's plans."""
        start, end = question.world.simulation.start_date, question.world.simulation.end_date
        spans = [span for one in question.scenarios.values() for span in recruiting_spans(one)]
        opened, closed = min(first for first, _ in spans), max(last for _, last in spans)
        firsts = [dt.date(y, m, 1) for y in range(start.year, end.year + 1) for m in range(1, 13)]
        months = (start, *(day for day in firsts if start < day < end), end)
        began = opened.year - (opened.month < 4)
        over = end.year - (end.month < 4)
        years = tuple(f"{y}/{(y + 1) % 100:02d}" for y in range(began, over + 1))
        return cls(start, opened, closed, months, years, tuple(question.world.boroughs))

    def day(self, date: dt.date) -> float:
        """Days since day zero."""
        return float((date - self.since).days)


@dataclass(frozen=True, eq=False)
class _HearingDays:
    """Sitting days of one hearing, by court and kind; a final one's are those of its date's content, on average."""

    days: np.ndarray
    content: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, scenario: Scenario) -> _HearingDays:
        of = scenario.proceedings
        hours = np.array([getattr(of.hours, name) for name in W.HEARINGS] + [of.hours.final_agreed])
        hours[W.FINAL_HEARING] *= of.contested_final
        hours[-1] *= 1.0 - of.contested_final
        day = np.array([court.hours_per_sitting_day for court in scenario.courts.values()])
        times, content = of.content.lowered(scenario.simulation.start_date)
        return cls(hours[None, :] / day[:, None], (np.asarray(times), np.asarray(content)))

    def sum(self, j: Journeys, since: float) -> float:
        """Of the hearings held since a day, those that were adjourned among them: their time was set aside too."""
        held = j.record[(W.which(W.HEARING_HELD, j.record["event"]) >= 0) & (j.record["time"] >= since)]
        court = j.tables["families"]["court"][j.tables["cases"]["family"][held["subject"].astype(np.int64)]]
        kind = held["value"].astype(np.int64)
        final = kind == W.FINAL_HEARING
        times, content = self.content
        at = content[np.maximum(np.searchsorted(times, held["time"], side="right") - 1, 0)]
        return float((self.days[court, kind] * np.where(final, at, 1.0) + self.days[court, -1] * final).sum())


# --- one replicate ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ReplicateOfPlans:
    """Rows of one replicate: one for each plan, in their order.

    Parameters
    ----------
    lowered, prices, hearings, targets : mapping of str
        By plan: its scenario, unit costs, sitting days of hearings, and target.
    frame : Frame
    seed : int
    engine : {"compiled", "simpy"}
    """

    lowered: Mapping[str, Lowered]
    prices: Mapping[str, UnitCosts]
    hearings: Mapping[str, _HearingDays]
    targets: Mapping[str, int]
    frame: Frame
    seed: int
    engine: Engine

    @classmethod
    def of(cls, question: ExpansionQuestion, engine: Engine) -> ReplicateOfPlans:
        """That of a question's plans."""
        scenarios = question.scenarios
        return cls(
            {name: lower(one) for name, one in scenarios.items()},
            {name: UnitCosts.of(one) for name, one in scenarios.items()},
            {name: _HearingDays.of(one) for name, one in scenarios.items()},
            {name: question.target_of(name) for name in scenarios},
            Frame.of(question), question.seed, engine,
        )  # fmt: skip

    def __call__(self, number: int) -> list[Row]:
        """The rows of the replicate of this number."""
        out = []
        for name, lowered in self.lowered.items():
            j = simulate(lowered, self.seed, number, self.engine)
            row: Row = {"replicate": number, "plan": name}
            row |= _recruited(j, self.frame, self.targets[name])
            row |= _lift(j, self.frame)
            row |= _care(j, self.frame, self.hearings[name])
            row |= _costs(j, self.frame, self.prices[name])
            out.append(row)
        return out


def _recruited(j: Journeys, frame: Frame, target: int) -> dict[str, Any]:
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


def _lift(j: Journeys, frame: Frame) -> dict[str, Any]:
    """Waits of trial families; places in use and families waiting, of all who use the teams together."""
    asks = lift_waits(j, -math.inf)
    asked, left = asks["asked_days"].to_numpy(), asks["left_days"].to_numpy()
    began = (asks["outcome"] == "started").to_numpy()
    work = clinician_time(j)
    trial = (asks["who"] == TRIAL).to_numpy()
    waits = (left - asked)[trial & began]
    gave_up = asks["outcome"].isin(("gave up", "court would not wait")).to_numpy()[trial]
    edges = np.array([frame.day(day) for day in frame.months])
    month = np.clip(np.searchsorted(edges, asked, side="right") - 1, 0, len(edges) - 2)
    use = _between(work.start, work.end, edges)
    there = _places(j, edges)
    queue = _between(asked, left, edges)
    window = np.array([frame.day(frame.opened), frame.day(frame.closed)])
    in_use, places, waiting = (
        float(each[0])
        for each in (
            _between(work.start, work.end, window),
            _places(j, window),
            _between(asked, left, window),
        )
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
    """Place-days of all professions of all LIFT teams between each two edges."""
    out = np.zeros(len(edges) - 1)
    for event in W.TEAM_PLACES:
        rows = j.record[j.record["event"] == event]
        for team in range(len(j.names["teams"])):
            mine = rows[rows["subject"] == team]
            change = np.append(mine["time"], np.inf)
            days = overlap(change[:-1, None], change[1:, None], edges[None, :-1], edges[None, 1:])
            out += mine["value"].astype(float) @ days
    return out


def _care(j: Journeys, frame: Frame, hearings: _HearingDays) -> dict[str, Any]:
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
        "courts_behind": float(len(courts_falling_behind(j))),
        "moves": rate(np.ones(len(moved), bool)),
        "moves_trial": rate(theirs),
    }


def _costs(j: Journeys, frame: Frame, prices: UnitCosts) -> dict[str, Any]:
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
