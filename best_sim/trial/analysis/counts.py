"""Counts with an exposure, and yes or no: rates, ratios and differences, with variances robust to families."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from best_sim.trial.analysis.fit import (
    ALIASED,
    SATURATED,
    Fit,
    Floats,
    complete_rows,
    failure,
    independent,
    inference,
)
from best_sim.trial.analysis.least_squares import ancova_cluster_robust

NO_EVENTS = "an arm has no events, so the ratio cannot be told"
NOT_SETTLED = "the search for the maximum of the likelihood did not end"
NO_OVERDISPERSION = "the dispersion is estimated as zero: Poisson"
_MOST_STEPS = 100
_LEAST, _MOST = 1e-5, 1e4


def negative_binomial(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    exposure: ArrayLike,
    alpha: float = 0.05,
    robust: bool = True,
) -> Fit:
    r"""Negative binomial regression of counts, by maximum likelihood.

    :math:`\log \mu = x'\beta + \log(\text{exposure})`, variance :math:`\mu + k\mu^2` ("NB2").

    Parameters
    ----------
    y : (n_children,) array
        Counts.
    treated, family, covariates, alpha
        As for :func:`best_sim.trial.analysis.mixed_model`.
    exposure : (n_children,) array
        Time at risk, in any unit; rows without any are dropped.
    robust : bool
        The variance that is robust to correlation within families (the default), or the model's own, by expected
        information, which takes siblings for strangers.

    Returns
    -------
    Fit
        The contrast is the logarithm of the ratio of rates, LIFT over SAU. `residual_variance` holds the dispersion k.
        A dispersion at zero makes it the Poisson model, and a note says so.

    Raises
    ------
    ValueError
        If the columns differ in length.

    Notes
    -----
    The sandwich sums each family's scores, with the factor :math:`\frac{G}{G-1}\frac{n-1}{n-p}` and t with G - 1
    degrees of freedom, as :func:`best_sim.trial.analysis.ancova_cluster_robust` has it. The dispersion is taken as
    known in it, which it may be, since coefficients and dispersion are orthogonal (Lawless 1987).

    References
    ----------
    Lawless (1987) Canadian Journal of Statistics 15:209. Hilbe (2011) Negative Binomial Regression. Keene et al. (2007)
    Pharmaceutical Statistics 6:89.
    """
    return _log_linear(
        "negative-binomial", y, treated, family, covariates, exposure, alpha, robust, disperse=True
    )


def poisson_robust(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    exposure: ArrayLike | None = None,
    alpha: float = 0.05,
) -> Fit:
    """Log-linear regression with a variance that is robust to families and to overdispersion.

    Parameters
    ----------
    y, treated, family, covariates, exposure, alpha
        As for :func:`negative_binomial`; without an exposure every child has the same.

    Returns
    -------
    Fit
        The contrast is the logarithm of the ratio of rates; of yes and no, of risks (Zou 2004).

    Raises
    ------
    ValueError
        If the columns differ in length.

    References
    ----------
    Zou (2004) American Journal of Epidemiology 159:702. Yelland, Salter and Ryan (2011) American Journal of
    Epidemiology 174:984 (with clusters).
    """
    exposure = np.ones(np.shape(y)) if exposure is None else exposure
    return _log_linear(
        "poisson-robust", y, treated, family, covariates, exposure, alpha, True, disperse=False
    )


def risk_difference(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
) -> Fit:
    """The difference of two risks, by least squares with a variance that is robust to families.

    Parameters
    ----------
    y : (n_children,) array of bool or 0/1
    treated, family, covariates, alpha
        As for :func:`best_sim.trial.analysis.mixed_model`.

    Returns
    -------
    Fit
        In shares. In a randomised trial covariates change its precision, not what it estimates, though the model is
        linear (Cheung 2007).

    Raises
    ------
    ValueError
        If the columns differ in length, or the outcome is something else than yes or no.

    References
    ----------
    Cheung (2007) American Journal of Epidemiology 166:1337.
    """
    _yes_or_no(y)
    return replace(
        ancova_cluster_robust(y, treated, family, covariates, alpha=alpha), method="risk-difference"
    )


def risk_ratio(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
) -> Fit:
    """The logarithm of the ratio of two risks, by Poisson regression with a variance that is robust to families.

    Parameters
    ----------
    y, treated, family, covariates, alpha
        As for :func:`risk_difference`.

    Returns
    -------
    Fit
        Not converged where an arm has no events.

    Raises
    ------
    ValueError
        If the columns differ in length, or the outcome is something else than yes or no.
    """
    _yes_or_no(y)
    return replace(poisson_robust(y, treated, family, covariates, alpha=alpha), method="risk-ratio")


def _yes_or_no(y: ArrayLike) -> None:
    outcome = np.asarray(y, np.float64)
    known = outcome[np.isfinite(outcome)]
    wrong = known[(known != 0.0) & (known != 1.0)]
    if len(wrong):
        raise ValueError(f"y may only hold 0 and 1; it also holds {wrong[0]:g}")


def _log_linear(
    method: str,
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None,
    exposure: ArrayLike,
    alpha: float,
    robust: bool,
    *,
    disperse: bool,
) -> Fit:
    time = np.asarray(exposure, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        offset = np.where(time > 0.0, np.log(time), np.nan)
    # rows without a value anywhere are dropped alike, so the offset travels with the covariates
    extra = np.empty((len(offset), 0)) if covariates is None else np.asarray(covariates, np.float64)
    extra = extra[:, np.newaxis] if extra.ndim == 1 else extra
    data = complete_rows(y, treated, family, np.column_stack([extra, offset]))
    if data.obstacle:
        return failure(method, data, data.obstacle)
    offset = data.design[:, -2]
    design = np.column_stack([data.design[:, :-2], data.design[:, -1]])
    kept = independent(design)
    if kept[-1] != design.shape[1] - 1:
        return failure(method, data, ALIASED)
    design = design[:, kept]
    n, p = design.shape
    if n <= p:
        return failure(method, data, SATURATED)
    if not (data.y[data.treated == 1].sum() > 0 and data.y[data.treated == 0].sum() > 0):
        return failure(method, data, NO_EVENTS)
    beta, k, settled = _maximum(design, data.y, offset, disperse)
    if not settled:
        return failure(method, data, NOT_SETTLED)
    mu = np.exp(design @ beta + offset)
    weight = mu / (1.0 + k * mu)
    bread = np.linalg.inv(design.T @ (design * weight[:, np.newaxis]))
    estimate = float(beta[-1])
    if robust:
        scores = design * ((data.y - mu) / (1.0 + k * mu))[:, np.newaxis]
        along = scores @ bread[:, -1]
        sums = np.bincount(data.family, weights=along, minlength=data.n_families)
        correction = data.n_families / (data.n_families - 1) * (n - 1) / (n - p)
        error, df = math.sqrt(correction * float(sums @ sums)), float(data.n_families - 1)
    else:
        error, df = math.sqrt(float(bread[-1, -1])), math.inf
    if error == 0.0:
        return failure(method, data, NO_EVENTS)
    note = NO_OVERDISPERSION if disperse and k == 0.0 else ""
    return inference(
        method, data, estimate, error, df, alpha, residual_variance=k if disperse else math.nan, note=note
    )


def _maximum(design: Floats, y: Floats, offset: Floats, disperse: bool) -> tuple[Floats, float, bool]:
    """Coefficients and dispersion of greatest likelihood, in turns: each given the other (Lawless 1987)."""
    p = design.shape[1]
    beta = np.zeros(p)
    beta[0] = math.log(y.sum() / np.exp(offset).sum())
    k = 0.0
    beta, settled = _coefficients(design, y, offset, beta, k)
    if not disperse or not settled:
        return beta, k, settled
    for _ in range(_MOST_STEPS):
        mu = np.exp(design @ beta + offset)
        before, k = k, _dispersion(y, mu, k)
        beta, settled = _coefficients(design, y, offset, beta, k)
        if not settled:
            return beta, k, False
        if abs(k - before) <= 1e-11 * (1.0 + k):
            return beta, k, True
    return beta, k, False


def _coefficients(design: Floats, y: Floats, offset: Floats, beta: Floats, k: float) -> tuple[Floats, bool]:
    for _ in range(_MOST_STEPS):
        mu = np.exp(np.minimum(design @ beta + offset, 50.0))
        weight = mu / (1.0 + k * mu)
        score = design.T @ ((y - mu) / (1.0 + k * mu))
        try:
            step = np.linalg.solve(design.T @ (design * weight[:, np.newaxis]), score)
        except np.linalg.LinAlgError:
            return beta, False
        beta = beta + np.clip(step, -3.0, 3.0)
        if np.abs(step).max() <= 1e-12 * (1.0 + np.abs(beta).max()):
            return beta, True
        if not np.isfinite(beta).all() or np.abs(beta).max() > 40.0:
            return beta, False
    return beta, bool(np.abs(step).max() <= 1e-9)


def _dispersion(y: Floats, mu: Floats, start: float) -> float:
    """The dispersion of greatest likelihood, given the means; 0 where the counts vary no more than a Poisson's."""
    if float(((y - mu) ** 2 - y).sum()) <= 0.0 and _slope(y, mu, _LEAST) <= 0.0:
        return 0.0
    low, high = _LEAST, _MOST
    if _slope(y, mu, low) <= 0.0:
        return 0.0
    k = start if low < start < high else 0.5
    for _ in range(_MOST_STEPS):
        slope = _slope(y, mu, k)
        low, high = (k, high) if slope > 0.0 else (low, k)
        step = 1e-5 * k
        curvature = (_slope(y, mu, k + step) - _slope(y, mu, k - step)) / (2.0 * step)
        proposal = k - slope / curvature if curvature < 0.0 else -1.0
        if not low < proposal < high:
            proposal = math.sqrt(low * high)
        if abs(proposal - k) <= 1e-13 * k:
            return proposal
        k = proposal
    return k


def _slope(y: Floats, mu: Floats, k: float) -> float:
    """Derivative of the log likelihood by the dispersion."""
    r = 1.0 / k
    by_r = special.digamma(y + r) - special.digamma(r) + np.log1p(-mu / (r + mu)) + 1.0 - (y + r) / (r + mu)
    return float(-by_r.sum() * r * r)
