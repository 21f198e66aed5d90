"""What a best plan says: words, tables, and the chapters of its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from best_sim.drawing import wording as say
from best_sim.questions.best_plan.search import chance, pounds, wanted
from best_sim.questions.found import Answer, Answers, Chapter, Content, Heading, Picture, Shown
from best_sim.trial.closed_forms import monte_carlo_error

if TYPE_CHECKING:
    from best_sim.questions.best_plan.run import BestPlanFound, Contender

_SHOWN = 8
"""Contenders in the table that is printed; contenders.csv has all."""
_OPENINGS = 6
"""Ways to open the boroughs that stand beside each other in 80 columns."""
_SHUT = "shut"


# --- words ----------------------------------------------------------------------------------------------------
def words_of(found: BestPlanFound) -> list[str]:
    """What was found: by the closed form, by simulation, how sure the choice is, and how many boroughs more."""
    question, closed = found.question, found.closed
    what = "cheapest plan" if question.goal == "cheapest" else "earliest plan within the budget"
    out = [
        f"By the closed form the {what} is: {found.space.words_of(closed)}. It costs {pounds(closed.cost)}, and "
        f"reaches {question.target} families before {say.day(found.by)} with a probability of "
        f"{chance(closed.probability)}."
    ]
    one = found.chosen_one
    if one is None:
        best = max(found.contenders, key=lambda one: one.share)
        out.append(
            f"By simulation no contender qualifies. A simulated trial is a success if {_success(found)}; the best of "
            f"the contenders, {found.space.words_of(best.plan)}, succeeds in {chance(best.share)}."
        )
    else:
        said = (
            f"By simulation the best is: {found.space.words_of(one.plan)}. It costs {pounds(one.plan.cost)}. "
            f"In {chance(one.share)} of {say.plural(one.replicates, 'simulated trial')} (95% interval "
            f"{chance(one.low)} to {chance(one.high)}), {_success(found)}."
        )
        if question.goal == "earliest":
            day = found.date(one)
            when = "not within the run" if day is None else f"before {say.day(day)}"
            said += f" By simulation it does so with {wanted(question.probability)} {when}."
        out.append(said)
    out.append(_sure(found))
    if found.left_out:
        out.append(
            f"{say.plural(found.left_out, 'contender')} {'was' if found.left_out == 1 else 'were'} left out, as the "
            "replicates are too few for all."
        )
    out.append(found.more.in_words())
    return out


def _success(found: BestPlanFound) -> str:
    """When a simulated trial counts as a success."""
    share = found.question.least_beginning_lift
    both = "" if share is None else f" and {wanted(share)} or more of the families allocated to LIFT begin it"
    return f"{found.question.target} families are randomised before {say.day(found.by)}{both}"


def _sure(found: BestPlanFound) -> str:
    choice, points = found.selection, 100 * found.question.indifference
    near = f", to {points:g} points of probability," if points else ""
    if choice.settled:
        known = f"settled: right{near} with a probability of at least {wanted(choice.level)}"
    else:
        known = (
            f"not settled when the replicates ran out: right{near} with about {chance(choice.probability)}"
        )
    return (
        f"The choice among {say.plural(len(found.contenders), 'contender')} is {known}, after "
        f"{say.plural(choice.spent, 'simulated trial')}."
    )


def notes_of(found: BestPlanFound) -> list[str]:
    """What the answer rests on."""
    question = found.question
    return [
        "Every cost is an assumption of whoever wrote the question; none has been published. Costs are counted until "
        f"{say.day(question.counted_until)}, whenever the target is reached.",
        f"In every plan that is simulated the target is {question.target} families, candidates that a plan leaves shut "
        "do not recruit, and everything else is as the scenario has it.",
        "The closed form has recruitment alone. It knows nothing of courts that are full, of orders that come first, "
        "or of a LIFT team without a place; the simulation has them. A plan that is no contender was never simulated.",
        "All contenders are simulated with common random numbers.",
    ]


# --- tables ---------------------------------------------------------------------------------------------------
def _most_simulated(found: BestPlanFound) -> list[Contender]:
    """The chosen one and those on which most trials were spent, the cheapest first; few ways to open boroughs."""
    order = sorted(
        range(len(found.contenders)),
        key=lambda i: (
            found.contenders[i].plan != found.chosen,
            -found.contenders[i].replicates,
            found.contenders[i].plan.choices != found.closed.choices,
            i,
        ),
    )
    kept: list[int] = []
    for i in order:
        ways = {found.contenders[k].plan.choices for k in (*kept, i)}
        if len(kept) < _SHOWN and len(ways) <= _OPENINGS:
            kept.append(i)
    return [found.contenders[i] for i in sorted(kept)]


def _numbered(contenders: Sequence[Contender]) -> dict[tuple[int, ...], str]:
    """A number for each way to open the boroughs."""
    return {way: str(k) for k, way in enumerate(dict.fromkeys(one.plan.choices for one in contenders), 1)}


def contenders_shown(found: BestPlanFound) -> Shown:
    """The contenders on which most trials were spent, narrow enough for a terminal."""
    few = _most_simulated(found)
    numbers = _numbered(few)
    rows = []
    for one in few:
        error = monte_carlo_error(one.share, one.replicates)
        rows.append(
            (
                numbers[one.plan.choices], *(size for _, size in one.plan.teams), f"{one.plan.cost / 1000.0:,.0f}",
                chance(one.plan.probability), f"{chance(one.share)} ({say.points(error)})",
                f"{chance(one.low)} to {chance(one.high)}", say.number(one.replicates),
            )
        )  # fmt: skip
    others = len(found.contenders) - len(few)
    more = f" {others} more in contenders.csv." if others else ""
    return Shown(
        "Contenders on which most trials were spent, the cheapest first",
        (
            "opens", *(f"LIFT team\n{team}" for team, _ in few[0].plan.teams), "thousand\nGBP", "closed\nform",
            "simulated\n(MCSE)", "95% interval", "trials",
        ),
        tuple(rows),
        note=f"Bold: chosen. Opens: as below. MCSE: Monte Carlo standard error, percentage points.{more}",
        left=1 + len(few[0].plan.teams),
        strong=frozenset(i for i, one in enumerate(few) if one.plan == found.chosen),
    )  # fmt: skip


def openings_shown(found: BestPlanFound, contenders: Sequence[Contender] | None = None) -> Shown:
    """When each borough opens, by the numbers of the other table."""
    numbers = _numbered(_most_simulated(found) if contenders is None else contenders)
    rows = []
    for i, one in enumerate(found.space.candidates):
        months = [_SHUT if not way[i] else f"{one.dates[way[i] - 1]:%b %Y}" for way in numbers]
        rows.append((found.space.plans[one.borough].shown, *months))
    return Shown("When boroughs open", ("borough", *numbers.values()), tuple(rows))


def _all_contenders(found: BestPlanFound) -> Shown:
    numbers = _numbered(found.contenders)
    rows = []
    for one, row in zip(found.contenders, found.contender_table().to_dict("records"), strict=True):
        day = row["date"]
        rows.append(
            (
                numbers[one.plan.choices], *(size for _, size in one.plan.teams), f"{one.plan.cost:,.0f}",
                chance(one.plan.probability), f"{chance(one.share)} ({say.points(row['mcse'])})",
                f"{chance(one.low)} to {chance(one.high)}", say.number(one.replicates), chance(row["reached"]),
                chance(row["began"]), "not in the run" if day is None else say.short_day(day),
            )
        )  # fmt: skip
    teams = found.contenders[0].plan.teams
    return Shown(
        "Contenders, the cheapest first",
        (
            "Opens", *(f"LIFT team\n{team}" for team, _ in teams), "Cost,\nGBP", "Closed\nform",
            "Simulated\n(MCSE)", "95% interval", "Trials", "Target\nin time", "Begin\nLIFT",
            f"With {wanted(found.question.probability)}\nbefore",
        ),
        tuple(rows),
        note="Bold: chosen. Opens: as in the table below. MCSE: Monte Carlo standard error, percentage points. Target "
        "in time: share of simulated trials, whatever share of families begins LIFT.",
        left=1 + len(teams),
        strong=frozenset(i for i, one in enumerate(found.contenders) if one.plan == found.chosen),
    )  # fmt: skip


def _plan_shown(found: BestPlanFound) -> Shown:
    """What the chosen plan, or that of the closed form, opens when, and what each part costs."""
    plan, space, until = found.chosen or found.closed, found.space, found.question.counted_until
    first = space.first_openings(plan.choices)
    rows = []
    for one, choice in zip(space.candidates, plan.choices, strict=True):
        day = one.dates[choice - 1] if choice else None
        cost = one.pence(day, until) / 100.0 if day else 0.0
        rows.append(
            (
                space.plans[one.borough].shown, say.short_day(day) if day else _SHUT, one.note,
                f"{one.opening_cost:,.0f}", f"{one.running_cost_per_month:,.0f} a month", f"{cost:,.0f}",
            )
        )  # fmt: skip
    for team, name in plan.teams:
        size = next(one for one in space.sizes[team] if one.name == name)
        since = first.get(team)
        rows.append(
            (
                f"LIFT team {team}: {name}", say.short_day(since) if since else "never", size.note, "",
                f"{size.cost_per_year:,.0f} a year", f"{size.pence(since, until) / 100.0:,.0f}",
            )
        )  # fmt: skip
    which = "chosen" if found.chosen is not None else "best by the closed form"
    return Shown(
        f"The plan that is {which}, and what its parts cost",
        ("", "Opens", "Source of the cost", "Opening,\nGBP", "Running,\nGBP", f"Until {say.short_day(until)},\nGBP"),
        (*rows, ("Together", "", "", "", "", f"{plan.cost:,.0f}")),
        strong=frozenset({len(rows)}),
        left=3,
    )  # fmt: skip


# --- the report -----------------------------------------------------------------------------------------------
_CAPTION = (
    "Above: the probability of the target in time against the cost of the plan, by the closed form for all plans, and "
    "by simulation with 95% intervals for the contenders. In the middle: trials spent on each contender. "
    "Below: the median date on which the target is reached."
)


def chapters_of(found: BestPlanFound) -> list[Chapter]:
    """The answer, the plan, the contenders, and how plans were searched."""
    question = found.question
    answer: list[Content] = [
        Heading("What was asked"),
        question.question or _asked(found),
        Heading("The answer"),
    ]
    answer += [_headline(found), *words_of(found)]
    contenders: list[Content] = [Picture("best-plan", _CAPTION), _all_contenders(found)]
    contenders.append(openings_shown(found, found.contenders))
    searched = [
        f"There are {say.number(found.space.size)} plans: {say.number(found.space.openings)} ways to open "
        f"{say.plural(len(found.space.candidates), 'candidate')}, times the sizes of teams. By the closed form of "
        "recruitment boroughs recruit independently of each other, each a negative binomial number, and the "
        "probability of the target by a date is exact. To open one borough more, or earlier, never lowers it and never "
        "costs less, so a depth-first search leaves whole branches out and still finds the best plan.",
        "The contenders are plans on the front of cost and probability near the one that is wanted, with every size of "
        "team where a share of families has to begin LIFT; for the earliest plan, those likeliest by the date.",
        "Trials were simulated in batches, each where the choice was least sure: optimal computing budget allocation "
        "(Chen et al., Discrete Event Dynamic Systems 2000;10:251). The choice is settled by exact binomial bounds, "
        "whose errors are shared out over contenders and looks.",
        "fronts.csv has every plan that no other plan beats, by the closed form: none is both as cheap and as likely, "
        "or as cheap and as early.",
    ]
    return [
        Chapter("summary", "In plain words", tuple(answer)),
        Chapter("plan", "The plan and its cost", (_plan_shown(found),)),
        Chapter("contenders", "The contenders", tuple(contenders)),
        Chapter("search", "How plans were searched", tuple(searched)),
    ]


def _asked(found: BestPlanFound) -> str:
    question = found.question
    what = (
        "the lowest cost"
        if question.goal == "cheapest"
        else f"as early as {pounds(question.budget or 0.0)} allow"
    )
    return (
        f"Which boroughs should open when, so that {question.target} families are randomised with a probability of "
        f"{wanted(question.probability)}, at {what}?"
    )


def _headline(found: BestPlanFound) -> Answers:
    one, closed = found.chosen_one, found.closed
    out = [
        Answer(
            "Cost of the best plan by the closed form",
            pounds(closed.cost),
            f"probability {chance(closed.probability)}, by the closed form",
        )
    ]
    if one is not None:
        out.append(
            Answer(
                "Cost of the plan chosen by simulation", pounds(one.plan.cost),
                f"succeeds in {chance(one.share)}, 95% interval {chance(one.low)} to {chance(one.high)}",
            )
        )  # fmt: skip
    sure = found.selection
    out.append(
        Answer(
            "Probability that the choice is right",
            f"{wanted(sure.level)} or more" if sure.settled else f"about {chance(sure.probability)}",
            f"after {say.plural(sure.spent, 'simulated trial')}",
        )
    )
    return Answers(tuple(out))
