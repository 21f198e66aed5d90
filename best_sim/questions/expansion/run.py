"""What comes out of plans compared: figures of each, their differences, dates, months, boroughs and costs."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.measures.costs import HOLDERS
from best_sim.questions.expansion.ask import ExpansionQuestion, OpeningPlan
from best_sim.questions.expansion.replicate import MEASURES, Frame
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.target_times import TargetTimes
from best_sim.replications import Keep, whole_table
from best_sim.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class ExpansionFound(Found):
    """Plans compared.

    Attributes
    ----------
    question : ExpansionQuestion
        With as many replicates as were finished, where the run was interrupted.
    frame : Frame
        The days over which the plans are compared.
    rows : pandas.DataFrame
        One row for each replicate and plan: every measure, in natural units (days, shares, GBP), and arrays by month
        and by year.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: ExpansionQuestion
    frame: Frame
    rows: pd.DataFrame
    interrupted: bool = False

    @property
    def plans(self) -> tuple[OpeningPlan, ...]:
        """The plans, in the question's order."""
        return self.question.plans

    @property
    def baseline(self) -> OpeningPlan:
        """The plan with which the others are compared."""
        return self.question.plan(self.question.baseline)

    @property
    def others(self) -> tuple[OpeningPlan, ...]:
        """The plans but for the baseline."""
        return tuple(one for one in self.plans if one.name != self.baseline.name)

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The scenario of every plan, by its name."""
        return self.question.scenarios

    def of(self, plan: str, column: str) -> np.ndarray:
        """A column of a plan, by replicate; arrays by month or year as (replicates, ...).

        Raises
        ------
        KeyError
            If there is no such plan or column.
        """
        self.question.plan(plan)
        values = self.rows.loc[self.rows["plan"] == plan, column]
        return np.stack(values.to_list()) if "." in column else values.to_numpy(float)

    # --- figures and differences ------------------------------------------------------------------------------
    def table(self) -> pd.DataFrame:
        """Every measure of every plan.

        Returns
        -------
        pandas.DataFrame
            One row for each plan and measure: plan, measure, label, unit (of what is shown: shares in per cent, money
            in millions), mean, mcse, lower_90, upper_90 (5 and 95 % quantiles of the replicates), n (replicates in
            which there is such a figure).
        """
        return self._table

    @cached_property
    def _table(self) -> pd.DataFrame:
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
            variance of the difference would be if the plans had been run with random numbers of their own (NaN where no
            replicate differs). ``mean ± 1.645 mcse`` is what is known of the mean; lower_90 and upper_90 are what one
            trial may meet. No rows where the baseline stands alone.
        """
        return self._differences

    @cached_property
    def _differences(self) -> pd.DataFrame:
        rows = []
        for plan in self.others:
            for one in MEASURES:
                mine = one.times * self.of(plan.name, one.name)
                base = one.times * self.of(self.baseline.name, one.name)
                both = np.isfinite(mine) & np.isfinite(base)
                mine, base = mine[both], base[both]
                unit = one.unit.replace("% of trials", "points").replace("%", "points")
                rows.append({"plan": plan.name, "measure": one.name, "label": one.label, "unit": unit,
                             **_summary(mine - base), "variance_ratio": _variance_ratio(mine, base)})  # fmt: skip
        return pd.DataFrame(rows)

    # --- the date of the target -------------------------------------------------------------------------------
    def target_of(self, plan: str) -> TargetTimes:
        """When a plan's target is reached."""
        return TargetTimes(self.frame.since, self.question.target_of(plan), self.of(plan, "target_day"))

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
            share, error = time.probability(self.frame.months[-1])
            dates = {name: time.date(p) for name, p in names.items()}
            rows.append({"plan": plan.name, "target": time.target, **dates, "mcse_days": time.median_error(),
                         "reached": share, "mcse": error})  # fmt: skip
        return pd.DataFrame(rows).astype(dict.fromkeys(names, object))

    # --- by month, borough and year ---------------------------------------------------------------------------
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
        if plan not in self._by_month:
            self._by_month[plan] = self._monthly(plan)
        return self._by_month[plan]

    @cached_property
    def _by_month(self) -> dict[str, pd.DataFrame]:
        return {}

    def _monthly(self, plan: str) -> pd.DataFrame:
        families = self._families(plan).sum(axis=1).cumsum(axis=1)
        arrays = {name: self.of(plan, f"by_month.{name}") for name in ("waiting", "in_use", "places", "began",
                                                                       "wait_days")}  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            occupancy = np.where(arrays["places"] > 0, arrays["in_use"] / arrays["places"], np.nan)
            wait = np.where(arrays["began"] > 0, arrays["wait_days"] / arrays["began"], np.nan)
            pooled = arrays["wait_days"].sum(axis=0) / arrays["began"].sum(axis=0)
        out: dict[str, Any] = {"month": list(self.frame.months[:-1]), "until": list(self.frame.months[1:])}
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
        families, names = self._families(plan), self.frame.boroughs
        return pd.DataFrame(
            {
                "month": np.tile(np.asarray(self.frame.months[:-1], object), len(names)),
                "borough": np.repeat(np.asarray(names, object), len(self.frame.months) - 1),
                "families": families.mean(axis=0).ravel(),
                "most": families.max(axis=0).ravel(),
            }
        )

    def _families(self, plan: str) -> np.ndarray:
        """Families randomised, (replicates, boroughs, months)."""
        counts = self.of(plan, "by_month.families")
        return counts.reshape(len(counts), -1, len(self.frame.months) - 1)

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
        pounds = self.of(plan, "by_year.pounds").reshape(-1, len(HOLDERS), len(self.frame.years))
        whole = np.concatenate([pounds, pounds.sum(axis=1, keepdims=True)], axis=1)
        return pd.DataFrame(
            [
                {"year": year, "holder": holder, **_summary(whole[:, i, k])}
                for k, year in enumerate(self.frame.years)
                for i, holder in enumerate((*HOLDERS, "all"))
            ]
        )

    def openings(self, plan: str) -> list[tuple[dt.date | None, str]]:
        """When each borough opens (None for never), and what it is called; in order of time."""
        scenario = self.scenarios[plan]
        end = scenario.simulation.end_date
        found = [(one.opens if one.opens < end else None, one.title) for one in scenario.boroughs.values()]
        return sorted(found, key=lambda each: (each[0] is None, each[0] or end, each[1]))

    # --- as every question's ----------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """A sentence for each plan, the baseline's first."""
        from best_sim.questions.expansion.show import words_of

        return [f"{name}: {said}" for name, said in words_of(self)]

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Figures of the plans, their differences, dates, months, boroughs and costs; a row a replicate and plan."""
        out = {"plans": self.table(), "dates": self.dates()}
        if self.others:
            out["differences"] = self.differences()
        of_each = {"months": self.monthly, "boroughs": self.by_borough, "costs": self.costs}
        out |= {name: self._of_all(table_of) for name, table_of in of_each.items()}
        return out | {"replicates.parquet": self.rows}

    def _of_all(self, table_of: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
        """A table of every plan, the plan's name in its first column."""
        tables = {one.name: table_of(one.name) for one in self.plans}
        return pd.concat(tables, names=["plan", None]).reset_index(level="plan").reset_index(drop=True)

    def figures(self) -> Mapping[str, Figure]:
        """Every plan by month and year, and what each changes."""
        from best_sim.questions.expansion.show import figures_of

        return figures_of(self)

    def shown(self) -> list[Shown]:
        """The chief measures of all plans."""
        from best_sim.questions.expansion.show import short_tables

        return short_tables(self)

    def answer(self) -> Mapping[str, Any]:
        """When each plan reaches its target, and how often."""
        out = {}
        for row in self.dates().to_dict("records"):
            early, median, late = (row[name] for name in ("lower_90", "median", "upper_90"))
            days = {"low": early, "median": median, "high": late}
            out[str(row["plan"])] = {
                "target": row["target"],
                "target_reached": {name: day.isoformat() if day else None for name, day in days.items()},
                "share_that_reach_it": row["reached"],
            }
        return out

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.expansion.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, all plans beside each other, what each changes, and a page for each."""
        from best_sim.questions.expansion.show import chapters_of

        return chapters_of(self)


def expansion_found(question: ExpansionQuestion, keep: Keep, done: int) -> ExpansionFound:
    """What the finished replicates of plans say.

    Parameters
    ----------
    question : ExpansionQuestion
    keep : Keep
        With its finished replicates.
    done : int
        Replicates that count; later ones are left out.
    """
    rows = whole_table(keep, done).to_pandas()
    return ExpansionFound(
        question.replaced(replicates=done), Frame.of(question), rows, interrupted=done < question.replicates
    )


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
