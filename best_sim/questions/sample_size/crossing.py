"""A probit curve of power by size, and where it reaches a power.

References
----------
Finney (1971), Probit Analysis (Fieller's interval for the dose of a given response).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats


@dataclass(frozen=True)
class Crossing:
    """Where a fitted curve reaches the wanted power.

    Attributes
    ----------
    intercept, slope : float
        Of the probit of power, on the curve's scale of size.
    covariance : numpy.ndarray, shape (2, 2)
    x : float
        The size.
    low, high : float
        Its 95 % interval (Fieller); infinite where the data can't bound it.
    misfit : float
        p of the test that the curve fits the sizes it was fitted to; NaN with two sizes or fewer.
    """

    intercept: float
    slope: float
    covariance: np.ndarray
    x: float
    low: float
    high: float
    misfit: float


def crossing_of(h: Any, found: Any, replicates: Any, power: float, *, inflation: float = 1.0) -> Crossing:
    """Fit a probit curve to counts, and find where it reaches a power.

    Parameters
    ----------
    h : (sizes,) array
        Sizes on the scale on which the probit is straight.
    found, replicates : (sizes,) arrays of int
    power : float
    inflation : float
        How much more the counts vary than those of independent replicates.

    Returns
    -------
    Crossing
        With x, low and high on the scale of `h`.
    """
    h, k, n = (np.asarray(values, float) for values in (h, found, replicates))
    centre = float(np.average(h, weights=n))
    design = np.column_stack([np.ones(len(h)), h - centre])
    beta = np.array([float(special.ndtri((k.sum() + 0.5) / (n.sum() + 1.0))), 0.0])
    information = np.eye(2)
    for _ in range(100):  # Fisher scoring
        eta = design @ beta
        p = np.clip(special.ndtr(eta), 1e-12, 1 - 1e-12)
        density = np.exp(-0.5 * eta**2) / math.sqrt(2 * math.pi)
        weight = n * density**2 / (p * (1 - p))
        information = design.T @ (design * weight[:, None])
        score = design.T @ ((k - n * p) * density / (p * (1 - p)))
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            break
        beta = beta + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-10:
            break
    try:
        covariance = np.linalg.inv(information) * inflation
    except np.linalg.LinAlgError:
        covariance = np.full((2, 2), np.inf)
    aim = float(special.ndtri(power))
    slope = float(beta[1])
    x = centre + (aim - float(beta[0])) / slope if slope > 0 else math.inf
    low, high = _fieller(beta, covariance, aim)
    fitted = special.ndtr(design @ beta)
    freedom = len(h) - 2
    chi = float((((k - n * fitted) ** 2) / np.maximum(n * fitted * (1 - fitted), 1e-12)).sum()) / inflation
    turn = np.array([[1.0, -centre], [0.0, 1.0]])  # back from the centred size
    return Crossing(
        intercept=float(beta[0] - slope * centre),
        slope=slope,
        covariance=turn @ covariance @ turn.T,
        x=x,
        low=low + centre,
        high=high + centre,
        misfit=float(stats.chi2.sf(chi, freedom)) if freedom > 0 else math.nan,
    )


def _fieller(beta: np.ndarray, v: np.ndarray, aim: float) -> tuple[float, float]:
    """Sizes (centred) at which the curve does not differ from the aim by more than 1.96 standard errors."""
    z = float(stats.norm.ppf(0.975)) ** 2
    a = beta[1] ** 2 - z * v[1, 1]
    b = 2.0 * (beta[1] * (beta[0] - aim) - z * v[0, 1])
    c = (beta[0] - aim) ** 2 - z * v[0, 0]
    inside = b * b - 4.0 * a * c
    if not (np.isfinite(a) and a > 0 and inside >= 0):
        return -math.inf, math.inf
    root = math.sqrt(inside)
    return (-b - root) / (2.0 * a), (-b + root) / (2.0 * a)
