"""Families needed, estimated anew during a trial from pooled data, without the allocation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from best_sim.trial.arguments import require_inside, require_positive
from best_sim.trial.closed_forms import design_effect, t_power
from best_sim.trial.sequential.arguments import Floats, require_level

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
    require_inside(treated_share=treated_share)
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
    require_inside(power=power, treated_share=treated_share)
    require_level(alpha, 2)
    require_positive(planned=planned, variance_factor=variance_factor, share_analysed=share_analysed)
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
