"""What comes out of a trace: one child's journey, or two of the same child."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.engine.model import Engine
from best_sim.pathway import Journeys, simulate
from best_sim.pathway.lowering import Lowered, lower
from best_sim.pathway.story import Story
from best_sim.questions.found import Chapter, Found
from best_sim.questions.running import Running
from best_sim.questions.simulation.run import FILES, files_of, write_files
from best_sim.questions.trace.ask import TraceQuestion

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AS_IT_WENT = "as it went"


@dataclass(frozen=True)
class OneReplicate:
    """One replicate as one row, which holds the files of its journeys.

    Parameters
    ----------
    lowered : Lowered
    seed, replicate : int
    engine : {"compiled", "simpy"}
    """

    lowered: Lowered
    seed: int
    replicate: int
    engine: Engine

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row."""
        journeys = simulate(self.lowered, self.seed, self.replicate + number, self.engine)
        return [{"replicate": self.replicate + number, FILES: files_of(journeys, tidy=False)}]


@dataclass(frozen=True, eq=False)
class TraceFound(Found):
    """One child's journey.

    Attributes
    ----------
    question : TraceQuestion
    child : int
        The child's number.
    journeys : dict of str to Journeys
        The replicate as it went; or with every family in LIFT, and with every family in services as usual.
    """

    question: TraceQuestion
    child: int
    journeys: dict[str, Journeys]
    interrupted: bool = False

    @property
    def stories(self) -> dict[str, Story]:
        """The child's story in each service; of one that is told as it went, that alone."""
        return {how: journeys.story(self.child) for how, journeys in self.journeys.items()}

    def words(self) -> list[str]:
        """The story."""
        return self.printed(96)

    def printed(self, width: int) -> list[str]:
        """The story, in lines of at most so many letters; in either service one after the other."""
        from best_sim.questions.trace.show import printed_of

        return printed_of(self, min(96, width))

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """What happened, a row for each day on which something did."""
        rows = [
            {"service": how, "days": line.days, "when": line.when, "what": " ".join(line.sentences)}
            for how, story in self.stories.items()
            for line in story.lines
        ]
        return {"story": pd.DataFrame(rows, columns=["service", "days", "when", "what"])}

    def figures(self) -> Mapping[str, Figure]:
        """The timeline; in either service one above the other, on the same axis."""
        first, *other = self.journeys.values()
        return {"timeline": first.timeline(self.child, *other)}

    def answer(self) -> Mapping[str, Any]:
        """The child's number."""
        return {"child": self.child}

    def notes(self) -> list[str]:
        """What the story rests on."""
        from best_sim.questions.trace.show import notes_of

        return notes_of(self)

    def chapters(self) -> list[Chapter]:
        """The timeline, then the story."""
        from best_sim.questions.trace.show import chapters_of

        return chapters_of(self)


def trace(question: TraceQuestion, running: Running) -> TraceFound:
    """Simulate the replicate that a child is of, and find the child.

    Parameters
    ----------
    question : TraceQuestion
    running : Running

    Raises
    ------
    UnknownChildError
        If this replicate has no such child.
    StoppedError
        If it was interrupted.
    """
    arms = ("LIFT", "SAU") if question.both_services else ()

    def journeys_of(arm: str | None, before: int) -> Journeys:
        work = OneReplicate(lower(question.world, arm), question.seed, question.replicate, running.engine)
        keep = running.all_of(work, 1, leg=arm or "", total=1 + len(arms), before=before)
        with tempfile.TemporaryDirectory(prefix="best-sim-") as scratch:
            return Journeys.read(write_files(keep, 0, Path(scratch)))

    as_it_went = journeys_of(None, 0)
    child = as_it_went.child(question.child if question.number is None else question.number)
    told = {arm: journeys_of(arm, n) for n, arm in enumerate(arms, 1)}
    return TraceFound(question, child, told or {AS_IT_WENT: as_it_went})
