"""A sample size in words, tables and chapters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown
from best_sim.trial.outcomes import effects

if TYPE_CHECKING:
    from best_sim.questions.sample_size.ask import SampleSizeQuestion
    from best_sim.questions.sample_size.run import SampleSizeFound
    from best_sim.questions.sample_size.search import SizeFound

_HEADS = (("fitted", "curve"), ("months to", "recruit"), ("target", "reached"))
_MISFIT = 0.01
"""p of the test of the curve below which it is said that it does not fit."""


# --- words ----------------------------------------------------------------------------------------------------
def size_words(question: SampleSizeQuestion, x: float) -> str:
    """A size as it is written: whole where it has to be, else with four significant digits."""
    if not math.isfinite(x):
        return "not known" if math.isnan(x) else "no bound"
    return say.number(x) if question.whole else f"{x:.4g}".replace("-", "−")


def between(question: SampleSizeQuestion, one: SizeFound) -> str:
    """The interval of a size."""
    low, high = one.interval
    if not math.isfinite(high - low):
        return "not bounded yet"
    return f"{size_words(question, low)} to {size_words(question, high)}"


def months_words(one: SizeFound) -> str:
    """How long recruitment takes."""
    early, middle, late = one.months
    if math.isfinite(late):
        return f"{middle:.0f} months ({early:.0f} to {late:.0f} in nine of ten trials)"
    if math.isfinite(middle):
        return f"{middle:.0f} months in the median; in some trials the target is never reached within the run"
    return "longer than the run in most trials"


def sentence_of(question: SampleSizeQuestion, one: SizeFound) -> str:
    """What one search found."""
    power = f"{question.share_found} of {say.percent(question.power)}"
    if one.reason:
        return f"No size {question.limits} gives a {power}. {one.reason}."
    size = size_words(question, one.size)
    named = (
        f"{size} {question.what} give"
        if question.what != question.along
        else f"{question.along} = {size} gives"
    )
    said = (
        f"{named} a {power} (95% interval {between(question, one)}; {one.replicates:,} simulated trials, each scored "
        f"{say.plural(question.scorings, 'time')}). That is about {say.number(one.children)} children analysed; "
        f"recruiting takes {months_words(one)}, from {say.month(question.world.simulation.start_date)}. The service to "
        f"the trial's families costs about £{say.number(one.cost)}."
    )
    if not question.smallest <= one.size <= question.largest:
        said += f" That was not tried: it is where the curve fitted to sizes {question.limits} would go."
    if one.plausible:
        said += f" That is outside the plausible range of {question.along}, {one.plausible}."
    if not one.reached:
        said += f" The trials were spent before the interval was {question.within:g} to either side."
    if one.curve.misfit < _MISFIT:
        said += f" The fitted curve misses some of the sizes tried (p = {one.curve.misfit:.1g})."
    return said


def words_of(found: SampleSizeFound) -> list[str]:
    """What was found, a sentence for each value, and of which design."""
    question = found.question
    out = [
        f"{'' if one.value is None else f'{question.against} = {one.value:g}: '}{sentence_of(question, one)}"
        for one in found.sizes
    ]
    return [*out, f"Design: {design_words(question)} Simulated; not results of the trial."]


def design_words(question: SampleSizeQuestion) -> str:
    """The design, with its effect."""
    effect, design = question.trial.effect, question.of_trial
    if effect is None:
        return f"{design.name}."
    if design.effect is None or not question.trial.has_effect(design):
        return (
            f"{design.name}, which has no direct effect of LIFT: what its trials find is a type I error, or came about "
            "by way of moves and delays."
        )
    whom = effects.whom(effect, question.world.outcomes.effect_applies_to)
    return f"{design.name}, a {effects.named(effect, design.effect)} ({effect.side(design.effect)}){whom}."


def notes_of(found: SampleSizeFound) -> list[str]:
    """What the answer rests on."""
    question = found.question
    return [
        "The effect is what the simulation was told to assume. It is not an estimate of what LIFT does.",
        f"{question.along} is listed below as the scenario has it, and was set to each of the sizes tried.",
        "The intervals hold only the error of simulating so many trials; they do not hold how unsure the parameters "
        "are.",
        "Each size is a trial of its own: the target decides when recruitment stops, how busy LIFT is and who receives "
        "it. So power need not rise with it everywhere.",
    ]


# --- tables ---------------------------------------------------------------------------------------------------
def tried_shown(found: SampleSizeFound, one: SizeFound) -> Shown:
    """Every size that was tried in one search."""
    question = found.question
    rows = one.points.to_dict("records")
    at = "" if one.value is None else f", {question.against} = {one.value:g}"
    return Shown(
        f"Sizes tried{at}",
        (question.what, "trials", question.share_found, "MCSE", *(f"{a}\n{b}" for a, b in _HEADS)),
        tuple(
            (
                size_words(question, r["size"]) + ("" if r["used"] else " *"), say.number(r["trials"]),
                say.percent(r["power"], 1), say.points(r["mcse"]), say.percent(r["fitted"], 1),
                say.number(r["months"], 0) if math.isfinite(r["months"]) else "never",
                say.percent(r["reached_target"]),
            )
            for r in rows
        ),
        note="MCSE: Monte Carlo standard error, percentage points. Months: median."
        + ("" if one.points["used"].all() else " * took no part in the last fit."),
    )  # fmt: skip


def found_shown(found: SampleSizeFound) -> Shown:
    """The size found at each value of the second parameter."""
    question = found.question
    return Shown(
        f"For a {question.share_found} of {say.percent(question.power)}, against {question.against}",
        ("value", question.what, "95% interval", "trials", "months to\nrecruit", "service,\n£ thousand"),
        tuple(
            (
                f"{one.value:g}",
                "none" if one.reason else size_words(question, one.size),
                "" if one.reason else between(question, one),
                say.number(one.replicates),
                "" if one.reason else say.number(one.months[1]) if math.isfinite(one.months[1]) else "never",
                "" if one.reason else say.number(one.cost / 1000),
            )
            for one in found.sizes
        ),
        note="Months: median, from the start date; never: not within the run in most trials.",
    )  # fmt: skip


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: SampleSizeFound) -> list[Chapter]:
    """The answer, the search, and how it is made."""
    question = found.question
    answer: list[Content] = [Heading("What was asked"), question.question or _asked(question)]
    answer += [
        Heading("The answer"),
        Answers(tuple(_answer(question, one) for one in found.sizes)),
        *words_of(found),
    ]
    if question.against is not None:
        answer += [
            found_shown(found),
            Picture("pairs", "The size found at each value, with its 95% interval; common random numbers."),
        ]
    search: list[Content] = []
    for one in found.sizes:
        name = "sample-size" if one.value is None else f"sample-size-{one.value:.12g}"
        search += [
            Picture(
                name, "Simulated power at the sizes tried, and the curve fitted to those near the answer."
            ),
            tried_shown(found, one),
        ]
    return [
        Chapter("answer", "In plain words", tuple(answer)),
        Chapter("search", "The search", tuple(search)),
        Chapter("method", "How the size is found", tuple(_method(found))),
    ]


def _asked(question: SampleSizeQuestion) -> str:
    at = f", at each of {len(question.values)} values of {question.against}" if question.against else ""
    return (
        f"Which size ({question.along}), {question.limits}, gives the trial a "
        f"{question.share_found} of {say.percent(question.power)}{at}, to within {question.within:g}?"
    )


def _answer(question: SampleSizeQuestion, one: SizeFound) -> Answer:
    what = f"{question.share_found} of {say.percent(question.power)}".capitalize()
    at = "" if one.value is None else f", {question.against} = {one.value:g}"
    if one.reason:
        return Answer(f"{what}{at}", "no size", question.limits)
    return Answer(
        f"{what}{at}",
        f"{size_words(question, one.size)} {question.what}",
        f"95% interval {between(question, one)}",
    )


def _method(found: SampleSizeFound) -> list[Content]:
    question = found.question
    straight = "square root of the number of families" if question.what != question.along else "parameter"
    out: list[Content] = [
        f"A probit curve, straight in the {straight}, is fitted to the sizes within 40% of the best guess. Batches "
        "grow from 200 trials: three fifths go to the best guess, a fifth to 15% below and above it. The search ends "
        "when Fieller's 95% interval of the size is narrow enough, when a size at the edge of what may be tried is "
        "known to fall short, or when the trials are spent.",
        "Zimmer and Debelak, Psychological Methods 2023, doi 10.1037/met0000611; Finney, Probit Analysis, 1971.",
    ]
    for one in found.sizes:
        if one.reached:
            at = "" if one.value is None else f"At {question.against} = {one.value:g}: "
            out.append(
                f"{at}{one.replicates:,} trials were simulated. A plain grid {question.limits} "
                f"would take about {say.number(one.by_grid[0])} for an interval as narrow if the "
                f"same curve were fitted to all of it, and {say.number(one.by_grid[1])} if the size were read off it."
            )
    return out
