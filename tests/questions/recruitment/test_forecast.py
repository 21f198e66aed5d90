"""The recruitment forecast: simulation beside closed form, before a trial and with what has been seen of it."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from best_sim.measures.recruited import recruitment_by_week
from best_sim.pathway import simulate
from best_sim.questions.asking import QuestionError
from best_sim.questions.recruitment.ask import RecruitmentQuestion
from best_sim.questions.recruitment.run import RecruitmentFound
from best_sim.questions.running import answer
from best_sim.scenario import Scenario, ScenarioError

CUT_OFF = dt.date(2019, 4, 1)
ENDLESS = {
    "simulation.end_date": dt.date(2026, 1, 1),
    "sites.london.recruiting": [{"from": dt.date(2017, 10, 1), "value": 1}],
}


def london(**changes: Any) -> Scenario:
    """London with recruitment that does not end, so that a target of some dozen families is always reached."""
    return Scenario.load("london-2017").replace({**ENDLESS, "trial.target_families": 90, **changes})


def seen_of(scenario: Scenario, replicate: int, cut_off: dt.date = CUT_OFF) -> pd.DataFrame:
    """What a trial office would have in its books of one simulated trial."""
    journeys = simulate(scenario, 31, replicate, "compiled")
    return recruitment_by_week(
        journeys, cut_off, {name: one.opens for name, one in scenario.boroughs.items()}
    )


def forecast(scenario: Scenario, replicates: int, seed: int = 1, **asked: Any) -> RecruitmentFound:
    """Before the trial begins; `engine` and `executor` are those of the run."""
    run = {name: asked.pop(name) for name in ("engine", "executor") if name in asked}
    question = RecruitmentQuestion(replicates=replicates, seed=seed, **asked).in_world(scenario)
    found = answer(question, **run)
    assert isinstance(found, RecruitmentFound)
    return found


def update(
    scenario: Scenario, table: pd.DataFrame, cut_off: dt.date, replicates: int, seed: int = 1, **asked: Any
) -> RecruitmentFound:
    """From what has been seen."""
    question = RecruitmentQuestion(replicates=replicates, seed=seed, **asked).in_world(scenario)
    found = answer(question.observing(table, cut_off))
    assert isinstance(found, RecruitmentFound)
    return found


@pytest.fixture(scope="module")
def before() -> RecruitmentFound:
    return forecast(london(), 300, 2, by=dt.date(2020, 6, 1))


@pytest.fixture(scope="module")
def during() -> tuple[RecruitmentFound, pd.DataFrame]:
    scenario = london()
    table = seen_of(scenario, 0)
    found = update(scenario, table, CUT_OFF, 120, 2, by=dt.date(2021, 6, 1), seen=3, due=4)
    return found, table


def test_the_simulation_agrees_with_the_closed_form_where_courts_have_time(before: RecruitmentFound) -> None:
    """Median and chance by a date; what courts, siblings and placements do is small beside the Monte Carlo error."""
    table = before.dates().set_index("forecast")
    closed, simulated = table.loc["closed form"], table.loc["simulation"]
    apart = abs((simulated["median"] - closed["median"]).days)
    assert apart < 4 * simulated["mcse_days"] + 1
    assert 0.05 < closed["probability"] < 0.95, "the date should be one at which the chance says something"
    assert abs(simulated["probability"] - closed["probability"]) < 4 * simulated["mcse"]


def test_contributions_of_boroughs_are_the_families_of_the_fan(before: RecruitmentFound) -> None:
    by = dt.date(2020, 1, 1)
    parts = before.contributions(by)
    fan = before.simulated.fan([by])
    assert parts["simulated"].sum() == pytest.approx(fan["mean"].iloc[0])
    assert (parts["simulated"] - parts["expected"]).abs().max() < 4 * parts["simulated_mcse"].max()


def test_the_fan_never_falls_and_its_bands_are_nested(before: RecruitmentFound) -> None:
    fan = before.simulated.fan(before.closed.months())
    columns = ["lower_90", "lower_50", "median", "upper_50", "upper_90"]
    assert (fan[columns].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (fan[[*columns, "mean"]].diff().iloc[1:] >= 0).all(axis=None)


def test_both_drivers_forecast_the_same() -> None:
    scenario = london(**{"trial.target_families": 20})
    compiled, simpy = (
        forecast(scenario, 2, 5, engine=engine, executor=None) for engine in ("compiled", "simpy")
    )
    for one, other in zip(compiled.simulated.randomised, simpy.simulated.randomised, strict=True):
        assert one.tobytes() == other.tobytes()


def test_what_was_seen_stays_seen(during: tuple[RecruitmentFound, pd.DataFrame]) -> None:
    found, table = during
    recruited = int(table["randomised"].sum())
    assert 10 < recruited < 60
    for fan in (found.closed.fan([CUT_OFF], found.question.families), found.simulated.fan([CUT_OFF])):
        assert fan["lower_90"].iloc[0] == fan["upper_90"].iloc[0] == recruited
    by_borough = found.simulated.contributions(CUT_OFF, [plan.name for plan in found.plans])
    seen = table.groupby("borough")["randomised"].sum()
    assert dict(zip(by_borough["borough"], by_borough["expected"], strict=True)) == {
        name: seen.get(name, 0) for name in by_borough["borough"]
    }


def test_rates_are_updated_as_a_gamma_by_a_poisson_count(
    during: tuple[RecruitmentFound, pd.DataFrame],
) -> None:
    """A borough's rate beside its plan: (shape + seen eligible) / (shape + planned eligible), worked again here."""
    found, table = during
    answered = pd.Timestamp(CUT_OFF - dt.timedelta(days=60))
    rate = dict(zip((plan.name for plan in found.plans), found.closed.rates, strict=True))["croydon"]
    plan = next(plan for plan in found.plans if plan.name == "croydon")
    mine = table[(table["borough"] == "croydon") & (table["date"] < answered)]
    planned = rate.shape - plan.shape  # the exposure adds to the rate of the gamma, here in units of the plan
    assert planned == mine["eligible"].sum()
    assert rate.mean != 1.0


def test_consent_is_updated_as_a_beta_by_those_who_answered(
    during: tuple[RecruitmentFound, pd.DataFrame],
) -> None:
    found, table = during
    assert found.seen is not None
    row = found.seen.consent.iloc[0]
    old = table[table["date"] < pd.Timestamp(CUT_OFF - dt.timedelta(days=60))]
    prior = london().sites["london"].consent
    assert row["eligible"] == old["eligible"].sum() and row["consented"] == old["consented"].sum()
    expected = (20 * prior + row["consented"]) / (20 + row["eligible"])
    assert row["posterior"] == pytest.approx(expected)
    assert found.basis.retention.mean == pytest.approx((20 * before_mean() + 3) / (20 + 4)), (
        "3 of 4 were seen at the last visit"
    )


def before_mean() -> float:
    return 1.0 / (1.0 + math.exp(-london().visits.retention.third))


def test_a_trial_that_recruits_twice_its_plan_ends_sooner() -> None:
    scenario = london()
    table = seen_of(scenario, 1)
    double = table.assign(**{c: 2 * table[c] for c in ("screened", "eligible", "consented", "randomised")})
    once, twice = (update(scenario, t, CUT_OFF, 30, 2) for t in (table, double))
    assert twice.closed.time_to(90).days(0.5) < once.closed.time_to(90).days(0.5)
    assert np.median(twice.simulated.days) < np.median(once.simulated.days)


def test_a_target_that_was_reached_is_reached_on_the_day(
    during: tuple[RecruitmentFound, pd.DataFrame],
) -> None:
    _, table = during
    reached = int(table["randomised"].sum())
    found = update(london(), table, CUT_OFF, 10, 2, target=reached)
    assert found.dates()["median"].iloc[0] <= CUT_OFF
    assert found.simulated.date(0.95) == CUT_OFF


def test_it_is_told_in_words(during: tuple[RecruitmentFound, pd.DataFrame]) -> None:
    found, table = during
    words = " ".join(found.words())
    assert f"So far {table['randomised'].sum()} of 90 families were recruited" in words
    assert "a prior worth 20 families" in words
    assert "On 01 April 2019 a trial like this has (median)" in words


def test_a_trial_in_which_nobody_recruits_is_refused() -> None:
    with pytest.raises(ScenarioError, match="no site recruits"):
        forecast(Scenario.load("england"), 2)


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"seen": 3, "due": 2}, "more than for whom it was due"),
        ({"consent_worth": 0.0}, "a prior worth nothing"),
    ],
)
def test_numbers_that_can_not_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(QuestionError, match=told):
        update(london(), seen_of(london(), 0), CUT_OFF, 2, **changes)


def test_a_borough_that_the_scenario_has_not_is_named() -> None:
    table = seen_of(london(), 0)
    with pytest.raises(ValueError, match=r"borough: found lambeth, allowed croydon"):
        update(london(), table.assign(borough="lambeth"), CUT_OFF, 2)


def test_the_books_of_a_simulated_trial_hold_its_families() -> None:
    scenario = london()
    journeys = simulate(scenario, 31, 0, "compiled")
    table = seen_of(scenario, 0)
    day = (CUT_OFF - scenario.simulation.start_date).days
    families = journeys.families
    assert table["randomised"].sum() == (families["randomised_days"] < day).sum()
    assert (table["date"].dt.day_of_week == 0).all()
    for more, less in (("screened", "eligible"), ("eligible", "consented"), ("consented", "randomised")):
        assert (table[more] >= table[less]).all()
    first = table.groupby("borough")["date"].min()
    assert first["croydon"] == pd.Timestamp(2017, 9, 25), "the Monday of the week of its opening"
    assert not table.duplicated(["date", "borough"]).any()


@pytest.mark.slow
@pytest.mark.theory
def test_simulated_intervals_cover_what_they_say_when_rates_and_consent_come_from_the_prior() -> None:
    """Eighty trials whose rates and consent are drawn from what is believed beforehand; each is forecast in its midst.

    The last date of each is known, for the trial goes on. Intervals of 50 and 90 % should hold it as often.
    """
    from best_sim.trial.recruitment import BetaShare

    rng = np.random.default_rng(8)
    scenario = london()
    planned = BetaShare.worth(scenario.sites["london"].consent, 20.0)
    held = {0.5: 0, 0.9: 0}
    trials, replicates = 80, 59  # so that quantiles (k + 1) / 60 have the shares they say
    for trial in range(trials):
        truth = scenario.replace(
            {"sites.london.consent": float(rng.beta(planned.successes, planned.failures))}
        )
        journeys = simulate(truth, 400, trial, "compiled")
        at = np.sort(journeys.tables["families"]["randomised"])
        table = recruitment_by_week(journeys, CUT_OFF, {n: b.opens for n, b in scenario.boroughs.items()})
        found = update(scenario, table, CUT_OFF, replicates, trial)
        days = np.sort(found.simulated.days)
        for share in held:
            out = round((1 - share) / 2 * (replicates + 1))
            held[share] += bool(days[out - 1] <= at[89] <= days[replicates - out])
    for share, n in held.items():
        assert abs(n / trials - share) < 4 * math.sqrt(share * (1 - share) / trials), held
