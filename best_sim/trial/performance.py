"""How an analysis performs over replicates: the measures of Morris, White and Crowther, with their Monte Carlo errors.

Where a simulated trial was scored several times, its scorings are not independent: errors are then those of sums over
simulated trials, by the influence of each scoring on the measure.

References
----------
Morris, White and Crowther (2019). Using simulation studies to evaluate statistical methods. Statistics in Medicine
38:2074-2102; formulae of table 6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from best_sim.trial.closed_forms import exact_bounds, monte_carlo_error, monte_carlo_error_sd


class Estimate(NamedTuple):
    """A measure and its Monte Carlo standard error (NaN where it can't be told)."""

    value: float
    mcse: float


@dataclass(frozen=True)
class Performance:
    """What an analysis does over replicates of one design.

    Attributes
    ----------
    n : int
        Fits with a result.
    failed : int
        Fits without one; they are left out of every measure.
    rejected : Estimate
        Share with p below alpha: power, or type I error where there is no effect.
    rejected_interval : tuple of float
        Exact 95 % interval of that share (Clopper and Pearson 1934), for as many independent fits as have its error.
    mean : Estimate
        Of the estimates.
    truth : float
        What is estimated, NaN where it is not known.
    bias : Estimate
        Mean of the estimates less the truth.
    empirical_se : Estimate
        Standard deviation of the estimates.
    model_se : Estimate
        Root of the mean squared standard error that the analysis reports.
    relative_error : Estimate
        `model_se / empirical_se - 1`.
    coverage : Estimate
        Share of intervals that hold the truth.
    mse : Estimate
        Mean squared error.
    width : Estimate
        Mean width of the interval.
    """

    n: int
    failed: int
    rejected: Estimate
    rejected_interval: tuple[float, float]
    mean: Estimate
    truth: float
    bias: Estimate
    empirical_se: Estimate
    model_se: Estimate
    relative_error: Estimate
    coverage: Estimate
    mse: Estimate
    width: Estimate


def performance(
    estimate: ArrayLike,
    standard_error: ArrayLike,
    p: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    converged: ArrayLike,
    *,
    truth: float = np.nan,
    reference: ArrayLike | None = None,
    trial: ArrayLike | None = None,
    alpha: float = 0.05,
) -> Performance:
    """The measures of one analysis of one design.

    Parameters
    ----------
    estimate, standard_error, p, low, high : (replicates,) arrays
        Of each fit.
    converged : (replicates,) array of bool
        Fits without a result are counted, and left out of all else.
    truth : float
        What is estimated.
    reference : (replicates,) array, optional
        A contrast of each replicate whose expectation is the truth, and which shares the replicate's random numbers:
        the one that complete data would have given. The bias is then judged by the differences from it, which vary less
        than the estimates do.
    trial : (replicates,) array, optional
        Which simulated trial a fit is of, where one was scored several times; by default each is of its own.
    alpha : float
        Two-sided level.

    Returns
    -------
    Performance
    """
    kept = np.asarray(converged, bool)
    theta, se, p_value, lower, upper = (
        np.asarray(values, float)[kept] for values in (estimate, standard_error, p, low, high)
    )
    n = len(theta)
    failed = int(len(kept) - n)
    none = Estimate(np.nan, np.nan)
    if n == 0:
        return Performance(
            0, failed, none, (np.nan, np.nan), none, truth, none, none, none, none, none, none, none
        )
    trials = None if trial is None else np.unique(np.asarray(trial)[kept], return_inverse=True)[1]
    if trials is not None and trials.max() + 1 == n:
        trials = None

    def of_mean(values: np.ndarray) -> Estimate:
        return Estimate(float(values.mean()), _error(values, trials))

    def of_share(which: np.ndarray) -> Estimate:
        share = float(which.mean())
        return Estimate(share, monte_carlo_error(share, n) if trials is None else _error(which, trials))

    rejected = of_share(p_value < alpha)
    spread = float(np.std(theta, ddof=1)) if n > 1 else np.nan
    model = float(np.sqrt(np.mean(se**2)))
    of_spread = (theta - theta.mean()) ** 2 / (2.0 * spread) if n > 1 and spread > 0 else np.full(n, np.nan)
    of_model = se**2 / (2.0 * model) if model > 0 else np.full(n, np.nan)
    spread_error = monte_carlo_error_sd(spread, n) if trials is None and n > 1 else _error(of_spread, trials)
    bias = coverage = mse = none
    if np.isfinite(truth):
        differences = theta - (truth if reference is None else np.asarray(reference, float)[kept])
        bias = Estimate(float(theta.mean() - truth), _error(differences, trials))
        coverage = of_share((lower <= truth) & (upper >= truth))
        mse = of_mean((theta - truth) ** 2)
    relative = none
    if n > 1 and spread > 0:
        of_ratio = of_model / spread - model * of_spread / spread**2
        relative = Estimate(model / spread - 1.0, _error(of_ratio, trials))
    return Performance(
        n=n,
        failed=failed,
        rejected=rejected,
        rejected_interval=_exact(rejected, n, trials),
        mean=of_mean(theta),
        truth=float(truth),
        bias=bias,
        empirical_se=Estimate(spread, spread_error),
        model_se=Estimate(model, _error(of_model, trials)),
        relative_error=relative,
        coverage=coverage,
        mse=mse,
        width=of_mean(upper - lower),
    )


def error_over_trials(values: ArrayLike, trial: ArrayLike) -> float:
    """Monte Carlo standard error of a mean of values of which some are of the same simulated trial."""
    return _error(np.asarray(values, float), np.unique(np.asarray(trial), return_inverse=True)[1])


def _exact(share: Estimate, n: int, trials: np.ndarray | None) -> tuple[float, float]:
    """The exact interval of a share; of dependent fits, for as many independent ones as have its error."""
    if trials is None:
        return exact_bounds(round(share.value * n), n)
    alike = int(trials.max()) + 1
    worth = share.value * (1.0 - share.value) / share.mcse**2 if share.mcse > 0 else float(alike)
    worth = int(min(max(worth, alike), n))
    return exact_bounds(round(share.value * worth), worth)


def _error(influence: np.ndarray, trials: np.ndarray | None) -> float:
    """Standard error of a mean of influences, which are summed over each simulated trial first."""
    n = len(influence)
    if n < 2:
        return np.nan
    centred = influence - influence.mean()
    if trials is None:
        return float(np.sqrt(centred @ centred / (n - 1) / n))
    sums = np.bincount(trials, centred)
    m = len(sums)
    return float(np.sqrt(sums @ sums * m / (m - 1)) / n) if m > 1 else np.nan
