"""The scenario of England: what it says, a short run of it by both drivers, and the whole of it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from small_worlds import first_difference

from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.lowering import lower
from best_sim.questions.pictures.care import outcomes_of_care_figure
from best_sim.scenario import Scenario, ScenarioError, check

PER_YEAR = {
    2011: (11_650, 1_610), 2012: (11_910, 1_600), 2013: (12_060, 1_580), 2014: (11_680, 1_400), 2015: (11_360, 1_340),
    2016: (11_970, 1_450), 2017: (11_870, 1_270), 2018: (11_490, 1_220), 2019: (11_350, 1_200), 2020: (10_730, 1_120),
    2021: (10_190, 1_120), 2022: (10_310, 1_120), 2023: (10_050, 1_100), 2024: (9_570, 1_010),
}  # fmt: skip
"""Children aged 0-4 starting to be looked after in England, and in London, by year from 1 April (DfE)."""
LONDON = ("central_london", "east_london", "west_london")
WEEKS = {2015: 28.3, 2016: 26.9, 2017: 28.2, 2018: 30.0, 2019: 33.0, 2020: 39.0, 2021: 45.0}
"""Mean duration of proceedings by year of decision (Ministry of Justice, Family Court Statistics Quarterly)."""
WEEKS_CAFCASS = {2022: 45.5, 2023: 44.25}
"""The same for cases of Cafcass, mean of the year's quarters; the Ministry's series stops."""


@pytest.fixture(scope="module")
def england() -> Scenario:
    return Scenario.load("england")


@pytest.fixture(scope="module")
def short_england(england: Scenario) -> Scenario:
    """Nine months, with half a year of warm-up."""
    return england.replace(
        {"simulation.end_date": dt.date(2014, 12, 31), "simulation.warm_up": {"value": 0.5, "unit": "years"}}
    )


@pytest.fixture(scope="module")
def short_run(short_england: Scenario) -> Journeys:
    return simulate(short_england, seed=11, replicate=0, engine="compiled")


def entries(scenario: Scenario, at: dt.date) -> dict[str, float]:
    """Children a year by area, at a date."""
    return {name: b.entries.at(at) for name, b in scenario.boroughs.items()}


# --- what the file says -------------------------------------------------------------------------------------


def test_nothing_in_it_is_wrong_and_nothing_lacks_a_source() -> None:
    assert check("england") == []
    table = Scenario.load("england").table()
    table = table[table["file"] == "parameters/england.toml"]
    assert (table["source"].str.len() > 0).all()
    assert not table["unit"].isna().any()
    assert set(table["status"]) == {"published", "derived", "assumption", "calibrated"}


def test_every_area_has_a_court_of_its_own(england: Scenario) -> None:
    assert len(england.boroughs) == 41
    assert {name: b.court for name, b in england.boroughs.items()} == {name: name for name in england.courts}


@pytest.mark.parametrize("year", PER_YEAR)
def test_the_areas_together_have_the_children_of_england(england: Scenario, year: int) -> None:
    by_area = entries(england, dt.date(year, 10, 1))
    # rounded to a tenth in each of 41 areas
    assert sum(by_area.values()) == pytest.approx(PER_YEAR[year][0], abs=41 * 0.05)
    assert sum(by_area[name] for name in LONDON) == pytest.approx(PER_YEAR[year][1], abs=3 * 0.05)


def test_each_area_has_the_same_share_of_london_or_of_the_rest_in_every_year(england: Scenario) -> None:
    by_year = [entries(england, dt.date(year, 10, 1)) for year in PER_YEAR]
    for names in (LONDON, [name for name in england.boroughs if name not in LONDON]):
        together = [sum(by_area[name] for name in names) for by_area in by_year]
        for name in names:
            shares = [
                by_area[name] / all_of_them for by_area, all_of_them in zip(by_year, together, strict=True)
            ]
            assert np.ptp(shares) < 1e-4, name


def test_the_sample_is_a_quarter_of_england_with_londons_share(england: Scenario) -> None:
    sample = Scenario.load("england-sample")
    assert check("england-sample") == []
    for year in PER_YEAR:
        whole, part = (entries(one, dt.date(year, 10, 1)) for one in (england, sample))
        there = {name: n for name, n in part.items() if n > 0}
        assert len(there) == 9
        assert all(n == whole[name] for name, n in there.items())
        assert sum(there.values()) / sum(whole.values()) == pytest.approx(0.2467, abs=0.0015)
        of_london = sum(whole[name] for name in LONDON) / sum(whole.values())
        assert sum(there.get(name, 0.0) for name in LONDON) / sum(there.values()) == pytest.approx(
            of_london, rel=0.05
        )


def test_sitting_time_and_other_cases_are_in_proportion_to_the_children(england: Scenario) -> None:
    """In proportion to the children of the years ending March 2021-25: London's share was larger before, by year."""
    at = dt.date(2018, 10, 1)
    by_year = [entries(england, dt.date(year, 10, 1)) for year in range(2020, 2025)]
    children = {name: sum(by_area[name] for by_area in by_year) for name in england.boroughs}
    days = {name: c.sitting_days_per_week.at(at) for name, c in england.courts.items()}
    other = {name: c.other_cases.at(at) for name, c in england.courts.items()}
    london = {"central_london", "east_london", "west_london"}  # took longer: decision 0034
    for name in england.courts:
        assert days[name] / children[name] == pytest.approx(
            sum(days.values()) / sum(children.values()), rel=0.01
        )
        assert other[name] / (5.0 * days[name]) == pytest.approx(
            0.756 if name in london else 0.661, rel=0.001
        )


def test_a_trial_in_so_many_areas_is_refused_with_what_is_allowed() -> None:
    recruits = "sites.england.recruiting=[{from=2014-04-01,value=1}]"
    with pytest.raises(ScenarioError, match=r"too many boroughs for a trial(.|\n)*41(.|\n)*at most 40"):
        Scenario.load("england", overrides=[recruits])


# --- a short run of it --------------------------------------------------------------------------------------


def test_as_many_children_enter_as_were_to_enter(short_run: Journeys, short_england: Scenario) -> None:
    children = short_run.children
    known = children["entered_days"].between(0.0, short_run.end)
    # those who come back are among the children who start to be looked after; these come for the first time
    first = short_england.entry.first_time_share
    expected = first * PER_YEAR[2014][0] * short_run.end / 365.25
    # areas vary by 8 % between replicates, families come in ones to threes
    variance = sum(
        (0.08 * first * n * short_run.end / 365.25) ** 2 for n in entries(short_england, dt.date(2014, 6, 1)).values()
    )
    shares = np.asarray(short_england.population.children_per_family.shares)
    sizes = np.arange(1, 4)
    variance += expected * (shares @ sizes**2) / (shares @ sizes)
    assert abs(known.sum() - expected) < 4.0 * np.sqrt(variance)


def test_every_court_hears_cases_and_every_area_sends_children(
    short_run: Journeys, england: Scenario
) -> None:
    assert set(short_run.families["borough"].astype(str)) == set(england.boroughs)
    assert set(short_run.hearings["court"].astype(str)) == set(england.courts)


def test_nobody_is_in_a_trial(short_run: Journeys) -> None:
    families = short_run.tables["families"]
    lived = families[families["n_children"] > 0]
    assert (lived["arm"] == W.NOT_ALLOCATED).all()
    assert np.isnan(lived["invited"]).all()
    assert len(short_run.services) == len(short_run.visits) == 0


def test_a_picture_by_arm_says_that_there_are_none(short_run: Journeys) -> None:
    with pytest.raises(ValueError, match=r"no family was randomised(.|\n)*by_arm=False"):
        outcomes_of_care_figure(short_run)


def test_both_drivers_agree(short_england: Scenario) -> None:
    shorter = short_england.replace(
        {
            "simulation.end_date": dt.date(2014, 6, 30),
            "simulation.warm_up": {"value": 30, "unit": "days"},
        }
    )
    lowered = lower(shorter)
    simpy, compiled = (
        simulate(lowered, seed=3, replicate=2, engine=engine) for engine in ("simpy", "compiled")
    )
    assert len(compiled.record) > 5_000
    assert first_difference(simpy, compiled) is None


# --- the whole of it ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(england: Scenario) -> list[Journeys]:
    lowered = lower(england)
    return [simulate(lowered, seed=2014, replicate=k, engine="compiled") for k in range(2)]


@pytest.mark.slow
def test_ten_years_of_it(whole: list[Journeys]) -> None:
    for journeys in whole:
        entered = journeys.children["entered_days"]
        assert entered.between(0.0, journeys.end).sum() / (journeys.end / 365.25) == pytest.approx(
            np.mean([PER_YEAR[year][0] for year in range(2014, 2024)]), rel=0.04
        )
        assert len(journeys.placements) > 300_000


@pytest.mark.slow
@pytest.mark.published
@pytest.mark.parametrize(("year", "published"), [*WEEKS.items(), *WEEKS_CAFCASS.items()])
def test_proceedings_last_as_long_as_published(whole: list[Journeys], year: int, published: float) -> None:
    """Near, as `best-sim validate` says near: within 7 %."""
    means = []
    for journeys in whole:
        cases = journeys.proceedings
        decided = cases[cases["decided_days"] >= 0]
        day = pd.to_datetime(journeys.start_date) + pd.to_timedelta(decided["decided_days"], unit="D")
        means.append(decided.loc[day.dt.year == year, "weeks"].mean())
    assert np.mean(means) == pytest.approx(published, rel=0.07)


@pytest.mark.slow
def test_both_drivers_agree_on_the_whole(england: Scenario) -> None:
    lowered = lower(england)
    simpy, compiled = (
        simulate(lowered, seed=3, replicate=1, engine=engine) for engine in ("simpy", "compiled")
    )
    assert first_difference(simpy, compiled) is None
