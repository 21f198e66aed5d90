"""When a target is reached, over replicates: the date, its error, and the share that reach it by a day."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from best_sim.trial.closed_forms import monte_carlo_error, monte_carlo_error_quantile


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
        """First day by which the target is reached in a share p of replicates; None if not within the run."""
        day = float(np.quantile(self.days, p, method="higher"))
        return self.since + dt.timedelta(days=math.ceil(day)) if math.isfinite(day) else None

    def median_error(self) -> float:
        """Monte Carlo standard error of the median, days; NaN where it is not within the run."""
        if not math.isfinite(float(np.quantile(self.days, 0.5, method="higher"))):
            return math.nan
        within = self.days[np.isfinite(self.days)]
        return monte_carlo_error_quantile(np.minimum(self.days, within.max()), 0.5)

    def probability(self, by: dt.date) -> tuple[float, float]:
        """Share of replicates in which the target is reached by a day, and its Monte Carlo standard error."""
        share = float((self.days <= (by - self.since).days).mean())
        return share, monte_carlo_error(share, len(self.days))
