"""Scenarios that leave the beaten track, by name: what the two drivers, and the invariants, are tried on."""

from __future__ import annotations

import datetime as dt
from typing import Any

from small_worlds import HEARINGS, always, days

TEAMS = ("london", "glasgow")
COURTS = ("glasgow", "east_london")
BOROUGHS = ("glasgow", "croydon", "tower_hamlets", "bromley", "sutton", "barking_and_dagenham")
PROFESSIONS = ("social_workers", "psychologists", "psychiatrists")
DELAYS = (
    "entry.issue_after_voluntary", "entry.issue_after_voluntary_under_one",
    "entry.issue_after_order", "entry.entry_after_issue", "entry.voluntary_stay",
    "trial.consent_delay", "trial.randomisation_delay", "trial.baseline_delay", "trial.found_ineligible_delay",
    "proceedings.notice.interim", "proceedings.notice.case_management", "proceedings.notice.issues_resolution",
    "proceedings.notice.final", "proceedings.notice.further", "sau.in_house", "sau.independent_social_worker",
    "sau.external_expert", "sau.statement", "lift.meeting", "placements.bridging.stay", "entry.hospital_stay",
    "placements.planned.to_kin_delay", "placements.planned.early_permanence_delay",
    "placements.planned.early_permanence_match", "placements.planned.home_on_care_order",
    "placements.planned.unit_stay", "placements.planned.home_delay",
    "placements.planned.guardians_delay", "placements.planned.adoption_match", "placements.planned.adoption_placed",
    "placements.planned.adoption_order", "placements.planned.no_match_delay", "placements.planned.long_term_delay",
    "placements.breakdown.issued_again_delay",
)  # fmt: skip


def staff(*steps: tuple[dt.date, float]) -> dict[str, Any]:
    """Both teams with so many full-time social workers from each date, and nobody else: no other is needed."""
    series = [{"from": day, "value": value} for day, value in steps]
    changes: dict[str, Any] = {f"lift.teams.{t}.{p}": always(0) for t in TEAMS for p in PROFESSIONS}
    changes |= {f"lift.weekly_hours.{p}": 0.0 for p in PROFESSIONS[1:]}
    return changes | {f"lift.teams.{t}.social_workers": series for t in TEAMS}


LONG_AGO = dt.date(2000, 1, 1)

VARIATIONS: dict[str, dict[str, Any]] = {
    "starts empty": {"simulation.starts_with": "empty"},
    "no warm-up": {"simulation.warm_up": 0},
    "few assessors": {
        "sau.places.in_house": 12,
        "sau.places.independent_social_worker": 7,
        "sau.places.external_expert": 4,
    },
    "one assessor": {"sau.places.in_house": 1},
    "youngest first": {"lift.priority": "youngest first"},
    "blocks": {"trial.allocation.method": "blocks"},
    "blocks by borough, two to one": {
        "trial.allocation.method": "blocks",
        "trial.allocation.strata": "borough",
        "trial.allocation.block_sizes": [3, 6],
        "trial.allocation.lift_share": 2 / 3,
    },
    "simple": {"trial.allocation.method": "simple"},
    "minimisation on everything": {
        "trial.allocation.factors": ["site", "borough", "under_one", "siblings", "kinship"],
        "trial.allocation.strata": "none",
    },
    "visits from entry": {"visits.counted_from.third": "entry"},
    "visits from randomisation": {f"visits.counted_from.{v}": "randomisation" for v in ("first", "second")},
    "visits arranged late": {"visits.arranging": days(150)},
    "baseline first": {"trial.steps": "consent > baseline > randomisation"},
    "a target of one": {"trial.target_families": 1},
    "staff leaves": staff((LONG_AGO, 20), (dt.date(2019, 3, 1), 3), (dt.date(2020, 6, 1), 12)),
    "no staff": staff((LONG_AGO, 0)),
    "staff in the future": staff((dt.date(2019, 1, 1), 0), (dt.date(2021, 1, 1), 10)),
    "no boroughs open": {f"boroughs.{b}.opens": dt.date(2024, 2, 28) for b in BOROUGHS},
    "nobody enters": {f"boroughs.{b}.entries": always(0) for b in BOROUGHS},
    "constant delays": {name: days(20) for name in DELAYS},
    "no delays at all": {name: days(0) for name in DELAYS},
    "everyone consents": {"sites.london.consent": 1.0, "sites.glasgow.consent": 1.0},
    "nobody consents": {"sites.london.consent": 0.0, "sites.glasgow.consent": 0.0},
    "nobody moves": {
        f"placements.unplanned.{name}": 0.0
        for name in (
            "foster", "kinship_foster", "parent_and_baby", "with_parents", "with_parents_first_month",
            "placed_for_adoption", "long_term_foster", "residential", "early_permanence",
        )
    },
    "everyone moves": {
        f"placements.unplanned.{name}": 12.0
        for name in ("foster", "kinship_foster", "parent_and_baby", "placed_for_adoption")
    } | {"placements.unplanned.lift_hazard_ratio": 3.0},
    "everyone bridges": {"placements.bridging.first_share": 1.0, "placements.bridging.again_share": 0.9},
    "newborns in hospital, then in units": {
        "population.newborn_share_of_under_one": 1.0,
        "entry.hospital_share_of_newborns": 1.0,
        "entry.first_placement": {
            "foster": 0.0, "kinship_foster": 0.0, "parent_and_baby": 0.8, "with_parents": 0.2,
        },
    },
    "carers who may adopt": {
        "population.kin_available_share": 0.0,
        "placements.planned.early_permanence_share": 1.0,
        "placements.unplanned.early_permanence": 2.0,
    },
    "at home on care orders": {
        "entry.route": {"voluntary": 0.0, "emergency_or_interim": 0.0, "during_proceedings": 1.0},
        "entry.first_placement": {
            "foster": 0.0, "kinship_foster": 0.0, "parent_and_baby": 0.0, "with_parents": 1.0,
        },
        "orders.care_order.with_parents": 5.0,
    },
    "permanence breaks down": {
        "placements.breakdown.home_first_year": 0.9,
        "placements.breakdown.special_guardianship": 2.0,
        "placements.breakdown.child_arrangements": 3.0,
        "placements.breakdown.adoption": 2.0,
        "placements.breakdown.issued_again": 1.0,
    },
    "never adjourned": {f"proceedings.adjournment.{h}": 0.0 for h in HEARINGS},
    "always adjourned": {f"proceedings.adjournment.{h}": 1.0 for h in HEARINGS},
    "a tiny court": {f"courts.{c}.sitting_days_per_week": always(13) for c in COURTS}
    | {f"courts.{c}.urgent_share": 0.2 for c in COURTS},
    "a huge court": {f"courts.{c}.sitting_days_per_week": always(4000) for c in COURTS},
    "an impatient court": {"proceedings.evidence_patience": {"value": 0, "unit": "days"}},
    "impatient families": {"lift.patience": {"value": 0, "unit": "days"}},
    "everyone is treated": {"lift.treats": 1.0, "advice.intercept": 2.0},
    "no psychiatrist": {f"lift.teams.{t}.psychiatrists": always(0) for t in TEAMS},
    "the psychologists leave": {
        f"lift.teams.{t}.psychologists": [
            {"from": LONG_AGO, "value": 3}, {"from": dt.date(2018, 6, 1), "value": 0.25}
        ]
        for t in TEAMS
    },
    "a court that never waits for LIFT": {"lift.court_waits": days(0)},
    "LIFT is as usual": {"lift.works_as": "services as usual"},
    "all carers": {"lift.treats_carers": 1.0, "lift.carers_within": {"value": 60, "unit": "months"}},
    "long treatments": {f"lift.teams.{t}.treatment": days(900) for t in TEAMS},
    "large families": {
        "population.children_per_family": {"one": 0.0, "two": 0.0, "three": 1.0},
        "population.split_with_two_siblings": 1.0,
        "population.pair_kept_together": 0.5,
    },
    "all voluntary": {"entry.route": {"voluntary": 1.0, "emergency_or_interim": 0.0, "during_proceedings": 0.0}},
    "all after issue": {"entry.route": {"voluntary": 0.0, "emergency_or_interim": 0.0, "during_proceedings": 1.0}},
    "everyone is seen": {f"visits.retention.{v}": 10.0 for v in ("first", "second", "third")},
    "Scots law everywhere": {f"courts.{court}.jurisdiction": "Scotland" for court in COURTS},
    "English law everywhere": {"courts.glasgow.jurisdiction": "England and Wales"},
    "everyone is found ineligible": {"trial.found_ineligible": 1.0},
}  # fmt: skip
"""By name: changes to the trial as it ran."""
