"""What is asked of methods of allocation: the same families, recruited under each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from best_sim.questions.asking import Part, Replicates, SimulatedQuestion, names_apart
from best_sim.questions.power.ask import refuse_without_recruitment
from best_sim.scenario.values import Overrides, Wrong

if TYPE_CHECKING:
    from best_sim.engine.model import Engine
    from best_sim.questions.allocations.run import AllocationsFound, EveryMethod
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario

_MOST = 6


class AllocationMethod(Part):
    """One `[[method]]`: a name, and what of the scenario makes it."""

    name: str
    changes: Overrides = Field((), alias="set")


def _usual() -> tuple[AllocationMethod, ...]:
    """Simple allocation, permuted blocks in two strata, and minimisation."""
    made = {
        "simple": ("simple", "none"),
        "blocks by site": ("blocks", "site"),
        "blocks by borough": ("blocks", "borough"),
        "minimisation": ("minimisation", "none"),
    }
    return tuple(
        AllocationMethod(
            name=name,
            changes=(f"trial.allocation.method={method}", f"trial.allocation.strata={strata}"),
        )
        for name, (method, strata) in made.items()
    )


class AllocationsQuestion(SimulatedQuestion):
    """How unequal the arms come out under methods of allocation, and how well the next one can be guessed."""

    kind: ClassVar[str] = "allocations"

    replicates: Replicates = 50
    """Simulated trials of each method, with common random numbers."""
    methods: tuple[AllocationMethod, ...] = Field(default_factory=_usual, alias="method")
    """The methods that are compared."""

    @property
    def heading(self) -> str:
        """What stands over its results."""
        return self.title or "Methods of allocation"

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"{super().replicates_words()} of each of {len(self.methods)} methods"

    def scenario_of(self, method: AllocationMethod) -> Scenario:
        """The scenario with one method of allocation.

        Raises
        ------
        ScenarioError
        """
        from best_sim.scenario import Scenario

        return Scenario.load(self.scenario, (*self.overrides, *method.changes))

    def check(self) -> Iterator[Wrong]:
        """No method, two of a name, overrides that are none."""
        if not self.methods:
            yield Wrong("method", "there is no method", found="nothing", allowed="[[method]] tables")
        if len(self.methods) > _MOST:
            yield Wrong(
                "method",
                "these are too many to be told apart",
                found=len(self.methods),
                allowed=f"{_MOST} or fewer",
            )
        yield from names_apart("method", "methods", [one.name for one in self.methods])

    def refuse(self) -> None:
        """Refuse methods that the scenario can't have, and a scenario in which nobody is recruited.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        for method in self.methods:
            refuse_without_recruitment(self.scenario_of(method), self.scenario)

    def work(self, engine: Engine) -> EveryMethod:
        """One trial under every method."""
        from best_sim.questions.allocations.run import EveryMethod

        return EveryMethod.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> AllocationsFound:
        """What the first `done` replicates say."""
        from best_sim.questions.allocations.run import allocations_found

        return allocations_found(self, keep, done)
