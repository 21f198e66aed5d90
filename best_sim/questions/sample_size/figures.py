"""Pictures of a sample size: the fitted power curve, and sizes against a second parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from scipy import special

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, PAPER, RULE, SIZE, SMALL, WASH, Sheet, styled
from best_sim.questions.sample_size.show import between, size_words

if TYPE_CHECKING:
    from best_sim.questions.sample_size.ask import SampleSizeQuestion
    from best_sim.questions.sample_size.run import SampleSizeFound
    from best_sim.questions.sample_size.search import SizeFound

WIDTH = 9.0


@styled
def size_curve_figure(question: SampleSizeQuestion, one: SizeFound) -> Figure:
    """The fitted power curve, what was found at each size, and where it reaches the wanted power.

    Parameters
    ----------
    question : SampleSizeQuestion
    one : SizeFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    low, high = one.interval
    bounded = bool(np.isfinite(high - low))
    wanted = f"a {question.share_found} of {say.percent(question.power)}"
    size = size_words(question, one.size)
    found = f"{size} {question.what}" if question.what != question.along else f"{question.along} = {size}"
    title = f"{found} for {wanted}"
    if one.reason:
        title = f"No size {question.limits} gives {wanted}"
    at = "" if one.value is None else f", {question.against} = {one.value:g}"
    under = "" if one.reason else f" 95% interval of the size: {between(question, one)}."
    called = question.share_found.removeprefix("share of ")
    open_dots = "" if one.points["used"].all() else " Open dots took no part in the last fit."
    sheet = Sheet(
        WIDTH, 4.2, f"{title} (design: {question.design}{at})",
        f"Dots: simulated {called} with 95% interval, larger where more trials were "
        f"spent; line: the fitted curve.{under}",
        f"{one.replicates:,} simulated trials, each scored {say.plural(question.scorings, 'time')}.{open_dots}",
        f"Curve of the design {question.design}{at}. {title}.{under}",
    )  # fmt: skip
    ax = sheet.axes(0.9, 0.5, 0.55, 0.1)
    points = one.points
    x = np.linspace(points["size"].min(), points["size"].max(), 200)
    scale = np.sqrt(x) if question.what != question.along else x
    used = points["used"].to_numpy(bool)
    near = (x >= points.loc[used, "size"].min()) & (x <= points.loc[used, "size"].max())
    curve = 100 * special.ndtr(one.curve.intercept + one.curve.slope * scale)
    ax.plot(x, curve, color=FAINT, lw=1.0, ls=(0, (2, 2)))
    ax.plot(x[near], curve[near], color=ACCENT, lw=1.8)
    if bounded:
        ax.axvspan(low, high, color=WASH, zorder=0)
    ax.axhline(100 * question.power, color=INK, lw=0.8, ls=(0, (1.2, 1.6)))
    for row in points.to_dict("records"):
        middle, reach = 100 * row["power"], 196 * row["mcse"]
        width = 3.0 + 6.0 * float(np.sqrt(row["trials"] / points["trials"].max()))
        ax.plot([row["size"]] * 2, [middle - reach, middle + reach], color=ACCENT, lw=0.9)
        face = ACCENT if row["used"] else PAPER
        ax.plot([row["size"]], [middle], marker="o", ms=width, mfc=face, mec=ACCENT, mew=0.9)
    ax.set(xlabel=question.what, ylabel=f"{question.share_found.capitalize()}, %", ylim=(0, 100))
    ax.grid(axis="y", color=RULE, lw=0.6)
    if points["size"].min() <= one.size <= points["size"].max():
        ax.annotate(
            size, (one.size, 100 * question.power), (6, -12), textcoords="offset points", size=SIZE, weight="bold"
        )  # fmt: skip
    return sheet.figure


@styled
def size_pairs_figure(found: SampleSizeFound, label: str = "") -> Figure:
    """The size that gives the wanted power at each value of a second parameter, with months beside it.

    Parameters
    ----------
    found : SampleSizeFound
        With a second parameter.
    label : str
        Of the second parameter, in words; by default its name and unit.

    Returns
    -------
    matplotlib.figure.Figure
    """
    question = found.question
    units = question.world.table().set_index("name")["unit"]
    label = label or f"{question.against} ({units.get(str(question.against), '')})".replace(" ()", "")
    known = [(one.value, one) for one in found.sizes if one.value is not None and not one.reason]
    missing = ", ".join(f"{one.value:g}" for one in found.sizes if one.reason)
    words = "; ".join(
        f"{value:g}: {size_words(question, one.size)} ({between(question, one)})" for value, one in known
    )
    what = question.what[:1].upper() + question.what[1:]
    title = f"Pairs that give a {question.share_found} of {say.percent(question.power)} (design: {question.design})"
    sheet = Sheet(
        WIDTH, 3.9, title,
        f"{what} with 95% interval, against {label}."
        + (f" At {missing} no size {question.limits} has it." if missing else ""),
        f"{found.replicates:,} simulated trials; common random numbers.",
        f"{what} by {label}, design {question.design}. {words}",
    )  # fmt: skip
    ax = sheet.axes(0.9, 0.6, 0.6, 0.15)
    ax.plot([value for value, _ in known], [one.size for _, one in known], color=ACCENT, lw=1.2)
    for i, (value, one) in enumerate(known):
        ax.plot([value] * 2, one.interval, color=ACCENT, lw=2.0)
        ax.plot([value], [one.size], marker="o", ms=5, color=ACCENT)
        months = f"{one.months[1]:.0f} months" if np.isfinite(one.months[1]) else "not within the run"
        rises = i + 1 < len(known) and known[i + 1][1].size > one.size  # beside the line, not over it
        ax.annotate(
            f"{size_words(question, one.size)}\n{months}", (value, one.size), (-7 if rises else 7, 5),
            textcoords="offset points", ha="right" if rises else "left", va="bottom", size=SMALL,
        )  # fmt: skip
    ax.set(xlabel=label, ylabel=what)
    ax.margins(x=0.12, y=0.25)
    ax.set_ylim(bottom=0)
    ax.grid(axis="y", color=RULE, lw=0.6)
    return sheet.figure
