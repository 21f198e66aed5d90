"""What is asked of paired counterfactuals.

A trial sees each family in one service. A simulation can ask what would have become of the same family in the other: a
part of the families is sent to the other arm, all else is run again, and this is done for one part after another until
every family has been seen in both. A part is small (one in twenty), and as many go one way as the other, so teams and
courts stay about as busy as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from best_sim.questions.asking import Replicates, SimulatedQuestion
from best_sim.questions.power.ask import refuse_without_recruitment
from best_sim.scenario.values import Unit

if TYPE_CHECKING:
    from best_sim.engine.model import Engine
    from best_sim.questions.counterfactuals.run import BothServices, CounterfactualsFound
    from best_sim.replications import Keep


class CounterfactualsQuestion(SimulatedQuestion):
    """What would have become of each simulated child in the other service."""

    kind: ClassVar[str] = "counterfactuals"
    options: ClassVar[tuple[str, ...]] = ("parts",)
    least: ClassVar[int] = 1

    replicates: Replicates = 5
    """Simulated trials; each is simulated once more for every part."""
    parts: Annotated[int, Unit("parts", 2, 1000)] = 20
    """Into which the families are divided; more are slower, and disturb teams and courts less."""

    @property
    def heading(self) -> str:
        """What stands over its results."""
        return self.title or "Paired counterfactuals"

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"{super().replicates_words()}, each {1 + self.parts} times"

    def refuse(self) -> None:
        """Refuse a scenario in which nobody is recruited.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        refuse_without_recruitment(self.world, self.scenario)

    def work(self, engine: Engine) -> BothServices:
        """One trial, with every family of it in both services."""
        from best_sim.questions.counterfactuals.run import BothServices

        return BothServices.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> CounterfactualsFound:
        """What the first `done` replicates say."""
        from best_sim.questions.counterfactuals.run import counterfactuals_found

        return counterfactuals_found(self, keep, done)
