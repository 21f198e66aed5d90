"""The contenders simulated, with trials spent where the choice among them still hangs, and the answer.

All contenders have common random numbers. Each is simulated in a leg of its own, which is named after the plan, so that
a run that is gone on with finds what it simulated before and comes to the same choice.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from best_sim.engine.model import Engine
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.best_plan.ask import BestPlanQuestion
from best_sim.questions.best_plan.closed_form import BoroughsMore
from best_sim.questions.best_plan.selection import Selection, select_first, select_highest
from best_sim.questions.best_plan.space import CandidatePlan, PlanSpace
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.running import Running
from best_sim.questions.target_times import time_of_share
from best_sim.replications import whole_table
from best_sim.trial.closed_forms import exact_bounds, monte_carlo_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH = 50
"""Replicates of one plan at a time."""


# --- what was found -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Contender:
    """A plan that was simulated.

    Attributes
    ----------
    plan : CandidatePlan
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

    plan: CandidatePlan
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
        return time_of_share(np.where(self.counts, self.days, np.inf), p)


@dataclass(frozen=True)
class BestPlanFound(Found):
    """The answer.

    Attributes
    ----------
    question : BestPlanQuestion
    space : PlanSpace
    by : datetime.date
        Day by which simulated plans were compared: the question's, or the earliest that the closed form finds.
    closed : CandidatePlan
        The best by the closed form.
    chosen : CandidatePlan or None
        The best of the contenders by simulation; None if none qualifies.
    contenders : tuple of Contender
        The cheapest first.
    selection : Selection
        What was known when the simulation stopped.
    left_out : int
        Contenders that the replicates were too few for; those furthest from the line.
    fronts : pandas.DataFrame
        Plans that no other plan beats, as `best_sim.questions.best_plan.closed_form.pareto` gives them.
    more : BoroughsMore
    """

    question: BestPlanQuestion
    space: PlanSpace
    by: dt.date
    closed: CandidatePlan
    chosen: CandidatePlan | None
    contenders: tuple[Contender, ...]
    selection: Selection
    left_out: int
    fronts: pd.DataFrame
    more: BoroughsMore

    @property
    def settled(self) -> bool:  # type: ignore[override]
        """Whether a plan was chosen, and the choice is sure."""
        return self.chosen is not None and self.selection.settled

    @property
    def chosen_one(self) -> Contender | None:
        """The contender that was chosen."""
        return next((one for one in self.contenders if one.plan == self.chosen), None)

    def date(self, one: Contender) -> dt.date | None:
        """Day before which a contender succeeds with the wanted probability, by simulation; None if it never does."""
        day = one.day(self.question.probability)
        since = self.question.world.simulation.start_date
        return since + dt.timedelta(days=math.ceil(day)) if math.isfinite(day) else None

    def contender_table(self) -> pd.DataFrame:
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
        day = (self.by - self.question.world.simulation.start_date).days
        rows = []
        for one in self.contenders:
            rows.append(
                {
                    "plan": self.space.words_of(one.plan), "cost": one.plan.cost, "closed": one.plan.probability,
                    "simulated": one.share, "low": one.low, "high": one.high,
                    "mcse": monte_carlo_error(one.share, one.replicates), "replicates": one.replicates,
                    "reached": float((one.days <= day).mean()), "date": self.date(one), "began": one.began,
                    "chosen": one.plan == self.chosen,
                }
            )  # fmt: skip
        return pd.DataFrame(rows)

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """The best plan by the closed form and by simulation, how sure the choice is, and boroughs more."""
        from best_sim.questions.best_plan.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every contender, and the plans that no other plan beats."""
        return {"contenders": self.contender_table(), "fronts": self.fronts.drop(columns="plan")}

    def figures(self) -> Mapping[str, Figure]:
        """Cost against the probability of the target in time, and against the median date."""
        from best_sim.questions.best_plan.figures import best_plan_figure

        return {"best-plan": best_plan_figure(self)}

    def shown(self) -> list[Shown]:
        """The contenders on which most trials were spent, and when each opens what."""
        from best_sim.questions.best_plan.show import contenders_shown, openings_shown

        return [contenders_shown(self), openings_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """The chosen plan, what it costs and how likely it succeeds, and how sure the choice is."""
        one = self.chosen_one
        return {
            "by": self.by.isoformat(),
            "closed_form": {
                "plan": self.space.words_of(self.closed),
                "cost": self.closed.cost,
                "probability": self.closed.probability,
            },
            "chosen": None if one is None else {
                "plan": self.space.words_of(one.plan), "cost": one.plan.cost, "probability": one.share,
                "low": one.low, "high": one.high,
            },
            "simulated_trials": self.selection.spent,
            "probability_of_right_choice": self.selection.probability,
            "plans": self.space.size,
        }  # fmt: skip

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.best_plan.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The answer, the chosen plan, the contenders, and how the plans were searched."""
        from best_sim.questions.best_plan.show import chapters_of

        return chapters_of(self)


# --- simulating ---------------------------------------------------------------------------------------------
def simulated(question: BestPlanQuestion, running: Running) -> BestPlanFound:
    """Simulate the contenders, and choose among them.

    Parameters
    ----------
    question : BestPlanQuestion
    running : Running

    Returns
    -------
    BestPlanFound

    Raises
    ------
    StoppedError
        If it was interrupted.

    Notes
    -----
    For the goal "cheapest" the contenders are taken in order of cost, and the first whose probability of success is as
    wanted is looked for. For the goal "earliest" they are compared by their probability by the day that the closed
    form gives as the earliest: of two plans near it, the one that is likelier to have reached the target by then
    reaches it earlier.
    """
    closed = question.closed
    plans = closed.contenders
    batch = min(BATCH, question.replicates)
    fit = max(1, question.replicates // batch)
    kept = list(plans)
    if len(plans) > fit:
        nearest = sorted(
            plans,
            key=lambda one: (
                one.choices != closed.best.choices,
                abs(one.probability - question.probability),
            ),
        )
        kept = [one for one in plans if one in nearest[:fit]]
    simulator = _Simulator(question, kept, running)
    how: dict[str, Any] = {
        "level": question.level, "indifference": question.indifference, "batch": batch, "most": question.replicates,
    }  # fmt: skip
    if question.goal == "cheapest":
        selection = select_first(simulator, len(kept), question.probability, **how)
    else:
        selection = select_highest(simulator, len(kept), **how)
    return BestPlanFound(
        question=question,
        space=closed.space,
        by=closed.by,
        closed=closed.best,
        chosen=None if selection.chosen is None else kept[selection.chosen],
        contenders=tuple(simulator.contender(i) for i in range(len(kept))),
        selection=selection,
        left_out=len(plans) - len(kept),
        fronts=closed.fronts,
        more=closed.more,
    )


@dataclass(frozen=True)
class PlanReplicate:
    """One replicate of a plan: when the target was reached, and how many of those allocated to LIFT began it."""

    lowered: Lowered
    target: int
    seed: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of one replicate."""
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
    """Simulates contenders, batch by batch, with common random numbers."""

    def __init__(self, question: BestPlanQuestion, plans: list[CandidatePlan], running: Running) -> None:
        self.question, self.plans, self.running = question, plans, running
        space = question.closed.space
        start = question.world.simulation.start_date
        self.day = float((question.closed.by - start).days)
        self.rows: list[pd.DataFrame] = [pd.DataFrame() for _ in plans]
        self.work, self.legs = [], []
        for plan in plans:
            sizes = {
                team: next(one for one in space.sizes[team] if one.name == size) for team, size in plan.teams
            }
            scenario = question.scenario_of(dict(plan.openings), sizes)
            self.work.append(PlanReplicate(lower(scenario), question.target, question.seed, running.engine))
            self.legs.append(_leg_of(plan, space))

    def __call__(self, i: int, first: int, n: int) -> NDArray[np.bool_]:
        others = sum(len(rows) for k, rows in enumerate(self.rows) if k != i)
        keep = self.running.all_of(
            self.work[i], first + n, leg=self.legs[i], total=self.question.replicates, before=others
        )
        self.rows[i] = whole_table(keep, first + n).to_pandas()
        return self._success(i)[first:]

    def _counts(self, i: int) -> NDArray[np.bool_]:
        """Whether as large a share as is asked began LIFT."""
        rows, least = self.rows[i], self.question.least_beginning_lift or 0.0
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


def _leg_of(plan: CandidatePlan, space: PlanSpace) -> str:
    """What a plan's replicates are kept under: its choices, and the numbers of its teams' sizes."""
    sizes = [[one.name for one in space.sizes[team]].index(size) + 1 for team, size in plan.teams]
    return "-".join(["plan", *map(str, plan.choices), *(f"team{size}" for size in sizes)])
