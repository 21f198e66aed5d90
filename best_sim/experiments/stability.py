"""Placement stability: how often children move, by group; what LIFT changes, and how many children it takes to see it.

Each replicate is one realisation: one trial, or what one set of boroughs would record. A figure comes with the mean
over replicates, the Monte Carlo standard error of that mean, and the range in which nine of ten realisations lie. The
second is the simulation's own error, and shrinks with more replicates; the third is how far a single year's returns may
be from what is behind them, and does not.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import optimize, special

from best_sim.engine.model import Engine
from best_sim.measures.groups import AGES, GROUPS, PERIODS, child_labels
from best_sim.measures.observed import named, ratio
from best_sim.measures.stability import (
    ended_placements,
    long_in_care,
    moves_by_period,
    placements_in_year,
    returns_to_care,
)
from best_sim.measures.timeliness import PERMANENCE
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Keep, gather
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.analysis import (
    Fit,
    aalen_johansen,
    cox,
    incidence_difference,
    negative_binomial,
    risk_difference,
)
from best_sim.trial.closed_forms import monte_carlo_error_mean, rate_ratio_power, risk_power, schoenfeld_power

MEASURES: Mapping[str, tuple[str, str]] = {
    "moves": ("moves", "per child-year in care"),
    "unplanned_moves": ("unplanned moves", "per child-year in care"),
    "three_in_year_to_march": ("three or more placements in the year to 31 March", "share"),
    "three_in_first_year": ("three or more placements in the first year of care", "share"),
    "same_carer": ("same carer for two years", "share"),
    "ended_median_days": ("median length of ended foster placements", "days"),
    "ended_under_month": ("ended foster placements that lasted under a month", "share"),
    "ended_under_6_months": ("ended foster placements that lasted under six months", "share"),
    "ended_under_year": ("ended foster placements that lasted under a year", "share"),
    "permanence_12": ("permanence within 12 months", "share"),
    "permanence_24": ("permanence within 24 months", "share"),
    "re_entry": ("back in care within a year of going home", "share"),
}
"""What is counted: label and unit, by name."""
CURVE_MONTHS = tuple(range(37))
"""Months at which the incidence of permanence is given."""
_HORIZONS = (12, 24)
KINDS = tuple(W.PLACEMENT_TYPES[kind] for kind in PERMANENCE)

EFFECTS: Mapping[str, tuple[str, Literal["ratio", "difference"]]] = {
    "moves": ("moves per child-year in care", "ratio"),
    "unplanned_moves": ("unplanned moves per child-year in care", "ratio"),
    "three_in_first_year": (MEASURES["three_in_first_year"][0], "difference"),
    "same_carer": (MEASURES["same_carer"][0], "difference"),
    "permanence_hazard": ("hazard of permanence of any kind", "ratio"),
    "permanence": ("permanence of any kind", "difference"),
    "home": ("home with parents", "difference"),
    "special_guardianship": ("special guardianship", "difference"),
    "placed_for_adoption": ("placed for adoption", "difference"),
    "long_term_foster": ("long-term foster care", "difference"),
}
"""What is compared: label and scale, by name. The last five are incidences at a horizon."""
AT_HORIZON = ("permanence", *KINDS)
SELECTED = ("same_carer",)
"""Comparisons of children who are still in care, which a service may change: not of like with like."""
_FITTED = (
    "estimate", "standard_error", "low", "high", "families", "children_1", "children_0", "mean_1", "mean_0",
    "exposure_1", "exposure_0", "dispersion",
)  # fmt: skip
_TOLD = 3.0
"""Monte Carlo standard errors that an effect has to be from none to be told from it."""
_NORMAL = float(special.ndtri(0.975))
_MOST_CHILDREN = 1e9


@dataclass(frozen=True)
class Stability:
    """What was found.

    Attributes
    ----------
    scenario : Scenario
    seed, replicates : int
    by : tuple of str
        Groups.
    split : datetime.date or None
        First day of the period after.
    contrast : {"arm", "period", ""}
        What `effects` compares: LIFT with SAU, after with before, or nothing.
    measures : pandas.DataFrame
        One row for each group and measure: the groups' columns, measure, label, unit, mean, mcse, low_90, high_90 (the
        range of nine of ten realisations), size (mean denominator: child-years, children, ended placements, returns
        home), replicates (in which there was one).
    curves : pandas.DataFrame
        One row for each group, kind of permanence and month: the groups' columns, to, month, mean, mcse, low_90,
        high_90, replicates.
    effects : pandas.DataFrame
        One row for each comparison (none without a contrast): effect, label, scale, estimate (a ratio or a difference
        of shares), mcse (of a ratio, on the log scale), low_90, high_90 (of estimates), low, high (ends of the 95 %
        interval of one realisation, on average), excludes_none (share of realisations whose interval does), told
        (whether it is more than three Monte Carlo standard errors from none), children, families (analysed, mean),
        design_effect, children_needed, families_needed (both groups together; NaN with a note), needed_low, needed_high
        (95 % Monte Carlo interval of the children needed), note, replicates.
    months : float or None
        Moves, and time in care, were counted in so many months from entry to care; None if in all.
    horizon : int
        Months at which incidences of permanence are compared.
    power, alpha : float
        For the numbers needed.
    """

    scenario: Scenario
    seed: int
    replicates: int
    by: tuple[str, ...]
    split: dt.date | None
    contrast: str
    measures: pd.DataFrame
    curves: pd.DataFrame
    effects: pd.DataFrame
    months: float | None
    horizon: int
    power: float
    alpha: float

    def measure(self, name: str) -> pd.DataFrame:
        """The rows of one measure, a row for each group.

        Raises
        ------
        ValueError
            If there is no such measure.
        """
        if name not in MEASURES:
            raise ValueError(f"measure: found {name!r}, allowed {', '.join(MEASURES)}")
        return self.measures[self.measures["measure"] == name].reset_index(drop=True)


def run_stability(
    scenario: Scenario,
    replicates: int = 200,
    seed: int = 1,
    *,
    by: Sequence[str] = ("arm",),
    split: dt.date | None = None,
    months: float | None = None,
    horizon: int = 12,
    power: float = 0.8,
    alpha: float = 0.05,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    keep: Keep | None = None,
    progress: Callable[[int], object] | None = None,
) -> Stability:
    """Placement stability by group, and the effect that one trial would see.

    Parameters
    ----------
    scenario : Scenario
    replicates, seed : int
    by : sequence of {"arm", "site", "borough", "court", "age", "period"}
        Groups. With the arm only children of eligible randomised families count, from their randomisation on; without
        it all children in care, from the start date on.
    split : datetime.date, optional
        First day of the period after: of an expansion, say. Needed for, and used by, the period alone.
    months : float, optional
        Count moves, and time in care, only in so many months from a child's entry to care. By period it is by default
        as long as the warm-up; else all time counts.
    horizon : int
        Months at which incidences of permanence are compared: from randomisation by arm, from entry to care by period.
    power, alpha : float
        For the number of children needed: power, and two-sided level.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    keep : Keep, optional
        Where finished replicates are kept. They hold these groups and this seed only, so keep others elsewhere.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    Stability

    Raises
    ------
    ScenarioError
        With everything about groups, day, replicates, power and level that can't be used.

    Notes
    -----
    Before and after a day are not randomised: whatever else changed with the calendar is in their difference. One thing
    is made by the simulation: it begins with children who have been in care for as long as the warm-up at most, and
    those who stay for years, and move least, gather until its end. So rates of moves before and after are of the first
    months of care only, as many as the warm-up has, in which the children are alike. What is counted on a 31 March, and
    the lengths of ended placements, have no such remedy.

    Comparisons are unadjusted. Moves, planned ones among them, and unplanned moves: negative binomial, a rate ratio.
    Three or more placements in the first year of
    care, and the same carer for two years on the first 31 March on which a child had been in care for two and a half:
    differences of shares. Permanence: cause-specific hazards of any kind (Cox), and Aalen-Johansen incidences of each
    at the horizon. Variances are summed by family throughout.

    The children needed are from closed forms at the mean effect over replicates: Zhu and Lakkis (2014) for rates, the
    Wald test for shares, Schoenfeld (1981) for hazards. The design effect in them is the mean variance of the analyses
    (by family) over that of the closed form with independent children: it has siblings, children who are watched for
    unequal times, and censoring. It is taken to be the same at other sizes. The Monte Carlo interval of that number has
    it fall with the square of the effect.

    By arm, the trial's own first year begins at entry to care, and the official year to a 31 March (of children who
    were randomised by then) on 1 April: a part of either may lie before randomisation, alike in both arms.
    """
    by = tuple(by)
    _check(scenario, replicates, by, split, months, horizon, power, alpha)
    if "period" in by and months is None and scenario.simulation.starts_with == "running":
        months = scenario.simulation.warm_up / MONTH
    lowered = lower(scenario)
    day = None if split is None else float((split - scenario.simulation.start_date).days)
    contrast = "arm" if "arm" in by else "period" if "period" in by else ""
    work = _Replicate(
        lowered, seed, engine, by, day if "period" in by else None, contrast, months, horizon, alpha
    )
    rows, done = gather(work, replicates, engine, executor, keep, progress)
    groups = work.groups()

    def stacked(name: str, *shape: int) -> np.ndarray:
        return np.stack([np.asarray(one, float) for one in rows[name]]).reshape(done, *shape)

    keys = pd.DataFrame(groups, columns=list(by)) if by else pd.DataFrame(index=[0])
    n = len(groups)
    values = stacked("values", n, len(MEASURES))
    sizes = stacked("sizes", n, len(MEASURES))
    curves = stacked("curves", n, len(KINDS), len(CURVE_MONTHS))
    fitted = stacked("fitted", len(EFFECTS) if contrast else 0, len(_FITTED))
    return Stability(
        scenario,
        seed,
        done,
        by,
        split if "period" in by else None,
        contrast,
        _measures(keys, values, sizes),
        _curves(keys, curves),
        _effects(fitted, horizon, power, alpha) if contrast else pd.DataFrame(),
        months,
        horizon,
        power,
        alpha,
    )


def _check(
    scenario: Scenario,
    replicates: int,
    by: tuple[str, ...],
    split: dt.date | None,
    months: float | None,
    horizon: int,
    power: float,
    alpha: float,
) -> None:
    wrong: list[Problem] = []

    def refuse(key: str, message: str, found: str, allowed: str, nearest: str | None = None) -> None:
        wrong.append(
            Problem(file="stability", key=key, message=message, found=found, allowed=allowed, nearest=nearest)
        )

    for one in by:
        if one not in GROUPS:
            near = difflib.get_close_matches(one, GROUPS, 1)
            refuse("by", "no such group", one, ", ".join(GROUPS), near[0] if near else None)
    if len(set(by)) < len(by):
        refuse("by", "a group twice", ", ".join(by), "each once")
    first, last = scenario.simulation.start_date, scenario.simulation.end_date
    if "period" in by and split is None:
        refuse("split", "before and after what day?", "none", f"a date between {first} and {last}")
    if split is not None and "period" not in by:
        refuse("split", "a day, but nothing is parted by it", str(split), "with by 'period'")
    elif split is not None and not first < split < last:
        refuse("split", "not within the run", str(split), f"a date between {first} and {last}")
    if replicates < 2:
        refuse("replicates", "too few for a Monte Carlo standard error", str(replicates), "2 or more")
    if months is not None and not months > 0.0:
        refuse("months", "no time", f"{months:g}", "above 0")
    if horizon not in CURVE_MONTHS[1:]:
        refuse("horizon", "no number of months", f"{horizon}", f"a whole number from 1 to {CURVE_MONTHS[-1]}")
    if not 0.0 < alpha < 1.0:
        refuse("alpha", "no level", f"{alpha:g}", "above 0 and below 1")
    elif not alpha < power < 1.0:
        refuse("power", "no power", f"{power:g}", f"above {alpha:g} and below 1")
    if wrong:
        raise ScenarioError(wrong)


# --- one replicate ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Replicate:
    """What one realisation shows: values and sizes by group and measure, curves, and fitted comparisons."""

    lowered: Lowered
    seed: int
    engine: Engine
    by: tuple[str, ...]
    split: float | None
    contrast: str
    months: float | None
    horizon: int
    alpha: float

    def groups(self) -> list[tuple[str, ...]]:
        """The groups, in order."""
        names = self.lowered.names
        of = {
            "arm": W.ARMS[1:], "age": AGES, "period": PERIODS, "site": names["sites"], "borough": names["boroughs"],
            "court": names["courts"],
        }  # fmt: skip
        return list(product(*(of[one] for one in self.by)))

    def __call__(self, number: int) -> list[dict[str, Any]]:
        j = simulate(self.lowered, self.seed, number, self.engine)
        seen = _Seen.of(j, self.by, self.split, self.months)
        values, sizes, curves = _by_group(seen, len(self.groups()))
        fitted = np.zeros((0, len(_FITTED)))
        if self.contrast:
            fitted = _comparisons(seen, self.contrast, self.horizon * MONTH, self.alpha)
        return [
            {
                "replicate": number, "values": values.ravel().tolist(), "sizes": sizes.ravel().tolist(),
                "curves": curves.ravel().tolist(), "fitted": fitted.ravel().tolist(),
            }
        ]  # fmt: skip


@dataclass(frozen=True)
class _Seen:
    """Tables of children, each row with its group (a number) and the side of the contrast it is on."""

    moves: pd.DataFrame
    years: pd.DataFrame
    first_years: pd.DataFrame
    long: pd.DataFrame
    ended: pd.DataFrame
    home: pd.DataFrame
    entries: pd.DataFrame

    @classmethod
    def of(cls, j: Journeys, by: tuple[str, ...], split: float | None, months: float | None) -> _Seen:
        f, c, g = (j.tables[name] for name in ("families", "children", "groups"))
        family = c["family"]
        entered = f["entered"][family]
        trial = "arm" in by
        if trial:
            # intention to treat: eligible, as allocated, from randomisation on
            mine = (f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"])
            since = np.where(mine, f["randomised"], np.nan)[family]
        else:
            since = np.zeros(len(c))

        def marked(table: pd.DataFrame, at: np.ndarray, counted: np.ndarray | None = None) -> pd.DataFrame:
            child = table["child"].to_numpy(np.int64)
            use = at >= since[child] if counted is None else counted  # False where NaN
            table, child, at = table[use], child[use], at[use]
            labels = child_labels(j, child, by, at=at, split=split)
            group = np.zeros(len(child), np.int64)
            for one in by:
                codes = labels[one].codes.astype(np.int64) - (one == "arm")
                group = group * (len(labels[one].categories) - (one == "arm")) + codes
            side = f["arm"][family[child]] == W.LIFT if trial else at >= (split or 0.0)
            return table.assign(group=group, treated=side.astype(float), family=family[child])

        moves = moves_by_period(j, months, since, split=split)
        years = placements_in_year(j, since=None if trial else 0.0)
        if split is not None:
            years = years[(years["begins"] >= split) | (years["ends"] <= split)]
        # a 31 March by its end, where periods do not part the year
        year_at = years["begins"].to_numpy() if split is not None else years["ends"].to_numpy()
        first = pd.DataFrame({"child": j.lived})
        at = entered[j.lived]
        over = (at + YEAR <= j.end) & (~np.isnan(since[j.lived]) if trial else at >= 0.0)
        third = g["third_at"][c["group"][j.lived]]
        first["three"] = (third <= at + YEAR).astype(float)
        long = long_in_care(j)
        ended = ended_placements(j)
        home = returns_to_care(j)
        child = j.lived
        start = since[child] if trial else entered[child]
        permanent = g["permanent_at"][c["group"][child]]
        # those who were there already when they began to be followed can't reach it
        followed = ~(permanent <= start) & (j.end > start) & (start >= 0.0)
        reached = permanent <= j.end
        kind = np.zeros(len(W.PLACEMENT_TYPES), np.int64)
        kind[list(PERMANENCE)] = np.arange(1, len(PERMANENCE) + 1)
        entries = pd.DataFrame(
            {
                "child": child,
                "days": np.where(reached, permanent, j.end) - start,
                "cause": np.where(reached, kind[g["permanent_to"][c["group"][child]]], 0),
            }
        )
        return cls(
            moves=marked(moves, moves["at"].to_numpy(), np.ones(len(moves), bool)),
            years=marked(years, year_at),
            first_years=marked(first, at, over),
            long=marked(long, long["day"].to_numpy()),
            ended=marked(ended, ended["at"].to_numpy()),
            home=marked(home, home["home_days"].to_numpy()),
            entries=marked(entries, entered[child], followed),
        )


def _by_group(seen: _Seen, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values = {name: np.full(n, np.nan) for name in MEASURES}
    sizes = {name: np.zeros(n) for name in MEASURES}

    def share(name: str, table: pd.DataFrame, top: np.ndarray, bottom: np.ndarray | None = None) -> None:
        of = table["group"].to_numpy()
        sizes[name] = np.bincount(of, bottom, minlength=n).astype(float)
        values[name] = ratio(np.bincount(of, top, minlength=n), sizes[name])

    years = seen.moves["years"].to_numpy()
    share("moves", seen.moves, seen.moves["moves"].to_numpy(float), years)
    share("unplanned_moves", seen.moves, seen.moves["unplanned"].to_numpy(float), years)
    share("three_in_year_to_march", seen.years, (seen.years["placements"] >= 3).to_numpy(float))
    share("three_in_first_year", seen.first_years, seen.first_years["three"].to_numpy())
    share("same_carer", seen.long, seen.long["same_carer"].to_numpy(float))
    share("re_entry", seen.home, seen.home["back"].to_numpy(float))
    days, of = seen.ended["days"].to_numpy(), seen.ended["group"].to_numpy()
    for name, limit in (("month", MONTH), ("6_months", 6 * MONTH), ("year", YEAR)):
        share(f"ended_under_{name}", seen.ended, (days < limit).astype(float))
    sizes["ended_median_days"] = sizes["ended_under_month"]
    at = np.asarray(CURVE_MONTHS) * MONTH
    curves = np.full((n, len(KINDS), len(CURVE_MONTHS)), np.nan)
    entry = seen.entries["group"].to_numpy()
    time, cause = seen.entries["days"].to_numpy(), seen.entries["cause"].to_numpy()
    for k in range(n):
        if (mine := of == k).any():
            values["ended_median_days"][k] = np.median(days[mine])
        mine = entry == k
        curves[k] = aalen_johansen(time[mine], cause[mine], at, kinds=len(KINDS))
        for month in _HORIZONS:
            values[f"permanence_{month}"][k] = curves[k, :, CURVE_MONTHS.index(month)].sum()
            sizes[f"permanence_{month}"][k] = mine.sum()
    return np.stack(list(values.values()), axis=1), np.stack(list(sizes.values()), axis=1), curves


def _comparisons(seen: _Seen, contrast: str, horizon: float, alpha: float) -> np.ndarray:
    moves, first, entries = seen.moves, seen.first_years, seen.entries
    # one row for each child (and period): the first 31 March on which it was in care for so long
    long = seen.long.drop_duplicates(["child", "treated"] if contrast == "period" else ["child"])
    out = []
    for column in ("moves", "unplanned"):
        y, arm, family, exposure = (
            moves[name].to_numpy(float) for name in (column, "treated", "family", "years")
        )
        fit = negative_binomial(y, arm, family, exposure=exposure, alpha=alpha)
        out.append(_row(fit, arm, y, exposure, fit.residual_variance))
    for table, column in ((first, "three"), (long, "same_carer")):
        y, arm, family = (table[name].to_numpy(float) for name in (column, "treated", "family"))
        out.append(_row(risk_difference(y, arm, family, alpha=alpha), arm, y))
    days, cause, arm, family = (
        entries[name].to_numpy(float) for name in ("days", "cause", "treated", "family")
    )
    fit = cox(days, cause > 0, arm, family, alpha=alpha)
    out.append(_row(fit, arm, (cause > 0).astype(float), days))
    every = range(1, len(KINDS) + 1)
    for kinds in (list(every), *([kind] for kind in every)):
        fit = incidence_difference(days, cause, arm, family, of=kinds, horizon=horizon, alpha=alpha)
        risk = [
            aalen_johansen(days[arm == side], cause[arm == side].astype(int), np.array([horizon]), len(KINDS))
            for side in (1.0, 0.0)
        ]
        shares = [float(one[np.array(kinds) - 1, 0].sum()) for one in risk]
        row = _row(fit, arm, np.zeros(len(arm)))
        row[_FITTED.index("mean_1") : _FITTED.index("mean_0") + 1] = shares
        out.append(row)
    return np.array(out)


def _row(
    fit: Fit, arm: np.ndarray, y: np.ndarray, exposure: np.ndarray | None = None, dispersion: float = math.nan
) -> list[float]:
    """One fitted comparison as numbers, in the order of `_FITTED`; all NaN where it failed."""
    use = fit.converged and math.isfinite(fit.estimate) and math.isfinite(fit.standard_error)
    if not use:
        return [math.nan] * len(_FITTED)
    exposure = np.ones(len(y)) if exposure is None else exposure
    sides = [arm == 1.0, arm == 0.0]
    return [
        fit.estimate, fit.standard_error, *fit.interval, float(fit.n_families), *(float(s.sum()) for s in sides),
        *(float(y[s].mean()) for s in sides), *(float(exposure[s].mean()) for s in sides), dispersion,
    ]  # fmt: skip


# --- over replicates ----------------------------------------------------------------------------------------
def _spread(values: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, Monte Carlo standard error and 90 % range over replicates (the first axis); NaN is no value."""
    n = np.sum(~np.isnan(values), axis=0)
    flat, count = values.reshape(len(values), -1), n.ravel()
    out = {name: np.full(flat.shape[1], np.nan) for name in ("mean", "mcse", "low_90", "high_90")}
    for i in range(flat.shape[1]):
        mine = flat[~np.isnan(flat[:, i]), i]
        if count[i]:
            out["mean"][i] = mine.mean()
            out["low_90"][i], out["high_90"][i] = np.quantile(mine, [0.05, 0.95])
        if count[i] > 1:
            out["mcse"][i] = monte_carlo_error_mean(float(mine.std(ddof=1)), int(count[i]))
    return {**out, "replicates": count}


def _measures(keys: pd.DataFrame, values: np.ndarray, sizes: np.ndarray) -> pd.DataFrame:
    n = len(keys)
    table = keys.loc[np.repeat(keys.index, len(MEASURES))].reset_index(drop=True)
    names = list(MEASURES)
    table["measure"] = names * n
    table["label"] = [MEASURES[name][0] for name in names] * n
    table["unit"] = [MEASURES[name][1] for name in names] * n
    told = _spread(values)
    for column in ("mean", "mcse", "low_90", "high_90"):
        table[column] = told[column]
    table["size"] = sizes.mean(axis=0).ravel()
    table["replicates"] = told["replicates"]
    return table


def _curves(keys: pd.DataFrame, curves: np.ndarray) -> pd.DataFrame:
    _, n, kinds, months = curves.shape
    table = keys.loc[np.repeat(keys.index, kinds * months)].reset_index(drop=True)
    table["to"] = named(KINDS, np.tile(np.repeat(np.arange(kinds), months), n))
    table["month"] = np.tile(CURVE_MONTHS, n * kinds)
    return table.assign(**_spread(curves))


def _effects(fitted: np.ndarray, horizon: int, power: float, alpha: float) -> pd.DataFrame:
    rows = []
    for i, (name, (label, scale)) in enumerate(EFFECTS.items()):
        one = dict(zip(_FITTED, fitted[:, i].T, strict=True))
        one = {key: value[~np.isnan(fitted[:, i, 0])] for key, value in one.items()}
        if name in AT_HORIZON:
            label = f"{label} by {horizon} months"
        rows.append(
            {"effect": name, "label": label, "scale": scale, **_effect(name, scale, one, power, alpha)}
        )
    return pd.DataFrame(rows)


def _effect(name: str, scale: str, one: dict[str, np.ndarray], power: float, alpha: float) -> dict[str, Any]:
    n = len(one["estimate"])
    missing = dict.fromkeys(
        (
            "estimate", "mcse", "low_90", "high_90", "low", "high", "excludes_none", "children", "families",
            "design_effect", "children_needed", "families_needed", "needed_low", "needed_high",
        ),
        math.nan,
    )  # fmt: skip
    if n < 2:
        note = "in fewer than two realisations could it be estimated"
        return {**missing, "told": False, "note": note, "replicates": n}
    mean = {key: float(value.mean()) for key, value in one.items()}
    at = mean["estimate"]
    error = monte_carlo_error_mean(float(one["estimate"].std(ddof=1)), n)
    back = np.exp if scale == "ratio" else np.asarray
    low, high = np.quantile(one["estimate"], [0.05, 0.95])
    children = mean["children_1"] + mean["children_0"]
    told = abs(at) > _TOLD * error and error > 0.0
    independent = _independent_variance(name, mean)
    inflation = float(np.mean(one["standard_error"] ** 2)) / independent if independent > 0.0 else math.nan
    needed, note = math.nan, ""
    if not told:
        note = f"no effect in the model that {n} realisations can tell from none"
    elif not math.isfinite(inflation):
        note = "the closed form can't be had: a group has none, or all, of it"
    else:
        needed = _children_needed(name, at, mean, inflation, power, alpha)
        if not math.isfinite(needed):
            note = f"more than {_MOST_CHILDREN:.0e} children"
    if name in SELECTED:
        selected = "of children still in care after 2.5 years, which a service may change: not like with like"
        note = f"{note}; {selected}" if note else selected
    return {
        "estimate": float(back(at)), "mcse": error, "low_90": float(back(low)), "high_90": float(back(high)),
        "low": float(back(mean["low"])), "high": float(back(mean["high"])),
        "excludes_none": float(((one["low"] > 0.0) | (one["high"] < 0.0)).mean()),
        "needed_low": needed * (at / (abs(at) + _NORMAL * error)) ** 2,
        "needed_high": needed * (at / (abs(at) - _NORMAL * error)) ** 2 if told else math.nan,
        "told": bool(told), "children": children, "families": mean["families"], "design_effect": inflation,
        "children_needed": needed, "families_needed": needed * mean["families"] / children,
        "note": note, "replicates": n,
    }  # fmt: skip


def _independent_variance(name: str, mean: Mapping[str, float]) -> float:
    """Variance of a comparison by its closed form, were all children independent and watched for the mean time."""
    n, y = (mean["children_1"], mean["children_0"]), (mean["mean_1"], mean["mean_0"])
    if min(n) <= 0.0 or min(y) <= 0.0:
        return math.nan
    if name in ("moves", "unplanned_moves"):
        return sum((1.0 / m + mean["dispersion"]) / k for m, k in zip(y, n, strict=True))
    if name == "permanence_hazard":
        share = n[0] / sum(n)
        return 1.0 / (share * (1.0 - share) * (y[0] * n[0] + y[1] * n[1]))
    return sum(p * (1.0 - p) / k for p, k in zip(y, n, strict=True)) if max(y) < 1.0 else math.nan


def _children_needed(
    name: str, effect: float, mean: Mapping[str, float], inflation: float, power: float, alpha: float
) -> float:
    """Children in both groups together, in the shares simulated, for the closed form to give the power."""
    n, y = (mean["children_1"], mean["children_0"]), (mean["mean_1"], mean["mean_0"])
    exposure = (mean["exposure_1"], mean["exposure_0"])
    share = n[0] / sum(n)

    def beyond(log_children: float) -> float:
        total = math.exp(log_children)
        both = (total * share, total * (1.0 - share))
        if name in ("moves", "unplanned_moves"):
            got = rate_ratio_power(
                math.exp(effect), y[1] / exposure[1], exposure, both, mean["dispersion"],
                inflation=inflation, alpha=alpha,
            )  # fmt: skip
        elif name == "permanence_hazard":
            events = (both[0] * y[0] + both[1] * y[1]) / inflation
            got = schoenfeld_power(math.exp(effect), events, share, alpha)
        else:
            got = risk_power(*y, both, inflation=inflation, alpha=alpha)
        return got - power

    low, high = math.log(1e-3), math.log(_MOST_CHILDREN)
    if beyond(high) < 0.0:
        return math.inf
    return math.ceil(math.exp(float(optimize.brentq(beyond, low, high, xtol=1e-9))))


# --- in words -----------------------------------------------------------------------------------------------
SIDES: Mapping[str, tuple[str, str]] = {"arm": ("LIFT", "SAU"), "period": ("after", "before")}
"""What is compared with what, by contrast."""


def words_of(found: Stability) -> str:
    """What was found, in plain words."""
    lines = [_whom(found)]
    rate, many = found.measure("moves"), found.measure("three_in_year_to_march")
    for one, other in zip(_records(rate), _records(many), strict=True):
        who = group_name(found, one)
        moves, share = _figure(one, "{:.2f}"), _figure(other, "{:.0%}")
        lines.append(
            f"{who[:1].upper()}{who[1:]}: {moves} moves per child-year in care; {share} of those in care on a 31 March "
            "had three or more placements in the year to it."
        )
    lines.append(
        "Ranges are those in which nine of ten realisations lie, so a single year's returns may show anything in them."
    )
    if found.contrast:
        lines += _compared(found)
    return "\n".join(lines)


def group_name(found: Stability, row: Mapping[str, Any]) -> str:
    """A group in words."""
    if not found.by:
        return "All children in care"
    shown = {"age": "entered at {}", "period": "{}"}
    titles = {name: borough.title for name, borough in found.scenario.boroughs.items()}
    said = [
        titles.get(row[one], row[one]) if one == "borough" else shown.get(one, "{}").format(row[one])
        for one in found.by
    ]
    return ", ".join(str(part).replace("_", " ") for part in said)


def _whom(found: Stability) -> str:
    n = found.replicates
    first = "" if found.months is None else f" Moves are of the first {found.months:.0f} months of care."
    if "arm" in found.by:
        return (
            f"{n} simulated trials. Children of eligible randomised families, as allocated, from randomisation to the "
            f"end of the run.{first}"
        )
    parted = ""
    if found.split is not None:
        parted = (
            f", before and after {_date(found.split)}. The periods were not randomised: whatever else changed with the "
            "calendar is in their difference. In the simulation children who stay for years gather until its end, so "
            "counts on a 31 March and lengths of ended placements differ for that reason too"
        )
    since = _date(found.scenario.simulation.start_date)
    return f"{n} simulated runs. All children in care from {since}{parted}.{first}"


def _date(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _figure(row: Mapping[str, Any], form: str) -> str:
    if not math.isfinite(row["mean"]):
        return "no"
    said = [form.format(row[name]) for name in ("mean", "low_90", "high_90")]
    return f"{said[0]} ({said[1]} to {said[2]})"


def _compared(found: Stability) -> list[str]:
    one, other = SIDES[found.contrast]
    lines, untold = [], []
    for row in _records(found.effects):
        if not row["told"]:
            untold.append(row["label"])
            continue
        shown = [effect_words(row[name], row["scale"]) for name in ("estimate", "low", "high")]
        what = "ratio" if row["scale"] == "ratio" else "difference"
        said = (
            f"{row['label'][:1].upper()}{row['label'][1:]}, {one} against {other}: {what} {shown[0]} on average; the "
            f"{1 - found.alpha:.0%} interval of one realisation is from {shown[1]} to {shown[2]}."
        )
        if math.isfinite(row["children_needed"]):
            needed, least, most, families, now = (
                f"{row[name]:,.0f}"
                for name in ("children_needed", "needed_low", "needed_high", "families_needed", "children")
            )
            said += (
                f" To see so much with a power of {found.power:.0%} takes {needed} children (Monte Carlo interval "
                f"{least} to {most}), or {families} families; there are {now} children."
            )
        else:
            said += f" How many children it takes can't be said: {row['note'].partition(';')[0]}."
        if row["effect"] in SELECTED:
            said += (
                " These are children who are still in care after two and a half years, who alone are compared: not "
                "like with like."
            )
        lines.append(said)
    if untold:
        lines.append(
            f"No effect in the model that {found.replicates} realisations can tell from none, so no number of children "
            f"is given: {'; '.join(untold)}."
        )
    if found.contrast == "arm":
        hazard = found.scenario.placements.unplanned.lift_hazard_ratio
        direct = (
            "does not act on unplanned moves directly (placements.unplanned.lift_hazard_ratio is 1)"
            if hazard == 1.0
            else f"multiplies the hazard of unplanned moves by {hazard:g}"
        )
        lines.append(
            f"In this scenario LIFT {direct}, which is an assumption. It also changes how long proceedings, and so "
            "placements, last: where permanence comes later the same planned moves are spread over more time in care, "
            "and some come after the first year, so a lower rate need not mean fewer moves."
        )
    return lines


def effect_words(value: float, scale: str) -> str:
    """A ratio, or a difference of shares in percentage points."""
    return f"{value:.2f}" if scale == "ratio" else f"{100.0 * value:+.1f} points"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
