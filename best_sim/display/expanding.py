"""Plans of expansion as figures, and their report: one table of all, and a page for each plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import numpy as np
import pandas as pd
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    PAPER,
    RULE,
    SIZE,
    SMALL,
    SOFT,
    TINY,
    Sheet,
    styled,
    text_width,
    wrapped,
)
from best_sim.experiments.expansion import MEASURES, digits_shown, measure, words_of
from best_sim.measures.costs import HOLDERS
from best_sim.questions.found import Picture
from best_sim.questions.report import MEANINGS, NOTICE, _Pictures, status_counts

if TYPE_CHECKING:
    from best_sim.experiments.expansion import Expansion, ExpansionPlan, Measure

WIDTH = 9.0
_BAND, _WIDE = "#8fbfdf", "#dfeaf3"
_LEFT, _RIGHT = 0.85, 1.5
_LEAST_FAMILIES = 20
"""Behind a month's mean wait, in all replicates together; below it the month is left out of the picture."""
_HOLDER_COLORS = ("#0072B2", "#56B4E9", "#E69F00")
_HATCHES = ("", "....", "////")
_PANELS = (
    "months_to_target", "families", "lift_wait", "lift_occupancy", "received_lift", "weeks", "within_26_trial",
    "sitting_days", "moves_trial", "cost",
)  # fmt: skip
_NORMAL_90 = 1.6449
"""Quantile of the standard normal for a 90 % interval of a mean."""


@styled
def differences_figure(found: Expansion, measures: Sequence[str] = _PANELS) -> Figure:
    """Differences of every plan to the baseline.

    Parameters
    ----------
    found : best_sim.experiments.expansion.Expansion
    measures : sequence of str
        One panel for each.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no plan beside the baseline.
    """
    table = found.differences()
    if not len(table):
        raise ValueError("plans: found the baseline alone, allowed two or more")
    others = [one for one in found.plans if one.name != found.baseline.name]
    columns, row_high, gap_above, gap_below = 2, 0.24, 0.42, 0.42
    panel_high = row_high * len(others)
    rows = -(-len(measures) // columns)
    body = rows * (gap_above + panel_high + gap_below)
    names_wide = min(2.3, max(text_width(one.shown, SMALL) for one in others) + 0.25)
    words = "; ".join(
        f"{found.experiment.plan(r['plan']).shown}, {r['label']}: {_signed(r['mean'], 2)} {r['unit']}"
        for r in table[table["measure"].isin(measures)].to_dict("records")
    )
    sheet = Sheet(
        WIDTH, body, f"What each plan changes, compared with “{found.baseline.shown}”",
        "Dots: mean difference; thick: its 90% Monte Carlo interval; thin: 5 to 95% of the simulated trials, paired by "
        "luck.",
        f"{found.replicates} replicates of each plan. A difference says what a plan asks of services, not what is "
        "better for a child.",
        f"Differences to {found.baseline.shown}. {words}",
    )  # fmt: skip
    wide = (WIDTH - 2 * Sheet.MARGIN - 0.35) / columns
    for k, name in enumerate(measures):
        one = measure(name)
        row, column = divmod(k, columns)
        left = Sheet.MARGIN + column * (wide + 0.35)
        above = row * (gap_above + panel_high + gap_below)
        bottom = body - above - gap_above - panel_high
        ax = sheet.axes(left + names_wide, WIDTH - left - wide + 0.55, bottom, above + gap_above)
        mine = table[table["measure"] == name].set_index("plan").loc[[p.name for p in others]]
        _difference_panel(ax, mine)
        ax.set_xlabel(str(mine["unit"].iloc[0]), size=SMALL, labelpad=1.5)
        y = sheet.bottom + bottom + panel_high
        label = wrapped(_capital(one.label), wide, SMALL, "bold")[0]
        sheet.text(left, y + 0.1, _whole_label(one, label), size=SMALL, weight="bold")
        for i, (plan, r) in enumerate(zip(others, mine.to_dict("records"), strict=True)):
            at = y - row_high * (i + 0.5)
            sheet.text(left, at, _fitted(plan.shown, names_wide - 0.1), size=SMALL, color=SOFT, va="center")
            sheet.text(
                left + wide,
                at,
                _signed(r["mean"], digits_shown(one.digits, r["mcse"])),
                size=SMALL,
                va="center",
                ha="right",
            )
    return sheet.figure


def _difference_panel(ax: Axes, rows: pd.DataFrame) -> None:
    n = len(rows)
    ax.set(ylim=(n, 0))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.axvline(0.0, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ends = [0.0]
    for i, r in enumerate(rows.to_dict("records")):
        if not np.isfinite(r["mean"]):
            continue
        at = i + 0.5
        half = _NORMAL_90 * r["mcse"]
        ax.plot([r["lower_90"], r["upper_90"]], [at, at], color=FAINT, lw=1.1)
        ax.plot([r["mean"] - half, r["mean"] + half], [at, at], color=_BAND, lw=4.0)
        ax.plot([r["mean"]], [at], marker="o", ms=4.2, color=ACCENT)
        ends += [r["lower_90"], r["upper_90"], r["mean"] - half, r["mean"] + half]
    low, high = min(ends), max(ends)
    room = 0.06 * (high - low) or 1.0
    ax.set_xlim(low - room, high + room)
    ax.locator_params(axis="x", nbins=4)


@styled
def plan_figure(found: Expansion, plan: str) -> Figure:
    """One plan by month and year: families, the wait for LIFT, its places, and who spends what.

    Parameters
    ----------
    found : best_sim.experiments.expansion.Expansion
    plan : str
        Its name.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    KeyError
        If there is no such plan.
    """
    months = found.monthly(plan)
    shown = found.experiment.plan(plan)
    base = None if plan == found.baseline.name else found.monthly(found.baseline.name)
    high = (1.9, 1.1, 1.1, 1.5)
    top, below = 0.3, 0.32
    openings = [(day, name) for day, name in found.openings(plan) if day is not None]
    marks = 0.17 * len(openings) + 0.06
    body = marks + sum(high) + len(high) * (top + below)
    sheet = Sheet(
        WIDTH, body, shown.shown,
        f"{_date_sentence(found, plan)} Lines: means; bands: 50 and 90% of simulated trials."
        + ("" if base is None else f" Dashed: {found.baseline.shown}."),
        f"{found.replicates} replicates. LIFT's places and those waiting: all families who use the teams; its waits: "
        f"trial families, by the month in which they asked, where {_LEAST_FAMILIES} or more did. Costs: every family "
        f"that entered care from {say.month(found.opened)} on, in the trial or not, to {_horizon(found, plan)} after "
        "entry.",
        f"{shown.shown}. {_date_sentence(found, plan)} Families randomised, waits for LIFT, places in use by month; "
        "cost by budget holder and financial year.",
    )  # fmt: skip
    until = min(found.months[-1], dt.date(found.closed.year + 1, found.closed.month, 1))
    bottoms, y = [], body
    for k, each in enumerate(high):
        y -= top + each + (marks if k == 0 else 0.0)
        bottoms.append(y)
        y -= below
    axes = [
        sheet.axes(_LEFT, _RIGHT, bottom, body - bottom - each)
        for bottom, each in zip(bottoms, high, strict=True)
    ]
    titles = (
        "Families randomised", "Days waited for LIFT, families who began", "Places of LIFT in use",
        "Spent in each financial year, million GBP",
    )  # fmt: skip
    for k, (title, bottom, each) in enumerate(zip(titles, bottoms, high, strict=True)):
        at = sheet.bottom + bottom + each + (marks if k == 0 else 0.0) + 0.1
        sheet.text(Sheet.MARGIN, at, title, size=SIZE, weight="bold")
    _families_panel(axes[0], months, base, found.experiment.target_of(plan))
    _mark_openings(sheet, axes[0], openings, found.months[0], until, bottoms[0], high[0], marks)
    _fan_panel(axes[1], _often_enough(months), "wait", None if base is None else _often_enough(base))
    _fan_panel(axes[2], months, "in_use", base)
    x = mdates.date2num(months["month"])
    axes[2].step(x, months["places"], where="post", color=INK, lw=1.2)
    _beside(axes[2], float(_at(months, until)["places"]), "places")
    axes[2].set_ylim(0, 1.12 * max(months["places"].max(), months["in_use_upper_90"].max()))
    for ax in axes[:3]:
        ax.set_xlim(mdates.date2num(found.months[0]), mdates.date2num(until))
        ax.xaxis.set_major_locator(mdates.YearLocator())
        ax.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
        ax.grid(axis="y", color=RULE, lw=0.6)
        for day, _ in openings:
            ax.axvline(mdates.date2num(day), color=RULE, lw=0.8, zorder=0)
    _costs_panel(axes[3], found, plan)
    return sheet.figure


def _families_panel(ax: Axes, months: pd.DataFrame, base: pd.DataFrame | None, target: int) -> None:
    x = mdates.date2num(months["until"])
    ax.fill_between(x, months["families_lower_90"], months["families_upper_90"], color=_WIDE, lw=0)
    ax.fill_between(x, months["families_lower_50"], months["families_upper_50"], color=_BAND, lw=0)
    if base is not None:
        ax.plot(x, base["families"], color=SOFT, lw=1.0, ls=(0, (4, 2)))
    ax.plot(x, months["families"], color=ACCENT, lw=1.8)
    ax.axhline(target, color=INK, lw=0.9, ls=(0, (1.2, 1.6)))
    ax.set_ylim(0, 1.1 * max(target, months["families_upper_90"].max()))
    _beside(ax, target, f"target {target}")


def _fan_panel(ax: Axes, months: pd.DataFrame, name: str, base: pd.DataFrame | None) -> None:
    x = mdates.date2num(months["month"]) + 15.0
    ax.fill_between(x, months[f"{name}_lower_90"], months[f"{name}_upper_90"], color=_WIDE, lw=0)
    ax.fill_between(x, months[f"{name}_lower_50"], months[f"{name}_upper_50"], color=_BAND, lw=0)
    if base is not None:
        ax.plot(x, base[name], color=SOFT, lw=1.0, ls=(0, (4, 2)))
    ax.plot(x, months[name], color=ACCENT, lw=1.6)
    highest = months[[name, f"{name}_upper_90"]].max().max()
    if base is not None:
        highest = max(highest, base[name].max())
    ax.set_ylim(0, 1.08 * highest if highest > 0 else 1.0)


def _mark_openings(
    sheet: Sheet,
    ax: Axes,
    openings: Sequence[tuple[dt.date, str]],
    first: dt.date,
    until: dt.date,
    bottom: float,
    high: float,
    marks: float,
) -> None:
    """Names of boroughs over the panel, each on a line of its own, with a mark down to the day on which it opens."""
    wide = sheet.width - _LEFT - _RIGHT
    for i, (day, name) in enumerate(openings):
        share = (day - first).days / (until - first).days
        if share > 1.0:
            continue
        above = marks - 0.06 - 0.17 * (i + 0.5)
        words = f"{name}, {say.short_day(day)}"
        beyond = _LEFT + share * wide + 0.06 + text_width(words, TINY) > sheet.width - Sheet.MARGIN
        sheet.text(
            _LEFT + share * wide + (-0.06 if beyond else 0.06), sheet.bottom + bottom + high + above, words, size=TINY,
            color=SOFT, va="center", ha="right" if beyond else "left",
        )  # fmt: skip
        ax.plot(
            [mdates.date2num(day)] * 2, [1.0, 1.0 + (above + 0.06) / high], color=FAINT, lw=0.8, clip_on=False,
            transform=ax.get_xaxis_transform(),
        )  # fmt: skip


def _often_enough(months: pd.DataFrame) -> pd.DataFrame:
    """The months, with waits only where there are families enough behind them."""
    out = months.copy()
    waits = [name for name in map(str, out.columns) if name == "wait" or name.startswith("wait_")]
    out.loc[out["wait_n"] < _LEAST_FAMILIES, waits] = np.nan
    return out


def _costs_panel(ax: Axes, found: Expansion, plan: str) -> None:
    costs = found.costs(plan)
    years = list(found.years)
    floor = np.zeros(len(years))
    for holder, color, hatch in zip(HOLDERS, _HOLDER_COLORS, _HATCHES, strict=True):
        mean = costs.loc[costs["holder"] == holder, "mean"].to_numpy() / 1e6
        ax.bar(years, mean, bottom=floor, width=0.62, color=color, hatch=hatch, edgecolor=PAPER, lw=0)
        floor = floor + mean
    whole = costs[costs["holder"] == "all"]
    low, high = whole["lower_90"].to_numpy() / 1e6, whole["upper_90"].to_numpy() / 1e6
    ax.vlines(range(len(years)), low, high, color=INK, lw=0.9)
    for k, (top, end) in enumerate(zip(floor, high, strict=True)):
        ax.annotate(
            say.number(top, 1),
            (k, max(top, end)),
            (0, 3),
            textcoords="offset points",
            ha="center",
            size=SMALL,
        )
    ax.set_ylim(0, 1.15 * max(high.max(), floor.max()))
    ax.grid(axis="y", color=RULE, lw=0.6)
    ax.set_axisbelow(True)
    last = {holder: costs.loc[costs["holder"] == holder, "mean"].sum() / 1e6 for holder in HOLDERS}
    for k, (holder, color, hatch) in enumerate(
        zip(reversed(HOLDERS), reversed(_HOLDER_COLORS), reversed(_HATCHES), strict=True)
    ):
        y = 0.86 - 0.22 * k
        ax.bar(
            [1.025], [0.09], bottom=[y - 0.045], width=0.022, color=color, hatch=hatch, edgecolor=PAPER, lw=0,
            transform=ax.transAxes, clip_on=False,
        )  # fmt: skip
        label = f"{_capital(holder)},\n{say.number(last[holder], 1)} in all"
        ax.text(1.05, y, label, transform=ax.transAxes, size=TINY, color=SOFT, va="center")
    ax.set_xlim(-0.6, len(years) - 0.4)


def _beside(ax: Axes, y: float, words: str) -> None:
    """Words to the right of the panel, at a height of its own."""
    ax.annotate(
        words, (1.0, y), (5, 0), xycoords=("axes fraction", "data"), textcoords="offset points", size=SMALL,
        va="center", annotation_clip=False,
    )  # fmt: skip


def _at(months: pd.DataFrame, day: dt.date) -> pd.Series:
    return months[[each <= day for each in months["month"]]].iloc[-1]


def _whole_label(one: Measure, fitted: str) -> str:
    """A label that stands alone, of a measure that says `of those` in a table."""
    return {"received_lift": "Allocated to LIFT and received it"}.get(one.name, fitted)


def _fitted(words: str, width: float) -> str:
    """Words cut so that they fit, with an ellipsis."""
    if text_width(words, SMALL) <= width:
        return words
    while words and text_width(f"{words}…", SMALL) > width:
        words = words[:-1]
    return f"{words.rstrip()}…"


def _signed(value: float, digits: int) -> str:
    said = say.number(value, digits)
    return f"+{said}" if np.isfinite(value) and value > 0 and float(said.replace(",", "")) != 0 else said


def _horizon(found: Expansion, plan: str) -> str:
    return say.span(found.scenarios[plan].costs.horizon)


def _date_sentence(found: Expansion, plan: str) -> str:
    row: Any = found.dates().set_index("plan").loc[plan]
    share = say.percent(row["reached"])
    if row["median"] is None:
        return f"{row['target']} families are reached in {share} of simulated trials."
    late = say.month(row["upper_90"]) if row["upper_90"] is not None else "not by the end"
    return (
        f"{row['target']} families by {say.month(row['median'])} (median; 90%: {say.month(row['lower_90'])} to "
        f"{late}); reached in {share} of simulated trials."
    )


# --- tables for people --------------------------------------------------------------------------------------
def date_cells(found: Expansion) -> dict[str, str]:
    """The date of each plan's target in a few words: median, and 90 % interval."""
    out = {}
    rows: list[dict[str, Any]] = [{str(k): v for k, v in r.items()} for r in found.dates().to_dict("records")]
    for row in rows:
        if row["lower_90"] is None:
            out[row["plan"]] = "not reached"
            continue
        middle = f"{row['median']:%b %Y}" if row["median"] is not None else "not by the end"
        late = f"{row['upper_90']:%b %Y}" if row["upper_90"] is not None else "later"
        out[row["plan"]] = f"{middle} ({row['lower_90']:%b %Y} to {late})"
    return out


def plans_table(found: Expansion, short: bool = False) -> pd.DataFrame:
    """All plans beside each other, as texts.

    Parameters
    ----------
    found : best_sim.experiments.expansion.Expansion
    short : bool
        Only the measures that have a short name, under that name, and of the date only the median.

    Returns
    -------
    pandas.DataFrame
        One row for the date of the target and one for each measure: label, unit, and a column for each plan, by name:
        mean, and its Monte Carlo standard error in brackets.
    """
    dates = {name: words.partition(" (")[0] if short else words for name, words in date_cells(found).items()}
    table = found.table().set_index(["plan", "measure"])
    rows: list[dict[str, str]] = [
        {"label": "Target" if short else "Target reached, median (5 to 95%)", "unit": "date", **dates},
    ]
    for one in MEASURES:
        if short and not one.short:
            continue
        cells = {}
        for plan in found.plans:
            got: Any = table.loc[(plan.name, one.name)]
            cells[plan.name] = _with_error(got["mean"], got["mcse"], one.digits)
        rows.append({"label": one.short if short else one.label, "unit": one.unit, **cells})
    return pd.DataFrame(rows)


def _with_error(mean: float, error: float, digits: int) -> str:
    if not np.isfinite(mean):
        return say.UNKNOWN
    if not np.isfinite(error):
        return say.number(mean, digits)
    digits = digits_shown(digits, error)
    return f"{say.number(mean, digits)} ({say.number(error, digits)})"


# --- the report ---------------------------------------------------------------------------------------------
def write_expansion_report(
    found: Expansion, path: str | Path, *, manifest: Mapping[str, Any] | None = None
) -> Path:
    """Write the report: one HTML file that opens offline, with a page for each plan where it is printed.

    Parameters
    ----------
    found : best_sim.experiments.expansion.Expansion
    path : path
        File to write, or a folder, in which it is called `report.html`.
    manifest : mapping, optional
        Of the run: command, engine, versions and other plain values.

    Returns
    -------
    pathlib.Path
        The file written.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "report.html"
    sentences = dict(zip(_in_words_order(found), words_of(found), strict=True))
    drawn = {f"plan-{k}": plan_figure(found, one.name) for k, one in enumerate(found.plans)}
    several = len(found.plans) > 1
    if several:
        drawn["differences"] = differences_figure(found)
    whole = plans_table(found)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("best_sim.display"), autoescape=True, undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )  # fmt: skip
    counts = status_counts(found.experiment.scenario.table())
    numbered = _Pictures(drawn)
    html = environment.get_template("expansion.html.j2").render(
        title=found.experiment.title,
        question=found.experiment.question,
        notice=NOTICE,
        sentences=[one.partition(":")[::2] for one in sentences.values()],
        names=[one.shown for one in found.plans],
        rows=[
            [row["label"], row["unit"], *(row[one.name] for one in found.plans)]
            for row in whole.to_dict("records")
        ],
        several=several,
        baseline=found.baseline.shown,
        replicates=found.replicates,
        pages=[_page(found, k, one, sentences[one.name]) for k, one in enumerate(found.plans)],
        rests_on=_rests_on(found),
        statuses=[
            {"name": s.capitalize(), "count": say.number(n), "meaning": MEANINGS.get(s, "")}
            for s, n in counts.items()
        ],
        picture=lambda name, caption: numbered(Picture(name, caption)),
        command=str((manifest or {}).get("command", "")),
        run=_run(found, manifest or {}),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8", newline="\n")
    return path


def _in_words_order(found: Expansion) -> list[str]:
    first = found.baseline.name
    return [first, *(one.name for one in found.plans if one.name != first)]


def _page(found: Expansion, k: int, plan: ExpansionPlan, sentence: str) -> dict[str, Any]:
    """What the page of one plan says."""
    table = found.table()
    mine = table[table["plan"] == plan.name].set_index("measure")
    apart = found.differences()
    apart = apart[apart["plan"] == plan.name].set_index("measure") if len(apart) else apart
    rows = []
    for one in MEASURES:
        got: Any = mine.loc[one.name]
        cells = [
            _with_error(got["mean"], got["mcse"], one.digits),
            _range(got["lower_90"], got["upper_90"], one.digits),
        ]
        if len(apart):
            other: Any = apart.loc[one.name]
            digits = digits_shown(one.digits, other["mcse"])
            more = _signed(other["mean"], digits)
            if np.isfinite(other["mcse"]):
                more += f" ({say.number(other['mcse'], digits)})"
            cells += [more, _range(other["lower_90"], other["upper_90"], one.digits)]
        rows.append({"label": one.label, "unit": one.unit, "cells": cells})
    opens = say.listed(
        [f"{name} {say.short_day(day) if day else 'not at all'}" for day, name in found.openings(plan.name)]
    )
    scenario = found.scenarios[plan.name]
    return {
        "id": f"plan-{k}",
        "title": plan.shown,
        "notes": _capital(plan.notes),
        "sentence": _capital(sentence.partition(":")[2].strip()),
        "openings": opens,
        "staff": _staff(found, plan),
        "rows": rows,
        "baseline": plan.name == found.baseline.name,
        "overrides": [f"{key} = {value}" for key, value in plan.overrides],
        "closings": [f"{scenario.boroughs[name].title} {say.short_day(day)}" for name, day in plan.closings],
    }


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _range(low: float, high: float, digits: int) -> str:
    if not np.isfinite(low):
        return say.UNKNOWN
    return f"{say.number(low, digits)} to {say.number(high, digits)}"


def _staff(found: Expansion, plan: ExpansionPlan) -> str:
    """How the teams of the plan's boroughs are staffed, by date."""
    scenario = found.scenarios[plan.name]
    used = dict.fromkeys(one.lift_team for one in scenario.boroughs.values())
    told = []
    for name in used:
        team = scenario.lift.teams[name]
        kinds = {"social workers": team.social_workers, "psychologists": team.psychologists,
                 "psychiatrists": team.psychiatrists}  # fmt: skip
        parts = []
        for kind, series in kinds.items():
            steps = [f"{value:g} from {say.short_day(day)}" for day, value in series]
            steps[0] = f"{series.values[0]:g}"
            parts.append(f"{kind} {', '.join(steps)}")
        told.append(f"{team.title}: {'; '.join(parts)}")
    return ". ".join(told)


def _rests_on(found: Expansion) -> list[str]:
    scenario = found.experiment.scenario
    months = say.span(scenario.costs.horizon)
    return [
        "Openings, staff and targets of the plans are assumptions, as are the scenario's parameters so marked.",
        "Every plan meets the same families with the same luck. Families enter care as often, consent as often and are "
        "found ineligible as often whatever the plan, unless the plan says otherwise.",
        "A borough invites families who become known from the day on which it opens. Staff work from the date given, "
        "without time to be found or trained.",
        "All plans end together: families, waits and receipt are counted over the whole run; places in use from "
        f"{say.day(found.opened)} to {say.day(found.closed)}; proceedings, sitting days, moves and costs from "
        f"{say.day(found.opened)} to {say.day(found.months[-1])}.",
        "Sitting days are those of the simulated families' hearings, adjourned ones among them; the court's other "
        "cases take theirs beside them.",
        f"Costs are of every family of the scenario's boroughs that entered care from {say.day(found.opened)} on, to "
        f"{months} after entry, undiscounted, in prices of the day. LIFT is costed by the hours spent on these "
        "families: salaries of staff whose places stand empty, and families outside the simulated boroughs, are not "
        "in it.",
        "The first and last financial years are in part only, and families who entered late are followed for less "
        "long.",
    ]


def _run(found: Expansion, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    scenario = found.experiment.scenario
    out = [
        ("Experiment", found.experiment.name), ("Scenario", f"{scenario.name} ({scenario.hash[:12]})"),
        ("Replicates", str(found.replicates)), ("Seed", str(found.seed)),
    ]  # fmt: skip
    out += [
        (f"Plan {one.name}", f"scenario hash {found.scenarios[one.name].hash[:12]}") for one in found.plans
    ]
    for key in ("engine", "started", "seconds", "platform"):
        if manifest.get(key) is not None:
            out.append((key.capitalize(), str(manifest[key])))
    versions = manifest.get("versions")
    if isinstance(versions, Mapping):
        out.append(("Versions", ", ".join(f"{k} {v}" for k, v in versions.items())))
    return out
