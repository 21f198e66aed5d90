"""Trials still going on, from look to look: the recursion of Armitage, McPherson & Rowe (1969), and drifts found by it.

Between its bounds the sub-density of the score is analytic, so it is followed by Gauss-Legendre panels.

References
----------
Armitage, McPherson & Rowe (1969) Journal of the Royal Statistical Society A 132:235. Jennison & Turnbull (1999) Group
Sequential Methods with Applications to Clinical Trials, chapter 19.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from best_sim.trial.sequential.arguments import Floats, Sides, require_level

REACH = 12.0
"""Standard deviations beyond which a score is not followed: 1e-33 of the probability."""
_PANEL = 3.0  # length of a panel of quadrature, in standard deviations of the finer neighbouring increment
_GAUSS = tuple(np.polynomial.legendre.leggauss(16))


@dataclass(frozen=True, slots=True)
class TrialsGoingOn:
    """Scores of the trials still going on after a look, as points with probabilities."""

    score: Floats
    probability: Floats
    information: float

    @classmethod
    def begin(cls) -> TrialsGoingOn:
        """All trials, before the first look."""
        return cls(np.zeros(1), np.ones(1), 0.0)

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
    ) -> TrialsGoingOn:
        """Those between two scores at the next look; `following` is the information at the look after it."""
        step = information - self.information
        mean, reach = drift * information, REACH * math.sqrt(information)
        points, weights = _panels(
            max(low, mean - reach),
            min(high, mean + reach),
            _PANEL * math.sqrt(min(step, following - information)),
        )
        distance = (points[:, np.newaxis] - (self.score + drift * step)) / math.sqrt(step)
        density = np.exp(-0.5 * distance * distance) @ self.probability / math.sqrt(2.0 * math.pi * step)
        return TrialsGoingOn(points, weights * density, information)


def _panels(low: float, high: float, longest: float) -> tuple[Floats, Floats]:
    """Points and weights of Gauss-Legendre quadrature on panels of equal length; none if the range is empty."""
    if low >= high:
        return np.empty(0), np.empty(0)
    n = math.ceil((high - low) / longest)
    half = (high - low) / (2.0 * n)
    centres = low + half * np.arange(1.0, 2.0 * n, 2.0)
    points = (centres[:, np.newaxis] + half * _GAUSS[0]).ravel()
    return points, np.tile(half * _GAUSS[1], n)


def exit_probabilities(
    fractions: Floats,
    low: Floats,
    high: Floats,
    drift: float,
    harm: Floats | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Probabilities of first being, at each look, above the bound `high`, below `low`, and below `harm` too."""
    above, below, harmed = np.empty((3, len(fractions)))
    trials = TrialsGoingOn.begin()
    for k, t in enumerate(fractions):
        root = math.sqrt(t)
        above[k] = trials.above(high[k] * root, float(t), drift)
        below[k] = trials.below(low[k] * root, float(t), drift)
        if harm is not None:
            harmed[k] = trials.below(harm[k] * root, float(t), drift)
        if k + 1 < len(fractions):
            trials = trials.going_on(low[k] * root, high[k] * root, float(t), float(fractions[k + 1]), drift)
    return above, below, below if harm is None else harmed


def bounds_of_harm(z: Floats, sided: Sides) -> Floats:
    """Bounds of harm."""
    return -z if sided == 2 else np.full(len(z), -math.inf)


def root_of(function: Callable[[float], float], low: float, high: float) -> float:
    """Root, to the last digits, in a range that is widened at either end until it holds one."""
    from scipy import optimize  # a fifth of a second, and power has no use for bounds

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
    require_level(alpha, sided)
    if not alpha / sided < power < 1.0:
        raise ValueError(f"power is {power}; it has to lie between {alpha / sided}, of one side, and 1")
    return float(special.ndtri(power) - special.ndtri(alpha / sided))


def drift_with_power(
    fractions: Floats, low: Floats, z: Floats, power: float, alpha: float, sided: Sides
) -> float:
    """Drift at which the chance of benefit is `power`, between the bounds."""
    start = fixed_drift(power, alpha, sided)
    return root_of(
        lambda d: float(exit_probabilities(fractions, low, z, d)[0].sum()) - power, start, 1.3 * start
    )
