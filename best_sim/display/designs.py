"""Figures for trial designers: analyses, coverage, assurance, fragility, twins, allocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    OCHRE,
    PAPER,
    RULE,
    SMALL,
    SOFT,
    TINY,
    Sheet,
    styled,
    wrapped,
)

if TYPE_CHECKING:
    from best_sim.experiments.allocations import Allocations
    from best_sim.experiments.assurance import Assurance, Fragility
    from best_sim.experiments.twins import Twins

WIDTH = 9.0


@styled
def fragility_figure(found: Fragility, labels: dict[str, str] | None = None) -> Figure:
    """A tornado: how far each assumption, moved to its ends, moves the power.

    Parameters
    ----------
    found : best_sim.experiments.assurance.Fragility
    labels : dict of str to str, optional
        Words for parameters.

    Returns
    -------
    matplotlib.figure.Figure
    """
    table, labels = found.table, labels or {}
    step = 0.42
    body = 0.25 + step * len(table) + 0.55
    base = 100 * found.base.value
    sheet = Sheet(
        WIDTH, body, "What each assumption does to the power",
        f"Design: {found.experiment.designs[0].name}. Power with each parameter at its low and high end, in %; base "
        f"{base:.1f}% (Monte Carlo error {100 * found.base.mcse:.1f} points). Thin lines: 95% interval of the "
        f"change.",
        "Every other parameter as in the base; the same luck throughout, so changes are surer than powers.",
        "Tornado of power. "
        + " ".join(
            f"{r['key']}: {100 * r['power_low']:.1f}% at {r['low']:g}, {100 * r['power_high']:.1f}% at {r['high']:g}."
            for r in table.to_dict("records")
        ),
    )  # fmt: skip
    left, right = 3.7, 0.6
    ax = sheet.axes(left, right, 0.55, 0.25)
    n = len(table)
    ax.set(ylim=(n, 0), xlabel="Power, %")
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(base, color=INK, lw=1.0)
    top = sheet.bottom + 0.55 + step * n
    for i, row in enumerate(table.to_dict("records")):
        at = i + 0.5
        for end, color in (("low", OCHRE), ("high", ACCENT)):
            there, reach = 100 * row[f"power_{end}"], 196 * row[f"mcse_{end}"]
            up = at - 0.14 if end == "low" else at + 0.14
            ax.barh([up], [there - base], left=base, height=0.26, color=color)
            ax.plot([there - reach, there + reach], [up, up], color=INK, lw=0.8)
            side = 1 if there >= base else -1
            ax.annotate(
                f"{row[end]:g}", (there + side * reach, up), (3 * side, 0), textcoords="offset points", size=TINY,
                va="center", ha="left" if side > 0 else "right", color=SOFT,
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
def assurance_figure(found: Assurance, key: str | None = None, label: str = "") -> Figure:
    """Power along one uncertain parameter, what is believed of it, and the average over all.

    Parameters
    ----------
    found : best_sim.experiments.assurance.Assurance
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
    got = found.assurance
    sheet = Sheet(
        WIDTH, 4.0, f"Assurance {say.percent(got.value, 1)}: the power, averaged over what is believed",
        f"Dots: power by {label or key}, over all that is believed of the other {len(found.priors) - 1}; bars: 95% "
        f"interval. Below: the belief. With every parameter at its median the power is "
        f"{say.percent(found.at_means.value, 1)}.",
        f"{found.experiment.replicates:,} simulated trials, each with parameters of its own; Monte Carlo error "
        f"{100 * got.mcse:.1f} percentage points. Beliefs are assumptions.",
        f"Power by {label or key}: averaged over what is believed {say.percent(got.value, 1)}, at the medians "
        f"{say.percent(found.at_means.value, 1)}.",
    )  # fmt: skip
    ax = sheet.axes(0.9, 0.5, 1.25, 0.1)
    below = sheet.axes(0.9, 0.5, 0.5, sheet.body - 1.15)
    x, p, reach = (table[c].to_numpy() * f for c, f in (("value", 1), ("power", 100), ("mcse", 196)))
    ax.vlines(x, p - reach, p + reach, color=ACCENT, lw=1.6)
    ax.plot(x, p, marker="o", ms=5, color=ACCENT, lw=0.8)
    ax.axhline(100 * got.value, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ax.annotate(
        f"assurance {say.percent(got.value, 1)}", (1, 100 * got.value), (-2, 4), xycoords=("axes fraction", "data"),
        textcoords="offset points", size=SMALL, ha="right",
    )  # fmt: skip
    ax.set(ylabel="Power, %", ylim=(0, 100))
    ax.grid(axis="y", color=RULE, lw=0.6)
    u = np.linspace(0.001, 0.999, 400)
    values = prior.quantile(u)
    density = np.gradient(u, values)
    below.fill_between(values, density, color=FAINT, lw=0)
    below.set(xlabel=label or key, yticks=[])
    below.spines["left"].set_visible(False)
    span = (min(values.min(), x.min()), max(values.max(), x.max()))
    ax.set_xlim(span)
    below.set(xlim=span, ylim=(0, None))
    ax.set_xticklabels([])
    return sheet.figure


@styled
def twins_figure(found: Twins) -> Figure:
    """What allocation to LIFT changes for the same child, and what single trials estimated.

    Parameters
    ----------
    found : best_sim.experiments.twins.Twins

    Returns
    -------
    matplotlib.figure.Figure
    """
    difference = (found.children["sdq.lift"] - found.children["sdq.sau"]).dropna()
    effect: dict[str, Any] = found.effects().set_index("outcome").to_dict("index")["sdq"]  # type: ignore[assignment]
    mean, same = float(effect["mean"]), float(effect["same"])
    n = len(found.estimates)
    sheet = Sheet(
        WIDTH, 3.9, "The same children under LIFT and under services as usual",
        f"Left: the difference of each child's SDQ at 30 months, LIFT less SAU; mean {mean:+.2f} points, none for "
        f"{say.percent(same)}. Right: what {say.plural(n, 'trial')} of these children would have estimated, with 95% "
        "intervals, and the true mean of its children (diamond).",
        f"{effect['children']:,} children. Differences are what the scenario assumes: a direct "
        "effect, and moves and delays that LIFT changes.",
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
    for i, row in enumerate(found.estimates.to_dict("records")):
        other.plot([row["low"], row["high"]], [i, i], color=FAINT, lw=1.6)
        other.plot([row["estimate"]], [i], marker="o", ms=5, color=ACCENT)
        other.plot([row["truth"]], [i], marker="D", ms=5, mfc=PAPER, mec=INK)
    other.axvline(0, color=INK, lw=0.8)
    other.set(xlabel="LIFT less SAU, SDQ points", yticks=[], ylim=(n - 0.4, -0.6))
    other.spines["left"].set_visible(False)
    return sheet.figure


@styled
def allocations_figure(found: Allocations) -> Figure:
    """How unequal each method leaves the arms, and how well the next allocation can be guessed.

    Parameters
    ----------
    found : best_sim.experiments.allocations.Allocations

    Returns
    -------
    matplotlib.figure.Figure
    """
    summary = found.summary()
    methods = list(dict.fromkeys(summary["method"]))
    factors = [q for q in dict.fromkeys(summary["quantity"]) if not str(q).startswith("guessed")]
    n = found.guessed["replicate"].nunique()
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
    for i, where in enumerate(("borough", "site")):
        for k, method in enumerate(methods):
            value = 100 * told[method, f"guessed within the {where}"]
            height = i + 0.16 * (k - (len(methods) - 1) / 2)
            other.plot([value], [height], ls="", marker=markers[method], ms=6, color=looks[method])
    other.axvline(50, color=INK, lw=0.8, ls=(0, (1.2, 1.6)))
    other.set(
        yticks=[0, 1],
        yticklabels=["borough", "site"],
        ylim=(1.5, -0.5),
        xlim=(45, 80),
        xlabel="% guessed right",
    )
    other.grid(axis="x", color=RULE, lw=0.6)
    return sheet.figure


def effects_table(found: Twins) -> list[dict[str, Any]]:
    """The true effects in words, a row for each outcome: outcome, mean with its error, spread, unit."""
    from best_sim.experiments.twins import MEASURES

    rows = []
    for row in found.effects().to_dict("records"):
        of = MEASURES[row["outcome"]]
        rows.append(
            {"outcome": of.label, "mean": row["mean"], "mcse": row["mcse"], "sd": row["sd"], "unit": of.unit}
        )
    return rows
