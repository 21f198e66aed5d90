"""What is estimated from, and what has been so far: each step adds its rows and the parameters that it can tell."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from best_sim.measures.episodes import Day, periods, spells
from best_sim.questions.local_rates.intervals import Floats
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR

Frailty = Literal["estimated", "base", "none"]

OLDEST = 5.0
"""Years: who is older when care begins is not of this model."""
AGE_NAMES = ("under one", "one to four", "five or more")
AGE_FROM = (0.0, 1.0, 5.0)
"""Years from which the groups of age begin."""


@dataclass(frozen=True, eq=False)
class JointEstimate:
    """Parameters that were estimated together.

    Attributes
    ----------
    estimate : numpy.ndarray
        On a scale on which it is near to normal.
    covariance : numpy.ndarray
    values : callable
        From such an array to the model's parameters: dotted name and value, as a scenario file gives it.
    units, sources : mapping of str to str
        By dotted name.
    ranges : mapping of str to tuple of float
        95 % intervals of those that are numbers.
    """

    estimate: Floats
    covariance: Floats
    values: Callable[[Floats], dict[str, Any]]
    units: Mapping[str, str]
    sources: Mapping[str, str]
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass
class Estimation:
    """What is estimated from, and what has been so far.

    Attributes
    ----------
    spells, periods : pandas.DataFrame
        As `best_sim.measures.episodes` has them.
    span : float
        Days of the window.
    start, end : pandas.Timestamp
        Of the window.
    base : Scenario
        What the episodes don't say.
    level : float
        Of the intervals.
    least : int
        Smallest count that is shown, and that anything is estimated from.
    siblings_named : bool
    rows : list of dict
        Of the table of figures, small counts included.
    parts : list of JointEstimate
    missing : list of str
        What could not be estimated, and why.
    frailty : {"estimated", "base", "none"}
    need : float
        Effect of the family's need on the hazard of a move.
    """

    spells: pd.DataFrame
    periods: pd.DataFrame
    span: float
    start: pd.Timestamp
    end: pd.Timestamp
    base: Scenario
    level: float
    least: int
    siblings_named: bool
    rows: list[dict[str, Any]] = field(default_factory=list)
    parts: list[JointEstimate] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    frailty: Frailty = "estimated"
    need: float = 0.0

    @classmethod
    def of(
        cls, episodes: pd.DataFrame, start: Day, end: Day, *, base: Scenario, level: float, least: int
    ) -> Estimation:
        """Nothing estimated yet, from episodes of care in a window.

        Raises
        ------
        EpisodesError
            If the table can't be used.
        """
        table = spells(episodes, start, end)
        return cls(
            spells=table, periods=periods(table), span=float(table.attrs["span"]), start=pd.Timestamp(start),
            end=pd.Timestamp(end), base=base, level=level, least=least, siblings_named="family" in episodes,
        )  # fmt: skip

    @property
    def firsts(self) -> pd.DataFrame:
        """Each child's first period of care, where it began in the window with the child under five.

        With the child's age, and that of the youngest of the siblings who came into care on the same day; the child's
        own where siblings are not named.
        """
        p = self.periods
        p = p.assign(age=(p["start"] - p["born"]) / YEAR)
        p = p[p["seen"] & p["history"] & (p["period"] == 0) & (p["age"] < OLDEST)].copy()
        p["youngest"] = p.groupby(["family", np.floor(p["start"])])["age"].transform("min")
        return p

    @property
    def z(self) -> float:
        """Half the width of an interval, in standard errors."""
        return float(special.ndtri(0.5 + 0.5 * self.level))

    @property
    def since(self) -> dt.date:
        """From when dated values are given: the month in which the window begins."""
        return dt.date(self.start.year, self.start.month, 1)

    @property
    def words(self) -> str:
        """What is estimated from."""
        return f"a local authority's episodes of care, {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"

    def row(
        self,
        quantity: str,
        group: str,
        events: float,
        exposure: float,
        unit: str,
        figures: Sequence[float],
        parameter: str = "",
        block: str = "",
    ) -> None:
        """Add a row to the table.

        Parameters
        ----------
        quantity, group : str
            What was counted, of whom.
        events, exposure : float
            How many, and of how many, or in how many years.
        unit : str
            Of the figures.
        figures : sequence of float
            Estimate, low, high.
        parameter : str
            Dotted name of the model's parameter, where it has one.
        block : str
            Rows of one quantity and block add up to a number that may be known.
        """
        self.rows.append(
            {
                "quantity": quantity,
                "group": group,
                "events": int(events),
                "exposure": float(exposure),
                "unit": unit,
                "estimate": float(figures[0]),
                "low": float(figures[1]),
                "high": float(figures[2]),
                "parameter": parameter,
                "block": block,
            }
        )

    def source(self, text: str, figures: Sequence[float] | None = None) -> str:
        """How a value came about, in words; with its interval."""
        between = (
            ""
            if figures is None
            else f"; {self.level:.0%} interval {_short(figures[1])} to {_short(figures[2])}"
        )
        return f"estimated from {self.words}: {text}{between}"

    def share(
        self,
        parameter: str,
        unit: str,
        figures: Sequence[float],
        text: str,
        dated: bool = False,
    ) -> None:
        """A share that is a parameter, with its interval; nothing if it can't be told.

        A parameter that is `dated` may have another value in each year; it is given the window's in all of them.
        """
        value, low, high = (float(x) for x in figures)
        ends = special.logit(np.asarray([value, low, high]))
        if not np.all(np.isfinite(ends)):
            return
        sd = (ends[2] - ends[1]) / (2.0 * self.z)

        def values(x: Floats) -> dict[str, Any]:
            share = float(special.expit(x[0]))
            return {parameter: [{"from": self.since, "value": share}] if dated else share}

        self.parts.append(
            JointEstimate(
                estimate=ends[:1],
                covariance=np.asarray([[sd * sd]]),
                values=values,
                units={parameter: unit},
                sources={parameter: self.source(text, figures)},
                ranges={parameter: (min(low, value), max(high, value))},
            )
        )


def first_status(table: pd.DataFrame, first: pd.DataFrame, codes: Sequence[str]) -> Floats:
    """When each child first has one of these legal statuses in its first period; infinite if it has not."""
    has = table[(table["period"] == 0) & table["legal_status"].isin(codes)]
    return first["child"].map(has.groupby("child")["start"].min()).fillna(np.inf).to_numpy(float)


def months_between(low: pd.Timestamp, high: pd.Timestamp) -> pd.DatetimeIndex:
    """First days of the whole months between two dates, and of the one after the last."""
    return pd.date_range(low.normalize(), high, freq="MS")


def mix(names: Sequence[str], shares: Floats) -> dict[str, float]:
    """Shares by name that sum to one as they are written."""
    whole = np.maximum(shares, 0.0) / np.maximum(shares, 0.0).sum()
    rounded = [round(float(x), 6) for x in whole]
    largest = rounded.index(max(rounded))  # what rounding leaves would make a share of nil negative
    rounded[largest] = round(1.0 - sum(rounded[:largest] + rounded[largest + 1 :]), 6)
    return dict(zip(names, rounded, strict=True))


def _short(x: float) -> str:
    return f"{x:.3g}"
