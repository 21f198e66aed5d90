r"""Looks at the data before the end: group-sequential bounds, conditional power, blinded re-estimation.

Everything here rests on one approximation, which the analyses of this trial meet closely: the z statistic
at information I has mean :math:`\theta\sqrt{I}`, and the scores :math:`Z\sqrt{I}` at successive looks have
independent normal increments (Jennison & Turnbull 1999, section 3.1; Scharfstein, Tsiatis & Robins 1997).
Information is given as a fraction of the planned maximum, and an effect as its *drift*: the mean of Z at
that maximum, which is the effect over its standard error there. With families analysed as the measure of
information, ``drift = effect / standard_error(all families)``.

The better direction is upwards: for an outcome in which less is better, change the sign of z, of the effect
and of the drift. Looks count from 1.

References
----------
Armitage, McPherson & Rowe (1969) Journal of the Royal Statistical Society A 132:235. Lan & DeMets (1983)
Biometrika 70:659. Jennison & Turnbull (1999) Group Sequential Methods with Applications to Clinical Trials.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special

from best_sim.trial.closed_forms import design_effect, t_power

__all__ = [
    "BetaSpending",
    "BlindedEstimate",
    "BlindedSize",
    "Boundaries",
    "ConditionalPowerBound",
    "CumulativeAlpha",
    "FinalInference",
    "HwangShihDeCani",
    "InterimPower",
    "OBrienFlemingType",
    "OperatingCharacteristics",
    "PocockType",
    "PowerFamily",
    "ZBound",
    "b_value",
    "blinded_estimate",
    "blinded_sample_size",
    "boundaries",
    "conditional_power",
    "conditional_power_sequential",
    "drift_for_power",
    "final_inference",
    "fixed_drift",
    "inflation_factor",
    "interim_power",
    "obrien_fleming",
    "operating_characteristics",
    "pocock",
    "predictive_power",
    "recalculate",
    "repeated_interval",
    "wang_tsiatis",
]

Floats = NDArray[np.float64]
Sides = Literal[1, 2]
Many = tuple[float, ...]

CLOSEST = 1e-4
"""Two looks may not differ by less than this share of the information: less than one child in any trial."""
UNSPENDABLE = 1e-30
"""At a look that may spend less than this the bound is infinite, and the next look inherits it."""
_REACH = 12.0  # standard deviations beyond which a score is not followed: 1e-33 of the probability
_PANEL = 3.0  # length of a panel of quadrature, in standard deviations of the finer neighbouring increment
_GAUSS = tuple(np.polynomial.legendre.leggauss(16))


# ------------------------------------------------------------------------------------------------------------
# How alpha is spent


class Spending(Protocol):
    """Alpha (or beta) spent by a fraction of the information: `total` at 1, 0 at 0, never falling."""

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent at `fraction`, from 0 to 1, of `total`, which is that of one side."""
        ...


@dataclass(frozen=True, slots=True)
class OBrienFlemingType:
    r"""Lan & DeMets (1983): :math:`2 - 2\Phi(z_{1-\alpha/2}/\sqrt{t})`, near the bounds of O'Brien & Fleming."""

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent."""
        if fraction <= 0.0:
            return 0.0
        return 2.0 * float(special.ndtr(special.ndtri(total / 2.0) / math.sqrt(fraction)))


@dataclass(frozen=True, slots=True)
class PocockType:
    r"""Lan & DeMets (1983): :math:`\alpha\log\{1+(e-1)t\}`, near the bounds of Pocock."""

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent."""
        return total * math.log1p((math.e - 1.0) * fraction)


@dataclass(frozen=True, slots=True)
class HwangShihDeCani:
    r"""Hwang, Shih & DeCani (1990): :math:`\alpha(1-e^{-\gamma t})/(1-e^{-\gamma})`; at 0, :math:`\alpha t`.

    Attributes
    ----------
    gamma
        Negative spends late (-4 is close to O'Brien & Fleming), 1 close to Pocock.
    """

    gamma: float

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent."""
        if self.gamma == 0.0:
            return total * fraction
        return total * math.expm1(-self.gamma * fraction) / math.expm1(-self.gamma)


@dataclass(frozen=True, slots=True)
class PowerFamily:
    r"""Kim & DeMets (1987): :math:`\alpha t^\rho`.

    Attributes
    ----------
    rho
        Positive; 3 is close to O'Brien & Fleming, 1 to Pocock.
    """

    rho: float

    def __post_init__(self) -> None:
        _positive(rho=self.rho)

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent."""
        return float(total * fraction**self.rho)


@dataclass(frozen=True, slots=True)
class CumulativeAlpha:
    """A user's own cumulative shares of alpha at given fractions; linear between them.

    Attributes
    ----------
    fractions
        Increasing, above 0, the last 1 at most; beyond the last nothing more is spent.
    shares
        Share of alpha spent by each; not falling, from 0 to 1.
    """

    fractions: Many
    shares: Many

    def __post_init__(self) -> None:
        _increasing("fractions", self.fractions)
        if len(self.shares) != len(self.fractions):
            raise ValueError(f"{len(self.fractions)} fractions need as many shares; found {len(self.shares)}")
        steps = np.diff((0.0, *self.shares, 1.0))
        if not np.all(steps >= 0.0):
            raise ValueError(f"shares are {self.shares}; they may not fall, and lie between 0 and 1")

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent."""
        return total * float(np.interp(fraction, (0.0, *self.fractions), (0.0, *self.shares)))


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
        _share(beta=self.beta)


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
        _share(threshold=self.threshold, power=self.power)
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
    looks = _increasing("information", np.atleast_1d(np.asarray(information, dtype=np.float64)))
    largest = looks[-1] if maximum is None else maximum
    _positive(maximum=largest)
    _level(alpha, sided)
    fractions = looks / largest
    _increasing("information", fractions, CLOSEST)
    function = spending if callable(spending) else _cumulative(spending, fractions, alpha)
    side = alpha / sided
    targets = [min(function(min(float(t), 1.0), side), side) for t in fractions]
    if final:
        targets[-1] = min(function(1.0, side), side)
    if min(np.diff(targets, prepend=0.0)) < 0.0:
        raise ValueError(f"spending falls: {targets} at the fractions {fractions}")
    z, spent = _efficacy(fractions, targets, sided)
    return _with_futility(fractions, z, spent, sided, alpha, function, futility)


def pocock(looks: int, alpha: float = 0.05, sided: Sides = 2) -> Boundaries:
    """Bounds of Pocock (1977) Biometrika 64:191: the same z at looks that are equally far apart.

    Parameters, errors and notes are those of :func:`wang_tsiatis`; ``pocock(5).z[-1]`` is the constant.
    """
    return wang_tsiatis(looks, 0.5, alpha, sided)


def obrien_fleming(looks: int, alpha: float = 0.05, sided: Sides = 2) -> Boundaries:
    r"""Bounds of O'Brien & Fleming (1979) Biometrics 35:549: z over :math:`\sqrt{t}`, at equal distances.

    Parameters, errors and notes are those of :func:`wang_tsiatis`; ``obrien_fleming(5).z[-1]`` is the
    constant.
    """
    return wang_tsiatis(looks, 0.0, alpha, sided)


def wang_tsiatis(
    looks: int | Sequence[float], delta: float, alpha: float = 0.05, sided: Sides = 2
) -> Boundaries:
    r"""Classical bounds :math:`c\,t^{\Delta-1/2}`, of Pocock at 0.5 and of O'Brien and Fleming at 0.

    Parameters
    ----------
    looks : int or sequence of float
        Number of looks, equally far apart; or the information at each.
    delta : float
        Shape.
    alpha, sided
        As for :func:`boundaries`.

    Returns
    -------
    Boundaries
        ``z[-1]`` is the constant c. Its `spending` interpolates the alpha that the bounds do spend.

    Raises
    ------
    ValueError
        As :func:`boundaries`.

    References
    ----------
    Wang & Tsiatis (1987) Biometrics 43:193.
    """
    _level(alpha, sided)
    given = np.arange(1.0, looks + 1.0) if isinstance(looks, int) else np.asarray(looks, dtype=np.float64)
    fractions = _increasing("looks", given, 0.0) / given[-1]
    _increasing("looks", fractions, CLOSEST)
    shape = fractions ** (delta - 0.5)
    side = alpha / sided

    def spends(constant: float) -> Floats:
        z = constant * shape
        return np.cumsum(_exits(fractions, _lower(z, sided), z, 0.0)[0])

    least, most = -special.ndtri(side), -special.ndtri(side / len(shape))
    constant = _root(lambda c: spends(c)[-1] / side - 1.0, 0.5 * least / shape.max(), most + 0.1)
    spent = spends(constant)
    function = CumulativeAlpha(_tuple(fractions), _tuple(np.minimum(spent / spent[-1], 1.0)))
    return _with_futility(fractions, constant * shape, spent, sided, alpha, function, None)


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
    past = _increasing("observed", np.atleast_1d(np.asarray(observed, dtype=np.float64)))
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
    return CumulativeAlpha(_tuple(np.minimum(fractions, 1.0)), tuple(min(a / alpha, 1.0) for a in spent))


def _efficacy(fractions: Floats, targets: Sequence[float], sided: Sides) -> tuple[Floats, Floats]:
    """Bounds whose crossings, upwards and under no effect, have the cumulative probabilities `targets`."""
    bounds = np.full(len(fractions), math.inf)
    spent = np.zeros(len(fractions))
    so_far = 0.0
    trials = _Trials.at(0.0, 0.0)
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


def _upper_bound(trials: _Trials, information: float, wanted: float) -> float:
    """The z that a trial still going on exceeds with the probability wanted, under no effect."""
    root = math.sqrt(information)
    if trials.information == 0.0:
        return float(-special.ndtri(wanted))

    def excess(z: float) -> float:
        return trials.above(z * root, information, 0.0) / wanted - 1.0

    # Some of those who would exceed it have stopped before, so it lies below that of a single look.
    return _root(excess, -_REACH, float(-special.ndtri(wanted)) + 1e-9)


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
        information=_tuple(fractions),
        z=_tuple(z),
        nominal_p=_tuple(sided * special.ndtr(-z)),
        alpha_spent=_tuple(sided * spent),
        futility=_tuple(futility),
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
            drift = _drift(fractions, _lower(z, sided), z, rule.power, alpha, sided)
        else:
            drift = 0.0 if isinstance(rule.under, str) else rule.under
        score = needed - drift * (end - before)
    return drift, np.append(np.minimum(score / np.sqrt(before), z[:-1]), z[-1])


def _beta_bounds(
    fractions: Floats, z: Floats, sided: Sides, alpha: float, rule: BetaSpending
) -> tuple[float, Floats]:
    """Bounds of futility, and the drift under which beta is spent at them."""
    targets = [rule.spending(min(float(t), 1.0), rule.beta) for t in fractions[:-1]]
    harm = _lower(z, sided)

    def solve(drift: float) -> tuple[float, Floats]:
        """How much more than beta would be spent, and the bounds."""
        bounds = np.full(len(z), -math.inf)
        bounds[-1] = z[-1]
        spent = 0.0
        trials = _Trials.at(0.0, 0.0)
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
        drift = _root(lambda d: solve(d)[0], 0.5 * fixed, 2.0 * fixed)
    return drift, solve(drift)[1]


def _lower_bound(trials: _Trials, information: float, wanted: float, drift: float) -> float:
    """The z below which a trial still going on is with the probability wanted."""
    root = math.sqrt(information)
    mean = drift * root
    if trials.information == 0.0:
        return float(special.ndtri(wanted)) + mean
    if wanted >= trials.share:
        return math.inf

    def excess(z: float) -> float:
        return trials.below(z * root, information, drift) / wanted - 1.0

    return _root(excess, mean + float(special.ndtri(wanted)) - 1e-9, mean + _REACH)


# ------------------------------------------------------------------------------------------------------------
# The recursion


@dataclass(frozen=True, slots=True)
class _Trials:
    """Scores of the trials still going on after a look, as points with probabilities.

    `origin` is the score, and the information, from which all of them started.
    """

    score: Floats
    probability: Floats
    information: float
    origin: tuple[float, float]

    @classmethod
    def at(cls, score: float, information: float) -> _Trials:
        """One score, for certain."""
        return cls(np.array([score]), np.ones(1), information, (score, information))

    @property
    def share(self) -> float:
        """Probability of still going on."""
        return float(self.probability.sum())

    def above(self, score: float, information: float, drift: float) -> float:
        """Probability of going on and having more than this score at the next look."""
        step = information - self.information
        ahead = (self.score + drift * step - score) / math.sqrt(step)
        return float(self.probability @ special.ndtr(ahead))

    def below(self, score: float, information: float, drift: float) -> float:
        """Probability of going on and having less than this score at the next look."""
        step = information - self.information
        behind = (score - self.score - drift * step) / math.sqrt(step)
        return float(self.probability @ special.ndtr(behind))

    def going_on(
        self, low: float, high: float, information: float, following: float, drift: float
    ) -> _Trials:
        """Those between two scores at the next look; `following` is the information at the look after it."""
        step = information - self.information
        since = information - self.origin[1]
        mean, reach = self.origin[0] + drift * since, _REACH * math.sqrt(since)
        points, weights = _panels(
            max(low, mean - reach),
            min(high, mean + reach),
            _PANEL * math.sqrt(min(step, following - information)),
        )
        distance = (points[:, np.newaxis] - (self.score + drift * step)) / math.sqrt(step)
        density = np.exp(-0.5 * distance * distance) @ self.probability / math.sqrt(2.0 * math.pi * step)
        return _Trials(points, weights * density, information, self.origin)


def _panels(low: float, high: float, longest: float) -> tuple[Floats, Floats]:
    """Points and weights of Gauss-Legendre quadrature on panels of equal length; none if the range is empty."""
    if low >= high:
        return np.empty(0), np.empty(0)
    n = math.ceil((high - low) / longest)
    half = (high - low) / (2.0 * n)
    centres = low + half * np.arange(1.0, 2.0 * n, 2.0)
    points = (centres[:, np.newaxis] + half * _GAUSS[0]).ravel()
    return points, np.tile(half * _GAUSS[1], n)


def _exits(
    fractions: Floats,
    low: Floats,
    high: Floats,
    drift: float,
    harm: Floats | None = None,
    start: tuple[float, float] = (0.0, 0.0),
) -> tuple[Floats, Floats, Floats]:
    """Probabilities of first being, at each look, above the bound `high`, below `low`, and below `harm` too."""
    above, below, harmed = np.empty((3, len(fractions)))
    trials = _Trials.at(*start)
    for k, t in enumerate(fractions):
        root = math.sqrt(t)
        above[k] = trials.above(high[k] * root, float(t), drift)
        below[k] = trials.below(low[k] * root, float(t), drift)
        if harm is not None:
            harmed[k] = trials.below(harm[k] * root, float(t), drift)
        if k + 1 < len(fractions):
            trials = trials.going_on(low[k] * root, high[k] * root, float(t), float(fractions[k + 1]), drift)
    return above, below, below if harm is None else harmed


def _lower(z: Floats, sided: Sides) -> Floats:
    """Bounds of harm."""
    return -z if sided == 2 else np.full(len(z), -math.inf)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Root, to the last digits, in a range that is widened at either end until it holds one."""
    at_low, at_high = function(low), function(high)
    width = high - low
    for _ in range(60):
        if (at_low <= 0.0) != (at_high <= 0.0) or at_low == 0.0 or at_high == 0.0:
            break
        if abs(at_low) < abs(at_high):
            low -= width
            at_low = function(low)
        else:
            high += width
            at_high = function(high)
        width *= 1.5
    return float(optimize.brentq(function, low, high, xtol=1e-13, rtol=1e-14))


# ------------------------------------------------------------------------------------------------------------
# What a design does


@dataclass(frozen=True, slots=True)
class OperatingCharacteristics:
    """Where a design stops under one drift.

    Attributes
    ----------
    drift
        Mean of z at the planned maximum of the information.
    benefit, harm
        Probability of stopping at each look to reject in favour of treatment, or, two-sided, of control.
    futility
        Probability of stopping at each look before the last, below its futility bound, without rejecting;
        at the last, of not rejecting.
    power
        Probability of rejecting in favour of treatment.
    expected_information
        Mean information at the stop, as a fraction of the planned maximum: times the planned families, the
        average sample number.
    """

    drift: float
    benefit: Many
    harm: Many
    futility: Many
    power: float
    expected_information: float

    @property
    def stop(self) -> Many:
        """Probability of stopping at each look; they sum to one."""
        return tuple(b + h + f for b, h, f in zip(self.benefit, self.harm, self.futility, strict=True))

    @property
    def rejection(self) -> float:
        """Probability of rejecting, in either direction: the level, if there is no effect."""
        return sum(self.benefit) + sum(self.harm)


def operating_characteristics(
    design: Boundaries, drift: float, *, obey_futility: bool = True
) -> OperatingCharacteristics:
    """Exit probabilities, power and expected information under a drift.

    Parameters
    ----------
    design : Boundaries
        Bounds.
    drift : float
        Effect over its standard error at the planned maximum; 0 for the level.
    obey_futility : bool
        Whether trials below their futility bound stop. The bounds do not bind, so the level is worked out
        with False.

    Returns
    -------
    OperatingCharacteristics

    Notes
    -----
    Assumes, and is as exact as, what :func:`boundaries` says.
    """
    fractions, z, bound_of_harm, low = _arrays(design, obey_futility)
    benefit, below, harm = _exits(fractions, low, z, drift, bound_of_harm)
    futility = below - harm
    futility[-1] = max(1.0 - benefit.sum() - harm.sum() - futility[:-1].sum(), 0.0)
    stop = benefit + harm + futility
    return OperatingCharacteristics(
        drift=float(drift),
        benefit=_tuple(benefit),
        harm=_tuple(harm),
        futility=_tuple(futility),
        power=float(benefit.sum()),
        expected_information=float(stop @ fractions),
    )


def drift_for_power(design: Boundaries, power: float, *, obey_futility: bool = True) -> float:
    """Drift at which a design has a given power.

    Parameters
    ----------
    design : Boundaries
        Bounds.
    power : float
        Probability of rejecting in favour of treatment; above the alpha of one side, below 1.
    obey_futility : bool
        As for :func:`operating_characteristics`.

    Returns
    -------
    float
        Positive.

    Raises
    ------
    ValueError
        If power is not between the alpha of one side and 1.
    """
    fractions, z, _, low = _arrays(design, obey_futility)
    return _drift(fractions, low, z, power, design.alpha, design.sided)


def fixed_drift(power: float, alpha: float = 0.05, sided: Sides = 2) -> float:
    """Drift at which one look at the end has a given power.

    Parameters
    ----------
    power, alpha, sided
        As for :func:`drift_for_power` and :func:`boundaries`.

    Returns
    -------
    float
        About 2.80 for 80 % at a two-sided 5 %, 3.24 for 90 %.

    Raises
    ------
    ValueError
        If power is not between the alpha of one side and 1.
    """
    _level(alpha, sided)
    if not alpha / sided < power < 1.0:
        raise ValueError(f"power is {power}; it has to lie between {alpha / sided}, of one side, and 1")
    return float(special.ndtri(power) - special.ndtri(alpha / sided))


def inflation_factor(design: Boundaries, power: float, *, obey_futility: bool = True) -> float:
    """Maximum information that a design needs for a power, over what one look needs.

    Parameters
    ----------
    design, power, obey_futility
        As for :func:`drift_for_power`.

    Returns
    -------
    float
        Multiply the families of a trial without interim looks by this (Jennison & Turnbull 1999, section
        2.3: R).

    Raises
    ------
    ValueError
        As :func:`drift_for_power`.
    """
    needed = drift_for_power(design, power, obey_futility=obey_futility)
    return (needed / fixed_drift(power, design.alpha, design.sided)) ** 2


def _arrays(design: Boundaries, obey_futility: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Information, bounds of efficacy, bounds of harm, and bounds below which a trial stops."""
    z = np.array(design.z)
    harm = _lower(z, design.sided)
    low = harm.copy()
    if obey_futility:
        low[:-1] = np.maximum(harm[:-1], design.futility[:-1])
    return np.array(design.information), z, harm, low


def _drift(fractions: Floats, low: Floats, z: Floats, power: float, alpha: float, sided: Sides) -> float:
    """Drift at which the chance of benefit is `power`, between the bounds."""
    start = fixed_drift(power, alpha, sided)
    return _root(lambda d: float(_exits(fractions, low, z, d)[0].sum()) - power, start, 1.3 * start)


# ------------------------------------------------------------------------------------------------------------
# What is reported at the end


@dataclass(frozen=True, slots=True)
class FinalInference:
    """Result of a trial that was looked at, allowing for the looks.

    Attributes
    ----------
    p_value
        With as many sides as the design.
    estimate
        Median-unbiased: as likely to be too high as too low. In units of the outcome if the standard error
        was given, else as a drift.
    interval
        Low and high end of the interval at 1 - alpha; the high end of a one-sided design is infinite.
    naive
        The usual estimate, z times its standard error, in the same units.
    """

    p_value: float
    estimate: float
    interval: tuple[float, float]
    naive: float


def final_inference(
    design: Boundaries,
    look: int,
    z: float,
    standard_error: float | None = None,
    *,
    information: float | None = None,
) -> FinalInference:
    r"""P-value, estimate and interval after a trial has stopped, by the stage-wise ordering.

    Parameters
    ----------
    design : Boundaries
        Bounds, at the information the looks had (:func:`recalculate`).
    look : int
        The look at which it stopped, for whatever reason; the first is 1.
    z : float
        There.
    standard_error : float, optional
        Of the effect estimated there, in units of the outcome.
    information : float, optional
        If the trial overran, its information once everything was in, as a fraction of the planned maximum;
        z and its standard error are then those of all the data.

    Returns
    -------
    FinalInference

    Raises
    ------
    ValueError
        If there is no such look, z is not finite, the standard error is not positive, or information is not
        more than at the look before.

    Notes
    -----
    An outcome is the more extreme the earlier its bound was crossed, and at the same look the larger its z.
    So the p-value against a drift adds up the chances of crossing at the looks before, and of more than z at
    this one; it depends on no look to come. The estimate is the drift at which that chance is a half, the
    ends of the interval those at which it is :math:`\alpha/2` and :math:`1-\alpha/2`. Futility bounds do not
    bind and are left out.

    Overrunning is dealt with by deletion: the data that came in late take the place of the look at which the
    trial stopped, as if that look had not been taken (Whitehead 1992). A trial that crossed its bound only
    just may so lose its significance.

    References
    ----------
    Armitage (1957) Biometrika 44:9. Fairbanks & Madsen (1982) Biometrika 69:69. Tsiatis, Rosner & Mehta (1984)
    Biometrics 40:797. Jennison & Turnbull (1999) sections 8.2 to 8.5. Whitehead (1992) Controlled Clinical
    Trials 13:106.
    """
    _look(design, look, design.looks)
    fractions = np.array(design.information[:look])
    if information is not None:
        fractions[-1] = information
    _increasing("information", fractions)
    if not math.isfinite(z):
        raise ValueError(f"z is {z}; it has to be finite")
    end = float(fractions[-1])
    scale = 1.0
    if standard_error is not None:
        _positive(standard_error=standard_error)
        scale = standard_error * math.sqrt(end)
    high = np.array([*design.z[: look - 1], z])
    low = _lower(high, design.sided)

    def above(drift: float) -> float:
        return float(_exits(fractions, low, high, drift)[0].sum())

    if design.sided == 1:
        p_value = above(0.0)
    else:
        mirrored = np.append(high[:-1], abs(z))  # without an effect the sides are alike
        p_value = min(2.0 * float(_exits(fractions, -mirrored, mirrored, 0.0)[0].sum()), 1.0)
    naive, spread = float(z) / math.sqrt(end), 1.0 / math.sqrt(end)

    def where(probability: float) -> float:
        middle = naive - spread * float(special.ndtri(1.0 - probability))
        return _root(lambda d: above(d) - probability, middle - spread, middle + spread)

    tail = design.alpha / design.sided
    return FinalInference(
        p_value=p_value,
        estimate=scale * where(0.5),
        interval=(scale * where(tail), scale * where(1.0 - tail) if design.sided == 2 else math.inf),
        naive=scale * naive,
    )


def repeated_interval(
    design: Boundaries, look: int, estimate: float, standard_error: float
) -> tuple[float, float]:
    """Interval that may be looked at after every look: all of them cover the truth at once, at 1 - alpha.

    Parameters
    ----------
    design : Boundaries
        Bounds.
    look : int
        The first is 1.
    estimate, standard_error : float
        At that look, in units of the outcome.

    Returns
    -------
    low, high : float
        The estimate less and plus z times its standard error; high is infinite if the design is one-sided.
        It leaves out zero exactly when the bound is crossed, and holds whether or not the trial then stops.

    Raises
    ------
    ValueError
        If there is no such look, or the standard error is not positive.

    References
    ----------
    Jennison & Turnbull (1989) Journal of the Royal Statistical Society B 51:305.
    """
    _look(design, look, design.looks)
    _positive(standard_error=standard_error)
    reach = design.z[look - 1] * standard_error
    return estimate - reach, estimate + reach if design.sided == 2 else math.inf


# ------------------------------------------------------------------------------------------------------------
# How a trial is likely to end


@dataclass(frozen=True, slots=True)
class InterimPower:
    """Chances, at a look, of showing benefit at the end.

    Attributes
    ----------
    design
        Conditional power under the design's effect.
    trend
        Under the trend observed.
    null
        Under no effect.
    predictive
        Averaged over what is now believed of the effect.
    """

    design: float
    trend: float
    null: float
    predictive: float


def b_value(z: ArrayLike, fraction: ArrayLike) -> Any:
    r"""B-value :math:`Z\sqrt{t}` at a fraction t of the information (Lan & Wittes 1988 Biometrics 44:579).

    Parameters
    ----------
    z : float or array
        At the look.
    fraction : float or array
        Above 0, up to 1.

    Returns
    -------
    float or array
        Its mean is the drift times the fraction, so ``b_value(z, t) / t`` is the drift of the trend observed.

    Raises
    ------
    ValueError
        If a fraction is out of range.
    """
    return np.asarray(z, dtype=np.float64) * np.sqrt(_fraction(fraction))


def conditional_power(
    z: ArrayLike,
    fraction: ArrayLike,
    drift: ArrayLike | None = None,
    critical: float | None = None,
    *,
    alpha: float = 0.05,
    sided: Sides = 2,
) -> Any:
    r"""Probability that z exceeds its critical value at the end, given the data so far and an effect.

    .. math:: \Phi\left\{\frac{B(t) + \delta(1-t) - c}{\sqrt{1-t}}\right\}

    Parameters
    ----------
    z : float or array
        At the look.
    fraction : float or array
        Information at the look, over that at the end; above 0, up to 1.
    drift : float or array, optional
        Effect over its standard error at the end; 0 for none. By default that of the trend observed, z over
        the root of the fraction.
    critical : float, optional
        Of z at the end, e.g. ``design.z[-1]``; by default that of a single look at `alpha` with `sided`.
    alpha, sided
        Only for that default.

    Returns
    -------
    float or array
        Of benefit: for harm change the signs of z and drift. At the fraction 1, 0 or 1.

    Raises
    ------
    ValueError
        If a fraction, alpha or the sides are out of range.

    References
    ----------
    Halperin, Lan, Ware, Johnson & DeMets (1982) Controlled Clinical Trials 3:311. Lan & Wittes (1988)
    Biometrics 44:579.
    """
    t = _fraction(fraction)
    score = b_value(z, t)
    mean = score + (score / t if drift is None else np.asarray(drift)) * (1.0 - t)
    return _exceeds(mean, 1.0 - t, _critical(critical, alpha, sided))


def predictive_power(
    z: ArrayLike,
    fraction: ArrayLike,
    critical: float | None = None,
    *,
    prior_mean: float = 0.0,
    prior_sd: float = math.inf,
    alpha: float = 0.05,
    sided: Sides = 2,
) -> Any:
    r"""Conditional power, averaged over the posterior distribution of the effect.

    With a normal prior of mean m and variance :math:`v` on the drift, the posterior has variance
    :math:`w = 1/(t + 1/v)` and mean :math:`\mu = w\{B(t) + m/v\}`, and

    .. math:: \Phi\left\{\frac{B(t) + \mu(1-t) - c}{\sqrt{(1-t)\{1 + (1-t)w\}}}\right\}

    Parameters
    ----------
    z, fraction, critical, alpha, sided
        As for :func:`conditional_power`.
    prior_mean, prior_sd : float
        Of the drift; an infinite standard deviation is the flat prior.

    Returns
    -------
    float or array

    Raises
    ------
    ValueError
        As :func:`conditional_power`, or if the prior's standard deviation is not positive.

    References
    ----------
    Spiegelhalter, Freedman & Blackburn (1986) Controlled Clinical Trials 7:8.
    """
    _positive(prior_sd=prior_sd)
    t = _fraction(fraction)
    score = b_value(z, t)
    precision = prior_sd**-2
    variance = 1.0 / (t + precision)
    mean = variance * (score + prior_mean * precision)
    ahead = 1.0 - t
    return _exceeds(score + mean * ahead, ahead * (1.0 + ahead * variance), _critical(critical, alpha, sided))


def interim_power(
    z: float,
    fraction: float,
    drift: float,
    critical: float | None = None,
    *,
    prior_mean: float = 0.0,
    prior_sd: float = math.inf,
    alpha: float = 0.05,
    sided: Sides = 2,
) -> InterimPower:
    """What a monitoring committee is shown at a look: conditional power three ways, and predictive power.

    Parameters
    ----------
    z, fraction, critical, prior_mean, prior_sd, alpha, sided
        As for :func:`predictive_power`.
    drift : float
        The design's.

    Returns
    -------
    InterimPower

    Raises
    ------
    ValueError
        As :func:`predictive_power`.
    """
    bound = _critical(critical, alpha, sided)
    return InterimPower(
        design=float(conditional_power(z, fraction, drift, bound)),
        trend=float(conditional_power(z, fraction, None, bound)),
        null=float(conditional_power(z, fraction, 0.0, bound)),
        predictive=float(predictive_power(z, fraction, bound, prior_mean=prior_mean, prior_sd=prior_sd)),
    )


def conditional_power_sequential(
    design: Boundaries, look: int, z: float, drift: float | None = None, *, obey_futility: bool = True
) -> float:
    """Probability of crossing the bound of benefit at any of the looks to come, given z at this one.

    Parameters
    ----------
    design : Boundaries
        Bounds.
    look : int
        The look that was taken, before the last; the first is 1.
    z : float
        There; the trial is taken to go on, even if it crossed a bound.
    drift : float, optional
        At the planned maximum; by default that of the trend observed.
    obey_futility : bool
        As for :func:`operating_characteristics`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there is no such look before the last.
    """
    _look(design, look, design.looks - 1)
    fractions, high, _, low = _arrays(design, obey_futility)
    t = float(fractions[look - 1])
    score = z * math.sqrt(t)
    ahead = slice(look, None)
    assumed = score / t if drift is None else drift
    above, _, _ = _exits(fractions[ahead], low[ahead], high[ahead], assumed, start=(score, t))
    return float(above.sum())


def _exceeds(mean: Floats, variance: Floats, critical: float) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = (mean - critical) / np.sqrt(variance)
    return special.ndtr(np.where(variance > 0.0, ahead, np.where(mean >= critical, math.inf, -math.inf)))[()]


def _critical(critical: float | None, alpha: float, sided: Sides) -> float:
    _level(alpha, sided)
    return -float(special.ndtri(alpha / sided)) if critical is None else critical


# ------------------------------------------------------------------------------------------------------------
# Families needed, seen blind


Correction = Literal["none", "adjusted"]

TOO_FEW = "fewer than three families were analysed"
NO_VARIATION = "the outcome does not vary"
ALL_EFFECT = "the assumed effect alone would explain all of the variation"
SINGLETONS = "no family has two children: the correlation of siblings cannot be estimated"
NEGATIVE = "siblings differ more than strangers: their correlation is taken as zero"


@dataclass(frozen=True, slots=True)
class BlindedEstimate:
    """Variation of an outcome within arms, estimated without knowing the arms.

    Attributes
    ----------
    sd
        Standard deviation of a child's outcome within an arm, in units of the outcome.
    icc
        Correlation of siblings within an arm, from 0 to 1. NaN if nothing is known of it.
    design_effect
        For the sizes of the families seen (:func:`~best_sim.trial.closed_forms.design_effect`).
    lumped_variance
        The one-sample variance: of all children about one mean, with nothing taken off.
    mean_size
        Children per family.
    n_families, n_children, n_dropped
        Families and children analysed, and rows dropped for a missing outcome.
    converged
        False if there is no usable estimate; the numbers are then NaN.
    note
        Empty, or one sentence on what a reader should know.
    """

    sd: float
    icc: float
    design_effect: float
    lumped_variance: float
    mean_size: float
    n_families: int
    n_children: int
    n_dropped: int = 0
    converged: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class BlindedSize:
    """Families needed, re-estimated blind.

    Attributes
    ----------
    families
        To be randomised in all: those required, within the limits. Those planned if there is no estimate, or
        if no number would do and `largest` is not given.
    required
        Before limits; infinite where a billion would not do, NaN without an estimate.
    planned
        As planned.
    power
        With `families`, at the estimated variation; NaN without an estimate.
    estimate
        What it rests on.
    """

    families: int
    required: float
    planned: int
    power: float
    estimate: BlindedEstimate


def blinded_estimate(
    y: ArrayLike,
    family: ArrayLike,
    effect: float = 0.0,
    *,
    correction: Correction = "none",
    treated_share: float = 0.5,
    icc: float | None = None,
) -> BlindedEstimate:
    r"""Standard deviation and sibling correlation from pooled data, without the allocation.

    Parameters
    ----------
    y : (n_children,) array
        Outcome; rows in which it is missing are dropped and counted.
    family : (n_children,) array
        Identity of the family.
    effect : float
        Effect assumed by the design, in units of the outcome; only for the correction.
    correction : {"none", "adjusted"}
        Whether what the assumed effect adds to the variation is taken off.
    treated_share : float
        Share of families allocated to treatment.
    icc : float, optional
        Take this for the correlation of siblings rather than estimate it: with few pairs of siblings it is
        poorly known.

    Returns
    -------
    BlindedEstimate
        With `converged=False` and a note where the data do not suffice.

    Raises
    ------
    ValueError
        If y and family differ in length, or an option is out of range.

    Notes
    -----
    The components of variance are those of the analysis of variance of children in families: with mean
    squares B between and W within G families of sizes :math:`m_i`, N children in all, and :math:`m_0 = (N -
    \sum m_i^2/N)/(G-1)`, they are W and :math:`(B-W)/m_0`. Their sum, which is unbiased, is the variance; if
    the second is negative the correlation is set to zero and the sum is kept. With one child per family it
    is the one-sample variance of Kieser & Friede (2003).

    As siblings share an arm, an effect :math:`\Delta` adds :math:`\pi(1-\pi)\Delta^2G/(G-1)` to the component
    between families, on average over the allocations with a fixed share :math:`\pi` treated; the correction
    takes off exactly that. With one child per family and 1:1 it is :math:`\Delta^2N/\{4(N-1)\}`, as Zucker et
    al. (1999) have it, and nearly that of Gould & Shih (1992). Where the true effect is smaller than assumed
    the correction leaves too little, so by default none is made: the variance is then a little too large,
    by a quarter of the squared standardised effect.

    References
    ----------
    Gould & Shih (1992) Communications in Statistics - Theory and Methods 21:2833. Zucker, Wittes, Schabenberger
    & Brittain (1999) Statistics in Medicine 18:3493. Kieser & Friede (2003) Statistics in Medicine 22:3571.
    Lake, Kammann, Klar & Betensky (2002) Statistics in Medicine 21:1337, for clusters. Donner & Klar (2000),
    section 1.3, for the estimator.
    """
    if correction not in ("none", "adjusted"):
        raise ValueError(f"correction is {correction!r}; it may be 'none' or 'adjusted'")
    _share(treated_share=treated_share)
    if icc is not None and not 0.0 <= icc <= 1.0:
        raise ValueError(f"icc is {icc}; it may be between 0 and 1")
    outcome, codes, n_dropped = _rows(y, family)
    sizes = np.bincount(codes)
    n, n_families = len(outcome), len(sizes)

    def failed(note: str) -> BlindedEstimate:
        nan = math.nan
        mean_size = n / n_families if n_families else nan
        return BlindedEstimate(nan, nan, nan, nan, mean_size, n_families, n, n_dropped, False, note)

    if n_families < 3:
        return failed(TOO_FEW)
    centred = outcome - outcome.mean()
    total = float(centred @ centred)
    if total <= 1e-20 * float(outcome @ outcome):
        return failed(NO_VARIATION)
    sums = np.bincount(codes, weights=centred)
    between = float(sums @ (sums / sizes))
    spread = n - float(sizes @ sizes) / n  # m_0 times G - 1
    shift = 0.0
    if correction == "adjusted":
        shift = treated_share * (1.0 - treated_share) * effect**2 * n_families / (n_families - 1.0)

    note = ""
    if icc is None and n > n_families:
        within = (total - between) / (n - n_families)
        excess = (between - (n_families - 1.0) * within) / spread - shift
        variance = within + excess
        correlation = min(max(excess / variance, 0.0), 1.0) if variance > 0.0 else math.nan
        note = NEGATIVE if excess < 0.0 else ""
    else:
        # The expected sum of squares is (n - 1) of the residual and `spread` of the family's variance.
        correlation = 0.0 if icc is None else icc
        held = (n - 1.0) * (1.0 - correlation) + spread * correlation
        variance = (total - spread * shift) / held
        if icc is None:
            correlation, note = math.nan, SINGLETONS
    if not variance > 0.0:
        return failed(ALL_EFFECT)
    counts = np.bincount(sizes)
    occurring = np.flatnonzero(counts)
    inflation = 1.0 if n == n_families else design_effect(occurring, correlation, counts[occurring])
    return BlindedEstimate(
        sd=math.sqrt(variance),
        icc=correlation,
        design_effect=inflation,
        lumped_variance=total / (n - 1.0),
        mean_size=n / n_families,
        n_families=n_families,
        n_children=n,
        n_dropped=n_dropped,
        note=note,
    )


def blinded_sample_size(
    y: ArrayLike,
    family: ArrayLike,
    effect: float,
    planned: int,
    *,
    power: float = 0.9,
    alpha: float = 0.05,
    treated_share: float = 0.5,
    correction: Correction = "none",
    icc: float | None = None,
    variance_factor: float = 1.0,
    share_analysed: float = 1.0,
    smallest: int | None = None,
    largest: int | None = None,
) -> BlindedSize:
    """Families needed for a power, from the variation seen so far in pooled data without the allocation.

    Parameters
    ----------
    y, family, treated_share, correction, icc
        As for :func:`blinded_estimate`.
    effect : float
        That the trial is to detect, in units of the outcome; as at the design, for it is not re-estimated.
    planned : int
        Families planned in all.
    power, alpha : float
        Wanted, at a two-sided level.
    variance_factor : float
        Share of the variance left after adjusting for the baseline
        (:func:`~best_sim.trial.closed_forms.ancova_factor`).
    share_analysed : float
        Share of the families randomised whose outcome is expected to be analysed.
    smallest : int, optional
        Never fewer families than this; by default those planned (Wittes & Brittain 1990). Nor ever fewer
        than those whose outcomes are in.
    largest : int, optional
        Never more, whatever the power.

    Returns
    -------
    BlindedSize
        The plan stands if there is no estimate.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    Power is that of :func:`~best_sim.trial.closed_forms.power_clustered`: a t test on the effective children,
    with the families analysed less 2 as degrees of freedom; families to come are like those seen.

    As the allocation is not used, the level is kept but for an effect of the second order in small trials
    (Kieser & Friede 2003; Glimm & Läuter 2013, arXiv:1301.4167, for where it is not). The variance estimated
    at the end is a little too small on average, and more so the earlier the look.

    References
    ----------
    Wittes & Brittain (1990) Statistics in Medicine 9:65. Kieser & Friede (2003) Statistics in Medicine
    22:3571. Lake, Kammann, Klar & Betensky (2002) Statistics in Medicine 21:1337.
    """
    _share(power=power, treated_share=treated_share)
    _level(alpha, 2)
    _positive(planned=planned, variance_factor=variance_factor, share_analysed=share_analysed)
    if variance_factor > 1.0 or share_analysed > 1.0 or power <= alpha:
        raise ValueError(
            f"variance_factor is {variance_factor}, share_analysed {share_analysed} and power {power}; "
            f"the first two may be 1 at most, and power lies above alpha, {alpha}"
        )
    if effect == 0.0 or not math.isfinite(effect):
        raise ValueError(f"effect is {effect}; it has to be finite and not zero")
    if largest is not None and largest < (planned if smallest is None else smallest):
        raise ValueError(f"largest is {largest}; it may not lie below smallest, or what is planned")
    seen = blinded_estimate(y, family, effect, correction=correction, treated_share=treated_share, icc=icc)
    if not seen.converged:
        return BlindedSize(planned, math.nan, planned, math.nan, seen)
    sd = seen.sd * math.sqrt(variance_factor)
    per_family = seen.mean_size / seen.design_effect

    def power_with(analysed: float) -> float:
        effective = analysed * per_family
        return t_power(
            effect, sd, treated_share * effective, (1.0 - treated_share) * effective, alpha, analysed - 2.0
        )

    required = _smallest(lambda n: power_with(n * share_analysed), power, 3.0 / share_analysed)
    lowest = max(planned if smallest is None else smallest, seen.n_families)
    highest = math.inf if largest is None else max(largest, seen.n_families)
    families = min(max(required, lowest), highest)
    families = max(planned, seen.n_families) if math.isinf(families) else int(families)
    return BlindedSize(families, required, planned, power_with(families * share_analysed), seen)


def _smallest(power_with: Callable[[float], float], power: float, first: float) -> float:
    """Smallest whole number, from `first` on, with a power; infinite if not even a billion have it."""
    low, high = math.ceil(first) - 1, max(math.ceil(first), 8)
    while power_with(high) < power:
        low, high = high, 2 * high
        if high > 1e9:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power_with(middle) >= power else (middle, high)
    return float(high)


def _rows(y: ArrayLike, family: ArrayLike) -> tuple[Floats, NDArray[np.intp], int]:
    outcome = np.asarray(y, dtype=np.float64)
    label = np.asarray(family)
    if outcome.ndim != 1 or label.shape != outcome.shape:
        raise ValueError(
            f"y and family need one row per child; their shapes are {outcome.shape} and {label.shape}"
        )
    complete = np.isfinite(outcome)
    _, codes = np.unique(label[complete], return_inverse=True)
    return outcome[complete], codes, int(np.count_nonzero(~complete))


# ------------------------------------------------------------------------------------------------------------
# What arguments may be


def _increasing(name: str, values: ArrayLike, step: float = 0.0) -> Floats:
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or given.size == 0 or not np.all(np.isfinite(given)):
        raise ValueError(f"{name} is {values!r}; finite numbers, one per look, are needed")
    if given[0] <= 0.0 or np.any(np.diff(given) <= 0.0) or np.any(np.diff(given) < step * (1.0 - 1e-9)):
        least = f" by at least {step}" if step else ""
        raise ValueError(f"{name} is {given}; it has to be positive and to increase{least}")
    return given


def _fraction(fraction: ArrayLike) -> Floats:
    t = np.asarray(fraction, dtype=np.float64)
    if not np.all((t > 0.0) & (t <= 1.0)):
        raise ValueError(f"fraction is {fraction!r}; it has to lie above 0 and may be 1 at most")
    return t


def _level(alpha: float, sided: Sides) -> None:
    _share(alpha=alpha)
    if sided not in (1, 2):
        raise ValueError(f"sided is {sided}; it may be 1 or 2")


def _look(design: Boundaries, look: int, last: int) -> None:
    if not 1 <= look <= last:
        raise ValueError(f"look is {look}; of the {design.looks} looks it may be 1 to {last}")


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0.0:
            raise ValueError(f"{name} is {value}; it has to be positive")


def _share(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} is {value}; it has to lie between 0 and 1")


def _tuple(values: ArrayLike) -> Many:
    return tuple(np.asarray(values, dtype=np.float64).tolist())
