"""Parameters from returns in words, tables and chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from best_sim.questions.found import Chapter, Content, Heading, Items, Picture, Shown
from best_sim.questions.returns import files_shown

if TYPE_CHECKING:
    from best_sim.questions.local_rates.rates import LocalRates
    from best_sim.questions.local_rates.run import LocalRatesFound

_SPREAD = {
    "estimated": "The spread between children is a lognormal frailty, estimated; only children who were seen from the "
    "day they came into care take part in that.",
    "base": "The spread between children is that of the base file; only children who were seen from the day they came "
    "into care take part in the fit.",
    "none": "Children are taken to differ in nothing but what is measured; those in care when the window began take "
    "part from then on.",
}


def estimated(rates: LocalRates) -> list[dict[str, Any]]:
    """The parameters that could be estimated: rows of the table of figures."""
    t = rates.table
    rows: list[dict[str, Any]] = t[(t["parameter"] != "") & ~t["suppressed"]].to_dict("records")  # type: ignore[assignment]
    return rows


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: LocalRatesFound) -> list[str]:
    """What was read, what was estimated and what was not, and how the forecast did."""
    rates, question = found.rates, found.question
    shown = int((~rates.table["suppressed"]).sum())
    said = [
        question.clean.in_words(question.smallest)[0],
        f"{shown} figures from {rates.who}. The scenario local.toml extends the base file with what was estimated, "
        f"{len(rates.values)} parameters.",
    ]
    if rates.missing:
        said.append("Not estimated, and as in the base file:")
        said += [f"- {one}" for one in rates.missing]
    if found.cast is not None:
        inside, months = found.cast.held
        said.append(
            f"{inside} of {months} months lie within the {found.cast.level:.0%} interval of the forecast, over "
            f"{found.cast.replicates} simulated runs, each with parameters drawn by how well they are known."
        )
    return said


def notes_of(found: LocalRatesFound) -> list[str]:
    """What the estimates rest on."""
    question = found.question
    named = "family" in question.clean.episodes
    notes = [
        _SPREAD[found.rates.frailty],
        "Siblings are named, and intervals allow for them."
        if named
        else "No siblings are named, so every child counts as a family: intervals are too narrow where siblings come "
        "together, and the effects of age and of earlier moves are blurred.",
        f"The authority is taken to have the site, the court and the team of {question.borough} in the scenario below, "
        "since returns say nothing of courts; nothing else of that scenario counts.",
        "What could not be estimated is as in the base file.",
        f"Counts under {question.smallest} are not shown, nor what is worked out from them.",
    ]
    if found.cast is not None:
        notes.append(
            "A forecast does not begin with the authority's own children: where entries have risen or fallen, the "
            "number in care begins at what the mean rate would give. Proceedings take as long as that court makes them."
        )
    return notes


# --- tables ---------------------------------------------------------------------------------------------------
def parameters_shown(found: LocalRatesFound) -> Shown:
    """A row for each parameter that was estimated, beside the base file's value."""
    return Shown(
        "Estimated parameters",
        ("parameter", "base", "estimate", f"{found.rates.level:.0%} interval"),
        tuple(
            (
                str(r["parameter"]),
                _number(found.rates.known.get(str(r["parameter"]))),
                _number(r["estimate"]),
                f"{_number(r['low'])}, {_number(r['high'])}" if r["low"] == r["low"] else "",
            )
            for r in estimated(found.rates)
        ),
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}".replace("-", "−")


def _months_shown(found: LocalRatesFound) -> Shown:
    assert found.cast is not None
    return Shown(
        "Months, seen and forecast",
        ("", "month", "seen", "forecast", f"{found.cast.level:.0%} interval"),
        tuple(
            (
                {"in_care": "in care at its end", "entries": "came into care"}.get(r["quantity"], "moves a child-year"),
                f"{r['month']:%B %Y}",
                _number(r["observed"]) if r["observed"] == r["observed"] else "-",
                _number(r["forecast"]),
                f"{_number(r['low'])} to {_number(r['high'])}",
            )
            for r in found.cast.months.to_dict("records")
        ),
        note=f"-: fewer than {found.question.smallest}, or left out so that such a count can't be told.",
        left=2,
    )  # fmt: skip


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: LocalRatesFound) -> list[Chapter]:
    """The parameters, the forecast, and what is in the returns."""
    from best_sim.questions.local_rates.figures import compared

    read, counted, *_ = words_of(found)
    rates: list[Content] = [parameters_shown(found)]
    if compared(found.rates):
        caption = "Placement parameters that were estimated, with intervals, beside the base file's values."
        rates.insert(0, Picture("rates", caption))
    if found.rates.missing:
        rates += [Heading("Not estimated"), Items(found.rates.missing)]
    chapters = [
        Chapter(
            "summary", "In plain words", (Heading("What was asked"), found.question.question, read, counted)
        ),
        Chapter("rates", "The parameters", tuple(rates)),
    ]
    if found.cast is not None:
        caption = (
            "The last year, month by month: what was seen, and what was forecast from the years before it."
        )
        cast = (words_of(found)[-1], Picture("backcast", caption), _months_shown(found))
        chapters.append(Chapter("backcast", "The last year, forecast", cast))
    changed = Items(tuple(found.question.clean.in_words(found.question.smallest)[1:]))
    chapters.append(Chapter("returns", "The returns", (changed, files_shown(found.question.clean))))
    return chapters
