"""Parameters of a calibration in its scenario: the numbers that their keys lead to, and the scenario with others."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from best_sim.scenario.problems import Problem, ScenarioError, ScenarioWarning

if TYPE_CHECKING:
    from best_sim.questions.calibration.ask import Parameter
    from best_sim.scenario import Scenario


def leaf_of(entries: Mapping[str, Any], key: str) -> tuple[str, str]:
    """The parameter that a dotted key leads to or into, and the part of it that is meant; empty where all is."""
    if key in entries:
        return key, ""
    leaf, _, part = key.rpartition(".")
    if leaf in entries and isinstance(entries[leaf].value, Mapping) and part in entries[leaf].value:
        return leaf, part
    raise KeyError(key)


def unit_of(entries: Mapping[str, Any], key: str) -> str:
    """The unit in which the scenario writes what a key leads to."""
    leaf, part = leaf_of(entries, key)
    return "ratio" if part in ("cv", "shape") else str(entries[leaf].unit)


def _in_time(one: Parameter, entry: Mapping[str, Any]) -> bool:
    since, until = one.since, one.until
    return (since is None or entry["from"] >= since) and (until is None or entry["from"] < until)


def words_of_time(one: Parameter) -> str:
    """From when until when, in words; empty where it is always."""
    since = f"from {one.since}" if one.since else ""
    until = f"until {one.until}" if one.until else ""
    return " ".join(filter(None, (since, until)))


def _numbers(scenario: Scenario, one: Parameter, key: str) -> list[float]:
    """The numbers that a key leads to, as the scenario writes them.

    Raises
    ------
    ValueError
        If it leads to something that can't be fitted; the message says what it is.
    """
    entries = scenario.provenance
    leaf, part = leaf_of(entries, key)
    value = entries[leaf].value
    if isinstance(value, tuple) and value and isinstance(value[0], Mapping) and "from" in value[0]:
        there = [float(each["value"]) for each in value if _in_time(one, each)]
        if not there:
            raise ValueError(f"no value that holds from a date {words_of_time(one)}")
        return there
    if one.since or one.until:
        raise ValueError("a value without dates")
    if part:
        if "distribution" not in value:
            raise ValueError("a share of a mix, which can't change without the others")
        value = value[part]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("not a number")
    if isinstance(_attribute(scenario, leaf), int):
        raise ValueError("a whole number, between whose values there is nothing")
    return [float(value)]


def _attribute(scenario: Scenario, key: str) -> Any:
    at: Any = scenario
    for part in key.split("."):
        at = at.get(part) if isinstance(at, Mapping) else getattr(at, part, None)
    return at


def present(scenario: Scenario, one: Parameter) -> float:
    """The parameter's number in the scenario: its value, or a factor of 1."""
    return 1.0 if one.change == "factor" else _numbers(scenario, one, one.keys[0])[0]


def changed(
    scenario: Scenario, parameters: Sequence[Parameter], values: Sequence[float] | np.ndarray
) -> Scenario:
    """The scenario with other values; what two parameters change, each changes in its turn."""
    entries = scenario.provenance
    changes: dict[str, Any] = {}
    for one, value in zip(parameters, values, strict=True):
        for key in one.keys:
            leaf, part = leaf_of(entries, key)
            now = changes.get(leaf, entries[leaf].value)

            def new(old: float, value: float = float(value), one: Parameter = one) -> float:
                return float(f"{old * value:.6g}") if one.change == "factor" else value

            if part:
                changes[leaf] = {**now, part: new(now[part])}
            elif isinstance(now, list | tuple):
                changes[leaf] = [
                    {"from": each["from"], "value": new(each["value"]) if _in_time(one, each) else each["value"]}
                    for each in now
                ]  # fmt: skip
            else:
                changes[leaf] = new(now)
    return scenario.replace(changes)


@contextmanager
def untold() -> Iterator[None]:
    """What looks wrong in a scenario is not told: a search tries values that are not plausible, and then others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ScenarioWarning)
        yield


def unusable(file: str, i: int, one: Parameter, scenario: Scenario) -> Iterator[Problem]:
    """What is wrong with one parameter in this scenario."""
    at = f"parameter[{i}]"
    values: list[float] = []
    for key in one.keys:
        try:
            values += _numbers(scenario, one, key)
        except KeyError:
            yield from _unknown(file, f"{at}.key", key, scenario)
            return
        except ValueError as refused:
            yield Problem(
                file=file, key=f"{at}.key", message="this can't be fitted", found=f"{key}: {refused}",
                allowed="a parameter with one number, one number of a distribution, or dated numbers",
            )  # fmt: skip
            return
    if one.change == "value" and len(set(values)) > 1:
        yield Problem(
            file=file, key=f"{at}.change", message="what is to have one value has several now",
            found=", ".join(f"{v:g}" for v in dict.fromkeys(values)), allowed='change = "factor"',
        )  # fmt: skip
        return
    begin = 1.0 if one.change == "factor" else values[0]
    if not one.low <= begin <= one.high:
        yield Problem(
            file=file, key=at, message="the scenario's own value is not in the range", found=f"{begin:g}",
            allowed=f"{one.low:g} to {one.high:g}",
        )  # fmt: skip
    for end in (one.low, one.high):
        try:
            changed(scenario, [one], [end])
        except ScenarioError as error:
            yield from (
                replace(p, file=file, key=f"{at} ({p.key})", line=None, found=p.found or f"{end:g}")
                for p in error.problems
            )
            return


def _unknown(file: str, at: str, key: str, scenario: Scenario) -> Iterator[Problem]:
    """What `Scenario.replace` says of a key that leads nowhere, with the nearest that does."""
    try:
        scenario.replace({key: 0.0})
    except ScenarioError as error:
        for p in error.problems:
            yield replace(p, file=file, key=at, found=key, line=None)
    else:
        yield Problem(file=file, key=at, message="no parameter has this name", found=key)
