"""What is asked of one child: which one, of which replicate, and whether in either service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from best_sim.pathway.choices import CHOICES
from best_sim.questions.asking import QuestionError, Replicates, SimulatedQuestion
from best_sim.questions.simulation.ask import Number
from best_sim.scenario.problems import Problem, nearest_name
from best_sim.scenario.values import Wrong

if TYPE_CHECKING:
    from best_sim.questions.running import Running
    from best_sim.questions.trace.run import TraceFound


class TraceQuestion(SimulatedQuestion):
    """What happens to one simulated child."""

    kind: ClassVar[str] = "trace"
    options: ClassVar[tuple[str, ...]] = ("both_services", "replicate")
    arguments: ClassVar[tuple[str, ...]] = ("child",)
    explained: ClassVar[str] = (
        "The child is a number of the table of children, or one of these:\n\n"
        + "\n".join(f"{which}: {said}" for which, said in CHOICES.items())
    )
    least: ClassVar[int] = 1
    repeated: ClassVar[bool] = False

    scenario: str = "london-2017"
    """A scenario's name or file."""
    replicates: Replicates = 1
    """One: a child is of one replicate."""
    child: str = "first LIFT"
    """A child's number, or one of the descriptions above."""
    replicate: Number = 0
    """Which replicate the child is of."""
    both_services: bool = False
    """Tell of the same child twice: allocated to LIFT, and to services as usual."""

    @property
    def heading(self) -> str:
        """What stands over its results."""
        return self.title or "One simulated child"

    @property
    def number(self) -> int | None:
        """The child's number, where one is given."""
        return int(self.child) if self.child.removeprefix("-").isdecimal() else None

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"Replicate {self.replicate}"

    def check(self) -> Iterator[Wrong]:
        """A description that nobody has."""
        if self.number is None and self.child not in CHOICES:
            yield Wrong(
                "child", "there is no description like that", found=self.child,
                allowed=f"a child's number, or {', '.join(CHOICES)}", nearest=nearest_name(self.child, CHOICES),
            )  # fmt: skip

    def refuse(self) -> None:
        """Refuse several replicates.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        if self.replicates != 1:
            raise QuestionError(
                [
                    Problem(
                        file=self.file, key="replicates", message="a child is of one replicate", allowed="1",
                        found=str(self.replicates),
                    )
                ]
            )  # fmt: skip

    def run(self, running: Running) -> TraceFound:
        """Simulate the replicate, in either service if asked, and tell of the child.

        Raises
        ------
        UnknownChildError
            If this replicate has no such child.
        """
        from best_sim.questions.trace.run import trace

        return trace(self, running)
