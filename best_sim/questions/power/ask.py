"""What is asked of a power experiment.

A design is the scenario with one effect of LIFT, and perhaps other parameters. All designs have the same random
numbers, replicate by replicate, so they differ by their parameters alone. Each trial may be analysed in several ways.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, get_args

from pydantic import Field

from best_sim.pathway import words as W
from best_sim.questions.asking import (
    Alpha,
    Part,
    QuestionError,
    Scorings,
    SimulatedQuestion,
    Table,
    names_apart,
)
from best_sim.questions.power.priors import Prior, Varied
from best_sim.scenario.problems import Problem, ScenarioError, nearest_name
from best_sim.scenario.values import Overrides, Unit, Wrong

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.power.replicate import Replicate
    from best_sim.questions.power.run import PowerFound
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario
    from best_sim.trial.outcomes import Effect, Estimand, Outcome

_AFTER_THE_RUN, _WHO_IS_SCORED = ("outcomes.", "costs."), "outcomes.sdq.youngest_age"
_BOROUGHS, _EFFECT = "boroughs", "effect"
_MOST_DESIGNS = 400
_ANALYSIS_KEYS = ("outcome", "visit", "method", "estimand", "delta")

Visit = Annotated[int, Unit("visit", 1, W.VISITS)]
Families = Annotated[int, Unit("families", 1)]


# --- what is asked, worked out --------------------------------------------------------------------------------
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


# --- the tables of its file -----------------------------------------------------------------------------------
class AnalysisTable(Part):
    """One `[[analysis]]`; what it leaves out is as the top of the file has it."""

    name: str | None = None
    outcome: str | None = None
    visit: Visit | None = None
    method: str | None = None
    estimand: str | None = None
    delta: Annotated[float, Unit("units of the outcome")] | None = None


class DesignTable(Part):
    """One `[[design]]`."""

    name: str | None = None
    note: str = ""
    effect: Annotated[float, Unit("as the outcome defines it")] | None = None
    changes: Overrides = Field((), alias="set")
    boroughs: tuple[str, ...] | None = None


class Published(Part):
    """What a trial reported, to be shown beside what is simulated."""

    recruitment_ended: dt.date
    """Last day of recruitment."""
    families: Families
    """Randomised by then."""
    estimate: Annotated[float, Unit("units of the outcome")]
    """Adjusted difference of the outcome, LIFT less SAU, in its unit."""
    interval: Annotated[tuple[float, ...], Unit("units of the outcome")]
    """Its 95 % confidence interval."""
    outcome: str = "sdq"
    """Which was estimated; it is set beside analyses of that outcome alone."""
    source: str = ""

    def check(self) -> Iterator[Wrong]:
        """An interval that is none, an outcome that there is not."""
        from best_sim.trial.outcomes import OUTCOMES

        if len(self.interval) != 2 or not self.interval[0] < self.interval[1]:
            yield Wrong(
                "interval",
                "this is no interval",
                found=list(self.interval),
                allowed="two numbers, the lower first",
            )
        if self.outcome not in OUTCOMES:
            yield _unknown("outcome", self.outcome, OUTCOMES, "outcome")


# --- the question ---------------------------------------------------------------------------------------------
class PowerQuestion(SimulatedQuestion):
    """How often a trial would find an effect.

    Attributes
    ----------
    analyses : tuple of AnalysisPlan
        The first is the primary one.
    designs : tuple of Design
        Those that are listed, then those that the grid makes.
    """

    kind: ClassVar[str] = "power"
    options: ClassVar[tuple[str, ...]] = ("outcome_name", "visit", "method", "estimand", "alpha", "scorings")
    figure: ClassVar[str] = "power"

    scorings: Scorings = 1
    """How often each simulated trial is scored and analysed, each time with other random numbers for the scores."""
    alpha: Alpha = 0.05
    """Two-sided level."""
    outcome_name: str | None = Field(None, alias="outcome")
    """Outcome of the analyses that name none."""
    visit: Visit | None = None
    """Visit of the analyses that name none."""
    method: str | None = None
    """Method of the analyses that name none."""
    estimand: str | None = None
    """Estimand of the analyses that name none: intention-to-treat or per protocol."""
    delta: Annotated[float, Unit("units of the outcome")] | None = None
    """Shift of imputed outcomes of the LIFT arm, in the analyses that name none."""
    published: Published | None = None
    """What the trial that the scenario stands for reported."""
    analysis_tables: tuple[AnalysisTable, ...] = Field((), alias="analysis")
    design_tables: tuple[DesignTable, ...] = Field((), alias="design")
    grid: Table = Field(default_factory=dict)
    """A design for every combination of what its axes list."""
    priors: tuple[Prior, ...] = Field((), alias="prior")
    """What is believed of parameters, for assurance."""
    varied: tuple[Varied, ...] = Field((), alias="vary")
    """Parameters and their ends, for one-way sensitivity."""

    @cached_property
    def analyses(self) -> tuple[AnalysisPlan, ...]:
        """Every way in which each trial is analysed; the first is the primary one."""
        return tuple(AnalysisPlan(**values) for values in self._analysis_values())

    @cached_property
    def designs(self) -> tuple[Design, ...]:
        """Every design."""
        none = _no_effect(self.primary.outcome)
        listed = [
            Design(
                f"design {i + 1}" if one.name is None else one.name, one.note,
                none if one.effect is None else one.effect, one.changes, one.boroughs,
            )
            for i, one in enumerate(self.design_tables)
        ]  # fmt: skip
        return (*listed, *self._of_grid(none))

    @property
    def primary(self) -> AnalysisPlan:
        """The first analysis."""
        return self.analyses[0]

    @property
    def outcome(self) -> Outcome:
        """That of the first analysis."""
        from best_sim.trial.outcomes import OUTCOMES

        return OUTCOMES[self.primary.outcome]

    @property
    def effect(self) -> Effect | None:
        """What the effect of a design is, on the outcome of the first analysis; None where there is none to set."""
        return self.outcome.effect

    def has_effect(self, design: Design) -> bool:
        """Whether a design sets an effect other than none."""
        return design.effect is not None and self.effect is not None and design.effect != self.effect.none

    # --- one design, in its scenario --------------------------------------------------------------------------
    def with_design(self, name: str | None = None) -> Self:
        """The question with one of its designs and its primary analysis alone, and nothing published beside it.

        Parameters
        ----------
        name : str, optional
            By default the first design.

        Raises
        ------
        QuestionError
            If no design has this name.
        """
        named = {design.name: design for design in self.designs}
        if name is not None and name not in named:
            raise QuestionError(
                [
                    Problem(
                        file=self.file, key="design", message="no design has this name", found=name,
                        allowed="; ".join(named), nearest=nearest_name(name, list(named)),
                    )
                ]
            )  # fmt: skip
        chosen = self.designs[0] if name is None else named[name]
        table = DesignTable(
            name=chosen.name,
            note=chosen.note,
            effect=chosen.effect,
            changes=chosen.changes,
            boroughs=chosen.boroughs,
        )
        primary = self.primary
        said = {key: getattr(primary, key) for key in ("name", *_ANALYSIS_KEYS)}
        if not self.outcome.takes_visit:
            del said["visit"]
        return self.replaced(
            design_tables=(table,),
            analysis_tables=(AnalysisTable(**said),),
            grid={},
            published=None,
            visit=None,
        )

    def first_with_effect(self) -> str:
        """Name of the first design with an effect.

        Raises
        ------
        QuestionError
            If none has one.
        """
        for design in self.designs:
            if self.has_effect(design):
                return design.name
        raise QuestionError(
            [
                Problem(
                    file=self.file, key="design", message="no design has an effect to find",
                    found=", ".join(design.name for design in self.designs),
                    allowed="a design with an effect, or the name of one without",
                )
            ]
        )  # fmt: skip

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
        return (design.boroughs, *(one for one, key in keys.items() if not changes_scores_alone(key)))

    def scenario_of(self, design: Design) -> Scenario:
        """The scenario of one design.

        Raises
        ------
        ScenarioError
            If it can't be used, or nobody is recruited in it.
        """
        if design not in self.scenarios:
            self.scenarios[design] = self._scenario_of(design)
        return self.scenarios[design]

    @cached_property
    def scenarios(self) -> dict[Design, Scenario]:
        """The scenarios of designs that were asked for."""
        return {}

    def _scenario_of(self, design: Design) -> Scenario:
        scenario = self.changed_world(self.changes_of(design)[len(self.overrides) :])
        if design.boroughs is not None:
            scenario = _only(scenario, design, self.scenario)
        refuse_without_recruitment(scenario, self.scenario)
        return scenario

    # --- asking -----------------------------------------------------------------------------------------------
    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        n = len(self.designs)
        return f"{super().replicates_words()} of each of {n} designs" if n > 1 else super().replicates_words()

    def beside(self, changes: Mapping[str, Any], before: Table) -> Self:
        """Nothing is published of another trial than the file's."""
        if changes.get("scenario", before.get("scenario", self.scenario)) != before.get(
            "scenario", self.scenario
        ):
            return self.replaced(published=None)
        return self

    def check(self) -> Iterator[Wrong]:
        """What is wrong with analyses, designs and grid."""
        wrong = list(self._wrong_analyses())
        yield from wrong
        if wrong:
            return
        outcome = self.primary.outcome
        for i, design in enumerate(self.design_tables):
            if design.effect is not None and not _is_effect(design.effect, outcome):
                yield Wrong(
                    f"design[{i}].effect", "this can't be the effect", found=design.effect,
                    allowed=_effects_allowed(outcome),
                )  # fmt: skip
        wrong = list(self._wrong_grid(outcome))
        yield from wrong
        if wrong:
            return
        if not self.designs:
            yield Wrong("design", "there is no design", allowed="[[design]] tables, or a [grid]")
        yield from names_apart("design", "designs", [design.name for design in self.designs])
        key = self.effect.parameter if self.effect else ""
        if any(one.partition("=")[0].strip() == key for one in self.overrides):
            yield Wrong(
                "set", "each design sets this itself", found=key,
                allowed="another effect in a [[design]] of a copy of the experiment's file",
            )  # fmt: skip

    def refuse(self) -> None:
        """Refuse designs that the scenario can't have."""
        for design in self.designs:
            self.scenario_of(design)

    def work(self, engine: Engine) -> Replicate:
        """One replicate of every design."""
        from best_sim.questions.power.replicate import Replicate

        return Replicate.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> PowerFound:
        """What the first `done` replicates say."""
        from best_sim.questions.power.run import power_found

        return power_found(self, keep, done, engine)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """The summary so far."""
        from best_sim.questions.power.run import power_summary

        return power_summary(self, keep, done)

    # --- analyses and grid ------------------------------------------------------------------------------------
    def _analysis_values(self) -> Iterator[dict[str, Any]]:
        """The values of each analysis: its own, those of the top of the file, the usual ones."""
        from best_sim.trial.methods import USUAL
        from best_sim.trial.outcomes import OUTCOMES

        top = {
            "outcome": self.outcome_name, "visit": self.visit, "method": self.method, "estimand": self.estimand,
            "delta": self.delta,
        }  # fmt: skip
        for i, table in enumerate(self.analysis_tables or (AnalysisTable(),)):
            own = {key: getattr(table, key) for key in _ANALYSIS_KEYS}
            got = {key: top[key] if own[key] is None else own[key] for key in _ANALYSIS_KEYS}
            outcome = str(got["outcome"] or "sdq")
            kind = OUTCOMES[outcome].kind if outcome in OUTCOMES else "score"
            usual = {
                "outcome": "sdq", "visit": 3, "method": USUAL[kind], "estimand": "intention-to-treat", "delta": 0.0,
            }  # fmt: skip
            name = table.name or ("primary" if i == 0 else f"analysis {i + 1}")
            yield {"name": name} | {
                key: usual[key] if got[key] is None else got[key] for key in _ANALYSIS_KEYS
            }

    def _wrong_analyses(self) -> Iterator[Wrong]:
        from best_sim.trial.methods import METHODS, methods_for
        from best_sim.trial.outcomes import OUTCOMES, Estimand

        rows = list(self._analysis_values())
        for i, row in enumerate(rows):
            # what stands at the top of the file is wrong there
            listed = i < len(self.analysis_tables)

            def key(name: str, i: int = i, listed: bool = listed) -> str:
                own = listed and getattr(self.analysis_tables[i], name) is not None
                return f"analysis[{i}].{name}" if own else name

            if row["outcome"] not in OUTCOMES:
                yield _unknown(key("outcome"), row["outcome"], OUTCOMES, "outcome")
                continue
            methods = methods_for(row["outcome"])
            if row["method"] not in methods:
                yield Wrong(
                    key("method"), f"this is no analysis of {row['outcome']}", found=row["method"],
                    allowed=", ".join(methods), nearest=nearest_name(row["method"], methods), because="outcome",
                )  # fmt: skip
            if row["estimand"] not in get_args(Estimand):
                yield _unknown(key("estimand"), row["estimand"], get_args(Estimand), "estimand")
            if key("visit") != "visit" and not OUTCOMES[row["outcome"]].takes_visit:
                yield _of_no_visit(key("visit"), row["visit"], row["outcome"])
            imputes = row["method"] in METHODS and METHODS[row["method"]].imputes
            if row["delta"] != 0.0 and not imputes:
                yield Wrong(
                    key("delta"), "this analysis imputes nothing that could be shifted", found=row["delta"],
                    allowed="a number, in the unit of the outcome, for multiple-imputation",
                )  # fmt: skip
        yield from names_apart("analysis", "analyses", [row["name"] for row in rows])
        tables = self.analysis_tables or (AnalysisTable(),)
        unsaid = [row["outcome"] for row, table in zip(rows, tables, strict=True) if table.visit is None]
        known = [OUTCOMES[one] for one in unsaid if one in OUTCOMES]
        if self.visit is not None and known and not any(one.takes_visit for one in known):
            yield _of_no_visit("visit", self.visit, known[0].name)

    def _wrong_grid(self, outcome: str) -> Iterator[Wrong]:
        many = 1
        for axis, values in self.grid.items():
            allowed = ""
            if not isinstance(values, list) or not values:
                allowed = "a list of values"
            elif axis == _EFFECT:
                if not all(_is_effect(value, outcome) for value in values):
                    allowed = f"a list; each {_effects_allowed(outcome)}"
            elif axis == _BOROUGHS:
                if not all(map(_is_names, values)):
                    allowed = "a list of lists of names of boroughs"
            elif "." not in axis:
                allowed = 'effect, boroughs, or a quoted parameter as "trial.target_families"'
            if allowed:
                yield Wrong(f"grid.{axis}", "this can't be an axis", found=values, allowed=allowed)
            else:
                many *= len(values)
        if many > _MOST_DESIGNS:
            yield Wrong(
                "grid",
                "these are too many designs",
                found=many,
                allowed=f"{_MOST_DESIGNS} combinations or fewer",
            )

    def _of_grid(self, none: float | None) -> Iterator[Design]:
        """A design for every combination of what the axes of the grid list."""
        for combination in itertools.product(*self.grid.values()) if self.grid else ():
            setting = dict(zip(self.grid, combination, strict=True))
            effect, boroughs = setting.get(_EFFECT, none), setting.get(_BOROUGHS)
            yield Design(
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


def changes_scores_alone(key: str) -> bool:
    """Whether a parameter changes scores or prices and nothing else: not even who has a score."""
    return key.startswith(_AFTER_THE_RUN) and key != _WHO_IS_SCORED


def refuse_without_recruitment(scenario: Scenario, file: str) -> None:
    """Refuse a scenario in which nobody is recruited.

    Raises
    ------
    ScenarioError
    """
    if not any(value > 0.5 for site in scenario.sites.values() for value in site.recruiting.values):
        raise ScenarioError(
            [
                Problem(
                    file=file, key="sites.*.recruiting", message="no site recruits: there is no trial",
                    found="0 throughout", allowed="1 from some date on; `best-sim simulate` runs it as it is",
                )
            ]
        )  # fmt: skip


def _only(scenario: Scenario, design: Design, file: str) -> Scenario:
    """The scenario with the other boroughs opening after its end: their children enter care, but nobody is invited."""
    wanted = design.boroughs or ()
    for name in wanted:
        if name not in scenario.boroughs:
            raise ScenarioError(
                [
                    Problem(
                        file=file, key=f"boroughs.{name}", message=f"the design {design.name!r} names no borough of it",
                        found=name, allowed=", ".join(scenario.boroughs),
                        nearest=nearest_name(name, list(scenario.boroughs)),
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


def _unknown(key: str, found: str, known: Any, what: str) -> Wrong:
    return Wrong(
        key,
        f"no {what} has this name",
        found=found,
        allowed=", ".join(known),
        nearest=nearest_name(found, list(known)),
    )


def _of_no_visit(key: str, visit: int, outcome: str) -> Wrong:
    return Wrong(key, f"{outcome} is of no visit", found=visit, allowed="nothing: leave it out")


def _said(axis: str, value: Any) -> str:
    words = axis.rpartition(".")[2].replace("_", " ")
    return "boroughs " + " + ".join(value) if axis == _BOROUGHS else f"{words} {_as_text(value)}"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_effect(value: Any, outcome: str) -> bool:
    from best_sim.trial.outcomes import OUTCOMES

    effect = OUTCOMES[outcome].effect
    if effect is None:
        return value is None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and effect.allows(value)


def _effects_allowed(outcome: str) -> str:
    from best_sim.trial.outcomes import OUTCOMES

    of = OUTCOMES[outcome]
    if of.effect is None:
        return (
            f"no effect: {outcome} has no parameter for one; what leads to it may be set instead, with "
            f'set = ["KEY=VALUE"]: {", ".join(of.instead)} and others'
        )
    return of.effect.allowed


def _no_effect(outcome: str) -> float | None:
    from best_sim.trial.outcomes import OUTCOMES

    effect = OUTCOMES[outcome].effect
    return None if effect is None else effect.none


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)
