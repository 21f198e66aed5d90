"""Returns that were read and cleaned, in words, tables and chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from best_sim.drawing import wording as say
from best_sim.questions.found import Chapter, Heading, Items, Picture, Shown
from best_sim.questions.returns import files_shown

if TYPE_CHECKING:
    from best_sim.questions.read_903.run import Read903Found


def summary_shown(found: Read903Found) -> Shown:
    """A row for each group, a column for each collection year."""
    years = found.question.clean.years
    counts = found.summary.set_index(["measure", "group", "year"])["children"]
    rows = []
    groups = found.summary[["measure", "group"]].drop_duplicates().sort_values(["measure", "group"])
    for measure, group in groups.itertuples(index=False):
        cells = [counts.get((measure, group, year), 0) for year in years]
        rows.append((f"{measure}: {group}", *("-" if pd.isna(n) else say.number(int(n)) for n in cells)))
    return Shown(
        "Children by collection year",
        ("", *map(str, years)),
        tuple(rows),
        note="Years are named by the year in which they end. "
        f"-: fewer than {found.question.smallest}, or left out so that such a count can't be told.",
    )


def _edits_shown(found: Read903Found) -> Shown:
    def count(n: object) -> str:
        return "-" if pd.isna(n) else say.number(int(n))  # type: ignore[call-overload]

    return Shown(
        "What was changed, step by step",
        ("reason", "effect", "rows", "children"),
        tuple(
            (str(r["reason"]), str(r["effect"]), count(r["rows"]), count(r["children"]))
            for r in found.edits.to_dict("records")
        ),
        note="Children are counted once in every collection year.",
        left=2,
    )


def notes_of(found: Read903Found) -> list[str]:
    """What the counts rest on."""
    return [
        "Only children whose first episode on record began before they were five are counted.",
        "An open episode of a return that no later return goes on with is taken to end with that collection year: the "
        "child is lost sight of.",
        f"Counts under {found.question.smallest} are not shown, nor others from which they could be told by "
        "subtraction, within a year or over the years.",
    ]


def chapters_of(found: Read903Found) -> list[Chapter]:
    """What is in the returns, and what was changed."""
    clean = found.question.clean
    first, *changed = clean.in_words(found.question.smallest)
    picture = Picture("returns", "Children in care, and who came into it and left it, by collection year.")
    return [
        Chapter("summary", "In plain words", (Heading("What was asked"), found.question.question, first)),
        Chapter("counts", "Children by year", (picture, summary_shown(found))),
        Chapter("changed", "What was changed", (Items(tuple(changed)), _edits_shown(found), files_shown(clean))),
    ]  # fmt: skip
