"""The best plan of expansion: the cheapest that reaches a target in time, or the earliest within a budget.

A plan says which of the candidate boroughs open, on which of their dates, and of which size each LIFT team is. By the
closed form (`best_sim.trial.recruitment`) boroughs recruit independently of each other, each a negative
binomial number, so the probability of the target by a date needs no simulation: distributions cut off at the target are
convolved, which is exact for the probability of fewer. Opening one borough more, or earlier, never lowers that
probability and never lowers the cost, so a depth-first search drops whole branches and still finds the best plan.

The closed form doesn't see what children in care bring with them: courts that are full, orders that come first, and
LIFT teams without a place. So the plans that the closed form finds near the line, on both sides of it, are simulated,
and the choice among them is made by `best_sim.experiments.selection`.

What a plan costs are the problem's figures, and these are assumptions of whoever wrote them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from best_sim.engine.model import Engine
from best_sim.experiments.best_plan_problem import Candidate, PlanProblem, TeamChoice
from best_sim.experiments.selection import Selection, exact_bounds, select_first, select_highest
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.replications import Memory, Plan, run, whole_table, working
from best_sim.trial.closed_forms import monte_carlo_error
from best_sim.trial.recruitment import BoroughPlan, GammaRate, expected_randomised

__all__ = [
    "BestPlan",
    "BoroughsMore",
    "Contender",
    "ExpansionPlan",
    "NoPlanError",
    "PlanSpace",
    "TooManyPlansError",
    "best_plan",
    "boroughs_more",
    "cheapest_plan",
    "contenders",
    "earliest_plan",
    "pareto",
]

Floats = NDArray[np.float64]

MOST_PLANS = 200_000
"""Plans that are all looked at, for a front and its picture."""
MOST_NODES = 400_000
"""Branches that a search may look at."""
_ROUNDED = 11
"""Decimals to which probabilities are compared; the last digits depend on the order of sums."""
_SLACK = 1e-10
_DAYS_KEPT = 400
"""Days of which distributions are remembered."""
AROUND = (-0.06, 0.12)
"""Contenders are looked for from so much below to so much above the wanted probability, by the closed form."""
MANY = 10
"""Contenders, before sizes of teams."""
BATCH = 50
"""Replicates of one plan at a time."""


class NoPlanError(Exception):
    """No plan does what is asked; the message says how far the best one gets."""


class TooManyPlansError(Exception):
    """There are too many plans; the message says how many, and what would make them fewer."""


@dataclass(frozen=True)
class ExpansionPlan:
    """Which boroughs open when, with teams of which size.

    Attributes
    ----------
    openings : tuple of (str, datetime.date)
        Candidates that open, in the problem's order.
    teams : tuple of (str, str)
        Team and name of its size.
    cost : float
        GBP.
    probability : float
        Of the target by the date that was asked about, by the closed form.
    choices : tuple of int
        By candidate: 0 if it stays shut, k if it opens on its k-th date.
    """

    openings: tuple[tuple[str, dt.date], ...]
    teams: tuple[tuple[str, str], ...]
    cost: float
    probability: float
    choices: tuple[int, ...]


# --- all plans, and the best of them ------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class PlanSpace:
    """All plans of a problem, and what the closed form says of them.

    Attributes
    ----------
    target : int
        Families.
    candidates : tuple of Candidate
    plans : mapping of str to BoroughPlan
        By borough, candidates and others; a candidate's opens on its earliest date.
    team_of : mapping of str to str
        The LIFT team of each borough.
    teams : tuple of TeamChoice
    costs_until, ends : datetime.date
        Last day of costs, and of the forecast.
    """

    target: int
    candidates: tuple[Candidate, ...]
    plans: Mapping[str, BoroughPlan]
    team_of: Mapping[str, str]
    teams: tuple[TeamChoice, ...]
    costs_until: dt.date
    ends: dt.date

    @classmethod
    def of(cls, problem: PlanProblem) -> PlanSpace:
        """The plans of a problem."""
        world = problem.world
        return cls(
            problem.target,
            problem.candidates,
            problem.plans,
            {name: borough.lift_team for name, borough in world.boroughs.items()},
            problem.teams,
            problem.costs_until,
            world.simulation.end_date,
        )

    @property
    def openings(self) -> int:
        """Ways to open the candidates."""
        return math.prod(len(one.dates) + 1 for one in self.candidates)

    @property
    def size(self) -> int:
        """Plans in all."""
        return self.openings * math.prod(len(sizes) for sizes in self.sizes.values())

    @cached_property
    def sizes(self) -> dict[str, tuple[TeamChoice, ...]]:
        """Sizes of each team that has a choice."""
        names = dict.fromkeys(one.team for one in self.teams)
        return {name: tuple(one for one in self.teams if one.team == name) for name in names}

    @cached_property
    def always(self) -> tuple[BoroughPlan, ...]:
        """Boroughs that are no candidates."""
        mine = {one.borough for one in self.candidates}
        return tuple(plan for name, plan in self.plans.items() if name not in mine)

    @cached_property
    def always_since(self) -> dict[str, dt.date]:
        """First opening of each team's boroughs that are no candidates."""
        first: dict[str, dt.date] = {}
        for plan in self.always:
            team = self.team_of[plan.name]
            first[team] = min(plan.opens, first.get(team, plan.opens))
        return first

    @cached_property
    def pence(self) -> list[list[int]]:
        """Cost of each candidate by choice; to stay shut costs nothing."""
        return [[0, *(one.pence(day, self.costs_until) for day in one.dates)] for one in self.candidates]

    def team_pence(self, since: Mapping[str, dt.date]) -> int:
        """Cost of the cheapest size of every team, from its first opening on."""
        return sum(
            min(one.pence(since.get(team), self.costs_until) for one in sizes)
            for team, sizes in self.sizes.items()
        )

    @cached_property
    def _days(self) -> list[dt.date]:
        """Every day from the first opening on which anybody may be recruited to the end."""
        first = min([plan.opens for plan in self.plans.values()] + [self.ends])
        return [first + dt.timedelta(days=k) for k in range((self.ends - first).days + 1)]

    @cached_property
    def _expected(self) -> tuple[list[Floats], list[list[Floats]]]:
        """Families expected before each day: of each borough that is no candidate, and of each candidate by date."""
        fixed = [expected_randomised(plan, self._days) for plan in self.always]
        mine = [
            [
                expected_randomised(replace(self.plans[one.borough], opens=day), self._days)
                for day in one.dates
            ]
            for one in self.candidates
        ]
        return fixed, mine

    def counts(self, by: dt.date) -> tuple[Floats, list[Floats]]:
        """Distributions of the number recruited before a day, cut off at the target.

        Parameters
        ----------
        by : datetime.date

        Returns
        -------
        always : (target,) array
            Probabilities of 0, 1, ... families of the boroughs that are no candidates, together.
        by_choice : list of (n_dates + 1, target) arrays
            Of each candidate, by choice.
        """
        day = min(max((by - self._days[0]).days, 0), len(self._days) - 1)
        if day not in self._counted:
            if len(self._counted) >= _DAYS_KEPT:
                self._counted.clear()
            self._counted[day] = self._count(day)
        return self._counted[day]

    @cached_property
    def _counted(self) -> dict[int, tuple[Floats, list[Floats]]]:
        """What `counts` found of late."""
        return {}

    def _count(self, day: int) -> tuple[Floats, list[Floats]]:
        numbers = np.arange(self.target)
        nobody = (numbers == 0).astype(np.float64)

        def count(plan: BoroughPlan, expected: Floats) -> Floats:
            return np.asarray(
                GammaRate(plan.shape).count(float(expected[day])).pmf(numbers), dtype=np.float64
            )

        fixed, mine = self._expected
        always = nobody
        for plan, expected in zip(self.always, fixed, strict=True):
            always = np.convolve(always, count(plan, expected))[: self.target]
        by_choice = [
            np.stack([nobody, *(count(self.plans[one.borough], expected) for expected in by_date)])
            for one, by_date in zip(self.candidates, mine, strict=True)
        ]
        return always, by_choice

    # --- single plans -----------------------------------------------------------------------------------
    def first_openings(self, choices: Sequence[int]) -> dict[str, dt.date]:
        """First opening of each team's boroughs in a plan."""
        first = dict(self.always_since)
        for one, choice in zip(self.candidates, choices, strict=True):
            if choice:
                team, day = self.team_of[one.borough], one.dates[choice - 1]
                first[team] = min(day, first.get(team, day))
        return first

    def plan(
        self, choices: Sequence[int], by: dt.date, sizes: Mapping[str, str] | None = None
    ) -> ExpansionPlan:
        """A plan with what it costs and its probability of the target before a day.

        Parameters
        ----------
        choices : sequence of int
            By candidate: 0 if it stays shut, k if it opens on its k-th date.
        by : datetime.date
        sizes : mapping of str to str, optional
            Name of the size of each team; the cheapest where none is given.

        Returns
        -------
        ExpansionPlan
        """
        first = self.first_openings(choices)
        teams = [self._size(team, first.get(team), (sizes or {}).get(team)) for team in self.sizes]
        pence = sum(costs[choice] for costs, choice in zip(self.pence, choices, strict=True))
        pence += sum(one.pence(first.get(one.team), self.costs_until) for one in teams)
        always, by_choice = self.counts(by)
        for rows, choice in zip(by_choice, choices, strict=True):
            if choice:
                always = np.convolve(always, rows[choice])[: self.target]
        openings = tuple(
            (one.borough, one.dates[choice - 1])
            for one, choice in zip(self.candidates, choices, strict=True)
            if choice
        )
        return ExpansionPlan(
            openings,
            tuple((one.team, one.name) for one in teams),
            pence / 100.0,
            _at_least(float(always.sum())),
            tuple(int(choice) for choice in choices),
        )

    def _size(self, team: str, since: dt.date | None, name: str | None) -> TeamChoice:
        if name is not None:
            return next(one for one in self.sizes[team] if one.name == name)
        return min(self.sizes[team], key=lambda one: one.pence(since, self.costs_until))

    def date(self, choices: Sequence[int], p: float) -> dt.date | None:
        """First day before which a plan reaches the target with a probability of at least p; None if there is none."""
        low, high = 0, len(self._days) - 1
        if self.plan(choices, self._days[high]).probability < p:
            return None
        while low < high:
            middle = (low + high) // 2
            reached = self.plan(choices, self._days[middle]).probability >= p
            low, high = (low, middle) if reached else (middle + 1, high)
        return self._days[low]

    # --- the best ---------------------------------------------------------------------------------------
    def best(
        self,
        by: dt.date,
        *,
        at_least: float = 0.0,
        within: float | None = None,
        many: int = 1,
        first: Literal["cost", "probability"] = "cost",
        any_will_do: bool = False,
    ) -> list[ExpansionPlan]:
        """The best plans by the closed form, each team of its cheapest size.

        Parameters
        ----------
        by : datetime.date
        at_least : float
            Probability of the target before that day.
        within : float, optional
            Budget, GBP.
        many : int
            Plans that are wanted.
        first : {"cost", "probability"}
            What comes first: the lowest cost, then the highest probability, or the other way round.
        any_will_do : bool
            Whether the first plan that qualifies is enough.

        Returns
        -------
        list of ExpansionPlan
            Best first; fewer than wanted if fewer qualify.

        Raises
        ------
        TooManyPlansError
            If the search would take too long.

        Notes
        -----
        Depth first, one candidate after the other. A branch is dropped if even with every later candidate open from
        its first date it is not probable enough, if what is open so far costs too much already, or if both together
        are no better than the worst plan that is kept. That is exact, as later candidates add neither cost below zero
        nor families below zero.
        """
        search = _Search(self, by, at_least, within, many, first, any_will_do)
        return [self.plan(choices, by) for choices in search.found()]

    def all_plans(self, by: dt.date) -> pd.DataFrame:
        """Every way to open the candidates, each team of its cheapest size.

        Parameters
        ----------
        by : datetime.date

        Returns
        -------
        pandas.DataFrame
            ``choices`` (as `ExpansionPlan` has them), ``boroughs`` (opened), ``cost`` and ``probability``.

        Raises
        ------
        TooManyPlansError
            If there are more than 200,000.
        """
        if self.openings > MOST_PLANS:
            raise TooManyPlansError(
                f"{self.openings} ways to open the candidates are too many to look at all; allowed {MOST_PLANS}. "
                "Fewer candidates, or dates further apart, make them fewer."
            )
        always, by_choice = self.counts(by)
        below: list[Floats] = []
        for _, head in _heads(always, by_choice[:-1]):
            below.append(np.cumsum(by_choice[-1], axis=1)[:, ::-1] @ head)
        choices = list(itertools.product(*(range(len(rows)) for rows in by_choice)))
        pence = [
            sum(costs[choice] for costs, choice in zip(self.pence, one, strict=True))
            + self.team_pence(self.first_openings(one))
            for one in choices
        ]
        return pd.DataFrame(
            {
                "choices": choices,
                "boroughs": [sum(choice > 0 for choice in one) for one in choices],
                "cost": np.array(pence) / 100.0,
                "probability": np.clip(1.0 - np.concatenate(below), 0.0, 1.0),
            }
        )


def _heads(
    always: Floats, by_choice: Sequence[Floats], chosen: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """Every choice for some candidates, in order, with the distribution of the number recruited."""
    if not by_choice:
        yield chosen, always
        return
    for choice, row in enumerate(by_choice[0]):
        together = np.convolve(always, row)[: len(always)] if choice else always
        yield from _heads(together, by_choice[1:], (*chosen, choice))


def _at_least(below: float) -> float:
    """Probability of the target from that of fewer."""
    return round(min(max(1.0 - below, 0.0), 1.0), _ROUNDED)


class _Search:
    """One depth-first search for the best plans."""

    def __init__(
        self,
        space: PlanSpace,
        by: dt.date,
        at_least: float,
        within: float | None,
        many: int,
        first: Literal["cost", "probability"],
        any_will_do: bool,
    ) -> None:
        self.space, self.at_least, self.many, self.first = space, at_least, many, first
        self.any_will_do = any_will_do
        self.within = math.inf if within is None else round(100.0 * within)
        self.always, self.by_choice = space.counts(by)
        # those that bring most come first: what they can't do, the others can't make up for
        brings = [float(rows[1:].sum(axis=1).min()) for rows in self.by_choice]
        means = [float(np.arange(space.target) @ rows[1]) for rows in self.by_choice]
        self.order = sorted(range(len(means)), key=lambda i: (brings[i], -means[i]))
        self.rest = self._rest()
        self.kept: list[tuple[tuple[float, float], tuple[int, ...]]] = []
        self.nodes = 0

    def _rest(self) -> list[Floats]:
        """By depth: the distribution function, reversed, of what all later candidates bring at most."""
        most = (np.arange(self.space.target) == 0).astype(np.float64)
        out = [np.cumsum(most)[::-1]]
        for i in reversed(self.order):
            most = np.convolve(most, self.by_choice[i][1])[: self.space.target]
            out.append(np.cumsum(most)[::-1])
        return out[::-1]

    def found(self) -> list[tuple[int, ...]]:
        """Choices of the best plans, best first."""
        self._visit(0, self.always, 0, dict(self.space.always_since), [0] * len(self.order))
        return [choices for _, choices in self.kept]

    def _key(self, pence: float, probability: float) -> tuple[float, float]:
        return (pence, -probability) if self.first == "cost" else (-probability, pence)

    def _visit(
        self, depth: int, head: Floats, pence: int, since: dict[str, dt.date], choices: list[int]
    ) -> None:
        if self.any_will_do and self.kept:
            return
        self.nodes += 1
        if self.nodes > MOST_NODES:
            raise TooManyPlansError(
                f"{self.space.openings} ways to open the candidates, of which more than {MOST_NODES} branches can't be "
                "left out. Fewer candidates, or dates further apart, make them fewer."
            )
        cost = pence + self.space.team_pence(since)
        probability = _at_least(float(head @ self.rest[depth]))
        if cost > self.within or probability < self.at_least - _SLACK:
            return
        leaf = depth == len(self.order)
        if leaf and probability < self.at_least:
            return
        key = self._key(cost, probability if leaf else probability + _SLACK)
        if (
            len(self.kept) == self.many
            and (key, tuple(choices)) >= self.kept[-1]
            and (leaf or key > self.kept[-1][0])
        ):
            return
        if leaf:
            self.kept = sorted([*self.kept, (key, tuple(choices))])[: self.many]
            return
        i = self.order[depth]
        team = self.space.team_of[self.space.candidates[i].borough]
        for choice, row in enumerate(self.by_choice[i]):
            choices[i] = choice
            together, seen = head, since
            if choice:
                together = np.convolve(head, row)[: len(head)]
                day = self.space.candidates[i].dates[choice - 1]
                seen = since | {team: min(day, since.get(team, day))}
            self._visit(depth + 1, together, pence + self.space.pence[i][choice], seen, choices)
        choices[i] = 0


# --- what is asked ------------------------------------------------------------------------------------------
def cheapest_plan(problem: PlanProblem, space: PlanSpace | None = None) -> ExpansionPlan:
    """The cheapest plan that reaches the target by the date with the wanted probability, by the closed form.

    Parameters
    ----------
    problem : PlanProblem
    space : PlanSpace, optional
        The problem's plans, where they are at hand.

    Returns
    -------
    ExpansionPlan
        Within the budget, where there is one; of plans that cost the same the one with the highest probability.

    Raises
    ------
    NoPlanError
        If none does; the message says how far the best one gets, with the budget and without.
    TooManyPlansError
        If the search would take too long.
    """
    space = space or PlanSpace.of(problem)
    found = space.best(problem.by, at_least=problem.probability, within=problem.budget)
    if not found:
        raise NoPlanError(_how_far(problem, space, problem.by))
    return found[0]


def earliest_plan(problem: PlanProblem, space: PlanSpace | None = None) -> tuple[dt.date, ExpansionPlan]:
    """The plan within the budget that reaches the target with the wanted probability earliest, by the closed form.

    Parameters
    ----------
    problem : PlanProblem
    space : PlanSpace, optional

    Returns
    -------
    day : datetime.date
        Before which it does; to the day.
    plan : ExpansionPlan
        The cheapest of those that reach it before that day, with its probability of that.

    Raises
    ------
    NoPlanError
        If none reaches it within the run.
    TooManyPlansError
        If the search would take too long.

    Notes
    -----
    Costs do not depend on when the target is reached, so what can be reached before a day within the budget can be
    before any later day: the day is found by bisection.
    """
    space = space or PlanSpace.of(problem)
    first = min(plan.opens for plan in space.plans.values())

    def reached(day: dt.date) -> bool:
        return bool(space.best(day, at_least=problem.probability, within=problem.budget, any_will_do=True))

    low, high = 0, (space.ends - first).days
    if not reached(space.ends):
        raise NoPlanError(_how_far(problem, space, space.ends))
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(first + dt.timedelta(days=middle)) else (middle + 1, high)
    day = first + dt.timedelta(days=low)
    return day, space.best(day, at_least=problem.probability, within=problem.budget)[0]


def _how_far(problem: PlanProblem, space: PlanSpace, by: dt.date) -> str:
    """Why there is no plan, and what can be reached."""
    told = (
        f"No plan reaches {problem.target} families before {_day(by)} with a probability of "
        f"{_wanted(problem.probability)}"
    )
    top = space.best(by, first="probability")[0]
    within = "" if problem.budget is None else f" within {_pounds(problem.budget)}"
    lines = [f"{told}{within}."]
    if problem.budget is not None:
        best = space.best(by, within=problem.budget, first="probability")
        if best:
            lines.append(
                f"The most that the budget allows is {_percent(best[0].probability)}, for {_pounds(best[0].cost)}: "
                f"{in_words(best[0], space)}."
            )
        else:
            least = space.best(by)[0]
            lines.append(f"The cheapest plan of all costs {_pounds(least.cost)}: {in_words(least, space)}.")
    lines.append(
        f"Whatever it costs, {_percent(top.probability)} can be reached, for {_pounds(top.cost)}: "
        f"{in_words(top, space)}."
    )
    return " ".join(lines)


def in_words(plan: ExpansionPlan, space: PlanSpace) -> str:
    """What opens when, and the teams' sizes."""
    opened = [f"{space.plans[name].shown} from {day:%b %Y}" for name, day in plan.openings]
    teams = [f"LIFT team {team}: {size}" for team, size in plan.teams]
    return ", ".join([*(opened or ["no borough opens"]), *teams])


def _pounds(amount: float) -> str:
    return f"GBP {amount:,.0f}"


def _percent(share: float) -> str:
    """A percentage that is not rounded to certainty."""
    for exact, said in ((0.0, "less than 0.1%"), (1.0, "more than 99.9%")):
        if abs(share - exact) < 0.0005:
            return said
    return f"{share:.1%}" if min(share, 1.0 - share) < 0.01 else f"{share:.0%}"


def _wanted(share: float) -> str:
    """A percentage that somebody asked for, as it was said."""
    return f"{100 * share:g}%"


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def pareto(problem: PlanProblem, space: PlanSpace | None = None) -> pd.DataFrame:
    """Plans that no other plan beats: none is both as cheap and as likely, or as cheap and as early.

    Parameters
    ----------
    problem : PlanProblem
    space : PlanSpace, optional

    Returns
    -------
    pandas.DataFrame
        By front, cost rising: ``front`` ("probability": of the target by the date; "median": day before which the
        target is as likely reached as not), ``plan``, ``cost``, ``probability``, ``median`` (None where it is not
        within the run) and ``openings`` in words. Each team is of its cheapest size. Budgets are not kept to.

    Raises
    ------
    TooManyPlansError
        If the search would take too long.

    Notes
    -----
    Each front is walked from its cheap end: the next plan is the cheapest with a higher probability, or an earlier
    median, than the one before.
    """
    space = space or PlanSpace.of(problem)
    by_probability = _front_of_probability(problem, space)
    by_median: list[tuple[ExpansionPlan, dt.date]] = []
    day: dt.date = space.ends
    while found := space.best(day, at_least=0.5):
        median = space.date(found[0].choices, 0.5)
        assert median is not None
        if by_median and by_median[-1][0].cost == found[0].cost:
            by_median.pop()  # as cheap, and later
        by_median.append((space.plan(found[0].choices, problem.by), median))
        day = median - dt.timedelta(days=1)
    rows = [("probability", plan, space.date(plan.choices, 0.5)) for plan in by_probability]
    rows += [("median", plan, median) for plan, median in by_median]
    return pd.DataFrame(
        [
            {
                "front": front, "plan": plan, "cost": plan.cost, "probability": plan.probability, "median": median,
                "openings": in_words(plan, space),
            }
            for front, plan, median in rows
        ]
    )  # fmt: skip


def _front_of_probability(problem: PlanProblem, space: PlanSpace) -> list[ExpansionPlan]:
    """Each the cheapest of the plans that are likelier than the one before."""
    if space.openings <= MOST_PLANS:
        every = space.all_plans(problem.by).round({"probability": _ROUNDED})
        every = every.sort_values(["cost", "probability", "choices"], ascending=[True, False, True])
        before = every["probability"].cummax().shift(fill_value=-1.0)
        return [space.plan(one, problem.by) for one in every.loc[every["probability"] > before, "choices"]]
    out: list[ExpansionPlan] = []
    found = space.best(problem.by)
    while found:
        out.append(found[0])
        found = space.best(problem.by, at_least=found[0].probability + 10.0**-_ROUNDED)
    return out


@dataclass(frozen=True)
class BoroughsMore:
    """How many boroughs more it takes.

    Attributes
    ----------
    target : int
    by : datetime.date
    wanted : float
        Probability.
    rows : tuple of (float, tuple of (str, datetime.date))
        For no borough more, one, two, ...: the highest probability of the target by the date that so many reach, each
        open from its first date; and which they are, by title.
    """

    target: int
    by: dt.date
    wanted: float
    rows: tuple[tuple[float, tuple[tuple[str, dt.date], ...]], ...]

    @property
    def needed(self) -> int | None:
        """The fewest with which the wanted probability is reached; None if all of them are too few."""
        return next((n for n, (p, _) in enumerate(self.rows) if p >= self.wanted), None)

    def in_words(self) -> str:
        """One line."""
        said = {None: "more boroughs than there are", 0: "no borough more", 1: "one borough more"}
        takes = said.get(self.needed, f"{_number(self.needed or 0)} boroughs more")
        told = []
        for n, (p, opened) in enumerate(self.rows):
            names = ", ".join(f"{title} from {day:%Y-%m}" for title, day in opened)
            told.append(f"{_number(n)} {_percent(p)}" + (f" ({names})" if n in (1, 2) else ""))
            if p >= self.wanted:
                break
        told[0] = told[0].replace(" ", " gives ", 1)
        return (
            f"{self.target} families before {_day(self.by)} with {_wanted(self.wanted)}, boroughs open from their "
            f"first dates: that takes {takes}; {', '.join(told)}."
        )


def _number(n: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[n] if n < len(words) else str(n)


def boroughs_more(problem: PlanProblem, space: PlanSpace | None = None) -> BoroughsMore:
    """How many boroughs more, each open from its first date, reach the target by the date; by the closed form.

    Parameters
    ----------
    problem : PlanProblem
    space : PlanSpace, optional

    Returns
    -------
    BoroughsMore

    Raises
    ------
    TooManyPlansError
        If there are more than 200,000 sets of candidates.
    """
    space = space or PlanSpace.of(problem)
    count = len(space.candidates)
    if 2**count > MOST_PLANS:
        raise TooManyPlansError(f"{2**count} sets of candidates are too many; allowed {MOST_PLANS}")
    always, by_choice = space.counts(problem.by)
    best: list[tuple[float, tuple[int, ...]]] = [(-1.0, ())] * (count + 1)
    for chosen, head in _heads(always, [rows[:2] for rows in by_choice]):
        n, probability = sum(chosen), _at_least(float(head.sum()))
        if probability > best[n][0]:
            best[n] = (probability, chosen)
    rows = tuple(
        (
            probability,
            tuple(
                (space.plans[one.borough].shown, one.dates[0])
                for one, choice in zip(space.candidates, chosen, strict=True)
                if choice
            ),
        )
        for probability, chosen in best
    )
    return BoroughsMore(problem.target, problem.by, problem.probability, rows)


# --- simulated ----------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Contender:
    """A plan that was simulated.

    Attributes
    ----------
    plan : ExpansionPlan
        With its probability by the closed form.
    successes, replicates : int
    low, high : float
        Exact 95% interval of the simulated probability of success.
    days : numpy.ndarray of float
        Day on which each replicate reached the target, from the scenario's start; infinite where it did not.
    counts : numpy.ndarray of bool
        Whether as large a share of families as is asked began LIFT in it.
    began : float
        Share of families allocated to LIFT that began it.
    """

    plan: ExpansionPlan
    successes: int
    replicates: int
    low: float
    high: float
    days: NDArray[np.float64]
    counts: NDArray[np.bool_]
    began: float

    @property
    def share(self) -> float:
        """Simulated probability of success."""
        return self.successes / self.replicates

    def day(self, p: float) -> float:
        """Day by which a share p of replicates is a success; infinite if that is not within the run."""
        return float(np.quantile(np.where(self.counts, self.days, np.inf), p, method="higher"))


@dataclass(frozen=True)
class BestPlan:
    """The answer.

    Attributes
    ----------
    problem : PlanProblem
    space : PlanSpace
    by : datetime.date
        Day by which simulated plans were compared: the problem's, or the earliest that the closed form finds.
    closed : ExpansionPlan
        The best by the closed form.
    chosen : ExpansionPlan or None
        The best of the contenders by simulation; None if none qualifies.
    contenders : tuple of Contender
        The cheapest first.
    selection : Selection
        What was known when the simulation stopped.
    left_out : int
        Contenders that the replicates were too few for; those furthest from the line.
    more : BoroughsMore
    """

    problem: PlanProblem
    space: PlanSpace
    by: dt.date
    closed: ExpansionPlan
    chosen: ExpansionPlan | None
    contenders: tuple[Contender, ...]
    selection: Selection
    left_out: int
    more: BoroughsMore

    def table(self) -> pd.DataFrame:
        """Every contender.

        Returns
        -------
        pandas.DataFrame
            ``plan`` in words, ``cost``, ``closed`` (probability of the target by the closed form), ``simulated``
            (share of successes), its exact 95% interval ``low`` and ``high``, ``mcse``, ``replicates``,
            ``reached`` (simulated share that reached the target by the date, whatever LIFT's share), ``date`` (before
            which it succeeds with the wanted probability, by simulation; None if it never does), ``began`` (share
            of families beginning LIFT), ``chosen``.
        """
        day = (self.by - self.problem.world.simulation.start_date).days
        rows = []
        for one in self.contenders:
            rows.append(
                {
                    "plan": in_words(one.plan, self.space), "cost": one.plan.cost, "closed": one.plan.probability,
                    "simulated": one.share, "low": one.low, "high": one.high,
                    "mcse": monte_carlo_error(one.share, one.replicates), "replicates": one.replicates,
                    "reached": float((one.days <= day).mean()), "date": self.date(one), "began": one.began,
                    "chosen": one.plan == self.chosen,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    def date(self, one: Contender) -> dt.date | None:
        """Day before which a contender succeeds with the wanted probability, by simulation; None if it never does."""
        day = one.day(self.problem.probability)
        since = self.problem.world.simulation.start_date
        return since + dt.timedelta(days=math.ceil(day)) if math.isfinite(day) else None

    def in_words(self) -> str:
        """What was found, in plain words."""
        problem = self.problem
        closed = self.closed
        asked = f"{problem.target} families before {_day(self.by)}"
        what = "The cheapest plan" if problem.goal == "cheapest" else "The earliest plan within the budget"
        lines = [
            f"{what} by the closed form: {in_words(closed, self.space)}; {_pounds(closed.cost)}, {asked} with "
            f"{_percent(closed.probability)}."
        ]
        share = problem.least_beginning_lift
        both = (
            ""
            if share is None
            else f", and {_wanted(share)} or more of the families allocated to LIFT begin it"
        )
        if self.chosen is None:
            best = max(self.contenders, key=lambda one: one.share)
            lines.append(
                f"By simulation no contender qualifies ({asked}{both}); the best of them, "
                f"{in_words(best.plan, self.space)}, succeeds in {_percent(best.share)}."
            )
        else:
            one = next(one for one in self.contenders if one.plan == self.chosen)
            lines.append(
                f"By simulation: {in_words(one.plan, self.space)}; {_pounds(one.plan.cost)}. In "
                f"{_percent(one.share)} of {one.replicates} simulated trials (95% interval {_percent(one.low)} to "
                f"{_percent(one.high)}) {asked}"
                f"{both}."
            )
            if problem.goal == "earliest":
                day = self.date(one)
                when = "not within the run" if day is None else f"before {_day(day)}"
                lines.append(f"It does so with {_wanted(problem.probability)} {when}, by simulation.")
        near = (
            "" if not problem.indifference else f", to {100 * problem.indifference:g} points of probability,"
        )
        known = (
            f"settled: right{near} with a probability of at least {_wanted(self.selection.level)}"
            if self.selection.settled
            else f"not settled when replicates ran out; right{near} with about {_percent(self.selection.probability)}"
        )
        lines.append(
            f"The choice among {len(self.contenders)} contenders is {known}, after {self.selection.spent} simulated "
            "trials."
        )
        if self.left_out:
            lines.append(f"{self.left_out} contenders were left out, as the replicates are too few for them.")
        lines.append(self.more.in_words())
        return "\n".join(lines)


def contenders(
    problem: PlanProblem,
    space: PlanSpace,
    by: dt.date,
    around: tuple[float, float] = AROUND,
    many: int = MANY,
) -> list[ExpansionPlan]:
    """Plans that may be the best once they are simulated.

    Parameters
    ----------
    problem : PlanProblem
    space : PlanSpace
    by : datetime.date
    around : tuple of float
        For the goal "cheapest": how far below and above the wanted probability by the closed form, which may be wrong.
        Taken are the plans on the front of cost and probability between, without those that add least to the area
        under it if there are too many.
    many : int
        Plans before sizes of teams. For the goal "earliest": those likeliest by the date.

    Returns
    -------
    list of ExpansionPlan
        The cheapest first, each once, within the budget. Where a share of families has to begin LIFT, each with
        every size of its teams; else with the cheapest.
    """
    if problem.goal == "cheapest":
        plans = _around(problem, space, by, around, many)
    else:
        plans = space.best(by, within=problem.budget, many=many, first="probability")
    found = {plan.choices: plan for plan in plans}
    if problem.least_beginning_lift is None:
        out = list(found.values())
    else:
        sizes = [
            dict(zip(space.sizes, (one.name for one in chosen), strict=True))
            for chosen in itertools.product(*space.sizes.values())
        ]
        out = [space.plan(choices, by, size) for choices in found for size in sizes]
    budget = math.inf if problem.budget is None else problem.budget
    out = [plan for plan in out if plan.cost <= budget]
    return sorted(out, key=lambda plan: (plan.cost, -plan.probability, plan.choices, plan.teams))


def _around(
    problem: PlanProblem, space: PlanSpace, by: dt.date, around: tuple[float, float], many: int
) -> list[ExpansionPlan]:
    """The front of cost and probability about the wanted probability, thinned."""
    low, high = (problem.probability + one for one in around)
    front: list[ExpansionPlan] = []
    while found := space.best(
        by,
        at_least=max(low, front[-1].probability + 10.0**-_ROUNDED) if front else max(low, 0.0),
        within=problem.budget,
    ):
        front += found
        if found[0].probability >= high:
            break
    best = next((i for i, plan in enumerate(front) if plan.probability >= problem.probability), 0)
    kept = list(range(len(front)))
    while len(kept) > max(many, 3):
        # what the steps under the front lose if a plan is left out
        lost = {
            i: (front[i].probability - front[before].probability) * (front[after].cost - front[i].cost)
            for before, i, after in zip(kept, kept[1:], kept[2:], strict=False)
            if i != best
        }
        kept.remove(min(lost, key=lambda i: (lost[i], i)))
    return [front[i] for i in kept]


def best_plan(
    problem: PlanProblem,
    *,
    level: float = 0.95,
    engine: Engine = "compiled",
    executor: Executor | None | Literal["default"] = "default",
    progress: Callable[[int], object] | None = None,
) -> BestPlan:
    """The best plan: found by the closed form, checked by simulation.

    Parameters
    ----------
    problem : PlanProblem
    level : float
        Probability of a right choice among the contenders at which the simulation stops.
    engine : {"compiled", "simpy"}
    executor : concurrent.futures.Executor or None, optional
        By default, workers on this machine's cores.
    progress : callable, optional
        Called with the number of replicates done.

    Returns
    -------
    BestPlan

    Raises
    ------
    NoPlanError
        If no plan qualifies by the closed form.
    TooManyPlansError
        If the search would take too long.
    ScenarioError
        If a plan's scenario can't be used.

    Notes
    -----
    For the goal "cheapest" the contenders are taken in order of cost, and the first whose probability of success is as
    wanted is looked for. For the goal "earliest" they are compared by their probability by the day that the closed
    form gives as the earliest: of two plans near it, the one that is likelier to have reached the target by then
    reaches it earlier.
    """
    space = PlanSpace.of(problem)
    if problem.goal == "cheapest":
        by, closed = problem.by, cheapest_plan(problem, space)
    else:
        by, closed = earliest_plan(problem, space)
    plans = contenders(problem, space, by)
    batch = min(BATCH, problem.replicates)
    fit = max(1, problem.replicates // batch)
    kept = plans
    if len(plans) > fit:
        nearest = sorted(
            plans, key=lambda one: (one.choices != closed.choices, abs(one.probability - problem.probability))
        )
        kept = [one for one in plans if one in nearest[:fit]]
    with working(engine, executor) as own:
        simulator = _Simulator(problem, space, by, kept, engine, own)
        if problem.goal == "cheapest":
            chosen = select_first(
                simulator, len(kept), problem.probability, level=level, indifference=problem.indifference, batch=batch,
                most=problem.replicates, progress=progress,
            )  # fmt: skip
        else:
            chosen = select_highest(
                simulator, len(kept), level=level, indifference=problem.indifference, batch=batch,
                most=problem.replicates, progress=progress,
            )  # fmt: skip
    return BestPlan(
        problem,
        space,
        by,
        closed,
        None if chosen.chosen is None else kept[chosen.chosen],
        tuple(simulator.contender(i) for i in range(len(kept))),
        chosen,
        len(plans) - len(kept),
        boroughs_more(problem, space),
    )


@dataclass(frozen=True)
class _Trial:
    """One replicate of a plan: when the target was reached, and how many of those allocated to LIFT began it."""

    lowered: Lowered
    target: int
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        j = simulate(self.lowered, self.seed, number, self.engine, events=False)
        f = j.tables["families"]
        mine = np.flatnonzero(f["arm"] != W.NOT_ALLOCATED)
        at = np.sort(f["randomised"][mine])
        lift = mine[(f["arm"][mine] == W.ARMS.index("LIFT")) & np.isnan(f["ineligible"][mine])]
        return [
            {
                "replicate": number,
                "day": float(at[self.target - 1]) if len(at) >= self.target else math.inf,
                "lift": len(lift),
                "began": int((~np.isnan(f["lift_started"][lift])).sum()),
            }
        ]


class _Simulator:
    """Simulates contenders, batch by batch; all meet the same luck."""

    def __init__(
        self,
        problem: PlanProblem,
        space: PlanSpace,
        by: dt.date,
        plans: Sequence[ExpansionPlan],
        engine: Engine,
        executor: Executor | None,
    ) -> None:
        self.problem, self.plans, self.executor = problem, plans, executor
        self.day = float((by - problem.world.simulation.start_date).days)
        self.keeps = [Memory() for _ in plans]
        self.rows: list[pd.DataFrame] = [pd.DataFrame() for _ in plans]
        self.work = []
        for plan in plans:
            sizes = {
                team: next(one for one in space.sizes[team] if one.name == size) for team, size in plan.teams
            }
            scenario = problem.scenario_of(dict(plan.openings), sizes)
            self.work.append(_Trial(lower(scenario), problem.target, problem.seed, engine))

    def __call__(self, i: int, first: int, n: int) -> NDArray[np.bool_]:
        if not run(Plan(self.work[i], first + n, chunk=n), self.executor, keep=self.keeps[i]):
            raise KeyboardInterrupt
        self.rows[i] = whole_table(self.keeps[i], first + n).to_pandas()
        return self._success(i)[first:]

    def _counts(self, i: int) -> NDArray[np.bool_]:
        """Whether as large a share as is asked began LIFT."""
        rows, least = self.rows[i], self.problem.least_beginning_lift or 0.0
        return np.asarray(rows["began"].to_numpy() >= least * rows["lift"].to_numpy(), dtype=bool)

    def _success(self, i: int) -> NDArray[np.bool_]:
        return np.asarray(self._counts(i) & (self.rows[i]["day"].to_numpy() <= self.day), dtype=bool)

    def contender(self, i: int) -> Contender:
        """What was seen of one plan."""
        rows, success = self.rows[i], self._success(i)
        low, high = exact_bounds(int(success.sum()), len(success), 0.025)
        began = rows["began"].sum() / max(int(rows["lift"].sum()), 1)
        return Contender(
            self.plans[i], int(success.sum()), len(success), low, high, rows["day"].to_numpy(), self._counts(i),
            float(began),
        )  # fmt: skip
