"""The scenario of all London boroughs: what was published of each, and that a plan opens one of them."""

from __future__ import annotations

import datetime as dt

import pytest

from best_sim.pathway import simulate
from best_sim.questions.expansion.ask import ExpansionQuestion, OpeningPlan
from best_sim.questions.expansion.run import ExpansionFound
from best_sim.questions.running import answer
from best_sim.scenario import Scenario, check

TRIAL = ("croydon", "tower_hamlets", "bromley", "sutton", "barking_and_dagenham")
PUBLISHED: dict[str, list[int | None]] = {
    "barking_and_dagenham": [83, 88, 102, 88, 65, 68, 64, 63, 51, 53, 52, 77, 46, 47],
    "bromley": [56, 40, 58, 51, 36, 54, 36, 36, 41, 45, 34, 34, 44, 32],
    "croydon": [65, 65, 61, 73, 61, 91, 94, 90, 59, 63, 50, 55, 52, 61],
    "sutton": [None, 29, 28, 36, 34, 30, 28, 28, 39, 36, 26, 18, 20, None],
    "tower_hamlets": [51, 40, 51, 32, 54, 48, 38, 49, 33, 32, 35, 33, 37, 34],
    "barnet": [50, 53, 42, 51, 48, 39, 41, 45, 45, 34, 46, 49, 52, 49],
    "hackney": [43, 51, 32, 43, 37, 55, 54, 46, 50, 43, 38, 54, 44, 31],
    "kensington_and_chelsea": [16, None, 21, 15, None, None, None, None, None, None, None, 14, 17, None],
    "newham": [70, 79, 72, 73, 47, 74, 51, 66, 47, 47, 56, 42, 47, 54],
    "southwark": [107, 118, 94, 64, 64, 72, 53, 56, 52, 41, 35, 26, 33, 37],
}
"""Children aged 0-4 starting to be looked after, years ending March 2012-25 (DfE); None where suppressed as small."""
LONDON = [1_610, 1_600, 1_580, 1_400, 1_340, 1_450, 1_270, 1_220, 1_200, 1_120, 1_120, 1_120, 1_100, 1_010]


@pytest.fixture(scope="module")
def london() -> Scenario:
    return Scenario.load("london")


def in_year(scenario: Scenario, borough: str, ending: int) -> float:
    return scenario.boroughs[borough].entries.at(dt.date(ending - 1, 10, 1))


@pytest.mark.parametrize("borough", PUBLISHED)
def test_entries_are_those_published(london: Scenario, borough: str) -> None:
    series = PUBLISHED[borough]
    known = next(n for n in series if n is not None)
    for ending, children in enumerate(series, start=2012):
        known = known if children is None else children  # where suppressed, the last one published
        assert in_year(london, borough, ending) == known
    assert london.provenance[f"boroughs.{borough}.entries"].status == "published"


def test_every_borough_is_there_and_together_they_are_london(london: Scenario) -> None:
    assert len(london.boroughs) == 32  # the City of London is left out
    for ending, published in enumerate(LONDON, start=2012):
        together = sum(in_year(london, name, ending) for name in london.boroughs)
        # rounded to ten; suppressed numbers stand for others, at most six boroughs of some fifteen children
        assert abs(together - published) < 0.04 * published, ending


def test_only_the_trials_boroughs_are_open_and_nothing_is_wrong(london: Scenario) -> None:
    assert check("london") == []
    five = Scenario.load("london-2017")
    for name, borough in london.boroughs.items():
        if name in TRIAL:
            assert borough == five.boroughs[name]
            assert borough.court == "east_london"
        else:
            assert borough.opens > dt.date(2099, 1, 1)
    f = simulate(london.replace({"simulation.end_date": dt.date(2019, 12, 31)}), seed=5).families
    assert set(f.loc[f["invited_days"].notna(), "borough"].astype(str)) <= set(TRIAL)
    assert len(set(f["borough"].astype(str))) == 32  # but children of every borough come into care


def test_a_plan_that_opens_newham_recruits_there() -> None:
    asked = ExpansionQuestion(
        title="Newham", scenario="london", replicates=4, seed=3, target=60, baseline="five",
        overrides=("simulation.end_date=2020-06-30", "simulation.warm_up=0.5"),
        plans=(
            OpeningPlan(name="five"), OpeningPlan(name="six", openings={"newham": dt.date(2018, 4, 1)})
        ),
    )  # fmt: skip
    found = answer(asked, executor=None)
    assert isinstance(found, ExpansionFound)
    assert asked.scenarios["six"].boroughs["newham"].opens == dt.date(2018, 4, 1)
    five, six = (found.by_borough(name).groupby("borough")["families"].sum() for name in ("five", "six"))
    assert five["newham"] == 0 and six["newham"] > 0
    assert five[list(TRIAL)].sum() > 0
