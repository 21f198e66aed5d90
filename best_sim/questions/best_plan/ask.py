"""What is asked of a plan of expansion.

Candidates are boroughs of the scenario that may be opened, each on one of some dates and at a cost, or left shut. Every
other borough opens as the scenario says. A LIFT team may be of one of several sizes. Costs are those of the plan alone:
opening, running a borough by the month, and paying a team by the year, all until one day that does not depend on when
the target is reached. So a plan's cost is known, and to open earlier, or one borough more, never costs less.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from best_sim.questions.asking import (
    Part,
    QuestionError,
    Replicates,
    SimulatedQuestion,
    names_apart,
)
from best_sim.scenario.durations import DAYS_IN
from best_sim.scenario.problems import NotAllowedError, Problem, nearest_name
from best_sim.scenario.values import Unit, Wrong

if TYPE_CHECKING:
    from best_sim.questions.best_plan.closed_form import ClosedAnswer
    from best_sim.questions.best_plan.run import BestPlanFound
    from best_sim.questions.running import Running
    from best_sim.scenario import Scenario
    from best_sim.trial.recruitment import BoroughPlan

Goal = Literal["cheapest", "earliest"]
Pounds = Annotated[float, Unit("GBP", 0)]
Staff = Annotated[float, Unit("full-time equivalents", 0)]
Share = Annotated[float, Unit("probability", 0, 1)]

PROFESSIONS = ("social_workers", "psychologists", "psychiatrists")
_INSIDE = "above 0 and below 1"


class Candidate(Part):
    """A borough that may be opened.

    Attributes
    ----------
    dates : tuple of datetime.date
        On which it may open, rising: those that are listed, or those from `earliest` to `latest`.
    """

    borough: str
    """The scenario's name of it."""
    listed: tuple[dt.date, ...] = Field((), alias="dates")
    """Dates on which it may open."""
    earliest: dt.date | None = None
    """Instead of `dates`: the first of them."""
    latest: dt.date | None = None
    """No date after this one."""
    step_months: Annotated[int, Unit("months", 1)] | None = None
    """From one date to the next."""
    opening_cost: Pounds
    """Once."""
    running_cost_per_month: Pounds = 0.0
    """From the opening until costs are no longer counted."""
    note: str = ""
    """Where the costs come from."""

    @cached_property
    def dates(self) -> tuple[dt.date, ...]:
        """On which it may open."""
        if self.listed or self.earliest is None:
            return self.listed
        return tuple(_stepped(self.earliest, self.latest or self.earliest, self.step_months or 1))

    def pence(self, opens: dt.date, until: dt.date) -> int:
        """What it costs if it opens on a day; whole pence, so that sums do not depend on their order."""
        months = max((until - opens).days, 0) / DAYS_IN["months"]
        return round(100.0 * (self.opening_cost + self.running_cost_per_month * months))

    def check(self) -> Iterator[Wrong]:
        """Dates that are none, or said twice."""
        steps = {key: getattr(self, key) for key in ("earliest", "latest", "step_months")}
        if self.listed:
            for key, value in steps.items():
                if value is not None:
                    yield _wrong(key, value, "nothing, where there are `dates`")
            return
        if self.earliest is None:
            yield _wrong("earliest", None, "a date, or `dates` instead")
        elif self.latest is not None and self.latest < self.earliest:
            yield _wrong("latest", self.latest, "a date, not before `earliest`")
        if (self.latest is None) != (self.step_months is None):
            allowed = (
                "nothing, where there is no `latest`" if self.latest is None else "whole months, 1 or more"
            )
            yield _wrong("step_months", self.step_months, allowed)


class TeamChoice(Part):
    """A size that a LIFT team may have."""

    team: str
    """The scenario's name of the team."""
    name: str
    """Of this size."""
    social_workers: Staff | None = None
    """From the beginning on; as in the scenario where it is not said."""
    psychologists: Staff | None = None
    """From the beginning on; as in the scenario where it is not said."""
    psychiatrists: Staff | None = None
    """From the beginning on; as in the scenario where it is not said."""
    cost_per_year: Pounds
    """From the opening of the team's first borough until costs are no longer counted."""
    note: str = ""
    """Where the cost comes from."""

    @property
    def clinicians(self) -> dict[str, float]:
        """Full-time equivalents by profession, of those that are said."""
        said = {name: getattr(self, name) for name in PROFESSIONS}
        return {name: value for name, value in said.items() if value is not None}

    def pence(self, since: dt.date | None, until: dt.date) -> int:
        """What the team costs from a day on; nothing where none of its boroughs opens."""
        years = 0.0 if since is None else max((until - since).days, 0) / DAYS_IN["years"]
        return round(100.0 * self.cost_per_year * years)


class BestPlanQuestion(SimulatedQuestion):
    """Which boroughs to open when, with how large a LIFT team."""

    kind: ClassVar[str] = "best-plan"
    options: ClassVar[tuple[str, ...]] = ("goal", "target", "by", "probability", "budget")

    goal: Goal = "cheapest"
    """The cheapest plan that reaches the target in time, or the earliest within the budget."""
    target: Annotated[int, Unit("families", 1)]
    """Families to be randomised."""
    by: dt.date
    """Day before whose beginning the target is to be reached."""
    probability: Share
    """Wanted probability of the target in time."""
    budget: Pounds | None = None
    """The most that a plan may cost."""
    costs_until: dt.date | None = None
    """Day on which costs are no longer counted, whenever the target is reached; by default that of `by`."""
    least_beginning_lift: Share | None = None
    """A simulated trial is a success only if this share of families allocated to LIFT begin it, or more.

    The closed form knows nothing of it.
    """
    indifference: Annotated[float, Unit("probability", 0, 0.2)] = 0.0
    """Simulated probabilities nearer than this, to each other or to the wanted one, count as the same."""
    level: Share = 0.95
    """Probability of a right choice among the contenders at which the simulation stops."""
    replicates: Replicates = 2_000
    """Simulated trials that may be spent, on all plans together."""
    candidates: tuple[Candidate, ...] = Field(alias="candidate")
    """Boroughs that may be opened."""
    teams: tuple[TeamChoice, ...] = Field((), alias="team")
    """Sizes of LIFT teams; a team that is not named is as in the scenario, at no cost."""

    @property
    def counted_until(self) -> dt.date:
        """Day on which costs are no longer counted."""
        return self.costs_until or self.by

    @cached_property
    def planned(self) -> Scenario:
        """The scenario with the target that is planned for, each candidate opening on its earliest date."""
        openings = {f"boroughs.{one.borough}.opens": one.dates[0] for one in self.candidates}
        return self.world.replace({"trial.target_families": self.target, **openings})

    @cached_property
    def recruiting(self) -> Mapping[str, BoroughPlan]:
        """What is expected of each borough, by name; a candidate opens on its earliest date."""
        from best_sim.trial.recruitment import borough_plans

        return {plan.name: plan for plan in borough_plans(self.planned)}

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
        never = self.planned.simulation.end_date + dt.timedelta(days=1)
        changes: dict[str, Any] = {}
        for one in self.candidates:
            day = openings.get(one.borough)
            changes[f"boroughs.{one.borough}.opens"] = never if day is None else day
            if day is None and self.planned.boroughs[one.borough].closes is not None:
                changes[f"boroughs.{one.borough}.closes"] = never + dt.timedelta(days=1)
        for team, choice in teams.items():
            for profession, fte in choice.clinicians.items():
                series = getattr(self.planned.lift.teams[team], profession)
                first = next(iter(series))[0]
                changes[f"lift.teams.{team}.{profession}"] = [{"from": first, "value": fte}]
        return self.planned.replace(changes)

    # --- asking -----------------------------------------------------------------------------------------------
    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        n = self.replicates
        return f"{n:,} replicate{'s' * (n != 1)} at most, of all plans together"

    def check(self) -> Iterator[Wrong]:
        """What is wrong inside the file."""
        for key in ("probability", "least_beginning_lift", "level"):
            value = getattr(self, key)
            if value is not None and not 0.0 < value < 1.0:
                yield _wrong(key, value, _INSIDE)
        if self.goal == "earliest" and self.budget is None:
            yield Wrong("budget", "the earliest plan is looked for within a budget", allowed="GBP, 0 or more")
        if not self.candidates:
            yield Wrong("candidate", "there is no borough that may be opened", allowed="[[candidate]] tables")
        yield from names_apart("candidate", "candidates", [one.borough for one in self.candidates])
        yield from names_apart("team", "sizes", [f"{one.team}: {one.name}" for one in self.teams])

    def refuse(self) -> None:
        """Refuse what the scenario can't do, and what no plan does by the closed form."""
        _ = self.closed

    @cached_property
    def closed(self) -> ClosedAnswer:
        """What the closed form says: the best plan, the contenders, and what nothing beats.

        Raises
        ------
        QuestionError
            If the scenario can't have what is asked, no plan qualifies, or there are too many to look at.
        """
        from best_sim.questions.best_plan.closed_form import closed_answer
        from best_sim.questions.best_plan.search import NoPlanError
        from best_sim.questions.best_plan.space import TooManyPlansError

        if wrong := self._against(self.world):
            raise QuestionError(wrong)
        try:
            return closed_answer(self)
        except (NoPlanError, TooManyPlansError) as refused:
            raise QuestionError([_problem(self.file, refused.below, refused)]) from refused

    def run(self, running: Running) -> BestPlanFound:
        """Simulate the contenders until the choice among them is sure, or the replicates are spent."""
        from best_sim.questions.best_plan.run import simulated

        return simulated(self, running)

    # --- against the scenario ---------------------------------------------------------------------------------
    def _against(self, world: Scenario) -> list[Problem]:
        """What is asked that the scenario can't do."""
        wrong: list[Problem] = []

        def refuse(key: str, message: str, found: object, allowed: str, nearest: str | None = None) -> None:
            refused = NotAllowedError(message, found=str(found), allowed=allowed, nearest=nearest)
            wrong.append(_problem(self.file, key, refused))

        starts, ends = world.simulation.start_date, world.simulation.end_date
        if not starts < self.by <= ends:
            allowed = f"after {starts}, until {ends}: the scenario's"
            refuse("by", "the run does not reach this day", self.by, allowed)
        for i, one in enumerate(self.candidates):
            key = f"candidate[{i}]"
            if one.borough not in world.boroughs:
                refuse(
                    f"{key}.borough", "the scenario has no such borough", one.borough, ", ".join(world.boroughs),
                    nearest_name(one.borough, world.boroughs),
                )  # fmt: skip
                continue
            if one.dates[0] < starts or one.dates[-1] > ends:
                allowed = f"{starts} to {ends}: the scenario's run"
                span = f"{one.dates[0]} to {one.dates[-1]}"
                refuse(f"{key}.dates", "it opens outside the run", span, allowed)
            closes = world.boroughs[one.borough].closes
            if closes is not None and one.dates[-1] >= closes:
                refuse(f"{key}.dates", "it opens when it has closed", one.dates[-1], f"before {closes}")
        for i, choice in enumerate(self.teams):
            if choice.team not in world.lift.teams:
                refuse(
                    f"team[{i}].team", "the scenario has no such team", choice.team, ", ".join(world.lift.teams),
                    nearest_name(choice.team, world.lift.teams),
                )  # fmt: skip
        if not any(value > 0.5 for site in world.sites.values() for value in site.recruiting.values):
            refuse(
                "scenario",
                "no site recruits: there is nothing to plan",
                self.scenario,
                "a site that recruits",
            )
        if not wrong and not self._boroughs_are_apart(world):
            refuse(
                "scenario", "how many families a borough recruits depends on when others of its site open",
                f"simulation.before_opening = {world.simulation.before_opening:g} days",
                "long enough for families who became known before the first opening; say so with `set`",
            )  # fmt: skip
        return wrong

    def _boroughs_are_apart(self, world: Scenario) -> bool:
        """Whether a borough's expected recruitment is the same whichever opening of its site comes first.

        Families are known from some time before the site's first opening on, which the plan decides. Each borough is
        compared with itself where it alone opens, and on its latest date.
        """
        from best_sim.trial.recruitment import borough_plans, expected_randomised

        start, end = world.simulation.start_date, world.simulation.end_date
        if world.simulation.before_opening >= (end - start).days:
            return True  # families are known from the beginning of the run on, in any plan
        names = {one.borough for one in self.candidates}
        never = end + dt.timedelta(days=1)
        for one in (*self.candidates, None):
            alone = {f"boroughs.{name}.opens": never for name in names}
            if one is not None:
                alone[f"boroughs.{one.borough}.opens"] = one.dates[-1]
            for plan in borough_plans(world.replace(alone)):
                if plan.opens > end:
                    continue
                other = replace(plan, known_since=self.recruiting[plan.name].known_since)
                if abs(expected_randomised(plan, [end])[0] - expected_randomised(other, [end])[0]) > 1e-6:
                    return False
        return True


def _wrong(key: str, found: Any, allowed: str) -> Wrong:
    return Wrong(key, "this can't be used", found=found, allowed=allowed)


def _problem(file: str, key: str, refused: NotAllowedError) -> Problem:
    return Problem(
        file=file, key=key, message=refused.message, found=refused.found, allowed=refused.allowed,
        nearest=refused.nearest,
    )  # fmt: skip


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
