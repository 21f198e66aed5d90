"""Families a month: needed from now on, and achieved so far and of late."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from best_sim.scenario.durations import MONTH

_ROUNDING = 1e-12


@dataclass(frozen=True)
class RecruitmentRates:
    """Required, overall and recent rate: families a month.

    Attributes
    ----------
    target, recruited : int
        Families.
    required : float
        Needed from the cut-off on to reach the target by its date; 0 if it is reached, infinite if the date is past.
    overall : float
        Since the first opening, pauses included.
    recent : float
        Over the last `recent_months` months, or since the opening where that is less.
    recent_months : float
        Months that `recent` is over.
    months_left : float
        From the cut-off to the target's date.
    """

    target: int
    recruited: int
    required: float
    overall: float
    recent: float
    recent_months: float
    months_left: float

    def in_words(self) -> str:
        """The three rates, in a sentence or two."""
        so_far = (
            f"So far {self.recruited} of {self.target} families were recruited: {self.overall:.1f} a month overall, "
            f"{self.recent:.1f} a month over the last {self.recent_months:.3g} months."
        )
        if self.recruited >= self.target:
            return f"{so_far} The target is reached."
        if self.months_left <= 0.0:
            return f"{so_far} The date for the target is past."
        compared = "less" if self.recent > self.required else "more"
        return (
            f"{so_far} From now on {self.required:.1f} a month are needed for {self.months_left:.1f} months, "
            f"{compared} than of late."
        )


def recruitment_rates(
    dates: Sequence[dt.date],
    counts: Sequence[int],
    *,
    target: int,
    opened: dt.date,
    cut_off: dt.date,
    by: dt.date,
    recent_months: int = 3,
) -> RecruitmentRates:
    """Families per month needed from now on, and achieved so far and of late.

    Parameters
    ----------
    dates : sequence of datetime.date
        Dates on which families were recruited, or first days of periods.
    counts : sequence of int
        Families of each.
    target : int
    opened : datetime.date
        First opening.
    cut_off : datetime.date
        First day of which nothing is known; what is dated later is not counted.
    by : datetime.date
        Date by which the target is wanted.
    recent_months : int
        Months that count as recent.

    Returns
    -------
    RecruitmentRates

    Raises
    ------
    ValueError
        If the cut-off is not after the opening, or the number of months not positive.
    """
    if cut_off <= opened:
        raise ValueError(f"the cut-off {cut_off} is not after the first opening {opened}")
    if not recent_months > 0:
        raise ValueError(f"recent_months is {recent_months}; it has to be positive")
    ages = np.array([(cut_off - day).days for day in dates], dtype=np.float64)
    numbers = np.asarray(counts, dtype=np.int64)
    numbers = np.where(ages > 0.0, numbers, 0)
    open_for = (cut_off - opened).days / MONTH
    recent = min(float(recent_months), open_for)
    recruited, lately = int(numbers.sum()), int(numbers[ages <= recent * MONTH + _ROUNDING].sum())
    left = (by - cut_off).days / MONTH
    wanted = max(target - recruited, 0)
    required = 0.0 if wanted == 0 else (wanted / left if left > 0.0 else math.inf)
    return RecruitmentRates(target, recruited, required, recruited / open_for, lately / recent, recent, left)
