"""Intervals of rates and shares of children who come in families, and how a likelihood is made as large as it can be.

References
----------
Garwood (1936) Biometrika 28:437 and Wilson (1927) Journal of the American Statistical Association 22:209 (intervals of
rates and of shares). Kish (1965) Survey Sampling, chapter 5 (the design effect of siblings).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special
from statsmodels.stats.rates import confint_poisson
from statsmodels.tools.numdiff import approx_fprime, approx_hess

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def rate_interval(
    events: float, years: float, level: float, spread: float = 1.0
) -> tuple[float, float, float]:
    """A rate with Garwood's interval, of the number of events that would say as much if they were independent.

    Parameters
    ----------
    events, years : float
        Occurrences, and time at risk.
    level : float
        Of the interval.
    spread : float
        How many times the variance is that of independent events.

    Returns
    -------
    tuple of float
        Rate per year, low, high.
    """
    low, high = confint_poisson(events / spread, years / spread, method="exact-c", alpha=1.0 - level)
    return events / years, float(low) if events > 0 else 0.0, float(high)


def clustering(events: Floats, time: Floats, cluster: Ints) -> float:
    """How many times wider a rate's variance is than that of independent events; at least 1.

    Parameters
    ----------
    events, time : numpy.ndarray
        Occurrences and time at risk of each row, in any unit.
    cluster : numpy.ndarray of int
        The row's family.
    """
    total = events.sum()
    if total <= 0:
        return 1.0
    sums = pd.Series(events - total / time.sum() * time).groupby(cluster).sum().to_numpy()
    return max(1.0, float(sums @ sums / total))


def share_interval(hit: Bools, cluster: Ints, level: float) -> tuple[float, float, float]:
    """A share with Wilson's interval, of the number that would say as much if siblings were independent.

    Parameters
    ----------
    hit : numpy.ndarray of bool
    cluster : numpy.ndarray of int
        Each child's family.
    level : float
        Of the interval.

    Returns
    -------
    tuple of float
        Share (NaN of nobody), low, high.
    """
    n = len(hit)
    if n == 0:
        return np.nan, 0.0, 1.0
    p = float(hit.mean())
    effect = 1.0
    if 0.0 < p < 1.0:
        sums = pd.Series(hit - p).groupby(cluster).sum().to_numpy()
        effect = max(1.0, float(sums @ sums / (n * p * (1.0 - p))))
    m = n / effect
    z = float(special.ndtri(0.5 + 0.5 * level))
    middle = (p + z * z / (2.0 * m)) / (1.0 + z * z / m)
    half = z * math.sqrt(p * (1.0 - p) / m + z * z / (4.0 * m * m)) / (1.0 + z * z / m)
    return p, max(0.0, middle - half), min(1.0, middle + half)


def complement(figures: Sequence[float]) -> tuple[float, float, float]:
    """The share of the others."""
    return 1.0 - figures[0], 1.0 - figures[2], 1.0 - figures[1]


def logit_interval(share: float, sd: float, z: float) -> tuple[float, float, float]:
    """A share and the ends of its interval on the logit scale."""
    if not 0.0 < share < 1.0:
        return share, np.nan, np.nan
    x, s = special.logit(share), sd / (share * (1.0 - share))
    return share, float(special.expit(x - z * s)), float(special.expit(x + z * s))


def can_be_told(hits: int, n: int, least: int) -> bool:
    """Whether both those with and those without are enough to be shown."""
    return hits >= least and n - hits >= least


def seen_weights(days: Floats, event: Bools) -> Floats:
    """Weights that stand those who were seen to the end for those who were not: one over the chance of being seen.

    Weighted shares of events are then those of Aalen and Johansen's cumulative incidences at the last event.

    Parameters
    ----------
    days : numpy.ndarray
        Until the event, or until nothing more was seen.
    event : numpy.ndarray of bool
        Which of the two.
    """
    if event.all():
        return np.ones(len(days))
    # censoring is what "survives" to; an event at the same time comes first
    times = np.unique(days[~event])
    at_risk = np.asarray([np.sum((days > t) | ((days == t) & ~event)) for t in times])
    lost = np.asarray([np.sum((days == t) & ~event) for t in times])
    stays = np.cumprod(1.0 - lost / at_risk)
    before = np.searchsorted(times, days, side="left") - 1
    chance = np.where(before >= 0, stays[np.maximum(before, 0)], 1.0)
    return np.where(event, 1.0 / np.where(chance > 0.0, chance, np.inf), 0.0)


def maximum_likelihood(
    each: Callable[[Floats], Floats], begin: Floats, cluster: Ints
) -> tuple[Floats, Floats]:
    """Maximum likelihood, with a covariance robust to clusters.

    Parameters
    ----------
    each : callable
        From the parameters to every row's log likelihood.
    begin : numpy.ndarray
        Where the search begins.
    cluster : numpy.ndarray of int
        The row's family.

    Returns
    -------
    estimate, covariance : numpy.ndarray
    """

    def loss(x: Floats) -> float:
        return -float(each(x).mean())

    x = np.asarray(optimize.minimize(loss, begin, method="BFGS").x)
    hessian = approx_hess(x, lambda y: -each(y).sum())
    scores = approx_fprime(x, each, centered=True)
    sums = pd.DataFrame(scores).groupby(cluster).sum().to_numpy()
    bread = np.linalg.inv(hessian)
    return x, bread @ (sums.T @ sums) @ bread
