"""One replicate of a trial that recruits: as it is planned, or with what is believed from what has been seen."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.recruitment.ask import RecruitmentQuestion
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR
from best_sim.trial.recruitment import BetaShare, BoroughPlan, GammaRate

_DRAWS = 3
"""Keeps the numbers that the updating draws apart from those of others with the same seed and replicate."""


def work_of(question: RecruitmentQuestion, engine: Engine) -> PlannedTrial | UpdatedTrial:
    """The work of one replicate."""
    scenario, basis = question.at_target, question.basis
    if basis.seen is None:
        return PlannedTrial(lower(scenario), question.seed, engine)
    closed = basis.closed
    return UpdatedTrial(
        scenario, basis.plans, closed.rates, dict(closed.consents), basis.seen.cut_off, question.seed, engine
    )


@dataclass(frozen=True)
class PlannedTrial:
    """One replicate of the trial as it is planned."""

    lowered: Lowered
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of one replicate."""
        j = simulate(self.lowered, self.seed, number, self.engine, events=False)
        at, of = _randomised(j)
        return [{"replicate": number, "at": at.tolist(), "of": of.tolist()}]


@dataclass(frozen=True)
class UpdatedTrial:
    """One replicate with rates and consent drawn from what is believed, and what it looks like on the day."""

    scenario: Scenario
    plans: tuple[BoroughPlan, ...]
    rates: tuple[GammaRate, ...]
    consents: Mapping[str, BetaShare]
    cut_off: dt.date
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of one replicate."""
        key = np.array([self.seed, number], np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key, counter=_DRAWS))
        changes: dict[str, Any] = {"trial.stops_at_target": False}
        for plan, rate in zip(self.plans, self.rates, strict=True):
            times = rate.mean if math.isinf(rate.shape) else rng.gamma(rate.shape, rate.mean / rate.shape)
            entries = self.scenario.boroughs[plan.name].entries
            changes[f"boroughs.{plan.name}.entries"] = [
                {"from": day, "value": min(value * times, 100_000.0)} for day, value in entries
            ]
            changes[f"boroughs.{plan.name}.rate_variation"] = 0.0
        for site, share in self.consents.items():
            changes[f"sites.{site}.consent"] = float(rng.beta(share.successes, share.failures))
        lowered = lower(self.scenario.replace(changes, quietly=True))
        j = simulate(lowered, self.seed, number, self.engine, events=False)
        day = float((self.cut_off - j.start_date).days)
        at, of = _randomised(j)
        rest = at >= day
        return [{"replicate": number, "at": at[rest].tolist(), "of": of[rest].tolist()} | _today(j, day)]


def _randomised(j: Journeys) -> tuple[np.ndarray, np.ndarray]:
    f = j.tables["families"]
    mine = np.flatnonzero(f["arm"] != W.NOT_ALLOCATED)
    order = np.argsort(f["randomised"][mine], kind="stable")
    return f["randomised"][mine][order], f["borough"][mine][order]


def _today(j: Journeys, day: float) -> dict[str, int]:
    """Of families randomised before a day: in proceedings, waiting for LIFT, in LIFT, and visits due within a year."""
    f, cases = j.tables["families"], j.tables["cases"]
    mine = np.flatnonzero((f["arm"] != W.NOT_ALLOCATED) & (f["randomised"] < day) & np.isnan(f["ineligible"]))
    decided, issued = cases["decided"][mine], cases["issued"][mine]
    asked, started = (f[name][mine] for name in ("lift_asked", "lift_started"))
    # assessed, treated, or its carers worked with, from the first to the last of them
    stretches = (
        ("lift_started", "lift_freed"),
        ("treatment_started", "treatment_ended"),
        ("carers_started", "carers_ended"),
    )
    served = np.any([(f[one][mine] <= day) & ~(f[other][mine] <= day) for one, other in stretches], axis=0)
    settled = f["settled"][mine]
    due = f["visit_due"][mine]
    return {
        "today.in_proceedings": int(((issued <= day) & ~(decided <= day)).sum()),
        "today.waiting_for_lift": int(
            ((asked <= day) & ~(started <= day) & ~(settled <= day)).sum()
        ),
        "today.in_lift": int(served.sum()),
        "today.visits_due_in_a_year": int(((due >= day) & (due < day + YEAR)).sum()),
        "today.last_visits_over": int((due[:, -1] < day).sum()),
    }  # fmt: skip
