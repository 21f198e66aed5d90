"""Leaving care, coming back soon after going home, and how many are in care at the end of each month."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from best_sim.measures.episodes import by_month
from best_sim.questions.local_rates.estimation import AGE_FROM, AGE_NAMES, Estimation, months_between
from best_sim.questions.local_rates.intervals import can_be_told, clustering, logit_interval, share_interval
from best_sim.scenario.durations import YEAR

_EXIT_KINDS = ("home", "special_guardianship", "child_arrangements", "adoption", "other")
_EXIT_BY = (91.0, 182.0, 365.0, 730.0)


def exits(work: Estimation) -> None:
    """Where children go who leave care, by age; and when, with the others competing."""
    p = work.periods
    left = p[np.isfinite(p["end"]) & (p["end"] >= 0.0) & p["ends_in"].isin(_EXIT_KINDS)]
    age = ((left["end"] - left["born"]) / YEAR).to_numpy()
    for k, word in enumerate(AGE_NAMES):
        until = AGE_FROM[k + 1] if k + 1 < len(AGE_FROM) else np.inf
        here = left[(age >= AGE_FROM[k]) & (age < until)]
        for kind in _EXIT_KINDS:
            hit = (here["ends_in"] == kind).to_numpy()
            if len(here):
                figures = share_interval(hit, here["family"].to_numpy(), work.level)
                work.row(f"leaving care, {word}", kind.replace("_", " "), hit.sum(), len(here), "probability", figures,
                         block=f"exits {word}")  # fmt: skip
    first = work.firsts
    if len(first) < work.least:
        return
    until = np.minimum(first["end"].to_numpy(), work.span)
    days = np.maximum(until - first["start"].to_numpy(), 0.5)
    cause = np.asarray([_EXIT_KINDS.index(k) + 1 if k in _EXIT_KINDS else 0 for k in first["ends_in"]])
    present = [k for k in range(1, len(_EXIT_KINDS) + 1) if (cause == k).sum() >= work.least]
    if not present:
        return
    compact = np.asarray(
        [present.index(c) + 1 if c in present else (len(present) + 1 if c else 0) for c in cause]
    )
    with np.errstate(all="ignore"):  # the variance has no value once nobody is left
        incidence = CumIncidenceRight(days, compact)
    for at in _EXIT_BY:
        n = int((~np.isin(cause, present) | (days > at)).sum())
        what = f"left care by day {at:.0f}, of all who came in"
        work.row(what, "not so, not yet or not seen", n, len(first), "probability", (np.nan,) * 3,
                 block=f"incidence {at:.0f}")  # fmt: skip
    for j, k in enumerate(present):
        for at in _EXIT_BY:
            where = np.searchsorted(incidence.times, at, side="right") - 1
            if at > days.max() or where < 0:
                continue
            value, sd = float(incidence.cinc[j][where]), float(incidence.cinc_se[j][where])
            n = int(((cause == k) & (days <= at)).sum())
            work.row(
                f"left care by day {at:.0f}, of all who came in",
                _EXIT_KINDS[k - 1].replace("_", " "),
                n,
                len(first),
                "probability",
                logit_interval(value, sd, work.z),
                block=f"incidence {at:.0f}",
            )


def home_again(work: Estimation) -> None:
    """Children who went home, and came back into care within a year."""
    p = work.periods
    home = p[(p["ends_in"] == "home") & np.isfinite(p["end"]) & (p["end"] >= 0.0)]
    days = np.minimum(home["next_start"].to_numpy(), work.span) - home["end"].to_numpy()
    back = (home["next_start"] <= work.span).to_numpy()
    days, back, family = days[days > 0.0], back[days > 0.0], home["family"].to_numpy()[days > 0.0]
    n = int((back & (days <= YEAR)).sum())
    if not can_be_told(n, len(days), work.least):
        n = min(n, work.least - 1)
        work.row(
            "back in care within a year of going home", "all", n, len(days), "probability", (np.nan,) * 3
        )
        return
    with np.errstate(all="ignore"):  # the variance has no value once nobody is left
        sf = SurvfuncRight(days, back.astype(int))
    at = np.searchsorted(sf.surv_times, YEAR, side="right") - 1
    share, sd = 1.0 - float(sf.surv_prob[at]), float(sf.surv_prob_se[at])
    spread = clustering(back.astype(float), days, family)
    figures = logit_interval(share, sd * math.sqrt(spread), work.z)
    work.row("back in care within a year of going home", "all", n, len(days), "probability", figures)


def month_ends(work: Estimation) -> None:
    """Children under five in care at the end of each month: what a forecast must meet."""
    table = by_month(work.spells, work.start, months_between(work.start, work.end))
    for month, n in zip(table["month"], table["in_care"], strict=True):
        end = (month + pd.offsets.MonthEnd(0)).strftime("%Y-%m-%d")
        work.row("children under five in care", end, n, 1.0, "children", (n, np.nan, np.nan))
