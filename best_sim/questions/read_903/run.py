"""What comes out of returns that are read and cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.read_903.ask import Read903Question
from best_sim.questions.returns import NOTICE, files_shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Read903Found(Found):
    """What was found.

    Attributes
    ----------
    question : Read903Question
    summary : pandas.DataFrame
        Counts by collection year: year, measure, group, children (missing where suppressed).
    edits : pandas.DataFrame
        What was changed: step, reason, effect, rows, children (missing where suppressed).
    """

    question: Read903Question
    summary: pd.DataFrame
    edits: pd.DataFrame
    label: ClassVar[str] = "Report of returns"

    @classmethod
    def of(cls, question: Read903Question) -> Read903Found:
        """For a question."""
        clean, least = question.clean, question.smallest
        return cls(question, clean.summary(least), clean.edited(least))

    # --- as every question's --------------------------------------------------------------------------------
    @property
    def notice(self) -> str:
        """That these are real children."""
        return NOTICE

    def words(self) -> list[str]:
        """What was read, and what was changed."""
        first, *changed = self.question.clean.in_words(self.question.smallest)
        return [first, *(f"- {one}" for one in changed)]

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Counts by year, and what was changed."""
        return {"summary": self.summary, "edits": self.edits}

    def figures(self) -> Mapping[str, Figure]:
        """Entries, exits and children in care by year."""
        from best_sim.questions.read_903.figures import returns_figure

        return {"returns": returns_figure(self)}

    def shown(self) -> list[Shown]:
        """Children in care, entries and exits by year, and the files."""
        from best_sim.questions.read_903.show import summary_shown

        return [summary_shown(self), files_shown(self.question.clean)]

    def answer(self) -> Mapping[str, Any]:
        """Collection years, and children in care at the end of each, where they are not too few."""
        there = self.summary[self.summary["measure"] == "in care on 31 March"].dropna()
        return {
            "years": list(self.question.clean.years),
            "in care on 31 March": {
                str(year): int(n) for year, n in zip(there["year"], there["children"], strict=True)
            },
        }

    def notes(self) -> list[str]:
        """What the counts rest on."""
        from best_sim.questions.read_903.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """What is in the returns, and what was changed."""
        from best_sim.questions.read_903.show import chapters_of

        return chapters_of(self)
