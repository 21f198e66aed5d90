"""Closed forms that the simulation is held against: power, precision, queues and recruitment.

Nothing here is used by the simulation, and nothing here uses it: a simulated figure agrees with a closed form
only if both are right. Each function states what it assumes; where the simulated trial departs from that
(waiting lists, a skewed score, fixed numbers of places) the two should differ, and by how much is a result.

All tests are two-sided, and power counts rejection in either direction.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

__all__ = [
    "ClusteredPower",
    "ancova_factor",
    "clopper_pearson_interval",
    "cluster_mean_correlation",
    "design_effect",
    "design_effect_from_cv",
    "erlang_c",
    "mean_wait",
    "monte_carlo_error",
    "monte_carlo_error_mean",
    "monte_carlo_error_quantile",
    "monte_carlo_error_sd",
    "normal_power",
    "power_clustered",
    "recruitment_count",
    "recruitment_moments",
    "recruitment_time",
    "t_power",
    "wilson_interval",
]

Pair = tuple[float, float]


# ------------------------------------------------------------------------------------------------------------
# Power of a comparison of two means


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
    _require_positive(sd=sd, n_treated=n_treated, n_control=n_control)
    _require_share(alpha=alpha)
    freedom = n_treated + n_control - 2.0 if df is None else df
    _require_positive(df=freedom)
    noncentrality = effect / (sd * math.sqrt(1.0 / n_treated + 1.0 / n_control))
    return _noncentral_t_power(noncentrality, freedom, alpha)


def normal_power(effect: float, sd: float, n_treated: float, n_control: float, alpha: float = 0.05) -> float:
    """Power of the two-sample z test: what :func:`t_power` tends to as degrees of freedom grow.

    Parameters
    ----------
    effect, sd, n_treated, n_control, alpha
        As for :func:`t_power`.

    Returns
    -------
    float
        Probability of rejection, in either direction.

    Raises
    ------
    ValueError
        As :func:`t_power`.

    Notes
    -----
    Assumes that the standard deviation is known. Julious (2004) Statistics in Medicine 23:1921, section 3.
    """
    _require_positive(sd=sd, n_treated=n_treated, n_control=n_control)
    _require_share(alpha=alpha)
    return _shifted_normal_power(effect / (sd * math.sqrt(1.0 / n_treated + 1.0 / n_control)), alpha)


def _noncentral_t_power(noncentrality: float, df: float, alpha: float) -> float:
    critical = float(special.stdtrit(df, 1.0 - alpha / 2.0))
    # scipy answers NaN where a probability is too small for its series: below 1e-10, as a test makes sure.
    below = np.nan_to_num(special.nctdtr(df, abs(noncentrality), [critical, -critical]), nan=0.0)
    return float(1.0 - below[0] + below[1])


def _shifted_normal_power(noncentrality: float, alpha: float) -> float:
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
    size, share = _sizes_and_shares(sizes, shares)
    _require_share(icc=icc)
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
    _require_positive(mean_size=mean_size)
    _require_share(icc=icc)
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
    _require_share(measured_share=measured_share)
    return 1.0 - measured_share * correlation**2


def cluster_mean_correlation(
    size: float, icc: float, cluster_autocorrelation: float, subject_autocorrelation: float
) -> float:
    r"""Correlation over time of the mean of a cluster whose members are followed (a cohort).

    .. math:: r = \frac{m\rho}{1+(m-1)\rho} \rho_c + \frac{1-\rho}{1+(m-1)\rho} \rho_s

    Parameters
    ----------
    size : float
        Members m of each cluster.
    icc : float
        Intracluster correlation at either time.
    cluster_autocorrelation, subject_autocorrelation : float
        Correlation over time of the cluster's part of the outcome, and of the member's own.

    Returns
    -------
    float
        To be given to :func:`ancova_factor`; equal to both autocorrelations where these are equal.

    Raises
    ------
    ValueError
        If the size is not positive, or the intracluster correlation not between 0 and 1.

    Notes
    -----
    Assumes clusters of one size and the same variance at both times. Teerenstra et al. (2012) Statistics in
    Medicine 31:2169.
    """
    _require_positive(size=size)
    _require_share(icc=icc)
    return (size * icc * cluster_autocorrelation + (1.0 - icc) * subject_autocorrelation) / (
        1.0 + (size - 1.0) * icc
    )


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
    _require_positive(sd=sd)
    _require_share(alpha=alpha, retention=retention, share_received=share_received)
    randomised = (
        families_per_arm if isinstance(families_per_arm, tuple) else (families_per_arm, families_per_arm)
    )
    families = (randomised[0] * retention, randomised[1] * retention)
    if min(families) <= 0.0 or sum(families) < 3.0:
        raise ValueError(
            f"{families[0]:g} and {families[1]:g} families are analysed; at least 3 are needed, in both arms"
        )
    size, share = _sizes_and_shares(list(size_shares), list(size_shares.values()))
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
        power=_noncentral_t_power(noncentrality, df, alpha),
        power_normal=_shifted_normal_power(noncentrality, alpha),
    )


# ------------------------------------------------------------------------------------------------------------
# How well a simulation knows what it says


def monte_carlo_error(p: float, n: int) -> float:
    r"""Monte Carlo standard error of a simulated power, type I error or coverage: :math:`\sqrt{p(1-p)/n}`.

    Parameters
    ----------
    p : float
        Simulated share, or the one expected when replicates are planned.
    n : int
        Replicates.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `p` is not between 0 and 1, or `n` not positive.

    Notes
    -----
    Assumes independent replicates. It is 0 at 0 and 1, where :func:`wilson_interval` is the better statement.
    Morris, White & Crowther (2019) Statistics in Medicine 38:2074, table 6.
    """
    _require_share(p=p)
    _require_positive(n=n)
    return math.sqrt(p * (1.0 - p) / n)


def monte_carlo_error_mean(sd: float, n: int) -> float:
    r"""Monte Carlo standard error of a mean over replicates, and so of a bias: :math:`s/\sqrt n`.

    Parameters
    ----------
    sd : float
        Standard deviation over replicates, with divisor n - 1.
    n : int
        Replicates.

    Returns
    -------
    float
        In units of `sd`.

    Raises
    ------
    ValueError
        If `sd` is negative, or `n` not positive.

    Notes
    -----
    Assumes independent replicates. Morris, White & Crowther (2019) Statistics in Medicine 38:2074, table 6.
    """
    _require_positive(n=n)
    if sd < 0.0:
        raise ValueError(f"sd is {sd}; it may not be negative")
    return sd / math.sqrt(n)


def monte_carlo_error_sd(sd: float, n: int) -> float:
    r"""Monte Carlo standard error of an empirical standard error: :math:`s/\sqrt{2(n-1)}`.

    Parameters
    ----------
    sd : float
        Standard deviation over replicates, with divisor n - 1.
    n : int
        Replicates, at least two.

    Returns
    -------
    float
        In units of `sd`.

    Raises
    ------
    ValueError
        If `sd` is negative, or there are fewer than two replicates.

    Notes
    -----
    Assumes independent replicates and a normal distribution over them; heavier tails give more. Morris, White
    & Crowther (2019) Statistics in Medicine 38:2074, table 6.
    """
    if sd < 0.0 or n < 2:
        raise ValueError(f"sd is {sd} and n is {n}; sd may not be negative, and n is at least 2")
    return sd / math.sqrt(2.0 * (n - 1))


def monte_carlo_error_quantile(values: ArrayLike, q: float) -> float:
    """Monte Carlo standard error of a sample quantile, without a density to be guessed.

    Parameters
    ----------
    values : (n,) array
        One value per replicate.
    q : float
        Which quantile, strictly between 0 and 1.

    Returns
    -------
    float
        In units of the values.

    Raises
    ------
    ValueError
        If there are no values, or `q` is not strictly between 0 and 1.

    Notes
    -----
    Assumes independent replicates. The variance, under the empirical distribution, of the order statistic at
    (n + 1) q, whose rank is beta distributed. Maritz & Jarrett (1978) Journal of the American Statistical
    Association 73:194, with the beta parameters (n+1)q and (n+1)(1-q) of Harrell & Davis (1982) Biometrika
    69:635.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    n = ordered.size
    if ordered.ndim != 1 or n == 0 or not 0.0 < q < 1.0:
        raise ValueError(
            f"values have shape {ordered.shape} and q is {q}; at least one value, and 0 < q < 1, are needed"
        )
    cumulative = special.betainc((n + 1) * q, (n + 1) * (1.0 - q), np.arange(n + 1) / n)
    weights = np.diff(cumulative)
    centre = weights @ ordered
    return math.sqrt(float(weights @ (ordered - centre) ** 2))


def wilson_interval(successes: int, n: int, alpha: float = 0.05) -> Pair:
    """Score interval of a simulated share; close to its nominal coverage, also near 0 and 1.

    Parameters
    ----------
    successes, n : int
        Replicates that reject (or cover), and all replicates.
    alpha : float
        Two-sided level.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        If `n` is not positive or `successes` is not between 0 and `n`.

    Notes
    -----
    Assumes independent replicates. Wilson (1927) Journal of the American Statistical Association 22:209;
    recommended by Brown, Cai & DasGupta (2001) Statistical Science 16:101.
    """
    _require_count(successes, n)
    _require_share(alpha=alpha)
    z = float(special.ndtri(1.0 - alpha / 2.0))
    p = successes / n
    centre = (p + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    reach = z / (1.0 + z**2 / n) * math.sqrt(p * (1.0 - p) / n + z**2 / (4.0 * n**2))
    return max(centre - reach, 0.0), min(centre + reach, 1.0)


def clopper_pearson_interval(successes: int, n: int, alpha: float = 0.05) -> Pair:
    """Exact interval of a simulated share: covers at least at its nominal level, whatever the share.

    Parameters
    ----------
    successes, n, alpha
        As for :func:`wilson_interval`.

    Returns
    -------
    low, high : float

    Raises
    ------
    ValueError
        As :func:`wilson_interval`.

    Notes
    -----
    Assumes independent replicates. Clopper & Pearson (1934) Biometrika 26:404.
    """
    _require_count(successes, n)
    _require_share(alpha=alpha)
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, n - successes + 1, alpha / 2.0))
    high = (
        1.0 if successes == n else float(special.betaincinv(successes + 1, n - successes, 1.0 - alpha / 2.0))
    )
    return low, high


# ------------------------------------------------------------------------------------------------------------
# A queue


def erlang_c(load: float, servers: int) -> float:
    """Probability that an arrival has to wait, in the queue M/M/c.

    Parameters
    ----------
    load : float
        Arrival rate times mean service time, in servers (Erlangs).
    servers : int
        Number c of servers.

    Returns
    -------
    float
        1 where the load is at least the number of servers: the queue then grows for ever.

    Raises
    ------
    ValueError
        If the load is negative, or there is no server.

    Notes
    -----
    Assumes Poisson arrivals, exponential service times, one unlimited queue, and a steady state. From
    Erlang's loss formula by its stable recursion. Gross, Shortle, Thompson & Harris (2008) Fundamentals of
    Queueing Theory, chapter 2.
    """
    if load < 0.0 or servers < 1:
        raise ValueError(
            f"load is {load} and servers {servers}; load may not be negative, and servers is at least 1"
        )
    if load >= servers:
        return 1.0
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return servers * blocked / (servers - load * (1.0 - blocked))


def mean_wait(arrival_rate: float, mean_service: float, servers: int) -> float:
    """Mean time in the queue M/M/c before service begins, over all arrivals, those who do not wait included.

    Parameters
    ----------
    arrival_rate : float
        Arrivals per unit of time.
    mean_service : float
        Mean service time, in the same unit.
    servers : int
        Number of servers.

    Returns
    -------
    float
        In the unit of `mean_service`; infinite where the load is at least the number of servers. Times
        `arrival_rate`, the mean length of the queue (Little 1961).

    Raises
    ------
    ValueError
        If a rate or time is not positive, or there is no server.

    Notes
    -----
    Assumes, and cites, what :func:`erlang_c` does. Order of service does not matter.
    """
    _require_positive(arrival_rate=arrival_rate, mean_service=mean_service)
    load = arrival_rate * mean_service
    waits = erlang_c(load, servers)
    return math.inf if load >= servers else waits * mean_service / (servers - load)


# ------------------------------------------------------------------------------------------------------------
# Recruitment


def recruitment_count(time: float, centres: float, shape: float, rate: float) -> Any:
    r"""Distribution of the number recruited by a time, when every centre has been open since time 0.

    Each centre recruits in a Poisson process whose rate was drawn, once, from a gamma distribution. The sum
    over N centres is negative binomial with :math:`n = N\alpha` and :math:`p = \beta/(\beta+t)`: mean
    :math:`N\alpha t/\beta` and variance :math:`N\alpha t/\beta\,(1+t/\beta)`.

    Parameters
    ----------
    time : float
        Time since opening.
    centres : float
        Number N of centres.
    shape, rate : float
        Of the gamma distribution of a centre's rate: mean ``shape / rate`` per unit of time, variance
        ``shape / rate**2``.

    Returns
    -------
    scipy.stats frozen nbinom
        With ``pmf``, ``cdf``, ``ppf``, ``mean``, ``var``. P(at least n) is ``sf(n - 1)``.

    Raises
    ------
    ValueError
        If an argument is not positive.

    Notes
    -----
    Assumes rates that do not change, and centres that do not run out of children. Anisimov & Fedorov (2007)
    Statistics in Medicine 26:4958.
    """
    _require_positive(time=time, centres=centres, shape=shape, rate=rate)
    return scipy.stats.nbinom(centres * shape, rate / (rate + time))


def recruitment_time(n: int, centres: float, shape: float, rate: float) -> Any:
    r"""Distribution of the time until the n-th recruit, when every centre has been open since time 0.

    The sum of the rates is gamma with shape :math:`N\alpha`; given it, the time is gamma with shape n. Their
    ratio is :math:`\beta` times a beta-prime variable with parameters n and :math:`N\alpha` (Pearson type
    VI).

    Parameters
    ----------
    n : int
        Recruits wanted.
    centres, shape, rate
        As for :func:`recruitment_count`.

    Returns
    -------
    scipy.stats frozen betaprime
        In the unit of time of the rates. Its mean is infinite unless ``centres * shape > 1``.

    Raises
    ------
    ValueError
        If an argument is not positive.

    Notes
    -----
    Assumes, and cites, what :func:`recruitment_count` does; P(time <= t) = P(count by t >= n).
    """
    _require_positive(n=n, centres=centres, shape=shape, rate=rate)
    return scipy.stats.betaprime(n, centres * shape, scale=rate)


def recruitment_moments(exposures: ArrayLike, shape: float, rate: float) -> Pair:
    r"""Mean and variance of the number recruited by centres that have been open for different times.

    .. math:: \frac{\alpha}{\beta} \sum_i t_i, \qquad \frac{\alpha}{\beta} \sum_i t_i
        + \frac{\alpha}{\beta^2} \sum_i t_i^2

    Parameters
    ----------
    exposures : (n_centres,) array
        How long each centre has been open; 0 if it is not yet.
    shape, rate
        As for :func:`recruitment_count`.

    Returns
    -------
    mean, variance : float

    Raises
    ------
    ValueError
        If an exposure is negative, or a parameter not positive.

    Notes
    -----
    Assumes that openings are fixed. Anisimov & Fedorov (2007) Statistics in Medicine 26:4958.
    """
    _require_positive(shape=shape, rate=rate)
    open_for = np.asarray(exposures, dtype=np.float64)
    if np.any(open_for < 0.0):
        raise ValueError(f"exposures hold {open_for.min()}; they may not be negative")
    mean = shape / rate * float(open_for.sum())
    return mean, mean + shape / rate**2 * float((open_for**2).sum())


# ------------------------------------------------------------------------------------------------------------
# What arguments may be


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0.0:
            raise ValueError(f"{name} is {value}; it has to be positive")


def _require_share(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} is {value}; it may be between 0 and 1")


def _require_count(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is not a share")


def _sizes_and_shares(
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
