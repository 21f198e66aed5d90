"""A search for the size that gives a wanted power, with replicates spent where they say most.

Power is simulated at a few sizes, a probit curve is fitted through what was found, and the next replicates go to where
the curve crosses the wanted power and to either side of it, until the interval for the size is narrow enough. For the
number of families the curve is straight in its square root, as the closed form's is; for another parameter in the
parameter itself. Only sizes near the crossing take part in the fit, so the curve need not be right far away.

References
----------
Zimmer and Debelak (2023), Psychological Methods, doi 10.1037/met0000611 (fitted power curves).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from best_sim.measures.costs import child_costs
from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.replicate import Replicate
from best_sim.questions.running import Running
from best_sim.questions.sample_size.ask import FAMILIES, SampleSizeQuestion
from best_sim.questions.sample_size.crossing import Crossing, crossing_of
from best_sim.questions.target_times import time_of_share
from best_sim.replications import Keep, whole_table
from best_sim.scenario import ScenarioWarning
from best_sim.scenario.durations import MONTH
from best_sim.trial.performance import error_over_trials

_PILOT, _BATCH, _LARGEST_BATCH = 100, 200, 4_000
_SPREAD = 0.15
"""Of each batch three fifths go to the best guess, and a fifth to so much below and above it."""
_NEAR = 0.4
"""Only sizes within this share of the best guess take part in the fit."""
_PRICED = 24
"""Replicates whose costs are counted at the size found."""
_SPACING = 10_000_000
"""Between the numbers of the replicates at one size and those at the next, so that no random number is used twice."""
_COLUMNS = [
    "replicate", "scoring", "converged", "p", "estimate", "standard_error", "children_lift", "children_sau",
    "target_days",
]  # fmt: skip
"""What is read of a replicate's rows."""


@dataclass(frozen=True)
class SizeFound:
    """What one search found.

    Attributes
    ----------
    value : float or None
        Of the second parameter.
    size : float
        The smallest size with the wanted power; whole for whole parameters. NaN where there is none.
    interval : tuple of float
        95 % interval of the size; infinite where the data can't bound it.
    reached : bool
        Whether there is a size, and its interval is as narrow as was asked for.
    reason : str
        Why there is no size; empty where there is one.
    replicates : int
        Trials that were simulated, each scored as often as the question says.
    points : pandas.DataFrame
        One row for each size: size, trials, replicates (fits), mcse, found (p below alpha), failed, statistic (mean of
        estimate over standard error), children, months (median to the target), reached_target (share), power, fitted
        (the curve's power), used (in the last fit).
    curve : Crossing
        The last fit.
    children : float
        Randomised, on average, at the size nearest to the one found.
    months : tuple of float
        To recruit, at the size nearest: 5 %, median, 95 %; infinite where never reached.
    cost : float
        Mean cost of the service to the trial's families, in GBP.
    by_grid : tuple of float
        Trials that a plain grid over the limits would need for an interval as narrow: with the same curve fitted to
        all of it, and read off without a curve.
    plausible : str
        The plausible range of the parameter, where the size is outside it; else empty.
    """

    value: float | None
    size: float
    interval: tuple[float, float]
    reached: bool
    reason: str
    replicates: int
    points: pd.DataFrame
    curve: Crossing
    children: float
    months: tuple[float, float, float]
    cost: float
    by_grid: tuple[float, float]
    plausible: str = ""


@dataclass(frozen=True)
class _Shifted:
    """Replicates whose numbers begin elsewhere, so that no two sizes have the same random numbers."""

    work: Replicate
    by: int

    def __call__(self, number: int) -> list[dict[str, Any]]:
        return self.work(number + self.by)


class Search:
    """The sizes tried so far, and what was found at each.

    Parameters
    ----------
    question : SampleSizeQuestion
    trial : PowerQuestion
        With one design.
    running : Running
        Each size is a leg of its own.
    value : float, optional
        Of the second parameter, which `trial` has.
    before : int
        Replicates of earlier searches, for the progress.

    Notes
    -----
    Sizes are tried in an order that depends on nothing but what was found, so a search that was broken off goes the
    same way again through what is kept.
    """

    def __init__(
        self,
        question: SampleSizeQuestion,
        trial: PowerQuestion,
        running: Running,
        value: float | None = None,
        before: int = 0,
    ) -> None:
        self.question, self.trial, self.running = question, trial, running
        self.value, self.before = value, before
        self.keeps: dict[float, Keep] = {}
        self.planned: dict[float, int] = {}
        self._counted: dict[float, tuple[int, dict[str, Any]]] = {}
        self.used = np.zeros(0, bool)

    # --- sizes ----------------------------------------------------------------------------------------------
    def scale(self, x: Any) -> Any:
        """The scale on which the probit of power is straight."""
        return np.sqrt(x) if self.question.along == FAMILIES else np.asarray(x, float)

    def back(self, h: float) -> float:
        """From that scale."""
        return max(h, 0.0) ** 2 if self.question.along == FAMILIES else h

    def leg(self, size: float) -> str:
        """Name of a size's leg."""
        name = f"{'families' if self.question.along == FAMILIES else self.question.along}-{size:.12g}"
        if self.value is not None:
            name = f"{self.question.against}-{self.value:.12g}-{name}"
        return name.replace("+", "")

    # --- simulating -----------------------------------------------------------------------------------------
    def run(self, sizes: dict[float, int], words: str) -> None:
        """Add replicates to some sizes.

        Raises
        ------
        StoppedError
            If it was interrupted.
        """
        at = "" if self.value is None else f"{self.question.against} = {self.value:g}, "
        for size, more in sizes.items():
            if more == 0:
                continue
            there = self.planned.get(size, 0)
            order = list(self.planned).index(size) if there else len(self.planned)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ScenarioWarning)  # told of the size that is found
                work = self.question.at(self.trial, size).work(self.running.engine)
            first = int(size) if self.question.whole else order + 1
            self.keeps[size] = self.running.all_of(
                _Shifted(work, first * _SPACING), there + more, leg=self.leg(size),
                before=self.before + self.done - there, words=at + words,
            )  # fmt: skip
            self.planned[size] = there + more

    @property
    def done(self) -> int:
        """Replicates so far."""
        return sum(self.planned.values())

    def rows(self, size: float) -> pd.DataFrame:
        """What is read of the rows of one size."""
        return whole_table(self.keeps[size], self.planned[size], _COLUMNS).to_pandas()

    def counts(self) -> pd.DataFrame:
        """By size: replicates with a result, those that found the effect, the mean of the statistic."""
        for size, planned in self.planned.items():
            if self._counted.get(size, (0, {}))[0] != planned:
                self._counted[size] = planned, self._count(size)
        return pd.DataFrame([self._counted[size][1] for size in sorted(self.planned)])

    def _count(self, size: float) -> dict[str, Any]:
        rows = self.rows(size)
        fits = rows[rows["converged"]]
        told = rows[rows["scoring"] == 0]
        hit = (fits["p"] < self.trial.alpha).to_numpy(float)
        return {
            "size": size,
            "trials": len(told),
            "replicates": len(fits),
            "mcse": error_over_trials(hit, fits["replicate"]) if len(hit) > 1 else math.nan,
            "found": int(hit.sum()),
            "failed": len(rows) - len(fits),
            "statistic": float((fits["estimate"] / fits["standard_error"]).mean()),
            "children": float((fits["children_lift"] + fits["children_sau"]).mean()),
            "months": time_of_share(told["target_days"].to_numpy(float), 0.5) / MONTH,
            "reached_target": float(told["target_days"].notna().mean()),
        }

    # --- the search -----------------------------------------------------------------------------------------
    def search(self) -> SizeFound:
        """Search until the interval is narrow enough, no size has the power, or the replicates are spent.

        Raises
        ------
        StoppedError
            If it was interrupted.
        """
        power, within, most = self.question.power, self.question.within, self.question.replicates
        for sizes in self._pilots(power):
            self.run(sizes, "to find about where")
        batch = _BATCH
        while True:
            crossing = self.fit(power)
            if math.isfinite(crossing.x) and (crossing.high - crossing.low) / 2.0 <= within:
                return self.result(crossing)
            if reason := self._out_of_reach(power, crossing):
                return self.result(crossing, reason)
            if self.done >= most:
                return self.result(crossing, "" if math.isfinite(crossing.x) else self._not_rising(power))
            self.run(self._next(crossing, min(batch, most - self.done), within), self._so_far(crossing))
            batch = min(2 * batch, _LARGEST_BATCH)

    def _so_far(self, crossing: Crossing) -> str:
        if not math.isfinite(crossing.x):
            return "no size so far"
        digits = ",.0f" if self.question.whole else ".4g"
        return f"{crossing.x:{digits}} (95% interval {crossing.low:{digits}} to {crossing.high:{digits}})"

    def _pilots(self, power: float) -> Iterator[dict[float, int]]:
        """First sizes: the middle of the limits, then where its statistic says that the power would be had."""
        size = self.question.size
        middle = size(math.sqrt(self.question.smallest * self.question.largest))
        yield {middle: _PILOT}
        if self.question.along == FAMILIES:
            statistic = abs(float(self.counts()["statistic"].iloc[0]))
            wanted = float(special.ndtri(power) - special.ndtri(self.trial.alpha / 2.0))
            guess = size(middle * (wanted / max(statistic, 0.2)) ** 2)
        else:
            guess = size(middle * 1.5)
        lower, upper = size(guess * (1.0 - 2 * _SPREAD)), size(guess * (1.0 + 2 * _SPREAD))
        yield {one: _PILOT for one in dict.fromkeys((lower, guess, upper))}

    def _next(self, crossing: Crossing, n: int, within: float) -> dict[float, int]:
        """Where the next replicates say most: at the crossing, and some to either side for the slope."""
        question = self.question
        if not math.isfinite(crossing.x):
            # no curve that rises: whether the largest size has the power tells most
            middle, largest = (
                question.size((question.smallest + question.largest) / 2.0),
                question.size(question.largest),
            )
            return {middle: n // 5, largest: n - n // 5}
        x = question.size(crossing.x)
        step = (
            max(1.0, within) if question.whole else 0.0
        )  # few sizes, so that each has its replicates together
        if step and x > 10 * step:
            x = question.size(round(x / step) * step)
        sides = {question.size(x * (1.0 - _SPREAD)): n // 5, question.size(x * (1.0 + _SPREAD)): n // 5}
        sides.pop(x, None)
        return {x: n - sum(sides.values())} | sides

    def fit(self, power: float) -> Crossing:
        """The curve through what was found near the crossing."""
        counts = self.counts()
        near = np.ones(len(counts), bool)
        for _ in range(2):
            crossing = crossing_of(
                self.scale(counts["size"][near]),
                counts["found"][near],
                counts["replicates"][near],
                power,
                inflation=_inflation(counts),
            )
            x = self.back(crossing.x)
            close = np.abs(counts["size"] / x - 1.0) <= _NEAR if math.isfinite(x) and x > 0 else near
            if close.sum() < 3 or (close == near).all():
                break
            near = np.asarray(close)
        self.used = near
        return replace(
            crossing, x=self.back(crossing.x), low=self.back(crossing.low), high=self.back(crossing.high)
        )

    def _out_of_reach(self, power: float, crossing: Crossing) -> str:
        """Why no size within the limits has the power, where that is known by now."""
        along, called = self.question.along, self.question.share_found
        if crossing.slope < 0.0 and math.isfinite(crossing.high - crossing.low):
            return (
                f"{along}: {called} falls as it rises, to {power:g} between {crossing.low:.4g} and "
                f"{crossing.high:.4g}; what is searched is a size at which it rises to that"
            )
        counts = self.counts()
        for edge, word in ((self.question.largest, "largest"), (self.question.smallest, "smallest")):
            here = counts[counts["size"] == self.question.size(edge)]
            if not len(here) or here["trials"].iloc[0] < _BATCH:
                continue
            share, error = (
                float(here["found"].iloc[0] / here["replicates"].iloc[0]),
                float(here["mcse"].iloc[0]),
            )
            if share + 4 * error < power if word == "largest" else share - 4 * error > power:
                return (
                    f"{along}: at the {word} size tried, {edge:g}, the {called} is {share:.3f} (Monte Carlo standard "
                    f"error {error:.3f}, {int(here['trials'].iloc[0])} trials), and {power:g} was wanted; "
                    f"{here['reached_target'].iloc[0]:.0%} of the trials reached their target within the run"
                )
        return ""

    def _not_rising(self, power: float) -> str:
        return (
            f"{self.question.along}: {self.question.share_found} does not rise with it {self.question.limits}, as far "
            f"as {self.done:,} trials can tell; {power:g} was wanted"
        )

    # --- what came out --------------------------------------------------------------------------------------
    def result(self, crossing: Crossing, reason: str = "") -> SizeFound:
        """All that is told of the size found, or of why there is none."""
        points = self.counts()
        points["power"] = points["found"] / points["replicates"]
        points["fitted"] = special.ndtr(crossing.intercept + crossing.slope * self.scale(points["size"]))
        points["used"] = self.used
        none, nothing = (math.nan, math.nan), (math.nan, math.nan, math.nan)
        if reason:
            return SizeFound(
                self.value, math.nan, none, False, reason, self.done, points, crossing, math.nan, nothing, math.nan,
                none,
            )  # fmt: skip
        sizes = points["size"].to_numpy(float)
        nearest = float(sizes[np.abs(sizes - crossing.x).argmin()])
        rows = self.rows(nearest)
        days = rows.loc[rows["scoring"] == 0, "target_days"].to_numpy(float)
        early, middle, late = (time_of_share(days, q) / MONTH for q in (0.05, 0.5, 0.95))
        within = self.question.within
        size = float(math.ceil(crossing.x - 1e-9)) if self.question.whole else crossing.x
        return SizeFound(
            value=self.value,
            size=size,
            interval=(float(crossing.low), float(crossing.high)),
            reached=bool((crossing.high - crossing.low) / 2.0 <= within),
            reason="",
            replicates=self.done,
            points=points,
            curve=crossing,
            children=float(points.loc[points["size"] == nearest, "children"].iloc[0]),
            months=(early, middle, late),
            cost=self._cost(nearest),
            by_grid=self._by_grid(crossing, _inflation(points)),
            plausible=self._plausible(size),
        )

    def _plausible(self, size: float) -> str:
        """The plausible range of the parameter, where a size that may be tried is outside it."""
        if not self.question.smallest <= size <= self.question.largest:
            return ""
        told = self.question.scenario_at(self.trial, size).warnings
        return next((one.allowed for one in told if one.key == self.question.along), "")

    def _cost(self, size: float) -> float:
        scenario = self.question.scenario_at(self.trial, size)
        lowered = lower(scenario)
        totals = [
            child_costs(simulate(lowered, self.trial.seed, number, self.running.engine), scenario)[
                "service"
            ].sum()
            for number in range(_PRICED)
        ]
        return float(np.mean(totals))

    def _by_grid(self, crossing: Crossing, inflation: float) -> tuple[float, float]:
        """Trials of a plain grid, equally many at each size between the limits, for the same half width.

        Where a curve is fitted to all of them, so must be right everywhere; and where the size is read off the grid,
        whose sizes are then twice the half width apart.
        """
        question, power, within = self.question, self.question.power, self.question.within
        grid = self.scale(np.linspace(question.smallest, question.largest, 20))
        eta = crossing.intercept + crossing.slope * grid
        p = np.clip(special.ndtr(eta), 1e-9, 1 - 1e-9)
        weight = stats.norm.pdf(eta) ** 2 / (p * (1 - p)) / len(grid)  # information of one replicate
        design = np.column_stack([np.ones(len(grid)), grid])
        information = design.T @ (design * weight[:, None])
        h = float(self.scale(crossing.x))
        at = np.array([1.0, h])
        variance = float(at @ np.linalg.solve(information, at)) / crossing.slope**2  # of h, for one replicate
        stretch = 2.0 * h if question.along == FAMILIES else 1.0
        per_trial = inflation / question.scorings
        fitted = variance * (stretch * stats.norm.ppf(0.975) / within) ** 2 * per_trial
        # of power, for each unit of size
        slope = stats.norm.pdf(special.ndtri(power)) * crossing.slope / stretch
        each = power * (1.0 - power) * (stats.norm.ppf(0.975) / (slope * within)) ** 2 * per_trial
        sizes = (question.largest - question.smallest) / (2.0 * within)
        return float(fitted), float(each * sizes)


def _inflation(counts: pd.DataFrame) -> float:
    """How much more the counts vary than those of independent fits; 1 where every trial was scored once."""
    if (counts["trials"] == counts["replicates"]).all():
        return 1.0
    n, share = counts["replicates"].to_numpy(float), (counts["found"] / counts["replicates"]).to_numpy(float)
    independent = n * share * (1.0 - share)
    seen = (n * counts["mcse"].to_numpy(float)) ** 2
    known = np.isfinite(seen)
    return max(1.0, float(seen[known].sum() / max(independent[known].sum(), 1e-12)))
