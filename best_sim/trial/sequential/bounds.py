"""Bounds of a group-sequential design: when to stop for benefit, for harm or for futility."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from best_sim.trial.arguments import require_inside, require_positive
from best_sim.trial.sequential.arguments import Floats, Many, Sides, as_tuple, increasing, require_level
from best_sim.trial.sequential.recursion import (
    REACH,
    TrialsGoingOn,
    bounds_of_harm,
    drift_with_power,
    fixed_drift,
    root_of,
)
from best_sim.trial.sequential.spending import CumulativeAlpha, OBrienFlemingType, Spending

CLOSEST = 1e-4
"""Two looks may not differ by less than this share of the information: less than one child in any trial."""
UNSPENDABLE = 1e-30
"""At a look that may spend less than this the bound is infinite, and the next look inherits it."""


# ------------------------------------------------------------------------------------------------------------
# When to stop for futility


@dataclass(frozen=True, slots=True)
class BetaSpending:
    """Stop where the chance, under the design's effect, of having missed it reaches a spent share of beta.

    Attributes
    ----------
    beta
        Probability, at `drift`, that the trial does not show benefit.
    spending
        How beta is spent; any of the spending functions.
    drift
        Effect under which it is spent; if None, the one for which all of beta is spent at the last look, so
        that the last futility bound is the bound of efficacy (Pampallona, Tsiatis & Kim 2001).
    """

    beta: float = 0.1
    spending: Spending = OBrienFlemingType()
    drift: float | None = None

    def __post_init__(self) -> None:
        require_inside(beta=self.beta)


@dataclass(frozen=True, slots=True)
class ConditionalPowerBound:
    """Stop where conditional power at the last look's bound falls below a threshold.

    Attributes
    ----------
    threshold
        Between 0 and 1, e.g. 0.2.
    under
        "design": under the drift that gives the design `power` (without futility); "trend": under the trend
        observed; "null": under no effect; or a drift.
    power
        Only for "design".
    """

    threshold: float = 0.2
    under: Literal["design", "trend", "null"] | float = "design"
    power: float = 0.9

    def __post_init__(self) -> None:
        require_inside(threshold=self.threshold, power=self.power)
        if isinstance(self.under, str) and self.under not in ("design", "trend", "null"):
            raise ValueError(f"under is {self.under!r}; it may be 'design', 'trend', 'null' or a drift")


@dataclass(frozen=True, slots=True)
class ZBound:
    """Stop where z is below a fixed value.

    Attributes
    ----------
    z
        One for all looks before the last, or one for each of them; -inf at a look for none.
    """

    z: float | Many


Futility = BetaSpending | ConditionalPowerBound | ZBound


# ------------------------------------------------------------------------------------------------------------
# Bounds


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Bounds of a group-sequential design, one per look.

    Attributes
    ----------
    information
        Fractions of the planned maximum; the last is above 1 if the trial overran it.
    z
        Bound of efficacy: stop and reject if z is at least this, or, two-sided, at most minus this. Infinite
        where nothing may be spent.
    nominal_p
        The p-value of that z on its own, with as many sides as the design.
    alpha_spent
        Cumulative, of all sides, under no effect and with futility ignored.
    futility
        Stop without having shown benefit if z is below this: not binding, so crossing it and going on costs
        no alpha. -inf where there is none. If there is a rule, the last is the bound of efficacy.
    sided
        1 (upwards) or 2, symmetric.
    alpha
        Total level, of all sides.
    drift
        Drift under which the futility rule was worked out; NaN where it needs none.
    spending
        Function of one side, with which the bounds can be recalculated.
    rule
        The futility rule, or None.
    """

    information: Many
    z: Many
    nominal_p: Many
    alpha_spent: Many
    futility: Many
    sided: Sides
    alpha: float
    drift: float
    spending: Spending
    rule: Futility | None

    @property
    def looks(self) -> int:
        """Number of looks, the last included."""
        return len(self.z)


def boundaries(
    information: ArrayLike,
    alpha: float = 0.05,
    spending: Spending | Sequence[float] = OBrienFlemingType(),  # noqa: B008
    sided: Sides = 2,
    futility: Futility | None = None,
    *,
    maximum: float | None = None,
    final: bool = True,
) -> Boundaries:
    r"""Group-sequential bounds by alpha spending.

    Parameters
    ----------
    information : (n_looks,) array
        Information at each look, increasing: fractions, or families or any other measure of it.
    alpha : float
        Level, in total.
    spending : callable or sequence of float
        How much of one side's alpha may be spent by each fraction: :class:`OBrienFlemingType`,
        :class:`PocockType`, :class:`HwangShihDeCani`, :class:`PowerFamily`, or any function of a fraction
        and a total. Or the cumulative alphas themselves, in total, one for each look.
    sided : {2, 1}
        Two-sided and symmetric, each side with half of alpha; or one-sided, upwards.
    futility : BetaSpending, ConditionalPowerBound or ZBound, optional
        Rule for stopping because benefit is unlikely to be shown. Not binding.
    maximum : float, optional
        Planned maximum of the information, in the unit of `information`; by default that of the last look.
        Looks above it count as at it for spending.
    final : bool
        Whether the last look is the last of the trial, and so spends what is left, however much or little
        information it has. If not, it spends as much as its fraction allows.

    Returns
    -------
    Boundaries

    Raises
    ------
    ValueError
        If information is not positive and increasing by at least one part in 10,000, alpha or the sides are
        out of range, cumulative alphas fall or exceed alpha, or futility bounds lie above those of efficacy
        or are as many as they cannot be.

    Notes
    -----
    Each bound solves P(first crossing at this look) = what is spent there, by the recursion of Armitage,
    McPherson & Rowe (1969) over the sub-density of the score of trials still going on (Jennison & Turnbull
    1999, chapter 19). Between its bounds that sub-density is analytic, so Gauss-Legendre panels are used
    rather than their Simpson rule; they are exact to about 1e-11. An infinite range is cut twelve standard
    deviations out.

    Futility is one-directional also in a two-sided design: a trial stops below it, and rejects in favour of
    control below minus the bound of efficacy.

    References
    ----------
    Lan & DeMets (1983) Biometrika 70:659. Hwang, Shih & DeCani (1990) Statistics in Medicine 9:1439. Kim &
    DeMets (1987) Biometrika 74:149. Pampallona, Tsiatis & Kim (2001) Drug Information Journal 35:1113.
    """
    looks = increasing("information", np.atleast_1d(np.asarray(information, dtype=np.float64)))
    largest = looks[-1] if maximum is None else maximum
    require_positive(maximum=largest)
    require_level(alpha, sided)
    fractions = looks / largest
    increasing("information", fractions, CLOSEST)
    function = spending if callable(spending) else _cumulative(spending, fractions, alpha)
    side = alpha / sided
    targets = [min(function(min(float(t), 1.0), side), side) for t in fractions]
    if final:
        targets[-1] = min(function(1.0, side), side)
    if min(np.diff(targets, prepend=0.0)) < 0.0:
        raise ValueError(f"spending falls: {targets} at the fractions {fractions}")
    z, spent = _efficacy(fractions, targets, sided)
    return _with_futility(fractions, z, spent, sided, alpha, function, futility)


def recalculate(plan: Boundaries, observed: ArrayLike, *, final: bool = False) -> Boundaries:
    """Bounds for the looks that took place, at the information they had, and for those still to come.

    Parameters
    ----------
    plan : Boundaries
        As designed.
    observed : (n,) array
        Information at the looks so far, as fractions of the planned maximum. From 1 on the trial is at its
        end, and all of alpha is spent.
    final : bool
        Whether the last of them is the end of the trial, also if it falls short of the planned maximum.

    Returns
    -------
    Boundaries
        For the looks observed, each in the place of one of the plan, and for those of the plan that are left
        and come at more information; if none is, for the planned end. A bound depends only on the past, so
        the bounds may be used one at a time as the looks come.

    Raises
    ------
    ValueError
        As :func:`boundaries`.

    Notes
    -----
    Level is kept whatever the information turns out to be, as long as the times of looks do not depend on
    the effect observed (Lan & DeMets 1983, 1989 Biometrics 45:1017). Futility bounds by beta spending, or by
    conditional power under the design, are worked out under the planned drift.
    """
    past = increasing("observed", np.atleast_1d(np.asarray(observed, dtype=np.float64)))
    end = plan.information[-1]
    ended = final or past[-1] > end - CLOSEST
    # The first look of the plan that is past neither by count nor by information.
    first = max(len(past), int(np.searchsorted(plan.information, past[-1] + CLOSEST, side="right")))
    ahead = [] if ended else list(plan.information[first:]) or [end]
    rule = plan.rule
    if isinstance(rule, BetaSpending):
        rule = BetaSpending(rule.beta, rule.spending, plan.drift)
    elif isinstance(rule, ConditionalPowerBound) and rule.under == "design":
        rule = ConditionalPowerBound(rule.threshold, plan.drift, rule.power)
    elif isinstance(rule, ZBound) and isinstance(rule.z, tuple):
        none = (-math.inf,) * len(past)
        values = (*(*rule.z, *none)[: len(past)], *(*rule.z, -math.inf)[first:])
        rule = ZBound(values[: len(past) + len(ahead) - 1])
    return boundaries([*past, *ahead], plan.alpha, plan.spending, plan.sided, rule, maximum=1.0)


def _cumulative(alphas: Sequence[float], fractions: Floats, alpha: float) -> CumulativeAlpha:
    spent = [float(a) for a in alphas]
    if len(spent) != len(fractions):
        raise ValueError(f"{len(fractions)} looks need as many cumulative alphas; found {len(spent)}")
    if min(np.diff(spent, prepend=0.0)) < 0.0 or spent[-1] > alpha * (1.0 + 1e-12):
        raise ValueError(f"cumulative alphas are {spent}; they may not fall, be negative or exceed {alpha}")
    return CumulativeAlpha(as_tuple(np.minimum(fractions, 1.0)), tuple(min(a / alpha, 1.0) for a in spent))


def _efficacy(fractions: Floats, targets: Sequence[float], sided: Sides) -> tuple[Floats, Floats]:
    """Bounds whose crossings, upwards and under no effect, have the cumulative probabilities `targets`."""
    bounds = np.full(len(fractions), math.inf)
    spent = np.zeros(len(fractions))
    so_far = 0.0
    trials = TrialsGoingOn.begin()
    for k, t in enumerate(fractions):
        wanted = targets[k] - so_far
        root = math.sqrt(t)
        if wanted >= UNSPENDABLE:
            bounds[k] = _upper_bound(trials, float(t), wanted)
            so_far = targets[k]
        spent[k] = so_far
        if k + 1 < len(fractions):
            low = -bounds[k] if sided == 2 else -math.inf
            trials = trials.going_on(low * root, bounds[k] * root, float(t), float(fractions[k + 1]), 0.0)
    return bounds, spent


def _upper_bound(trials: TrialsGoingOn, information: float, wanted: float) -> float:
    """The z that a trial still going on exceeds with the probability wanted, under no effect."""
    root = math.sqrt(information)
    if trials.information == 0.0:
        return float(-special.ndtri(wanted))

    def excess(z: float) -> float:
        return trials.above(z * root, information, 0.0) / wanted - 1.0

    # Some of those who would exceed it have stopped before, so it lies below that of a single look.
    return root_of(excess, -REACH, float(-special.ndtri(wanted)) + 1e-9)


def _with_futility(
    fractions: Floats,
    z: Floats,
    spent: Floats,
    sided: Sides,
    alpha: float,
    spending: Spending,
    rule: Futility | None,
) -> Boundaries:
    futility = np.full(len(z), -math.inf)
    drift = math.nan
    if isinstance(rule, BetaSpending):
        drift, futility = _beta_bounds(fractions, z, sided, alpha, rule)
    elif isinstance(rule, ConditionalPowerBound):
        drift, futility = _conditional_bounds(fractions, z, sided, alpha, rule)
    elif isinstance(rule, ZBound):
        futility[:-1] = _fixed_bounds(rule, len(z) - 1)
    if rule is not None:
        futility[-1] = z[-1]
        if np.any(futility > z):
            raise ValueError(f"futility bounds {futility} may not lie above those of efficacy, {z}")
    return Boundaries(
        information=as_tuple(fractions),
        z=as_tuple(z),
        nominal_p=as_tuple(sided * special.ndtr(-z)),
        alpha_spent=as_tuple(sided * spent),
        futility=as_tuple(futility),
        sided=sided,
        alpha=alpha,
        drift=drift,
        spending=spending,
        rule=rule,
    )


def _fixed_bounds(rule: ZBound, before_last: int) -> Floats:
    values = np.asarray(rule.z, dtype=np.float64)
    if values.ndim and values.shape != (before_last,):
        raise ValueError(f"{before_last} looks before the last need as many bounds; found {values.size}")
    return np.broadcast_to(values, before_last)


def _conditional_bounds(
    fractions: Floats, z: Floats, sided: Sides, alpha: float, rule: ConditionalPowerBound
) -> tuple[float, Floats]:
    """The z at which conditional power is the threshold, never above the bound of efficacy."""
    end = float(fractions[-1])
    before = fractions[:-1]
    gap = np.sqrt(end - before)
    needed = z[-1] * math.sqrt(end) + gap * special.ndtri(rule.threshold)  # mean of the last score
    if rule.under == "trend":
        drift = math.nan
        score = needed * before / end
    else:
        if rule.under == "design":
            drift = drift_with_power(fractions, bounds_of_harm(z, sided), z, rule.power, alpha, sided)
        else:
            drift = 0.0 if isinstance(rule.under, str) else rule.under
        score = needed - drift * (end - before)
    return drift, np.append(np.minimum(score / np.sqrt(before), z[:-1]), z[-1])


def _beta_bounds(
    fractions: Floats, z: Floats, sided: Sides, alpha: float, rule: BetaSpending
) -> tuple[float, Floats]:
    """Bounds of futility, and the drift under which beta is spent at them."""
    targets = [rule.spending(min(float(t), 1.0), rule.beta) for t in fractions[:-1]]
    harm = bounds_of_harm(z, sided)

    def solve(drift: float) -> tuple[float, Floats]:
        """How much more than beta would be spent, and the bounds."""
        bounds = np.full(len(z), -math.inf)
        bounds[-1] = z[-1]
        spent = 0.0
        trials = TrialsGoingOn.begin()
        for k, target in enumerate(targets):
            t, root = float(fractions[k]), math.sqrt(fractions[k])
            if target - spent >= UNSPENDABLE:
                bounds[k] = min(_lower_bound(trials, t, target - spent, drift), z[k])
                if bounds[k] <= harm[k]:
                    bounds[k] = -math.inf
            low = max(bounds[k], harm[k]) * root
            spent += trials.below(low, t, drift)
            trials = trials.going_on(low, z[k] * root, t, float(fractions[k + 1]), drift)
        end = float(fractions[-1])
        spent += trials.below(z[-1] * math.sqrt(end), end, drift)
        return spent - rule.beta, bounds

    drift = rule.drift
    if drift is None:
        fixed = fixed_drift(1.0 - rule.beta, alpha, sided)
        drift = root_of(lambda d: solve(d)[0], 0.5 * fixed, 2.0 * fixed)
    return drift, solve(drift)[1]


def _lower_bound(trials: TrialsGoingOn, information: float, wanted: float, drift: float) -> float:
    """The z below which a trial still going on is with the probability wanted."""
    root = math.sqrt(information)
    mean = drift * root
    if trials.information == 0.0:
        return float(special.ndtri(wanted)) + mean
    if wanted >= trials.share:
        return math.inf

    def excess(z: float) -> float:
        return trials.below(z * root, information, drift) / wanted - 1.0

    return root_of(excess, mean + float(special.ndtri(wanted)) - 1e-9, mean + REACH)


def require_look(design: Boundaries, look: int, last: int) -> None:
    """A look of the design, up to a last one."""
    if not 1 <= look <= last:
        raise ValueError(f"look is {look}; of the {design.looks} looks it may be 1 to {last}")
