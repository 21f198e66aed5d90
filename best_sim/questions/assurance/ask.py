"""What is asked of assurance: the power of one design, averaged over what is believed of the parameters.

Power holds at one value of each parameter, none of which is known. Assurance (O'Hagan, Stevens and Campbell,
Pharmaceutical Statistics 2005;4:187) draws them anew for each simulated trial, from what is believed of them: the
``[[prior]]`` tables of the power experiment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from best_sim.drawing.wording import capital
from best_sim.questions.asking import QuestionError, Scorings
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.priors import Prior, check_against
from best_sim.questions.trial_question import TrialQuestion
from best_sim.scenario.problems import Problem

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.assurance.run import AssuranceFound, DrawnTrial
    from best_sim.replications import Keep


class AssuranceQuestion(TrialQuestion):
    """How often a trial would find an effect, averaged over what is believed of the parameters.

    Attributes
    ----------
    priors : tuple of Prior
        Those of the power experiment.
    """

    kind: ClassVar[str] = "assurance"
    options: ClassVar[tuple[str, ...]] = ("design", "scorings")
    about: ClassVar[str] = "Assurance"
    figure: ClassVar[str] = "assurance"

    scorings: Scorings = 5
    """How often each simulated trial is scored and analysed, each time with other random numbers for the scores."""

    @property
    def priors(self) -> tuple[Prior, ...]:
        """What is believed of parameters."""
        return self.trial.priors

    @property
    def draws_effect(self) -> bool:
        """Whether what is believed is of the effect itself, so that the design's own effect does not count."""
        effect = self.trial.effect
        return effect is not None and any(prior.key == effect.parameter for prior in self.priors)

    @property
    def share_found(self) -> str:
        """What the share of trials that find a difference is called."""
        return "power" if self.draws_effect else super().share_found

    @property
    def averaged(self) -> str:
        """What its average over what is believed is called."""
        return "type I error, averaged" if self.share_found == "type I error" else "assurance"

    @property
    def design_words(self) -> str:
        """The design, and whether its own effect counts."""
        return f"design: {self.design}{', with its effect drawn' if self.draws_effect else ''}"

    @property
    def about_design(self) -> str:
        """The same as a sentence."""
        return f"{capital(self.design_words)}."

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"{super().replicates_words()} with parameters drawn, and as many with each at its median"

    def first_design(self, asked: PowerQuestion) -> str:
        """Where no design has an effect, the first one: an effect may be drawn."""
        return (
            super().first_design(asked)
            if any(map(asked.has_effect, asked.designs))
            else asked.designs[0].name
        )

    def refuse(self) -> None:
        """Refuse where nothing is believed, or of what the scenario does not have or allow.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        if not self.priors:
            raise QuestionError(
                [
                    Problem(
                        file=self.trial.file, key="prior", message="nothing is believed of any parameter",
                        found="no [[prior]] table",
                        allowed="[[prior]] tables, each with a key, a distribution and its numbers",
                    )
                ]
            )  # fmt: skip
        check_against(self.world, self.trial.file, self.priors)

    def work(self, engine: Engine) -> DrawnTrial:
        """One simulated trial with parameters of its own, and one with each at its median."""
        from best_sim.questions.assurance.run import DrawnTrial

        return DrawnTrial.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> AssuranceFound:
        """What the first `done` replicates say."""
        from best_sim.questions.assurance.run import assurance_found

        return assurance_found(self, keep, done)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """The summary so far."""
        from best_sim.questions.assurance.run import assurance_found

        return assurance_found(self, keep, done).summary
