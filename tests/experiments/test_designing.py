"""Assurance, fragility, twins and methods of allocation: against what they must agree with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

from best_sim.experiments.allocations import compare_allocations, share_guessed
from best_sim.experiments.assurance import run_assurance, run_fragility
from best_sim.experiments.twins import twins
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.questions.power.ask import PowerQuestion
from best_sim.questions.power.priors import Prior, read_priors
from best_sim.questions.running import answer
from best_sim.scenario import Scenario, ScenarioError

FILE = """
title = "A small trial"
scenario = "london-2017"
replicates = 30
scorings = 8
seed = 5
set = ["simulation.after_recruitment=1", "sites.london.recruiting=[{from=2017-10-01,value=1}]",
       "lift.teams.london.families_per_clinician=9", "outcomes.effect_applies_to=allocated"]
[[design]]
name = "A large effect"
effect = -4.2
[[design]]
name = "None"
effect = 0.0
[[prior]]
key = "outcomes.sdq.lift_effect"
distribution = "normal"
mean = -4
sd = 2
[[prior]]
key = "sites.london.consent"
distribution = "beta"
mean = 0.6
sd = 0.1
[[vary]]
key = "outcomes.sdq.sd"
low = 5.5
high = 9
[[vary]]
key = "outcomes.sdq.youngest_age"
low = 24
high = 30
[[vary]]
key = "trial.target_families"
low = 40
high = 120
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> PowerQuestion:
    path = tmp_path_factory.mktemp("design") / "small.toml"
    path.write_text(FILE, encoding="utf-8")
    return PowerQuestion.load(path)


# --- assurance and fragility --------------------------------------------------------------------------------
def test_assurance_is_the_power_averaged_over_the_prior(asked):
    """The effect alone uncertain, against a normal curve of power through the power at a few effects."""
    one = asked.replaced(priors=asked.priors[:1], replicates=500, scorings=4)
    got = run_assurance(one, "A large effect")
    fit = got.rows[got.rows["converged"]]
    se = float(np.sqrt((fit["standard_error"] ** 2).mean()))
    drawn = fit["drawn.outcomes.sdq.lift_effect"]
    assert abs(drawn.mean() + 4) < 4 * 2 / math.sqrt(500) and abs(drawn.std() / 2 - 1) < 0.15
    # the floor of the score shrinks the effect a little: take the slope from the estimates themselves
    slope = np.polyfit(drawn, fit["estimate"], 1)[0]
    shift = slope * stats.norm(-4, 2).ppf((np.arange(4000) + 0.5) / 4000) / se
    expected = float(np.mean(special.ndtr(-shift - 1.98) + special.ndtr(shift - 1.98)))
    assert abs(got.assurance.value - expected) < 4 * got.assurance.mcse + 0.02
    assert got.favourable.value <= got.assurance.value
    table = got.by_value("outcomes.sdq.lift_effect")
    assert table["power"].iloc[0] > 0.8 > 0.3 > table["power"].iloc[-1]


def test_what_is_drawn_does_not_depend_on_what_else_is(asked):
    one = Prior("sites.london.consent", "beta", 0.6, 0.1)
    draws = np.array([one.draw(5, k) for k in range(2000)])
    assert abs(draws.mean() - 0.6) < 4 * 0.1 / math.sqrt(2000)
    assert abs(draws.std() - 0.1) < 0.01
    cut = Prior("x", "normal", 0.0, 1.0, least=1.0)
    assert min(cut.draw(5, k) for k in range(200)) >= 1.0
    assert float(cut.quantile(0.5)) == pytest.approx(stats.truncnorm(1.0, np.inf).median())


def test_fragility_is_the_power_at_each_end_with_the_same_luck(asked):
    got = run_fragility(asked, "A large effect")
    table = got.table.set_index("key")
    assert table.loc["outcomes.sdq.sd", "change_low"] > 0 > table.loc["outcomes.sdq.sd", "change_high"]
    assert table.loc["trial.target_families", "change_low"] < 0
    changes = table[["change_low", "change_high"]].abs().max(axis=1)
    assert (np.diff(changes) <= 1e-12).all()
    there = replace(
        asked, designs=asked.designs[:1], overrides=(*asked.overrides, "trial.target_families=40")
    )
    assert table.loc["trial.target_families", "power_low"] == pytest.approx(
        answer(there).power["power"].iloc[0]
    )
    spread = asked.replaced(designs=asked.designs[:1], overrides=(*asked.overrides, "outcomes.sdq.sd=9"))
    assert table.loc["outcomes.sdq.sd", "power_high"] == pytest.approx(answer(spread).power["power"].iloc[0])


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('key = "outcomes.sdq.lift_effect"', 'key = "outcomes.sdq.lift_efect"', "lift_effect"),
        ('distribution = "normal"', 'distribution = "norml"', "normal"),
        ("sd = 2", "sd = -2", "what a normal distribution can have"),
        ("low = 5.5\nhigh = 9", "low = 9\nhigh = 5.5", "low below high"),
        ("low = 40\nhigh = 120", "low = -5\nhigh = 120", "target_families"),
        ("mean = 0.6", "men = 0.6", "mean"),
    ],
)
def test_what_is_wrong_in_what_is_believed_is_told(tmp_path, old, new, told):
    assert FILE.count(old) == 1
    path = tmp_path / "wrong.toml"
    path.write_text(FILE.replace(old, new), encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        asked = PowerQuestion.load(path).replaced(replicates=2)
        run_assurance(asked)
        run_fragility(asked)
    assert told in str(error.value)


def test_every_shape_of_belief_is_read():
    problems: list = []
    listed = [
        {"key": "a", "distribution": "uniform", "low": 1, "high": 3},
        {"key": "b", "distribution": "lognormal", "median": 2, "sigma": 0.5},
    ]
    one, two = read_priors("x", listed, problems)
    assert not problems
    assert float(one.quantile(0.25)) == pytest.approx(1.5) and float(two.quantile(0.5)) == pytest.approx(2.0)


# --- twins --------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def both():
    world = Scenario.load(
        "london-2017", ["outcomes.sdq.lift_effect=-4", "outcomes.effect_applies_to=allocated"]
    )
    return world, twins(world, 2, seed=3)


def test_a_twin_is_the_child_as_it_was_in_its_own_arm(both):
    world, got = both
    base = simulate(world, 3, 1)
    mine = got.children[got.children["replicate"] == 1]
    for arm, column in (("LIFT", "sdq.lift"), ("SAU", "sdq.sau")):
        rows = mine[mine["arm"] == arm]
        seen = base.scores["sdq"][rows["child"].to_numpy(), 2]
        assert np.array_equal(seen, rows[column].to_numpy(), equal_nan=True)
    arms = base.tables["families"]["arm"][mine["family"]]
    assert ((arms == W.LIFT) == (mine["arm"] == "LIFT")).all()


def test_an_effect_on_all_allocated_is_on_every_child_up_to_the_floor(both):
    _, got = both
    difference = (got.children["sdq.lift"] - got.children["sdq.sau"]).dropna()
    clear = got.children.loc[difference.index, "sdq.sau"] >= 8
    assert difference[clear].median() == -4.0
    # moves and delays that LIFT changes add to it for a few
    assert (difference[clear] == -4.0).mean() > 0.85
    assert difference.mean() > -4.0
    effects = got.effects().set_index("outcome")
    assert effects.loc["sdq", "mean"] == pytest.approx(difference.mean())
    assert effects.loc["pirgas", "same"] == 1.0
    assert effects.loc["weeks_of_proceedings", "mean"] > 0
    assert got.left_out < 0.05 * got.children["family"].nunique()


def test_without_an_effect_and_without_delay_the_twins_are_alike():
    world = Scenario.load("london-2017", ["lift.declines=0.999", "proceedings.timetable_lift=84"])
    got = twins(world.replace({"proceedings.timetable_lift": world.proceedings.timetable_sau}), 1, seed=3)
    difference = (got.children["sdq.lift"] - got.children["sdq.sau"]).dropna()
    assert (
        difference == 0
    ).mean() > 0.9  # a family that declines is assessed a little later than it would have been


# --- allocation ---------------------------------------------------------------------------------------------
def test_a_guesser_by_hand():
    """LIFT, LIFT, SAU, LIFT: half at first, then bets on SAU, SAU, SAU of which one is right."""
    lift = np.array([1.0, 1.0, 0.0, 1.0])
    assert share_guessed(np.zeros(4, int), lift) == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert share_guessed(np.array([0, 1, 0, 1]), lift) == pytest.approx((0.5 + 0.5 + 1 + 0) / 4)


def test_methods_differ_as_they_should():
    got = compare_allocations(Scenario.load("london-2017"), 12, seed=2)
    mean = got.summary().set_index(["method", "quantity"])["mean"]
    assert mean["simple", "all families"] > 3 * mean["blocks by site", "all families"]
    assert mean["blocks by borough", "borough"] < mean["blocks by site", "borough"]
    assert mean["minimisation", "siblings"] < mean["blocks by site", "siblings"]
    assert mean["simple", "guessed within the borough"] == pytest.approx(0.5, abs=0.04)
    assert mean["blocks by borough", "guessed within the borough"] > 0.6
    ends = got.path.groupby(["method", "replicate"])["families"].max().unstack(0)
    # the same families, but for what allocation does to when the last are asked
    assert (ends.max(axis=1) - ends.min(axis=1)).max() <= 4
