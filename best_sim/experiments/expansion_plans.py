"""Plans of expansion: when boroughs open and close, how LIFT teams are staffed; and reading them from TOML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from best_sim.experiments.files import read_experiment
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.scenario.problems import nearest_name

PROFESSIONS = ("social_workers", "psychologists", "psychiatrists")
NEVER = "never"

_KEYS = ("title", "question", "scenario", "replicates", "seed", "target", "baseline", "set", "plan")
_PLAN_KEYS = ("name", "title", "notes", "target", "openings", "closings", "team", "overrides")
_TEAM_KEYS = ("team", "profession", "from", "value")
_ALL_ALIKE = ("simulation.start_date", "simulation.end_date")
"""What no plan may change: all are compared over the same days."""


# --- what is asked ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class TeamChange:
    """A number of staff from a date on, in place of what the scenario says from then on.

    Attributes
    ----------
    team : str
    profession : str
        One of `PROFESSIONS`.
    since : datetime.date
    value : float
        Full-time equivalents.
    """

    team: str
    profession: str
    since: dt.date
    value: float


@dataclass(frozen=True)
class ExpansionPlan:
    """One plan: what it changes of the scenario.

    Attributes
    ----------
    name, title, notes : str
    openings : tuple of (str, datetime.date or None)
        Boroughs and when they open; None for never.
    closings : tuple of (str, datetime.date)
    team : tuple of TeamChange
    overrides : tuple of (str, object)
        Other parameters, by dotted key.
    target : int or None
        Families; None for the experiment's.
    """

    name: str
    title: str = ""
    notes: str = ""
    openings: tuple[tuple[str, dt.date | None], ...] = ()
    closings: tuple[tuple[str, dt.date], ...] = ()
    team: tuple[TeamChange, ...] = ()
    overrides: tuple[tuple[str, Any], ...] = ()
    target: int | None = None

    @property
    def shown(self) -> str:
        """The title, or else the name."""
        return self.title or self.name

    def changes(self, scenario: Scenario, target: int) -> dict[str, Any]:
        """What is changed of a scenario, as `Scenario.replace` takes it."""
        never = scenario.simulation.end_date + dt.timedelta(days=1)
        out: dict[str, Any] = {"trial.target_families": self.target or target}
        for name, opens in self.openings:
            out[f"boroughs.{name}.opens"] = opens or never
            if opens is None and scenario.boroughs[name].closes is not None:
                out[f"boroughs.{name}.closes"] = never + dt.timedelta(days=1)
        for name, closes in self.closings:
            out[f"boroughs.{name}.closes"] = closes
        for team, profession in dict.fromkeys((one.team, one.profession) for one in self.team):
            wanted = {
                one.since: one.value for one in self.team if (one.team, one.profession) == (team, profession)
            }
            before = getattr(scenario.lift.teams[team], profession)
            kept = {day: value for day, value in before if day < min(wanted)}
            out[f"lift.teams.{team}.{profession}"] = [
                {"from": day, "value": value} for day, value in sorted((kept | wanted).items())
            ]
        return out | dict(self.overrides)


@dataclass(frozen=True)
class ExpansionExperiment:
    """What is asked of an expansion: a scenario, and plans for it.

    Attributes
    ----------
    name, title, question : str
    scenario : Scenario
        With what holds for every plan.
    replicates, seed : int
    target : int
        Families, for every plan that has none of its own.
    baseline : str
        Name of the plan with which the others are compared.
    plans : tuple of ExpansionPlan
    text : str
        The file, where there was one.
    """

    name: str
    title: str
    question: str
    scenario: Scenario
    replicates: int
    seed: int
    target: int
    baseline: str
    plans: tuple[ExpansionPlan, ...]
    text: str = field(default="", repr=False)

    def plan(self, name: str) -> ExpansionPlan:
        """The plan of a name."""
        return next(one for one in self.plans if one.name == name)

    def target_of(self, name: str) -> int:
        """The target of a plan, families."""
        return self.plan(name).target or self.target

    def scenario_of(self, name: str) -> Scenario:
        """The scenario of a plan.

        Raises
        ------
        ScenarioError
            If it can't be used.
        """
        return self.scenario.replace(self.plan(name).changes(self.scenario, self.target))

    @classmethod
    def load(
        cls,
        name_or_path: str | Path = "expansion",
        *,
        scenario: str | None = None,
        replicates: int | None = None,
        seed: int | None = None,
        overrides: Sequence[str] = (),
    ) -> ExpansionExperiment:
        """Read an experiment.

        Parameters
        ----------
        name_or_path : str or path
            A shipped experiment's name, or the path of a TOML file.
        scenario, replicates, seed
            In place of the file's.
        overrides : sequence of str
            ``key=value``, for every plan, after those of the file (`set`).

        Returns
        -------
        ExpansionExperiment

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file.
        """
        path, text, raw = read_experiment(name_or_path)
        given = {"scenario": scenario, "replicates": replicates, "seed": seed}
        raw |= {key: value for key, value in given.items() if value is not None}
        return _Reader(path, raw, tuple(overrides)).read(text)


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


# --- reading the file ---------------------------------------------------------------------------------------


class _Reader:
    """Reads one file, gathering everything that is wrong with it."""

    def __init__(self, path: str, raw: dict[str, Any], overrides: tuple[str, ...]) -> None:
        self.path, self.raw, self.overrides = path, raw, overrides
        self.problems: list[Problem] = []
        self.scenario: Scenario | None = None

    def read(self, text: str) -> ExpansionExperiment:
        raw = self.raw
        self._unknown("", raw, _KEYS)
        name = Path(self.path).stem
        title = self._take(raw, "", "title", "a text", _is_text, name)
        question = self._take(raw, "", "question", "a text", lambda v: isinstance(v, str), "")
        shown = self._take(raw, "", "scenario", "the name or path of a scenario", _is_text)
        replicates = self._take(raw, "", "replicates", "a whole number, 2 or more", lambda v: _is_whole(v, 2))
        seed = self._take(raw, "", "seed", "a whole number, 0 or more", lambda v: _is_whole(v, 0))
        target = self._take(
            raw, "", "target", "a whole number of families, 1 or more", lambda v: _is_whole(v, 1)
        )
        changes = self._take(raw, "", "set", 'a list of "key=value"', _is_changes, [])
        if _is_text(shown) and _is_changes(changes):
            try:
                self.scenario = Scenario.load(shown, (*changes, *self.overrides))
            except ScenarioError as error:
                self.problems += error.problems
        plans = self._plans()
        self._baseline([one.name for one in plans])
        if not self.problems and self.scenario is not None:
            self._usable(plans, target)
        if self.problems or self.scenario is None:
            raise ScenarioError(self.problems)
        return ExpansionExperiment(
            name, title, question, self.scenario, replicates, seed, target, raw["baseline"], plans, text
        )

    def _plans(self) -> tuple[ExpansionPlan, ...]:
        listed = self.raw.get("plan")
        if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
            self._wrong("plan", listed, "[[plan]] tables, one or more", message="there is no plan")
            return ()
        plans, seen = [], dict[str, int]()
        for i, one in enumerate(listed):
            at = f"plan[{i}]"
            self._unknown(at, one, _PLAN_KEYS)
            name = self._take(one, at, "name", "a text", _is_text)
            if _is_text(name) and name in seen:
                self._wrong(f"{at}.name", name, f"a name of its own; plan[{seen[name]}] has this one")
            elif _is_text(name):
                seen[name] = i
            target = self._take(one, at, "target", "a whole number of families, 1 or more",
                                lambda v: v is None or _is_whole(v, 1))  # fmt: skip
            plans.append(
                ExpansionPlan(
                    name=name if _is_text(name) else at,
                    title=self._take(one, at, "title", "a text", lambda v: isinstance(v, str), ""),
                    notes=self._take(one, at, "notes", "a text", lambda v: isinstance(v, str), ""),
                    openings=self._openings(one, at),
                    closings=self._closings(one, at),
                    team=self._team(one, at),
                    overrides=self._overridden(one, at),
                    target=target,
                )
            )
        return tuple(plans)

    def _openings(self, one: dict[str, Any], at: str) -> tuple[tuple[str, dt.date | None], ...]:
        out: list[tuple[str, dt.date | None]] = []
        for name, value in self._table(one, at, "openings"):
            self._borough(f"{at}.openings.{name}", name)
            if value is False or value == NEVER:
                out.append((name, None))
            elif self._in_run(f"{at}.openings.{name}", value, f', or "{NEVER}"'):
                out.append((name, value))
        return tuple(out)

    def _closings(self, one: dict[str, Any], at: str) -> tuple[tuple[str, dt.date], ...]:
        out = []
        for name, value in self._table(one, at, "closings"):
            self._borough(f"{at}.closings.{name}", name)
            if self._in_run(f"{at}.closings.{name}", value):
                out.append((name, value))
        return tuple(out)

    def _team(self, one: dict[str, Any], at: str) -> tuple[TeamChange, ...]:
        listed = one.get("team", [])
        if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
            self._wrong(f"{at}.team", listed, "[[plan.team]] tables")
            return ()
        out, seen = [], set()
        for k, each in enumerate(listed):
            key = f"{at}.team[{k}]"
            before = len(self.problems)
            self._unknown(key, each, _TEAM_KEYS)
            team = each.get("team")
            if self.scenario is not None:
                self._among(f"{key}.team", team, self.scenario.lift.teams, "no LIFT team has this name")
            profession = each.get("profession")
            self._among(f"{key}.profession", profession, PROFESSIONS, "no profession has this name")
            since, value = each.get("from"), each.get("value")
            self._in_run(f"{key}.from", since)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                self._wrong(f"{key}.value", value, "full-time equivalents, 0 or more")
            if len(self.problems) > before:
                continue
            if (team, profession, since) in seen:
                self._wrong(f"{key}.from", since, "each date once for a team and profession")
                continue
            seen.add((team, profession, since))
            out.append(TeamChange(str(team), str(profession), since, float(value)))
        return tuple(out)

    def _overridden(self, one: dict[str, Any], at: str) -> tuple[tuple[str, Any], ...]:
        found = one.get("overrides", {})
        if not isinstance(found, dict):
            self._wrong(f"{at}.overrides", found, 'parameters and values, "sites.london.consent" = 0.7')
            return ()
        if self.scenario is None:
            return ()
        out = tuple(_leaves(found, self.scenario))
        for key, value in out:
            parts = key.split(".")
            said = f"{at}.overrides.{key}"
            if key in _ALL_ALIKE:
                self._wrong(said, value, "set at the top of the file, for every plan alike")
            elif key == "trial.target_families":
                self._wrong(said, value, "target, of the plan or at the top of the file")
            elif parts[0] == "boroughs" and parts[-1] in ("opens", "closes"):
                self._wrong(said, value, f"[plan.{'openings' if parts[-1] == 'opens' else 'closings'}]")
        return out

    def _baseline(self, names: Sequence[str]) -> None:
        found = self.raw.get("baseline")
        if found is None:
            self._wrong(
                "baseline", None, ", ".join(names) or "the name of a plan", message="no plan is the baseline"
            )
        elif names:
            self._among("baseline", found, names, "no plan has this name")

    def _usable(self, plans: Sequence[ExpansionPlan], target: int) -> None:
        """What only the whole scenario of a plan can tell."""
        assert self.scenario is not None
        for i, plan in enumerate(plans):
            try:
                scenario = self.scenario.replace(plan.changes(self.scenario, target))
            except ScenarioError as error:
                self.problems += [
                    replace(each, file=self.path, key=_where(i, each.key), line=None)
                    for each in error.problems
                    if not each.warning
                ]
                continue
            if not list(recruiting_spans(scenario)):
                self._wrong(f"plan[{i}]", "no borough that is open while its site recruits",
                            "at least one, within the run", message="nobody recruits in this plan")  # fmt: skip

    # --- small checks ---------------------------------------------------------------------------------------
    def _wrong(
        self,
        key: str,
        found: Any,
        allowed: str,
        *,
        message: str = "this can't be used",
        near: str | None = None,
    ) -> None:
        self.problems.append(
            Problem(
                file=self.path, key=key, message=message, found=_shown(found), allowed=allowed, nearest=near
            )
        )

    def _unknown(self, at: str, table: Mapping[str, Any], allowed: Iterable[str]) -> None:
        for name in table:
            if name not in allowed:
                self._wrong(f"{at}.{name}" if at else name, name, ", ".join(allowed), message="no key has this name",
                            near=nearest_name(name, allowed))  # fmt: skip

    def _take(
        self,
        table: Mapping[str, Any],
        at: str,
        key: str,
        allowed: str,
        check: Callable[[Any], bool],
        default: Any = None,
    ) -> Any:
        value = table.get(key, default)
        if not check(value):
            self._wrong(f"{at}.{key}" if at else key, value, allowed)
        return value

    def _among(self, key: str, found: Any, names: Iterable[str], message: str) -> None:
        names = list(names)
        if found not in names:
            near = nearest_name(found, names) if isinstance(found, str) else None
            self._wrong(key, found, ", ".join(names), message=message, near=near)

    def _borough(self, key: str, name: str) -> None:
        if self.scenario is not None:
            self._among(key, name, self.scenario.boroughs, "no borough has this name")

    def _in_run(self, key: str, found: Any, more: str = "") -> bool:
        dated = isinstance(found, dt.date) and not isinstance(found, dt.datetime)
        if self.scenario is None:
            if not dated:
                self._wrong(key, found, f"a date{more}")
            return dated
        start, end = self.scenario.simulation.start_date, self.scenario.simulation.end_date
        if not dated or not start <= found < end:
            self._wrong(key, found, f"a date within the run, {start} to {end - dt.timedelta(days=1)}{more}",
                        message="this date is outside the run" if dated else "this can't be used")  # fmt: skip
            return False
        return True

    def _table(self, one: dict[str, Any], at: str, key: str) -> list[tuple[str, Any]]:
        found = one.get(key, {})
        if not isinstance(found, dict):
            self._wrong(f"{at}.{key}", found, f"[plan.{key}], boroughs and dates")
            return []
        return list(found.items())


def _leaves(table: Mapping[str, Any], scenario: Scenario, below: str = "") -> Iterator[tuple[str, Any]]:
    """Overrides by dotted key, whether TOML was given them quoted or as tables in tables."""
    for name, value in table.items():
        key = f"{below}{name}"
        whole = (
            key in scenario.provenance
            and isinstance(value, dict)
            and {"distribution", "value"} & value.keys()
        )
        if isinstance(value, dict) and not whole:
            yield from _leaves(value, scenario, f"{key}.")
        else:
            yield key, value


def _where(i: int, key: str) -> str:
    """The file's key for one of the scenario's."""
    parts = key.split(".")
    if parts[0] == "boroughs" and parts[-1] in ("opens", "closes"):
        return f"plan[{i}].{'openings' if parts[-1] == 'opens' else 'closings'}.{parts[1]}"
    if key.startswith("lift.teams.") and parts[-1] in PROFESSIONS:
        return f"plan[{i}].team ({key})"
    return f"plan[{i}].target" if key == "trial.target_families" else f"plan[{i}].overrides.{key}"


def _shown(found: Any) -> str:
    if found is None:
        return "nothing"
    return str(found) if isinstance(found, dt.date) else repr(found)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_changes(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and "=" in one for one in value)
