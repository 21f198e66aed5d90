"""Time to an event, with siblings who share it: Cox's model, the log-rank test, and incidence with competing causes.

Siblings often move on the same day, so ties are common (Efron's correction), and they are not independent, so variances
sum each family's contributions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from best_sim.trial.analysis.fit import (
    ALIASED,
    Fit,
    Floats,
    Rows,
    complete_rows,
    failure,
    independent,
    inference,
)

NO_EVENTS = "an arm has no events, so the ratio of hazards cannot be told"
NOT_SETTLED = "the search for the maximum of the partial likelihood did not end"
NOT_FOLLOWED = "nobody in an arm is followed until the horizon"
_MOST_STEPS = 50


def cox(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    robust: bool = True,
) -> Fit:
    """Proportional hazards regression with Efron's correction for ties.

    Parameters
    ----------
    time : (n_children,) array
        Days until the event or until the child was no longer followed.
    event : (n_children,) array of bool
        Whether it is the event.
    treated, family, covariates, alpha
        As for :func:`best_sim.trial.analysis.mixed_model`.
    robust : bool
        The variance of Lin and Wei, summed by family (the default), or the inverse of the information, which takes
        siblings for strangers.

    Returns
    -------
    Fit
        The contrast is the logarithm of the hazard ratio, LIFT over SAU; of a cause among several, of its
        cause-specific hazards. Referred to t with families less one degrees of freedom if robust, with the factor
        G / (G - 1); else to the normal.

    Raises
    ------
    ValueError
        If the columns differ in length.

    References
    ----------
    Efron (1977) Journal of the American Statistical Association 72:557. Lin and Wei (1989) ibid. 84:1074. Lee, Wei and
    Amato (1992) in Survival Analysis: State of the Art.
    """
    method = "cox"
    data, design, died = _rows(time, event, treated, family, covariates)
    if why := _cannot(data, design, died):
        return failure(method, data, why)
    assert design is not None
    model = _Partial(data.y, died, design)
    beta = np.zeros(design.shape[1])
    likelihood, score, information = model.at(beta)
    for _ in range(_MOST_STEPS):
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return failure(method, data, NOT_SETTLED)
        if np.abs(step).max() <= 1e-11 * (1.0 + np.abs(beta).max()):
            break
        scale = 1.0
        while True:  # a step that would lower the likelihood is halved
            new, score, information = model.at(beta + scale * step)
            if new >= likelihood - 1e-10 * abs(likelihood) or scale < 1e-4:
                break
            scale *= 0.5
        likelihood, beta = new, beta + scale * step
        if np.abs(beta).max() > 30.0:
            return failure(method, data, NOT_SETTLED)
    else:
        return failure(method, data, NOT_SETTLED)
    bread = np.linalg.inv(information)
    if not robust:
        return inference(method, data, float(beta[-1]), math.sqrt(float(bread[-1, -1])), math.inf, alpha)
    variance = _by_family(model.residuals(beta) @ bread[:, -1], data)
    return inference(method, data, float(beta[-1]), math.sqrt(variance), data.n_families - 1, alpha)


def log_rank(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    alpha: float = 0.05,
    robust: bool = True,
) -> Fit:
    """The log-rank test, with a variance that is robust to families.

    Parameters
    ----------
    time, event, treated, family, alpha
        As for :func:`cox`.
    covariates
        Not adjusted for; children with a missing one are dropped, so that every analysis sees the same children.
    robust : bool
        Sum observed less expected by family (the default), or Mantel's hypergeometric variance.

    Returns
    -------
    Fit
        The estimate is the one-step logarithm of the hazard ratio: observed less expected over Mantel's variance. Its
        statistic is that of the test, referred to the normal, or to t with families less one degrees of freedom.

    Raises
    ------
    ValueError
        If the columns differ in length.

    References
    ----------
    Mantel (1966) Cancer Chemotherapy Reports 50:163. Peto and Peto (1972) Journal of the Royal Statistical Society A
    135:185. Jeong and Jung (2006) Statistics in Medicine 25:2135 (clusters).
    """
    method = "log-rank"
    data, design, died = _rows(time, event, treated, family, covariates)
    arm = data.treated
    if why := _cannot(data, design, died):
        return failure(method, data, why)
    order = np.argsort(data.y, kind="stable")
    times, first = np.unique(data.y[order], return_index=True)
    at_risk = len(order) - first
    in_arm = np.append(np.cumsum(arm[order][::-1])[::-1], 0.0)[first]
    group = np.searchsorted(times, data.y)
    deaths = np.bincount(group, died, len(times))
    share = in_arm / at_risk
    expected = deaths * share
    observed = float((died * arm).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(at_risk > 1, deaths * share * (1 - share) * (at_risk - deaths) / (at_risk - 1), 0.0)
    mantel = float(spread.sum())
    if mantel <= 0.0:
        return failure(method, data, NO_EVENTS)
    difference = observed - float(expected.sum())
    if not robust:
        return inference(method, data, difference / mantel, 1.0 / math.sqrt(mantel), math.inf, alpha)
    # each child's part: its own event less what was expected of it while it was at risk
    hazard = np.cumsum(deaths / at_risk)
    mean = np.cumsum(deaths / at_risk * share)
    part = died * (arm - share[group]) - (arm * hazard[group] - mean[group])
    error = math.sqrt(_by_family(part, data)) / mantel
    if error == 0.0:
        return failure(method, data, NO_EVENTS)
    return inference(method, data, difference / mantel, error, data.n_families - 1, alpha)


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence of one cause among others (Aalen and Johansen 1978).

    Attributes
    ----------
    times : numpy.ndarray of float
        At which it rises.
    incidence : numpy.ndarray of float
        From each time on.
    """

    times: Floats
    incidence: Floats

    def at(self, when: ArrayLike) -> Floats:
        """The incidence at some times."""
        steps = np.append(0.0, self.incidence)
        return np.asarray(steps[np.searchsorted(self.times, np.asarray(when, np.float64), side="right")])


def cumulative_incidence(time: ArrayLike, cause: ArrayLike, of: int) -> Incidence:
    """The share of children to whom one cause has happened, where others may come first.

    Parameters
    ----------
    time : (n,) array
    cause : (n,) array of int
        What happened; 0 where the child was no longer followed.
    of : int
        The cause.

    Returns
    -------
    Incidence
    """
    t, what = np.asarray(time, np.float64), np.asarray(cause)
    times = np.unique(t[what > 0])
    at_risk = len(t) - np.searchsorted(np.sort(t), times, side="left")
    group = np.searchsorted(times, t[what > 0])
    everything = np.bincount(group, minlength=len(times))
    mine = np.bincount(group, what[what > 0] == of, len(times))
    before = np.append(1.0, np.cumprod(1.0 - everything / at_risk))[:-1]
    return Incidence(times, np.cumsum(before * mine / at_risk))


def incidence_difference(
    time: ArrayLike,
    cause: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None = None,
    *,
    of: int,
    horizon: float,
    alpha: float = 0.05,
) -> Fit:
    """The difference between arms in the cumulative incidence of one cause at a horizon.

    Parameters
    ----------
    time, cause, of
        As for :func:`cumulative_incidence`.
    treated, family, alpha
        As for :func:`best_sim.trial.analysis.mixed_model`.
    covariates
        Not adjusted for; children with a missing one are dropped.
    horizon : float
        In the unit of time.

    Returns
    -------
    Fit
        In shares. The variance is the jackknife's over families: what the difference becomes without each of them.

    Raises
    ------
    ValueError
        If the columns differ in length.
    """
    method = "incidence-difference"
    what = np.asarray(cause, np.float64)
    data, _, _ = _rows(time, what > 0, treated, family, covariates, what)
    if data.obstacle:
        return failure(method, data, data.obstacle)
    causes = data.design[:, -2].astype(np.int64)
    arm = data.treated == 1.0
    if min(data.y[arm].max(), data.y[~arm].max()) < horizon and not _decided(data.y, causes, arm, horizon):
        return failure(method, data, NOT_FOLLOWED)

    def incidence(keep: np.ndarray) -> float:
        return float(cumulative_incidence(data.y[keep], causes[keep], of).at(horizon))

    estimate = incidence(arm) - incidence(~arm)
    variance = 0.0
    for which in (arm, ~arm):
        families = np.unique(data.family[which])
        without = np.array([incidence(which & (data.family != one)) for one in families])
        n = len(families)
        variance += (n - 1) / n * float(((without - without.mean()) ** 2).sum()) if n > 1 else math.nan
    if not variance > 0.0:
        return failure(method, data, "nothing varies between families")
    return inference(method, data, estimate, math.sqrt(variance), data.n_families - 2, alpha)


def _decided(time: Floats, cause: np.ndarray, arm: np.ndarray, horizon: float) -> bool:
    """Whether in both arms the last child that was followed had an event, so that nothing changes after it."""
    return all(
        bool(cause[which][time[which].argmax()] > 0 or time[which].max() >= horizon) for which in (arm, ~arm)
    )


# --- the partial likelihood ---------------------------------------------------------------------------------
class _Partial:
    """Cox's partial likelihood with Efron's correction, by sums over risk sets from the last time backwards."""

    def __init__(self, time: Floats, died: Floats, design: Floats) -> None:
        self.order = np.argsort(time, kind="stable")
        t, self.d = time[self.order], died[self.order] > 0
        self.x = design[self.order] - design.mean(axis=0)
        times = np.unique(t[self.d])
        self.start = np.searchsorted(t, times, side="left")  # the risk set of each event time begins here
        self.group = np.searchsorted(times, t[self.d])
        self.size = np.bincount(self.group, minlength=len(times))
        within = np.arange(len(self.group)) - np.searchsorted(self.group, self.group)
        self.fraction = within / self.size[self.group]
        self.reached = np.searchsorted(times, t, side="right")  # event times no later than each child's own

    def _sums(self, beta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        risk = np.exp(np.clip(self.x @ beta, -50.0, 50.0))
        weighted = self.x * risk[:, np.newaxis]
        s0 = np.cumsum(risk[::-1])[::-1][self.start]
        s1 = np.cumsum(weighted[::-1], axis=0)[::-1][self.start]
        own0 = np.bincount(self.group, risk[self.d], len(self.size))
        own1 = np.column_stack([np.bincount(self.group, w, len(self.size)) for w in weighted[self.d].T])
        denominator = s0[self.group] - self.fraction * own0[self.group]
        mean = (s1[self.group] - self.fraction[:, np.newaxis] * own1[self.group]) / denominator[:, np.newaxis]
        return risk, weighted, denominator, mean

    def at(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Log likelihood, its gradient, and the information."""
        _, weighted, denominator, mean = self._sums(beta)
        x = self.x[self.d]
        likelihood = float((x @ beta).sum() - np.log(denominator).sum())
        score = (x - mean).sum(axis=0)
        p = self.x.shape[1]
        information = np.zeros((p, p))
        for i in range(p):
            for j in range(i, p):
                product = weighted[:, i] * self.x[:, j]
                s2 = np.cumsum(product[::-1])[::-1][self.start]
                own2 = np.bincount(self.group, product[self.d], len(self.size))
                second = (s2[self.group] - self.fraction * own2[self.group]) / denominator
                information[i, j] = information[j, i] = float((second - mean[:, i] * mean[:, j]).sum())
        return likelihood, score, information

    def residuals(self, beta: Floats) -> Floats:
        """Score residuals: what each child adds to the gradient, in the order in which children were given."""
        risk, _, denominator, mean = self._sums(beta)
        many = len(self.size)

        def upto(values: Floats) -> Floats:
            """Sums over event times no later than each child's own."""
            return np.append(0.0, np.cumsum(np.bincount(self.group, values, many)))[self.reached]

        out = np.empty_like(self.x)
        for j in range(self.x.shape[1]):
            expected = self.x[:, j] * upto(1.0 / denominator) - upto(mean[:, j] / denominator)
            out[:, j] = -risk * expected
            # those who have the event share it: for each, the mean of what Efron sets against the tied ones
            tied = np.bincount(self.group, mean[:, j], many) / self.size
            out[self.d, j] += self.x[self.d, j] - tied[self.group]
            less = self.x[self.d, j] * np.bincount(self.group, self.fraction / denominator, many)[self.group]
            less -= np.bincount(self.group, self.fraction * mean[:, j] / denominator, many)[self.group]
            out[self.d, j] += risk[self.d] * less
        back = np.empty_like(out)
        back[self.order] = out
        return back


def _rows(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    family: ArrayLike,
    covariates: ArrayLike | None,
    more: ArrayLike | None = None,
) -> tuple[Rows, Floats | None, Floats]:
    """Complete rows, the columns of the model without an intercept, and whether each row is an event."""
    died = np.asarray(event, np.float64)
    extra = np.empty((len(died), 0)) if covariates is None else np.asarray(covariates, np.float64)
    extra = extra[:, np.newaxis] if extra.ndim == 1 else extra
    last = died if more is None else np.asarray(more, np.float64)
    # rows without a value anywhere are dropped alike, so the event travels with the covariates
    data = complete_rows(time, treated, family, np.column_stack([extra, last]))
    design = np.column_stack([data.design[:, :-2], data.design[:, -1]])
    kept = independent(design) if len(design) else []
    if not kept or kept[-1] != design.shape[1] - 1:  # the arm is no column of its own
        return data, None, died[:0]
    return data, design[:, kept[1:]], (data.design[:, -2] > 0).astype(np.float64)


def _cannot(data: Rows, design: Floats | None, died: Floats) -> str:
    if data.obstacle:
        return data.obstacle
    if design is None:
        return ALIASED
    if not (died[data.treated == 1].any() and died[data.treated == 0].any()):
        return NO_EVENTS
    return ""


def _by_family(parts: Floats, data: Rows) -> float:
    """Variance of a sum of parts, of which those of one family are not independent."""
    sums = np.bincount(data.family, weights=parts, minlength=data.n_families)
    return float(sums @ sums) * data.n_families / (data.n_families - 1)
