"""What is asked of a validation: which published figures the model meets."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from best_sim.questions.asking import Input, QuestionError, Seed, Several, SimulatedQuestion
from best_sim.scenario.problems import Problem, nearest_name
from best_sim.scenario.values import Unit

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.validation.published import PublishedFigure
    from best_sim.questions.validation.replicate import ReplicateOfFigures
    from best_sim.questions.validation.run import ValidationFound
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario

NATIONAL_END = "simulation.end_date=2025-06-30"
"""The last day for which the shipped figures are; what the national scenario holds last, it holds until then."""


class ValidationQuestion(SimulatedQuestion):
    """Which published figures the model meets."""

    kind: ClassVar[str] = "validation"
    figure: ClassVar[str] = "families_randomised"
    options: ClassVar[tuple[str, ...]] = ("figures", "only", "national", "national_every")

    title: str = "Published figures and the model"
    """What it is called."""
    figures: str | None = None
    """A TOML file of published figures; by default those that come with the package."""
    only: tuple[str, ...] = ()
    """Only these: a group (stability, court, ...), a figure's id, or a pattern such as 'weeks_*'; repeatable."""
    national: str = "england"
    """The scenario of figures that are national."""
    national_every: Annotated[int, Unit("replicates", 1, 1_000_000)] = 10
    """The national scenario is simulated in the first two replicates and in each n-th: it holds many more children."""
    replicates: Several = 100
    """How often the scenario is simulated."""
    seed: Seed = 2025
    """Random seed. The same seed gives the same children and the same events."""

    @cached_property
    def published(self) -> tuple[PublishedFigure, ...]:
        """The figures that are asked for, those that can't be computed among them.

        Raises
        ------
        QuestionError
            With everything that is wrong in their file, or a name of which there is no figure.
        """
        from best_sim.questions.validation.published import read_published

        every = read_published(self.figures or "")
        if not self.only:
            return every
        groups = dict.fromkeys(one.group for one in every)
        names = [*groups, *(one.id for one in every)]
        unknown = [one for one in self.only if not fnmatch.filter(names, one)]
        if unknown:
            raise QuestionError(
                [
                    Problem(
                        file="only", message="no group and no figure has this name", found=one,
                        allowed=f"groups: {', '.join(groups)}; or a figure's id", nearest=nearest_name(one, names),
                    )
                    for one in unknown
                ]
            )  # fmt: skip
        wanted = {name for one in self.only for name in fnmatch.filter(names, one)}
        return tuple(one for one in every if one.group in wanted or one.id in wanted)

    @cached_property
    def nation(self) -> Scenario:
        """The national scenario, with those overrides whose key it has.

        Raises
        ------
        ScenarioError
        """
        from best_sim.scenario import Scenario
        from best_sim.scenario.layers import parse_override

        plain = Scenario.load(self.national, (NATIONAL_END,))

        def known(text: str) -> bool:
            key = ".".join(parse_override(text)[0])
            return any(
                f"{one}.".startswith(f"{key}.") or key.startswith(f"{one}.") for one in plain.provenance
            )

        mine = [one for one in self.overrides if known(one)]
        return Scenario.load(self.national, (NATIONAL_END, *mine)) if mine else plain

    @property
    def computed(self) -> tuple[PublishedFigure, ...]:
        """The figures that are to be computed."""
        return tuple(one for one in self.published if one.role != "context")

    @property
    def is_national(self) -> bool:
        """Whether a figure is computed in the national scenario."""
        return any(one.simulated == "national" for one in self.computed)

    def inputs(self) -> Mapping[str, Input]:
        """The file of figures, and the whole of the national scenario."""
        from best_sim.questions.validation.published import published_file

        nation = {"national": Input(self.national, text=self.nation.as_toml())} if self.is_national else {}
        return {"figures": Input(published_file(self.figures or "")), **nation}

    def reading(self, paths: Mapping[str, Path]) -> Self:
        """The question with other files to read; the figures that come with the package need no name."""
        from best_sim.questions.validation.published import published_file

        named = {key: str(path) for key, path in paths.items()}
        if not self.figures and named.get("figures") == str(published_file().resolve()):
            named.pop("figures")
        return self.replaced(**named)

    def refuse(self) -> None:
        """Refuse places that no scenario has, before anything is simulated.

        Raises
        ------
        ProblemsError
        """
        from best_sim.measures.quantities.definition import JURISDICTIONS

        super().refuse()
        places = {
            "scenario": _places(self.world),
            "national": _places(self.nation) if self.is_national else (),
        }
        everywhere = list(dict.fromkeys([*JURISDICTIONS, *places["scenario"], *places["national"]]))
        shipped = (
            () if self.figures else everywhere
        )  # of another scenario the shipped places need not be there
        problems = [
            Problem(
                file=str(self.figures), key=f"{one.id}.where", message="no scenario has such a place", found=place,
                allowed=", ".join(everywhere), nearest=nearest_name(place, everywhere),
            )
            for one in self.computed
            for place in one.where
            if not shipped and place not in everywhere
        ]  # fmt: skip
        if problems:
            raise QuestionError(problems)

    def work(self, engine: Engine) -> ReplicateOfFigures:
        """The figures of one replicate."""
        from best_sim.questions.validation.replicate import ReplicateOfFigures

        return ReplicateOfFigures.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> ValidationFound:
        """What the first `done` replicates say."""
        from best_sim.questions.validation.run import validation_found

        return validation_found(self, keep, done)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """Errors of the figures, by their ids."""
        return self.found(keep, done, "compiled").table.rename(columns={"id": "quantity"})


def _places(scenario: Scenario) -> list[str]:
    return [*scenario.sites, *scenario.boroughs, *scenario.courts]
