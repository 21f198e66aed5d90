"""Closed forms of power for ratios: rates of counts and risks; as `best_sim.trial.closed_forms` has means.

Families enter by a design effect that the caller gives (`best_sim.trial.closed_forms.design_effect`). All tests are
two-sided, and power counts rejection in either direction.
"""

from __future__ import annotations

import math

from scipy import special


def rate_ratio_power(
    rate_ratio: float,
    rate: float,
    exposure: tuple[float, float],
    children: tuple[float, float],
    dispersion: float,
    *,
    inflation: float = 1.0,
    alpha: float = 0.05,
) -> float:
    """Power of the Wald test of the ratio of two negative binomial rates.

    Parameters
    ----------
    rate_ratio : float
        Treated over control.
    rate : float
        Of the control arm, for each unit of exposure.
    exposure : (float, float)
        Mean exposure of a child: treated, control.
    children : (float, float)
        Treated, control.
    dispersion : float
        k, where the variance of a count is mean + k mean^2.
    inflation : float
        Design effect of families.
    alpha : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a rate, ratio, exposure or number is not above zero.

    Notes
    -----
    The variance of the log ratio is the sum over arms of ``(1 / (rate exposure) + dispersion) / children``, under the
    alternative (Zhu and Lakkis 2014, method 3; Keene et al. 2007). It takes every child to have the mean exposure;
    unequal exposures make it too small by the product of the dispersion and the exposures' spread.

    References
    ----------
    Zhu and Lakkis (2014) Statistics in Medicine 33:376. Keene et al. (2007) Pharmaceutical Statistics 6:89.
    """
    _above_zero(rate_ratio=rate_ratio, rate=rate, exposure=min(exposure), children=min(children))
    means = (rate * rate_ratio * exposure[0], rate * exposure[1])
    variance = inflation * sum((1.0 / mean + dispersion) / n for mean, n in zip(means, children, strict=True))
    return _wald(math.log(rate_ratio), math.sqrt(variance), alpha)


def risk_power(
    treated: float,
    control: float,
    children: tuple[float, float],
    *,
    ratio: bool = False,
    inflation: float = 1.0,
    alpha: float = 0.05,
) -> float:
    """Power of the Wald test of two risks, without pooling.

    Parameters
    ----------
    treated, control : float
        Risks, between 0 and 1.
    children : (float, float)
        Treated, control.
    ratio : bool
        Of the logarithm of their ratio, rather than of their difference.
    inflation : float
        Design effect of families.
    alpha : float

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a risk is not between 0 and 1, or an arm is empty.

    References
    ----------
    Fleiss, Levin and Paik (2003) Statistical Methods for Rates and Proportions, chapter 4.
    """
    if not (0.0 < treated < 1.0 and 0.0 < control < 1.0):
        raise ValueError(f"risks: found {treated:g} and {control:g}, allowed above 0 and below 1")
    _above_zero(children=children[0], controls=children[1])
    risks = (treated, control)
    if ratio:
        variance = inflation * sum((1.0 - p) / (n * p) for p, n in zip(risks, children, strict=True))
        return _wald(math.log(treated / control), math.sqrt(variance), alpha)
    variance = inflation * sum(p * (1.0 - p) / n for p, n in zip(risks, children, strict=True))
    return _wald(treated - control, math.sqrt(variance), alpha)


def _wald(effect: float, standard_error: float, alpha: float) -> float:
    shift, critical = effect / standard_error, float(special.ndtri(1.0 - alpha / 2.0))
    return float(special.ndtr(shift - critical) + special.ndtr(-shift - critical))


def _above_zero(**values: float) -> None:
    for name, value in values.items():
        if not value > 0.0:
            raise ValueError(f"{name}: found {value:g}, allowed above 0")
