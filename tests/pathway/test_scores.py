"""Scores are made from what happened, and can be made again under other assumptions."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from best_sim.engine.luck import normal_quantile, uniform_at
from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.rules import purposes
from best_sim.pathway.scores import SCORES, OutcomeModel
from best_sim.scenario import Scenario

CHANGES = (
    {"outcomes.sdq.lift_effect": -3.0},
    {"outcomes.sdq.lift_effect": 2.0, "outcomes.effect_applies_to": "allocated"},
    {
        "outcomes.sdq.sd": 5.0,
        "outcomes.sdq.sibling_correlation": 0.1,
        "outcomes.sdq.correlation_over_time": 0.7,
    },
    {"outcomes.sdq.per_move": 2.0, "outcomes.sdq.per_month_to_permanence": 0.5},
    {"outcomes.pirgas.lift_effect": 4.0, "outcomes.utility.sd": 0.2},
)


@pytest.fixture(scope="module")
def scenario():
    return Scenario.load("london-2017")


@pytest.fixture(scope="module")
def journeys(scenario):
    return simulate(scenario, 3, 0)


def luck(journeys, who, why, count=0):
    address = int(who["stream"]), int(who["number"]), why, count
    return normal_quantile(uniform_at(journeys.seed, journeys.replicate, *address))


@pytest.mark.parametrize("applies_to", ["received", "allocated"])
def test_a_score_by_hand(journeys, applies_to):
    m = replace(
        journeys.outcomes,
        sdq_lift=-5.0,
        sdq_move=0.7,
        sdq_month=0.2,
        effect_on_received=applies_to == "received",
    )
    sdq = journeys.scored(m).scores["sdq"]
    f, c, g = (journeys.tables[name] for name in ("families", "children", "groups"))
    checked = with_effect = not_yet = 0
    for child in np.flatnonzero((c["index"] >= 0) & (f["visit_state"][c["family"], 2] > 0)):
        who, family, group = c[child], f[c["family"][child]], g[c["group"][child]]
        shared = m.sdq_icc / m.sdq_correlation
        trait = math.sqrt(shared) * (
            m.sdq_need * family["need"]
            + math.sqrt(1 - m.sdq_need**2) * luck(journeys, family, purposes.SDQ_TRAIT_FAMILY)
        ) + math.sqrt(1 - shared) * luck(journeys, who, purposes.SDQ_TRAIT_CHILD)
        for k in (1, 2):
            at = family["visit_at"][k]
            if who["age_at_entry"] + at - family["entered"] < m.sdq_from_age:
                assert math.isnan(sdq[child, k])
                continue
            z = math.sqrt(m.sdq_correlation) * trait
            z += math.sqrt(1 - m.sdq_correlation) * luck(journeys, who, purposes.SDQ_OCCASION, k)
            lift = family["arm"] == W.LIFT
            if lift and applies_to == "received":
                lift = family["receipt"] == W.RECEIVED and family["settled"] <= at
                not_yet += family["receipt"] == W.RECEIVED and not lift
            until = at if math.isnan(group["permanent_at"]) else min(at, group["permanent_at"])
            score = m.sdq_mean[k] + m.sdq_sd * z - 5.0 * lift + 0.7 * who["moves_then"][k]
            score += 0.2 * (until - family["entered"]) / (365.25 / 12)
            assert sdq[child, k] == min(40.0, max(0.0, math.floor(score + 0.5)))
            checked, with_effect = checked + 1, with_effect + int(lift)
    assert checked > 150 and 20 < with_effect < checked


@pytest.mark.parametrize("changes", CHANGES, ids=lambda changes: next(iter(changes)))
def test_scored_again_is_as_simulated_again(scenario, journeys, changes):
    other = scenario.replace(changes)
    again = simulate(other, 3, 0)
    scored = journeys.scored(OutcomeModel.of(other))
    different = 0
    for name in SCORES:
        assert scored.scores[name].tobytes() == again.scores[name].tobytes(), name
        different += scored.scores[name].tobytes() != journeys.scores[name].tobytes()
    assert different > 0
    assert (again.record == journeys.record).all()


def test_both_drivers_score_alike(scenario, journeys):
    other = simulate(scenario, 3, 0, "simpy")
    for name in SCORES:
        assert other.scores[name].tobytes() == journeys.scores[name].tobytes(), name


def test_only_what_fell_due_is_scored(journeys):
    f, c = journeys.tables["families"], journeys.tables["children"]
    due = (f["visit_state"][c["family"]] > 0) & (c["index"] >= 0)[:, None]
    assert (np.isnan(journeys.scores["pirgas"]) == ~due).all()
    assert due.any() and not due.all()


def test_a_model_is_the_same_from_its_dictionary(journeys):
    assert OutcomeModel.from_dict(asdict(journeys.outcomes)) == journeys.outcomes
    listed = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(journeys.outcomes).items()
    }
    assert OutcomeModel.from_dict(listed) == journeys.outcomes


def test_there_are_three_scores(journeys):
    assert tuple(journeys.scores) == SCORES and len(journeys.scores) == 3
    with pytest.raises(KeyError):
        journeys.scores["rows"]
