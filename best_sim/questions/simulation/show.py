"""What a simulation says: how many, where every family goes, and where the children live."""

from __future__ import annotations

from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Picture, Shown, Terms
from best_sim.questions.pictures.care import children_words, outcomes_of_care_figure
from best_sim.questions.pictures.consort import consort_figure, flow_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from best_sim.questions.simulation.run import SimulationFound

NOTES = (
    "A replicate is one course of events that could have been. How much of a count is chance, a single one does not "
    "say; several do.",
    "Where children live is of those who entered care early enough to be followed for so many months.",
)
_WHAT = {
    "children": "children", "families": "families", "randomised": "families randomised", "events": "events",
}  # fmt: skip
_FILES = (
    (
        "families, children, placements, proceedings, hearings, services, visits, queues, events, resources (.parquet)",
        "tables; times are days since the start date in journeys.json, and empty means that it has not happened by the "
        "end of the run",
    ),
    (
        "record.parquet, raw_*.parquet, journeys.json",
        "the records, from which Journeys.read makes the same object again",
    ),
    ("scenario.toml", "the whole scenario; it can be run as it is"),
)


def _count(found: SimulationFound, name: str) -> str:
    values = found.replicates[name]
    return say.number(values.mean())


def _range(found: SimulationFound, name: str) -> str:
    values = found.replicates[name]
    if len(values) == 1:
        return ""
    return f"{say.number(values.min())} to {say.number(values.max())}"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: SimulationFound) -> list[str]:
    """How many there are, the flow, and where the children live."""
    n = found.question.replicates
    count = {name: _count(found, name) for name in _WHAT}
    if n == 1:
        said = (
            f"{count['children']} children of {count['families']} families; {count['randomised']} families randomised; "
            f"{count['events']} events."
        )
    else:
        said = (
            f"Means of {n} replicates, with least and greatest: "
            + "; ".join(f"{count[name]} {what} ({_range(found, name)})" for name, what in _WHAT.items())
            + "."
        )
    out = [said]
    if found.replicates["randomised"].any():
        out.append(flow_words(found.flow, n))
    if not found.living.empty:
        out.append(children_words(found.living, int(found.living["month"].max())))
    return out + behind_words(found)


def behind_words(found: SimulationFound) -> list[str]:
    """A warning where a court falls behind, in half of the replicates or more."""
    n = len(found.replicates)
    courts = [found.question.world.courts[name].title for name, k in found.behind.items() if 2 * k >= n]
    if not courts:
        return []
    fall = "falls" if len(courts) == 1 else "fall"
    return [
        f"Warning: {say.listed(courts)} {fall} behind: in the last year fewer cases were decided than issued, by a "
        "sixth and more. Durations, of decided cases alone, depend on how long the run is then."
    ]


# --- tables, pictures and report ------------------------------------------------------------------------------
def shown_of(found: SimulationFound) -> list[Shown]:
    """Counts by replicate, where there are several; the first few."""
    rows = found.replicates.head(20).to_dict("records")
    if len(found.replicates) == 1:
        return []
    more = len(found.replicates) - len(rows)
    return [
        Shown(
            "Counts by replicate",
            ("replicate", *(what.replace(" ", "\n") for what in _WHAT.values())),
            tuple((str(row["replicate"]), *(say.number(row[name]) for name in _WHAT)) for row in rows),
            note=f"And {more} more, in replicates.csv." if more else "",
            left=0,
        )
    ]


def figures_of(found: SimulationFound) -> dict[str, Figure]:
    """The flow through the trial, where there was one, and where children live."""
    figures = {}
    if found.replicates["randomised"].any():
        figures["consort"] = consort_figure(found.flow, replicates=found.question.replicates)
    if not found.living.empty:
        figures["living"] = outcomes_of_care_figure(found.living)
    return figures


def chapters_of(found: SimulationFound) -> list[Chapter]:
    """The answer, the flow, the children, and the files."""
    answers = Answers(
        tuple(
            Answer(say.capital(what), _count(found, name), _range(found, name))
            for name, what in _WHAT.items()
        )
    )
    asked = [found.question.question] if found.question.question else []
    counts, *more = words_of(found)
    behind = behind_words(found)
    more = more[: len(more) - len(behind)]
    chapters = [Chapter("answer", "The answer", (*asked, answers, counts, *behind, *shown_of(found)))]
    if found.replicates["randomised"].any():
        flow: tuple[Content, ...] = (
            more.pop(0),
            Picture("consort", "Where every family goes, from screening to analysis; children in brackets."),
        )
        chapters.append(Chapter("flow", "The trial", flow))
    if not found.living.empty:
        caption = "Where the children live, by months since they entered care."
        chapters.append(Chapter("children", "The children", (*more, Picture("living", caption))))
    apart = (
        [f"Each replicate has a folder of its own, {found.folders[0]} and so on."] if found.folders[0] else []
    )
    chapters.append(Chapter("files", "The files", (*apart, Terms(_FILES))))
    return chapters
