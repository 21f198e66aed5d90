"""Large runs that several closed forms are held against, made once."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from small_worlds import (
    BOROUGH,
    MONDAY,
    PLAIN,
    TEAM,
    after,
    always,
    even,
    exponential,
    in_days,
    plain_world,
    rows,
    run,
)

from best_sim.pathway import words as W
from best_sim.pathway.lowering import lower
from best_sim.scenario import Scenario
from best_sim.scenario.bank_holidays import bank_holidays
from best_sim.scenario.durations import YEAR


@dataclass
class BusyTeam:
    """A million families and more that LIFT assesses, counted by replicate or by week.

    `weeks` has one row a week: families that began, those of them that had waited, days they waited, and days of
    service beyond what its mean leads one to expect.
    """

    places: int = 2
    load: float = 0.8
    per_day: float = 200.0
    span: int = 350
    replicates: int = 34
    advice: float = -0.5
    intercept: tuple[float, ...] = (0.0, 0.3, -0.2, 0.4, 0.1)
    under_one: tuple[float, ...] = (0.0, 0.2, -0.3, 0.6, -0.4)
    lift: tuple[float, ...] = (0.0, -0.2, 0.1, 0.2, 0.3)
    advised: tuple[float, ...] = (0.0, -0.5, 0.4, -0.8, -0.3)
    retention: tuple[float, ...] = (1.0, 0.4, 0.0)
    weeks: list = field(default_factory=list)
    assessed: list = field(default_factory=list)
    return_advised: list = field(default_factory=list)
    orders: np.ndarray = field(default_factory=lambda: np.zeros((2, 2, len(W.ORDERS))))
    due: list = field(default_factory=list)
    seen: list = field(default_factory=list)


@pytest.fixture(scope="session")
def busy_team() -> BusyTeam:
    """Every family is allocated to a LIFT team of two places, four tenths in use; an order and visits follow."""
    it = BusyTeam()
    changes = {
        "simulation.end_date": after(it.span),
        f"{BOROUGH}.entries": always(it.per_day * YEAR),
        f"{TEAM}.social_workers": always(it.places),
        f"{TEAM}.assessment": exponential(it.load / it.per_day),
        "trial.consent_delay": even(0.0, 7.0),
        "proceedings.timetable": in_days(14),
        "proceedings.agreed_at_issues_resolution": 1.0,
        "advice.intercept": it.advice,
        "population.kin_available_share": 1.0,
        "visits.first": in_days(10),
        "visits.second": in_days(20),
        "visits.third": in_days(30),
        **{
            f"visits.retention.{n}": x
            for n, x in zip(("first", "second", "third"), it.retention, strict=True)
        },
    }
    for name, *x in zip(
        ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order"),
        it.intercept, it.under_one, it.lift, it.advised, strict=True,
    ):  # fmt: skip
        for part, value in zip(("intercept", "under_one", "lift", "return_advised"), x, strict=True):
            changes[f"orders.{name}.{part}"] = value
    # a bank holiday gathers its hearings on the day after, so that they ask unevenly in its week and the next
    closed = {(day - MONDAY).days // 7 for day in bank_holidays("Scotland", MONDAY.year)}
    plain = [w for w in range(2, it.span // 7 - 1) if not {w, w - 1} & closed]
    world = lower(plain_world(changes), "LIFT")
    for replicate in range(it.replicates):
        journeys = run(world, replicate=replicate)
        started = rows(journeys, W.LIFT_STARTED)
        # the first ask after a week or so, and all have asked at the full rate from day 14 on; a wait is of minutes
        # (so that which week an ask and a start fall in is the same but for a few)
        freed = rows(journeys, W.LIFT_PLACE_FREED)
        held = np.full(len(journeys.tables["families"]), np.nan)
        held[freed["subject"]] = freed["value"]
        started = started[~np.isnan(held[started["subject"]])]
        week = (started["time"] // 7.0).astype(int)
        wait, served = started["value"], held[started["subject"]]
        of_week = [
            np.bincount(week, weights=x, minlength=it.span // 7 + 1)[plain]
            for x in (np.ones(len(wait)), wait > 0.0, wait, served - it.load / it.per_day)
        ]
        it.weeks.append(np.stack(of_week, axis=1))
        assessed = rows(journeys, W.LIFT_RECOMMENDED)
        it.assessed.append(len(assessed))
        it.return_advised.append(assessed["value"].sum())
        advised = np.zeros(len(journeys.tables["families"]), int)
        advised[assessed["subject"]] = assessed["value"].astype(int)
        order = rows(journeys, W.ORDER_MADE)
        family = order["subject"] // 3
        under_one = (journeys.tables["families"]["youngest_days"][family] < YEAR).astype(int)
        np.add.at(it.orders, (under_one, advised[family], order["value"].astype(int)), 1)
        for count, events in ((it.due, W.VISIT_DUE), (it.seen, W.VISIT_MADE)):
            count.append(np.bincount(rows(journeys, events)["value"].astype(int), minlength=3))
    return it


@pytest.fixture(scope="session")
def many_boroughs(tmp_path_factory):
    """A plain world of forty boroughs alike: forty independent samples a replicate."""
    text = ['extends = "glasgow"', 'title = "Forty boroughs alike"']
    source = 'status = "assumption", source = "for a test"'
    for i in range(40 - 1):
        text += [
            f"[boroughs.b{i}]",
            f'title = {{ value = "B{i}", unit = "text", {source} }}',
            *(
                f'{key} = {{ value = "glasgow", unit = "text", {source} }}'
                for key in ("site", "court", "lift_team")
            ),
            f'opens = {{ value = {MONDAY}, unit = "date", {source} }}',
            f'entries = {{ value = [ {{ from = 2000-01-01, value = 1 }} ], unit = "children per year", {source} }}',
            f'rate_variation = {{ value = 0.0, unit = "ratio", {source} }}',
        ]
    path = tmp_path_factory.mktemp("boroughs") / "forty.toml"
    path.write_text("\n".join(text) + "\n", encoding="utf-8")
    base = Scenario.load(path).replace(PLAIN)

    def make(per_year: float, changes=None, cv: float = 0.0) -> Scenario:
        alike = {}
        for name in base.boroughs:
            alike[f"boroughs.{name}.entries"] = always(per_year)
            alike[f"boroughs.{name}.rate_variation"] = cv
        return base.replace({**alike, **(changes or {})})

    return make
