"""All plans of expansion, and what the closed form says of each.

A plan says which of the candidate boroughs open, on which of their dates, and of which size each LIFT team is. By the
closed form (`best_sim.trial.recruitment`) boroughs recruit independently of each other, each a negative
binomial number, so the probability of the target by a date needs no simulation: distributions cut off at the target are
convolved, which is exact for the probability of fewer.

What a plan costs are the question's figures, and these are assumptions of whoever wrote them.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from best_sim.scenario.problems import NotAllowedError
from best_sim.trial.recruitment import BoroughPlan, GammaRate, expected_randomised

if TYPE_CHECKING:
    from best_sim.questions.best_plan.ask import BestPlanQuestion, Candidate, TeamChoice

Floats = NDArray[np.float64]

MOST_PLANS = 200_000
"""Plans that are all looked at, for a front and its picture."""
ROUNDED = 11
"""Decimals to which probabilities are compared; the last digits depend on the order of sums."""
_DAYS_KEPT = 400
"""Days of which distributions are remembered."""


class TooManyPlansError(NotAllowedError):
    """There are too many plans; it says how many, and what would make them fewer."""

    def __init__(self, found: str) -> None:
        super().__init__(
            "these are too many plans", found=found, allowed="fewer candidates, or dates further apart",
            below="candidate",
        )  # fmt: skip


@dataclass(frozen=True)
class CandidatePlan:
    """Which boroughs open when, with teams of which size.

    Attributes
    ----------
    openings : tuple of (str, datetime.date)
        Candidates that open, in the question's order.
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


@dataclass(frozen=True, eq=False)
class PlanSpace:
    """All plans of a question, and what the closed form says of them.

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
    def of(cls, question: BestPlanQuestion) -> PlanSpace:
        """The plans of a question."""
        world = question.planned
        return cls(
            question.target,
            question.candidates,
            question.recruiting,
            {name: borough.lift_team for name, borough in world.boroughs.items()},
            question.teams,
            question.counted_until,
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
    ) -> CandidatePlan:
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
        CandidatePlan
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
        return CandidatePlan(
            openings,
            tuple((one.team, one.name) for one in teams),
            pence / 100.0,
            of_target(float(always.sum())),
            tuple(int(choice) for choice in choices),
        )

    def words_of(self, plan: CandidatePlan) -> str:
        """What opens when, and the teams' sizes."""
        opened = [f"{self.plans[name].shown} from {day:%b %Y}" for name, day in plan.openings]
        teams = [f"LIFT team {team}: {size}" for team, size in plan.teams]
        return ", ".join([*(opened or ["no borough opens"]), *teams])

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

    def all_plans(self, by: dt.date) -> pd.DataFrame:
        """Every way to open the candidates, each team of its cheapest size.

        Parameters
        ----------
        by : datetime.date

        Returns
        -------
        pandas.DataFrame
            ``choices`` (as `CandidatePlan` has them), ``boroughs`` (opened), ``cost`` and ``probability``.

        Raises
        ------
        TooManyPlansError
            If there are more than 200,000.
        """
        if self.openings > MOST_PLANS:
            raise TooManyPlansError(
                f"{self.openings:,} ways to open the candidates, of which {MOST_PLANS:,} can be looked at"
            )
        always, by_choice = self.counts(by)
        below: list[Floats] = []
        for _, head in heads(always, by_choice[:-1]):
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


def heads(
    always: Floats, by_choice: Sequence[Floats], chosen: tuple[int, ...] = ()
) -> Iterator[tuple[tuple[int, ...], Floats]]:
    """Every choice for some candidates, in order, with the distribution of the number recruited."""
    if not by_choice:
        yield chosen, always
        return
    for choice, row in enumerate(by_choice[0]):
        together = np.convolve(always, row)[: len(always)] if choice else always
        yield from heads(together, by_choice[1:], (*chosen, choice))


def of_target(below: float) -> float:
    """Probability of the target from that of fewer."""
    return round(min(max(1.0 - below, 0.0), 1.0), ROUNDED)
