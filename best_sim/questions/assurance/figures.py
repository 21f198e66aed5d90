"""The picture of assurance: power along one parameter, and what is believed of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, RULE, SMALL, Sheet, styled

if TYPE_CHECKING:
    from best_sim.questions.assurance.run import AssuranceFound

WIDTH = 9.0


@styled
def assurance_figure(found: AssuranceFound, key: str | None = None, label: str = "") -> Figure:
    """Power along one uncertain parameter, what is believed of it, and the average over all.

    Parameters
    ----------
    found : AssuranceFound
    key : str, optional
        The parameter; by default that of the first prior.
    label : str
        Words for it.

    Returns
    -------
    matplotlib.figure.Figure
    """
    key = key or found.priors[0].key
    prior = next(one for one in found.priors if one.key == key)
    table = found.by_value(key)
    got, question = found.assurance, found.question
    what, label = question.share_found, label or key
    average = f"{say.capital(question.averaged)} {say.percent(got.value, 1)}"
    others = len(found.priors) - 1
    over = f", over all that is believed of the other {say.plural(others, 'parameter')}" if others else ""
    sheet = Sheet(
        WIDTH, 4.0, f"{average} ({question.design_words})",
        f"The {what}, averaged over what is believed of {say.plural(len(found.priors), 'parameter')}. Dots: "
        f"{what} by {label}{over}; bars: 95% interval. Below: the belief. With every "
        f"parameter at its median the {what} is {say.percent(found.at_medians.value, 1)}.",
        f"{question.replicates:,} simulated trials, each with parameters of its own; Monte Carlo error "
        f"{say.points(got.mcse)} percentage points. Beliefs are assumptions.",
        f"{say.capital(what)} by {label}: averaged over what is believed {say.percent(got.value, 1)}, at the "
        f"medians {say.percent(found.at_medians.value, 1)}. {question.about_design}",
    )  # fmt: skip
    ax = sheet.axes(0.9, 0.5, 1.25, 0.1)
    below = sheet.axes(0.9, 0.5, 0.5, sheet.body - 1.15)
    x, p, reach = (table[c].to_numpy() * f for c, f in (("value", 1), ("power", 100), ("mcse", 196)))
    ax.vlines(x, p - reach, p + reach, color=ACCENT, lw=1.6)
    ax.plot(x, p, marker="o", ms=5, color=ACCENT, lw=0.8)
    ax.axhline(100 * got.value, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ax.annotate(
        f"{question.averaged} {say.percent(got.value, 1)}", (1, 100 * got.value), (-2, 4),
        xycoords=("axes fraction", "data"), textcoords="offset points", size=SMALL, ha="right",
    )  # fmt: skip
    ax.set(ylabel=f"{say.capital(what)}, %", ylim=(0, 100))
    ax.grid(axis="y", color=RULE, lw=0.6)
    u = np.linspace(0.001, 0.999, 400)
    values = prior.quantile(u)
    density = np.gradient(u, values)
    below.fill_between(values, density, color=FAINT, lw=0)
    below.set(xlabel=label, yticks=[])
    below.spines["left"].set_visible(False)
    span = (min(values.min(), x.min()), max(values.max(), x.max()))
    ax.set_xlim(span)
    below.set(xlim=span, ylim=(0, None))
    ax.set_xticklabels([])
    return sheet.figure
