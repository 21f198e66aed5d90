"""What comes out of a simulation: the files of every replicate, and a few counts of each."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from best_sim.drawing.style import PLACE_ORDER
from best_sim.engine.model import Engine
from best_sim.measures.timeliness import courts_falling_behind
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.lowering import Lowered, lower
from best_sim.questions.found import Chapter, Found, Shown
from best_sim.questions.pictures.care import living_counts, living_of
from best_sim.questions.simulation.ask import SimulationQuestion
from best_sim.replications import Keep, whole_table
from best_sim.trial.consort import Pair, consort, flow_row, mean_flow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNTED = ("children", "families", "randomised", "events")
FILES = "files"
BEHIND = "courts_falling_behind"
_LIVING = "living."


# --- one replicate --------------------------------------------------------------------------------------------
def files_of(journeys: Journeys, *, tidy: bool = True) -> dict[str, bytes]:
    """The files that `Journeys.save` writes, by name, as a chunk keeps them."""
    with tempfile.TemporaryDirectory(prefix="best-sim-") as scratch:
        folder = journeys.save(scratch, tidy=tidy)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def write_files(keep: Keep, number: int, folder: Path) -> Path:
    """Write the files of one replicate, by its place among those that are kept.

    Parameters
    ----------
    keep : Keep
        With one replicate in each chunk.
    number : int
        Place of the replicate, from 0.
    folder : pathlib.Path
        Made where it doesn't exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = pq.read_table(io.BytesIO(keep.get(range(number, number + 1))), columns=[FILES])
    for name, (data,) in zip(table[FILES].type.names, table[FILES].chunk(0).flatten(), strict=True):
        (folder / name).write_bytes(data.as_buffer())
    return folder


@dataclass(frozen=True)
class WholeReplicate:
    """One replicate as one row: its counts, its flow through the trial, where children live, and all of its files.

    Parameters
    ----------
    lowered : Lowered
    seed : int
    first : int
        Number of the first replicate.
    engine : {"compiled", "simpy"}
    tell : callable, optional
        Called with the simulated month that is reached.
    """

    lowered: Lowered
    seed: int
    first: int
    engine: Engine
    tell: Callable[[str], object] | None = None

    @classmethod
    def of(cls, question: SimulationQuestion, engine: Engine) -> WholeReplicate:
        """For a question."""
        return cls(lower(question.world), question.seed, question.first_replicate, engine)

    def telling(self, tell: Callable[[str], object]) -> WholeReplicate:
        """The same, which says how far it has come."""
        return replace(self, tell=tell)

    def __call__(self, number: int) -> list[dict[str, Any]]:
        """The row of replicate `number`, counted from the first."""
        journeys = simulate(
            self.lowered,
            self.seed,
            self.first + number,
            self.engine,
            progress=self._month if self.tell else None,
        )
        files = files_of(journeys)
        living = living_counts(journeys, by_arm=False) | living_counts(journeys)
        arms = journeys.tables["families"]["arm"]
        return [
            {
                "replicate": self.first + number,
                "children": len(journeys.lived),
                "families": len(journeys.families),
                "randomised": int((arms != W.NOT_ALLOCATED).sum()),
                "events": len(journeys.record),
                BEHIND: ",".join(courts_falling_behind(journeys)),
                **flow_row(consort(journeys)),
                **{f"{_LIVING}{group}": counts.ravel().tolist() for group, counts in living.items()},
                FILES: files,
            }
        ]

    def _month(self, day: float) -> None:
        assert self.tell is not None
        first = self.lowered.start_date
        now, last = (first + dt.timedelta(days=days) for days in (day, self.lowered.end))
        self.tell(f"{now:%B %Y} of {last:%B %Y}")


# --- what was found -------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class SimulationFound(Found):
    """Whole replicates.

    Attributes
    ----------
    question : SimulationQuestion
        With as many replicates as were finished.
    keep : Keep
        With the files of every replicate, a replicate in each chunk; they are read one at a time.
    replicates : pandas.DataFrame
        One row for each replicate: replicate, children, families, randomised (families), events.
    flow : dict
        Mean CONSORT flow; empty where no family was screened for a trial.
    living : pandas.DataFrame
        Where children live by month since they entered care, over all replicates: by arm, or of all where nobody was
        randomised early enough to be followed; empty where nobody entered care early enough.
    interrupted : bool
        Whether fewer replicates were run than asked for.
    behind : dict
        Of each court that falls behind in some replicate, in how many.
    """

    question: SimulationQuestion
    keep: Keep
    replicates: pd.DataFrame
    flow: dict[str, Pair]
    living: pd.DataFrame
    interrupted: bool = False
    behind: dict[str, int] = field(default_factory=dict)

    @cached_property
    def folders(self) -> list[str]:
        """Where each replicate is written, in their order; a single one is written into the run's folder itself."""
        numbers = [int(n) for n in self.replicates["replicate"]]
        return [""] if len(numbers) == 1 else [f"replicate-{number}" for number in numbers]

    def words(self) -> list[str]:
        """How many children, families, randomised families and events there are; the flow; where children live."""
        from best_sim.questions.simulation.show import words_of

        return words_of(self)

    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Counts by replicate, the flow, and where children live."""
        out = {"replicates": self.replicates}
        if self.flow:
            flow = pd.DataFrame.from_dict(self.flow, orient="index", columns=["families", "children"])
            out["consort"] = flow.rename_axis("box")
        return out | ({} if self.living.empty else {"living": self.living})

    def figures(self) -> Mapping[str, Figure]:
        """The flow through the trial, and where children live."""
        from best_sim.questions.simulation.show import figures_of

        return figures_of(self)

    def shown(self) -> list[Shown]:
        """Counts by replicate, where there are several."""
        from best_sim.questions.simulation.show import shown_of

        return shown_of(self)

    def files(self, folder: Path) -> None:
        """Write the tables of every replicate, one replicate in memory at a time."""
        for number, below in enumerate(self.folders):
            write_files(self.keep, number, folder / below)

    def answer(self) -> Mapping[str, Any]:
        """Mean counts."""
        return {name: float(self.replicates[name].mean()) for name in COUNTED}

    def notes(self) -> list[str]:
        """What the answer rests on."""
        from best_sim.questions.simulation.show import NOTES

        return list(NOTES)

    def chapters(self) -> list[Chapter]:
        """The answer, the flow, the children, and the files."""
        from best_sim.questions.simulation.show import chapters_of

        return chapters_of(self)


def simulation_found(question: SimulationQuestion, keep: Keep, done: int) -> SimulationFound:
    """What the finished replicates of a simulation say.

    Parameters
    ----------
    question : SimulationQuestion
    keep : Keep
        With its finished replicates.
    done : int
        Replicates that count; later ones are left out.
    """
    rows = whole_table(keep, done, without=[FILES]).to_pandas()
    living = living_of([_living(row) for row in rows.to_dict("records")])
    by_arm = living[living["group"] != "all"]
    return SimulationFound(
        question=question.replaced(replicates=done),
        keep=keep,
        replicates=rows[["replicate", *COUNTED]],
        flow=mean_flow(rows) if rows["flow.screened.families"].any() else {},
        living=(living if by_arm.empty else by_arm).reset_index(drop=True),
        behind=dict(Counter(name for names in rows[BEHIND] for name in names.split(",") if name)),
    )


def _living(row: Mapping[Any, Any]) -> dict[str, np.ndarray]:
    """Counts by group, as `living_counts` gave them; a group that a replicate lacks is left out."""
    return {
        name.removeprefix(_LIVING): np.asarray(values, int).reshape(len(PLACE_ORDER), -1)
        for name, values in row.items()
        if name.startswith(_LIVING) and np.ndim(values) == 1
    }
