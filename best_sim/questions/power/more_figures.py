"""Pictures of a power experiment with several analyses, or along the axis of a grid; and of intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    OCHRE,
    PAPER,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    Sheet,
    styled,
)
from best_sim.trial.performance import error_over_trials

if TYPE_CHECKING:
    pass

WIDTH = 9.0


@styled
def analyses_figure(power: pd.DataFrame, alpha: float = 0.05) -> Figure:
    """Power of every analysis of every design.

    Parameters
    ----------
    power : pandas.DataFrame
        As `PowerResult.power`.
    alpha : float

    Returns
    -------
    matplotlib.figure.Figure
    """
    designs, analyses = list(dict.fromkeys(power["design"])), list(dict.fromkeys(power["analysis"]))
    step, gap = 0.26, 0.24
    heights = [gap + step * len(analyses) for _ in designs]
    body = 0.3 + sum(heights) + 0.5
    words = "; ".join(
        f"{r['design']}, {r['analysis']}: {say.percent(r['power'], 1)}" for r in power.to_dict("records")
    )
    sheet = Sheet(
        WIDTH, body, "Power of each analysis of the same trials",
        f"Share of replicates with p < {alpha:g}, two-sided, in %; bars: 95% interval. Dotted: {say.percent(alpha)}.",
        "Analyses differ in what they estimate, not only in how well.", f"Power by design and analysis. {words}",
    )  # fmt: skip
    left, right = 3.3, 1.0
    ax = sheet.axes(left, right, 0.5, 0.3)
    total = sum(heights)
    ax.set(xlim=(0, 100), ylim=(total, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("Power, % of replicates")
    for tick in range(0, 101, 20):
        ax.axvline(tick, color=RULE, lw=0.6, zorder=0)
    ax.axvline(100 * alpha, color=INK, lw=0.9, ls=(0, (1.2, 1.6)), zorder=1)
    top, y = sheet.bottom + 0.5 + total, 0.0
    for design, height in zip(designs, heights, strict=True):
        sheet.text(Sheet.MARGIN, top - y - 0.06, design, va="top", size=SIZE, weight="bold")
        for k, analysis in enumerate(analyses):
            at = y + gap + step * (k + 0.4)
            row = power[(power["design"] == design) & (power["analysis"] == analysis)].iloc[0]
            sheet.text(Sheet.MARGIN + 0.18, top - at, str(analysis), va="center", size=SMALL, color=SOFT)
            ax.plot([100 * row["low"], 100 * row["high"]], [at, at], color=ACCENT, lw=2.0)
            ax.plot([100 * row["power"]], [at], marker="o", color=ACCENT, ms=4.5, clip_on=False)
            sheet.text(
                WIDTH - Sheet.MARGIN,
                top - at,
                say.percent(row["power"], 1),
                ha="right",
                va="center",
                size=SMALL,
            )
        y += height
    return sheet.figure


@styled
def curve_figure(
    power: pd.DataFrame, settings: Sequence[Mapping[str, Any]], *, alpha: float = 0.05
) -> Figure | None:
    """Power along an axis of a grid, a line for each combination of the other axes.

    Parameters
    ----------
    power : pandas.DataFrame
        One row for each design: power, low, high, closed_form.
    settings : sequence of mapping of str to object
        What each design of it is set to, axis by axis.
    alpha : float

    Returns
    -------
    matplotlib.figure.Figure or None
        None where no axis has three numbers or more, or there are more than eight lines.
    """
    if not settings:
        return None
    axes = {axis: list(dict.fromkeys(setting[axis] for setting in settings)) for axis in settings[0]}
    numeric = [
        axis for axis, values in axes.items()
        if len(values) >= 3 and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    ]  # fmt: skip
    if not numeric or any(set(setting) != set(axes) for setting in settings):
        return None
    along = max(numeric, key=lambda axis: len(axes[axis]))
    others = [axis for axis in axes if axis != along]
    lines: dict[tuple[Any, ...], list[int]] = {}
    for i, setting in enumerate(settings):
        lines.setdefault(tuple(setting[axis] for axis in others), []).append(i)
    if len(lines) > 8:
        return None
    said = along.rpartition(".")[2].replace("_", " ")
    sheet = Sheet(
        WIDTH, 4.0, f"Power along {said}",
        f"Share of replicates with p < {alpha:g}, two-sided, in %; bars: 95% interval. Dashed: the closed form, "
        f"where "
        "there is one.",
        "Common random numbers at every point, so neighbours differ by less than their bars.",
        "Power: " + "; ".join(f"{r['design']}: {say.percent(r['power'], 1)}" for r in power.to_dict("records")),
    )  # fmt: skip
    ax = sheet.axes(0.8, 2.4 if others else 0.5, 0.6, 0.15)
    shades = np.linspace(1.0, 0.35, len(lines))
    for (key, rows), shade in zip(lines.items(), shades, strict=True):
        rows = sorted(rows, key=lambda i: settings[i][along])
        x = [settings[i][along] for i in rows]
        mine = power.iloc[rows]
        words = ", ".join(
            f"{axis.rpartition('.')[2].replace('_', ' ')} {value}"
            for axis, value in zip(others, key, strict=True)
        )
        ax.plot(x, 100 * mine["power"], color=ACCENT, lw=1.5, alpha=shade, marker="o", ms=4, label=words)
        for at, low, high in zip(x, mine["low"], mine["high"], strict=True):
            ax.plot([at, at], [100 * low, 100 * high], color=ACCENT, lw=1.0, alpha=shade)
        if mine["closed_form"].notna().any():
            ax.plot(x, 100 * mine["closed_form"], color=SOFT, lw=1.0, ls=(0, (4, 3)), alpha=shade)
    ax.axhline(100 * alpha, color=INK, lw=0.8, ls=(0, (1.2, 1.6)))
    ax.set(xlabel=said[:1].upper() + said[1:], ylabel="Power, %", ylim=(0, 100))
    if others:
        ax.legend(
            loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False, fontsize=SMALL, borderaxespad=0.0
        )
    ax.grid(axis="y", color=RULE, lw=0.6)
    return sheet.figure


@styled
def coverage_figure(
    rows: pd.DataFrame, truth: float, *, axis: str = "SDQ points, LIFT minus SAU", alpha: float = 0.05
) -> Figure:
    """A zip plot: every replicate's interval, ranked by how far the estimate lies from the truth in its own errors.

    Parameters
    ----------
    rows : pandas.DataFrame
        Columns replicate, estimate, standard_error, low, high, converged; of one design and analysis.
    truth : float
    axis : str
        What is estimated, with its unit.
    alpha : float

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Morris, White and Crowther (2019) Statistics in Medicine 38:2074, figure 4.
    """
    fits = rows[rows["converged"]]
    z = ((fits["estimate"] - truth) / fits["standard_error"]).abs()
    order = np.argsort(z.to_numpy(), kind="stable")
    low, high = fits["low"].to_numpy()[order], fits["high"].to_numpy()[order]
    holds = (low <= truth) & (high >= truth)
    n, share = len(fits), float(holds.mean())
    error = error_over_trials(holds, fits["replicate"].to_numpy()[order])
    sheet = Sheet(
        WIDTH, 4.3, f"{say.percent(share, 1)} of the intervals hold the true effect; {say.percent(1 - alpha)} should",
        f"Each line is one trial's {say.percent(1 - alpha)} interval, by the centile of |estimate - truth| / its "
        f"standard error, from 50 up; {n:,} analyses, Monte Carlo error {100 * error:.1f} percentage points.",
        "Intervals that miss the truth are in ochre.",
        f"Zip plot of coverage: {say.percent(share, 1)} of {n} intervals hold the true effect {truth:.2f} ({axis}).",
    )  # fmt: skip
    ax = sheet.axes(1.0, 0.5, 0.5, 0.1)
    centile = 100 * (np.arange(n) + 0.5) / n
    shown = centile >= 50
    for mask, color, width in ((shown & holds, FAINT, 0.5), (shown & ~holds, OCHRE, 0.8)):
        ax.hlines(centile[mask], low[mask], high[mask], color=color, lw=width)
    ax.axvline(truth, color=INK, lw=1.0)
    ax.axhline(100 * (1 - alpha), color=INK, lw=0.8, ls=(0, (1.2, 1.6)))
    ax.set(ylim=(50, 100), xlabel=axis, ylabel="centile")
    ax.annotate(
        f"true effect {truth:+.2f}", (truth, 50), (4, 4), textcoords="offset points", size=SMALL, color=INK,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.0},
    )  # fmt: skip
    return sheet.figure
