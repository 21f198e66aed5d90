"""What a sequential design does: where it stops under an effect, its power, and the information it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from best_sim.trial.sequential.arguments import Floats, Many, as_tuple
from best_sim.trial.sequential.bounds import Boundaries
from best_sim.trial.sequential.recursion import (
    bounds_of_harm,
    drift_with_power,
    exit_probabilities,
    fixed_drift,
)


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
    fractions, z, bound_of_harm, low = arrays_of(design, obey_futility)
    benefit, below, harm = exit_probabilities(fractions, low, z, drift, bound_of_harm)
    futility = below - harm
    futility[-1] = max(1.0 - benefit.sum() - harm.sum() - futility[:-1].sum(), 0.0)
    stop = benefit + harm + futility
    return OperatingCharacteristics(
        drift=float(drift),
        benefit=as_tuple(benefit),
        harm=as_tuple(harm),
        futility=as_tuple(futility),
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
    fractions, z, _, low = arrays_of(design, obey_futility)
    return drift_with_power(fractions, low, z, power, design.alpha, design.sided)


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


def arrays_of(design: Boundaries, obey_futility: bool) -> tuple[Floats, Floats, Floats, Floats]:
    """Information, bounds of efficacy, bounds of harm, and bounds below which a trial stops."""
    z = np.array(design.z)
    harm = bounds_of_harm(z, design.sided)
    low = harm.copy()
    if obey_futility:
        low[:-1] = np.maximum(harm[:-1], design.futility[:-1])
    return np.array(design.information), z, harm, low
