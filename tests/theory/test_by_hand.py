"""One family, every delay constant: each date worked out by hand.

Day 0 is Monday 1 January 2018, so a day d is a Monday where d % 7 is 0; hearings are at ten in the morning, written
TEN here (10/24 of a day). Reports are filed on the next working day, and children moved as planned on the nearest: none
is at a weekend, nor on days 126 and 147, the bank holidays of 7 and 28 May 2018.
"""

from __future__ import annotations

import pytest
from small_worlds import (
    BOROUGH,
    CERTAIN,
    COURT,
    FOR_EVER,
    SITE,
    TEAM,
    after,
    always,
    days,
    in_days,
    plain_world,
    rows,
    run_known_at,
)

from best_sim.pathway import words as W
from best_sim.scenario.durations import MONTH

pytestmark = pytest.mark.theory

TEN = 10.0 / 24.0
NOON = 0.5
WEDNESDAY = 2 + NOON
CIRCLE_OF_SECURITY = W.TREATMENTS.index("circle_of_security")

TIMES = {
    "simulation.end_date": after(1500),
    f"{BOROUGH}.entries": always(0.3),
    "entry.issue_after_order": days(2),
    "proceedings.notice.case_management": days(14),
    "proceedings.notice.issues_resolution": days(9.5),
    "proceedings.notice.final": days(19.5),
    "proceedings.notice.further": days(27.5),
    "proceedings.timetable": in_days(69.5),
    "trial.consent_delay": days(7),
    "trial.randomisation_delay": days(3),
    "sau.in_house": days(65),
    f"{TEAM}.assessment": days(80),
    "lift.meeting": days(10),
    f"{TEAM}.treatment": days(100),
    "placements.planned.home_delay": days(10),
    "placements.planned.guardians_delay": days(12),
    "placements.planned.adoption_match": days(90),
    "placements.planned.adoption_placed": days(30),
    "placements.planned.adoption_order": days(270),
    "placements.planned.long_term_delay": days(40),
    "visits.first": {"value": 1, "unit": "months"},
    "visits.second": {"value": 15, "unit": "months"},
    "visits.third": {"value": 30, "unit": "months"},
}


def order_is(name):
    """The court's decision is as good as certain."""
    others = [
        x
        for x in ("home", "special_guardianship", "child_arrangements", "placement_order", "care_order")
        if x != name
    ]
    return {f"orders.{name}.intercept": CERTAIN, **{f"orders.{x}.intercept": -CERTAIN for x in others}}


def assert_story(journeys, expected):
    got = [
        (float(row["time"]), W.EVENTS[row["event"]].name, float(row["value"]))
        for row in journeys.record
        if row["event"] not in (W.PLAN_MADE, *W.TEAM_PLACES, W.SCREENED)
    ]
    for (day, name, value), (at, event, said) in zip(expected, got, strict=False):
        assert event == name, f"at day {at:.4f}: expected {name} at day {day:.4f}, got {event}"
        assert at == pytest.approx(day, abs=1e-9), f"{name}: expected day {day:.4f}, got {at:.4f}"
        assert said == pytest.approx(value, abs=1e-6), (
            f"{name} at day {day:.4f}: expected {value}, got {said}"
        )
    assert len(got) == len(expected), f"beyond what was expected: {got[len(expected) :]}"


def listed(kind, asked, sits):
    return (asked, f"{W.HEARINGS[kind]}_listed", sits - asked)


def held(kind, sits, result=W.EFFECTIVE):
    return (sits, f"hearing_{W.HEARING_RESULTS[result]}", float(kind))


CMH, IRH, FINAL = W.CASE_MANAGEMENT, W.ISSUES_RESOLUTION, W.FINAL_HEARING
# Enters on Wednesday noon (day 2.5), issued two days later, on Friday noon (4.5). 14 days' notice: Friday noon, day
# 18.5, is after ten, so the case management hearing is on Monday, day 21. Invited there; the answer after 7 days, day
# 28; randomised after 3, day 31.
FIRST = 21 + TEN
RANDOMISED = 31 + TEN
BEGINNING = [
    (2.5, "entered_care", W.BY_ORDER),
    (2.5, "placed_on_entry", W.FOSTER),
    (4.5, "proceedings_issued", 0.0),
    listed(CMH, 4.5, FIRST),
    held(CMH, FIRST),
]


VISITS = [RANDOMISED + months * MONTH for months in (1, 15, 30)]
VISITED = [(at, "visit_made", float(k)) for k, at in enumerate(VISITS)]


def test_services_as_usual_and_home():
    # The court sets its timetable when it is known who reports, on day 31: 69.5 days after case management is a Sunday
    # night, but the assessor, asked on day 31, is due after 65 days, on Saturday, day 96, and so on Monday, day 98. 9.5
    # days' notice: Wednesday night; Thursday, day 108. 19.5 days' notice from there: Tuesday night; Wednesday, day 128.
    # Home after 10 days is on Saturday; the nearest working day is Friday, day 137.
    irh, evidence, final, home = 108 + TEN, 98 + TEN, 128 + TEN, 137 + TEN
    journeys = run_known_at(plain_world({**TIMES, **order_is("home")}), WEDNESDAY, arm="SAU")
    assert_story(
        journeys,
        [
            *BEGINNING,
            (28 + TEN, "consent_answered", W.CONSENTED),
            (RANDOMISED, "randomised", W.SAU),
            (RANDOMISED, "assessor_asked", W.IN_HOUSE),
            (RANDOMISED, "assessment_started", W.IN_HOUSE),
            listed(IRH, RANDOMISED, irh),
            VISITED[0],
            (evidence, "evidence_in", W.IN_HOUSE),
            (evidence, "service_settled", W.RECEIVED),
            held(IRH, irh),
            listed(FINAL, irh, final),
            held(FINAL, final),
            (final, "case_decided", 3.0),
            (final, "order_made", W.SUPERVISION_ORDER),
            (home, "moved_as_planned", W.HOME),
            *VISITED[1:],
        ],
    )
    (child,) = journeys.children.to_dict("records")
    assert child["permanent_days"] == pytest.approx(home)
    assert (child["moves"], child["lives"], child["in_care"]) == (1, "home", False)
    (case,) = journeys.proceedings.to_dict("records")
    assert case["weeks"] == pytest.approx((final - 4.5) / 7)


@pytest.mark.parametrize("arm", ["SAU", "LIFT"])
def test_the_way_home_begins_once_the_evidence_is_in(arm):
    # The report is in on day 98 as usual, on day 121 from LIFT; ten days later the child is with its parents, under
    # the interim order, on day 108, or, since day 131 is a Saturday, on Friday. On the day of the order it leaves care
    # without a move.
    evidence, there, final = (
        (98 + TEN, 108 + TEN, 128 + TEN) if arm == "SAU" else (REPORT, 130 + TEN, LIFT_FINAL)
    )
    changes = {**TIMES, **order_is("home"), "placements.planned.home_first_share": 1.0}
    journeys = run_known_at(plain_world(changes), WEDNESDAY, arm=arm)
    assert [(float(r["time"]), int(r["event"]), int(r["value"])) for r in rows(journeys, W.PLACED)] == [
        (2.5, W.PLACED_ON_ENTRY, W.FOSTER),
        (pytest.approx(there), W.MOVED_AS_PLANNED, W.WITH_PARENTS),
        (pytest.approx(final), W.STAYED_WITH_CARER, W.HOME),
    ]
    plans = [(float(r["time"]), W.PLANS[int(r["value"])]) for r in rows(journeys, W.PLAN_MADE)]
    assert plans == [(pytest.approx(evidence), "to_parents"), (pytest.approx(final), "return_home")]
    (child,) = journeys.children.to_dict("records")
    assert child["permanent_days"] == pytest.approx(final)
    assert (child["moves"], child["order"]) == (1, "supervision_order")


def test_who_is_not_to_go_home_by_the_order_does_not_go_home_before_it():
    changes = {**TIMES, **order_is("care_order"), "placements.planned.home_first_share": 1.0}
    placed = rows(run_known_at(plain_world(changes), WEDNESDAY, arm="SAU"), W.PLACED)["value"]
    assert W.WITH_PARENTS not in placed


def test_where_courts_make_care_orders_at_home_the_child_stays_in_care_with_its_parents():
    # home on day 108, ten days after the evidence, as above; the care order of day 128 is discharged 300 days later
    final = 128 + TEN
    changes = {
        **TIMES,
        **order_is("home"),
        "placements.planned.home_first_share": 1.0,
        "orders.home.intercept": 0.0,
        "orders.care_order.intercept": -CERTAIN / 2,
        f"{COURT}.care_orders_at_home": CERTAIN,
        "placements.planned.home_on_care_order": days(300),
    }
    journeys = run_known_at(plain_world(changes), WEDNESDAY, arm="SAU")
    assert rows(journeys, W.ORDER_MADE)["value"].tolist() == [W.CARE_ORDER]
    placed = rows(journeys, W.PLACED)
    assert placed["value"].tolist() == [W.FOSTER, W.WITH_PARENTS, W.HOME]
    assert placed["time"].tolist() == pytest.approx([2.5, 108 + TEN, final + 300])


# LIFT begins on day 31, and assesses for 80 days; it meets 10 days later, day 121, when its report is due. 9.5 days'
# notice: Friday night, so Monday, day 133. 19.5 days' notice: Saturday night; Monday, day 154.
REPORT, LIFT_IRH, LIFT_FINAL = 121 + TEN, 133 + TEN, 154 + TEN
LIFT_BEGINNING = [
    *BEGINNING,
    (28 + TEN, "consent_answered", W.CONSENTED),
    (RANDOMISED, "randomised", W.LIFT),
    (RANDOMISED, "lift_asked", 0.0),
    (RANDOMISED, "lift_started", 0.0),
    listed(IRH, RANDOMISED, LIFT_IRH),
    VISITED[0],
]


def test_lift_and_adoption():
    # A match 90 days after the order is on Sunday, so on Monday, day 245; placed after 30 more, day 275; adopted after
    # 270 more, on Sunday, so on Monday, day 546.
    journeys = run_known_at(plain_world({**TIMES, **order_is("placement_order")}), WEDNESDAY, arm="LIFT")
    assert_story(
        journeys,
        [
            *LIFT_BEGINNING,
            (REPORT, "lift_assessed", 0.0),
            (REPORT, "service_settled", W.RECEIVED),
            (REPORT, "lift_place_freed", 90.0),
            (REPORT, "lift_recommended", 0.0),
            (REPORT, "evidence_in", W.BY_LIFT),
            held(IRH, LIFT_IRH),
            listed(FINAL, LIFT_IRH, LIFT_FINAL),
            held(FINAL, LIFT_FINAL),
            (LIFT_FINAL, "case_decided", 3.0),
            (LIFT_FINAL, "order_made", W.PLACEMENT_ORDER),
            (275 + TEN, "moved_as_planned", W.PLACED_FOR_ADOPTION),
            VISITED[1],
            (546 + TEN, "stayed_with_carer", W.ADOPTED),
            VISITED[2],
        ],
    )
    plans = [(row["time"], W.PLANS[int(row["value"])]) for row in rows(journeys, W.PLAN_MADE)]
    assert [name for _, name in plans] == ["adoption_match", "adoption_placement", "adoption_order"]
    assert [day for day, _ in plans] == pytest.approx([154 + TEN, 245 + TEN, 275 + TEN])
    (child,) = journeys.children.to_dict("records")
    assert child["permanent_days"] == pytest.approx(275 + TEN)  # the first day with those who adopt


def test_lift_works_with_the_carers_beside_the_proceedings():
    # From the meeting on day 121 for 100 days, past the order on day 154: the carers stay the same for good, which is
    # settled 40 days after it, or rather on Friday, day 193.
    changes = {
        "lift.treats_carers": 1.0,
        "lift.carers_course": days(100),
        "placements.planned.long_term_same_carer": 1.0,
    }
    journeys = run_known_at(
        plain_world({**TIMES, **order_is("care_order"), **changes}), WEDNESDAY, arm="LIFT"
    )
    assert_story(
        journeys,
        [
            *LIFT_BEGINNING,
            (REPORT, "lift_assessed", 0.0),
            (REPORT, "service_settled", W.RECEIVED),
            (REPORT, "lift_place_freed", 90.0),
            (REPORT, "lift_recommended", 0.0),
            (REPORT, "evidence_in", W.BY_LIFT),
            (REPORT, "carers_treatment_started", CIRCLE_OF_SECURITY),
            held(IRH, LIFT_IRH),
            listed(FINAL, LIFT_IRH, LIFT_FINAL),
            held(FINAL, LIFT_FINAL),
            (LIFT_FINAL, "case_decided", 3.0),
            (LIFT_FINAL, "order_made", W.CARE_ORDER),
            (193 + TEN, "stayed_with_carer", W.LONG_TERM_FOSTER),
            (REPORT + 100, "carers_treatment_ended", 1.0),
            *VISITED[1:],
        ],
    )


def test_work_with_carers_ends_as_the_child_leaves_them():
    # The order is made on day 154; 10 days later the child goes home, day 164, from the foster carers.
    changes = {"lift.treats_carers": 1.0, "lift.carers_course": days(100)}
    journeys = run_known_at(plain_world({**TIMES, **order_is("home"), **changes}), WEDNESDAY, arm="LIFT")
    (begun,), (ended,) = (
        rows(journeys, event) for event in (W.CARERS_TREATMENT_STARTED, W.CARERS_TREATMENT_ENDED)
    )
    assert (begun["time"], ended["time"]) == pytest.approx((REPORT, LIFT_FINAL + 10))
    assert ended["value"] == 0.0


def test_lift_treats_with_the_parents_and_reports_then():
    # Treatment is indicated, so it comes first, days 121 to 221, and then the recommendation. The hearing of day 133 is
    # adjourned for it: 27.5 days' notice end on Thursday night; Friday, day 249. The final hearing: Wednesday night;
    # Thursday, day 269. Home ten days later is on Sunday; Monday, day 280.
    again, final, home = 249 + TEN, 269 + TEN, 280 + TEN
    journeys = run_known_at(
        plain_world({**TIMES, **order_is("home"), "lift.treats": 1.0, "advice.intercept": CERTAIN}),
        WEDNESDAY,
        arm="LIFT",
    )
    assert_story(
        journeys,
        [
            *LIFT_BEGINNING,
            (REPORT, "lift_assessed", 1.0),
            (REPORT, "service_settled", W.RECEIVED),
            (REPORT, "lift_place_freed", 90.0),
            (REPORT, "treatment_started", CIRCLE_OF_SECURITY),
            held(IRH, LIFT_IRH, W.ADJOURNED_FOR_EVIDENCE),
            (REPORT + 50, "treatment_reviewed", 0.0),
            (REPORT + 100, "treatment_ended", 1.0),
            (REPORT + 100, "lift_recommended", 1.0),
            (REPORT + 100, "evidence_in", W.BY_LIFT),
            listed(IRH, REPORT + 100, again),
            held(IRH, again),
            listed(FINAL, again, final),
            held(FINAL, final),
            (final, "case_decided", 4.0),
            (final, "order_made", W.SUPERVISION_ORDER),
            (home, "moved_as_planned", W.HOME),
            *VISITED[1:],
        ],
    )


def test_after_an_interim_hearing_the_arm_is_known_at_case_management():
    # Six days' notice after Friday noon: Thursday noon, day 10, is after ten, so Friday, day 11. Invited there,
    # randomised on day 21. Case management, 17.5 days after issue: Monday night; Tuesday, day 22. By then LIFT is
    # known, and done on day 111, a Sunday: it reports on Monday, day 112. 9.5 days' notice: Wednesday night; Thursday,
    # day 122. 19.5 more: Tuesday night; Wednesday, day 142.
    interim, cmh, irh, final = 11 + TEN, 22 + TEN, 122 + TEN, 142 + TEN
    changes = {
        "proceedings.interim.after_order": 1.0,
        "proceedings.interim.newborn": 1.0,
        "proceedings.notice.interim": days(6),
        "proceedings.notice.case_management": days(17.5),
        f"{TEAM}.assessment": days(80),
    }
    journeys = run_known_at(
        plain_world(
            {**TIMES, **order_is("special_guardianship"), "population.kin_available_share": 1.0, **changes}
        ),
        WEDNESDAY,
        arm="LIFT",
    )
    assessed, report = 111 + TEN, 112 + TEN
    assert_story(
        journeys,
        [
            *BEGINNING[:3],
            listed(W.INTERIM_HEARING, 4.5, interim),
            held(W.INTERIM_HEARING, interim),
            listed(CMH, interim, cmh),
            (18 + TEN, "consent_answered", W.CONSENTED),
            (21 + TEN, "randomised", W.LIFT),
            (21 + TEN, "lift_asked", 0.0),
            (21 + TEN, "lift_started", 0.0),
            held(CMH, cmh),
            listed(IRH, cmh, irh),
            (21 + TEN + MONTH, "visit_made", 0.0),
            (assessed, "lift_assessed", 0.0),
            (assessed, "service_settled", W.RECEIVED),
            (assessed, "lift_place_freed", 90.0),
            (report, "lift_recommended", 0.0),
            (report, "evidence_in", W.BY_LIFT),
            held(IRH, irh),
            listed(FINAL, irh, final),
            held(FINAL, final),
            (final, "case_decided", 4.0),
            (final, "order_made", W.GUARDIANSHIP_ORDER),
            (final + 12, "moved_as_planned", W.SPECIAL_GUARDIANSHIP),
            (21 + TEN + 15 * MONTH, "visit_made", 1.0),
            (21 + TEN + 30 * MONTH, "visit_made", 2.0),
        ],
    )


def test_the_court_loses_patience_with_a_report_that_does_not_come():
    # The report would be due on day 431, 150 days after issue is day 154, noon and a half: timetabled for that. 9.5
    # days' notice: Thursday, day 164, midnight: heard at ten, on what there is. The final hearing: Tuesday night;
    # Wednesday, day 184. The assessor leaves. Home ten days later is on Saturday; Friday, day 193.
    irh, final = 164 + TEN, 184 + TEN
    changes = {"sau.in_house": days(400), "proceedings.evidence_patience": in_days(150)}
    journeys = run_known_at(plain_world({**TIMES, **order_is("home"), **changes}), WEDNESDAY, arm="SAU")
    got = [
        (W.EVENTS[row["event"]].name, float(row["time"]))
        for row in journeys.record
        if row["time"] > RANDOMISED + 35
    ]
    expected = [
        ("hearing_effective", irh),
        ("final_listed", irh),
        ("hearing_effective", final),
        ("case_decided", final),
        ("order_made", final),
        ("plan_made", final),
        ("assessment_left", final),
        ("service_settled", final),
        ("moved_as_planned", 193 + TEN),
        ("visit_made", VISITS[1]),
        ("visit_made", VISITS[2]),
    ]
    assert sorted(name for name, _ in got) == sorted(name for name, _ in expected)
    assert sorted(at for _, at in got) == pytest.approx(sorted(at for _, at in expected))
    assert journeys.families["receipt"].tolist() == ["order_made_first"]


def test_proceedings_first_and_care_later():
    # Issued on day 2 at noon; 14 days' notice: Wednesday noon, so Thursday, day 17; the assessment is directed there,
    # though the child is at home. Removal is needed 40 days after issue, on Monday, day 42, at noon, and ordered at an
    # interim hearing on the next day, before the hearing that is timetabled; the family is invited then.
    changes = {
        "entry.route": {"voluntary": 0.0, "emergency_or_interim": 0.0, "during_proceedings": 1.0},
        "entry.entry_after_issue": days(40),
        "population.under_one_share_of_youngest": always(0.0),
    }
    journeys = run_known_at(plain_world({**TIMES, **order_is("home"), **changes}), WEDNESDAY, arm="SAU")
    (family,) = journeys.families.to_dict("records")
    assert family["entered_days"] == pytest.approx(43 + TEN)
    assert family["invited_days"] == pytest.approx(43 + TEN)
    assert family["randomised_days"] == pytest.approx(53 + TEN)
    assert journeys.assessments["asked_days"].tolist() == pytest.approx([17 + TEN])
    first, removal = (
        journeys.hearings[journeys.hearings["kind"] == k].iloc[0] for k in ("case_management", "interim")
    )
    assert first["held_days"] == pytest.approx(17 + TEN)
    assert (removal["listed_days"], removal["held_days"]) == pytest.approx((42.5, 43 + TEN))
    assert journeys.proceedings["issued_days"].tolist() == [2.5]


def test_proceedings_are_not_issued_before_a_child_is_born():
    # removal would be needed 40 days after issue, but the child is younger than that: it is asked for at issue, and
    # ordered at an interim hearing on the next day, Thursday, day 3; the child was born by then, and no later than
    # issue
    changes = {
        "entry.route": {"voluntary": 0.0, "emergency_or_interim": 0.0, "during_proceedings": 1.0},
        "entry.entry_after_issue": days(40),
        "population.under_one_share_of_youngest": always(1.0),
        "population.newborn_share_of_under_one": 1.0,
    }
    journeys = run_known_at(plain_world({**TIMES, **changes}), WEDNESDAY)
    (child,) = journeys.children.to_dict("records")
    assert child["entry_age_days"] < 8.0
    assert child["entered_days"] == pytest.approx(3 + TEN)
    assert child["born_days"] <= 2.5 + 1e-9
    assert journeys.proceedings["issued_days"].tolist() == [2.5]


def test_a_voluntary_stay_ends_at_home():
    changes = {
        "entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0},
        "entry.voluntary_never_in_proceedings": 1.0,
        "entry.voluntary_stay": days(70),
    }
    journeys = run_known_at(plain_world({**TIMES, **changes}), WEDNESDAY)
    assert [(row["time"], row["event"], row["value"]) for row in rows(journeys, W.PLACED)] == [
        (2.5, W.PLACED_ON_ENTRY, W.FOSTER),
        (72.5, W.MOVED_AS_PLANNED, W.HOME),
    ]
    assert journeys.families["screening"].tolist() == ["not_in_proceedings"]


def test_two_families_take_turns_where_lift_has_one_place():
    # Both are randomised on day 31. The first has the place for 90 days; the second waits for it until day 121.
    journeys = run_known_at(
        plain_world({**TIMES, f"{TEAM}.social_workers": always(1)}), WEDNESDAY, WEDNESDAY, arm="LIFT"
    )
    services = journeys.services
    assert services["started_days"].tolist() == pytest.approx([RANDOMISED, 121 + TEN])
    assert services["assessed_days"].tolist() == pytest.approx([121 + TEN, 211 + TEN])
    team = journeys.resources.set_index("resource").loc["lift.glasgow.social_workers"]
    assert team["mean_waiting"] * 1500 == pytest.approx(90)
    assert team["mean_in_use"] * 1500 == pytest.approx(180)


def test_the_youngest_goes_first_only_where_it_is_said():
    # five families ask at once; the first of them has the one place, the others wait by age or by turn
    ages, turns = {}, {}
    for priority in ("first come", "youngest first"):
        world = plain_world({**TIMES, f"{TEAM}.social_workers": always(1), "lift.priority": priority})
        journeys = run_known_at(world, 2.5, 2.5, 2.5, 2.5, 2.5, arm="LIFT")
        started = journeys.services["started_days"].to_numpy()
        turns[priority] = started.argsort().tolist()
        ages[priority] = journeys.families["youngest_age_days"].to_numpy()
    assert turns["first come"] == [0, 1, 2, 3, 4]
    by_age = [0, *(1 + ages["youngest first"][1:].argsort())]
    assert turns["youngest first"] == by_age
    assert by_age != [0, 1, 2, 3, 4]


def test_who_gives_up_waiting_is_assessed_as_usual():
    # The second waits 50 days, until day 81, and then has an assessor of its own for 65: Sunday, and the
    # Monday after is a bank holiday; Tuesday, day 148.
    world = plain_world({**TIMES, f"{TEAM}.social_workers": always(1), "lift.patience": in_days(50)})
    journeys = run_known_at(world, WEDNESDAY, WEDNESDAY, arm="LIFT")
    assert journeys.services["receipt"].tolist() == ["received", "waited_too_long"]
    assert journeys.services["settled_days"].tolist() == pytest.approx([121 + TEN, 81 + TEN])
    usual = journeys.assessments.set_index("assessor").loc["in_house"]
    assert (usual["asked_days"], usual["in_days"]) == pytest.approx((81 + TEN, 148 + TEN))


def test_a_refused_and_an_unasked_family_are_not_randomised():
    for change, consent, screening in (
        ({f"{SITE}.consent": 0.0}, "declined", "invited"),
        ({f"{SITE}.other_exclusion": 1.0}, "undecided", "other_reason"),
        ({f"{SITE}.recruiting": always(0)}, "undecided", "not_screened"),
    ):
        (family,) = run_known_at(plain_world({**TIMES, **change}), WEDNESDAY).families.to_dict("records")
        assert (family["consent"], family["screening"], family["arm"]) == (
            consent,
            screening,
            "not allocated",
        )


@pytest.mark.parametrize(("places", "days_waited"), [(0, None), (1, 0.0)])
def test_places_that_come_later_are_waited_for(places, days_waited):
    # no place before day 100; then one
    series = [{"from": after(0), "value": places}, {"from": after(100), "value": 1}]
    world = plain_world({**TIMES, f"{TEAM}.social_workers": series, "lift.patience": in_days(FOR_EVER)})
    (service,) = run_known_at(world, WEDNESDAY, arm="LIFT").services.to_dict("records")
    waited = service["started_days"] - service["asked_days"]
    assert waited == pytest.approx(100 - RANDOMISED if days_waited is None else days_waited)
