"""A back-cast: estimate from the earlier years, simulate the last, and hold it against what happened."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from best_sim.engine.model import Engine
from best_sim.measures.episodes import by_month, episodes_of, spells
from best_sim.measures.small_counts import hidden
from best_sim.pathway import simulate
from best_sim.questions.local_rates.ask import LocalRatesQuestion
from best_sim.questions.local_rates.estimation import months_between
from best_sim.questions.local_rates.rates import LocalRates
from best_sim.replications import Keep, whole_table
from best_sim.scenario import Scenario

_QUANTITIES = ("in_care", "entries", "rate")
_COUNTED = {"in_care": "in_care", "entries": "entries", "rate": "moves"}
"""The count behind each quantity."""
_LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class BackCast:
    """A forecast of months that have been seen, from those before them.

    Attributes
    ----------
    rates : LocalRates
        From the months before.
    months : pandas.DataFrame
        One row for each quantity and month: quantity ("in_care", "entries", "rate": moves per child-year), month,
        observed, forecast (mean), low, high, inside. Observed counts below `least` are not shown, nor others from which
        they could be told.
    fitted : tuple of datetime.date
        What was estimated from.
    replicates : int
    level : float
        Of the interval, in which a month should lie that the model forecasts as it should. It holds the uncertainty of
        the parameters, and chance.

    Notes
    -----
    A run does not start with the authority's own children: it starts early enough for its own to have settled. Where
    entries have risen or fallen in the window the number in care therefore begins at what the mean rate would give.
    Proceedings take as long as the setting's court makes them.
    """

    rates: LocalRates
    months: pd.DataFrame
    fitted: tuple[dt.date, dt.date]
    replicates: int
    level: float

    @property
    def held(self) -> tuple[int, int]:
        """How many months lie within the interval, and of how many that can be told."""
        inside = self.months["inside"].dropna()
        return int(inside.sum()), len(inside)


@dataclass(frozen=True)
class BackCastReplicate:
    """One simulated run, with parameters drawn by how well they are known: a row for each month.

    Parameters
    ----------
    scenario : Scenario
        With what was estimated.
    drawn : tuple of dict
        Of each replicate: parameters to set otherwise.
    start, then : datetime.date
        Of the window.
    months : pandas.DatetimeIndex
        First days of the months, and of the one after the last.
    seed : int
    engine : {"compiled", "simpy"}
    """

    scenario: Scenario
    drawn: tuple[dict[str, Any], ...]
    start: dt.date
    then: dt.date
    months: pd.DatetimeIndex
    seed: int
    engine: Engine

    @classmethod
    def of(cls, question: LocalRatesQuestion, engine: Engine) -> BackCastReplicate:
        """For a question."""
        rates, (_, then) = question.earlier, question.last_year
        start = question.clean.window[0]
        with tempfile.TemporaryDirectory() as folder:
            path = rates.to_toml(Path(folder) / "local.toml", setting=question.setting_of(rates))
            scenario = Scenario.load(path)
        # one after another, so that a replicate's are the same however many there are
        rng = np.random.default_rng(question.seed)
        drawn = [rates.drawn(rng) for _ in range(question.replicates)]
        return cls(
            scenario=scenario.replace({"simulation.start_date": start, "simulation.end_date": then}),
            drawn=tuple({k: v for k, v in one.items() if not k.startswith("boroughs.")} for one in drawn),
            start=start,
            then=then,
            months=months_of(question),
            seed=question.seed,
            engine=engine,
        )

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The rows of replicate `number`."""
        world = self.scenario.replace(self.drawn[number], quietly=True)
        journeys = simulate(world, self.seed, number, self.engine)
        local = episodes_of(journeys, borough="local")
        months = by_month(spells(local, self.start, self.then), self.start, self.months)
        return [
            {"replicate": number, "month": k, "in_care": int(i), "entries": int(e), "rate": float(r)}
            for k, (i, e, r) in enumerate(zip(*(months[q] for q in _QUANTITIES), strict=True))
        ]


def months_of(question: LocalRatesQuestion) -> pd.DatetimeIndex:
    """First days of the months of the year that is forecast, and of the one after the last."""
    until, then = question.last_year
    return months_between(pd.Timestamp(until), pd.Timestamp(then))


def backcast_of(question: LocalRatesQuestion, keep: Keep, done: int) -> BackCast:
    """The forecast beside what was seen.

    Parameters
    ----------
    question : LocalRatesQuestion
    keep : Keep
    done : int
        Replicates that count.

    Returns
    -------
    BackCast
    """
    start, then = question.clean.window
    seen = by_month(spells(question.clean.episodes, start, then), start, months_of(question))
    rows = whole_table(keep, done).to_pandas()
    parts = []
    for quantity in _QUANTITIES:
        ran = rows[quantity].to_numpy(float).reshape(done, len(seen))
        low, high = np.nanquantile(ran, [0.5 - 0.5 * _LEVEL, 0.5 + 0.5 * _LEVEL], axis=0)
        count = seen[_COUNTED[quantity]]
        # what happened in the months adds up to what happened in the year, which may be known
        block = pd.Series("" if quantity == "in_care" else "year", index=count.index)
        small = hidden(count, question.smallest, block)
        observed = np.where(small, np.nan, seen[quantity].to_numpy(float))
        inside = np.where(np.isnan(observed), np.nan, (observed >= low) & (observed <= high))
        parts.append(
            pd.DataFrame(
                {
                    "quantity": quantity,
                    "month": seen["month"],
                    "observed": observed,
                    "forecast": np.nanmean(ran, axis=0),
                    "low": low,
                    "high": high,
                    "inside": pd.array(inside, dtype="boolean"),
                }
            )
        )
    months = pd.concat(parts, ignore_index=True)
    return BackCast(question.earlier, months, (start, question.last_year[0]), done, _LEVEL)
