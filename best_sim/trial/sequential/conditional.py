"""How a trial is likely to end, seen at a look: conditional and predictive power."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from best_sim.trial.arguments import require_positive
from best_sim.trial.sequential.arguments import Floats, Sides, fraction_of, require_level


@dataclass(frozen=True, slots=True)
class InterimPower:
    """Chances, at a look, of showing benefit at the end.

    Attributes
    ----------
    design
        Conditional power under the design's effect.
    trend
        Under the trend observed.
    null
        Under no effect.
    predictive
        Averaged over what is now believed of the effect.
    """

    design: float
    trend: float
    null: float
    predictive: float


def b_value(z: ArrayLike, fraction: ArrayLike) -> Any:
    r"""B-value :math:`Z\sqrt{t}` at a fraction t of the information (Lan & Wittes 1988 Biometrics 44:579).

    Parameters
    ----------
    z : float or array
        At the look.
    fraction : float or array
        Above 0, up to 1.

    Returns
    -------
    float or array
        Its mean is the drift times the fraction, so ``b_value(z, t) / t`` is the drift of the trend observed.

    Raises
    ------
    ValueError
        If a fraction is out of range.
    """
    return np.asarray(z, dtype=np.float64) * np.sqrt(fraction_of(fraction))


def conditional_power(
    z: ArrayLike,
    fraction: ArrayLike,
    drift: ArrayLike | None = None,
    critical: float | None = None,
    *,
    alpha: float = 0.05,
    sided: Sides = 2,
) -> Any:
    r"""Probability that z exceeds its critical value at the end, given the data so far and an effect.

    .. math:: \Phi\left\{\frac{B(t) + \delta(1-t) - c}{\sqrt{1-t}}\right\}

    Parameters
    ----------
    z : float or array
        At the look.
    fraction : float or array
        Information at the look, over that at the end; above 0, up to 1.
    drift : float or array, optional
        Effect over its standard error at the end; 0 for none. By default that of the trend observed, z over
        the root of the fraction.
    critical : float, optional
        Of z at the end, e.g. ``design.z[-1]``; by default that of a single look at `alpha` with `sided`.
    alpha, sided
        Only for that default.

    Returns
    -------
    float or array
        Of benefit: for harm change the signs of z and drift. At the fraction 1, 0 or 1.

    Raises
    ------
    ValueError
        If a fraction, alpha or the sides are out of range.

    References
    ----------
    Halperin, Lan, Ware, Johnson & DeMets (1982) Controlled Clinical Trials 3:311. Lan & Wittes (1988)
    Biometrics 44:579.
    """
    t = fraction_of(fraction)
    score = b_value(z, t)
    mean = score + (score / t if drift is None else np.asarray(drift)) * (1.0 - t)
    return _exceeds(mean, 1.0 - t, _critical(critical, alpha, sided))


def predictive_power(
    z: ArrayLike,
    fraction: ArrayLike,
    critical: float | None = None,
    *,
    prior_mean: float = 0.0,
    prior_sd: float = math.inf,
    alpha: float = 0.05,
    sided: Sides = 2,
) -> Any:
    r"""Conditional power, averaged over the posterior distribution of the effect.

    With a normal prior of mean m and variance :math:`v` on the drift, the posterior has variance
    :math:`w = 1/(t + 1/v)` and mean :math:`\mu = w\{B(t) + m/v\}`, and

    .. math:: \Phi\left\{\frac{B(t) + \mu(1-t) - c}{\sqrt{(1-t)\{1 + (1-t)w\}}}\right\}

    Parameters
    ----------
    z, fraction, critical, alpha, sided
        As for :func:`conditional_power`.
    prior_mean, prior_sd : float
        Of the drift; an infinite standard deviation is the flat prior.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        As :func:`conditional_power`, or if the prior's standard deviation is not positive.

    References
    ----------
    Spiegelhalter, Freedman & Blackburn (1986) Controlled Clinical Trials 7:8.
    """
    require_positive(prior_sd=prior_sd)
    t = fraction_of(fraction)
    score = b_value(z, t)
    precision = prior_sd**-2
    variance = 1.0 / (t + precision)
    mean = variance * (score + prior_mean * precision)
    ahead = 1.0 - t
    return _exceeds(score + mean * ahead, ahead * (1.0 + ahead * variance), _critical(critical, alpha, sided))


def interim_power(
    z: float,
    fraction: float,
    drift: float,
    critical: float | None = None,
    *,
    prior_mean: float = 0.0,
    prior_sd: float = math.inf,
    alpha: float = 0.05,
    sided: Sides = 2,
) -> InterimPower:
    """What a monitoring committee is shown at a look: conditional power three ways, and predictive power.

    Parameters
    ----------
    z, fraction, critical, prior_mean, prior_sd, alpha, sided
        As for :func:`predictive_power`.
    drift : float
        The design's.

    Returns
    -------
    InterimPower

    Raises
    ------
    ValueError
        As :func:`predictive_power`.
    """
    bound = _critical(critical, alpha, sided)
    return InterimPower(
        design=float(conditional_power(z, fraction, drift, bound)),
        trend=float(conditional_power(z, fraction, None, bound)),
        null=float(conditional_power(z, fraction, 0.0, bound)),
        predictive=float(predictive_power(z, fraction, bound, prior_mean=prior_mean, prior_sd=prior_sd)),
    )


def _exceeds(mean: Floats, variance: Floats, critical: float) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = (mean - critical) / np.sqrt(variance)
    return special.ndtr(np.where(variance > 0.0, ahead, np.where(mean >= critical, math.inf, -math.inf)))[()]


def _critical(critical: float | None, alpha: float, sided: Sides) -> float:
    require_level(alpha, sided)
    return -float(special.ndtri(alpha / sided)) if critical is None else critical
