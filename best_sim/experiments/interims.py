"""Looks before the end of a simulated trial: when they come by the calendar, what they show, and what stopping saves.

A look is taken on the day on which a given share of the target's families has had its last visit (seen or missed).
Recruitment is then often over, because that visit comes two and a half years after randomisation: what a stop saves is
visits, and, for families that wait, LIFT's time. That is why the calendar is shown beside the power.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from best_sim.engine.model import Engine
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Keep, gather
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.trial.closed_forms import ancova_factor
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES, AnalysisSet, analysis_set
from best_sim.trial.performance import Estimate, error_over_trials
from best_sim.trial.sequential import (
    Boundaries,
    ConditionalPowerBound,
    HwangShihDeCani,
    OBrienFlemingType,
    PocockType,
    Spending,
    blinded_sample_size,
    boundaries,
    fixed_drift,
    interim_power,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.pathway import Journeys
    from best_sim.questions.power.ask import PowerQuestion

STOPS = ("benefit", "harm", "futility", "end")
"""Why a trial ends: a bound crossed in either direction, futility, or its last look."""
SPENDING: Mapping[str, Spending] = MappingProxyType(
    {
        "obrien-fleming": OBrienFlemingType(),
        "pocock": PocockType(),
        "hwang-shih-decani": HwangShihDeCani(-4.0),
    }
)
"""How alpha may be spent, by name; Hwang, Shih and DeCani's with gamma -4."""

_OF_LOOKS = (
    "replicate", "look", "day", "families", "analysed", "randomised", "to_come", "z", "estimate", "standard_error",
    "conditional_power", "predictive_power",
)  # fmt: skip
_OF_TRIALS = ("replicate", "look", "why", "day", "randomised", "visits_saved", "found", "found_without")
_AGAIN = ("day_reestimated", "sd", "families", "day_reached", "found_reestimated")


@dataclass(frozen=True)
class LookPlan:
    """When to look, and what to do then.

    Attributes
    ----------
    shares : tuple of float
        Of the target's families that have had their last visit, increasing; the last look, at all of them, is added.
    spending : str
        One of `SPENDING`.
    futility : float or None
        Stop where the conditional power under the design's effect falls below this; not binding.
    wanted : float
        Power that the trial is to have; sets the design's effect for conditional power, and the re-estimated size.
    reestimate : float or None
        Share at which the variation is looked at blind, and the number of families re-estimated; None for never.
    most : int or None
        Most families that a re-estimate may ask for; by default half as many again as planned.
    """

    shares: tuple[float, ...] = (0.5, 0.75)
    spending: str = "obrien-fleming"
    futility: float | None = 0.1
    wanted: float = 0.8
    reestimate: float | None = None
    most: int | None = None

    def bounds(self, alpha: float) -> Boundaries:
        """The bounds of every look, the last included."""
        rule = None
        if self.futility is not None:
            rule = ConditionalPowerBound(self.futility, "design", self.wanted)
        return boundaries([*self.shares, 1.0], alpha, SPENDING[self.spending], futility=rule)


@dataclass(frozen=True)
class Interims:
    """What was found.

    Attributes
    ----------
    experiment : PowerQuestion
        With one design.
    plan : LookPlan
    bounds : Boundaries
    start_date : datetime.date
    target : int
        Families planned.
    looks : pandas.DataFrame
        One row for each simulated trial and look, taken even where the trial would have stopped before: replicate,
        look (from 1), day, families (with their last visit), analysed, randomised (by then), to_come (families not
        yet visited for the last time, of those randomised by then), z (better upwards), estimate, standard_error,
        conditional_power (under the design's effect), predictive_power (flat prior).
    trials : pandas.DataFrame
        One row for each simulated trial: replicate, look (at which it ended), why (one of `STOPS`), day, randomised (in
        the end), visits_saved (last visits not made), found (in either direction) and found_without (by one look at the
        end); and with re-estimation: day_reestimated, sd, families (re-estimated), day_reached (NaN: not within the
        run), found_reestimated.
    """

    experiment: PowerQuestion
    plan: LookPlan
    bounds: Boundaries
    start_date: dt.date
    target: int
    looks: pd.DataFrame
    trials: pd.DataFrame

    def share(self, column: str) -> Estimate:
        """Mean of a column of `trials` with its Monte Carlo standard error."""
        values = self.trials[column].astype(float)
        known = values.notna().to_numpy()
        if not known.any():
            return Estimate(math.nan, math.nan)
        got = values.to_numpy()[known]
        return Estimate(float(got.mean()), error_over_trials(got, self.trials["replicate"].to_numpy()[known]))

    def date(self, day: float) -> dt.date | None:
        """The calendar day; None for NaN."""
        return self.start_date + dt.timedelta(days=int(day)) if math.isfinite(day) else None

    def by_look(self) -> pd.DataFrame:
        """One row for each look.

        Returns
        -------
        pandas.DataFrame
            look, share (of the target's last visits), bound (of z), futility_bound, date_early, date, date_late (5th,
            50th and 95th centile over trials), randomised, to_come and analysed (medians), then the share of trials
            that end there for benefit, harm and futility, with the Monte Carlo standard error of their sum, and the
            cumulative share ended.
        """
        rows, ended = [], 0.0
        for k in range(self.bounds.looks):
            mine = self.looks[self.looks["look"] == k + 1]
            here = self.trials["look"] == k + 1
            why = {name: float((here & (self.trials["why"] == name)).mean()) for name in STOPS}
            stops = float(here.mean())
            ended += stops
            early, middle, late = (
                (self.date(float(q)) for q in mine["day"].quantile([0.05, 0.5, 0.95]))
                if len(mine)
                else (None,) * 3
            )
            rows.append(
                {
                    "look": k + 1, "share": self.bounds.information[k], "bound": self.bounds.z[k],
                    "futility_bound": self.bounds.futility[k], "date_early": early, "date": middle,
                    "date_late": late, "randomised": float(mine["randomised"].median()),
                    "to_come": float(mine["to_come"].median()), "analysed": float(mine["analysed"].median()),
                    **why, "mcse": math.sqrt(stops * (1.0 - stops) / len(self.trials)), "ended": ended,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)


def run_interims(
    experiment: PowerQuestion,
    plan: LookPlan,
    design: str | None = None,
    *,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> Interims:
    """Simulate trials of one design, and look at them as planned.

    Parameters
    ----------
    experiment : PowerQuestion
        Its primary analysis, of a score, is what is looked at.
    plan : LookPlan
    design : str, optional
        Name; by default the first.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : Keep, optional
        Where finished replicates are kept.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    Interims

    Raises
    ------
    ScenarioError
        If the plan can't be used, the outcome is not a score, or the scenario can't be.

    Notes
    -----
    Information is the share of the planned families whose last visit is over, so every look has the fraction that the
    plan gave it, in every trial, and the bounds are those of the plan. A trial in which the target is not reached
    before the run ends has its last look at the end of the run, with what it has.

    z is that of the p value, so that degrees of freedom are allowed for.

    Re-estimation: at its share, standard deviation and correlation of siblings are estimated without the arms, the
    families needed for the wanted power at the design's effect computed
    (`best_sim.trial.sequential.blinded_sample_size`), and the trial simulated again with that target; recruitment
    begins again on the day of the look if it was over.
    """
    one = experiment.with_design(design)
    scenario = one.scenario_of(one.designs[0])
    problems = list(_problems(one, plan, scenario))
    if problems:
        raise ScenarioError(problems)
    bounds = plan.bounds(one.alpha)
    work = _Looked(scenario, lower(scenario), one, plan, bounds, engine)
    rows, done = gather(work, one.replicates, engine, executor, keep, progress)
    looks = rows.loc[rows["what"] == "look", list(_OF_LOOKS)]
    trials = rows.loc[
        rows["what"] == "trial", [*_OF_TRIALS, *(_AGAIN if plan.reestimate is not None else ())]
    ]
    return Interims(
        experiment=one.replaced(replicates=done),
        plan=plan,
        bounds=bounds,
        start_date=scenario.simulation.start_date,
        target=int(scenario.trial.target_families),
        looks=looks.astype({"look": int}).reset_index(drop=True),
        trials=trials.astype({"look": int}).reset_index(drop=True),
    )


def _problems(one: PowerQuestion, plan: LookPlan, scenario: Scenario) -> list[Problem]:
    """Everything that is wrong with what was asked."""
    file, out = one.name, []

    def wrong(key: str, message: str, found: Any, allowed: str) -> None:
        out.append(Problem(file=file, key=key, message=message, found=str(found), allowed=allowed))

    shares = (*plan.shares, 1.0)
    if not plan.shares or any(not 0.0 < share < 1.0 for share in plan.shares):
        wrong("looks", "a look comes after a share of the last visits", plan.shares, "above 0 and below 1")
    elif any(b - a < 0.01 for a, b in zip(shares, shares[1:], strict=False)):
        wrong("looks", "looks come one after another", plan.shares, "increasing shares, at least 0.01 apart")
    if plan.spending not in SPENDING:
        wrong("spending", "no spending function has this name", plan.spending, ", ".join(SPENDING))
    if plan.futility is not None and not 0.0 < plan.futility < 1.0:
        wrong("futility", "this is no probability", plan.futility, "between 0 and 1, or none")
    if not one.alpha < plan.wanted < 1.0:
        wrong("wanted", "this is no power", plan.wanted, "above alpha and below 1")
    if OUTCOMES[one.primary.outcome].kind != "score":
        scores = ", ".join(name for name, info in OUTCOMES.items() if info.kind == "score")
        wrong("outcome", "looks are at scores, which visits bring", one.primary.outcome, scores)
    if METHODS[one.primary.method].keeps_unseen:
        wrong(
            "method",
            "it uses children who are not yet seen at the visit",
            one.primary.method,
            "one of those seen at the visit",
        )
    if plan.reestimate is not None:
        if not 0.0 < plan.reestimate < 1.0:
            wrong("reestimate", "this is no share of the last visits", plan.reestimate, "between 0 and 1")
        if not one.has_effect(one.designs[0]):
            wrong("design", "families are re-estimated for an effect", "no effect", "a design with an effect")
        if one.effect is not None and not one.effect.of_outcome:
            could = ", ".join(name for name, of in OUTCOMES.items() if of.effect and of.effect.of_outcome)
            wrong(
                "outcome",
                f"its effect is in {one.effect.unit}, not in its own unit",
                one.primary.outcome,
                could,
            )
        if plan.most is not None and plan.most < scenario.trial.target_families:
            wrong("most", "fewer than are planned", plan.most, f"{scenario.trial.target_families} or more")
    return out


@dataclass(frozen=True)
class _Looked:
    """One trial, looked at as planned: rows of its looks, and one of the trial."""

    scenario: Scenario
    lowered: Lowered
    experiment: PowerQuestion
    plan: LookPlan
    bounds: Boundaries
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        one, plan = self.experiment, self.experiment.primary
        journeys = simulate(self.lowered, one.seed, number, self.engine, events=False)
        data = analysis_set(journeys, plan.outcome, plan.visit, plan.estimand)
        over = _last_visits(journeys, plan.visit)
        target = int(self.lowered.world["trial"]["target_families"][0])
        rows = []
        for k, share in enumerate(self.bounds.information):
            last = k == self.bounds.looks - 1
            day = _day_of_share(over, share, target, journeys.end if last else math.nan)
            if not math.isfinite(day):
                continue
            rows.append(self._look(journeys, data, over, day, k) | {"replicate": number})
        out = [{"what": "look"} | row for row in rows]
        return [
            *out,
            {"what": "trial", "replicate": number} | self._trial(journeys, data, rows, over, number),
        ]

    def _look(self, j: Journeys, data: AnalysisSet, over: np.ndarray, day: float, k: int) -> dict[str, Any]:
        plan = self.experiment.primary
        seen = until(data, j, day)
        fit = METHODS[plan.method].run(seen, self.experiment.alpha, plan.delta)
        better = OUTCOMES[plan.outcome].better or 1
        z = math.nan
        if fit.converged:
            z = better * math.copysign(float(special.ndtri(max(fit.p_value, 1e-300) / 2.0)), fit.estimate)
        randomised = _randomised_by(j, day)
        share = self.bounds.information[k]
        row = {
            "look": k + 1, "day": day, "families": int((over <= day).sum()), "analysed": fit.n_families,
            "randomised": randomised, "to_come": randomised - int((over <= day).sum()), "z": z,
            "estimate": fit.estimate, "standard_error": fit.standard_error, "conditional_power": math.nan,
            "predictive_power": math.nan,
        }  # fmt: skip
        if share < 1.0 and math.isfinite(z):
            drift = fixed_drift(self.plan.wanted, self.experiment.alpha)
            chances = interim_power(z, share, drift, self.bounds.z[-1])
            row["conditional_power"], row["predictive_power"] = chances.design, chances.predictive
        return row

    def _trial(
        self, j: Journeys, data: AnalysisSet, rows: list[dict[str, Any]], over: np.ndarray, number: int
    ) -> dict[str, Any]:
        ended, why = rows[-1], "end"
        for row in rows:
            k, z = row["look"] - 1, row["z"]
            final = row is rows[-1]
            if z >= self.bounds.z[k] or z <= -self.bounds.z[k]:
                ended, why = row, "benefit" if z > 0 else "harm"
                break
            if not final and z < self.bounds.futility[k]:
                ended, why = row, "futility"
                break
        fixed = float(special.ndtri(1.0 - self.experiment.alpha / 2.0))
        out = {
            "look": ended["look"], "why": why, "day": ended["day"], "randomised": ended["randomised"],
            "visits_saved": max(int((over > ended["day"]).sum()), 0),
            "found": why in ("benefit", "harm"), "found_without": bool(abs(rows[-1]["z"]) >= fixed),
        }  # fmt: skip
        return out | (self._reestimated(j, data, over, number) if self.plan.reestimate is not None else {})

    def _reestimated(self, j: Journeys, data: AnalysisSet, over: np.ndarray, number: int) -> dict[str, Any]:
        one, plan = self.experiment, self.experiment.primary
        target = int(self.lowered.world["trial"]["target_families"][0])
        day = _day_of_share(over, self.plan.reestimate or 1.0, target, math.nan)
        nothing = {
            "day_reestimated": day, "sd": math.nan, "families": target, "day_reached": math.nan,
            "found_reestimated": None,
        }  # fmt: skip
        if not math.isfinite(day):
            return nothing
        seen = until(data, j, day)
        both = ~np.isnan(seen.baseline) & ~np.isnan(seen.y)
        pair = np.corrcoef(seen.baseline[both], seen.y[both])[0, 1] if both.sum() > 10 else 0.0
        effect = float(one.designs[0].effect or 0.0)
        if self.scenario.outcomes.effect_applies_to == "received":
            # what is known, without the arms, of how many receive what they are allocated
            effect *= float(np.mean(seen.received)) if len(seen.y) else 1.0
        size = blinded_sample_size(
            seen.y, seen.family, effect, target, power=self.plan.wanted, alpha=one.alpha,
            variance_factor=ancova_factor(float(pair), float(both.mean())) if len(seen.y) else 1.0,
            share_analysed=min(1.0, len(np.unique(seen.family)) / max(1, int((over <= day).sum()))),
            largest=self.plan.most or round(1.5 * target),
        )  # fmt: skip
        found = nothing | {"sd": size.estimate.sd, "families": size.families}
        if size.families == target:
            k = j
        else:
            k = simulate(
                lower(self._extended(j, day, size.families)), one.seed, number, self.engine, events=False
            )
        fit = METHODS[plan.method].run(
            analysis_set(k, plan.outcome, plan.visit, plan.estimand), one.alpha, plan.delta
        )
        at = np.sort(k.tables["families"]["randomised"][k.tables["families"]["arm"] != W.NOT_ALLOCATED])
        reached = float(at[size.families - 1]) if len(at) >= size.families else math.nan
        return found | {"day_reached": reached, "found_reestimated": bool(fit.p_value < one.alpha)}

    def _extended(self, j: Journeys, day: float, families: int) -> Scenario:
        """The same world with the new target; recruitment rests between the first target and the look."""
        at = np.sort(j.tables["families"]["randomised"][j.tables["families"]["arm"] != W.NOT_ALLOCATED])
        target = int(self.lowered.world["trial"]["target_families"][0])
        changes: dict[str, Any] = {"trial.target_families": families}
        if len(at) >= target and at[target - 1] < day:
            rest, again = (j.date(float(t)) + dt.timedelta(days=1) for t in (at[target - 1], day))
            for name, site in self.scenario.sites.items():
                before = [step for step in site.recruiting.as_list() if step["from"] < rest]
                changes[f"sites.{name}.recruiting"] = [
                    *before, {"from": rest, "value": 0}, {"from": again, "value": 1}
                ]  # fmt: skip
        return self.scenario.replace(changes)


def until(data: AnalysisSet, journeys: Journeys, day: float) -> AnalysisSet:
    """What of the scores is known on a day: those of visits that have been made.

    Parameters
    ----------
    data : AnalysisSet
        Of a score.
    journeys : Journeys
    day : float

    Returns
    -------
    AnalysisSet

    Notes
    -----
    A baseline that is missing keeps the mean of all that were ever measured; beside its indicator the value makes no
    difference to the fit.
    """
    return data.only(journeys.tables["families"]["visit_at"][data.family, data.visit - 1] <= day)


def _last_visits(j: Journeys, visit: int) -> np.ndarray:
    """Days on which eligible randomised families had their last visit, seen or missed, in order."""
    f = j.tables["families"]
    mine = (f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"])
    at = np.where(f["visit_state"][:, visit - 1] != W.NOT_DUE, f["visit_at"][:, visit - 1], np.inf)
    return np.sort(at[mine])


def _day_of_share(over: np.ndarray, share: float, target: int, otherwise: float) -> float:
    """The day on which so many of the target's families have had their last visit."""
    eligible = len(over)
    # of the families planned, those found ineligible are never visited
    wanted = math.ceil(share * min(target, eligible) - 1e-9)
    if share >= 1.0:
        made = over[np.isfinite(over)]
        return float(made[-1]) if len(made) else otherwise
    return (
        float(over[wanted - 1]) if 0 < wanted <= eligible and math.isfinite(over[wanted - 1]) else otherwise
    )


def _randomised_by(j: Journeys, day: float) -> int:
    f = j.tables["families"]
    return int(((f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"]) & (f["randomised"] <= day)).sum())


def words_of(found: Interims) -> str:
    """The result in plain words."""
    table, one = found.by_look(), found.experiment
    lines = []
    for row in table.to_dict("records")[:-1]:
        when = f"{row['date']:%B %Y}" if row["date"] else "never within the run"
        lines.append(
            f"Look {row['look']}, when {row['share']:.0%} of the last visits are over: {when} (median), with "
            f"{row['randomised']:.0f} of {found.target} families randomised and {row['to_come']:.0f} still to be "
            f"visited for the last time; {row['ended']:.1%} of trials have ended by then."
        )
    power, without, saved = (found.share(name) for name in ("found", "found_without", "visits_saved"))
    lines.append(
        f"An effect is found by {power.value:.1%} of trials (MCSE {100 * power.mcse:.1f} points), and by "
        f"{without.value:.1%} of the same trials with one look at the end. Stopping saves {saved.value:.0f} last "
        f"visits on average."
    )
    if found.plan.reestimate is not None:
        families = found.trials["families"].median()
        again = found.share("found_reestimated")
        reached = found.trials["day_reached"].notna().mean()
        lines.append(
            f"Re-estimated blind at {found.plan.reestimate:.0%}, the trial has {families:.0f} families (median); the "
            f"target is reached within the run in {reached:.0%} of trials, and {again.value:.1%} find an effect "
            f"(MCSE {100 * again.mcse:.1f} points)."
        )
    lines.append(f"Design: {one.designs[0].name}. Simulated; not results of the trial.")
    return "\n".join(lines)
