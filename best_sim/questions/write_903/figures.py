"""The picture of simulated returns: children and episodes by collection year."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, RULE, SIZE, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.write_903.run import Write903Found

WIDTH = 9.0
_COLUMNS = {"children": "Children in the return", "rows": "Episodes of care"}


@styled
def written_figure(found: Write903Found) -> Figure:
    """Children and episodes in each return: a line for each run.

    Parameters
    ----------
    found : Write903Found

    Returns
    -------
    matplotlib.figure.Figure
    """
    episodes = found.summary[found.summary["table"] == "episodes"]
    runs = found.question.replicates
    sheet = Sheet(
        WIDTH, 3.0, "Returns of simulated children",
        f"By collection year, named by the year in which it ends; {say.plural(runs, 'simulated run')}.",
        f"Scenario {found.question.world.name}, random seed {found.question.seed}.",
        f"Children and episodes of care in simulated returns of {say.plural(len(found.years), 'collection year')}.",
    )  # fmt: skip
    for k, (column, label) in enumerate(_COLUMNS.items()):
        ax = sheet.axes(0.7 + 4.3 * k, 4.6 - 4.3 * k, 0.35, 0.4)
        for _, one in episodes.groupby("replicate"):
            ax.plot(
                one["year"],
                one[column],
                color=ACCENT,
                marker="o",
                ms=4.0,
                lw=1.2,
                alpha=1.0 if runs == 1 else 0.5,
            )
        ax.set(
            xlim=(found.years[0] - 0.5, found.years[-1] + 0.5), ylim=(0, 1.1 * max(1, episodes[column].max()))
        )
        ax.set_xticks(found.years, [str(year) for year in found.years])
        ax.grid(axis="y", color=RULE, lw=0.6)
        sheet.text(0.3 + 4.3 * k, sheet.bottom + 2.78, label, size=SIZE, weight="bold")
    return sheet.figure
