"""Placement stability against Poisson theory, without an effect and with one, and what is refused."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
from scipy import stats
from small_worlds import BOROUGH, after, always, in_days, plain_world

from best_sim.measures.groups import AGES
from best_sim.questions.asking import QuestionError
from best_sim.questions.running import Running
from best_sim.questions.stability.ask import StabilityQuestion
from best_sim.questions.stability.measured import EFFECTS, KINDS, MEASURES
from best_sim.questions.stability.run import StabilityFound
from best_sim.questions.stability.show import group_name, words_of
from best_sim.replications import Memory
from best_sim.scenario import Scenario
from best_sim.scenario.durations import YEAR

RATE = 0.9
DAYS = 1600

STAYS_IN_CARE: dict[str, Any] = {
    "entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0},
    "entry.voluntary_never_in_proceedings": 1.0,
    f"{BOROUGH}.entries": always(300),
    "simulation.end_date": after(DAYS),
}
"""Children come into care and stay there, without proceedings; nobody but the hazard moves them."""


def unplanned(rate: float) -> dict[str, float]:
    return {f"placements.unplanned.{name}": rate for name in ("foster", "kinship_foster", "residential")}


def ask(
    world: Scenario, replicates: int, seed: int = 1, keep: Memory | None = None, **asked: Any
) -> StabilityFound:
    """Of a scenario made here; with replicates kept elsewhere, where they are given."""
    question = StabilityQuestion(replicates=replicates, seed=seed, **asked).in_world(world)
    found = question.run(Running(_memory={"": keep or Memory()}))
    assert isinstance(found, StabilityFound)
    return found


def measured(found: StabilityFound, name: str) -> tuple[float, float]:
    row = found.measure(name).iloc[0]
    return float(row["mean"]), float(row["mcse"])


@pytest.fixture(scope="module")
def poisson() -> StabilityFound:
    world = plain_world({**STAYS_IN_CARE, **unplanned(RATE)})
    return ask(world, 60, 3, by=())


@pytest.mark.theory
def test_moves_per_child_year_are_the_hazard(poisson: StabilityFound) -> None:
    for name in ("moves", "unplanned_moves"):
        mean, error = measured(poisson, name)
        assert 0.0 < error < 0.01
        assert abs(mean - RATE) < 4.0 * error


@pytest.mark.theory
def test_three_placements_in_the_first_year_are_two_moves_of_a_poisson_process(
    poisson: StabilityFound,
) -> None:
    mean, error = measured(poisson, "three_in_first_year")
    assert abs(mean - stats.poisson(RATE).sf(1)) < 4.0 * error


@pytest.mark.theory
def test_three_placements_by_31_march_are_those_of_children_by_time_in_care(poisson: StabilityFound) -> None:
    """Entries are even from day 0 on; a child who came d days before the day was at risk for d, or for the year."""
    share, children = 0.0, 0.0
    for year in (2019, 2020, 2021, 2022):
        day = (dt.date(year, 4, 1) - dt.date(2018, 1, 1)).days
        last = (dt.date(year, 4, 1) - dt.date(year - 1, 4, 1)).days
        if day > DAYS:
            continue
        since = (np.arange(20 * day) + 0.5) / 20
        at_risk = np.minimum(since, last) / YEAR
        share += stats.poisson(RATE * at_risk).sf(1).mean() * day
        children += day
    mean, error = measured(poisson, "three_in_year_to_march")
    # the mean of ratios is off that of sums by far less than its error
    assert abs(mean - share / children) < 4.0 * error


@pytest.mark.theory
def test_the_same_carer_for_two_years_is_no_move_for_so_long(poisson: StabilityFound) -> None:
    mean, error = measured(poisson, "same_carer")
    assert abs(mean - math.exp(-2.0 * RATE)) < 4.0 * error


def test_what_nobody_does_is_no_figure(poisson: StabilityFound) -> None:
    assert measured(poisson, "permanence_24")[0] == 0.0
    back = poisson.measure("re_entry").iloc[0]
    assert math.isnan(back["mean"]) and back["replicates"] == 0
    assert "1.0" not in " ".join(words_of(poisson)) and poisson.effects.empty
    assert group_name(poisson, {}) == "All children in care"


TRIAL: dict[str, Any] = {
    f"{BOROUGH}.entries": always(250),
    "simulation.end_date": after(700),
    "proceedings.timetable": in_days(3000),  # no order: all stay in care
}


def trial(
    hazard_ratio: float, replicates: int, keep: Memory | None = None, power: float = 0.8, **changes: Any
) -> StabilityFound:
    ratio = {"placements.unplanned.lift_hazard_ratio": hazard_ratio}
    world = plain_world({**TRIAL, **unplanned(RATE), **ratio, **changes})
    return ask(world, replicates, 2, keep, power=power)


@pytest.mark.theory
def test_without_an_effect_the_interval_covers_none_and_no_number_is_given() -> None:
    found = trial(1.0, 150)
    row = found.effects.set_index("effect").loc["unplanned_moves"]
    n = row["replicates"]
    assert n == 150
    assert not row["told"] and math.isnan(row["children_needed"])
    assert "no effect in the model" in row["note"]
    assert abs(math.log(row["estimate"])) < 4.0 * row["mcse"]
    assert abs(row["excludes_none"] - 0.05) < 4.0 * math.sqrt(0.05 * 0.95 / n)
    assert "No effect in the model that 150 realisations can tell from none" in " ".join(words_of(found))
    assert row["design_effect"] == pytest.approx(1.0, abs=0.15)  # one child in each family


@pytest.mark.theory
def test_the_number_needed_is_right_where_the_trial_has_it() -> None:
    """Trials with as many children as are needed reject as often as was asked for."""
    ratio = 0.8
    keep = Memory()
    found = trial(ratio, 150, keep)
    row = found.effects.set_index("effect").loc["unplanned_moves"]
    assert row["told"]
    assert abs(math.log(row["estimate"] / ratio)) < 4.0 * row["mcse"]
    seen = row["excludes_none"]
    error = math.sqrt(max(seen * (1.0 - seen), 0.01) / 150)
    # the closed form at the size simulated: the number needed for the power that was seen is the number there
    again = trial(ratio, 150, keep, power=seen)
    at = again.effects.set_index("effect").loc["unplanned_moves"]
    slack = 4.0 * error * _slope(seen)
    assert abs(math.log(at["children_needed"] / row["children"])) < slack
    assert at["needed_low"] < at["children_needed"] < at["needed_high"]
    assert at["families_needed"] == pytest.approx(at["children_needed"], rel=0.02)


@pytest.mark.theory
def test_siblings_who_move_as_one_count_as_one_child() -> None:
    together = {
        "population.children_per_family": {"one": 0.0, "two": 1.0, "three": 0.0},
        "population.split_with_one_sibling": 0.0,
    }
    found = trial(0.6, 60, **together)
    row = found.effects.set_index("effect").loc["unplanned_moves"]
    assert row["design_effect"] == pytest.approx(2.0, rel=0.1)
    assert row["families_needed"] == pytest.approx(row["children_needed"] / 2.0)
    alone = trial(0.6, 60).effects.set_index("effect").loc["unplanned_moves"]
    assert row["families_needed"] == pytest.approx(alone["families_needed"], rel=0.4)


def _slope(power: float) -> float:
    """How the logarithm of the size rises with power: of (z + z_power)^2."""
    z = stats.norm.ppf(power)
    return float(2.0 / (1.959964 + z) / stats.norm.pdf(z))


@pytest.fixture(scope="module")
def london() -> dict[tuple[str, ...], StabilityFound]:
    world = Scenario.load("london-2017", ["simulation.warm_up=1"])
    split = dt.date(2020, 1, 1)
    return {
        by: ask(world, 4, 1, by=by, split=split if "period" in by else None)
        for by in (("arm",), ("borough",), ("age",), ("period",), ("arm", "age"))
    }


def test_each_group_has_each_measure(london: dict[tuple[str, ...], StabilityFound]) -> None:
    groups = {("arm",): 2, ("borough",): 5, ("age",): 3, ("period",): 2, ("arm", "age"): 6}
    for by, found in london.items():
        assert len(found.measures) == groups[by] * len(MEASURES)
        assert len(found.measure("moves")) == groups[by]
        rates = found.measure("moves")
        assert (rates["low_90"] <= rates["mean"]).all() and (rates["mean"] <= rates["high_90"]).all()
        shares = found.measures[found.measures["unit"] == "share"]["mean"].dropna()
        assert shares.between(0.0, 1.0).all()
        assert found.question.contrast == {"arm": "arm", "period": "period"}.get(by[0], "")
        assert list(found.effects.get("effect", [])) == (list(EFFECTS) if found.question.contrast else [])
        assert words_of(found)
    assert london["age",].measure("moves")["age"].tolist() == list(AGES)
    assert london["arm", "age"].effects["estimate"].equals(london["arm",].effects["estimate"])
    assert "Croydon" in " ".join(words_of(london["borough",]))


def test_curves_add_up_to_permanence(london: dict[tuple[str, ...], StabilityFound]) -> None:
    found = london["arm",]
    at = found.curves[found.curves["month"] == 12].groupby("arm", sort=False)["mean"].sum()
    assert at.to_numpy() == pytest.approx(found.measure("permanence_12")["mean"].to_numpy())
    assert set(found.curves["to"]) == set(KINDS)


def test_periods_count_moves_in_as_many_months_as_the_warm_up_has(
    london: dict[tuple[str, ...], StabilityFound],
) -> None:
    assert london["period",].question.counted_months == pytest.approx(12.0)
    assert london["arm",].question.counted_months is None
    assert "not randomised" in " ".join(words_of(london["period",]))


def test_all_that_is_wrong_is_said_at_once() -> None:
    wrong = {"by": ["arms", "period"], "replicates": 1, "horizon": 99, "power": 0.001, "months": -1.0}
    with pytest.raises(QuestionError) as error:
        StabilityQuestion.load("london-2017", **wrong)
    said = str(error.value)
    assert "5 problems" in said
    for part in (
        "did you mean arm?",
        "from 2 to 1e+08",
        "from 1 to 36",
        "from 0.01 to 0.9999",
        "from 0 to 1200",
    ):
        assert part in said, part
    with pytest.raises(QuestionError, match="before and after what day"):
        StabilityQuestion.load("london-2017", by=["period"])
    with pytest.raises(QuestionError, match=r"above 0\.05"):
        StabilityQuestion.load("london-2017", power=0.04)
    with pytest.raises(QuestionError, match="nothing is parted by it"):
        StabilityQuestion.load("london-2017", split=dt.date(2020, 1, 1))
    with pytest.raises(QuestionError, match="not within the run"):
        StabilityQuestion.load("london-2017", by=["period"], split=dt.date(2050, 1, 1)).refuse()


def test_a_measure_that_is_none_is_told_with_those_there_are(
    london: dict[tuple[str, ...], StabilityFound],
) -> None:
    with pytest.raises(ValueError, match="allowed moves"):
        london["arm",].measure("movs")
