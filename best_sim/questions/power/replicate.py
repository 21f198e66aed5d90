"""One replicate of every design: simulated once for each pathway, scored for each design, analysed in every way.

What happens to the children takes some fifteen times as long to simulate as to score and analyse, and decides little of
whether a trial finds an effect: chance in the scores does. So one simulated trial may be scored several times, each
time with other random numbers. Errors over replicates then count simulated trials, not scorings
(`best_sim.trial.performance`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from best_sim.engine.model import Engine
from best_sim.measures.costs import UnitCosts
from best_sim.measures.economics import Amounts, amounts_of
from best_sim.measures.observed import day_of, under_scots_law
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.power.ask import AnalysisPlan, PowerQuestion
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.analysis import Fit, kaplan_meier
from best_sim.trial.consort import consort, flow_row
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES, AnalysisSet, analysis_set, means_of_all
from best_sim.trial.sequential import blinded_estimate

PERMANENT_AT = (12, 18, 24, 30)
"""Months after entry to care at which permanence is counted."""
BY_MONTH = "by_month"


@dataclass(frozen=True)
class Replicate:
    """Rows of one replicate: one for each design, analysis and scoring, in their order.

    What does not depend on the design's scores (recruitment, what happened to the children, the flow) is in the first
    row of each pathway alone.

    Parameters
    ----------
    lowered : tuple of Lowered
        Of each design.
    prices : tuple of UnitCosts
        Of each design.
    names : tuple of str
        Of the designs.
    effects : tuple of float
        Of the designs; NaN where there is none.
    pathways : tuple of int
        Of each design, the number of the design whose pathway it has.
    analyses : tuple of AnalysisPlan
    scorings : int
        Of each trial; what is no score is analysed once.
    seed : int
    alpha : float
    engine : {"compiled", "simpy"}
    recruitment_ended : datetime.date or None
        A published end of recruitment, to count families by.
    """

    lowered: tuple[Lowered, ...]
    prices: tuple[UnitCosts, ...]
    names: tuple[str, ...]
    effects: tuple[float, ...]
    pathways: tuple[int, ...]
    analyses: tuple[AnalysisPlan, ...]
    scorings: int
    seed: int
    alpha: float
    engine: Engine
    recruitment_ended: dt.date | None

    @classmethod
    def of(cls, experiment: PowerQuestion, engine: Engine) -> Replicate:
        """For the designs of an experiment.

        Raises
        ------
        ScenarioError
            If the scenario or a design can't be used.
        """
        pathways = [experiment.pathway_of(design) for design in experiment.designs]
        scenarios = [experiment.scenario_of(design) for design in experiment.designs]
        return cls(
            lowered=tuple(map(lower, scenarios)),
            prices=tuple(map(UnitCosts.of, scenarios)),
            names=tuple(design.name for design in experiment.designs),
            effects=tuple(np.nan if d.effect is None else d.effect for d in experiment.designs),
            pathways=tuple(map(pathways.index, pathways)),
            analyses=experiment.analyses,
            scorings=experiment.scorings,
            seed=experiment.seed,
            alpha=experiment.alpha,
            engine=engine,
            recruitment_ended=experiment.published.recruitment_ended if experiment.published else None,
        )

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The rows of replicate `number`."""
        rows = []
        simulated: dict[int, Journeys] = {}
        for i, pathway in enumerate(self.pathways):
            if i == pathway:
                simulated[i] = simulate(
                    self.lowered[i], self.seed, number, self.engine, events=needs_events(self.analyses)
                )
            for scoring in range(self.scorings):
                journeys = simulated[pathway].scored(self.lowered[i].outcomes, scoring)
                made = _Made(self.prices[i])
                for n, plan in enumerate(self.analyses):
                    if scoring > 0 and OUTCOMES[plan.outcome].kind != "score":
                        continue
                    row = {
                        "design": self.names[i], "analysis": plan.name, "replicate": number, "scoring": scoring,
                        "effect": self.effects[i],
                    }  # fmt: skip
                    row |= _analysed(journeys, plan, self.alpha, made)
                    if i == pathway and n == 0 and scoring == 0:
                        target = int(self.lowered[i].world["trial"]["target_families"][0])
                        row |= self._pathway(journeys, target, made.used(journeys, plan))
                    rows.append(row)
        return rows

    def _pathway(self, journeys: Journeys, target: int, data: AnalysisSet) -> dict[str, Any]:
        flow = flow_row(consort(journeys, data))
        return recruitment(journeys, target, self.recruitment_ended) | what_happened(journeys) | flow


def needs_events(analyses: Iterable[AnalysisPlan]) -> bool:
    """Whether an analysis is made from the event record: costs are."""
    return any(OUTCOMES[plan.outcome].amount for plan in analyses)


@dataclass
class _Made:
    """What was made for one analysis of a trial, to be used again by the others."""

    prices: UnitCosts
    sets: dict[Any, AnalysisSet] = field(default_factory=dict)
    amounts: Amounts | None = None

    def amounts_for(self, journeys: Journeys, plan: AnalysisPlan) -> Amounts | None:
        if OUTCOMES[plan.outcome].amount and self.amounts is None:
            self.amounts = amounts_of(journeys, self.prices)
        return self.amounts

    def set_for(self, journeys: Journeys, plan: AnalysisPlan) -> AnalysisSet:
        """What is handed to the method."""
        unseen = METHODS[plan.method].keeps_unseen
        key = (plan.outcome, plan.visit, plan.estimand, unseen)
        if key not in self.sets:
            amounts = self.amounts_for(journeys, plan)
            self.sets[key] = analysis_set(
                journeys, plan.outcome, plan.visit, plan.estimand, complete=not unseen,
                amounts=amounts.known if amounts else None,
            )  # fmt: skip
        return self.sets[key]

    def used(self, journeys: Journeys, plan: AnalysisPlan) -> AnalysisSet:
        """Of that, what the method makes use of."""
        data = self.set_for(journeys, plan)
        return data.only(METHODS[plan.method].used(data))


def analysed(journeys: Journeys, plan: AnalysisPlan, alpha: float, prices: UnitCosts) -> dict[str, Any]:
    """One analysis of one trial, as a row.

    Parameters
    ----------
    journeys : Journeys
        With the event record where `needs_events` says so.
    plan : AnalysisPlan
    alpha : float
    prices : UnitCosts
        Of the scenario.
    """
    return _analysed(journeys, plan, alpha, _Made(prices))


def _analysed(journeys: Journeys, plan: AnalysisPlan, alpha: float, made: _Made) -> dict[str, Any]:
    data, amounts = made.set_for(journeys, plan), made.amounts_for(journeys, plan)
    fit = METHODS[plan.method].run(data, alpha, plan.delta)
    lift, sau = means_of_all(journeys, plan.outcome, plan.visit, amounts.complete if amounts else None)
    return _of_fit(fit) | _of_data(data) | {"all_lift": lift, "all_sau": sau}


def _of_fit(fit: Fit) -> dict[str, Any]:
    return {
        "estimate": fit.estimate,
        "standard_error": fit.standard_error,
        "df": fit.df,
        "p": fit.p_value,
        "low": fit.interval[0],
        "high": fit.interval[1],
        "converged": fit.converged,
        "note": fit.note,
        "family_variance": fit.family_variance,
        "residual_variance": fit.residual_variance,
    }


def _of_data(data: AnalysisSet) -> dict[str, Any]:
    lift, sau = data.treated == 1, data.treated == 0
    both = ~np.isnan(data.baseline) & ~np.isnan(data.y)
    families, first, sizes = np.unique(data.family, return_index=True, return_counts=True)
    with_lift = int(lift[first].sum())
    of_size = np.bincount(sizes, minlength=4)[1:4]
    out = {
        "families_lift": with_lift,
        "families_sau": len(families) - with_lift,
        "children_lift": int(lift.sum()),
        "children_sau": int(sau.sum()),
        "families_of_one": int(of_size[0]),
        "families_of_two": int(of_size[1]),
        "families_of_three": int(of_size[2]),
        "mean_lift": _mean(data.y[lift]),
        "mean_sau": _mean(data.y[sau]),
        "sd_lift": _sd(data.y[lift]),
        "sd_sau": _sd(data.y[sau]),
        "baseline_share": _mean(both),
        "baseline_correlation": _correlation(data.y[both], data.baseline[both]),
        "received_lift": _mean(data.received[lift]),
        "received_sau": _mean(data.received[sau]),
    }
    if OUTCOMES[data.outcome].kind != "score":
        out["sibling_correlation"] = _alike(data)
    for more in OUTCOMES[data.outcome].records:
        each = more.of(data)
        out |= {f"{more.name}_{arm}": each[who].sum().item() for arm, who in (("lift", lift), ("sau", sau))}
    return out


def _alike(data: AnalysisSet) -> float:
    """How alike siblings are within an arm: in the outcome; in a time's residual, deaths seen less those expected."""
    values = data.y.astype(float)
    if OUTCOMES[data.outcome].kind == "time" and len(values):
        order = np.argsort(values, kind="stable")
        at_risk = len(values) - np.searchsorted(values[order], values[order])
        step = np.cumsum(data.event[order] / at_risk)
        values[order] = (
            data.event[order] - step[np.searchsorted(values[order], values[order], side="right") - 1]
        )
    for arm in (0.0, 1.0):
        mine = data.treated == arm
        if mine.any():
            values[mine] -= values[mine].mean()
    return blinded_estimate(values, data.family).icc


def recruitment(j: Journeys, target: int, ended: dt.date | None) -> dict[str, Any]:
    """Families randomised: when the target was reached (NaN: never), by each month's end, and by a published end."""
    f = j.tables["families"]
    at = np.sort(f["randomised"][f["arm"] != W.NOT_ALLOCATED])
    by_site = {
        f"randomised.{name}": int(((f["arm"] != W.NOT_ALLOCATED) & (f["site"] == k)).sum())
        for k, name in enumerate(j.names["sites"])
    }
    out = {
        "randomised": len(at),
        "target_days": float(at[target - 1]) if len(at) >= target else np.nan,
        BY_MONTH: np.searchsorted(at, _month_ends(j.start_date, j.end)).tolist(),
        **by_site,
    }
    if ended is not None:  # the last day of recruitment is a day of recruitment
        out["by_published_end"] = int(np.searchsorted(at, day_of(j, ended) + 1.0))
    return out


def what_happened(j: Journeys) -> dict[str, Any]:
    """What became of the children of each arm: the order, permanence, moves, and the time until them."""
    out: dict[str, Any] = {}
    f, g, c, cases = (j.tables[name] for name in ("families", "groups", "children", "cases"))
    at = np.asarray(PERMANENT_AT, float) * MONTH
    for number in (W.LIFT, W.SAU):
        name = W.ARMS[number].lower()
        families = np.flatnonzero(f["arm"] == number)
        children = j.lived[f["arm"][c["family"][j.lived]] == number]
        group = c["group"][children]
        days = g["care_days"][group]
        days = days + np.where(g["in_care"][group] == 1, j.end - g["episode_since"][group], 0.0)
        out[f"moves_per_year_{name}"] = _ratio(g["care_moves"][group].sum() * YEAR, days.sum())
        decided = families[(cases["decided"][families] <= j.end) & ~under_scots_law(j)[families]]
        out[f"proceedings_weeks_{name}"] = _mean((cases["decided"] - cases["issued"])[decided] / 7.0)
        out[f"hearings_{name}"] = _mean(cases["hearings"][decided])
        out[f"re_entered_{name}"] = _mean(g["re_entries"][group] > 0)
        entered, permanent = f["entered"][c["family"][children]], g["permanent_at"][group]
        reached = permanent <= j.end  # False where NaN
        share = kaplan_meier(np.where(reached, permanent, j.end) - entered, reached, at)
        for month, still in zip(PERMANENT_AT, share, strict=True):
            out[f"permanent_{month}_months_{name}"] = 1.0 - float(still)
        for order in range(1, len(W.ORDERS)):
            out[f"{W.ORDERS[order]}_{name}"] = _mean(g["order"][group] == order)
    return out


def _month_ends(start: dt.date, end: float) -> np.ndarray:
    """Days from the start to the first of each following month, to the end of the run."""
    days: list[int] = []
    year, month = start.year, start.month
    while True:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        day = (dt.date(year, month, 1) - start).days
        if day > end:
            return np.asarray(days, float)
        days.append(day)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)] if values.dtype.kind == "f" else values
    return float(np.mean(known)) if len(known) else np.nan


def _sd(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else np.nan


def _ratio(one: float, other: float) -> float:
    return float(one / other) if other > 0 else np.nan


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    if len(one) <= 2:
        return np.nan
    one, other = one - one.mean(), other - other.mean()
    spread = float(one @ one) * float(other @ other)
    return float(one @ other) / float(np.sqrt(spread)) if spread > 0 else np.nan
