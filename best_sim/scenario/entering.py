"""Parameters of who comes into care and how: `population` and `entry` of a scenario."""

from __future__ import annotations

from typing import Annotated

from best_sim.scenario.durations import YEAR, Duration
from best_sim.scenario.values import Mix, Probability, Section, Series, Shares, Unit

LogOdds = Annotated[float, Unit("log odds", -10, 10)]


class Population(Section):
    """Who enters care."""

    children_per_family: Annotated[Mix, Shares("one", "two", "three")]
    under_one_share_of_youngest: Annotated[Series, Unit("probability", 0, 1)]
    """Of families by the day on which they become known, those whose youngest child is under one at entry."""
    newborn_share_of_under_one: Probability
    infant_age_shape: Annotated[float, Unit("power", 0.1, 10)]
    """Ages of infants who are not newborn: a year, times a number between 0 and 1 to this power."""
    male_share: Probability
    older_sibling_share: Probability
    kin_available_share: Probability
    split_with_one_sibling: Probability
    split_with_two_siblings: Probability
    pair_kept_together: Probability
    sibling_gap: Annotated[float, Unit("days", 0, 2.0 * YEAR)]
    """Least time between the births of siblings; so that three can be under five."""
    frailty_sd: Annotated[float, Unit("log scale", 0, 3)]


class Entry(Section):
    """How children come into care, and when proceedings are issued."""

    first_time_share: Annotated[float, Unit("probability", 0.01, 1)]
    """Of the children who start to be looked after (`boroughs.*.entries`), those who do for the first time."""
    route: Annotated[Mix, Shares("voluntary", "emergency_or_interim", "during_proceedings")]
    voluntary_never_in_proceedings: Probability
    voluntary_newborn: LogOdds
    """What the log odds of a voluntary entry are raised by where the youngest child is newborn."""
    issue_after_voluntary: Duration
    issue_after_voluntary_under_one: Duration
    """The same where the youngest child is under one."""
    issue_after_order: Duration
    entry_after_issue: Duration
    voluntary_stay: Duration
    first_placement: Annotated[Mix, Shares("foster", "kinship_foster", "parent_and_baby", "with_parents")]
    """With kin where there are any, in a unit under one, with parents once proceedings were issued; else foster."""
    hospital_share_of_newborns: Probability
    """Newborns who are still in hospital when they come into care."""
    hospital_stay: Duration
