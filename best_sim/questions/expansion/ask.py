"""What is asked of an expansion: a scenario, and plans for it, one of them the baseline.

A plan says when boroughs open and close, and how a LIFT team is staffed. It changes its scenario as a design of a power
experiment does: by overrides, key by key, after those that hold for every plan.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from best_sim.questions.asking import (
    Part,
    QuestionError,
    Several,
    SimulatedQuestion,
    Table,
    names_apart,
)
from best_sim.scenario import Scenario
from best_sim.scenario.problems import Problem, ScenarioError, nearest_name
from best_sim.scenario.values import Overrides, Unit, Wrong
from best_sim.scenario.writing import shown, toml_value

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.expansion.replicate import ReplicateOfPlans
    from best_sim.questions.expansion.run import ExpansionFound
    from best_sim.replications import Keep

NEVER = "never"
"""In place of a date: the borough does not open. TOML's `false` says the same."""

_SET_ELSEWHERE = {
    "simulation.start_date": "set at the top of the file, for every plan alike",
    "simulation.end_date": "set at the top of the file, for every plan alike",
    "trial.target_families": "target, of the plan or at the top of the file",
}
_BOROUGHS = {"opens": "openings", "closes": "closings"}
"""Keys of a borough, and the plan's table that sets them."""

Families = Annotated[int, Unit("families", 1)]


# --- the tables of its file -----------------------------------------------------------------------------------
class TeamChange(Part):
    """One `[[plan.team]]`: a number of staff from a date on, in place of what the scenario says from then on."""

    team: str
    """Which LIFT team."""
    profession: Literal["social_workers", "psychologists", "psychiatrists"]
    """Of whom there are so many."""
    since: dt.date = Field(alias="from")
    """First day."""
    value: Annotated[float, Unit("full-time equivalents", 0)]
    """How many."""


class OpeningPlan(Part):
    """One `[[plan]]`: what it changes of the scenario."""

    name: str
    """By which it is told from the others."""
    title: str = ""
    """What it is called; by default its name."""
    notes: str = ""
    """What a reader should know of it."""
    target: Families | None = None
    """Families, where it is not the file's."""
    openings: Table = Field(default_factory=dict)
    """Boroughs and when they open; "never" for one that does not."""
    closings: Table = Field(default_factory=dict)
    """Boroughs and when they close."""
    team: tuple[TeamChange, ...] = ()
    """How LIFT teams are staffed."""
    changes: Overrides = Field((), alias="set")
    """Other parameters, each key=value."""

    @property
    def shown(self) -> str:
        """The title, or else the name."""
        return self.title or self.name

    @property
    def opens(self) -> dict[str, dt.date | None]:
        """When boroughs open; None for never."""
        return {name: None if _is_never(day) else day for name, day in self.openings.items()}

    def check(self) -> Iterator[Wrong]:
        """What is no name, no date, or set in another place."""
        if not self.name:
            yield Wrong("name", "this is no name", found=self.name, allowed="a text that is not empty")
        for name, day in self.openings.items():
            if not _is_never(day) and not _is_date(day):
                yield Wrong(
                    f"openings.{name}", "this is not a date", found=day, allowed=f'a date, or "{NEVER}"'
                )
        for name, day in self.closings.items():
            if not _is_date(day):
                yield Wrong(f"closings.{name}", "this is not a date", found=day, allowed="a date")
        seen = set()
        for k, one in enumerate(self.team):
            if (one.team, one.profession, one.since) in seen:
                yield Wrong(
                    f"team[{k}].from", "this date stands there twice", found=one.since,
                    allowed="each date once for a team and profession",
                )  # fmt: skip
            seen.add((one.team, one.profession, one.since))
        for change in self.changes:
            key = change.partition("=")[0].strip()
            last = key.rpartition(".")[2]
            allowed = _SET_ELSEWHERE.get(key, "")
            if key.startswith("boroughs.") and last in _BOROUGHS:
                allowed = f"[plan.{_BOROUGHS[last]}]"
            if allowed:
                yield Wrong("set", "a plan says this in another place", found=change, allowed=allowed)


# --- the question ---------------------------------------------------------------------------------------------
class ExpansionQuestion(SimulatedQuestion):
    """What plans of openings and LIFT teams lead to."""

    kind: ClassVar[str] = "expansion"
    options: ClassVar[tuple[str, ...]] = ("target", "baseline")
    figure: ClassVar[str] = "months_to_target"

    replicates: Several = 100
    """How often every plan is simulated."""
    target: Families
    """Families, for every plan that has no target of its own."""
    baseline: str = ""
    """The plan with which the others are compared."""
    plans: tuple[OpeningPlan, ...] = Field((), alias="plan")
    """What is compared."""

    def plan(self, name: str) -> OpeningPlan:
        """The plan of a name.

        Raises
        ------
        KeyError
            If there is none.
        """
        return {one.name: one for one in self.plans}[name]

    def target_of(self, name: str) -> int:
        """The target of a plan, families."""
        return self.plan(name).target or self.target

    # --- a plan, in its scenario ------------------------------------------------------------------------------
    def changes_of(self, plan: OpeningPlan) -> tuple[str, ...]:
        """Every override of a plan: those of all plans, its own, its target, openings, closings and staff."""
        world, own = self.world, (*self.overrides, *plan.changes)
        never = world.simulation.end_date + dt.timedelta(days=1)
        out: dict[str, Any] = {"trial.target_families": plan.target or self.target}
        for name, opens in plan.opens.items():
            out[f"boroughs.{name}.opens"] = opens or never
            if opens is None and world.boroughs[name].closes is not None:
                out[f"boroughs.{name}.closes"] = never + dt.timedelta(days=1)
        out |= {f"boroughs.{name}.closes": closes for name, closes in plan.closings.items()}
        if plan.team:
            teams = Scenario.load(self.scenario, own).lift.teams
            for team, profession in dict.fromkeys((one.team, one.profession) for one in plan.team):
                wanted = {
                    one.since: one.value
                    for one in plan.team
                    if (one.team, one.profession) == (team, profession)
                }
                kept = {day: value for day, value in getattr(teams[team], profession) if day < min(wanted)}
                out[f"lift.teams.{team}.{profession}"] = [
                    {"from": day, "value": value} for day, value in sorted((kept | wanted).items())
                ]
        return (*own, *(f"{key}={toml_value(value)}" for key, value in out.items()))

    def scenario_of(self, plan: OpeningPlan) -> Scenario:
        """The scenario of a plan.

        Raises
        ------
        ScenarioError
            If it can't be used.
        """
        if plan.name not in self._loaded:
            self._loaded[plan.name] = Scenario.load(self.scenario, self.changes_of(plan))
        return self._loaded[plan.name]

    @cached_property
    def _loaded(self) -> dict[str, Scenario]:
        """Scenarios of plans, each read once."""
        return {}

    @property
    def scenarios(self) -> Mapping[str, Scenario]:
        """The scenario of every plan, by its name."""
        return {one.name: self.scenario_of(one) for one in self.plans}

    # --- asking -----------------------------------------------------------------------------------------------
    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        n = len(self.plans)
        return f"{super().replicates_words()} of each of {n} plans" if n > 1 else super().replicates_words()

    def check(self) -> Iterator[Wrong]:
        """Plans that can't be told apart, and a baseline that is none of them."""
        names = [one.name for one in self.plans]
        if not names:
            yield Wrong("plan", "there is no plan", allowed="[[plan]] tables, one or more")
            return
        yield from names_apart("plan", "plans", names)
        if not self.baseline:
            yield Wrong("baseline", "no plan is the baseline", allowed=", ".join(names))
        elif self.baseline not in names:
            yield Wrong(
                "baseline", "no plan has this name", found=self.baseline, allowed=", ".join(names),
                nearest=nearest_name(self.baseline, names),
            )  # fmt: skip

    def refuse(self) -> None:
        """Refuse plans that the scenario can't have.

        Raises
        ------
        ScenarioError
            If the scenario itself can't be used.
        QuestionError
            With everything that is wrong with the plans.
        """
        problems: list[Problem] = []
        for i, plan in enumerate(self.plans):
            mine = list(self._not_there(plan, f"plan[{i}]"))
            problems += mine or self._not_usable(plan, f"plan[{i}]")
        if problems:
            raise QuestionError(problems)

    def _not_there(self, plan: OpeningPlan, at: str) -> Iterator[Problem]:
        """Boroughs and teams that the scenario does not have, and days outside its run."""
        world = self.world
        for table in ("openings", "closings"):
            days: Mapping[str, dt.date | None] = plan.opens if table == "openings" else plan.closings
            for name, day in days.items():
                if name not in world.boroughs:
                    yield self._unknown(f"{at}.{table}.{name}", name, world.boroughs, "borough")
                if day is not None:
                    yield from self._outside(f"{at}.{table}.{name}", day, never=table == "openings")
        for k, one in enumerate(plan.team):
            if one.team not in world.lift.teams:
                yield self._unknown(f"{at}.team[{k}].team", one.team, world.lift.teams, "LIFT team")
            yield from self._outside(f"{at}.team[{k}].from", one.since)

    def _not_usable(self, plan: OpeningPlan, at: str) -> list[Problem]:
        """What only the whole scenario of a plan can tell, by the keys of the file."""
        try:
            scenario = self.scenario_of(plan)
        except ScenarioError as error:
            return [
                dataclasses.replace(one, file=self.file, key=f"{at}.{_key_in_plan(one.key)}", line=None)
                for one in error.problems
            ]
        run, own = self.world.simulation, scenario.simulation
        if (run.start_date, run.end_date) != (own.start_date, own.end_date):
            return [
                Problem(
                    file=self.file, key=f"{at}.set", message="all plans are compared over the same days",
                    found=f"{own.start_date} to {own.end_date}", allowed=f"{run.start_date} to {run.end_date}",
                )
            ]  # fmt: skip
        if list(recruiting_spans(scenario)):
            return []
        return [
            Problem(
                file=self.file, key=at, message="nobody recruits in this plan",
                found="no borough that is open while its site recruits", allowed="at least one, within the run",
            )
        ]  # fmt: skip

    def _unknown(self, key: str, name: str, known: Mapping[str, Any], what: str) -> Problem:
        return Problem(
            file=self.file, key=key, message=f"no {what} has this name", found=name, allowed=", ".join(known),
            nearest=nearest_name(name, known),
        )  # fmt: skip

    def _outside(self, key: str, day: dt.date, *, never: bool = False) -> Iterator[Problem]:
        start, end = self.world.simulation.start_date, self.world.simulation.end_date
        if not start <= day < end:
            more = f', or "{NEVER}"' if never else ""
            yield Problem(
                file=self.file, key=key, message="this date is outside the run", found=shown(day),
                allowed=f"a date within the run, {start} to {end - dt.timedelta(days=1)}{more}",
            )  # fmt: skip

    # --- running ----------------------------------------------------------------------------------------------
    def work(self, engine: Engine) -> ReplicateOfPlans:
        """One replicate of every plan."""
        from best_sim.questions.expansion.replicate import ReplicateOfPlans

        return ReplicateOfPlans.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> ExpansionFound:
        """What the first `done` replicates say."""
        from best_sim.questions.expansion.run import expansion_found

        return expansion_found(self, keep, done)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """Errors of the differences to the baseline, or of the figures of a plan that stands alone."""
        found = self.found(keep, done, "compiled")
        table = found.differences() if len(self.plans) > 1 else found.table()
        return table.rename(columns={"measure": "quantity"})


def recruiting_spans(scenario: Scenario) -> Iterator[tuple[dt.date, dt.date]]:
    """First and last day on which each borough is open within the run while its site recruits.

    Parameters
    ----------
    scenario : Scenario

    Yields
    ------
    tuple of datetime.date
        Of each borough that ever recruits.
    """
    start, end = scenario.simulation.start_date, scenario.simulation.end_date
    for borough in scenario.boroughs.values():
        first, last = max(borough.opens, start), min(borough.closes or end, end)
        series = list(scenario.sites[borough.site].recruiting)
        nexts = [day for day, _ in series[1:]] + [end]
        spans = [
            (max(since, first), min(until, last))
            for (since, value), until in zip(series, nexts, strict=True)
            if value > 0.5 and max(since, first) < min(until, last)
        ]
        if spans:
            yield spans[0][0], spans[-1][1]


def _key_in_plan(key: str) -> str:
    """The plan's key for one of the scenario's."""
    parts = key.split(".")
    if parts[0] == "boroughs" and parts[-1] in _BOROUGHS:
        return f"{_BOROUGHS[parts[-1]]}.{parts[1]}"
    if re.fullmatch(r"lift\.teams\.[^.]+\.(social_workers|psychologists|psychiatrists)", key):
        return f"team ({key})"
    return "target" if key == "trial.target_families" else f"set ({key})"


def _is_never(value: Any) -> bool:
    return value is False or value == NEVER


def _is_date(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)
