"""Power of a comparison of two means: what siblings take from it, and what a baseline gives."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from best_sim.trial.arguments import require_positive, require_share

Pair = tuple[float, float]


def t_power(
    effect: float, sd: float, n_treated: float, n_control: float, alpha: float = 0.05, df: float | None = None
) -> float:
    """Power of the two-sample t test, from the noncentral t distribution.

    Parameters
    ----------
    effect : float
        True difference of the means, in units of the outcome; its sign does not matter.
    sd : float
        Standard deviation within each arm, in units of the outcome.
    n_treated, n_control : float
        Independent units per arm; need not be whole, so that effective numbers can be used.
    alpha : float
        Two-sided level.
    df : float, optional
        Degrees of freedom; by default units less two.

    Returns
    -------
    float
        Probability of rejection, in either direction.

    Raises
    ------
    ValueError
        If the standard deviation, a number of units or the degrees of freedom is not positive, or alpha is
        not between 0 and 1.

    Notes
    -----
    Assumes independent normal outcomes of equal variance in both arms. Cohen (1988) Statistical Power
    Analysis for the Behavioral Sciences, chapter 2; Julious (2004) Statistics in Medicine 23:1921, section 3.
    """
    require_positive(sd=sd, n_treated=n_treated, n_control=n_control)
    require_share(alpha=alpha)
    freedom = n_treated + n_control - 2.0 if df is None else df
    require_positive(df=freedom)
    noncentrality = effect / (sd * math.sqrt(1.0 / n_treated + 1.0 / n_control))
    return noncentral_t_power(noncentrality, freedom, alpha)


def noncentral_t_power(noncentrality: float, df: float, alpha: float) -> float:
    """Power of a two-sided t test whose statistic is shifted so far."""
    critical = float(special.stdtrit(df, 1.0 - alpha / 2.0))
    # scipy answers NaN where a probability is too small for its series: below 1e-10, as a test makes sure.
    below = np.nan_to_num(special.nctdtr(df, abs(noncentrality), [critical, -critical]), nan=0.0)
    return float(1.0 - below[0] + below[1])


def shifted_normal_power(noncentrality: float, alpha: float) -> float:
    """Power of a two-sided z test whose statistic is shifted so far."""
    critical = float(special.ndtri(1.0 - alpha / 2.0))
    return float(special.ndtr(noncentrality - critical) + special.ndtr(-noncentrality - critical))


# ------------------------------------------------------------------------------------------------------------
# What clustering takes, and what the baseline gives


def design_effect(sizes: ArrayLike, icc: float, shares: ArrayLike | None = None) -> float:
    r"""Variance inflation by clusters of mixed sizes, for the best linear (mixed-model) estimator.

    A cluster of size m carries the information :math:`m/\{1+(m-1)\rho\}` on its arm's mean, so

    .. math:: D = \sum_i s_i m_i \Big/ \sum_i s_i \frac{m_i}{1+(m_i-1)\rho}

    Parameters
    ----------
    sizes : (k,) array
        Sizes of the clusters, or the sizes that occur.
    icc : float
        Intracluster correlation of the outcome, from 0 to 1.
    shares : (k,) array, optional
        Share (or number) of clusters of each size; equal by default.

    Returns
    -------
    float
        Units needed, over independent units needed.

    Raises
    ------
    ValueError
        If there is no size, one is not positive, a share is negative, or the correlation is not between 0 and
        1.

    Notes
    -----
    Exact for the generalised least-squares estimator of a difference between arms of whole clusters with
    exchangeable correlation, if the correlation is known and both arms have the same mix of sizes. With it
    estimated, nearly so. Manatunga, Hudgens & Chen (2001) Biometrical Journal 43:75; Yelland et al. (2017)
    Statistics in Medicine 36 (PubMed 28074483) for clusters as small as siblings.
    """
    size, share = sizes_and_shares(sizes, shares)
    require_share(icc=icc)
    return float(share @ size / (share @ (size / (1.0 + (size - 1.0) * icc))))


def design_effect_from_cv(mean_size: float, cv: float, icc: float) -> float:
    r"""Variance inflation from the mean and spread of cluster sizes: :math:`1 + \{(1+cv^2)\bar m - 1\}\rho`.

    Parameters
    ----------
    mean_size : float
        Mean size of a cluster.
    cv : float
        Standard deviation of the sizes over their mean.
    icc : float
        Intracluster correlation of the outcome.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the mean size is not positive, `cv` is negative, or the correlation is not between 0 and 1.

    Notes
    -----
    Exact for a comparison of means over all children, each child counting once; so never below
    :func:`design_effect`, whose estimator weighs families as well as can be. Eldridge, Ashby & Kerry (2006)
    International Journal of Epidemiology 35:1292.
    """
    require_positive(mean_size=mean_size)
    require_share(icc=icc)
    if cv < 0.0:
        raise ValueError(f"cv is {cv}; it may not be negative")
    return 1.0 + ((1.0 + cv**2) * mean_size - 1.0) * icc


def ancova_factor(correlation: float, measured_share: float = 1.0) -> float:
    r"""Share of the outcome's variance that is left after adjusting for its baseline: :math:`1 - q r^2`.

    Parameters
    ----------
    correlation : float
        Correlation of outcome and baseline: of children, or of cluster means
        (:func:`cluster_mean_correlation`).
    measured_share : float
        Share q of those analysed whose baseline was measured; the others have its mean and an indicator.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the correlation is not between -1 and 1, or the share not between 0 and 1.

    Notes
    -----
    Assumes a linear relation with the same slope in both arms, and samples large enough that estimating the
    slope costs nothing. :math:`1-r^2`: Borm, Fransen & Lemmens (2007) Journal of Clinical Epidemiology
    60:1234; for clusters, Teerenstra et al. (2012) Statistics in Medicine 31:2169. With a share q measured,
    the residual variance is :math:`1-r^2` for these and 1 for the rest; a model with one residual variance
    for all has the average of the two as the variance of its contrast, because arms are balanced on what is
    measured (missing indicator: White & Thompson 2005, Statistics in Medicine 24:993).
    """
    if not -1.0 <= correlation <= 1.0:
        raise ValueError(f"correlation is {correlation}; it may be between -1 and 1")
    require_share(measured_share=measured_share)
    return 1.0 - measured_share * correlation**2


@dataclass(frozen=True, slots=True)
class ClusteredPower:
    """Closed-form power of a family-randomised trial, with every step on the way.

    Attributes
    ----------
    effect_received
        Effect on a child who receives the intervention, in units of the outcome.
    effect_intention_to_treat
        That effect times the share who receive it.
    families_analysed
        Expected families with an outcome: treated, control.
    mean_size
        Children per family.
    children_analysed
        Expected children with an outcome: treated, control.
    design_effect
        Variance inflation by clustering.
    baseline_factor
        Share of the variance left after adjusting for baseline.
    residual_sd
        Standard deviation after adjusting, in units of the outcome.
    effective_children
        Independent, unadjusted children who would tell as much: treated, control.
    standard_error
        Of the contrast, in units of the outcome.
    noncentrality
        `effect_intention_to_treat / standard_error`.
    df
        Degrees of freedom.
    power
        From the noncentral t distribution.
    power_normal
        From the normal approximation.
    """

    effect_received: float
    effect_intention_to_treat: float
    families_analysed: Pair
    mean_size: float
    children_analysed: Pair
    design_effect: float
    baseline_factor: float
    residual_sd: float
    effective_children: Pair
    standard_error: float
    noncentrality: float
    df: float
    power: float
    power_normal: float


def power_clustered(
    effect: float,
    sd: float,
    families_per_arm: float | Pair,
    size_shares: Mapping[int, float],
    icc: float,
    baseline_correlation: float = 0.0,
    baseline_measured_share: float = 1.0,
    retention: float = 1.0,
    share_received: float = 1.0,
    alpha: float = 0.05,
) -> ClusteredPower:
    """Power of a family-randomised trial with a baseline-adjusted continuous outcome.

    Parameters
    ----------
    effect : float
        Effect on a child who receives the intervention, in units of the outcome.
    sd : float
        Standard deviation of the outcome within an arm, unadjusted, in units of the outcome.
    families_per_arm : float or (float, float)
        Families randomised to each arm; if they differ, treated and control.
    size_shares : mapping of int to float
        Share (or number) of families with so many children, e.g. ``{1: 0.76, 2: 0.20, 3: 0.04}``.
    icc : float
        Correlation of siblings' outcomes, within an arm; after adjustment it is taken to be the same.
    baseline_correlation : float
        Correlation of outcome and baseline; the same for the family's part and the child's own.
    baseline_measured_share : float
        Share of children analysed who have a baseline.
    retention : float
        Share of families whose outcome is measured.
    share_received : float
        Share of the treated arm that receives the intervention, less the share of the control arm that does.
    alpha : float
        Two-sided level.

    Returns
    -------
    ClusteredPower

    Raises
    ------
    ValueError
        If a share or correlation is out of range, there is no size, or fewer than three families are
        analysed.

    Notes
    -----
    Composes :func:`design_effect`, :func:`ancova_factor` and :func:`t_power`. Assumes:

    - the intention-to-treat effect is ``effect * share_received``: a child who does not receive the
      intervention gains nothing from having been allocated to it, and effects do not vary with the chance of
      receiving it (the exclusion restriction; Angrist, Imbens & Rubin 1996, Journal of the American
      Statistical Association 91:444); that a mixture of the two also adds a little variance is left out;
    - families are lost, and lack a baseline, as a whole and at random, the same in both arms; their expected
      number stands for the number, which makes power slightly too high;
    - normal outcomes, exchangeable siblings, the same mix of sizes in both arms;
    - estimating the family variance costs nothing beyond df = families analysed - 2 (one mean per arm is
      estimated from families: Donner & Klar 2000). Covariates between families, such as site,
      cost one more each, which is not counted; siblings add a little, which is not counted either.
    """
    require_positive(sd=sd)
    require_share(alpha=alpha, retention=retention, share_received=share_received)
    randomised = (
        families_per_arm if isinstance(families_per_arm, tuple) else (families_per_arm, families_per_arm)
    )
    families = (randomised[0] * retention, randomised[1] * retention)
    if min(families) <= 0.0 or sum(families) < 3.0:
        raise ValueError(
            f"{families[0]:g} and {families[1]:g} families are analysed; at least 3 are needed, in both arms"
        )
    size, share = sizes_and_shares(list(size_shares), list(size_shares.values()))
    mean_size = float(share @ size)
    inflation = design_effect(size, icc, share)
    factor = ancova_factor(baseline_correlation, baseline_measured_share)
    if factor == 0.0:
        raise ValueError("the baseline explains the whole outcome (its correlation is 1 and all have it)")
    children = (families[0] * mean_size, families[1] * mean_size)
    effective = (children[0] / (inflation * factor), children[1] / (inflation * factor))
    standard_error = sd * math.sqrt(1.0 / effective[0] + 1.0 / effective[1])
    diluted = effect * share_received
    df = sum(families) - 2.0
    noncentrality = diluted / standard_error
    return ClusteredPower(
        effect_received=effect,
        effect_intention_to_treat=diluted,
        families_analysed=families,
        mean_size=mean_size,
        children_analysed=children,
        design_effect=inflation,
        baseline_factor=factor,
        residual_sd=sd * math.sqrt(factor),
        effective_children=effective,
        standard_error=standard_error,
        noncentrality=noncentrality,
        df=df,
        power=noncentral_t_power(noncentrality, df, alpha),
        power_normal=shifted_normal_power(noncentrality, alpha),
    )


def sizes_and_shares(
    sizes: ArrayLike, shares: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sizes as floats, and shares that sum to one."""
    size = np.asarray(sizes, dtype=np.float64)
    share = np.ones_like(size) if shares is None else np.asarray(shares, dtype=np.float64)
    if size.ndim != 1 or size.size == 0 or share.shape != size.shape:
        raise ValueError(
            f"sizes and shares have shapes {size.shape} and {share.shape}; one share per size is needed"
        )
    if np.any(size <= 0.0) or np.any(share < 0.0) or not share.sum() > 0.0:
        raise ValueError(
            f"sizes {size} have to be positive, and shares {share} may not be negative or all zero"
        )
    return size, share / share.sum()
