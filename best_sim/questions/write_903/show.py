"""Simulated returns in words, tables and chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.questions.found import Chapter, Content, Heading, Picture, Shown

if TYPE_CHECKING:
    from best_sim.questions.write_903.run import Write903Found


def words_of(found: Write903Found) -> list[str]:
    """What was written, and where it lies."""
    years, runs = found.years, found.question.replicates
    span = f"{years[0]} to {years[-1]}" if len(years) > 1 else str(years[0])
    whose = f", children of {say.listed(list(found.question.boroughs))}" if found.question.boroughs else ""
    numbers = sorted(set(found.summary["replicate"]))
    where = f"replicate-{numbers[0]}" + (f" to replicate-{numbers[-1]}" if runs > 1 else "")
    each = f", {say.plural(runs, 'run')} each in a folder of its own" if runs > 1 else ""
    return [
        f"Simulated children as returns of {say.plural(len(years), 'collection year')} ({span}){whose}{each}: "
        f"{say.plural(len(found.summary), 'file')} in {where}. What the model does not have is filled by assumptions; "
        "nobody here is real."
    ]


def years_shown(found: Write903Found) -> Shown:
    """A row for each replicate and collection year."""
    counts = found.summary[found.summary["table"] == "episodes"]
    return Shown(
        "Returns",
        ("replicate", "collection year", "children", "episodes"),
        tuple(
            (str(r["replicate"]), str(r["year"]), say.number(r["children"]), say.number(r["rows"]))
            for r in counts.to_dict("records")
        ),
        left=2,
    )


def notes_of() -> list[str]:
    """What the files rest on."""
    return [
        "What the model does not have (ethnicity, pupil numbers, postcodes, need, health checks) is filled by "
        "assumptions, the same for a child in every year; `best_sim.exchange.write_903.Filling` lists them.",
        "What a return can't hold (issue of proceedings, hearings, allocation, LIFT) is in proceedings.csv.",
    ]


def chapters_of(found: Write903Found) -> list[Chapter]:
    """What was written."""
    content: list[Content] = [Heading("What was asked"), found.question.question]
    content += [Heading("The answer"), *words_of(found), years_shown(found)]
    content.append(Picture("returns", "Children and episodes of care in each return, by collection year."))
    return [Chapter("summary", "In plain words", tuple(content))]
