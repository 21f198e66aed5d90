"""What comes out of simulated children who are written as returns: the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.engine.model import Engine
from best_sim.exchange.write_903 import as_csv, files_of
from best_sim.pathway import simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.write_903.ask import Write903Question
from best_sim.replications import Keep, tables, whole_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COUNTS = ["replicate", "year", "table", "rows", "children"]


@dataclass(frozen=True)
class SimulatedReturns:
    """The returns of one run: a row for each file.

    Parameters
    ----------
    lowered : Lowered
    years : tuple of int
        Empty: all that the run holds whole.
    boroughs : tuple of str
        Empty: all.
    seed, first : int
        Number of the first replicate.
    engine : {"compiled", "simpy"}
    """

    lowered: Lowered
    years: tuple[int, ...]
    boroughs: tuple[str, ...]
    seed: int
    first: int
    engine: Engine

    @classmethod
    def of(cls, question: Write903Question, engine: Engine) -> SimulatedReturns:
        """For a question."""
        return cls(
            lower(question.world), question.years, question.boroughs, question.seed, question.number, engine
        )

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The files of replicate `number`, counted from the first."""
        journeys = simulate(self.lowered, self.seed, self.first + number, self.engine)
        return [
            {
                "replicate": self.first + number,
                "year": year,
                "table": name,
                "rows": len(table),
                "children": table["CHILD"].nunique(),
                "text": as_csv(table),
            }
            for year, name, table in files_of(journeys, self.years or None, boroughs=self.boroughs or None)
        ]


@dataclass(frozen=True)
class Write903Found(Found):
    """What was found.

    Attributes
    ----------
    question : Write903Question
        With as many replicates as were finished.
    summary : pandas.DataFrame
        One row for each file: replicate, year, table, rows, children.
    kept : Keep
        Where the texts of the files are.
    interrupted : bool
    """

    question: Write903Question
    summary: pd.DataFrame
    kept: Keep = field(repr=False)
    interrupted: bool = False

    @classmethod
    def of(cls, question: Write903Question, keep: Keep, done: int) -> Write903Found:
        """The returns of the replicates that are there."""
        return cls(question, whole_table(keep, done, _COUNTS).to_pandas().astype({"table": object}), keep)

    @property
    def years(self) -> list[int]:
        """Collection years that were written."""
        return sorted(set(self.summary["year"]))

    # --- as every question's --------------------------------------------------------------------------------
    def words(self) -> list[str]:
        """What was written."""
        from best_sim.questions.write_903.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """How many rows and children each file has; the files themselves are in `files`."""
        return {"summary": self.summary}

    def files(self, folder: Path) -> None:
        """Write the returns: a folder for each replicate, and in it one for each collection year."""
        for part in tables(self.kept, self.question.replicates, ["replicate", "year", "table", "text"]):
            for row in part.to_pylist():
                path = folder / f"replicate-{row['replicate']}" / str(row["year"]) / f"{row['table']}.csv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(row["text"].encode())

    def figures(self) -> Mapping[str, Figure]:
        """Children and episodes by collection year."""
        from best_sim.questions.write_903.figures import written_figure

        return {"returns": written_figure(self)}

    def shown(self) -> list[Shown]:
        """Children and rows by year."""
        from best_sim.questions.write_903.show import years_shown

        return [years_shown(self)]

    def answer(self) -> Mapping[str, Any]:
        """Collection years, and how many files."""
        return {"years": [int(year) for year in self.years], "files": len(self.summary)}

    def notes(self) -> list[str]:
        """What the files rest on."""
        from best_sim.questions.write_903.show import notes_of

        return notes_of()

    def chapters(self) -> list[Chapter]:
        """What was written."""
        from best_sim.questions.write_903.show import chapters_of

        return chapters_of(self)
