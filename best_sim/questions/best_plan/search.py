"""The best plan by the closed form: the cheapest that is likely enough in time, or the earliest within a budget.

Opening one borough more, or earlier, never lowers the probability of the target in time and never lowers the cost, so a
depth-first search drops whole branches and still finds the best plan.
"""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from best_sim.drawing import wording as say
from best_sim.questions.best_plan.space import CandidatePlan, Floats, PlanSpace, TooManyPlansError, of_target
from best_sim.scenario.problems import NotAllowedError

if TYPE_CHECKING:
    from best_sim.questions.best_plan.ask import BestPlanQuestion

First = Literal["cost", "probability"]

MOST_NODES = 400_000
"""Branches that a search may look at."""
_SLACK = 1e-10


class NoPlanError(NotAllowedError):
    """No plan does what is asked; it says how far the best one gets."""


def best_plans(
    space: PlanSpace,
    by: dt.date,
    *,
    at_least: float = 0.0,
    within: float | None = None,
    many: int = 1,
    first: First = "cost",
    any_will_do: bool = False,
) -> list[CandidatePlan]:
    """The best plans by the closed form, each team of its cheapest size.

    Parameters
    ----------
    space : PlanSpace
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
    list of CandidatePlan
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
    search = _Search(space, by, at_least, within, many, first, any_will_do)
    return [space.plan(choices, by) for choices in search.found()]


class _Search:
    """One depth-first search for the best plans."""

    def __init__(
        self,
        space: PlanSpace,
        by: dt.date,
        at_least: float,
        within: float | None,
        many: int,
        first: First,
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
                f"{self.space.openings:,} ways to open the candidates, of which more than {MOST_NODES:,} branches "
                "can't be left out"
            )
        cost = pence + self.space.team_pence(since)
        probability = of_target(float(head @ self.rest[depth]))
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


def cheapest_plan(question: BestPlanQuestion, space: PlanSpace) -> CandidatePlan:
    """The cheapest plan that reaches the target by the date with the wanted probability, by the closed form.

    Parameters
    ----------
    question : BestPlanQuestion
    space : PlanSpace
        The question's plans.

    Returns
    -------
    CandidatePlan
        Within the budget, where there is one; of plans that cost the same the one with the highest probability.

    Raises
    ------
    NoPlanError
        If none does; the message says how far the best one gets, with the budget and without.
    TooManyPlansError
        If the search would take too long.
    """
    found = best_plans(space, question.by, at_least=question.probability, within=question.budget)
    if not found:
        raise _no_plan(question, space, question.by)
    return found[0]


def earliest_plan(question: BestPlanQuestion, space: PlanSpace) -> tuple[dt.date, CandidatePlan]:
    """The plan within the budget that reaches the target with the wanted probability earliest, by the closed form.

    Parameters
    ----------
    question : BestPlanQuestion
    space : PlanSpace

    Returns
    -------
    day : datetime.date
        Before which it does; to the day.
    plan : CandidatePlan
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
    first = min(plan.opens for plan in space.plans.values())

    def reached(day: dt.date) -> bool:
        return bool(
            best_plans(space, day, at_least=question.probability, within=question.budget, any_will_do=True)
        )

    low, high = 0, (space.ends - first).days
    if not reached(space.ends):
        raise _no_plan(question, space, space.ends)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(first + dt.timedelta(days=middle)) else (middle + 1, high)
    day = first + dt.timedelta(days=low)
    return day, best_plans(space, day, at_least=question.probability, within=question.budget)[0]


def _no_plan(question: BestPlanQuestion, space: PlanSpace, by: dt.date) -> NoPlanError:
    """That there is no plan, and what can be reached."""
    told = f"no plan reaches {question.target} families before {say.day(by)} with so high a probability"
    found = wanted(question.probability)
    if question.budget is not None:
        best = best_plans(space, by, within=question.budget, first="probability")
        found += f" within {pounds(question.budget)}"
        if best:
            found += f", which allows {_priced(best[0], space)}"
        else:
            least = best_plans(space, by)[0]
            found += f"; the cheapest plan of all costs {pounds(least.cost)}: {space.words_of(least)}"
    top = best_plans(space, by, first="probability")[0]
    allowed = f"whatever it costs, {_priced(top, space)}"
    return NoPlanError(told, found=found, allowed=allowed, below="probability")


def _priced(plan: CandidatePlan, space: PlanSpace) -> str:
    return f"at most {chance(plan.probability)}, for {pounds(plan.cost)}: {space.words_of(plan)}"


def pounds(amount: float) -> str:
    """An amount in whole pounds."""
    return f"GBP {amount:,.0f}"


def chance(share: float) -> str:
    """A probability that is not rounded to certainty: with a decimal near 0 and 1."""
    return say.percent(share, int(min(share, 1.0 - share) < 0.01))


def wanted(share: float) -> str:
    """A probability that somebody asked for, as it was said."""
    return f"{100 * share:g}%"
