"""What is asked of a simulation: what happens to every child, in one replicate or in several."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, ClassVar

from best_sim.questions.asking import Replicates, SimulatedQuestion
from best_sim.scenario.values import Unit

if TYPE_CHECKING:
    from best_sim.engine.model import Engine
    from best_sim.questions.running import Running
    from best_sim.questions.simulation.run import SimulationFound, WholeReplicate
    from best_sim.replications import Keep

Number = Annotated[int, Unit("number", 0, 2**62)]
"""Of a replicate."""


class SimulationQuestion(SimulatedQuestion):
    """What happens to every child, as tables of every event, placement, hearing and visit."""

    kind: ClassVar[str] = "simulation"
    options: ClassVar[tuple[str, ...]] = ("first_replicate",)
    explained: ClassVar[str] = (
        "Each worker holds one replicate in memory, of england about 1 GB; --workers says how many there are."
    )
    least: ClassVar[int] = 1
    chunk: ClassVar[int | None] = 1

    replicates: Replicates = 1
    """How many replicates are simulated and written."""
    first_replicate: Number = 0
    """Number of the first replicate; the same number and seed, the same children."""

    @property
    def heading(self) -> str:
        """What stands over its results."""
        return self.title or "What happens to every child"

    def replicates_words(self) -> str:
        """What will be simulated, in words; with its number, where that is not 0."""
        first, n = self.first_replicate, self.replicates
        if first == 0:
            return super().replicates_words()
        return f"Replicate {first}" if n == 1 else f"Replicates {first} to {first + n - 1}"

    def work(self, engine: Engine) -> WholeReplicate:
        """One replicate, with all of its tables."""
        from best_sim.questions.simulation.run import WholeReplicate

        return WholeReplicate.of(self, engine)

    def run(self, running: Running) -> SimulationFound:
        """Run the replicates that are missing; of a single one, the simulated month is told while it runs."""
        if self.replicates == 1 and isinstance(running.executor, ThreadPoolExecutor | None):
            running.all_of(self.work(running.engine).telling(lambda words: running.tell(0, 1, words)), 1)
        return super().run(running)  # type: ignore[return-value]

    def found(self, keep: Keep, done: int, engine: Engine) -> SimulationFound:
        """What the first `done` replicates say."""
        from best_sim.questions.simulation.run import simulation_found

        return simulation_found(self, keep, done)
