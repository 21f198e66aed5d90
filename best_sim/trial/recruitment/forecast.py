"""How many families will have been recruited by when, and when a target is reached."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import fft, optimize, special, stats

from best_sim.trial.arguments import require_inside
from best_sim.trial.recruitment.beliefs import (
    BetaShare,
    GammaRate,
    estimated_rates,
    planned_rates,
    updated_rates,
)
from best_sim.trial.recruitment.plans import (
    BoroughPlan,
    ExpectedByDay,
    Floats,
    counts_by_plan,
    expected_by_screening,
    expected_randomised,
)

When = dt.date | float
_BEYOND = 1e-14  # probability of a count beyond the last that is followed, for each borough
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class CountDistribution:
    """Distribution of a number of families.

    Attributes
    ----------
    lowest : int
        Number of which ``pmf[0]`` is the probability.
    pmf : (n,) array
        Probabilities, up to a number that is passed with a probability below 1e-12.
    """

    lowest: int
    pmf: Floats

    @cached_property
    def _cdf(self) -> Floats:
        return np.minimum(np.cumsum(self.pmf), 1.0)

    @property
    def support(self) -> NDArray[np.int64]:
        """Numbers of families that the probabilities are of."""
        return self.lowest + np.arange(len(self.pmf))

    @property
    def mean(self) -> float:
        """Mean."""
        return float(self.support @ self.pmf)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return math.sqrt(float((self.support - self.mean) ** 2 @ self.pmf))

    def at_least(self, n: int) -> float:
        """Probability of n or more."""
        k = max(n - self.lowest, 0)
        return float(min(self.pmf[k:].sum(), 1.0))

    def quantile(self, p: float) -> int:
        """Least number with a probability of at least p of that or fewer."""
        k = int(np.searchsorted(self._cdf, p - _ROUNDING))
        return self.lowest + min(k, len(self.pmf) - 1)

    @property
    def median(self) -> int:
        """Median."""
        return self.quantile(0.5)

    def interval(self, level: float = 0.9) -> tuple[int, int]:
        """Quantiles between which the number lies, both included, with a probability of at least `level`."""
        require_inside(level=level)
        return self.quantile((1.0 - level) / 2.0), self.quantile((1.0 + level) / 2.0)


@dataclass(frozen=True, eq=False)
class RecruitmentForecast:
    """How many families will have been recruited by when.

    Attributes
    ----------
    plans : tuple of BoroughPlan
    rates : tuple of GammaRate
        What is believed of each borough's rate, in the order of `plans`.
    since : datetime.date
        Beginning of the forecast.
    ends : datetime.date
        Its end: after it nobody is recruited as far as this forecast says.
    recruited : tuple of int
        Families that each borough recruited before `since`.
    consents : mapping of str to BetaShare
        What is believed of consent, by site; consent in a site that is not named is as its boroughs' plans have it.

    Notes
    -----
    Where consent is uncertain, boroughs of a site share it, and given it their counts are independent and negative
    binomial; the distribution is the mixture of the sums over a quadrature in consent (48 points), exact for all
    practical purposes. The product of a gamma and a beta variable is not gamma, so there is no one closed form.
    """

    plans: tuple[BoroughPlan, ...]
    rates: tuple[GammaRate, ...]
    since: dt.date
    ends: dt.date
    recruited: tuple[int, ...]
    consents: Mapping[str, BetaShare] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.plans or not len(self.plans) == len(self.rates) == len(self.recruited):
            raise ValueError("a forecast needs boroughs, and one rate and one number recruited for each")
        if self.ends < self.since:
            raise ValueError(f"the forecast ends on {self.ends}, before it begins on {self.since}")
        sites = {plan.site for plan in self.plans}
        unknown = [site for site in self.consents if site not in sites]
        if unknown:
            raise ValueError(f"no borough is of the site {unknown[0]!r}; sites are {sorted(sites)}")
        for plan in self.plans:
            if plan.site in self.consents and not plan.consent > 0.0:
                raise ValueError(f"{plan.name} plans for consent of 0, to which no other can be compared")

    @cached_property
    def _reached(self) -> Floats:
        """Recruits that each plan expects from `since` to each day, (n_days + 1, n_boroughs)."""
        n = (self.ends - self.since).days
        columns = []
        for plan in self.plans:
            calendar = ExpectedByDay.of(plan, self.ends)
            day = (self.since - calendar.first).days + np.arange(n + 1)
            columns.append(calendar.reached[np.clip(day, 0, len(calendar.reached) - 1)])
        reached = np.stack(columns, axis=1)
        return reached - reached[0]

    def days_to(self, when: When) -> float:
        """Days from the beginning of the forecast to a moment, between 0 and the forecast's end."""
        day = float((when - self.since).days) if isinstance(when, dt.date) else float(when)
        return min(max(day, 0.0), float((self.ends - self.since).days))

    def planned(self, when: When) -> Floats:
        """Recruits that each borough's plan expects from the beginning of the forecast to a moment.

        Parameters
        ----------
        when : datetime.date or float
            A date, or days since the beginning of the forecast.

        Returns
        -------
        (n_boroughs,) array
        """
        day = self.days_to(when)
        whole = int(day)
        if day == whole:
            return self._reached[whole]
        return self._reached[whole] + (day - whole) * (self._reached[whole + 1] - self._reached[whole])

    def count_by(self, when: When) -> CountDistribution:
        """Distribution of the number recruited by a moment, with those recruited before the forecast.

        Parameters
        ----------
        when : datetime.date or float

        Returns
        -------
        CountDistribution
        """
        return self._count(self.planned(when), range(len(self.plans)))

    def _count(self, planned: Floats, which: Iterable[int]) -> CountDistribution:
        which = list(which)
        factors = []  # of the generating function, one by site whose consent is uncertain, one for the other boroughs
        highest = 0
        for site, share in self.consents.items():
            here = [i for i in which if self.plans[i].site == site]
            if here:
                points, weights = share.nodes()
                compared = points[:, None] / np.array([self.plans[i].consent for i in here])
                factors.append((weights, compared * planned[here], [self.rates[i] for i in here]))
        rest = [i for i in which if self.plans[i].site not in self.consents]
        if rest:
            factors.append((np.ones(1), planned[None, rest], [self.rates[i] for i in rest]))
        for _, expected, rates in factors:
            highest += sum(_highest(rate, m) for rate, m in zip(rates, expected.max(axis=0), strict=True))
        n = int(fft.next_fast_len(highest + 1, real=True))
        z = np.exp(-2j * np.pi * np.arange(n // 2 + 1) / n)
        transform = np.ones(len(z), dtype=np.complex128)
        for weights, expected, rates in factors:
            logs = np.zeros((len(weights), len(z)), dtype=np.complex128)
            for k, rate in enumerate(rates):
                logs += _log_generating_function(rate, expected[:, k], z)
            transform *= weights @ np.exp(logs)
        pmf = np.maximum(fft.irfft(transform, n), 0.0)
        return CountDistribution(sum(self.recruited[i] for i in which), pmf / pmf.sum())

    def probability(self, target: int, by: When) -> float:
        """Probability that at least so many families are recruited by a moment."""
        return self.count_by(by).at_least(target)

    def time_to(self, target: int) -> TargetTime:
        """Distribution of the time at which so many families are recruited."""
        return TargetTime(self, target)

    def contributions(self, by: When) -> pd.DataFrame:
        """What each borough is expected to have contributed by a moment.

        Parameters
        ----------
        by : datetime.date or float

        Returns
        -------
        pandas.DataFrame
            One row a borough: ``borough``, ``opens``, ``recruited`` before the forecast, ``planned`` from then on,
            ``rate`` (mean of what is believed of its multiple of the plan), ``expected`` in all with its ``sd``, its
            ``share`` of all boroughs' expected number, and quantiles ``lower_90``, ``lower_50``, ``median``,
            ``upper_50``, ``upper_90``.
        """
        planned = self.planned(by)
        rows = []
        for i, plan in enumerate(self.plans):
            count = self._count(planned, [i])
            rows.append(
                {
                    "borough": plan.name, "opens": plan.opens, "recruited": self.recruited[i], "planned": planned[i],
                    "rate": self.rates[i].mean, "expected": count.mean, "sd": count.sd, **_quantiles(count),
                }
            )  # fmt: skip
        table = pd.DataFrame(rows)
        total = table["expected"].sum()
        table.insert(7, "share", table["expected"] / total if total > 0.0 else np.nan)
        return table

    def fan(self, dates: Sequence[dt.date], target: int | None = None) -> pd.DataFrame:
        """Number recruited by each of several dates, with its intervals.

        Parameters
        ----------
        dates : sequence of datetime.date
            Such as the first of each month, see :meth:`months`.
        target : int, optional

        Returns
        -------
        pandas.DataFrame
            One row a date: ``date``, ``mean``, ``lower_90``, ``lower_50``, ``median``, ``upper_50``, ``upper_90``,
            and with a target ``probability`` that it is reached by then.
        """
        rows = []
        for day in dates:
            count = self.count_by(day)
            row = {"date": day, "mean": count.mean, **_quantiles(count)}
            if target is not None:
                row["probability"] = count.at_least(target)
            rows.append(row)
        return pd.DataFrame(rows)

    def months(self) -> tuple[dt.date, ...]:
        """The beginning of the forecast, the first of each month after it, and its end."""
        out, day = [self.since], self.since.replace(day=1)
        while (day := (day + dt.timedelta(days=32)).replace(day=1)) < self.ends:
            out.append(day)
        return (*out, self.ends) if self.ends > self.since else tuple(out)


@dataclass(frozen=True, eq=False)
class TargetTime:
    """When a number of families is reached.

    Attributes
    ----------
    forecast : RecruitmentForecast
    target : int
    """

    forecast: RecruitmentForecast
    target: int

    def probability(self, by: When) -> float:
        """Probability that the target is reached by a moment."""
        return self.forecast.probability(self.target, by)

    @cached_property
    def never(self) -> float:
        """Probability that the target is not reached by the end of the forecast."""
        return 1.0 - self.probability(self.forecast.ends)

    def days(self, p: float) -> float:
        """Days from the beginning of the forecast by which the target is reached with a probability of p.

        Parameters
        ----------
        p : float
            Above 0, below 1.

        Returns
        -------
        float
            Infinite if that is not by the end of the forecast. Where recruitment pauses, the end of the pause or its
            beginning, whichever the probability is first reached at.
        """
        require_inside(p=p)
        last = float((self.forecast.ends - self.forecast.since).days)
        if self.probability(0.0) >= p:
            return 0.0
        if self.probability(last) < p:
            return math.inf
        low, high = 0, int(last)  # the probability is below p at low, and is not at high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.probability(float(middle)) >= p else (middle, high)
        if self.probability(float(high)) == p:
            return float(high)
        return float(optimize.brentq(lambda day: self.probability(day) - p, low, high, xtol=1e-6))

    def date(self, p: float) -> dt.date | None:
        """First date by which the target is reached with a probability of at least p.

        Parameters
        ----------
        p : float

        Returns
        -------
        datetime.date or None
            None if that is not by the end of the forecast.
        """
        days = self.days(p)
        return (
            None if math.isinf(days) else self.forecast.since + dt.timedelta(days=math.ceil(days - _ROUNDING))
        )

    @property
    def median(self) -> dt.date | None:
        """Date by which the target is as likely reached as not; None if that is not by the forecast's end."""
        return self.date(0.5)

    def interval(self, level: float = 0.9) -> tuple[dt.date | None, dt.date | None]:
        """Dates between which the target is reached with a probability of `level`, half of the rest on each side."""
        require_inside(level=level)
        return self.date((1.0 - level) / 2.0), self.date((1.0 + level) / 2.0)


def _quantiles(count: CountDistribution) -> dict[str, int]:
    levels = {"lower_90": 0.05, "lower_50": 0.25, "median": 0.5, "upper_50": 0.75, "upper_90": 0.95}
    return {name: count.quantile(p) for name, p in levels.items()}


def _log_generating_function(rate: GammaRate, expected: Floats, z: NDArray[np.complex128]) -> Any:
    """Log of the mean of z to the power of the count, (n_expected, n_z)."""
    mean = (rate.mean * expected)[:, None]
    if math.isinf(rate.shape):
        return mean * (z - 1.0)
    # the real part of what the logarithm is taken of is at least 1, so its principal value is the right one
    return -rate.shape * np.log1p(mean / rate.shape * (1.0 - z))


def _highest(rate: GammaRate, expected: float) -> int:
    """A count that is passed with a probability of less than twice `_BEYOND`."""
    mean = rate.mean * expected
    if not math.isinf(rate.shape):
        mean *= float(special.gammainccinv(rate.shape, _BEYOND)) / rate.shape
    # P(Poisson > m + x) <= exp(-x^2 / (2 (m + x / 3))), by Bernstein's inequality
    log = -math.log(_BEYOND)
    return math.ceil(mean + log / 3.0 + math.sqrt(log * log / 9.0 + 2.0 * mean * log)) if mean > 0.0 else 0


def forecast_before(plans: Sequence[BoroughPlan], ends: dt.date) -> RecruitmentForecast:
    """The forecast before anything was seen.

    Parameters
    ----------
    plans : sequence of BoroughPlan
    ends : datetime.date
        End of the forecast.

    Returns
    -------
    RecruitmentForecast
        From the first borough's opening.
    """
    if not plans:
        raise ValueError("a forecast needs boroughs")
    since = min(plan.opens for plan in plans)
    return RecruitmentForecast(tuple(plans), planned_rates(plans), since, ends, (0,) * len(plans))


def forecast_during(
    plans: Sequence[BoroughPlan],
    recruited: Mapping[str, int],
    cut_off: dt.date,
    ends: dt.date,
    method: Literal["updated", "plug-in"] = "updated",
) -> RecruitmentForecast:
    """The forecast from what was recruited so far, eligibility and consent as planned.

    Parameters
    ----------
    plans : sequence of BoroughPlan
    recruited : mapping of str to int
        Families randomised before `cut_off`, by borough; none where a borough is not named.
    cut_off : datetime.date
        First day of which nothing is known.
    ends : datetime.date
        End of the forecast.
    method : {"updated", "plug-in"}
        ``"updated"``: each borough's gamma variable is updated. ``"plug-in"``: its rate is set to recruited over
        expected as if known, with Poisson counts; given beside it to show what that leaves out, since its
        intervals are too short.

    Returns
    -------
    RecruitmentForecast

    Raises
    ------
    ValueError
        If a borough has no plan.
    """
    counts = counts_by_plan(plans, recruited)
    expected = [float(expected_randomised(plan, [cut_off])[0]) for plan in plans]
    plug_in = method == "plug-in"
    rates = estimated_rates(counts, expected) if plug_in else updated_rates(plans, counts, expected)
    return RecruitmentForecast(tuple(plans), rates, cut_off, ends, counts)


def forecast_with_consent(
    plans: Sequence[BoroughPlan],
    eligible: Mapping[str, int],
    consented: Mapping[str, int],
    recruited: Mapping[str, int],
    cut_off: dt.date,
    ends: dt.date,
    priors: Mapping[str, BetaShare],
    answered_before: dt.date | None = None,
) -> RecruitmentForecast:
    """The forecast from what was seen so far, with rates and consent both uncertain.

    Parameters
    ----------
    plans : sequence of BoroughPlan
    eligible : mapping of str to int
        Families screened before `answered_before` and found eligible, by borough; they update the borough's rate.
    consented : mapping of str to int
        Those of them whose parents consented; with `eligible` they update the site's consent.
    recruited : mapping of str to int
        Families randomised before `cut_off`.
    cut_off, ends : datetime.date
        As for :func:`forecast_during`.
    priors : mapping of str to BetaShare
        What was believed of consent before, by site.
    answered_before : datetime.date, optional
        By default the cut-off. Set it as long before the cut-off as parents may take to answer.

    Returns
    -------
    RecruitmentForecast

    Notes
    -----
    A family that is eligible and has not answered yet counts as one that did not consent; without `answered_before`
    consent is taken as a little too low where the answer takes long. Counts of families who were screened do not
    enter: what departs from the planned share eligible is taken as part of the borough's rate.
    """
    n_eligible, n_consented = counts_by_plan(plans, eligible), counts_by_plan(plans, consented)
    expected = []
    for plan in plans:
        until = answered_before or cut_off
        edges = [min(plan.opens, until - dt.timedelta(days=1)), until]
        expected.append(float(expected_by_screening(plan, edges, "eligible")[0]))
    consents = {}
    for site, prior in priors.items():
        here = [i for i, plan in enumerate(plans) if plan.site == site]
        consents[site] = prior.updated(sum(n_consented[i] for i in here), sum(n_eligible[i] for i in here))
    rates = updated_rates(plans, n_eligible, expected)
    return RecruitmentForecast(tuple(plans), rates, cut_off, ends, counts_by_plan(plans, recruited), consents)


def retained(count: CountDistribution, retention: BetaShare) -> CountDistribution:
    """Distribution of the number of families seen at a visit, of a number recruited that is itself uncertain.

    Parameters
    ----------
    count : CountDistribution
        Families recruited.
    retention : BetaShare
        What is believed of the share that is seen, the same for all of them.

    Returns
    -------
    CountDistribution
        The mixture of beta-binomial distributions.
    """
    likely = np.flatnonzero(count.pmf > 0.0)
    numbers = count.lowest + likely
    seen = np.arange(numbers.max() + 1)
    pmf = np.zeros(len(seen))
    for n, p in zip(numbers, count.pmf[likely], strict=True):
        pmf[: n + 1] += p * stats.betabinom.pmf(np.arange(n + 1), n, retention.successes, retention.failures)
    return CountDistribution(0, pmf / pmf.sum())
