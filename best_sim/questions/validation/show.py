"""What a validation says: first how many checks hold and which do not, for they alone test the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Items, Picture, Shown
from best_sim.questions.validation.judging import CANT_TELL, ERRORS, HOLDS, NOT_MET, NOT_SIMULATED
from best_sim.questions.validation.published import PERCENT

if TYPE_CHECKING:
    from best_sim.questions.validation.run import ValidationFound

ROLES = {
    "check": ("Figures that set no parameter, and so check the model", "Checks"),
    "set": ("Figures to which a parameter was set", "Figures that set a parameter"),
}
"""By role: title of the table, and of the chapter."""

NOTES = (
    "A figure to which a parameter was set does not test the model: that it is met says only that the parameter was "
    "set well. Figures that set nothing do test it.",
    f"A figure is met if it lies within {ERRORS:g} joint standard errors of what was published, or inside the "
    "published range. The published figure's own error is binomial or Poisson where the number behind it is known, and "
    "otherwise as stated beside it: an interval, rounding, or the difference between two ways of counting.",
    "It can't be told where twice the simulation's own error is more than half of what would hold; more replicates "
    "tell.",
    "Where the published population is wider than the simulated one (children of all ages, most of all), the table "
    "says so; such figures are counted apart.",
    "The national scenario goes on to June 2025 with what it holds last, so its figures of 2024 and 2025 are "
    "forecasts.",
)


# --- numbers --------------------------------------------------------------------------------------------------
def published_text(row: Any) -> str:
    """A published figure with its unit, to the digits with which it was published; a range where there is no value."""
    if np.isfinite(row["published"]):
        return _with_unit(say.entered(row["published"], 0), row["unit"])
    return _with_unit(f"{say.entered(row['low'], 0)} to {say.entered(row['high'], 0)}", row["unit"])


def short_text(row: Any) -> str:
    """A published figure without its unit, but for per cent."""
    return published_text(row if row["unit"] == PERCENT else {**row, "unit": ""}).strip()


def error_text(row: Any) -> str:
    """The published figure's own standard error; nothing where only its range is known."""
    error = row["published_error"]
    return say.number(error, say.digits_for(error, most=3)) if error > 0.0 else ""


def range_text(row: Any) -> str:
    """The published range; nothing where there is none."""
    if not np.isfinite(row["low"]):
        return ""
    return f"{say.entered(row['low'], 0)} to {say.entered(row['high'], 0)}"


def simulated_text(row: Any) -> str:
    """A simulated figure and its Monte Carlo standard error, to the digits that the error allows."""
    if not np.isfinite(row["simulated"]):
        return "nobody"
    least = max(row["mcse"] / 3.0, row["published_error"] / 10.0)
    digits = (
        min(say.digits_for(row["mcse"], most=3), say.digits_for(least, most=3)) if row["mcse"] > 0.0 else 1
    )
    said = say.number(row["simulated"], digits)
    return f"{said} ({say.number(row['mcse'], digits)})" if np.isfinite(row["mcse"]) else said


def z_text(row: Any) -> str:
    """The standardised difference."""
    z = row["z"]
    if not np.isfinite(z):
        return ""
    return say.number(z, 1) if abs(z) < 100.0 else (">99" if z > 0 else "<-99")


def _with_unit(number: str, unit: str) -> str:
    if unit == PERCENT:
        return f"{number}%"
    if unit == "GBP":
        return f"£{number}"
    if unit in ("", "ratio"):
        return number
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: ValidationFound) -> list[str]:
    """How many checks hold and which do not, group by group; then the same of the figures that set a parameter."""
    checks, settings = found.of("check"), found.of("set")
    out = []
    if len(checks):
        out.append(
            f"{_count(checks)} that set no parameter, and so check the model, hold{_by_population(checks)}."
        )
        out += [_of_group(str(name), rows) for name, rows in checks.groupby("group", sort=False)]
    if len(settings):
        said = f"{_count(settings)} to which a parameter was set are met"
        out.append(". ".join([said, *_named(settings, NOT_MET, "Not met")]) + ".")
    if len(found.table) and len(nobody := found.table[found.table["verdict"] == NOT_SIMULATED]):
        out.append(
            f"Nobody to count, or a period that is not simulated: {say.plural(len(nobody), 'figure')} "
            f"({', '.join(nobody['id'])})."
        )
    if len(found.context):
        out.append(
            f"{say.plural(len(found.context), 'published figure')} can't be compared; the report says why of each."
        )
    return out


def _of_group(name: str, rows: Any) -> str:
    """How many checks of a group hold, and which do not."""
    parts = [f"{name}: {_count(rows)} hold"]
    parts += [
        *_named(rows, NOT_MET, "Not met"),
        *_named(rows, CANT_TELL, "Can't be told with so few replicates"),
    ]
    return ". ".join(parts) + "."


def _known(table: Any) -> Any:
    return table[table["verdict"] != NOT_SIMULATED]


def _count(table: Any) -> str:
    known = _known(table)
    return f"{(known['verdict'] == HOLDS).sum()} of {say.plural(len(known), 'figure')}"


def _by_population(table: Any) -> str:
    """The same, apart for figures of the population that is simulated."""
    known = _known(table)
    like = known[known["differs"] == ""]
    if not 0 < len(like) < len(known):
        return ""
    return f" ({(like['verdict'] == HOLDS).sum()} of {len(like)} whose population and period are simulated)"


def _named(table: Any, verdict: str, head: str) -> list[str]:
    rows = table[table["verdict"] == verdict].to_dict("records")
    if not rows:
        return []
    return [f"{head}: " + "; ".join(f"{row['figure']} ({_beside(row)})" for row in rows)]


def _beside(row: Any) -> str:
    return f"published {published_text(row)}, simulated {simulated_text(row).partition(' (')[0]}"


# --- tables and report ----------------------------------------------------------------------------------------
def table_shown(found: ValidationFound, role: str) -> Shown:
    """The figures of one role, narrow enough for a terminal; those that are not met stand out."""
    rows = found.of(role).to_dict("records")
    return Shown(
        ROLES[role][0],
        ("Figure", "published", "simulated\n(MCSE)", "errors\naway", "verdict"),
        tuple((row["id"], short_text(row), simulated_text(row), z_text(row), row["verdict"]) for row in rows),
        strong=_far(rows),
    )


def _far(rows: Any) -> frozenset[int]:
    return frozenset(i for i, row in enumerate(rows) if row["verdict"] == NOT_MET)


def _whole_table(found: ValidationFound, role: str) -> Shown:
    """The figures of one role with both errors, whom and when they are of, and where they were published."""
    rows = found.of(role).to_dict("records")
    heads = (
        "Population", "Source", "Published", "Its error", "Range", "Simulated\n(MCSE)", "Errors\naway", "Verdict",
    )  # fmt: skip
    return Shown(
        ROLES[role][0],
        ("Figure", *heads),
        tuple(
            (
                row["figure"], f"{row['population']}; {row['period']}", row["source"], published_text(row),
                error_text(row), range_text(row), simulated_text(row), z_text(row), row["verdict"],
            )
            for row in rows
        ),
        left=3, strong=_far(rows),
    )  # fmt: skip


def _context_table(found: ValidationFound) -> Shown:
    rows = found.context.to_dict("records")
    return Shown(
        "Published figures that can't be compared",
        ("Figure", "Published", "Why it can't be", "Source"),
        tuple(
            (
                row["figure"],
                published_text({**row, "published": _number(row["published"])})
                if np.isfinite(_number(row["published"])) or np.isfinite(_number(row["low"]))
                else "",
                row["reason"],
                row["source"],
            )
            for row in rows
        ),
        left=4,
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def chapters_of(found: ValidationFound) -> list[Chapter]:
    """The answer with its picture, the checks, the figures that set a parameter, and those that can't be computed."""
    answers = []
    for role, (title, _) in ROLES.items():
        if len(table := found.of(role)):
            known = _known(table)
            met = int((known["verdict"] == HOLDS).sum())
            answers.append(Answer(title, f"{met} of {len(known)}", "hold"))
    content: list[Content] = [Answers(tuple(answers)), *words_of(found)]
    if len(found.table):
        caption = (
            "How far the simulated figure lies from the published one, in standard errors of both together; from the "
            "nearer end where only a range was published."
        )
        content.append(Picture("validation", caption))
    chapters = [Chapter("answer", "The answer", tuple(content))]
    for role, (_, name) in ROLES.items():
        rows = found.of(role).to_dict("records")
        if not rows:
            continue
        said = [
            f"{row['figure']}: " + "; ".join(one for one in (row["differs"], row["note"]) if one) + "."
            for row in rows
            if row["differs"] or row["note"]
        ]
        more: list[Content] = [Items(tuple(said))] if said else []
        chapters.append(Chapter(role, name, (_whole_table(found, role), *more)))
    if len(found.context):
        chapters.append(Chapter("context", "What can't be compared", (_context_table(found),)))
    return chapters
