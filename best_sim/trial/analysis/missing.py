"""Scores that are not known: imputed several times, and shifted until the conclusion changes.

A complete-case analysis assumes that, given the covariates, a family that was missed would have scored as one that was
seen. Imputation uses what else is known of the child (its scores at earlier visits) and of its siblings; a shift of
what is imputed (delta) asks how far the missed would have to differ for the conclusion to change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from best_sim.trial.analysis.fit import Fit, Rows, complete_rows, failure
from best_sim.trial.analysis.mixed import mixed_model

IMPUTATIONS = 20
NOTHING_KNOWN = "too few children were seen to impute the others"


def multiple_imputation(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    auxiliary: ArrayLike | None = None,
    generator: np.random.Generator,
    imputations: int = IMPUTATIONS,
    delta: float = 0.0,
    alpha: float = 0.05,
) -> Fit:
    r"""The mixed model on data whose missing outcomes are imputed, pooled by Rubin's rules.

    Parameters
    ----------
    y, treated, family, covariates, alpha
        As for :func:`best_sim.trial.analysis.mixed_model`. Rows whose outcome is NaN are imputed; rows with another
        missing value are dropped.
    auxiliary : (n_children,) or (n_children, k) array, optional
        What the imputation may use beside the covariates, as scores at other visits. A missing value is given the
        column's mean, with an indicator.
    generator : numpy.random.Generator
        Random numbers of the imputations.
    imputations : int
        Two or more.
    delta : float
        Added to every imputed outcome of the treated arm, in units of the outcome.

    Returns
    -------
    Fit
        Pooled; degrees of freedom by Barnard and Rubin. `n_dropped` counts rows that were dropped, not those imputed.

    Raises
    ------
    ValueError
        If the columns differ in length, or `imputations` is below two.

    Notes
    -----
    The outcomes are imputed by a normal linear model on arm, covariates and auxiliary columns with a random intercept
    for each family. Its variance components are those of the restricted maximum likelihood fit to what is known; the
    residual variance and the coefficients are drawn from their posterior, and a family's intercept from its own, given
    what is known of the siblings (Rubin 1987, chapters 3 and 5; van Buuren 2018, chapter 7). So siblings who were both
    missed resemble each other as others do.

    References
    ----------
    Rubin (1987) Multiple Imputation for Nonresponse in Surveys. Barnard and Rubin (1999) Biometrika 86:948. van Buuren
    (2018) Flexible Imputation of Missing Data. Carpenter, Roger and Kenward (2013) Journal of Biopharmaceutical
    Statistics 23:1352 (shifted imputations).
    """
    if imputations < 2:
        raise ValueError(f"imputations: found {imputations}, allowed 2 or more")
    outcome = np.asarray(y, np.float64)
    missing = np.isnan(outcome)
    name = f"multiple-imputation mixed-model m={imputations}" + (f" delta={delta:g}" if delta else "")
    # rows with anything else missing are dropped; of the outcome only that it is there is asked
    data = complete_rows(np.where(missing, 0.0, outcome), treated, family, covariates)
    if data.obstacle:
        return failure(name, data, data.obstacle)
    complete = _complete(treated, family, covariates)
    outcome, missing = outcome[complete], missing[complete]
    if not missing.any():
        fit = mixed_model(outcome, data.treated, data.family, data.design[:, 1:-1], alpha=alpha)
        return replace(fit, method=name, n_dropped=data.n_dropped)
    extra = (
        np.empty((len(outcome), 0))
        if auxiliary is None
        else _filled(np.asarray(auxiliary, np.float64)[complete])
    )
    model = np.column_stack([data.design, extra])
    known = ~missing
    first = mixed_model(
        outcome[known], data.treated[known], data.family[known], model[known][:, _but_arm(data, model)]
    )
    if not first.converged or known.sum() <= model.shape[1] + 1:
        return failure(name, data, NOTHING_KNOWN)
    ratio = first.family_variance / first.residual_variance if first.residual_variance > 0 else 0.0
    draws = _Imputer(outcome, model, data.family, known, ratio)
    shift = delta * data.treated[missing]
    fits = []
    for _ in range(imputations):
        filled = outcome.copy()
        filled[missing] = draws.one(generator) + shift
        fits.append(mixed_model(filled, data.treated, data.family, data.design[:, 1:-1], alpha=alpha))
    good = [fit for fit in fits if fit.converged]
    if len(good) < imputations:
        return failure(name, data, good[0].note if good else fits[0].note)
    return replace(pooled(good, alpha, name), n_dropped=data.n_dropped)


def pooled(fits: Sequence[Fit], alpha: float = 0.05, method: str = "pooled") -> Fit:
    """Rubin's rules: one fit from the fits to several imputations.

    Parameters
    ----------
    fits : sequence of Fit
        Two or more, all with a result.
    alpha : float
    method : str
        Name of the result.

    Returns
    -------
    Fit
    """
    estimates = np.array([fit.estimate for fit in fits])
    m = len(estimates)
    within = float(np.mean([fit.standard_error**2 for fit in fits]))
    between = float(estimates.var(ddof=1))
    total = within + (1.0 + 1.0 / m) * between
    complete_df = float(np.mean([fit.df for fit in fits]))
    share = (1.0 + 1.0 / m) * between / total
    old = (m - 1) / share**2 if share > 0 else math.inf
    if math.isinf(complete_df):
        df = old
    else:
        observed = (complete_df + 1.0) / (complete_df + 3.0) * complete_df * (1.0 - share)
        df = observed if math.isinf(old) else old * observed / (old + observed)
    estimate, error = float(estimates.mean()), math.sqrt(total)
    statistic = estimate / error
    if math.isinf(df):
        p, critical = 2.0 * float(special.ndtr(-abs(statistic))), float(special.ndtri(1.0 - alpha / 2.0))
    else:
        p, critical = (
            2.0 * float(special.stdtr(df, -abs(statistic))),
            float(special.stdtrit(df, 1.0 - alpha / 2.0)),
        )
    return replace(
        fits[0],
        estimate=estimate,
        standard_error=error,
        df=df,
        statistic=statistic,
        p_value=p,
        interval=(estimate - critical * error, estimate + critical * error),
        method=method,
        family_variance=float(np.mean([fit.family_variance for fit in fits])),
        residual_variance=float(np.mean([fit.residual_variance for fit in fits])),
        note="",
    )


def tipping_points(deltas: ArrayLike, p: ArrayLike, alpha: float = 0.05) -> np.ndarray:
    """How far what is imputed must be shifted for the conclusion of each trial to change.

    Parameters
    ----------
    deltas : (n_deltas,) array
        Shifts, 0 among them.
    p : (n_trials, n_deltas) array
        P values of each trial's analysis under each shift, with the same imputations.
    alpha : float
        Two-sided level.

    Returns
    -------
    (n_trials,) numpy.ndarray of float
        The shift nearest to zero, the first of two that are as near, at which p is on the other side of alpha than at
        zero; NaN where there is none.

    Raises
    ------
    ValueError
        If 0 is not among the shifts.
    """
    shifts, found = np.asarray(deltas, np.float64), np.asarray(p, np.float64) < alpha
    if 0.0 not in shifts:
        raise ValueError(f"deltas: found {shifts.tolist()}, allowed a list with 0 in it")
    other = found != found[:, [int(np.flatnonzero(shifts == 0.0)[0])]]
    near = np.where(other, np.abs(shifts), math.inf)
    return np.where(other.any(axis=1), shifts[near.argmin(axis=1)], math.nan)


def _complete(treated: ArrayLike, family: ArrayLike, covariates: ArrayLike | None) -> np.ndarray:
    others = np.asarray(treated, np.float64)[:, np.newaxis]
    if covariates is not None:
        extra = np.asarray(covariates, np.float64)
        others = np.column_stack([others, extra])
    return np.asarray(np.isfinite(others).all(axis=1))


def _but_arm(data: Rows, model: np.ndarray) -> np.ndarray:
    """Columns of the imputation model but the intercept and the arm, which the analysis adds itself."""
    arm = data.design.shape[1] - 1
    return np.array([k for k in range(1, model.shape[1]) if k != arm], np.intp)


def _filled(columns: np.ndarray) -> np.ndarray:
    """Columns with their mean where missing, and an indicator of where."""
    columns = columns[:, np.newaxis] if columns.ndim == 1 else columns
    out = []
    for column in columns.T:
        gone = np.isnan(column)
        if gone.all():
            continue
        out.append(np.where(gone, column[~gone].mean(), column))
        if gone.any():
            out.append(gone.astype(float))
    return np.column_stack(out) if out else np.empty((len(columns), 0))


class _Imputer:
    """Draws of missing outcomes from the posterior of a random-intercept model with a known ratio of variances."""

    def __init__(
        self, outcome: np.ndarray, model: np.ndarray, family: np.ndarray, known: np.ndarray, ratio: float
    ) -> None:
        seen = np.bincount(family, known)  # members seen, by family
        # with a common intercept of variance ratio * s2, rows weighted to be independent: x - a * family mean
        take = 1.0 - 1.0 / np.sqrt(1.0 + seen * ratio)
        rows, of = model[known], family[known]
        count = np.maximum(seen, 1.0)

        def means(values: np.ndarray) -> np.ndarray:
            return np.bincount(of, values, minlength=len(seen)) / count

        w = np.column_stack([column - (take * means(column))[of] for column in rows.T])
        z = outcome[known] - (take * means(outcome[known]))[of]
        u, d, vt = np.linalg.svd(w, full_matrices=False)
        use = d > 1e-9 * d[0]
        self.beta = vt[use].T @ ((u[:, use].T @ z) / d[use])
        self.root = vt[use].T / d[use]
        rest = z - w @ self.beta
        self.freedom = len(z) - int(use.sum())
        self.squares = float(rest @ rest)
        self.model, self.family, self.known, self.outcome = model, family, known, outcome
        self.seen, self.ratio = seen, ratio

    def one(self, generator: np.random.Generator) -> np.ndarray:
        """Missing outcomes, drawn once."""
        variance = self.squares / generator.chisquare(self.freedom)
        spread = math.sqrt(variance)
        beta = self.beta + spread * (self.root @ generator.standard_normal(self.root.shape[1]))
        fitted = self.model @ beta
        left = np.bincount(self.family, np.where(self.known, self.outcome - fitted, 0.0))
        shrink = self.ratio / (1.0 + self.seen * self.ratio)
        intercept = shrink * left + spread * np.sqrt(shrink) * generator.standard_normal(len(self.seen))
        missing = ~self.known
        n = int(missing.sum())
        return fitted[missing] + intercept[self.family[missing]] + spread * generator.standard_normal(n)
