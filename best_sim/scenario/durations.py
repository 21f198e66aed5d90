"""Distributions of a duration: given by name in a file, in days everywhere else.

A `Duration` knows its moments and quantiles for documentation and tests. The simulation does not draw from
it: it uses the `PlainDuration` form, plain numbers that `best_sim.engine.luck.duration_record` takes as they are.
The codes of the kinds are those of that module; they are repeated here because this room imports no other,
and a test keeps them equal.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from best_sim.scenario.problems import NotAllowedError, nearest_name
from best_sim.scenario.writing import shown

CONSTANT, EXPONENTIAL, LOGNORMAL, WEIBULL, UNIFORM, EMPIRICAL = range(6)
MOST_POINTS = 12
"""Points an empirical distribution may have: the engine's records hold no more."""

WEEK, YEAR = 7.0, 365.25
MONTH = YEAR / 12.0
"""Days in each."""
DAYS_IN: Mapping[str, float] = MappingProxyType({"days": 1.0, "weeks": WEEK, "months": MONTH, "years": YEAR})
"""Units in which a time may be written, each in days."""

_Z90 = NormalDist().inv_cdf(0.9)


class PlainDuration(NamedTuple):
    """A duration as plain numbers, in days: the arguments of `best_sim.engine.luck.duration_record`.

    Attributes
    ----------
    kind : int
        `CONSTANT` (`a`), `EXPONENTIAL` (mean `a`), `LOGNORMAL` (mean `a` and standard deviation `b` of the
        logarithm), `WEIBULL` (shape `a`, scale `b`), `UNIFORM` (from `a` to `b`) or `EMPIRICAL` (quantiles
        `x` at `p`).
    a, b : float
    p, x : tuple of float
    """

    kind: int
    a: float = 0.0
    b: float = 0.0
    p: tuple[float, ...] = ()
    x: tuple[float, ...] = ()


Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Duration:
    """A distribution of a duration, in days.

    Make one with `Duration.of`. Two durations are equal if they have the same name and the same parameters.

    Attributes
    ----------
    distribution : str
        ``constant``, ``exponential``, ``lognormal``, ``weibull``, ``uniform`` or ``empirical``.
    parameters : tuple of (str, float or points)
        As they were given, times in days.

    Examples
    --------
    >>> notice = Duration.of("lognormal", mean=18, cv=0.4)
    >>> round(notice.mean, 6), round(notice.cv, 6)
    (18.0, 0.4)
    >>> Duration.of("exponential", "weeks", mean=2).mean
    14.0
    """

    distribution: str
    parameters: tuple[tuple[str, float | Points], ...]

    @classmethod
    def of(cls, distribution: str, unit: str = "days", /, **parameters: Any) -> Duration:
        """A duration by name.

        Parameters
        ----------
        distribution : str
            Its name.
        unit : {"days", "weeks", "months", "years"}
            Unit of those parameters that are times. A month is 365.25/12 days.
        **parameters
            ``constant(value)``, ``exponential(mean)``, ``lognormal(mean, cv)`` or ``lognormal(median, p90)``,
            ``weibull(shape, scale)`` or ``weibull(mean, shape)``, ``uniform(low, high)``,
            ``empirical(quantiles=[[p, x], ...])`` with `p` rising from 0 to 1.

        Returns
        -------
        Duration

        Raises
        ------
        NotAllowedError
            (a `ValueError`) If the distribution is unknown, or its parameters are not what it takes.
        """
        family = _FAMILIES.get(distribution) if isinstance(distribution, str) else None
        if family is None:
            raise NotAllowedError(
                "no distribution has this name",
                found=shown(distribution),
                allowed=", ".join(_FAMILIES),
                nearest=nearest_name(str(distribution), _FAMILIES),
                below="distribution",
            )
        form = _form(distribution, family, parameters)
        scale = DAYS_IN[unit]
        read = {name: _PARAMETERS[name].read(name, parameters[name], scale) for name in form}
        made = cls(distribution, tuple(read.items()))
        made._refuse_disorder()
        made._refuse_the_absurd()
        return made

    @property
    def mean(self) -> float:
        """Mean, in days."""
        kind, a, b, p, x = self.lowered()
        if kind == LOGNORMAL:
            return math.exp(a + b * b / 2)
        if kind == WEIBULL:
            return b * math.gamma(1 + 1 / a)
        if kind == UNIFORM:
            return (a + b) / 2
        if kind == EMPIRICAL:
            return sum((p1 - p0) * (x0 + x1) / 2 for p0, p1, x0, x1 in _pieces(p, x))
        return a

    @property
    def variance(self) -> float:
        """Variance, in days squared."""
        kind, a, b, p, x = self.lowered()
        if kind == EXPONENTIAL:
            return a * a
        if kind == LOGNORMAL:
            return math.expm1(b * b) * self.mean**2
        if kind == WEIBULL:
            return b * b * (math.gamma(1 + 2 / a) - math.gamma(1 + 1 / a) ** 2)
        if kind == UNIFORM:
            return (b - a) ** 2 / 12
        if kind == EMPIRICAL:
            mean = self.mean
            centred = ((p1 - p0, x0 - mean, x1 - mean) for p0, p1, x0, x1 in _pieces(p, x))
            return sum(share * (y0 * y0 + y0 * y1 + y1 * y1) / 3 for share, y0, y1 in centred)
        return 0.0

    @property
    def cv(self) -> float:
        """Coefficient of variation: standard deviation over mean; 0 where the duration is always 0."""
        return math.sqrt(self.variance) / self.mean if self.mean > 0 else 0.0

    @property
    def median(self) -> float:
        """Median, in days."""
        return self.quantile(0.5)

    def quantile(self, u: float) -> float:
        """Time, in days, within which a share `u` of durations ends.

        Parameters
        ----------
        u : float
            Strictly between 0 and 1.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If `u` is not strictly between 0 and 1.
        """
        if not 0 < u < 1:
            raise ValueError(f"u is strictly between 0 and 1, not {u}")
        kind, a, b, p, x = self.lowered()
        if kind == EXPONENTIAL:
            return -a * math.log1p(-u)
        if kind == LOGNORMAL:
            return math.exp(a + b * NormalDist().inv_cdf(u))
        if kind == WEIBULL:
            return b * (-math.log1p(-u)) ** (1 / a)
        if kind == UNIFORM:
            return a + u * (b - a)
        if kind == EMPIRICAL:
            return next(x0 + (u - p0) / (p1 - p0) * (x1 - x0) for p0, p1, x0, x1 in _pieces(p, x) if u <= p1)
        return a

    def lowered(self) -> PlainDuration:
        """As plain numbers, in days, for the simulation.

        Returns
        -------
        PlainDuration
        """
        return _FAMILIES[self.distribution].lower(dict(self.parameters))

    def _refuse_the_absurd(self) -> None:
        try:
            absurd = not math.isfinite(self.mean + self.lowered().a + self.lowered().b)
        except ArithmeticError:
            absurd = True
        if absurd:
            raise NotAllowedError(
                "no computer can hold this distribution",
                found=", ".join(
                    f"{name} {value:g} (days)" if _PARAMETERS[name].is_time else f"{name} {value:g}"
                    for name, value in self.parameters
                ),
                allowed="a spread and a mean that can be represented",
            )

    def as_table(self) -> dict[str, Any]:
        """As it would be written in a file in days: ``{"distribution": ..., parameter: value, ...}``."""
        given: dict[str, Any] = dict(self.parameters)
        if "quantiles" in given:
            given["quantiles"] = [list(point) for point in given["quantiles"]]
        return {"distribution": self.distribution, **given}

    def __str__(self) -> str:
        inside = ", ".join(f"{name} {value}" for name, value in self.parameters)
        return f"{self.distribution}: {inside} days"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.is_instance_schema(cls)

    def _refuse_disorder(self) -> None:
        """Refuse parameters that are each allowed, but not together."""
        given = dict(self.parameters)
        for low, high in (("low", "high"), ("median", "p90")):
            if low in given and high in given and given[high] < given[low]:  # type: ignore[operator]
                raise NotAllowedError(
                    f"{high} is less than {low}",
                    found=f"{high} = {given[high]:g}",
                    allowed=f"at least {low}, {given[low]:g} (days)",
                    below=high,
                )


def _pieces(p: Sequence[float], x: Sequence[float]) -> list[tuple[float, float, float, float]]:
    return list(zip(p[:-1], p[1:], x[:-1], x[1:], strict=True))


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number; True and False are not."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max  # a whole number of Python's may be larger, and then is no float


# --- what each distribution takes ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Parameter:
    """What one parameter of a distribution may be."""

    is_time: bool
    above_zero: bool = False

    def read(self, name: str, value: Any, scale: float) -> float | Points:
        if name == "quantiles":
            return _read_quantiles(value, scale)
        allowed = "a number above 0" if self.above_zero else "a number, 0 or more"
        if not is_number(value):
            raise NotAllowedError(f"{name} is not a number", found=shown(value), allowed=allowed, below=name)
        if value < 0 or (self.above_zero and value == 0):
            message = f"{name} is negative" if value < 0 else f"{name} is zero"
            raise NotAllowedError(message, found=shown(value), allowed=allowed, below=name)
        return float(value) * (scale if self.is_time else 1.0)


def _read_quantiles(value: Any, scale: float) -> Points:
    allowed = f"[[p, x], ...]: 2 to {MOST_POINTS} points, p rising from 0 to 1, x 0 or more and never falling"

    def refuse(message: str) -> NotAllowedError:
        return NotAllowedError(message, found=shown(value), allowed=allowed, below="quantiles")

    if not isinstance(value, list | tuple) or not all(
        isinstance(point, list | tuple) and len(point) == 2 and all(map(is_number, point)) for point in value
    ):
        raise refuse("quantiles are not pairs of numbers")
    if not 2 <= len(value) <= MOST_POINTS:
        raise refuse(f"{len(value)} quantiles")
    p, x = zip(*value, strict=True)
    if p[0] != 0 or p[-1] != 1 or any(p1 <= p0 for p0, p1, _, _ in _pieces(p, x)):
        raise refuse("the p of the quantiles do not rise from 0 to 1")
    if x[0] < 0 or any(x1 < x0 for _, _, x0, x1 in _pieces(p, x)):
        raise refuse("the x of the quantiles fall, or are negative")
    return tuple((float(pi), float(xi) * scale) for pi, xi in value)


_PARAMETERS: Mapping[str, _Parameter] = MappingProxyType(
    {
        "value": _Parameter(is_time=True),
        "mean": _Parameter(is_time=True, above_zero=True),
        "cv": _Parameter(is_time=False),
        "median": _Parameter(is_time=True, above_zero=True),
        "p90": _Parameter(is_time=True, above_zero=True),
        "shape": _Parameter(is_time=False, above_zero=True),
        "scale": _Parameter(is_time=True, above_zero=True),
        "low": _Parameter(is_time=True),
        "high": _Parameter(is_time=True),
        "quantiles": _Parameter(is_time=True),
    }
)


@dataclass(frozen=True)
class _Family:
    """A distribution: the sets of parameters it can be given by, and how they are lowered."""

    forms: tuple[tuple[str, ...], ...]
    lower: Callable[[dict[str, Any]], PlainDuration]


def _lower_lognormal(given: dict[str, Any]) -> PlainDuration:
    if "median" in given:
        return PlainDuration(
            LOGNORMAL, math.log(given["median"]), math.log(given["p90"] / given["median"]) / _Z90
        )
    variance = math.log1p(given["cv"] ** 2)
    return PlainDuration(LOGNORMAL, math.log(given["mean"]) - variance / 2, math.sqrt(variance))


def _lower_weibull(given: dict[str, Any]) -> PlainDuration:
    shape = given["shape"]
    scale = given["scale"] if "scale" in given else given["mean"] / math.gamma(1 + 1 / shape)
    return PlainDuration(WEIBULL, shape, scale)


def _lower_empirical(given: dict[str, Any]) -> PlainDuration:
    p, x = zip(*given["quantiles"], strict=True)
    return PlainDuration(EMPIRICAL, p=p, x=x)


_FAMILIES: Mapping[str, _Family] = MappingProxyType(
    {
        "constant": _Family((("value",),), lambda given: PlainDuration(CONSTANT, given["value"])),
        "exponential": _Family((("mean",),), lambda given: PlainDuration(EXPONENTIAL, given["mean"])),
        "lognormal": _Family((("mean", "cv"), ("median", "p90")), _lower_lognormal),
        "weibull": _Family((("shape", "scale"), ("mean", "shape")), _lower_weibull),
        "uniform": _Family(
            (("low", "high"),), lambda given: PlainDuration(UNIFORM, given["low"], given["high"])
        ),
        "empirical": _Family((("quantiles",),), _lower_empirical),
    }
)


def _form(distribution: str, family: _Family, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """The form in which the parameters are given; refuse if there is none."""
    for form in family.forms:
        if set(form) == set(parameters):
            return form
    allowed = " or ".join(", ".join(form) for form in family.forms)
    known = list(dict.fromkeys(name for form in family.forms for name in form))
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise NotAllowedError(
            f"{distribution} has no parameter of this name",
            found=", ".join(unknown),
            allowed=allowed,
            nearest=nearest_name(unknown[0], known),
            below=unknown[0],
        )
    raise NotAllowedError(
        f"{distribution} is not given by these parameters",
        found=", ".join(parameters) or "none",
        allowed=allowed,
    )
