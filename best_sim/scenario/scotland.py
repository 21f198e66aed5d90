"""Parameters of what Scots law has in place of care proceedings: `childrens_hearings` of a scenario."""

from __future__ import annotations

from typing import Annotated

from best_sim.scenario.bank_holidays import Jurisdiction
from best_sim.scenario.durations import Duration
from best_sim.scenario.values import Days, Mix, Probability, Section, Shares, Unit

__all__ = ["ChildrensHearings", "Jurisdiction"]

Hours = Annotated[float, Unit("hours", 0, 200)]
LogOdds = Annotated[float, Unit("log odds", -10, 10)]


class ScottishFamilies(Section):
    """Who comes to be looked after: in place of what `population` says of the same names."""

    under_one_share_of_youngest: Probability
    newborn_share_of_under_one: Probability
    split_with_one_sibling: Probability
    split_with_two_siblings: Probability


class InterimOrders(Section):
    """Interim compulsory supervision orders."""

    longest: Days
    """Each lasts so long at most."""
    longest_by_hearings: Days
    """So long in all may hearings renew them while grounds are at proof; then the sheriff alone."""


class ChildProtectionOrder(Section):
    """Working days after a child protection order."""

    first_hearing: Annotated[int, Unit("working days", 1, 10)]
    grounds_hearing: Annotated[int, Unit("working days", 1, 20)]


class Proof(Section):
    """Grounds of referral before the sheriff."""

    lodged: Duration
    first_calling: Duration
    continued: Probability
    """Whether a hearing of the proof is followed by another."""
    between: Duration
    established: Probability


class Appeals(Section):
    """Appeals to the sheriff against what a children's hearing decided."""

    against_order: Probability
    against_review: Probability
    heard: Duration
    upheld: Probability


class SheriffHours(Section):
    """Sitting time of the sheriff; interim orders are extended in chambers."""

    proof: Hours
    appeal: Hours
    permanence: Hours
    section_11: Hours


class LookedAfterReviews(Section):
    """The local authority's reviews of a looked-after child: when, and when they decide the plan."""

    first: Days
    second: Days
    """After the first."""
    later: Days
    """Between later ones, until the direction is set."""
    after_direction: Days
    """Between reviews from then on, at most."""
    put_off: Probability
    """Whether a review that could set the direction leaves it to the next."""
    home_early: Probability
    """Of children looked after by agreement: whether the first review plans their return."""
    patience: Days
    """Time looked after, after which the direction is set without a report."""


class PlanDirection(Section):
    """One direction of the plan against home: multinomial logit."""

    intercept: LogOdds
    under_one: LogOdds
    need: LogOdds
    return_advised: LogOdds


class PlanDirections(Section):
    """Which way the plan goes; kin only where there are any."""

    kin: PlanDirection
    adoption: PlanDirection
    long_term: PlanDirection


class PermanencePlanning(Section):
    """From the direction to the order."""

    kin_stay_looked_after: Probability
    """Children with kin for whom no order is asked: a compulsory supervision order is renewed each year."""
    long_term_stay_looked_after: Probability
    """Likewise with foster carers for the long term."""
    adoption_stay_looked_after: Probability
    """Likewise where the plan was adoption, and is not carried through."""
    rehabilitation: Duration
    panel: Duration
    agency_decision: Duration
    advice_hearing: Duration
    petition: Duration
    first_calling: Duration
    defended: Probability
    defended_for: Duration
    """From the first calling of a defended petition to the decision on it."""
    between_callings: Duration
    """Between callings of a defended petition meanwhile."""
    granted: Probability
    family_finding: Duration
    """From the agency's decision to a match."""
    section_11: Duration


class ChildrensHearings(Section):
    """Scotland: the reporter, children's hearings, the sheriff, and the local authority's planning."""

    families: ScottishFamilies
    route: Annotated[Mix, Shares("section_25", "child_protection_order", "hearing", "at_home")]
    section_25_referred: Probability
    """Of children looked after by agreement: whether the reporter is asked for compulsory measures."""
    referred_with_plan: Probability
    """Of the others, once the plan is not a return: whether the review asks the reporter then."""
    referral_after_section_25: Duration
    referral_to_grounds: Duration
    child_protection_order: ChildProtectionOrder
    accepted: Probability
    """Grounds that are accepted and understood; the others go to proof."""
    discharged: Probability
    proof: Proof
    interim: InterimOrders
    listing: Duration
    deferred: Probability
    most_deferrals: Annotated[int, Unit("hearings", 0, 12)]
    order_longest: Days
    next_review: Duration
    ended_at_home: Probability
    """At a review of a child that lives at home: whether compulsory supervision ends."""
    appeals: Appeals
    hours: SheriffHours
    invitation: Duration
    """From entry to the invitation to the trial."""
    reviews: LookedAfterReviews
    directions: PlanDirections
    permanence: PermanencePlanning
