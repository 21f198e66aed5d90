"""Questions about the trial of a power experiment, in one of its designs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from best_sim.questions.asking import Input, SimulatedQuestion, Table, shipped_questions
from best_sim.questions.power.ask import Design, PowerQuestion
from best_sim.scenario import Scenario


class TrialQuestion(SimulatedQuestion):
    """What is asked of the trial of a power experiment, in one of its designs, by its primary analysis.

    Scenario, replicates and random seed are the experiment's where none are given, and so are its overrides, which go
    before those that are given.

    Attributes
    ----------
    of_experiment : tuple of str
        Fields that are the experiment's unless they are given.
    about : str
        What its results are about, for headings; by default its kind.
    """

    of_experiment: ClassVar[tuple[str, ...]] = ("scenario", "replicates", "seed")
    about: ClassVar[str] = ""

    experiment: str = "power"
    """A power experiment's name or file."""
    design: str | None = None
    """Which of the power experiment's designs; where none is named, the first with an effect."""

    @cached_property
    def trial(self) -> PowerQuestion:
        """The experiment with the one design and the primary analysis alone, and nothing published beside it.

        Raises
        ------
        QuestionError
            If the experiment can't be read, or has no such design.
        """
        own = {
            name: getattr(self, name)
            for name in ("replicates", "scorings")
            if name in type(self).model_fields
        }
        asked = PowerQuestion.load(
            self.experiment, scenario=self.scenario, set=list(self.overrides) or None, seed=self.seed, **own
        )
        return asked.with_design(self.design)

    @property
    def of_trial(self) -> Design:
        """The design."""
        return self.trial.designs[0]

    @cached_property
    def world(self) -> Scenario:
        """The scenario in the design, its effect set.

        Raises
        ------
        ProblemsError
        """
        return self.trial.scenario_of(self.of_trial)

    @property
    def share_found(self) -> str:
        """What the share of trials that find a difference is called."""
        if self.trial.effect is None:
            return "share of trials that find a difference"
        return "power" if self.trial.has_effect(self.of_trial) else "type I error"

    @property
    def heading(self) -> str:
        """Its title, or what it is about, with the name of the design."""
        return (
            self.title or f"{self.about or self.kind.replace('-', ' ').capitalize()}, design: {self.design}"
        )

    def beside(self, changes: Mapping[str, Any], before: Table) -> Self:
        """What neither file nor options say is as the experiment has it."""
        missing = [name for name in self.of_experiment if name not in self.model_fields_set]
        if not missing and self.design is not None:
            return self
        asked = PowerQuestion.load(self.experiment)
        known = {name: getattr(asked, name) for name in missing}
        if self.design is None:
            known["design"] = self.first_design(asked)
        return self.replaced(**known)

    def first_design(self, asked: PowerQuestion) -> str:
        """The design that is asked about where none is named: the first that has an effect."""
        return asked.first_with_effect()

    def inputs(self) -> Mapping[str, Input]:
        """The experiment's file, where it is not a shipped one."""
        if self.experiment in shipped_questions() or not Path(self.experiment).is_file():
            return {}
        return {"experiment": Input(self.experiment)}
