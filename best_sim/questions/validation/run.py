"""What comes out of a validation: published and simulated figures beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.validation.ask import ValidationQuestion
from best_sim.questions.validation.published import FIGURES
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
        One row for each replicate: replicate, and every figure by its key; NaN where it has nobody to count.
    table : pandas.DataFrame
        One row for each figure: figure, published, unit, simulated (mean over replicates), mcse (its Monte Carlo
        standard error), low and high (5th and 95th centile of replicates), role (set or check), near (yes, no, or empty
        where no replicate has anybody to count), source, note (why it is not near, where that is known), key.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    """

    question: ValidationQuestion
    rows: pd.DataFrame
    table: pd.DataFrame
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
        return self.table[self.table["role"] == role]

    def words(self) -> list[str]:
        """How many of the figures that set nothing come near, and which do not; then of those that set something."""
        from best_sim.questions.validation.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The figures, and a row for each replicate."""
        return {"validation": self.table, "replicates.parquet": self.rows}

    def figures(self) -> Mapping[str, Figure]:
        """Published beside simulated, in standard errors."""
        from best_sim.questions.validation.figures import validation_figure

        return {"validation": validation_figure(self)}

    def shown(self) -> list[Shown]:
        """The checks, then the figures that set a parameter."""
        from best_sim.questions.validation.show import table_shown

        return [table_shown(self, role) for role in ("check", "set")]

    def answer(self) -> Mapping[str, Any]:
        """How many figures of each role there are, and how many come near."""
        return {
            role: {"figures": len(self.of(role)), "near": int((self.of(role)["near"] == "yes").sum())}
            for role in ("check", "set")
        }

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.validation.show import NOTES

        return list(NOTES)

    def chapters(self) -> list[Chapter]:
        """The answer with its picture, the checks, and the figures that set a parameter."""
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
    out = []
    for figure in FIGURES:
        values = rows[figure.key].dropna()
        mean = float(values.mean()) if len(values) else np.nan
        mcse = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else np.nan
        is_near = bool(abs(mean - figure.value) <= figure.near * abs(figure.value))
        out.append(
            {
                "figure": figure.text,
                "published": figure.value,
                "unit": figure.unit,
                "simulated": mean,
                "mcse": mcse,
                "low": float(values.quantile(0.05)) if len(values) else np.nan,
                "high": float(values.quantile(0.95)) if len(values) else np.nan,
                "role": figure.role,
                "near": ("yes" if is_near else "no") if len(values) else "",
                "source": figure.source,
                "note": "" if is_near or not len(values) else figure.why_not,
                "key": figure.key,
            }
        )
    return ValidationFound(question.replaced(replicates=done), rows, pd.DataFrame(out))
