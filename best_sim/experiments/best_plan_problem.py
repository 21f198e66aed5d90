"""What is asked of a plan of expansion, and reading it from TOML.

Candidates are boroughs of the scenario that may be opened, each on one of some dates and at a cost, or left shut. Every
other borough opens as the scenario says. A LIFT team may be of one of several sizes. Costs are those of the plan alone:
opening, running a borough by the month, and paying a team by the year, all until one day that does not depend on when
the target is reached. So a plan's cost is known, and to open earlier, or one borough more, never costs less.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from best_sim.experiments.files import read_experiment
from best_sim.scenario import Problem, Scenario, ScenarioError
from best_sim.scenario.durations import MONTH, YEAR
from best_sim.trial.recruitment import BoroughPlan, borough_plans, expected_randomised

__all__ = ["Candidate", "Goal", "PlanProblem", "TeamChoice"]

Goal = Literal["cheapest", "earliest"]
PROFESSIONS = ("social_workers", "psychologists", "psychiatrists")

_KEYS = (
    "title", "question", "scenario", "set", "goal", "target", "by", "probability", "budget", "costs_until",
    "least_beginning_lift", "indifference", "replicates", "seed", "candidate", "team",
)  # fmt: skip
_CANDIDATE_KEYS = (
    "borough", "dates", "earliest", "latest", "step_months", "opening_cost", "running_cost_per_month", "note",
)  # fmt: skip
_TEAM_KEYS = ("team", "name", *PROFESSIONS, "cost_per_year", "note")


@dataclass(frozen=True)
class Candidate:
    """A borough that may be opened.

    Attributes
    ----------
    borough : str
        The scenario's name.
    dates : tuple of datetime.date
        On which it may open, rising.
    opening_cost : float
        GBP, once.
    running_cost_per_month : float
        GBP, from the opening until costs are no longer counted.
    note : str
        Where the costs come from.
    """

    borough: str
    dates: tuple[dt.date, ...]
    opening_cost: float
    running_cost_per_month: float = 0.0
    note: str = ""

    def pence(self, opens: dt.date, until: dt.date) -> int:
        """What it costs if it opens on a day; whole pence, so that sums do not depend on their order."""
        months = max((until - opens).days, 0) / MONTH
        return round(100.0 * (self.opening_cost + self.running_cost_per_month * months))


@dataclass(frozen=True)
class TeamChoice:
    """A size that a LIFT team may have.

    Attributes
    ----------
    team : str
        The scenario's name of the team.
    name : str
    clinicians : tuple of (str, float)
        Full-time equivalents by profession, from the beginning on; a profession that is not named is as in the
        scenario.
    cost_per_year : float
        GBP, from the opening of the team's first borough until costs are no longer counted.
    note : str
    """

    team: str
    name: str
    clinicians: tuple[tuple[str, float], ...]
    cost_per_year: float
    note: str = ""

    def pence(self, since: dt.date | None, until: dt.date) -> int:
        """What the team costs from a day on; nothing where none of its boroughs opens."""
        years = 0.0 if since is None else max((until - since).days, 0) / YEAR
        return round(100.0 * self.cost_per_year * years)


@dataclass(frozen=True)
class PlanProblem:
    """What is asked.

    Attributes
    ----------
    name, title, question : str
    scenario : str
        Name or path.
    overrides : tuple of str
        Applied to it: ``key=value``.
    goal : {"cheapest", "earliest"}
        The cheapest plan that reaches the target by the date with the probability, or the plan that reaches it with
        that probability earliest within the budget.
    target : int
        Families randomised.
    by : datetime.date
        Before the beginning of this day.
    probability : float
    budget : float or None
        GBP; None for none.
    costs_until : datetime.date
        Day on which costs are no longer counted, whenever the target is reached.
    least_beginning_lift : float or None
        A simulated trial counts as a success only if at least this share of the families allocated to LIFT begin it.
        The closed form knows nothing of it.
    indifference : float
        Probabilities that are nearer to each other, or to the wanted one, than this count as the same where simulated
        plans are compared.
    replicates, seed : int
        Simulated trials that may be spent in all.
    candidates : tuple of Candidate
    teams : tuple of TeamChoice
        Teams that are not named are as in the scenario, at no cost.
    text : str
        The file.
    """

    name: str
    title: str
    question: str
    scenario: str
    overrides: tuple[str, ...]
    goal: Goal
    target: int
    by: dt.date
    probability: float
    budget: float | None
    costs_until: dt.date
    least_beginning_lift: float | None
    indifference: float
    replicates: int
    seed: int
    candidates: tuple[Candidate, ...]
    teams: tuple[TeamChoice, ...] = ()
    text: str = field(default="", repr=False)

    @classmethod
    def load(cls, name_or_path: str | Path = "best-plan", **changes: Any) -> PlanProblem:
        """Read a problem.

        Parameters
        ----------
        name_or_path : str or path
            A shipped experiment's name, or the path of a TOML file.
        **changes
            Fields to set otherwise (goal, replicates, seed, overrides, ...); None leaves the file's.

        Returns
        -------
        PlanProblem

        Raises
        ------
        ScenarioError
            With everything that is wrong in the file, and with what it says of the scenario.
        """
        path, text, raw = read_experiment(name_or_path)
        problems: list[Problem] = []
        problem = _read(Path(path).stem, path, raw, text, problems)
        if problem is None:
            raise ScenarioError(problems)
        given = {key: value for key, value in changes.items() if value is not None}
        given["overrides"] = (*problem.overrides, *given.get("overrides", ()))
        problem = replace(problem, **given)
        problems += _against(problem, path)
        if problems:
            raise ScenarioError(problems)
        return problem

    @cached_property
    def world(self) -> Scenario:
        """The scenario with the problem's target, each candidate opening on its earliest date.

        Raises
        ------
        ScenarioError
            If it can't be used.
        """
        world = Scenario.load(self.scenario, self.overrides)
        openings = {f"boroughs.{one.borough}.opens": one.dates[0] for one in self.candidates}
        return world.replace({"trial.target_families": self.target, **openings})

    @cached_property
    def plans(self) -> Mapping[str, BoroughPlan]:
        """What is expected of each borough, by name; a candidate's opens on its earliest date."""
        return {plan.name: plan for plan in borough_plans(self.world)}

    def scenario_of(self, openings: Mapping[str, dt.date], teams: Mapping[str, TeamChoice]) -> Scenario:
        """The scenario with some candidates opened, the others shut, and teams of some sizes.

        Parameters
        ----------
        openings : mapping of str to datetime.date
            By borough; candidates that are not named do not recruit, but their children enter care.
        teams : mapping of str to TeamChoice

        Returns
        -------
        Scenario
        """
        never = self.world.simulation.end_date + dt.timedelta(days=1)
        changes: dict[str, Any] = {}
        for one in self.candidates:
            day = openings.get(one.borough)
            changes[f"boroughs.{one.borough}.opens"] = never if day is None else day
            if day is None and self.world.boroughs[one.borough].closes is not None:
                changes[f"boroughs.{one.borough}.closes"] = never + dt.timedelta(days=1)
        for team, choice in teams.items():
            for profession, fte in choice.clinicians:
                series = getattr(self.world.lift.teams[team], profession)
                first = next(iter(series))[0]
                changes[f"lift.teams.{team}.{profession}"] = [{"from": first, "value": fte}]
        return self.world.replace(changes)


# --- reading the file ---------------------------------------------------------------------------------------


_Checks = dict[str, tuple[bool, str]]


def _refuse(
    path: str,
    below: str,
    table: Mapping[str, Any],
    keys: tuple[str, ...],
    checks: _Checks,
    problems: list[Problem],
) -> bool:
    """Add what is wrong with a table to the problems; whether it can be used."""
    before = len(problems)
    for key in table:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            problems.append(
                Problem(
                    file=path, key=f"{below}{key}", message="there is no such key", found=key,
                    allowed=", ".join(keys), nearest=near[0] if near else None,
                )
            )  # fmt: skip
    for key, (right, allowed) in checks.items():
        if not right:
            found = repr(_plain(table[key])) if key in table else "nothing"
            problems.append(
                Problem(
                    file=path, key=f"{below}{key}", message="this can't be used", found=found, allowed=allowed
                )
            )
    return len(problems) == before


def _plain(value: Any) -> Any:
    """A value as a reader of the file would write it."""
    if isinstance(value, dt.date):
        return value.isoformat()
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_number(value: Any, least: float = 0.0) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value < float("inf")


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_date(value: Any) -> bool:
    return isinstance(value, dt.date) and not isinstance(value, dt.datetime)


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0.0 < value < 1.0


def _read(
    name: str, path: str, raw: dict[str, Any], text: str, problems: list[Problem]
) -> PlanProblem | None:
    changes = raw.get("set", [])
    checks: _Checks = {
        "title": ("title" not in raw or _is_text(raw["title"]), "a text"),
        "question": ("question" not in raw or _is_text(raw["question"]), "a text"),
        "scenario": (_is_text(raw.get("scenario")), "the name or path of a scenario"),
        "set": (
            isinstance(changes, list) and all(isinstance(one, str) and "=" in one for one in changes),
            'a list of "key=value"',
        ),
        "goal": (raw.get("goal", "cheapest") in ("cheapest", "earliest"), "cheapest, earliest"),
        "target": (_is_whole(raw.get("target"), 1), "families, a whole number, 1 or more"),
        "by": (_is_date(raw.get("by")), "a date"),
        "probability": (_is_share(raw.get("probability")), "above 0 and below 1"),
        "budget": ("budget" not in raw or _is_number(raw["budget"]), "GBP, 0 or more"),
        "costs_until": ("costs_until" not in raw or _is_date(raw["costs_until"]), "a date; by default that of `by`"),
        "least_beginning_lift": (
            "least_beginning_lift" not in raw or _is_share(raw["least_beginning_lift"]), "above 0 and below 1",
        ),
        "indifference": (
            "indifference" not in raw or (_is_number(raw["indifference"]) and raw["indifference"] <= 0.2), "0 to 0.2",
        ),
        "replicates": (_is_whole(raw.get("replicates"), 1), "a whole number, 1 or more"),
        "seed": (_is_whole(raw.get("seed"), 0), "a whole number, 0 or more"),
    }  # fmt: skip
    right = _refuse(path, "", raw, _KEYS, checks, problems)
    candidates = _read_candidates(path, raw.get("candidate"), problems)
    teams = _read_teams(path, raw.get("team", []), problems)
    if not right or problems:
        return None
    return PlanProblem(
        name=name,
        title=raw.get("title", name),
        question=raw.get("question", ""),
        scenario=raw["scenario"],
        overrides=tuple(changes),
        goal=raw.get("goal", "cheapest"),
        target=raw["target"],
        by=raw["by"],
        probability=float(raw["probability"]),
        budget=None if "budget" not in raw else float(raw["budget"]),
        costs_until=raw.get("costs_until", raw["by"]),
        least_beginning_lift=raw.get("least_beginning_lift"),
        indifference=float(raw.get("indifference", 0.0)),
        replicates=raw["replicates"],
        seed=raw["seed"],
        candidates=candidates,
        teams=teams,
        text=text,
    )


def _tables(path: str, key: str, value: Any, least: int, problems: list[Problem]) -> list[dict[str, Any]]:
    if isinstance(value, list) and len(value) >= least and all(isinstance(one, dict) for one in value):
        return value
    found = "nothing" if value is None else repr(_plain(value))
    problems.append(
        Problem(file=path, key=key, message="this can't be used", found=found, allowed=f"[[{key}]] tables")
    )
    return []


def _read_candidates(path: str, value: Any, problems: list[Problem]) -> tuple[Candidate, ...]:
    out = []
    for i, one in enumerate(_tables(path, "candidate", value, 1, problems)):
        below = f"candidate[{i}]."
        listed = one.get("dates")
        checks: _Checks = {
            "borough": (_is_text(one.get("borough")), "the name of a borough of the scenario"),
            "opening_cost": (_is_number(one.get("opening_cost")), "GBP, 0 or more"),
            "running_cost_per_month": (_is_number(one.get("running_cost_per_month", 0)), "GBP, 0 or more"),
            "note": (isinstance(one.get("note", ""), str), "a text"),
        }
        if "dates" in one:
            rising = (
                isinstance(listed, list)
                and bool(listed)
                and all(map(_is_date, listed))
                and all(a < b for a, b in zip(listed, listed[1:], strict=False))
            )
            checks["dates"] = (rising, "a list of dates, rising")
            for key in ("earliest", "latest", "step_months"):
                checks[key] = (key not in one, "nothing, where there are `dates`")
        else:
            earliest: Any = one.get("earliest")
            latest: Any = one.get("latest", earliest)
            checks["earliest"] = (_is_date(earliest), "a date, or `dates` instead")
            checks["latest"] = (
                _is_date(latest) and (not _is_date(earliest) or latest >= earliest),
                "a date, not before `earliest`",
            )
            needs = "latest" in one
            checks["step_months"] = (
                _is_whole(one.get("step_months"), 1) if needs else "step_months" not in one,
                "whole months, 1 or more" if needs else "nothing, where there is no `latest`",
            )
        if _refuse(path, below, one, _CANDIDATE_KEYS, checks, problems):
            dates = tuple(listed) if listed else tuple(_stepped(earliest, latest, one.get("step_months", 1)))
            out.append(
                Candidate(
                    one["borough"], dates, float(one["opening_cost"]),
                    float(one.get("running_cost_per_month", 0)), one.get("note", ""),
                )
            )  # fmt: skip
    _twice(path, "candidate", "borough", [one.borough for one in out], problems)
    return tuple(out)


def _stepped(first: dt.date, last: dt.date, months: int) -> list[dt.date]:
    """Dates so many months apart, on the day of the first; the last day of a month that is too short."""
    out, k = [first], months
    while True:
        year, month = divmod(first.year * 12 + first.month - 1 + k, 12)
        following = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
        end_of_month = (following - dt.timedelta(days=1)).day
        day = dt.date(year, month + 1, min(first.day, end_of_month))
        if day > last:
            return out
        out.append(day)
        k += months


def _read_teams(path: str, value: Any, problems: list[Problem]) -> tuple[TeamChoice, ...]:
    out = []
    for i, one in enumerate(_tables(path, "team", value, 0, problems)):
        checks: _Checks = {
            "team": (_is_text(one.get("team")), "the name of a LIFT team of the scenario"),
            "name": (_is_text(one.get("name")), "a text"),
            "cost_per_year": (_is_number(one.get("cost_per_year")), "GBP, 0 or more"),
            "note": (isinstance(one.get("note", ""), str), "a text"),
        }
        for profession in PROFESSIONS:
            checks[profession] = (
                profession not in one or _is_number(one[profession]), "full-time equivalents, 0 or more",
            )  # fmt: skip
        if _refuse(path, f"team[{i}].", one, _TEAM_KEYS, checks, problems):
            clinicians = tuple((p, float(one[p])) for p in PROFESSIONS if p in one)
            out.append(
                TeamChoice(
                    one["team"], one["name"], clinicians, float(one["cost_per_year"]), one.get("note", "")
                )
            )
    _twice(path, "team", "name", [f"{one.team}: {one.name}" for one in out], problems)
    return tuple(out)


def _twice(path: str, key: str, what: str, names: list[str], problems: list[Problem]) -> None:
    problems += [
        Problem(file=path, key=key, message=f"two have the same {what}", found=name, allowed="each once")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]


# --- against the scenario -----------------------------------------------------------------------------------
def _against(problem: PlanProblem, path: str) -> list[Problem]:
    """What the problem says that its scenario can't do."""
    world = Scenario.load(problem.scenario, problem.overrides)
    wrong: list[Problem] = []

    def refuse(key: str, message: str, found: object, allowed: str, nearest: str | None = None) -> None:
        wrong.append(
            Problem(file=path, key=key, message=message, found=str(found), allowed=allowed, nearest=nearest)
        )

    ends = world.simulation.end_date
    if problem.goal == "earliest" and problem.budget is None:
        refuse("budget", "the earliest plan is looked for within a budget", "nothing", "GBP, 0 or more")
    if not world.simulation.start_date < problem.by <= ends:
        allowed = f"after {world.simulation.start_date}, until {ends}: the scenario's"
        refuse("by", "the run does not reach this day", problem.by, allowed)
    for i, one in enumerate(problem.candidates):
        key = f"candidate[{i}]"
        if one.borough not in world.boroughs:
            near = difflib.get_close_matches(one.borough, world.boroughs, n=1)
            refuse(
                f"{key}.borough", "the scenario has no such borough", one.borough, ", ".join(world.boroughs),
                near[0] if near else None,
            )  # fmt: skip
            continue
        if one.dates[0] < world.simulation.start_date or one.dates[-1] > ends:
            allowed = f"{world.simulation.start_date} to {ends}: the scenario's run"
            refuse(f"{key}.dates", "it opens outside the run", f"{one.dates[0]} to {one.dates[-1]}", allowed)
        closes = world.boroughs[one.borough].closes
        if closes is not None and one.dates[-1] >= closes:
            refuse(f"{key}.dates", "it opens when it has closed", one.dates[-1], f"before {closes}")
    for i, choice in enumerate(problem.teams):
        if choice.team not in world.lift.teams:
            near = difflib.get_close_matches(choice.team, world.lift.teams, n=1)
            refuse(
                f"team[{i}].team", "the scenario has no such team", choice.team, ", ".join(world.lift.teams),
                near[0] if near else None,
            )  # fmt: skip
    if not any(value > 0.5 for site in world.sites.values() for value in site.recruiting.values):
        refuse(
            "scenario", "no site recruits: there is nothing to plan", problem.scenario, "a site that recruits"
        )
    if not wrong and not _boroughs_are_apart(problem, world):
        refuse(
            "scenario", "how many families a borough recruits depends on when others of its site open",
            f"simulation.before_opening = {world.simulation.before_opening:g} days",
            "long enough for families who became known before the first opening; say so with `set`",
        )  # fmt: skip
    return wrong


def _boroughs_are_apart(problem: PlanProblem, world: Scenario) -> bool:
    """Whether a borough's expected recruitment is the same whichever opening of its site comes first.

    Families are known from some time before the site's first opening on, which the plan decides. Each borough is
    compared with itself where it alone opens, and on its latest date.
    """
    start, end = world.simulation.start_date, world.simulation.end_date
    if world.simulation.before_opening >= (end - start).days:
        return True  # families are known from the beginning of the run on, in any plan
    names = {one.borough for one in problem.candidates}
    never = end + dt.timedelta(days=1)
    for one in (*problem.candidates, None):
        alone = {f"boroughs.{name}.opens": never for name in names}
        if one is not None:
            alone[f"boroughs.{one.borough}.opens"] = one.dates[-1]
        for plan in borough_plans(world.replace(alone)):
            if plan.opens > end:
                continue
            other = replace(plan, known_since=problem.plans[plan.name].known_since)
            if abs(expected_randomised(plan, [end])[0] - expected_randomised(other, [end])[0]) > 1e-6:
                return False
    return True
