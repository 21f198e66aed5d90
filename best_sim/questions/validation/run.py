"""What comes out of a validation: published and simulated figures beside each other, and which of them are met."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.judging import VERDICTS, judged
from best_sim.replications import Keep, whole_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class ValidationFound(Found):
    """Published and simulated figures beside each other.

    Attributes
    ----------
    question : ValidationQuestion
        With as many replicates as were finished, where the run was interrupted.
    rows : pandas.DataFrame
        One row for each replicate: replicate, and for each figure what is divided (``ID:top``) and by what
        (``ID:bottom``); NaN where its scenario was not simulated in it, or it has nobody to count.
    table : pandas.DataFrame
        One row for each figure that can be computed, checks first and in them those that are not met: id, figure,
        group, role (check or set), verdict, published, low and high (NaN where not published), published_error and
        error_from (its standard error, and the rule by which it is known), unit, simulated (pooled over replicates),
        mcse (its Monte Carlo standard error), difference, z (over both errors), counted (children, cases, ... in all),
        replicates, population, period, differs, simulated_in, measure, how_sure, source, link, sets, note.
    context : pandas.DataFrame
        One row for each figure that can't be computed: id, figure, published, low, high, unit, population, period,
        reason, source, link.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: ValidationQuestion
    rows: pd.DataFrame
    table: pd.DataFrame
    context: pd.DataFrame
    interrupted: bool = False

    @property
    def notice(self) -> str:
        """What is said of all of it."""
        return (
            "What is called published was published, in the sources named beside it. Everything else is simulated, "
            "with invented children: it is not a result of the trial, and it neither shows nor suggests that either "
            "service is better."
        )

    def of(self, role: str) -> pd.DataFrame:
        """The rows of the table of one role: ``check`` or ``set``."""
        return self.table[self.table["role"] == role] if len(self.table) else self.table

    def words(self) -> list[str]:
        """How many checks hold and which do not; then the figures that set something."""
        from best_sim.questions.validation.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The figures, those that can't be computed, and a row for each replicate."""
        return {"validation": self.table, "context": self.context, "replicates.parquet": self.rows}

    def figures(self) -> Mapping[str, Figure]:
        """How far each figure lies from the published one, in standard errors."""
        from best_sim.questions.validation.figures import validation_figure

        return {"validation": validation_figure(self)} if len(self.table) else {}

    def shown(self) -> list[Shown]:
        """The checks, then the figures that set a parameter."""
        from best_sim.questions.validation.show import ROLES, table_shown

        return [table_shown(self, role) for role in ROLES if len(self.of(role))]

    def answer(self) -> Mapping[str, Any]:
        """How many figures of each role there are, by verdict."""
        return {
            role: {"figures": len(rows)}
            | {name: int((rows["verdict"] == name).sum()) for name in VERDICTS if len(rows)}
            for role in ("check", "set")
            for rows in [self.of(role)]
        }

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.validation.show import NOTES

        return list(NOTES)

    def chapters(self) -> list[Chapter]:
        """The answer with its picture, the checks, the figures that set something, and those that can't be computed."""
        from best_sim.questions.validation.show import chapters_of

        return chapters_of(self)


def validation_found(question: ValidationQuestion, keep: Keep, done: int) -> ValidationFound:
    """What the finished replicates of a validation say.

    Parameters
    ----------
    question : ValidationQuestion
    keep : Keep
        With its finished replicates.
    done : int
        Replicates that count; later ones are left out.
    """
    rows = whole_table(keep, done).to_pandas()
    columns = (
        "id",
        "figure",
        "published",
        "low",
        "high",
        "unit",
        "population",
        "period",
        "reason",
        "source",
        "link",
    )
    context = pd.DataFrame(
        [
            (one.id, one.what, one.value, one.low, one.high, one.unit, one.population, one.period, one.reason,
             one.source, one.link)
            for one in question.published
            if one.role == "context"
        ],
        columns=pd.Index(columns),
    )  # fmt: skip
    return ValidationFound(question.replaced(replicates=done), rows, judged(question.computed, rows), context)
