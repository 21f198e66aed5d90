"""Plans of expansion: the same luck for all, what is counted, and what a file may say."""

from __future__ import annotations

import datetime as dt
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_worlds import always, plain_world

from best_sim.experiments.expansion import (
    MEASURES,
    Expansion,
    ExpansionExperiment,
    ExpansionPlan,
    TeamChange,
    _Compared,
    measure,
    run_expansion,
    words_of,
)
from best_sim.experiments.recruitment import forecast_recruitment
from best_sim.measures.costs import HOLDERS, CostItems, UnitCosts, cost_items
from best_sim.measures.stability import move_rates
from best_sim.measures.timeliness import proceedings_by
from best_sim.measures.workload import lift_use, lift_waits, received
from best_sim.pathway import simulate
from best_sim.replications import Memory
from best_sim.scenario import Scenario, ScenarioError

SEED, REPLICATES = 11, 12
SHORT = ("simulation.end_date=2020-12-31", "simulation.warm_up=0.5")
EARLY = dt.date(2018, 3, 1)


def experiment(
    *plans: ExpansionPlan, scenario: Scenario | None = None, target: int = 45
) -> ExpansionExperiment:
    world = scenario or Scenario.load("london-2017", SHORT)
    return ExpansionExperiment("small", "Small", "", world, REPLICATES, SEED, target, plans[0].name, plans)


@pytest.fixture(scope="module")
def found() -> Expansion:
    """A baseline, the same again, two boroughs earlier, a larger team, and a borough that never opens."""
    team = (TeamChange("london", "social_workers", dt.date(2019, 1, 1), 8.0),)
    return run_expansion(
        experiment(
            ExpansionPlan("base"),
            ExpansionPlan("again", title="The same again"),
            ExpansionPlan("early", openings=(("bromley", EARLY), ("sutton", EARLY))),
            ExpansionPlan("team", team=team),
            ExpansionPlan("never", openings=(("tower_hamlets", None),)),
        ),
        executor=None,
    )


# --- the same luck ------------------------------------------------------------------------------------------
def test_plans_that_change_nothing_differ_by_exactly_nothing(found: Expansion) -> None:
    rows = found.differences().set_index("plan").loc["again"]
    assert set(rows["measure"]) == {one.name for one in MEASURES}
    assert (rows[["mean", "mcse", "lower_90", "upper_90"]] == 0.0).all(axis=None)
    assert rows["variance_ratio"].isna().all()


def test_pairing_gives_a_smaller_error_than_runs_with_luck_of_their_own(found: Expansion) -> None:
    other = run_expansion(found.experiment, seed=SEED + 1, executor=None)
    paired = found.differences().set_index(["plan", "measure"])
    for name in ("months_to_target", "lift_waiting", "weeks", "sitting_days", "moves", "cost"):
        for plan in ("early", "team"):
            one, two = found.of("base", name), other.of(plan, name)
            apart = measure(name).times * np.sqrt((one.var(ddof=1) + two.var(ddof=1)) / REPLICATES)
            assert paired.loc[(plan, name), "mcse"] < apart, (plan, name)
    # an opening changes a few families' journeys: of what is counted of all of them, most is the same
    assert paired.loc[("early", "cost"), "variance_ratio"] > 50.0


def test_variance_ratio_is_that_of_the_two_plans_to_that_of_their_difference(found: Expansion) -> None:
    one, two = found.of("team", "lift_wait"), found.of("base", "lift_wait")
    row = found.differences().set_index(["plan", "measure"]).loc[("team", "lift_wait")]
    assert row["variance_ratio"] == pytest.approx((np.var(one) + np.var(two)) / np.var(one - two))
    assert row["mcse"] == pytest.approx(np.std(one - two, ddof=1) / np.sqrt(REPLICATES))


def test_nothing_differs_before_the_day_on_which_plans_part(found: Expansion) -> None:
    before = np.array([until <= EARLY for until in found.months[1:]])
    for name in ("in_use", "waiting"):
        base = found.of("base", f"by_month.{name}")
        assert (base == found.of("early", f"by_month.{name}"))[:, before].all()
        staffed = np.array([until <= dt.date(2019, 1, 1) for until in found.months[1:]])
        assert (base == found.of("team", f"by_month.{name}"))[:, staffed].all()
        assert (base != found.of("team", f"by_month.{name}"))[:, ~staffed].any()


# --- openings -----------------------------------------------------------------------------------------------
def test_no_borough_adds_families_before_it_opens(found: Expansion) -> None:
    for plan in found.plans:
        scenario = found.scenarios[plan.name]
        table = found.by_borough(plan.name).set_index("borough")
        until = np.asarray(found.months[1:], object)
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
    scenario = Scenario.load("london-2017", (*SHORT, "trial.stops_at_target=false"))
    asked = experiment(
        ExpansionPlan("as planned"),
        ExpansionPlan("later", openings=(("tower_hamlets", later),)),
        scenario=scenario,
    )
    got = run_expansion(asked, 4, executor=None)
    sooner, after = (got._families(plan)[:, 1].cumsum(axis=1) for plan in ("as planned", "later"))
    assert (after <= sooner).all() and after.sum() < sooner.sum()
    closed = [until <= (later or dt.date.max) for until in got.months[1:]]
    assert after[:, closed].sum() == 0.0


def test_a_closed_borough_recruits_nobody_who_becomes_known_later() -> None:
    closes = dt.date(2019, 1, 1)
    asked = experiment(ExpansionPlan("as planned"), ExpansionPlan("closing", closings=(("croydon", closes),)))
    got = run_expansion(asked, 4, executor=None)
    whole, part = (got._families(plan)[:, 0].sum() for plan in ("as planned", "closing"))
    assert 0 < part < whole


def test_staff_from_a_date_on_replaces_what_the_scenario_says_from_then_on() -> None:
    team = (
        TeamChange("london", "psychologists", dt.date(2019, 1, 1), 4.0),
        TeamChange("london", "psychologists", dt.date(2018, 1, 1), 3.0),
    )
    asked = experiment(ExpansionPlan("base"), ExpansionPlan("more", team=team))
    series = asked.scenario_of("more").lift.teams["london"].psychologists
    # without the scenario's own step to 2 in June 2018
    assert list(series) == [
        (dt.date(2017, 1, 1), 1.0), (dt.date(2018, 1, 1), 3.0), (dt.date(2019, 1, 1), 4.0)
    ]  # fmt: skip


# --- what is counted ----------------------------------------------------------------------------------------
def test_budget_holders_spend_what_is_spent(found: Expansion) -> None:
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


def test_figures_of_a_replicate_are_those_of_the_measures(found: Expansion) -> None:
    scenario, number = found.scenarios["early"], 3
    j = simulate(scenario, SEED, number, "compiled")
    row = found.rows[(found.rows["plan"] == "early") & (found.rows["replicate"] == number)].iloc[0]
    since = float((found.opened - found.since).days)
    assert (found.opened, found.closed) == (dt.date(2017, 10, 1), dt.date(2020, 12, 31))

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
        np.reshape(row["by_year.pounds"], (len(HOLDERS), -1)), index=list(HOLDERS), columns=list(found.years)
    )
    for (year, holder), value in spent.items():  # type: ignore[misc]
        assert pounds.loc[holder, year] == pytest.approx(value)
    assert pounds.to_numpy().sum() == pytest.approx(spent.sum())


def test_months_of_a_team_make_up_its_years(found: Expansion) -> None:
    number = 5
    j = simulate(found.scenarios["team"], SEED, number, "compiled")
    row = found.rows[(found.rows["plan"] == "team") & (found.rows["replicate"] == number)].iloc[0]
    days = np.diff([float((day - found.since).days) for day in found.months])
    year = np.array([day.year for day in found.months[:-1]])
    for one in lift_use(j).to_dict("records"):
        mine = year == one["year"]
        for column in ("in_use", "places"):
            mean = (np.asarray(row[f"by_month.{column}"]) * days)[mine].sum() / days[mine].sum()
            assert mean == pytest.approx(one[column]), (one["year"], column)


def test_sitting_days_are_hours_of_hearings_over_hours_of_a_day() -> None:
    # a plain world: every hearing takes an hour, a sitting day has ten
    scenario = plain_world(
        {"simulation.end_date": dt.date(2019, 1, 1), "boroughs.glasgow.entries": always(60)}
    )
    got = run_expansion(experiment(ExpansionPlan("only"), scenario=scenario), 2, executor=None)
    held = [simulate(scenario, SEED, k, "compiled").hearings["held_days"] for k in range(2)]
    hearings = [int((days >= 0.0).sum()) for days in held]
    assert min(hearings) > 50
    np.testing.assert_allclose(found_sitting := got.of("only", "sitting_days"), np.array(hearings) / 10.0)
    assert found_sitting.shape == (2,)
    assert not len(got.differences()) and len(words_of(got)) == 1


def test_where_places_abound_nobody_waits_and_all_receive_lift() -> None:
    # of the plain world's families all consent, none declines, and all are assessed before the court decides
    scenario = plain_world(
        {"simulation.end_date": dt.date(2019, 1, 1), "boroughs.glasgow.entries": always(60)}
    )
    got = run_expansion(experiment(ExpansionPlan("only"), scenario=scenario), 2, executor=None)
    table = got.table().set_index("measure")["mean"]
    assert table["lift_wait"] == table["lift_gave_up"] == table["lift_waiting"] == 0.0
    assert table["received_lift"] == 100.0


# --- the date of the target ---------------------------------------------------------------------------------
def test_the_date_of_the_target_is_the_recruitment_forecasts(found: Expansion) -> None:
    for plan in ("base", "early"):
        forecast = forecast_recruitment(
            found.experiment.scenario_of(plan), REPLICATES, SEED, target=45, executor=None
        )
        row: dict[str, Any] = {r["plan"]: r for r in found.dates().to_dict("records")}[plan]
        theirs = forecast.simulated
        assert row["median"] == theirs.date(0.5) and row["lower_90"] == theirs.date(0.05)
        assert row["upper_90"] == theirs.date(0.95) and row["mcse_days"] == theirs.median_error()
        np.testing.assert_array_equal(found.of(plan, "target_day"), theirs.days)
        fan = theirs.fan(found.months[1:])
        np.testing.assert_allclose(found.monthly(plan)["families"], fan["mean"])


def test_a_plan_may_have_a_target_of_its_own() -> None:
    asked = experiment(ExpansionPlan("base"), ExpansionPlan("fewer", target=20))
    got = run_expansion(asked, 3, executor=None)
    dates = got.dates().set_index("plan")
    assert dates.loc["fewer", "target"] == 20 and dates.loc["fewer", "median"] < dates.loc["base", "median"]
    assert (got.of("fewer", "families") == 20.0).all()


def test_a_target_that_is_never_reached_has_no_date_and_counts_to_the_end_of_recruitment() -> None:
    got = run_expansion(experiment(ExpansionPlan("base"), target=5000), 3, executor=None)
    row: dict[str, Any] = dict(got.dates().iloc[0])
    assert row["median"] is None and row["reached"] == 0.0
    months = (got.closed - got.opened).days / (365.25 / 12)
    np.testing.assert_allclose(got.of("base", "months_to_target"), months)
    assert "not reached in most trials (0 % reach them)" in words_of(got)[0]


# --- running ------------------------------------------------------------------------------------------------
def test_both_drivers_give_the_same_rows() -> None:
    scenario = Scenario.load("london-2017", ("simulation.end_date=2018-10-01", "simulation.warm_up=0.25"))
    asked = experiment(
        ExpansionPlan("base"), ExpansionPlan("early", openings=(("bromley", EARLY),)), scenario=scenario
    )
    compiled, simpy = (run_expansion(asked, 2, engine=one, executor=None) for one in ("compiled", "simpy"))
    pd.testing.assert_frame_equal(compiled.rows, simpy.rows, check_exact=True)


def test_a_run_goes_on_where_it_stopped_and_workers_change_nothing(found: Expansion) -> None:
    keep = Memory()
    run_expansion(found.experiment, 5, executor=None, keep=keep)
    with ThreadPoolExecutor(2) as threads:
        told: list[int] = []
        got = run_expansion(found.experiment, executor=threads, keep=keep, progress=told.append)
    pd.testing.assert_frame_equal(got.rows, found.rows, check_exact=True)
    assert told[-1] == REPLICATES and len(keep.done()) > 1


def test_the_work_of_a_replicate_can_be_sent_to_a_process(found: Expansion) -> None:
    from best_sim.experiments import expansion as module

    sent: list[_Compared] = []

    def catch(work: _Compared, *_: Any) -> None:
        sent.append(work)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "gather", catch)
        run_expansion(found.experiment, executor=None)
    rows = pickle.loads(pickle.dumps(sent[0]))(2)
    assert [row["plan"] for row in rows] == [one.name for one in found.plans]
    assert rows[0]["weeks"] == found.of("base", "weeks")[2]


def test_one_replicate_has_no_error_and_is_refused(found: Expansion) -> None:
    with pytest.raises(ValueError, match="replicates: found 1, allowed 2 or more"):
        run_expansion(found.experiment, 1)


def test_every_plan_has_one_sentence_and_every_measure_one_row(found: Expansion) -> None:
    sentences = words_of(found)
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


# --- the file -----------------------------------------------------------------------------------------------
def test_the_shipped_experiment_can_be_used() -> None:
    asked = ExpansionExperiment.load(
        "expansion", replicates=5, seed=3, overrides=("sites.london.consent=0.5",)
    )
    assert (asked.replicates, asked.seed, len(asked.plans)) == (5, 3, 4)
    assert asked.scenario.sites["london"].consent == 0.5
    early = asked.scenario_of("two-early-larger-team")
    assert early.boroughs["tower_hamlets"].opens == dt.date(2018, 3, 1)
    assert early.lift.teams["london"].social_workers.at(dt.date(2019, 1, 1)) == 5
    assert asked.scenario_of("three-boroughs").boroughs["sutton"].opens > early.simulation.end_date
    same = asked.scenario_of("as-planned")
    assert same == asked.scenario.replace({"trial.target_families": asked.target})


def test_the_example_of_the_how_to_can_be_used(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs/how-to/compare-expansion-plans.md"
    (block,) = re.findall(r"^```toml\n(scenario = .*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    file = tmp_path / "plans.toml"
    file.write_text(block)
    asked = ExpansionExperiment.load(file)
    two = asked.scenario_of("two-early")
    assert two.boroughs["croydon"].closes == dt.date(2020, 12, 31) and two.sites["london"].consent == 0.6


HEAD = (
    'scenario = "london-2017"\nreplicates = 10\nseed = 1\ntarget = 60\nbaseline = "a"\n[[plan]]\nname = "a"\n'
)


def problems_of(tmp_path: Path, text: str) -> dict[str, Any]:
    file = tmp_path / "plans.toml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as error:
        ExpansionExperiment.load(file)
    assert all(one.file == str(file) for one in error.value.problems)
    return {one.key: one for one in error.value.problems}


def test_everything_wrong_in_a_file_is_told_at_once(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        'scenario = "london-2017"\nreplicates = 1\nseed = -1\ntarget = 0\nbaseline = "aa"\nrepeats = 3\n'
        '[[plan]]\nname = "a"\n[plan.openings]\ntower_hamlet = 2018-03-01\nbromley = 2031-01-01\nsutton = "soon"\n'
        '[[plan.team]]\nteam = "londn"\nprofession = "social_worker"\nfrom = 2010-01-01\nvalue = -2\n'
        '[[plan]]\nname = "a"\nopening = 3\n[plan.overrides]\nsimulation.end_date = 2020-01-01\n'
        '"boroughs.sutton.opens" = 2019-01-01\n"trial.target_families" = 9\n[plan.closings]\ncroydon = "never"\n'
        '[[plan]]\ntitle = "without a name"\ntarget = 1.5\n',
    )
    assert set(found) == {
        "replicates", "seed", "target", "baseline", "repeats", "plan[0].openings.tower_hamlet",
        "plan[0].openings.bromley", "plan[0].openings.sutton", "plan[0].team[0].team", "plan[0].team[0].profession",
        "plan[0].team[0].from", "plan[0].team[0].value", "plan[1].name", "plan[1].opening",
        "plan[1].overrides.simulation.end_date", "plan[1].overrides.boroughs.sutton.opens",
        "plan[1].overrides.trial.target_families", "plan[1].closings.croydon", "plan[2].name", "plan[2].target",
    }  # fmt: skip
    assert found["plan[0].openings.tower_hamlet"].nearest == "tower_hamlets"
    assert found["plan[0].team[0].profession"].nearest == "social_workers"
    assert found["plan[1].opening"].nearest == "openings"
    assert "2017-09-01 to 2024-02-28" in found["plan[0].openings.bromley"].allowed
    assert "plan[0] has this one" in found["plan[1].name"].allowed
    assert found["plan[1].overrides.boroughs.sutton.opens"].allowed == "[plan.openings]"


def test_what_the_scenario_refuses_is_told_by_the_files_own_keys(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        HEAD + "[plan.overrides]\nsites.london.consent = 1.5\nsites.london.consnt = 0.5\n"
        "[plan.closings]\nbromley = 2018-01-01\n"
        '[[plan]]\nname = "b"\n[[plan.team]]\nteam = "london"\nprofession = "psychiatrists"\nfrom = 2018-01-01\n'
        'value = 900\n[[plan]]\nname = "c"\n[plan.openings]\ncroydon = "never"\ntower_hamlets = false\n'
        'bromley = "never"\nsutton = false\nbarking_and_dagenham = "never"\n',
    )
    assert set(found) == {
        "plan[0].overrides.sites.london.consent", "plan[0].overrides.sites.london.consnt", "plan[0].closings.bromley",
        "plan[1].team (lift.teams.london.psychiatrists)", "plan[2]",
    }  # fmt: skip
    assert found["plan[2]"].message == "nobody recruits in this plan"
    assert found["plan[0].overrides.sites.london.consnt"].nearest == "consent"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (HEAD.replace('baseline = "a"\n', ""), "baseline"),
        (HEAD.split("[[plan]]", maxsplit=1)[0], "plan"),
        (HEAD + "openings = 3\n", "plan[0].openings"),
        (HEAD + 'team = ["london"]\n', "plan[0].team"),
        (HEAD + "overrides = 3\n", "plan[0].overrides"),
        (HEAD.replace("seed = 1", "seed = 1.5"), "seed"),
        (HEAD.replace("seed = 1", 'seed = 1\nset = "x"'), "set"),
        (HEAD + "[plan", ""),
        (HEAD + '[[plan.team]]\nteam="london"\nprofession="psychiatrists"\nfrom=2018-01-01\nvalue=1\n' * 2,
         "plan[0].team[1].from"),
    ],
)  # fmt: skip
def test_a_file_that_says_too_little_or_too_much_is_refused(tmp_path: Path, text: str, key: str) -> None:
    assert key in problems_of(tmp_path, text)


def test_an_unknown_experiment_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ScenarioError, match="did you mean expansion"):
        ExpansionExperiment.load("expansoin")


def test_overrides_reach_into_distributions_whether_quoted_or_not(tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_text(
        HEAD + '[plan.overrides]\n"lift.patience" = { value = 3, unit = "weeks" }\n'
        'lift.meeting = { distribution = "constant", value = 5 }\nproceedings.notice.final.mean = 9\n'
    )
    asked = ExpansionExperiment.load(file)
    scenario = asked.scenario_of("a")
    assert scenario.lift.patience == 21.0
    assert asked.plans[0].overrides[-1] == ("proceedings.notice.final.mean", 9)
    assert replace(asked, target=7).target_of("a") == 7
