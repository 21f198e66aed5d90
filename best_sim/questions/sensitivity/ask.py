"""What is asked of a one-way sensitivity analysis: what each assumption, moved to its ends, does to the power.

Each parameter of the power experiment's ``[[vary]]`` tables is moved to its low and to its high end while every other
stays as it is, with common random numbers. Where the primary analysis imputes, its assumption about who was not seen is
moved too: imputed outcomes of the LIFT arm are shifted until the conclusion changes (tipping-point analysis; Carpenter,
Roger and Kenward, Journal of Biopharmaceutical Statistics 2013;23:1352).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from best_sim.questions.asking import QuestionError, Scorings
from best_sim.questions.power.ask import PowerQuestion, changes_scores_alone
from best_sim.questions.power.priors import Varied, as_written, check_against
from best_sim.questions.trial_question import TrialQuestion
from best_sim.scenario.problems import Problem
from best_sim.scenario.values import Unit
from best_sim.trial.methods import METHODS

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.sensitivity.replicate import VariedTrial
    from best_sim.questions.sensitivity.run import SensitivityFound
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario

_SHIFTS = (-1.0, -0.5, -0.25, 0.25, 0.5, 1.0)


class SensitivityQuestion(TrialQuestion):
    """What each assumption, moved to its ends one at a time, does to the power.

    Attributes
    ----------
    varied : tuple of Varied
        The power experiment's, those that change scores alone first.
    """

    kind: ClassVar[str] = "sensitivity"
    options: ClassVar[tuple[str, ...]] = ("design", "scorings", "shifts")
    about: ClassVar[str] = "One-way sensitivity analysis"
    figure: ClassVar[str] = "change"

    scorings: Scorings = 10
    """How often each simulated trial is scored and analysed, each time with other random numbers for the scores."""
    shifts: Annotated[tuple[float, ...], Unit("standard deviations", -10, 10)] | None = None
    """Shifts of what the analysis imputes in the LIFT arm, in standard deviations of the outcome."""

    @property
    def varied(self) -> tuple[Varied, ...]:
        """Every parameter that is moved, with its ends; those that change scores alone come first."""
        return tuple(sorted(self.trial.varied, key=lambda one: not changes_scores_alone(one.key)))

    @property
    def imputes(self) -> bool:
        """Whether the primary analysis fills in what is not known."""
        return METHODS[self.trial.primary.method].imputes

    @property
    def tried(self) -> tuple[float, ...]:
        """Shifts of what is imputed, none among them, in order; empty where nothing is imputed."""
        if not self.imputes:
            return ()
        return tuple(sorted({0.0, *(_SHIFTS if self.shifts is None else self.shifts)}))

    def groups(self) -> list[list[Scenario]]:
        """The scenarios of every setting; those of a group differ in scores and prices alone.

        Returns
        -------
        list of list of Scenario
            The first is that of the base, with both ends of every parameter that changes scores alone; then each end
            of the others by itself.
        """
        world = self.world

        def ends(one: Varied) -> list[Scenario]:
            return [
                world.replace({one.key: as_written(world, one.key, end)}, quietly=True)
                for end in (one.low, one.high)
            ]

        with_base = [end for one in self.varied if changes_scores_alone(one.key) for end in ends(one)]
        alone = [[end] for one in self.varied if not changes_scores_alone(one.key) for end in ends(one)]
        return [[world, *with_base], *alone]

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"{super().replicates_words()} of each of {1 + 2 * len(self.varied)} settings"

    def first_design(self, asked: PowerQuestion) -> str:
        """Where no effect can be set on the outcome, the first one."""
        return asked.designs[0].name if asked.effect is None else super().first_design(asked)

    def refuse(self) -> None:
        """Refuse where nothing is varied, or what the scenario does not have or allow, or shifts of nothing.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        if not self.varied:
            raise QuestionError(
                [
                    Problem(
                        file=self.trial.file, key="vary", message="no assumption is varied",
                        found="no [[vary]] table", allowed="[[vary]] tables, each with a key, low and high",
                    )
                ]
            )  # fmt: skip
        check_against(self.world, self.trial.file, self.varied)
        if self.shifts is not None and not self.imputes:
            could = ", ".join(name for name, method in METHODS.items() if method.imputes)
            raise QuestionError(
                [
                    Problem(
                        file=self.trial.file, key="method", message="this analysis imputes nothing to shift",
                        found=f"{self.trial.primary.method}, with shifts {', '.join(f'{s:g}' for s in self.shifts)}",
                        allowed=f"{could}; any other method without shifts",
                    )
                ]
            )  # fmt: skip

    def work(self, engine: Engine) -> VariedTrial:
        """One simulated trial at every setting."""
        from best_sim.questions.sensitivity.replicate import VariedTrial

        return VariedTrial.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> SensitivityFound:
        """What the first `done` replicates say."""
        from best_sim.questions.sensitivity.run import sensitivity_found

        return sensitivity_found(self, keep, done)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """The power and the changes so far."""
        from best_sim.questions.sensitivity.run import sensitivity_found

        return sensitivity_found(self, keep, done).errors
