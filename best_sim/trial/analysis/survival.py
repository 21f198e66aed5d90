"""The analyses of time to permanence: tests and hazard ratios from children in families, with censoring.

The outcome is the days until a child lives with those who are to bring them up, and of which kind that is (home,
special guardianship, placed for adoption, long-term foster care); children who are not there at the end of follow-up
are censored. Siblings are alike and often move on the same day. So every standard error here is, unless asked
otherwise, a sum over families, and ties are taken seriously.

- An event is what a child waits for: a hazard ratio *above* one means that the treated reach it *sooner*.
- Kernels are plain Python functions compiled by numba on first use, as in :mod:`best_sim.trial.analysis.mixed`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from best_sim.trial.analysis.fit import ALIASED, DEPENDENT, NEGLIGIBLE, Fit, Floats, failure, inference
from best_sim.trial.analysis.time_rows import NO_VARIATION, rows_in_time, sum_of_squares
from best_sim.trial.compiling import compiler

Ties = Literal["efron", "breslow"]

NO_EVENT = "no event was seen"
NEVER_TOGETHER = "no event tells the arms apart: none was seen, but all at once, while both arms were waiting"
INFINITE = "the hazard ratio of the arms is zero or infinite: its likelihood has no maximum"
COVARIATE_INFINITE = "the hazard ratio of a covariate is zero or infinite; that of the arms is not affected"
UNSETTLED = "the search for the maximum of the likelihood did not end"

FLAT = 1e-9
"""Information per event, of a covariate scaled to unit variance, below which the likelihood counts as flat."""


# ------------------------------------------------------------------------------------------------------------
# Tests and hazard ratios


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    *,
    by_family: bool = True,
    alpha: float = 0.05,
) -> Fit:
    r"""The log-rank test (Mantel-Haenszel), with a variance that is robust to correlation within families.

    The score :math:`U = O - E` is the number of events seen in the treated arm less the number expected, given who was
    waiting at each time. It is a sum over children of :math:`r_i = \int (Z_i - \bar Z)\, dM_i`, with Z the arm,
    :math:`\bar Z(t)` its share among those waiting, and M a child's events less those expected. Summed by family,

    .. math:: \widehat{\operatorname{var}}(U) = \frac{G}{G-1} \sum_f \Big(\sum_{i \in f} r_i\Big)^2

    for G families, whatever the correlation of siblings is.

    Parameters
    ----------
    time : (n_children,) array
        Days to the event or to the end of follow-up; not negative. Rows with a missing value are dropped and counted.
    event : (n_children,) array of bool or 0/1
        Whether the event was seen at that time.
    treated : (n_children,) array of bool or 0/1
        Arm of the child's family.
    family : (n_children,) array
        Identity of the family; any values that can be sorted, in any order.
    by_family : bool
        False for the classical test, which takes siblings for strangers: the hypergeometric variance V, with the
        correction for ties (Mantel & Haenszel 1959).
    alpha : float
        Two-sided level of the interval.

    Returns
    -------
    Fit
        The estimate is the one-step (Peto) log hazard ratio :math:`U/V`, positive if the treated reach the event
        sooner, with standard error :math:`\sqrt{\operatorname{var}(U)}/V`; so the statistic is that of the test.
        Not converged if no event tells the arms apart.

    Raises
    ------
    ValueError
        If the columns differ in length, a time is negative, or `event` or `treated` hold anything but 0 and 1.

    Notes
    -----
    The one-step estimate is good for hazard ratios near one and shrinks towards it far away; :func:`cox` is to be
    preferred for the size of an effect.

    Referred to t with G - 1 degrees of freedom if `by_family`, otherwise to the normal. The factor G/(G - 1) and the t
    are for small trials: without them, about 6 % of trials of 20 to 40 families reject a true null hypothesis at 5 %.

    References
    ----------
    Mantel (1966) Cancer Chemotherapy Reports 50:163. Peto & Peto (1972) Journal of the Royal Statistical Society A
    135:185. Lin & Wei (1989) Journal of the American Statistical Association 84:1074. Lee, Wei & Amato (1992) in
    Survival Analysis: State of the Art, 237. Jung & Jeong (2003) Lifetime Data Analysis 9:21.
    """
    method = "log-rank by family" if by_family else "log-rank"
    data, happened = rows_in_time(time, event, treated, family, None)
    if data.obstacle:
        return failure(method, data, data.obstacle)
    if not happened.any():
        return failure(method, data, NO_EVENT)
    kernels = _compiled()
    order = np.argsort(data.y, kind="stable")
    at, seen, arm = data.y[order], happened[order], data.treated[order]
    excess, information = kernels.excess(at, seen, arm)
    if information <= FLAT:
        return failure(method, data, NEVER_TOGETHER)
    variance, df = information, math.inf
    if by_family:
        residual = kernels.residuals(at, seen, arm, np.ones_like(at), False)
        robust = sum_of_squares(residual, data.family[order], data.n_families)
        if robust <= NEGLIGIBLE * information:
            return failure(method, data, NO_VARIATION)
        df = data.n_families - 1
        variance = robust * data.n_families / df
    return inference(method, data, excess / information, math.sqrt(variance) / information, df, alpha)


def cox(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    ties: Ties = "efron",
    by_family: bool = True,
    alpha: float = 0.05,
) -> Fit:
    r"""Cox's proportional hazards model, with a variance that is robust to correlation within families.

    The marginal model of Lee, Wei & Amato (1992): the hazard ratio is estimated as if siblings were strangers, and its
    variance is the sandwich of Lin & Wei (1989) with score residuals summed by family, times G/(G - 1) for G families.

    Parameters
    ----------
    time, event, treated, family
        As for :func:`log_rank`.
    covariates : (n_children,) or (n_children, k) array, optional
        Age, indicators of site and so on. A column that depends linearly on those before it is left out, as R does.
    ties : {"efron", "breslow"}
        How events on the same day are handled. Efron (1977) is close to the exact likelihood; Breslow (1974) draws the
        hazard ratio towards one if many siblings move together.
    by_family : bool
        False for the inverse information, which takes siblings for strangers.
    alpha : float
        Two-sided level of the interval.

    Returns
    -------
    Fit
        The estimate is the log hazard ratio, treated over control: positive if the treated reach the event sooner.
        Referred to t with G - 1 degrees of freedom, as :func:`~best_sim.trial.analysis.ancova_cluster_robust` is;
        to the normal if not `by_family`. Not converged if the ratio is zero or infinite, as when one arm has no event.

    Raises
    ------
    ValueError
        As for :func:`log_rank`, or if `ties` is not one of those above.

    Notes
    -----
    Newton's method from zero, on covariates made orthogonal, so that their scale costs no digits. If one *covariate's*
    hazard ratio is infinite (a site where nobody has the event), the other coefficients still have their limits; the
    fit is then usable, and says so.

    With Efron's ties the residuals of those tied are shared out as in R's survival (Therneau & Grambsch 2000). With
    few families (below 50 or so) the sandwich is too small for skewed arms or covariates; neither the factor nor
    t undoes all of that (Fay & Graubard 2001).

    References
    ----------
    Cox (1972) Journal of the Royal Statistical Society B 34:187. Efron (1977) Journal of the American Statistical
    Association 72:557. Breslow (1974) Biometrics 30:89. Lin & Wei (1989) Journal of the American Statistical
    Association 84:1074. Lee, Wei & Amato (1992) in Survival Analysis: State of the Art, 237. Therneau & Grambsch (2000)
    Modeling Survival Data, chapters 3, 7 and 8. Fay & Graubard (2001) Biometrics 57:1198.
    """
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties is {ties!r}; it may be 'efron' or 'breslow'")
    method = f"cox {ties} by family" if by_family else f"cox {ties}"
    data, happened = rows_in_time(time, event, treated, family, covariates)
    if data.obstacle:
        return failure(method, data, data.obstacle)
    if not happened.any():
        return failure(method, data, NO_EVENT)
    directions, arm_length = _directions(data.design)
    if arm_length == 0.0:
        return failure(method, data, ALIASED)

    kernels = _compiled()
    efron = ties == "efron"
    order = np.argsort(data.y, kind="stable")
    at, seen, x = data.y[order], happened[order], np.ascontiguousarray(directions[order])
    outcome, flat, coordinates, inverse = kernels.maximise(at, seen, x, efron)
    if outcome:
        return failure(method, data, (NEVER_TOGETHER, INFINITE, UNSETTLED)[outcome - 1])
    variance, df = float(inverse[-1]), math.inf
    if by_family:
        predictor = x @ coordinates
        residual = kernels.residuals(at, seen, x @ inverse, np.exp(predictor - predictor.max()), efron)
        robust = sum_of_squares(residual, data.family[order], data.n_families)
        if robust <= NEGLIGIBLE * variance:
            return failure(method, data, NO_VARIATION)
        df = data.n_families - 1
        variance = robust * data.n_families / df
    return inference(
        method,
        data,
        float(coordinates[-1]) / arm_length,
        math.sqrt(variance) / arm_length,
        df,
        alpha,
        note=COVARIATE_INFINITE if flat else "",
    )


def _directions(design: Floats) -> tuple[Floats, float]:
    """Orthogonal columns of unit variance that span the covariates and, last, the arm; the intercept is left out.

    Parameters
    ----------
    design : (n, k) array
        Intercept, covariates, arm.

    Returns
    -------
    directions : (n, rank) array
    arm_length : float
        The coefficient of the arm is the last coordinate over this; zero if the arm depends on the covariates.
    """
    n = len(design)
    kept = np.empty_like(design)
    rank = 0
    length = 0.0
    for column in design.T:
        vector = column.copy()
        # Twice is enough to be orthogonal to working precision (Giraud, Langou & Rozloznik 2005); once is not.
        for _ in range(2):
            vector -= kept[:, :rank] @ (kept[:, :rank].T @ vector)
        length = math.sqrt(vector @ vector)
        if rank == n or length <= DEPENDENT * math.sqrt(column @ column):
            length = 0.0
        else:
            kept[:, rank] = vector / length
            rank += 1
    return kept[:, 1:rank] * math.sqrt(n), length / math.sqrt(n)


# ------------------------------------------------------------------------------------------------------------
# Kernels: rows come sorted by time


def _excess(time: Floats, event: Floats, arm: Floats) -> tuple[float, float]:
    """Events of the treated beyond those expected, and their hypergeometric variance.

    Parameters
    ----------
    time, event, arm : (n,) arrays
        Sorted by time.

    Returns
    -------
    excess : float
    variance : float
    """
    excess = 0.0
    variance = 0.0
    at_risk = 0.0
    treated = 0.0
    row = time.size - 1
    while row >= 0:
        now = time[row]
        events = 0.0
        while row >= 0 and time[row] == now:
            at_risk += 1.0
            treated += arm[row]
            events += event[row]
            excess += event[row] * arm[row]
            row -= 1
        if events > 0.0:
            share = treated / at_risk
            excess -= events * share
            if at_risk > 1.0:
                variance += events * (at_risk - events) / (at_risk - 1.0) * share * (1.0 - share)
    return excess, variance


def _maximise(time: Floats, event: Floats, x: Floats, efron: bool) -> tuple[int, bool, Floats, Floats]:
    """Find the maximum of the partial likelihood.

    Parameters
    ----------
    time, event : (n,) arrays
        Sorted by time.
    x : (n, p) array
        Covariates of unit variance, the contrast of interest last.
    efron : bool
        Efron's approximation for ties, rather than Breslow's.

    Returns
    -------
    outcome : int
        0 if there is a maximum; 1 if the likelihood does not depend on the last coefficient; 2 if that coefficient
        grows without bound; 3 if the search did not end.
    flat : bool
        Whether some other coefficient was left where it was because it grows without bound.
    coefficients : (p,) array
    inverse : (p,) array
        Last column of the inverse of the information.
    """
    n, p = x.shape
    n_events = event.sum()
    s1 = np.empty(p)
    d1 = np.empty(p)
    s2 = np.empty((p, p))
    d2 = np.empty((p, p))
    mean = np.empty(p)
    score = np.empty(p)
    information = np.empty((p, p))
    predictor = np.empty(n)

    def evaluate(coefficients: Floats) -> float:
        """Log-likelihood; leaves its gradient in `score` and minus its Hessian in `information`."""
        highest = -math.inf
        for i in range(n):
            predictor[i] = 0.0
            for j in range(p):
                predictor[i] += x[i, j] * coefficients[j]
            highest = max(highest, predictor[i])
        score[:] = 0.0
        information[:, :] = 0.0
        s0 = 0.0
        s1[:] = 0.0
        s2[:, :] = 0.0
        likelihood = 0.0
        row = n - 1
        while row >= 0:
            now = time[row]
            events = 0
            d0 = 0.0
            d1[:] = 0.0
            d2[:, :] = 0.0
            while row >= 0 and time[row] == now:
                weight = math.exp(predictor[row] - highest)
                s0 += weight
                for j in range(p):
                    s1[j] += weight * x[row, j]
                    for k in range(j + 1):
                        s2[j, k] += weight * x[row, j] * x[row, k]
                if event[row] > 0.0:
                    events += 1
                    d0 += weight
                    likelihood += predictor[row] - highest
                    for j in range(p):
                        score[j] += x[row, j]
                        d1[j] += weight * x[row, j]
                        for k in range(j + 1):
                            d2[j, k] += weight * x[row, j] * x[row, k]
                row -= 1
            for turn in range(events):
                gone = turn / events if efron else 0.0
                total = s0 - gone * d0
                if not total > 0.0:
                    return -math.inf
                likelihood -= math.log(total)
                for j in range(p):
                    mean[j] = (s1[j] - gone * d1[j]) / total
                    score[j] -= mean[j]
                    for k in range(j + 1):
                        information[j, k] += (s2[j, k] - gone * d2[j, k]) / total - mean[j] * mean[k]
        return likelihood

    coefficients = np.zeros(p)
    proposal = np.zeros(p)
    step = np.zeros(p)
    inverse = np.zeros((p, p))
    flat = False
    last = False
    likelihood = evaluate(coefficients)
    for iteration in range(100):
        # The sweep operator (Goodnight 1979) inverts the information; flat directions are passed over.
        for j in range(p):
            for k in range(j + 1):
                inverse[j, k] = information[j, k]
                inverse[k, j] = information[j, k]
        flat = False
        for k in range(p):
            pivot = inverse[k, k]
            if pivot <= FLAT * n_events:
                if k == p - 1:
                    return (1 if iteration == 0 else 2), False, coefficients, inverse[:, p - 1].copy()
                flat = flat or iteration > 0
                inverse[k, :] = 0.0
                inverse[:, k] = 0.0
                continue
            for j in range(p):
                inverse[k, j] /= pivot
            for i in range(p):
                if i != k:
                    factor = inverse[i, k]
                    for j in range(p):
                        inverse[i, j] -= factor * inverse[k, j]
                    inverse[i, k] = -factor / pivot
            inverse[k, k] = 1.0 / pivot
        if last:
            return 0, flat, coefficients, inverse[:, p - 1].copy()

        longest = 0.0
        for j in range(p):
            step[j] = 0.0
            for k in range(p):
                step[j] += inverse[j, k] * score[k]
            longest = max(longest, abs(step[j]))
        # Newton's error is of the order of its last move squared: after one so small it is only rounding.
        last = longest <= 1e-8
        size = 1.0
        while True:
            for j in range(p):
                proposal[j] = coefficients[j] + size * step[j]
            found = evaluate(proposal)
            if last or found >= likelihood - 1e-10 * (1.0 + abs(likelihood)) or size < 1e-6:
                break
            size *= 0.5
        coefficients[:] = proposal
        likelihood = found
    return 3, False, coefficients, inverse[:, p - 1].copy()


def _residuals(time: Floats, event: Floats, z: Floats, weight: Floats, efron: bool) -> Floats:
    """Score residuals: what each row contributes to the score for the covariate z.

    Parameters
    ----------
    time, event, z : (n,) arrays
        Sorted by time.
    weight : (n,) array
        Relative hazard of each row.
    efron : bool
        Efron's ties: of d rows with an event at one time, the part l/d has gone when the l-th of them has it.

    Returns
    -------
    (n,) array
        Sum over events of (z - mean of z) times what the row had of the event, less what was expected of it.
    """
    n = time.size
    # For every time with events: hazard and hazard times mean of z; the same for those who have the event then.
    hazard = np.zeros(n)
    moment = np.zeros(n)
    tied_hazard = np.zeros(n)
    tied_moment = np.zeros(n)
    average = np.zeros(n)
    s0 = 0.0
    s1 = 0.0
    row = n - 1
    while row >= 0:
        now = time[row]
        events = 0
        d0 = 0.0
        d1 = 0.0
        while row >= 0 and time[row] == now:
            s0 += weight[row]
            s1 += weight[row] * z[row]
            if event[row] > 0.0:
                events += 1
                d0 += weight[row]
                d1 += weight[row] * z[row]
            row -= 1
        first = row + 1
        for turn in range(events):
            gone = turn / events if efron else 0.0
            total = s0 - gone * d0
            mean = (s1 - gone * d1) / total
            hazard[first] += 1.0 / total
            moment[first] += mean / total
            tied_hazard[first] += (1.0 - gone) / total
            tied_moment[first] += (1.0 - gone) * mean / total
            average[first] += mean / events

    residual = np.empty(n)
    all_hazard = 0.0
    all_moment = 0.0
    row = 0
    while row < n:
        first = row
        while row < n and time[row] == time[first]:
            if event[row] > 0.0:
                own_hazard = all_hazard + tied_hazard[first]
                own_moment = all_moment + tied_moment[first]
                residual[row] = z[row] - average[first]
            else:
                own_hazard = all_hazard + hazard[first]
                own_moment = all_moment + moment[first]
                residual[row] = 0.0
            residual[row] -= weight[row] * (z[row] * own_hazard - own_moment)
            row += 1
        all_hazard += hazard[first]
        all_moment += moment[first]
    return residual


@dataclass(frozen=True, slots=True)
class _Kernels:
    """The steps of a fit; compiled, or as they are written."""

    excess: Callable[..., Any]
    maximise: Callable[..., Any]
    residuals: Callable[..., Any]


@cache
def _compiled() -> _Kernels:
    """Compile the kernels, on first use."""
    # Every kernel is self-contained: numba's cache notices a change in this file, but not in one that it imports.
    jit = compiler(nogil=True, cache=True)
    return _Kernels(jit(_excess), jit(_maximise), jit(_residuals))
