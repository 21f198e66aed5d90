"""How alpha, or beta, is spent over the looks: functions of the fraction of the information."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from best_sim.trial.arguments import require_positive
from best_sim.trial.sequential.arguments import Many, increasing


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
        require_positive(rho=self.rho)

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
        increasing("fractions", self.fractions)
        if len(self.shares) != len(self.fractions):
            raise ValueError(f"{len(self.fractions)} fractions need as many shares; found {len(self.shares)}")
        steps = np.diff((0.0, *self.shares, 1.0))
        if not np.all(steps >= 0.0):
            raise ValueError(f"shares are {self.shares}; they may not fall, and lie between 0 and 1")

    def __call__(self, fraction: float, total: float, /) -> float:
        """Cumulative amount spent."""
        return total * float(np.interp(fraction, (0.0, *self.fractions), (0.0, *self.shares)))
