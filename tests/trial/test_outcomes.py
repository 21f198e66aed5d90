"""The analysis set: who is in it, and with which covariates."""

from __future__ import annotations

import numpy as np
import pytest

from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario
from best_sim.trial.outcomes import analysis_set


@pytest.fixture(scope="module")
def journeys() -> Journeys:
    return simulate(Scenario.load("trial-as-run"), 11, 0)


def test_it_holds_the_children_that_the_visits_table_says_were_seen(journeys: Journeys) -> None:
    data = analysis_set(journeys)
    visits = journeys.visits
    third = visits[(visits["visit"] == 3) & visits["seen"] & visits["sdq"].notna()]
    assert len(data.y) == len(third)
    assert data.y.sum() == third["sdq"].sum()
    assert data.treated.sum() == (third["arm"] == "LIFT").sum()


def test_nobody_found_ineligible_is_in_it(journeys: Journeys) -> None:
    families = journeys.tables["families"][analysis_set(journeys).family]
    assert np.isnan(families["ineligible"]).all()
    assert (families["arm"] != W.NOT_ALLOCATED).all()


def test_a_missing_baseline_has_the_mean_and_is_marked(journeys: Journeys) -> None:
    data = analysis_set(journeys)
    missing = np.isnan(data.baseline)
    assert 0.5 < missing.mean() < 1.0  # most children are under two at baseline
    assert data.covariates[missing, 0] == pytest.approx(data.baseline[~missing].mean())
    assert (data.covariates[:, 1] == missing).all()
    assert (data.covariates[~missing, 0] == data.baseline[~missing]).all()


def test_sites_are_covariates_where_there_are_two(journeys: Journeys) -> None:
    assert analysis_set(journeys).covariates.shape[1] == 3
    london = simulate(Scenario.load("london-2017"), 11, 0)
    assert analysis_set(london).covariates.shape[1] == 2


def test_a_measure_that_everybody_has_needs_no_indicator(journeys: Journeys) -> None:
    data = analysis_set(journeys, "pirgas", 3)
    assert data.covariates.shape[1] == 2 + bool(np.isnan(data.baseline).any())
    assert ((data.y >= 1) & (data.y <= 100)).all()


def test_per_protocol_holds_those_who_received_their_service(journeys: Journeys) -> None:
    everybody, received = analysis_set(journeys), analysis_set(journeys, estimand="per protocol")
    assert received.received.all()
    assert len(received.y) == everybody.received.sum() < len(everybody.y)
    assert set(received.family) < set(everybody.family)


def test_what_is_not_offered_is_refused(journeys: Journeys) -> None:
    with pytest.raises(ValueError, match="visit: found 4, allowed 1 to 3"):
        analysis_set(journeys, visit=4)
    with pytest.raises(ValueError, match="'as treated', allowed 'intention-to-treat', 'per protocol'"):
        analysis_set(journeys, estimand="as treated")  # type: ignore[arg-type]
