"""What happens to the children, from journeys: where they live, proceedings, waits for LIFT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    INK,
    PAPER,
    PLACE_ORDER,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    TINY,
    Look,
    Sheet,
    arm_look,
    place_look,
    spread,
    styled,
)
from best_sim.questions.pictures.columns import need
from best_sim.scenario.durations import MONTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from best_sim.pathway import Journeys

OBSERVED = 104
"""Weeks for which a case should have been observed where durations are compared."""
WIDTH = 9.0


def living_by_month(journeys: Any, months: int = 30, by_arm: bool = True) -> pd.DataFrame:
    """Share of children by where they live, by whole months since they entered care.

    Parameters
    ----------
    journeys : Journeys or sequence of Journeys
        One or more replicates; several are pooled.
    months : int
        Months since entry to follow. Only children who entered early enough to be followed so long are
        counted, so the denominator is the same in every month.
    by_arm : bool
        True: children of randomised families, by arm. False: all children who entered after day zero, as
        group "all".

    Returns
    -------
    pandas.DataFrame
        Columns group, month, type, share, children, replicates.
    """
    many = list(journeys) if isinstance(journeys, (list, tuple)) else [journeys]
    return living_of([living_counts(j, months, by_arm) for j in many])


def living_counts(j: Journeys, months: int = 30, by_arm: bool = True) -> dict[str, np.ndarray]:
    """Children by where they live and by whole months since entry, from which `living_of` makes shares.

    Parameters
    ----------
    j : Journeys
    months, by_arm
        As `living_by_month` takes them.

    Returns
    -------
    dict of str to (types, months + 1) array of int
        By group; types in the order of `PLACE_ORDER`.
    """
    kinds = list(PLACE_ORDER)
    at = np.arange(months + 1) * MONTH
    children, placements = j.children, j.placements
    keep = (children["entered_days"] >= 0) & (children["entered_days"] + months * MONTH <= j.end)
    if by_arm:
        keep &= children["arm"] != "not allocated"
    rows = placements.merge(children.loc[keep, ["child", "arm", "entered_days"]], on="child", how="inner")
    start = rows["start_days"].to_numpy(float) - rows["entered_days"].to_numpy(float)
    end = rows["end_days"].to_numpy(float) - rows["entered_days"].to_numpy(float)
    end = np.where(np.isnan(end), np.inf, end)
    place = np.array([kinds.index(str(t)) for t in rows["type"]], int)
    group = rows["arm"].astype(str).to_numpy() if by_arm else np.full(len(rows), "all")
    counts = {}
    for name in sorted(set(map(str, group))):
        mine = group == name
        counts[name] = np.zeros((len(kinds), months + 1), int)
        for k in range(months + 1):
            there = mine & (start <= at[k] + 1e-6) & (end > at[k] + 1e-6)
            counts[name][:, k] = np.bincount(place[there], minlength=len(kinds))
    return counts


def living_of(counts: Sequence[Mapping[str, np.ndarray]]) -> pd.DataFrame:
    """Shares of children by where they live, of one or more replicates together.

    Parameters
    ----------
    counts : sequence of mapping
        Of each replicate, as `living_counts` has them.

    Returns
    -------
    pandas.DataFrame
        As `living_by_month` gives it.
    """
    parts = []
    for name in dict.fromkeys(name for one in counts for name in one):
        table = np.sum([one[name] for one in counts if name in one], axis=0)
        n = np.maximum(table.sum(axis=0), 1)
        for i, kind in enumerate(PLACE_ORDER):
            parts.append(
                pd.DataFrame(
                    {
                        "group": name,
                        "month": np.arange(table.shape[1]),
                        "type": kind,
                        "share": table[i] / n,
                        "children": int(n[0]),
                        "replicates": len(counts),
                    }
                )
            )
    return (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["group", "month", "type", "share"])
    )


@styled
def outcomes_of_care_figure(
    living: Any,
    *,
    title: str = "Where the children live after they entered care",
    source: str = "",
) -> Figure:
    """What happens to the children: shares of where they live by months since entry.

    Parameters
    ----------
    living : pandas.DataFrame or Journeys
        Columns group, month, type, share, and optionally children and replicates, as `living_by_month` makes
        them; or Journeys, from which it is made by arm.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is nobody to show, or a column is missing.
    """
    if not isinstance(living, pd.DataFrame):
        living = living_by_month(living)
    need(living, ("group", "month", "type", "share"), "outcomes_of_care_figure: living")
    if living.empty:
        raise ValueError(
            "outcomes_of_care_figure: nobody to show by arm, as no family was randomised early enough to be followed; "
            "living_by_month(journeys, by_arm=False) has all children"
        )
    found = set(living["group"])
    groups = [a for a in ("LIFT", "SAU") if a in found] + sorted(found - {"SAU", "LIFT"})
    last = int(living["month"].max())
    panel, label, gap, first = 6.2 if len(groups) == 1 else 2.45, 1.72, 0.10, 0.72
    width = first + len(groups) * (panel + label) + (len(groups) - 1) * gap + 0.12
    wide = max(width, WIDTH)
    words = []
    for g in groups:
        end = living[(living["group"] == g) & (living["month"] == last)].sort_values("share", ascending=False)
        words.append(
            f"{g}, {last} months after entry: "
            + say.listed(
                [
                    f"{place_look(t).label.lower()} {say.percent(s)}"
                    for t, s in zip(end["type"], end["share"], strict=True)
                    if s >= 0.005
                ]
            )
            + "."
        )
    sheet = Sheet(
        wide,
        4.6,
        title,
        f"Share of children, %, by months since entry to care; labels give the share at {last} months.",
        source or "Arms differ by chance and by what the scenario assumes of LIFT.",
        f"{title}. " + " ".join(words),
    )
    for i, g in enumerate(groups):
        offset = first + i * (panel + label + gap)
        ax = sheet.axes(offset, wide - offset - panel, 0.55, 0.45)
        mine = living[living["group"] == g]
        table = mine.pivot_table(index="type", columns="month", values="share", aggfunc="sum", observed=True)
        order = [k for k in PLACE_ORDER if k in table.index and float(table.loc[k].max()) > 0]
        order += sorted(str(k) for k in table.index if k not in PLACE_ORDER and float(table.loc[k].max()) > 0)
        months = table.columns.to_numpy(float)
        base = np.zeros(len(months))
        middles: list[float] = []
        shown: list[tuple[str, float]] = []
        for kind in order:
            values = 100 * table.loc[kind].to_numpy(float)
            look = place_look(kind)
            ax.fill_between(months, base, base + values, color=look.color, lw=0)
            ax.plot(months, base + values, color=PAPER, lw=0.7)
            if values[-1] >= 0.05:
                middles.append(float(base[-1] + values[-1] / 2))
                shown.append((kind, float(values[-1])))
            base = base + values
        ax.set(xlim=(0, last), ylim=(0, 100))
        ax.set_xticks(range(0, last + 1, 6))
        ax.set_xlabel("Months since entry to care")
        if i == 0:
            ax.set_ylabel("Share of children, %")
        else:
            ax.set_yticklabels([])
        n = mine["children"].max() if "children" in mine else np.nan
        head = {"all": "All children", "SAU": "Services as usual (SAU)"}.get(g, str(g))
        known = bool(np.isfinite(n))
        ax.text(
            0, 1.075 if known else 1.03, head, transform=ax.transAxes, weight="bold", size=SIZE, va="bottom",
            color=arm_look(g).dark,
        )  # fmt: skip
        if known:
            reps = int(mine["replicates"].max()) if "replicates" in mine else 1
            count = f"{say.number(n / reps)} children" + (
                f", mean of {reps:,} replicates" if reps > 1 else ""
            )
            ax.text(0, 1.02, count, transform=ax.transAxes, size=TINY, va="bottom", color=SOFT)
        places = spread(middles, 5.0, 2.0, 98.0)
        for (kind, value), at, y in zip(shown, places, middles, strict=True):
            look = place_look(kind)
            ax.plot([last, last * 1.03, last * 1.06], [y, at, at], color=look.dark, lw=0.7, clip_on=False)
            share = "<1" if value < 0.5 else say.number(value)
            ax.text(
                last * 1.075, at, f"{share}  {_short(look)}", va="center", size=TINY + 0.2, color=look.dark
            )
    return sheet.figure


def _short(look: Look) -> str:
    return {
        "Parent and baby placement": "parent and baby",
        "With parents, interim order": "with parents (interim)",
        "Kinship foster care": "kinship foster",
        "Long-term foster care": "long-term foster",
        "Foster care": "foster care",
        "Residential care": "residential",
        "Placed for adoption": "placed for adoption",
        "Home with parents": "home with parents",
        "Special guardianship": "guardianship or kin",
        "Adopted": "adopted",
    }.get(look.label, look.label)


@styled
def waits_figure(
    services: pd.DataFrame,
    *,
    end: float | None = None,
    weeks: int | None = None,
    title: str = "How long families wait for a LIFT place, and who never gets one",
    source: str = "",
) -> Figure:
    """Share of families allocated to LIFT who have started, by weeks since the team was asked, by site.

    Parameters
    ----------
    services : pandas.DataFrame
        `Journeys.services`, of one replicate or several set below each other.
    end : float, optional
        End of the run in days; families asked less than `weeks` before it are left out, for they are not
        fully observed.
    weeks : int, optional
        How far to look; by default as far as waits go, in quarters of a year.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    need(services, ("site", "arm", "receipt", "asked_days", "started_days"), "waits_figure: services")
    lift = services[(services["arm"].astype(str) == "LIFT") & services["asked_days"].notna()]
    if weeks is None:
        longest = ((lift["started_days"] - lift["asked_days"]) / 7).max()
        weeks = 13 * max(2, int(np.ceil((float(longest) if np.isfinite(longest) else 0.0) / 13 + 0.1)))
    if end is not None:
        lift = lift[lift["asked_days"] <= end - 7 * weeks]
    reasons = {
        "order_made_first": "court decided first",
        "waited_too_long": "waited too long",
        "family_declined": "family declined",
        "pending": "still waiting",
    }
    sites = sorted(lift["site"].astype(str).unique())
    parts, lines = [], []
    looks = [("#0072B2", "-"), ("#009E73", (0, (4, 1.6))), ("#B5648F", (0, (1, 1.2)))]
    for i, site in enumerate(sites):
        name = site if site != site.lower() else site.replace("_", " ").title()
        mine = lift[lift["site"].astype(str) == site]
        wait = np.sort(((mine["started_days"] - mine["asked_days"]) / 7).dropna().to_numpy(float))
        n = len(mine)
        x = np.concatenate(([0.0], wait[wait <= weeks], [float(weeks)]))
        y = 100 * np.searchsorted(wait, x, side="right") / max(n, 1)
        never = mine[mine["started_days"].isna()]["receipt"].astype(str)
        why = [
            f"{say.percent((never == key).sum() / max(n, 1))} {words}"
            for key, words in reasons.items()
            if (never == key).any()
        ]
        middle = np.searchsorted(wait, 0, side="right")
        at_once = f"{say.percent(middle / max(n, 1))} at once"
        half = (
            f"median of those who start {say.number(float(np.median(wait)), 1)} weeks"
            if len(wait)
            else "nobody starts"
        )
        parts.append((name, n, x, y, looks[i % 3], why))
        lines.append(
            f"{name}: {say.percent(len(wait) / max(n, 1))} start, {at_once}, {half}; " + ", ".join(why) + "."
        )
    sheet = Sheet(
        WIDTH, 3.6, title,
        f"Share of families allocated to LIFT who have started, %, by weeks since the team was asked "
        f"({plural_sites(parts)}).",
        source, f"{title}. " + " ".join(lines),
    )  # fmt: skip
    ax = sheet.axes(0.85, 2.2, 0.55, 0.15)
    ax.set(xlim=(0, weeks), ylim=(0, 100))
    ax.set_xlabel("Weeks since the LIFT team was asked")
    ax.set_ylabel("Families started, %")
    ax.set_xticks(range(0, weeks + 1, 13 if weeks % 13 == 0 else 10))
    for v in (20, 40, 60, 80, 100):
        ax.axhline(v, color=RULE, lw=0.6, zorder=0)
    heights = [0.16 * (1 + 1 + len(p[5])) + 0.14 for p in parts]
    tops = _stack([p[3][-1] for p in parts], [h * 100 / 2.9 for h in heights], 100)
    for (site, n, x, y, (color, line), why), at in zip(parts, tops, strict=True):
        ax.step(x, y, where="post", color=color, ls=line, lw=1.8)
        ax.plot(
            [weeks, weeks * 1.02, weeks * 1.04],
            [y[-1], at - 2.5, at - 2.5],
            color=color,
            lw=0.7,
            clip_on=False,
        )
        step = 100 * 0.16 / 2.9
        ax.text(
            weeks * 1.05,
            at,
            f"{site}: {say.number(y[-1])}% start",
            size=SMALL,
            color=color,
            va="top",
            weight="bold",
        )
        ax.text(
            weeks * 1.05, at - step, f"of {say.number(n)} families; never:", size=TINY, color=SOFT, va="top"
        )
        for k, words in enumerate(why):
            ax.text(weeks * 1.05, at - (k + 2) * step, words, size=TINY, color=SOFT, va="top")
    return sheet.figure


def plural_sites(parts: Sequence[Any]) -> str:
    """How many families and sites a figure of waits is about."""
    return f"{say.plural(sum(p[1] for p in parts), 'family', 'families')}, {say.plural(len(parts), 'site')}"


def _stack(wanted: Sequence[float], heights: Sequence[float], ceiling: float) -> list[float]:
    """Tops of blocks of text, as near to the wanted height as can be, none over another."""
    order = sorted(range(len(wanted)), key=lambda i: -wanted[i])
    out = [0.0] * len(wanted)
    free = ceiling
    for k, i in enumerate(order):
        below = sum(heights[j] for j in order[k:])
        top = min(free, max(wanted[i] + 2.5, below))
        out[i] = top
        free = top - heights[i]
    return out


@styled
def proceedings_figure(
    proceedings: pd.DataFrame,
    *,
    limit: float = 26.0,
    end: float | None = None,
    groups: Sequence[str] = (),
    title: str = "How long care proceedings last",
    source: str = "",
) -> Figure:
    """Weeks from issue to the court's decision, with the 26-week limit; one panel a group.

    Parameters
    ----------
    proceedings : pandas.DataFrame
        `Journeys.proceedings`: at least weeks (NaN where undecided), arm and again; several replicates may
        be set below each other. Shown are first proceedings only, and where there is a column issued_days
        those issued from day zero.
    limit : float
        Weeks.
    end : float, optional
        End of the run in days: cases issued in the `OBSERVED` weeks before it are left out, decided or not, so that
        short cases are not preferred.
    groups : sequence of str
        Arms to show each in its own panel; empty: all cases in one.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    need(proceedings, ("weeks",), "proceedings_figure: proceedings")
    rows = proceedings
    if "again" in rows:
        rows = rows[rows["again"] == 0]
    if "issued_days" in rows:
        rows = rows[rows["issued_days"] >= 0]
        if end is not None:
            rows = rows[rows["issued_days"] <= end - 7 * OBSERVED]
            source = f"{source} Cases issued up to two years before the end of the run.".strip()
    panels: list[tuple[str, pd.Series]] = []
    if groups:
        panels = [(g, rows.loc[rows["arm"].astype(str) == g, "weeks"]) for g in groups]
    else:
        panels = [("all cases", rows["weeks"])]
    most = max((float(w.max()) for _, w in panels if w.notna().any()), default=52.0)
    edge = float(min(np.ceil(most / 2) * 2, 120))
    bins = np.arange(0, edge + 2, 2.0)
    tall = 1.75 if len(panels) > 1 else 2.6
    words = []
    for g, w in panels:
        d = w.dropna()
        words.append(
            f"{g}: mean {say.number(d.mean(), 1)} weeks, median {say.number(d.median(), 1)}, "
            f"{say.percent(float((d <= limit).mean()) if len(d) else np.nan)} within {say.number(limit)} "
            f"weeks"
            + (f", {say.number(w.isna().sum())} undecided at the end and left out" if w.isna().any() else "")
            + "."
        )
    longer = sum(int((w > edge).sum()) for _, w in panels)
    if longer:
        source = f"{source} The last bar holds all longer cases.".strip()
    open_cases = sum(int(w.isna().sum()) for _, w in panels)
    sheet = Sheet(
        WIDTH,
        0.55 + len(panels) * tall + (len(panels) - 1) * 0.32 + 0.25,
        title,
        "Share of decided cases, % in each two weeks, by weeks from issue to decision; first proceedings "
        "of a family.",
        f"{source} {say.number(open_cases)} undecided cases left out.".strip() if open_cases else source,
        f"{title}. " + " ".join(words),
    )
    peak = 0.0
    drawn = []
    for i, (g, w) in enumerate(panels):
        top = 0.25 + i * (tall + 0.32)
        ax = sheet.axes(0.85, 0.35, sheet.body - top - tall, top)
        decided = w.dropna().to_numpy(float)
        share = 100 * np.histogram(np.minimum(decided, edge), bins)[0] / max(len(decided), 1)
        inside = bins[:-1] < limit - 1e-9
        look = arm_look(g)
        ax.bar(bins[:-1][inside], share[inside], 2.0, align="edge", color="#7fb5d6", ec=PAPER, lw=0.6)
        ax.bar(bins[:-1][~inside], share[~inside], 2.0, align="edge", color="#c9ced4", ec=PAPER, lw=0.6)
        peak = max(peak, float(share.max(initial=0)))
        ax.set_xlim(0, edge)
        ax.set_xticks([v for v in range(0, int(edge) + 1, 13)])
        if i == len(panels) - 1:
            ax.set_xlabel("Weeks from issue to decision")
        else:
            ax.set_xticklabels([])
        ax.set_ylabel("Cases, %")
        drawn.append((ax, g, decided, look))
    for ax, g, lasted, look in drawn:
        ceiling = peak * 1.38
        ax.set_ylim(0, ceiling)
        ax.axvline(limit, color=INK, lw=1.0, ls=(0, (5, 3)))
        within = float((lasted <= limit).mean()) if len(lasted) else np.nan
        ax.text(
            limit - 0.8,
            ceiling * 0.98,
            f"{say.percent(within)} within {say.number(limit)} weeks",
            ha="right",
            va="top",
            size=SMALL,
            color="#1f6f9e",
        )
        ax.text(
            limit + 0.8,
            ceiling * 0.98,
            f"{say.percent(1 - within)} later",
            ha="left",
            va="top",
            size=SMALL,
            color=SOFT,
        )
        head = {"all cases": "", "SAU": "SAU", "LIFT": "LIFT"}.get(g, g.replace("_", " "))
        stat = f"{say.number(len(lasted))} cases"
        if len(lasted):
            stat += f"; mean {say.number(lasted.mean(), 1)}, median {say.number(float(np.median(lasted)), 1)} weeks"
        ax.text(edge, ceiling * 0.98, stat, ha="right", va="top", size=SMALL, color=SOFT)
        if head:
            ax.text(0.8, ceiling * 0.98, head, ha="left", va="top", size=SIZE, weight="bold", color=look.dark)
        if len(lasted):
            ax.plot(
                [float(lasted.mean())],
                [ceiling * 0.03],
                marker="^",
                color=INK,
                ms=5.5,
                clip_on=False,
                zorder=5,
            )
            ax.text(float(lasted.mean()) + 1.0, ceiling * 0.035, "mean", size=TINY, va="bottom", ha="left", color=INK,
                    bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8, "alpha": 0.85})  # fmt: skip
    return sheet.figure


def children_words(living: pd.DataFrame | None, month: int) -> str:
    """Where the children live at the end, in a sentence a group."""
    if living is None or not len(living):
        return "What the simulated children's time in care and in proceedings looks like."
    out = []
    for g in dict.fromkeys(living["group"]):
        at = living[(living["group"] == g) & (living["month"] == month)].sort_values("share", ascending=False)
        top = [
            f"{place_look(t).label.lower()} {say.percent(s)}"
            for t, s in zip(at["type"], at["share"], strict=True)
        ][:4]
        name = {"all": "Of all children", "SAU": "Under services as usual", "LIFT": "Under LIFT"}.get(
            str(g), str(g)
        )
        out.append(
            f"{name}, {month} months after they entered care, the most frequent are: {say.listed(top)}."
        )
    if len(out) > 1:
        out.append(
            "Differences between the arms follow from chance and from what the scenario assumes of LIFT."
        )
    return " ".join(out)
