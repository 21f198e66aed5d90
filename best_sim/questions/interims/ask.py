"""What is asked of interim analyses: when they are made, how alpha is spent, and what is done then."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from best_sim.questions.asking import Power, QuestionError
from best_sim.questions.trial_question import TrialQuestion
from best_sim.scenario.problems import Problem
from best_sim.scenario.values import Probability, Unit, Wrong
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES
from best_sim.trial.sequential import (
    Boundaries,
    ConditionalPowerBound,
    HwangShihDeCani,
    OBrienFlemingType,
    PocockType,
    PowerFamily,
    Spending,
    boundaries,
    recalculate,
)

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.questions.interims.replicate import Interim
    from best_sim.questions.interims.run import InterimsFound
    from best_sim.replications import Keep

_GAMMA, _RHO = -4.0, 3.0
"""Usual parameters of the spending functions that have one; both spend late."""
_APART = 0.01

Share = Annotated[float, Unit("share", 0, 1)]


class InterimsQuestion(TrialQuestion):
    """When interim analyses come, what they show, and what stopping or re-estimating does."""

    kind: ClassVar[str] = "interims"
    options: ClassVar[tuple[str, ...]] = (
        "design", "looks", "held", "spending", "gamma", "rho", "futility", "power", "reestimate", "most", "effects",
    )  # fmt: skip
    about: ClassVar[str] = "Interim analyses"
    figure: ClassVar[str] = "power"

    looks: Annotated[tuple[float, ...], Unit("share", 0, 1)] = (0.5, 0.75)
    """Interim analyses: shares of the target's last visits; the last analysis, of all of them, is added."""
    held: Annotated[tuple[float, ...], Unit("share", 0, 1)] | None = None
    """Where analyses are held at other shares than planned: these. The bounds are recalculated for them."""
    spending: Literal["obrien-fleming", "pocock", "hwang-shih-decani", "kim-demets"] = "obrien-fleming"
    """How alpha is spent."""
    gamma: Annotated[float, Unit("number", -20, 20)] | None = None
    """Of hwang-shih-decani: the lower, the later alpha is spent; -4 by default, and 1 is close to pocock."""
    rho: Annotated[float, Unit("number", 0.1, 20)] | None = None
    """Of kim-demets, whose share of alpha is the share of information to this power; 3 by default, 1 spends evenly."""
    futility: Probability = 0.1
    """Conditional power under the planned effect below which to stop, not binding; 0 for never."""
    power: Power = 0.8
    """Power that one analysis at the end is planned to have: it sets the planned effect."""
    reestimate: Share | None = None
    """Share of last visits at which the families are re-estimated, blind to the arms."""
    most: Annotated[int, Unit("families", 1)] | None = None
    """Most families that a re-estimate may ask for; by default half as many again as planned."""
    effects: Annotated[tuple[float, ...], Unit("planned effects", 0, 10)] = (0.0, 0.5, 1.0, 1.5)
    """Effects of which theory tells where trials stop, as multiples of the planned one."""

    @property
    def function(self) -> Spending:
        """How alpha is spent."""
        if self.spending == "hwang-shih-decani":
            return HwangShihDeCani(_GAMMA if self.gamma is None else self.gamma)
        if self.spending == "kim-demets":
            return PowerFamily(_RHO if self.rho is None else self.rho)
        return PocockType() if self.spending == "pocock" else OBrienFlemingType()

    @cached_property
    def bounds(self) -> Boundaries:
        """The bounds of every analysis, the last included; for the shares at which they are held."""
        rule = ConditionalPowerBound(self.futility, "design", self.power) if self.futility > 0 else None
        planned = boundaries([*self.looks, 1.0], self.trial.alpha, self.function, futility=rule)
        return planned if self.held is None else recalculate(planned, self.held)

    @property
    def target(self) -> int:
        """Families planned."""
        return int(self.world.trial.target_families)

    def replicates_words(self) -> str:
        """What will be simulated, in words."""
        n = self.bounds.looks - 1
        return f"{super().replicates_words()}, with {n} interim analys{'e' if n > 1 else 'i'}s"

    def check(self) -> Iterator[Wrong]:
        """Interim analyses that can't be."""
        for key in ("looks", "held"):
            shares = (*(getattr(self, key) or ()), 1.0)
            if any(not 0.0 < share < 1.0 for share in shares[:-1]):
                yield Wrong(
                    key, "an interim analysis comes after a share of the last visits", found=list(shares[:-1]),
                    allowed="above 0 and below 1",
                )  # fmt: skip
            elif any(b - a < _APART for a, b in pairwise(shares)):
                yield Wrong(
                    key, "interim analyses come one after another", found=list(shares[:-1]),
                    allowed=f"increasing shares, at least {_APART:g} apart",
                )  # fmt: skip
        for key, spending in (("gamma", "hwang-shih-decani"), ("rho", "kim-demets")):
            if getattr(self, key) is not None and self.spending != spending:
                yield Wrong(
                    key, f"it belongs to {spending}", found=getattr(self, key),
                    allowed=f"with spending = {spending}",
                )  # fmt: skip
        if self.reestimate is not None and not 0.0 < self.reestimate < 1.0:
            yield Wrong(
                "reestimate", "this is no share of the last visits", found=self.reestimate,
                allowed="above 0 and below 1",
            )  # fmt: skip
        if self.most is not None and self.reestimate is None:
            yield Wrong("most", "nothing is re-estimated", found=self.most, allowed="with reestimate")
        if not 0.0 <= self.futility < 1.0:
            yield Wrong(
                "futility", "this is no probability", found=self.futility, allowed="0 or more, below 1"
            )

    def refuse(self) -> None:
        """Refuse what the trial's outcome, analysis or design can't have.

        Raises
        ------
        ProblemsError
        """
        super().refuse()
        if problems := list(self._problems()):
            raise QuestionError(problems)

    def work(self, engine: Engine) -> Interim:
        """One simulated trial with its interim analyses."""
        from best_sim.questions.interims.replicate import Interim

        return Interim.of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> InterimsFound:
        """What the first `done` replicates say."""
        from best_sim.questions.interims.run import interims_found

        return interims_found(self, keep, done)

    def errors(self, keep: Keep, done: int) -> pd.DataFrame:
        """The summary so far."""
        from best_sim.questions.interims.run import interims_found

        return interims_found(self, keep, done).summary

    def _problems(self) -> Iterator[Problem]:
        trial, primary = self.trial, self.trial.primary

        def wrong(key: str, message: str, found: Any, allowed: str, file: str = "") -> Problem:
            return Problem(
                file=file or self.file, key=key, message=message, found=str(found), allowed=allowed
            )

        if not self.power > trial.alpha:
            yield wrong(
                "power", "a trial without an effect has as much", f"{self.power:g}", "above alpha, below 1"
            )
        if OUTCOMES[primary.outcome].kind != "score":
            scores = ", ".join(name for name, info in OUTCOMES.items() if info.kind == "score")
            yield wrong(
                "outcome", "interim analyses are of scores, which visits bring", primary.outcome, scores, trial.file
            )  # fmt: skip
        if METHODS[primary.method].keeps_unseen:
            yield wrong(
                "method", "it uses children who are not yet seen at the visit", primary.method,
                "one of those seen at the visit", trial.file,
            )  # fmt: skip
        if self.reestimate is None:
            return
        if not trial.has_effect(self.of_trial):
            yield wrong(
                "design", "families are re-estimated for an effect", self.design, "a design with an effect"
            )
        if trial.effect is not None and not trial.effect.of_outcome:
            could = ", ".join(name for name, of in OUTCOMES.items() if of.effect and of.effect.of_outcome)
            yield wrong(
                "outcome", f"its effect is in {trial.effect.unit}, not in its own unit", primary.outcome, could,
                trial.file,
            )  # fmt: skip
        if self.most is not None and self.most < self.target:
            yield wrong("most", "fewer than are planned", self.most, f"{self.target} or more")
