"""Methods of allocation in words, tables and chapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.questions.allocations.run import FACTORS, QUANTITIES
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Items, Picture, Shown

if TYPE_CHECKING:
    from best_sim.questions.allocations.ask import AllocationsQuestion
    from best_sim.questions.allocations.run import AllocationsFound

_ALL, _WITHIN = FACTORS[0], "guessed within the borough"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: AllocationsFound) -> list[str]:
    """Which method leaves the arms least unequal, and which can be guessed best."""
    told = {(str(r["method"]), str(r["quantity"])): r for r in found.summary.to_dict("records")}
    methods = [one.name for one in found.question.methods]
    unequal = [f"{method} {say.number(told[method, _ALL]['mean'], 1)}" for method in methods]
    right = [f"{method} {say.percent(told[method, _WITHIN]['mean'])}" for method in methods]
    return [
        f"Means over {say.plural(found.question.replicates, 'trial')} of the same families. Families more in one arm "
        f"than the shares ask: {say.listed(unequal)}. Allocations guessed right by somebody who knows the earlier ones "
        f"of the borough: {say.listed(right)}.",
        "What keeps the arms alike also makes allocation predictable: somebody who knows the earlier ones can better "
        "guess the next.",
    ]


def notes_of() -> list[str]:
    """What the answer rests on."""
    return [
        "Somebody who guesses is supposed to know all earlier allocations of the same borough, or of the same site, "
        "and to bet on the arm that is behind (Blackwell and Hodges 1957). Nobody in the simulation acts on a guess.",
    ]


# --- tables ---------------------------------------------------------------------------------------------------
def methods_shown(found: AllocationsFound) -> Shown:
    """A row for each quantity, a column for each method."""
    told = {(str(r["method"]), str(r["quantity"])): r for r in found.summary.to_dict("records")}
    methods = [one.name for one in found.question.methods]

    def cell(method: str, quantity: str) -> str:
        row, digits = told[method, quantity], 2 if quantity.startswith("guessed") else 1
        return f"{say.number(row['mean'], digits)} ({say.number(row['high'], digits)})"

    return Shown(
        "Mean over simulated trials (95th centile)",
        ("", *methods),
        tuple((quantity, *(cell(method, quantity) for method in methods)) for quantity in QUANTITIES),
        note="Largest difference between arms in a level of each factor, families; and shares guessed right.",
    )


def _errors_shown(found: AllocationsFound) -> Shown:
    return Shown(
        "Means with their Monte Carlo standard errors",
        ("method", "quantity", "mean", "95th centile"),
        tuple(
            (str(r["method"]), str(r["quantity"]), say.with_error(r["mean"], r["mcse"]), say.number(r["high"], 2))
            for r in found.summary.to_dict("records")
        ),
        left=2,
    )  # fmt: skip


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: AllocationsFound) -> list[Chapter]:
    """The answer, and the methods compared."""
    question = found.question
    summary: list[Content] = [Heading("What was asked"), question.question or _asked(question)]
    summary += [Heading("The answer"), _headline(found), *words_of(found)]
    methods: list[Content] = [
        Items(tuple(f"{one.name}: {', '.join(one.changes)}" for one in question.methods)),
        methods_shown(found),
        Picture(
            "allocations",
            "How unequal each method leaves the arms, by factor, and how well the next allocation can be guessed.",
        ),
        _errors_shown(found),
    ]
    return [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("methods", "The methods", tuple(methods)),
    ]


def _asked(question: AllocationsQuestion) -> str:
    return (
        f"If the same families, about {say.number(question.world.trial.target_families)}, were allocated by each of "
        f"{say.plural(len(question.methods), 'method')}: how unequal would the arms come out, and how well could the "
        "next allocation be guessed?"
    )


def _headline(found: AllocationsFound) -> Answers:
    told = {(str(r["method"]), str(r["quantity"])): r for r in found.summary.to_dict("records")}
    return Answers(
        tuple(
            Answer(
                say.capital(one.name),
                f"{say.number(told[one.name, _ALL]['mean'], 1)} families",
                f"more in one arm; {say.percent(told[one.name, _WITHIN]['mean'])} guessed within a borough",
            )
            for one in found.question.methods[:4]
        )
    )
