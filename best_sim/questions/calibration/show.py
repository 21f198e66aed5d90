"""What a calibration says: words, tables, and the chapters of its report."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from best_sim.drawing import wording as say
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown

if TYPE_CHECKING:
    from best_sim.questions.calibration.run import CalibrationFound

_NEAR = 2.0
"""Standard errors within which a figure counts as met."""
_VAGUE = 0.5
"""Share of the range's variance below which the figures say little of a parameter."""


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: CalibrationFound) -> list[str]:
    """What was fitted and how near it comes; what it misses, what it can't tell, and whether it converged."""
    t, p = found.targets, found.parameters
    said = (
        f"{say.plural(len(p), 'parameter')} fitted to {say.plural(len(t), 'figure')} in "
        f"{say.plural(found.simulated, 'simulated run')}; sum of squares {found.fit.chi_square:.1f} with "
        f"{say.plural(found.fit.freedom, 'degree')} of freedom"
    )
    out = [f"{said} (p = {found.misfit:.2g})." if math.isfinite(found.misfit) else f"{said}."]
    far = t[t["distance"].abs() > _NEAR]
    if len(far):
        out.append(f"More than two standard errors off: {', '.join(far['target'])}.")
    if p["at_bound"].any():
        out.append(f"At the end of the range: {', '.join(p.loc[p['at_bound'], 'parameter'])}.")
    if len(found.collinear):
        out.append(f"Hardly told apart: {'; '.join(found.collinear['parameters'])}.")
    vague = p[p["learned"] < _VAGUE]
    if len(vague):
        out.append(f"The figures say little of {', '.join(vague['parameter'])}.")
    if not found.settled:
        out.append("The search ended before it converged.")
    return out


def outside_words(found: CalibrationFound) -> list[str]:
    """Fitted values that lie outside the range that the scenario calls plausible."""
    before = {problem.key for problem in found.question.world.warnings}
    outside = [problem for problem in found.scenario.warnings if problem.key not in before]
    if not outside:
        return []
    said = "; ".join(f"{one.key}: {one.found}, plausible {one.allowed}" for one in outside)
    return [f"Fitted outside its plausible range: {said}."]


def notes_of(found: CalibrationFound) -> list[str]:
    """What the answer rests on."""
    notes = [
        "The standard errors of the published figures are in part assumptions; each source says which.",
        "Intervals of parameters take the model as right, and every value of a range as equally likely beforehand, on "
        "the scale of the parameter. Where the model can't meet the figures (a small p) they are too narrow.",
        "All candidates are simulated with common random numbers. Before and after are judged with replicates that "
        "took no part in the fit.",
    ]
    if not found.settled:
        notes.insert(0, "The search did not converge: the fitted values are not to be relied on.")
    return notes


# --- tables ---------------------------------------------------------------------------------------------------
def _three(value: Any) -> str:
    """A figure to three digits, whatever it counts."""
    return f"{float(value):.3g}".replace("-", "−")


def _with_error(value: float, error: float) -> str:
    """A simulated figure with its Monte Carlo standard error, to the digits that this allows."""
    digits = say.digits_for(error)
    return f"{say.number(value, digits)} ({say.number(error, digits)})"


def _off(distance: float) -> str:
    return f"{distance:+.1f}".replace("-", "−")


def targets_shown(found: CalibrationFound) -> Shown:
    """The figures, published and simulated, narrow enough for a terminal."""
    rows = found.targets.to_dict("records")
    return Shown(
        "Figures: published and simulated",
        ("figure", "published", "before", "after\n(MCSE)", "standard\nerrors off"),
        tuple(
            (
                str(r["figure"]), _three(r["published"]), _three(r["before"]),
                _with_error(r["after"], r["mcse"]), _off(r["distance"]),
            )
            for r in rows
        ),
        note="MCSE: Monte Carlo standard error. Off: after less published, in standard errors of both.",
    )  # fmt: skip


def parameters_shown(found: CalibrationFound) -> Shown:
    """The parameters, narrow enough for a terminal."""
    return Shown(
        "Parameters",
        ("parameter", "was", "fitted", "95% interval", "learned"),
        tuple(
            (
                str(r["parameter"]), _three(r["start"]), _three(r["fitted"]),
                f"{_three(r['low'])} to {_three(r['high'])}", say.percent(r["learned"]),
            )
            for r in found.parameters.to_dict("records")
        ),
        note="Learned: share of the range's variance that the figures took away.",
    )  # fmt: skip


def _all_targets(found: CalibrationFound) -> Shown:
    rows = []
    for r in found.targets.to_dict("records"):
        rows.append(
            (
                str(r["figure"]), str(r["source"]), str(r["unit"]), f"{_three(r['published'])} ({_three(r['error'])})",
                _with_error(r["before"], r["mcse_before"]), _with_error(r["after"], r["mcse"]),
                _off(r["distance_before"]), _off(r["distance"]),
            )
        )  # fmt: skip
    return Shown(
        "Figures: published and simulated",
        (
            "Figure", "Source", "Unit", "Published\n(standard error)", "Before\n(MCSE)", "After\n(MCSE)",
            "Off,\nbefore", "Off,\nafter",
        ),
        tuple(rows),
        note="Off: simulated less published, in standard errors of both. Bold: more than two.",
        left=3,
        strong=frozenset(i for i, d in enumerate(found.targets["distance"]) if abs(d) > _NEAR),
    )  # fmt: skip


def _all_parameters(found: CalibrationFound) -> Shown:
    rows = []
    for r in found.parameters.to_dict("records"):
        rows.append(
            (
                str(r["parameter"]), "factor" if r["unit"] == "ratio" else str(r["unit"]), _three(r["start"]),
                _three(r["fitted"]), f"{_three(r['low'])} to {_three(r['high'])}",
                f"{_three(r['least'])} to {_three(r['most'])}", say.percent(r["learned"]),
            )
        )  # fmt: skip
    return Shown(
        "Parameters",
        ("Parameter", "Unit", "Was", "Fitted", "95% interval", "Range", "Learned"),
        tuple(rows),
        note="Learned: share of the range's variance that the figures took away; 0% where they tell nothing of it.",
        left=2,
    )


def _meaning_shown(found: CalibrationFound) -> Shown:
    return Shown(
        "What the parameters are in the scenario",
        ("Parameter", "In the scenario", "Note"),
        tuple(
            (str(r["parameter"]), str(r["keys"]), str(r["note"])) for r in found.parameters.to_dict("records")
        ),
        left=3,
    )


def _carried_shown(found: CalibrationFound) -> Shown:
    """What each parameter does, where it is told from nothing."""
    figures = found.targets.set_index("target")["figure"]
    rows = []
    for r in found.carried.to_dict("records"):
        alone, without = r["alone"] - r["before"], r["after"] - r["without"]
        if abs(alone) > _NEAR * r["mcse_alone"] or abs(without) > _NEAR * r["mcse_without"]:
            rows.append(
                (
                    str(r["parameter"]), str(figures[r["target"]]), _with_error(alone, r["mcse_alone"]),
                    _with_error(without, r["mcse_without"]),
                )
            )  # fmt: skip
    return Shown(
        "What each parameter does to the figures",
        ("Parameter", "Figure", "Alone (MCSE)", "With the others (MCSE)"),
        tuple(rows),
        note="Alone: change of the figure where this parameter alone is as fitted. With the others: the last change, "
        "where all others are as fitted already. Errors are over common random numbers. Changes of less than two "
        "standard errors are left out; carried.csv has all.",
        left=2,
    )


def _directions_shown(found: CalibrationFound) -> Shown:
    return Shown(
        "Directions, from the one of which the figures tell most",
        ("Along", "Spread left, of the range", "Told"),
        tuple(
            (
                str(r["along"]), _three(r["spread"]) if math.isfinite(r["spread"]) else "all",
                "yes" if r["told"] else "no",
            )
            for r in found.directions.to_dict("records")
        ),
        note="Each is a combination of parameters; numbers are its weights. Not told: the figures leave as much open "
        "as the ranges did.",
    )  # fmt: skip


def _collinear_shown(found: CalibrationFound) -> Shown:
    return Shown(
        "Parameters that can make up for each other",
        ("Parameters", "Collinearity index"),
        tuple((str(r["parameters"]), _three(r["index"])) for r in found.collinear.to_dict("records")),
        note="From 10 up: a change of the figures by one can be undone by the others but for a tenth (Brun, Reichert "
        "and Künsch, Water Resources Research 2001;37:1015).",
    )


# --- the report -----------------------------------------------------------------------------------------------
_CAPTION = (
    "Above: figures before and after, in standard errors from the published ones. Below: parameters within their "
    "ranges, with 95% intervals."
)


def chapters_of(found: CalibrationFound) -> list[Chapter]:
    """The answer, the figures, the parameters, what can't be told apart, and how it was fitted."""
    question = found.question
    answer: list[Content] = [
        Heading("What was asked"),
        question.question or _asked(found),
        Heading("The answer"),
    ]
    answer += [_headline(found), *found.words()]
    apart: list[Content] = [_directions_shown(found)]
    if len(found.collinear):
        apart.append(_collinear_shown(found))
    carried = _carried_shown(found)
    does: list[Content] = [carried if carried.rows else "No change of a figure is told from chance."]
    how = (
        "Each candidate is simulated with the same seeds, so that the same children have the same random numbers "
        "whatever the parameters are, and figures change smoothly with them. Least squares within the ranges find the "
        "nearest values, in standard errors of the published figures and of the simulation, taken together. Slopes are "
        f"finite differences of {question.difference:g} of each range.",
        "Intervals are of the posterior with the simulation made linear at the fitted values, cut off at the ends of "
        "the ranges.",
        f"{question.name}-fitted.toml is a scenario that extends {question.scenario} with the fitted values, each "
        "marked as calibrated, and to what.",
    )
    return [
        Chapter("summary", "In plain words", tuple(answer)),
        Chapter(
            "figures",
            "Published and simulated figures",
            (Picture("calibration", _CAPTION), _all_targets(found)),
        ),
        Chapter("parameters", "The parameters", (_all_parameters(found), _meaning_shown(found))),
        Chapter("carried", "What each parameter does", tuple(does)),
        Chapter("apart", "What the figures can't tell apart", tuple(apart)),
        Chapter("how", "How it was fitted", how),
    ]


def _asked(found: CalibrationFound) -> str:
    return (
        f"Which values of {say.listed(list(found.parameters['parameter']))} give the published figures, and how well "
        "do the figures tell them?"
    )


def _headline(found: CalibrationFound) -> Answers:
    near, before = (int((found.targets[c].abs() <= _NEAR).sum()) for c in ("distance", "distance_before"))
    p = f"p = {found.misfit:.2g}" if math.isfinite(found.misfit) else "no degrees of freedom"
    return Answers(
        (
            Answer("Figures within two standard errors", f"{near} of {len(found.targets)}", f"{before} before"),
            Answer(
                "Sum of squares, in standard errors", f"{found.fit.chi_square:.1f}",
                f"{say.plural(found.fit.freedom, 'degree')} of freedom, {p}",
            ),
            Answer(
                "The search", "converged" if found.settled else "not converged",
                f"{say.plural(found.simulated, 'simulated run')}",
            ),
        )
    )  # fmt: skip
