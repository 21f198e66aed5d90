"""Paired counterfactuals in words, tables and chapters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from best_sim.drawing import wording as say
from best_sim.questions.counterfactuals.measures import MEASURES
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from best_sim.questions.counterfactuals.run import CounterfactualsFound


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: CounterfactualsFound) -> list[str]:
    """What allocation to LIFT changes for the same child, and what single trials would have estimated."""
    rows = {str(row["outcome"]): row for row in found.effects.to_dict("records")}
    score, estimates = rows["sdq"], found.estimates
    families = int(found.children.groupby("replicate")["family"].nunique().sum())
    out = [
        f"{say.plural(len(found.children), 'child', 'children')} of {say.plural(families, 'family', 'families')} were "
        f"simulated in both services with common random numbers. The SDQ at 30 months differs by {_mean(score)} points "
        f"on average, LIFT less SAU, and not at all for {say.percent(score['same'])} of children.",
        f"Beside it, {_mean(rows['days_to_permanence'])} days from entry to permanence, and "
        f"{_mean(rows['weeks_of_proceedings'])} weeks of proceedings. The differences are what the scenario assumes: a "
        "direct effect, if it has one, and moves and delays that LIFT changes.",
    ]
    fits = estimates.dropna(subset="estimate")
    if len(fits):
        held = int(((fits["low"] <= fits["truth"]) & (fits["truth"] <= fits["high"])).sum())
        out.append(
            f"A trial sees each family in one service: the {say.plural(len(fits), 'trial')} would have estimated "
            f"{_signed(fits['estimate'].min())} to {_signed(fits['estimate'].max())} points; {held} of "
            f"{len(fits)} intervals hold the true mean of the trial's own children."
        )
    return out


def notes_of(found: CounterfactualsFound) -> list[str]:
    """What the answer rests on."""
    return [
        f"Families are sent to the other arm in {found.question.parts} parts, one after another, so teams and courts "
        "are about as busy as they were; what a whole arm more would do to them is left out.",
        f"{say.plural(found.left_out, 'family was', 'families were')} randomised in one of the two services only, "
        "because the time of an answer moved, and left out.",
    ]


def _mean(row: Mapping[Any, Any]) -> str:
    plus = "+" if row["mean"] > 0 else ""
    if math.isfinite(row["mcse"]) and row["mcse"] > 0:
        return plus + say.with_error(row["mean"], row["mcse"])
    return plus + say.number(row["mean"], 2)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{say.number(value, 2)}"


# --- tables ---------------------------------------------------------------------------------------------------
def effects_shown(found: CounterfactualsFound) -> Shown:
    """A row for each outcome."""
    return Shown(
        f"LIFT less SAU of the same child, scenario {found.question.world.name}",
        ("outcome", "mean", "SD over\nchildren", "unit"),
        tuple(
            (MEASURES[row["outcome"]].label, _mean(row), say.number(row["sd"], 2), MEASURES[row["outcome"]].unit)
            for row in found.effects.to_dict("records")
        ),
        note=f"{say.plural(len(found.children), 'child', 'children')}; MCSE: Monte Carlo standard error, over "
        f"{say.plural(found.question.replicates, 'replicate')}.",
    )  # fmt: skip


def _shares_shown(found: CounterfactualsFound) -> Shown:
    return Shown(
        "How many children's outcome differs between the services",
        ("outcome", "lower under LIFT", "the same", "higher under LIFT", "children"),
        tuple(
            (
                MEASURES[row["outcome"]].label,
                *(say.percent(row[which], 1) for which in ("lower", "same", "higher")),
                say.number(row["children"]),
            )
            for row in found.effects.to_dict("records")
        ),
    )


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: CounterfactualsFound) -> list[Chapter]:
    """The answer, the effects, and what single trials estimate."""
    question = found.question
    summary: list[Content] = [Heading("What was asked"), question.question or _asked()]
    summary += [Heading("The answer"), _headline(found), *words_of(found)]
    children: list[Content] = [
        effects_shown(found),
        _shares_shown(found),
        Picture(
            "counterfactuals",
            "The difference of each child's score between the services, which no trial can see, and what trials of "
            "these children would have estimated.",
        ),
    ]
    return [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("children", "The same children in both services", tuple(children)),
    ]


def _asked() -> str:
    return (
        "A trial sees each family in one service. What would have become of the same children in the other, and how "
        "far is what single trials estimate from it?"
    )


def _headline(found: CounterfactualsFound) -> Answers:
    rows = {str(row["outcome"]): row for row in found.effects.to_dict("records")}
    return Answers(
        tuple(
            Answer(
                f"{say.capital(MEASURES[name].label)}, LIFT less SAU", _mean(rows[name]), MEASURES[name].unit
            )
            for name in ("sdq", "days_to_permanence", "weeks_of_proceedings")
        )
    )
