"""A score at several visits: the mixed model for repeated measures, with siblings who resemble each other.

A child who missed the last visit but came to an earlier one still says something about the last, through the
correlation of the visits. So where who is missing depends on what was seen before, this analysis is unbiased and one of
the children seen at the last visit alone need not be.

- Families in which the same visits were seen share one covariance matrix, so all that the likelihood needs are the
  cross-products of each such pattern, condensed once.
- Its kernels are plain Python functions compiled by numba on first use, without the GIL, so that threads run in
  parallel. Called uncompiled, the same functions give the same answers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from types import FunctionType
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from best_sim.trial.analysis.fit import (
    ALIASED,
    FAMILY_VARIANCE_ZERO,
    NEGLIGIBLE,
    NO_FREEDOM,
    NO_VARIATION,
    SATURATED,
    SINGLETONS,
    Fit,
    Floats,
    Rows,
    complete_rows,
    failure,
    independent,
    inference,
)
from best_sim.trial.compiling import compiler

Siblings = Literal["share", "independent"]
DegreesOfFreedom = Literal["satterthwaite", "normal"]
Integers = NDArray[np.int64]

UNSEEN = "no child was seen at visit {}"
NEVER_TOGETHER = "visits {} and {} were never seen of the same child, so that their covariance is not known"
NOT_FOUND = "the covariance of the visits could not be estimated"


@dataclass(frozen=True, slots=True)
class RepeatedMeasures:
    """One repeated-measures analysis, and what was estimated beside the contrast.

    Attributes
    ----------
    fit : Fit
        The contrast at the last visit.
    child_covariance : numpy.ndarray, shape (visits, visits)
        Covariance of one child's scores given the covariates, in squared units of the outcome.
    sibling_share : float
        Covariance of two siblings' scores as a share of that of one child's.
    deviance : float
        Minus twice the restricted log-likelihood at its maximum, without constants, for scores divided by their
        standard deviations: comparable between fits of one trial with the same means only.
    evaluations : int
        How often the likelihood was evaluated.
    """

    fit: Fit
    child_covariance: Floats
    sibling_share: float
    deviance: float
    evaluations: int


def repeated_measures(
    scores: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    baseline: bool = True,
    siblings: Siblings = "share",
    df: DegreesOfFreedom = "satterthwaite",
    alpha: float = 0.05,
) -> Fit:
    r"""Mixed model for repeated measures: the arm's effect at the last visit, from the scores of all visits.

    :math:`y_{fct} = x_{fc}'\beta_t + \delta_t a_f + e_{fct}`: every visit :math:`t` has its own intercept, effects of
    covariates, and effect of the arm :math:`a_f`. The scores of one child have an unstructured covariance
    :math:`\Sigma`, and those of two siblings the covariance :math:`\rho\Sigma`; families are independent. Fitted by
    restricted maximum likelihood.

    Parameters
    ----------
    scores : array_like, shape (children, visits)
        The outcome at each visit; NaN where the child was not seen. It may be missing at random: whether it is seen may
        depend on the arm, the covariates and the scores that were seen, but not on those that were not.
    treated : array_like of bool or 0/1, shape (children,)
        Arm of the child's family.
    family : array_like, shape (children,)
        Identity of the family; any values that can be sorted, in any order.
    covariates : array_like, shape (children,) or (children, k), optional
        Indicators of site and so on, each with its own effect at each visit. An intercept is always added. At each
        visit a column that depends linearly on those before it is left out.
    baseline : bool
        The first visit is before treatment, so arms have the same mean at it (see Notes).
    siblings : {"share", "independent"}
        :math:`0 \le \rho < 1` is estimated, or is 0.
    df : {"satterthwaite", "normal"}
        Degrees of freedom of the reference t distribution.
    alpha : float
        Two-sided level of the interval.

    Returns
    -------
    Fit
        `n_children` and `n_families` count those seen at any visit. Its `family_variance` is the covariance of two
        siblings at the last visit. Not converged, with a note, where the data cannot carry the model; never an
        exception for that.

    Raises
    ------
    ValueError
        If the columns differ in length, or an option is not one of those above.

    Notes
    -----
    *Baseline.* At a visit before treatment the arms differ by chance alone, since they were allocated at random. With
    the first visit among the outcomes and no effect of the arm at it, the contrast is adjusted for the baseline of
    those who have one, and those who have none (most, of a score for children of two years and older) stay in the
    analysis without an imputed value: the constrained longitudinal analysis of Liang and Zeger (2000).

    *Siblings.* Most families have one child, so few pairs of siblings tell about their covariance, and one share is
    all that can be estimated of it in a trial of a few hundred families. That it is the same at every visit is an
    assumption.

    *Degrees of freedom.* Satterthwaite's, :math:`\nu = 2v^2/(g'Wg)`, with :math:`v` the variance of the contrast,
    :math:`g` its gradient by the covariance parameters and :math:`W` twice the inverse of the Hessian of the deviance
    (Giesbrecht and Burns 1985). A share of zero counts as known.

    References
    ----------
    Liang & Zeger (2000) Sankhya B 62:134. Mallinckrodt, Lane, Schnell, Peng & Mancuso (2008) Drug Information Journal
    42:303. Jennrich & Schluchter (1986) Biometrics 42:805. Giesbrecht & Burns (1985) Biometrics 41:477.
    """
    return repeated_measures_whole(
        scores, treated, family, covariates, baseline=baseline, siblings=siblings, df=df, alpha=alpha
    ).fit


def repeated_measures_whole(
    scores: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    baseline: bool = True,
    siblings: Siblings = "share",
    df: DegreesOfFreedom = "satterthwaite",
    alpha: float = 0.05,
) -> RepeatedMeasures:
    """The analysis of `repeated_measures`, with its covariances and its deviance.

    Parameters
    ----------
    scores, treated, family, covariates, baseline, siblings, df, alpha
        As for `repeated_measures`.

    Returns
    -------
    RepeatedMeasures

    Raises
    ------
    ValueError
        If the columns differ in length, or an option is not one of those that it may be.
    """
    rows, outcome = _seen_children(scores, treated, family, covariates, siblings, df)
    name = f"repeated-measures {siblings} {df}" + (" baseline" if baseline else "")
    n_visits = outcome.shape[1]

    def hopeless(note: str) -> RepeatedMeasures:
        nothing = np.full((n_visits, n_visits), math.nan)
        return RepeatedMeasures(failure(name, rows, note), nothing, math.nan, math.nan, 0)

    if rows.obstacle:
        return hopeless(rows.obstacle)
    means = _means(rows, outcome, baseline)
    if isinstance(means, str):
        return hopeless(means)
    seen = ~np.isnan(outcome)
    count = seen.astype(np.int64)
    together = count.T @ count
    if not together.all():
        return hopeless(NEVER_TOGETHER.format(*(np.argwhere(together == 0)[0] + 1)))
    of_family = np.zeros((rows.n_families, n_visits), np.int64)
    np.add.at(of_family, rows.family, count)
    pairs = int((of_family.T @ of_family - together).sum())
    estimated = siblings == "share" and pairs > 0
    note = SINGLETONS if siblings == "share" and not pairs else ""

    kernels = _compiled()
    patterns = _patterns(rows, seen)
    at = (patterns.rows, patterns.visit)
    columns = np.concatenate([means.basis[at], means.residual[at][:, np.newaxis]], axis=1)
    cross = kernels.cross_products(columns, patterns.n_families, patterns.n_scores)
    told = (
        cross,
        patterns.n_families,
        patterns.n_scores,
        patterns.first_visit,
        patterns.first_child,
        means.ranks,
    )
    theta, free, hessian, evaluations, found = kernels.search(*told, _start(means.residual, seen), estimated)
    if not found:
        return replace(hopeless(NOT_FOUND), evaluations=int(evaluations))
    deviance, _, _, beta, phi, spread = kernels.likelihood(*told, theta)
    contrast = int(means.ranks.sum()) - 1
    variance = float(phi[contrast, contrast])
    freedom = math.inf
    if df == "satterthwaite":
        keep = np.flatnonzero(free)
        uncertainty = 2.0 * np.linalg.inv(hessian[np.ix_(keep, keep)])
        slope = np.array([phi[contrast] @ spread[m] @ phi[contrast] for m in keep])
        freedom = 2.0 * variance**2 / float(slope @ uncertainty @ slope)
    if not (freedom > 0.0 and variance > 0.0):
        return hopeless(NO_FREEDOM)
    child = _covariance(theta, n_visits) * np.outer(means.scale, means.scale)
    share = float(theta[-1])
    if estimated and share == 0.0:
        note = FAMILY_VARIANCE_ZERO
    unit = means.scale[-1] / means.arm_norm
    fit = inference(
        name, rows, float((means.coordinate + beta[contrast]) * unit), math.sqrt(variance) * abs(float(unit)), freedom,
        alpha,
        family_variance=share * float(child[-1, -1]), residual_variance=(1.0 - share) * float(child[-1, -1]), note=note,
    )  # fmt: skip
    return RepeatedMeasures(fit, child, share, float(deviance), int(evaluations))


def _seen_children(
    scores: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None,
    siblings: str,
    df: str,
) -> tuple[Rows, Floats]:
    """Options and columns checked; the children seen at least once, and all their scores."""
    problems = [
        f"{option} is {given!r}; it may be {', '.join(map(repr, allowed))}"
        for option, given, allowed in (
            ("siblings", siblings, ("share", "independent")),
            ("df", df, ("satterthwaite", "normal")),
        )
        if given not in allowed
    ]
    outcome = np.array(scores, dtype=np.float64)
    if outcome.ndim != 2 or outcome.shape[1] == 0:
        problems.append(
            f"scores needs one row per child and one column per visit; its shape is {outcome.shape}"
        )
    if problems:
        raise ValueError("; ".join(problems))
    outcome[~np.isfinite(outcome)] = np.nan
    seen = ~np.isnan(outcome)
    # one score that was seen stands for all, so that rows are checked and dropped as for any other analysis
    any_score = outcome[np.arange(len(outcome)), seen.argmax(axis=1)] if len(outcome) else np.zeros(0)
    rows = complete_rows(any_score, treated, family, covariates)
    if rows.n_dropped:
        known = seen.any(axis=1) & np.isfinite(np.asarray(treated, dtype=np.float64))
        if covariates is not None:
            others = np.asarray(covariates, dtype=np.float64).reshape(len(outcome), -1)
            known &= np.isfinite(others).all(axis=1)
        outcome = outcome[known]
    return rows, outcome


class _Means(NamedTuple):
    """Least squares of each visit by itself, from which the likelihood starts.

    With an orthonormal basis of each visit's columns in place of the columns, and residuals in place of scores, nothing
    that follows can be ill conditioned by the scale of a covariate.
    """

    basis: Floats  # (children, visits, columns): 0 where a visit has fewer
    residual: Floats  # (children, visits), divided by its standard deviation; NaN where not seen
    ranks: Integers  # columns of each visit; the arm is the last
    scale: Floats  # standard deviation of each visit's residuals
    arm_norm: float  # what of the arm at the last visit is not explained by the covariates
    coordinate: float  # the least-squares contrast at the last visit, on the scale of the basis


def _means(rows: Rows, outcome: Floats, baseline: bool) -> _Means | str:
    """What `_Means` says, or why it can't be had."""
    n, n_visits = outcome.shape
    basis = np.zeros((n, n_visits, rows.design.shape[1]))
    residual = np.full((n, n_visits), math.nan)
    ranks, scale = np.zeros(n_visits, np.int64), np.zeros(n_visits)
    arm_norm = coordinate = 0.0
    for t in range(n_visits):
        mine = ~np.isnan(outcome[:, t])
        if not mine.any():
            return UNSEEN.format(t + 1)
        design = rows.design[mine]
        if baseline and t == 0 and n_visits > 1:
            design = design[:, :-1]
        y = outcome[mine, t]
        kept = independent(design)
        if t == n_visits - 1 and kept[-1] != design.shape[1] - 1:
            return ALIASED
        if len(y) <= len(kept):
            return SATURATED
        q, r = np.linalg.qr(design[:, kept])
        along = q.T @ y
        rest = y - q @ along
        squares = float(rest @ rest)
        if squares <= NEGLIGIBLE * float(y @ y):
            return NO_VARIATION
        scale[t] = math.sqrt(squares / (len(y) - len(kept)))
        ranks[t] = len(kept)
        basis[mine, t, : len(kept)] = q
        residual[mine, t] = rest / scale[t]
        arm_norm, coordinate = float(r[-1, -1]), float(along[-1]) / scale[t]
    return _Means(basis, residual, ranks, scale, arm_norm, coordinate)


def _start(residual: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Where the search starts: the covariance of visits seen together, drawn in where it is none; siblings 0.2."""
    n_visits = residual.shape[1]
    filled = np.where(seen, residual, 0.0)
    count = seen.astype(float)
    with np.errstate(invalid="ignore"):
        sigma = (filled.T @ filled) / np.maximum(count.T @ count, 1.0)
    spread = np.sqrt(np.diag(sigma))
    correlation = np.clip(sigma / np.outer(spread, spread), -0.9, 0.9)
    np.fill_diagonal(correlation, 1.0)
    lowest = float(np.linalg.eigvalsh(correlation)[0])
    if lowest < 0.1:
        shrink = 0.9 / (1.0 - lowest)
        correlation = shrink * correlation + (1.0 - shrink) * np.eye(n_visits)
    factor = np.linalg.cholesky(correlation * np.outer(spread, spread))
    low = np.tril_indices(n_visits)
    theta = factor[low]
    on_diagonal = low[0] == low[1]
    theta[on_diagonal] = np.log(theta[on_diagonal])
    return np.append(theta, 0.2)


def _covariance(theta: Floats, n_visits: int) -> Floats:
    """Covariance of one child's visits, from what the search works on."""
    factor = np.zeros((n_visits, n_visits))
    factor[np.tril_indices(n_visits)] = theta[:-1]
    np.fill_diagonal(factor, np.exp(np.diag(factor)))
    return factor @ factor.T


class _Patterns(NamedTuple):
    """The scores that were seen, family by family, with families of which the same was seen in a row."""

    rows: NDArray[np.intp]  # of each score, the child's row
    visit: Integers  # and its visit
    n_families: Integers  # of each pattern, how many families have it
    n_scores: Integers  # and how many scores each of those has
    first_visit: Integers  # of each score of each pattern's first family, its visit
    first_child: Integers  # and which child of the family it is of


def _patterns(rows: Rows, seen: NDArray[np.bool_]) -> _Patterns:
    """Sort the scores by the pattern of what was seen of a family, whatever the order of its children."""
    n, n_visits = seen.shape
    code = seen @ (1 << np.arange(n_visits, dtype=np.int64))
    size = np.bincount(rows.family, minlength=rows.n_families)
    start = np.concatenate([[0], np.cumsum(size)[:-1]])
    order = np.lexsort((code, rows.family))
    place = np.arange(n) - start[rows.family[order]]
    key = np.zeros((rows.n_families, int(size.max())), np.int64)
    key[rows.family[order], place] = code[order]
    _, pattern = np.unique(key, axis=0, return_inverse=True)
    pattern = pattern.ravel()
    slot = np.empty(n, np.int64)
    slot[order] = place
    order = np.lexsort((slot, rows.family, pattern[rows.family]))
    child, visit = np.nonzero(seen[order])
    n_families = np.bincount(pattern)
    of_score = pattern[rows.family[order][child]]
    n_scores = np.bincount(of_score) // n_families
    begins = np.concatenate([[0], np.cumsum(n_families * n_scores)[:-1]])
    first = np.concatenate([np.arange(b, b + s) for b, s in zip(begins, n_scores, strict=True)])
    return _Patterns(
        order[child], visit.astype(np.int64), n_families.astype(np.int64), n_scores.astype(np.int64),
        visit[first].astype(np.int64), slot[order][child][first],
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------------
# Kernels: theta holds the lower triangle of the Cholesky factor of the visits' covariance by rows, the logarithm of its
# diagonal in place of the diagonal, and then the siblings' share.


def _cross_products(columns: Floats, n_families: Integers, n_scores: Integers) -> Floats:
    """Of every two scores of a family, the products of their columns, added up over the families of a pattern."""
    width = columns.shape[1]
    out = np.zeros((int((n_scores * n_scores).sum()), width, width))
    row, offset = 0, 0
    for p in range(n_families.size):
        s = n_scores[p]
        for _ in range(n_families[p]):
            for a in range(s):
                for b in range(s):
                    for i in range(width):
                        for j in range(width):
                            out[offset + a * s + b, i, j] += columns[row + a, i] * columns[row + b, j]
            row += s
        offset += s * s
    return out


def _likelihood(
    cross: Floats,
    n_families: Integers,
    n_scores: Integers,
    visit: Integers,
    child: Integers,
    ranks: Integers,
    theta: Floats,
) -> tuple[float, Floats, Floats, Floats, Floats, Floats]:
    """Restricted deviance, its gradient, the information of a known mean, beta, its variance, and what moves that.

    The last has, for each parameter m, X'V^-1 (dV/dm) V^-1 X, so that the variance changes by Phi times it times Phi.
    """
    n_visits = ranks.size
    n_theta = theta.size
    # covariance of the visits and its derivatives
    factor = np.zeros((n_visits, n_visits))
    k = 0
    for i in range(n_visits):
        for j in range(i + 1):
            factor[i, j] = math.exp(theta[k]) if i == j else theta[k]
            k += 1
    sigma = factor @ factor.T
    share = theta[n_theta - 1]
    change = np.zeros((n_theta, n_visits, n_visits))
    k = 0
    for i in range(n_visits):
        for j in range(i + 1):
            d = factor[i, i] if i == j else 1.0
            for t in range(n_visits):
                change[k, i, t] += d * factor[t, j]
                change[k, t, i] += d * factor[t, j]
            k += 1
    change[n_theta - 1] = sigma
    starts = np.zeros(n_visits + 1, np.int64)
    for t in range(n_visits):
        starts[t + 1] = starts[t] + ranks[t]
    q = starts[n_visits]
    last = cross.shape[1] - 1
    # of weight 0 (the inverse) and of each derivative: X'MX, X'My, y'My
    xx = np.zeros((n_theta + 1, q, q))
    xy = np.zeros((n_theta + 1, q))
    yy = np.zeros(n_theta + 1)
    trace = np.zeros(n_theta)
    information = np.zeros((n_theta, n_theta))
    deviance = 0.0
    offset, at = 0, 0
    for p in range(n_families.size):
        s = n_scores[p]
        v = np.zeros((s, s))
        dv = np.zeros((n_theta, s, s))
        for a in range(s):
            for b in range(s):
                t, u = visit[at + a], visit[at + b]
                same = child[at + a] == child[at + b]
                v[a, b] = sigma[t, u] if same else share * sigma[t, u]
                for m in range(n_theta - 1):
                    dv[m, a, b] = change[m, t, u] if same else share * change[m, t, u]
                dv[n_theta - 1, a, b] = 0.0 if same else sigma[t, u]
        low = np.linalg.cholesky(v)
        for a in range(s):
            deviance += 2.0 * n_families[p] * math.log(low[a, a])
        inverse = np.linalg.inv(v)
        weight = np.zeros((n_theta + 1, s, s))
        weight[0] = inverse
        half = np.zeros((s, s))
        for m in range(n_theta):
            # by hand: a call of a library costs more than these few products
            for a in range(s):
                for b in range(s):
                    total = 0.0
                    for e in range(s):
                        total += inverse[a, e] * dv[m, e, b]
                    half[a, b] = total
                trace[m] += n_families[p] * half[a, a]
            for a in range(s):
                for b in range(s):
                    total = 0.0
                    for e in range(s):
                        total += half[a, e] * inverse[e, b]
                    weight[m + 1, a, b] = total
        for m in range(n_theta):
            for other in range(m + 1):
                part = n_families[p] * (weight[m + 1] * dv[other]).sum()
                information[m, other] += part
                if other != m:
                    information[other, m] += part
        for a in range(s):
            t = visit[at + a]
            for b in range(s):
                u = visit[at + b]
                c = cross[offset + a * s + b]
                for m in range(n_theta + 1):
                    w = weight[m, a, b]
                    for i in range(ranks[t]):
                        for j in range(ranks[u]):
                            xx[m, starts[t] + i, starts[u] + j] += w * c[i, j]
                        xy[m, starts[t] + i] += w * c[i, last]
                    yy[m] += w * c[last, last]
        offset += s * s
        at += s
    phi = np.linalg.inv(xx[0])
    beta = phi @ xy[0]
    low = np.linalg.cholesky(xx[0])
    for i in range(q):
        deviance += 2.0 * math.log(low[i, i])
    deviance += yy[0] - xy[0] @ beta
    gradient = np.zeros(n_theta)
    for m in range(n_theta):
        spread = xx[m + 1] @ beta
        gradient[m] = (
            trace[m] - (phi * xx[m + 1]).sum() - (yy[m + 1] - 2.0 * (beta @ xy[m + 1]) + beta @ spread)
        )
    return deviance, gradient, information, beta, phi, xx[1:]


def _search(
    cross: Floats,
    n_families: Integers,
    n_scores: Integers,
    visit: Integers,
    child: Integers,
    ranks: Integers,
    start: Floats,
    estimated: bool,
) -> tuple[Floats, NDArray[np.bool_], Floats, int, bool]:
    """Where the restricted deviance is least; which parameters are free there; its curvature; evaluations; success.

    Fisher's scoring with the information that known means would have, which is off by the few coefficients of the
    means, so each step leaves a few per cent of the distance. A share that wants to be negative is kept at zero.
    """
    n = start.size
    theta = start.copy()
    if not estimated:
        theta[n - 1] = 0.0
    free = np.ones(n, np.bool_)
    free[n - 1] = estimated
    hessian = np.zeros((n, n))
    deviance, gradient, information, _, _, _ = _likelihood(
        cross, n_families, n_scores, visit, child, ranks, theta
    )
    evaluations, found = 1, False
    for _ in range(200):
        free[n - 1] = estimated and not (theta[n - 1] <= 0.0 and gradient[n - 1] >= 0.0)
        held = information.copy()
        pull = gradient.copy()
        if not free[n - 1]:
            held[n - 1, :] = 0.0
            held[:, n - 1] = 0.0
            held[n - 1, n - 1] = 1.0
            pull[n - 1] = 0.0
        for i in range(n):
            held[i, i] *= 1.0 + 1e-10
        step = -np.linalg.solve(held, pull)
        decrease = -(pull @ step)
        if decrease < 1e-12:
            found = True
            break
        for i in range(n - 1):
            step[i] = min(max(step[i], -2.0), 2.0)
        reach, better = 1.0, False
        for _ in range(30):
            trial = theta + reach * step
            if trial[n - 1] < 0.0:
                trial[n - 1] = 0.0
            if trial[n - 1] > 0.995:
                trial[n - 1] = 0.5 * (theta[n - 1] + 0.995)
            evaluations += 1
            new, slope, told, _, _, _ = _likelihood(cross, n_families, n_scores, visit, child, ranks, trial)
            if new <= deviance + 1e-9 * (1.0 + abs(deviance)):
                better = True
                break
            reach *= 0.5
        if not better:
            found = bool(decrease < 1e-6)
            break
        theta, deviance, gradient, information = trial, new, slope, told
    if found:
        for i in range(n):
            if free[i]:
                h = 1e-4  # the parameters are of the order of one
                up, down = theta.copy(), theta.copy()
                up[i] += h
                down[i] -= h
                _, above, _, _, _, _ = _likelihood(cross, n_families, n_scores, visit, child, ranks, up)
                _, below, _, _, _, _ = _likelihood(cross, n_families, n_scores, visit, child, ranks, down)
                hessian[i] = (above - below) / (2.0 * h)
                evaluations += 2
        hessian = 0.5 * (hessian + hessian.T)
    return theta, free, hessian, evaluations, found


class _Kernels(NamedTuple):
    cross_products: Callable[..., Any]
    likelihood: Callable[..., Any]
    search: Callable[..., Any]


@cache
def _compiled() -> _Kernels:
    """Compile the kernels, on first use."""
    jit = compiler(nogil=True, cache=True)
    likelihood = jit(_likelihood)
    # The search finds the compiled likelihood under the name of the one that is written above. As an argument or in a
    # closure it would be another one in each process, and the search be compiled again in each.
    search = FunctionType(_search.__code__, {**globals(), "_likelihood": likelihood}, _search.__name__)
    search.__module__ = __name__
    return _Kernels(jit(_cross_products), likelihood, jit(search))
