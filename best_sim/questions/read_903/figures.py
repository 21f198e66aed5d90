"""The picture of returns: children in care, entries and exits, by collection year."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, COUNTED, FAINT, INK, OCHRE, RULE, SIZE, SMALL, SOFT, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.read_903.run import Read903Found

WIDTH = 9.0
_MEASURES = {"in care on 31 March": "In care on 31 March", "entries": "Came into care", "exits": "Left care"}
_LOOKS = tuple(
    (color, marker, line)
    for line in ("-", (0, (3, 2)))
    for color, marker in ((ACCENT, "o"), (OCHRE, "s"), (INK, "^"), (SOFT, "D"), (FAINT, "v"))
)


@styled
def returns_figure(found: Read903Found) -> Figure:
    """Children in care at the end of each collection year, and those who came and left, by group.

    Parameters
    ----------
    found : Read903Found

    Returns
    -------
    matplotlib.figure.Figure
    """
    years = found.question.clean.years
    each = 2.3
    sheet = Sheet(
        WIDTH, 3 * each, "Children in these returns",
        "By collection year, named by the year in which it ends. Entries are counted by age and by legal route.",
        f"Counts under {found.question.smallest}, and others from which they could be told, are not shown.",
        f"Children in care, entries and exits in the collection years {say.listed([str(y) for y in years])}.", COUNTED,
    )  # fmt: skip
    for k, (measure, label) in enumerate(_MEASURES.items()):
        ax = sheet.axes(0.85, 2.6, (2 - k) * each + 0.35, k * each + 0.35)
        _lines(ax, found.summary[found.summary["measure"] == measure], years)
        sheet.text(Sheet.MARGIN, sheet.bottom + (3 - k) * each - 0.2, label, size=SIZE, weight="bold")
    return sheet.figure


def _lines(ax: Axes, counts: pd.DataFrame, years: tuple[int, ...]) -> None:
    by = counts.pivot(index="group", columns="year", values="children").reindex(columns=list(years))
    shown = by.astype(float).dropna(how="all").sort_index()
    for look, (group, row) in zip(_LOOKS * (1 + len(shown) // len(_LOOKS)), shown.iterrows(), strict=False):
        color, marker, line = look
        ax.plot(
            list(years), row.to_numpy(), color=color, marker=marker, ls=line, ms=4.5, lw=1.2, label=str(group)
        )
    ax.set(
        xlim=(years[0] - 0.4, years[-1] + 0.4),
        ylim=(0, 1.1 * max(1.0, shown.max().max() if len(shown) else 1.0)),
    )
    ax.set_xticks(list(years), [str(year) for year in years])
    ax.grid(axis="y", color=RULE, lw=0.6)
    if len(shown):
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=SMALL)
