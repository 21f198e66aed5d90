"""The figures: tidy tables in, a `matplotlib.figure.Figure` out.

Each says what it shows in one sentence, carries units on its axes, the Monte Carlo error where it is an
estimate, and a line on where it comes from. None uses pyplot; `best_sim.display.style.save` writes them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.display import effects
from best_sim.display import wording as say
from best_sim.display.style import (
    ACCENT,
    FAINT,
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
    line_height,
    place_look,
    spread,
    styled,
    text_width,
    wrapped,
)
from best_sim.trial.methods import USUAL, better_of, contrast_of
from best_sim.trial.outcomes import OUTCOMES, Effect

MONTH = 365.25 / 12
OBSERVED = 104
"""Weeks for which a case should have been observed where durations are compared."""
WIDTH = 9.0

POWER_COLUMNS = ("design", "effect", "power", "mcse", "low", "high", "closed_form", "replicates", "note")
CURVE_COLUMNS = ("date", "low90", "low50", "median", "high50", "high90")


# --- power --------------------------------------------------------------------------------------------------
@styled
def power_figure(
    summary: pd.DataFrame,
    *,
    alpha: float = 0.05,
    outcome: str = "sdq",
    title: str = "How often the trial would find an effect of a given size",
    source: str = "",
) -> Figure:
    """Power by design: simulated, with interval and Monte Carlo error, beside the closed form.

    Parameters
    ----------
    summary : pandas.DataFrame
        One row a design, columns `POWER_COLUMNS`: `effect` as the outcome defines it (NaN where it has none), and
        `power`, `mcse`, `low`, `high`, `closed_form` as shares (`closed_form` may be NaN), `note`
        as text.
    alpha : float
        Nominal two-sided significance level.
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`: what the effect is on.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(summary, POWER_COLUMNS, "power_figure: summary")
    rows, effect = summary.reset_index(drop=True), OUTCOMES[outcome].effect
    left, right = 2.95, 2.55
    room = left - Sheet.MARGIN - 0.25
    names = [wrapped(str(d), room, SIZE, "bold") for d in rows["design"]]
    notes = [
        wrapped(
            ". ".join(filter(None, (_effect_words(e, outcome), _sentence(str(n)) if _said(n) else ""))),
            room,
            TINY,
        )
        for e, n in zip(rows["effect"], rows["note"], strict=True)
    ]
    heights = [
        max(0.5, len(a) * line_height(SIZE) + len(b) * line_height(TINY) + 0.18)
        for a, b in zip(names, notes, strict=True)
    ]
    head, foot = 0.42, 0.50
    body = head + sum(heights) + foot
    replicates = sorted({int(n) for n in rows["replicates"]})
    reps = f"{replicates[0]:,}" if len(replicates) == 1 else f"{replicates[0]:,} to {replicates[-1]:,}"
    sheet = Sheet(
        WIDTH,
        body,
        title,
        f"Power: share of replicates with p < {alpha:g}, two-sided, in %. Bars: 95% interval from {reps} "
        f"replicates a "
        "row; MCSE: Monte Carlo standard error in percentage points.",
        source,
        "Power by design. " + " ".join(_power_words(r, outcome) for r in rows.to_dict("records")),
    )
    ax = sheet.axes(left, right, foot, head)
    total = sum(heights)
    ax.patch.set_visible(False)
    ax.set(xlim=(0, 100), ylim=(total, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xticks(range(0, 101, 20))
    ax.set_xlabel("Power, % of replicates")
    for tick in range(0, 101, 20):
        ax.axvline(tick, color=RULE, lw=0.6, zorder=0)
    top = sheet.bottom + foot + total
    columns = (
        (WIDTH - right + 0.98, "Simulated"),
        (WIDTH - right + 1.50, "MCSE"),
        (WIDTH - Sheet.MARGIN, "Closed form"),
    )
    for x, words in columns:
        sheet.text(x, top + 0.12, words, ha="right", va="bottom", size=SMALL, color=SOFT)
    sheet.text(
        Sheet.MARGIN, top + 0.12, f"Design and {_effect_head(effect)}" if effect else "Design", ha="left", va="bottom",
        size=SMALL, color=SOFT,
    )  # fmt: skip
    # the key, drawn over the axes it explains
    ax.plot([4], [-0.24], marker="o", color=ACCENT, ms=5.5, clip_on=False)
    ax.text(7, -0.24, "simulated", va="center", size=SMALL, color=SOFT)
    ax.plot([36], [-0.24], marker="D", mfc=PAPER, mec=INK, ms=5, ls="", clip_on=False)
    ax.text(39, -0.24, "closed form", va="center", size=SMALL, color=SOFT)
    y = 0.0
    fine = bool((rows["mcse"].astype(float) < 0.01).any())
    nulls = rows["effect"].to_numpy(float) == (effect.none if effect else np.nan)
    for i, row in enumerate(rows.to_dict("records")):
        middle = y + heights[i] / 2
        if i:
            _rule(sheet, top - y)
        if nulls[i]:
            ax.plot(
                [100 * alpha] * 2, [y + 0.04, y + heights[i] - 0.04], color=INK, lw=1.0, ls=(0, (1.2, 1.4))
            )
            beside = max(alpha, row["closed_form"]) if np.isfinite(row["closed_form"]) else alpha
            ax.text(
                100 * beside + 2.5, middle + 0.125, f"nominal {say.percent(alpha)}", va="center", size=TINY, color=SOFT
            )  # fmt: skip
        if np.isfinite(row["closed_form"]):
            ax.plot([100 * row["closed_form"]], [middle + 0.115], marker="D", mfc=PAPER, mec=INK, ms=5, ls="")
        ax.plot([100 * row["low"], 100 * row["high"]], [middle - 0.06] * 2, color=ACCENT, lw=2.2)
        ax.plot(
            [100 * row["power"]], [middle - 0.06], marker="o", color=ACCENT, ms=5.5, clip_on=False, zorder=4
        )
        line_at = top - middle
        for x, words, ink, weight in (
            (columns[0][0], say.percent(row["power"], 1), INK, "bold"),
            (columns[1][0], say.number(100 * row["mcse"], 2 if fine else 1), INK, "normal"),
            (
                columns[2][0],
                say.percent(row["closed_form"], 1) if np.isfinite(row["closed_form"]) else "none",
                INK,
                "normal",
            ),
        ):
            sheet.text(x, line_at, words, ha="right", va="center", size=SIZE, color=ink, weight=weight)
        block = len(names[i]) * line_height(SIZE) + len(notes[i]) * line_height(TINY)
        line_at = top - middle + block / 2
        for line in names[i]:
            sheet.text(Sheet.MARGIN, line_at, line, va="top", size=SIZE, weight="bold")
            line_at -= line_height(SIZE)
        for line in notes[i]:
            sheet.text(Sheet.MARGIN, line_at, line, va="top", size=TINY, color=SOFT)
            line_at -= line_height(TINY)
        y += heights[i]
    return sheet.figure


def _rule(sheet: Sheet, y: float) -> None:
    from matplotlib.lines import Line2D

    at = y / sheet.height
    x = Sheet.MARGIN / sheet.width
    sheet.figure.add_artist(Line2D([x, 1 - x], [at, at], color=RULE, lw=0.6, zorder=0))


def _effect_head(effect: Effect) -> str:
    return effect.short if effect.scale == "ratio" else effect.name


def _effect_words(value: float, outcome: str) -> str:
    effect = OUTCOMES[outcome].effect
    if effect is None or not np.isfinite(value):
        return ""
    words = f"{_sentence(_effect_head(effect))}: {effects.written(effect, value)}"
    if value == effect.none:
        return words
    unit = f" {effect.unit}" if effect.scale == "difference" else ""
    return (
        f"{words}{unit} ({'better' if (value > effect.none) == (effect.better > 0) else 'worse'} under LIFT)"
    )


def _power_words(row: Mapping[Any, Any], outcome: str) -> str:
    effect = OUTCOMES[outcome].effect
    words = str(row["design"])
    if effect is not None:
        words += (
            ", no effect" if row["effect"] == effect.none else f", {effects.named(effect, row['effect'])}"
        )
    words += f": {say.percent(row['power'], 1)}"
    words += f" (95% interval {say.percent(row['low'], 1)} to {say.percent(row['high'], 1)})"
    if np.isfinite(row["closed_form"]):
        words += f", closed form {say.percent(row['closed_form'], 1)}"
    return words + "."


# --- recruitment --------------------------------------------------------------------------------------------
def recruitment_curve(days: Sequence[Any], start: Any, until: Any) -> pd.DataFrame:
    """Families randomised by the first of each month: quantiles over replicates.

    Parameters
    ----------
    days : sequence of array-like
        For each replicate, when its families were randomised, in days since `start`; NaN where they were not.
    start, until : date
        First and last date of the curve.

    Returns
    -------
    pandas.DataFrame
        Columns `CURVE_COLUMNS`.
    """
    first, last = say.as_date(start), say.as_date(until)
    dates = [first, *(d.date() for d in pd.date_range(first, last, freq="MS") if d.date() > first)]
    if dates[-1] < last:
        dates.append(last)
    at = np.array([(d - first).days for d in dates], float)
    sorted_days = [np.sort(np.asarray(d, float)[np.isfinite(np.asarray(d, float))]) for d in days]
    counts = np.array([np.searchsorted(d, at, side="right") for d in sorted_days], float)
    bands = np.quantile(counts, (0.05, 0.25, 0.5, 0.75, 0.95), axis=0)
    return pd.DataFrame({"date": dates, **dict(zip(CURVE_COLUMNS[1:], bands, strict=True))})


def reached(curve: pd.DataFrame, target: float) -> tuple[dt.date | None, dt.date | None, dt.date | None]:
    """When the target is reached: early end of the 90% interval, median, late end; None where it is not.

    Read off the bands: on the day on which the upper 95% quantile of families reaches the target, 5% of replicates
    have reached it.
    """
    out = []
    for column in ("high90", "median", "low90"):
        hit = curve.loc[curve[column].to_numpy(float) >= target - 1e-9, "date"]
        out.append(say.as_date(hit.iloc[0]) if len(hit) else None)
    return out[0], out[1], out[2]


@styled
def recruitment_figure(
    curve: pd.DataFrame,
    target: float,
    published: tuple[Any, float] | None = (dt.date(2021, 7, 31), 382),
    *,
    openings: Mapping[str, Any] | None = None,
    when: tuple[Any, Any, Any] | None = None,
    title: str = "How many families are randomised, month by month",
    source: str = "",
) -> Figure:
    """Families randomised by calendar month: quantiles over replicates, target, published end.

    Parameters
    ----------
    curve : pandas.DataFrame
        Columns `CURVE_COLUMNS`: families randomised by `date`, quantiles over replicates (pointwise).
    target : float
        Families.
    published : tuple of (date, float), optional
        What was published of the real trial, marked as published.
    openings : mapping of str to date, optional
        When boroughs opened.
    when : tuple of three dates, optional
        Month in which the target is reached: early end of the 90% interval, median, late end; by default
        read off the curve with `reached`. None for an end that is not reached within the curve.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(curve, CURVE_COLUMNS, "recruitment_figure: curve")
    dates = [say.as_date(d) for d in curve["date"]]
    x = mdates.date2num(dates)
    early, middle, late = when if when is not None else reached(curve, target)
    sentence = _reached_words(early, middle, late, target)
    left, right, top = 0.85, 0.75, 0.1
    width = WIDTH - left - right
    low, high = float(x[0]), float(x[-1])
    if published is not None:
        high = max(high, float(mdates.date2num(say.as_date(published[0]))) + 60)
    lanes = _lanes(openings or {}, low, high, width)
    deep = 0.45 + (0.02 + 0.17 * (max((lane for *_, lane in lanes), default=0) + 1) if lanes else 0.0)
    alt = f"{title}. {sentence}"
    if published is not None:
        alt += f" Published: {say.number(published[1])} families by {say.day(published[0])}."
    sheet = Sheet(
        WIDTH,
        3.5 + deep + top,
        title,
        "Families by calendar month; bands hold half and 90% of replicates on each day. " + sentence,
        source,
        alt,
    )
    ax = sheet.axes(left, right, deep, top)
    ceiling = max(float(curve["high90"].max()), target, published[1] if published else 0)
    ax.set(xlim=(low, high), ylim=(0, ceiling * 1.17))
    ax.fill_between(x, curve["low90"], curve["high90"], color="#cfe3f1", lw=0)
    ax.fill_between(x, curve["low50"], curve["high50"], color="#8fbfdf", lw=0)
    ax.plot(x, curve["median"], color="#004f7c", lw=1.8)
    ax.axhline(target, color=INK, lw=0.9, ls=(0, (5, 3)))
    ax.text(
        low + 0.01 * (high - low), target, f"target: {say.number(target)} families", va="bottom", size=SMALL
    )
    ax.set_ylabel("Families randomised")
    _years(ax)
    unit = ceiling * 1.17 / 3.5
    _band_labels(ax, x, curve, unit)
    if middle is not None or early is not None:
        y = target + 0.40 * unit if target + 0.5 * unit < ceiling * 1.17 else ceiling * 1.12
        y = min(y, ceiling * 1.13)
        a = mdates.date2num(early) if early is not None else high
        b = mdates.date2num(late) if late is not None else high
        ax.plot([a, b], [y, y], color="#004f7c", lw=1.6, solid_capstyle="butt")
        for at, there in ((a, early), (b, late)):
            if there is not None:
                ax.plot([at, at], [y - 0.05 * unit, y + 0.05 * unit], color="#004f7c", lw=1.2)
        if middle is not None:
            ax.plot([mdates.date2num(middle)], [y], marker="o", color="#004f7c", ms=5)
        words = "target reached: median and 90% interval"
        span_x = (text_width(words, TINY) + 0.12) / width * (high - low)
        if a - span_x > low:
            ax.text(a - 0.01 * (high - low), y, words, va="center", ha="right", size=TINY, color="#004f7c")
        else:
            ax.text(b + 0.01 * (high - low), y, words, va="center", ha="left", size=TINY, color="#004f7c")
    if published is not None:
        at = float(mdates.date2num(say.as_date(published[0])))
        ax.plot([at], [published[1]], marker="D", mfc=PAPER, mec=INK, mew=1.3, ms=6.5, zorder=6)
        words = f"published: {say.number(published[1])} families\nby {say.day(published[0])}"
        under = float(np.interp(at - 0.07 * (high - low), x, curve["low90"].to_numpy(float)))
        y = max(min(published[1] - 0.75 * unit, under - 0.35 * unit), 0.5 * unit)
        ax.annotate(
            words,
            (at, published[1]),
            (at + 0.012 * (high - low), y),
            size=SMALL,
            va="top",
            ha="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.7, "shrinkB": 5, "shrinkA": 2},
        )
    # openings below the axis
    per_inch = 1.0 / (sheet.body - deep - top)
    for name, at, from_x, lane in lanes:
        y = -(0.38 + 0.17 * lane) * per_inch
        ax.plot(
            [at, at],
            [0, y + 0.0],
            transform=ax.get_xaxis_transform(),
            color=FAINT,
            lw=0.6,
            clip_on=False,
            zorder=0,
        )
        ax.plot([at], [0], marker=2, transform=ax.get_xaxis_transform(), color=INK, ms=6, clip_on=False)
        ax.text(
            from_x, y, name, transform=ax.get_xaxis_transform(), size=TINY, color=SOFT, va="center", ha="left",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    if lanes:
        sheet.text(Sheet.MARGIN, sheet.bottom + deep - 0.38, "Opened:", size=TINY, color=SOFT, va="center")
    return sheet.figure


def _reached_words(early: Any, middle: Any, late: Any, target: float) -> str:
    if early is None:
        return f"The target of {say.number(target)} is not reached in the time simulated."
    if middle is None:
        return f"The target of {say.number(target)} is reached in fewer than half of replicates in the time simulated."
    if late is None:
        return (
            f"The target of {say.number(target)} is reached in {say.month(middle)} (median); in more than "
            f"5% of "
            f"replicates not by the end (earliest 5%: by {say.month(early)})."
        )
    return (
        f"The target of {say.number(target)} is reached in {say.month(middle)} "
        f"(median; 90% interval {say.month(early)} to {say.month(late)})."
    )


def _lanes(
    openings: Mapping[str, Any], low: float, high: float, width: float
) -> list[tuple[str, float, float, int]]:
    """Names, their date, where the text begins and in which lane below the axis, so that none overlaps."""
    groups: dict[float, list[str]] = {}
    for at, name in sorted((float(mdates.date2num(say.as_date(d))), name) for name, d in openings.items()):
        groups.setdefault(max(low, at), []).append(name)
    per_inch = (high - low) / width
    out: list[tuple[str, float, float, int]] = []
    for at in sorted(groups, reverse=True):
        words = ", ".join(groups[at])
        begin = at + 0.03 * per_inch
        end = begin + (text_width(words, TINY) + 0.12) * per_inch
        # an earlier name lies deeper than every later one whose line down would cross it
        crossed = [lane for _, later, _, lane in out if later < end]
        out.append((words, at, begin, max(crossed) + 1 if crossed else 0))
    return out


def _years(ax: Axes) -> None:
    low, high = ax.get_xlim()
    long = high - low > 3 * 366
    ax.xaxis.set_major_locator(
        mdates.YearLocator() if long else mdates.MonthLocator(interval=3 if high - low > 400 else 1)
    )
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y" if long else "%b %Y"))
    if long:
        ax.xaxis.set_minor_locator(mdates.MonthLocator(bymonth=(4, 7, 10)))
        ax.tick_params(axis="x", which="minor", length=2, color=RULE)


def _band_labels(ax: Axes, x: np.ndarray, curve: pd.DataFrame, unit: float) -> None:
    """The bands' names in the empty space under the curve, with lines to where the bands are widest."""
    width = (curve["high90"] - curve["low90"]).to_numpy(float)
    k = int(np.argmax(width))
    if width[k] <= 0:
        return
    span = float(ax.get_xlim()[1] - ax.get_xlim()[0])
    k = min(k, int(np.searchsorted(x, x[0] + 0.55 * span)))
    row = curve.iloc[k]
    targets = (
        ("median", float(row["median"]), "#004f7c"),
        ("half of replicates", float((row["low50"] + row["median"]) / 2), "#25688f"),
        ("90% of replicates", float((row["low90"] + row["low50"]) / 2), SOFT),
    )
    top = max(float(row["low90"]) - 0.45 * unit, 0.62 * unit)
    for i, (words, y, ink) in enumerate(targets):
        at = top - 0.2 * unit * i
        x0 = x[k] + (2 - i) * 0.006 * span
        ax.plot([x0, x0, x[k] + 0.03 * span], [y, at, at], color=ink, lw=0.7)
        ax.plot([x0], [y], marker="o", ms=2.4, color=ink)
        ax.text(x[k] + 0.035 * span, at, words, va="center", size=SMALL, color=ink)


# --- where the children live --------------------------------------------------------------------------------
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
    counts: dict[str, np.ndarray] = {}
    totals: dict[str, int] = {}
    at = np.arange(months + 1) * MONTH
    kinds = list(PLACE_ORDER)
    for j in many:
        children, placements = j.children, j.placements
        keep = (children["entered_days"] >= 0) & (children["entered_days"] + months * MONTH <= j.end)
        if by_arm:
            keep &= children["arm"] != "not allocated"
        children = children.loc[keep, ["child", "arm", "entered_days"]]
        rows = placements.merge(children, on="child", how="inner")
        start = rows["start_days"].to_numpy(float) - rows["entered_days"].to_numpy(float)
        end = rows["end_days"].to_numpy(float) - rows["entered_days"].to_numpy(float)
        end = np.where(np.isnan(end), np.inf, end)
        place = np.array([kinds.index(str(t)) for t in rows["type"]], int)
        group = rows["arm"].astype(str).to_numpy() if by_arm else np.full(len(rows), "all")
        for name in sorted(set(group)):
            mine = group == name
            table = counts.setdefault(name, np.zeros((len(kinds), months + 1)))
            for k in range(months + 1):
                there = mine & (start <= at[k] + 1e-6) & (end > at[k] + 1e-6)
                table[:, k] += np.bincount(place[there], minlength=len(kinds))
            totals[name] = totals.get(name, 0) + (
                int((children["arm"].astype(str) == name).sum()) if by_arm else len(children)
            )
    parts = []
    for name, table in counts.items():
        n = np.maximum(table.sum(axis=0), 1)
        for i, kind in enumerate(kinds):
            parts.append(
                pd.DataFrame(
                    {
                        "group": name,
                        "month": np.arange(months + 1),
                        "type": kind,
                        "share": table[i] / n,
                        "children": totals[name],
                        "replicates": len(many),
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
    _need(living, ("group", "month", "type", "share"), "outcomes_of_care_figure: living")
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


# --- waits for LIFT -----------------------------------------------------------------------------------------
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
    _need(services, ("site", "arm", "receipt", "asked_days", "started_days"), "waits_figure: services")
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


# --- proceedings --------------------------------------------------------------------------------------------
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
    _need(proceedings, ("weeks",), "proceedings_figure: proceedings")
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


# --- estimates ----------------------------------------------------------------------------------------------
@styled
def estimates_figure(
    estimates: pd.DataFrame,
    *,
    outcome: str = "sdq",
    method: str | None = None,
    bias: Mapping[str, tuple[float, float]] | None = None,
    published: tuple[float, float, float] | None = None,
    title: str = "What single trials would estimate, beside the truth",
    source: str = "",
) -> Figure:
    """Distribution of the trial's estimate over replicates, one row a design, with the true effect.

    Parameters
    ----------
    estimates : pandas.DataFrame
        One row a replicate: columns design, estimate, truth (of its design: the effect of allocation; NaN where it
        is not known). Missing estimates are counted as failed.
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`: what is estimated.
    method : str, optional
        One of `best_sim.trial.methods.METHODS`, by which; by default the usual one of the outcome.
    bias : mapping of str to (float, float), optional
        By design, the bias and its Monte Carlo standard error; by default the mean estimate less the truth, with the
        error of independent estimates.
    published : tuple of float, optional
        Estimate and 95% interval of the real trial, drawn apart and marked as published.
    title, source : str
        Title; what to say in the source line besides that it is simulated.

    Returns
    -------
    matplotlib.figure.Figure
    """
    _need(estimates, ("design", "estimate", "truth"), "estimates_figure: estimates")
    method = method or USUAL[OUTCOMES[outcome].kind]
    unit = contrast_of(outcome, method)
    side, better = better_of(outcome, method)
    designs = list(dict.fromkeys(estimates["design"].astype(str)))
    got = estimates["estimate"].dropna().to_numpy(float)
    low, high = (float(got.min()), float(got.max())) if len(got) else (-1.0, 1.0)
    if published is not None:
        low, high = min(low, published[1]), max(high, published[2])
    pad = 0.04 * (high - low) or 0.5
    low, high = low - pad, high + pad
    fewest = min((estimates["design"].astype(str) == d).sum() for d in designs) if designs else 1
    bins = np.linspace(low, high, 1 + int(np.clip(3 * np.sqrt(fewest), 16, 60)))
    row, left, right = 0.95, 2.3, 2.6
    foot, apart = 0.55, (0.5 if published is not None else 0.0)
    lines, said = [], []
    for d in designs:
        mine = estimates[estimates["design"].astype(str) == d]
        e = mine["estimate"].dropna().to_numpy(float)
        truth = float(mine["truth"].iloc[0])
        error = float(e.std(ddof=1) / np.sqrt(len(e))) if len(e) > 1 else np.nan
        off = float(e.mean() - truth) if len(e) else np.nan
        off, error = (bias or {}).get(d, (off, error))
        spread_e = float(e.std(ddof=1)) if len(e) > 1 else np.nan
        failed = int(mine["estimate"].isna().sum())
        known = np.isfinite(truth)
        said.append((e, truth, f"bias {say.with_error(off, error)}" if known else "", spread_e, failed))
        lines.append(
            f"{d}: {f'truth {say.number(truth, 2)}, {said[-1][2]}' if known else 'the truth is not known'}, "
            f"standard deviation {say.number(spread_e, 2)}."
        )
    sheet = Sheet(
        WIDTH,
        0.2 + row * len(designs) + apart + foot,
        title,
        f"Estimates over replicates, {unit}. {side.capitalize()} 0: {better} under LIFT. Line: true effect; "
        f"triangle: mean of estimates.",
        source,
        f"{title}. " + " ".join(lines),
    )
    ax = sheet.axes(left, right, foot, 0.2)
    ax.set(xlim=(low, high), ylim=(len(designs) + apart / row, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(0, color=RULE, lw=0.8, zorder=0)
    peak = max((np.histogram(e, bins)[0].max() / max(len(e), 1) for e, *_ in said), default=1.0) or 1.0
    for i, (d, (e, truth, told_bias, spread_e, failed)) in enumerate(zip(designs, said, strict=True)):
        share = np.histogram(e, bins)[0] / max(len(e), 1) / peak * 0.82
        floor = i + 0.92
        ax.fill_between(np.repeat(bins, 2)[1:-1], floor, floor - np.repeat(share, 2), color="#8fbfdf", lw=0)
        ax.plot([low, high], [floor, floor], color=FAINT, lw=0.6)
        if np.isfinite(truth):
            ax.plot([truth, truth], [floor, floor - 0.9], color=INK, lw=1.2)
        if len(e):
            ax.plot([e.mean()], [floor], marker="^", color="#004f7c", ms=6, clip_on=False, zorder=5)
        top = sheet.bottom + foot + apart + row * (len(designs) - i)
        names = wrapped(d, left - Sheet.MARGIN - 0.2, SIZE, "bold")
        y = top - 0.14
        for line in names:
            sheet.text(Sheet.MARGIN, y, line, size=SIZE, weight="bold", va="top")
            y -= line_height(SIZE)
        told = f"truth {say.number(truth, 2)}" if np.isfinite(truth) else "the truth is not known"
        sheet.text(Sheet.MARGIN, y, told, size=TINY, va="top", color=SOFT)
        notes = [
            *([told_bias] if told_bias else []),
            f"standard deviation {say.number(spread_e, 2)}",
            f"{say.number(len(e))} replicates" + (f", {say.number(failed)} failed" if failed else ""),
        ]
        for k, words in enumerate(notes):
            sheet.text(
                WIDTH - right + 0.2,
                top - 0.14 - k * 0.18,
                words,
                size=SMALL,
                va="top",
                color=INK if k == 0 else SOFT,
            )
    ax.set_xlabel(unit)
    if published is not None:
        y = len(designs) + 0.28 / row
        ax.plot(published[1:], [y, y], color=INK, lw=1.4, clip_on=False)
        ax.plot([published[0]], [y], marker="D", mfc=PAPER, mec=INK, ms=5.5, clip_on=False)
        at = sheet.bottom + foot + apart - 0.28
        sheet.text(Sheet.MARGIN, at, "Published, not simulated", size=TINY, color=SOFT, va="center")
        sheet.text(
            WIDTH - right + 0.2, at,
            f"{'+' if published[0] > 0 else ''}{say.number(published[0], 1)} (95% interval "
            f"{say.number(published[1], 2)} to {say.number(published[2], 2)})",
            size=TINY, color=SOFT, va="center",
        )  # fmt: skip
    return sheet.figure


# --- help ---------------------------------------------------------------------------------------------------
def _need(table: pd.DataFrame, columns: Iterable[str], what: str) -> None:
    missing = [c for c in columns if c not in table.columns]
    if missing:
        raise ValueError(
            f"{what} lacks {say.listed(missing)}; it has {say.listed([str(c) for c in table.columns])}"
        )


def _sentence(words: str) -> str:
    words = words.strip()
    return words[:1].upper() + words[1:]


def _said(note: Any) -> bool:
    return isinstance(note, str) and bool(note.strip())


__all__ = [
    "CURVE_COLUMNS",
    "POWER_COLUMNS",
    "estimates_figure",
    "living_by_month",
    "outcomes_of_care_figure",
    "power_figure",
    "proceedings_figure",
    "reached",
    "recruitment_curve",
    "recruitment_figure",
    "waits_figure",
]
