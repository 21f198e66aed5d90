"""The picture of a recruitment forecast: the fan, what the simulation adds, and where families come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import dates as mdates
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, INK, RULE, SIZE, SMALL, SOFT, WASH, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.recruitment.run import RecruitmentFound

WIDTH = 9.0
_BAND = "#8fbfdf"


@styled
def forecast_figure(found: RecruitmentFound) -> Figure:
    """Families by month, by the closed form and by simulation, and each borough's part.

    Parameters
    ----------
    found : RecruitmentFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = {str(row["forecast"]): row for row in found.dates().to_dict("records")}
    simulated, closed = rows["simulation"]["median"], rows["closed form"]["median"]
    sentence = (
        f"{found.question.families} families by {say.day(simulated)} (simulated) or {say.day(closed)} (closed form): "
        f"courts, orders, siblings and placements cost {(simulated - closed).days:+d} days "
        f"(Monte Carlo error {rows['simulation']['mcse_days']:.0f})."
        if simulated is not None and closed is not None
        else f"{found.question.families} families are not reached by the end of the run in most cases."
    )
    since = f" From what was seen until {say.day(found.seen.cut_off)}." if found.seen is not None else ""
    parts = found.contributions()
    names = {plan.name: plan.shown for plan in found.plans}
    rows_high = 0.27 * len(parts)
    sheet = Sheet(
        WIDTH, 4.0 + 0.75 + rows_high, "When the families are recruited",
        f"{sentence}{since} Bands: 50 and 90% by the closed form; lines: median and 90% by simulation.",
        f"{len(found.simulated.days)} simulated trials. Entries, eligibility and consent are the scenario's"
        + (", updated by what was seen." if found.seen is not None else "."),
        f"Recruitment forecast. {sentence}",
    )  # fmt: skip
    ax = sheet.axes(0.85, 0.6, 0.75 + rows_high + 0.45, 0.1)
    days = found.closed.months()
    fan, own = found.closed.fan(days), found.simulated.fan(days)
    x = mdates.date2num(days)
    cap = found.question.families
    ax.fill_between(x, np.minimum(fan["lower_90"], cap), np.minimum(fan["upper_90"], cap), color=WASH, lw=0)
    ax.fill_between(x, np.minimum(fan["lower_50"], cap), np.minimum(fan["upper_50"], cap), color=_BAND, lw=0)
    for column, width, style in (
        ("median", 1.8, "-"),
        ("lower_90", 0.9, (0, (3, 2))),
        ("upper_90", 0.9, (0, (3, 2))),
    ):
        ax.plot(x, np.minimum(own[column], found.question.families), color=ACCENT, lw=width, ls=style)
    ax.axhline(found.question.families, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ax.annotate(
        f"target {found.question.families}",
        (x[0], found.question.families),
        (4, 4),
        textcoords="offset points",
        size=SMALL,
    )
    if found.seen is not None:
        table = found.seen.table.sort_values("date")
        at = mdates.date2num([day.date() for day in table["date"]])
        ax.plot(at, table["randomised"].cumsum(), color=INK, lw=1.6)
        ax.annotate(
            "seen", (at[-1], table["randomised"].sum()), (4, -10), textcoords="offset points", size=SMALL
        )
        ax.set_xlim(left=min(at[0], x[0]))
    if found.question.by is not None:
        by = mdates.date2num(found.question.by)
        ax.axvline(by, color=SOFT, lw=0.9)
        chance = say.percent(rows["simulation"]["probability"])
        ax.annotate(
            f"{say.day(found.question.by)}: {chance}", (by, 0), (-4, 6), textcoords="offset points", size=SMALL,
            ha="right",
        )  # fmt: skip
    last = [rows[name]["upper_90"] for name in ("simulation", "closed form")]
    if all(day is not None for day in last):
        shown = max(*last, *([found.question.by] if found.question.by is not None else []))
        ax.set_xlim(right=mdates.date2num(shown) + 60)
    ax.set(ylim=(0, 1.12 * found.question.families), ylabel="Families randomised")
    ax.xaxis.set_major_locator(mdates.YearLocator())
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    ax.grid(axis="y", color=RULE, lw=0.6)

    below = sheet.axes(2.4, 1.0, 0.45, 4.3)
    below.set(
        ylim=(len(parts), 0),
        xlabel=f"Families expected by {say.day(found.reckoned_on())}; bars: 90% by the closed form",
    )
    below.set_yticks([])
    below.spines["left"].set_visible(False)
    top = sheet.bottom + 0.45 + rows_high
    sheet.text(
        Sheet.MARGIN, top + 0.12, "By borough: dot closed form, cross simulated", size=SIZE, weight="bold"
    )
    for i, row in enumerate(parts.to_dict("records")):
        below.plot([row["lower_90"], row["upper_90"]], [i + 0.5] * 2, color=_BAND, lw=3.0)
        below.plot([row["expected"]], [i + 0.5], marker="o", ms=4, color=ACCENT)
        below.plot([row["simulated"]], [i + 0.5], marker="x", ms=5, color=INK)
        sheet.text(Sheet.MARGIN, top - 0.27 * (i + 0.5), names[row["borough"]], va="center", size=SMALL)
        sheet.text(
            WIDTH - Sheet.MARGIN,
            top - 0.27 * (i + 0.5),
            f"{row['expected']:.0f}",
            va="center",
            ha="right",
            size=SMALL,
        )
    below.set_xlim(left=0)
    return sheet.figure
