"""The picture of paired counterfactuals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, PAPER, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.counterfactuals.run import CounterfactualsFound

WIDTH = 9.0
_MOST = 40
"""Trials whose estimates are drawn."""


@styled
def counterfactuals_figure(found: CounterfactualsFound) -> Figure:
    """What allocation to LIFT changes for the same child, and what single trials estimated.

    Parameters
    ----------
    found : CounterfactualsFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    difference = (found.children["sdq.lift"] - found.children["sdq.sau"]).dropna()
    effect: dict[str, Any] = found.effects.set_index("outcome").to_dict("index")["sdq"]  # type: ignore[assignment]
    mean, same = float(effect["mean"]), float(effect["same"])
    estimates = found.estimates[:_MOST]
    n = len(estimates)
    first = "the first " if n < len(found.estimates) else ""
    sheet = Sheet(
        WIDTH, 3.9, "The same children under LIFT and under services as usual",
        f"Left: the difference of each child's SDQ at 30 months, LIFT less SAU; mean {mean:+.2f} points, none for "
        f"{say.percent(same)}. Right: what {first}{say.plural(n, 'trial')} would have estimated of these children, "
        "with 95% intervals, and the true mean of its children (diamond).",
        f"{effect['children']:,} children with a score under both, of {len(found.children):,}. Differences are what "
        "the scenario assumes: a direct effect, and moves and delays that LIFT changes.",
        f"Difference of the SDQ of the same child: mean {mean:+.2f} points; none for {say.percent(same)} of "
        f"children.",
    )  # fmt: skip
    ax = sheet.axes(0.8, 4.9, 0.5, 0.1)
    edges = np.arange(np.floor(difference.min()) - 0.5, np.ceil(difference.max()) + 1.5)
    counts, _ = np.histogram(difference, edges)
    ax.bar((edges[:-1] + edges[1:]) / 2, 100 * counts / counts.sum(), width=0.86, color=ACCENT)
    ax.axvline(0, color=INK, lw=0.8)
    ax.set(xlabel="SDQ under LIFT less under SAU, points", ylabel="% of children")
    other = sheet.axes(5.0, 0.4, 0.5, 0.1)
    for i, row in enumerate(estimates.to_dict("records")):
        other.plot([row["low"], row["high"]], [i, i], color=FAINT, lw=1.6)
        other.plot([row["estimate"]], [i], marker="o", ms=5, color=ACCENT)
        other.plot([row["truth"]], [i], marker="D", ms=5, mfc=PAPER, mec=INK)
    other.axvline(0, color=INK, lw=0.8)
    other.set(xlabel="LIFT less SAU, SDQ points", yticks=[], ylim=(n - 0.4, -0.6))
    other.spines["left"].set_visible(False)
    return sheet.figure
