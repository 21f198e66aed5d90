"""Values at the ends of what a scenario may say."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from invariants import assert_holds
from small_worlds import (
    BOROUGH,
    COURT,
    FOR_EVER,
    HEARINGS,
    SITE,
    TEAM,
    after,
    always,
    days,
    exponential,
    in_days,
    plain_world,
    rows,
    run,
    run_known_at,
)
from variations import VARIATIONS, staff

from best_sim.pathway import words as W


@pytest.fixture(scope="module")
def small():
    """A plain world of some 300 families."""
    return plain_world({"simulation.end_date": after(1200), f"{BOROUGH}.entries": always(100)})


def held(journeys):
    """Hearings held by kind."""
    return journeys.hearings.dropna(subset=["held_days"])


def test_consent_of_all_and_of_none(small):
    everyone = run(small).families
    answered = everyone[everyone["answered_days"].notna()]
    assert len(answered) > 250
    assert (answered["consent"] == "consented").all()
    nobody = run(small.replace({f"{SITE}.consent": 0.0}))
    assert len(rows(nobody, W.RANDOMISED)) == 0
    assert (nobody.families["arm"] == "not allocated").all()
    # their cases go on, on assessments as usual
    assert len(rows(nobody, W.CASE_DECIDED)) > 200
    assert nobody.visits.empty
    assert nobody.services.empty


def test_without_a_hazard_nobody_moves_but_by_plan(small):
    assert (run(small).tables["groups"]["unplanned"] == 0).all()
    moved = run(small.replace({"placements.unplanned.foster": 30.0})).tables["groups"]["unplanned"]
    assert moved.max() > 20


@pytest.mark.parametrize(("probability", "most"), [(0.0, 4), (1.0, 0), (1.0, 2), (1.0, 12)])
def test_hearings_are_adjourned_never_or_as_often_as_allowed(small, probability, most):
    world = small.replace(
        {f"proceedings.adjournment.{kind}": probability for kind in HEARINGS}
        | {
            "proceedings.most_adjournments": most,
            "proceedings.interim.after_order": 1.0,
            "proceedings.interim.newborn": 1.0,
            "proceedings.notice.further": days(7),
            "sau.in_house": days(1),
            "proceedings.timetable": in_days(7),
            f"{COURT}.urgent_share": 0.3,
        }
    )
    journeys = run(world, arm="SAU")
    decided = rows(journeys, W.CASE_DECIDED)
    each = 4 * (1 + (most if probability else 0))
    assert len(decided) > 100
    assert (decided["value"] == each).all()
    counts = held(journeys).groupby(["case", "kind"], observed=True).size()
    assert counts.max() == each // 4
    assert_holds(journeys, world)


def test_without_places_lift_serves_nobody(small):
    world = small.replace({f"{TEAM}.social_workers": always(0), "lift.patience": in_days(90)})
    journeys = run(world, arm="LIFT")
    assert len(rows(journeys, W.LIFT_STARTED)) == 0
    settled = journeys.services.dropna(subset=["settled_days"])
    assert (settled["receipt"] == "waited_too_long").all()
    assert (settled["settled_days"] - settled["asked_days"]).to_numpy() == pytest.approx(90.0)
    # the court has a report all the same
    assert set(journeys.assessments["assessor"]) == {"in_house"}
    assert len(rows(journeys, W.CASE_DECIDED)) > 100
    assert journeys.resources["mean_in_use"].tolist() == [0.0, 0.0, 0.0]


def test_places_in_use_are_never_taken_away():
    """Ten families are served when the team loses all but two places: each is served to the end, nobody new before."""
    series = [{"from": after(0), "value": 10}, {"from": after(60), "value": 2}]
    world = plain_world(
        {
            "simulation.end_date": after(1000),
            f"{BOROUGH}.entries": always(4.4),
            f"{TEAM}.social_workers": series,
            f"{TEAM}.assessment": days(100),
            "lift.patience": in_days(FOR_EVER),
        }
    )
    journeys = run_known_at(world, *([2.5] * 12), arm="LIFT")
    first = 3 + 10 / 24
    started = journeys.services["started_days"].to_numpy()
    assert started[:10] == pytest.approx(first)
    assert started[10:] == pytest.approx(first + 100)
    assert journeys.resources["longest_queue"].tolist() == [2, 0, 0]


def test_a_tiny_court_books_beyond_its_diary():
    """What does not fit before the end of the run is listed for never, and the case stays open."""
    world = plain_world(
        {
            "simulation.end_date": after(400),
            f"{BOROUGH}.entries": always(400),
            f"{COURT}.sitting_days_per_week": always(2.5),
            f"{COURT}.hours_per_sitting_day": 5.0,
            f"{COURT}.urgent_share": 0.4,
        }
    )
    journeys = run(world)
    listed = rows(journeys, W.HEARING_LISTED)
    assert np.isinf(listed["value"]).sum() > 100
    assert journeys.hearings["held_days"].isna().sum() >= np.isinf(listed["value"]).sum()
    assert_holds(journeys, world)
    # three fifths of 12.5 hours a week are for later hearings; a case needs two of an hour
    assert 0 < len(rows(journeys, W.CASE_DECIDED)) < 400 / 7 * 7.5 / 2


def test_in_a_huge_court_nobody_waits_longer_than_a_long_weekend(small):
    journeys = run(small)
    table = journeys.hearings.dropna(subset=["held_days"])
    first = table[table["kind"] == "case_management"]
    wait = (first["held_days"] - first["listed_days"]).to_numpy()
    assert (wait >= 0).all()
    assert (wait <= 5).all()  # from Maundy Thursday to the Tuesday after Easter, the bank holidays of England
    assert (wait <= 3).mean() > 0.95


def test_one_family():
    journeys = run_known_at(plain_world({f"{BOROUGH}.entries": always(0.1)}), 10.0)
    assert len(journeys.families) == len(journeys.children) == 1
    for name in ("placements", "proceedings", "hearings", "services", "assessments", "visits", "queues"):
        assert isinstance(getattr(journeys, name).attrs["units"], dict), name


def test_nobody_at_all():
    journeys = run(plain_world({f"{BOROUGH}.entries": always(0)}))
    assert set(journeys.events["event"]) == {"social_work_places", "psychology_places", "psychiatry_places"}
    for name in (
        "families",
        "children",
        "placements",
        "proceedings",
        "hearings",
        "services",
        "assessments",
        "visits",
        "queues",
    ):
        assert len(getattr(journeys, name)) == 0, name


def test_certain_retention(small):
    visits = run(small).visits
    assert len(visits) > 400
    assert visits["seen"].mean() > 0.999  # log odds of 10 are 1 in 22,000
    none = run(small.replace({f"visits.retention.{v}": -10.0 for v in ("first", "second", "third")})).visits
    assert none["seen"].mean() < 0.001


def test_capacity_in_the_future(short_trial):
    """A team that is to open in 2019: until then its families wait, or give up."""
    world = short_trial.replace(
        staff((dt.date(2000, 1, 1), 0), (dt.date(2019, 7, 1), 10)) | {"lift.patience": in_days(10_000)}
    )
    journeys = run(world)
    opens = (dt.date(2019, 7, 1) - world.simulation.start_date).days
    started = np.concatenate(
        [rows(journeys, event)["time"] for event in (W.LIFT_STARTED, W.OTHER_LIFT_STARTED)]
    )
    assert started.min() == opens
    assert journeys.resources["longest_queue"].max() > 20


def test_without_warm_up_the_system_is_empty(short_trial):
    empty = run(short_trial.replace({"simulation.starts_with": "empty"}))
    none = run(short_trial.replace({"simulation.warm_up": 0}))
    assert empty.record.tobytes() == none.record.tobytes()
    assert empty.start == 0.0
    assert run(short_trial).record["time"][0] < -150


def test_patience_zero_takes_what_is_free(small):
    """Nobody waits: a family has a place at once, or is assessed as usual."""
    journeys = run(
        small.replace({f"{TEAM}.social_workers": always(3), "lift.patience": in_days(0)}), arm="LIFT"
    )
    services = journeys.services.dropna(subset=["settled_days"])
    started = services["started_days"].notna()
    assert (services["started_days"] == services["asked_days"])[started].all()
    assert (services.loc[~started, "receipt"] == "waited_too_long").all()
    assert 20 < started.sum() < len(services) - 20


def test_a_warm_start_is_as_a_long_run(trial):
    """After the warm-up as many children are in care on the first day as a year later, but for chance."""
    world = trial.replace(
        {
            "simulation.warm_up": {"value": 5, "unit": "years"},
            "trial.stops_at_target": False,
        }
    )
    on = {0.0: [], 365.0: []}
    for replicate in range(12):
        p = run(world, replicate=replicate).group_placements
        p = p[p["in_care"]]
        for day, counts in on.items():
            there = (p["start_days"] <= day) & ~(p["end_days"] <= day)
            counts.append(int(there.sum()))
    ratio = np.mean(on[0.0]) / np.mean(on[365.0])
    assert 0.9 < ratio < 1.05, on


def test_a_site_is_simulated_for_so_long_before_it_opens(trial):
    """London opens almost six years after Glasgow; its families, court and team need not be there all that time."""
    world = trial.replace({"simulation.before_opening": {"value": 1, "unit": "years"}})
    whole, late = run(trial), run(world)
    first = {
        name: [j.families.loc[j.families["site"] == name, "entered_days"].min() for j in (whole, late)]
        for name in ("glasgow", "london")
    }
    opens = min((b.opens - whole.start_date).days for b in trial.boroughs.values() if b.site == "london")
    assert first["london"][0] < -600 and opens - 400 < first["london"][1] < opens - 200
    assert first["glasgow"][0] < -600 and -400 < first["glasgow"][1] < -300
    courts = [name for name in whole.names["courts"] if name != "glasgow"]
    assert late.hearings.loc[late.hearings["court"].isin(courts), "listed_days"].min() > opens - 400


def test_families_become_known_for_so_long_after_recruitment(trial):
    world = trial.replace(
        {"trial.target_families": 60, "simulation.after_recruitment": {"value": 100, "unit": "days"}}
    )
    journeys = run(world)
    complete = journeys.families["randomised_days"].max()
    known = journeys.tables["families"]["known_at"]
    there = journeys.tables["families"]["n_children"] > 0
    assert there[known <= complete + 100].all() and not there[known > complete + 100].any()
    assert not there.all() and len(journeys.families) == there.sum()


def test_every_variation_is_different(short_trial, short_run):
    """A variation that changed nothing would test nothing."""
    same = []
    for name, change in VARIATIONS.items():
        journeys = run(short_trial.replace(change))
        if journeys.record.tobytes() == short_run.record.tobytes() and all(
            journeys.tables[t].tobytes() == short_run.tables[t].tobytes() for t in journeys.tables
        ):
            same.append(name)
    assert same == []


def test_waits_in_exponential_courts_of_no_notice_do_not_break_anything():
    world = plain_world(
        {
            "simulation.end_date": after(600),
            f"{BOROUGH}.entries": always(200),
            **{f"proceedings.notice.{kind}": exponential(1.0) for kind in HEARINGS},
            "proceedings.timetable": in_days(0),
            "sau.in_house": days(0),
            f"{TEAM}.assessment": days(0),
        }
    )
    journeys = run(world)
    assert_holds(journeys, world)
    assert journeys.proceedings["weeks"].dropna().max() < 4
