"""What the parameters of services as usual and of LIFT do."""

from __future__ import annotations

import numpy as np
from every_parameter.effects import Effect, Figure, falls, gives, in_world, moves, rises
from every_parameter.figures import cost, families, gap, mean_of, mean_value, number, share
from every_parameter.worlds import (
    ALL_LIFT,
    ASSESSORS,
    FEW_CLINICIANS,
    INFANTS,
    NO_TRIAL,
    OLDER,
    TREATED,
    TREATMENTS,
    one_of,
    small,
)
from small_worlds import TEAM, Changes, always, days, in_days

from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario


def by(kind: str) -> Changes:
    """Every parenting assessment is made by these."""
    return {"sau.assessor": one_of(ASSESSORS, kind)}


def receipt(value: int) -> Figure:
    """Share of LIFT's families whose service was settled so."""
    return share(W.SERVICE_SETTLED, value)


def age_of_assessed(j: Journeys, _: Scenario) -> float:
    """Mean age at entry of families that LIFT began to assess, of those that waited."""
    f = families(j)
    f = f[~np.isnan(f["lift_asked"])]
    begun = ~np.isnan(f["lift_started"])
    return float(f["youngest_days"][begun].mean() - f["youngest_days"][~begun].mean())


TAKES = gap(W.ASSESSMENT_STARTED, W.EVIDENCE_IN)
WAITS = gap(W.ASSESSOR_ASKED, W.ASSESSMENT_STARTED)
SAU: list[Effect] = [
    *(gives("sau.assessor", one_of(ASSESSORS, other), one_of(ASSESSORS, kind), (0.0, 1.0), share(W.ASSESSOR_ASKED, k),
            NO_TRIAL) for k, (kind, other) in enumerate(zip(ASSESSORS, (*ASSESSORS[1:], ASSESSORS[0]), strict=True))),
    gives("sau.not_assessed", 0.0, 1.0, (0.0, 1.0), share(W.ASSESSOR_ASKED, W.SOCIAL_WORK_STATEMENT), NO_TRIAL),
    *(moves(f"sau.{kind}", days(28), days(42), 14.0, TAKES, by(kind), NO_TRIAL, within=1.0) for kind in ASSESSORS),
    moves("sau.statement", days(28), days(42), 14.0, TAKES, {"sau.not_assessed": 1.0, **NO_TRIAL}, within=1.0),
    *(rises(f"sau.places.{kind}", 0, 2, WAITS, by(kind), NO_TRIAL) for kind in ASSESSORS),
    *(falls(f"sau.places.{kind}", 2, 10, WAITS, by(kind), NO_TRIAL) for kind in ASSESSORS),
]  # fmt: skip

QUEUE: Changes = {**ALL_LIFT, **FEW_CLINICIANS, "lift.patience": in_days(60)}
ALL_PROFESSIONS: Changes = {
    **ALL_LIFT, f"{TEAM}.psychologists": always(10), f"{TEAM}.psychiatrists": always(10),
    f"{TEAM}.social_workers": always(100), "lift.needs_psychiatrist": 1.0, "lift.weekly_hours.social_workers": 1.0,
    "lift.weekly_hours.psychologists": 1.0, "lift.weekly_hours.psychiatrists": 1.0,
}  # fmt: skip
WITH_CARERS: Changes = {
    **ALL_LIFT, "lift.treats_carers": 1.0, "lift.carers_within": in_days(500), "lift.carers_course": days(20),
    f"{TEAM}.psychologists": always(100), "lift.weekly_hours.psychologists": 1.0,
}  # fmt: skip
BY_AGE = ((INFANTS, "lift.treatment_under_one"), (OLDER, "lift.treatment_older"))


def treated_by(name: str) -> Changes:
    """Every treatment is of this kind."""
    return {age: one_of(TREATMENTS, name) for _, age in BY_AGE}


LIFT: list[Effect] = [
    falls("lift.works_as", "LIFT", "services as usual", number(W.LIFT_ASKED), ALL_LIFT),
    gives("lift.declines", 0.0, 1.0, (0.0, 1.0), receipt(W.FAMILY_DECLINED), ALL_LIFT, within=0.03),
    gives("lift.not_possible", 0.0, 1.0, (0.0, 1.0), receipt(W.NOT_POSSIBLE), ALL_LIFT, within=0.03),
    gives("lift.court_waits", days(10), days(400), (1.0, 0.0), receipt(W.COURT_WOULD_NOT_WAIT), ALL_LIFT, within=0.03),
    gives("lift.leaves_in_assessment", 0.0, 1.0, (0.0, 1.0), receipt(W.WITHDREW), ALL_LIFT, within=0.03),
    moves("lift.leaves_assessment_at", 0.25, 0.75, 30.0, mean_value(W.LIFT_PLACE_FREED), ALL_LIFT,
          {"lift.leaves_in_assessment": 1.0}),
    falls("lift.patience", in_days(10), in_days(200), receipt(W.WAITED_TOO_LONG), QUEUE),
    falls("lift.priority", "first come", "youngest first", age_of_assessed, QUEUE),
    moves("lift.meeting", days(0), days(14), 14.0, gap(W.LIFT_STARTED, W.LIFT_ASSESSED), ALL_LIFT),
    gives("lift.needs_psychiatrist", 0.0, 1.0, (0.0, 1.0),
          mean_of(lambda f: np.where(np.isnan(f["lift_started"]), np.nan, f["clinicians"][:, W.PSYCHIATRIST])),
          ALL_PROFESSIONS),
    gives("lift.weekly_hours.social_workers", 1.0, 2.0, (10.0, 20.0), mean_value(W.PSYCHOLOGY_PLACES), ALL_PROFESSIONS),
    gives("lift.weekly_hours.psychologists", 1.0, 2.0, (10.0, 5.0), mean_value(W.PSYCHOLOGY_PLACES), ALL_PROFESSIONS),
    gives("lift.weekly_hours.psychiatrists", 1.0, 2.0, (10.0, 5.0), mean_value(W.PSYCHIATRY_PLACES), ALL_PROFESSIONS),
    *(rises(f"lift.weekly_hours.{who}", 1.0, 3.0, cost("service"), ALL_PROFESSIONS,
            {f"{TEAM}.psychologists": always(200), f"{TEAM}.psychiatrists": always(200)}) for who in W.PROFESSIONS),
    rises("lift.return_may_be_possible", -5.0, 5.0, mean_value(W.LIFT_ASSESSED), TREATED),
    rises("lift.treats", 0.0, 1.0, number(W.TREATMENT_STARTED), TREATED),
    # a treatment is broken off only where it does not lead home
    gives("lift.leaves_treatment", 0.0, 1.0, (1.0, 0.0), mean_value(W.TREATMENT_ENDED), TREATED,
          {"advice.intercept": -5.0, "lift.return_may_be_possible": 5.0}, within=0.03),
    gives("lift.leaves_treatment", 0.0, 1.0, (1.0, 1.0), mean_value(W.TREATMENT_ENDED), TREATED,
          {"advice.intercept": 10.0}),
    rises("lift.treats_carers", 0.0, 1.0, number(W.CARERS_TREATMENT_STARTED), WITH_CARERS),
    rises("lift.carers_within", in_days(30), in_days(500), number(W.CARERS_TREATMENT_STARTED), WITH_CARERS),
    moves("lift.carers_course", days(7), days(21), 14.0, gap(W.CARERS_TREATMENT_STARTED, W.CARERS_TREATMENT_ENDED),
          WITH_CARERS, within=1.0),
    moves("lift.review_at", 0.2, 0.6, 40.0, gap(W.TREATMENT_STARTED, W.TREATMENT_REVIEWED), TREATED),
    *(gives(leaf, one_of(TREATMENTS, other), one_of(TREATMENTS, name), (0.0, 1.0),
            share(event, W.TREATMENTS.index(name)), world, age, {theirs: one_of(TREATMENTS, other)})
      for (age, leaf), (_, theirs) in (BY_AGE, BY_AGE[::-1])
      for name, other in zip(TREATMENTS, (*TREATMENTS[1:], TREATMENTS[0]), strict=True)
      for event, world in ((W.TREATMENT_STARTED, TREATED), (W.CARERS_TREATMENT_STARTED, WITH_CARERS))),
    *(rises(f"lift.{what}.{name}", 1.0, 5.0, cost("service"), TREATED, treated_by(name))
      for what in ("sessions", "hours_per_session") for name in TREATMENTS),
]  # fmt: skip

TEAMS: list[Effect] = [
    *(rises(f"{TEAM}.{who}", always(0), always(100), number(W.LIFT_STARTED), ALL_PROFESSIONS,
            {"lift.patience": in_days(60)})
      for who in W.PROFESSIONS),
    gives(f"{TEAM}.families_per_clinician", 1.0, 2.0, (4.0, 8.0), mean_value(W.SOCIAL_WORK_PLACES), FEW_CLINICIANS),
    moves(f"{TEAM}.assessment", days(28), days(42), 14.0, gap(W.LIFT_STARTED, W.LIFT_ASSESSED), ALL_LIFT),
    moves(f"{TEAM}.treatment", days(28), days(42), 14.0, gap(W.TREATMENT_STARTED, W.TREATMENT_ENDED), TREATED,
          {"lift.leaves_treatment": 0.0}),
    rises(f"{TEAM}.other_referrals", always(0), always(50), number(W.OTHER_LIFT_ASKED)),
    moves(f"{TEAM}.other_stay", days(100), days(114), 14.0, mean_value(W.OTHER_LIFT_ENDED),
          {f"{TEAM}.other_referrals": always(50)}),
]  # fmt: skip

EFFECTS = in_world(small, *SAU, *LIFT, *TEAMS)
