r"""Recruitment in closed form: the Poisson-gamma model, before the trial starts and while it recruits.

Families enter care in a borough in a Poisson process whose rate follows the calendar. The whole of a borough's
rate is multiplied by a gamma variable G of mean one, drawn once: how far the borough departs from its plan. A
family that enters is screened while the borough is open and not paused, is eligible and consents with fixed
probabilities, and each step may take time. Thinned and displaced, a Poisson process remains one, so the number
that a borough randomises between two moments is Poisson with mean G m, where m is what the plan expects, and
without G given it is negative binomial. Everything here follows from that:

- the sum over boroughs with different parameters is found by multiplying generating functions and inverting them
  with the fast Fourier transform: exact to rounding;
- the target is reached by a moment if the count by then is at least the target; for one borough with a constant
  rate that time is beta-prime;
- after n were randomised where the plan expected m, the gamma variable of shape a and rate b becomes one of shape
  a + n and rate b + m, and the forecast has the same form as before the start.

What is assumed: G does not change during the trial, boroughs are independent of each other, families of each other,
and nobody waits for anybody else. Where a court is congested, a family's wait depends on the others', and the
simulation is needed. What the tests for drift and for boroughs that differ from their plans are for is to see when
the first of these fails.

A date stands for its first moment, as the day on which a borough opens or closes does: what is recruited "by" 1 June
was recruited before that day began. A month is 365.25/12 days.

References
----------
Anisimov & Fedorov (2007) Statistics in Medicine 26:4958. Anisimov (2011) Statistics in Medicine 30:1837. Bakhshi,
Senn & Phillips (2013) Statistics in Medicine 32:5031. Gajewski, Simon & Carlson (2008) Statistics in Medicine
27:2328.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import fft, linalg, optimize, special, stats

if TYPE_CHECKING:
    from best_sim.scenario import Duration, Scenario

__all__ = [
    "BetaShare",
    "BoroughCheck",
    "BoroughChecks",
    "BoroughPlan",
    "CountDistribution",
    "DriftTest",
    "GammaRate",
    "RecruitmentForecast",
    "RecruitmentRates",
    "TargetTime",
    "borough_plans",
    "check_boroughs",
    "delay_by_day",
    "drift_test",
    "estimated_rates",
    "expected_by_screening",
    "expected_randomised",
    "forecast_before",
    "forecast_during",
    "forecast_with_consent",
    "planned_rates",
    "recruitment_rates",
    "retained",
    "updated_rates",
]

Floats = NDArray[np.float64]
Pair = tuple[float, float]
When = dt.date | float
Stage = Literal["screened", "eligible", "randomised"]

YEAR = 365.25
MONTH = YEAR / 12.0
AT_ONCE = (1.0,)
"""A delay of no time, by day."""
_BEYOND = 1e-14  # probability of a count beyond the last that is followed, for each borough
_NODES = 48  # of the quadrature over an uncertain share
_QUANTILES = 4000  # by which a delay's distribution is known
_ROUNDING = 1e-12


# ------------------------------------------------------------------------------------------------------------
# What is planned


@dataclass(frozen=True, kw_only=True)
class BoroughPlan:
    """What is expected of one borough.

    Attributes
    ----------
    name : str
    opens : datetime.date
        First day on which families are screened.
    closes : datetime.date or None
        First day on which they no longer are; None if that is not set.
    entries : tuple of (datetime.date, float)
        Families entering care per year from each date on, dates rising; the first also holds before its date.
    eligible : float
        Share of families that are eligible and invited.
    consent : float
        Share of those whose parents consent and who are randomised.
    shape : float
        Shape of the gamma variable by which the borough's rate departs from its plan: one over the square of the
        coefficient of variation; infinite if it does not depart.
    pauses : tuple of (datetime.date, datetime.date)
        First day of each pause, and first day after it.
    site : str
        Boroughs of one site share their consent.
    title : str
        As it is shown; empty if that is the name.
    known_since : datetime.date or None
        Day from which families are counted at all; None if families who became known long before the opening may be
        invited.
    to_invitation, to_randomisation : tuple of float
        Share of families by whole days from entry to screening and invitation, and from there to randomisation;
        made by :func:`delay_by_day`.

    Raises
    ------
    ValueError
        If anything is not as said, with everything that is wrong.
    """

    name: str
    opens: dt.date
    entries: tuple[tuple[dt.date, float], ...]
    eligible: float
    consent: float
    shape: float = math.inf
    closes: dt.date | None = None
    pauses: tuple[tuple[dt.date, dt.date], ...] = ()
    site: str = ""
    title: str = ""
    known_since: dt.date | None = None
    to_invitation: tuple[float, ...] = field(default=AT_ONCE, repr=False)
    to_randomisation: tuple[float, ...] = field(default=AT_ONCE, repr=False)

    def __post_init__(self) -> None:
        wrong = []
        dates = [day for day, _ in self.entries]
        if not dates or any(later <= earlier for earlier, later in zip(dates, dates[1:], strict=False)):
            wrong.append("entries need at least one date, each after the one before")
        if not all(0.0 <= rate < math.inf for _, rate in self.entries):
            wrong.append(f"entries are {[rate for _, rate in self.entries]}; none may be negative")
        for what in ("eligible", "consent"):
            if not 0.0 <= getattr(self, what) <= 1.0:
                wrong.append(f"{what} is {getattr(self, what)}; it may be between 0 and 1")
        if not self.shape > 0.0:
            wrong.append(f"shape is {self.shape}; it has to be positive")
        if self.closes is not None and self.closes <= self.opens:
            wrong.append(f"it closes on {self.closes}, and opens on {self.opens}")
        wrong += [f"a pause from {a} ends on {b}" for a, b in self.pauses if b <= a]
        for what in ("to_invitation", "to_randomisation"):
            shares = np.asarray(getattr(self, what), dtype=np.float64)
            if shares.size == 0 or np.any(shares < 0.0) or abs(shares.sum() - 1.0) > 1e-9:
                wrong.append(f"the shares by day of {what} have to be at least one, none negative, of sum 1")
        if wrong:
            raise ValueError(f"The plan of {self.name} can't be used: {'; '.join(wrong)}")

    @property
    def shown(self) -> str:
        """Title, or the name where there is none."""
        return self.title or self.name

    @property
    def variation(self) -> float:
        """Coefficient of variation of the borough's rate."""
        return 0.0 if math.isinf(self.shape) else 1.0 / math.sqrt(self.shape)


def delay_by_day(*quantiles: Callable[[float], float]) -> tuple[float, ...]:
    """A delay, or a sum of independent delays, as shares by whole days.

    Parameters
    ----------
    *quantiles : callable
        Quantile function of each delay, in days; a `best_sim.scenario.Duration` has one, and so has scipy's ``ppf``.

    Returns
    -------
    tuple of float
        Share of families, entering at any time of a day, for whom the end of the delay falls 0, 1, 2, ... days later.

    Raises
    ------
    ValueError
        If a quantile is negative.

    Notes
    -----
    Each distribution is known at 4,000 quantiles, so the one family in 8,000 with the longest delay is taken as the
    one just before it. The mean is that of the quantiles; each of several delays is taken to begin at any time of a
    day, which spreads their sum by a fraction of a day.
    """
    total = np.ones(1)
    levels = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    for quantile in quantiles:
        days = np.array([quantile(level) for level in levels])
        if np.any(days < 0.0):
            raise ValueError(f"a delay has a quantile of {days.min()} days; it may not be negative")
        whole = np.floor(days).astype(int)
        later = days - whole  # of families entering at any time of the day, so many get to one day more
        shares = np.bincount(whole, 1.0 - later, minlength=whole[-1] + 2) + np.bincount(whole + 1, later)
        total = np.convolve(total, shares / _QUANTILES)
    return _of_sum_one(total)


def _of_sum_one(shares: Floats) -> tuple[float, ...]:
    last = int(np.flatnonzero(shares)[-1])
    return tuple((shares[: last + 1] / shares.sum()).tolist())


@dataclass(frozen=True)
class _Calendar:
    """Families that a plan expects to screen on each day, and to have randomised before each day and after the last."""

    first: dt.date
    screened: Floats
    reached: Floats

    @classmethod
    def of(cls, plan: BoroughPlan, until: dt.date) -> _Calendar:
        before = len(plan.to_invitation) - 1
        first = plan.opens - dt.timedelta(days=before)
        n = max((until - first).days, before) + 1
        entries = _step(plan.entries, first, n) / YEAR
        if plan.known_since is not None:
            entries[: max((plan.known_since - first).days, 0)] = 0.0
        screened = np.convolve(entries, plan.to_invitation)[:n]
        closed = np.zeros(n, dtype=bool)
        closed[:before] = True
        ends = () if plan.closes is None else ((plan.closes, dt.date.max),)
        for since, to in (*plan.pauses, *ends):
            closed[max((since - first).days, 0) : max((to - first).days, 0)] = True
        screened[closed] = 0.0
        randomised = np.convolve(screened * plan.eligible * plan.consent, plan.to_randomisation)[:n]
        return cls(first, screened, np.append(0.0, np.cumsum(randomised)))


def _step(series: Sequence[tuple[dt.date, float]], first: dt.date, n: int) -> Floats:
    """A step function by date, on each of n days."""
    days = np.array([(day - first).days for day, _ in series])
    values = np.array([value for _, value in series], dtype=np.float64)
    return values[np.maximum(np.searchsorted(days, np.arange(n), side="right") - 1, 0)]


def expected_randomised(plan: BoroughPlan, dates: Sequence[dt.date]) -> Floats:
    """Families that a borough is expected to have randomised before each date, if it keeps to its plan.

    Parameters
    ----------
    plan : BoroughPlan
    dates : sequence of datetime.date

    Returns
    -------
    (n_dates,) array
        Never falling in the date. Exact if the plan has no delays; else to a fraction of a day's recruits.
    """
    if not dates:
        return np.zeros(0)
    calendar = _Calendar.of(plan, max(dates))
    days = [(day - calendar.first).days for day in dates]
    return calendar.reached[np.clip(days, 0, len(calendar.reached) - 1)]


def expected_by_screening(
    plan: BoroughPlan, edges: Sequence[dt.date], stage: Stage = "randomised", cut_off: dt.date | None = None
) -> Floats:
    """Families expected of a borough in each period, by the date on which they were screened.

    Parameters
    ----------
    plan : BoroughPlan
    edges : sequence of datetime.date
        Rising; period i goes from ``edges[i]`` to before ``edges[i + 1]``.
    stage : {"screened", "eligible", "randomised"}
        Which families are counted.
    cut_off : datetime.date, optional
        For those randomised: only those who were randomised before this date. Of families screened shortly before
        it, some have yet to answer, which is not a falling rate.

    Returns
    -------
    (n_edges - 1,) array

    Raises
    ------
    ValueError
        If the edges do not rise.
    """
    if any(later <= earlier for earlier, later in zip(edges, edges[1:], strict=False)):
        raise ValueError("edges have to rise")
    calendar = _Calendar.of(plan, max(edges))
    by_day = calendar.screened * {"screened": 1.0, "eligible": plan.eligible}.get(
        stage, plan.eligible * plan.consent
    )
    if stage == "randomised" and cut_off is not None:
        left = (cut_off - calendar.first).days - np.arange(len(by_day))
        done = np.append(0.0, np.cumsum(plan.to_randomisation))  # within 0, 1, 2, ... whole days of the day
        by_day = by_day * done[np.clip(left, 0, len(done) - 1)]
    reached = np.append(0.0, np.cumsum(by_day))
    return np.diff(reached[np.clip([(day - calendar.first).days for day in edges], 0, len(reached) - 1)])


# ------------------------------------------------------------------------------------------------------------
# What is believed


@dataclass(frozen=True)
class GammaRate:
    """What is believed of a borough's rate, as a multiple of its plan: a gamma variable.

    Attributes
    ----------
    shape : float
        Infinite if the rate is taken as known.
    mean : float
        1 is the plan.
    """

    shape: float
    mean: float = 1.0

    def __post_init__(self) -> None:
        if not (self.shape > 0.0 and 0.0 <= self.mean < math.inf):
            raise ValueError(f"shape {self.shape} has to be positive and mean {self.mean} not negative")
        if self.mean == 0.0 and not math.isinf(self.shape):
            raise ValueError("a rate that may vary can't have mean 0")

    @classmethod
    def elicited(cls, families: float, certainty: float) -> GammaRate:
        """The prior of someone who plans for so many families and is so sure of it.

        Parameters
        ----------
        families : float
            Families planned.
        certainty : float
            Above 0, up to 1: the plan counts as much as having seen this share of those families.

        Returns
        -------
        GammaRate
            Of mean 1 and shape ``certainty * families``.

        Notes
        -----
        Gajewski, Simon & Carlson (2008) Statistics in Medicine 27:2328.
        """
        if not (families > 0.0 and 0.0 < certainty <= 1.0):
            raise ValueError(f"{families} families and certainty {certainty}; above 0, and above 0 up to 1")
        return cls(certainty * families)

    def updated(self, recruited: int, expected: float) -> GammaRate:
        """What is believed after so many were recruited where the plan expected so many.

        Parameters
        ----------
        recruited : int
        expected : float
            Families that the plan (a multiple of 1) expected in the same time.

        Returns
        -------
        GammaRate
            Unchanged if the rate was taken as known.
        """
        if recruited < 0 or not 0.0 <= expected < math.inf:
            raise ValueError(f"{recruited} recruited of {expected} expected; neither may be negative")
        if math.isinf(self.shape):
            return self
        shape = self.shape + recruited
        return GammaRate(shape, shape / (self.shape / self.mean + expected))

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return 0.0 if math.isinf(self.shape) else self.mean / math.sqrt(self.shape)

    def interval(self, level: float = 0.9) -> Pair:
        """Quantiles between which the rate lies with a probability of `level`, half of the rest on each side."""
        if math.isinf(self.shape):
            return self.mean, self.mean
        low, high = stats.gamma.interval(level, self.shape, scale=self.mean / self.shape)
        return float(low), float(high)

    def count(self, expected: float) -> Any:
        """Distribution of the number recruited while the plan expects so many.

        Parameters
        ----------
        expected : float

        Returns
        -------
        scipy.stats frozen nbinom or poisson
        """
        if math.isinf(self.shape):
            return stats.poisson(self.mean * expected)
        return stats.nbinom(self.shape, self.shape / (self.shape + self.mean * expected))


@dataclass(frozen=True)
class BetaShare:
    """What is believed of a share, of consent or of retention: a beta variable.

    Attributes
    ----------
    successes, failures : float
        Parameters of the beta distribution, both positive; what was seen counts one each.
    """

    successes: float
    failures: float

    def __post_init__(self) -> None:
        if not (0.0 < self.successes < math.inf and 0.0 < self.failures < math.inf):
            raise ValueError(f"successes {self.successes} and failures {self.failures} have to be positive")

    @classmethod
    def worth(cls, mean: float, families: float) -> BetaShare:
        """A prior with a mean, that counts as much as having seen so many families."""
        return cls(mean * families, (1.0 - mean) * families)

    def updated(self, successes: int, of: int) -> BetaShare:
        """What is believed after so many successes were seen of so many families that have answered."""
        if not 0 <= successes <= of:
            raise ValueError(f"{successes} of {of} is not a share")
        return BetaShare(self.successes + successes, self.failures + of - successes)

    @property
    def mean(self) -> float:
        """Mean."""
        return self.successes / (self.successes + self.failures)

    @property
    def sd(self) -> float:
        """Standard deviation."""
        return math.sqrt(self.mean * (1.0 - self.mean) / (self.successes + self.failures + 1.0))

    def interval(self, level: float = 0.9) -> Pair:
        """Quantiles between which the share lies with a probability of `level`, half of the rest on each side."""
        low, high = stats.beta.interval(level, self.successes, self.failures)
        return float(low), float(high)

    def nodes(self, n: int = _NODES) -> tuple[Floats, Floats]:
        """Points and weights of the Gauss-Jacobi quadrature: exact means of polynomials of degree below 2n.

        Notes
        -----
        Golub & Welsch (1969) Mathematics of Computation 23:221. The weights sum to one whatever the parameters, where
        the usual ones, of the density without its constant, would overflow.
        """
        a, b = self.failures - 1.0, self.successes - 1.0  # powers of 1 - x and of 1 + x, x from -1 to 1
        k = np.arange(1, n, dtype=np.float64)
        both = 2.0 * k + a + b
        middle = np.append((b - a) / (a + b + 2.0), (b - a) * (a + b) / (both * (both + 2.0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            aside = 4.0 * k * (k + a) * (k + b) * (k + a + b) / (both**2 * (both**2 - 1.0))
        # k = 1 on its own: k + a + b and both - 1 are the same number, and may be 0
        aside[0] = 4.0 * (1.0 + a) * (1.0 + b) / ((2.0 + a + b) ** 2 * (3.0 + a + b))
        points, vectors = linalg.eigh_tridiagonal(middle, np.sqrt(aside))
        return np.clip((1.0 + points) / 2.0, 0.0, 1.0), vectors[0] ** 2


def planned_rates(plans: Iterable[BoroughPlan]) -> tuple[GammaRate, ...]:
    """What is believed before anything was seen: mean 1, and the shape of each plan."""
    return tuple(GammaRate(plan.shape) for plan in plans)


def updated_rates(
    plans: Sequence[BoroughPlan], recruited: Sequence[int], expected: Sequence[float]
) -> tuple[GammaRate, ...]:
    """What is believed of each borough's rate after what was seen: gamma prior and Poisson counts, conjugate.

    Parameters
    ----------
    plans : sequence of BoroughPlan
    recruited : sequence of int
        By borough.
    expected : sequence of float
        What each plan expected in the same time, of the same families; 0 for a borough that has not opened, which
        leaves it at its plan.

    Returns
    -------
    tuple of GammaRate
    """
    priors = planned_rates(plans)
    return tuple(
        prior.updated(int(n), float(m)) for prior, n, m in zip(priors, recruited, expected, strict=True)
    )


def estimated_rates(recruited: Sequence[int], expected: Sequence[float]) -> tuple[GammaRate, ...]:
    """Each rate set to its estimate, recruited over expected, as if that were known: what a plug-in forecast uses.

    Parameters
    ----------
    recruited, expected
        As for :func:`updated_rates`; a borough of which nothing was expected is taken to keep to its plan.

    Returns
    -------
    tuple of GammaRate
        Of infinite shape.
    """
    return tuple(
        GammaRate(math.inf, n / m if m > 0.0 else 1.0) for n, m in zip(recruited, expected, strict=True)
    )


# ------------------------------------------------------------------------------------------------------------
# The forecast


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

    def at_most(self, n: int) -> float:
        """Probability of n or fewer."""
        k = n - self.lowest
        return 0.0 if k < 0 else float(self._cdf[min(k, len(self.pmf) - 1)])

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
        _require_level(level)
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
            calendar = _Calendar.of(plan, self.ends)
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

    def count_of(self, borough: str, when: When) -> CountDistribution:
        """As :meth:`count_by`, of one borough."""
        which = [i for i, plan in enumerate(self.plans) if plan.name == borough]
        if not which:
            raise ValueError(
                f"no borough is named {borough!r}; boroughs are {[plan.name for plan in self.plans]}"
            )
        return self._count(self.planned(when), which)

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
        _require_level(p)
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
        _require_level(level)
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
    counts = _by_plan(plans, recruited)
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
    n_eligible, n_consented = _by_plan(plans, eligible), _by_plan(plans, consented)
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
    return RecruitmentForecast(tuple(plans), rates, cut_off, ends, _by_plan(plans, recruited), consents)


def _by_plan(plans: Sequence[BoroughPlan], counts: Mapping[str, int]) -> tuple[int, ...]:
    """Counts by borough in the order of the plans."""
    names = [plan.name for plan in plans]
    unknown = sorted(set(counts) - set(names))
    if unknown:
        raise ValueError(f"there is no plan for {', '.join(unknown)}; there are plans for {', '.join(names)}")
    return tuple(int(counts.get(name, 0)) for name in names)


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


# ------------------------------------------------------------------------------------------------------------
# Does the plan still hold?


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
    _require_level(alpha)
    counts = _by_plan(plans, recruited)
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


@dataclass(frozen=True)
class RecruitmentRates:
    """Required, overall and recent rate: families a month.

    Attributes
    ----------
    target, recruited : int
        Families.
    required : float
        Needed from the cut-off on to reach the target by its date; 0 if it is reached, infinite if the date is past.
    overall : float
        Since the first opening, pauses included.
    recent : float
        Over the last `recent_months` months, or since the opening where that is less.
    recent_months : float
        Months that `recent` is over.
    months_left : float
        From the cut-off to the target's date.
    """

    target: int
    recruited: int
    required: float
    overall: float
    recent: float
    recent_months: float
    months_left: float

    def in_words(self) -> str:
        """The three rates, in a sentence or two."""
        so_far = (
            f"So far {self.recruited} of {self.target} families were recruited: {self.overall:.1f} a month overall, "
            f"{self.recent:.1f} a month over the last {self.recent_months:.3g} months."
        )
        if self.recruited >= self.target:
            return f"{so_far} The target is reached."
        if self.months_left <= 0.0:
            return f"{so_far} The date for the target is past."
        compared = "less" if self.recent > self.required else "more"
        return (
            f"{so_far} From now on {self.required:.1f} a month are needed for {self.months_left:.1f} months, "
            f"{compared} than of late."
        )


def recruitment_rates(
    dates: Sequence[dt.date],
    counts: Sequence[int],
    *,
    target: int,
    opened: dt.date,
    cut_off: dt.date,
    by: dt.date,
    recent_months: int = 3,
) -> RecruitmentRates:
    """Families per month needed from now on, and achieved so far and of late.

    Parameters
    ----------
    dates : sequence of datetime.date
        Dates on which families were recruited, or first days of periods.
    counts : sequence of int
        Families of each.
    target : int
    opened : datetime.date
        First opening.
    cut_off : datetime.date
        First day of which nothing is known; what is dated later is not counted.
    by : datetime.date
        Date by which the target is wanted.
    recent_months : int
        Months that count as recent.

    Returns
    -------
    RecruitmentRates

    Raises
    ------
    ValueError
        If the cut-off is not after the opening, or the number of months not positive.
    """
    if cut_off <= opened:
        raise ValueError(f"the cut-off {cut_off} is not after the first opening {opened}")
    if not recent_months > 0:
        raise ValueError(f"recent_months is {recent_months}; it has to be positive")
    ages = np.array([(cut_off - day).days for day in dates], dtype=np.float64)
    numbers = np.asarray(counts, dtype=np.int64)
    numbers = np.where(ages > 0.0, numbers, 0)
    open_for = (cut_off - opened).days / MONTH
    recent = min(float(recent_months), open_for)
    recruited, lately = int(numbers.sum()), int(numbers[ages <= recent * MONTH + _ROUNDING].sum())
    left = (by - cut_off).days / MONTH
    wanted = max(target - recruited, 0)
    required = 0.0 if wanted == 0 else (wanted / left if left > 0.0 else math.inf)
    return RecruitmentRates(target, recruited, required, recruited / open_for, lately / recent, recent, left)


# ------------------------------------------------------------------------------------------------------------
# From a scenario


def borough_plans(scenario: Scenario) -> tuple[BoroughPlan, ...]:
    """The plans of a scenario's boroughs, with the meaning that the simulation gives to its parameters.

    Parameters
    ----------
    scenario : Scenario

    Returns
    -------
    tuple of BoroughPlan
        In the scenario's order. Entries are families: children over the mean number of children in a family. The
        eligible are those who reach the court, without an older child where the site excludes such families, not
        first placed with a parent, and not excluded for another reason.

    Notes
    -----
    Left out, and so the ways in which the simulated number may differ: courts are taken to hear each case on the
    first day that they sit, families to be placed at the first hearing as they were at entry, orders to come after
    the parents' answer, and entry after issue not to be brought forward by a birth. In the shipped scenario of London
    a test finds all of this together to be within the Monte Carlo error of 500 replicates.
    """
    sizes = scenario.population.children_per_family.shares
    children = sum(n * share for n, share in enumerate(sizes, start=1))
    start = scenario.simulation.start_date
    if scenario.simulation.starts_with == "running":
        start -= dt.timedelta(days=math.ceil(scenario.simulation.warm_up))
    before = math.ceil(scenario.simulation.before_opening)
    first_opening: dict[str, dt.date] = {}
    for borough in scenario.boroughs.values():
        first_opening[borough.site] = min(borough.opens, first_opening.get(borough.site, borough.opens))
    to_randomisation = _to_randomisation(scenario)
    to_invitation = {name: _to_invitation(scenario, court.pace) for name, court in scenario.courts.items()}
    plans = []
    for name, borough in scenario.boroughs.items():
        days_before = min(before, (first_opening[borough.site] - start).days)
        plans.append(
            BoroughPlan(
                name=name,
                opens=borough.opens,
                closes=borough.closes,
                entries=tuple((day, rate / children) for day, rate in borough.entries),
                eligible=_eligible(scenario, borough.site),
                consent=scenario.sites[borough.site].consent,
                shape=_shape(borough.rate_variation),
                pauses=_pauses(scenario.sites[borough.site].recruiting, borough.opens, borough.closes),
                site=borough.site,
                title=borough.title,
                known_since=first_opening[borough.site] - dt.timedelta(days=days_before),
                to_invitation=to_invitation[borough.court],
                to_randomisation=to_randomisation,
            )
        )
    return tuple(plans)


def _shape(variation: float) -> float:
    return 1.0 / variation**2 if variation > 1e-6 else math.inf


def _eligible(scenario: Scenario, site: str) -> float:
    """Share of families entering care in a site that are invited."""
    place = scenario.sites[site]
    entry = scenario.entry
    in_court = 1.0 - entry.route["voluntary"] * entry.voluntary_never_in_proceedings
    young = 1.0 if place.invites_families_with_older_child else 1.0 - scenario.population.older_sibling_share
    return in_court * young * (1.0 - entry.first_placement["with_parents"]) * (1.0 - place.other_exclusion)


def _pauses(
    recruiting: Iterable[tuple[dt.date, float]], opens: dt.date, closes: dt.date | None
) -> tuple[tuple[dt.date, dt.date], ...]:
    """When the site does not recruit while the borough is open; without an end, to the last date there is."""
    series = list(recruiting)
    since = [dt.date.min, *(day for day, _ in series[1:])]
    until = [*since[1:], dt.date.max]
    last = dt.date.max if closes is None else closes
    return tuple(
        (max(a, opens), min(b, last))
        for a, b, (_, value) in zip(since, until, series, strict=True)
        if value <= 0.5 and max(a, opens) < min(b, last)
    )


def _to_randomisation(scenario: Scenario) -> tuple[float, ...]:
    trial = scenario.trial
    delays = [trial.consent_delay, trial.randomisation_delay]
    if trial.steps == "consent > baseline > randomisation":
        delays.append(trial.baseline_delay)
    return delay_by_day(*(delay.quantile for delay in delays))


def _to_invitation(scenario: Scenario, pace: float) -> tuple[float, ...]:
    """From when a family becomes known to its first hearing, or to entry where that is later."""
    entry, notice = scenario.entry, scenario.proceedings.notice
    contested = scenario.proceedings.contested_interim

    def paced(duration: Duration) -> Callable[[float], float]:
        return lambda p: pace * duration.quantile(p)

    # ordinary lists sit from Monday to Friday, urgent ones on Tuesday and Thursday
    ordinary = delay_by_day(paced(notice.case_management), _wait_for_next([1.0] * 4 + [3.0]))
    urgent = delay_by_day(paced(notice.interim), _wait_for_next([2.0, 5.0]))
    hearing = _mixture([(1.0 - contested, np.array(ordinary)), (contested, np.array(urgent))])
    in_court = 1.0 - entry.voluntary_never_in_proceedings
    voluntary = np.convolve(delay_by_day(entry.issue_after_voluntary.quantile), hearing)
    ordered = np.convolve(delay_by_day(entry.issue_after_order.quantile), hearing)
    entered = np.array(delay_by_day(entry.entry_after_issue.quantile))
    return _of_sum_one(
        _mixture(
            [
                (entry.route["voluntary"] * in_court, voluntary),
                (entry.route["emergency_or_interim"], ordered),
                (entry.route["during_proceedings"], _later_of(entered, hearing)),
            ]
        )
    )


def _wait_for_next(gaps: Sequence[float]) -> Callable[[float], float]:
    """Quantile function of the wait, from any time of a cycle of gaps between sittings, for the next sitting."""
    lengths = np.sort(np.asarray(gaps, dtype=np.float64))
    cycle = lengths.sum()
    # P(wait <= w) is the length of all within w of a gap's end, over the cycle: linear between the gaps' lengths
    points = np.append(0.0, np.unique(lengths))
    levels = [float(np.minimum(lengths, w).sum() / cycle) for w in points]
    return lambda p: float(np.interp(p, levels, points))


def _mixture(parts: Sequence[tuple[float, Floats]]) -> Floats:
    out = np.zeros(max(len(shares) for _, shares in parts))
    for weight, shares in parts:
        out[: len(shares)] += weight * shares
    return out


def _later_of(one: Floats, other: Floats) -> Floats:
    """Shares by day of the later of two independent delays."""
    n = max(len(one), len(other))
    reached = np.cumsum(np.pad(one, (0, n - len(one)))) * np.cumsum(np.pad(other, (0, n - len(other))))
    return np.diff(reached, prepend=0.0)


def _require_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise ValueError(f"{level} is not above 0 and below 1")
