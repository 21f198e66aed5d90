"""Fitting parameters of a simulation to figures: least squares with common random numbers, what is not told apart.

Nothing here knows what is simulated. A simulation is a function of points in the unit cube, one axis for each
parameter, 0 and 1 the ends of its range; it gives the mean of every figure and the covariance of those means. All
points must have the same random numbers, so that a difference between two points is the parameters' doing and hardly
chance's.

References
----------
Branch, Coleman and Li (1999) SIAM Journal on Scientific Computing 21:1 (least squares within bounds, as scipy does it);
Glasserman and Yao (1992) Management Science 38:884 (common random numbers); Brun, Reichert and Kuensch (2001) Water
Resources Research 37:1015 (collinearity index); Lovasz (1999) Mathematical Programming 86:443 (hit and run).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

COLLINEAR = 10.0
"""Collinearity index from which parameters are called collinear (Brun et al. 2001 take 10 to 15)."""
SPREAD_OF_RANGE = 1.0 / np.sqrt(12.0)
"""Standard deviation of a value of which only the range is known."""
_CHAINS, _SWEEPS = 2_000, 150
_AT_BOUND = 0.01


@dataclass(frozen=True)
class SimulatedFigures:
    """What was simulated at one point.

    Attributes
    ----------
    mean : numpy.ndarray, shape (m,)
        Of each figure.
    covariance : numpy.ndarray, shape (m, m)
        Of those means: their Monte Carlo error.
    """

    mean: np.ndarray
    covariance: np.ndarray


Simulator = Callable[[np.ndarray], Sequence[SimulatedFigures]]
"""What was simulated at each of some points, given as an array of shape (points, parameters)."""


@dataclass(frozen=True)
class LeastSquaresFit:
    """What was fitted.

    Attributes
    ----------
    x : numpy.ndarray, shape (p,)
        The point of least squares.
    at_bound : numpy.ndarray of bool, shape (p,)
        Whether it lies at an end of the parameter's range.
    there : SimulatedFigures
        What was simulated at it.
    jacobian : numpy.ndarray, shape (m, p)
        Change of each figure over the whole range of each parameter, from central differences about the point.
    whitened : numpy.ndarray, shape (m, p)
        The Jacobian in independent standard errors.
    chi_square : float
        Sum of squares left, in standard errors.
    freedom : int
        Figures less parameters that they tell something of.
    misfit : float
        p of the test that the simulation can meet the figures; NaN without degrees of freedom.
    draws : numpy.ndarray, shape (n, p)
        Points that the figures allow, from which intervals are taken.
    evaluations : int
        Points that were simulated.
    converged : bool
    """

    x: np.ndarray
    at_bound: np.ndarray
    there: SimulatedFigures
    jacobian: np.ndarray
    whitened: np.ndarray
    chi_square: float
    freedom: int
    misfit: float
    draws: np.ndarray
    evaluations: int
    converged: bool

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Low and high ends of each parameter's interval, in the unit cube."""
        tail = (1.0 - level) / 2.0
        low, high = np.quantile(self.draws, [tail, 1.0 - tail], axis=0)
        return low, high


def fit(
    simulate: Simulator,
    start: np.ndarray,
    value: np.ndarray,
    error: np.ndarray,
    *,
    step: float = 0.08,
    most: int = 12,
    tolerance: float = 0.003,
    seed: int = 0,
    told: Callable[[int, float], object] | None = None,
) -> LeastSquaresFit:
    """Find the point at which simulated figures come nearest to given ones, and how well it is known.

    Parameters
    ----------
    simulate : Simulator
    start : array, shape (p,)
        Where to begin, in the unit cube.
    value, error : array, shape (m,)
        The figures, and the standard error of each (above 0).
    step : float
        Of the finite differences, a share of each parameter's range: wide enough that what chance is left between two
        points is small beside what the parameter does.
    most : int
        Steps after which the search ends.
    tolerance : float
        The search ends where a step is shorter, as a share of the range, or gains as little of the sum of squares.
    seed : int
        Of the draws for the intervals.
    told : callable, optional
        Called after each evaluation with the number of points simulated and the least sum of squares so far.

    Returns
    -------
    LeastSquaresFit

    Notes
    -----
    Least squares are weighted with the covariance of the figures' own errors and of the simulation's, taken together.
    Intervals are of the posterior with the simulation made linear at the fitted point and every value of the range
    equally likely beforehand; a parameter of which the figures tell nothing keeps its whole range. They take the model
    as right: where `misfit` is small they are too narrow.
    """
    start = np.clip(np.asarray(start, float), 0.02, 0.98)
    search = _Search(simulate, np.asarray(value, float), np.asarray(error, float), step, told)
    search.weigh(search.at(start[None])[0])
    found = optimize.least_squares(
        search.residuals, start, jac=search.slopes, bounds=(0.0, 1.0), method="trf",
        xtol=tolerance, ftol=tolerance, gtol=1e-8, max_nfev=most,
    )  # fmt: skip
    x = np.clip(found.x, 0.0, 1.0)
    (there,) = search.at(x[None])
    jacobian = search.jacobian(x, central=True)
    search.weigh(there)
    residuals, whitened = search.whiten(there.mean - search.value), search.whiten(jacobian)
    chi_square = float(residuals @ residuals)
    informed = int(np.sum(np.linalg.svd(whitened, compute_uv=False) > 1.0))
    freedom = max(0, len(value) - informed)
    return LeastSquaresFit(
        x=x,
        at_bound=(x < _AT_BOUND) | (x > 1.0 - _AT_BOUND),
        there=there,
        jacobian=jacobian,
        whitened=whitened,
        chi_square=chi_square,
        freedom=freedom,
        misfit=float(stats.chi2.sf(chi_square, freedom)) if freedom else np.nan,
        draws=allowed(x, residuals, whitened, seed),
        evaluations=search.evaluations,
        converged=bool(found.status > 0),
    )


class _Search:
    """The points simulated so far."""

    def __init__(
        self,
        simulate: Simulator,
        value: np.ndarray,
        error: np.ndarray,
        step: float,
        told: Callable[[int, float], object] | None,
    ) -> None:
        self.simulate, self.value, self.error, self.step, self.told = simulate, value, error, step, told
        self.known: dict[bytes, SimulatedFigures] = {}
        self.weights: np.ndarray | None = None
        self.least = np.inf

    @property
    def evaluations(self) -> int:
        return len(self.known)

    def at(self, points: np.ndarray) -> list[SimulatedFigures]:
        """What is simulated at some points, each simulated once."""
        new = {one.tobytes(): one for one in points if one.tobytes() not in self.known}
        if new:
            self.known |= dict(zip(new, self.simulate(np.array(list(new.values()))), strict=True))
        got = [self.known[one.tobytes()] for one in points]
        if self.weights is not None:
            self.least = min(
                self.least, *(float(np.sum(self.whiten(one.mean - self.value) ** 2)) for one in got)
            )
            if self.told is not None:
                self.told(self.evaluations, self.least)
        return got

    def weigh(self, by: SimulatedFigures) -> None:
        """Weigh figures by their own error and the simulation's, as it was at one point."""
        self.weights = np.linalg.cholesky(np.diag(self.error**2) + by.covariance)

    def whiten(self, of: np.ndarray) -> np.ndarray:
        """In independent standard errors."""
        assert self.weights is not None
        return np.linalg.solve(self.weights, of)

    def residuals(self, x: np.ndarray) -> np.ndarray:
        return self.whiten(self.at(x[None])[0].mean - self.value)

    def slopes(self, x: np.ndarray) -> np.ndarray:
        return self.whiten(self.jacobian(x, central=False))

    def jacobian(self, x: np.ndarray, central: bool) -> np.ndarray:
        """Change of each figure per whole range of each parameter; one-sided differences point to the middle."""
        up, down = np.minimum(x + self.step, 1.0), np.maximum(x - self.step, 0.0)
        if not central:
            up, down = np.where(x < 0.5, up, x), np.where(x < 0.5, x, down)
        p = len(x)
        points = np.concatenate([np.where(np.eye(p, dtype=bool), end, x) for end in (down, up)])
        mean = np.array([one.mean for one in self.at(points)])
        return ((mean[p:] - mean[:p]) / (up - down)[:, None]).T


# --- intervals ----------------------------------------------------------------------------------------------
def allowed(x: np.ndarray, residuals: np.ndarray, whitened: np.ndarray, seed: int = 0) -> np.ndarray:
    """Points of the unit cube that the figures allow: draws from the normal likelihood, cut off at the cube.

    Parameters
    ----------
    x : array, shape (p,)
        Where the simulation was made linear.
    residuals : array, shape (m,)
        SimulatedFigures less given figures there, in independent standard errors.
    whitened : array, shape (m, p)
        Their change over the whole range of each parameter.
    seed : int

    Returns
    -------
    numpy.ndarray, shape (2000, p)

    Notes
    -----
    Many chains at once, from points spread over the cube; each step draws along a line, by turns an axis of the cube
    and a principal direction of the likelihood, from the normal distribution cut off where the line leaves the cube.
    """
    random = np.random.default_rng(seed)
    p = len(x)
    lines = np.concatenate([np.eye(p), np.linalg.svd(whitened)[2]])
    points = random.uniform(size=(_CHAINS, p))
    for _ in range(_SWEEPS):
        for line in lines:
            slope = whitened @ line
            precision = float(slope @ slope)
            left = residuals + (points - x) @ whitened.T
            with np.errstate(divide="ignore", invalid="ignore"):
                ends = np.stack([(0.0 - points) / line, (1.0 - points) / line])
            ends[:, :, line == 0.0] = np.array([-np.inf, np.inf])[:, None, None]
            low, high = ends.min(axis=0).max(axis=1), ends.max(axis=0).min(axis=1)
            u = random.uniform(size=_CHAINS)
            if precision < 1e-12:
                along = low + u * (high - low)
            else:
                centre, sd = -(left @ slope) / precision, precision**-0.5
                along = centre + sd * _cut_normal((low - centre) / sd, (high - centre) / sd, u)
            points = np.clip(points + np.clip(along, low, high)[:, None] * line, 0.0, 1.0)
    return points


def _cut_normal(low: np.ndarray, high: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Quantiles of the standard normal cut off at two ends; in logarithms, so that far tails stay exact."""
    mirrored = low + high > 0
    a, b = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    log_a, log_b = special.log_ndtr(a), special.log_ndtr(b)
    z = special.ndtri_exp(log_b + np.log(u + (1.0 - u) * np.exp(log_a - log_b)))
    return np.where(mirrored, -z, z)


# --- what is not told apart ---------------------------------------------------------------------------------
@dataclass(frozen=True)
class PrincipalDirection:
    """One principal direction of the figures' knowledge of the parameters.

    Attributes
    ----------
    singular_value : float
        Standard errors by which the figures move, along it, over a parameter's whole range.
    spread : float
        Standard deviation that the figures leave along it, a share of the range.
    loadings : numpy.ndarray, shape (p,)
        The direction: of length one.
    """

    singular_value: float
    spread: float
    loadings: np.ndarray

    @property
    def told(self) -> bool:
        """Whether the figures say more of it than the ranges did."""
        return self.spread < SPREAD_OF_RANGE


def directions(whitened: np.ndarray) -> tuple[PrincipalDirection, ...]:
    """The principal directions, from the one of which the figures tell most.

    Parameters
    ----------
    whitened : array, shape (m, p)
        As `LeastSquaresFit.whitened`.
    """
    p = whitened.shape[1]
    _, values, rows = np.linalg.svd(whitened)
    values = np.concatenate([values, np.zeros(p - len(values))])
    # a direction's sign says nothing: its largest loading is shown as positive
    rows = rows * np.sign(rows[np.arange(p), np.abs(rows).argmax(axis=1)])[:, None]
    return tuple(
        PrincipalDirection(float(d), float(1.0 / d) if d > 1e-9 else np.inf, row)
        for d, row in zip(values, rows, strict=True)
    )


def collinearity(whitened: np.ndarray, of: Sequence[int]) -> float:
    """How nearly the effects of some parameters on the figures can make up for each other.

    Parameters
    ----------
    whitened : array, shape (m, p)
    of : sequence of int
        Parameters.

    Returns
    -------
    float
        1 where their effects are orthogonal, infinite where one parameter can undo another. At 10 a change of the
        figures by one parameter can be undone by the others but for a tenth (Brun et al. 2001).
    """
    part = whitened[:, list(of)]
    length = np.linalg.norm(part, axis=0)
    if np.any(length == 0):
        return np.inf
    least = np.linalg.svd(part / length, compute_uv=False)
    return float(1.0 / least[-1]) if len(least) == len(of) and least[-1] > 1e-12 else np.inf
