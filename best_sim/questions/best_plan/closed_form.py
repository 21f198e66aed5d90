"""What the closed form says beside the best plan: the contenders, the fronts, and how many boroughs more it takes.

The closed form does not see what children in care bring with them: courts that are full, orders that come first, and
LIFT teams without a place. So the plans that it finds near the line, on both sides of it, are the contenders that are
simulated.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from best_sim.drawing import wording as say
from best_sim.questions.best_plan.search import best_plans, chance, cheapest_plan, earliest_plan, wanted
from best_sim.questions.best_plan.space import (
    MOST_PLANS,
    ROUNDED,
    CandidatePlan,
    PlanSpace,
    TooManyPlansError,
    heads,
    of_target,
)

if TYPE_CHECKING:
    from best_sim.questions.best_plan.ask import BestPlanQuestion

AROUND = (-0.06, 0.12)
"""Contenders are looked for from so much below to so much above the wanted probability, by the closed form."""
MANY = 10
"""Contenders, before sizes of teams."""


@dataclass(frozen=True)
class ClosedAnswer:
    """What is known before anything is simulated.

    Attributes
    ----------
    space : PlanSpace
    by : datetime.date
        Day by which simulated plans are compared: the question's, or the earliest that the closed form finds.
    best : CandidatePlan
    contenders : tuple of CandidatePlan
        To be simulated, the cheapest first.
    fronts : pandas.DataFrame
        As `pareto` gives them.
    more : BoroughsMore
    """

    space: PlanSpace
    by: dt.date
    best: CandidatePlan
    contenders: tuple[CandidatePlan, ...]
    fronts: pd.DataFrame
    more: BoroughsMore


def closed_answer(question: BestPlanQuestion) -> ClosedAnswer:
    """The best plan by the closed form, and what stands around it.

    Parameters
    ----------
    question : BestPlanQuestion

    Returns
    -------
    ClosedAnswer

    Raises
    ------
    NoPlanError
        If no plan qualifies.
    TooManyPlansError
        If the search would take too long.
    """
    space = PlanSpace.of(question)
    if question.goal == "cheapest":
        by, best = question.by, cheapest_plan(question, space)
    else:
        by, best = earliest_plan(question, space)
    return ClosedAnswer(
        space=space,
        by=by,
        best=best,
        contenders=tuple(contenders(question, space, by)),
        fronts=pareto(question, space),
        more=boroughs_more(question, space),
    )


def contenders(
    question: BestPlanQuestion,
    space: PlanSpace,
    by: dt.date,
    around: tuple[float, float] = AROUND,
    many: int = MANY,
) -> list[CandidatePlan]:
    """Plans that may be the best once they are simulated.

    Parameters
    ----------
    question : BestPlanQuestion
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
    list of CandidatePlan
        The cheapest first, each once, within the budget. Where a share of families has to begin LIFT, each with
        every size of its teams; else with the cheapest.
    """
    if question.goal == "cheapest":
        plans = _around(question, space, by, around, many)
    else:
        plans = best_plans(space, by, within=question.budget, many=many, first="probability")
    found = {plan.choices: plan for plan in plans}
    if question.least_beginning_lift is None:
        out = list(found.values())
    else:
        sizes = [
            dict(zip(space.sizes, (one.name for one in chosen), strict=True))
            for chosen in itertools.product(*space.sizes.values())
        ]
        out = [space.plan(choices, by, size) for choices in found for size in sizes]
    budget = math.inf if question.budget is None else question.budget
    out = [plan for plan in out if plan.cost <= budget]
    return sorted(out, key=lambda plan: (plan.cost, -plan.probability, plan.choices, plan.teams))


def _around(
    question: BestPlanQuestion, space: PlanSpace, by: dt.date, around: tuple[float, float], many: int
) -> list[CandidatePlan]:
    """The front of cost and probability about the wanted probability, thinned."""
    low, high = (question.probability + one for one in around)
    front: list[CandidatePlan] = []
    while found := best_plans(
        space,
        by,
        at_least=max(low, front[-1].probability + 10.0**-ROUNDED) if front else max(low, 0.0),
        within=question.budget,
    ):
        front += found
        if found[0].probability >= high:
            break
    best = next((i for i, plan in enumerate(front) if plan.probability >= question.probability), 0)
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


def pareto(question: BestPlanQuestion, space: PlanSpace) -> pd.DataFrame:
    """Plans that no other plan beats: none is both as cheap and as likely, or as cheap and as early.

    Parameters
    ----------
    question : BestPlanQuestion
    space : PlanSpace

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
    by_probability = _front_of_probability(question, space)
    by_median: list[tuple[CandidatePlan, dt.date]] = []
    day: dt.date = space.ends
    while found := best_plans(space, day, at_least=0.5):
        median = space.date(found[0].choices, 0.5)
        assert median is not None
        if by_median and by_median[-1][0].cost == found[0].cost:
            by_median.pop()  # as cheap, and later
        by_median.append((space.plan(found[0].choices, question.by), median))
        day = median - dt.timedelta(days=1)
    rows = [("probability", plan, space.date(plan.choices, 0.5)) for plan in by_probability]
    rows += [("median", plan, median) for plan, median in by_median]
    return pd.DataFrame(
        [
            {
                "front": front, "plan": plan, "cost": plan.cost, "probability": plan.probability, "median": median,
                "openings": space.words_of(plan),
            }
            for front, plan, median in rows
        ]
    )  # fmt: skip


def _front_of_probability(question: BestPlanQuestion, space: PlanSpace) -> list[CandidatePlan]:
    """Each the cheapest of the plans that are likelier than the one before."""
    if space.openings <= MOST_PLANS:
        every = space.all_plans(question.by).round({"probability": ROUNDED})
        every = every.sort_values(["cost", "probability", "choices"], ascending=[True, False, True])
        before = every["probability"].cummax().shift(fill_value=-1.0)
        return [space.plan(one, question.by) for one in every.loc[every["probability"] > before, "choices"]]
    out: list[CandidatePlan] = []
    found = best_plans(space, question.by)
    while found:
        out.append(found[0])
        found = best_plans(space, question.by, at_least=found[0].probability + 10.0**-ROUNDED)
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
            told.append(f"{_number(n)} {chance(p)}" + (f" ({names})" if n in (1, 2) else ""))
            if p >= self.wanted:
                break
        told[0] = told[0].replace(" ", " gives ", 1)
        return (
            f"{self.target} families before {say.day(self.by)} with {wanted(self.wanted)}, boroughs open from their "
            f"first dates: that takes {takes}; {', '.join(told)}."
        )


def _number(n: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[n] if n < len(words) else str(n)


def boroughs_more(question: BestPlanQuestion, space: PlanSpace) -> BoroughsMore:
    """How many boroughs more, each open from its first date, reach the target by the date; by the closed form.

    Parameters
    ----------
    question : BestPlanQuestion
    space : PlanSpace

    Returns
    -------
    BoroughsMore

    Raises
    ------
    TooManyPlansError
        If there are more than 200,000 sets of candidates.
    """
    count = len(space.candidates)
    if 2**count > MOST_PLANS:
        raise TooManyPlansError(f"{2**count:,} sets of candidates, of which {MOST_PLANS:,} can be looked at")
    always, by_choice = space.counts(question.by)
    best: list[tuple[float, tuple[int, ...]]] = [(-1.0, ())] * (count + 1)
    for chosen, head in heads(always, [rows[:2] for rows in by_choice]):
        n, probability = sum(chosen), of_target(float(head.sum()))
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
    return BoroughsMore(question.target, question.by, question.probability, rows)
