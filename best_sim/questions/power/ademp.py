"""A power run as an ADEMP statement: aims, data, estimands, methods and performance, in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.trial.methods import METHODS
from best_sim.trial.outcomes import OUTCOMES

if TYPE_CHECKING:
    from best_sim.questions.power.ask import AnalysisPlan, Design, PowerQuestion
    from best_sim.scenario import Scenario

_MONTHS = {1: "first", 2: "second", 3: "last"}


def ademp_of(experiment: PowerQuestion, scenario: Scenario) -> dict[str, str]:
    """The statement of one experiment (Morris, White and Crowther 2019).

    Parameters
    ----------
    experiment : PowerQuestion
    scenario : Scenario
        Of its first design.

    Returns
    -------
    dict of str to str
        Aims, Data-generating mechanisms, Estimands, Methods, Performance measures.
    """
    return {
        "Aims": (
            f"To estimate how often a trial of {scenario.trial.target_families} families, analysed in "
            f"{say.plural(len(experiment.analyses), 'way')}, would find an effect of LIFT on its outcome in "
            f"{say.plural(len(experiment.designs), 'design')}; how well each analysis measures it; how long the "
            f"trial "
            "recruits, and what happens to the children meanwhile."
        ),
        "Data-generating mechanisms": _data(experiment, scenario),
        "Estimands": " ".join(_estimand(plan, experiment) for plan in experiment.analyses),
        "Methods": " ".join(_method(plan) for plan in experiment.analyses) + _counted(experiment),
        "Performance measures": (
            f"Share of trials with a two-sided p below {experiment.alpha:g} (power, or type I error where there is "
            "nothing to find), bias against what complete data would show, empirical and model standard error, "
            f"coverage of {say.percent(1 - experiment.alpha)} intervals, mean squared error and width, each with its "
            "Monte Carlo standard error (Morris, White and Crowther, Statistics in Medicine 2019;38:2074-2102). An "
            "analysis that gives no result is counted as failed and left out of every other figure of that analysis."
        ),
    }


def _data(experiment: PowerQuestion, scenario: Scenario) -> str:
    method = {"simple": "simply", "blocks": "in permuted blocks", "minimisation": "by minimisation"}
    share = scenario.trial.allocation.lift_share
    words = (
        "Children enter care in each borough by date; proceedings, services, placements, visits and scores follow from "
        f"the parameters of the scenario {experiment.scenario}, all of which are listed above. Whole families are "
        f"allocated, {method[scenario.trial.allocation.method]}, {say.percent(share)} of them to LIFT, so siblings "
        "share an arm, and the family is the cluster of the analysis. "
    )
    words += "Designs: " + "; ".join(_design(one, experiment) for one in experiment.designs) + ". "
    words += f"{experiment.replicates:,} trials are simulated of each, with common random numbers."
    if experiment.scorings > 1:
        words += (
            f" Each is scored and analysed {experiment.scorings} times, each time with other random numbers for the "
            "scores; errors count simulated trials, not scorings."
        )
    return words


def _design(one: Design, experiment: PowerQuestion) -> str:
    parts, effect = [], experiment.effect
    if one.effect is not None and effect is not None:
        parts.append(f"{effect.parameter} = {one.effect:g}" if experiment.has_effect(one) else "no effect")
    parts += [change.replace("=", " = ", 1) for change in one.changes]
    if one.boroughs is not None:
        parts.append(f"only {say.listed(list(one.boroughs))} recruit")
    return f"{one.name} ({', '.join(parts)})" if parts else one.name


def _estimand(plan: AnalysisPlan, experiment: PowerQuestion) -> str:
    info, method = OUTCOMES[plan.outcome], METHODS[plan.method]
    what = "difference in means" if not method.is_ratio else "ratio (on the log scale)"
    if info.kind == "time":
        what = method.label if not method.is_ratio else "ratio of hazards (on the log scale)"
    when = f" at the {_MONTHS[plan.visit]} visit" if info.kind == "score" else ""
    who = {
        "intention-to-treat": "all families as allocated",
        "per protocol": "families that received what they were allocated, which may not be alike",
    }[plan.estimand]
    if method.estimates == "complier average":
        who = "families that receive LIFT if and only if they are allocated to it"
    return f"{_name(plan)}: LIFT less services as usual, {what} of {info.label}{when}, in {info.whom}; {who}."


def _method(plan: AnalysisPlan) -> str:
    method = METHODS[plan.method]
    missing = "What is missing is imputed" if method.imputes else OUTCOMES[plan.outcome].missing
    if method.of_all_visits:
        missing = "Those seen at any visit"
    shift = f", LIFT's imputed outcomes shifted by {plan.delta:g}" if plan.delta else ""
    return f"{_name(plan)}: {method.label}. {missing}{shift}."


def _counted(experiment: PowerQuestion) -> str:
    if len(experiment.analyses) < 2:
        return ""
    return " All analyses are made of the same simulated trials."


def _name(plan: AnalysisPlan) -> str:
    return plan.name[:1].upper() + plan.name[1:]
