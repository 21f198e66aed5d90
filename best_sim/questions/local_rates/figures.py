"""What was estimated from an authority's returns, beside the base file, and a forecast of a year that was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, ESTIMATED, INK, OCHRE, RULE, SIZE, SMALL, SOFT, WASH, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.local_rates.backcast import BackCast
    from best_sim.questions.local_rates.rates import LocalRates

WIDTH = 9.0
_ROW = 0.27
_LEFT, _RIGHT = 3.6, 2.3
_QUANTITIES = {
    "in_care": "Children in care at the month's end",
    "entries": "Children who came into care",
    "rate": "Moves per child-year in care",
}


def compared(rates: LocalRates) -> list[dict[str, Any]]:
    """Placement parameters that can be drawn beside the base file's, as ratios: rows of the table, with `base`."""
    t = rates.table
    found: list[dict[str, Any]] = t[t["parameter"].str.startswith("placements.") & ~t["suppressed"]].to_dict(
        "records"
    )  # type: ignore[assignment]
    known = [row | {"base": rates.known.get(row["parameter"], 0.0)} for row in found]
    return [row for row in known if row["base"] > 0.0 and 0.0 < row["low"] < row["high"]]


@styled
def rates_figure(rates: LocalRates) -> Figure:
    """Hazards of an unplanned move and their ratios, with intervals, beside the base file's.

    Parameters
    ----------
    rates : LocalRates
        With something that can be compared (`compared`).

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = compared(rates)
    high = _ROW * len(rows)
    low, last = rates.window
    sheet = Sheet(
        WIDTH, high + 1.0, "Placement parameters from these returns",
        f"Dots: estimated, with {rates.level:.0%} intervals; squares: the base file's values. On a scale of ratios.",
        f"In care between {low} and {last}: {rates.who}. Counts under {rates.least} are not shown.",
        f"{len(rows)} placement parameters, estimated, with intervals, beside the base file's values.", ESTIMATED,
    )  # fmt: skip
    ax = sheet.axes(_LEFT, _RIGHT, 0.5, 0.5)
    ax.set(ylim=(len(rows), 0), xscale="log", xlabel="Estimate over the base file's value")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(1.0, color=INK, lw=0.9)
    top = sheet.bottom + 0.5 + high
    sheet.text(
        WIDTH - Sheet.MARGIN, top + 0.12, "base → estimated (interval)", ha="right", size=SMALL, color=SOFT
    )
    sheet.text(Sheet.MARGIN, top + 0.12, "Parameter", weight="bold", size=SIZE)
    for i, row in enumerate(rows):
        at, scale = i + 0.5, row["base"]
        ax.plot([row["low"] / scale, row["high"] / scale], [at] * 2, color=ACCENT, lw=1.6)
        ax.plot([row["estimate"] / scale], [at], marker="o", ms=4.5, color=ACCENT)
        ax.plot([1.0], [at], marker="s", ms=4.5, mfc="none", color=OCHRE)
        name = str(row["parameter"]).removeprefix("placements.").replace("_", " ").replace(".", ": ")
        sheet.text(Sheet.MARGIN, top - _ROW * at, name, va="center", size=SMALL)
        sheet.text(
            WIDTH - Sheet.MARGIN, top - _ROW * at,
            f"{row['base']:.3g} → {row['estimate']:.3g} ({row['low']:.3g} to {row['high']:.3g})", ha="right",
            va="center", size=SMALL,
        )  # fmt: skip
    ends = np.array([[row["low"] / row["base"], row["high"] / row["base"]] for row in rows])
    farthest = float(np.abs(np.log(np.clip(ends, 0.05, 20.0))).max())
    reach = max(2.0, float(np.exp(farthest)))
    ax.set_xlim(1.0 / reach / 1.1, reach * 1.1)
    ticks = [v for v in (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 20.0) if 1.0 / reach <= v <= reach]
    ax.set_xticks(ticks, [f"{v:g}" for v in ticks])
    ax.minorticks_off()
    return sheet.figure


@styled
def backcast_figure(found: BackCast) -> Figure:
    """Months that were seen, and the forecast of them from the months before.

    Parameters
    ----------
    found : BackCast

    Returns
    -------
    matplotlib.figure.Figure
    """
    m = found.months
    low, high = found.fitted
    held = f"{found.held[0]} of {found.held[1]} months lie within the {found.level:.0%} interval."
    each = 2.0
    sheet = Sheet(
        WIDTH, 3 * each, "A year forecast from the years before it",
        f"Estimated from {say.day(low)} to {say.day(high)}. Dots: what was seen; lines and bands: forecast, mean and "
        f"{found.level:.0%}. {held}",
        f"{found.replicates} simulated runs, each with parameters drawn by how well they are known. Months with fewer "
        f"than {found.rates.least} are not shown.",
        f"Back-cast of children in care, entries and moves by month. {held}",
    )  # fmt: skip
    for k, (name, label) in enumerate(_QUANTITIES.items()):
        ax = sheet.axes(0.85, 0.4, (2 - k) * each + 0.35, k * each + 0.32)
        _months(ax, m[m["quantity"] == name])
        sheet.text(Sheet.MARGIN, sheet.bottom + (3 - k) * each - 0.2, label, size=SIZE, weight="bold")
    return sheet.figure


def _months(ax: Axes, m: pd.DataFrame) -> None:
    x = mdates.date2num(m["month"])
    ax.fill_between(x, m["low"], m["high"], color=WASH, lw=0)
    ax.plot(x, m["low"], color=ACCENT, lw=0.7, ls=(0, (3, 2)))
    ax.plot(x, m["high"], color=ACCENT, lw=0.7, ls=(0, (3, 2)))
    ax.plot(x, m["forecast"], color=ACCENT, lw=1.6)
    ax.plot(x, m["observed"], marker="o", ms=4.0, ls="", color=INK)
    top = float(np.nanmax([m["high"].max(), m["observed"].max()]))
    ax.set_ylim(0, 1.15 * top)
    ax.xaxis.set_major_locator(mdates.MonthLocator(bymonth=(1, 4, 7, 10)))
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%b %Y"))
    ax.grid(axis="y", color=RULE, lw=0.6)
