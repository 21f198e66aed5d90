"""The best plan: the search against brute force, what is monotone, the choice by simulation, and what is refused."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from best_sim.experiments.best_plan import (
    BoroughsMore,
    NoPlanError,
    PlanSpace,
    TooManyPlansError,
    best_plan,
    boroughs_more,
    cheapest_plan,
    contenders,
    earliest_plan,
    in_words,
    pareto,
)
from best_sim.experiments.best_plan_problem import Candidate, PlanProblem, TeamChoice
from best_sim.experiments.selection import select_first, select_highest
from best_sim.scenario import ScenarioError
from best_sim.trial.recruitment import BoroughPlan, forecast_before

START, END = dt.date(2020, 1, 1), dt.date(2022, 1, 1)
BY = dt.date(2021, 7, 1)
SMALL = 70  # random problems


# --- random small problems ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Small:
    """A small problem without a scenario."""

    space: PlanSpace
    problem: PlanProblem


def small(seed: int, candidates: int | None = None) -> Small:
    rng = np.random.default_rng(seed)
    n = candidates or int(rng.integers(1, 5))
    names = [f"b{i}" for i in range(n)]
    chosen, plans = [], {}
    shapes = (math.inf, 4.0, 25.0)
    for name in names:
        first = START + dt.timedelta(days=int(rng.integers(0, 120)))
        dates = tuple(first + dt.timedelta(days=90 * k) for k in range(int(rng.integers(1, 4))))
        # costs from few values, so that some plans cost the same
        chosen.append(
            Candidate(name, dates, float(rng.choice([0, 100, 100, 250])), float(rng.choice([0, 10, 30])))
        )
        plans[name] = BoroughPlan(
            name=name, opens=first, entries=((START, float(rng.uniform(3, 30))),), eligible=0.8, consent=0.7,
            shape=float(rng.choice(shapes)), to_randomisation=(0.5, 0.0, 0.5),
        )  # fmt: skip
    if rng.random() < 0.6:
        plans["always"] = BoroughPlan(
            name="always", opens=START, entries=((START, 12.0),), eligible=0.5, consent=0.5,
            shape=float(rng.choice(shapes)),
        )  # fmt: skip
    team_of = {name: str(rng.choice(["east", "west"])) for name in plans}
    teams = [
        TeamChoice(team, size, (), float(cost))
        for team in ("east", "west")[: int(rng.integers(0, 3))]
        for size, cost in zip(("a", "b"), rng.choice([0, 40, 90, 200], 2), strict=True)
    ]
    target = int(rng.integers(1, 26))
    space = PlanSpace(target, tuple(chosen), plans, team_of, tuple(teams), BY, END)
    budget = float(rng.choice([200, 500, 1_500])) if rng.random() < 0.5 else None
    problem = PlanProblem(
        name="small", title="small", question="", scenario="none", overrides=(), goal="cheapest", target=target,
        by=BY, probability=float(rng.choice([0.3, 0.6, 0.8, 0.95])), budget=budget, costs_until=BY,
        least_beginning_lift=None, indifference=0.0, replicates=1, seed=1, candidates=tuple(chosen),
        teams=tuple(teams),
    )  # fmt: skip
    return Small(space, problem)


def every_plan(one: Small, by: dt.date) -> Iterator[tuple[tuple[int, ...], int, float]]:
    """Choices, pence and probability of every plan, teams of every size: nothing cached, convolved or left out."""
    space = one.space
    candidates = {c.borough: c for c in space.candidates}
    others = [plan for name, plan in space.plans.items() if name not in candidates]
    for choices in itertools.product(*(range(len(c.dates) + 1) for c in space.candidates)):
        opened = {c.borough: c.dates[k - 1] for c, k in zip(space.candidates, choices, strict=True) if k}
        plans = others + [replace(space.plans[name], opens=day) for name, day in opened.items()]
        chance = forecast_before(plans, END).time_to(space.target).probability(by) if plans else 0.0
        pounds = [
            candidates[name].opening_cost
            + candidates[name].running_cost_per_month * max((BY - day).days, 0) / (365.25 / 12)
            for name, day in opened.items()
        ]
        names = dict.fromkeys(choice.team for choice in space.teams)
        for sizes in itertools.product(*([c for c in space.teams if c.team == name] for name in names)):
            paid = []
            for size in sizes:
                since = [plan.opens for plan in plans if space.team_of[plan.name] == size.team]
                years = max((BY - min(since)).days, 0) / 365.25 if since else 0.0
                paid.append(size.cost_per_year * years)
            yield choices, sum(round(100 * pound) for pound in pounds + paid), chance


def cheapest_by_hand(one: Small, by: dt.date, p: float, budget: float | None) -> tuple[int, float] | None:
    """Pence and probability of the cheapest, the likeliest of those that cost the same."""
    fits = [
        (pence, -round(chance, 9)) for _, pence, chance in every_plan(one, by)
        if chance >= p - 1e-12 and (budget is None or pence <= 100 * budget)
    ]  # fmt: skip
    return (min(fits)[0], -min(fits)[1]) if fits else None


@pytest.mark.parametrize("seed", range(SMALL))
def test_the_search_agrees_with_brute_force(seed: int) -> None:
    one = small(seed)
    by_hand = cheapest_by_hand(one, BY, one.problem.probability, one.problem.budget)
    if by_hand is None:
        with pytest.raises(NoPlanError, match="No plan reaches"):
            cheapest_plan(one.problem, one.space)
        return
    found = cheapest_plan(one.problem, one.space)
    assert round(100 * found.cost) == by_hand[0]
    assert found.probability == pytest.approx(by_hand[1], abs=1e-9)


def test_of_the_random_problems_many_have_an_answer_and_some_have_none() -> None:
    none = 0
    for seed in range(SMALL):
        one = small(seed)
        none += not one.space.best(BY, at_least=one.problem.probability, within=one.problem.budget)
    assert 10 <= none <= SMALL - 35


@pytest.mark.parametrize("seed", range(12))
def test_the_earliest_day_agrees_with_going_through_all_days(seed: int) -> None:
    one = small(seed, candidates=2)
    p, budget = one.problem.probability, one.problem.budget
    days = [START + dt.timedelta(days=k) for k in range((END - START).days + 1)]

    def reached(day: dt.date) -> bool:
        return cheapest_by_hand(one, day, p, budget) is not None

    if not reached(END):
        with pytest.raises(NoPlanError):
            earliest_plan(one.problem, one.space)
        return
    day, plan = earliest_plan(one.problem, one.space)
    first = days.index(day)
    assert reached(day)
    assert not any(
        reached(days[k]) for k in {0, first // 2, first - 20, first - 2, first - 1} if 0 <= k < first
    )
    by_hand = cheapest_by_hand(one, day, p, budget)
    assert by_hand is not None and round(100 * plan.cost) == by_hand[0]
    assert plan.probability == pytest.approx(by_hand[1], abs=1e-9)


@pytest.mark.parametrize("seed", range(15))
def test_the_many_best_and_the_likeliest_agree_with_brute_force(seed: int) -> None:
    one = small(seed, candidates=3)
    cheapest: dict[tuple[int, ...], tuple[int, float]] = {}
    for choices, pence, chance in every_plan(one, BY):
        cheapest[choices] = min(cheapest.get(choices, (pence, chance)), (pence, chance))
    keys = sorted((pence, -round(chance, 9)) for pence, chance in cheapest.values() if chance >= 0.2)
    found = one.space.best(BY, at_least=0.2, many=5)
    assert [round(100 * plan.cost) for plan in found] == [pence for pence, _ in keys[:5]]
    within = [(chance, pence) for pence, chance in cheapest.values() if pence <= 30_000]
    likeliest = one.space.best(BY, within=300.0, many=4, first="probability")
    assert [plan.probability for plan in likeliest] == pytest.approx(
        sorted((chance for chance, _ in within), reverse=True)[:4], abs=1e-9
    )


@pytest.mark.parametrize("seed", range(15))
def test_fronts_are_those_of_brute_force(seed: int) -> None:
    one = small(seed, candidates=3)
    fronts = pareto(one.problem, one.space)
    points = [(pence, round(chance, 9)) for _, pence, chance in every_plan(one, BY)]
    by_hand = sorted(
        {(c, p) for c, p in points if not any((d <= c and q > p) or (d < c and q >= p) for d, q in points)}
    )
    mine = fronts[fronts["front"] == "probability"]
    assert [round(100 * cost) for cost in mine["cost"]] == [c for c, _ in by_hand]
    assert list(mine["probability"]) == pytest.approx([p for _, p in by_hand], abs=1e-8)
    early = fronts[fronts["front"] == "median"]
    assert early["cost"].is_monotonic_increasing and early["median"].is_monotonic_decreasing
    for row in early.to_dict("records"):
        cheapest = cheapest_by_hand(one, row["median"], 0.5, None)
        assert cheapest is not None and cheapest[0] == round(100 * row["cost"])  # none cheaper is as early


def test_fronts_found_by_search_and_by_looking_at_all_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    one = small(3, candidates=4)
    looked = pareto(one.problem, one.space)
    monkeypatch.setattr("best_sim.experiments.best_plan.MOST_PLANS", 1)
    searched = pareto(one.problem, one.space)
    assert looked[["cost", "probability", "median"]].equals(searched[["cost", "probability", "median"]])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.data())
def test_one_borough_more_or_earlier_never_lowers_probability_or_cost(seed: int, data: st.DataObject) -> None:
    space = small(seed).space
    choices = [data.draw(st.integers(0, len(one.dates))) for one in space.candidates]
    i = data.draw(st.integers(0, len(choices) - 1))
    if choices[i] == 1:
        return  # it is open from its first date already
    more = list(choices)
    more[i] = choices[i] - 1 if choices[i] else data.draw(st.integers(1, len(space.candidates[i].dates)))
    by = data.draw(st.dates(START, END))
    before, after = space.plan(choices, by), space.plan(more, by)
    assert after.probability >= before.probability - 1e-10
    assert after.cost >= before.cost
    assert space.plan(more, END).probability >= after.probability - 1e-10


def test_all_plans_have_the_probabilities_of_single_plans() -> None:
    one = small(8, candidates=3)
    table = one.space.all_plans(BY)
    assert len(table) == one.space.openings
    for row in table.sample(12, random_state=1).to_dict("records"):
        plan = one.space.plan(row["choices"], BY)
        assert plan.cost == row["cost"]
        assert plan.probability == pytest.approx(row["probability"], abs=1e-10)


def test_boroughs_more_is_the_best_set_of_each_size() -> None:
    one = small(21, candidates=4)
    more = boroughs_more(one.problem, one.space)
    for n, (probability, opened) in enumerate(more.rows):
        sets = [
            one.space.plan([int(i in chosen) for i in range(4)], BY).probability
            for chosen in itertools.combinations(range(4), n)
        ]
        assert probability == max(sets) and len(opened) == n


def test_boroughs_more_in_one_line() -> None:
    day = dt.date(2019, 3, 1)
    rows = ((0.31, ()), (0.82, (("Here", day),)), (0.97, (("Here", day), ("There", day))))
    more = BoroughsMore(50, dt.date(2020, 1, 1), 0.8, rows)
    assert more.needed == 1
    assert more.in_words() == (
        "50 families before 1 January 2020 with 80%, boroughs open from their first dates: that takes one borough "
        "more; none gives 31%, one 82% (Here from 2019-03)."
    )
    assert "more boroughs than there are" in replace(more, wanted=0.99).in_words()


def test_what_cannot_be_done_says_how_far_the_best_gets() -> None:
    one = small(5, candidates=3)
    top = one.space.plan([1, 1, 1], BY)
    hopeless = replace(one.problem, probability=0.99999, budget=0.0)
    with pytest.raises(NoPlanError) as refused:
        cheapest_plan(hopeless, one.space)
    told = str(refused.value)
    assert (
        "99.999% within GBP 0." in told
        and f"for GBP {top.cost:,.0f}" in told
        and "Whatever it costs, " in told
    )
    larger = replace(one.space, target=46)
    best = larger.plan([1, 1, 1], BY).probability
    assert 0.1 < best < 0.9
    with pytest.raises(NoPlanError, match=f"{best:.0%} can be reached"):
        cheapest_plan(replace(one.problem, target=46, probability=0.9999, budget=None), larger)


def test_a_search_that_would_take_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("best_sim.experiments.best_plan.MOST_NODES", 3)
    with pytest.raises(TooManyPlansError, match="Fewer candidates"):
        small(3, candidates=4).space.best(BY)
    monkeypatch.setattr("best_sim.experiments.best_plan.MOST_PLANS", 3)
    with pytest.raises(TooManyPlansError, match="too many to look at"):
        small(3, candidates=4).space.all_plans(BY)


def test_pruning_leaves_most_of_many_plans_out() -> None:
    """Eight candidates of four dates each: 390,625 plans, of which the search looks at a small part."""
    rng = np.random.default_rng(1)
    dates = tuple(START + dt.timedelta(days=91 * k) for k in range(4))
    names = [f"b{i}" for i in range(8)]
    candidates = tuple(
        Candidate(n, dates, float(rng.integers(50, 100)), float(rng.integers(5, 20))) for n in names
    )
    plans = {
        n: BoroughPlan(name=n, opens=START, entries=((START, float(rng.uniform(20, 60))),), eligible=0.6, consent=0.6,
                       shape=25.0)
        for n in names
    }  # fmt: skip
    space = PlanSpace(120, candidates, plans, dict.fromkeys(names, "t"), (), BY, END)
    assert space.openings == 390_625
    found = space.best(BY, at_least=0.8)[0]
    # no single step down is possible: later, or shut, and still probable enough for less
    for i, choice in enumerate(found.choices):
        for other in range(5):
            step = space.plan([other if j == i else c for j, c in enumerate(found.choices)], BY)
            assert choice == other or step.probability < 0.8 or step.cost >= found.cost


# --- the choice by simulation -------------------------------------------------------------------------------
def coins(means: tuple[float, ...], seed: int) -> Callable[[int, int, int], np.ndarray]:
    """Alternatives of known probabilities, on common luck."""
    luck = np.random.default_rng(seed).random(60_000)
    return lambda i, first, n: luck[first : first + n] < means[i]


TRUE = (0.55, 0.70, 0.74, 0.87, 0.92, 0.95)
"""By cost; 0.8 is wanted, so the fourth is the right one."""


def test_the_first_that_qualifies_is_found_as_often_as_stated() -> None:
    times = 200
    right = settled = 0
    for seed in range(times):
        got = select_first(coins(TRUE, seed), len(TRUE), 0.8, level=0.8, batch=25, most=20_000)
        settled += got.settled
        right += got.chosen == 3
        assert got.spent == sum(got.replicates) <= 20_000
    assert settled == times
    assert right / times >= 0.8 - 4 * math.sqrt(0.8 * 0.2 / times)


def test_it_spends_less_than_equal_allocation() -> None:
    spent = {"where it matters": 0, "equal": 0}
    for seed in range(40):
        for rule in spent:
            got = select_first(coins(TRUE, seed), len(TRUE), 0.8, batch=25, most=30_000, rule=rule)  # type: ignore[arg-type]
            assert got.settled
            spent[rule] += got.spent
    assert spent["where it matters"] < 0.7 * spent["equal"]


def test_the_highest_is_found_as_often_as_stated_for_less_than_equal_allocation() -> None:
    means = (0.50, 0.60, 0.72, 0.80)
    times, right, spent, equal = 100, 0, 0, 0
    for seed in range(times):
        got = select_highest(coins(means, seed), 4, level=0.8, batch=25, most=20_000)
        other = select_highest(coins(means, seed), 4, level=0.8, batch=25, most=20_000, rule="equal")
        assert got.settled and other.settled
        right += got.chosen == 3
        spent, equal = spent + got.spent, equal + other.spent
    assert right / times >= 0.8 - 4 * math.sqrt(0.8 * 0.2 / times)
    assert spent < 0.9 * equal


def test_on_the_line_only_an_indifference_settles() -> None:
    on_the_line = (0.8, 0.9)
    assert not select_first(coins(on_the_line, 1), 2, 0.8, batch=50, most=3_000).settled
    got = select_first(coins(on_the_line, 1), 2, 0.8, indifference=0.05, batch=50, most=10_000)
    assert got.settled and got.chosen in (0, 1)
    alike = (0.6, 0.6, 0.3)
    assert not select_highest(coins(alike, 2), 3, batch=50, most=3_000).settled
    got = select_highest(coins(alike, 2), 3, indifference=0.06, batch=50, most=20_000)
    assert got.settled and got.chosen in (0, 1)


def test_when_replicates_run_out_the_choice_says_so() -> None:
    got = select_first(coins((0.79, 0.81), 4), 2, 0.8, batch=20, most=100)
    assert not got.settled and 0.0 <= got.probability < 0.95 and got.spent <= 100
    none = select_first(coins((0.1, 0.2), 4), 2, 0.8)
    assert none.chosen is None and none.settled
    assert select_highest(coins((0.5,), 1), 1).chosen == 0


def test_numbers_that_make_no_sense_are_all_named() -> None:
    with pytest.raises(ValueError, match=r"level: found 1.*batch: found 0"):
        select_first(coins((0.5,), 1), 1, 0.8, level=1.0, batch=0)
    with pytest.raises(ValueError, match="wanted: found 1"):
        select_first(coins((0.5,), 1), 1, 1.0)


# --- a scenario ---------------------------------------------------------------------------------------------
SMALL_TOML = """
scenario = "london-2017"
set = ["simulation.after_recruitment=1", "simulation.end_date=2020-01-31", "simulation.warm_up=1"]
target = 25
by = 2019-04-01
probability = 0.6
budget = 2_000_000
replicates = 160
seed = 3
indifference = 0.1
[[candidate]]
borough = "croydon"
dates = [2017-10-01, 2018-01-01]
opening_cost = 60_000
running_cost_per_month = 6_000
[[candidate]]
borough = "sutton"
earliest = 2018-01-31
latest = 2018-04-30
step_months = 1
opening_cost = 40_000
[[candidate]]
borough = "bromley"
earliest = 2018-03-01
opening_cost = 50_000
[[team]]
team = "london"
name = "as run"
cost_per_year = 500_000
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(SMALL_TOML)
    return path


def test_a_file_is_read(file: Path) -> None:
    problem = PlanProblem.load(file)
    assert [len(one.dates) for one in problem.candidates] == [2, 4, 1]
    assert problem.candidates[1].dates == (
        dt.date(2018, 1, 31), dt.date(2018, 2, 28), dt.date(2018, 3, 31), dt.date(2018, 4, 30),
    )  # fmt: skip
    assert problem.costs_until == problem.by and problem.goal == "cheapest"
    assert PlanProblem.load(file, goal="earliest", seed=9).seed == 9


def test_a_plans_scenario_opens_some_boroughs_and_shuts_the_others(file: Path) -> None:
    problem = PlanProblem.load(file)
    small_team = TeamChoice("london", "small", (("psychologists", 0.5),), 1.0)
    world = problem.scenario_of({"croydon": dt.date(2018, 1, 1)}, {"london": small_team})
    assert world.boroughs["croydon"].opens == dt.date(2018, 1, 1)
    assert world.boroughs["sutton"].opens > world.simulation.end_date
    assert world.boroughs["tower_hamlets"].opens == problem.world.boroughs["tower_hamlets"].opens
    assert set(world.lift.teams["london"].psychologists.values) == {0.5}


def test_the_closed_form_is_the_forecast_of_the_plans_scenario(file: Path) -> None:
    """The way over the scenario, and the way over distributions that are kept, end at the same number."""
    from best_sim.trial.recruitment import borough_plans

    problem = PlanProblem.load(file)
    space = PlanSpace.of(problem)
    for choices in ((2, 3, 1), (1, 0, 0), (0, 4, 1)):
        plan = space.plan(choices, problem.by)
        world = problem.scenario_of(dict(plan.openings), {})
        forecast = forecast_before(borough_plans(world), world.simulation.end_date)
        assert plan.probability == pytest.approx(
            forecast.time_to(problem.target).probability(problem.by), abs=1e-9
        )


@pytest.mark.parametrize("goal", ["cheapest", "earliest"])
def test_a_problem_is_answered(file: Path, goal: Any) -> None:
    found = best_plan(PlanProblem.load(file, goal=goal), executor=None)
    table = found.table()
    assert found.selection.spent == table["replicates"].sum() <= 160
    assert table["cost"].is_monotonic_increasing and (table["cost"] <= 2_000_000).all()
    assert table["chosen"].sum() == (found.chosen is not None)
    assert all(len(one.days) == one.replicates for one in found.contenders)
    assert in_words(found.closed, found.space) in found.in_words() and "that takes" in found.in_words()
    again = best_plan(PlanProblem.load(file, goal=goal), executor=None)
    assert again.table().equals(table) and again.selection == found.selection


def test_contenders_come_with_every_size_only_where_lift_is_asked_about(file: Path) -> None:
    text = SMALL_TOML + '[[team]]\nteam = "london"\nname = "large"\ncost_per_year = 600_000\n'
    file.write_text(text)
    problem = PlanProblem.load(file)
    space = PlanSpace.of(problem)
    assert {plan.teams for plan in contenders(problem, space, problem.by)} == {(("london", "as run"),)}
    asked = contenders(replace(problem, least_beginning_lift=0.5), space, problem.by)
    assert {plan.teams for plan in asked} == {(("london", "as run"),), (("london", "large"),)}
    assert all(plan.cost <= 2_000_000 for plan in asked)


def test_the_shipped_problem_can_be_read_and_has_a_plan() -> None:
    problem = PlanProblem.load("best-plan")
    space = PlanSpace.of(problem)
    assert space.openings < 200_000
    assert cheapest_plan(problem, space).probability >= problem.probability
    notes = [one.note for one in problem.candidates] + [choice.note for choice in problem.teams]
    assert all("assumption" in note for note in notes)


# --- what is refused ----------------------------------------------------------------------------------------
def test_everything_wrong_in_a_file_is_said_at_once(file: Path) -> None:
    file.write_text(
        SMALL_TOML.replace("target = 25", "target = 0\nbudgett = 3")
        .replace("probability = 0.6", "probability = 1.2")
        .replace("opening_cost = 40_000", "opening_cost = -1")
        .replace("dates = [2017-10-01, 2018-01-01]", "dates = [2018-01-01, 2017-10-01]")
        .replace("cost_per_year = 500_000", "")
    )
    with pytest.raises(ScenarioError) as refused:
        PlanProblem.load(file)
    told = {problem.key: problem for problem in refused.value.problems}
    assert set(told) == {
        "target", "budgett", "probability", "candidate[0].dates", "candidate[1].opening_cost", "team[0].cost_per_year",
    }  # fmt: skip
    assert told["budgett"].nearest == "budget"
    assert told["probability"].found == "1.2" and told["team[0].cost_per_year"].found == "nothing"
    assert "2018-01-01" in told["candidate[0].dates"].found
    assert all(problem.file == str(file) for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('borough = "croydon"', 'borough = "croyden"', "candidate[0].borough", "did you mean croydon"),
        ('team = "london"', 'team = "lundon"', "team[0].team", "did you mean london"),
        ("by = 2019-04-01", "by = 2031-01-01", "by", "the run does not reach this day"),
        ('borough = "sutton"', 'borough = "croydon"', "candidate", "two have the same borough"),
        ("step_months = 1", "", "candidate[1].step_months", "whole months"),
        ("step_months = 1", "dates = [2018-04-01]", "candidate[1].earliest", "nothing, where there are"),
        ("seed = 3", 'seed = 3\ngoal = "best"', "goal", "cheapest, earliest"),
        ("[[team]]", "[team]", "team", "[[team]] tables"),
        ("budget = 2_000_000", 'goal = "earliest"', "budget", "within a budget"),
        ("2018-03-01", "2016-03-01", "candidate[2].dates", "opens outside the run"),
        ("warm_up=1", "before_opening=0", "scenario", "simulation.before_opening"),
        ("seed = 3", "seed = ", "", "this is not TOML"),
    ],
)
def test_each_thing_that_cannot_be_is_refused(file: Path, old: str, new: str, key: str, words: str) -> None:
    assert old in SMALL_TOML
    file.write_text(SMALL_TOML.replace(old, new, 1))
    with pytest.raises(ScenarioError) as refused:
        PlanProblem.load(file)
    assert key in [problem.key for problem in refused.value.problems]
    assert words in str(refused.value)


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean best-plan"):
        PlanProblem.load("best-plane")
