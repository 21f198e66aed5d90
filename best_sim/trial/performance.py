"""How an analysis performs over replicates: the measures of Morris, White and Crowther, with their Monte Carlo errors.

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

from best_sim.trial.closed_forms import clopper_pearson_interval, monte_carlo_error, monte_carlo_error_sd


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
        Replicates with a result.
    failed : int
        Replicates without one; they are left out of every measure.
    rejected : Estimate
        Share with p below alpha: power, or type I error where there is no effect.
    rejected_interval : tuple of float
        Exact 95 % interval of that share (Clopper and Pearson 1934).
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
        A contrast of each replicate whose expectation is the truth, and which shares the replicate's luck: the one
        that complete data would have given. The bias is then judged by the differences from it, which vary less than
        the estimates do.
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
    found = int((p_value < alpha).sum())
    spread = float(np.std(theta, ddof=1)) if n > 1 else np.nan
    model = float(np.sqrt(np.mean(se**2)))
    model_error = float(np.std(se**2, ddof=1) / np.sqrt(4.0 * n) / model) if n > 1 and model > 0 else np.nan
    known = np.isfinite(truth)
    bias = coverage = mse = none
    if known:
        differences = theta - (truth if reference is None else np.asarray(reference, float)[kept])
        bias = Estimate(float(theta.mean() - truth), _error_of_mean(differences))
        covered = float(((lower <= truth) & (upper >= truth)).mean())
        coverage = Estimate(covered, monte_carlo_error(covered, n))
        squared = (theta - truth) ** 2
        mse = Estimate(float(squared.mean()), _error_of_mean(squared))
    relative = none
    if n > 1 and spread > 0:
        ratio = model / spread
        relative = Estimate(
            ratio - 1.0, ratio * float(np.sqrt((model_error / model) ** 2 + 1.0 / (2.0 * (n - 1))))
        )
    return Performance(
        n=n,
        failed=failed,
        rejected=Estimate(found / n, monte_carlo_error(found / n, n)),
        rejected_interval=clopper_pearson_interval(found, n),
        mean=Estimate(float(theta.mean()), _error_of_mean(theta)),
        truth=float(truth),
        bias=bias,
        empirical_se=Estimate(spread, monte_carlo_error_sd(spread, n) if n > 1 else np.nan),
        model_se=Estimate(model, model_error),
        relative_error=relative,
        coverage=coverage,
        mse=mse,
        width=Estimate(float((upper - lower).mean()), _error_of_mean(upper - lower)),
    )


def _error_of_mean(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
