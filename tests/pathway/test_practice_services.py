"""The order of work of LIFT and of services as usual, as practice has it, over the families of what is shipped.

Sources: the protocol (Crawford et al., Trials 2022;23:122): assessment, then treatment with the family, then the
recommendation; NSPCC Infant and Family Teams: a report after the assessment and a second after treatment; the page of
the Innovation Programme on the New Orleans Intervention Model: cases where treatment was indicated could pass 26 weeks;
Social Work Today (2024): treatment also after the decision; Nature Medicine 2025: under 70 % received the service
allocated.
"""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest
from small_worlds import are_working_days, rows

from best_sim.measures.workload import carers_treatments, clinician_time
from best_sim.pathway import Journeys, simulate
from best_sim.pathway import words as W
from best_sim.pathway.records import LARGEST_FAMILY
from best_sim.pathway.rules.services import WORKS_WITH
from best_sim.scenario import Scenario

SCENARIOS = ("trial-as-run", "london-2017", "glasgow", "louisiana-optimistic", "no-difference")
REPLICATES = 4


@cache
def runs(name: str) -> tuple[Journeys, ...]:
    scenario = Scenario.load(name)
    return tuple(simulate(scenario, 11, k, "compiled") for k in range(REPLICATES))


@pytest.fixture(params=SCENARIOS)
def several(request) -> tuple[Journeys, ...]:
    return runs(request.param)


def lift_families(j: Journeys) -> np.ndarray:
    f = j.tables["families"]
    return f[f["arm"] == W.LIFT]


def test_nobody_is_treated_before_the_assessment_is_complete(several) -> None:
    """Trials 2022: an assessment of about three months comes first."""
    for j in several:
        f = j.tables["families"]
        for one in ("treatment_started", "carers_started"):
            begun = ~np.isnan(f[one])
            assert (f[one][begun] >= f["lift_assessed"][begun]).all()
            assert (f["receipt"][begun] == W.RECEIVED).all()


def test_the_recommendation_follows_the_trial_of_treatment(several) -> None:
    """Trials 2022; NSPCC: two reports, the second on what came of treatment."""
    count = 0
    for j in several:
        f = j.tables["families"]
        told = rows(j, W.LIFT_RECOMMENDED)
        of = f[told["subject"]]
        indicated = of["treatment_indicated"] == 1
        # where none is indicated the recommendation is made at the meeting; at a weekend, on the next working day
        treated = indicated & ~np.isnan(of["treatment_started"])
        for which, done in ((~indicated, of["lift_assessed"]), (treated, of["treatment_ended"])):
            late = told["time"][which] - done[which]
            law = np.asarray(j.names["jurisdictions"])[of["court"][which]]
            for jurisdiction in np.unique(law):
                mine = law == jurisdiction
                open_then = are_working_days(j, done[which][mine], jurisdiction)
                assert (late[mine][open_then] == 0.0).all()
                assert ((late[mine] >= 0.0) & (late[mine] < 5.0)).all()
        # its report is the evidence, and it is the only one
        evidence = rows(j, W.EVIDENCE_IN)
        by_lift = evidence[evidence["value"] == W.BY_LIFT]
        assert (by_lift["subject"] == told["subject"]).all() and (by_lift["time"] == told["time"]).all()
        count += len(told)
    assert (count > 100) == (lift_families(several[0])["lift_assessed"] > 0).any()


def test_treatment_lasts_to_its_review_or_its_end_unless_the_order_comes(several) -> None:
    """Local Government Lawyer 39049: a mid-way review. What is broken off there does not lead home."""
    for j in several:
        f = j.tables["families"]
        f = f[~np.isnan(f["treatment_ended"])]
        reviewed = {int(r["subject"]): float(r["time"]) for r in rows(j, W.TREATMENT_REVIEWED)}
        decided = j.tables["cases"]["decided"][f["index"]]
        for row, order in zip(f, decided, strict=True):
            if row["treatment_full"] == 1:
                half = reviewed[int(row["index"])]
                assert row["treatment_started"] <= half <= row["treatment_ended"]
            else:
                at_review = row["treatment_ended"] == reviewed.get(int(row["index"]))
                assert order == row["treatment_ended"] or (at_review and row["return_advised"] == 0)


def test_only_cases_where_treatment_is_indicated_are_outside_the_limit(several) -> None:
    """Innovation Programme: flexibility about the 26 weeks was for cases where treatment was indicated."""
    for j in several:
        f, c = j.tables["families"], j.tables["cases"]
        first = c[: len(f)]["outside_limit"] == 1
        assert (first == (f["treatment_indicated"] == 1)).all()
        assert (f["receipt"][first] == W.RECEIVED).all()
        assert (c[len(f) :]["outside_limit"] == 0).all(), "proceedings after re-entry are as usual"


def test_carers_are_worked_with_only_while_the_child_lives_with_them(several) -> None:
    """Zeanah: work with those who bring the child up; adopters too. It ends where the child leaves them."""
    places, moved, after = Counter(), 0, 0
    for j in several:
        stays = j.group_placements
        stays = stays[stays["group"] % LARGEST_FAMILY == 0]
        of_group = {g: table for g, table in stays.groupby("group")}
        complete = {
            (int(r["subject"]), float(r["time"])): r["value"] for r in rows(j, W.CARERS_TREATMENT_ENDED)
        }
        decided = j.tables["cases"]["decided"]
        for family, _, begun, ended in carers_treatments(j):
            mine = of_group[family * LARGEST_FAMILY]
            start = mine["start_days"].to_numpy()
            there = mine.iloc[np.flatnonzero(start <= begun)[-1]]
            assert W.PLACEMENT_TYPES.index(there["type"]) in WORKS_WITH
            places[there["type"]] += 1
            after += decided[family] < begun
            last = j.end if np.isnan(ended) else ended
            within = mine[(start > begun) & (start < last)]
            assert (within["began_by"] == "same_carer").all(), (
                "work went on with carers whom the child had left"
            )
            if not np.isnan(ended) and complete[family, ended] == 0:
                assert (start == ended).any(), "work was broken off while the child stayed"
                moved += 1
    if places:
        assert places["foster"] > 20 and moved > 5
        assert after > 0, "LIFT offers treatment after the decision too"


def test_a_place_is_held_only_while_there_is_work(several) -> None:
    """By the driver's own count: what clinicians hold is what they work, but for what waits for a colleague."""
    held, spent = Counter(), Counter()
    for j in several:
        work = clinician_time(j)
        use = j.resources.set_index("resource")
        for number, team in enumerate(j.names["teams"]):
            for k, profession in enumerate(W.PROFESSIONS):
                of = (work.team == number) & (work.profession == k)
                line = f"lift.{team}.{profession}"
                spent[line] += (np.minimum(work.end[of], j.end) - work.start[of]).sum()
                held[line] += use.loc[line, "mean_in_use"] * (j.end - j.start)
        f = j.tables["families"]
        freed = ~np.isnan(f["lift_freed"])
        assert (
            f["lift_freed"][freed] == f["settled"][freed]
        ).all()  # at the meeting, or when the family left
    for line in spent:
        # it was 27 % once, when a place was kept for a family that waited for its order
        assert spent[line] * (1 - 1e-9) <= held[line] <= 1.1 * spent[line]
    assert sum(held.values()) < 1.04 * sum(spent.values())


def test_every_court_has_a_report_whatever_became_of_lift(several) -> None:
    for j in several:
        f, c = j.tables["families"], j.tables["cases"]
        lift = np.flatnonzero(f["arm"] == W.LIFT)
        decided = lift[c["decided"][lift] <= j.end]
        evidence = rows(j, W.EVIDENCE_IN)
        reports = np.bincount(evidence["subject"], minlength=len(c))[decided]
        assert reports.max() <= 2
        # one as usual may have been in before LIFT began, where the child came into care later than the case
        for family in decided[reports == 2]:
            first = evidence["time"][evidence["subject"] == family].min()
            assert first <= f["lift_started"][family]
        assert (reports == 1).mean() > 0.9  # else the court's patience ended first
        usual = c["assessor"][decided] != W.BY_LIFT
        assert (f["receipt"][decided][~usual] == W.RECEIVED).all()


def test_lengths_are_the_published_ones() -> None:
    """Assessment about three months; treatment five months in London, six to nine (up to twelve) in Glasgow."""
    for name, (least, most) in {"london-2017": (4.0, 6.5), "glasgow": (6.0, 9.0)}.items():
        f = np.concatenate([lift_families(j) for j in runs(name)])
        assessed = (f["lift_assessed"] - f["lift_started"])[~np.isnan(f["lift_assessed"])] / 7.0
        assert 12.0 < assessed.mean() < 17.0
        full = f[f["treatment_full"] == 1]
        months = (full["treatment_ended"] - full["treatment_started"]) / 30.4375
        assert len(full) > 3 and least < months.mean() < most


def test_receipt_is_the_published_and_has_the_trials_reasons() -> None:
    """66.4 % of families, both arms; the legal context is the reason given (Nature Medicine 2025)."""
    f = np.concatenate([j.tables["families"] for j in runs("trial-as-run")])
    f = f[(f["arm"] != W.NOT_ALLOCATED) & np.isnan(f["ineligible"]) & (f["receipt"] != W.PENDING)]
    assert abs((f["receipt"] == W.RECEIVED).mean() - 0.664) < 0.04
    lift = f[f["arm"] == W.LIFT]
    why = Counter(W.RECEIPTS[k] for k in lift["receipt"][lift["receipt"] != W.RECEIVED])
    legal = why["court_would_not_wait"] + why["not_possible"] + why["order_made_first"]
    assert legal > sum(why.values()) / 2, why
    assert {"family_declined", "withdrew", "waited_too_long"} <= set(why)
    got = lift[lift["receipt"] == W.RECEIVED]
    assert 0.1 < (~np.isnan(got["treatment_started"])).mean() < 0.4
    return_advised = got["return_advised"].mean()
    assert (
        0.1 < return_advised < 0.35
    )  # 12 % of the first 50 in Glasgow went home; about a quarter of reports advise it


def test_a_larger_team_alone_does_not_mend_receipt() -> None:
    """And a team that has lost its psychiatrist serves only those who need none."""
    base = Scenario.load("trial-as-run")
    teams = list(base.lift.teams)
    shares = {}
    for name, change in {
        "doubled": {f"lift.teams.{t}.families_per_clinician": 8.8 for t in teams},
        "no psychiatrist": {
            f"lift.teams.{t}.psychiatrists": [
                {"from": base.simulation.start_date.replace(year=2009), "value": 0}
            ]
            for t in teams
        },
    }.items():
        j = [simulate(base.replace(change), 11, k, "compiled") for k in range(REPLICATES)]
        f = np.concatenate([lift_families(one) for one in j])
        shares[name] = (f["receipt"][f["receipt"] != W.PENDING] == W.RECEIVED).mean()
        if name == "no psychiatrist":
            assert not f["clinicians"][~np.isnan(f["lift_started"]), W.PSYCHIATRIST].any()
    f = np.concatenate([lift_families(one) for one in runs("trial-as-run")])
    shares["as it was"] = (f["receipt"][f["receipt"] != W.PENDING] == W.RECEIVED).mean()
    assert 0.0 <= shares["doubled"] - shares["as it was"] < 0.08
    assert shares["no psychiatrist"] < 0.75 * shares["as it was"]


def test_where_lift_is_as_usual_twins_are_the_same_to_the_day() -> None:
    """The scenario without a difference: each child in both arms, event for event and byte for byte."""
    scenario = Scenario.load("no-difference")
    for k in range(2):
        lift, usual = (simulate(scenario, 5, k, "compiled", arm=arm) for arm in ("LIFT", "SAU"))
        a, b = lift.record.copy(), usual.record.copy()
        allocated = a["event"] == W.RANDOMISED
        assert allocated.sum() > 300 and (a["value"][allocated] == W.LIFT).all()
        assert (b["value"][b["event"] == W.RANDOMISED] == W.SAU).all()
        a["value"][allocated] = b["value"][allocated] = 0
        assert a.tobytes() == b.tobytes()
        for name in lift.tables:
            one, other = (j.tables[name].copy() for j in (lift, usual))
            if name == "families":
                one["arm"] = other["arm"] = 0
            assert one.tobytes() == other.tobytes(), name
        for name, score in lift.scores.items():
            np.testing.assert_array_equal(score, usual.scores[name], err_msg=name)
        assert not rows(lift, W.LIFT_ASKED).size
