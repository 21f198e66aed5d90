"""Looks at simulated trials: against the theory of group-sequential designs, and by the calendar."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from power_against_theory import SD, SMALL, scores
from small_worlds import BOROUGH, after, in_days, plain_world

from best_sim.experiments.interims import LookPlan, run_interims, until
from best_sim.pathway import simulate
from best_sim.pathway.lowering import lower
from best_sim.questions.power.ask import PowerQuestion
from best_sim.scenario import Scenario, ScenarioError
from best_sim.trial.outcomes import analysis_set
from best_sim.trial.sequential import operating_characteristics

N = 200


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment in a small world: 200 single children, an effect of 2 points or none."""
    folder = tmp_path_factory.mktemp("small")
    apart = {"visits.third": in_days(30), "visits.window": in_days(20)}  # no two visits at the same moment
    world = plain_world(
        {**SMALL, **scores(0.0), **apart, "trial.target_families": N, "simulation.end_date": after(60)}
    )
    (folder / "small.toml").write_text(world.as_toml(), encoding="utf-8")
    text = (
        f'scenario = "{folder / "small.toml"}"\nreplicates = 1500\nseed = 6\nmethod = "t-test-children"\n'
        '[[design]]\nname = "none"\neffect = 0.0\n[[design]]\nname = "some"\neffect = -2.0\n'
    )
    (folder / "ask.toml").write_text(text, encoding="utf-8")
    return folder / "ask.toml"


@pytest.mark.theory
@pytest.mark.parametrize("design", ["none", "some"])
def test_trials_end_where_theory_says(small: Path, design: str) -> None:
    """Sequential theory gives the chance of ending at each look, for benefit, for harm and in vain."""
    plan = LookPlan((0.4, 0.7), futility=0.1)
    found = run_interims(PowerQuestion.load(small), plan, design)
    drift = (2.0 if design == "some" else 0.0) / (SD * math.sqrt(4.0 / N))
    exact = operating_characteristics(found.bounds, drift)
    n = len(found.trials)
    by_look = found.by_look()
    for k in range(3):
        for name, chance in (("benefit", exact.benefit[k]), ("harm", exact.harm[k])):
            error = math.sqrt(max(chance * (1.0 - chance), 1.0 / n) / n)
            assert abs(by_look.loc[k, name] - chance) < 4.0 * error, (k, name)
        futile = by_look.loc[k, "futility"] if k < 2 else by_look.loc[k, "end"]
        error = math.sqrt(max(exact.futility[k] * (1.0 - exact.futility[k]), 1.0 / n) / n)
        assert abs(futile - exact.futility[k]) < 4.0 * error, k
    assert by_look["ended"].iloc[-1] == pytest.approx(1.0)


def test_looks_come_when_their_share_of_last_visits_is_over(small: Path) -> None:
    found = run_interims(PowerQuestion.load(small, replicates=3), LookPlan((0.25, 0.5)))
    families = found.looks.pivot(index="replicate", columns="look", values="families")
    assert (families == [50, 100, 200]).all(axis=None)
    assert (found.looks["randomised"] - found.looks["families"] == found.looks["to_come"]).all()
    days = found.looks.pivot(index="replicate", columns="look", values="day")
    assert (days.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_a_look_sees_only_what_was_known_on_the_day() -> None:
    scenario = Scenario.load("trial-as-run")
    journeys = simulate(lower(scenario), 4, 0, events=False)
    data = analysis_set(journeys)
    at = journeys.tables["families"]["visit_at"][data.family, 2]
    day = float(np.median(at))
    seen = until(data, journeys, day)
    assert len(seen.y) == (at <= day).sum()
    assert set(seen.family) == set(data.family[at <= day])


def test_a_larger_spread_asks_for_more_families_and_finds_more(small: Path) -> None:
    """Scores vary half as much again as the size was planned for: the second trial is larger, and stronger."""
    steady = f"{BOROUGH}.entries=[{{from=2018-01-01, value=4000}}]"
    changes = ("outcomes.sdq.sd=6.5", steady, "simulation.end_date=2018-07-01")
    wide = PowerQuestion.load(small, replicates=150, overrides=changes)
    plan = LookPlan((0.5,), reestimate=0.4, wanted=0.9, most=600)
    found = run_interims(wide, plan, "some")
    assert found.trials["families"].median() > 1.5 * N
    assert found.trials["sd"].mean() == pytest.approx(6.5, rel=0.1)
    assert found.share("found_reestimated").value > found.share("found_without").value + 0.1
    reached = found.trials.dropna(subset=["day_reached"])
    assert len(reached) > 140 and (reached["day_reached"] >= reached["day_reestimated"]).all()


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        (LookPlan((0.7, 0.5)), "increasing"),
        (LookPlan((1.2,)), "above 0 and below 1"),
        (LookPlan(spending="obrien"), "obrien-fleming"),
        (LookPlan(futility=2.0), "between 0 and 1"),
        (LookPlan(wanted=0.01), "above alpha"),
        (LookPlan(reestimate=0.5, most=10), f"{N} or more"),
        (LookPlan(reestimate=0.5), "a design with an effect"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(small: Path, plan: LookPlan, told: str) -> None:
    design = "none" if "effect" in told else "some"
    with pytest.raises(ScenarioError, match=told):
        run_interims(PowerQuestion.load(small), plan, design)
