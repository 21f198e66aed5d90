"""What care, court and services cost: unit costs of the scenario times what the journeys used.

Costs are counted from a child's entry to care to the horizon (30 months by default), in pounds of the year in which
they fall, discounted to the day of entry. The service part is what the published comparison of LIFT and SAU is about:
clinicians' time or parenting assessments, and usual support.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.pathway.rules.services import BY_PSYCHOLOGIST
from best_sim.scenario.durations import MONTH, WEEK, YEAR

if TYPE_CHECKING:
    from best_sim.pathway import Journeys
    from best_sim.scenario import Scenario

PARTS = ("LIFT", "assessments", "usual support", "court", "placements")
SERVICE = ("LIFT", "assessments", "usual support")
HOLDERS = ("local authority", "NHS", "courts")
"""Who pays: the council for care, social workers and assessments, the NHS for psychologists and psychiatrists, the
courts for hearings, in Scotland with the reporter and the panels."""

_LIFT, _ASSESSMENTS, _SUPPORT, _COURT, _PLACEMENTS = range(len(PARTS))
_COUNCIL, _NHS, _COURTS = range(len(HOLDERS))
_ASSESSMENT = ("assessment_in_house", "assessment_independent", "assessment_expert")
_COUNTED = {
    "public sector": (PARTS, HOLDERS),
    "local authority": (PARTS, ("local authority",)),
    "service only": (SERVICE, HOLDERS),
}


@dataclass(frozen=True, eq=False)
class UnitCosts:
    """Prices of a scenario as numbers, by day of the run.

    Attributes
    ----------
    horizon, rate : float
        Days from entry; a year's discount.
    edges : numpy.ndarray of float
        Days on which a price changes or a financial year begins, the first minus and the last plus infinity.
    week : numpy.ndarray of float, shape (types of placement, edges - 1)
        Pounds a week between the edges.
    hearing, childrens_hearing : numpy.ndarray of float
        Pounds, between the edges: of a court, the sheriff's too; of lay members in Scotland.
    assessment : numpy.ndarray of float
        Pounds, by assessor in the order of `words.ASSESSORS`; LIFT's own is 0 here, being counted in hours.
    support_day : float
        Pounds a day.
    weekly_hours : numpy.ndarray of float, shape (3,)
        Hours a week that each profession gives a family while it is assessed.
    course_hours : numpy.ndarray of float, shape (treatments, 3)
        Hours of a full course by profession.
    hour : numpy.ndarray of float
        Pounds an hour of each profession, overhead included.
    parts, holders : tuple of str
        What the perspective counts.
    threshold : float
        Pounds that a QALY is held to be worth.
    """

    horizon: float
    rate: float
    edges: np.ndarray
    week: np.ndarray
    hearing: np.ndarray
    childrens_hearing: np.ndarray
    assessment: np.ndarray
    support_day: float
    weekly_hours: np.ndarray
    course_hours: np.ndarray
    hour: np.ndarray
    parts: tuple[str, ...]
    holders: tuple[str, ...]
    threshold: float

    @classmethod
    def of(cls, scenario: Scenario) -> UnitCosts:
        """Those of a scenario."""
        costs, lift, start = scenario.costs, scenario.lift, scenario.simulation.start_date
        nothing = ([-np.inf], [0.0])  # an adult is nobody's charge as a child
        series = [
            nothing if k == W.OF_AGE else getattr(costs, f"{name}_week").lowered(start)
            for k, name in enumerate(W.PLACEMENT_TYPES)
        ]
        series += [price.lowered(start) for price in (costs.hearing, costs.childrens_hearing)]
        last = scenario.simulation.end_date.year + 1
        years = [float((dt.date(year, 4, 1) - start).days) for year in range(start.year - 1, last + 1)]
        edges = np.unique(np.concatenate([years, *(times[1:] for times, _ in series)]))
        edges = np.concatenate([[-np.inf], edges, [np.inf]])
        prices = np.array(
            [
                np.asarray(values)[np.maximum(np.searchsorted(times, edges[:-1], side="right") - 1, 0)]
                for times, values in series
            ]
        )
        course = np.zeros((len(W.TREATMENTS), len(W.PROFESSIONS)))
        for k, name in enumerate(W.TREATMENTS):
            by = W.PSYCHOLOGIST if k == BY_PSYCHOLOGIST else W.SOCIAL_WORKER
            course[k, by] = getattr(lift.sessions, name) * getattr(lift.hours_per_session, name)
        hour = np.array([costs.social_worker_hour, costs.psychologist_hour, costs.psychiatrist_hour])
        parts, holders = _COUNTED[costs.perspective]
        return cls(
            horizon=float(costs.horizon),
            rate=float(costs.discount_rate),
            edges=edges,
            week=prices[:-2],
            hearing=prices[-2],
            childrens_hearing=prices[-1],
            assessment=np.array(
                [*(getattr(costs, name) for name in _ASSESSMENT), 0.0, costs.assessment_statement]
            ),
            support_day=costs.usual_support_month / MONTH,
            weekly_hours=np.array([getattr(lift.weekly_hours, name) for name in W.PROFESSIONS]),
            course_hours=course,
            hour=hour * (1.0 + costs.lift_overhead),
            parts=parts,
            holders=holders,
            threshold=float(costs.threshold),
        )

    def present(self, amount: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Value at entry of an amount that falls some days after it."""
        return amount / (1.0 + self.rate) ** (np.maximum(days, 0.0) / YEAR)


@dataclass(frozen=True, eq=False)
class CostItems:
    """What was spent on families, item by item.

    Attributes
    ----------
    family : numpy.ndarray of int
        Row of the table of families.
    child : numpy.ndarray of int
        Row of the table of children, or -1 for what the family's children share.
    part, holder : numpy.ndarray of int
        Numbers in `PARTS` and `HOLDERS`.
    days : numpy.ndarray of float
        When it fell, since the start of the run; the middle of a stretch of time.
    amount, present : numpy.ndarray of float
        Pounds of the day, and their value at the family's entry to care.
    """

    family: np.ndarray
    child: np.ndarray
    part: np.ndarray
    holder: np.ndarray
    days: np.ndarray
    amount: np.ndarray
    present: np.ndarray


def cost_items(journeys: Journeys, prices: UnitCosts, families: np.ndarray | None = None) -> CostItems:
    """Every cost of some families, from entry to care to the horizon.

    Parameters
    ----------
    journeys : Journeys
        With its event record.
    prices : UnitCosts
    families : numpy.ndarray of int, optional
        Rows of the table of families; by default the eligible randomised ones.

    Returns
    -------
    CostItems

    Raises
    ------
    ValueError
        If the run kept no event record.

    Notes
    -----
    LIFT's hours are those of each profession that worked: while the family was assessed, so many a week; of a
    treatment, those of its sessions, half of them where it was broken off or has not ended. They fall on the day on
    which the work began. Usual support is spread over the months and is not discounted.
    """
    who = trial_families(journeys) if families is None else np.asarray(families, np.int64)
    until = np.full(len(journeys.tables["families"]), -np.inf)
    until[who] = np.minimum(journeys.tables["families"]["entered"][who] + prices.horizon, journeys.end)
    blocks = [
        *_of_lift(journeys, prices, who),
        _of_assessments(journeys, prices, until),
        _of_support(journeys, prices, who, until),
        _of_hearings(journeys, prices, until),
        _of_placements(journeys, prices, until),
    ]
    family, child, part, holder, days, amount = (
        np.concatenate(column) for column in zip(*blocks, strict=True)
    )
    present = prices.present(amount, days - journeys.tables["families"]["entered"][family])
    present = np.where(part == _SUPPORT, amount, present)
    return CostItems(family, child, part, holder, days, amount, present)


def trial_families(journeys: Journeys) -> np.ndarray:
    """Rows of the eligible randomised families."""
    f = journeys.tables["families"]
    rows = np.flatnonzero(f["arm"] != W.NOT_ALLOCATED)
    return rows[np.isnan(f["ineligible"][rows])]


def by_child(items: CostItems, journeys: Journeys, counted: np.ndarray | None = None) -> np.ndarray:
    """Present value by child, a family's shared costs split equally between its children.

    Parameters
    ----------
    items : CostItems
    journeys : Journeys
    counted : numpy.ndarray of bool, optional
        Which items count; all, by default.

    Returns
    -------
    numpy.ndarray of float
        Pounds, by row of the table of children.
    """
    f = journeys.tables["families"]
    use = np.ones(len(items.family), bool) if counted is None else counted
    shared = use & (items.child < 0)
    of_family = np.bincount(items.family[shared], items.present[shared], len(f))
    of_family = of_family / np.maximum(f["n_children"], 1)
    own = use & ~shared
    out = np.repeat(of_family, LARGEST_FAMILY)
    return out + np.bincount(items.child[own], items.present[own], len(out))


def total_by_child(items: CostItems, journeys: Journeys, prices: UnitCosts) -> np.ndarray:
    """What the perspective counts, by row of the table of children: pounds, at entry."""
    counted = np.isin(items.part, [PARTS.index(p) for p in prices.parts])
    counted &= np.isin(items.holder, [HOLDERS.index(h) for h in prices.holders])
    return by_child(items, journeys, counted)


def child_costs(journeys: Journeys, scenario: Scenario) -> pd.DataFrame:
    """Costs of every randomised child by part.

    Parameters
    ----------
    journeys : Journeys
    scenario : Scenario
        Unit costs, discount rate, horizon and perspective (`scenario.costs`).

    Returns
    -------
    pandas.DataFrame
        One row for each child of an eligible randomised family: child, family, arm, and in GBP: service (clinicians or
        parenting assessments, and usual support), court (hearings), placements (weeks by type and year), total (the
        parts within the perspective). A family's service and court costs are shared between its children.

    Notes
    -----
    Perspectives: ``public sector`` counts all parts; ``local authority`` leaves out the court and LIFT's NHS staff
    (psychologists and psychiatrists); ``service only`` counts the service.
    """
    prices = UnitCosts.of(scenario)
    items = cost_items(journeys, prices)
    who = trial_families(journeys)
    rows = (who[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    rows = rows[journeys.tables["children"]["index"][rows] >= 0]
    family = rows // LARGEST_FAMILY
    service = np.isin(items.part, [PARTS.index(p) for p in SERVICE])
    return pd.DataFrame(
        {
            "child": rows,
            "family": family,
            "arm": np.asarray(W.ARMS, object)[journeys.tables["families"]["arm"][family]],
            "service": by_child(items, journeys, service)[rows],
            "court": by_child(items, journeys, items.part == _COURT)[rows],
            "placements": by_child(items, journeys, items.part == _PLACEMENTS)[rows],
            "total": total_by_child(items, journeys, prices)[rows],
        }
    )


def service_costs(journeys: Journeys, scenario: Scenario) -> dict[str, float]:
    """Mean service cost per child by arm, GBP; NaN for an arm without children.

    Returns
    -------
    dict
        Keys ``"LIFT"`` and ``"SAU"``; the published figures are 10,002 and 4,336 (Deidda et al. 2025).
    """
    costs = child_costs(journeys, scenario)
    return {arm: float(costs.loc[costs["arm"] == arm, "service"].mean()) for arm in ("LIFT", "SAU")}


# --- the parts ----------------------------------------------------------------------------------------------
Block = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _block(
    family: np.ndarray,
    part: int,
    holder: int,
    days: np.ndarray,
    amount: np.ndarray,
    child: np.ndarray | None = None,
) -> Block:
    n = len(family)
    shared = np.full(n, -1) if child is None else child
    return family.astype(np.int64), shared, np.full(n, part), np.full(n, holder), days, amount


def _of_lift(j: Journeys, prices: UnitCosts, who: np.ndarray) -> list[Block]:
    """LIFT's clinicians, by the hours of each profession: the council's social workers, and health staff."""
    f = j.tables["families"]
    mine = np.zeros(len(f), bool)
    mine[who] = True
    began = np.flatnonzero(mine & ~np.isnan(f["lift_started"]))
    until = np.where(np.isnan(f["lift_freed"][began]), j.end, f["lift_freed"][began])
    weeks = (until - f["lift_started"][began]) / WEEK
    work = [(began, f["lift_started"][began], f["clinicians"][began] * weeks[:, None] * prices.weekly_hours)]
    r = j.record
    for event, over in (
        (W.TREATMENT_STARTED, W.TREATMENT_ENDED),
        (W.CARERS_TREATMENT_STARTED, W.CARERS_TREATMENT_ENDED),
    ):
        begun, ended = (_in_turn(_of_families(r[r["event"] == one], mine)) for one in (event, over))
        complete = np.zeros(len(begun), bool)
        # of one family, the n-th beginning and the n-th end
        nth = dict(zip(_turns(ended), ended["value"] == 1, strict=True))
        complete[:] = [nth.get(turn, False) for turn in _turns(begun)]
        hours = prices.course_hours[begun["value"].astype(np.int64)] * np.where(complete, 1.0, 0.5)[:, None]
        work.append((begun["subject"].astype(np.int64), begun["time"].copy(), hours))
    blocks = []
    for family, days, hours in work:
        pounds = hours * prices.hour
        blocks.append(_block(family, _LIFT, _COUNCIL, days, pounds[:, W.SOCIAL_WORKER]))
        blocks.append(_block(family, _LIFT, _NHS, days, pounds.sum(axis=1) - pounds[:, W.SOCIAL_WORKER]))
    return blocks


def _of_families(r: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Of events about families, those of the ones that are wanted."""
    return r[mine[r["subject"].astype(np.int64)]]


def _in_turn(r: np.ndarray) -> np.ndarray:
    return r[np.argsort(r["subject"], kind="stable")]


def _turns(r: np.ndarray) -> list[tuple[int, int]]:
    """Of rows sorted by subject: the subject, and which row of it each is."""
    first = np.searchsorted(r["subject"], r["subject"], side="left")
    return list(zip(r["subject"].tolist(), (np.arange(len(r)) - first).tolist(), strict=True))


def _of_assessments(j: Journeys, prices: UnitCosts, until: np.ndarray) -> Block:
    """Parenting assessments and statements of all proceedings, when the report is in."""
    r = j.record
    r = r[(r["event"] == W.EVIDENCE_IN) & (r["value"] != W.BY_LIFT)]
    family = j.tables["cases"]["family"][r["subject"].astype(np.int64)]
    use = r["time"] <= until[family]
    r, family = r[use], family[use]
    return _block(
        family, _ASSESSMENTS, _COUNCIL, r["time"].copy(), prices.assessment[r["value"].astype(np.int64)]
    )


def _of_hearings(j: Journeys, prices: UnitCosts, until: np.ndarray) -> Block:
    """Hearings held; those cancelled before their day are in the price, a case's whole cost over its hearings held."""
    r = j.record
    r = r[W.which(W.ANY_HEARING, r["event"]) >= 0]
    family = j.tables["cases"]["family"][r["subject"].astype(np.int64)]
    use = r["time"] <= until[family]
    r, family = r[use], family[use]
    column = np.searchsorted(prices.edges, r["time"], side="right") - 1
    lay = r["event"] == W.CHILDRENS_HEARING_HELD
    price = np.where(lay, prices.childrens_hearing[column], prices.hearing[column])
    return _block(family, _COURT, _COURTS, r["time"].copy(), price)


def _of_support(j: Journeys, prices: UnitCosts, who: np.ndarray, until: np.ndarray) -> Block:
    """Usual support of each child, by the month until the horizon."""
    children = (who[:, None] * LARGEST_FAMILY + np.arange(LARGEST_FAMILY)).ravel()
    children = children[j.tables["children"]["index"][children] >= 0]
    family = children // LARGEST_FAMILY
    stretch = _stretches(prices, j.tables["families"]["entered"][family], until[family])
    of, days, length, _ = stretch
    return _block(family[of], _SUPPORT, _COUNCIL, days, length * prices.support_day, children[of])


def _of_placements(j: Journeys, prices: UnitCosts, until: np.ndarray) -> Block:
    """Weeks in each placement at the price of the day."""
    r = j.record
    r = r[W.which(W.PLACED, r["event"]) >= 0]
    group = r["subject"].astype(np.int64)
    use = np.isfinite(until[group // LARGEST_FAMILY])
    r, group = r[use], group[use]
    order = np.argsort(group, kind="stable")
    r, group = r[order], group[order]
    begin, end = r["time"], np.append(r["time"][1:], j.end)
    end = np.where(np.append(group[1:] != group[:-1], True), j.end, end)[: len(group)]
    family = group // LARGEST_FAMILY
    of, days, length, column = _stretches(prices, begin, np.minimum(end, until[family]))
    place = r["value"].astype(np.int64)[of]
    pounds = length / WEEK * prices.week[place, column]
    # every child of the group has the placement
    children = j.lived[np.isfinite(until[j.lived // LARGEST_FAMILY])]
    theirs = np.argsort(j.tables["children"]["group"][children], kind="stable")
    children = children[theirs]
    of_group = j.tables["children"]["group"][children]
    first = np.searchsorted(of_group, group[of], side="left")
    n = np.searchsorted(of_group, group[of], side="right") - first
    item = np.repeat(np.arange(len(of)), n)
    child = children[np.repeat(first - (np.cumsum(n) - n), n) + np.arange(len(item))]
    return _block(family[of][item], _PLACEMENTS, _COUNCIL, days[item], pounds[item], child)


def _stretches(
    prices: UnitCosts, begin: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times cut where a price changes or a financial year begins: which time, its middle, its length, its column."""
    first = np.searchsorted(prices.edges, begin, side="right") - 1
    last = np.searchsorted(prices.edges, end, side="left") - 1
    n = np.where(end > begin, last - first + 1, 0)
    of = np.repeat(np.arange(len(begin)), n)
    column = np.arange(len(of)) - np.repeat(np.cumsum(n) - n - first, n)
    since, to = np.maximum(begin[of], prices.edges[column]), np.minimum(end[of], prices.edges[column + 1])
    return of, 0.5 * (since + to), to - since, column
