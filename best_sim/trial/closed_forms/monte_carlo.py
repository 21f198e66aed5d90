"""How well a simulation knows what it says: Monte Carlo standard errors, and exact bounds of a simulated share."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from best_sim.trial.arguments import require_inside, require_positive, require_share


def monte_carlo_error(p: float, n: int) -> float:
    r"""Monte Carlo standard error of a simulated power, type I error or coverage: :math:`\sqrt{p(1-p)/n}`.

    Parameters
    ----------
    p : float
        Simulated share, or the one expected when replicates are planned.
    n : int
        Replicates.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `p` is not between 0 and 1, or `n` not positive.

    Notes
    -----
    Assumes independent replicates. It is 0 at 0 and 1, where :func:`exact_bounds` is the better statement.
    Morris, White & Crowther (2019) Statistics in Medicine 38:2074, table 6.
    """
    require_share(p=p)
    require_positive(n=n)
    return math.sqrt(p * (1.0 - p) / n)


def monte_carlo_error_mean(sd: float, n: int) -> float:
    r"""Monte Carlo standard error of a mean over replicates, and so of a bias: :math:`s/\sqrt n`.

    Parameters
    ----------
    sd : float
        Standard deviation over replicates, with divisor n - 1.
    n : int
        Replicates.

    Returns
    -------
    float
        In units of `sd`.

    Raises
    ------
    ValueError
        If `sd` is negative, or `n` not positive.

    Notes
    -----
    Assumes independent replicates. Morris, White & Crowther (2019) Statistics in Medicine 38:2074, table 6.
    """
    require_positive(n=n)
    if sd < 0.0:
        raise ValueError(f"sd is {sd}; it may not be negative")
    return sd / math.sqrt(n)


def monte_carlo_error_sd(sd: float, n: int) -> float:
    r"""Monte Carlo standard error of an empirical standard error: :math:`s/\sqrt{2(n-1)}`.

    Parameters
    ----------
    sd : float
        Standard deviation over replicates, with divisor n - 1.
    n : int
        Replicates, at least two.

    Returns
    -------
    float
        In units of `sd`.

    Raises
    ------
    ValueError
        If `sd` is negative, or there are fewer than two replicates.

    Notes
    -----
    Assumes independent replicates and a normal distribution over them; heavier tails give more. Morris, White
    & Crowther (2019) Statistics in Medicine 38:2074, table 6.
    """
    if sd < 0.0 or n < 2:
        raise ValueError(f"sd is {sd} and n is {n}; sd may not be negative, and n is at least 2")
    return sd / math.sqrt(2.0 * (n - 1))


def monte_carlo_error_quantile(values: ArrayLike, q: float) -> float:
    """Monte Carlo standard error of a sample quantile, without a density to be guessed.

    Parameters
    ----------
    values : (n,) array
        One value per replicate.
    q : float
        Which quantile, strictly between 0 and 1.

    Returns
    -------
    float
        In units of the values.

    Raises
    ------
    ValueError
        If there are no values, or `q` is not strictly between 0 and 1.

    Notes
    -----
    Assumes independent replicates. The variance, under the empirical distribution, of the order statistic at
    (n + 1) q, whose rank is beta distributed. Maritz & Jarrett (1978) Journal of the American Statistical
    Association 73:194, with the beta parameters (n+1)q and (n+1)(1-q) of Harrell & Davis (1982) Biometrika
    69:635.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = ordered.size
    if ordered.ndim != 1 or n == 0 or not 0.0 < q < 1.0:
        raise ValueError(
            f"values have shape {ordered.shape} and q is {q}; at least one value, and 0 < q < 1, are needed"
        )
    cumulative = special.betainc((n + 1) * q, (n + 1) * (1.0 - q), np.arange(n + 1) / n)
    weights = np.diff(cumulative)
    centre = weights @ ordered
    return math.sqrt(float(weights @ (ordered - centre) ** 2))


def exact_bounds(successes: int, n: int, error: float = 0.025) -> tuple[float, float]:
    """Lower and upper bound of a share, each wrong with a probability of at most `error` (Clopper & Pearson).

    Parameters
    ----------
    successes, n : int
        Replicates that reject (or cover), and all replicates; of none nothing is said, so the bounds are 0 and 1.
    error : float
        Of one side: 0.025 for the interval of 95 %.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If `successes` is not between 0 and `n`, or `error` is not between 0 and 1.

    Notes
    -----
    Assumes independent replicates; covers at least at its level, whatever the share. Clopper & Pearson (1934)
    Biometrika 26:404. scipy's ``binomtest(...).proportion_ci`` gives the same, a hundred times slower, which a search
    that looks after every batch would feel.

    Examples
    --------
    >>> low, high = exact_bounds(8, 10)
    >>> f"{low:.3f} {high:.3f}"
    '0.444 0.975'
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a share")
    require_inside(error=error)
    low = float(special.betaincinv(successes, n - successes + 1, error)) if successes > 0 else 0.0
    high = float(special.betainccinv(successes + 1, n - successes, error)) if successes < n else 1.0
    return low, high
