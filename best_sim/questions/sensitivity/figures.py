"""Pictures of a one-way sensitivity analysis: the tornado, and the power by what the unseen are supposed to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, OCHRE, RULE, SMALL, SOFT, TINY, Sheet, styled, wrapped
from best_sim.trial.outcomes import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.questions.sensitivity.run import SensitivityFound

WIDTH = 9.0


@styled
def tornado_figure(found: SensitivityFound, labels: Mapping[str, str] | None = None) -> Figure:
    """A tornado: how far each assumption, moved to its ends, moves the power.

    Parameters
    ----------
    found : SensitivityFound
    labels : mapping of str to str, optional
        Words for parameters.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table, labels, what = found.table, labels or {}, found.question.share_found
    step = 0.42
    body = 0.25 + step * len(table) + 0.55
    base = 100 * found.base.value
    many = f"{say.plural(found.question.replicates, 'replicate')}, each scored "
    many += say.plural(found.question.scorings, "time")
    sheet = Sheet(
        WIDTH, body, f"What each assumption does to the {what} (design: {found.question.design})",
        f"{say.capital(what)} with each parameter at its low and high end, in %; base "
        f"{base:.1f}% (Monte Carlo error {say.points(found.base.mcse)} points). Thin lines: 95% interval of the "
        "change.",
        f"{many}. Every other parameter as in the base; common random numbers, so changes are surer than levels.",
        f"Tornado of the {what}, design {found.question.design}. "
        + " ".join(
            f"{r['key']}: {100 * r['power_low']:.1f}% at {r['low']:g}, {100 * r['power_high']:.1f}% at {r['high']:g}."
            for r in table.to_dict("records")
        ),
    )  # fmt: skip
    left, right = 3.7, 0.6
    ax = sheet.axes(left, right, 0.55, 0.25)
    n = len(table)
    ax.set(ylim=(n, 0), xlabel=f"{say.capital(what)}, %")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(base, color=INK, lw=1.0)
    top = sheet.bottom + 0.55 + step * n
    for i, row in enumerate(table.to_dict("records")):
        at = i + 0.5
        for end, color in (("low", OCHRE), ("high", ACCENT)):
            there, reach = 100 * row[f"power_{end}"], 196 * row[f"mcse_{end}"]
            least, most = max(there - reach, 0.0), min(there + reach, 100.0)
            up = at - 0.14 if end == "low" else at + 0.14
            ax.barh([up], [there - base], left=base, height=0.26, color=color)
            ax.plot([least, most], [up, up], color=INK, lw=0.8)
            side = 1 if there >= base else -1
            tip = most if side > 0 else least
            ax.annotate(
                f"{row[end]:g}", (tip, up), (3 * side, 0), textcoords="offset points", size=TINY, va="center",
                ha="left" if side > 0 else "right", color=SOFT,
            )  # fmt: skip
        lines = wrapped(labels.get(row["key"], row["key"]), left - Sheet.MARGIN - 0.2, SMALL)
        for k, line in enumerate(lines[:2]):
            sheet.text(
                Sheet.MARGIN,
                top - step * at - 0.13 * (k - (min(len(lines), 2) - 1) / 2),
                line,
                va="center",
                size=SMALL,
            )
    ax.margins(x=0.12)
    return sheet.figure


@styled
def tipping_figure(found: SensitivityFound) -> Figure:
    """The power by how far what is imputed in the LIFT arm is shifted, and where conclusions change.

    Parameters
    ----------
    found : SensitivityFound
        Of an analysis that imputes.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table, what = found.shifted, found.question.share_found
    assert table is not None
    unit = OUTCOMES[found.question.trial.primary.outcome].axis
    sheet = Sheet(
        WIDTH, 4.2, f"Where the conclusion tips (design: {found.question.design})",
        f"How far the unseen would have to differ. Above: {what} where what is imputed in the LIFT arm is shifted, "
        "with 95% interval. Below: share of trials whose conclusion (p on one side of alpha or the other) changes at "
        "that shift and at none nearer to zero.",
        f"{say.plural(found.question.replicates, 'replicate')}, each scored "
        f"{say.plural(found.question.scorings, 'time')}; the same imputations at every shift.",
        f"{say.capital(what)} by shift. "
        + " ".join(f"{r['delta']:+.2f} {unit}: {100 * r['power']:.1f}%." for r in table.to_dict("records")),
    )  # fmt: skip
    ax = sheet.axes(0.9, 0.5, 1.75, 0.1)
    below = sheet.axes(0.9, 0.5, 0.55, sheet.body - 1.55)
    x, p, reach = (table[c].to_numpy() * f for c, f in (("delta", 1), ("power", 100), ("mcse", 196)))
    ax.vlines(x, p - reach, p + reach, color=ACCENT, lw=1.6)
    ax.plot(x, p, marker="o", ms=5, color=ACCENT, lw=0.8)
    ax.axvline(0.0, color=INK, lw=0.8, ls=(0, (1.2, 1.6)))
    ax.set(ylabel=f"{say.capital(what)}, %", ylim=(0, 100), xticklabels=[])
    ax.grid(axis="y", color=RULE, lw=0.6)
    width = 0.5 * min((b - a for a, b in zip(x, x[1:], strict=False)), default=1.0)
    below.bar(x, 100 * table["tips"].fillna(0.0), width=width, color=FAINT)
    below.set(xlabel=f"Shift of what is imputed in the LIFT arm, {unit}", ylabel="tips, %", ylim=(0, None))
    ax.set_xlim(x[0] - width, x[-1] + width)
    below.set_xlim(x[0] - width, x[-1] + width)
    return sheet.figure
