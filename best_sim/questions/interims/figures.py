"""Pictures of interim analyses."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from best_sim.drawing import wording as say
from best_sim.drawing.style import ACCENT, FAINT, INK, OCHRE, PAPER, RULE, SMALL, SOFT, Sheet, styled
from best_sim.questions.interims.run import INFERENCES
from best_sim.scenario.durations import YEAR
from best_sim.trial.outcomes import OUTCOMES

if TYPE_CHECKING:
    from best_sim.questions.interims.run import InterimsFound

WIDTH = 9.0


@styled
def interims_figure(found: InterimsFound) -> Figure:
    """Bounds and what trials show at each analysis, and when by the calendar they come.

    Parameters
    ----------
    found : InterimsFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    table, looks, question = found.by_look, found.looks, found.question
    power, without = found.share("found"), found.share("found_without")
    alt = " ".join(
        f"Analysis {r['look']} at {r['share']:.0%} of the last visits, {r['date'] or 'not reached'}: "
        f"{r['randomised']:.0f} families randomised, {r['to_come']:.0f} still to be visited for the last time; "
        f"{r['ended']:.0%} ended."
        for r in table.to_dict("records")
    )
    null = question.share_found == "type I error"
    found_what = (
        "report a difference though there is no direct effect (type I error)" if null else "find an effect"
    )
    futility = " Futility does not bind." if question.futility > 0 else ""
    sheet = Sheet(
        WIDTH, 4.6, f"Interim analyses (design: {question.design}): what they show, and when they come",
        f"Left: z at each analysis (bars: 50 and 90% of trials), better upwards, with "
        f"bounds. Right: their dates (90% of trials; dot: median). {say.percent(power.value, 1)} of trials "
        f"{found_what}, and {say.percent(without.value, 1)} with one analysis at the end.",
        f"{len(found.trials):,} simulated trials.{futility}", alt,
    )  # fmt: skip
    ax = sheet.axes(0.75, 4.85, 0.6, 0.15)
    x = 100 * table["share"].to_numpy(float)
    top = min(4.5, max(3.0, float(np.nanmax(table["bound"])) + 0.4))
    for sign, label in ((1, "benefit"), (-1, "harm")):
        ax.plot(x, sign * table["bound"], color=INK, lw=1.2, marker="_", ms=8)
        at = sign * min(float(table["bound"].iloc[0]), top)
        ax.annotate(label, (x[0], at), (0, 9 * sign), textcoords="offset points", va="center", size=SMALL)
    futile = table["futility_bound"].to_numpy(float)[:-1]
    if np.isfinite(futile).any():
        ax.plot(x[:-1], futile, color=OCHRE, lw=1.2, marker="_", ms=8)
        ax.annotate(
            "futility", (x[0], futile[0]), (9, -9), textcoords="offset points", size=SMALL, color=OCHRE
        )
    for k, row in enumerate(table.to_dict("records")):
        z = looks.loc[looks["look"] == row["look"], "z"].to_numpy(float)
        if not len(z):
            continue
        q = np.nanquantile(z, [0.05, 0.25, 0.5, 0.75, 0.95])
        ax.plot([x[k], x[k]], [q[0], q[4]], color=ACCENT, lw=1.2)
        ax.plot([x[k], x[k]], [q[1], q[3]], color=ACCENT, lw=5.0, solid_capstyle="butt")
        ax.plot([x[k]], [q[2]], marker="o", ms=4, mfc=PAPER, mec=ACCENT)
    ax.set(xlabel="Last visits that are over, %", ylabel="z", ylim=(-top, top), xlim=(x[0] - 8, 106))
    ax.set_xticks(x)
    ax.axhline(0.0, color=RULE, lw=0.8, zorder=0)

    known = table.dropna(subset=["date"])
    calendar = sheet.axes(4.75, 0.35, 0.6, 0.15)
    low, high = float(looks["day"].quantile(0.01)) - 90, float(looks["day"].quantile(0.99)) + 90
    calendar.set(ylim=(len(known), 0), xlim=(low, high))
    calendar.set_yticks([])
    calendar.spines["left"].set_visible(False)
    days = {
        year: (dt.date(year, 1, 1) - found.start_date).days
        for year in range(found.start_date.year, found.start_date.year + int(high / YEAR) + 2)
    }
    shown = {year: day for year, day in days.items() if low <= day <= high}
    calendar.set_xticks(list(shown.values()), [str(year) for year in shown])
    for i, row in enumerate(known.to_dict("records")):
        q = looks.loc[looks["look"] == row["look"], "day"].quantile([0.05, 0.5, 0.95])
        calendar.plot([q.iloc[0], q.iloc[2]], [i + 0.75] * 2, color=ACCENT, lw=2.2)
        calendar.plot([q.iloc[1]], [i + 0.75], marker="o", ms=5, color=ACCENT)
        why = ", ".join(f"{say.percent(row[w])} {w}" for w in ("benefit", "harm", "futility") if row[w] > 0)
        words = (
            f"Analysis {row['look']}, {say.percent(row['share'])} of last visits: {row['randomised']:.0f} randomised,",
            f"{row['to_come']:.0f} families still to see. Ends here: {why or 'none'}.",
        )
        for k, (line, color) in enumerate(zip(words, (INK, SOFT), strict=True)):
            calendar.text(
                0.0, i + 0.12 + 0.2 * k, line, transform=calendar.get_yaxis_transform(), va="top", size=SMALL,
                color=color,
            )  # fmt: skip
    return sheet.figure


@styled
def estimates_at_stop_figure(found: InterimsFound) -> Figure:
    """What is reported of trials by when they end, as if there had been no interim analyses and allowing for them.

    Parameters
    ----------
    found : InterimsFound

    Returns
    -------
    matplotlib.figure.Figure
    """
    got, trials, question, last = found.estimates, found.trials, found.question, found.bounds.looks
    of = OUTCOMES[question.trial.primary.outcome]
    truth = float(found.inference["truth"].iloc[0])
    ends = [
        (f"Analysis {look}, {why}", (trials["look"] == look) & (trials["why"] == why))
        for look in range(1, last)
        for why in ("benefit", "harm", "futility")
    ]
    ends = [
        (name, which) for name, which in [*ends, ("Last analysis", trials["look"] == last)] if which.any()
    ]
    ways = [one for one in INFERENCES if one[0] != "one analysis"]
    means = {
        (end, name): float(got.loc[which, f"{prefix}estimate"].mean())
        for end, which in ends
        for name, prefix, _ in ways
    }
    step = 0.5
    alt = " ".join(
        f"{end}: {', '.join(f'{name} {say.number(means[end, name], 2)}' for name, _, _ in ways)}."
        for end, _ in ends
    )
    title = f"What is reported of trials (design: {question.design}), by when and why they end"
    sheet = Sheet(
        WIDTH, 1.05 + step * len(ends), title,
        f"Estimates in {of.unit}, LIFT less services as usual: mean (dot) and 90% of trials "
        "(bar), as if there had been no interim analyses (filled) and allowing for them (open). Line: true effect of "
        "allocation.",
        f"{len(got):,} simulated trials.", f"Estimates by when trials end; the truth is {say.number(truth, 2)}. {alt}",
    )  # fmt: skip
    ax = sheet.axes(2.6, 0.5, 0.55, 0.1)
    ax.set(ylim=(len(ends), 0), xlabel=f"{of.axis[:1].upper()}{of.axis[1:]}")
    ax.set_yticks(
        [i + 0.5 for i in range(len(ends))],
        [f"{end}: {say.plural(int(which.sum()), 'trial')}" for end, which in ends],
    )
    if np.isfinite(truth):
        ax.axvline(truth, color=INK, lw=1.0)
    ax.axvline(0.0, color=FAINT, lw=0.8, ls=(0, (1.2, 1.6)))
    for i, (end, which) in enumerate(ends):
        for k, (name, prefix, _) in enumerate(ways):
            mine = got.loc[which, f"{prefix}estimate"].dropna()
            if mine.empty:
                continue
            at, color = i + 0.38 + 0.24 * k, (ACCENT, OCHRE)[k]
            low, high = mine.quantile([0.05, 0.95])
            ax.plot([low, high], [at, at], color=color, lw=1.8)
            ax.plot([means[end, name]], [at], marker="o", ms=6, mfc=color if k == 0 else PAPER, mec=color)
    return sheet.figure
