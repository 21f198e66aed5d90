"""What a power experiment says: words, tables and pictures made from the numbers, claiming no more than they carry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Items, Picture, Shown
from best_sim.questions.pictures import care, recruitment
from best_sim.questions.pictures.consort import consort_figure, flow_words
from best_sim.questions.power.ademp import ademp_of
from best_sim.trial.outcomes import OUTCOMES, effects

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from best_sim.questions.power.run import PowerFound

THE_TRIAL = (
    "The trial found no significant difference between the services in its primary outcome: SDQ total difficulties at "
    "2.5 years differed by +1.4 points (LIFT minus services as usual, 95% interval −0.63 to 3.53, p = 0.17; higher is "
    "worse), and no effect on secondary outcomes. Fewer than 70% of families received the service they were allocated. "
    "(Crawford et al., Nature Medicine 2025;31:1617-25, https://strathprints.strath.ac.uk/92922/)"
)
_MONTH = 30
"""Months after entry to care at which the report says where children live."""


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: PowerFound) -> list[str]:
    """A paragraph for each design, and one on recruitment."""
    whom = set(found.power["applies_to"])
    applies_to = whom.pop() if len(whom) == 1 else ""
    question = found.question
    return [
        *power_words(found.primary, question.alpha, question.primary.outcome, applies_to, question.scorings),
        recruitment.recruitment_words(
            found.curve, found.scenario.trial.target_families, _published(found), found.when
        ),
    ]


def power_words(
    summary: pd.DataFrame, alpha: float = 0.05, outcome: str = "sdq", applies_to: str = "", scorings: int = 1
) -> list[str]:
    """One paragraph a design: what was simulated, the answer with its interval, the closed form beside it.

    Parameters
    ----------
    summary : pandas.DataFrame
        As `PowerFound.primary`.
    alpha : float
    outcome : str
        One of `best_sim.trial.outcomes.OUTCOMES`.
    applies_to : {"received", "allocated", ""}
    scorings : int
        How often each trial was scored.

    Returns
    -------
    list of str
    """
    out = []
    effect = OUTCOMES[outcome].effect
    for r in summary.to_dict("records"):
        low, high = float(r["low"]), float(r["high"])
        interval = f"95% interval {say.percent(low, 1)} to {say.percent(high, 1)}"
        share = f"{say.percent(r['power'], 1)} of simulated trials"
        share += f" ({interval}, {say.scored([r['replicates']], scorings)})"
        name = str(r["design"]).rstrip(".")
        if effect is not None and r["effect"] == effect.none:
            words = f"{name}: with no direct effect of LIFT, {share} would report a difference all the same; "
            words += f"the nominal level is {say.percent(alpha)}, "
            if low <= alpha <= high:
                words += "which the interval includes."
            else:
                words += "which the interval does not include; more replicates would tell chance from a wrong level."
        elif effect is None or not np.isfinite(r["effect"]):
            words = f"{name}: {share} would find a difference at p < {alpha:g}; the others would not."
        else:
            words = (
                f"{name}: with a {effects.named(effect, r['effect'])} ({effect.side(r['effect'])})"
                f"{effects.whom(effect, applies_to)}, {share} would find a difference at p < {alpha:g}; the others "
                "would not."
            )
            if np.isfinite(r["closed_form"]):
                words += f" The closed form for the same design gives {say.percent(r['closed_form'], 1)}"
                gap = 100 * (float(r["power"]) - float(r["closed_form"]))
                inside = low <= float(r["closed_form"]) <= high
                side = "below" if gap > 0 else "above"
                apart = f", {say.number(abs(gap), 1)} percentage points {side} the simulation."
                words += ", which the interval includes." if inside else apart
        out.append(words)
    return out


def notes_of(found: PowerFound) -> list[str]:
    """What the answer rests on."""
    return [
        "The effects are what the simulation was told to assume. They are not estimates of what LIFT does.",
        f"The intervals hold only the error of running {say.plural(found.question.replicates, 'replicate')}; they do "
        "not hold how unsure the parameters are.",
    ]


def _published(found: PowerFound) -> tuple[Any, float] | None:
    said = found.question.published
    return (said.recruitment_ended, said.families) if said else None


# --- tables ---------------------------------------------------------------------------------------------------
def power_shown(found: PowerFound) -> Shown:
    """Power by design, narrow enough for a terminal."""
    effect, rows = found.question.effect, found.primary.to_dict("records")
    many = say.scored(found.primary["replicates"], found.question.scorings)
    failed = int(found.primary["failed"].sum())
    lost = f" {say.plural(failed, 'fit')} failed." if failed else ""
    heads = ["power", "95% interval", "MCSE", "closed\nform"]
    return Shown(
        "Power, simulated and by closed form",
        ("design", *([f"effect,\n{effect.short}"] if effect else []), *heads),
        tuple(
            (
                str(r["design"]),
                *([effects.written(effect, r["effect"])] if effect else []),
                say.percent(r["power"], 1),
                f"{say.percent(r['low'], 1)} to {say.percent(r['high'], 1)}",
                say.points(r["mcse"]),
                say.percent(r["closed_form"], 1) if np.isfinite(r["closed_form"]) else "none",
            )
            for r in rows
        ),
        note=f"{many} a design.{lost} MCSE: Monte Carlo standard error, percentage points.",
    )


def _living_shown(living: pd.DataFrame) -> Shown:
    from best_sim.drawing.style import place_look

    at = living[living["month"] == _MONTH]
    groups = list(dict.fromkeys(str(g) for g in at["group"]))
    rows = []
    for kind in dict.fromkeys(at["type"]):
        shares = [float(at.loc[(at["group"] == g) & (at["type"] == kind), "share"].sum()) for g in groups]
        if max(shares) > 0:
            rows.append((place_look(str(kind)).label, *(say.percent(s, 1).rstrip("%") for s in shares)))
    heads = ("Lives", *("All children" if g == "all" else g for g in groups))
    return Shown(
        f"Where children live {_MONTH} months after they entered care, % of children", heads, tuple(rows)
    )


# --- pictures -------------------------------------------------------------------------------------------------
def figures_of(found: PowerFound) -> Mapping[str, Figure]:
    """Every picture of a power experiment, by name."""
    from best_sim.questions.power.figures import estimates_figure, power_figure
    from best_sim.questions.power.more_figures import analyses_figure, coverage_figure, curve_figure
    from best_sim.trial.methods import contrast_of

    question, power, sample, said = found.question, found.primary, found.sample, found.question.published
    plan, effect, end = question.primary, question.effect, found.sample[0].end
    rows = found.replicates[found.replicates["analysis"] == plan.name]
    pictures = {
        "power": power_figure(
            power,
            alpha=question.alpha,
            outcome=plan.outcome,
            scorings=question.scorings,
            source=f"{found.scenario.title}; seed {question.seed}.",
        ),
        "recruitment": recruitment.recruitment_figure(
            found.curve,
            found.scenario.trial.target_families,
            openings={borough.title: borough.opens for borough in found.scenario.boroughs.values()},
            when=found.when,
            published=_published(found),
        ),
        "consort": consort_figure(found.flow, replicates=question.replicates),
        "estimates": estimates_figure(
            rows[["design", "estimate"]].merge(power[["design", "truth"]], on="design"),
            title="What single trials would estimate, beside the true effect of allocation",
            outcome=plan.outcome,
            method=plan.method,
            bias={str(r["design"]): (r["bias"], r["bias_mcse"]) for r in power.to_dict("records")},
            published=(said.estimate, *said.interval) if said and plan.outcome == said.outcome else None,  # type: ignore[arg-type]
        ),
        "living": care.outcomes_of_care_figure(found.living),
        "proceedings": care.proceedings_figure(
            pd.concat([one.proceedings for one in sample], ignore_index=True), end=end
        ),
    }
    if len(question.analyses) > 1:
        pictures["analyses"] = analyses_figure(found.power, question.alpha)
    on_grid = [i for i, design in enumerate(question.designs) if design.setting]
    curve = curve_figure(
        power.iloc[on_grid], [dict(question.designs[i].setting) for i in on_grid], alpha=question.alpha
    )
    if curve is not None:
        pictures["curve"] = curve
    sizes = [effect.size(value) if effect else 0.0 for value in power["effect"]]
    chosen = power.iloc[sizes.index(max(sizes))]
    if chosen["truth"] == chosen["truth"]:  # not where there is none
        pictures["coverage"] = coverage_figure(
            rows[rows["design"] == chosen["design"]], chosen["truth"], axis=contrast_of(plan.outcome, plan.method),
            alpha=question.alpha,
        )  # fmt: skip
    services = pd.concat([one.services for one in sample], ignore_index=True)
    if services["asked_days"].notna().any():
        pictures["waits"] = care.waits_figure(services, end=end)
    return pictures


_CAPTIONS = {
    "power": "The same figures drawn. There is no closed form of an effect on this outcome.",
    "power and closed form": "The same figures drawn. Where the simulated power lies away from the closed form, the "
    "simulation holds something that the formula leaves out: what passes through moves, the floor of the score, and "
    "that families who are not seen differ from those who are.",
    "curve": "Power along the axis of the grid, with 95% intervals.",
    "estimates": "Each simulated trial gives one estimate. Their spread is what chance alone does to a trial of this "
    "size.",
    "coverage": "Every trial's interval, for the design with the largest effect (the first, where none has one), by "
    "how far its estimate lies from the true effect of allocation.",
    "analyses": "The same trials, analysed in several ways. The first analysis is the primary one.",
    "recruitment": "Families randomised by calendar month. The published end of recruitment is marked as published; it "
    "is not simulated.",
    "consort": "CONSORT flow diagram. Every family screened is in one box of each level.",
    "living": "Where children live by months since they entered care.",
    "proceedings": "Care proceedings are meant to end within 26 weeks; LIFT cases may sit outside that limit.",
    "waits": "Not every family that is allocated to LIFT receives it; who does not, and why, comes out of the "
    "simulation.",
}


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: PowerFound) -> list[Chapter]:
    """The answer, power, recruitment, the flow, the children, and how the study was made."""
    names, captions = found.drawn.keys(), dict(_CAPTIONS)
    if found.primary["closed_form"].notna().any():
        captions["power"] = captions["power and closed form"]

    def pictures(*wanted: str) -> list[Content]:
        return [Picture(name, captions[name]) for name in wanted if name in names]

    question = found.question
    target = found.scenario.trial.target_families
    table = power_shown(found)
    notes = {str(d.name): d.note for d in question.designs if d.note}
    summary: list[Content] = [Heading("What was asked"), question.question or _asked(found)]
    summary += [Heading("The answer"), _headline(found), *words_of(found)]
    summary += [Heading("What the trial itself found"), THE_TRIAL]
    power: list[Content] = [table]
    if notes:
        power.append(Items(tuple(f"{name}: {note}" for name, note in notes.items())))
    power += [
        f"{effects.scale(question.effect)} MCSE is the Monte Carlo standard error: how far a simulated figure may be "
        "off because only so many replicates were run.",
        *pictures("power", "curve", "estimates", "coverage", "analyses"),
    ]
    children: list[Content] = [care.children_words(found.living, _MONTH), *pictures("living")]
    children += [_living_shown(found.living), *pictures("proceedings", "waits")]
    study: list[Content] = []
    for name, text in ademp_of(question, question.scenario_of(question.designs[0])).items():
        study += [Heading(name), text]
    words = recruitment.recruitment_words(found.curve, target, _published(found), found.when)
    return [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("power", "Power", tuple(power)),
        Chapter("recruitment", "Recruitment", (words, *pictures("recruitment"))),
        Chapter(
            "flow", "Flow of families", (flow_words(found.flow, question.replicates), *pictures("consort"))
        ),
        Chapter("children", "What happens to the children", tuple(children)),
        Chapter("ademp", "How the simulation study was made (ADEMP)", tuple(study)),
    ]


def _asked(found: PowerFound) -> str:
    of = found.question.outcome
    when = " at about 30 months" if of.known == "seen at the visit" else ""
    return (
        f"With the trial's own design (a target of {say.number(found.scenario.trial.target_families)} families), "
        f"allocation by family, and {of.label}{when} as the outcome: how often would a true effect of a given size be "
        "found, how long does recruitment take, and what happens to the children?"
    )


def _headline(found: PowerFound) -> Answers:
    effect, rows = found.question.effect, found.primary.to_dict("records")
    out = []
    for r in [r for r in rows if effect is None or r["effect"] != effect.none][:2]:
        what = f"Power, if the {effects.supposed(effect, r['effect'])}" if effect else f"Power: {r['design']}"
        closed = say.percent(r["closed_form"], 1) if np.isfinite(r["closed_form"]) else "none"
        more = f"95% interval {say.percent(r['low'], 1)} to {say.percent(r['high'], 1)}; closed form {closed}"
        out.append(Answer(what, say.percent(r["power"], 1), more))
    for r in [r for r in rows if effect is not None and r["effect"] == effect.none][:1]:
        more = f"95% interval {say.percent(r['low'], 1)} to {say.percent(r['high'], 1)}"
        out.append(
            Answer("A difference reported, if LIFT had no direct effect", say.percent(r["power"], 1), more)
        )
    early, middle, late = found.when
    later = say.month(late) if late is not None else "after the end"
    out.append(
        Answer(
            f"Target of {say.number(found.scenario.trial.target_families)} families reached",
            say.month(middle) if middle is not None else "not reached",
            f"median; 90% interval {say.month(early)} to {later}"
            if early is not None
            else "in the time simulated",
        )
    )
    return Answers(tuple(out))
