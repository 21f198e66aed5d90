"""What the parameters of the run, the population, entry to care, the trial, its sites and boroughs do."""

from __future__ import annotations

import numpy as np
from every_parameter.effects import Effect, Figure, falls, gives, in_world, moves, rises
from every_parameter.figures import (
    families,
    family_of,
    first_time,
    gap,
    groups,
    imbalance,
    mean_of,
    number,
    share,
    under_one,
)
from every_parameter.worlds import (
    ALL_LIFT,
    BREAKS_DOWN,
    DURING,
    FEW_CLINICIANS,
    FIRST,
    INFANTS,
    KIN,
    NEWBORNS,
    OLDER,
    ROUTES,
    SIZES,
    VOLUNTARY,
    intake,
    one_of,
    size,
    small,
)
from small_worlds import BOROUGH, SITE, after, always, days, in_days, rows

from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario
from best_sim.scenario.durations import WEEK

THROUGHOUT = {f"{BOROUGH}.entries": intake(200, 1100)}
RUNNING = {"simulation.starts_with": "running", "simulation.warm_up": in_days(300)}
OPENS_LATE = {f"{BOROUGH}.opens": after(500), **THROUGHOUT, "simulation.before_opening": in_days(100)}
SOON_COMPLETE = {"trial.stops_at_target": True, "trial.target_families": 20, **THROUGHOUT}
MINIMISED = {
    "trial.allocation.method": "minimisation", "trial.allocation.strata": "none",
    "trial.allocation.factors": ["under_one"], "trial.allocation.probability_of_best_arm": 1.0,
}  # fmt: skip
BLOCKS = {
    "trial.allocation.method": "blocks", "trial.allocation.strata": "none", "trial.allocation.block_sizes": [2],
}  # fmt: skip
VARIED = {
    "population.children_per_family": {"one": 0.5, "two": 0.5, "three": 0.0},
    "entry.first_placement": {"foster": 0.5, "kinship_foster": 0.5, "parent_and_baby": 0.0, "with_parents": 0.0},
    **KIN,
}  # fmt: skip

FROM_ENTRY_TO_ISSUE = gap(W.ENTERED_CARE, W.PROCEEDINGS_ISSUED)
FAMILIES = mean_of(lambda f: np.full(len(f), len(f), float))


def age_gap(j: Journeys, _: Scenario) -> float:
    """Least days between the births of two siblings."""
    ages = j.tables["children"]["age_at_entry"].reshape(-1, 3)
    return float((ages[:, 1] - ages[:, 0])[ages[:, 1] > 0].min())


def spread_of_moves(j: Journeys, _: Scenario) -> float:
    """Variance of the number of a group's unplanned moves."""
    return float(groups(j)["unplanned"].var())


def first_place(j: Journeys) -> np.ndarray:
    """By family, where its first group went first."""
    r = rows(j, W.PLACED_ON_ENTRY)[::-1]
    out = np.full(len(j.tables["families"]), -1)
    out[family_of(j, r)] = r["value"]
    return out


def latest(event: int) -> Figure:
    """Day of the last family to whom this happens."""
    return lambda j, _: float(np.nanmax(first_time(j, event)))


def earliest(event: int) -> Figure:
    """Day of the first family to whom this happens."""
    return lambda j, _: float(np.nanmin(first_time(j, event)))


SIMULATION: list[Effect] = [
    moves("simulation.start_date", after(0), after(7), -7.0, lambda j, _: j.end - j.start),
    moves("simulation.end_date", after(1000), after(1100), 100.0, lambda j, _: j.end - j.start),
    gives("simulation.starts_with", "empty", "running", (0.0, -300.0), lambda j, _: j.start,
          {"simulation.warm_up": in_days(300)}),
    gives("simulation.warm_up", in_days(100), in_days(200), (-100.0, -200.0), lambda j, _: j.start,
          RUNNING),
    moves("simulation.before_opening", in_days(100), in_days(200), -100.0,
          lambda j, _: float(families(j)["known_at"].min()), OPENS_LATE),
    rises("simulation.after_recruitment", in_days(0), in_days(300), lambda j, _: float(families(j)["known_at"].max()),
          SOON_COMPLETE),
]  # fmt: skip

POPULATION: list[Effect] = [
    *(gives("population.children_per_family", one_of(SIZES, "one"), one_of(SIZES, name), (1.0, n),
            mean_of(lambda f: f["n_children"])) for n, name in ((2.0, "two"), (3.0, "three"))),
    gives("population.under_one_share_of_youngest", always(0), always(1), (0.0, 1.0), mean_of(under_one)),
    gives("population.newborn_share_of_under_one", 0.0, 1.0, (0.0, 1.0),
          mean_of(lambda f: f["youngest_days"] < WEEK), INFANTS),
    falls("population.infant_age_shape", 1.0, 4.0, mean_of(lambda f: f["youngest_days"]), INFANTS),
    gives("population.male_share", 0.0, 1.0, (0.0, 1.0),
          lambda j, _: float(j.tables["children"]["male"][j.lived].mean())),
    gives("population.older_sibling_share", 0.0, 1.0, (0.0, 1.0), mean_of(lambda f: f["older_sibling"])),
    gives("population.kin_available_share", 0.0, 1.0, (0.0, 1.0), mean_of(lambda f: f["kin_available"])),
    gives("population.split_with_one_sibling", 0.0, 1.0, (1.0, 2.0), mean_of(lambda f: f["n_groups"]), size("two")),
    gives("population.split_with_two_siblings", 0.0, 1.0, (1.0, 3.0), mean_of(lambda f: f["n_groups"]), size("three"),
          {"population.pair_kept_together": 0.0}),
    gives("population.pair_kept_together", 0.0, 1.0, (3.0, 2.0), mean_of(lambda f: f["n_groups"]), size("three"),
          {"population.split_with_two_siblings": 1.0}),
    gives("population.sibling_gap", in_days(300), in_days(700), (300.0, 700.0), age_gap, size("two"), within=20.0),
    rises("population.frailty_sd", 0.0, 1.5, lambda j, _: float(j.tables["children"]["frailty"][j.lived].std())),
    rises("population.frailty_sd", 0.0, 1.5, spread_of_moves, {"placements.unplanned.foster": 1.0}),
]  # fmt: skip

ENTRY: list[Effect] = [
    rises("entry.first_time_share", 0.5, 1.0, FAMILIES),
    *(gives("entry.route", one_of(ROUTES, other), one_of(ROUTES, name), (0.0, 1.0), share(W.ENTERED_CARE, k))
      for k, (name, other) in enumerate(zip(ROUTES, (*ROUTES[1:], ROUTES[0]), strict=True))),
    gives("entry.voluntary_never_in_proceedings", 0.0, 1.0, (1.0, 0.0), mean_of(lambda f: f["reaches_court"]),
          VOLUNTARY),
    rises("entry.voluntary_newborn", -2.0, 2.0, share(W.ENTERED_CARE, W.VOLUNTARY), NEWBORNS,
          {"entry.route": {"voluntary": 0.5, "emergency_or_interim": 0.5, "during_proceedings": 0.0}}),
    moves("entry.issue_after_voluntary", days(14), days(28), 14.0, FROM_ENTRY_TO_ISSUE, VOLUNTARY, OLDER, within=1.0),
    moves("entry.issue_after_voluntary_under_one", days(14), days(28), 14.0, FROM_ENTRY_TO_ISSUE, VOLUNTARY, INFANTS,
          within=1.0),
    moves("entry.issue_after_order", days(0), days(7), 7.0, FROM_ENTRY_TO_ISSUE, within=1.0),
    rises("entry.entry_after_issue", days(0), days(60), gap(W.PROCEEDINGS_ISSUED, W.ENTERED_CARE), DURING, OLDER),
    moves("entry.voluntary_stay", days(100), days(114), 14.0,
          gap(W.ENTERED_CARE, (W.MOVED_AS_PLANNED, W.HOME)), BREAKS_DOWN),
    *(gives("entry.first_placement", one_of(FIRST, other), one_of(FIRST, name), (0.0, 1.0),
            share(W.PLACED_ON_ENTRY, W.PLACEMENT_TYPES.index(name)), KIN, INFANTS)
      for name, other in (("foster", "kinship_foster"), ("kinship_foster", "foster"), ("parent_and_baby", "foster"))),
    rises("entry.first_placement", one_of(FIRST, "foster"), one_of(FIRST, "with_parents"),
          share(W.PLACED_ON_ENTRY, W.WITH_PARENTS), DURING),
    gives("entry.hospital_share_of_newborns", 0.0, 1.0, (0.0, 1.0), share(W.PLACED_ON_ENTRY, W.HOSPITAL), NEWBORNS),
    moves("entry.hospital_stay", days(14), days(28), 14.0, gap(W.PLACED_ON_ENTRY, W.MOVED_AS_PLANNED), NEWBORNS,
          {"entry.hospital_share_of_newborns": 1.0}, within=1.0),
]  # fmt: skip

TRIAL: list[Effect] = [
    gives("trial.target_families", 20, 40, (20.0, 40.0), number(W.RANDOMISED), SOON_COMPLETE),
    falls("trial.stops_at_target", False, True, number(W.RANDOMISED), SOON_COMPLETE),
    rises("trial.lift_queue_limit", 0, 1, share(W.SCREENED, W.LIFT_IS_FULL), ALL_LIFT, FEW_CLINICIANS),
    falls("trial.lift_queue_limit", 1, 30, share(W.SCREENED, W.LIFT_IS_FULL), ALL_LIFT, FEW_CLINICIANS),
    moves("trial.steps", "consent > randomisation > baseline", "consent > baseline > randomisation", 10.0,
          gap(W.CONSENT_ANSWERED, W.RANDOMISED), {"trial.baseline_delay": days(10)}),
    moves("trial.consent_delay", days(0), days(10), 10.0, gap(W.SCREENED, W.CONSENT_ANSWERED)),
    moves("trial.randomisation_delay", days(0), days(10), 10.0, gap(W.CONSENT_ANSWERED, W.RANDOMISED)),
    moves("trial.baseline_delay", days(0), days(10), 10.0, gap(W.CONSENT_ANSWERED, W.BASELINE_TAKEN),
          {"trial.steps": "consent > baseline > randomisation"}),
    gives("trial.found_ineligible", 0.0, 1.0, (0.0, 1.0),
          mean_of(lambda f: np.where(f["arm"] > 0, ~np.isnan(f["ineligible"]), np.nan))),
    moves("trial.found_ineligible_delay", days(0), days(10), 10.0, gap(W.RANDOMISED, W.FOUND_INELIGIBLE),
          {"trial.found_ineligible": 1.0}),
    falls("trial.allocation.method", "simple", "blocks", imbalance(), BLOCKS),
    falls("trial.allocation.method", "simple", "minimisation", imbalance(), MINIMISED),
    *(rises("trial.allocation.lift_share", 0.25, 0.75, share(W.RANDOMISED, W.LIFT), how)
      for how in ({}, MINIMISED, {**BLOCKS, "trial.allocation.block_sizes": [4]})),
    rises("trial.allocation.block_sizes", [2], [20], imbalance(), BLOCKS),
    *(falls("trial.allocation.factors", [other], [factor], imbalance(by), MINIMISED, VARIED)
      for factor, other, by in (
          ("under_one", "siblings", lambda j, f: under_one(f)),
          ("siblings", "under_one", lambda j, f: f["n_children"] > 1),
          ("kinship", "under_one", lambda j, f: first_place(j)[f["index"]] == W.KINSHIP_FOSTER),
      )),
    falls("trial.allocation.probability_of_best_arm", 0.5, 1.0, imbalance(), MINIMISED),
]  # fmt: skip


SITES: list[Effect] = [
    rises(f"{SITE}.recruiting", always(0), always(1), number(W.RANDOMISED)),
    gives(f"{SITE}.consent", 0.0, 1.0, (0.0, 1.0), share(W.CONSENT_ANSWERED, W.CONSENTED)),
    gives(f"{SITE}.other_exclusion", 0.0, 1.0, (0.0, 1.0), share(W.SCREENED, W.OTHER_REASON)),
    gives(f"{SITE}.invites_families_with_older_child", False, True, (1.0, 0.0), share(W.SCREENED, W.TOO_OLD),
          {"population.older_sibling_share": 1.0}),
    moves(f"{SITE}.assessment_ratio", 1.0, 1.7, 42.0, gap(W.ASSESSMENT_STARTED, (W.EVIDENCE_IN, W.IN_HOUSE)),
          within=1.0),
]  # fmt: skip

BOROUGHS: list[Effect] = [
    moves(f"{BOROUGH}.opens", after(0), after(100), 100.0, earliest(W.SCREENED), THROUGHOUT, within=10.0),
    moves(f"{BOROUGH}.closes", after(300), after(400), 100.0, latest(W.SCREENED), THROUGHOUT, within=10.0),
    rises(f"{BOROUGH}.entries", intake(100), intake(400), FAMILIES),
    rises(f"{BOROUGH}.rate_variation", 0.0, 1.0, FAMILIES, spread=8),
]  # fmt: skip

EFFECTS = in_world(small, *SIMULATION, *POPULATION, *ENTRY, *TRIAL, *SITES, *BOROUGHS)
