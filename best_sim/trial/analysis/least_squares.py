"""The plain analyses of a score: least squares with the error of families, and t tests of families or of children."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from best_sim.trial.analysis.fit import (
    ALIASED,
    NEGLIGIBLE,
    NO_VARIATION,
    SATURATED,
    Fit,
    Floats,
    Rows,
    complete_rows,
    failure,
    inference,
)
from best_sim.trial.analysis.mixed import orthonormal_basis


def ancova_cluster_robust(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    alpha: float = 0.05,
) -> Fit:
    r"""Ordinary least squares with a variance that is robust to correlation within families.

    The sandwich variance of Liang & Zeger (1986) with the small-sample factor
    :math:`\frac{G}{G-1}\frac{n-1}{n-p}` for G families, n children and p coefficients ("CR1"; the default of
    Stata, and of statsmodels' ``cov_type="cluster"`` with ``use_correction=True``), referred to a t
    distribution with G - 1 degrees of freedom, as both do.

    Parameters
    ----------
    y, treated, family, covariates, alpha
        As for :func:`~best_sim.trial.analysis.mixed_model`.

    Returns
    -------
    Fit
        Variance components are NaN: nothing is assumed about them.

    Raises
    ------
    ValueError
        If the columns differ in length.

    References
    ----------
    Liang & Zeger (1986) Biometrika 73:13. Cameron & Miller (2015) Journal of Human Resources 50:317.
    """
    method = "ancova-cluster-robust"
    data = complete_rows(y, treated, family, covariates)
    if data.obstacle:
        return failure(method, data, data.obstacle)
    basis, _, contrast_norm = orthonormal_basis(data.design)
    n, rank = len(data.y), basis.shape[1]
    if contrast_norm == 0.0:
        return failure(method, data, ALIASED)
    if n <= rank:
        return failure(method, data, SATURATED)
    coordinates = basis.T @ data.y
    residual = data.y - basis @ coordinates
    if residual @ residual <= NEGLIGIBLE * (data.y @ data.y):
        return failure(method, data, NO_VARIATION)
    # In an orthonormal basis the contrast is the last coordinate over its norm, so only that column's scores
    # matter.
    scores = np.bincount(data.family, weights=basis[:, -1] * residual, minlength=data.n_families)
    correction = data.n_families / (data.n_families - 1) * (n - 1) / (n - rank)
    standard_error = math.sqrt(correction * float(scores @ scores)) / contrast_norm
    if standard_error == 0.0:
        return failure(method, data, NO_VARIATION)
    estimate = float(coordinates[-1]) / contrast_norm
    return inference(method, data, estimate, standard_error, data.n_families - 1, alpha)


def t_test_family_means(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    alpha: float = 0.05,
) -> Fit:
    """Student's t test on one mean per family: the simplest analysis that respects the randomisation.

    Each family counts once, whatever its size, so it is valid but wasteful when sizes differ (Donner & Klar
    2000). Families in the two arms are assumed to have means of equal variance; df = families - 2.

    Parameters
    ----------
    y, treated, family, alpha
        As for :func:`~best_sim.trial.analysis.mixed_model`.
    covariates
        Not adjusted for. Children with a missing covariate are still dropped, so that every analysis of a
        trial sees the same children.

    Returns
    -------
    Fit
        Not converged if an arm varies within a family.

    Raises
    ------
    ValueError
        If the columns differ in length.
    """
    method = "t-test-family-means"
    data = complete_rows(y, treated, family, covariates)
    if data.obstacle:
        return failure(method, data, data.obstacle)
    sizes = np.bincount(data.family, minlength=data.n_families)
    arm = np.bincount(data.family, weights=data.treated, minlength=data.n_families) / sizes
    if np.any(arm[data.family] != data.treated):
        return failure(method, data, "the arm varies within a family, so family means cannot be compared")
    means = np.bincount(data.family, weights=data.y, minlength=data.n_families) / sizes
    return _two_samples(method, data, means, arm, alpha)


def t_test_children(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    alpha: float = 0.05,
) -> Fit:
    """Student's t test on children as if siblings were strangers.

    Too optimistic wherever siblings resemble each other; kept to show by how much. df = children - 2.

    Parameters
    ----------
    y, treated, family, alpha
        As for :func:`~best_sim.trial.analysis.mixed_model`; `family` is only counted.
    covariates
        Not adjusted for; children with a missing one are dropped, as in :func:`t_test_family_means`.

    Returns
    -------
    Fit

    Raises
    ------
    ValueError
        If the columns differ in length.
    """
    method = "t-test-children"
    data = complete_rows(y, treated, family, covariates)
    if data.obstacle:
        return failure(method, data, data.obstacle)
    return _two_samples(method, data, data.y, data.treated, alpha)


def _two_samples(method: str, data: Rows, values: Floats, arm: Floats, alpha: float) -> Fit:
    one, other = values[arm == 1.0], values[arm == 0.0]
    df = values.size - 2
    if df < 1:
        return failure(method, data, SATURATED)
    squares = float(((one - one.mean()) ** 2).sum() + ((other - other.mean()) ** 2).sum())
    if squares <= NEGLIGIBLE * float(values @ values):
        return failure(method, data, NO_VARIATION)
    standard_error = math.sqrt(squares / df * (1.0 / one.size + 1.0 / other.size))
    return inference(method, data, float(one.mean() - other.mean()), standard_error, df, alpha)
