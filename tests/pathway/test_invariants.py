"""What is true of every run: on the default trial, on every variation, and on whatever hypothesis thinks of."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invariants import assert_holds
from small_worlds import always, days, exponential, run
from variations import BOROUGHS, COURTS, DELAYS, VARIATIONS, staff


def test_of_the_default_trial(trial_run, trial):
    assert_holds(trial_run, trial)


@pytest.mark.parametrize("name", VARIATIONS)
def test_of_every_variation(name, short_trial):
    scenario = short_trial.replace(VARIATIONS[name])
    assert_holds(run(scenario, seed=11), scenario)


share = st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0])
delay = st.one_of(
    st.sampled_from([0.0, 1.0, 14.0, 400.0]).map(days), st.sampled_from([0.5, 20.0, 200.0]).map(exponential)
)
log_odds = st.sampled_from([-10.0, -1.0, 0.0, 1.0, 10.0])
day = st.dates(dt.date(2017, 1, 1), dt.date(2021, 6, 1))


@st.composite
def changes(draw):
    """Some parameters, anywhere within what a scenario may say."""
    change = {}
    for name in draw(st.lists(st.sampled_from(DELAYS), max_size=8, unique=True)):
        change[name] = draw(delay)
    for name in draw(
        st.lists(
            st.sampled_from(
                [
                    "entry.voluntary_never_in_proceedings", "population.older_sibling_share",
                    "population.kin_available_share", "population.split_with_one_sibling",
                    "population.split_with_two_siblings", "sites.london.consent", "sites.glasgow.consent",
                    "sites.london.other_exclusion", "trial.found_ineligible",
                    "proceedings.interim.after_voluntary", "proceedings.interim.after_order",
                    "proceedings.agreed_at_issues_resolution", "proceedings.adjournment.interim",
                    "proceedings.adjournment.case_management", "proceedings.adjournment.final", "sau.not_assessed",
                    "lift.declines", "lift.leaves_in_assessment", "lift.treats", "lift.leaves_treatment",
                    "placements.bridging.first_share", "placements.planned.to_kin_share",
                    "entry.hospital_share_of_newborns", "placements.planned.early_permanence_share",
                    "placements.planned.unit_together", "placements.planned.no_match_share",
                    "placements.planned.long_term_same_carer", "placements.breakdown.issued_again",
                    "orders.no_order_share",
                ]
            ),
            max_size=8, unique=True,
        )
    ):  # fmt: skip
        change[name] = draw(share)
    for name in draw(
        st.lists(
            st.sampled_from(
                ["advice.intercept", "orders.home.intercept", "orders.placement_order.intercept",
                 "orders.care_order.intercept", "visits.retention.third", "visits.retention.with_adopters"]
            ),
            max_size=3, unique=True,
        )
    ):  # fmt: skip
        change[name] = draw(log_odds)
    for name in draw(
        st.lists(
            st.sampled_from(["foster", "kinship_foster", "placed_for_adoption", "residential"]), max_size=2
        )
    ):
        change[f"placements.unplanned.{name}"] = draw(st.sampled_from([0.0, 1.0, 20.0]))
    change["lift.priority"] = draw(st.sampled_from(["first come", "youngest first"]))
    change["trial.allocation.method"] = draw(st.sampled_from(["simple", "blocks", "minimisation"]))
    change["trial.allocation.strata"] = draw(st.sampled_from(["none", "site", "borough"]))
    change["trial.allocation.lift_share"] = draw(st.sampled_from([0.05, 0.5, 2 / 3]))
    change["trial.target_families"] = draw(st.sampled_from([1, 40, 10_000]))
    change["trial.steps"] = draw(
        st.sampled_from(["consent > randomisation > baseline", "consent > baseline > randomisation"])
    )
    for visit in ("first", "second", "third"):
        change[f"visits.counted_from.{visit}"] = draw(st.sampled_from(["entry", "randomisation"]))
    change["simulation.starts_with"] = draw(st.sampled_from(["empty", "running"]))
    if draw(st.booleans()):
        steps = sorted(draw(st.dictionaries(day, st.integers(0, 30), min_size=1, max_size=4)).items())
        change |= staff(*steps)
    if draw(st.booleans()):
        week = draw(st.sampled_from([12.0, 20.0, 100.0]))
        change |= {f"courts.{court}.sitting_days_per_week": always(week) for court in COURTS}
        change |= {f"courts.{court}.urgent_share": 0.2 for court in COURTS}
    if draw(st.booleans()):
        change |= {f"sau.places.{a}": draw(st.integers(0, 6)) for a in ("in_house", "external_expert")}
    for borough in draw(st.lists(st.sampled_from(BOROUGHS), max_size=2, unique=True)):
        change[f"boroughs.{borough}.entries"] = always(draw(st.sampled_from([0.0, 10.0, 200.0])))
        change[f"boroughs.{borough}.opens"] = draw(day)
    return change


@settings(
    max_examples=60, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(change=changes(), seed=st.integers(0, 2**63 - 1), replicate=st.integers(0, 10**6))
def test_of_any_scenario(short_trial, change, seed, replicate):
    scenario = short_trial.replace(change)
    assert_holds(run(scenario, seed=seed, replicate=replicate), scenario)
