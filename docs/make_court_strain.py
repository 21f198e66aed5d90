"""Draw the picture of `docs/explanation/court-under-strain.md` and print its table: `python docs/make_court_strain.py`.

A court of 48 sitting days a week is given 44, 40, 36 or 24 from one day on, for eight years: once with what cases
needed in 2016, once with what they needed in 2021.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from best_sim.pathway import Journeys, simulate
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR

HERE = Path(__file__).parent
DAYS = (48, 44, 40, 36, 24)
COURTS = ("east_london",)
START, CHANGE, YEARS = dt.date(2014, 1, 1), dt.date(2015, 1, 1), 9
REPLICATES, SEED = 20, 24
COLOURS = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00")


def world(content: float, days: float) -> Scenario:
    """London's court with a steady load, nobody in the trial, and `days` a week from the day of the change."""
    sits = [{"from": dt.date(2000, 1, 1), "value": 48}, {"from": CHANGE, "value": days}]
    load = [{"from": dt.date(2000, 1, 1), "value": 160}]
    return Scenario.load("london-2017").replace(
        {
            "simulation.start_date": START,
            "simulation.end_date": START.replace(year=START.year + YEARS),
            "sites.london.recruiting": [{"from": dt.date(2000, 1, 1), "value": 0}],
            "proceedings.content": [{"from": dt.date(2000, 1, 1), "value": content}],
            **{f"courts.{court}.sitting_days_per_week": sits for court in COURTS},
            **{f"courts.{court}.other_cases": load for court in COURTS},
        }
    )


def by_year(journeys: Journeys) -> np.ndarray:
    """Mean weeks, share within 26, hearings of the cases decided in each year; undecided cases at its end."""
    p = journeys.proceedings
    decided, issued = p["decided_days"].to_numpy(), p["issued_days"].to_numpy()
    out = np.full((4, YEARS), np.nan)
    for year in range(YEARS):
        mine = p[(decided >= year * YEAR) & (decided < (year + 1) * YEAR)]
        if len(mine):
            out[:3, year] = mine["weeks"].mean(), (mine["weeks"] <= 26.0).mean(), mine["hearings"].mean()
        end = (year + 1) * YEAR
        out[3, year] = ((issued < end) & ~(decided < end)).sum() / len(COURTS)
    return out


def main() -> None:
    """Simulate, draw, and print the table."""
    content = dict(Scenario.load("london-2017").proceedings.content)
    of_2021 = content[dt.date(2021, 1, 1)]
    fig = Figure(figsize=(9.0, 5.6), layout="constrained")
    axes = fig.subplots(2, 3, sharex=True)
    print(
        "| content | days a week | mean weeks | within 26 weeks | hearings a case | undecided cases a court |"
    )
    print("|---|---|---|---|---|---|")
    for row, (needs, said) in enumerate(((1.0, "2016"), (of_2021, "2021"))):
        for days, colour in zip(DAYS, COLOURS, strict=True):
            each = np.array([by_year(simulate(world(needs, days), SEED, k)) for k in range(REPLICATES)])
            mean = np.nanmean(each, axis=0)
            last = mean[:, -3:].mean(axis=1)
            error = np.nanmean(each[:, 0, -3:], axis=1).std(ddof=1) / np.sqrt(REPLICATES)
            weeks = f"{last[0]:.1f} ({error:.1f})"
            print(f"| {said} | {days} | {weeks} | {100 * last[1]:.0f} % | {last[2]:.1f} | {last[3]:.0f} |")
            for ax, values in zip(axes[row], (mean[0], mean[3], mean[2]), strict=True):
                ax.plot(np.arange(YEARS) + 0.5, values, color=colour, label=f"{days}")
        for ax, what in zip(
            axes[row], ("weeks, cases decided", "undecided cases, a court", "hearings a case"), strict=True
        ):
            ax.set_title(f"{what}\ncontent of {said}", fontsize=9)
            ax.set_ylim(bottom=0)
            ax.axvline((CHANGE - START).days / YEAR, color="#888888", lw=0.8, ls=":")
    for ax in axes[1]:
        ax.set_xlabel("years")
    axes[0, 0].legend(title="sitting days a week", fontsize=7, title_fontsize=7, ncols=2)
    fig.savefig(HERE / "pictures" / "court-under-strain.png", dpi=110)


if __name__ == "__main__":
    main()
