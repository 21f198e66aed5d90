"""What is asked of placement stability."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from best_sim.questions.asking import Alpha, Power, QuestionError, Several, SimulatedQuestion
from best_sim.questions.stability.measured import CURVE_MONTHS
from best_sim.scenario.problems import Problem
from best_sim.scenario.values import Unit, Wrong

if TYPE_CHECKING:
    from best_sim.engine.model import Engine
    from best_sim.questions.stability.replicate import StabilityReplicate
    from best_sim.questions.stability.run import StabilityFound
    from best_sim.replications import Keep

Group = Literal["arm", "site", "borough", "court", "age", "period"]


class StabilityQuestion(SimulatedQuestion):
    """Placement stability by group, and the effect that one trial would see.

    Notes
    -----
    Before and after a day are not randomised: whatever else changed with the calendar is in their difference. One thing
    is made by the simulation: it begins with children who have been in care for as long as the warm-up at most, and
    those who stay for years, and move least, gather until its end. So rates of moves before and after are of the first
    months of care only, as many as the warm-up has, in which the children are alike. What is counted on a 31 March, and
    the lengths of ended placements, have no such remedy.

    Comparisons are unadjusted. Moves, planned ones among them, and unplanned moves: negative binomial, a rate ratio.
    Three or more placements in the first year of care, and the same carer for two years on the first 31 March on which
    a child had been in care for two and a half: differences of shares. Permanence: cause-specific hazards of any kind
    (Cox), and Aalen-Johansen incidences of each at the horizon. Variances are summed by family throughout.

    The children needed are from closed forms at the mean effect over replicates: Zhu and Lakkis (2014) for rates, the
    Wald test for shares, Schoenfeld (1981) for hazards. The design effect in them is the mean variance of the analyses
    (by family) over that of the closed form with independent children: it has siblings, children who are watched for
    unequal times, and censoring. It is taken to be the same at other sizes. The Monte Carlo interval of that number has
    it fall with the square of the effect.

    By arm, the trial's own first year begins at entry to care, and the official year to a 31 March (of children who
    were randomised by then) on 1 April: a part of either may lie before randomisation, alike in both arms.
    """

    kind: ClassVar[str] = "stability"
    options: ClassVar[tuple[str, ...]] = ("by", "split", "months", "horizon", "power", "alpha")

    title: str = "Placement stability"
    question: str = (
        "How often do children move and how long do placements last, by group; and what would show it?"
    )
    scenario: str = "london-2017"
    replicates: Several = 200
    """How many realisations are simulated."""
    by: tuple[Group, ...] = ("arm",)
    """Groups. With the arm only children of eligible randomised families count, from their randomisation on; without it
    all children in care, from the start date on."""
    split: dt.date | None = None
    """With the group period: the first day of the period after, of an expansion, say."""
    months: Annotated[float, Unit("months", 0, 1200)] | None = None
    """Count moves, and time in care, only in so many months from a child's entry to care. By period it is by default as
    long as the warm-up; else all time counts."""
    horizon: Annotated[int, Unit("months", 1, CURVE_MONTHS[-1])] = 12
    """Months at which shares with permanence are compared: from randomisation by arm, from entry to care by period."""
    power: Power = 0.8
    """For the number of children that it takes."""
    alpha: Alpha = 0.05
    """Two-sided level."""

    @property
    def contrast(self) -> Literal["arm", "period", ""]:
        """What is compared: LIFT with SAU, after with before, or nothing."""
        return "arm" if "arm" in self.by else "period" if "period" in self.by else ""

    @property
    def counted_months(self) -> float | None:
        """Months from entry to care in which moves are counted; None for all time."""
        from best_sim.scenario.durations import MONTH

        simulation = self.world.simulation
        if self.months is None and "period" in self.by and simulation.starts_with == "running":
            return simulation.warm_up / MONTH
        return self.months

    def check(self) -> Iterator[Wrong]:
        """A day without a period, a period without a day, no time, no power."""
        if "period" in self.by and self.split is None:
            yield Wrong("split", "before and after what day?", found="none", allowed="a date within the run")
        if "period" not in self.by and self.split is not None:
            yield Wrong(
                "split",
                "a day, but nothing is parted by it",
                found=self.split,
                allowed='with by = ["period"]',
            )
        if self.months == 0.0:
            yield Wrong("months", "no time", found=0.0, allowed="above 0")
        if not self.alpha < self.power:
            yield Wrong("power", "no power", found=self.power, allowed=f"above {self.alpha:g} and below 1")

    def refuse(self) -> None:
        """Refuse a day that is not within the run."""
        first, last = self.world.simulation.start_date, self.world.simulation.end_date
        if self.split is not None and not first < self.split < last:
            raise QuestionError(
                [
                    Problem(
                        file=self.file, key="split", message="not within the run", found=str(self.split),
                        allowed=f"a date between {first} and {last}",
                    )
                ]
            )  # fmt: skip

    def work(self, engine: Engine) -> StabilityReplicate:
        """What one realisation shows."""
        from best_sim.questions.stability.replicate import StabilityReplicate

        return StabilityReplicate.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> StabilityFound:
        """What the first `done` replicates say."""
        from best_sim.questions.stability.run import stability_found

        return stability_found(self, keep, done, engine)
