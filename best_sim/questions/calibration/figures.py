"""The picture of a calibration: figures before and after against the published, parameters within their ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    OCHRE,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    WASH,
    Sheet,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from best_sim.questions.calibration.run import CalibrationFound

WIDTH = 9.0
_STEP, _HEAD, _AXIS, _GAP = 0.40, 0.34, 0.58, 0.12
_LEFT, _RIGHT = 3.0, 3.2
_FARTHEST = 6.0
"""Standard errors from the published figure beyond which a mark is put at the edge, as an arrow."""


@styled
def calibration_figure(found: CalibrationFound) -> Figure:
    """Targets before and after, in standard errors from the published figures; parameters within their ranges.

    Parameters
    ----------
    found : CalibrationFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    targets: list[dict[str, Any]] = found.targets.to_dict("records")  # type: ignore[assignment]
    parameters: list[dict[str, Any]] = found.parameters.to_dict("records")  # type: ignore[assignment]
    upper, lower = _STEP * len(targets), _STEP * len(parameters)
    body = 2 * (_HEAD + _AXIS) + upper + lower + _GAP
    before, after = (_near(found.targets[c]) for c in ("distance_before", "distance"))
    sheet = Sheet(
        WIDTH, body,
        f"{after} of {len(targets)} figures within two standard errors after calibration, {before} before",
        "Squares: before; dots: after, with replicates that took no part in the fit, and the 95% interval of their "
        "Monte Carlo error; bands: 95% interval of the published figures. Parameters: thick bars are 95% intervals.",
        f"{found.question.title or found.question.name}. {found.simulated:,} simulated runs. "
        "The published figures' standard errors are in "
        "part assumptions; intervals of parameters take the model as right.",
        _in_words(targets, parameters),
    )  # fmt: skip
    ax = sheet.axes(_LEFT, _RIGHT, body - _HEAD - upper, _HEAD)
    _draw_targets(sheet, ax, targets, top=sheet.bottom + body - _HEAD)
    ax = sheet.axes(_LEFT, _RIGHT, _AXIS, body - _AXIS - lower)
    _draw_parameters(sheet, ax, found, parameters, top=sheet.bottom + _AXIS + lower)
    return sheet.figure


def _near(distances: Any) -> int:
    return int((np.abs(np.asarray(distances, float)) <= 2).sum())


def _in_words(targets: list[dict[str, Any]], parameters: list[dict[str, Any]]) -> str:
    figures = " ".join(
        f"{r['figure']}: published {r['published']:g}, before {r['before']:.3g}, after {r['after']:.3g} {r['unit']}."
        for r in targets
    )
    values = " ".join(
        f"{r['parameter']}: {r['start']:g} before, {r['fitted']:g} fitted ({r['low']:.3g} to {r['high']:.3g})."
        for r in parameters
    )
    return f"Calibration. {figures} {values}"


def _draw_targets(sheet: Sheet, ax: Axes, rows: list[dict[str, Any]], top: float) -> None:
    n = len(rows)
    every = np.abs([r[c] * np.hypot(r["error"], r[e]) / r["error"] for r in rows
                    for c, e in (("distance", "mcse"), ("distance_before", "mcse_before"))])  # fmt: skip
    reach = min(_FARTHEST, max(3.0, float(np.nanmax(every)) + 0.8))
    _bare(ax, n, (-reach, reach))
    ax.axvspan(-1.96, 1.96, color=WASH, lw=0, zorder=0)
    ax.axvline(0, color=INK, lw=0.9, zorder=1)
    ax.set_xlabel("Standard errors from the published figure")
    sheet.text(Sheet.MARGIN, top + 0.1, "Figures", weight="bold", size=SIZE)
    sheet.text(
        WIDTH - Sheet.MARGIN, top + 0.1, "published: before → after", ha="right", size=SMALL, color=SOFT
    )
    for i, row in enumerate(rows):
        at, error = i + 0.5, row["error"]
        looks: list[tuple[float, float, float, dict[str, Any]]] = [
            (row["before"], row["mcse_before"], -0.17, {"color": OCHRE, "marker": "s", "mfc": "none"}),
            (row["after"], row["mcse"], 0.17, {"color": ACCENT, "marker": "o"}),
        ]
        for value, mcse, up, look in looks:
            x, wide = (value - row["published"]) / error, 1.96 * mcse / error
            if abs(x) > reach:
                edge = np.sign(x) * (reach - 0.12)
                arrow = ">" if x > 0 else "<"
                ax.plot([edge], [at + up], **(look | {"marker": arrow}), ms=5)
                ax.annotate(
                    f"{x:.0f}".replace("-", "−"), (edge, at + up), (-7 * np.sign(x), 0), size=SMALL, va="center",
                    textcoords="offset points", ha="right" if x > 0 else "left", color=look["color"],
                )  # fmt: skip
                continue
            ends = np.clip([x - wide, x + wide], -reach, reach)
            ax.plot(ends, [at + up] * 2, color=look["color"], lw=1.2)
            ax.plot([x], [at + up], **look, ms=4.8)
        _label(sheet, row["figure"], top - _STEP * at)
        digits = say.digits_for(error / 2)
        published, was, now = (say.number(row[c], digits) for c in ("published", "before", "after"))
        sheet.text(
            WIDTH - Sheet.MARGIN, top - _STEP * at, f"{published}: {was} → {now} {row['unit']}", ha="right",
            va="center", size=SMALL,
        )  # fmt: skip


def _draw_parameters(
    sheet: Sheet, ax: Axes, found: CalibrationFound, rows: list[dict[str, Any]], top: float
) -> None:
    _bare(ax, len(rows), (0.0, 1.0))
    ax.set_xticks([0, 1], ["least", "most"])
    ax.set_xlabel("Where in its range")
    sheet.text(Sheet.MARGIN, top + 0.1, "Parameters", weight="bold", size=SIZE)
    sheet.text(
        WIDTH - Sheet.MARGIN, top + 0.1, "before → fitted (interval)", ha="right", size=SMALL, color=SOFT
    )
    for i, (row, parameter) in enumerate(zip(rows, found.question.parameters, strict=True)):
        at = i + 0.5
        low, high, start, fitted = (
            float(parameter.share(row[c])) for c in ("low", "high", "start", "fitted")
        )
        ax.plot([0, 1], [at, at], color=RULE, lw=1.0, zorder=1)
        ax.plot([low, high], [at, at], color=ACCENT if row["learned"] >= 0.5 else FAINT, lw=4.5, zorder=2)
        ax.plot([start], [at - 0.17], color=OCHRE, marker="s", mfc="none", ms=4.8, clip_on=False, zorder=3)
        ax.plot([fitted], [at], color=INK, marker="o", ms=4.8, clip_on=False, zorder=4)
        said = "little known of it" if row["learned"] < 0.5 else "at its end" if row["at_bound"] else ""
        _label(sheet, row["parameter"] + (f" ({said})" if said else ""), top - _STEP * at)
        unit = "times" if row["unit"] == "ratio" else row["unit"]
        sheet.text(
            WIDTH - Sheet.MARGIN, top - _STEP * at,
            f"{row['start']:.3g} → {row['fitted']:.3g} ({row['low']:.3g} to {row['high']:.3g}) {unit}",
            ha="right", va="center", size=SMALL,
        )  # fmt: skip


def _bare(ax: Axes, n: int, ends: tuple[float, float]) -> None:
    ax.set(ylim=(n, 0), xlim=ends)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def _label(sheet: Sheet, text: str, y: float) -> None:
    lines = wrapped(text, _LEFT - Sheet.MARGIN - 0.2, SMALL)[:2]
    for k, line in enumerate(lines):
        shift = 0.14 * (k - (len(lines) - 1) / 2)
        sheet.text(Sheet.MARGIN, y - shift, line, va="center", size=SMALL)
