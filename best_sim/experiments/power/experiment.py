"""What is asked of a power experiment, and reading it from TOML.

A design is the scenario with one effect of LIFT, and perhaps other parameters. All designs meet the same luck,
replicate by replicate, so they differ by their parameters alone. Each trial may be analysed in several ways.
"""

from __future__ import annotations

import datetime as dt
import difflib
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from best_sim.experiments.files import read_experiment
from best_sim.experiments.priors import Prior, Varied, read_priors, read_varied
from best_sim.pathway import words as W
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.trial.methods import METHODS, USUAL, methods_for
from best_sim.trial.outcomes import OUTCOMES, Effect, Estimand, Outcome

_KEYS = (
    "title", "question", "scenario", "replicates", "scorings", "seed", "alpha", "set", "outcome", "visit", "method",
    "estimand", "delta", "analysis", "design", "grid", "prior", "vary", "published",
)  # fmt: skip
_ANALYSIS_KEYS = ("name", "outcome", "visit", "method", "estimand", "delta")
_DESIGN_KEYS = ("name", "note", "effect", "set", "boroughs")
_PUBLISHED_KEYS = ("recruitment_ended", "families", "estimate", "interval", "outcome", "source")
_AFTER_THE_RUN, _WHO_IS_SCORED = ("outcomes.", "costs."), "outcomes.sdq.youngest_age"
_BOROUGHS, _EFFECT = "boroughs", "effect"
_MOST_DESIGNS = 400


@dataclass(frozen=True)
class AnalysisPlan:
    """One way to analyse each trial.

    Attributes
    ----------
    name : str
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`.
    visit : int
    method : str
        One of `best_sim.trial.methods.METHODS`.
    estimand : {"intention-to-treat", "per protocol"}
    delta : float
        Added to every imputed outcome of the LIFT arm, in units of the outcome; for analyses that impute.
    """

    name: str
    outcome: str
    visit: int
    method: str
    estimand: Estimand = "intention-to-treat"
    delta: float = 0.0


@dataclass(frozen=True)
class Design:
    """One design: an effect of LIFT, and other parameters that differ from the scenario.

    Attributes
    ----------
    name, note : str
    effect : float or None
        Of LIFT on the first analysis's outcome, as that outcome defines its effect. None where it has none to set.
    changes : tuple of str
        Overrides, ``key=value``.
    boroughs : tuple of str or None
        Only these recruit; None for all that do in the scenario.
    setting : tuple of (str, object)
        What a grid set, axis by axis.
    """

    name: str
    note: str
    effect: float | None
    changes: tuple[str, ...] = ()
    boroughs: tuple[str, ...] | None = None
    setting: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Published:
    """What a trial reported, to be shown beside what is simulated.

    Attributes
    ----------
    recruitment_ended : datetime.date
        Last day of recruitment.
    families : int
        Randomised by then.
    estimate : float
        Adjusted difference of the outcome, LIFT less SAU, in its unit.
    interval : tuple of float
        Its 95 % confidence interval.
    source : str
    outcome : str
        Which was estimated; it is set beside analyses of that outcome alone.
    """

    recruitment_ended: dt.date
    families: int
    estimate: float
    interval: tuple[float, float]
    source: str = ""
    outcome: str = "sdq"


@dataclass(frozen=True)
class PowerExperiment:
    """What is asked.

    Attributes
    ----------
    name, title, question : str
    scenario : str
        Name or path.
    replicates, seed : int
    scorings : int
        How often each simulated trial is scored and analysed, each time with other luck in the scores.
    alpha : float
        Two-sided level.
    analyses : tuple of AnalysisPlan
        The first is the primary one.
    designs : tuple of Design
    published : Published or None
        What the trial that the scenario stands for reported; None where the scenario is another than the file's.
    priors : tuple of Prior
        What is believed of parameters, for assurance.
    varied : tuple of Varied
        Parameters and their ends, for fragility.
    overrides : tuple of str
        Applied to every design: those of the file (`set`), then those that were given beside it.
    """

    name: str
    title: str
    question: str
    scenario: str
    replicates: int
    scorings: int
    seed: int
    alpha: float
    analyses: tuple[AnalysisPlan, ...]
    designs: tuple[Design, ...]
    published: Published | None = None
    priors: tuple[Prior, ...] = ()
    varied: tuple[Varied, ...] = ()
    overrides: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    @property
    def primary(self) -> AnalysisPlan:
        """The first analysis."""
        return self.analyses[0]

    @property
    def outcome(self) -> Outcome:
        """That of the first analysis."""
        return OUTCOMES[self.primary.outcome]

    @property
    def effect(self) -> Effect | None:
        """What the effect of a design is, on the outcome of the first analysis; None where there is none to set."""
        return self.outcome.effect

    def has_effect(self, design: Design) -> bool:
        """Whether a design sets an effect other than none."""
        return design.effect is not None and self.effect is not None and design.effect != self.effect.none

    @classmethod
    def load(cls, name_or_path: str | Path = "power", **changes: Any) -> PowerExperiment:
        """Read an experiment.

        Parameters
        ----------
        name_or_path : str or path
            A shipped experiment's name, or the path of a TOML file.
        **changes
            Fields to set otherwise (replicates, seed, scenario, overrides); None leaves the file's.

        Returns
        -------
        PowerExperiment

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file.
        """
        path, text, raw = read_experiment(name_or_path)
        experiment = _read(Path(path).stem, path, raw, text)
        wanted = {key: value for key, value in changes.items() if value is not None}
        wanted["overrides"] = (*experiment.overrides, *wanted.get("overrides", ()))
        if wanted.get("scenario", experiment.scenario) != experiment.scenario:
            wanted.setdefault("published", None)  # another trial than the one that was published
        experiment = replace(experiment, **wanted)
        key = experiment.effect.parameter if experiment.effect else ""
        if any(one.partition("=")[0].strip() == key for one in experiment.overrides):
            raise ScenarioError(
                [
                    Problem(
                        file="--set", key=key, message="each design of the experiment sets this itself",
                        allowed="another effect in a [[design]] of a copy of the experiment's file",
                    )
                ]
            )  # fmt: skip
        return experiment

    def changes_of(self, design: Design) -> tuple[str, ...]:
        """Every override of a design, its effect among them."""
        if self.effect is None:
            return (*self.overrides, *design.changes)
        value = self.effect.none if design.effect is None else design.effect
        return (*self.overrides, f"{self.effect.parameter}={float(value)!r}", *design.changes)

    def pathway_of(self, design: Design) -> tuple[Any, ...]:
        """What of a design can alter more than scores; designs that agree in it share one simulated pathway."""
        changes = self.changes_of(design)[len(self.overrides) :]
        keys = {one: one.partition("=")[0].strip() for one in changes}
        return (
            design.boroughs,
            *(one for one, key in keys.items() if not changes_scores_alone(key)),
        )

    def scenario_of(self, design: Design) -> Scenario:
        """The scenario of one design.

        Raises
        ------
        ScenarioError
            If it can't be used, or nobody is recruited in it.
        """
        scenario = Scenario.load(self.scenario, self.changes_of(design))
        if design.boroughs is not None:
            scenario = _only(scenario, design, self.scenario)
        if not any(value > 0.5 for site in scenario.sites.values() for value in site.recruiting.values):
            raise ScenarioError(
                [
                    Problem(
                        file=self.scenario, key="sites.*.recruiting", message="no site recruits: there is no trial",
                        found="0 throughout", allowed="1 from some date on; `best-sim simulate` runs it as it is",
                    )
                ]
            )  # fmt: skip
        return scenario


def changes_scores_alone(key: str) -> bool:
    """Whether a parameter changes scores or prices and nothing else: not even who has a score."""
    return key.startswith(_AFTER_THE_RUN) and key != _WHO_IS_SCORED


def _only(scenario: Scenario, design: Design, file: str) -> Scenario:
    """The scenario with the other boroughs opening after its end: their children enter care, but nobody is invited."""
    wanted = design.boroughs or ()
    for name in wanted:
        if name not in scenario.boroughs:
            near = difflib.get_close_matches(name, scenario.boroughs, n=1)
            raise ScenarioError(
                [
                    Problem(
                        file=file, key=f"boroughs.{name}", message=f"the design {design.name!r} names no borough of it",
                        found=name, allowed=", ".join(scenario.boroughs), nearest=near[0] if near else None,
                    )
                ]
            )  # fmt: skip
    never = scenario.simulation.end_date + dt.timedelta(days=1)
    shut: dict[str, Any] = {}
    for name, borough in scenario.boroughs.items():
        if name not in wanted:
            shut[f"boroughs.{name}.opens"] = never
            if borough.closes is not None:
                shut[f"boroughs.{name}.closes"] = never + dt.timedelta(days=1)
    return scenario.replace(shut)


# --- reading the file ---------------------------------------------------------------------------------------


def _read(name: str, path: str, raw: dict[str, Any], text: str) -> PowerExperiment:
    problems = list(_unknown(path, "", raw, _KEYS))

    def take(
        key: str,
        kind: type | tuple[type, ...],
        allowed: str,
        check: Callable[[Any], bool],
        default: Any = None,
    ) -> Any:
        value = raw.get(key, default)
        right = isinstance(value, kind) and not (isinstance(value, bool)) and check(value)
        if not right:
            found = "nothing" if value is None else repr(value)
            problems.append(
                Problem(file=path, key=key, message="this can't be used", found=found, allowed=allowed)
            )
        return value

    got = {
        "title": take("title", str, "a text", bool, name),
        "question": take("question", str, "a text", lambda v: True, ""),
        "scenario": take("scenario", str, "the name or path of a scenario", bool),
        "replicates": take("replicates", int, "a whole number, 1 or more", lambda v: v >= 1),
        "scorings": take("scorings", int, "a whole number, 1 to 1000", lambda v: 1 <= v <= 1000, 1),
        "seed": take("seed", int, "a whole number, 0 or more", lambda v: v >= 0),
        "alpha": take("alpha", float, "between 0 and 1", lambda v: 0 < v < 1, 0.05),
    }
    changes = take("set", list, 'a list of "key=value"', _is_changes, [])
    analyses = _read_analyses(path, raw, problems)
    primary = analyses[0].outcome if analyses else "sdq"
    designs = _read_designs(path, raw, primary, problems)
    published = _read_published(path, raw["published"], problems) if "published" in raw else None
    priors = read_priors(path, raw.get("prior", []), problems)
    varied = read_varied(path, raw.get("vary", []), problems)
    if problems:
        raise ScenarioError(problems)
    return PowerExperiment(
        name=name,
        priors=priors,
        varied=varied,
        analyses=analyses,
        designs=designs,
        published=published,
        overrides=tuple(changes),
        text=text,
        **got,
    )


def _read_analyses(path: str, raw: dict[str, Any], problems: list[Problem]) -> tuple[AnalysisPlan, ...]:
    """The analyses: `[[analysis]]` tables, or one from the keys at the top of the file."""
    top = {key: raw[key] for key in _ANALYSIS_KEYS if key in raw and key != "name"}
    listed = raw.get("analysis")
    if listed is None:
        tables, below = [top], [""]
    elif not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        problems.append(
            Problem(file=path, key="analysis", message="there is no analysis", allowed="[[analysis]] tables")
        )
        return ()
    else:
        tables, below = [top | one for one in listed], [f"analysis[{i}]." for i in range(len(listed))]
    out = []
    for i, (one, key) in enumerate(zip(tables, below, strict=True)):
        problems += _unknown(path, key.rstrip("."), one, _ANALYSIS_KEYS) if listed is not None else []
        outcome = one.get("outcome", "sdq")
        known = isinstance(outcome, str) and outcome in OUTCOMES
        methods = methods_for(outcome) if known else list(METHODS)
        values = {
            "name": "primary" if i == 0 else f"analysis {i + 1}", "outcome": outcome, "visit": 3,
            "method": USUAL[OUTCOMES[outcome].kind] if known else methods[0], "estimand": "intention-to-treat",
            "delta": 0.0,
        } | one  # fmt: skip
        right = {
            "name": (isinstance(values["name"], str) and bool(values["name"]), "a text", ()),
            "outcome": (known, ", ".join(OUTCOMES), OUTCOMES),
            "visit": (values["visit"] in range(1, W.VISITS + 1), f"1 to {W.VISITS}", ()),
            "method": (values["method"] in methods, ", ".join(methods) + f" (for {outcome})", methods),
            "delta": (
                _is_number(values["delta"])
                and (
                    values["delta"] == 0
                    or (values["method"] in methods and METHODS[values["method"]].imputes)
                ),
                "a number, in the unit of the outcome, for multiple-imputation",
                (),
            ),
            "estimand": (
                values["estimand"] in get_args(Estimand),
                ", ".join(get_args(Estimand)),
                get_args(Estimand),
            ),
        }
        wrong = {name: (allowed, among) for name, (ok, allowed, among) in right.items() if not ok}
        for name, (allowed, among) in wrong.items():
            near = difflib.get_close_matches(str(values[name]), list(among), n=1)
            problems.append(
                Problem(
                    file=path, key=f"{key}{name}", message="this can't be used", found=repr(values[name]),
                    allowed=allowed, nearest=near[0] if near else None,
                )
            )  # fmt: skip
        if not wrong:
            out.append(AnalysisPlan(**{name: values[name] for name in right}))
    _different(path, "analysis", [one.name for one in out], problems)
    return tuple(out)


def _read_designs(
    path: str, raw: dict[str, Any], outcome: str, problems: list[Problem]
) -> tuple[Design, ...]:
    """The designs, those that a grid makes after those that are listed; what is wrong is added to the problems."""
    listed, grid = raw.get("design", []), raw.get("grid", {})
    if (
        not isinstance(listed, list)
        or not all(isinstance(one, dict) for one in listed)
        or not (listed or grid)
    ):
        problems.append(
            Problem(
                file=path,
                key="design",
                message="there is no design",
                allowed="[[design]] tables, or a [grid]",
            )
        )
        return ()
    none = _no_effect(outcome)
    designs = []
    for i, one in enumerate(listed):
        key = f"design[{i}]"
        problems += _unknown(path, key, one, _DESIGN_KEYS)
        values = {"name": f"design {i + 1}", "note": "", "effect": none, "set": [], "boroughs": None} | one
        right = {
            "name": (isinstance(values["name"], str), "a text"),
            "note": (isinstance(values["note"], str), "a text"),
            "effect": (_is_effect(values["effect"], outcome), _effects_allowed(outcome)),
            "set": (_is_changes(values["set"]), 'a list of "key=value"'),
            "boroughs": (
                values["boroughs"] is None or _is_names(values["boroughs"]),
                "a list of names of boroughs",
            ),
        }
        wrong = {name: allowed for name, (ok, allowed) in right.items() if not ok}
        problems += [
            Problem(
                file=path, key=f"{key}.{name}", message="this can't be used", found=repr(values[name]),
                allowed=allowed,
            )
            for name, allowed in wrong.items()
        ]  # fmt: skip
        if not wrong:
            boroughs = None if values["boroughs"] is None else tuple(values["boroughs"])
            effect = None if values["effect"] is None else float(values["effect"])
            designs.append(Design(values["name"], values["note"], effect, tuple(values["set"]), boroughs))
    designs += _from_grid(path, grid, outcome, problems)
    _different(path, "design", [d.name for d in designs], problems)
    return tuple(designs)


def _from_grid(path: str, grid: Any, outcome: str, problems: list[Problem]) -> list[Design]:
    """A design for every combination of what the axes of the grid list."""
    if not isinstance(grid, dict):
        problems.append(
            Problem(file=path, key="grid", message="not a table", found=repr(grid), allowed="[grid]")
        )
        return []
    axes = {}
    for axis, values in grid.items():
        if not isinstance(values, list) or not values:
            right, allowed = False, "a list of values"
        elif axis == _EFFECT:
            right, allowed = (
                all(_is_effect(v, outcome) for v in values),
                f"a list; each {_effects_allowed(outcome)}",
            )
        elif axis == _BOROUGHS:
            right, allowed = all(map(_is_names, values)), "a list of lists of names of boroughs"
        else:
            right, allowed = "." in axis, 'effect, boroughs, or a quoted parameter as "trial.target_families"'
        if right:
            axes[axis] = values
        else:
            problems.append(
                Problem(
                    file=path,
                    key=f"grid.{axis}",
                    message="this can't be used",
                    found=repr(values),
                    allowed=allowed,
                )
            )
    many = int(np.prod([len(values) for values in axes.values()])) if axes else 0
    if many > _MOST_DESIGNS:
        problems.append(
            Problem(
                file=path, key="grid", message="these are too many designs", found=str(many),
                allowed=f"{_MOST_DESIGNS} combinations or fewer",
            )
        )  # fmt: skip
        return []
    none = _no_effect(outcome)
    out = []
    for combination in itertools.product(*axes.values()) if axes else ():
        setting = dict(zip(axes, combination, strict=True))
        effect, boroughs = setting.get(_EFFECT, none), setting.get(_BOROUGHS)
        out.append(
            Design(
                name=", ".join(_said(axis, value) for axis, value in setting.items()),
                note="",
                effect=None if effect is None else float(effect),
                changes=tuple(
                    f"{axis}={_as_text(value)}"
                    for axis, value in setting.items()
                    if axis not in (_EFFECT, _BOROUGHS)
                ),
                boroughs=None if boroughs is None else tuple(boroughs),
                setting=tuple((axis, tuple(v) if isinstance(v, list) else v) for axis, v in setting.items()),
            )
        )
    return out


def _said(axis: str, value: Any) -> str:
    words = axis.rpartition(".")[2].replace("_", " ")
    return "boroughs " + " + ".join(value) if axis == _BOROUGHS else f"{words} {_as_text(value)}"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_effect(value: Any, outcome: str) -> bool:
    effect = OUTCOMES[outcome].effect
    return value is None if effect is None else _is_number(value) and effect.allows(value)


def _effects_allowed(outcome: str) -> str:
    of = OUTCOMES[outcome]
    if of.effect is None:
        return (
            f"no effect: {outcome} has no parameter for one; what leads to it may be set instead, with "
            f'set = ["KEY=VALUE"]: {", ".join(of.instead)} and others'
        )
    return of.effect.allowed


def _no_effect(outcome: str) -> float | None:
    effect = OUTCOMES[outcome].effect
    return None if effect is None else effect.none


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _different(path: str, key: str, names: list[str], problems: list[Problem]) -> None:
    what = {"design": "two designs", "analysis": "two analyses"}[key]
    for twice in sorted({name for name in names if names.count(name) > 1}):
        problems.append(
            Problem(
                file=path,
                key=key,
                message=f"{what} have the same name",
                found=twice,
                allowed="different names",
            )
        )


def _read_published(path: str, table: Any, problems: list[Problem]) -> Published | None:
    """What the trial reported; what is wrong with it is added to the problems."""
    if not isinstance(table, dict):
        problems.append(
            Problem(
                file=path, key="published", message="not a table", found=repr(table), allowed="[published]"
            )
        )
        return None
    problems += _unknown(path, "published", table, _PUBLISHED_KEYS)
    got: dict[str, Any] = {"source": "", "outcome": "sdq"} | table
    interval = got.get("interval")
    ended = got.get("recruitment_ended")
    right = {
        "recruitment_ended": (isinstance(ended, dt.date) and not isinstance(ended, dt.datetime), "a date"),
        "families": (isinstance(got.get("families"), int) and got["families"] > 0, "a whole number, 1 or more"),
        "estimate": (_is_number(got.get("estimate")), "a number, in the unit of the outcome"),
        "outcome": (isinstance(got["outcome"], str) and got["outcome"] in OUTCOMES, ", ".join(OUTCOMES)),
        "interval": (
            isinstance(interval, list) and len(interval) == 2 and all(map(_is_number, interval))
            and interval[0] < interval[1],
            "a list of two numbers, the lower first",
        ),
        "source": (isinstance(got["source"], str), "a text"),
    }  # fmt: skip
    wrong = {name: allowed for name, (ok, allowed) in right.items() if not ok}
    problems += [
        Problem(
            file=path, key=f"published.{name}", message="this can't be used",
            found=repr(got[name]) if name in got else "nothing", allowed=allowed,
        )
        for name, allowed in wrong.items()
    ]  # fmt: skip
    if wrong:
        return None
    low, high = got["interval"]
    return Published(
        recruitment_ended=got["recruitment_ended"],
        families=got["families"],
        estimate=float(got["estimate"]),
        interval=(float(low), float(high)),
        source=got["source"],
        outcome=got["outcome"],
    )


def _is_changes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and "=" in one for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))


def _unknown(path: str, below: str, table: dict[str, Any], known: Iterable[str]) -> list[Problem]:
    names = list(known)
    out = []
    for key in table:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            out.append(
                Problem(
                    file=path, key=f"{below}.{key}".lstrip("."), message="no key has this name", found=key,
                    allowed=", ".join(names), nearest=near[0] if near else None,
                )
            )  # fmt: skip
    return out
