"""How far simulated figures lie from published ones, in standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, INK, PAPER, RULE, SIZE, SMALL, SOFT, Sheet, fitted, styled
from best_sim.questions.validation.judging import CANT_TELL, ERRORS, HOLDS
from best_sim.questions.validation.show import ROLES, published_text, short_text, simulated_text

if TYPE_CHECKING:
    from best_sim.questions.validation.run import ValidationFound

_WIDTH, _ROW, _HEAD = 9.0, 0.185, 0.34
_NAMES, _NUMBERS = 3.9, 2.35
"""Room for the figures' names on the left, and for what is published and simulated on the right, inches."""
_MOST = 8.0
"""Standard errors to which the picture reaches; what lies further is marked at its edge."""
_WITHIN = "#f1e3c6"


@styled
def validation_figure(found: ValidationFound) -> Figure:
    """How far each simulated figure lies from the published one, in standard errors of both together.

    Parameters
    ----------
    found : ValidationFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    groups = [(title, found.of(role).to_dict("records")) for role, (title, _) in ROLES.items()]
    groups = [(title, rows) for title, rows in groups if rows]
    below = 0.5
    body = below + sum(_HEAD + _ROW * len(rows) for _, rows in groups)
    told = "; ".join(
        f"{r['figure']}: published {published_text(r)}, simulated {simulated_text(r)}, {r['verdict']}"
        for _, rows in groups
        for r in rows
    )
    sheet = Sheet(
        _WIDTH, body, "Simulated figures, and how far from the published ones they lie",
        f"Filled: met, within {ERRORS:g} standard errors (shaded) or inside the published range. Open: not met. "
        "Grey: can't be told.",
        "Standard errors: of the published figure and of the simulation together.",
        f"Published and simulated figures. {told}",
    )  # fmt: skip
    y = body
    right = _WIDTH - Sheet.MARGIN
    for i, (head, rows) in enumerate(groups):
        high = _ROW * len(rows)
        y -= _HEAD
        top = sheet.bottom + y
        sheet.text(Sheet.MARGIN, top + 0.1, head, size=SIZE, weight="bold")
        if i == 0:
            sheet.text(right - 1.12, top + 0.1, "published", size=SMALL, color=SOFT, ha="right")
            sheet.text(right, top + 0.1, "simulated (MCSE)", size=SMALL, color=SOFT, ha="right")
        ax = sheet.axes(Sheet.MARGIN + _NAMES, Sheet.MARGIN + _NUMBERS, y - high, body - y)
        ax.set(xlim=(-_MOST, _MOST), ylim=(len(rows), 0))
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.axvspan(-ERRORS, ERRORS, color=_WITHIN, lw=0, zorder=0)
        ax.axvline(0.0, color=ACCENT, lw=0.9, ls=(0, (1.2, 1.6)))
        ax.grid(axis="x", color=RULE, lw=0.6)
        ax.set_axisbelow(True)
        if i < len(groups) - 1:
            ax.tick_params(labelbottom=False)
        else:
            ax.set_xlabel("Standard errors above or below the published figure")
        for k, row in enumerate(rows):
            _draw(ax, k + 0.5, row)
            at = top - _ROW * (k + 0.5)
            name = fitted(row["figure"], _NAMES - 0.1, SMALL)
            sheet.text(Sheet.MARGIN, at, name, size=SMALL, color=SOFT, va="center")
            published = fitted(short_text(row), 1.1, SMALL)
            sheet.text(right - 1.12, at, published, size=SMALL, va="center", ha="right")
            sheet.text(right, at, simulated_text(row), size=SMALL, va="center", ha="right")
        y -= high
    return sheet.figure


def _draw(ax: Axes, at: float, row: Any) -> None:
    """One figure, where it lies."""
    z = row["z"]
    if np.isnan(z):
        return
    edge = SOFT if row["verdict"] == CANT_TELL else INK
    fill = INK if row["verdict"] == HOLDS else PAPER
    if abs(z) <= _MOST:
        ax.plot([z], [at], marker="D", ms=4.4, mfc=fill, mec=edge, mew=1.0, zorder=5)
        return
    side = 1.0 if z > 0 else -1.0
    end = side * (_MOST - 0.3)
    ax.plot([end], [at], marker=">" if z > 0 else "<", ms=4.6, mfc=fill, mec=edge, mew=1.0, zorder=5)
    if np.isfinite(z):
        ax.text(
            end - side * 0.4, at, say.number(z, 0), size=SMALL, va="center", ha="right" if z > 0 else "left"
        )
