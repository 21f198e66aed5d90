"""What comes out of interim analyses."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.interims.ask import InterimsQuestion
from best_sim.questions.interims.replicate import OF_ESTIMATES, OF_LOOKS, OF_REESTIMATES, OF_TRIALS
from best_sim.questions.power.summary import complete_contrast
from best_sim.replications import Keep, whole_table
from best_sim.trial.outcomes import OUTCOMES
from best_sim.trial.performance import Estimate, error_over_trials, performance
from best_sim.trial.sequential import Boundaries, fixed_drift, inflation_factor, operating_characteristics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STOPS = ("benefit", "harm", "futility", "end")
"""Why a trial ends: a bound crossed in either direction, futility, or its last analysis."""
INFERENCES = (
    ("naive", "", "at the stop, as if there had been no interim analyses"),
    ("adjusted", "adjusted_", "at the stop, allowing for the interim analyses"),
    ("one analysis", "end_", "of the same trials at their end, without interim analyses"),
)
"""Ways to report a trial: name, where its columns begin, in words."""
ALL, CROSSED, FUTILE = "all", "crossed early", "futility"
"""Of which trials: all; those that stop at an early bound of efficacy, either way; those that stop for futility."""


@dataclass(frozen=True)
class InterimsFound(Found):
    """What was found.

    Attributes
    ----------
    question : InterimsQuestion
        With as many replicates as were finished.
    looks : pandas.DataFrame
        One row for each simulated trial and analysis, made even where the trial would have stopped before: replicate,
        look (from 1), day, families (with their last visit), analysed, randomised (by then), to_come (families not
        yet visited for the last time, of those randomised by then), z (better upwards), estimate, standard_error,
        repeated_low and repeated_high (repeated confidence interval: those of all analyses hold the truth at once),
        conditional_power (under the planned effect), predictive_power (flat prior).
    trials : pandas.DataFrame
        One row for each simulated trial: replicate, look (at which it ended), why (one of `STOPS`), day, randomised (in
        the end), visits_saved (last visits not made), found (in either direction) and found_without (by one analysis at
        the end); and with re-estimation: day_reestimated, sd, families (re-estimated), day_reached (NaN: not within the
        run), found_reestimated.
    estimates : pandas.DataFrame
        One row for each simulated trial, what is reported of it: replicate, look; estimate, se, low, high and p as if
        there had been no interim analyses; the same, adjusted for them (median-unbiased, by stage-wise ordering), as
        adjusted_estimate and so on (bounds of futility are left out of it, so the p of a trial that stops for futility
        does not keep the level); the same of one analysis at the end, as end_estimate and so on; means of all children
        of eligible families, all_lift and all_sau.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: InterimsQuestion
    looks: pd.DataFrame
    trials: pd.DataFrame
    estimates: pd.DataFrame
    interrupted: bool = False

    @property
    def bounds(self) -> Boundaries:
        """The bounds of every analysis, the last included."""
        return self.question.bounds

    @property
    def start_date(self) -> dt.date:
        """Of the scenario."""
        return self.question.world.simulation.start_date

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

    @cached_property
    def by_look(self) -> pd.DataFrame:
        """One row for each analysis.

        Returns
        -------
        pandas.DataFrame
            look, share (of the target's last visits), bound (of z), futility_bound, date_early, date, date_late (5th,
            50th and 95th centile over trials), randomised, to_come and analysed (medians), then the share of trials
            that end there for benefit, harm and futility, with the Monte Carlo standard error of their sum, the
            cumulative share ended, and of the repeated confidence interval: its ends (medians) and the share of trials
            in which it has held the truth at every analysis so far (NaN where the truth is not known).
        """
        rows, ended = [], 0.0
        _, truth = complete_contrast(self.question.trial.primary, self.estimates)
        held = self.looks["repeated_low"].le(truth) & self.looks["repeated_high"].ge(truth)
        so_far = held.groupby(self.looks["replicate"]).cummin()
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
                    "repeated_low": float(mine["repeated_low"].median()),
                    "repeated_high": float(mine["repeated_high"].median()),
                    "repeated_holds": float(so_far[mine.index].mean()) if math.isfinite(truth) else math.nan,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    @property
    def end_error(self) -> float:
        """Root mean squared standard error of one analysis at the end."""
        return float(np.sqrt((self.estimates["end_se"] ** 2).mean()))

    @property
    def inflation(self) -> float:
        """Families that the interim analyses need for the wanted power, over those of one analysis at the end."""
        return inflation_factor(self.bounds, self.question.power)

    @cached_property
    def operating(self) -> pd.DataFrame:
        """Where theory has trials stop, under several effects.

        Returns
        -------
        pandas.DataFrame
            One row for each effect and analysis: effect (in words), multiple (of the planned effect), drift (mean of z
            at the end), difference (the effect in units of the outcome, LIFT less SAU, at the standard error of the
            simulated trials), look, share (of last visits), benefit, harm, futility and stop (chances of ending
            there), ended (by then); and of the effect, the same in each of its rows: power (chance of a difference in
            the direction that is better), expected_visited (families with their last visit at the stop) and
            expected_randomised.
        """
        question, table = self.question, self.by_look
        planned = fixed_drift(question.power, question.trial.alpha)
        simulated = float(self.looks.loc[self.looks["look"] == self.bounds.looks, "z"].mean())
        better = OUTCOMES[question.trial.primary.outcome].better or 1
        randomised = table["randomised"].to_numpy(float)
        rows = []
        for effect, drift in [
            *((_multiple(one), one * planned) for one in question.effects), ("as simulated", simulated)
        ]:  # fmt: skip
            got = operating_characteristics(self.bounds, drift)
            rows += [
                {
                    "effect": effect, "multiple": drift / planned, "drift": drift,
                    "difference": better * drift * self.end_error, "look": k + 1, "share": self.bounds.information[k],
                    "benefit": got.benefit[k], "harm": got.harm[k], "futility": got.futility[k], "stop": got.stop[k],
                    "ended": sum(got.stop[: k + 1]), "power": got.power,
                    "expected_visited": got.expected_information * question.target,
                    "expected_randomised": float(np.dot(got.stop, randomised)),
                }
                for k in range(self.bounds.looks)
            ]  # fmt: skip
        return pd.DataFrame(rows)

    @cached_property
    def inference(self) -> pd.DataFrame:
        """What the reported estimates are worth over the simulated trials.

        Returns
        -------
        pandas.DataFrame
            One row for each way to report (`INFERENCES`), of all trials, of those that cross a bound early, and of
            those that stop for futility: inference, of, trials, failed, estimate (mean), truth (true effect of
            allocation, from complete data), bias, above (share of estimates above the truth), coverage and width (of
            the interval), and of each of these but truth its Monte Carlo standard error.
        """
        plan, got = self.question.trial.primary, self.estimates
        each, truth = complete_contrast(plan, got)
        why, early = self.trials["why"], self.trials["look"] < self.bounds.looks
        groups = (
            (ALL, np.ones(len(got), bool)),
            (CROSSED, (early & why.isin(["benefit", "harm"])).to_numpy()),
            (FUTILE, (why == "futility").to_numpy()),
        )
        rows = []
        for name, prefix, _ in INFERENCES:
            for of, which in groups:
                mine = got[which]
                theta, p, low, high = (
                    mine[f"{prefix}{column}"] for column in ("estimate", "p", "low", "high")
                )
                error, known = mine["end_se" if prefix == "end_" else "se"], theta.notna() & low.notna()
                # contrasts of complete data have the truth as their mean over all trials, not over those that stop
                reference = each if of == ALL and math.isfinite(truth) else None
                worth = performance(
                    theta, error, p, low, high, known, truth=truth, reference=reference,
                    alpha=self.question.trial.alpha,
                )  # fmt: skip
                above = float((theta[known] > truth).mean()) if math.isfinite(truth) else math.nan
                row: dict[str, Any] = {"inference": name, "of": of, "trials": worth.n, "failed": worth.failed}
                row |= {"estimate": worth.mean.value, "estimate_mcse": worth.mean.mcse, "truth": truth}
                row |= {"bias": worth.bias.value, "bias_mcse": worth.bias.mcse, "above": above}
                row |= {"above_mcse": math.sqrt(above * (1.0 - above) / worth.n) if worth.n else math.nan}
                row |= {"coverage": worth.coverage.value, "coverage_mcse": worth.coverage.mcse}
                row |= {"width": worth.width.value, "width_mcse": worth.width.mcse}
                rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Tidy: quantity, value, mcse, unit, note."""
        called = self.question.share_found
        note = "" if called == "power" else f"{called}: the design sets no effect"
        rows = [
            ("power", self.share("found"), "share", note or "a bound crossed, in either direction"),
            (
                "power with one analysis",
                self.share("found_without"),
                "share",
                "of the same trials at their end",
            ),
            ("last visits saved", self.share("visits_saved"), "families", "not made by the day of the stop"),
            ("families randomised", self.share("randomised"), "families", "by the day of the stop"),
        ]
        if self.question.reestimate is not None:
            rows += [
                ("families re-estimated", self.share("families"), "families", "blind to the arms"),
                (
                    "power after re-estimation",
                    self.share("found_reestimated"),
                    "share",
                    "one analysis at the end",
                ),
            ]
        return pd.DataFrame(
            [
                {"quantity": name, "value": got.value, "mcse": got.mcse, "unit": unit, "note": said}
                for name, got, unit, said in rows
            ]
        )

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """When analyses come, what they find, and what stopping saves."""
        from best_sim.questions.interims.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """By analysis, by trial, what theory has, and what the estimates are worth."""
        return {
            "by-look": self.by_look, "summary": self.summary, "operating-characteristics": self.operating,
            "final-inference": self.inference, "looks.parquet": self.looks, "trials.parquet": self.trials,
            "estimates.parquet": self.estimates,
        }  # fmt: skip

    def figures(self) -> Mapping[str, Figure]:
        """Bounds, what trials show at each analysis, and when it comes; estimates at the stop."""
        from best_sim.questions.interims.figures import estimates_at_stop_figure, interims_figure

        return {"interims": interims_figure(self), "final-inference": estimates_at_stop_figure(self)}

    def shown(self) -> list[Shown]:
        """By analysis, and what the estimates are worth."""
        from best_sim.questions.interims.show import inference_shown, looks_shown

        return [looks_shown(self), inference_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """Where trials end, what they find, and what is saved."""
        got = {
            name: None if math.isnan(value) else value
            for name, value in zip(self.summary["quantity"], self.summary["value"], strict=True)
        }
        looks = self.by_look.to_dict("records")
        return {
            **got,
            "ended": {str(row["look"]): row["ended"] for row in looks},
            "dates": {str(row["look"]): row["date"] and str(row["date"]) for row in looks},
            "families_for_the_same_power": self.inflation,
        }

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.interims.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, the analyses, what theory has, and what the estimates are worth."""
        from best_sim.questions.interims.show import chapters_of

        return chapters_of(self)


def _multiple(one: float) -> str:
    """A multiple of the planned effect in words."""
    return {0.0: "none", 1.0: "planned"}.get(one, f"{one:g} of planned")


def interims_found(question: InterimsQuestion, keep: Keep, done: int) -> InterimsFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : InterimsQuestion
    keep : Keep
        With its finished replicates.
    done : int
        Replicates that count; later ones are left out.

    Returns
    -------
    InterimsFound
    """
    rows = whole_table(keep, done).to_pandas()
    mine = rows["what"] == "trial"
    again = OF_REESTIMATES if question.reestimate is not None else ()

    def of(which: pd.Series, columns: tuple[str, ...]) -> pd.DataFrame:
        return rows.loc[which, list(columns)].astype({"look": int}).reset_index(drop=True)

    return InterimsFound(
        question=question.replaced(replicates=done),
        looks=of(rows["what"] == "look", OF_LOOKS),
        trials=of(mine, (*OF_TRIALS, *again)),
        estimates=of(mine, OF_ESTIMATES),
        interrupted=done < question.replicates,
    )
