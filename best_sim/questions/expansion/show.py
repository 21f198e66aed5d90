"""What plans compared say: words, tables, and a report with one page for each plan."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from best_sim.drawing import wording as say
from best_sim.questions.expansion.replicate import MEASURES
from best_sim.questions.found import Chapter, Content, Picture, Shown, Terms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from best_sim.questions.expansion.ask import OpeningPlan
    from best_sim.questions.expansion.run import ExpansionFound

_SAID: tuple[tuple[str, str, str, int], ...] = (
    ("months_to_target", "time to the target", "months", 1),
    ("lift_wait", "wait for LIFT", "days", 0),
    ("weeks", "proceedings", "weeks", 1),
    ("sitting_days", "court time", "sitting days", 0),
    ("cost", "spending", "million GBP", 2),
)
"""What a sentence tells of a difference: measure, words, unit, digits."""
_FEW = 6
"""Boroughs that a page names as staying closed; more are counted."""
_DIFFERENCES = "differences"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: ExpansionFound) -> list[tuple[str, str]]:
    """What each plan is called and what is said of it, the baseline's first."""
    dates = found.dates().set_index("plan")
    table = found.table().set_index(["plan", "measure"])
    differences = found.differences()
    if len(differences):
        differences = differences.set_index(["plan", "measure"])
    lines = []
    for plan in (found.baseline, *found.others):
        mine: Any = table.loc[plan.name]
        said = f"{_reached(dates.loc[plan.name])}; {_waited(mine['mean'])}"
        if plan.name == found.baseline.name:
            cost = say.number(mine.loc["cost", "mean"], 1)
            said += f"; £{cost} million is spent on all families, in the trial or not."
        else:
            apart = [_change(differences.loc[(plan.name, one[0])], *one[1:]) for one in _SAID]
            said += f"; compared with {found.baseline.shown}: {', '.join(apart)}."
        lines.append((plan.shown, said))
    return lines


def _reached(row: Any) -> str:
    share = say.percent(row["reached"])
    if row["median"] is None:
        return f"{row['target']} families are not reached in most trials ({share} reach them)"
    late = say.month(row["upper_90"]) if row["upper_90"] is not None else "beyond the end of the run"
    return (
        f"{row['target']} families by {say.month(row['median'])} (median; 90% from {say.month(row['lower_90'])} to "
        f"{late}; reached in {share} of simulated trials)"
    )


def _waited(mean: Any) -> str:
    if math.isnan(mean["lift_wait"]):
        return "no trial family begins LIFT"
    return (
        f"trial families who begin LIFT wait {say.number(mean['lift_wait'])} days on average, and "
        f"{say.percent(mean['received_lift'] / 100.0)} of those allocated to it receive it"
    )


def _change(row: Any, what: str, unit: str, digits: int) -> str:
    """A mean difference with its sign and Monte Carlo standard error."""
    mean, error = float(row["mean"]), float(row["mcse"])
    if math.isnan(mean):
        return f"{what} not known"
    digits = digits_shown(digits, error)
    return f"{what} {signed(mean, digits)} {unit} (MCSE {say.number(error, digits)})"


def date_words(found: ExpansionFound, plan: str) -> str:
    """When a plan's target is reached, in a sentence for a picture."""
    row: Any = found.dates().set_index("plan").loc[plan]
    share = say.percent(row["reached"])
    if row["median"] is None:
        return f"{row['target']} families are reached in {share} of simulated trials."
    late = say.month(row["upper_90"]) if row["upper_90"] is not None else "not by the end"
    return (
        f"{row['target']} families by {say.month(row['median'])} (median; 90%: {say.month(row['lower_90'])} to "
        f"{late}); reached in {share} of simulated trials."
    )


def digits_shown(digits: int, error: float) -> int:
    """Digits after the point at which a Monte Carlo standard error is seen, and no fewer than the measure's own.

    Examples
    --------
    >>> digits_shown(1, 0.023), digits_shown(1, 2.0), digits_shown(0, 0.0)
    (2, 1, 0)
    """
    if not math.isfinite(error) or error <= 0.0:
        return digits
    return max(digits, min(4, -math.floor(math.log10(error))))


def signed(value: float, digits: int) -> str:
    """A difference with its sign; none where it is written as zero.

    Examples
    --------
    >>> signed(1.26, 1), signed(-1.26, 1), signed(0.01, 1)
    ('+1.3', '−1.3', '0.0')
    """
    said = say.number(value, digits)
    return f"+{said}" if np.isfinite(value) and value > 0 and float(said.replace(",", "")) != 0 else said


def capital(words: str) -> str:
    """Words that begin a line."""
    return f"{words[:1].upper()}{words[1:]}"


# --- tables ---------------------------------------------------------------------------------------------------
def date_cells(found: ExpansionFound) -> dict[str, str]:
    """The date of each plan's target: the median, and on a second line its 90 % interval."""
    out = {}
    rows: list[dict[str, Any]] = [{str(k): v for k, v in r.items()} for r in found.dates().to_dict("records")]
    for row in rows:
        if row["lower_90"] is None:
            out[row["plan"]] = "not reached"
            continue
        middle = f"{row['median']:%b %Y}" if row["median"] is not None else "not by the end"
        late = f"{row['upper_90']:%b %Y}" if row["upper_90"] is not None else "later"
        out[row["plan"]] = f"{middle}\n({row['lower_90']:%b %Y} to {late})"
    return out


def short_tables(found: ExpansionFound) -> list[Shown]:
    """The chief measures, a plan a line, narrow enough for a terminal: the trial's, then those of all families."""
    table = found.table().set_index(["plan", "measure"])
    dates = {name: words.partition("\n")[0] for name, words in date_cells(found).items()}
    chief = [one for one in MEASURES if one.short]
    of_trial = [one for one in chief if one.name.startswith(("lift", "received"))]
    of_all = [one for one in chief if one not in of_trial]
    note = f"Means of {say.plural(found.question.replicates, 'replicate')}, Monte Carlo standard errors in brackets."

    def cells(plan: str, measures: Iterable[Any]) -> tuple[str, ...]:
        got: list[Any] = [table.loc[(plan, one.name)] for one in measures]
        return tuple(
            _with_error(row["mean"], row["mcse"], one.digits) for row, one in zip(got, measures, strict=True)
        )

    return [
        Shown(
            "The trial: when the target is reached, and LIFT",
            ("Plan", "Target\nreached", *(one.short for one in of_trial)),
            tuple((one.shown, dates[one.name], *cells(one.name, of_trial)) for one in found.plans),
        ),
        Shown(
            "All families of these boroughs: courts, placements and money",
            ("Plan", *(one.short for one in of_all)),
            tuple((one.shown, *cells(one.name, of_all)) for one in found.plans),
            note=note,
        ),
    ]


def _label(label: str) -> str:
    """A label that says a part of the one above it is set in from the left, by an em space."""
    return label if label[:1].isupper() else f"\N{EM SPACE}{label}"


def _with_error(mean: float, error: float, digits: int) -> str:
    if not np.isfinite(mean):
        return say.UNKNOWN
    if not np.isfinite(error):
        return say.number(mean, digits)
    digits = digits_shown(digits, error)
    return f"{say.number(mean, digits)} ({say.number(error, digits)})"


def _range(low: float, high: float, digits: int) -> str:
    if not np.isfinite(low):
        return say.UNKNOWN
    return f"{say.number(low, digits)} to {say.number(high, digits)}"


def all_plans_shown(found: ExpansionFound) -> Shown:
    """Every figure, a line each, of all plans beside each other: mean, and Monte Carlo standard error in brackets."""
    table, dates = found.table().set_index(["plan", "measure"]), date_cells(found)
    rows = [("Target reached, median (5 to 95%)", "date", *(dates[plan.name] for plan in found.plans))]
    for one in MEASURES:
        got: list[Any] = [table.loc[(plan.name, one.name)] for plan in found.plans]
        cells = (_with_error(each["mean"], each["mcse"], one.digits) for each in got)
        rows.append((_label(one.label), one.unit, *cells))
    return Shown(
        f"Mean of {found.question.replicates} replicates, with its Monte Carlo standard error in brackets",
        ("Figure", "Unit", *(one.shown for one in found.plans)),
        tuple(rows),
        left=2,
    )


def _one_plan(found: ExpansionFound, plan: OpeningPlan) -> Shown:
    """Every figure of one plan, and how it differs from the baseline."""
    table, apart = found.table(), found.differences()
    mine = table[table["plan"] == plan.name].set_index("measure")
    is_baseline = plan.name == found.baseline.name
    if not is_baseline:
        apart = apart[apart["plan"] == plan.name].set_index("measure")
    rows = []
    for one in MEASURES:
        got: Any = mine.loc[one.name]
        cells = [
            _with_error(got["mean"], got["mcse"], one.digits),
            _range(got["lower_90"], got["upper_90"], one.digits),
        ]
        if not is_baseline:
            other: Any = apart.loc[one.name]
            digits = digits_shown(one.digits, other["mcse"])
            more = signed(other["mean"], digits)
            if np.isfinite(other["mcse"]):
                more += f" ({say.number(other['mcse'], digits)})"
            cells += [more, _range(other["lower_90"], other["upper_90"], one.digits)]
        rows.append((_label(one.label), one.unit, *cells))
    heads = ["Figure", "Unit", "Mean (MCSE)", "5 to 95%\nof trials"]
    title = f"{plan.shown}: mean (MCSE) and range of simulated trials"
    if not is_baseline:
        heads += ["Difference\n(MCSE)", "5 to 95% of\npaired trials"]
        title += f"; difference to “{found.baseline.shown}”"
    return Shown(title, tuple(heads), tuple(rows), left=2)


# --- pictures -------------------------------------------------------------------------------------------------
def figures_of(found: ExpansionFound) -> Mapping[str, Figure]:
    """Every plan by month and year, and the differences to the baseline, by name of the file."""
    from best_sim.questions.expansion.figures import differences_figure, plan_figure

    out = {file: plan_figure(found, plan) for plan, file in names_of_files(found).items()}
    if found.others:
        out[_DIFFERENCES] = differences_figure(found)
    return out


def names_of_files(found: ExpansionFound) -> dict[str, str]:
    """For each plan the name of its picture: its own, of letters, digits and hyphens; no two are the same."""
    out: dict[str, str] = {}
    for plan in found.plans:
        name = "plan-" + re.sub(r"[^\w-]+", "-", plan.name).strip("-")
        while name in out.values():
            name += "-again"
        out[plan.name] = name
    return out


# --- the report -----------------------------------------------------------------------------------------------
def chapters_of(found: ExpansionFound) -> list[Chapter]:
    """The answer, all plans beside each other, what each changes, and a page for each."""
    question = found.question
    summary: list[Content] = [question.question] if question.question else []
    sentences = dict(
        zip([found.baseline.name, *(one.name for one in found.others)], words_of(found), strict=True)
    )
    summary += [
        Terms(tuple((name, capital(said)) for name, said in sentences.values())),
        "MCSE is the Monte Carlo standard error: how far a simulated figure may be off because only "
        f"{say.plural(question.replicates, 'replicate')} were run.",
    ]
    chapters = [
        Chapter("summary", "In plain words", tuple(summary)),
        Chapter("all", "All plans", (all_plans_shown(found),), own_page=True),
    ]
    if found.others:
        caption = (
            f"Every plan less the baseline, “{found.baseline.shown}”, replicate by replicate with common random "
            "numbers. The thick bar says how well the mean is known, the thin line how much one trial may differ."
        )
        chapters.append(
            Chapter(_DIFFERENCES, "What each plan changes", (Picture(_DIFFERENCES, caption),), own_page=True)
        )
    files = names_of_files(found)
    for plan in found.plans:
        content = _page(found, plan, sentences[plan.name][1], files[plan.name])
        of_baseline = " (the baseline)" if plan.name == found.baseline.name else ""
        chapters.append(Chapter(files[plan.name], f"{plan.shown}{of_baseline}", content, own_page=True))
    return chapters


def _page(found: ExpansionFound, plan: OpeningPlan, sentence: str, file: str) -> tuple[Content, ...]:
    """What the page of one plan says."""
    scenario = found.scenarios[plan.name]
    closed = [name for day, name in found.openings(plan.name) if not day]
    opens = [f"{name} {say.short_day(day)}" for day, name in found.openings(plan.name) if day]
    opens += (
        [f"{name} not at all" for name in closed]
        if len(closed) <= _FEW
        else [f"{len(closed)} others not at all"]
    )
    closes = [f"{scenario.boroughs[name].title} {say.short_day(day)}" for name, day in plan.closings.items()]
    terms = [
        ("Openings", say.listed(opens)),
        ("Closings", "; ".join(closes)),
        ("Staff, full-time equivalents", _staff(found, plan)),
        ("Other parameters", "; ".join(" = ".join(one.split("=", 1)) for one in plan.changes)),
        ("Hash of its scenario", scenario.hash[:12]),
    ]
    return (
        *([capital(plan.notes)] if plan.notes else []),
        Terms(tuple((term, said) for term, said in terms if said)),
        capital(sentence),
        Picture(file, "What the plan leads to by month and by financial year."),
        _one_plan(found, plan),
    )


def _staff(found: ExpansionFound, plan: OpeningPlan) -> str:
    """How the teams of the plan's boroughs are staffed, by date."""
    scenario = found.scenarios[plan.name]
    used = dict.fromkeys(one.lift_team for one in scenario.boroughs.values())
    told = []
    for name in used:
        team = scenario.lift.teams[name]
        kinds = {"social workers": team.social_workers, "psychologists": team.psychologists,
                 "psychiatrists": team.psychiatrists}  # fmt: skip
        parts = []
        for kind, series in kinds.items():
            steps = [f"{value:g} from {say.short_day(day)}" for day, value in series]
            steps[0] = f"{series.values[0]:g}"
            parts.append(f"{kind} {', '.join(steps)}")
        told.append(f"{team.title}: {'; '.join(parts)}")
    return ". ".join(told)


def _falls_behind(found: ExpansionFound, plan: OpeningPlan) -> bool:
    """Whether, in half of the replicates or more, a court's undecided cases grew in the last year."""
    table: Any = found.table().set_index(["plan", "measure"])["mean"]
    return float(table.loc[(plan.name, "courts_behind")]) >= 0.5


def notes_of(found: ExpansionFound) -> list[str]:
    """What the answer rests on."""
    frame = found.frame
    opened, over = say.day(frame.opened), say.day(frame.months[-1])
    horizon = say.span(found.question.world.costs.horizon)
    behind = [plan.shown for plan in (found.baseline, *found.others) if _falls_behind(found, plan)]
    warning = (
        "Warning: with these plans a court falls behind: it decided fewer cases in the last year than were issued, by "
        f"a sixth and more, and durations depend on how long the run is: {say.listed(behind)}."
    )
    return [
        *([warning] if behind else []),
        "Openings, staff and targets of the plans are assumptions, as are the scenario's parameters so marked.",
        "Every plan meets the same families with the same random numbers (common random numbers). Families enter care "
        "as often, consent as often and are found ineligible as often whatever the plan, unless the plan says "
        "otherwise.",
        "A borough invites families who become known from the day on which it opens. Staff work from the date given, "
        "without time to be found or trained.",
        "All plans end together: families, waits and receipt are counted over the whole run; places in use from "
        f"{opened} to {say.day(frame.closed)}; proceedings, sitting days, moves and costs from {opened} to {over}.",
        "Sitting days are those of the simulated families' hearings, adjourned ones among them; the court's other "
        "cases take theirs beside them.",
        f"Costs are of every family of the scenario's boroughs that entered care from {opened} on, to {horizon} after "
        "entry, undiscounted, in prices of the day. LIFT is costed by the hours spent on these families: salaries of "
        "staff whose places stand empty, and families outside the simulated boroughs, are not in it.",
        "The first and last financial years are in part only, and families who entered late are followed for less "
        "long.",
    ]
