"""Moving while in care, and coming back into it: hazards, with what the model makes them depend on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from best_sim.measures.episodes import time_at_risk
from best_sim.measures.frailty import HazardFit, fit_hazards
from best_sim.questions.local_rates.estimation import (
    AGE_FROM,
    AGE_NAMES,
    OLDEST,
    Estimation,
    Frailty,
    JointEstimate,
    mix,
)
from best_sim.questions.local_rates.intervals import Floats, clustering, rate_interval, share_interval
from best_sim.scenario.durations import MONTH, YEAR

BAND_NAMES = ("first_week", "to_one_month", "to_three_months", "to_six_months", "to_one_year", "later")
BAND_FROM = (0.0, 7.0, 30.0, 91.0, 182.0, 365.0)
"""Bands of time in a placement by which moves are counted, and the day on which each begins; the model has none."""
_TYPES = (
    "foster",
    "kinship_foster",
    "parent_and_baby",
    "with_parents",
    "with_parents_first_month",
    "placed_for_adoption",
    "long_term_foster",
    "residential",
    "early_permanence",
)
_BREAKDOWNS = (
    "home_first_year",
    "home_second_year",
    "home_later",
    "special_guardianship",
    "child_arrangements",
)
_NEXT_PLACES = ("foster", "kinship_foster", "residential")


def hazards(work: Estimation, frailty: Frailty) -> None:
    """Unplanned moves and returns to care, with what the model makes them depend on."""
    unplanned = work.base.placements.unplanned
    work.need = float(unplanned.need)
    total = math.hypot(float(work.base.population.frailty_sd), work.need)
    rows = _rows_at_risk(work, frailty)
    moves = rows["moves"].to_numpy(float)
    repeated = int((rows.groupby("child")["moves"].sum() >= 2).sum()) if len(rows) else 0
    if frailty == "estimated" and repeated < work.least:
        frailty = "base"
        work.missing.append(f"population.frailty_sd: fewer than {work.least} children had two events or more")
    work.frailty = frailty
    in_care = rows["cell"].isin(_TYPES).to_numpy()
    cells = [c for c in (*_TYPES, *_BREAKDOWNS) if moves[(rows["cell"] == c).to_numpy()].sum() > 0]
    if moves[in_care].sum() < work.least or not cells:
        work.missing.append("placements.unplanned: too few unplanned moves")
        return
    rows = rows[rows["cell"].isin(cells)].reset_index(
        drop=True
    )  # a cell without events says nothing but that
    moves, in_care = rows["moves"].to_numpy(float), rows["cell"].isin(_TYPES).to_numpy()
    columns = [(rows["cell"] == c).to_numpy(float) for c in cells]
    names = list(cells)
    columns.append(np.where(in_care, rows["age"], 0.0))
    names.append("age")
    fit = fit_hazards(
        np.column_stack(columns),
        moves,
        rows["years"].to_numpy(float),
        rows["child"].to_numpy(np.int64),
        cluster=rows["family"].to_numpy(np.int64),
        frailty_sd={"estimated": None, "base": total, "none": 0.0}[frailty],
        level=work.level,
    )
    _report_hazards(work, fit, names, rows)


def _rows_at_risk(work: Estimation, frailty: Frailty) -> pd.DataFrame:
    """Time at risk of a move, and of a return to care, in one table; `cell` is the placement type or breakdown."""
    rows = time_at_risk(work.spells, (0.0, MONTH)).rename(columns={"type": "cell"})
    rows.loc[rows["cell"].eq("with_parents") & rows["band"].eq(0), "cell"] = "with_parents_first_month"
    young = work.spells.groupby("child")[["start", "born"]].first()
    entered = (young["start"] - young["born"]) / YEAR < OLDEST
    rows = rows[rows["child"].map(entered).to_numpy(bool)]
    p = work.periods
    out = p[p["ends_in"].isin(["home", "special_guardianship", "child_arrangements"]) & np.isfinite(p["end"])]
    out = out[(out["end"] >= 0.0) & out["child"].map(entered).to_numpy(bool)]
    until = np.minimum(out["next_start"].to_numpy(), work.span)
    days, back = until - out["end"].to_numpy(), (out["next_start"] <= work.span).to_numpy()
    parts = [rows]
    for cell, to, since, end in (
        ("home_first_year", "home", 0.0, YEAR),
        ("home_second_year", "home", YEAR, 2 * YEAR),
        ("home_later", "home", 2 * YEAR, np.inf),
        ("special_guardianship", "special_guardianship", 0.0, np.inf),
        ("child_arrangements", "child_arrangements", 0.0, np.inf),
    ):
        time, event = np.minimum(days, end) - since, back & (days <= end)
        use = (out["ends_in"] == to).to_numpy() & (time > 0.0)
        parts.append(
            pd.DataFrame(
                {
                    "child": out["child"].to_numpy()[use],
                    "family": out["family"].to_numpy()[use],
                    "cell": cell,
                    "age": 0.0,
                    "history": out["history"].to_numpy(bool)[use],
                    "years": time[use] / YEAR,
                    "moves": event[use].astype(int),
                }
            )
        )
    both = pd.concat(parts, ignore_index=True)
    return both if frailty == "none" else both[both["history"]].reset_index(drop=True)


def _report_hazards(work: Estimation, fit: HazardFit, names: list[str], rows: pd.DataFrame) -> None:
    """The fit as the model's parameters."""
    se = np.sqrt(np.diag(fit.covariance))
    # the model's rate is that of a family of average need; what was found is the mean over families
    over = math.exp(0.5 * work.need**2)
    shown: dict[str, tuple[int, str, str]] = {}
    units: dict[str, str] = {}
    sources: dict[str, str] = {}
    ranges: dict[str, tuple[float, float]] = {}
    in_care = rows["cell"].isin(_TYPES)
    # counts of single types are in the table, which hides the small ones; the file tells the total
    totals = {
        what: f"{part['moves'].sum()} in {part['years'].sum():.0f} child-years {when}"
        for what, part, when in (
            ("unplanned moves", rows[in_care], "in care"),
            ("returns to care", rows[~in_care], "after care"),
        )
    }
    for k, name in enumerate(names):
        b = fit.coefficients[k]
        ends = [b, b - work.z * se[k], b + work.z * se[k]]
        if name in _TYPES or name in _BREAKDOWNS:
            here = rows[rows["cell"] == name]
            rates = [math.exp(x) / over for x in ends]
            if name == "home_first_year":
                kind, unit, figures = "chance", "probability", [-math.expm1(-x) for x in rates]
            else:
                kind, unit, figures = "rate", "per year", rates
            where = "unplanned" if name in _TYPES else "breakdown"
            quantity = "unplanned moves" if name in _TYPES else "returns to care"
        else:
            here = rows[in_care]
            kind, unit, figures = "log", "log hazard per year", ends
            where, quantity = "unplanned", "unplanned moves: log hazard ratio"
        parameter = f"placements.{where}.{name}"
        events, years = int(here["moves"].sum()), float(here["years"].sum())
        work.row(quantity, name.replace("_", " "), events, years, unit, figures, parameter, block=quantity)
        if events >= work.least:
            shown[parameter] = (k, kind, unit)
            units[parameter] = unit
            of = "returns to care" if name in _BREAKDOWNS else "unplanned moves"
            sources[parameter] = work.source(f"{of}, {totals[of]}; {_HOW[work.frailty]}", figures)
            ranges[parameter] = (figures[1], figures[2])
    name = "population.frailty_sd"
    estimated = work.frailty == "estimated"
    if estimated:
        sds = [fit.frailty_sd, *fit.frailty_interval]
        own = [math.sqrt(max(0.0, x * x - work.need**2)) if np.isfinite(x) else math.inf for x in sds]
        twice = int((rows.groupby("child")["moves"].sum() >= 2).sum())
        work.row(
            "spread between children, of the log hazard",
            "with need",
            twice,
            rows["child"].nunique(),
            "log scale",
            sds,
        )
        work.row(
            "spread between children, of the log hazard",
            "without need",
            twice,
            rows["child"].nunique(),
            "log scale",
            own,
            name,
        )
        sources[name] = work.source(f"{twice} children with two events or more; less the spread by need", own)
        if np.isfinite(own[2]):
            ranges[name] = (own[1], min(own[2], 3.0))
    else:
        sources[name] = (
            "as in the base file" if work.frailty == "base" else "hazards were estimated without a spread"
        )
    units[name] = "log scale"
    fixed = 0.0 if work.frailty == "none" else float(work.base.population.frailty_sd)
    need = work.need

    def values(x: Floats) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for parameter, (k, kind, _) in shown.items():
            if kind == "log":
                out[parameter] = float(np.clip(x[k], -2.0, 2.0))
            elif kind == "rate":
                out[parameter] = float(min(np.exp(x[k]) / over, 50.0))
            else:
                out[parameter] = float(min(-np.expm1(-np.exp(x[k]) / over), 0.99))
        sd = math.sqrt(max(0.0, x[-1] ** 2 - need**2)) if estimated else fixed
        return out | {name: float(min(sd, 3.0))}

    theta = np.append(fit.coefficients, fit.frailty_sd) if estimated else fit.coefficients
    work.parts.append(JointEstimate(theta, fit.covariance, values, units, sources, ranges))


_HOW = {
    "estimated": "lognormal frailty of the child, estimated; children seen from entry",
    "base": "lognormal frailty of the child, as in the base file; children seen from entry",
    "none": "no frailty; with children in care when the window began, from then on",
}


def next_placements(work: Estimation) -> None:
    """Where children go after an unplanned move; after an adoptive placement the model knows foster care only."""
    s = work.spells
    moved = (s["ends_in"] == "unplanned_move") & (s["type"] != "placed_for_adoption")
    following = s["type"].shift(-1)[moved]
    following = following.replace("long_term_foster", "foster")
    use = following.isin(_NEXT_PLACES)
    kind, family = following[use].to_numpy(), s["family"][moved][use].to_numpy()
    n = len(kind)
    kin = float(work.base.population.kin_available_share)
    counts = np.asarray([(kind == name).sum() for name in _NEXT_PLACES])
    name = "placements.unplanned.next_placement"
    for place, count in zip(_NEXT_PLACES, counts, strict=True):
        figures = share_interval(kind == place, family, work.level)
        work.row("placement after an unplanned move", place.replace("_", " "), count, n, "probability", figures,
                 block="next")  # fmt: skip
    if n < work.least or counts[1] < work.least or kin <= 0.0:
        work.missing.append(f"{name}: too few moves to kin")
        return
    known = work.base.placements.unplanned.next_placement
    k = min(1.0, counts[1] / n / kin)
    r = counts[2] / n if counts[2] >= work.least else known["residential"]

    def values(x: Floats) -> dict[str, Any]:
        two = np.clip(x, 0.0, 1.0)
        two = two / max(1.0, float(two.sum()))
        return {name: mix(_NEXT_PLACES, np.append(1.0 - two.sum(), two))}

    variance = np.asarray([k * kin * (1.0 - k * kin) / n / kin**2, r * (1.0 - r) / n])
    text = f"{n} moves; to kin over the share of families with kin, {kin:g}"
    work.parts.append(
        JointEstimate(
            np.asarray([k, r]), np.diag(variance), values, {name: "probability"}, {name: work.source(text)}
        )
    )


def plain_rates(work: Estimation) -> None:
    """Occurrences over time at risk, of all children from the day on which they are seen."""
    rows = time_at_risk(work.spells, BAND_FROM)
    rows["age group"] = np.asarray(AGE_NAMES, object)[
        np.searchsorted(AGE_FROM, rows["age"], side="right") - 1
    ]
    for kind in _TYPES:
        of = rows[rows["type"] == kind]
        for k, band in enumerate(BAND_NAMES):
            for age in AGE_NAMES:
                here = of[(of["band"] == k) & (of["age group"] == age)]
                years, events = float(here["years"].sum()), int(here["moves"].sum())
                if years > 0.0:
                    group = f"{kind.replace('_', ' ')}, {band.replace('_', ' ')}, {age}"
                    spread = clustering(
                        here["moves"].to_numpy(), here["years"].to_numpy(), here["family"].to_numpy()
                    )
                    work.row("unplanned moves, as they occurred", group, events, years, "per year",
                             rate_interval(events, years, work.level, spread), block=f"plain {kind}")  # fmt: skip
