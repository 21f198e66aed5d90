"""What is asked of returns from which the model's parameters are estimated."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from best_sim.questions.asking import QuestionError, Several, SimulatedQuestion
from best_sim.questions.returns import ReturnsQuestion
from best_sim.scenario.problems import Problem, nearest_name

if TYPE_CHECKING:
    from best_sim.engine.model import Engine
    from best_sim.questions.local_rates.backcast import BackCastReplicate
    from best_sim.questions.local_rates.rates import LocalRates
    from best_sim.questions.local_rates.run import LocalRatesFound
    from best_sim.questions.running import Running
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario

_AS_THEY_WERE = {"title", "question", "replicates", "seed"}
"""Fields that change nothing of what is estimated."""


class LocalRatesQuestion(ReturnsQuestion, SimulatedQuestion):
    """Which values of the model's parameters a local authority's own returns give, and how well they forecast."""

    kind: ClassVar[str] = "local-rates"
    options: ClassVar[tuple[str, ...]] = ("borough", "backcast", "frailty", "smallest")

    title: str = "Placement parameters from a local authority's returns"
    question: str = "What do these returns say of the model's parameters, and how sure is it?"
    scenario: str = "england"
    """Whose site, court and team the authority has; nothing else of it counts."""
    borough: str = "central_london"
    """The scenario's borough, or area, in which the authority is: returns say nothing of courts."""
    backcast: bool = False
    """Also forecast the last collection year from those before it; this alone simulates."""
    replicates: Several = 50
    """Simulated runs of the back-cast, each with parameters drawn by how well they are known."""
    frailty: Literal["estimated", "base", "none"] = "estimated"
    """Where the spread between children comes from; base is the base file."""

    _estimated: Any = PrivateAttr(default_factory=dict)

    @property
    def simulates(self) -> bool:
        """Only for a back-cast."""
        return self.backcast

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        return f"A back-cast of {super().replicates_words()}"

    def replaced(self, **fields: Any) -> Self:
        """The question with some fields changed; see `Question.replaced`."""
        changed = super().replaced(**fields)
        if not fields.keys() <= _AS_THEY_WERE:
            changed._estimated = {}
        return changed

    @property
    def rates(self) -> LocalRates:
        """What all of the returns give.

        Raises
        ------
        QuestionError
            If hazards can't be fitted.
        """
        return self._rates_until(self.clean.window[1])

    @property
    def last_year(self) -> tuple[dt.date, dt.date]:
        """The year that a back-cast forecasts: from the morning of the one day to that of the other."""
        then = self.clean.window[1]
        return then.replace(year=then.year - 1), then

    @property
    def earlier(self) -> LocalRates:
        """What the years before the last give."""
        return self._rates_until(self.last_year[0])

    def setting_of(self, rates: LocalRates) -> tuple[Scenario, str] | None:
        """Where the authority is; None where too few children came into care for it to be a borough of a scenario."""
        return (self.world, self.borough) if "boroughs.local.entries" in rates.values else None

    def _rates_until(self, until: dt.date) -> LocalRates:
        from best_sim.measures.frailty import HazardFitError
        from best_sim.questions.local_rates.estimate import estimate_rates

        if until not in self._estimated:
            try:
                self._estimated[until] = estimate_rates(
                    self.clean.episodes,
                    self.clean.window[0],
                    until,
                    frailty=self.frailty,
                    least=self.smallest,
                )
            except HazardFitError as error:
                raise self._refused("returns", str(error), f"returns until {until}") from error
        rates: LocalRates = self._estimated[until]
        return rates

    def refuse(self) -> None:
        """Refuse returns of which nothing can be estimated, or forecast, and an area where the authority can't be.

        Raises
        ------
        ProblemsError
        """
        from best_sim.questions.local_rates.rates import told_by_setting

        boroughs = self.world.boroughs
        if self.borough not in boroughs:
            raise self._refused(
                "borough", "no borough of the scenario has this name", self.borough, ", ".join(boroughs),
                nearest_name(self.borough, boroughs),
            )  # fmt: skip
        tops = told_by_setting(self.world, self.borough)
        for override in self.overrides:
            key = tuple(override.partition("=")[0].strip().split("."))
            if not any(key[: len(top)] == top for top in tops):
                raise self._refused(
                    "set", "this would change nothing: the scenario says only where the authority is",
                    ".".join(key), "below " + ", ".join(".".join(top) for top in tops),
                )  # fmt: skip
        super().refuse()
        first, until = self.clean.window[0], self.last_year[0]
        if self.backcast and not first < until:
            raise self._refused(
                "backcast", "there are no years before the last", "1 collection year", "2 or more"
            )
        if self.backcast and "boroughs.local.entries" not in self.earlier.values:
            raise self._refused(
                "backcast", "too few children came into care in the years before the last",
                f"fewer than {self.smallest}", f"{self.smallest} or more",
            )  # fmt: skip
        for rates in (self.rates, self.earlier) if self.backcast else (self.rates,):
            try:
                rates.as_toml(setting=self.setting_of(rates))
            except ValueError as error:
                raise self._refused("borough", str(error)) from error

    def _refused(
        self, key: str, message: str, found: str = "", allowed: str = "", nearest: str | None = None
    ) -> QuestionError:
        return QuestionError(
            [Problem(file=self.file, key=key, message=message, found=found, allowed=allowed, nearest=nearest)]
        )

    def work(self, engine: Engine) -> BackCastReplicate:
        """The last year's months of one simulated run."""
        from best_sim.questions.local_rates.backcast import BackCastReplicate

        return BackCastReplicate.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> LocalRatesFound:
        """What the returns, and the first `done` replicates, say."""
        from best_sim.questions.local_rates.backcast import backcast_of
        from best_sim.questions.local_rates.run import LocalRatesFound

        return LocalRatesFound.of(self, backcast_of(self, keep, done))

    def run(self, running: Running) -> LocalRatesFound:
        """Estimate, and simulate what is missing of a back-cast."""
        from best_sim.questions.local_rates.run import LocalRatesFound

        if not self.backcast:
            return LocalRatesFound.of(self, None)
        found = super().run(running)
        assert isinstance(found, LocalRatesFound)
        return found
