"""The effect of LIFT on those who receive it because they are allocated to it: allocation as an instrument."""

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
    complete_rows,
    failure,
    independent,
    inference,
)

NOBODY_COMPLIES = "allocation did not change who received LIFT, so its effect on them cannot be told"
_METHOD = "complier-average 2sls cluster-robust"


def complier_average(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    received: ArrayLike,
    alpha: float = 0.05,
) -> Fit:
    r"""Two-stage least squares, with a variance that is robust to correlation within families.

    Parameters
    ----------
    y, treated, family, covariates, alpha
        As for :func:`best_sim.trial.analysis.mixed_model`; `treated` is the allocation, the instrument.
    received : (n_children,) array of bool or 0/1
        Whether the child's family received LIFT.

    Returns
    -------
    Fit
        The contrast is the complier-average effect, in units of the outcome: the effect of allocation divided by the
        difference that allocation makes to the share that receives LIFT, given the covariates. Not converged where it
        makes none.

    Raises
    ------
    ValueError
        If the columns differ in length.

    Notes
    -----
    It is the effect on those who receive LIFT if and only if they are allocated to it (Imbens and Angrist 1994), if
    allocation does nothing to a child but through receiving LIFT, and nobody allocated to LIFT is kept from it who
    would have had it otherwise. In this model the first does not hold to the letter: cases of families allocated to
    LIFT last longer, whether or not it is received.

    The sandwich variance is that of :func:`best_sim.trial.analysis.ancova_cluster_robust`, with the same factor for
    small samples and families less one degrees of freedom. With one instrument for one exposure the estimate has no
    finite mean; its median is close to the effect when the instrument is strong, as it is where most comply.

    References
    ----------
    Angrist, Imbens and Rubin (1996) Journal of the American Statistical Association 91:444. White (1982) Econometrica
    50:483. Imbens and Angrist (1994) Econometrica 62:467.
    """
    exposure = np.asarray(received, np.float64)
    extra = np.empty((len(exposure), 0)) if covariates is None else np.asarray(covariates, np.float64)
    extra = extra[:, np.newaxis] if extra.ndim == 1 else extra
    # rows without a value anywhere are dropped alike, so the exposure travels with the covariates
    data = complete_rows(y, treated, family, np.column_stack([extra, exposure]))
    if data.obstacle:
        return failure(_METHOD, data, data.obstacle)
    n = len(data.y)
    others, exposure, arm = data.design[:, :-2], data.design[:, -2], data.design[:, -1]
    kept = independent(others)
    basis, _ = np.linalg.qr(others[:, kept])
    rank = basis.shape[1] + 1
    if n <= rank:
        return failure(_METHOD, data, SATURATED)

    def left(values: np.ndarray) -> np.ndarray:
        values = values - basis @ (basis.T @ values)
        return np.asarray(values - basis @ (basis.T @ values))

    instrument, given, outcome = left(arm), left(exposure), left(data.y)
    if instrument @ instrument <= 1e-14 * (arm @ arm):
        return failure(_METHOD, data, ALIASED)
    if outcome @ outcome <= NEGLIGIBLE * (data.y @ data.y):
        return failure(_METHOD, data, NO_VARIATION)
    strength = float(instrument @ given)
    if abs(strength) <= 1e-10 * float(instrument @ instrument):
        return failure(_METHOD, data, NOBODY_COMPLIES)
    estimate = float(instrument @ outcome) / strength
    residual = outcome - estimate * given
    scores = np.bincount(data.family, weights=instrument * residual, minlength=data.n_families)
    correction = data.n_families / (data.n_families - 1) * (n - 1) / (n - rank)
    standard_error = math.sqrt(correction * float(scores @ scores)) / abs(strength)
    if standard_error == 0.0:
        return failure(_METHOD, data, NO_VARIATION)
    return inference(_METHOD, data, estimate, standard_error, data.n_families - 1, alpha)
