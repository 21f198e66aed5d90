"""What Scots law and practice say, over thousands of children of Glasgow; and one child's timetable by hand.

Sources, where a test names none other: Children's Hearings (Scotland) Act 2011; Adoption and Children (Scotland) Act
2007; practice directions of the Scottish Children's Reporter Administration (SCRA).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pytest
from small_worlds import (
    COURT,
    MONDAY,
    SITE,
    after,
    always,
    days,
    in_days,
    plain_world,
    rows,
    run,
    run_known_at,
)

from best_sim.pathway import simulate
from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario import Scenario
from best_sim.scenario.bank_holidays import bank_holidays
from best_sim.scenario.durations import MONTH, YEAR

TEN = 10.0 / 24.0
REPLICATES = range(4)


@dataclass
class Case:
    """What is recorded of one case: times and values, by event."""

    events: dict[int, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def times(self, event: int, value: float | None = None) -> list[float]:
        return [time for time, said in self.events[event] if value is None or said == value]


@pytest.fixture(scope="module")
def runs() -> list[Journeys]:
    return [run(Scenario.load("glasgow"), seed=2026, replicate=k) for k in REPLICATES]


@pytest.fixture(scope="module")
def cases(runs) -> list[tuple[Journeys, dict[int, Case]]]:
    out = []
    for j in runs:
        by: dict[int, Case] = defaultdict(Case)
        of_case = [n for n, event in enumerate(W.EVENTS) if event.subject == "case"]
        for row in j.record[np.isin(j.record["event"], of_case)]:
            by[int(row["subject"])].events[int(row["event"])].append(
                (float(row["time"]), float(row["value"]))
            )
        out.append((j, by))
    return out


def is_first(j: Journeys, case: int) -> bool:
    """Whether a case is a family's first time in care, not a group's later one, of which there may be several."""
    return case < len(j.tables["families"])


def working_days_between(j: Journeys, since: float, until: float) -> int:
    holidays = [d for year in range(2009, 2026) for d in bank_holidays("Scotland", year)]
    return int(np.busday_count(j.date(since), j.date(until), holidays=holidays))


def test_there_are_thousands_of_children(runs):
    assert sum(len(j.lived) for j in runs) > 5_000


# --- which law ----------------------------------------------------------------------------------------------
def test_no_order_of_english_law_is_made_and_no_care_proceedings_are_issued(runs):
    """They are made under the Children Act 1989 and the Adoption and Children Act 2002, which stop at the border."""
    for j in runs:
        assert set(rows(j, W.ORDER_MADE)["value"].astype(int)) == set(
            range(W.FIRST_SCOTTISH_ORDER, len(W.ORDERS))
        )
        assert len(rows(j, (W.PROCEEDINGS_ISSUED, W.CASE_DECIDED, *W.HEARING_HELD, *W.HEARING_LISTED))) == 0
        assert j.proceedings.empty and j.hearings.empty


def test_in_the_trial_each_site_has_its_own_law(trial_run):
    law = np.asarray(trial_run.names["jurisdictions"], object)[trial_run.tables["families"]["court"]]
    orders = rows(trial_run, W.ORDER_MADE)
    scottish = orders["value"] >= W.FIRST_SCOTTISH_ORDER
    assert scottish.any() and not scottish.all()
    assert ((law[orders["subject"] // LARGEST_FAMILY] == "Scotland") == scottish).all()


# --- hearings -----------------------------------------------------------------------------------------------
def test_a_hearing_that_takes_children_into_care_does_not_discharge_their_referral(cases):
    """Who is placed away from home by order of a hearing is under its order (ss.91, 92)."""
    taken = 0
    for j, by in cases:
        f = j.tables["families"]
        for case in np.flatnonzero(f["route"] == W.DURING_PROCEEDINGS):
            if is_first(j, case) and case in by and np.isfinite(f["entered"][case]):
                discharged = by[case].times(W.REFERRAL_DISCHARGED)
                assert not [t for t in discharged if t <= f["entered"][case]]
                taken += 1
    assert taken > 50


def test_hearings_and_reviews_are_on_working_days(runs):
    """Panels of lay members sit, and authorities' offices are open, on working days."""
    scottish = {d for year in range(2009, 2026) for d in bank_holidays("Scotland", year)}
    for j in runs:
        held = rows(
            j, (W.CHILDRENS_HEARING_HELD, W.LOOKED_AFTER_REVIEW, W.PERMANENCE_PANEL, W.PETITION_LODGED)
        )
        on = {j.date(time) for time in held["time"]}
        assert not any(day.weekday() >= 5 for day in on)
        assert not on & scottish
        heard = {j.date(time) for time in rows(j, W.CHILDRENS_HEARING_HELD)["time"]}
        assert len(heard) > 1_000


def test_after_a_child_protection_order_a_hearing_sits_on_the_second_working_day(cases):
    """2011 Act, s. 46: the second working day after the order."""
    n = 0
    for j, by in cases:
        for case in by.values():
            for made in case.times(W.CHILD_PROTECTION_ORDER_MADE):
                first = [t for t in case.times(W.CHILDRENS_HEARING_HELD) if t > made][:1]
                if first:
                    assert working_days_between(j, made + 1, first[0] + 1) == 2
                    n += 1
    assert n > 500


def test_after_a_child_protection_order_the_grounds_hearing_sits_by_the_eighth_working_day(cases):
    """2011 Act, ss. 52 and 54: the order ends when the grounds hearing begins, by the eighth working day."""
    n = 0
    for j, by in cases:
        for case in by.values():
            for made in case.times(W.CHILD_PROTECTION_ORDER_MADE):
                grounds = case.times(W.CHILDRENS_HEARING_HELD, W.GROUNDS)[:1]
                if grounds:
                    assert working_days_between(j, made + 1, grounds[0] + 1) <= 8
                    n += 1
    assert n > 500


def test_a_proof_is_lodged_within_7_days_and_first_heard_within_28(cases):
    """SCRA Practice Direction 23: lodged within 7 days of the grounds hearing, first heard within 28 of lodging."""
    n = 0
    for _, by in cases:
        for case in by.values():
            for sent in case.times(W.GROUNDS_SENT_TO_PROOF):
                lodged = [t for t in case.times(W.PROOF_LODGED) if t >= sent][:1]
                if lodged:
                    assert lodged[0] - sent <= 7.0
                    heard = [t for t in case.times(W.SHERIFF_HEARING_HELD, W.PROOF) if t >= lodged[0]][:1]
                    if heard:
                        assert heard[0] - lodged[0] <= 28.0 + 1e-6
                        n += 1
    assert n > 1_000


def test_an_interim_order_lasts_22_days_at_most_and_hearings_renew_it_for_66(cases):
    """SCRA Practice Direction 19; 2011 Act, ss. 96-99: while a proof is pending, then by the sheriff alone."""
    n = by_sheriff = 0
    for _, by in cases:
        for case in by.values():
            sent = case.times(W.GROUNDS_SENT_TO_PROOF)
            orders = sorted(
                [(t, v, "hearing") for t, v in case.events[W.INTERIM_ORDER_MADE]]
                + [(t, v, "sheriff") for t, v in case.events[W.INTERIM_ORDER_EXTENDED]]
            )
            assert all(value <= 22.0 + 1e-9 for _, value, _ in orders)
            if not sent or not orders:
                continue
            ends = case.times(W.GROUNDS_ESTABLISHED)[:1] or [np.inf]
            pending = [one for one in orders if sent[0] <= one[0] < ends[0]]
            for (t, value, _), (later, _, _) in zip(pending, pending[1:], strict=False):
                assert later <= t + value + 1e-9, "an interim order lapsed while the proof was pending"
            made = [t + value for t, value, who in pending if who == "hearing"]
            assert all(end <= sent[0] + 66.0 + 1e-9 for end in made)
            by_sheriff += any(who == "sheriff" for *_, who in pending)
            n += 1
    assert n > 500 and by_sheriff > 100


def test_a_compulsory_supervision_order_is_reviewed_within_a_year(cases):
    """2011 Act, s. 83: it lasts a year at most; made or continued, it is looked at again or has ended by then."""
    n = 0
    for j, by in cases:
        for case in by.values():
            made = sorted(case.times(W.COMPULSORY_ORDER_MADE) + case.times(W.COMPULSORY_ORDER_CONTINUED))
            looked, ended = (
                case.times(W.CHILDRENS_HEARING_HELD, W.REVIEW),
                case.times(W.COMPULSORY_ORDER_ENDED),
            )
            for t in made:
                if t + 365.0 <= j.end:
                    assert any(t < at <= t + 365.0 + 1e-6 for at in looked) or any(
                        t <= at <= t + 365.0 + 1e-6 for at in ended
                    )
                    n += 1
    assert n > 2_000


def test_no_compulsory_supervision_order_without_grounds(cases):
    """2011 Act, s. 91: the hearing makes an order once grounds are accepted or established."""
    for _, by in cases:
        for case in by.values():
            grounds = case.times(W.GROUNDS_ACCEPTED) + case.times(W.GROUNDS_ESTABLISHED, 1.0)
            for t in case.times(W.COMPULSORY_ORDER_MADE):
                assert any(at <= t for at in grounds)


def test_an_order_is_continued_once_on_a_day(cases):
    """A hearing that has been held is over: times are exact only to rounding, and none may be held again for that."""
    n = 0
    for _, by in cases:
        for case in by.values():
            on = [int(t) for t in case.times(W.COMPULSORY_ORDER_CONTINUED)]
            assert len(on) == len(set(on))
            n += len(on)
    assert n > 10_000


def test_no_hearing_of_the_sheriff_is_listed_years_ahead(runs):
    """A defended petition is called again and again; the court does not wait for months and then hear it once.

    A day that the run does not reach is none.
    """
    ahead, when = [], []
    for j in runs:
        listed = rows(j, W.SHERIFF_HEARING_LISTED)
        ahead.append(listed["value"])
        when.append(j.end - listed["time"])
    days_ahead, days_left = np.concatenate(ahead), np.concatenate(when)
    listed_so = np.isfinite(days_ahead)
    assert listed_so.sum() > 10_000
    assert days_ahead[listed_so].max() < 365.0
    assert (days_ahead[listed_so] > 183.0).mean() < 0.002
    assert days_left[~listed_so].max() < 365.0


def test_no_proof_is_heard_of_children_whom_no_measures_are_for(runs):
    """Home for good, or with an order of the sheriff's: the reporter gives up the proof, and no interim order is made.

    At the very moment of the order something may still be recorded.
    """
    about = (
        W.SHERIFF_HEARING_HELD, W.INTERIM_ORDER_MADE, W.INTERIM_ORDER_EXTENDED, W.GROUNDS_ESTABLISHED,
        W.CHILDRENS_HEARING_DEFERRED,
    )  # fmt: skip
    given_up = heard = 0
    for j in runs:
        c, f = j.tables["cases"], j.tables["families"]
        settled: dict[int, float] = {}
        for row in rows(
            j, (W.PLACED_ON_ENTRY, W.PLACED_ON_RE_ENTRY, W.ORDER_MADE, W.REFERRAL_DISCHARGED, *about)
        ):
            subject, event, time = int(row["subject"]), int(row["event"]), float(row["time"])
            if event in (W.PLACED_ON_ENTRY, W.PLACED_ON_RE_ENTRY):
                settled[subject] = np.inf
            elif event == W.ORDER_MADE:
                settled[subject] = np.inf if row["value"] == W.SUPERVISED_AT_HOME else time
            elif event == W.REFERRAL_DISCHARGED:
                given_up += row["value"] == 1
            elif event != W.SHERIFF_HEARING_HELD or row["value"] in (W.PROOF, W.INTERIM_ORDER):
                groups = [int(c["group"][subject])]
                if is_first(j, subject):
                    groups = list(
                        range(subject * LARGEST_FAMILY, subject * LARGEST_FAMILY + f["n_groups"][subject])
                    )
                assert max(settled.get(g, np.inf) for g in groups) >= time
                heard += 1
    assert given_up > 20 and heard > 10_000


# --- the plan -----------------------------------------------------------------------------------------------
def test_reviews_fall_within_six_weeks_three_months_and_six_months(cases):
    """Looked After Children (Scotland) Regulations 2009, reg. 45."""
    n = 0
    for j, by in cases:
        for number, case in by.items():
            held = case.times(W.LOOKED_AFTER_REVIEW)
            if is_first(j, number) and held:
                entered = float(j.tables["families"]["entered"][number])
                gaps = np.diff([entered, *held])
                limit = 5.0  # a review that falls on a holiday is held on the next working day
                assert gaps[0] <= 42 + limit
                assert (gaps[1:2] <= 91 + limit).all() and (gaps[2:] <= 183 + limit).all()
                n += 1
    assert n > 2_000


def test_reviews_go_on_as_long_as_a_child_is_looked_after_away_from_home(cases):
    """Reg. 45(2)(c): within six months of the one before; after the direction too, and no longer than this."""
    n = after_direction = 0
    for j, by in cases:
        lived = rows(j, W.PLACED)
        with_parents = set(lived["subject"][lived["value"] == W.WITH_PARENTS] // LARGEST_FAMILY)
        left: dict[int, float] = {}
        for row in lived[np.isin(lived["value"], W.OUT_OF_CARE)]:
            left.setdefault(int(row["subject"]), float(row["time"]))
        directed = rows(j, W.DIRECTION_SET)
        last_direction = dict(zip(directed["subject"] // LARGEST_FAMILY, directed["time"], strict=True))
        f = j.tables["families"]
        for number, case in by.items():
            held = case.times(W.LOOKED_AFTER_REVIEW)
            if not is_first(j, number) or not held or number in with_parents:
                continue
            first_group = number * LARGEST_FAMILY
            groups = range(first_group, first_group + int(f["n_groups"][number]))
            of_age = f["entered"][number] + 18 * YEAR - j.tables["groups"]["youngest_days"]
            until = min(max(min(left.get(g, j.end), of_age[g]) for g in groups), j.end)
            assert (np.diff([*held, until])[1:] <= 183 + 5.0).all()
            assert held[-1] <= until
            after_direction += sum(t > last_direction.get(number, np.inf) for t in held)
            n += 1
    assert n > 2_000 and after_direction > 10_000


def test_a_petition_follows_panel_agency_decision_and_advice_hearing_in_this_order(runs):
    """The agency decides within 14 days of the panel, and a hearing gives its advice before a petition.

    Adoption Agencies (Scotland) Regulations 2009, reg. 13; SCRA Practice Direction 25.
    """
    n = 0
    for j in runs:
        r = j.record
        advice: dict[int, list[float]] = defaultdict(list)
        for row in r[(r["event"] == W.CHILDRENS_HEARING_HELD) & (r["value"] == W.ADVICE)]:
            advice[int(j.tables["cases"]["family"][row["subject"]])].append(float(row["time"]))
        last: dict[tuple[int, int], float] = {}
        for row in r[
            np.isin(r["event"], [W.DIRECTION_SET, W.PERMANENCE_PANEL, W.AGENCY_DECISION, W.PETITION_LODGED])
        ]:
            group, event, time = int(row["subject"]), int(row["event"]), float(row["time"])
            if event == W.PERMANENCE_PANEL:
                assert last[group, W.DIRECTION_SET] <= time
            elif event == W.AGENCY_DECISION:
                assert 0.0 <= time - last[group, W.PERMANENCE_PANEL] <= 14.0
            elif event == W.PETITION_LODGED and row["value"] != W.KINSHIP_CARE_ORDER:
                agreed = last[group, W.AGENCY_DECISION]
                assert any(agreed <= at <= time for at in advice[group // LARGEST_FAMILY])
                n += 1
            last[group, event] = time
    assert n > 1_000


def test_a_permanence_order_follows_a_petition_and_an_adoptive_placement_such_an_order(runs):
    """2007 Act, ss. 80 and 83: on the authority's petition, by the sheriff; with authority to adopt, or without."""
    for j in runs:
        petitions: dict[int, int] = {}
        order: dict[int, int] = {}
        for row in j.record[np.isin(j.record["event"], [W.PETITION_LODGED, W.ORDER_MADE, *W.PLACED])]:
            group, value = int(row["subject"]), int(row["value"])
            if row["event"] == W.PETITION_LODGED:
                petitions[group] = value
            elif row["event"] == W.ORDER_MADE:
                order[group] = value
                if value == W.PERMANENCE_ORDER_TO_ADOPT or value == W.KINSHIP_CARE_ORDER:
                    assert petitions[group] == value
                if value == W.PERMANENCE_ORDER:
                    assert group in petitions
            elif value in (W.PLACED_FOR_ADOPTION, W.ADOPTED):
                assert order[group] == W.PERMANENCE_ORDER_TO_ADOPT
            elif value == W.SPECIAL_GUARDIANSHIP:
                assert order[group] == W.KINSHIP_CARE_ORDER


def test_carers_who_may_adopt_adopt_where_the_plan_is_adoption(runs):
    """They are there for it: nobody looks for other adopters, and the plan does not lapse for want of any."""
    adopted = asked = 0
    for j in runs:
        place: dict[int, int] = {}
        asks: dict[int, bool] = {}
        may: set[int] = set()
        for row in rows(j, (*W.PLACED, W.DIRECTION_SET, W.PETITION_LODGED, W.ORDER_MADE, W.PLAN_MADE)):
            group, event, value = int(row["subject"]), int(row["event"]), int(row["value"])
            with_them = place.get(group) == W.EARLY_PERMANENCE
            if event == W.DIRECTION_SET and value == W.DIRECTION_ADOPTION and with_them:
                asks[group] = row["time"] + 5 * YEAR > j.end
            elif event == W.PETITION_LODGED and group in asks:
                asks[group] = True
            elif event == W.ORDER_MADE and value == W.PERMANENCE_ORDER_TO_ADOPT and with_them:
                may.add(group)
            elif event == W.PLAN_MADE and group in may:
                assert value in (W.ADOPTION_MATCH, W.ADOPTION_PLACEMENT, W.ADOPTION_ORDER)
            elif event in W.PLACED:
                if group in may:
                    assert value == W.PLACED_FOR_ADOPTION or event == W.MOVED_UNPLANNED
                    adopted += value == W.PLACED_FOR_ADOPTION
                    may.discard(group)
                place[group] = value
        assert all(asks.values())
        asked += len(asks)
    assert asked > 200 and adopted > 100


def test_a_child_goes_home_by_a_hearing_where_there_is_a_compulsory_supervision_order(runs):
    """2011 Act, s. 138: the hearing varies it, so that the child lives at home."""
    for j in runs:
        hearings = defaultdict(set)
        for row in rows(j, W.CHILDRENS_HEARING_HELD):
            hearings[int(j.tables["cases"]["family"][row["subject"]])].add(float(row["time"]))
        varied = rows(j, W.ORDER_MADE)
        varied = varied[varied["value"] == W.SUPERVISED_AT_HOME]
        assert len(varied) > 50
        for row in varied:
            assert float(row["time"]) in hearings[int(row["subject"]) // LARGEST_FAMILY]


def test_children_at_home_under_supervision_are_not_invited(runs):
    """The trial is of children who are accommodated, not placed with a parent (protocol).

    Those at home are invited only if they have been removed by then.
    """
    for j in runs:
        f = j.tables["families"]
        at_home = f["route"] == W.SUPERVISED_AT_ENTRY
        assert 0.2 < at_home.mean() < 0.33
        removed = rows(j, W.MOVED_UNPLANNED)["subject"] // LARGEST_FAMILY
        invited = np.flatnonzero(at_home & (f["screening"] == W.INVITED))
        assert np.isin(invited, removed).all() and len(invited) < 0.05 * at_home.sum()
        assert (f["screening"][at_home] == W.WITH_A_PARENT).sum() > 100
        first = rows(j, W.PLACED_ON_ENTRY)
        with_parents = first["value"] == W.WITH_PARENTS
        assert (with_parents == at_home[first["subject"] // LARGEST_FAMILY]).all()


# --- figures ------------------------------------------------------------------------------------------------
def test_first_returns_home_take_about_nine_months_and_are_few(runs):
    """Within what a few replicates allow.

    Permanently Progressing?: nine months away on average, followed for four years. Born into Care Scotland: 19 % of
    infants at home after two years; the first fifty GIFT children: 12 %.
    """
    away, home, n = [], 0, 0
    for j in runs:
        f, c = j.tables["families"], j.tables["children"]
        left: dict[int, tuple[float, int]] = {}
        for row in rows(j, W.PLACED):
            if int(row["value"]) in W.OUT_OF_CARE:
                left.setdefault(
                    int(row["subject"]), (float(row["time"]), W.PLACEMENT_TYPES[int(row["value"])])
                )
        lived = c[j.lived]
        lived = lived[
            (f["route"][lived["family"]] != W.SUPERVISED_AT_ENTRY)
            & (f["entered"][lived["family"]] + 4 * YEAR < j.end)
        ]
        for child in lived:
            time, place = left.get(int(child["group"]), (np.inf, "still in care"))
            months = (time - f["entered"][child["family"]]) / MONTH
            if place == "home" and months < 48.0:
                away.append(months)
            if f["arm"][child["family"]] > 0:
                n += 1
                home += place == "home" and months < 24.0
    assert 7.0 < np.mean(away) < 11.0
    assert 0.10 < home / n < 0.20


def test_who_comes_into_care_is_scotlands_own():
    """Ages and splits of siblings are set apart, and leave England's children as they were."""
    families = "childrens_hearings.families"
    changes = {
        f"{families}.under_one_share_of_youngest": 1.0,
        f"{families}.newborn_share_of_under_one": 1.0,
        f"{families}.split_with_one_sibling": 1.0,
        f"{families}.split_with_two_siblings": 1.0,
    }
    shipped = Scenario.load("trial-as-run")
    before, after_it = (simulate(s, seed=3, replicate=1) for s in (shipped, shipped.replace(changes)))
    f, g = before.tables["families"], after_it.tables["families"]
    scottish = np.asarray(before.names["jurisdictions"])[f["court"]] == "Scotland"
    come = (f["n_children"] > 0) & (g["n_children"] > 0)
    assert (g["youngest_days"] < 7.0)[scottish & come].all()
    several = scottish & come & (g["n_children"] > 1)
    assert several.sum() > 100 and (g["n_groups"] > 1)[several].all()
    english = (
        ~scottish & come & (f["route"] != W.DURING_PROCEEDINGS)
    )  # others are older by how long a court takes
    assert english.sum() > 100
    for name in ("youngest_days", "n_groups"):
        assert (f[name] == g[name])[english].all()
    young = f["youngest_days"][scottish & come]
    of = shipped.childrens_hearings.families
    assert (young < 365.25).mean() == pytest.approx(of.under_one_share_of_youngest, abs=0.05)
    assert (young < 7.0).mean() == pytest.approx(
        of.under_one_share_of_youngest * of.newborn_share_of_under_one, abs=0.05
    )


# --- one child, by hand -------------------------------------------------------------------------------------
BY_HAND = {
    "simulation.end_date": after(1500),
    "boroughs.glasgow.entries": always(0.3),
    f"{COURT}.jurisdiction": "Scotland",
    "childrens_hearings.route": {"section_25": 0, "child_protection_order": 1, "hearing": 0, "at_home": 0},
    "childrens_hearings.accepted": 0.0,
    "childrens_hearings.discharged": 0.0,
    "childrens_hearings.proof.lodged": days(6),
    "childrens_hearings.proof.first_calling": days(19.5),
    "childrens_hearings.proof.continued": 0.0,
    "childrens_hearings.proof.established": 1.0,
    "childrens_hearings.listing": days(13.5),
    "childrens_hearings.deferred": 0.0,
    "childrens_hearings.next_review": days(199.5),
    "childrens_hearings.appeals.against_order": 0.0,
    "childrens_hearings.appeals.against_review": 0.0,
    "childrens_hearings.invitation": days(10),
    f"{SITE}.assessment_ratio": 1.0,
    "sau.in_house": days(80),
    "childrens_hearings.reviews.put_off": 0.0,
    "childrens_hearings.reviews.home_early": 0.0,
    "childrens_hearings.directions.adoption.intercept": 10.0,
    "childrens_hearings.directions.adoption.under_one": 0.0,
    "childrens_hearings.directions.long_term.intercept": -10.0,
    **{
        f"childrens_hearings.permanence.{way}_stay_looked_after": 0.0
        for way in ("kin", "adoption", "long_term")
    },
    "childrens_hearings.permanence.panel": days(83.5),
    "childrens_hearings.permanence.agency_decision": days(10),
    "childrens_hearings.permanence.advice_hearing": days(27.5),
    "childrens_hearings.permanence.petition": days(59.5),
    "childrens_hearings.permanence.first_calling": days(43.5),
    "childrens_hearings.permanence.defended": 0.0,
    "childrens_hearings.permanence.granted": 1.0,
    "childrens_hearings.permanence.family_finding": days(1),
    "trial.consent_delay": days(7),
    "trial.randomisation_delay": days(3),
    "placements.planned.adoption_placed": days(30),
    "placements.planned.adoption_order": days(270),
    "visits.first": in_days(1000),
    "visits.second": in_days(1001),
    "visits.third": in_days(1002),
}


def test_one_child_by_hand():
    """Day 0 is Monday 1 January 2018; the child is removed on Wednesday the 10th at noon, day 9.5."""
    assert dt.date(2018, 1, 1) == MONDAY
    j = run_known_at(plain_world(BY_HAND), 9.5, arm="SAU")
    told = [(float(r["time"]), W.EVENTS[r["event"]].name, int(round(r["value"]))) for r in j.record if r["event"] not in
            (W.PLAN_MADE, W.SCREENED, *W.TEAM_PLACES, W.CONSENT_ANSWERED, W.RANDOMISED, W.INTERIM_ORDER_MADE,
             W.VISIT_MADE, W.SERVICE_SETTLED, W.ASSESSOR_ASKED, W.SHERIFF_HEARING_LISTED)]  # fmt: skip
    expected = [
        (9.5, "entered_care", W.BY_ORDER),
        (9.5, "placed_on_entry", W.FOSTER),
        (9.5, "referred_to_reporter", W.BY_ORDER),
        (9.5, "child_protection_order_made", 0),
        (
            11 + TEN,
            "childrens_hearing_held",
            W.SECOND_WORKING_DAY,
        ),  # Thursday, Friday: the second working day
        (
            21 + TEN,
            "childrens_hearing_held",
            W.GROUNDS,
        ),  # Thu 11, Fri 12, Mon 15, ..., Mon 22 January: the eighth
        (21 + TEN, "grounds_sent_to_proof", 0),
        (25 + TEN, "proof_lodged", 4),  # six days on is a Sunday: lodged on the Friday before
        (29.5, "assessment_started", W.IN_HOUSE),  # invited after 10 days, allocated after 10 more
        (43 + TEN, "childrens_hearing_held", W.INTERIM),  # 22 days on: Tuesday 13 February
        (45 + TEN, "sheriff_hearing_held", W.PROOF),
        (45 + TEN, "grounds_established", 1),
        (52 + TEN, "looked_after_review", 1),  # six weeks after entry is Wednesday noon: on Thursday
        (59 + TEN, "childrens_hearing_held", W.DISPOSAL),
        (59 + TEN, "compulsory_order_made", 365),
        (109.5, "evidence_in", W.IN_HOUSE),  # 80 days after allocation
        (143 + TEN, "looked_after_review", 2),  # Wednesday noon again, 91 days on
        (143 + TEN, "direction_set", W.DIRECTION_ADOPTION),
        (227 + TEN, "permanence_panel", W.DIRECTION_ADOPTION),
        (235 + TEN, "agency_decision", 8),  # ten days on is a Sunday: on the Friday before
        (259 + TEN, "childrens_hearing_held", W.REVIEW),
        (259 + TEN, "compulsory_order_continued", 365),
        (263 + TEN, "childrens_hearing_held", W.ADVICE),
        (323 + TEN, "petition_lodged", W.PERMANENCE_ORDER_TO_ADOPT),
        (325 + TEN, "looked_after_review", 3),  # half a year, 182 days, after the last: Thursday too
        (367 + TEN, "sheriff_hearing_held", W.PERMANENCE),  # Thursday 3 January 2019
        (367 + TEN, "order_made", W.PERMANENCE_ORDER_TO_ADOPT),
        (367 + TEN, "compulsory_order_ended", 0),
        (396 + TEN, "moved_as_planned", W.PLACED_FOR_ADOPTION),  # thirty days on is a Saturday: on the Friday
        (507 + TEN, "looked_after_review", 4),  # still looked after; the next would be due on day 689
        (666 + TEN, "stayed_with_carer", W.ADOPTED),
    ]
    assert [one[1:] for one in told] == [one[1:] for one in expected]
    assert [one[0] for one in told] == pytest.approx([one[0] for one in expected])


def told_of(j: Journeys, *events: int) -> list[tuple[float, str, int]]:
    """What a small world's record has of some events: when, what, value."""
    return [(float(r["time"]), W.EVENTS[r["event"]].name, int(round(r["value"]))) for r in rows(j, events)]


def test_a_defended_petition_by_hand():
    """Lodged on day 323, called on 367, and again every 69.5 days until 199.5 have passed: on 437, 507 and 567."""
    defended = {
        "childrens_hearings.permanence.defended": 1.0,
        "childrens_hearings.permanence.defended_for": days(199.5),
        "childrens_hearings.permanence.between_callings": days(69.5),
    }
    j = run_known_at(plain_world({**BY_HAND, **defended}), 9.5, arm="SAU")
    held = rows(j, W.SHERIFF_HEARING_HELD)
    callings = held["time"][held["value"] == W.PERMANENCE]
    # heard in the morning after: 437 is a Thursday as 367 and 507 are, 567 a Monday
    assert callings.tolist() == pytest.approx([367 + TEN, 437 + TEN, 507 + TEN, 567 + TEN])
    assert rows(j, W.ORDER_MADE)["time"].tolist() == pytest.approx([567 + TEN])


BY_AGREEMENT = {
    **BY_HAND,
    "childrens_hearings.route": {"section_25": 1, "child_protection_order": 0, "hearing": 0, "at_home": 0},
    "childrens_hearings.section_25_referred": 0.0,
    "childrens_hearings.referral_to_grounds": days(50),
    "childrens_hearings.permanence.adoption_stay_looked_after": 1.0,
}


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_who_is_looked_after_by_agreement_alone_is_referred_with_the_plan(share):
    """Reg. 45(4)(a): a review comes before a referral; the direction is set on day 143, grounds are heard on 193."""
    world = {**BY_AGREEMENT, "childrens_hearings.referred_with_plan": share}
    j = run_known_at(plain_world(world), 9.5, arm="SAU")
    told = told_of(
        j, W.DIRECTION_SET, W.REFERRED_TO_REPORTER, W.GROUNDS_SENT_TO_PROOF, W.COMPULSORY_ORDER_MADE
    )
    expected = [(143 + TEN, "direction_set", W.DIRECTION_ADOPTION)]
    if share == 1.0:
        expected += [
            (143 + TEN, "referred_to_reporter", W.VOLUNTARY),
            (193 + TEN, "grounds_sent_to_proof", 0),  # a Friday
            # lodged on Thursday the 199th, heard on Wednesday the 219th, and by a hearing 13.5 days later
            (233 + TEN, "compulsory_order_made", 365),
        ]
    assert [one[1:] for one in told] == [one[1:] for one in expected]
    assert [one[0] for one in told] == pytest.approx([one[0] for one in expected])


def test_an_agreement_stands_where_a_hearing_discharges_the_referral():
    """Section 25 needs no order; the review that comes decides on the plan."""
    discharged = {
        **BY_AGREEMENT,
        "childrens_hearings.section_25_referred": 1.0,
        "childrens_hearings.referral_after_section_25": days(7),
        "childrens_hearings.discharged": 1.0,
    }
    j = run_known_at(plain_world(discharged), 9.5, arm="SAU")
    told = told_of(j, W.REFERRAL_DISCHARGED, W.DIRECTION_SET, W.ORDER_MADE, *W.PLACED)
    names = [name for _, name, _ in told]
    assert names[:3] == ["placed_on_entry", "referral_discharged", "direction_set"]
    assert "order_made" not in names


@pytest.mark.parametrize("kin", [0.0, 1.0])
def test_who_lives_with_kin_does_not_go_home_on_the_day_on_which_grounds_fall(kin):
    """No order holds the child any more; relatives whom the parents agree to are no reason to move it that day."""
    world = {
        **BY_HAND,
        "childrens_hearings.proof.established": 0.0,
        "population.kin_available_share": kin,
        "placements.planned.to_kin_share": 1.0,
        "placements.planned.to_kin_delay": days(20),
        "childrens_hearings.directions.kin.intercept": 10.0,
        "childrens_hearings.directions.adoption.intercept": -10.0,
        "childrens_hearings.permanence.kin_stay_looked_after": 0.0,
        "childrens_hearings.permanence.section_11": days(40),
    }
    j = run_known_at(plain_world(world), 9.5, arm="SAU")
    told = told_of(j, W.GROUNDS_ESTABLISHED, W.DIRECTION_SET, W.ORDER_MADE)
    fell = (45 + TEN, "grounds_established", 0)
    if kin == 0.0:
        assert told == [fell, (45 + TEN, "order_made", W.NO_COMPULSORY_MEASURES)]
    else:
        assert told[0] == fell
        assert [one[1:] for one in told[1:]] == [
            ("direction_set", W.DIRECTION_KIN),
            ("order_made", W.KINSHIP_CARE_ORDER),
        ]


def test_compulsory_supervision_and_reviews_end_at_eighteen():
    """2011 Act, ss. 83(7) and 199: an order has effect for a child, who is under eighteen."""
    world = {
        **BY_HAND,
        "simulation.end_date": after(7300),
        "childrens_hearings.permanence.adoption_stay_looked_after": 1.0,
    }
    j = run_known_at(plain_world(world), 9.5, arm="SAU")
    f = j.tables["families"][0]
    birthday = float(f["entered"] + 18 * YEAR - f["youngest_days"])
    assert birthday + 30 < j.end
    ended = rows(j, W.COMPULSORY_ORDER_ENDED)["time"]
    assert ended.tolist() == pytest.approx([birthday])
    later = rows(j, (W.CHILDRENS_HEARING_HELD, W.LOOKED_AFTER_REVIEW, W.COMPULSORY_ORDER_CONTINUED))
    assert len(later) > 40 and later["time"].max() < birthday
    continued = rows(j, W.COMPULSORY_ORDER_CONTINUED)
    assert (continued["time"] + continued["value"]).max() == pytest.approx(birthday)
