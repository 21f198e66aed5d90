"""What arguments of a sequential design may be."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from best_sim.trial.arguments import require_inside

Floats = NDArray[np.float64]
Sides = Literal[1, 2]
Many = tuple[float, ...]


def increasing(name: str, values: ArrayLike, step: float = 0.0) -> Floats:
    """Finite positive numbers that increase, by a step at least."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1 or given.size == 0 or not np.all(np.isfinite(given)):
        raise ValueError(f"{name} is {values!r}; finite numbers, one per look, are needed")
    if given[0] <= 0.0 or np.any(np.diff(given) <= 0.0) or np.any(np.diff(given) < step * (1.0 - 1e-9)):
        least = f" by at least {step}" if step else ""
        raise ValueError(f"{name} is {given}; it has to be positive and to increase{least}")
    return given


def fraction_of(fraction: ArrayLike) -> Floats:
    """Fractions of the information, above 0 and up to 1."""
    t = np.asarray(fraction, dtype=np.float64)
    if not np.all((t > 0.0) & (t <= 1.0)):
        raise ValueError(f"fraction is {fraction!r}; it has to lie above 0 and may be 1 at most")
    return t


def require_level(alpha: float, sided: Sides) -> None:
    """A level, and one side or two."""
    require_inside(alpha=alpha)
    if sided not in (1, 2):
        raise ValueError(f"sided is {sided}; it may be 1 or 2")


def as_tuple(values: ArrayLike) -> Many:
    """An array as a tuple of floats."""
    return tuple(np.asarray(values, dtype=np.float64).tolist())
