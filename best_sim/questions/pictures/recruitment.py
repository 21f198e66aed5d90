"""Families randomised by calendar month."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    FAINT,
    INK,
    PAPER,
    RULE,
    SMALL,
    SOFT,
    TINY,
    Sheet,
    styled,
    text_width,
)
from best_sim.questions.pictures.columns import need
from best_sim.scenario.durations import MONTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.0
WIDE, NARROW, LINE = "#cfe3f1", "#8fbfdf", "#004f7c"
"""Of a fan: the band of 90 %, that of half, and the line in their middle."""
CURVE_COLUMNS = ("date", "low90", "low50", "median", "high50", "high90")


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


def draw_fan(ax: Axes, x: Any, bands: Sequence[Any], middle: Any) -> None:
    """A fan: a band that holds 90 % of replicates, one that holds half of them, and a line in their middle.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    x : array-like
    bands : sequence of four array-like
        Quantiles over replicates at each x, from the lowest: the low end of the wide band, that of the narrow one, then
        their high ends.
    middle : array-like
        Median or mean.
    """
    low90, low50, high50, high90 = bands
    ax.fill_between(x, low90, high90, color=WIDE, lw=0)
    ax.fill_between(x, low50, high50, color=NARROW, lw=0)
    ax.plot(x, middle, color=LINE, lw=1.8)


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
    from matplotlib import dates as mdates

    need(curve, CURVE_COLUMNS, "recruitment_figure: curve")
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
    draw_fan(ax, x, [curve[name] for name in ("low90", "low50", "high50", "high90")], curve["median"])
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
        ax.plot([a, b], [y, y], color=LINE, lw=1.6, solid_capstyle="butt")
        for at, there in ((a, early), (b, late)):
            if there is not None:
                ax.plot([at, at], [y - 0.05 * unit, y + 0.05 * unit], color=LINE, lw=1.2)
        if middle is not None:
            ax.plot([mdates.date2num(middle)], [y], marker="o", color=LINE, ms=5)
        words = "target reached: median and 90% interval"
        span_x = (text_width(words, TINY) + 0.12) / width * (high - low)
        if a - span_x > low:
            ax.text(a - 0.01 * (high - low), y, words, va="center", ha="right", size=TINY, color=LINE)
        else:
            ax.text(b + 0.01 * (high - low), y, words, va="center", ha="left", size=TINY, color=LINE)
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
    from matplotlib import dates as mdates

    groups: dict[float, list[str]] = {}
    for at, name in sorted((float(mdates.date2num(say.as_date(d))), name) for name, d in openings.items()):
        if at <= high:  # a borough that opens later than the axis goes, or never, has no place on it
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
    from matplotlib import dates as mdates

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
        ("median", float(row["median"]), LINE),
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


def recruitment_words(
    curve: pd.DataFrame,
    target: float,
    published: tuple[Any, float] | None = None,
    when: tuple[Any, Any, Any] | None = None,
) -> str:
    """How long recruitment takes, with its interval, and the published end beside it."""
    early, middle, late = when if when is not None else reached(curve, target)
    words = _reached_words(early, middle, late, target)
    start = say.as_date(curve["date"].iloc[0])
    if middle is not None:
        months = (say.as_date(middle) - start).days / MONTH
        words += f" That is {say.number(months)} months after {say.month(start)}, where the curve starts."
    if published is not None:
        words += f" Published: {say.number(published[1])} families by {say.day(published[0])}."
    return words
