"""When a target is reached, over replicates: the date, its error, and the share that reach it by a day."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from best_sim.trial.closed_forms import monte_carlo_error, monte_carlo_error_quantile


def time_of_share(times: np.ndarray, p: float) -> float:
    """The first time by which a share p of replicates is there.

    Parameters
    ----------
    times : numpy.ndarray of float, shape (replicates,)
        Infinite, or NaN, where it is not within the run.
    p : float
        Above 0.

    Returns
    -------
    float
        One of `times`; infinite if that is not within the run.
    """
    return float(np.quantile(np.where(np.isnan(times), np.inf, times), p, method="inverted_cdf"))


@dataclass(frozen=True)
class TargetTimes:
    """When a target is reached.

    Attributes
    ----------
    since : datetime.date
        Day zero of the times.
    target : int
        Families.
    days : numpy.ndarray of float, shape (replicates,)
        When the target is reached; infinite where it is not within the run.
    """

    since: dt.date
    target: int
    days: np.ndarray

    def date(self, p: float) -> dt.date | None:
        """First day at whose beginning the target is reached in a share p of replicates; None if not within the run."""
        day = time_of_share(self.days, p)
        return self.since + dt.timedelta(days=math.ceil(day)) if math.isfinite(day) else None

    def median_error(self) -> float:
        """Monte Carlo standard error of the median, days; NaN where it is not within the run."""
        if not math.isfinite(time_of_share(self.days, 0.5)):
            return math.nan
        within = self.days[np.isfinite(self.days)]
        return monte_carlo_error_quantile(np.minimum(self.days, within.max()), 0.5)

    def probability(self, by: dt.date) -> tuple[float, float]:
        """Share of replicates in which the target is reached by the beginning of a day, and its Monte Carlo error."""
        share = float((self.days <= (by - self.since).days).mean())
        return share, monte_carlo_error(share, len(self.days))
