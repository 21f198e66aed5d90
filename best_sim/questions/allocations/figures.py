"""The picture of methods of allocation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, OCHRE, RULE, SOFT, TINY, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.allocations.run import AllocationsFound

WIDTH = 9.0


@styled
def allocations_figure(found: AllocationsFound) -> Figure:
    """How unequal each method leaves the arms, and how well the next allocation can be guessed.

    Parameters
    ----------
    found : AllocationsFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    summary = found.summary
    methods = list(dict.fromkeys(summary["method"]))
    factors = [q for q in dict.fromkeys(summary["quantity"]) if not str(q).startswith("guessed")]
    n = found.question.replicates
    told: dict[tuple[str, str], float] = {
        (str(r["method"]), str(r["quantity"])): float(r["mean"]) for r in summary.to_dict("records")
    }
    sheet = Sheet(
        WIDTH, 3.9, "Methods of allocation: balance, and what somebody could guess",
        f"Left: largest difference between arms in a level of each factor, in families (mean of {n} replicates). "
        "Right: allocations guessed right by betting on the arm that is behind, among earlier families of the same "
        "borough, and of the same site.",
        "The same families under each method. A coin is guessed right half the time.",
        "Imbalance and predictability. "
        + " ".join(f"{m}: {told[m, 'all families']:.1f} families, guessed within the borough "
                   f"{say.percent(told[m, 'guessed within the borough'])}." for m in methods),
    )  # fmt: skip
    looks = dict(zip(methods, (FAINT, ACCENT, "#56a0cf", OCHRE, INK, SOFT), strict=False))
    markers = dict(zip(methods, "oDsv^P", strict=False))
    ax = sheet.axes(1.35, 3.9, 0.55, 0.35)
    for k, method in enumerate(methods):
        at = np.arange(len(factors)) + 0.16 * (k - (len(methods) - 1) / 2)
        values = [told[method, f] for f in factors]
        ax.plot(values, at, ls="", marker=markers[method], ms=6, color=looks[method], label=method)
    ax.set(yticks=range(len(factors)), yticklabels=factors, ylim=(len(factors) - 0.5, -0.5), xlim=(0, None))
    ax.set_xlabel("families more in one arm")
    ax.grid(axis="x", color=RULE, lw=0.6)
    ax.legend(
        loc="lower left", bbox_to_anchor=(-0.3, 1.0), ncols=len(methods), frameon=False, fontsize=TINY,
        handletextpad=0.2, columnspacing=1.0, borderpad=0.0,
    )  # fmt: skip
    other = sheet.axes(6.6, 0.4, 0.55, 0.35)
    right = []
    for i, where in enumerate(("borough", "site")):
        for k, method in enumerate(methods):
            value = 100 * told[method, f"guessed within the {where}"]
            right.append(value)
            height = i + 0.16 * (k - (len(methods) - 1) / 2)
            other.plot([value], [height], ls="", marker=markers[method], ms=6, color=looks[method])
    other.axvline(50, color=INK, lw=0.8, ls=(0, (1.2, 1.6)))
    other.set(
        yticks=[0, 1],
        yticklabels=["borough", "site"],
        ylim=(1.5, -0.5),
        xlim=(min(45.0, min(right) - 5.0), max(80.0, max(right) + 5.0)),
        xlabel="% guessed right",
    )
    other.grid(axis="x", color=RULE, lw=0.6)
    return sheet.figure
