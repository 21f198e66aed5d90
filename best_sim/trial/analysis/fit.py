"""What every analysis takes and gives: the rows of one trial in, a `Fit` out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]

MINIMUM_FAMILIES = 3
"""With fewer families than this, and two arms, nothing is left to estimate variation between families."""


@dataclass(frozen=True, slots=True)
class Fit:
    """One analysis of one trial.

    Attributes
    ----------
    estimate
        Treatment contrast, treated minus control, in units of the outcome.
    standard_error
        Its standard error, in units of the outcome.
    df
        Degrees of freedom of the reference t distribution; infinite for the normal.
    statistic
        `estimate / standard_error`.
    p_value
        Two-sided.
    interval
        Low and high end of the two-sided confidence interval at 1 - alpha.
    method
        Name of the analysis, with whatever in it can be chosen, e.g. ``"mixed-model reml satterthwaite"``.
    n_families, n_children
        Families and children analysed, after rows with missing values were dropped.
    n_dropped
        Rows (children) dropped because the outcome, the arm or a covariate was missing.
    family_variance, residual_variance
        Variance between families, and between siblings of one family, given the covariates, in squared units
        of the outcome. NaN where the analysis does not estimate them.
    converged
        False if there is no usable result; every other number that could not be had is then NaN.
    note
        Empty, or one sentence on what a reader should know: why it failed, or what was special.
    """

    estimate: float
    standard_error: float
    df: float
    statistic: float
    p_value: float
    interval: tuple[float, float]
    method: str
    n_families: int
    n_children: int
    n_dropped: int = 0
    family_variance: float = math.nan
    residual_variance: float = math.nan
    converged: bool = True
    note: str = ""

    @property
    def icc(self) -> float:
        """Intracluster correlation given the covariates: the share of variance between families."""
        return self.family_variance / (self.family_variance + self.residual_variance)


class Analysis(Protocol):
    """What every entry of `PRIMARY_METHODS` can be called with."""

    def __call__(
        self,
        y: ArrayLike,
        treated: ArrayLike,
        family: ArrayLike,
        covariates: ArrayLike | None = None,
        *,
        alpha: float = 0.05,
    ) -> Fit:
        """Analyse one trial; see :func:`mixed_model` for the columns."""
        ...


ALIASED = "the arm cannot be told apart from the covariates"
NO_FREEDOM = "there are no degrees of freedom left for the arm"
SATURATED = "there are no more children than coefficients"
NO_VARIATION = "the outcome does not vary once the covariates are accounted for"
SAME_SIBLINGS = "the residual variance is zero: siblings do not differ once the covariates are accounted for"
SINGLETONS = "no family has two children: the variance is all residual, as it cannot be split"
FAMILY_VARIANCE_ZERO = "the family variance is estimated as zero"

NEGLIGIBLE = 1e-20
"""A residual sum of squares below this share of the outcome's own is rounding error, not variation."""
DEPENDENT = 1e-7
"""Columns of which less than this share is left after those before them are dropped (as in R's `lm`)."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Complete rows of a trial, and the first reason, if any, why they cannot be analysed."""

    y: Floats
    treated: Floats
    design: Floats  # intercept, covariates, and the arm last: its coefficient is the contrast
    family: NDArray[np.intp]  # 0, 1, ..., n_families - 1
    n_families: int
    n_dropped: int
    obstacle: str


def complete_rows(y: ArrayLike, treated: ArrayLike, family: ArrayLike, covariates: ArrayLike | None) -> Rows:
    """The rows without a missing value, checked: what depends on the data is an obstacle, what does not an error."""
    outcome = np.asarray(y, dtype=np.float64)
    arm = np.asarray(treated, dtype=np.float64)
    label = np.asarray(family)
    n = outcome.size
    others = np.empty((n, 0)) if covariates is None else np.asarray(covariates, dtype=np.float64)
    if others.ndim == 1:
        others = others[:, np.newaxis]
    if outcome.ndim != 1 or arm.shape != (n,) or label.shape != (n,) or others.ndim != 2 or len(others) != n:
        raise ValueError(
            "y, treated, family and covariates need one row per child; "
            f"their shapes are {outcome.shape}, {arm.shape}, {label.shape} and {others.shape}"
        )
    design = np.empty((n, others.shape[1] + 2))
    design[:, 0] = 1.0
    design[:, 1:-1] = others
    design[:, -1] = arm
    n_dropped = 0
    # nothing is missing where the sum of everything is a number; if it is not, it is seen which rows are complete
    if not math.isfinite(float(outcome.sum()) + float(design.sum())):
        complete = np.isfinite(outcome) & np.isfinite(design).all(axis=1)
        n_dropped = n - int(np.count_nonzero(complete))
        outcome, arm, label, design = outcome[complete], arm[complete], label[complete], design[complete]
    codes, n_families = _codes(label)

    obstacle = ""
    if not np.all((arm == 0.0) | (arm == 1.0)):
        raise ValueError(
            f"treated may only hold 0 and 1; it also holds {arm[(arm != 0.0) & (arm != 1.0)][0]}"
        )
    if not 0 < np.count_nonzero(arm) < arm.size:
        obstacle = "no child was analysed" if arm.size == 0 else "an arm is empty"
    elif n_families < MINIMUM_FAMILIES:
        obstacle = f"only {n_families} families were analysed; at least {MINIMUM_FAMILIES} are needed"
    return Rows(outcome, arm, design, codes, n_families, n_dropped, obstacle)


def _codes(label: NDArray) -> tuple[NDArray[np.intp], int]:
    """Families numbered from 0 in the order of their labels, and how many there are; quick where they are in order."""
    if label.dtype.kind in "iu" and label.size:
        new = label[1:] != label[:-1]
        if np.all(label[1:] >= label[:-1]):
            codes = np.zeros(label.size, np.intp)
            np.cumsum(new, out=codes[1:])
            return codes, int(codes[-1]) + 1
    families, codes = np.unique(label, return_inverse=True)
    return codes, int(families.size)


def failure(method: str, data: Rows, note: str) -> Fit:
    """A fit without a result, and why."""
    return Fit(
        estimate=math.nan,
        standard_error=math.nan,
        df=math.nan,
        statistic=math.nan,
        p_value=math.nan,
        interval=(math.nan, math.nan),
        method=method,
        n_families=data.n_families,
        n_children=data.y.size,
        n_dropped=data.n_dropped,
        converged=False,
        note=note,
    )


def inference(
    method: str,
    data: Rows,
    estimate: float,
    standard_error: float,
    df: float,
    alpha: float,
    *,
    family_variance: float = math.nan,
    residual_variance: float = math.nan,
    note: str = "",
) -> Fit:
    """Refer estimate over standard error to t with `df` degrees of freedom; to the normal if infinite."""
    statistic = estimate / standard_error
    if math.isinf(df):
        p_value = 2.0 * float(special.ndtr(-abs(statistic)))
        critical = float(special.ndtri(1.0 - alpha / 2.0))
    else:
        p_value = 2.0 * float(special.stdtr(df, -abs(statistic)))
        critical = float(special.stdtrit(df, 1.0 - alpha / 2.0))
    reach = critical * standard_error
    return Fit(
        estimate=estimate,
        standard_error=standard_error,
        df=float(df),
        statistic=statistic,
        p_value=p_value,
        interval=(estimate - reach, estimate + reach),
        method=method,
        n_families=data.n_families,
        n_children=data.y.size,
        n_dropped=data.n_dropped,
        family_variance=family_variance,
        residual_variance=residual_variance,
        note=note,
    )


def independent(columns: Floats) -> list[int]:
    """Which columns are not linear combinations of those before them."""
    kept: list[int] = []
    basis = np.empty((len(columns), 0))
    for k in range(columns.shape[1]):
        vector = columns[:, k]
        rest = vector - basis @ (basis.T @ vector)
        rest = rest - basis @ (basis.T @ rest)
        length = math.sqrt(float(rest @ rest))
        if length > DEPENDENT * math.sqrt(float(vector @ vector)) and len(kept) < len(columns):
            kept.append(k)
            basis = np.column_stack([basis, rest / length])
    return kept
