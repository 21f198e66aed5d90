"""What is asked of recruitment: when a target is reached, before a trial begins or from what has been seen of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import PrivateAttr

from best_sim.questions.asking import Input, QuestionError, Several, SimulatedQuestion
from best_sim.questions.power.ask import refuse_without_recruitment
from best_sim.scenario.problems import Problem
from best_sim.scenario.values import Unit, Wrong

if TYPE_CHECKING:
    import pandas as pd

    from best_sim.engine.model import Engine
    from best_sim.exchange.observed_recruitment import ObservedRecruitment
    from best_sim.questions.recruitment.basis import Basis
    from best_sim.questions.recruitment.replicate import PlannedTrial, UpdatedTrial
    from best_sim.questions.recruitment.run import RecruitmentFound
    from best_sim.replications import Keep
    from best_sim.scenario import Scenario


class RecruitmentQuestion(SimulatedQuestion):
    """When a target is reached.

    Notes
    -----
    Two forecasts stand beside each other. The closed form (`best_sim.trial.recruitment`) has what Poisson-gamma theory
    has: entries, eligibility, consent, openings and pauses. The simulation has the rest of the pathway too: families
    who become known before a borough opens, siblings, hearings that are late, orders that come first. Their difference
    is what that costs.

    From what has been seen: rates have a gamma prior with the plan's mean and the scenario's variation, updated by
    families found eligible (Poisson); consent has a beta prior at the plan's, updated by families screened at least
    `answered_within` days ago. Boroughs are compared with their plans from the first day in the file on, if they opened
    before.

    The simulation of the rest runs the whole trial from its beginning with rates and consent drawn from what is now
    believed, and takes what comes after the cut-off: so families in proceedings, LIFT's places and the visits due on
    that day are those of trials like the one seen, not of an empty world. It adds to the number seen what it simulates
    from the cut-off on.
    """

    kind: ClassVar[str] = "recruitment"
    options: ClassVar[tuple[str, ...]] = (
        "target", "by", "observed", "cut_off", "rows", "consent_worth", "answered_within", "seen", "due",
    )  # fmt: skip

    title: str = "Recruitment"
    question: str = "When are as many families randomised as the trial wants?"
    replicates: Several = 200
    """How many trials are simulated."""
    target: Annotated[int, Unit("families", 1, 1_000_000)] | None = None
    """Families; the scenario's by default."""
    by: dt.date | None = None
    """A date for which to give the probability."""
    observed: str | None = None
    """What has been seen of the trial so far: a CSV file."""
    cut_off: dt.date | None = None
    """With what has been seen: first day of which nothing is known."""
    rows: Literal["weeks", "families"] | None = None
    """What a row of the file is; guessed if not said."""
    consent_worth: Annotated[float, Unit("families", 0, 100_000)] = 20.0
    """Families that the planned consent is worth, as a prior."""
    answered_within: Annotated[int, Unit("days", 0, 3650)] = 60
    """Days after screening after which a family that has not consented is taken to have declined."""
    seen: Annotated[int, Unit("families", 0, 1_000_000)] = 0
    """Families seen at the last visit so far."""
    due: Annotated[int, Unit("families", 0, 1_000_000)] = 0
    """Families for whom the last visit was due so far."""

    _table: Any = PrivateAttr(None)

    @cached_property
    def at_target(self) -> Scenario:
        """The scenario with the target."""
        if self.target is None:
            return self.world
        return self.world.replace({"trial.target_families": self.target}, by="target")

    @property
    def families(self) -> int:
        """The target."""
        return int(self.target or self.world.trial.target_families)

    @cached_property
    def seen_so_far(self) -> ObservedRecruitment | None:
        """What has been seen of the trial, read and checked; None before it begins.

        Raises
        ------
        ObservedRecruitmentError
            With everything that is wrong in the file, row by row.
        """
        from best_sim.exchange.observed_recruitment import read_observed_recruitment
        from best_sim.trial.recruitment import borough_plans

        if self.observed is None:
            return None
        return read_observed_recruitment(
            self.observed, borough_plans(self.world), cut_off=self.cut_off, rows=self.rows
        )

    @cached_property
    def basis(self) -> Basis:
        """Plans, what was seen of them, and the forecast by theory."""
        from best_sim.questions.recruitment.basis import Basis

        return Basis.of(self, self._table)

    def observing(self, table: pd.DataFrame, cut_off: dt.date) -> Self:
        """The question with what has been seen as a table.

        Parameters
        ----------
        table : pandas.DataFrame
            By week or by family: date (of screening), borough (the scenario's name), screened, eligible, consented,
            randomised (of these families, so far).
        cut_off : datetime.date
            First day of which nothing is known.
        """
        asked = self.replaced(cut_off=cut_off)
        asked._table = table
        return asked

    def inputs(self) -> Mapping[str, Input]:
        """The file of what has been seen."""
        return {} if self.observed is None else {"observed": Input(Path(self.observed))}

    def check(self) -> Iterator[Wrong]:
        """More seen than due, a prior worth nothing, and words about a file that is not given."""
        if self.seen > self.due:
            yield Wrong(
                "seen",
                "more than for whom it was due",
                found=self.seen,
                allowed=f"none to all of those due, {self.due}",
            )
        if not self.consent_worth > 0.0:
            yield Wrong("consent_worth", "a prior worth nothing", found=self.consent_worth, allowed="above 0")
        if self.observed is None and self._table is None:
            for name in ("cut_off", "rows"):
                if getattr(self, name) is not None:
                    yield Wrong(
                        name, "nothing has been seen", found="no file of what has been seen beside it",
                        allowed="with observed, a CSV file",
                    )  # fmt: skip

    def refuse(self) -> None:
        """Refuse a scenario in which nobody recruits, and a file that can't be used."""
        refuse_without_recruitment(self.world, self.scenario)
        _ = self.at_target
        if self.observed is not None and not Path(self.observed).is_file():
            raise QuestionError(
                [
                    Problem(
                        file=self.file, key="observed", message="there is no such file", found=self.observed,
                        allowed="a CSV file",
                    )
                ]
            )  # fmt: skip
        try:
            _ = self.seen_so_far
        except QuestionError:
            raise
        except ValueError as error:
            if hasattr(error, "problems"):
                raise
            raise QuestionError(
                [Problem(file=self.file, key="cut_off", message=str(error), found=str(self.cut_off))]
            ) from error

    def work(self, engine: Engine) -> PlannedTrial | UpdatedTrial:
        """One replicate: the trial as it is planned, or with what is believed now."""
        from best_sim.questions.recruitment.replicate import work_of

        return work_of(self, engine)

    def found(self, keep: Keep, done: int, engine: Engine) -> RecruitmentFound:
        """What the first `done` replicates say."""
        from best_sim.questions.recruitment.run import recruitment_found

        return recruitment_found(self, keep, done)
