"""Plans by the closed form: the search and the fronts against brute force, what is monotone, and what is refused."""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from best_sim.questions.best_plan.ask import BestPlanQuestion, Candidate, TeamChoice
from best_sim.questions.best_plan.closed_form import BoroughsMore, boroughs_more, pareto
from best_sim.questions.best_plan.search import NoPlanError, best_plans, cheapest_plan, earliest_plan
from best_sim.questions.best_plan.space import PlanSpace, TooManyPlansError
from best_sim.trial.recruitment import BoroughPlan, forecast_before

START, END = dt.date(2020, 1, 1), dt.date(2022, 1, 1)
BY = dt.date(2021, 7, 1)
SMALL = 70  # random problems


# --- random small problems ----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Small:
    """A small problem without a scenario."""

    space: PlanSpace
    question: BestPlanQuestion


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
            Candidate(
                borough=name,
                listed=dates,
                opening_cost=float(rng.choice([0, 100, 100, 250])),
                running_cost_per_month=float(rng.choice([0, 10, 30])),
            )  # fmt: skip
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
        TeamChoice(team=team, name=size, cost_per_year=float(cost))
        for team in ("east", "west")[: int(rng.integers(0, 3))]
        for size, cost in zip(("a", "b"), rng.choice([0, 40, 90, 200], 2), strict=True)
    ]
    target = int(rng.integers(1, 26))
    space = PlanSpace(target, tuple(chosen), plans, team_of, tuple(teams), BY, END)
    budget = float(rng.choice([200, 500, 1_500])) if rng.random() < 0.5 else None
    question = BestPlanQuestion(
        target=target, by=BY, probability=float(rng.choice([0.3, 0.6, 0.8, 0.95])), budget=budget,
        candidates=tuple(chosen), teams=tuple(teams),
    )  # fmt: skip
    return Small(space, question)


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
    by_hand = cheapest_by_hand(one, BY, one.question.probability, one.question.budget)
    if by_hand is None:
        with pytest.raises(NoPlanError, match="no plan reaches"):
            cheapest_plan(one.question, one.space)
        return
    found = cheapest_plan(one.question, one.space)
    assert round(100 * found.cost) == by_hand[0]
    assert found.probability == pytest.approx(by_hand[1], abs=1e-9)


def test_of_the_random_problems_many_have_an_answer_and_some_have_none() -> None:
    none = 0
    for seed in range(SMALL):
        one = small(seed)
        none += not best_plans(one.space, BY, at_least=one.question.probability, within=one.question.budget)
    assert 10 <= none <= SMALL - 35


@pytest.mark.parametrize("seed", range(12))
def test_the_earliest_day_agrees_with_going_through_all_days(seed: int) -> None:
    one = small(seed, candidates=2)
    p, budget = one.question.probability, one.question.budget
    days = [START + dt.timedelta(days=k) for k in range((END - START).days + 1)]

    def reached(day: dt.date) -> bool:
        return cheapest_by_hand(one, day, p, budget) is not None

    if not reached(END):
        with pytest.raises(NoPlanError):
            earliest_plan(one.question, one.space)
        return
    day, plan = earliest_plan(one.question, one.space)
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
    found = best_plans(one.space, BY, at_least=0.2, many=5)
    assert [round(100 * plan.cost) for plan in found] == [pence for pence, _ in keys[:5]]
    within = [(chance, pence) for pence, chance in cheapest.values() if pence <= 30_000]
    likeliest = best_plans(one.space, BY, within=300.0, many=4, first="probability")
    assert [plan.probability for plan in likeliest] == pytest.approx(
        sorted((chance for chance, _ in within), reverse=True)[:4], abs=1e-9
    )


@pytest.mark.parametrize("seed", range(15))
def test_fronts_are_those_of_brute_force(seed: int) -> None:
    one = small(seed, candidates=3)
    fronts = pareto(one.question, one.space)
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
    looked = pareto(one.question, one.space)
    monkeypatch.setattr("best_sim.questions.best_plan.closed_form.MOST_PLANS", 1)
    searched = pareto(one.question, one.space)
    assert looked[["cost", "probability", "median"]].equals(searched[["cost", "probability", "median"]])


@settings(max_examples=60)
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
    more = boroughs_more(one.question, one.space)
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
    hopeless = one.question.replaced(probability=0.99999, budget=0.0)
    with pytest.raises(NoPlanError) as refused:
        cheapest_plan(hopeless, one.space)
    assert refused.value.found.startswith("99.999% within GBP 0, which allows at most ")
    assert refused.value.allowed.startswith("whatever it costs, at most ")
    assert f"for GBP {top.cost:,.0f}" in refused.value.allowed
    larger = replace(one.space, target=46)
    best = larger.plan([1, 1, 1], BY).probability
    assert 0.1 < best < 0.9
    with pytest.raises(NoPlanError) as refused:
        cheapest_plan(one.question.replaced(target=46, probability=0.9999, budget=None), larger)
    assert refused.value.found == "99.99%" and f"at most {best:.0%}" in refused.value.allowed


def test_a_search_that_would_take_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("best_sim.questions.best_plan.search.MOST_NODES", 3)
    with pytest.raises(TooManyPlansError) as refused:
        best_plans(small(3, candidates=4).space, BY)
    assert "branches can't be left out" in refused.value.found and "fewer candidates" in refused.value.allowed
    monkeypatch.setattr("best_sim.questions.best_plan.space.MOST_PLANS", 3)
    with pytest.raises(TooManyPlansError) as refused:
        small(3, candidates=4).space.all_plans(BY)
    assert "3 can be looked at" in refused.value.found


def test_pruning_leaves_most_of_many_plans_out() -> None:
    """Eight candidates of four dates each: 390,625 plans, of which the search looks at a small part."""
    rng = np.random.default_rng(1)
    dates = tuple(START + dt.timedelta(days=91 * k) for k in range(4))
    names = [f"b{i}" for i in range(8)]
    candidates = tuple(
        Candidate(
            borough=n, listed=dates, opening_cost=float(rng.integers(50, 100)),
            running_cost_per_month=float(rng.integers(5, 20)),
        )
        for n in names
    )  # fmt: skip
    plans = {
        n: BoroughPlan(name=n, opens=START, entries=((START, float(rng.uniform(20, 60))),), eligible=0.6, consent=0.6,
                       shape=25.0)
        for n in names
    }  # fmt: skip
    space = PlanSpace(120, candidates, plans, dict.fromkeys(names, "t"), (), BY, END)
    assert space.openings == 390_625
    found = best_plans(space, BY, at_least=0.8)[0]
    # no single step down is possible: later, or shut, and still probable enough for less
    for i, choice in enumerate(found.choices):
        for other in range(5):
            step = space.plan([other if j == i else c for j, c in enumerate(found.choices)], BY)
            assert choice == other or step.probability < 0.8 or step.cost >= found.cost
