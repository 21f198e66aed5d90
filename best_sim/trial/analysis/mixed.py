"""The mixed model of a score: one treatment contrast from children nested in families.

- It works on sums per family, condensed once, so that its search costs the same for 30 families or 30,000.
- Its kernels are plain Python functions compiled by numba on first use, without the GIL, so that threads run in
  parallel. Called uncompiled, the same functions give the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from best_sim.trial.analysis.fit import (
    ALIASED,
    DEPENDENT,
    FAMILY_VARIANCE_ZERO,
    NEGLIGIBLE,
    NO_FREEDOM,
    NO_VARIATION,
    SAME_SIBLINGS,
    SATURATED,
    SINGLETONS,
    Fit,
    Floats,
    Rows,
    complete_rows,
    failure,
    inference,
)
from best_sim.trial.compiling import compiler

Likelihood = Literal["reml", "ml"]
DegreesOfFreedom = Literal["satterthwaite", "kenward-roger", "between-within", "normal"]


def mixed_model(
    y: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    method: Likelihood = "reml",
    df: DegreesOfFreedom = "satterthwaite",
    alpha: float = 0.05,
) -> Fit:
    r"""Linear mixed model with a random intercept per family.

    :math:`y_{fc} = x_{fc}'\beta + u_f + e_{fc}`, with :math:`u_f \sim N(0, \sigma_u^2)` and
    :math:`e_{fc} \sim N(0, \sigma_e^2)`, fitted by (restricted) maximum likelihood.

    Parameters
    ----------
    y : (n_children,) array
        Outcome. Rows with a missing (NaN) outcome, arm or covariate are dropped and counted.
    treated : (n_children,) array of bool or 0/1
        Arm of the child's family.
    family : (n_children,) array
        Identity of the family; any values that can be sorted, in any order.
    covariates : (n_children,) or (n_children, k) array, optional
        Baseline score, indicators of site and so on. An intercept is always added. A column that depends
        linearly on those before it (a site without children, an indicator too many) is left out, as R does.
    method : {"reml", "ml"}
        Restricted maximum likelihood (Patterson & Thompson 1971), or full maximum likelihood.
    df : {"satterthwaite", "kenward-roger", "between-within", "normal"}
        Reference distribution of the contrast; see Notes. Kenward and Roger's also replaces the standard error,
        and is for restricted maximum likelihood only.
    alpha : float
        Two-sided level of the interval.

    Returns
    -------
    Fit
        With `converged=False` and a note where the data cannot carry the model; never an exception for that.

    Raises
    ------
    ValueError
        If the columns differ in length, an option is not one of those above, or Kenward and Roger's degrees of
        freedom are asked of full maximum likelihood.

    Notes
    -----
    *Likelihood.* Given the ratio :math:`\lambda = \sigma_u^2/\sigma_e^2`, coefficients and residual variance
    have a closed form, and the covariance of a family of size m has the inverse :math:`\sigma_e^{-2}\{I -
    \lambda/(1+m\lambda) J\}`. So the profile deviance is a function of :math:`\lambda` alone, and of one
    matrix of cross-products of family sums per size of family. It is scanned over the whole range, zero
    included, because it may have more than one minimum, and the best stretch is polished by Newton steps on
    its exact derivative. At the lower end the family variance is exactly zero and the fit is ordinary least
    squares.

    *Satterthwaite.* With :math:`v(\theta)` the estimated variance of the contrast as a function of the
    variance components, :math:`\nu = 2v^2 / (g' W g)`, :math:`g` its gradient and :math:`W` twice the inverse
    of the Hessian of the deviance, as lmerTest has it. Profiling out :math:`\sigma_e^2` reduces this to

    .. math:: 1/\nu = 1/(n-p) + \{d \log v/d\lambda\}^2 / D''(\lambda)

    with :math:`v` and the deviance :math:`D` both profiled. It equals the exact degrees of freedom in
    balanced data. Where the family variance is zero only the first term is left (as in lmerTest, whose
    parameter is the root of :math:`\lambda`).

    *Kenward-Roger.* With :math:`\Phi = (X'V^{-1}X)^{-1}`, :math:`V_i` the derivative of :math:`V` by the i-th
    variance, :math:`P_i = -X'V^{-1}V_iV^{-1}X`, :math:`Q_{ij} = X'V^{-1}V_iV^{-1}V_jV^{-1}X` and :math:`W` the
    inverse of the expected information about the two variances, the covariance of the coefficients becomes

    .. math:: \Phi + 2\Phi\Big\{\sum_{ij} W_{ij}(Q_{ij} - P_i\Phi P_j)\Big\}\Phi

    (Kenward & Roger 1997, whose fourth term vanishes because :math:`V` is linear in the variances; for the same
    reason their revision of 2009 is the same thing here). For one contrast :math:`\ell` their scale is 1 and
    their degrees of freedom reduce to :math:`\nu = 2v^2 / (g'Wg)` with :math:`v = \ell'\Phi\ell`,
    :math:`g_i = -\ell'\Phi P_i\Phi\ell`: Satterthwaite's with the expected for the observed information. Where the
    family variance is estimated as zero it still counts as estimated, with the information that it has at zero,
    as in pbkrtest; SAS instead drops it there, which gives ordinary least squares. Without siblings the family
    variance is not in the model at all, and least squares is exact.

    *Between-within.* Families less the coefficients that are constant within every family; if the arm itself
    varies within families, children less families less the coefficients that vary (the rule of R's nlme).

    References
    ----------
    Patterson & Thompson (1971) Biometrika 58:545. Satterthwaite (1946) Biometrics Bulletin 2:110. Giesbrecht
    & Burns (1985) Biometrics 41:477. Kenward & Roger (1997) Biometrics 53:983. Kenward & Roger (2009)
    Computational Statistics & Data Analysis 53:2583. Halekoh & Hojsgaard (2014) Journal of Statistical Software
    59(9). Kuznetsova, Brockhoff & Christensen (2017) Journal of Statistical Software 82(13). Schluchter &
    Elashoff (1990) Journal of Statistical Computation and Simulation 37:69. Pinheiro & Bates (2000)
    Mixed-Effects Models in S and S-PLUS, section 2.4.
    """
    if method not in ("reml", "ml"):
        raise ValueError(f"method is {method!r}; it may be 'reml' or 'ml'")
    if df not in ("satterthwaite", "kenward-roger", "between-within", "normal"):
        raise ValueError(
            f"df is {df!r}; it may be 'satterthwaite', 'kenward-roger', 'between-within' or 'normal'"
        )
    if df == "kenward-roger" and method != "reml":
        raise ValueError(f"df is 'kenward-roger', which needs method 'reml', and method is {method!r}")
    data = complete_rows(y, treated, family, covariates)
    name = f"mixed-model {method} {df}"
    if data.obstacle:
        return failure(name, data, data.obstacle)
    return _random_intercept(data, name, method, df, alpha)


def _random_intercept(data: Rows, name: str, method: Likelihood, df: DegreesOfFreedom, alpha: float) -> Fit:
    """Fit the model of :func:`mixed_model`; the contrast is the last column's coefficient."""
    kernels = _compiled()
    reml = method == "reml"
    basis, kept, contrast_norm = kernels.orthonormal_basis(data.design)
    if contrast_norm == 0.0:
        return failure(name, data, ALIASED)
    n, rank = basis.shape
    if n <= rank:
        return failure(name, data, SATURATED)
    cross, sizes, counts, residual_squares, coordinate, varying, contrast_varies = kernels.condense(
        basis, data.design, kept, data.y, data.family, data.n_families
    )
    if residual_squares <= NEGLIGIBLE * float(data.y @ data.y):
        return failure(name, data, NO_VARIATION)

    between_within = n - data.n_families - varying if contrast_varies else data.n_families - (rank - varying)
    # Without this the fit would fall back on zero family variance, and claim what it cannot know.
    if between_within < 1 and (df == "between-within" or not contrast_varies):
        return failure(name, data, NO_FREEDOM)

    settled, ratio, residual_variance, shift, variance, satterthwaite = kernels.maximise(
        cross, sizes, counts, residual_squares, n, rank, reml
    )
    if not settled:
        return failure(name, data, SAME_SIBLINGS)
    note = ""
    if sizes[-1] == 1.0:
        note = SINGLETONS
    elif ratio == 0.0:
        note = FAMILY_VARIANCE_ZERO
    freedom = {"satterthwaite": satterthwaite, "between-within": between_within}.get(df, math.inf)
    if df == "kenward-roger":
        inflation, freedom = kernels.kenward_roger(cross, sizes, counts, ratio, n, rank)
        if not freedom > 0.0:
            return failure(name, data, NO_FREEDOM)
        variance *= inflation
    return inference(
        name,
        data,
        float(coordinate + shift) / contrast_norm,
        math.sqrt(variance) / contrast_norm,
        freedom,
        alpha,
        family_variance=float(ratio * residual_variance),
        residual_variance=float(residual_variance),
        note=note,
    )


def orthonormal_basis(design: Floats) -> tuple[Floats, NDArray[np.bool_], float]:
    """Orthonormal columns that span the design, by Gram-Schmidt with dependent columns left out.

    In such a basis the coefficient of the *last* column of the design is the last coordinate divided by the
    length of what that column adds to the others, and no digits are lost to the scale of the covariates.

    Parameters
    ----------
    design : (n, k) array

    Returns
    -------
    basis : (n, rank) array
    kept : (k,) array of bool
        Which columns of the design are not linear combinations of those before.
    last_norm : float
        Length of the part of the last column that is orthogonal to the others; 0 if it depends on them.
    """
    n, width = design.shape
    directions = np.empty((width, n))
    kept = np.zeros(width, dtype=np.bool_)
    rank = 0
    last_norm = 0.0
    for column in range(width):
        vector = design[:, column].copy()
        length = math.sqrt(np.dot(vector, vector))
        # Twice is enough to be orthogonal to working precision (Giraud, Langou & Rozloznik 2005); once is
        # not.
        for _ in range(2):
            for earlier in range(rank):
                vector -= np.dot(directions[earlier], vector) * directions[earlier]
        last_norm = math.sqrt(np.dot(vector, vector))
        if rank == n or last_norm <= DEPENDENT * length:
            last_norm = 0.0
        else:
            directions[rank] = vector / last_norm
            kept[column] = True
            rank += 1
    return np.ascontiguousarray(directions[:rank].T), kept, last_norm


def _condense(
    basis: Floats,
    design: Floats,
    kept: NDArray[np.bool_],
    y: Floats,
    family: NDArray[np.intp],
    n_families: int,
) -> tuple[Floats, Floats, Floats, float, float, int, bool]:
    """Everything the likelihood needs to know about the data.

    The outcome is replaced by its least-squares residual, so that its level and what the covariates explain
    cost no digits; the coordinate taken out along the last direction is returned.

    Parameters
    ----------
    basis : (n, rank) array
        From :func:`orthonormal_basis`.
    design : (n, k) array
    kept : (k,) array of bool
    y : (n,) array
    family : (n,) array of int
        Codes 0, ..., n_families - 1, each at least once.
    n_families : int

    Returns
    -------
    cross : (n_sizes, rank + 1, rank + 1) array
        For each size of family, the cross-products of family sums of the basis columns and, last, of the
        residual.
    sizes, counts : (n_sizes,) arrays
        Sizes of family that occur, ascending, and how many families have each.
    residual_squares : float
        Least-squares residual sum of squares.
    coordinate : float
        Least-squares coordinate of the outcome along the last basis column.
    varying : int
        How many kept columns of the design vary within some family.
    contrast_varies : bool
        Whether the last column does.
    """
    n, rank = basis.shape
    residual = y.copy()
    coordinate = 0.0
    for _ in range(2):
        for k in range(rank):
            along = 0.0
            for row in range(n):
                along += basis[row, k] * residual[row]
            for row in range(n):
                residual[row] -= along * basis[row, k]
            if k == rank - 1:
                coordinate += along

    members = np.zeros(n_families, dtype=np.int64)
    sums = np.zeros((n_families, rank + 1))
    residual_squares = 0.0
    for row in range(n):
        members[family[row]] += 1
        for k in range(rank):
            sums[family[row], k] += basis[row, k]
        sums[family[row], rank] += residual[row]
        residual_squares += residual[row] ** 2

    families_of_size = np.zeros(n + 1, dtype=np.int64)
    for f in range(n_families):
        families_of_size[members[f]] += 1
    position = np.full(n + 1, -1)
    n_sizes = 0
    for size in range(1, n + 1):
        if families_of_size[size] > 0:
            position[size] = n_sizes
            n_sizes += 1
    sizes = np.zeros(n_sizes)
    counts = np.zeros(n_sizes)
    cross = np.zeros((n_sizes, rank + 1, rank + 1))
    for f in range(n_families):
        at = position[members[f]]
        sizes[at] = members[f]
        counts[at] += 1.0
        for i in range(rank + 1):
            for j in range(rank + 1):
                cross[at, i, j] += sums[f, i] * sums[f, j]

    varying = 0
    varies = False
    first = np.empty(n_families)
    for column in range(design.shape[1]):
        if not kept[column]:
            continue
        seen = np.zeros(n_families, dtype=np.bool_)
        varies = False
        for row in range(n):
            if not seen[family[row]]:
                seen[family[row]] = True
                first[family[row]] = design[row, column]
            elif first[family[row]] != design[row, column]:
                varies = True
                break
        if varies:
            varying += 1
    return cross, sizes, counts, residual_squares, coordinate, varying, varies


def _maximise(
    cross: Floats, sizes: Floats, counts: Floats, residual_squares: float, n: int, rank: int, reml: bool
) -> tuple[bool, float, float, float, float, float]:
    """Find the ratio of family to residual variance with the greatest profile likelihood.

    Parameters
    ----------
    cross, sizes, counts, residual_squares
        From :func:`_condense`.
    n, rank : int
        Children, and coefficients.
    reml : bool
        Restricted rather than full likelihood.

    Returns
    -------
    settled : bool
        False if the likelihood grows without bound as the residual variance vanishes, or the search did not
        end.
    ratio : float
        Family variance over residual variance; exactly 0 at the boundary.
    residual_variance : float
    coordinate : float
        Generalised least-squares coordinate of the residual along the last basis column.
    variance : float
        Its variance.
    df : float
        Satterthwaite's degrees of freedom of it.
    """
    freedom = float(n - rank) if reml else float(n)
    matrix = np.empty((rank + 1, rank + 1))
    first = np.empty((rank + 1, rank + 1))
    second = np.empty((rank + 1, rank + 1))
    product = np.empty((rank, rank))
    vector = np.empty(rank + 1)
    gradient = np.empty(rank)

    def evaluate(ratio: float) -> tuple[float, float, float, float]:
        """Profile deviance, its two derivatives, and d log v / d ratio for the contrast's variance v.

        Leaves in `matrix` the inverse information (top left), the coordinates (last column) and the
        generalised residual sum of squares (last of all).
        """
        matrix[:, :] = 0.0
        for i in range(rank):
            matrix[i, i] = 1.0
        matrix[rank, rank] = residual_squares
        first[:, :] = 0.0
        second[:, :] = 0.0
        deviance = 0.0
        slope = 0.0
        curvature = 0.0
        for k in range(sizes.size):
            growth = 1.0 + sizes[k] * ratio
            deviance += counts[k] * math.log(growth)
            slope += counts[k] * sizes[k] / growth
            curvature -= counts[k] * (sizes[k] / growth) ** 2
            for i in range(rank + 1):
                for j in range(rank + 1):
                    matrix[i, j] -= ratio / growth * cross[k, i, j]
                    first[i, j] -= cross[k, i, j] / growth**2
                    second[i, j] += 2.0 * sizes[k] * cross[k, i, j] / growth**3
        # The sweep operator (Goodnight 1979) inverts, solves, and takes the determinant and the residual in
        # one pass.
        log_determinant = 0.0
        for k in range(rank):
            pivot = matrix[k, k]
            log_determinant += math.log(pivot)
            for j in range(rank + 1):
                matrix[k, j] /= pivot
            for i in range(rank + 1):
                if i != k:
                    factor = matrix[i, k]
                    for j in range(rank + 1):
                        matrix[i, j] -= factor * matrix[k, j]
                    matrix[i, k] = -factor / pivot
            matrix[k, k] = 1.0 / pivot
        squares = matrix[rank, rank]

        for i in range(rank):
            vector[i] = -matrix[i, rank]
        vector[rank] = 1.0
        squares_1 = 0.0
        squares_2 = 0.0
        for i in range(rank + 1):
            along = 0.0
            for j in range(rank + 1):
                along += first[i, j] * vector[j]
                squares_2 += vector[i] * second[i, j] * vector[j]
            squares_1 += vector[i] * along
            if i < rank:
                gradient[i] = along
        trace_1 = 0.0
        trace_2 = 0.0
        for i in range(rank):
            for j in range(rank):
                squares_2 -= 2.0 * gradient[i] * matrix[i, j] * gradient[j]
                trace_2 += matrix[i, j] * second[j, i]
                product[i, j] = 0.0
                for k in range(rank):
                    product[i, j] += matrix[i, k] * first[k, j]
            trace_1 += product[i, i]
        for i in range(rank):
            for j in range(rank):
                trace_2 -= product[i, j] * product[j, i]

        relative = squares_1 / squares
        deviance += freedom * math.log(squares)
        slope += freedom * relative
        curvature += freedom * (squares_2 / squares - relative**2)
        if reml:
            deviance += log_determinant
            slope += trace_1
            curvature += trace_2
        # d inverse = -inverse (d information) inverse, of which only the contrast's own entry is wanted.
        change = 0.0
        for k in range(rank):
            change -= product[rank - 1, k] * matrix[k, rank - 1]
        return deviance, slope, curvature, relative + change / matrix[rank - 1, rank - 1]

    # Scan the share of the variance between families, ratio / (1 + ratio), in steps of 1/20. Without siblings
    # every ratio is as likely as any other, and zero is meant.
    points = 20 if sizes[-1] > 1.0 else 1
    best = 0
    least = math.inf
    for point in range(points):
        share = point / 20.0
        deviance, _, _, _ = evaluate(share / (1.0 - share))
        if deviance < least:
            least = deviance
            best = point

    # Beyond this ratio the residual variance is as good as zero, and the sums above would begin to lose
    # digits.
    highest = 1e9
    low = max(best - 1, 0) / 20.0
    low = low / (1.0 - low)
    high = (best + 1) / 20.0
    high = min(high / (1.0 - high), highest) if high < 1.0 else highest
    ratio = best / 20.0 / (1.0 - best / 20.0)
    last = False
    boundary = False
    settled = False
    slope = curvature = log_variance_slope = 0.0
    for _ in range(200):
        _, slope, curvature, log_variance_slope = evaluate(ratio)
        boundary = ratio == 0.0 and (points == 1 or slope >= 0.0)
        if boundary or last:
            settled = boundary or (curvature > 0.0 and ratio < 0.01 * highest)
            break
        if slope > 0.0:
            high = ratio
        else:
            low = ratio
        proposal = ratio - slope / curvature if curvature > 0.0 else -1.0
        # Newton's error is of the order of its last move squared: after one so small it is only rounding.
        # That move is taken even out of the bracket, an end of which may be on the wrong side by as little.
        last = abs(proposal - ratio) <= 1e-8 * (1.0 + ratio) and proposal > 0.0
        if not last and not low < proposal < high:
            # Halve the bracket on the scale of the share, where the deviance is evenly shaped.
            middle = 0.5 * (low / (1.0 + low) + high / (1.0 + high))
            proposal = middle / (1.0 - middle)
        ratio = proposal

    residual_variance = matrix[rank, rank] / freedom
    reciprocal = 1.0 / freedom
    if settled and not boundary:
        reciprocal += log_variance_slope**2 / curvature
    return (
        settled,
        ratio,
        residual_variance,
        matrix[rank - 1, rank],
        residual_variance * matrix[rank - 1, rank - 1],
        1.0 / reciprocal,
    )


def _kenward_roger(
    cross: Floats, sizes: Floats, counts: Floats, ratio: float, n: int, rank: int
) -> tuple[float, float]:
    """Kenward and Roger's adjustment for the coefficient along the last basis column.

    In units of the residual variance, and with g = 1 + m ratio for a family of m children, the inverse covariance
    of a family to the power k is I + {(g^-k - 1) / m} J: so all that is needed are sums over the sizes of family.

    Parameters
    ----------
    cross, sizes, counts
        From :func:`_condense`.
    ratio : float
        Family variance over residual variance.
    n, rank : int
        Children, and coefficients.

    Returns
    -------
    inflation : float
        Adjusted over unadjusted variance.
    df : float
        Degrees of freedom; NaN if the two variances cannot be told apart.
    """
    if sizes[-1] == 1.0:
        return 1.0, float(n - rank)
    # X'V^-1X, -P and Q: by the family variance (u), the residual variance (e), or one of each.
    information = np.zeros((rank, rank))
    p_u = np.zeros((rank, rank))
    p_e = np.zeros((rank, rank))
    q_uu = np.zeros((rank, rank))
    q_ue = np.zeros((rank, rank))
    q_ee = np.zeros((rank, rank))
    for i in range(rank):
        information[i, i] = p_e[i, i] = q_ee[i, i] = 1.0
    trace_uu = trace_ue = trace_ee = 0.0
    for k in range(sizes.size):
        m = sizes[k]
        h = 1.0 / (1.0 + m * ratio)
        trace_uu += counts[k] * (m * h) ** 2
        trace_ue += counts[k] * m * h**2
        trace_ee += counts[k] * (m - 1.0 + h**2)
        for i in range(rank):
            for j in range(rank):
                c = cross[k, i, j]
                information[i, j] += (h - 1.0) / m * c
                p_u[i, j] += h**2 * c
                p_e[i, j] += (h**2 - 1.0) / m * c
                q_uu[i, j] += m * h**3 * c
                q_ue[i, j] += h**3 * c
                q_ee[i, j] += (h**3 - 1.0) / m * c
    phi = np.linalg.inv(information)
    phi_p_u = phi @ p_u
    phi_p_e = phi @ p_e
    for i in range(rank):
        for j in range(rank):
            trace_uu += phi_p_u[i, j] * phi_p_u[j, i] - 2.0 * phi[i, j] * q_uu[j, i]
            trace_ue += phi_p_u[i, j] * phi_p_e[j, i] - 2.0 * phi[i, j] * q_ue[j, i]
            trace_ee += phi_p_e[i, j] * phi_p_e[j, i] - 2.0 * phi[i, j] * q_ee[j, i]
    # The expected information is half of these traces, so its inverse is twice theirs.
    determinant = trace_uu * trace_ee - trace_ue**2
    if not determinant > 1e-12 * trace_uu * trace_ee:
        return math.nan, math.nan
    w_uu = 2.0 * trace_ee / determinant
    w_ue = -2.0 * trace_ue / determinant
    w_ee = 2.0 * trace_uu / determinant

    along = np.ascontiguousarray(phi[:, rank - 1])
    after_u = p_u @ along
    after_e = p_e @ along
    variance = along[rank - 1]
    g_u = np.dot(along, after_u)
    g_e = np.dot(along, after_e)
    bias = w_uu * (np.dot(along, q_uu @ along) - np.dot(after_u, phi @ after_u))
    bias += 2.0 * w_ue * (np.dot(along, q_ue @ along) - np.dot(after_u, phi @ after_e))
    bias += w_ee * (np.dot(along, q_ee @ along) - np.dot(after_e, phi @ after_e))
    spread = w_uu * g_u**2 + 2.0 * w_ue * g_u * g_e + w_ee * g_e**2
    return 1.0 + 2.0 * bias / variance, 2.0 * variance**2 / spread


@dataclass(frozen=True, slots=True)
class _Kernels:
    """The steps of a fit; compiled, or as they are written."""

    orthonormal_basis: Callable[..., Any]
    condense: Callable[..., Any]
    maximise: Callable[..., Any]
    kenward_roger: Callable[..., Any]


@cache
def _compiled() -> _Kernels:
    """Compile the kernels, on first use."""
    # Every kernel is self-contained: numba's cache notices a change in this file, but not in one that it
    # imports.
    jit = compiler(nogil=True, cache=True)
    return _Kernels(jit(orthonormal_basis), jit(_condense), jit(_maximise), jit(_kenward_roger))
