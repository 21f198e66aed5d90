"""What was found: tables, words, figures and the chapters of a report; the same shape for every question."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from best_sim.questions.asking import Question


# --- what chapters are made of --------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shown:
    """A table for people: texts, printed in a terminal of 80 columns and put into the report.

    Attributes
    ----------
    title : str
    heads : tuple of str
        A line break in a head is kept.
    rows : tuple of tuple of str
    note : str
        Under the table.
    left : int
        Columns that are set to the left, counted from the first; numbers go to the right.
    strong : frozenset of int
        Rows that stand out, counted from 0.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    left: int = 1
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """One of the figures, by its name, with what is said under it."""

    name: str
    caption: str


@dataclass(frozen=True)
class Heading:
    """A heading inside a chapter."""

    text: str


@dataclass(frozen=True)
class Items:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """Words, each with what belongs to it."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Answer:
    """One figure that stands out.

    Attributes
    ----------
    name, value, more : str
        Of what; the figure; its interval, and what it is compared with.
    """

    name: str
    value: str
    more: str = ""


@dataclass(frozen=True)
class Answers:
    """Figures that stand out, beside each other."""

    answers: tuple[Answer, ...]


Content = str | Shown | Picture | Heading | Items | Terms | Answers
"""A text is a paragraph."""


@dataclass(frozen=True)
class Chapter:
    """A chapter of the report.

    Attributes
    ----------
    id, title : str
    content : tuple
        Paragraphs, tables, pictures and so on, in their order.
    own_page : bool
        Whether it begins a page where the report is printed.
    """

    id: str
    title: str
    content: tuple[Content, ...]
    own_page: bool = False


# --- what was found -------------------------------------------------------------------------------------------
class Found(ABC):
    """What was found.

    Attributes
    ----------
    question : Question
        As it was asked, with as many replicates as were finished.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    settled : bool
        Whether what was asked for was reached: a search that ran out of replicates, or did not converge, is not.
    label : str
        What stands over its report's title.
    """

    question: Question
    interrupted: bool = False
    settled: bool = True
    label: ClassVar[str] = "Simulation report"

    @property
    def notice(self) -> str:
        """What is said of all of it, at the head of its report."""
        from best_sim.questions.report import NOTICE

        return NOTICE

    @abstractmethod
    def words(self) -> list[str]:
        """The answer in sentences, one a paragraph."""

    def printed(self, width: int) -> list[str]:
        """The answer as it is printed in a terminal so many letters wide."""
        del width
        return self.words()

    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every table, by the name of its file; a name that ends in ``.parquet`` is written so, others as CSV."""

    def figures(self) -> Mapping[str, Figure]:
        """Every figure, by the name of its file."""
        return {}

    @cached_property
    def drawn(self) -> Mapping[str, Figure]:
        """The figures, drawn once; none where none are wanted."""
        return dict(self.figures())

    def undrawn(self) -> Self:
        """The same, of which no figure is drawn."""
        same = copy.copy(self)
        same.__dict__["drawn"] = {}
        return same

    @cached_property
    def svg(self) -> Mapping[str, str]:
        """The figures as SVG, made once: for the files and for the report."""
        from best_sim.drawing.style import svg_text

        return {name: svg_text(figure) for name, figure in self.drawn.items()}

    def shown(self) -> list[Shown]:
        """The tables that are printed, few and narrow."""
        return []

    def files(self, folder: Path) -> None:
        """Write what is neither table nor figure."""
        del folder

    def answer(self) -> Mapping[str, Any]:
        """The main figures by name, as JSON can hold them: for the manifest."""
        return {}

    def notes(self) -> list[str]:
        """What the answer rests on, in sentences, for the report's chapter on what is assumed."""
        return []

    def chapters(self) -> list[Chapter]:
        """The report's chapters between the question and what is assumed."""
        content: list[Content] = [*self.words(), *self.shown()]
        content += [Picture(name, "") for name in self.drawn]
        return [Chapter("answer", "The answer", tuple(content))]
