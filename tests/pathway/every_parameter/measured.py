"""What the parameters of visits, outcome scores and costs do, by their own measures."""

from __future__ import annotations

from typing import Any

import numpy as np
from every_parameter.effects import Effect, Figure, falls, gives, in_world, moves, rises
from every_parameter.figures import between_arms, cost, families, score, seen
from every_parameter.placements import WAITS_FOR_ADOPTION, WHERE
from every_parameter.worlds import (
    ADOPTED,
    ALL_LIFT,
    ALL_SAU,
    ASSESSORS,
    FOLLOWED,
    KIN,
    NEWBORNS,
    OLDER,
    TREATED,
    one_of,
    ordered,
    size,
    small,
)
from small_worlds import COURT, TEAM, Changes, after, always, days, in_days

from best_sim.measures.costs import UnitCosts
from best_sim.measures.economics import amounts_of
from best_sim.pathway import words as W
from best_sim.pathway.journeys import Journeys
from best_sim.scenario import Scenario

# --- visits -------------------------------------------------------------------------------------------------
NTH = ("first", "second", "third")
MOVE_OFTEN: Changes = {"placements.unplanned.foster": 3.0}


def visited(visit: int, of=np.nanmean, since: str = "randomised") -> Figure:
    """A figure of the days from randomisation to a visit."""

    def figure(j: Journeys, _: Scenario) -> float:
        f = families(j)
        from_when = f["visit_due"][:, visit] if since == "visit_due" else f[since]
        return float(of(f["visit_at"][:, visit] - from_when))

    return figure


def always_or_never_seen(j: Journeys, _: Scenario) -> float:
    """Families that are seen at every visit or at none."""
    state = families(j)["visit_state"]
    state = state[(state > 0).all(axis=1)]
    n = (state == W.SEEN).sum(axis=1)
    return float(((n == 0) | (n == W.VISITS)).mean())


def seen_at_last(j: Journeys) -> np.ndarray:
    state = j.tables["families"]["visit_state"][:, 2]
    return np.where(state > 0, state == W.SEEN, np.nan)


VISITS: list[Effect] = [
    *(moves(f"visits.{name}", in_days(at), in_days(at + 14), 14.0, visited(k), FOLLOWED)
      for k, (name, at) in enumerate(zip(NTH, (30, 200, 400), strict=True))),
    *(moves(f"visits.counted_from.{name}", "entry", "randomisation", 20.0, visited(k), FOLLOWED,
            {"trial.consent_delay": days(20)}, within=2.0) for k, name in enumerate(NTH)),
    moves("visits.arranging", days(7), days(21), 14.0, visited(0), FOLLOWED, {"visits.first": in_days(1)}),
    rises("visits.window", in_days(0), in_days(28), visited(0, np.nanstd), FOLLOWED),
    gives("visits.window", in_days(0), in_days(28), (0.0, 0.0), visited(0, since="visit_due"), FOLLOWED, within=1.5),
    *(gives(f"visits.retention.{name}", -10.0, 10.0, (0.0, 1.0), seen(k), FOLLOWED,
            {"visits.retention.reach_sd": 0.0}, within=0.01) for k, name in enumerate(NTH)),
    rises("visits.retention.lift", -2.0, 2.0, between_arms(seen_at_last), FOLLOWED),
    rises("visits.retention.with_adopters", -2.0, 2.0, seen(2), FOLLOWED, WAITS_FOR_ADOPTION),
    rises("visits.retention.with_adopters", -2.0, 2.0, seen(2), FOLLOWED, ADOPTED),
    rises("visits.retention.at_home", -2.0, 2.0, seen(2), FOLLOWED, ordered("home"),
          {"placements.planned.home_delay": days(0)}),
    rises("visits.retention.per_move", -1.0, 1.0, seen(2), FOLLOWED, MOVE_OFTEN),
    rises("visits.retention.reach_sd", 0.0, 5.0, always_or_never_seen, FOLLOWED),
]  # fmt: skip

# --- scores -------------------------------------------------------------------------------------------------
SCORED: Changes = {
    **FOLLOWED, "outcomes.sdq.youngest_age": in_days(0), "outcomes.sdq.per_move": 0.0, "outcomes.sdq.lift_effect": 0.0,
    **{f"outcomes.sdq.mean_{name}": 20.0 for name in NTH}, "outcomes.sdq.sd": 5.0,
    **{f"outcomes.pirgas.mean_{name}": 50.0 for name in NTH},
    **{f"outcomes.pirgas.sd_{name}": 10.0 for name in NTH},
}  # fmt: skip
"""Scores in the middle of their scales, so that hardly any is at an end."""


def correlated(name: str, how: str) -> Figure:
    """Correlation of a score between siblings, or of one child's second and third visits, or with the family's need."""

    def figure(j: Journeys, _: Scenario) -> float:
        values = j.scores[name]
        at_last, before = values[:, 2].reshape(-1, 3), values[:, 1].reshape(-1, 3)
        pair = {
            "siblings": (at_last[:, 0], at_last[:, 1]),
            "visits": (before[:, 0], at_last[:, 0]),
            "need": (j.tables["families"]["need"], at_last[:, 0]),
        }[how]
        known = ~np.isnan(pair[0]) & ~np.isnan(pair[1])
        return float(np.corrcoef(pair[0][known], pair[1][known])[0, 1])

    return figure


def score_by_arm(name: str, visit: int) -> Figure:
    return between_arms(lambda j: j.scores[name][::3, visit])


DECLINED: Changes = {"lift.declines": 1.0}

SCORES: list[Effect] = [
    *(moves(f"outcomes.{name}.mean_{nth}", middle, middle + 4, 4.0, score(name, k), SCORED, within=0.05)
      for name, middle in (("sdq", 18.0), ("pirgas", 48.0)) for k, nth in enumerate(NTH)),
    *(rises("outcomes.sdq.sd", 2.0, 6.0, score("sdq", k, np.nanstd), SCORED) for k in range(3)),
    *(rises(f"outcomes.pirgas.sd_{nth}", 4.0, 12.0, score("pirgas", k, np.nanstd), SCORED)
      for k, nth in enumerate(NTH)),
    *(rises(f"outcomes.{name}.sibling_correlation", 0.0, 0.7, correlated(name, "siblings"), SCORED, size("two"),
            {f"outcomes.{name}.correlation_over_time": 0.7}) for name in ("sdq", "pirgas")),
    *(rises(f"outcomes.{name}.correlation_over_time", 0.1, 0.9, correlated(name, "visits"), SCORED,
            {f"outcomes.{name}.sibling_correlation": 0.0}) for name in ("sdq", "pirgas")),
    rises("outcomes.sdq.need", 0.0, 0.9, correlated("sdq", "need"), SCORED,
          {"outcomes.sdq.sibling_correlation": 0.8, "outcomes.sdq.correlation_over_time": 0.8}),
    moves("outcomes.sdq.lift_effect", -4.0, 4.0, 8.0, score_by_arm("sdq", 2), SCORED, within=0.2),
    moves("outcomes.pirgas.lift_effect", -8.0, 8.0, 16.0, score_by_arm("pirgas", 2), SCORED, within=0.2),
    *(moves(f"outcomes.{name}.lift_effect", -4.0, 4.0, 8.0, score_by_arm(name, 2), SCORED, DECLINED,
            {"outcomes.effect_applies_to": "allocated"}, within=0.2) for name in ("sdq", "pirgas")),
    *(moves("outcomes.effect_applies_to", "received", "allocated", 4.0, score_by_arm(name, 2), SCORED, DECLINED,
            {f"outcomes.{name}.lift_effect": 4.0}, within=0.2) for name in ("sdq", "pirgas")),
    rises("outcomes.sdq.per_move", 0.0, 1.0, score("sdq", 2), SCORED, MOVE_OFTEN),
    rises("outcomes.sdq.per_month_to_permanence", 0.0, 0.5, score("sdq", 2), SCORED),
    rises("outcomes.sdq.youngest_age", in_days(0), in_days(900),
          score("sdq", 2, lambda scores: np.isnan(scores).mean()), SCORED, OLDER),
    moves("outcomes.utility.at_sdq_zero", 0.5, 0.6, 0.1, score("utility", 2), SCORED,
          {"outcomes.utility.per_sdq_point": 0.0, "outcomes.utility.sd": 0.0}),
    moves("outcomes.utility.per_sdq_point", -0.02, -0.01, 0.2, score("utility", 2), SCORED,
          {"outcomes.utility.sd": 0.0, "outcomes.utility.at_sdq_zero": 0.9}, within=0.01),
    rises("outcomes.utility.sd", 0.0, 0.1, score("utility", 2, np.nanstd), SCORED,
          {"outcomes.utility.at_sdq_zero": 0.6, "outcomes.utility.per_sdq_point": 0.0}),
]  # fmt: skip

# --- costs --------------------------------------------------------------------------------------------------
KINDS = [name for k, name in enumerate(W.PLACEMENT_TYPES) if k != W.OF_AGE]
NOTHING: Changes = {
    **{f"costs.{kind}_week": always(0) for kind in KINDS},
    "costs.discount_rate": 0.0, "costs.perspective": "public sector", "costs.horizon": in_days(700),
    "costs.hearing": always(0), "costs.childrens_hearing": always(0), "costs.usual_support_month": 0.0,
    **{f"costs.assessment_{kind}": 0.0 for kind in ("in_house", "independent", "expert", "statement")},
    **{f"costs.{who}_hour": 0.0 for who in ("social_worker", "psychologist", "psychiatrist")},
}  # fmt: skip
"""Nothing costs anything."""
LIVES: dict[str, Changes] = {
    **{kind: WHERE[kind] for kind in WHERE if kind != "with_parents_first_month"},
    "adopted": ADOPTED, "placed_for_adoption": WAITS_FOR_ADOPTION,
    "special_guardianship": {**ordered("special_guardianship"), **KIN},
    "home": {**ordered("home"), "placements.planned.home_delay": days(0)},
    "bridging_foster": {"placements.bridging.first_share": 1.0, "placements.bridging.stay": days(50), **OLDER},
    "hospital": {**NEWBORNS, "entry.hospital_share_of_newborns": 1.0, "entry.hospital_stay": days(50)},
}  # fmt: skip
"""Children who live in a placement of this kind, for a time at least."""
ALL_WORK: Changes = {
    **TREATED, f"{TEAM}.psychiatrists": always(100), "lift.needs_psychiatrist": 1.0,
    "lift.weekly_hours.psychiatrists": 1.0,
}  # fmt: skip


def dated(price: float, since: float) -> list[dict[str, Any]]:
    """A price from a day of the run on, and none before it."""
    return [*always(0), {"from": after(since), "value": price}]


def qaly_worth(name: str) -> Figure:
    """Mean of an amount of the trial's economic analysis."""
    return lambda j, scenario: float(np.nanmean(amounts_of(j, UnitCosts.of(scenario)).complete[name]))


PRICED: Changes = {**NOTHING, "costs.foster_week": always(100)}

SOCIAL_WORK: Changes = {
    **NOTHING, "costs.social_worker_hour": 10.0, "costs.lift_overhead": 0.0, "lift.weekly_hours.social_workers": 2.0,
}  # fmt: skip
"""Twenty pounds for each week for which LIFT assesses a family, and nothing else costs anything."""

COSTS: list[Effect] = [
    *(rises(f"costs.{kind}_week", always(0), always(100), cost("placements"), NOTHING, LIVES[kind])
      for kind in KINDS),
    falls("costs.discount_rate", 0.0, 0.1, cost("total"), PRICED),
    rises("costs.horizon", in_days(200), in_days(400), cost("total"), PRICED),
    falls("costs.perspective", "public sector", "local authority", cost("total"), NOTHING,
          {"costs.hearing": always(100)}),
    falls("costs.perspective", "local authority", "service only", cost("total"), PRICED),
    rises("costs.threshold", 10_000, 30_000, qaly_worth("net_benefit"), SCORED, NOTHING,
          {"outcomes.utility.at_sdq_zero": 0.9}),
    rises("costs.hearing", always(0), always(100), cost("court"), NOTHING),
    rises("costs.childrens_hearing", always(0), always(100), cost("court"), NOTHING,
          {f"{COURT}.jurisdiction": "Scotland"}),
    # at the price of their day: none before it is dated
    *(falls(f"costs.{price}", dated(100, 50), dated(100, 150), cost(column), NOTHING)
      for price, column in (("hearing", "court"), ("foster_week", "placements"))),
    *(gives(f"costs.assessment_{name}", 0.0, 100.0, (0.0, 100.0), cost("service"), NOTHING, ALL_SAU,
            {"sau.assessor": one_of(ASSESSORS, kind)}, within=3.0)
      for name, kind in (("in_house", "in_house"), ("independent", "independent_social_worker"),
                         ("expert", "external_expert"))),
    gives("costs.assessment_statement", 0.0, 100.0, (0.0, 100.0), cost("service"), NOTHING, ALL_SAU,
          {"sau.not_assessed": 1.0}, within=3.0),
    # what is broken off is paid for as far as it went
    moves("lift.leaves_assessment_at", 0.25, 0.75, 30.0 / 7.0 * 20.0, cost("service"), SOCIAL_WORK, ALL_LIFT,
          {"lift.leaves_in_assessment": 1.0}, within=3.0),
    falls("lift.leaves_treatment", 0.0, 1.0, cost("service"), SOCIAL_WORK, TREATED),
    rises("costs.usual_support_month", 0.0, 10.0, cost("service"), NOTHING),
    *(rises(f"costs.{who}_hour", 0.0, 10.0, cost("service"), NOTHING, ALL_WORK)
      for who in ("social_worker", "psychologist", "psychiatrist")),
    rises("costs.lift_overhead", 0.0, 1.0, cost("service"), NOTHING, ALL_WORK, {"costs.social_worker_hour": 10.0}),
]  # fmt: skip

EFFECTS = in_world(small, *VISITS, *SCORES, *COSTS)
