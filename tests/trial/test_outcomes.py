"""The analysis set: who is in it, and with which covariates."""

from __future__ import annotations

import numpy as np
import pytest

from best_sim.measures.observed import stays_of
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario
from best_sim.trial.methods import USUAL, methods_for
from best_sim.trial.outcomes import OUTCOMES, Outcome, analysis_set


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


def test_those_not_seen_can_be_kept_for_imputation(journeys: Journeys) -> None:
    seen, everybody = analysis_set(journeys), analysis_set(journeys, complete=False)
    known = ~np.isnan(everybody.y)
    assert 0.1 < 1.0 - known.mean() < 0.4
    assert (everybody.y[known] == seen.y).all() and (everybody.family[known] == seen.family).all()
    assert np.array_equal(everybody.visits[known], seen.visits, equal_nan=True)
    assert np.array_equal(seen.visits[:, 2], seen.y)


def test_moves_are_those_in_care_after_randomisation(journeys: Journeys) -> None:
    data = analysis_set(journeys, "moves")
    f = journeys.tables["families"]
    stays = stays_of(journeys)
    mine = stays[stays.in_care & np.isin(stays.family, np.unique(data.family))]
    since, until = f["randomised"][mine.family], f["visit_at"][mine.family, 2]
    moved = np.isin(mine.began_by, (W.UNPLANNED, W.PLANNED)) & (mine.start > since) & (mine.start <= until)
    assert data.y.sum() == moved.sum() > 200
    days = np.clip(np.minimum(mine.end, until) - np.maximum(mine.start, since), 0.0, None)
    assert data.exposure.sum() * 365.25 == pytest.approx(days.sum())
    assert (data.exposure >= 0.0).all() and (data.exposure[data.y > 0] > 0.0).all()


def test_three_or_more_is_a_third_placement_within_a_year(journeys: Journeys) -> None:
    data = analysis_set(journeys, "three_or_more")
    assert set(np.unique(data.y)) == {0.0, 1.0}
    placements = journeys.placements
    care = placements[placements["in_care"] & (placements["began_by"] != "same_carer")]
    entered = care.groupby("child")["start_days"].transform("min")
    third = care[care["start_days"] <= entered + 365.25].groupby("child").size() >= 3
    mine = journeys.children.set_index("child")
    allocated = mine.index[mine["family"].isin(np.unique(data.family))]
    assert data.y.sum() == third.reindex(allocated, fill_value=False).sum() > 10


def test_permanence_is_timed_from_randomisation(journeys: Journeys) -> None:
    data = analysis_set(journeys, "permanence")
    assert (data.y > 0.0).all() and (data.y < 31 * 365.25 / 12 + 60).all()
    assert 0.4 < data.event.mean() < 0.8  # most families are Glasgow's, where permanence is slow
    names = np.asarray(("none", *W.PLACEMENT_TYPES))[data.cause]
    assert set(names) == {"none", "home", "special_guardianship", "placed_for_adoption", "long_term_foster"}
    early = analysis_set(journeys, "permanence", visit=2)
    assert early.event.sum() < data.event.sum()
    by_then = data.event[np.isin(data.family, early.family)]
    assert len(early.y) <= len(data.y) and by_then.any()


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=lambda outcome: outcome.name)
def test_an_outcome_takes_a_visit_where_it_makes_a_difference(journeys: Journeys, outcome: Outcome) -> None:
    amounts = {
        name: np.arange(len(journeys.tables["children"]), dtype=float) for name in ("cost", "net_benefit")
    }
    first, last = (analysis_set(journeys, outcome.name, visit, amounts=amounts) for visit in (2, 3))
    alike = len(first.y) == len(last.y) and np.array_equal(first.y, last.y)
    assert outcome.takes_visit != alike


def test_had_lift_is_lift_received(journeys: Journeys) -> None:
    data = analysis_set(journeys)
    assert (data.had_lift == (data.received & (data.treated == 1))).all()
    assert 0.4 < data.had_lift[data.treated == 1].mean() < 0.9


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=lambda one: one.name)
def test_what_an_outcome_says_may_be_set_is_there(outcome: Outcome) -> None:
    known = Scenario.load("trial-as-run").table().set_index("name")["value"]
    assert (outcome.effect is None) == bool(outcome.instead)
    assert set(outcome.instead) <= set(known.index)
    if outcome.effect is not None:  # nothing is assumed of LIFT unless a design sets it
        assert float(known[outcome.effect.parameter]) == outcome.effect.none


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=lambda one: one.name)
def test_better_is_said_of_effect_and_outcome_alike(outcome: Outcome) -> None:
    assert outcome.better in (-1, 0, 1) and outcome.below != outcome.above
    assert USUAL[outcome.kind] in methods_for(outcome.name)
    effect = outcome.effect
    if effect is not None:
        assert effect.size(effect.none) == 0.0 and effect.size(effect.none + 0.5) > 0.0
        assert (
            effect.side(effect.none + 0.1) == effect.above and effect.side(effect.none - 0.1) == effect.below
        )
        if effect.of_outcome:
            assert (effect.better, effect.below, effect.above) == (
                outcome.better,
                outcome.below,
                outcome.above,
            )


def test_some_of_a_set_are_the_same_children_in_every_array(journeys: Journeys) -> None:
    data = analysis_set(journeys)
    which = data.treated == 1
    some = data.only(which)
    assert (some.y == data.y[which]).all() and (some.visits[:, 2] == data.y[which]).all()
    assert some.covariates.shape == (which.sum(), data.covariates.shape[1]) and some.luck == data.luck
