"""What is asked of a sample size: the power, the parameter along which it is searched, and how near it has to be."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from best_sim.questions.asking import Power, QuestionError, Scorings
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.trial_question import TrialQuestion
from best_sim.scenario import Scenario, ScenarioError, ScenarioWarning
from best_sim.scenario.problems import Problem
from best_sim.scenario.values import Unit, Wrong

if TYPE_CHECKING:
    from best_sim.questions.running import Running
    from best_sim.questions.sample_size.run import SampleSizeFound

FAMILIES = "trial.target_families"

Size = Annotated[float, Unit("size", 0)]


class SampleSizeQuestion(TrialQuestion):
    """At which size a design has a wanted power; at each value of a second parameter, where one is named.

    Attributes
    ----------
    steps : tuple of (float or None, PowerQuestion)
        The trial at each value of the second parameter; one, with None, where there is none.
    """

    kind: ClassVar[str] = "sample-size"
    options: ClassVar[tuple[str, ...]] = (
        "design", "power", "within", "along", "smallest", "largest", "against", "values", "scorings",
    )  # fmt: skip
    of_experiment: ClassVar[tuple[str, ...]] = ("scenario", "seed")
    about: ClassVar[str] = "Sample size"
    decides: ClassVar[bool] = True

    power: Power = 0.8
    """Power that is wanted."""
    within: Size = 10.0
    """Half width of the 95% interval of the size at which the search ends."""
    along: str = FAMILIES
    """Parameter that is searched."""
    smallest: Size = Field(50.0, alias="least")
    """Smallest size that is tried."""
    largest: Size = Field(2000.0, alias="most")
    """Largest size that is tried."""
    against: str | None = None
    """A second parameter: the size is found at each of its values."""
    values: Annotated[tuple[float, ...], Unit("as the scenario writes it")] = ()
    """Values of the second parameter."""
    scorings: Scorings = 10
    """How often each simulated trial is scored and analysed, each time with other random numbers for the scores."""
    replicates: Annotated[int, Unit("replicates", 500, 100_000_000)] = 50_000
    """Simulated trials after which the search ends in any case, at each value of a second parameter."""

    @property
    def what(self) -> str:
        """What is searched, in words."""
        return "families" if self.along == FAMILIES else self.along

    @property
    def limits(self) -> str:
        """Between which sizes it is searched, in words."""
        return f"between {self.smallest:,g} and {self.largest:,g}"

    @property
    def steps(self) -> tuple[tuple[float | None, PowerQuestion], ...]:
        """The trial at each value of the second parameter."""
        trial = self.trial
        if self.against is None:
            return ((None, trial),)
        return tuple(
            (value, trial.replaced(overrides=(*trial.overrides, f"{self.against}={value:.15g}")))
            for value in self.values
        )

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        at = f" at each of {len(self.values)} values" if len(self.values) > 1 else ""
        return f"At most {self.replicates:,} replicates{at}, each scored {self.scorings} times"

    def check(self) -> Iterator[Wrong]:
        """Limits that are none, a second parameter without values, or values without one."""
        if not self.within > 0:
            yield Wrong("within", "no interval is as narrow", found=self.within, allowed="above 0")
        if not 0 < self.smallest < self.largest:
            yield Wrong(
                "most", "these are no limits between which to search", found=[self.smallest, self.largest],
                allowed="two sizes above 0, least below most",
            )  # fmt: skip
        together = 'a parameter and its values: against = "outcomes.sdq.sd" and values = [7.0, 8.0]'
        if self.against is None and self.values:
            yield Wrong("values", "these are of no parameter", found=list(self.values), allowed=together)
        if self.against is not None and not self.values:
            yield Wrong("against", "it has no values", found=self.against, allowed=together)
        if self.against is not None and self.against == self.along:
            yield Wrong(
                "against", "this is searched already", found=self.against, allowed="another parameter"
            )
        if len(set(self.values)) < len(self.values):
            yield Wrong("values", "a value stands there twice", found=list(self.values), allowed="each once")

    def refuse(self) -> None:
        """Refuse a power, a parameter or limits that the trial can't have.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        alpha = self.trial.alpha
        if not self.power > alpha:
            raise QuestionError(
                [
                    Problem(
                        file=self.file, key="power", message="a trial without an effect has as much",
                        found=f"{self.power:g}", allowed=f"above alpha ({alpha:g}) and below 1",
                    )
                ]
            )  # fmt: skip
        for _, one in self.steps:
            self.value_in(one)
            for size in (self.smallest, self.largest):
                self.scenario_at(one, self.size(size))

    def run(self, running: Running) -> SampleSizeFound:
        """Search until the interval is narrow enough, at each value of the second parameter."""
        from best_sim.questions.sample_size.run import sample_size_found

        return sample_size_found(self, running)

    # --- sizes ------------------------------------------------------------------------------------------------
    @cached_property
    def whole(self) -> bool:
        """Whether the parameter is a whole number."""
        return isinstance(self.value_in(self.trial), int)

    def value_in(self, one: PowerQuestion) -> float:
        """The parameter in the trial as it is.

        Raises
        ------
        ScenarioError
            If it is not one number.
        """
        value = _value_at(one.scenario_of(one.designs[0]), self.along)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ScenarioError(
                [
                    Problem(
                        file=one.scenario, key=self.along, message="this is not a number that can be searched",
                        found=repr(value), allowed="a parameter with one number, as trial.target_families",
                    )
                ]
            )  # fmt: skip
        return value

    def size(self, x: float) -> float:
        """A size that can be simulated: within the limits, and whole where it has to be."""
        x = min(max(x, self.smallest), self.largest)
        return float(round(x)) if self.whole else float(f"{x:.4g}")

    def at(self, one: PowerQuestion, size: float) -> PowerQuestion:
        """A trial at one size."""
        said = f"{int(size)}" if self.whole else f"{size:g}"
        return one.replaced(overrides=(*one.overrides, f"{self.along}={said}"))

    def scenario_at(self, one: PowerQuestion, size: float) -> Scenario:
        """The scenario of a trial at one size.

        Whether a size is plausible is told of the one that is found, and not of each that is tried.
        """
        at = self.at(one, size)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ScenarioWarning)
            return at.scenario_of(at.designs[0])


def _value_at(scenario: Any, key: str) -> Any:
    """What a dotted key leads to; None where it leads nowhere."""
    for part in key.split("."):
        scenario = scenario.get(part) if isinstance(scenario, Mapping) else getattr(scenario, part, None)
    return scenario
