"""The picture of placement stability: measures by group, and how children come to permanence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    INK,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    Sheet,
    arm_look,
    place_look,
    spread,
    styled,
    text_width,
    wrapped,
)
from best_sim.questions.stability.measured import CURVE_MONTHS, KINDS
from best_sim.questions.stability.show import group_name

if TYPE_CHECKING:
    from best_sim.questions.stability.run import StabilityFound

WIDTH = 9.0
MOST_ROWS = 12
"""Groups whose measures are drawn; tables have all."""
MOST_CURVES = 3
_SHOWN = {
    "moves": "Moves per child-year in care",
    "three_in_year_to_march": "Three or more placements in the year to 31 March",
    "same_carer": "Same carer for two years, of those in care for 2.5",
    "ended_under_6_months": "Ended foster placements that lasted under six months",
    "permanence_12": "Permanence within 12 months of {since}",
    "re_entry": "Back in care within a year of going home",
}
_COLUMNS = 3
_ROW = 0.26
_NAMES = 2.2
"""Inches that names of groups may take; longer ones are broken."""
_CURVES = 2.1
_ABOVE = 0.55
_BELOW = 0.55
_RIGHT = 1.45
"""Inches beside the curves, for what they are called."""
_GAP = 0.3
_ENOUGH = 0.95
"""Share of realisations that have to reach a month for its mean to be drawn."""


@styled
def stability_figure(found: StabilityFound) -> Figure:
    """Six measures by group, and the incidence of each kind of permanence, stacked.

    Parameters
    ----------
    found : StabilityFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = found.measure("moves").to_dict("records")
    groups = [group_name(found, {str(k): v for k, v in row.items()}) for row in rows]
    drawn = min(len(groups), MOST_ROWS)
    room = min(_NAMES, max(text_width(name, SMALL) for name in groups[:drawn]) + 0.15)
    left = Sheet.MARGIN + room
    names = [wrapped(name, room - 0.1, SMALL) for name in groups[:drawn]]
    high = (_ROW + 0.13 * (max(map(len, names)) - 1)) * drawn + 0.1
    panel = 0.55 + high + 0.3  # heading, rows, ticks
    n_panels = len(_SHOWN) // _COLUMNS
    body = n_panels * panel + 0.25 + _ABOVE + _CURVES + _BELOW
    moves = "; ".join(
        f"{name} {say.number(row['mean'], 2)}" for name, row in list(zip(groups, rows, strict=True))[:3]
    )
    whose = "children of randomised families" if "arm" in found.question.by else "all children in care"
    fewer = f" The first {drawn} of {len(groups)} groups." if drawn < len(groups) else ""
    apart = ""
    if found.question.split is not None:
        apart = f" Before and after {say.day(found.question.split)}; the periods were not randomised."
    sheet = Sheet(
        WIDTH, body, "Placement stability",
        f"Of {whose}. Dots: means over {say.plural(found.question.replicates, 'realisation')}; lines: where nine of "
        f"ten realisations lie.{apart}{fewer}",
        "Children entered care under five; official figures are of all ages.",
        f"Placement stability. Moves per child-year in care: {moves}.",
    )  # fmt: skip
    wide = (WIDTH - left - Sheet.MARGIN) / _COLUMNS
    since = "randomisation" if "arm" in found.question.by else "entry to care"
    for number, (name, what) in enumerate(_SHOWN.items()):
        title = what.format(since=since)
        down, across = divmod(number, _COLUMNS)
        top = down * panel
        bottom = body - top - panel + 0.3
        x = left + across * wide
        ax = sheet.axes(x, WIDTH - x - wide + 0.35, bottom, top + 0.55)
        _measure(ax, found, name, drawn)
        y = sheet.bottom + body - top - 0.1
        for line in wrapped(title, wide - 0.3, SMALL, "bold"):
            sheet.text(x, y, line, size=SMALL, weight="bold", va="top")
            y -= 0.15
        if across == 0:
            for i, lines in enumerate(names):
                at = sheet.bottom + bottom + high * (1.0 - (i + 0.5) / drawn) + 0.07 * (len(lines) - 1)
                for line in lines:
                    sheet.text(Sheet.MARGIN, at, line, va="center", size=SMALL)
                    at -= 0.14
    _all_curves(sheet, found, groups)
    return sheet.figure


def _measure(ax, found: StabilityFound, name: str, drawn: int) -> None:  # type: ignore[no-untyped-def]
    table = found.measure(name).iloc[:drawn]
    shares = table["unit"].iloc[0] == "share"
    for i, row in enumerate(table.to_dict("records")):
        look = arm_look(str(row["arm"])) if "arm" in found.question.by else None
        color, marker = (look.color, look.marker) if look else (ACCENT, "o")
        if not np.isfinite(row["mean"]):
            ax.text(
                0.02, i + 0.5, "none", color=SOFT, size=SMALL, va="center", transform=ax.get_yaxis_transform()
            )
            continue
        ax.plot([row["low_90"], row["high_90"]], [i + 0.5] * 2, color=color, lw=2.4, alpha=0.55)
        ax.plot([row["mean"]], [i + 0.5], marker=marker, ms=5, color=color, mec=INK, mew=0.5, ls="")
    ax.set(ylim=(drawn, 0), yticks=[])
    ax.spines["left"].set_visible(False)
    ends = table[["low_90", "high_90"]].to_numpy(float)
    if np.isfinite(ends).any():
        low, top = float(np.nanmin(ends)), float(np.nanmax(ends))
        pad = 0.12 * max(top - low, 0.05)
        ax.set_xlim(max(0.0, low - pad), min(1.0 + 0.04, top + pad) if shares else top + pad)
    ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    if shares:
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="x", color=RULE, lw=0.6)
    ax.set_axisbelow(True)


def _all_curves(sheet: Sheet, found: StabilityFound, groups: list[str]) -> None:
    n = min(len(groups), MOST_CURVES)
    table = found.curves
    since = "randomisation" if "arm" in found.question.by else "entry to care"
    left, bottom = 0.7, _BELOW
    wide = (WIDTH - left - _RIGHT - Sheet.MARGIN) / n
    y = sheet.bottom + bottom + _CURVES
    fewer = f" (the first {n} of {len(groups)} groups)" if n < len(groups) else ""
    sheet.text(
        Sheet.MARGIN, y + _ABOVE - 0.08, f"Where children come to live, share by months since {since}{fewer}",
        size=SIZE, weight="bold",
    )  # fmt: skip
    each = len(KINDS) * len(CURVE_MONTHS)
    for k in range(n):
        x = left + k * wide
        ax = sheet.axes(x, WIDTH - x - wide + _GAP, bottom, sheet.body - bottom - _CURVES)
        mine = table.iloc[k * each : (k + 1) * each]
        shares = mine["mean"].to_numpy(float).reshape(len(KINDS), -1)
        # a mean over few realisations is of those alone, and would make the curve jump
        whole = (
            mine["replicates"].to_numpy().reshape(len(KINDS), -1)[0] >= _ENOUGH * found.question.replicates
        )
        months = np.asarray(CURVE_MONTHS)[whole]
        below = np.zeros(len(months))
        for kind, share in zip(KINDS, shares[:, whole], strict=True):
            look = place_look(kind)
            ax.fill_between(months, below, below + share, color=look.color, lw=0)
            below = below + share
            ax.plot(months, below, color="white", lw=0.8)
        ax.set(xlim=(0, CURVE_MONTHS[-1]), ylim=(0, 1), xlabel="Months")
        ax.set_xticks(range(0, CURVE_MONTHS[-1] + 1, 6))
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        if k:
            ax.set_yticklabels([])
        ax.grid(axis="y", color=RULE, lw=0.6)
        lines = wrapped(groups[k], wide - _GAP, SMALL)
        for i, line in enumerate(lines):
            sheet.text(x, y + 0.1 + 0.14 * (len(lines) - 1 - i), line, size=SMALL, color=SOFT)
        if k == n - 1 and len(months):
            sheet.text(x + wide - _GAP + 0.16, y + 0.12, f"By month {months[-1]}", size=SMALL, color=SOFT)
            _names(sheet, shares[:, whole][:, -1], x + wide - _GAP + 0.08, bottom)


def _names(sheet: Sheet, last: np.ndarray, x: float, bottom: float) -> None:
    """What the bands are called, beside where they end."""
    middle = np.cumsum(last) - last / 2.0
    at = spread([_CURVES * float(m) for m in middle], 0.32, 0.1, _CURVES - 0.1)
    for kind, share, height in zip(KINDS, last, at, strict=True):
        look = place_look(kind)
        text = f"{look.label} {say.percent(float(share))}"
        lines = wrapped(text, _RIGHT, SMALL)
        y = sheet.bottom + bottom + height + 0.07 * (len(lines) - 1)
        for line in lines:
            sheet.text(x + 0.08, y, line, size=SMALL, color=look.dark, va="center")
            y -= 0.14
