"""What the parameters of courts, care proceedings, reports' advice and orders do."""

from __future__ import annotations

import numpy as np
from every_parameter.effects import Effect, Figure, falls, gives, in_world, moves, rises
from every_parameter.figures import (
    advised,
    between_arms,
    contrast,
    each,
    events,
    first_time,
    gap,
    groups,
    mean_value,
    number,
    share,
    spread_of_gap,
)
from every_parameter.worlds import (
    ALL_LIFT,
    ALL_SAU,
    BREAKS_DOWN,
    DURING,
    EARLY,
    FEW_SITTING_DAYS,
    IN_A_UNIT,
    INFANTS,
    KIN,
    NEWBORNS,
    NO_TRIAL,
    OLDER,
    TAKEN_FROM_A_UNIT,
    TREATED,
    VOLUNTARY,
    WITH_KIN,
    intake,
    ordered,
    small,
)
from small_worlds import (
    BOROUGH,
    COURT,
    COVARIATES,
    DIRECTIONS,
    FOR_EVER,
    TEAM,
    Changes,
    after,
    always,
    days,
    in_days,
)

from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario

WHOLE_CASE = gap(W.PROCEEDINGS_ISSUED, W.CASE_DECIDED)
LIMIT = 182.0
ORDER_OF = {
    "home": W.SUPERVISION_ORDER, "special_guardianship": W.GUARDIANSHIP_ORDER,
    "child_arrangements": W.CHILD_ARRANGEMENTS, "placement_order": W.PLACEMENT_ORDER, "care_order": W.CARE_ORDER,
}  # fmt: skip


def sits_for(kind: int) -> Figure:
    """Days from the first sitting day of a hearing to its last."""

    def figure(j: Journeys, _: Scenario) -> float:
        r = events(j, W.HEARING_LISTED[kind])
        first_day = np.full(len(j.tables["cases"]), np.nan)
        first_day[r["subject"]] = r["time"] + r["value"]
        held = events(j, (W.HEARING_EFFECTIVE, kind))
        return float(np.nanmean(held["time"] - first_day[held["subject"]]))

    return figure


def off_limit(j: Journeys, _: Scenario) -> float:
    """Mean distance of a case's length from 26 weeks."""
    return float(
        np.nanmean(np.abs(first_time(j, W.CASE_DECIDED) - first_time(j, W.PROCEEDINGS_ISSUED) - LIMIT))
    )


def waits_for(kind: int) -> Figure:
    """Mean days from listing to sitting."""
    return mean_value(W.HEARING_LISTED[kind])


def decided_on(j: Journeys, _: Scenario) -> float:
    """Mean days from the evidence to the agency's decision for adoption."""
    g = groups(j)
    evidence = j.tables["cases"]["evidence_in"][g["family"]]
    return float(np.nanmean(g["approved_at"] - evidence))


NOT_LISTED_AT_ONCE = {"proceedings.notice.final": days(100)}
PULLED = {
    "proceedings.pull.strength": 1.0, "proceedings.pull.reach": in_days(1e5), "proceedings.pull.spread": in_days(0),
    "proceedings.pull.least_notice": in_days(0), "proceedings.pull.lets_go": in_days(1000),
}  # fmt: skip
"""Every case is timetabled to end just within the limit."""
OTHERS_TOO = {**FEW_SITTING_DAYS, f"{COURT}.other_cases": always(3), f"{COURT}.other_cases_notice": days(0),
              f"{COURT}.other_cases_variation": 0.0}  # fmt: skip
NEAR_ITS_LIMIT = {
    **OTHERS_TOO,
    f"{COURT}.sitting_days_per_week": always(8),
    f"{COURT}.other_cases": always(15),
}

COURTS: list[Effect] = [
    rises(f"{COURT}.jurisdiction", "England and Wales", "Scotland", number(W.CHILDRENS_HEARING_HELD)),
    falls(f"{COURT}.jurisdiction", "England and Wales", "Scotland", number(W.PROCEEDINGS_ISSUED)),
    falls(f"{COURT}.sitting_days_per_week", always(3.5), always(12), WHOLE_CASE, FEW_SITTING_DAYS),
    falls(f"{COURT}.hours_per_sitting_day", 5, 10, WHOLE_CASE, FEW_SITTING_DAYS),
    falls(f"{COURT}.urgent_share", 0.17, 0.4, waits_for(W.CASE_MANAGEMENT), FEW_SITTING_DAYS),
    rises(f"{COURT}.urgent_share", 0.17, 0.4, waits_for(W.FINAL_HEARING), FEW_SITTING_DAYS),
    rises(f"{COURT}.other_cases", always(0), always(3), WHOLE_CASE, OTHERS_TOO),
    rises(f"{COURT}.other_cases_variation", 0.0, 0.5, waits_for(W.FINAL_HEARING), NEAR_ITS_LIMIT,
          {f"{COURT}.other_cases": always(20), f"{BOROUGH}.entries": intake(200, 1000)}),
    falls(f"{COURT}.other_cases_notice", days(0), days(400), WHOLE_CASE, OTHERS_TOO),
    rises(f"{COURT}.care_orders_at_home", -3.0, 3.0, share(W.ORDER_MADE, W.CARE_ORDER), IN_A_UNIT),
]  # fmt: skip

PROCEEDINGS: list[Effect] = [
    moves("proceedings.content", always(1), always(1.7), 42.0, gap(W.ASSESSMENT_STARTED, (W.EVIDENCE_IN, W.IN_HOUSE)),
          within=1.0),
    rises("proceedings.content", always(1), always(4), sits_for(W.FINAL_HEARING), {"proceedings.hours.final": 8.0}),
    rises("proceedings.complexity_sd", 0.0, 0.7, spread_of_gap(W.ASSESSMENT_STARTED, (W.EVIDENCE_IN, W.IN_HOUSE))),
    gives("proceedings.interim.after_voluntary", 0.0, 1.0, (0.0, 1.0), each(W.INTERIM_LISTED), VOLUNTARY, OLDER),
    gives("proceedings.interim.after_order", 0.0, 1.0, (0.0, 1.0), each(W.INTERIM_LISTED), OLDER),
    gives("proceedings.interim.newborn", 0.0, 1.0, (0.0, 1.0), each(W.INTERIM_LISTED), NEWBORNS),
    falls("proceedings.removal.asked_at_issue_within", in_days(0), in_days(40),
          gap(W.PROCEEDINGS_ISSUED, W.ENTERED_CARE), DURING, OLDER, {"entry.entry_after_issue": days(30)}),
    gives("proceedings.removal.by_emergency_order", 0.0, 1.0, (1.0, 0.0), each(W.INTERIM_LISTED), DURING, OLDER,
          {"entry.entry_after_issue": days(30), "proceedings.notice.case_management": days(60),
           "proceedings.removal.asked_at_issue_within": in_days(0)}),
    moves("proceedings.timetable", in_days(70), in_days(140), 70.0,
          gap((W.HEARING_EFFECTIVE, W.CASE_MANAGEMENT), (W.HEARING_EFFECTIVE, W.ISSUES_RESOLUTION)), within=1.0),
    moves("proceedings.limit", in_days(182), in_days(252), 70.0, WHOLE_CASE, PULLED, within=2.0),
    falls("proceedings.pull.strength", 0.0, 1.0, off_limit, PULLED),
    falls("proceedings.pull.reach", in_days(10), in_days(1000), off_limit, PULLED),
    moves("proceedings.pull.spread", in_days(0), in_days(60), -30.0, WHOLE_CASE, PULLED, within=5.0),
    moves("proceedings.pull.least_notice", in_days(0), in_days(70), 70.0,
          gap((W.HEARING_EFFECTIVE, W.ISSUES_RESOLUTION), W.CASE_DECIDED), PULLED,
          {"proceedings.limit": in_days(50), "proceedings.notice.final": days(70)}, within=2.0),
    falls("proceedings.pull.lets_go", in_days(1), in_days(5000), off_limit, PULLED, NEAR_ITS_LIMIT,
          {f"{COURT}.other_cases_variation": 2.0}),
    # short of it, the pull falls with the lead time
    falls("proceedings.pull.lets_go", in_days(100), in_days(5000), off_limit, PULLED, NEAR_ITS_LIMIT,
          {f"{COURT}.other_cases_variation": 0.5}),
    moves("proceedings.evidence_patience", in_days(105), in_days(175), 70.0, WHOLE_CASE,
          {"sau.in_house": days(FOR_EVER), **ALL_SAU, **NO_TRIAL}, within=2.0),
    rises("proceedings.evidence_patience_outside_limit", in_days(100), in_days(300), WHOLE_CASE, TREATED,
          {f"{TEAM}.treatment": days(600)}),
    gives("proceedings.agreed_at_issues_resolution", 0.0, 1.0, (1.0, 0.0),
          each((W.HEARING_EFFECTIVE, W.FINAL_HEARING))),
    rises("proceedings.contested_final", 0.0, 1.0, sits_for(W.FINAL_HEARING),
          {"proceedings.hours.final": 25.0, "proceedings.hours.final_agreed": 1.0}),
    falls("proceedings.stretch", 0.0, 1.0, waits_for(W.FINAL_HEARING), FEW_SITTING_DAYS),
    falls("proceedings.urgent_stretch", 0.0, 1.0, waits_for(W.CASE_MANAGEMENT), FEW_SITTING_DAYS,
          {f"{COURT}.urgent_share": 0.17}),
    gives("proceedings.most_adjournments", 1, 3, (1.0, 3.0), each((W.HEARING_ADJOURNED, W.FINAL_HEARING)),
          {"proceedings.adjournment.final": 1.0}),
    moves("proceedings.agency_decision", days(0), days(14), 14.0, decided_on, ordered("placement_order"),
          NOT_LISTED_AT_ONCE, within=1.0),
    moves("proceedings.notice.interim", days(0), days(14), 14.0, waits_for(W.INTERIM_HEARING), VOLUNTARY, OLDER,
          {"proceedings.interim.after_voluntary": 1.0}, within=1.0),
    moves("proceedings.notice.case_management", days(0), days(14), 14.0, waits_for(W.CASE_MANAGEMENT), within=1.0),
    moves("proceedings.notice.issues_resolution", days(14), days(28), 14.0, waits_for(W.ISSUES_RESOLUTION),
          {"proceedings.timetable": in_days(0)}, within=1.0),
    moves("proceedings.notice.final", days(0), days(14), 14.0, waits_for(W.FINAL_HEARING), within=1.0),
    moves("proceedings.notice.further", days(0), days(14), 14.0,
          gap((W.HEARING_ADJOURNED, W.FINAL_HEARING), (W.HEARING_EFFECTIVE, W.FINAL_HEARING)),
          {"proceedings.adjournment.final": 1.0, "proceedings.most_adjournments": 1}, within=1.0),
    rises("proceedings.hours.interim", 1.0, 25.0, sits_for(W.INTERIM_HEARING),
          {"proceedings.interim.after_order": 1.0}),
    rises("proceedings.hours.case_management", 1.0, 25.0, sits_for(W.CASE_MANAGEMENT)),
    rises("proceedings.hours.issues_resolution", 1.0, 25.0, sits_for(W.ISSUES_RESOLUTION)),
    rises("proceedings.hours.final", 1.0, 25.0, sits_for(W.FINAL_HEARING)),
    rises("proceedings.hours.final_agreed", 1.0, 25.0, sits_for(W.FINAL_HEARING), {"proceedings.contested_final": 0.0}),
    *(gives(f"proceedings.adjournment.{name}", 0.0, 1.0, (0.0, 1.0), each((W.HEARING_ADJOURNED, kind)),
            {"proceedings.most_adjournments": 1, "proceedings.interim.after_order": 1.0})
      for kind, name in enumerate(W.HEARINGS)),
    falls("proceedings.adjournment.grows_from", in_days(0), in_days(1000), number(W.HEARING_ADJOURNED),
          {"proceedings.adjournment.growth": 0.1, "proceedings.most_adjournments": 1, **NOT_LISTED_AT_ONCE}),
    rises("proceedings.adjournment.growth", 0.0, 0.1, number(W.HEARING_ADJOURNED),
          {"proceedings.adjournment.grows_from": in_days(0), "proceedings.most_adjournments": 1, **NOT_LISTED_AT_ONCE}),
]  # fmt: skip

ADVICE: list[Effect] = [
    gives("advice.intercept", -10.0, 10.0, (0.0, 1.0), lambda j, _: float(np.nanmean(advised(j))), within=0.01),
    rises("advice.need", -2.0, 2.0, lambda j, _: need_of_advised(j), {"advice.intercept": 0.0}),
    rises("advice.under_one", -2.0, 2.0, lambda j, _: float(np.nanmean(advised(j))), INFANTS,
          {"advice.intercept": 0.0}),
    gives("advice.under_one", -2.0, 2.0, (0.5, 0.5), lambda j, _: float(np.nanmean(advised(j))), OLDER,
          {"advice.intercept": 0.0}, within=0.1),
    rises("advice.lift", -2.0, 2.0, between_arms(advised), {"advice.intercept": 0.0}),
]  # fmt: skip


def need_of_advised(j: Journeys) -> float:
    """Mean need of families to whom a return is advised, less that of the others."""
    need, advice = j.tables["families"]["need"], advised(j)
    return float(need[advice == 1].mean() - need[advice == 0].mean())


BACK_AFTER_FIVE: Changes = {
    **BREAKS_DOWN, **OLDER, "simulation.end_date": after(2500), "placements.breakdown.home_later": 0.7,
    "placements.breakdown.issued_again": 1.0, "placements.breakdown.issued_again_delay": days(7),
}  # fmt: skip
WHERE_IT_HOLDS: dict[str, Changes] = {
    "intercept": {}, "under_one": INFANTS, "newborn": NEWBORNS, "year_over_five": BACK_AFTER_FIVE, "need": {},
    "kin": KIN, "with_kin": WITH_KIN, "with_parents": IN_A_UNIT, "removed": TAKEN_FROM_A_UNIT,
    "early_permanence": EARLY,
    "lift": ALL_LIFT, "return_advised": {"advice.intercept": 10.0},
}  # fmt: skip
TO_KIN = ("special_guardianship", "child_arrangements")
NEVER = {(name, "early_permanence") for name in TO_KIN}
"""Relatives who could care, without whom there is no such order, keep an infant from carers who may adopt it."""


def order_effects() -> list[Effect]:
    """Each covariate of each direction of the court's decision, where it holds."""
    out = [
        gives("orders.no_order_share", 0.0, 1.0, (0.0, 1.0), share(W.ORDER_MADE, W.NO_ORDER), ordered("home"),
              within=0.01)
    ]  # fmt: skip
    for direction in DIRECTIONS:
        order, kin = ORDER_OF[direction], KIN if direction in TO_KIN else {}
        for covariate in ("intercept", *COVARIATES):
            if (direction, covariate) in NEVER:
                continue
            figure = (
                contrast(W.ORDER_MADE, order, "need") if covariate == "need" else share(W.ORDER_MADE, order)
            )
            out.append(
                rises(f"orders.{direction}.{covariate}", -1.5, 1.5, figure, kin, WHERE_IT_HOLDS[covariate],
                      {"orders.no_order_share": 0.0})
            )  # fmt: skip
    return out


EFFECTS = in_world(small, *COURTS, *PROCEEDINGS, *ADVICE, *order_effects())
