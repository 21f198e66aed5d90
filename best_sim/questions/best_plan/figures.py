"""The picture of a best plan: what money buys, which plans nothing beats, and what the simulation says of some."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    INK,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    Sheet,
    line_height,
    styled,
    wrapped,
)
from best_sim.questions.best_plan.show import words_of
from best_sim.questions.best_plan.space import MOST_PLANS
from best_sim.questions.target_times import time_of_share

if TYPE_CHECKING:
    from best_sim.questions.best_plan.run import BestPlanFound, Contender
    from best_sim.questions.best_plan.space import CandidatePlan

WIDTH = 9.0
_PALE = "#c3cad1"
_CHOSEN = "#8f5f00"
_MILLION = 1e6


@styled
def best_plan_figure(found: BestPlanFound) -> Figure:
    """Cost against the probability of the target in time, replicates spent, and cost against the median date.

    Parameters
    ----------
    found : BestPlanFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    question = found.question
    asked = f"{question.target} families before {say.day(found.by)}"
    share = question.least_beginning_lift
    success = asked + (
        "" if share is None else f", and {say.percent(share)} or more of those allocated to LIFT begin it"
    )
    marked = _marked(found)
    lines = [(label, wrapped(text, WIDTH - 2 * Sheet.MARGIN - 0.3, SMALL)) for label, _, text in marked]
    key = sum(len(one) for _, one in lines) * line_height(SMALL) + 0.12 * len(lines)
    sheet = Sheet(
        WIDTH, 6.75 + key, question.title or question.name,
        f"Closed form: {asked}. Simulated: {success}. Costs until {say.day(question.counted_until)}.",
        f"Every cost is an assumption. {found.selection.spent} simulated trials; bars: exact 95% intervals, of "
        "each plan on its own. Pale plans and fronts have teams of their cheapest size.",
        "\n".join(words_of(found)),
    )  # fmt: skip
    top = sheet.axes(1.2, 0.35, key + 3.35, 0.25)
    spent = sheet.axes(1.2, 0.35, key + 2.5, 3.55)
    below = sheet.axes(1.2, 0.35, key + 0.55, 4.5)
    right = _probabilities(top, found, marked)
    _replicates(spent, found)
    _medians(below, found, marked)
    for ax in (top, spent, below):
        ax.set_xlim(-0.02 * right, 1.03 * right)
        ax.yaxis.set_label_coords(-0.105, 0.5)
    top.tick_params(labelbottom=False)
    spent.tick_params(labelbottom=False)
    below.set_xlabel("Cost of the plan, million GBP")
    y = sheet.bottom + key - 0.1
    for label, text in lines:
        sheet.text(Sheet.MARGIN, y, label, size=SIZE, weight="bold", va="top")
        for line in text:
            sheet.text(Sheet.MARGIN + 0.3, y, line, size=SMALL, va="top")
            y -= line_height(SMALL)
        y -= 0.12
    return sheet.figure


def _marked(found: BestPlanFound) -> list[tuple[str, CandidatePlan, str]]:
    """Plans that are named: letter, plan and words."""
    out = [("A", found.closed, "Best by the closed form: ")]
    if found.chosen is not None and found.chosen != found.closed:
        out.append(("B", found.chosen, "Chosen by simulation: "))
    elif found.chosen is not None:
        out = [("A", found.closed, "Best by the closed form, and chosen by simulation: ")]
    return [
        (letter, plan, f"{what}{found.space.words_of(plan)}; {plan.cost / _MILLION:.2f} million GBP.")
        for letter, plan, what in out
    ]


def _chosen_last(found: BestPlanFound) -> list[Contender]:
    """The contenders, so that the chosen one is drawn over those that cost about the same."""
    return sorted(found.contenders, key=lambda one: one.plan == found.chosen)


def _probabilities(ax: Axes, found: BestPlanFound, marked: list[tuple[str, CandidatePlan, str]]) -> float:
    """The front of probability, all plans behind it, and simulated plans; the rightmost cost."""
    if found.space.openings <= MOST_PLANS:
        every = found.space.all_plans(found.by).sort_values(["cost", "probability"])
        at, chances = every["cost"].to_numpy() / _MILLION, every["probability"].to_numpy()
        ax.scatter(at, chances, s=4, color=_PALE, lw=0, rasterized=True, zorder=1)
    else:  # the front is all that was looked for; it is of the question's date
        front = found.fronts[found.fronts["front"] == "probability"]
        at = front["cost"].to_numpy() / _MILLION
        chances = np.array([found.space.plan(one.choices, found.by).probability for one in front["plan"]])
    ax.step(at, np.maximum.accumulate(chances), where="post", color=ACCENT, lw=1.4, zorder=3)
    wanted = found.question.probability
    ax.axhline(wanted, color=INK, lw=0.9, ls=(0, (1.2, 1.6)), zorder=2)
    ax.annotate(f"wanted {say.percent(wanted)}", (0, wanted), (2, 4), textcoords="offset points", size=SMALL)
    right = max([*at, *(one.plan.cost / _MILLION for one in found.contenders)])
    above = {plan: plan.probability for _, plan, _ in marked}
    for one in _chosen_last(found):
        cost, chosen = one.plan.cost / _MILLION, one.plan == found.chosen
        color = _CHOSEN if chosen else INK
        ax.plot([cost, cost], [one.low, one.high], color=color, lw=2.0 if chosen else 0.8, zorder=4)
        ax.plot([cost], [one.share], marker="s", ms=4, color=color, ls="", zorder=5)
        ax.plot([cost], [one.plan.probability], marker="o", ms=4, mfc="white", mec=ACCENT, ls="", zorder=4)
        if one.plan in above:
            above[one.plan] = max(one.high, one.plan.probability)
    for letter, plan, _ in marked:
        ax.annotate(
            letter, (plan.cost / _MILLION, above[plan]), (0, 9), textcoords="offset points", size=SIZE, weight="bold",
            ha="center", zorder=6, bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": INK, "lw": 0.6},
        )  # fmt: skip
    ax.set(ylim=(0, 1.12), ylabel="Probability in time")
    ax.set_yticks(np.arange(0, 1.01, 0.2))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y", color=RULE, lw=0.6, zorder=0)
    marks = (
        (_PALE, "o", _PALE, "all plans"), (ACCENT, "", ACCENT, "front: no plan is as cheap and as likely"),
        (ACCENT, "o", "white", "contender, closed form"), (INK, "s", INK, "contender, simulated"),
        (_CHOSEN, "s", _CHOSEN, "chosen"),
    )  # fmt: skip
    for color, marker, face, label in marks:
        ax.plot(
            [],
            [],
            color=color,
            marker=marker,
            mfc=face,
            mec=color,
            ms=4,
            ls="" if marker else "-",
            label=label,
        )
    ax.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=5, frameon=False, fontsize=SMALL, handletextpad=0.5,
        columnspacing=1.2, borderaxespad=0.0,
    )  # fmt: skip
    return right


def _replicates(ax: Axes, found: BestPlanFound) -> None:
    for one in _chosen_last(found):
        color = _CHOSEN if one.plan == found.chosen else SOFT
        ax.plot([one.plan.cost / _MILLION] * 2, [0, one.replicates], color=color, lw=2.2)
    ax.set(ylim=(0, None), ylabel="Trials\nsimulated")
    ax.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    ax.grid(axis="y", color=RULE, lw=0.6)


def _medians(ax: Axes, found: BestPlanFound, marked: list[tuple[str, CandidatePlan, str]]) -> None:
    """The front of the median date, and what the simulation has of the plans it knows."""
    front = found.fronts[found.fronts["front"] == "median"]
    if len(front):
        ax.step(
            front["cost"].to_numpy() / _MILLION, mdates.date2num(front["median"].tolist()), where="post",
            color=ACCENT, lw=1.4, zorder=3,
        )  # fmt: skip
    start = found.question.world.simulation.start_date
    for one in _chosen_last(found):
        day = time_of_share(one.days, 0.5)
        if np.isfinite(day):
            color = _CHOSEN if one.plan == found.chosen else INK
            date = mdates.date2num(start + dt.timedelta(days=day))
            ax.plot([one.plan.cost / _MILLION], [date], marker="s", ms=4, color=color, ls="", zorder=4)
    for letter, plan, _ in marked:
        median = found.space.date(plan.choices, 0.5)
        if median is not None:
            ax.plot(
                [plan.cost / _MILLION], [mdates.date2num(median)], marker="o", ms=4, mfc="white", mec=ACCENT
            )
            ax.annotate(
                letter, (plan.cost / _MILLION, mdates.date2num(median)), (0, 12), textcoords="offset points",
                size=SIZE, weight="bold", ha="center", zorder=6,
                bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": INK, "lw": 0.6},
            )  # fmt: skip
    ax.axhline(mdates.date2num(found.by), color=INK, lw=0.9, ls=(0, (1.2, 1.6)), zorder=2)
    ax.annotate(
        say.day(found.by), (0, mdates.date2num(found.by)), (2, 4), textcoords="offset points", size=SMALL
    )
    ax.yaxis.set_major_locator(mdates.AutoDateLocator(minticks=3, maxticks=6))
    ax.yaxis.set_major_formatter(mdates.DateFormatter("%b %Y"))
    ax.grid(axis="y", color=RULE, lw=0.6)
    ax.set_ylabel("Median date")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
