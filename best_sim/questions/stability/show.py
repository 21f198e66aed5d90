"""Placement stability in words, tables and chapters."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from best_sim.drawing import wording as say
from best_sim.questions.found import Chapter, Content, Picture, Shown
from best_sim.questions.stability.measured import MEASURES, SELECTED, SIDES

if TYPE_CHECKING:
    from best_sim.questions.stability.run import StabilityFound

_WIDE = 2
"""So many groups stand beside each other with their ranges; more stand below each other, without."""


def words_of(found: StabilityFound) -> list[str]:
    """What was found, in plain words."""
    lines = [_whom(found)]
    rate, many = found.measure("moves"), found.measure("three_in_year_to_march")
    for one, other in zip(_records(rate), _records(many), strict=True):
        who = group_name(found, one)
        moves, share = _figure(one, "{:.2f}"), _figure(other, "{:.0%}")
        lines.append(
            f"{who[:1].upper()}{who[1:]}: {moves} moves per child-year in care; {share} of those in care on a 31 March "
            "had three or more placements in the year to it."
        )
    lines.append(
        "Ranges are those in which nine of ten realisations lie, so a single year's returns may show anything in them."
    )
    if found.question.contrast:
        lines += _compared(found)
    return lines


def group_name(found: StabilityFound, row: Mapping[str, Any]) -> str:
    """A group in words."""
    if not found.question.by:
        return "All children in care"
    shown = {"age": "entered at {}", "period": "{}"}
    titles = {name: borough.title for name, borough in found.question.world.boroughs.items()}
    said = [
        titles.get(row[one], row[one]) if one == "borough" else shown.get(one, "{}").format(row[one])
        for one in found.question.by
    ]
    return ", ".join(str(part).replace("_", " ") for part in said)


def _whom(found: StabilityFound) -> str:
    n = found.question.replicates
    first = (
        ""
        if found.question.counted_months is None
        else f" Moves are of the first {found.question.counted_months:.0f} months of care."
    )
    if "arm" in found.question.by:
        return (
            f"{n} simulated trials. Children of eligible randomised families, as allocated, from randomisation to the "
            f"end of the run.{first}"
        )
    parted = ""
    if found.question.split is not None:
        parted = (
            f", before and after {_date(found.question.split)}. The periods were not randomised: whatever else changed "
            "with the calendar is in their difference. In the simulation children who stay for years gather until its "
            "end, so counts on a 31 March and lengths of ended placements differ for that reason too"
        )
    since = _date(found.question.world.simulation.start_date)
    return f"{n} simulated runs. All children in care from {since}{parted}.{first}"


def _date(day: dt.date) -> str:
    return f"{day.day} {day:%B %Y}"


def _figure(row: Mapping[str, Any], form: str) -> str:
    if not math.isfinite(row["mean"]):
        return "no"
    said = [form.format(row[name]) for name in ("mean", "low_90", "high_90")]
    return f"{said[0]} ({said[1]} to {said[2]})"


def _compared(found: StabilityFound) -> list[str]:
    one, other = SIDES[found.question.contrast]
    lines, untold = [], []
    for row in _records(found.effects):
        if not row["told"]:
            untold.append(row["label"])
            continue
        shown = [effect_words(row[name], row["scale"]) for name in ("estimate", "low", "high")]
        what = "ratio" if row["scale"] == "ratio" else "difference"
        said = (
            f"{row['label'][:1].upper()}{row['label'][1:]}, {one} against {other}: {what} {shown[0]} on average; the "
            f"{1 - found.question.alpha:.0%} interval of one realisation is from {shown[1]} to {shown[2]}."
        )
        if math.isfinite(row["children_needed"]):
            needed, least, most, families, now = (
                f"{row[name]:,.0f}"
                for name in ("children_needed", "needed_low", "needed_high", "families_needed", "children")
            )
            said += (
                f" To see so much with a power of {found.question.power:.0%} takes {needed} children (Monte Carlo "
                f"interval {least} to {most}), or {families} families; there are {now} children."
            )
        else:
            said += f" How many children it takes can't be said: {row['note'].partition(';')[0]}."
        if row["effect"] in SELECTED:
            said += (
                " These are children who are still in care after two and a half years, who alone are compared: not "
                "like with like."
            )
        lines.append(said)
    if untold:
        lines.append(
            f"No effect in the model that {found.question.replicates} realisations can tell from none, so no number of "
            f"children is given: {'; '.join(untold)}."
        )
    if found.question.contrast == "arm":
        hazard = found.question.world.placements.unplanned.lift_hazard_ratio
        direct = (
            "does not act on unplanned moves directly (placements.unplanned.lift_hazard_ratio is 1)"
            if hazard == 1.0
            else f"multiplies the hazard of unplanned moves by {hazard:g}"
        )
        lines.append(
            f"In this scenario LIFT {direct}, which is an assumption. It also changes how long proceedings, and so "
            "placements, last: where permanence comes later the same planned moves are spread over more time in care, "
            "and some come after the first year, so a lower rate need not mean fewer moves."
        )
    return lines


def effect_words(value: float, scale: str) -> str:
    """A ratio, or a difference of shares in percentage points."""
    return f"{value:.2f}" if scale == "ratio" else f"{100.0 * value:+.1f} points"


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


# --- tables and chapters --------------------------------------------------------------------------------------
def shown_of(found: StabilityFound) -> list[Shown]:
    """Measures by group, and what is compared, narrow enough for a terminal."""
    rows = _records(found.measure("moves"))
    names = [group_name(found, row) for row in rows]
    if len(names) <= _WIDE:
        cells = []
        for measure, (label, unit) in MEASURES.items():
            of = {"share": "", "days": ", days"}.get(unit, f" {unit}")
            values = [_cell(row) for row in _records(found.measure(measure))]
            cells.append((f"{label[:1].upper()}{label[1:]}{of}", *values))
        out = [
            Shown(
                "Placement stability: mean, and where nine of ten realisations lie",
                ("", *names),
                tuple(cells),
            )
        ]
    else:
        few = (
            "moves",
            "three_in_year_to_march",
            "same_carer",
            "ended_median_days",
            "permanence_12",
            "re_entry",
        )
        heads = (
            "moves\na year",
            "3 or\nmore",
            "same\ncarer",
            "ended,\ndays",
            "perma-\nnence",
            "back\nin care",
        )
        means = [[_mean(row) for row in _records(found.measure(name))] for name in few]
        lines = tuple((name, *(column[i] for column in means)) for i, name in enumerate(names))
        out = [
            Shown(
                "Placement stability: means", ("", *heads), lines,
                note="Three or more placements in the year to 31 March; same carer for two years; permanence within "
                "12 months. Ranges are in measures.csv.",
            )
        ]  # fmt: skip
    if found.question.contrast:
        out.append(_effects_shown(found))
    return out


def _effects_shown(found: StabilityFound) -> Shown:
    one, other = SIDES[found.question.contrast]
    rows = []
    for row in _records(found.effects):
        label = f"{row['label'][:1].upper()}{row['label'][1:]}"
        if not math.isfinite(row["estimate"]):
            rows.append((label, "not estimated", "", ""))
            continue
        low, high = (effect_words(row[end], row["scale"]) for end in ("low", "high"))
        if row["scale"] == "ratio":
            middle = say.with_error(row["estimate"], row["estimate"] * row["mcse"])
        else:
            middle = f"{say.with_error(100.0 * row['estimate'], 100.0 * row['mcse'])} points"
        needed = say.number(row["children_needed"]) if row["told"] else "none told"
        rows.append((label, middle, f"{low} to {high}", needed))
    heads = ("", "mean effect", f"{1 - found.question.alpha:.0%} interval\nof one", "children\nneeded")
    return Shown(
        f"{one} against {other}", heads, tuple(rows),
        note="A ratio, or a difference in percentage points. None told: no effect that so many realisations can tell "
        "from none.",
    )  # fmt: skip


def _mean(row: Mapping[str, Any], name: str = "mean") -> str:
    if not math.isfinite(row[name]):
        return "none"
    if row["unit"] == "share":
        return say.percent(row[name])
    return say.number(row[name], 0 if row["unit"] == "days" else 2)


def _cell(row: Mapping[str, Any]) -> str:
    if not math.isfinite(row["mean"]):
        return "none"
    return f"{_mean(row)} ({_mean(row, 'low_90')} to {_mean(row, 'high_90')})"


def notes_of(found: StabilityFound) -> list[str]:
    """What the figures rest on."""
    out = [
        "A range is that in which nine of ten realisations lie; a Monte Carlo standard error is how far the mean may "
        "be off because only so many were run.",
        "Children entered care under five; official figures are of all ages.",
    ]
    if found.question.contrast == "period":
        out.append(
            "Before and after are not randomised: whatever else changed with the calendar is in the difference."
        )
    return out


def chapters_of(found: StabilityFound) -> list[Chapter]:
    """The answer with its tables, and the picture."""
    question = found.question
    content: list[Content] = [question.question, *words_of(found), *shown_of(found)]
    caption = "Measures by group, and where children come to live by month."
    return [
        Chapter("answer", "In plain words", tuple(content)),
        Chapter("picture", "By group", (Picture("stability", caption),)),
    ]
