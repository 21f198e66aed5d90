"""Does the plan still hold? Whether rates change over time, and whether boroughs recruit as planned."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import fft, stats

from best_sim.trial.arguments import require_inside
from best_sim.trial.recruitment.beliefs import GammaRate, Pair
from best_sim.trial.recruitment.plans import BoroughPlan, Floats, counts_by_plan, expected_randomised


@dataclass(frozen=True)
class DriftTest:
    """Whether rates change over time, compared with what the plans expect.

    Attributes
    ----------
    recruited : int
        Families in all.
    early, late : float
        Recruited over expected in the first and the second half of what was expected, both relative to the whole.
    pvalue : float
        Exact, two-sided, given each borough's total, if counts are Poisson.
    dispersion : float
        Variance over that of Poisson counts, from Pearson's statistic; 1 if counts are Poisson, more if families
        come in clusters.
    pvalue_overdispersed : float
        As `pvalue`, with the trend's standard error made larger where `dispersion` is above 1; approximate.
    """

    recruited: int
    early: float
    late: float
    pvalue: float
    dispersion: float
    pvalue_overdispersed: float

    def in_words(self, alpha: float = 0.05) -> str:
        """What the test says, in a sentence or two."""
        if self.recruited == 0 or math.isnan(self.late):
            return "Too little was recruited to see whether rates change over time."
        seen = (
            f"Against the plan, boroughs recruited {self.early:.0%} of their own average in the first half and "
            f"{self.late:.0%} in the second"
        )
        p = max(self.pvalue, self.pvalue_overdispersed)
        if p >= alpha:
            return f"{seen}: that may well be chance (p = {p:.2g}). It does not show that rates are steady."
        way = "rise" if self.late > self.early else "fall"
        return (
            f"{seen}: rates seem to {way} over time (p = {p:.2g}). The forecast takes them as steady, so it would "
            f"be too {'late' if way == 'rise' else 'early'} if this goes on."
        )


def drift_test(counts: ArrayLike, expected: ArrayLike) -> DriftTest:
    r"""Whether boroughs' rates rise or fall over time, compared with their plans.

    Given a borough's total, its counts by period are multinomial with probabilities in proportion to what the plan
    expects, whatever the borough's rate. The statistic is :math:`T = \sum_i i\,n_i`, over boroughs; its distribution
    given the totals is found exactly, by generating functions.

    Parameters
    ----------
    counts : (n_periods,) or (n_periods, n_boroughs) array of int
        Families by period, all of one length, such as weeks.
    expected : array of the same shape
        What the plans expect in the same periods, see :func:`expected_by_screening`; only its proportions within
        a borough matter.

    Returns
    -------
    DriftTest

    Raises
    ------
    ValueError
        If the shapes differ, a count is negative or not whole, or families came where none were expected.

    Notes
    -----
    The Poisson score test for a log-linear trend (Cox & Lewis 1966, The Statistical Analysis of Series of Events,
    section 3.3), made exact; the p-value is twice the smaller tail, and so conservative. Families that come in
    clusters make it too small: the second p-value divides the statistic by the square root of the dispersion
    (McCullagh & Nelder 1989, Generalized Linear Models, section 6.2) and takes the t distribution. A real trend adds
    to the dispersion as well, so that test is a little conservative.
    """
    n = np.asarray(counts, dtype=np.float64)
    m = np.asarray(expected, dtype=np.float64)
    if n.shape != m.shape or n.ndim not in (1, 2):
        raise ValueError(f"counts and expected have shapes {n.shape} and {m.shape}; one shape is needed")
    n, m = n.reshape(len(n), -1), m.reshape(len(m), -1)
    if np.any(n < 0.0) or np.any(n != np.floor(n)) or not np.all(m >= 0.0):
        raise ValueError(
            "counts have to be whole numbers, and neither they nor what is expected may be negative"
        )
    if np.any(n[m == 0.0] > 0.0):
        raise ValueError("families came in a period in which the plan expects none")
    use = n.sum(axis=0) > 0.0
    n, m = n[:, use], m[:, use]
    totals = n.sum(axis=0)
    shares = m / m.sum(axis=0) if use.any() else m
    scores = np.arange(len(n), dtype=np.float64)
    early, late = _halves(n, shares, totals)
    pvalue, statistic = _exact_trend(n, shares, totals)
    fitted = shares * totals
    seen = fitted > 0.0
    freedom = int(seen.sum()) - fitted.shape[1]
    middle = scores @ shares
    variance = float(totals @ (scores**2 @ shares - middle**2))
    if freedom < 1 or variance <= 0.0:
        return DriftTest(int(totals.sum()), early, late, pvalue, math.nan, pvalue)
    dispersion = float((((n - fitted)[seen] ** 2) / fitted[seen]).sum()) / freedom
    # half a step towards the middle, as the exact test counts the whole of what was seen
    off = max(abs(statistic - float(totals @ middle)) - 0.5, 0.0)
    z = off / math.sqrt(max(dispersion, 1.0) * variance)
    approximate = float(2.0 * stats.t.sf(z, freedom))
    return DriftTest(int(totals.sum()), early, late, pvalue, dispersion, min(approximate, 1.0))


def _exact_trend(n: Floats, shares: Floats, totals: Floats) -> Pair:
    """Twice the smaller tail of the sum of period numbers given the totals, and that sum."""
    statistic = int(np.arange(len(n)) @ n.sum(axis=1))
    if totals.sum() == 0.0:
        return 1.0, 0.0
    size = int(fft.next_fast_len(int(totals.sum()) * (len(n) - 1) + 1, real=True))
    transform = np.ones(size // 2 + 1, dtype=np.complex128)
    for share, total in zip(shares.T, totals, strict=True):
        transform *= fft.rfft(share, size) ** int(total)
    pmf = np.maximum(fft.irfft(transform, size), 0.0)
    pmf /= pmf.sum()
    tails = pmf[: statistic + 1].sum(), pmf[statistic:].sum()
    return min(1.0, 2.0 * float(min(tails))), float(statistic)


def _halves(n: Floats, shares: Floats, totals: Floats) -> Pair:
    """Recruited over expected in the first and second half of what was expected."""
    fitted = (shares * totals).sum(axis=1)
    if fitted.sum() == 0.0:
        return math.nan, math.nan
    reached = np.cumsum(fitted)
    first = reached - fitted / 2.0 <= reached[-1] / 2.0
    seen = n.sum(axis=1)
    if first.all():
        return 1.0, math.nan
    return (
        float(seen[first].sum() / fitted[first].sum()),
        float(seen[~first].sum() / fitted[~first].sum()),
    )


@dataclass(frozen=True)
class BoroughCheck:
    """Whether a borough recruits as planned.

    Attributes
    ----------
    borough : str
    recruited : int
    expected : float
        By the plan.
    predicted : tuple of int
        Interval in which the number lies with a probability of 90 % by the plan, with its variation.
    pvalue : float
        Twice the probability of a number as far off or further on the same side, by the plan with its variation.
    adjusted : float
        The same, adjusted for the number of boroughs (Holm).
    rate : float
        Mean of what is now believed of its rate, as a multiple of the plan.
    rate_interval : tuple of float
        In which that lies with a probability of 90 %.
    """

    borough: str
    recruited: int
    expected: float
    predicted: tuple[int, int]
    pvalue: float
    adjusted: float
    rate: float
    rate_interval: Pair


@dataclass(frozen=True)
class BoroughChecks:
    """Whether boroughs recruit as planned.

    Attributes
    ----------
    boroughs : tuple of BoroughCheck
        Of those of which something was expected.
    alpha : float
    """

    boroughs: tuple[BoroughCheck, ...]
    alpha: float

    @property
    def by_chance(self) -> float:
        """Highest probability that at least one p-value is below alpha if all boroughs keep to their plans."""
        return float(1.0 - (1.0 - self.alpha) ** len(self.boroughs))

    def table(self) -> pd.DataFrame:
        """One row a borough, with the attributes of `BoroughCheck`; intervals as two columns."""
        return pd.DataFrame(
            {
                "borough": b.borough, "recruited": b.recruited, "expected": b.expected, "lower_90": b.predicted[0],
                "upper_90": b.predicted[1], "pvalue": b.pvalue, "adjusted": b.adjusted, "rate": b.rate,
                "rate_lower_90": b.rate_interval[0], "rate_upper_90": b.rate_interval[1],
            }
            for b in self.boroughs
        )  # fmt: skip

    def in_words(self) -> str:
        """What the checks say, in a few sentences."""
        if not self.boroughs:
            return "No borough has been open long enough to be compared with its plan."
        far = [b for b in self.boroughs if b.adjusted < self.alpha]
        out = [
            f"{b.borough} recruited {b.recruited} where its plan expected {b.expected:.1f} and would have 90 % of "
            f"the time between {b.predicted[0]} and {b.predicted[1]}: it does not keep to its plan "
            f"(p = {b.adjusted:.2g}, adjusted for {_counted(len(self.boroughs))})."
            for b in far
        ]
        if not far:
            out.append(
                f"No borough is further from its plan than chance explains, of {_counted(len(self.boroughs))}."
            )
        alone = [b.borough for b in self.boroughs if b.pvalue < self.alpha <= b.adjusted]
        if alone:
            out.append(
                f"{', '.join(alone)} would stand out alone, but with {_counted(len(self.boroughs))} at least one does "
                f"by chance with a probability of up to {self.by_chance:.0%}."
            )
        return " ".join(out)


def _counted(boroughs: int) -> str:
    return "1 borough" if boroughs == 1 else f"{boroughs} boroughs"


def check_boroughs(
    plans: Sequence[BoroughPlan], recruited: Mapping[str, int], cut_off: dt.date, alpha: float = 0.05
) -> BoroughChecks:
    """Whether boroughs recruit as planned, by how likely what they recruited was before anything was seen.

    Parameters
    ----------
    plans : sequence of BoroughPlan
    recruited : mapping of str to int
        Families randomised before `cut_off`, by borough.
    cut_off : datetime.date
    alpha : float
        Level below which a borough is said not to keep to its plan.

    Returns
    -------
    BoroughChecks
        Without boroughs of which nothing was expected yet.

    Raises
    ------
    ValueError
        If a borough has no plan.

    Notes
    -----
    Prior predictive p-values (Box 1980, Journal of the Royal Statistical Society A 143:383), from the negative
    binomial distribution; twice the smaller tail, and so conservative for small counts. Adjusted as by Holm (1979)
    Scandinavian Journal of Statistics 6:65.
    """
    require_inside(alpha=alpha)
    counts = counts_by_plan(plans, recruited)
    found = []
    for plan, n in zip(plans, counts, strict=True):
        expected = float(expected_randomised(plan, [cut_off])[0])
        if expected > 0.0:
            prior = GammaRate(plan.shape)
            count = prior.count(expected)
            pvalue = min(1.0, 2.0 * min(float(count.cdf(n)), float(count.sf(n - 1))))
            found.append((plan, n, expected, count, pvalue, prior.updated(n, expected)))
    if not found:
        return BoroughChecks((), alpha)
    adjusted = _holm(np.array([each[4] for each in found]))
    return BoroughChecks(
        tuple(
            BoroughCheck(
                plan.shown, n, expected, (int(count.ppf(0.05)), int(count.ppf(0.95))), pvalue, float(p),
                rate.mean, rate.interval(0.9),
            )
            for (plan, n, expected, count, pvalue, rate), p in zip(found, adjusted, strict=True)
        ),
        alpha,
    )  # fmt: skip


def _holm(pvalues: Floats) -> Floats:
    """P-values adjusted for their number; statsmodels' function collects garbage each time, a tenth of a second."""
    order = np.argsort(pvalues)
    adjusted = np.empty(len(pvalues))
    adjusted[order] = np.maximum.accumulate(pvalues[order] * np.arange(len(pvalues), 0, -1))
    return np.minimum(adjusted, 1.0)
