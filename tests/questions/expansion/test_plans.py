"""Plans of expansion: common random numbers for all of them, and what is counted."""

from __future__ import annotations

import datetime as dt
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_worlds import always, plain_world

from best_sim.measures.costs import HOLDERS, CostItems, UnitCosts, cost_items
from best_sim.measures.stability import move_rates
from best_sim.measures.timeliness import proceedings_by
from best_sim.measures.workload import lift_use, lift_waits, received
from best_sim.pathway import simulate
from best_sim.questions.expansion.ask import ExpansionQuestion, OpeningPlan, TeamChange
from best_sim.questions.expansion.replicate import MEASURES, measure
from best_sim.questions.expansion.run import ExpansionFound
from best_sim.questions.recruitment.ask import RecruitmentQuestion
from best_sim.questions.recruitment.run import RecruitmentFound
from best_sim.questions.running import Running, StoppedError, answer

SEED, REPLICATES = 11, 12
SHORT = ("simulation.end_date=2020-12-31", "simulation.warm_up=0.5")
EARLY = dt.date(2018, 3, 1)


def question(
    *plans: OpeningPlan,
    scenario: str | Path = "london-2017",
    overrides: tuple[str, ...] = SHORT,
    target: int = 45,
    replicates: int = REPLICATES,
) -> ExpansionQuestion:
    return ExpansionQuestion(
        title="Small", scenario=str(scenario), overrides=overrides, replicates=replicates, seed=SEED, target=target,
        baseline=plans[0].name, plans=plans,
    )  # fmt: skip


def run(asked: ExpansionQuestion, **how: Any) -> ExpansionFound:
    found = answer(asked, executor=None, **how)
    assert isinstance(found, ExpansionFound)
    return found


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A plain world as a file: of its families all consent, none declines, all are assessed before the court decides.

    Every hearing takes an hour, and a sitting day has ten.
    """
    world = plain_world({"simulation.end_date": dt.date(2019, 1, 1), "boroughs.glasgow.entries": always(60)})
    file = tmp_path / "plain.toml"
    file.write_text(world.as_toml())
    return file


@pytest.fixture(scope="module")
def found() -> ExpansionFound:
    """A baseline, the same again, two boroughs earlier, a larger team, and a borough that never opens."""
    team = (TeamChange(team="london", profession="social_workers", since=dt.date(2019, 1, 1), value=8.0),)
    return run(
        question(
            OpeningPlan(name="base"),
            OpeningPlan(name="again", title="The same again"),
            OpeningPlan(name="early", openings={"bromley": EARLY, "sutton": EARLY}),
            OpeningPlan(name="team", team=team),
            OpeningPlan(name="never", openings={"tower_hamlets": "never"}),
        )
    )


# --- the same luck ------------------------------------------------------------------------------------------
def test_plans_that_change_nothing_differ_by_exactly_nothing(found: ExpansionFound) -> None:
    rows = found.differences().set_index("plan").loc["again"]
    assert set(rows["measure"]) == {one.name for one in MEASURES}
    assert (rows[["mean", "mcse", "lower_90", "upper_90"]] == 0.0).all(axis=None)
    assert rows["variance_ratio"].isna().all()


def test_pairing_gives_a_smaller_error_than_runs_with_luck_of_their_own(found: ExpansionFound) -> None:
    other = run(found.question.replaced(seed=SEED + 1))
    paired = found.differences().set_index(["plan", "measure"])
    for name in ("months_to_target", "lift_waiting", "weeks", "sitting_days", "moves", "cost"):
        for plan in ("early", "team"):
            one, two = found.of("base", name), other.of(plan, name)
            apart = measure(name).times * np.sqrt((one.var(ddof=1) + two.var(ddof=1)) / REPLICATES)
            assert paired.loc[(plan, name), "mcse"] < apart, (plan, name)
    # an opening changes a few families' journeys: of what is counted of all of them, most is the same
    assert paired.loc[("early", "cost"), "variance_ratio"] > 50.0


def test_variance_ratio_is_that_of_the_two_plans_to_that_of_their_difference(found: ExpansionFound) -> None:
    one, two = found.of("team", "lift_wait"), found.of("base", "lift_wait")
    row = found.differences().set_index(["plan", "measure"]).loc[("team", "lift_wait")]
    assert row["variance_ratio"] == pytest.approx((np.var(one) + np.var(two)) / np.var(one - two))
    assert row["mcse"] == pytest.approx(np.std(one - two, ddof=1) / np.sqrt(REPLICATES))


def test_nothing_differs_before_the_day_on_which_plans_part(found: ExpansionFound) -> None:
    before = np.array([until <= EARLY for until in found.frame.months[1:]])
    for name in ("in_use", "waiting"):
        base = found.of("base", f"by_month.{name}")
        assert (base == found.of("early", f"by_month.{name}"))[:, before].all()
        staffed = np.array([until <= dt.date(2019, 1, 1) for until in found.frame.months[1:]])
        assert (base == found.of("team", f"by_month.{name}"))[:, staffed].all()
        assert (base != found.of("team", f"by_month.{name}"))[:, ~staffed].any()


# --- openings -----------------------------------------------------------------------------------------------
def test_no_borough_adds_families_before_it_opens(found: ExpansionFound) -> None:
    for plan in found.plans:
        scenario = found.scenarios[plan.name]
        table = found.by_borough(plan.name).set_index("borough")
        until = np.asarray(found.frame.months[1:], object)
        for name, borough in scenario.boroughs.items():
            closed = until <= borough.opens
            assert closed.any() and (table.loc[name, "most"].to_numpy()[closed] == 0.0).all(), (
                plan.name,
                name,
            )
    never = found.by_borough("never").groupby("borough")["most"].max()
    assert never["tower_hamlets"] == 0.0 and never["croydon"] > 0.0


@pytest.mark.parametrize("later", [dt.date(2018, 7, 1), dt.date(2019, 2, 10), None])
def test_a_later_opening_never_adds_families_before_it(later: dt.date | None) -> None:
    asked = question(
        OpeningPlan(name="as planned"),
        OpeningPlan(name="later", openings={"tower_hamlets": later or "never"}),
        overrides=(*SHORT, "trial.stops_at_target=false"), replicates=4,
    )  # fmt: skip
    got = run(asked)
    sooner, after = (got._families(plan)[:, 1].cumsum(axis=1) for plan in ("as planned", "later"))
    assert (after <= sooner).all() and after.sum() < sooner.sum()
    closed = [until <= (later or dt.date.max) for until in got.frame.months[1:]]
    assert after[:, closed].sum() == 0.0


def test_a_closed_borough_recruits_nobody_who_becomes_known_later() -> None:
    closes = dt.date(2019, 1, 1)
    plans = (OpeningPlan(name="as planned"), OpeningPlan(name="closing", closings={"croydon": closes}))
    got = run(question(*plans, replicates=4))
    whole, part = (got._families(plan)[:, 0].sum() for plan in ("as planned", "closing"))
    assert 0 < part < whole


def test_staff_from_a_date_on_replaces_what_the_scenario_says_from_then_on() -> None:
    team = (
        TeamChange(team="london", profession="psychologists", since=dt.date(2019, 1, 1), value=4.0),
        TeamChange(team="london", profession="psychologists", since=dt.date(2018, 1, 1), value=3.0),
    )
    asked = question(OpeningPlan(name="base"), OpeningPlan(name="more", team=team))
    series = asked.scenarios["more"].lift.teams["london"].psychologists
    # without the scenario's own step to 3 in June 2018
    assert list(series) == [
        (dt.date(2017, 1, 1), 2.0), (dt.date(2018, 1, 1), 3.0), (dt.date(2019, 1, 1), 4.0)
    ]  # fmt: skip


# --- what is counted ----------------------------------------------------------------------------------------
def test_budget_holders_spend_what_is_spent(found: ExpansionFound) -> None:
    for plan in found.plans:
        costs = found.costs(plan.name).pivot(index="year", columns="holder", values="mean")
        np.testing.assert_allclose(costs[list(HOLDERS)].sum(axis=1), costs["all"], rtol=1e-12)
        table = found.table().set_index(["plan", "measure"]).loc[plan.name]["mean"]
        assert costs["all"].sum() / 1e6 == pytest.approx(table["cost"], rel=1e-12)
        names = ("cost_local_authority", "cost_nhs", "cost_courts")
        assert sum(table[name] for name in names) == pytest.approx(table["cost"], rel=1e-12)


def _budgets(items: CostItems, start: dt.date) -> pd.Series[float]:
    """Pounds by financial year ("2019/20": April to March) and budget holder."""
    day = pd.Timestamp(start) + pd.to_timedelta(np.floor(items.days), "D")
    year = [d.year if d.month > 3 else d.year - 1 for d in day]
    table = pd.DataFrame(
        {
            "year": [f"{y}/{(y + 1) % 100:02d}" for y in year],
            "holder": np.asarray(HOLDERS, object)[items.holder],
            "pounds": items.amount,
        }
    )
    return table.groupby(["year", "holder"])["pounds"].sum()


def test_figures_of_a_replicate_are_those_of_the_measures(found: ExpansionFound) -> None:
    scenario, number = found.scenarios["early"], 3
    j = simulate(scenario, SEED, number, "compiled")
    row = found.rows[(found.rows["plan"] == "early") & (found.rows["replicate"] == number)].iloc[0]
    since = float((found.frame.opened - found.frame.since).days)
    assert (found.frame.opened, found.frame.closed) == (dt.date(2017, 10, 1), dt.date(2020, 12, 31))

    shares = received(j).set_index("arm")["share"]
    assert row["received_lift"] == shares["LIFT"] and row["received_sau"] == shares["SAU"]
    asks = lift_waits(j)
    began = asks[(asks["who"] == "trial") & (asks["outcome"] == "started")]
    assert row["lift_wait"] == pytest.approx((began["left_days"] - began["asked_days"]).mean())
    court = proceedings_by(j, (), since).iloc[0]
    assert row["weeks"] == pytest.approx(court["mean_weeks"]) and row["within_26"] == court["within_26"]
    assert row["moves"] == pytest.approx(move_rates(j, since=since)["rate"].iloc[0])

    f = j.tables["families"]
    who = np.flatnonzero((f["n_children"] > 0) & (f["entered"] >= since) & (f["entered"] <= j.end))
    items = cost_items(j, UnitCosts.of(scenario), who)
    after = items.days >= since  # nothing before the first opening, not even a hearing
    items = CostItems(*(getattr(items, name)[after] for name in CostItems.__dataclass_fields__))
    spent = _budgets(items, j.start_date)
    pounds = pd.DataFrame(
        np.reshape(row["by_year.pounds"], (len(HOLDERS), -1)),
        index=list(HOLDERS),
        columns=list(found.frame.years),
    )
    for (year, holder), value in spent.items():  # type: ignore[misc]
        assert pounds.loc[holder, year] == pytest.approx(value)
    assert pounds.to_numpy().sum() == pytest.approx(spent.sum())


def test_months_of_a_team_make_up_its_years(found: ExpansionFound) -> None:
    number = 5
    j = simulate(found.scenarios["team"], SEED, number, "compiled")
    row = found.rows[(found.rows["plan"] == "team") & (found.rows["replicate"] == number)].iloc[0]
    days = np.diff([float((day - found.frame.since).days) for day in found.frame.months])
    year = np.array([day.year for day in found.frame.months[:-1]])
    for one in lift_use(j).to_dict("records"):
        mine = year == one["year"]
        for column in ("in_use", "places"):
            mean = (np.asarray(row[f"by_month.{column}"]) * days)[mine].sum() / days[mine].sum()
            assert mean == pytest.approx(one[column]), (one["year"], column)


def test_sitting_days_are_hours_of_hearings_over_hours_of_a_day(plain: Path) -> None:
    got = run(question(OpeningPlan(name="only"), scenario=plain, overrides=(), replicates=2))
    held = [simulate(got.scenarios["only"], SEED, k, "compiled").hearings["held_days"] for k in range(2)]
    hearings = [int((days >= 0.0).sum()) for days in held]
    assert min(hearings) > 50
    np.testing.assert_allclose(found_sitting := got.of("only", "sitting_days"), np.array(hearings) / 10.0)
    assert found_sitting.shape == (2,)
    assert not len(got.differences()) and len(got.words()) == 1
    assert "differences" not in got.tables() and list(got.figures()) == ["plan-only"]


def test_where_places_abound_nobody_waits_and_all_receive_lift(plain: Path) -> None:
    got = run(question(OpeningPlan(name="only"), scenario=plain, overrides=(), replicates=2))
    table = got.table().set_index("measure")["mean"]
    assert table["lift_wait"] == table["lift_gave_up"] == table["lift_waiting"] == 0.0
    assert table["received_lift"] == 100.0


# --- the date of the target ---------------------------------------------------------------------------------
def test_the_date_of_the_target_is_the_recruitment_forecasts(found: ExpansionFound) -> None:
    for plan in ("base", "early"):
        question = RecruitmentQuestion(replicates=REPLICATES, seed=SEED, target=45)
        forecast = answer(question.in_world(found.scenarios[plan]), executor=None)
        assert isinstance(forecast, RecruitmentFound)
        row: dict[str, Any] = {r["plan"]: r for r in found.dates().to_dict("records")}[plan]
        theirs = forecast.simulated
        assert row["median"] == theirs.date(0.5) and row["lower_90"] == theirs.date(0.05)
        assert row["upper_90"] == theirs.date(0.95) and row["mcse_days"] == theirs.median_error()
        np.testing.assert_array_equal(found.of(plan, "target_day"), theirs.days)
        fan = theirs.fan(found.frame.months[1:])
        np.testing.assert_allclose(found.monthly(plan)["families"], fan["mean"])


def test_a_plan_may_have_a_target_of_its_own() -> None:
    got = run(question(OpeningPlan(name="base"), OpeningPlan(name="fewer", target=20), replicates=3))
    dates = got.dates().set_index("plan")
    assert dates.loc["fewer", "target"] == 20 and dates.loc["fewer", "median"] < dates.loc["base", "median"]
    assert (got.of("fewer", "families") == 20.0).all()


def test_a_target_that_is_never_reached_has_no_date_and_counts_to_the_end_of_recruitment() -> None:
    got = run(question(OpeningPlan(name="base"), target=5000, replicates=3))
    row: dict[str, Any] = dict(got.dates().iloc[0])
    assert row["median"] is None and row["reached"] == 0.0
    months = (got.frame.closed - got.frame.opened).days / (365.25 / 12)
    np.testing.assert_allclose(got.of("base", "months_to_target"), months)
    assert "not reached in most trials (0% reach them)" in got.words()[0]


# --- running ------------------------------------------------------------------------------------------------
def test_both_drivers_give_the_same_rows() -> None:
    asked = question(
        OpeningPlan(name="base"), OpeningPlan(name="early", openings={"bromley": EARLY}), replicates=2,
        overrides=("simulation.end_date=2018-10-01", "simulation.warm_up=0.25"),
    )  # fmt: skip
    compiled, simpy = (run(asked, engine=one) for one in ("compiled", "simpy"))
    pd.testing.assert_frame_equal(compiled.rows, simpy.rows, check_exact=True)


def test_a_run_goes_on_where_it_stopped_and_workers_change_nothing(found: ExpansionFound) -> None:
    with ThreadPoolExecutor(2) as threads:
        told: list[int] = []
        running = Running(executor=threads, progress=lambda done, total, words: told.append(done))
        asked = found.question
        assert asked.replaced(replicates=5).run(running).question.replicates == 5
        got = asked.run(running)
    assert isinstance(got, ExpansionFound) and not got.interrupted
    pd.testing.assert_frame_equal(got.rows, found.rows, check_exact=True)
    assert told[-1] == REPLICATES and len(running.leg().done()) > 1


def test_a_run_that_is_interrupted_tells_of_what_was_finished(found: ExpansionFound) -> None:
    def stop(done: int, total: int | None, words: str) -> None:
        if done >= enough:
            raise KeyboardInterrupt

    enough = 5
    got = run(found.question, progress=stop)
    assert got.interrupted and 5 <= got.question.replicates < REPLICATES
    assert set(got.rows["replicate"]) == set(range(got.question.replicates))
    enough = 1
    with pytest.raises(StoppedError):
        Running(progress=stop, chunk=1).replicates_of(found.question)


def test_the_work_of_a_replicate_can_be_sent_to_a_process(found: ExpansionFound) -> None:
    rows = pickle.loads(pickle.dumps(found.question.work("compiled")))(2)
    assert [row["plan"] for row in rows] == [one.name for one in found.plans]
    assert rows[0]["weeks"] == found.of("base", "weeks")[2]


def test_every_plan_has_one_sentence_and_every_measure_one_row(found: ExpansionFound) -> None:
    sentences = found.words()
    assert len(sentences) == len(found.plans) and sentences[0].startswith("base: 45 families by ")
    assert (
        sentences[1].startswith("The same again: ")
        and "time to the target 0.0 months (MCSE 0.0)" in sentences[1]
    )
    table = found.table()
    assert len(table) == len(found.plans) * len(MEASURES) and table["n"].min() == REPLICATES
    assert len({one.name for one in MEASURES}) == len({one.label for one in MEASURES}) == len(MEASURES)
    # the larger team: fewer wait, and a smaller share of its places is in use
    rows = found.differences().set_index(["plan", "measure"])["mean"]
    assert rows[("team", "lift_wait")] < 0 and rows[("team", "lift_occupancy")] < 0
