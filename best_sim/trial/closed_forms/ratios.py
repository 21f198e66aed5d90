"""Power of a comparison of rates of counts, or of risks.

Families enter by a design effect that the caller gives (`best_sim.trial.closed_forms.design_effect`).
"""

from __future__ import annotations

import math

from best_sim.trial.arguments import require_inside, require_positive
from best_sim.trial.closed_forms.power import shifted_normal_power


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
    require_positive(rate_ratio=rate_ratio, rate=rate, exposure=min(exposure), children=min(children))
    means = (rate * rate_ratio * exposure[0], rate * exposure[1])
    variance = inflation * sum((1.0 / mean + dispersion) / n for mean, n in zip(means, children, strict=True))
    return shifted_normal_power(math.log(rate_ratio) / math.sqrt(variance), alpha)


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
    require_inside(treated=treated, control=control)
    require_positive(children=children[0], controls=children[1])
    risks = (treated, control)
    if ratio:
        variance = inflation * sum((1.0 - p) / (n * p) for p, n in zip(risks, children, strict=True))
        return shifted_normal_power(math.log(treated / control) / math.sqrt(variance), alpha)
    variance = inflation * sum(p * (1.0 - p) / n for p, n in zip(risks, children, strict=True))
    return shifted_normal_power((treated - control) / math.sqrt(variance), alpha)
