"""What is believed of a borough's rate, and of a share such as consent: before anything was seen, and after."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, stats

from best_sim.trial.recruitment.plans import BoroughPlan, Floats

Pair = tuple[float, float]
_NODES = 48  # of the quadrature over an uncertain share


@dataclass(frozen=True)
class GammaRate:
    """What is believed of a borough's rate, as a multiple of its plan: a gamma variable.

    Attributes
    ----------
    shape : float
        Infinite if the rate is taken as known.
    mean : float
        1 is the plan.
    """

    shape: float
    mean: float = 1.0

    def __post_init__(self) -> None:
        if not (self.shape > 0.0 and 0.0 <= self.mean < math.inf):
            raise ValueError(f"shape {self.shape} has to be positive and mean {self.mean} not negative")
        if self.mean == 0.0 and not math.isinf(self.shape):
            raise ValueError("a rate that may vary can't have mean 0")

    def updated(self, recruited: int, expected: float) -> GammaRate:
        """What is believed after so many were recruited where the plan expected so many.

        Parameters
        ----------
        recruited : int
        expected : float
            Families that the plan (a multiple of 1) expected in the same time.

        Returns
        -------
        GammaRate
            Unchanged if the rate was taken as known.
        """
        if recruited < 0 or not 0.0 <= expected < math.inf:
            raise ValueError(f"{recruited} recruited of {expected} expected; neither may be negative")
        if math.isinf(self.shape):
            return self
        shape = self.shape + recruited
        return GammaRate(shape, shape / (self.shape / self.mean + expected))

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return 0.0 if math.isinf(self.shape) else self.mean / math.sqrt(self.shape)

    def interval(self, level: float = 0.9) -> Pair:
        """Quantiles between which the rate lies with a probability of `level`, half of the rest on each side."""
        if math.isinf(self.shape):
            return self.mean, self.mean
        low, high = stats.gamma.interval(level, self.shape, scale=self.mean / self.shape)
        return float(low), float(high)

    def count(self, expected: float) -> Any:
        """Distribution of the number recruited while the plan expects so many.

        Parameters
        ----------
        expected : float

        Returns
        -------
        scipy.stats frozen nbinom or poisson
        """
        if math.isinf(self.shape):
            return stats.poisson(self.mean * expected)
        return stats.nbinom(self.shape, self.shape / (self.shape + self.mean * expected))


@dataclass(frozen=True)
class BetaShare:
    """What is believed of a share, of consent or of retention: a beta variable.

    Attributes
    ----------
    successes, failures : float
        Parameters of the beta distribution, both positive; what was seen counts one each.
    """

    successes: float
    failures: float

    def __post_init__(self) -> None:
        if not (0.0 < self.successes < math.inf and 0.0 < self.failures < math.inf):
            raise ValueError(f"successes {self.successes} and failures {self.failures} have to be positive")

    @classmethod
    def worth(cls, mean: float, families: float) -> BetaShare:
        """A prior with a mean, that counts as much as having seen so many families."""
        return cls(mean * families, (1.0 - mean) * families)

    def updated(self, successes: int, of: int) -> BetaShare:
        """What is believed after so many successes were seen of so many families that have answered."""
        if not 0 <= successes <= of:
            raise ValueError(f"{successes} of {of} is not a share")
        return BetaShare(self.successes + successes, self.failures + of - successes)

    @property
    def mean(self) -> float:
        """Mean."""
        return self.successes / (self.successes + self.failures)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.mean * (1.0 - self.mean) / (self.successes + self.failures + 1.0))

    def interval(self, level: float = 0.9) -> Pair:
        """Quantiles between which the share lies with a probability of `level`, half of the rest on each side."""
        low, high = stats.beta.interval(level, self.successes, self.failures)
        return float(low), float(high)

    def nodes(self, n: int = _NODES) -> tuple[Floats, Floats]:
        """Points and weights of the Gauss-Jacobi quadrature: exact means of polynomials of degree below 2n.

        Notes
        -----
        Golub & Welsch (1969) Mathematics of Computation 23:221. The weights sum to one whatever the parameters, where
        the usual ones, of the density without its constant, would overflow.
        """
        a, b = self.failures - 1.0, self.successes - 1.0  # powers of 1 - x and of 1 + x, x from -1 to 1
        k = np.arange(1, n, dtype=np.float64)
        both = 2.0 * k + a + b
        middle = np.append((b - a) / (a + b + 2.0), (b - a) * (a + b) / (both * (both + 2.0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            aside = 4.0 * k * (k + a) * (k + b) * (k + a + b) / (both**2 * (both**2 - 1.0))
        # k = 1 on its own: k + a + b and both - 1 are the same number, and may be 0
        aside[0] = 4.0 * (1.0 + a) * (1.0 + b) / ((2.0 + a + b) ** 2 * (3.0 + a + b))
        points, vectors = linalg.eigh_tridiagonal(middle, np.sqrt(aside))
        return np.clip((1.0 + points) / 2.0, 0.0, 1.0), vectors[0] ** 2


def planned_rates(plans: Iterable[BoroughPlan]) -> tuple[GammaRate, ...]:
    """What is believed before anything was seen: mean 1, and the shape of each plan."""
    return tuple(GammaRate(plan.shape) for plan in plans)


def updated_rates(
    plans: Sequence[BoroughPlan], recruited: Sequence[int], expected: Sequence[float]
) -> tuple[GammaRate, ...]:
    """What is believed of each borough's rate after what was seen: gamma prior and Poisson counts, conjugate.

    Parameters
    ----------
    plans : sequence of BoroughPlan
    recruited : sequence of int
        By borough.
    expected : sequence of float
        What each plan expected in the same time, of the same families; 0 for a borough that has not opened, which
        leaves it at its plan.

    Returns
    -------
    tuple of GammaRate
    """
    priors = planned_rates(plans)
    return tuple(
        prior.updated(int(n), float(m)) for prior, n, m in zip(priors, recruited, expected, strict=True)
    )


def estimated_rates(recruited: Sequence[int], expected: Sequence[float]) -> tuple[GammaRate, ...]:
    """Each rate set to its estimate, recruited over expected, as if that were known: what a plug-in forecast uses.

    Parameters
    ----------
    recruited, expected
        As for :func:`updated_rates`; a borough of which nothing was expected is taken to keep to its plan.

    Returns
    -------
    tuple of GammaRate
        Of infinite shape.
    """
    return tuple(
        GammaRate(math.inf, n / m if m > 0.0 else 1.0) for n, m in zip(recruited, expected, strict=True)
    )
