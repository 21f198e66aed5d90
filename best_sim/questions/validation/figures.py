"""Published beside simulated figures, in standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, PAPER, RULE, SIZE, SMALL, SOFT, Sheet, fitted, styled
from best_sim.questions.validation.published import FIGURES, PublishedFigure
from best_sim.questions.validation.show import published_text, simulated_text

if TYPE_CHECKING:
    from best_sim.questions.validation.run import ValidationFound

_WIDTH, _ROW, _HEAD = 9.0, 0.185, 0.34
_NAMES, _NUMBERS = 3.9, 2.15
"""Room for the figures' names on the left, and for what is published and simulated on the right, inches."""
_MOST = 4.0
"""Standard errors to which the picture reaches; what lies further is marked at its edge."""
_NORMAL_95 = 1.96
_TOLERANCE = "#f1e3c6"
_GROUPS = (("check", "Check: set no parameter"), ("set", "A parameter was set to it"))


@styled
def validation_figure(found: ValidationFound) -> Figure:
    """How far each published figure lies from the simulated mean, in standard errors.

    A standard error is the standard deviation over replicates: how far a figure of one trial of this size lies from its
    mean by chance.

    Parameters
    ----------
    found : ValidationFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = {str(row["key"]): row for row in found.table.to_dict("records")}
    groups = [(head, [one for one in FIGURES if one.role == role]) for role, head in _GROUPS]
    below = 0.5
    body = below + sum(_HEAD + _ROW * len(figures) for _, figures in groups)
    checks = found.of("check")
    near = f"{(checks['near'] == 'yes').sum()} of {len(checks)}"
    told = "; ".join(
        f"{r['figure']}: published {published_text(r)}, simulated {simulated_text(r)}" for r in rows.values()
    )
    sheet = Sheet(
        _WIDTH, body, "Published figures, and how far from them the model lies",
        "Diamond: published, filled where the model comes near; around it, how near that is. Blue: simulated mean, "
        f"with its 95% Monte Carlo interval; thin: 5 to 95% of replicates. {near} checks come near.",
        f"Diamonds: as published. {say.plural(found.question.replicates, 'replicate')}; one standard error is the "
        "standard deviation over replicates.",
        f"Published and simulated figures. {told}",
    )  # fmt: skip
    y = body
    right = _WIDTH - Sheet.MARGIN
    for i, (head, figures) in enumerate(groups):
        high = _ROW * len(figures)
        y -= _HEAD
        top = sheet.bottom + y
        sheet.text(Sheet.MARGIN, top + 0.1, head, size=SIZE, weight="bold")
        if i == 0:
            sheet.text(right - 1.12, top + 0.1, "published", size=SMALL, color=SOFT, ha="right")
            sheet.text(right, top + 0.1, "simulated (MCSE)", size=SMALL, color=SOFT, ha="right")
        ax = sheet.axes(Sheet.MARGIN + _NAMES, Sheet.MARGIN + _NUMBERS, y - high, body - y)
        ax.set(xlim=(-_MOST, _MOST), ylim=(len(figures), 0))
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.axvline(0.0, color=ACCENT, lw=0.9, ls=(0, (1.2, 1.6)))
        ax.grid(axis="x", color=RULE, lw=0.6)
        ax.set_axisbelow(True)
        if i < len(groups) - 1:
            ax.tick_params(labelbottom=False)
        else:
            ax.set_xlabel("Standard errors above or below the simulated mean")
        for k, figure in enumerate(figures):
            row = rows[figure.key]
            _draw(ax, k + 0.5, figure, found.rows[figure.key].to_numpy(float), str(row["near"]))
            at = top - _ROW * (k + 0.5)
            sheet.text(
                Sheet.MARGIN,
                at,
                fitted(figure.text, _NAMES - 0.1, SMALL),
                size=SMALL,
                color=SOFT,
                va="center",
            )
            sheet.text(right - 1.12, at, published_text(row), size=SMALL, va="center", ha="right")
            sheet.text(right, at, simulated_text(row), size=SMALL, va="center", ha="right")
        y -= high
    return sheet.figure


def _draw(ax: Axes, at: float, figure: PublishedFigure, values: np.ndarray, near: str) -> None:
    """One figure: what is simulated around zero, what is published where it lies."""
    values = values[np.isfinite(values)]
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    if spread <= 0.0:
        return
    mean = float(values.mean())
    low, high = (np.quantile(values, [0.05, 0.95]) - mean) / spread
    half = _NORMAL_95 / np.sqrt(len(values))
    z, slack = (figure.value - mean) / spread, figure.near * abs(figure.value) / spread
    ax.plot([z - slack, z + slack], [at, at], color=_TOLERANCE, lw=7.0, zorder=1)
    ax.plot([low, high], [at, at], color=FAINT, lw=1.0)
    ax.plot([-half, half], [at, at], color=ACCENT, lw=3.2)
    fill = INK if near == "yes" else PAPER
    if abs(z) <= _MOST:
        ax.plot([z], [at], marker="D", ms=4.4, mfc=fill, mec=INK, mew=1.0, zorder=5)
        return
    side = 1.0 if z > 0 else -1.0
    edge = side * (_MOST - 0.16)
    ax.plot([edge], [at], marker=">" if z > 0 else "<", ms=4.6, mfc=fill, mec=INK, mew=1.0, zorder=5)
    ax.text(edge - side * 0.2, at, say.number(z, 1), size=SMALL, va="center", ha="right" if z > 0 else "left")
