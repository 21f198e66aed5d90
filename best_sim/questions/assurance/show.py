"""Assurance in words, tables and chapters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown

if TYPE_CHECKING:
    from best_sim.questions.assurance.ask import AssuranceQuestion
    from best_sim.questions.assurance.run import AssuranceFound
    from best_sim.questions.power.priors import Prior


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: AssuranceFound) -> list[str]:
    """The average, beside what it would be if the medians were so."""
    question, what = found.question, found.question.share_found
    low, high = found.interval
    good = found.favourable.value
    side = (
        f" In {say.percent(good, 1)} of trials the difference found is in the direction that is better for children."
        if math.isfinite(good)
        else ""
    )
    known = (
        f"With every parameter at its median, the {what} is {say.percent(found.at_medians.value, 1)} (MCSE "
        f"{say.points(found.at_medians.mcse)} points)."
    )
    return [
        f"{say.capital(question.averaged)} {say.percent(found.assurance.value, 1)} (95% interval "
        f"{say.percent(low, 1)} to {say.percent(high, 1)}): the {what}, averaged over what is believed of "
        f"{say.plural(len(found.priors), 'parameter')}.{side}",
        f"{known} {question.about_design} The beliefs are assumptions.",
    ]


def notes_of(found: AssuranceFound) -> list[str]:
    """What the answer rests on."""
    return [
        "What is believed of each parameter is an assumption of whoever wrote the experiment; it is not an estimate "
        "of what LIFT does, and parameters are drawn as if what is believed of one said nothing of another.",
        f"The interval holds only the error of running {say.plural(found.question.replicates, 'replicate')}.",
    ]


# --- tables ---------------------------------------------------------------------------------------------------
def shares_shown(found: AssuranceFound) -> Shown:
    """The average, its part in the direction that is better for children, and the power at the medians."""
    low, high = found.interval
    what = found.question.share_found
    shares = [(say.capital(found.question.averaged), found.assurance)]
    if math.isfinite(found.favourable.value):
        shares.append(("found in the direction better for children", found.favourable))
    shares.append((f"{say.capital(what)} at the medians", found.at_medians))
    lost = f" {say.plural(found.failed, 'fit')} failed." if found.failed else ""
    return Shown(
        f"{say.capital(found.question.averaged)} ({found.question.design_words})",
        ("", "share", "MCSE", "95% interval"),
        tuple(
            (
                name, say.percent(share.value, 1), say.points(share.mcse),
                f"{say.percent(low, 1)} to {say.percent(high, 1)}" if k == 0 else "",
            )
            for k, (name, share) in enumerate(shares)
        ),
        note=f"{say.plural(found.question.replicates, 'replicate')}.{lost} MCSE: Monte Carlo standard error, "
        "percentage points.",
    )  # fmt: skip


def beliefs_shown(question: AssuranceQuestion) -> Shown:
    """What is believed of each parameter."""

    def row_of(prior: Prior) -> tuple[str, ...]:
        ends = prior.ends(0.05)
        low, middle, high = (f"{float(value):.4g}" for value in (ends[0], prior.quantile(0.5), ends[1]))
        return prior.key, prior.distribution, low, middle, high, prior.note

    return Shown(
        "What is believed",
        ("parameter", "distribution", "5% below", "median", "5% above", "where it comes from"),
        tuple(map(row_of, question.priors)),
        left=2,
    )


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: AssuranceFound) -> list[Chapter]:
    """The answer, what is believed, and the power along each parameter."""
    question, what = found.question, found.question.share_found
    summary: list[Content] = [Heading("What was asked"), question.question or _asked(question)]
    summary += [Heading("The answer"), _headline(found), *words_of(found), shares_shown(found)]
    along: list[Content] = [
        f"Trials are put in order of one parameter's value and divided into parts of equal size; each dot is the "
        f"{what} in one part, over all that is believed of the other parameters."
    ]
    along += [Picture(name, f"{say.capital(what)} by {_key(found, name)}.") for name in found.drawn]
    return [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("beliefs", "What is believed", (beliefs_shown(question),)),
        Chapter("along", f"{say.capital(what)} along each parameter", tuple(along)),
    ]


def _key(found: AssuranceFound, name: str) -> str:
    from best_sim.questions.assurance.run import table_along

    return next(prior.key for prior in found.priors if table_along(prior.key) == name)


def _asked(question: AssuranceQuestion) -> str:
    return (
        f"How often would the trial of {say.number(question.world.trial.target_families)} families find an effect, "
        "where the parameters are not known, but something is believed of each?"
    )


def _headline(found: AssuranceFound) -> Answers:
    question, (low, high) = found.question, found.interval
    return Answers(
        (
            Answer(
                say.capital(question.averaged), say.percent(found.assurance.value, 1),
                f"95% interval {say.percent(low, 1)} to {say.percent(high, 1)}",
            ),
            Answer(
                f"{say.capital(question.share_found)}, if every parameter had its median",
                say.percent(found.at_medians.value, 1), question.design_words,
            ),
        )
    )  # fmt: skip
