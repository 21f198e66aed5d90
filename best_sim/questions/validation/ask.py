"""What is asked of a validation: how near the model comes to the published figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from best_sim.questions.asking import Seed, Several, SimulatedQuestion

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.validation.replicate import ReplicateOfFigures
    from best_sim.questions.validation.run import ValidationFound
    from best_sim.replications import Keep


class ValidationQuestion(SimulatedQuestion):
    """How near the model comes to the published figures."""

    kind: ClassVar[str] = "validation"
    figure: ClassVar[str] = "families"

    title: str = "Published figures and the model"
    """What it is called."""
    replicates: Several = 100
    """How often the scenario is simulated."""
    seed: Seed = 2025
    """Random seed. The same seed gives the same children and the same events."""

    def work(self, engine: Engine) -> ReplicateOfFigures:
        """The figures of one replicate."""
        from best_sim.questions.validation.replicate import ReplicateOfFigures

        return ReplicateOfFigures.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> ValidationFound:
        """What the first `done` replicates say."""
        from best_sim.questions.validation.run import validation_found

        return validation_found(self, keep, done)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """Errors of the figures, by their keys."""
        return self.found(keep, done, "compiled").table.rename(columns={"key": "quantity"})
