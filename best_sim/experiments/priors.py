"""Parameters that are not known: what is believed of them, drawn for each simulated trial, and their ends."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from best_sim.engine.luck import purpose, stream, uniform_at
from best_sim.scenario import Problem, Scenario, ScenarioError

_SHAPES: Mapping[str, tuple[str, str]] = {
    "normal": ("mean", "sd"),
    "uniform": ("low", "high"),
    "beta": ("mean", "sd"),
    "lognormal": ("median", "sigma"),
}
_PRIOR_KEYS = ("key", "distribution", "mean", "sd", "low", "high", "median", "sigma", "least", "most", "note")
_VARY_KEYS = ("key", "low", "high", "note")
_DRAW = purpose("a parameter that is not known")


@dataclass(frozen=True)
class Prior:
    """What is believed of one parameter.

    Attributes
    ----------
    key : str
        The parameter, in the unit in which the scenario writes it.
    distribution : {"normal", "uniform", "beta", "lognormal"}
    a, b : float
        Mean and standard deviation; low and high end; mean and standard deviation; median and standard deviation of the
        logarithm.
    least, most : float
        Where it is cut off.
    note : str
        Where the belief comes from.
    """

    key: str
    distribution: str
    a: float
    b: float
    least: float = -math.inf
    most: float = math.inf
    note: str = ""

    def frozen(self) -> Any:
        """The distribution as scipy has it, before it is cut off."""
        from scipy import stats  # half a second, which files without beliefs are spared

        if self.distribution == "normal":
            return stats.norm(self.a, self.b)
        if self.distribution == "uniform":
            return stats.uniform(self.a, self.b - self.a)
        if self.distribution == "lognormal":
            return stats.lognorm(self.b, scale=self.a)
        many = self.a * (1.0 - self.a) / self.b**2 - 1.0
        return stats.beta(self.a * many, (1.0 - self.a) * many)

    def quantile(self, u: float | np.ndarray) -> Any:
        """The value below which a share `u` of the belief lies."""
        got = self.frozen()
        low, high = got.cdf(self.least), got.cdf(self.most)
        return got.ppf(low + np.asarray(u) * (high - low))

    def draw(self, seed: int, replicate: int) -> float:
        """The value in one replicate; its luck is its own, whatever else is drawn."""
        return float(self.quantile(uniform_at(seed, replicate, stream(f"prior.{self.key}"), 0, _DRAW, 0)))


@dataclass(frozen=True)
class Varied:
    """A parameter and the ends between which it may lie.

    Attributes
    ----------
    key : str
    low, high : float
        In the unit in which the scenario writes it.
    note : str
    """

    key: str
    low: float
    high: float
    note: str = ""


def read_priors(path: str, listed: Any, problems: list[Problem]) -> tuple[Prior, ...]:
    """The `[[prior]]` tables of an experiment; what is wrong with them is added to the problems."""
    out = []
    for i, one in enumerate(_tables(path, "prior", listed, problems)):
        at = f"prior[{i}]"
        kind = one.get("distribution", "normal")
        if kind not in _SHAPES:
            near = difflib.get_close_matches(str(kind), _SHAPES, n=1)
            problems.append(_wrong(path, f"{at}.distribution", kind, ", ".join(_SHAPES), near))
            continue
        first, second = _SHAPES[kind]
        fine = True
        allowed = {"key", "distribution", "least", "most", "note", first, second}
        for name in one:
            if name not in allowed:
                fine = False
                near = difflib.get_close_matches(name, allowed, n=1)
                problems.append(_wrong(path, f"{at}.{name}", name, ", ".join(sorted(allowed)), near))
        values: dict[str, Any] = {name: one.get(name) for name in (first, second)} | {
            "least": one.get("least", -math.inf), "most": one.get("most", math.inf),
        }  # fmt: skip
        for name, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                fine = False
                problems.append(_wrong(path, f"{at}.{name}", value, "a number"))
        if not isinstance(one.get("key"), str):
            fine = False
            problems.append(_wrong(path, f"{at}.key", one.get("key"), "a parameter, as outcomes.sdq.sd"))
        if not fine:
            continue
        a, b = float(values[first]), float(values[second])
        possible = {
            "normal": b > 0,
            "uniform": b > a,
            "lognormal": a > 0 and b > 0,
            "beta": 0 < a < 1 and 0 < b**2 < a * (1 - a),
        }[kind]
        if not possible:
            problems.append(
                _wrong(path, at, f"{first} {a:g}, {second} {b:g}", f"what a {kind} distribution can have")
            )
            continue
        out.append(
            Prior(one["key"], kind, a, b, float(values["least"]), float(values["most"]), one.get("note", ""))
        )
    return tuple(out)


def read_varied(path: str, listed: Any, problems: list[Problem]) -> tuple[Varied, ...]:
    """The `[[vary]]` tables of an experiment; what is wrong with them is added to the problems."""
    out = []
    for i, one in enumerate(_tables(path, "vary", listed, problems)):
        at = f"vary[{i}]"
        unknown = [name for name in one if name not in _VARY_KEYS]
        for name in unknown:
            near = difflib.get_close_matches(name, _VARY_KEYS, n=1)
            problems.append(_wrong(path, f"{at}.{name}", name, ", ".join(_VARY_KEYS), near))
        ends = [one.get("low"), one.get("high")]
        numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in ends)
        if not isinstance(one.get("key"), str):
            problems.append(_wrong(path, f"{at}.key", one.get("key"), "a parameter, as outcomes.sdq.sd"))
        elif not numbers or not ends[0] < ends[1]:  # type: ignore[operator]
            problems.append(_wrong(path, at, f"low {ends[0]}, high {ends[1]}", "two numbers, low below high"))
        elif not unknown:
            out.append(Varied(one["key"], float(ends[0]), float(ends[1]), one.get("note", "")))  # type: ignore[arg-type]
    return tuple(out)


def check_against(scenario: Scenario, file: str, asked: tuple[Prior, ...] | tuple[Varied, ...]) -> None:
    """Refuse parameters that the scenario does not have, or values that it does not allow, before anything is run.

    Raises
    ------
    ScenarioError
        With all that is wrong.
    """
    problems: list[Problem] = []
    for one in asked:
        ends = (
            (one.low, one.high)
            if isinstance(one, Varied)
            else tuple(map(float, one.quantile(np.array([1e-4, 0.9999]))))
        )
        for value in ends:
            try:
                scenario.replace({one.key: as_written(scenario, one.key, value)})
            except ScenarioError as error:
                problems += [
                    Problem(
                        file=file, key=one.key, message=problem.message, found=problem.found or f"{value:g}",
                        allowed=problem.allowed, nearest=problem.nearest,
                    )
                    for problem in error.problems
                ]  # fmt: skip
                break
    if problems:
        raise ScenarioError(problems)


def as_written(scenario: Scenario, key: str, value: float) -> float | int:
    """A value as the parameter takes it: whole where it is whole."""
    at: Any = scenario
    for part in key.split("."):
        at = at.get(part) if isinstance(at, Mapping) else getattr(at, part, None)
    return round(value) if isinstance(at, int) and not isinstance(at, bool) else float(value)


def _tables(path: str, key: str, listed: Any, problems: list[Problem]) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        problems.append(_wrong(path, key, listed, f"[[{key}]] tables"))
        return []
    return listed


def _wrong(path: str, key: str, found: Any, allowed: str, near: list[str] | None = None) -> Problem:
    return Problem(
        file=path, key=key, message="this can't be used", found="nothing" if found is None else repr(found),
        allowed=allowed, nearest=near[0] if near else None,
    )  # fmt: skip
