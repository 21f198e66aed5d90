"""Recruitment by centres whose rates are gamma and were all open from the start, or for fixed times."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike


def recruitment_count(time: float, centres: float, shape: float, rate: float) -> Any:
    r"""Distribution of the number recruited by a time, when every centre has been open since time 0.

    Each centre recruits in a Poisson process whose rate was drawn, once, from a gamma distribution. The sum
    over N centres is negative binomial with :math:`n = N\alpha` and :math:`p = \beta/(\beta+t)`: mean
    :math:`N\alpha t/\beta` and variance :math:`N\alpha t/\beta\,(1+t/\beta)`.

    Parameters
    ----------
    time : float
        Time since opening.
    centres : float
        Number N of centres.
    shape, rate : float
        Of the gamma distribution of a centre's rate: mean ``shape / rate`` per unit of time, variance
        ``shape / rate**2``.

    Returns
    -------
    scipy.stats frozen nbinom
        With ``pmf``, ``cdf``, ``ppf``, ``mean``, ``var``. P(at least n) is ``sf(n - 1)``.

    Notes
    -----
    Assumes rates that do not change, and centres that do not run out of children. Anisimov & Fedorov (2007)
    Statistics in Medicine 26:4958.
    """
    return scipy.stats.nbinom(centres * shape, rate / (rate + time))


def recruitment_time(n: int, centres: float, shape: float, rate: float) -> Any:
    r"""Distribution of the time until the n-th recruit, when every centre has been open since time 0.

    The sum of the rates is gamma with shape :math:`N\alpha`; given it, the time is gamma with shape n. Their
    ratio is :math:`\beta` times a beta-prime variable with parameters n and :math:`N\alpha` (Pearson type
    VI).

    Parameters
    ----------
    n : int
        Recruits wanted.
    centres, shape, rate
        As for :func:`recruitment_count`.

    Returns
    -------
    scipy.stats frozen betaprime
        In the unit of time of the rates. Its mean is infinite unless ``centres * shape > 1``.

    Notes
    -----
    Assumes, and cites, what :func:`recruitment_count` does; P(time <= t) = P(count by t >= n).
    """
    return scipy.stats.betaprime(n, centres * shape, scale=rate)


def recruitment_moments(exposures: ArrayLike, shape: float, rate: float) -> tuple[float, float]:
    r"""Mean and variance of the number recruited by centres that have been open for different times.

    .. math:: \frac{\alpha}{\beta} \sum_i t_i, \qquad \frac{\alpha}{\beta} \sum_i t_i
        + \frac{\alpha}{\beta^2} \sum_i t_i^2

    Parameters
    ----------
    exposures : (n_centres,) array
        How long each centre has been open; 0 if it is not yet.
    shape, rate
        As for :func:`recruitment_count`.

    Returns
    -------
    mean, variance : float

    Notes
    -----
    Assumes that openings are fixed. Anisimov & Fedorov (2007) Statistics in Medicine 26:4958.
    """
    open_for = np.asarray(exposures, dtype=np.float64)
    mean = shape / rate * float(open_for.sum())
    return mean, mean + shape / rate**2 * float((open_for**2).sum())
