"""Plans as pictures: what each changes, and one plan by month and by financial year."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    PAPER,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    TINY,
    Sheet,
    fitted,
    styled,
    text_width,
    wrapped,
)
from best_sim.measures.costs import HOLDERS
from best_sim.questions.expansion.replicate import PlanMeasure, measure
from best_sim.questions.expansion.show import capital, date_words, digits_shown, signed
from best_sim.questions.pictures.recruitment import NARROW, draw_fan

if TYPE_CHECKING:
    from best_sim.questions.expansion.run import ExpansionFound

WIDTH = 9.0
_LEFT, _RIGHT = 0.85, 1.5
_LEAST_FAMILIES = 20
"""Behind a month's mean wait, in all replicates together; below it the month is left out of the picture."""
_HOLDER_COLORS = ("#0072B2", "#56B4E9", "#E69F00")
_HATCHES = ("", "....", "////")
_PANELS = (
    "months_to_target", "families", "lift_wait", "lift_occupancy", "received_lift", "weeks", "within_26_trial",
    "sitting_days", "moves_trial", "cost",
)  # fmt: skip
_NORMAL_90 = 1.6449
"""Quantile of the standard normal for a 90 % interval of a mean."""


@styled
def differences_figure(found: ExpansionFound, measures: Sequence[str] = _PANELS) -> Figure:
    """Differences of every plan to the baseline.

    Parameters
    ----------
    found : ExpansionFound
    measures : sequence of str
        One panel for each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no plan beside the baseline.
    """
    table = found.differences()
    if not len(table):
        raise ValueError("plans: found the baseline alone, allowed two or more")
    others = found.others
    columns, row_high, gap_above, gap_below = 2, 0.24, 0.42, 0.42
    panel_high = row_high * len(others)
    rows = -(-len(measures) // columns)
    body = rows * (gap_above + panel_high + gap_below)
    names_wide = min(2.3, max(text_width(one.shown, SMALL) for one in others) + 0.25)
    words = "; ".join(
        f"{found.question.plan(r['plan']).shown}, {r['label']}: {signed(r['mean'], 2)} {r['unit']}"
        for r in table[table["measure"].isin(measures)].to_dict("records")
    )
    sheet = Sheet(
        WIDTH, body, f"What each plan changes, compared with “{found.baseline.shown}”",
        "Dots: mean difference; thick: its 90% Monte Carlo interval; thin: 5 to 95% of the simulated trials, each "
        "paired with the baseline's by common random numbers.",
        f"{found.question.replicates} replicates of each plan. A difference says what a plan asks of services, not "
        "what is better for a child.",
        f"Differences to {found.baseline.shown}. {words}",
    )  # fmt: skip
    wide = (WIDTH - 2 * Sheet.MARGIN - 0.35) / columns
    for k, name in enumerate(measures):
        one = measure(name)
        row, column = divmod(k, columns)
        left = Sheet.MARGIN + column * (wide + 0.35)
        above = row * (gap_above + panel_high + gap_below)
        bottom = body - above - gap_above - panel_high
        ax = sheet.axes(left + names_wide, WIDTH - left - wide + 0.55, bottom, above + gap_above)
        mine = table[table["measure"] == name].set_index("plan").loc[[p.name for p in others]]
        _difference_panel(ax, mine)
        ax.set_xlabel(str(mine["unit"].iloc[0]), size=SMALL, labelpad=1.5)
        y = sheet.bottom + bottom + panel_high
        label = wrapped(capital(one.label), wide, SMALL, "bold")[0]
        sheet.text(left, y + 0.1, _whole_label(one, label), size=SMALL, weight="bold")
        for i, (plan, r) in enumerate(zip(others, mine.to_dict("records"), strict=True)):
            at = y - row_high * (i + 0.5)
            sheet.text(
                left, at, fitted(plan.shown, names_wide - 0.1, SMALL), size=SMALL, color=SOFT, va="center"
            )
            sheet.text(
                left + wide,
                at,
                signed(r["mean"], digits_shown(one.digits, r["mcse"])),
                size=SMALL,
                va="center",
                ha="right",
            )
    return sheet.figure


def _difference_panel(ax: Axes, rows: pd.DataFrame) -> None:
    n = len(rows)
    ax.set(ylim=(n, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ends = [0.0]
    for i, r in enumerate(rows.to_dict("records")):
        if not np.isfinite(r["mean"]):
            continue
        at = i + 0.5
        half = _NORMAL_90 * r["mcse"]
        ax.plot([r["lower_90"], r["upper_90"]], [at, at], color=FAINT, lw=1.1)
        ax.plot([r["mean"] - half, r["mean"] + half], [at, at], color=NARROW, lw=4.0)
        ax.plot([r["mean"]], [at], marker="o", ms=4.2, color=ACCENT)
        ends += [r["lower_90"], r["upper_90"], r["mean"] - half, r["mean"] + half]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 1.0
    ax.set_xlim(low - room, high + room)
    ax.locator_params(axis="x", nbins=4)


@styled
def plan_figure(found: ExpansionFound, plan: str) -> Figure:
    """One plan by month and year: families, the wait for LIFT, its places, and who spends what.

    Parameters
    ----------
    found : ExpansionFound
    plan : str
        Its name.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If there is no such plan.
    """
    months = found.monthly(plan)
    shown = found.question.plan(plan)
    base = None if plan == found.baseline.name else found.monthly(found.baseline.name)
    high = (1.9, 1.1, 1.1, 1.5)
    top, below = 0.3, 0.32
    openings = [(day, name) for day, name in found.openings(plan) if day is not None]
    marks = 0.17 * len(openings) + 0.06
    body = marks + sum(high) + len(high) * (top + below)
    sheet = Sheet(
        WIDTH, body, shown.shown,
        f"{date_words(found, plan)} Lines: means; bands: 50 and 90% of simulated trials."
        + ("" if base is None else f" Dashed: {found.baseline.shown}."),
        f"{found.question.replicates} replicates. LIFT's places and those waiting: all families who use the teams; its "
        f"waits: trial families, by the month in which they asked, where {_LEAST_FAMILIES} or more did. Costs: every "
        f"family that entered care from {say.month(found.frame.opened)} on, in the trial or not, to "
        f"{_horizon(found, plan)} after entry.",
        f"{shown.shown}. {date_words(found, plan)} Families randomised, waits for LIFT, places in use by month; "
        "cost by budget holder and financial year.",
    )  # fmt: skip
    until = min(found.frame.months[-1], dt.date(found.frame.closed.year + 1, found.frame.closed.month, 1))
    bottoms, y = [], body
    for k, each in enumerate(high):
        y -= top + each + (marks if k == 0 else 0.0)
        bottoms.append(y)
        y -= below
    axes = [
        sheet.axes(_LEFT, _RIGHT, bottom, body - bottom - each)
        for bottom, each in zip(bottoms, high, strict=True)
    ]
    titles = (
        "Families randomised", "Days waited for LIFT, families who began", "Places of LIFT in use",
        "Spent in each financial year, million GBP",
    )  # fmt: skip
    for k, (title, bottom, each) in enumerate(zip(titles, bottoms, high, strict=True)):
        at = sheet.bottom + bottom + each + (marks if k == 0 else 0.0) + 0.1
        sheet.text(Sheet.MARGIN, at, title, size=SIZE, weight="bold")
    _families_panel(axes[0], months, base, found.question.target_of(plan))
    _mark_openings(sheet, axes[0], openings, found.frame.months[0], until, bottoms[0], high[0], marks)
    _fan_panel(axes[1], _often_enough(months), "wait", None if base is None else _often_enough(base))
    _fan_panel(axes[2], months, "in_use", base)
    x = mdates.date2num(months["month"])
    axes[2].step(x, months["places"], where="post", color=INK, lw=1.2)
    _beside(axes[2], float(_at(months, until)["places"]), "places")
    axes[2].set_ylim(0, 1.12 * max(months["places"].max(), months["in_use_upper_90"].max()))
    for ax in axes[:3]:
        ax.set_xlim(mdates.date2num(found.frame.months[0]), mdates.date2num(until))
        ax.xaxis.set_major_locator(mdates.YearLocator())
        ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
        ax.grid(axis="y", color=RULE, lw=0.6)
        for day, _ in openings:
            ax.axvline(mdates.date2num(day), color=RULE, lw=0.8, zorder=0)
    _costs_panel(axes[3], found, plan)
    return sheet.figure


def _families_panel(ax: Axes, months: pd.DataFrame, base: pd.DataFrame | None, target: int) -> None:
    x = mdates.date2num(months["until"])
    _fan_of(ax, x, months, "families", base)
    ax.axhline(target, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ax.set_ylim(0, 1.1 * max(target, months["families_upper_90"].max()))
    _beside(ax, target, f"target {target}")


def _fan_panel(ax: Axes, months: pd.DataFrame, name: str, base: pd.DataFrame | None) -> None:
    x = mdates.date2num(months["month"]) + 15.0
    _fan_of(ax, x, months, name, base)
    highest = months[[name, f"{name}_upper_90"]].max().max()
    if base is not None:
        highest = max(highest, base[name].max())
    ax.set_ylim(0, 1.08 * highest if highest > 0 else 1.0)


def _fan_of(ax: Axes, x: np.ndarray, months: pd.DataFrame, name: str, base: pd.DataFrame | None) -> None:
    """Mean and bands of one figure by month, and the baseline's mean."""
    if base is not None:
        ax.plot(x, base[name], color=SOFT, lw=1.0, ls=(0, (4, 2)))
    ends = ("lower_90", "lower_50", "upper_50", "upper_90")
    draw_fan(ax, x, [months[f"{name}_{end}"] for end in ends], months[name])


def _mark_openings(
    sheet: Sheet,
    ax: Axes,
    openings: Sequence[tuple[dt.date, str]],
    first: dt.date,
    until: dt.date,
    bottom: float,
    high: float,
    marks: float,
) -> None:
    """Names of boroughs over the panel, each on a line of its own, with a mark down to the day on which it opens."""
    wide = sheet.width - _LEFT - _RIGHT
    for i, (day, name) in enumerate(openings):
        share = (day - first).days / (until - first).days
        if share > 1.0:
            continue
        above = marks - 0.06 - 0.17 * (i + 0.5)
        words = f"{name}, {say.short_day(day)}"
        beyond = _LEFT + share * wide + 0.06 + text_width(words, TINY) > sheet.width - Sheet.MARGIN
        sheet.text(
            _LEFT + share * wide + (-0.06 if beyond else 0.06), sheet.bottom + bottom + high + above, words, size=TINY,
            color=SOFT, va="center", ha="right" if beyond else "left",
        )  # fmt: skip
        ax.plot(
            [mdates.date2num(day)] * 2, [1.0, 1.0 + (above + 0.06) / high], color=FAINT, lw=0.8, clip_on=False,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip


def _often_enough(months: pd.DataFrame) -> pd.DataFrame:
    """The months, with waits only where there are families enough behind them."""
    out = months.copy()
    waits = [name for name in map(str, out.columns) if name == "wait" or name.startswith("wait_")]
    out.loc[out["wait_n"] < _LEAST_FAMILIES, waits] = np.nan
    return out


def _costs_panel(ax: Axes, found: ExpansionFound, plan: str) -> None:
    costs = found.costs(plan)
    years = list(found.frame.years)
    floor = np.zeros(len(years))
    for holder, color, hatch in zip(HOLDERS, _HOLDER_COLORS, _HATCHES, strict=True):
        mean = costs.loc[costs["holder"] == holder, "mean"].to_numpy() / 1e6
        ax.bar(years, mean, bottom=floor, width=0.62, color=color, hatch=hatch, edgecolor=PAPER, lw=0)
        floor = floor + mean
    whole = costs[costs["holder"] == "all"]
    low, high = whole["lower_90"].to_numpy() / 1e6, whole["upper_90"].to_numpy() / 1e6
    ax.vlines(range(len(years)), low, high, color=INK, lw=0.9)
    for k, (top, end) in enumerate(zip(floor, high, strict=True)):
        ax.annotate(
            say.number(top, 1),
            (k, max(top, end)),
            (0, 3),
            textcoords="offset points",
            ha="center",
            size=SMALL,
        )
    ax.set_ylim(0, 1.15 * max(high.max(), floor.max()))
    ax.grid(axis="y", color=RULE, lw=0.6)
    ax.set_axisbelow(True)
    last = {holder: costs.loc[costs["holder"] == holder, "mean"].sum() / 1e6 for holder in HOLDERS}
    for k, (holder, color, hatch) in enumerate(
        zip(reversed(HOLDERS), reversed(_HOLDER_COLORS), reversed(_HATCHES), strict=True)
    ):
        y = 0.86 - 0.22 * k
        ax.bar(
            [1.025], [0.09], bottom=[y - 0.045], width=0.022, color=color, hatch=hatch, edgecolor=PAPER, lw=0,
            transform=ax.transAxes, clip_on=False,
        )  # fmt: skip
        label = f"{capital(holder)},\n{say.number(last[holder], 1)} in all"
        ax.text(1.05, y, label, transform=ax.transAxes, size=TINY, color=SOFT, va="center")
    ax.set_xlim(-0.6, len(years) - 0.4)


def _beside(ax: Axes, y: float, words: str) -> None:
    """Words to the right of the panel, at a height of its own."""
    ax.annotate(
        words, (1.0, y), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points", size=SMALL,
        va="center", annotation_clip=False,
    )  # fmt: skip


def _at(months: pd.DataFrame, day: dt.date) -> pd.Series:
    return months[[each <= day for each in months["month"]]].iloc[-1]


def _whole_label(one: PlanMeasure, fitted: str) -> str:
    """A label that stands alone, of a measure that says `of those` in a table."""
    return {"received_lift": "Allocated to LIFT and received it"}.get(one.name, fitted)


def _horizon(found: ExpansionFound, plan: str) -> str:
    return say.span(found.scenarios[plan].costs.horizon)
