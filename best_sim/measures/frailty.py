r"""Hazards that are constant in pieces, of children who differ: Poisson likelihood with a shared lognormal frailty.

A row is time at risk in which the hazard is constant, with the events at its end. Given the child's frailty :math:`z`
the number of events of row :math:`i` is as Poisson with mean :math:`z\,t_i\exp(o_i + x_i\beta)`, so the hazard model
is a Poisson regression with the log of the time at risk as an offset (Holford 1980; Laird and Olivier 1981). The
frailty is lognormal with mean one and integrated out by adaptive Gauss-Hermite quadrature: with :math:`D` events and
:math:`\Lambda=\sum_i t_i\exp(o_i+x_i\beta)` a child adds

.. math:: \sum_i d_i(o_i+x_i\beta+\log t_i) + \log\int z^{D}e^{-z\Lambda}\,g(z)\,dz .

Covariates may depend on the child's own earlier events: the likelihood is a product over the child's history given
:math:`z`. It does need the history from the start, for who has been at risk for long without an event is less frail
than others.

References
----------
Holford (1980) Biometrics 36:299. Laird and Olivier (1981) Journal of the American Statistical Association 76:231.
Duchateau and Janssen (2008) The Frailty Model, chapter 4. Liu and Pierce (1994) Biometrika 81:624 (the quadrature).
White (1982) Econometrica 50:1 (the sandwich variance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from scipy import optimize, stats

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())
_START_SD = 0.5
_WIDEST_SD = 4.0
"""Beyond this no data tell one frailty from another."""
_STEP = 1e-4
_NEWTON_STEPS, _MODE_STEPS = 100, 8
_FAR = 50.0
"""No log hazard is further from 0."""
_TOLD_APART = 1e-10
"""Smallest eigenvalue of the information, over the largest, of columns that can be told apart."""
_EDGE = 0.02
"""The ends of a profile interval are found to this share of the standard error."""


class HazardFitError(Exception):
    """The likelihood has no maximum that could be found; the message says what was tried."""


@dataclass(frozen=True)
class HazardFit:
    """Hazards, fitted.

    Attributes
    ----------
    coefficients : numpy.ndarray
        Log hazards and log hazard ratios, in the order of the columns.
    frailty_sd : float
        Standard deviation of the log of the frailty; 0 where there is none.
    frailty_interval : tuple of float
        By the profile likelihood, scaled to the clusters; NaN where it was not estimated.
    covariance : numpy.ndarray
        Robust to clusters, of the coefficients; with a last row and column for `frailty_sd` where it was estimated.
    log_likelihood : float
        Without terms that depend on the data alone.
    """

    coefficients: Floats
    frailty_sd: float
    frailty_interval: tuple[float, float]
    covariance: Floats
    log_likelihood: float


def fit_hazards(
    X: Floats,
    events: Floats,
    time: Floats,
    child: Ints,
    *,
    offset: Floats | None = None,
    cluster: Ints | None = None,
    frailty_sd: float | None = None,
    level: float = 0.95,
) -> HazardFit:
    """Fit hazards by maximum likelihood.

    Parameters
    ----------
    X : numpy.ndarray, shape (rows, columns)
    events, time : numpy.ndarray
        Events and time at risk of each row; every time is above 0.
    child : numpy.ndarray of int
        Whose row it is; children have running numbers.
    offset : numpy.ndarray, optional
        Added to the log hazard.
    cluster : numpy.ndarray of int, optional
        Rows of one cluster are not independent (siblings); by default of one child.
    frailty_sd : float, optional
        Fixed, 0 for none; estimated where it is not given.
    level : float
        Of the interval of `frailty_sd`.

    Returns
    -------
    HazardFit

    Raises
    ------
    HazardFitError
        If no maximum is found.
    """
    cluster = child if cluster is None else cluster
    more = np.zeros(len(time)) if offset is None else offset
    if frailty_sd == 0.0:
        plain = sm.GLM(events, X, family=sm.families.Poisson(), offset=np.log(time) + more)
        fit = plain.fit(cov_type="cluster", cov_kwds={"groups": np.unique(cluster, return_inverse=True)[1]})
        return HazardFit(
            coefficients=np.asarray(fit.params),
            frailty_sd=0.0,
            frailty_interval=(np.nan, np.nan),
            covariance=np.asarray(fit.cov_params()),
            log_likelihood=float(np.sum(events * (X @ fit.params + more) - fit.mu)),
        )
    likelihood = _Likelihood.of(X, events, time * np.exp(more), child, cluster)
    free = frailty_sd is None
    sd = _START_SD if frailty_sd is None else frailty_sd
    plain, guess = likelihood.without_frailty()
    theta = likelihood.maximum(np.append(plain, sd), free, guess)
    if free and likelihood(np.append(plain, 0.0))[0] >= likelihood(theta)[0]:
        theta = np.append(plain, 0.0)  # no more spread than chance: the maximum is on the boundary
    theta[-1] = abs(theta[-1])  # the likelihood is even in it
    p = X.shape[1] + int(free)
    hessian = likelihood.hessian(theta)[:p, :p]
    if free and theta[-1] == 0.0:
        # on the boundary the spread says nothing of the coefficients
        hessian[-1, :-1] = hessian[:-1, -1] = 0.0
        hessian[-1, -1] = max(hessian[-1, -1], 1.0)
    try:
        bread = np.linalg.inv(hessian)
    except np.linalg.LinAlgError as error:
        raise HazardFitError("the columns can't be told apart by these data") from error
    meat = likelihood.meat(theta)[:p, :p]
    robust = bread @ meat @ bread
    interval = (np.nan, np.nan)
    if free:
        clustered = max(1.0, robust[-1, -1] / bread[-1, -1]) if theta[-1] > 0.0 else 1.0
        interval = likelihood.interval_of_sd(
            theta, np.asarray(bread, np.float64), stats.chi2.ppf(level, 1) * clustered
        )
    return HazardFit(
        coefficients=theta[:-1],
        frailty_sd=float(theta[-1]),
        frailty_interval=interval,
        covariance=robust,
        log_likelihood=likelihood(theta)[0],
    )


@dataclass(frozen=True)
class _Likelihood:
    """The likelihood of coefficients and the frailty's spread, with its gradient."""

    X: Floats
    events: Floats
    time: Floats
    child: Ints
    n: int
    counts: Floats
    by_child: Floats
    cluster: Ints

    @classmethod
    def of(cls, X: Floats, events: Floats, time: Floats, child: Ints, cluster: Ints) -> _Likelihood:
        _, first, who = np.unique(child, return_index=True, return_inverse=True)
        n = len(first)
        return cls(
            X=X,
            events=events,
            time=time,
            child=who,
            n=n,
            counts=np.bincount(who, events, n).astype(np.float64),
            by_child=np.column_stack([np.bincount(who, x, n) for x in (X * events[:, None]).T]),
            cluster=np.unique(cluster[first], return_inverse=True)[1],
        )

    def __call__(self, theta: Floats) -> tuple[float, Floats]:
        """Log likelihood and its gradient."""
        value, mean, means, spread = self._parts(theta)
        gradient = self.by_child.sum(axis=0) - self.X.T @ (means * mean[self.child])
        return value, np.append(gradient, spread.sum())

    def _parts(self, theta: Floats) -> tuple[float, Floats, Floats, Floats]:
        """Log likelihood; the frailty's mean given the data; expected events of rows; score of the spread."""
        sd = abs(theta[-1])
        means = self.time * np.exp(self.X @ theta[:-1])
        total = np.bincount(self.child, means, self.n).astype(np.float64)
        mode, width = self._where(total, sd)
        top = self._log_integrand(mode, total, sd)
        whole, mean, spread = np.zeros(self.n), np.zeros(self.n), np.zeros(self.n)
        for node, log_weight in zip(_NODES.tolist(), _LOG_WEIGHTS.tolist(), strict=True):
            u = mode + width * node
            z = np.exp(sd * u - 0.5 * sd * sd)
            log_here = self.counts * (sd * u - 0.5 * sd * sd) - total * z - 0.5 * u * u
            here = np.exp(log_here - top + (log_weight + 0.5 * node * node))
            whole += here
            mean += here * z
            spread += here * (self.counts - total * z) * (u - sd)
        value = self.by_child.sum(axis=0) @ theta[:-1] + float(np.sum(top + np.log(whole * width)))
        return float(value), mean / whole, means, spread / whole * math.copysign(1.0, theta[-1])

    def _where(self, total: Floats, sd: float) -> tuple[Floats, Floats]:
        """Of each child's integrand, on the scale of a standard normal frailty: mode and width.

        Newton's method from a point at or above the mode, from which it goes down to it.
        """
        with np.errstate(divide="ignore"):
            by_data = (np.log(self.counts / total) + 0.5 * sd * sd) / max(sd, 1e-12)
        u = np.minimum(self.counts * sd, np.maximum(by_data, 0.0))
        for _ in range(_MODE_STEPS):
            pull = total * sd * np.exp(sd * u - 0.5 * sd * sd)
            u = u + (self.counts * sd - pull - u) / (sd * pull + 1.0)
        return u, 1.0 / np.sqrt(sd * total * sd * np.exp(sd * u - 0.5 * sd * sd) + 1.0)

    def _log_integrand(self, u: Floats, total: Floats, sd: float) -> Floats:
        log_z = sd * u - 0.5 * sd * sd
        return self.counts * log_z - total * np.exp(log_z) - 0.5 * u * u

    def without_frailty(self) -> tuple[Floats, Floats]:
        """Coefficients of the Poisson regression, by Newton's method, and their covariance."""
        b = np.zeros(self.X.shape[1])
        b += math.log(self.events.sum() / self.time.sum())
        for _ in range(_NEWTON_STEPS):
            means = self.time * np.exp(np.clip(self.X @ b, -_FAR, _FAR))
            information = (self.X * means[:, None]).T @ self.X
            spectrum = np.linalg.eigvalsh(information)
            if spectrum[0] < _TOLD_APART * spectrum[-1]:
                raise HazardFitError("two columns can't be told apart by these data, or one has no events")
            covariance = np.linalg.inv(information)
            step = covariance @ (self.X.T @ (self.events - means))
            b = b + step / max(1.0, float(np.abs(step).max()))
            if np.abs(step).max() < 1e-8:
                return b, np.asarray(covariance, np.float64)
        raise HazardFitError("the hazards could not be fitted without frailty")

    def maximum(self, start: Floats, free: bool, guess: Floats) -> Floats:
        """The maximum, with the spread free or as it is at the start; `guess` is of the coefficients' covariance."""
        sd = start[-1]
        scale = np.eye(len(start) if free else len(start) - 1)
        scale[: len(guess), : len(guess)] = guess * self.n

        def loss(theta: Floats) -> tuple[float, Floats]:
            if free and abs(theta[-1]) > _WIDEST_SD:
                return np.inf, np.zeros(len(theta))
            value, gradient = self(theta if free else np.append(theta, sd))
            return -value / self.n, -(gradient if free else gradient[:-1]) / self.n

        begin = start if free else start[:-1]
        with np.errstate(over="ignore", invalid="ignore"):
            # Any: the types of the library know no options of one method
            options: Any = {"gtol": 1e-7, "hess_inv0": 0.5 * (scale + scale.T)}
            found = optimize.minimize(loss, begin, jac=True, method="BFGS", options=options)
        if not np.all(np.isfinite(found.x)) or np.max(np.abs(found.jac)) > 1e-4:
            raise HazardFitError(f"the hazards could not be fitted: {found.message}")
        return found.x if free else np.append(found.x, sd)

    def hessian(self, theta: Floats) -> Floats:
        """Of the negative log likelihood, by central differences of the gradient."""
        p = len(theta)
        out = np.empty((p, p))
        for k in range(p):
            step = np.zeros(p)
            step[k] = _STEP
            out[k] = -(self(theta + step)[1] - self(theta - step)[1]) / (2.0 * _STEP)
        return 0.5 * (out + out.T)

    def meat(self, theta: Floats) -> Floats:
        """Sum over clusters of the outer product of their scores."""
        _, mean, means, spread = self._parts(theta)
        expected = np.column_stack([np.bincount(self.child, x * means, self.n) for x in self.X.T])
        scores = np.column_stack([self.by_child - expected * mean[:, None], spread])
        groups = int(self.cluster.max()) + 1
        sums = np.column_stack([np.bincount(self.cluster, s, groups) for s in scores.T])
        return sums.T @ sums * groups / max(groups - 1, 1)

    def interval_of_sd(self, theta: Floats, bread: Floats, drop: float) -> tuple[float, float]:
        """Where twice the profile log likelihood has dropped by so much."""
        best, sd = self(theta)[0], theta[-1]
        near = max(_EDGE * math.sqrt(bread[-1, -1]), 1e-4)
        slope = bread[:-1, -1] / bread[-1, -1]
        guess = np.linalg.inv(np.linalg.inv(bread)[:-1, :-1])

        def beyond(x: float) -> float:
            # by its root the drop is nearly straight, so that few steps find the ends
            start = np.append(theta[:-1] + slope * (x - sd), x)
            profile = self(self.maximum(start, False, guess))[0]
            return math.sqrt(2.0 * max(0.0, best - profile)) - math.sqrt(drop)

        low = 0.0 if sd == 0.0 or beyond(0.0) <= 0.0 else optimize.brentq(beyond, 0.0, sd, xtol=near)
        step = max(0.05, 1.2 * math.sqrt(drop * bread[-1, -1])) if sd > 0.0 else 0.25
        high = sd + step
        while beyond(high) < 0.0:
            step *= 2.0
            high += step
            if high > _WIDEST_SD:
                return float(low), np.inf
        return float(low), float(optimize.brentq(beyond, sd, high, xtol=near))
