"""What one realisation shows of placement stability: figures by group, curves, and fitted comparisons."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.measures.groups import AGES, PERIODS, child_labels
from best_sim.measures.observed import ratio
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
from best_sim.questions.stability.ask import StabilityQuestion
from best_sim.questions.stability.measured import CURVE_MONTHS, HORIZONS, KINDS, MEASURES
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.analysis import (
    Fit,
    aalen_johansen,
    cox,
    incidence_difference,
    negative_binomial,
    risk_difference,
)

FITTED = (
    "estimate", "standard_error", "low", "high", "families", "children_1", "children_0", "mean_1", "mean_0",
    "exposure_1", "exposure_0", "dispersion",
)  # fmt: skip


@dataclass(frozen=True)
class StabilityReplicate:
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

    @classmethod
    def of(cls, question: StabilityQuestion, engine: Engine) -> StabilityReplicate:
        """For a question."""
        world, split = question.world, question.split
        day = None if split is None else float((split - world.simulation.start_date).days)
        return cls(
            lower(world), question.seed, engine, question.by, day, question.contrast, question.counted_months,
            question.horizon, question.alpha,
        )  # fmt: skip

    def groups(self) -> list[tuple[str, ...]]:
        """The groups, in order."""
        names = self.lowered.names
        of = {
            "arm": W.ARMS[1:], "age": AGES, "period": PERIODS, "site": names["sites"], "borough": names["boroughs"],
            "court": names["courts"],
        }  # fmt: skip
        return list(product(*(of[one] for one in self.by)))

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of one replicate: arrays, flattened."""
        j = simulate(self.lowered, self.seed, number, self.engine)
        seen = _Seen.of(j, self.by, self.split, self.months)
        values, sizes, curves = _by_group(seen, len(self.groups()))
        fitted = np.zeros((0, len(FITTED)))
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
        for month in HORIZONS:
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
        row[FITTED.index("mean_1") : FITTED.index("mean_0") + 1] = shares
        out.append(row)
    return np.array(out)


def _row(
    fit: Fit, arm: np.ndarray, y: np.ndarray, exposure: np.ndarray | None = None, dispersion: float = math.nan
) -> list[float]:
    """One fitted comparison as numbers, in the order of `FITTED`; all NaN where it failed."""
    use = fit.converged and math.isfinite(fit.estimate) and math.isfinite(fit.standard_error)
    if not use:
        return [math.nan] * len(FITTED)
    exposure = np.ones(len(y)) if exposure is None else exposure
    sides = [arm == 1.0, arm == 0.0]
    return [
        fit.estimate, fit.standard_error, *fit.interval, float(fit.n_families), *(float(s.sum()) for s in sides),
        *(float(y[s].mean()) for s in sides), *(float(exposure[s].mean()) for s in sides), dispersion,
    ]  # fmt: skip
