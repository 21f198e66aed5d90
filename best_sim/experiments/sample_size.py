"""The sample size that gives a wanted power, found by simulation, with replicates spent where they say most.

Power is simulated at a few sizes, a probit curve is fitted through what was found, and the next replicates go to where
the curve crosses the wanted power and to either side of it, until the interval for the size is narrow enough. For the
number of families the curve is straight in its square root, as the closed form's is; for another parameter in the
parameter itself. Only sizes near the crossing take part in the fit, so the curve need not be right far away.

References
----------
Zimmer and Debelak (2023), Psychological Methods, doi 10.1037/met0000611 (fitted power curves); Finney (1971), Probit
Analysis (Fieller's interval for the dose of a given response).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special, stats

from best_sim.engine.model import Engine
from best_sim.measures.costs import child_costs
from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.replicate import Replicate
from best_sim.replications import Keep, Memory, Plan, Store, run, whole_table, working
from best_sim.scenario import Problem, ScenarioError
from best_sim.scenario.durations import MONTH
from best_sim.trial.performance import error_over_trials

FAMILIES = "trial.target_families"
_LOOKED_AT = (
    "replicate",
    "scoring",
    "converged",
    "p",
    "estimate",
    "standard_error",
    "children_lift",
    "children_sau",
    "target_days",
)
_PILOT, _BATCH, _LARGEST_BATCH = 100, 200, 4_000
_SPREAD = 0.15
"""Of each batch three fifths go to the best guess, and a fifth to so much below and above it."""
_NEAR = 0.4
"""Only sizes within this share of the best guess take part in the fit."""
_PRICED = 24
"""Replicates whose costs are counted at the size found."""
_SPACING = 10_000_000
"""Between the numbers of the replicates at one size and those at the next, so that no luck is met twice."""


class NoSampleSizeError(Exception):
    """No size within the limits gives the power; the message says what was found."""


@dataclass(frozen=True)
class Crossing:
    """Where a fitted curve reaches the wanted power.

    Attributes
    ----------
    intercept, slope : float
        Of the probit of power, on the curve's scale of size.
    covariance : numpy.ndarray, shape (2, 2)
    x : float
        The size.
    low, high : float
        Its 95 % interval (Fieller); infinite where the data can't bound it.
    misfit : float
        p of the test that the curve fits the sizes it was fitted to; NaN with two sizes or fewer.
    """

    intercept: float
    slope: float
    covariance: np.ndarray
    x: float
    low: float
    high: float
    misfit: float


@dataclass(frozen=True)
class SampleSize:
    """What was found.

    Attributes
    ----------
    experiment : PowerQuestion
        With one design.
    along : str
        The parameter that was searched.
    wanted : float
        Power.
    size : int or float
        The smallest size with that power; whole for whole parameters.
    interval : tuple of float
        95 % interval of the size.
    within : float
        The half width that was asked for.
    reached : bool
        Whether the interval is as narrow.
    replicates : int
        Trials that were simulated, each scored as often as the experiment says.
    points : pandas.DataFrame
        One row for each size: size, trials, replicates (fits), found (p below alpha), failed, power, mcse, fitted (the
        curve's power), used (in the last fit), children, months (median to the target), reached_target (share).
    curve : Crossing
    children : float
        Randomised, on average, at the size nearest to the one found.
    months : tuple of float
        To recruit, at the size nearest: 5 %, median, 95 %; infinite where never reached.
    cost : float
        Mean cost of the service to the trial's families, in GBP; NaN where it was not asked for.
    by_grid : tuple of float
        Trials that a plain grid over the limits would need for an interval as narrow: with the same curve fitted to
        all of it, and read off without a curve.
    """

    experiment: PowerQuestion
    along: str
    wanted: float
    size: float
    interval: tuple[float, float]
    within: float
    reached: bool
    replicates: int
    points: pd.DataFrame
    curve: Crossing
    children: float
    months: tuple[float, float, float]
    cost: float
    by_grid: tuple[float, float]


def find_sample_size(
    experiment: PowerQuestion,
    design: str | None = None,
    *,
    power: float = 0.8,
    within: float = 5.0,
    along: str = FAMILIES,
    limits: tuple[float, float] = (20, 2_000),
    most: int = 100_000,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    folder: Path | None = None,
    progress: Callable[[int, Crossing | None], object] | None = None,
) -> SampleSize:
    """Find the size at which one design has the wanted power.

    Parameters
    ----------
    experiment : PowerQuestion
        Its primary analysis is used; its number of replicates is not.
    design : str, optional
        Name of the design; by default the first with an effect.
    power : float
        Wanted, above alpha and below 1.
    within : float
        Half width of the 95 % interval of the size at which the search ends.
    along : str
        The parameter that is searched: the number of families, or any other with a number.
    limits : tuple of float
        Smallest and largest size that is tried.
    most : int
        Replicates after which the search ends in any case.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    folder : pathlib.Path, optional
        Where finished replicates are kept, a store for each size; a search that was broken off goes on from there.
    progress : callable, optional
        Called after each batch with the number of replicates done and the curve so far.

    Returns
    -------
    SampleSize

    Raises
    ------
    ScenarioError
        If the design is unknown, or a size can't be used; before anything is simulated.
    NoSampleSizeError
        If no size within the limits has the power.
    ValueError
        If the power, the precision or the limits make no sense.
    """
    search = begin_search(experiment, design, power, within, along, limits, engine, folder)
    with working(engine, executor) as own:
        crossing = search.until(power, within, most, own, progress)
    return search.result(power, within, crossing)


def begin_search(
    experiment: PowerQuestion,
    design: str | None,
    power: float,
    within: float,
    along: str,
    limits: tuple[float, float],
    engine: Engine = "compiled",
    folder: Path | None = None,
) -> _Search:
    """A search that is ready to run; what can't be searched is refused, and nothing is simulated or written."""
    if not experiment.alpha < power < 1.0:
        raise ValueError(f"power: found {power:g}, allowed above alpha ({experiment.alpha:g}) and below 1")
    if not within > 0:
        raise ValueError(f"within: found {within:g}, allowed above 0")
    if not 0 < limits[0] < limits[1] < math.inf:
        raise ValueError(
            f"limits: found {limits[0]:g} to {limits[1]:g}, allowed two sizes above 0, the lower first"
        )
    one = experiment.with_design(design or experiment.first_with_effect())
    search = _Search(one, along, limits, engine, folder)
    search.check()
    return search


@dataclass(frozen=True)
class _Shifted:
    """Replicates whose numbers begin elsewhere, so that no two sizes meet the same luck."""

    work: Replicate
    by: int

    def __call__(self, number: int) -> list[dict[str, Any]]:
        return self.work(number + self.by)


def _value_at(scenario: Any, key: str) -> Any:
    """What a dotted key leads to; None where it leads nowhere."""
    for part in key.split("."):
        scenario = scenario.get(part) if isinstance(scenario, Mapping) else getattr(scenario, part, None)
    return scenario


class _Search:
    """The sizes tried so far, and what was found at each."""

    def __init__(
        self,
        experiment: PowerQuestion,
        along: str,
        limits: tuple[float, float],
        engine: Engine,
        folder: Path | None,
    ) -> None:
        self.experiment, self.along, self.limits, self.engine, self.folder = (
            experiment,
            along,
            limits,
            engine,
            folder,
        )
        base = experiment.scenario_of(experiment.designs[0])
        value = _value_at(base, along)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ScenarioError(
                [
                    Problem(
                        file=experiment.scenario, key=along, message="this is not a number that can be searched",
                        found=repr(value), allowed="a parameter with one number, as trial.target_families",
                    )
                ]
            )  # fmt: skip
        self.whole = isinstance(value, int)
        self.keeps: dict[float, Keep] = {}
        self.planned: dict[float, int] = {}

    # --- sizes ----------------------------------------------------------------------------------------------
    def scale(self, x: Any) -> Any:
        """The scale on which the probit of power is straight."""
        return np.sqrt(x) if self.along == FAMILIES else np.asarray(x, float)

    def back(self, h: float) -> float:
        """From that scale."""
        return max(h, 0.0) ** 2 if self.along == FAMILIES else h

    def size(self, x: float) -> float:
        """A size that can be simulated: within the limits, and whole where it has to be."""
        x = min(max(x, self.limits[0]), self.limits[1])
        return float(round(x)) if self.whole else float(f"{x:.4g}")

    def at(self, size: float) -> PowerQuestion:
        """The experiment at one size."""
        said = f"{int(size)}" if self.whole else f"{size:g}"
        return self.experiment.replaced(overrides=(*self.experiment.overrides, f"{self.along}={said}"))

    def check(self) -> None:
        """Refuse limits that the scenario does, before anything is simulated."""
        for size in (self.size(self.limits[0]), self.size(self.limits[1])):
            one = self.at(size)
            one.scenario_of(one.designs[0])

    # --- simulating -----------------------------------------------------------------------------------------
    def run(self, sizes: dict[float, int], executor: Executor | None) -> None:
        """Add replicates to some sizes."""
        for size, more in sizes.items():
            order = len(self.planned)
            self.planned[size] = self.planned.get(size, 0) + more
            if size not in self.keeps:
                self.keeps[size] = self._keep(size, order)
            one = self.at(size)
            work = one.work(self.engine)
            offset = int(size) * _SPACING if self.whole else (list(self.keeps).index(size) + 1) * _SPACING
            shifted = Plan(_Shifted(work, offset), self.planned[size], 20)
            if not run(shifted, executor, keep=self.keeps[size]):
                raise KeyboardInterrupt

    def _keep(self, size: float, order: int) -> Keep:
        if self.folder is None:
            return Memory()
        where = self.folder / "sizes" / f"{size:g}"
        about = {
            "size": size,
            "along": self.along,
            "seed": self.experiment.seed,
            "replicates_asked": 0,
            "order": order,
        }
        return Store(where) if where.exists() else Store.create(where, about)

    @property
    def done(self) -> int:
        """Replicates planned so far, all of them done."""
        return sum(self.planned.values())

    def rows(self, size: float) -> pd.DataFrame:
        """The rows of one size, of the columns that the search looks at."""
        return whole_table(self.keeps[size], self.planned[size], columns=[*_LOOKED_AT]).to_pandas()

    def counts(self) -> pd.DataFrame:
        """By size: replicates with a result, those that found the effect, the mean of the statistic."""
        out = []
        for size in sorted(self.keeps):
            rows = self.rows(size)
            fits = rows[rows["converged"]]
            told = rows[rows["scoring"] == 0]
            hit = (fits["p"] < self.experiment.alpha).to_numpy(float)
            error = error_over_trials(hit, fits["replicate"]) if len(hit) > 1 else math.nan
            out.append(
                {
                    "size": size,
                    "trials": len(told),
                    "replicates": len(fits),
                    "mcse": error,
                    "found": int((fits["p"] < self.experiment.alpha).sum()),
                    "failed": len(rows) - len(fits),
                    "statistic": float((fits["estimate"] / fits["standard_error"]).mean()),
                    "children": float((fits["children_lift"] + fits["children_sau"]).mean()),
                    "months": float(
                        np.quantile(told["target_days"].fillna(np.inf) / MONTH, 0.5, method="higher")
                    ),
                    "reached_target": float(told["target_days"].notna().mean()),
                }
            )
        return pd.DataFrame(out)

    # --- the search -----------------------------------------------------------------------------------------
    def until(
        self,
        power: float,
        within: float,
        most: int,
        executor: Executor | None,
        progress: Callable[[int, Crossing | None], object] | None,
    ) -> Crossing:
        """Search until the interval is narrow enough, or `most` replicates are done."""
        for sizes in self._pilots(power):
            self.run(sizes, executor)
            if progress is not None:
                progress(self.done, None)
        batch = _BATCH
        while True:
            crossing = self.fit(power)
            if progress is not None:
                progress(self.done, crossing)
            if (crossing.high - crossing.low) / 2.0 <= within:
                return crossing
            if self.done >= most:
                if not math.isfinite(crossing.x):
                    raise NoSampleSizeError(
                        f"{self.along}: power does not rise with it between {self.limits[0]:g} and "
                        f"{self.limits[1]:g}, as far as {self.done:,} trials can tell; {power:g} was wanted"
                    )
                return crossing
            self._give_up(power, crossing)
            self.run(self._next(crossing, min(batch, most - self.done), within), executor)
            batch = min(2 * batch, _LARGEST_BATCH)

    def _pilots(self, power: float) -> Iterator[dict[float, int]]:
        """First sizes: the middle of the limits, then where its statistic says that the power would be had."""
        middle = self.size(math.sqrt(self.limits[0] * self.limits[1]))
        yield {middle: _PILOT}
        if self.along == FAMILIES:
            statistic = abs(float(self.counts()["statistic"].iloc[0]))
            wanted = float(special.ndtri(power) - special.ndtri(self.experiment.alpha / 2.0))
            guess = self.size(middle * (wanted / max(statistic, 0.2)) ** 2)
        else:
            guess = self.size(middle * 1.5)
        lower, upper = self.size(guess * (1.0 - 2 * _SPREAD)), self.size(guess * (1.0 + 2 * _SPREAD))
        yield {size: _PILOT for size in dict.fromkeys((lower, guess, upper))}

    def _next(self, crossing: Crossing, n: int, within: float) -> dict[float, int]:
        """Where the next replicates say most: at the crossing, and some to either side for the slope."""
        if not math.isfinite(
            crossing.x
        ):  # no curve that rises: whether the largest size has the power tells most
            middle, largest = self.size(sum(self.limits) / 2.0), self.size(self.limits[1])
            return {middle: n // 5, largest: n - n // 5}
        x = self.size(crossing.x)
        step = max(1.0, within) if self.whole else 0.0  # few sizes, so that each has its replicates together
        if step and x > 10 * step:
            x = self.size(round(x / step) * step)
        sides = {self.size(x * (1.0 - _SPREAD)): n // 5, self.size(x * (1.0 + _SPREAD)): n // 5}
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

    def _give_up(self, power: float, crossing: Crossing) -> None:
        counts = self.counts()
        for edge, word in ((self.limits[1], "more"), (self.limits[0], "fewer")):
            here = counts[counts["size"] == self.size(edge)]
            if len(here) and here["trials"].iloc[0] >= _BATCH:
                n, share = (
                    int(here["trials"].iloc[0]),
                    float(here["found"].iloc[0] / here["replicates"].iloc[0]),
                )
                error = float(here["mcse"].iloc[0])
                short = share + 4 * error < power if word == "more" else share - 4 * error > power
                if short:
                    raise NoSampleSizeError(
                        f"{self.along}: at the {'largest' if word == 'more' else 'smallest'} size tried, {edge:g}, the "
                        f"power is {share:.3f} (Monte Carlo standard error {error:.3f}, {n} trials), and {power:g} "
                        f"was wanted; {here['reached_target'].iloc[0]:.0%} of the trials reached their target within "
                        "the run"
                    )

    # --- what came out --------------------------------------------------------------------------------------
    def result(self, power: float, within: float, crossing: Crossing) -> SampleSize:
        """All that is told of the size found."""
        points = self.counts()
        points["power"] = points["found"] / points["replicates"]
        points["fitted"] = special.ndtr(crossing.intercept + crossing.slope * self.scale(points["size"]))
        points["used"] = self.used
        sizes = points["size"].to_numpy(float)
        nearest = float(sizes[np.abs(sizes - crossing.x).argmin()])
        rows = self.rows(nearest)
        months = rows.loc[rows["scoring"] == 0, "target_days"].fillna(np.inf).to_numpy() / MONTH
        early, middle, late = (float(np.quantile(months, q, method="higher")) for q in (0.05, 0.5, 0.95))
        children = points.loc[points["size"] == nearest, "children"]
        return SampleSize(
            experiment=self.experiment,
            along=self.along,
            wanted=power,
            size=float(math.ceil(crossing.x - 1e-9)) if self.whole else crossing.x,
            interval=(float(crossing.low), float(crossing.high)),
            within=within,
            reached=bool((crossing.high - crossing.low) / 2.0 <= within),
            replicates=self.done,
            points=points,
            curve=crossing,
            children=float(children.iloc[0]),
            months=(early, middle, late),
            cost=self._cost(nearest),
            by_grid=self._by_grid(crossing, power, within, _inflation(points)),
        )

    def _cost(self, size: float) -> float:
        one = self.at(size)
        scenario = one.scenario_of(one.designs[0])
        lowered = lower(scenario)
        totals = [
            child_costs(simulate(lowered, one.seed, number, self.engine), scenario)["service"].sum()
            for number in range(_PRICED)
        ]
        return float(np.mean(totals))

    def _by_grid(
        self, crossing: Crossing, power: float, within: float, inflation: float
    ) -> tuple[float, float]:
        """Trials of a plain grid, equally many at each size between the limits, for the same half width.

        Where a curve is fitted to all of them, so must be right everywhere; and where the size is read off the grid,
        whose sizes are then twice the half width apart.
        """
        grid = self.scale(np.linspace(self.limits[0], self.limits[1], 20))
        eta = crossing.intercept + crossing.slope * grid
        p = np.clip(special.ndtr(eta), 1e-9, 1 - 1e-9)
        weight = stats.norm.pdf(eta) ** 2 / (p * (1 - p)) / len(grid)  # information of one replicate
        design = np.column_stack([np.ones(len(grid)), grid])
        information = design.T @ (design * weight[:, None])
        h = float(self.scale(crossing.x))
        at = np.array([1.0, h])
        variance = float(at @ np.linalg.solve(information, at)) / crossing.slope**2  # of h, for one replicate
        stretch = 2.0 * h if self.along == FAMILIES else 1.0
        per_trial = inflation / self.experiment.scorings
        fitted = variance * (stretch * stats.norm.ppf(0.975) / within) ** 2 * per_trial
        slope = (
            stats.norm.pdf(special.ndtri(power)) * crossing.slope / stretch
        )  # of power, for each unit of size
        each = power * (1.0 - power) * (stats.norm.ppf(0.975) / (slope * within)) ** 2 * per_trial
        sizes = (self.limits[1] - self.limits[0]) / (2.0 * within)
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


def crossing_of(h: Any, found: Any, replicates: Any, power: float, *, inflation: float = 1.0) -> Crossing:
    """Fit a probit curve to counts, and find where it reaches a power.

    Parameters
    ----------
    h : (sizes,) array
        Sizes on the scale on which the probit is straight.
    found, replicates : (sizes,) arrays of int
    power : float
    inflation : float
        How much more the counts vary than those of independent replicates.

    Returns
    -------
    Crossing
        With x, low and high on the scale of `h`.
    """
    h, k, n = (np.asarray(values, float) for values in (h, found, replicates))
    centre = float(np.average(h, weights=n))
    design = np.column_stack([np.ones(len(h)), h - centre])
    beta = np.array([float(special.ndtri((k.sum() + 0.5) / (n.sum() + 1.0))), 0.0])
    information = np.eye(2)
    for _ in range(100):  # Fisher scoring
        eta = design @ beta
        p = np.clip(special.ndtr(eta), 1e-12, 1 - 1e-12)
        density = np.exp(-0.5 * eta**2) / math.sqrt(2 * math.pi)
        weight = n * density**2 / (p * (1 - p))
        information = design.T @ (design * weight[:, None])
        score = design.T @ ((k - n * p) * density / (p * (1 - p)))
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            break
        beta = beta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            break
    try:
        covariance = np.linalg.inv(information) * inflation
    except np.linalg.LinAlgError:
        covariance = np.full((2, 2), np.inf)
    aim = float(special.ndtri(power))
    slope = float(beta[1])
    x = centre + (aim - float(beta[0])) / slope if slope > 0 else math.inf
    low, high = _fieller(beta, covariance, aim)
    fitted = special.ndtr(design @ beta)
    freedom = len(h) - 2
    chi = float((((k - n * fitted) ** 2) / np.maximum(n * fitted * (1 - fitted), 1e-12)).sum()) / inflation
    turn = np.array([[1.0, -centre], [0.0, 1.0]])  # back from the centred size
    return Crossing(
        intercept=float(beta[0] - slope * centre),
        slope=slope,
        covariance=turn @ covariance @ turn.T,
        x=x,
        low=low + centre,
        high=high + centre,
        misfit=float(stats.chi2.sf(chi, freedom)) if freedom > 0 else math.nan,
    )


def _fieller(beta: np.ndarray, v: np.ndarray, aim: float) -> tuple[float, float]:
    """Sizes (centred) at which the curve does not differ from the aim by more than 1.96 standard errors."""
    z = float(stats.norm.ppf(0.975)) ** 2
    a = beta[1] ** 2 - z * v[1, 1]
    b = 2.0 * (beta[1] * (beta[0] - aim) - z * v[0, 1])
    c = (beta[0] - aim) ** 2 - z * v[0, 0]
    inside = b * b - 4.0 * a * c
    if not (np.isfinite(a) and a > 0 and inside >= 0):
        return -math.inf, math.inf
    root = math.sqrt(inside)
    return (-b - root) / (2.0 * a), (-b + root) / (2.0 * a)


def words_of(found: SampleSize, start: dt.date) -> str:
    """What was found, in one paragraph."""
    low, high = found.interval
    what = "families" if found.along == FAMILIES else found.along
    early, middle, late = found.months
    months = (
        f"{middle:.0f} months ({early:.0f} to {late:.0f} in nine of ten)"
        if math.isfinite(late)
        else f"{middle:.0f} months; in some replicates never within the run"
        if math.isfinite(middle)
        else "never within the run in most replicates"
    )
    return (
        f"{found.size:g} {what} give a power of {found.wanted:.0%} (95 % interval {low:.0f} to {high:.0f}, "
        f"{found.replicates:,} simulated trials). That is about {found.children:.0f} children analysed, and recruiting "
        f"takes {months} from {start:%B %Y}. The service to the trial's families costs about GBP {found.cost:,.0f}."
    )
