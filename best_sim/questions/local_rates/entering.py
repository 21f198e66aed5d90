"""Coming into care: how many children, of what age, by which route, and where they live first."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

from best_sim.measures.episodes import IN_PROCEEDINGS, ROUTE_OF
from best_sim.questions.local_rates.estimation import Estimation, JointEstimate, first_status, mix
from best_sim.questions.local_rates.intervals import (
    Floats,
    can_be_told,
    complement,
    maximum_likelihood,
    rate_interval,
    share_interval,
)
from best_sim.scenario.durations import YEAR

_FIRST_PLACES = ("foster", "kinship_foster", "parent_and_baby", "with_parents")
_NEWBORN = 7.0
"""A child not this many days old when it came into care was a newborn."""
_P90 = float(special.ndtri(0.9))


def entries(work: Estimation) -> None:
    """Children aged 0-4 who come into care, per year; by route."""
    first = work.firsts
    years = work.span / YEAR
    months = np.bincount(
        np.minimum(
            (first["start"].to_numpy() / work.span * _cells(work.span)).astype(int), _cells(work.span) - 1
        ),
        minlength=_cells(work.span),
    )
    # siblings come together, and rates change: more spread between months than chance widens the interval
    spread = (
        max(1.0, float(np.var(months, ddof=1) / months.mean())) if len(months) > 5 and months.sum() else 1.0
    )
    # the parameter counts all who start to be looked after; those who come back are not among these children
    starts_per_entry = 1.0 / work.base.entry.first_time_share
    figures = [starts_per_entry * x for x in rate_interval(len(first), years, work.level, spread)]
    name = "boroughs.local.entries"
    work.row("entries aged 0-4", "all routes", len(first), years, "children per year", figures, name)
    route = first["legal_status"].map(ROUTE_OF).fillna("other")
    for kind in dict.fromkeys((*ROUTE_OF.values(), "other")):
        n = int((route == kind).sum())
        work.row(
            "entries aged 0-4",
            kind.replace("_", " "),
            n,
            years,
            "children per year",
            rate_interval(n, years, work.level, spread),
            block="entries by route",
        )
    if len(first) < work.least:
        work.missing.append("boroughs.local.entries: too few children came into care in the window")
        return
    cv = float(math.sqrt(spread / len(first)))
    variation = "boroughs.local.rate_variation"
    work.parts.append(
        JointEstimate(
            estimate=np.asarray([starts_per_entry * len(first) / years]),
            covariance=np.zeros((1, 1)),  # the scenario itself varies the rate between replicates
            values=lambda x: {name: [{"from": work.since, "value": float(x[0])}], variation: cv},
            units={name: "children per year", variation: "ratio"},
            sources={
                name: work.source(
                    f"{len(first)} children aged 0-4 in {years:.2f} years, over the share who come for the first time",
                    figures,
                ),
                variation: work.source("how well the rate is known: its standard error over its value"),
            },
            ranges={name: (figures[1], figures[2])},
        )
    )


def _cells(span: float) -> int:
    return max(1, round(span / YEAR * 12))


def ages(work: Estimation) -> None:
    """Who comes into care: under ones, newborns among them, boys."""
    first = work.firsts
    under = (first["age"] < 1.0).to_numpy()
    days_old = (first["start"] - first["born"]).to_numpy()
    newborn = days_old < _NEWBORN
    # of those who come evenly within seven days of birth, one in 14 does on the seventh date after it
    dated = 14.0 / 13.0 if (days_old == np.floor(days_old)).all() else 1.0
    size = float(np.arange(1, 4) @ np.asarray(work.base.population.children_per_family.shares))
    everyone = np.ones(len(first), bool)
    youngest = everyone
    if work.siblings_named:
        # the model's share is of the youngest of a family; twins are both
        youngest, size = (first["age"] == first["youngest"]).to_numpy(), 1.0
    of_youngest, of_newborn = (
        "population.under_one_share_of_youngest",
        "population.newborn_share_of_under_one",
    )
    siblings = f"{size:.3g} children a family (few older siblings are under one)"
    dates = "14/13 (one newborn in 14 comes on the seventh date after birth)"
    for quantity, hit, among, name, times, why in (
        ("under one at entry", under, youngest, of_youngest, size, siblings),
        ("newborn, of those under one", newborn, under & youngest, of_newborn, dated, dates),
        ("boys", first["boy"].to_numpy(), everyone, "population.male_share", 1.0, ""),
    ):
        n, hits = int(among.sum()), int((hit & among).sum())
        share = share_interval(hit[among], first["family"].to_numpy()[among], work.level)
        figures = [min(x * times, 0.999) for x in share]
        ok = can_be_told(hits, n, work.least)
        work.row(
            f"share {quantity}", "aged 0-4", hits, n, "probability", figures, name if ok else "", quantity
        )
        work.row(f"share {quantity}", "not", n - hits, n, "probability", complement(share), "", quantity)
        if ok:
            more = f", times {why}" if times != 1.0 else ""
            text = f"{hits} of {n} children{more}"
            work.share(name, "probability", figures, text, dated=name == of_youngest)


def routes(work: Estimation) -> None:
    """Voluntary, or by an order; which of those orders came after issue the return doesn't say."""
    first = work.firsts
    route = first["legal_status"].map(ROUTE_OF)
    first, route = first[route.notna()], route[route.notna()]
    voluntary = (route == "voluntary").to_numpy()
    n, hits = len(first), int(voluntary.sum())
    newborn = float((first["youngest"] * YEAR < _NEWBORN).mean()) if n else 0.0
    of_all = share_interval(voluntary, first["family"].to_numpy(), work.level)
    figures = [_of_older(share, newborn, work.base.entry.voluntary_newborn) for share in of_all]
    ok = can_be_told(hits, n, work.least)
    name = "entry.route"
    work.row(
        "route into care",
        "voluntary",
        hits,
        n,
        "probability",
        figures,
        f"{name}.voluntary" if ok else "",
        "route",
    )
    work.row("route into care", "by an order", n - hits, n, "probability", complement(figures), "", "route")
    if not ok:
        work.missing.append("entry.route: too few children came in by one of the routes")
        return
    known = work.base.entry.route
    emergency = known["emergency_or_interim"] / (known["emergency_or_interim"] + known["during_proceedings"])

    def values(x: Floats) -> dict[str, Any]:
        share = float(special.expit(x[0]))
        return {
            name: {
                "voluntary": share,
                "emergency_or_interim": (1.0 - share) * emergency,
                "during_proceedings": (1.0 - share) * (1.0 - emergency),
            }
        }

    sd = float(np.diff(special.logit(np.asarray(figures[1:])))[0] / (2.0 * work.z))
    text = f"{hits} of {n} children came in voluntarily; orders before and after issue are divided as in the base file"
    work.parts.append(
        JointEstimate(
            estimate=np.asarray([special.logit(figures[0])]),
            covariance=np.asarray([[sd * sd]]),
            values=values,
            units={name: "probability"},
            sources={name: work.source(text, figures)},
        )
    )


def _of_older(share: float, newborn: float, raised: float) -> float:
    """Voluntary share of children not newborn, from that of all: the odds of newborns are raised by a known ratio."""
    if not 0.0 < share < 1.0:
        return share

    def excess(x: float) -> float:
        return (1.0 - newborn) * special.expit(x) + newborn * special.expit(x + raised) - share

    middle = float(special.logit(share))
    return float(
        special.expit(optimize.brentq(excess, middle - abs(raised) - 1.0, middle + abs(raised) + 1.0))
    )


def voluntary(work: Estimation) -> None:
    """Children who came in voluntarily: whether and when an order follows, and how long the others stay.

    A mixture: with probability p no proceedings follow, and the stay is lognormal; else the delay to the first order
    is. Who has neither left nor an order when the window ends adds the chance of that under both.
    """
    first = work.firsts
    first = first[first["legal_status"] == "V2"]
    status = first_status(work.spells, first, IN_PROCEEDINGS)
    left = np.where(first["ends_in"].isin(["open", "lost"]), np.inf, first["end"]) - first["start"]
    ordered = status - first["start"].to_numpy()
    lost = first["ends_in"].eq("lost").to_numpy()
    seen = np.where(lost, first["end"], work.span) - first["start"].to_numpy()
    left = np.asarray(left)
    what = np.where(ordered < np.minimum(left, seen + 1e-9), 1, np.where(left <= seen, 2, 0))
    t = np.maximum(np.where(what == 1, ordered, np.where(what == 2, left, seen)), 0.5)
    n_court, n_home = int((what == 1).sum()), int((what == 2).sum())
    names = ("entry.voluntary_never_in_proceedings", "entry.issue_after_voluntary", "entry.voluntary_stay")
    infants = "entry.issue_after_voluntary_under_one"
    if min(n_court, n_home) < work.least:
        work.missing.append(f"{', '.join(names)}: too few voluntary stays ended, or came to an order")
        return
    log_t = np.log(t)

    def each(x: Floats) -> Floats:
        p, q = special.log_expit(x[0]), special.log_expit(-x[0])
        a, b = (log_t - x[1]) / np.exp(x[2]), (log_t - x[3]) / np.exp(x[4])
        court = q + stats.norm.logpdf(a) - x[2] - log_t
        home = p + stats.norm.logpdf(b) - x[4] - log_t
        neither = np.logaddexp(q + special.log_ndtr(-a), p + special.log_ndtr(-b))
        return np.where(what == 1, court, np.where(what == 2, home, neither))

    begin = np.asarray(
        [
            special.logit(n_home / (n_home + n_court)),
            *(f for k in (1, 2) for f in (log_t[what == k].mean(), np.log(log_t[what == k].std() + 0.1))),
        ]
    )
    x, covariance = maximum_likelihood(each, begin, first["family"].to_numpy())
    se = np.sqrt(np.diag(covariance))
    share = [float(special.expit(x[0] + k * work.z * se[0])) for k in (0, -1, 1)]
    n = n_court + n_home  # how many are still open may be too few to be told
    work.row(
        "voluntary entries that never come to proceedings",
        "mixture",
        n_home,
        n,
        "probability",
        share,
        names[0],
    )
    for name, k, quantity, events in (
        (names[1], 1, "days from voluntary entry to the first order", n_court),
        (names[2], 3, "days of a voluntary stay without proceedings", n_home),
    ):
        for word, at in (("median", 0.0), ("p90", _P90)):
            middle = x[k] + at * np.exp(x[k + 1])
            slope = np.asarray([1.0, at * np.exp(x[k + 1])])
            wide = work.z * float(np.sqrt(slope @ covariance[k : k + 2, k : k + 2] @ slope))
            figures = [float(np.exp(middle + sign * wide)) for sign in (0, -1, 1)]
            work.row(quantity, word, events, n, "days", figures, f"{name}.{word}")

    def values(x: Floats) -> dict[str, Any]:
        out: dict[str, Any] = {names[0]: float(special.expit(x[0]))}
        for name, k in ((names[1], 1), (names[2], 3)):
            spread = float(np.exp(min(x[k + 1], 2.0)))
            median = float(np.exp(x[k]))
            out[name] = {
                "distribution": "lognormal",
                "median": median,
                "p90": median * math.exp(_P90 * spread),
            }
        # children of all ages together: a local window holds too few to tell the two delays apart
        out[infants] = out[names[1]]
        return out

    text = (
        f"children who came in voluntarily, {n_court} seen to come to an order, {n_home} seen to leave before"
    )
    work.parts.append(
        JointEstimate(
            estimate=x,
            covariance=covariance,
            values=values,
            units=dict(zip((*names, infants), ("probability", "days", "days", "days"), strict=True)),
            sources={
                names[0]: work.source(text, share),
                names[1]: work.source(f"{text}; the first order stands for issue"),
                infants: work.source(f"{text}; the first order stands for issue"),
                names[2]: work.source(text),
            },
            ranges={names[0]: (share[1], share[2])},
        )
    )


def _first_carers(work: Estimation, first: pd.DataFrame) -> NDArray[Any]:
    """Type of each child's first placement; of a child who was in hospital first, of the one after it."""
    s = work.spells
    after = s[(s["period"] == 0) & (s["type"] != "hospital")].groupby("child")["type"].first()
    return first["child"].map(after).fillna("").to_numpy(object)


def first_placements(work: Estimation) -> None:
    """Where children live first. Units take under ones, and parents need an order; kin must be there."""
    first = work.firsts
    first = first.assign(type=_first_carers(work, first))
    first = first[first["type"] != ""]
    n = len(first)
    family = first["family"].to_numpy()
    kind = first["type"].where(first["type"].isin(_FIRST_PLACES), "other").to_numpy()
    for name in (*_FIRST_PLACES, "other"):
        figures = share_interval(kind == name, family, work.level)
        work.row("first placement", name.replace("_", " "), int((kind == name).sum()), n, "probability", figures,
                 block="first placement")  # fmt: skip
    kin = work.base.population.kin_available_share
    # infants alone: whether an older sibling lives with one, and so could be in a unit, no return says
    under = (first["age"] < 1.0).to_numpy()
    by_order = first["legal_status"].isin(IN_PROCEEDINGS).to_numpy()
    estimates, variances, hidden, text = [], [], [], []
    known = work.base.entry.first_placement
    for name, among, times in (
        ("kinship_foster", np.ones(n, bool), 1.0 / kin if kin > 0.0 else 0.0),
        ("parent_and_baby", under, 1.0),
        ("with_parents", by_order, 1.0),
    ):
        hit = (kind == name) & among
        hits, m = int(hit.sum()), int(among.sum())
        ends = [x * times for x in share_interval(hit[among], family[among], work.level)]
        ok = can_be_told(hits, m, work.least) and times > 0.0
        quantity = f"first placement {name.replace('_', ' ')}, where it can be"
        if ok:
            work.row(
                quantity, "model", hits, m, "probability", ends, f"entry.first_placement.{name}", quantity
            )
        hidden.append(not ok)
        estimates.append(ends[0] if ok else known[name])
        variances.append(((ends[2] - ends[1]) / (2.0 * work.z)) ** 2 if ok else 0.0)
        text.append(f"{name} {hits} of {m}" if ok else f"{name} as in the base file")
    if all(hidden):
        work.missing.append("entry.first_placement: too few children in any but foster care")
        return

    def values(x: Floats) -> dict[str, Any]:
        three = np.clip(x, 0.0, 1.0)
        three = three / max(1.0, float(three.sum()))
        return {"entry.first_placement": mix(_FIRST_PLACES, np.append(1.0 - three.sum(), three))}

    work.parts.append(
        JointEstimate(
            estimate=np.asarray(estimates),
            covariance=np.diag(variances),
            values=values,
            units={"entry.first_placement": "probability"},
            sources={
                "entry.first_placement": work.source(
                    f"{'; '.join(text)}; parent and baby of infants, with parents of those who came by an "
                    f"interim order, kin over the share of families with kin, {kin:g}; the rest is foster care"
                )
            },
        )
    )
