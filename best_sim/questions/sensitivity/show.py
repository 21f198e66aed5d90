"""A one-way sensitivity analysis in words, tables and chapters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown
from best_sim.trial.outcomes import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.questions.sensitivity.ask import SensitivityQuestion
    from best_sim.questions.sensitivity.run import SensitivityFound


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: SensitivityFound) -> list[str]:
    """What matters most, which changes chance can't explain, and where the conclusion tips."""
    question, what = found.question, found.question.share_found
    first = found.table.iloc[0]
    end = max(("low", "high"), key=lambda one: abs(first[f"change_{one}"]))
    out = [
        f"Design: {question.design}. With nothing changed, the {what} is {say.percent(found.base.value, 1)} (MCSE "
        f"{say.points(found.base.mcse)} points). The largest change comes of {first['key']}: at {first[end]:g} the "
        f"{what} is {say.percent(first[f'power_{end}'], 1)}, a change of {_change(first, end)} points.",
    ]
    clear = [
        str(row["key"])
        for row in found.table.to_dict("records")
        if any(abs(row[f"change_{one}"]) > 1.96 * row[f"mcse_{one}"] > 0 for one in ("low", "high"))
    ]
    n = len(found.table)
    out.append(
        f"Of {say.plural(n, 'parameter')}, {len(clear)} change{'s' * (len(clear) == 1)} the {what} by more than its "
        f"Monte Carlo error explains{': ' if clear else ''}{say.listed(clear)}."
    )
    if found.shifted is not None:
        out.append(tipping_words(found))
    return out


def tipping_words(found: SensitivityFound) -> str:
    """How many trials change their conclusion, and by which shift."""
    table, question = found.shifted, found.question
    assert table is not None
    unit, tips = OUTCOMES[question.trial.primary.outcome].axis, float(table["tips"].sum())
    ends = [table.iloc[0], table.iloc[-1]]
    shares = [f"{say.percent(row['power'], 1)} at {_signed(row['delta'])} {unit}" for row in ends]
    kept = [f"{say.percent(row['kept'])} still find one at {_signed(row['delta'])}" for row in ends]
    of_found = (
        f" Of the trials that find a difference as they are analysed, {say.listed(kept)}."
        if math.isfinite(ends[0]["kept"])
        else ""
    )
    return (
        f"Were children of the LIFT arm who were not seen unlike those who were seen and are otherwise alike, the "
        f"{question.share_found} would be {say.listed(shares)}.{of_found} {say.percent(tips, 1)} of all trials change "
        "their conclusion at one of the shifts that were tried."
    )


def notes_of(found: SensitivityFound) -> list[str]:
    """What the answer rests on."""
    out = [
        "The ends of each parameter are assumptions of whoever wrote the experiment. One parameter is moved at a time: "
        "what two of them do together is not told.",
        "Every setting is simulated with common random numbers; errors of changes are those of paired differences.",
    ]
    if found.shifted is not None:
        out.append(
            "Nobody can know how those who were not seen would have scored; a shift says by how much children of the "
            "LIFT arm who were missed differ from those who were seen and are otherwise alike."
        )
    return out


def _change(row: Any, end: str) -> str:
    mcse = say.points(row[f"mcse_{end}"])
    return f"{_signed(100 * row[f'change_{end}'], 1)} (MCSE {mcse})"


def _signed(value: float, digits: int = 2) -> str:
    return f"{'+' if value > 0 else ''}{say.number(value, digits)}"


# --- tables ---------------------------------------------------------------------------------------------------
def ends_shown(found: SensitivityFound) -> Shown:
    """Two rows for each parameter, one for each end; narrow enough for a terminal."""
    question, what = found.question, found.question.share_found

    def row_of(row: Mapping[Any, Any], end: str) -> tuple[str, ...]:
        name = str(row["key"]) if end == "low" else ""
        return (
            name, f"{row[end]:g}", say.percent(row[f"power_{end}"], 1),
            _signed(100 * row[f"change_{end}"], 1), say.points(row[f"mcse_{end}"]),
        )  # fmt: skip

    head = what if what in ("power", "type I error") else "share"
    lost = f" {say.plural(found.failed, 'fit')} failed." if found.failed else ""
    return Shown(
        f"{say.capital(what)} with one assumption at its low and high end; base {say.percent(found.base.value, 1)}\n"
        f"(design: {question.design})",
        ("parameter", "at", head, "change", "MCSE"),
        tuple(row_of(row, end) for row in found.table.to_dict("records") for end in ("low", "high")),
        note=f"{say.plural(question.replicates, 'replicate')}, each scored {say.plural(question.scorings, 'time')}."
        f"{lost} Changes and their Monte Carlo standard errors (MCSE) in percentage points.",
    )  # fmt: skip


def shifts_shown(found: SensitivityFound) -> Shown:
    """A row for each shift."""
    table, what = found.shifted, found.question.share_found
    assert table is not None
    of = OUTCOMES[found.question.trial.primary.outcome]
    head = what if what in ("power", "type I error") else "share"
    return Shown(
        f"What is imputed in the LIFT arm, shifted (design: {found.question.design})",
        ("shift,\nSD", f"shift,\n{of.axis}", "mean\nestimate", head, "MCSE", "still\nfound", "tips\nhere"),
        tuple(
            (
                _signed(row["shift"]), _signed(row["delta"]), _signed(row["estimate"]),
                say.percent(row["power"], 1), say.points(row["mcse"]),
                *(say.percent(row[name], 1) if math.isfinite(row[name]) else "" for name in ("kept", "tips")),
            )
            for row in table.to_dict("records")
        ),
        note="Still found: of trials that find a difference without a shift. Tips here: "
        "share of trials whose conclusion changes at this shift and at none nearer to zero.",
        left=0,
    )  # fmt: skip


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: SensitivityFound) -> list[Chapter]:
    """The answer, the tornado, and the tipping point."""
    question, what = found.question, found.question.share_found
    summary: list[Content] = [Heading("What was asked"), question.question or _asked(question)]
    summary += [Heading("The answer"), _headline(found), *words_of(found)]
    tornado: list[Content] = [
        Picture(
            "sensitivity",
            f"The {what} with each parameter at its low and its high end, the one that matters most at the top.",
        ),
        ends_shown(found),
    ]
    if notes := tuple(
        (str(row["key"]), str(row["note"])) for row in found.table.to_dict("records") if row["note"]
    ):
        tornado.append(Shown("What is said of the ends", ("parameter", "note"), notes, left=2))
    out = [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("tornado", "One assumption at a time", tuple(tornado)),
    ]
    if found.shifted is not None:
        of_shifts: list[Content] = [
            "The analysis imputes the outcomes of children who were not seen as if, given what else is known of them, "
            "they were like those who were seen. Here that is supposed to be wrong for the LIFT arm, by more and more.",
            Picture("tipping-point", f"The {what} by the shift, and where conclusions change."),
            shifts_shown(found),
        ]
        out.append(Chapter("tipping-point", "Where the conclusion tips", tuple(of_shifts)))
    return out


def _asked(question: SensitivityQuestion) -> str:
    return (
        f"Which assumptions does the {question.share_found} of the trial of "
        f"{say.number(question.world.trial.target_families)} families depend on most, each moved between its ends "
        "while the others stay?"
    )


def _headline(found: SensitivityFound) -> Answers:
    question, first = found.question, found.table.iloc[0]
    low, high = (say.percent(first[f"power_{end}"], 1) for end in ("low", "high"))
    return Answers(
        (
            Answer(
                f"{say.capital(question.share_found)}, nothing changed", say.percent(found.base.value, 1),
                f"design: {question.design}; MCSE {say.points(found.base.mcse)} points",
            ),
            Answer(
                "What matters most", f"{low} and {high}", f"{first['key']} at {first['low']:g} and at {first['high']:g}"
            ),
        )
    )  # fmt: skip
