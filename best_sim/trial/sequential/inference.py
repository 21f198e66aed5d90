"""What is reported of a trial that was looked at: p-value, estimate and interval that allow for the looks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from best_sim.trial.arguments import require_positive
from best_sim.trial.sequential.arguments import increasing
from best_sim.trial.sequential.bounds import Boundaries, require_look
from best_sim.trial.sequential.recursion import bounds_of_harm, exit_probabilities, root_of


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
    require_look(design, look, design.looks)
    fractions = np.array(design.information[:look])
    if information is not None:
        fractions[-1] = information
    increasing("information", fractions)
    if not math.isfinite(z):
        raise ValueError(f"z is {z}; it has to be finite")
    end = float(fractions[-1])
    scale = 1.0
    if standard_error is not None:
        require_positive(standard_error=standard_error)
        scale = standard_error * math.sqrt(end)
    high = np.array([*design.z[: look - 1], z])
    low = bounds_of_harm(high, design.sided)

    def above(drift: float) -> float:
        return float(exit_probabilities(fractions, low, high, drift)[0].sum())

    if design.sided == 1:
        p_value = above(0.0)
    else:
        mirrored = np.append(high[:-1], abs(z))  # without an effect the sides are alike
        p_value = min(2.0 * float(exit_probabilities(fractions, -mirrored, mirrored, 0.0)[0].sum()), 1.0)
    naive, spread = float(z) / math.sqrt(end), 1.0 / math.sqrt(end)

    def where(probability: float) -> float:
        middle = naive - spread * float(special.ndtri(1.0 - probability))
        return root_of(lambda d: above(d) - probability, middle - spread, middle + spread)

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
    require_look(design, look, design.looks)
    require_positive(standard_error=standard_error)
    reach = design.z[look - 1] * standard_error
    return estimate - reach, estimate + reach if design.sided == 2 else math.inf
