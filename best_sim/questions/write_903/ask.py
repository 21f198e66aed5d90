"""What is asked of simulated children who are written as returns: of which years, and whose."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from best_sim.questions.asking import QuestionError, Replicates, SimulatedQuestion
from best_sim.scenario.problems import Problem, nearest_name
from best_sim.scenario.values import Unit

if TYPE_CHECKING:
    from best_sim.engine.model import Engine
    from best_sim.questions.write_903.run import SimulatedReturns, Write903Found
    from best_sim.replications import Keep


class Write903Question(SimulatedQuestion):
    """Returns as an authority would make them, of children who were simulated."""

    kind: ClassVar[str] = "write-903"
    options: ClassVar[tuple[str, ...]] = ("years", "boroughs", "number")
    least: ClassVar[int] = 1

    title: str = "Returns of simulated children"
    question: str = "What would an authority's returns look like, were these its children?"
    scenario: str = "london-2017"
    replicates: Replicates = 1
    """Simulated runs; each gives returns of its own."""
    number: Annotated[int, Unit("number", 0, 100_000_000)] = 0
    """Number of the first replicate."""
    years: Annotated[tuple[int, ...], Unit("year", 1900, 2200)] = Field((), alias="year")
    """Collection years, by the year in which they end; all that a run holds whole, unless some are named."""
    boroughs: tuple[str, ...] = Field((), alias="borough")
    """Only these boroughs' children; may be repeated."""

    def refuse(self) -> None:
        """Refuse boroughs that the scenario does not have, and years that it does not hold whole."""
        from best_sim.measures.episodes import years_within
        from best_sim.pathway.lowering import lower

        problems = []
        for name in self.boroughs:
            if name not in self.world.boroughs:
                problems.append(
                    Problem(
                        file=self.file, key="borough", message="no borough of the scenario has this name", found=name,
                        allowed=", ".join(self.world.boroughs), nearest=nearest_name(name, self.world.boroughs),
                    )
                )  # fmt: skip
        lowered = lower(self.world)
        first, last = (
            lowered.start_date + dt.timedelta(days=math.floor(at)) for at in (lowered.start, lowered.end)
        )
        whole = years_within(first, last)
        if not whole or any(year not in whole for year in self.years):
            found = ", ".join(str(year) for year in self.years if year not in whole)
            problems.append(
                Problem(
                    file=self.file, key="year", message="a run does not hold this collection year whole",
                    found=found or "none", allowed=", ".join(map(str, whole)) or "none: the run is too short",
                )
            )  # fmt: skip
        if problems:
            raise QuestionError(problems)

    def work(self, engine: Engine) -> SimulatedReturns:
        """The files of one run."""
        from best_sim.questions.write_903.run import SimulatedReturns

        return SimulatedReturns.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> Write903Found:
        """The returns of the first `done` replicates."""
        from best_sim.questions.write_903.run import Write903Found

        return Write903Found.of(self, keep, done)
