"""What is asked of returns that are read and cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from best_sim.questions.returns import ReturnsQuestion

if TYPE_CHECKING:
    from best_sim.questions.read_903.run import Read903Found
    from best_sim.questions.running import Running


class Read903Question(ReturnsQuestion):
    """What is in a local authority's returns, once they are clean."""

    kind: ClassVar[str] = "read-903"
    options: ClassVar[tuple[str, ...]] = ("smallest",)

    title: str = "A local authority's returns"
    question: str = "What is in these returns, and what had to be changed so that they can be used?"

    def run(self, running: Running) -> Read903Found:
        """Count; nothing is simulated."""
        from best_sim.questions.read_903.run import Read903Found

        return Read903Found.of(self)
