"""Classical bounds of sequential designs, as published tables have them: one shape over the looks, times a constant.

The package spends alpha; these are what spending functions come near to, and what books print.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize, special

from best_sim.trial.sequential import Boundaries, CumulativeAlpha, boundaries
from best_sim.trial.sequential.recursion import exit_probabilities


def pocock(looks: int, alpha: float = 0.05, sided: int = 2) -> Boundaries:
    """The same z at looks that are equally far apart (Pocock 1977 Biometrika 64:191)."""
    return wang_tsiatis(looks, 0.5, alpha, sided)


def obrien_fleming(looks: int, alpha: float = 0.05, sided: int = 2) -> Boundaries:
    """Z over the root of the information, at equal distances (O'Brien & Fleming 1979 Biometrics 35:549)."""
    return wang_tsiatis(looks, 0.0, alpha, sided)


def wang_tsiatis(
    looks: int | Sequence[float], delta: float, alpha: float = 0.05, sided: int = 2
) -> Boundaries:
    """A constant times the information to the power delta - 1/2 (Wang & Tsiatis 1987 Biometrics 43:193)."""
    given = np.arange(1.0, looks + 1.0) if isinstance(looks, int) else np.asarray(looks)
    fractions = given / given[-1]
    shape = fractions ** (delta - 0.5)
    side = alpha / sided

    def spent(constant: float) -> np.ndarray:
        z = constant * shape
        low = -z if sided == 2 else np.full(len(z), -np.inf)
        return np.cumsum(exit_probabilities(fractions, low, z, 0.0)[0])

    least, most = -special.ndtri(side) / shape.max(), -special.ndtri(side / len(shape))
    constant = optimize.brentq(lambda c: spent(c)[-1] - side, 0.5 * least, most + 1.0, xtol=1e-13)
    by_look = spent(constant)
    spending = CumulativeAlpha(tuple(fractions), tuple(np.minimum(by_look / by_look[-1], 1.0)))
    return boundaries(fractions, alpha, spending, sided)
