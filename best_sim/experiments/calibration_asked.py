"""What is asked of a calibration: which parameters, which figures; and reading it from TOML."""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from scipy import special

from best_sim.experiments.files import read_experiment
from best_sim.pathway import Journeys
from best_sim.questions.validation.published import FIGURES
from best_sim.questions.validation.replicate import (
    adoption_figures,
    cost_figures,
    placement_figures,
    score_figures,
    trial_figures,
)
from best_sim.scenario import Problem, Scenario, ScenarioError

Scale = Literal["linear", "log", "logit"]
Change = Literal["value", "factor"]

_KEYS = ("title", "question", "scenario", "replicates", "seed", "set", "parameter", "target")
_PARAMETER_KEYS = ("name", "key", "keys", "low", "high", "scale", "change", "from", "until", "note")
_TARGET_KEYS = ("measure", "court", "value", "standard_error", "interval", "source", "note")
_Z95 = 1.959963984540054


# --- what can be a target -----------------------------------------------------------------------------------
_COURT = re.compile(r"(weeks|within_26|hearings)_(\d{4})")
_COURT_UNITS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "weeks": ("Proceedings decided in {}, mean", "weeks"),
        "within_26": ("Decided in {} within 26 weeks", "share"),
        "hearings": ("Hearings of cases decided in {}", "hearings"),
    }
)
_GROUPS: tuple[tuple[tuple[str, ...], Callable[[Journeys, Scenario], dict[str, float]]], ...] = (
    (
        ("moves", "three_in_year_to_march", "ended_month", "ended_half_year", "ended_year", "home_and_back"),
        lambda j, s: placement_figures(j),
    ),
    (
        ("entry_to_decision", "decision_to_match", "match_to_placed", "placed_to_order"),
        lambda j, s: adoption_figures(j),
    ),
    (
        ("families", "children", "months", "lift_share", "ineligible", "seen", "received"),
        lambda j, s: trial_figures(j),
    ),
    (
        (
            "sdq_sau", "sdq_sau_sd", "sdq_lift", "sdq_lift_sd", "sdq_difference", "pirgas_first", "pirgas_first_sd",
            "pirgas_third", "pirgas_third_sd",
        ),
        lambda j, s: score_figures(j),
    ),
    (("cost_lift", "cost_sau"), cost_figures),
)  # fmt: skip


def measures() -> dict[str, tuple[str, str]]:
    """What can be a target, by name: what it is, and its unit.

    Every figure that `best_sim.questions.validation` computes; for the courts ``weeks_YEAR``, ``within_26_YEAR`` and
    ``hearings_YEAR`` of any year of the run, shown here for those that were published.
    """
    return {one.key: (one.text, one.unit) for one in FIGURES}


def court_figures(journeys: Journeys, year: int, court: str | None = None) -> dict[str, float]:
    """Mean weeks, share within 26 weeks and mean hearings of the proceedings that were decided in one year.

    Parameters
    ----------
    journeys : Journeys
    year : int
    court : str, optional
        One court; by default all English courts. Cases served by LIFT are left out, as the national figures hold few
        of them, or none.

    Returns
    -------
    dict of str to float
        ``weeks``, ``within_26``, ``hearings``; NaN where no case was decided.
    """
    p = journeys.proceedings
    first, last = ((dt.date(y, 1, 1) - journeys.start_date).days for y in (year, year + 1))
    decided = p["decided_days"].to_numpy(float)
    where = p["court"] != "glasgow" if court is None else p["court"] == court
    use = (decided >= max(first, 0)) & (decided < last) & (where & (p["arm"] != "LIFT")).to_numpy(bool)
    if not use.any():
        return dict.fromkeys(_COURT_UNITS, math.nan)
    weeks = p["weeks"].to_numpy(float)[use]
    return {
        "weeks": float(weeks.mean()),
        "within_26": float(np.mean(weeks <= 26)),
        "hearings": float(p["hearings"].to_numpy(float)[use].mean()),
    }


def figures_for(journeys: Journeys, scenario: Scenario, targets: Sequence[Target]) -> list[float]:
    """The targets' figures of one replicate, in their order; NaN where there is nobody to count.

    Parameters
    ----------
    journeys : Journeys
        One replicate of `scenario`.
    scenario : Scenario
        For unit costs.
    targets : sequence of Target

    Returns
    -------
    list of float
    """
    wanted = {one.measure for one in targets}
    known: dict[str, float] = {}
    for names, figures in _GROUPS:
        if wanted.intersection(names):
            known |= figures(journeys, scenario)
    courts: dict[tuple[int, str | None], dict[str, float]] = {}
    out = []
    for one in targets:
        if match := _COURT.fullmatch(one.measure):
            which = (int(match[2]), one.court)
            if which not in courts:
                courts[which] = court_figures(journeys, *which)
            out.append(courts[which][match[1]])
        else:
            out.append(known[one.measure])
    return out


def _described(measure: str) -> tuple[str, str]:
    said = measures()
    if measure in said:
        return said[measure]
    match = _COURT.fullmatch(measure)
    assert match is not None
    text, unit = _COURT_UNITS[match[1]]
    return text.format(match[2]), unit


# --- what is asked ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Parameter:
    """A parameter to be fitted.

    Attributes
    ----------
    name : str
        What tables call it; by default its first key.
    keys : tuple of str
        Dotted names in the scenario. All of them get the same value, or are multiplied by the same factor.
    low, high : float
        The range in which it may lie: values in the unit in which the scenario writes it, or factors.
    scale : {"linear", "log", "logit"}
        On which every value of the range is held equally likely, and steps are taken.
    change : {"value", "factor"}
        Whether the number is the parameter's value, or what multiplies the scenario's.
    since, until : datetime.date or None
        Of a dated parameter: only what holds from dates since the one (included) and until the other (left out).
    note : str
    """

    name: str
    keys: tuple[str, ...]
    low: float
    high: float
    scale: Scale = "linear"
    change: Change = "value"
    since: dt.date | None = None
    until: dt.date | None = None
    note: str = ""

    def at(self, x: Any) -> Any:
        """The value at a share of the range, from 0 to 1."""
        to, back = _SCALES[self.scale]
        low, high = to(self.low), to(self.high)
        return np.clip(back(low + np.asarray(x, float) * (high - low)), self.low, self.high)

    def share(self, value: Any) -> Any:
        """Where in the range a value lies, from 0 to 1."""
        to, _ = _SCALES[self.scale]
        low, high = to(self.low), to(self.high)
        return (to(np.asarray(value, float)) - low) / (high - low)


_SCALES: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = MappingProxyType(
    {
        "linear": (lambda v: v, lambda v: v),
        "log": (np.log, np.exp),
        "logit": (special.logit, special.expit),
    }
)


@dataclass(frozen=True)
class Target:
    """A figure that a simulated run should give.

    Attributes
    ----------
    measure : str
        One of `measures`.
    court : str or None
        For the courts' measures: one court; None for all English ones.
    value : float
        As published, or as counted locally.
    error : float
        Its standard error: how far the figure may be from what the model should give, by chance or because it was
        counted otherwise.
    source, note : str
    """

    measure: str
    court: str | None
    value: float
    error: float
    source: str = ""
    note: str = ""

    @property
    def name(self) -> str:
        """The measure, and the court where it is of one."""
        return self.measure if self.court is None else f"{self.measure} ({self.court})"

    @property
    def said(self) -> tuple[str, str]:
        """What it is, in words, and its unit."""
        text, unit = _described(self.measure)
        return (text if self.court is None else f"{text} ({self.court})"), unit


@dataclass(frozen=True)
class CalibrationExperiment:
    """What is asked.

    Attributes
    ----------
    name, title, question : str
    scenario : str
        Name or path.
    replicates : int
        Simulated runs for each candidate; as many others judge the result.
    seed : int
    parameters : tuple of Parameter
    targets : tuple of Target
    overrides : tuple of str
        Applied to the scenario before anything is fitted.
    """

    name: str
    title: str
    question: str
    scenario: str
    replicates: int
    seed: int
    parameters: tuple[Parameter, ...]
    targets: tuple[Target, ...]
    overrides: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def load(cls, name_or_path: str | Path = "calibration", **changes: Any) -> CalibrationExperiment:
        """Read a calibration.

        Parameters
        ----------
        name_or_path : str or path
            A shipped calibration's name, or the path of a TOML file.
        **changes
            Fields to set otherwise (replicates, seed, scenario, overrides); None leaves the file's.

        Returns
        -------
        CalibrationExperiment

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file, and with what it asks of the scenario.
        """
        path, text, raw = read_experiment(name_or_path, "calibration")
        experiment = _read(Path(path).stem, path, raw, text)
        wanted = {key: value for key, value in changes.items() if value is not None}
        wanted["overrides"] = (*experiment.overrides, *wanted.get("overrides", ()))
        experiment = replace(experiment, **wanted)
        _check(path, experiment)
        return experiment

    def scenario_before(self) -> Scenario:
        """The scenario before anything is fitted."""
        return Scenario.load(self.scenario, self.overrides)

    def start(self) -> np.ndarray:
        """The parameters as the scenario has them: values, or factors of 1."""
        scenario = self.scenario_before()
        return np.array([_present(scenario, one) for one in self.parameters])

    def scenario_at(self, values: Sequence[float] | np.ndarray) -> Scenario:
        """The scenario with other values of the parameters, in their order.

        Raises
        ------
        ScenarioError
            If the scenario does not allow them.
        """
        return _changed(self.scenario_before(), self.parameters, values)


# --- parameters of the scenario -----------------------------------------------------------------------------
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


def _present(scenario: Scenario, one: Parameter) -> float:
    """The parameter's number in the scenario: its value, or a factor of 1."""
    return 1.0 if one.change == "factor" else _numbers(scenario, one, one.keys[0])[0]


def _changed(
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


# --- reading the file ---------------------------------------------------------------------------------------


class _Reader:
    """A table of the file, with what is wrong in it."""

    def __init__(self, file: str, at: str, raw: dict[str, Any], allowed: Sequence[str]) -> None:
        self.file, self.at, self.raw = file, at, raw
        self.problems: list[Problem] = []
        for name in raw:
            if name not in allowed:
                near = difflib.get_close_matches(name, allowed, n=1)
                self._wrong(name, "no such key", name, ", ".join(allowed), near[0] if near else None)

    def _wrong(self, key: str, message: str, found: str, allowed: str, nearest: str | None = None) -> None:
        where = f"{self.at}.{key}" if self.at else key
        self.problems.append(
            Problem(file=self.file, key=where, message=message, found=found, allowed=allowed, nearest=nearest)
        )

    def take(
        self,
        key: str,
        allowed: str,
        right: Callable[[Any], bool],
        default: Any = None,
        among: Sequence[str] = (),
    ) -> Any:
        """The value of a key, if it is right; else the default, and a problem."""
        if key not in self.raw and default is not None:
            return default
        value = self.raw.get(key)
        if right(value):
            return value
        near = difflib.get_close_matches(value, among, n=1) if isinstance(value, str) else []
        found = "nothing" if value is None else repr(value)
        self._wrong(key, "this can't be used", found, allowed, near[0] if near else None)
        return default

    def tables(self, key: str, of: str) -> Iterator[tuple[str, dict[str, Any]]]:
        listed = self.raw.get(key)
        if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
            self._wrong(key, f"there is no {of}", "nothing" if listed is None else repr(listed), f"[[{key}]]")
            return
        for i, one in enumerate(listed):
            yield f"{key}[{i}]", one


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_date(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _read(name: str, path: str, raw: dict[str, Any], text: str) -> CalibrationExperiment:
    top = _Reader(path, "", raw, _KEYS)
    title = top.take("title", "a text", _is_text, name)
    question = top.take("question", "a text", _is_text, "")
    scenario = top.take("scenario", "the name or path of a scenario", lambda v: _is_text(v) and bool(v))
    replicates = top.take("replicates", "a whole number, 4 or more", lambda v: _is_whole(v, 4))
    seed = top.take("seed", "a whole number, 0 or more", lambda v: _is_whole(v, 0))
    overrides = top.take("set", 'a list of "key=value"', _is_texts, [])
    parameters, targets = [], []
    problems: list[Problem] = []
    for at, one in top.tables("parameter", "parameter to be fitted"):
        if (parameter := _read_parameter(path, at, one, problems)) is not None:
            parameters.append(parameter)
    for at, one in top.tables("target", "target"):
        if (target := _read_target(path, at, one, problems)) is not None:
            targets.append(target)
    problems = [*top.problems, *problems]
    for what, names in (("parameter", [p.name for p in parameters]), ("target", [t.name for t in targets])):
        problems += [
            Problem(file=path, key=what, message="this is there twice", found=one, allowed="each once")
            for one in dict.fromkeys(names)
            if names.count(one) > 1
        ]
    if problems:
        raise ScenarioError(problems)
    return CalibrationExperiment(
        name=name, title=title, question=question, scenario=scenario, replicates=replicates, seed=seed,
        parameters=tuple(parameters), targets=tuple(targets), overrides=tuple(overrides), text=text,
    )  # fmt: skip


def _read_parameter(path: str, at: str, raw: dict[str, Any], problems: list[Problem]) -> Parameter | None:
    r = _Reader(path, at, raw, _PARAMETER_KEYS)
    if "keys" in raw:
        keys = r.take("keys", "a list of parameters", lambda v: _is_texts(v) and bool(v), [])
    else:
        key = r.take("key", "a parameter, as proceedings.notice.further.mean", _is_text)
        keys = [key] if key else []
    low, high = (r.take(end, "a number", _is_number) for end in ("low", "high"))
    scale = r.take(
        "scale", ", ".join(get_args(Scale)), lambda v: v in get_args(Scale), "linear", get_args(Scale)
    )
    change = r.take(
        "change", ", ".join(get_args(Change)), lambda v: v in get_args(Change), "value", get_args(Change)
    )
    since, until = (
        r.take(end, "a date without quotes, as 2018-01-01", _is_date) if end in raw else None
        for end in ("from", "until")
    )
    note = r.take("note", "a text", _is_text, "")
    name = r.take("name", "a text", lambda v: _is_text(v) and bool(v), keys[0] if keys else "parameter")
    if low is not None and high is not None:
        if not low < high:
            r._wrong("low", "the range has no inside", f"low {low:g}, high {high:g}", "low below high")
        elif scale == "log" and low <= 0:
            r._wrong("low", "there is no logarithm of it", f"{low:g}", "above 0 where scale is log")
        elif scale == "logit" and not 0 < low < high < 1:
            r._wrong(
                "low", "there is no logit of it", f"{low:g} to {high:g}", "between 0 and 1, ends left out"
            )
    if since is not None and until is not None and not since < until:
        r._wrong("until", "the time ends before it begins", str(until), f"after {since}")
    problems += r.problems
    if r.problems:
        return None
    return Parameter(name, tuple(keys), float(low), float(high), scale, change, since, until, note)


def _read_target(path: str, at: str, raw: dict[str, Any], problems: list[Problem]) -> Target | None:
    r = _Reader(path, at, raw, _TARGET_KEYS)
    known = tuple(measures())
    allowed = f"{', '.join(known)}; weeks_YEAR, within_26_YEAR, hearings_YEAR"
    measure = r.take(
        "measure", allowed, lambda v: _is_text(v) and (v in known or bool(_COURT.fullmatch(v))), among=known
    )
    court = r.take("court", "the name of a court", _is_text) if "court" in raw else None
    if court is not None and measure is not None and not _COURT.fullmatch(measure):
        r._wrong("court", "this measure is not of courts", court, "weeks_YEAR, within_26_YEAR, hearings_YEAR")
    value = r.take("value", "a number", _is_number)
    error = _read_error(r, value)
    source, note = (r.take(key, "a text", _is_text, "") for key in ("source", "note"))
    problems += r.problems
    if r.problems:
        return None
    assert error is not None
    return Target(measure, court, float(value), error, source, note)


def _read_error(r: _Reader, value: Any) -> float | None:
    """The standard error: given, or half the width of a 95 % interval over 1.96."""
    given = [key for key in ("standard_error", "interval") if key in r.raw]
    if len(given) != 1:
        r._wrong(
            "standard_error", "how sure the figure is must be said once", " and ".join(given) or "nothing",
            "standard_error, or interval = [low, high] (95 %)",
        )  # fmt: skip
        return None
    if given == ["standard_error"]:
        got = r.take("standard_error", "a number above 0", lambda v: _is_number(v) and v > 0)
        return None if got is None else float(got)

    def holds(ends: Any) -> bool:
        there = isinstance(ends, list) and len(ends) == 2 and all(map(_is_number, ends)) and ends[0] < ends[1]
        return there and (value is None or ends[0] <= value <= ends[1])

    ends = r.take("interval", "[low, high] about the value", holds)
    return None if ends is None else float(ends[1] - ends[0]) / (2 * _Z95)


# --- against the scenario -----------------------------------------------------------------------------------
def _check(file: str, one: CalibrationExperiment) -> None:
    """Refuse what the scenario does not have or allow, before anything is simulated.

    Raises
    ------
    ScenarioError
        With all that is wrong.
    """
    scenario = one.scenario_before()
    problems = [p for i, each in enumerate(one.parameters) for p in _unusable(file, i, each, scenario)]
    last = scenario.simulation.end_date.year
    for i, target in enumerate(one.targets):
        at = f"target[{i}]"
        if target.court is not None and target.court not in scenario.courts:
            near = difflib.get_close_matches(target.court, scenario.courts, n=1)
            problems.append(
                Problem(
                    file=file, key=f"{at}.court", message="no court has this name", found=target.court,
                    allowed=", ".join(scenario.courts), nearest=near[0] if near else None,
                )
            )  # fmt: skip
        match = _COURT.fullmatch(target.measure)
        if match and not scenario.simulation.start_date.year <= int(match[2]) <= last:
            problems.append(
                Problem(
                    file=file, key=f"{at}.measure", message="this year is not simulated", found=target.measure,
                    allowed=f"{scenario.simulation.start_date.year} to {last}",
                )
            )  # fmt: skip
    if problems:
        raise ScenarioError(problems)


def _unusable(file: str, i: int, one: Parameter, scenario: Scenario) -> Iterator[Problem]:
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
            _changed(scenario, [one], [end])
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
