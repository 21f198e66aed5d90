"""Closed forms for time to an event: events expected, power of the log-rank test, and what families take from it.

Companion to :mod:`best_sim.trial.closed_forms`, and of the same kind: nothing here is used by the simulation, and
nothing here uses it. Each function states what it assumes.

All tests are two-sided, and power counts rejection in either direction. Hazards are per unit of time, in whatever unit
the durations are. A hazard ratio is that of the treated over the control arm; above one, the treated have the event
sooner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from best_sim.trial.closed_forms.power import (
    Pair,
    _noncentral_t_power,
    _require_positive,
    _require_share,
    _shifted_normal_power,
    design_effect_from_cv,
)

__all__ = [
    "SurvivalPower",
    "design_effect_survival",
    "event_probability",
    "expected_events",
    "freedman_events",
    "freedman_power",
    "power_survival",
    "residual_correlation",
    "schoenfeld_events",
    "schoenfeld_power",
]


# ------------------------------------------------------------------------------------------------------------
# Events and power


def schoenfeld_events(
    hazard_ratio: float, power: float, share_treated: float = 0.5, alpha: float = 0.05
) -> float:
    r"""Events needed by the log-rank test: :math:`(z_{1-\alpha/2}+z_{power})^2 / \{p(1-p)(\log\theta)^2\}`.

    Parameters
    ----------
    hazard_ratio : float
        True hazard ratio :math:`\theta`; not one.
    power : float
        Probability of rejection that is wanted (on the right side; the other is neglected).
    share_treated : float
        Share p of children who are in the treated arm.
    alpha : float
        Two-sided level.

    Returns
    -------
    float
        Events in both arms together; not rounded.

    Raises
    ------
    ValueError
        If the hazard ratio is one or not positive, or a share is not between 0 and 1 (exclusive).

    Notes
    -----
    Assumes proportional hazards, independent children, and a hazard ratio so near one that the treated stay the same
    share of those at risk. Where it is far from one or allocation is very unequal, this is off by a few per cent; so is
    :func:`freedman_events`, in its own way. Schoenfeld (1981) Biometrika 68:316; (1983) Biometrics 39:499.
    """
    _require_contrast(hazard_ratio, share_treated, power=power, alpha=alpha)
    return _needed(power, alpha) / (share_treated * (1.0 - share_treated) * math.log(hazard_ratio) ** 2)


def schoenfeld_power(
    hazard_ratio: float, events: float, share_treated: float = 0.5, alpha: float = 0.05
) -> float:
    r"""Power of the log-rank test from a number of events; see :func:`schoenfeld_events`.

    Parameters
    ----------
    hazard_ratio, share_treated, alpha
        As for :func:`schoenfeld_events`; the hazard ratio may be one.
    events : float
        Events in both arms together; need not be whole.

    Returns
    -------
    float
        Probability of rejection, in either direction.

    Raises
    ------
    ValueError
        As :func:`schoenfeld_events`, or if the number of events is not positive.
    """
    _require_contrast(hazard_ratio, share_treated, alpha=alpha, equal=True)
    _require_positive(events=events)
    return _shifted_normal_power(
        abs(math.log(hazard_ratio)) * math.sqrt(events * share_treated * (1.0 - share_treated)), alpha
    )


def freedman_events(
    hazard_ratio: float, power: float, share_treated: float = 0.5, alpha: float = 0.05
) -> float:
    r"""Events needed by the log-rank test, in Freedman's approximation.

    .. math:: (z_{1-\alpha/2}+z_{power})^2 \frac{(1-p+p\theta)^2}{p(1-p)(1-\theta)^2}

    Parameters
    ----------
    hazard_ratio, power, share_treated, alpha
        As for :func:`schoenfeld_events`.

    Returns
    -------
    float
        Events in both arms together; not rounded.

    Raises
    ------
    ValueError
        As :func:`schoenfeld_events`.

    Notes
    -----
    Assumes proportional hazards, independent children, and that the ratio of those at risk in the two arms stays what
    it was at the start. With equal arms it asks for a few more events than Schoenfeld's, the more so the stronger the
    effect. Freedman (1982) Statistics in Medicine 1:121. Hsieh (1992) Statistics in Medicine 11:1091 compares the two.
    """
    _require_contrast(hazard_ratio, share_treated, power=power, alpha=alpha)
    return _needed(power, alpha) / _freedman_information(hazard_ratio, share_treated)


def freedman_power(
    hazard_ratio: float, events: float, share_treated: float = 0.5, alpha: float = 0.05
) -> float:
    r"""Power of the log-rank test from a number of events; see :func:`freedman_events`.

    Parameters
    ----------
    hazard_ratio, events, share_treated, alpha
        As for :func:`schoenfeld_power`.

    Returns
    -------
    float
        Probability of rejection, in either direction.

    Raises
    ------
    ValueError
        As :func:`schoenfeld_power`.
    """
    _require_contrast(hazard_ratio, share_treated, alpha=alpha, equal=True)
    _require_positive(events=events)
    return _shifted_normal_power(
        math.sqrt(events * _freedman_information(hazard_ratio, share_treated)), alpha
    )


def _freedman_information(hazard_ratio: float, share_treated: float) -> float:
    """Squared noncentrality per event."""
    among_events = 1.0 - share_treated + share_treated * hazard_ratio
    return share_treated * (1.0 - share_treated) * ((1.0 - hazard_ratio) / among_events) ** 2


def _needed(power: float, alpha: float) -> float:
    """Squared noncentrality at which a z test has this power, its other side neglected."""
    return float(special.ndtri(1.0 - alpha / 2.0) + special.ndtri(power)) ** 2


# ------------------------------------------------------------------------------------------------------------
# Events expected


def event_probability(
    hazard: float | Sequence[float],
    follow_up: float,
    accrual: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    breaks: Sequence[float] = (),
) -> float:
    r"""Probability that a child is seen to have the event, with uniform accrual and piecewise constant hazards.

    Children enter at an even rate during `accrual`, and all are followed until `follow_up` after the last one entered.
    So the time for which a child is followed is uniform between F and F + A, and

    .. math:: P = \int_0^{F+A} \lambda(u)\, e^{-\Lambda(u) - H(u)}\, \bar G(u)\, du

    with :math:`\bar G` the share followed for longer than u and H the cumulative hazard of dropping out. Each piece of
    the integral has a closed form. For constant hazards it is

    .. math:: \frac{\lambda}{\lambda+\eta} \Big\{1 - \frac{e^{-(\lambda+\eta)F} - e^{-(\lambda+\eta)(F+A)}}{(\lambda
        +\eta)A}\Big\}

    Parameters
    ----------
    hazard : float or sequence of float
        Hazard of the event; one more value than there are breaks.
    follow_up : float
        Time F for which even the last child is followed; may be zero if there is accrual.
    accrual : float
        Time A over which children enter; zero if each is followed for the same time.
    dropout : float or sequence of float
        Hazard of being lost, whatever would have become of the child; one more value than there are breaks, or one for
        all. Competing kinds of event go here as well: the result is then the cumulative incidence, as observed.
    breaks : sequence of float
        Times since entry at which hazards change, ascending.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If a duration or hazard is negative, nobody is followed, the breaks do not ascend from above zero, or the
        numbers of hazards and breaks do not fit.

    Notes
    -----
    Lachin & Foulkes (1986) Biometrics 42:507; Lachin (2000) Biostatistical Methods, section 9.4.
    """
    edges = np.asarray(breaks, dtype=np.float64)
    if follow_up < 0.0 or accrual < 0.0 or not follow_up + accrual > 0.0:
        raise ValueError(
            f"follow_up is {follow_up} and accrual {accrual}; neither may be negative, nor both zero"
        )
    if edges.ndim != 1 or np.any(np.diff(edges, prepend=0.0) <= 0.0):
        raise ValueError(f"breaks are {breaks}; they have to ascend from above zero")
    rate, loss = _per_piece("hazard", hazard, edges.size + 1), _per_piece("dropout", dropout, edges.size + 1)
    end = follow_up + accrual
    cuts = np.unique(np.concatenate([[0.0, follow_up, end], edges[edges < end]]))
    width = np.diff(cuts)
    piece = np.searchsorted(edges, cuts[:-1], side="right")
    both = rate[piece] + loss[piece]
    before = np.concatenate([[0.0], np.cumsum(both * width)])[:-1]
    late = cuts[:-1] >= follow_up
    followed = np.where(late, (end - cuts[:-1]) / (accrual or 1.0), 1.0)
    slope = np.where(late, -1.0 / (accrual or 1.0), 0.0)
    inner = followed * width * _phi_1(both * width) + slope * width**2 * _phi_2(both * width)
    return float((rate[piece] * np.exp(-before)) @ inner)


def _phi_1(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral of exp(-xv) for v from 0 to 1."""
    return np.divide(-np.expm1(-x), x, out=np.ones_like(x), where=x > 0.0)


def _phi_2(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """The integral of v exp(-xv) for v from 0 to 1."""
    small = np.minimum(x, 0.5)
    term, series = np.ones_like(x), np.full_like(x, 0.5)
    for n in range(1, 16):
        term = term * -small / n
        series = series + term / (n + 2)
    large = np.maximum(x, 0.5)
    return np.where(x < 0.5, series, (1.0 - (1.0 + large) * np.exp(-large)) / large**2)


def expected_events(
    n_treated: float,
    n_control: float,
    hazard: float | Sequence[float],
    hazard_ratio: float,
    follow_up: float,
    accrual: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    breaks: Sequence[float] = (),
) -> Pair:
    """Events expected in the treated and in the control arm.

    Parameters
    ----------
    n_treated, n_control : float
        Children per arm.
    hazard : float or sequence of float
        Hazard of the event in the control arm.
    hazard_ratio : float
        Hazard of the treated over that, at every time.
    follow_up, accrual, dropout, breaks
        As for :func:`event_probability`; the same in both arms.

    Returns
    -------
    (float, float)
        Treated, control.

    Raises
    ------
    ValueError
        As :func:`event_probability`, or if a number of children or the hazard ratio is not positive.
    """
    _require_positive(n_treated=n_treated, n_control=n_control, hazard_ratio=hazard_ratio)
    control = np.atleast_1d(np.asarray(hazard, dtype=np.float64))
    return (
        n_treated * event_probability((hazard_ratio * control).tolist(), follow_up, accrual, dropout, breaks),
        n_control * event_probability(control.tolist(), follow_up, accrual, dropout, breaks),
    )


# ------------------------------------------------------------------------------------------------------------
# What families take


def residual_correlation(
    cumulative_hazard: ArrayLike, kendall_tau: float = 0.0, together: float = 0.0
) -> float:
    r"""Correlation of two siblings' martingale residuals: the intracluster correlation that the log-rank test sees.

    A child's residual is whether the event was seen, less the cumulative hazard up to the end of what was seen. Its
    mean is zero and its variance the probability of an event, :math:`1-e^{-H}` if the child is followed until the
    cumulative hazard is H. The covariance of siblings, by Hoeffding's identity with :math:`D(s,t) = S(s,t) -
    e^{-s-t}` on the scale of the cumulative hazard, is

    .. math:: \int_0^H\!\!\int_0^H D(s,t)\,ds\,dt + 2\int_0^H D(s,H)\,ds + D(H,H)

    Parameters
    ----------
    cumulative_hazard : float or (k,) array
        Cumulative hazard H at the end of follow-up, of the pair. If follow-up differs between families, several
        values that are equally frequent.
    kendall_tau : float
        Rank correlation of siblings' times where they do not move together, from 0 up to but not including 1. Their
        dependence is Clayton's, which is that of a gamma frailty of variance :math:`2\tau/(1-\tau)`.
    together : float
        Share of families whose children have the event at the same time.

    Returns
    -------
    float
        For a mixture, `together` plus the rest times Clayton's part.

    Raises
    ------
    ValueError
        If a cumulative hazard is not positive and finite, `kendall_tau` is not from 0 to below 1, or `together` is not
        between 0 and 1.

    Notes
    -----
    Assumes that siblings are followed for the same time. The correlation rises with follow-up in Clayton's case, where
    dependence is strongest among late events, and is smaller than tau under heavy censoring; another copula with the
    same tau gives another value (Zhong & Cook 2015). The integrals are by Gauss-Legendre quadrature, to 12
    digits for tau up to 0.5 and any follow-up, and 4 for 0.9 and follow-up without end.

    Clayton (1978) Biometrika 65:141. Prentice & Cai (1992) Biometrika 79:495. Zhong & Cook (2015) Statistics in
    Medicine 34:901.
    """
    ends = np.atleast_1d(np.asarray(cumulative_hazard, dtype=np.float64))
    if ends.ndim != 1 or not ends.size or not np.all((ends > 0.0) & (ends < math.inf)):
        raise ValueError(f"cumulative_hazard is {ends}; it has to be positive and finite")
    if not 0.0 <= kendall_tau < 1.0:
        raise ValueError(f"kendall_tau is {kendall_tau}; it may be from 0 to below 1")
    _require_share(together=together)
    if kendall_tau == 0.0:
        return together
    theta = 2.0 * kendall_tau / (1.0 - kendall_tau)
    nodes, weights = np.polynomial.legendre.leggauss(96)
    covariance = variance = 0.0
    for end in ends:
        s, w = 0.5 * end * (nodes + 1.0), 0.5 * end * weights
        edge = _clayton_excess(s, end, theta)
        covariance += float(w @ _clayton_excess(s[:, np.newaxis], s, theta) @ w + 2.0 * (w @ edge))
        covariance += float(_clayton_excess(end, end, theta))
        variance += -math.expm1(-end)
    return together + (1.0 - together) * covariance / variance


def _clayton_excess(
    s: float | NDArray[np.float64], t: float | NDArray[np.float64], theta: float
) -> NDArray[np.float64]:
    """Joint survival beyond that of independence, of two unit exponentials with Clayton's dependence."""
    longest = np.maximum(s, t)
    inner = np.exp(theta * (s - longest)) + np.exp(theta * (t - longest)) - np.exp(-theta * longest)
    joint: NDArray[np.float64] = np.exp(-longest - np.log(inner) / theta)
    return joint - np.exp(-np.add(s, t))


def design_effect_survival(size_shares: Mapping[int, float], correlation: float) -> float:
    r"""Variance inflation of the log-rank score by families: :math:`1 + (\sum s_m m^2/\sum s_m m - 1)\rho`.

    Parameters
    ----------
    size_shares : mapping of int to float
        Share (or number) of families with so many children, e.g. ``{1: 0.76, 2: 0.20, 3: 0.04}``.
    correlation : float
        Correlation :math:`\rho` of siblings' martingale residuals; see :func:`residual_correlation`.

    Returns
    -------
    float
        Events needed, over independent events needed. Also the ratio of the squares of the robust and the naive
        standard error that is expected without an effect.

    Raises
    ------
    ValueError
        If there is no size, a size is not positive, a share is negative, or the correlation is not between 0 and 1.

    Notes
    -----
    The score is a sum over children of arm times residual, each child counting once, and the arm is that of the family;
    hence the formula of a mean over all children (Eldridge's; see
    :func:`~best_sim.trial.closed_forms.design_effect_from_cv`). It holds in large trials in which

    - whole families are allocated (siblings in different arms would make the variance *smaller*);
    - there is no effect, or one so small that residuals vary as without (contiguous alternatives);
    - the number of siblings tells nothing about the hazard or the follow-up;
    - every pair of siblings has the same correlation.

    The intracluster correlation of the *event indicator*, which is sometimes put in its place (Xie & Waksman 2003), is
    near it only where few children have the event. Gangnon & Kosorok (2004) Biometrika 91:263; Li & Jung (2020)
    Statistics in Medicine 39:3608.
    """
    size, share = _sizes(size_shares)
    mean = float(share @ size)
    cv = math.sqrt(max(float(share @ size**2) / mean**2 - 1.0, 0.0))
    return design_effect_from_cv(mean, cv, correlation)


@dataclass(frozen=True, slots=True)
class SurvivalPower:
    """Closed-form power of a family-randomised trial of time to an event, with every step on the way.

    Attributes
    ----------
    children
        Children per arm: treated, control.
    event_probability
        Probability that an event is seen: treated, control.
    events
        Events expected: treated, control.
    share_treated
        Share of children who are in the treated arm.
    design_effect
        Variance inflation by families.
    effective_events
        Independent events that would tell as much, both arms together.
    noncentrality
        Absolute log hazard ratio over its standard error.
    df
        Families less one.
    power
        From the noncentral t distribution.
    power_normal
        From the normal approximation (Schoenfeld's formula).
    """

    children: Pair
    event_probability: Pair
    events: Pair
    share_treated: float
    design_effect: float
    effective_events: float
    noncentrality: float
    df: float
    power: float
    power_normal: float


def power_survival(
    hazard_ratio: float,
    hazard: float | Sequence[float],
    families_per_arm: float | Pair,
    size_shares: Mapping[int, float],
    correlation: float,
    follow_up: float,
    accrual: float = 0.0,
    dropout: float | Sequence[float] = 0.0,
    breaks: Sequence[float] = (),
    alpha: float = 0.05,
) -> SurvivalPower:
    """Power of a family-randomised trial by the log-rank test or Cox's model, with siblings summed by family.

    Parameters
    ----------
    hazard_ratio : float
        Hazard of the treated over that of the control arm.
    hazard : float or sequence of float
        Hazard in the control arm.
    families_per_arm : float or (float, float)
        Families randomised to each arm; if they differ, treated and control.
    size_shares : mapping of int to float
        Share (or number) of families with so many children.
    correlation : float
        Correlation of siblings' martingale residuals; see :func:`residual_correlation`.
    follow_up, accrual, dropout, breaks
        As for :func:`event_probability`.
    alpha : float
        Two-sided level.

    Returns
    -------
    SurvivalPower

    Raises
    ------
    ValueError
        As the functions it is made of, or if an arm has no family or both together fewer than three.

    Notes
    -----
    Composes :func:`expected_events`, :func:`design_effect_survival` and :func:`schoenfeld_power`, with what each
    assumes. The hazard ratio is the *marginal* one, of all children; the ratio among children of one frailty is further
    from one. Dropping out is taken not to change the correlation of siblings.
    """
    families = (
        families_per_arm if isinstance(families_per_arm, tuple) else (families_per_arm, families_per_arm)
    )
    if min(families) <= 0.0 or sum(families) < 3.0:
        raise ValueError(
            f"{families[0]:g} and {families[1]:g} families are analysed; at least 3 are needed, in both arms"
        )
    size, share = _sizes(size_shares)
    mean = float(share @ size)
    children = (families[0] * mean, families[1] * mean)
    share_treated = families[0] / sum(families)
    _require_contrast(hazard_ratio, share_treated, alpha=alpha, equal=True)
    events = expected_events(*children, hazard, hazard_ratio, follow_up, accrual, dropout, breaks)
    _require_positive(events=sum(events))
    inflation = design_effect_survival(size_shares, correlation)
    effective = sum(events) / inflation
    shift = abs(math.log(hazard_ratio)) * math.sqrt(effective * share_treated * (1.0 - share_treated))
    df = sum(families) - 1.0
    return SurvivalPower(
        children=children,
        event_probability=(events[0] / children[0], events[1] / children[1]),
        events=events,
        share_treated=share_treated,
        design_effect=inflation,
        effective_events=effective,
        noncentrality=shift,
        df=df,
        power=_noncentral_t_power(shift, df, alpha),
        power_normal=_shifted_normal_power(shift, alpha),
    )


# ------------------------------------------------------------------------------------------------------------
# Arguments


def _require_contrast(
    hazard_ratio: float, share_treated: float, equal: bool = False, **shares: float
) -> None:
    """A hazard ratio that is positive and (unless `equal`) not one, and shares that leave something on both sides."""
    _require_positive(hazard_ratio=hazard_ratio)
    if hazard_ratio == 1.0 and not equal:
        raise ValueError("hazard_ratio is 1; no number of events would find that")
    for name, value in {"share_treated": share_treated, **shares}.items():
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} is {value}; it may be between 0 and 1, exclusive")


def _per_piece(name: str, values: float | Sequence[float], pieces: int) -> NDArray[np.float64]:
    """One hazard for each piece; a single one is that of all pieces."""
    each = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if each.size == 1:
        each = np.full(pieces, each.item())
    if each.shape != (pieces,):
        raise ValueError(f"{name} has {each.size} values; with {pieces - 1} breaks it needs {pieces}, or one")
    if not np.all((each >= 0.0) & (each < math.inf)):
        raise ValueError(f"{name} is {values}; it may be neither negative nor infinite")
    return each


def _sizes(size_shares: Mapping[int, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    size = np.array(list(size_shares), dtype=np.float64)
    share = np.array(list(size_shares.values()), dtype=np.float64)
    if not size.size or np.any(size <= 0.0) or np.any(share < 0.0) or not share.sum() > 0.0:
        raise ValueError(
            f"size_shares is {dict(size_shares)}; sizes have to be positive, and shares not negative or all zero"
        )
    return size, share / share.sum()
