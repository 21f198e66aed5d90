"""What a validation says: the figures that set nothing first, for they alone test the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Items, Picture, Shown
from best_sim.questions.validation.published import FIGURES

if TYPE_CHECKING:
    from best_sim.questions.validation.run import ValidationFound

_ROLES = {
    "check": ("Figures that set no parameter, and so check the model", "Checks"),
    "set": ("Figures to which a parameter was set", "Figures that set a parameter"),
}
"""By role: title of the table, and of the chapter."""

NOTES = (
    "A figure to which a parameter was set does not test the model: that it comes near says only that the parameter "
    "was set well. Figures that set nothing do test it.",
    "How near a simulated mean has to come is a share of the published value, chosen for each figure before it was "
    "compared; the Monte Carlo standard error says how well the mean is known.",
    "National figures are of all children and all courts; the simulated ones are of the scenario's boroughs and "
    "courts, and of children under five at entry.",
    "The standard errors of the picture are the spread of simulated replicates. How unsure a published figure itself "
    "is, they do not say.",
)


# --- numbers --------------------------------------------------------------------------------------------------
def published_text(row: Any) -> str:
    """A published figure with its unit, to the digits with which it was published."""
    return _with_unit(say.entered(_shown(row["published"], row["unit"]), 0), row["unit"])


def simulated_text(row: Any) -> str:
    """A simulated mean and its Monte Carlo standard error, to the digits that the error allows."""
    if not np.isfinite(row["simulated"]):
        return "nobody"
    mean, error = _shown(row["simulated"], row["unit"]), _shown(row["mcse"], row["unit"])
    digits = say.digits_for(error, most=3)
    said = say.number(mean, digits) + ("%" if row["unit"] == "share" else "")
    return f"{said} ({say.number(error, digits)})" if np.isfinite(error) else said


def _shown(value: float, unit: str) -> float:
    return round(100.0 * value, 10) if unit == "share" else value


def _with_unit(number: str, unit: str) -> str:
    if unit == "share":
        return f"{number}%"
    return f"£{number}" if unit == "GBP" else f"{number} {unit.removesuffix('s') if number == '1' else unit}"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: ValidationFound) -> list[str]:
    """How many checks come near, why others do not, and how many figures that set a parameter come near."""
    checks, settings = found.of("check"), found.of("set")
    out = [f"{_count(checks)} that set no parameter, and so check the model, come near what was published."]
    for row in checks[checks["near"] == "no"].to_dict("records"):
        why = f"; {row['note']}" if row["note"] else ""
        out.append(f"{row['figure']}: {_beside(row)}, which is not near{why}.")
    said = f"{_count(settings)} to which a parameter was set come near"
    if far := settings[settings["near"] == "no"].to_dict("records"):
        said += "; not near: " + "; ".join(f"{row['figure']} ({_beside(row)})" for row in far)
    out.append(f"{said}.")
    if len(nobody := found.table[found.table["near"] == ""]):
        out.append(f"Nobody to count in this scenario: {'; '.join(nobody['figure'])}.")
    return out


def _count(table: Any) -> str:
    known = table[table["near"] != ""]
    return f"{(known['near'] == 'yes').sum()} of {say.plural(len(known), 'figure')}"


def _beside(row: Any) -> str:
    return f"published {published_text(row)}, simulated {simulated_text(row).partition(' (')[0]}"


# --- tables and report ----------------------------------------------------------------------------------------
def table_shown(found: ValidationFound, role: str) -> Shown:
    """The figures of one role, narrow enough for a terminal; those that are not near stand out."""
    title, _ = _ROLES[role]
    rows = found.of(role).to_dict("records")
    return Shown(
        title,
        ("Figure", "published", "simulated\n(MCSE)", "near"),
        tuple((row["figure"], published_text(row), simulated_text(row), row["near"]) for row in rows),
        strong=_far(rows),
    )


def _far(rows: Any) -> frozenset[int]:
    return frozenset(i for i, row in enumerate(rows) if row["near"] == "no")


def _whole_table(found: ValidationFound, role: str) -> Shown:
    """The figures of one role with their range, what is called near, and where they were published."""
    title, _ = _ROLES[role]
    rows, allowed = found.of(role).to_dict("records"), {one.key: one.near for one in FIGURES}
    heads = ("Source", "Published", "Simulated\n(MCSE)", "5 to 95% of\nreplicates", "Near is\nwithin", "Near")
    return Shown(
        title,
        ("Figure", *heads),
        tuple(
            (
                row["figure"], row["source"], published_text(row), simulated_text(row), _range(row),
                say.percent(allowed[row["key"]]), row["near"],
            )
            for row in rows
        ),
        left=2, strong=_far(rows),
    )  # fmt: skip


def chapters_of(found: ValidationFound) -> list[Chapter]:
    """The answer with its picture, the checks, and the figures that set a parameter."""
    answers = []
    for role, (title, _) in _ROLES.items():
        known = found.of(role)[found.of(role)["near"] != ""]
        near = int((known["near"] == "yes").sum())
        answers.append(Answer(title, f"{near} of {len(known)}", "come near what was published"))
    caption = (
        "How far the published figure lies from the simulated mean, in standard errors of a figure from one simulated "
        "replicate. The trial is one such replicate; national figures are of many more children, and vary less."
    )
    content: list[Content] = [Answers(tuple(answers)), *words_of(found), Picture("validation", caption)]
    chapters = [Chapter("answer", "The answer", tuple(content))]
    for role, (_, name) in _ROLES.items():
        notes = [
            f"{row['figure']}: {row['note']}." for row in found.of(role).to_dict("records") if row["note"]
        ]
        more: list[Content] = [Items(tuple(notes))] if notes else []
        chapters.append(Chapter(role, name, (_whole_table(found, role), *more)))
    return chapters


def _range(row: Any) -> str:
    if not np.isfinite(row["low"]):
        return say.UNKNOWN
    low, high = (_shown(row[name], row["unit"]) for name in ("low", "high"))
    digits = say.digits_for(_shown(row["mcse"], row["unit"]), most=3)
    return f"{say.number(low, digits)} to {say.number(high, digits)}"
