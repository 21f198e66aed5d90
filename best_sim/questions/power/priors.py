"""Parameters that are not known: what is believed of them, drawn for each simulated trial, and their ends."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np

from best_sim.questions.asking import Part
from best_sim.scenario import Problem, Scenario, ScenarioError, ScenarioWarning
from best_sim.scenario.values import Unit, Wrong

_SHAPES: Mapping[str, tuple[str, str]] = {
    "normal": ("mean", "sd"),
    "uniform": ("low", "high"),
    "beta": ("mean", "sd"),
    "lognormal": ("median", "sigma"),
}
_DRAW = "a parameter that is not known"
"""What its numbers are drawn for."""

Number = Annotated[float, Unit("as the scenario writes it")]


class Prior(Part):
    """What is believed of one parameter."""

    key: str
    """The parameter, in the unit in which the scenario writes it."""
    distribution: Literal["normal", "uniform", "beta", "lognormal"] = "normal"
    mean: Number | None = None
    sd: Number | None = None
    low: Number | None = None
    high: Number | None = None
    median: Number | None = None
    sigma: Number | None = None
    """Standard deviation of the logarithm."""
    least: Number | None = None
    """Where it is cut off below."""
    most: Number | None = None
    """Where it is cut off above."""
    note: str = ""
    """Where the belief comes from."""

    def check(self) -> Iterator[Wrong]:
        """Numbers that the distribution does not have, or can't have."""
        needed = _SHAPES[self.distribution]
        every = dict.fromkeys(name for shape in _SHAPES.values() for name in shape)
        missing = [name for name in needed if getattr(self, name) is None]
        for name in missing:
            yield Wrong(name, "this is missing", found="nothing", allowed="a number")
        for name in every:
            if name not in needed and getattr(self, name) is not None:
                yield Wrong(
                    name, f"a {self.distribution} distribution has no such number", found=getattr(self, name),
                    allowed=", ".join(needed),
                )  # fmt: skip
        if missing:
            return
        a, b = self.ab
        possible = {
            "normal": b > 0,
            "uniform": b > a,
            "lognormal": a > 0 and b > 0,
            "beta": 0 < a < 1 and 0 < b**2 < a * (1 - a),
        }[self.distribution]
        if not possible:
            yield Wrong(
                needed[1], f"no {self.distribution} distribution has these numbers",
                found=f"{needed[0]} {a:g}, {needed[1]} {b:g}",
                allowed=f"what a {self.distribution} distribution can have",
            )  # fmt: skip

    @property
    def ab(self) -> tuple[float, float]:
        """The two numbers of the distribution."""
        first, second = (getattr(self, name) for name in _SHAPES[self.distribution])
        return float(first), float(second)

    def frozen(self) -> Any:
        """The distribution as scipy has it, before it is cut off."""
        from scipy import stats

        a, b = self.ab
        if self.distribution == "normal":
            return stats.norm(a, b)
        if self.distribution == "uniform":
            return stats.uniform(a, b - a)
        if self.distribution == "lognormal":
            return stats.lognorm(b, scale=a)
        many = a * (1.0 - a) / b**2 - 1.0
        return stats.beta(a * many, (1.0 - a) * many)

    def quantile(self, u: float | np.ndarray) -> Any:
        """The value below which a share `u` of the belief lies."""
        got = self.frozen()
        low = got.cdf(-math.inf if self.least is None else self.least)
        high = got.cdf(math.inf if self.most is None else self.most)
        return got.ppf(low + np.asarray(u) * (high - low))

    def ends(self, share: float) -> tuple[float, float]:
        """The values below and above which this share of the belief lies."""
        low, high = map(float, self.quantile(np.array([share, 1.0 - share])))
        return low, high

    def draw(self, seed: int, replicate: int) -> float:
        """The value in one replicate; its random number is its own, whatever else is drawn."""
        from best_sim.engine.luck import purpose, stream, uniform_at

        of = stream(f"prior.{self.key}")
        return float(self.quantile(uniform_at(seed, replicate, of, 0, purpose(_DRAW), 0)))


class Varied(Part):
    """A parameter and the ends between which it may lie."""

    key: str
    """The parameter, in the unit in which the scenario writes it."""
    low: Number
    high: Number
    note: str = ""

    def check(self) -> Iterator[Wrong]:
        """Ends the wrong way round."""
        if not self.low < self.high:
            yield Wrong(
                "high", "the ends are the wrong way round", found=self.high, allowed=f"above {self.low:g}"
            )


def check_against(scenario: Scenario, file: str, asked: tuple[Prior, ...] | tuple[Varied, ...]) -> None:
    """Refuse parameters that the scenario does not have, or values that it does not allow, before anything is run.

    Raises
    ------
    ScenarioError
        With all that is wrong.

    Warns
    -----
    ScenarioWarning
        Of ends outside a parameter's plausible range, and of a belief that reaches outside it with 95 % of it.
    """
    problems: list[Problem] = []
    for one in asked:
        if isinstance(one, Varied):
            ends, usual = (one.low, one.high), (one.low, one.high)
        else:
            ends, usual = one.ends(1e-4), one.ends(0.025)
        with_it: dict[float, Scenario] = {}
        try:
            for value in dict.fromkeys((*ends, *usual)):
                changes = {one.key: as_written(scenario, one.key, value)}
                with_it[value] = scenario.replace(changes, quietly=True)
        except ScenarioError as error:
            problems += [
                Problem(
                    file=file, key=one.key, message=problem.message, found=problem.found or f"{value:g}",
                    allowed=problem.allowed, nearest=problem.nearest,
                )
                for problem in error.problems
            ]  # fmt: skip
        else:
            for value in usual:
                _tell_outside(scenario, with_it[value], file, one, value)
    if problems:
        raise ScenarioError(problems)


def _tell_outside(
    scenario: Scenario, with_it: Scenario, file: str, one: Prior | Varied, value: float
) -> None:
    """Warn of a value outside its plausible range, in the name of the file that says it."""
    for problem in with_it.warnings:
        if problem.key == one.key and problem not in scenario.warnings:
            told = dataclasses.replace(problem, file=file, line=None, found=f"{value:.4g}")
            if isinstance(one, Prior):
                reaches = "what is believed reaches outside its plausible range, and is used all the same"
                low, high = one.ends(0.025)
                told = dataclasses.replace(
                    told, message=reaches, found=f"95% between {low:.4g} and {high:.4g}"
                )
            warnings.warn(ScenarioWarning(told), stacklevel=3)


def as_written(scenario: Scenario, key: str, value: float) -> float | int:
    """A value as the parameter takes it: whole where it is whole."""
    at: Any = scenario
    for part in key.split("."):
        at = at.get(part) if isinstance(at, Mapping) else getattr(at, part, None)
    return round(value) if isinstance(at, int) and not isinstance(at, bool) else float(value)
