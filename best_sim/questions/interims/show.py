"""Interim analyses in words, tables and chapters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown
from best_sim.questions.interims.run import ALL, CROSSED
from best_sim.trial.outcomes import OUTCOMES, effects
from best_sim.trial.sequential import HwangShihDeCani, PocockType, PowerFamily

if TYPE_CHECKING:
    from best_sim.questions.interims.ask import InterimsQuestion
    from best_sim.questions.interims.run import InterimsFound


def spending_words(question: InterimsQuestion) -> str:
    """How alpha is spent."""
    match question.function:
        case HwangShihDeCani(gamma):
            return f"Hwang, Shih and DeCani's spending function (gamma {say.number(gamma, 1)})"
        case PowerFamily(rho):
            return f"Kim and DeMets's power family of spending functions (rho {say.number(rho, 1)})"
        case PocockType():
            return "a spending function of the Pocock type"
    return "a spending function of the O'Brien-Fleming type"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: InterimsFound) -> list[str]:
    """When the analyses come, what they find, what stopping saves, and what is reported then."""
    question, table = found.question, found.by_look
    out = []
    for row in table.to_dict("records")[:-1]:
        when = f"{say.month(row['date'])} (median)" if row["date"] else "never within the run"
        out.append(
            f"Interim analysis {row['look']}, when {say.percent(row['share'])} of the last visits are over: {when}, "
            f"with {say.number(row['randomised'])} of {say.number(question.target)} families randomised and "
            f"{say.number(row['to_come'])} still to be visited for the last time; {say.percent(row['ended'], 1)} of "
            "trials have ended by then."
        )
    power, without, saved = (found.share(name) for name in ("found", "found_without", "visits_saved"))
    share, other = (say.percent(one.value, 1) for one in (power, without))
    if question.share_found == "type I error":
        what = (
            f"The design has no direct effect: {share} of trials report a difference all the same (type I error; "
            f"{_mcse(power.mcse)}; nominal level {say.percent(question.trial.alpha)}), and {other} of them do so with "
            "one analysis at the end."
        )
    else:
        what = (
            f"{'A difference' if question.trial.effect is None else 'An effect'} is found by {share} of trials "
            f"({_mcse(power.mcse)}), and by {other} of the same trials with one analysis at the end."
        )
    out.append(
        f"{what} Stopping saves {say.number(saved.value)} last visits on average. For the power of "
        f"{say.percent(question.power)} that was planned, a trial with these analyses needs {found.inflation:.3f} "
        "times the families of one without."
    )
    if told := inference_words(found):
        out.append(told)
    if question.reestimate is not None:
        again, reached = found.share("found_reestimated"), found.trials["day_reached"].notna().mean()
        out.append(
            f"Re-estimated blind at {say.percent(question.reestimate)}, the trial has "
            f"{say.number(found.trials['families'].median())} families (median); the target is reached within the run "
            f"in {say.percent(reached)} of trials, and {say.percent(again.value, 1)} find an effect "
            f"({_mcse(again.mcse)})."
        )
    out.append(f"Design: {design_words(question)} Simulated; not results of the trial.")
    return out


def _mcse(error: float) -> str:
    return f"MCSE {say.points(error)} points"


def inference_words(found: InterimsFound) -> str:
    """What is reported of trials that stop early for efficacy, beside the truth; empty where too few do."""
    unit = OUTCOMES[found.question.trial.primary.outcome].unit
    rows = {(row["inference"], row["of"]): row for row in found.inference.to_dict("records")}
    early, adjusted = rows["naive", CROSSED], rows["adjusted", CROSSED]
    whole, whole_adjusted = rows["naive", ALL], rows["adjusted", ALL]
    if early["trials"] < 2 or not math.isfinite(early["truth"]):
        return ""
    return (
        f"The {say.plural(early['trials'], 'trial')} that stopped early at a bound of efficacy estimate "
        f"{_signed(early['estimate'])} {unit} on average, and {_signed(adjusted['estimate'])} where the estimate "
        f"allows for the interim analyses; the true effect of allocation is {_signed(early['truth'])}. Of all trials, "
        f"{say.percent(whole['coverage'], 1)} of the usual intervals hold it, and "
        f"{say.percent(whole_adjusted['coverage'], 1)} of those that allow for the analyses."
    )


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{say.number(value, 2)}"


def design_words(question: InterimsQuestion) -> str:
    """The design, with its effect."""
    effect, design = question.trial.effect, question.of_trial
    if effect is None or design.effect is None or not question.trial.has_effect(design):
        return f"{design.name}."
    whom = effects.whom(effect, question.world.outcomes.effect_applies_to)
    return f"{design.name}, a {effects.named(effect, design.effect)} ({effect.side(design.effect)}){whom}."


def notes_of(found: InterimsFound) -> list[str]:
    """What the answer rests on."""
    question = found.question
    out = [
        "The effect is what the simulation was told to assume. It is not an estimate of what LIFT does.",
        "Information is counted as the share of the planned families whose last visit is over, so each analysis has "
        "the fraction that was planned, in every trial. A trial whose target is not reached before the run ends has "
        "its last analysis then, with what it has.",
        f"The planned effect, for conditional power and for the operating characteristics, is the one that one "
        f"analysis at the end would find with a probability of {say.percent(question.power)}; the design's own "
        "effect may be another.",
    ]
    if question.held is not None:
        planned, held = (
            say.listed([say.percent(one) for one in shares]) for shares in (question.looks, question.held)
        )
        out.append(
            f"The analyses were planned when {planned} of the last visits are over, and are held when {held} are. "
            "Their bounds spend alpha by that; the level is kept as long as it is not the effect seen that decides "
            "when they are held."
        )
    if question.futility > 0:
        out.append("Futility does not bind: the level is kept whether or not a trial stops for it.")
    return out


# --- tables ---------------------------------------------------------------------------------------------------
def looks_shown(found: InterimsFound) -> Shown:
    """A row for each analysis."""
    question = found.question
    return Shown(
        f"Analyses of {say.plural(len(found.trials), 'simulated trial')}, design: {question.design}",
        ("no.", "last\nvisits", "bound\nof z", "date", "rando-\nmised", "benefit", "harm", "futile", "ended"),
        tuple(
            (
                str(row["look"]), say.percent(row["share"]), f"{row['bound']:.2f}",
                f"{row['date']:%m/%Y}" if row["date"] else "never", say.number(row["randomised"]),
                *(say.percent(row[why], 1) for why in ("benefit", "harm", "futility", "ended")),
            )
            for row in found.by_look.to_dict("records")
        ),
        note="Dates and families: median. Benefit, harm, futile: trials that end there, and why; ended: by then.",
    )  # fmt: skip


def inference_shown(found: InterimsFound) -> Shown:
    """What the reported estimates are worth."""
    unit = OUTCOMES[found.question.trial.primary.outcome].unit

    def row_of(row: Mapping[Any, Any]) -> tuple[str, ...]:
        return (
            str(row["inference"]), str(row["of"]), say.number(row["trials"]), _signed(row["estimate"]),
            say.with_error(row["bias"], row["bias_mcse"]), say.percent(row["coverage"], 1),
        )  # fmt: skip

    rows = [row for row in found.inference.to_dict("records") if row["trials"] > 0]
    truth = f"{_signed(rows[0]['truth'])} {unit}" if rows and math.isfinite(rows[0]["truth"]) else "not known"
    return Shown(
        f"What is reported, {unit}, LIFT less services as usual; true effect {truth}",
        ("estimate", "of trials", "trials", "mean", "bias", "coverage"),
        tuple(row_of(row) for row in rows),
        note="Naive: as if there had been no interim analyses; adjusted: allowing for them (median-unbiased); one "
        "analysis: of the same trials at their end. Crossed early: stopped at a bound of efficacy, either way.",
        left=2,
    )


def repeated_shown(found: InterimsFound) -> Shown:
    """The repeated confidence interval at each analysis."""
    unit = OUTCOMES[found.question.trial.primary.outcome].unit
    return Shown(
        f"Repeated confidence intervals, {unit}, LIFT less services as usual",
        ("no.", "last\nvisits", "lower end", "upper end", "held\nso far"),
        tuple(
            (
                str(row["look"]), say.percent(row["share"]),
                _signed(row["repeated_low"]), _signed(row["repeated_high"]),
                say.percent(row["repeated_holds"], 1) if math.isfinite(row["repeated_holds"]) else "not known",
            )
            for row in found.by_look.to_dict("records")
        ),
        note="Ends: median. Held so far: trials in which the intervals of this analysis and of all before it hold the "
        "true effect of allocation.",
    )  # fmt: skip


def operating_shown(found: InterimsFound) -> Shown:
    """Where theory has trials stop, under several effects."""
    unit = OUTCOMES[found.question.trial.primary.outcome].unit
    looks = range(1, found.bounds.looks + 1)
    rows = []
    for effect, mine in found.operating.groupby("effect", sort=False):
        first = mine.iloc[0]
        rows.append(
            (
                str(effect), _signed(first["difference"]),
                *(say.percent(stop, 1) for stop in mine["stop"]),
                say.percent(first["power"], 1), say.number(first["expected_randomised"]),
                say.number(first["expected_visited"]),
            )
        )  # fmt: skip
    return Shown(
        "Where trials stop, by the theory of group-sequential designs",
        ("effect", unit, *(f"stops\nat {k}" for k in looks), "benefit", "rando-\nmised", "visited"),
        tuple(rows),
        note="Randomised, and visited for the last time: families expected by the stop. Benefit: chance of a "
        "difference in the direction that is better for children.",
    )


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: InterimsFound) -> list[Chapter]:
    """The answer, the analyses, what theory has, and what the estimates are worth."""
    question = found.question
    summary: list[Content] = [Heading("What was asked"), question.question or _asked(question)]
    summary += [Heading("The answer"), _headline(found), *words_of(found)]
    analyses: list[Content] = [
        looks_shown(found),
        Picture(
            "interims",
            "Bounds of z with what simulated trials show at each analysis, and the dates on which the analyses come. "
            "The last visit comes two and a half years after randomisation, so most families are in the trial before "
            "there is much to look at.",
        ),
    ]
    theory: list[Content] = [
        f"Alpha of {say.percent(question.trial.alpha)} is spent by {spending_words(question)}. The chance of "
        "stopping at each analysis follows from it and from the effect; the last row has the effect that the simulated "
        "trials show, and should agree with them.",
        operating_shown(found),
    ]
    inference: list[Content] = [
        "A trial that stops early does so where its estimate happens to be large, so the usual estimate exaggerates. "
        "The adjusted estimate is as likely to be too high as too low, and its interval covers the truth as often as "
        "it says (stage-wise ordering: Fairbanks and Madsen, Biometrika 1982;69:69; Tsiatis, Rosner and Mehta, "
        "Biometrics 1984;40:797).",
        inference_shown(found),
        "An interval may be wanted at every analysis, whether or not the trial stops there. Repeated confidence "
        f"intervals are so wide that all of them hold the truth at once in {say.percent(1 - question.trial.alpha)} of "
        "trials; one leaves out no effect exactly where its bound is crossed (Jennison and Turnbull, Journal of the "
        "Royal Statistical Society B 1989;51:305).",
        repeated_shown(found),
        Picture("final-inference", "Mean estimates at the stop, by when trials end, beside the true effect."),
    ]
    return [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("analyses", "The analyses", tuple(analyses)),
        Chapter("theory", "Operating characteristics", tuple(theory)),
        Chapter("inference", "What is reported at the end", tuple(inference)),
    ]


def _asked(question: InterimsQuestion) -> str:
    shares = say.listed([say.percent(share) for share in question.looks])
    more = (
        " And if the families are re-estimated, blind to the arms?" if question.reestimate is not None else ""
    )
    return (
        f"If the trial of {say.number(question.target)} families is analysed when {shares} of the last visits are "
        f"over: when is that, how often does it stop, and what does stopping save?{more}"
    )


def _headline(found: InterimsFound) -> Answers:
    question, last = found.question, found.by_look.iloc[-2]
    power, saved = found.share("found"), found.share("visits_saved")
    called = question.share_found
    without = found.share("found_without")
    return Answers(
        (
            Answer(
                called[:1].upper() + called[1:], say.percent(power.value, 1),
                f"{_mcse(power.mcse)}; {say.percent(without.value, 1)} with one analysis at the end",
            ),
            Answer("Trials that stop early", say.percent(last["ended"], 1), f"design: {question.design}"),
            Answer("Last visits saved", say.number(saved.value), f"of {say.number(question.target)}, on average"),
        )
    )  # fmt: skip
