"""What the parameters of Scots law do: the reporter, children's hearings, the sheriff, and the plan."""

from __future__ import annotations

from every_parameter.effects import Effect, Figure, falls, gives, in_world, moves, rises
from every_parameter.figures import contrast, each, gap, mean_of, mean_value, number, share, under_one
from every_parameter.worlds import KIN, NO_TRIAL, one_of, size, small
from small_worlds import COURT, FOR_EVER, Changes, always, days, in_days

from best_sim.pathway import words as W
from best_sim.scenario import Scenario
from best_sim.scenario.durations import WEEK

CH = "childrens_hearings"
ROUTES = ("section_25", "child_protection_order", "hearing", "at_home")
PLAIN: Changes = {
    f"{COURT}.jurisdiction": "Scotland",
    f"{CH}.families.under_one_share_of_youngest": 0.0,
    f"{CH}.families.newborn_share_of_under_one": 0.0,
    f"{CH}.families.split_with_one_sibling": 0.0,
    f"{CH}.families.split_with_two_siblings": 0.0,
    f"{CH}.route": one_of(ROUTES, "child_protection_order"),
    f"{CH}.section_25_referred": 1.0,
    f"{CH}.referred_with_plan": 0.0,
    f"{CH}.referral_after_section_25": days(14),
    f"{CH}.referral_to_grounds": days(28),
    f"{CH}.accepted": 1.0,
    f"{CH}.discharged": 0.0,
    f"{CH}.proof.lodged": days(7),
    f"{CH}.proof.first_calling": days(14),
    f"{CH}.proof.continued": 0.0,
    f"{CH}.proof.between": days(14),
    f"{CH}.proof.established": 1.0,
    f"{CH}.listing": days(7),
    f"{CH}.deferred": 0.0,
    f"{CH}.order_longest": in_days(365),
    f"{CH}.next_review": days(100),
    f"{CH}.ended_at_home": 0.0,
    f"{CH}.appeals.against_order": 0.0,
    f"{CH}.appeals.against_review": 0.0,
    f"{CH}.appeals.heard": days(14),
    f"{CH}.appeals.upheld": 0.0,
    f"{CH}.invitation": days(7),
    f"{CH}.reviews.put_off": 0.0,
    f"{CH}.reviews.home_early": 0.0,
    f"{CH}.reviews.patience": in_days(FOR_EVER),
    **{
        f"{CH}.directions.{way}.{term}": 0.0
        for way in ("kin", "adoption", "long_term")
        for term in ("intercept", "under_one", "need", "return_advised")
    },
    **{f"{CH}.permanence.{whose}_stay_looked_after": 0.0 for whose in ("kin", "long_term", "adoption")},
    **{
        f"{CH}.permanence.{step}": days(14)
        for step in (
            "rehabilitation", "panel", "agency_decision", "advice_hearing", "petition", "first_calling", "section_11",
        )
    },
    f"{CH}.permanence.defended": 0.0,
    f"{CH}.permanence.defended_for": days(100),
    f"{CH}.permanence.between_callings": days(28),
    f"{CH}.permanence.granted": 1.0,
    f"{CH}.permanence.family_finding": days(20),
    **{f"{CH}.hours.{what}": 1.0 for what in ("proof", "appeal", "permanence", "section_11")},
}  # fmt: skip
"""Children come in by a child protection order, grounds are accepted, and every step takes as long as the last."""


def scottish(changes: Changes) -> Scenario:
    """The small world under Scots law."""
    return small({**PLAIN, **changes})


def route(name: str) -> Changes:
    """All children come to be looked after so."""
    return {f"{CH}.route": one_of(ROUTES, name)}


def ends_as(consent: int) -> Figure:
    """Share of families whose consent is this in the end."""
    return mean_of(lambda f: f["consent"] == consent)


def direction(name: str) -> Changes:
    """The plan's direction is this one, but for one group in thousands."""
    return {f"{CH}.directions.{name}.intercept": 10.0}


SECTION_25 = route("section_25")
UNDER_ONE: Changes = {f"{CH}.families.under_one_share_of_youngest": 1.0}
AT_PROOF: Changes = {f"{CH}.accepted": 0.0}
LONG_PROOF: Changes = {**AT_PROOF, f"{CH}.proof.first_calling": days(90)}
NEVER_DIRECTED: Changes = {**NO_TRIAL, "sau.in_house": days(FOR_EVER)}
"""No report comes, and the reviews wait for it: compulsory supervision goes on."""
APPEALED: Changes = {**NEVER_DIRECTED, f"{CH}.appeals.against_order": 1.0}
SMALL_COURT: Changes = {
    f"{COURT}.sitting_days_per_week": always(4), f"{COURT}.hours_per_sitting_day": 5, f"{COURT}.urgent_share": 0.4,
    "proceedings.hours.interim": 0.5, "proceedings.hours.case_management": 0.5,
}  # fmt: skip
TERMS = {"intercept": {}, "under_one": UNDER_ONE, "need": {}, "return_advised": {"advice.intercept": 10.0}}
WAYS = {"kin": W.DIRECTION_KIN, "adoption": W.DIRECTION_ADOPTION, "long_term": W.DIRECTION_LONG_TERM}
HELD, SHERIFF = W.CHILDRENS_HEARING_HELD, W.SHERIFF_HEARING_HELD
TO_HEAR = mean_value(W.SHERIFF_HEARING_LISTED)
DEFENDED: Changes = {**direction("adoption"), f"{CH}.permanence.defended": 1.0}

COMING_IN: list[Effect] = [
    gives(f"{CH}.families.under_one_share_of_youngest", 0.0, 1.0, (0.0, 1.0), mean_of(under_one)),
    gives(f"{CH}.families.newborn_share_of_under_one", 0.0, 1.0, (0.0, 1.0),
          mean_of(lambda f: f["youngest_days"] < WEEK), UNDER_ONE),
    gives(f"{CH}.families.split_with_one_sibling", 0.0, 1.0, (1.0, 2.0), mean_of(lambda f: f["n_groups"]), size("two")),
    gives(f"{CH}.families.split_with_two_siblings", 0.0, 1.0, (1.0, 3.0), mean_of(lambda f: f["n_groups"]),
          size("three"), {"population.pair_kept_together": 0.0}),
    *(gives(f"{CH}.route", one_of(ROUTES, other), one_of(ROUTES, name), (0.0, 1.0), share(W.ENTERED_CARE, k))
      for k, (name, other) in enumerate(zip(ROUTES, (*ROUTES[1:], ROUTES[0]), strict=True))),
    gives(f"{CH}.section_25_referred", 0.0, 1.0, (0.0, 1.0), each(W.REFERRED_TO_REPORTER), SECTION_25),
    rises(f"{CH}.referred_with_plan", 0.0, 1.0, each(W.REFERRED_TO_REPORTER), SECTION_25,
          {f"{CH}.section_25_referred": 0.0}),
    moves(f"{CH}.referral_after_section_25", days(14), days(28), 14.0, gap(W.ENTERED_CARE, W.REFERRED_TO_REPORTER),
          SECTION_25, within=1.0),
    *(moves(f"{CH}.referral_to_grounds", days(28), days(42), 14.0, gap(W.REFERRED_TO_REPORTER, (HELD, W.GROUNDS)),
            route(name), within=1.0) for name in ("section_25", "hearing")),
    moves(f"{CH}.child_protection_order.first_hearing", 2, 7, 7.0,
          gap(W.CHILD_PROTECTION_ORDER_MADE, (HELD, W.SECOND_WORKING_DAY)), within=1.0),
    moves(f"{CH}.child_protection_order.grounds_hearing", 8, 13, 7.0,
          gap(W.CHILD_PROTECTION_ORDER_MADE, (HELD, W.GROUNDS)), within=1.0),
    moves(f"{CH}.invitation", days(7), days(21), 14.0, gap(W.ENTERED_CARE, W.SCREENED), within=1.0),
]  # fmt: skip

DISCHARGED: Changes = {f"{CH}.discharged": 1.0}
"""The children go home some days after the parents were invited to the trial, unless they are in it by then."""

TOO_LATE: list[Effect] = [
    gives("trial.consent_delay", days(0), days(60), (0.0, 1.0), share(W.CONSENT_ANSWERED, W.ORDER_FIRST), DISCHARGED),
    gives("trial.randomisation_delay", days(0), days(60), (0.0, 1.0), ends_as(W.ORDER_FIRST), DISCHARGED),
    gives("trial.randomisation_delay", days(0), days(60), (1.0, 0.0), each(W.RANDOMISED), DISCHARGED),
]  # fmt: skip

MEASURES: list[Effect] = [
    gives(f"{CH}.accepted", 0.0, 1.0, (0.0, 1.0), each(W.GROUNDS_ACCEPTED)),
    gives(f"{CH}.discharged", 0.0, 1.0, (0.0, 1.0), each(W.REFERRAL_DISCHARGED)),
    moves(f"{CH}.proof.lodged", days(7), days(21), 14.0, gap(W.GROUNDS_SENT_TO_PROOF, W.PROOF_LODGED), AT_PROOF,
          within=1.0),
    moves(f"{CH}.proof.first_calling", days(14), days(28), 14.0, gap(W.PROOF_LODGED, (SHERIFF, W.PROOF)), AT_PROOF,
          within=1.0),
    rises(f"{CH}.proof.continued", 0.0, 0.8, number((SHERIFF, W.PROOF)), AT_PROOF),
    rises(f"{CH}.proof.between", days(7), days(28), gap(W.PROOF_LODGED, W.GROUNDS_ESTABLISHED), AT_PROOF,
          {f"{CH}.proof.continued": 0.5}),
    gives(f"{CH}.proof.established", 0.0, 1.0, (0.0, 1.0), mean_value(W.GROUNDS_ESTABLISHED), AT_PROOF),
    rises(f"{CH}.interim.longest", in_days(15), in_days(22), mean_value(W.INTERIM_ORDER_MADE), LONG_PROOF),
    falls(f"{CH}.interim.longest", in_days(15), in_days(22), number(W.INTERIM_ORDER_EXTENDED), LONG_PROOF),
    falls(f"{CH}.interim.longest_by_hearings", in_days(22), in_days(66), number(W.INTERIM_ORDER_EXTENDED), LONG_PROOF),
    moves(f"{CH}.listing", days(3), days(10), 7.0, gap(W.GROUNDS_ESTABLISHED, (HELD, W.DISPOSAL)), AT_PROOF,
          {f"{CH}.proof.lodged": days(1), f"{CH}.proof.first_calling": days(1)}, within=1.0),
    gives(f"{CH}.deferred", 0.0, 1.0, (0.0, 1.0), each(W.CHILDRENS_HEARING_DEFERRED), {f"{CH}.most_deferrals": 1}),
    gives(f"{CH}.most_deferrals", 1, 3, (1.0, 3.0), each(W.CHILDRENS_HEARING_DEFERRED), {f"{CH}.deferred": 1.0},
          NEVER_DIRECTED),
    gives(f"{CH}.order_longest", in_days(100), in_days(300), (100.0, 300.0), mean_value(W.COMPULSORY_ORDER_MADE),
          within=0.1),
    moves(f"{CH}.next_review", days(100), days(114), 14.0, gap(W.COMPULSORY_ORDER_MADE, (HELD, W.REVIEW)),
          NEVER_DIRECTED, within=1.0),
    rises(f"{CH}.ended_at_home", 0.0, 1.0, number(W.COMPULSORY_ORDER_ENDED), route("at_home"), NEVER_DIRECTED),
    rises(f"{CH}.appeals.against_order", 0.0, 1.0, number(W.APPEAL_MADE), NEVER_DIRECTED),
    rises(f"{CH}.appeals.against_review", 0.0, 1.0, number(W.APPEAL_MADE), NEVER_DIRECTED),
    moves(f"{CH}.appeals.heard", days(14), days(28), 14.0, gap(W.APPEAL_MADE, (SHERIFF, W.APPEAL)), APPEALED,
          within=1.0),
    gives(f"{CH}.appeals.upheld", 0.0, 1.0, (0.0, 1.0), mean_value(W.APPEAL_DECIDED), APPEALED),
    rises(f"{CH}.appeals.upheld", 0.0, 1.0, number((HELD, W.REVIEW)), APPEALED),
    rises(f"{CH}.hours.proof", 0.5, 1.5, TO_HEAR, SMALL_COURT, AT_PROOF, {f"{CH}.proof.continued": 0.9}),
    rises(f"{CH}.hours.appeal", 0.5, 2.2, TO_HEAR, SMALL_COURT, APPEALED),
    rises(f"{CH}.hours.permanence", 0.5, 2.2, TO_HEAR, SMALL_COURT, direction("long_term")),
    rises(f"{CH}.hours.section_11", 0.5, 2.2, TO_HEAR, SMALL_COURT, direction("kin"), KIN),
]  # fmt: skip

PLANNING: list[Effect] = [
    moves(f"{CH}.reviews.first", in_days(28), in_days(42), 14.0, gap(W.ENTERED_CARE, (W.LOOKED_AFTER_REVIEW, 1)),
          within=1.0),
    moves(f"{CH}.reviews.second", in_days(70), in_days(84), 14.0,
          gap((W.LOOKED_AFTER_REVIEW, 1), (W.LOOKED_AFTER_REVIEW, 2)), within=1.0),
    moves(f"{CH}.reviews.later", in_days(70), in_days(84), 14.0,
          gap((W.LOOKED_AFTER_REVIEW, 2), (W.LOOKED_AFTER_REVIEW, 3)), NEVER_DIRECTED, within=1.0),
    moves(f"{CH}.reviews.after_direction", in_days(70), in_days(84), 14.0,
          gap((W.LOOKED_AFTER_REVIEW, 2), (W.LOOKED_AFTER_REVIEW, 3)), direction("long_term"), within=1.0),
    falls(f"{CH}.reviews.put_off", 0.0, 1.0, number(W.DIRECTION_SET)),
    rises(f"{CH}.reviews.home_early", 0.0, 1.0, share(W.DIRECTION_SET, W.DIRECTION_HOME), SECTION_25,
          direction("long_term")),
    rises(f"{CH}.reviews.patience", in_days(100), in_days(400), gap(W.ENTERED_CARE, W.DIRECTION_SET), NEVER_DIRECTED),
    *(rises(f"{CH}.directions.{way}.{term}", -1.5, 1.5,
            contrast(W.DIRECTION_SET, value, "need") if term == "need" else share(W.DIRECTION_SET, value), KIN, world)
      for way, value in WAYS.items() for term, world in TERMS.items()),
    *(falls(f"{CH}.permanence.{way}_stay_looked_after", 0.0, 1.0, number(W.PETITION_LODGED), KIN, direction(way))
      for way in WAYS),
    moves(f"{CH}.permanence.rehabilitation", days(14), days(28), 14.0,
          gap(W.DIRECTION_SET, (W.ORDER_MADE, W.SUPERVISED_AT_HOME)), within=1.5),
    moves(f"{CH}.permanence.panel", days(14), days(28), 14.0, gap(W.DIRECTION_SET, W.PERMANENCE_PANEL), within=1.0),
    moves(f"{CH}.permanence.agency_decision", days(14), days(28), 14.0, mean_value(W.AGENCY_DECISION), within=1.0),
    moves(f"{CH}.permanence.advice_hearing", days(14), days(28), 14.0, gap(W.AGENCY_DECISION, (HELD, W.ADVICE)),
          within=1.0),
    moves(f"{CH}.permanence.petition", days(14), days(28), 14.0, gap((HELD, W.ADVICE), W.PETITION_LODGED),
          within=1.0),
    moves(f"{CH}.permanence.first_calling", days(14), days(28), 14.0, gap(W.PETITION_LODGED, (SHERIFF, W.PERMANENCE)),
          within=1.0),
    rises(f"{CH}.permanence.defended", 0.0, 1.0, gap(W.PETITION_LODGED, W.ORDER_MADE), direction("adoption")),
    moves(f"{CH}.permanence.defended_for", days(98), days(126), 28.0, gap(W.PETITION_LODGED, W.ORDER_MADE), DEFENDED,
          within=2.0),
    falls(f"{CH}.permanence.between_callings", days(14), days(49), number((SHERIFF, W.PERMANENCE)), DEFENDED),
    gives(f"{CH}.permanence.granted", 0.0, 1.0, (0.0, 1.0), share(W.ORDER_MADE, W.PERMANENCE_ORDER_TO_ADOPT),
          direction("adoption"), within=0.02),
    moves(f"{CH}.permanence.family_finding", days(140), days(168), 28.0,
          gap(W.AGENCY_DECISION, (W.PLAN_MADE, W.ADOPTION_PLACEMENT)), direction("adoption"), within=1.0),
    moves(f"{CH}.permanence.section_11", days(14), days(28), 14.0, gap(W.DIRECTION_SET, W.PETITION_LODGED), KIN,
          direction("kin"), within=1.0),
]  # fmt: skip

EFFECTS = in_world(scottish, *COMING_IN, *TOO_LATE, *MEASURES, *PLANNING)
