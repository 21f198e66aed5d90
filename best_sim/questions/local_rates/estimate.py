r"""What a local authority's own episodes of care say of the model's parameters, each with an interval.

The table of episodes (`best_sim.measures.episodes`) is turned into occurrences and time at risk, and these into the
parameters that the model reads: entries, routes, first placements, the hazard of unplanned moves by placement type,
time in the placement, age and earlier moves, the spread between children, what the court orders, and returns to care.

Unplanned moves, and returns to care, are fitted together with one lognormal frailty a child, as the model has it: the
cause-specific hazard, with planned moves and exits as censoring. Children who were in care when the window began are
left out of that fit, for their earlier moves are not known and who is still in a placement after long is less frail
than others; they count, from the day on which the window begins, in the plain rates (occurrences over time at risk) and
in the fit without frailty. The family's need, which no file has, is part of the spread that is found; the rest of it is
the model's own `population.frailty_sd`.

References
----------
Andersen and Keiding (2002) Statistical Methods in Medical Research 11:91 (multi-state models, delayed entry). Aalen and
Johansen (1978) Scandinavian Journal of Statistics 5:141 (competing events). Garwood (1936) Biometrika 28:437 and Wilson
(1927) Journal of the American Statistical Association 22:209 (intervals of rates and of shares). Kish (1965) Survey
Sampling, chapter 5 (the design effect of siblings).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight
from statsmodels.tools.numdiff import approx_fprime, approx_hess

from best_sim.measures.episodes import (
    IN_PROCEEDINGS,
    ROUTE_OF,
    by_month,
    episodes_of,
    periods,
    spells,
    time_at_risk,
)
from best_sim.measures.frailty import HazardFit, fit_hazards
from best_sim.pathway import simulate
from best_sim.pathway.lowering import BAND_FROM, BAND_NAMES
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR
from best_sim.scenario.writing import toml_document

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Frailty = Literal["estimated", "base", "none"]

REFERENCE_BAND = "to_six_months"
"""The band whose ratio is 1, so that a type's yearly rate is the rate in it."""
_TYPES = (
    "foster",
    "kinship_foster",
    "parent_and_baby",
    "with_parents",
    "placed_for_adoption",
    "long_term_foster",
    "residential",
)
_BREAKDOWNS = ("home_first_year", "home_later", "special_guardianship")
_FIRST_PLACES = ("foster", "kinship_foster", "parent_and_baby", "with_parents")
_NEXT_PLACES = ("foster", "kinship_foster", "residential")
_DIRECTIONS = ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order")
_EXIT_KINDS = ("home", "special_guardianship", "child_arrangements", "adoption", "other")
_AGE_NAMES = ("under one", "one to four", "five or more")
_AGE_FROM = (0.0, 1.0, 5.0)
_EXIT_BY = (91.0, 182.0, 365.0, 730.0)
_OLDEST = 5.0
_MOST_MOVES = 5
"""The model counts no more earlier moves than this."""
_NEWBORN = 8.0
"""A child not this many days old when it came into care was a newborn."""
_P90 = float(special.ndtri(0.9))


@dataclass(frozen=True, eq=False)
class JointEstimate:
    """Parameters that were estimated together.

    Attributes
    ----------
    estimate : numpy.ndarray
        On a scale on which it is near to normal.
    covariance : numpy.ndarray
    values : callable
        From such an array to the model's parameters: dotted name and value, as a scenario file gives it.
    units, sources : mapping of str to str
        By dotted name.
    ranges : mapping of str to tuple of float
        95 % intervals of those that are numbers.
    """

    estimate: Floats
    covariance: Floats
    values: Callable[[Floats], dict[str, Any]]
    units: Mapping[str, str]
    sources: Mapping[str, str]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LocalRates:
    """What was estimated.

    Attributes
    ----------
    table : pandas.DataFrame
        One row for each figure: quantity, group, events, exposure, unit (of the estimate), estimate, low, high,
        parameter (dotted name; empty for what the model has no parameter of), suppressed. Counts below `least` are not
        shown, nor is what is computed from them.
    window : tuple of datetime.date
    children : int
        In the window.
    followed : int
        Of them, those who were seen from the day they came into care.
    frailty : {"estimated", "base", "none"}
    level : float
        Of the intervals.
    least : int
        Smallest count that is shown.
    parts : tuple of JointEstimate
    missing : tuple of str
        What could not be estimated, and why.
    """

    table: pd.DataFrame
    window: tuple[dt.date, dt.date]
    children: int
    followed: int
    frailty: Frailty
    level: float
    least: int
    parts: tuple[JointEstimate, ...]
    missing: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """The model's parameters, estimated: dotted name and value; `boroughs.local` stands for the authority."""
        return {name: value for part in self.parts for name, value in part.values(part.estimate).items()}

    def drawn(self, rng: np.random.Generator) -> dict[str, Any]:
        """Parameters as they might be, given how well they are known: each part a normal draw on its own scale."""
        out: dict[str, Any] = {}
        for part in self.parts:
            noise = rng.multivariate_normal(np.zeros(len(part.estimate)), part.covariance, method="eigh")
            out |= part.values(part.estimate + noise)
        return out

    def to_toml(
        self,
        path: str | Path,
        *,
        borough: str = "local",
        title: str = "",
        setting: tuple[str, str] | None = ("england", "central_london"),
    ) -> Path:
        """Write a scenario file that extends the base file with what was estimated.

        Parameters
        ----------
        path : str or Path
        borough : str
            Name of the authority among the scenario's boroughs.
        title : str
            By default one that names the window.
        setting : (scenario, borough), optional
            Where the authority is: site, court and team are those of this borough of this scenario, which stays in the
            file with the rest of its children, so that the court is as busy as before. None writes what was estimated
            and nothing else; a scenario that extends the file must then say where the authority is.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            If the setting is not there, or far smaller than the authority, so that its court could not cope.
        """
        low, high = self.window
        leaves: dict[tuple[str, ...], dict[str, Any]] = {}
        entries = 0.0
        for part in self.parts:
            for name, value in part.values(part.estimate).items():
                entries = value[0]["value"] if name == "boroughs.local.entries" else entries
                key = tuple(borough if step == "local" else step for step in name.split("."))
                leaf = {"value": _plain(value), "unit": part.units[name]}
                if name in part.ranges:
                    leaf["range"] = [_plain(x) for x in part.ranges[name]]
                leaves[key] = leaf | {"status": "derived", "source": part.sources[name]}
        around = {} if setting is None else _setting(*setting, borough, entries, (low, high))
        both = {**around, **leaves}
        head = {
            "extends": "base",
            "title": title or f"A local authority, from its episodes of care {low} to {high}",
        }
        order = list(dict.fromkeys(key[:-1] for key in both))
        path = Path(path)
        path.write_text(
            toml_document(head, sorted(both.items(), key=lambda item: order.index(item[0][:-1]))),
            encoding="utf-8",
        )
        return path


def estimate_rates(
    episodes: pd.DataFrame,
    window_start: dt.date | str,
    window_end: dt.date | str,
    *,
    base: Scenario | str = "base",
    frailty: Frailty = "estimated",
    level: float = 0.95,
    least: int = 5,
) -> LocalRates:
    """Estimate the model's parameters from episodes of care.

    Parameters
    ----------
    episodes : pandas.DataFrame
        One row for each episode; see `best_sim.measures.episodes.COLUMNS`. A column `family`, if there is one, names
        siblings: intervals then allow for them, and what the model makes depend on the youngest sibling's age at entry
        (first placement in a unit, orders) does. Without it every child counts as a family, intervals are too narrow
        where siblings come together, and older siblings of infants blur the effect of age.
    window_start, window_end : date
        What is observed: from the morning of the one to the morning of the other.
    base : Scenario or str
        Where what the episodes don't say is taken from: the share of families with kin, the effect of need, and
        whatever is too rare to estimate.
    frailty : {"estimated", "base", "none"}
        Whether the spread between children is estimated, taken from `base`, or left out. Only without it do children
        take part in the fit who were in care when the window began.
    level : float
        Of the intervals.
    least : int
        Counts below this are not shown, and what rests on fewer events is not estimated.

    Returns
    -------
    LocalRates

    Raises
    ------
    EpisodesError
        If the table can't be used.
    ValueError
        If `frailty` is not one of the three.
    """
    if frailty not in ("estimated", "base", "none"):
        raise ValueError(f"frailty: found {frailty!r}, allowed 'estimated', 'base', 'none'")
    base = Scenario.load(base) if isinstance(base, str) else base
    table = spells(episodes, window_start, window_end)
    work = _Work(
        spells=table,
        periods=periods(table),
        span=float(table.attrs["span"]),
        start=pd.Timestamp(window_start),
        end=pd.Timestamp(window_end),
        base=base,
        level=level,
        least=least,
        siblings_named="family" in episodes,
    )
    for step in (_entries, _ages, _routes, _voluntary, _first_placements):
        step(work)
    _hazards(work, frailty)
    for step in (_next_placements, _plain_rates, _orders, _exits, _home_again, _month_ends):
        step(work)
    return LocalRates(
        table=_suppressed(work.rows, least),
        window=(work.start.date(), work.end.date()),
        children=int(table["child"].nunique()),
        followed=int(table.loc[table["history"], "child"].nunique()),
        frailty=work.frailty,
        level=level,
        least=least,
        parts=tuple(work.parts),
        missing=tuple(work.missing),
    )


# --- how it is done -----------------------------------------------------------------------------------------
@dataclass
class _Work:
    """What is estimated from, and what has been so far."""

    spells: pd.DataFrame
    periods: pd.DataFrame
    span: float
    start: pd.Timestamp
    end: pd.Timestamp
    base: Scenario
    level: float
    least: int
    siblings_named: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    parts: list[JointEstimate] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    frailty: Frailty = "estimated"
    need: float = 0.0

    @property
    def firsts(self) -> pd.DataFrame:
        """Each child's first period of care, where it began in the window with the child under five.

        With the child's age, and that of the youngest of the siblings who came into care on the same day; the child's
        own where siblings are not named.
        """
        p = self.periods
        age = (p["start"] - p["born"]) / YEAR
        p = p[p["seen"] & p["history"] & (p["period"] == 0) & (age < _OLDEST)].assign(age=age)
        p["youngest"] = p.groupby(["family", np.floor(p["start"])])["age"].transform("min")
        return p

    @property
    def z(self) -> float:
        return float(special.ndtri(0.5 + 0.5 * self.level))

    @property
    def words(self) -> str:
        return f"a local authority's episodes of care, {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"

    def row(
        self,
        quantity: str,
        group: str,
        events: float,
        exposure: float,
        unit: str,
        figures: Sequence[float],
        parameter: str = "",
        block: str = "",
    ) -> None:
        self.rows.append(
            {
                "quantity": quantity,
                "group": group,
                "events": int(events),
                "exposure": float(exposure),
                "unit": unit,
                "estimate": float(figures[0]),
                "low": float(figures[1]),
                "high": float(figures[2]),
                "parameter": parameter,
                "block": block,
            }
        )

    def source(self, text: str, figures: Sequence[float] | None = None) -> str:
        """How a value came about, in words; with its interval."""
        between = (
            ""
            if figures is None
            else f"; {self.level:.0%} interval {_short(figures[1])} to {_short(figures[2])}"
        )
        return f"estimated from {self.words}: {text}{between}"

    def number(
        self,
        parameter: str,
        unit: str,
        figures: Sequence[float],
        text: str,
        *,
        scale: Literal["log", "logit"] = "log",
    ) -> None:
        """One parameter with its interval; nothing if it can't be told."""
        value, low, high = (float(x) for x in figures)
        forward, back = (np.log, np.exp) if scale == "log" else (special.logit, special.expit)
        with np.errstate(divide="ignore"):
            ends = forward(np.asarray([value, low, high]))
        if not np.all(np.isfinite(ends)):
            return
        sd = (ends[2] - ends[1]) / (2.0 * self.z)
        self.parts.append(
            JointEstimate(
                estimate=ends[:1],
                covariance=np.asarray([[sd * sd]]),
                values=lambda x: {parameter: float(back(x[0]))},
                units={parameter: unit},
                sources={parameter: self.source(text, figures)},
                ranges={parameter: (min(low, value), max(high, value))},
            )
        )


def _entries(work: _Work) -> None:
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
    figures = _rate(len(first), years, work.level, spread)
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
            _rate(n, years, work.level, spread),
            block="entries by route",
        )
    if len(first) < work.least:
        work.missing.append("boroughs.local.entries: too few children came into care in the window")
        return
    cv = float(math.sqrt(spread / len(first)))
    variation = "boroughs.local.rate_variation"
    since = dt.date(work.start.year, work.start.month, 1)
    work.parts.append(
        JointEstimate(
            estimate=np.asarray([len(first) / years]),
            covariance=np.zeros((1, 1)),  # the scenario itself varies the rate between replicates
            values=lambda x: {name: [{"from": since, "value": float(x[0])}], variation: cv},
            units={name: "children per year", variation: "ratio"},
            sources={
                name: work.source(f"{len(first)} children aged 0-4 in {years:.2f} years", figures),
                variation: work.source("how well the rate is known: its standard error over its value"),
            },
            ranges={name: (figures[1], figures[2])},
        )
    )


def _cells(span: float) -> int:
    return max(1, round(span / YEAR * 12))


def _ages(work: _Work) -> None:
    """Who comes into care: under ones, newborns among them, boys."""
    first = work.firsts
    under = (first["age"] < 1.0).to_numpy()
    newborn = ((first["start"] - first["born"]) < _NEWBORN).to_numpy()
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
    for quantity, hit, among, name, times in (
        ("under one at entry", under, youngest, of_youngest, size),
        ("newborn, of those under one", newborn, under & youngest, of_newborn, 1.0),
        ("boys", first["boy"].to_numpy(), everyone, "population.male_share", 1.0),
    ):
        n, hits = int(among.sum()), int((hit & among).sum())
        share = _share(hit[among], first["family"].to_numpy()[among], work.level)
        figures = [min(x * times, 0.999) for x in share]
        ok = _can_be_told(hits, n, work.least)
        work.row(
            f"share {quantity}", "aged 0-4", hits, n, "probability", figures, name if ok else "", quantity
        )
        work.row(f"share {quantity}", "not", n - hits, n, "probability", _not(share), "", quantity)
        if ok:
            more = (
                ""
                if times == 1.0
                else f", times {times:.3g} children a family (few older siblings are under one)"
            )
            work.number(name, "probability", figures, f"{hits} of {n} children{more}", scale="logit")


def _routes(work: _Work) -> None:
    """Voluntary, or by an order; which of those orders came after issue the return doesn't say."""
    first = work.firsts
    route = first["legal_status"].map(ROUTE_OF)
    first, route = first[route.notna()], route[route.notna()]
    voluntary = (route == "voluntary").to_numpy()
    n, hits = len(first), int(voluntary.sum())
    figures = _share(voluntary, first["family"].to_numpy(), work.level)
    ok = _can_be_told(hits, n, work.least)
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
    work.row("route into care", "by an order", n - hits, n, "probability", _not(figures), "", "route")
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


def _voluntary(work: _Work) -> None:
    """Children who came in voluntarily: whether and when an order follows, and how long the others stay.

    A mixture: with probability p no proceedings follow, and the stay is lognormal; else the delay to the first order
    is. Who has neither left nor an order when the window ends adds the chance of that under both.
    """
    first = work.firsts
    first = first[first["legal_status"] == "V2"]
    status = _first_status(work.spells, first, IN_PROCEEDINGS)
    left = np.where(first["ends_in"].isin(["open", "lost"]), np.inf, first["end"]) - first["start"]
    ordered = status - first["start"].to_numpy()
    lost = first["ends_in"].eq("lost").to_numpy()
    seen = np.where(lost, first["end"], work.span) - first["start"].to_numpy()
    left = np.asarray(left)
    what = np.where(ordered < np.minimum(left, seen + 1e-9), 1, np.where(left <= seen, 2, 0))
    t = np.maximum(np.where(what == 1, ordered, np.where(what == 2, left, seen)), 0.5)
    n_court, n_home = int((what == 1).sum()), int((what == 2).sum())
    names = ("entry.voluntary_never_in_proceedings", "entry.issue_after_voluntary", "entry.voluntary_stay")
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
    x, covariance = _maximum(each, begin, first["family"].to_numpy())
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
        return out

    text = (
        f"children who came in voluntarily, {n_court} seen to come to an order, {n_home} seen to leave before"
    )
    work.parts.append(
        JointEstimate(
            estimate=x,
            covariance=covariance,
            values=values,
            units=dict(zip(names, ("probability", "days", "days"), strict=True)),
            sources={
                names[0]: work.source(text, share),
                names[1]: work.source(f"{text}; the first order stands for issue"),
                names[2]: work.source(text),
            },
            ranges={names[0]: (share[1], share[2])},
        )
    )


def _first_placements(work: _Work) -> None:
    """Where children live first. Units take under ones, and parents need an order; kin must be there."""
    first = work.firsts
    first = first[first["type"] != ""]
    n = len(first)
    family = first["family"].to_numpy()
    kind = first["type"].where(first["type"].isin(_FIRST_PLACES), "other").to_numpy()
    for name in (*_FIRST_PLACES, "other"):
        figures = _share(kind == name, family, work.level)
        work.row("first placement", name.replace("_", " "), int((kind == name).sum()), n, "probability", figures,
                 block="first placement")  # fmt: skip
    kin = work.base.population.kin_available_share
    under = (first["youngest"] < 1.0).to_numpy()
    by_order = (first["legal_status"] != "V2").to_numpy()
    estimates, variances, hidden, text = [], [], [], []
    known = work.base.entry.first_placement
    for name, among, times in (
        ("kinship_foster", np.ones(n, bool), 1.0 / kin if kin > 0.0 else 0.0),
        ("parent_and_baby", under, 1.0),
        ("with_parents", by_order, 1.0),
    ):
        hit = (kind == name) & among
        hits, m = int(hit.sum()), int(among.sum())
        ends = [x * times for x in _share(hit[among], family[among], work.level)]
        ok = _can_be_told(hits, m, work.least) and times > 0.0
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
        return {"entry.first_placement": _mix(_FIRST_PLACES, np.append(1.0 - three.sum(), three))}

    work.parts.append(
        JointEstimate(
            estimate=np.asarray(estimates),
            covariance=np.diag(variances),
            values=values,
            units={"entry.first_placement": "probability"},
            sources={
                "entry.first_placement": work.source(
                    f"{'; '.join(text)}; parent and baby of those under one, with parents of those who came by an "
                    f"order, kin over the share of families with kin, {kin:g}; the rest is foster care"
                )
            },
        )
    )


def _hazards(work: _Work, frailty: Frailty) -> None:
    """Unplanned moves and returns to care, with what the model makes them depend on."""
    unplanned, front = work.base.placements.unplanned, work.base.placements.front_loading
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
    names, offset = list(cells), np.zeros(len(rows))
    for k, band in enumerate(BAND_NAMES):
        here = in_care & (rows["band"] == k).to_numpy()
        if band == REFERENCE_BAND:
            continue
        if moves[here].sum() >= work.least:
            columns.append(here.astype(float))
            names.append(band)
        else:
            offset += np.where(here, math.log(max(float(getattr(front, band)), 1e-6)), 0.0)
            work.missing.append(
                f"placements.front_loading.{band}: fewer than {work.least} moves, as in the base file"
            )
    earlier = np.where(in_care, np.minimum(rows["earlier_moves"].to_numpy(float), _MOST_MOVES), 0.0)
    unknown = in_care & ~rows["history"].to_numpy(bool)
    for name, x in (
        ("age", np.where(in_care, rows["age"], 0.0)),
        ("earlier_moves", np.where(unknown, 0.0, earlier)),
    ):
        if name == "earlier_moves" and moves[x > 0].sum() < work.least:
            offset += float(unplanned.earlier_moves) * x
            work.missing.append(
                "placements.unplanned.earlier_moves: too few second moves, as in the base file"
            )
            continue
        columns.append(np.asarray(x, float))
        names.append(name)
    if (
        moves[unknown].sum() > 0
    ):  # what came before the window is not known; its effect has a column of its own
        columns.append(unknown.astype(float))
        names.append("moves not known")
    fit = fit_hazards(
        np.column_stack(columns),
        moves,
        rows["years"].to_numpy(float),
        rows["child"].to_numpy(np.int64),
        offset=offset,
        cluster=rows["family"].to_numpy(np.int64),
        frailty_sd={"estimated": None, "base": total, "none": 0.0}[frailty],
        level=work.level,
    )
    _report_hazards(work, fit, names, rows)


def _rows_at_risk(work: _Work, frailty: Frailty) -> pd.DataFrame:
    """Time at risk of a move, and of a return to care, in one table; `cell` is the placement type or breakdown."""
    rows = time_at_risk(work.spells, BAND_FROM).rename(columns={"type": "cell"})
    young = work.spells.groupby("child")[["start", "born"]].first()
    entered = (young["start"] - young["born"]) / YEAR < _OLDEST
    rows = rows[rows["child"].map(entered).to_numpy(bool)]
    p = work.periods
    out = p[p["ends_in"].isin(["home", "special_guardianship", "child_arrangements"]) & np.isfinite(p["end"])]
    out = out[(out["end"] >= 0.0) & out["child"].map(entered).to_numpy(bool)]
    until = np.minimum(out["next_start"].to_numpy(), work.span)
    days, back = until - out["end"].to_numpy(), (out["next_start"] <= work.span).to_numpy()
    home = (out["ends_in"] == "home").to_numpy()
    year = BAND_FROM[-1]
    parts = [rows]
    for cell, use, time, event in (
        ("home_first_year", home, np.minimum(days, year), back & (days <= year)),
        ("home_later", home & (days > year), days - year, back & (days > year)),
        ("special_guardianship", ~home, days, back),
    ):
        use = use & (time > 0.0)
        parts.append(
            pd.DataFrame(
                {
                    "child": out["child"].to_numpy()[use],
                    "family": out["family"].to_numpy()[use],
                    "cell": cell,
                    "band": -1,
                    "age": 0.0,
                    "earlier_moves": 0,
                    "history": out["history"].to_numpy(bool)[use],
                    "years": time[use] / YEAR,
                    "moves": event[use].astype(int),
                }
            )
        )
    both = pd.concat(parts, ignore_index=True)
    return both if frailty == "none" else both[both["history"]].reset_index(drop=True)


def _report_hazards(work: _Work, fit: HazardFit, names: list[str], rows: pd.DataFrame) -> None:
    """The fit as the model's parameters."""
    se = np.sqrt(np.diag(fit.covariance))
    # the model's rate is that of a family of average need; what was found is the mean over families
    over = math.exp(0.5 * work.need**2)
    shown: dict[str, tuple[int, str, str]] = {}
    units: dict[str, str] = {}
    sources: dict[str, str] = {}
    ranges: dict[str, tuple[float, float]] = {}
    in_care = rows["cell"].isin(_TYPES)
    # counts of single types and bands are in the table, which hides the small ones; the file tells the total
    totals = {
        what: f"{part['moves'].sum()} in {part['years'].sum():.0f} child-years {when}"
        for what, part, when in (
            ("unplanned moves", rows[in_care], "in care"),
            ("returns to care", rows[~in_care], "after care"),
        )
    }
    for band in BAND_NAMES:
        if band not in names:
            here = rows[in_care & (rows["band"] == BAND_NAMES.index(band))]
            quantity = "unplanned moves: time in the placement"
            known = float(getattr(work.base.placements.front_loading, band))
            fixed_at = 1.0 if band == REFERENCE_BAND else known
            group = f"{band.replace('_', ' ')}, {'reference' if band == REFERENCE_BAND else 'as in the base file'}"
            events, years = int(here["moves"].sum()), float(here["years"].sum())
            work.row(quantity, group, events, years, "ratio", (fixed_at, np.nan, np.nan), block=quantity)
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
        elif name in BAND_NAMES:
            here = rows[in_care & (rows["band"] == BAND_NAMES.index(name))]
            kind, unit, figures = "ratio", "ratio", [math.exp(x) for x in ends]
            where, quantity = "front_loading", "unplanned moves: time in the placement"
        elif name in ("age", "earlier_moves"):
            here = rows[in_care]
            kind, figures = "log", ends
            unit = "log hazard per year" if name == "age" else "log hazard per move"
            where, quantity = "unplanned", "unplanned moves: log hazard ratio"
        else:
            continue
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
            elif kind == "ratio":
                out[parameter] = float(min(np.exp(x[k]), 100.0))
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


def _next_placements(work: _Work) -> None:
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
        figures = _share(kind == place, family, work.level)
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
        return {name: _mix(_NEXT_PLACES, np.append(1.0 - two.sum(), two))}

    variance = np.asarray([k * kin * (1.0 - k * kin) / n / kin**2, r * (1.0 - r) / n])
    text = f"{n} moves; to kin over the share of families with kin, {kin:g}"
    work.parts.append(
        JointEstimate(
            np.asarray([k, r]), np.diag(variance), values, {name: "probability"}, {name: work.source(text)}
        )
    )


def _plain_rates(work: _Work) -> None:
    """Occurrences over time at risk, of all children from the day on which they are seen."""
    rows = time_at_risk(work.spells, BAND_FROM)
    rows["age group"] = np.asarray(_AGE_NAMES, object)[
        np.searchsorted(_AGE_FROM, rows["age"], side="right") - 1
    ]
    for kind in _TYPES:
        of = rows[rows["type"] == kind]
        for k, band in enumerate(BAND_NAMES):
            for age in _AGE_NAMES:
                here = of[(of["band"] == k) & (of["age group"] == age)]
                years, events = float(here["years"].sum()), int(here["moves"].sum())
                if years > 0.0:
                    group = f"{kind.replace('_', ' ')}, {band.replace('_', ' ')}, {age}"
                    spread = _clustering(
                        here["moves"].to_numpy(), here["years"].to_numpy(), here["family"].to_numpy()
                    )
                    work.row("unplanned moves, as they occurred", group, events, years, "per year",
                             _rate(events, years, work.level, spread), block=f"plain {kind}")  # fmt: skip


def _orders(work: _Work) -> None:
    """What the court orders: the first of a care order, a placement order or leaving care, after an interim order."""
    first = work.firsts
    begun = _first_status(work.spells, first, ("C1",))
    first, begun = first[np.isfinite(begun)], begun[np.isfinite(begun)]
    if not len(first):
        work.missing.append("orders: no child came to proceedings in the window")
        return
    care, adoption = (_first_status(work.spells, first, (code,)) for code in ("C2", "E1"))
    leaves = first["end"].to_numpy()
    out = first["ends_in"].to_numpy(object)
    when = np.minimum.reduce([care, adoption, leaves, np.full(len(first), work.span)])
    kind = np.where(
        adoption <= when,
        "placement_order",
        np.where(care <= when, "care_order", np.where(leaves <= when, out, "open")),
    )
    kind = np.where(kind == "adoption", "placement_order", kind)
    seen = np.isin(kind, _DIRECTIONS)
    days = np.maximum(when - begun, 0.5)
    if seen.sum() >= 2 * work.least:
        with np.errstate(all="ignore"):
            sf = SurvfuncRight(days, seen.astype(int))
        for q, word in ((0.25, "lower quartile"), (0.5, "median"), (0.75, "upper quartile")):
            with np.errstate(all="ignore"):  # where everybody has left the log of nothing is taken
                low, high = (
                    sf.quantile_ci(q, alpha=1.0 - work.level) if sf.surv_prob[-1] < 1.0 - q else (np.nan,) * 2
                )
            n, figures = int(seen.sum()), (sf.quantile(q), low, high)
            work.row(
                "days from interim order to the court's order or leaving care", word, n, n, "days", figures
            )
    weight = _seen_weights(days, seen)
    # the court, as the model has it, looks at the youngest of the siblings
    under = (first["youngest"] < 1.0).to_numpy()
    _court_orders(work, kind, weight, seen, under, first["family"].to_numpy())


def _court_orders(
    work: _Work, kind: NDArray[Any], weight: Floats, seen: Bools, under: Bools, family: Ints
) -> None:
    """Orders by age, and the intercepts of the court's logit that would give them."""
    targets, covariances, counted = [], [], []
    for is_under, word in ((False, "one to four"), (True, "under one")):
        here = seen & (under == is_under)
        w = weight[here]
        hits = (
            np.column_stack([kind[here] == d for d in _DIRECTIONS]) if here.any() else np.zeros((0, 5), bool)
        )
        counts = hits.sum(axis=0)
        shares = w @ hits / w.sum() if len(w) else np.full(5, np.nan)
        influence = w[:, None] * (hits - shares)
        sums = pd.DataFrame(influence).groupby(family[here]).sum().to_numpy() if len(w) else np.zeros((0, 5))
        covariance = sums.T @ sums / w.sum() ** 2 if len(w) else np.full((5, 5), np.nan)
        for k, d in enumerate(_DIRECTIONS):
            sd = math.sqrt(covariance[k, k])
            work.row(f"court's order, {word} at entry", d.replace("_", " "), counts[k], here.sum(), "probability",
                     _logit_ends(shares[k], sd, work.z), block=f"orders {word}")  # fmt: skip
        targets.append(shares)
        covariances.append(covariance)
        counted.append(counts)
    if min(c.min() for c in counted) < work.least:
        work.missing.append(
            f"orders: fewer than {work.least} orders of one kind at one age, so all as in the base file"
        )
        return
    model = _CourtModel.of(work.base)
    x = np.concatenate([model.intercepts(targets[0], False), model.intercepts(targets[1], True)])
    blocks = []
    for k, is_under in enumerate((False, True)):
        slope = approx_fprime(
            x[4 * k : 4 * k + 4], lambda b, u=is_under: model.shares(b, u)[1:], centered=True
        )
        inverse = np.linalg.inv(slope)
        blocks.append(inverse @ covariances[k][1:, 1:] @ inverse.T)
    zero = np.zeros((4, 4))
    covariance = np.block([[blocks[0], zero], [zero, blocks[1]]])
    units, sources, ranges = {}, {}, {}
    for k, d in enumerate(_DIRECTIONS[1:]):
        for word, value, variance in (
            ("intercept", x[k], covariance[k, k]),
            ("under_one", x[4 + k] - x[k], covariance[k, k] + covariance[4 + k, 4 + k]),
        ):
            name = f"orders.{d}.{word}"
            wide = work.z * math.sqrt(variance)
            figures = [value, value - wide, value + wide]
            n = int(counted[0][k + 1]) if word == "intercept" else int(counted[1][k + 1])
            total = int(counted[0].sum()) if word == "intercept" else int(counted[1].sum())
            group = f"{d.replace('_', ' ')}, {word.replace('_', ' ')}"
            work.row("court's order: log odds against home", group, n, total, "log odds", figures, name)
            units[name], ranges[name] = "log odds", (max(figures[1], -10.0), min(figures[2], 10.0))
            text = f"{n} of {total} orders; effects of need, kin and advice as in the base file"
            sources[name] = work.source(text, figures)

    def values(x: Floats) -> dict[str, Any]:
        x = np.clip(x, -5.0, 5.0)
        return {
            f"orders.{d}.{word}": float(value)
            for k, d in enumerate(_DIRECTIONS[1:])
            for word, value in (("intercept", x[k]), ("under_one", x[4 + k] - x[k]))
        }

    work.parts.append(JointEstimate(x, covariance, values, units, sources, ranges))


@dataclass(frozen=True)
class _CourtModel:
    """The model's shares of orders at an age, over need, kin and advice, as a function of the intercepts."""

    weight: Floats
    fixed: Mapping[bool, Floats]
    start: Mapping[bool, Floats]

    @classmethod
    def of(cls, base: Scenario) -> _CourtModel:
        node, mass = np.polynomial.hermite_e.hermegauss(30)
        kin_share, advice = float(base.population.kin_available_share), base.advice
        need, kin, home = (x.ravel() for x in np.meshgrid(node, (0.0, 1.0), (0.0, 1.0), indexing="ij"))
        m = np.repeat(mass / mass.sum(), 4)
        weight, fixed, start = [], {}, {}
        for under in (False, True):
            p = special.expit(advice.intercept + advice.need * need + advice.under_one * under)
            weight.append(
                m * np.where(kin == 1.0, kin_share, 1.0 - kin_share) * np.where(home == 1.0, p, 1.0 - p)
            )
            directions = [getattr(base.orders, d) for d in _DIRECTIONS]
            fixed[under] = np.column_stack(
                [d.need * need + d.kin * kin + d.return_advised * home for d in directions]
            )
            fixed[under][:, 0] += directions[0].intercept + directions[0].under_one * under
            start[under] = np.asarray([d.intercept + d.under_one * under for d in directions[1:]])
        return cls(np.asarray(weight), fixed, start)

    def shares(self, intercepts: Floats, under: bool) -> Floats:
        """Shares of the five directions."""
        score = self.fixed[under] + np.append(0.0, intercepts)
        return self.weight[int(under)] @ special.softmax(score, axis=1)

    def intercepts(self, shares: Floats, under: bool) -> Floats:
        """The intercepts that give these shares."""

        def off(b: Floats) -> Floats:
            return np.log(self.shares(b, under)[1:] / shares[1:])

        return np.asarray(optimize.root(off, self.start[under]).x)


def _exits(work: _Work) -> None:
    """Where children go who leave care, by age; and when, with the others competing."""
    p = work.periods
    left = p[np.isfinite(p["end"]) & (p["end"] >= 0.0) & p["ends_in"].isin(_EXIT_KINDS)]
    age = ((left["end"] - left["born"]) / YEAR).to_numpy()
    for k, word in enumerate(_AGE_NAMES):
        until = _AGE_FROM[k + 1] if k + 1 < len(_AGE_FROM) else np.inf
        here = left[(age >= _AGE_FROM[k]) & (age < until)]
        for kind in _EXIT_KINDS:
            hit = (here["ends_in"] == kind).to_numpy()
            if len(here):
                figures = _share(hit, here["family"].to_numpy(), work.level)
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
                _logit_ends(value, sd, work.z),
                block=f"incidence {at:.0f}",
            )


def _home_again(work: _Work) -> None:
    """Children who went home, and came back into care within a year."""
    p = work.periods
    home = p[(p["ends_in"] == "home") & np.isfinite(p["end"]) & (p["end"] >= 0.0)]
    days = np.minimum(home["next_start"].to_numpy(), work.span) - home["end"].to_numpy()
    back = (home["next_start"] <= work.span).to_numpy()
    days, back, family = days[days > 0.0], back[days > 0.0], home["family"].to_numpy()[days > 0.0]
    n = int((back & (days <= YEAR)).sum())
    if not _can_be_told(n, len(days), work.least):
        n = min(n, work.least - 1)
        work.row(
            "back in care within a year of going home", "all", n, len(days), "probability", (np.nan,) * 3
        )
        return
    with np.errstate(all="ignore"):  # the variance has no value once nobody is left
        sf = SurvfuncRight(days, back.astype(int))
    at = np.searchsorted(sf.surv_times, YEAR, side="right") - 1
    share, sd = 1.0 - float(sf.surv_prob[at]), float(sf.surv_prob_se[at])
    spread = _clustering(back.astype(float), days, family)
    figures = _logit_ends(share, sd * math.sqrt(spread), work.z)
    work.row("back in care within a year of going home", "all", n, len(days), "probability", figures)


def _month_ends(work: _Work) -> None:
    """Children under five in care at the end of each month: what a forecast must meet."""
    table = by_month(work.spells, work.start, _months(work.start, work.end))
    for month, n in zip(table["month"], table["in_care"], strict=True):
        end = (month + pd.offsets.MonthEnd(0)).strftime("%Y-%m-%d")
        work.row("children under five in care", end, n, 1.0, "children", (n, np.nan, np.nan))


# --- back-cast ----------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class BackCast:
    """A forecast of months that have been seen, from those before them.

    Attributes
    ----------
    rates : LocalRates
        From the months before.
    months : pandas.DataFrame
        One row for each quantity and month: quantity ("in_care", "entries", "rate": moves per child-year), month,
        observed, forecast (mean), low, high, inside. Observed counts below `least` are not shown.
    fitted : tuple of datetime.date
        What was estimated from.
    replicates : int
    level : float
        Of the interval, in which a month should lie that the model forecasts as it should.
    """

    rates: LocalRates
    months: pd.DataFrame
    fitted: tuple[dt.date, dt.date]
    replicates: int
    level: float


def backcast(
    episodes: pd.DataFrame,
    window_start: dt.date | str,
    until: dt.date | str,
    then: dt.date | str,
    *,
    folder: str | Path,
    setting: tuple[str, str] = ("england", "central_london"),
    base: Scenario | str = "base",
    frailty: Frailty = "estimated",
    replicates: int = 50,
    seed: int = 1,
    level: float = 0.95,
    least: int = 5,
) -> BackCast:
    """Estimate from the earlier years, simulate the last, and hold it against what happened.

    Parameters
    ----------
    episodes : pandas.DataFrame
        One row for each episode.
    window_start, until, then : date
        Estimated from the first to the second; forecast from the second to the third.
    folder : str or Path
        Where the scenario file `local.toml` is written.
    setting : (scenario, borough)
        As `LocalRates.to_toml` takes it.
    base, frailty, least
        As `estimate_rates` takes them.
    replicates : int
        Each with parameters drawn by how well they are known.
    seed : int
    level : float
        Of the interval of the forecast, which holds the uncertainty of the parameters and chance.

    Returns
    -------
    BackCast

    Notes
    -----
    A run does not start with the authority's own children: it starts early enough for its own to have settled. Where
    entries have risen or fallen in the window the number in care therefore begins at what the mean rate would give.
    Proceedings take as long as the setting's court makes them.
    """
    rates = estimate_rates(
        episodes, window_start, until, base=base, frailty=frailty, level=level, least=least
    )
    path = rates.to_toml(Path(folder) / "local.toml", setting=setting)
    months = _months(pd.Timestamp(until), pd.Timestamp(then))
    seen = by_month(spells(episodes, window_start, then), window_start, months)
    scenario = Scenario.load(path).replace(
        {
            "simulation.start_date": pd.Timestamp(window_start).date(),
            "simulation.end_date": pd.Timestamp(then).date(),
        }
    )
    rng = np.random.default_rng(seed)
    drawn = []
    for r in range(replicates):
        changes = rates.drawn(rng)
        changes = {key: value for key, value in changes.items() if not key.startswith("boroughs.")}
        journeys = simulate(scenario.replace(changes), seed=seed, replicate=r)
        local = episodes_of(journeys, borough="local")
        drawn.append(by_month(spells(local, window_start, then), window_start, months))
    parts = []
    for quantity in ("in_care", "entries", "rate"):
        ran = np.stack([d[quantity].to_numpy(float) for d in drawn])
        low, high = np.nanquantile(ran, [0.5 - 0.5 * level, 0.5 + 0.5 * level], axis=0)
        observed = seen[quantity].to_numpy(float)
        count = seen["moves" if quantity == "rate" else quantity].to_numpy()
        observed = np.where(count < least, np.nan, observed)
        inside = np.where(np.isnan(observed), np.nan, (observed >= low) & (observed <= high))
        parts.append(
            pd.DataFrame(
                {
                    "quantity": quantity,
                    "month": seen["month"],
                    "observed": observed,
                    "forecast": np.nanmean(ran, axis=0),
                    "low": low,
                    "high": high,
                    "inside": pd.array(inside, dtype="boolean"),
                }
            )
        )
    fitted = (pd.Timestamp(window_start).date(), pd.Timestamp(until).date())
    return BackCast(rates, pd.concat(parts, ignore_index=True), fitted, replicates, level)


def _setting(
    scenario: str, area: str, borough: str, entries: float, window: tuple[dt.date, dt.date]
) -> dict[tuple[str, ...], dict[str, Any]]:
    """Site, court and team of an area of another scenario, and the area with the rest of its children."""
    other = Scenario.load(scenario)
    if area not in other.boroughs:
        raise ValueError(f"setting: found {area!r}, allowed {', '.join(other.boroughs)}")
    place = other.boroughs[area]
    wanted = {
        ("sites", place.site): "site",
        ("courts", place.court): "court",
        ("lift", "teams", place.lift_team): "lift_team",
    }
    low, high = window
    when = {"unit": "date", "status": "assumption", "source": "what the episodes cover"}
    out: dict[tuple[str, ...], dict[str, Any]] = {
        ("simulation", "start_date"): {"value": low, **when},
        ("simulation", "end_date"): {"value": high, **when},
    }
    leaves = {tuple(name.split(".")): entry for name, entry in other.provenance.items()}
    for key, entry in leaves.items():
        if any(key[: len(top)] == top for top in wanted):
            out[key] = entry.as_table()
    told = {"status": "assumption", "source": f"the authority is taken to be in this area of {scenario}"}
    for name in ("title", "site", "court", "lift_team", "opens"):
        leaf = leaves["boroughs", area, name]
        out["boroughs", area, name] = leaf.as_table()
        value = borough if name == "title" else leaf.value
        out["boroughs", borough, name] = {"value": value, "unit": leaf.unit, **told}
    rest = leaves["boroughs", area, "entries"]
    largest = max(float(step["value"]) for step in rest.value)
    if entries > 1.25 * largest:
        raise ValueError(
            f"setting: found {scenario}/{area}, in which {largest:,.0f} children a year come into care, allowed an "
            f"area with as many as the authority, {entries:,.0f}: its court would be far too small for them"
        )
    out["boroughs", area, "entries"] = {
        "value": [{"from": s["from"], "value": max(0.0, float(s["value"]) - entries)} for s in rest.value],
        "unit": rest.unit,
        "status": "assumption",
        "source": f"the rest of the area's children: those of {scenario}, less the authority's own",
    }
    out["boroughs", area, "rate_variation"] = leaves["boroughs", area, "rate_variation"].as_table()
    return out


# --- small words --------------------------------------------------------------------------------------------
def _months(low: pd.Timestamp, high: pd.Timestamp) -> pd.DatetimeIndex:
    """First days of the whole months between two dates, and of the one after the last."""
    return pd.date_range(low.normalize(), high, freq="MS")


def _first_status(table: pd.DataFrame, first: pd.DataFrame, codes: Sequence[str]) -> Floats:
    """When each child first has one of these legal statuses in its first period; infinite if it has not."""
    has = table[(table["period"] == 0) & table["legal_status"].isin(codes)]
    return first["child"].map(has.groupby("child")["start"].min()).fillna(np.inf).to_numpy(float)


def _rate(events: float, years: float, level: float, spread: float = 1.0) -> tuple[float, float, float]:
    """A rate with Garwood's interval, of the number of events that would say as much if they were independent."""
    n, t = events / spread, years / spread
    half = 0.5 * (1.0 - level)
    low = stats.gamma.ppf(half, n) / t if n > 0 else 0.0
    return events / years, float(low), float(stats.gamma.isf(half, n + 1.0) / t)


def _clustering(events: Floats, time: Floats, cluster: Ints) -> float:
    """How many times wider a rate's variance is than that of independent events; at least 1."""
    total = events.sum()
    if total <= 0:
        return 1.0
    sums = pd.Series(events - total / time.sum() * time).groupby(cluster).sum().to_numpy()
    return max(1.0, float(sums @ sums / total))


def _share(hit: Bools, cluster: Ints, level: float) -> tuple[float, float, float]:
    """A share with Wilson's interval, of the number that would say as much if siblings were independent."""
    n = len(hit)
    if n == 0:
        return np.nan, 0.0, 1.0
    p = float(hit.mean())
    effect = 1.0
    if 0.0 < p < 1.0:
        sums = pd.Series(hit - p).groupby(cluster).sum().to_numpy()
        effect = max(1.0, float(sums @ sums / (n * p * (1.0 - p))))
    m = n / effect
    z = float(special.ndtri(0.5 + 0.5 * level))
    middle = (p + z * z / (2.0 * m)) / (1.0 + z * z / m)
    half = z * math.sqrt(p * (1.0 - p) / m + z * z / (4.0 * m * m)) / (1.0 + z * z / m)
    return p, max(0.0, middle - half), min(1.0, middle + half)


def _not(figures: Sequence[float]) -> tuple[float, float, float]:
    """The share of the others."""
    return 1.0 - figures[0], 1.0 - figures[2], 1.0 - figures[1]


def _logit_ends(share: float, sd: float, z: float) -> tuple[float, float, float]:
    """A share and the ends of its interval on the logit scale."""
    if not 0.0 < share < 1.0:
        return share, np.nan, np.nan
    x, s = special.logit(share), sd / (share * (1.0 - share))
    return share, float(special.expit(x - z * s)), float(special.expit(x + z * s))


def _can_be_told(hits: int, n: int, least: int) -> bool:
    """Whether both those with and those without are enough to be shown."""
    return hits >= least and n - hits >= least


def _seen_weights(days: Floats, event: Bools) -> Floats:
    """Weights that stand those who were seen to the end for those who were not: one over the chance of being seen.

    Weighted shares of events are then those of Aalen and Johansen's cumulative incidences at the last event.
    """
    if event.all():
        return np.ones(len(days))
    # censoring is what "survives" to; an event at the same time comes first
    times = np.unique(days[~event])
    at_risk = np.asarray([np.sum((days > t) | ((days == t) & ~event)) for t in times])
    lost = np.asarray([np.sum((days == t) & ~event) for t in times])
    stays = np.cumprod(1.0 - lost / at_risk)
    before = np.searchsorted(times, days, side="left") - 1
    chance = np.where(before >= 0, stays[np.maximum(before, 0)], 1.0)
    return np.where(event, 1.0 / np.where(chance > 0.0, chance, np.inf), 0.0)


def _maximum(each: Callable[[Floats], Floats], begin: Floats, cluster: Ints) -> tuple[Floats, Floats]:
    """Maximum likelihood, with a covariance robust to clusters."""

    def loss(x: Floats) -> float:
        return -float(each(x).mean())

    x = np.asarray(optimize.minimize(loss, begin, method="BFGS").x)
    hessian = approx_hess(x, lambda y: -each(y).sum())
    scores = approx_fprime(x, each, centered=True)
    sums = pd.DataFrame(scores).groupby(cluster).sum().to_numpy()
    bread = np.linalg.inv(hessian)
    return x, bread @ (sums.T @ sums) @ bread


def _mix(names: Sequence[str], shares: Floats) -> dict[str, float]:
    """Shares by name that sum to one as they are written."""
    whole = np.maximum(shares, 0.0) / np.maximum(shares, 0.0).sum()
    rounded = [round(float(x), 6) for x in whole]
    rounded[0] = round(1.0 - sum(rounded[1:]), 6)
    return dict(zip(names, rounded, strict=True))


def _short(x: float) -> str:
    return f"{x:.3g}"


def _plain(value: Any) -> Any:
    """A value as it is written: numbers to four figures, so that no file carries more than the data say."""
    if isinstance(value, bool | dt.date | str):
        return value
    if isinstance(value, Mapping):
        shares = {k: _plain(v) for k, v in value.items()}
        if all(isinstance(v, float) for v in value.values()):
            return _mix(tuple(shares), np.asarray(list(shares.values())))
        return shares
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return float(f"{float(value):.4g}")


def _suppressed(rows: list[dict[str, Any]], least: int) -> pd.DataFrame:
    """The table without small counts, and without what would give them away by subtraction."""
    out = pd.DataFrame(rows)
    small = (out["events"] < least).to_numpy(copy=True)
    for _, index in out[out["block"] != ""].groupby(["quantity", "block"]).groups.items():
        at = np.asarray(index)
        counts = out["events"].to_numpy()[at]
        while 0 < counts[small[at]].sum() < least and not small[at].all():
            shown = at[~small[at]]
            small[shown[np.argmin(out["events"].to_numpy()[shown])]] = True
    out["events"] = out["events"].astype("Int64")
    out.loc[small, "events"] = pd.NA
    out.loc[small, ["exposure", "estimate", "low", "high"]] = np.nan
    out["suppressed"] = small
    return out.drop(columns="block")


__all__ = ["BackCast", "LocalRates", "JointEstimate", "backcast", "estimate_rates"]
