"""Rules of entry to care: who the family is, how it comes into care and to court, where the children go first."""

from __future__ import annotations

from best_sim.engine import rule
from best_sim.engine.luck import lognormal_quantile, series_at, uniform
from best_sim.engine.maths import exp, power
from best_sim.pathway.parameters import names_of
from best_sim.pathway.records import cases
from best_sim.pathway.rules import purposes
from best_sim.pathway.rules.ages import FIFTH_BIRTHDAY
from best_sim.pathway.rules.childrens_hearings import is_scottish
from best_sim.pathway.rules.draws import happens, lasts, which
from best_sim.pathway.words import (
    BRIDGING_FOSTER,
    DURING_PROCEEDINGS,
    FOSTER,
    HOSPITAL,
    KINSHIP_FOSTER,
    PARENT_AND_BABY,
    PLACEMENT_TYPES,
    SUPERVISED_AT_ENTRY,
    VOLUNTARY,
    WITH_PARENTS,
)
from best_sim.scenario.durations import WEEK, YEAR
from best_sim.scenario.entering import Entry

FIRST_PLACEMENTS = tuple(map(PLACEMENT_TYPES.index, names_of(Entry, "first_placement")))
LATEST_ISSUE = 7.0
"""Days: an emergency protection order lasts eight, and fifteen if it is extended (Children Act 1989, section 45).

Whoever wants the child to stay in care after that has to ask for an interim order before.
"""


@rule
def family_size(world, f):
    """Children under 60 months in the family: 1, 2 or 3."""
    return which(uniform(world, f, purposes.FAMILY_SIZE, 0), world.population.children_per_family) + 1


@rule
def age_of_youngest(world, f, child):
    """Days old at entry: within a week of birth, else mostly early in the first year, or up to the fifth birthday.

    An only child may be just under five; a youngest of several can't, for the others are under five too.
    """
    under_one = series_at(world.population.under_one_share_of_youngest, world.now)
    newborn = world.population.newborn_share_of_under_one
    if is_scottish(world, f):
        under_one = world.childrens_hearings.families.under_one_share_of_youngest
        newborn = world.childrens_hearings.families.newborn_share_of_under_one
    band = uniform(world, child, purposes.AGE_BAND, 0)
    u = uniform(world, child, purposes.AGE, 0)
    if band < under_one * newborn:
        return WEEK * u
    if band < under_one:
        return WEEK + (YEAR - WEEK) * power(u, world.population.infant_age_shape)
    return YEAR + (room_for_older(world, f.n_children - 1) - YEAR) * u


@rule
def age_of_next(world, f, child, k, younger):
    """Days old of the k-th child (the youngest is 0): older than the one before by the least gap between births."""
    least = younger + world.population.sibling_gap
    return least + (room_for_older(world, f.n_children - 1 - k) - least) * uniform(
        world, child, purposes.AGE, 0
    )


@rule
def room_for_older(world, n_older):
    """The age up to which a child may have so many older siblings who are all under five."""
    return FIFTH_BIRTHDAY - n_older * world.population.sibling_gap


@rule
def frailty(world, child):
    """The child's own multiplier of the hazard of an unplanned move: lognormal with mean one."""
    sd = world.population.frailty_sd
    return lognormal_quantile(uniform(world, child, purposes.FRAILTY, 0), -0.5 * sd * sd, sd)


@rule
def share_of_splits(world, f):
    """Families of this size, two or three children, that are not all placed together."""
    if is_scottish(world, f):
        families = world.childrens_hearings.families
        return families.split_with_one_sibling if f.n_children == 2 else families.split_with_two_siblings
    population = world.population
    return population.split_with_one_sibling if f.n_children == 2 else population.split_with_two_siblings


@rule
def group_of_sibling(world, f, k):
    """Which of the family's groups its k-th child lives with (0 is the eldest-last order of birth)."""
    if f.n_children == 1 or not happens(world, f, purposes.SPLIT, 0, share_of_splits(world, f)):
        return 0
    if f.n_children == 3 and happens(world, f, purposes.PAIR, 0, world.population.pair_kept_together):
        return 1 if k == 2 else 0
    return k


@rule
def route_into_care(world, f):
    """Voluntary, by an order, or after proceedings were issued; newborns are more often voluntary."""
    u = uniform(world, f, purposes.ROUTE, 0)
    route = world.entry.route
    if f.youngest_days >= WEEK or world.entry.voluntary_newborn == 0.0:
        return which(u, route)
    # the odds are raised, and the other two share the rest as they do among older children
    raised = route[VOLUNTARY] * exp(world.entry.voluntary_newborn)
    share = raised / (raised + 1.0 - route[VOLUNTARY])
    if u < share:
        return VOLUNTARY
    return which(1.0 - (1.0 - u) * (1.0 - route[VOLUNTARY]) / (1.0 - share), route)


@rule
def reaches_court(world, f):
    """Only a family whose child came in voluntarily may never come to proceedings."""
    return not (
        f.route == VOLUNTARY
        and happens(world, f, purposes.ISSUED, 0, world.entry.voluntary_never_in_proceedings)
    )


@rule
def days_from_issue_to_entry(world, f):
    """Days from issue until the children have to be removed, where proceedings come first."""
    return lasts(world, f, purposes.ISSUE_DELAY, 0, world.entry.entry_after_issue)


@rule
def days_from_entry_to_issue(world, f):
    """Days from entry to care until proceedings are issued; after an emergency order in time for a hearing."""
    if f.route == VOLUNTARY and f.youngest_days < YEAR:
        return lasts(world, f, purposes.ISSUE_DELAY, 0, world.entry.issue_after_voluntary_under_one)
    if f.route == VOLUNTARY:
        return lasts(world, f, purposes.ISSUE_DELAY, 0, world.entry.issue_after_voluntary)
    return min(lasts(world, f, purposes.ISSUE_DELAY, 0, world.entry.issue_after_order), LATEST_ISSUE)


@rule
def first_placement(world, f, g):
    """Where a group goes first: a newborn may stay in hospital, and others often need a bridge to a carer.

    In Scotland with parents if on a compulsory supervision order at home, and only then.
    """
    if f.route == SUPERVISED_AT_ENTRY:
        return WITH_PARENTS
    if g.youngest_days < WEEK and g.n_children == 1:
        in_hospital = world.entry.hospital_share_of_newborns
        if happens(world, g, purposes.HOSPITAL_FIRST, g.episode, in_hospital):
            return HOSPITAL
    place = first_carers(world, f, g)
    return bridge_or_foster(world, g) if place == FOSTER else place


@rule
def bridge_or_foster(world, g):
    """The first foster placement of a period of care: ordinary carers, or others at short notice."""
    bridging = world.placements.bridging
    newborn = g.youngest_days < WEEK and g.episode == 1
    share = bridging.first_share_of_newborns if newborn else bridging.first_share
    bridge = happens(world, g, purposes.BRIDGE, g.episode, share)
    return BRIDGING_FOSTER if bridge else FOSTER


@rule
def first_carers(world, f, g):
    """Foster, kinship foster, parent and baby (under ones), or with parents, whom only an interim order allows."""
    place = FIRST_PLACEMENTS[which(uniform(world, g, purposes.FIRST_PLACE, 0), world.entry.first_placement)]
    if place == KINSHIP_FOSTER and f.kin_available == 0:
        return FOSTER
    if place == PARENT_AND_BABY and g.youngest_days > YEAR:
        return FOSTER
    at_a_hearing = f.route == DURING_PROCEEDINGS and cases(world, f.index).first_sat <= f.entered
    if place == WITH_PARENTS and (not at_a_hearing or is_scottish(world, f)):
        return FOSTER
    return place
