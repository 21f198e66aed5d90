"""What a court's practitioner would look for first, over thousands of children of every shipped scenario.

Each rule has its source: the Public Law Outline (Practice Direction 12A), the Children Act 1989, or a published figure.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from small_worlds import after, always, are_working_days, days, in_days, plain_world, rows, run, run_known_at

from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.scenario import Scenario, shipped_names
from best_sim.scenario.bank_holidays import bank_holidays, easter

WEEK = 7.0
NAMES = [name for name in shipped_names() if name not in ("base", "england")]


@pytest.fixture(scope="module", params=[*NAMES, "england"])
def lived(request):
    """A scenario and one replicate of it; England for two years."""
    name = request.param
    short = ["simulation.end_date=2016-03-31"] if name == "england" else []
    scenario = of_english_law(Scenario.load(name, short))
    if scenario is None:
        pytest.skip("its courts are Scottish: test_practice_scotland.py")
    journeys = simulate(scenario, seed=11, replicate=2)
    if not len(journeys.children):
        pytest.skip("nobody lives in it")
    return scenario, journeys


def of_english_law(scenario):
    """The scenario with nobody in the boroughs of Scottish courts; none where there are no others."""
    law = {name: scenario.courts[b.court].jurisdiction for name, b in scenario.boroughs.items()}
    scottish = [name for name, where in law.items() if where == "Scotland"]
    if law and len(scottish) == len(law):
        return None
    return scenario.replace({f"boroughs.{name}.entries": always(0) for name in scottish})


def of_england(scenario, journeys, table):
    """Rows of a table of cases or hearings that courts of England and Wales deal with."""
    english = [n for n, court in scenario.courts.items() if court.jurisdiction == "England and Wales"]
    return table[table["court"].isin(english)]


# --- days ---------------------------------------------------------------------------------------------------
def test_no_hearing_at_a_weekend_or_on_a_bank_holiday(lived):
    """Courts do not sit then (Banking and Financial Dealings Act 1971)."""
    scenario, journeys = lived
    table = journeys.hearings
    for name, court in scenario.courts.items():
        mine = table[table["court"] == name]
        sits = np.concatenate([mine["held_days"].dropna(), _first_days(journeys, name)])
        dates = [journeys.date(day) for day in np.unique(np.floor(sits))]
        assert all(day.weekday() < 5 for day in dates)
        assert not any(day in bank_holidays(court.jurisdiction, day.year) for day in dates)


ON_WORKING_DAYS = {
    "case": (W.PROCEEDINGS_ISSUED, W.EVIDENCE_IN, W.CASE_DECIDED),
    "group": (
        W.ORDER_MADE, W.DIRECTION_SET, W.PERMANENCE_PANEL, W.AGENCY_DECISION, W.PETITION_LODGED, W.MOVED_AS_PLANNED,
        W.STAYED_WITH_CARER,
    ),
    "family": (W.LIFT_RECOMMENDED,),
}  # fmt: skip


@pytest.mark.parametrize("name", [*NAMES, "england"])
def test_what_courts_authorities_and_services_do_is_done_on_working_days(name):
    """Issue, reports, orders, the agency's decision and planned moves; the rest of life goes on at weekends too.

    Parents may end a voluntary stay on any day (Children Act 1989, section 20(8)).
    """
    short = ["simulation.end_date=2016-03-31"] if name == "england" else []
    journeys = simulate(Scenario.load(name, short), seed=11, replicate=2)
    if not len(journeys.children):
        return
    tables = journeys.tables
    by_agreement = rows(journeys, W.PLAN_MADE)
    by_agreement = np.unique(by_agreement["subject"][by_agreement["value"] == W.VOLUNTARY_RETURN])
    for subject, events in ON_WORKING_DAYS.items():
        done = rows(journeys, events)
        home = np.isin(done["event"], W.PLACED) & (done["value"] == W.HOME)
        done = done[~(home & np.isin(done["subject"], by_agreement) & (subject == "group"))]
        family = done["subject"] if subject == "family" else tables[f"{subject}s"]["family"][done["subject"]]
        law = np.asarray(journeys.names["jurisdictions"])[tables["families"]["court"][family]]
        assert len(done) > 500 or subject == "family"
        for jurisdiction in np.unique(law):
            wrong = ~are_working_days(journeys, done["time"], jurisdiction) & (law == jurisdiction)
            names = {W.EVENTS[event].name for event in done["event"][wrong]}
            assert not names, f"under the law of {jurisdiction}"
    # two days of seven, and more with bank holidays
    for anyday in (W.MOVED_UNPLANNED, W.PLACED_ON_RE_ENTRY):
        when = rows(journeys, anyday)["time"]
        assert (
            len(when) < 200 or 0.2 < 1.0 - are_working_days(journeys, when, "England and Wales").mean() < 0.4
        )


def _first_days(journeys, court):
    listed = rows(journeys, W.HEARING_LISTED)
    of = journeys.tables["families"]["court"][journeys.tables["cases"]["family"][listed["subject"]]]
    mine = listed[of == journeys.names["courts"].index(court)]
    at = mine["time"] + mine["value"]
    return at[np.isfinite(at)]


def test_bank_holidays_are_those_that_were_kept():
    """Against https://www.gov.uk/bank-holidays, of years with something out of the ordinary."""
    assert [easter(year) for year in (2011, 2018, 2024, 2035)] == [
        dt.date(2011, 4, 24), dt.date(2018, 4, 1), dt.date(2024, 3, 31), dt.date(2035, 3, 25),
    ]  # fmt: skip
    kept = {
        ("England and Wales", 2011): "01-03 04-22 04-25 04-29 05-02 05-30 08-29 12-26 12-27",
        ("England and Wales", 2012): "01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26",
        ("England and Wales", 2020): "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",
        ("England and Wales", 2022): "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
        ("England and Wales", 2023): "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
        ("Scotland", 2016): "01-01 01-04 03-25 05-02 05-30 08-01 11-30 12-26 12-27",
        ("Scotland", 2022): "01-03 01-04 04-15 05-02 06-02 06-03 08-01 09-19 11-30 12-26 12-27",
    }
    for (where, year), expected in kept.items():
        got = " ".join(day.strftime("%m-%d") for day in sorted(bank_holidays(where, year)))
        assert got == expected, f"{where} {year}"
    for year in range(2009, 2036):
        assert {8, 9, 10} >= {len(bank_holidays("England and Wales", year))}
        assert all(day.weekday() < 5 for day in bank_holidays("Scotland", year))
    with pytest.raises(ValueError, match="Wales"):
        bank_holidays("Wales", 2020)


def test_the_first_case_management_hearing_is_on_day_12_to_18_also_in_busy_years(lived):
    """PD 12A: not before day 12 and not after day 18; where Easter or Christmas lies in between, as soon as may be."""
    scenario, journeys = lived
    h = of_england(scenario, journeys, journeys.hearings)
    first = h[(h["kind"] == "case_management")].drop_duplicates("case")
    issued = journeys.proceedings[journeys.proceedings["again"] == 0].set_index("case")["issued_days"]
    first = first[first["case"].isin(issued.index) & (first["case"] < len(journeys.tables["families"]))]
    if not len(first):
        return
    after_issue = first["held_days"].to_numpy() - issued.loc[first["case"]].to_numpy()
    after_issue = after_issue[~np.isnan(after_issue)]
    assert len(after_issue) > 150
    assert np.median(after_issue) == pytest.approx(15.0, abs=1.5)
    assert np.mean((after_issue >= 11.5) & (after_issue <= 19.0)) > 0.93
    year = np.array([journeys.date(day).year for day in first["held_days"].dropna()])
    for one in np.unique(year):
        of_year = after_issue[year == one]
        assert len(of_year) < 20 or 13.0 <= np.median(of_year) <= 17.0, one


def test_newborns_are_heard_within_days(lived):
    """Over 80 % of newborns' cases within seven days of issue (Born into Care, England 2019/20)."""
    scenario, journeys = lived
    p = of_england(scenario, journeys, journeys.proceedings)
    p = p[(p["again"] == 0) & (p["issued_days"] < journeys.end - 30)]
    f = journeys.tables["families"][p["family"].to_numpy(int)]
    newborn = (f["youngest_days"] + p["issued_days"].to_numpy() - f["entered"] < 14) & np.isfinite(
        f["entered"]
    )
    if newborn.sum() < 50:
        return
    held = journeys.hearings.groupby("case")["held_days"].min()
    wait = held.reindex(p["case"]).to_numpy() - p["issued_days"].to_numpy()
    assert np.mean(wait[newborn] < 8.0) > 0.75


def test_children_under_an_emergency_order_are_heard_before_it_ends(lived):
    """It lasts eight days, extended once by seven at most (Children Act 1989, section 45): fifteen."""
    scenario, journeys = lived
    p = of_england(scenario, journeys, journeys.proceedings)
    p = p[(p["again"] == 0) & (p["issued_days"] < journeys.end - 30)]
    f = journeys.tables["families"][p["family"].to_numpy(int)]
    by_order = f["route"] == W.BY_ORDER
    held = journeys.hearings.groupby("case")["held_days"].min()
    wait = (held.reindex(p["case"]).to_numpy() - f["entered"])[by_order]
    assert by_order.sum() > 5
    assert np.mean(wait < 16.0) > 0.99  # a court that sits once a week may need a day more


# --- what comes before what ----------------------------------------------------------------------------------
def test_no_hearing_or_order_before_issue(lived):
    """An interim care order is made in proceedings, so after they are issued (Children Act 1989, section 38)."""
    _, journeys = lived
    p = journeys.proceedings
    h = journeys.hearings.merge(p.groupby("case")["issued_days"].min(), on="case")
    assert (h["listed_days"] >= h["issued_days"]).all()
    issued = {}
    for row in journeys.record[np.isin(journeys.record["event"], [W.PROCEEDINGS_ISSUED, W.ORDER_MADE])]:
        if row["event"] == W.PROCEEDINGS_ISSUED:
            issued[int(row["subject"])] = True
        else:
            cases = (int(row["subject"]) // 3, len(journeys.tables["families"]) + int(row["subject"]))
            assert any(case in issued for case in cases)


def test_a_child_is_removed_during_proceedings_at_a_hearing_or_in_an_emergency(lived):
    """A court orders it at a hearing (section 38), or as an emergency (section 44); nobody else can."""
    scenario, journeys = lived
    entered = rows(journeys, W.ENTERED_CARE)
    during = entered[entered["value"] == W.DURING_PROCEEDINGS]
    if len(during) < 30:
        return
    held = rows(journeys, W.HEARING_HELD)
    on_a_hearing = np.isin(during["subject"] + 1j * during["time"], held["subject"] + 1j * held["time"])
    due = journeys.tables["families"]["removal_due"][during["subject"]]
    assert (on_a_hearing | np.isclose(due, during["time"])).all()
    share = scenario.proceedings.removal.by_emergency_order
    assert 0.0 < 1.0 - on_a_hearing.mean() < share + 0.05
    late = (during["time"] - due)[during["time"] > due]
    assert np.median(late) < 8.0


def test_assessment_is_directed_at_case_management_wherever_the_child_lives(lived):
    """The court directs evidence at case management (PD 12A); families in the trial, once it is known who reports."""
    _, journeys = lived
    asked = rows(journeys, W.ASSESSOR_ASKED)
    effective = rows(journeys, W.HEARING_EFFECTIVE)
    managed = effective[effective["value"] == W.CASE_MANAGEMENT]
    first = pd.Series(managed["time"]).groupby(managed["subject"]).min()
    assert (first.reindex(asked["subject"]).to_numpy() <= asked["time"]).all()
    # outside the trial, on the very day
    f = journeys.tables["families"]
    n = len(f)
    once = asked[asked["subject"] < n]
    outside = f["screening"][once["subject"]] != W.INVITED
    assert (first.loc[once["subject"][outside]].to_numpy() == once["time"][outside]).all()
    at_home = f["entered"][once["subject"]] > once["time"]
    assert at_home.any() or not (f["route"] == W.DURING_PROCEEDINGS).any()


def test_the_hearing_that_needs_the_report_is_timetabled_for_when_it_is_due(lived):
    """So it is seldom adjourned for evidence: only where a report comes later than was expected."""
    _, journeys = lived
    h = journeys.hearings
    first = h[(h["kind"] == "issues_resolution")].drop_duplicates("case")
    f = journeys.tables["families"][first["family"].to_numpy(int)]
    usual = f["arm"] != W.LIFT
    assert (first["result"].to_numpy()[usual] == "adjourned_for_evidence").mean() < 0.01


# --- closed forms ---------------------------------------------------------------------------------------------
def test_a_case_that_needs_twice_as_much_takes_twice_as_long_for_its_evidence():
    worlds = {
        content: plain_world({"proceedings.content": always(content), "proceedings.timetable": in_days(0)})
        for content in (1.0, 2.0)
    }
    for content, world in worlds.items():
        (one,) = _assessments(world)
        assert one == pytest.approx(60.0 * content)


def _assessments(world):
    world = world.replace({"boroughs.glasgow.entries": always(0.3), "simulation.end_date": after(1500)})
    table = run_known_at(world, 2.5, arm="SAU").assessments
    return (table["in_days"] - table["started_days"]).tolist()


def test_a_contested_final_hearing_takes_consecutive_sitting_days():
    """Thirty-two hours of ten a day: four sitting days, from Monday to Thursday; the order is on the last."""
    world = plain_world(
        {
            "boroughs.glasgow.entries": always(0.3),
            "simulation.end_date": after(1500),
            "proceedings.hours.final": 32.0,
            "proceedings.timetable": in_days(70),
            "sau.in_house": days(1),
            "proceedings.notice.final": days(2.9),
        }
    )
    journeys = run_known_at(world, 2.5, arm="SAU")
    # issue on Wednesday; case management on Thursday, day 3; seventy days later Thursday, day 73; Sunday; Monday, day
    # 77
    listed, held = (rows(journeys, e) for e in (W.FINAL_LISTED, W.HEARING_EFFECTIVE))
    begins, ends = float(listed["time"][0] + listed["value"][0]), float(held["time"][-1])
    assert np.floor([begins, ends]).tolist() == [77.0, 80.0]
    assert journeys.proceedings["decided_days"].tolist() == [pytest.approx(ends)]


@pytest.mark.parametrize("outside", [0, 1])
def test_a_case_is_pulled_to_the_limit_unless_the_court_allowed_it_more(outside):
    from types import SimpleNamespace as Record

    from best_sim.pathway.rules.court import end_of_patience, pulled_to_limit

    pull = Record(strength=1.0, reach=100.0, spread=0.0, least_notice=10.0, lets_go=50.0)
    world = Record(
        now=100.0,
        seed=1,
        replicate=0,
        proceedings=Record(
            pull=pull, limit=182.0, evidence_patience=300.0, evidence_patience_outside_limit=500.0
        ),
    )
    case = Record(issued=0.0, outside_limit=outside, again=0, hearings=3, stream=1, number=1)
    court = Record(lead=0.0)
    for earliest, pulled in (
        (212.0, 212.0 - 0.7 * 30.0),
        (152.0, 152.0 + 0.7 * 30.0),
        (300.0, 300.0),
        (182.0, 182.0),
    ):
        expected = earliest if outside else pulled
        assert pulled_to_limit(world, case, court, earliest) == pytest.approx(expected)
    court.lead = 25.0
    assert pulled_to_limit(world, case, court, 212.0) == pytest.approx(
        212.0 if outside else 212.0 - 0.35 * 30.0
    )
    court.lead = 60.0
    assert pulled_to_limit(world, case, court, 212.0) == pytest.approx(212.0)
    assert end_of_patience(world, case) == (500.0 if outside else 300.0)


def test_what_a_hearing_was_adjourned_for_is_brought_up_to_date_by_the_next():
    """What is known grows old by the week: after months a hearing fails, the next by the days since then alone."""
    changes = {
        "simulation.end_date": after(2000),
        "boroughs.glasgow.entries": always(300),
        "proceedings.timetable": in_days(210),
        "proceedings.adjournment.grows_from": in_days(0),
        "proceedings.adjournment.growth": 1.0,
        "proceedings.notice.further": days(4),
    }
    h = run(plain_world(changes), arm="SAU").hearings
    h = h[h["kind"] == "issues_resolution"].dropna(subset=["held_days"]).sort_values(["case", "held_days"])
    times, adjourned = h.groupby("case").cumcount().to_numpy(), (h["result"] == "adjourned").to_numpy()
    assert adjourned[times == 0].mean() > 0.999
    since = h.groupby("case")["held_days"].diff().to_numpy()
    p = 1.0 - np.exp(-since[times == 1] / 7.0)
    assert len(p) > 500 and 0.3 < p.mean() < 0.7
    assert adjourned[times == 1].mean() == pytest.approx(
        p.mean(), abs=4.0 * np.sqrt((p * (1 - p)).sum()) / len(p)
    )


def test_the_agency_decides_on_adoption_between_the_evidence_and_the_order(lived):
    """The authority applies for a placement order once it is satisfied (Adoption and Children Act 2002, s. 22)."""
    _, journeys = lived
    made = rows(journeys, W.ORDER_MADE)
    made = made[made["value"] == W.PLACEMENT_ORDER]
    g = journeys.tables["groups"][made["subject"]]
    first = (g["re_entries"] == 0) & (g["ordered_at"] == made["time"])
    made, g = made[first], g[first]
    evidence = journeys.tables["cases"]["evidence_in"][g["family"]]
    assert len(g) > 5
    assert ((evidence <= g["approved_at"]) & (g["approved_at"] <= made["time"])).all()
    assert (g["approved_at"] < made["time"]).mean() > 0.5
    assert are_working_days(journeys, g["approved_at"], "England and Wales").all()


def test_a_court_under_strain_gives_way():
    """Half as much again is asked for as the court sits; with a stretch of 5 % a week its wait stops near ten weeks."""
    span, hours = 2000, 100.0
    changes = {
        "simulation.end_date": after(span),
        "boroughs.glasgow.entries": always(20),
        "courts.glasgow.sitting_days_per_week": always(hours / 10.0),
        "courts.glasgow.urgent_share": 0.1,
        "courts.glasgow.other_cases": always(1.5 * 0.9 * hours * 50.9 / 52.18),  # about nine bank holidays
        "courts.glasgow.other_cases_variation": 0.0,
        "courts.glasgow.other_cases_notice": days(0),
    }
    waits = {}
    for stretch in (0.0, 0.05):
        journeys = run(plain_world({**changes, "proceedings.stretch": stretch}))
        waits[stretch] = float(journeys.tables["families"]["known_at"].size and _lead(journeys))
    assert waits[0.05] == pytest.approx(10.0 * WEEK, rel=0.12)
    assert waits[0.0] > 3.0 * waits[0.05]


def _lead(journeys):
    """Mean wait, beyond what was asked for, of hearings of the last third of a run that have no notice."""
    listed = rows(journeys, W.FINAL_LISTED)
    late = listed[(listed["time"] > journeys.end / 3.0) & (listed["time"] < journeys.end / 2.0)]
    return np.minimum(late["value"], journeys.end - late["time"]).mean()
