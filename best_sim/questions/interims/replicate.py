"""One simulated trial and its interim analyses: what each shows, where the trial ends, and what is reported then.

An interim analysis is made on the day on which a given share of the target's families has had its last visit (seen or
missed). Recruitment is then often over, because that visit comes two and a half years after randomisation: what a stop
saves is visits, and, for families that wait, LIFT's time.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.interims.ask import InterimsQuestion
from best_sim.scenario import Scenario
from best_sim.trial.analysis import Fit
from best_sim.trial.closed_forms import ancova_factor
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES, AnalysisSet, analysis_set, means_of_all
from best_sim.trial.sequential import (
    Boundaries,
    blinded_sample_size,
    final_inference,
    fixed_drift,
    interim_power,
    repeated_interval,
)

OF_LOOKS = (
    "replicate", "look", "day", "families", "analysed", "randomised", "to_come", "z", "estimate", "standard_error",
    "repeated_low", "repeated_high", "conditional_power", "predictive_power",
)  # fmt: skip
"""Columns of an interim analysis."""
OF_TRIALS = ("replicate", "look", "why", "day", "randomised", "visits_saved", "found", "found_without")
"""Columns of a trial."""
OF_REESTIMATES = ("day_reestimated", "sd", "families", "day_reached", "found_reestimated")
"""Columns of a trial whose families are re-estimated."""
OF_ESTIMATES = (
    "replicate", "look", "estimate", "se", "low", "high", "p", "adjusted_estimate", "adjusted_low", "adjusted_high",
    "adjusted_p", "end_estimate", "end_se", "end_low", "end_high", "end_p", "all_lift", "all_sau",
)  # fmt: skip
"""Columns of what is reported of a trial."""


@dataclass(frozen=True)
class Interim:
    """The rows of one simulated trial: its own, and one for each analysis, those after its stop among them.

    Parameters
    ----------
    question : InterimsQuestion
    scenario : Scenario
        Of the design.
    lowered : Lowered
    bounds : Boundaries
    engine : {"compiled", "simpy"}
    """

    question: InterimsQuestion
    scenario: Scenario
    lowered: Lowered
    bounds: Boundaries
    engine: Engine

    @classmethod
    def of(cls, question: InterimsQuestion, engine: Engine) -> Interim:
        """For a question.

        Raises
        ------
        ProblemsError
            If the scenario or the design can't be used.
        """
        return cls(question, question.world, lower(question.world), question.bounds, engine)

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The rows of replicate `number`."""
        plan = self.question.trial.primary
        journeys = simulate(self.lowered, self.question.seed, number, self.engine, events=False)
        data = analysis_set(journeys, plan.outcome, plan.visit, plan.estimand)
        over = _last_visits(journeys, plan.visit)
        target = int(self.lowered.world["trial"]["target_families"][0])
        rows, fits = [], []
        for k, share in enumerate(self.bounds.information):
            last = k == self.bounds.looks - 1
            day = _day_of_share(over, share, target, journeys.end if last else math.nan)
            if not math.isfinite(day):
                continue
            row, fit = self._look(journeys, data, over, day, k)
            rows.append({"replicate": number} | row)
            fits.append(fit)
        at, why = self._stop(rows)
        trial = self._trial(rows, at, why, over) | self._reported(rows, fits, at)
        lift, sau = means_of_all(journeys, plan.outcome, plan.visit)
        trial |= {"all_lift": lift, "all_sau": sau}
        if self.question.reestimate is not None:
            trial |= self._reestimated(journeys, data, over, number)
        return [*({"what": "look"} | row for row in rows), {"what": "trial", "replicate": number} | trial]

    def _look(
        self, j: Journeys, data: AnalysisSet, over: np.ndarray, day: float, k: int
    ) -> tuple[dict[str, Any], Fit]:
        """One analysis, of what is known on its day."""
        alpha, plan = self.question.trial.alpha, self.question.trial.primary
        fit = METHODS[plan.method].run(until(data, j, day), alpha, plan.delta)
        z = math.nan
        if fit.converged:  # that of the p value, so that degrees of freedom are allowed for
            z = self._better * math.copysign(
                float(special.ndtri(max(fit.p_value, 1e-300) / 2.0)), fit.estimate
            )
        randomised = _randomised_by(j, day)
        share = self.bounds.information[k]
        row = {
            "look": k + 1, "day": day, "families": int((over <= day).sum()), "analysed": fit.n_families,
            "randomised": randomised, "to_come": randomised - int((over <= day).sum()), "z": z,
            "estimate": fit.estimate, "standard_error": fit.standard_error, "repeated_low": math.nan,
            "repeated_high": math.nan, "conditional_power": math.nan, "predictive_power": math.nan,
        }  # fmt: skip
        if math.isfinite(z):
            row["repeated_low"], row["repeated_high"] = repeated_interval(
                self.bounds, k + 1, fit.estimate, self._error(fit, z)
            )
        if share < 1.0 and math.isfinite(z):
            chances = interim_power(z, share, fixed_drift(self.question.power, alpha), self.bounds.z[-1])
            row["conditional_power"], row["predictive_power"] = chances.design, chances.predictive
        return row, fit

    @property
    def _better(self) -> int:
        return OUTCOMES[self.question.trial.primary.outcome].better or 1

    def _error(self, fit: Fit, z: float) -> float:
        """The standard error with which a normal statistic would have given that p value."""
        return fit.estimate / z * self._better if z != 0.0 else fit.standard_error

    def _stop(self, rows: list[dict[str, Any]]) -> tuple[int, str]:
        """At which of the analyses made the trial ends, and why."""
        for i, row in enumerate(rows):
            bound, z = self.bounds.z[row["look"] - 1], row["z"]
            if z >= bound or z <= -bound:
                return i, "benefit" if z > 0 else "harm"
            if i < len(rows) - 1 and z < self.bounds.futility[row["look"] - 1]:
                return i, "futility"
        return len(rows) - 1, "end"

    def _trial(self, rows: list[dict[str, Any]], at: int, why: str, over: np.ndarray) -> dict[str, Any]:
        ended = rows[at]
        fixed = float(special.ndtri(1.0 - self.question.trial.alpha / 2.0))
        return {
            "look": ended["look"], "why": why, "day": ended["day"], "randomised": ended["randomised"],
            "visits_saved": max(int((over > ended["day"]).sum()), 0),
            "found": why in ("benefit", "harm"), "found_without": bool(abs(rows[-1]["z"]) >= fixed),
        }  # fmt: skip

    def _reported(self, rows: list[dict[str, Any]], fits: list[Fit], at: int) -> dict[str, Any]:
        """What is reported at the stop, as if there had been no interim analyses, and allowing for them."""
        fit, end = fits[at], fits[-1]
        out = {
            "estimate": fit.estimate, "se": fit.standard_error, "low": fit.interval[0], "high": fit.interval[1],
            "p": fit.p_value, "adjusted_estimate": math.nan, "adjusted_low": math.nan, "adjusted_high": math.nan,
            "adjusted_p": math.nan, "end_estimate": end.estimate, "end_se": end.standard_error,
            "end_low": end.interval[0], "end_high": end.interval[1], "end_p": end.p_value,
        }  # fmt: skip
        z = rows[at]["z"]
        if not math.isfinite(z):
            return out
        made = _made(self.bounds, [row["look"] - 1 for row in rows])
        got = final_inference(made, at + 1, z, self._error(fit, z))
        low, high = sorted(self._better * end for end in got.interval)
        return out | {
            "adjusted_estimate": self._better * got.estimate, "adjusted_low": low, "adjusted_high": high,
            "adjusted_p": got.p_value,
        }  # fmt: skip

    def _reestimated(self, j: Journeys, data: AnalysisSet, over: np.ndarray, number: int) -> dict[str, Any]:
        """Families re-estimated from what is known without the arms, and the trial simulated again with as many."""
        asked, trial, plan = self.question, self.question.trial, self.question.trial.primary
        target = int(self.lowered.world["trial"]["target_families"][0])
        day = _day_of_share(over, asked.reestimate or 1.0, target, math.nan)
        nothing = {
            "day_reestimated": day, "sd": math.nan, "families": target, "day_reached": math.nan,
            "found_reestimated": None,
        }  # fmt: skip
        if not math.isfinite(day):
            return nothing
        seen = until(data, j, day)
        both = ~np.isnan(seen.baseline) & ~np.isnan(seen.y)
        pair = np.corrcoef(seen.baseline[both], seen.y[both])[0, 1] if both.sum() > 10 else 0.0
        effect = float(asked.of_trial.effect or 0.0)
        if self.scenario.outcomes.effect_applies_to == "received":
            # what is known, without the arms, of how many receive what they are allocated
            effect *= float(np.mean(seen.received)) if len(seen.y) else 1.0
        size = blinded_sample_size(
            seen.y, seen.family, effect, target, power=asked.power, alpha=trial.alpha,
            variance_factor=ancova_factor(float(pair), float(both.mean())) if len(seen.y) else 1.0,
            share_analysed=min(1.0, len(np.unique(seen.family)) / max(1, int((over <= day).sum()))),
            largest=asked.most or round(1.5 * target),
        )  # fmt: skip
        found = nothing | {"sd": size.estimate.sd, "families": size.families}
        if size.families == target:
            k = j
        else:
            k = simulate(
                lower(self._extended(j, day, size.families)), asked.seed, number, self.engine, events=False
            )
        fit = METHODS[plan.method].run(
            analysis_set(k, plan.outcome, plan.visit, plan.estimand), trial.alpha, plan.delta
        )
        at = _randomised_on(k)
        reached = float(at[size.families - 1]) if len(at) >= size.families else math.nan
        return found | {"day_reached": reached, "found_reestimated": bool(fit.p_value < trial.alpha)}

    def _extended(self, j: Journeys, day: float, families: int) -> Scenario:
        """The same world with the new target; recruitment rests between the first target and the analysis."""
        at = _randomised_on(j)
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


def _made(bounds: Boundaries, looks: list[int]) -> Boundaries:
    """The bounds of the analyses that were made: in a run that ends early, some are not."""
    if len(looks) == bounds.looks:
        return bounds

    def of(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(values[k] for k in looks)

    return replace(
        bounds, information=of(bounds.information), z=of(bounds.z), nominal_p=of(bounds.nominal_p),
        alpha_spent=of(bounds.alpha_spent), futility=of(bounds.futility),
    )  # fmt: skip


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


def _randomised_on(j: Journeys) -> np.ndarray:
    """Days on which families were randomised, in order."""
    f = j.tables["families"]
    return np.sort(f["randomised"][f["arm"] != W.NOT_ALLOCATED])
