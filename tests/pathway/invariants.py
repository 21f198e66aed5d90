"""What is true of every run, whatever the scenario: `assert_holds` says the first thing that is not."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
from small_worlds import MORNING, are_working_days, rows

from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.pathway.lowering import lower
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.scenario import Scenario
from best_sim.scenario.bank_holidays import bank_holidays


def assert_holds(journeys: Journeys, scenario: Scenario) -> None:
    """Every invariant of a run."""
    for check in (
        _events, _entry, _placements, _permitted, _orders, _hearings, _sittings, _evidence, _lift, _trial, _visits,
        _scores,
    ):  # fmt: skip
        check(journeys, scenario)


def _events(j: Journeys, scenario: Scenario) -> None:
    r = j.record
    assert (np.diff(r["time"]) >= 0.0).all(), "time runs backwards"
    assert not len(r) or (r["time"][0] >= j.start and r["time"][-1] <= j.end), "an event outside the run"
    assert not np.isnan(r["value"]).any()
    assert np.isfinite(r["value"][~np.isin(r["event"], (*W.HEARING_LISTED, W.SHERIFF_HEARING_LISTED))]).all()
    there = {
        "family": j.tables["families"]["n_children"] > 0,
        "group": j.tables["groups"]["index"] >= 0,
        "case": j.tables["cases"]["index"] >= 0,
        "other": j.tables["others"]["asked"] <= j.end,
        "team": np.ones(len(j.names["teams"]), bool),
        "world": np.ones(1, bool),
    }
    for number, event in enumerate(W.EVENTS):
        subject = r["subject"][r["event"] == number]
        assert ((subject >= 0) & (subject < len(there[event.subject]))).all(), event.name
        assert there[event.subject][subject].all(), f"{event.name} of a {event.subject} that is not there"


def _entry(j: Journeys, scenario: Scenario) -> None:
    f, c = j.tables["families"], j.tables["children"]
    f = f[f["n_children"] > 0]
    assert ((f["n_children"] >= 1) & (f["n_children"] <= LARGEST_FAMILY)).all()
    assert ((f["n_groups"] >= 1) & (f["n_groups"] <= f["n_children"])).all()
    assert (f["entered"] >= f["known_at"]).all()
    # known when it enters, or on the working day on which it is issued
    first = np.minimum(f["entered"], f["issue_at"])
    waits = first - f["known_at"]
    assert (waits[f["entered"] <= f["issue_at"]] == 0.0).all(), "known when it enters"
    assert ((waits >= 0.0) & (waits < 5.0)).all(), "known when it enters or is issued"
    for jurisdiction in j.names["jurisdictions"]:
        mine = np.asarray(j.names["jurisdictions"], object)[f["court"]] == jurisdiction
        known = are_working_days(j, f["known_at"][mine], jurisdiction)
        assert (waits[mine][known] == 0.0).all(), "issued when it is known, on a working day"
    _removals(j)
    lived = c[j.lived]
    assert len(lived) == f["n_children"].sum()
    assert ((lived["age_at_entry"] >= 0) & (lived["age_at_entry"] < 5 * 365.25)).all()
    assert (lived["frailty"] > 0).all()
    ages = c["age_at_entry"].reshape(-1, LARGEST_FAMILY)[f["index"]]
    for k in range(1, LARGEST_FAMILY):
        both = f["n_children"] > k
        between = ages[both, k] - ages[both, k - 1]
        assert (between >= scenario.population.sibling_gap - 1e-6).all(), "siblings are born days apart"
    in_groups = np.bincount(lived["group"], minlength=len(j.tables["groups"]))
    there = j.tables["groups"]["index"] >= 0
    assert (in_groups[there] == j.tables["groups"]["n_children"][there]).all()
    assert (in_groups[~there] == 0).all()


def _removals(j: Journeys) -> None:
    """Who is at home at issue comes into care at a hearing, or by an emergency order; and none was born after issue."""
    f = j.tables["families"]
    entered = rows(j, W.ENTERED_CARE)
    law = np.asarray(j.names["jurisdictions"], object)[f["court"][entered["subject"]]]
    during = entered[(entered["value"] == W.DURING_PROCEEDINGS) & (law != "Scotland")]
    of = f[during["subject"]]
    held = rows(j, (W.HEARING_EFFECTIVE, W.HEARING_ADJOURNED_FOR_EVIDENCE))
    at_hearing = np.isin(during["subject"] + 1j * during["time"], held["subject"] + 1j * held["time"])
    assert (at_hearing | np.isclose(during["time"], of["removal_due"], atol=1e-6)).all(), (
        "removed on a day without cause"
    )
    youngest = of["entered"] - of["youngest_days"]
    assert (youngest <= of["issue_at"] + 1e-6).all(), "a child is born after issue"


def _placements(j: Journeys, scenario: Scenario) -> None:
    p, g = j.group_placements, j.tables["groups"]
    if p.empty:
        return
    same = p["group"].to_numpy()[1:] == p["group"].to_numpy()[:-1]
    start, end = p["start_days"].to_numpy(), p["end_days"].to_numpy()
    assert (end[:-1][same] == start[1:][same]).all(), "a gap, or two placements at once"
    assert np.isnan(end[:-1][~same]).all()
    assert (start[1:][same] >= start[:-1][same]).all()
    first = np.append(True, ~same)
    began = p["began_by"].astype(str).to_numpy()
    assert ((began == "entry") == first).all()
    family = j.tables["families"][p["family"].to_numpy()]
    assert (start[first] == family["entered"][first]).all()
    in_care = p["in_care"].to_numpy()
    kinds = p["type"].astype(str).to_numpy()
    assert (in_care == ~np.isin(kinds, ["adopted", "special_guardianship", "home", "of_age"])).all()
    assert ((began == "came_of_age") == (kinds == "of_age")).all()
    of_age = family["entered"] + 18 * 365.25 - g["youngest_days"][p["group"]]
    assert np.allclose(start[kinds == "of_age"], of_age[kinds == "of_age"], atol=1e-6)
    assert (start <= of_age + 1e-6).all(), "a placement of an adult"
    before = np.append(False, in_care[:-1]) & ~first
    assert ((began == "re_entry") == (in_care & ~before & ~first)).all(), (
        "care begins again by re-entry, and only so"
    )
    assert before[began == "unplanned_move"].all(), "an unplanned move starts from care"
    last = np.append(~same, True)
    assert (g["place"][p["group"][last]] == [W.PLACEMENT_TYPES.index(k) for k in kinds[last]]).all()
    assert (g["in_care"][p["group"][last]] == in_care[last]).all()
    # what the tables count is what the record tells
    by = p.assign(
        unplanned=began == "unplanned_move",
        moved=before & np.isin(began, ["unplanned_move", "planned_move"]),
        again=began == "re_entry",
    ).groupby("group")[["unplanned", "moved", "again"]].sum()  # fmt: skip
    told = g[by.index.to_numpy()]
    assert (told["unplanned"] == by["unplanned"]).all()
    assert (told["moves"] == by["moved"]).all()
    assert (told["re_entries"] == by["again"]).all()
    assert (told["episode"] == by["again"] + 1).all()
    assert (told["placements"] == p.groupby("group").size()).all()


def _permitted(j: Journeys, scenario: Scenario) -> None:
    """What the law of England and Wales, or of both jurisdictions, lets nobody do."""
    p, f = j.group_placements, j.tables["families"]
    if p.empty:
        return
    law = np.asarray(j.names["jurisdictions"], object)[f["court"][p["family"]]]
    kinds, began = p["type"].astype(str).to_numpy(), p["began_by"].astype(str).to_numpy()
    start, end = p["start_days"].to_numpy(), p["end_days"].to_numpy()
    # Children Act 1989, section 38: in care with parents only under an interim order, which needs a hearing
    held = rows(j, W.HEARING_HELD)
    first = np.full(len(j.tables["cases"]), np.inf)
    np.minimum.at(first, held["subject"], held["time"])
    at_home = (kinds == "with_parents") & (law != "Scotland") & (p["episode"] == 1).to_numpy()
    assert (start[at_home] >= first[p["family"][at_home]] - 1e-6).all(), "with parents before any order"
    # Adoption and Children Act 2002, section 42(3), and of Scotland 2007, section 15(3)
    waited = (
        (kinds == "placed_for_adoption") & (began == "planned_move") & (np.append(kinds[1:], "") == "adopted")
    )
    least = np.where(law == "Scotland", 13.0, 10.0) * 7.0
    assert (end[waited] - start[waited] >= least[waited] - 1e-6).all(), (
        "adopted within weeks of the placement"
    )
    # a court that takes a child into care does not send it home, or out of care, at once
    ordered = rows(j, W.ORDER_MADE)
    entered = f["entered"][ordered["subject"] // LARGEST_FAMILY]
    at_once = ordered["value"][ordered["time"] == entered]
    assert np.isin(at_once, (W.CARE_ORDER, W.PLACEMENT_ORDER)).all(), "into care and out of it at one hearing"


def _orders(j: Journeys, scenario: Scenario) -> None:
    r = j.record
    open_since: dict[int, float] = {}
    decided_at: dict[int, float] = {}
    in_care: dict[int, bool] = {}
    n = len(j.tables["families"])
    law = np.asarray(j.names["jurisdictions"], object)[j.tables["families"]["court"]]
    for row in r[np.isin(r["event"], [W.PROCEEDINGS_ISSUED, W.CASE_DECIDED, W.ORDER_MADE, *W.PLACED])]:
        subject, time = int(row["subject"]), float(row["time"])
        if row["event"] in W.PLACED:
            in_care[subject] = int(row["value"]) not in W.OUT_OF_CARE
        elif row["event"] == W.PROCEEDINGS_ISSUED:
            assert subject not in open_since, f"case {subject} is issued while it is open"
            open_since[subject] = time
        elif row["event"] == W.CASE_DECIDED:
            assert subject in open_since, f"case {subject} is decided and was not issued"
            assert time >= open_since.pop(subject)
            decided_at[subject] = time
        elif int(row["value"]) >= W.FIRST_SCOTTISH_ORDER:
            assert law[subject // LARGEST_FAMILY] == "Scotland", f"group {subject}: an order of Scots law"
            assert in_care[subject], f"group {subject}: an order on children who are not in care"
        else:
            assert law[subject // LARGEST_FAMILY] != "Scotland", f"group {subject}: an order of English law"
            mine = (subject // LARGEST_FAMILY, n + subject)
            assert any(decided_at.get(case) == time for case in mine), (
                f"group {subject}: an order without a decision"
            )
            assert in_care[subject], f"group {subject}: an order on children who are not in care"


def _hearings(j: Journeys, scenario: Scenario) -> None:
    h = j.hearings
    held = h["held_days"].to_numpy()
    done = ~np.isnan(held)
    weekday = (np.floor(held[done]).astype(int) + scenario.simulation.start_date.weekday()) % 7
    assert (weekday < 5).all(), "a hearing at the weekend"
    assert np.allclose(held[done] % 1.0, MORNING, atol=1e-9), "a hearing that is not at ten in the morning"
    closed = {
        (day - scenario.simulation.start_date).days
        for court in {court.jurisdiction for court in scenario.courts.values()}
        for year in range(j.date(j.start).year, j.date(j.end).year + 1)
        for day in bank_holidays(court, year)
    }
    if len({court.jurisdiction for court in scenario.courts.values()}) == 1:
        assert not np.isin(np.floor(held[done]), list(closed)).any(), "a hearing on a bank holiday"
    assert (held[done] >= h["listed_days"].to_numpy()[done]).all()
    listed = rows(j, W.HEARING_LISTED)
    # the wait and the kind that were told are the wait and the kind that came; a long hearing ends on a later day
    wait = (held - h["listed_days"].to_numpy())[done]
    effective_final = ((h["kind"] == "final") & (h["result"] == "effective")).to_numpy()[done]
    told_wait = listed["value"][done]
    assert np.allclose(told_wait[~effective_final], wait[~effective_final], atol=1e-9)
    assert (told_wait <= wait + 1e-9).all()
    kinds = np.asarray([f"{kind}_listed" for kind in h["kind"][done]], object)
    assert ([W.EVENTS[number].name for number in listed["event"][done]] == kinds).all()
    told = j.record[
        np.isin(j.record["event"], [W.PROCEEDINGS_ISSUED, *W.HEARING_LISTED, *W.HEARING_HELD, W.CASE_DECIDED])
    ]
    kind: dict[int, int] = {}
    number: dict[int, int] = {}
    waiting: dict[int, bool] = {}
    removing: dict[int, bool] = {}
    for row in told:
        case, value = int(row["subject"]), row["value"]
        if row["event"] == W.PROCEEDINGS_ISSUED:
            kind[case], number[case], waiting[case] = -1, 0, False
            removing[case] = False
        elif row["event"] == W.INTERIM_LISTED and waiting[case]:
            # for a child who is removed before the hearing that waits
            assert not removing[case], f"case {case}: two interim hearings listed at once"
            assert j.tables["families"]["route"][j.tables["cases"]["family"][case]] == W.DURING_PROCEEDINGS
            removing[case] = True
        elif row["event"] in W.HEARING_HELD and removing[case]:
            assert row["value"] == W.INTERIM_HEARING
            number[case] += 1
            removing[case] = False
        elif row["event"] in W.HEARING_LISTED:
            assert not waiting[case], f"case {case}: two hearings listed at once"
            waiting[case] = True
        elif row["event"] in W.HEARING_HELD:
            assert waiting[case], f"case {case}: a hearing that was not listed"
            now, result = int(value), W.HEARING_HELD.index(row["event"])
            assert now >= kind[case], f"case {case}: hearings out of order"
            assert now <= max(kind[case] + 1, W.CASE_MANAGEMENT)
            kind[case] = now + 1 if result == W.EFFECTIVE else now
            number[case] += 1
            waiting[case] = False
        else:
            assert number[case] == value, f"case {case}: hearings counted wrong"
            assert not waiting[case]
            assert kind[case] in (W.FINAL_HEARING + 1, W.ISSUES_RESOLUTION + 1)


def _sittings(j: Journeys, scenario: Scenario) -> None:
    """Hours sat on a day, by the rule that a long hearing goes on on the next sitting days, fit the opening hours.

    Of final hearings those are counted that are as long whatever the case needs. A day takes more for what has waited,
    at most for as long as the longest wait among its hearings.
    """
    lowered = lower(scenario)
    of = scenario.proceedings
    h = j.hearings.dropna(subset=["held_days"])
    h = h[
        (h["kind"] != "final")
        | ((of.complexity_sd == 0.0) & (of.contested_final == 1.0) & (of.content.values == (1.0,)))
    ]
    court = h["court"].cat.codes.to_numpy()
    urgent = h["kind"].isin(["interim", "case_management"]).to_numpy()
    lasts = np.array([getattr(of.hours, kind) for kind in h["kind"]])
    waits = (h["held_days"] - h["listed_days"]).to_numpy()
    day = np.floor(h["held_days"].to_numpy()).astype(int) - int(j.start)
    used, waited = np.zeros_like(lowered.diaries), np.zeros_like(lowered.diaries)
    np.maximum.at(waited, (2 * court + urgent, day), waits)
    waited = np.maximum.accumulate(waited, axis=1)
    for which, first, hours in zip(2 * court + urgent, day, lasts, strict=True):
        longest, opening, left = lowered.day_hours[which], lowered.diaries[which], hours
        while left > 1e-9 and first < len(opening):
            if opening[first] > 0.0:
                used[which, first] += min(left, longest)
                left -= min(left, longest)
            first += 1
    most = lowered.diaries * (1.0 + lowered.stretch[:, None] * waited)
    assert (used <= most + 1e-6).all(), "a court sits longer than it has time"


def _evidence(j: Journeys, scenario: Scenario) -> None:
    in_at: dict[int, float] = {}
    issued: dict[int, float] = {}
    cases, families = j.tables["cases"], j.tables["families"]
    law = np.asarray(j.names["jurisdictions"], object)[families["court"]]
    for row in j.record[np.isin(j.record["event"], [W.PROCEEDINGS_ISSUED, W.EVIDENCE_IN, *W.HEARING_HELD])]:
        case, time = int(row["subject"]), float(row["time"])
        if law[cases["family"][case]] == "Scotland":
            continue  # no court waits for the report; a family looked after again has another
        if row["event"] == W.PROCEEDINGS_ISSUED:
            issued[case] = time
            in_at.pop(case, None)
        elif row["event"] == W.EVIDENCE_IN:
            by_lift = (
                row["value"] == W.BY_LIFT and j.tables["families"]["arm"][cases["family"][case]] == W.LIFT
            )
            assert case not in in_at or by_lift, f"case {case}: two reports"
            in_at[case] = time
        elif row["value"] >= W.ISSUES_RESOLUTION and row["event"] != W.HEARING_ADJOURNED_FOR_EVIDENCE:
            patience = scenario.proceedings.evidence_patience
            assert case in in_at or time >= issued[case] + patience - 1e-6, (
                f"case {case}: decided without evidence"
            )


def _lift(j: Journeys, scenario: Scenario) -> None:
    f, o = j.tables["families"], j.tables["others"]
    n = len(W.PROFESSIONS)
    places = lower(scenario).capacities[: n * len(j.names["teams"])].reshape(-1, n).copy()
    held = np.zeros_like(places)

    def takes(team: int, professions: np.ndarray, time: float) -> None:
        held[team] += professions
        assert (held[team] <= places[team])[professions > 0].all(), (
            f"team {team} at day {time}: more families than places"
        )

    def of(treatment: int) -> np.ndarray:
        out = np.zeros(n, int)
        out[W.PSYCHOLOGIST if treatment == 0 else W.SOCIAL_WORKER] = 1
        return out

    with_carers: dict[int, int] = {}
    for row in j.record:
        event, subject, time = row["event"], int(row["subject"]), float(row["time"])
        if event in W.TEAM_PLACES:
            places[subject, W.TEAM_PLACES.index(event)] = row["value"]
        elif event == W.LIFT_STARTED:
            takes(f["team"][subject], f["clinicians"][subject], time)
        elif event == W.LIFT_PLACE_FREED:
            held[f["team"][subject]] -= f["clinicians"][subject]
        elif event == W.OTHER_LIFT_STARTED:  # the others give up all but the social worker without an event
            held[o["team"][subject], W.SOCIAL_WORKER] += 1
            assert (held <= places)[o["team"][subject], W.SOCIAL_WORKER], f"too many families at day {time}"
        elif event == W.OTHER_LIFT_ENDED:
            held[o["team"][subject], W.SOCIAL_WORKER] -= 1
        elif event == W.TREATMENT_STARTED:
            takes(f["team"][subject], of(int(row["value"])), time)
        elif event == W.TREATMENT_ENDED:
            held[f["team"][subject]] -= of(int(f["treatment"][subject]))
        elif event == W.CARERS_TREATMENT_STARTED:
            with_carers[subject] = int(row["value"])
            takes(f["team"][subject], of(with_carers[subject]), time)
        elif event == W.CARERS_TREATMENT_ENDED:
            held[f["team"][subject]] -= of(with_carers.pop(subject))
    assert (held >= 0).all()
    asked = f[~np.isnan(f["lift_asked"])]
    assert (asked["arm"] == W.LIFT).all()
    started = f[~np.isnan(f["lift_started"])]
    assert (started["lift_started"] - started["lift_asked"] <= scenario.lift.patience + 1e-9).all()
    assert (f["receipt"][~np.isnan(f["lift_assessed"])] == W.RECEIVED).all()
    order = (
        "lift_asked",
        "lift_started",
        "lift_freed",
        "lift_assessed",
        "treatment_started",
        "treatment_ended",
    )
    for one, other in combinations(order, 2):
        both = ~np.isnan(f[one]) & ~np.isnan(f[other])
        assert (f[one][both] <= f[other][both]).all(), f"{other} before {one}"


def _trial(j: Journeys, scenario: Scenario) -> None:
    """The boxes of the flow add up, whoever they are counted by."""
    f = j.tables["families"]
    r = j.record
    lived = f[f["n_children"] > 0]
    screened = rows(j, W.SCREENED)
    assert (
        len(np.unique(screened["subject"])) == len(screened) == (lived["screening"] != W.NOT_SCREENED).sum()
    )
    invited = lived["screening"] == W.INVITED
    assert (~np.isnan(lived["invited"]) == invited).all()
    assert (lived["consent"][~invited] == W.UNDECIDED).all()
    assert (np.isnan(lived["answered"][invited]) == (lived["consent"][invited] == W.UNDECIDED)).all()
    randomised = ~np.isnan(lived["randomised"])
    assert (lived["consent"][randomised] == W.CONSENTED).all()
    assert ((lived["arm"] != W.NOT_ALLOCATED) == randomised).all()
    allocated = rows(j, W.RANDOMISED)
    assert len(np.unique(allocated["subject"])) == len(allocated) == randomised.sum()
    assert (f["arm"][allocated["subject"]] == allocated["value"]).all()
    if scenario.trial.stops_at_target:
        assert len(allocated) <= scenario.trial.target_families
        complete = r[r["event"] == W.RECRUITMENT_COMPLETE]
        assert len(complete) == (len(allocated) == scenario.trial.target_families)
    order = ("entered", "invited", "answered", "randomised")
    for one, other in (*pairwise(order), ("randomised", "settled"), ("randomised", "ineligible")):
        both = ~np.isnan(lived[other])
        assert not np.isnan(lived[one][both]).any(), f"{other} without {one}"
        assert (lived[one][both] <= lived[other][both]).all(), f"{other} before {one}"
    at = screened["time"]
    borough = f["borough"][screened["subject"]]
    opens = np.array([(b.opens - j.start_date).days for b in scenario.boroughs.values()])
    assert (at >= opens[borough]).all() if len(at) else True, "screened in a borough that is not open"
    for row in screened:
        site = list(scenario.sites.values())[f["site"][row["subject"]]]
        assert site.recruiting.at(j.date(row["time"])) == 1, "screened while recruitment is paused"
    settled = rows(j, W.SERVICE_SETTLED)
    assert len(np.unique(settled["subject"])) == len(settled)
    assert (f["receipt"][settled["subject"]] == settled["value"]).all()
    assert ((lived["receipt"] != W.PENDING) == ~np.isnan(lived["settled"])).all()


def _visits(j: Journeys, scenario: Scenario) -> None:
    f = j.tables["families"]
    visits = rows(j, W.VISIT_DUE)
    assert (visits["time"] >= f["randomised"][visits["subject"]]).all()
    assert np.isnan(f["ineligible"][visits["subject"]]).all(), "a visit to a family found ineligible"
    number = visits["value"].astype(int)
    key = visits["subject"].astype(np.int64) * W.VISITS + number
    assert len(np.unique(key)) == len(key)
    state = f["visit_state"]
    assert ((state[visits["subject"], number] == W.SEEN) == (visits["event"] == W.VISIT_MADE)).all()
    assert (state != W.NOT_DUE).sum() == len(visits)
    window = scenario.visits.window / 2.0
    late = visits["time"] - f["visit_due"][visits["subject"], number]
    assert (late >= -window - 1e-6).all(), "a visit before its window"
    # a visit is made after its window only if it could not be arranged by then
    before = f["visit_at"][visits["subject"], np.maximum(number - 1, 0)]
    free = np.where(number == 0, f["randomised"][visits["subject"]], before)
    longest = scenario.visits.arranging.quantile(1.0 - 1e-12)
    assert (late <= np.maximum(window, free + longest - (visits["time"] - late)) + 1e-6).all()


def _scores(j: Journeys, scenario: Scenario) -> None:
    c = j.tables["children"][j.lived]
    f = j.tables["families"][c["family"]]
    scores = {name: score[j.lived] for name, score in j.scores.items()}
    due = f["visit_state"] != W.NOT_DUE
    age = c["age_at_entry"][:, None] + f["visit_at"] - f["entered"][:, None]
    old_enough = due & (age >= scenario.outcomes.sdq.youngest_age)
    assert (np.isnan(scores["sdq"]) == ~old_enough).all(), (
        "an SDQ where there is none, or none where there is one"
    )
    for column, low, high in (("sdq", 0, 40), ("pirgas", 1, 100)):
        score = scores[column][~np.isnan(scores[column])]
        assert ((score >= low) & (score <= high) & (score == np.floor(score))).all(), column
    assert (np.isnan(scores["pirgas"]) == ~due).all()
    assert (np.isnan(scores["utility"]) == np.isnan(scores["sdq"])).all()
    utility = scores["utility"][~np.isnan(scores["utility"])]
    assert ((utility >= 0) & (utility <= 1)).all()
    table = j.visits
    seen = table["seen"].to_numpy()
    assert table.loc[~seen, ["sdq", "pirgas", "utility"]].isna().all(axis=None), (
        "scores of children who were not seen"
    )
