"""What comes out of a forecast of recruitment."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.recruitment.ask import RecruitmentQuestion
from best_sim.questions.recruitment.basis import Basis, SeenSoFar
from best_sim.questions.target_times import TargetTimes
from best_sim.replications import Keep, whole_table
from best_sim.trial.recruitment import BoroughPlan, CountDistribution, RecruitmentForecast, retained

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of every forecast: the ends of the 90 and 50 % intervals, and the median."""


@dataclass(frozen=True)
class SimulatedRecruitment(TargetTimes):
    """What the simulation forecasts.

    Attributes
    ----------
    randomised : tuple of numpy.ndarray of float
        Of each replicate, days on which families were randomised, in order; those already seen are not simulated, and
        lie at the cut-off.
    borough : tuple of numpy.ndarray of int
        Their boroughs.
    today : pandas.DataFrame
        One row for each replicate: what a trial looks like on the day of the forecast; empty before it begins.
    """

    randomised: tuple[np.ndarray, ...]
    borough: tuple[np.ndarray, ...]
    today: pd.DataFrame

    def fan(self, dates: Sequence[dt.date]) -> pd.DataFrame:
        """Families by each date: date, mean, lower_90, lower_50, median, upper_50, upper_90."""
        at = np.array([(day - self.since).days for day in dates], float)
        counts = np.stack([np.searchsorted(one, at, side="left") for one in self.randomised])
        q = np.quantile(counts, LEVELS, axis=0)
        names = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
        return pd.DataFrame(
            {"date": list(dates), "mean": counts.mean(axis=0), **dict(zip(names, q, strict=True))}
        )

    def contributions(self, by: dt.date, names: Sequence[str]) -> pd.DataFrame:
        """Families of each borough by a date: borough, expected, mcse, lower_90, upper_90."""
        day = (by - self.since).days
        counts = np.stack(
            [
                np.bincount(of[at < day], minlength=len(names))
                for at, of in zip(self.randomised, self.borough, strict=True)
            ]
        )
        low, high = np.quantile(counts, [0.05, 0.95], axis=0)
        return pd.DataFrame(
            {
                "borough": list(names), "expected": counts.mean(axis=0),
                "mcse": counts.std(axis=0, ddof=1) / math.sqrt(len(counts)), "lower_90": low, "upper_90": high,
            }
        )  # fmt: skip


@dataclass(frozen=True)
class RecruitmentFound(Found):
    """A forecast of recruitment.

    Attributes
    ----------
    question : RecruitmentQuestion
        With as many replicates as were finished.
    basis : Basis
        Plans, what was seen of them, and the forecast by theory.
    simulated : SimulatedRecruitment
    interrupted : bool
    """

    question: RecruitmentQuestion
    basis: Basis
    simulated: SimulatedRecruitment
    interrupted: bool = False

    @property
    def closed(self) -> RecruitmentForecast:
        """The forecast by theory."""
        return self.basis.closed

    @property
    def plans(self) -> tuple[BoroughPlan, ...]:
        """The boroughs' plans."""
        return self.basis.plans

    @property
    def seen(self) -> SeenSoFar | None:
        """What was learnt from what has been seen; None before the trial begins."""
        return self.basis.seen

    def dates(self) -> pd.DataFrame:
        """The date of the target by both forecasts.

        Returns
        -------
        pandas.DataFrame
            One row for the closed form and one for the simulation (and one for the plug-in, once something was seen):
            forecast, lower_90, lower_50, median, upper_50, upper_90 (dates; None if not by the end), mcse_days (of the
            median), probability and mcse (of the target by `by`; NaN without one).
        """
        return self._dates

    @cached_property
    def _dates(self) -> pd.DataFrame:
        names = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
        closed = {"closed form": self.closed}
        if self.seen is not None:
            closed["closed form, rates taken as known"] = self.seen.plug_in
        rows: list[dict[str, Any]] = []
        for name, one in closed.items():
            time = one.time_to(self.question.families)
            chance = time.probability(self.question.by) if self.question.by else math.nan
            dates = {q: time.date(p) for q, p in zip(names, LEVELS, strict=True)}
            rows.append(
                {"forecast": name, **dates, "mcse_days": math.nan, "probability": chance, "mcse": math.nan}
            )
        share, error = (
            self.simulated.probability(self.question.by) if self.question.by else (math.nan, math.nan)
        )
        dates = {q: self.simulated.date(p) for q, p in zip(names, LEVELS, strict=True)}
        rows.insert(
            1,
            {
                "forecast": "simulation", **dates, "mcse_days": self.simulated.median_error(), "probability": share,
                "mcse": error,
            },
        )  # fmt: skip
        return pd.DataFrame(rows)

    def reckoned_on(self) -> dt.date:
        """The date asked for or the closed form's median date of the target, whichever is first; else the end."""
        return min(
            (
                day
                for day in (self.question.by, self.closed.time_to(self.question.families).median)
                if day is not None
            ),
            default=self.closed.ends,
        )

    def contributions(self, by: dt.date | None = None) -> pd.DataFrame:
        """What each borough contributes by a date (by default `reckoned_on`).

        Returns
        -------
        pandas.DataFrame
            As `RecruitmentForecast.contributions`, with ``simulated`` and ``simulated_mcse``.
        """
        day = by or self.reckoned_on()
        table = self.closed.contributions(day)
        own = self.simulated.contributions(day, [plan.name for plan in self.plans])
        return table.assign(simulated=own["expected"], simulated_mcse=own["mcse"])

    def seen_at_last_visit(self) -> dict[str, float]:
        """Of the target's families, how many are seen at the last visit: mean, lower_90, upper_90."""
        whole = CountDistribution(self.question.families, np.ones(1))
        count = retained(whole, self.basis.retention)
        low, high = count.interval(0.9)
        return {"mean": count.mean, "lower_90": float(low), "upper_90": float(high)}

    # --- as every question's ----------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """The forecast in plain words."""
        from best_sim.questions.recruitment.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Dates, families by month, boroughs; and once something was seen, checks and consent."""
        days = self.closed.months()
        fan = self.closed.fan(days, self.question.families).merge(
            self.simulated.fan(days), on="date", suffixes=("", "_simulated")
        )
        out = {"dates": self.dates(), "fan": fan, "boroughs": self.contributions()}
        if self.seen is not None:
            out |= {"checks": self.seen.checks.table(), "consent": self.seen.consent}
        return out

    def figures(self) -> Mapping[str, Figure]:
        """Families by month, by theory and by simulation, and each borough's part."""
        from best_sim.questions.recruitment.figures import forecast_figure

        return {"recruitment": forecast_figure(self)}

    def shown(self) -> list[Shown]:
        """The date of the target by every forecast."""
        from best_sim.questions.recruitment.show import dates_shown

        return [dates_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """The simulated date of the target, and the probability by the date asked for."""
        row = next(r for r in self.dates().to_dict("records") if r["forecast"] == "simulation")
        dates = {
            name: None if row[name] is None else str(row[name]) for name in ("lower_90", "median", "upper_90")
        }
        chance = float(row["probability"]) if self.question.by is not None else None
        return {"target": self.question.families, **dates, "probability": chance}

    def notes(self) -> list[str]:
        """What the forecast rests on."""
        from best_sim.questions.recruitment.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The forecast with its table and picture."""
        from best_sim.questions.recruitment.show import chapters_of

        return chapters_of(self)


def recruitment_found(question: RecruitmentQuestion, keep: Keep, done: int) -> RecruitmentFound:
    """What the finished replicates say.

    Parameters
    ----------
    question : RecruitmentQuestion
    keep : Keep
    done : int
        Replicates that count.
    """
    basis, scenario, target = question.basis, question.at_target, question.families
    rows = whole_table(keep, done).to_pandas()
    since, names = scenario.simulation.start_date, list(scenario.boroughs)
    day = float((basis.seen.cut_off - since).days) if basis.seen is not None else 0.0
    before_of = np.repeat(np.arange(len(names)), [basis.recruited.get(name, 0) for name in names])
    before = np.full(len(before_of), day - 1e-6)
    at = tuple(np.concatenate([before, np.asarray(one, float)]) for one in rows["at"])
    of = tuple(np.concatenate([before_of, np.asarray(one, np.int64)]) for one in rows["of"])
    days = np.array([one[target - 1] if len(one) >= target else np.inf for one in at])
    today = rows[[c for c in rows.columns if c.startswith("today.")]].rename(
        columns=lambda c: c.removeprefix("today.")
    )
    return RecruitmentFound(question, basis, SimulatedRecruitment(since, target, days, at, of, today))
